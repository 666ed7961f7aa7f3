"""Impact fees by zone."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import impact_fees
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0
FEES = pd.DataFrame(
    [
        ("West", "Single family", "traffic", "1000.00", "dwelling"),
        ("West", "Single family", "parks", "250.50", "dwelling"),
        ("West", "Retail", "traffic", "2.35", "sq ft"),
        ("East", "Single family", "traffic", "1500.00", "dwelling"),
    ],
    columns=["zone", "land_use", "program", "fee", "unit"],
)


def zones(*named) -> gpd.GeoDataFrame:
    named = named or (("West", 0, 0, 100, 100), ("East", 100, 0, 200, 100))
    return gpd.GeoDataFrame(
        {"zone": [name for name, *_ in named]},
        geometry=[shapely.box(E + w, N + s, E + e, N + n) for _, w, s, e, n in named],
        crs=CRS,
    )


def permits(*rows) -> pd.DataFrame:
    """Permits of one dwelling, each at an easting from the corner of the City, 50 ft north."""
    return pd.DataFrame(
        [(f"P{k}", "Single family", "1", str(E + east), str(N + 50)) for k, east in enumerate(rows)],
        columns=["permit_id", "land_use", "quantity", "easting", "northing"],
    )


def test_a_permit_pays_every_program_of_the_zone_it_is_in():
    answer = impact_fees(zones(), permits(50, 150), FEES)
    assert answer.table[["zone", "amount", "on_line"]].to_numpy().tolist() == [["West", 1250.5, False], ["East", 1500.0, False]]
    charges = answer.tables["charges"]
    assert charges[charges["permit_id"] == "P0"]["program"].tolist() == ["parks", "traffic"]
    assert answer.agrees and answer.complete


@pytest.mark.parametrize("east,is_on_line", [(99.98, False), (99.991, True), (100.0, True), (100.009, True), (100.02, False)])
def test_within_a_hundredth_of_a_foot_of_the_line_both_zones_are_told_and_the_lower_fee_is_due(east, is_on_line):
    row = impact_fees(zones(), permits(east), FEES).table.iloc[0]
    assert row["on_line"] == is_on_line
    if is_on_line:
        assert (row["zone"], row["zones"], row["amount"]) == ("West", "East, West", 1250.5)
    else:
        assert row["zones"] == ("West" if east < 100 else "East")


def test_the_higher_fee_is_due_on_the_line_where_the_city_says_so():
    answer = impact_fees(zones(), permits(100), FEES, on_line="higher")
    assert (answer.table["zone"][0], answer.table["amount"][0]) == ("East", 1500.0)
    assert next(each for each in answer.method.citations if each.key == "on_line").value == "higher"


def test_the_outer_line_belongs_to_the_zone_and_is_told():
    row = impact_fees(zones(), permits(0), FEES).table.iloc[0]
    assert (row["zone"], row["on_line"]) == ("West", True)


def test_amounts_are_rounded_to_the_cent_half_up():
    # 2.35 x 0.1 = 0.235, which a float holds as less.
    table = permits(50).assign(land_use="retail", quantity="0.1")
    assert impact_fees(zones(), table, FEES).table["amount_cents"].tolist() == [24]
    assert impact_fees(zones(), table.assign(quantity="1,234.5"), FEES).table["amount"].tolist() == [2901.08]


def test_what_has_no_place_zone_fee_or_quantity_is_left_out_with_the_reason_and_told():
    table = permits(50, 250, 150, 50, 50)
    table.loc[2, "land_use"] = "Retail"
    table.loc[3, "quantity"] = "many"
    table.loc[4, "easting"] = None
    answer = impact_fees(zones(), table, FEES)
    assert answer.table["permit_id"].tolist() == ["P0"]
    reasons = answer.excluded.set_index("feature")["reason"]
    assert reasons["P1"] == "outside every zone" and reasons["P2"] == "no fee for 'Retail' in zone East"
    assert "no quantity" in reasons["P3"] and "no place" in reasons["P4"]
    assert answer.unanswered["what"].tolist() == ["What 4 permits pay (P1, P2, P3, P4)"]
    assert answer.agrees and not answer.complete


def test_zones_that_overlap_set_no_fee():
    layer = zones(("West", 0, 0, 110, 100), ("East", 100, 0, 200, 100))
    answer = impact_fees(layer, permits(105), FEES)
    assert "they overlap here" in answer.excluded["reason"][0]


def test_a_permit_by_parcel_number_is_in_the_zone_of_the_greatest_part_and_both_are_told():
    boxes = {"001-02": (60, 0, 120, 50), "001-03": (90, 50, 110, 100), "001-04": (300, 0, 310, 10)}
    parcels = gpd.GeoDataFrame(
        {"apn": list(boxes)}, geometry=[shapely.box(E + w, N + s, E + e, N + n) for w, s, e, n in boxes.values()], crs=CRS
    )
    table = pd.DataFrame(
        {"permit_id": list("abcd"), "land_use": "Single family", "quantity": "1", "apn": ["00102", "001-03", "001-04", "9"]}
    )
    answer = impact_fees(zones(), table, FEES, parcels=parcels)
    rows = answer.table.set_index("permit_id")
    assert rows.loc["a", ["zone", "zones", "located_by", "on_line"]].tolist() == ["West", "East, West", "parcel", True]
    # The second is halved by the line: the lower fee.
    assert rows.loc["b", "amount"] == 1250.5 and rows.loc["b", "on_line"]
    reasons = answer.excluded.set_index("feature")["reason"]
    assert reasons["c"] == "its parcel is outside every zone" and reasons["d"] == "no parcel 9 in force"
    assert "no parcels were given" in impact_fees(zones(), table, FEES).excluded["reason"][0]


def test_points_of_a_layer_are_zoned_as_every_polygon_asked_one_by_one():
    rng = np.random.default_rng(3)
    centre = rng.uniform(0, 1000, (25, 2))
    cells = shapely.get_parts(
        shapely.voronoi_polygons(shapely.multipoints(centre + (E, N)), extend_to=shapely.box(E, N, E + 1000, N + 1000))
    )
    layer = gpd.GeoDataFrame({"zone": [f"Z{k:02d}" for k in range(25)]}, geometry=cells, crs=CRS)
    spots = rng.uniform(0, 1000, (300, 2)) + (E, N)
    table = gpd.GeoDataFrame(
        {"permit_id": [f"{k:03d}" for k in range(300)], "land_use": "x", "quantity": 1}, geometry=shapely.points(spots), crs=CRS
    )
    fees = pd.DataFrame({"zone": layer["zone"], "land_use": "X", "fee": 1})
    answer = impact_fees(layer, table, fees)
    # The zone of a Voronoi diagram is the nearest centre: no polygon needed.
    nearest = np.argmin(np.hypot(*(spots[:, None] - (centre + (E, N))[None]).transpose(2, 0, 1)), axis=1)
    of = shapely.STRtree(cells).query(shapely.points(centre + (E, N)), predicate="within")[1]
    assert answer.table["zone"].tolist() == [f"Z{of[k]:02d}" for k in nearest] and answer.agrees


def test_the_order_of_rows_changes_nothing():
    table = permits(50, 100, 150, 300)
    one, other = impact_fees(zones(), table, FEES), impact_fees(zones()[::-1], table[::-1], FEES[::-1])
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.tables["charges"], other.tables["charges"])


def test_what_cannot_be_used_is_refused_with_what_to_do():
    with pytest.raises(AnalysisError, match="zone West, Retail traffic more than once"):
        impact_fees(zones(), permits(50), pd.concat([FEES, FEES.iloc[[2]]]))
    with pytest.raises(AnalysisError, match="P0 more than once"):
        impact_fees(zones(), pd.concat([permits(50), permits(60)]), FEES)
    with pytest.raises(AnalysisError, match="not to the cent"):
        impact_fees(zones(), permits(50), FEES.assign(fee="1.001"))
    with pytest.raises(AnalysisError, match="no column land_use"):
        impact_fees(zones(), permits(50).drop(columns="land_use"), FEES)
    with pytest.raises(AnalysisError, match="no column 'area'"):
        impact_fees(zones(), permits(50), FEES, zone_column="area")
    with pytest.raises(ValueError, match="Invalid on_line 'both'"):
        impact_fees(zones(), permits(50), FEES, on_line="both")
    with pytest.raises(CRSError, match="in degrees"):
        impact_fees(zones().to_crs(4326), permits(50), FEES)
