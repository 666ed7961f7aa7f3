"""
The HP-GL/2 backend: a scene for plotters that read no PDF.

The file is PJL, then HP-GL/2 in stand-alone form: widths in millimetres, colours as pens, coordinates polyline-encoded in
plotter units of 1/1016 in. Letters are filled areas, white covers what lies below, and what a group's box cuts off is cut
before it is written, so that every reader shows the same. The page's lower left corner is the origin; a device that keeps a
margin of its own moves the whole page by it and changes no length.

Source of the language: HP, HP-GL/2 and HP RTL Reference Guide (5959-9733); PCL 5 Printer Language Technical Reference Manual,
part II.
"""

from collections.abc import Mapping

import numpy as np
import shapely

from citygis.errors import SheetError
from citygis.sheets.outlines import Outlines, rings_of, text_outlines
from citygis.sheets.polylines import encoded_areas, encoded_lines
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Scene, Texts, Tiles

UNITS_PER_INCH = 1016
"""Plotter units: 0.025 mm."""

MAX_PENS = 255
"""A pen number has one byte; pen 0 is put away, or white, depending on the device, and is not used."""

_CAPS = {"butt": 1, "projecting": 2, "round": 4}
_MM_PER_PT = 25.4 / POINTS_PER_INCH


def hpgl_bytes(scene: Scene, *, explode_dashes: bool = False, pens: Mapping[str, int] | None = None) -> bytes:
    """
    A scene as one HP-GL/2 page.

    Parameters
    ----------
    scene : Scene
        Pictures are left out and what is translucent is drawn in a lighter colour: `hpgl_warnings` says which.
    explode_dashes : bool
        Write dashed lines as their dashes. Without it the device makes them (``UL``, ``LT``), and devices differ in how.
    pens : mapping of str to int, optional
        Pen numbers by colour (``#rrggbb``), 1 to 255, for an office with a pen table. Other colours take the free numbers.

    Returns
    -------
    bytes
        Depends on the arguments only.

    Raises
    ------
    SheetError
        If the scene has more colours than there are pens.
    ValueError
        If a pen number is not within 1 to 255 or is given twice.
    """
    numbers = _pens(scene, pens or {})
    size = [round(side / POINTS_PER_INCH * UNITS_PER_INCH) for side in (scene.width_pt, scene.height_pt)]
    held = 1 << max(numbers.values(), default=1).bit_length()
    # IN turns transparency on, in which white lets everything through.
    parts = [b"\x1b%-12345X@PJL ENTER LANGUAGE=HPGL2\n\x1b%1B", f"BP;IN;PS{size[0]},{size[1]};TR0;NP{held};WU0;\n".encode()]
    for color, pen in sorted(numbers.items(), key=lambda item: item[1]):
        parts.append(f"PC{pen},{','.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))};".encode())
    parts.append(b"FT1;\n")
    for group in scene.groups:
        parts += _group(group, numbers, explode_dashes)
    parts.append(b"PU;SP0;PG;\x1b%0A\x1b%-12345X")
    return b"".join(parts)


def hpgl_warnings(scene: Scene) -> tuple[str, ...]:
    """What HP-GL/2 cannot show of a scene, one sentence per group; empty when it shows everything."""
    said = []
    for group in scene.groups:
        pictures = sum(len(batch.tiles) for batch in group.batches if isinstance(batch, Tiles))
        clear = sum(isinstance(batch, Paths) and batch.opacity < 1 for batch in group.batches)
        if pictures:
            said.append(f"{group.name}: a picture ({pictures} tiles) is not in the HP-GL/2 plot. Plot the PDF or a TIFF.")
        if clear:
            said.append(f"{group.name}: drawn in a lighter colour that covers what lies below; HP-GL/2 knows no opacity.")
    return tuple(said)


def _pens(scene: Scene, wanted: Mapping[str, int]) -> dict[str, int]:
    """Pen numbers of the colours in use, in the order they first come."""
    for color, pen in wanted.items():
        if not 1 <= pen <= MAX_PENS:
            raise ValueError(f"Invalid pen {pen} for {color}. Must be 1 to {MAX_PENS}.")
    if len(set(wanted.values())) < len(wanted):
        raise ValueError(f"Invalid pens {dict(wanted)!r}. Must be one number per colour.")
    colors = list(dict.fromkeys(color for group in scene.groups for batch in group.batches for color in _colors(batch)))
    numbers = {color.lower(): pen for color, pen in wanted.items()}
    free = iter(sorted(set(range(1, MAX_PENS + 1)) - set(numbers.values())))
    try:
        for color in colors:
            if color not in numbers:
                numbers[color] = next(free)
    except StopIteration:
        raise SheetError(
            f"The sheet has {len(colors)} colours; HP-GL/2 holds {MAX_PENS} pens. Draw fewer classes, or plot the PDF."
        ) from None
    return {color: numbers[color] for color in colors}


def _colors(batch: Paths | Texts | Tiles) -> list[str]:
    if isinstance(batch, Tiles):
        return []
    if isinstance(batch, Texts):
        return [color.lower() for color in (batch.halo if batch.halo_pt else None, batch.color) if color]
    return [_on_white(color, batch.opacity) for color in (batch.fill, batch.stroke) if color]


