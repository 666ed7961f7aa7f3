"""
Dates and times as they are written in files, made into UTC.
"""

import datetime
import re
from typing import NamedTuple

import numpy as np

from citygis.readers.slices import decimals

NO_DATE = np.iinfo(np.int32).min
DAY_US = 86_400_000_000
_ISO = re.compile(
    rb"\s*(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?\s*([Zz]|[+-]\d\d:?\d\d)?\s*",
)
_PLACES = (0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18)
_MARKS = ((4, b"-"), (7, b"-"), (10, b"T"), (13, b":"), (16, b":"))


class Moments(NamedTuple):
    """``utc``: n times as datetime64 in microseconds, NaT where there is none; ``zoneless``: whether UTC had to be understood."""

    utc: np.ndarray
    zoneless: np.ndarray


def days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Days since 1970-01-01 in the Gregorian calendar, `NO_DATE` where there is no such day."""
    sound = (year >= 1) & (year <= 9999) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = np.where(sound, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    made = months.astype("datetime64[D]") + np.where(sound, day - 1, 0).astype("timedelta64[D]")
    sound &= made.astype("datetime64[M]") == months
    return np.where(sound, made.astype(np.int64), NO_DATE)


def moments(buffer: np.ndarray, begin: np.ndarray, end: np.ndarray) -> Moments:
    """
    Times written as ISO 8601 in the slices ``buffer[begin:end]``.

    With Z, an offset, a fraction (kept to the microsecond), or none of these: a time without zone is taken as UTC, which XML Schema
    leaves open and GPX defines (GPX 1.1 schema, ``time``). ``begin`` lies inside the buffer.
    """
    length = end - begin
    last = len(buffer) - 1
    is_usual = (length >= 20) & (buffer[np.maximum(end - 1, 0)] == ord("Z"))
    for place, mark in _MARKS:
        is_usual &= buffer[np.minimum(begin + place, last)] == mark[0]
    digits = [buffer[np.minimum(begin + place, last)] - np.uint8(0x30) for place in _PLACES]
    for digit in digits:
        is_usual &= digit < 10
    values = [digit.astype(np.int64) for digit in digits]
    year = values[0] * 1000 + values[1] * 100 + values[2] * 10 + values[3]
    month, day, hour, minute, second = (values[place] * 10 + values[place + 1] for place in (4, 6, 8, 10, 12))
    whole = length == 20
    fraction = decimals(buffer, np.where(whole, begin, begin + 19).clip(max=last), np.where(whole, begin, end - 1))
    is_usual &= whole | (fraction.is_number & (fraction.whole == 0))
    date = days(year, month, day)
    # Second 60 is a leap second, and is the first of the next minute.
    is_usual &= (date != NO_DATE) & (hour < 24) & (minute < 60) & (second <= 60)
    part = np.where(whole, 0, np.round(fraction.mantissa / fraction.scale * 1e6)).astype(np.int64)
    stamp = date * DAY_US + ((hour * 60 + minute) * 60 + second) * 1_000_000 + part
    utc = np.where(is_usual, stamp, np.iinfo(np.int64).min).view("datetime64[us]")
    zoneless = np.zeros(len(utc), dtype=bool)
    for row in np.flatnonzero(~is_usual):
        utc[row], zoneless[row] = _moment(buffer[begin[row] : end[row]].tobytes())
    return Moments(utc, zoneless)


def _moment(text: bytes) -> tuple[np.datetime64, bool]:
    nothing = np.datetime64("NaT", "us"), False
    match = _ISO.fullmatch(text)
    if match is None:
        return nothing
    *parts, fraction, zone = match.groups()
    year, month, day, hour, minute, second = (int(part) for part in parts)
    try:
        made = datetime.datetime(year, month, day, hour, minute, min(second, 59))
    except ValueError:
        return nothing
    utc = (
        np.datetime64(made, "us")
        + np.timedelta64(second - min(second, 59), "s")
        + np.timedelta64(round(float(b"0." + (fraction or b"0")) * 1e6), "us")
    )
    if zone and zone not in b"Zz":
        away = int(zone[1:3]) * 60 + int(zone[-2:])
        utc -= np.timedelta64(away if zone[:1] == b"+" else -away, "m")
    return utc, zone is None
