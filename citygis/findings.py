"""
Findings: a plain GeoDataFrame, one row per problem on the ground.

Readers, conversion and validation all report into this one shape, so that findings can be stored, mapped, compared
and accepted like any layer.
"""

import hashlib
import math
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

COLUMNS = (
    "finding_id",
    "code",
    "rule",
    "severity",
    "layer",
    "feature",
    "other",
    "measure",
    "unit",
    "tolerance",
    "message",
    "remedy",
    "source_ref",
    "geometry",
)
"""The columns of a findings frame, in order."""

Severity = Literal["error", "review", "info"]
SEVERITIES = ("error", "review", "info")
"""`error` blocks a load, `review` asks a person to look, `info` is told."""

_TEXT = ("code", "rule", "severity", "layer", "feature", "other", "unit", "message", "remedy", "source_ref")


def findings_frame(rows: dict | list[dict] | pd.DataFrame | None = None, *, crs: CRS | str | int | None = None) -> gpd.GeoDataFrame:
    """
    Rows made into a findings frame.

    Parameters
    ----------
    rows : dict of columns, list of dicts or DataFrame, optional
        Any of `COLUMNS` except ``finding_id``; what is left out is null. ``code``, ``rule``, ``severity``, ``layer`` and
        ``message`` must be given. A dict of columns may mix arrays and single values.
    crs : CRS, optional
        Of the ``geometry`` column.

    Returns
    -------
    GeoDataFrame
        Columns `COLUMNS`, a fresh index, ordered as given. ``finding_id`` is 16 hexadecimal digits made of the code,
        rule, layer, features and the place to 0.1 ft (seven decimals in degrees), so it stays the same from run to run until
        the ground changes; twins at one place are told apart by their order.

    Raises
    ------
    ValueError
        If a row lacks one of the columns that must be given.
    """
    if isinstance(rows, dict):
        lengths = [len(v) for v in rows.values() if pd.api.types.is_list_like(v)]
        n = max(lengths, default=1)
        rows = {
            name: np.asarray(v, dtype=object) if pd.api.types.is_list_like(v) else np.full(n, v, dtype=object)
            for name, v in rows.items()
        }
    table = pd.DataFrame(rows if rows is not None else [])
    n = len(table)
    nothing = np.full(n, None, dtype=object)
    texts = {name: _texts(table[name].to_numpy(dtype=object)) if name in table else nothing for name in _TEXT}
    for name in ("code", "rule", "severity", "layer", "message"):
        if any(value is None for value in texts[name]):
            raise ValueError(f"Invalid finding: no {name}. Must be given for every row.")
    columns = {name: pd.array(values, dtype="str") for name, values in texts.items()}
    for name in ("measure", "tolerance"):
        columns[name] = pd.to_numeric(table[name]).to_numpy(dtype=float) if name in table else np.full(n, np.nan)
    crs = CRS.from_user_input(crs) if crs is not None else None
    geometry = np.array(table["geometry"], dtype=object) if "geometry" in table else nothing.copy()
    geometry[pd.isna(geometry)] = None
    columns["finding_id"] = pd.array(_ids(texts, geometry, crs), dtype="str")
    columns["geometry"] = gpd.array.from_shapely(geometry, crs=crs)
    return gpd.GeoDataFrame({name: columns[name] for name in COLUMNS}, index=pd.RangeIndex(n), geometry="geometry")


def join_findings(frames: list[gpd.GeoDataFrame], *, crs: CRS | str | int | None = None) -> gpd.GeoDataFrame:
    """
    Several findings frames as one, errors first, in a stable order.

    Parameters
    ----------
    frames : list of findings frames
        All in `crs`, or without geometry.
    crs : CRS, optional

    Returns
    -------
    GeoDataFrame
        Columns `COLUMNS`, fresh index, ordered by severity, code, layer, feature, other, finding_id.
    """
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        return findings_frame(crs=crs)
    table = pd.concat([pd.DataFrame(frame)[list(COLUMNS)] for frame in frames], ignore_index=True)
    table["_rank"] = table["severity"].map({name: i for i, name in enumerate(SEVERITIES)})
    table = table.sort_values(["_rank", "code", "layer", "feature", "other", "finding_id"], na_position="last", kind="stable")
    table = table.drop(columns="_rank").reset_index(drop=True)
    geometry = np.asarray(table.pop("geometry"), dtype=object)
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(geometry, crs=crs))


def _texts(values: np.ndarray) -> np.ndarray:
    """Values as text; None where there is none."""
    if pd.api.types.infer_dtype(values, skipna=False) == "string":
        return values
    texts = np.full(len(values), None, dtype=object)
    texts[:] = [None if missing else str(value) for value, missing in zip(values, pd.isna(values), strict=True)]
    return texts


def _ids(texts: dict[str, np.ndarray], geometry: np.ndarray, crs: CRS | None) -> list[str]:
    places = _places(geometry, crs)
    seen: dict[str, int] = {}
    ids = []
    columns = (texts["code"], texts["rule"], texts["layer"], texts["feature"], texts["other"])
    for code, rule, layer, feature, other, place in zip(*columns, places, strict=True):
        pair = sorted(name for name in (feature, other) if name is not None)
        text = "|".join((code, rule, layer, *pair, place))
        twin = seen[text] = seen.get(text, -1) + 1
        ids.append(hashlib.sha256(f"{text}|{twin}".encode()).hexdigest()[:16])
    return ids


def _places(geometry: np.ndarray, crs: CRS | None) -> list[str]:
    bounds = shapely.bounds(geometry) if len(geometry) else np.empty((0, 4))
    centre = (bounds[:, :2] + bounds[:, 2:]) / 2
    decimals = 7 if crs is not None and crs.is_geographic else 1
    return ["" if math.isnan(e) else f"{e:.{decimals}f},{n:.{decimals}f}" for e, n in centre.tolist()]
