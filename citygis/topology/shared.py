"""
Ground that two polygons both claim, found from a few pairs that are suspected.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology.measure import polygon_parts
from citygis.topology.nearness import spread
from citygis.topology.threads import threaded

CHUNK = 500


class Shared(NamedTuple):
    """
    Pairs of polygons whose insides meet.

    Attributes
    ----------
    left, right : arrays of int
        Features, left < right; by left, then right.
    area_sqft : array of float
        What they share.
    parts : array of Polygon
        The pieces of it.
    pair : array of int, ascending
        The pair of each piece.
    """

    left: np.ndarray
    right: np.ndarray
    area_sqft: np.ndarray
    parts: np.ndarray
    pair: np.ndarray


Neighbours = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def shared_ground(geometry: np.ndarray, candidates: np.ndarray, neighbours_of: Neighbours) -> Shared:
    """
    Every pair of polygons whose insides meet, given at least one pair of each group of overlapping ones.

    Where A and B overlap, so may A and a neighbour of B, beyond the edge that the two share: overlaps grow from neighbour to
    neighbour until none is left.

    Parameters
    ----------
    geometry : array of geometries
    candidates : (k, 2) array of int
        Pairs of valid polygons, in any order; some of them more than once.
    neighbours_of : callable
        Features in; position and feature of each that has an edge in common out.
    """
    n = len(geometry)
    tested = np.empty(0, dtype=np.int64)
    found = []
    code = pair_codes(candidates[:, 0], candidates[:, 1], n)
    while len(code):
        left, right = code // n, code % n
        low, high = shapely.bounds(geometry[left]), shapely.bounds(geometry[right])
        meet = ((low[:, :2] < high[:, 2:]) & (high[:, :2] < low[:, 2:])).all(axis=1)
        left, right = left[meet], right[meet]
        tested = np.union1d(tested, code)
        parts, pair = polygon_parts(threaded(shapely.intersection, geometry[left], geometry[right], chunk=CHUNK))
        area = np.bincount(pair, weights=shapely.area(parts), minlength=len(left))
        some = area > 0
        keep = some[pair]
        found.append((left[some], right[some], area[some], parts[keep], (np.cumsum(some) - 1)[pair[keep]]))
        code = np.setdiff1d(_grown(left[some], right[some], n, neighbours_of), tested, assume_unique=True)
    return _together(found)


def _grown(left: np.ndarray, right: np.ndarray, n: int, neighbours_of: Neighbours) -> np.ndarray:
    """Pairs of either of a pair with the neighbours of the other."""
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    features, at = np.unique(one, return_inverse=True)
    row, neighbour = neighbours_of(features)
    start = np.searchsorted(row, np.arange(len(features) + 1))
    pair, number = spread(start[at], start[at + 1])
    return pair_codes(neighbour[number], other[pair], n)


def pair_codes(one: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    """One number for each pair of different features of `n`, each once: the lesser times n, and the greater."""
    apart = one != other
    one, other = one[apart].astype(np.int64), other[apart].astype(np.int64)
    return np.unique(np.minimum(one, other) * n + np.maximum(one, other))


def _together(found: list[tuple]) -> Shared:
    if not found:
        none = np.empty(0, dtype=np.int64)
        return Shared(none, none, np.empty(0), np.empty(0, dtype=object), none)
    before = np.cumsum([0, *(len(each[0]) for each in found)])
    left, right, area, parts = (np.concatenate([each[k] for each in found]) for k in range(4))
    pair = np.concatenate([each[4] + by for each, by in zip(found, before[:-1].tolist(), strict=True)])
    order = np.lexsort((right, left))
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    pair = place[pair]
    by_pair = np.argsort(pair, kind="stable")
    return Shared(left[order], right[order], area[order], parts[by_pair], pair[by_pair])
