"""
What a repair hands back: the layers as they were sent, with what was mended; the log; and what is left.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.quality.validation import as_sent
from citygis.repairs.computed import COMPUTED, kept, refreshed
from citygis.repairs.edits import edits_frame
from citygis.repairs.evidence import MENDABLE
from citygis.repairs.grounds import Ground, differing
from citygis.repairs.metres import FEET_PER_METRE, drawn_in_metres
from citygis.repairs.suggestions import suggestions
from citygis.units import METRE, unit_of

_ENDS = ("from_easting", "from_northing", "to_easting", "to_northing")


class Repair(NamedTuple):
    """
    What came of a repair.

    Attributes
    ----------
    layers : dict of name to frame
        As given, with what was mended; a frame in which nothing was is the very one that came in.
    edits : GeoDataFrame
        The log, `citygis.repairs.edits.COLUMNS`: `undo` takes it back.
    left : GeoDataFrame
        The findings that are left, columns of `citygis.findings.COLUMNS` and ``because`` (why nothing was done), ``suggestion``,
        ``batch`` and ``suggested`` (see `citygis.repairs.suggestions`).
    mended : GeoDataFrame
        The findings that are gone.
    """

    layers: dict[str, pd.DataFrame]
    edits: gpd.GeoDataFrame
    left: gpd.GeoDataFrame
    mended: gpd.GeoDataFrame


def outcome(
    layers: Mapping[str, pd.DataFrame],
    grounds: Mapping[str, Ground],
    state: Mapping[str, np.ndarray],
    findings: gpd.GeoDataFrame,
    now: gpd.GeoDataFrame,
    logs: list[pd.DataFrame],
) -> Repair:
    """
    A repair as it is handed back.

    Parameters
    ----------
    layers : mapping of name to frame
        As sent.
    grounds : mapping of name to Ground
    state : mapping of name to array
        The shapes as they stand, in feet.
    findings : findings frame
        What was to be mended, in feet.
    now : findings frame
        What is left of it, with ``because`` and ``origin``, the position in `findings`.
    logs : list of DataFrame
        What was done, in feet.
    """
    sent = {name: np.asarray(layers[name].geometry.array, dtype=object) for name in grounds}
    crs = next((layers[name].crs for name in grounds), None)
    in_metres = crs is not None and unit_of(crs) is METRE
    changes = {name: rows for name in state if len(rows := differing(grounds[name].shapes, state[name]))}
    shapes = {name: state[name][rows] for name, rows in changes.items()}
    if in_metres:
        shapes = drawn_in_metres(grounds, sent, shapes)
    result = dict(layers)
    for name, rows in changes.items():
        result[name] = refreshed(_with_shapes(layers[name], rows, shapes[name]), rows, shapely.area(state[name][rows]))
    log = pd.concat(logs, ignore_index=True) if logs else pd.DataFrame()
    if len(log):
        log = _with_geometry(log, layers, result, grounds, state)
        for name, mine in log[log["operation"] == "drop_duplicate"].groupby("layer"):
            stands = np.ones(len(layers[name]), dtype=bool)
            stands[mine["row"].to_numpy(dtype=int)] = False
            result[str(name)] = result[str(name)].iloc[stands]
    still = np.zeros(len(findings), dtype=bool)
    still[now["origin"].dropna().to_numpy(dtype=int)] = True
    mended = findings[~still].reset_index(drop=True)
    left = now.drop(columns="origin").reset_index(drop=True)
    said = [why or _because(code, origin) for why, code, origin in zip(now["because"], now["code"], now["origin"], strict=True)]
    left["because"] = pd.Series(said, dtype="str")
    told = suggestions(left, grounds, state)
    if in_metres:
        left, mended = as_sent(left, crs), as_sent(mended, crs)
        there = told["suggested"].notna()
        drawn = shapely.from_wkb(told.loc[there, "suggested"].to_numpy(dtype=object))
        told.loc[there, "suggested"] = shapely.to_wkb(shapely.transform(drawn, lambda feet: feet / FEET_PER_METRE))
        if len(log):
            log[list(_ENDS)] = log[list(_ENDS)] / FEET_PER_METRE
    for name in told:
        left[name] = told[name]
    return Repair(result, edits_frame(log, crs=crs), left, mended)


def _with_shapes(frame: gpd.GeoDataFrame, rows: np.ndarray, shapes: np.ndarray) -> gpd.GeoDataFrame:
    """A frame with other shapes in some rows."""
    geometry = np.asarray(frame.geometry.array, dtype=object).copy()
    geometry[rows] = shapes
    return frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs))


def _because(code: str, origin: int | None) -> str:
    if pd.isna(origin):
        return "It came to light when what was told of the same place was mended."
    if code in MENDABLE:
        return "Nothing within the tolerance mends it safely: a person decides."
    return "Nothing that a repair does by itself: a person decides."


def _with_geometry(
    log: pd.DataFrame,
    before: Mapping[str, gpd.GeoDataFrame],
    after: Mapping[str, gpd.GeoDataFrame],
    grounds: Mapping[str, Ground],
    state: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """The whole features before and after, as well-known binary, with their areas and what the layer said of them."""
    n = len(log)
    layer, row = log["layer"].to_numpy(dtype=object), log["row"].to_numpy(dtype=int)
    wkb = {name: np.full(n, None, dtype=object) for name in ("before", "after")}
    area = {name: np.full(n, np.nan) for name in ("before", "after")}
    said = {name: np.full(n, None, dtype=object) for name in COMPUTED}
    for name, ground in grounds.items():
        mine = layer == name
        rows = row[mine]
        for when, frames, shapes in (("before", before, ground.shapes), ("after", after, state[name])):
            wkb[when][mine] = shapely.to_wkb(np.asarray(frames[name].geometry.array, dtype=object)[rows])
            area[when][mine] = shapely.area(shapes[rows])
        for column, values in kept(before[name], rows).items():
            said[column][mine] = values
    out = (log["operation"] == "drop_duplicate").to_numpy(dtype=bool)
    wkb["after"][out], area["after"][out] = None, np.nan
    areas = {f"area_{when}_sqft": values for when, values in area.items()}
    return log.assign(**wkb, **areas, **{f"{column}_before": values for column, values in said.items()})
