"""
Courses of a figure, straight and curved, and the lines that are drawn for them.

A curve is kept as it is: radius, central angle, hand and centre. What is drawn of it is a line of chords that leaves it by no more
than `SAGITTA_FT`, with exact ends. Azimuths are clockwise from grid north; a curve to the right turns clockwise.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

SAGITTA_FT = 0.01
"""How far a chord may leave its arc: a tenth of the tolerance of a parcel."""

STRAIGHT_FT = 0.001
"""
Three points whose middle one lies nearer than this to the line of the others are on no curve that a survey could tell from it.
"""

Place = tuple[float, float]
"""Easting and northing in feet."""


class Course(NamedTuple):
    """
    One course: from a place to a place, and for a curve its centre, radius and signed central angle (positive to the left);
    ``from_shot`` and ``to_shot`` are positions in the points frame, None where a place was worked out; ``residual_ft`` is how far
    the farthest shot lies from a fitted curve.
    """

    start: Place
    end: Place
    from_shot: int | None = None
    to_shot: int | None = None
    centre: Place | None = None
    radius_ft: float = np.nan
    sweep_rad: float = np.nan
    residual_ft: float = np.nan

    @property
    def length_ft(self) -> float:
        """Along the line or the arc."""
        return self.chord_ft if self.centre is None else self.radius_ft * abs(self.sweep_rad)

    @property
    def chord_ft(self) -> float:
        """From start to end."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))


def curve_through(start: Place, middle: Place, end: Place) -> Course | None:
    """
    The curve from `start` to `end` by way of `middle`; None where the three lie on a line, or two are one.

    The centre is that of the circle through three points (intersection of the perpendicular bisectors), taken about `start` so that
    State Plane coordinates keep their digits.
    """
    (ax, ay), (bx, by) = _less(middle, start), _less(end, start)
    twice = 2 * (ax * by - ay * bx)
    chord = np.hypot(bx, by)
    if chord == 0 or abs(twice) / 2 <= STRAIGHT_FT * chord:
        return None
    a2, b2 = ax * ax + ay * ay, bx * bx + by * by
    cx, cy = (by * a2 - ay * b2) / twice, (ax * b2 - bx * a2) / twice
    # The middle lies to the left of the chord where the curve turns to the right, and the other way round.
    left = twice > 0
    sweep = _turn((-cx, -cy), (bx - cx, by - cy), left)
    return Course(start, end, centre=(start[0] + cx, start[1] + cy), radius_ft=float(np.hypot(cx, cy)), sweep_rad=sweep)


def fitted_curve(places: Sequence[Place]) -> Course | None:
    """
    The one curve that best fits places along it and passes through the first and the last; None where they lie on a line.

    With the chord's middle as origin, u along it and v across, a circle through both ends at +-c has u^2 + v^2 - c^2 = 2 s v for a
    centre at v = s; s by least squares over the others. ``residual_ft`` is the largest distance of a place from the curve.
    """
    points = np.asarray(places, dtype=float) - places[0]
    chord = points[-1]
    c = np.hypot(*chord) / 2
    if c == 0:
        return None
    along = chord / (2 * c)
    inner = points[1:-1] - chord / 2
    u, v = inner @ along, inner @ np.array([-along[1], along[0]])
    if np.abs(v).max() <= STRAIGHT_FT:
        return None
    s = float(np.sum(v * (u**2 + v**2 - c**2)) / (2 * np.sum(v**2)))
    centre = chord / 2 + s * np.array([-along[1], along[0]])
    radius = float(np.hypot(c, s))
    sweep = _turn(-centre, chord - centre, bool(v[np.argmax(np.abs(v))] < 0))
    residual = float(np.abs(np.hypot(*(points - centre).T) - radius).max())
    middle = (places[0][0] + float(centre[0]), places[0][1] + float(centre[1]))
    return Course(places[0], places[-1], centre=middle, radius_ft=radius, sweep_rad=sweep, residual_ft=residual)


def circle(centre: Place, radius_ft: float) -> Course:
    """A whole circle, from its easternmost place around to the left."""
    start = (centre[0] + radius_ft, centre[1])
    return Course(start, start, centre=centre, radius_ft=radius_ft, sweep_rad=2 * np.pi)


