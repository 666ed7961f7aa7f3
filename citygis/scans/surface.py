"""
Surfaces that bend: a polynomial of order 2 and the thin plate spline, each with the misses of leaving every point out in turn.
"""

from typing import NamedTuple

import numpy as np

from citygis.scans.left_out import left_out_lengths

ORDER2_UNKNOWNS = 6
"""Per coordinate: 1, u, v, u², uv, v²."""

_WORST_CONDITION = 1e8


class Surface(NamedTuple):
    """
    A bent fit of pixels to the ground.

    Attributes
    ----------
    kind : {"order2", "tps"}
    middle, span : array (2,), float
        Pixels are taken as (pixel - middle) / span, which keeps the powers of thousands of pixels apart.
    knots : array (k, 2)
        Of the spline, in those units; none of the polynomial.
    coefficients : array (k + 3, 2) or (6, 2)
    origin_ft : array (2,)
        Added to what the coefficients give.
    residuals_ft : array (n, 2)
        Fitted less target. Of the spline they are 0 whatever the points are, and say nothing.
    left_out_ft : array (n,)
        How far the surface through all other points misses each; NaN where the others do not settle it.
    """

    kind: str
    middle: np.ndarray
    span: float
    knots: np.ndarray
    coefficients: np.ndarray
    origin_ft: np.ndarray
    residuals_ft: np.ndarray
    left_out_ft: np.ndarray


def bent_surface(kind: str, source: np.ndarray, target: np.ndarray) -> Surface:
    """
    The polynomial of order 2, or the thin plate spline, of points to points.

    Parameters
    ----------
    kind : {"order2", "tps"}
    source : array (n, 2)
        Pixels. At least 6 for order 2.
    target : array (n, 2)
        Easting and northing in feet.

    Returns
    -------
    Surface

    Notes
    -----
    Leaving a point out is exact in one solution: of the polynomial by its leverage (Cook and Weisberg, Residuals and Influence in
    Regression, chapter 2), of the spline (Duchon 1977, radial function r² log r) by the diagonal of the inverse (Rippa, An
    algorithm for selecting a good value for the parameter c, Adv. Comput. Math. 11, 1999, section 3).

    Raises
    ------
    ValueError
        If there are too few points, two of a spline fall on one pixel, or the points lie on one line or conic.
    """
    middle = source.mean(axis=0)
    span = float(np.abs(source - middle).max())
    unit, origin = (source - middle) / span, target.mean(axis=0)
    solve = _polynomial if kind == "order2" else _spline
    coefficients, left_out = solve(unit, target - origin)
    knots = unit if kind == "tps" else np.empty((0, 2))
    made = Surface(kind, middle, span, knots, coefficients, origin, np.empty((0, 2)), left_out)
    return made._replace(residuals_ft=surface_ground(made, source) - target)


def surface_ground(surface: Surface, pixels: np.ndarray) -> np.ndarray:
    """Pixels, array (n, 2), on the ground: easting and northing in feet."""
    unit = (np.asarray(pixels, dtype=float) - surface.middle) / surface.span
    if surface.kind == "order2":
        return _powers(unit) @ surface.coefficients + surface.origin_ft
    design = np.column_stack([_radial(unit, surface.knots), np.ones(len(unit)), unit])
    return design @ surface.coefficients + surface.origin_ft


def _polynomial(unit: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(unit)
    if n < ORDER2_UNKNOWNS:
        raise ValueError(f"Invalid fit of order 2 to {n} points. Must have at least {ORDER2_UNKNOWNS}.")
    design = _powers(unit)
    if np.linalg.cond(design) > _WORST_CONDITION:
        raise ValueError("Invalid points of a fit of order 2. Must not lie on one line or conic.")
    q, r = np.linalg.qr(design)
    coefficients = np.linalg.solve(r, q.T @ target)
    return coefficients, left_out_lengths(design @ coefficients - target, (q**2).sum(axis=1))


def _spline(unit: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    n = len(unit)
    if len(np.unique(unit, axis=0)) < n:
        raise ValueError("Invalid points of a thin plate spline. Must not have two on one pixel.")
    flat = np.column_stack([np.ones(n), unit])
    system = np.block([[_radial(unit, unit), flat], [flat.T, np.zeros((3, 3))]])
    inverse = np.linalg.inv(system)
    coefficients = inverse[:, :n] @ target
    diagonal = np.abs(np.diag(inverse)[:n])
    settled = diagonal > diagonal.max() * 1e-9
    with np.errstate(divide="ignore", invalid="ignore"):
        left_out = np.hypot(*coefficients[:n].T) / diagonal
    return coefficients, np.where(settled, left_out, np.nan)


def _powers(unit: np.ndarray) -> np.ndarray:
    u, v = unit.T
    return np.column_stack([np.ones(len(unit)), u, v, u * u, u * v, v * v])


def _radial(points: np.ndarray, knots: np.ndarray) -> np.ndarray:
    squared = ((points[:, None, :] - knots[None, :, :]) ** 2).sum(axis=2)
    # r² log r, and 0 in its middle.
    return 0.5 * squared * np.log(np.where(squared > 0, squared, 1.0))
