"""
Strips along a street: frames turned with its centerline, one after the other, with the lines where they meet.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from pydantic import Field

from citygis.errors import SheetError
from citygis.settings import Settings
from citygis.sheets.style import text_of

STREET_NAME = ("St_PreDir", "St_Name", "St_PosTyp", "St_PosDir")
"""The columns that a street's name is made of (NENA-STA-006, street name elements)."""

_SAMPLES = 128
"""Lengths that are tried for a strip, and points along it that are looked at."""


class StripPlan(Settings):
    """
    A series of sheets along a street.

    Parameters
    ----------
    street : str
        Its name as the labels write it (``W Almond Street``); upper and lower case do not matter.
    layer : str
        Where centerlines are.
    overlap_in : float
        What a sheet shows beyond its match lines.
    aside : float
        The share of a sheet's height, at its top and at its bottom, that the centerline stays out of.
    """

    street: str
    layer: str = "street_centerline"
    overlap_in: float = Field(1.0, ge=0)
    aside: float = Field(0.25, ge=0, lt=0.5)


class Match(NamedTuple):
    """
    Where two strips meet.

    Parameters
    ----------
    station_ft : float
        Along the centerline.
    line : LineString
        Across it, long enough for both sheets.
    """

    station_ft: float
    line: shapely.LineString


class Strip(NamedTuple):
    """
    A sheet along a street.

    Parameters
    ----------
    part : int
        Of a street in several pieces, which one.
    start_ft, end_ft : float
        Stations it is for.
    easting, northing : float
        Of the frame's centre.
    rotation_deg : float
        Of the ground on the page, so that the street runs from left to right.
    before, after : Match or None
        Where it meets the strips beside it.
    """

    part: int
    start_ft: float
    end_ft: float
    easting: float
    northing: float
    rotation_deg: float
    before: Match | None
    after: Match | None


def strips(
    lines: np.ndarray, *, width_ft: float, height_ft: float, overlap_ft: float = 0.0, aside: float = 0.25
) -> tuple[Strip, ...]:
    """
    Frames along a line.

    Parameters
    ----------
    lines : array of geometries
        Centerlines of one street, feet, in any order; they are put together where they meet.
    width_ft, height_ft : float
        Ground that a frame shows.
    overlap_ft : float
        What it shows beyond its match lines.
    aside : float
        As in `StripPlan`.

    Returns
    -------
    tuple of Strip
        Each piece of the street from its western end (its southern one, where it runs north) to the other, in strips of one
        length where that fits, else as long as fit. Stations run on from piece to piece. A piece that lies wholly in strips of
        the ones before it, as the other roadway of a divided street, has none of its own.

    Raises
    ------
    SheetError
        If the overlap leaves nothing of a frame, or the street turns so sharply that no strip holds it.
    """
    room = np.array([width_ft - 2 * overlap_ft, height_ft * (1 - 2 * aside)])
    if room[0] <= 0.1 * width_ft:
        raise SheetError("The strips would show little but what they share. Make [strip] overlap_in smaller.")
    made: list[Strip] = []
    shown: list[shapely.Polygon] = []
    station = 0.0
    for piece in _pieces(lines):
        if shown and shapely.covers(shapely.union_all(shown), piece.line):
            continue
        ends = _ends(piece, room)
        part = made[-1].part + 1 if made else 0
        boxes = [_box(piece, start, end) for start, end in pairwise(ends)]
        reach = float(np.hypot(width_ft, height_ft))
        matches = [
            Match(station + at, _across(piece, at, left.angle, right.angle, reach))
            for at, left, right in zip(ends[1:-1], boxes[:-1], boxes[1:], strict=True)
        ]
        for box, start, end, before, after in zip(boxes, ends[:-1], ends[1:], [None, *matches], [*matches, None], strict=True):
            turn = float(np.degrees(-box.angle))
            made.append(Strip(part, station + start, station + end, *box.centre, turn, before, after))
            shown.append(_frame(box, width_ft, height_ft))
        station += ends[-1]
    return tuple(made)


def street_names(centerlines: pd.DataFrame) -> pd.Series:
    """The full name of each centerline, of `STREET_NAME`; empty where it has none."""
    parts = [text_of(centerlines[name]).fillna("").str.strip() for name in STREET_NAME if name in centerlines]
    if not parts:
        return pd.Series("", index=centerlines.index, dtype="str")
    return pd.concat(parts, axis=1).agg(" ".join, axis=1).str.split().str.join(" ")


