"""
The vertices that stand for courses, the same for both sides of a boundary.

Where a long course of one figure runs past the corners of others, it is cut there; and the arc between two nodes gets its
vertices once, for all figures that have it. So two neighbours share every vertex to the last bit, whatever the file's last
digits say.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely

from citygis.cogo import Course, arc_vertices
from citygis.cogo.course import spiral_of
from citygis.cogo.spiral import spiral_vertices

SNAP_FT = 0.005
"""Ends of courses this near to one another, or to a course, are one node: half of the last place of a plat."""


class Piece(NamedTuple):
    """A course in its place: where it starts and ends, in the unit of the file."""

    course: Course
    start: tuple[float, float]
    end: tuple[float, float]


def shared_vertices(pieces: Sequence[Piece], *, snap: float, sagitta: float) -> list[np.ndarray]:
    """
    Vertices for each piece, from its start to its end.

    Parameters
    ----------
    pieces : sequence of Piece, n
    snap : float
        As `SNAP_FT`, in the unit of the file.
    sagitta : float
        How far a chord may lie from its arc, in the same unit.

    Returns
    -------
    list of n arrays (m, 2)
        The ends are nodes: within `snap` of the ends of the piece.
    """
    if not pieces:
        return []
    ends = np.array([(*piece.start, *piece.end) for piece in pieces], dtype=float).reshape(-1, 2)
    nodes, number = _nodes(ends, snap)
    number = number.reshape(-1, 2)
    on_the_way = _on_the_way(pieces, nodes, number, snap, sagitta)
    registry: dict[tuple, list[tuple[float, np.ndarray]]] = {}
    found = []
    for n, piece in enumerate(pieces):
        way = [(0.0, int(number[n, 0])), *on_the_way.get(n, []), (1.0, int(number[n, 1]))]
        stops = [node for _, node in way]
        if piece.course.kind == "spiral":
            found.append(_spiral(piece, nodes[stops[0]], nodes[stops[-1]], sagitta))
        elif piece.course.kind == "line":
            found.append(nodes[stops])
        else:
            arcs = [
                _arc(piece.course, nodes, a, b, (to - since) * piece.course.delta_deg > 180, registry, sagitta)
                for (since, a), (to, b) in itertools.pairwise(way)
            ]
            found.append(np.vstack([arcs[0][:1], *(arc[1:] for arc in arcs)]))
    return found


def _nodes(ends: np.ndarray, snap: float) -> tuple[np.ndarray, np.ndarray]:
    """Points that are apart, and which of them each end is."""
    unique, number = np.unique(ends, axis=0, return_inverse=True)
    points = shapely.points(unique)
    first, second = shapely.STRtree(points).query(points, predicate="dwithin", distance=snap)
    label = np.arange(len(unique))
    while True:
        lowest = label.copy()
        np.minimum.at(lowest, first, label[second])
        if np.array_equal(lowest, label):
            break
        label = lowest
    return unique, label[number.ravel()]


def _on_the_way(
    pieces: Sequence[Piece], nodes: np.ndarray, number: np.ndarray, snap: float, sagitta: float
) -> dict[int, list[tuple[float, int]]]:
    """Nodes that each line or arc runs through, each with the share of it where it does, in that order."""
    used = np.unique(number)
    rough = shapely.linestrings(np.array([(piece.start, piece.end) for piece in pieces], dtype=float))
    for n, piece in enumerate(pieces):
        if piece.course.kind == "curve":
            delta, hand = piece.course.delta_deg, piece.course.hand
            rough[n] = shapely.LineString(arc_vertices(piece.start, piece.end, delta, hand, sagitta_ft=sagitta))
    which, near = shapely.STRtree(shapely.points(nodes[used])).query(rough, predicate="dwithin", distance=snap + sagitta)
    between = (used[near] != number[which, 0]) & (used[near] != number[which, 1])
    found: dict[int, list[tuple[float, int]]] = {}
    for piece, node in zip(which[between].tolist(), used[near[between]].tolist(), strict=True):
        along = _along(pieces[piece], nodes[node], snap)
        if along is not None:
            found.setdefault(piece, []).append((along, node))
    return {piece: sorted(stops) for piece, stops in found.items()}


def _along(piece: Piece, point: np.ndarray, snap: float) -> float | None:
    """Where along a piece a point lies, as a share of it; null where it lies beside it."""
    start, end = np.array(piece.start), np.array(piece.end)
    if piece.course.kind == "spiral":
        return None
    if piece.course.kind == "line":
        step = end - start
        share = float(np.dot(point - start, step) / np.dot(step, step))
        off = float(np.linalg.norm(point - start - share * step))
        return share if off <= snap and 0 < share < 1 else None
    center = _center(start, end, piece.course)
    out, first = point - center, start - center
    off = abs(float(np.linalg.norm(out)) - piece.course.radius_ft)
    turned = math.atan2(out[0], out[1]) - math.atan2(first[0], first[1])
    share = math.degrees(turned if piece.course.hand == "R" else -turned) % 360 / piece.course.delta_deg
    return share if off <= snap and 0 < share < 1 else None


def _center(start: np.ndarray, end: np.ndarray, course: Course) -> np.ndarray:
    step = end - start
    right = np.array([step[1], -step[0]]) * (1 if course.hand == "R" else -1)
    return (start + end) / 2 + right / (2 * math.tan(math.radians(course.delta_deg) / 2))


def _arc(course: Course, nodes: np.ndarray, a: int, b: int, major: bool, registry: dict[tuple, list], sagitta: float) -> np.ndarray:
    """Vertices of the arc between two nodes; those that another course already gave it, if it is the same arc."""
    chord = math.dist(nodes[a], nodes[b])
    delta = 2 * math.degrees(math.asin(min(1.0, chord / 2 / course.radius_ft)))
    if major:
        delta = 360 - delta
    hand = course.hand if a < b else {"L": "R", "R": "L"}[course.hand]
    middle = course.radius_ft * (1 - math.cos(math.radians(delta) / 2))
    known = registry.setdefault((min(a, b), max(a, b), hand), [])
    for height, vertices in known:
        if abs(height - middle) <= sagitta:
            return vertices if a < b else vertices[::-1]
    vertices = arc_vertices(nodes[min(a, b)], nodes[max(a, b)], delta, hand, sagitta_ft=sagitta)
    known.append((middle, vertices))
    return vertices if a < b else vertices[::-1]


def _spiral(piece: Piece, start: np.ndarray, end: np.ndarray, sagitta: float) -> np.ndarray:
    return spiral_vertices(start, end, spiral_of(piece.course), piece.course.hand, sagitta_ft=sagitta)
