"""
What a store's file holds beside its layers: history, changes, acceptances; and opening it to write.

A layer's table is what a desktop GIS sees: the rows that hold now, ``cs_from`` naming the change that made each. Its
``<layer>_hist`` holds the versions before, append only, ``cs_to`` naming the change that ended each. ``citygis_change`` has one
row per batch.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from citygis.errors import ReadError, StoreError
from citygis.gpkg import (
    STORED_TYPE,
    Column,
    Table,
    add_srs,
    connect,
    create_file,
    create_table,
    make_triggers,
    open_to_read,
    quoted,
    read_geopackage,
)
from citygis.publish import publishing
from citygis.schema import Layer, Schema

STORE_VERSION = 1
"""Of the layout of a store; a store of a later one is refused."""

_DDL = """
CREATE TABLE citygis_meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
CREATE TABLE citygis_change (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, effective TEXT,
  author TEXT NOT NULL, message TEXT, source TEXT, source_sha256 TEXT, counts TEXT NOT NULL, accepted TEXT NOT NULL);
CREATE TABLE citygis_accepted (finding_id TEXT NOT NULL, source_sha256 TEXT NOT NULL, code TEXT NOT NULL, layer TEXT,
  feature TEXT, other TEXT, reason TEXT NOT NULL, author TEXT NOT NULL, at TEXT NOT NULL,
  change INTEGER NOT NULL REFERENCES citygis_change(id), PRIMARY KEY (finding_id, source_sha256))
"""
_CACHE_KB = 100_000
CS_FROM, CS_TO = Column("cs_from", "integer"), Column("cs_to", "integer")


def create_store(path: Path | str, *, schema: Schema, crs) -> Path:
    """
    Make an empty store with all layers of a schema.

    Parameters
    ----------
    path : path
        Must not exist. The file appears whole or not at all.
    schema : Schema
    crs : CRS
        The City's.

    Raises
    ------
    StoreError
        If the file exists or cannot be written.
    """
    with publishing(path) as temporary, told(path), contextlib.closing(connect(temporary)) as connection:
        connection.execute("PRAGMA synchronous = OFF")  # `publishing` flushes the whole file
        connection.execute("BEGIN")
        create_file(connection)
        for statement in _DDL.split(";\n"):
            connection.execute(statement)
        rows = [("store_version", STORE_VERSION), ("schema_version", schema.version)]
        connection.executemany("INSERT INTO citygis_meta VALUES (?, ?)", rows)
        srs_id = add_srs(connection, crs)
        for layer in schema.layers.values():
            _create_layer(connection, layer, srs_id)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")
    return Path(path)


def history_of(layer: str) -> str:
    """The name of a layer's history table."""
    return f"{layer}_hist"


def require_store(path: Path, *, schema: Schema, crs) -> None:
    """
    Look that a file is a store that this citygis can use for a City.

    Raises
    ------
    StoreError
        If it is empty, damaged, not a store, of a later layout or schema, lacks a layer of the schema, or is in another CRS.
    """
    try:
        with contextlib.closing(open_to_read(path)) as connection:
            meta = dict(connection.execute("SELECT key, value FROM citygis_meta"))
            held = dict(connection.execute("SELECT table_name, srs_id FROM gpkg_contents"))
    except ReadError as error:
        raise StoreError(f"{error} It cannot be the City's geodatabase: restore a backup, or take it away to begin anew.") from None
    except sqlite3.DatabaseError:
        raise StoreError(
            f"{path} is a GeoPackage, but not a City's geodatabase made by citygis. Name another file in city.toml (`store`); "
            f"to take its layers in: citygis convert {path.name} --to LAYER."
        ) from None
    for key, ours in (("store_version", STORE_VERSION), ("schema_version", schema.version)):
        if int(meta.get(key, 0)) > ours:
            raise StoreError(f"{path} was made by a later citygis ({key} {meta[key]}; this one knows {ours}). Install that one.")
    missing = [name for name in schema.layers if name not in held]
    if missing:
        raise StoreError(f"{path} lacks the layers {', '.join(missing)}. Restore a backup, or move it away to begin anew.")
    for name in schema.layers:
        if held[name] is not None:
            stored = read_geopackage(path, name, columns=[], bbox=(0, 0, 0, 0)).crs
            if stored != crs:
                raise StoreError(
                    f"{path} is in {stored.name}, but city.toml says {crs.name}. Correct `crs` there; citygis never guesses."
                )
            return


