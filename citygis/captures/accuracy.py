"""
Accuracy statements: what the residuals at check points allow to be said, in the words of the two standards, or why nothing is said.

A residual is the tested position minus that of the check point, in feet. Nothing is left out of a statement: a blunder is shown,
and counts until a person has removed it with a reason.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from citygis.units import US_SURVEY_FOOT

NSSDA_CHECK_POINTS = 20
"""The fewest check points of the NSSDA. FGDC-STD-007.3-1998, section 3.2.2."""

ASPRS_CHECK_POINTS = 30
"""The fewest check points of ASPRS Edition 2 (2023), which asks for no more than 120 however large the area is."""

CIRCULAR_95 = 2.4477
"""95 % of a circular normal distribution, over one component's standard error. FGDC-STD-007.3-1998, appendix 3-A, section 1."""

RADIAL_95 = 1.7308
"""The same over the radial one: 2.4477 / 1.4142. FGDC-STD-007.3-1998, appendix 3-A, section 1."""

LINEAR_95 = 1.9600
"""95 % of a normal distribution, over its standard error. FGDC-STD-007.3-1998, appendix 3-A, section 2."""

LEAST_RATIO = 0.6
"""RMSE_min / RMSE_max below which 2.4477 is no approximation any more. FGDC-STD-007.3-1998, appendix 3-A, section 1."""

BIAS_SHARE = 0.25
"""A mean error above this share of the RMSE is told. ASPRS Positional Accuracy Standards, section on systematic and mean errors."""

BLUNDER_SIGMAS = 4.0
"""How many robust standard deviations from the middle of the residuals a blunder lies; noise does so 3 times in 10,000."""

_RAYLEIGH_MEDIAN = 1.17741  # sqrt(2 ln 2), the median of a circular normal distribution over a component's standard deviation
_NORMAL_MEDIAN = 0.67449  # the median of |normal| over its standard deviation


class Nssda(NamedTuple):
    """
    An accuracy statement by the NSSDA. Feet; None where there is nothing, or where it is withheld.

    ``statement`` is the sentence that may be published, as far as one may; ``withheld`` says why, part by part, where one may not.
    ``count_h`` counts the check points with a height. ``blunders`` are the positions, from 0, of residuals that do not belong
    to the rest; they are part of every figure.
    """

    count: int
    mean_e_ft: float
    mean_n_ft: float
    rmse_e_ft: float
    rmse_n_ft: float
    rmse_r_ft: float
    accuracy_r_ft: float | None
    count_h: int
    mean_h_ft: float | None
    rmse_h_ft: float | None
    accuracy_h_ft: float | None
    statement: str | None
    withheld: tuple[str, ...]
    blunders: tuple[int, ...]


class Asprs(NamedTuple):
    """
    An accuracy statement by ASPRS Edition 2. Feet; None where there is nothing.

    ``rmse_h1_ft`` and ``rmse_v1_ft`` are measured, ``rmse_h_ft`` and ``rmse_v_ft`` hold the check points' own error too,
    ``rmse_3d_ft`` joins them. ``statement``, ``withheld`` and ``blunders`` as in `Nssda`; ``bias`` tells each mean error that is
    large for its RMSE.
    """

    count: int
    mean_e_ft: float
    mean_n_ft: float
    rmse_h1_ft: float
    rmse_h_ft: float
    count_v: int
    mean_v_ft: float | None
    rmse_v1_ft: float | None
    rmse_v_ft: float | None
    rmse_3d_ft: float | None
    statement: str | None
    withheld: tuple[str, ...]
    bias: tuple[str, ...]
    blunders: tuple[int, ...]


