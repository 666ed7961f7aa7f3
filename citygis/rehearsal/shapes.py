"""
Geometries as Esri's JSON: written from arrays of coordinates, read back, measured, snapped, and true curves made of chords.

Esri: outer rings run clockwise and holes the other way (REST API, 'Geometry objects'); a true curve is an object in the place of
a vertex, ``c`` an arc through a point, ``a`` an arc about a centre, ``b`` a Bezier curve.
"""

import itertools
import json
import math
from collections.abc import Callable, Sequence

import numpy as np
import shapely

POINT, MULTIPOINT, LINE, POLYGON = "esriGeometryPoint", "esriGeometryMultipoint", "esriGeometryPolyline", "esriGeometryPolygon"
KINDS = {0: POINT, 1: LINE, 2: LINE, 3: POLYGON, 4: MULTIPOINT, 5: LINE, 6: POLYGON}
"""Esri's geometry type by the type of a shape (`shapely.get_type_id`)."""
_PARTS = {LINE: ("paths", "curvePaths"), POLYGON: ("rings", "curveRings")}
_CHORDS = 32
"""Chords of a quarter of a circle: at 1,000 ft of radius an arc is left by less than 0.08 ft."""


def esri_json(geometries: Sequence, kind: str, has_z: bool) -> list[str | None]:
    """
    Shapes as the JSON text of an Esri geometry, without a spatial reference.

    Parameters
    ----------
    geometries : array of n shapes
        Of the kind; null and empty ones give None.
    kind : str
        One of esriGeometryPoint, Multipoint, Polyline and Polygon.
    has_z : bool
        Whether heights are written; a missing one is written as 0.

    Returns
    -------
    list of n str or None
    """
    geometries = np.asarray(geometries, dtype=object)
    empty = shapely.is_missing(geometries) | shapely.is_empty(geometries)
    if kind in (POINT, MULTIPOINT):
        coordinates, owner = _coordinates(geometries, has_z)
        edges = np.searchsorted(owner, np.arange(len(geometries) + 1)).tolist()
        groups = [coordinates[a:b] for a, b in itertools.pairwise(edges)]
        if kind == POINT:
            return [
                None if no else _dump(dict(zip("xyz", g[0], strict=False))) for no, g in zip(empty.tolist(), groups, strict=True)
            ]
        return [None if no else _dump({"points": g}) for no, g in zip(empty.tolist(), groups, strict=True)]
    parts, owner = shapely.get_parts(geometries, return_index=True)
    if kind == POLYGON:
        parts, part_of = shapely.get_rings(parts, return_index=True)
        first = np.concatenate([[True], part_of[1:] != part_of[:-1]]) if len(part_of) else np.zeros(0, bool)
        turned = shapely.is_ccw(parts) == first
        parts[turned] = shapely.reverse(parts[turned])
        owner = owner[part_of]
    coordinates, part_of = _coordinates(parts, has_z)
    edges = np.searchsorted(part_of, np.arange(len(parts) + 1)).tolist()
    of_part = [coordinates[a:b] for a, b in itertools.pairwise(edges)]
    edges = np.searchsorted(owner, np.arange(len(geometries) + 1)).tolist()
    name = _PARTS[kind][0]
    return [None if no else _dump({name: of_part[a:b]}) for no, a, b in zip(empty.tolist(), edges, edges[1:], strict=False)]


def is_curved(geometry: dict | None) -> bool:
    """Whether a geometry has true curves."""
    return bool(geometry) and ("curveRings" in geometry or "curvePaths" in geometry)


def checked(geometry: dict, kind: str, has_z: bool) -> dict | None:
    """
    A geometry as it is kept: of the layer's kind, numbers finite, rings closed, heights only where the layer has them.

    Returns
    -------
    dict, or None for an empty geometry

    Raises
    ------
    ValueError
        If it is of another kind, has a part that is none, or a number that is not finite.
    LookupError
        If the layer has heights and a vertex has none.
    """
    if not isinstance(geometry, dict):
        raise ValueError("not a geometry")
    if kind == POINT:
        if geometry.get("x", "NaN") in (None, "NaN"):
            if "x" in geometry:
                return None
            raise ValueError("no x")
        return dict(zip("xyz", _vertex([geometry[a] for a in "xyz" if geometry.get(a) is not None], has_z), strict=False))
    if kind == MULTIPOINT:
        points = [_vertex(vertex, has_z) for vertex in _list(geometry["points"])] if "points" in geometry else _none_given()
        return {"points": points} if points else None
    name = next((name for name in reversed(_PARTS[kind]) if name in geometry), None) or _none_given()
    parts = [[_vertex_or_curve(item, has_z) for item in _list(part)] for part in _list(geometry[name])]
    for part in parts:
        if not part or isinstance(part[0], dict):
            raise ValueError("a part does not begin with a vertex")
        ends = _end(part[-1])
        if kind == POLYGON and ends[:2] != part[0][:2]:
            part.append(list(part[0]))
        if not any(isinstance(item, dict) for item in part) and len(part) < (4 if kind == POLYGON else 2):
            raise ValueError("a part has too few vertices")
    return {name: parts} if parts else None


