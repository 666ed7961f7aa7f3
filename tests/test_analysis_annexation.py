"""The annexation package."""

import datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from store_city import make_city

from citygis.analysis import annexation_package, rule_pack, write_package
from citygis.analysis.boe_checklist import checklist
from citygis.analysis.city_edge import edge_of
from citygis.analysis.street_side import with_streets
from citygis.errors import AnalysisError, CRSError
from citygis.gpkg import read_geopackage
from citygis.readers.deed import read_deed

SAMPLE = Path(__file__).parents[1] / "sample_data" / "city" / "city_base.gpkg"
CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def box(w, s, e, n) -> shapely.Polygon:
    return shapely.box(E + w, N + s, E + e, N + n)


def layer(**shapes) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"name": list(shapes)}, geometry=list(shapes.values()), crs=CRS)


def parcels(**boxes) -> gpd.GeoDataFrame:
    shapes = [box(*each) if isinstance(each, tuple) else each for each in boxes.values()]
    return gpd.GeoDataFrame({"apn": list(boxes), "status": "ACTIVE", "tra": "009015"}, geometry=shapes, crs=CRS)


CITY = layer(**{"City of Riverbend": box(0, 0, 1000, 1000)})
LAND = parcels(A=(1000, 0, 1200, 200), B=(1200, 0, 1400, 200), C=(1000, 200, 1200, 400), D=(1900, 0, 2000, 100))
MARKS = gpd.GeoDataFrame(
    {"corner_id": ["M-1"], "kind": ["FOUND"], "monument": ["Brass disc"], "tag": [None]},
    geometry=[shapely.Point(E + 1000, N)],
    crs=CRS,
)


def met(answer, words: str) -> str:
    rows = answer.tables["checklist"]
    return rows.loc[rows["requirement"].str.contains(words, regex=False), "met"].item()


def open_questions(answer) -> str:
    return " | ".join(answer.unanswered["what"])


def test_two_lots_beside_the_city_are_one_figure_with_its_acreage_and_its_common_line():
    answer = annexation_package(LAND, CITY, subject=["A", "B"], corner=MARKS, name="Riverbend Annexation No. 12")
    assert answer.table["apn"].tolist() == ["A", "B"] and answer.table["taken"].tolist() == ["whole", "whole"]
    areas = answer.tables["areas"]
    # 400 by 200 ft: 80,000 sq ft, 1.8365 acres, of which 200 ft along the City.
    assert areas["area_sqft"].tolist() == [80_000.0] and areas["acres"].tolist() == [1.8365]
    assert met(answer, "adjoins the City") == "yes" and "200.0 ft" in answer.tables["checklist"]["why"].str.cat(sep=" ")
    calls = answer.tables["courses"].set_index("bearing")["along"]
    assert calls.dropna().tolist() == ["the existing limit of the City of Riverbend"]
    assert answer.agrees and len(answer.check) == 5
    assert "BEGINNING at a brass disc, found, being corner M-1" in answer.documents["legal_description.txt"].decode()
    assert areas["corner_id"].tolist() == ["M-1"]


def test_the_document_leads_around_the_land():
    answer = annexation_package(LAND, CITY, subject=["A", "B", "C"], corner=MARKS)
    (land,) = read_deed(answer.documents["legal_description.txt"].decode()).parcels
    assert land.area_sqft == pytest.approx(120_000) and len(land.courses) == 6


def test_land_that_touches_the_city_at_a_corner_only_does_not_adjoin_it():
    answer = annexation_package(parcels(A=(1000, 1000, 1100, 1100)), CITY, subject=["A"])
    assert met(answer, "adjoins the City") == "no"
    assert "may be annexed" in open_questions(answer) and "corner only" in answer.unanswered["why"].str.cat(sep=" ")
    assert not answer.tables["city_edge"]["kind"].isin(["gap", "island"]).any() and answer.agrees


def test_land_apart_from_the_city_says_how_far():
    answer = annexation_package(LAND, CITY, subject=["D"])
    assert "It lies 900.00 ft from the city limit." in answer.unanswered["why"].tolist()


@pytest.mark.parametrize("common_ft,is_told", [(199.0, True), (201.0, False)])
def test_a_short_common_line_is_told_as_a_strip_to_look_at(common_ft, is_told):
    answer = annexation_package(parcels(A=(1000, 0, 1400, common_ft)), CITY, subject=["A"])
    assert ("counts as contiguous" in open_questions(answer)) == is_told


def test_county_ground_that_would_be_enclosed_is_an_island_with_its_acres():
    # A ring of four lots against the City leaves 200 by 200 ft inside: 40,000 sq ft.
    ring = parcels(S=(1000, 0, 1400, 100), N=(1000, 300, 1400, 400), E=(1200, 100, 1400, 300))
    answer = annexation_package(ring, CITY, subject=["S", "N", "E"])
    islands = answer.tables["city_edge"].query("kind == 'island'")
    assert islands["area_sqft"].tolist() == [40_000.0] and met(answer, "No county land is enclosed") == "no"
    assert "0.92 acres would be enclosed" in open_questions(answer)


