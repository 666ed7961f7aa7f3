"""
Ground that polygons of two layers share, layer by layer and class by class.

Polygons of many vertices are cut up first: one flood zone of 40,000 vertices would otherwise meet each of its parcels whole. What
lies wholly inside is taken as it is; only what a line crosses is intersected.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import in_force, without_ground
from citygis.errors import AnalysisError
from citygis.topology import pieces, polygon_parts, threaded

MOST_VERTICES = 128
"""Polygons of more vertices are cut up. Store and scale notes, section 6.1: the fastest of those measured."""

_CHUNK = 2_000

Layer = gpd.GeoDataFrame | gpd.GeoSeries | np.ndarray


class Ground(NamedTuple):
    """
    The features of a layer whose ground can be measured.

    Parameters
    ----------
    rows : array of int, n
        Their positions in the layer.
    shapes : array of Polygon or MultiPolygon, n
        Valid.
    left_out : list of tuple
        Rows for `citygis.analysis.answer.excluded`.
    remarks : tuple of str
    """

    rows: np.ndarray
    shapes: np.ndarray
    left_out: list[tuple[str, str, str]]
    remarks: tuple[str, ...]


def overlaid_area(left: Layer, right: Layer | None = None) -> pd.DataFrame:
    """
    How much ground each pair of polygons of two layers shares.

    Parameters
    ----------
    left, right : GeoDataFrame, GeoSeries or array of n and m polygons
        In one system in feet, valid. Null and empty geometries share nothing. Not modified. Without `right`, the pairs within
        `left`, each once: ``left`` below ``right``.

    Returns
    -------
    DataFrame, one row per pair that shares ground
        ``left`` and ``right``: positions, ascending; ``area_sqft``.

    Raises
    ------
    AnalysisError
        If a geometry is not valid, or is no polygon.
    """
    pair, area, _ = _shared(left, right, with_ground=False)
    first = np.flatnonzero(np.r_[True, (np.diff(pair, axis=0) != 0).any(axis=1)]) if len(pair) else np.empty(0, dtype=int)
    sums = np.add.reduceat(area, first) if len(pair) else area
    keep = sums > 0
    return pd.DataFrame({"left": pair[first[keep], 0], "right": pair[first[keep], 1], "area_sqft": sums[keep]})


def overlaid(left: Layer, right: Layer) -> gpd.GeoDataFrame:
    """
    The ground each pair of polygons of two layers shares.

    Parameters, errors and pairs as `overlaid_area`.

    Returns
    -------
    GeoDataFrame
        ``left, right, area_sqft, geometry`` (Polygon or MultiPolygon), with the CRS of `left` where it has one.
    """
    pair, area, ground = _shared(left, right, with_ground=True)
    crs = getattr(left, "crs", None)
    if not len(pair):
        table = {"left": pair[:, 0], "right": pair[:, 1], "area_sqft": area}
        return gpd.GeoDataFrame(table, geometry=np.empty(0, dtype=object), crs=crs)
    first = np.flatnonzero(np.r_[True, (np.diff(pair, axis=0) != 0).any(axis=1)])
    sums, shapes = np.add.reduceat(area, first), joined(ground, first)
    keep = sums > 0
    table = {"left": pair[first[keep], 0], "right": pair[first[keep], 1], "area_sqft": sums[keep]}
    return gpd.GeoDataFrame(table, geometry=shapes[keep], crs=crs)


def subdivided(polygons: np.ndarray, *, most_vertices: int = MOST_VERTICES) -> tuple[np.ndarray, np.ndarray]:
    """
    Polygons cut along box lines until none has more than so many vertices.

    Parameters
    ----------
    polygons : array of Polygon or MultiPolygon, valid; null and empty ones have no pieces
    most_vertices : int

    Returns
    -------
    pieces : array of Polygon
    owner : array of int
        Position in `polygons` of each piece, ascending.
    """
    polygons = np.asarray(polygons, dtype=object)
    owner = np.flatnonzero(shapely.get_num_coordinates(polygons) > 0)
    parts = polygons[owner]
    if (shapely.get_type_id(parts) != 3).any():
        parts, owner = polygon_parts(polygons)
    large = np.flatnonzero(shapely.get_num_coordinates(parts) > most_vertices)
    if not len(large):
        return parts, owner
    cut = [pieces(parts[[at]], most_vertices=most_vertices) for at in large]
    small = np.setdiff1d(np.arange(len(parts)), large, assume_unique=True)
    shapes = np.concatenate([parts[small], *cut])
    owners = np.concatenate([owner[small], np.repeat(owner[large], [len(each) for each in cut])])
    order = np.argsort(owners, kind="stable")
    return shapes[order], owners[order]


def measurable(layer: gpd.GeoDataFrame, name: str, *, key: str = "") -> Ground:
    """
    The polygons of a layer that hold now and have ground; those that are not valid are mended, and it is said.

    Parameters
    ----------
    layer : GeoDataFrame
        ``status`` is read where it is there.
    name : str
        Of the layer, for what is left out.
    key : str
        The column that names a feature; its position does where there is no such column.
    """
    ids = names_of(layer, key)
    shapes = np.asarray(layer.geometry.values, dtype=object).copy()
    live = in_force(layer.reset_index(drop=True)).index.to_numpy()
    held = np.zeros(len(layer), dtype=bool)
    held[live] = True
    nowhere = without_ground(layer).to_numpy()
    area = np.isin(shapely.get_type_id(shapes), (3, 6, 7)) & ~nowhere
    at = np.flatnonzero(area & held)
    shapes[at], is_mended = mended(shapes[at])
    at = at[is_mended]
    collection = np.flatnonzero(area & (shapely.get_type_id(shapes) == 7))
    shapes[collection] = [shapely.union_all(polygon_parts(shapes[[each]])[0]) for each in collection]
    area &= shapely.area(shapes) > 0
    why = np.select(
        [~held, nowhere, ~area], ["not in force: retired, proposed or recorded only in part", "no geometry", "not an area"], ""
    )
    left_out = [(name, str(ids[k]), str(why[k])) for k in np.flatnonzero(why != "")]
    said = told_mended(ids[at], name)
    rows = np.flatnonzero(why == "")
    return Ground(rows, shapes[rows], left_out, said)


def mended(shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Polygons with those that are not valid mended to the area they cover, and which those are.

    Parameters
    ----------
    shapes : (n,) array of polygons
        A missing one stays missing.

    Returns
    -------
    (n,) array of polygons
    (n,) array of bool
    """
    shapes = np.asarray(shapes, dtype=object).copy()
    wrong = ~shapely.is_missing(shapes)
    wrong[wrong] = ~threaded(shapely.is_valid, shapes[wrong])
    at = np.flatnonzero(wrong)
    shapes[at] = [shapely.multipolygons(polygon_parts(np.array([each]))[0]) for each in shapely.make_valid(shapes[at])]
    return shapes, wrong