def straight(geometry: dict) -> dict:
    """A geometry whose true curves are made of chords; one without is given back as it is."""
    for plain, curved in _PARTS.values():
        if curved in geometry:
            return {plain: [_straight_part(part) for part in geometry[curved]]}
    return geometry


def moved(geometry: dict, move: Callable[[np.ndarray], np.ndarray]) -> dict:
    """
    A geometry without true curves with other coordinates.

    Parameters
    ----------
    geometry : dict
    move : callable
        Of an array (n, 2) of eastings and northings, giving such an array.
    """
    if "x" in geometry:
        x, y = move(np.array([[geometry["x"], geometry["y"]]]))[0].tolist()
        return {**geometry, "x": x, "y": y}
    name = next(iter(geometry))
    parts = [geometry[name]] if name == "points" else geometry[name]
    new = []
    for part in parts:
        placed = move(np.array([vertex[:2] for vertex in part], dtype=float)).tolist()
        new.append([[*xy, *vertex[2:]] for xy, vertex in zip(placed, part, strict=True)])
    return {name: new[0] if name == "points" else new}


def without_z(geometry: dict) -> dict:
    """A geometry without true curves and without heights."""
    if "x" in geometry:
        return {"x": geometry["x"], "y": geometry["y"]}
    return _flat(geometry)


def snapped(geometry: dict, resolution: float) -> dict:
    """A geometry without true curves on the grid of the service's resolution."""
    return moved(geometry, lambda xy: np.round(xy / resolution) * resolution)


def measured(geometry: dict | None, kind: str) -> tuple[tuple | None, float | None, float | None]:
    """
    Bounds, area and length of a geometry, its true curves as chords.

    Returns
    -------
    bounds : (least easting, least northing, greatest easting, greatest northing), or None
    area : float, or None
        In the square of the layer's unit; for polygons only. Holes are taken off by the way they run.
    length : float, or None
        Of lines, and around polygons.
    """
    if not geometry:
        return None, *((0.0, 0.0) if kind == POLYGON else (None, 0.0 if kind == LINE else None))
    if "x" in geometry:
        return (geometry["x"], geometry["y"], geometry["x"], geometry["y"]), None, None
    geometry = straight(geometry)
    parts = [geometry["points"]] if "points" in geometry else next(iter(geometry.values()))
    arrays = [np.array([vertex[:2] for vertex in part], dtype=float) for part in parts]
    every = np.concatenate(arrays)
    bounds = (*every.min(axis=0).tolist(), *every.max(axis=0).tolist())
    if kind == MULTIPOINT:
        return bounds, None, None
    length = sum(float(np.hypot(*np.diff(a, axis=0).T).sum()) for a in arrays)
    if kind == LINE:
        return bounds, None, length
    return bounds, abs(sum(_signed_area(a - every[0]) for a in arrays)), length


def meets(geometry: dict, envelope: tuple[float, float, float, float]) -> bool:
    """Whether a geometry and an envelope have a point in common."""
    geometry = straight(geometry)
    box = shapely.box(*envelope)
    if "x" in geometry:
        return bool(shapely.intersects(box, shapely.Point(geometry["x"], geometry["y"])))
    name, parts = next(iter(geometry.items()))
    if name == "points":
        return bool(shapely.intersects(box, shapely.multipoints([vertex[:2] for vertex in parts])))
    flat = [[vertex[:2] for vertex in part] for part in parts]
    if any(shapely.intersects(box, shapely.LineString(part)) for part in flat):
        return True
    # No edge meets it, so a polygon meets it where it is inside an odd number of rings.
    corner = shapely.Point(envelope[:2])
    return name == "rings" and sum(bool(shapely.Polygon(ring).contains(corner)) for ring in flat) % 2 == 1


