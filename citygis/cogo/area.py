"""
Areas from the courses themselves: the polygon of the chords, and what each arc adds or takes away.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.arc import HANDS
from citygis.cogo.course import Course, chords, spiral_of
from citygis.cogo.curve import segment_area_sqft
from citygis.cogo.spiral import spiral_segment_sqft


def area_sqft(courses: Sequence[Course]) -> float:
    """
    The area that a loop of courses encloses, exact on its arcs.

    Parameters
    ----------
    courses : sequence of Course
        With directions. A loop that does not close is closed by a straight line from its end to its start.

    Returns
    -------
    float
        Square feet, never negative; of the loop as a whole, so a figure of eight gives the difference of its two parts.
    """
    return abs(signed_area_sqft(courses))


def signed_area_sqft(courses: Sequence[Course]) -> float:
    """As `area_sqft`, positive where the loop is travelled clockwise, its inside on the right, as deeds mostly do."""
    steps = chords(courses)
    places = np.cumsum(steps, axis=0) - steps
    # Clockwise positive: half the sum of northing x step in easting less easting x step in northing.
    straight = float(np.sum(places[:, 1] * steps[:, 0] - places[:, 0] * steps[:, 1])) / 2
    return straight + math.fsum(HANDS[c.hand] * _segment(c) for c in courses if c.kind != "line")


def areas_sqft(
    traverse: ArrayLike,
    azimuth_deg: ArrayLike,
    distance_ft: ArrayLike,
    radius_ft: ArrayLike | None = None,
    turn_deg: ArrayLike | None = None,
) -> np.ndarray:
    """
    The areas of many loops at once.

    Parameters
    ----------
    traverse : array of int, n
        Number of the loop of each course, from 0 and ascending; courses of a loop in order.
    azimuth_deg, distance_ft : array of float, n
        Of the line or the chord.
    radius_ft, turn_deg : array of float, n, optional
        Radius and central angle of curves, right positive; NaN or 0 for lines.

    Returns
    -------
    array of float, one per loop
        Square feet, positive where travelled clockwise.
    """
    traverse = np.asarray(traverse)
    if traverse.size and (np.diff(traverse) < 0).any():
        raise ValueError("Invalid traverse numbers. Must be ascending, the courses of a loop together.")
    azimuth, distance = np.radians(azimuth_deg), np.asarray(distance_ft, dtype=float)
    step_e, step_n = distance * np.sin(azimuth), distance * np.cos(azimuth)
    first = np.searchsorted(traverse, traverse)
    at_e, at_n = np.cumsum(step_e) - step_e, np.cumsum(step_n) - step_n
    pieces = ((at_n - at_n[first]) * step_e - (at_e - at_e[first]) * step_n) / 2
    if radius_ft is not None and turn_deg is not None:
        turned = np.nan_to_num(np.radians(np.asarray(turn_deg, dtype=float)))
        pieces = pieces + np.nan_to_num(np.asarray(radius_ft, dtype=float)) ** 2 * (turned - np.sin(turned)) / 2
    return np.bincount(traverse, pieces)


def double_meridian_distance_area_sqft(courses: Sequence[Course]) -> float:
    """
    The area of the chords of a loop by double meridian distances: the way the books check an area by hand.

    Ghilani and Wolf, Elementary Surveying, chapter 12. Arcs are not in it.
    """
    steps = chords(courses)
    departure, latitude = steps[:, 0], steps[:, 1]
    double_meridian_distance = 2 * np.cumsum(departure) - departure
    return abs(float(np.sum(double_meridian_distance * latitude))) / 2


def _segment(course: Course) -> float:
    if course.kind == "spiral":
        return spiral_segment_sqft(spiral_of(course))
    return segment_area_sqft(course.radius_ft, course.delta_deg)
