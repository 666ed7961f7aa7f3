"""
Values as sent, made into a City field's type without losing anything: what does not fit exactly is not made to fit.
"""

import datetime
import re
import uuid
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.schema.frames import DTYPES

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
DATE = r"(\d{4}[-/]\d{2}[-/]\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(Z|[+-]\d{2}:?\d{2})?)?"
TRUTH = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}
EXACT = 2.0**53
"""Above this, a 64-bit float no longer holds every integer."""


class Cast(NamedTuple):
    """Values of a City type; which rows could not be cast, and why; which lost a time of day."""

    values: pd.Series
    bad: np.ndarray
    why: str
    lost_time: np.ndarray | None = None


def text_of(column: pd.Series) -> tuple[pd.Series, np.ndarray]:
    """
    A column as text.

    Parameters
    ----------
    column : Series of any type, n
        A float that is an integer is written as one ("191190740", never "191190740.0"); a midnight as a date.

    Returns
    -------
    (Series of str, array of n bool)
        The text, and where a value has none: an infinite number, an integer beyond 2**53 in a column of floats (its last digits
        are gone already), bytes.
    """
    no_loss = np.zeros(len(column), dtype=bool)
    kind = column.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return text_of(column.astype(kind.categories.dtype))
    if isinstance(kind, pd.StringDtype):
        return column.astype("str"), no_loss
    if pd.api.types.is_bool_dtype(kind):
        return column.map({True: "true", False: "false"}).astype("str"), no_loss
    if pd.api.types.is_integer_dtype(kind):
        return column.astype("Int64").astype("str"), no_loss
    if pd.api.types.is_float_dtype(kind):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        lost = np.isinf(numbers) | (np.abs(numbers) >= EXACT)
        whole = np.isfinite(numbers) & ~lost & (numbers == np.trunc(numbers))
        text = np.full(len(column), None, dtype=object)
        text[whole] = numbers[whole].astype(np.int64).astype(str)
        part = ~whole & ~lost & ~np.isnan(numbers)
        # Of the column's own width: a 32-bit 0.1 is "0.1", not "0.10000000149".
        own = column.to_numpy(dtype=getattr(kind, "numpy_dtype", kind), na_value=np.nan)
        text[part] = [np.format_float_positional(value, trim="-") for value in own[part]]
        return pd.Series(text, index=column.index, dtype="str"), lost
    if pd.api.types.is_datetime64_any_dtype(kind):
        return column.map(_date_text).astype("str"), no_loss
    values = column.to_numpy(dtype=object)
    lost = np.fromiter((isinstance(v, bytes) or _is_lossy(v) for v in values), dtype=bool, count=len(values))
    text = [None if gone else _text(value) for value, gone in zip(values, lost, strict=True)]
    return pd.Series(text, index=column.index, dtype="str"), lost


def cast_text(text: pd.Series, kind: str, *, date_format: str | None = None, timezone: str | None = None) -> Cast:
    """
    Text as a City field type.

    Parameters
    ----------
    text : Series of str
        Nulls stay null.
    kind : str
        A key of `citygis.schema.frames.DTYPES`.
    date_format : str, optional
        As `datetime.strptime`. Without it a date is year-month-day and nothing else: 3/4/2025 has two meanings.
    timezone : str, optional
        Of times that state none; they are taken as UTC without it.

    Returns
    -------
    Cast
        ``values`` has the dtype of `kind`; null where ``bad``.
    """
    if kind == "text":
        return Cast(text, np.zeros(len(text), dtype=bool), "")
    if kind in ("double", "integer"):
        return _number(text, kind)
    if kind == "boolean":
        values = text.str.lower().map(TRUTH).astype("boolean")
        return Cast(values, (text.notna() & values.isna()).to_numpy(), "is neither yes nor no")
    if kind == "uuid":
        values = text.map(_uuid, na_action="ignore").astype("str")
        return Cast(values, (text.notna() & values.isna()).to_numpy(), "is not a UUID")
    # Dates repeat: each is read once.
    codes, seen = pd.factorize(text)
    once = _date(pd.Series(seen, dtype="str"), kind, date_format, timezone)
    given = codes >= 0
    bad, lost = (np.zeros(len(text), dtype=bool) for _ in range(2))
    bad[given] = once.bad[codes[given]]
    lost[given] = False if once.lost_time is None else once.lost_time[codes[given]]
    values = pd.Series(once.values.array.take(codes, allow_fill=True), index=text.index)
    return Cast(values, bad, once.why, lost)


