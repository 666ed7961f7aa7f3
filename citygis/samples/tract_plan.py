"""
Tract No. 3999 as it is: the designated remainder of Riverbend cut into lots along a loop street and a court.

Drawn by hand in feet from the remainder's south-east corner, the loop's south half only: the north half is its mirror. Radii,
widths and depths are round numbers, so that the record can be checked on paper.
"""

import cmath
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.samples.fabric import ORIGIN, TURN

TRACT_NO, TRACT_NAME = "3999", "Blossom Court"

_PLACE = complex(5238, 1500)
"""The remainder's south-east corner in the plan of the city: the west side of Meridian Road."""
_MIDDLE_FT = 411.0
"""Northing of the court: what is south of it is mirrored to the north."""
_CITY_CORNER_FT = 0.01
_NEIGHBOURS = (complex(-226, 0), complex(-452, 0))
"""Corners of the lots south of it, which stand on its boundary."""
_BEND, _BULB = complex(-470, 288), complex(-150, 411)
_OUTER_FT, _INNER_FT, _BULB_FT, _RETURN_FT, _REVERSE_FT = 178.0, 122.0, 50.0, 20.0, 30.0
_FRONTAGE_FT = 10.0

Step = tuple[complex, float]
"""A corner, and the radius of the course that leaves it: 0 for a line, positive where it turns right."""


class Side(NamedTuple):
    """One course: its ends (rows of `Tract.corners`), radius (0 of a line, positive where it turns right), and what it bounds."""

    start: int
    end: int
    radius_ft: float
    role: str


class Figure(NamedTuple):
    """A lot, the street or the tract: its corners in order, clockwise, and the radius of the course that leaves each."""

    name: str
    corners: tuple[int, ...]
    radii_ft: tuple[float, ...]


class Tract(NamedTuple):
    """
    The tract in City feet.

    Attributes
    ----------
    corners : array (n, 2)
        Easting and northing of every corner; those that the City has on record are the City's.
    on_record : tuple of str
        The City's number of each corner, empty for a new one.
    lots : tuple of Figure
        Lots 1 to 49, then A and B.
    street, boundary : Figure
        The rest of the land, and all of it.
    sides : tuple of Side
        Every course once; ``role`` is boundary, street or lot.
    easements : tuple of (name, purpose, width, array (k, 2))
        Strips within lots: corners of a polygon, not closed.
    frontage : tuple of array (2, 2) or arcs
        Lines of the utility easement, 10 ft behind straight street lines.
    centerlines : tuple of (start, end, radius)
        Of the street and the court.
    """

    corners: np.ndarray
    on_record: tuple[str, ...]
    lots: tuple[Figure, ...]
    street: Figure
    boundary: Figure
    sides: tuple[Side, ...]
    easements: tuple[tuple[str, str, float, np.ndarray], ...]
    frontage: tuple[np.ndarray, ...]
    centerlines: tuple[tuple[np.ndarray, np.ndarray, float], ...]


def tract(corner: gpd.GeoDataFrame) -> Tract:
    """
    Tract No. 3999.

    Parameters
    ----------
    corner : GeoDataFrame
        The City's ``corner`` layer, as the sample city has it.
    """
    lots = [*_numbered(), ("A", _lot_a()), ("B", _lot_b())]
    loops = [*(steps for _, steps in lots), _boundary()]
    nodes = _distinct([*(point for steps in loops for point, _ in steps), *_NEIGHBOURS])
    loops = [_with_all_corners(steps, nodes) for steps in loops]
    number = {_key(point): k for k, point in enumerate(nodes)}
    names = [*(name for name, _ in lots), TRACT_NO]
    figures = [
        Figure(name, tuple(number[_key(p)] for p, _ in steps), tuple(float(r) for _, r in steps))
        for name, steps in zip(names, loops, strict=True)
    ]
    street, sides = _street_and_sides(figures[:-1], figures[-1])
    places, on_record = _placed(nodes, corner)
    return Tract(
        places, on_record, tuple(figures[:-1]), street, figures[-1], sides,
        tuple((name, purpose, width, _ground(points)) for name, purpose, width, points in _strips()),
        tuple(_ground(line) for line in _frontage()),
        tuple((*_ground((a, b)), radius) for a, b, radius in _centerlines()),
    )  # fmt: skip


def steps_of(figure: Figure) -> Iterable[tuple[int, int, float]]:
    """Courses of a figure: corner, next corner, radius."""
    return zip(figure.corners, (*figure.corners[1:], figure.corners[0]), figure.radii_ft, strict=True)