def told_mended(ids: np.ndarray, name: str) -> tuple[str, ...]:
    """The remark that polygons of a layer, called `ids`, were mended; none where there are none."""
    if not len(ids):
        return ()
    shown = ", ".join(sorted(str(each) for each in ids)[:5])
    return (f"{len(ids):,} polygons of {name} are not valid (such as {shown}) and were mended before they were measured.",)


def names_of(layer: gpd.GeoDataFrame, key: str) -> np.ndarray:
    """What the features of a layer are called: the texts of a column, or their positions where it is not there."""
    if key in layer.columns:
        return layer[key].astype("object").where(layer[key].notna(), "").astype("str").to_numpy(dtype=object)
    return np.arange(len(layer)).astype(str).astype(object)


def once_per_stack(parcels: gpd.GeoDataFrame, rows: np.ndarray) -> np.ndarray:
    """Which parcels count: all that stand alone, and of each stack the one whose number comes first."""
    if "stack_id" not in parcels.columns:
        return np.ones(len(rows), dtype=bool)
    stack = parcels["stack_id"].iloc[rows].astype("object").reset_index(drop=True)
    names = names_of(parcels, "apn")[rows]
    order = np.argsort(names, kind="stable")
    return (stack.isna() | ~stack.iloc[order].duplicated().reindex(stack.index)).to_numpy(dtype=bool)


def covered(left: Layer, right: Layer) -> gpd.GeoDataFrame:
    """
    The ground of each polygon that any polygon of another layer covers; what several of them cover counts once.

    Parameters
    ----------
    left, right : as in `overlaid`

    Returns
    -------
    GeoDataFrame, one row per polygon of `left` that is covered somewhere
        ``left`` (position), ``area_sqft``, ``geometry``.
    """
    found = overlaid(left, right)
    of = found["left"].to_numpy()
    first = np.flatnonzero(np.r_[True, np.diff(of) != 0]) if len(of) else of
    shapes = joined(np.asarray(found.geometry.values), first)
    return gpd.GeoDataFrame({"left": of[first], "area_sqft": shapely.area(shapes)}, geometry=shapes, crs=found.crs)


