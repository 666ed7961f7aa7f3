"""
Features that lie where the City does not, and what their coordinates would be if they were something else.
"""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from citygis.topology.fabric import Fabric
from citygis.topology.validity import not_finite
from citygis.units import METRE, require_feet

KINDS = ("axes_exchanged", "degrees", "degrees_exchanged", "metres", "metres_exchanged", "east_for_west", "unknown")
"""What coordinates outside an extent may be, in the order in which it is asked."""


def outside_extent(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, extent_ft: Sequence[float]) -> gpd.GeoDataFrame:
    """
    Features that reach outside a box, with the mistake that would explain it.

    Each explanation is tried: the coordinates are put right as if it were true, and it holds when they then lie in the box.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n features of any type
        In feet. Null and empty geometries, and those with a coordinate that is not a number, lie nowhere and are left out.
        Not modified.
    extent_ft : four floats
        The box: least easting, least northing, greatest easting, greatest northing, in the CRS of `layer`.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position, ascending; ``away_ft``: how far its farthest side lies outside the box; ``kind``: a word of `KINDS`;
        ``geometry``: the middle of its bounds (Point). CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    ValueError
        If the box is empty or upside down.
    """
    unit = require_feet(layer.crs)
    box = np.asarray(extent_ft, dtype=float)
    if box.shape != (4,) or not np.isfinite(box).all() or not (box[:2] < box[2:]).all():
        raise ValueError(f"Invalid extent_ft '{extent_ft}'. Must be least easting, northing, greatest easting, northing.")
    bounds = _bounds(layer)
    feature = np.flatnonzero(~np.isnan(bounds[:, 0]) & ~_within(bounds, box))
    bounds = bounds[feature]
    away = np.maximum(box[:2] - bounds[:, :2], bounds[:, 2:] - box[2:]).max(axis=1, initial=0)
    turned = bounds[:, [1, 0, 3, 2]]
    feet = float(METRE) / float(unit)
    is_kind = [
        _within(turned, box),
        _within(_projected(bounds, layer.crs), box),
        _within(_projected(turned, layer.crs), box),
        _within(bounds * feet, box),
        _within(turned * feet, box),
        _within(_mirrored(bounds, layer.crs), box),
    ]
    kind = np.select(is_kind, KINDS[:-1], default=KINDS[-1])
    middle = shapely.points((bounds[:, :2] + bounds[:, 2:]) / 2)
    table = {"feature": feature, "away_ft": away, "kind": pd.Series(kind, dtype="str")}
    return gpd.GeoDataFrame(table, geometry=middle, crs=layer.crs)


def _bounds(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> np.ndarray:
    """The bounds of each geometry; NaN where it has a coordinate that is not a number: bounds would leave that one out."""
    geometry = layer.geometry if isinstance(layer, Fabric) else np.asarray(layer.geometry.array, dtype=object)
    bounds = shapely.bounds(geometry).reshape(-1, 4)
    bounds[not_finite(layer)] = np.nan
    return bounds


def _projected(degrees: np.ndarray, crs: CRS) -> np.ndarray:
    """Where boxes of longitude and latitude lie in a CRS; infinite for what is no longitude and latitude."""
    box = np.full((len(degrees), 4), np.inf)
    on_earth = (np.abs(degrees[:, [0, 2]]) <= 180).all(axis=1) & (np.abs(degrees[:, [1, 3]]) <= 90).all(axis=1)
    if on_earth.any():
        to = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
        box[on_earth] = _corners(to.transform(degrees[on_earth][:, [0, 0, 2, 2]], degrees[on_earth][:, [1, 3, 1, 3]]))
    return box


def _mirrored(bounds: np.ndarray, crs: CRS) -> np.ndarray:
    """Where boxes would lie if their longitude were west and not east."""
    if not len(bounds):
        return bounds
    to = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    longitude, latitude = to.transform(bounds[:, [0, 0, 2, 2]], bounds[:, [1, 3, 1, 3]])
    return _corners(to.transform(-longitude, latitude, direction="INVERSE"))


def _corners(places: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    easting, northing = places
    return np.stack([easting.min(axis=1), northing.min(axis=1), easting.max(axis=1), northing.max(axis=1)], axis=1)


def _within(bounds: np.ndarray, box: np.ndarray) -> np.ndarray:
    return (bounds[:, :2] >= box[:2]).all(axis=1) & (bounds[:, 2:] <= box[2:]).all(axis=1)
