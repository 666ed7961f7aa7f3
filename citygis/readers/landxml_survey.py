"""
The observations of a LandXML survey, reduced to a direction and a distance between two points of the file.
"""

import math
import xml.etree.ElementTree as ET
from typing import NamedTuple

from citygis.readers.landxml_document import Document, Place, below, children, degrees, local, number, place_of

KINDS = {"RawObservation": "raw", "ReducedObservation": "reduced", "ReducedArcObservation": "arc"}
"""The elements that are read, and what an observation is called that was one."""


class Setup(NamedTuple):
    """An instrument setup: where it stood, and the azimuth that its zero points along, as written."""

    place: Place | None
    name: str | None
    orientation: str | None


class Observation(NamedTuple):
    """
    An observation from one point to another, numbers as written and lengths in the file's unit.

    ``angles`` are the texts that add up to the azimuth; the first is a direction, a second an angle turned from it. ``distance`` is
    horizontal, the chord of an arc.
    """

    kind: str
    ref: str
    start: Place | None
    end: Place | None
    setup: str | None
    target: str | None
    angles: tuple[str, ...]
    distance: float | None
    radius: float | None
    arc: float | None
    hand: str | None
    stated: dict[str, str]


def observations(document: Document) -> list[Observation]:
    """Every observation of `KINDS` in the file, in its order."""
    setups = {}
    for element in below(document.root, "InstrumentSetup"):
        point = next(children(element, "InstrumentPoint"), None)
        place = place_of(point, document.points) if point is not None else None
        name = (element.get("stationName") or "").strip()
        if place is None and name in document.points:
            place = document.points[name]._replace(ref=name)
        setups[element.get("id")] = Setup(place, name or None, element.get("orientationAzimuth"))
    found: list[Observation] = []
    for group in below(document.root, "ObservationGroup", "Survey"):
        for element in children(group, *KINDS):
            found.append(_observation(element, group, setups, document, len(found) + 1))
    return found


def unread(document: Document) -> dict[str, int]:
    """Elements of surveys that hold measurements and are not read, and how many there are of each."""
    counts: dict[str, int] = {}
    for group in below(document.root, "ObservationGroup"):
        for element in group:
            if local(element) and local(element) not in (*KINDS, "Feature", "Backsight"):
                counts[local(element)] = counts.get(local(element), 0) + 1
    return dict(sorted(counts.items()))


def _observation(element: ET.Element, group: ET.Element, setups: dict, document: Document, position: int) -> Observation:
    kind = KINDS[local(element)]
    said = {name: value for name, value in element.attrib.items() if value.strip()}
    setup = setups.get(said.get("setupID", group.get("setupID")), Setup(None, None, None))
    target = setups.get(said.get("targetSetupID"), Setup(None, None, None))
    point = next(children(element, "TargetPoint"), None)
    end = target.place if target.place is not None else place_of(point, document.points)
    name = target.name or (point.get("desc") or point.get("name") or point.get("pntRef") if point is not None else None)
    radius = arc = hand = None
    if kind == "raw":
        angles, distance = _turned(said, setup), _horizontal(said, document)
    elif kind == "reduced":
        angles, distance = (said.get("azimuth"),), number(said.get("horizDistance", said.get("horizDist")))
    else:
        angles = (said.get("chordAzimuth"),)
        radius, arc = number(said.get("radius")), number(said.get("length"))
        hand = {"cw": "R", "ccw": "L"}.get(said.get("rot", "").lower())
        usable = radius and arc and radius > 0 and 0 < arc < 2 * math.pi * radius
        distance = 2 * radius * math.sin(arc / 2 / radius) if usable else None
    ref = f"{local(element)} {said['name']}" if "name" in said else f"{local(element)} ({position})"
    given = tuple(angle for angle in angles if angle is not None)
    return Observation(kind, ref, setup.place, end, setup.name, name, given, distance, radius, arc, hand, said)


def _turned(said: dict[str, str], setup: Setup) -> tuple[str | None, ...]:
    if "horizAngle" in said:
        return (setup.orientation or "0", said["horizAngle"])
    return (said.get("azimuth"),)


def _horizontal(said: dict[str, str], document: Document) -> float | None:
    flat = number(said.get("horizDistance"))
    slope, zenith = number(said.get("slopeDistance")), degrees(said.get("zenithAngle"), document.units.angle)
    if flat is not None or slope is None or zenith is None:
        return flat
    return slope * math.sin(math.radians(zenith))


def azimuth_deg(observation: Observation, notation: str | None) -> float | None:
    """The azimuth of an observation, its angles read in one notation; null where one of them cannot be."""
    parts = [degrees(text, notation) for text in observation.angles]
    return None if not parts or any(part is None for part in parts) else sum(parts) % 360
