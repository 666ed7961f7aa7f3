"""
Features with too little in them, or too much: no geometry, an empty part, several parts, hardly any ground, hardly any width.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.topology.fabric import Fabric
from citygis.topology.measure import ground, least_widths_ft, polygon_parts, wide_enough, widths_ft
from citygis.topology.paths import HOLE, POINT, SHELL, Paths
from citygis.units import require_feet

_SLACK = 1e-6  # sums in another order differ in the last figures


def missing(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> gpd.GeoDataFrame:
    """
    Features without a geometry, with an empty one, or with an empty part.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n features of any type
        In any CRS. Not modified.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position, ascending; ``kind``: "null", "empty", or "empty_part" where other parts are not; ``geometry``: as it
        is, so that it shows where an empty part belongs. CRS of `layer`, new index.
    """
    geometry = _geometry(layer)
    if isinstance(layer, Fabric):
        type_id, empty = layer.paths.type_id, (layer.paths.dimension < 0) & (layer.paths.type_id >= 0)
    else:
        type_id, empty = shapely.get_type_id(geometry), shapely.is_empty(geometry)
    several = np.flatnonzero(type_id > 3)
    parts, owner = shapely.get_parts(geometry[several], return_index=True)
    hollow = np.zeros(len(geometry), dtype=bool)
    hollow[several[owner[shapely.is_empty(parts)]]] = True
    feature = np.flatnonzero((type_id < 0) | empty | hollow)
    kind = np.select([type_id[feature] < 0, empty[feature]], ["null", "empty"], default="empty_part")
    table = {"feature": feature, "kind": pd.Series(kind, dtype="str")}
    return gpd.GeoDataFrame(table, geometry=geometry[feature], crs=layer.crs)


def multiparts(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> gpd.GeoDataFrame:
    """
    Features of more than one part.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n features of any type
        In feet. Null and empty geometries have no parts, and an empty part is none. Not modified.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position, ascending; ``parts``: how many; ``smallest``: the position among the parts of the one with the
        least area, or of the shortest where there is no area; ``smallest_sqft``, ``smallest_ft``: its area and its length around;
        ``share``: its part of the whole area, or of the whole length, 0 to 1; ``geometry``: that part. CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    require_feet(layer.crs)
    geometry = _geometry(layer)
    several = np.flatnonzero((layer.paths.type_id if isinstance(layer, Fabric) else shapely.get_type_id(geometry)) > 3)
    several = several[shapely.get_num_geometries(geometry[several]) > 1]
    parts, owner = shapely.get_parts(geometry[several], return_index=True)
    number = np.arange(len(parts)) - np.searchsorted(owner, owner)
    there = ~shapely.is_empty(parts)
    parts, owner, number = parts[there], owner[there], number[there]
    area, length = shapely.area(parts), shapely.length(parts)
    order = np.lexsort((number, length, area, owner))
    rows, first, count = np.unique(owner[order], return_index=True, return_counts=True)
    least = order[first][count > 1]
    rows, count = rows[count > 1], count[count > 1]
    whole_area = np.bincount(owner, weights=area, minlength=len(several))[rows]
    whole_length = np.bincount(owner, weights=length, minlength=len(several))[rows]
    size, whole = np.where(whole_area > 0, area[least], length[least]), np.where(whole_area > 0, whole_area, whole_length)
    table = {
        "feature": several[rows],
        "parts": count,
        "smallest": number[least],
        "smallest_sqft": area[least],
        "smallest_ft": length[least],
        "share": np.divide(size, whole, out=np.zeros(len(rows)), where=whole > 0),
    }
    return gpd.GeoDataFrame(table, geometry=parts[least], crs=layer.crs)


