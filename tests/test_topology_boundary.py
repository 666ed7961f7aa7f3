"""Boundaries no line follows: stretches, lengths, and agreement with buffers."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import LineString, box

from citygis.errors import CRSError
from citygis.topology.boundary import followed_ft, uncovered_stretches

FEET = "EPSG:6420"
LOT = box(0, 0, 60, 110)
SIDES = [[(0, 0), (60, 0)], [(60, 0), (60, 110)], [(60, 110), (0, 110)], [(0, 110), (0, 0)]]


def layer(*geometry, crs=FEET):
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(geometry), crs=crs))


def sides(*numbers):
    return layer(*(LineString(SIDES[k]) for k in numbers))


def test_a_lot_with_all_its_courses_drawn_is_covered():
    assert uncovered_stretches(layer(LOT), sides(0, 1, 2, 3), tolerance_ft=0).empty
    assert uncovered_stretches(sides(0, 1, 2, 3), layer(LOT), tolerance_ft=0).empty


def test_two_missing_courses_over_the_start_of_the_ring_are_one_stretch():
    lot = shapely.Polygon([(0, 0), (60, 0), (60, 110), (0, 110)])
    found = uncovered_stretches(layer(lot), sides(1, 2), tolerance_ft=0.01)
    assert found["feature"].tolist() == [0]
    assert found["length_ft"].tolist() == pytest.approx([110 + 60 - 0.02])
    assert shapely.get_num_coordinates(found.geometry[0]) == 3
    assert found["away_ft"][0] == pytest.approx(60, abs=0.001)  # the corner both missing courses share


@pytest.mark.parametrize(("apart", "expected"), [(0.0099, 0), (0.0101, 1)])
def test_the_tolerance_is_how_far_the_line_may_lie(apart, expected):
    moved = layer(*sides(0, 1, 2).geometry, LineString([(-apart, 110), (-apart, 0)]))
    found = uncovered_stretches(layer(LOT), moved, tolerance_ft=0.01)
    assert len(found) == expected
    if expected:
        assert found["away_ft"].tolist() == pytest.approx([apart])


def test_a_course_in_pieces_covers_and_a_piece_left_out_is_the_stretch():
    pieces = [LineString([(0, 0), (20, 0)]), LineString([(60, 0), (33, 0)])]
    found = uncovered_stretches(layer(LOT), sides(1, 2, 3), layer(*pieces), tolerance_ft=0)
    assert found["length_ft"].tolist() == pytest.approx([13])
    assert shapely.get_coordinates(found.geometry[0]).tolist() == [[20, 0], [33, 0]]


def test_a_line_without_covers_is_open_as_a_whole():
    found = uncovered_stretches(layer(None, LOT))
    assert found["feature"].tolist() == [1] and found["length_ft"].tolist() == [340] and np.isinf(found["away_ft"][0])
    assert uncovered_stretches(layer(), layer()).empty


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        uncovered_stretches(layer(LOT), layer(LOT, crs="EPSG:2227"))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_the_open_length_is_what_brute_force_leaves(family):
    for seed in range(6):
        random = np.random.default_rng(seed)
        lots = fabric(random)
        drawn = family(random, lots)
        tolerance = float(random.choice([0.01, 0.2, 3.0]))
        found = uncovered_stretches(layer(*lots), layer(*drawn), tolerance_ft=tolerance)
        near = shapely.union_all(shapely.buffer(shapely.boundary(drawn), tolerance, quad_segs=100))
        expected = [shapely.boundary(lot).difference(near).length for lot in lots]
        told = np.bincount(found["feature"], weights=found["length_ft"], minlength=len(lots))
        assert told == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_what_is_followed_and_what_is_not_make_up_the_boundary(family):
    random = np.random.default_rng(23)
    lots = family(random, fabric(random))
    drawn = [shapely.boundary(each) for each in lots if random.random() < 0.5]
    for tolerance in (0.01, 0.4):
        followed = followed_ft(layer(*lots), layer(*drawn), tolerance_ft=tolerance)
        bare = uncovered_stretches(layer(*lots), layer(*drawn), tolerance_ft=tolerance)
        open_ft = np.bincount(bare["feature"], weights=bare["length_ft"], minlength=len(lots))
        assert followed + open_ft == pytest.approx(shapely.length(lots), abs=1e-3)
        enough = followed_ft(layer(*lots), layer(*drawn), tolerance_ft=tolerance, enough_ft=30.0)
        assert ((enough < 30.0) == (followed < 30.0)).all()
        assert enough[enough < 30.0] == pytest.approx(followed[enough < 30.0])


def test_nothing_is_followed_where_nothing_is_drawn():
    assert followed_ft(layer(LOT, None), layer()).tolist() == [0, 0]
    assert followed_ft(layer(), sides(0)).tolist() == []
