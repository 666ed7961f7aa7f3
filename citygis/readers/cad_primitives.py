"""
Entities of a CAD drawing as the lines and arcs they are made of.

Everything is in the drawing's own unit and on its plan: elevations are dropped, arcs stay arcs with their centre, radius and angle,
and only what is neither line nor arc (splines, ellipses, what lies in a tilted plane) becomes chords, which say so.
"""

import itertools
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from ezdxf.entities import Arc, Circle, DXFGraphic, Ellipse, Line, LWPolyline, Polyline, Spline
from ezdxf.math import OCS, Vec3

from citygis.cogo import arc_of_bulge

SAGITTA = 0.003
"""
How far a chord may lie from a spline or ellipse, in the unit of the drawing: 0.01 ft where that is the metre, less where it is
feet.
"""

MOST_CHORDS = 20_000
"""A single spline or ellipse that needs more chords is refused as damaged: 0.003 apart it would be far larger than any drawing."""

STRAIGHT = 1e-9
"""A bulge that leaves its chord by less than this, in the unit of the drawing, is a straight segment."""

_FULL_TURN = 360.0


class Primitive(NamedTuple):
    """
    One line or arc, in the unit of the drawing. ``center``, ``radius``, ``delta_deg`` (below 360) and ``hand`` (R turns clockwise)
    are of an arc, NaN and None for a line. ``is_approximate`` marks a chord of a curve that is no arc.
    """

    kind: str
    start_easting: float
    start_northing: float
    end_easting: float
    end_northing: float
    center_easting: float = math.nan
    center_northing: float = math.nan
    radius: float = math.nan
    delta_deg: float = math.nan
    hand: str | None = None
    is_approximate: bool = False


class Damaged(Exception):
    """An entity that cannot be drawn as its numbers stand; the reason is its text."""


class NoLength(Damaged):
    """A line that begins and ends at one place of the plan: it bounds nothing."""


def primitives_of(entity: DXFGraphic) -> list[Primitive] | None:
    """
    The lines and arcs of one entity, in the order it is drawn.

    Parameters
    ----------
    entity : LINE, ARC, CIRCLE, LWPOLYLINE, POLYLINE (not a mesh), SPLINE or ELLIPSE

    Returns
    -------
    list of Primitive or None
        None where the entity is of another type. Segments without length are left out; an entity of nothing else is damaged.

    Raises
    ------
    NoLength
        If it is a LINE without length.
    Damaged
        If a number of it is not finite, a radius is not positive, or nothing of it has a length.
    """
    maker = _MAKERS.get(type(entity))
    if maker is None or (isinstance(entity, Polyline) and not (entity.is_2d_polyline or entity.is_3d_polyline)):
        return None
    try:
        made = maker(entity)
    except (ValueError, ZeroDivisionError, OverflowError, ArithmeticError, IndexError, TypeError) as error:
        raise Damaged(f"its numbers make no {entity.dxftype()} ({error})") from None
    if not made:
        is_point = isinstance(entity, Line) and all(map(math.isfinite, (*Vec3(entity.dxf.start), *Vec3(entity.dxf.end))))
        raise (NoLength if is_point else Damaged)("it has no length")
    for one in made:
        numbers = one[1:5] if one.kind == "line" else one[1:9]
        if not all(map(math.isfinite, numbers)):
            raise Damaged("a coordinate is not a finite number")
    return made


def is_flat(entity: DXFGraphic) -> bool:
    """Whether an entity lies in the plan, seen from above or below."""
    normal = Vec3(entity.dxf.get("extrusion", (0, 0, 1)))
    return abs(normal.x) < 1e-9 and abs(normal.y) < 1e-9 and normal.z != 0


def _line(entity: Line) -> list[Primitive]:
    return _chain([entity.dxf.start, entity.dxf.end], approximate=False)


def _arc(entity: Arc) -> list[Primitive]:
    delta = (entity.dxf.end_angle - entity.dxf.start_angle) % _FULL_TURN
    return _round(entity, entity.dxf.start_angle, delta or _FULL_TURN)


def _circle(entity: Circle) -> list[Primitive]:
    return _round(entity, 0.0, _FULL_TURN)


def _round(entity: Arc | Circle, start_deg: float, delta_deg: float) -> list[Primitive]:
    """An arc from its angles; a full circle as two halves, so that each has two ends."""
    radius = float(entity.dxf.radius)
    if not (math.isfinite(radius) and radius > 0):
        raise Damaged(f"its radius is {radius}")
    if not is_flat(entity):
        return _chain(_few(entity.flattening(SAGITTA)), approximate=True)
    from_below = Vec3(entity.dxf.get("extrusion", (0, 0, 1))).z < 0
    center = entity.ocs().to_wcs(Vec3(entity.dxf.center))
    pieces = 2 if delta_deg == _FULL_TURN else 1
    made = []
    for n in range(pieces):
        angles = [math.radians(start_deg + (n + k) * delta_deg / pieces) for k in (0, 1)]
        # Seen from below, easting runs the other way.
        ends = [
            (center.x + (-1 if from_below else 1) * radius * math.cos(angle), center.y + radius * math.sin(angle))
            for angle in angles
        ]
        made.append(
            Primitive("arc", *ends[0], *ends[1], center.x, center.y, radius, delta_deg / pieces, "R" if from_below else "L")
        )
    return made