def station_text(station_ft: float) -> str:
    """A station as surveyors write it: 1,234.56 ft are 12+34.56."""
    hundreds, rest = divmod(round(station_ft, 2), 100)
    return f"{int(hundreds)}+{rest:05.2f}"


class _Box(NamedTuple):
    """A piece of a line, boxed along its chord: the direction of that (radians from east), and the middle of the box."""

    angle: float
    centre: tuple[float, float]
    width_ft: float
    height_ft: float


class _Piece(NamedTuple):
    """A line with its vertices and their stations."""

    line: shapely.LineString
    vertices: np.ndarray
    stations: np.ndarray


def _pieces(lines: np.ndarray) -> list[_Piece]:
    merged = shapely.line_merge(shapely.union_all(shapely.force_2d(lines)))
    pieces = [_forward(piece) for piece in shapely.get_parts(merged)]
    pieces = sorted(pieces, key=lambda piece: (*piece.coords[0], *piece.coords[-1], piece.length))
    vertices = [shapely.get_coordinates(piece) for piece in pieces]
    return [
        _Piece(piece, points, np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))))
        for piece, points in zip(pieces, vertices, strict=True)
    ]


def _forward(piece: shapely.LineString) -> shapely.LineString:
    (e0, n0), (e1, n1) = piece.coords[0], piece.coords[-1]
    forward = e1 - e0 if abs(e1 - e0) >= abs(n1 - n0) else n1 - n0
    return piece if forward >= 0 else shapely.reverse(piece)


def _ends(piece: _Piece, room: np.ndarray) -> list[float]:
    """Stations where strips of a piece begin and end."""
    length, ends = piece.line.length, [0.0]
    while ends[-1] < length:
        longest = min(ends[-1] + room[0] * 2, length)
        tried = np.linspace(longest, ends[-1], _SAMPLES, endpoint=False)
        fitting = next((float(end) for end in tried if _fits(piece, ends[-1], float(end), room)), None)
        if fitting is None:
            raise SheetError(
                f"The street turns too sharply near station {station_text(ends[-1])} for a strip {room[1]:,.0f} ft high. "
                "Draw at a smaller scale, or make [strip] aside smaller."
            )
        ends.append(fitting)
    even = np.linspace(0.0, length, len(ends))
    if all(_fits(piece, start, end, room) for start, end in pairwise(even)):
        return even.tolist()
    return ends


def _fits(piece: _Piece, start: float, end: float, room: np.ndarray) -> bool:
    box = _box(piece, start, end)
    return box.width_ft <= room[0] + 1e-6 and box.height_ft <= room[1] + 1e-6


def _box(piece: _Piece, start: float, end: float) -> _Box:
    points = shapely.get_coordinates(shapely.line_interpolate_point(piece.line, np.linspace(start, end, _SAMPLES)))
    points = np.vstack([points, piece.vertices[(piece.stations > start) & (piece.stations < end)]])
    chord = points[_SAMPLES - 1] - points[0]
    angle = float(np.arctan2(chord[1], chord[0]))
    along = np.array([np.cos(angle), np.sin(angle)])
    turned = np.column_stack([points @ along, points @ np.array([-along[1], along[0]])])
    low, high = turned.min(axis=0), turned.max(axis=0)
    middle = (low + high) / 2
    centre = middle[0] * along + middle[1] * np.array([-along[1], along[0]])
    return _Box(angle, (float(centre[0]), float(centre[1])), *(float(v) for v in high - low))


def _across(piece: _Piece, at: float, left: float, right: float, reach: float) -> shapely.LineString:
    """The match line at a station: square to the mean of the two directions, so that it lies alike on both sheets."""
    middle = shapely.get_coordinates(shapely.line_interpolate_point(piece.line, at))[0]
    mean = np.array([np.cos(left) + np.cos(right), np.sin(left) + np.sin(right)])
    if np.hypot(*mean) < 1e-6:  # a hairpin: no mean of a way there and the way back
        mean = np.array([np.cos(left), np.sin(left)])
    mean /= np.hypot(*mean)
    arm = np.array([-mean[1], mean[0]]) * reach
    return shapely.LineString([middle - arm, middle + arm])


def _frame(box: _Box, width_ft: float, height_ft: float) -> shapely.Polygon:
    along, up = np.array([np.cos(box.angle), np.sin(box.angle)]), np.array([-np.sin(box.angle), np.cos(box.angle)])
    signs = ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))
    return shapely.Polygon([box.centre + a * width_ft * along + b * height_ft * up for a, b in signs])
