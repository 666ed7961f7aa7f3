"""
Geometry rules G01 to G08: what can be said of one feature, or of two that are the same.
"""

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.subject import Subject, exempt, extent_of, finding, finding_on_layer, no_findings, strayed

_DIMENSION = {"Point": 0, "LineString": 1, "Polygon": 2}
_TYPE_NAMES = np.array(
    ["Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"]
)
_KINDS = {
    "self_intersection": "its boundary crosses itself",
    "ring_touches_itself": "a ring touches or crosses itself",
    "hole_outside": "a hole lies outside the shell",
    "nested_holes": "a hole lies inside another hole",
    "nested_parts": "a part lies inside another part",
    "duplicate_rings": "a ring is given twice",
    "split_inside": "its rings cut its inside in two",
    "too_few_points": "a ring has too few points",
}
_EXPLAINED = {
    "axes_exchanged": "its easting and northing are exchanged",
    "degrees": "its coordinates are degrees",
    "degrees_exchanged": "its coordinates are degrees, latitude first",
    "metres": "its coordinates are metres",
    "metres_exchanged": "its coordinates are metres, northing first",
    "east_for_west": "its longitude lost its minus sign",
}


def shape_findings(about: Subject, city: City) -> Iterator[pd.DataFrame]:
    """
    What the geometry rules find in one layer.

    Parameters
    ----------
    about : Subject
        In any projected system.
    city : City
        For its extent; where it has none, features are held to the area that the coordinate system is meant for.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`.
    """
    layer = about.layer
    if layer is not None and layer.geometry == "None":
        return
    if about.crs is None and len(about.frame):
        yield finding_on_layer(about, "G01", "null_geometry", f"Layer {about.name} has no geometry column.")
        return
    missing = shapely.is_missing(about.geometry)
    excused = missing & _blanket(about)
    rows = np.flatnonzero(missing & ~excused)
    yield finding(about, "G01", "null_geometry", rows, [f"The feature has no geometry{_as_read(about, row)}." for row in rows])
    empty = ~missing & shapely.is_empty(about.geometry)
    yield finding(about, "G02", "empty_geometry", np.flatnonzero(empty), "The geometry holds no coordinates.")
    yield _empty_parts(about)
    rows = np.flatnonzero(about.not_finite)
    yield finding(
        about,
        "G08",
        "not_finite",
        rows,
        "A coordinate is infinite or not a number.",
        geometry=_first_finite(about.geometry[rows]),
    )
    yield from _noted(about)
    yield from _wrong_types(about)
    yield _invalid(about)
    yield _outside(about, city)
    yield _tiny(about, city)
    yield _duplicates(about)


