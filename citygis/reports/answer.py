"""
A saved query's answer: its rows, its totals, and whether the controls agree.
"""

import datetime
import hashlib
import math
from collections.abc import Mapping
from typing import NamedTuple

from citygis.city import City
from citygis.errors import SettingsError
from citygis.reports.connection import Cell, Reading, read_only
from citygis.reports.query import SavedQuery, Value, bound

_RELATIVE, _ABSOLUTE = 1e-9, 1e-6


class Checked(NamedTuple):
    """A control: the column (``rows`` for their number), its total, what the control's own query gave, whether the two agree."""

    column: str
    total: float | int
    control: float | int | None
    agrees: bool


class Answer(NamedTuple):
    """
    What a query gave, and all that is needed to ask it again.

    ``rows`` hold text, numbers, truth values and None; days and moments are ISO 8601 texts. ``change`` and ``change_at`` are the
    store's last change when it was asked. ``remarks`` say what is not in the rows, and why.
    """

    query: SavedQuery
    parameters: dict[str, Value]
    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    totals: dict[str, float | int]
    controls: tuple[Checked, ...]
    remarks: tuple[str, ...]
    city: str
    store: str
    change: int | None
    change_at: str | None
    at: datetime.datetime

    @property
    def agrees(self) -> bool:
        """Whether every control agrees."""
        return all(control.agrees for control in self.controls)

    @property
    def sql_sha256(self) -> str:
        """SHA-256 of the query's text."""
        return hashlib.sha256(self.query.sql.encode()).hexdigest()


def answer(
    query: SavedQuery,
    city: City,
    given: Mapping[str, str] | None = None,
    *,
    timeout_s: float = 300.0,
    at: datetime.datetime | None = None,
) -> Answer:
    """
    Ask a City's store.

    Parameters
    ----------
    query : SavedQuery
    city : City
    given : mapping of parameter to text, optional
        As `citygis.reports.bound` takes them. They are bound, never put into the SQL's text.
    timeout_s : float
        A query that takes longer is stopped.
    at : datetime, optional
        With time zone; now when not given.

    Returns
    -------
    Answer
        Rows, totals and controls are all of the same moment of the store. Columns of geometry are left out, which a remark says.

    Raises
    ------
    SettingsError
        If a parameter is missing or wrong, or a total or control names no column of numbers.
    StoreError
        If there is no store, or the query would do more than read, fails or takes too long.
    """
    values = bound(query, given or {})
    with read_only(city, timeout_s=timeout_s) as store:
        said = store.select(query.sql, values)
        totals = {name: _total(query, name, said.columns, said.rows) for name in query.totals}
        controls = tuple(_checked(query, c.column, c.sql, values, totals, len(said.rows), store) for c in query.controls)
        last = store.select("SELECT id, at FROM citygis_change ORDER BY id DESC LIMIT 1", {}).rows
    change, change_at = last[0] if last else (None, None)
    left_out = f"Left out, because a table cannot hold geometry: {', '.join(said.left_out)}."
    return Answer(
        query,
        values,
        said.columns,
        said.rows,
        totals,
        controls,
        (left_out,) if said.left_out else (),
        city.name,
        store.place,
        change,
        change_at,
        (at or datetime.datetime.now(datetime.UTC)).astimezone(datetime.UTC),
    )


def _total(query: SavedQuery, name: str, columns: tuple[str, ...], rows: list[tuple[Cell, ...]]) -> float | int:
    if name not in columns:
        raise SettingsError(f"{query.path}: there is no column {name!r} to total. The query gives: {', '.join(columns)}.")
    values = [row[columns.index(name)] for row in rows]
    odd = next((v for v in values if v is not None and (isinstance(v, bool) or not isinstance(v, (int, float)))), None)
    if odd is not None:
        raise SettingsError(f"{query.path}: {name} is to be totalled, but holds {odd!r}. Total a column of numbers.")
    numbers = [v for v in values if v is not None]
    return sum(numbers) if all(isinstance(v, int) for v in numbers) else math.fsum(numbers)


def _checked(
    query: SavedQuery,
    column: str,
    sql: str,
    values: dict[str, Value],
    totals: dict[str, float | int],
    n: int,
    store: Reading,
) -> Checked:
    given = store.select(sql, values).rows
    if len(given) != 1 or len(given[0]) != 1 or isinstance(given[0][0], (str, bool)):
        raise SettingsError(f"{query.path}: the control of {column} must give one number.")
    (control,) = given[0]
    total = n if column == "rows" else totals[column]
    # Nothing added up is nothing, in SQL as null.
    agrees = math.isclose(total, control or 0, rel_tol=_RELATIVE, abs_tol=_ABSOLUTE)
    return Checked(column, total, control, agrees)
