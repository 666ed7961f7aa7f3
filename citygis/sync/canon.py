"""
Features in one canonical form, so that what is the same hashes the same: here, there, and at the last verified sync.

Whatever a server may do to a feature without changing it is taken out: where a ring starts and which way it runs, the order of
parts, coordinates snapped to the server's grid, trailing blanks, the case and braces of a GUID, digits that a Single or a
Double does not hold.
"""

import datetime
import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.geodesy.transform import FT_PER_DEGREE
from citygis.readers.service.definition import LayerDefinition, ServiceField
from citygis.readers.service.values import wire_id
from citygis.units import US_SURVEY_FOOT

GRID_FT, GRID_M, GRID_DEGREES = 0.001, 0.0003, 3e-9
"""
Steps that coordinates are snapped to before they are sent and before they are hashed: about 0.001 ft in each unit. A hosted layer
snaps to its xyResolution (0.0001 m, 1e-9 degrees), which is less than half of each, so that what comes back snaps to what was sent.
"""

SINGLE_DIGITS, DOUBLE_DIGITS = 7, 10
"""Digits that count: what a 32-bit float holds (IEEE 754), and 1e-9 of a Double."""

INTEGERS, NUMBERS = frozenset({"SmallInteger", "Integer", "BigInteger"}), frozenset({"Single", "Double"})
"""Esri's kinds of whole and of other numbers."""

CHUNK = 5_000
"""Features hashed at a time, so that the canonical form of a layer is never held whole."""

_NO_DATE = np.datetime64("NaT").astype("int64")
_dumps = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


class Canonical(NamedTuple):
    """
    Features, ready to be compared.

    ``values`` holds per field a list of text, int, float or None: dates in milliseconds since 1970 UTC, DateOnly as text, a GUID in
    lower case without braces. ``geometry`` is snapped, in two dimensions unless the layer has heights, rings and parts in one
    order; None for a table. ``hashes`` are 32 hexadecimal digits of BLAKE2b (RFC 7693).
    """

    global_ids: np.ndarray
    values: dict[str, list]
    geometry: np.ndarray | None
    hashes: np.ndarray


def global_id_text(value: object) -> str | None:
    """A GlobalID in lower case without braces, however it was written; None where it is none."""
    try:
        return wire_id(value)[1:-1].lower()
    except ValueError:
        return None


def global_ids(frame: pd.DataFrame) -> np.ndarray:
    """
    The column ``global_id``, normalised.

    Raises
    ------
    ValueError
        If there is no such column.
    """
    if "global_id" not in frame.columns:
        raise ValueError("Invalid frame: it has no column global_id. Must have one, the key that both sides share.")
    return np.array([global_id_text(value) for value in frame["global_id"].to_numpy(dtype=object)], dtype=object)


def canonical(frame: pd.DataFrame, definition: LayerDefinition, fields: Sequence[str] | None = None) -> Canonical:
    """
    A frame in canonical form.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame
        Columns named as the layer's fields, ``global_id``, and the geometry in the layer's system. Not modified.
    definition : LayerDefinition
    fields : sequence of str, optional
        Those that count, in any order. Default: all the publisher's own fields that the frame has a column for.

    Returns
    -------
    Canonical

    Raises
    ------
    ValueError
        If a column of dates states no time zone: it would mean another moment on another machine.
    """
    counted = fields_in_play(frame, definition) if fields is None else sorted(fields, key=str.casefold)
    by_name = {each.name: each for each in definition.fields}
    values = {name: json_values(frame[name], by_name[name]) for name in counted}
    geometry = None
    blobs = [b""] * len(frame)
    if definition.geometry_type is not None and hasattr(frame, "geometry"):
        geometry = canonical_geometry(np.asarray(frame.geometry.array, dtype=object), definition)
        blobs = shapely.to_wkb(geometry, byte_order=1).tolist()
    reduced = [_reduced(values[name], by_name[name].kind) for name in counted]
    head = _dumps([name.casefold() for name in counted]).encode()
    rows = zip(*reduced, strict=True) if reduced else [()] * len(frame)
    hashes = [
        hashlib.blake2b(b"\0".join((head, _dumps(row).encode(), blob or b"null")), digest_size=16).hexdigest()
        for row, blob in zip(rows, blobs, strict=True)
    ]
    return Canonical(global_ids(frame), values, geometry, np.array(hashes, dtype=object))


