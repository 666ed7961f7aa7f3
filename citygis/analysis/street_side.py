"""
Streets that adjoin land: the side of each that lies before it, to the centreline.
"""

import math

import geopandas as gpd
import numpy as np
import shapely

from citygis.errors import AnalysisError

RULES = ("parcel", "centerline")
"""Where a boundary along a street runs: on the line of the parcels, or on the centreline."""

_FRONT_FT = 0.5
_ON_FT = 0.02
_PAST_FT = 0.05
_REACH_FT = 400.0
_GRID_FT = 1e-5


def with_streets(ground: shapely.Geometry, right_of_way: gpd.GeoDataFrame, street_centerline: gpd.GeoDataFrame) -> shapely.Geometry:
    """
    Land with the streets before it.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
        In the system of the layers, feet.
    right_of_way : GeoDataFrame, polygons
    street_centerline : GeoDataFrame, lines

    Returns
    -------
    Polygon or MultiPolygon
        The ground, and of each street that it fronts on the part up to the centreline, between lines square to it at the ends of
        the frontage. About a corner its quarter of the crossing is taken along.

    Raises
    ------
    AnalysisError
        If no centreline lies within the streets before the land.
    """
    shapes = np.asarray(right_of_way.geometry.values)
    near = np.sort(shapely.STRtree(shapes).query(ground, predicate="dwithin", distance=_REACH_FT))
    ways = shapely.difference(shapely.union_all(shapes[near]), ground)
    window = shapely.box(*shapely.bounds(shapely.buffer(ground, _REACH_FT)))
    lines = np.asarray(street_centerline.geometry.values)
    lines = lines[np.sort(shapely.STRtree(lines).query(window, predicate="intersects"))]
    centre = shapely.intersection(shapely.union_all(lines), shapely.buffer(ways, _ON_FT))
    fronts = shapely.line_merge(shapely.intersection(shapely.boundary(ground), shapely.buffer(ways, _ON_FT, cap_style="flat")))
    fronts = [each for each in shapely.get_parts(fronts) if each.length > _FRONT_FT]
    if not fronts:
        return ground
    if shapely.is_empty(centre):
        raise AnalysisError(
            "No centreline lies in the streets before the land. Load street_centerline, or give the outline itself."
        )
    corners = shapely.MultiPoint(shapely.get_coordinates(ground))
    cuts = [cut for front in fronts for cut in _squared(front, corners, centre)]
    parts = [shapely.boundary(ways), shapely.boundary(ground), centre, *cuts]
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(parts)]))
    inside = faces[shapely.contains(ways, shapely.point_on_surface(faces))]
    along = shapely.length(shapely.intersection(inside, shapely.union_all(fronts)))
    touching = shapely.length(shapely.intersection(shapely.boundary(inside), shapely.buffer(shapely.union_all(fronts), _ON_FT)))
    taken = inside[(along > _FRONT_FT) | (touching > _FRONT_FT)]
    return shapely.union_all(np.append(taken, ground), grid_size=_GRID_FT)


def _squared(front: shapely.LineString, corners: shapely.MultiPoint, centre: shapely.Geometry) -> list[shapely.LineString]:
    """Lines from both ends of a frontage, or the corners of the land there, square to the centreline and a little past it."""
    if front.is_ring:
        return []
    cuts = []
    for place in shapely.get_coordinates(front)[[0, -1]]:
        at = shapely.Point(place)
        near = shapely.get_coordinates(shapely.shortest_line(at, corners))[-1]
        if math.dist(near, place) <= 2 * _ON_FT:
            place, at = near, shapely.Point(near)
        on = shapely.get_coordinates(shapely.shortest_line(at, centre))[-1]
        step = on - place
        length = float(np.hypot(*step))
        if length < _ON_FT:
            continue
        past = place + step * (1 + _PAST_FT / length)
        before = place - step / length * _PAST_FT
        cuts.append(shapely.LineString([before, past]))
    return cuts
