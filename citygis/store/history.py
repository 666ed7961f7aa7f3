"""
What a store held at an earlier moment, and what changed between two.
"""

import datetime
import re
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.errors import StoreError
from citygis.gpkg import Table, quoted
from citygis.schema import Layer
from citygis.store.database import Database, Transaction
from citygis.store.identity import has_global_id
from citygis.store.layout import CS_FROM, CS_TO, history_of

AsOf = int | str | datetime.date | datetime.datetime
"""A change by its number, a day (its end, in UTC), or a moment with its time zone."""

DIFF_COLUMNS = ("layer", "feature", "name", "kind", "fields", "before", "after", "change")
_STAMPS = ("tx_from", "tx_to", "editor")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def change_at(work: Transaction, as_of: AsOf) -> int:
    """
    The last change that a moment saw; 0 before the first.

    Parameters
    ----------
    work : Transaction
    as_of : int, str, date or datetime
        A change's number; a day, also as "2026-01-31", which counts to its end in UTC; a moment with time zone, also as
        "2026-01-31T16:00:00Z".

    Raises
    ------
    StoreError
        If there is no such change.
    ValueError
        If `as_of` is none of these.
    """
    if isinstance(as_of, (int, np.integer)) and not isinstance(as_of, bool):
        last = work.rows("SELECT coalesce(max(id), 0) FROM citygis_change")[0][0]
        if not 0 <= as_of <= last:
            raise StoreError(f"There is no change {as_of}. The store's last one is {last}.")
        return int(as_of)
    moment = _moment(as_of)
    return work.rows("SELECT coalesce(max(id), 0) FROM citygis_change WHERE at < ?", moment)[0][0]


def retirements(work: Transaction, layer: Layer) -> dict[str, int]:
    """The change that retired each feature of a layer that does not hold any more, by ``global_id``."""
    if not has_global_id(layer) or "status" not in layer.names:
        return {}
    rows = work.rows(
        f"SELECT global_id, max(cs_to) FROM {quoted(history_of(layer.layer))} WHERE status = 'RETIRED' AND global_id NOT IN "
        f"(SELECT global_id FROM {quoted(layer.layer)} WHERE global_id IS NOT NULL) GROUP BY global_id"
    )
    return {str(feature): change for feature, change in rows}


def layer_as_of(database: Database, layer: Layer, columns: Sequence[str], change: int) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    A layer as a change left it, in the order the rows came in, with a fresh index.

    Parameters
    ----------
    database : Database
    layer : Layer
    columns : sequence of str
    change : int
        Its number; 0 is the empty store.
    """
    # What holds now is read first: a row that a batch ends in between is then in both, and taken once.
    frame = database.read(layer, columns=columns, up_to=change)
    with database.reading() as work:
        table = work.table(layer.layer)
        past = versions(work, table, history_of(layer.layer), columns, "coalesce(cs_from, 0) <= ? AND cs_to > ?", change, change)
    if not len(past):
        return frame.reset_index(drop=True)
    past = past[~past.index.isin(frame.index)]
    if "tx_to" in columns:
        past = past.assign(tx_to=pd.Series(pd.NaT, index=past.index, dtype="datetime64[us, UTC]"))
    if isinstance(frame, gpd.GeoDataFrame):
        past = past.set_crs(frame.crs)
    joined = pd.concat([frame, past]) if len(frame) else past[list(frame.columns)]
    return joined.sort_index(kind="stable").reset_index(drop=True)


def versions(
    work: Transaction, table: Table, source: str, columns: Sequence[str], where: str, *values: object
) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    Rows of a layer's table or of its history, indexed by ``fid``.

    Parameters
    ----------
    work : Transaction
    table : Table
        Of the layer.
    source : str
        The name of the table to read.
    columns : sequence of str
        Also ``cs_from``, and of a history ``cs_to``.
    where : str
        A condition with ``?`` for values.
    *values
    """
    known = {column.name: column for column in (*table.columns, CS_FROM, CS_TO)}
    key = "fid" if source != table.name else table.key
    order = key if source == table.name else "version_id"
    taken = [key, *columns, *([table.geometry_column] if table.geometry_column else [])]
    rows = work.rows(
        f"SELECT {', '.join(map(quoted, taken))} FROM {quoted(source)} WHERE {where} ORDER BY {quoted(order)}", *values
    )
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(taken)
    frame = pd.DataFrame({name: work.series(cells[i + 1], known[name]) for i, name in enumerate(columns)})
    frame.index = pd.Index(np.array(cells[0], dtype=np.int64), name="fid")
    if table.geometry_column is None:
        return frame
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(work.decoded(cells[-1]), index=frame.index))


