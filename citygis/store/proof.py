"""
Backups proven: restored somewhere else, compared with what the store had said, and put to use; and the drill that times it.
"""

import contextlib
import datetime
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pyproj import CRS

from citygis.city import City
from citygis.errors import CityGISError, StoreError
from citygis.gpkg import connect, layers_of, quoted
from citygis.publish import publish_text
from citygis.store.backup import PREFIX, Backup, Shelf
from citygis.store.contents import contents_compared, postgis_contents
from citygis.store.dumps import postgis_store, restore_dump, temporary_database
from citygis.store.geopackage import GeoPackage
from citygis.store.manifest import Proof, damaged_files, write_proof
from citygis.store.postgis import PostGIS
from citygis.store.restore import unpacked

DRILL = "drill_"
"""How the report of a drill begins; it lies among the backups."""


class Trial(NamedTuple):
    """
    A backup that was restored to see whether it can be.

    ``checks`` has the columns ``check, passed, measured, expected``; ``compared`` is
    `citygis.store.contents.contents_compared`, empty where it did not come to that. ``seconds`` are of the whole, and
    ``restore_seconds`` until the copy was there to be used.
    """

    backup: Backup
    at: datetime.datetime
    passed: bool
    seconds: float
    restore_seconds: float
    checks: pd.DataFrame
    compared: pd.DataFrame


def prove(made: Backup, city: City, *, at: datetime.datetime | None = None) -> Trial:
    """
    Restore a backup somewhere else, look whether it is what the store was, and keep the result beside it.

    Parameters
    ----------
    made : Backup
    city : City
        Whose schema the copy must serve. A database backup is tried in a database of its own, on the City's server.
    at : datetime, optional
        With time zone; now when not given.

    Returns
    -------
    Trial
        Not passed where a file has changed by a bit, a table has other rows, or the copy cannot be opened as the City's store.

    Raises
    ------
    StoreError
        If the trial itself cannot be made: no room on the disk, no right to make a database, the result cannot be kept.
    """
    at = (at or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC)
    began = time.perf_counter()
    lines, compared, restored_s = [], _nothing(), float("nan")
    wrong = damaged_files(made.path, made.manifest)
    lines.append(("files as in the manifest", not wrong, "; ".join(wrong) or f"{len(made.manifest.files)} files", "no change"))
    if not wrong:
        tried = _try_file if made.manifest.backend == "geopackage" else _try_database
        try:
            more, compared, restored_s = tried(made, city)
            lines += more
        except _Unusable as error:
            lines.append(("can be restored and opened", False, str(error), "yes"))
    checks = pd.DataFrame(lines, columns=["check", "passed", "measured", "expected"])
    seconds = time.perf_counter() - began
    failed = tuple(f"{row.check}: {row.measured}" for row in checks.itertuples() if not row.passed)
    proof = Proof(at=at, seconds=round(seconds, 3), passed=not failed, failed=failed)
    write_proof(made.path, proof)
    return Trial(made._replace(proof=proof), at, proof.passed, seconds, restored_s, checks, compared)


def due(shelf: Shelf) -> Backup:
    """
    The backup to try next: one that was never tried, the newest of them; else the one tried longest ago.

    Raises
    ------
    StoreError
        If there is none.
    """
    if not shelf.backups:
        raise StoreError("There is no backup to try. Make one first: citygis backup --city DIR")
    untried = [b for b in shelf.backups if b.proof is None]
    return untried[0] if untried else min(shelf.backups, key=lambda b: b.proof.at)


def drill(shelf: Shelf, city: City, folder: Path, *, at: datetime.datetime | None = None) -> tuple[Trial, Path]:
    """
    The recovery drill: the backup that is `due` is proven, and a report of it written.

    Parameters
    ----------
    shelf : Shelf
    city : City
    folder : path
        For the report, ``drill_<time>.md``.
    at : datetime, optional

    Returns
    -------
    Trial
    Path
        Of the report.
    """
    trial = prove(due(shelf), city, at=at)
    path = folder / f"{DRILL}{trial.at:%Y-%m-%dT%H%M%SZ}.md"
    publish_text(path, _report(trial, city, shelf), overwrite=True)
    return trial, path


