"""
Which polygons adjoin, by how many feet of common line, and which pieces they make: a corner is not enough, nor is water.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology import connected
from citygis.topology.segments import Segments, box_pairs, near_stretches, stretch_lines

TOLERANCE_FT = 0.01
"""Two lines this near are one, where corners of one neighbour are missing in the other."""

_GRID_FT = 1e-3
_SHIFT = np.uint64(32)
_MIX = np.uint64(0x9E3779B97F4A7C15)  # of the SplitMix64 generator (Steele, Lea and Flood 2014)


class Borders(NamedTuple):
    """
    Common lines of pairs of polygons, stretch by stretch.

    Attributes
    ----------
    one, other : arrays of k int
        The two polygons, one < other; a pair as often as it has stretches.
    start, end : (k, 2) arrays of float
        Of the stretch, easting and northing in feet.
    """

    one: np.ndarray
    other: np.ndarray
    start: np.ndarray
    end: np.ndarray

    @property
    def length_ft(self) -> np.ndarray:
        """Of each stretch."""
        return np.hypot(*(self.end - self.start).T)

    def lines(self) -> np.ndarray:
        """Each as a LineString."""
        return shapely.linestrings(np.stack([self.start, self.end], axis=1))


class Adjoining(NamedTuple):
    """
    Pairs of polygons with a common line.

    Attributes
    ----------
    one, other : arrays of k int
        one < other, ascending, each pair once.
    length_ft : array of k float
    """

    one: np.ndarray
    other: np.ndarray
    length_ft: np.ndarray


def borders(shapes: np.ndarray, *, tolerance_ft: float = TOLERANCE_FT) -> Borders:
    """
    The common lines of polygons that lie side by side.

    Parameters
    ----------
    shapes : array of n Polygon or MultiPolygon
        In feet. None and empty ones have no line.
    tolerance_ft : float
        Lines this near are common where their corners differ.

    Returns
    -------
    Borders

    Notes
    -----
    Edges drawn alike on both sides, to a thousandth of a foot, are found in one sorted table. What is left, where one neighbour has
    a corner that the other has not, is laid side by side.
    """
    owner, start, end = _edges(shapes)
    low, high, key = _keys(start, end)
    order = np.argsort(key, kind="stable")
    mated = np.zeros(len(order), dtype=bool)
    one, other, edge = [], [], []
    for step in range(1, len(order)):
        # Neighbours in the table: a third polygon on the same edge is met at the next step.
        a, b = order[:-step], order[step:]
        same = key[a] == key[b]
        if not same.any():
            break
        a, b = a[same], b[same]
        alike = (low[a] == low[b]).all(axis=1) & (high[a] == high[b]).all(axis=1) & (owner[a] != owner[b])
        a, b = a[alike], b[alike]
        mated[a] = mated[b] = True
        one.append(owner[a])
        other.append(owner[b])
        edge.append(a)
    at = np.concatenate(edge) if edge else np.empty(0, dtype=np.intp)
    first, second = (np.concatenate(each) if each else np.empty(0, dtype=np.intp) for each in (one, other))
    left = np.flatnonzero(~mated)
    alone = Segments(start[left], end[left], owner[left])
    some, others = box_pairs(alone, alone, tolerance_ft) if len(left) else (left, left)
    upward = alone.part[some] < alone.part[others]
    some, others = some[upward], others[upward]
    near, far = near_stretches(alone.take(some), alone.take(others), tolerance_ft)
    # Within reach is also what lies a tolerance beyond the other's end: that is not beside it.
    low, high = _abreast(alone.take(some), alone.take(others))
    near, far = np.maximum(near, low), np.minimum(far, high)
    # Two lines that only cross or touch are near for a few tolerances.
    beside = far - near > 4 * tolerance_ft
    some, others = some[beside], others[beside]
    ends = shapely.get_coordinates(stretch_lines(alone, some, near[beside], far[beside])).reshape(-1, 2, 2)
    first, second = np.concatenate([first, alone.part[some]]), np.concatenate([second, alone.part[others]])
    return Borders(
        np.minimum(first, second),
        np.maximum(first, second),
        np.concatenate([start[at], ends[:, 0]]),
        np.concatenate([end[at], ends[:, 1]]),
    )


def adjoining(common: Borders, *, least_ft: float, water: shapely.Geometry | None = None) -> Adjoining:
    """
    The pairs with a long enough common line.

    Parameters
    ----------
    common : Borders
    least_ft : float
        A shorter common line is a corner.
    water : Polygon or MultiPolygon, optional
        A line in it does not count.
    """
    length = common.length_ft
    if water is not None and len(length):
        lines = common.lines()
        shapely.prepare(water)
        wet = np.flatnonzero(shapely.intersects(water, lines))
        length[wet] = shapely.length(shapely.difference(lines[wet], water))
    n = int(common.other.max(initial=0)) + 1
    pair, at = np.unique(common.one.astype(np.int64) * n + common.other, return_inverse=True)
    total = np.bincount(at.ravel(), weights=length, minlength=len(pair))
    enough = total >= least_ft
    return Adjoining(pair[enough] // n, pair[enough] % n, total[enough])


def pieces_of(group: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """
    Which piece of its group each member is in.

    Parameters
    ----------
    group : array of n int
        -1 for none.
    one, other : arrays of k int
        Members that adjoin; pairs of two groups do not count.

    Returns
    -------
    array of n int
        The least member of the piece; -1 for those of no group.
    """
    same = (group[one] == group[other]) & (group[one] >= 0)
    return np.where(group >= 0, connected(len(group), one[same], other[same]), -1)


def _edges(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The owner and both ends of every edge that has a length."""
    parts, of = shapely.get_parts(np.asarray(shapes, dtype=object), return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    walked = (ring[1:] == ring[:-1]) & (points[1:] != points[:-1]).any(axis=1)
    return of[part[ring[:-1][walked]]], points[:-1][walked], points[1:][walked]


def _abreast(some: Segments, others: Segments) -> tuple[np.ndarray, np.ndarray]:
    """From where to where along each segment the ends of the other one beside it lie, feet."""
    along = (some.end - some.start) / some.length_ft[:, None]
    ends = [((each - some.start) * along).sum(axis=1) for each in (others.start, others.end)]
    return np.minimum(*ends), np.maximum(*ends)


def _keys(start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both ends of each edge in thousandths of a foot, the lesser first, and a number that equal edges share."""
    a, b = (np.round(each / _GRID_FT).astype(np.int64) for each in (start, end))
    turned = (a[:, 0] > b[:, 0]) | ((a[:, 0] == b[:, 0]) & (a[:, 1] > b[:, 1]))
    low, high = np.where(turned[:, None], b, a), np.where(turned[:, None], a, b)
    key = np.zeros(len(a), dtype=np.uint64)
    for column in (low[:, 0], low[:, 1], high[:, 0], high[:, 1]):
        key = (key ^ column.astype(np.uint64)) * _MIX
        key ^= key >> _SHIFT
    return low, high, key
