"""
Ground that features of two layers both claim.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.fabric import Fabric, fabric_of_two
from citygis.topology.gap import pieces_of
from citygis.topology.growth import Asked, pair_codes
from citygis.topology.measure import polygon_parts, require_same_crs, wide_enough, width_floor_ft, widths_ft
from citygis.topology.nearness import spread
from citygis.topology.threads import threaded
from citygis.units import require_feet

PIECE_VERTICES = 128
"""A polygon of more vertices is compared in pieces: the smaller they are, the less a comparison costs, and the more there are."""

OPEN_SHARE = 0.1
"""Two layers of which a greater share of all edges stays open do not divide the ground between them: every pair is compared."""


class _Met(NamedTuple):
    """Pieces of two polygons whose insides meet, and the two features, counted over both layers."""

    one: np.ndarray
    two: np.ndarray
    left: np.ndarray
    right: np.ndarray


class _Polygons:
    """Valid polygons to be compared in pairs, the large ones in pieces: each is cut when it is first asked for."""

    def __init__(self, geometry: np.ndarray) -> None:
        self._geometry = geometry
        self.large = shapely.get_num_coordinates(geometry) > PIECE_VERTICES
        self._cut, self._owner, self._tree = geometry[:0], np.empty(0, dtype=np.intp), shapely.STRtree(geometry[:0])

    def that_meet(self, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of pairs of polygons the pieces whose insides meet, and the pair of each two."""
        asked = np.unique(np.concatenate([left[self.large[left]], right[self.large[right]]]))
        asked = np.setdiff1d(asked, self._owner)
        if len(asked):
            cut, owner = owned_pieces(self._geometry[asked])
            owner = np.concatenate([self._owner, asked[owner]])
            order = np.argsort(owner, kind="stable")
            self._cut, self._owner = np.concatenate([self._cut, cut])[order], owner[order]
            self._tree = shapely.STRtree(self._cut)
        one, pair = self._geometry[left], np.arange(len(left))
        whole = ~self.large[left]
        at, number = spread(*(np.searchsorted(self._owner, left[~whole], side=side) for side in ("left", "right")))
        one, pair = np.concatenate([one[whole], self._cut[number]]), np.concatenate([pair[whole], pair[~whole][at]])
        whole = ~self.large[right[pair]]
        at, number = self._tree.query(one[~whole])
        own = self._owner[number] == right[pair[~whole][at]]
        at, number = at[own], number[own]
        two = np.concatenate([self._geometry[right[pair[whole]]], self._cut[number]])
        one, pair = np.concatenate([one[whole], one[~whole][at]]), np.concatenate([pair[whole], pair[~whole][at]])
        low, high = shapely.bounds(one).reshape(-1, 4), shapely.bounds(two).reshape(-1, 4)
        near = np.flatnonzero(((low[:, :2] < high[:, 2:]) & (high[:, :2] < low[:, 2:])).all(axis=1))
        meet = near[threaded(_insides_meet, one[near], two[near])]
        return one[meet], two[meet], pair[meet]


def overlaps_between(
    left: gpd.GeoDataFrame | gpd.GeoSeries,
    right: gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    whole: Fabric | None = None,
    min_area_sqft: float = 0.0,
    tolerance_ft: float = 0.01,
) -> gpd.GeoDataFrame:
    """
    Every pair of a polygon of one layer and a polygon of another whose insides meet.

    Parameters
    ----------
    left, right : GeoDataFrame or GeoSeries, n and k polygons
        In feet, of one CRS. Null, empty and invalid geometries claim no definite ground and are left out. A right of way dissolved
        into one polygon costs little more than its streets one by one: it is compared in pieces. Not modified.
    whole : Fabric, optional
        Of these two layers, from `fabric_of_two`, where there is one already.
    min_area_sqft : float
        Pairs that share less are not reported.
    tolerance_ft : float
        Pairs whose shared ground is nowhere this wide are not reported (the width is that of the largest circle that fits in it).

    Returns
    -------
    GeoDataFrame, m rows
        ``left`` and ``right``: positions in the two layers, ascending; ``area_sqft``; ``width_ft``; ``geometry``: the ground they
        share (MultiPolygon). CRS of `left`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or the two differ.

    Notes
    -----
    Parcels and the right of way beside them cancel each other's edges, as neighbours within one layer do: only what lies about an
    edge that is left over is compared. Lines that are the same when rounded to 0.0001 ft are one line.

    Source: "Must Not Overlap With" of Esri's geodatabase topology rules.
    """
    require_feet(left.crs, "The left layer")
    require_feet(right.crs, "The right layer")
    require_same_crs(left, right)
    whole = fabric_of_two(left, right) if whole is None else whole
    if len(whole.open_edges) <= OPEN_SHARE * np.count_nonzero(whole.paths.edge):
        pieces_met = _near_open_edges(whole, len(left))
    else:
        pieces_met = _of_all(whole, len(left))
    shared, owner = polygon_parts(threaded(shapely.intersection, pieces_met.one, pieces_met.two))
    at, by = pieces_met.left[owner], pieces_met.right[owner] - len(left)
    wide = ~shapely.is_empty(shapely.buffer(shared, -1e-6)) if tolerance_ft else np.ones(len(shared), dtype=bool)
    shared, at, by = _whole(shared[wide], at[wide], by[wide])
    area = shapely.area(shared)
    parts, owner = polygon_parts(shared)
    width = np.zeros(len(shared))
    np.maximum.at(width, owner, widths_ft(parts, at_least_ft=width_floor_ft(tolerance_ft)))
    found = (area >= min_area_sqft) & (area > 0) & wide_enough(width, tolerance_ft)
    keep = found[owner]
    geometry = shapely.multipolygons(parts[keep], indices=np.cumsum(found)[owner[keep]] - 1)
    table = {"left": at[found], "right": by[found], "area_sqft": area[found], "width_ft": width[found]}
    return gpd.GeoDataFrame(table, geometry=geometry, crs=left.crs)


