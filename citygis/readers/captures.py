"""
What every reader of GPS captures and survey points gives: one shape of frame, and an account of every record that was read.
"""

import contextlib
import gc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

FIX_TYPES = ("FIXED", "FLOAT", "SINGLE", "DGPS", "PPK", "STATIC", "NONE")
"""The fix types of the City's ``corner`` layer. DGPS is any differential code solution, satellite based (SBAS) included."""

KINDS = ("epoch", "point", "waypoint", "route", "track", "photo")
"""What a row is: one epoch of a stream, a named point of a survey, or what GPX calls so."""

DTYPES = {
    "capture": "str",
    "name": "str",
    "code": "str",
    "time": "datetime64[us, UTC]",
    "fix_type": "str",
    "satellites": "Int64",
    "hdop": "float64",
    "vdop": "float64",
    "pdop": "float64",
    "correction_age_s": "float64",
    "station": "str",
    "h_rms_m": "float64",
    "v_rms_m": "float64",
    "ellipsoid_height_m": "float64",
    "msl_height_m": "float64",
    "elevation": "float64",
    "elevation_unit": "str",
    "vertical_datum": "str",
    "antenna_height_m": "float64",
    "height_at": "str",
    "samples": "Int64",
    "track": "Int64",
    "segment": "Int64",
    "datum_stated": "str",
}
"""
The columns of a captures frame and their types; null where the file does not say.

``capture`` is one of `KINDS`. ``code`` is the field code or description as keyed in. ``time`` is UTC. ``h_rms_m`` is one sigma,
radial: the square root of the sum of the squares along both axes. ``ellipsoid_height_m`` is above the ellipsoid;
``msl_height_m`` is what a receiver calls sea level, by a geoid model of its own, which is never an elevation of the City's;
``elevation`` is what a survey states as such, in ``elevation_unit`` ("ft_us", "ft", "m") above ``vertical_datum``.
``height_at`` is "mark" where the antenna height has been taken off already, "antenna" where it has not. ``samples`` is how many
epochs the receiver averaged itself. ``datum_stated`` is what the file says of its frame, in its own words.
"""

REASONS = {
    "bad_checksum": "R05",
    "cut_off": "R05",
    "not_a_number": "R05",
    "wrong_field_count": "R05",
    "not_text": "R05",
    "no_fix": "R06",
    "no_position": "R06",
    "out_of_range": "R06",
    "ddmm_as_degrees": "R06",
    "hemisphere_missing": "R06",
    "order_contradicts": "R06",
    "units_mixed": "R06",
    "no_date": "R07",
}
"""
Why a record gives no position, or one without a date, and the reading code of each: R05 the record is damaged, R06 it has no usable
position (both with null geometry), R07 it has a position but no date.
"""


class Rejection(NamedTuple):
    """One record that cannot be used as it stands: where it is, why (a key of `REASONS`), in words, and its text as sent."""

    source_ref: str
    reason: str
    message: str
    text: str


class Captures(NamedTuple):
    """
    What one file of captures holds.

    ``frame``: one row per position, as `captures_frame` makes it, in the order of the file; ``rows``: the record of the file that
    each is ("line 12", "trkpt 40"), which `source_ref` quotes. ``rejected``: DataFrame with the columns of `Rejection`, one row per
    record that gave no position. ``records``: how many records of each kind the file has, and which of them carry no position at
    all by their nature ("GSV": 732); with ``joined`` it accounts for every record: sum(records) = positions + joined into positions
    + without position by nature + rejected. ``notes`` is what a person should know.
    """

    frame: gpd.GeoDataFrame
    rows: np.ndarray
    rejected: pd.DataFrame
    records: dict[str, int]
    joined: int = 0
    notes: tuple[str, ...] = ()


def captures_frame(
    columns: Mapping[str, Any],
    easting: np.ndarray,
    northing: np.ndarray,
    *,
    crs: CRS | None,
    others: pd.DataFrame | None = None,
) -> gpd.GeoDataFrame:
    """
    Columns made into a captures frame.

    Parameters
    ----------
    columns : mapping of column to values
        Any of `DTYPES`; a single value stands for every row, what is left out is null.
    easting, northing : arrays of n
        As sent: longitude and latitude where `crs` is geographic. Not a number where a row has no position.
    crs : CRS or None
        What the file's format or text says, None where it says nothing.
    others : DataFrame of n rows, optional
        Columns as sent that are not captures columns; they follow, a name that is taken has ``_sent`` after it.

    Returns
    -------
    GeoDataFrame, n points
        The columns of `DTYPES`, then `others`. New index.
    """
    easting, northing = np.asarray(easting, dtype="float64"), np.asarray(northing, dtype="float64")
    index = pd.RangeIndex(len(easting))
    unknown = sorted(set(columns) - set(DTYPES))
    if unknown:
        raise ValueError(f"Invalid captures column {unknown[0]!r}. Must be one of: {', '.join(DTYPES)}.")
    made = {name: _column(columns.get(name), dtype, index) for name, dtype in DTYPES.items()}
    geometry = np.full(len(index), None, dtype=object)
    placed = np.isfinite(easting) & np.isfinite(northing)
    with _uncollected():
        geometry[placed] = shapely.points(easting[placed], northing[placed])
    frame = pd.DataFrame(made, index=index)
    if others is not None:
        named = {name: f"{name}_sent" if name in DTYPES or name == "geometry" else name for name in others.columns}
        frame = pd.concat([frame, others.rename(columns=named).set_axis(index)], axis=1)
    return gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(geometry, crs=crs))


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Without the garbage collector, which looks at all that lives again and again while a million points are made."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def rejected_frame(rejections: Sequence[Rejection]) -> pd.DataFrame:
    """Rejections as a frame with the columns of `Rejection`, all text."""
    return pd.DataFrame(list(rejections), columns=list(Rejection._fields)).astype("str")


def _column(values: Any, dtype: str, index: pd.RangeIndex) -> pd.Series:
    if isinstance(values, pd.Series):
        values = values.array
    return pd.Series(values, index=index, dtype=dtype)
