"""
Fits of a drawing to the ground: similarity (Helmert) and affine, each with what it hides.

A fit is never given by its residuals alone: those reward the worst model, and are nothing at all without redundancy. Leaving each
point out in turn, the fit of the mirror image, and the scale tell what the residuals do not.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT

SWAP_TOLERANCE_DEG = 10.0
"""A mirrored fit that would be within this of grid north once easting and northing change places is taken for that exchange."""

FLAGS = {
    "no_redundancy": "as many unknowns as coordinates: residuals of 0 prove nothing",
    "mirrored": "the mirror image fits ten times better: the drawing is mirrored",
    "axes_swapped": "with easting and northing exchanged it fits ten times better",
    "metres": "the scale is that between metres and feet",
}


class Fit(NamedTuple):
    """
    A fit of points to points.

    Attributes
    ----------
    kind : {"helmert", "affine"}
    matrix : array (2, 2)
        Target = matrix · source + shift, on (easting, northing).
    shift_ft : array (2,)
    scale : float
        Target per source; of an affine, the root of its change of area.
    rotation_deg : float
        Clockwise, in [-180, 180); of an affine, that of its nearest similarity.
    residuals_ft : array (n, 2)
        Fitted less target.
    rms_ft : float
        Root mean square of their lengths.
    s0_ft : float
        Standard error of one coordinate; NaN without redundancy.
    redundancy : int
    left_out_ft : array (n,)
        How far the fit to all other points misses each; NaN without redundancy.
    mirrored_rms_ft : float
        `rms_ft` of the same fit to the mirror image; NaN for an affine, which fits both alike.
    flags : tuple of str
        Keys of `FLAGS`.
    """

    kind: str
    matrix: np.ndarray
    shift_ft: np.ndarray
    scale: float
    rotation_deg: float
    residuals_ft: np.ndarray
    rms_ft: float
    s0_ft: float
    redundancy: int
    left_out_ft: np.ndarray
    mirrored_rms_ft: float
    flags: tuple[str, ...]

    def scale_ppm(self, expected: float = 1.0) -> float:
        """Parts per million by which the scale differs from an expected one, such as the combined factor of the place."""
        return (self.scale / expected - 1) * 1e6


def helmert(source: ArrayLike, target: ArrayLike) -> Fit:
    """
    The similarity (shift, rotation, scale) that fits points best.

    Parameters
    ----------
    source, target : array (n, 2), n at least 2
        Easting and northing of the same points in the drawing and on the ground.

    Returns
    -------
    Fit
        With two points it is flagged ``no_redundancy``.

    Notes
    -----
    Least squares in complex numbers, target = a · source + b. Leaving a point out divides its residual by one less its leverage
    (Cook and Weisberg, Residuals and Influence in Regression, chapter 2), which is exact.

    Raises
    ------
    ValueError
        If there are fewer than two points, they do not pair, or all fall on one place.
    """
    source, target = _paired(source, target, at_least=2)
    n = len(source)
    (a, b), residuals = _similar(source, target)
    mirror = _similar(source * [-1, 1], target)[1]
    rms, mirrored_rms = _rms(residuals), _rms(mirror)
    centered = source - source.mean(axis=0)
    leverage = 1 / n + (centered**2).sum(axis=1) / (centered**2).sum()
    redundancy = 2 * n - 4
    scale, rotation = abs(a), -math.degrees(math.atan2(a.imag, a.real))
    flags = [] if redundancy else ["no_redundancy"]
    if redundancy and mirrored_rms < rms / 10:
        swapped = _similar(source[:, ::-1], target)[0][0]
        turned = abs(math.degrees(math.atan2(swapped.imag, swapped.real)))
        flags.append("axes_swapped" if turned < SWAP_TOLERANCE_DEG else "mirrored")
    if _is_metres(scale):
        flags.append("metres")
    return Fit(
        "helmert",
        np.array([[a.real, -a.imag], [a.imag, a.real]]),
        np.array([b.real, b.imag]),
        scale,
        (rotation + 180) % 360 - 180,
        residuals,
        rms,
        math.sqrt((residuals**2).sum() / redundancy) if redundancy else math.nan,
        redundancy,
        np.hypot(*residuals.T) / (1 - leverage) if redundancy else np.full(n, math.nan),
        mirrored_rms,
        tuple(flags),
    )


def affine(source: ArrayLike, target: ArrayLike) -> Fit:
    """
    The affine (six parameters) that fits points best: for scans, whose paper shrank unevenly.

    Parameters, errors and notes as `helmert`, with three points at least, not on one line; with three it is flagged
    ``no_redundancy``. A ``mirrored`` flag says that the fit itself turns the drawing over.
    """
    source, target = _paired(source, target, at_least=3)
    n = len(source)
    middle = source.mean(axis=0)
    design = np.column_stack([source - middle, np.ones(n)])
    if np.linalg.cond(design / np.abs(design).max(axis=0)) > 1e8:
        raise ValueError("Invalid points of an affine fit. Must not lie on one line.")
    solved = np.linalg.lstsq(design, target, rcond=None)[0]
    matrix = solved[:2].T
    residuals = design @ solved - target
    leverage = np.einsum("ij,ji->i", design, np.linalg.pinv(design))
    redundancy = 2 * n - 6
    flags = [] if redundancy else ["no_redundancy"]
    determinant = float(np.linalg.det(matrix))
    scale = math.sqrt(abs(determinant))
    if determinant < 0:
        flags.append("mirrored")
    if _is_metres(scale):
        flags.append("metres")
    return Fit(
        "affine",
        matrix,
        solved[2] - matrix @ middle,
        scale,
        -math.degrees(math.atan2(matrix[1, 0] - matrix[0, 1], matrix[0, 0] + matrix[1, 1])),
        residuals,
        _rms(residuals),
        math.sqrt((residuals**2).sum() / redundancy) if redundancy else math.nan,
        redundancy,
        np.hypot(*residuals.T) / (1 - leverage) if redundancy else np.full(n, math.nan),
        math.nan,
        tuple(flags),
    )


def fitted(fit: Fit, points: ArrayLike) -> np.ndarray:
    """Points of the drawing, array (n, 2), on the ground."""
    return np.asarray(points, dtype=float) @ fit.matrix.T + fit.shift_ft


def _paired(source: ArrayLike, target: ArrayLike, *, at_least: int) -> tuple[np.ndarray, np.ndarray]:
    source, target = np.asarray(source, dtype=float), np.asarray(target, dtype=float)
    if source.shape != target.shape or source.ndim != 2 or source.shape[1] != 2:
        raise ValueError(
            f"Invalid points of shape {source.shape} and {target.shape}. Must be two arrays of as many eastings and northings."
        )
    if len(source) < at_least:
        raise ValueError(f"Invalid fit to {len(source)} points. Must have at least {at_least}.")
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("Invalid points of a fit. Must be finite numbers.")
    if (np.ptp(source, axis=0) == 0).all():
        raise ValueError("Invalid points of a fit. Must not all fall on one place.")
    return source, target


def _similar(source: np.ndarray, target: np.ndarray) -> tuple[tuple[complex, complex], np.ndarray]:
    z, w = source[:, 0] + 1j * source[:, 1], target[:, 0] + 1j * target[:, 1]
    zc, wc = z - z.mean(), w - w.mean()
    a = complex(np.vdot(zc, wc) / np.vdot(zc, zc))
    left = a * zc - wc
    return (a, complex(w.mean() - a * z.mean())), np.column_stack([left.real, left.imag])


def _rms(residuals: np.ndarray) -> float:
    return math.sqrt(float((residuals**2).sum(axis=1).mean()))


def _is_metres(scale: float) -> bool:
    ratios = [float(foot) / float(METRE) for foot in (US_SURVEY_FOOT, INTERNATIONAL_FOOT)]
    # Ground factors stay within 500 ppm of 1 below 10,000 ft.
    return any(abs(scale / ratio - 1) < 5e-4 or abs(scale * ratio - 1) < 5e-4 for ratio in ratios)
