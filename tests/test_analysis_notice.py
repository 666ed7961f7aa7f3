"""Who gets notice of a hearing."""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import hearing_notice, rule_pack
from citygis.analysis.nearness import polygon_distance_ft
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def parcels(**boxes) -> gpd.GeoDataFrame:
    """Parcels by name, each a box of west, south, east, north from a corner of the City."""
    shapes = [shapely.box(E + w, N + s, E + e, N + n) for w, s, e, n in boxes.values()]
    return gpd.GeoDataFrame({"apn": list(boxes), "status": "ACTIVE", "parcel_kind": "FEE"}, geometry=shapes, crs=CRS)


def roll(**owners) -> pd.DataFrame:
    """One owner per parcel, at an address of its own unless another is said."""
    rows = [(apn, *(said if isinstance(said, tuple) else (said, f"{apn} Elm Street"))) for apn, said in owners.items()]
    table = pd.DataFrame(rows, columns=["apn", "owner_name", "mail_1"])
    return table.assign(mail_city="Riverbend", mail_state="CA", mail_zip="95000", confidential=False)


@pytest.mark.parametrize("gap_ft,is_notified", [(299.99, True), (300.00, True), (300.004, True), (300.006, False), (300.01, False)])
def test_the_line_is_at_three_hundred_feet_to_the_hundredth(gap_ft, is_notified):
    answer = hearing_notice(parcels(A=(0, 0, 100, 100), B=(100 + gap_ft, 0, 900, 100)), ["A"])
    assert ("B" in set(answer.table["apn"])) == is_notified
    assert answer.agrees


def test_a_parcel_at_the_corner_is_measured_straight_to_it_where_a_drawn_buffer_misses():
    # 3-4-5: the corner of B is 180 east and 240 north of that of A, 300 ft away; a chord of the drawn arc passes inside it.
    layer = parcels(A=(0, 0, 100, 100), B=(100 + 180, 100 + 240, 500, 500))
    assert shapely.buffer(layer.geometry[0], 300.0, quad_segs=8).disjoint(layer.geometry[1])
    answer = hearing_notice(layer, ["A"])
    assert set(answer.table["apn"]) == {"A", "B"}
    assert answer.table.set_index("apn")["distance_ft"]["B"] == 300.0
    assert any("would have found 1 parcels" in remark for remark in answer.method.remarks)


@pytest.mark.parametrize("east,north", [(300.005, 0.0), (180.003, 240.004), (-180.003, -240.004)])
def test_a_parcel_at_the_very_limit_is_on_the_list_both_ways(east, north):
    # 300 ft and half of the hundredth that distances are rounded to, by box and by distance: straight, and as 3-4-5.
    shapes = [shapely.box(-100, -100, 0, 0), shapely.box(0, 0, 100, 100), shapely.box(-200, -200, -100, -100)]
    moved = shapely.transform(shapes[1 if east > 0 else 2], lambda points: points + [east, north])
    layer = gpd.GeoDataFrame({"apn": ["A", "B"], "status": "ACTIVE"}, geometry=[shapes[0], moved], crs=CRS)
    answer = hearing_notice(layer, ["A"])
    assert set(answer.table["apn"]) == {"A", "B"} and answer.agrees


def test_the_distance_is_from_the_boundary_of_several_parcels_joined():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(450, 0, 500, 100))
    assert "C" not in set(hearing_notice(layer, ["A"]).table["apn"])
    both = hearing_notice(layer, ["A", "B"]).table.set_index("apn")
    assert both["distance_ft"]["C"] == 250.0 and both["relation"].tolist() == ["subject", "subject", "within"]


def test_brute_force_over_a_random_city_gives_the_same_list():
    rng = np.random.default_rng(4)
    west, south = rng.uniform(0, 3000, (2, 400))
    wide, high = rng.uniform(20, 120, (2, 400))
    boxes = {f"P{k:03d}": (west[k], south[k], west[k] + wide[k], south[k] + high[k]) for k in range(400)}
    answer = hearing_notice(parcels(**boxes), ["P007"], distance_ft=500)
    w, s, e, n = boxes["P007"]
    near = set()
    for name, (a, b, c, d) in boxes.items():
        across, up = max(a - e, w - c, 0.0), max(b - n, s - d, 0.0)
        if round(float(np.hypot(across, up)), 2) <= 500:
            near.add(name)
    assert set(answer.table["apn"]) == near and len(near) > 20


def test_the_order_of_the_layer_and_its_index_change_nothing():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(300, 0, 400, 100), D=(900, 0, 950, 10))
    turned = layer.iloc[::-1].set_index(pd.Index([7, 7, 1, 0]))
    one, other = hearing_notice(layer, ["A"]), hearing_notice(turned, ["A"])
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.check == other.check


