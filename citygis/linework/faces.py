"""
Faces that noded linework closes, each with the edges it is made of, in order.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.linework.noding import Edges
from citygis.linework.piece import Pieces, radius_ft
from citygis.topology import connected


class Ring(NamedTuple):
    """
    One ring: its edges in order (counterclockwise for a shell, clockwise for a hole), and whether each is travelled as it runs.
    """

    edges: np.ndarray
    forward: np.ndarray
    area_sqft: float


class Faces(NamedTuple):
    """
    ``rings`` of each face, the shell first. ``dangles`` are the edges that end in nothing, ``ends`` the nodes there, ``cuts`` the
    edges with the same face on both sides that join figures. ``left`` and ``right`` give each edge's face, -1 for none.
    """

    rings: tuple[tuple[Ring, ...], ...]
    dangles: np.ndarray
    ends: np.ndarray
    cuts: np.ndarray
    left: np.ndarray
    right: np.ndarray


def faces_of(edges: Edges, chains: list[np.ndarray]) -> Faces:
    """
    Faces of noded linework.

    Every edge is two half-edges; from each the walk goes on along the next half-edge clockwise about the node it comes to, which
    keeps the face on the left (the doubly connected edge list: de Berg et al., Computational Geometry, chapter 2). About a node
    half-edges are ordered where they leave a circle smaller than all of them, so that arcs that begin along the same line are
    told apart.

    Parameters
    ----------
    edges : Edges
    chains : list of array
        Vertices of each edge, of `citygis.linework.piece.chains_of`.

    Returns
    -------
    Faces
        In order of their westernmost corner. A figure inside another is a hole of it, and its own faces are faces.
    """
    pieces = edges.pieces
    count = len(pieces.a)
    dangles, ends = _dangles(pieces, len(edges.places))
    alive = np.ones(count, dtype=bool)
    alive[dangles] = False
    walk = _walks(pieces, alive, len(edges.places))
    # An edge with one walk on both sides closes nothing; dangles are gone, so it joins two figures.
    cut = alive & (walk[0::2] == walk[1::2])
    if cut.any():
        alive &= ~cut
        walk = _walks(pieces, alive, len(edges.places))
    loops = _loops(pieces, walk)
    shells, holes = [], []
    for ring in loops:
        (shells if ring.area_sqft > 0 else holes).append(ring)
    outline = [shapely.linearrings(ring_vertices(ring, chains)) for ring in (*shells, *holes)]
    first = np.array([shapely.bounds(one)[:2] for one in outline[: len(shells)]]).reshape(-1, 2)
    order = np.lexsort((first[:, 1], first[:, 0])) if len(shells) else np.empty(0, dtype=int)
    shells = [shells[k] for k in order]
    rings = _nested(pieces, shells, [outline[k] for k in order], holes, walk)
    left, right = np.full(count, -1), np.full(count, -1)
    for face, members in enumerate(rings):
        for ring in members:
            left[ring.edges[ring.forward]] = face
            right[ring.edges[~ring.forward]] = face
    return Faces(rings, dangles, ends, np.flatnonzero(cut), left, right)


def ring_vertices(ring: Ring, chains: list[np.ndarray]) -> np.ndarray:
    """
    Points along a closed ring, from `chains`: the vertices of each edge as it runs (`citygis.linework.piece.chains_of`).
    """
    travelled = zip(ring.edges.tolist(), ring.forward.tolist(), strict=True)
    parts = [chains[edge][:-1] if forward else chains[edge][:0:-1] for edge, forward in travelled]
    return np.vstack([*parts, parts[0][:1]])


def _dangles(pieces: Pieces, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges that end in nothing, those that only they held included, and the nodes where the first of them end."""
    alive = np.ones(len(pieces.a), dtype=bool)
    degree = np.bincount(pieces.start, minlength=nodes) + np.bincount(pieces.end, minlength=nodes)
    ends = np.flatnonzero(degree == 1)
    while True:
        loose = alive & ((degree[pieces.start] == 1) | (degree[pieces.end] == 1))
        if not loose.any():
            return np.flatnonzero(~alive), ends
        alive &= ~loose
        degree = np.bincount(pieces.start[alive], minlength=nodes) + np.bincount(pieces.end[alive], minlength=nodes)


def _walks(pieces: Pieces, alive: np.ndarray, nodes: int) -> np.ndarray:
    """The number of the walk each half-edge belongs to (2n: edge n as it runs, 2n + 1: back), -1 where the edge is not alive."""
    following = _following(pieces, alive, nodes)
    walk = np.where(np.repeat(alive, 2), np.arange(2 * len(alive)), -1)
    live = np.flatnonzero(walk >= 0)
    position = np.full(len(walk), -1)
    position[live] = np.arange(len(live))
    found = connected(len(live), np.arange(len(live)), position[following[live]])
    walk[live] = live[found]
    return walk


