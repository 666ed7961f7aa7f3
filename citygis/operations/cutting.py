"""
Ground cut by lines into faces that share every corner bit for bit.
"""

import itertools
from collections.abc import Sequence

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

SNAP_FT = 0.02
"""The end or crossing of a line that is so near to a corner is that corner, as for the corners of tracts."""

_ON_FT = 1e-6


def cut(ground: BaseGeometry, lines: Sequence[BaseGeometry], *, tolerance_ft: float = SNAP_FT) -> list[shapely.Polygon]:
    """
    The faces into which lines cut a polygon.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
        In feet, valid.
    lines : sequence of LineString or MultiLineString
        In the CRS of `ground`. They may run beyond it and cross each other. Their vertices and crossings within the tolerance of a
        corner of the ground become that corner; those within it of a side are set on the side.
    tolerance_ft : float

    Returns
    -------
    list of Polygon
        Together the ground. Every corner of the ground is one of theirs, and where a line meets the outline both faces have the
        same new vertex. From west to east, or from north to south, whichever way their centroids lie farther apart.

    Raises
    ------
    ValueError
        If a line stops inside the ground, or does not divide it.
    """
    starts, ends = _segments(ground)
    held = np.unique(starts, axis=0)
    legs_a, legs_b = _legs(lines, held, starts, ends, tolerance_ft)
    found = _crossings(legs_a, legs_b, starts, ends)
    points = _known(np.concatenate([held, legs_a, legs_b]), found, tolerance_ft)
    added = points[~_among(points, held)]
    outline = _pieces(starts, ends, added, _ON_FT)
    drawn = _pieces(legs_a, legs_b, points, tolerance_ft) - outline
    inner = [edge for edge in sorted(drawn) if shapely.contains_xy(ground, *((np.array(edge[0]) + edge[1]) / 2))]
    edges = shapely.linestrings(np.array(sorted(outline) + inner))
    faces, bridges, dangles, _ = shapely.polygonize_full(edges)
    _require_through(ground, shapely.get_parts(dangles), shapely.get_parts(bridges), outline)
    faces = shapely.get_parts(faces)
    faces = faces[shapely.contains(ground, shapely.point_on_surface(faces))]
    clockwise = not shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(ground)[0]))
    faces = shapely.orient_polygons(faces, exterior_cw=clockwise)
    return list(faces[reading_order(faces)])


def cut_to(ground: BaseGeometry, pieces: Sequence[BaseGeometry], *, tolerance_ft: float = SNAP_FT) -> list[BaseGeometry]:
    """
    The ground cut as pieces say, its own outline kept.

    Parameters
    ----------
    ground : Polygon or MultiPolygon
    pieces : sequence of n Polygon or MultiPolygon
        As a record has them: together the ground, within the tolerance.
    tolerance_ft : float

    Returns
    -------
    list of n Polygon or MultiPolygon
        In the order of the pieces.

    Raises
    ------
    ValueError
        If the pieces leave ground, share ground, or reach beyond it.
    """
    pieces = list(pieces)
    beyond = shapely.area(shapely.difference(pieces, ground))
    slack = tolerance_ft * shapely.length(ground)
    if (beyond > slack).any():
        raise ValueError(f"Invalid pieces: they reach beyond the parcel by {beyond.sum():,.2f} sq ft. Must lie in it.")
    faces = cut(ground, [shapely.boundary(piece) for piece in pieces], tolerance_ft=tolerance_ft)
    shared = np.array([shapely.area(shapely.intersection(face, pieces)) for face in faces])
    size = shapely.area(faces)
    if ((shared > 0.5 * size[:, None]).sum(axis=1) > 1).any():
        raise ValueError("Invalid pieces: two of them lie on the same ground. Must each have their own.")
    owner = np.argmax(shared, axis=1)
    left = float(size[shared.max(axis=1) < 0.5 * size].sum())
    if left > 0:
        raise ValueError(f"Invalid pieces: they leave {left:,.2f} sq ft of the parcel. Must cover it, the remainder included.")
    return [united([face for face, k in zip(faces, owner, strict=True) if k == each]) for each in range(len(pieces))]


