"""
How overlaps go on: where two polygons share ground, so may what lies beyond the lines that bound it.

Walk over ground that A and B share, and on, and keep account of who is underfoot. Across an edge of A alone, A gives way to its
neighbour there, and B stays. Across a line that both end on, whether their corners on it agree or not, both give way at once: a
tract and a lot at the tract's line to the next tract and the lot over there. The walk ends at open edges only, which tell the pair
that came there; so, followed back from those, it reaches every pair.
"""

import numpy as np
import shapely

from citygis.topology.approaches import segment_distances_ft
from citygis.topology.nearness import in_turn, spread
from citygis.topology.paths import Paths

MANY_VERTICES = 128
"""The neighbours of a polygon of more vertices are looked for about the other one only: a right of way has a city of them."""

SAME_LINE_FT = 0.001
"""Edges this near may lie on one line: the coordinates are rounded to a tenth of it."""

PARALLEL = 0.01
"""The sine between edges that may lie on one line, rounding aside: a wider angle leaves ground between, an overlap of its own."""

MOST_PAIRS = 1_000_000
"""Pairs of edges compared at a time."""


class Asked:
    """Numbers that were asked before, in sorted runs of falling length: a few more cost little, however many there are."""

    def __init__(self) -> None:
        self._runs: list[np.ndarray] = []

    def new(self, numbers: np.ndarray) -> np.ndarray:
        """Those of some ascending numbers, each once, that were not asked before."""
        for run in self._runs:
            numbers = numbers[run[np.minimum(np.searchsorted(run, numbers), len(run) - 1)] != numbers]
        if len(numbers):
            more = numbers
            while self._runs and len(self._runs[-1]) < 2 * len(more):
                more = np.sort(np.concatenate([self._runs.pop(), more]), kind="stable")
            self._runs.append(more)
        return numbers


