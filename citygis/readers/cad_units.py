"""
The unit of a CAD drawing: what it says, which is a hint at most, and what its coordinates show against the City's extent.
"""

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import shapely
from ezdxf.document import Drawing as Document
from ezdxf.math import Vec3
from pyproj import CRS

from citygis.city import City
from citygis.errors import CRSError
from citygis.findings import findings_frame, join_findings
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, Unit, unit_of

if TYPE_CHECKING:
    from citygis.readers.dxf import Drawing

INSUNITS = {
    0: "no unit", 1: "inches", 2: "feet", 3: "miles", 4: "millimetres", 5: "centimetres", 6: "metres", 7: "kilometres", 10: "yards",
    14: "decimetres", 21: "US survey feet", 22: "US survey inches", 23: "US survey yards", 24: "US survey miles",
}  # fmt: skip
"""
Values of ``$INSUNITS`` (DXF reference, HEADER). Programs write one without asking: all twelve AutoCAD test files seen say inches.
"""

UNITS = {"us_survey_foot": US_SURVEY_FOOT, "international_foot": INTERNATIONAL_FOOT, "metre": METRE}
"""The units that a drawing of a survey can be stated to be in."""

_LONGEST_DEFINITION = 1_000_000


class UnitHint(NamedTuple):
    """
    What a drawing says of itself: ``insunits`` in words, and the coordinate system of its GEODATA, None with the reason in
    ``geodata`` where there is none that can be used. ``is_east_first`` is the order of axes that GEODATA states; ``is_local`` says
    that the numbers of the drawing are not yet those of that system: GEODATA shifts, turns or scales them.
    """

    insunits: str
    crs: CRS | None
    geodata: str
    is_east_first: bool | None
    is_local: bool | None = None


class UnitEvidence(NamedTuple):
    """The unit that is settled, None where it is not; the units that the City's extent leaves open; and why, in words."""

    unit: Unit | None
    candidates: tuple[Unit, ...]
    message: str


def unit_hint(document: Document) -> UnitHint:
    """What the header and the GEODATA object of a drawing say."""
    value = document.header.get("$INSUNITS", 0)
    words = INSUNITS.get(value, f"unit {value}")
    geodata = document.modelspace().get_geodata()
    if geodata is None:
        return UnitHint(words, None, "it has no GEODATA", None)
    definition = geodata.coordinate_system_definition or ""
    if not definition.strip():
        return UnitHint(words, None, "its GEODATA names no coordinate system", None)
    # The definition is XML from outside, and is parsed only where it can neither expand nor fetch.
    if len(definition) > _LONGEST_DEFINITION or re.search(r"<!\s*(DOCTYPE|ENTITY)", definition, re.IGNORECASE):
        return UnitHint(words, None, "its GEODATA has a document type or entities, which was refused", None)
    try:
        code, east_first = geodata.get_crs()
        matrix, _ = geodata.get_crs_transformation(no_checks=True)
        is_local = any(not here.isclose(matrix.transform(here), abs_tol=1e-6) for here in (Vec3(0, 0), Vec3(1e6, 0), Vec3(0, 1e6)))
        return UnitHint(words, CRS.from_epsg(code), f"its GEODATA says EPSG:{code}", bool(east_first), is_local)
    # ezdxf raises its own error, ElementTree those of the parser, PROJ one for a number that it does not know.
    except Exception as error:
        return UnitHint(words, None, f"its GEODATA cannot be read ({error!s:.80})", None)