def united(shapes: Sequence[BaseGeometry]) -> BaseGeometry:
    """
    Polygons joined along the edges they share, every other corner kept bit for bit.

    Parameters
    ----------
    shapes : sequence of Polygon or MultiPolygon
        That do not overlap. A corner of one that lies on a side of another is made a corner of both first.

    Raises
    ------
    ValueError
        If ground is lost or won by it: they overlap, or there are none.
    """
    shapes = [shape for shape in shapes if shape is not None and not shape.is_empty]
    if not shapes:
        raise ValueError("Invalid shapes: none is left. Must be at least one polygon.")
    matched = [
        with_vertices(each, np.concatenate([shapely.get_coordinates(o) for o in shapes if o is not each] or [np.empty((0, 2))]))
        for each in shapes
    ]
    try:
        parts = shapely.get_parts(shapely.coverage_union_all(matched))
    except shapely.errors.GEOSException:  # their edges do not match
        parts = shapely.get_parts(shapely.union_all(matched))
    joined = parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
    before, after = float(shapely.area(shapes).sum()), float(joined.area)
    if abs(after - before) > _lost_sqft(shapes) or not joined.is_valid:
        raise ValueError(
            f"Invalid shapes: together they cover {before:,.3f} sq ft, and joined {after:,.3f}. Must not overlap: citygis validate "
            "shows where."
        )
    clockwise = not shapely.is_ccw(shapely.get_exterior_ring(shapely.get_parts(shapes[0])[0]))
    return shapely.orient_polygons(joined, exterior_cw=clockwise)


def with_vertices(shape: BaseGeometry, points: np.ndarray, *, tolerance_ft: float = 0.001) -> BaseGeometry:
    """
    A polygon or line with further vertices on its sides.

    Parameters
    ----------
    shape : Polygon, MultiPolygon, LineString or MultiLineString
    points : array (n, 2)
        Those farther off than the tolerance, and those with a vertex within it, are not used.
    tolerance_ft : float

    Returns
    -------
    geometry
        `shape` itself where nothing was to be added; else with the points as vertices, bit for bit.
    """
    points = points[shapely.dwithin(shape, shapely.points(points), tolerance_ft)] if len(points) else points
    if not len(points):
        return shape
    parts = []
    for part in shapely.get_parts(shape):
        if part.geom_type == "LineString":
            parts.append(shapely.LineString(_path_with(shapely.get_coordinates(part), points, tolerance_ft)))
            continue
        rings = [_path_with(shapely.get_coordinates(ring), points, tolerance_ft) for ring in shapely.get_rings(part)]
        parts.append(shapely.Polygon(rings[0], rings[1:]))
    if shapely.get_num_coordinates(parts).sum() == shapely.get_num_coordinates(shape):
        return shape
    if len(parts) == 1 and shapely.get_type_id(shape) in (1, 3):
        return parts[0]
    return shapely.multilinestrings(parts) if parts[0].geom_type == "LineString" else shapely.multipolygons(parts)


def reading_order(shapes: Sequence[BaseGeometry]) -> np.ndarray:
    """Positions from west to east, or north to south, whichever way the centroids lie farther apart; ties by the other way."""
    centres = np.round(shapely.get_coordinates(shapely.centroid(shapes)), 3)
    wide, high = np.ptp(centres, axis=0)
    east, south = centres[:, 0], -centres[:, 1]
    return np.lexsort((south, east) if wide >= high else (east, south))


def _lost_sqft(shapes: Sequence[BaseGeometry]) -> float:
    """What inserting vertices within 0.001 ft of a side may take."""
    return 0.001 + 1e-5 * float(shapely.length(shapes).sum())


def _segments(ground: BaseGeometry) -> tuple[np.ndarray, np.ndarray]:
    coordinates, ring = shapely.get_coordinates(shapely.get_rings(ground), return_index=True)
    follows = ring[1:] == ring[:-1]
    starts, ends = coordinates[:-1][follows], coordinates[1:][follows]
    real = (starts != ends).any(axis=1)
    return starts[real], ends[real]


def _legs(lines, held: np.ndarray, starts: np.ndarray, ends: np.ndarray, tolerance_ft: float) -> tuple[np.ndarray, np.ndarray]:
    """The legs of the lines, their vertices set on corners, sides, or vertices that came before, where those are near."""
    corners = held
    first, second = [], []
    for line in shapely.get_parts(lines):
        path = []
        for place in shapely.get_coordinates(line):
            near = np.hypot(*(corners - place).T)
            if near.min() <= tolerance_ft:
                place = corners[np.argmin(near)]
            else:
                feet, _ = _feet(place[None], starts, ends)
                away = np.hypot(*(feet[0] - place).T)
                place = feet[0][np.argmin(away)] if away.min() <= tolerance_ft else place
                corners = np.concatenate([corners, place[None]])
            path.append(place)
        legs = np.array(path)
        real = (legs[1:] != legs[:-1]).any(axis=1)
        first.append(legs[:-1][real])
        second.append(legs[1:][real])
    if not sum(map(len, first)):
        raise ValueError("Invalid line: it has no length. Must have two places at least.")
    return np.concatenate(first), np.concatenate(second)


