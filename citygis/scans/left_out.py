"""
Points left out in turn, without fitting anew: residuals and leverages (Cook and Weisberg, Residuals and Influence in Regression,
1982, chapter 2).
"""

import numpy as np


def leverages(kind: str, source: np.ndarray) -> np.ndarray:
    """
    How much each point of a similarity or an affine draws the fit to itself: 0 not at all, 1 wherever it is.

    Parameters
    ----------
    kind : {"helmert", "affine"}
    source : array (n, 2)
        Pixels.

    Returns
    -------
    array (n,)
    """
    centered = source - source.mean(axis=0)
    if kind == "helmert":
        return 1 / len(source) + (centered**2).sum(axis=1) / (centered**2).sum()
    q = np.linalg.qr(np.column_stack([np.full(len(source), np.abs(centered).max()), centered]))[0]
    return (q**2).sum(axis=1)


def left_out_lengths(residuals: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """
    How far a least-squares fit to all other points misses each: its residual over one less its leverage.

    Parameters
    ----------
    residuals : array (n, 2)
    leverage : array (n,)

    Returns
    -------
    array (n,)
        NaN where the leverage is 1: the fit passes through such a point wherever it is, and the others do not settle the fit.
    """
    free = 1 - leverage
    checked = free > 1e-9
    return np.where(checked, np.hypot(*residuals.T) / np.where(checked, free, 1.0), np.nan)
