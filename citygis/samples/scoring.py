"""Findings held against the truth of a fabric with planted defects: what was found, and what was told of sound blocks."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

NEAR_FT = 1.0
_LAYER_NAMED = {"tract": "parcel"}  # where a tract falls short, the truth names the parcel that it falls short of


def found(truth: gpd.GeoDataFrame, findings: gpd.GeoDataFrame) -> np.ndarray:
    """
    Which planted defects some finding tells.

    Parameters
    ----------
    truth : GeoDataFrame, n rows
        From `citygis.samples.defects.plant_defects`.
    findings : findings frame
        Whose features are called by their pid (eid, cid): ``validate(layers, key="pid")``.

    Returns
    -------
    (n,) array of bool
        A finding tells a defect when it has its code or one of those in ``also``, and names one of its features in their layer or
        lies within a foot of its place: a gap is told of the tract it lies in.
    """
    named: dict[tuple[str, str], set[str]] = {}
    for layer, code, *names in zip(findings["layer"], findings["code"], findings["feature"], findings["other"], strict=True):
        for name in _names(*names):
            named.setdefault((layer, name), set()).add(code)
    code_of = findings["code"].to_numpy()
    row, near = shapely.STRtree(np.asarray(findings.geometry.array, dtype=object)).query(
        np.asarray(truth.geometry.array, dtype=object), predicate="dwithin", distance=NEAR_FT
    )
    beside: dict[int, set[str]] = {}
    for at, code in zip(row.tolist(), code_of[near], strict=True):
        beside.setdefault(at, set()).add(code)
    told = np.zeros(len(truth), dtype=bool)
    rows = zip(truth["layer"], truth["features"], truth["code"], truth["also"], strict=True)
    for at, (layer, features, code, also) in enumerate(rows):
        said = set(beside.get(at, ()))
        for each in features:
            said |= named.get((_LAYER_NAMED.get(layer, layer), str(each)), set())
        told[at] = bool(said & {code, *also})
    return told


def false_alarms(truth: pd.DataFrame, parcel: gpd.GeoDataFrame, findings: pd.DataFrame) -> pd.DataFrame:
    """
    Findings about parcels that name none of a block where a defect was planted.

    Parameters
    ----------
    truth : DataFrame
    parcel : GeoDataFrame
        The parcels that were judged, columns ``pid`` and ``block``.
    findings : findings frame

    Returns
    -------
    DataFrame
        Rows of `findings`. A finding that names no parcel of `parcel` is among them.
    """
    block_of = dict(zip(parcel["pid"].astype(str), parcel["block"], strict=True))
    spoilt = set(truth.loc[truth["block"] >= 0, "block"])
    mine = findings[findings["layer"] == "parcel"]
    false = [
        not any(block_of.get(name) in spoilt for name in _names(feature, other))
        for feature, other in zip(mine["feature"], mine["other"], strict=True)
    ]
    return mine[np.array(false, dtype=bool)]


def _names(*cells: object) -> list[str]:
    """The features that cells name, each perhaps several with commas between them."""
    return [name for cell in cells if not pd.isna(cell) for name in str(cell).split(", ")]