def turn_of(start: np.ndarray, end: np.ndarray, radius_ft: float) -> float:
    """What an arc turns, in radians, positive to the right; all arcs of the tract turn less than half a circle."""
    return math.copysign(2 * math.asin(math.dist(start, end) / 2 / abs(radius_ft)), radius_ft)


def center_of(start: np.ndarray, end: np.ndarray, radius_ft: float) -> np.ndarray:
    """The centre of an arc of less than half a circle."""
    step = np.asarray(end) - start
    right = np.array([step[1], -step[0]])
    return (np.asarray(start) + end) / 2 + right / (2 * math.tan(turn_of(start, end, radius_ft) / 2))


def area_of(figure: Figure, corners: np.ndarray) -> float:
    """Square feet, exact on the arcs: the polygon of the corners, and the segment of each arc added or taken away."""
    e, n = (corners[list(figure.corners)] - corners[figure.corners[0]]).T
    straight = float(np.sum(n * np.roll(e, -1) - e * np.roll(n, -1))) / 2
    bows = 0.0
    for a, b, radius in steps_of(figure):
        if radius:
            turned = turn_of(corners[a], corners[b], radius)
            bows += radius**2 * (turned - math.sin(turned)) / 2
    return straight + bows


def outline_of(figure: Figure, corners: np.ndarray, *, pieces: int = 16) -> shapely.Polygon:
    """A polygon for looking at, arcs in equal pieces; areas are those of `area_of`."""
    points = []
    for a, b, radius in steps_of(figure):
        start, end = corners[a], corners[b]
        points.append(start)
        if radius:
            center = center_of(start, end, radius)
            for k in range(1, pieces):
                angle = -turn_of(start, end, radius) * k / pieces
                spoke = complex(*(start - center)) * cmath.exp(1j * angle)
                points.append(center + [spoke.real, spoke.imag])
    return shapely.Polygon(points)


def _numbered() -> list[tuple[str, list[Step]]]:
    """Lots 1 to 49: along the outside of the loop from the south-east, then inside it, then around the court."""
    outer_west = [-105.0, -170, -235, -300, -365, -430]
    outer = [_between(a, b, 0, 110) for a, b in zip(outer_west, [-40.0, *outer_west], strict=False)]
    bend = _bend_lots(-430)
    west = [_between(-758, -648, low, low + 74) for low in (300.0, 374.0, 448.0)]
    north_east = [-65.0, -130, -195, -260, -325, -390]
    north = [_corner(-65, 0, 110), *(_between(a, b, 0, 110) for a, b in zip(north_east[1:], north_east, strict=False))]
    north_bend = _bend_lots(-390)
    inner = [_inner_corner(-70, 0), *(_inner(a, a + 65) for a in (-135.0, -200, -265, -330, -395)), _inner_bend(-395)]
    court = _court()
    around = [*outer, *bend, *west, *map(_mirrored, reversed([*north, *north_bend]))]
    inside = [*inner, *map(_mirrored, inner)]
    beside = [*court, *map(_mirrored, reversed(court))]
    return [(str(k), steps) for k, steps in enumerate([*around, *inside, *beside], start=1)]


def _between(west: float, east: float, south: float, north: float) -> list[Step]:
    return [(complex(west, south), 0), (complex(west, north), 0), (complex(east, north), 0), (complex(east, south), 0)]


def _corner(west: float, east: float, front: float) -> list[Step]:
    """A lot on the corner of the loop and Meridian Road, its corner rounded."""
    r = _RETURN_FT
    return [
        (complex(west, 0), 0),
        (complex(west, front), 0),
        (complex(east - r, front), r),
        (complex(east, front - r), 0),
        (complex(east, 0), 0),
    ]


def _lot_a() -> list[Step]:
    """A strip of landscape at the south entry."""
    return _corner(-40, 0, 110)


def _bend_lots(east: float) -> list[list[Step]]:
    """The three lots outside the bend, their side lines radial."""
    c, r = _BEND, _OUTER_FT
    spoke = {degrees: -1j * cmath.exp(-1j * math.radians(degrees)) for degrees in (30, 60)}
    near, far = (c + r * spoke[degrees] for degrees in (30, 60))
    rear = c + spoke[30] * c.imag / math.cos(math.radians(30))
    side = c + spoke[60] * (c.real + 758) / math.sin(math.radians(60))
    return [
        [(rear, 0), (near, -r), (c - 1j * r, 0), (complex(east, 110), 0), (complex(east, 0), 0)],
        [(complex(-758, 0), 0), (side, 0), (far, -r), (near, 0), (rear, 0)],
        [(side, 0), (complex(-758, 300), 0), (complex(-648, 300), 0), (c - r, -r), (far, 0)],
    ]


