"""
Undo: every feature that a repair changed, as it was to the last bit, and every row that it took out, in its place.
"""

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.errors import StoreError
from citygis.repairs.computed import COMPUTED, with_values


def undo(layers: Mapping[str, pd.DataFrame], edits: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """
    Layers as they were before a repair.

    Parameters
    ----------
    layers : mapping of name to frame
        What the repair gave, rows in the same order. Other columns may have changed since. Not modified.
    edits : DataFrame
        The log of the repair (`citygis.repairs.edits.COLUMNS`), all of it or that of some layers.

    Returns
    -------
    dict of name to frame
        With the well-known binary of every geometry as it was, and what the layer said of its area and its hash. A row that was
        taken out as a repetition stands in its place again, its attributes those of its twin, with its own ``source_ref``.

    Raises
    ------
    StoreError
        If a layer is missing, has another number of rows, or a geometry is not the one that the repair made: someone has changed it
        since, and undo would take that away.
    """
    result = dict(layers)
    for name, mine in edits.groupby("layer", sort=True):
        if name not in layers:
            there = ", ".join(layers) or "no layers"
            raise StoreError(f"The log tells of layer {name}, which is not among {there}. Give it as well.")
        result[name] = _undone(str(name), layers[name], mine)
    return result


def _undone(name: str, frame: gpd.GeoDataFrame, edits: pd.DataFrame) -> gpd.GeoDataFrame:
    once = edits.drop_duplicates("row").sort_values("row", kind="stable")
    out = once["after"].isna().to_numpy(dtype=bool)
    rows = once["row"].to_numpy(dtype=int)
    taken = rows[out]
    n = len(frame) + len(taken)
    if len(rows) and rows.max() >= n:
        raise StoreError(
            f"Layer {name} has {len(frame):,} rows, and the log tells of row {rows.max() + 1:,}. Give the layer as repaired."
        )
    place = np.full(n, -1)
    place[np.setdiff1d(np.arange(n), taken)] = np.arange(len(frame))
    shapes = np.asarray(frame.geometry.array, dtype=object)
    changed = place[rows[~out]]
    made = shapely.from_wkb(once["after"].to_numpy(dtype=object)[~out])
    differs = [a != b for a, b in zip(_bytes(shapes[changed]), _bytes(made), strict=True)]
    if any(differs):
        what = once.loc[~out, "feature"].to_numpy(dtype=object)[np.argmax(differs)]
        raise StoreError(
            f"Layer {name}: the geometry of {what} is not the one that the repair made. Somebody changed it since; undo "
            "would take that change away. Take the edits of that feature out of the log, or restore it first."
        )
    shapes = shapes.copy()
    shapes[changed] = shapely.from_wkb(once["before"].to_numpy(dtype=object)[~out])
    restored = frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
    before = {name: once[f"{name}_before"].to_numpy(dtype=object)[~out] for name in COMPUTED if f"{name}_before" in once}
    restored = with_values(restored, changed, before)
    if not len(taken):
        return restored
    place[taken] = place[once["twin"].to_numpy(dtype="float")[out].astype(int)]
    restored = restored.iloc[place].reset_index(drop=True)
    again = np.asarray(restored.geometry.array, dtype=object).copy()
    again[taken] = shapely.from_wkb(once["before"].to_numpy(dtype=object)[out])
    restored = restored.set_geometry(gpd.GeoSeries(again, crs=frame.crs))
    if "source_ref" in restored:
        refs = restored["source_ref"].copy()
        refs.iloc[taken] = once["source_ref"].to_numpy(dtype=object)[out]
        restored["source_ref"] = refs
    return restored


def _bytes(shapes: np.ndarray) -> np.ndarray:
    """Well-known binary; of a multipart with one part that of the part, because files store either."""
    single = shapes.copy()
    one = (shapely.get_num_geometries(shapes) == 1) & (shapely.get_type_id(shapes) > 3)
    single[one] = shapely.get_geometry(shapes[one], 0)
    return np.atleast_1d(shapely.to_wkb(single))
