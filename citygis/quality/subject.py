"""
A layer as the rules see it: rows by position, features by the name a person knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from citygis import topology
from citygis.city import City
from citygis.quality.rules import CATALOGUE, RULES, Rule, rule
from citygis.schema import Layer


class NotJudged(NamedTuple):
    """A rule that the schema asks for and that could not be applied, and why."""

    code: str
    layer: str
    because: str


@dataclass(frozen=True, eq=False)
class Subject:
    """
    A layer under examination.

    ``frame`` has a plain index and no geometry; ``layer`` is None for a name that the schema does not know; ``feature`` names each
    row; ``geometry`` is the geometry column as sent (None throughout for a table); ``city`` may have changed the rules; ``shells``
    is the way that shells run, where a part of a layer cannot say what most of it does.
    """

    name: str
    layer: Layer | None
    frame: pd.DataFrame
    feature: np.ndarray
    source_ref: np.ndarray
    geometry: np.ndarray
    crs: CRS | None
    city: City | None = None
    shells: str = "most"

    @topology.once
    def not_finite(self) -> np.ndarray:
        """Which rows have a coordinate that is not a number."""
        return topology.not_finite(self.measured)

    @topology.once
    def place(self) -> np.ndarray:
        """The geometry where it can be drawn: not what is empty or has a coordinate that is not a number."""
        place = self.geometry.copy()
        place[self.not_finite | shapely.is_empty(self.geometry)] = None
        return place

    @topology.once
    def bounds(self) -> np.ndarray:
        """The bounds of each place; not a number where there is none."""
        return shapely.bounds(self.place).reshape(-1, 4)

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

    @property
    def is_exclusive(self) -> bool:
        """Whether the features share the ground among them: as the schema says; polygons that it does not know do."""
        if self.layer is not None:
            return self.layer.topology.exclusive
        return bool((shapely.get_dimensions(self.place) == 2).any())

    @topology.once
    def measured(self) -> topology.Fabric:
        """
        What every measure of this layer is taken from, made once.

        Today's features that may not lie on others are neighbours; not those whose coordinates are degrees: a city in degrees is a
        few feet wide, and each of its lots is near all others.
        """
        low_e, low_n, high_e, high_n = (
            shapely.bounds(self.geometry).reshape(-1, 4).T
        )  # `bounds` is worked out from this very fabric
        with np.errstate(invalid="ignore"):
            degrees = (low_e >= -180) & (low_n >= -180) & (high_e <= 180) & (high_n <= 180)
        return topology.fabric(gpd.GeoSeries(self.geometry, crs=self.crs), neighbours=self.current & ~exempt(self) & ~degrees)

    @topology.once
    def invalid(self) -> gpd.GeoDataFrame:
        """`citygis.topology.invalid` of the layer, but for coordinates that are not numbers."""
        found = topology.invalid(self.measured)
        return found[~self.not_finite[found["feature"].to_numpy(dtype=int)]].reset_index(drop=True)

    @topology.once
    def first(self) -> np.ndarray:
        """For each row the first one that holds today and has the same geometry; itself, if it is that one or does not hold."""
        first = np.arange(len(self.geometry))
        twins = topology.duplicates(self.measured)
        group = first.copy()
        group[twins["right"].to_numpy(dtype=int)] = twins["left"].to_numpy(dtype=int)
        rows = np.unique(twins[["left", "right"]].to_numpy(dtype=int))
        rows = rows[self.current[rows]]
        _, head, member = np.unique(group[rows], return_index=True, return_inverse=True)
        first[rows] = rows[head[member]]
        return first

    @property
    def broken(self) -> np.ndarray:
        """Which rows have no agreed inside: broken, or with a coordinate that is not a number."""
        broken = self.not_finite.copy()
        broken[self.invalid["feature"].to_numpy(dtype=int)] = True
        return broken

    def rule(self, code: str, name: str | None = None, **layers_own: float | str | None) -> Rule:
        """`citygis.quality.rule`, with what this layer's City changes."""
        return rule(code, self.city, name, **layers_own)


