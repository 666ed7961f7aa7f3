"""
The parts of a LandXML file that everything else in it refers to: its elements by local name, its units, its coordinate system, its
points.

Namespaces of versions 1.0 to 2.0 and of the Australian and New Zealand plan profile differ; the elements do not, so that only local
names are looked at. A pair of coordinates stays in the order of the file here: the standard says northing first, and not every
program does.
"""

import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pyproj import CRS

from citygis.cogo import parse_angle
from citygis.errors import CRSError, ReadError
from citygis.readers.guard import require_local_file, require_plain_xml
from citygis.readers.raw import stated_crs
from citygis.units import METRE, SQFT_PER_ACRE, US_SURVEY_FOOT

ANGLES = {"decimal degrees": "decimal", "decimal dd.mm.ss": "packed", "grads": "gon", "radians": "radian"}
"""Notations of angles by what ``angularUnit`` and ``directionUnit`` call them. LandXML-1.2.xsd, angularType."""

LINEAR = ("foot", "USSurveyFoot", "meter")
"""Linear units that are read. LandXML-1.2.xsd, impLinear and metLinear, which know others that no survey is in."""

FEET_PER_METRE = float(METRE.metres / US_SURVEY_FOOT.metres)

_SQFT = {
    "squareFoot": 1.0,
    "acre": float(SQFT_PER_ACRE),
    "squareMeter": FEET_PER_METRE**2,
    "hectare": 10_000 * FEET_PER_METRE**2,
}
_BULK = {"P", "F", "Surface", "PipeNetworks", "GradeModel", "Roadways", "TextureImageTable", "MaterialTable"}
"""Elements of bulk without boundaries; counted and let go while reading, so that a terrain model costs no memory."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


class Units(NamedTuple):
    """What the numbers are in: ``linear`` of `LINEAR`; ``angle`` and ``direction`` are values of `ANGLES`, null "
    "where not stated."""

    linear: str | None
    area: str | None
    angle: str | None
    direction: str | None


class Place(NamedTuple):
    """A point as the file writes it: the first and the second coordinate, the elevation, and the name of the point it refers to."""

    first: float
    second: float
    elevation: float | None = None
    ref: str | None = None


class Document(NamedTuple):
    """
    A LandXML file.

    ``points`` maps each name of a point to its place. ``conflicts`` are names that stand for two places, ``unplaced`` names without
    one. ``dropped`` counts elements that have no boundaries in them and are not read. ``crs_says`` follows
    "The file ...".
    """

    name: str
    root: ET.Element
    version: str
    program: str | None
    units: Units
    crs: CRS | None
    crs_says: str
    points: dict[str, Place]
    conflicts: tuple[str, ...]
    unplaced: tuple[str, ...]
    dropped: dict[str, int]


def local(element: ET.Element) -> str:
    """The local name of an element of a document, which has no others."""
    return element.tag


def children(element: ET.Element, *names: str) -> Iterator[ET.Element]:
    """Children of some local names, in order."""
    return (child for child in element if child.tag in names)


def below(element: ET.Element, *names: str) -> Iterator[ET.Element]:
    """Elements of some local names anywhere below, in order."""
    return element.iter(*names) if len(names) == 1 else (child for child in element.iter() if child.tag in names)


def number(text: str | None) -> float | None:
    """A finite number, or null where the text is none."""
    text = (text or "").strip()
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def half_place(text: str) -> float:
    """Half of the last place that a number is really stated to: zeros that a program pads with are none."""
    digits = text.strip().lower().partition("e")[0]
    fraction = digits.partition(".")[2].rstrip("0")
    return 0.5 * 10.0 ** -len(fraction)


def degrees(text: str | None, notation: str | None) -> float | None:
    """An angle in degrees; null where there is none, it is not one in that notation, or the notation is not known."""
    value = number(text)
    if value is None or notation is None:
        return None
    if notation == "decimal":
        return value
    if notation == "radian":
        return math.degrees(value)
    try:
        return parse_angle(text.strip(), notation=notation)
    except ValueError:
        return None


def sqft_per_unit(units: Units) -> float | None:
    """Square feet in the unit of the file's areas: its own feet, or US survey feet of metres. Null where that unit is not read."""
    return _SQFT.get(units.area)


def place_of(element: ET.Element | None, points: dict[str, Place]) -> Place | None:
    """The place of a Start, Center, End or the like: coordinates of its own, or those of the point it refers to."""
    if element is None:
        return None
    ref = element.get("pntRef")
    if ref is not None:
        found = points.get(ref.strip())
        return found._replace(ref=ref.strip()) if found else None
    return _place(element.text)


