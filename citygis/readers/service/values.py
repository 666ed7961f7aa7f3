"""
Attribute values between frames and the JSON of a feature service.

JSON knows null, text, numbers; a service knows twelve kinds of field. Nothing is guessed: a date without a zone is refused, a
number that is none becomes null, and what the field cannot hold as it is raises.
"""

import datetime
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from citygis.readers.service.definition import LayerDefinition, ServiceField

WHOLE = {"SmallInteger": 2**15, "Integer": 2**31, "BigInteger": 2**53, "OID": 2**63}
"""Kinds of whole numbers; a value lies in [-limit, limit). BigInteger: what a JSON number holds (IEEE 754)."""

REAL = ("Single", "Double")
_IDS = ("GUID", "GlobalID")
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_UUID = re.compile(r"\{?([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})\}?")


def plain_id(value: Any) -> str | None:
    """A GlobalID as the City writes it: lower case, no braces. Text that is none comes back as it is, null as None."""
    if is_null(value):
        return None
    text = str(value).strip()
    found = _UUID.fullmatch(text)
    return found[1].lower() if found else text


def wire_id(value: Any) -> str:
    """
    A GlobalID as a service writes it: ``{8-4-4-4-12}`` in upper case.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = _UUID.fullmatch(str(value).strip())
    if not found:
        raise ValueError(f"Invalid GlobalID {value!r}. Must be a UUID, like 6f1d0f6e-7c1b-4f3a-9b7e-2a4c5d6e7f80.")
    return f"{{{found[1].upper()}}}"


def is_null(value: Any) -> bool:
    """Whether a value is None, NaN, ``pandas.NA`` or NaT; infinity is none, and is not null."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, (float, np.floating)):
        return math.isnan(value)
    return isinstance(value, (np.datetime64, np.timedelta64)) and bool(np.isnat(value))


def json_value(value: Any, field: ServiceField, *, naive_is_utc: bool = False) -> str | int | float | None:
    """
    A value as the field's JSON.

    Parameters
    ----------
    value : any
        None, NaN, NA and NaT are null, in every kind of field.
    field : ServiceField
    naive_is_utc : bool
        Whether a date and time without zone is in UTC. Without it such a value is refused: which zone was meant is not known here.

    Returns
    -------
    str, int, float or None
        Date: whole milliseconds since 1970-01-01T00:00Z, negative before; a date without time of day is midnight UTC. DateOnly:
        "YYYY-MM-DD". GUID: braced, upper case.

    Raises
    ------
    ValueError
        If the field's kind cannot hold the value as it is.
    """
    if is_null(value):
        return None
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64):
        value = value.item()
    kind = field.kind
    if kind == "Date":
        return _milliseconds(value, field, naive_is_utc)
    if kind == "DateOnly":
        return _day(value, field)
    if kind in _IDS:
        try:
            return wire_id(value)
        except ValueError:
            raise _wrong(value, field, "be a UUID") from None
    if kind in WHOLE:
        return _whole(value, field)
    if kind in REAL:
        return _real(value, field)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time, np.datetime64)):
        raise _wrong(value, field, "be text; write the date out as text where it is made")
    return value if isinstance(value, str) else str(value)


def feature_rows(
    frame: pd.DataFrame, definition: LayerDefinition, fields: Sequence[str], *, naive_is_utc: bool = False
) -> list[dict[str, Any]]:
    """
    The attributes of n rows as JSON values, in the order of `fields`, keys spelled as the layer spells them.

    Parameters
    ----------
    frame : DataFrame, n rows
        Its columns are named as the fields are. Not modified.
    fields : sequence of str
        Fields of the layer, each a column of `frame`.
    naive_is_utc : bool
        As for `json_value`.

    Raises
    ------
    ValueError
        If a name is no field or no column, or a value cannot be written; it says which.
    """
    names, columns = [], []
    for name in fields:
        field = definition.field(name)
        if field is None or name not in frame.columns:
            what = f"a field of {definition.name}" if field is None else "a column of the frame"
            raise ValueError(f"Invalid field {name!r}. Must be {what}.")
        names.append(field.name)
        columns.append(_column_values(frame[name], field, naive_is_utc))
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)] if names else [{} for _ in range(len(frame))]


def column_of(values: Sequence[Any], field: ServiceField) -> tuple[pd.Series, list[tuple[int, str]]]:
    """
    The values of one field, as the service sent them, as a column.

    Returns
    -------
    Series
        Text ``str``; whole numbers ``Int64``; Single and Double ``Float64``; Date ``datetime64[ms, UTC]``; DateOnly
        ``datetime.date`` in ``object``; GUID and GlobalID without braces, in lower case.
    list of (row, message)
        Values that the field's kind does not allow; they are null in the column.
    """
    lost: list[tuple[int, str]] = []
    kind = field.kind
    if kind in WHOLE:
        return _masked(_arrow(values, pa.int64(), field, lost), "Int64"), lost
    if kind in REAL:
        finite = [None if _is_endless(row, value, field, lost) else value for row, value in enumerate(values)]
        return _masked(_arrow(finite, pa.float64(), field, lost), "Float64"), lost
    if kind == "Date":
        moments = _arrow(values, pa.int64(), field, lost).cast(pa.timestamp("ms")).cast(pa.timestamp("ms", tz="UTC"))
        return moments.to_pandas().astype("datetime64[ms, UTC]"), lost
    if kind == "DateOnly":
        days = [_read_day(row, value, field, lost) for row, value in enumerate(values)]
        return pd.Series(days, dtype=object), lost
    if kind in _IDS:
        return _arrow([plain_id(value) for value in values], pa.string(), field, lost).to_pandas().astype("str"), lost
    texts = _arrow(
        [value if value is None or isinstance(value, str) else _text(value) for value in values], pa.string(), field, lost
    )
    return texts.to_pandas().astype("str"), lost