@contextlib.contextmanager
def writing(path: Path, *, timeout_s: float) -> Iterator[sqlite3.Connection]:
    """
    One transaction on a store: kept when the block ends well, undone when it does not.

    Yields
    ------
    sqlite3.Connection
        In a transaction that has the right to write; others can read what was there before.

    Raises
    ------
    StoreError
        If another program writes, the file is read-only, or the disk is full. Nothing is changed.
    """
    with told(path), contextlib.closing(connect(path, timeout_s=timeout_s)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            if connection.in_transaction:
                connection.execute("COMMIT")
        finally:
            # A COMMIT that finds the file busy leaves the transaction open.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        # What is committed stays so even if it cannot be moved into the main file now (a reader, a full disk).
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def make_indexes(connection: sqlite3.Connection, layer: Layer) -> None:
    """Index a layer's table by key and identifier."""
    keys = ", ".join(quoted(name) for name in layer.key)
    connection.execute(f'CREATE INDEX "{layer.layer}_key" ON "{layer.layer}" ({keys})')
    if "global_id" in layer.names:
        connection.execute(f'CREATE UNIQUE INDEX "{layer.layer}_global_id" ON "{layer.layer}" (global_id)')


def drop_indexes(connection: sqlite3.Connection, layer: Layer) -> None:
    """Drop what `make_indexes` made: to index many rows at once is several times faster. Undone by a rollback."""
    for name in ("key", "global_id"):
        connection.execute(f'DROP INDEX IF EXISTS "{layer.layer}_{name}"')


@contextlib.contextmanager
def told(path: Path | str) -> Iterator[None]:
    """SQLite's errors as one `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_advice(error)} Nothing was changed.") from error


def _advice(error: sqlite3.Error) -> str:
    text = str(error)
    for part, advice in {
        "locked": "another program is writing to it (QGIS in an edit session, another citygis). Save or stop there, retry.",
        "readonly": "it is read-only. Ask whoever keeps it for the right to write, or look how its disk is mounted.",
        "unable to open": "it or its folder is read-only, or the path is wrong. Ask for the right to write there.",
        "full": "the disk is full. Make room, then try again.",
        "disk I/O": "the disk cannot be written (full, or failing). Make room or look to the disk, then try again.",
        "malformed": "the file is damaged. Restore a backup.",
        "not a database": "it is not a GeoPackage. Restore a backup, or name another file in city.toml (`store`).",
    }.items():
        if part in text:
            return f"{advice} ({text})"
    return f"{text}."


def _create_layer(connection: sqlite3.Connection, layer: Layer, srs_id: int) -> None:
    columns = [*(Column(field.name, field.type, field.length) for field in layer.fields), CS_FROM]
    kind = {} if layer.geometry == "None" else {"geometry_type": STORED_TYPE[layer.geometry], "srs_id": srs_id}
    table = create_table(connection, layer.layer, columns, layer=layer, **kind)
    make_triggers(connection, table)
    make_indexes(connection, layer)
    _create_history(connection, table)


def _create_history(connection: sqlite3.Connection, table: Table) -> None:
    name = history_of(table.name)
    parts = ["version_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", "fid INTEGER NOT NULL"]
    if table.geometry_column:
        parts.append(f"{quoted(table.geometry_column)} BLOB")
    parts += [f"{quoted(column.name)} {column.sql}" for column in (*table.columns, CS_TO)]
    connection.execute(f"CREATE TABLE {quoted(name)} ({', '.join(parts)})")
    connection.execute(f'CREATE INDEX "{name}_fid" ON {quoted(name)} (fid, cs_to)')
    for verb in ("UPDATE", "DELETE"):
        connection.execute(
            f'CREATE TRIGGER "{name}_keeps_{verb.lower()}" BEFORE {verb} ON {quoted(name)} '
            f"BEGIN SELECT RAISE(ABORT, 'history is only added to'); END"
        )