def subject(name: str, frame: pd.DataFrame, layer: Layer | None, *, key: str | None = None, city: City | None = None) -> Subject:
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
    city : City, optional
        Whose changes to the rules hold.
    """
    n = len(frame)
    has_geometry = isinstance(frame, gpd.GeoDataFrame) and frame.active_geometry_name is not None
    geometry = np.asarray(frame.geometry.array, dtype=object) if has_geometry else np.full(n, None, dtype=object)
    crs = frame.crs if has_geometry else None
    plain = pd.DataFrame(frame.drop(columns=frame.active_geometry_name) if has_geometry else frame).reset_index(drop=True)
    refs = plain["source_ref"].to_numpy(dtype=object) if "source_ref" in plain else np.full(n, None, dtype=object)
    return Subject(name, layer, plain, _names(plain, layer, key), refs, geometry, crs, city)


def exempt(about: Subject) -> np.ndarray:
    """Which features may lie on others by what they are (a condominium, an easement for a street), as the schema says."""
    rule = about.layer.topology if about.layer is not None else None
    if rule is None or not rule.exempt_field or rule.exempt_field not in about.frame:
        return np.zeros(len(about.frame), dtype=bool)
    return about.frame[rule.exempt_field].astype("str").isin(rule.exempt_values).to_numpy(dtype=bool)


def strayed(about: Subject, city: City) -> np.ndarray:
    """Which features lie wholly outside the extent: what they should have met, they cannot."""
    return _beyond(about.bounds, extent_of(about.crs, city) if about.crs is not None else None)


def _beyond(bounds: np.ndarray, extent: np.ndarray | None) -> np.ndarray:
    """Which bounds lie wholly outside the extent; none, where there is no extent or no bounds."""
    if extent is None:
        return np.zeros(len(bounds), dtype=bool)
    with np.errstate(invalid="ignore"):
        return (bounds[:, :2] > extent[2:]).any(axis=1) | (bounds[:, 2:] < extent[:2]).any(axis=1)


def extent_of(crs: CRS, city: City) -> np.ndarray | None:
    """The box that features must lie in: the City's own, else the area of use of the coordinate system."""
    if city.extent is not None and crs == city.crs:
        e = city.extent
        return np.array([e.easting_min, e.northing_min, e.easting_max, e.northing_max])
    use = crs.area_of_use
    if use is None or crs.geodetic_crs is None:
        return None
    project = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return np.array(project.transform_bounds(use.west, use.south, use.east, use.north, densify_pts=21))


def finding(
    about: Subject,
    code: str,
    rule: str,
    rows: np.ndarray,
    message: str | Sequence[str],
    *,
    severity: str | Sequence[str] | None = None,
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
    message, other, measure, unit, tolerance
        One for all, or n of them.
    severity
        The same; that of the rule, as the City has it, where it is not given.
    geometry : array of n geometries, optional
        The place of each; the feature's geometry where it is not given.
    """
    if not len(rows):
        return no_findings()
    held = _held(about, code, rule)
    columns = {
        "code": code,
        "rule": rule,
        "severity": held.severity if severity is None else severity,
        "layer": about.name,
        "feature": about.feature[rows],
        "other": other,
        "measure": measure,
        "unit": unit,
        "tolerance": tolerance,
        "message": message,
        "remedy": held.remedy,
        "source_ref": about.source_ref[rows],
        "geometry": about.place[rows] if geometry is None else geometry,
    }
    return pd.DataFrame({name: _column(values, len(rows)) for name, values in columns.items()})


def finding_on_layer(about: Subject, code: str, rule: str, message: str, *, measure: float | None = None) -> pd.DataFrame:
    """One row for `citygis.findings.findings_frame` about a layer as a whole, without a feature or a place."""
    held = _held(about, code, rule)
    row = {
        "code": code,
        "rule": rule,
        "severity": held.severity,
        "layer": about.name,
        "message": message,
        "remedy": held.remedy,
    }
    return pd.DataFrame([{**row, "measure": measure, "unit": None if measure is None else "values"}], dtype=object)


def no_findings() -> pd.DataFrame:
    """What a rule that finds nothing returns."""
    return pd.DataFrame()


def _held(about: Subject, code: str, name: str) -> Rule:
    """The rule of a finding; the names of attribute findings begin with their field and are not in the catalogue."""
    return about.rule(code, name if (code, name) in CATALOGUE else RULES[code].name)


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
            names = names.where(names.notna(), _texts(frame[column]).astype(object))
    if layer is not None and not key and len(layer.key) > 1 and set(layer.key) <= set(frame.columns):
        parts = [frame[column].astype("str") for column in layer.key]
        joined = parts[0].str.cat(parts[1:], sep=" ")  # null where a part is
        names = joined.where(joined.notna(), None).astype(object)
    names = np.array(names, dtype=object)
    unnamed = pd.isna(names)
    names[unnamed] = [f"#{row + 1}" for row in np.flatnonzero(unnamed)]
    return names


def _texts(values: pd.Series) -> pd.Series:
    """Names as text; null where there is none."""
    if values.dtype.kind in "iu":
        return values.astype("str")
    if isinstance(values.dtype, pd.StringDtype):
        text = values.str.strip()
        return text.mask(text == "")
    return values.map(_text, na_action="ignore")


def _text(value) -> str | None:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    return text.strip() or None