def _column_values(column: pd.Series, field: ServiceField, naive_is_utc: bool) -> list[Any]:
    """The usual columns at once; the rest value by value."""
    dtype = column.dtype
    if field.kind in WHOLE and pd.api.types.is_integer_dtype(dtype):
        limit = WHOLE[field.kind]
        given = column.dropna()
        if len(given) == 0 or (-limit <= int(given.min()) and int(given.max()) < limit):
            return column.astype(object).where(column.notna(), None).tolist()
    if field.kind == "String" and isinstance(dtype, pd.StringDtype):
        return column.astype(object).where(column.notna(), None).tolist()
    if field.kind == "Date" and isinstance(dtype, pd.DatetimeTZDtype):
        moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        whole = moments.astype("datetime64[ms]")
        if ((whole == moments) | np.isnat(moments)).all():
            return [None if null else value for value, null in zip(whole.astype(np.int64).tolist(), np.isnat(whole), strict=True)]
    return [json_value(value, field, naive_is_utc=naive_is_utc) for value in column]


def _milliseconds(value: Any, field: ServiceField, naive_is_utc: bool) -> int:
    if isinstance(value, np.datetime64):
        value = pd.Timestamp(value)
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None and not naive_is_utc:
            raise _wrong(value, field, "have a time zone; say which zone it is in, as tz_localize does")
        value = value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value
        nanoseconds = value.nanosecond if isinstance(value, pd.Timestamp) else 0
        value = value.to_pydatetime(warn=False) if isinstance(value, pd.Timestamp) else value
        whole, left = divmod(value - _EPOCH, _MILLISECOND)
        if left or nanoseconds:
            raise _wrong(value, field, "be whole milliseconds; round it where it is made")
        return whole
    if isinstance(value, datetime.date):
        return (value - _EPOCH.date()).days * 86_400_000
    raise _wrong(value, field, "be a date, or a date and time with its zone")


def _day(value: Any, field: ServiceField) -> str:
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value).isoformat()
        except ValueError:
            raise _wrong(value, field, "be a day, like 2026-11-22") from None
    if isinstance(value, (np.datetime64, datetime.datetime)):
        stamp = pd.Timestamp(value)
        if stamp != stamp.normalize():
            raise _wrong(value, field, "be a day without a time")
        return stamp.date().isoformat()
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise _wrong(value, field, "be a day")


def _whole(value: Any, field: ServiceField) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int):
        raise _wrong(value, field, "be a whole number")
    limit = WHOLE[field.kind]
    if not -limit <= value < limit:
        raise _wrong(value, field, f"lie in -{limit} to {limit - 1}")
    return int(value)


def _real(value: Any, field: ServiceField) -> float:
    if isinstance(value, str) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _wrong(value, field, "be a finite number")
    return float(value)


def _wrong(value: Any, field: ServiceField, must: str) -> ValueError:
    return ValueError(f"Invalid value {value!r} of {field.name} ({field.kind}). Must {must}.")


def _arrow(values: Sequence[Any], kind: pa.DataType, field: ServiceField, lost: list[tuple[int, str]]) -> pa.Array:
    try:
        return pa.array(values, type=kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):
        kept = []
        for row, value in enumerate(values):
            try:
                kept.append(pa.scalar(value, type=kind).as_py())
            except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError):  # half a surrogate pair
                kept.append(None)
                if not (isinstance(value, str) and value.lower() == "nan"):
                    lost.append((row, f"{field.name} is {value!r}, which a field of kind {field.kind} cannot hold."))
        return pa.array(kept, type=kind)


def _is_endless(row: int, value: Any, field: ServiceField, lost: list[tuple[int, str]]) -> bool:
    """A number too large for a Double, such as 1e999, which JSON's readers make infinite."""
    if not isinstance(value, float) or not math.isinf(value):
        return False
    lost.append((row, f"{field.name} is a number that no field of kind {field.kind} can hold."))
    return True


def _masked(values: pa.Array, dtype: str) -> pd.Series:
    nulls = values.is_null().to_numpy(zero_copy_only=False)
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
    kind = pd.arrays.IntegerArray if dtype == "Int64" else pd.arrays.FloatingArray
    return pd.Series(kind(numbers.copy(), nulls.copy()))


def _read_day(row: int, value: Any, field: ServiceField, lost: list[tuple[int, str]]) -> datetime.date | None:
    if value is None:
        return None
    try:
        return datetime.date.fromisoformat(value)
    except (TypeError, ValueError):
        lost.append((row, f"{field.name} is {value!r}, which is no day."))
        return None


def _text(value: Any) -> str:
    return str(uuid.UUID(int=value.int)) if isinstance(value, uuid.UUID) else str(value)


def attribute_columns(
    attributes: Sequence[Mapping[str, Any]], definition: LayerDefinition, fields: Sequence[str]
) -> tuple[dict[str, pd.Series], list[tuple[int, str]]]:
    """
    The columns of n features by field, and the values lost as (row, message); a feature without the field has null there.
    """
    columns, lost = {}, []
    for name in fields:
        columns[name], missed = column_of([each.get(name) for each in attributes], definition.field(name))
        lost += missed
    return columns, lost
