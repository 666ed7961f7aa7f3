"""
Features made ready for paper: placed on the page, cut to the frame, simplified below what a plotter can show, each shared
edge once, in chunks an old RIP can hold.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
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
    return shapely.transform(shapely.force_2d(geometries), frame.to_page)


def sound(geometries: np.ndarray) -> np.ndarray:
    """Geometries with the invalid ones mended, so that they can be cut: the area painted is the same. Others are untouched."""
    geometries = np.asarray(geometries, dtype=object).copy()
    bad = np.flatnonzero(~shapely.is_valid(geometries) & ~shapely.is_missing(geometries))
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
    parts = shapely.get_parts(polygons)
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]
    rings, owner = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    # Ring by ring: what crosses by half a dot is not seen, and keeping topology costs minutes on streets with a thousand holes.
    rings = shapely.simplify(rings, TOLERANCE_PT, preserve_topology=False)
    whole = shapely.get_num_coordinates(rings) >= 4
    rings, owner = rings[whole], owner[whole]
    points, ring = shapely.get_coordinates(rings, return_index=True)
    starts = _firsts(ring)
    # The closing vertex repeats the first; PDF and HP-GL/2 close a ring by themselves.
    keep = np.ones(len(points), dtype=bool)
    keep[np.append(starts[1:], len(points))[: len(starts)] - 1] = False
    return Rings(_quantised(points[keep]), starts - np.arange(len(starts)), _firsts(owner))


def edges(polygons: np.ndarray, box_pt: tuple[float, float, float, float], *, shared: bool = True) -> np.ndarray:
    """
    The boundary lines of polygons (page points), each edge that two of them share once (or, without `shared`, not at all), cut
    to a box.

    Edges are the same when their end points agree to `QUANTUM_PT`. What is left of each ring stays in one line as far as it
    runs on.

    Returns
    -------
    array of LineString
    """
    rings = shapely.get_rings(polygons)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    if len(points) < 2:
        return np.array([], dtype=object)
    grid = np.rint(points / QUANTUM_PT).astype(np.int64)
    grid -= grid.min(axis=0)
    _, vertex = np.unique(grid[:, 0] * (grid[:, 1].max() + 1) + grid[:, 1], return_inverse=True)
    begin, end = vertex[:-1], vertex[1:]
    real = (ring[:-1] == ring[1:]) & (begin != end)
    key = np.minimum(begin, end).astype(np.int64) * (int(vertex.max()) + 1) + np.maximum(begin, end)
    first = np.zeros(len(key), dtype=bool)
    at = np.flatnonzero(real)
    _, once, times = np.unique(key[at], return_index=True, return_counts=True)
    first[at[once if shared else once[times == 1]]] = True

    # A run of kept edges i, i+1, ... of one ring is one line through points i ... last + 1.
    kept = np.flatnonzero(first)
    if not len(kept):
        return np.array([], dtype=object)
    new = np.append(True, (np.diff(kept) > 1) | (ring[kept[1:]] != ring[kept[:-1]]))
    run = np.cumsum(new) - 1
    lasts = np.append(np.flatnonzero(new)[1:] - 1, len(kept) - 1)
    index = np.concatenate([kept, kept[lasts] + 1])
    owner = np.concatenate([run, np.arange(len(lasts))])
    order = np.lexsort((index, owner))
    lines = shapely.linestrings(points[index[order]], indices=owner[order])
    return _parts(clipped(lines, box_pt))


def strokes(lines: np.ndarray, *, joined: bool = False) -> Rings:
    """
    Lines (page points) as strokes. `joined` merges those that meet end to end, so that a dash pattern runs on.

    One piece is one line; a line of more than `CHUNK` vertices is cut into several that share a vertex.
    """
    parts = _parts(lines)
    if joined and len(parts):
        parts = _parts(shapely.line_merge(shapely.multilinestrings([parts])))
    parts = shapely.simplify(parts, TOLERANCE_PT, preserve_topology=False)
    points, owner = shapely.get_coordinates(parts, return_index=True)
    starts = _firsts(owner)
    lengths = np.diff(np.append(starts, len(points)))
    if (lengths > CHUNK).any():
        pieces = []
        for line in np.split(points, starts[1:]):
            pieces += [line[i : i + CHUNK] for i in range(0, max(len(line) - 1, 1), CHUNK - 1)]
        points = np.concatenate(pieces)
        starts = np.cumsum([0] + [len(piece) for piece in pieces[:-1]])
    return Rings(_quantised(points), starts, np.arange(len(starts)))


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


def _parts(lines: np.ndarray) -> np.ndarray:
    parts = shapely.get_parts(shapely.get_parts(lines))
    kinds = shapely.get_type_id(parts)
    line = (kinds == shapely.GeometryType.LINESTRING) | (kinds == shapely.GeometryType.LINEARRING)
    return parts[line & ~shapely.is_empty(parts)]


def _firsts(owner: np.ndarray) -> np.ndarray:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.append(True, owner[1:] != owner[:-1])) if len(owner) else np.array([], dtype=int)


def _quantised(points: np.ndarray) -> np.ndarray:
    return np.round(points / QUANTUM_PT) * QUANTUM_PT
