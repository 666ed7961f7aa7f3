"""
The log of a repair: one row for every vertex that was moved, dropped or inserted, and for every feature made valid or taken out.
"""

import hashlib

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

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
allowed; ``before`` and ``after`` the whole feature (WKB), ``after`` null where it was taken out as a repetition of row ``twin``;
``geometry`` the line from the old to the new place, or the place."""

_TEXT = ("edit_id", "finding_id", "layer", "feature", "global_id", "operation", "code", "rule", "reason", "source_ref")
_WHOLE = ("row", "twin")
_BYTES = ("before", "after")


def edits_frame(table: pd.DataFrame | None = None, *, crs=None) -> gpd.GeoDataFrame:
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
    frame = pd.DataFrame(index=range(len(table)))
    for name in COLUMNS[:-1]:
        values = table[name] if name in table else pd.Series([None] * len(table), dtype=object)
        if name in _TEXT:
            frame[name] = pd.Series([None if pd.isna(v) else str(v) for v in values], dtype="str")
        elif name in _WHOLE:
            frame[name] = pd.Series(pd.to_numeric(values), dtype="Int64")
        elif name in _BYTES:
            frame[name] = pd.Series([v if isinstance(v, bytes) else None for v in values], dtype=object)
        else:
            frame[name] = pd.to_numeric(values).to_numpy(dtype=float)
    keys = ["layer", "row", "operation", "from_easting", "from_northing", "to_easting", "to_northing"]
    said = zip(*(frame[name].tolist() for name in keys), strict=True)
    frame["edit_id"] = pd.Series([hashlib.sha256(repr(key).encode()).hexdigest()[:16] for key in said], dtype="str")
    return gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(_places(frame), crs=crs))


def area_of(wkb: bytes | None) -> float:
    """The area of a logged geometry, in the square unit of its layer; NaN for none."""
    return float("nan") if wkb is None else float(shapely.area(shapely.from_wkb(wkb)))


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