def feature_hashes(frame: pd.DataFrame, definition: LayerDefinition, fields: Sequence[str] | None = None) -> np.ndarray:
    """The hash of each feature, as `canonical` has it, without holding the rest."""
    counted = fields_in_play(frame, definition) if fields is None else fields
    parts = [canonical(frame.iloc[at : at + CHUNK], definition, counted).hashes for at in range(0, len(frame), CHUNK)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=object)


def fields_in_play(frame: pd.DataFrame, definition: LayerDefinition) -> list[str]:
    """The publisher's own fields that a frame has a column for, in the order in which they are hashed."""
    there = (each.name for each in definition.own_fields if each.name in frame.columns)
    return sorted((name for name in there if name != "global_id"), key=str.casefold)


def step_of(crs: CRS | None) -> float:
    """The step of the grid in a system's own unit; that of feet where no system is known."""
    if crs is None:
        return GRID_FT
    if not crs.is_projected:
        return GRID_DEGREES
    return GRID_M if crs.axis_info[0].unit_conversion_factor == 1 else GRID_FT


def in_units(distance_ft: float, crs: CRS | None) -> float:
    """A distance in the unit of a system; in degrees, of latitude. The unit is taken for feet where no system is known."""
    if crs is None:
        return distance_ft
    if not crs.is_projected:
        return distance_ft / FT_PER_DEGREE
    return distance_ft * float(US_SURVEY_FOOT) / crs.axis_info[0].unit_conversion_factor


def snapped(geometry: np.ndarray, definition: LayerDefinition) -> np.ndarray:
    """
    Geometries with their coordinates on the grid, as they are sent; vertices that fall together become one.

    Heights are kept where the layer has them, on the same grid of its unit, and dropped elsewhere. Empty geometries become None.
    """
    step = step_of(definition.crs)
    shapes = np.array(geometry, dtype=object)
    shapes[shapely.is_empty(shapes)] = None
    shapes = without_measures(shapes)
    if not definition.has_z:
        deep = shapely.has_z(shapes)
        shapes[deep] = shapely.force_2d(shapes[deep])
    for deep in (False, True):
        rows = ~shapely.is_missing(shapes) & (shapely.has_z(shapes) == deep)
        if rows.any():
            coordinates = shapely.get_coordinates(shapes[rows], include_z=deep)
            steps = np.array([step, step, GRID_FT][: coordinates.shape[1]])
            on_grid = np.round(coordinates / steps) * steps + 0.0
            shapes[rows] = shapely.remove_repeated_points(shapely.set_coordinates(shapes[rows], on_grid))
    return shapes


def has_measures(geometry: np.ndarray) -> np.ndarray:
    """Which geometries state a measure (M) at a vertex or more; one that is NaN at all of them states none."""
    rows = np.flatnonzero(shapely.has_m(geometry))
    found = np.zeros(len(geometry), dtype=bool)
    measures, owner = shapely.get_coordinates(geometry[rows], include_m=True, return_index=True)
    found[rows[owner[np.isfinite(measures[:, -1])]]] = True
    return found


def without_measures(geometry: np.ndarray) -> np.ndarray:
    """The geometries, none with measures; heights stay. Those without are the same objects."""
    rows = np.flatnonzero(shapely.has_m(geometry))
    if not len(rows):
        return geometry
    flat, given = np.array(geometry, dtype=object), geometry[rows]
    made, deep = shapely.force_2d(given), shapely.has_z(given)
    made[deep] = shapely.set_coordinates(shapely.force_3d(made[deep]), shapely.get_coordinates(given[deep], include_z=True))
    flat[rows] = made
    return flat


