"""
One layer of a batch, looked through before anything is written: rows in the columns' types, found in the store, conflicts told.
"""

import datetime
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.changes import LayerChange
from citygis.errors import ConflictError, CRSError, SchemaError
from citygis.gpkg import Column, conform, geometry_type_of, single
from citygis.schema import Layer
from citygis.store.database import Transaction
from citygis.store.identity import found, has_global_id, identity

CONFLICT_COLUMNS = ("layer", "feature", "reason", "based_on", "change")
_TOLD_CONFLICTS = 10
_RETIREMENT = (Column("retired_by_record", "uuid"), Column("legal_to", "date"))


class Counts(NamedTuple):
    """
    What a batch did to a layer: rows added, updated, left unchanged, rows of the store that it does not have, rows retired.
    """

    added: int
    updated: int
    unchanged: int
    absent: int
    retired: int = 0


class Plan(NamedTuple):
    """
    What is to be done to a layer: whole rows to add; rows to update with their ``fid``, in the columns that change; the ``fid``
    of rows to retire, with ``retired_by_record`` and ``legal_to``.
    """

    layer: Layer
    added: pd.DataFrame
    updated: pd.DataFrame
    updated_fids: np.ndarray
    retired: pd.DataFrame
    counts: Counts

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not (len(self.added) or len(self.updated) or len(self.retired))


def require_layer(name: str, frame: pd.DataFrame, layer: Layer, crs) -> None:
    """
    Look that a frame can be loaded as a layer.

    Raises
    ------
    SchemaError
        If it has columns that the layer has not, no geometry where the layer has one, or not the key.
    CRSError
        If it is not in the City's CRS.
    """
    spatial = isinstance(frame, gpd.GeoDataFrame)
    names = [column for column in frame.columns if not (spatial and column == frame.geometry.name)]
    unknown = [str(column) for column in names if column not in layer.names]
    if unknown:
        raise SchemaError(
            f"{name} has columns that the City's layer has not: {', '.join(unknown)}. Drop or map them: citygis convert."
        )
    missing = [column for column in (*layer.key, *({"global_id"} & set(layer.names))) if column not in frame]
    if missing:
        raise SchemaError(f"{name} lacks {', '.join(missing)}, by which its features are known. Make it with citygis convert.")
    if spatial != (layer.geometry != "None"):
        raise SchemaError(
            f"{name} {'has a geometry, but its layer has none' if spatial else 'has no geometry'}. Make it with convert."
        )
    if spatial and frame.crs != crs:
        stated = frame.crs.name if frame.crs else "no CRS"
        raise CRSError(f"{name} is in {stated}; the City's geodatabase is in {crs.name}. Convert it first: citygis convert.")


def conformed(name: str, frame: pd.DataFrame, layer: Layer, at: datetime.datetime, author: str) -> pd.DataFrame:
    """
    Rows with the columns' types and a fresh index, the store's own columns filled.

    Raises
    ------
    SchemaError
        If a value does not fit its column.
    """
    stamps = {"tx_from": pd.Timestamp(at), "tx_to": None, "editor": author}
    columns = {}
    for field in layer.fields:
        column = Column(field.name, field.type, field.length)
        if field.filled_by == "store":
            dtype = "str" if field.type == "text" else "datetime64[us, UTC]"
            columns[field.name] = conform(pd.Series(stamps[field.name], index=range(len(frame)), dtype=dtype), column, name)
        elif field.name in frame:
            columns[field.name] = conform(frame[field.name].reset_index(drop=True), column, name)
    table = pd.DataFrame(columns, index=range(len(frame)))
    if layer.geometry == "None":
        return table
    geometry_type_of(name, frame.geometry.to_numpy(), layer)
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(single(frame.geometry.to_numpy()), crs=frame.crs))


def planned(
    work: Transaction, name: str, change: LayerChange, layer: Layer, *, crs, at: datetime.datetime, author: str
) -> tuple[Plan, pd.DataFrame]:
    """
    A layer's change as the store would carry it out.

    Parameters
    ----------
    work : Transaction
    name : str
    change : LayerChange
        ``retired`` has ``global_id``, or the key of a layer without one.
    layer : Layer
    crs : CRS
        The City's.
    at : datetime
        Becomes ``tx_from`` of what is new.
    author : str
        Becomes ``editor``.

    Returns
    -------
    Plan
    DataFrame
        Conflicts, columns `CONFLICT_COLUMNS`: features to update or retire that were changed after ``cs_from``, or that the store
        has not; features to add that it has.

    Raises
    ------
    SchemaError, CRSError
        As `require_layer` and `conformed`; also if a feature is to be changed twice.
    """
    table = work.table(name)
    frames, ids = {}, {}
    for what, frame in (("added", change.added), ("updated", change.updated)):
        frame = _spatial(frame, layer, crs)
        base = frame.get("cs_from")
        rows = frame.drop(columns="cs_from", errors="ignore")
        require_layer(name, rows, layer, crs)
        frames[what] = conformed(name, rows, layer, at, author)
        ids[what] = identity(name, frames[what], layer)
        frames[f"{what} base"] = base
    retired = _retirements(name, change.retired, layer)
    ids["retired"] = identity(name, retired, layer)
    both = set(ids["updated"]) & set(ids["retired"])
    if both:
        raise SchemaError(f"{name}: {sorted(both)[0]} is to be updated and retired at once. Say one.")
    held = {what: found(work, table, layer, some) for what, some in ids.items()}
    told = [
        _stale(layer, frames["updated"], held["updated"], frames["updated base"]),
        _stale(layer, retired, held["retired"], retired.get("cs_from")),
        _taken(layer, frames["added"], held["added"], held["retired"]),
    ]
    conflicts = pd.concat([each.assign(layer=name) for each in told], ignore_index=True)[list(CONFLICT_COLUMNS)]
    numbers = {what: held[what]["fid"].fillna(0).to_numpy(dtype=np.int64) for what in ("updated", "retired")}
    gone = retired.assign(fid=numbers["retired"])
    counts = Counts(len(frames["added"]), len(frames["updated"]), 0, 0, len(gone))
    return Plan(layer, frames["added"], frames["updated"], numbers["updated"], gone, counts), conflicts


