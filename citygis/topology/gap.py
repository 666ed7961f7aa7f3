"""
Ground inside a boundary that nothing covers.
"""

from collections.abc import Callable, Sequence

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.edges import unmatched_edges, walked_once
from citygis.topology.fabric import Fabric
from citygis.topology.measure import flat, ground, polygon_parts, wide_enough, width_floor_ft, widths_ft
from citygis.topology.overlap import meeting
from citygis.topology.threads import threaded
from citygis.topology.validity import not_finite
from citygis.units import require_feet

SMALLEST_PIECE_FT = 1.0
"""A piece of this size is not cut again, however many vertices it has: they may all lie in one spot."""

PIECE_VERTICES = 512
"""A polygon of more vertices is cut up before it is compared: one street network would otherwise meet every tract whole."""

MANY_EDGES = 1_000
"""A boundary beside more unmatched edges than this (layers drawn apart) is compared with its covers as a whole: faster then."""


def gaps(
    boundaries: gpd.GeoDataFrame | gpd.GeoSeries,
    *covers: gpd.GeoDataFrame | gpd.GeoSeries | Fabric,
    min_area_sqft: float = 0.0,
    tolerance_ft: float = 0.05,
) -> gpd.GeoDataFrame:
    """
    Ground inside each boundary that no feature of the covering layers covers.

    The holes in the union of all parcels are not the gaps: a sliver between two lots opens onto the street and is no hole.
    Here everything that covers a boundary is taken from it, so that a sliver is found whatever it opens onto, as long as
    the street is among `covers`.

    Parameters
    ----------
    boundaries : GeoDataFrame or GeoSeries, n polygons
        In feet. Null, empty and invalid geometries bound nothing and are left out. Not modified.
    *covers : GeoDataFrame, GeoSeries or Fabric
        What must cover them, in the same CRS: parcels, right of way; of a `Fabric` its neighbours. Null geometries cover nothing;
        an invalid polygon covers what `shapely.make_valid` makes of it.
    min_area_sqft : float
        Smaller gaps are not reported.
    tolerance_ft : float
        Gaps that are nowhere this wide are not reported (the width is that of the largest circle that fits).

    Returns
    -------
    GeoDataFrame, m rows
        One polygon per gap: ``boundary`` (position), ``area_sqft``, ``width_ft``, ``beside_invalid`` (it reaches into the hull of
        an invalid polygon, so nobody can say whether it is a gap), ``geometry``. CRS of `boundaries`, new index.

    Raises
    ------
    CRSError
        If a layer has no CRS or is not in feet.
    """
    inside = ground(boundaries, "The layer of boundaries")
    whole = [each for each in covers if isinstance(each, Fabric)]
    covering, invalid = _covering([each for each in covers if not isinstance(each, Fabric)] + [_loose(each) for each in whole])
    left = _uncovered(inside, covering, whole, width_floor_ft(tolerance_ft))
    parts, owner = polygon_parts(left)
    large = shapely.area(parts) >= min_area_sqft
    parts, owner = parts[large], owner[large]
    width = widths_ft(parts, at_least_ft=width_floor_ft(tolerance_ft))
    found = wide_enough(width, tolerance_ft)
    parts, owner, width = parts[found], owner[found], width[found]
    doubtful = np.zeros(len(parts), dtype=bool)
    doubtful[shapely.STRtree(parts).query(shapely.convex_hull(invalid), predicate="intersects")[1]] = True
    table = {"boundary": owner, "area_sqft": shapely.area(parts), "width_ft": width, "beside_invalid": doubtful}
    return gpd.GeoDataFrame(table, geometry=parts, crs=boundaries.crs)


def pieces(polygons: np.ndarray, *, most_vertices: int = PIECE_VERTICES) -> np.ndarray:
    """
    Polygons cut along box lines until none has more than so many vertices.

    Parameters
    ----------
    polygons : array of valid polygons
    most_vertices : int

    Returns
    -------
    array of polygons
        Together the same ground; small polygons as they were.
    """
    return pieces_of(polygons, most_vertices=most_vertices)[0]


