"""
Features that a remote layer cannot take as they are, found before anything is sent.

A server says so too late, of one feature in a batch, or not at all: an outline that crosses itself is cut, a code outside of the
domain is shown as a blank, a missing height becomes 0.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import shapely

from citygis.readers.service.definition import LayerDefinition, ServiceField
from citygis.readers.service.values import WHOLE
from citygis.sync.canon import INTEGERS, NUMBERS, global_ids, has_measures, json_values
from citygis.sync.codes import refused
from citygis.sync.model import Refusal

EARLIEST_MS, LATEST_MS = -62_135_596_800_000, 253_402_300_799_999
"""The years 1 to 9999, which four digits of ISO 8601 can write."""

LARGEST_SINGLE = float(np.finfo("float32").max)

FITTING = {
    "esriGeometryPoint": (shapely.GeometryType.POINT,),
    "esriGeometryMultipoint": (shapely.GeometryType.POINT, shapely.GeometryType.MULTIPOINT),
    "esriGeometryPolyline": (
        shapely.GeometryType.LINESTRING,
        shapely.GeometryType.LINEARRING,
        shapely.GeometryType.MULTILINESTRING,
    ),
    "esriGeometryPolygon": (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON),
}
"""The types of shapely's that a layer of each of Esri's takes."""

_SHOWN = 60


def unfit(frame: pd.DataFrame, definition: LayerDefinition, fields: Sequence[str] | None = None) -> list[Refusal]:
    """
    What of a frame cannot be sent.

    Parameters
    ----------
    frame : DataFrame or GeoDataFrame
        Columns named as the layer's fields, ``global_id``, and the geometry in the layer's system.
    definition : LayerDefinition
    fields : sequence of str, optional
        Look at these only. Default: all own fields of the layer that are columns.

    Returns
    -------
    list of Refusal
        Y01 to Y11, Y13 and Y29, at most one of each code and field for a feature, in the order of the rows. A feature without a
        usable key has the empty text for one, and its message names the row.
    """
    ids = global_ids(frame)
    found: list[tuple[int, Refusal]] = []
    for row in np.flatnonzero(pd.isna(ids)):
        given = frame["global_id"].iloc[row]
        said = "has no global_id" if pd.isna(given) else f"has the global_id {_shown(given)}, which is no UUID"
        found.append((row, refused("", "Y13", None, f"Row {row + 1} of the City's layer {said}.")))
    names = [ids[row] or "" for row in range(len(ids))]
    for field in definition.own_fields:
        if field.name in frame.columns and field.name != "global_id" and (fields is None or field.name in fields):
            for row, code, said in _values(json_values(frame[field.name], field), field):
                found.append((row, refused(names[row], code, field.name, f"{field.name} {said}.")))
    if definition.geometry_type is not None and hasattr(frame, "geometry"):
        for row, code, said in _geometries(np.asarray(frame.geometry.array, dtype=object), definition):
            found.append((row, refused(names[row], code, None, f"The geometry {said}.")))
    return [refusal for _, refusal in sorted(found, key=lambda each: each[0])]


def _values(values: list, field: ServiceField) -> Iterator[tuple[int, str, str]]:
    """Rows, codes and what is said of them, for one field."""
    for row, value in enumerate(values):
        if value is None:
            if not field.is_nullable:
                yield row, "Y02", "is null, and the field takes no nulls"
        elif (said := _misfit(value, field)) is not None:
            yield row, *said
        elif field.domain is not None and value not in field.domain:
            yield row, "Y03", f"is {_shown(value)}, which is none of the field's codes"


def _misfit(value: str | int | float, field: ServiceField) -> tuple[str, str] | None:
    if field.kind in INTEGERS:
        if isinstance(value, float) and not np.isfinite(value):
            return "Y05", f"is {value}"
        limit = WHOLE[field.kind]
        if not isinstance(value, int) or not -limit <= value < limit:
            return "Y04", f"is {value}; the field holds whole numbers from -{limit:,} to {limit - 1:,}"
    elif field.kind in NUMBERS:
        if not np.isfinite(value) or (field.kind == "Single" and abs(value) > LARGEST_SINGLE):
            return "Y05", f"is {value:g}, which the field cannot hold"
    elif field.kind == "Date":
        if not isinstance(value, int) or not EARLIEST_MS <= value <= LATEST_MS:
            return "Y07", f"is {value} milliseconds from 1970"
    elif field.kind == "DateOnly":
        return _misfit_day(value)
    elif field.length is not None and len(value) > field.length:
        return "Y01", f"has {len(value):,} characters, and the field takes {field.length:,}: {_shown(value)}"
    elif "\0" in value or any(0xD800 <= ord(letter) <= 0xDFFF for letter in value):
        return "Y06", "holds a character that is no text (NUL or half a pair)"
    return None


def _misfit_day(value: str) -> tuple[str, str] | None:
    try:
        day = np.datetime64(value, "D")
    except ValueError:
        return "Y06", f"is {_shown(value)}, which is no day"
    if not np.datetime64("0001-01-01") <= day <= np.datetime64("9999-12-31") or str(day) != value:
        return "Y07", f"is {_shown(value)}"
    return None


def _geometries(shapes: np.ndarray, definition: LayerDefinition) -> Iterator[tuple[int, str, str]]:
    there = ~shapely.is_missing(shapes)
    empty = there & shapely.is_empty(shapes)
    for row in np.flatnonzero(empty):
        yield row, "Y08", "is empty"
    sound = there & ~empty & np.isin(shapely.get_type_id(shapes), FITTING.get(definition.geometry_type or "", ()))
    for row in np.flatnonzero(there & ~empty & ~sound):
        yield row, "Y10", f"is a {shapes[row].geom_type}, and the layer holds {definition.geometry_type}"
    coordinates, owner = shapely.get_coordinates(shapes, include_z=False, return_index=True)
    nowhere = np.zeros(len(shapes), dtype=bool)
    nowhere[owner[~np.isfinite(coordinates).all(axis=1)]] = True
    for row in np.flatnonzero(sound & nowhere):
        yield row, "Y08", "has a coordinate that is not a finite number"
    sound &= ~nowhere
    for row in np.flatnonzero(sound & has_measures(shapes)):
        yield row, "Y29", "has measures (M), which are not sent"
    if definition.has_z:
        deep, owner = shapely.get_coordinates(shapes, include_z=True, return_index=True)
        flat = np.zeros(len(shapes), dtype=bool)
        flat[owner[~np.isfinite(deep[:, 2])]] = True
        for row in np.flatnonzero(sound & flat):
            yield row, "Y11", "has no heights, and the layer has"
    invalid = sound & (shapely.get_dimensions(shapes) == 2) & ~shapely.is_valid(shapes)
    for row in np.flatnonzero(invalid):
        yield row, "Y09", f"is not valid: {shapely.is_valid_reason(shapes[row])}"


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")
