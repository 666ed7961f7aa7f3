"""
Ground that two polygons both claim, found from a few pairs that are suspected.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology.growth import Asked, pair_codes
from citygis.topology.measure import polygon_parts
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


def shared_ground(geometry: np.ndarray, candidates: np.ndarray, beyond: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Shared:
    """
    Every pair of polygons whose insides meet, given at least one pair of each group of overlapping ones.

    Overlaps grow from each pair to those beyond its edges until none is left.

    Parameters
    ----------
    geometry : array of geometries
    candidates : (k, 2) array of int
        Pairs of valid polygons, in any order; some of them more than once.
    beyond : callable
        Pairs that share ground in, as two arrays; pairs to be looked at next out, as `pair_codes`. See `citygis.topology.growth`.
    """
    n = len(geometry)
    asked, found = Asked(), []
    code = asked.new(pair_codes(candidates[:, 0], candidates[:, 1], n))
    while len(code):
        left, right = code // n, code % n
        low, high = shapely.bounds(geometry[left]), shapely.bounds(geometry[right])
        meet = ((low[:, :2] < high[:, 2:]) & (high[:, :2] < low[:, 2:])).all(axis=1)
        left, right = left[meet], right[meet]
        parts, pair = polygon_parts(threaded(shapely.intersection, geometry[left], geometry[right], chunk=CHUNK))
        area = np.bincount(pair, weights=shapely.area(parts), minlength=len(left))
        some = area > 0
        keep = some[pair]
        found.append((left[some], right[some], area[some], parts[keep], (np.cumsum(some) - 1)[pair[keep]]))
        code = asked.new(beyond(left[some], right[some]))
    return _together(found)


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
