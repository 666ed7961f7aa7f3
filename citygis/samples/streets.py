"""
Streets drawn from their centre lines: edges, bulbs, knuckles, corner returns, and the mouths where one street gives way.

Every street has a rank. Where two meet, the edge of the higher one runs on across the mouth of the lower one, so each right of
way closes into faces of its own; the corner between them is rounded by a return.
"""

import cmath
import itertools
import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import shapely

from citygis.samples.drafting import (
    Arc,
    Curve,
    Line,
    Piece,
    chords,
    circle,
    coordinates,
    cut,
    fillet,
    heading,
    length_ft,
    nodes_of,
    offset,
    path_points,
    point_at,
    reverse,
)

RANKS = {"arterial": 0, "collector": 1, "local": 2, "alley": 3, "canal": 4}
"""Whose edge runs on where two meet: the lower number."""
RETURN_RADIUS_FT = {"arterial": 30.0, "collector": 25.0, "local": 20.0}
"""Radius of a corner return, by the kind of the lower street."""
THROAT_RADIUS_FT = 30.0
"""Radius of the return between a street and its bulb or knuckle."""


class Disc(NamedTuple):
    """A round widening of a street: a bulb at its end or a knuckle at a bend. `rays` are where lot lines leave, as directions."""

    centre: complex
    radius: float
    rays: tuple[complex, ...] = ()


class Street(NamedTuple):
    """
    A street, alley or canal.

    `path` is its centre line. `lots_left` and `lots_right` are the widths of the lots that front on each side, 0 for none;
    `depth_ft` is how far a lot line may run from the centre line before it must meet something.
    """

    name: str
    kind: str
    path: tuple[Curve, ...]
    half_width_ft: float
    lots_left: float = 0.0
    lots_right: float = 0.0
    depth_ft: float = 320.0
    discs: tuple[Disc, ...] = ()
    is_closed_end: bool = False


class Drawn(NamedTuple):
    """A course of the drawing and what it is: ``edge``, ``return``, ``mouth``, ``rear``, ``lot``, ``bank``."""

    curve: Curve
    role: str
    street: int = -1
    side: int = 0
    from_station: float = math.nan
    to_station: float = math.nan


class Network(NamedTuple):
    """All streets as drawn: the courses, and for each street the ground it takes."""

    streets: tuple[Street, ...]
    drawn: list[Drawn]
    areas: list[shapely.Geometry]


def path_from(start: complex, bearing: complex, *legs: float | tuple[float, float]) -> tuple[Curve, ...]:
    """
    A centre line from a point and a direction: a number is a tangent of that length, a pair is a curve of radius and turn.

    The turn is in degrees, positive to the left.
    """
    u = bearing / abs(bearing)
    here, path = start, []
    for leg in legs:
        if isinstance(leg, tuple):
            radius, degrees = leg
            side = math.copysign(1, degrees)
            centre = here + u * 1j * side * radius
            curve = Arc(centre, radius, cmath.phase(here - centre), math.radians(degrees))
        else:
            curve = Line(here, here + u * leg)
        path.append(curve)
        here, u = curve.end, heading(curve, 1)
    return tuple(path)


def stations_of(path: tuple[Curve, ...]) -> list[float]:
    """The station at the start of each course of a centre line, and at its end."""
    return [0.0, *itertools.accumulate(length_ft(curve) for curve in path)]


def along(path: tuple[Curve, ...], station: float) -> tuple[complex, complex]:
    """The point of a centre line at a station, and the direction of travel there."""
    starts = stations_of(path)
    k = max(0, min(len(path) - 1, int(np.searchsorted(starts, station, side="right")) - 1))
    t = (station - starts[k]) / length_ft(path[k])
    return point_at(path[k], t), heading(path[k], t)


def network(streets: tuple[Street, ...]) -> Network:
    """
    The right-of-way lines of all streets.

    Parameters
    ----------
    streets : tuple of Street
        Of two that cross, the one of the better kind keeps its edge; among equals the one named first.
    """
    raw = [drawn for number, street in enumerate(streets) for drawn in _outline(number, street)]
    areas = [_area(street) for street in streets]
    points, pieces = nodes_of([drawn.curve for drawn in raw])
    rank = [(RANKS[street.kind], number) for number, street in enumerate(streets)]
    kept = _without_covered(raw, pieces, areas, rank)
    drawn, wedges = _with_returns(streets, points, kept, rank)
    for number, wedge in wedges:
        areas[number] = shapely.union(areas[number], wedge)
    return Network(streets, drawn, areas)


def _outline(number: int, street: Street) -> list[Drawn]:
    starts = stations_of(street.path)
    drawn = []
    for side in (1, -1):
        edges = [offset(curve, side * street.half_width_ft) for curve in street.path]
        for k, edge in enumerate(edges):
            drawn.append(Drawn(edge, "edge", number, side, starts[k], starts[k + 1]))
        for before, after in itertools.pairwise(edges):
            # At a bend without a curve the outer edges part; the knuckle's circle closes them.
            if abs(before.end - after.start) > 0.01 and not street.discs:
                raise ValueError(f"Invalid centre line of {street.name}. A bend must be a curve or have a knuckle.")
    for point, u in (along(street.path, 0.0), along(street.path, starts[-1])):
        across = u * 1j * street.half_width_ft
        drawn.append(Drawn(Line(point - across, point + across), "edge", number))
    for disc in street.discs:
        drawn += [Drawn(arc, "edge", number) for arc in circle(disc.centre, disc.radius)]
    return drawn