def _inner(west: float, east: float) -> list[Step]:
    return _between(west, east, 166, 288)


def _inner_corner(west: float, east: float) -> list[Step]:
    r = _RETURN_FT
    return [
        (complex(west, 166), 0),
        (complex(west, 288), 0),
        (complex(east, 288), 0),
        (complex(east, 166 + r), r),
        (complex(east - r, 166), 0),
    ]


def _inner_bend(east: float) -> list[Step]:
    """The lot inside the bend."""
    c, r = _BEND, _INNER_FT
    return [(c - r, 0), (complex(east, 288), 0), (complex(east, 166), 0), (c - 1j * r, r)]


def _court() -> list[list[Step]]:
    """The lots south of the court, from its mouth to the end of the bulb."""
    r, front = _RETURN_FT, 386.0
    fan = {azimuth: 1j * cmath.exp(-1j * math.radians(azimuth)) for azimuth in (195, 140, 90)}
    rear = {azimuth: _BULB + u * (288 - _BULB.imag) / u.imag for azimuth, u in fan.items() if azimuth != 90}
    rim = {azimuth: _BULB + _BULB_FT * u for azimuth, u in fan.items()}
    bend = complex(_BULB.real - math.sqrt(25 * (75 + 2 * _REVERSE_FT)), front)
    pivot = bend - 1j * _REVERSE_FT
    reverse = _BULB + _BULB_FT * (pivot - _BULB) / abs(pivot - _BULB)
    mouth = [
        (complex(-592, 288), 0),
        (complex(-592, front - r), r),
        (complex(-592 + r, front), 0),
        (complex(-510, front), 0),
        (complex(-510, 288), 0),
    ]
    spokes = [(rim[195], 0), (rear[195], 0)]
    return [
        mouth,
        *(_between(a, a + 70, 288, front) for a in (-510.0, -440, -370)),
        [(complex(-300, 288), 0), (complex(-300, front), 0), (bend, _REVERSE_FT), (reverse, -_BULB_FT), *spokes],
        [(rear[195], 0), (rim[195], -_BULB_FT), (rim[140], 0), (rear[140], 0)],
        [(rear[140], 0), (rim[140], -_BULB_FT), (rim[90], 0), (complex(0, 411), 0), (complex(0, 288), 0)],
    ]  # fmt: skip


def _lot_b() -> list[Step]:
    """Open ground and a basin along the canal, and what is left in the north."""
    return [
        *_canal_side(),
        (complex(-30, 1090), 30),
        (complex(0, 1060), 0),
        (complex(0, 822), 0),
        (complex(-758, 822), 0),
        (complex(-758, 0), 0),
    ]


def _boundary() -> list[Step]:
    return [*_canal_side(), (complex(-30, 1090), 30), (complex(0, 1060), 0), (0j, 0)]


def _canal_side() -> list[Step]:
    return [
        (complex(-1052.3579, -0.0001), 1760),
        (complex(-1038.2084, 74.4066), -1840),
        (complex(-998, 456.9641), 0),
        (complex(-998, 1090), 0),
    ]


def _mirrored(steps: Sequence[Step]) -> list[Step]:
    """The same on the other side of the court, and clockwise again: turned back, every right turn stays one to the right."""
    flipped = [complex(point.real, 2 * _MIDDLE_FT - point.imag) for point, _ in steps]
    radii = [radius for _, radius in steps]
    return list(zip(flipped[::-1], [*radii[-2::-1], radii[-1]], strict=True))


def _strips() -> list[tuple[str, str, float, tuple[complex, ...]]]:
    """A storm drain from the bend to the basin, and a sewer from the end of the court to Meridian Road."""
    drain = (complex(-758, 366.5), complex(-758, 381.5), complex(-648, 381.5), complex(-648, 366.5))
    half = 7.5
    dip = _BULB.real + math.sqrt(_BULB_FT**2 - half**2)
    sewer = (complex(dip, 411 - half), complex(dip, 411 + half), complex(0, 411 + half), complex(0, 411 - half))
    return [("STORM DRAIN", "STORM", 15.0, drain), ("SANITARY SEWER", "SEWER", 15.0, sewer)]


