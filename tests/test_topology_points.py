"""Points in their own polygon."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, Point, box

from citygis.errors import CRSError
from citygis.topology.points import across_ft, outside_own, require_points

FEET = "EPSG:6420"
LOTS = [box(0, 0, 60, 110), box(60, 0, 120, 110), None]


def layer(*geometry, crs=FEET):
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(geometry), crs=crs))


def test_a_point_in_its_neighbour_is_told_with_the_neighbour():
    found = outside_own(layer(Point(30, 50), Point(65, 50), Point(30, 200)), layer(*LOTS), np.array([0, 0, 1]))
    assert found["point"].tolist() == [1, 2]
    assert found["polygon"].tolist() == [0, 1]
    assert found["lies_in"].tolist() == [1, -1]
    assert found["distance_ft"].tolist() == pytest.approx([5, np.hypot(30, 90)])


@pytest.mark.parametrize(("easting", "expected"), [(60, 0), (60.099, 0), (60.101, 1)])
def test_the_tolerance_is_how_far_outside_a_point_may_lie(easting, expected):
    assert len(outside_own(layer(Point(easting, 50)), layer(*LOTS), np.array([0]), tolerance_ft=0.1)) == expected


def test_without_a_link_or_a_polygon_nothing_is_judged():
    points = layer(Point(500, 500), Point(500, 500), None, Point(np.nan, 1), LineString([(500, 0), (501, 0)]))
    assert outside_own(points, layer(*LOTS), np.array([-1, 2, 0, 0, 0])).empty
    assert outside_own(layer(), layer(), np.empty(0, dtype=int)).empty


def test_every_point_agrees_with_one_by_one():
    random = np.random.default_rng(2)
    lots = [box(e, n, e + 9, n + 9) for e in range(0, 100, 10) for n in range(0, 100, 10)]
    points = [Point(*each) for each in random.uniform(0, 100, (300, 2))]
    link = random.integers(-1, 100, 300)
    found = outside_own(layer(*points), layer(*lots), link, tolerance_ft=2.0)
    assert found["point"].tolist() == [k for k in range(300) if link[k] >= 0 and lots[link[k]].distance(points[k]) > 2]
    for point, lies_in in zip(found["point"], found["lies_in"], strict=True):
        assert [lies_in] == ([k for k in range(100) if lots[k].intersects(points[point])] or [-1])


def test_layers_in_two_systems_or_in_metres_are_refused():
    with pytest.raises(CRSError):
        outside_own(layer(Point(0, 0)), layer(*LOTS, crs="EPSG:2227"), np.array([0]))
    with pytest.raises(CRSError):
        require_points(layer(Point(0, 0), crs="EPSG:26943"))


@pytest.mark.parametrize(
    ("place", "expected"),
    [((50, 7), 7), ((50, -7), -7), ((-30, 4), 4), ((130, -4), -4), ((50, 0), 0), ((140, 0), 0)],
)
def test_a_place_lies_as_far_across_a_line_as_its_offset(place, expected):
    line = shapely.LineString([(0, 0), (100, 0)])
    assert across_ft(shapely.points([place]), np.array([line])).tolist() == [pytest.approx(expected)]
    assert across_ft(shapely.points([place]), np.array([shapely.reverse(line)])).tolist() == [pytest.approx(-expected)]


@pytest.mark.parametrize(("place", "side"), [((104, 4), -1), ((150, 50), -1), ((96, 4), 1), ((90, 8), 1), ((104, -4), -1)])
def test_at_a_bend_both_sides_of_the_corner_count(place, side):
    bent = shapely.LineString([(0, 0), (100, 0), (100, 100)])  # left of it is the inside of the corner
    assert np.sign(across_ft(shapely.points([place]), np.array([bent]))).tolist() == [side]
