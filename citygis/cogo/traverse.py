"""
Traverses: where the courses lead, and by how much they fail to come back.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import ArrayLike

from citygis.cogo.arc import SAGITTA_FT, arc_vertices
from citygis.cogo.course import Course, chords, spiral_of
from citygis.cogo.spiral import spiral_vertices


class Closure(NamedTuple):
    """
    How a traverse closes. `closure_ratio` is the N of 1:N, infinite where nothing is left over to a millionth of a foot.

    The misclosure runs from where the courses should end to where they do.
    """

    perimeter_ft: float
    sum_easting_ft: float
    sum_northing_ft: float
    misclosure_ft: float
    misclosure_azimuth_deg: float
    closure_ratio: float


def corners(courses: Sequence[Course], start: ArrayLike = (0.0, 0.0)) -> np.ndarray:
    """
    Where each course begins, and where the last one ends.

    Parameters
    ----------
    courses : sequence of Course, n
        With directions (`citygis.cogo.oriented`).
    start : array (2,)
        Easting and northing of the point of beginning.

    Returns
    -------
    array (n + 1, 2)
    """
    return np.asarray(start, dtype=float) + np.vstack([np.zeros((1, 2)), np.cumsum(chords(courses), axis=0)])


def closure(courses: Sequence[Course], *, closes_on: ArrayLike = (0.0, 0.0)) -> Closure:
    """
    The closure of one traverse.

    Parameters
    ----------
    courses : sequence of Course
        With directions. Curves count with their arc in the perimeter and with their chord in the sums.
    closes_on : array (2,)
        Easting and northing that the courses should add up to: nothing for a loop, end less start for a link between two known
        points.

    Returns
    -------
    Closure
    """
    if not courses:
        raise ValueError("Invalid traverse. Must have at least one course.")
    sums = chords(courses).sum(axis=0) - np.asarray(closes_on, dtype=float)
    perimeter = math.fsum(course.length_ft for course in courses)
    return Closure(*(float(value[0]) for value in _closure(np.array([perimeter]), sums[None, :])))


def closures(traverse: ArrayLike, azimuth_deg: ArrayLike, distance_ft: ArrayLike, length_ft: ArrayLike | None = None) -> Closure:
    """
    The closures of many loops at once.

    Parameters
    ----------
    traverse : array of int, n
        Number of the loop that each course belongs to, counted from 0.
    azimuth_deg, distance_ft : array of float, n
        Of the line or the chord.
    length_ft : array of float, n, optional
        Along the arc where it is one; the distance by default.

    Returns
    -------
    Closure
        Each field an array, one value per loop.
    """
    traverse = np.asarray(traverse)
    azimuth, distance = np.radians(azimuth_deg), np.asarray(distance_ft, dtype=float)
    length = distance if length_ft is None else np.asarray(length_ft, dtype=float)
    sums = np.stack([np.bincount(traverse, distance * np.sin(azimuth)), np.bincount(traverse, distance * np.cos(azimuth))], axis=1)
    return _closure(np.bincount(traverse, length), sums)


def vertices(
    courses: Sequence[Course],
    start: ArrayLike = (0.0, 0.0),
    *,
    places: ArrayLike | None = None,
    sagitta_ft: float = SAGITTA_FT,
) -> np.ndarray:
    """
    Points along the courses, arcs and spirals cut to pieces that leave them by no more than the sagitta.

    Parameters
    ----------
    courses : sequence of Course, n
        With directions.
    start : array (2,)
    places : array (n + 1, 2), optional
        The corners where they are known already, instead of `start`. Two neighbours share vertices to the last bit only where they
        share the corners: each summed from its own start, these differ in the last digits.
    sagitta_ft : float

    Returns
    -------
    array (m, 2)
        From the first corner to the end of the last course.

    Raises
    ------
    ValueError
        If there are not as many places as corners.
    """
    places = corners(courses, start) if places is None else np.asarray(places, dtype=float)
    if places.shape != (len(courses) + 1, 2):
        raise ValueError(
            f"Invalid places of shape {places.shape}. Must be the {len(courses) + 1} corners of {len(courses)} courses."
        )
    parts = [places[:1]]
    for n, course in enumerate(courses):
        a, b = places[n], places[n + 1]
        if course.kind == "curve":
            parts.append(arc_vertices(a, b, course.delta_deg, course.hand, sagitta_ft=sagitta_ft)[1:])
        elif course.kind == "spiral":
            parts.append(spiral_vertices(a, b, spiral_of(course), course.hand, sagitta_ft=sagitta_ft)[1:])
        else:
            parts.append(b[None, :])
    return np.vstack(parts)


def polygon(
    courses: Sequence[Course],
    start: ArrayLike = (0.0, 0.0),
    *,
    places: ArrayLike | None = None,
    sagitta_ft: float = SAGITTA_FT,
) -> shapely.Polygon:
    """
    The polygon that stands for a loop of courses, derived from them at a sagitta.

    The last course ends on the start: what the loop does not close by is taken up in its last corner. Look at `closure` first.

    Parameters and errors as `vertices`; of `places`, the last is that of the first.
    """
    places = (corners(courses, start) if places is None else np.asarray(places, dtype=float)).copy()
    places[-1] = places[0]
    return shapely.Polygon(vertices(courses, places=places, sagitta_ft=sagitta_ft))


def _closure(perimeter: np.ndarray, sums: np.ndarray) -> Closure:
    misclosure = np.hypot(sums[:, 0], sums[:, 1])
    azimuth = np.degrees(np.arctan2(sums[:, 0], sums[:, 1])) % 360
    nothing = misclosure < 1e-6
    ratio = np.divide(perimeter, misclosure, out=np.full_like(misclosure, math.inf), where=~nothing)
    return Closure(perimeter, sums[:, 0], sums[:, 1], misclosure, azimuth, ratio)