def test_an_island_that_is_there_already_is_not_laid_to_the_annexation():
    holed = layer(City=shapely.difference(box(0, 0, 1000, 1000), box(400, 400, 500, 500)))
    answer = annexation_package(LAND, holed, subject=["A"])
    assert answer.tables["city_edge"]["kind"].tolist() == ["island before"]
    assert met(answer, "No county land is enclosed") == "yes" and any("stay" in said for said in answer.method.remarks)


def test_taking_in_an_island_encloses_nothing_and_one_left_in_it_is_told():
    holed = layer(City=shapely.difference(box(0, 0, 1000, 1000), box(400, 400, 500, 500)))
    whole = annexation_package(parcels(A=(400, 400, 500, 500)), holed, subject=["A"])
    assert not len(whole.tables["city_edge"]) and whole.tables["areas"]["acres"].tolist() == [0.2296]
    half = annexation_package(parcels(A=(400, 400, 450, 500)), holed, subject=["A"])
    assert half.tables["city_edge"]["area_sqft"].tolist() == [5_000.0]


@pytest.mark.parametrize("gap_ft,kinds", [(0.02, []), (0.6, ["gap"]), (4.9, ["gap"]), (5.6, [])])
def test_a_strip_left_between_the_land_and_the_city_is_a_gap_up_to_its_width(gap_ft, kinds):
    answer = annexation_package(parcels(A=(1000 + gap_ft, 0, 1200, 200)), CITY, subject=["A"])
    edge = answer.tables["city_edge"]
    assert edge["kind"].tolist() == kinds
    if kinds:
        assert edge["area_sqft"].tolist() == [pytest.approx(200 * gap_ft, rel=0.02)]
        assert met(answer, "No gap and no overlap") == "no" and "Ground between" in open_questions(answer)


def test_a_sliver_enclosed_between_the_land_and_the_city_is_a_gap_and_no_island():
    # The land meets the City at both ends of a notch 1 ft deep and 100 ft long.
    notched = shapely.difference(box(1000, 0, 1200, 200), box(1000, 50, 1001, 150))
    answer = annexation_package(parcels(A=notched), CITY, subject=["A"])
    assert answer.tables["city_edge"]["kind"].tolist() == ["gap"]
    assert answer.tables["city_edge"]["area_sqft"].tolist() == [100.0]


def test_land_in_the_city_already_is_told_thin_as_overlap_and_wide_as_the_citys():
    thin = annexation_package(parcels(A=(999, 0, 1200, 200)), CITY, subject=["A"])
    assert thin.tables["city_edge"][["kind", "area_sqft"]].to_numpy().tolist() == [["overlap", 200.0]]
    wide = annexation_package(parcels(A=(900, 0, 1200, 200)), CITY, subject=["A"])
    assert wide.tables["city_edge"][["kind", "area_sqft"]].to_numpy().tolist() == [["in the City", 20_000.0]]
    assert "in the City already" in open_questions(wide)


def test_parcels_that_an_outline_divides_are_parts_and_those_not_in_force_are_left_out():
    land = LAND.copy()
    land.loc[2, "status"] = "RETIRED"
    outline = layer(land=box(1000, 0, 1300, 300))
    answer = annexation_package(land, CITY, outline=outline)
    table = answer.table.set_index("apn")
    assert table["taken"].to_dict() == {"A": "whole", "B": "part"} and table["share"]["B"] == 0.5
    assert answer.excluded[["feature", "reason"]].to_numpy().tolist() == [["C", "not in force"]]
    assert met(answer, "No parcel is divided") == "no"


def test_tax_rate_areas_are_summed_and_a_number_that_is_none_is_told():
    land = LAND.assign(tra=["009015", "009015", "9015", None])
    answer = annexation_package(land, CITY, subject=["A", "B", "C"])
    assert answer.tables["tra"][["tra", "parcels", "is_number"]].to_numpy().tolist() == [["009015", 2, True], ["9015", 1, False]]
    assert answer.tables["tra"]["acres"].sum() == pytest.approx(120_000 / 43_560, abs=2e-4)
    assert met(answer, "Tax rate areas") == "no" and "Tax rate areas of 1 parcels" in open_questions(answer)
    assert "tax rate areas" in open_questions(annexation_package(LAND.drop(columns="tra"), CITY, subject=["A"]))


