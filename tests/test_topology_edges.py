"""Unmatched edges: what bounds overlaps and gaps, and nothing else."""

import numpy as np
import shapely
from shapely import box

from citygis.topology.edges import unmatched_edges

NONE = np.empty(0, dtype=object)


def edges(*polygons, against=()):
    found = unmatched_edges(np.array(polygons, dtype=object), np.array(against, dtype=object) if against else NONE)
    return {tuple(map(tuple, sorted(shapely.get_coordinates(edge).tolist()))) for edge in found}


def test_a_shared_edge_cancels_whichever_way_the_rings_run():
    shared = ((1.0, 0.0), (1.0, 1.0))
    assert shared not in edges(box(0, 0, 1, 1), box(1, 0, 2, 1))
    assert shared not in edges(box(0, 0, 1, 1), shapely.reverse(box(1, 0, 2, 1)))
    assert len(edges(box(0, 0, 1, 1), box(1, 0, 2, 1))) == 6


def test_parcels_that_fill_their_tract_leave_no_edge():
    assert not edges(box(0, 0, 1, 1), box(1, 0, 2, 1), against=[shapely.Polygon([(0, 0), (1, 0), (2, 0), (2, 1), (1, 1), (0, 1)])])


def test_an_edge_in_two_pieces_on_one_side_is_left_over():
    found = edges(box(0, 0, 1, 2), shapely.Polygon([(1, 0), (2, 0), (2, 2), (1, 2), (1, 1)]))
    assert {((1.0, 0.0), (1.0, 2.0)), ((1.0, 0.0), (1.0, 1.0)), ((1.0, 1.0), (1.0, 2.0))} <= found


def test_two_copies_do_not_cancel():
    assert len(edges(box(0, 0, 1, 1), box(0, 0, 1, 1))) == 4


def test_a_lot_in_a_hole_cancels_the_hole():
    hole = [(2, 2), (3, 2), (3, 3), (2, 3)]
    assert len(edges(shapely.Polygon(box(0, 0, 5, 5).exterior, [hole]), box(2, 2, 3, 3))) == 4


def test_noise_below_the_last_decimal_does_not_count():
    assert len(edges(box(0, 0, 1 + 3e-9, 1), box(1, 0, 2, 1))) == 6
    assert len(edges(box(0, 0, 1.001, 1), box(1, 0, 2, 1))) == 8


def test_nothing_has_no_edges():
    assert not edges() and not edges(None)
