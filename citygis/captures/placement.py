"""
Captured positions in the City's feet, each by the frame that was settled for it; what cannot be there is set aside with the
reason.
"""

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS, Transformer

from citygis.captures.settlement import Settled
from citygis.city import City
from citygis.geodesy import Lineage, decimal_year, today, transform_points

REJECTED = ("reject_code", "reject_reason", "reject_message")
"""Columns that say why a capture is set aside; null where it is not."""

_ZONE_MARGIN_DEG = 0.5

OLDEST = 1980.0
"""No GPS position is older: the system's time begins on 1980-01-06."""

_CLOCK_WRONG_YEARS = 0.01
"""A capture of tomorrow is a clock in another time zone."""


class Placed(NamedTuple):
    """
    Captures in the City's system.

    ``frame``: the captures that have a place, with their index, geometry in City feet and ``ellipsoid_height_m`` in the City's
    frame, and ``epoch_observed`` (decimal year, null without a time). ``rejected``: `REJECTED` on the index of those that have
    none.
    ``lineages``: one for each frame settled.
    """

    frame: gpd.GeoDataFrame
    rejected: pd.DataFrame
    lineages: tuple[Lineage, ...]


def place_captures(captures: gpd.GeoDataFrame, settled: list[Settled], *, city: City, tolerance_ft: float) -> Placed:
    """
    Captures as the City's coordinates.

    Parameters
    ----------
    captures : captures frame
        Of one file. Rows without geometry are left out; the reader has reported them.
    settled : list of Settled
        From `citygis.captures.settlement.settle`; together they name every row with a position.
    city : City
    tolerance_ft : float
        The worst accuracy of a transformation that is accepted.

    Returns
    -------
    Placed
        Set aside are: E08 no date or one that cannot be, where the frame is that of the observation; E11 not in the City's zone,
        with what
        seems to have happened (axes swapped, the minus of a western longitude lost, metres for feet).

    Raises
    ------
    CRSError
        If the transformation is refused.
    """
    rejected, lineages, parts = [], [], []
    for one in settled:
        rows = captures.iloc[one.rows]
        observed = decimal_year(rows["time"])
        if one.needs_date:
            dated = np.isfinite(observed)
            rejected.append(set_aside(rows.index[~dated], "E08", "no_date", _NO_DATE.format(frame=one.frame)))
            rows, observed = rows[dated], observed[dated]
            can_be = (observed >= OLDEST) & (observed <= today() + _CLOCK_WRONG_YEARS)
            rejected.append(set_aside(rows.index[~can_be], "E08", "impossible_date", _IMPOSSIBLE.format(frame=one.frame)))
            rows, observed = rows[can_be], observed[can_be]
        easting, northing = rows.geometry.x.to_numpy(), rows.geometry.y.to_numpy()
        told = misplaced(easting, northing, one.source_crs, city)
        if one.frame.is_local:
            # The numbers of a local system say nothing of where they are.
            told[:] = None
        rejected.append(told.set_axis(rows.index).dropna(subset=["reject_code"]))
        fine = told["reject_code"].isna().to_numpy()
        rows, observed = rows[fine], observed[fine]
        if not len(rows):
            continue
        points, lineage = transform_points(
            easting[fine],
            northing[fine],
            rows["ellipsoid_height_m"].to_numpy(),
            source=one.frame,
            source_crs=None if one.frame.is_local else one.source_crs,
            target=city.frame,
            target_crs=city.crs,
            observed=observed if one.needs_date else None,
            velocity=city.velocity,
            local=city.local,
            tolerance_ft=tolerance_ft,
            grids=city.grids_folder,
        )
        made = rows.drop(columns=rows.geometry.name).assign(ellipsoid_height_m=points.ellipsoid_height_m, epoch_observed=observed)
        parts.append(gpd.GeoDataFrame(made, geometry=gpd.points_from_xy(points.easting, points.northing, crs=city.crs)))
        lineages.append(lineage._replace(statement=one.reason, stated_by=one.stated_by, cost_ft=one.cost_ft))
    frame = pd.concat(parts).sort_index() if parts else captures.iloc[:0].assign(epoch_observed=np.nan)
    if not parts:
        frame = gpd.GeoDataFrame(pd.DataFrame(frame).drop(columns="geometry"), geometry=gpd.GeoSeries([], crs=city.crs))
    aside = pd.concat(rejected) if rejected else set_aside(captures.index[:0], "", "", "")
    return Placed(frame, aside.sort_index(), tuple(lineages))


