"""
Ground that features of two layers both claim.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.errors import CRSError
from citygis.topology.gap import pieces
from citygis.topology.measure import ground, polygon_parts, wide_enough, width_floor_ft, widths_ft
from citygis.topology.threads import threaded

PIECE_VERTICES = 128
"""A polygon of more vertices is compared in pieces: the smaller they are, the less a comparison costs, and the more there are."""


def overlaps_between(
    left: gpd.GeoDataFrame | gpd.GeoSeries,
    right: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    min_area_sqft: float = 0.0,
    tolerance_ft: float = 0.01,
) -> gpd.GeoDataFrame:
    """
    Every pair of a polygon of one layer and a polygon of another whose insides meet.

    Parameters
    ----------
    left, right : GeoDataFrame or GeoSeries, n and k polygons
        In feet, of one CRS. Null, empty and invalid geometries claim no definite ground and are left out. A right of way dissolved
        into one polygon costs little more than its streets one by one: it is compared in pieces. Not modified.
    min_area_sqft : float
        Pairs that share less are not reported.
    tolerance_ft : float
        Pairs whose shared ground is nowhere this wide are not reported (the width is that of the largest circle that fits in it).

    Returns
    -------
    GeoDataFrame, m rows
        ``left`` and ``right``: positions in the two layers, ascending; ``area_sqft``; ``width_ft``; ``geometry``: the ground they
        share (MultiPolygon). CRS of `left`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or the two differ.

    Notes
    -----
    Source: "Must Not Overlap With" of Esri's geodatabase topology rules.
    """
    ours, theirs = ground(left, "The left layer"), ground(right, "The right layer")
    if left.crs != right.crs:
        raise CRSError(
            f"The layers differ in CRS: {left.crs.name} and {right.crs.name}. Convert one of them first: citygis convert."
        )
    ours, our_row = owned_pieces(ours)
    theirs, their_row = owned_pieces(theirs)
    at, by = shapely.STRtree(theirs).query(ours)
    meet = threaded(lambda a, b: shapely.relate_pattern(a, b, "T********"), ours[at], theirs[by])
    at, by = at[meet], by[meet]
    shared, owner = polygon_parts(threaded(shapely.intersection, ours[at], theirs[by]))
    at, by = our_row[at[owner]], their_row[by[owner]]
    wide = ~shapely.is_empty(shapely.buffer(shared, -1e-6)) if tolerance_ft else np.ones(len(shared), dtype=bool)
    shared, at, by = _whole(shared[wide], at[wide], by[wide])
    area = shapely.area(shared)
    parts, owner = polygon_parts(shared)
    width = np.zeros(len(shared))
    np.maximum.at(width, owner, widths_ft(parts, at_least_ft=width_floor_ft(tolerance_ft)))
    found = (area >= min_area_sqft) & (area > 0) & wide_enough(width, tolerance_ft)
    keep = found[owner]
    geometry = shapely.multipolygons(parts[keep], indices=np.cumsum(found)[owner[keep]] - 1)
    table = {"left": at[found], "right": by[found], "area_sqft": area[found], "width_ft": width[found]}
    return gpd.GeoDataFrame(table, geometry=geometry, crs=left.crs)


def owned_pieces(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Polygons, the large ones cut into pieces, and where each piece comes from.

    Parameters
    ----------
    polygons : array of valid polygons or None

    Returns
    -------
    pieces : array of polygons
    owner : array of int
        Position in `polygons`.
    """
    there = np.flatnonzero(~shapely.is_missing(polygons))
    large = shapely.get_num_coordinates(polygons[there]) > PIECE_VERTICES
    cut = [pieces(polygons[k : k + 1], most_vertices=PIECE_VERTICES) for k in there[large]]
    owner = np.concatenate([there[~large], np.repeat(there[large], [len(each) for each in cut])]).astype(np.intp)
    return np.concatenate([polygons[there[~large]], *cut]), owner


def _whole(shared: np.ndarray, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ground of each pair in one geometry, joined over the lines where pieces were cut; pairs ascending."""
    order = np.lexsort((right, left))
    shared, left, right = shared[order], left[order], right[order]
    first = np.flatnonzero(np.r_[True, (left[1:] != left[:-1]) | (right[1:] != right[:-1])]) if len(shared) else np.zeros(0, int)
    size = np.diff(np.r_[first, len(shared)])
    together = shared[first]
    for k in np.flatnonzero(size > 1):
        together[k] = shapely.union_all(shared[first[k] : first[k] + size[k]])
    return together, left[first], right[first]
