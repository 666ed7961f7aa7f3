"""
Rules between layers: which layers each needs, and what is left out where they are not given.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.quality.shapes import strayed
from citygis.quality.subject import NotJudged, Subject


class Check(NamedTuple):
    """
    A rule between layers.

    Attributes
    ----------
    codes : tuple of str
    layer : str
        The layer whose features it judges.
    needs : tuple of str
        Other layers without which it cannot be applied: by name, or ``layer.column``, which `layer` itself may be too.
    find : callable
        ``find(subjects, city)`` gives rows for `citygis.findings.findings_frame`, frame by frame.
    """

    codes: tuple[str, ...]
    layer: str
    needs: tuple[str, ...]
    find: Callable[[Mapping[str, Subject], City], Iterator[pd.DataFrame]]

    def lacks(self, subjects: Mapping[str, Subject]) -> list[str]:
        """Of what it needs, the layers and columns that are not there."""
        absent = [need for need in self.needs if "." not in need and need not in subjects]
        columns = [need.split(".") for need in self.needs if "." in need]
        return absent + [f"{name}.{field}" for name, field in columns if name in subjects and field not in subjects[name].frame]


def applied(checks: Iterable[Check], subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    What those rules find whose layers are all given.

    Parameters
    ----------
    checks : rules
    subjects : mapping of layer name to Subject
        With geometry, in feet, of one CRS.
    city : City

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`.
    """
    for check in checks:
        if check.layer in subjects and not check.lacks(subjects):
            yield from check.find(subjects, city)


def left_out(checks: Iterable[Check], subjects: Mapping[str, Subject]) -> list[NotJudged]:
    """
    The rules on layers that are given which cannot be applied, because another layer or a column is not.

    Parameters
    ----------
    checks : rules
    subjects : mapping of layer name to Subject
    """
    told = []
    for check in checks:
        lacking = check.lacks(subjects) if check.layer in subjects else []
        if lacking:
            kind = "columns" if all("." in need for need in lacking) else "layers"
            what = f"the {kind[:-1] if len(lacking) == 1 else kind} {' and '.join(lacking)}"
            told += [NotJudged(code, check.layer, f"needs {what}") for code in check.codes]
    return list(dict.fromkeys(told))


def holding(about: Subject) -> np.ndarray:
    """Which features hold in law today: neither retired nor merely proposed."""
    if "status" not in about.frame:
        return about.current
    return about.current & ~about.frame["status"].eq("PROPOSED").fillna(False).to_numpy(dtype=bool)


def placed(about: Subject, city: City) -> np.ndarray:
    """Positions of features that hold today and have a sound geometry inside the City's extent: the others are told by G rules."""
    drawn = ~shapely.is_missing(about.place)
    return np.flatnonzero(holding(about) & drawn & ~about.broken & ~strayed(about, city))


def one_of(about: Subject, column: str, values: tuple[str, ...]) -> np.ndarray:
    """Which features have one of these values in a column; none where the column is not there."""
    if column not in about.frame:
        return np.zeros(len(about.frame), dtype=bool)
    return about.frame[column].astype("str").isin(values).to_numpy(dtype=bool)


def text(about: Subject, column: str) -> pd.Series:
    """A column as lower-case text, null where nothing stands or the column is not there."""
    if column not in about.frame:
        return pd.Series([None] * len(about.frame), dtype="str")
    said = about.frame[column].astype("str").str.strip().str.lower()
    return said.where(said.str.len() > 0)
