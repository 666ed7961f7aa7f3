"""
Polygons that lie on the ground of another: a lot drawn again inside its neighbour, children under a parent never retired.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import ground
from citygis.topology.nearness import spread
from citygis.topology.overlap import duplicates

_MARGIN_FT = 10.0  # how much of the outer polygon around the inner one is looked at: far more than any tolerance
_ARC = 16  # segments in a quarter circle


def contained(layer: gpd.GeoDataFrame | gpd.GeoSeries, *, tolerance_ft: float = 0.01) -> gpd.GeoDataFrame:
    """
    Polygons that lie inside another one, or reach out of it by no more than a tolerance.

    A lot in the hole of another is not inside it. Polygons with the same geometry are told by `duplicates` and not here; two
    that are equal within the tolerance are each inside the other.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n polygons
        In feet. Null, empty and invalid geometries are left out: see `invalid`. Not modified.
    tolerance_ft : float
        No point of the inner polygon lies farther than this from the outer one.

    Returns
    -------
    GeoDataFrame, m rows
        ``inner``, ``outer``: positions; of several outer polygons with the same geometry the first; ``area_sqft`` of the inner;
        ``share`` of the outer that it takes, 0 to 1; ``geometry``: the inner polygon. By inner, then outer. CRS of `layer`, new
        index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    polygons = ground(layer)
    first = np.arange(len(polygons))
    twins = duplicates(gpd.GeoSeries(polygons, crs=layer.crs))
    first[twins["right"]] = twins["left"]
    lone = np.flatnonzero(~shapely.is_missing(polygons) & (first == np.arange(len(polygons))))
    inner, outer = _inside(polygons[lone], tolerance_ft)
    inner, outer = lone[inner], lone[outer]
    copies = np.flatnonzero(~shapely.is_missing(polygons))
    order = np.argsort(first[copies], kind="stable")
    head = first[copies][order]
    start, stop = np.searchsorted(head, inner), np.searchsorted(head, inner, side="right")
    pair, at = spread(start, stop)
    inner, outer = copies[order][at], outer[pair]
    order = np.lexsort((outer, inner))
    inner, outer = inner[order], outer[order]
    area = shapely.area(polygons[inner])
    table = {"inner": inner, "outer": outer, "area_sqft": area, "share": np.minimum(area / shapely.area(polygons[outer]), 1.0)}
    return gpd.GeoDataFrame(table, geometry=polygons[inner], crs=layer.crs)


def _inside(polygons: np.ndarray, tolerance_ft: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of different polygons of which the first lies inside the second, give or take a tolerance."""
    bounds = shapely.bounds(polygons).reshape(-1, 4)
    inner, outer = shapely.STRtree(polygons).query(polygons)
    fits = (bounds[inner, :2] >= bounds[outer, :2] - tolerance_ft) & (bounds[inner, 2:] <= bounds[outer, 2:] + tolerance_ft)
    fits = fits.all(axis=1) & (inner != outer)
    inner, outer = inner[fits], outer[fits]
    # Most boxes lie in that of a winding neighbour: one point settles those.
    middle = shapely.point_on_surface(polygons[inner])
    shapely.prepare(polygons[outer])
    near = shapely.dwithin(polygons[outer], middle, tolerance_ft)
    inner, outer = inner[near], outer[near]
    covered = shapely.covers(polygons[outer], polygons[inner])
    open_ = np.flatnonzero(~covered)
    around = bounds[inner[open_]] + np.array([-1, -1, 1, 1]) * (_MARGIN_FT + tolerance_ft)
    part = shapely.intersection(polygons[outer[open_]], shapely.box(*around.T))
    # Round corners are drawn outside the circle, so that what reaches beyond them is beyond the tolerance.
    wider = shapely.buffer(part, tolerance_ft / np.cos(np.pi / (4 * _ARC)), quad_segs=_ARC)
    shared = shapely.area(shapely.intersection(part, polygons[inner[open_]])) > shapely.area(polygons[inner[open_]]) / 2
    covered[open_] = shared & shapely.covers(wider, polygons[inner[open_]])
    return inner[covered], outer[covered]