def owned_pieces(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Polygons, the large ones cut into pieces, and where each piece comes from.

    Parameters
    ----------
    polygons : array of valid polygons or None

    Returns
    -------
    pieces : array of polygons
    owner : array of int
        Position in `polygons`.
    """
    there = np.flatnonzero(~shapely.is_missing(polygons))
    cut, owner = pieces_of(polygons[there], most_vertices=PIECE_VERTICES)
    return cut, there[owner]


def _near_open_edges(whole: Fabric, n_left: int) -> _Met:
    """
    What meets of the first `n_left` features and of the others, found from the few pairs about open edges.

    Overlaps grow from each pair to those beyond its edges, whichever layer each is of.
    """
    n = len(whole)
    polygons = _Polygons(whole.geometry)
    asked, found = Asked(), []
    code = asked.new(pair_codes(*whole.candidates.T, n))
    while len(code):
        pair = polygons.that_meet(code // n, code % n)[2]
        found.append(np.unique(code[pair]))
        left, right = found[-1] // n, found[-1] % n
        code = asked.new(whole.beyond(left, right))
    code = np.concatenate([*found, np.empty(0, dtype=np.int64)])
    left, right = _across(whole, np.r_[code // n, code % n], np.r_[code % n, code // n], n_left)
    one, two, pair = polygons.that_meet(left, right)
    return _Met(one, two, left[pair], right[pair])


def _across(whole: Fabric, one: np.ndarray, other: np.ndarray, n_left: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of first copies spread over the copies of one in the left layer and of the other in the right one; and stacks."""
    rows = np.flatnonzero(whole.definite)
    order = rows[np.argsort(whole.own_first[rows], kind="stable")]
    ours, theirs = order[order < n_left], order[order >= n_left]
    stacks = np.intersect1d(whole.own_first[ours], whole.own_first[theirs])
    one, other = np.r_[one, stacks], np.r_[other, stacks]
    head = whole.own_first[ours]
    pair, at = spread(np.searchsorted(head, one), np.searchsorted(head, one, side="right"))
    left, other = ours[at], other[pair]
    head = whole.own_first[theirs]
    pair, at = spread(np.searchsorted(head, other), np.searchsorted(head, other, side="right"))
    return left[pair], theirs[at]


def _of_all(whole: Fabric, n_left: int) -> _Met:
    """What meets of the first `n_left` features and of the others, each compared with all whose boxes meet its own."""
    geometry = whole.geometry.copy()
    geometry[~whole.definite] = None
    ours, our_row = owned_pieces(geometry[:n_left])
    theirs, their_row = owned_pieces(geometry[n_left:])
    at, by = shapely.STRtree(theirs).query(ours)
    meet = threaded(_insides_meet, ours[at], theirs[by])
    at, by = at[meet], by[meet]
    return _Met(ours[at], theirs[by], our_row[at], n_left + their_row[by])


def _insides_meet(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    return shapely.relate_pattern(some, others, "T********")


def _whole(shared: np.ndarray, left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ground of each pair in one geometry, joined over the lines where pieces were cut; pairs ascending."""
    order = np.lexsort((right, left))
    shared, left, right = shared[order], left[order], right[order]
    first = np.flatnonzero(np.r_[True, (left[1:] != left[:-1]) | (right[1:] != right[:-1])]) if len(shared) else np.zeros(0, int)
    size = np.diff(np.r_[first, len(shared)])
    together = shared[first]
    for k in np.flatnonzero(size > 1):
        together[k] = shapely.union_all(shared[first[k] : first[k] + size[k]])
    return together, left[first], right[first]
