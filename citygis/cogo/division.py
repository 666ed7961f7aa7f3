"""
Division of land: a figure cut by a line in a given direction, through a point or so as to cut off a given area. Arcs stay arcs.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.arc import HANDS, Arc, azimuth_between, radial_azimuths, unit_vector
from citygis.cogo.area import area_sqft, signed_area_sqft
from citygis.cogo.course import Course, course_between
from citygis.cogo.intersection import line_arc
from citygis.cogo.traverse import closure, corners

AREA_TOLERANCE_SQFT = 1e-4
"""A division by area stops within this: far below the least area that is ever stated."""

_SAME_FT = 1e-7


class Figure(NamedTuple):
    """A loop of courses in its place."""

    start: np.ndarray
    courses: tuple[Course, ...]

    @property
    def area_sqft(self) -> float:
        """Area from its courses, exact on arcs; square feet."""
        return area_sqft(self.courses)


class Division(NamedTuple):
    """What lies to the left and to the right of a dividing line, and that line: a point on it and its azimuth."""

    left: tuple[Figure, ...]
    right: tuple[Figure, ...]
    point: np.ndarray
    azimuth_deg: float


class _Part(NamedTuple):
    """A piece of the outline that does not cross the dividing line; an arc where it has a centre."""

    start: np.ndarray
    end: np.ndarray
    course: Course
    center: np.ndarray | None
    major: bool


def divided(
    courses: Sequence[Course], start: ArrayLike, point: ArrayLike, azimuth_deg: float, *, tolerance_ft: float = 0.05
) -> Division:
    """
    A figure cut by the line through a point.

    Parameters
    ----------
    courses : sequence of Course
        A loop of lines and curves, with directions. Either way round; what it does not close by goes into its last corner.
    start : array (2,)
    point : array (2,)
    azimuth_deg : float
        Of the dividing line, which runs through the whole figure. Left and right are as seen along it.
    tolerance_ft : float
        Misclosure that is allowed.

    Returns
    -------
    Division
        More than one figure on a side where the figure is hollow there; none where the line misses the figure.

    Raises
    ------
    ValueError
        If the loop does not close or holds a spiral.
    """
    parts = _parts(courses, start, tolerance_ft)
    point = np.asarray(point, dtype=float)
    pieces = _split(parts, point, azimuth_deg)
    return Division(_side(pieces, point, azimuth_deg, -1.0), _side(pieces, point, azimuth_deg, 1.0), point, azimuth_deg % 360)


def divided_by_area(
    courses: Sequence[Course], start: ArrayLike, azimuth_deg: float, left_sqft: float, *, tolerance_ft: float = 0.05
) -> Division:
    """
    A figure cut by a line of a fixed direction, so that a given area lies on its left.

    Parameters
    ----------
    courses, start, tolerance_ft
        As `divided`.
    azimuth_deg : float
        Of the dividing line. "The north 20 acres" lie to the left of a line whose azimuth is 90.
    left_sqft : float
        Above 0 and below the area of the figure.

    Returns
    -------
    Division

    Raises
    ------
    ValueError
        As `divided`, and if the figure is too small.
    """
    parts = _parts(courses, start, tolerance_ft)
    total = _area_left(parts, None, azimuth_deg)
    if not 0 < left_sqft < total:
        raise ValueError(f"Invalid left_sqft {left_sqft}. Must be above 0 and below the {total:.2f} sq ft of the figure.")
    right = unit_vector(azimuth_deg + 90)
    origin = parts[0].start
    ends = np.array([end for part in parts for end in (part.start, part.end)]) - origin
    reach = max((part.course.radius_ft or 0.0) * 2 for part in parts)
    low, high = float((ends @ right).min()) - reach, float((ends @ right).max()) + reach
    for _ in range(200):
        middle = (low + high) / 2
        found = _area_left(parts, origin + middle * right, azimuth_deg)
        if abs(found - left_sqft) < AREA_TOLERANCE_SQFT or high - low < 1e-12:
            break
        low, high = (middle, high) if found < left_sqft else (low, middle)
    return divided(courses, start, origin + middle * right, azimuth_deg, tolerance_ft=tolerance_ft)


def divided_along_side(
    courses: Sequence[Course], start: ArrayLike, side: int, area_along_sqft: float, *, tolerance_ft: float = 0.05
) -> Division:
    """
    A figure cut parallel to one of its straight sides, so that a given area lies along that side.

    Parameters
    ----------
    courses, start, tolerance_ft
        As `divided`.
    side : int
        Position of the course in `courses`; a line.
    area_along_sqft : float
        Between the side and the dividing line.

    Returns
    -------
    Division
        The figures along the side are its `left`.
    """
    if not 0 <= side < len(courses) or courses[side].kind != "line":
        raise ValueError(f"Invalid side {side}. Must be the position of a straight course.")
    # The figure lies to the right of a clockwise course, so the side lies to the left of a line that runs the same way.
    clockwise = signed_area_sqft(courses) > 0
    azimuth = courses[side].azimuth_deg + (0 if clockwise else 180)
    return divided_by_area(courses, start, azimuth, area_along_sqft, tolerance_ft=tolerance_ft)


def _parts(courses: Sequence[Course], start: ArrayLike, tolerance_ft: float) -> list[_Part]:
    for n, course in enumerate(courses):
        if course.kind == "spiral":
            raise ValueError(f"Course {n + 1} is a spiral. Must be a line or a curve: spirals are not divided.")
    open_by = closure(courses).misclosure_ft
    if open_by > tolerance_ft:
        raise ValueError(
            f"The figure does not close by {open_by:.3f} ft. Must close within {tolerance_ft} ft before it is divided."
        )
    places = corners(courses, start)
    places[-1] = places[0]
    parts = []
    for n, course in enumerate(courses):
        center = None
        if course.kind == "curve":
            first = radial_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[0]
            center = places[n] - course.radius_ft * unit_vector(first)
        parts.append(_Part(places[n], places[n + 1], course, center, course.kind == "curve" and course.delta_deg > 180))
    return parts


def _arc(part: _Part) -> Arc:
    return Arc(part.start, part.end, part.course.radius_ft, part.course.delta_deg, part.course.hand, part.center)


def _split(parts: list[_Part], point: np.ndarray, azimuth_deg: float) -> list[tuple[float, _Part]]:
    """Pieces that lie on one side of a line each, with that side: -1 left, 1 right."""
    right = unit_vector(azimuth_deg + 90)
    pieces = []
    for part in parts:
        if part.center is None:
            a, b = float(np.dot(part.start - point, right)), float(np.dot(part.end - point, right))
            cuts = [part.start + a / (a - b) * (part.end - part.start)] if a * b < 0 else []
        else:
            first = azimuth_between(part.center, part.start)
            sign = HANDS[part.course.hand]
            cuts = sorted(
                line_arc(point, azimuth_deg, _arc(part)),
                key=lambda p: float(sign * (azimuth_between(part.center, p) - first) % 360),
            )
        path = [part.start, *(c for c in cuts if min(math.dist(c, part.start), math.dist(c, part.end)) > _SAME_FT), part.end]
        for a, b in itertools.pairwise(path):
            if math.dist(a, b) <= _SAME_FT:
                continue
            piece = part if len(path) == 2 else _piece(part, a, b)
            side = float(np.dot(_middle(piece) - point, right))
            pieces.append((-1.0 if side < -_SAME_FT else 1.0, piece))
    return pieces


def _piece(part: _Part, a: np.ndarray, b: np.ndarray) -> _Part:
    if part.center is None:
        return part._replace(start=a, end=b)
    sign = HANDS[part.course.hand]
    delta = float(sign * (azimuth_between(part.center, b) - azimuth_between(part.center, a)) % 360)
    return part._replace(start=a, end=b, course=part.course._replace(delta_deg=delta), major=delta > 180)


def _middle(piece: _Part) -> np.ndarray:
    if piece.center is None:
        return (piece.start + piece.end) / 2
    half = HANDS[piece.course.hand] * piece.course.delta_deg / 2
    return piece.center + piece.course.radius_ft * unit_vector(float(azimuth_between(piece.center, piece.start)) + half)


def _area_left(parts: list[_Part], point: np.ndarray | None, azimuth_deg: float) -> float:
    """
    Area of the figure to the left of a line, or all of it without one.

    With the origin on the line, what closes the pieces along the line adds nothing to the sum of cross products.
    """
    origin = parts[0].start if point is None else point
    pieces = [(-1.0, part) for part in parts] if point is None else _split(parts, point, azimuth_deg)
    signed, whole = 0.0, 0.0
    for side, piece in pieces:
        a, b = piece.start - origin, piece.end - origin
        area = float(a[1] * b[0] - a[0] * b[1]) / 2
        if piece.center is not None:
            delta = math.radians(piece.course.delta_deg)
            area += HANDS[piece.course.hand] * piece.course.radius_ft**2 * (delta - math.sin(delta)) / 2
        whole += area
        signed += area if side < 0 else 0.0
    return signed * math.copysign(1.0, whole)


def _side(pieces: list[tuple[float, _Part]], point: np.ndarray, azimuth_deg: float, side: float) -> tuple[Figure, ...]:
    """The figures on one side: runs of pieces there, joined along the line two and two in the order they lie on it."""
    mine = [s == side for s, _ in pieces]
    if all(mine):
        return (_figure([piece for _, piece in pieces]),)
    if not any(mine):
        return ()
    turn = next(n for n in range(len(mine)) if mine[n] and not mine[n - 1])
    ordered = pieces[turn:] + pieces[:turn]
    runs: list[list[_Part]] = []
    for n, (s, piece) in enumerate(ordered):
        if s == side:
            if n == 0 or ordered[n - 1][0] != side:
                runs.append([])
            runs[-1].append(piece)
    along = unit_vector(azimuth_deg)
    # A simple figure enters and leaves the line by turns, so the second end is joined to the first, the fourth to the third.
    ends = [
        (float(np.dot(run[at].start - point if at == 0 else run[at].end - point, along)), n, at)
        for n, run in enumerate(runs)
        for at in (0, -1)
    ]
    rank = {(n, at): k for k, (_, n, at) in enumerate(sorted(ends))}
    by_rank = {k: key for key, k in rank.items()}
    figures, left_over = [], set(range(len(runs)))
    while left_over:
        n = first = min(left_over)
        loop: list[_Part] = []
        while n in left_over:
            left_over.discard(n)
            loop += runs[n]
            n, at = by_rank[rank[n, -1] ^ 1]
            if at != 0:
                raise ValueError("The figure crosses itself at the dividing line. Must be a simple loop.")
        if n != first:
            raise ValueError("The figure crosses itself at the dividing line. Must be a simple loop.")
        figures.append(_figure(loop, runs_end=True))
    return tuple(figure for figure in figures if figure.area_sqft > AREA_TOLERANCE_SQFT)


def _figure(loop: list[_Part], *, runs_end: bool = False) -> Figure:
    courses = []
    for n, piece in enumerate(loop):
        before = loop[n - 1].end
        if runs_end and math.dist(before, piece.start) > _SAME_FT:
            courses.append(course_between(before, piece.start))
        if piece.center is None:
            made = course_between(piece.start, piece.end)
        else:
            made = course_between(
                piece.start, piece.end, hand=piece.course.hand, radius_ft=piece.course.radius_ft, major=piece.major
            )
        courses.append(made)
    start = loop[-1].end if runs_end and math.dist(loop[-1].end, loop[0].start) > _SAME_FT else loop[0].start
    return Figure(start, tuple(courses))
