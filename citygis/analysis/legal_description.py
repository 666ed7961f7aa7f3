"""
A legal description by metes and bounds as a document: numbered courses, the tie of the point of beginning, calls to the lines of
others, and the closure of what is printed.

The words are those that `citygis.readers.deed.read_deed` reads back, so that every document can be read again and laid out. The
numbers are rounded once, to the second and the hundredth of a foot, and closure and area are those of the rounded numbers.
"""

import math
import re
import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.analysis.outline import Boundary, compass_word
from citygis.cogo import (
    Closure,
    Course,
    area_sqft,
    azimuth_between,
    azimuths_of,
    closure,
    format_angle,
    format_bearing,
    line_course,
    radial_azimuths,
    turn,
)
from citygis.units import SQFT_PER_ACRE

WIDTH = 78
"""Characters to a line of the document."""

STANDING = ("CONTROL", "FOUND", "SET")
"""Kinds of ``corner`` at which something stands, that a description may begin at."""

_HANDS = {"L": "left", "R": "right"}
_TANGENT_OF_RECORD_S = 5.0
_TANGENT_COMPUTED_S = 20.0
_AT_CORNER_FT = 0.05
_INDENT = "     "
_HARD = "\u00a0"
_TOGETHER = re.compile(
    r"(?:TRUE )?POINT OF BEGINNING|(?:North|South) [\d°'\"]+ (?:East|West)|[\d,.]+ (?:square )?feet|[\d,.]+ acres"
)


class Figure(NamedTuple):
    """
    One ring of a description.

    Parameters
    ----------
    boundary : Boundary
        From its point of beginning on.
    beginning : str
        What stands there, such as ``a found 1" iron pipe``.
    commencement : str
        What stands where the tie begins; empty where the ring begins at a corner itself.
    ties : tuple of Course
        From there to the point of beginning.
    corner : str
        ``corner_id`` of the monument; empty where there is none.
    is_exception : bool
        Ground that the figure before it does not include.
    """

    boundary: Boundary
    beginning: str = "a point"
    commencement: str = ""
    ties: tuple[Course, ...] = ()
    corner: str = ""
    is_exception: bool = False


class Description(NamedTuple):
    """
    A document and what its printed numbers give.

    Parameters
    ----------
    text : str
        Wrapped, lines numbered by course.
    courses : tuple of tuple of Course
        Of each figure, rounded as printed.
    closures : tuple of Closure
        Of those.
    areas_sqft : tuple of float
        Enclosed by those, exact on the arcs; of an exception negative.
    """

    text: str
    courses: tuple[tuple[Course, ...], ...]
    closures: tuple[Closure, ...]
    areas_sqft: tuple[float, ...]

    @property
    def area_sqft(self) -> float:
        """What is described, without what is excepted."""
        return math.fsum(self.areas_sqft)


def legal_description(
    figures: Sequence[Figure],
    *,
    title: str,
    county: str,
    state: str = "California",
    system: str = "",
    heading: str = 'EXHIBIT "A"',
    notes: Sequence[str] = (),
) -> Description:
    """
    Write a description.

    Parameters
    ----------
    figures : sequence of Figure
        Areas, each followed by what is excepted from it.
    title : str
        Of the change, such as ``Riverbend Annexation No. 12``.
    county, state : str
        Where the land lies.
    system : str
        The system of bearings and distances, for the closing note.
    heading : str
    notes : sequence of str
        Closing sentences.

    Returns
    -------
    Description

    Raises
    ------
    ValueError
        If there are no figures, the first is an exception, or a course vanishes in the rounding.
    """
    if not figures or figures[0].is_exception:
        raise ValueError("Invalid figures. Must be at least one area, before what is excepted from it.")
    rounded = tuple(tuple(printed(course) for course in figure.boundary.courses) for figure in figures)
    areas = tuple(area_sqft(courses) * (-1 if figure.is_exception else 1) for courses, figure in zip(rounded, figures, strict=True))
    several = sum(not figure.is_exception for figure in figures) > 1
    parts = [
        heading,
        title,
        "LEGAL DESCRIPTION",
        "",
        _wrapped(
            f"All that real property in the unincorporated territory of the County of {county}, State of {state}, described as "
            "follows:"
        ),
        "",
    ]
    number = 0
    for n, (figure, courses) in enumerate(zip(figures, rounded, strict=True)):
        if figure.is_exception:
            parts += ["EXCEPTING THEREFROM the land described as follows:", ""]
        elif several:
            number += 1
            parts += [f"PARCEL {number}:", ""]
        parts += [*_figure(figure, courses), ""]
        last = n + 1 == len(figures) or not figures[n + 1].is_exception
        if last:
            first = max(k for k in range(n + 1) if not figures[k].is_exception)
            parts += [_area(math.fsum(areas[first : n + 1])), ""]
    if several:
        parts += [_wrapped(f"The parcels together: {_acres(math.fsum(areas))}."), ""]
    closing = [f"Bearings are of the grid of {system}. Distances are of the same grid, in U.S. survey feet."] if system else []
    parts += [_wrapped(" ".join([*closing, *notes]))] if closing or notes else []
    closures = tuple(closure(courses) for courses in rounded)
    return Description("\n".join(parts).rstrip() + "\n", rounded, closures, areas)


