"""
What one ring or line says of itself: repeated vertices, edges too short to mean anything, spikes, the way it runs.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.fabric import Fabric, fabric_of
from citygis.topology.measure import COORDINATE_RESOLUTION_FT
from citygis.topology.nearness import spread
from citygis.topology.paths import HOLE, POINT, SHARP, SHELL, SHORT_FT, Paths
from citygis.units import require_feet

_SLACK_FT = COORDINATE_RESOLUTION_FT / 2


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


def repeated_vertices(
    layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, tolerance_ft: float = COORDINATE_RESOLUTION_FT
) -> gpd.GeoDataFrame:
    """
    Vertices that stand where the one before them stands.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons or lines
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


def short_edges(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, tolerance_ft: float = 0.02) -> gpd.GeoDataFrame:
    """
    Edges shorter than a survey can set apart.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons or lines
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


def spikes(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, angle_deg: float = 0.5, tip_ft: float = 0.02) -> gpd.GeoDataFrame:
    """
    Places where a boundary or a line runs out and nearly straight back.

    The two sides of a spike meet in one vertex, or in two that are no farther apart than `tip_ft`. Whether it sticks out of the
    feature or cuts into it makes no difference.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons or lines
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
    walk = _suspected(fabric_of(layer).paths, angle_deg, tip_ft)
    feature, path, vertex, angle, height, base, sides = _spikes(walk, angle_deg, tip_ft)
    table = {"feature": feature, "path": path, "vertex": vertex, "angle_deg": angle, "height_ft": height, "base_ft": base}
    order = np.lexsort((vertex, path, feature))
    frame = gpd.GeoDataFrame(table, geometry=shapely.linestrings(sides), crs=layer.crs)
    return frame.iloc[order].reset_index(drop=True)


def backward_rings(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, shells: str = "counterclockwise") -> gpd.GeoDataFrame:
    """
    Rings that run the wrong way round.

    The ground is the same; but a reader that tells holes from shells by the way they run takes one for the other.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons
        In any CRS. Null and empty geometries, lines and points have no rings; a ring without area runs neither way. Not modified.
    shells : {"counterclockwise", "clockwise", "most"}
        How shells run; holes run the other way. "most": as most of the shells of the layer run. Counterclockwise in OGC 06-103r4
        section 6.1.11.1 and RFC 7946 section 3.1.6, clockwise in shapefiles (Esri Shapefile Technical Description, 1998, p. 8).

    Returns
    -------
    GeoDataFrame, m rows
        ``feature``: position; ``path``: which of its rings, counted from 0; ``is_hole``; ``area_sqft``: what the ring encloses, in
        square units of the CRS; ``geometry``: the ring as it runs (LineString). CRS of `layer`, new index.

    Raises
    ------
    ValueError
        If `shells` is none of the three.
    """
    if shells not in ("counterclockwise", "clockwise", "most"):
        raise ValueError(f"Invalid shells '{shells}'. Must be 'counterclockwise', 'clockwise' or 'most'.")
    paths = fabric_of(layer).paths
    ring = (paths.kind >= SHELL) & (paths.area_sqft != 0) & paths.finite[paths.owner]
    clockwise = shells == "clockwise" or (shells == "most" and clockwise_surplus(layer) > 0)
    wants = np.where((paths.kind == HOLE) ^ clockwise, -1, 1)
    wrong = np.flatnonzero(ring & (paths.area_sqft * wants < 0))
    told, vertex = spread(paths.start[wrong], paths.start[wrong + 1])
    rings = shapely.linestrings(paths.coordinates[vertex], indices=told)
    table = {
        "feature": paths.owner[wrong].astype(np.intp),
        "path": _numbers(paths, wrong),
        "is_hole": paths.kind[wrong] == HOLE,
        "area_sqft": np.abs(paths.area_sqft[wrong]),
    }
    return gpd.GeoDataFrame(table, geometry=rings, crs=layer.crs)


