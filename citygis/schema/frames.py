"""A City layer as an empty frame: the right columns, in the right order, of the right types."""

import geopandas as gpd
import pandas as pd
from pyproj import CRS

from citygis.schema.model import Layer

DTYPES = {
    "text": "str",
    "uuid": "str",
    "double": "float64",
    "integer": "Int64",
    "boolean": "boolean",
    "date": "datetime64[s]",
    "datetime": "datetime64[us, UTC]",
}
"""The pandas dtype of each field type. A date is midnight of its day, without a time zone."""


def empty_layer(layer: Layer, *, crs: CRS | None) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    A layer without rows.

    Parameters
    ----------
    layer : Layer
    crs : CRS
        Of the geometry; not used by a layer without geometry.

    Returns
    -------
    GeoDataFrame, or DataFrame for a layer without geometry
        The layer's columns, of the types in `DTYPES`.
    """
    frame = pd.DataFrame({field.name: pd.Series(dtype=DTYPES[field.type]) for field in layer.fields})
    return frame if layer.geometry == "None" else gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries([], crs=crs))
