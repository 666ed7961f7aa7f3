"""
Scanned maps tied to the City's system at control points, with what the residuals of the fit do not tell.

The fit's own residuals reward the worst model: a polynomial of order 3 has the smallest and errs by many feet between its
points, and a thin plate spline has none even when a point is off by 20 ft. So the affine (or the similarity) is fitted and
judged first, and what bends is made only when asked, on points that have passed.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import ArrayLike
from pyproj import CRS

from citygis.cogo import Fit, affine, fitted, helmert
from citygis.errors import CRSError
from citygis.findings import findings_frame, join_findings
from citygis.scans.left_out import left_out_lengths, leverages
from citygis.scans.surface import ORDER2_UNKNOWNS, Surface, bent_surface, surface_ground
from citygis.scans.suspicion import FALSE_ALARMS, Mixture, blunders, mixture
from citygis.units import require_feet

COLUMNS = ("name", "column", "row", "easting", "northing", "source_document", "used")
"""What a frame of control points must have."""

PIXEL_AT = ("centre", "corner")
"""What column 0, row 0 means: the centre of the first pixel, or its upper left corner (GDAL, QGIS and ArcGIS)."""

MODELS = ("affine", "helmert", "order2", "tps")
"""Helmert is shift, turn and one scale; the affine lets paper shrink unevenly; order 2 and the thin plate spline bend."""

_TURN_TOLERANCE_DEG = 10.0


class ScanFit(NamedTuple):
    """
    How a scan lies on the ground.

    Attributes
    ----------
    model, asked : str
        One of `MODELS`: what was made, and what was asked. They differ when the points have not passed (finding S06).
    base : Fit
        The affine, or the similarity where asked, of (column, row upwards) counted from the corner of the first pixel.
    surface : Surface or None
        What bends; None unless `model` is order2 or tps.
    points : DataFrame
        Those given, on their index, with ``corner_column`` and ``corner_row`` (counted from the corner of the first pixel),
        ``residual_easting_ft``, ``residual_northing_ft``, ``residual_ft`` (fitted less stated) and ``left_out_ft`` (how far the fit
        to all other points misses it; null where they do not settle it). All four are of `base` if `model` is tps, whose own
        residuals are always 0, else of `model`. A point that is not used has them all the same: the fit misses it by so much.
    models : DataFrame
        A row for each model that was made, the base first: ``model``, ``points``, ``degrees_of_freedom``, ``fit_rms_ft`` (null of
        tps, and without freedom), ``left_out_rms_ft`` and ``left_out_max_ft`` (null unless every point can be left out).
    crs : CRS
    findings : GeoDataFrame
        A findings frame, codes S01 to S07.
    """

    model: str
    asked: str
    base: Fit
    surface: Surface | None
    points: pd.DataFrame
    models: pd.DataFrame
    crs: CRS
    findings: gpd.GeoDataFrame

    @property
    def is_usable(self) -> bool:
        """Whether no finding is an error."""
        return not (self.findings["severity"] == "error").any()

    @property
    def quality(self) -> str:
        """One line a model: the RMS of the fit, never without that of the points left out, their number and the freedom."""
        return "\n".join(_quality(row) for row in self.models.itertuples())


def fit_scan(points: pd.DataFrame, *, crs: CRS | str, pixel_at: str | None = None, model: str = "affine") -> ScanFit:
    """
    Fit a scanned map to the City's system.

    Parameters
    ----------
    points : DataFrame, n rows
        With `COLUMNS`: a name (no two alike), column and row of the scan in pixels, row downwards, easting and northing in feet of
        `crs`, the document that gives these, and whether the point is used (true or false, y or n). Nothing is null but the
        document. Not modified.
    crs : CRS
        The City's, projected, in feet.
    pixel_at : {"centre", "corner"}, optional
        From where columns and rows are counted. Without it the column ``pixel_at`` of `points` must say so point by point.
    model : {"affine", "helmert", "order2", "tps"}
        Used points: 3 for an affine and a spline, 2 for Helmert, 6 for order 2.

    Returns
    -------
    ScanFit
        Its findings:

        ====  =====================================================================================
        S01   a control point out of all proportion to the others (error)
        S02   the fit is exact, or passes through a point wherever it is: nothing checks it
        S03   the order is too high: what bends misses the points left out by no less than the base
        S04   some points are counted from the centre of the first pixel, the others from its corner
        S05   the scan is mirrored, or two coordinates are exchanged (error)
        S06   what bends was asked and not made: the affine has not passed (error)
        S07   a blunder would show, but not at which point
        ====  =====================================================================================

    Raises
    ------
    ValueError
        If a column is missing, a value cannot be used, where a pixel is counted from is not stated, there are too few points or
        they lie on one line, or the model is none of `MODELS`. Order 3 is none: on twelve points it has a third of the
        affine's residuals and a hundred times its error.
    CRSError
        If `crs` is not in feet.
    """
    crs = CRS.from_user_input(crs) if crs is not None else None
    require_feet(crs, "The system of the control points")
    if model not in MODELS:
        more = " Order 3 fits its points best and the ground between them worst." if model == "order3" else ""
        raise ValueError(f"Invalid model {model!r}. Must be one of {', '.join(MODELS)}.{more}")
    used, corner, target = _coordinates(points, pixel_at)
    upward = corner * [1, -1]
    source, ground = upward[used], target[used]
    names = points["name"].astype(str).to_numpy(dtype=object)[used]
    fit_of = helmert if model == "helmert" else affine
    with np.errstate(divide="ignore", invalid="ignore"):  # a point that the others do not settle is told below
        base = fit_of(source, ground)
    left_out = left_out_lengths(base.residuals_ft, leverages(base.kind, source))
    middle = ground.mean(axis=0)
    rows = _mirrored(base, source, ground, middle)
    if not rows:
        mixed = None
        if base.kind == "affine" and base.redundancy:
            documents = points["source_document"].fillna("").astype(str).to_numpy(dtype=object)[used]
            mixed = mixture(source, base, documents)
        rows = [*_exact(base, left_out, names, ground, middle), *_mixed(mixed, names, middle)]
        moved = source if mixed is None else source + np.outer(mixed.low, [0.5, -0.5])
        rows += _blunders(fit_of, base, moved, names, ground)
    models = [_model_row(base.kind, len(source), base.redundancy, base.residuals_ft, left_out)]
    made, surface = base.kind, None
    if model != base.kind:
        surface, bent_rows = _bent(model, base, left_out, source, ground, middle, any(row["severity"] == "error" for row in rows))
        rows += bent_rows
    if surface is not None:
        made = model
        freedom = 2 * (len(source) - ORDER2_UNKNOWNS) if model == "order2" else 0
        models.append(_model_row(model, len(source), freedom, surface.residuals_ft, surface.left_out_ft))
    if made == "order2":
        away, missed = surface_ground(surface, upward) - target, surface.left_out_ft
    else:
        away, missed = fitted(base, upward) - target, left_out
    left = np.hypot(*away.T)
    left[used] = missed
    table = points.assign(
        corner_column=corner[:, 0],
        corner_row=corner[:, 1],
        residual_easting_ft=away[:, 0],
        residual_northing_ft=away[:, 1],
        residual_ft=np.hypot(*away.T),
        left_out_ft=left,
    )
    findings = join_findings([findings_frame(rows, crs=crs)], crs=crs)
    return ScanFit(made, model, base, surface, table, pd.DataFrame(models), crs, findings)


def ground_of(fit: ScanFit, column: ArrayLike, row: ArrayLike, *, pixel_at: str) -> np.ndarray:
    """
    Pixels of the scan on the ground.

    Parameters
    ----------
    fit : ScanFit
    column, row : array (n,)
        Pixels, row downwards.
    pixel_at : {"centre", "corner"}
        From where they are counted; it need not be as it was for the control points.

    Returns
    -------
    array (n, 2)
        Easting and northing in feet.

    Raises
    ------
    CRSError
        If a finding of the fit is an error.
    """
    require_usable(fit)
    if pixel_at not in PIXEL_AT:
        raise ValueError(f"Invalid pixel_at {pixel_at!r}. Must be 'centre' or 'corner'.")
    offset = 0.5 if pixel_at == "centre" else 0.0
    column, row = np.broadcast_arrays(np.atleast_1d(column), np.atleast_1d(row))
    upward = np.column_stack([column + offset, -(row + offset)])
    return fitted(fit.base, upward) if fit.surface is None else surface_ground(fit.surface, upward)


def require_usable(fit: ScanFit) -> None:
    """Raise `CRSError` if a finding of the fit is an error."""
    if not fit.is_usable:
        errors = fit.findings.loc[fit.findings["severity"] == "error", "message"]
        raise CRSError(f"The scan cannot be placed. {errors.iloc[0]} Mend the control points, then fit again.")


def _coordinates(points: pd.DataFrame, pixel_at: str | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which points are used, columns and rows from the corner, and the ground; or what is wrong with them."""
    missing = [name for name in COLUMNS if name not in points.columns]
    if missing:
        raise ValueError(f"Invalid control points: no column {missing[0]!r}. Must have {', '.join(COLUMNS)}.")
    names = points["name"]
    if names.isna().any() or names.astype(str).duplicated().any():
        twice = names[names.isna() | names.astype(str).duplicated()].iloc[0]
        raise ValueError(f"Invalid name {twice!r} of a control point. Must be given, and only once.")
    numbers = points[list(COLUMNS[1:5])].apply(pd.to_numeric, errors="coerce").to_numpy(dtype=float)
    wrong = np.argwhere(~np.isfinite(numbers))
    if len(wrong):
        at, which = wrong[0]
        value = str(points[COLUMNS[1 + which]].iloc[at])
        raise ValueError(f"Invalid {COLUMNS[1 + which]} {value!r} of control point {names.iloc[at]}. Must be a number.")
    for name, value in zip(names, points["used"], strict=True):
        if not (isinstance(value, bool | np.bool_) or (isinstance(value, str) and value in ("y", "n"))):
            raise ValueError(f"Invalid used {value!r} of control point {name}. Must be true or false, y or n.")
    used = points["used"].isin([True, "y"]).to_numpy(dtype=bool)
    if pixel_at is not None and "pixel_at" in points.columns:
        raise ValueError("Invalid pixel_at: stated for all and in a column of the points. Must be stated once.")
    stated = points["pixel_at"].tolist() if "pixel_at" in points.columns else [pixel_at] * len(points)
    for name, value in zip(names, stated, strict=True):
        if value not in PIXEL_AT:
            raise ValueError(
                f"Invalid pixel_at {value!r} of control point {name}. Must be 'centre' if column 0, row 0 is the centre of the "
                "first pixel, 'corner' if it is its upper left corner (GDAL, QGIS, ArcGIS). It is half a pixel, and never guessed."
            )
    offset = np.array([0.5 if value == "centre" else 0.0 for value in stated])
    return used, numbers[:, :2] + offset[:, None], numbers[:, 2:]


