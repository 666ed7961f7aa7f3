"""Widths against shapes whose inscribed circle is known."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from citygis.topology import beside, wide_enough, widths_ft
from citygis.topology.measure import ground, least_widths_ft, polygon_parts


def width(polygon, **options) -> float:
    return widths_ft(np.array([polygon], dtype=object), **options)[0]


@given(
    width_ft=st.floats(0.01, 50),
    length_ft=st.floats(60, 500),
    turn=st.floats(0, 180),
)
@settings(max_examples=60, deadline=None)
def test_a_strip_is_as_wide_as_it_was_drawn_at_any_angle(width_ft, length_ft, turn):
    strip = affinity.translate(affinity.rotate(box(0, 0, length_ft, width_ft), turn), 6.33e6, 2.12e6)
    assert width(strip) == pytest.approx(width_ft, rel=0.02)


def test_a_right_triangle_of_3_4_5_holds_a_circle_of_diameter_two():
    assert width(shapely.Polygon([(0, 0), (3, 0), (0, 4)])) == pytest.approx(2, rel=0.01)


def test_a_ring_is_as_wide_as_its_wall():
    wall = box(0, 0, 100, 100).difference(box(3, 3, 97, 97))
    assert width(wall) == pytest.approx(3, rel=0.2)  # a circle in a corner is larger than the wall: 3 * 2 / (1 + 1 / sqrt 2)
    assert width(wall) >= 3


def test_an_angle_of_two_thin_strips_is_thin():
    angle = box(0, 0, 100, 0.001).union(box(0, 0, 0.001, 100))
    assert width(angle) < 0.002


def test_widths_below_the_limit_are_not_worked_out():
    strips = np.array([box(0, 0, 100, 0.5), box(0, 0, 100, 0.04)], dtype=object)
    assert widths_ft(strips, at_least_ft=0.05).tolist() == pytest.approx([0.5, 0], rel=0.02)


def test_nothing_has_no_width():
    assert widths_ft(np.empty(0, dtype=object)).tolist() == []


def test_a_width_may_fall_short_by_the_last_decimal_of_both_sides():
    assert wide_enough([0.0097, 0.0098, 0.0100], 0.01).tolist() == [False, True, True]


def test_parts_of_nested_collections_are_found_with_their_owner():
    nested = shapely.GeometryCollection([shapely.MultiPolygon([box(0, 0, 1, 1), box(2, 0, 3, 1)]), shapely.Point(0, 0)])
    parts, owner = polygon_parts(np.array([box(5, 5, 6, 6), nested, None, shapely.LineString([(0, 0), (1, 1)])], dtype=object))
    assert owner.tolist() == [0, 1, 1]
    assert shapely.area(parts).tolist() == [1, 1, 1]


def test_ground_keeps_the_order_and_drops_what_has_no_inside():
    bowtie = shapely.Polygon([(0, 0), (5, 5), (5, 0), (0, 5)])
    frame = gpd.GeoDataFrame(geometry=[box(0, 0, 1, 1), None, bowtie, shapely.force_3d(box(0, 0, 2, 2), 9)], crs="EPSG:6420")
    found = ground(frame)
    assert [g is None for g in found] == [False, True, True, False]
    assert not shapely.has_z(found[3])


def test_the_least_width_is_never_more_than_the_width_whatever_the_holes():
    rng = np.random.default_rng(8)
    shapes = [shapely.box(0, 0, *rng.uniform(5, 400, 2)) for _ in range(40)]
    for k, shape in enumerate(shapes):
        for _ in range(k % 6):
            east, north = rng.uniform(0, shape.bounds[2]), rng.uniform(0, shape.bounds[3])
            shape = shape.difference(shapely.box(east, north, east + rng.uniform(1, 40), north + rng.uniform(1, 40)))
        shapes[k] = shape
    parts = np.array([p for p in shapely.get_parts(np.array(shapes, dtype=object)) if p.area > 0], dtype=object)
    circles = np.array([shapely.maximum_inscribed_circle(p, tolerance=1e-4).length * 2 for p in parts])
    least = least_widths_ft(parts)
    assert (least <= circles * (1 + 1e-6)).all()
    assert least[0] == pytest.approx(2 * parts[0].area / parts[0].length)


def test_what_is_beside_lots_is_all_that_may_touch_them():
    lots = gpd.GeoSeries([box(0, 0, 60, 110), None, shapely.Polygon()], crs="EPSG:6420")
    streets = gpd.GeoSeries([box(0, 111, 60, 160), None, box(0, 120, 60, 160), box(60, 110, 90, 160)], crs="EPSG:6420")
    assert beside(lots, streets, reach_ft=1.0).tolist() == [0, 3]
    assert beside(lots, streets, reach_ft=0.0).tolist() == [3]
    assert beside(lots.iloc[1:], streets, reach_ft=1.0).tolist() == []
