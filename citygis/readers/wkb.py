"""
Well-known binary made into geometries, row by row where it must be, so that one bad ring never stops a read.

The bulk goes through shapely. What shapely refuses is walked here: true curves are drawn as chords within a stated sagitta, and a
ring that is not closed, or a coordinate that is not a number, is named by its place. Layout and codes are those of OGC 06-103r4,
section 8.2, and of ISO/IEC 13249-3 for the curves.
"""

import math
import struct
from typing import NamedTuple

import numpy as np
import shapely

POINT, LINE, POLYGON, MULTIPOINT, MULTILINE, MULTIPOLYGON, COLLECTION = range(1, 8)
CIRCULAR, COMPOUND, CURVE_POLYGON, MULTICURVE, MULTISURFACE = range(8, 13)
POLYHEDRAL, TIN, TRIANGLE = 15, 16, 17

_NESTED = (COMPOUND, CURVE_POLYGON, MULTICURVE, MULTISURFACE, POLYHEDRAL, TIN)
_DEEPEST = 32
_MOST_CHORDS = 100_000


class Problem(NamedTuple):
    """Something not read as sent: the row (position from 0), the reading code, and a sentence for a person."""

    row: int
    code: str
    message: str


class Node(NamedTuple):
    """One geometry of a WKB: its type, and its coordinates (n, 2 or 3) or its rings or parts."""

    kind: int
    content: np.ndarray | list


