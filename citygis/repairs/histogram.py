"""
How far corners were moved, by how well they are known.
"""

import numpy as np
import pandas as pd

from citygis.repairs.evidence import CLOSES

ACCURACY_FT = (0.04, 0.07, 0.12, np.inf)
"""Upper ends of the classes: a good lot corner, the ALTA/NSPS 2021 relative positional precision of 2 cm, what a repair may move at
most, and all that is known less."""
DISTANCE_FT = (0.005, 0.01, 0.02, 0.04, 0.07, 0.10, 0.12)
"""Upper ends of the bars."""


def moves(edits: pd.DataFrame) -> pd.DataFrame:
    """
    The moves of a log, counted.

    A corner that several features share counts once; a bent edge counts as its bend. Spikes taken out and repeated vertices are no
    moves.

    Parameters
    ----------
    edits : DataFrame
        `citygis.repairs.edits.COLUMNS`.

    Returns
    -------
    DataFrame
        One row for each class of accuracy that has moves: ``accuracy``, ``moves``, ``largest_ft``, ``allowed_ft`` (the least
        tolerance among them), and a column for each of `DISTANCE_FT`, "to 0.02 ft" holding those above the one before.
    """
    moved = edits[edits["operation"].isin(CLOSES)]
    moved = moved.assign(class_=np.searchsorted(ACCURACY_FT, moved["accuracy_ft"].to_numpy(dtype=float)))
    moved = moved.sort_values(["class_", "layer", "row"], kind="stable")
    places = ["operation", "from_easting", "from_northing", "to_easting", "to_northing"]
    moved = moved.drop_duplicates(places)
    rows = []
    for number, each in moved.groupby("class_", sort=True):
        bar = np.searchsorted(DISTANCE_FT, np.round(each["distance_ft"].to_numpy(dtype=float), 6))
        counts = np.bincount(np.minimum(bar, len(DISTANCE_FT) - 1), minlength=len(DISTANCE_FT))
        row = {
            "accuracy": _said(int(number)),
            "moves": len(each),
            "largest_ft": float(each["distance_ft"].max()),
            "allowed_ft": float(each["tolerance_ft"].min()),
        }
        rows.append(row | {f"to {limit:g} ft": int(n) for limit, n in zip(DISTANCE_FT, counts, strict=True)})
    columns = ["accuracy", "moves", "largest_ft", "allowed_ft", *(f"to {limit:g} ft" for limit in DISTANCE_FT)]
    return pd.DataFrame(rows, columns=columns)


def _said(number: int) -> str:
    limit = ACCURACY_FT[number]
    return f"{limit:g} ft or better" if np.isfinite(limit) else f"worse than {ACCURACY_FT[number - 1]:g} ft"
