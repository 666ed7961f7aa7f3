"""
One layer of a batch: which rows are new, which say something else than before, and putting them in.
"""

import datetime
import sqlite3
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.errors import CRSError, SchemaError
from citygis.gpkg import (
    Column,
    Table,
    conform,
    drop_triggers,
    encode,
    grow_extent,
    index_rows,
    insert_rows,
    make_triggers,
    quoted,
    read_geopackage,
    single,
    stored_form,
    table_of,
    to_sql,
    touch,
)
from citygis.schema import Layer, feature_ids
from citygis.store.layout import history_of

PROVENANCE = ("source_id", "source_ref", "created_by_record")
"""Where a row was read from: no part of what it says, so a delivery that repeats a row leaves it as it is."""

_CHUNK_ROWS = 50_000


class Counts(NamedTuple):
    """What a batch did to a layer: rows added, updated, left unchanged, and rows of the store that it does not have."""

    added: int
    updated: int
    unchanged: int
    absent: int


class Difference(NamedTuple):
    """A delivered layer against the stored one; positions are of `delivered`, `fids` belong to `updated`."""

    layer: Layer
    delivered: pd.DataFrame
    added: np.ndarray
    updated: np.ndarray
    fids: np.ndarray
    moved: np.ndarray
    counts: Counts


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
        raise SchemaError(f"{name} has columns that the City's layer has not: {', '.join(unknown)}. Drop or map them: citygis convert.")
    missing = [column for column in (*layer.key, *({"global_id"} & set(layer.names))) if column not in frame]
    if missing:
        raise SchemaError(f"{name} lacks {', '.join(missing)}, by which its features are known. Make it with citygis convert.")
    if spatial != (layer.geometry != "None"):
        raise SchemaError(f"{name} {'has a geometry, but its layer has none' if spatial else 'has no geometry'}. Make it with convert.")
    if spatial and frame.crs != crs:
        stated = frame.crs.name if frame.crs else "no CRS"
        raise CRSError(f"{name} is in {stated}; the City's geodatabase is in {crs.name}. Convert it first: citygis convert.")


def difference(path: Path, name: str, frame: pd.DataFrame, layer: Layer, *, at: datetime.datetime, author: str) -> Difference:
    """
    What a delivered layer would change.

    Parameters
    ----------
    path : Path
        The store; read as it was last committed.
    name : str
    frame : DataFrame or GeoDataFrame
        As `require_layer` wants it.
    layer : Layer
    at : datetime
        Becomes ``tx_from`` of what is new.
    author : str
        Becomes ``editor``.

    Returns
    -------
    Difference
        Rows are matched by ``global_id``, or by key where the layer has none. A row is updated when a column that agency or
        convert fill differs, `PROVENANCE` apart, or its geometry does in more than where rings begin and which way they run.

    Raises
    ------
    SchemaError
        If a value does not fit its column, or two rows are the same feature, or a row is none.
    """
    delivered = _delivered(name, frame, layer, at, author)
    stored = read_geopackage(path, name, fid_index=True)
    ids, known = _identity(name, delivered, layer), _identity(name, stored, layer, stored=True)
    place = pd.Index(known).get_indexer(ids)
    found = np.flatnonzero(place >= 0)
    before, after = stored.iloc[place[found]], delivered.iloc[found]
    moved = _moved(before, after) if layer.geometry != "None" else np.zeros(len(found), dtype=bool)
    changed = moved | _rewritten(before, after, layer)
    counts = Counts(
        added=len(delivered) - len(found),
        updated=int(changed.sum()),
        unchanged=int((~changed).sum()),
        absent=len(stored) - len(found),
    )
    delivered = _keep_creator(delivered, stored, found, place)
    fids = before.index.to_numpy()[changed]
    return Difference(layer, delivered, np.flatnonzero(place < 0), found[changed], fids, moved[changed], counts)


