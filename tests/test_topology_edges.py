"""Unmatched edges: what bounds overlaps and gaps, and nothing else."""

import numpy as np
import pytest
import shapely
from shapely import box

from citygis.topology.edges import mated, unmatched_edges, walked_once
from citygis.topology.paths import paths_of

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


@pytest.mark.parametrize("turned", [False, True])
def test_edges_walked_once_cancel_against_the_polygons_that_they_bound(turned):
    block = np.array([shapely.reverse(box(0, 0, 9, 9)) if turned else box(0, 0, 9, 9)], dtype=object)
    paths = paths_of(block)
    around, none = walked_once(paths, np.flatnonzero(paths.edge)), np.empty(0, dtype=object)
    assert len(unmatched_edges(none, none, around)) == 4 and len(unmatched_edges(none, block, around)) == 0
    assert len(unmatched_edges(block, none, around)) == 4  # covered twice inside, not at all outside
    assert len(unmatched_edges(none, np.array([box(0, 0, 9, 9), box(9, 0, 18, 9)]), around)) == 4


def mates(*polygons, copies=()):
    """The features across each edge that has a mate, how many edges have none, and features with an edge in common."""
    paths = paths_of(np.array(polygons, dtype=object))
    paths, open_edges, doubled = mated(paths, np.array(copies, dtype=int))
    edge = np.flatnonzero(paths.mate >= 0)
    assert (paths.mate[paths.mate[edge]] == edge).all()  # a mate has a mate
    across = np.stack([paths.owner[paths.path_of[edge]], paths.owner[paths.path_of[paths.mate[edge]]]], axis=1)
    return {tuple(sorted(pair)) for pair in across.tolist()}, len(open_edges), {tuple(sorted(pair)) for pair in doubled.tolist()}


@pytest.mark.parametrize("chunk", [1, 2, 6_000])
@pytest.mark.parametrize("turned", [(), (1,), (0, 1, 2)])
def test_neighbours_are_mates_in_whatever_chunk_they_stand_and_whichever_way_they_run(monkeypatch, chunk, turned):
    monkeypatch.setattr("citygis.topology.paths.CHUNK", chunk)
    lots = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(2, 0, 3, 1)]
    lots = [shapely.reverse(lot) if k in turned else lot for k, lot in enumerate(lots)]
    assert mates(*lots) == ({(0, 1), (1, 2)}, 8, set())


def test_two_that_lie_on_one_side_of_an_edge_are_told_and_one_of_them_is_the_mate():
    half = shapely.Polygon([(0, 0), (1, 0), (1, 1)])
    pairs, left, doubled = mates(box(0, 0, 1, 1), half, box(1, 0, 2, 1))
    assert doubled == {(0, 1)}  # the lower and the right side of the first
    assert len(pairs) == 1 and left == 4 + 3 + 4 - 2


def test_copies_have_no_edges_and_their_mates_find_another(monkeypatch):
    monkeypatch.setattr("citygis.topology.paths.CHUNK", 2)
    # The copy stands in a chunk with its neighbour, the first one does not.
    assert mates(box(0, 0, 1, 1), box(5, 0, 6, 1), box(0, 0, 1, 1), box(1, 0, 2, 1), copies=[2]) == ({(0, 3)}, 3 + 4 + 3, set())
