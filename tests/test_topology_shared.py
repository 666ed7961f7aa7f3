"""Shared ground grows from a few pairs to all that overlap."""

import numpy as np
from shapely import box

from citygis.topology.shared import shared_ground


def row_of_lots(features):
    """Six lots in a row, 0 to 5, each the neighbour of the next; 6 has none."""
    pairs = [(k, n) for k, f in enumerate(features.tolist()) for n in (f - 1, f + 1) if f < 6 and 0 <= n < 6]
    at, neighbour = np.array(pairs, dtype=int).reshape(-1, 2).T
    return at, neighbour


LOTS = [box(k * 60, 0, k * 60 + 60, 110) for k in range(6)]


def test_a_parent_over_a_row_is_found_from_one_lot_on():
    found = shared_ground(np.array([*LOTS, box(30, 0, 270, 110)], dtype=object), np.array([[6, 2]]), row_of_lots)
    assert list(zip(found.left, found.right, strict=True)) == [(k, 6) for k in range(5)]
    assert found.area_sqft.tolist() == [3300, 6600, 6600, 6600, 3300]
    assert found.pair.tolist() == [0, 1, 2, 3, 4]
    assert [part.area for part in found.parts] == found.area_sqft.tolist()


def test_pairs_that_share_no_ground_lead_nowhere():
    found = shared_ground(np.array([*LOTS, box(0, 110, 360, 200)], dtype=object), np.array([[0, 6], [0, 1], [3, 3]]), row_of_lots)
    assert len(found.left) == len(found.parts) == 0


def test_ground_in_two_pieces_is_one_pair():
    fork = box(10, 50, 50, 200).union(box(10, 50, 20, 60)).difference(box(20, 0, 40, 150))
    found = shared_ground(np.array([*LOTS, fork], dtype=object), np.array([[6, 0], [0, 6]]), row_of_lots)
    assert found.pair.tolist() == [0, 0]
    assert found.area_sqft.tolist() == [2 * 10 * 60]


def test_no_candidates_give_nothing():
    assert len(shared_ground(np.array(LOTS, dtype=object), np.empty((0, 2), dtype=int), row_of_lots).left) == 0