def tiny(
    layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, min_area_sqft: float = 10.0, min_length_ft: float = 0.1
) -> gpd.GeoDataFrame:
    """
    Polygons of hardly any area and lines of hardly any length, part by part.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n features of any type
        In feet. Null, empty and invalid geometries and points have no size to speak of and are left out. Not modified.
    min_area_sqft, min_length_ft : float
        A part as large, or as long, is not reported.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position; ``part``: which of its parts, counted from 0; ``area_sqft``: 0 for a line; ``length_ft``: around it,
        or along it; ``geometry``: the part. By feature, then part. CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    require_feet(layer.crs)
    geometry = _geometry(layer)
    suspects = np.arange(len(geometry))
    if isinstance(layer, Fabric):
        paths = layer.paths
        size, around = _sizes(paths)
        small = np.where(
            paths.kind >= SHELL, size[paths.part] < min_area_sqft + _SLACK, around[paths.part] < min_length_ft + _SLACK
        )
        suspects = np.unique(paths.owner[small & (paths.kind != POINT)]).astype(np.intp)
    parts, owner = shapely.get_parts(geometry[suspects], return_index=True)
    number = np.arange(len(parts)) - np.searchsorted(owner, owner)
    dimension, area, length = shapely.get_dimensions(parts), shapely.area(parts), shapely.length(parts)
    small = ((dimension == 2) & (area < min_area_sqft)) | ((dimension == 1) & (length < min_length_ft))
    rows = np.flatnonzero(small & ~shapely.is_empty(parts))
    rows = rows[shapely.is_valid(parts[rows])]
    table = {"feature": suspects[owner[rows]], "part": number[rows], "area_sqft": area[rows], "length_ft": length[rows]}
    return gpd.GeoDataFrame(table, geometry=parts[rows], crs=layer.crs)


def slivers(
    layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, width_ft: float = 6.0, most_thinness: float = 0.25
) -> gpd.GeoDataFrame:
    """
    Polygons that are long and narrow: leftovers of drafting among parcels, or the overlaps and gaps that are worth a look.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons
        In feet: parcels, or what `overlaps` or `gaps` gave. Null, empty and invalid geometries are left out. Not modified.
    width_ft : float
        Polygons that are as wide somewhere are no slivers (the width is that of the largest circle that fits).
    most_thinness : float
        Nor are those that are rounder than this: see `thinness`. A strip four times as long as wide has 0.50, sixteen times 0.17.

    Returns
    -------
    GeoDataFrame, m rows
        One row per part: ``feature``: position; ``area_sqft``; ``length_ft`` and ``mean_width_ft``: of the rectangle with its area
        and perimeter; ``width_ft``: of the largest circle that fits; ``thinness``; ``geometry``: the part. By feature. CRS of
        `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    if isinstance(layer, Fabric):
        require_feet(layer.crs)
        paths = layer.paths
        size, around = _sizes(paths)
        thin = 4 * np.pi * size <= (most_thinness + _SLACK) * around**2
        suspects = np.unique(paths.owner[thin[paths.part] & paths.definite[paths.owner] & (paths.kind >= SHELL)]).astype(np.intp)
        parts, owner = polygon_parts(layer.geometry[suspects])
        owner = suspects[owner]
    else:
        parts, owner = polygon_parts(ground(layer))
    round_ = thinness(parts)
    thin = (round_ <= most_thinness) & (least_widths_ft(parts) <= width_ft)  # a street is long and thin, and surely wide
    parts, owner, round_ = parts[thin], owner[thin], round_[thin]
    width = widths_ft(parts)
    length, mean = strip_sides_ft(parts)
    held = ~wide_enough(width, width_ft)
    parts, owner = parts[held], owner[held]
    table = {
        "feature": owner,
        "area_sqft": shapely.area(parts),
        "length_ft": length[held],
        "mean_width_ft": mean[held],
        "width_ft": width[held],
        "thinness": round_[held],
    }
    return gpd.GeoDataFrame(table, geometry=parts, crs=layer.crs)


def thinness(polygons: np.ndarray) -> np.ndarray:
    """
    How round polygons are: 4 pi A / P^2, which is 1 for a circle, 0.785 for a square and nearly 0 for a sliver.

    Parameters
    ----------
    polygons : array of polygons

    Returns
    -------
    array of float
        0 where a polygon has no area, and for None.

    References
    ----------
    .. [1] D. Polsby and R. Popper, "The Third Criterion", Yale Law & Policy Review 9 (1991), p. 301-353.
    """
    area, around = shapely.area(polygons), shapely.length(polygons)
    return np.divide(4 * np.pi * area, around**2, out=np.zeros(len(area)), where=around > 0)


def strip_sides_ft(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    The length and the width of the rectangle that has the area and the perimeter of each polygon.

    For a strip, straight or bent, these are how long and how wide it is; they tell nothing of a polygon that is rounder than a
    square, for which both are a quarter of its perimeter.

    Parameters
    ----------
    polygons : array of Polygon

    Returns
    -------
    length_ft, width_ft : arrays of float

    Notes
    -----
    The sides a, b with a b = A and a + b = P / 2; the lesser from A / a, which keeps its figures where a is much larger.
    """
    area, half = shapely.area(polygons), shapely.length(polygons) / 2
    long = (half + np.sqrt(np.maximum(half**2 - 4 * area, 0))) / 2
    square = half**2 < 4 * area
    wide = np.divide(area, long, out=np.zeros(len(area)), where=long > 0)
    return long, np.where(square, half / 2, wide)


def _geometry(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> np.ndarray:
    return layer.geometry if isinstance(layer, Fabric) else np.asarray(layer.geometry.array, dtype=object)


def _sizes(paths: Paths) -> tuple[np.ndarray, np.ndarray]:
    """The area and the length around, or along, of each part of a layer."""
    area = np.where(paths.kind == HOLE, -1.0, 1.0) * np.abs(paths.area_sqft)
    count = int(paths.part[-1]) + 1 if len(paths.part) else 0
    if count == len(paths.part):
        return area, paths.length_ft
    return np.bincount(paths.part, weights=area, minlength=count), np.bincount(paths.part, weights=paths.length_ft, minlength=count)
