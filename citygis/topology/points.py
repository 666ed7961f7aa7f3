"""
Points that do not lie where they belong.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import flat, ground, require_same_crs
from citygis.topology.validity import not_finite
from citygis.units import require_feet

_BEND_FT = 0.5


def outside_own(
    points: gpd.GeoDataFrame | gpd.GeoSeries,
    polygons: gpd.GeoDataFrame | gpd.GeoSeries,
    link: np.ndarray,
    *,
    tolerance_ft: float = 0.1,
) -> gpd.GeoDataFrame:
    """
    Points farther than a tolerance from the polygon they name: an address point and the parcel of its APN.

    Parameters
    ----------
    points : GeoDataFrame or GeoSeries, n points
        In feet. Null, empty and not finite points, and what is not a point, are left out. Not modified.
    polygons : GeoDataFrame or GeoSeries, k polygons
        In the CRS of `points`. A link to a null, empty or invalid one is not judged.
    link : array of n int
        For each point the position in `polygons` of its own; -1 for none.
    tolerance_ft : float
        A point on the boundary, or this far outside, is where it belongs.

    Returns
    -------
    GeoDataFrame, m rows
        ``point`` and ``polygon``: positions; ``distance_ft`` between them; ``lies_in``: position of the first polygon the point is
        in, -1 for none; ``geometry``: the point. Ascending by point, CRS of `points`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or the two differ.
    """
    places, own = require_points(points, "The layer of points"), ground(polygons, "The layer of polygons")
    require_same_crs(points, polygons)
    link = np.asarray(link)
    rows = np.flatnonzero((link >= 0) & ~shapely.is_missing(places))
    rows = rows[~shapely.is_missing(own[link[rows]])]
    shapely.prepare(own)
    rows = rows[~shapely.intersects(own[link[rows]], places[rows])]
    distance = shapely.distance(own[link[rows]], places[rows])
    far = distance > tolerance_ft
    rows, distance = rows[far], distance[far]
    lies_in = np.full(len(rows), len(own))
    at, by = shapely.STRtree(own).query(places[rows], predicate="intersects")
    np.minimum.at(lies_in, at, by)
    lies_in[lies_in == len(own)] = -1
    table = {"point": rows, "polygon": link[rows], "distance_ft": distance, "lies_in": lies_in}
    return gpd.GeoDataFrame(table, geometry=places[rows], crs=points.crs)


def require_points(layer: gpd.GeoDataFrame | gpd.GeoSeries, what: str = "This layer") -> np.ndarray:
    """
    The points of a layer, two-dimensional, in its order; None for what is null, empty, not finite or not a point.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    require_feet(layer.crs, what)
    geometry = flat(np.asarray(layer.geometry.array, dtype=object))
    geometry[(shapely.get_type_id(geometry) != 0) | shapely.is_empty(geometry) | not_finite(layer)] = None
    return geometry


def across_ft(points: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """
    How far each point lies to the left of the line beside it.

    Parameters
    ----------
    points : array of n Point
    lines : array of n LineString
        In feet; not null.

    Returns
    -------
    (n,) array of float
        Feet, positive to the left of the line as it is drawn, negative to the right. Measured square to the line at the place of it
        that is nearest; past an end, square to the line carried on from there. At a bend the direction is that from a little before
        it to a little after.
    """
    at = shapely.line_locate_point(lines, points)
    near = shapely.get_coordinates(shapely.line_interpolate_point(lines, at)).reshape(-1, 2)
    before = shapely.get_coordinates(shapely.line_interpolate_point(lines, np.maximum(at - _BEND_FT, 0.0))).reshape(-1, 2)
    after = shapely.get_coordinates(
        shapely.line_interpolate_point(lines, np.minimum(at + _BEND_FT, shapely.length(lines)))
    ).reshape(-1, 2)
    way = after - before
    away = shapely.get_coordinates(points).reshape(-1, 2) - near
    length = np.hypot(*way.T)
    return (way[:, 0] * away[:, 1] - way[:, 1] * away[:, 0]) / np.where(length > 0, length, 1.0)