def canonical_geometry(geometry: np.ndarray, definition: LayerDefinition) -> np.ndarray:
    """`snapped`, with rings and parts in one order; the direction of a line is its own and stays."""
    shapes = snapped(geometry, definition)
    alone = (shapely.get_type_id(shapes) >= shapely.GeometryType.MULTIPOINT) & (shapely.get_num_geometries(shapes) == 1)
    shapes[alone] = shapely.get_geometry(shapes[alone], 0)
    lines = shapely.get_dimensions(shapes) == 1
    shapes[~lines] = shapely.normalize(shapes[~lines])
    for row in np.flatnonzero(lines & (shapely.get_num_geometries(shapes) > 1)):
        shapes[row] = shapely.multilinestrings(sorted(shapely.get_parts(shapes[row]), key=lambda part: part.wkb))
    return shapes


def replaced(frame: pd.DataFrame, name: str, rows: Sequence[int], values: Sequence | np.ndarray) -> pd.DataFrame:
    """A frame with other values in some rows of one column, which keeps its type and its system. The frame is not modified."""
    column = np.array(frame[name].astype(object), dtype=object)
    column[list(rows)] = values
    if name == "geometry":
        return frame.assign(geometry=gpd.GeoSeries(column, index=frame.index, crs=frame.crs))
    return frame.assign(**{name: pd.Series(column, index=frame.index, dtype=object).astype(frame[name].dtype)})


def json_values(column: pd.Series, field: ServiceField) -> list:
    """
    A column as values that can be compared: None for every kind of nothing, dates in milliseconds.

    What a field cannot hold (halves, infinities) comes back as it is, for the checks to refuse.

    Raises
    ------
    ValueError
        If dates state no time zone.
    """
    if field.kind in INTEGERS:
        return _integers(column)
    if field.kind in NUMBERS:
        numbers = pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan)
        return [None if value != value else value for value in numbers.tolist()]
    if field.kind == "Date":
        return _milliseconds(column)
    texts = column.astype(object).to_numpy(dtype=object)
    missing = pd.isna(texts)
    if field.kind == "DateOnly":
        return [None if gone else _day(value) for value, gone in zip(texts, missing, strict=True)]
    if field.kind in ("GUID", "GlobalID"):
        return [None if gone else global_id_text(value) or str(value) for value, gone in zip(texts, missing, strict=True)]
    return [None if gone else str(value) for value, gone in zip(texts, missing, strict=True)]


def _reduced(values: list, kind: str) -> list:
    """What of the values counts for the hash."""
    if kind in NUMBERS:
        numbers = np.array([np.nan if value is None else value for value in values], dtype="float64")
        digits = DOUBLE_DIGITS if kind == "Double" else SINGLE_DIGITS
        with np.errstate(all="ignore"):
            numbers = numbers.astype("float32").astype("float64") if kind == "Single" else numbers
            scale = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(numbers))))
            rounded = np.round(numbers * scale) / scale
        rounded = np.where(np.isfinite(rounded), rounded, numbers) + 0.0
        return [None if value != value else value for value in rounded.tolist()]
    if kind in INTEGERS or kind == "Date":
        return values
    return [value and value.rstrip(" ") for value in values]


def _integers(column: pd.Series) -> list:
    try:
        return column.astype("Int64").to_numpy(dtype=object, na_value=None).tolist()
    except (TypeError, ValueError, OverflowError):
        numbers = pd.to_numeric(column).to_numpy(dtype="float64", na_value=np.nan)
        return [None if value != value else int(value) if value % 1 == 0 else value for value in numbers.tolist()]


def _milliseconds(column: pd.Series) -> list:
    if pd.api.types.is_numeric_dtype(column.dtype):
        return _integers(column)
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        given = column.dropna()
        naive = pd.api.types.is_datetime64_dtype(column.dtype) or any(getattr(value, "tzinfo", None) is None for value in given)
        if naive and len(given):
            raise ValueError(f"Invalid dates in {column.name!r}: they state no time zone. Must be UTC: dt.tz_localize('UTC').")
        column = pd.to_datetime(column, utc=True)
    moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy().astype("datetime64[ms]").astype("int64")
    return [None if value == _NO_DATE else value for value in moments.tolist()]


def _day(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        value = value.date()
    return value.isoformat() if isinstance(value, datetime.date) else str(value)