def test_distances_on_the_ground_go_by_the_combined_factor():
    # At 0.9999 a grid distance of 300.02 is 300.05 on the ground, and one of 299.97 is 300.00.
    layer = parcels(A=(0, 0, 100, 100), B=(100 + 299.97, 0, 900, 100), C=(-200, 0, -299.99 + 99.0, 100))
    near = hearing_notice(layer, ["A"], ground_factor=0.9999).table.set_index("apn")["distance_ft"]
    assert near["B"] == pytest.approx(300.0, abs=0.001)
    with pytest.raises(AnalysisError, match="combined factor"):
        hearing_notice(layer, ["A"], ground_factor=1.2)


def test_units_of_a_stack_stand_on_its_footprint_and_each_owner_is_told():
    layer = parcels(A=(0, 0, 100, 100), U1=(200, 0, 300, 100), U2=(200, 0, 300, 100), U3=(0, 0, 1, 1))
    layer["stack_id"] = [None, "s", "s", "s"]
    layer.loc[3, "geometry"] = None
    answer = hearing_notice(layer, ["A"], roll=roll(A="Ann", U1="Ben", U2="Cy", U3="Dee"))
    assert answer.table.set_index("apn")["distance_ft"][["U1", "U2", "U3"]].tolist() == [100.0, 100.0, 100.0]
    assert len(answer.tables["mail"]) == 4


def test_a_parcel_without_ground_is_told_and_not_dropped():
    layer = parcels(A=(0, 0, 100, 100), B=(0, 0, 1, 1))
    layer.loc[1, "geometry"] = None
    answer = hearing_notice(layer, ["A"])
    assert answer.excluded["feature"].tolist() == ["B"]
    assert answer.unanswered["what"].str.contains("1 parcels without geometry").any()


def test_parcels_without_a_number_or_with_one_number_between_them_are_listed_each_on_its_own_ground():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100), D=(290, 0, 350, 100), E=(5_000, 0, 5_100, 100))
    layer.loc[[1, 4], "apn"] = None
    layer.loc[3, "apn"] = "C"
    owners = pd.concat([roll(A="Ann", C="Cy"), roll(X="Nobody in particular").assign(apn=None)], ignore_index=True)
    answer = hearing_notice(layer, ["A"], roll=owners)
    assert answer.table["apn"].fillna("").tolist() == ["A", "", "C", "C"]
    assert answer.geometry.bounds["minx"].sub(E).tolist() == [0.0, 100.0, 200.0, 290.0]
    assert answer.table["owners"].tolist() == [1, 0, 1, 1]
    assert "a parcel without a number" in " ".join(answer.unanswered["why"])


def test_a_retired_parcel_gets_no_notice_and_is_listed_as_left_out():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100))
    layer.loc[1, "status"] = "RETIRED"
    answer = hearing_notice(layer, ["A"])
    assert answer.table["apn"].tolist() == ["A"]
    assert answer.excluded[["layer", "feature"]].to_numpy().tolist() == [["parcel", "B"]]


def test_a_post_office_box_is_one_address_however_it_is_spelt_and_12_5_is_not_125():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100), D=(300, 0, 400, 100), E=(400, 0, 500, 100))
    boxes = {"A": "P.O. Box 7", "B": "PO BOX 7", "C": "Post Office Box 7", "D": "12.5 Elm Street", "E": "125 Elm Street"}
    owners = roll(**{apn: ("Ann Alder", street) for apn, street in boxes.items()})
    assert hearing_notice(layer, ["A"], roll=owners).tables["mail"]["apns"].tolist() == ["D", "E", "A, B, C"]


def test_one_piece_of_mail_goes_to_each_address_with_at_most_two_names():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100), D=(300, 0, 400, 100))
    owners = roll(
        A=("Ann Alder", "PO Box 1"), B=("ANN  ALDER", "P.O. Box 1"), C=("Ben Birch", "PO BOX 1"), D=("Cy Cedar", "PO Box 1")
    )
    owners.loc[1, "mail_1"] = "PO Box 1."
    pieces = hearing_notice(layer, ["A"], roll=owners).tables["mail"]
    assert len(pieces) == 2
    assert sorted(", ".join(pieces["apns"]).split(", ")) == ["A", "B", "C", "D"]
    assert {"Ann Alder", "Ben Birch", "Cy Cedar"} <= {*pieces["line_1"], *pieces["line_2"], "Ann Alder"}