def test_the_sphere_is_asked_inside_outside_and_not_given():
    inside = layer(s=box(0, 0, 5000, 5000))
    assert met(annexation_package(LAND, CITY, subject=["A"], sphere=inside), "sphere of influence") == "yes"
    half = annexation_package(LAND, CITY, subject=["A"], sphere=layer(s=box(0, 0, 1100, 5000)))
    assert met(half, "sphere of influence") == "no" and "0.4591 acres" in half.unanswered["why"].str.cat(sep=" ")
    assert met(annexation_package(LAND, CITY, subject=["A"]), "sphere of influence") == "unknown"


def test_land_of_an_earlier_annexation_is_told_and_its_line_is_called():
    earlier = layer(**{"Annexation No. 3": box(1200, 0, 1400, 200)})
    beside = annexation_package(LAND, CITY, subject=["A"], earlier=earlier)
    assert "the westerly line of Annexation No. 3" in beside.tables["courses"]["along"].tolist()
    assert "annexed before" in open_questions(annexation_package(LAND, CITY, subject=["B"], earlier=earlier))
    detached = earlier.assign(detached_on=pd.Timestamp("1990-01-01"))
    assert "annexed before" not in open_questions(annexation_package(LAND, CITY, subject=["B"], earlier=detached))


@pytest.mark.parametrize(
    "filed,roll,said",
    [
        (datetime.date(2026, 12, 1), 2027, "yes"),
        (datetime.date(2026, 12, 2), 2027, "no"),
        (datetime.date(2026, 12, 2), 2028, "yes"),
        (None, 2027, "unknown"),
        (datetime.date(2026, 5, 1), None, "unknown"),
    ],
)
def test_the_first_of_december_decides_the_roll(filed, roll, said):
    answer = annexation_package(LAND, CITY, subject=["A"], filed=filed, roll_year=roll)
    assert met(answer, "Filed in time") == said


STREET = gpd.GeoDataFrame({"row_id": ["R"]}, geometry=[box(900, -60, 2000, 0)], crs=CRS)
CENTRE = gpd.GeoDataFrame(
    {"St_Name": ["Harvest"], "St_PosTyp": ["Boulevard"]},
    geometry=[shapely.LineString([(E + 900, N - 30), (E + 2000, N - 30)])],
    crs=CRS,
)


def test_the_boundary_goes_to_the_centreline_where_that_is_the_rule_and_calls_to_it():
    answer = annexation_package(
        LAND, CITY, subject=["A", "B"], street_centerline=CENTRE, right_of_way=STREET, street_rule="centerline"
    )
    assert answer.tables["areas"]["area_sqft"].tolist() == [400 * 230.0]
    assert "the centerline of Harvest Boulevard" in answer.tables["courses"]["along"].tolist()
    without = annexation_package(LAND, CITY, subject=["A", "B"], street_rule="centerline")
    assert without.tables["areas"]["area_sqft"].tolist() == [80_000.0]
    assert "centreline of the streets" in open_questions(without)
    with pytest.raises(AnalysisError, match="street rule 'middle'"):
        annexation_package(LAND, CITY, subject=["A"], street_rule="middle")


def test_a_corner_lot_takes_its_quarter_of_the_crossing():
    ways = gpd.GeoDataFrame(geometry=[shapely.union(box(-500, -60, 500, 0), box(-60, -500, 0, 500))], crs=CRS)
    lines = [[(-500, -30), (500, -30)], [(-30, -500), (-30, 500)]]
    centre = gpd.GeoDataFrame(geometry=[shapely.LineString([(E + e, N + n) for e, n in line]) for line in lines], crs=CRS)
    made = with_streets(box(0, 0, 100, 150), ways, centre)
    assert made.area == pytest.approx(130 * 180) and made.geom_type == "Polygon"
    assert with_streets(box(2000, 2000, 2100, 2100), ways, centre).area == 10_000  # no street before it


def test_a_hairline_between_parcels_is_closed_and_told_and_a_hole_is_excepted():
    pinhole = shapely.difference(box(1000, 0, 1400, 200), box(1199.98, 50, 1200.02, 150))
    answer = annexation_package(parcels(A=pinhole), CITY, subject=["A"])
    assert answer.tables["areas"]["role"].tolist() == ["area"] and any("taken as closed" in said for said in answer.method.remarks)
    holed = shapely.difference(box(1000, 0, 1400, 200), box(1100, 50, 1200, 150))
    answer = annexation_package(parcels(A=holed), CITY, subject=["A"])
    assert answer.tables["areas"]["role"].tolist() == ["area", "exception"]
    assert answer.tables["areas"]["area_sqft"].tolist() == [80_000.0, -10_000.0]
    assert "EXCEPTING THEREFROM" in answer.documents["legal_description.txt"].decode() and answer.agrees


def test_two_areas_are_described_each():
    answer = annexation_package(LAND, CITY, subject=["A", "D"])
    assert answer.tables["areas"]["area_sqft"].tolist() == [40_000.0, 10_000.0] and answer.agrees
    assert any("2 areas" in said for said in answer.method.remarks)


