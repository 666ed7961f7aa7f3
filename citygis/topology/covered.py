"""
Where features reach outside everything that should cover them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.between import owned_pieces
from citygis.topology.edges import unmatched_edges
from citygis.topology.measure import flat, ground, polygon_parts, require_same_crs
from citygis.topology.segments import Segments, box_pairs, near_stretches, runs, segments
from citygis.topology.threads import threaded
from citygis.topology.validity import not_finite
from citygis.units import require_feet

STEP_SHARE = 1 / 64
"""How finely the edge of what lies outside is sampled for the point farthest out."""

_NOISE_FT = 1e-6  # far below the last decimal of City coordinates, far above what GEOS rounds
_SHARE = 1 / 50  # of the reach: a piece less deep than this is shallow
_ARC = 64  # segments in a quarter circle
_COARSE_ARC = 16  # the same, where only what is surely within reach is sorted out
_ROUNDS = 7  # squares of a piece are quartered this often: the last ones are far smaller than 1/64 of it
_QUARTERS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])


class _Covers(NamedTuple):
    """What covers, the large polygons in pieces, and the number of the group each piece belongs to."""

    polygons: np.ndarray
    group: np.ndarray
    tree: shapely.STRtree

    def beside(self, shapes: np.ndarray, group: np.ndarray, predicate: str, **options: float) -> tuple[np.ndarray, np.ndarray]:
        """Positions of pieces of its own group that each shape meets, those of shape k at ``by[ends[k]:ends[k + 1]]``."""
        at, by = self.tree.query(shapes, predicate=predicate, **options)
        own = self.group[by] == group[at]
        at, by = at[own], by[own]
        return by[np.argsort(at, kind="stable")], np.r_[0, np.cumsum(np.bincount(at, minlength=len(shapes)))]

    def distance_ft(self, points: np.ndarray, group: np.ndarray) -> np.ndarray:
        """The distance of each point to the nearest piece of its group; infinite when there is none."""
        distance = np.full(len(points), np.inf)
        for each in np.unique(group):
            rows = np.flatnonzero(group == each)
            of_group = np.flatnonzero(self.group == each)
            tree = self.tree if len(of_group) == len(self.polygons) else shapely.STRtree(self.polygons[of_group])
            if len(of_group):
                (at, _), near = tree.query_nearest(points[rows], return_distance=True, all_matches=False)
                distance[rows[at]] = near
        return distance


def protrusions(
    inner: gpd.GeoDataFrame | gpd.GeoSeries,
    *covers: gpd.GeoDataFrame | gpd.GeoSeries,
    own: Sequence[np.ndarray] | None = None,
    tolerance_ft: float = 0.01,
) -> gpd.GeoDataFrame:
    """
    Ground of each feature farther than a tolerance from everything that should cover it together.

    An exact test rejects nearly every feature drawn exactly inside others, because its coordinates are rounded; here each point
    must lie within `tolerance_ft` of a cover.

    Parameters
    ----------
    inner : GeoDataFrame or GeoSeries, n polygons
        In feet. Null, empty and invalid geometries are left out. They may overlap each other. Not modified.
    *covers : GeoDataFrame or GeoSeries
        Polygons in the CRS of `inner`: parcels, right of way. An invalid polygon covers what `shapely.make_valid` makes of it.
    own : arrays of int, optional
        Where each feature has covers of its own (a lot its tract, an easement the parcels of its deed): the number of its group for
        each feature of `inner`, then, layer by layer, for each cover; negative for none. A feature is held to the covers of its
        group alone, and one without a group, or whose group has no cover, is not judged.
    tolerance_ft : float

    Returns
    -------
    GeoDataFrame, m rows
        One row for each piece of ground outside that reaches beyond the tolerance, ascending by feature: ``inner`` (position),
        ``out_ft``: how far from every cover its farthest point lies (infinite where there are no covers), ``easting_ft`` and
        ``northing_ft`` of that point, ``area_sqft``, ``geometry`` (Polygon). CRS of `inner`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS, is not in feet, or they differ.
    ValueError
        If `own` has not one array for each layer, as long as it.

    Notes
    -----
    The number of covers over a point changes only across edges of covers that no neighbour cancels. A feature that no such edge
    enters is covered as a whole or not at all, and one point of it tells; only the others are cut.

    Which pieces reach beyond the tolerance is worked out, not sampled. The farthest point is looked for along the edges and then by
    branch and bound: no point lies farther out than told by more than 1/64 of the size of the piece.

    Source: "Must Be Covered By" of Esri's geodatabase topology rules, with a tolerance that moves no data.
    """
    parts, row = polygon_parts(ground(inner))
    whole, group = _covering(inner, covers, own)
    of = np.zeros(len(parts), dtype=np.intp) if own is None else np.asarray(own[0], dtype=np.intp)[row]
    if own is not None:
        judged = np.isin(of, group)
        parts, row, of = parts[judged], row[judged], of[judged]
    cut, owner = owned_pieces(whole)
    covering = _Covers(cut, group[owner], shapely.STRtree(cut))
    left = _outside(parts, covering) if own is None else _outside_own(parts, of, whole, group, tolerance_ft)
    out, at = polygon_parts(left)
    row, of = row[at], of[at]
    found = np.flatnonzero(_reaches(out, of, covering, tolerance_ft + _NOISE_FT))
    out, row, of = out[found], row[found], of[found]
    out_ft, place = _farthest(out, of, covering)
    _search(out, of, out_ft, place, covering)
    low = np.flatnonzero(out_ft <= tolerance_ft)  # what reaches out may be smaller than the search is fine
    middle = shapely.point_on_surface(_beyond(out[low], of[low], covering, tolerance_ft + _NOISE_FT))
    low, middle = low[~shapely.is_empty(middle)], middle[~shapely.is_empty(middle)]
    out_ft[low], place[low] = covering.distance_ft(middle, of[low]), shapely.get_coordinates(middle)
    table = {
        "inner": row,
        "out_ft": np.maximum(out_ft, tolerance_ft),
        "easting_ft": place[:, 0],
        "northing_ft": place[:, 1],
        "area_sqft": shapely.area(out),
    }
    return gpd.GeoDataFrame(table, geometry=out, crs=inner.crs)


def by_feature(found: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """
    What `protrusions` gave, one row for each feature however many pieces of it lie outside.

    Parameters
    ----------
    found : GeoDataFrame
        As `protrusions` gives it. Not modified.

    Returns
    -------
    GeoDataFrame
        The same columns: the point farthest out of all, ``area_sqft`` of all, ``geometry`` of all (a MultiPolygon where there are
        several). New index.
    """
    inner, first, count = np.unique(found["inner"].to_numpy(), return_index=True, return_counts=True)
    order = np.lexsort((-found["out_ft"].to_numpy(), found["inner"].to_numpy()))
    farthest = found.iloc[order[first]].reset_index(drop=True)
    shape = np.asarray(found.geometry.array, dtype=object)
    together = shape[first]
    for k in np.flatnonzero(count > 1):
        together[k] = shapely.multipolygons(shape[first[k] : first[k] + count[k]])
    area = np.bincount(np.repeat(np.arange(len(inner)), count), weights=found["area_sqft"], minlength=len(inner))
    return farthest.assign(area_sqft=area).set_geometry(gpd.GeoSeries(together, crs=found.crs))


def _covering(inner, covers: tuple, own: Sequence[np.ndarray] | None) -> tuple[np.ndarray, np.ndarray]:
    """The polygons that cover, invalid ones as what can be made of them, and their groups: 0 for all where none are said."""
    if own is not None and [len(each) for each in own] != [len(layer) for layer in (inner, *covers)]:
        raise ValueError("Invalid own. Must be one array for the inner layer and one for each cover, as long as the layer.")
    good, groups = [np.empty(0, dtype=object)], [np.zeros(0, dtype=np.intp)]
    for k, layer in enumerate(covers):
        require_feet(layer.crs, "A covering layer")
        require_same_crs(inner, layer)
        geometry = flat(np.asarray(layer.geometry.array, dtype=object))
        group = np.zeros(len(geometry), dtype=np.intp) if own is None else np.asarray(own[k + 1], dtype=np.intp)
        there = (shapely.get_dimensions(geometry) == 2) & ~shapely.is_empty(geometry) & ~not_finite(layer) & (group >= 0)
        geometry, group = geometry[there], group[there]
        valid = threaded(shapely.is_valid, geometry)
        mended, owner = polygon_parts(shapely.make_valid(geometry[~valid]))
        good += [geometry[valid], mended]
        groups += [group[valid], group[~valid][owner]]
    return np.concatenate(good), np.concatenate(groups)


def _outside(parts: np.ndarray, covering: _Covers) -> np.ndarray:
    """Each polygon less everything that covers it; null where nothing is left."""
    left = np.full(len(parts), None, dtype=object)
    edges = unmatched_edges(covering.polygons, np.empty(0, dtype=object))
    at, by = shapely.STRtree(edges).query(parts, predicate="intersects")
    enters = threaded(lambda polygon, edge: shapely.relate_pattern(polygon, edge, "T********"), parts[at], edges[by])
    entered = np.zeros(len(parts), dtype=bool)
    entered[at[enters]] = True
    whole = np.flatnonzero(~entered)
    places = shapely.point_on_surface(parts[whole])
    bare = np.ones(len(whole), dtype=bool)
    bare[covering.tree.query(places, predicate="intersects")[0]] = False
    left[whole[bare]] = parts[whole[bare]]
    cut = np.flatnonzero(entered)
    # Two polygons that only touch share no ground, but the noise between them is worth the cut.
    by, ends = covering.beside(parts[cut], np.zeros(len(cut), dtype=np.intp), "intersects")

    def less(rows: np.ndarray) -> np.ndarray:
        together = np.array([shapely.union_all(covering.polygons[by[ends[k] : ends[k + 1]]]) for k in rows], dtype=object)
        return shapely.difference(parts[cut[rows]], together)

    left[cut] = threaded(less, np.arange(len(cut)), chunk=256)
    return left


def _outside_own(parts: np.ndarray, of: np.ndarray, whole: np.ndarray, group: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """Each polygon less what covers its group; null where nothing, or nothing beyond the tolerance, is left."""
    left = np.full(len(parts), None, dtype=object)
    used, link = np.unique(of, return_inverse=True)
    order = np.argsort(group, kind="stable")
    first, last = (np.searchsorted(group[order], used, side=side) for side in ("left", "right"))
    outer = np.array(
        [whole[order[a]] if b - a == 1 else shapely.union_all(whole[order[a:b]]) for a, b in zip(first, last, strict=True)],
        dtype=object,
    )
    # Not on threads: a prepared geometry builds its index when it is first asked, and two threads may ask at once.
    shapely.prepare(outer)
    rows = np.flatnonzero(~shapely.covers(outer[link], parts))
    # Most of what an exact test rejects is rounding; a wider cover settles that before anything is cut.
    needed, at = np.unique(link[rows], return_inverse=True)
    wider = threaded(lambda some: shapely.buffer(some, tolerance_ft, quad_segs=_COARSE_ARC), outer[needed], chunk=16)
    shapely.prepare(wider)
    rows = rows[~shapely.covers(wider[at], parts[rows])]
    left[rows] = threaded(shapely.difference, parts[rows], outer[link[rows]], chunk=256)
    return left


def _reaches(out: np.ndarray, of: np.ndarray, covering: _Covers, reach_ft: float) -> np.ndarray:
    """
    Which pieces of ground have a point farther than `reach_ft` from what covers.

    Most are what rounding left: nowhere deep, and near a cover along all their edges. No point of a piece is farther from its edge
    than the largest circle in it is wide, so a piece too shallow for a circle of `_SHARE` of the reach is within reach when its
    edges are within the rest of it.
    """
    if not len(out):
        return np.zeros(0, dtype=bool)
    rings, ring_of = shapely.get_parts(shapely.boundary(out), return_index=True)
    near = np.unique(covering.tree.query(out, predicate="dwithin", distance=reach_ft)[1])
    bounds, bound_of = shapely.get_parts(shapely.boundary(covering.polygons[near]), return_index=True)
    edges, cover = segments(rings), segments(bounds)
    at, by = box_pairs(edges, cover, reach_ft)
    own = covering.group[near[bound_of[cover.part[by]]]] == of[ring_of[edges.part[at]]]
    at, by = at[own], by[own]
    beyond = _with_open_edge(edges, cover, at, by, reach_ft, ring_of, len(out))
    doubtful = ~beyond & _with_open_edge(edges, cover, at, by, (1 - _SHARE) * reach_ft, ring_of, len(out))
    doubtful |= ~shapely.is_empty(threaded(lambda p: shapely.buffer(p, -_SHARE * reach_ft, quad_segs=1), out))
    rows = np.flatnonzero(doubtful & ~beyond)
    beyond[rows] = ~shapely.is_empty(_beyond(out[rows], of[rows], covering, reach_ft))
    return beyond


def _with_open_edge(
    edges: Segments, cover: Segments, at: np.ndarray, by: np.ndarray, reach_ft: float, ring_of: np.ndarray, n: int
) -> np.ndarray:
    """Which of `n` pieces have a stretch of edge that no segment of `cover` is near; `at` and `by` are the pairs to look at."""
    low, high = near_stretches(edges.take(at), cover.take(by), reach_ft)
    near = low <= high
    every, length = np.arange(len(edges.part)), edges.length_ft
    row, low, high = runs(
        np.concatenate([at[near], every, every]),
        np.concatenate([low[near], np.full(len(every), -1.0), length]),
        np.concatenate([high[near], np.zeros(len(every)), length + 1.0]),
        covered=False,
    )
    found = np.zeros(n, dtype=bool)
    found[ring_of[edges.part[row[high - low > _NOISE_FT]]]] = True
    return found


def _beyond(out: np.ndarray, of: np.ndarray, covering: _Covers, reach_ft: float) -> np.ndarray:
    """The ground of each piece farther than `reach_ft` from what covers."""
    by, ends = covering.beside(out, of, "dwithin", distance=reach_ft)

    def left(rows: np.ndarray) -> np.ndarray:
        # Its round corners are drawn outside the circle, so that what is left lies beyond the reach.
        wider = (
            shapely.buffer(covering.polygons[by[ends[k] : ends[k + 1]]], reach_ft / np.cos(np.pi / (4 * _ARC)), quad_segs=_ARC)
            for k in rows
        )
        return shapely.difference(out[rows], np.array([shapely.union_all(each) for each in wider], dtype=object))

    return threaded(left, np.arange(len(out)), chunk=64)


def _farthest(out: np.ndarray, of: np.ndarray, covering: _Covers) -> tuple[np.ndarray, np.ndarray]:
    """How far from its covers the farthest point along the edges of each polygon lies, and where."""
    farthest, place = np.zeros(len(out)), np.zeros((len(out), 2))
    if not len(out):
        return farthest, place
    bounds = shapely.bounds(out)
    reach = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    edges = shapely.segmentize(shapely.boundary(out), np.maximum(reach * STEP_SHARE, _NOISE_FT))
    coordinates, owner = shapely.get_coordinates(edges, return_index=True)
    distance = covering.distance_ft(shapely.points(coordinates), of[owner])
    order = np.lexsort((distance, owner))
    last = order[np.r_[np.flatnonzero(owner[order][1:] != owner[order][:-1]), len(order) - 1]]
    farthest[owner[last]], place[owner[last]] = distance[last], coordinates[last]
    return farthest, place


def _search(out: np.ndarray, of: np.ndarray, out_ft: np.ndarray, place: np.ndarray, covering: _Covers) -> None:
    """
    Move each place, in its polygon, to where the distance from the covers is greatest.

    Squares that cannot hold a better point are dropped and the others quartered (branch and bound, as in Agafonkin's polylabel):
    the distance changes no faster than the place does.
    """
    bounds = shapely.bounds(out)
    size = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    shapely.prepare(out)
    piece, centre, half = np.arange(len(out)), (bounds[:, :2] + bounds[:, 2:]) / 2, size / 2
    for _ in range(_ROUNDS):
        piece, half = np.repeat(piece, 4), np.repeat(half, 4) / 2
        centre = np.repeat(centre, 4, axis=0) + half[:, None] * np.tile(_QUARTERS, (len(centre), 1))
        points = shapely.points(centre)
        radius = half * np.sqrt(2)
        near = shapely.dwithin(out[piece], points, radius)
        piece, centre, half, points, radius = piece[near], centre[near], half[near], points[near], radius[near]
        distance = covering.distance_ft(points, of[piece])
        inside = np.flatnonzero(shapely.intersects(out[piece], points))
        inside = inside[np.argsort(distance[inside], kind="stable")]  # of one piece the farthest is written last
        better = inside[distance[inside] > out_ft[piece[inside]]]
        out_ft[piece[better]], place[piece[better]] = distance[better], centre[better]
        hope = distance + radius > out_ft[piece] + size[piece] * STEP_SHARE / 2
        piece, centre, half = piece[hope], centre[hope], half[hope]
