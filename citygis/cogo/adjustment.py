"""
Adjustment of traverses: compass, transit and Crandall rules, and least squares with its residuals and error ellipses.

What a deed records is not to be adjusted: its misclosure is part of the record. Courses of record are refused unless the caller
says that a fitted copy is wanted, and each course of the copy says that it is calculated and carries the record it came from.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.arc import azimuth_between
from citygis.cogo.course import Course, chords, standing_for
from citygis.cogo.traverse import Closure, closure

RULES = ("compass", "transit", "crandall")


class Adjustment(NamedTuple):
    """Courses that close, what was added to each (easting, northing; feet), and how the traverse closed before."""

    courses: tuple[Course, ...]
    corrections_ft: np.ndarray
    before: Closure


class LeastSquares(NamedTuple):
    """
    A traverse adjusted by least squares.

    Attributes
    ----------
    courses : tuple of Course
    corners : array (n + 1, 2)
        Adjusted, from the start.
    distance_residual_ft, azimuth_residual_s : array (n,)
        Adjusted less observed.
    s0 : float
        Standard error of unit weight: 1 where the stated sigmas are right.
    redundancy : int
        Observations less unknowns.
    semi_major_ft, semi_minor_ft, major_azimuth_deg : array (n + 1,)
        Standard error ellipses (39 % in two dimensions), multiplied by `s0`; nothing at the fixed ends.
    before : Closure
    """

    courses: tuple[Course, ...]
    corners: np.ndarray
    distance_residual_ft: np.ndarray
    azimuth_residual_s: np.ndarray
    s0: float
    redundancy: int
    semi_major_ft: np.ndarray
    semi_minor_ft: np.ndarray
    major_azimuth_deg: np.ndarray
    before: Closure


def adjusted(
    courses: Sequence[Course], rule: str = "compass", *, closes_on: ArrayLike = (0.0, 0.0), fitted_copy: bool = False
) -> Adjustment:
    """
    Courses made to close by a rule.

    Parameters
    ----------
    courses : sequence of Course
        With directions. A curve is adjusted by its chord: its delta is held, radius and arc follow.
    rule : {"compass", "transit", "crandall"}
        By the length of each course (Bowditch); by its latitude and departure; or with directions held and lengths changed
        least for their size. Ghilani and Wolf, Elementary Surveying, chapter 10; Crandall, Trans. ASCE 45 (1901).
    closes_on : array (2,)
        What the courses must add up to; nothing for a loop.
    fitted_copy : bool
        Allow courses of record, to get a fitted copy beside them.

    Returns
    -------
    Adjustment

    Raises
    ------
    ValueError
        If courses of record come without `fitted_copy`, or the rule cannot close them.
    """
    if rule not in RULES:
        raise ValueError(f"Invalid rule {rule!r}. Must be one of {', '.join(RULES)}.")
    _require_adjustable(courses, fitted_copy)
    before = closure(courses, closes_on=closes_on)
    steps = chords(courses)
    missing = -np.array([before.sum_easting_ft, before.sum_northing_ft])
    distance = np.hypot(steps[:, 0], steps[:, 1])
    if rule == "compass":
        corrections = distance[:, None] / distance.sum() * missing
    elif rule == "transit":
        share = np.abs(steps)
        total = share.sum(axis=0)
        along = total > 1e-9 * distance.sum()
        if (~along & (np.abs(missing) > 1e-9)).any():
            raise ValueError("The transit rule cannot close courses that all run along one axis. Use the compass rule.")
        corrections = share / np.where(along, total, 1) * missing
    else:
        # Least sum of (change of length)² / length, with directions held: changes are multiples of departure and latitude.
        unit = steps / distance[:, None]
        normal = steps.T @ unit
        if np.linalg.cond(normal) > 1e12:
            raise ValueError("Crandall's rule cannot close courses that are all parallel. Use the compass rule.")
        corrections = (steps @ np.linalg.solve(normal, missing))[:, None] * unit
    return Adjustment(_moved(courses, steps + corrections), corrections, before)


def adjusted_by_least_squares(
    courses: Sequence[Course],
    start: ArrayLike = (0.0, 0.0),
    *,
    sigma_distance_ft: ArrayLike,
    sigma_azimuth_s: ArrayLike,
    closes_on: ArrayLike = (0.0, 0.0),
    fitted_copy: bool = False,
) -> LeastSquares:
    """
    A traverse between two known points, or a loop, adjusted by least squares.

    Parameters
    ----------
    courses : sequence of Course, n
        With directions: each gives an observed distance and an observed azimuth, of the chord for curves.
    start : array (2,)
    sigma_distance_ft, sigma_azimuth_s : float or array (n,)
        Standard errors of the observations, feet and seconds.
    closes_on, fitted_copy
        As `adjusted`.

    Returns
    -------
    LeastSquares

    Notes
    -----
    Observation equations of distances and azimuths, Gauss-Newton to convergence (Ghilani, Adjustment Computations,
    chapters 14 to 16); the ellipses are of the inverse of the normal matrix (chapter 19).

    Raises
    ------
    ValueError
        If courses of record come without `fitted_copy`, a sigma is not positive, or there are fewer than two courses.
    """
    _require_adjustable(courses, fitted_copy)
    n = len(courses)
    if n < 2:
        raise ValueError("Invalid traverse. Must have two courses or more to be adjusted.")
    sigma_d = np.broadcast_to(np.asarray(sigma_distance_ft, dtype=float), n)
    sigma_a = np.radians(np.broadcast_to(np.asarray(sigma_azimuth_s, dtype=float), n) / 3600)
    if not ((sigma_d > 0).all() and (sigma_a > 0).all()):
        raise ValueError("Invalid sigma. Must be positive for every course.")
    before = closure(courses, closes_on=closes_on)
    observed = chords(courses)
    distance, azimuth = np.hypot(*observed.T), np.arctan2(*observed.T)
    places = np.vstack([np.zeros(2), np.cumsum(observed, axis=0)])
    places[-1] = closes_on
    weight = 1 / np.concatenate([sigma_d, sigma_a]) ** 2
    for _ in range(20):
        step = np.diff(places, axis=0)
        length = np.hypot(*step.T)
        if (length == 0).any():
            raise ValueError("Invalid traverse. Must not have a course whose two ends fall together.")
        turned = np.arctan2(*step.T) - azimuth
        misfit = np.concatenate([length - distance, (turned + math.pi) % (2 * math.pi) - math.pi])
        design = _design(step, length)
        normal = design.T @ (weight[:, None] * design)
        change = np.linalg.solve(normal, -design.T @ (weight * misfit)).reshape(-1, 2)
        places[1:-1] += change
        if np.abs(change).max(initial=0.0) < 1e-9:
            break
    redundancy = 2 * n - 2 * (n - 1)
    s0 = math.sqrt(float(misfit @ (weight * misfit)) / redundancy)
    major, minor, direction = _ellipses(np.linalg.inv(normal) * s0**2)
    return LeastSquares(
        _moved(courses, np.diff(places, axis=0)),
        np.asarray(start, dtype=float) + places,
        misfit[:n],
        np.degrees(misfit[n:]) * 3600,
        s0,
        redundancy,
        *(np.concatenate([[0.0], values, [0.0]]) for values in (major, minor, direction)),
        before,
    )


def _require_adjustable(courses: Sequence[Course], fitted_copy: bool) -> None:
    held = [n + 1 for n, course in enumerate(courses) if course.basis == "RECORD"]
    if held and not fitted_copy:
        raise ValueError(
            f"Course {held[0]} is of record, and a record is not adjusted. State fitted_copy=True to get a fitted copy beside it."
        )


def _moved(courses: Sequence[Course], steps: np.ndarray) -> tuple[Course, ...]:
    """Courses along new chords, that say they are calculated and from which record."""
    azimuths, distances = azimuth_between(np.zeros(2), steps), np.hypot(*steps.T)
    along = zip(courses, azimuths.tolist(), distances.tolist(), strict=True)
    return tuple(standing_for(course, azimuth, distance, basis="CALCULATED") for course, azimuth, distance in along)


def _design(step: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Derivatives of distances, then azimuths, by easting and northing of the corners between the two ends."""
    n = len(step)
    along = step / length[:, None]
    across = np.stack([step[:, 1], -step[:, 0]], axis=1) / (length**2)[:, None]
    design = np.zeros((2 * n, 2 * (n + 1)))
    row = np.arange(n)
    for block, derivative in ((0, along), (n, across)):
        for axis in (0, 1):
            design[block + row, 2 * row + axis] = -derivative[:, axis]
            design[block + row, 2 * (row + 1) + axis] = derivative[:, axis]
    return design[:, 2:-2]


def _ellipses(covariance: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    n = len(covariance) // 2
    blocks = covariance.reshape(n, 2, n, 2)[np.arange(n), :, np.arange(n), :]
    values, vectors = np.linalg.eigh(blocks)
    values = np.sqrt(np.clip(values, 0, None))
    direction = np.degrees(np.arctan2(vectors[:, 0, 1], vectors[:, 1, 1])) % 180
    return values[:, 1], values[:, 0], direction