def test_the_order_of_the_layers_changes_nothing():
    one = annexation_package(LAND, CITY, subject=["A", "B", "C"], corner=MARKS)
    turned = LAND.iloc[::-1].set_index(pd.Index([4, 4, 2, 9]))
    other = annexation_package(turned, CITY, subject=["C", "A", "B"], corner=MARKS)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.documents == other.documents and one.check == other.check


def test_a_tract_of_the_sample_city_is_described_by_its_courses_of_record():
    names = ("parcel", "city_limit", "boundary_line", "corner", "tract", "street_centerline")
    layers = {name: read_geopackage(SAMPLE, name) for name in names}
    tract, limit = layers["tract"], layers["city_limit"].copy()
    row = int(np.flatnonzero(tract["tract_no"].astype("str") == "2866")[0])
    limit.geometry = [shapely.difference(limit.geometry.iloc[0], tract.geometry.iloc[row])]
    answer = annexation_package(
        layers["parcel"],
        limit,
        outline=tract.iloc[[row]],
        boundary_line=layers["boundary_line"],
        corner=layers["corner"],
        tract=tract.drop(index=tract.index[row]),
        street_centerline=layers["street_centerline"],
        name="Riverbend Annexation No. 12",
    )
    areas = answer.tables["areas"]
    assert answer.agrees and (areas["closure_ratio"] > 100_000).all() and areas["of_record"].item() >= 10
    assert areas["acres"].item() == pytest.approx(float(tract["stated_area"].iloc[row]), abs=0.005)
    inside = layers["parcel"]["tract_id"] == tract["global_id"].iloc[row]
    assert set(answer.table["apn"]) == set(layers["parcel"].loc[inside, "apn"])
    assert not len(answer.tables["city_edge"]) and (answer.table["taken"] == "whole").all()


def test_the_package_has_the_document_and_both_exhibits(tmp_path):
    city = make_city(tmp_path / "city")
    answer = annexation_package(
        LAND, CITY, subject=["A", "B"], corner=MARKS, street_centerline=CENTRE, name="Riverbend Annexation No. 12", city=city
    )
    made = write_package(answer, tmp_path / "out", city=city, base={"parcel": LAND})
    assert {"legal_description.txt", "map.pdf", "exhibit_letter.pdf"} <= {path.name for path in made.files}
    assert made.preflight.passed, [check for check in made.preflight.checks if not check.passed]


def test_every_requirement_has_a_line_and_what_is_not_in_the_package_is_by_hand():
    pack = rule_pack("annexation")
    wanted = [rule for rule in pack.rules if rule.key.startswith(("boe_", "lafco_", "signed"))]
    rows = annexation_package(LAND, CITY, subject=["A"]).tables["checklist"]
    assert rows["requirement"].tolist() == [rule.value for rule in wanted]
    assert set(rows["met"]) <= {"yes", "no", "unknown", "by hand"} and (rows["why"] != "").all()
    assert rows.loc[rows["requirement"].str.contains("signed and sealed"), "met"].tolist() == ["by hand"]
    with pytest.raises(ValueError, match="Invalid key 'fee'"):
        checklist(pack, {"fee": (True, "")})


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(AnalysisError, match="one way"):
        annexation_package(LAND, CITY)
    with pytest.raises(AnalysisError, match="one way"):
        annexation_package(LAND, CITY, subject=["A"], outline=layer(x=box(0, 0, 1, 1)))
    with pytest.raises(AnalysisError, match="no parcel 'Z'"):
        annexation_package(LAND, CITY, subject=["Z"])
    with pytest.raises(CRSError, match="degrees"):
        annexation_package(LAND.to_crs(4326), CITY, subject=["A"])
    bow = shapely.Polygon([(E, N), (E + 10, N + 10), (E + 10, N), (E, N + 10)])
    with pytest.raises(AnalysisError, match="crosses itself"):
        annexation_package(LAND, CITY, outline=layer(x=bow))
    with pytest.raises(AnalysisError, match="Invalid corner 'M-9'"):
        annexation_package(LAND, CITY, subject=["A"], corner=MARKS, begin_at="M-9")
    gone = LAND.copy()
    gone.loc[0, "geometry"] = None
    with pytest.raises(AnalysisError, match="no geometry"):
        annexation_package(gone, CITY, subject=["A"])


def test_an_edge_has_no_rows_where_land_and_city_meet_as_drawn():
    edge = edge_of(box(1000, 0, 1200, 200), box(0, 0, 1000, 1000), width_ft=5.0, least_sqft=1.0)
    assert edge.common_ft == pytest.approx(200, abs=0.2) and edge.apart_ft == 0 and not len(edge.table)