_IMPOSSIBLE = "Its date cannot be: before GPS, or in the future; in {frame} the place depends on it. See the receiver's clock."
_NO_DATE = "The position has no date, and in {frame} it means nothing without one."


def misplaced(easting: np.ndarray, northing: np.ndarray, crs: CRS, city: City) -> pd.DataFrame:
    """
    Why positions cannot be in the City's zone.

    Parameters
    ----------
    easting, northing : arrays
        In `crs`: longitude and latitude where that is geographic.

    Returns
    -------
    DataFrame
        Columns `REJECTED`, null for positions within half a degree of the zone.
    """
    area = city.crs.area_of_use
    index = pd.RangeIndex(len(easting))
    told = pd.DataFrame({name: pd.Series(None, index=index, dtype="str") for name in REJECTED})
    if area is None or not len(easting):
        return told
    box = (area.west, area.south, area.east, area.north)
    guesses = {"longitude_without_west": (-1, 1, False), "swapped": (1, 1, True), "swapped_without_west": (1, -1, True)}
    lon, lat = _degrees(easting, northing, crs)
    out = ~_within(lon, lat, box)
    reasons = np.where(out, "outside_zone", None).astype(object)
    if not crs.is_projected:
        for reason, (sign_lon, sign_lat, swap) in guesses.items():
            mended = (northing * sign_lat, easting * sign_lon) if swap else (easting * sign_lon, northing * sign_lat)
            if reason == "swapped_without_west":
                mended = (-northing, easting)
            reasons[out & (reasons == "outside_zone") & _within(*mended, box)] = reason
    else:
        feet = crs.axis_info[0].unit_conversion_factor
        for reason, mended in (("swapped", (northing, easting)), ("metres", (easting / feet, northing / feet))):
            reasons[out & (reasons == "outside_zone") & _within(*_degrees(*mended, crs), box)] = reason
    for reason, message in _MISPLACED.items():
        rows = reasons == reason
        if rows.any():
            told.loc[rows, ["reject_code", "reject_reason", "reject_message"]] = "E11", reason, message.format(zone=city.crs.name)
    return told


_MISPLACED = {
    "longitude_without_west": "The longitude has lost its minus: without it the place is on the other side of the world.",
    "swapped": "The two coordinates are exchanged: read the other way round the place is in {zone}.",
    "swapped_without_west": "The two coordinates are exchanged and the longitude has lost its minus.",
    "metres": "The numbers are metres: read as feet the place is not in {zone}.",
    "outside_zone": "The place is not in {zone}.",
}


def _degrees(easting: np.ndarray, northing: np.ndarray, crs: CRS) -> tuple[np.ndarray, np.ndarray]:
    if not crs.is_projected:
        return easting, northing
    return Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(easting, northing)


def _within(lon: np.ndarray, lat: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    west, south, east, north = box
    margin = _ZONE_MARGIN_DEG
    return (lon >= west - margin) & (lon <= east + margin) & (lat >= south - margin) & (lat <= north + margin)


def set_aside(index: pd.Index, code: str, reason: str, message: str) -> pd.DataFrame:
    """`REJECTED` with one reason, for the captures of `index`."""
    values = dict(zip(REJECTED, (code, reason, message), strict=True))
    return pd.DataFrame({name: pd.Series(value, index=index, dtype="str") for name, value in values.items()})