def _frontage() -> list[tuple[complex, complex]]:
    """Ten feet behind the straight street lines, for public utilities."""
    d = _FRONTAGE_FT
    south = [
        (complex(-470, 110 - d), complex(-_RETURN_FT, 110 - d)),
        (complex(-470, 166 + d), complex(-_RETURN_FT, 166 + d)),
        (complex(-572, 386 - d), complex(_BULB.real - math.sqrt(25 * (75 + 2 * _REVERSE_FT)), 386 - d)),
    ]
    north = [tuple(complex(p.real, 2 * _MIDDLE_FT - p.imag) for p in line) for line in south]
    return [*south, *north, (complex(-648 - d, 288), complex(-648 - d, 534))]


def _centerlines() -> list[tuple[complex, complex, float]]:
    r = (_OUTER_FT + _INNER_FT) / 2
    ends = [
        complex(0, 138),
        complex(-470, 138),
        complex(-470 - r, 288),
        complex(-470 - r, 534),
        complex(-470, 684),
        complex(0, 684),
    ]
    radii = [0.0, r, 0.0, r, 0.0]
    return [*zip(ends, ends[1:], radii, strict=False), (complex(-470 - r, 411), _BULB, 0.0)]


def _key(point: complex) -> tuple[int, int]:
    return round(point.real * 1000), round(point.imag * 1000)


def _distinct(points: Iterable[complex]) -> list[complex]:
    return list({_key(point): complex(point) for point in points}.values())


def _with_all_corners(steps: list[Step], nodes: Sequence[complex]) -> list[Step]:
    """A loop with every corner of its neighbours that lies on a straight course of it; no neighbour's corner lies on an arc."""
    full: list[Step] = []
    for (a, radius), (b, _) in zip(steps, [*steps[1:], steps[0]], strict=True):
        full.append((a, radius))
        if radius:
            continue
        u = (b - a) / abs(b - a)
        along = {((p - a) * u.conjugate()).real: p for p in nodes if abs(((p - a) * u.conjugate()).imag) < 1e-3}
        full += [(p, 0.0) for t, p in sorted(along.items()) if 1e-3 < t < abs(b - a) - 1e-3]
    return full


def _street_and_sides(lots: Sequence[Figure], boundary: Figure) -> tuple[Figure, tuple[Side, ...]]:
    """What lots and boundary leave over, and every course once."""
    owners: dict[tuple[int, int], float] = {(a, b): radius for lot in lots for a, b, radius in steps_of(lot)}
    around = {(a, b): radius for a, b, radius in steps_of(boundary)}
    sides, follows = [], {}
    for (a, b), radius in owners.items():
        if (a, b) in around:
            sides.append(Side(a, b, radius, "boundary"))
        elif (b, a) not in owners:
            sides.append(Side(a, b, radius, "street"))
            follows[b] = (a, -radius)
        elif not any((s.start, s.end) == (b, a) for s in sides):
            sides.append(Side(a, b, radius, "lot"))
    for (a, b), radius in around.items():
        if (a, b) not in owners:
            sides.append(Side(a, b, radius, "boundary"))
            follows[a] = (b, radius)
    first = at = min(follows)
    chain, radii = [], []
    while True:
        chain.append(at)
        at, radius = follows.pop(at)
        radii.append(radius)
        if at == first:
            break
    if follows:
        raise AssertionError("The street is in more than one piece: the plan of the tract does not fit together.")
    return Figure("STREETS", tuple(chain), tuple(radii)), tuple(sides)


def _placed(nodes: Sequence[complex], corner: gpd.GeoDataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """Corners on the ground; what the City has on record stays where it is."""
    places = _ground(nodes)
    found = shapely.STRtree(corner.geometry.to_numpy()).query_nearest(shapely.points(places), max_distance=_CITY_CORNER_FT)
    names = [""] * len(nodes)
    for node, row in found.T:
        names[node] = corner["corner_id"].iloc[row]
        places[node] = corner.geometry.iloc[row].x, corner.geometry.iloc[row].y
    return places, tuple(names)


def _ground(points: Iterable[complex]) -> np.ndarray:
    placed = (np.asarray(list(points), dtype=complex) + _PLACE) * TURN + ORIGIN
    return np.round(np.column_stack([placed.real, placed.imag]), 6)
