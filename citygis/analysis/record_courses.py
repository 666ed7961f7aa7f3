"""
Boundary lines beside an outline: which of them state the numbers of its courses.
"""

import math
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.cogo import Course, azimuth_between, curve_course, solve_curve, turn

NODE_FT = 0.02
"""Ends of a boundary line stand for a vertex of the outline within this: rounded coordinates leave no more."""

ALONG_FT = 0.05
"""An outline runs along a line that lies within this of it."""

RECORD_FT = 0.10
RECORD_SHARE = 1 / 5_000
"""A number of record stands for a drawn course within 0.10 ft, or 1 in 5,000 of it if that is more (as rule T24 has it)."""

_SAME_BEARING_DEG = 10 / 3600


class Stated(NamedTuple):
    """Boundary lines near the outline: ends (n, 2), and what they state, lengths on the grid."""

    name: np.ndarray
    start: np.ndarray
    end: np.ndarray
    azimuth: np.ndarray
    distance: np.ndarray
    radius: np.ndarray
    arc: np.ndarray
    hand: np.ndarray


def stated_near(lines: gpd.GeoDataFrame | None, points: np.ndarray) -> Stated | None:
    """
    The boundary lines that run along a ring from end to end, by name; None where there are none.

    Parameters
    ----------
    lines : GeoDataFrame or None
        Layer ``boundary_line``. Connections, calculated and natural lines state nothing of record.
    points : array (n, 2)
        The vertices of the ring, in feet.
    """
    if lines is None or not {"direction_az", "distance_ft"} <= set(lines.columns):
        return None
    azimuth, distance = (
        pd.to_numeric(lines[name]).to_numpy(dtype=float, na_value=np.nan) for name in ("direction_az", "distance_ft")
    )
    ring = shapely.LinearRing(points)
    shapely.prepare(ring)
    shapes = np.array(lines.geometry.values, dtype=object)
    usable = np.isfinite(azimuth) & np.isfinite(distance) & ~shapely.is_missing(shapes)
    if "line_kind" in lines.columns:
        usable &= lines["line_kind"].isin(["RECORD", "MEASURED"]).to_numpy(dtype=bool)
    usable[usable] = (shapely.get_num_geometries(shapes[usable]) == 1) & shapely.dwithin(shapes[usable], ring, ALONG_FT)
    rows = np.flatnonzero(usable)
    shapes[rows] = shapely.line_merge(shapes[rows])
    for share in (0.0, 0.5, 1.0):
        rows = np.flatnonzero(usable)
        usable[rows] = shapely.dwithin(shapely.line_interpolate_point(shapes[rows], share, normalized=True), ring, ALONG_FT)
    rows = np.flatnonzero(usable)
    if not len(rows):
        return None

    def number(name: str) -> np.ndarray:
        if name not in lines.columns:
            return np.full(len(rows), np.nan)
        return pd.to_numeric(lines[name].iloc[rows]).to_numpy(dtype=float, na_value=np.nan)

    scale = np.ones(len(rows))
    if "is_ground" in lines.columns:
        on_ground = lines["is_ground"].iloc[rows].eq(True).fillna(False).to_numpy(dtype=bool)
        scale = np.where(on_ground, np.nan_to_num(number("scale"), nan=1.0), 1.0)
    names = lines["line_id"].iloc[rows].astype("str") if "line_id" in lines.columns else pd.Series(rows).astype("str")
    hand = lines["curve_side"].iloc[rows].astype("object") if "curve_side" in lines.columns else pd.Series([None] * len(rows))
    ends = [shapely.get_coordinates(shapely.line_interpolate_point(shapes[rows], s, normalized=True)) for s in (0.0, 1.0)]
    order = np.argsort(names.to_numpy(dtype=str), kind="stable")
    columns = (
        names.to_numpy(dtype=object), *ends, azimuth[rows], distance[rows] * scale, number("radius_ft") * scale,
        number("arc_length_ft") * scale, hand.to_numpy(dtype=object),
    )  # fmt: skip
    return Stated(*(column[order] for column in columns))


