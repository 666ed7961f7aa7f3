"""
Blocks cut into lots: side lines leave the street square to it (radially on a curve) and end at the first line they meet.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import shapely

from citygis.samples.drafting import Curve, Line, chords, coordinates, crossings, nodes_of, point_at
from citygis.samples.streets import Drawn, Network, Street, along, stations_of

SHORTEST_FT = 25.0
"""A side line shorter than this is not drawn: it would cut off a sliver, not a lot."""
JOIN_FT = 3.0
"""Side lines from opposite streets whose ends come nearer than this meet in one point."""
CORNER_FT = 20.0
"""What a corner return takes off the frontage of a corner lot."""


class Site(NamedTuple):
    """Ground that stays whole: a park, a school, a commercial centre. No rear or side line is drawn inside `outline`."""

    outline: shapely.Polygon
    name: str
    use: str


class Width(NamedTuple):
    """Inside `outline` lots are about `width_ft` wide, whatever the street says."""

    outline: shapely.Polygon
    width_ft: float


def fixed_lines(network: Network, lines: Iterable[Curve], role: str, sites: Sequence[Site]) -> list[Drawn]:
    """Rear lines and banks as far as they lie in blocks: what runs in a street or on a site is left out."""
    lines = list(lines)
    walls = [drawn.curve for drawn in network.drawn if drawn.role != "mouth"]
    pieces = [piece for piece in nodes_of([*lines, *walls])[1] if piece.source < len(lines)]
    taken = _within([point_at(piece.curve, 0.5) for piece in pieces], [*network.areas, *(site.outline for site in sites)])
    return [Drawn(piece.curve, role) for piece, hidden in zip(pieces, taken, strict=True) if not hidden]


def side_lines(
    network: Network, walls: list[Drawn], sites: Sequence[Site], widths: Sequence[Width], rng: np.random.Generator
) -> list[Drawn]:
    """
    The side lines of all lots.

    Parameters
    ----------
    network : Network
    walls : list of Drawn
        What a side line may start from and end at: street edges, returns, rear lines. Mouths are passed over.
    sites, widths : sequence of Site, sequence of Width
    rng : Generator
        Varies the number of lots along a frontage, as subdividers do.

    Returns
    -------
    list of Drawn
        Role ``lot``.
    """
    rays, frontages = [], _frontages(network)
    overrides = shapely.STRtree([width.outline for width in widths])
    for (number, side), spans in frontages.items():
        street = network.streets[number]
        for span in spans:
            rays += _rays(street, side, span, overrides, widths, rng)
    for street in network.streets:
        for disc in street.discs:
            rays += [(Line(disc.centre, disc.centre + u * street.depth_ft), disc.radius) for u in disc.rays]
    return _trimmed(rays, [drawn for drawn in walls if drawn.role != "mouth"], sites)


def _frontages(network: Network) -> dict[tuple[int, int], list[list[float]]]:
    """For each street and side with lots, the runs of stations along which it is a block's edge."""
    spans = defaultdict(list)
    for drawn in network.drawn:
        if drawn.role == "edge" and drawn.side and _lot_width(network.streets[drawn.street], drawn.side):
            spans[drawn.street, drawn.side].append([drawn.from_station, drawn.to_station])
    runs: dict[tuple[int, int], list[list[float]]] = {}
    for key in sorted(spans):
        merged: list[list[float]] = []
        for from_station, to_station in sorted(spans[key]):
            if merged and from_station - merged[-1][1] < 0.05:
                merged[-1][1] = to_station
            else:
                merged.append([from_station, to_station])
        runs[key] = merged
    return runs


def _lot_width(street: Street, side: int) -> float:
    return street.lots_left if side > 0 else street.lots_right


def _rays(
    street: Street,
    side: int,
    span: Sequence[float],
    overrides: shapely.STRtree,
    widths: Sequence[Width],
    rng: np.random.Generator,
) -> list[tuple[Line, float]]:
    (from_station, to_station), end = span, stations_of(street.path)[-1]
    meets_bulb = bool(street.discs) and street.is_closed_end and end - to_station < 2 * street.discs[-1].radius
    first, last = from_station - CORNER_FT, end if meets_bulb else to_station + CORNER_FT
    middle, u = along(street.path, (first + last) / 2)
    probe = middle + u * 1j * side * (street.half_width_ft + 10)
    named = overrides.query(shapely.Point(probe.real, probe.imag), predicate="within")
    width = widths[named.max()].width_ft if len(named) else _lot_width(street, side)
    count = max(1, round((last - first) / (width * rng.uniform(0.96, 1.06))))
    rays = []
    for k in range(1, count + (1 if meets_bulb else 0)):
        point, u = along(street.path, first + (last - first) * k / count)
        rays.append((Line(point, point + u * 1j * side * street.depth_ft), street.half_width_ft))
    return rays


def _trimmed(rays: list[tuple[Line, float]], walls: list[Drawn], sites: Sequence[Site]) -> list[Drawn]:
    curves = [drawn.curve for drawn in walls]
    tree = shapely.STRtree([shapely.linestrings(coordinates(chords(curve))) for curve in curves])
    sweeps = shapely.buffer([shapely.linestrings(coordinates([ray.start, ray.end])) for ray, _ in rays], 0.05)
    meets = defaultdict(list)
    for ray, wall in zip(*tree.query(sweeps, predicate="intersects").tolist(), strict=True):
        meets[ray] += crossings(rays[ray][0], curves[wall])
    lots: list[Line] = []
    ends = _Ends()
    for number, (ray, setback_ft) in enumerate(rays):
        points = sorted(meets[number], key=lambda p: abs(p - ray.start))
        beyond = [p for p in points if abs(p - ray.start) > setback_ft + 1]
        # The first line met must be the street's own edge; anything else means that the ray leaves through a mouth or a return.
        if beyond and abs(abs(points[0] - ray.start) - setback_ft) < 0.05 and abs(beyond[0] - points[0]) > SHORTEST_FT:
            lots.append(Line(points[0], ends.joined(beyond[0])))
    taken = _within([(lot.start + lot.end) / 2 for lot in lots], [site.outline for site in sites])
    return [Drawn(lot, "lot") for lot, hidden in zip(lots, taken, strict=True) if not hidden]


class _Ends:
    """Where side lines end: one that would end just beside another ends with it instead, as on a drawn map."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[complex]] = defaultdict(list)

    def joined(self, end: complex) -> complex:
        e, n = int(end.real // JOIN_FT), int(end.imag // JOIN_FT)
        near = [p for i in (-1, 0, 1) for j in (-1, 0, 1) for p in self._cells[e + i, n + j] if abs(p - end) < JOIN_FT]
        if near:
            return min(near, key=lambda p: abs(p - end))
        self._cells[e, n].append(end)
        return end


def _within(points: list[complex], ground: list) -> np.ndarray:
    inside = np.zeros(len(points), dtype=bool)
    if points and ground:
        hits, _ = shapely.STRtree(ground).query(shapely.points(coordinates(points)), predicate="within")
        inside[hits] = True
    return inside
