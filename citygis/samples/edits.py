"""Lots reshaped: a side line moved, a lot cut in two, two joined, a corner cut off. Polygons in feet, rounded to 1e-4 ft."""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.samples.cadastre import tract_of
from citygis.samples.drafting import Line
from citygis.samples.riverbend import Riverbend

Point = tuple[float, float]
SQUARE_FT = 0.02
"""How far a lot's side may leave a straight line, or a street run on, and the lot still count as plain."""


class Side(NamedTuple):
    """A straight side line between two plain lots: rows of the parcel layer, and its ends on the ground."""

    row: int
    other: int
    block: int
    start: Point
    end: Point


def plain_sides(city: Riverbend) -> list[Side]:
    """
    Side lines between four-cornered lots whose street and rear line run straight on past them.

    A line moved along those two leaves every other lot alone.
    """
    row_of = _rows(city)
    sides = []
    for course in city.fabric.courses:
        if course.role == "lot" and isinstance(course.curve, Line) and min(course.left, course.right) >= 0:
            p, q = (tuple(course.points[k].tolist()) for k in (0, -1))
            left, right = city.fabric.faces[course.left], city.fabric.faces[course.right]
            if _has_four_corners(left) and _has_four_corners(right) and _runs_on(left, right, p, q):
                sides.append(Side(row_of[course.left], row_of[course.right], int(city.fabric.block[course.left]), p, q))
    return sides


def backs(city: Riverbend) -> list[Side]:
    """Straight rear lines of four-cornered lots along a street of no tract; `other` is -1."""
    row_of = _rows(city)
    tract = tract_of(city.plan, city.fabric)
    found = []
    for course in city.fabric.courses:
        for lot, way in ((course.left, course.right), (course.right, course.left)):
            if course.role == "edge" and lot in row_of and way >= 0 and tract[lot] >= 0 > tract[way]:
                p, q = (tuple(course.points[k].tolist()) for k in (0, -1))
                face = city.fabric.faces[lot]
                if isinstance(course.curve, Line) and _has_four_corners(face) and _adjacent(face, p, q):
                    found.append(Side(row_of[lot], -1, int(city.fabric.block[lot]), p, q))
    return found


def moved_side(lot: shapely.Polygon, side: Side, outward_ft: float) -> shapely.Polygon:
    """The lot with one side moved outward (negative: inward) along the two lines that meet it."""
    ring = shapely.get_coordinates(lot.exterior)[:-1]
    i, j = _place(ring, side.start), _place(ring, side.end)
    for here, there in ((i, j), (j, i)):
        before = (here - 1) % len(ring) if (here + 1) % len(ring) == there else (here + 1) % len(ring)
        along = ring[here] - ring[before]
        ring[here] = np.round(ring[here] + along / np.hypot(*along) * outward_ft, 4)
    return shapely.Polygon(ring)


def halves(lot: shapely.Polygon, side: Side) -> tuple[shapely.Polygon, shapely.Polygon]:
    """The lot cut in two by a line midway between `side` and the side across from it."""
    ring = shapely.get_coordinates(lot.exterior)[:-1]
    corners = ring[_corners(ring)]
    i = _place(corners, side.start)
    j = _place(corners, side.end)
    if (i + 1) % 4 != j:
        i, j = j, i
    a, b, c, d = (corners[(i + k) % 4] for k in range(4))
    m, n = np.round((b + c) / 2, 4), np.round((d + a) / 2, 4)
    return _between(ring, n, m), _between(ring, m, n)


def joined(lot: shapely.Polygon, other: shapely.Polygon) -> shapely.Polygon:
    """Two lots that share vertices as one."""
    return shapely.orient_polygons(shapely.coverage_union_all([lot, other]))


def cut_corner(lot: shapely.Polygon, corner: Point, leg_ft: float) -> tuple[shapely.Polygon, shapely.Polygon]:
    """The lot without one corner, and the triangle cut off, its legs `leg_ft` long."""
    ring = shapely.get_coordinates(lot.exterior)[:-1]
    k = _place(ring, corner)
    before, after = (_towards(ring[k], ring[(k + step) % len(ring)], leg_ft) for step in (-1, 1))
    rest = np.vstack([ring[:k], before, after, ring[k + 1 :]])
    return shapely.Polygon(rest), shapely.Polygon([ring[k], after, before])