def pieces_of(polygons: np.ndarray, *, most_vertices: int = PIECE_VERTICES) -> tuple[np.ndarray, np.ndarray]:
    """As `pieces`, and the position in `polygons` that each comes from: first those left whole, then the others, each ascending."""
    polygons = np.asarray(polygons, dtype=object)
    whole = shapely.get_num_coordinates(polygons) <= most_vertices
    large = np.flatnonzero(~whole)
    cut, owner = _cut(polygons[large], most_vertices, lambda polygon, box: shapely.clip_by_rect(polygon, *box))
    # Clipping is many times as fast as intersection, and GEOS does not promise that what it gives is valid.
    number = np.bincount(owner, minlength=len(large))
    lost = np.abs(np.bincount(owner, weights=shapely.area(cut), minlength=len(large)) - shapely.area(polygons[large]))
    bad = lost > 1e-6 * number
    bad[owner[~threaded(shapely.is_valid, cut)]] = True
    if bad.any():
        again, at = _cut(polygons[large[bad]], most_vertices, lambda polygon, box: shapely.intersection(polygon, shapely.box(*box)))
        cut, owner = np.concatenate([cut[~bad[owner]], again]), np.concatenate([owner[~bad[owner]], np.flatnonzero(bad)[at]])
    order = np.argsort(owner, kind="stable")
    whole = np.flatnonzero(whole)
    return np.concatenate([polygons[whole], cut[order]]), np.concatenate([whole, large[owner[order]]])


def _cut(
    polygons: np.ndarray, most_vertices: int, within: Callable[[shapely.Polygon, tuple], shapely.Geometry]
) -> tuple[np.ndarray, np.ndarray]:
    """Polygons halved again and again, and where the pieces come from; ``within(polygon, box)`` is what of one lies in a box."""
    done, owners, todo, owner = [polygons[:0]], [np.empty(0, dtype=np.intp)], polygons, np.arange(len(polygons))
    while len(todo):
        low_e, low_n, high_e, high_n = shapely.bounds(todo).T
        small = (shapely.get_num_coordinates(todo) <= most_vertices) | (
            np.maximum(high_e - low_e, high_n - low_n) < SMALLEST_PIECE_FT
        )
        done.append(todo[small])
        owners.append(owner[small])
        halves = [within(each, box) for each in todo[~small] for box in _halves(each)]
        todo, at = polygon_parts(np.array(halves, dtype=object))
        owner = np.repeat(owner[~small], 2)[at]
    return np.concatenate(done), np.concatenate(owners)


def _halves(polygon: shapely.Polygon) -> tuple[tuple, tuple]:
    """The boxes on either side of the middle of the longer side of a polygon's own box."""
    west, south, east, north = polygon.bounds
    if east - west >= north - south:
        middle = (west + east) / 2
        return (west, south, middle, north), (middle, south, east, north)
    middle = (south + north) / 2
    return (west, south, east, middle), (west, middle, east, north)


def _loose(whole: Fabric) -> gpd.GeoSeries:
    """The neighbours in a fabric whose edges it does not hold against each other: broken ones, and all but the first copy."""
    copies = whole.definite & (whole.own_first != np.arange(len(whole)))
    return gpd.GeoSeries(whole.geometry[copies | whole.broken], crs=whole.crs)


def _covering(covers: Sequence) -> tuple[np.ndarray, np.ndarray]:
    """What covers, in pieces; and the polygons that are not valid, which cover what can be made of them."""
    good, bad = [], []
    for layer in covers:
        require_feet(layer.crs, "A covering layer")
        geometry = flat(np.asarray(layer.geometry.array, dtype=object))
        area = (shapely.get_dimensions(geometry) == 2) & ~shapely.is_empty(geometry)
        area &= ~not_finite(layer)
        polygons = geometry[area]
        valid = threaded(shapely.is_valid, polygons)
        good.append(polygons[valid])
        bad.append(polygons[~valid])
    invalid = np.concatenate(bad) if bad else np.empty(0, dtype=object)
    mended = polygon_parts(shapely.make_valid(invalid))[0]
    return np.concatenate([*good, mended]), invalid