def drawn(courses: Sequence[Course]) -> np.ndarray:
    """
    The line of courses that follow each other.

    Returns
    -------
    array of n x 2
        Eastings and northings; every start and end is exact.
    """
    parts = [np.array([courses[0].start])]
    for course in courses:
        if course.centre is not None:
            step = 2 * np.arccos(max(1 - SAGITTA_FT / course.radius_ft, 0.0))
            count = max(int(np.ceil(abs(course.sweep_rad) / step)), 1)
            first = np.arctan2(*_less(course.start, course.centre)[::-1])
            angles = first + course.sweep_rad * np.arange(1, count) / count
            parts.append(np.array(course.centre) + course.radius_ft * np.column_stack([np.cos(angles), np.sin(angles)]))
        parts.append(np.array([course.end]))
    return np.concatenate(parts)


def area_sqft(courses: Sequence[Course]) -> float:
    """The area within a closed line of courses, curves exact: the polygon of chords and the segment of each curve."""
    base = courses[0].start
    places = np.array([_less(course.start, base) for course in courses])
    following = np.roll(places, -1, axis=0)
    polygon = np.sum(places[:, 0] * following[:, 1] - following[:, 0] * places[:, 1]) / 2
    segments = sum(c.radius_ft**2 * (c.sweep_rad - np.sin(c.sweep_rad)) / 2 for c in courses if c.centre is not None)
    return float(abs(polygon + segments))


def parallel(courses: Sequence[Course], offset_ft: float, *, closed: bool = False) -> list[Course]:
    """
    Courses beside courses, at a distance to the right (to the left where negative).

    Lines meet at their intersection. A curve that joins tangentially keeps its centre and has its radius changed by the distance;
    one that does not is the curve through both corners and its own middle, which lies at the distance exactly.

    Raises
    ------
    ValueError
        If the distance is as large as the radius of a curve on its side, so that nothing is left of it.
    """
    ends = [(_direction(course, at_end=False), _direction(course, at_end=True)) for course in courses]
    for course in courses:
        if course.centre is not None and course.radius_ft + np.sign(course.sweep_rad) * offset_ft <= 0:
            raise ValueError(
                f"Invalid offset {offset_ft:g} ft. Must be less than the radius, {course.radius_ft:.2f} ft, on the inside."
            )
    corners = [_corner(courses[0].start, ends[-1][1] if closed else ends[0][0], ends[0][0], offset_ft)]
    for course, (_, leaving), (entering, _) in zip(
        courses, ends, ends[1:] + [ends[0] if closed else (ends[-1][1], None)], strict=True
    ):
        corners.append(_corner(course.end, leaving, entering, offset_ft))
    made = []
    for course, start, end in zip(courses, corners, corners[1:], strict=False):
        if course.centre is None:
            made.append(Course(start, end, course.from_shot, course.to_shot))
            continue
        radius = course.radius_ft + np.sign(course.sweep_rad) * offset_ft
        half = np.arctan2(*_less(course.start, course.centre)[::-1]) + course.sweep_rad / 2
        middle = (course.centre[0] + radius * np.cos(half), course.centre[1] + radius * np.sin(half))
        curve = curve_through(start, middle, end) or Course(start, end)
        made.append(curve._replace(from_shot=course.from_shot, to_shot=course.to_shot))
    return made


def azimuth_deg(start: Place, end: Place) -> float:
    """Clockwise from grid north, in [0, 360)."""
    return float(np.degrees(np.arctan2(*_less(end, start))) % 360)


def _direction(course: Course, *, at_end: bool) -> np.ndarray:
    """The unit vector along a course where it begins or ends."""
    if course.centre is None:
        along = np.array(_less(course.end, course.start))
    else:
        out = np.array(_less(course.end if at_end else course.start, course.centre))
        along = np.sign(course.sweep_rad) * np.array([-out[1], out[0]])
    return along / np.hypot(*along)


def _corner(place: Place, leaving: np.ndarray, entering: np.ndarray, offset_ft: float) -> Place:
    """A corner moved to the right of both lines that meet in it; where they double back, to the right of the first."""
    one, other = np.array([leaving[1], -leaving[0]]), np.array([entering[1], -entering[0]])
    share = 1 + one @ other
    moved = offset_ft * ((one + other) / share if share > 1e-6 else one)
    return float(place[0] + moved[0]), float(place[1] + moved[1])


def _turn(start: Sequence[float], end: Sequence[float], left: bool) -> float:
    """The angle from one direction to another, positive to the left, negative to the right; never nothing."""
    angle = np.arctan2(end[1], end[0]) - np.arctan2(start[1], start[0])
    turn = angle % (2 * np.pi) or 2 * np.pi
    return float(turn if left else turn - 2 * np.pi)


def _less(place: Sequence[float], base: Sequence[float]) -> Place:
    return place[0] - base[0], place[1] - base[1]
