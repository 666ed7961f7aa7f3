"""Frames as a GeoPackage to rehearse with, their columns under their own names and of their own types."""

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from citygis.publish import publishing

if TYPE_CHECKING:
    import geopandas as gpd


def write_frames(path: Path, frames: "Mapping[str, gpd.GeoDataFrame]") -> dict[str, dict]:
    """
    Write frames as the layers of a new GeoPackage.

    Parameters
    ----------
    path : path
    frames : mapping of str to GeoDataFrame or DataFrame
        Any CRS. Int16, Int32, Int64, float32 and float64 keep their width; bool becomes a small integer when it is served, for
        hosted layers have no boolean; moments without a time zone are taken as UTC; `datetime.date` becomes DateOnly; `uuid.UUID`
        a GUID.

    Returns
    -------
    dict of str to dict
        What a GeoPackage cannot say of a layer, as changes to its definition: the fields of GUIDs.
    """
    import pyogrio

    said: dict[str, dict] = {}
    with publishing(path) as temporary:
        for number, (name, frame) in enumerate(frames.items()):
            frame = frame.copy()
            for column in frame.columns:
                values = frame[column].dropna()
                if frame[column].dtype == object and len(values) and all(isinstance(v, uuid.UUID) for v in values):
                    frame[column] = frame[column].map(lambda v: None if v is None or v != v else str(v)).astype("str")
                    said.setdefault(name, {}).setdefault("fields", []).append(
                        {"name": column, "type": "esriFieldTypeGUID", "length": 38}
                    )
            options = {"geometry_type": "Unknown"} if hasattr(frame, "geom_type") and not len(frame) else {}
            pyogrio.write_dataframe(frame, temporary, layer=name, driver="GPKG", append=number > 0, use_arrow=True, **options)
            _mend_moments(temporary, name, frame)
    return said


def _mend_moments(path: Path, layer: str, frame: "gpd.GeoDataFrame") -> None:
    """
    Write moments before 1970 that are not whole seconds once more.

    GDAL 3.12 rounds them to the next second, or minute, when it takes them from Arrow.
    """
    import contextlib
    import sqlite3

    import pandas as pd

    from citygis.gpkg import add_functions, quoted

    with contextlib.closing(sqlite3.connect(path)) as file, file:
        add_functions(file)
        for column in frame.columns:
            if not pd.api.types.is_datetime64_any_dtype(frame[column].dtype):
                continue
            moments = frame[column].reset_index(drop=True)
            moments = moments.dt.tz_convert("UTC").dt.tz_localize(None) if moments.dt.tz is not None else moments
            early = moments[(moments < "1970-01-01") & (moments != moments.dt.floor("s"))]
            rows = [(moment.isoformat(timespec="milliseconds") + "Z", row + 1) for row, moment in early.items()]
            file.executemany(f"UPDATE {quoted(layer)} SET {quoted(column)} = ? WHERE fid = ?", rows)
