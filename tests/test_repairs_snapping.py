"""Which corner is moved onto which."""

import numpy as np
import pytest
import shapely

from citygis.repairs.rings import rings_of
from citygis.repairs.snapping import places_of, targets

NO_CORNERS = shapely.STRtree([])


def squares(*south_west):
    return np.array([shapely.box(e, n, e + 10, n + 10) for e, n in south_west], dtype=object)


def moves(shapes, one, other, accuracy=None, corners=NO_CORNERS, **options):
    """What is moved onto what, as coordinates, for one pair of places."""
    known = np.full(len(shapes), 1.0) if accuracy is None else np.array(accuracy)
    places = places_of(rings_of(shapes), known, corners)
    moved, onto = targets(places, places.at(np.array([one])), places.at(np.array([other])), **options)
    return [(tuple(places.places[a]), tuple(places.places[b])) for a, b in zip(moved, onto, strict=True)]


def test_the_corner_that_most_features_have_stays():
    shapes = squares((0, 0), (10.05, 0), (10.05, 10))
    assert moves(shapes, (10, 10), (10.05, 10)) == [((10, 10), (10.05, 10))]


def test_of_two_with_as_many_features_the_one_known_better_stays():
    shapes = squares((0, 0), (10.05, 0))
    assert moves(shapes, (10, 10), (10.05, 10), accuracy=[0.5, 0.2]) == [((10, 10), (10.05, 10))]
    assert moves(shapes, (10, 10), (10.05, 10), accuracy=[0.2, 0.5]) == [((10.05, 10), (10, 10))]


def test_of_two_alike_the_western_one_stays():
    assert moves(squares((10.05, 0), (0, 0)), (10.05, 10), (10, 10)) == [((10.05, 10), (10, 10))]


def test_a_corner_known_better_than_the_distance_stays_and_the_other_one_moves():
    shapes = squares((0, 0), (10.05, 0), (10.05, 10))
    assert moves(shapes, (10, 10), (10.05, 10), accuracy=[0.03, 1.0, 1.0]) == [((10.05, 10), (10, 10))]


@pytest.mark.parametrize(("tolerance_ft", "is_moved"), [(0.0501, True), (0.0499, False)])
def test_the_tolerance_bounds_the_move(tolerance_ft, is_moved):
    assert bool(moves(squares((0, 0), (10.05, 0)), (10, 10), (10.05, 10), tolerance_ft=tolerance_ft)) == is_moved


def test_a_corner_of_the_corner_layer_stays_and_two_of_them_stay_both():
    shapes = squares((0, 0), (10.05, 0), (10.05, 10))
    one = shapely.STRtree([shapely.Point(10, 10.009)])
    assert moves(shapes, (10, 10), (10.05, 10), corners=one) == [((10.05, 10), (10, 10))]
    both = shapely.STRtree([shapely.Point(10, 10), shapely.Point(10.05, 10)])
    assert moves(shapes, (10, 10), (10.05, 10), corners=both) == []


def test_a_chain_is_not_followed_so_nothing_moves_twice():
    shapes = squares((0, 0), (10.1, 0), (10.2, 0))
    places = places_of(rings_of(shapes), np.full(3, 1.0), NO_CORNERS)
    a, b, c = places.at(np.array([(10.0, 10), (10.1, 10), (10.2, 10)]))
    moved, onto = targets(places, np.array([a, b]), np.array([b, c]))
    assert moved.tolist() == [b] and onto.tolist() == [a]
