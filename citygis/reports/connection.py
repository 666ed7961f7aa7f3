"""
A store that can only be read: one SELECT at a time, by a connection that can do nothing else.
"""

import contextlib
import datetime
import decimal
import sqlite3
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from citygis.city import City
from citygis.errors import StoreError
from citygis.gpkg import add_functions, open_to_read, quoted
from citygis.reports.query import Value
from citygis.reports.wording import numbered
from citygis.store.postgis import PostGIS

Cell = str | int | float | bool | None

_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}
_REFUSED_FUNCTIONS = {"load_extension", "writefile", "readfile", "edit", "fts3_tokenizer"}
_STEPS = 100_000
_CURSOR = "citygis_report"


class Selected(NamedTuple):
    """What a SELECT gave: names of columns, rows, and the columns left out because they are geometries or other bytes."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    left_out: tuple[str, ...]


class Reading(Protocol):
    """A connection to a store, at one moment of it, that can only read."""

    place: str

    def select(self, sql: str, values: Mapping[str, Value]) -> Selected:
        """What a SELECT with ``:name`` for its parameters gives. `StoreError` if it is none, or fails."""
        ...


@contextlib.contextmanager
def read_only(city: City, *, timeout_s: float) -> Iterator[Reading]:
    """
    A City's store to be read.

    Parameters
    ----------
    city : City
    timeout_s : float
        A query that takes longer is stopped.

    Raises
    ------
    StoreError
        If there is no store, or it cannot be reached.
    """
    if city.database:
        database = PostGIS(city.database, timeout_s=10.0)
        with database.reading() as work:
            yield _PostGISReading(work.connection, database.place, timeout_s)
        return
    path = city.store_path
    if not path.exists():
        raise StoreError(f"{path} is not there yet. Load something first: citygis load FILE")
    with contextlib.closing(open_to_read(path)) as connection:
        yield _GeoPackageReading(connection, str(path), timeout_s)


class _GeoPackageReading:
    def __init__(self, connection: sqlite3.Connection, place: str, timeout_s: float) -> None:
        self.place = place
        self._connection, self._timeout_s, self._ends = connection, timeout_s, 0.0
        connection.isolation_level = None
        connection.execute("BEGIN")
        add_functions(connection)
        indexes = connection.execute("SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%'").fetchall()
        for (name,) in indexes:
            # SQLite prepares an index's own statements, some of which write, when it is first met: before the guard stands.
            connection.execute(f"SELECT 1 FROM {quoted(name)} LIMIT 0")
        connection.set_authorizer(_may_only_read)
        connection.set_progress_handler(lambda: time.monotonic() > self._ends, _STEPS)

    def select(self, sql: str, values: Mapping[str, Value]) -> Selected:
        taken = {name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in values.items()}
        self._ends = time.monotonic() + self._timeout_s
        try:
            cursor = self._connection.execute(sql, taken)
            rows = cursor.fetchall()
        except sqlite3.Error as error:
            raise StoreError(_sqlite_advice(error, self._timeout_s)) from None
        if cursor.description is None:
            raise StoreError("The query is no SELECT. A report only reads.")
        names = [column[0] for column in cursor.description]
        binary = {i for i in range(len(names)) if any(isinstance(row[i], bytes) for row in rows)}
        return _selected(names, rows, binary)


class _PostGISReading:
    def __init__(self, connection: Any, place: str, timeout_s: float) -> None:
        self.place = place
        self._connection, self._timeout_s = connection, timeout_s
        connection.execute(f"SET LOCAL statement_timeout = {int(timeout_s * 1000)}")
        found = connection.execute("SELECT oid FROM pg_type WHERE typname IN ('geometry', 'geography', 'raster', 'bytea')")
        self._binary = {oid for (oid,) in found.fetchall()}

    def select(self, sql: str, values: Mapping[str, Value]) -> Selected:
        import psycopg

        text, names = numbered(sql)
        # One statement, and one that a cursor can be declared for: the server sees to both.
        given = [None if values[name] is None else _as_text(values[name]).encode() for name in names]
        result = self._connection.pgconn.exec_params(f"DECLARE {_CURSOR} CURSOR FOR {text}".encode(), given)
        if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise StoreError(f"The query fails: {_first_line(result.error_message.decode('utf-8', 'replace'))}")
        try:
            with self._connection.cursor() as cursor:
                rows = cursor.execute(f"FETCH ALL FROM {_CURSOR}").fetchall()
                columns = [(column.name, column.type_code) for column in cursor.description]
            self._connection.execute(f"CLOSE {_CURSOR}")
        except psycopg.Error as error:
            raise StoreError(f"The query fails: {_first_line(str(error))}") from None
        binary = {i for i, (_, oid) in enumerate(columns) if oid in self._binary}
        return _selected([name for name, _ in columns], rows, binary)


def _may_only_read(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in _REFUSED_FUNCTIONS else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _selected(names: list[str], rows: list[tuple], binary: set[int]) -> Selected:
    twins = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twins:
        raise StoreError(f"Two columns of the query are named {twins[0]!r}. Name one of them otherwise: AS another_name.")
    places = [i for i in range(len(names)) if i not in binary]
    if not places:
        raise StoreError("The query gives nothing but geometries. Name columns that can be written in a table.")
    plain = [tuple(_cell(row[i]) for i in places) for row in rows]
    return Selected(tuple(names[i] for i in places), plain, tuple(names[i] for i in sorted(binary)))


def _cell(value: Any) -> Cell:
    """A value as both databases give it: days and moments as ISO 8601 text in UTC, decimals as numbers."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            return value.isoformat(timespec="milliseconds")
        return value.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)


def _as_text(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _first_line(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    text = (lines[0] if lines else "no message").removeprefix("ERROR:").strip()
    if "statement timeout" in text:
        return "it takes too long and was stopped. Ask for less, or name a column that is indexed (apn, global_id)."
    return f"{text}."


def _sqlite_advice(error: sqlite3.Error, timeout_s: float) -> str:
    text = str(error)
    if "interrupted" in text:
        return (
            f"The query takes longer than {timeout_s:g} s and was stopped. Ask for less, or name a column that is indexed "
            "(apn, global_id)."
        )
    if "not authorized" in text or "prohibited" in text:
        return f"The query would do more than read ({text}). A report is one SELECT; changes go through citygis load and edit."
    return f"The query fails: {text}."