def _on_white(color: str, opacity: float) -> str:
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - (255 - part) * opacity):02x}" for part in parts)


def _group(group: Group, numbers: dict[str, int], explode_dashes: bool) -> list[bytes]:
    parts = []
    for batch in group.batches:
        if isinstance(batch, Tiles):
            continue
        if isinstance(batch, Texts):
            letters = text_outlines(batch)
            if batch.halo and batch.halo_pt:
                band = Paths(letters.points, letters.starts, True, None, batch.halo, 2 * batch.halo_pt, cap="round")
                parts += _stroke(band, numbers[batch.halo.lower()], group.clip_pt, explode_dashes)
            parts += _fill(letters, numbers[batch.color.lower()], group.clip_pt)
            continue
        if batch.fill:
            parts += _fill(_areas(batch), numbers[_on_white(batch.fill, batch.opacity)], group.clip_pt)
        if batch.stroke:
            parts += _stroke(batch, numbers[_on_white(batch.stroke, batch.opacity)], group.clip_pt, explode_dashes)
    return parts


def _units(points: np.ndarray) -> np.ndarray:
    return np.rint(points * (UNITS_PER_INCH / POINTS_PER_INCH)).astype(np.int64)


def _fill(areas: Outlines, pen: int, clip_pt: tuple | None) -> list[bytes]:
    areas = _cut_areas(areas, clip_pt)
    if not len(areas.starts):
        return []
    return [f"SP{pen};PW0.025;LT;".encode(), encoded_areas(_units(areas.points), areas.starts, areas.shells), b"\n"]


def _stroke(batch: Paths, pen: int, clip_pt: tuple | None, explode_dashes: bool) -> list[bytes]:
    points, starts = batch.points, batch.starts
    if not len(points):
        return []
    if batch.closed:
        ends = np.append(starts[1:], len(points))
        points = np.insert(points, ends, points[starts], axis=0)
        starts = starts + np.arange(len(starts))
    if batch.dash_pt and explode_dashes:
        points, starts = dashes(points, starts, batch.dash_pt)
    points, starts = _cut_lines(points, starts, clip_pt)
    if not len(starts):
        return []
    corner = 4 if batch.cap == "round" else 2
    look = f"SP{pen};PW{batch.width_pt * _MM_PER_PT:.4f};LA1,{_CAPS[batch.cap]},2,{corner},3,10;"
    if batch.dash_pt and not explode_dashes:
        gaps = batch.dash_pt * (1 + len(batch.dash_pt) % 2)
        look += f"UL1,{','.join(f'{100 * gap / sum(gaps):.3f}' for gap in gaps)};LT1,{sum(gaps) * _MM_PER_PT:.4f},1;"
    else:
        look += "LT;"
    return [look.encode(), encoded_lines(_units(points), starts), b"\n"]


