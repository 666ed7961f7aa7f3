"""Shared ground grows from a few pairs to all that overlap."""

import numpy as np
from shapely import box

from citygis.topology.growth import pair_codes
from citygis.topology.shared import shared_ground


def along_the_row(left, right):
    """Six lots in a row, 0 to 5, each the neighbour of the next; 6 has none. Pairs of each with the neighbours of the other."""
    pairs = zip([*left.tolist(), *right.tolist()], [*right.tolist(), *left.tolist()], strict=True)
    beyond = [(one, lot) for one, other in pairs for lot in (other - 1, other + 1) if other < 6 and 0 <= lot < 6]
    return pair_codes(*np.array(beyond, dtype=int).reshape(-1, 2).T, 7)


LOTS = [box(k * 60, 0, k * 60 + 60, 110) for k in range(6)]


def test_a_parent_over_a_row_is_found_from_one_lot_on():
    found = shared_ground(np.array([*LOTS, box(30, 0, 270, 110)], dtype=object), np.array([[6, 2]]), along_the_row)
    assert list(zip(found.left, found.right, strict=True)) == [(k, 6) for k in range(5)]
    assert found.area_sqft.tolist() == [3300, 6600, 6600, 6600, 3300]
    assert found.pair.tolist() == [0, 1, 2, 3, 4]
    assert [part.area for part in found.parts] == found.area_sqft.tolist()


def test_pairs_that_share_no_ground_lead_nowhere():
    found = shared_ground(np.array([*LOTS, box(0, 110, 360, 200)], dtype=object), np.array([[0, 6], [0, 1], [3, 3]]), along_the_row)
    assert len(found.left) == len(found.parts) == 0


def test_ground_in_two_pieces_is_one_pair():
    fork = box(10, 50, 50, 200).union(box(10, 50, 20, 60)).difference(box(20, 0, 40, 150))
    found = shared_ground(np.array([*LOTS, fork], dtype=object), np.array([[6, 0], [0, 6]]), along_the_row)
    assert found.pair.tolist() == [0, 0]
    assert found.area_sqft.tolist() == [2 * 10 * 60]


def test_no_candidates_give_nothing():
    assert len(shared_ground(np.array(LOTS, dtype=object), np.empty((0, 2), dtype=int), along_the_row).left) == 0
