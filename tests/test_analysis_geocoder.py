"""The local geocoder: points exact, numbers between the ends of ranges, ties by rule, displacement against the truth."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from street_grid import address_of, grid, row_of

from citygis.analysis import geocode
from citygis.errors import CRSError
from citygis.gpkg import read_geopackage
from citygis.samples import sample_folder


def table(*said) -> pd.DataFrame:
    return pd.DataFrame({"address": pd.Series(said, dtype="str")})


def asked(*said, layers=None, **options):
    layers = layers or grid()
    return geocode(layers["address_point"], layers["street_centerline"], table=table(*said), **options)


def test_an_address_of_a_point_is_at_the_point():
    layers = grid()
    point = layers["address_point"].geometry[address_of(layers, 213, "Birch")]
    row = asked("213 birch st.").table.iloc[0]
    assert (row["place"], row["easting_ft"], row["northing_ft"]) == ("point", point.x, point.y)


@pytest.mark.parametrize(
    ("number", "share", "side"), [(201, 0.0, 1), (299, 1.0, 1), (251, 50 / 98, 1), (200, 0.0, -1), (224, 24 / 98, -1)]
)
def test_a_number_without_a_point_lies_between_the_ends_of_its_range_on_its_side(number, share, side):
    # The block runs 400 ft to the east; odd numbers are on its left, to the north.
    layers = grid()
    (west, south), (east, _) = layers["street_centerline"].geometry[row_of(layers, "Birch 2")].coords
    row = asked(f"{number} Birch Street", offset_ft=25.0).table.iloc[0]
    assert row["place"] == "interpolated"
    assert row["easting_ft"] == pytest.approx(west + share * (east - west), abs=0.006)
    assert row["northing_ft"] == pytest.approx(south + side * 25.0, abs=0.006)


def test_a_range_that_runs_against_its_line_is_read_that_way():
    layers = grid()
    lines = layers["street_centerline"]
    k = row_of(layers, "Birch 2")
    lines.loc[k, "geometry"] = shapely.reverse(lines.geometry[k])
    lines.loc[k, ["FromAddr_L", "ToAddr_L", "FromAddr_R", "ToAddr_R"]] = [298, 200, 299, 201]
    lines.loc[k, ["Parity_L", "Parity_R"]] = ["E", "O"]
    before, after = (asked("251 Birch St", layers=each).table.iloc[0] for each in (grid(), layers))
    assert before[["easting_ft", "northing_ft"]].tolist() == after[["easting_ft", "northing_ft"]].tolist()


def test_a_number_in_no_range_or_of_the_other_parity_has_no_place():
    layers = grid()
    layers["street_centerline"].loc[row_of(layers, "Birch 2"), "Parity_R"] = "Z"
    layers["street_centerline"].loc[row_of(layers, "Birch 2"), ["FromAddr_R", "ToAddr_R"]] = 0
    answer = asked("999 Birch St", "224 Birch St", "251 Nowhere St", None, layers=layers)
    assert answer.table["status"].tolist() == ["unmatched"] * 4 and answer.table["easting_ft"].isna().all()
    assert answer.tables["match_rate"].set_index("place")["rows"].to_dict() == {
        "point": 0,
        "interpolated": 0,
        "ambiguous": 0,
        "unmatched": 4,
    }


def test_of_two_ranges_that_hold_a_number_the_shorter_is_taken_and_the_tie_is_told():
    layers = grid()
    lines = layers["street_centerline"]
    lines.loc[row_of(layers, "Birch 3"), ["FromAddr_L", "ToAddr_L"]] = [251, 399]
    row = asked("251 Birch St", layers=layers).table.iloc[0]
    assert row["ties"] == 1 and row["NGUID"] == lines["NGUID"][row_of(layers, "Birch 2")]
    lines.loc[row_of(layers, "Birch 3"), ["FromAddr_L", "ToAddr_L"]] = [251, 251]
    assert asked("251 Birch St", layers=layers).table["NGUID"][0] == lines["NGUID"][row_of(layers, "Birch 3")]


def test_another_citys_address_is_not_put_on_our_street():
    answer = asked("251 Birch St, Eastvale, CA 95376", "251 Birch St 95376")
    assert answer.table["place"].isna().all()


def test_the_accuracy_is_that_of_the_citys_own_points():
    layers = grid()
    answer = asked("251 Birch St", layers=layers, offset_ft=70.0)
    # Points stand 70 ft beside the line and 50 ft in from where the numbers of a block of four begin; worked out for each by hand:
    off = []
    for k in range(4):
        for side in (1, 0):
            number = 12 + 25 * k // 2 * 2 + side
            off.append(abs((50 + 100 * k) - 400 * (number - side) / 98))
    facts = answer.tables["accuracy"].set_index("what")["value"]
    assert facts["points tested"] == 72
    assert facts["displacement, 95 %, ft"] == pytest.approx(np.quantile(off * 9, 0.95), abs=0.06)
    assert answer.table["accuracy_ft"][0] == facts["displacement, 95 %, ft"]


def test_with_few_points_half_the_line_is_told_instead():
    layers = grid()
    layers["address_point"] = layers["address_point"].iloc[:3]
    answer = asked("251 Birch St", layers=layers)
    assert answer.table["status"].tolist() == ["placed"] and answer.table["accuracy_ft"].tolist() == [200.0]
    assert "How far off interpolated places are" in answer.unanswered["what"].tolist()


def test_the_sample_citys_addresses_without_their_points_come_near_the_truth():
    base = sample_folder() / "city" / "city_base.gpkg"
    made = {name: read_geopackage(base, name) for name in ("address_point", "street_centerline")}
    points, lines = made["address_point"], made["street_centerline"]
    rng = np.random.default_rng(2)
    gone = rng.choice(len(points), 400, replace=False)
    said = [
        f"{n} {name} {kind or ''}"
        for n, name, kind in points.iloc[gone][["Add_Number", "St_Name", "St_PosTyp"]].itertuples(index=False)
    ]
    kept = points.drop(index=points.index[gone])
    answer = geocode(kept, lines, table=table(*said))
    laid = answer.table["place"].eq("interpolated").to_numpy()
    true = shapely.get_coordinates(points.geometry.iloc[gone])
    off = np.hypot(answer.table["easting_ft"] - true[:, 0], answer.table["northing_ft"] - true[:, 1])[laid]
    assert laid.mean() > 0.99 and not answer.table["place"].eq("point").any()
    assert np.median(off) < 75 and (off <= answer.table["accuracy_ft"][laid]).mean() > 0.9
    assert answer.agrees


def test_the_order_of_layers_changes_nothing():
    layers = grid()
    turned = {name: frame.iloc[::-1].set_index(pd.Index(range(5, 5 + len(frame)))) for name, frame in layers.items()}
    said = ("251 Birch St", "213 Birch St", "12 Nowhere")
    pd.testing.assert_frame_equal(asked(*said, layers=layers).table, asked(*said, layers=turned).table)


def test_what_cannot_be_measured_is_refused():
    layers = grid()
    with pytest.raises(CRSError, match="in degrees"):
        geocode(layers["address_point"].to_crs(4326), layers["street_centerline"], table=table("1 A St"))
    with pytest.raises(ValueError, match="Invalid offset_ft -1"):
        asked("1 A St", offset_ft=-1)
    assert isinstance(layers["address_point"], gpd.GeoDataFrame)
