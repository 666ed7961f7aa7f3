"""Ground for the map: whole steps, nothing twice, and no more than a screen shows."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from store_city import load, make_city, parcels

from citygis.desk.drawing import drawn, ground, packed, step_ft
from citygis.desk.holdings import Keeper


def unpacked(told, origin, step):
    """The paths of each shape, in feet."""
    steps = np.array(told["steps"], dtype=float).reshape(-1, 2)
    ends = np.cumsum(told["lengths"])
    paths = [[] for _ in range(told["count"])]
    for path, start, end in zip(told["of"], ends - told["lengths"], ends, strict=True):
        paths[path].append(np.cumsum(steps[start:end], axis=0) * step + origin)
    return paths


def test_a_step_is_at_most_half_a_pixel():
    for scale in (0.05, 0.3, 1.0, 7.0, 300.0):
        assert step_ft(scale) == 0.0625 or scale / 4 < step_ft(scale) <= scale / 2


def test_what_is_packed_comes_back_to_half_a_step():
    rng = np.random.default_rng(1)
    ring = shapely.Point(5000, 7000).buffer(400, quad_segs=40)
    holed = ring.difference(shapely.Point(5000, 7000).buffer(90, quad_segs=10))
    both = shapely.MultiPolygon([shapely.box(0, 0, 10, 20), shapely.box(100, 100, 130, 140)])
    line = shapely.LineString(rng.uniform(0, 900, (12, 2)))
    shapes = np.array([holed, both, line, shapely.Point(3, 4), shapely.MultiPoint([(1, 2), (8, 9)])], dtype=object)
    told = packed(shapes, (-16.0, -32.0), 0.5)
    assert [told["of"].count(k) for k in range(5)] == [2, 2, 1, 1, 2]
    assert [told["kind"][told["of"].index(k)] for k in range(5)] == [2, 2, 1, 0, 0]
    for shape, paths in zip(shapes, unpacked(told, (-16.0, -32.0), 0.5), strict=True):
        again = shapely.MultiPoint(np.concatenate(paths))
        assert shapely.hausdorff_distance(shapely.MultiPoint(shapely.get_coordinates(shape)), again) <= 0.5 * 2**0.5 / 2 + 1e-9


def test_neighbours_that_share_a_line_still_share_it():
    west, east = shapely.box(0, 0, 33.37, 100), shapely.box(33.37, 0, 80, 100)
    one, other = unpacked(packed(np.array([west, east]), (0.0, 0.0), 4.0), (0.0, 0.0), 4.0)
    assert {tuple(p) for p in one[0]} & {tuple(p) for p in other[0]} == {(32.0, 0.0), (32.0, 100.0)}


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    city = make_city(tmp_path_factory.mktemp("drawing") / "city")
    lots = parcels(120)
    lots.loc[5, "status"] = "PROPOSED"
    load(city, {"parcel": lots})
    return Keeper(city, owners=False).current()


def test_near_by_each_parcel_in_force_is_drawn_and_labelled(held):
    told = ground(held, (6_300_000.0, 2_100_000.0, 6_300_699.0, 2_100_099.0), 1.0)
    layer = told["layers"]["parcel"]
    # Seven lots begin within 700 ft, one of them is only proposed; those of the next street begin at 120 ft.
    assert layer["label"] == ["100-000-00", "100-000-01", "100-000-02", "100-000-03", "100-000-04", "100-000-06"]
    paths = unpacked(layer, told["origin"], told["step"])
    assert shapely.Polygon(paths[1][0]).equals(shapely.box(6_300_100, 2_100_000, 6_300_180, 2_100_100))
    assert told["shade"]["cells"] == []


def test_far_off_parcels_are_shade(held):
    told = ground(held, (6_200_000.0, 2_000_000.0, 6_400_000.0, 2_200_000.0), 250.0)
    assert told["layers"]["parcel"]["count"] == 0
    assert 0 < len(told["shade"]["cells"]) / 2 < 30


def test_what_an_answer_draws_is_told_with_its_legend_and_what_is_left():
    frame = gpd.GeoDataFrame(geometry=[shapely.box(k, 0, k + 1, 1) for k in range(5)] + [None], crs=6420)
    (layer,) = drawn({"lots": frame, "other": frame}, {"lots": {"legend": "Lots", "fill": "#fff000"}, "gone": {}}, most=3)
    assert (layer["name"], layer["legend"], layer["count"], layer["left"], layer["fill"]) == ("lots", "Lots", 3, 2, "#fff000")