def _bent(
    model: str, base: Fit, left_out: np.ndarray, source: np.ndarray, ground: np.ndarray, middle: np.ndarray, has_errors: bool
) -> tuple[Surface | None, list[dict]]:
    if has_errors or not base.redundancy:
        why = "has errors that what bends would hide" if has_errors else "is exact and proves nothing"
        return None, [
            _row("S06", "not_fitted", "error", middle, f"{model} was asked and is not made: the affine {why}.",
                 "Mend the control points, or leave those out that are wrong; then ask again.")
        ]  # fmt: skip
    surface = bent_surface(model, source, ground)
    bent, straight = _rms(surface.left_out_ft), _rms(left_out)
    if bent < straight:
        return surface, []
    told = f"misses the points left out by {bent:,.3f} ft (RMS)" if np.isfinite(bent) else "cannot do without each of its points"
    return surface, [
        _row("S03", "order_too_high", "review", middle,
             f"{model} {told}, the affine misses them by {straight:,.3f} ft: what bends follows the errors of the points, not the "
             "paper.", "Use the affine, or add control points.", measure=bent, unit="ft", tolerance=straight)
    ]  # fmt: skip


def _mirrored(base: Fit, source: np.ndarray, ground: np.ndarray, middle: np.ndarray) -> list[dict]:
    if not {"mirrored", "axes_swapped"} & set(base.flags):
        return []
    turned = abs(helmert(source[:, ::-1], ground).rotation_deg)
    if turned < _TURN_TOLERANCE_DEG:
        what = "Easting and northing of the control points are exchanged"
    elif turned > 180 - _TURN_TOLERANCE_DEG:
        what = "Column and row of the control points are exchanged"
    else:
        what = "The scan is mirrored, or two coordinates are exchanged, or rows are counted upwards (QGIS writes them negative)"
    return [
        _row("S05", "mirrored", "error", middle, f"{what}: only the mirror image of the scan fits.",
             "Turn the scan over, or mend the columns of the table.")
    ]  # fmt: skip


