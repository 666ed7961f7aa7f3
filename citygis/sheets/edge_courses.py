"""
Courses of parcel edges that no boundary line states: found in the geometry, each edge that two parcels share once.

Edges are chained between the places where lots meet or an outline turns a corner. Within a chain, vertices of one curvature are
an arc, and what is left is made straight as far as it is straight.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.cogo import Arc, arc_through

NODE_FT = 0.01
"""Vertices of two outlines are one when they agree to this, the tolerance of the City's own fabric (rules T03 and T04)."""

ON_LINE_FT = 0.05
"""An edge is stated by a boundary line that it follows within this."""

STRAIGHT_FT = 0.03
"""Vertices that leave a straight course by no more stand within it."""

ARC_FT = 0.03
"""Vertices that leave an arc by no more are taken to lie on it: three times the sagitta arcs are drawn with."""

_CORNER_DEG = 30.0
_LEAST_TURN_FT = 0.001
_SAME_CURVATURE = 0.03
_NOISE_FT = 0.004


class EdgeCourses(NamedTuple):
    """
    Courses out of outlines.

    Parameters
    ----------
    shapes : array of LineString, n
        On the ground; a line has its two ends, an arc all its vertices.
    radius_ft : array, n
        NaN for a line.
    delta_deg : array, n
        What an arc turns; NaN for a line.
    hand : array of str, n
        ``L`` or ``R``, empty for a line.
    is_boundary : array of bool, n
        No other polygon lies beyond.
    """

    shapes: np.ndarray
    radius_ft: np.ndarray
    delta_deg: np.ndarray
    hand: np.ndarray
    is_boundary: np.ndarray


class _Chains(NamedTuple):
    """Vertices of chains end to end, which chain each is of, and whether no other polygon lies beyond each chain."""

    points: np.ndarray
    chain: np.ndarray
    is_boundary: np.ndarray


def edge_courses(polygons: np.ndarray, stated: np.ndarray) -> EdgeCourses:
    """
    The courses of the edges of polygons.

    Parameters
    ----------
    polygons : array of Polygon or MultiPolygon
        In feet; nulls are passed over.
    stated : array of LineString
        What lies along these is left out.

    Returns
    -------
    EdgeCourses
        Lines run north, or due east where they run neither north nor south.
    """
    points, chain, is_boundary = _chains(polygons, stated)
    arcs = _arcs(points, chain)
    on_arc = np.zeros(max(len(points) - 1, 0), dtype=bool)
    for first, last, _ in arcs:
        on_arc[first:last] = True
    # What is left of the chains, stretch by stretch; stretch i .. j of edges has the points i .. j + 1.
    edge = np.flatnonzero((chain[1:] == chain[:-1]) & ~on_arc)
    new = np.append(True, (np.diff(edge) > 1) | (chain[edge[1:]] != chain[edge[:-1]])) if len(edge) else np.zeros(0, bool)
    stretch = np.cumsum(new) - 1
    last = np.append(np.flatnonzero(new)[1:] - 1, len(edge) - 1) if len(edge) else np.zeros(0, int)
    index = np.concatenate([edge, edge[last] + 1])
    owner = np.concatenate([stretch, np.arange(len(last))])
    order = np.lexsort((index, owner))
    lines = shapely.linestrings(points[index[order]], indices=owner[order]) if len(edge) else np.array([], dtype=object)
    ends, of = shapely.get_coordinates(shapely.simplify(lines, STRAIGHT_FT), return_index=True)
    run = np.flatnonzero(of[1:] == of[:-1])
    a, b = ends[run], ends[run + 1]
    north = (b[:, 1] > a[:, 1]) | ((b[:, 1] == a[:, 1]) & (b[:, 0] > a[:, 0]))
    straight = shapely.linestrings(np.stack([np.where(north[:, None], a, b), np.where(north[:, None], b, a)], axis=1))
    curved = [shapely.LineString(points[first : last + 1]) for first, last, _ in arcs]
    found = [arc for *_, arc in arcs]
    of_line, of_arc = (
        chain[edge[new]][of[run]] if len(edge) else np.zeros(0, int),
        chain[np.array([first for first, *_ in arcs], dtype=int)],
    )
    no_number = np.full(len(run), np.nan)
    return EdgeCourses(
        np.concatenate([straight, np.array(curved, dtype=object)]),
        np.append(no_number, [arc.radius_ft for arc in found]),
        np.append(no_number, [arc.delta_deg for arc in found]),
        np.append(np.full(len(run), "", dtype=object), [arc.hand for arc in found]),
        is_boundary[np.append(of_line, of_arc).astype(int)],
    )


