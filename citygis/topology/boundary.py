"""
Boundaries that no line follows, and lines that follow no boundary.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import require_same_crs
from citygis.topology.paths import hashes, rounded
from citygis.topology.segments import Segments, box_pairs, line_parts, near_stretches, runs, segments, stretch_lines

_BEGIN_BITS = 22
_AFTER = np.uint64(64 - _BEGIN_BITS)
_NOISE_FT = 1e-6  # an open stretch shorter than this is the rounding of two stretches that meet


def uncovered_stretches(
    layer: gpd.GeoDataFrame | gpd.GeoSeries, *covers: gpd.GeoDataFrame | gpd.GeoSeries, tolerance_ft: float = 0.01
) -> gpd.GeoDataFrame:
    """
    Stretches of lines, or of the boundaries of polygons, farther than a tolerance from the linework of other layers.

    With parcels as `layer` and boundary lines as cover it finds the parcel edges nobody drew a course for; the other way round,
    the courses that bound nothing.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n lines or polygons
        In feet; of a polygon, valid or not, the rings count. Null, empty and not finite geometries have none. Not modified.
    *covers : GeoDataFrame or GeoSeries
        Lines or polygons in the same CRS. What two of them cover together is covered.
    tolerance_ft : float
        Every point of a boundary must lie within this of the linework of `covers`.

    Returns
    -------
    GeoDataFrame, m rows
        One row per stretch, ascending by feature: ``feature`` (position), ``length_ft``, ``away_ft``: how far from the covers the
        farthest of its vertices and middles lies (infinite where there are no covers), ``geometry`` (LineString). CRS of `layer`,
        new index. A boundary that two polygons share is told for each.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or they differ.

    Notes
    -----
    Source: "Boundary Must Be Covered By" and "Must Be Covered By Boundary Of" of Esri's geodatabase topology rules, with a
    tolerance that moves no data.
    """
    parts, owner = line_parts(layer)
    edges = segments(parts)
    cover = _linework(layer, covers)
    open_ = np.flatnonzero(~_drawn_alike(edges, cover))
    left = edges.take(open_)
    at, by = box_pairs(left, cover, tolerance_ft) if len(open_) else (open_, open_)
    low, high = near_stretches(left.take(at), cover.take(by), tolerance_ft)
    near = low <= high
    length = left.length_ft
    every = np.arange(len(open_))
    row, low, high = runs(
        np.concatenate([at[near], every, every]),
        np.concatenate([low[near], np.full(len(every), -1.0), length]),
        np.concatenate([high[near], np.zeros(len(every)), length + 1.0]),
        covered=False,
    )
    told = high - low > _NOISE_FT
    row, low, high = row[told], low[told], high[told]
    pieces = stretch_lines(left, row, low, high)
    group = _joined(open_[row], low <= 0, high >= length[row], edges)
    order = np.argsort(group, kind="stable")
    pieces, group, row = pieces[order], group[order], row[order]
    geometry = shapely.line_merge(shapely.multilinestrings(pieces, indices=group))
    feature = np.zeros(len(geometry), dtype=np.intp)
    feature[group] = owner[left.part[row]]
    away = _away_ft(pieces, group, len(geometry), cover)
    table = {"feature": feature, "length_ft": shapely.length(geometry), "away_ft": away}
    return gpd.GeoDataFrame(table, geometry=geometry, crs=layer.crs)


def followed_ft(
    layer: gpd.GeoDataFrame | gpd.GeoSeries,
    *covers: gpd.GeoDataFrame | gpd.GeoSeries,
    tolerance_ft: float = 0.01,
    enough_ft: float = np.inf,
) -> np.ndarray:
    """
    How much of each line, or of the boundary of each polygon, lies within a tolerance of the linework of other layers.

    Parameters
    ----------
    layer, *covers, tolerance_ft
        As for `uncovered_stretches`.
    enough_ft : float
        A feature that has as much in edges drawn alike is not looked at further: of it at least so much is told, not all.

    Returns
    -------
    (n,) array of float
        Feet; 0 for what has no boundary.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or they differ.
    """
    parts, owner = line_parts(layer)
    edges = segments(parts)
    of = owner[edges.part]
    cover = _linework(layer, covers)
    alike = _drawn_alike(edges, cover)
    followed = np.bincount(of, weights=edges.length_ft * alike, minlength=len(layer))
    short = np.flatnonzero((followed < enough_ft)[of] & ~alike)
    left = edges.take(short)
    at, by = box_pairs(left, cover, tolerance_ft) if len(short) else (short, short)
    low, high = near_stretches(left.take(at), cover.take(by), tolerance_ft)
    near = low <= high
    row, low, high = runs(at[near], low[near], high[near], covered=True)
    return followed + np.bincount(of[short[row]], weights=high - low, minlength=len(layer))


def _linework(layer: gpd.GeoDataFrame | gpd.GeoSeries, covers: tuple) -> Segments:
    """The segments of all covering layers, which must be in the CRS of the layer."""
    drawn = [segments(np.empty(0, dtype=object))]
    for cover in covers:
        require_same_crs(layer, cover)
        drawn.append(segments(line_parts(cover, "A covering layer")[0]))
    return Segments(*(np.concatenate(each) for each in zip(*drawn, strict=True)))


def _drawn_alike(edges: Segments, cover: Segments) -> np.ndarray:
    """Which edges stand in `cover` with the same two ends, walked either way."""
    if not len(cover.part) or not len(edges.part):
        return np.zeros(len(edges.part), dtype=bool)
    wanted, there = _grid_ends(edges), _grid_ends(cover)
    keys, known = _keys(wanted), _keys(there)
    order = np.argsort(known)
    known = known[order]
    # A table of what keys begin with tells most edges that are not there, and stays in the cache as a search does not.
    begins = np.zeros(2**_BEGIN_BITS, dtype=bool)
    begins[known >> _AFTER] = True
    alike = begins[keys >> _AFTER]
    some = np.flatnonzero(alike)
    at = order[np.minimum(np.searchsorted(known, keys[some]), len(order) - 1)]
    # A key that two edges happen to share costs time, never an answer.
    (start, end), (one, other) = (each[some] for each in wanted), (each[at] for each in there)
    alike[some] = ((one == start) & (other == end)) | ((one == end) & (other == start))
    return alike


def _grid_ends(some: Segments) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of each segment in units of the coordinate resolution, easting and northing as one complex number."""
    start, end = (rounded(each).view(np.complex128).ravel() for each in (some.start, some.end))
    return start, end