def _crossings(legs_a, legs_b, starts, ends) -> np.ndarray:
    """Where legs cross the outline or each other, between the ends of both or at them."""
    others_a, others_b = np.concatenate([starts, legs_a]), np.concatenate([ends, legs_b])
    found = []
    for k, (a, b) in enumerate(zip(legs_a, legs_b, strict=True)):
        one, two = others_a[: len(starts) + k], others_b[: len(starts) + k]
        along, across = b - a, two - one
        cross = along[0] * across[:, 1] - along[1] * across[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            to = one - a
            t = (to[:, 0] * across[:, 1] - to[:, 1] * across[:, 0]) / cross
            u = (to[:, 0] * along[1] - to[:, 1] * along[0]) / cross
        # Nearly parallel: what they share is a stretch, and its ends are vertices of one of them already.
        steep = np.abs(cross) > 1e-9 * np.hypot(*along) * np.hypot(*across.T)
        meets = steep & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
        # On the other side, not on the leg: there the vertex must lie.
        found.append(one[meets] + u[meets, None] * across[meets])
    return np.concatenate(found) if found else np.empty((0, 2))


def _known(places: np.ndarray, found: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """All places, each once; one that was found near another is that one."""
    known = np.unique(places, axis=0)
    for place in found:
        if np.hypot(*(known - place).T).min() > tolerance_ft:
            known = np.concatenate([known, place[None]])
    return known


def _among(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    held = set(map(tuple, others.tolist()))
    return np.array([tuple(p) in held for p in points.tolist()], dtype=bool)


def _feet(points: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest place on each segment to each point, (n, m, 2), and how far along it, 0 to 1."""
    along = ends - starts
    share = ((points[:, None] - starts) * along).sum(axis=2) / (along**2).sum(axis=1)
    share = np.clip(share, 0.0, 1.0)
    return starts + share[:, :, None] * along, share


def _pieces(starts: np.ndarray, ends: np.ndarray, points: np.ndarray, tolerance_ft: float) -> set[tuple]:
    """Segments divided at the points on them, as pairs of places, the lesser first."""
    edges = set()
    for a, b in zip(starts, ends, strict=True):
        for one, two in zip(*_divided(a, b, points, tolerance_ft), strict=True):
            edges.add((min(one, two), max(one, two)))
    return edges


def _divided(a, b, points, tolerance_ft) -> tuple[list, list]:
    path = [tuple(a.tolist()), *_between(a, b, points, tolerance_ft), tuple(b.tolist())]
    return path[:-1], path[1:]


def _between(a: np.ndarray, b: np.ndarray, points: np.ndarray, tolerance_ft: float) -> list[tuple]:
    """Points on a segment, other than its ends, in order."""
    if not len(points):
        return []
    feet, share = _feet(points, a[None], b[None])
    near = (np.hypot(*(feet[:, 0] - points).T) <= tolerance_ft) & (share[:, 0] > 0) & (share[:, 0] < 1)
    near &= (points != a).any(axis=1) & (points != b).any(axis=1)
    rows = np.flatnonzero(near)
    return [tuple(points[k].tolist()) for k in rows[np.argsort(share[rows, 0], kind="stable")]]


def _path_with(path: np.ndarray, points: np.ndarray, tolerance_ft: float) -> np.ndarray:
    away = np.hypot(*np.moveaxis(points[:, None] - path[None], 2, 0)).min(axis=1)
    points = np.unique(points[away > tolerance_ft], axis=0)
    if not len(points):
        return path
    made = [path[:1]]
    for a, b in itertools.pairwise(path):
        between = _between(a, b, points, tolerance_ft) if (a != b).any() else []
        made += [np.array(between).reshape(-1, 2), b[None]]
    return np.concatenate(made)


def _require_through(ground: BaseGeometry, dangles: np.ndarray, bridges: np.ndarray, outline: set[tuple]) -> None:
    if len(dangles):
        boundary = shapely.boundary(ground)
        ends = shapely.points(shapely.get_coordinates(dangles))
        short = shapely.distance(boundary, ends)
        at = int(np.argmax(short))
        raise ValueError(
            f"Invalid line: it stops {short[at]:,.2f} ft short of the boundary at {ends[at].x:,.2f}, {ends[at].y:,.2f}. Must run "
            "from boundary to boundary: extend it."
        )
    if len(bridges):
        raise ValueError(
            "Invalid line: it joins the boundary and a hole without dividing the parcel. Must run on to the other side."
        )
