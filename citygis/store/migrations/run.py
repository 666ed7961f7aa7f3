"""
Steps taken: a backup, then all of them in one transaction, each with its number in the store's record.
"""

import datetime
import json
from typing import NamedTuple

from citygis.city import City
from citygis.errors import StoreError
from citygis.store.backup import Backup, backup
from citygis.store.batch import account
from citygis.store.database import Transaction
from citygis.store.geopackage import GeoPackageTransaction
from citygis.store.migrations.drift import Drift, drifts
from citygis.store.migrations.steps import Step, take
from citygis.store.session import database_of

_RECORD = """
CREATE TABLE IF NOT EXISTS citygis_migration (id {integer} PRIMARY KEY NOT NULL, at TEXT NOT NULL, author TEXT NOT NULL,
  title TEXT NOT NULL, step TEXT NOT NULL, backup TEXT NOT NULL, schema_version {integer} NOT NULL, reverses {integer})
"""


class Migration(NamedTuple):
    """
    A step that was taken.

    ``id`` is its number, ``backup`` the name of the one made before. ``reverses`` is the number of the step that it took back,
    and ``reversed_by`` that of the one that took this back.
    """

    id: int
    at: str
    author: str
    title: str
    step: Step
    backup: str
    reverses: int | None
    reversed_by: int | None


class Migrated(NamedTuple):
    """What was done: the steps in order, the backup made before (None where nothing was to be done), and what is left."""

    steps: list[Migration]
    backup: Backup | None
    left: list[Drift]


def apply(city: City, *, author: str | None = None, at: datetime.datetime | None = None) -> Migrated:
    """
    Bring a City's store to the schema.

    Parameters
    ----------
    city : City
    author : str, optional
        The account's name when not given.
    at : datetime, optional
        With time zone; now when not given.

    Returns
    -------
    Migrated
        Columns and layers that the schema does not know stay, and are told in ``left``, like all that has no safe step.

    Raises
    ------
    StoreError
        If the backup cannot be made, a step would lose something, or somebody else writes. Nothing is changed then.
    """
    database = database_of(city)
    with database.reading() as work:
        if not any(drift.step for drift in drifts(work, city.schema)):
            return Migrated([], None, drifts(work, city.schema))
    made = backup(city, reason="before schema apply", author=author, at=at)
    with database.writing() as work:
        steps = [drift.step for drift in drifts(work, city.schema) if drift.step]
        done = _taken(work, city, steps, made, author, at)
        left = drifts(work, city.schema)
        again = [drift for drift in left if drift.step]
        if again:
            raise StoreError(f"After all steps the store still differs: {again[0].step.title}. Nothing was changed.")
        work.run("UPDATE citygis_meta SET value = ? WHERE key = 'schema_version'", str(city.schema.version))
    return Migrated(done, made, left)


def revert(city: City, to: int, *, author: str | None = None, at: datetime.datetime | None = None) -> Migrated:
    """
    Take back the steps after a number, the last first.

    Parameters
    ----------
    city : City
    to : int
        The number of the last step that stays; 0 takes all back.
    author, at : optional
        As in `apply`.

    Returns
    -------
    Migrated

    Raises
    ------
    StoreError
        If there is no such step, or taking one back would lose values that came since. Nothing is changed then.
    """
    database = database_of(city)
    with database.reading() as work:
        there = applied(work)
    open_steps = [m for m in there if m.id > to and m.reverses is None and m.reversed_by is None]
    if to < 0 or to > max((m.id for m in there), default=0):
        raise StoreError(f"There is no step {to}. The last one is {max((m.id for m in there), default=0)}.")
    if not open_steps:
        return Migrated([], None, [])
    made = backup(city, reason=f"before going back to step {to}", author=author, at=at)
    with database.writing() as work:
        ours = list(reversed(open_steps))
        done = _taken(work, city, [m.step.reverse for m in ours], made, author, at, reverses=[m.id for m in ours])
        left = drifts(work, city.schema)
    return Migrated(done, made, left)


def applied(work: Transaction) -> list[Migration]:
    """The steps that were taken in a store, oldest first."""
    if not _has_record(work):
        return []
    rows = work.rows("SELECT id, at, author, title, step, backup, reverses FROM citygis_migration ORDER BY id")
    reversed_by = {row[6]: row[0] for row in rows if row[6] is not None}
    return [Migration(*row[:4], Step(**json.loads(row[4])), row[5], row[6], reversed_by.get(row[0])) for row in rows]


def _taken(
    work: Transaction,
    city: City,
    steps: list[Step],
    made: Backup,
    author: str | None,
    at: datetime.datetime | None,
    *,
    reverses: list[int] | None = None,
) -> list[Migration]:
    at = (at or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC)
    who = author or account()
    work.run(_RECORD.format(integer="INTEGER" if isinstance(work, GeoPackageTransaction) else "bigint"))
    (last,) = work.rows("SELECT coalesce(max(id), 0) FROM citygis_migration")[0]
    done = []
    for number, step in enumerate(steps, last + 1):
        take(work, step, city.schema)
        back = reverses[number - last - 1] if reverses else None
        title = f"back: {step.title}" if reverses else step.title
        moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        work.run(
            "INSERT INTO citygis_migration (id, at, author, title, step, backup, schema_version, reverses) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(number, moment, who, title, step.model_dump_json(), made.name, city.schema.version, back),
        )
        done.append(Migration(number, moment, who, title, step, made.name, back, None))
    return done


def _has_record(work: Transaction) -> bool:
    if isinstance(work, GeoPackageTransaction):
        return bool(work.rows("SELECT 1 FROM sqlite_master WHERE name = 'citygis_migration'"))
    return work.rows("SELECT to_regclass('citygis_migration')")[0][0] is not None
