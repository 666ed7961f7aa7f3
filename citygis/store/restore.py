"""
A backup put back: looked at first, then in its place whole, and never over a store without a copy of that store.
"""

import contextlib
import datetime
import logging
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from citygis.city import City
from citygis.errors import StoreError
from citygis.gpkg import connect, quoted
from citygis.publish import publishing
from citygis.store.backup import SETTINGS, Backup, Subject, is_address, make_backup, subject_of
from citygis.store.contents import contents_compared, geopackage_contents
from citygis.store.copies import copy_connection, copy_database
from citygis.store.dumps import postgis_store, restore_dump, temporary_database
from citygis.store.geopackage import GeoPackageTransaction, told
from citygis.store.history import AsOf, change_at
from citygis.store.layout import history_of
from citygis.store.manifest import damaged_files, read_manifest, read_proof
from citygis.store.postgis import PostGIS
from citygis.store.rewind import rewind

logger = logging.getLogger(__name__)

_DAMAGED = "damaged_"


class Restored(NamedTuple):
    """Where a backup was put, the last change it holds, the copy of the store that lay there, and how long it took."""

    place: str
    change: int | None
    safety: Path | None
    seconds: float


def open_backup(path: Path | str) -> Backup:
    """
    A backup by its folder, its files compared with its manifest.

    Raises
    ------
    StoreError
        If it is no backup, or a file of it is missing or not what it was, down to one bit.
    """
    manifest = read_manifest(path)
    wrong = damaged_files(Path(path), manifest)
    if wrong:
        raise StoreError(f"{path} is damaged: {'; '.join(wrong)}. Take another backup: citygis backup --list")
    return Backup(Path(path), manifest, read_proof(Path(path)))


def open_backup_folder(path: Path | str) -> Backup:
    """A backup by its folder, its files not yet looked at. `StoreError` if it is none, or its manifest is damaged."""
    return Backup(Path(path), read_manifest(path), read_proof(Path(path)))


def restore(
    backup_folder: Path | str,
    city: City,
    *,
    as_of: AsOf | None = None,
    into: Path | str | None = None,
    overwrite: bool = False,
    timeout_s: float = 10.0,
) -> Restored:
    """
    Put a backup in a store's place.

    Parameters
    ----------
    backup_folder : path
    city : City
    as_of : change id, date, datetime or text, optional
        Bring the copy back to what the store was then (`citygis.store.Store.read` says what a date means): later changes and
        their history are not in it.
    into : path or database address, optional
        Elsewhere than the City's store: a .gpkg file, or postgresql://...
    overwrite : bool
        Whether a store that is there may be replaced. A backup of it is made first, in the City's folder of backups; of a store
        that cannot be read any more, its files are kept there as they are.
    timeout_s : float
        How long to wait for others that use the store.

    Returns
    -------
    Restored

    Raises
    ------
    StoreError
        If the backup is damaged or of the other kind of store, the place is taken, or others use it. Nothing is changed then.
    """
    began = time.perf_counter()
    made = open_backup(backup_folder)
    target = str(into) if into is not None else city.store
    is_database = is_address(target)
    if is_database != (made.manifest.backend == "postgis"):
        raise StoreError(
            f"{made.path} is of a {made.manifest.backend} store and cannot become {'a database' if is_database else 'a file'}. "
            "Say where with --into."
        )
    if is_database:
        change, safety = _into_database(made, city, target, as_of, overwrite, timeout_s)
        place = PostGIS(target, timeout_s=timeout_s).place
    else:
        path = Path(into) if into is not None else city.store_path
        change, safety = _into_file(made, city, path, as_of, overwrite, timeout_s)
        place = str(path)
    logger.info("restored %s into %s", made.name, place)
    return Restored(place, change, safety, time.perf_counter() - began)


def restore_settings(made: Backup, folder: Path) -> list[Path]:
    """
    Put the City's settings files of a backup into a folder; those that are there already stay.

    Returns
    -------
    list of Path
        What was written.
    """
    written = []
    for file in made.manifest.files[1:]:
        target = folder / Path(file.path).relative_to(SETTINGS)
        if not target.resolve().is_relative_to(folder.resolve()):
            raise StoreError(f"{made.path} names {file.path}, which lies outside of a City's folder. Nothing was changed.")
        if not target.exists():
            with publishing(target) as temporary:
                shutil.copyfile(made.path / file.path, temporary)
            written.append(target)
    return written


