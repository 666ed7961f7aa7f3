"""
Narrow ground between neighbours that neither of them covers.
"""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.topology.approaches import REACH_FT, Approaches
from citygis.topology.fabric import Fabric, fabric_of
from citygis.topology.measure import polygon_parts, wide_enough, width_floor_ft, widths_ft
from citygis.topology.nearness import groups
from citygis.topology.threads import threaded
from citygis.units import require_feet

CHUNK = 200

_ABREAST_FT = 0.01
_BESIDE_FT = 0.0005  # how near a strip's boundary runs to the polygons that bound it: rounding, and what GEOS adds to it


def strips(
    layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, width_ft: float = REACH_FT, tolerance_ft: float = 0.01
) -> gpd.GeoDataFrame:
    """
    Narrow uncovered ground between neighbours, whether it is closed or opens onto a street.

    A gap between two lots is rarely a hole: it opens onto the street, so the union of all parcels has a notch there and nothing
    more. Here each two edges of different features that face each other across less than a width tell of the ground between them.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons
        In feet. Null, empty and invalid geometries claim no definite ground and are left out: see `invalid`. Not modified.
    width_ft : float
        Ground that is wider is a street, an alley or a missing lot.
    tolerance_ft : float
        Strips that are nowhere this wide are not reported (the width is that of the largest circle that fits).

    Returns
    -------
    GeoDataFrame, m rows
        One row per strip: ``left`` and ``right``: positions of the two features that bound most of it, left < right; ``beside``:
        all features that bound it (tuple of positions, ascending); ``area_sqft``; ``width_ft``; ``length_ft``: of the rectangle
        with its area and perimeter; ``beside_invalid``: an invalid polygon reaches in here, so nobody can say whether it is a
        strip; ``geometry`` (Polygon). Ordered by left, right, then from west to east. CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.

    Notes
    -----
    Where two edges face each other, the ground between them is the convex hull of what each has within `width_ft` of the other.
    Hulls that meet are joined, and what polygons cover is taken away.
    """
    whole = fabric_of(layer)
    require_feet(whole.crs)
    near = whole.approaches if width_ft == REACH_FT else whole.approaches_within(width_ft)
    open_ = _uncovered(whole, _hulls(whole, near, width_ft, width_floor_ft(tolerance_ft)))
    open_ = open_[shapely.area(open_) > 0]
    width = widths_ft(open_, at_least_ft=width_floor_ft(tolerance_ft))
    keep = wide_enough(width, tolerance_ft) & (width > 0) & (width < width_ft)
    open_, width = open_[keep], width[keep]
    left, right, all_ = _sides(len(open_), *_beside(whole, open_))
    doubtful = np.zeros(len(open_), dtype=bool)
    broken = whole.geometry[whole.broken]
    if len(broken) and len(open_):
        doubtful[shapely.STRtree(open_).query(shapely.convex_hull(broken), predicate="intersects")[1]] = True
    area, around = shapely.area(open_), shapely.length(open_) / 2
    length = (around + np.sqrt(np.maximum(around**2 - 4 * area, 0))) / 2
    bounds = shapely.bounds(open_).reshape(-1, 4)
    order = np.lexsort((bounds[:, 1], bounds[:, 0], right, left))
    order = order[left[order] >= 0]
    table = {
        "left": left[order],
        "right": right[order],
        "beside": pd.Series([all_[k] for k in order], dtype=object),
        "area_sqft": area[order],
        "width_ft": width[order],
        "length_ft": length[order],
        "beside_invalid": doubtful[order],
    }
    return gpd.GeoDataFrame(table, geometry=open_[order], crs=whole.crs)


def _hulls(whole: Fabric, near: Approaches, width_ft: float, least_ft: float) -> np.ndarray:
    """The ground between edges that face each other, but for what is nowhere as wide as `least_ft`."""
    some = np.flatnonzero(near.faces & (near.distance_ft <= width_ft))
    one, two = near.one[some], near.two[some]
    paths, edges = whole.paths, whole.open_edges
    a, b = paths.coordinates[edges[one]], paths.coordinates[edges[one] + 1]
    c, d = paths.coordinates[edges[two]], paths.coordinates[edges[two] + 1]
    (first, abreast), (second, again) = _within(a, b, c, d, width_ft), _within(c, d, a, b, width_ft)
    # Two blocks may come near each other with their corners: then nothing lies between them.
    there = (first[:, 0] <= first[:, 1]) & (second[:, 0] <= second[:, 1]) & (abreast | again)
    a, b, c, d, first, second = (v[there] for v in (a, b, c, d, first, second))
    corners = [a + (b - a) * first[:, :1], a + (b - a) * first[:, 1:], c + (d - c) * second[:, :1], c + (d - c) * second[:, 1:]]
    corners = np.stack(corners, axis=1)
    hulls = shapely.convex_hull(shapely.multipoints(corners.reshape(-1, 2), indices=np.repeat(np.arange(len(a)), 4)))
    # A strip of the length of its longer side is no wider than twice its area over that length.
    long = np.maximum(*(np.hypot(*(corners[:, k + 1] - corners[:, k]).T) for k in (0, 2)))
    return hulls[shapely.area(hulls) * 2 > long * max(least_ft / 2, 1e-9)]


