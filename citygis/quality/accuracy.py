"""
How well the features of a layer are known: what each states, brought to 95 %, or what its method is good for.
"""

import difflib
from functools import cache
from importlib import resources

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pydantic import Field

from citygis.city import City, default_city
from citygis.errors import SettingsError
from citygis.settings import Settings, load

UNKNOWN = "UNKNOWN"
"""The class of a feature that names no method, or one that has no class."""


class AccuracyClass(Settings):
    """What a method is good for: feet at 95 %, of a corner against those of its neighbours, and who says so."""

    method: str
    accuracy_ft: float = Field(gt=0)
    reference: str


class _Rmse(Settings):
    """Where ``h_accuracy_ft`` is a radial RMSE, why that is known, and what brings it to 95 %."""

    method: str
    basis: tuple[str, ...]
    factor: float = Field(gt=1)
    reference: str


class _Classes(Settings):
    classes: tuple[AccuracyClass, ...] = Field(alias="class")
    rmse: tuple[_Rmse, ...]


def accuracy_classes(city: City | None = None) -> dict[str, AccuracyClass]:
    """
    What each method is good for, by its name, as a City holds it.

    Parameters
    ----------
    city : City, optional
        Whose ``[accuracy]`` table may change figures.

    Raises
    ------
    SettingsError
        If the City names a method that has no class.
    """
    city = city or default_city()
    classes = {each.method: each for each in _packaged().classes}
    for method, figure in city.accuracy.items():
        where = city.folder / "city.toml" if city.folder else "city.toml"
        if method not in classes:
            close = difflib.get_close_matches(method, classes, n=1)
            hint = f"did you mean `{close[0]}`?" if close else f"there are: {', '.join(classes)}."
            raise SettingsError(f"{where}: unknown method `accuracy.{method}`; {hint}")
        classes[method] = AccuracyClass(method=method, accuracy_ft=figure, reference=f"{where}, [accuracy]")
    return classes


def accuracy_ft(frame: pd.DataFrame, city: City | None = None) -> np.ndarray:
    """
    The horizontal accuracy of each feature at 95 %.

    Parameters
    ----------
    frame : DataFrame, n features
        ``h_accuracy_ft`` is taken as it stands, or as a radial RMSE where ``accuracy.toml`` says that the method leaves one there;
        where it is null, zero or missing, the class of ``method`` speaks. Neither column needs to be there. Not modified.
    city : City, optional
        Whose classes; the packaged ones where it is not given.

    Returns
    -------
    array of n float
        Feet at 95 %, never null: what is not known at all has the class `UNKNOWN`.

    Raises
    ------
    SettingsError
        As `accuracy_classes`.

    Notes
    -----
    Accuracy_r = 1.7308 RMSE_r where the errors in easting and northing are alike [1]_. A stated 0 claims the impossible and counts
    as not stated.

    References
    ----------
    .. [1] FGDC-STD-007.3-1998, Geospatial Positioning Accuracy Standards, Part 3 (NSSDA), appendix 3-A, section 1.
    """
    figures = {name: each.accuracy_ft for name, each in accuracy_classes(city).items()}
    method = _words(frame, "method")
    by_method = method.map(figures).fillna(figures[UNKNOWN]).to_numpy(dtype=float)
    if "h_accuracy_ft" not in frame:
        return by_method
    stated = pd.to_numeric(frame["h_accuracy_ft"]).to_numpy(dtype=float, na_value=np.nan, copy=True)
    basis = _words(frame, "accuracy_basis")
    for each in _packaged().rmse:
        stated[(method.eq(each.method) & basis.isin(each.basis)).to_numpy(dtype=bool)] *= each.factor
    with np.errstate(invalid="ignore"):
        return np.where(np.isfinite(stated) & (stated > 0), stated, by_method)


def combined_accuracy_ft(one: ArrayLike, other: ArrayLike) -> np.ndarray:
    """
    How far two lines that are meant to be one may lie apart, at 95 %: the root of the sum of the squares of both accuracies.

    Parameters
    ----------
    one, other : array of float
        Feet at 95 %, of the features on either side.

    Notes
    -----
    The variance of a difference of independent quantities is the sum of their variances.
    """
    return np.hypot(np.asarray(one, dtype=float), np.asarray(other, dtype=float))


def _words(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(UNKNOWN, index=range(len(frame)), dtype=object)
    return frame[column].astype(object).reset_index(drop=True)


@cache
def _packaged() -> _Classes:
    with resources.as_file(resources.files("citygis.quality") / "accuracy.toml") as path:
        return load(path, _Classes)
