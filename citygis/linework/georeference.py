"""
Drawings in local ground coordinates tied to the City's system, with what the residuals of a fit do not tell.
"""

import math
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.cogo import Fit, fitted, helmert
from citygis.errors import CRSError
from citygis.findings import findings_frame, join_findings
from citygis.geodesy import combined_factor, convergence_deg, grid_scale_factor
from citygis.linework.lots import Lots, polygons_of
from citygis.linework.piece import Pieces, chains_of

TIE_LIMIT_FT = 0.1
"""A tie that the fit to all others misses by more is not of this survey, or not of this control."""

SCALE_TOLERANCE_PPM = 10.0
"""
A scale may differ so much from the expected one; ten times 200 ft of height, or 0.01 ft in 1,000. More where the ties are noisy.
"""

ROTATION_TOLERANCE_DEG = 1 / 60
"""A rotation within a minute of an expected one is taken for it."""

COLUMNS = ("name", "easting", "northing", "target_easting", "target_northing")
"""What a frame of ties must have: the place of a point in the drawing, and in the City's system, both in feet."""


class Georeference(NamedTuple):
    """
    How a drawing lies on the ground.

    Attributes
    ----------
    fit : Fit
        Of the drawing to the City's system (`citygis.cogo.helmert`).
    ties : DataFrame
        Those given, with ``residual_easting_ft``, ``residual_northing_ft``, ``residual_ft`` and ``left_out_ft`` (how far the fit to
        all others misses it; null without redundancy).
    crs : CRS
    expected_scale : float
        The combined factor of the place, or the grid scale factor where no height was given.
    expected_rotation_deg : float
        Clockwise, of a drawing whose bearings are geodetic: the convergence, taken away.
    findings : GeoDataFrame
        A findings frame, codes W20 to W26.
    """

    fit: Fit
    ties: pd.DataFrame
    crs: CRS
    expected_scale: float
    expected_rotation_deg: float
    findings: gpd.GeoDataFrame

    @property
    def is_usable(self) -> bool:
        """Whether no finding is an error."""
        return not (self.findings["severity"] == "error").any()


def georeference(
    ties: pd.DataFrame, crs: CRS | str, *, ellipsoid_height_ft: float | None = None, limit_ft: float = TIE_LIMIT_FT
) -> Georeference:
    """
    Fit a local drawing to the City's system.

    Parameters
    ----------
    ties : DataFrame, n rows, n at least 2
        With `COLUMNS`.
    crs : CRS
        The City's, projected.
    ellipsoid_height_ft : float, optional
        Of the ground: without it the expected scale is that of the grid alone.
    limit_ft : float
        What a tie may be off.

    Returns
    -------
    Georeference
        Its findings:

        ====  =====================================================================================
        W20   two ties only: residuals of 0 prove nothing
        W21   the drawing is mirrored (error)
        W22   easting and northing are exchanged (error)
        W23   the drawing is in another unit: metres against feet (error)
        W24   the scale is neither 1 (grid) nor the expected factor (ground)
        W25   the rotation is neither 0 (grid bearings) nor that of geodetic bearings
        W26   a tie that the fit to all others misses by more than the limit (error)
        ====  =====================================================================================

    Raises
    ------
    ValueError
        If a column is missing, or the ties cannot be fitted.
    CRSError
        If `crs` is not projected.
    """
    missing = [name for name in COLUMNS if name not in ties.columns]
    if missing:
        raise ValueError(f"Invalid ties: no column {missing[0]!r}. Must have {', '.join(COLUMNS)}.")
    crs = CRS.from_user_input(crs)
    source = ties[["easting", "northing"]].to_numpy(dtype=float)
    target = ties[["target_easting", "target_northing"]].to_numpy(dtype=float)
    fit = helmert(source, target)
    middle = target.mean(axis=0)
    expected = float(
        grid_scale_factor(crs, *middle) if ellipsoid_height_ft is None else combined_factor(crs, *middle, ellipsoid_height_ft)
    )
    rotation = -float(convergence_deg(crs, *middle))
    table = ties.reset_index(drop=True).assign(
        residual_easting_ft=fit.residuals_ft[:, 0],
        residual_northing_ft=fit.residuals_ft[:, 1],
        residual_ft=np.hypot(*fit.residuals_ft.T),
        left_out_ft=fit.left_out_ft,
    )
    rows = [*_shape(fit, middle), *_ties(table, fit, limit_ft)]
    if not {"mirrored", "axes_swapped", "metres"} & set(fit.flags):
        rows += [*_scale(fit, expected, target, middle, ellipsoid_height_ft is not None), *_rotation(fit, rotation, middle)]
    findings = join_findings([findings_frame(rows, crs=crs)], crs=crs)
    return Georeference(fit, table, crs, expected, rotation, findings)