def _shared(left: Layer, right: Layer | None, *, with_ground: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Pairs that share ground, piece by piece, ascending: array (k, 2), area, and the ground itself where asked for."""
    some, of_left = subdivided(whole := _polygons(left, "left"))
    others, of_right = (some, of_left) if right is None else subdivided(whole := _polygons(right, "right"))
    i, j = shapely.STRtree(others).query(some)
    if right is None:
        once = of_left[i] < of_right[j]
        i, j = i[once], j[once]
    box, around = shapely.bounds(some)[i], shapely.bounds(others)[j]
    within = (box[:, :2] > around[:, :2]).all(axis=1) & (box[:, 2:] < around[:, 2:]).all(axis=1)
    holds = (box[:, :2] < around[:, :2]).all(axis=1) & (box[:, 2:] > around[:, 2:]).all(axis=1)
    within[within] = _properly(others, some, j[within], i[within])
    holds[holds] = _properly(some, others, i[holds], j[holds])
    rest = np.flatnonzero(~within)
    # Of boxes that meet, every third pair is of polygons that do not: asking is cheaper than cutting.
    shapely.prepare(others[np.unique(j[rest])])
    rest = rest[shapely.intersects(others[j[rest]], some[i[rest]])]
    # What only the cuts of a polygon cross, and not its own line, lies in it whole: one pair stands for those with its pieces.
    is_cut = np.bincount(of_right, minlength=len(whole)) > 1
    asked = rest[is_cut[of_right[j[rest]]]]
    _, first, same = np.unique(i[asked] * len(whole) + of_right[j[asked]], return_index=True, return_inverse=True)
    one_of = asked[first]
    inside = _properly(whole, some, of_right[j[one_of]], i[one_of])
    holds[asked[inside[same]]] = False
    rest = np.setdiff1d(rest, asked[inside[same]], assume_unique=True)
    within[one_of[inside]] = True
    meet = rest[~holds[rest]]
    common = threaded(_intersection, some[i[meet]], others[j[meet]], chunk=_CHUNK)
    area = np.where(within, shapely.area(some)[i], np.where(holds, shapely.area(others)[j], 0.0))
    area[meet] = shapely.area(common)
    ground = None
    if with_ground:
        ground = np.where(within, some[i], others[j])
        ground[meet] = common
    keep = np.flatnonzero(area > 0)
    order = keep[np.lexsort((j[keep], i[keep], of_right[j[keep]], of_left[i[keep]]))]
    return (
        np.column_stack([of_left[i[order]], of_right[j[order]]]),
        area[order],
        None if ground is None else ground[order],
    )


def _properly(holders: np.ndarray, held: np.ndarray, at: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Which of some pairs lie wholly inside. On one thread: a prepared polygon builds its index when it is first asked."""
    shapely.prepare(holders[np.unique(at)])
    return shapely.contains_properly(holders[at], held[of])


def _intersection(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return shapely.intersection(one, other)


def _polygons(layer: Layer, side: str) -> np.ndarray:
    shapes = np.asarray(layer.geometry.values if hasattr(layer, "geometry") else layer, dtype=object)
    there = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    other = there & (shapely.get_dimensions(shapes) != 2)
    if other.any():
        raise AnalysisError(f"Feature {np.flatnonzero(other)[0]} of the {side} layer is no polygon. Overlay polygons only.")
    wrong = np.flatnonzero(there)
    wrong = wrong[~threaded(shapely.is_valid, shapes[wrong])]
    if len(wrong):
        raise AnalysisError(
            f"Feature {wrong[0]} of the {side} layer, and {len(wrong) - 1:,} more, are not valid polygons: "
            f"{shapely.is_valid_reason(shapes[wrong[0]])}. Mend them first: citygis repair."
        )
    return np.where(there, shapes, None)


def joined(ground: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The union of each run of geometries that begins at `first`, as polygons; an array of the length of `first`."""
    size = np.diff(np.r_[first, len(ground)])
    out = np.empty(len(first), dtype=object)
    for length in np.unique(size):
        at = np.flatnonzero(size == length)
        members = ground[first[at][:, None] + np.arange(length)[None, :]]
        out[at] = members[:, 0] if length == 1 else threaded(_union, members, chunk=_CHUNK)
    mixed = np.flatnonzero(shapely.get_type_id(out) == 7)
    out[mixed] = [areal(each) for each in out[mixed]]
    return out


def _union(members: np.ndarray) -> np.ndarray:
    return shapely.union_all(members, axis=1)


def areal(ground: shapely.Geometry) -> shapely.Geometry:
    """What of a geometry is area: a Polygon or MultiPolygon, empty where none is."""
    if shapely.get_type_id(ground) in (3, 6):
        return ground
    return shapely.multipolygons(polygon_parts(np.array([ground], dtype=object))[0])


def shoelace_sqft(shapes: np.ndarray) -> np.ndarray:
    """The areas of polygons from their coordinates alone, as a second way to those of the geometry engine."""
    parts, owner = polygon_parts(np.asarray(shapes, dtype=object))
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    start = np.r_[0, np.flatnonzero(np.diff(ring)) + 1] if len(ring) else np.empty(0, dtype=int)
    own = points - points[start][ring] if len(ring) else points
    cross = own[:-1, 0] * own[1:, 1] - own[1:, 0] * own[:-1, 1]
    cross[ring[:-1] != ring[1:]] = 0.0
    area = np.abs(np.bincount(ring[:-1], weights=cross, minlength=len(rings))) / 2
    is_shell = np.r_[True, np.diff(part) != 0] if len(part) else np.empty(0, dtype=bool)
    return np.bincount(owner[part], weights=np.where(is_shell, area, -area), minlength=len(shapes))
