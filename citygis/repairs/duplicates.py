"""
Rows that repeat another in every respect, and may be taken out without losing anything.
"""

from collections.abc import Mapping
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.repairs.grounds import Ground

_OWN = ("source_ref",)
"""Columns in which two readings of one row differ by where they stood in the file."""


def repetitions(layers: Mapping[str, pd.DataFrame], grounds: Mapping[str, Ground], findings: gpd.GeoDataFrame) -> pd.DataFrame:
    """
    Rows told as duplicates (G04) that have the name, the attributes and the ground of an earlier row.

    Parameters
    ----------
    layers : mapping of name to frame
    grounds : mapping of name to Ground
    findings : findings frame

    Returns
    -------
    DataFrame
        Rows of the log of edits, with ``at``, the position of the finding. A duplicate with another name or another value in any
        column is left: it may be a stack that nobody declared.
    """
    rows = []
    for name, ground in grounds.items():
        told = findings[((findings["code"] == "G04") & (findings["layer"] == name)).to_numpy(dtype=bool)]
        held = pd.DataFrame(layers[name]).drop(columns=[layers[name].active_geometry_name, *(c for c in _OWN if c in layers[name])])
        rows_called = pd.Series(np.flatnonzero(pd.Series(ground.feature).isin(told["feature"])))
        doubled = {each: some.to_numpy() for each, some in rows_called.groupby(ground.feature[rows_called])}
        for at, finding in told.iterrows():
            same = doubled.get(finding["feature"], ())
            if len(same) < 2:
                continue
            keys = shapely.to_wkb(shapely.normalize(ground.shapes[same]))
            for twin, row in pairwise(same):
                if keys[same == twin][0] == keys[same == row][0] and _alike(held, twin, row):
                    rows.append(_row(name, ground, finding, int(at), int(row), int(same[0])))
    return pd.DataFrame(rows).drop_duplicates(["layer", "row"]) if rows else pd.DataFrame(rows)


def _alike(held: pd.DataFrame, one: int, other: int) -> bool:
    a, b = held.iloc[one], held.iloc[other]
    return all((pd.isna(x) is True and pd.isna(y) is True) or (x is y) or bool(x == y) for x, y in zip(a, b, strict=True))


def _row(name: str, ground: Ground, finding: pd.Series, at: int, row: int, twin: int) -> dict:
    place = shapely.point_on_surface(ground.shapes[row])
    return {
        "at": at,
        "layer": name,
        "row": row,
        "twin": twin,
        "operation": "drop_duplicate",
        "feature": ground.feature[row],
        "global_id": ground.global_id[row],
        "source_ref": ground.source_ref[row],
        "from_easting": place.x,
        "from_northing": place.y,
        "distance_ft": 0.0,
        "accuracy_ft": float(ground.accuracy_ft(np.array([row]))[0]),
        "finding_id": finding["finding_id"],
        "code": finding["code"],
        "rule": finding["rule"],
        "reason": finding["message"],
    }
