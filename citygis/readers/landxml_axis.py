"""
Which coordinate of a LandXML file is the northing, and how its directions are written: found from what the file says twice.

The standard is northing first (LandXML-1.2.xsd, Point). Programs are known that write easting first, and then every lot is
mirrored and lies elsewhere, with nothing to be seen in a single number. But a file says many things twice: a direction and the
two points it joins, a hand and the side of the centre, an area and the arcs around it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from citygis.cogo import Course, arc_between, course_between, signed_area_sqft
from citygis.errors import ReadError
from citygis.readers.landxml_document import FEET_PER_METRE, Document, Place, half_place, number, sqft_per_unit
from citygis.readers.landxml_figures import Figure, Segment
from citygis.readers.landxml_survey import Observation, azimuth_deg

ORDERS = ("NE", "EN")
"""Northing first, as the standard says, and easting first."""

NOTATIONS = ("decimal", "packed", "gon", "radian")
ORIGINS = {"north": 0.0, "south": 180.0}

_MISS_OVER_LENGTH = math.radians(0.02)
_MISS = 0.03
_MOST, _FEWEST = 0.75, 0.35
_FEW_PAIRS = 3
_FEW_CURVES = 4


class Evidence(NamedTuple):
    """
    One thing that a file says twice: of ``count`` pairs, how many agree with northing first and how many with easting first.

    ``favours`` is "NE" or "EN" where the pairs decide, null where they do not.
    """

    test: str
    count: int
    northing_first: int
    easting_first: int

    @property
    def favours(self) -> str | None:
        """The order that most pairs agree with and few contradict."""
        shares = self.northing_first / self.count, self.easting_first / self.count
        if max(shares) < _MOST or min(shares) > _FEWEST:
            return None
        return ORDERS[shares.index(max(shares))]

    def __str__(self) -> str:
        return f"{self.test}: {self.northing_first} of {self.count} agree as N E, {self.easting_first} as E N"


class Directions(NamedTuple):
    """
    How the azimuths of a file are written, and whether that is what it says: ``is_stated`` or else shown by ``evidence``. ``count``
    is how many it has, between points that are known or not.
    """

    notation: str | None
    origin: str
    is_stated: bool
    evidence: str | None
    count: int


class Settled(NamedTuple):
    """The order of coordinates and the notation of directions, with all evidence there was."""

    order: str
    evidence: tuple[Evidence, ...]
    is_contradicted: bool
    directions: Directions


class _Pair(NamedTuple):
    start: Place
    end: Place
    angles: Observation


def settled(
    document: Document,
    figures: Sequence[Figure],
    observations: Sequence[Observation],
    *,
    order: str | None = None,
    box: tuple[float, float, float, float] | None = None,
) -> Settled:
    """
    The order of the coordinates of a file.

    Parameters
    ----------
    document, figures, observations
    order : {"NE", "EN"}, optional
        What the sender says. Needed only where the evidence is against the standard.
    box : tuple, optional
        Where the coordinates should lie: least easting, least northing, greatest easting, greatest northing, in the file's unit.

    Returns
    -------
    Settled
        Without any evidence, the standard.

    Raises
    ------
    ReadError
        If the evidence is against the standard, or against itself, and no order is stated; or if it is all against the one stated.
    ValueError
        If `order` is neither.
    """
    if order not in (None, *ORDERS):
        raise ValueError(f"Invalid order {order!r}. Must be one of {', '.join(ORDERS)}.")
    pairs = _pairs(figures, observations)
    written = len(pairs) + sum(1 for observation in observations if observation.angles)
    fits = {one: _fits(pairs, document, one) for one in ORDERS}
    tests = [_of_directions(document, pairs, fits), *_of_curves(figures), _of_areas(document, figures), _of_box(document, box)]
    evidence = tuple(test for test in tests if test is not None)
    favoured = {test.favours for test in evidence} - {None}
    told = "; ".join(str(test) for test in evidence)
    if favoured == {"EN"} and order is None:
        raise ReadError(
            f"{document.name} has its coordinates easting first, against the LandXML standard ({told}). Read as the "
            f"standard says, all of it "
            "would be mirrored. If the sender confirms it, state order='EN'."
        )
    if len(favoured) == 2 and order is None:
        raise ReadError(
            f"{document.name} contradicts itself about which coordinate is the northing ({told}). Ask the sender, and "
            f"state order='NE' or "
            "order='EN'."
        )
    if order is not None and favoured and order not in favoured:
        raise ReadError(
            f"{document.name} was said to have its coordinates in the order {order}, and all evidence is against it ({told})."
        )
    taken = order or "NE"
    return Settled(taken, evidence, len(favoured) == 2, _directions(document, pairs, fits[taken], written))


def easting_northing(place: Place, order: str) -> tuple[float, float]:
    """A place as easting and northing."""
    return (place.second, place.first) if order == "NE" else (place.first, place.second)


def course_of(segment: Segment, order: str) -> Course:
    """
    The course between the ends of a line or curve, in the unit of the file.

    Raises
    ------
    ValueError
        If no arc joins the two ends.
    """
    start, end = easting_northing(segment.start, order), easting_northing(segment.end, order)
    basis = "NATURAL" if segment.is_natural else "CALCULATED"
    if segment.kind == "line":
        return course_between(start, end, basis=basis, text=segment.text)
    if segment.center is not None:
        center = easting_northing(segment.center, order)
        return course_between(start, end, hand=segment.hand, center=center, basis=basis, text=segment.text)
    radius, arc = number(segment.stated.get("radius")), number(segment.stated.get("length"))
    major = arc is not None and arc > math.pi * radius
    return course_between(start, end, hand=segment.hand, radius_ft=radius, major=major, basis=basis, text=segment.text)


# -- directions -----------------------------------------------------------------------------------------------------------------


def _pairs(figures: Sequence[Figure], observations: Sequence[Observation]) -> list[_Pair]:
    """Directions between two known points that are apart, from the survey and from lines that state theirs."""
    found = [_Pair(o.start, o.end, o) for o in observations if o.start and o.end and o.angles and o.start[:2] != o.end[:2]]
    for figure in figures:
        for segment in (segment for part in figure.parts for segment in part.segments):
            if segment.kind == "line" and "dir" in segment.stated:
                angles = (segment.stated["dir"],)
                said = Observation("line", "", segment.start, segment.end, None, None, angles, None, None, None, None, {})
                found.append(_Pair(segment.start, segment.end, said))
    return found


def _fits(pairs: list[_Pair], document: Document, order: str) -> dict[tuple[str, str], np.ndarray]:
    """Whether each pair agrees with the coordinates, by notation and origin of its direction."""
    if not pairs:
        return {}
    start = np.array([easting_northing(pair.start, order) for pair in pairs])
    step = np.array([easting_northing(pair.end, order) for pair in pairs]) - start
    length = np.hypot(step[:, 0], step[:, 1])
    allowed = np.maximum(_MISS * (1.0 if document.units.linear == "meter" else 3.28), _MISS_OVER_LENGTH * length)
    found = {}
    for notation in NOTATIONS:
        azimuth = np.array([np.nan if (a := azimuth_deg(pair.angles, notation)) is None else a for pair in pairs])
        for origin, turned in ORIGINS.items():
            angle = np.radians(azimuth + turned)
            # A coordinate of a damaged file may be too large for this; it then agrees with nothing.
            with np.errstate(over="ignore", invalid="ignore"):
                miss = np.hypot(step[:, 0] - length * np.sin(angle), step[:, 1] - length * np.cos(angle))
            found[notation, origin] = np.nan_to_num(miss, nan=np.inf) <= allowed
    return found


def _of_directions(document: Document, pairs: list[_Pair], fits: dict[str, dict]) -> Evidence | None:
    if not pairs:
        return None
    # With few pairs, one of the eight ways to write a direction fits by chance: only the stated one counts.
    ways = fits["NE"].keys() if len(pairs) >= _FEW_PAIRS else [(document.units.direction, "north")]
    best = [max(int(fits[order][way].sum()) if way in fits[order] else 0 for way in ways) for order in ORDERS]
    return Evidence("directions against coordinates", len(pairs), *best)


def _directions(document: Document, pairs: list[_Pair], fits: dict[tuple[str, str], np.ndarray], count: int) -> Directions:
    stated = document.units.direction
    if not pairs:
        return Directions(stated, "north", stated is not None, None, count)
    shares = {key: float(agrees.mean()) for key, agrees in fits.items()}
    best = max(shares, key=lambda key: (shares[key], key == (stated, "north")))
    as_stated = shares.get((stated, "north"), 0.0)
    if len(pairs) >= _FEW_PAIRS and shares[best] >= _MOST and as_stated <= _FEWEST:
        called = {"decimal": "decimal degrees", "packed": "packed degrees, minutes and seconds", "gon": "gons", "radian": "radians"}
        told = (
            f"{int(fits[best].sum())} of {len(pairs)} directions agree with the coordinates as {called[best[0]]} from {best[1]}, "
            f"{round(as_stated * len(pairs))} as the file says"
        )
        return Directions(best[0], best[1], False, told, count)
    return Directions(stated, "north", stated is not None, None, count)


# -- curves and areas --------------------------------------------------------------------------------------------------------------


def _of_curves(figures: Sequence[Figure]) -> list[Evidence]:
    """Hand against the side of the centre: the stated length tells which arc is meant; without one, most curves turn "
    "less than 180°."""
    stated, plain = [], []
    for figure in figures:
        for segment in (segment for part in figure.parts for segment in part.segments):
            if segment.kind != "curve" or segment.center is None:
                continue
            length = number(segment.stated.get("length"))
            agrees = [_agrees(segment, order, length) for order in ORDERS]
            if None not in agrees:
                (plain if length is None else stated).append(agrees)
    # The bulb of a cul-de-sac turns more than 180°, so that a few hands alone prove nothing.
    named = (
        ("arc lengths against hand and centre", stated),
        ("hand against the side of the centre", plain if len(plain) >= _FEW_CURVES else []),
    )
    return [Evidence(test, len(found), *(sum(one[n] for one in found) for n in (0, 1))) for test, found in named if found]


