"""
Points from lines, arcs and distances: inverse and forward, intersections, offsets and stations.

Where a construction has two answers both come back, in a stated order; where it has none the array is empty.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.arc import HANDS, Arc, azimuth_between, radial_azimuths, tangent_azimuths, unit_vector
from citygis.cogo.course import Course
from citygis.cogo.traverse import corners

PARALLEL = 1e-12
"""Lines whose unit vectors have a smaller cross product than this meet nowhere that matters."""


class StationOffset(NamedTuple):
    """Stations along courses and offsets from them, right positive; NaN for a point that has no perpendicular on any course."""

    station_ft: np.ndarray
    offset_ft: np.ndarray
    course: np.ndarray


def inverse(start: ArrayLike, end: ArrayLike) -> tuple[float, float]:
    """Azimuth (degrees) and distance (feet) from one point to another; ValueError where they coincide."""
    distance = math.dist(start, end)
    if distance == 0:
        raise ValueError("Invalid points. Must be apart: a point has no direction to itself.")
    return float(azimuth_between(start, end)), distance


def forward(start: ArrayLike, azimuth_deg: float, distance_ft: float) -> np.ndarray:
    """The point at an azimuth and distance from another; array (2,)."""
    return np.asarray(start, dtype=float) + distance_ft * unit_vector(azimuth_deg)


def bearing_bearing(first: ArrayLike, first_azimuth_deg: float, second: ArrayLike, second_azimuth_deg: float) -> np.ndarray:
    """
    The point where two lines meet, prolonged either way; array (2,).

    Raises
    ------
    ValueError
        If they are parallel.
    """
    p, q = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    u, v = unit_vector(first_azimuth_deg), unit_vector(second_azimuth_deg)
    across = _cross(u, v)
    if abs(across) < PARALLEL:
        raise ValueError(f"Invalid azimuths {first_azimuth_deg} and {second_azimuth_deg}. Must not be parallel.")
    return p + _cross(q - p, v) / across * u


def bearing_distance(first: ArrayLike, azimuth_deg: float, second: ArrayLike, distance_ft: float) -> np.ndarray:
    """
    Points on a line at a distance from a second point.

    Returns
    -------
    array (k, 2), k = 0, 1 or 2
        In the order of the azimuth.
    """
    p, q = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    u = unit_vector(azimuth_deg)
    foot = float(np.dot(q - p, u))
    off = _cross(u, q - p)
    return np.array([p + (foot + s) * u for s in _half_chords(distance_ft, abs(off))]).reshape(-1, 2)


def distance_distance(first: ArrayLike, first_distance_ft: float, second: ArrayLike, second_distance_ft: float) -> np.ndarray:
    """
    Points at two distances from two points.

    Returns
    -------
    array (k, 2), k = 0, 1 or 2
        The one to the left of the line from the first point to the second comes first.
    """
    p, q = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    apart = math.dist(p, q)
    if apart == 0:
        raise ValueError("Invalid points. Must be apart: two circles about one centre meet nowhere or everywhere.")
    along = (apart**2 + first_distance_ft**2 - second_distance_ft**2) / (2 * apart)
    u = (q - p) / apart
    right = np.array([u[1], -u[0]])
    return np.array([p + along * u + s * right for s in _half_chords(first_distance_ft, abs(along))]).reshape(-1, 2)


def line_arc(first: ArrayLike, azimuth_deg: float, arc: Arc) -> np.ndarray:
    """Points of an arc, its ends included, on a line that is prolonged either way; array (k, 2) in the order of the azimuth."""
    found = bearing_distance(first, azimuth_deg, arc.center, arc.radius_ft)
    return np.array([point for point in found if on_arc(point, arc)]).reshape(-1, 2)


def on_arc(point: ArrayLike, arc: Arc, *, tolerance_ft: float = 1e-7) -> bool:
    """Whether a point of the circle of an arc lies between the ends of the arc, or within the tolerance of one."""
    ends = min(math.dist(point, arc.start), math.dist(point, arc.end))
    return ends <= tolerance_ft or swept_deg(arc.center, arc.start, point, arc.hand) <= arc.delta_deg


def swept_deg(center: ArrayLike, start: ArrayLike, point: ArrayLike, hand: str) -> float:
    """The angle at a centre from one point to another, turning to a hand; in [0, 360)."""
    first, last = azimuth_between(center, start), azimuth_between(center, point)
    return float(HANDS[hand] * (last - first) % 360)


def perpendicular_offset(start: ArrayLike, azimuth_deg: float, points: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """
    Distances along a line, and off it.

    Parameters
    ----------
    start : array (2,)
    azimuth_deg : float
    points : array (n, 2)

    Returns
    -------
    along_ft, offset_ft : array (n,)
        The offset is positive to the right of the line.
    """
    step = np.asarray(points, dtype=float) - np.asarray(start, dtype=float)
    u = unit_vector(azimuth_deg)
    return step @ u, step @ np.array([u[1], -u[0]])


def station_offset(
    courses: Sequence[Course], start: ArrayLike, points: ArrayLike, *, start_station_ft: float = 0.0
) -> StationOffset:
    """
    Where points lie along courses: the station of the nearest perpendicular or radial foot, and the offset from it.

    Parameters
    ----------
    courses : sequence of Course
        Lines and curves, with directions.
    start : array (2,)
    points : array (n, 2)
    start_station_ft : float
        Station of `start`.

    Returns
    -------
    StationOffset
        Arrays (n,); `course` is the position of the course, -1 where there is none.
    """
    points = np.asarray(points, dtype=float).reshape(-1, 2)
    best = StationOffset(np.full(len(points), np.nan), np.full(len(points), np.nan), np.full(len(points), -1))
    station = start_station_ft
    places = corners(courses, start)
    for n, course in enumerate(courses):
        _require_line_or_curve(course, n)
        if course.kind == "line":
            along, off = perpendicular_offset(places[n], course.azimuth_deg, points)
        else:
            sign = HANDS[course.hand]
            first = radial_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[0]
            center = places[n] - course.radius_ft * unit_vector(first)
            swept = sign * (azimuth_between(center, points) - first) % 360
            # A foot a hair before the start comes out as nearly a full circle.
            swept = np.where(swept > 360 - 1e-9, 0.0, swept)
            along = np.radians(swept) * course.radius_ft
            off = sign * (course.radius_ft - np.hypot(*(points - center).T))
        length = course.length_ft
        nearer = (along >= -1e-7) & (along <= length + 1e-7) & ~(np.abs(off) >= np.abs(np.nan_to_num(best.offset_ft, nan=np.inf)))
        best.station_ft[nearer] = station + np.clip(along[nearer], 0, length)
        best.offset_ft[nearer] = off[nearer]
        best.course[nearer] = n
        station += length
    return best


def point_at_station(
    courses: Sequence[Course], start: ArrayLike, station_ft: float, *, offset_ft: float = 0.0, start_station_ft: float = 0.0
) -> np.ndarray:
    """
    The point at a station along courses and an offset from it, right positive; array (2,).

    Raises
    ------
    ValueError
        If the station lies before the first course or beyond the last.
    """
    rest = station_ft - start_station_ft
    total = math.fsum(course.length_ft for course in courses)
    if not -1e-9 <= rest <= total + 1e-9:
        raise ValueError(f"Invalid station {station_ft}. Must lie within {start_station_ft} and {start_station_ft + total}.")
    for n, course in enumerate(courses):
        _require_line_or_curve(course, n)
        if rest <= course.length_ft or n == len(courses) - 1:
            break
        rest -= course.length_ft
    place = corners(courses[:n], start)[-1]
    if course.kind == "line":
        on, ahead = forward(place, course.azimuth_deg, rest), course.azimuth_deg
    else:
        sign, turned = HANDS[course.hand], math.degrees(rest / course.radius_ft)
        tangent = tangent_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[0]
        chord = 2 * course.radius_ft * math.sin(math.radians(turned) / 2)
        on, ahead = forward(place, tangent + sign * turned / 2, chord), tangent + sign * turned
    return forward(on, ahead + 90, offset_ft)


def _require_line_or_curve(course: Course, position: int) -> None:
    if course.kind == "spiral":
        raise ValueError(
            f"Course {position + 1} is a spiral. Must be a line or a curve: stations and offsets are not worked out along spirals."
        )


def _half_chords(radius: float, off: float) -> tuple[float, ...]:
    """Where a line at `off` from a centre meets its circle, from the foot of the perpendicular."""
    if off > radius * (1 + 1e-12):
        return ()
    half = math.sqrt(max(radius**2 - off**2, 0.0))
    return (-half, half) if half > 0 else (0.0,)


def _cross(a: np.ndarray, b: np.ndarray) -> float:
    return float(a[0] * b[1] - a[1] * b[0])
