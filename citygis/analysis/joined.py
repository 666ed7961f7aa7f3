"""
What joins of business tables have in common: the columns they go by, names left out, and control totals that reconcile.
"""

import math
import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.analysis.answer import MapPlan, SecondWay, second_way
from citygis.analysis.tables import told
from citygis.errors import AnalysisError
from citygis.readers.likeness import apn_columns
from citygis.schema import ApnProfile

STATUSES = ("matched", "by_history", "ambiguous", "unmatched")

_NUMBERED = 150
_PRIVATE = re.compile(
    r"(?i)owner|taxpayer|assessee|(occupant|tenant|customer|applicant|payer)([_ ]?name)?$|"
    r"(first|last|full|sur)[_ ]?name|mail[_ ]|mailing|phone|e[_-]?mail|ssn|social_sec|birth|driver"
)
_PLAIN = re.compile(r"-?\d+(\.\d+)?")
_ADDRESS = re.compile(r"(?i)(address|addr|situs|location|premise)")
_APN = re.compile(r"(?i)^(apn|ain|pin|parcel(_?(no|num|number|id|apn))?|assessor.*)$")


class Totals(NamedTuple):
    """
    Control totals of a join.

    Parameters
    ----------
    table : DataFrame
        A row for the rows, then one for each amount: ``figure, total_in``, a column for each of `STATUSES`, ``total_out,
        difference, cells_without_number``; sums as exact decimals.
    check : tuple of SecondWay
    open : list of (str, str, str)
        Cells that are no amount, for `citygis.analysis.unanswered`.
    """

    table: pd.DataFrame
    check: tuple[SecondWay, ...]
    open: list[tuple[str, str, str]]


def require_table(table: pd.DataFrame, columns: Sequence[str] = ()) -> pd.DataFrame:
    """
    A business table with a plain index, and each of `columns` in it.

    Raises
    ------
    AnalysisError
        If it is empty, a column is there twice, or lacks one; the message names those it has.
    """
    if not len(table):
        raise AnalysisError("The table is empty: it has a header and no rows. Ask for it again.")
    if not table.columns.is_unique:
        raise AnalysisError(f"The table has the column {table.columns[table.columns.duplicated()][0]!r} twice. Rename one of them.")
    gone = [name for name in columns if name not in table.columns]
    if gone:
        raise AnalysisError(f"The table has no column {', '.join(map(repr, gone))}. It has: {', '.join(map(str, table.columns))}.")
    return table.reset_index(drop=True)


def apn_column(table: pd.DataFrame, profiles: Sequence[str | ApnProfile]) -> str:
    """
    The column that holds parcel numbers: by its values, of several the one that is called so.

    Raises
    ------
    AnalysisError
        If none does, or several do and none or two are called so.
    """
    text = table.astype("str")
    named = [name for name in text.columns if _APN.match(str(name))]
    like = [each.name for each in apn_columns(text, profiles)]
    both = [name for name in named if name in like]
    for found in (both, named, like):
        if len(found) == 1:
            return found[0]
        if found:
            raise AnalysisError(
                f"Several columns may hold the parcel number: {', '.join(map(str, found))}. Name it: --column NAME."
            )
    raise AnalysisError(
        f"No column holds parcel numbers. The table has: {', '.join(map(str, table.columns))}. Name it: --column NAME."
    )


def address_column(table: pd.DataFrame) -> str:
    """
    The column that holds addresses: one that is called so, where most values begin with a number and go on with letters.

    Raises
    ------
    AnalysisError
        If there is none, or several.
    """
    text = table.astype("str")
    named = [name for name in text.columns if _ADDRESS.search(str(name)) and not _PRIVATE.search(str(name))]
    share = {name: text[name].dropna().str.match(r"\s*#?\d+\S*\s+\S*[A-Za-z]").mean() for name in text.columns}
    found = [name for name in named if share[name] > 0.5] or [name for name in text.columns if share[name] > 0.8]
    if len(found) == 1:
        return found[0]
    said = f"Several columns may hold the address: {', '.join(map(str, found))}" if found else "No column holds addresses"
    raise AnalysisError(
        f"{said}. The table has: {', '.join(map(str, table.columns))}. Name it: --column NAME, several times in order."
    )


