"""
What tells direction and scale: north arrow and scale bars; and what a line of the legend is.
"""

import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from citygis.sheets.column import GREY, GRID, INK, Block, Column, width_pt
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame, North, scale_text
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Texts, polyline, polylines, rectangle, text
from citygis.sheets.style import MIN_TEXT_PT, Symbol
from citygis.units import unit_of

_ARROW_PT = 34.0
"""Half the length of the north arrow, before scaling."""


class Entry(NamedTuple):
    """A line of the legend: a symbol that is on the map, and its name. `kind` is area, line or point."""

    text: str
    symbol: Symbol
    kind: str


def orientation(width: float, k: float, frame: Frame, north: North, unit_name: str, *, metres: bool = False) -> Block:
    """North arrow, scale in words and scale bar, at the top of the panel."""
    column = Column(width, k)
    middle = (20 * k, -(11 + _ARROW_PT) * k)
    column.groups.append(north_arrow(middle, k, frame.rotation_deg, north))
    side = 50 * k
    column.down(5)
    column.write("SCALE", 6.0, color=GREY, left=side)
    column.down(10)
    words = scale_text(frame.scale)
    size = min(15.0, 15.0 * (width - side) / width_pt(words, 15.0 * k, "bold"))
    column.write(words, size, font="bold", left=side)
    column.down(22)
    for line in _direction(frame.rotation_deg, north):
        column.write(line, 7.0, color=GREY, left=side)
        column.down(9.5)
    column.group("Notes on north")
    column.y = -(94 + 20) * k
    room = width - 16 * k
    column.groups.append(scale_bar("Scale bar", frame.scale, 3 * k, column.y, room, k))
    column.down(4)
    column.write(plural(unit_name).upper(), 5.6, color=GREY, left=3 * k)
    if metres:
        # A metre of ground is as long on paper as the feet it has.
        per_inch = Fraction(float(frame.scale) * unit_of(frame.crs).metres).limit_denominator(10**9)
        column.down(30)
        column.groups.append(scale_bar("Metre bar", per_inch, 3 * k, column.y, room, k, unit=" m"))
    column.group("Notes on scale")
    column.down(22)
    return column.block("north arrow and scale bar")


def north_arrow(middle: tuple[float, float], k: float, rotation_deg: float, north: North) -> Group:
    """Grid north as an arrow, true north as a line leaning its way (more than it is: the angle stands beside)."""
    half, wing = _ARROW_PT * k, 8.5 * k
    foot, tip, notch = -half, half, -half + 9 * k
    turn = math.radians(rotation_deg)

    def placed(points) -> np.ndarray:
        points = np.asarray(points, dtype=float)
        return points @ np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))]) + middle

    look = {"closed": True, "stroke": INK, "width_pt": 0.5}
    batches: list[Paths | Texts] = [
        polyline(placed([(0, tip), (-wing, foot), (0, notch)]), fill=INK, **look),
        polyline(placed([(0, tip), (wing, foot), (0, notch)]), fill="#ffffff", **look),
    ]
    letter = 11 * k
    high = font("bold").cap_height * letter
    at = placed([(0, tip + 3 * k + high / 2)])[0]
    batches.append(text("N", at[0] - width_pt("N", letter, "bold") / 2, at[1] - high / 2, letter, font="bold", color=INK))
    lean = -math.copysign(math.radians(9.0), north.convergence_deg)
    end = np.array([math.sin(lean), math.cos(lean)]) * (tip - notch) + (0, notch)
    star = 2.2 * k
    arms = [np.array([math.cos(a), math.sin(a)]) * star for a in (0, math.pi / 3, 2 * math.pi / 3)]
    batches.append(polyline(placed([(0, notch), end]), stroke=GRID, width_pt=0.7))
    batches.append(polylines([placed([end - arm, end + arm]) for arm in arms], stroke=GRID, width_pt=0.6))
    return Group("North arrow", tuple(batches))


def _direction(rotation_deg: float, north: North) -> list[str]:
    turned = f"is turned {degrees_text(abs(rotation_deg))} {'left' if rotation_deg > 0 else 'right'}." if rotation_deg else "is up."
    side = "east" if north.convergence_deg < 0 else "west"
    return [
        f"Grid north {turned}",
        "True north (leaning line, not to scale)",
        f"is {degrees_text(abs(north.convergence_deg))} {side} of it.",
    ]


def bar_divisions(scale: Fraction, room_pt: float) -> tuple[int, int]:
    """Units of one division of a scale bar, and how many (3 to 5): round numbers that fill the room best."""
    room = float(scale) * room_pt / POINTS_PER_INCH
    bars = [
        (step * 10**power, count)
        for power in range(8)
        for step in (1, 2, 5)
        for count in (3, 4, 5)
        if step * 10**power * count <= room
    ]
    return max(bars, key=lambda bar: (bar[0] * bar[1], -bar[1]), default=(1, 3))


def scale_bar(name: str, scale: Fraction, left_pt: float, y_pt: float, room_pt: float, k: float, *, unit: str = "") -> Group:
    """A scale bar in round numbers, its first division cut into fifths, at `scale` units of ground per inch exactly."""
    interval, count = bar_divisions(scale, room_pt)
    step = float(interval * POINTS_PER_INCH / scale)
    high = 5.0 * k
    cells = [(left_pt + i * step / 5, left_pt + (i + 1) * step / 5, i % 2) for i in range(5)]
    cells += [(left_pt + i * step, left_pt + (i + 1) * step, i % 2) for i in range(1, count)]
    dark, size = [], max(6.5 * k, MIN_TEXT_PT)
    for begin, end, upper in cells:
        low = y_pt + (high / 2 if upper else 0)
        dark.append([(begin, low), (end, low), (end, low + high / 2), (begin, low + high / 2)])
    marks = left_pt + np.arange(count + 1) * step
    strings = [f"{i * interval:,}{unit}" for i in range(count + 1)]
    points = np.column_stack([marks - font("regular").widths(strings) * size / 2, np.full(count + 1, y_pt + high + 5 * k)])
    # The first figure stays inside the column.
    points[:, 0] = np.maximum(points[:, 0], left_pt - 3 * k)
    return Group(
        name,
        (
            polylines([[(e, y_pt + high), (e, y_pt + high + 3 * k)] for e in marks], stroke=INK, width_pt=0.5),
            rectangle((left_pt, y_pt, left_pt + count * step, y_pt + high), fill="#ffffff", stroke=INK, width_pt=0.5),
            polylines(dark, closed=True, fill=INK),
            Texts(tuple(strings), points, np.zeros(count + 1), np.full(count + 1, size), color=INK),
        ),
    )


def plural(unit_name: str) -> str:
    """``US survey foot`` as ``US survey feet``."""
    return unit_name.replace("foot", "feet")


def degrees_text(degrees: float) -> str:
    """An angle as degrees, minutes and seconds, as in ``0°28'39"``."""
    seconds = round(degrees * 3600)
    return f"{seconds // 3600}°{seconds // 60 % 60:02d}'{seconds % 60:02d}\""
