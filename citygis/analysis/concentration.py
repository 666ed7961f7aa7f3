"""
Whether counts stand together more than chance puts them: Gi*, the chance of a count on a piece of ground, and what to believe
when many places are tested at once.
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SHUFFLED_AT_ONCE = 4_000_000


def within_reach(easting: np.ndarray, northing: np.ndarray, reach_ft: float) -> "csr_array":
    """
    Which places are within reach of each, itself included: m x m, 1 where so.

    A pair at `reach_ft`, but for the rounding of coordinates, is within.
    """
    from scipy.sparse import csr_array
    from scipy.spatial import cKDTree

    m = len(easting)
    # The tree works near zero: far from it the least distances drown in the rounding of the coordinates.
    points = np.stack([easting - easting.min(), northing - northing.min()], axis=1)
    one, other = cKDTree(points).query_pairs(reach_ft * (1 + 1e-9), output_type="ndarray").T
    every = np.arange(m)
    rows, columns = np.concatenate([one, other, every]), np.concatenate([other, one, every])
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(m, m))


def gi_star(counts: np.ndarray, near: "csr_array") -> np.ndarray:
    """
    The local statistic Gi* of each cell, as a standard score.

    Parameters
    ----------
    counts : array of m
    near : m x m sparse of 0 and 1
        As `within_reach` gives it; binary weights, the cell itself among them.

    Returns
    -------
    array of m float
        0 where all counts are alike, or the neighbourhood is the whole grid.

    Notes
    -----
    Ord and Getis 1995, "Local Spatial Autocorrelation Statistics: Distributional Issues and an Application", Geographical Analysis
    27:286-306, eq. 14: the sum over the neighbourhood less its expectation, over its standard deviation when counts are dealt out
    anew. With weights standardised by row and the cell itself among them the score is another one; binary it must be.
    """
    m = len(counts)
    x = np.asarray(counts, dtype=float)
    weight = np.asarray(near.sum(axis=1)).ravel()
    mean = x.mean()
    deviation = np.sqrt(max(float((x**2).mean() - mean**2), 0.0))
    spread = deviation * np.sqrt(np.maximum(m * weight - weight**2, 0.0) / max(m - 1, 1))
    return np.divide(near @ x - mean * weight, spread, out=np.zeros(m), where=spread > 0)


def normal_p(score: np.ndarray) -> np.ndarray:
    """How often chance gives a standard score as far from 0, to either side."""
    from scipy.special import ndtr

    return 2 * ndtr(-np.abs(score))


def ground_p(counts: np.ndarray, share: np.ndarray, total: int) -> np.ndarray:
    """
    How often chance puts as many, or as few, of all events on pieces of ground, if events fall anywhere alike.

    Parameters
    ----------
    counts : array of m int
        Events on each piece.
    share : array of m float
        What part of all ground each is.
    total : int
        Events on all ground.

    Returns
    -------
    array of m float
        Twice the smaller tail of the binomial distribution, at most 1; exact, however small the counts.
    """
    from scipy.special import betainc

    counts = np.asarray(counts, dtype=float)
    share = np.clip(share, 0.0, 1.0)
    # Of a binomial variable, P(X >= c) is the regularised incomplete beta function of c and n - c + 1 at the share.
    as_many = np.where(counts > 0, betainc(np.maximum(counts, 1), total - np.maximum(counts, 1) + 1, share), 1.0)
    more = np.where(counts < total, betainc(np.minimum(counts, total - 1) + 1, np.maximum(total - counts, 1), share), 0.0)
    return np.minimum(1.0, 2 * np.minimum(as_many, 1.0 - more))


def believed(p: np.ndarray, rate: float) -> np.ndarray:
    """
    Which of many tests to believe, so that of those believed no more than a rate is false, on the average.

    Parameters
    ----------
    p : array of m float
    rate : float
        The false-discovery rate.

    Returns
    -------
    array of m bool

    Notes
    -----
    Benjamini and Hochberg 1995, "Controlling the False Discovery Rate", Journal of the Royal Statistical Society B 57:289-300: the
    largest k for which the k-th smallest p is at most ``k / m * rate``, and all up to it.
    """
    m = len(p)
    if not m:
        return np.zeros(0, dtype=bool)
    ordered = np.sort(p)
    passed = np.flatnonzero(ordered <= np.arange(1, m + 1) / m * rate)
    return p <= ordered[passed[-1]] if len(passed) else np.zeros(m, dtype=bool)


def shuffled_p(counts: np.ndarray, near: "csr_array", rows: np.ndarray, *, times: int) -> np.ndarray:
    """
    How often the sum over a neighbourhood is as large when the counts are dealt out anew over all cells.

    Parameters
    ----------
    counts : array of m
        In an order of their own, such as that of the grid: the shuffles are always the same ones.
    near : m x m sparse
    rows : array of k int
        The cells to tell it of.
    times : int
        Shuffles.

    Returns
    -------
    array of k float
        ``(1 + as large) / (1 + times)``.
    """
    some = near[rows]
    x = np.asarray(counts, dtype=float)
    seen = some @ x
    reached = np.zeros(len(rows))
    generator = np.random.default_rng(0)
    left = times
    while left:
        now = min(left, max(1, _SHUFFLED_AT_ONCE // len(x)))
        dealt = generator.permuted(np.broadcast_to(x, (now, len(x))), axis=1)
        reached += (some @ dealt.T >= seen[:, None]).sum(axis=1)
        left -= now
    return (1 + reached) / (1 + times)


class RateChange(NamedTuple):
    """
    How a rate changed from one period to the next.

    Attributes
    ----------
    ratio : array of float
        This period's rate over the last one's; infinite where the last had none, null where neither had any.
    low, high : arrays of float
        Its interval of confidence.
    p : array of float
        How often chance alone gives a change as large, to either side.
    """

    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray


def rate_change(this: np.ndarray, last: np.ndarray, *, this_days: float, last_days: float, confidence: float) -> RateChange:
    """
    The change of rates between two periods, with its uncertainty.

    Parameters
    ----------
    this, last : arrays of int
        Events.
    this_days, last_days : float
        How long each period is.
    confidence : float
        Such as 0.95.

    Notes
    -----
    Given both counts together, that of this period is binomial; the interval is that of Clopper and Pearson 1934 ("The use of
    confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26:404-413), turned into one of the ratio:
    it holds at least as often as `confidence` says.
    """
    from scipy.special import betaincinv

    this, last = np.asarray(this, dtype=float), np.asarray(last, dtype=float)
    tail = (1 - confidence) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        low = np.where(this > 0, betaincinv(np.maximum(this, 1), last + 1, tail), 0.0)
        high = np.where(last > 0, betaincinv(this + 1, np.maximum(last, 1), 1 - tail), 1.0)
        turned = [share / (1 - share) * last_days / this_days for share in (low, high)]
        ratio = (this / this_days) / (last / last_days)
    both = this + last
    p = np.ones(len(both))
    for total in np.unique(both[both > 0]):
        at = both == total
        p[at] = ground_p(this[at], np.full(at.sum(), this_days / (this_days + last_days)), int(total))
    return RateChange(ratio, *turned, p)
