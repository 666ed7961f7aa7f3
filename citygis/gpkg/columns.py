"""
Columns: what type each one has in a file, and their values there and back without loss.
"""

import datetime
import decimal
import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from citygis.errors import SchemaError
from citygis.schema import Layer
from citygis.schema.frames import DTYPES

EXACT_INTEGER = 2**53
"""Whole numbers up to here are exact in a double (IEEE 754-2019, binary64)."""

_SQL = {
    "text": "TEXT",
    "uuid": "TEXT(36)",
    "double": "DOUBLE",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "datetime": "DATETIME",
    "bytes": "BLOB",
    "any": "TEXT",
}
_TYPES = {
    "TEXT": "text",
    "DOUBLE": "double",
    "FLOAT": "double",
    "REAL": "double",
    "INTEGER": "integer",
    "INT": "integer",
    "MEDIUMINT": "integer",
    "SMALLINT": "integer",
    "TINYINT": "integer",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "DATETIME": "datetime",
    "BLOB": "bytes",
}


class Column(NamedTuple):
    """A column of a table: its name, its type (as `citygis.schema.Field.type`, or bytes, or any), its longest text."""

    name: str
    type: str
    length: int | None = None

    @property
    def sql(self) -> str:
        """The declared type, such as TEXT(20)."""
        return f"TEXT({self.length})" if self.length and self.type == "text" else _SQL[self.type]


class Table(NamedTuple):
    """A layer's table as the file has it: its columns by the names in the file, and its geometry, or None without one."""

    name: str
    columns: tuple[Column, ...]
    geometry_column: str | None = None
    geometry_type: str | None = None
    srs_id: int | None = None
    key: str = "fid"


def declared(name: str, sql: str) -> Column:
    """The column that a table declares: TEXT(20) is text of at most 20 characters."""
    word, _, length = sql.upper().partition("(")
    digits = length.rstrip(") ")
    return Column(name, _TYPES.get(word.strip(), "text"), int(digits) if digits.isdigit() else None)


def columns_of(table: pd.DataFrame, layer: Layer | None = None) -> list[Column]:
    """
    The columns of a frame without its geometry: by the schema where it names them, else by what they hold.

    Parameters
    ----------
    table : DataFrame
    layer : Layer, optional

    Returns
    -------
    list of Column
        In the order of the frame.
    """
    fields = {field.name: field for field in layer.fields} if layer else {}
    return [
        Column(name, fields[name].type, fields[name].length) if name in fields else Column(str(name), _type_of(table[name]))
        for name in table.columns
    ]


def conform(values: pd.Series, column: Column, where: str) -> pd.Series:
    """
    Values as the column's type, or an error; never a cast that loses something.

    Parameters
    ----------
    values : Series
    column : Column
    where : str
        Layer or table, for the message.

    Returns
    -------
    Series
        Of the dtype that `citygis.schema` gives the type; nulls stay null, NaN is null. Index of `values`.

    Raises
    ------
    SchemaError
        If a value is not of the type (a number in a text, a local time in a datetime), is too long, or cannot be kept exactly.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.cat.categories.dtype)
    if values.isna().all():
        return pd.Series(None, index=values.index, dtype=_dtype(column))
    return _CONFORM[column.type](values, column, f"{where}.{column.name}")


def to_sql(values: pd.Series, column: Column) -> list:
    """
    Conformed values as SQLite takes them.

    Parameters
    ----------
    values : Series
        As `conform` gives them.
    column : Column

    Returns
    -------
    list
        str, float, int, bool, bytes or None. Dates as 2026-01-31, times as 2026-01-31T08:00:00.000Z (OGC 12-128r17, table 1).
    """
    if values.isna().all():
        return [None] * len(values)
    if column.type in ("date", "datetime"):
        moments = (values.dt.tz_localize(None) if column.type == "datetime" else values).to_numpy()
        unit, suffix = ("D", "") if column.type == "date" else ("ms", "Z")
        texts = np.datetime_as_string(moments.astype(f"datetime64[{unit}]")).tolist()
        return [None if text == "NaT" else text + suffix for text in texts]
    if column.type == "bytes":
        return [None if value is None else bytes(value) for value in values.where(values.notna(), None)]
    if isinstance(values.dtype, pd.StringDtype):
        return pa.Array.from_pandas(values).to_numpy(zero_copy_only=False).tolist()
    return values.astype(object).where(values.notna(), None).tolist()


def from_sql(values: Sequence, column: Column) -> pd.Series:
    """What `to_sql` gave, as it was: a Series of the column's dtype with a fresh index."""
    if column.type in ("date", "datetime"):
        moments = pd.Series(np.array([None if v is None else v.rstrip("Z") for v in values], dtype="datetime64[ms]"))
        return (moments.dt.tz_localize("UTC") if column.type == "datetime" else moments).astype(_dtype(column))
    if column.type == "boolean":
        values = [None if value is None else bool(value) for value in values]
    return pd.Series(list(values), dtype=_dtype(column))


