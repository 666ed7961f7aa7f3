"""
Where features reach outside everything that should cover them.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.errors import CRSError
from citygis.topology.cover import STEP_SHARE
from citygis.topology.edges import unmatched_edges
from citygis.topology.gap import pieces
from citygis.topology.measure import flat, ground, polygon_parts
from citygis.topology.segments import Segments, box_pairs, near_stretches, runs, segments
from citygis.topology.threads import threaded
from citygis.topology.validity import not_finite
from citygis.units import require_feet

_NOISE_FT = 1e-6  # far below the last decimal of City coordinates, far above what GEOS rounds
_SHARE = 1 / 50  # of the reach: a piece less deep than this is shallow
_ARC = 64  # segments in a quarter circle
_ROUNDS = 7  # squares of a piece are quartered this often: the last ones are far smaller than 1/64 of it
_QUARTERS = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])


def protrusions(
    inner: gpd.GeoDataFrame | gpd.GeoSeries, *covers: gpd.GeoDataFrame | gpd.GeoSeries, tolerance_ft: float = 0.01
) -> gpd.GeoDataFrame:
    """
    Ground of each feature farther than a tolerance from everything that should cover it together.

    For a feature with one cover of its own, known beforehand, see `not_covered_by`. An exact test rejects nearly every feature
    drawn exactly inside others, because its coordinates are rounded; here each point must lie within `tolerance_ft` of a cover.

    Parameters
    ----------
    inner : GeoDataFrame or GeoSeries, n polygons
        In feet. Null, empty and invalid geometries are left out. They may overlap each other. Not modified.
    *covers : GeoDataFrame or GeoSeries
        Polygons in the CRS of `inner`: parcels, right of way. An invalid polygon covers what `shapely.make_valid` makes of it.
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

    Notes
    -----
    The number of covers over a point changes only across edges of covers that no neighbour cancels. A feature that no such edge
    enters is covered as a whole or not at all, and one point of it tells; only the others are cut.

    Which pieces reach beyond the tolerance is worked out, not sampled. The farthest point is looked for along the edges and then by
    branch and bound: no point lies farther out than told by more than 1/64 of the size of the piece.
    """
    inside = ground(inner, "The inner layer")
    covering = _covering(inner, covers)
    parts, row = polygon_parts(inside)
    tree = shapely.STRtree(covering)
    left = _outside(parts, covering, tree)
    out, at = polygon_parts(left)
    row = row[at]
    found = np.flatnonzero(_reaches(out, covering, tree, tolerance_ft + _NOISE_FT))
    out, row = out[found], row[found]
    out_ft, place = _farthest(out, tree)
    _search(out, out_ft, place, tree)
    low = np.flatnonzero(out_ft <= tolerance_ft)  # what reaches out may be smaller than the search is fine
    middle = shapely.point_on_surface(_beyond(out[low], covering, tree, tolerance_ft + _NOISE_FT))
    low, middle = low[~shapely.is_empty(middle)], middle[~shapely.is_empty(middle)]
    out_ft[low], place[low] = _distance_ft(tree, middle), shapely.get_coordinates(middle)
    table = {
        "inner": row,
        "out_ft": np.maximum(out_ft, tolerance_ft),
        "easting_ft": place[:, 0],
        "northing_ft": place[:, 1],
        "area_sqft": shapely.area(out),
    }
    return gpd.GeoDataFrame(table, geometry=out, crs=inner.crs)


def _covering(inner, covers: tuple) -> np.ndarray:
    """The polygons that cover, in pieces; invalid ones as what can be made of them."""
    good = [np.empty(0, dtype=object)]
    for layer in covers:
        require_feet(layer.crs, "A covering layer")
        if layer.crs != inner.crs:
            raise CRSError(
                f"The layers differ in CRS: {inner.crs.name} and {layer.crs.name}. Convert one of them first: citygis convert."
            )
        geometry = flat(np.asarray(layer.geometry.array, dtype=object))
        geometry = geometry[(shapely.get_dimensions(geometry) == 2) & ~shapely.is_empty(geometry) & ~not_finite(layer)]
        valid = threaded(shapely.is_valid, geometry)
        good += [geometry[valid], polygon_parts(shapely.make_valid(geometry[~valid]))[0]]
    return pieces(np.concatenate(good))


def _outside(parts: np.ndarray, covering: np.ndarray, tree: shapely.STRtree) -> np.ndarray:
    """Each polygon less everything that covers it; null where nothing is left."""
    left = np.full(len(parts), None, dtype=object)
    edges = unmatched_edges(covering, np.empty(0, dtype=object))
    at, by = shapely.STRtree(edges).query(parts, predicate="intersects")
    enters = threaded(lambda polygon, edge: shapely.relate_pattern(polygon, edge, "T********"), parts[at], edges[by])
    entered = np.zeros(len(parts), dtype=bool)
    entered[at[enters]] = True
    whole = np.flatnonzero(~entered)
    places = shapely.point_on_surface(parts[whole])
    bare = np.ones(len(whole), dtype=bool)
    bare[tree.query(places, predicate="intersects")[0]] = False
    left[whole[bare]] = parts[whole[bare]]
    cut = np.flatnonzero(entered)
    # Two polygons that only touch share no ground, but the noise between them is worth the cut.
    at, by = tree.query(parts[cut], predicate="intersects")
    by = by[np.argsort(at, kind="stable")]
    ends = np.r_[0, np.cumsum(np.bincount(at, minlength=len(cut)))]

    def less(rows: np.ndarray) -> np.ndarray:
        together = np.array([shapely.union_all(covering[by[ends[k] : ends[k + 1]]]) for k in rows], dtype=object)
        return shapely.difference(parts[cut[rows]], together)

    left[cut] = threaded(less, np.arange(len(cut)), chunk=256)
    return left


def _reaches(out: np.ndarray, covering: np.ndarray, tree: shapely.STRtree, reach_ft: float) -> np.ndarray:
    """
    Which pieces of ground have a point farther than `reach_ft` from what covers.

    Most are what rounding left: nowhere deep, and near a cover along all their edges. No point of a piece is farther from its edge
    than the largest circle in it is wide, so a piece too shallow for a circle of `_SHARE` of the reach is within reach when its
    edges are within the rest of it.
    """
    rings, ring_of = shapely.get_parts(shapely.boundary(out), return_index=True)
    edges, cover = segments(rings), segments(shapely.get_parts(shapely.boundary(covering)))
    at, by = box_pairs(edges, cover, reach_ft)
    beyond = _with_open_edge(edges, cover, at, by, reach_ft, ring_of, len(out))
    doubtful = ~beyond & _with_open_edge(edges, cover, at, by, (1 - _SHARE) * reach_ft, ring_of, len(out))
    doubtful |= ~shapely.is_empty(threaded(lambda p: shapely.buffer(p, -_SHARE * reach_ft, quad_segs=1), out))
    rows = np.flatnonzero(doubtful & ~beyond)
    beyond[rows] = ~shapely.is_empty(_beyond(out[rows], covering, tree, reach_ft))
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


def _beyond(out: np.ndarray, covering: np.ndarray, tree: shapely.STRtree, reach_ft: float) -> np.ndarray:
    """The ground of each piece farther than `reach_ft` from what covers."""
    at, by = tree.query(out, predicate="dwithin", distance=reach_ft)
    by = by[np.argsort(at, kind="stable")]
    ends = np.r_[0, np.cumsum(np.bincount(at, minlength=len(out)))]

    def left(rows: np.ndarray) -> np.ndarray:
        # Its round corners are drawn outside the circle, so that what is left lies beyond the reach.
        wider = (
            shapely.buffer(covering[by[ends[k] : ends[k + 1]]], reach_ft / np.cos(np.pi / (4 * _ARC)), quad_segs=_ARC) for k in rows
        )
        return shapely.difference(out[rows], np.array([shapely.union_all(each) for each in wider], dtype=object))

    return threaded(left, np.arange(len(out)), chunk=64)


def _farthest(out: np.ndarray, tree: shapely.STRtree) -> tuple[np.ndarray, np.ndarray]:
    """How far from the tree the farthest point along the edges of each polygon lies, and where."""
    farthest, place = np.zeros(len(out)), np.zeros((len(out), 2))
    if not len(out):
        return farthest, place
    bounds = shapely.bounds(out)
    reach = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
    edges = shapely.segmentize(shapely.boundary(out), np.maximum(reach * STEP_SHARE, _NOISE_FT))
    coordinates, owner = shapely.get_coordinates(edges, return_index=True)
    distance = _distance_ft(tree, shapely.points(coordinates))
    order = np.lexsort((distance, owner))
    last = order[np.r_[np.flatnonzero(owner[order][1:] != owner[order][:-1]), len(order) - 1]]
    farthest[owner[last]], place[owner[last]] = distance[last], coordinates[last]
    return farthest, place


def _search(out: np.ndarray, out_ft: np.ndarray, place: np.ndarray, tree: shapely.STRtree) -> None:
    """
    Move each place, in its polygon, to where the distance from the tree is greatest.

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
        distance = _distance_ft(tree, points)
        inside = np.flatnonzero(shapely.intersects(out[piece], points))
        inside = inside[np.argsort(distance[inside], kind="stable")]  # of one piece the farthest is written last
        better = inside[distance[inside] > out_ft[piece[inside]]]
        out_ft[piece[better]], place[piece[better]] = distance[better], centre[better]
        hope = distance + radius > out_ft[piece] + size[piece] * STEP_SHARE / 2
        piece, centre, half = piece[hope], centre[hope], half[hope]


def _distance_ft(tree: shapely.STRtree, points: np.ndarray) -> np.ndarray:
    """The distance of each point to what is nearest in the tree; infinite when the tree is empty."""
    distance = np.full(len(points), np.inf)
    if len(tree) and len(points):
        (at, _), near = tree.query_nearest(points, return_distance=True, all_matches=False)
        distance[at] = near
    return distance