class _Unusable(Exception):
    """The copy is there and is no good."""


def _try_file(made: Backup, city: City) -> tuple[list[tuple], pd.DataFrame, float]:
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=f".{PREFIX}trial-", dir=made.path.parent) as folder:
        copy = Path(folder) / made.manifest.copy.path
        with _usable():
            _, compared = unpacked(made, copy)
        seconds = time.perf_counter() - began
        with _usable(), contextlib.closing(connect(copy)) as connection:
            integrity = [row[0] for row in connection.execute("PRAGMA integrity_check(20)")]
            strays = connection.execute("PRAGMA foreign_key_check").fetchall()
            indexes = [
                row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%rtree%'")
            ]
            bent = [name for name in indexes if connection.execute("SELECT rtreecheck(?)", (name,)).fetchone()[0] != "ok"]
            bent += [name for name in indexes if _misses(connection, name)]
        store = GeoPackage(copy, timeout_s=10.0)
        opened = _opened(store, made, city)
        counts = {info.name: info.rows for info in layers_of(copy)}
    lines = [
        *_said(compared),
        ("integrity of the pages", integrity == ["ok"], "; ".join(integrity), "ok"),
        ("references between tables", not strays, f"{len(strays)} astray", "0 astray"),
        ("spatial indexes", not bent, ", ".join(bent) or f"{len(indexes)} right", f"{len(indexes)} right"),
        opened,
        _counted(counts, compared),
    ]
    return lines, compared, seconds


def _try_database(made: Backup, city: City) -> tuple[list[tuple], pd.DataFrame, float]:
    address = city.database
    if address is None:
        raise StoreError(f'{made.path} is of a database; to try it, name the server: store = "postgresql://..." in city.toml.')
    with temporary_database(address) as trial:
        began = time.perf_counter()
        with _usable():
            restore_dump(trial, made.path / made.manifest.copy.path, made.manifest.origin)
        seconds = time.perf_counter() - began
        store = PostGIS(trial, timeout_s=10.0)
        with _usable(), store.reading() as work:
            held = postgis_store(work)
            found = postgis_contents(work.connection, held.origin.schema_name, held.tables)
            compared = contents_compared(made.manifest.contents, found)
            loose = work.rows("SELECT conname FROM pg_constraint WHERE NOT convalidated")
            indexes = work.rows("SELECT count(*), count(*) FILTER (WHERE indisvalid AND indisready) FROM pg_index")[0]
        opened = _opened(store, made, city)
        counts = {info.name: info.rows for info in store.layers()}
    lines = [
        *_said(compared),
        ("constraints", not loose, f"{len(loose)} not held", "0 not held"),
        ("indexes", indexes[0] == indexes[1], f"{indexes[1]} valid", f"{indexes[0]} valid"),
        opened,
        _counted(counts, compared),
    ]
    return lines, compared, seconds


def _said(compared: pd.DataFrame) -> list[tuple]:
    """Rows, contents and definitions against the manifest."""
    tables = compared[compared["table"] != "(definitions)"]
    other = tables.loc[tables["rows_expected"].fillna(-1) != tables["rows_found"].fillna(-1), "table"].tolist()
    changed = tables.loc[~tables["same"] & ~tables["table"].isin(other), "table"].tolist()
    defined = bool(compared.loc[compared["table"] == "(definitions)", "same"].all())
    n = f"{len(tables)} tables"
    return [
        ("rows of each table", not other, ", ".join(other) or n, n),
        ("contents of each table (SHA-256)", not changed and not other, ", ".join(changed or other) or n, n),
        ("columns, constraints, indexes, triggers", defined, "as they were" if defined else "others", "as they were"),
    ]