def _area(street: Street) -> shapely.Geometry:
    strips = []
    for curve in street.path:
        left, right = (chords(offset(curve, side * street.half_width_ft)) for side in (1, -1))
        strips.append(shapely.polygons(coordinates([*left, *reversed(right)])))
    rounds = [shapely.polygons(coordinates(path_points(circle(disc.centre, disc.radius)))) for disc in street.discs]
    return shapely.union_all([*strips, *rounds], grid_size=1e-6)


def _without_covered(raw: list[Drawn], pieces: list[Piece], areas: list, rank: list) -> list[tuple[Piece, Drawn]]:
    """The pieces that bound something: not those inside their own street or inside one of better rank."""
    inner = shapely.buffer(np.array(areas), -0.05)
    middles = shapely.points(coordinates([point_at(piece.curve, 0.5) for piece in pieces]))
    at, inside = shapely.STRtree(inner).query(middles, predicate="within")
    covering = defaultdict(set)
    for piece, street in zip(at.tolist(), inside.tolist(), strict=True):
        covering[piece].add(street)
    kept = []
    for number, piece in enumerate(pieces):
        drawn = raw[piece.source]
        covers = covering[number]
        if drawn.street in covers or any(rank[c] < rank[drawn.street] for c in covers):
            continue
        span = drawn.to_station - drawn.from_station
        stations = drawn.from_station + piece.from_t * span, drawn.from_station + piece.to_t * span
        role = "mouth" if covers else "edge"
        kept.append((piece, Drawn(piece.curve, role, drawn.street, drawn.side, *stations)))
    return kept


def _with_returns(streets, points, kept, rank) -> tuple[list[Drawn], list[tuple[int, shapely.Geometry]]]:
    """The kept courses with rounded corners, and the ground each return adds to the lower street."""
    ends: dict[int, list[tuple[int, bool]]] = defaultdict(list)
    for k, (piece, drawn) in enumerate(kept):
        if drawn.role == "edge":
            ends[piece.start].append((k, True))
            ends[piece.end].append((k, False))
    trims = defaultdict(lambda: [0.0, 1.0])
    drawn_out: list[Drawn] = []
    wedges = []
    for node, meeting in ends.items():
        if len(meeting) != 2:
            continue
        (a, a_leaves), (b, b_leaves) = meeting
        radius = _return_radius(streets, kept[a][1], kept[b][1])
        curve_a, curve_b = (_leaving(kept[k][0].curve, leaves) for k, leaves in meeting)
        turn = abs(cmath.phase(heading(curve_b, 0) / heading(curve_a, 0)))
        if not radius or turn > math.radians(165) or not _is_block_corner(kept, meeting, curve_a, curve_b):
            continue
        arc = fillet(curve_a, curve_b, points[node], radius)
        if arc is None:
            continue
        lower = max(kept[a][1].street, kept[b][1].street, key=lambda s: rank[s])
        drawn_out.append(Drawn(arc, "return", lower))
        wedges.append((lower, shapely.polygons(coordinates([points[node], *chords(arc)]))))
        for k, leaves, touch in ((a, a_leaves, arc.start), (b, b_leaves, arc.end)):
            t = _fraction(kept[k][0].curve, touch)
            trims[k][0 if leaves else 1] = t
            if kept[k][1].street != lower:
                part = cut(kept[k][0].curve, 0.0, t) if leaves else cut(kept[k][0].curve, t, 1.0)
                drawn_out.append(Drawn(part, "mouth", kept[k][1].street))
    for k, (piece, drawn) in enumerate(kept):
        from_t, to_t = trims[k]
        if to_t - from_t > 1e-9:
            span = drawn.to_station - drawn.from_station
            stations = drawn.from_station + from_t * span, drawn.from_station + to_t * span
            drawn_out.append(Drawn(cut(piece.curve, from_t, to_t), drawn.role, drawn.street, drawn.side, *stations))
    return drawn_out, wedges


def _return_radius(streets, a: Drawn, b: Drawn) -> float:
    if a.street == b.street:
        return THROAT_RADIUS_FT if isinstance(a.curve, Arc) != isinstance(b.curve, Arc) or streets[a.street].discs else 0.0
    kinds = {streets[a.street].kind, streets[b.street].kind}
    return 0.0 if kinds & {"alley", "canal"} else RETURN_RADIUS_FT[max(kinds, key=lambda kind: RANKS[kind])]


def _leaving(curve: Curve, leaves: bool) -> Curve:
    return curve if leaves else reverse(curve)


def _is_block_corner(kept, meeting, curve_a: Curve, curve_b: Curve) -> bool:
    """Whether the smaller angle between the two courses lies in the block, not in the street."""
    bisector = heading(curve_a, 0) + heading(curve_b, 0)
    k, leaves = meeting[0]
    ground = _street_side(kept[k][1], kept[k][0].curve)
    travel = heading(kept[k][0].curve, 0.0 if leaves else 1.0)
    side = (travel.conjugate() * bisector).imag
    return side * ground < 0


def _street_side(drawn: Drawn, curve: Curve) -> int:
    """1 where the street lies to the left of the course, -1 to its right."""
    if drawn.side:
        return -drawn.side
    return 1 if isinstance(curve, Line) or curve.sweep > 0 else -1


def _fraction(curve: Curve, point: complex) -> float:
    if isinstance(curve, Line):
        d = curve.end - curve.start
        return ((point - curve.start) * d.conjugate()).real / abs(d) ** 2
    turn = cmath.phase((point - curve.centre) / (curve.start - curve.centre)) * math.copysign(1, curve.sweep)
    return turn % (2 * math.pi) / abs(curve.sweep)
