"""
Painting: shapes on the page and the symbols that draw them, as batches of paths. The map and its legend are painted here.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.sheets import prep
from citygis.sheets.frame import Frame
from citygis.sheets.hatches import hatch_lines
from citygis.sheets.looks import Line, Symbol
from citygis.sheets.markers import markers, marks
from citygis.sheets.scene import Paths

_WIDE_PT = 1.2
"""Strokes wider than this show the notch where two of them meet end to end: they are joined first."""


class Motif(NamedTuple):
    """
    Shapes and what draws them.

    Parameters
    ----------
    shapes : array of geometry, n
        Page points, cut to the frame.
    kind : str
        ``area``, ``line`` or ``point``.
    numbers : array of int, n
        The symbol of each.
    looks : dict of int to Symbol
        The symbols by number.
    box_pt : tuple of float
        Outlines of areas are drawn inside it: the frame less a hair, so that cut edges, which lie on the frame, are not.
    azimuths_deg : dict of int to array
        For symbols whose marker turns with its features: clockwise from grid north, one for each of their shapes, or NaN.
    """

    shapes: np.ndarray
    kind: str
    numbers: np.ndarray
    looks: dict[int, Symbol]
    box_pt: tuple[float, float, float, float]
    azimuths_deg: dict[int, np.ndarray] = {}


def painted(motif: Motif, frame: Frame, label_boxes: np.ndarray) -> tuple[Paths, ...]:
    """
    The paths of a motif, bottom-up: fills, hatches, casings, lines, point symbols; each look at once.

    Parameters
    ----------
    motif : Motif
    frame : Frame
        For the lengths on the ground, the origin of hatches, and north.
    label_boxes : array of Polygon
        What lies under them is left out of lines that say ``break_at_labels``.
    """
    looks = {number: look.at(frame.points_per_foot) for number, look in motif.looks.items()}
    motif = motif._replace(looks=looks)
    out: list[Paths] = []
    if motif.kind == "area":
        out += _fills(motif)
        out += _hatches(motif, frame, label_boxes)
    if motif.kind in ("area", "line"):
        out += _lines(motif, label_boxes)
    if motif.kind == "point":
        for number, look in looks.items():
            if look.marker:
                points, owner = shapely.get_coordinates(motif.shapes[motif.numbers == number], return_index=True)
                out += markers(points, look.marker, _turns(look, motif.azimuths_deg.get(number), owner, frame))
    return tuple(out)


def _with(motif: Motif, wanted) -> np.ndarray:
    """The shapes whose symbol is one that is wanted."""
    return motif.shapes[np.isin(motif.numbers, [number for number, look in motif.looks.items() if wanted(look)])]


def _fills(motif: Motif) -> list[Paths]:
    out = []
    for fill, opacity in dict.fromkeys((look.fill, look.opacity) for look in motif.looks.values() if look.fill):
        chosen = _with(motif, lambda look, own=(fill, opacity): (look.fill, look.opacity) == own)
        out += [Paths(*rings, closed=True, fill=fill, opacity=opacity) for rings in prep.chunks(prep.areas(chosen))]
    return out


def _hatches(motif: Motif, frame: Frame, label_boxes: np.ndarray) -> list[Paths]:
    out = []
    for hatch in dict.fromkeys(look.hatch for look in motif.looks.values() if look.hatch):
        pieces = hatch_lines(_with(motif, lambda look, own=hatch: look.hatch == own), hatch, frame)
        # Its dashes are cut already.
        line = hatch.line.model_copy(update={"dash_pt": ()})
        if line.break_at_labels and len(label_boxes):
            out += _stroked(prep.strokes(_broken(shapely.linestrings(pieces), label_boxes)), line)
        else:
            out += _stroked(prep.pieces(pieces), line)
    return out


def _lines(motif: Motif, label_boxes: np.ndarray) -> list[Paths]:
    """Casings, then lines from the lowest to the uppermost: each level of all symbols before the next."""
    levels = [{number: look.casing for number, look in motif.looks.items() if look.casing}]
    for level in range(max((len(look.strokes) for look in motif.looks.values()), default=0)):
        levels.append({number: look.strokes[level] for number, look in motif.looks.items() if level < len(look.strokes)})
    outlines: dict[tuple, np.ndarray] = {}
    out = []
    for level in levels:
        for line in dict.fromkeys(level.values()):
            numbers = tuple(number for number, own in level.items() if own == line)
            noded = bool(line.dash_pt or line.marks or not line.shared)
            which = (numbers, line.shared, noded)
            if which not in outlines:
                shapes = motif.shapes[np.isin(motif.numbers, numbers)]
                is_area = motif.kind == "area"
                outlines[which] = prep.edges(shapes, motif.box_pt, shared=line.shared, noded=noded) if is_area else shapes
            lines = outlines[which]
            if line.break_at_labels:
                lines = _broken(lines, label_boxes)
            joined = bool(line.dash_pt or line.marks) or line.width_pt > _WIDE_PT
            out += _stroked(prep.strokes(lines, joined=joined), line)
            if line.marks:
                # A tick stands on one side of its line, so that line keeps the direction it has.
                ahead = lines if line.marks.shape == "tick" else prep.run_on(lines)
                out += _stroked(prep.pieces(marks(ahead, line)), line.model_copy(update={"dash_pt": ()}))
    return out


def _broken(lines: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Lines less what lies under `boxes`, which do not touch each other."""
    if not len(boxes) or not len(lines):
        return lines
    lines = np.asarray(lines, dtype=object).copy()
    at, box = shapely.STRtree(boxes).query(lines, predicate="intersects")
    order = np.argsort(at, kind="stable")
    hit, group = np.unique(at[order], return_inverse=True)
    # Labels do not touch each other, so those on one line are a valid multipolygon as they are.
    lines[hit] = shapely.difference(lines[hit], shapely.multipolygons(boxes[box[order]], indices=group))
    return lines


def _stroked(rings: prep.Rings, line: Line) -> list[Paths]:
    return [Paths(*chunk, stroke=line.color, width_pt=line.width_pt, dash_pt=line.dash_pt) for chunk in prep.chunks(rings)]


def _turns(look: Symbol, azimuths_deg: np.ndarray | None, owner: np.ndarray, frame: Frame) -> np.ndarray | None:
    """How far the markers of a symbol are turned on the page, counter-clockwise; None when they stand upright."""
    if azimuths_deg is not None:
        turned = frame.rotation_deg - azimuths_deg[owner]
        return np.where(np.isnan(turned), 0.0, turned)
    if look.marker.azimuth_deg is None:
        return None
    return np.full(len(owner), frame.rotation_deg - look.marker.azimuth_deg)
