"""
The specimen of a style: its swatches and its label on a letter page, at print size.
"""

import re
from fractions import Fraction

import numpy as np
import pyproj

from citygis.sheets.fonts import font, wrapped
from citygis.sheets.frame import Frame, scale_text
from citygis.sheets.scene import Group, Paths, Scene, Texts, rectangle, text
from citygis.sheets.style import Style, symbol_of
from citygis.sheets.symbols import swatch, swatch_width_pt

WIDTH_PT, HEIGHT_PT = 612.0, 792.0
"""ANSI A, 8.5 x 11 in (ASME Y14.1)."""

_MARGIN_PT = 54.0
_INK, _GREY = "#1a1a1a", "#5a5a5a"


def specimen(style: Style, name: str, kind: str, crs: pyproj.CRS, *, scale: Fraction = Fraction(100)) -> Scene:
    """
    A page that shows what a style draws.

    Parameters
    ----------
    style : Style
    name : str
        Of the style.
    kind : str
        ``area``, ``line`` or ``point``: what its layer holds.
    crs : CRS
        Of the City, for the unit of what is measured on the ground.
    scale : Fraction
        Ground feet per inch, for the same.

    Returns
    -------
    Scene
        Groups ``Swatches`` and ``Label``. A style with more classes than fit the page has a longer page.
    """
    symbols = [symbol_of(style, number) for number in range(len(style.classes) + 1)]
    drawn = [symbol for symbol in symbols if symbol.fill or symbol.hatch or symbol.casing or symbol.strokes or symbol.marker]
    rows = style.label.rows if style.label else ()
    high = max(HEIGHT_PT, 250 + 46.0 * len(drawn) + 2.4 * sum(row.size_pt for row in rows))
    frame = Frame(crs, scale, 0.0, 0.0, 0.0, 0.0, WIDTH_PT, high)
    left, y = _MARGIN_PT, high - _MARGIN_PT
    batches: list[Paths | Texts] = [
        text(name, left, y - 14, 18.0, font="bold", color=_INK),
        text(f"layer {style.layer}, {scale_text(scale)}", left, y - 30, 9.0, color=_GREY),
    ]
    y -= 56
    wide = max([108.0, *(swatch_width_pt(symbol, frame) for symbol in drawn)])
    wide = min(wide, WIDTH_PT / 2)
    for symbol in drawn:
        batches += swatch(symbol, kind, (left, y - 30, left + wide, y), frame)
        words = symbol.legend or "(not in the legend)"
        for n, line in enumerate(wrapped(words, WIDTH_PT - 2 * left - wide - 18, 10.0)):
            batches.append(text(line, left + wide + 18, y - 18 - 13 * n, 10.0, color=_INK if symbol.legend else _GREY))
        y -= 46
    groups = [Group("Swatches", tuple(batches))]
    if rows:
        groups.append(Group("Label", tuple(_label(style, left, y - 12))))
    return Scene(WIDTH_PT, high, tuple(groups))


def _label(style: Style, left: float, y: float) -> list[Paths | Texts]:
    """The rows of the label at their size, each under what it reads; a grey box behind shows the halo."""
    label = style.label
    batches: list[Paths | Texts] = [text("Label, with the names of its fields", left, y, 9.0, color=_GREY)]
    y -= 12
    if label.halo:
        deep = 1.7 * sum(row.size_pt for row in label.rows) + 8
        batches.append(rectangle((left, y - deep, WIDTH_PT - left, y), fill="#b9c4b0"))
    for row in label.rows:
        words = re.sub(r"[{?]|(:[^{}]*)?}", "", row.text)
        words = words.upper() if row.capitals else words
        y -= 1.5 * row.size_pt
        halo = (label.halo.color, label.halo.width_pt) if label.halo else (None, 0.0)
        sizes, places = np.array([row.size_pt]), np.array([[left + 6, y]])
        batches.append(Texts((words,), places, np.zeros(1), sizes, row.font, row.color, *halo))
        end = left + 6 + float(font(row.font).widths([words])[0]) * row.size_pt
        said = [f"{row.size_pt:.4g} pt", row.font, *(word for word in ("circle", "optional") if getattr(row, word))]
        batches.append(text(", ".join(said), end + 14, y, 7.0, color=_GREY))
    return batches