def printed(course: Course) -> Course:
    """
    A course with the numbers that a description prints: bearings and central angles to the second, lengths to 0.01 ft.

    Raises
    ------
    ValueError
        If a length is nothing at that rounding.
    """
    changes = {"azimuth_deg": _second(course.azimuth_deg) % 360, "distance_ft": round(course.distance_ft, 2)}
    if course.kind == "curve":
        changes |= {
            "radius_ft": round(course.radius_ft, 2),
            "delta_deg": _second(course.delta_deg),
            "arc_ft": round(course.arc_ft, 2),
        }
    elif course.kind != "line":
        raise ValueError(f"Invalid course: a {course.kind}. Must be lines and curves; descriptions have no one wording for it.")
    made = course._replace(**changes)
    if not all(value > 0 for value in (made.distance_ft, made.radius_ft or 1.0, made.delta_deg or 1.0, made.arc_ft or 1.0)):
        raise ValueError(f"Invalid course of {course.length_ft:g} ft. Must show at 0.01 ft and one second.")
    return made


def figure_from(
    boundary: Boundary,
    corners: gpd.GeoDataFrame | None,
    *,
    corner: str | None = None,
    prefer: str = "city_limit",
    is_exception: bool = False,
) -> Figure:
    """
    A ring with its point of beginning tied to a corner at which something stands.

    Parameters
    ----------
    boundary : Boundary
    corners : GeoDataFrame, points, or None
        Layer ``corner``: ``corner_id, kind``, as far as there ``monument, tag``. Calculated corners are passed over.
    corner : str, optional
        ``corner_id`` to commence at; the nearest standing one when not given.
    prefer : str
        A ring begins where it meets a line of this kind (`Boundary.kinds`), as far as it does.
    is_exception : bool

    Returns
    -------
    Figure
        Of the places where it may begin, the one nearest to a corner; on it there is no tie.

    Raises
    ------
    ValueError
        If there is no such corner, or nothing stands at it.
    """
    may = [n for n, kind in enumerate(boundary.kinds) if kind == prefer or boundary.kinds[n - 1] == prefer]
    may = may or list(range(len(boundary.courses)))
    on_it = " on the existing city limit" if len(may) < len(boundary.courses) or prefer in boundary.kinds else ""
    standing = _standing(corners, corner)
    places = boundary.places[may]
    if standing is None:
        first = int(np.lexsort((places[:, 0], -places[:, 1]))[0])
        return Figure(boundary.beginning_at(may[first]), f"a point{on_it}", is_exception=is_exception)
    at = shapely.get_coordinates(standing.geometry.values)
    pairs, off = shapely.STRtree(standing.geometry.values).query_nearest(shapely.points(places), return_distance=True)
    names = standing["corner_id"].astype("str").to_numpy()
    best = int(np.lexsort((names[pairs[1]], places[pairs[0], 0], -places[pairs[0], 1], off.round(3)))[0])
    n, k = (int(each) for each in pairs[:, best])
    row = standing.iloc[k]
    turned = boundary.beginning_at(may[n])
    if off[best] <= _AT_CORNER_FT:
        return Figure(
            turned, _monument(row) + (f",{on_it}" if on_it else ""), corner=str(row["corner_id"]), is_exception=is_exception
        )
    tie = line_course(float(azimuth_between(at[k], places[n])), math.dist(at[k], places[n]), basis="CALCULATED")
    return Figure(turned, f"a point{on_it}", _monument(row), (tie,), str(row["corner_id"]), is_exception)


