"""
Features that reach outside the feature they belong in.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.errors import CRSError
from citygis.topology.measure import ground
from citygis.topology.threads import threaded

STEP_SHARE = 1 / 64
"""How finely the edge of what lies outside is sampled for the point farthest out."""

_ARC = 16  # segments in a quarter circle


def not_covered_by(
    inner: gpd.GeoDataFrame, outer: gpd.GeoDataFrame, link: np.ndarray, *, tolerance_ft: float = 0.1
) -> gpd.GeoDataFrame:
    """
    Features with ground farther than a tolerance from the feature that should cover them.

    An exact test would reject nearly every feature drawn exactly inside another, because its coordinates are rounded; here each
    point of the inner feature must lie within `tolerance_ft` of the outer one.

    Parameters
    ----------
    inner : GeoDataFrame, n polygons
        In feet. Null, empty and invalid geometries are left out. Not modified.
    outer : GeoDataFrame, k polygons
        In the CRS of `inner`.
    link : array of n int
        For each inner feature the position in `outer` of the one that should cover it; -1 for none.
    tolerance_ft : float

    Returns
    -------
    GeoDataFrame, m rows
        ``inner`` and ``outer``: positions, ``out_ft``: how far the farthest point lies outside, ``area_sqft`` of the ground
        outside, ``geometry``: that ground. CRS of `inner`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or the two differ.
    """
    inside, outside = ground(inner, "The inner layer"), ground(outer, "The outer layer")
    if inner.crs != outer.crs:
        raise CRSError(
            f"The layers differ in CRS: {inner.crs.name} and {outer.crs.name}. Convert one of them first: citygis convert."
        )
    link = np.asarray(link)
    rows = np.flatnonzero((link >= 0) & ~shapely.is_missing(inside))
    rows = rows[~shapely.is_missing(outside[link[rows]])]
    # Not on threads: a prepared geometry builds its index when it is first asked, and two threads may ask at once.
    shapely.prepare(outside)
    rows = rows[~shapely.covers(outside[link[rows]], inside[rows])]
    # Most of what an exact test rejects is rounding; a wider outer feature settles that before anything is cut. Its round
    # corners are drawn outside the circle, so that what reaches beyond them is beyond the tolerance.
    used, at = np.unique(link[rows], return_inverse=True)
    wider = threaded(
        lambda p: shapely.buffer(p, tolerance_ft / np.cos(np.pi / (4 * _ARC)), quad_segs=_ARC), outside[used], chunk=16
    )
    shapely.prepare(wider)
    rows = rows[~shapely.covers(wider[at], inside[rows])]
    out = threaded(shapely.difference, inside[rows], outside[link[rows]])
    out_ft = np.maximum(_farthest_ft(out, outside[link[rows]]), tolerance_ft)
    table = {"inner": rows, "outer": link[rows], "out_ft": out_ft, "area_sqft": shapely.area(out)}
    return gpd.GeoDataFrame(table, geometry=out, crs=inner.crs)


def _farthest_ft(out: np.ndarray, outer: np.ndarray) -> np.ndarray:
    """The distance from `outer` of the point of `out` that is farthest from it, sampled along its edges."""
    if not len(out):
        return np.zeros(0)
    bounds = shapely.bounds(out)
    reach = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    edges = shapely.segmentize(shapely.boundary(out), np.maximum(reach * STEP_SHARE, 1e-6))
    coordinates, owner = shapely.get_coordinates(edges, return_index=True)
    distance = threaded(shapely.distance, shapely.points(coordinates), outer[owner])
    farthest = np.zeros(len(out))
    np.maximum.at(farthest, owner, distance)
    return farthest