def layer_diff(work: Transaction, layer: Layer, a: int, b: int) -> pd.DataFrame:
    """
    What changed in a layer from one change to another.

    Parameters
    ----------
    work : Transaction
    layer : Layer
    a, b : int
        Numbers of changes, in either order.

    Returns
    -------
    DataFrame
        Columns `DIFF_COLUMNS` and ``geometry`` (None for a layer without one); see `citygis.store.Store.diff`.
    """
    if a > b:
        return _reversed(layer_diff(work, layer, b, a))
    table, past = work.table(layer.layer), history_of(layer.layer)
    names = [*layer.names, "cs_from"]
    ended = "coalesce(cs_from, 0) <= ? AND cs_to > ? AND cs_to <= ?"
    made = "cs_from > ? AND cs_from <= ?"
    old = versions(work, table, past, [*names, "cs_to"], ended, a, a, b)
    new = pd.concat(
        [
            versions(work, table, table.name, names, made, a, b),
            versions(work, table, past, names, f"{made} AND cs_to > ?", a, b, b),
        ]
    )
    return _typed(layer, old, new)


def _typed(layer: Layer, old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    old, new = (frame.set_axis(_identity(layer, frame), axis=0) for frame in (old, new))
    ids = old.index.union(new.index, sort=True)
    if not len(ids):
        return pd.DataFrame(columns=[*DIFF_COLUMNS, "geometry"], dtype=object)
    before, after = old.reindex(ids), new.reindex(ids)
    was, holds = ids.isin(old.index), ids.isin(new.index)
    compared = [name for name in layer.names if name not in _STAMPS]
    differs = {name: _differ(before[name], after[name]) for name in compared}
    spatial = layer.geometry != "None"
    if spatial:
        differs["geometry"] = _moved(before.geometry.to_numpy(), after.geometry.to_numpy())
    kinds = np.where(was & holds, "updated", np.where(holds, "added", "retired"))
    rows = []
    for i in np.flatnonzero(~(was & holds) | np.logical_or.reduce(list(differs.values()))):
        fields = [name for name, which in differs.items() if which[i]] if kinds[i] == "updated" else []
        shown = [name for name in (fields or compared) if name != "geometry"]
        said = after if holds[i] else before
        rows.append(
            {
                "layer": layer.layer,
                "feature": ids[i],
                "name": " ".join(str(said[key].iloc[i]) for key in layer.key),
                "kind": kinds[i],
                "fields": tuple(fields),
                "before": {name: _plain(before[name].iloc[i]) for name in shown} if was[i] else {},
                "after": {name: _plain(after[name].iloc[i]) for name in shown} if holds[i] else {},
                "change": int(after["cs_from"].iloc[i] if holds[i] else before["cs_to"].iloc[i]),
                "geometry": said.geometry.iloc[i] if spatial else None,
            }
        )
    return pd.DataFrame(rows, columns=[*DIFF_COLUMNS, "geometry"])


def _identity(layer: Layer, frame: pd.DataFrame) -> pd.Index:
    """What a version is of: a key alone may be shared, so its row number tells such features apart."""
    if has_global_id(layer):
        return pd.Index(frame["global_id"].fillna("fid " + frame.index.astype("str").to_series(index=frame.index)), dtype=object)
    text = frame[list(layer.key)].astype("str").agg(" ".join, axis=1) if len(frame) else pd.Series(dtype="str")
    shared = text.duplicated(keep=False)
    return pd.Index(text.where(~shared, text + " #" + frame.index.astype("str").to_series(index=frame.index)), dtype=object)


def _differ(before: pd.Series, after: pd.Series) -> np.ndarray:
    both_null = before.isna() & after.isna()
    return (~(before.eq(after).fillna(False) | both_null)).to_numpy(dtype=bool)


def _moved(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    return ~(shapely.equals_identical(before, after) | (shapely.is_missing(before) & shapely.is_missing(after)))


def _plain(value: object) -> object:
    return None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value


def _reversed(frame: pd.DataFrame) -> pd.DataFrame:
    kinds = frame["kind"].map({"added": "retired", "retired": "added", "updated": "updated"})
    return frame.assign(kind=kinds, before=frame["after"], after=frame["before"])


def _moment(as_of: AsOf) -> str:
    """The first moment that is too late, as the change rows spell it."""
    if isinstance(as_of, str):
        text = as_of.strip()
        try:
            as_of = datetime.date.fromisoformat(text) if _DAY.fullmatch(text) else datetime.datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(
                f"Invalid as_of {text!r}. Must be a change's number, a day (2026-01-31) or a moment (2026-01-31T16:00Z)."
            ) from None
    if isinstance(as_of, datetime.datetime):
        if as_of.tzinfo is None:
            raise ValueError(f"Invalid as_of {as_of}. Must have a time zone, such as 2026-01-31T16:00Z.")
        late = as_of.astimezone(datetime.UTC) + datetime.timedelta(milliseconds=1)
    elif isinstance(as_of, datetime.date):
        late = datetime.datetime.combine(as_of, datetime.time(), datetime.UTC) + datetime.timedelta(days=1)
    else:
        raise ValueError(f"Invalid as_of {as_of!r}. Must be a change's number, a day or a moment with time zone.")
    return late.isoformat(timespec="milliseconds").replace("+00:00", "Z")