def _exact(base: Fit, left_out: np.ndarray, names: np.ndarray, ground: np.ndarray, middle: np.ndarray) -> list[dict]:
    n = len(names)
    if not base.redundancy:
        return [
            _row("S02", "exact_fit", "review", middle,
                 f"The {base.kind} of {n} points is exact: its residuals are 0 whatever the points are, and prove nothing.",
                 "Add control points: two more show a blunder and tell where.", measure=n, unit="count")
        ]  # fmt: skip
    rows = [
        _row("S02", "unchecked_point", "review", ground[k],
             f"The fit passes through {names[k]} wherever it is: the other points lie on one line and do not check it.",
             "Add a control point on its side of the map.", feature=names[k])
        for k in np.flatnonzero(np.isnan(left_out))
    ]  # fmt: skip
    if base.redundancy <= 2:
        rows.append(_row("S07", "one_check", "review", middle,
                         f"One point more than the {base.kind} needs: a blunder would show, but not at which point.",
                         "Add a control point.", measure=n, unit="count"))  # fmt: skip
    return rows


def _mixed(mixed: Mixture | None, names: np.ndarray, middle: np.ndarray) -> list[dict]:
    if mixed is None:
        return []
    low = ", ".join(names[mixed.low])
    of = f" The source document {mixed.document} tells them apart." if mixed.document is not None else ""
    return [
        _row("S04", "pixel_origin", "review", middle,
             f"Columns and rows of {low} are half a pixel less than the others want, as if these were counted from the centre of "
             f"the first pixel and the others from its corner. Moved, {mixed.rms_px:.2f} pixels (RMS) are left of "
             f"{mixed.before_px:.2f}.{of}",
             "State in a column pixel_at how each was read.", measure=0.5, unit="px")
    ]  # fmt: skip