def _uncovered(inside: np.ndarray, covering: np.ndarray, whole: Sequence[Fabric], width_ft: float) -> np.ndarray:
    """
    Each boundary less everything that covers it; null where nothing is left or there is no boundary. Ground nowhere `width_ft`
    wide may be missing.
    """
    left = np.full(len(inside), None, dtype=object)
    cut = pieces(np.concatenate([covering, *(each.geometry[each.tree[1]] for each in whole)]))
    more = [walked_once(each.paths, each.open_edges) for each in whole]
    edges = unmatched_edges(covering, inside, np.concatenate(more) if more else None)
    at, by = shapely.STRtree(edges).query(inside, predicate="intersects")
    whole = np.bincount(at, minlength=len(inside)) > MANY_EDGES
    whole[meeting(inside)] = True
    if whole.any():
        left[whole] = _differences(inside[whole], cut)
    alone = np.flatnonzero(~whole & ~shapely.is_missing(inside))
    beside = np.split(by[np.argsort(at, kind="stable")], np.cumsum(np.bincount(at, minlength=len(inside)))[:-1])
    left[alone] = _open_faces(inside[alone], [edges[beside[k]] for k in alone], cut, width_ft)
    return left


def _open_faces(inside: np.ndarray, edges: list[np.ndarray], cut: np.ndarray, width_ft: float) -> np.ndarray:
    """
    The ground left open in boundaries that do not overlap each other, each with the unmatched edges beside it.

    The number of covers over a point, less one inside a boundary, is -1 just where ground is open, and it changes only across
    unmatched edges. So each face of a boundary that those edges cut it into is open or covered as a whole, and one point in it
    tells which: one that lies well inside, because a face may end in a needle that rounding has put on either side of a line.
    A boundary without such edges is one face.
    """

    def faces_of(rows: np.ndarray) -> np.ndarray:
        cuts = (shapely.union_all([shapely.boundary(inside[k]), *edges[k]]) if len(edges[k]) else None for k in rows)
        return np.array([inside[k] if each is None else shapely.polygonize([each]) for k, each in zip(rows, cuts, strict=True)])

    faces, row = polygon_parts(threaded(faces_of, np.arange(len(inside)), chunk=64))
    core = threaded(lambda some: shapely.buffer(some, -width_ft / 2, quad_segs=1), faces) if width_ft else faces
    wide = ~shapely.is_empty(core)
    faces, row, places = faces[wide], row[wide], shapely.point_on_surface(core[wide])
    is_open = shapely.intersects(inside[row], places)
    is_open[shapely.STRtree(cut).query(places, predicate="intersects")[0]] = False
    left = np.full(len(inside), None, dtype=object)
    for each in np.unique(row[is_open]):
        left[each] = shapely.union_all(faces[is_open & (row == each)])
    return left


def _differences(inside: np.ndarray, covering: np.ndarray) -> np.ndarray:
    """Each boundary less the union of what covers it: for boundaries that overlap each other."""
    left = inside.copy()
    at, by = shapely.STRtree(covering).query(inside, predicate="intersects")
    by = by[np.argsort(at, kind="stable")]
    ends = np.cumsum(np.bincount(at, minlength=len(inside)))

    def uncovered(rows: np.ndarray) -> np.ndarray:
        members = (covering[by[ends[row - 1] if row else 0 : ends[row]]] for row in rows)
        together = np.array([shapely.union_all(each) for each in members], dtype=object)
        return shapely.difference(inside[rows], together)

    left[:] = threaded(uncovered, np.arange(len(inside)), chunk=64)
    return left
