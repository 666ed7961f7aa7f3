"""
Occupations: the epochs of one set-up, filtered and averaged, with an honest figure for what the average is worth.

The standard error s / sqrt(n) is never given. Epochs of one set-up are not independent: with noise that stays correlated over a
minute, one minute at five epochs a second would claim a thirtieth of the real error. What is given instead is the scatter over the
number of *effective* epochs, and what the receiver states where that is larger.

E09 outlier is said here; E10, E15 and E16 by `citygis.captures.stops`.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.captures.gates import Gate
from citygis.captures.heights import elevation_ft
from citygis.captures.stops import grouped, seconds
from citygis.findings import findings_frame
from citygis.geodesy import decimal_year
from citygis.units import require_feet

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation for normal noise: 1 / Phi^-1(3/4) (Rousseeuw and Croux, JASA 88, 1993)."""

OUTLIER_SIGMAS = 3.5
"""
Beyond so many robust standard deviations an epoch is an outlier (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).
"""

MOST_OUTLIERS = 0.25
"""
A larger share of outliers is told: the filter holds while most epochs are good, and a fix that went over to another solution
halfway leaves two answers, of which it keeps the longer and not the truer.
"""

FEWEST_FILTERED = 3
"""Below this there is no majority, so nothing is an outlier."""

FEWEST_CORRELATED = 10
"""Fewer epochs say nothing of how they depend on each other: they count as one."""

FIX_ORDER = ("STATIC", "PPK", "FIXED", "FLOAT", "DGPS", "SINGLE", "NONE")
"""Fix types from best to worst."""

_REASONS = {
    "E09": ("outlier", "{distance:.2f} ft from the median of its occupation{height}, where {limit:.2f} ft is usual."),
    "E10": ("moving", "The receiver was under way."),
    "E15": ("time_unknown", "An epoch of a stream without a time: nobody can say whether the receiver stood still."),
    "E16": ("planned", "A route is drawn, not measured."),
}


class Occupations(NamedTuple):
    """
    Occupations and the captures that are in none; every capture is in ``n``, counted in the sum of the first or a row of the
    second.

    ``frame``: GeoDataFrame, one point per occupation, in feet, new index:

    - ``occupation``: 0, 1, ... by first appearance; ``name``, ``code``, ``station``, ``source_id``, ``source_ref``: of the first
      epoch that has one;
    - ``n`` (epochs used), ``n_rejected`` (outliers), ``samples`` (epochs that the receiver averaged itself, null where it does not
      say), ``n_effective``, ``span_s``, ``first_time``, ``last_time`` (UTC);
    - ``epoch_observed``: decimal year of the middle, null without times;
    - ``s_e_ft``, ``s_n_ft``, ``s_h_ft``: standard deviation of single epochs along each axis; null for one epoch;
    - ``h_rms_ft`` (radial), ``v_rms_ft``: one sigma of the mean: the larger of scatter / sqrt(n_effective - 1) (never over less
      than 1) and the median of what the receiver states; null where neither is known;
    - ``ellipsoid_height_ft`` (mean), ``elevation_ft`` (mean of stated elevations), ``vertical_datum``;
    - ``fix_type`` (the worst), ``hdop``, ``pdop``, ``correction_age_s`` (largest), ``satellites`` (fewest);
    - ``antenna_height_ft``, ``height_at``: of the first epoch that has one.

    ``rejected``: DataFrame on the index of the captures: ``occupation`` (null for none), ``reject_code``, ``reject_reason``,
    ``reject_message``, ``distance_ft`` (horizontal, of outliers).
    """

    frame: gpd.GeoDataFrame
    rejected: pd.DataFrame


def occupations(captures: gpd.GeoDataFrame, gate: Gate) -> Occupations:
    """
    Captures grouped into occupations, freed of outliers and averaged.

    An epoch is an outlier where its easting, northing or height lies more than 3.5 x 1.4826 median absolute deviations from the
    median of its occupation, and more than the gate's floor (without which one odd value among equal ones would reject itself only
    by luck, and quantised ones all). With less than three epochs nothing is. Heights that are not given are no reason.

    Parameters
    ----------
    captures : GeoDataFrame, n points
        Captures columns, those that passed `citygis.captures.gates`; in feet of the City's system, ``ellipsoid_height_m`` at the
        mark (`citygis.captures.heights.mark_heights`) in the City's frame. Not modified.
    gate : Gate

    Returns
    -------
    Occupations

    Raises
    ------
    CRSError
        If `captures` is not in feet.
    ValueError
        If a geometry is null or not a point.
    """
    foot_m = float(require_feet(captures.crs, "The captures"))
    if captures.geometry.isna().any() or not (captures.geom_type == "Point").all():
        raise ValueError("Invalid captures. Must all be points: set aside those without a position first.")
    group, reason = grouped(captures, gate)
    table = _table(captures, foot_m)
    table["group"] = group
    used = table[group >= 0]
    outlier, distance_ft, height_ft, limit_ft = _outliers(used, gate)
    rejected = _rejected(captures, group, reason, used.index.to_numpy()[outlier], distance_ft, height_ft, limit_ft)
    kept = used[~outlier]
    frame = _averaged(kept, gate, np.bincount(used["group"][outlier], minlength=int(group.max(initial=-1)) + 1))
    return Occupations(
        gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame.pop("_e"), frame.pop("_n"), crs=captures.crs)), rejected
    )


