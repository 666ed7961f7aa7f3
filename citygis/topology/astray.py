"""
Stretches of lines that leave the polygons they should run in.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.between import owned_pieces
from citygis.topology.measure import flat, ground, require_same_crs
from citygis.topology.segments import line_parts
from citygis.topology.threads import threaded

_NOISE_FT = 1e-6  # far below the last decimal of City coordinates, far above what GEOS rounds
_ARC = 16  # segments in a quarter circle
_STEPS = 64  # places along a stretch where its distance is taken


def stretches_outside(
    lines: gpd.GeoDataFrame | gpd.GeoSeries, *polygons: gpd.GeoDataFrame | gpd.GeoSeries, tolerance_ft: float = 1.0
) -> gpd.GeoDataFrame:
    """
    Stretches of lines farther than a tolerance from the ground of polygons: a centreline and the right of way.

    Parameters
    ----------
    lines : GeoDataFrame or GeoSeries, n lines
        In feet. Null, empty and not finite geometries, and points, have no stretches. Not modified.
    *polygons : GeoDataFrame or GeoSeries
        In the CRS of `lines`. Null, empty and invalid geometries are no ground.
    tolerance_ft : float
        What lies 1 % farther than this is surely told.

    Returns
    -------
    GeoDataFrame, m rows
        One row per stretch, ascending by line: ``line`` (position), ``length_ft``, ``out_ft``: the greatest distance from the
        polygons among its vertices and places a 64th of its length apart, never told less than the tolerance (infinite where there
        are no polygons), ``geometry`` (LineString). CRS of `lines`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or they differ.

    Notes
    -----
    Source: "Must Be Inside" of Esri's geodatabase topology rules, with a tolerance that moves no data.
    """
    owner, rows, left, tree = _outside(lines, polygons, tolerance_ft)
    stretches, at = _strings(left)
    at = rows[at]
    away = _away_ft(stretches, tree)
    real = (away > tolerance_ft - _NOISE_FT) & (shapely.length(stretches) > _NOISE_FT)  # GEOS may leave a crumb of a crumb
    stretches, at, away = stretches[real], at[real], away[real]
    table = {
        "line": owner[at],
        "length_ft": shapely.length(stretches),
        "out_ft": np.maximum(away, tolerance_ft),
    }
    return gpd.GeoDataFrame(table, geometry=stretches, crs=lines.crs)


def inside_ft(
    lines: gpd.GeoDataFrame | gpd.GeoSeries, *polygons: gpd.GeoDataFrame | gpd.GeoSeries, tolerance_ft: float = 1.0
) -> np.ndarray:
    """
    How much of each line, or of the boundary of each polygon, runs on the ground of polygons or within a tolerance of it.

    Parameters
    ----------
    lines, *polygons, tolerance_ft
        As for `stretches_outside`.

    Returns
    -------
    (n,) array of float
        Feet; 0 for what has no boundary.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or they differ.
    """
    owner, rows, left, _ = _outside(lines, polygons, tolerance_ft)
    out = np.bincount(owner[rows], weights=shapely.length(left), minlength=len(lines))
    around = shapely.length(flat(np.asarray(lines.geometry.array, dtype=object)))
    inside = np.zeros(len(lines))
    inside[owner] = np.maximum(around - out, 0.0)[owner]
    return inside


def _outside(
    lines: gpd.GeoDataFrame | gpd.GeoSeries, polygons: tuple, tolerance_ft: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, shapely.STRtree]:
    """The feature of each single line, the lines that go out, what of them lies beyond the tolerance, and a tree of the ground."""
    parts, owner = line_parts(lines)
    grounds = [ground(layer, "A layer of polygons") for layer in polygons]
    for layer in polygons:
        require_same_crs(lines, layer)
    cut, _ = owned_pieces(np.concatenate([np.empty(0, dtype=object), *grounds]))
    tree = shapely.STRtree(cut)
    inside = np.zeros(len(parts), dtype=bool)
    inside[tree.query(parts, predicate="covered_by")[0]] = True
    rows = np.flatnonzero(~inside)
    left = _less(parts[rows], cut, tree, 0.0)  # most of what is left are lines that go from one polygon into the next
    open_ = np.flatnonzero(~shapely.is_empty(left))
    left = _less(left[open_], cut, tree, tolerance_ft)
    return owner, rows[open_], left, tree


def _less(lines: np.ndarray, polygons: np.ndarray, tree: shapely.STRtree, reach_ft: float) -> np.ndarray:
    """Each line less what lies within `reach_ft` of the polygons."""
    at, by = tree.query(lines, predicate="dwithin", distance=reach_ft)
    by = by[np.argsort(at, kind="stable")]
    ends = np.r_[0, np.cumsum(np.bincount(at, minlength=len(lines)))]

    def left(rows: np.ndarray) -> np.ndarray:
        near = (polygons[by[ends[k] : ends[k + 1]]] for k in rows)
        wide = (shapely.buffer(each, reach_ft / np.cos(np.pi / (4 * _ARC)), quad_segs=_ARC) if reach_ft else each for each in near)
        return shapely.difference(lines[rows], np.array([shapely.union_all(each) for each in wide], dtype=object))

    return threaded(left, np.arange(len(lines)), chunk=256)


def _strings(lines: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The single lines of geometries, joined where they meet, and where each comes from."""
    parts, owner = shapely.get_parts(shapely.line_merge(lines), return_index=True)
    keep = (shapely.get_dimensions(parts) == 1) & ~shapely.is_empty(parts)
    return parts[keep], owner[keep]


def _away_ft(lines: np.ndarray, tree: shapely.STRtree) -> np.ndarray:
    """How far from the tree the farthest of places along each line lies; infinite when the tree is empty."""
    away = np.full(len(lines), 0.0 if len(tree) else np.inf)
    if len(tree) and len(lines):
        dense = shapely.segmentize(lines, np.maximum(shapely.length(lines) / _STEPS, 1e-6))
        coordinates, owner = shapely.get_coordinates(dense, return_index=True)
        (at, _), distance = tree.query_nearest(shapely.points(coordinates), return_distance=True, all_matches=False)
        np.maximum.at(away, owner[at], distance)
    return away
