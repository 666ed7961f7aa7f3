"""
Courses: one line, curve or spiral of a boundary each, as a document states it or as it was measured.

A course says what its numbers are (`basis`), and one that was measured, fitted or adjusted carries the course of record it stands
for in `record`, so that the two are never mixed. Directions are azimuths in degrees clockwise from the north of the document.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.arc import arc_between, azimuth_between, chord_azimuth, require_hand, tangent_azimuths, turn
from citygis.cogo.curve import Curve, solve_curve
from citygis.cogo.spiral import Spiral, solve_spiral

BASES = ("RECORD", "MEASURED", "CALCULATED", "NATURAL")
"""What the numbers of a course are: the domain of ``line_kind`` of the City's boundary_line layer but for connection lines."""

TANGENCIES = ("tangent", "compound", "reverse", "nontangent")
"""How a course begins: along the one before it; and a curve that continues one of the same hand, or of the other."""

TANGENT_TOLERANCE_S = 30.0
"""A stated tangent may be off by this many seconds: a delta and two bearings rounded to 10 seconds."""


class Course(NamedTuple):
    """
    One course. `azimuth_deg` and `distance_ft` are of the line, or of the chord of a curve or spiral.

    `azimuth_deg` is None where the document gives the direction by tangency only, until `oriented` has found it.
    """

    kind: str
    azimuth_deg: float | None
    distance_ft: float
    radius_ft: float | None = None
    delta_deg: float | None = None
    arc_ft: float | None = None
    hand: str | None = None
    end_radius_ft: float | None = None
    tangency: str | None = None
    basis: str = "RECORD"
    text: str = ""
    record: "Course | None" = None

    @property
    def length_ft(self) -> float:
        """Length along the course."""
        return self.distance_ft if self.kind == "line" else self.arc_ft


class TangencyBreak(NamedTuple):
    """A course that is said to begin along the one before it, and does not: `angle_deg` between the two, right positive."""

    position: int
    tangency: str
    angle_deg: float


class Oriented(NamedTuple):
    """Courses that all have their direction, and the tangencies that do not hold."""

    courses: tuple[Course, ...]
    breaks: tuple[TangencyBreak, ...]


def line_course(
    azimuth_deg: float | None, distance_ft: float, *, tangency: str | None = None, basis: str = "RECORD", text: str = ""
) -> Course:
    """A straight course; without an azimuth it must be tangent to the one before it."""
    _require(basis, tangency)
    if not (math.isfinite(distance_ft) and distance_ft > 0):
        raise ValueError(f"Invalid distance_ft {distance_ft!r}. Must be a positive number.")
    if azimuth_deg is None and tangency is None:
        raise ValueError("Invalid course. Must have an azimuth, or be tangent to the course before it.")
    return Course("line", _azimuth(azimuth_deg), distance_ft, tangency=tangency, basis=basis, text=text)


def curve_course(
    curve: Curve,
    hand: str | None,
    *,
    azimuth_deg: float | None = None,
    tangent_in_deg: float | None = None,
    tangency: str | None = None,
    basis: str = "RECORD",
    text: str = "",
) -> Course:
    """
    A course along a circular curve.

    Parameters
    ----------
    curve : Curve
        From `citygis.cogo.solve_curve`.
    hand : {"L", "R"} or None
        None for a compound or reverse curve, whose hand follows from the one before it.
    azimuth_deg : float, optional
        Of the chord.
    tangent_in_deg : float, optional
        Of the tangent at the start, where that is what is known (`citygis.cogo.direction_from_radial`).
    tangency : str, optional
        One of `TANGENCIES`. Without any direction the curve must be tangent, compound or reverse.
    basis, text : str
        What the numbers are, and where they stand.
    """
    _require(basis, tangency)
    if hand is not None:
        require_hand(hand)
    elif tangency not in ("compound", "reverse"):
        raise ValueError("Invalid curve. Must have a hand, L or R, unless it is compound or reverse.")
    if tangent_in_deg is not None:
        if azimuth_deg is not None:
            raise ValueError("Invalid curve. Must have the azimuth of its chord or of its first tangent, not both.")
        azimuth_deg = chord_azimuth(tangent_in_deg, curve.delta_deg, hand)
    if azimuth_deg is None and tangency in (None, "nontangent"):
        raise ValueError("Invalid curve. Must have a chord or tangent azimuth, or be tangent to the course before it.")
    return Course(
        "curve", _azimuth(azimuth_deg), curve.chord_ft, curve.radius_ft, curve.delta_deg, curve.arc_ft, hand,
        tangency=tangency, basis=basis, text=text,
    )  # fmt: skip