def _dump(value) -> str:
    return json.dumps(value, separators=(",", ":"))


def _coordinates(shapes: np.ndarray, has_z: bool) -> tuple[list, np.ndarray]:
    coordinates, owner = shapely.get_coordinates(shapes, include_z=has_z, return_index=True)
    return np.nan_to_num(coordinates, nan=0.0).tolist() if has_z else coordinates.tolist(), owner


def _list(value) -> list:
    if not isinstance(value, list):
        raise ValueError("not a list of vertices")
    return value


def _none_given():
    raise ValueError("not of the layer's kind")


def _vertex(vertex, has_z: bool) -> list[float]:
    numbers = _list(vertex)[: 3 if has_z else 2]
    if len(numbers) < 2 or not all(isinstance(n, (int, float)) and not isinstance(n, bool) and math.isfinite(n) for n in numbers):
        raise ValueError("not a vertex")
    if has_z and len(numbers) < 3:
        raise LookupError("no height")
    return numbers


def _vertex_or_curve(item, has_z: bool):
    if not isinstance(item, dict):
        return _vertex(item, has_z)
    if len(item) != 1 or next(iter(item)) not in "cab":
        raise ValueError("not a true curve")
    numbers = _list(next(iter(item.values())))
    pairs = {"c": 2, "a": 2, "b": 3}[next(iter(item))]
    if len(numbers) < pairs or (next(iter(item)) == "a" and len(numbers) < 4):
        raise ValueError("not a true curve")
    for point in numbers[:pairs]:
        _vertex(point, False)
    return item


def _end(item) -> list[float]:
    return next(iter(item.values()))[0] if isinstance(item, dict) else item


def _flat(geometry: dict) -> dict:
    name, parts = next(iter(geometry.items()))
    if name == "points":
        return {name: [vertex[:2] for vertex in parts]}
    return {name: [[vertex[:2] for vertex in part] for part in parts]}


def _straight_part(part: list) -> list:
    new = [part[0][:2]]
    for item in part[1:]:
        new += _chords(new[-1], item) if isinstance(item, dict) else [item[:2]]
    return new


def _chords(start: list, curve: dict) -> list:
    """Points along a true curve after its start, its end with the digits it was sent with."""
    kind, numbers = next(iter(curve.items()))
    end = numbers[0][:2]
    if kind == "b":
        t = np.linspace(0, 1, _CHORDS + 1)[1:-1, None]
        a, b, c, d = (np.array(p[:2], dtype=float) for p in (start, numbers[1], numbers[2], end))
        return [*((1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d).tolist(), end]
    if kind == "c":
        centre, clockwise = _centre(start, numbers[1], end)
        if centre is None:
            return [end]
    else:
        centre, clockwise = numbers[1][:2], bool(numbers[3])
    rotation, ratio = (math.radians(numbers[4]), numbers[6]) if kind == "a" and len(numbers) > 6 else (0.0, 1.0)
    turn = complex(math.cos(rotation), math.sin(rotation))

    def on_circle(point):
        away = complex(point[0] - centre[0], point[1] - centre[1]) / turn
        return complex(away.real, away.imag / ratio)

    first, last = on_circle(start), on_circle(end)
    radius, begin = abs(first), math.atan2(first.imag, first.real)
    sweep = math.atan2(last.imag, last.real) - begin
    sweep = -((-sweep) % (2 * math.pi) or 2 * math.pi) if clockwise else (sweep % (2 * math.pi) or 2 * math.pi)
    n = max(2, math.ceil(abs(sweep) / (math.pi / 2) * _CHORDS))
    points = []
    for i in range(1, n):
        angle = begin + sweep * i / n
        point = complex(radius * math.cos(angle), radius * math.sin(angle) * ratio) * turn
        points.append([centre[0] + point.real, centre[1] + point.imag])
    return [*points, end]


def _centre(start, through, end) -> tuple[list | None, bool]:
    """Centre of the circle through three points (None if they are in line), and whether it runs clockwise."""
    ax, ay = through[0] - start[0], through[1] - start[1]
    bx, by = end[0] - start[0], end[1] - start[1]
    cross = ax * by - ay * bx
    if cross == 0:
        return None, False
    aa, bb = ax * ax + ay * ay, bx * bx + by * by
    return [start[0] + (by * aa - ay * bb) / (2 * cross), start[1] + (ax * bb - bx * aa) / (2 * cross)], cross < 0


def _signed_area(ring: np.ndarray) -> float:
    x, y = ring.T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2)
