"""
Geometry rules G01 to G08: what can be said of one feature, or of two that are the same.
"""

from collections.abc import Iterator

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS, Transformer

from citygis import topology
from citygis.city import City
from citygis.quality.subject import Subject, finding, finding_on_layer, no_findings
from citygis.units import US_SURVEY_FOOT

_DIMENSION = {"Point": 0, "LineString": 1, "Polygon": 2}
_METRES_TO_FEET = 1 / float(US_SURVEY_FOOT)
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
    rows = np.flatnonzero(about.not_finite)
    yield finding(
        about,
        "G08",
        "not_finite",
        rows,
        "A coordinate is infinite or not a number.",
        geometry=_first_finite(about.geometry[rows]),
    )
    yield from _wrong_types(about)
    yield _invalid(about)
    yield _outside(about, city)
    if layer is not None:
        yield _tiny(about)
    yield _duplicates(about)


def exempt(about: Subject) -> np.ndarray:
    """Which features may lie on others by what they are (a condominium, an easement for a street), as the schema says."""
    rule = about.layer.topology if about.layer is not None else None
    if rule is None or not rule.exempt_field or rule.exempt_field not in about.frame:
        return np.zeros(len(about.frame), dtype=bool)
    return about.frame[rule.exempt_field].astype("str").isin(rule.exempt_values).to_numpy(dtype=bool)


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


def strayed(about: Subject, city: City) -> np.ndarray:
    """Which features lie wholly outside the extent: what they should have met, they cannot."""
    extent = _extent(about.crs, city)
    if extent is None:
        return np.zeros(len(about.frame), dtype=bool)
    bounds = shapely.bounds(about.place)
    with np.errstate(invalid="ignore"):
        return (bounds[:, :2] > extent[2:]).any(axis=1) | (bounds[:, 2:] < extent[:2]).any(axis=1)


def _as_read(about: Subject, row: int) -> str:
    """What the reader said about a geometry that it could not read."""
    said = about.frame["read_message"][row] if "read_message" in about.frame else None
    return "" if pd.isna(said) else f": {str(said).rstrip('.')}"


def _blanket(about: Subject) -> np.ndarray:
    """A blanket easement burdens the whole parcel: the schema says that it has no geometry of its own."""
    if about.layer is None or "blanket" not in about.layer.names or "blanket" not in about.frame:
        return np.zeros(len(about.frame), dtype=bool)
    return about.frame["blanket"].eq(True).fillna(False).to_numpy(dtype=bool)


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
    broken = topology.invalid(about.shapes)
    rows = broken["feature"].to_numpy(dtype=int)
    said = [_KINDS.get(kind, kind.replace("_", " ")) for kind in broken["kind"]]
    message = [f"The geometry is broken: {what}. Overlaps and gaps beside it are not judged until it is mended." for what in said]
    place = np.asarray(broken.geometry.array, dtype=object)
    unknown = shapely.is_missing(place)
    place[unknown] = about.place[rows[unknown]]
    return finding(about, "G03", "invalid", rows, message, geometry=place)