def spiral_course(
    spiral: Spiral,
    hand: str,
    *,
    azimuth_deg: float | None = None,
    tangency: str | None = None,
    basis: str = "RECORD",
    text: str = "",
) -> Course:
    """A course along a spiral, from `citygis.cogo.solve_spiral`; `azimuth_deg` is of its chord."""
    _require(basis, tangency)
    require_hand(hand)
    if azimuth_deg is None and tangency in (None, "nontangent"):
        raise ValueError("Invalid spiral. Must have a chord azimuth, or be tangent to the course before it.")
    return Course(
        "spiral", _azimuth(azimuth_deg), spiral.chord_ft, spiral.start_radius_ft, spiral.theta_deg, spiral.length_ft, hand,
        end_radius_ft=spiral.end_radius_ft, tangency=tangency, basis=basis, text=text,
    )  # fmt: skip


def course_between(
    start: ArrayLike,
    end: ArrayLike,
    *,
    hand: str | None = None,
    radius_ft: float | None = None,
    center: ArrayLike | None = None,
    major: bool = False,
    basis: str = "CALCULATED",
    text: str = "",
) -> Course:
    """
    The course between two points: a line, or with a hand the arc of a radius or about a centre (`citygis.cogo.arc_between`).

    Raises
    ------
    ValueError
        If the points coincide or no such arc joins them.
    """
    azimuth, distance = float(azimuth_between(start, end)), math.dist(start, end)
    if hand is None:
        return line_course(azimuth, distance, basis=basis, text=text)
    arc = arc_between(start, end, hand=hand, radius_ft=radius_ft, center=center, major=major)
    curve = solve_curve(radius_ft=arc.radius_ft, delta_deg=arc.delta_deg)._replace(chord_ft=distance)
    return curve_course(curve, hand, azimuth_deg=azimuth, basis=basis, text=text)


def standing_for(record: Course, azimuth_deg: float, distance_ft: float, *, basis: str) -> Course:
    """
    A course along another chord, as measured or calculated, that carries the course of record it stands for.

    Parameters
    ----------
    record : Course
        Of record; or one that stands for a record already, which is carried on.
    azimuth_deg, distance_ft : float
        Of the line or chord as it is now. A curve or spiral keeps what it turns; its radii and length follow its chord.
    basis : str
        One of `BASES`, other than ``RECORD``.
    """
    _require(basis, None)
    if basis == "RECORD":
        raise ValueError("Invalid basis 'RECORD'. Must be what the new numbers are: MEASURED, CALCULATED or NATURAL.")
    if not (math.isfinite(distance_ft) and distance_ft > 0):
        raise ValueError(f"Invalid distance_ft {distance_ft!r}. Must be a positive number.")
    changes = {"azimuth_deg": _azimuth(azimuth_deg), "distance_ft": distance_ft, "basis": basis}
    changes["record"] = record if record.basis == "RECORD" else record.record
    if record.kind != "line":
        scale = distance_ft / record.distance_ft
        changes |= {"radius_ft": record.radius_ft * scale, "arc_ft": record.arc_ft * scale}
        if record.kind == "spiral":
            changes["end_radius_ft"] = record.end_radius_ft * scale
    return record._replace(**changes)


def spiral_of(course: Course) -> Spiral:
    """The elements of a course that is a spiral."""
    return solve_spiral(course.arc_ft, course.end_radius_ft, course.radius_ft)


def azimuths_of(course: Course) -> tuple[float, float]:
    """Azimuths along a course at its start and at its end."""
    if course.azimuth_deg is None:
        raise ValueError(f"Invalid course {course.text!r}. Must have its direction: call oriented first.")
    if course.kind == "line":
        return course.azimuth_deg, course.azimuth_deg
    if course.kind == "curve":
        return tangent_azimuths(course.azimuth_deg, course.delta_deg, course.hand)
    sign = require_hand(course.hand)
    first = (course.azimuth_deg - sign * spiral_of(course).deflection_deg) % 360
    return first, (first + sign * course.delta_deg) % 360


