"""
Cross sections of ground along a line: how far it reaches to the left and to the right, square to the line.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.topology import places

_DIRECTION_FT = 0.5
_SAME_FT = 1e-6


class Stations(NamedTuple):
    """
    Places along lines.

    Parameters
    ----------
    line : array of int, n
        Position of the line.
    along_ft : array of float, n
        From its start.
    points : array (n, 2)
    ahead : array (n, 2)
        Of length 1, the way the line runs.
    """

    line: np.ndarray
    along_ft: np.ndarray
    points: np.ndarray
    ahead: np.ndarray


def stations_along(lines: np.ndarray, interval_ft: float) -> Stations:
    """
    Places evenly spaced along lines, no farther apart than an interval; half a space from either end.

    Parameters
    ----------
    lines : array of LineString
    interval_ft : float
    """
    long = shapely.length(lines)
    count = np.maximum(np.ceil(long / interval_ft).astype(int), 1)
    of = np.repeat(np.arange(len(lines)), count)
    nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    along = (nth + 0.5) * (long / count)[of]
    half = np.minimum(_DIRECTION_FT, long[of] / 4)
    points, before, after = (
        shapely.get_coordinates(shapely.line_interpolate_point(lines[of], at)) for at in (along, along - half, along + half)
    )
    ahead = after - before
    return Stations(of, along, points, ahead / np.maximum(np.hypot(*ahead.T), 1e-12)[:, None])


def node_degrees(lines: np.ndarray, *, tolerance_ft: float = 0.01) -> np.ndarray:
    """How many ends of lines meet at the start and at the end of each: array (n, 2) of int."""
    ends = np.vstack([shapely.get_coordinates(shapely.get_point(lines, at)) for at in (0, -1)])
    place = places(ends, tolerance_ft)
    return np.bincount(place)[place].reshape(2, -1).T


def reaches_ft(ground: shapely.Geometry, stations: Stations, *, to_left: bool, reach_ft: float, gap_ft: float) -> np.ndarray:
    """
    How far ground reaches from each station, square to its line.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
        Valid.
    stations : Stations
    to_left : bool
    reach_ft : float
        Ground that reaches farther gives infinity.
    gap_ft : float
        A gap of the ground no wider than this is passed over.

    Returns
    -------
    array of float, n
        Feet; NaN where the station itself is not on the ground.

    Notes
    -----
    Each crossing of the section with an edge of the ground is worked out from coordinates; the middle of the stretch between two
    crossings tells whether that is ground.
    """
    shapely.prepare(ground)
    points, ahead = stations.points, stations.ahead
    aside = np.column_stack([-ahead[:, 1], ahead[:, 0]]) * (1.0 if to_left else -1.0)
    out = np.where(shapely.contains_xy(ground, points), np.inf, np.nan)
    start, end = _edges(ground)
    rays = shapely.linestrings(np.stack([points, points + reach_ft * aside], axis=1))
    ray, edge = shapely.STRtree(shapely.linestrings(np.stack([start, end], axis=1))).query(rays, predicate="intersects")
    along = end[edge] - start[edge]
    away = start[edge] - points[ray]
    d = aside[ray]
    across = d[:, 0] * along[:, 1] - d[:, 1] * along[:, 0]
    slanted = np.abs(across) > 1e-12 * np.hypot(*along.T)
    ray, at = ray[slanted], ((away[:, 0] * along[:, 1] - away[:, 1] * along[:, 0])[slanted]) / across[slanted]
    order = np.lexsort((at, ray))
    ray, at = ray[order], at[order]
    new = np.r_[True, (np.diff(ray) != 0) | (np.diff(at) > _SAME_FT)] if len(ray) else np.empty(0, dtype=bool)
    ray, at = ray[new], at[new]
    if not len(ray):
        return out
    following = np.r_[ray[1:] == ray[:-1], False]
    until = np.where(following, np.r_[at[1:], 0.0], reach_ft)
    middle = points[ray] + ((at + until) / 2)[:, None] * aside[ray]
    leaves = ~shapely.contains_xy(ground, middle) & (until - at > gap_ft)
    first = np.full(len(out), np.inf)
    np.minimum.at(first, ray[leaves], at[leaves])
    return np.where(np.isnan(out), np.nan, first)


def section_lines(stations: Stations, left_ft: np.ndarray, right_ft: np.ndarray) -> np.ndarray:
    """The cross section at each station, from its left end to its right one."""
    aside = np.column_stack([-stations.ahead[:, 1], stations.ahead[:, 0]])
    ends = [stations.points + left_ft[:, None] * aside, stations.points - right_ft[:, None] * aside]
    return shapely.linestrings(np.stack(ends, axis=1))


def _edges(ground: shapely.Geometry) -> tuple[np.ndarray, np.ndarray]:
    rings = shapely.get_rings(shapely.get_parts(ground))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    whole = ring[:-1] == ring[1:]
    return points[:-1][whole], points[1:][whole]