def apply(connection: sqlite3.Connection, change: Difference, *, change_id: int, at: datetime.datetime) -> None:
    """
    Put a difference into the store: old versions to history, then updates, then new rows, with the spatial index.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction.
    change : Difference
    change_id : int
    at : datetime
        Ends the old versions.
    """
    if not (len(change.added) or len(change.updated)):
        return
    table = table_of(connection, change.layer.layer)
    drop_triggers(connection, table)
    if len(change.updated):
        _retire(connection, table, change.fids, change_id, at)
        _update(connection, table, change, change_id)
    if len(change.added):
        _add(connection, table, change, change_id)
    make_triggers(connection, table)
    touch(connection, table.name, at)


def _delivered(name: str, frame: pd.DataFrame, layer: Layer, at: datetime.datetime, author: str) -> pd.DataFrame:
    """The delivered rows with the columns' types, the store's own columns filled."""
    stamps = {"tx_from": pd.Timestamp(at), "tx_to": None, "editor": author}
    columns = {}
    for field in layer.fields:
        column = Column(field.name, field.type, field.length)
        if field.name in stamps and field.filled_by == "store":
            values = pd.Series([stamps[field.name]] * len(frame), dtype="datetime64[us, UTC]" if field.type == "datetime" else "str")
        elif field.name in frame:
            values = frame[field.name].reset_index(drop=True)
        else:
            continue
        columns[field.name] = conform(values, column, name)
    table = pd.DataFrame(columns, index=range(len(frame)))
    if layer.geometry == "None":
        return table
    return gpd.GeoDataFrame(table, geometry=gpd.GeoSeries(single(frame.geometry.to_numpy()), crs=frame.crs))


def _identity(name: str, frame: pd.DataFrame, layer: Layer, *, stored: bool = False) -> np.ndarray:
    if "global_id" in layer.names:
        ids = frame["global_id"].to_numpy(dtype=object)
        if stored:
            # A row drawn in a desktop GIS has none yet: it matches nothing and stays.
            return np.where(pd.isna(ids), [f"fid {fid}" for fid in frame.index], ids)
    else:
        ids = feature_ids(name, frame[list(layer.key)])
        if stored:
            return np.where(pd.isna(ids), [f"fid {fid}" for fid in frame.index], ids)
    nameless = np.flatnonzero(pd.isna(ids))
    key = "global_id" if "global_id" in layer.names else ", ".join(layer.key)
    if len(nameless):
        raise SchemaError(
            f"{name}: {len(nameless):,} rows have no {key}, the first is row {nameless[0] + 1}. "
            "A feature without an identifier cannot be found again: quarantine those rows, or make the layer with citygis convert."
        )
    twins = pd.Series(ids).duplicated().to_numpy()
    if twins.any():
        raise SchemaError(f"{name}: {twins.sum():,} rows repeat a {key}, the first is {ids[twins][0]}. Each feature needs its own.")
    return ids