def arc_of(points: np.ndarray) -> Arc | None:
    """The arc that vertices (n x 2, feet) lie on within `ARC_FT`, or None."""
    if len(points) < 3:
        return None
    try:
        arc = arc_through(points[0], points[len(points) // 2], points[-1])
    except ValueError:
        return None
    off = np.abs(np.hypot(*(points - arc.center).T) - arc.radius_ft)
    return arc if off.max() <= ARC_FT else None


def _chains(polygons: np.ndarray, stated: np.ndarray) -> _Chains:
    """The edges of polygons that nothing states, each once, as chains from node to node."""
    rings = shapely.get_rings(shapely.get_parts(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    none = _Chains(np.empty((0, 2)), np.zeros(0, int), np.zeros(0, bool))
    if not len(points):
        return none
    grid = np.rint((points - points.min(axis=0)) / NODE_FT).astype(np.int64)
    _, vertex = np.unique(grid[:, 0] * (grid[:, 1].max() + 1) + grid[:, 1], return_inverse=True)
    real = np.flatnonzero((ring[:-1] == ring[1:]) & (vertex[:-1] != vertex[1:]))
    begin, end, ring = vertex[real], vertex[real + 1], ring[real]
    key = np.minimum(begin, end) * (int(vertex.max()) + 1) + np.maximum(begin, end)
    _, once, which, times = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    degree = np.bincount(begin[once], minlength=vertex.max() + 1) + np.bincount(end[once], minlength=vertex.max() + 1)
    first = np.zeros(len(key), dtype=bool)
    first[once] = True
    first &= ~_along(points[real], points[real + 1], stated)

    count = np.bincount(ring, minlength=ring.max() + 1)
    opens = np.cumsum(count) - count
    place = np.arange(len(ring)) - opens[ring]
    before = opens[ring] + (place - 1) % count[ring]
    step = points[real + 1] - points[real]
    turned = _turn(step[before], step)
    breaks = (degree[begin] != 2) | (np.abs(turned) > np.radians(_CORNER_DEG))
    # Each ring is walked from a node on, so that no chain is cut where the outline happens to begin.
    order = np.lexsort((begin, ~breaks, ring))
    start = np.zeros(len(count), dtype=int)
    heads = order[np.append(True, np.diff(ring[order]) != 0)]
    start[ring[heads]] = place[heads]
    walk = np.lexsort(((place - start[ring]) % count[ring], ring))
    kept = walk[first[walk]]
    if not len(kept):
        return none
    follows = np.zeros(len(kept), dtype=bool)
    position = np.flatnonzero(first[walk])
    follows[1:] = (np.diff(position) == 1) & (ring[kept[1:]] == ring[kept[:-1]]) & ~breaks[kept[1:]]
    # Beyond an edge lies the same all along a chain, but for what the neighbour leaves open there.
    follows[1:] &= times[which[kept[1:]]] == times[which[kept[:-1]]]
    chain = np.cumsum(~follows) - 1
    last = np.append(np.flatnonzero(~follows)[1:] - 1, len(kept) - 1)
    at = np.concatenate([points[real[kept]], points[real[kept[last]] + 1]])
    owner = np.concatenate([chain, np.arange(len(last))])
    rank = np.concatenate([np.arange(len(kept)), last + 0.5])
    order = np.lexsort((rank, owner))
    return _Chains(at[order], owner[order], (times[which[kept]] == 1)[np.flatnonzero(~follows)])


def _along(a: np.ndarray, b: np.ndarray, stated: np.ndarray) -> np.ndarray:
    """Which edges lie along stated lines: their ends and three places between do."""
    on = np.ones(len(a), dtype=bool)
    if not len(stated):
        return ~on
    tree = shapely.STRtree(stated)
    for share in (0.5, 0.25, 0.75, 0.0, 1.0):
        left = np.flatnonzero(on)
        near = tree.query(shapely.points(a[left] + share * (b[left] - a[left])), predicate="dwithin", distance=ON_LINE_FT)[0]
        on[:] = False
        on[left[near]] = True
    return on


def _arcs(points: np.ndarray, chain: np.ndarray) -> list[tuple[int, int, Arc]]:
    """First and last vertex of each stretch of three edges or more that is an arc, and the arc."""
    if len(points) < 4:
        return []
    step = np.diff(points, axis=0)
    length = np.hypot(*step.T)
    inner = (chain[2:] == chain[1:-1]) & (chain[1:-1] == chain[:-2])
    turned, mean = _turn(step[:-1], step[1:]), (length[:-1] + length[1:]) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        curvature = np.where(inner, turned / mean, np.nan)
        bent = inner & (np.abs(turned) * mean > _LEAST_TURN_FT)
        allowed = _SAME_CURVATURE * np.abs(turned) + _NOISE_FT / mean
        alike = bent[1:] & bent[:-1] & (np.abs(np.diff(curvature)) * mean[1:] <= np.minimum(allowed[1:], allowed[:-1]))
        alike &= np.sign(turned[1:]) == np.sign(turned[:-1])
    edge = np.diff(np.concatenate([[False], alike, [False]]).astype(int))
    found, free = [], 0
    for begin, end in zip(np.flatnonzero(edge == 1), np.flatnonzero(edge == -1), strict=True):
        # Inner vertex v of `turned` is point v + 1; the arc reaches one edge further on both sides.
        first, last = max(int(begin), free), int(end) + 2
        if last - first >= 3 and (arc := arc_of(points[first : last + 1])) is not None:
            found.append((first, last, arc))
            free = last
    return found


def _turn(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Angle from one step to the next, radians, left positive."""
    cross = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
    return np.arctan2(cross, (before * after).sum(axis=1))
