"""
Features made ready for paper: placed on the page, cut to the frame, simplified below what a plotter can show, each shared
edge once, in chunks an old RIP can hold.
"""

from collections.abc import Iterator
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.sheets.frame import Frame

QUANTUM_PT = 0.01
"""Coordinates are rounded to this: 1/7200 in, finer than any plotter, and half the file size of full doubles."""

TOLERANCE_PT = 72 / 1200
"""Simplification moves no vertex further than 1/1200 in, half a dot of a 600 dpi plotter."""

CHUNK = 5_000
"""Vertices in one path. Viewers slow down, and some RIPs fail, on paths of tens of thousands."""


class Rings(NamedTuple):
    """Vertices, where each ring or line begins in them, and where each piece that must stay together begins in those."""

    points: np.ndarray
    starts: np.ndarray
    pieces: np.ndarray


def on_page(geometries: np.ndarray, frame: Frame) -> np.ndarray:
    """Geometries in page points. Nulls stay null; elevations are left behind."""
    return shapely.transform(geometries, frame.to_page)


def invalid(geometries: np.ndarray) -> np.ndarray:
    """Which geometries are invalid, as a polygon that crosses itself; nulls are not."""
    return ~shapely.is_valid(geometries) & ~shapely.is_missing(geometries)


def sound(geometries: np.ndarray, bad: np.ndarray) -> np.ndarray:
    """Geometries with the `invalid` ones mended, so that they can be cut: the area painted is the same. Others are untouched."""
    geometries = np.asarray(geometries, dtype=object).copy()
    geometries[bad] = shapely.make_valid(geometries[bad], method="structure", keep_collapsed=False)
    return geometries


def clipped(geometries: np.ndarray, box_pt: tuple[float, float, float, float]) -> np.ndarray:
    """
    Geometries cut to a box; empty or null where nothing is inside.

    Whole ones are handed back untouched, which is most of them and much faster than cutting.
    """
    geometries = np.asarray(geometries, dtype=object).copy()
    bounds = shapely.bounds(geometries)
    left, bottom, right, top = box_pt
    with np.errstate(invalid="ignore"):
        whole = (bounds[:, 0] >= left) & (bounds[:, 1] >= bottom) & (bounds[:, 2] <= right) & (bounds[:, 3] <= top)
    geometries[~whole] = shapely.clip_by_rect(geometries[~whole], *box_pt)
    return geometries


def areas(polygons: np.ndarray) -> Rings:
    """
    The rings of polygons (page points), shells counter-clockwise and holes clockwise, so that non-zero filling leaves holes.

    One piece is one polygon with its holes: a hole in another path would be filled.
    """
    parts = _spread(_areas_of(polygons))
    rings, owner = _rings(parts)
    # Ring by ring: what crosses by half a dot is not seen, and keeping topology costs minutes on streets with a thousand holes.
    rings = _simplified(rings)
    whole = shapely.get_num_coordinates(rings) >= 4
    is_shell = _is_first(owner)
    if not whole.all():
        rings, owner, is_shell = rings[whole], owner[whole], is_shell[whole]
    points, ring = shapely.get_coordinates(rings, return_index=True)
    starts = _firsts(ring)
    points = _turned(points, starts, is_shell)
    # The closing vertex repeats the first; PDF and HP-GL/2 close a ring by themselves.
    keep = np.ones(len(points), dtype=bool)
    keep[np.append(starts[1:], len(points))[: len(starts)] - 1] = False
    return Rings(_quantised(points[keep]), starts - np.arange(len(starts)), _firsts(owner))


def _turned(points: np.ndarray, starts: np.ndarray, is_shell: np.ndarray) -> np.ndarray:
    """Closed rings with shells counter-clockwise and holes clockwise; those that run otherwise are turned round."""
    if not len(starts):
        return points
    lengths = np.diff(np.append(starts, len(points)))
    # Around the first vertex of each ring: products of whole page coordinates would lose the area of a sliver.
    away = points - np.repeat(points[starts], lengths, axis=0)
    cross = np.zeros(len(points))
    cross[:-1] = away[:-1, 0] * away[1:, 1] - away[1:, 0] * away[:-1, 1]
    cross[starts[1:] - 1] = 0.0
    wrong = (np.add.reduceat(cross, starts) > 0) != is_shell
    if not wrong.any():
        return points
    at = np.arange(len(points))
    ends = starts + lengths - 1
    mirrored = np.repeat(starts + ends, lengths) - at
    return points[np.where(np.repeat(wrong, lengths), mirrored, at)]


