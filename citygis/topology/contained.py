"""
Polygons that lie on the ground of another: a lot drawn again inside its neighbour, children under a parent never retired.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.fabric import Fabric, fabric_of
from citygis.topology.nearness import spread
from citygis.units import require_feet

_MARGIN_FT = 10.0  # how much of the outer polygon around the inner one is looked at: far more than any tolerance
_ARC = 16  # segments in a quarter circle


def contained(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, tolerance_ft: float = 0.01) -> gpd.GeoDataFrame:
    """
    Polygons that lie inside another one, or reach out of it by no more than a tolerance.

    A lot in the hole of another is not inside it. Polygons with the same geometry are told by `duplicates` and not here; two
    that are equal within the tolerance are each inside the other.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons
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
    whole = fabric_of(layer)
    require_feet(whole.crs)
    polygons = whole.geometry
    shared = whole.shared
    inner, outer = np.concatenate([shared.left, shared.right]), np.concatenate([shared.right, shared.left])
    inner, outer = _inside(polygons, inner, outer, np.tile(shared.area_sqft, 2), tolerance_ft)
    rows = np.flatnonzero(whole.definite)
    order = rows[np.argsort(whole.own_first[rows], kind="stable")]
    head = whole.own_first[order]
    pair, at = spread(np.searchsorted(head, inner), np.searchsorted(head, inner, side="right"))
    inner, outer = order[at], outer[pair]
    order = np.lexsort((outer, inner))
    inner, outer = inner[order], outer[order]
    area = shapely.area(polygons[inner])
    table = {"inner": inner, "outer": outer, "area_sqft": area, "share": np.minimum(area / shapely.area(polygons[outer]), 1.0)}
    return gpd.GeoDataFrame(table, geometry=polygons[inner], crs=whole.crs)


def _inside(
    polygons: np.ndarray, inner: np.ndarray, outer: np.ndarray, shared_sqft: np.ndarray, tolerance_ft: float
) -> tuple[np.ndarray, np.ndarray]:
    """Those pairs of polygons that share ground of which the first lies inside the second, give or take a tolerance."""
    low, high = shapely.bounds(polygons[inner]), shapely.bounds(polygons[outer])
    fits = (low[:, :2] >= high[:, :2] - tolerance_ft).all(axis=1) & (low[:, 2:] <= high[:, 2:] + tolerance_ft).all(axis=1)
    # A sliver along the side of another one may lie within the tolerance of it, and is not inside it.
    fits &= shared_sqft > shapely.area(polygons[inner]) / 2
    inner, outer = inner[fits], outer[fits]
    covered = shapely.covers(polygons[outer], polygons[inner])
    open_ = np.flatnonzero(~covered)
    around = shapely.bounds(polygons[inner[open_]]) + np.array([-1, -1, 1, 1]) * (_MARGIN_FT + tolerance_ft)
    part = shapely.intersection(polygons[outer[open_]], shapely.box(*around.T))
    # Round corners are drawn outside the circle, so that what reaches beyond them is beyond the tolerance.
    wider = shapely.buffer(part, tolerance_ft / np.cos(np.pi / (4 * _ARC)), quad_segs=_ARC)
    covered[open_] = shapely.covers(wider, polygons[inner[open_]])
    return inner[covered], outer[covered]
