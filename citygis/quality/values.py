"""
Values of a column against the type that its field has.
"""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
from pandas.api import types

TYPE_WORDS = {
    "text": "text",
    "uuid": "a UUID (8-4-4-4-12 hexadecimal digits)",
    "double": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "date": "a date",
    "datetime": "a date and time",
}
"""What each field type is, in words for a message."""

_UUID = r"(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_PYTHON_TYPES = {
    "text": str,
    "uuid": str,
    "double": (int, float, np.number, Decimal),
    "integer": (int, float, np.number),
    "boolean": (bool, np.bool_),
    "date": (datetime.date, np.datetime64),
    "datetime": (datetime.date, np.datetime64),
}


def given(values: pd.Series) -> np.ndarray:
    """Which values are there. Null is not, nor is a text of blanks."""
    there = values.notna().to_numpy(dtype=bool, copy=True)
    if _is_object(values.dtype):
        there &= np.fromiter((not isinstance(v, str) or bool(v.strip()) for v in values), bool, len(values))
    elif types.is_string_dtype(values.dtype):
        there &= ~values.str.fullmatch(r"\s*").fillna(False).to_numpy(dtype=bool)
    return there


def column_fits(values: pd.Series, kind: str) -> bool:
    """Whether a column of this dtype can hold values of a field type. A column of objects can hold anything."""
    dtype = values.dtype
    if _is_object(dtype):
        return True
    if types.is_string_dtype(dtype):
        return kind in ("text", "uuid")
    if types.is_bool_dtype(dtype):
        return kind == "boolean"
    if types.is_numeric_dtype(dtype):
        return kind in ("double", "integer", "boolean")
    return types.is_datetime64_any_dtype(dtype) and kind in ("date", "datetime")


def mistyped(values: pd.Series, kind: str) -> np.ndarray:
    """
    Which values are not of a field type.

    Parameters
    ----------
    values : Series, n values
        For which `column_fits`; where a value is null the answer means nothing.
    kind : str
        A field type of `citygis.schema`.

    Returns
    -------
    array of n bool
        A whole number may be held as a float; 0 and 1 are false and true; an infinite number is no number.
    """
    bad = np.zeros(len(values), dtype=bool)
    if _is_object(values.dtype):
        bad = np.fromiter((not _is_of(value, kind) for value in values), bool, len(values))
        values = pd.Series(np.where(bad | values.isna(), None, values), dtype=object)
    if kind == "uuid":
        return bad | ~values.astype("str").str.fullmatch(_UUID).fillna(True).to_numpy(dtype=bool)
    if kind in ("text", "date", "datetime"):
        return bad
    number = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        unfit = {"double": np.isinf(number), "integer": number % 1 != 0, "boolean": (number != 0) & (number != 1)}[kind]
    return bad | (unfit & ~np.isnan(number))


def comparable(values: pd.Series) -> pd.Series:
    """Values that can be set against each other: numbers as numbers, days as days; what is neither is null."""
    days = types.is_datetime64_any_dtype(values.dtype)
    if _is_object(values.dtype):
        known = values.dropna()
        days = len(known) > 0 and all(isinstance(value, datetime.date) for value in known)
    return pd.to_datetime(values, utc=True, errors="coerce") if days else pd.to_numeric(values, errors="coerce").astype(float)


def _is_object(dtype) -> bool:
    return types.is_object_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype)


def _is_of(value, kind: str) -> bool:
    flag = isinstance(value, bool | np.bool_)
    return isinstance(value, _PYTHON_TYPES[kind]) and (not flag or kind == "boolean")
