"""
Lines and circular arcs drawn as on a tract map, cut where they meet, and closed into faces.

Points are complex numbers, easting + northing * 1j, in feet: sums, turns and distances are then plain arithmetic. Angles are
radians, counterclockwise from east.
"""

import cmath
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import shapely

SAGITTA_FT = 0.01
"""How far a chord may lie from its arc where an arc is drawn as chords."""
TOUCH_FT = 1e-3
"""Points closer than this are one point of the drawing."""


class Line(NamedTuple):
    """A straight course."""

    start: complex
    end: complex


class Arc(NamedTuple):
    """A course along a circle; `sweep` is positive to the left (counterclockwise)."""

    centre: complex
    radius: float
    from_angle: float
    sweep: float

    @property
    def start(self) -> complex:
        """Where the arc begins."""
        return self.centre + cmath.rect(self.radius, self.from_angle)

    @property
    def end(self) -> complex:
        """Where the arc ends."""
        return self.centre + cmath.rect(self.radius, self.from_angle + self.sweep)


Curve = Line | Arc


class Piece(NamedTuple):
    """Part of the drawn curve `source` from node to node; `from_t` and `to_t` are fractions of that curve."""

    curve: Curve
    start: int
    end: int
    source: int
    from_t: float
    to_t: float


def length_ft(curve: Curve) -> float:
    """Length along a course."""
    return abs(curve.end - curve.start) if isinstance(curve, Line) else abs(curve.radius * curve.sweep)


def point_at(curve: Curve, t: float) -> complex:
    """The point at fraction `t` of a course."""
    if isinstance(curve, Line):
        return curve.start + t * (curve.end - curve.start)
    return curve.centre + cmath.rect(curve.radius, curve.from_angle + t * curve.sweep)


def heading(curve: Curve, t: float) -> complex:
    """The unit vector of travel at fraction `t`."""
    if isinstance(curve, Line):
        d = curve.end - curve.start
        return d / abs(d)
    return cmath.rect(1, curve.from_angle + t * curve.sweep + math.copysign(math.pi / 2, curve.sweep))


def cut(curve: Curve, from_t: float, to_t: float) -> Curve:
    """The part of a course between two fractions."""
    if isinstance(curve, Line):
        return Line(point_at(curve, from_t), point_at(curve, to_t))
    return Arc(curve.centre, curve.radius, curve.from_angle + from_t * curve.sweep, (to_t - from_t) * curve.sweep)


def reverse(curve: Curve) -> Curve:
    """The same course travelled the other way."""
    if isinstance(curve, Line):
        return Line(curve.end, curve.start)
    return Arc(curve.centre, curve.radius, curve.from_angle + curve.sweep, -curve.sweep)


def offset(curve: Curve, left_ft: float) -> Curve:
    """The parallel course `left_ft` to the left (negative: to the right); an arc stays concentric."""
    if isinstance(curve, Line):
        shift = heading(curve, 0) * 1j * left_ft
        return Line(curve.start + shift, curve.end + shift)
    radius = curve.radius - math.copysign(1, curve.sweep) * left_ft
    if radius <= 0:
        raise ValueError(f"Invalid offset {left_ft} ft. Must be less than the radius, {curve.radius:.2f} ft, towards the centre.")
    return Arc(curve.centre, radius, curve.from_angle, curve.sweep)


def circle(centre: complex, radius: float) -> list[Arc]:
    """A circle as four arcs, counterclockwise."""
    return [Arc(centre, radius, k * math.pi / 2, math.pi / 2) for k in range(4)]


def locate(curve: Curve, point: complex, *, within_ft: float = TOUCH_FT) -> float | None:
    """The fraction of a course at which `point` lies, or None when it is farther off than `within_ft`."""
    if isinstance(curve, Line):
        d = curve.end - curve.start
        along = (point - curve.start) * d.conjugate() / abs(d)
        if abs(along.imag) > within_ft:
            return None
        t = along.real / abs(d)
    else:
        arm = point - curve.centre
        if abs(abs(arm) - curve.radius) > within_ft:
            return None
        turn = (cmath.phase(arm) - curve.from_angle) * math.copysign(1, curve.sweep) % (2 * math.pi)
        t = turn / abs(curve.sweep)
        if t > 1 and turn - 2 * math.pi >= -within_ft / curve.radius:
            t = 0.0
    slack = within_ft / length_ft(curve)
    return min(1.0, max(0.0, t)) if -slack <= t <= 1 + slack else None


def crossings(a: Curve, b: Curve) -> list[complex]:
    """The points two courses share; where they run along each other, the ends of the shared part."""
    points = [p for p in _carrier_crossings(a, b) if locate(a, p) is not None and locate(b, p) is not None]
    points += [p for p in (b.start, b.end) if locate(a, p) is not None]
    points += [p for p in (a.start, a.end) if locate(b, p) is not None]
    return points


def fillet(a: Curve, b: Curve, corner: complex, radius: float) -> Arc | None:
    """
    The arc of `radius` that rounds the corner of two courses, touching `a` first and then `b`.

    Both courses must leave the corner, the ground to be rounded lying between them; None when one of them is too short.
    """
    left_a = 1 if _left_of(heading(a, 0), heading(b, 0)) else -1
    try:
        carriers = offset(a, left_a * radius), offset(b, -left_a * radius)
    except ValueError:
        return None
    centres = sorted(_carrier_crossings(*carriers), key=lambda p: abs(p - corner))
    for centre in centres[:1]:
        touch_a, touch_b = _foot(a, centre), _foot(b, centre)
        if locate(a, touch_a) is None or locate(b, touch_b) is None:
            return None
        from_angle = cmath.phase(touch_a - centre)
        sweep = cmath.phase((touch_b - centre) / (touch_a - centre))
        return Arc(centre, radius, from_angle, sweep)
    return None