def test_an_owner_without_an_address_or_without_a_roll_row_is_told():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100))
    owners = roll(A="Ann", B="Ben")
    owners.loc[1, "mail_zip"] = None
    answer = hearing_notice(layer, ["A"], roll=owners)
    said = " ".join(answer.unanswered["what"])
    assert "Who owns 1 parcels" in said and "Mail to 1 owners" in said
    assert answer.tables["mail"]["apns"].tolist() == ["A"]


def test_a_confidential_owner_is_neither_named_nor_on_a_label_but_counted():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100))
    owners = roll(A="Ann", B=("Secret Person", "9 Hidden Lane"))
    owners["confidential"] = ["false", "true"]
    answer = hearing_notice(layer, ["A"], roll=owners)
    everything = " ".join(str(table.to_csv()) for table in (answer.table, answer.unanswered, *answer.tables.values()))
    assert "Secret" not in everything and "Hidden" not in everything
    assert answer.table.set_index("apn")["owner_name"]["B"] == "confidential"
    assert (answer.unanswered["why"].str.contains("confidential")).any()


def test_an_answer_to_be_shown_has_no_names_no_addresses_and_no_labels():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100))
    answer = hearing_notice(layer, ["A"], roll=roll(A="Ann Alder", B="Ben Birch"), public=True)
    everything = " ".join(str(table.to_csv()) for table in (answer.table, answer.geometry, *answer.tables.values()))
    assert "Alder" not in everything and "Elm" not in everything
    assert not answer.documents and not {"owner_name", "mail_1"} & set(answer.table.columns)
    assert answer.table["owners"].tolist() == [1, 1]


def test_adjoining_land_of_one_owner_counts_as_subject_from_parcel_to_parcel_but_not_over_a_corner():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(200, 0, 300, 100), D=(300, 100, 400, 200), F=(550, 0, 600, 100))
    owners = roll(A="Ann", B="ann", C="ANN", D="Ann", F="Fay")
    answer = hearing_notice(layer, ["A"], roll=owners, contiguous_owner=True)
    relation = answer.table.set_index("apn")["relation"]
    assert relation.to_dict() == {"A": "subject", "B": "contiguous", "C": "contiguous", "D": "within", "F": "within"}
    with pytest.raises(AnalysisError, match="without the roll"):
        hearing_notice(layer, ["A"], contiguous_owner=True)


def test_occupants_get_a_piece_unless_an_owner_is_reached_at_that_address():
    layer = parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100))
    points = gpd.GeoDataFrame(
        {
            "Add_Number": [1, 2, 3],
            "St_Name": "Elm",
            "St_PosTyp": "Street",
            "Post_Comm": "Riverbend",
            "A1": "CA",
            "Post_Code": "95000",
        },
        geometry=[shapely.Point(E + 50, N + 50), shapely.Point(E + 150, N + 50), shapely.Point(E + 5000, N)],
        crs=CRS,
    )
    answer = hearing_notice(layer, ["A"], roll=roll(A=("Ann", "1 Elm Street"), B="Ben"), addresses=points, occupants=True)
    occupants = answer.tables["mail"].query("kind == 'occupant'")
    assert occupants["line_2"].tolist() == ["2 Elm Street"]


@pytest.mark.parametrize(
    "case,mailed,is_late", [("general", 21, False), ("general", 22, True), ("zoning_uses", 11, False), ("zoning_uses", 12, True)]
)
def test_the_days_before_the_hearing_are_counted(case, mailed, is_late):
    layer = parcels(A=(0, 0, 100, 100))
    answer = hearing_notice(
        layer, ["A"], case=case, date=datetime.date(2027, 1, 31), mailed=datetime.date(2027, 1, mailed), roll=roll(A="Ann")
    )
    assert ("Whether the notice is in time" in set(answer.unanswered["what"])) == is_late


