"""
Tables of a sheet, and how they are drawn: in strips beside each other, as far as there is room; the rest is for the next place.
"""

import math
from typing import NamedTuple

import numpy as np

from citygis.sheets.column import INK, Block, Column
from citygis.sheets.fonts import font, wrapped
from citygis.sheets.scene import Texts, polylines
from citygis.sheets.style import MIN_TEXT_PT

_SIZE = 6.0
_LEADING = 1.36
_GAP = 9.0
_CONTINUED = ", continued"
_MOST_STRIPS = 12
"""Of a table beside each other in one column of a sheet."""
_LEAST_LINES = 3
"""A table is not begun where fewer lines of it have room."""


class Table(NamedTuple):
    """
    A table of a sheet: courses, curves, key numbers.

    Parameters
    ----------
    title : str
    head : tuple of str
        What stands above each column.
    rows : tuple of tuple of str
        As many texts each as `head` has.
    align : str
        One letter per column: ``l`` left, ``c`` centre, ``r`` right.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str


class _Shape(NamedTuple):
    """How a table lies in a width: widths of its columns, how many strips, and each line of text with the row it is of."""

    widths: list[float]
    strips: int
    lines: list[tuple[int, tuple[str, ...]]]


def table_block(table: Table, width: float, height: float, k: float) -> tuple[Block | None, Table | None]:
    """
    As much of a table as a box has room for.

    Parameters
    ----------
    table : Table
    width, height : float
        Of the box, points.
    k : float
        What type sizes are multiplied with.

    Returns
    -------
    block : Block or None
        None when not even a few lines have room.
    rest : Table or None
        What is left over; None when all is drawn. A cell too wide for its column is broken into lines, never cut.
    """
    if not table.rows:
        return None, None
    size = max(_SIZE * k, MIN_TEXT_PT)
    leading = size * _LEADING
    column = Column(width, k)
    column.heading(table.title)
    top = column.y - leading - 5 * k
    deep = int((height + top - 8 * k) / leading)
    # What can have room here, so that a long table costs no more than what is drawn of it.
    near = table.rows[: max(deep, 1) * _MOST_STRIPS]
    shape = _shape(table._replace(rows=near), width, size, _GAP * k)
    if deep < min(_LEAST_LINES, len(shape.lines)):
        return None, table
    shown = shape.lines[: _cut(shape.lines, deep * shape.strips)]
    deep = min(deep, math.ceil(len(shown) / shape.strips))
    step = width / shape.strips
    starts = np.cumsum([0.0, *(wide + _GAP * k for wide in shape.widths)])
    strips = range(math.ceil(len(shown) / deep))
    for strip in strips:
        cells = [(column.y - size * 0.76, table.head)]
        cells += [(top - n * leading - size * 0.76, line) for n, (_, line) in enumerate(shown[strip * deep : (strip + 1) * deep])]
        column.batches += _texts(cells, table, strip * step + starts, shape.widths, size)
    rules = [[(s * step, top + 3 * k), (s * step + starts[-1] - _GAP * k, top + 3 * k)] for s in strips]
    column.batches.append(polylines(rules, stroke=INK, width_pt=0.4))
    column.y = top - deep * leading
    column.group(table.title.removesuffix(_CONTINUED))
    column.down(8)
    return column.block(table.title), _rest(table, len(near), shape.lines[len(shown) :])


def _cut(lines: list[tuple[int, tuple[str, ...]]], most: int) -> int:
    """How many lines are drawn when `most` have room: whole rows, unless even the first has no room."""
    if most >= len(lines):
        return len(lines)
    whole = most
    while whole and lines[whole - 1][0] == lines[most][0]:
        whole -= 1
    return whole or most


def _shape(table: Table, width: float, size: float, gap: float) -> _Shape:
    cells = [font("regular" if i else "bold").widths(column) * size for i, column in enumerate(zip(*table.rows, strict=True))]
    heads = font("bold").widths(table.head) * size
    widths = [max(float(wide.max()), float(head)) for wide, head in zip(cells, heads, strict=True)]
    whole = sum(widths) + gap * len(widths)
    if whole > width + gap:
        # The widest column is broken into lines; a list of numbers goes well in thirds, a wide table takes it all.
        widest = int(np.argmax(widths))
        others = whole - widths[widest]
        third = width / 3 if others < width / 6 else width
        widths[widest] = max(third - others, size)
        whole = sum(widths) + gap * len(widths)
    strips = min(max(1, int((width + gap) / whole)), _MOST_STRIPS)
    # A cell as wide as its column is not broken by rounding.
    broken = np.any([wide > most + 1e-6 for wide, most in zip(cells, widths, strict=True)], axis=0)
    lines: list[tuple[int, tuple[str, ...]]] = []
    for number, row in enumerate(table.rows):
        if not broken[number]:
            lines.append((number, row))
            continue
        parts = [
            wrapped(cell, wide + 1e-3, size, "regular" if i else "bold") or [""]
            for i, (cell, wide) in enumerate(zip(row, widths, strict=True))
        ]
        lines += [(number, tuple(part[n] if n < len(part) else "" for part in parts)) for n in range(max(map(len, parts)))]
    return _Shape(widths, strips, lines)


def _texts(
    cells: list[tuple[float, tuple[str, ...]]], table: Table, starts: np.ndarray, widths: list[float], size: float
) -> list[Texts]:
    batches = []
    for i, (align, wide) in enumerate(zip(table.align, widths, strict=True)):
        for name, chosen in (("bold", cells[:1] if i else cells), ("regular", cells[1:] if i else [])):
            chosen = [(y, line[i]) for y, line in chosen if line[i]]
            if not chosen:
                continue
            strings = tuple(string for _, string in chosen)
            free = wide - font(name).widths(strings) * size
            left = starts[i] + free * {"l": 0.0, "c": 0.5, "r": 1.0}[align]
            points = np.column_stack([left, [y for y, _ in chosen]])
            batches.append(Texts(strings, points, np.zeros(len(strings)), np.full(len(strings), size), name, INK))
    return batches


def _rest(table: Table, near: int, lines: list[tuple[int, tuple[str, ...]]]) -> Table | None:
    """The rows after `near`, and before them those of lines that found no room; of a row cut in two what is still to be said."""
    rows = list(table.rows[near:])
    if lines:
        first = lines[0][0]
        begun = [line for number, line in lines if number == first]
        rows = [tuple(" ".join(filter(None, cells)) for cells in zip(*begun, strict=True)), *table.rows[first + 1 :]]
    if not rows:
        return None
    title = table.title.removesuffix(_CONTINUED) + _CONTINUED
    return table._replace(title=title, rows=tuple(rows))
