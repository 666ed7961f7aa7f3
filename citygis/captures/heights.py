"""
Heights: the antenna's height taken off once, and elevations only where a survey states them.

An ellipsoid height is never an elevation (about 104 ft apart in the San Joaquin valley), nor is what a receiver calls sea level, by
a geoid model of its own, nor the ``ele`` of a GPX file, which may be either.

====  =========================  ========  =====================================================================
H01   antenna_height_doubled     error     heights of one mark differ by the antenna height: taken off twice, or never
H02   height_not_written         info      heights that are no elevations, and were not written as such
H03   antenna_height_unknown     review    heights that may be the antenna's, not the mark's
H04   antenna_tilted             review    a tilted pole whose foot the receiver did not work out
====  =========================  ========  =====================================================================
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.findings import findings_frame
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT

ELEVATION_UNITS = {"ft_us": US_SURVEY_FOOT, "ft": INTERNATIONAL_FOOT, "m": METRE}
"""What ``elevation_unit`` of a captures frame may say."""

ANTENNA_MATCH_FT = 0.1
"""A difference this near to the antenna height is taken to be it: a tape read twice agrees so, with two real-time heights."""

TILT_FT = 0.03
"""A pole's tilt that moves the antenna less than this (1 cm) is that of a hand-held bubble."""


class MarkHeights(NamedTuple):
    """
    ``frame``: captures with ``ellipsoid_height_m`` at the mark where that is known, and ``height_at`` saying so. ``findings``.
    """

    frame: gpd.GeoDataFrame
    findings: gpd.GeoDataFrame


def mark_heights(captures: gpd.GeoDataFrame, *, layer: str = "capture", tilt_deg: pd.Series | None = None) -> MarkHeights:
    """
    Ellipsoid heights brought down from the antenna to the mark, once.

    ``height_at`` "antenna" with an antenna height: that is taken off and ``height_at`` becomes "mark", so that a second call
    changes nothing. "mark": untouched, whatever antenna height is given. Anything else: untouched, and H03 says so.

    Parameters
    ----------
    captures : GeoDataFrame, n rows
        Captures columns, any CRS. Not modified.
    layer : str
        For the findings.
    tilt_deg : Series, optional
        Of the pole from the vertical, on the index of `captures`. A height at the antenna of a pole whose tilt moves it more than
        `TILT_FT` is not reduced (H04): not only its height but its place is not the mark's.

    Returns
    -------
    MarkHeights
        Both in the order of `captures`; the findings are counts, at the middle of the rows concerned.
    """
    height = captures["ellipsoid_height_m"].to_numpy(dtype=float)
    antenna = captures["antenna_height_m"].to_numpy(dtype=float)
    at = captures["height_at"].to_numpy(dtype=object)
    given = np.isfinite(height)
    at_antenna = given & (at == "antenna")
    tilted = np.zeros(len(captures), dtype=bool)
    if tilt_deg is not None:
        sideways = np.abs(antenna * np.sin(np.radians(tilt_deg.reindex(captures.index).to_numpy(dtype=float))))
        tilted = at_antenna & (np.nan_to_num(sideways) > TILT_FT * float(US_SURVEY_FOOT))
    reduced = at_antenna & np.isfinite(antenna) & ~tilted
    frame = captures.copy()
    frame["ellipsoid_height_m"] = np.where(reduced, height - antenna, height)
    frame["height_at"] = pd.array(np.where(reduced, "mark", at), dtype="str")
    unknown = given & ~reduced & ~tilted & (at != "mark")
    rows = []
    if unknown.any():
        message = f"{unknown.sum():,} heights may be the antenna's: how high it stood, or whether that is off, is not said."
        rows.append(_counted("H03", "antenna_height_unknown", "review", message, unknown, captures) | _ASK)
    if tilted.any():
        message = f"{tilted.sum():,} positions are of the antenna of a tilted pole, not of its foot, in place and in height."
        rows.append(_counted("H04", "antenna_tilted", "review", message, tilted, captures) | _PLUMB)
    return MarkHeights(frame, findings_frame([{"layer": layer, **row} for row in rows], crs=captures.crs))


_ASK = {"remedy": "Ask for the pole's height and whether the receiver took it off; the heights are not to be used before."}
_PLUMB = {"remedy": "Measure again with the pole upright, or export with the receiver's tilt compensation."}


def elevation_ft(captures: pd.DataFrame) -> pd.Series:
    """
    Elevations, where a survey states them.

    Parameters
    ----------
    captures : DataFrame, n rows
        ``capture``, ``elevation``, ``elevation_unit``, ``vertical_datum``, ``fix_type``.

    Returns
    -------
    Series of float, n, index of `captures`
        US survey feet. Null unless the row is a survey point that states an elevation and its unit, above something that is not a
        receiver's own geoid model (EGM) or the ellipsoid. A row with a fix type is a receiver's: it must name its vertical datum.
    """
    value = captures["elevation"].to_numpy(dtype=float)
    per_unit = {name: float(unit.metres / US_SURVEY_FOOT.metres) for name, unit in ELEVATION_UNITS.items()}
    factor = captures["elevation_unit"].map(per_unit).to_numpy(dtype=float, na_value=np.nan)
    # What a receiver's own software calls elevation is the ellipsoid height where no vertical datum was set.
    surveyed = (captures["capture"].eq("point") & (captures["vertical_datum"].notna() | captures["fix_type"].isna())).to_numpy()
    own_model = (
        captures["vertical_datum"].str.contains("EGM|ellipsoid|WGS", case=False, regex=True).fillna(False).to_numpy(dtype=bool)
    )
    return pd.Series(np.where(surveyed & ~own_model, value * factor, np.nan), index=captures.index)


