"""
A layer as the rules see it: rows by position, features by the name a person knows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.quality.rules import RULES
from citygis.schema import Layer
from citygis.topology import not_finite


class Subject(NamedTuple):
    """
    A layer under examination.

    ``frame`` has a plain index and no geometry; ``layer`` is None for a name that the schema does not know; ``feature`` names each
    row; ``geometry`` is the geometry column as sent (None throughout for a table); ``place`` is the same where it can be drawn.
    """

    name: str
    layer: Layer | None
    frame: pd.DataFrame
    feature: np.ndarray
    source_ref: np.ndarray
    geometry: np.ndarray
    place: np.ndarray
    not_finite: np.ndarray
    crs: CRS | None

    @property
    def shapes(self) -> gpd.GeoSeries:
        """Geometry that can be measured: what is not finite is null."""
        return gpd.GeoSeries(self.place, crs=self.crs)

    @property
    def current(self) -> np.ndarray:
        """Which rows hold today: those that are not marked retired."""
        if "status" not in self.frame:
            return np.ones(len(self.frame), dtype=bool)
        return ~self.frame["status"].eq("RETIRED").fillna(False).to_numpy(dtype=bool)


def subject(name: str, frame: pd.DataFrame, layer: Layer | None, *, key: str | None = None) -> Subject:
    """
    A frame made ready for the rules.

    Parameters
    ----------
    name : str
    frame : DataFrame or GeoDataFrame
        Not modified; its index does not matter.
    layer : Layer or None
    key : str, optional
        The column that names features, instead of the schema's. Rows without a name are called by their number, "#17".
    """
    n = len(frame)
    has_geometry = isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None
    geometry = np.asarray(frame.geometry.array, dtype=object) if has_geometry else np.full(n, None, dtype=object)
    crs = frame.crs if has_geometry else None
    broken = not_finite(gpd.GeoSeries(geometry))
    place = geometry.copy()
    place[broken | shapely.is_empty(geometry)] = None
    plain = pd.DataFrame(frame.drop(columns=frame.active_geometry_name) if has_geometry else frame).reset_index(drop=True)
    refs = plain["source_ref"].to_numpy(dtype=object) if "source_ref" in plain else np.full(n, None, dtype=object)
    return Subject(name, layer, plain, _names(plain, layer, key), refs, geometry, place, broken, crs)


def finding(
    about: Subject,
    code: str,
    rule: str,
    rows: np.ndarray,
    message: str | Sequence[str],
    *,
    severity: str | Sequence[str] = "error",
    other: Sequence | None = None,
    measure: Sequence | None = None,
    unit: str | None = None,
    tolerance: float | Sequence[float] | None = None,
    geometry: np.ndarray | None = None,
) -> pd.DataFrame:
    """
    Rows for `citygis.findings.findings_frame`, on features of a layer.

    Parameters
    ----------
    about : Subject
    code, rule : str
    rows : array of n int
        Positions in the layer.
    message, severity, other, measure, unit, tolerance
        One for all, or n of them.
    geometry : array of n geometries, optional
        The place of each; the feature's geometry where it is not given.
    """
    if not len(rows):
        return no_findings()
    columns = {
        "code": code,
        "rule": rule,
        "severity": severity,
        "layer": about.name,
        "feature": about.feature[rows],
        "other": other,
        "measure": measure,
        "unit": unit,
        "tolerance": tolerance,
        "message": message,
        "remedy": RULES[code].remedy,
        "source_ref": about.source_ref[rows],
        "geometry": about.place[rows] if geometry is None else geometry,
    }
    return pd.DataFrame({name: _column(values, len(rows)) for name, values in columns.items()})


def finding_on_layer(about: Subject, code: str, rule: str, message: str, *, measure: float | None = None) -> pd.DataFrame:
    """One row for `citygis.findings.findings_frame` about a layer as a whole: an error without a feature or a place."""
    row = {
        "code": code,
        "rule": rule,
        "severity": "error",
        "layer": about.name,
        "message": message,
        "remedy": RULES[code].remedy,
    }
    return pd.DataFrame([{**row, "measure": measure, "unit": None if measure is None else "values"}], dtype=object)


def no_findings() -> pd.DataFrame:
    """What a rule that finds nothing returns."""
    return pd.DataFrame()


def _column(values, n: int) -> pd.Series:
    if values is None or isinstance(values, str | float | int):
        return pd.Series([values] * n, dtype=object)
    held = np.empty(n, dtype=object)
    held[:] = list(values)
    return pd.Series(held)


def _names(frame: pd.DataFrame, layer: Layer | None, key: str | None) -> np.ndarray:
    """Each row by the county's spelling of its number, else by its key, else by where it stands in the file."""
    names = pd.Series([None] * len(frame), dtype=object)
    columns = [key] if key else []
    if layer is not None and not key:
        columns = ["apn_display"] if "apn_display" in layer.names else []
        columns += [name for name in layer.key if len(layer.key) == 1]
    for column in columns:
        if column in frame:
            names = names.where(names.notna(), frame[column].map(_text, na_action="ignore").astype(object))
    if layer is not None and not key and len(layer.key) > 1 and set(layer.key) <= set(frame.columns):
        parts = [frame[column].astype("str") for column in layer.key]
        joined = parts[0].str.cat(parts[1:], sep=" ")  # null where a part is
        names = joined.where(joined.notna(), None).astype(object)
    names = np.array(names, dtype=object)
    unnamed = pd.isna(names)
    names[unnamed] = [f"#{row + 1}" for row in np.flatnonzero(unnamed)]
    return names


def _text(value) -> str | None:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text.strip() or None