def curves_along(points: np.ndarray, stated: Stated | None) -> dict[int, tuple[int, int]]:
    """Curves of record along the ring: the vertex each begins at, as (vertex it ends at, row of `stated`)."""
    found: dict[int, tuple[int, int]] = {}
    if stated is None:
        return found
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(np.vstack([points, points[:1]]), axis=0).T)))
    for row in np.flatnonzero(np.isfinite(stated.radius) & np.isfinite(stated.arc)):
        if stated.hand[row] not in ("L", "R"):
            continue
        ends = []
        for place in (stated.start[row], stated.end[row]):
            off = np.hypot(*(points - place).T)
            ends.append(int(np.argmin(off)) if off.min() <= NODE_FT else -1)
        if min(ends) < 0 or ends[0] == ends[1]:
            continue
        for begin, end in (ends, ends[::-1]):
            length = (along[end] - along[begin]) % along[-1]
            if abs(length - stated.arc[row]) <= RECORD_FT + 1e-3 * stated.arc[row] and begin not in found:
                found[begin] = (end, int(row))
                break
    return found


def curve_of_record(begin: np.ndarray, end: np.ndarray, rows: tuple[int, ...], stated: Stated) -> tuple[Course, str]:
    """The course of one curve of record between two corners, or of several that continue each other, and their names."""
    row = rows[0]
    names = ", ".join(stated.name[list(rows)])
    forward = math.dist(begin, stated.start[row]) <= math.dist(begin, stated.end[row])
    hand = stated.hand[row] if forward else {"L": "R", "R": "L"}[stated.hand[row]]
    radius, arc = float(stated.radius[row]), float(stated.arc[list(rows)].sum())
    curve = solve_curve(radius_ft=radius, delta_deg=math.degrees(arc / radius))
    azimuth = float(azimuth_between(begin, end))
    if len(rows) == 1:
        azimuth = (stated.azimuth[row] + (0.0 if forward else 180.0)) % 360
        curve = curve._replace(chord_ft=float(stated.distance[row]))
    return curve_course(curve, hand, azimuth_deg=azimuth, basis="RECORD", text=names), names


def line_of_record(
    begin: np.ndarray, end: np.ndarray, azimuth: float, drawn: float, stated: Stated | None
) -> tuple[float, float, str] | None:
    """Azimuth and distance that lines of record state which together cover a straight course, and their names."""
    if stated is None:
        return None
    ahead = (end - begin) / drawn
    across = np.array([-ahead[1], ahead[0]])
    ends = np.stack([stated.start - begin, stated.end - begin], axis=1)
    along, off = ends @ ahead, np.abs(ends @ across)
    low, high = along.min(axis=1), along.max(axis=1)
    rows = np.flatnonzero((off.max(axis=1) <= ALONG_FT) & (low >= -ALONG_FT) & (high <= drawn + ALONG_FT) & np.isnan(stated.radius))
    rows = rows[np.argsort(low[rows], kind="stable")]
    if not len(rows) or low[rows[0]] > ALONG_FT or drawn - high[rows[-1]] > ALONG_FT:
        return None
    if (np.abs(low[rows[1:]] - high[rows[:-1]]) > ALONG_FT).any():
        return None
    backward = along[rows, 1] < along[rows, 0]
    azimuths = (stated.azimuth[rows] + 180.0 * backward) % 360
    distance = float(stated.distance[rows].sum())
    main = float(azimuths[np.argmax(stated.distance[rows])])
    allowed = max(RECORD_FT, RECORD_SHARE * drawn)
    if any(abs(turn(main, float(each))) > _SAME_BEARING_DEG for each in azimuths):
        return None
    if abs(distance - drawn) > allowed or abs(math.radians(turn(azimuth, main))) * drawn > allowed:
        return None
    return main, distance, ", ".join(stated.name[rows])
