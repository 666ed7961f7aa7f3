"""
Swatches: a symbol as the legend shows it, painted by the code that paints the map.
"""

import numpy as np
import shapely

from citygis.sheets.frame import Frame
from citygis.sheets.looks import Symbol
from citygis.sheets.painting import Motif, painted
from citygis.sheets.scene import Paths

_NOTHING = np.array([], dtype=object)
_ROOM_PT = 100.0


def swatch(symbol: Symbol, kind: str, box_pt: tuple[float, float, float, float], frame: Frame) -> list[Paths]:
    """
    A symbol in a box of the page.

    Parameters
    ----------
    symbol : Symbol
    kind : str
        ``area`` fills the box, ``line`` runs across its middle, ``point`` stands in the middle. The outline of an area without
        fill and hatch, when it is dashed or has marks, runs across the middle too: a dash is not read off the side of a small box.
    box_pt : tuple of float
        Left, bottom, right, top.
    frame : Frame
        Of the map, for what is measured on its ground.

    Returns
    -------
    list of Paths
        Bottom-up. Widths, dashes, spacings and sizes are those of the map; `swatch_width_pt` says what box shows a whole dash.

    Raises
    ------
    ValueError
        If `kind` is another.
    """
    if kind not in ("area", "line", "point"):
        raise ValueError(f"Invalid kind {kind!r}. Must be area, line or point.")
    left, bottom, right, top = box_pt
    middle = (bottom + top) / 2
    if kind == "area" and not (symbol.fill or symbol.hatch) and any(line.dash_pt or line.marks for line in symbol.strokes):
        kind = "line"
    shape = {
        "area": shapely.box(*box_pt),
        "line": shapely.LineString([(left, middle), (right, middle)]),
        "point": shapely.Point((left + right) / 2, middle),
    }[kind]
    room = (left - _ROOM_PT, bottom - _ROOM_PT, right + _ROOM_PT, top + _ROOM_PT)
    return list(painted(Motif(np.array([shape]), kind, np.zeros(1, dtype=int), {0: symbol}, room), frame, _NOTHING))


def swatch_width_pt(symbol: Symbol, frame: Frame) -> float:
    """How wide a swatch must be for a whole dash pattern, closed by its first dash, or for two marks of its lines; 0 for any."""
    widths = [0.0]
    for line in symbol.at(frame.points_per_foot).strokes:
        widths.append(sum(line.dash_pt) + line.dash_pt[0] if line.dash_pt else 0.0)
        widths.append(2 * line.marks.every_pt if line.marks else 0.0)
    return max(widths)