def _moved(before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> np.ndarray:
    old, new = before.geometry.to_numpy(), after.geometry.to_numpy()
    same = shapely.equals_identical(old, new) | (shapely.is_missing(old) & shapely.is_missing(new))
    rest = np.flatnonzero(~same)
    same[rest] = shapely.equals_identical(shapely.normalize(old[rest]), shapely.normalize(new[rest]))
    return ~same


def _rewritten(before: pd.DataFrame, after: pd.DataFrame, layer: Layer) -> np.ndarray:
    passed_over = {*PROVENANCE, "geom_hash"}
    compared = [f.name for f in layer.fields if f.filled_by != "store" and f.name not in passed_over and f.name in after]
    changed = np.zeros(len(after), dtype=bool)
    for name in compared:
        old, new = before[name].reset_index(drop=True), after[name].reset_index(drop=True)
        same = (old == new).fillna(False).to_numpy(bool) | (old.isna() & new.isna()).to_numpy()
        changed |= ~same
    return changed


def _keep_creator(delivered: pd.DataFrame, stored: pd.DataFrame, found: np.ndarray, place: np.ndarray) -> pd.DataFrame:
    """A feature that is updated was still created by the record that first brought it, unless the delivery names another."""
    if not {"created_by_record", "source_id"} <= set(delivered.columns):
        return delivered
    creator = delivered["created_by_record"].to_numpy(dtype=object)
    earlier = stored["created_by_record"].to_numpy(dtype=object)[place[found]]
    only_computed = (delivered["created_by_record"] == delivered["source_id"]).fillna(False).to_numpy(bool)[found]
    creator[found] = np.where(only_computed, earlier, creator[found])
    return delivered.assign(created_by_record=pd.Series(creator, index=delivered.index, dtype="str"))


def _retire(connection: sqlite3.Connection, table: Table, fids: np.ndarray, change_id: int, at: datetime.datetime) -> None:
    names = [table.key, *([table.geometry_column] if table.geometry_column else []), *(column.name for column in table.columns)]
    ended = to_sql(pd.Series([pd.Timestamp(at)], dtype="datetime64[us, UTC]"), Column("tx_to", "datetime"))[0]
    taken = ", ".join("?2" if name == "tx_to" else quoted(name) for name in names)
    given = ", ".join(map(quoted, ["fid", *names[1:], "cs_to"]))
    connection.executemany(
        f"INSERT INTO {quoted(history_of(table.name))} ({given}) "
        f"SELECT {taken}, ?1 FROM {quoted(table.name)} WHERE {quoted(table.key)} = ?3",
        [(change_id, ended, fid) for fid in fids.tolist()],
    )


def _update(connection: sqlite3.Connection, table: Table, change: Difference, change_id: int) -> None:
    rows = change.delivered.iloc[change.updated]
    columns = [column for column in table.columns if column.name in rows]
    values = [to_sql(rows[column.name], column) for column in columns]
    sets = ", ".join(f"{quoted(column.name)} = ?" for column in columns)
    connection.executemany(
        f"UPDATE {quoted(table.name)} SET {sets}, cs_from = ? WHERE {quoted(table.key)} = ?",
        zip(*values, [change_id] * len(rows), change.fids.tolist(), strict=True),
    )
    if change.moved.any():
        shapes, fids = rows.geometry.to_numpy()[change.moved], change.fids[change.moved]
        blobs, bounds = _encoded(connection, table, shapes)
        connection.executemany(
            f"UPDATE {quoted(table.name)} SET {quoted(table.geometry_column)} = ? WHERE {quoted(table.key)} = ?",
            zip(blobs, fids.tolist(), strict=True),
        )
        index_rows(connection, table, fids, bounds)
        grow_extent(connection, table.name, bounds)


def _add(connection: sqlite3.Connection, table: Table, change: Difference, change_id: int) -> None:
    (last,) = connection.execute(
        f"SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = ?), 0), (SELECT coalesce(max({quoted(table.key)}), 0) "
        f"FROM {quoted(table.name)}))",
        (table.name,),
    ).fetchone()
    for start in range(0, len(change.added), _CHUNK_ROWS):
        rows = change.delivered.iloc[change.added[start : start + _CHUNK_ROWS]]
        values = [to_sql(rows[c.name], c) if c.name in rows else [None] * len(rows) for c in table.columns[:-1]]
        blobs = bounds = None
        if table.geometry_column:
            blobs, bounds = _encoded(connection, table, rows.geometry.to_numpy())
        insert_rows(connection, table, last + 1 + start, blobs, [*values, [change_id] * len(rows)], bounds)


def _encoded(connection: sqlite3.Connection, table: Table, shapes: np.ndarray) -> tuple[list[bytes | None], np.ndarray]:
    """Geometries as the table keeps them, and their bounds; a first Z or M is entered in the table's description."""
    for flag, present in (("z", shapely.has_z(shapes).any()), ("m", shapely.has_m(shapes).any())):
        if present:
            connection.execute(f"UPDATE gpkg_geometry_columns SET {flag} = 2 WHERE table_name = ?", (table.name,))
    return encode(stored_form(shapes, table.geometry_type), table.srs_id), shapely.bounds(shapes).reshape(-1, 4)