def _opened(store, made: Backup, city: City) -> tuple:
    """Whether the copy opens as the City's store; one of another layout does after its migration, and says so."""
    try:
        store.require(city.schema, CRS.from_user_input(made.manifest.crs))
        return "opens as the City's store", True, "yes", "yes"
    except CityGISError as error:
        later = "schema apply" in str(error)
        return "opens as the City's store", later, "after citygis schema apply" if later else str(error), "yes"


def _counted(counts: dict[str, int], compared: pd.DataFrame) -> tuple:
    """What is read layer by layer, against the manifest."""
    expected = dict(zip(compared["table"], compared["rows_expected"], strict=True))
    wrong = [f"{name}: {rows:,}" for name, rows in counts.items() if expected.get(name) != rows]
    total = sum(counts.values())
    return "features of the layers", not wrong, "; ".join(wrong) or f"{total:,} in {len(counts)} layers", "as in the manifest"


def _misses(connection, index: str) -> bool:
    """Whether a spatial index lacks a feature that has a place, or has one that is not there."""
    table, _, column = index.removeprefix("rtree_").rpartition("_")
    ids = f"SELECT fid FROM {quoted(table)} WHERE {quoted(column)} IS NOT NULL AND NOT ST_IsEmpty({quoted(column)})"
    lists = (f"{ids} EXCEPT SELECT id FROM {quoted(index)}", f"SELECT id FROM {quoted(index)} EXCEPT {ids}")
    return any(connection.execute(f"{sql} LIMIT 1").fetchone() for sql in lists)


@contextlib.contextmanager
def _usable() -> Iterator[None]:
    """What a damaged copy raises, as the result of the trial; what stops the trial itself, as it is."""
    try:
        yield
    except StoreError as error:
        if any(part in str(error) for part in ("disk is full", "cannot be written", "not installed", "makes none")):
            raise
        raise _Unusable(str(error).removesuffix(" Nothing was changed.")) from None
    except OSError as error:
        raise StoreError(f"The trial cannot be made: {error.strerror or error}. Make room, then try again.") from None
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("sqlite3", "psycopg"):
            raise
        raise _Unusable(str(error)) from None


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({"table": [], "rows_expected": [], "rows_found": [], "same": []})


def _report(trial: Trial, city: City, shelf: Shelf) -> str:
    manifest = trial.backup.manifest
    age = trial.at - manifest.made_at
    lines = [
        f"# Recovery drill, {city.name}",
        "",
        f"{'Passed' if trial.passed else 'FAILED'}, {trial.at:%Y-%m-%d %H:%M} UTC.",
        "",
        f"- Backup: {trial.backup.name}, made {manifest.made_at:%Y-%m-%d %H:%M} UTC ({age.days} days before), by {manifest.author}",
        f"- Store: {manifest.store} ({manifest.backend}), last change {manifest.change or 'none'}, citygis {manifest.citygis}",
        f"- Time until the copy could be used: {trial.restore_seconds:.1f} s; with all checks {trial.seconds:.1f} s",
        f"- Work that would be lost: what was done after {manifest.made_at:%Y-%m-%d %H:%M} UTC",
        f"- Backups there: {len(shelf.backups)}" + (f"; {len(shelf.unreadable)} cannot be read" if shelf.unreadable else ""),
        "",
        "| checked | passed | measured | expected |",
        "|---|---|---|---|",
        *(
            f"| {r.check} | {'yes' if r.passed else 'NO'} | {_cell(r.measured)} | {_cell(r.expected)} |"
            for r in trial.checks.itertuples()
        ),
        "",
        "| table | rows in the backup | rows restored | same |",
        "|---|---:|---:|---|",
        *(
            f"| {r.table} | {_number(r.rows_expected)} | {_number(r.rows_found)} | {'yes' if r.same else 'NO'} |"
            for r in trial.compared.itertuples()
            if not (r.same and _number(r.rows_expected) in ("", "0"))
        ),
    ]
    return "\n".join(lines) + "\n"


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _number(rows: object) -> str:
    return "" if pd.isna(rows) else f"{rows:,}"
