"""
Incidents that count: placed, dated, in the City and in one of the periods; all others with the reason why not.
"""

import datetime
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.analysis.layers import without_ground
from citygis.errors import AnalysisError

ID_COLUMNS = ("incident_id", "case_no", "id")
"""Where the name of an incident is looked for."""


class Period(NamedTuple):
    """
    Days, the first and the last included; null for all there are.

    Attributes
    ----------
    start, end : date or None
    said : str
        In words.
    """

    start: datetime.date | None
    end: datetime.date | None
    said: str

    @property
    def days(self) -> int:
        """How many; 1 where it has no ends."""
        return (self.end - self.start).days + 1 if self.start and self.end else 1


class Counted(NamedTuple):
    """
    What becomes of a layer of incidents.

    Attributes
    ----------
    held : DataFrame
        ``id, easting, northing, period`` (its number) of those that count, in an order that is not that of the layer.
    left_out : list of (layer, feature, reason)
    """

    held: pd.DataFrame
    left_out: list[tuple[str, str, str]]

    def reasons(self) -> str:
        """How many were left out for each reason, in words."""
        counts = pd.Series([why for _, _, why in self.left_out], dtype="str").value_counts().sort_index()
        return ", ".join(f"{count:,} {why}" for why, count in counts.items())


def periods_of(
    this_from: datetime.date | None, this_to: datetime.date | None, last_from: datetime.date | None, last_to: datetime.date | None
) -> list[Period]:
    """
    This period, and the one to compare it with.

    Parameters
    ----------
    this_from, this_to, last_from, last_to : date or None
        Without the first two there is one period, that of all incidents. Without the last two, the other one is as many days just
        before.

    Raises
    ------
    AnalysisError
        If a period has one end, runs backwards, or the last one does not end before this one begins.
    """
    if this_from is None and this_to is None:
        if last_from is not None or last_to is not None:
            raise AnalysisError("A last period was named without this one. Give this_from and this_to too.")
        return [Period(None, None, "all incidents")]
    if this_from is None or this_to is None:
        raise AnalysisError("A period has two days. Give both this_from and this_to.")
    if (last_from is None) != (last_to is None):
        raise AnalysisError("The last period has two days. Give both last_from and last_to, or neither.")
    if last_from is None:
        last_to = this_from - datetime.timedelta(days=1)
        last_from = last_to - (this_to - this_from)
    for start, end in ((this_from, this_to), (last_from, last_to)):
        if end < start:
            raise AnalysisError(f"The period from {start.isoformat()} to {end.isoformat()} runs backwards. Exchange the days.")
    if last_to >= this_from:
        raise AnalysisError(f"The last period runs to {last_to.isoformat()}, into this one. End it before {this_from.isoformat()}.")
    return [Period(a, b, f"{a.isoformat()} to {b.isoformat()}") for a, b in ((this_from, this_to), (last_from, last_to))]


def counted(
    incidents: gpd.GeoDataFrame, limit: shapely.Geometry, *, periods: list[Period], date_column: str, id_column: str | None
) -> Counted:
    """
    The incidents of some periods in the City.

    Parameters
    ----------
    incidents : GeoDataFrame
        Points; whatever else is in it is left out and told.
    limit : Polygon or MultiPolygon
    periods : list of Period
    date_column : str
        Not looked at where the period has no ends.
    id_column : str or None
        One of `ID_COLUMNS` when not given, else the row.

    Returns
    -------
    Counted

    Raises
    ------
    AnalysisError
        If a column is not there, or the layer has no point.
    """
    shapes = np.asarray(incidents.geometry.values)
    names = _names(incidents, id_column)
    reason = np.full(len(incidents), "", dtype=object)
    period = np.zeros(len(incidents), dtype=int)
    if periods[0].start is not None:
        if date_column not in incidents.columns:
            raise AnalysisError(f"Layer 'incident' has no column {date_column!r}. It has: {', '.join(incidents.columns)}.")
        days = _days(incidents[date_column])
        period[:] = -1
        for k, each in enumerate(periods):
            period[(days >= np.datetime64(each.start)) & (days <= np.datetime64(each.end))] = k
        reason[period < 0] = "in none of the periods"
        reason[np.isnat(days)] = "no date, or none that can be read"
    nowhere = without_ground(incidents).to_numpy()
    points = ~nowhere & (shapely.get_type_id(shapes) == 0)
    if not points.any():
        raise AnalysisError("Layer 'incident' has no points. Geocode it first.")
    east, north = np.full((2, len(shapes)), np.nan)
    east[points], north[points] = shapely.get_coordinates(shapes[points]).T
    shapely.prepare(limit)
    outside = points & ~shapely.intersects_xy(limit, east, north)
    reason[outside & (reason == "")] = "outside the City limit"
    reason[~nowhere & ~points & (reason == "")] = "not a point"
    reason[nowhere & (reason == "")] = "no place"
    good = reason == ""
    held = pd.DataFrame({"id": names[good], "easting": east[good], "northing": north[good], "period": period[good]})
    left = pd.DataFrame({"id": names[~good], "reason": reason[~good]}).sort_values(["reason", "id"])
    rows = [("incident", name, why) for name, why in zip(left["id"], left["reason"], strict=True)]
    return Counted(held.sort_values(["period", "northing", "easting", "id"]).reset_index(drop=True), rows)


def _names(incidents: gpd.GeoDataFrame, column: str | None) -> np.ndarray:
    if column is not None and column not in incidents.columns:
        raise AnalysisError(f"Layer 'incident' has no column {column!r}. It has: {', '.join(incidents.columns)}.")
    column = column or next((name for name in ID_COLUMNS if name in incidents.columns), None)
    rows = np.array([f"row {k}" for k in range(1, len(incidents) + 1)], dtype=object)
    if column is None:
        return rows
    named = incidents[column]
    return np.where(named.isna(), rows, named.astype("str").to_numpy(dtype=object))


def _days(column: pd.Series) -> np.ndarray:
    """Days as written, whatever the clock or its zone."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_localize(None)
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return column.to_numpy().astype("datetime64[D]")
    text = column.astype("str").str.slice(0, 10)
    return pd.to_datetime(text, format="%Y-%m-%d", errors="coerce").to_numpy().astype("datetime64[D]")
