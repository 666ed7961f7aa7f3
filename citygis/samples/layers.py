"""City layers made of columns: the common block filled in, the columns and types those of the schema."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from pyproj import CRS

from citygis.schema import empty_layer, feature_ids, geom_hashes, schema, source_id_of

CITY_CRS = CRS.from_epsg(6420)
"""NAD83(2011) / California zone 3 (ftUS)."""

Sources = np.ndarray | str
"""``source_id`` of each row of a layer, or of all of them."""


def city_layer(
    name: str,
    columns: Mapping[str, Any],
    geometry: Sequence | None = None,
    *,
    sources: Sources | None = None,
    crs: CRS = CITY_CRS,
) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    A layer of the schema from the columns that are known.

    Parameters
    ----------
    name : str
        A layer of the schema.
    columns : mapping of column to array or single value
        What is left out is null; ``global_id``, ``geom_hash`` and the defaults of the common block are filled in.
    geometry : array of geometries, optional
        None for a layer without geometry.
    sources : array of str or str, optional
        ``source_id`` of each row.
    crs : CRS

    Returns
    -------
    GeoDataFrame, or DataFrame for a layer without geometry
        Columns and types as `citygis.schema.empty_layer`; fresh index.
    """
    layer = schema().layer(name)
    template = empty_layer(layer, crs=crs)
    n = len(geometry) if geometry is not None else max(len(v) for v in columns.values() if pd.api.types.is_list_like(v))
    given = dict(columns)
    if layer.common:
        given = {"status": "ACTIVE", "method": "COGO", "accuracy_basis": "COMPILED", "h_accuracy_ft": 0.1, **given}
        given |= {"source_id": sources, "created_by_record": sources, "geom_hash": geom_hashes(geometry)}
        keys = pd.DataFrame({key: _column(given[key], n, template[key].dtype) for key in layer.key})
        given["global_id"] = feature_ids(name, keys)
    frame = pd.DataFrame({field: _column(given.pop(field, None), n, template[field].dtype) for field in layer.names})
    if given:
        raise ValueError(f"Invalid columns for layer {name}: {', '.join(given)}. Must be among: {', '.join(layer.names)}.")
    return frame if geometry is None else gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(geometry, crs=crs))


def document_ids(titles: Iterable[str]) -> np.ndarray:
    """``doc_id`` of invented documents by title; the title stands in for the bytes of a scan."""
    return np.array([source_id_of(document_sha256(title)) for title in titles], dtype=object)


def document_sha256(title: str) -> str:
    """The SHA-256 under which an invented document is filed."""
    return hashlib.sha256(f"City of Riverbend, {title}".encode()).hexdigest()


def _column(values: Any, n: int, dtype: Any) -> pd.Series:
    if not pd.api.types.is_list_like(values):
        values = [values] * n
    return pd.Series(list(values) if isinstance(values, tuple) else values, index=range(n), dtype=dtype)
