"""Chains of open edges: around blocks, through corners, along holes."""

import numpy as np
import pytest
import shapely
from shapely import box

from citygis.topology.chains import following, next_in_ring, probes
from citygis.topology.edges import mated
from citygis.topology.paths import paths_of


def chains(*polygons):
    """The chains of a layer, each as the vertices its edges start at, least first; and the probes."""
    paths, edges, _ = mated(paths_of(np.array(polygons, dtype=object)), np.empty(0, dtype=int))
    after = following(paths, edges)
    assert sorted(after.tolist()) == list(range(len(edges)))  # a permutation: each edge comes after one
    ends = paths.coordinates[edges], paths.coordinates[edges + 1]
    told, left = [], set(range(len(edges)))
    while left:
        here = at = min(left)
        chain = []
        while True:
            chain.append(at)
            left.discard(at)
            at = int(after[at])
            if at == here:
                break
        told.append(chain)
    return told, probes(after, np.hypot(*(ends[1] - ends[0]).T)), ends


def test_a_block_of_lots_has_one_chain_and_another_block_another():
    found, at, _ = chains(box(0, 0, 1, 2), box(1, 0, 2, 2), box(2, 0, 3, 2), box(9, 0, 10, 1))
    assert sorted(map(len, found)) == [4, 8]
    assert len(at) == 2


def test_a_hole_that_nothing_fills_is_a_chain_of_its_own_and_a_filled_one_is_none():
    ring = shapely.Polygon(box(0, 0, 9, 9).exterior, [box(3, 3, 5, 5).exterior.coords])
    assert len(chains(ring)[0]) == 2
    assert len(chains(ring, box(3, 3, 5, 5))[0]) == 1


@pytest.mark.parametrize("turned", [(), (0,), (1,), (0, 1, 2, 3)])
def test_a_chain_turns_about_a_corner_through_all_that_share_it(turned):
    # Four lots about one corner, the last of them missing: the chain passes the middle.
    lots = [box(0, 0, 1, 1), box(1, 0, 2, 1), box(1, 1, 2, 2), box(7, 7, 8, 8)]
    lots = [shapely.reverse(lot) if k in turned else lot for k, lot in enumerate(lots)]
    found, _, _ = chains(*lots)
    assert sorted(map(len, found)) == [4, 8]


def test_blocks_that_touch_in_a_corner_are_two_chains():
    assert sorted(map(len, chains(box(0, 0, 1, 1), box(1, 1, 2, 2))[0])) == [4, 4]


def test_the_probe_of_a_chain_is_the_longest_edge_of_one_of_its_runs():
    _, at, (start, end) = chains(box(0, 0, 1, 5), box(1, 0, 9, 5))
    lengths = np.hypot(*(end - start).T)
    assert len(at) == 1 and lengths[at[0]] in (5.0, 8.0)


def test_repeated_vertices_are_passed_over():
    twice = shapely.Polygon([(0, 0), (1, 0), (1, 0), (1, 1), (0, 1)])
    paths, edges, _ = mated(paths_of(np.array([twice], dtype=object)), np.empty(0, dtype=int))
    assert edges.tolist() == [0, 2, 3, 4]
    assert next_in_ring(paths, edges).tolist() == [2, 3, 4, 0]
    assert next_in_ring(paths, edges, onward=False).tolist() == [4, 0, 2, 3]


def test_nothing_has_no_chains():
    assert chains(None)[0] == [] and len(chains(None)[1]) == 0
