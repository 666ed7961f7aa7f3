"""
Parcels that lie beside where their neighbours have them: which hang together, and by what one movement they are off.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.cogo import helmert
from citygis.topology.corners import SAME_CORNER_FT
from citygis.topology.measure import polygon_parts
from citygis.topology.nearness import connected, near_pairs

BLOCK_FT = 1.0
"""Parcels no farther apart than this stand in one block; the narrowest alley is wider."""

FEWEST_CORNERS = 3
"""So many corners must be off by one shift before it is called one, and one more by one turn: one or two of them give it, and
the others test it."""

SPREAD_SHARE = 0.25
SPREAD_FT = 0.003
"""How far corners may be off from the one movement: a quarter of it, or what rounding to 0.001 ft on both sides leaves."""

WHOLE_SHARE = 0.05
"""The corners that are off must hold this part of the ground between them, or a line is off and not what it bounds."""

QUANTA_FT = (1.0, 0.5, 0.1, 0.05, 0.01, 0.001)
"""Steps that coordinates are rounded to."""


class Drift(NamedTuple):
    """
    Features that are off together. ``rows`` : which. ``easting_ft``, ``northing_ft`` : how far their middle lies from where the
    neighbours have it. ``rotation_deg`` : clockwise, 0 where a shift explains it. ``corners`` : how many say so. ``rms_ft`` : what
    is left after it. ``most_ft`` : how far off the worst corner is.
    """

    rows: np.ndarray
    easting_ft: float
    northing_ft: float
    rotation_deg: float
    corners: int
    rms_ft: float
    most_ft: float


def blocks(polygons: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    The blocks that some features stand in: all that hang together with them, up to the streets.

    Parameters
    ----------
    polygons : array of n geometries
        In feet. Null ones stand nowhere.
    rows : array of int
        Where to begin.

    Returns
    -------
    members : array of int
        Rows, ascending.
    block : array of int
        The block of each member: the least row in it.
    """
    tree = shapely.STRtree(polygons)
    seen = np.zeros(len(polygons), dtype=bool)
    frontier = np.unique(rows[~shapely.is_missing(polygons[rows])])
    links = []
    while len(frontier):
        seen[frontier] = True
        at, by = tree.query(polygons[frontier], predicate="dwithin", distance=BLOCK_FT)
        links.append(np.stack([frontier[at], by]))
        frontier = np.unique(by[~seen[by]])
    members = np.flatnonzero(seen)
    one, other = np.concatenate(links, axis=1) if links else np.empty((2, 0), dtype=int)
    return members, connected(len(polygons), one, other)[members]


def drifts(polygons: np.ndarray, members: np.ndarray, block: np.ndarray, *, reach_ft: float) -> list[Drift]:
    """
    What is off as a whole in some blocks: a parcel, or parcels that share their corners with each other and with nobody else.

    Parameters
    ----------
    polygons : array of n geometries, in feet
    members, block : arrays of int
        As `blocks` gives them.
    reach_ft : float
        How far off a corner may be.

    Returns
    -------
    list of Drift
        By their first row. Of the parts that a block falls into, the largest stands still.
    """
    parts, owner = polygon_parts(polygons[members])
    points, part = shapely.get_coordinates(parts, return_index=True)
    owner = members[owner[part]] if len(points) else np.empty(0, dtype=int)
    points, owner = _once(points, owner)
    one, other, distance = near_pairs(points, reach_ft, owner)
    same = distance <= SAME_CORNER_FT
    figure = connected(len(polygons), owner[one[same]], owner[other[same]])
    size = np.bincount(figure[members], minlength=len(polygons))
    block_of = np.full(len(polygons), -1)
    block_of[members] = block
    # The largest figure of each block, the first of equals, is what the others are measured by.
    order = np.lexsort((figure[members], -size[figure[members]], block))
    _, first = np.unique(block[order], return_index=True)
    still = np.zeros(len(polygons), dtype=bool)
    still[figure[members][order[first]]] = True
    one, other, distance = np.r_[one, other], np.r_[other, one], np.r_[distance, distance]
    cross = (figure[owner[one]] != figure[owner[other]]) & ~still[figure[owner[one]]]
    one, other, distance = one[cross], other[cross], distance[cross]
    order = np.lexsort((other, distance, one))
    one, other = one[order], other[order]
    nearest = np.r_[True, one[1:] != one[:-1]] if len(one) else np.zeros(0, dtype=bool)
    one, other = one[nearest], other[nearest]
    group = figure[owner[one]]
    found = []
    for head in np.unique(group):
        mine = group == head
        rows = members[figure[members] == head]
        drift = _drift(rows, points[one[mine]], points[other[mine]], float(shapely.area(polygons[rows]).sum()))
        if drift is not None:
            found.append(drift)
    return sorted(found, key=lambda each: each.rows[0])


def coarseness_ft(polygons: np.ndarray) -> np.ndarray:
    """
    The step that the coordinates of each feature are rounded to, in their unit; 0 where it is finer than a thousandth.

    Parameters
    ----------
    polygons : array of n geometries
    """
    points, owner = shapely.get_coordinates(polygons, return_index=True)
    step = np.zeros(len(polygons))
    there = np.bincount(owner, minlength=len(polygons)) > 0
    for quantum in QUANTA_FT[::-1]:
        # A millionth of a foot is what double precision leaves of State Plane coordinates.
        off = (np.abs(points / quantum - np.round(points / quantum)) * quantum > 1e-6).any(axis=1)
        fits = there & (np.bincount(owner, weights=off, minlength=len(polygons)) == 0)
        step[fits] = quantum
    return step


def _drift(rows: np.ndarray, source: np.ndarray, target: np.ndarray, area: float) -> Drift | None:
    if len(source) < FEWEST_CORNERS or shapely.MultiPoint(source).convex_hull.area < WHOLE_SHARE * area:
        return None
    off = source - target
    most = float(np.hypot(*off.T).max())
    middle = np.median(off, axis=0)
    left = np.hypot(*(off - middle).T)
    within = max(SPREAD_FT, SPREAD_SHARE * float(np.hypot(*middle)))
    if np.hypot(*middle) > SAME_CORNER_FT and (left <= within).mean() >= 0.9:
        return Drift(rows, *map(float, middle), 0.0, len(source), float(np.sqrt((left**2).mean())), most)
    if len(source) <= FEWEST_CORNERS:
        return None
    fit = helmert(target, source)
    turned = np.radians(fit.rotation_deg) * np.hypot(*(source - source.mean(axis=0)).T).max()
    if fit.rms_ft > max(SPREAD_FT, SPREAD_SHARE * most) or abs(turned) < 2 * fit.rms_ft or abs(turned) <= SAME_CORNER_FT:
        return None
    return Drift(rows, *map(float, off.mean(axis=0)), fit.rotation_deg, len(source), fit.rms_ft, most)


def _once(points: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each corner of a feature once, in an order that does not depend on where its rings start."""
    order = np.lexsort((points[:, 1], points[:, 0], owner))
    points, owner = points[order], owner[order]
    new = np.ones(len(owner), dtype=bool)
    new[1:] = (owner[1:] != owner[:-1]) | (points[1:] != points[:-1]).any(axis=1)
    return points[new], owner[new]