def unit_evidence(drawing: "Drawing", city: City | None) -> UnitEvidence:
    """
    Which unit puts a drawing inside the City's extent.

    Metres and feet can be told apart so; the two feet cannot: what lies in the extent in one does in the other, some feet away. The
    foot of the City's system is then the one that its coordinates are defined in, and what the other would cost is said.

    Parameters
    ----------
    drawing : Drawing
        In its own unit.
    city : City or None
        Without one, or one without an extent, nothing can be settled.

    Returns
    -------
    UnitEvidence
        A unit only where the extent leaves metres or feet, and not both.
    """
    says = f"$INSUNITS says {drawing.hint.insunits}, which proves nothing"
    points = _places(drawing)
    if not len(points):
        return UnitEvidence(None, (), f"The drawing holds nothing with a place; {says}.")
    if city is None or city.extent is None:
        return UnitEvidence(None, tuple(UNITS.values()), f"There is no extent of the City to hold the drawing against; {says}.")
    middle = np.median(points, axis=0)
    own = unit_of(city.crs)
    inside = [unit for unit in UNITS.values() if _is_in(city, middle * float(unit) / float(own))]
    feet = [unit for unit in inside if unit is not METRE]
    if not inside:
        return UnitEvidence(
            None, (), f"Its middle ({middle[0]:,.1f}, {middle[1]:,.1f}) lies outside the City's extent in feet and in metres: "
            f"it is in a "
            f"local system, or of another place; {says}."
        )  # fmt: skip
    if feet and METRE in inside:
        return UnitEvidence(None, tuple(inside), f"Its middle lies in the City's extent both in feet and in metres; {says}.")
    if inside == [METRE]:
        return UnitEvidence(METRE, (METRE,), f"Only in metres does its middle lie in the City's extent; {says}.")
    cost = abs(float(INTERNATIONAL_FOOT) / float(US_SURVEY_FOOT) - 1) * float(np.hypot(*middle))
    return UnitEvidence(
        own,
        tuple(feet),
        f"In feet its middle lies in the City's extent, in metres not. Taken as {own.name}, the foot of the City's system; in "
        f"the other "
        f"foot it would lie {cost:.1f} ft away; {says}.",
    )


def drawing_in_feet(drawing: "Drawing", *, unit: str | None = None, city: City | None = None) -> "Drawing":
    """
    A drawing with all its numbers in feet.

    Parameters
    ----------
    drawing : Drawing
        In its own unit. Not modified.
    unit : {"us_survey_foot", "international_foot", "metre"}, optional
        As stated by a person or a note on the map. Without it the City's extent must settle it.
    city : City, optional
        Its foot is the one that comes back; the US survey foot without it.

    Returns
    -------
    Drawing
        With ``unit`` set to the foot it is in now, coordinates scaled, and a finding K05 that says by which evidence.

    Raises
    ------
    CRSError
        If nothing states the unit and the extent does not settle it.
    ValueError
        If `unit` is none of `UNITS`.
    """
    if unit is not None and unit not in UNITS:
        raise ValueError(f"Invalid unit {unit!r}. Must be one of: {', '.join(UNITS)}.")
    evidence = unit_evidence(drawing, city)
    settled = UNITS[unit] if unit is not None else evidence.unit
    if settled is None:
        raise CRSError(
            f"{drawing.name}: the unit of the drawing is not known. {evidence.message} Ask the surveyor, then state it with --unit "
            f"({', '.join(UNITS)})."
        )
    foot = unit_of(city.crs) if city is not None else US_SURVEY_FOOT
    contradicted = unit is not None and evidence.unit is not None and (settled is METRE) != (evidence.unit is METRE)
    message = (f"The unit was stated as {settled.name}." if unit else "The unit was found.") + f" {evidence.message}"
    finding = findings_frame(
        {
            "code": "K05",
            "rule": "drawing_unit",
            "severity": "error" if contradicted else "info" if unit else "review",
            "layer": "drawing",
            "feature": drawing.name,
            "message": f"What was stated is not what the extent shows. {message}" if contradicted else message,
            "remedy": "Ask the surveyor which unit, and which foot, the drawing is in.",
        }
    )
    factor = float(settled) / float(foot)
    return drawing._replace(
        lines=_scaled(drawing.lines, factor),
        texts=_scaled(drawing.texts, factor),
        points=_scaled(drawing.points, factor),
        inserts=_scaled(drawing.inserts, factor),
        leaders=_scaled(drawing.leaders, factor),
        unit=foot,
        findings=join_findings([drawing.findings, finding]),
    )


def _places(drawing: "Drawing") -> np.ndarray:
    lines = drawing.lines[["start_easting", "start_northing"]].to_numpy(dtype=float)
    if len(lines):
        return lines
    return np.vstack([frame[["easting", "northing"]].to_numpy(dtype=float) for frame in (drawing.points, drawing.texts)])


def _is_in(city: City, place: np.ndarray) -> bool:
    extent = city.extent
    return bool(extent.easting_min <= place[0] <= extent.easting_max and extent.northing_min <= place[1] <= extent.northing_max)


def _scaled(frame: pd.DataFrame, factor: float) -> pd.DataFrame:
    if factor == 1:
        return frame
    frame = frame.copy()
    for name in frame.columns:
        if name in ("radius", "height") or name.endswith(("easting", "northing", "elevation")):
            frame[name] = frame[name] * factor
    return frame.set_geometry(shapely.transform(frame.geometry.to_numpy(), lambda xy: xy * factor))
