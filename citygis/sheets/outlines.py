"""
Letters as areas, for machines that know no TrueType font: the font's own outlines, flattened and placed on the page.
"""

import functools
from typing import NamedTuple

import numpy as np
import shapely
from fontTools.ttLib import TTFont

from citygis.sheets.fonts import font
from citygis.sheets.scene import POINTS_PER_INCH, Texts

TOLERANCE_PT = 0.01 / 25.4 * POINTS_PER_INCH
"""A chord leaves its curve by at most 0.01 mm, less than half a plotter unit of 0.025 mm."""


class Outlines(NamedTuple):
    """
    Areas by their rings.

    Parameters
    ----------
    points : array, n x 2
        Vertices; a ring's first is not repeated at its end.
    starts : array of int
        Where each ring begins in `points`.
    shells : array of bool
        One per ring: whether it is the outside of an area. The rings up to the next outside are its holes.
    """

    points: np.ndarray
    starts: np.ndarray
    shells: np.ndarray


def text_outlines(batch: Texts) -> Outlines:
    """The letters of `batch` as areas in page points, in reading order. Nothing is drawn for blanks."""
    strings = batch.strings
    if not any(strings):
        return Outlines(np.empty((0, 2)), np.array([], int), np.array([], bool))
    codes = np.frombuffer("".join(strings).encode("utf-32-le"), dtype=np.uint32)
    line = np.repeat(np.arange(len(strings)), [len(string) for string in strings])
    sizes = np.asarray(batch.sizes_pt, dtype=float)[line]
    advances = font(batch.font).advances[np.minimum(codes, 0xFFFF)]
    before = np.cumsum(advances) - advances
    along = (before - before[np.searchsorted(line, line)]) * sizes
    angles = np.radians(np.asarray(batch.angles_deg, dtype=float))[line]
    cosines, sines = np.cos(angles), np.sin(angles)
    origins = np.asarray(batch.points, dtype=float)[line] + np.column_stack([along * cosines, along * sines])

    points, owners, rings, shells = [], [], [], []
    looks, look = np.unique(np.column_stack([codes, np.rint(sizes * 100)]), axis=0, return_inverse=True)
    for number, (code, hundredths) in enumerate(looks):
        glyph = _glyph(batch.font, chr(int(code)), hundredths / 100)
        at = np.flatnonzero(look.ravel() == number)
        if not len(glyph.points):
            continue
        local = glyph.points[None] * sizes[at, None, None]
        c, s = cosines[at, None], sines[at, None]
        turned = np.stack([local[..., 0] * c - local[..., 1] * s, local[..., 0] * s + local[..., 1] * c], axis=-1)
        points.append((turned + origins[at, None]).reshape(-1, 2))
        owners.append(np.repeat(at, len(glyph.points)))
        begins = np.zeros(len(glyph.points), dtype=np.int8)
        begins[glyph.starts] = np.where(glyph.shells, 2, 1)
        rings.append(np.tile(begins, len(at)))
    if not points:
        return Outlines(np.empty((0, 2)), np.array([], int), np.array([], bool))
    order = np.argsort(np.concatenate(owners), kind="stable")
    begins = np.concatenate(rings)[order]
    starts = np.flatnonzero(begins)
    shells = begins[starts] == 2
    return Outlines(np.concatenate(points)[order], starts, shells)


@functools.cache
def _glyph(font_name: str, character: str, size_pt: float) -> Outlines:
    """One letter, in font sizes, flat enough for `size_pt`."""
    rings = [_flattened(*ring, TOLERANCE_PT / size_pt) for ring in _contours(font_name, character)]
    rings = [ring for ring in rings if len(ring) >= 3]
    if not rings:
        return Outlines(np.empty((0, 2)), np.array([], int), np.array([], bool))
    polygons = np.array([shapely.Polygon(ring) for ring in rings], dtype=object)
    # OpenType, glyf: outsides turn clockwise, holes the other way; outsides may overlap.
    outside = ~shapely.is_ccw(shapely.get_exterior_ring(polygons))
    areas = shapely.difference(shapely.union_all(polygons[outside]), shapely.union_all(polygons[~outside]))
    return rings_of(np.array([areas], dtype=object))


def rings_of(polygons: np.ndarray) -> Outlines:
    """Polygons, whole or in parts, as rings: shells counter-clockwise, each followed by its holes. What is no area is left out."""
    parts = shapely.get_parts(shapely.get_parts(polygons))
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]
    rings, owner = shapely.get_rings(shapely.orient_polygons(parts), return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    starts = np.flatnonzero(np.append(True, ring[1:] != ring[:-1])) if len(ring) else np.array([], int)
    keep = np.ones(len(points), dtype=bool)
    keep[np.append(starts[1:], len(points))[: len(starts)] - 1] = False
    shells = np.append(True, owner[1:] != owner[:-1]) if len(owner) else np.array([], bool)
    return Outlines(points[keep], starts - np.arange(len(starts)), shells)


def _contours(font_name: str, character: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Vertices in font sizes and whether each is on the curve, ring by ring."""
    face = font(font_name)
    table, order = _outline_table(font_name)
    coordinates, ends, flags = table[order[face.glyphs.get(ord(character), 0)]].getCoordinates(table)
    points, on = np.array(coordinates, dtype=float).reshape(-1, 2) / face.units, np.array(flags, dtype=bool)
    return list(zip(*(np.split(each, np.array(ends[:-1], dtype=int) + 1) for each in (points, on)), strict=True)) if ends else []


@functools.cache
def _outline_table(font_name: str):
    with TTFont(font(font_name).path, lazy=False) as file:
        return file["glyf"], file.getGlyphOrder()


def _flattened(points: np.ndarray, on: np.ndarray, tolerance: float) -> np.ndarray:
    """A ring of lines and quadratic curves as lines (OpenType, glyf: between two off-curve points lies one on the curve)."""
    after, after_on = np.roll(points, -1, axis=0), np.roll(on, -1)
    implied = ~on & ~after_on
    points = np.insert(points, np.flatnonzero(implied) + 1, ((points + after) / 2)[implied], axis=0)
    on = np.insert(on, np.flatnonzero(implied) + 1, True)
    first = int(np.argmax(on))
    points, on = np.roll(points, -first, axis=0), np.roll(on, -first)
    flat = []
    for i in range(len(points)):
        if on[i]:
            flat.append(points[i : i + 1])
            continue
        begin, control, end = points[i - 1], points[i], points[(i + 1) % len(points)]
        # Such a curve in n equal steps leaves its chords by |begin - 2 control + end| / (4 n n).
        steps = max(1, int(np.ceil(np.sqrt(np.hypot(*(begin - 2 * control + end)) / 4 / tolerance))))
        t = (np.arange(1, steps) / steps)[:, None]
        flat.append((1 - t) ** 2 * begin + 2 * t * (1 - t) * control + t**2 * end)
    return np.concatenate(flat)