def _within(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, width_ft: float) -> tuple[np.ndarray, np.ndarray]:
    """
    Of each segment a-b the part that faces c-d and lies within a width of its line: from and to, as shares of it; and whether any
    does.

    The part is given longer than that by the width on either side, so that a strip that ends in a slant is filled to its end.
    """
    along, to = b - a, d - c
    length = np.hypot(*along.T)
    unit = to / np.hypot(*to.T)[:, None]
    # How far off the line of c-d either end of a-b is: it changes evenly in between.
    off = np.stack([unit[:, 0] * (p - c)[:, 1] - unit[:, 1] * (p - c)[:, 0] for p in (a, b)], axis=1)
    change = off[:, 1] - off[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = (-width_ft - off[:, 0]) / change, (width_ft - off[:, 0]) / change
    level = np.abs(change) < 1e-12
    near = np.abs(off[:, 0]) <= width_ft
    low, high = np.minimum(low, high), np.maximum(low, high)
    low, high = np.where(level, np.where(near, 0, 2), low), np.where(level, np.where(near, 1, -1), high)
    ends = np.stack([np.einsum("ij,ij->i", p - a, along) / length**2 for p in (c, d)], axis=1)
    spare = width_ft / length
    low = np.maximum.reduce([np.zeros(len(low)), low, ends.min(axis=1) - spare])
    high = np.minimum.reduce([np.ones(len(high)), high, ends.max(axis=1) + spare])
    abreast = (np.minimum(ends.max(axis=1), 1) - np.maximum(ends.min(axis=1), 0)) * length > _ABREAST_FT
    return np.stack([low, high], axis=1), abreast


def _uncovered(whole: Fabric, hulls: np.ndarray) -> np.ndarray:
    """Hulls that meet, joined, less everything that polygons cover."""
    if not len(hulls):
        return np.empty(0, dtype=object)
    one, two = shapely.STRtree(hulls).query(hulls, predicate="intersects")
    group = groups(np.concatenate([one, np.arange(len(hulls))]), np.concatenate([two, np.arange(len(hulls))]))[len(one) :]
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(group[order]) > 0))
    members = np.split(order, starts[1:])
    tree, rows = whole.tree
    at, by = tree.query(hulls)
    near = np.split(rows[by], np.searchsorted(at, np.arange(1, len(hulls))))

    def left(numbers: np.ndarray) -> np.ndarray:
        open_ = np.empty(len(numbers), dtype=object)
        for k, number in enumerate(numbers.tolist()):
            some = members[number]
            ground = shapely.union_all(hulls[some]) if len(some) > 1 else hulls[some[0]]
            covers = np.unique(np.concatenate([near[m] for m in some.tolist()]))
            box = shapely.box(*(shapely.bounds(ground) + np.array([-1, -1, 1, 1])))
            open_[k] = shapely.difference(ground, shapely.union_all(shapely.intersection(whole.geometry[covers], box)))
        return open_

    return polygon_parts(threaded(left, np.arange(len(members)), chunk=CHUNK))[0]


def _beside(whole: Fabric, open_: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which features bound each strip: the feature, the strip, and along how many feet; by strip, then feature."""
    vertices, strip = shapely.get_coordinates(open_, return_index=True)
    side = np.flatnonzero(strip[1:] == strip[:-1])
    length = np.hypot(*(vertices[side + 1] - vertices[side]).T)
    tree, rows = whole.tree
    at, by = tree.query(shapely.points((vertices[side] + vertices[side + 1]) / 2), predicate="dwithin", distance=_BESIDE_FT)
    pair, first = np.unique(np.stack([strip[side[at]], rows[by]], axis=1), axis=0, return_inverse=True)
    along = np.bincount(first.ravel(), weights=length[at], minlength=len(pair))
    # A feature that only touches the end of a strip with a corner of its own bounds nothing of it.
    bounds = along > 4 * _BESIDE_FT
    return pair[bounds, 1], pair[bounds, 0], along[bounds]


def _sides(n: int, feature: np.ndarray, strip: np.ndarray, along_ft: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[tuple]]:
    """The two features that bound most of each strip, the lesser first, and all that do; -1 where there are not two."""
    order = np.lexsort((feature, -along_ft, strip))
    start = np.searchsorted(strip[order], np.arange(n + 1))
    two = np.diff(start) > 1
    pair = np.full((n, 2), -1)
    pair[two] = np.stack([feature[order][start[:-1][two]], feature[order][start[:-1][two] + 1]], axis=1)
    all_ = np.split(feature, np.searchsorted(strip, np.arange(1, n)))
    return pair.min(axis=1), pair.max(axis=1), [tuple(each.tolist()) for each in all_]