def tangency_of(course: Course, before: Course | None) -> str:
    """
    How a curve begins after the course before it: ``tangent``, ``compound``, ``reverse`` or ``non-tangent``.

    Numbers of record must agree to 5 seconds, which their own rounding can leave; computed ones to 20.
    """
    if before is None:
        return "non-tangent"
    allowed = _TANGENT_OF_RECORD_S if course.basis == before.basis == "RECORD" else _TANGENT_COMPUTED_S
    if abs(turn(azimuths_of(before)[1], azimuths_of(course)[0])) * 3600 > allowed:
        return "non-tangent"
    return "tangent" if before.kind == "line" else "compound" if before.hand == course.hand else "reverse"


def _figure(figure: Figure, courses: tuple[Course, ...]) -> list[str]:
    true = "TRUE " if figure.ties else ""
    lines = []
    if figure.ties:
        ties = "; ".join(_course(printed(tie), None, "") for tie in figure.ties)
        place = figure.beginning.removeprefix("a point")
        being = place if place != figure.beginning else f", being {place}"
        lines.append(_wrapped(f"COMMENCING at {figure.commencement}; {ties}, to the TRUE POINT OF BEGINNING{being};"))
    else:
        lines.append(_wrapped(f"BEGINNING at {figure.beginning};"))
    for n, course in enumerate(courses):
        before = courses[n - 1] if n else None
        end = f", to the {true}POINT OF BEGINNING." if n + 1 == len(courses) else ";"
        words = _course(course, before, figure.boundary.calls[n]) + end
        lines += ["", _wrapped(words, f"{n + 1}.")]
    return lines


def _course(course: Course, before: Course | None, call: str) -> str:
    along = f" along {call}," if call else ""
    bearing = format_bearing(course.azimuth_deg, style="deed")
    if course.kind == "line":
        return f"thence{along} {bearing}, {course.distance_ft:,.2f} feet"
    how = tangency_of(course, before)
    radial = ""
    if how == "non-tangent":
        out = radial_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[0]
        radial = f"to which point a radial line bears {format_bearing(out, style='deed')}, "
    center = course.azimuth_deg + (90 if course.hand == "R" else -90)
    return (
        f"thence{along} {compass_word(course.azimuth_deg)} along the arc of a {how} curve to the {_HANDS[course.hand]}, "
        f"concave {compass_word(center)}, having a radius of {course.radius_ft:,.2f} feet, {radial}through a central angle of "
        f"{format_angle(course.delta_deg)}, an arc distance of {course.arc_ft:,.2f} feet, the chord of which bears {bearing}, "
        f"{course.distance_ft:,.2f} feet"
    )


def _standing(corners: gpd.GeoDataFrame | None, corner: str | None) -> gpd.GeoDataFrame | None:
    if corners is None or not len(corners):
        if corner is not None:
            raise ValueError(f"Invalid corner {corner!r}. Must be in the layer corner, and none was given.")
        return None
    shapes = corners.geometry.values
    there = corners["kind"].isin(STANDING).to_numpy(dtype=bool) & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    if corner is not None:
        there &= (corners["corner_id"].astype("str") == corner).to_numpy(dtype=bool)
        if not there.any():
            raise ValueError(f"Invalid corner {corner!r}. Must be the corner_id of a monument: found, set or control.")
    return corners[there].reset_index(drop=True) if there.any() else None


def _monument(row) -> str:
    said = row.get("monument")
    what = f"a {said[0].lower()}{said[1:]}" if isinstance(said, str) and said else "a monument"
    how = {"FOUND": "found", "SET": "set", "CONTROL": "of the City's control network"}[row["kind"]]
    tag = row.get("tag")
    tagged = f", tagged {tag}" if isinstance(tag, str) and tag else ""
    return f"{what}, {how}{tagged}, being corner {row['corner_id']}"


def _area(area: float) -> str:
    return _wrapped(f"Containing {_acres(area)}, more or less.")


def _acres(area: float) -> str:
    return f"{area:,.0f} square feet or {area / SQFT_PER_ACRE:,.3f} acres"


def _second(angle_deg: float) -> float:
    return round(angle_deg * 3600) / 3600


def _wrapped(text: str, number: str = "") -> str:
    """Filled to `WIDTH`; bearings, lengths and the point of beginning each stay on one line."""
    held = _TOGETHER.sub(lambda found: found.group().replace(" ", _HARD), text)
    indent = _INDENT if number else ""
    filled = textwrap.fill(held, WIDTH, initial_indent=number.ljust(len(indent)), subsequent_indent=indent, break_on_hyphens=False)
    return filled.replace(_HARD, " ")
