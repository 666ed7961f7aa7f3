"""
The figures of a LandXML file, parcels, plan features and alignments, as segments with what the file states of each.

Nothing is worked out here: coordinates stay in the order of the file, numbers as they are written. Which of the two coordinates
is the northing has to be known before a line has a direction.
"""

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import NamedTuple

from citygis.readers.landxml_document import Document, Place, below, children, local, number, place_of, places

HANDS = {"cw": "R", "ccw": "L"}
"""Hands of a curve by its ``rot``. LandXML-1.2.xsd, clockwise."""

_SEGMENTS = ("Line", "Curve", "IrregularLine", "Spiral", "Chain")


class Segment(NamedTuple):
    """One element of a CoordGeom, or one piece of one: the places it joins, and its attributes as sent."""

    kind: str
    start: Place
    end: Place
    center: Place | None
    hand: str | None
    stated: dict[str, str]
    is_natural: bool
    text: str


class Part(NamedTuple):
    """One CoordGeom: its name, its segments, and what kept others from being read."""

    name: str | None
    segments: tuple[Segment, ...]
    problems: tuple[str, ...]


class Figure(NamedTuple):
    """
    A parcel, plan feature or alignment.

    ``ref`` is unique in the file; ``parent`` is the figure it lies in; ``parts_of`` names the parcels that make it up, where it
    has no geometry of its own.
    """

    of: str
    ref: str
    name: str | None
    stated: dict[str, str]
    parts: tuple[Part, ...]
    center: Place | None
    parent: str | None
    parts_of: tuple[str, ...]


def figures(document: Document) -> list[Figure]:
    """Every parcel, plan feature and alignment of a document, in its order, nested parcels behind the one that holds them."""
    found: list[Figure] = []
    taken: dict[str, int] = {}
    for holder in children(document.root, "Parcels"):
        for element in children(holder, "Parcel"):
            found += _parcels(element, document, None, taken)
    for names, of in ((("PlanFeatures", "PlanFeature"), "plan_feature"), (("Alignments", "Alignment"), "alignment")):
        for holder in children(document.root, names[0]):
            for element in children(holder, names[1]):
                found.append(_figure(element, document, of, None, (), taken))
    return found


def _parcels(element: ET.Element, document: Document, parent: str | None, taken: dict[str, int]) -> Iterator[Figure]:
    inside = [child for holder in children(element, "Parcels") for child in children(holder, "Parcel")]
    # In the plan profile a part of a parcel of several parts only points to the parcel that is the part.
    pointers = [
        child for child in inside if child.get("pclRef") is not None and not any(True for _ in children(child, "CoordGeom"))
    ]
    refs = tuple(child.get("pclRef").strip() for child in pointers)
    figure = _figure(element, document, "parcel", parent, refs, taken)
    yield figure
    for child in inside:
        if child not in pointers:
            yield from _parcels(child, document, figure.ref, taken)


def _figure(
    element: ET.Element, document: Document, of: str, parent: str | None, parts_of: tuple[str, ...], taken: dict[str, int]
) -> Figure:
    name = element.get("name")
    word = local(element)
    ref = f"{word} {name}" if name else word
    taken[ref] = taken.get(ref, 0) + 1
    if taken[ref] > 1 or not name:
        # A second one of the same name, or one without a name, is told by its place among them.
        ref = f"{ref} ({taken[ref]})"
    return Figure(
        of,
        ref,
        name,
        dict(element.attrib),
        tuple(_part(geometry, document) for geometry in children(element, "CoordGeom")),
        place_of(next(children(element, "Center"), None), document.points),
        parent,
        parts_of,
    )


def _part(geometry: ET.Element, document: Document) -> Part:
    segments: list[Segment] = []
    problems: list[str] = []
    for position, element in enumerate((e for e in geometry if local(e)), 1):
        kind = local(element)
        if kind not in _SEGMENTS:
            if kind not in ("Feature", "Start"):
                problems.append(f"element {position} is a {kind}, which is not read")
            continue
        try:
            segments += _segments(element, kind, document)
        except ValueError as error:
            problems.append(f"element {position} ({kind}) {error}")
    return Part(geometry.get("name"), tuple(segments), tuple(problems))


