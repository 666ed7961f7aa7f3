"""
Columns that tell of the shape of a feature: they follow it when it is mended, and go back with it.
"""

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.schema import geom_hashes

COMPUTED = ("calc_area_sqft", "geom_hash")
"""The area in square feet, and the hash of the geometry (`citygis.schema.geom_hashes`).
Where nothing stands, nothing is entered."""


def kept(frame: pd.DataFrame, rows: np.ndarray) -> dict[str, np.ndarray]:
    """What those of `COMPUTED` that a layer has say of some rows; None for nothing."""
    columns = {name: frame[name].iloc[rows] for name in COMPUTED if name in frame}
    return {name: values.astype(object).where(values.notna(), None).to_numpy() for name, values in columns.items()}


def refreshed(frame: gpd.GeoDataFrame, rows: np.ndarray, area_sqft: np.ndarray) -> gpd.GeoDataFrame:
    """
    A layer in which `COMPUTED` tells of the shapes as they are.

    Parameters
    ----------
    frame : GeoDataFrame
        Not modified; the very frame is given back where it has no such column.
    rows : array of k int
        Positions of the features that were changed.
    area_sqft : array of k float
    """
    values = {"calc_area_sqft": area_sqft}
    if "geom_hash" in frame:
        values["geom_hash"] = geom_hashes(np.asarray(frame.geometry.array, dtype=object)[rows])
    return with_values(frame, rows, values)


def with_values(frame: gpd.GeoDataFrame, rows: np.ndarray, values: dict[str, np.ndarray]) -> gpd.GeoDataFrame:
    """A layer with other values in some rows of columns that it has: not where it says nothing, nor where there is no other."""
    for name, given in values.items():
        if name not in frame:
            continue
        meant = frame[name].iloc[rows].notna().to_numpy(dtype=bool) & pd.notna(given)
        if meant.any():
            column = frame[name].copy()
            column.iloc[rows[meant]] = pd.array(given[meant], dtype=column.dtype)
            frame = frame.assign(**{name: column})
    return frame
