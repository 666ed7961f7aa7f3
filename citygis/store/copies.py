"""
A store's copy, taken while others use the store, and what the store said at that very moment.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import NamedTuple

from citygis.errors import ReadError, StoreError
from citygis.gpkg import open_to_read
from citygis.store.contents import Contents, geopackage_contents, postgis_contents
from citygis.store.dumps import pg_dump, postgis_store
from citygis.store.geopackage import told
from citygis.store.manifest import Origin
from citygis.store.postgis import PostGIS


class Copied(NamedTuple):
    """
    What a store said when it was copied.

    Its contents, the values of ``citygis_meta``, its last change and when that was; of a PostGIS store, where it lay.
    """

    contents: Contents
    meta: dict[str, str]
    change: int | None
    change_at: str | None
    origin: Origin | None = None


def copy_geopackage(path: Path, target: Path) -> Copied:
    """
    Copy a store's GeoPackage by SQLite's own online copy; others may read and write meanwhile.

    Parameters
    ----------
    path : path
    target : path
        Must not exist. Complete in itself: what lies in the write-ahead log is in it.

    Returns
    -------
    Copied
        Read from the store, not from the copy, in the same transaction.

    Raises
    ------
    StoreError
        If the file is no store, or is damaged; or the copy cannot be written.
    """
    try:
        opened = open_to_read(path)
    except ReadError as error:
        raise StoreError(f"{error} Restore a backup.") from None
    with told(path), contextlib.closing(opened) as source:
        source.isolation_level = None
        source.execute("BEGIN")
        copied = copy_connection(source, path, target)
        source.execute("ROLLBACK")
    return copied


def copy_connection(source: sqlite3.Connection, path: Path, target: Path) -> Copied:
    """As `copy_geopackage`, by a connection that is in a transaction; `path` is how a message names the store."""
    names = {row[0] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"citygis_meta", "citygis_change"} <= names:
        raise StoreError(f"{path} is not a City's geodatabase made by citygis. Name another file in city.toml (`store`).")
    copied = Copied(
        geopackage_contents(source),
        dict(source.execute("SELECT key, value FROM citygis_meta")),
        *(source.execute("SELECT id, at FROM citygis_change ORDER BY id DESC LIMIT 1").fetchone() or (None, None)),
    )
    with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
        copy.execute("PRAGMA synchronous = OFF")  # whoever publishes it flushes the whole file
        source.backup(copy)
        # The copy is one file, that can be opened in a folder that cannot be written.
        copy.execute("PRAGMA journal_mode = DELETE")
    return copied


def copy_database(address: str, target: Path) -> Copied:
    """
    Copy a store's tables out of a PostGIS database with ``pg_dump``; others may read and write meanwhile.

    Parameters
    ----------
    address : str
        As `citygis.city.City.database`.
    target : path
        Must not exist. In ``pg_dump``'s own format; only the store's tables, whatever else lies in the database.

    Returns
    -------
    Copied
        Read in the same snapshot that is dumped.

    Raises
    ------
    StoreError
        If the database cannot be reached, has no store, or ``pg_dump`` is missing or fails.
    """
    with PostGIS(address, timeout_s=10.0).reading() as work:
        held = postgis_store(work)
        (snapshot,) = work.rows("SELECT pg_export_snapshot()")[0]
        pg_dump(address, held, target, snapshot=snapshot)
        change = work.rows("SELECT id, at FROM citygis_change ORDER BY id DESC LIMIT 1")
        return Copied(
            postgis_contents(work.connection, held.origin.schema_name, held.tables),
            dict(work.rows("SELECT key, value FROM citygis_meta")),
            change[0][0] if change else None,
            change[0][1].isoformat() if change else None,
            held.origin,
        )