def placed(found: Lots, reference: Georeference) -> Lots:
    """
    Lots of a local drawing in the City's system.

    Parameters
    ----------
    found : Lots
        In feet of the drawing. Not modified.
    reference : Georeference

    Returns
    -------
    Lots
        Courses and areas on the grid, polygons derived from the courses again. The courses keep what was drawn in
        ``record_azimuth_deg``, ``record_distance_ft``, ``record_radius_ft`` and ``record_arc_ft``, the polygons in
        ``record_area_sqft``.

    Raises
    ------
    CRSError
        If a finding of the reference is an error: what is mirrored, in another unit or tied to a wrong point is not placed.
    """
    if not reference.is_usable:
        errors = reference.findings.loc[reference.findings["severity"] == "error", "message"]
        raise CRSError(f"The drawing cannot be placed. {errors.iloc[0]} Mend the ties, then fit again.")
    fit, crs = reference.fit, reference.crs
    courses = found.courses.copy()
    for name in ("azimuth_deg", "distance_ft", "radius_ft", "arc_ft"):
        courses[f"record_{name}"] = courses[name]
    for end in ("start", "end"):
        columns = [f"{end}_easting", f"{end}_northing"]
        courses[columns] = fitted(fit, courses[columns].to_numpy(dtype=float))
    courses["azimuth_deg"] = (courses["azimuth_deg"] + fit.rotation_deg) % 360
    for name in ("distance_ft", "radius_ft", "arc_ft"):
        courses[name] = courses[name] * fit.scale
    chains = chains_of(_pieces(courses))
    lines = np.array([shapely.LineString(chain) for chain in chains], dtype=object)
    courses = gpd.GeoDataFrame(courses.drop(columns="geometry"), geometry=gpd.array.from_shapely(lines, crs=crs))
    polygons = found.polygons.assign(
        record_area_sqft=found.polygons["area_sqft"],
        area_sqft=found.polygons["area_sqft"] * fit.scale**2,
        perimeter_ft=found.polygons["perimeter_ft"] * fit.scale,
    )
    shapes = polygons_of(found.rings, chains, len(polygons))
    polygons = gpd.GeoDataFrame(polygons.drop(columns="geometry"), geometry=gpd.array.from_shapely(shapes, crs=crs))
    moved = found.findings.copy()
    places = shapely.transform(moved.geometry.to_numpy(), lambda points: fitted(fit, points))
    moved = gpd.GeoDataFrame(moved.drop(columns="geometry"), geometry=gpd.array.from_shapely(places, crs=crs))
    return found._replace(
        polygons=polygons,
        courses=courses,
        findings=join_findings([moved, reference.findings], crs=crs),
        spread_ft=found.spread_ft * fit.scale,
        shortest_ft=found.shortest_ft * fit.scale,
    )


def _pieces(courses: pd.DataFrame) -> Pieces:
    sign = courses["hand"].map({"L": 1.0, "R": -1.0}).fillna(0.0).to_numpy(dtype=float)
    sweep = np.nan_to_num(np.radians(courses["delta_deg"].to_numpy(dtype=float))) * sign
    nothing = np.full(len(courses), -1)
    return Pieces(
        courses[["start_easting", "start_northing"]].to_numpy(dtype=float),
        courses[["end_easting", "end_northing"]].to_numpy(dtype=float),
        sweep,
        nothing,
        nothing,
        np.arange(len(courses)),
    )


