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

Rank = tuple[int, int]
RANKS = {"arterial": 0, "collector": 1, "local": 2, "alley": 3, "canal": 4}
"""Whose edge runs on where two meet: the lower number."""
RETURN_RADIUS_FT = {"arterial": 30.0, "collector": 25.0, "local": 20.0}
"""Radius of a corner return, by the kind of the lower street."""
THROAT_RADIUS_FT = 30.0
"""Radius of the return between a street and its bulb or knuckle."""


class Disc(NamedTuple):
    """A round widening of a street: a bulb at its end or a knuckle at a bend. Lot lines leave it along `rays`."""

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

    def between(self, from_t: float, to_t: float) -> "Drawn":
        """The part between two fractions of the course."""
        span = self.to_station - self.from_station
        stations = {"from_station": self.from_station + from_t * span, "to_station": self.from_station + to_t * span}
        return self._replace(curve=cut(self.curve, from_t, to_t), **stations)


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


class _Kept(NamedTuple):
    """A piece of the right-of-way lines that bounds something, between two nodes."""

    start: int
    end: int
    drawn: Drawn


class _End(NamedTuple):
    """An end of a kept piece at a node: which piece, whether it begins there, and its curve travelled away from the node."""

    kept: int
    is_start: bool
    leaving: Curve


def _without_covered(raw: list[Drawn], pieces: list[Piece], areas: list[shapely.Geometry], rank: list[Rank]) -> list[_Kept]:
    """The pieces that bound something: not those inside their own street or inside one of better rank."""
    inner = shapely.buffer(np.array(areas), -0.05)
    middles = shapely.points(coordinates([point_at(piece.curve, 0.5) for piece in pieces]))
    covering = defaultdict(set)
    for piece, street in zip(*shapely.STRtree(inner).query(middles, predicate="within").tolist(), strict=True):
        covering[piece].add(street)
    kept = []
    for number, piece in enumerate(pieces):
        drawn, covers = raw[piece.source], covering[number]
        if drawn.street in covers or any(rank[c] < rank[drawn.street] for c in covers):
            continue
        part = drawn.between(piece.from_t, piece.to_t)
        kept.append(_Kept(piece.start, piece.end, part._replace(role="mouth" if covers else "edge")))
    return kept


def _with_returns(
    streets: tuple[Street, ...], points: list[complex], kept: list[_Kept], rank: list[Rank]
) -> tuple[list[Drawn], list[tuple[int, shapely.Geometry]]]:
    """The kept courses with rounded corners, and the ground each return adds to the lower street."""
    ends: dict[int, list[_End]] = defaultdict(list)
    for number, (start, end, drawn) in enumerate(kept):
        if drawn.role == "edge":
            ends[start].append(_End(number, True, drawn.curve))
            ends[end].append(_End(number, False, reverse(drawn.curve)))
    trims = defaultdict(lambda: [0.0, 1.0])
    out: list[Drawn] = []
    wedges = []
    for node, meeting in ends.items():
        arc = _corner_return(streets, points[node], kept, meeting) if len(meeting) == 2 else None
        if arc is None:
            continue
        lower = max((kept[end.kept].drawn.street for end in meeting), key=lambda street: rank[street])
        out.append(Drawn(arc, "return", lower))
        wedges.append((lower, shapely.polygons(coordinates([points[node], *chords(arc)]))))
        for end, touch in zip(meeting, (arc.start, arc.end), strict=True):
            drawn = kept[end.kept].drawn
            t = _fraction(drawn.curve, touch)
            trims[end.kept][0 if end.is_start else 1] = t
            if drawn.street != lower:
                # The higher street's edge runs on past the corner, as the mouth of the lower one.
                part = (0.0, t) if end.is_start else (t, 1.0)
                out.append(Drawn(cut(drawn.curve, *part), "mouth", drawn.street))
    for number, part in enumerate(kept):
        from_t, to_t = trims[number]
        if to_t - from_t > 1e-9:
            out.append(part.drawn.between(from_t, to_t))
    return out, wedges


def _corner_return(streets: tuple[Street, ...], node: complex, kept: list[_Kept], meeting: list[_End]) -> Arc | None:
    """The return at a node where two edges meet, None where there is no corner to round."""
    first, second = meeting
    radius = _return_radius(streets, kept[first.kept].drawn, kept[second.kept].drawn)
    directions = heading(first.leaving, 0), heading(second.leaving, 0)
    turn = abs(cmath.phase(directions[1] / directions[0]))
    if not radius or turn > math.radians(165):
        return None
    # Only where the smaller angle between the two lies in the block; at a bend of the street it lies in the street.
    street = _street_side(kept[first.kept].drawn) * (1 if first.is_start else -1)
    if (directions[0].conjugate() * (directions[0] + directions[1])).imag * street >= 0:
        return None
    return fillet(first.leaving, second.leaving, node, radius)


def _return_radius(streets: tuple[Street, ...], a: Drawn, b: Drawn) -> float:
    if a.street == b.street:
        return THROAT_RADIUS_FT if streets[a.street].discs else 0.0
    kinds = {streets[a.street].kind, streets[b.street].kind}
    return 0.0 if kinds & {"alley", "canal"} else RETURN_RADIUS_FT[max(kinds, key=lambda kind: RANKS[kind])]


def _street_side(drawn: Drawn) -> int:
    """1 where the street lies to the left of the course, -1 to its right."""
    if drawn.side:
        return -drawn.side
    return 1 if isinstance(drawn.curve, Line) or drawn.curve.sweep > 0 else -1


def _fraction(curve: Curve, point: complex) -> float:
    if isinstance(curve, Line):
        d = curve.end - curve.start
        return ((point - curve.start) * d.conjugate()).real / abs(d) ** 2
    turn = cmath.phase((point - curve.centre) / (curve.start - curve.centre)) * math.copysign(1, curve.sweep)
    return turn % (2 * math.pi) / abs(curve.sweep)