def oriented(
    courses: Iterable[Course], *, tangent_in_deg: float | None = None, tolerance_s: float = TANGENT_TOLERANCE_S
) -> Oriented:
    """
    Give every course its direction, and test the tangencies that are stated.

    Parameters
    ----------
    courses : iterable of Course
        In order.
    tangent_in_deg : float, optional
        Direction in which the first course is entered, where that is tangent to what is not among them.
    tolerance_s : float
        Seconds that a stated tangency may be off.

    Returns
    -------
    Oriented
        A stated direction is kept, even where a stated tangency contradicts it: that is a `TangencyBreak`.

    Raises
    ------
    ValueError
        If a direction cannot be known.
    """
    done: list[Course] = []
    breaks = []
    for position, course in enumerate(courses):
        before = done[-1] if done else None
        course = _with_hand(course, before, position)
        arriving = azimuths_of(before)[1] if before else tangent_in_deg
        if course.azimuth_deg is None:
            if arriving is None:
                raise ValueError(f"Course {position + 1} begins along the one before it, and there is none. State tangent_in_deg.")
            course = course._replace(azimuth_deg=(arriving + _half_turn(course)) % 360)
        elif course.tangency in ("tangent", "compound", "reverse") and arriving is not None:
            off = turn(arriving, azimuths_of(course)[0])
            if abs(off) * 3600 > tolerance_s:
                breaks.append(TangencyBreak(position, course.tangency, off))
        done.append(course)
    return Oriented(tuple(done), tuple(breaks))


def reversed_courses(courses: Sequence[Course]) -> tuple[Course, ...]:
    """The same ground travelled the other way; what was tangent there is not claimed to be so here."""
    other = {"L": "R", "R": "L", None: None}
    turned = []
    for course in reversed(courses):
        if course.azimuth_deg is None:
            raise ValueError(f"Invalid course {course.text!r}. Must have its direction: call oriented first.")
        changes = {"azimuth_deg": (course.azimuth_deg + 180) % 360, "hand": other[course.hand], "tangency": None}
        if course.kind == "spiral":
            changes |= {"radius_ft": course.end_radius_ft, "end_radius_ft": course.radius_ft}
        turned.append(course._replace(**changes))
    return tuple(turned)


def chords(courses: Sequence[Course]) -> np.ndarray:
    """Easting and northing of each course from its start to its end; shape (n, 2), feet."""
    unknown = [n for n, course in enumerate(courses) if course.azimuth_deg is None]
    if unknown:
        raise ValueError(f"Invalid courses: number {unknown[0] + 1} has no direction. Must go through oriented first.")
    azimuth = np.radians([course.azimuth_deg for course in courses])
    distance = np.array([course.distance_ft for course in courses], dtype=float)
    return np.stack([distance * np.sin(azimuth), distance * np.cos(azimuth)], axis=1).reshape(-1, 2)


def _half_turn(course: Course) -> float:
    """From the tangent at the start of a course to its chord, right positive."""
    if course.kind == "line":
        return 0.0
    sign = require_hand(course.hand)
    return sign * (course.delta_deg / 2 if course.kind == "curve" else spiral_of(course).deflection_deg)


def _with_hand(course: Course, before: Course | None, position: int) -> Course:
    if course.tangency not in ("compound", "reverse"):
        return course
    if before is None or before.kind == "line":
        raise ValueError(f"Course {position + 1} is said to be {course.tangency}, but no curve comes before it.")
    other = {"L": "R", "R": "L"}
    hand = before.hand if course.tangency == "compound" else other[before.hand]
    if course.hand is None:
        return course._replace(hand=hand)
    if course.hand != hand:
        raise ValueError(
            f"Course {position + 1} is said to be {course.tangency} and to turn {course.hand} after one that turns {before.hand}."
        )
    return course


def _azimuth(azimuth_deg: float | None) -> float | None:
    if azimuth_deg is None:
        return None
    if not math.isfinite(azimuth_deg):
        raise ValueError(f"Invalid azimuth_deg {azimuth_deg!r}. Must be a finite number.")
    return float(azimuth_deg) % 360


def _require(basis: str, tangency: str | None) -> None:
    if basis not in BASES:
        raise ValueError(f"Invalid basis {basis!r}. Must be one of {', '.join(BASES)}.")
    if tangency is not None and tangency not in TANGENCIES:
        raise ValueError(f"Invalid tangency {tangency!r}. Must be one of {', '.join(TANGENCIES)}.")