def _row(code: str, rule: str, severity: str, place: np.ndarray, message: str, remedy: str, **more) -> dict:
    return {
        "code": code, "rule": rule, "severity": severity, "layer": "linework", "message": message, "remedy": remedy,
        "geometry": shapely.Point(*place), **more,
    }  # fmt: skip


def _shape(fit: Fit, middle: np.ndarray) -> list[dict]:
    rows = []
    if "no_redundancy" in fit.flags:
        rows.append(_row("W20", "no_redundancy", "review", middle,
                         "The drawing is tied at two points only: its residuals are 0 whatever the ties are.",
                         "Tie a third point at least.", measure=2, unit="count"))  # fmt: skip
    mirrored = f"the mirror image fits to {fit.mirrored_rms_ft:.3f} ft, the drawing to {fit.rms_ft:,.1f} ft"
    if "mirrored" in fit.flags:
        rows.append(_row("W21", "mirrored", "error", middle, f"The drawing is mirrored: {mirrored}.", "Ask for it unmirrored.",
                         measure=fit.rms_ft, unit="ft"))  # fmt: skip
    if "axes_swapped" in fit.flags:
        rows.append(_row("W22", "axes_swapped", "error", middle, f"Easting and northing are exchanged: {mirrored}.",
                         "Exchange them in the ties or in the drawing, whichever is wrong.", measure=fit.rms_ft,
                         unit="ft"))  # fmt: skip
    if "metres" in fit.flags:
        rows.append(_row("W23", "metres", "error", middle,
                         f"The scale is {fit.scale:.6f}: one of drawing and ties is in metres, the other in feet.",
                         "State the unit of the drawing.", measure=fit.scale, unit="ratio"))  # fmt: skip
    return rows


def _scale(fit: Fit, expected: float, target: np.ndarray, middle: np.ndarray, has_height: bool) -> list[dict]:
    reach = float(np.hypot(*(target - middle).T).max())
    noise = 0.0 if math.isnan(fit.s0_ft) else 3 * fit.s0_ft / reach * 1e6
    tolerance = max(SCALE_TOLERANCE_PPM, noise)
    ground, grid = fit.scale_ppm(expected), fit.scale_ppm(1.0)
    if abs(ground) <= tolerance or abs(grid) <= tolerance:
        return []
    what = "combined factor" if has_height else "grid scale factor (no height was given)"
    return [
        _row("W24", "scale", "review", middle,
             f"The scale is {fit.scale:.8f}: {ground:+,.1f} ppm from the {what} of the place, {expected:.8f}, and {grid:+,.1f} "
             f"ppm from 1. "
             f"It is neither ground nor grid within {tolerance:.0f} ppm.",
             "Compare with the factor stated on the map; look at the ties and the height.", measure=ground, unit="ppm",
             tolerance=tolerance)
    ]  # fmt: skip


def _rotation(fit: Fit, geodetic: float, middle: np.ndarray) -> list[dict]:
    if min(abs(fit.rotation_deg), abs(fit.rotation_deg - geodetic)) <= ROTATION_TOLERANCE_DEG:
        return []
    return [
        _row("W25", "rotation", "review", middle,
             f"The drawing is turned by {fit.rotation_deg:+.4f} degrees: its bearings are neither grid (0) nor geodetic "
             f"({geodetic:+.4f}).",
             "Compare with the basis of bearings stated on the map.", measure=fit.rotation_deg, unit="deg",
             tolerance=ROTATION_TOLERANCE_DEG)
    ]  # fmt: skip


def _ties(table: pd.DataFrame, fit: Fit, limit_ft: float) -> list[dict]:
    if not fit.redundancy:
        return []
    worst = table[table["left_out_ft"] > limit_ft].sort_values("left_out_ft", ascending=False)
    return [
        _row("W26", "tie", "error", np.array([row.target_easting, row.target_northing]),
             f"The fit to all other ties misses {row.name_of} by {row.left_out_ft:,.3f} ft (its residual in the fit to all is "
             f"{row.residual_ft:,.3f} ft).",
             "Look at its name and coordinates first where it is the worst of all; leave it out with a reason.",
             feature=row.name_of,
             measure=row.left_out_ft, unit="ft", tolerance=limit_ft)
        for row in worst.rename(columns={"name": "name_of"}).itertuples()
    ]  # fmt: skip