def clockwise_surplus(layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric, *, among: np.ndarray | None = None) -> int:
    """
    How many more shells of a layer run clockwise than the other way; negative where most run counterclockwise.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric
        In any CRS. A ring without area, or with a coordinate that is not a number, runs neither way.
    among : array of n bool, optional
        Count these features only.
    """
    paths = fabric_of(layer).paths
    shell = (paths.kind == SHELL) & (paths.finite if among is None else paths.finite & among)[paths.owner]
    return int(-np.sign(paths.area_sqft[shell]).sum())


def _numbers(paths: Paths, path: np.ndarray) -> np.ndarray:
    """Which of the rings and lines of its feature each path is, counted from 0."""
    first = paths.first[paths.owner[path]]
    if not (paths.kind == POINT).any():
        return path - first
    before = np.concatenate([[0], np.cumsum(paths.kind != POINT)])
    return before[path] - before[first]


def _suspected(paths: Paths, angle_deg: float, tip_ft: float) -> _Walk:
    """The rings and lines that may have a spike: those that turn back somewhere, or have an edge short enough for a tip."""
    held = (paths.kind != POINT) & paths.finite[paths.owner]
    if np.tan(np.radians(angle_deg)) < SHARP and tip_ft + COORDINATE_RESOLUTION_FT < SHORT_FT:
        ends = paths.coordinates[paths.short], paths.coordinates[paths.short + 1]
        tip = np.hypot(*(ends[1] - ends[0]).T) <= max(tip_ft, COORDINATE_RESOLUTION_FT) + _SLACK_FT
        some = np.zeros(len(held), dtype=bool)
        some[paths.path_of[paths.sharp[_angles_deg(paths, paths.sharp) <= angle_deg * (1 + 1e-6)]]] = True
        some[paths.path_of[paths.short[tip]]] = True
        held &= some
    path = np.flatnonzero(held)
    at, vertex = spread(paths.start[path], paths.start[path + 1])
    owner = paths.owner[path].astype(np.intp)
    return _Walk(paths.coordinates[vertex], at, owner, _numbers(paths, path), paths.kind[path] >= SHELL)


def _angles_deg(paths: Paths, vertex: np.ndarray) -> np.ndarray:
    """The angle between both sides at some vertices, none of which closes a ring."""
    path = paths.path_of[vertex]
    before = np.where(vertex == paths.start[path], paths.start[path + 1] - 2, vertex - 1)
    back, on = (paths.coordinates[other] - paths.coordinates[vertex] for other in (before, vertex + 1))
    with np.errstate(over="ignore", invalid="ignore"):
        return np.degrees(np.arctan2(np.abs(back[:, 0] * on[:, 1] - back[:, 1] * on[:, 0]), (back * on).sum(axis=1)))


def _starts(walk: _Walk) -> np.ndarray:
    """For each path the position of its first vertex."""
    return np.searchsorted(walk.path, np.arange(len(walk.owner)))


def _edges_shorter_than(layer, more_than_ft: float, less_than_ft: float) -> tuple[np.ndarray, ...]:
    """Edges with a length in between: feature, path, vertex, length and ends of each."""
    require_feet(layer.crs)
    paths = fabric_of(layer).paths
    edge = paths.short
    if less_than_ft > SHORT_FT:
        edge = np.delete(np.arange(len(paths.coordinates)), paths.start[1:] - 1)
    ends = np.stack([paths.coordinates[edge], paths.coordinates[edge + 1]], axis=1)
    length = np.hypot(*(ends[:, 1] - ends[:, 0]).T)
    path = paths.path_of[edge]
    told = (length > more_than_ft) & (length < less_than_ft) & paths.finite[paths.owner[path]]
    edge, path = edge[told], path[told]
    return paths.owner[path].astype(np.intp), _numbers(paths, path), edge - paths.start[path], length[told], ends[told]


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