def _agrees(segment: Segment, order: str, length: float | None) -> bool | None:
    ends = (easting_northing(place, order) for place in (segment.start, segment.end))
    try:
        arc = arc_between(*ends, hand=segment.hand, center=easting_northing(segment.center, order))
    except ValueError:
        return None
    if length is None:
        return arc.delta_deg <= 180
    return abs(arc.radius_ft * math.radians(arc.delta_deg) - length) <= max(0.05, 2 * half_place(segment.stated["length"]))


def _of_areas(document: Document, figures: Sequence[Figure]) -> Evidence | None:
    """Stated areas of figures with arcs: mirrored, an arc that was cut out is added."""
    per_unit = sqft_per_unit(document.units)
    if per_unit and document.units.linear == "meter":
        per_unit /= FEET_PER_METRE**2
    found = []
    for figure in figures:
        area = number(figure.stated.get("area"))
        segments = [segment for part in figure.parts for segment in part.segments]
        if not area or not per_unit or len(figure.parts) != 1 or all(segment.kind != "curve" for segment in segments):
            continue
        try:
            computed = [abs(signed_area_sqft([course_of(segment, order) for segment in segments])) for order in ORDERS]
        except ValueError:
            continue
        allowed = max(1e-4 * area, 2 * half_place(figure.stated["area"])) * per_unit
        if abs(computed[0] - computed[1]) > 4 * allowed:
            found.append([abs(one - area * per_unit) <= allowed for one in computed])
    return Evidence("stated areas with arcs", len(found), *(sum(one[n] for one in found) for n in (0, 1))) if found else None


def _of_box(document: Document, box: tuple[float, float, float, float] | None) -> Evidence | None:
    if box is None or not document.points:
        return None
    values = np.array([place[:2] for place in document.points.values()], dtype=float)
    inside = []
    for order in ORDERS:
        easting, northing = (values[:, 1], values[:, 0]) if order == "NE" else (values[:, 0], values[:, 1])
        inside.append(int(((easting >= box[0]) & (northing >= box[1]) & (easting <= box[2]) & (northing <= box[3])).sum()))
    return Evidence("points in the City's extent", len(values), *inside)