def edges(
    polygons: np.ndarray, box_pt: tuple[float, float, float, float], *, shared: bool = True, noded: bool = False
) -> np.ndarray:
    """
    The boundary lines of polygons (page points), each edge that two of them share once (or, without `shared`, not at all), cut
    to a box.

    Edges are the same when their end points agree to `QUANTUM_PT`. With `noded`, an edge on which a vertex of another polygon
    lies is two edges: neighbours that do not have the same vertices share their edges then too, and their dashes do not beat
    against each other. What is left of each ring stays in one line as far as it runs on.

    Returns
    -------
    array of LineString
    """
    parts = _areas_of(polygons)
    rings, part = _rings(parts)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    if len(points) < 2:
        return np.array([], dtype=object)
    if noded:
        points, ring = _split(points, ring, part, parts)
    key, _ = _keys(points, ring)
    real = np.flatnonzero(key >= 0)
    kept = real[~pd.Series(key[real]).duplicated(keep="first" if shared else False).to_numpy()]

    # A run of kept edges i, i+1, ... of one ring is one line through points i ... last + 1.
    if not len(kept):
        return np.array([], dtype=object)
    new = np.append(True, (np.diff(kept) > 1) | (ring[kept[1:]] != ring[kept[:-1]]))
    run = np.cumsum(new) - 1
    lasts = np.append(np.flatnonzero(new)[1:] - 1, len(kept) - 1)
    index = np.insert(kept, lasts + 1, kept[lasts] + 1)
    lines = shapely.linestrings(points[index], indices=np.insert(run, lasts + 1, run[lasts]))
    return _lines_of(clipped(lines, box_pt))


def run_on(lines: np.ndarray) -> np.ndarray:
    """Lines with those that meet end to end, two at a place, made one; in an order that does not depend on theirs."""
    parts = _lines_of(lines)
    return _lines_of(shapely.normalize(shapely.line_merge(shapely.multilinestrings([parts])))) if len(parts) else parts


def strokes(lines: np.ndarray, *, joined: bool = False) -> Rings:
    """
    Lines (page points) as strokes. `joined` merges those that meet end to end, so that a dash pattern runs on.

    One piece is one line; a line of more than `CHUNK` vertices is cut into several that share a vertex.
    """
    parts = run_on(lines) if joined else _lines_of(lines)
    parts = _simplified(_spread(parts))
    points, owner = shapely.get_coordinates(parts, return_index=True)
    starts = _firsts(owner)
    lengths = np.diff(np.append(starts, len(points)))
    if (lengths > CHUNK).any():
        cut = []
        for line in np.split(points, starts[1:]):
            cut += [line[i : i + CHUNK] for i in range(0, max(len(line) - 1, 1), CHUNK - 1)]
        points = np.concatenate(cut)
        starts = np.cumsum([0] + [len(piece) for piece in cut[:-1]])
    return Rings(_quantised(points), starts, np.arange(len(starts)))


def pieces(segments: np.ndarray) -> Rings:
    """Straight pieces (m x 2 x 2, page points) as strokes, in their order."""
    return Rings(_quantised(segments.reshape(-1, 2)), np.arange(0, 2 * len(segments), 2), np.arange(len(segments)))


def chunks(rings: Rings) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Points and starts of at most `CHUNK` vertices at a time; a single larger piece comes alone."""
    points, starts, pieces = rings
    if not len(points):
        return
    begins = np.append(starts[pieces], len(points))
    at = 0
    while at < len(pieces):
        upto = max(int(np.searchsorted(begins, begins[at] + CHUNK, side="right")) - 1, at + 1)
        first, last = pieces[at], pieces[upto] if upto < len(pieces) else len(starts)
        yield points[begins[at] : begins[upto]], starts[first:last] - begins[at]
        at = upto


def _rings(polygons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    The rings of polygons, shell before holes, and the number of the polygon each is of.

    A polygon without holes, as most lots are, stands for its ring: making one takes ten times as long as reading it.
    """
    holes = shapely.get_num_interior_rings(polygons)
    owner = np.repeat(np.arange(len(polygons)), holes + 1)
    rings = polygons[owner]
    rings[holes[owner] > 0] = shapely.get_rings(polygons[holes > 0])
    return rings, owner


