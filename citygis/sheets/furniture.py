"""
What stands around the map: marginal line, grid, panel with north arrow, scale bar, legend, notes and title block.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from citygis.errors import SheetError
from citygis.sheets.fonts import font, wrapped
from citygis.sheets.frame import Frame, North, scale_text
from citygis.sheets.layout import BORDER_PT, Layout
from citygis.sheets.markers import markers
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Texts, polyline, polylines, rectangle, text
from citygis.sheets.style import MIN_TEXT_PT, Symbol

INK = "#1a1a1a"
GREY = "#5a5a5a"
RULE = "#8a8a8a"
GRID = "#2b6a8f"


class Entry(NamedTuple):
    """A line of the legend: a symbol that is on the map, and its name. `kind` is area, line or point."""

    text: str
    symbol: Symbol
    kind: str


class Column:
    """
    The panel being written from the top down.

    Parameters
    ----------
    box_pt : tuple
        Left, bottom, right, top.
    k : float
        What type sizes and distances are multiplied with.
    """

    def __init__(self, box_pt: tuple[float, float, float, float], k: float):
        self.left, self.bottom, self.right, self.y = box_pt
        self.k = k
        self.batches: list[Paths | Texts] = []

    @property
    def width(self) -> float:
        """Points."""
        return self.right - self.left

    def down(self, distance: float) -> None:
        """Leave a distance free, given before scaling."""
        self.y -= distance * self.k

    def write(self, string: str, size: float, *, font: str = "regular", color: str = INK, left: float | None = None) -> None:
        """One line of text; `size` and below before scaling."""
        size = max(size * self.k, MIN_TEXT_PT)
        self.batches.append(text(string, self.left if left is None else left, self.y - size * 0.76, size, font=font, color=color))

    def paragraph(self, string: str, size: float, *, font: str = "regular", color: str = INK, leading: float = 1.42) -> None:
        """Text broken into lines as wide as the column."""
        points = max(size * self.k, MIN_TEXT_PT)
        for line in wrapped(string, self.width, points, font):
            self.write(line, size, font=font, color=color)
            self.y -= points * leading

    def group(self, name: str) -> Group:
        """What was written since the last group, as a group of this name."""
        written, self.batches = tuple(self.batches), []
        return Group(name, written)

    def heading(self, string: str) -> None:
        """Bold capitals over a rule."""
        self.write(string.upper(), 7.5, font="bold", color=INK)
        self.down(10)
        self.rule(0.6, INK)
        self.down(7)

    def rule(self, width_pt: float = 0.4, color: str = RULE) -> None:
        """A line across the column."""
        self.batches.append(polyline([(self.left, self.y), (self.right, self.y)], stroke=color, width_pt=width_pt))


def border(lay: Layout) -> Group:
    """The marginal line, the line around the map and the one before the panel."""
    left, bottom, right, top = lay.border
    inset = BORDER_PT / 2
    panel_edge = lay.panel[0] - 15.0 * lay.type_scale
    return Group(
        "Border",
        (
            rectangle((left + inset, bottom + inset, right - inset, top - inset), stroke=INK, width_pt=BORDER_PT, cap="projecting"),
            polyline([(panel_edge, bottom + inset), (panel_edge, top - inset)], stroke=INK, width_pt=0.6),
            rectangle(lay.map, stroke=INK, width_pt=0.9, cap="projecting"),
        ),
    )


def north_arrow(column: Column, north: North, radius: float = 34.0) -> Group:
    """Grid north as an arrow, true north as a line leaning its way (more than it is: the angle stands beside)."""
    k = column.k
    middle, half = column.left + 20 * k, radius * k
    foot, tip = column.y - 2 * half - 11 * k, column.y - 11 * k
    batches: list[Paths | Texts] = []
    wing = 8.5 * k
    notch = foot + 9 * k
    batches.append(
        polyline([(middle, tip), (middle - wing, foot), (middle, notch)], closed=True, fill=INK, stroke=INK, width_pt=0.5)
    )
    batches.append(
        polyline([(middle, tip), (middle + wing, foot), (middle, notch)], closed=True, fill="#ffffff", stroke=INK, width_pt=0.5)
    )
    letter = 11 * k
    wide = font("bold").widths(["N"])[0] * letter
    batches.append(text("N", middle - wide / 2, tip + 3 * k, letter, font="bold", color=INK))
    lean = -math.copysign(9.0, north.convergence_deg)
    end = (middle + math.sin(math.radians(lean)) * (tip - notch), notch + math.cos(math.radians(lean)) * (tip - notch))
    batches.append(polyline([(middle, notch), end], stroke=GRID, width_pt=0.7))
    star = 2.2 * k
    batches.append(
        polylines(
            [
                [
                    (end[0] - star * math.cos(a), end[1] - star * math.sin(a)),
                    (end[0] + star * math.cos(a), end[1] + star * math.sin(a)),
                ]
                for a in (0, math.pi / 3, 2 * math.pi / 3)
            ],
            stroke=GRID,
            width_pt=0.6,
        )
    )
    return Group("North arrow", tuple(batches))


def bar_divisions(scale: Fraction, room_pt: float) -> tuple[int, int]:
    """Feet of one division of a scale bar, and how many (3 to 5): round numbers that fill the room best."""
    room_ft = float(scale) * room_pt / POINTS_PER_INCH
    bars = [
        (step * 10**power, count)
        for power in range(8)
        for step in (1, 2, 5)
        for count in (3, 4, 5)
        if step * 10**power * count <= room_ft
    ]
    return max(bars, key=lambda bar: (bar[0] * bar[1], -bar[1]), default=(1, 3))


def scale_bar(frame: Frame, left_pt: float, y_pt: float, room_pt: float, k: float) -> Group:
    """A scale bar in round numbers, its first division cut into fifths, drawn at the frame's exact scale."""
    interval, count = bar_divisions(frame.scale, room_pt)
    step = interval * frame.points_per_foot
    high = 5.0 * k
    cells = [(left_pt + i * step / 5, left_pt + (i + 1) * step / 5, i % 2) for i in range(5)]
    cells += [(left_pt + i * step, left_pt + (i + 1) * step, i % 2) for i in range(1, count)]
    dark, size = [], max(6.5 * k, MIN_TEXT_PT)
    for begin, end, upper in cells:
        low = y_pt + (high / 2 if upper else 0)
        dark.append([(begin, low), (end, low), (end, low + high / 2), (begin, low + high / 2)])
    marks = left_pt + np.arange(count + 1) * step
    strings = [f"{i * interval:,}" for i in range(count + 1)]
    points = np.column_stack([marks - font("regular").widths(strings) * size / 2, np.full(count + 1, y_pt + high + 5 * k)])
    return Group(
        "Scale bar",
        (
            polylines([[(e, y_pt + high), (e, y_pt + high + 3 * k)] for e in marks], stroke=INK, width_pt=0.5),
            rectangle((left_pt, y_pt, left_pt + count * step, y_pt + high), fill="#ffffff", stroke=INK, width_pt=0.5),
            polylines(dark, closed=True, fill=INK),
            Texts(tuple(strings), points, np.zeros(count + 1), np.full(count + 1, size), color=INK),
        ),
    )


