"""
The four quarter sections of Riverbend, in local feet: the old town's grid, two subdivisions, and the quarter with the canal.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import shapely

from citygis.samples.drafting import Curve, Line, coordinates, cut, heading, offset, path_points
from citygis.samples.lots import Site, Width
from citygis.samples.streets import Disc, Street, along, path_from, stations_of

HALF_MILE_FT = 2640.0
EAST, NORTH = 1 + 0j, 1j
SOUTH_EDGE, WEST_EDGE = 42.0, 33.0
MIDDLE_LOW, MIDDLE_HIGH = HALF_MILE_FT - 50, HALF_MILE_FT + 50
FAR_EDGE = 2 * HALF_MILE_FT - 42
VACATED_ALLEY = (1143.0, 792.0, 1383.0, 832.0)
"""Box around the piece of alley that was vacated (west, south, east, north)."""


class TractPlan(NamedTuple):
    """A recorded map by the ground it covers: every lot and street piece whose middle lies in `outline` is on it."""

    tract_no: str
    name: str
    outline: shapely.Polygon
    map_kind: str
    zoning: str
    recorded: str


class Quarter(NamedTuple):
    """What is drawn in one quarter section."""

    streets: list[Street]
    rear_lines: list[Curve]
    sites: list[Site]
    widths: list[Width]
    tracts: list[TractPlan]


def old_town(names: Iterator[str], rng: np.random.Generator) -> Quarter:
    """Blocks of 300 by 260 ft on 60 ft streets, some with alleys, with narrow lots on Main Street."""
    eastings = [363.0 + 360 * k for k in range(6)]
    northings = [332.0 + 320 * k for k in range(7)]
    columns = list(zip([WEST_EDGE, *(e + 30 for e in eastings)], [*(e - 30 for e in eastings), MIDDLE_LOW], strict=True))
    rows = list(zip([SOUTH_EDGE, *(n + 30 for n in northings)], [*(n - 30 for n in northings), MIDDLE_LOW], strict=True))
    blocks = {
        (c, r): shapely.box(w - 5, s - 5, e + 5, n + 5)
        for (c, (w, e)), (r, (s, n)) in itertools.product(enumerate(columns), enumerate(rows))
    }
    streets = [Street(f"{next(names)} Street", "local", path_from(e + 0j, NORTH, HALF_MILE_FT), 30) for e in eastings]
    for row, n in enumerate(northings):
        name = "Main Street" if row == 3 else f"{next(names)} Street"
        streets.append(Street(name, "local", path_from(n * 1j, EAST, HALF_MILE_FT), 30, 50, 50))
    rear: list[Curve] = []
    for row, (low, high) in enumerate(rows):
        middle = (low + high) / 2
        if row not in (1, 2, 3, 4):
            rear.append(Line(complex(WEST_EDGE, middle), complex(MIDDLE_LOW, middle)))
            continue
        ends = [0.0, HALF_MILE_FT]
        if row == 2:
            # One block of this alley was vacated: its halves went to the lots on either side, which now meet in its middle.
            ends = [0.0, eastings[2], eastings[3], HALF_MILE_FT]
            rear.append(Line(complex(eastings[2], middle), complex(eastings[3], middle)))
        streets += [
            Street("Alley", "alley", path_from(complex(a, middle), EAST, b - a), 10)
            for a, b in zip(ends[::2], ends[1::2], strict=True)
        ]
    # Along the arterials the old town turns its back: a few shops to each block, entered from the side streets.
    for (low, high), outer in ((rows[0], SOUTH_EDGE), (rows[-1], MIDDLE_LOW)):
        for west_edge, east_edge in columns:
            for share in (1 / 3, 2 / 3) if east_edge - west_edge < 400 else ():
                easting = west_edge + share * (east_edge - west_edge)
                rear.append(Line(complex(easting, outer), complex(easting, (low + high) / 2)))
    whole = {
        (3, 5): ("Founders Plaza", "PARK"),
        (2, 5): ("City Hall", "CIVIC"),
        (4, 6): ("Riverbend Grammar School", "SCHOOL"),
        (0, 6): ("Landing Park", "PARK"),
        (6, 0): ("Depot Market", "COMMERCIAL"),
        (6, 7): ("Orchard Plaza", "COMMERCIAL"),
    }
    sites = [Site(blocks[at], *named) for at, named in whole.items()]
    widths = [Width(box, float(rng.choice([45, 50, 50, 50, 60, 75, 100]))) for at, box in blocks.items() if at not in whole]
    widths.append(Width(shapely.box(WEST_EDGE, northings[3] - 150, MIDDLE_LOW, northings[3] + 150), 32.0))
    split = eastings[3] - 30
    west, east = (shapely.box(a, SOUTH_EDGE, b, MIDDLE_LOW) for a, b in ((WEST_EDGE, split), (split, MIDDLE_LOW)))
    tracts = [
        TractPlan("101", "Town of Riverbend", west, "TRACT", "R-2", "1909-04-12"),
        TractPlan("118", "East Addition to Riverbend", east, "TRACT", "R-2", "1924-09-30"),
    ]
    return Quarter(streets, rear, sites, widths, tracts)


def heron_landing(names: Iterator[str], _rng: np.random.Generator) -> Quarter:
    """Two concentric spines with cul-de-sacs on both sides, a parkway across them, a school and parks in their midst."""
    tangent = HALF_MILE_FT / 2 - 4800 * math.sin(math.radians(10))
    spine = path_from(complex(0, MIDDLE_HIGH + 600), EAST, tangent, (2400.0, 10.0), (2400.0, -20.0), (2400.0, 10.0), tangent)
    upper = tuple(offset(curve, 1320) for curve in spine)
    back = [offset(curve, 660) for curve in spine]
    middle = HALF_MILE_FT / 2
    streets = [Street(f"{next(names)} Drive", "collector", path, 30) for path in (spine, upper)]
    streets.append(Street("Heron Parkway", "collector", path_from(complex(middle, HALF_MILE_FT), NORTH, HALF_MILE_FT), 36))
    rear: list[Curve] = [*back]
    sites = []
    whole = {
        (0, 1, 3): ("Heron Elementary School", "SCHOOL"),
        (0, 1, 4): ("Parkway Green", "PARK"),
        (1, -1, 5): ("Lagoon Park", "PARK"),
        (0, -1, 9): ("Heron Crossing Shops", "COMMERCIAL"),
        (1, 1, 0): ("Northgate Basin", "BASIN"),
    }
    for number, (path, side) in enumerate(itertools.product((spine, upper), (-1, 1))):
        edge = {0: MIDDLE_HIGH, 3: FAR_EDGE}.get(number)
        half = stations_of(path)[-1] / 2
        spans = ((WEST_EDGE, half - 36), (half + 36, 2 * half - 50))
        for (from_station, to_station), k in itertools.product(spans, range(5)):
            pitch = (to_station - from_station) / 5
            point, u = along(path, from_station + (k + 0.5) * pitch)
            out = u * 1j * side
            depth = 660.0 if edge is None else (edge - point.imag) / out.imag
            place = (number // 2, side, k + (5 if from_station > half else 0))
            if place in whole:
                middle_of_site = point + out * depth / 2
                sites.append(Site(shapely.Point(middle_of_site.real, middle_of_site.imag).buffer(60), *whole[place]))
            else:
                streets.append(cul_de_sac(f"{next(names)} Court", point, out, depth - 153.5, 62))
            if k:
                start, u = along(path, from_station + k * pitch)
                # Rear lines overrun the arterial's edge, where they are cut, and stop short of the ground behind the back line.
                rear.append(Line(start, start + u * 1j * side * (660.0 if edge is None else depth + 20)))
    divide = [complex(WEST_EDGE, back[0].start.imag), *path_points(back), complex(MIDDLE_LOW, back[-1].end.imag)]
    south = shapely.Polygon(
        coordinates([complex(WEST_EDGE, MIDDLE_HIGH), complex(MIDDLE_LOW, MIDDLE_HIGH), *reversed(divide)])
    ).buffer(0)
    quarter = shapely.box(WEST_EDGE, MIDDLE_HIGH, MIDDLE_LOW, FAR_EDGE)
    tracts = [
        TractPlan("3127", "Heron Landing Unit 1", shapely.intersection(quarter, south), "TRACT", "R-1", "2004-06-18"),
        TractPlan("3184", "Heron Landing Unit 2", shapely.difference(quarter, south), "TRACT", "R-1", "2006-02-09"),
    ]
    return Quarter(streets, rear, sites, [], tracts)


def almond_grove(names: Iterator[str], _rng: np.random.Generator) -> Quarter:
    """A family of concentric curved streets, shops and condominiums below it, courts, a school and a park above."""
    base = path_from(complex(HALF_MILE_FT, MIDDLE_HIGH + 420), EAST, 500.0, (1200.0, 30.0), (1200.0, -30.0), 940.0)
    family = [tuple(offset(curve, 260.0 * k) for curve in base) for k in range(4)]
    streets = [Street("Grove Parkway", "collector", path_from(complex(HALF_MILE_FT, 4780), EAST, HALF_MILE_FT), 30)]
    crossing = complex(HALF_MILE_FT + 500, HALF_MILE_FT), complex(HALF_MILE_FT + 1700, HALF_MILE_FT)
    top = family[-1][0].start.imag
    streets.append(Street(f"{next(names)} Avenue", "local", path_from(crossing[0], NORTH, top - HALF_MILE_FT), 28))
    streets.append(Street(f"{next(names)} Avenue", "local", path_from(crossing[1], NORTH, 4780 - HALF_MILE_FT), 28))
    streets += [Street(f"{next(names)} Lane", "local", path, 25, 60, 60) for path in family]
    rear: list[Curve] = [offset(curve, d) for d in (-130, 130, 390, 650, 910) for curve in base]
    low = [offset(curve, -130) for curve in base]
    sites = [
        Site(_disc(2920, 2800), "Almond Plaza", "COMMERCIAL"),
        Site(_disc(3500, 2850), "Grove Condominiums", "CONDO"),
        Site(_disc(2950, 4450), "Almond Grove School", "SCHOOL"),
        Site(_disc(3500, 4450), "Grove Park", "PARK"),
    ]
    for easting in (3690, 3980, 4620, 4860, 5060):
        rear.append(Line(complex(easting, HALF_MILE_FT), _meet(easting, low)))
    high = [offset(curve, 910) for curve in base]
    for k in range(1, 3):
        rear.append(Line(complex(3216 + 500 * (k - 1), 4780), _meet(3216 + 500 * (k - 1), high)))
    for eastings, is_north in (
        ((3840, 4090), False),
        ((4500, 4750, 5000), False),
        (tuple(2815 + 250 * k for k in range(10)), True),
    ):
        for number, easting in enumerate(eastings):
            limit = FAR_EDGE if is_north else _meet(easting, high).imag
            reach = abs(limit - 4780) - 155
            streets.append(cul_de_sac(f"{next(names)} Court", complex(easting, 4780), NORTH if is_north else -NORTH, reach, 60))
            if number:
                end = complex(easting - 125, FAR_EDGE + 20) if is_north else _meet(easting - 125, high)
                rear.append(Line(complex(easting - 125, 4780), end))
    divide = [complex(MIDDLE_HIGH, high[0].start.imag), *path_points(high), complex(FAR_EDGE, high[-1].end.imag)]
    south = shapely.Polygon(
        coordinates([complex(MIDDLE_HIGH, MIDDLE_HIGH), complex(FAR_EDGE, MIDDLE_HIGH), *reversed(divide)])
    ).buffer(0)
    quarter = shapely.box(MIDDLE_HIGH, MIDDLE_HIGH, FAR_EDGE, FAR_EDGE)
    tracts = [
        TractPlan("2790", "Almond Grove", shapely.intersection(quarter, south), "TRACT", "R-1", "1988-11-03"),
        TractPlan("2866", "Almond Grove North", shapely.difference(quarter, south), "TRACT", "R-1", "1992-05-21"),
    ]
    return Quarter(streets, rear, sites, [], tracts)


def canal_quarter(names: Iterator[str], _rng: np.random.Generator) -> Quarter:
    """Loop streets with knuckles, flag lots along a canal, and beyond it warehouses and a designated remainder."""
    canal = path_from(complex(4200, -60), NORTH, 520.0, (1800.0, 12.0), (1800.0, -24.0), (1800.0, 12.0), 690.0)
    collector = Street(f"{next(names)} Road", "collector", path_from(complex(3850, 0), NORTH, HALF_MILE_FT), 28)
    streets = [collector]
    rear: list[Curve] = []
    for number in range(4):
        south, north, west = 172.0 + 520 * number, 432.0 + 520 * number, MIDDLE_HIGH + 130
        bends = (complex(west, south), complex(west, north))
        path = (Line(complex(3850, south), bends[0]), Line(*bends), Line(bends[1], complex(3850, north)))
        knuckles = (Disc(bends[0], 48, (-1j, -1 - 1j, -1 + 0j)), Disc(bends[1], 48, (-1 + 0j, -1 + 1j, 1j)))
        unit = tuple(disc._replace(rays=tuple(ray / abs(ray) for ray in disc.rays)) for disc in knuckles)
        streets.append(Street(f"{next(names)} Circle", "local", path, 25, 58, 58, discs=unit, depth_ft=290))
        rear.append(Line(complex(west, south + 130), complex(3850, south + 130)))
        rear.append(Line(complex(MIDDLE_HIGH, north + 130), complex(3850, north + 130)))
    pole_ft = 20.0
    for number in range(19):
        # Each 125 ft of frontage is a front lot and, behind it, a flag lot whose pole runs along the line to the south.
        low = 92.0 + 125 * number
        rear.append(Line(complex(3850, low), _meet(low, canal, is_northing=True)))
        if number < 18:
            rear.append(Line(complex(3850, low + pole_ft), complex(4010, low + pole_ft)))
            rear.append(Line(complex(4010, low + pole_ft), complex(4010, low + 125)))
    streets.append(Street("Canal", "canal", canal, 40))
    rays = tuple(u / abs(u) for u in (-1 + 0.8j, -1 - 0.8j))
    way = path_from(complex(5280, 850), -EAST, 720.0)
    streets.append(
        Street("Cannery Way", "local", way, 33, 260, 260, depth_ft=1200, discs=(Disc(way[-1].end, 62, rays),), is_closed_end=True)
    )
    rear.append(Line(_meet(1500, canal, is_northing=True), complex(5280, 1500)))
    sites = [
        Site(_disc(3300, 2400), "Terrace Apartments", "COMMERCIAL"),
        Site(_disc(4800, 2100), "Designated Remainder", "REMAINDER"),
    ]
    bank = {side: path_points([offset(curve, side * 40) for curve in canal]) for side in (1, -1)}
    corners = {
        1: (complex(MIDDLE_HIGH, 3000), complex(MIDDLE_HIGH, -60)),
        -1: (complex(FAR_EDGE, 3000), complex(FAR_EDGE, -60)),
    }
    quarter = shapely.box(MIDDLE_HIGH, SOUTH_EDGE, FAR_EDGE, MIDDLE_LOW)
    west, east = (shapely.intersection(quarter, shapely.Polygon(coordinates([*bank[side], *corners[side]]))) for side in (1, -1))
    tracts = [
        TractPlan("3301", "Canal Terrace", west, "TRACT", "R-1", "2015-03-26"),
        TractPlan("PM 15-204", "Cannery Business Park", east, "PARCEL_MAP", "M-1", "2015-10-08"),
    ]
    return Quarter(streets, rear, sites, [], tracts)


def cul_de_sac(name: str, start: complex, bearing: complex, reach_ft: float, lot_width_ft: float) -> Street:
    """A court that ends in a bulb with wedge lots around it; the others stand square to the street."""
    u = bearing / abs(bearing)
    bulb = Disc(start + u * reach_ft, 50.0, tuple(u * _turned(degrees) for degrees in (62, 21, -21, -62)))
    return Street(name, "local", path_from(start, u, reach_ft), 25, lot_width_ft, lot_width_ft, discs=(bulb,), is_closed_end=True)


def _turned(degrees: float) -> complex:
    return complex(np.exp(1j * np.radians(degrees)))


def _disc(easting: float, northing: float) -> shapely.Polygon:
    return shapely.Point(easting, northing).buffer(60)


def _meet(ordinate: float, path: Sequence[Curve], *, is_northing: bool = False) -> complex:
    """Where a chain of courses has a given easting (or northing)."""
    for curve in path:
        low, high = (p.imag if is_northing else p.real for p in (curve.start, curve.end))
        if low <= ordinate <= high:
            from_t, to_t = 0.0, 1.0
            for _ in range(60):
                t = (from_t + to_t) / 2
                point = cut(curve, 0.0, t).end
                from_t, to_t = (t, to_t) if (point.imag if is_northing else point.real) < ordinate else (from_t, t)
            return point
    last = path[-1]
    u = heading(last, 1)
    step = (ordinate - (last.end.imag if is_northing else last.end.real)) / (u.imag if is_northing else u.real)
    return last.end + u * step
