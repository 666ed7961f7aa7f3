"""Layers to serve and definitions to read by, for the tests of feature services; every value can be told from its row."""

import uuid

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.readers.service import layer_definition

CRS_OF = {2227: (6_250_000.0, 1_900_000.0, 100.0), 3857: (-13_468_000.0, 4_500_000.0, 30.0), 4326: (-121.0, 37.4, 0.0003)}
"""Where the lots lie, and how wide they are."""


def lots(count: int, *, epsg: int = 2227) -> gpd.GeoDataFrame:
    """`count` square lots in a line; every fifth APN, third UNITS and fourth AREA is null."""
    easting, northing, width = CRS_OF[epsg]
    at = np.arange(count)
    west = easting + at * width
    return gpd.GeoDataFrame(
        {
            "GlobalID": [global_id(i) for i in at],
            "APN": [f"{i:03d}-010-00" if i % 5 else None for i in at],
            "UNITS": pd.array([int(i) if i % 3 else None for i in at], dtype="Int32"),
            "AREA": np.where(at % 4 == 0, np.nan, at * 1.5),
            "RECDATE": pd.to_datetime([f"2024-01-{i % 28 + 1:02d} 12:00" if i % 2 else None for i in at]).tz_localize("UTC"),
        },
        geometry=shapely.box(west, northing, west + width * 0.9, northing + width * 0.8),
        crs=epsg,
    )


def global_id(number: int) -> str:
    """The GlobalID of a lot."""
    return str(uuid.UUID(int=int(number) + 1))


FIELDS = (
    {"name": "OBJECTID", "type": "esriFieldTypeOID", "editable": False, "nullable": False},
    {"name": "GlobalID", "type": "esriFieldTypeGlobalID", "editable": False, "nullable": False},
    {"name": "APN", "type": "esriFieldTypeString", "length": 12},
    {"name": "SMALL", "type": "esriFieldTypeSmallInteger"},
    {"name": "UNITS", "type": "esriFieldTypeInteger"},
    {"name": "BIG", "type": "esriFieldTypeBigInteger"},
    {"name": "RATIO", "type": "esriFieldTypeSingle"},
    {"name": "AREA", "type": "esriFieldTypeDouble"},
    {"name": "RECDATE", "type": "esriFieldTypeDate"},
    {"name": "DAY", "type": "esriFieldTypeDateOnly"},
    {"name": "OTHER", "type": "esriFieldTypeGUID"},
)
"""One field of every kind that is written."""


def definition(*, geometry_type: str | None = "esriGeometryPolygon", wkid: int = 2227, latest: int | None = None, **changes):
    """A layer's definition with `FIELDS`."""
    reference = {"wkid": wkid} | ({"latestWkid": latest} if latest else {})
    said = {
        "name": "Lots",
        "type": "Feature Layer" if geometry_type else "Table",
        "objectIdField": "OBJECTID",
        "globalIdField": "GlobalID",
        "geometryType": geometry_type,
        "maxRecordCount": 2000,
        "fields": list(FIELDS),
        "extent": {"spatialReference": reference},
    }
    return layer_definition(said | changes, where="the test")
