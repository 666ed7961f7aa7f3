"""
Land beside the City: how far the two share a line, and what lies between or in both of them.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.units import SQFT_PER_ACRE

ALONG_FT = 0.05
"""The land runs along the city limit where the two lines are within this."""

EDGE_COLUMNS = ("kind", "area_sqft", "acres", "width_ft", "easting_ft", "northing_ft")

_AROUND_FT = 300.0
_CRUMB_FT = 0.2


class Edge(NamedTuple):
    """
    How land stands to the City.

    Parameters
    ----------
    common_ft : float
        Length of the line the two share.
    apart_ft : float
        Distance between them; 0 where they touch.
    table : DataFrame
        `EDGE_COLUMNS`, one row per piece of ground: ``kind`` is gap or overlap, narrower than the width of a sliver; in the City,
        for wider ground of the land that is the City's already; island, for county ground that the City would enclose; or island
        before, for what it encloses now and would still.
    ground : array of Polygon
        Of the rows.
    """

    common_ft: float
    apart_ft: float
    table: pd.DataFrame
    ground: np.ndarray

    def of(self, *kinds: str) -> pd.DataFrame:
        """The rows of some kinds."""
        return self.table[self.table["kind"].isin(kinds)]


def edge_of(ground: shapely.Geometry, limit: shapely.Geometry, *, width_ft: float, least_sqft: float) -> Edge:
    """
    How land stands to the City.

    Parameters
    ----------
    ground, limit : Polygon or MultiPolygon
        The land and the City, in feet of one system.
    width_ft : float
        Ground between them, or in both, is a sliver where it is narrower: twice its area over its outline.
    least_sqft : float
        What is smaller is passed over, and what is narrower than `ALONG_FT`: there the two lines are one.

    Returns
    -------
    Edge

    Notes
    -----
    Islands are the rings inside the land and the City joined that are not inside the City's own outline. Gaps are what closing the
    two by half the width on each side covers (a buffer out and in again with mitred corners) where both lines are along it.
    """
    near = shapely.intersection(limit, shapely.box(*shapely.bounds(shapely.buffer(ground, _AROUND_FT))))
    own, city = shapely.boundary(ground), shapely.boundary(limit)
    common = _common_ft(own, shapely.intersection(city, shapely.buffer(ground, 1.0)))
    pieces: list[tuple[str, shapely.Polygon]] = []
    for part in _polygons(shapely.intersection(ground, limit), least_sqft):
        pieces.append(("overlap" if _width(part) < width_ft else "in the City", part))
    joined = shapely.union_all([ground, limit])
    rings = [shapely.Polygon(ring) for part in shapely.get_parts(joined) for ring in part.interiors]
    filled = shapely.union_all([shapely.Polygon(part.exterior) for part in shapely.get_parts(limit)])
    slivers = []
    for ring in rings:
        if ring.area <= least_sqft or _width(ring) <= ALONG_FT:
            continue
        if _width(ring) < width_ft:
            slivers.append(ring)
            continue
        before = bool(shapely.contains(filled, shapely.point_on_surface(ring)))
        pieces.append(("island before" if before else "island", ring))
    local = shapely.union_all([ground, near])
    closed = shapely.buffer(shapely.buffer(local, width_ft / 2, join_style="mitre"), -width_ft / 2, join_style="mitre")
    for part in _polygons(shapely.difference(closed, joined), least_sqft):
        along = [_along(part, line) for line in (own, city)]
        if min(along) > width_ft:
            slivers.append(part)
    pieces += [("gap", part) for part in _polygons(shapely.union_all(slivers), least_sqft) if _along(part, own) > 0]
    pieces.sort(key=lambda each: (each[0], -round(each[1].area, 3), each[1].bounds))
    shapes = np.array([part for _, part in pieces], dtype=object)
    at = shapely.get_coordinates(shapely.point_on_surface(shapes)) if len(shapes) else np.empty((0, 2))
    area = shapely.area(shapes)
    table = pd.DataFrame(
        {
            "kind": pd.Series([kind for kind, _ in pieces], dtype="str"),
            "area_sqft": np.round(area, 1),
            "acres": np.round(area / SQFT_PER_ACRE, 4),
            "width_ft": np.round([_width(part) for part in shapes], 2) if len(shapes) else np.empty(0),
            "easting_ft": np.round(at[:, 0], 1),
            "northing_ft": np.round(at[:, 1], 1),
        }
    )
    apart = float(shapely.distance(ground, limit))
    return Edge(common, apart if apart > 1e-6 else 0.0, table[list(EDGE_COLUMNS)], shapes)


def edge_layer(edge: Edge, crs) -> gpd.GeoDataFrame:
    """The pieces of ground of an edge as a layer."""
    return gpd.GeoDataFrame(edge.table, geometry=gpd.GeoSeries(edge.ground, crs=crs), crs=crs)


def _polygons(shape: shapely.Geometry, least_sqft: float) -> list[shapely.Polygon]:
    parts = shapely.get_parts(shape)
    return [part for part in parts if part.geom_type == "Polygon" and part.area > least_sqft and _width(part) > ALONG_FT]


def _width(part: shapely.Polygon) -> float:
    """How wide a strip of this area and outline is on the mean."""
    return 2 * part.area / part.length


def _along(part: shapely.Polygon, line: shapely.Geometry) -> float:
    return shapely.length(shapely.intersection(shapely.boundary(part), shapely.buffer(line, ALONG_FT, cap_style="flat")))


def _common_ft(own: shapely.Geometry, city: shapely.Geometry) -> float:
    """How much of the edges of the one lies along the other, without the crumbs of edges that only end on it."""
    places, of = shapely.get_coordinates(shapely.get_parts(own), return_index=True)
    within = of[1:] == of[:-1]
    edges = shapely.linestrings(np.stack([places[:-1][within], places[1:][within]], axis=1))
    length = shapely.length(shapely.intersection(edges, shapely.buffer(city, ALONG_FT, cap_style="flat")))
    return float(length[length > _CRUMB_FT].sum())
