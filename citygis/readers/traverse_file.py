"""
Esri traverse files: one course to a line, in and out.

The format is that of "Traverse file format" in the ArcGIS Pro help: ``DT`` and ``DU`` say how directions are written, ``SP`` and
``EP`` where the traverse starts and ends, then ``DD``, ``AD``, ``TC`` and ``NC`` courses. It states no unit of length, and its
description leaves open which way the angle of an ``AD`` course turns and which way a radial direction runs; these are for
whoever reads the file to state.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo import (
    Course,
    corners,
    curve_course,
    direction_from_radial,
    format_angle,
    format_bearing,
    line_course,
    oriented,
    parse_angle,
    parse_bearing,
    solve_curve,
)
from citygis.cogo.course import azimuths_of
from citygis.errors import ReadError
from citygis.publish import publishing
from citygis.readers.guard import require_local_file

DIRECTION_TYPES = ("QB", "NA", "SA", "P")
"""Quadrant bearing, azimuth from north, azimuth from south, polar angle (counterclockwise from east)."""

DIRECTION_UNITS = {"DD": "decimal", "DMS": "dms", "R": "radian", "G": "gon"}

TURNS = ("right", "left", "backsight")
"""How the angle of an ``AD`` course turns: right or left of the last course prolonged, or clockwise from the way back along it."""

_ELEMENTS = {"D": "delta_deg", "A": "arc_ft", "C": "chord_ft", "R": "radius_ft"}
_LARGEST_BYTES = 16 * 2**20


class Traverse(NamedTuple):
    """
    A traverse file: where it starts, where it says it ends (null where it does not), its courses with directions, and for each
    the line of the file it stands in. ``breaks`` are tangencies that do not hold.
    """

    start: np.ndarray
    end: np.ndarray | None
    courses: tuple[Course, ...]
    lines: tuple[int, ...]
    breaks: tuple


def read_traverse_file(path: Path | str, *, feet: float, turned: str | None = None, radial_to: str | None = None) -> Traverse:
    """
    The courses of an Esri traverse file.

    Parameters
    ----------
    path : path
    feet : float
        City feet in one unit of the file, which does not say it: 1 for a traverse in the City's system, 3937/1200 for metres.
    turned : str, optional
        One of `TURNS`; needed only where the file has ``AD`` courses.
    radial_to : {"center", "point"}, optional
        Where the radial directions of ``NC`` courses run to; needed only where there are some.

    Returns
    -------
    Traverse
        In feet. The text of each course is its line.

    Raises
    ------
    ReadError
        If a line cannot be read, the header is missing, an ``AD`` course comes without `turned`, or a radial direction without
        `radial_to`.
    ValueError
        If `feet`, `turned` or `radial_to` is not one.
    """
    if turned not in (None, *TURNS):
        raise ValueError(f"Invalid turned {turned!r}. Must be one of {', '.join(TURNS)}.")
    if radial_to not in (None, "center", "point"):
        raise ValueError(f"Invalid radial_to {radial_to!r}. Must be center or point.")
    if not (math.isfinite(feet) and feet > 0):
        raise ValueError(f"Invalid feet {feet!r}. Must be a positive number.")
    path = require_local_file(path)
    if path.stat().st_size > _LARGEST_BYTES:
        raise ReadError(f"{path} is larger than {_LARGEST_BYTES >> 20} MB, which no traverse is. Ask what it is.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise ReadError(f"{path} is not text. Ask the sender how it was made.") from None
    header: dict[str, list[str]] = {}
    courses: list[Course] = []
    lines = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        kind = words[0].upper()
        try:
            if kind in ("DT", "DU", "SP", "EP"):
                if kind in header:
                    raise ValueError(f"{kind} stands in the file twice")
                header[kind] = words[1:]
                _require_header(kind, words[1:])
                continue
            if not {"DT", "DU"} <= header.keys():
                raise ValueError("a course comes before DT and DU, which say how it is written")
            courses.append(_course(kind, words[1:], courses, header, feet, turned, radial_to, " ".join(words)))
            lines.append(number)
        except ValueError as error:
            raise ReadError(f"{path}, line {number} ({line.strip()[:80]!r}): {error}") from None
    if "SP" not in header:
        raise ReadError(f"{path} has no start point (SP). Ask the sender for it.")
    if not courses:
        raise ReadError(f"{path} has no courses. Ask the sender whether the export failed.")
    found = oriented(courses)
    end = np.array([float(word) for word in header["EP"]]) * feet if "EP" in header else None
    return Traverse(np.array([float(word) for word in header["SP"]]) * feet, end, found.courses, tuple(lines), found.breaks)


def write_traverse_file(
    path: Path | str,
    start: ArrayLike,
    courses: Sequence[Course],
    *,
    direction_type: str = "QB",
    decimals: int = 4,
    overwrite: bool = False,
) -> None:
    """
    Courses as an Esri traverse file, directions in degrees, minutes and seconds.

    Parameters
    ----------
    path : path
    start : array (2,)
        Easting and northing of the first corner.
    courses : sequence of Course
        With directions, lines and curves.
    direction_type : {"QB", "NA", "SA"}
    decimals : int
        Of seconds and of lengths.
    overwrite : bool

    Raises
    ------
    ValueError
        If there are no courses, one is a spiral, or `direction_type` is not one.
    StoreError
        If the file exists or cannot be written.
    """
    if direction_type not in ("QB", "NA", "SA"):
        raise ValueError(f"Invalid direction_type {direction_type!r}. Must be QB, NA or SA.")
    if not courses or any(course.kind == "spiral" for course in courses):
        raise ValueError("Invalid courses. Must be at least one, and lines and curves only: a traverse file holds no spirals.")
    ends = corners(courses, start)[[0, -1]]
    lines = [f"DT {direction_type}", "DU DMS"]
    for word, (easting, northing) in zip(("SP", "EP"), ends, strict=True):
        lines.append(f"{word} {easting:.{decimals + 2}f} {northing:.{decimals + 2}f}")
    for course in courses:
        direction = _written(course.azimuth_deg, direction_type, decimals)
        if course.kind == "line":
            lines.append(f"DD {direction} {course.distance_ft:.{decimals}f}")
        else:
            lengths = f"R {course.radius_ft:.{decimals}f} A {course.arc_ft:.{decimals}f}"
            lines.append(f"NC {lengths} C {direction} {course.hand}")
    with publishing(path, overwrite=overwrite) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _require_header(kind: str, words: list[str]) -> None:
    allowed = {"DT": DIRECTION_TYPES, "DU": tuple(DIRECTION_UNITS)}.get(kind)
    if allowed is not None:
        if len(words) != 1 or words[0].upper() not in allowed:
            raise ValueError(f"{kind} must be one of {', '.join(allowed)}")
    elif len(words) != 2 or not all(math.isfinite(_number(word)) for word in words):
        raise ValueError(f"{kind} must have an easting and a northing")


def _course(
    kind: str,
    words: list[str],
    before: list[Course],
    header: dict,
    feet: float,
    turned: str | None,
    radial_to: str | None,
    text: str,
) -> Course:
    if kind in ("AD", "TC") and not before:
        raise ValueError(f"{kind} must not be the first course: it starts from the direction of the one before it")
    if kind == "DD":
        direction, distance = _expected(words, 2)
        return line_course(_direction(direction, header), _number(distance) * feet, text=text)
    if kind == "AD":
        angle, distance = _expected(words, 2)
        if turned is None:
            raise ValueError(f"the file does not say which way an angle turns. State turned, one of {', '.join(TURNS)}")
        arrived = azimuths_of(oriented(before).courses[-1])[1]
        degrees = _angle(angle, header)
        azimuth = arrived + {"right": degrees, "left": -degrees, "backsight": 180 + degrees}[turned]
        return line_course(azimuth % 360, _number(distance) * feet, text=text)
    if kind == "TC":
        *elements, hand = _expected(words, 5)
        return curve_course(_curve(elements, header, feet), hand.upper(), tangency="tangent", text=text)
    if kind == "NC":
        *elements, by, direction, hand = _expected(words, 7)
        curve, hand = _curve(elements, header, feet), hand.upper()
        azimuth, by = _direction(direction, header), by.upper()
        if by == "C":
            return curve_course(curve, hand, azimuth_deg=azimuth, text=text)
        if by not in ("T", "R"):
            raise ValueError(f"a curve's direction is of its chord (C), tangent (T) or radial line (R), not {by!r}")
        if by == "R":
            if radial_to is None:
                raise ValueError("the file does not say which way a radial direction runs. State radial_to, center or point")
            azimuth, _ = direction_from_radial(azimuth, radial_to=radial_to, hand=hand)
        return curve_course(curve, hand, tangent_in_deg=azimuth, text=text)
    raise ValueError("it begins with none of DT, DU, SP, EP, DD, AD, TC, NC")


def _curve(words: list[str], header: dict, feet: float):
    stated = {}
    for key, value in zip(words[::2], words[1::2], strict=True):
        if key.upper() not in _ELEMENTS:
            raise ValueError(f"a curve is built from D, A, C and R, not {key!r}")
        name = _ELEMENTS[key.upper()]
        stated[name] = _angle(value, header) if name == "delta_deg" else _number(value) * feet
    if len(stated) != 2:
        raise ValueError("a curve is built from two different elements")
    return solve_curve(**stated)


def _expected(words: list[str], count: int) -> list[str]:
    if len(words) != count:
        raise ValueError(f"it has {len(words)} parts after its kind and must have {count}")
    return words


def _number(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{word!r} is no number")
    return value


def _angle(word: str, header: dict) -> float:
    notation = DIRECTION_UNITS[header["DU"][0].upper()]
    return math.degrees(_number(word)) if notation == "radian" else parse_angle(word, notation=notation)


def _direction(word: str, header: dict) -> float:
    kind, notation = header["DT"][0].upper(), DIRECTION_UNITS[header["DU"][0].upper()]
    if kind == "P":
        return (90 - _angle(word, header)) % 360
    if kind != "QB":
        return (_angle(word, header) + (180 if kind == "SA" else 0)) % 360
    if notation == "radian":
        letters = word[0].upper() + word[-1].upper()
        word, notation = f"{letters[0]}{math.degrees(_number(word[1:-1])):.12f}{letters[1]}", "decimal"
    return parse_bearing(word, notation=notation)


def _written(azimuth: float, kind: str, decimals: int) -> str:
    if kind == "QB":
        return format_bearing(azimuth, style="hyphens", decimals=decimals)
    return format_angle((azimuth + (180 if kind == "SA" else 0)) % 360, style="hyphens", decimals=decimals)
