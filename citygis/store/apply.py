"""
One layer of a batch: which rows are new, which say something else than before, and putting them in.
"""

import datetime
import sqlite3
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.errors import CRSError, SchemaError
from citygis.gpkg import (
    CHUNK_ROWS,
    Column,
    Table,
    conform,
    decode,
    drop_triggers,
    encode,
    geometry_type_of,
    insert_rows,
    make_triggers,
    place_rows,
    quoted,
    single,
    table_of,
    to_sql,
    touch,
)
from citygis.schema import Layer, feature_ids
from citygis.store.layout import CS_FROM, drop_indexes, history_of, make_indexes

PROVENANCE = ("source_id", "source_ref", "created_by_record")
"""Where a row was read from: no part of what it says, so a delivery that repeats a row leaves it as it is."""


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


def difference(
    connection: sqlite3.Connection, name: str, frame: pd.DataFrame, layer: Layer, *, at: datetime.datetime, author: str
) -> Difference:
    """
    What a delivered layer would change.

    Parameters
    ----------
    connection : sqlite3.Connection
        To the store.
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
    # The store is read through its own connection. Another SQLite in this process, such as GDAL's, would drop our locks when it
    # closes the file (POSIX; https://www.sqlite.org/howtocorrupt.html, section 2.2).
    delivered = _delivered(name, frame, layer, at, author)
    fids, held = _stored_identity(connection, name, layer)
    ids = _identity(name, delivered, layer)
    place = pd.Index(ids).get_indexer(held)
    added = np.setdiff1d(np.arange(len(ids)), place)
    table = table_of(connection, name)
    updated, changed_fids, moved = _changed_rows(connection, table, delivered, layer, fids, place)
    counts = Counts(len(added), len(updated), len(ids) - len(added) - len(updated), int((place < 0).sum()))
    return Difference(layer, delivered, added, updated, changed_fids, moved, counts)


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


def _identity(name: str, frame: pd.DataFrame, layer: Layer) -> np.ndarray:
    """What each row is known by; an error where there is nothing, or the same twice."""
    if "global_id" in layer.names:
        key, ids = "global_id", frame["global_id"].to_numpy(dtype=object)
    else:
        key, ids = ", ".join(layer.key), feature_ids(name, frame[list(layer.key)])
    nameless = np.flatnonzero(pd.isna(ids))
    if len(nameless):
        raise SchemaError(
            f"{name}: {len(nameless):,} rows have no {key}, the first is row {nameless[0] + 1}. "
            "Without one a feature cannot be found again: quarantine those rows, or make the layer anew: citygis convert."
        )
    twins = pd.Series(ids).duplicated().to_numpy()
    if twins.any():
        raise SchemaError(f"{name}: {twins.sum():,} rows repeat a {key}, the first is {ids[twins][0]}. Each feature needs its own.")
    return ids


def _stored_identity(connection: sqlite3.Connection, name: str, layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """The ``fid`` of each stored row, and what it is known by."""
    columns = ["global_id"] if "global_id" in layer.names else list(layer.key)
    rows = connection.execute(f"SELECT fid, {', '.join(map(quoted, columns))} FROM {quoted(name)} ORDER BY fid").fetchall()
    table = pd.DataFrame(rows, columns=["fid", *columns], dtype=object)
    ids = table["global_id"].to_numpy() if "global_id" in columns else feature_ids(name, table[columns])
    fids = table["fid"].to_numpy(dtype=np.int64)
    # A row drawn in a desktop GIS may have no identifier yet: it matches nothing and stays.
    return fids, np.where(pd.isna(ids), np.char.add("fid ", fids.astype(str)), ids)


def _changed_rows(
    connection: sqlite3.Connection, table: Table, delivered: pd.DataFrame, layer: Layer, fids: np.ndarray, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions in `delivered` of the rows to update, their ``fid``, and whether their ground changed."""
    passed_over = {*PROVENANCE, "geom_hash"}
    compared = [f.name for f in layer.fields if f.filled_by != "store" and f.name not in passed_over and f.name in delivered]
    columns = [column for column in table.columns if column.name in compared]
    taken = [column.name for column in columns] + ([table.geometry_column] if table.geometry_column else [])
    cursor = connection.execute(f"SELECT {', '.join(map(quoted, taken))} FROM {quoted(table.name)} ORDER BY fid")
    positions, moves = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=bool)]
    for start in range(0, len(fids), CHUNK_ROWS):
        where = place[start : start + CHUNK_ROWS]
        stored = [row for row, p in zip(cursor.fetchmany(CHUNK_ROWS), where, strict=True) if p >= 0]
        where = where[where >= 0]
        rows = delivered.iloc[where]
        moved = np.zeros(len(rows), dtype=bool)
        if table.geometry_column:
            moved = _moved(table, [row[-1] for row in stored], rows)
            stored = [row[:-1] for row in stored]
        said = zip(*(to_sql(rows[column.name], column) for column in columns), strict=True)
        rewritten = np.fromiter((old != new for old, new in zip(stored, said, strict=True)), dtype=bool, count=len(rows))
        positions.append(where[moved | rewritten])
        moves.append(moved[moved | rewritten])
    updated = np.concatenate(positions)
    fid_of = np.zeros(len(delivered), dtype=np.int64)
    fid_of[place[place >= 0]] = fids[place >= 0]
    return updated, fid_of[updated], np.concatenate(moves)


