"""
Ground that two polygons of one layer both claim, and polygons that are the same.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import ground, polygon_parts, wide_enough, width_floor_ft, widths_ft
from citygis.topology.threads import threaded

LARGEST_STACK = 100
"""A pile of more identical polygons than this is told as pairs with its first one: all pairs would fill the memory."""


def overlaps(layer: gpd.GeoDataFrame, *, min_area_sqft: float = 0.0, tolerance_ft: float = 0.01) -> gpd.GeoDataFrame:
    """
    Every pair of polygons whose insides meet.

    Identical polygons, one inside another, a parent left among its children and slivers along a shared line are all
    overlaps. Polygons that only touch are not.

    Parameters
    ----------
    layer : GeoDataFrame, n polygons
        In feet. Null, empty and invalid geometries claim no definite ground and are left out: see `invalid`. Not modified.
    min_area_sqft : float
        Pairs that share less are not reported.
    tolerance_ft : float
        Pairs whose shared ground is nowhere this wide are not reported (the width is that of the largest circle that
        fits in it). Coordinates rounded to 0.0001 ft leave slivers of about that width where a corner of one parcel
        lies on an edge of another: with the default they are not reported, with 0 they are.

    Returns
    -------
    GeoDataFrame, m rows
        ``left`` and ``right``: positions in `layer`, left < right, in ascending order; ``area_sqft``; ``width_ft``;
        ``geometry``: the ground they share (MultiPolygon). CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    polygons = ground(layer)
    left, right = meeting(polygons)
    shared = threaded(shapely.intersection, polygons[left], polygons[right])
    parts, owner = polygon_parts(shared)
    area = np.bincount(owner, weights=shapely.area(parts), minlength=len(shared))
    large = area[owner] >= min_area_sqft
    parts, owner = parts[large], owner[large]
    width = np.zeros(len(shared))
    np.maximum.at(width, owner, widths_ft(parts, at_least_ft=width_floor_ft(tolerance_ft)))
    found = (area >= min_area_sqft) & (area > 0) & (wide_enough(width, tolerance_ft))
    keep = found[owner]
    geometry = shapely.multipolygons(parts[keep], indices=np.cumsum(found)[owner[keep]] - 1)
    table = {"left": left[found], "right": right[found], "area_sqft": area[found], "width_ft": width[found]}
    return gpd.GeoDataFrame(table, geometry=geometry, crs=layer.crs)


def duplicates(layer: gpd.GeoDataFrame | gpd.GeoSeries) -> gpd.GeoDataFrame:
    """
    Features that have the geometry of an earlier one.

    Where a ring starts, which way it runs, and the order of parts and of holes do not matter; every coordinate does.

    Parameters
    ----------
    layer : GeoDataFrame, n features of any type
        In any CRS. Null and empty geometries are ignored. Not modified.

    Returns
    -------
    GeoDataFrame, m rows
        ``left``: position of the first feature with the geometry; ``right``: position of a later one, ascending;
        ``geometry``: that of ``right``. CRS of `layer`, new index.
    """
    geometry = np.asarray(layer.geometry.array, dtype=object)
    first = _firsts(geometry)
    right = np.flatnonzero(first != np.arange(len(geometry)))
    return gpd.GeoDataFrame({"left": first[right], "right": right}, geometry=geometry[right], crs=layer.crs)


def _firsts(geometry: np.ndarray) -> np.ndarray:
    """For each geometry the position of the first one that equals it (its own, when it is the first)."""
    first = np.arange(len(geometry))
    there = np.flatnonzero(~(shapely.is_missing(geometry) | shapely.is_empty(geometry)))
    bounds = shapely.bounds(geometry[there])
    _, box, size = np.unique(bounds, axis=0, return_inverse=True, return_counts=True)
    alike = there[size[box.ravel()] > 1]  # equal geometries have equal bounds, so only these can be twins
    if not len(alike):
        return first
    # A polygon and a multipolygon of that one polygon are the same ground.
    flat = shapely.force_2d(geometry[alike])
    single = shapely.get_num_geometries(flat) == 1
    flat[single] = shapely.get_geometry(flat[single], 0)
    keys = shapely.to_wkb(shapely.normalize(flat))
    _, at, group = np.unique(keys, return_index=True, return_inverse=True)
    first[alike] = alike[at[group.ravel()]]
    return first


def meeting(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the pairs whose insides meet. Identical polygons are looked up once and told for each copy."""
    first = _firsts(polygons)
    there = ~shapely.is_missing(polygons)
    lone = np.flatnonzero(there & (first == np.arange(len(polygons))))
    left, right = shapely.STRtree(polygons[lone]).query(polygons[lone])
    once = left < right
    left, right = lone[left[once]], lone[right[once]]
    meet = threaded(lambda a, b: shapely.relate_pattern(a, b, "T********"), polygons[left], polygons[right])
    left, right = left[meet], right[meet]
    copies = there & (first != np.arange(len(polygons)))
    if copies.any():
        left, right = _with_copies(left, right, first, there)
    low, high = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((high, low))
    return low[order], high[order]


def _with_copies(left: np.ndarray, right: np.ndarray, first: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pairs among first copies, spread over all their copies, and the pairs of each stack."""
    at = np.flatnonzero(there)
    order = at[np.argsort(first[at], kind="stable")]
    heads, starts = np.unique(first[order], return_index=True)
    stacks = np.split(order, starts[1:])
    members = {int(head): stack for head, stack in zip(heads, stacks, strict=True) if len(stack) > 1}
    lefts, rights = [left], [right]
    doubled = np.isin(left, list(members)) | np.isin(right, list(members))
    for a, b in zip(left[doubled], right[doubled], strict=True):
        many_a, many_b = members.get(int(a), np.array([a])), members.get(int(b), np.array([b]))
        lefts.append(np.repeat(many_a, len(many_b))[1:])
        rights.append(np.tile(many_b, len(many_a))[1:])  # the first is the pair itself
    for stack in members.values():
        if len(stack) <= LARGEST_STACK:
            one, other = np.triu_indices(len(stack), 1)
        else:
            one, other = np.zeros(len(stack) - 1, dtype=int), np.arange(1, len(stack))
        lefts.append(stack[one])
        rights.append(stack[other])
    return np.concatenate(lefts), np.concatenate(rights)