def _keys(points: np.ndarray, ring: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    For the edges between successive points a number that is the same for edges between the same places, -1 for what is no edge;
    and for each point the number of its place.
    """
    grid = np.rint(points / QUANTUM_PT).astype(np.int64)
    grid -= grid.min(axis=0)
    place, _ = pd.factorize(grid[:, 0] * (grid[:, 1].max() + 1) + grid[:, 1])
    begin, end = place[:-1], place[1:]
    key = np.minimum(begin, end).astype(np.int64) * (int(place.max()) + 1) + np.maximum(begin, end)
    key[(ring[:-1] != ring[1:]) | (begin == end)] = -1
    return key, place


def _split(points: np.ndarray, ring: np.ndarray, part: np.ndarray, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    The vertices of rings with those added that a vertex of another polygon lies between.

    Only edges that no other one equals can hide one, only their ends can be hidden, and only polygons whose boxes meet can do it
    to each other: of most layers nearly all is left out before anything is measured.
    """
    boxes = shapely.box(*(shapely.bounds(parts) + QUANTUM_PT * np.array([-1, -1, 1, 1])).T)
    tree = shapely.STRtree(boxes)
    one, other = tree.query(boxes)
    meets = np.zeros(len(parts), dtype=bool)
    meets[one[one != other]] = True
    if not meets.any():
        return points, ring
    key, place = _keys(points, ring)
    _, kind, times = np.unique(key, return_inverse=True, return_counts=True)
    owner = part[ring[:-1]]
    alone = np.flatnonzero((times[kind] == 1) & (key >= 0) & meets[owner])
    segments = shapely.linestrings(np.stack([points[alone], points[alone + 1]], axis=1))
    at, near = tree.query(segments)
    at = np.unique(at[near != owner[alone[at]]])
    alone, segments = alone[at], segments[at]
    ends = np.concatenate([alone, alone + 1])
    ends = ends[np.unique(place[ends], return_index=True)[1]]
    which, segment = shapely.STRtree(segments).query(shapely.points(points[ends]), predicate="dwithin", distance=QUANTUM_PT)
    along = shapely.line_locate_point(segments[segment], shapely.points(points[ends[which]]))
    inside = (along > 1.5 * QUANTUM_PT) & (along < shapely.length(segments[segment]) - 1.5 * QUANTUM_PT)
    which, edge, along = ends[which[inside]], alone[segment[inside]], along[inside]
    order = np.lexsort((along, edge))
    which, edge = which[order], edge[order]
    return np.insert(points, edge + 1, points[which], axis=0), np.insert(ring, edge + 1, ring[edge])


def _simplified(lines: np.ndarray) -> np.ndarray:
    """
    Lines, rings, or polygons without holes as their rings, without the vertices nobody can see; those of a few vertices, as most
    lots have, are left as they are.
    """
    many = shapely.get_num_coordinates(lines) > 6
    if not many.any():
        return lines
    lines = np.asarray(lines, dtype=object).copy()
    some = lines[many]
    area = shapely.get_type_id(some) == shapely.GeometryType.POLYGON
    some[area] = shapely.get_exterior_ring(some[area])
    lines[many] = shapely.simplify(some, TOLERANCE_PT, preserve_topology=False)
    return lines


def _spread(shapes: np.ndarray) -> np.ndarray:
    """
    Shapes in the order of a Hilbert curve over the page, when they make more than one path, so that the shapes of a path lie
    together: a viewer then skips the paths it does not show.
    """
    if int(shapely.get_num_coordinates(shapes).sum()) <= CHUNK:
        return shapes
    return shapes[np.argsort(gpd.GeoSeries(shapes).hilbert_distance(level=8).to_numpy(), kind="stable")]


def parts_of(geometries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The single geometries in geometries and in their collections, empty ones left out, and the number of the one each is of."""
    geometries = np.asarray(geometries, dtype=object)
    owner = np.arange(len(geometries))
    while (shapely.get_type_id(geometries) > shapely.GeometryType.POLYGON).any():
        geometries, at = shapely.get_parts(geometries, return_index=True)
        owner = owner[at]
    there = ~(shapely.is_empty(geometries) | shapely.is_missing(geometries))
    return (geometries, owner) if there.all() else (geometries[there], owner[there])


def _lines_of(geometries: np.ndarray) -> np.ndarray:
    parts, _ = parts_of(geometries)
    line = np.isin(shapely.get_type_id(parts), (shapely.GeometryType.LINESTRING, shapely.GeometryType.LINEARRING))
    return parts if line.all() else parts[line]


def _areas_of(geometries: np.ndarray) -> np.ndarray:
    parts, _ = parts_of(geometries)
    area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    return parts if area.all() else parts[area]


def _firsts(owner: np.ndarray) -> np.ndarray:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(_is_first(owner))


def _is_first(owner: np.ndarray) -> np.ndarray:
    return np.append(True, owner[1:] != owner[:-1]) if len(owner) else np.zeros(0, dtype=bool)


def _quantised(points: np.ndarray) -> np.ndarray:
    return np.round(points / QUANTUM_PT) * QUANTUM_PT