def _moved(table: Table, blobs: list[bytes | None], rows: gpd.GeoDataFrame) -> np.ndarray:
    """Where the ground differs. Blobs are compared first: nearly all are the same, and none of those need be read."""
    shapes = rows.geometry.to_numpy()
    sent = encode(shapes, table.srs_id, table.geometry_type)
    moved = np.fromiter((old != new for old, new in zip(blobs, sent, strict=True)), dtype=bool, count=len(sent))
    rest = np.flatnonzero(moved)
    old, new = shapely.normalize(single(decode([blobs[i] for i in rest]))), shapely.normalize(shapes[rest])
    moved[rest] = ~(shapely.equals_identical(old, new) | (shapely.is_missing(old) & shapely.is_missing(new)))
    return moved


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
    if {"created_by_record", "source_id"} <= set(rows.columns):
        # A feature that is updated was still created by the record that first brought it, unless the delivery names another.
        rows = rows.assign(created_by_record=rows["created_by_record"].where(rows["created_by_record"] != rows["source_id"]))
    columns = [column for column in table.columns if column.name in rows]
    values = [to_sql(rows[column.name], column) for column in columns]
    sets = ", ".join(f"{quoted(column.name)} = {_new_value(column)}" for column in columns)
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
        place_rows(connection, table, fids, bounds)


def _new_value(column: Column) -> str:
    return "coalesce(?, created_by_record)" if column.name == "created_by_record" else "?"


def _add(connection: sqlite3.Connection, table: Table, change: Difference, change_id: int) -> None:
    last = max(
        connection.execute(f"SELECT coalesce(max({quoted(table.key)}), 0) FROM {quoted(table.name)}").fetchone()[0],
        connection.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?", (table.name,)).fetchone()[0],
    )
    many = len(change.added) > change.counts.updated + change.counts.unchanged + change.counts.absent
    if many:
        drop_indexes(connection, change.layer)
    all_bounds = []
    for start in range(0, len(change.added), CHUNK_ROWS):
        rows = change.delivered.iloc[change.added[start : start + CHUNK_ROWS]]
        values = [
            [change_id] * len(rows) if c == CS_FROM else to_sql(rows[c.name], c) if c.name in rows else [None] * len(rows)
            for c in table.columns
        ]
        blobs = None
        if table.geometry_column:
            blobs, bounds = _encoded(connection, table, rows.geometry.to_numpy())
            all_bounds.append(bounds)
        insert_rows(connection, table, last + 1 + start, blobs, values)
    if all_bounds:
        place_rows(connection, table, np.arange(last + 1, last + 1 + len(change.added)), np.concatenate(all_bounds))
    if many:
        make_indexes(connection, change.layer)


def _encoded(connection: sqlite3.Connection, table: Table, shapes: np.ndarray) -> tuple[list[bytes | None], np.ndarray]:
    """Geometries as the table keeps them, and their bounds; a first Z or M is entered in the table's description."""
    for flag, present in (("z", shapely.has_z(shapes).any()), ("m", shapely.has_m(shapes).any())):
        if present:
            connection.execute(f"UPDATE gpkg_geometry_columns SET {flag} = 2 WHERE table_name = ?", (table.name,))
    return encode(shapes, table.srs_id, table.geometry_type), shapely.bounds(shapes).reshape(-1, 4)
