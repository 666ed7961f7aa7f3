"""
True curves of Esri JSON, which the driver makes null.

A ring or path is a list of points and of segments, each from the point before it: ``{"c": [end, interior]}`` is a circular arc,
``{"a": [end, centre, minor, clockwise]}`` one by its centre (ArcGIS REST API, "Geometry objects", curve objects). Bezier curves and
ellipses have no radius to draw them by, and are reported.
"""

import math

import numpy as np
import shapely

from citygis.readers.wkb import CIRCULAR, COMPOUND, LINE, Node, Unreadable, chords


def is_curved(geometry: dict) -> bool:
    """Whether a geometry object of Esri JSON has curve segments."""
    return "curveRings" in geometry or "curvePaths" in geometry


def curved(geometry: dict, *, sagitta: float) -> shapely.Geometry:
    """
    A geometry object with ``curveRings`` or ``curvePaths``, curves drawn as chords within `sagitta` of them.

    Raises
    ------
    Unreadable
        If a ring is not closed, or a segment is a Bezier curve, part of an ellipse, or not understood.
    """
    try:
        if "curveRings" in geometry:
            return _polygons([_closed(chords(_run(ring), sagitta=sagitta)) for ring in geometry["curveRings"]])
        paths = [chords(_run(path), sagitta=sagitta) for path in geometry["curvePaths"]]
    except (TypeError, ValueError, IndexError, KeyError):
        raise Unreadable("R01", "A curve is not written as Esri JSON has it.") from None
    return shapely.LineString(paths[0]) if len(paths) == 1 else shapely.MultiLineString(paths)


def _run(items: list) -> Node:
    runs, points = [], [_point(items[0])]
    for item in items[1:]:
        if not isinstance(item, dict):
            points.append(_point(item))
            continue
        if len(points) > 1:
            runs.append(Node(LINE, np.array(points)))
        start, middle, end = points[-1], *_arc(points[-1], item)
        runs.append(Node(CIRCULAR, np.array([start, middle, end])))
        points = [end]
    if len(points) > 1:
        runs.append(Node(LINE, np.array(points)))
    return Node(COMPOUND, runs)


def _arc(start: tuple, item: dict) -> tuple[tuple, tuple]:
    """A point within an arc, and its end."""
    if "c" in item:
        end, interior = item["c"]
        return _point(interior), _point(end)
    if "a" in item and len(item["a"]) == 4:
        end, centre, minor, clockwise = item["a"]
        end, centre = _point(end), _point(centre)
        first = math.atan2(start[1] - centre[1], start[0] - centre[0])
        turn = (math.atan2(end[1] - centre[1], end[0] - centre[0]) - first) % (2 * math.pi)
        turn = turn - 2 * math.pi if clockwise else turn
        if bool(minor) != (abs(turn) <= math.pi + 1e-9):
            raise Unreadable("R01", "An arc is said to be minor and is not, or the other way round.")
        radius = math.dist(start, centre)
        half = first + turn / 2
        return (centre[0] + radius * math.cos(half), centre[1] + radius * math.sin(half)), end
    kind = {"b": "a Bezier curve", "a": "part of an ellipse"}.get(next(iter(item), ""), "of an unknown kind")
    raise Unreadable("R01", f"A segment is {kind}, which is not read. Ask for the layer with circular arcs, or as lines.")


def _point(item) -> tuple[float, float]:
    return float(item[0]), float(item[1])


def _closed(ring: np.ndarray) -> np.ndarray:
    if not np.array_equal(ring[0], ring[-1]):
        raise Unreadable("R01", f"A ring is not closed: it ends {math.dist(ring[0], ring[-1]):.6g} from where it starts.")
    return ring


def _polygons(rings: list[np.ndarray]) -> shapely.Geometry:
    """Outer rings run clockwise; a hole belongs to the smallest outer ring around it."""
    shapes = [shapely.Polygon(ring) for ring in rings]
    outer = [shape for shape in shapes if not shape.exterior.is_ccw] or shapes
    holes: list[list] = [[] for _ in outer]
    for hole in (shape for shape in shapes if shape.exterior.is_ccw and shape not in outer):
        around = [i for i, shape in enumerate(outer) if shape.contains(hole.representative_point())]
        if not around:
            raise Unreadable("R01", "A hole lies outside every outer ring.")
        holes[min(around, key=lambda i: outer[i].area)].append(hole.exterior)
    made = [shapely.Polygon(shape.exterior, inner) for shape, inner in zip(outer, holes, strict=True)]
    return made[0] if len(made) == 1 else shapely.MultiPolygon(made)
