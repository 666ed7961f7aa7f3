"""
What one ring or line says of itself: repeated vertices, edges too short to mean anything, spikes, the way it runs.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.measure import COORDINATE_RESOLUTION_FT, flat
from citygis.topology.threads import side_by_side
from citygis.units import require_feet

_SLACK_FT = COORDINATE_RESOLUTION_FT / 2
_LINE, _RING, _POLYGON = 1, 2, 3
_ROWS = 50_000


class _Walk(NamedTuple):
    """The vertices of some rings and lines, one after another; elevations left out."""

    coordinates: np.ndarray
    path: np.ndarray
    """The ring or line of each vertex."""
    owner: np.ndarray
    """The feature of each path."""
    number: np.ndarray
    """Counts the paths of each feature from 0, in the order they are stored: shell, its holes, the next part's shell."""
    is_ring: np.ndarray
    is_hole: np.ndarray


def repeated_vertices(
    layer: gpd.GeoDataFrame | gpd.GeoSeries, *, tolerance_ft: float = COORDINATE_RESOLUTION_FT
) -> gpd.GeoDataFrame:
    """
    Vertices that stand where the one before them stands.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n polygons or lines
        In feet. Null and empty geometries, points, and coordinates that are not numbers have nothing repeated. Elevations are
        not looked at: a line that climbs straight up repeats its place. Not modified.
    tolerance_ft : float
        No farther apart than this they are one vertex. The last vertex of a ring, which closes it, is not a repetition.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position; ``path``: which of its rings or lines, counted from 0 in the order they are stored; ``vertex``: which
        of its vertices, counted from 0; ``distance_ft`` from the one before; ``geometry``: the vertex (Point). By feature, path
        and vertex. CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    feature, path, vertex, length, ends = _edges_shorter_than(layer, -np.inf, tolerance_ft + _SLACK_FT)
    table = {"feature": feature, "path": path, "vertex": vertex + 1, "distance_ft": length}
    return gpd.GeoDataFrame(table, geometry=shapely.points(ends[:, 1]), crs=layer.crs)


def short_edges(layer: gpd.GeoDataFrame | gpd.GeoSeries, *, tolerance_ft: float = 0.02) -> gpd.GeoDataFrame:
    """
    Edges shorter than a survey can set apart.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n polygons or lines
        In feet. Null and empty geometries, points, and coordinates that are not numbers have no edges. Not modified.
    tolerance_ft : float
        Edges of this length and longer are not reported. What is as short as `COORDINATE_RESOLUTION_FT` is no edge but a
        repeated vertex: see `repeated_vertices`.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position; ``path``: which of its rings or lines; ``vertex``: which of its vertices the edge starts at, both
        counted from 0; ``length_ft``; ``geometry``: the edge. By feature, path and vertex. CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    """
    least = COORDINATE_RESOLUTION_FT + _SLACK_FT
    feature, path, vertex, length, ends = _edges_shorter_than(layer, least, tolerance_ft - _SLACK_FT)
    table = {"feature": feature, "path": path, "vertex": vertex, "length_ft": length}
    return gpd.GeoDataFrame(table, geometry=shapely.linestrings(ends), crs=layer.crs)


def spikes(layer: gpd.GeoDataFrame | gpd.GeoSeries, *, angle_deg: float = 0.5, tip_ft: float = 0.02) -> gpd.GeoDataFrame:
    """
    Places where a boundary or a line runs out and nearly straight back.

    The two sides of a spike meet in one vertex, or in two that are no farther apart than `tip_ft`. Whether it sticks out of the
    feature or cuts into it makes no difference.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n polygons or lines
        In feet. Null and empty geometries, points, and coordinates that are not numbers have no spikes. Repeated vertices
        are seen through. Not modified.
    angle_deg : float
        Sides that open wider than this are no spike, in degrees.
    tip_ft : float
        Nor are sides no longer than this: their edges are short, see `short_edges`.

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position; ``path``: which of its rings or lines; ``vertex``: which of its vertices is the tip, both counted
        from 0; ``angle_deg`` between the sides; ``height_ft``: the length of the shorter side; ``base_ft``: how far apart the sides
        are at the end of it; ``geometry``: the sides, from there over the tip and back. CRS of `layer`, new index.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    ValueError
        If `angle_deg` is not between 0 and 90.

    Notes
    -----
    The angle is taken from the cross and the scalar product of the sides, which keeps its figures near zero where the
    arc cosine loses half of them.
    """
    if not 0 < angle_deg < 90:
        raise ValueError(f"Invalid angle_deg '{angle_deg}'. Must be more than 0 and less than 90.")
    require_feet(layer.crs)
    found = [_spikes(walk, angle_deg, tip_ft) for walk in _walks(layer)]
    feature, path, vertex, angle, height, base, sides = (np.concatenate(c) for c in zip(*found, strict=True))
    table = {"feature": feature, "path": path, "vertex": vertex, "angle_deg": angle, "height_ft": height, "base_ft": base}
    order = np.lexsort((vertex, path, feature))
    frame = gpd.GeoDataFrame(table, geometry=shapely.linestrings(sides), crs=layer.crs)
    return frame.iloc[order].reset_index(drop=True)


def backward_rings(layer: gpd.GeoDataFrame | gpd.GeoSeries, *, shells: str = "counterclockwise") -> gpd.GeoDataFrame:
    """
    Rings that run the wrong way round.

    The ground is the same; but a reader that tells holes from shells by the way they run takes one for the other.

    Parameters
    ----------
    layer : GeoDataFrame or GeoSeries, n polygons
        In any CRS. Null and empty geometries, lines and points have no rings; a ring without area runs neither way. Not modified.
    shells : {"counterclockwise", "clockwise"}
        How shells run; holes run the other way. Counterclockwise in OGC 06-103r4 section 6.1.11.1 and RFC 7946 section 3.1.6,
        clockwise in shapefiles (Esri Shapefile Technical Description, 1998, p. 8).

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position; ``path``: which of its rings, counted from 0; ``is_hole``; ``area_sqft``: what the ring encloses, in
        square units of the CRS; ``geometry``: the ring as it runs (LineString). CRS of `layer`, new index.

    Raises
    ------
    ValueError
        If `shells` is neither of the two.
    """
    if shells not in ("counterclockwise", "clockwise"):
        raise ValueError(f"Invalid shells '{shells}'. Must be 'counterclockwise' or 'clockwise'.")
    found = [_backward(walk, 1 if shells == "counterclockwise" else -1) for walk in _walks(layer)]
    feature, path, hole, area, rings = (np.concatenate(column) for column in zip(*found, strict=True))
    return gpd.GeoDataFrame({"feature": feature, "path": path, "is_hole": hole, "area_sqft": area}, geometry=rings, crs=layer.crs)


def _walks(layer: gpd.GeoDataFrame | gpd.GeoSeries) -> list[_Walk]:
    """The vertices of a layer, some features at a time: what belongs together fits the cache."""
    geometry = np.asarray(layer.geometry.array, dtype=object)
    starts = range(0, max(len(geometry), 1), _ROWS)
    return side_by_side([lambda i=i: _walk(geometry[i : i + _ROWS], i) for i in starts])


def _walk(geometry: np.ndarray, first: int) -> _Walk:
    """The vertices of geometries of any type; `first` is the position of the first of them. None where one is not a number."""
    geometry = flat(geometry)
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    geometry[owner[~np.isfinite(coordinates).all(axis=1)]] = None
    parts, owner = shapely.get_parts(geometry, return_index=True)
    while (shapely.get_type_id(parts) > _POLYGON).any():  # a collection may hold a multipolygon
        parts, at = shapely.get_parts(parts, return_index=True)
        owner = owner[at]
    kind = shapely.get_type_id(parts)
    areas, lines = np.flatnonzero(kind == _POLYGON), np.flatnonzero((kind == _LINE) | (kind == _RING))
    rings, at = shapely.get_rings(parts[areas], return_index=True)
    part = np.concatenate([areas[at], lines])
    is_ring = np.repeat([True, False], [len(rings), len(lines)])
    is_hole = np.zeros(len(part), dtype=bool)
    is_hole[1 : len(rings)] = at[1:] == at[:-1]
    paths = np.concatenate([rings, parts[lines]])
    order = np.argsort(part, kind="stable")
    paths, part, is_ring, is_hole = paths[order], part[order], is_ring[order], is_hole[order]
    owner = owner[part]
    heads = np.flatnonzero(np.append(True, owner[1:] != owner[:-1])) if len(owner) else np.empty(0, dtype=np.intp)
    number = np.arange(len(owner)) - np.repeat(heads, np.diff(np.append(heads, len(owner))))
    coordinates, path = shapely.get_coordinates(paths, return_index=True)
    return _Walk(coordinates, path, owner + first, number, is_ring, is_hole)


def _starts(walk: _Walk) -> np.ndarray:
    """For each path the position of its first vertex."""
    return np.searchsorted(walk.path, np.arange(len(walk.owner)))


def _edges_shorter_than(layer, more_than_ft: float, less_than_ft: float) -> tuple[np.ndarray, ...]:
    """Edges with a length in between: feature, path, vertex, length and ends of each."""
    require_feet(layer.crs)
    columns = []
    for walk in _walks(layer):
        here = walk.coordinates
        length = np.hypot(*(here[1:] - here[:-1]).T)
        at = np.flatnonzero((walk.path[1:] == walk.path[:-1]) & (length > more_than_ft) & (length < less_than_ft))
        path = walk.path[at]
        ends = np.stack([here[at], here[at + 1]], axis=1)
        columns.append((walk.owner[path], walk.number[path], at - _starts(walk)[path], length[at], ends))
    return tuple(np.concatenate(column) for column in zip(*columns, strict=True))


def _spikes(walk: _Walk, angle_deg: float, tip_ft: float) -> tuple[np.ndarray, ...]:
    here, path, is_ring = walk.coordinates, walk.path, walk.is_ring
    number = np.arange(len(path)) - _starts(walk)[path]
    # See through what is repeated, the closing vertex of each ring included: from here on a ring has no first and no last vertex.
    far = np.hypot(*(here[1:] - here[:-1]).T) > COORDINATE_RESOLUTION_FT + _SLACK_FT
    keep = np.ones(len(path), dtype=bool)
    keep[1:] = (path[1:] != path[:-1]) | far
    here, path, number = here[keep], path[keep], number[keep]
    last = np.append(path[1:] != path[:-1], True) if len(path) else np.empty(0, dtype=bool)
    first = np.append(True, path[1:] != path[:-1]) if len(path) else np.empty(0, dtype=bool)
    heads, tails = here[np.flatnonzero(first)], here[np.flatnonzero(last)]
    closes = np.hypot(*(tails - heads).T) <= COORDINATE_RESOLUTION_FT + _SLACK_FT
    drop = np.zeros(len(path), dtype=bool)
    drop[np.flatnonzero(last)] = closes & is_ring[path[last]] & (np.flatnonzero(last) > np.flatnonzero(first))
    here, path, number = here[~drop], path[~drop], number[~drop]
    size = np.bincount(path, minlength=len(is_ring))
    start = np.cumsum(size) - size
    at = np.arange(len(path)) - start[path]
    ring = is_ring[path]

    def step(by: int) -> tuple[np.ndarray, np.ndarray]:
        """The vertex so many farther on the same path, and whether there is one."""
        to = at + by
        there = ring | ((to >= 0) & (to < size[path]))
        return start[path] + np.where(ring, to % np.maximum(size[path], 1), np.clip(to, 0, size[path] - 1)), there

    back, has_back = step(-1)
    on, has_on = step(1)
    beyond, has_beyond = step(2)
    tip = np.hypot(*(here[on] - here).T)
    sharp = has_back & has_on & (size[path] >= (2 + ~ring))
    blunt = has_back & has_on & has_beyond & (size[path] >= 4) & (tip <= tip_ft + _SLACK_FT)
    here_itself = np.arange(len(path))
    least = tip_ft + _SLACK_FT
    columns = [_sides(here, np.flatnonzero(sharp), back, here_itself, on, angle_deg, least)]
    columns.append(_sides(here, np.flatnonzero(blunt), back, on, beyond, angle_deg, least))
    vertex, angle, height, base, sides = (np.concatenate(column) for column in zip(*columns, strict=True))
    return walk.owner[path[vertex]], walk.number[path[vertex]], number[vertex], angle, height, base, sides


def _sides(here, tips, back, other_tip, on, angle_deg: float, longer_than_ft: float) -> tuple[np.ndarray, ...]:
    """Which tips open no wider than an angle: the tip, the angle, the height, the width of the base, and the sides."""
    tip, tip_on = here[tips], here[other_tip[tips]]
    left, right = here[back[tips]] - tip, here[on[tips]] - tip_on
    with np.errstate(over="ignore", invalid="ignore"):
        cross, scalar = np.abs(left[:, 0] * right[:, 1] - left[:, 1] * right[:, 0]), (left * right).sum(axis=1)
        angle = np.degrees(np.arctan2(cross, scalar))
        lengths = np.hypot(*left.T), np.hypot(*right.T)
        height = np.minimum(*lengths)
        found = (angle <= angle_deg) & (height > longer_than_ft)
    tips, tip, tip_on, left, right, angle, height = (a[found] for a in (tips, tip, tip_on, left, right, angle, height))
    left_end = tip + left * (height / lengths[0][found])[:, None]
    right_end = tip_on + right * (height / lengths[1][found])[:, None]
    sides = np.stack([left_end, tip, tip_on, right_end], axis=1)
    return tips, angle, height, np.hypot(*(right_end - left_end).T), sides


def _backward(walk: _Walk, turn: int) -> tuple[np.ndarray, ...]:
    start = _starts(walk)
    origin = walk.coordinates[start][walk.path] if len(start) else walk.coordinates
    near = walk.coordinates - origin  # at State Plane coordinates the products would lose the figures that decide
    with np.errstate(over="ignore", invalid="ignore"):
        twice = near[:-1, 0] * near[1:, 1] - near[1:, 0] * near[:-1, 1]
    same = walk.path[1:] == walk.path[:-1]
    area = np.bincount(walk.path[:-1][same], weights=twice[same], minlength=len(start)) / 2
    wants = np.where(walk.is_hole, -turn, turn)
    wrong = np.flatnonzero(walk.is_ring & (area * wants < 0))
    told = np.isin(walk.path, wrong)
    rings = shapely.linestrings(walk.coordinates[told], indices=np.searchsorted(wrong, walk.path[told]))
    return walk.owner[wrong], walk.number[wrong], walk.is_hole[wrong], np.abs(area[wrong]), rings
