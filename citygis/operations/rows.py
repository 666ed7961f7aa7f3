"""
Rows of City layers as an operation makes them.
"""

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.operations.operation import Record
from citygis.schema import Schema, feature_ids, geom_hashes
from citygis.schema.frames import DTYPES


def made_rows(
    layer: str, rows: Sequence[Mapping[str, Any]], shapes: Sequence | None, record: Record, schema: Schema, *, crs=None
) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    New rows of a layer.

    Parameters
    ----------
    layer : str
    rows : sequence of n mappings of field to value
        What is known; identifier, hash, source, status and first day in law are filled in where they are not.
    shapes : sequence of n geometries, optional
        None for a layer without geometry.
    record : Record
    schema : Schema
    crs : CRS, optional

    Returns
    -------
    GeoDataFrame, or DataFrame for a layer without geometry
        All columns of the schema, in its types.
    """
    fields = schema.layer(layer)
    table = pd.DataFrame(list(rows))
    n = len(table)
    filled: dict[str, Any] = {
        "status": "ACTIVE",
        "source_id": record.doc_id,
        "source_ref": record.ref,
        "method": record.method,
        "accuracy_basis": "UNKNOWN",
        "created_by_record": record.doc_id,
        "legal_from": _stamp(record.effective),
    }
    if "global_id" in fields.names and n:
        filled["global_id"] = feature_ids(layer, table[list(fields.key)].astype("str"))
    if shapes is not None and n:
        filled["geom_hash"] = geom_hashes(np.asarray(shapes, dtype=object))
    columns = {}
    for field in fields.fields:
        values = table[field.name].to_numpy(dtype=object) if field.name in table else np.full(n, None, dtype=object)
        fallback = filled.get(field.name)
        if fallback is not None:
            spare = fallback if isinstance(fallback, np.ndarray) else np.full(n, fallback, dtype=object)
            values = np.where(pd.isna(values), spare, values)
        columns[field.name] = typed(values, field.type)
    frame = pd.DataFrame(columns)
    if shapes is None:
        return frame
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(list(shapes), crs=crs))


def reshaped(held: gpd.GeoDataFrame, shapes: Sequence, record: Record | None = None) -> gpd.GeoDataFrame:
    """
    Whole rows of a polygon layer with other geometry, and what follows from it.

    Parameters
    ----------
    held : GeoDataFrame, n rows
    shapes : sequence of n polygons
    record : Record, optional
        Where the new shape comes from; what a row says of its source stays without it: a vertex was added, no land.
    """
    made = held.set_geometry(gpd.GeoSeries(list(shapes), index=held.index, crs=held.crs))
    if "calc_area_sqft" in made:
        made["calc_area_sqft"] = shapely.area(made.geometry.to_numpy())
    if "geom_hash" in made:
        made["geom_hash"] = pd.Series(geom_hashes(made.geometry.to_numpy()), index=made.index, dtype=held["geom_hash"].dtype)
    if record is not None:
        for name, value in (("source_id", record.doc_id), ("source_ref", record.ref), ("method", record.method)):
            if name in made:
                made[name] = pd.Series([value] * len(made), index=made.index, dtype=held[name].dtype)
    return made


def ended(held: pd.DataFrame, record: Record) -> pd.DataFrame:
    """
    Features that no longer hold.

    Parameters
    ----------
    held : frame
        Their rows.
    record : Record

    Returns
    -------
    DataFrame
        ``global_id, retired_by_record, legal_to``, and ``cs_from`` where the rows have it. The last day is the one before the
        record takes effect.
    """
    last = record.effective - datetime.timedelta(days=1) if record.effective else None
    frame = pd.DataFrame({"global_id": held["global_id"].astype("str").to_numpy()})
    frame["retired_by_record"] = pd.Series([record.doc_id] * len(held), dtype="str")
    frame["legal_to"] = pd.Series([_stamp(last)] * len(held), dtype=DTYPES["date"])
    if "cs_from" in held:
        frame["cs_from"] = held["cs_from"].to_numpy()
    return frame


def no_rows() -> pd.DataFrame:
    """What is ended where nothing is."""
    return pd.DataFrame({"global_id": pd.Series(dtype="str")})


def typed(values: np.ndarray, kind: str) -> pd.Series:
    """Values, nulls among them, as a column of a field type."""
    values = [None if pd.isna(value) else value for value in values]
    return pd.Series(values, dtype=DTYPES[kind])


def _stamp(day: datetime.date | None) -> pd.Timestamp | None:
    return None if day is None else pd.Timestamp(day)