class Unreadable(Exception):
    """Why one geometry cannot be made. Caught in this package, where it becomes a `Problem`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def geometries(blobs: np.ndarray, *, sagitta: float) -> tuple[np.ndarray, list[Problem]]:
    """
    Geometries from WKB, with what could not be read row by row.

    Parameters
    ----------
    blobs : array of n bytes or None
        ISO or extended WKB. Elevations are kept, measures (M) are left out.
    sagitta : float
        How far a chord may lie from a true arc, in the unit of the coordinates.

    Returns
    -------
    array of n geometries
        None where the WKB is null and where a row has a problem other than R02.
    list of Problem
        In row order, at most one a row: R01 the geometry cannot be made (an unclosed ring, a record cut off), R02 a true curve
        drawn as chords, R03 a coordinate that is not a finite number.
    """
    made = np.full(len(blobs), None, dtype=object)
    kinds, measured = _heads(blobs)
    plain = (kinds >= POINT) & (kinds < COLLECTION)
    with np.errstate(invalid="ignore"):
        made[plain] = shapely.from_wkb(blobs[plain], on_invalid="ignore")
    problems = []
    for row in np.flatnonzero((kinds >= 0) & shapely.is_missing(made)):
        try:
            node = parse(blobs[row])
            _require_sound(node)
            made[row] = build(node, sagitta=sagitta)
        except Unreadable as reason:
            problems.append(Problem(int(row), reason.code, str(reason)))
        except (ValueError, shapely.GEOSException) as reason:
            problems.append(Problem(int(row), "R01", f"The geometry cannot be made: {reason}."))
        else:
            if has_curve(node):
                problems.append(
                    Problem(int(row), "R02", "A true curve was drawn as chords; its radius is only in the file as sent.")
                )
    measured &= ~shapely.is_missing(made)
    made[measured] = shapely.from_wkb(shapely.to_wkb(made[measured], output_dimension=3, flavor="iso"))
    made[measured & shapely.has_m(made)] = shapely.force_2d(made[measured & shapely.has_m(made)])
    return made, sorted(problems + _not_finite(made, blobs))


def parse(blob: bytes) -> Node:
    """
    A WKB taken apart, curves and all.

    Raises
    ------
    Unreadable
        If it is cut off, nested deeper than 32, or of an unknown type.
    """
    try:
        node, _ = _node(blob, 0, 0)
    except (struct.error, ValueError):
        raise Unreadable("R01", "The geometry is cut off: the record ends before its coordinates do.") from None
    return node


def build(node: Node, *, sagitta: float) -> shapely.Geometry:
    """The geometry of `node`, curves drawn as chords that lie within `sagitta` of them. Its rings must be sound."""
    kind, content = node
    if kind == POINT:
        return shapely.Point(content[0]) if len(content) and not np.isnan(content[0, :2]).all() else shapely.Point()
    if kind in (LINE, CIRCULAR, COMPOUND):
        return shapely.LineString(chords(node, sagitta=sagitta))
    if kind in (POLYGON, TRIANGLE, CURVE_POLYGON):
        rings = [chords(ring, sagitta=sagitta) for ring in content]
        return shapely.Polygon(rings[0], rings[1:]) if rings and len(rings[0]) else shapely.Polygon()
    parts = [build(part, sagitta=sagitta) for part in content]
    if kind == MULTIPOINT:
        return shapely.MultiPoint(parts)
    if kind in (MULTILINE, MULTICURVE):
        return shapely.MultiLineString(parts)
    if kind in (MULTIPOLYGON, MULTISURFACE, POLYHEDRAL, TIN):
        return shapely.MultiPolygon(parts)
    return shapely.GeometryCollection(parts)


def chords(node: Node, *, sagitta: float) -> np.ndarray:
    """The vertices of a line, arc string or compound curve, (n, 2 or 3)."""
    if node.kind == LINE:
        return node.content
    if node.kind == COMPOUND:
        runs = [chords(part, sagitta=sagitta) for part in node.content]
    else:
        points = node.content
        runs = [arc_chords(*points[start : start + 3], sagitta=sagitta) for start in range(0, len(points) - 2, 2)]
    runs = [run for run in runs if len(run)]
    return np.concatenate([runs[0], *(run[1:] for run in runs[1:])]) if runs else np.empty((0, 2))


def arc_chords(start: np.ndarray, middle: np.ndarray, end: np.ndarray, *, sagitta: float) -> np.ndarray:
    """
    The chords of an arc through three points.

    Parameters
    ----------
    start, middle, end : array of 2 or 3
        Easting, northing and perhaps elevation. Where `start` is `end`, a full circle with `middle` across from it.
    sagitta : float
        In the unit of the coordinates. The middle ordinate of a chord is R (1 - cos(step / 2)), so the step is
        2 acos(1 - sagitta / R).

    Returns
    -------
    array (n, 2 or 3)
        The first and last are exactly `start` and `end`. The same arc drawn from its other end has the same vertices, so that
        neighbours keep sharing them.
    """
    if tuple(start) > tuple(end):
        return arc_chords(end, middle, start, sagitta=sagitta)[::-1]
    centre, sweep = _circle(start[:2], middle[:2], end[:2])
    if centre is None:
        return np.stack([start, middle, end])
    radius = math.dist(centre, start[:2])
    step = 2 * math.acos(max(1 - sagitta / radius, -1.0)) if sagitta < 2 * radius else math.pi
    count = max(2, math.ceil(abs(sweep) / step)) if step > 0 else _MOST_CHORDS + 1
    if count > _MOST_CHORDS:
        raise Unreadable("R01", f"A curve of radius {radius:.6g} would need more than {_MOST_CHORDS:,} chords.")
    first = math.atan2(start[1] - centre[1], start[0] - centre[0])
    share = np.arange(count + 1) / count
    angles = first + sweep * share
    vertices = np.empty((count + 1, len(start)))
    vertices[:, 0] = centre[0] + radius * np.cos(angles)
    vertices[:, 1] = centre[1] + radius * np.sin(angles)
    if len(start) == 3:
        vertices[:, 2] = start[2] + (end[2] - start[2]) * share
    vertices[0], vertices[-1] = start, end
    return vertices


def has_curve(node: Node) -> bool:
    """Whether any part of `node` is an arc."""
    return node.kind == CIRCULAR or (isinstance(node.content, list) and any(has_curve(part) for part in node.content))


def _circle(start, middle, end) -> tuple[tuple[float, float] | None, float]:
    """Centre and signed sweep of the circle through three points; no centre when they lie on a line."""
    # Differences first: State Plane eastings squared would leave nothing of a small radius.
    (ax, ay), (bx, by) = middle - start, end - start
    if bx == 0 and by == 0:
        return (None, 0.0) if ax == 0 and ay == 0 else ((start[0] + ax / 2, start[1] + ay / 2), 2 * math.pi)
    cross = 2 * (ax * by - ay * bx)
    if abs(cross) <= 1e-12 * math.hypot(ax, ay) * math.hypot(bx, by):
        return None, 0.0
    a2, b2 = ax * ax + ay * ay, bx * bx + by * by
    centre = (start[0] + (by * a2 - ay * b2) / cross, start[1] + (ax * b2 - bx * a2) / cross)
    from_angle = math.atan2(start[1] - centre[1], start[0] - centre[0])
    to_angle = math.atan2(end[1] - centre[1], end[0] - centre[0])
    turn = (to_angle - from_angle) % (2 * math.pi)
    # The middle lies to the right of start -> end exactly when the arc runs counterclockwise.
    return centre, turn if cross > 0 else turn - 2 * math.pi


def _heads(blobs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Type code of each WKB without its dimensions (-1 where null, 0 where cut off), and whether it has measures."""
    null = np.array([blob is None for blob in blobs], dtype=bool)
    heads = np.frombuffer(b"".join(bytes(5) if blob is None else blob[:5].ljust(5, b"\0") for blob in blobs), dtype="u1")
    heads = heads.reshape(-1, 5)
    codes = np.where(heads[:, 0] == 1, heads[:, 1:].copy().view("<u4").ravel(), heads[:, 1:].copy().view(">u4").ravel())
    kinds, _, measured = _dimensions(codes.astype(np.int64))
    return np.where(null, -1, kinds), measured & ~null


def _dimensions(code):
    """Type, whether it has elevations, whether it has measures: ISO adds thousands, extended WKB sets high bits."""
    low = code & 0x1FFFFFFF
    thousands = low // 1000
    return (
        low % 1000,
        (thousands == 1) | (thousands == 3) | (code & 0x80000000 != 0),
        (thousands >= 2) | (code & 0x40000000 != 0),
    )