def require_no_conflict(conflicts: pd.DataFrame) -> None:
    """
    Stop where others stand against a change.

    Raises
    ------
    ConflictError
        Naming the features.
    """
    if not len(conflicts):
        return
    lines = [f"  {row.layer} {row.feature}: {row.reason}" for row in conflicts.head(_TOLD_CONFLICTS).itertuples()]
    if len(conflicts) > _TOLD_CONFLICTS:
        lines.append(f"  and {len(conflicts) - _TOLD_CONFLICTS:,} more")
    count = "1 feature stands" if len(conflicts) == 1 else f"{len(conflicts):,} features stand"
    raise ConflictError(
        "\n".join(
            [f"{count} against the change. Nothing was changed.", *lines, "Read the features anew and make the edit on them."]
        ),
        conflicts.reset_index(drop=True),
    )


def _spatial(frame: pd.DataFrame, layer: Layer, crs) -> pd.DataFrame:
    """A frame without rows need not have its geometry."""
    if len(frame):
        return frame
    columns = {name: pd.Series(dtype="str") for name in (*layer.key, *({"global_id"} & set(layer.names)))}
    empty = pd.DataFrame(columns)
    return empty if layer.geometry == "None" else gpd.GeoDataFrame(empty, geometry=gpd.GeoSeries([], crs=crs))


def _retirements(name: str, frame: pd.DataFrame, layer: Layer) -> pd.DataFrame:
    known = ["global_id"] if has_global_id(layer) else list(layer.key)
    missing = [column for column in known if column not in frame] if len(frame) else []
    if missing:
        raise SchemaError(f"{name}: the features to retire lack {', '.join(missing)}, by which they are known.")
    rows = pd.DataFrame({column: frame[column].to_numpy() if len(frame) else [] for column in known}, dtype="str")
    for column in _RETIREMENT:
        if column.name in layer.names:
            given = frame[column.name].reset_index(drop=True) if column.name in frame else pd.Series(None, index=rows.index)
            rows[column.name] = conform(given, column, f"{name}, retired")
    if "cs_from" in frame:
        rows["cs_from"] = frame["cs_from"].to_numpy()
    return rows


def _named(layer: Layer, rows: pd.DataFrame) -> np.ndarray:
    """What messages call features: their key where the rows have it."""
    names = list(layer.key) if set(layer.key) <= set(rows) else ["global_id"]
    return rows[names].astype("str").agg(" ".join, axis=1).to_numpy() if len(rows) else np.array([], dtype=object)


def _stale(layer: Layer, rows: pd.DataFrame, held: pd.DataFrame, base: pd.Series | None) -> pd.DataFrame:
    based = pd.Series(pd.NA if base is None else base.to_numpy(), index=range(len(rows)), dtype="Int64")
    now = held["cs_from"].reset_index(drop=True)
    gone = held["fid"].isna().to_numpy()
    later = ~gone & based.notna().to_numpy() & (based < now).fillna(False).to_numpy(dtype=bool)
    reasons = np.where(gone, "is not in the store (retired meanwhile, or never loaded)", "")
    told = pd.DataFrame({"feature": _named(layer, rows), "reason": reasons, "based_on": based, "change": now})
    told.loc[later, "reason"] = (
        "was changed by change " + now[later].astype("str") + "; the edit was made on change " + based[later].astype("str")
    )
    return told[gone | later]


def _taken(layer: Layer, rows: pd.DataFrame, held: pd.DataFrame, retired: pd.DataFrame) -> pd.DataFrame:
    there = held["fid"].notna().to_numpy() & ~held.index.isin(retired.index)
    told = pd.DataFrame({"feature": _named(layer, rows), "reason": "is in the store already", "based_on": pd.NA})
    return told.assign(change=held["cs_from"].reset_index(drop=True))[there]