def orientation(column: Column, frame: Frame, north: North, unit_name: str) -> list[Group]:
    """North arrow, scale in words and scale bar, at the top of the panel."""
    k = column.k
    arrow = north_arrow(column, north)
    top = column.y
    side = column.left + 50 * k
    column.down(5)
    column.write("SCALE", 6.0, color=GREY, left=side)
    column.down(10)
    column.write(scale_text(frame.scale), 15.0, font="bold", left=side)
    column.down(22)
    turn = f"{degrees_text(abs(north.convergence_deg))} {'east' if north.convergence_deg < 0 else 'west'}"
    lines = ("Grid north up.", "True north (leaning line, not to scale)", f"is {turn} of it.")
    for line in lines:
        column.write(line, 7.0, color=GREY, left=side)
        column.down(9.5)
    column.y = top - 94 * k
    column.down(20)
    bar = scale_bar(frame, column.left + 3 * k, column.y, column.width - 16 * k, k)
    column.down(4)
    column.write(plural(unit_name).upper(), 5.6, color=GREY, left=column.left + 3 * k)
    column.down(22)
    return [arrow, bar]


def plural(unit_name: str) -> str:
    """``US survey foot`` as ``US survey feet``."""
    return unit_name.replace("foot", "feet")


def legend(column: Column, entries: list[Entry]) -> None:
    """What is drawn in the frame, in two columns when there is much of it."""
    if not entries:
        return
    column.heading("Legend")
    k = column.k
    size = 7.5
    swatch, line = 27 * k, 16.5
    room = column.width / 2 - swatch - 14 * k
    longest = float(np.max(font("regular").widths([entry.text for entry in entries]))) * size * k
    columns = 2 if len(entries) > 4 and longest <= room else 1
    deep = math.ceil(len(entries) / columns)
    top = lowest = column.y
    for i, entry in enumerate(entries):
        if i % deep == 0:
            column.y = top
        left = column.left + (i // deep) * column.width / 2
        column.batches += _swatch(entry, left, column.y - 8.3 * k, swatch, 10.5 * k)
        points = max(size * k, MIN_TEXT_PT)
        for n, part in enumerate(wrapped(entry.text, column.width / columns - swatch - 8 * k, points)):
            column.y -= points * 1.2 if n else 0
            column.write(part, size, left=left + swatch + 8 * k)
        column.down(line)
        lowest = min(lowest, column.y)
    column.y = lowest
    column.down(8)


def paragraphs(column: Column, title: str, lines: list[str]) -> None:
    """A heading and paragraphs of small type."""
    column.heading(title)
    for line in lines:
        column.paragraph(line, 7.0)
        column.down(3)
    column.down(6)


class Titles(NamedTuple):
    """The words of a title block, in the order they stand."""

    city: str
    place: str
    department: str
    title: str
    subtitle: str
    cells: tuple[tuple[str, str], ...]


def title_block(box_pt: tuple[float, float, float, float], k: float, titles: Titles) -> tuple[Group, float]:
    """The title block at the bottom of the panel, and the height of its upper edge."""
    left, bottom, right, _ = box_pt
    column = Column((left, bottom, right, 0.0), k)
    column.rule(1.4, INK)
    column.down(11)
    _fitted(column, titles.city.upper(), 10.5, "bold", INK)
    column.down(14)
    for line in filter(None, (titles.place, titles.department)):
        _fitted(column, line, 7.0, "regular", GREY)
        column.down(10)
    column.down(8)
    column.paragraph(titles.title, 20.0, font="bold", leading=1.12)
    column.down(2)
    if titles.subtitle:
        column.paragraph(titles.subtitle, 9.5, leading=1.3)
    column.down(7)
    pairs = [titles.cells[i : i + 2] for i in range(0, len(titles.cells), 2)]
    for pair in pairs:
        column.rule(0.5, INK)
        top = lowest = column.y
        for i, (name, value) in enumerate(pair):
            side = left + i * column.width / 2 + (8 * k if i else 0)
            column.y = top - 5 * k
            column.write(name.upper(), 5.4, color=GREY, left=side)
            column.y = top - 13.5 * k
            weight = "bold" if name in ("Scale", "Sheet") else "regular"
            points = max(8.5 * k, MIN_TEXT_PT)
            for n, part in enumerate(wrapped(value or "–", column.width / 2 - 8 * k, points, weight)):
                column.y -= points * 1.2 if n else 0
                column.write(part, 8.5, font=weight, left=side)
            lowest = min(lowest, column.y)
        column.y = lowest - 12.5 * k
        column.batches.append(
            polyline([(left + column.width / 2, top), (left + column.width / 2, column.y)], stroke=INK, width_pt=0.5)
        )
    column.rule(1.4, INK)
    height = -column.y
    moved = tuple(batch._replace(points=batch.points + (0.0, bottom + height)) for batch in column.batches)
    return Group("Title block", moved), bottom + height


def require_room(column: Column, floor_pt: float) -> None:
    """
    Refuse a panel whose parts do not fit above the title block.

    Raises
    ------
    SheetError
        With what is short, in inches.
    """
    short = (floor_pt - column.y) / POINTS_PER_INCH
    if short > 0:
        raise SheetError(
            f"The panel is {short:.1f} in too short for legend and notes. Shorten notes or sources in [title_block], draw fewer "
            "layers, or give panel_in a larger width."
        )


def degrees_text(degrees: float) -> str:
    """An angle as degrees, minutes and seconds, as in ``0°28'39"``."""
    seconds = round(degrees * 3600)
    return f"{seconds // 3600}°{seconds // 60 % 60:02d}'{seconds % 60:02d}\""


def _fitted(column: Column, string: str, size: float, name: str, color: str) -> None:
    """One line, its type made smaller when it is wider than the column; broken when 5 pt is still too wide."""
    wide = float(font(name).widths([string])[0]) * size * column.k
    smaller = size * min(1.0, column.width / wide) if wide else size
    if smaller * column.k >= MIN_TEXT_PT:
        column.write(string, smaller, font=name, color=color)
    else:
        column.paragraph(string, MIN_TEXT_PT / column.k, font=name, color=color)


def _swatch(entry: Entry, left: float, bottom: float, width: float, height: float) -> list[Paths | Texts]:
    symbol = entry.symbol
    middle = bottom + height / 2
    line = {"stroke": symbol.line.color, "width_pt": symbol.line.width_pt, "dash_pt": symbol.line.dash_pt} if symbol.line else {}
    if entry.kind == "area" and (symbol.fill or not symbol.line or not symbol.line.dash_pt):
        return [rectangle((left, bottom, left + width, bottom + height), fill=symbol.fill, **line)]
    if entry.kind in ("area", "line"):
        return [polyline([(left, middle), (left + width, middle)], **line)]
    return list(markers(np.array([(left + width / 2, middle)]), symbol.marker))