def test_more_than_a_thousand_owners_may_be_told_by_advertisement():
    names = {f"P{k:04d}": (k % 40 * 10, k // 40 * 10, k % 40 * 10 + 10, k // 40 * 10 + 10) for k in range(1001)}
    layer = parcels(**names)
    said = hearing_notice(layer, ["P0500"], distance_ft=1000, roll=roll(**{name: f"Owner {name}" for name in names}))
    assert any("display advertisement" in remark for remark in said.method.remarks)
    fewer = hearing_notice(
        layer.iloc[:1000], ["P0500"], distance_ft=1000, roll=roll(**{n: f"Owner {n}" for n in list(names)[:1000]})
    )
    assert not any("display advertisement" in remark for remark in fewer.method.remarks)


def test_a_radius_that_leaves_the_city_is_told():
    layer = parcels(A=(0, 0, 100, 100))
    limit = gpd.GeoDataFrame(geometry=[shapely.box(E - 250, N - 1000, E + 1000, N + 1000)], crs=CRS)
    assert hearing_notice(layer, ["A"], city_limit=limit).unanswered["what"].str.contains("outside the City").any()
    wide = gpd.GeoDataFrame(geometry=[shapely.box(E - 301, N - 1000, E + 1000, N + 1000)], crs=CRS)
    assert not hearing_notice(layer, ["A"], city_limit=wide).unanswered["what"].str.contains("outside the City").any()


def test_a_radius_of_ones_own_is_told_beside_the_law_s():
    answer = hearing_notice(parcels(A=(0, 0, 100, 100)), ["A"], distance_ft=500)
    cited = {each.key: each for each in answer.method.citations}["radius_ft"]
    assert cited.value == 500 and "65091" in cited.law and "300" in cited.law and cited.certainty == "city"
    assert rule_pack("notice")["radius_ft"] == 300


def test_a_number_is_found_however_it_is_written_and_an_unknown_one_gives_its_neighbours():
    layer = parcels(**{"19119074": (0, 0, 100, 100), "19119075": (100, 0, 200, 100)})
    assert set(hearing_notice(layer, ["191-190-74"]).table["relation"]) == {"subject", "within"}
    with pytest.raises(AnalysisError, match=r"no parcel '191-190-79'.*19119074, 19119075"):
        hearing_notice(layer, ["191-190-79"])
    with pytest.raises(AnalysisError, match="at least one parcel"):
        hearing_notice(layer, [])


def test_numbers_that_only_their_dash_tells_apart_are_never_run_together():
    layer = parcels(**{"23-115": (0, 0, 100, 100), "231-15": (5000, 0, 5100, 100)})
    owners = roll(**{"23-115": "Ann", "231-15": "Ben"})
    answer = hearing_notice(layer, ["23-115"], roll=owners)
    assert answer.table[["apn", "owner_name"]].to_numpy().tolist() == [["23-115", "Ann"]]
    with pytest.raises(AnalysisError, match="no parcel '23115'"):
        hearing_notice(layer, ["23115"])


def test_what_no_distance_can_be_had_from_is_refused():
    layer = parcels(A=(0, 0, 100, 100))
    with pytest.raises(CRSError, match="in degrees"):
        hearing_notice(layer.to_crs("EPSG:6318"), ["A"])
    with pytest.raises(CRSError, match="no CRS"):
        hearing_notice(layer.set_crs(None, allow_override=True), ["A"])
    with pytest.raises(CRSError, match=r"feet|foot"):
        hearing_notice(layer.to_crs("EPSG:6419"), ["A"])
    with pytest.raises(AnalysisError, match="roll is empty"):
        hearing_notice(layer, ["A"], roll=roll(A="Ann").iloc[:0])
    with pytest.raises(AnalysisError, match="above zero"):
        hearing_notice(layer, ["A"], distance_ft=0)
    with pytest.raises(ValueError, match="Invalid case"):
        hearing_notice(layer, ["A"], case="zoning")


@pytest.mark.parametrize("seed", range(6))
def test_vertices_against_edges_give_the_distance_of_the_geometry_engine(seed):
    rng = np.random.default_rng(seed)
    for _ in range(40):
        one, other = (
            shapely.Polygon(rng.uniform(0, 100, (7, 2)) + shift).convex_hull for shift in ((0, 0), rng.uniform(-150, 150, 2))
        )
        assert polygon_distance_ft(one, other) == pytest.approx(shapely.distance(one, other), abs=1e-9)
    ring = shapely.Polygon(shapely.box(0, 0, 100, 100).exterior, [shapely.box(20, 20, 80, 80).exterior])
    assert polygon_distance_ft(ring, shapely.box(40, 40, 60, 60)) == pytest.approx(20.0)
    assert polygon_distance_ft(shapely.box(0, 0, 100, 100), shapely.box(40, 40, 60, 60)) == 0.0


def test_the_map_numbers_those_who_get_notice_and_not_the_rest_of_the_town():
    answer = hearing_notice(parcels(A=(0, 0, 100, 100), B=(100, 0, 200, 100), C=(900, 0, 950, 10)), ["A"])
    styles = answer.map.styles
    assert styles["around"]["layer"] == "parcel" and "label" not in styles["around"]
    assert styles["within"]["label"]["rows"][0]["text"] == styles["subject"]["label"]["rows"][0]["text"] == "{apn}"
    assert "parcel" not in answer.map.base