def unpacked(made: Backup, target: Path, *, as_of: AsOf | None = None) -> tuple[int | None, pd.DataFrame]:
    """
    The store of a GeoPackage backup as a file, compared with its manifest.

    Parameters
    ----------
    made : Backup
    target : path
        Must not exist.
    as_of : optional
        As in `restore`.

    Returns
    -------
    int or None
        Its last change.
    DataFrame
        As `citygis.store.contents.contents_compared`, before going back to `as_of`.
    """
    shutil.copyfile(made.path / made.manifest.copy.path, target)
    with told(target), contextlib.closing(connect(target)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        compared = contents_compared(made.manifest.contents, geopackage_contents(connection))
        change = made.manifest.change
        if as_of is not None:
            work = GeoPackageTransaction(connection)
            change = change_at(work, as_of)
            with _unguarded(connection):
                rewind(work, _layers(connection), change)
        connection.execute("COMMIT")
    return change, compared


def _into_file(
    made: Backup, city: City, path: Path, as_of: AsOf | None, overwrite: bool, timeout_s: float
) -> tuple[int | None, Path | None]:
    with contextlib.ExitStack() as stack, publishing(path, overwrite=overwrite) as temporary:
        change, compared = unpacked(made, temporary, as_of=as_of)
        _require_same(compared, made)
        safety = None
        if path.exists():
            safety = stack.enter_context(_taken_out_of_use(path, city, timeout_s))
        if os.name == "nt":
            stack.close()  # Windows replaces no file that somebody has open, and that includes us
    return change, safety


@contextlib.contextmanager
def _taken_out_of_use(path: Path, city: City, timeout_s: float) -> Iterator[Path]:
    """A store that nobody else can write while the block runs, and that has no log beside it; the folder of its copy."""
    at = datetime.datetime.now(datetime.UTC)
    if not path.stat().st_size:
        yield _set_aside(path, city, at)  # SQLite would make a database of it
        return
    with contextlib.closing(connect(path, timeout_s=timeout_s)) as connection:
        try:
            # A write-ahead log that stayed beside the file would be taken for that of the new one.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            (mode,) = connection.execute("PRAGMA journal_mode = DELETE").fetchone()
            if mode != "delete":
                raise sqlite3.OperationalError("database is locked")
            # In this locking mode the lock outlives the transaction; a copy cannot be taken of one that may write.
            for statement in ("BEGIN EXCLUSIVE", "COMMIT", "BEGIN"):
                connection.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" in str(error) or "busy" in str(error):
                raise StoreError(
                    f"{path} is in use by another program (QGIS, a notebook, another citygis). Close it there, then try again. "
                    "Nothing was changed."
                ) from None
            connection.close()
            yield _set_aside(path, city, at)
            return
        except sqlite3.DatabaseError:
            connection.close()
            yield _set_aside(path, city, at)
            return
        try:
            made = make_backup(
                city,
                Subject("geopackage", path.name, lambda target: copy_connection(connection, path, target)),
                reason=f"before restore over {path.name}",
                at=at,
            ).path
        except (StoreError, sqlite3.DatabaseError):
            # It opens, but it is no store, or damaged further in.
            connection.close()
            made = _set_aside(path, city, at)
        yield made


def _set_aside(path: Path, city: City, at: datetime.datetime) -> Path:
    """Copies of a damaged store's files as they are, its journals with it, and the journals gone."""
    folder = city.backups_folder / f"{_DAMAGED}{at:%Y-%m-%dT%H%M%SZ}"
    folder.mkdir(parents=True)
    journals = [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]
    for file in filter(Path.exists, [path, *journals]):
        shutil.copyfile(file, folder / file.name)
        with open(folder / file.name, "rb+") as copy:
            os.fsync(copy.fileno())
    for journal in filter(Path.exists, journals):
        journal.unlink()
    return folder


def _into_database(
    made: Backup, city: City, address: str, as_of: AsOf | None, overwrite: bool, timeout_s: float
) -> tuple[int | None, Path | None]:
    origin, change = made.manifest.origin, made.manifest.change
    database = PostGIS(address, timeout_s=timeout_s)
    safety, replaced, last_change = None, (), None
    if database.exists():
        if not overwrite:
            raise StoreError(f"{database.place} holds a store and is left as it is. Say --overwrite to replace it.")
        with database.reading() as work:
            held = postgis_store(work)
        if held.origin.schema_name != origin.schema_name:
            raise StoreError(
                f"The backup lay in the schema {origin.schema_name}, the store in {held.origin.schema_name}. "
                "Name the same one: ?options=-csearch_path%3DNAME%2Cpublic"
            )
        kept = make_backup(city, subject_of(address, city), reason="before restore")
        safety, replaced, last_change = kept.path, held.tables, kept.manifest.change
    with contextlib.ExitStack() as stack:
        dump = made.path / made.manifest.copy.path
        if as_of is not None:
            trial = stack.enter_context(temporary_database(address))
            restore_dump(trial, dump, origin)
            change = rewind_database(trial, as_of)
            dump = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="citygis-"))) / dump.name
            copy_database(trial, dump)
        restore_dump(address, dump, origin, replaced=replaced, last_change=last_change, timeout_s=timeout_s)
    return change, safety


def rewind_database(address: str, as_of: AsOf) -> int:
    """`rewind` a store in a database of its own; the last change it then holds."""
    with PostGIS(address, timeout_s=10.0).writing() as work:
        change, layers = change_at(work, as_of), postgis_store(work).layers
        for state in ("DISABLE", "ENABLE"):
            for layer in layers:
                work.run(f"ALTER TABLE {quoted(history_of(layer))} {state} TRIGGER USER")
            if state == "DISABLE":
                rewind(work, layers, change)
    return change


def _require_same(compared: pd.DataFrame, made: Backup) -> None:
    wrong = compared.loc[~compared["same"], "table"].tolist()
    if wrong:
        raise StoreError(
            f"{made.path}: what it holds is not what its manifest says ({', '.join(wrong)}). Take another backup. "
            "Nothing was changed."
        )


def _layers(connection: sqlite3.Connection) -> list[str]:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return sorted(name for name in names if history_of(name) in names)


@contextlib.contextmanager
def _unguarded(connection: sqlite3.Connection) -> Iterator[None]:
    """The histories without the triggers that keep rows from being deleted."""
    guards = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%~_hist~_keeps~_%' ESCAPE '~'"
    ).fetchall()
    for name, _ in guards:
        connection.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, sql in guards:
        connection.execute(sql)
