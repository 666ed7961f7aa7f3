"""
The log of a repair: one row for every vertex that was moved, dropped or inserted, and for every feature made valid or taken out.
"""

import hashlib

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

COLUMNS = (
    "edit_id",
    "finding_id",
    "layer",
    "feature",
    "global_id",
    "row",
    "operation",
    "from_easting",
    "from_northing",
    "to_easting",
    "to_northing",
    "distance_ft",
    "accuracy_ft",
    "tolerance_ft",
    "area_before_sqft",
    "area_after_sqft",
    "calc_area_sqft_before",
    "geom_hash_before",
    "code",
    "rule",
    "reason",
    "source_ref",
    "twin",
    "before",
    "after",
    "geometry",
)
"""The columns of the log, in order. ``row`` is the position of the feature in its layer as it was given; ``distance_ft`` how far
the corner was moved, the edge bent, or the spike stood out; ``accuracy_ft`` that of the feature at 95 %, ``tolerance_ft`` what was
allowed; ``calc_area_sqft_before`` and ``geom_hash_before`` what the layer said of the feature, null where it said nothing;
``before`` and ``after`` the whole feature (WKB), ``after`` null where it was taken out as a repetition of row ``twin``;
``geometry`` the line from the old to the new place, or the place."""

_TEXT = (
    *("edit_id", "finding_id", "layer", "feature", "global_id", "operation"),
    *("code", "rule", "reason", "source_ref", "geom_hash_before"),
)
_WHOLE = ("row", "twin")
_BYTES = ("before", "after")


def edits_frame(table: pd.DataFrame | None = None, *, crs: CRS | None = None) -> gpd.GeoDataFrame:
    """
    Rows made into a log.

    Parameters
    ----------
    table : DataFrame, optional
        Any of `COLUMNS` but ``edit_id`` and ``geometry``; what is left out is null.
    crs : CRS, optional

    Returns
    -------
    GeoDataFrame
        Columns `COLUMNS`, a fresh index, ordered by layer, row, operation and place. ``edit_id`` is 16 hexadecimal digits of
        the layer, the row, the operation and the places.
    """
    table = pd.DataFrame(columns=list(COLUMNS)) if table is None or not len(table) else table
    order = [c for c in ("layer", "row", "operation", "from_easting", "from_northing", "to_easting") if c in table]
    table = table.sort_values(order, kind="stable").reset_index(drop=True)
    columns = {}
    for name in COLUMNS[:-1]:
        values = table[name] if name in table else pd.Series([None] * len(table), dtype=object)
        if name in _TEXT:
            columns[name] = _texts(values.to_numpy(dtype=object))
        elif name in _WHOLE:
            columns[name] = pd.array(pd.to_numeric(values), dtype="Int64")
        elif name in _BYTES:
            columns[name] = pd.Series([v if isinstance(v, bytes) else None for v in values], dtype=object)
        else:
            columns[name] = pd.to_numeric(values).to_numpy(dtype=float)
    keys = ["layer", "row", "operation", "from_easting", "from_northing", "to_easting", "to_northing"]
    said = zip(*(columns[name].tolist() for name in keys), strict=True)
    columns["edit_id"] = np.array([hashlib.sha256(repr(key).encode()).hexdigest()[:16] for key in said], dtype=object)
    for name in _TEXT:
        columns[name] = pd.array(columns[name], dtype="str")
    frame = pd.DataFrame(columns, index=pd.RangeIndex(len(table)))
    return gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(_places(frame), crs=crs))


def _texts(values: np.ndarray) -> np.ndarray:
    texts = np.full(len(values), None, dtype=object)
    texts[:] = [None if missing else str(value) for value, missing in zip(values, pd.isna(values), strict=True)]
    return texts


def _places(frame: pd.DataFrame) -> np.ndarray:
    """The line from the old place to the new one; a point where they are the same."""
    start = frame[["from_easting", "from_northing"]].to_numpy(dtype=float)
    end = frame[["to_easting", "to_northing"]].to_numpy(dtype=float)
    places = np.full(len(frame), None, dtype=object)
    there = np.isfinite(start).all(axis=1)
    moved = there & np.isfinite(end).all(axis=1) & (start != end).any(axis=1)
    places[moved] = shapely.linestrings(np.stack([start[moved], end[moved]], axis=1))
    places[there & ~moved] = shapely.points(start[there & ~moved])
    return places