def height_findings(captures: gpd.GeoDataFrame, *, layer: str = "capture") -> gpd.GeoDataFrame:
    """
    H02: how many heights there are that are no elevations, so that none was written.

    Parameters
    ----------
    captures : GeoDataFrame
        Captures columns.
    layer : str

    Returns
    -------
    GeoDataFrame
        As `citygis.findings.findings_frame`: one row, or none.
    """
    kinds = {
        "ellipsoid heights": captures["ellipsoid_height_m"].notna(),
        "sea levels by a receiver's own geoid model": captures["msl_height_m"].notna(),
        "elevations without a unit, a vertical datum or a survey behind them": captures["elevation"].notna(),
    }
    silent = elevation_ft(captures).isna()
    counts = {name: int((has & silent).sum()) for name, has in kinds.items()}
    if not any(counts.values()):
        return findings_frame(crs=captures.crs)
    concerned = np.logical_or.reduce([(has & silent).to_numpy() for has in kinds.values()])
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
    message = f"Not written as elevations: {told}."
    remedy = "Nothing, if no elevation is wanted. Else apply the geoid model of the City's vertical datum (GEOID18 for NAVD88)."
    row = _counted("H02", "height_not_written", "info", message, concerned, captures)
    return findings_frame([{"layer": layer, "remedy": remedy, **row}], crs=captures.crs)


def antenna_findings(
    occupations: gpd.GeoDataFrame,
    *,
    layer: str,
    known_height_ft: pd.Series | None = None,
    tolerance_ft: float = ANTENNA_MATCH_FT,
) -> gpd.GeoDataFrame:
    """
    H01: occupations whose height is off by just the antenna height, which was taken off twice or never.

    Parameters
    ----------
    occupations : GeoDataFrame
        `citygis.captures.occupations.Occupations.frame`; a column ``mark`` groups occupations of one mark
        (`citygis.captures.marks.marked`), else ``name`` does.
    layer : str
    known_height_ft : Series, optional
        Ellipsoid heights on record, in US survey feet in the City's frame, by mark name. Compared first; without one, an occupation
        is held against the median of the others of its mark, and of a lone pair nobody can say which is wrong.
    tolerance_ft : float
        How near the difference must be to the antenna height. It must also be beyond three sigma of the scatter, and twice
        `tolerance_ft`: a short antenna height is no evidence.

    Returns
    -------
    GeoDataFrame
        As `citygis.findings.findings_frame`.
    """
    known = {} if known_height_ft is None else known_height_ft.dropna().to_dict()
    mark = occupations["mark"] if "mark" in occupations else occupations["name"]
    usable = occupations["ellipsoid_height_ft"].notna() & mark.notna()
    # A mark of one occupation has nothing to be held against but the record.
    usable &= mark.duplicated(keep=False) | occupations["name"].isin(list(known))
    rows = []
    for _, members in occupations[usable].groupby(mark[usable], sort=True):
        heights = members["ellipsoid_height_ft"].to_numpy()
        record = known.get(members["name"].iloc[0])
        pair = record is None and len(members) == 2
        if record is None and len(members) == 1:
            continue
        for place, row in enumerate(members.itertuples()):
            others = np.delete(heights, place)
            against = record if record is not None else float(np.median(others))
            scatter = np.hypot(np.nan_to_num(row.v_rms_ft), 0.0 if record is not None else np.nan_to_num(members["v_rms_ft"]).max())
            antennas = [row.antenna_height_ft] if not pair else members["antenna_height_ft"].to_list()
            off = row.ellipsoid_height_ft - against
            match = [a for a in antennas if a > 2 * tolerance_ft and abs(abs(off) - a) <= tolerance_ft]
            if not match or abs(off) <= 3 * scatter or (pair and off < 0):
                continue
            rows.append(_doubled(row, members, off, match[0], record, pair) | {"layer": layer, "tolerance": tolerance_ft})
    return findings_frame(rows, crs=occupations.crs)


def _doubled(row: tuple, members: pd.DataFrame, off: float, antenna: float, record: float | None, pair: bool) -> dict:
    told = row.name if isinstance(row.name, str) else f"occupation {row.occupation}"
    side = "above" if off > 0 else "below"
    held = "the height on record" if record is not None else "the other occupation" if pair else "the other occupations"
    likely = "was not taken off" if off > 0 else "was taken off twice"
    message = (
        f"{told}, occupation {row.occupation}: {abs(off):.2f} ft {side} {held}, which is the antenna height ({antenna:.2f} ft). "
    )
    if pair:
        other = next(number for number in members["occupation"] if number != row.occupation)
        message += f"It was not taken off here, or was taken off twice in occupation {other}."
    else:
        message += f"It {likely}."
    return {
        "code": "H01",
        "rule": "antenna_height_doubled",
        "severity": "error",
        "feature": told,
        "other": str(row.occupation),
        "measure": off,
        "unit": "ft",
        "message": message,
        "remedy": "Look at the receiver's settings and the field notes, correct the antenna height, and read the file again.",
        "source_ref": row.source_ref,
        "geometry": row.geometry,
    }


def _counted(code: str, rule: str, severity: str, message: str, rows: np.ndarray, captures: gpd.GeoDataFrame) -> dict:
    """A finding about many rows, at their middle."""
    places = captures.geometry.array[np.flatnonzero(rows)]
    bounds = shapely.total_bounds(np.asarray(places, dtype=object))
    middle = shapely.Point((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2) if np.isfinite(bounds).all() else None
    return {"code": code, "rule": rule, "severity": severity, "message": message, "measure": rows.sum(), "geometry": middle}
