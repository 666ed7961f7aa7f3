"""
A store in a GeoPackage: the standard library's SQLite, write-ahead log, spatial indexes as the standard has them.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.errors import ReadError, StoreError
from citygis.gpkg import (
    STORED_TYPE,
    Column,
    LayerInfo,
    Table,
    add_srs,
    connect,
    create_file,
    create_table,
    decode,
    drop_triggers,
    encode,
    from_sql,
    layers_of,
    make_triggers,
    open_to_read,
    place_rows,
    quoted,
    read_geopackage,
    single,
    table_of,
    to_sql,
    touch,
)
from citygis.publish import publishing
from citygis.schema import Layer, Schema
from citygis.store.database import Database, Transaction
from citygis.store.layout import (
    CS_TO,
    STORE_VERSION,
    history_index_statements,
    history_of,
    index_statements,
    require_layers,
    require_versions,
    store_statements,
    stored_columns,
)
from citygis.store.share import editing_a_copy, is_on_a_share

_CACHE_KB = 100_000
_THREADS: dict[str, threading.RLock] = {}
STORE_TYPES = {"integer": "INTEGER", "double": "DOUBLE", "date": "TEXT", "datetime": "TEXT"}


class GeoPackageTransaction(Transaction):
    """A transaction on a GeoPackage, by a connection of plain ``sqlite3``."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def rows(self, sql: str, *values: object) -> list[tuple]:
        return self.connection.execute(sql, values).fetchall()

    def chunks(self, sql: str, size: int) -> Iterator[list[tuple]]:
        cursor = self.connection.execute(sql)
        while some := cursor.fetchmany(size):
            yield some

    def run(self, sql: str, *values: object) -> int:
        return self.connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Sequence[Sequence]) -> None:
        self.connection.executemany(sql, rows)

    def table(self, layer: str) -> Table:
        return table_of(self.connection, layer)

    def cells(self, values: pd.Series, column: Column) -> list:
        return to_sql(values, column)

    def series(self, cells: Sequence, column: Column) -> pd.Series:
        return from_sql(cells, column)

    def encoded(self, shapes: np.ndarray, table: Table) -> list[bytes | None]:
        return encode(shapes, table.srs_id, table.geometry_type)

    def decoded(self, blobs: Sequence[bytes | None]) -> np.ndarray:
        return single(decode(blobs))

    def open_edit(self, table: Table) -> None:
        # The triggers would enter each row by itself; `place` does it for all at once.
        drop_triggers(self.connection, table)

    def close_edit(self, table: Table, at: pd.Timestamp) -> None:
        make_triggers(self.connection, table)
        touch(self.connection, table.name, at)

    def place(self, table: Table, fids: np.ndarray, shapes: np.ndarray) -> None:
        for flag, present in (("z", shapely.has_z(shapes).any()), ("m", shapely.has_m(shapes).any())):
            if present:  # the first with a height or measure is told in the table's description
                self.run(f"UPDATE gpkg_geometry_columns SET {flag} = 2 WHERE table_name = ?", table.name)
        place_rows(self.connection, table, fids, shapely.bounds(shapes).reshape(-1, 4))

    def bounds(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        index = quoted(f"rtree_{table.name}_{table.geometry_column}")
        rows = np.array(self.rows(f"SELECT id, minx, miny, maxx, maxy FROM {index} ORDER BY id"), dtype=float).reshape(-1, 5)
        return rows[:, 0].astype(np.int64), rows[:, 1:]

    def fill(self, name: str, columns: Sequence[Column], rows: Iterator[tuple]) -> None:
        names = ", ".join(quoted(column.name) for column in columns)
        self.connection.executemany(f"INSERT INTO {quoted(name)} ({names}) VALUES ({', '.join('?' * len(columns))})", rows)

    def next_fid(self, table: Table) -> int:
        key, name, past = quoted(table.key), quoted(table.name), quoted(history_of(table.name))
        last = "SELECT max(n) FROM (SELECT max({key}) AS n FROM {name} UNION ALL SELECT max(fid) FROM {past}"
        last += " UNION ALL SELECT max(seq) FROM sqlite_sequence WHERE name = ?)"
        return (self.rows(last.format(key=key, name=name, past=past), table.name)[0][0] or 0) + 1

    def drop_indexes(self, layer: Layer) -> None:
        for name in ("key", "global_id"):
            self.run(f'DROP INDEX IF EXISTS "{layer.layer}_{name}"')

    def make_indexes(self, layer: Layer) -> None:
        for statement in index_statements(layer):
            self.run(statement)


class GeoPackage(Database):
    """
    A store in a GeoPackage.

    On a disk of this machine it is edited in place, in one transaction, with a write-ahead log. On a network share, where SQLite's
    locks cannot be trusted, a copy on this machine is edited and put in its place whole (`citygis.store.share`).
    """

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        self.path = path
        self.place = str(path)
        self.timeout_s = timeout_s

    def exists(self) -> bool:
        return self.path.exists()

    def create(self, schema: Schema, crs) -> None:
        create_store(self.path, schema=schema, crs=crs)

    def require(self, schema: Schema, crs) -> None:
        try:
            with contextlib.closing(open_to_read(self.path)) as connection:
                meta = dict(connection.execute("SELECT key, value FROM citygis_meta"))
                held = dict(connection.execute("SELECT table_name, srs_id FROM gpkg_contents"))
                systems = connection.execute(
                    "SELECT srs_id, organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys"
                ).fetchall()
        except ReadError as error:
            raise StoreError(
                f"{error} It cannot be the City's geodatabase: restore a backup, or take it away to begin anew."
            ) from None
        except sqlite3.DatabaseError:
            raise StoreError(
                f"{self.path} is a GeoPackage, but not a City's geodatabase made by citygis. Name another file in city.toml "
                f"(`store`); to take its layers in: citygis convert {self.path.name} --to LAYER."
            ) from None
        require_versions(meta, self.place, schema)
        require_layers(set(held), self.place, schema)
        spatial = next((name for name in schema.layers if held[name] is not None), None)
        if spatial is None:
            return
        ((organization, code, definition),) = (row[1:] for row in systems if row[0] == held[spatial])
        stored = CRS.from_user_input(f"{organization}:{code}" if organization.upper() in ("EPSG", "ESRI") else definition)
        if stored != crs:
            raise StoreError(
                f"{self.path} is in {stored.name}, but city.toml says {crs.name}. Correct `crs` there; citygis never guesses."
            )

    @contextlib.contextmanager
    def reading(self) -> Iterator[GeoPackageTransaction]:
        with _alone(self.path, None), told(self.path), contextlib.closing(open_to_read(self.path)) as connection:
            connection.isolation_level = None
            connection.execute("BEGIN")
            yield GeoPackageTransaction(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[GeoPackageTransaction]:
        with _alone(self.path, self.timeout_s):
            yield from self._writing()

    def _writing(self) -> Iterator[GeoPackageTransaction]:
        if is_on_a_share(self.path):
            with editing_a_copy(self.path, timeout_s=self.timeout_s) as copy:
                with _writing(copy, self.path, self.timeout_s) as work:
                    yield work
                if work.is_abandoned:
                    copy.unlink()
            return
        with _writing(self.path, self.path, self.timeout_s) as work:
            yield work

    def layers(self) -> list[LayerInfo]:
        with _alone(self.path, None):
            return layers_of(self.path)

    def read(self, layer: Layer, *, columns: Sequence[str], bbox=None, up_to: int | None = None):
        where = None if up_to is None else f"cs_from IS NULL OR cs_from <= {up_to}"
        with _alone(self.path, None):
            return read_geopackage(self.path, layer.layer, columns=columns, bbox=bbox, where=where, fid_index=True)


def create_store(path: Path | str, *, schema: Schema, crs: CRS) -> Path:
    """
    Make an empty store with all layers of a schema in a GeoPackage.

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
        for statement in store_statements(STORE_TYPES):
            connection.execute(statement)
        rows = [("store_version", STORE_VERSION), ("schema_version", schema.version)]
        connection.executemany("INSERT INTO citygis_meta VALUES (?, ?)", rows)
        srs_id = add_srs(connection, crs)
        for layer in schema.layers.values():
            add_layer(connection, layer, srs_id)
        connection.execute("COMMIT")
        if not is_on_a_share(Path(path)):
            connection.execute("PRAGMA journal_mode = WAL")
    return Path(path)


def add_layer(connection: sqlite3.Connection, layer: Layer, srs_id: int) -> None:
    """Make a layer's table, empty, with its indexes and its history."""
    kind = {} if layer.geometry == "None" else {"geometry_type": STORED_TYPE[layer.geometry], "srs_id": srs_id}
    table = create_table(connection, layer.layer, stored_columns(layer), layer=layer, **kind)
    make_triggers(connection, table)
    for statement in index_statements(layer):
        connection.execute(statement)
    name = history_of(table.name)
    parts = ["version_id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL", "fid INTEGER NOT NULL"]
    if table.geometry_column:
        parts.append(f"{quoted(table.geometry_column)} BLOB")
    parts += [f"{quoted(column.name)} {column.sql}" for column in (*table.columns, CS_TO)]
    connection.execute(f"CREATE TABLE {quoted(name)} ({', '.join(parts)})")
    for statement in history_index_statements(table):
        connection.execute(statement)
    for verb in ("UPDATE", "DELETE"):
        connection.execute(
            f'CREATE TRIGGER "{name}_keeps_{verb.lower()}" BEFORE {verb} ON {quoted(name)} '
            f"BEGIN SELECT RAISE(ABORT, 'history is only added to'); END"
        )


@contextlib.contextmanager
def told(path: Path | str) -> Iterator[None]:
    """SQLite's errors as one `StoreError` that says what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path}: {_advice(error)} Nothing was changed.") from error


@contextlib.contextmanager
def _alone(path: Path, timeout_s: float | None) -> Iterator[None]:
    """
    A store's file for one thread of this process at a time.

    Layers are read through GDAL, which brings an SQLite of its own. When that closes a file, the system drops the locks that this
    process holds on it through any other (POSIX; https://www.sqlite.org/howtocorrupt.html, section 2.2).
    """
    lock = _THREADS.setdefault(os.path.realpath(path), threading.RLock())
    if not lock.acquire(timeout=-1 if timeout_s is None else timeout_s):
        raise StoreError(f"{path}: another thread of this program is using it. Wait for it, then retry. Nothing was changed.")
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _writing(path: Path, named: Path, timeout_s: float) -> Iterator[GeoPackageTransaction]:
    with told(named), contextlib.closing(connect(path, timeout_s=timeout_s)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("BEGIN IMMEDIATE")
        work = GeoPackageTransaction(connection)
        try:
            yield work
            connection.execute("ROLLBACK" if work.is_abandoned else "COMMIT")
        finally:
            # A COMMIT that finds the file busy leaves the transaction open.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        # What is committed stays so even if it cannot be moved into the main file now (a reader, a full disk).
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA busy_timeout = 0")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


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