def _dtype(column: Column) -> str | type:
    return {"any": "str", "bytes": object}.get(column.type) or DTYPES[column.type]


def _type_of(values: pd.Series) -> str:
    """The column type that holds a series as it is; `any`, spelt out as text, where none does."""
    kind = pd.api.types.infer_dtype(values, skipna=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        return _type_of(values.astype(values.cat.categories.dtype))
    if pd.api.types.is_bool_dtype(values.dtype) or kind == "boolean":
        return "boolean"
    if pd.api.types.is_integer_dtype(values.dtype) or kind == "integer":
        fits = values.dropna().map(lambda n: -(2**63) <= n < 2**63).all() if values.dtype in (object, "uint64", "UInt64") else True
        return "integer" if fits else "any"
    if pd.api.types.is_float_dtype(values.dtype) or kind == "floating":
        return "double"
    if kind == "mixed-integer-float" and _exact(values.dropna()):
        return "double"
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        return "datetime" if _whole_milliseconds(values) else "any"
    if pd.api.types.is_datetime64_dtype(values.dtype):
        return "date" if _midnights(values) else "any"
    return {"string": "text", "empty": "text", "date": "date", "bytes": "bytes"}.get(kind, "any")


def _text(values: pd.Series, column: Column, where: str) -> pd.Series:
    if values.dtype != "str":
        odd = values.dropna().map(lambda value: not isinstance(value, str))
        if odd.any():
            _refuse(where, values.dropna()[odd.to_numpy()], f"is not text. Cast it before it is stored ({column.sql})")
        values = values.astype("str")
    texts = pa.Array.from_pandas(values)
    with_nul = pc.match_substring(texts, "\0").fill_null(False).to_numpy(zero_copy_only=False)
    if with_nul.any():
        _refuse(where, values[with_nul], "holds a NUL character, where other programs would cut it off. Take it out")
    length = 36 if column.type == "uuid" else column.length
    if length:
        long = pc.greater(pc.utf8_length(texts), length).fill_null(False).to_numpy(zero_copy_only=False)
        if long.any():
            _refuse(where, values[long], f"is longer than the {length} characters of the column. Shorten it or quarantine the row")
    return values


def _any(values: pd.Series, column: Column, where: str) -> pd.Series:
    return _text(pd.Series([_spelt(value) for value in values], index=values.index, dtype="str"), column, where)


def _double(values: pd.Series, column: Column, where: str) -> pd.Series:
    given = values.dropna()
    if pd.api.types.is_bool_dtype(values.dtype) or not _numbers(values):
        odd = (
            given if values.dtype != object else given[given.map(lambda v: isinstance(v, bool) or not isinstance(v, (int, float)))]
        )
        _refuse(where, odd if len(odd) else given, "is not a number. Cast it before it is stored (DOUBLE)")
    if not _exact(given):
        _refuse(where, given[given.map(lambda v: int(float(v)) != v)], "is a whole number that a double cannot keep exactly")
    return values.astype("Float64").astype("float64") if values.dtype == object else values.astype("float64")


def _integer(values: pd.Series, column: Column, where: str) -> pd.Series:
    given = values.dropna()
    if pd.api.types.is_bool_dtype(values.dtype) or not _numbers(values):
        _refuse(where, given, "is not a whole number. Cast it before it is stored (INTEGER)")
    if pd.api.types.is_float_dtype(values.dtype) or values.dtype == object:
        odd = given.map(lambda v: isinstance(v, float) and not (v.is_integer() and abs(v) <= EXACT_INTEGER)).to_numpy(bool)
        if odd.any():
            _refuse(where, given[odd], "is not a whole number that can be kept exactly. Round it, or make the column a double")
    if values.dtype in (object, "uint64", "UInt64"):
        far = given.map(lambda v: not -(2**63) <= int(v) < 2**63).to_numpy(bool)
        if far.any():
            _refuse(where, given[far], "is outside the 64-bit range of the column")
    if values.dtype == object:
        return pd.Series([pd.NA if pd.isna(v) else int(v) for v in values], index=values.index, dtype="Int64")
    return values.astype("Int64")


def _boolean(values: pd.Series, column: Column, where: str) -> pd.Series:
    given = values.dropna()
    if not pd.api.types.is_bool_dtype(given.infer_objects().dtype):
        _refuse(where, given, "is not true or false. Translate it before it is stored (BOOLEAN)")
    return values.astype("boolean")


def _date(values: pd.Series, column: Column, where: str) -> pd.Series:
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) in ("date", "datetime", "datetime64"):
        values = pd.Series(pd.to_datetime(values).to_numpy(), index=values.index) if _is_naive(values) else values
    if not pd.api.types.is_datetime64_dtype(values.dtype) or not _midnights(values):
        _refuse(where, values.dropna(), "is not a date: it must be a day without time and time zone (DATE)")
    _require_four_digit_years(values, where)
    return values.astype(DTYPES["date"])


