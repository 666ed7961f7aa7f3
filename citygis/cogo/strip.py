"""
Strips of land along a centreline: sidelines at their widths left and right, mitred at corners, concentric along curves, and
prolonged or shortened to the boundaries where they end.

A sideline of a curve is a curve about the same centre, so a strip keeps its true arcs; a buffer would round the corners and cut
the arcs.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.arc import HANDS, Arc, arc_between, radial_azimuths, unit_vector
from citygis.cogo.course import Course, course_between
from citygis.cogo.intersection import bearing_bearing, bearing_distance, distance_distance, inverse, on_arc, swept_deg
from citygis.cogo.traverse import corners

MITRE_LIMIT = 10.0
"""A corner whose sidelines meet farther off than this many widths is refused: it is nearly a reversal."""

JOINT_FT = 0.02
"""Sidelines of a line and a curve that end this near to each other are joined half way: bearings rounded to 30 seconds leave two
tangents so far apart 100 ft aside, and where a line all but touches a circle the two meet far away, or nowhere."""

_SAME_FT = 1e-6


class Strip(NamedTuple):
    """
    A strip: the loop of its outline, travelled clockwise from the start of its left sideline, and the two sidelines along the
    centreline.
    """

    start: np.ndarray
    courses: tuple[Course, ...]
    left: tuple[Course, ...]
    right: tuple[Course, ...]
    right_start: np.ndarray


class _Piece(NamedTuple):
    """A line, or an arc where it has a centre."""

    start: np.ndarray
    end: np.ndarray
    azimuth_deg: float = math.nan
    hand: str | None = None
    center: np.ndarray | None = None
    radius_ft: float = math.nan
    delta_deg: float = math.nan


def offset_courses(courses: Sequence[Course], start: ArrayLike, offset_ft: float) -> tuple[np.ndarray, tuple[Course, ...]]:
    """
    Courses parallel to others: lines at the offset, arcs about the same centres, mitred where they meet.

    Parameters
    ----------
    courses : sequence of Course
        Lines and curves, with directions.
    start : array (2,)
    offset_ft : float
        To the right; negative to the left.

    Returns
    -------
    start : array (2,)
    courses : tuple of Course
        One for each that was given, ``CALCULATED``.

    Raises
    ------
    ValueError
        If a course is too short or too sharply curved for the offset, or two sidelines do not meet.
    """
    pieces = _offset_pieces(courses, start, offset_ft)
    return pieces[0].start, _courses(pieces)


def strip_along(
    courses: Sequence[Course],
    start: ArrayLike,
    *,
    left_ft: float,
    right_ft: float,
    begins_at: ArrayLike | None = None,
    ends_at: ArrayLike | None = None,
) -> Strip:
    """
    The strip of land along a centreline.

    Parameters
    ----------
    courses : sequence of Course
        Of the centreline: lines and curves, with directions.
    start : array (2,)
    left_ft, right_ft : float
        Widths on either side of the centreline; not negative, not both 0.
    begins_at, ends_at : array (m, 2), m at least 2, optional
        Boundaries to which the sidelines are prolonged or shortened, as vertices; the first and last segment count as prolonged.
        Without one the strip ends square to its centreline.

    Returns
    -------
    Strip

    Raises
    ------
    ValueError
        As `offset_courses`; and if a sideline does not reach a boundary.
    """
    if not (left_ft >= 0 and right_ft >= 0 and left_ft + right_ft > 0):
        raise ValueError(f"Invalid widths {left_ft} left and {right_ft} right. Must not be negative, nor both 0.")
    sides, along = [], {"begin": [], "end": []}
    for offset in (-left_ft, right_ft):
        pieces = _offset_pieces(courses, start, offset)
        for which, boundary in (("begin", begins_at), ("end", ends_at)):
            if boundary is not None:
                pieces, at = _cut(pieces, np.asarray(boundary, dtype=float), which)
                along[which].append(at)
        sides.append(pieces)
    left, right = sides
    path = [
        *left,
        *_lines(left[-1].end, _corners_between(ends_at, along["end"]), right[-1].end),
        *(_reversed(piece) for piece in reversed(right)),
        *_lines(right[0].start, _corners_between(begins_at, along["begin"][::-1]), left[0].start),
    ]
    return Strip(left[0].start, _courses(path), _courses(left), _courses(right), right[0].start)


def _offset_pieces(courses: Sequence[Course], start: ArrayLike, offset_ft: float) -> list[_Piece]:
    if not courses:
        raise ValueError("Invalid centreline. Must have at least one course.")
    places = corners(courses, start)
    pieces = [_offset_piece(course, places[n], places[n + 1], n, offset_ft) for n, course in enumerate(courses)]
    for n in range(len(pieces) - 1):
        before, after = pieces[n], pieces[n + 1]
        curved = before.center is not None or after.center is not None
        if math.dist(before.end, after.start) <= (JOINT_FT if curved else _SAME_FT):
            joint = (before.end + after.start) / 2
        else:
            joint = _meeting(before, after, n, abs(offset_ft), places[n + 1])
        pieces[n], pieces[n + 1] = before._replace(end=joint), after._replace(start=joint)
    for n, (piece, course) in enumerate(zip(pieces, courses, strict=True)):
        _require_forward(piece, course, n, offset_ft)
    return pieces


def _offset_piece(course: Course, a: np.ndarray, b: np.ndarray, position: int, offset_ft: float) -> _Piece:
    if course.kind == "spiral":
        raise ValueError(f"Course {position + 1} is a spiral. Must be a line or a curve: what lies parallel to a spiral is none.")
    if course.kind == "line":
        aside = offset_ft * unit_vector(course.azimuth_deg + 90)
        return _Piece(a + aside, b + aside, course.azimuth_deg)
    sign = HANDS[course.hand]
    radius = course.radius_ft - sign * offset_ft
    if radius <= _SAME_FT:
        raise ValueError(
            f"Course {position + 1} has a radius of {course.radius_ft:.2f} ft. Must exceed its inner width, {abs(offset_ft):g} ft."
        )
    center = a - course.radius_ft * unit_vector(radial_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[0])
    ends = (center + (end - center) * (radius / course.radius_ft) for end in (a, b))
    return _Piece(*ends, hand=course.hand, center=center, radius_ft=radius, delta_deg=course.delta_deg)


def _crossings(one: _Piece, other: _Piece) -> np.ndarray:
    """Where the lines and circles that two pieces lie on meet; array (k, 2)."""
    if one.center is not None and other.center is not None:
        if math.dist(one.center, other.center) <= _SAME_FT:
            return np.empty((0, 2))
        return distance_distance(one.center, one.radius_ft, other.center, other.radius_ft)
    if one.center is not None:
        one, other = other, one
    if other.center is not None:
        return bearing_distance(one.start, one.azimuth_deg, other.center, other.radius_ft)
    try:
        return bearing_bearing(one.start, one.azimuth_deg, other.start, other.azimuth_deg)[None, :]
    except ValueError:
        return np.empty((0, 2))


def _meeting(before: _Piece, after: _Piece, position: int, width: float, corner: np.ndarray) -> np.ndarray:
    found = _crossings(before, after)
    near = [point for point in found if math.dist(point, corner) <= MITRE_LIMIT * width]
    if not near:
        raise ValueError(
            f"The sidelines at {width:g} ft do not meet at the corner after course {position + 1}. Must turn less, or be narrower."
        )
    return min(near, key=lambda point: math.dist(point, corner))


def _require_forward(piece: _Piece, course: Course, position: int, offset_ft: float) -> None:
    """Two mitres may have eaten a short course, which then runs backwards."""
    if piece.center is None:
        forward = float(np.dot(piece.end - piece.start, unit_vector(piece.azimuth_deg))) > 0
    else:
        forward = swept_deg(piece.center, piece.start, piece.end, piece.hand) <= (course.delta_deg + 360) / 2
    if not forward:
        raise ValueError(
            f"Course {position + 1} is too short to have a sideline {abs(offset_ft):g} ft away. Must be longer than its mitres."
        )


def _cut(pieces: list[_Piece], boundary: np.ndarray, which: str) -> tuple[list[_Piece], tuple[int, float]]:
    """
    A sideline begun or ended on a boundary, and where that is: the segment and how far along it.

    The crossing nearest to the square end counts, on the first course prolonged or on any later one.
    """
    if boundary.ndim != 2 or boundary.shape[0] < 2 or boundary.shape[1] != 2:
        raise ValueError(f"Invalid boundary of shape {boundary.shape}. Must be two or more points.")
    ordered = pieces if which == "begin" else [_reversed(piece) for piece in reversed(pieces)]
    square, best = ordered[0].start, None
    for n, piece in enumerate(ordered):
        for segment in range(len(boundary) - 1):
            p, q = boundary[segment], boundary[segment + 1]
            line = _Piece(p, q, inverse(p, q)[0])
            for point in _crossings(piece, line):
                share = float(np.dot(point - p, q - p) / np.dot(q - p, q - p))
                inside = (share >= -1e-9 or segment == 0) and (share <= 1 + 1e-9 or segment == len(boundary) - 2)
                if inside and _reaches(piece, point, prolonged=n == 0):
                    reach = math.dist(point, square)
                    if best is None or reach < best[0]:
                        best = (reach, n, point, (segment, share))
    if best is None:
        raise ValueError(f"A sideline does not reach the boundary at the {which} of the strip. Must meet it when prolonged.")
    _, n, point, at = best
    ordered = [ordered[n]._replace(start=point), *ordered[n + 1 :]]
    return (ordered if which == "begin" else [_reversed(piece) for piece in reversed(ordered)]), at


def _reaches(piece: _Piece, point: np.ndarray, *, prolonged: bool) -> bool:
    """Whether a point of its line or circle lies on a piece, or before it where that is prolonged."""
    if piece.center is None:
        along = float(np.dot(point - piece.start, unit_vector(piece.azimuth_deg)))
        return along < math.dist(piece.start, piece.end) - _SAME_FT and (prolonged or along >= -_SAME_FT)
    if not prolonged:
        return on_arc(point, Arc(piece.start, piece.end, piece.radius_ft, piece.delta_deg, piece.hand, piece.center))
    # Prolonged, the arc may begin anywhere on its circle up to its end.
    return math.dist(point, piece.end) > _SAME_FT


def _corners_between(boundary: ArrayLike | None, ends: list[tuple[int, float]]) -> list[np.ndarray]:
    """Vertices of a boundary between two places on it, in that order."""
    if boundary is None:
        return []
    boundary = np.asarray(boundary, dtype=float)
    (first, _), (last, _) = ends
    if first <= last:
        return list(boundary[first + 1 : last + 1])
    return list(boundary[last + 1 : first + 1][::-1])


def _lines(start: np.ndarray, between: list[np.ndarray], end: np.ndarray) -> list[_Piece]:
    path = [start, *between, end]
    return [_Piece(a, b) for a, b in itertools.pairwise(path) if math.dist(a, b) > _SAME_FT]


def _reversed(piece: _Piece) -> _Piece:
    other = {"L": "R", "R": "L", None: None}
    return piece._replace(start=piece.end, end=piece.start, azimuth_deg=(piece.azimuth_deg + 180) % 360, hand=other[piece.hand])


def _courses(pieces: Sequence[_Piece]) -> tuple[Course, ...]:
    made = []
    for piece in pieces:
        if piece.center is None:
            made.append(course_between(piece.start, piece.end))
        else:
            arc = arc_between(piece.start, piece.end, hand=piece.hand, center=piece.center)
            made.append(course_between(piece.start, piece.end, hand=piece.hand, radius_ft=arc.radius_ft, major=arc.delta_deg > 180))
    return tuple(made)