def carried(table: pd.DataFrame, taken: Sequence[str], *, names: bool, keys: Sequence[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """
    The table's own columns as the answer shows them, and what is to be said of it.

    Parameters
    ----------
    table : DataFrame
    taken : sequence of str
        Columns of the answer; one of the table that is called the same gets ``given_`` before it.
    names : bool
        Whether columns of people (owner, mailing address, phone) stay.
    keys : sequence of str
        Columns that the join goes by, which stay.
    """
    private = [] if names else [name for name in table.columns if _PRIVATE.search(str(name)) and name not in keys]
    own = table.drop(columns=private)
    own.attrs = {}
    own = own.rename(columns={name: f"given_{name}" for name in own.columns if name in taken})
    remarks = list(told(table))
    if private:
        remarks.append(f"Columns of people are left out: {', '.join(map(str, private))}. Ask with names to have them.")
    return own, tuple(remarks)


def control_totals(table: pd.DataFrame, status: pd.Series, amounts: Sequence[str]) -> Totals:
    """
    What came in and what went where, in rows and in amounts, to the last digit.

    Parameters
    ----------
    table : DataFrame
        As given.
    status : Series of str
        By row, one of `STATUSES`.
    amounts : sequence of str
        Columns of money or other quantities: ``1,234.50``, ``$12``, ``(3.00)`` for a negative one.
    """
    counted = status.value_counts()
    parts = [int(counted.get(each, 0)) for each in STATUSES]
    rows = [("rows", len(table), *parts, sum(parts), len(table) - sum(parts), 0)]
    checks = [second_way("rows in the table", sum(parts), "rows counted before the join", len(table), unit="rows")]
    open_ = []
    for name in amounts:
        values = [_amount(text) for text in table[name].astype("str").to_numpy(dtype=object)]
        bad = [k for k, value in enumerate(values) if value is None]
        sums = dict.fromkeys(STATUSES, Decimal(0))
        for value, where in zip(values, status.to_numpy(dtype=object), strict=True):
            sums[where] += value or 0
        out = sum(sums.values(), Decimal(0))
        total = sum((value for value in values if value is not None), Decimal(0))
        rows.append((name, total, *sums.values(), out, total - out, len(bad)))
        floats = math.fsum(float(value) for value in values if value is not None)
        way = "a correctly rounded binary sum of the column as given"
        checks.append(second_way(f"{name}, all statuses together", float(out), way, floats, tolerance=0.005))
        if bad:
            shown = ", ".join(f"row {k + 1} {table[name].iloc[k]!r}" for k in bad[:5])
            what = f"The amount {name!r} of {len(bad):,} rows"
            open_.append((what, f"The cells are no number: {shown}.", "Correct them at their source, then join again."))
    columns = ["figure", "total_in", *STATUSES, "total_out", "difference", "cells_without_number"]
    return Totals(pd.DataFrame(rows, columns=columns).astype(object), tuple(checks), open_)


def listed_together(keys: pd.Series, names: pd.Series, *, columns: tuple[str, str, str]) -> pd.DataFrame:
    """
    Keys that are there more than once, each with how many names it has and which, as `columns`.

    Parameters
    ----------
    keys, names : Series, n
        Names are listed in their order, a null key not at all.
    """
    twice = keys.notna() & keys.duplicated(keep=False)
    key, name = keys[twice].to_numpy(dtype=object), names[twice].astype("str").to_numpy(dtype=object)
    order = np.argsort(key.astype(str), kind="stable")
    key, name = key[order], name[order]
    start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]]) if len(key) else np.zeros(0, dtype=int)
    which = [", ".join(each) for each in np.split(name, start[1:])] if len(key) else []
    count = np.diff(np.append(start, len(key)))
    return pd.DataFrame(dict(zip(columns, (pd.Series(key[start], dtype="str"), count, pd.Series(which, dtype="str")), strict=True)))


def join_map(title: str, subtitle: str, parcels: int) -> MapPlan:
    """The map of a join to so many parcels: those with rows, and those that a person decides on; numbered when they are few."""
    return MapPlan(
        title,
        subtitle,
        {
            "joined": {"legend": "Parcel with rows of the table", "fill": "#d5e6d2", "line": {"color": "#5b7d55", "width_pt": 0.4}},
            "candidate": {"legend": "Candidate, not decided", "fill": "#fbe3b5", "line": {"color": "#9a6b12", "width_pt": 0.6}},
        },
        base=("right_of_way", "parcel", "street_centerline") if parcels <= _NUMBERED else ("right_of_way", "street_centerline"),
    )


def _amount(text: object) -> Decimal | None:
    """A cell as a number: zero for an empty one, None for what is none."""
    if not isinstance(text, str) or not text.strip():
        return Decimal(0)
    if _PLAIN.fullmatch(text):
        return Decimal(text)
    said = text.strip().replace("$", "").replace(" ", "")
    is_negative = said.startswith("(") and said.endswith(")")
    said = said.strip("()")
    if re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", said):
        said = said.replace(",", "")
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", said):
        return None
    try:
        value = Decimal(said)
    except InvalidOperation:
        return None
    return -value if is_negative else value