def _datetime(values: pd.Series, column: Column, where: str) -> pd.Series:
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "datetime" and not _is_naive(values):
        values = pd.to_datetime(values, utc=True)
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        _refuse(where, values.dropna(), "has no time zone. State it: a DATETIME is in UTC")
    values = values.dt.tz_convert("UTC")
    if not _whole_milliseconds(values):
        _refuse(where, values.dropna(), "is finer than a millisecond, which a DATETIME cannot keep. Round it first")
    _require_four_digit_years(values, where)
    return values.astype(DTYPES["datetime"])


def _bytes(values: pd.Series, column: Column, where: str) -> pd.Series:
    odd = values.dropna().map(lambda value: not isinstance(value, (bytes, bytearray, memoryview)))
    if odd.any():
        _refuse(where, values.dropna()[odd.to_numpy()], "is not bytes (BLOB)")
    return values.astype(object)


_CONFORM = {
    "text": _text,
    "uuid": _text,
    "any": _any,
    "double": _double,
    "integer": _integer,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "bytes": _bytes,
}


def _refuse(where: str, values: pd.Series, what: str) -> None:
    example, label = repr(values.iloc[0])[:80], values.index[0]
    raise SchemaError(f"{where}: {example} (row {label}) {what}. {len(values):,} rows are like it. Nothing was written.")


def _spelt(value) -> str | None:
    """A value that no column type holds, in words: lists and tables as JSON, moments as ISO 8601."""
    if isinstance(value, (list, tuple, dict, np.ndarray)):
        return json.dumps(value.tolist() if isinstance(value, np.ndarray) else value, default=str, ensure_ascii=False)
    if pd.isna(value):
        return None
    return value.isoformat() if isinstance(value, (datetime.date, datetime.time)) else str(value)


def _numbers(values: pd.Series) -> bool:
    if values.dtype != object:
        return pd.api.types.is_numeric_dtype(values.dtype)
    return (
        values.dropna().map(lambda v: isinstance(v, (int, float, np.number)) and not isinstance(v, (bool, decimal.Decimal))).all()
    )


def _exact(given: pd.Series) -> bool:
    """Whether every whole number is one that a double keeps."""
    if pd.api.types.is_float_dtype(given.dtype):
        return True
    if given.dtype != object and (given.abs() <= EXACT_INTEGER).all():
        return True
    return given.map(lambda v: isinstance(v, float) or int(float(v)) == v).all()


def _is_naive(values: pd.Series) -> bool:
    return values.dropna().map(lambda v: getattr(v, "tzinfo", None) is None).all()


def _midnights(values: pd.Series) -> bool:
    given = values.dropna()
    return bool((given == given.dt.normalize()).all())


def _whole_milliseconds(values: pd.Series) -> bool:
    given = values.dropna().dt.tz_convert("UTC")
    return bool((given == given.dt.floor("ms")).all())


def _require_four_digit_years(values: pd.Series, where: str) -> None:
    odd = ~values.dropna().dt.year.between(1, 9999)
    if odd.any():
        _refuse(where, values.dropna()[odd.to_numpy()], "is not in the years 0001 to 9999")
