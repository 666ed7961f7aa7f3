"""
Figures as LandXML 1.2 parcels: northing first, as the standard says, every arc with its centre.
"""

import math
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from pyproj import CRS

import citygis
from citygis.cogo import Figure, area_sqft
from citygis.cogo.course import azimuths_of
from citygis.exports.places import Step, steps
from citygis.publish import publishing
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, Unit

NAMESPACE = "http://www.landxml.org/schema/LandXML-1.2"

_SYSTEMS = {
    US_SURVEY_FOOT: ("Imperial", {"linearUnit": "USSurveyFoot", "areaUnit": "squareFoot", "volumeUnit": "cubicFeet"}),
    INTERNATIONAL_FOOT: ("Imperial", {"linearUnit": "foot", "areaUnit": "squareFoot", "volumeUnit": "cubicFeet"}),
    METRE: ("Metric", {"linearUnit": "meter", "areaUnit": "squareMeter", "volumeUnit": "cubicMeter"}),
}
_HEAT = {
    "Imperial": {"temperatureUnit": "fahrenheit", "pressureUnit": "inchHG"},
    "Metric": {"temperatureUnit": "celsius", "pressureUnit": "HPA"},
}
_ROTATION = {"R": "cw", "L": "ccw"}


def landxml_text(
    figures: Mapping[str, Sequence[Figure]], *, unit: Unit, written_at: datetime, crs: CRS | None = None, project: str = "citygis"
) -> str:
    """
    LandXML 1.2 of figures as parcels.

    Parameters
    ----------
    figures : mapping of name to loops
        The outer loop of each, then its holes, each a CoordGeom of the parcel.
    unit : Unit
        Of `citygis.units`: what the figures are in. The two feet are told apart, as the schema can.
    written_at : datetime
        The schema asks for it.
    crs : CRS, optional
        Of the figures; its EPSG code is written.
    project : str

    Returns
    -------
    str
        Coordinates to 8 decimals, areas to 4; the same text for the same figures.

    Raises
    ------
    ValueError
        If a loop does not close, or `unit` is none that LandXML knows.
    """
    if unit not in _SYSTEMS:
        raise ValueError(f"Invalid unit {unit.name!r}. Must be one of {', '.join(one.name for one in _SYSTEMS)}.")
    said = {"date": f"{written_at:%Y-%m-%d}", "time": f"{written_at:%H:%M:%S}", "version": "1.2", "language": "English"}
    root = ET.Element("LandXML", {"xmlns": NAMESPACE, **said, "readOnly": "false"})
    system, units = _SYSTEMS[unit]
    angles = {"angularUnit": "decimal degrees", "directionUnit": "decimal degrees"}
    ET.SubElement(ET.SubElement(root, "Units"), system, {**units, **_HEAT[system], **angles})
    if crs is not None:
        code = crs.to_epsg()
        ET.SubElement(root, "CoordinateSystem", {"desc": crs.name, **({"epsgCode": str(code)} if code else {})})
    ET.SubElement(root, "Project", {"name": project})
    ET.SubElement(root, "Application", {"name": "citygis", "version": citygis.__version__})
    holder = ET.SubElement(root, "Parcels")
    for name, parts in figures.items():
        if not parts:
            raise ValueError(f"Invalid figure {name!r}. Must have at least one loop.")
        area = area_sqft(parts[0].courses) - sum(area_sqft(hole.courses) for hole in parts[1:])
        parcel = ET.SubElement(holder, "Parcel", {"name": name, "area": f"{area:.4f}"})
        for figure in parts:
            geometry = ET.SubElement(parcel, "CoordGeom")
            for step in steps(name, figure, spirals=True):
                _segment(geometry, step)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def write_landxml(
    path: Path | str,
    figures: Mapping[str, Sequence[Figure]],
    *,
    unit: Unit,
    written_at: datetime,
    crs: CRS | None = None,
    project: str = "citygis",
    overwrite: bool = False,
) -> None:
    """
    The file of `landxml_text`, UTF-8.

    Raises
    ------
    ValueError
        As `landxml_text`.
    StoreError
        If the file exists and `overwrite` is false, or it cannot be written.
    """
    text = landxml_text(figures, unit=unit, written_at=written_at, crs=crs, project=project)
    with publishing(path, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _segment(geometry: ET.Element, step: Step) -> None:
    course = step.course
    if course.kind == "line":
        said = {"dir": f"{course.azimuth_deg:.8f}", "length": f"{course.distance_ft:.6f}"}
        _ends(ET.SubElement(geometry, "Line", said), step)
        return
    rotation = {"rot": _ROTATION[course.hand], "length": f"{course.arc_ft:.6f}"}
    if course.kind == "curve":
        arc = step.arc
        said = {**rotation, "radius": f"{course.radius_ft:.6f}", "delta": f"{course.delta_deg:.8f}"}
        _ends(ET.SubElement(geometry, "Curve", said), step, Center=arc.center)
        return
    radii = {"radiusStart": _radius(course.radius_ft), "radiusEnd": _radius(course.end_radius_ft)}
    spiral = ET.SubElement(geometry, "Spiral", {**rotation, **radii, "spiType": "clothoid"})
    _ends(spiral, step, PI=_tangents_meet(step))


def _ends(element: ET.Element, step: Step, **between: np.ndarray) -> None:
    for name, point in {"Start": step.start, **between, "End": step.end}.items():
        ET.SubElement(element, name).text = f"{point[1]:.8f} {point[0]:.8f}"


def _radius(value: float) -> str:
    return "INF" if math.isinf(value) else f"{value:.6f}"


def _tangents_meet(step: Step) -> np.ndarray:
    """Where the tangents at both ends of a spiral meet; the schema asks for it."""
    first, last = (np.array([math.sin(math.radians(a)), math.cos(math.radians(a))]) for a in azimuths_of(step.course))
    along = np.linalg.solve(np.stack([first, -last], axis=1), step.end - step.start)[0]
    return step.start + along * first
