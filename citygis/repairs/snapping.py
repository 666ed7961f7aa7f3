"""
Corners that were meant to be one, brought onto the better of them: an existing corner, never an average.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.repairs.rings import Rings, place_keys

LARGEST_MOVE_FT = 0.12
"""No corner is moved farther, whatever its accuracy: three times the 0.04 ft of a good lot corner, and what a closure of 1:10,000
leaves on a perimeter of 1,200 ft."""

ON_CORNER_FT = 0.01
"""A vertex this near to a feature of the corner layer stands on it (T27)."""


class Places(NamedTuple):
    """
    The distinct places of the vertices of some features, ordered by key.

    Attributes
    ----------
    keys : array of m uint64, ascending
    places : (m, 2) array of float
        To the last bit as the first feature has them.
    uses : array of m int
        How many features have a vertex there.
    accuracy_ft : array of m float
        That of the best of them, at 95 %.
    fixed : array of bool
        A corner of the City's corner layer stands there: it is not moved.
    turns : array of float
        How much the boundary of a feature turns there at most: the sine of the angle, two decimals; 2 where it runs back.
    """

    keys: np.ndarray
    places: np.ndarray
    uses: np.ndarray
    accuracy_ft: np.ndarray
    fixed: np.ndarray
    turns: np.ndarray

    def at(self, points: np.ndarray) -> np.ndarray:
        """The number of each place; -1 where no vertex is."""
        if not len(self.keys):
            return np.full(len(points), -1)
        keys = place_keys(points)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, at, -1)

    def reach_ft(self, tolerance_ft: float) -> np.ndarray:
        """How far each place may be moved: no farther than it is known, nor than the tolerance."""
        return np.where(self.fixed, 0.0, np.minimum(self.accuracy_ft, tolerance_ft))


def places_of(rings: Rings, accuracy_ft: np.ndarray, corners: shapely.STRtree) -> Places:
    """
    The places of the vertices of rings.

    Parameters
    ----------
    rings : Rings
    accuracy_ft : array of float
        Of each feature, at 95 %.
    corners : STRtree of points
        The features of the corner layer.
    """
    keys, owner = place_keys(rings.coordinates), rings.owner
    order = np.lexsort((owner, keys))
    keys, owner, coordinates = keys[order], owner[order], rings.coordinates[order]
    new = np.ones(len(keys), dtype=bool)
    new[1:] = keys[1:] != keys[:-1]
    start = np.flatnonzero(new)
    once = new.copy()
    once[1:] |= owner[1:] != owner[:-1]
    if not len(start):
        none = np.empty(0)
        return Places(keys, np.empty((0, 2)), none.astype(int), none, none.astype(bool), none)
    places = coordinates[start]
    fixed = np.zeros(len(places), dtype=bool)
    if len(corners.geometries):
        fixed[corners.query(shapely.points(places), predicate="dwithin", distance=ON_CORNER_FT)[0]] = True
    uses = np.add.reduceat(once.astype(np.int64), start)
    turns = np.maximum.reduceat(_turns(rings)[order], start)
    return Places(keys[start], places, uses, np.minimum.reduceat(accuracy_ft[owner], start), fixed, turns)


def _turns(rings: Rings) -> np.ndarray:
    """How much a path turns at each vertex; nothing at the end of a line."""
    following, has = rings.following()
    step = rings.coordinates[following] - rings.coordinates
    length = np.hypot(*step.T)
    ahead = np.zeros(len(step))
    there = has & (length > 0)
    ahead[there] = np.arctan2(step[there, 1], step[there, 0])
    turns = np.zeros(len(step))
    onward = there & there[following]
    turn = ahead[following[onward]] - ahead[onward]
    turns[following[onward]] = np.round(np.where(np.cos(turn) < 0, 2 - np.abs(np.sin(turn)), np.abs(np.sin(turn))), 2)
    return turns


def targets(
    places: Places, one: np.ndarray, other: np.ndarray, *, tolerance_ft: float = LARGEST_MOVE_FT, banned: frozenset = frozenset()
) -> tuple[np.ndarray, np.ndarray]:
    """
    Which places are moved onto which.

    Places are taken from the best to the least: one of the corner layer, then the one that most features have, then the one that is
    known best, then the one where the boundary turns most, then from west to east and south to north. Each draws those beside it
    that are allowed to go so far and were not drawn by a better one. What drew others stays, so nothing is moved twice.

    Parameters
    ----------
    places : Places
    one, other : arrays of int
        Pairs of places that were meant to be one.
    tolerance_ft : float
        No place is moved farther; one that is known better is not moved farther than that.
    banned : set of int
        Keys of places that must stay.

    Returns
    -------
    moved, onto : arrays of int
        Places, ascending by `moved`.
    """
    reach = places.reach_ft(tolerance_ft)
    beside: dict[int, set[int]] = {}
    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        if a != b:
            beside.setdefault(a, set()).add(b)
            beside.setdefault(b, set()).add(a)
    held = np.array(sorted(beside), dtype=np.intp)
    easting, northing = places.places[held].T
    rank = np.lexsort((northing, easting, -places.turns[held], places.accuracy_ft[held], -places.uses[held], ~places.fixed[held]))
    standing: dict[int, int] = {}
    for best in held[rank].tolist():
        if best in standing:
            continue
        for near in sorted(beside[best]):
            if near in standing or int(places.keys[near]) in banned:
                continue
            distance = float(np.hypot(*(places.places[near] - places.places[best])))
            if distance <= reach[near]:
                standing[near] = best
                standing[best] = best
    moved = np.array(sorted(k for k, v in standing.items() if k != v), dtype=np.intp)
    return moved, np.array([standing[k] for k in moved.tolist()], dtype=np.intp)