def _following(pieces: Pieces, alive: np.ndarray, nodes: int) -> np.ndarray:
    """The half-edge that a walk with the face on its left takes after each."""
    chord = np.hypot(*(pieces.b - pieces.a).T)
    reach = np.full(nodes, chord.max(initial=0.0))
    np.minimum.at(reach, pieces.start[alive], chord[alive])
    np.minimum.at(reach, pieces.end[alive], chord[alive])
    radius = radius_ft(pieces)
    step = pieces.b - pieces.a
    ahead = np.arctan2(step[:, 1], step[:, 0])
    angles = []
    for node, direction, sweep in ((pieces.start, ahead, pieces.sweep), (pieces.end, ahead + np.pi, -pieces.sweep)):
        # The chord to where the edge leaves the circle: the tangent, turned by the angle that a chord of that length has to it.
        out = np.arcsin(np.minimum(reach[node] / 2 / (2 * radius), 1.0))
        angles.append(direction - sweep / 2 + np.sign(sweep) * out)
    origin = np.column_stack([pieces.start, pieces.end]).ravel()
    angle = np.column_stack(angles).ravel() % (2 * np.pi)
    halves = np.flatnonzero(np.repeat(alive, 2))
    order = halves[np.lexsort((angle[halves], origin[halves]))]
    at = origin[order]
    begins = np.concatenate([[True], at[1:] != at[:-1]]) if len(at) else np.empty(0, dtype=bool)
    before = np.roll(np.arange(len(order)), 1)
    # The first about a node follows the last about it.
    last = np.flatnonzero(np.concatenate([begins[1:], [True]])) if len(at) else np.empty(0, dtype=int)
    before[begins] = last
    clockwise = np.full(2 * len(alive), -1)
    clockwise[order] = order[before]
    return clockwise[np.arange(2 * len(alive)) ^ 1]


def _loops(pieces: Pieces, walk: np.ndarray) -> list[Ring]:
    """Walks as rings that pass no node twice: where one does, it is a shell and a hole that touch there."""
    alive = walk[0::2] >= 0
    following = _following(pieces, alive, int(max(pieces.start.max(initial=-1), pieces.end.max(initial=-1))) + 1)
    origin = np.column_stack([pieces.start, pieces.end]).ravel().tolist()
    steps = following.tolist()
    rings: list[list[int]] = []
    for start in np.unique(walk[walk >= 0]).tolist():
        path: list[int] = []
        seen: dict[int, int] = {}
        half = start
        while True:
            node = origin[half]
            if node in seen:
                place = seen[node]
                rings.append(path[place:])
                for one in path[place:]:
                    seen.pop(origin[one], None)
                del path[place:]
            seen[node] = len(path)
            path.append(half)
            half = steps[half]
            if half == start:
                break
        rings.append(path)
    radius = radius_ft(pieces)
    return [_ring(pieces, np.array(halves), radius) for halves in rings]


def _ring(pieces: Pieces, halves: np.ndarray, radius_ft: np.ndarray) -> Ring:
    edges, forward = halves // 2, halves % 2 == 0
    a = np.where(forward[:, None], pieces.a[edges], pieces.b[edges])
    b = np.where(forward[:, None], pieces.b[edges], pieces.a[edges])
    sweep = np.where(forward, 1.0, -1.0) * pieces.sweep[edges]
    # Coordinates against the first corner: the products of State Plane numbers would lose the last square feet.
    a, b = a - a[0], b - a[0]
    chords = float(np.sum(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])) / 2
    curved = sweep != 0
    segments = float(np.sum(radius_ft[edges][curved] ** 2 * (sweep[curved] - np.sin(sweep[curved])))) / 2
    return Ring(edges, forward, chords + segments)


def _nested(pieces: Pieces, shells: list[Ring], outline: list, holes: list[Ring], walk: np.ndarray) -> tuple[tuple[Ring, ...], ...]:
    """Holes laid into the smallest shell of another figure around them; those in none are the outside of everything."""
    inside: list[list[Ring]] = [[] for _ in shells]
    if shells and holes:
        polygons = shapely.polygons(outline)
        tree = shapely.STRtree(polygons)
        area = np.array([ring.area_sqft for ring in shells])
        walk_of_shell = {int(walk[2 * ring.edges[0] + (not ring.forward[0])]): k for k, ring in enumerate(shells)}
        corner = shapely.points(np.array([pieces.a[ring.edges[0]] for ring in holes]))
        hole, shell = tree.query(corner, predicate="within")
        for k, ring in enumerate(holes):
            own = walk_of_shell.get(int(walk[2 * ring.edges[0] + (not ring.forward[0])]))
            if own is not None:
                inside[own].append(ring)
                continue
            around = shell[hole == k].tolist()
            if around:
                inside[min(around, key=lambda one: (area[one], one))].append(ring)
    return tuple((shell, *within) for shell, within in zip(shells, inside, strict=True))
