"""
One column of an outside table, described: its type, how full it is, what is in it.
"""

from typing import NamedTuple

import pandas as pd

_EXAMPLES = 3


class FieldReport(NamedTuple):
    """One column as sent. ``minimum`` and ``maximum`` are null for text, ``longest`` (characters) for everything else."""

    name: str
    type: str
    null_rate: float
    distinct: int
    examples: tuple[str, ...]
    minimum: str | None
    maximum: str | None
    longest: int | None


def field_report(column: pd.Series) -> FieldReport:
    """What a column holds, as sent; nulls are counted, not shown."""
    given = column.dropna()
    kind = type_name(column)
    values = given.astype("str") if kind in ("text", "other") else given
    distinct = values.drop_duplicates()
    low = high = longest = None
    if kind == "text":
        longest = int(given.str.len().max()) if len(given) else 0
    elif kind != "other" and len(given):
        low, high = _shown(given.min(), kind), _shown(given.max(), kind)
    examples = tuple(_shown(value, kind) for value in distinct.head(_EXAMPLES))
    null_rate = round(float(column.isna().mean()), 4) if len(column) else 0.0
    return FieldReport(str(column.name), kind, null_rate, len(distinct), examples, low, high, longest)


def _shown(value, kind: str) -> str:
    return f"{value:%Y-%m-%d}" if kind == "date" else str(value)


def type_name(column: pd.Series) -> str:
    """What a person calls its type: text, integer, double, boolean, date, datetime, other."""
    types = pd.api.types
    if types.is_bool_dtype(column):
        return "boolean"
    if types.is_integer_dtype(column):
        return "integer"
    if types.is_float_dtype(column):
        return "double"
    if types.is_datetime64_any_dtype(column):
        midnight = (column.dropna() == column.dropna().dt.normalize()).all()
        return "date" if midnight else "datetime"
    return "text" if types.is_string_dtype(column) else "other"