def nssda(residual_e_ft: ArrayLike, residual_n_ft: ArrayLike, residual_h_ft: ArrayLike | None = None) -> Nssda:
    """
    Positional accuracy at 95 % confidence, by the National Standard for Spatial Data Accuracy.

    Parameters
    ----------
    residual_e_ft, residual_n_ft : arrays of n
        Tested minus check point; finite.
    residual_h_ft : array of n, optional
        The same for heights of one kind; not a number where a check point has none.

    Returns
    -------
    Nssda
        Accuracy_r = 1.7308 RMSE_r where RMSE_e = RMSE_n, else 2.4477 (RMSE_e + RMSE_n) / 2 where the smaller is at least 0.6 of
        the larger; withheld below that ratio, and below 20 check points. Accuracy_z = 1.9600 RMSE_z, withheld below 20. With 20
        points, one may lie beyond the accuracy stated. Figures in the statement are to the hundredth of a foot, as the coordinates
        are.

    Raises
    ------
    ValueError
        If there is no check point, the arrays differ in length, or a horizontal residual is not finite.

    Notes
    -----
    FGDC-STD-007.3-1998, sections 3.2.2 and 3.2.3 and appendix 3-A. The check points must be of a source of higher accuracy,
    independent of what is tested, which cannot be seen from residuals.
    """
    e, n, h = _residuals(residual_e_ft, residual_n_ft, residual_h_ft)
    rmse_e, rmse_n, withheld = _rmse(e), _rmse(n), []
    ratio = min(rmse_e, rmse_n) / max(rmse_e, rmse_n) if max(rmse_e, rmse_n) > 0 else 1.0
    accuracy_r = accuracy_h = None
    if len(e) < NSSDA_CHECK_POINTS:
        withheld.append(f"horizontal accuracy: {_few(len(e), NSSDA_CHECK_POINTS, 'NSSDA')}")
    elif ratio < LEAST_RATIO:
        withheld.append(
            f"horizontal accuracy: the RMSE of easting and northing, {rmse_e:.2f} and {rmse_n:.2f} ft, have the ratio"
            f" {ratio:.2f}; below {LEAST_RATIO} the error is not circular and one figure cannot stand for both"
        )
    else:
        accuracy_r = RADIAL_95 * np.hypot(rmse_e, rmse_n) if ratio > 1 - 1e-9 else CIRCULAR_95 * (rmse_e + rmse_n) / 2
    if 0 < len(h) < NSSDA_CHECK_POINTS:
        withheld.append(f"vertical accuracy: {_few(len(h), NSSDA_CHECK_POINTS, 'NSSDA')} with a height")
    elif len(h):
        accuracy_h = LINEAR_95 * _rmse(h)
    parts = [
        f"{accuracy:.2f} feet {kind} accuracy at 95% confidence level"
        for kind, accuracy in (("horizontal", accuracy_r), ("vertical", accuracy_h))
        if accuracy is not None
    ]
    return Nssda(
        count=len(e),
        mean_e_ft=float(e.mean()),
        mean_n_ft=float(n.mean()),
        rmse_e_ft=rmse_e,
        rmse_n_ft=rmse_n,
        rmse_r_ft=float(np.hypot(rmse_e, rmse_n)),
        accuracy_r_ft=None if accuracy_r is None else float(accuracy_r),
        count_h=len(h),
        mean_h_ft=float(h.mean()) if len(h) else None,
        rmse_h_ft=_rmse(h) if len(h) else None,
        accuracy_h_ft=accuracy_h,
        statement=f"Tested {'; '.join(parts)}." if parts else None,
        withheld=tuple(withheld),
        blunders=_blunders(residual_e_ft, residual_n_ft, residual_h_ft),
    )


def asprs_2023(
    residual_e_ft: ArrayLike,
    residual_n_ft: ArrayLike,
    residual_h_ft: ArrayLike | None = None,
    *,
    class_ft: float,
    check_rmse_h_ft: float,
    class_v_ft: float | None = None,
    check_rmse_v_ft: float | None = None,
) -> Asprs:
    """
    Positional accuracy as RMSE, by the ASPRS Positional Accuracy Standards for Digital Geospatial Data, Edition 2.

    Parameters
    ----------
    residual_e_ft, residual_n_ft, residual_h_ft : arrays of n
        As in `nssda`.
    class_ft : float
        RMSE_H of the accuracy class that is to be met.
    check_rmse_h_ft : float
        RMSE of the check points themselves, horizontal and radial, as their survey states it.
    class_v_ft, check_rmse_v_ft : float, optional
        The same for heights; both are needed where heights are given.

    Returns
    -------
    Asprs
        RMSE_H = sqrt(RMSE_H1^2 + RMSE_H2^2), of the residuals (radial) and of the check points; RMSE_V likewise; RMSE_3D =
        sqrt(RMSE_H^2 + RMSE_V^2). There is no figure at 95 %: Edition 2 has none. The statement is withheld below 30 check points
        and where the class is not met.

    Raises
    ------
    ValueError
        As `nssda`; and if a class or an accuracy of the check points is missing or not a length.

    Notes
    -----
    ASPRS, Edition 2, Version 1.0 (2023-08-23). The residuals, their means and the RMSE are given whatever the number of points is.
    """
    e, n, v = _residuals(residual_e_ft, residual_n_ft, residual_h_ft)
    _require_length(class_ft=class_ft, check_rmse_h_ft=check_rmse_h_ft)
    if len(v):
        _require_length(class_v_ft=class_v_ft, check_rmse_v_ft=check_rmse_v_ft)
    withheld, said = [], []
    rmse_h1 = float(np.hypot(_rmse(e), _rmse(n)))
    rmse_h = float(np.hypot(rmse_h1, check_rmse_h_ft))
    rmse_v1 = _rmse(v) if len(v) else None
    rmse_v = float(np.hypot(rmse_v1, check_rmse_v_ft)) if len(v) else None
    parts = [("horizontal positional", "H", len(e), rmse_h, class_ft)]
    if len(v):
        parts.append(("vertical", "V", len(v), rmse_v, class_v_ft))
    for kind, letter, count, rmse, limit in parts:
        if count < ASPRS_CHECK_POINTS:
            withheld.append(f"{kind} accuracy: {_few(count, ASPRS_CHECK_POINTS, 'ASPRS Edition 2')}")
        elif rmse > limit:
            withheld.append(f"{kind} accuracy: RMSE_{letter} is {rmse:.3f} ft, the class is {limit:g} ft, so it is not met")
        else:
            said.append(
                "This data set was tested to meet ASPRS Positional Accuracy Standards for Digital Geospatial Data, Edition 2 (2023)"
                f" for a {_both(limit)} RMSE_{letter} {kind} accuracy class. The tested {kind} accuracy was found to be"
                f" RMSE_{letter} = {_both(rmse)}."
            )
    named = [("easting", e), ("northing", n), ("height", v)]
    bias = [
        f"the mean error in {name} is {each.mean():+.3f} ft, {abs(each.mean()) / _rmse(each):.0%} of its RMSE"
        for name, each in named
        if len(each) and abs(each.mean()) > BIAS_SHARE * _rmse(each)
    ]
    return Asprs(
        count=len(e),
        mean_e_ft=float(e.mean()),
        mean_n_ft=float(n.mean()),
        rmse_h1_ft=rmse_h1,
        rmse_h_ft=rmse_h,
        count_v=len(v),
        mean_v_ft=float(v.mean()) if len(v) else None,
        rmse_v1_ft=rmse_v1,
        rmse_v_ft=rmse_v,
        rmse_3d_ft=float(np.hypot(rmse_h, rmse_v)) if len(v) else None,
        statement=" ".join(said) or None,
        withheld=tuple(withheld),
        bias=tuple(bias),
        blunders=_blunders(residual_e_ft, residual_n_ft, residual_h_ft),
    )


