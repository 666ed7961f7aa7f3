"""
Times of day made into moments: the days of a log of NMEA sentences, of which only some say the date.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.readers.moments import DAY_US, NO_DATE

_BACKWARD_US = 10_000_000
"""Sentences of one receiver may come this much out of order; a clock that falls further begins another session."""


class Epochs(NamedTuple):
    """
    The epochs of a log. ``epoch`` is the number of each record's epoch, n of them; ``moment`` is UTC of each epoch in microseconds
    since 1970 as datetime64, NaT where the log never says its date.
    """

    epoch: np.ndarray
    moment: np.ndarray


def epochs(time_us: np.ndarray, date: np.ndarray) -> Epochs:
    """
    Records joined into epochs by their time of day, and the date of each.

    A fall of more than 12 hours is midnight: the day goes up. A smaller fall, beyond what is only out of order, is another
    session (logs put together, a clock that was set), and so is a date that does not follow from the one before. A date is
    carried to every record of its session, before it and after, across midnight too; a session that never says its date
    has none, because which day it was would be a guess.

    Parameters
    ----------
    time_us : array of n
        Time of day of each record in microseconds, in the order of the file.
    date : array of n
        Days since 1970-01-01, `NO_DATE` where a record does not say.
    """
    time_us, date = time_us.astype(np.int64), date.astype(np.int64)
    if not len(time_us):
        return Epochs(np.empty(0, dtype=np.int64), np.empty(0, dtype="datetime64[us]"))
    step = np.diff(time_us, prepend=time_us[0])
    forward = (step + DAY_US // 2) % DAY_US - DAY_US // 2
    begins = forward < -_BACKWARD_US
    begins[0] = True
    running = np.cumsum(forward)
    day = _days(time_us, running, begins)

    dated = np.flatnonzero(date != NO_DATE)
    first_day = date[dated] - day[dated]
    session = np.cumsum(begins)[dated]
    differs = np.flatnonzero((np.diff(first_day) != 0) & (np.diff(session) == 0)) + 1
    if len(differs):
        # The record with the other date takes those just before it that have the same time.
        runs = np.flatnonzero(step != 0)
        where = np.searchsorted(runs, dated[differs], side="right") - 1
        begins[np.where(where >= 0, runs[where], 0)] = True
        day = _days(time_us, running, begins)

    session = np.cumsum(begins) - 1
    origin = np.full(session[-1] + 1, NO_DATE, dtype=np.int64)
    # Written from the last to the first, so that the first date of a session stands.
    origin[session[dated[::-1]]] = (date[dated] - day[dated])[::-1]
    elapsed, _ = pd.factorize(day * DAY_US + time_us)
    epoch, keys = pd.factorize(session * len(session) + elapsed)
    first = np.empty(len(keys), dtype=np.int64)
    first[epoch[::-1]] = np.arange(len(epoch))[::-1]
    has_date = origin[session[first]] != NO_DATE
    moment = np.where(has_date, (origin[session[first]] + day[first]) * DAY_US + time_us[first], np.iinfo(np.int64).min)
    return Epochs(epoch, moment.view("datetime64[us]"))


def _days(time_us: np.ndarray, running: np.ndarray, begins: np.ndarray) -> np.ndarray:
    """How many midnights lie between the first record of a session and each of its records."""
    start = np.flatnonzero(begins)[np.cumsum(begins) - 1]
    return (time_us[start] + running - running[start] - time_us) // DAY_US
