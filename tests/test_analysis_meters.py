"""Meters against parcels: on, near, between, off; parcels without; totals that add up."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis import meters_check
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def lots(n=3, gap=20.0, **columns) -> gpd.GeoDataFrame:
    """Lots of 100 by 100 ft in a row, `gap` apart: P0, P1, ..."""
    shapes = [shapely.box(E + (100 + gap) * k, N, E + (100 + gap) * k + 100, N + 100) for k in range(n)]
    return gpd.GeoDataFrame({"apn": [f"P{k}" for k in range(n)], **columns}, geometry=shapes, crs=CRS)


def meters(*places, **columns) -> gpd.GeoDataFrame:
    shapes = [None if place is None else shapely.Point(E + place[0], N + place[1]) for place in places]
    frame = gpd.GeoDataFrame({"meter_id": [f"M{k}" for k in range(len(places))]}, geometry=gpd.GeoSeries(shapes, crs=CRS))
    return frame.assign(**columns)


def ways(answer) -> list[tuple]:
    table = answer.table[["way", "apn"]].astype(object)
    return list(table.where(table.notna(), None).itertuples(index=False, name=None))


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ((50.0, 50.0), ("on", "P0")),
        ((50.0, 100.0), ("on", "P0")),
        ((50.0, 129.99), ("near", "P0")),
        ((50.0, 130.0), ("near", "P0")),
        ((50.0, 130.01), ("off", None)),
        ((110.0, 50.0), ("between", None)),
        ((109.51, 50.0), ("between", None)),
        ((109.4, 50.0), ("near", "P0")),
        (None, ("no_place", None)),
    ],
)
def test_a_meter_belongs_to_the_parcel_it_is_on_or_alone_near(place, expected):
    # Between two lots 20 ft apart: at 109.51 it is 9.51 and 10.49 ft off, 0.98 apart; at 109.4 it is 1.2.
    answer = meters_check(lots(), meters=meters(place, (290, 50)))
    assert ways(answer)[0] == expected and answer.agrees


def test_on_the_line_between_two_parcels_both_are_candidates():
    answer = meters_check(lots(gap=0.0), meters=meters((100.0, 50.0), (100.005, 50.0), (100.02, 50.0)))
    assert ways(answer) == [("on_line", None), ("on_line", None), ("on", "P1")]
    assert answer.table["candidates"][0] == "P0, P1" and answer.agrees


def test_a_stated_parcel_goes_before_the_place_and_what_stands_elsewhere_is_told():
    layer = meters((50, 50), (170, 50), (50, 60), apn=["P1", "P-1", "P9"])
    answer = meters_check(lots(), meters=layer)
    assert ways(answer) == [("stated", "P1"), ("stated", "P1"), ("on", "P0")]
    assert answer.tables["stated_elsewhere"]["meter"].tolist() == ["M0"]
    assert answer.table["distance_ft"].tolist() == [70.0, 0.0, 0.0]
    assert answer.table["note"][2] == "the parcel number it states is none in force"
    assert answer.tables["several_meters"].to_numpy().tolist() == [["P1", 2, "M0, M1"]]


def test_parcels_without_a_meter_are_listed_with_the_nearest_one_and_whether_they_are_built_on():
    built = gpd.GeoDataFrame(geometry=[shapely.box(E + 130, N + 10, E + 160, N + 40)], crs=CRS)
    answer = meters_check(lots(), meters=meters((50, 50)), buildings=built)
    rows = answer.tables["parcels_without_meter"][["apn", "built_on", "nearest_meter", "distance_ft"]]
    assert rows.to_numpy().tolist() == [["P1", True, "M0", 70.0], ["P2", False, "M0", 190.0]]
    assert answer.layers["without_meter"]["apn"].tolist() == ["P1", "P2"]
    without = meters_check(lots(), meters=meters((50, 50)))
    assert "Which of 2 parcels without a meter are built on" in without.unanswered["what"].tolist()


def test_parcels_out_of_force_without_ground_or_of_another_kind_are_left_out_by_name():
    layer = lots(4, status=["ACTIVE", "RETIRED", "ACTIVE", "ACTIVE"], parcel_kind=["FEE", "FEE", "FEE", "COMMON"])
    layer.loc[2, "geometry"] = None
    answer = meters_check(layer, meters=meters((50, 50), (170, 50)), kinds=["FEE"])
    assert answer.excluded[["feature", "reason"]].to_numpy().tolist() == [
        ["P1", "not in force"],
        ["P2", "no geometry: service cannot be told from it"],
        ["P3", "of a kind that was not asked for"],
    ]
    assert ways(answer)[1] == ("off", None) and not len(answer.tables["parcels_without_meter"])


def test_meters_and_parcels_add_up_and_brute_force_agrees():
    rng = np.random.default_rng(9)
    places = rng.uniform((-200, -200), (1400, 300), (300, 2))
    answer = meters_check(lots(10), meters=meters(*places))
    west = 120.0 * np.arange(10)
    across = np.maximum(np.maximum(west - places[:, :1], places[:, :1] - west - 100), 0)
    up = np.maximum(np.maximum(-places[:, 1:], places[:, 1:] - 100), 0)
    far = np.hypot(across, up)
    order = np.sort(far, axis=1)
    expected = np.where(
        order[:, 0] == 0, "on", np.where(order[:, 0] > 30, "off", np.where(order[:, 1] < order[:, 0] + 1, "between", "near"))
    )
    found = answer.table.set_index("meter")
    assert found["way"].loc[[f"M{k}" for k in range(300)]].tolist() == expected.tolist()
    served = {f"P{k}" for k in far.argmin(axis=1)[np.isin(expected, ["on", "near"])]}
    assert set(answer.tables["parcels_without_meter"]["apn"]) == {f"P{k}" for k in range(10)} - served
    totals = answer.tables["totals"].set_index("what")["count"]
    assert totals["meters, all ways"] == totals["meters in the layer"] == 300
    assert totals["parcels with a meter"] + totals["parcels without a meter"] == totals["parcels asked"] == 10
    assert answer.agrees


def test_a_hole_of_a_parcel_is_not_its_ground():
    ring = shapely.box(E, N, E + 300, N + 300).difference(shapely.box(E + 100, N + 100, E + 200, N + 200))
    layer = gpd.GeoDataFrame({"apn": ["P"]}, geometry=[ring], crs=CRS)
    answer = meters_check(layer, meters=meters((150, 150), (50, 50)))
    assert ways(answer) == [("off", None), ("on", "P")] and answer.agrees


def test_the_order_of_meters_and_parcels_changes_nothing():
    layer, places = lots(), meters((50, 50), (170, 50), (110, 50), apn=[None, "P0", None])
    one = meters_check(layer, meters=places)
    other = meters_check(layer.iloc[::-1], meters=places.iloc[::-1].set_index(pd.Index([3, 3, 1])))
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.tables["parcels_without_meter"], other.tables["parcels_without_meter"])


def test_what_cannot_be_answered_is_refused():
    lines = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 5, N)])], crs=CRS)
    with pytest.raises(AnalysisError, match="not all points"):
        meters_check(lots(), meters=lines)
    with pytest.raises(AnalysisError, match="'meters' is empty"):
        meters_check(lots(), meters=meters().iloc[:0])
    with pytest.raises(AnalysisError, match="no column 'serial'"):
        meters_check(lots(), meters=meters((1, 1)), id_column="serial")
    with pytest.raises(CRSError, match="in degrees"):
        meters_check(lots(), meters=meters((1, 1)).to_crs(4326))
    with pytest.raises(ValueError, match="Invalid reach_ft"):
        meters_check(lots(), meters=meters((1, 1)), reach_ft=float("nan"))
