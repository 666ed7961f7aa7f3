"""
Geometries that are broken: where, and how.
"""

import re

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.topology.fabric import Fabric
from citygis.topology.threads import threaded

_REASON = re.compile(r"^(?P<kind>[^\[]+?)\s*(?:\[(?P<e>\S+) (?P<n>\S+?)(?: \S+)?\])?$")

KINDS = {
    "Self-intersection": "self_intersection",
    "Ring Self-intersection": "ring_touches_itself",
    "Hole lies outside shell": "hole_outside",
    "Holes are nested": "nested_holes",
    "Nested shells": "nested_parts",
    "Duplicate Rings": "duplicate_rings",
    "Interior is disconnected": "split_inside",
    "Too few points in geometry component": "too_few_points",
    "Invalid Coordinate": "not_finite",
}
"""What GEOS says is wrong (its words, OGC Simple Features 06-103r4 section 6.1.11), as one word each."""


def not_finite(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> np.ndarray:
    """
    Which features have a coordinate that is not a number, or infinite.

    Returns
    -------
    array of bool, n rows
        False where the geometry is null or empty. Elevations are not looked at.
    """
    if isinstance(layer, Fabric):
        return ~layer.paths.finite
    geometry = np.asarray(layer.geometry.array, dtype=object)
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    bad = np.zeros(len(geometry), dtype=bool)
    bad[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    return bad


def invalid(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> gpd.GeoDataFrame:
    """
    Features whose geometry breaks the rules of its type: a bowtie, a hole outside its shell, a ring that crosses itself.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n features of any type
        In any CRS. Null and empty geometries are not invalid. Not modified.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position, ascending; ``kind``: a word of `KINDS`, or GEOS' own; ``geometry``: the place (Point), null where
        a coordinate is not a number. CRS of `layer`, new index.
    """
    if isinstance(layer, Fabric):
        geometry = layer.geometry
        bad = np.flatnonzero(~layer.paths.valid & (layer.paths.type_id >= 0))
    else:
        geometry = np.asarray(layer.geometry.array, dtype=object)
        bad = np.flatnonzero(~(threaded(shapely.is_valid, geometry) | shapely.is_missing(geometry)))
    reasons = [_REASON.match(reason) for reason in shapely.is_valid_reason(geometry[bad])]
    kinds = [KINDS.get(r["kind"], r["kind"].lower().replace(" ", "_")) if r else "invalid" for r in reasons]
    place = np.array([[float(r["e"]), float(r["n"])] if r and r["e"] else [np.nan, np.nan] for r in reasons]).reshape(-1, 2)
    points = np.full(len(bad), None, dtype=object)
    known = np.isfinite(place).all(axis=1)
    points[known] = shapely.points(place[known])
    table = {"feature": bad, "kind": pd.Series(kinds, dtype="str")}
    return gpd.GeoDataFrame(table, geometry=points, crs=layer.crs)
