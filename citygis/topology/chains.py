"""
Chains of open edges: the outer boundaries of the ground that a layer covers, walked with that ground on one side.

Along a chain the number of polygons on its outer side is the same until another open edge comes near. So one place on each chain
tells whether it lies on the ground of others; everything else that can overlap is told by edges that come near each other.
"""

import numpy as np

from citygis.topology.paths import Paths
from citygis.topology.threads import threaded

CHUNK = 30_000
"""Edges taken at a time: what belongs to them fits the cache."""


def following(paths: Paths, open_edges: np.ndarray) -> np.ndarray:
    """
    The open edge that comes after each, walking with the ground on the side of `Paths.turn`.

    Where a ring goes on along a neighbour, the walk turns about the corner through all that share it, mate by mate, to the next
    open edge.

    Parameters
    ----------
    paths : Paths
        With all mates.
    open_edges : array of int, ascending

    Returns
    -------
    array of int
        Positions in `open_edges`, a permutation of them.
    """
    position = np.full(len(paths.mate), -1, dtype=np.int32)
    position[open_edges] = np.arange(len(open_edges), dtype=np.int32)

    def after(edge: np.ndarray) -> np.ndarray:
        found = np.empty(len(edge), dtype=np.int32)
        edge = next_in_ring(paths, edge)
        at = np.arange(len(edge))
        while len(at):
            here = position[edge]
            ends = here >= 0
            found[at[ends]] = here[ends]
            at, edge = at[~ends], edge[~ends]
            edge = next_in_ring(paths, paths.mate[edge])
        return found

    return threaded(after, open_edges, chunk=CHUNK)


def next_in_ring(paths: Paths, edge: np.ndarray, *, onward: bool = True) -> np.ndarray:
    """
    The edge that each edge's ring goes on with, walked with the ground on the side of `Paths.turn`; or the one it came from.

    Repeated vertices are no edges.
    """
    path = paths.path_of[edge]
    start, last = paths.start[path], paths.start[path + 1] - 1
    back = paths.backwards[path] == onward
    here = edge.astype(np.int64)
    todo = slice(None)
    while True:
        on = here[todo] + np.where(back[todo], -1, 1)
        low, high = start[todo], last[todo]
        on[on == high] = low[on == high]
        under = on < low
        on[under] = high[under] - 1
        here[todo] = on
        no_edge = ~paths.edge[on]
        if not no_edge.any():
            return here
        todo = np.arange(len(here))[todo][no_edge]


def probes(after: np.ndarray, length_ft: np.ndarray) -> np.ndarray:
    """
    One edge of each chain, the longest of one of its runs.

    Parameters
    ----------
    after : array of int
        As `following` gives it.
    length_ft : array of float
        Of the open edges.

    Returns
    -------
    array of int
        Positions among the open edges, ascending.
    """
    n = len(after)
    if not n:
        return np.empty(0, dtype=np.intp)
    # Runs of edges that follow each other in the array are taken as one step of the walk.
    goes_on = np.zeros(n, dtype=bool)
    goes_on[:-1] = after[:-1] == np.arange(1, n)
    first = np.flatnonzero(np.append(True, ~goes_on[:-1]))
    last = np.append(first[1:] - 1, n - 1)
    run_of = np.cumsum(np.append(True, ~goes_on[:-1])) - 1
    onward = run_of[after[last]].astype(np.int32)
    least = np.arange(len(first), dtype=np.int32)
    while True:
        lesser = np.minimum(least, least[onward])
        if (lesser == least).all():
            break
        least = lesser
        onward = onward[onward]
    head = np.flatnonzero(least == np.arange(len(first)))
    longest = np.maximum.reduceat(length_ft, first)[head]
    at = np.flatnonzero(np.isin(run_of, head) & (length_ft == np.repeat(_spread_to(longest, head, len(first)), last - first + 1)))
    _, one = np.unique(run_of[at], return_index=True)
    return at[one]


def _spread_to(values: np.ndarray, at: np.ndarray, n: int) -> np.ndarray:
    spread = np.full(n, -1.0)
    spread[at] = values
    return spread
