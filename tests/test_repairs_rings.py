"""Rings taken apart, changed and put together."""

import numpy as np
import shapely

from citygis.repairs.rings import Change, beside, changed, place_keys, rings_of

NONE = (np.empty(0, dtype=int), np.empty((0, 2)))
SQUARE = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10)], [[(2, 2), (2, 4), (4, 4)]])
PAIR = shapely.MultiPolygon([SQUARE, shapely.box(20, 0, 30, 10)])
LINE = shapely.LineString([(0, 0), (10, 0), (10, 10)])


def change(moved=((), ()), dropped=NONE, merged=NONE, inserted=NONE):
    start, end = (np.array(each, dtype=float).reshape(-1, 2) for each in moved)
    return Change(start, end, dropped, merged, inserted)


def at(*features_and_places):
    return np.array([f for f, _ in features_and_places]), np.array([p for _, p in features_and_places], dtype=float)


def test_nothing_asked_gives_the_very_objects_back():
    shapes = np.array([SQUARE, PAIR, LINE, None], dtype=object)
    after, touched = changed(shapes, change())
    assert all(a is b for a, b in zip(shapes, after, strict=True)) and not touched.any()


def test_a_place_is_moved_in_every_feature_holes_and_parts_kept():
    shapes = np.array([SQUARE, PAIR, LINE, shapely.box(50, 50, 60, 60)], dtype=object)
    after, touched = changed(shapes, change(moved=([(10, 0)], [(10.1, 0)])))
    assert touched.tolist() == [True, True, True, False]
    assert after[0].wkt == "POLYGON ((0 0, 10.1 0, 10 10, 0 10, 0 0), (2 2, 2 4, 4 4, 2 2))"
    assert len(after[1].geoms) == 2 and len(after[1].geoms[0].interiors) == 1
    assert after[2].wkt == "LINESTRING (0 0, 10.1 0, 10 10)"


def test_vertices_are_inserted_in_the_nearest_edge_in_their_order_along_it():
    places = at((0, (7, 0.01)), (0, (3, -0.01)), (0, (0.02, 5)))
    after, _ = changed(np.array([SQUARE], dtype=object), change(inserted=places))
    assert list(after[0].exterior.coords) == [(0, 0), (3, -0.01), (7, 0.01), (10, 0), (10, 10), (0, 10), (0.02, 5), (0, 0)]


def test_corners_that_come_together_are_one_also_where_the_ring_closes():
    ring = shapely.Polygon([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0.01)])
    after, _ = changed(np.array([ring], dtype=object), change(moved=([(0, 0.01)], [(0, 0)])))
    assert list(after[0].exterior.coords) == [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]


def test_a_ring_that_loses_its_corners_is_none():
    triangle = shapely.Polygon([(0, 0), (1, 0), (0, 1)])
    after, touched = changed(np.array([triangle], dtype=object), change(dropped=at((0, (1, 0)))))
    assert after[0] is None and touched[0]


def test_places_agree_to_the_last_decimal_and_no_farther():
    keys = place_keys(np.array([(6_336_000.0, 2_122_000.0), (6_336_000.00004, 2_122_000.0), (6_336_000.0002, 2_122_000.0)]))
    assert keys[0] == keys[1] != keys[2]


def test_a_point_beside_an_edge_is_held_to_its_ends():
    along, off = beside(np.array([(5.0, 3.0), (-4.0, 3.0)]), np.zeros((2, 2)), np.array([(10.0, 0.0)] * 2))
    assert along.tolist() == [0.5, 0.0] and off.tolist() == [3.0, 5.0]


def test_points_and_collections_have_no_rings():
    rings = rings_of(np.array([shapely.Point(0, 0), shapely.GeometryCollection([SQUARE]), None], dtype=object))
    assert len(rings.coordinates) == 0