def _segments(element: ET.Element, kind: str, document: Document) -> list[Segment]:
    text = f"{kind} " + " ".join(f'{name}="{value}"' for name, value in element.attrib.items())
    stated = {name: value for name, value in element.attrib.items() if value.strip()}
    if kind == "Chain":
        return _between(_chain(element, document), "line", stated, text, natural=False)
    ends = [_required(element, name, document) for name in ("Start", "End")]
    if kind == "IrregularLine":
        return _between(_irregular(element, *ends), "line", {}, text, natural=True)
    if kind == "Line":
        if ends[0][:2] == ends[1][:2]:
            raise ValueError("begins and ends at one point")
        return [Segment("line", *ends, None, None, stated, False, text.strip())]
    hand = HANDS.get(stated.get("rot", "").strip().lower())
    if hand is None:
        raise ValueError("does not say which way it turns (rot is neither cw nor ccw)")
    center = place_of(next(children(element, "Center"), None), document.points)
    if kind == "Spiral":
        return [Segment("spiral", *ends, None, hand, stated, False, text.strip())]
    if center is None and number(stated.get("radius")) is None:
        raise ValueError("has neither a centre that can be found nor a radius")
    if ends[0][:2] != ends[1][:2]:
        return [Segment("curve", *ends, center, hand, stated, False, text.strip())]
    if center is None:
        raise ValueError("begins and ends at one point and has no centre")
    across = Place(2 * center.first - ends[0].first, 2 * center.second - ends[0].second)
    halves = ((ends[0], across), (across, ends[1]))
    return [Segment("curve", *half, center, hand, {}, False, text.strip()) for half in halves]


def _required(element: ET.Element, name: str, document: Document) -> Place:
    child = next(children(element, name), None)
    if child is None:
        raise ValueError(f"has no {name}")
    place = place_of(child, document.points)
    if place is None:
        said = f"point {child.get('pntRef')!r}, which has no place" if child.get("pntRef") else f"{(child.text or '').strip()!r}"
        raise ValueError(f"has as its {name} {said}")
    return place


def _chain(element: ET.Element, document: Document) -> list[Place]:
    names = (element.text or "").split()
    missing = [name for name in names if name not in document.points]
    if missing:
        raise ValueError(f"runs over point {missing[0]!r}, which has no place")
    if len(names) < 2:
        raise ValueError("has fewer than two points")
    return [document.points[name]._replace(ref=name) for name in names]


def _irregular(element: ET.Element, start: Place, end: Place) -> list[Place]:
    for name, step in (("PntList2D", 2), ("PntList3D", 3)):
        child = next(children(element, name), None)
        if child is None:
            continue
        middle = places(child.text, step)
        if middle is None:
            raise ValueError(f"has a {name} that is not {step} numbers for each point")
        # Some programs repeat the ends in the list.
        middle = middle[1:] if middle and middle[0][:2] == start[:2] else middle
        middle = middle[:-1] if middle and middle[-1][:2] == end[:2] else middle
        return [start, *middle, end]
    raise ValueError("has no list of points")


def _between(found: list[Place], kind: str, stated: dict[str, str], text: str, *, natural: bool) -> list[Segment]:
    pairs = itertools.pairwise(found)
    return [Segment(kind, a, b, None, None, stated, natural, text.strip()) for a, b in pairs if a[:2] != b[:2]]


def stated_monuments(document: Document) -> list[tuple[dict[str, str], Place | None]]:
    """The monuments of a document: their attributes, and the place of the point each is at."""
    elements = (element for holder in below(document.root, "Monuments") for element in children(holder, "Monument"))
    return [(dict(element.attrib), document.points.get((element.get("pntRef") or "").strip())) for element in elements]
