"""
The versions of a store's own tables, and the way from each to the next and back.

PostGIS stores began with version 2.
"""

from collections.abc import Callable
from typing import NamedTuple

from citygis.errors import StoreError
from citygis.gpkg import quoted
from citygis.store.database import Transaction
from citygis.store.geopackage import STORE_TYPES
from citygis.store.layout import STORE_VERSION, history_of, store_statements

_FIRST_CHANGE = """
CREATE TABLE citygis_change (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, at TEXT NOT NULL, effective TEXT,
  author TEXT NOT NULL, message TEXT, source TEXT, source_sha256 TEXT, counts TEXT NOT NULL, accepted TEXT NOT NULL)
"""
_FIRST_ACCEPTED = """
CREATE TABLE citygis_accepted (finding_id TEXT NOT NULL, source_sha256 TEXT NOT NULL, code TEXT NOT NULL, layer TEXT,
  feature TEXT, other TEXT, reason TEXT NOT NULL, author TEXT NOT NULL, at TEXT NOT NULL,
  change INTEGER NOT NULL REFERENCES citygis_change(id), PRIMARY KEY (finding_id, source_sha256))
"""
_CHANGE = ("id", "at", "effective", "author", "message", "source", "source_sha256", "counts", "accepted")
_ACCEPTED = ("finding_id", "source_sha256", "code", "layer", "feature", "other", "reason", "author", "at", "change")


class Layout(NamedTuple):
    """The way to a version of the layout from the one before, and back."""

    up: Callable[[Transaction], None]
    down: Callable[[Transaction], None]


def move(work: Transaction, before: int, after: int) -> None:
    """
    Bring a store's own tables from one version to the next, or back to the one before.

    Raises
    ------
    StoreError
        If there is no such way, or the way back would lose something.
    """
    known = LAYOUTS.get(max(before, after))
    if known is None or abs(after - before) != 1:
        raise StoreError(f"There is no way from layout {before} of a store to {after}. Restore a backup.")
    (known.up if after > before else known.down)(work)
    work.run("UPDATE citygis_meta SET value = ? WHERE key = 'store_version'", str(after))


def _lineage_and_undo(work: Transaction) -> None:
    _remade(work, "citygis_change", _CHANGE, None)
    _remade(work, "citygis_accepted", _ACCEPTED, None)
    there = {name for (name,) in work.rows("SELECT name FROM sqlite_master")}
    for statement in store_statements(STORE_TYPES):
        if statement.split()[2] not in there:
            work.run(statement)


def _no_lineage_and_undo(work: Transaction) -> None:
    held = {
        "lineage": "SELECT count(*) FROM citygis_lineage",
        "label pins": "SELECT count(*) FROM citygis_label_pin",
        "changes taken back": "SELECT count(*) FROM citygis_change WHERE undo_of IS NOT NULL",
        "withdrawn acceptances": "SELECT count(*) FROM citygis_accepted WHERE undone_by IS NOT NULL",
        "retired features": " UNION ALL ".join(
            f"SELECT count(*) FROM {quoted(name)} WHERE cs_from = cs_to" for name in _histories(work)
        ),
    }
    lost = [what for what, sql in held.items() if any(n for (n,) in work.rows(sql))]
    if lost:
        raise StoreError(f"The layout before has no place for what the store holds: {', '.join(lost)}. Restore the backup instead.")
    for name in ("citygis_lineage", "citygis_label_pin"):
        work.run(f"DROP TABLE {name}")
    _remade(work, "citygis_accepted", _ACCEPTED, _FIRST_ACCEPTED)
    _remade(work, "citygis_change", _CHANGE, _FIRST_CHANGE)


def _remade(work: Transaction, table: str, columns: tuple[str, ...], sql: str | None) -> None:
    """A table made anew, as the layout has it or as `sql` says, with the rows it had."""
    sql = sql or next(s for s in store_statements(STORE_TYPES) if s.startswith(f"CREATE TABLE {table} "))
    names = ", ".join(columns)
    work.run(f"CREATE TEMPORARY TABLE citygis_moved AS SELECT {names} FROM {table} ORDER BY rowid")
    work.run(f"DROP TABLE {table}")
    work.run(sql.strip())
    work.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM citygis_moved ORDER BY rowid")
    work.run("DROP TABLE citygis_moved")


def _histories(work: Transaction) -> list[str]:
    names = {name for (name,) in work.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return sorted(history_of(name) for name in names if history_of(name) in names)


LAYOUTS = {2: Layout(_lineage_and_undo, _no_lineage_and_undo)}
"""By the version that the way leads to; `citygis.store.layout.STORE_VERSION` is the last."""

if max(LAYOUTS) != STORE_VERSION:
    raise AssertionError(f"there is no way to layout {STORE_VERSION} of a store")