def _node(blob: bytes, at: int, depth: int) -> tuple[Node, int]:
    if depth > _DEEPEST:
        raise Unreadable("R01", f"The geometry is nested more than {_DEEPEST} deep.")
    order = "<" if blob[at : at + 1] == b"\1" else ">"
    (code,) = struct.unpack_from(f"{order}I", blob, at + 1)
    kind, solid, measured = _dimensions(code)
    at += 5 + (4 if code & 0x20000000 else 0)
    width = 2 + bool(solid) + bool(measured)
    keep = 3 if solid else 2
    if kind == POINT:
        return Node(kind, _coordinates(blob, at, 1, width, order)[:, :keep]), at + 8 * width
    (count,) = struct.unpack_from(f"{order}I", blob, at)
    at += 4
    if kind in (LINE, CIRCULAR):
        return Node(kind, _coordinates(blob, at, count, width, order)[:, :keep]), at + 8 * width * count
    parts = []
    if kind in (POLYGON, TRIANGLE):
        for _ in range(count):
            (length,) = struct.unpack_from(f"{order}I", blob, at)
            parts.append(Node(LINE, _coordinates(blob, at + 4, length, width, order)[:, :keep]))
            at += 4 + 8 * width * length
        return Node(kind, parts), at
    if kind not in (MULTIPOINT, MULTILINE, MULTIPOLYGON, COLLECTION, *_NESTED):
        raise Unreadable("R01", f"The geometry is of type {code}, which is no point, line or polygon.")
    for _ in range(count):
        part, at = _node(blob, at, depth + 1)
        parts.append(part)
    return Node(kind, parts), at


def _coordinates(blob: bytes, at: int, count: int, width: int, order: str) -> np.ndarray:
    return np.frombuffer(blob, dtype=f"{order}f8", count=count * width, offset=at).reshape(count, width).astype(float)


def _require_sound(node: Node, place: str = "") -> None:
    """Refuse what shapely would mend in silence: a ring that is not closed, a line of one point, an arc of two."""
    kind, content = node
    if isinstance(content, np.ndarray):
        _require_finite(node, place)
        if kind == LINE and len(content) == 1:
            raise Unreadable("R01", f"A line{place} has a single vertex.")
        if kind == CIRCULAR and len(content) and (len(content) < 3 or len(content) % 2 == 0):
            raise Unreadable("R01", f"An arc{place} has {len(content)} points. Must have an odd number, 3 or more.")
        return
    is_area = kind in (POLYGON, TRIANGLE, CURVE_POLYGON)
    for number, part in enumerate(content, start=1):
        what = "ring" if is_area else "part"
        where = f" in {what} {number} of {len(content)}{place}" if len(content) > 1 else place
        _require_sound(part, where)
        if is_area:
            _require_ring(part, where)


def _require_ring(ring: Node, place: str) -> None:
    runs = ring.content if ring.kind == COMPOUND else [ring]
    points = [run.content for run in runs if len(run.content)]
    if not points:
        return
    first, last = points[0][0], points[-1][-1]
    if not np.array_equal(first[:2], last[:2]):
        gap = math.dist(first[:2], last[:2])
        raise Unreadable(
            "R01",
            f"A ring is not closed{place}: it starts at {_place(first)} and ends at {_place(last)}, {gap:.6g} apart. "
            "Ask the sender to close it; citygis does not.",
        )
    count = sum(len(run) for run in points) - (len(points) - 1)
    if ring.kind == LINE and count < 4:
        raise Unreadable("R01", f"A ring has only {count} vertices{place}. Must have 4 or more, the last repeating the first.")


def _require_finite(node: Node, place: str) -> None:
    content = node.content
    bad = np.flatnonzero(~np.isfinite(content[:, :2]).all(axis=1))
    if len(bad) and not (node.kind == POINT and np.isnan(content[0, :2]).all()):
        row = int(bad[0])
        raise Unreadable(
            "R03",
            f"Vertex {row + 1} of {len(content)}{place} is {_place(content[row])}: a coordinate that is not a finite number. "
            "The geometry was left out.",
        )


def _not_finite(made: np.ndarray, blobs: np.ndarray) -> list[Problem]:
    """R03 for geometries with a coordinate that is not finite; they are set to None in `made`."""
    coordinates, rows = shapely.get_coordinates(made, return_index=True)
    suspects = set(rows[~np.isfinite(coordinates).all(axis=1)].tolist())
    # GEOS calls a point empty when only one of its coordinates is not a number.
    suspects |= set(np.flatnonzero((shapely.get_type_id(made) == 0) & shapely.is_empty(made)).tolist())
    problems = []
    for row in sorted(suspects):
        try:
            _require_sound(parse(blobs[row]))
        except Unreadable as reason:
            made[row] = None
            problems.append(Problem(row, reason.code, str(reason)))
    return problems


def _place(point: np.ndarray) -> str:
    return f"({point[0]:.10g}, {point[1]:.10g})"