def _blunders(fit_of, base: Fit, source: np.ndarray, names: np.ndarray, ground: np.ndarray) -> list[dict]:
    wrong = blunders(fit_of, source, ground)
    if not wrong:
        return []
    sound = np.setdiff1d(np.arange(len(source)), wrong)
    missed = np.hypot(*(fitted(fit_of(source[sound], ground[sound]), source[wrong]) - ground[wrong]).T)
    shown = np.hypot(*base.residuals_ft.T)
    return [
        _row("S01", "blunder", "error", ground[k],
             f"The fit to the sound points misses {names[k]} by {miss:,.2f} ft; its residual in the fit to all is "
             f"{shown[k]:,.2f} ft. Fewer than one sound table in {1 / FALSE_ALARMS:.0f} has such a point.",
             "Look at its place on the scan and its coordinates; mend it, or set used to n and say why.", feature=names[k],
             measure=miss, unit="ft")
        for k, miss in zip(wrong, missed, strict=True)
    ]  # fmt: skip


def _model_row(model: str, count: int, freedom: int, residuals: np.ndarray, left_out: np.ndarray) -> dict:
    return {
        "model": model,
        "points": count,
        "degrees_of_freedom": freedom,
        "fit_rms_ft": _rms(np.hypot(*residuals.T)) if freedom else np.nan,
        "left_out_rms_ft": _rms(left_out) if freedom or model == "tps" else np.nan,
        "left_out_max_ft": float(left_out.max()) if freedom or model == "tps" else np.nan,
    }


def _quality(row) -> str:
    counted = f"{row.points} points, {row.degrees_of_freedom} degrees of freedom"
    fit = f"fit {row.fit_rms_ft:,.3f} ft" if np.isfinite(row.fit_rms_ft) else "fit exact whatever the points are"
    left = f"{row.left_out_rms_ft:,.3f} ft" if np.isfinite(row.left_out_rms_ft) else "not known"
    return f"{row.model}: {fit}, left out {left} (RMS), {counted}"


def _rms(lengths: np.ndarray) -> float:
    return float(np.sqrt((lengths**2).mean()))


def _row(code: str, rule: str, severity: str, place: np.ndarray, message: str, remedy: str, **more) -> dict:
    return {
        "code": code, "rule": rule, "severity": severity, "layer": "scan", "message": message, "remedy": remedy,
        "geometry": shapely.Point(*place), **more,
    }  # fmt: skip