def places(text: str | None, step: int) -> list[Place] | None:
    """The points of a list of 2 or 3 coordinates each; null where it is none."""
    values = [number(word) for word in (text or "").split()]
    if not values or len(values) % step or any(value is None for value in values):
        return None
    return [Place(values[n], values[n + 1]) for n in range(0, len(values), step)]


def read_document(path: Path | str) -> Document:
    """
    The elements, units, coordinate system and points of a LandXML file.

    Raises
    ------
    ReadError
        If it is no file here, has a document type or entities, is too deep or too large, is not well-formed, or is not LandXML.
    """
    path = require_local_file(path)
    markup = require_plain_xml(path)
    if markup.root != "LandXML":
        raise ReadError(f"{path} is not LandXML: its root element is {markup.root!r}. Ask the sender how it was made.")
    root = _tree(path)
    dropped = {name: markup.counts[name] for name in sorted(_BULK - {"P", "F"}) if markup.counts.get(name)}
    points, conflicts, unplaced = _points(root)
    program = next(children(root, "Application"), None)
    said = " ".join(filter(None, (program.get("name"), program.get("version")))) if program is not None else None
    crs, says = _system(root)
    return Document(
        path.name, root, root.get("version", ""), said, _units(root), crs, says, points, conflicts, unplaced, dropped
    )  # fmt: skip


def _tree(path: Path) -> ET.Element:
    root = None
    open_elements: list[ET.Element] = []
    for event, element in ET.iterparse(path, events=("start", "end")):
        if event == "start":
            root = element if root is None else root
            open_elements.append(element)
            continue
        open_elements.pop()
        element.tag = element.tag.rpartition("}")[2]
        if local(element) in _BULK and open_elements:
            open_elements[-1].remove(element)
    return root


def _units(root: ET.Element) -> Units:
    said = {
        (local(system), system.get("linearUnit"))
        for units in below(root, "Units")
        for system in children(units, "Imperial", "Metric")
    }
    if len(said) > 1:
        shown = " and ".join(f"{system} {unit!r}" for system, unit in sorted(said, key=str))
        raise CRSError(f"The file states several units: {shown}. Ask the sender which is true, and for the file with one.")
    for units in below(root, "Units"):
        for system in children(units, "Imperial", "Metric"):
            return Units(
                system.get("linearUnit"),
                system.get("areaUnit"),
                ANGLES.get((system.get("angularUnit") or "").strip().lower()),
                ANGLES.get((system.get("directionUnit") or "").strip().lower()),
            )
    return Units(None, None, None, None)


def _system(root: ET.Element) -> tuple[CRS | None, str]:
    for element in below(root, "CoordinateSystem"):
        said = {name: value for name, value in sorted(element.attrib.items()) if value.strip()}
        code = re.fullmatch(r"(?:EPSG:)?(\d{4,6})", said.get("epsgCode", "").strip(), re.I)
        crs = stated_crs(f"EPSG:{code[1]}") if code else None
        if crs is None:
            crs = stated_crs(said.get("ogcWktCode"))
        shown = ", ".join(f"{name} {value!r}" for name, value in said.items()) or "nothing"
        if crs is not None:
            return crs, f"says {crs.name}"
        return None, f"has a CoordinateSystem that names no system by a code ({shown[:200]})"
    return None, "states no coordinate system"


def _points(root: ET.Element) -> tuple[dict[str, Place], tuple[str, ...], tuple[str, ...]]:
    points: dict[str, Place] = {}
    aliases: dict[str, str] = {}
    conflicts, unplaced = [], []
    for element in below(root, "CgPoint"):
        name = element.get("name")
        if name is None:
            continue
        name = name.strip()
        if element.get("pntRef") is not None:
            aliases[name] = element.get("pntRef").strip()
            continue
        place = _place(element.text)
        if place is None:
            unplaced.append(name)
        elif name in points and points[name][:2] != place[:2]:
            conflicts.append(name)
        else:
            points.setdefault(name, place)
    for name, target in aliases.items():
        seen = {name}
        while target in aliases and target not in seen:
            seen.add(target)
            target = aliases[target]
        if target in points:
            points.setdefault(name, points[target])
        else:
            unplaced.append(name)
    return points, tuple(dict.fromkeys(conflicts)), tuple(unplaced)


def _place(text: str | None) -> Place | None:
    values = [number(word) for word in (text or "").split()]
    if len(values) not in (2, 3) or any(value is None for value in values):
        return None
    return Place(*values)
