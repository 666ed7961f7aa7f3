"""
Which points lie in which boxes, for millions of both: the search under every measure that compares corners.

A tree of geometry objects spends its time making the objects. Here points are put in order along a Z-shaped curve, on which every
square of a quadtree is one unbroken run, so that a box of any size is answered by a few runs of one sorted array.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

from citygis.topology.threads import threaded

CHUNK = 50_000
"""Boxes looked up at a time: their candidates fit the memory, whatever the size of the layer."""

MOST_CANDIDATES = 4_000_000
"""Candidates compared at a time. More of them (a thousand vertices in one spot) are taken in turn."""

_BITS = 31
_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
"""By how much the bits of a number are moved apart, and which are kept: after the last step every second bit is free."""


def points_in_boxes(points: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Every point inside every box, edges included.

    Parameters
    ----------
    points : (n, 2) array of float
        Easting and northing, finite.
    low, high : (k, 2) arrays of float
        The south-west and the north-east corner of each box.

    Returns
    -------
    box, point : arrays of int
        Positions of the pairs, by box, then by point.

    Notes
    -----
    Points are ordered by the interleaved bits of their position on a square of 2^31 cells [1]_. What lies far outside the bulk of
    the points is counted to the cell at the border: slower there, never wrong.

    References
    ----------
    .. [1] G. M. Morton, "A computer oriented geodetic data base and a new technique in file sequencing", IBM, 1966.
    """
    return _found(points, low, high, None)


def _found(
    points: np.ndarray, low: np.ndarray, high: np.ndarray, wanted: Callable[[np.ndarray, np.ndarray], np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """As `points_in_boxes`, but only the pairs that are wanted, which is asked before they are gathered."""
    if not len(points) or not len(low):
        return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)
    first, last = np.quantile(points, [0.001, 0.999], axis=0)
    reach = np.maximum(last - first, 1.0)
    origin, cell = first - reach / 2, 2 * reach.max() / 2**_BITS
    code = _interleaved(_cells(points, origin, cell))
    order = np.argsort(code, kind="stable")
    code, places = code[order], points[order]

    def look_up(low: np.ndarray, high: np.ndarray, number: np.ndarray) -> np.ndarray:
        box, start, stop = _runs(code, _cells(low, origin, cell), _cells(high, origin, cell))
        found = []
        for piece in in_turn(stop - start, MOST_CANDIDATES):
            at, point = spread(start[piece], stop[piece])
            at = box[piece][at]
            inside = ((places[point] >= low[at]) & (places[point] <= high[at])).all(axis=1)
            pair = np.stack([number[at[inside]], order[point[inside]]], axis=1)
            found.append(pair if wanted is None else pair[wanted(pair[:, 0], pair[:, 1])])
        return np.concatenate(found) if found else np.empty((0, 2), dtype=np.intp)

    pairs = threaded(look_up, low, high, np.arange(len(low)), chunk=CHUNK)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    return pairs[:, 0], pairs[:, 1]


def near_pairs(points: np.ndarray, reach_ft: float, kind: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    Every two points no farther apart than `reach_ft`.

    Parameters
    ----------
    points : (n, 2) array of float
        Easting and northing, finite.
    reach_ft : float
    kind : array of n int, optional
        Two points of one kind make no pair. A boundary with a vertex every inch would otherwise be paired with itself.

    Returns
    -------
    one, other : arrays of int
        Positions, one < other, ascending.
    distance_ft : array of float
    """

    def wanted(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (one < other) if kind is None else (one < other) & (kind[one] != kind[other])

    one, other = _found(points, points - reach_ft, points + reach_ft, wanted)
    distance = np.hypot(*(points[other] - points[one]).T)
    near = distance <= reach_ft
    return one[near], other[near], distance[near]


def connected(n: int, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """
    For each of n things the least of those that pairs join it to, its own number where none do.

    Union-find with whole arrays: each round hooks every set to its least neighbour and shortens the paths.
    """
    head = np.arange(n)
    while True:
        least = np.minimum(head[one], head[other])
        if (head[one] == least).all() and (head[other] == least).all():
            return head
        np.minimum.at(head, head[one], least)
        np.minimum.at(head, head[other], least)
        while (head[head] != head).any():
            head = head[head]


def groups(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """
    For each pair the number of the group it belongs to: pairs that share a member are of one group, and so on.

    Returns
    -------
    array of int
        Numbered from 0 in the order of the first pair of each.
    """
    if not len(one):
        return np.empty(0, dtype=np.intp)
    members, at = np.unique(np.concatenate([one, other]), return_inverse=True)
    left, right = at[: len(one)], at[len(one) :]
    _, where, group = np.unique(connected(len(members), left, right)[left], return_index=True, return_inverse=True)
    rank = np.empty(len(where), dtype=np.intp)
    rank[np.argsort(where)] = np.arange(len(where))
    return rank[group]


def spread(start: np.ndarray, stop: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    The numbers from each `start` up to its `stop`, end to end.

    Returns
    -------
    run, number : arrays of int
        The position of the run, and the number.
    """
    size = stop - start
    run = np.repeat(np.arange(len(size)), size)
    return run, np.arange(len(run)) - np.repeat(np.cumsum(size) - size, size) + start[run]


def _cells(points: np.ndarray, origin: np.ndarray, cell: float) -> np.ndarray:
    return np.clip(np.floor((points - origin) / cell), 0, 2**_BITS - 1).astype(np.uint64)


def _interleaved(cells: np.ndarray) -> np.ndarray:
    """The bits of both numbers of each cell in turn."""
    bits = cells.copy()
    for shift, mask in _SPREAD:
        bits = (bits | (bits << np.uint64(shift))) & np.uint64(mask)
    return bits[:, 0] | (bits[:, 1] << np.uint64(1))


def _runs(code: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each box the runs of `code` that its squares hold: the box, where the run starts and where it stops."""
    size = (high - low).max(axis=1)
    level = np.frexp(size.astype(float))[1].astype(np.uint64)  # 2 ** level > size: no more than two squares each way
    first, last = low >> level[:, None], high >> level[:, None]
    boxes, corners = [], []
    for east in (0, 1):
        for north in (0, 1):
            has = np.ones(len(low), dtype=bool)
            if east:
                has &= last[:, 0] > first[:, 0]
            if north:
                has &= last[:, 1] > first[:, 1]
            at = np.flatnonzero(has)
            boxes.append(at)
            corners.append(np.stack([(last if east else first)[at, 0], (last if north else first)[at, 1]], axis=1))
    box, corner = np.concatenate(boxes), np.concatenate(corners)
    twice = np.uint64(2) * level[box]
    start_code = _interleaved(corner) << twice
    stop_code = start_code + ((np.uint64(1) << twice) - np.uint64(1))
    start, stop = np.searchsorted(code, start_code), np.searchsorted(code, stop_code, side="right")
    holds = stop > start
    return box[holds], start[holds], stop[holds]


def in_turn(size: np.ndarray, most: int) -> list[slice]:
    """Slices of rows whose sizes add up to no more than `most`, or a little more, but for single rows that are larger."""
    turn = (np.cumsum(size) - 1) // most
    ends = [0, *(np.flatnonzero(np.diff(turn)) + 1).tolist(), len(size)]
    return [slice(a, b) for a, b in pairwise(ends) if b > a]
