"""
Ground that two polygons of one layer both claim, and polygons that are the same.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.fabric import Fabric, fabric_of
from citygis.topology.measure import polygon_parts, wide_enough, width_floor_ft, widths_ft
from citygis.topology.nearness import spread
from citygis.topology.places import LARGEST_STACK
from citygis.topology.shared import Shared
from citygis.units import require_feet


def overlaps(
    layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, min_area_sqft: float = 0.0, tolerance_ft: float = 0.01
) -> gpd.GeoDataFrame:
    """
    Every pair of polygons whose insides meet.

    Identical polygons, one inside another, a parent left among its children and slivers along a shared line are all
    overlaps. Polygons that only touch are not.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons
        In feet. Null, empty and invalid geometries claim no definite ground and are left out: see `invalid`. Not modified.
    min_area_sqft : float
        Pairs that share less are not reported.
    tolerance_ft : float
        Pairs whose shared ground is nowhere this wide are not reported (the width is that of the largest circle that
        fits in it). Coordinates rounded to 0.0001 ft leave slivers of about that width where a corner of one parcel
        lies on an edge of another: with the default they are not reported, with 0 they are. Lines that are the same when rounded
        to 0.0001 ft are one line.

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
    whole = fabric_of(layer)
    require_feet(whole.crs)
    base, alone = _with_stacks(whole)
    parts, owner = base.parts, base.pair
    floor = width_floor_ft(tolerance_ft)
    wanted = (base.area_sqft >= min_area_sqft)[owner]
    parts, owner = parts[wanted], owner[wanted]
    width = np.zeros(len(base.left))
    np.maximum.at(width, owner, widths_ft(parts, at_least_ft=floor))
    found = (base.area_sqft >= min_area_sqft) & wide_enough(width, tolerance_ft)
    keep = found[owner]
    geometry = shapely.multipolygons(parts[keep], indices=np.cumsum(found)[owner[keep]] - 1)
    left, right, at = _with_copies(base.left[found], base.right[found], whole, alone[found])
    table = {"left": left, "right": right, "area_sqft": base.area_sqft[found][at], "width_ft": width[found][at]}
    return gpd.GeoDataFrame(table, geometry=geometry[at], crs=whole.crs)


def duplicates(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric) -> gpd.GeoDataFrame:
    """
    Features that have the geometry of an earlier one.

    Where a ring starts, which way it runs, and the order of parts and of holes do not matter; every coordinate does.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n features of any type
        In any CRS. Null and empty geometries are ignored. Not modified.

    Returns
    -------
    GeoDataFrame, m rows
        ``left``: position of the first feature with the geometry; ``right``: position of a later one, ascending;
        ``geometry``: that of ``right``. CRS of `layer`, new index.
    """
    whole = fabric_of(layer)
    right = np.flatnonzero(whole.first != np.arange(len(whole)))
    return gpd.GeoDataFrame({"left": whole.first[right], "right": right}, geometry=whole.geometry[right], crs=whole.crs)


def meeting(polygons: np.ndarray) -> np.ndarray:
    """Positions, ascending, of those of some valid polygons that meet the inside of another. None is ignored."""
    whole = Fabric(polygons, None, np.ones(len(polygons), dtype=bool))
    stacks = np.flatnonzero(whole.own_first != np.arange(len(polygons)))
    heads = np.unique(np.concatenate([whole.shared.left, whole.shared.right, whole.own_first[stacks]]))
    return np.flatnonzero(np.isin(whole.own_first, heads) & whole.definite)


def _with_stacks(whole: Fabric) -> tuple[Shared, np.ndarray]:
    """The pairs that share ground, and one more for each stack of copies: the first with itself. And which of them are stacks."""
    shared = whole.shared
    heads = np.unique(whole.own_first[whole.own_first != np.arange(len(whole))])
    parts, owner = polygon_parts(whole.geometry[heads])
    together = Shared(
        np.concatenate([shared.left, heads]),
        np.concatenate([shared.right, heads]),
        np.concatenate([shared.area_sqft, shapely.area(whole.geometry[heads])]),
        np.concatenate([shared.parts, parts]),
        np.concatenate([shared.pair, owner + len(shared.left)]),
    )
    return together, np.repeat([False, True], [len(shared.left), len(heads)])


def _with_copies(
    left: np.ndarray, right: np.ndarray, whole: Fabric, alone: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of first copies spread over all their copies, and those of each stack; and the pair each comes from. By left, right."""
    rows = np.flatnonzero(whole.definite)
    order = rows[np.argsort(whole.own_first[rows], kind="stable")]
    head = whole.own_first[order]

    def run(feature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.searchsorted(head, feature), np.searchsorted(head, feature, side="right")

    at = np.flatnonzero(~alone)
    pair, one = spread(*run(left[at]))
    again, two = spread(*run(right[at[pair]]))
    lefts, rights, froms = [order[one[again]]], [order[two]], [at[pair[again]]]
    for k in np.flatnonzero(alone).tolist():
        first, stop = (int(v) for v in run(left[k]))
        stack = order[first:stop]
        if len(stack) <= LARGEST_STACK:
            one, two = np.triu_indices(len(stack), 1)
        else:
            one, two = np.zeros(len(stack) - 1, dtype=int), np.arange(1, len(stack))
        lefts.append(stack[one])
        rights.append(stack[two])
        froms.append(np.full(len(one), k))
    left, right, source = (np.concatenate(column) for column in (lefts, rights, froms))
    left, right = np.minimum(left, right), np.maximum(left, right)
    order = np.lexsort((right, left))
    return left[order], right[order], source[order]