def cast_column(column: pd.Series, kind: str, *, timezone: str | None = None) -> Cast | None:
    """
    A column of numbers or dates as a City field type, without going through text; None where text must decide.

    Parameters and result as `cast_text`.
    """
    numeric = pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype)
    if kind == "double" and numeric:
        values = pd.Series(column.to_numpy(dtype=float, na_value=np.nan), index=column.index)
        bad = np.isinf(values.to_numpy())
        if pd.api.types.is_integer_dtype(column.dtype):
            bad = bad | (column.notna() & (column.abs() > EXACT)).to_numpy(dtype=bool, na_value=False)
        return Cast(values.mask(bad), bad, "is not a finite number that a double can hold")
    if kind in ("date", "datetime") and pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _instants(column, kind, timezone)
    return None


def _number(text: pd.Series, kind: str) -> Cast:
    given = text.notna()
    good = text.str.fullmatch(NUMBER).fillna(False).to_numpy(dtype=bool)
    numbers = np.full(len(text), np.nan)
    # Python's own float(): exact to the last bit, which the fast parsers are not.
    numbers[good] = text[good].to_numpy(dtype=object).astype(float)
    good = good & ~np.isinf(numbers)
    if kind == "double":
        numbers[~good] = np.nan
        return Cast(pd.Series(numbers, index=text.index), given.to_numpy() & ~good, "is not a number")
    whole = good & (np.abs(numbers) < EXACT) & (numbers == np.trunc(numbers))
    values = pd.Series(pd.array(np.where(whole, numbers, np.nan), dtype="Int64"), index=text.index)
    return Cast(values, given.to_numpy() & ~whole, "is not a whole number")


def _date(text: pd.Series, kind: str, date_format: str | None, timezone: str | None) -> Cast:
    if date_format is not None:
        stamps = text.map(lambda value: _strptime(value, date_format), na_action="ignore")
        bad = (text.notna() & stamps.isna()).to_numpy()
        why = f"is not a date like {date_format}"
        zoned = text.index[
            stamps.map(lambda s: s is not None and s.tzinfo is not None, na_action="ignore").fillna(False).astype(bool)
        ]
        local = pd.to_datetime(stamps.where(~stamps.index.isin(zoned)), errors="coerce").astype("datetime64[us]")
        fixed = pd.to_datetime(stamps.loc[zoned], utc=True, errors="coerce").astype("datetime64[us, UTC]")
    else:
        parts = text.str.extract(f"^{DATE}$")
        days = parts[0].str.replace("/", "-", regex=False)
        clock = parts[1].fillna("00:00")
        local = pd.to_datetime(days + "T" + clock, format="ISO8601", errors="coerce").astype("datetime64[us]")
        zoned = parts.index[parts[2].notna()]
        fixed = pd.to_datetime(days[zoned] + "T" + clock[zoned] + parts.loc[zoned, 2], format="ISO8601", utc=True, errors="coerce")
        fixed = fixed.astype("datetime64[us, UTC]")
        bad = (text.notna() & local.isna()).to_numpy()
        why = "is not a date written year-month-day (state `date_format` in the crosswalk)"
    cast = _instants(local, kind, timezone)
    values, lost = cast.values, cast.lost_time
    if kind == "datetime" and len(zoned):
        values = values.copy()
        values.loc[zoned] = fixed
    return Cast(values, bad | cast.bad, why, lost)


def _instants(column: pd.Series, kind: str, timezone: str | None) -> Cast:
    """Dates or times that are dates or times already."""
    aware = column.dt.tz is not None
    bad = np.zeros(len(column), dtype=bool)
    if kind == "date":
        local = (column.dt.tz_localize(None) if aware else column).astype("datetime64[us]")
        days = local.dt.normalize()
        return Cast(days.astype(DTYPES["date"]), bad, "", (local.notna() & (local != days)).to_numpy())
    if aware:
        return Cast(column.dt.tz_convert("UTC").astype(DTYPES["datetime"]), bad, "")
    zoned = column.dt.tz_localize(timezone or "UTC", ambiguous="NaT", nonexistent="NaT").dt.tz_convert("UTC")
    bad = (column.notna() & zoned.isna()).to_numpy()
    return Cast(zoned.astype(DTYPES["datetime"]), bad, f"does not exist, or twice, in {timezone}")


def _strptime(value: str, date_format: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.strptime(value, date_format)
    except ValueError:
        return None


def _uuid(value: str) -> str | None:
    if not re.fullmatch(r"\{?[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}\}?", value):
        return None
    return str(uuid.UUID(value))


def _date_text(stamp: pd.Timestamp) -> str | None:
    if pd.isna(stamp):
        return None
    midnight = stamp == stamp.normalize() and (stamp.tzinfo is None or stamp.utcoffset() == datetime.timedelta(0))
    return stamp.strftime("%Y-%m-%d") if midnight else stamp.isoformat()


def _is_lossy(value) -> bool:
    return isinstance(value, float) and (np.isinf(value) or abs(value) >= EXACT)


def _text(value) -> str | None:
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else np.format_float_positional(value, trim="-")
    if isinstance(value, datetime.datetime):
        return _date_text(pd.Timestamp(value))
    return str(value)