def stacked(about: Subject, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which pairs are declared to stand on one footprint, or are a proposal and what it would replace."""
    declared = np.zeros(len(left), dtype=bool)
    rule = about.layer.topology if about.layer is not None else None
    if rule is not None and rule.stack_field and rule.stack_field in about.frame:
        stack = about.frame[rule.stack_field].to_numpy(dtype=object)
        declared |= ~pd.isna(stack[left]) & (stack[left] == stack[right])
    if "status" in about.frame:
        proposed = about.frame["status"].eq("PROPOSED").fillna(False).to_numpy(dtype=bool)
        declared |= proposed[left] != proposed[right]
    return declared


def _as_read(about: Subject, row: int) -> str:
    """What the reader said about a geometry that it could not read."""
    said = about.frame["read_message"][row] if "read_message" in about.frame else None
    return "" if pd.isna(said) else f": {str(said).rstrip('.')}"


def _noted(about: Subject) -> Iterator[pd.DataFrame]:
    """What the reader noted of rows that it could read: a curve made of chords, a value lost."""
    if "read_code" not in about.frame:
        return
    codes, said = about.frame["read_code"], about.frame["read_message"]
    for code in ("R02", "R04"):
        rows = np.flatnonzero(codes.eq(code).fillna(False).to_numpy(dtype=bool))
        yield finding(about, code, about.rule(code).name, rows, [str(said[row]) for row in rows])


def _blanket(about: Subject) -> np.ndarray:
    """A blanket easement burdens the whole parcel: the schema says that it has no geometry of its own."""
    if about.layer is None or "blanket" not in about.layer.names or "blanket" not in about.frame:
        return np.zeros(len(about.frame), dtype=bool)
    return about.frame["blanket"].eq(True).fillna(False).to_numpy(dtype=bool)


def _empty_parts(about: Subject) -> pd.DataFrame:
    several = np.flatnonzero(shapely.get_num_geometries(about.geometry) > 1)
    found = topology.missing(gpd.GeoSeries(about.geometry[several]))
    rows = several[found["feature"].to_numpy(dtype=int)[found["kind"].eq("empty_part").to_numpy()]]
    return finding(about, "G02", "empty_part", rows, "A part of the geometry holds no coordinates.")


def _wrong_types(about: Subject) -> Iterator[pd.DataFrame]:
    if about.layer is None:
        return
    there = ~shapely.is_missing(about.geometry)
    number = shapely.get_type_id(about.geometry)
    wrong = there & ((shapely.get_dimensions(about.geometry) != _DIMENSION[about.layer.geometry]) | (number == 7))
    wrong &= ~shapely.is_empty(about.geometry)
    rows = np.flatnonzero(wrong)
    message = [f"The geometry is a {about.geometry[row].geom_type}; the layer holds {about.layer.geometry}s." for row in rows]
    yield finding(about, "G07", "wrong_type", rows, message)


def _invalid(about: Subject) -> pd.DataFrame:
    broken = about.invalid
    rows = broken["feature"].to_numpy(dtype=int)
    said = [_KINDS.get(kind, kind.replace("_", " ")) for kind in broken["kind"]]
    message = [f"The geometry is broken: {what}. Overlaps and gaps beside it are not judged until it is mended." for what in said]
    place = np.asarray(broken.geometry.array, dtype=object)
    unknown = shapely.is_missing(place)
    place[unknown] = about.place[rows[unknown]]
    return finding(about, "G03", "invalid", rows, message, geometry=place)


def _outside(about: Subject, city: City) -> pd.DataFrame:
    extent = extent_of(about.crs, city) if about.crs is not None else None
    if extent is None:
        return no_findings()
    bounds = about.bounds
    with np.errstate(invalid="ignore"):
        out = np.flatnonzero((bounds[:, :2] < extent[:2]).any(axis=1) | (bounds[:, 2:] > extent[2:]).any(axis=1))
    found = topology.outside_extent(about.shapes.iloc[out], extent)
    rows = out[found["feature"].to_numpy(dtype=int)]
    whole = "the City's extent" if city.extent is not None else "the area that its coordinate system is meant for"
    middle = shapely.get_coordinates(found.geometry.array)
    message = [
        f"The feature reaches outside {whole}: it lies at {e:,.0f} E, {n:,.0f} N."
        + (f" It looks as if {_EXPLAINED[kind]}." if kind in _EXPLAINED else "")
        for (e, n), kind in zip(middle, found["kind"], strict=True)
    ]
    return finding(about, "G06", "outside_extent", rows, message, measure=found["away_ft"].to_numpy(), unit="ft")


def _tiny(about: Subject, city: City) -> pd.DataFrame:
    kind = about.layer.geometry if about.layer is not None else "Polygon"
    own = about.layer.topology if about.layer is not None else None
    if kind == "Polygon":
        rule, size, word = about.rule("G05", "tiny", tolerance=own and own.min_area_sqft), shapely.area(about.place), "covers"
    elif kind == "LineString":
        rule, size, word = (
            about.rule("G05", "short_line", tolerance=own.min_length_ft),
            shapely.length(about.place),
            "is as long as",
        )
    else:
        return no_findings()
    least, unit = rule.tolerance, rule.unit
    judged = (shapely.get_dimensions(about.place) == _DIMENSION[kind]) & about.current
    rows = np.flatnonzero((size < least) & judged)
    rows = rows[shapely.is_valid(about.place[rows])]  # a bowtie has no area to speak of
    rows = rows[~strayed(about, city)[rows]]  # nor has what is in degrees
    message = [f"The feature {word} {value:,.2f} {unit}; less than {least:g} {unit} is rarely meant." for value in size[rows]]
    return finding(about, "G05", rule.name, rows, message, measure=size[rows], unit=unit, tolerance=least)


def _duplicates(about: Subject) -> pd.DataFrame:
    first = about.first
    held = about.current & ~shapely.is_missing(about.place)
    right = np.flatnonzero(held & (first != np.arange(len(first))))
    left = first[right]
    free = exempt(about)
    meant = stacked(about, left, right) | free[left] | free[right]
    left, right = left[~meant], right[~meant]
    message = [f"{a} and {b} have the same geometry." for a, b in zip(about.feature[right], about.feature[left], strict=True)]
    own = about.layer.topology.duplicate_severity if about.layer is not None else None
    rule = about.rule("G04", severity=own)
    return finding(about, "G04", rule.name, right, message, severity=rule.severity, other=about.feature[left])


def _first_finite(geometry: np.ndarray) -> np.ndarray:
    """For each geometry the first of its points that can be drawn; None where there is none."""
    points = np.full(len(geometry), None, dtype=object)
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    good = np.isfinite(coordinates).all(axis=1)
    rows, first = np.unique(owner[good], return_index=True)
    points[rows] = shapely.points(coordinates[good][first])
    return points