def crossed_corner(lot: shapely.Polygon, corner: Point, leg_ft: float) -> shapely.Polygon:
    """The lot with its outline crossing itself within `leg_ft` of one corner: an invalid polygon."""
    ring = shapely.get_coordinates(lot.exterior)[:-1]
    k = _place(ring, corner)
    near, far = (
        [_towards(ring[k], ring[(k + step) % len(ring)], distance) for step in (-1, 1)] for distance in (leg_ft / 2, leg_ft)
    )
    return shapely.Polygon(np.vstack([ring[:k], far[0], near[1], near[0], far[1], ring[k + 1 :]]))


def with_vertex(lot: shapely.Polygon, point: Point) -> shapely.Polygon:
    """The lot with a vertex more, in the side that the point lies on."""
    ring = shapely.get_coordinates(lot.exterior)
    sides = shapely.linestrings(np.stack([ring[:-1], ring[1:]], axis=1))
    k = int(shapely.distance(sides, shapely.Point(point)).argmin())
    return shapely.Polygon(np.insert(ring, k + 1, point, axis=0), lot.interiors)


def _rows(city: Riverbend) -> dict[int, int]:
    """The row of the parcel layer of each lot face; stacked lots have none of their own."""
    return {int(face): row for row, face in enumerate(city.lots.face) if city.lots.use[row] == "LOT"}


def _has_four_corners(lot: shapely.Polygon) -> bool:
    return not len(lot.interiors) and len(_corners(shapely.get_coordinates(lot.exterior)[:-1])) == 4


def _corners(ring: np.ndarray) -> np.ndarray:
    """Positions of the vertices at which a ring really turns."""
    u, v = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turn = np.abs(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]) / np.maximum(np.hypot(*u.T), np.hypot(*v.T))
    return np.flatnonzero(turn > SQUARE_FT)


def _runs_on(left: shapely.Polygon, right: shapely.Polygon, p: Point, q: Point) -> bool:
    """Whether both lots have the side as one edge, and the edges that meet it run straight through both ends."""
    if not (_adjacent(left, p, q) and _adjacent(right, p, q)):
        return False
    for here, there in ((p, q), (q, p)):
        a, b = (_beyond(lot, here, there) for lot in (left, right))
        u, v = np.subtract(here, a), np.subtract(b, here)
        if abs(u[0] * v[1] - u[1] * v[0]) / np.hypot(*u) > SQUARE_FT or u @ v < 0:
            return False
    return True


def _adjacent(lot: shapely.Polygon, p: Point, q: Point) -> bool:
    ring = shapely.get_coordinates(lot.exterior)[:-1]
    i, j = _place(ring, p), _place(ring, q)
    return i >= 0 and j >= 0 and (abs(i - j) == 1 or abs(i - j) == len(ring) - 1)


def _beyond(lot: shapely.Polygon, here: Point, there: Point) -> np.ndarray:
    """The vertex next to `here` that is not `there`."""
    ring = shapely.get_coordinates(lot.exterior)[:-1]
    i, j = _place(ring, here), _place(ring, there)
    return ring[(i - 1) % len(ring)] if (i + 1) % len(ring) == j else ring[(i + 1) % len(ring)]


def _place(ring: np.ndarray, point: Point) -> int:
    at = np.flatnonzero((ring == np.asarray(point)).all(axis=1))
    return int(at[0]) if len(at) else -1


def _towards(here: np.ndarray, there: np.ndarray, distance_ft: float) -> np.ndarray:
    along = there - here
    return np.round(here + along / np.hypot(*along) * distance_ft, 4)


def _between(ring: np.ndarray, start: np.ndarray, end: np.ndarray) -> shapely.Polygon:
    """The part of a ring from one point on it to another, closed by the line between them."""
    line = shapely.LinearRing(ring)
    stations = np.append(0, np.cumsum(np.hypot(*np.diff(np.vstack([ring, ring[:1]]), axis=0).T)))[:-1]
    from_station, to_station = (line.project(shapely.Point(p)) for p in (start, end))
    order = (stations - from_station) % line.length
    inside = (order > 1e-6) & (order < (to_station - from_station) % line.length - 1e-6)
    picked = np.flatnonzero(inside)[np.argsort(order[inside])]
    return shapely.Polygon(np.vstack([start, ring[picked], end]))