def _outside(about: Subject, city: City) -> pd.DataFrame:
    extent = _extent(about.crs, city) if about.crs is not None else None
    if extent is None:
        return no_findings()
    bounds = shapely.bounds(about.place)
    with np.errstate(invalid="ignore"):
        out = ~_within(bounds, extent) & ~np.isnan(bounds[:, 0])
    rows = np.flatnonzero(out)
    box = bounds[rows]
    guess = np.select(
        [
            _within(box[:, [1, 0, 3, 2]], extent),
            (np.abs(box[:, [0, 2]]) <= 180).all(axis=1) & (np.abs(box[:, [1, 3]]) <= 90).all(axis=1),
            _within(box * _METRES_TO_FEET, extent),
            _within(_mirrored(box, about.crs), extent),
        ],
        [
            "its easting and northing are exchanged",
            "its coordinates are degrees",
            "its coordinates are metres",
            "its longitude lost its minus sign",
        ],
        default="",
    )
    whole = "the City's extent" if city.extent is not None else "the area that its coordinate system is meant for"
    message = [
        f"The feature reaches outside {whole}: it lies at {e:,.0f} E, {n:,.0f} N{f'. It looks as if {why}' if why else ''}."
        for e, n, why in zip((box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2, guess, strict=True)
    ]
    return finding(about, "G06", "outside_extent", rows, message)


def _extent(crs: CRS, city: City) -> np.ndarray | None:
    """The box that features must lie in: the City's own, else the area of use of the coordinate system."""
    if city.extent is not None and crs == city.crs:
        e = city.extent
        return np.array([e.easting_min, e.northing_min, e.easting_max, e.northing_max])
    use = crs.area_of_use
    if use is None or crs.geodetic_crs is None:
        return None
    project = Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return np.array(project.transform_bounds(use.west, use.south, use.east, use.north, densify_pts=21))


def _mirrored(box: np.ndarray, crs: CRS) -> np.ndarray:
    """The corners of boxes where they would lie if their longitude were west and not east."""
    if not len(box):
        return box
    degrees = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    longitude, latitude = degrees.transform(box[:, [0, 2]].ravel(), box[:, [1, 3]].ravel())
    easting, northing = degrees.transform(-longitude, latitude, direction="INVERSE")
    corners = np.stack([easting.reshape(-1, 2), northing.reshape(-1, 2)], axis=-1)
    return np.column_stack([corners.min(axis=1), corners.max(axis=1)])


def _within(bounds: np.ndarray, extent: np.ndarray) -> np.ndarray:
    return (bounds[:, :2] >= extent[:2]).all(axis=1) & (bounds[:, 2:] <= extent[2:]).all(axis=1)


def _tiny(about: Subject) -> pd.DataFrame:
    rule = about.layer.topology
    dimension = shapely.get_dimensions(about.place)
    if about.layer.geometry == "Polygon":
        size, least, unit, word = shapely.area(about.place), rule.min_area_sqft, "sq ft", "covers"
    elif about.layer.geometry == "LineString":
        size, least, unit, word = shapely.length(about.place), rule.min_length_ft, "ft", "is as long as"
    else:
        return no_findings()
    judged = (dimension == _DIMENSION[about.layer.geometry]) & about.current
    rows = np.flatnonzero((size < least) & judged)
    rows = rows[shapely.is_valid(about.place[rows])]  # a bowtie has no area to speak of
    message = [f"The feature {word} {value:,.2f} {unit}; less than {least:g} {unit} is rarely meant." for value in size[rows]]
    return finding(about, "G05", "tiny", rows, message, severity="review", measure=size[rows], unit=unit, tolerance=least)


def _duplicates(about: Subject) -> pd.DataFrame:
    held = np.flatnonzero(about.current & ~shapely.is_missing(about.place))
    pairs = topology.duplicates(gpd.GeoSeries(about.place[held]))
    left, right = held[pairs["left"].to_numpy(dtype=int)], held[pairs["right"].to_numpy(dtype=int)]
    free = exempt(about)
    meant = stacked(about, left, right) | free[left] | free[right]
    left, right = left[~meant], right[~meant]
    message = [f"{a} and {b} have the same geometry." for a, b in zip(about.feature[right], about.feature[left], strict=True)]
    severity = about.layer.topology.duplicate_severity if about.layer is not None else "error"
    return finding(about, "G04", "duplicate_geometry", right, message, severity=severity, other=about.feature[left])


def _first_finite(geometry: np.ndarray) -> np.ndarray:
    """For each geometry the first of its points that can be drawn; None where there is none."""
    points = np.full(len(geometry), None, dtype=object)
    coordinates, owner = shapely.get_coordinates(geometry, return_index=True)
    good = np.isfinite(coordinates).all(axis=1)
    rows, first = np.unique(owner[good], return_index=True)
    points[rows] = shapely.points(coordinates[good][first])
    return points
