"""
Narrow open ground between polygons of one layer that were meant to meet.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import ground, polygon_parts, widths_ft

_MITRE = 20.0  # edges that meet at less than about 6 degrees are taken to have been meant as one edge
_NOISE_FT = 1e-3


def openings(layer: gpd.GeoDataFrame | gpd.GeoSeries, *, width_ft: float = 5.0) -> gpd.GeoDataFrame:
    """
    Open ground between two polygons that are nearer each other than a width and do not meet.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n polygons
        In feet: districts, flood zones; some thousands of polygons. Null, empty and invalid geometries are left out. Not modified.
    width_ft : float
        Ground that is as wide as this or wider was left open on purpose.

    Returns
    -------
    GeoDataFrame, m rows
        ``left`` and ``right``: positions, left < right, ascending; ``area_sqft``; ``width_ft`` (that of the largest circle that
        fits); ``geometry``: the ground (Polygon). Ground that three polygons bound is told for the first two. CRS of `layer`, new
        index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.

    Notes
    -----
    Each pair is widened by half the width and narrowed again with mitred corners (a morphological closing), which fills what is
    narrow between the two and leaves the corners where they meet at an angle as they are.
    """
    shapes = ground(layer)
    tree = shapely.STRtree(shapes)
    left, right = tree.query(shapes, predicate="dwithin", distance=width_ft)
    left, right = left[left < right], right[left < right]
    order = np.lexsort((right, left))
    left, right = left[order], right[order]
    found = [_between(shapes[a], shapes[b], tree, shapes, width_ft) for a, b in zip(left, right, strict=True)]
    parts, pair = polygon_parts(np.array(found, dtype=object))
    alike = shapely.to_wkb(shapely.normalize(shapely.set_precision(parts, _NOISE_FT)))
    first = np.sort(np.unique(alike.astype(object), return_index=True)[1])
    parts, pair = parts[first], pair[first]
    width = widths_ft(parts)
    narrow = (width < width_ft * 0.999) & (width > _NOISE_FT)
    parts, pair, width = parts[narrow], pair[narrow], width[narrow]
    table = {"left": left[pair], "right": right[pair], "area_sqft": shapely.area(parts), "width_ft": width}
    return gpd.GeoDataFrame(table, geometry=parts, crs=layer.crs)


def _between(one: shapely.Geometry, other: shapely.Geometry, tree: shapely.STRtree, shapes: np.ndarray, width_ft: float):
    """What the closing of two polygons adds to the layer and both of them bound."""
    reach = 4 * width_ft
    low = np.maximum(shapely.bounds(one)[:2], shapely.bounds(other)[:2]) - reach
    high = np.minimum(shapely.bounds(one)[2:], shapely.bounds(other)[2:]) + reach
    window = shapely.box(*low, *high)
    pair = shapely.intersection([one, other], window)
    wide = shapely.buffer(shapely.union_all(pair), width_ft / 2)
    closed = shapely.buffer(wide, -width_ft / 2, join_style="mitre", mitre_limit=_MITRE)
    # At its edge the window itself was closed: what it cut is looked at as far inside as that can reach.
    added = shapely.intersection(closed, shapely.box(*(low + width_ft), *(high - width_ft)))
    near = shapes[tree.query(added, predicate="intersects")]
    open_ = polygon_parts(np.array([shapely.difference(added, shapely.union_all(near))]))[0]
    beside = shapely.dwithin(open_, one, _NOISE_FT) & shapely.dwithin(open_, other, _NOISE_FT)
    return shapely.multipolygons(open_[beside])