def chords(curve: Curve) -> list[complex]:
    """The course as points: both ends, and on an arc as many between that no chord leaves it by more than `SAGITTA_FT`."""
    if isinstance(curve, Line):
        return [curve.start, curve.end]
    step = 2 * math.acos(1 - SAGITTA_FT / curve.radius)
    n = max(1, math.ceil(abs(curve.sweep) / step))
    return [point_at(curve, k / n) for k in range(n + 1)]


def path_points(path: Iterable[Curve]) -> list[complex]:
    """A chain of courses as points, shared ends once."""
    points: list[complex] = []
    for curve in path:
        points += chords(curve)[1 if points else 0 :]
    return points


def coordinates(points: Sequence[complex]) -> np.ndarray:
    """Points as an (n, 2) array of easting, northing."""
    array = np.asarray(points, dtype=complex)
    return np.column_stack([array.real, array.imag])


def nodes_of(curves: Sequence[Curve]) -> tuple[list[complex], list[Piece]]:
    """
    The drawing cut at every point where two courses meet.

    Parameters
    ----------
    curves : sequence of Line or Arc

    Returns
    -------
    list of complex
        The nodes: each is one point, however many courses end there.
    list of Piece
        Ordered by source and place along it. Courses that run along each other leave twin pieces.
    """
    cuts: dict[int, list[float]] = defaultdict(list)
    boxes = shapely.box(*_bounds(curves).T)
    left, right = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    for i, j in zip(left.tolist(), right.tolist(), strict=True):
        if i < j:
            for point in crossings(curves[i], curves[j]):
                for k in (i, j):
                    t = locate(curves[k], point, within_ft=2 * TOUCH_FT)
                    if t is not None:
                        cuts[k].append(t)
    register = _Register()
    pieces = []
    for source, curve in enumerate(curves):
        slack = 2 * TOUCH_FT / length_ft(curve)
        ends = [0.0]
        for t in sorted(cuts[source]):
            if ends[-1] + slack < t < 1 - slack:
                ends.append(t)
        ends.append(1.0)
        for from_t, to_t in itertools.pairwise(ends):
            part = cut(curve, from_t, to_t)
            pieces.append(Piece(part, register.node(part.start), register.node(part.end), source, from_t, to_t))
    return register.points, [piece for piece in pieces if piece.start != piece.end]


class _Register:
    """Points given numbers, near points the same number."""

    def __init__(self) -> None:
        self.points: list[complex] = []
        self._cells: dict[tuple[int, int], list[int]] = defaultdict(list)

    def node(self, point: complex) -> int:
        size = 8 * TOUCH_FT
        e, n = math.floor(point.real / size), math.floor(point.imag / size)
        for i in (e, e - 1, e + 1):
            for j in (n, n - 1, n + 1):
                for number in self._cells.get((i, j), ()):
                    if abs(self.points[number] - point) <= 4 * TOUCH_FT:
                        return number
        self.points.append(point)
        self._cells[e, n].append(len(self.points) - 1)
        return len(self.points) - 1


def _bounds(curves: Sequence[Curve]) -> np.ndarray:
    rows = []
    for curve in curves:
        points = chords(curve)
        e, n = [p.real for p in points], [p.imag for p in points]
        slack = SAGITTA_FT + TOUCH_FT
        rows.append((min(e) - slack, min(n) - slack, max(e) + slack, max(n) + slack))
    return np.array(rows, dtype=float).reshape(-1, 4)


def _carrier_crossings(a: Curve, b: Curve) -> list[complex]:
    """Where the endless line or full circle of one course meets that of the other."""
    if isinstance(a, Line) and isinstance(b, Line):
        da, db = a.end - a.start, b.end - b.start
        cross = (da.conjugate() * db).imag
        if abs(cross) < 1e-9 * abs(da) * abs(db):
            return []
        return [a.start + da * (((b.start - a.start).conjugate() * db).imag / cross)]
    if isinstance(a, Arc) and isinstance(b, Arc):
        between = b.centre - a.centre
        d = abs(between)
        if d < TOUCH_FT or d > a.radius + b.radius or d < abs(a.radius - b.radius):
            return []
        along = (d * d + a.radius**2 - b.radius**2) / (2 * d)
        across = math.sqrt(max(0.0, a.radius**2 - along**2))
        return [a.centre + between / d * complex(along, side * across) for side in (1, -1)]
    line, arc = (a, b) if isinstance(a, Line) else (b, a)
    u = heading(line, 0)
    foot = line.start + u * ((arc.centre - line.start) * u.conjugate()).real
    off = abs(arc.centre - foot)
    if off > arc.radius:
        return []
    across = math.sqrt(arc.radius**2 - off**2)
    return [foot + u * across, foot - u * across]


def _foot(curve: Curve, point: complex) -> complex:
    if isinstance(curve, Line):
        u = heading(curve, 0)
        return curve.start + u * ((point - curve.start) * u.conjugate()).real
    arm = point - curve.centre
    return curve.centre + arm / abs(arm) * curve.radius


def _left_of(u: complex, v: complex) -> bool:
    return (u.conjugate() * v).imag > 0