def _keys(ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """A number for each segment, the same whichever way it is walked."""
    start, end = (hashes(each.view(np.float64).reshape(-1, 2)) for each in ends)
    return start + end


def _joined(edge: np.ndarray, from_start: np.ndarray, to_end: np.ndarray, edges: Segments) -> np.ndarray:
    """Open pieces numbered by the stretch they form: one goes on in the next where both reach the vertex between them."""
    if not len(edge):
        return np.zeros(0, dtype=np.intp)
    part = edges.part[edge]
    goes_on = np.zeros(len(edge), dtype=bool)
    goes_on[1:] = (edge[1:] == edge[:-1] + 1) & (part[1:] == part[:-1]) & to_end[:-1] & from_start[1:]
    group = np.cumsum(~goes_on) - 1
    first = np.flatnonzero(np.r_[True, part[1:] != part[:-1]])
    last = np.r_[first[1:] - 1, len(edge) - 1]
    edge_first = np.searchsorted(edges.part, part[first], side="left")
    edge_last = np.searchsorted(edges.part, part[first], side="right") - 1
    whole = (edge[first] == edge_first) & (edge[last] == edge_last) & from_start[first] & to_end[last]
    whole &= (edges.start[edge_first] == edges.end[edge_last]).all(axis=1)
    tail = group[last[whole]]
    target = np.arange(group[-1] + 1)
    target[tail] = group[first[whole]]
    return np.unique(target[group], return_inverse=True)[1]


def _away_ft(pieces: np.ndarray, group: np.ndarray, n: int, cover: Segments) -> np.ndarray:
    """The distance to `cover` of the farthest vertex or middle of each group of straight pieces."""
    away = np.full(n, np.inf if not len(cover.part) else 0.0)
    if not len(cover.part) or not len(pieces):
        return away
    ends = shapely.get_coordinates(pieces).reshape(-1, 2, 2)
    places = shapely.points(np.concatenate([ends[:, 0], ends[:, 1], ends.mean(axis=1)]))
    (at, _), distance = shapely.STRtree(cover.lines()).query_nearest(places, return_distance=True, all_matches=False)
    np.maximum.at(away, np.tile(group, 3)[at], distance)
    return away