def pair_codes(one: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    """One number for each pair of different features of `n`, each once: the lesser times n, and the greater."""
    apart = one != other
    one, other = one[apart].astype(np.int64), other[apart].astype(np.int64)
    return np.unique(np.minimum(one, other) * n + np.maximum(one, other))


def beyond(
    geometry: np.ndarray, paths: Paths, tree: tuple[shapely.STRtree, np.ndarray], left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """
    The pairs of features to be looked at next, given pairs that share ground.

    Parameters
    ----------
    geometry : array of n geometries
    paths : Paths
        Of `geometry`, with all mates.
    tree : STRtree and array of int
        Of the definite polygons, each stack once, and their positions, as `citygis.topology.fabric.Fabric.tree` gives them.
    left, right : arrays of int
        Pairs of features that share ground.

    Returns
    -------
    array of int64, ascending
        As `pair_codes` gives them: every pair that takes the place of a given one beyond an edge, and some
        that share no ground.
    """
    one, other = np.r_[left, right], np.r_[right, left]
    wide = _size(paths, other) > MANY_VERTICES
    features, at = np.unique(other[~wide], return_inverse=True)
    row, edge = _shared_edges(paths, features)
    start = np.searchsorted(row, np.arange(len(features) + 1))
    pair, number = spread(start[at], start[at + 1])
    about = np.unique(one[wide])
    which, near = tree[0].query(geometry[about])
    past_one = np.r_[one[~wide][pair], about[which]], np.r_[_neighbour(paths, edge)[number], tree[1][near]]
    more = _size(paths, left) > _size(paths, right)
    past_both = _past_both(geometry, paths, tree, np.where(more, right, left), np.where(more, left, right))
    found = np.concatenate([past_one, past_both], axis=1)
    return pair_codes(found[0], found[1], len(geometry))


def _past_both(
    geometry: np.ndarray, paths: Paths, tree: tuple[shapely.STRtree, np.ndarray], few: np.ndarray, many: np.ndarray
) -> np.ndarray:
    """
    The neighbours of both of each pair across the lines that both end on, in two rows.

    The edges of the one with fewer vertices are held against those of the other; where that one has too many, against those edges
    of what lies about that are shared with it.
    """
    low, high = (shapely.bounds(geometry[each]) for each in (few, many))
    both = np.hstack([np.maximum(low[:, :2], high[:, :2]) - SAME_LINE_FT, np.minimum(low[:, 2:], high[:, 2:]) + SAME_LINE_FT])
    pair, edge = _shared_edges(paths, few, both)
    wide = _size(paths, many) > MANY_VERTICES
    found = [np.empty((2, 0), dtype=np.intp)]
    rows = np.flatnonzero(~wide)
    at, facing = _shared_edges(paths, many[rows], both[rows])
    here = np.flatnonzero(~wide[pair])
    start, stop = (np.searchsorted(rows[at], pair[here], side=side) for side in ("left", "right"))
    for part in in_turn(stop - start, MOST_PAIRS):
        k, j = spread(start[part], stop[part])
        one, two = edge[here[part]][k], facing[j]
        same = _on_one_line(paths, one, two)
        found.append(np.stack([_neighbour(paths, one[same]), _neighbour(paths, two[same])]))
    here = np.flatnonzero(wide[pair])
    which, near = tree[0].query(shapely.box(*_boxes(paths, edge[here], SAME_LINE_FT).T))
    one, near, whose = edge[here[which]], tree[1][near], many[pair[here[which]]]
    wider = _size(paths, near) > MANY_VERTICES
    found.append(np.stack([_neighbour(paths, one[wider]), near[wider]]))
    one, near, whose = one[~wider], near[~wider], whose[~wider]
    at, two = _shared_edges(paths, near)
    at, two = (each[_neighbour(paths, two) == whose[at]] for each in (at, two))
    same = _on_one_line(paths, one[at], two)
    found.append(np.stack([_neighbour(paths, one[at[same]]), near[at[same]]]))
    return np.concatenate(found, axis=1)


def _size(paths: Paths, features: np.ndarray) -> np.ndarray:
    """How many vertices features have."""
    return paths.start[paths.first[features + 1]] - paths.start[paths.first[features]]


def _shared_edges(paths: Paths, features: np.ndarray, within: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Positions among features, and the edges of each that have a mate; only those that meet a box, where boxes are given."""
    at, edge = spread(paths.start[paths.first[features]], paths.start[paths.first[features + 1]])
    has = paths.mate[edge] >= 0
    at, edge = at[has], edge[has]
    if within is None:
        return at, edge
    west, south, east, north = within[at].T
    box = _boxes(paths, edge)
    meets = (box[:, 0] <= east) & (box[:, 2] >= west) & (box[:, 1] <= north) & (box[:, 3] >= south)
    return at[meets], edge[meets]


def _boxes(paths: Paths, edge: np.ndarray, margin_ft: float = 0.0) -> np.ndarray:
    a, b = paths.coordinates[edge], paths.coordinates[edge + 1]
    return np.hstack([np.minimum(a, b) - margin_ft, np.maximum(a, b) + margin_ft])


def _neighbour(paths: Paths, edge: np.ndarray) -> np.ndarray:
    """The features on the other side of edges."""
    return paths.owner[paths.path_of[paths.mate[edge]]].astype(np.intp)


def _on_one_line(paths: Paths, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Positions of the pairs of edges that may lie on each other for some way, seen from the longer of both."""
    a, b, c, d = (paths.coordinates[vertex] for vertex in (one, one + 1, two, two + 1))
    along, across = b - a, d - c
    length, width = np.hypot(*along.T), np.hypot(*across.T)
    sine = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    at = np.flatnonzero(sine <= PARALLEL * length * width + SAME_LINE_FT * np.maximum(length, width))
    swap = (width > length)[at, None]
    a, b, c, d = a[at], b[at], c[at], d[at]
    a, b, c, d = np.where(swap, c, a), np.where(swap, d, b), np.where(swap, a, c), np.where(swap, b, d)
    along = b - a
    first, last = (np.einsum("ij,ij->i", along, end - a) for end in (c, d))
    square = np.einsum("ij,ij->i", along, along)
    laps = (np.maximum(first, last) > 0) & (np.minimum(first, last) < square)
    laps[laps] = segment_distances_ft(a[laps], b[laps], c[laps], d[laps]) <= SAME_LINE_FT
    return at[laps]