def _lwpolyline(entity: LWPolyline) -> list[Primitive]:
    points = [(x, y, bulge) for x, y, bulge in entity.get_points("xyb")]
    return _bulged(entity, points, entity.ocs(), float(entity.dxf.get("elevation", 0.0)), entity.closed)


def _polyline(entity: Polyline) -> list[Primitive]:
    if entity.is_3d_polyline:
        places = [vertex.dxf.location for vertex in entity.vertices if not vertex.dxf.flags & _FRAME_OF_SPLINE]
        return _chain([*places, places[0]] if entity.is_closed and places else places, approximate=False)
    kept = [vertex for vertex in entity.vertices if not vertex.dxf.flags & _FRAME_OF_SPLINE]
    points = [(vertex.dxf.location.x, vertex.dxf.location.y, vertex.dxf.get("bulge", 0.0)) for vertex in kept]
    elevation = Vec3(entity.dxf.get("elevation", (0, 0, 0))).z
    made = _bulged(entity, points, entity.ocs(), elevation, entity.is_closed)
    # A polyline smoothed by a spline holds only points of the curve.
    smoothed = len(kept) < len(entity.vertices)
    return [one._replace(is_approximate=True) for one in made] if smoothed else made


def _bulged(
    entity: DXFGraphic, points: list[tuple[float, float, float]], ocs: OCS, elevation: float, closed: bool
) -> list[Primitive]:
    if not is_flat(entity):
        if any(bulge for _, _, bulge in points):
            found = itertools.chain.from_iterable(
                _chain(_few(part.flattening(SAGITTA)), approximate=True) if isinstance(part, Arc) else _line(part)
                for part in entity.virtual_entities()
            )
            return list(found)
        flat = [ocs.to_wcs(Vec3(x, y, elevation)) for x, y, _ in points]
        return _chain([*flat, flat[0]] if closed and flat else flat, approximate=False)
    from_below = Vec3(entity.dxf.get("extrusion", (0, 0, 1))).z < 0
    if from_below:
        points = [(-x, y, -bulge) for x, y, bulge in points]
    ends = [*points[1:], points[0]] if closed and points else points[1:]
    made = []
    for (x, y, bulge), (to_x, to_y, _) in zip(points, ends, strict=False):
        chord = math.hypot(to_x - x, to_y - y)
        if chord == 0:
            continue
        if not abs(bulge) * chord / 2 > STRAIGHT:
            made.append(Primitive("line", x, y, to_x, to_y))
            continue
        arc = arc_of_bulge((x, y), (to_x, to_y), bulge)
        made.append(Primitive("arc", x, y, to_x, to_y, *map(float, arc.center), arc.radius_ft, arc.delta_deg, arc.hand))
    return made


def _ellipse(entity: Ellipse) -> list[Primitive]:
    return _chain(_few(entity.flattening(SAGITTA)), approximate=True)


def _spline(entity: Spline) -> list[Primitive]:
    # ezdxf halves each span until it is flat enough; 4 spans at least keep an S-shaped span from looking flat.
    return _chain(_few(entity.flattening(SAGITTA, segments=4)), approximate=True)


def _few(points: Iterable[Vec3]) -> list[Vec3]:
    found = list(itertools.islice(points, MOST_CHORDS + 1))
    if len(found) > MOST_CHORDS:
        raise Damaged(f"it would need more than {MOST_CHORDS:,} chords")
    return found


def _chain(points: Iterable[Vec3], *, approximate: bool) -> list[Primitive]:
    """Lines from point to point on the plan, those without length left out."""
    places = np.array([(point[0], point[1]) for point in map(Vec3, points)], dtype=float).reshape(-1, 2)
    return [
        Primitive("line", *start, *end, is_approximate=approximate)
        for start, end in zip(places[:-1].tolist(), places[1:].tolist(), strict=True)
        if start != end
    ]


_FRAME_OF_SPLINE = 16
"""Bit of a vertex's flags: it only controls a spline (DXF reference, VERTEX group 70)."""

_MAKERS = {
    Line: _line,
    Arc: _arc,
    Circle: _circle,
    LWPolyline: _lwpolyline,
    Polyline: _polyline,
    Ellipse: _ellipse,
    Spline: _spline,
}
