"""Dates as decimal years."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd


def decimal_year(times: pd.Series) -> pd.Series:
    """
    Moments as decimal years, the way epochs are written: noon of 2 July 2025 is 2025.50.

    Parameters
    ----------
    times : Series of datetimes with a time zone
        Nulls stay null.

    Returns
    -------
    Series of float
        The year, and the part of it that has passed (of 365 or 366 days). Index and name of `times`.

    Raises
    ------
    ValueError
        If the moments have no time zone: nobody knows which ones they are.
    """
    if getattr(times.dtype, "tz", None) is None:
        raise ValueError(f"Invalid times of type {times.dtype}. Must be moments with a time zone: UTC, as GPS gives them.")
    utc = times.dt.tz_convert("UTC").dt.tz_localize(None)
    moments = utc.to_numpy(dtype="datetime64[us]")
    years = moments.astype("datetime64[Y]")
    start, end = years.astype("datetime64[us]"), (years + 1).astype("datetime64[us]")
    with np.errstate(invalid="ignore"):
        passed = (moments - start) / (end - start)
    return pd.Series(years.astype("int64") + 1970.0 + passed, index=times.index, name=times.name)


def today() -> float:
    """The present moment as a decimal year."""
    return float(decimal_year(pd.Series([datetime.now(UTC)])).iloc[0])