def _lines(points: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Lines as geometries, without those of a single vertex, of which nothing is drawn."""
    counts = np.diff(np.append(starts, len(points)))
    keep = np.repeat(counts > 1, counts)
    return shapely.linestrings(points[keep], indices=np.repeat(np.arange((counts > 1).sum()), counts[counts > 1]))


def _outside(points: np.ndarray, starts: np.ndarray, clip_pt: tuple[float, float, float, float]) -> np.ndarray:
    """Of each line or ring: whether a vertex of it lies outside the box."""
    left, bottom, right, top = clip_pt
    out = (points[:, 0] < left) | (points[:, 0] > right) | (points[:, 1] < bottom) | (points[:, 1] > top)
    return np.logical_or.reduceat(out, starts)


def _cut_lines(points: np.ndarray, starts: np.ndarray, clip_pt: tuple | None) -> tuple[np.ndarray, np.ndarray]:
    if clip_pt is None or not len(starts) or not (out := _outside(points, starts, clip_pt)).any():
        return points, starts
    counts = np.diff(np.append(starts, len(points)))
    lines = _lines(points, starts)
    cut = out[counts > 1]
    lines[cut] = shapely.clip_by_rect(lines[cut], *clip_pt)
    # A collection is a line that also touches the box from outside.
    lines = shapely.get_parts(shapely.get_parts(lines))
    lines = lines[(shapely.get_type_id(lines) == shapely.GeometryType.LINESTRING) & ~shapely.is_empty(lines)]
    points, line = shapely.get_coordinates(lines, return_index=True)
    return points, np.flatnonzero(np.append(True, line[1:] != line[:-1])) if len(line) else np.array([], int)


def _cut_areas(areas: Outlines, clip_pt: tuple | None) -> Outlines:
    if clip_pt is None or not len(areas.starts):
        return areas
    out = _outside(areas.points, areas.starts, clip_pt)
    if not out.any():
        return areas
    piece = np.cumsum(areas.shells) - 1
    cut = np.bincount(piece, weights=out) > 0
    counts = np.diff(np.append(areas.starts, len(areas.points)))
    at = np.repeat(cut[piece], counts)
    pieces = shapely.clip_by_rect(_polygons(areas, cut), *clip_pt)
    inner, rest = rings_of(pieces), areas.points[~at]
    kept = ~cut[piece]
    kept_starts = np.cumsum(np.append(0, counts[kept]))[:-1]
    return Outlines(
        np.concatenate([rest, inner.points]),
        np.concatenate([kept_starts, inner.starts + len(rest)]).astype(int),
        np.concatenate([areas.shells[kept], inner.shells]),
    )


def _polygons(areas: Outlines, wanted: np.ndarray) -> np.ndarray:
    """The polygons, one per shell, for which `wanted` is true."""
    counts = np.diff(np.append(areas.starts, len(areas.points)))
    piece = np.cumsum(areas.shells) - 1
    take = wanted[piece]
    at = np.repeat(take, counts)
    rings = shapely.linearrings(areas.points[at], indices=np.repeat(np.arange(take.sum()), counts[take]))
    polygons = shapely.polygons(rings, indices=np.unique(piece[take], return_inverse=True)[1])
    bad = ~shapely.is_valid(polygons)
    polygons[bad] = shapely.make_valid(polygons[bad], method="structure", keep_collapsed=False)
    return polygons


def _areas(batch: Paths) -> Outlines:
    """
    The areas a batch fills: where its rings turn around a point, one way more than the other, as PDF fills.

    A ring is a hole where everything around it and itself add up to nothing; it belongs to the smallest ring around it.
    """
    counts = np.diff(np.append(batch.starts, len(batch.points)))
    ring = np.repeat(np.arange(len(counts)), counts)
    keep = counts[ring] >= 3
    points, counts = batch.points[keep], counts[counts >= 3]
    starts = np.cumsum(np.append(0, counts))[:-1].astype(int)
    if not len(starts):
        return Outlines(points, starts, np.array([], bool))
    after = np.arange(1, len(points) + 1)
    after[np.append(starts[1:], len(points)) - 1] = starts
    twice = np.add.reduceat(points[:, 0] * points[after, 1] - points[after, 0] * points[:, 1], starts)
    turn = np.sign(twice)
    if (turn >= 0).all() or (turn <= 0).all():
        return Outlines(points, starts, np.ones(len(starts), dtype=bool))
    rings = shapely.polygons(shapely.linearrings(points, indices=np.repeat(np.arange(len(counts)), counts)))
    inner, outer = shapely.STRtree(rings).query(shapely.point_on_surface(rings), predicate="intersects")
    size = np.abs(twice)
    around = size[outer] > size[inner]
    inner, outer = inner[around], outer[around]
    # A point inside a ring may also be inside a smaller one; only whole rings count.
    whole = shapely.covers(shapely.make_valid(rings[outer]), shapely.make_valid(rings[inner]))
    inner, outer = inner[whole], outer[whole]
    winding = turn + np.bincount(inner, weights=turn[outer], minlength=len(turn))
    hole = winding == 0
    parent = np.arange(len(turn))
    order = np.lexsort((-size[outer], inner))
    # The last written stands: the smallest around.
    parent[inner[order]] = outer[order]
    parent[~hole] = np.flatnonzero(~hole)
    order = np.lexsort((hole, parent))
    new_counts = counts[order]
    new_starts = np.cumsum(np.append(0, new_counts))[:-1].astype(int)
    index = np.repeat(starts[order] - new_starts, new_counts) + np.arange(len(points))
    return Outlines(points[index], new_starts, ~hole[order])


def dashes(points: np.ndarray, starts: np.ndarray, dash_pt: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """
    Lines cut into their dashes.

    Parameters
    ----------
    points, starts : arrays
        Lines as in `citygis.sheets.scene.Paths`, page points.
    dash_pt : tuple of float
        On, off, on, off ... lengths; an odd number of them is said twice (ISO 32000-2, 8.4.3.6).

    Returns
    -------
    tuple
        `points` and `starts` of the dashes.
    """
    lengths = np.array(dash_pt * (1 + len(dash_pt) % 2), dtype=float)
    period, bounds = lengths.sum(), np.append(0.0, np.cumsum(lengths))
    cut, counts = [], []
    for line in np.split(points, starts[1:]):
        along = np.append(0.0, np.cumsum(np.hypot(*np.diff(line, axis=0).T)))
        first = period * np.arange(np.ceil(along[-1] / period))
        begins = (first[:, None] + bounds[None, :-1:2]).ravel()
        ends = np.minimum((first[:, None] + bounds[None, 1::2]).ravel(), along[-1])
        begins, ends = begins[begins < along[-1]], ends[begins < along[-1]]
        for begin, end in zip(begins, ends, strict=True):
            inside = line[(along > begin) & (along < end)]
            tips = np.column_stack([np.interp([begin, end], along, line[:, side]) for side in (0, 1)])
            cut.append(np.concatenate([tips[:1], inside, tips[1:]]))
            counts.append(len(inside) + 2)
    if not cut:
        return np.empty((0, 2)), np.array([], int)
    return np.concatenate(cut), np.cumsum([0, *counts[:-1]])
