"""
Rules of succession in law: T29, what replaced a feature begins when the feature ends.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.checks import Check, one_of, text
from citygis.quality.shapes import exempt
from citygis.quality.subject import Subject, finding

LAYERS = ("parcel", "tract", "right_of_way", "zoning", "city_limit", "district")
"""Layers whose features replace each other on their ground."""


def _history(subjects: Mapping[str, Subject], city: City, *, name: str) -> Iterator[pd.DataFrame]:
    """
    T29 of one layer: retired features that were still in force when what replaced them began.

    A successor was created by the record that retired the other, or began later, and shares ground with it.
    """
    about = subjects[name]
    rule = about.rule("T29")
    start, stop = (_day(about, column) for column in ("legal_from", "legal_to"))
    sound = ~shapely.is_missing(about.place) & ~about.broken
    old = np.flatnonzero(~about.current & sound & stop.notna())
    new = np.flatnonzero(sound & start.notna() & ~one_of(about, "status", ("PROPOSED",)))
    if not len(old) or not len(new):
        return
    pairs = topology.overlaps_between(about.shapes.iloc[old], about.shapes.iloc[new], tolerance_ft=rule.limit)
    left, right = old[pairs["left"].to_numpy(dtype=int)], new[pairs["right"].to_numpy(dtype=int)]
    record, origin = (text(about, column).to_numpy(dtype=object) for column in ("retired_by_record", "created_by_record"))
    follows = (record[left] == origin[right]) | (start.iloc[right].to_numpy() > start.iloc[left].to_numpy())
    follows |= start.iloc[left].isna().to_numpy()
    days = (stop.iloc[left].to_numpy() - start.iloc[right].to_numpy()) / np.timedelta64(1, "D")
    ended = (stop.iloc[right].to_numpy() - start.iloc[left].to_numpy()) / np.timedelta64(1, "D")
    both = (left != right) & follows & (days > rule.tolerance) & ~(ended <= 0)
    both &= ~exempt(about)[left] & ~exempt(about)[right]
    left, right, days = left[both], right[both], days[both]
    message = [
        f"{about.feature[a]}, retired, held in law until {stop.iloc[a]:%Y-%m-%d}; {about.feature[b]}, on the same ground, began on "
        f"{start.iloc[b]:%Y-%m-%d}: {n:,.0f} days together (tolerance {rule.tolerance:g} days)."
        for a, b, n in zip(left, right, days, strict=True)
    ]
    more = {"other": about.feature[right], "measure": days, "geometry": pairs.geometry.to_numpy(dtype=object)[both]}
    yield finding(about, "T29", rule.name, left, message, unit="days", tolerance=rule.tolerance, **more)


def _day(about: Subject, column: str) -> pd.Series:
    if column not in about.frame:
        return pd.Series([pd.NaT] * len(about.frame), dtype="datetime64[ns]")
    day = pd.to_datetime(about.frame[column], errors="coerce", utc=True)
    return day.dt.tz_localize(None)


CHECKS = tuple(
    Check(("T29",), name, (f"{name}.status", f"{name}.legal_from", f"{name}.legal_to"), partial(_history, name=name))
    for name in LAYERS
)
"""The rule of succession in law, layer by layer."""
