"""
What control points are suspected of: a blunder at one of them, and readings of two kinds, half a pixel apart.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from citygis.cogo import Fit
from citygis.scans.left_out import left_out_lengths, leverages

FALSE_ALARMS = 0.01
"""How often a table of sound points, whose errors are normal, has one of them accused."""

READING_PX = 0.01
"""Nobody reads a scan better: smaller errors are taken for this, so that a table without any accuses nobody over rounding."""

HALF_PX = 0.5
"""From the corner of a pixel to its centre, along the columns and down the rows."""

LEAST_READINGS = 8
"""Points from which a mixture of readings is looked for where nothing tells them apart: fewer match one by chance."""

EXPLAINED = 1 / 3
"""What may be left of the residuals for a mixture found by search to be believed."""

SHIFT_ERROR_PX = 0.12
"""The largest standard error of a shift between documents that is told from nothing: four of them are half a pixel."""


class Mixture(NamedTuple):
    """
    Readings of two kinds in one table.

    ``low`` (n,) marks the points whose columns and rows are half a pixel smaller than the rest want them, ``rms_px`` is what is
    left of the residuals, of ``before_px``, when they are moved, and ``document`` the source document that tells them apart, if
    one does.
    """

    low: np.ndarray
    before_px: float
    rms_px: float
    document: str | None


def blunders(fit_of: Callable[..., Fit], source: np.ndarray, target: np.ndarray) -> list[int]:
    """
    The points that do not belong to the rest, worst first.

    Parameters
    ----------
    fit_of : function
        `citygis.cogo.affine` or `citygis.cogo.helmert`.
    source, target : array (n, 2)

    Returns
    -------
    list of int
        Positions. Empty where there are too few points to say which is wrong.

    Notes
    -----
    The worst point is taken away, and the next from what is left, and so on for a third of them; the last that is out of
    proportion condemns all that went before it, so that two blunders do not hide one another (Rosner, Technometrics 25, 1983).
    Out of proportion is the F test of a shift at one point (Cook and Weisberg, section 2.2): the square of its two coordinates'
    part of the residuals over that of all others, at `FALSE_ALARMS` shared among the points and the steps (Bonferroni). With 2
    and m degrees of freedom the test has a closed form: P(F > f) = (1 + 2 f / m) ** (-m / 2).
    """
    kept, taken, wrong = np.arange(len(source)), [], 0
    steps = len(source) // 3
    for _ in range(steps):
        try:
            with np.errstate(divide="ignore", invalid="ignore"):  # a point without which the others settle nothing
                fit = fit_of(source[kept], target[kept])
        except ValueError:  # what is left lies on one line
            break
        m = fit.redundancy - 2
        if m < 1:
            break
        length = np.hypot(*fit.residuals_ft.T)
        left_out = left_out_lengths(fit.residuals_ft, leverages(fit.kind, source[kept]))
        part = np.nan_to_num(length * left_out)  # 0 of a point that the others do not check
        others = ((length**2).sum() - part) / m
        ratio = part / 2 / np.maximum(others, (READING_PX * fit.scale) ** 2)
        worst = int(ratio.argmax())
        taken.append(int(kept[worst]))
        if ratio[worst] > _limit(m, FALSE_ALARMS / (len(kept) * steps)):
            wrong = len(taken)
        kept = np.delete(kept, worst)
    return taken[:wrong]


def mixture(source: np.ndarray, fit: Fit, documents: np.ndarray) -> Mixture | None:
    """
    Whether some of the points are counted from the centre of the first pixel and the rest from its corner.

    Parameters
    ----------
    source : array (n, 2)
        Column, and row upwards (its negative), in pixels.
    fit : Fit
        Affine, of `source`.
    documents : array (n,) of str
        The source document of each.

    Returns
    -------
    Mixture or None
        By document, if the points of one lie half a pixel from the others, beyond chance; else by search, if moving some by exactly
        half a pixel takes away most of all residuals.
    """
    n = len(source)
    errors = fit.residuals_ft @ np.linalg.inv(fit.matrix).T * [1, -1]  # in columns and rows downwards
    design = np.column_stack([np.ones(n), source - source.mean(axis=0)])
    q = np.linalg.qr(design)[0]
    before = float(np.sqrt((errors**2).sum() / n))
    found = _by_document(errors, q, documents)
    if found is None and n >= LEAST_READINGS:
        low = _by_search(errors.mean(axis=1), q)
        if 2 <= low.sum() <= n - 2:
            found = low, None
    if found is None:
        return None
    low, document = found
    left = float(np.sqrt(((errors + HALF_PX * _freed(low, q)[:, None]) ** 2).sum() / n))
    if document is None and left > EXPLAINED * before:
        return None
    return Mixture(low, before, left, document)


def _by_document(errors: np.ndarray, q: np.ndarray, documents: np.ndarray) -> tuple[np.ndarray, str] | None:
    n = len(errors)
    m = 2 * n - 8
    names = sorted(set(documents))
    for name in names if len(names) > 1 else ():
        of = documents == name
        column = _freed(of, q)
        weight = float(column @ column)
        if of.sum() < 2 or n - of.sum() < 2 or weight < 1e-6 or m < 1:
            continue
        shift = -(column @ errors) / weight
        variance = float(((errors + column[:, None] * shift) ** 2).sum()) / m
        variance = max(variance, READING_PX**2)
        is_there = _ratio(shift, weight, variance) > _limit(m, FALSE_ALARMS / len(names))
        if not is_there or np.sqrt(variance / weight) > SHIFT_ERROR_PX:
            continue
        for sign in (1, -1):
            # Half a pixel is believed unless the shift is out of proportion from it too.
            if _ratio(shift - sign * HALF_PX, weight, variance) < _limit(m, 0.05):
                return (of, name) if sign > 0 else (~of, name)
    return None


def _by_search(along: np.ndarray, q: np.ndarray) -> np.ndarray:
    # Nearest by least squares of the half pixels that the fit has not swallowed; from several starts, one point changed at a time.
    best, least = np.zeros(len(along), dtype=bool), np.inf
    for share in np.linspace(0.1, 0.9, 9):
        low = along < np.quantile(along, share)
        energy = np.inf
        while True:
            left = along + HALF_PX * _freed(low, q)
            now = float(left @ left)
            if now >= energy - 1e-12:
                break
            energy, settled = now, low.copy()
            # Changing point k adds ±HALF_PX times column k of the projector I - q qT.
            step = np.where(low, -HALF_PX, HALF_PX)
            gain = 2 * step * (left - q @ (q.T @ left)) + step**2 * (1 - (q**2).sum(axis=1))
            low = low.copy()
            low[gain.argmin()] ^= True
        if energy < least:
            best, least = settled, energy
    return best


def _freed(marks: np.ndarray, q: np.ndarray) -> np.ndarray:
    marks = marks.astype(float)
    return marks - q @ (q.T @ marks)


def _ratio(shift: np.ndarray, weight: float, variance: float) -> float:
    return float((shift**2).sum()) * weight / 2 / variance


def _limit(m: int, chance: float) -> float:
    return m / 2 * (chance ** (-2 / m) - 1)
