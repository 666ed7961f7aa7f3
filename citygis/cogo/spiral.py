"""
Spirals whose curvature grows evenly with length (clothoids), between a tangent and a curve or between two curves.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.cogo.arc import SAGITTA_FT, require_hand

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


class Spiral(NamedTuple):
    """The elements of a spiral; `x_ft` and `y_ft` are its end along and off the tangent at its start."""

    length_ft: float
    start_radius_ft: float
    end_radius_ft: float
    theta_deg: float
    x_ft: float
    y_ft: float
    chord_ft: float
    deflection_deg: float
    """From the tangent at the start to the chord."""


def solve_spiral(length_ft: float, end_radius_ft: float, start_radius_ft: float = math.inf) -> Spiral:
    """
    The elements of a spiral.

    Parameters
    ----------
    length_ft : float
    end_radius_ft, start_radius_ft : float
        ``inf`` at a tangent. Both radii on the same side.

    Returns
    -------
    Spiral

    Notes
    -----
    The direction after the length s is theta = k0 s + (k1 - k0) s² / 2L; the end is the integral of its cosine and sine (Hickerson,
    Route Location and Design, on spirals), taken by Gauss-Legendre quadrature to full precision instead of by a cut series.

    Raises
    ------
    ValueError
        If a length or radius is not positive, or both radii are infinite: a straight line.
    """
    if not (math.isfinite(length_ft) and length_ft > 0):
        raise ValueError(f"Invalid length_ft {length_ft!r}. Must be a positive number.")
    if not (start_radius_ft > 0 and end_radius_ft > 0) or (math.isinf(start_radius_ft) and math.isinf(end_radius_ft)):
        raise ValueError(f"Invalid radii {start_radius_ft!r} and {end_radius_ft!r}. Must be positive, and one of them finite.")
    k0, k1 = 1 / start_radius_ft, 1 / end_radius_ft
    x, y = _along(np.array([length_ft]), length_ft, k0, k1)[0].tolist()
    theta = (k0 + k1) / 2 * length_ft
    return Spiral(
        length_ft, start_radius_ft, end_radius_ft, math.degrees(theta), x, y, math.hypot(x, y), math.degrees(math.atan2(y, x))
    )


def spiral_vertices(start: ArrayLike, end: ArrayLike, spiral: Spiral, hand: str, *, sagitta_ft: float = SAGITTA_FT) -> np.ndarray:
    """
    Points on a spiral between two places, no chord of which leaves it by more than the sagitta.

    Worked out from the place that sorts first, as `citygis.cogo.arc_vertices`, so that two neighbours get the same vertices.

    Parameters
    ----------
    start, end : array (2,)
        As far apart as the chord of the spiral. They come back as they are.
    spiral : Spiral
    hand : {"L", "R"}
    sagitta_ft : float

    Returns
    -------
    array (n, 2)
    """
    sign = require_hand(hand)
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    backwards = tuple(last) < tuple(first)
    if backwards:
        first, last, sign = last, first, -sign
        spiral = solve_spiral(spiral.length_ft, spiral.start_radius_ft, spiral.end_radius_ft)
    tightest = min(spiral.start_radius_ft, spiral.end_radius_ft)
    widest = 2 * tightest * math.acos(1 - min(sagitta_ft / tightest, 1.0))
    pieces = max(1, math.ceil(spiral.length_ft / widest - 1e-9))
    stations = np.arange(pieces + 1) / pieces * spiral.length_ft
    local = _along(stations, spiral.length_ft, 1 / spiral.start_radius_ft, 1 / spiral.end_radius_ft)
    tangent = math.atan2(*(last - first)) - sign * math.radians(spiral.deflection_deg)
    ahead = np.array([math.sin(tangent), math.cos(tangent)])
    right = np.array([ahead[1], -ahead[0]])
    points = first + local[:, :1] * ahead + sign * local[:, 1:] * right
    points[0], points[-1] = first, last
    return points[::-1].copy() if backwards else points


def spiral_segment_sqft(spiral: Spiral) -> float:
    """Area between a spiral and its chord; square feet. Half the integral of the cross product of place and direction."""
    stations = (_NODES + 1) / 2 * spiral.length_ft
    k0, k1 = 1 / spiral.start_radius_ft, 1 / spiral.end_radius_ft
    places = _along(stations, spiral.length_ft, k0, k1)
    heading = k0 * stations + (k1 - k0) * stations**2 / (2 * spiral.length_ft)
    cross = places[:, 0] * np.sin(heading) - places[:, 1] * np.cos(heading)
    return float(abs(np.sum(_WEIGHTS * cross)) * spiral.length_ft / 4)


def _along(stations: np.ndarray, length: float, k0: float, k1: float) -> np.ndarray:
    """Places at stations of a spiral, along and off its first tangent; shape (n, 2)."""
    s = stations[:, None] * (_NODES + 1) / 2
    heading = k0 * s + (k1 - k0) * s**2 / (2 * length)
    half = stations / 2
    return np.stack([half * (np.cos(heading) @ _WEIGHTS), half * (np.sin(heading) @ _WEIGHTS)], axis=1)