def _residuals(e: ArrayLike, n: ArrayLike, h: ArrayLike | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Horizontal residuals of all, heights of those that have one."""
    e, n = np.asarray(e, dtype=float), np.asarray(n, dtype=float)
    h = np.full(e.shape, np.nan) if h is None else np.asarray(h, dtype=float)
    if e.ndim != 1 or not len(e) or not e.shape == n.shape == h.shape:
        shapes = ", ".join(str(each.shape) for each in (e, n, h))
        raise ValueError(f"Invalid residuals of shapes {shapes}. Must be lists of one length, with one check point at least.")
    if not (np.isfinite(e).all() and np.isfinite(n).all()):
        at = int(np.flatnonzero(~(np.isfinite(e) & np.isfinite(n)))[0])
        raise ValueError(f"Invalid residual at position {at}: ({e[at]}, {n[at]}). Must be finite; leave out what was not matched.")
    if np.isinf(h).any():
        raise ValueError("Invalid residual in height: infinite. Must be finite, or not a number where there is none.")
    return e, n, h[np.isfinite(h)]


def _require_length(**lengths: float | None) -> None:
    for name, value in lengths.items():
        if value is None or not (np.isfinite(value) and value >= 0):
            raise ValueError(f"Invalid {name} {value!r}. Must be a length in feet: the standard has no statement without it.")


def _rmse(residual: np.ndarray) -> float:
    return float(np.sqrt(np.mean(residual**2)))


def _few(count: int, least: int, standard: str) -> str:
    return f"the {standard} asks for {least} check points at least, and there are {count}"


def _both(feet: float) -> str:
    return f"{feet:.2f} ft ({feet * float(US_SURVEY_FOOT) * 100:.1f} cm)"


def _blunders(residual_e_ft: ArrayLike, residual_n_ft: ArrayLike, residual_h_ft: ArrayLike | None) -> tuple[int, ...]:
    """Residuals far from the middle of the others, measured by medians, which a blunder does not move."""
    e, n = np.asarray(residual_e_ft, dtype=float), np.asarray(residual_n_ft, dtype=float)
    far = np.hypot(e - np.median(e), n - np.median(n))
    found = far > np.maximum(BLUNDER_SIGMAS * np.median(far) / _RAYLEIGH_MEDIAN, 1e-9)
    if residual_h_ft is not None and np.isfinite(h := np.asarray(residual_h_ft, dtype=float)).any():
        far = np.abs(h - np.nanmedian(h))
        found |= far > np.maximum(BLUNDER_SIGMAS * np.nanmedian(far) / _NORMAL_MEDIAN, 1e-9)
    return tuple(int(each) for each in np.flatnonzero(found))