def n_effective(values: np.ndarray) -> float:
    """
    How many independent values a series of equally spaced, correlated ones is worth for its mean.

    n / (2 tau), tau the integrated autocorrelation time, summed up to the first lag beyond five times itself and corrected for the
    mean having been taken off the same values.

    Parameters
    ----------
    values : array of n
        In the order of time.

    Returns
    -------
    float
        From 1 to n; 1 for fewer than `FEWEST_CORRELATED` values.

    References
    ----------
    A. Sokal, "Monte Carlo Methods in Statistical Mechanics", 1989, section 3 (window); U. Wolff, "Monte Carlo errors with less
    errors", Comput. Phys. Commun. 156 (2004), eq. 49 (bias).
    """
    n = len(values)
    centred = np.asarray(values, dtype=float) - np.mean(values)
    if n < FEWEST_CORRELATED:
        return 1.0
    if not centred.any():
        return float(n)
    size = 1 << (2 * n - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    covariance = np.fft.irfft(spectrum * spectrum.conj(), size)[:n]
    tau = 0.5 + np.concatenate([[0.0], np.cumsum(covariance[1:] / covariance[0])])
    beyond = np.flatnonzero(np.arange(n) >= 5 * tau)
    window = int(beyond[0]) if len(beyond) else n - 1
    return float(np.clip(n / (2 * tau[window] * (1 + (2 * window + 1) / n)), 1.0, n))


def occupation_findings(frame: gpd.GeoDataFrame, gate: Gate, *, layer: str) -> gpd.GeoDataFrame:
    """
    What a person should know of single occupations: O03 occupation_short (review), O04 occupation_scattered (error),
    O06 occupation_divided (review).

    Parameters
    ----------
    frame : GeoDataFrame
        `Occupations.frame`.
    gate : Gate
        An occupation is short with fewer epochs than ``min_epochs`` (those that the receiver averaged count) or a shorter span than
        ``min_occupation_s``; a row that the receiver averaged itself has no span to judge. It is scattered where ``h_rms_ft`` is
        beyond ``max_h_rms_ft``, or beyond the tolerance where there is no such limit. It is divided where more than
        `MOST_OUTLIERS` of its epochs are outliers.
    layer : str

    Returns
    -------
    GeoDataFrame
        As `citygis.findings.findings_frame`.
    """
    averaged = frame["samples"].notna() & (frame["n"] == 1)
    epochs = frame["n"].where(~averaged, frame["samples"]).astype(float)
    timed = frame["first_time"].notna()
    short = timed & ((epochs < gate.min_epochs) | ((frame["span_s"] < gate.min_occupation_s) & ~averaged))
    limit_ft = gate.max_h_rms_ft if gate.max_h_rms_ft is not None else gate.tolerance_ft
    loose = frame["h_rms_ft"] > limit_ft
    rows = []
    for row, count in zip(frame[short].itertuples(), epochs[short], strict=True):
        asked = f"{gate.purpose} asks for {gate.min_epochs} in {gate.min_occupation_s:.0f} s"
        message = f"{called(row)}: {count:.0f} epochs in {row.span_s:.0f} s; {asked}."
        rows.append(
            _about(row, layer, "O03", "occupation_short", "review", message, row.span_s, "s", gate.min_occupation_s) | _STAY
        )
    for row in frame[loose].itertuples():
        message = f"{called(row)}: good to {row.h_rms_ft:.2f} ft (one sigma); {gate.purpose} asks for {limit_ft:g} ft."
        rows.append(_about(row, layer, "O04", "occupation_scattered", "error", message, row.h_rms_ft, "ft", limit_ft) | _AGAIN)
    share = frame["n_rejected"] / (frame["n"] + frame["n_rejected"])
    for row, part in zip(frame[share > MOST_OUTLIERS].itertuples(), share[share > MOST_OUTLIERS], strict=True):
        message = (
            f"{called(row)}: {row.n_rejected} of {row.n + row.n_rejected} epochs are outliers; the fix may have changed halfway."
        )
        rows.append(_about(row, layer, "O06", "occupation_divided", "review", message, part, "ratio", MOST_OUTLIERS) | _AGAIN)
    return findings_frame(rows, crs=frame.crs)


_STAY = {"remedy": "Occupy the mark for longer, or at another time of the day."}
_AGAIN = {"remedy": "Look at the epochs and at what stands around the mark, and occupy it again."}


def called(row: tuple) -> str:
    """What to call an occupation in a message: its name, or its number."""
    return row.name if isinstance(row.name, str) else f"occupation {row.occupation}"


def _about(
    row: tuple, layer: str, code: str, rule: str, severity: str, message: str, measure: float, unit: str, tolerance: float
) -> dict:
    found = {"code": code, "rule": rule, "severity": severity, "layer": layer, "feature": called(row), "message": message}
    return found | {
        "measure": measure,
        "unit": unit,
        "tolerance": tolerance,
        "source_ref": row.source_ref,
        "geometry": row.geometry,
    }


def _table(captures: gpd.GeoDataFrame, foot_m: float) -> pd.DataFrame:
    """The numbers that are averaged, in feet, on positions."""

    def number(name: str) -> np.ndarray:
        return captures[name].to_numpy(dtype="float64", na_value=np.nan)

    order = {name: rank for rank, name in enumerate(FIX_ORDER)}
    table = {
        "e": captures.geometry.x.to_numpy(),
        "n": captures.geometry.y.to_numpy(),
        "h": number("ellipsoid_height_m") / foot_m,
        "t": seconds(captures["time"]),
        "stated_h": number("h_rms_m") / foot_m,
        "stated_v": number("v_rms_m") / foot_m,
        "elevation": elevation_ft(captures).to_numpy(),
        "fix": captures["fix_type"].map(order).to_numpy(dtype=float, na_value=np.nan),
        "hdop": number("hdop"),
        "pdop": number("pdop"),
        "age": number("correction_age_s"),
        "satellites": number("satellites"),
        "samples": number("samples"),
        "antenna": number("antenna_height_m") / foot_m,
    }
    for name in ("name", "code", "station", "height_at", "vertical_datum", "source_id", "source_ref"):
        table[name] = captures[name].to_numpy(dtype=object) if name in captures else np.full(len(captures), None, dtype=object)
    return pd.DataFrame(table)


def _outliers(used: pd.DataFrame, gate: Gate) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Whether each epoch is an outlier, how far it lies from the median horizontally and in height, and the limit it broke."""
    by = used["group"]
    axes = used[["e", "n", "h"]]
    away = (axes - axes.groupby(by).transform("median")).abs()
    floor = np.array([gate.outlier_floor_ft, gate.outlier_floor_ft, gate.outlier_floor_h_ft])
    limit = np.maximum(OUTLIER_SIGMAS * MAD_TO_SIGMA * away.groupby(by).transform("median").to_numpy(), floor)
    away = away.to_numpy()
    beyond = np.where(np.isnan(away), False, away > limit)
    outlier = beyond.any(axis=1) & (by.groupby(by).transform("size").to_numpy() >= FEWEST_FILTERED)
    horizontal = np.hypot(away[:, 0], away[:, 1])
    told = np.where(beyond[:, :2].any(axis=1), np.fmax(limit[:, 0], limit[:, 1]), limit[:, 2])
    height = np.where(beyond[:, 2], away[:, 2], np.nan)
    return outlier, horizontal[outlier], height[outlier], told[outlier]


def _rejected(
    captures: gpd.GeoDataFrame,
    group: np.ndarray,
    reason: np.ndarray,
    outliers: np.ndarray,
    distance_ft: np.ndarray,
    height_ft: np.ndarray,
    limit_ft: np.ndarray,
) -> pd.DataFrame:
    code = reason.copy()
    code[outliers] = "E09"
    rows = np.flatnonzero(~pd.isna(code))
    slug, template = (np.array([_REASONS[key][i] for key in code[rows]], dtype=object) for i in (0, 1))
    message, distance = template.copy(), np.full(len(captures), np.nan)
    distance[outliers] = distance_ft
    told = [
        _REASONS["E09"][1].format(distance=d, limit=limit, height="" if np.isnan(h) else f" and {h:.2f} ft in height")
        for d, h, limit in zip(distance_ft, height_ft, limit_ft, strict=True)
    ]
    message[np.searchsorted(rows, outliers)] = told
    number = pd.array(np.where(group[rows] < 0, 0, group[rows]), dtype="Int64")
    number[group[rows] < 0] = pd.NA
    columns = {"occupation": number, "reject_code": pd.array(code[rows], dtype="str"), "reject_reason": pd.array(slug, dtype="str")}
    columns |= {"reject_message": pd.array(message, dtype="str"), "distance_ft": distance[rows]}
    return pd.DataFrame(columns, index=captures.index[rows])


def _averaged(kept: pd.DataFrame, gate: Gate, n_rejected: np.ndarray) -> pd.DataFrame:
    """One row per occupation. Means are taken from the median, which keeps a State Plane coordinate's digits."""
    by = kept.groupby("group", sort=True)
    base = by[["e", "n", "h"]].transform("median")
    left = kept[["e", "n", "h"]] - base
    mean = by[["e", "n", "h"]].median() + left.groupby(kept["group"]).mean()
    spread = left.groupby(kept["group"]).std(ddof=1)
    size = by.size()
    first = by[["name", "code", "station", "source_id", "source_ref", "vertical_datum", "height_at", "antenna"]].first()
    effective = _effective(kept, left, gate)
    worth = np.sqrt(np.maximum(effective - 1, 1))
    stated = by[["stated_h", "stated_v"]].median()
    begin, end = by["t"].min(), by["t"].max()
    radial = np.hypot(spread["e"], spread["n"])
    table = pd.DataFrame({"occupation": size.index.to_numpy()})
    for name in ("name", "code"):
        table[name] = pd.array(first[name], dtype="str")
    table["_e"], table["_n"] = mean["e"].to_numpy(), mean["n"].to_numpy()
    table["ellipsoid_height_ft"], table["elevation_ft"] = mean["h"].to_numpy(), by["elevation"].mean().to_numpy()
    table["vertical_datum"] = pd.array(first["vertical_datum"], dtype="str")
    table["n"], table["n_rejected"] = size.to_numpy(), n_rejected[size.index]
    table["samples"] = pd.array(by["samples"].sum(min_count=1).to_numpy(), dtype="Float64").astype("Int64")
    table["n_effective"] = effective[:, 0]
    table["span_s"] = (end - begin).to_numpy()
    for name, values in (("first_time", begin), ("last_time", end)):
        table[name] = _moments(values)
    table["epoch_observed"] = decimal_year(_moments((begin + end) / 2))
    for axis in ("e", "n", "h"):
        table[f"s_{axis}_ft"] = spread[axis].to_numpy()
    table["h_rms_ft"] = np.fmax(radial.to_numpy() / worth[:, 0], stated["stated_h"].to_numpy())
    table["v_rms_ft"] = np.fmax(spread["h"].to_numpy() / worth[:, 1], stated["stated_v"].to_numpy())
    worst = by["fix"].max().to_numpy()
    table["fix_type"] = pd.array([None if np.isnan(rank) else FIX_ORDER[int(rank)] for rank in worst], dtype="str")
    table["hdop"], table["pdop"] = by["hdop"].max().to_numpy(), by["pdop"].max().to_numpy()
    table["correction_age_s"] = by["age"].max().to_numpy()
    table["satellites"] = pd.array(by["satellites"].min().to_numpy(), dtype="Float64").astype("Int64")
    table["antenna_height_ft"] = first["antenna"].to_numpy(dtype=float)
    for name in ("height_at", "station", "source_id", "source_ref"):
        table[name] = pd.array(first[name], dtype="str")
    return table


def _moments(time_s: pd.Series) -> pd.Series:
    stamps = pd.to_datetime((time_s * 1e6).round().to_numpy(), unit="us", utc=True)
    return pd.Series(stamps.astype("datetime64[us, UTC]"))


def _effective(kept: pd.DataFrame, left: pd.DataFrame, gate: Gate) -> np.ndarray:
    """
    Effective epochs of each occupation: horizontally (the fewer of both axes) and in height. What stays the same for
    longer than the set-up lasts cannot be seen in it, so the span limits them too.
    """
    order = np.lexsort((kept["t"].to_numpy(), kept["group"].to_numpy()))
    group = kept["group"].to_numpy()[order]
    ends = np.flatnonzero(np.diff(group)) + 1
    parts = [np.split(left[axis].to_numpy()[order], ends) for axis in ("e", "n", "h")]
    if not len(group):
        return np.ones((0, 2))
    rows = []
    for e, n, h in zip(*parts, strict=True):
        rows.append((min(n_effective(e), n_effective(n)), n_effective(h[np.isfinite(h)]) if np.isfinite(h).any() else 1.0))
    by = kept.groupby("group")["t"]
    span_s = (by.max() - by.min()).fillna(0.0).to_numpy()
    most = 1 + span_s / gate.correlation_s if gate.correlation_s else np.full(len(rows), np.inf)
    return np.minimum(np.array(rows), most[:, None])
