"""
Linework noded: every piece ends where another meets or crosses it, arcs stay arcs, and what is drawn twice is one edge.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.linework.crossing import crossings
from citygis.linework.piece import Pieces, candidate_geometry, length_ft, nearest, point_at
from citygis.linework.snap import nodes_of

KEEPS_RADIUS_BELOW = np.radians(150)
"""
An arc whose ends were moved keeps its radius, as a map states it; from this angle on, where a hair's breadth of chord changes the
angle wildly, it keeps its angle.
"""

MOST_SWEEP = np.pi * 0.999
"""The most that one piece turns: half a turn, so that the ends and the angle say which way it goes."""

_MOST_ROUNDS = 6


class Edges(NamedTuple):
    """
    Noded linework.

    ``pieces`` are the edges, their ``start`` and ``end`` the nodes in ``places`` (k, 2), their ``source`` the first row drawn
    there. ``edge`` and ``source`` list every row of the linework that an edge stands for. ``spread_ft`` is how far ends were
    moved to each node, ``swallowed`` the rows that became shorter than the snap and vanished, ``crossed`` the number of crossings
    without an end.
    """

    pieces: Pieces
    places: np.ndarray
    spread_ft: np.ndarray
    edge: np.ndarray
    source: np.ndarray
    swallowed: np.ndarray
    crossed: int


def edges_of(pieces: Pieces, *, snap_ft: float) -> Edges:
    """
    Node linework.

    Parameters
    ----------
    pieces : Pieces
        As drawn.
    snap_ft : float
        Ends as near as this to each other are one; an end as near as this to a piece splits it.

    Returns
    -------
    Edges

    Notes
    -----
    Ends are clustered; a node on a piece splits it, and is moved onto it, so that the line that runs through stays straight;
    crossings are found only then, when linework drawn twice is one already and cannot cross itself at a slant; this is repeated
    until nothing changes.
    """
    ends = nodes_of(np.vstack([pieces.a, pieces.b]), snap_ft=snap_ft)
    n, places = len(pieces.a), ends.places
    drawn = pieces._replace(start=ends.of[:n], end=ends.of[n:])
    index, node, share = _on_pieces(drawn, places, snap_ft)
    places = _projected(drawn, places, index, node, share)
    source = np.unique(pieces.source)
    work, members, links = _merged(_split(drawn, index, node, share, places), snap_ft)
    crossed = 0
    for _ in range(_MOST_ROUNDS):
        index, node, share = _on_pieces(work, places, snap_ft)
        if not len(index):
            index, node, share, places = _crossing_nodes(work, places, snap_ft)
            crossed += len(np.unique(node))
        if not len(index):
            break
        again, inner, inner_links = _merged(
            _split(work._replace(source=np.arange(len(work.a))), index, node, share, places), snap_ft
        )
        members, links = _composed(members, links, inner, inner_links)
        first = np.full(len(again.a), np.iinfo(np.int64).max)
        np.minimum.at(first, members, links)
        work = again._replace(source=first)
    work, members, links = _rejoined(work, members, links, places)
    spread = np.concatenate([ends.spread_ft, np.zeros(len(places) - len(ends.places))])
    return Edges(work, places, spread, members, links, np.setdiff1d(source, links), crossed)


def bulge_offsets(pieces: Pieces) -> np.ndarray:
    """How far the middle of each piece lies to the left of its chord, seen from its lower to its higher node; shape (n,)."""
    way = np.where(pieces.start <= pieces.end, 1.0, -1.0)
    return -np.hypot(*(pieces.b - pieces.a).T) / 2 * np.tan(pieces.sweep / 4) * way


def _on_pieces(pieces: Pieces, places: np.ndarray, snap_ft: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes that lie on a piece and are not its ends: piece, node, share of its length."""
    geometry, slack = candidate_geometry(pieces)
    used = np.unique(np.concatenate([pieces.start, pieces.end]))
    tree = shapely.STRtree(shapely.points(places[used]))
    index, found = tree.query(geometry, predicate="dwithin", distance=snap_ft + slack)
    node = used[found]
    other = (pieces.start[index] != node) & (pieces.end[index] != node)
    index, node = index[other], node[other]
    share, away = nearest(pieces, index, places[node])
    length = length_ft(pieces)[index]
    within = (away <= snap_ft) & (share * length > snap_ft) & ((1 - share) * length > snap_ft)
    return index[within], node[within], share[within]


def _projected(pieces: Pieces, places: np.ndarray, index: np.ndarray, node: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Nodes moved onto the pieces that run through them; to the middle, where several do."""
    if not len(index):
        return places
    on = point_at(pieces, index, share) - places[node]
    count = np.maximum(np.bincount(node, minlength=len(places)), 1)
    shift = np.column_stack([np.bincount(node, on[:, k], minlength=len(places)) / count for k in (0, 1)])
    # What rounding alone explains stays where it was drawn.
    shift[np.hypot(*shift.T) < 1e-7] = 0.0
    return places + shift


def _split(pieces: Pieces, index: np.ndarray, node: np.ndarray, share: np.ndarray, places: np.ndarray) -> Pieces:
    """Pieces cut at nodes, and laid through them."""
    n = len(pieces.a)
    whole = np.arange(n)
    piece = np.concatenate([whole, index, whole])
    at = np.concatenate([np.zeros(n), share, np.ones(n)])
    nodes = np.concatenate([pieces.start, node, pieces.end])
    order = np.lexsort((at, piece))
    piece, at, nodes = piece[order], at[order], nodes[order]
    follows = (piece[1:] == piece[:-1]) & (nodes[1:] != nodes[:-1])
    first, second, parent = nodes[:-1][follows], nodes[1:][follows], piece[:-1][follows]
    sweep = pieces.sweep[parent] * (at[1:] - at[:-1])[follows]
    a, b = places[first], places[second]
    chord = np.hypot(*(b - a).T)
    half_drawn = np.abs(pieces.sweep[parent]) / 2
    radius = np.hypot(*(pieces.b - pieces.a)[parent].T) / 2 / np.sin(np.where(half_drawn > 0, half_drawn, np.pi / 2))
    keeps = (np.abs(sweep) < KEEPS_RADIUS_BELOW) & (chord < 2 * radius)
    sweep = np.where(keeps & (sweep != 0), np.sign(sweep) * 2 * np.arcsin(np.minimum(chord / 2 / radius, 1.0)), sweep)
    return Pieces(a, b, sweep, first, second, pieces.source[parent])


def _merged(pieces: Pieces, snap_ft: float) -> tuple[Pieces, np.ndarray, np.ndarray]:
    """Pieces that are one and the same within the snap, as one; then edge and source of every one of them."""
    low, high = np.minimum(pieces.start, pieces.end), np.maximum(pieces.start, pieces.end)
    offset = bulge_offsets(pieces)
    order = np.lexsort((pieces.source, offset, high, low))
    low, high, offset = low[order], high[order], offset[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1]) | (np.diff(offset) > snap_ft)
    group = np.cumsum(fresh) - 1
    # An arc says more than the chord that lies on it; among equals the first drawn stands for all.
    straight = pieces.sweep[order] == 0
    by_rank = np.lexsort((pieces.source[order], straight, group))
    leads = by_rank[np.concatenate([[True], np.diff(group[by_rank]) > 0])] if len(order) else by_rank
    edges = Pieces(*(array[order][leads] for array in pieces))
    pairs = np.unique(np.column_stack([group, pieces.source[order]]), axis=0)
    return edges, pairs[:, 0], pairs[:, 1]


def _crossing_nodes(pieces: Pieces, places: np.ndarray, snap_ft: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Crossings away from every end: pieces, new nodes, shares, and all places."""
    geometry, slack = candidate_geometry(pieces)
    most = float(slack.max(initial=0.0))
    i, j = shapely.STRtree(geometry).query(geometry, predicate="dwithin", distance=slack + most)
    i, j = i[i < j], j[i < j]
    pair, points = crossings(pieces, i, j)
    i, j = i[pair], j[pair]
    ends = [places[array[rows]] for rows in (i, j) for array in (pieces.start, pieces.end)]
    away = np.min([np.hypot(*(points - end).T) for end in ends], axis=0) if len(points) else np.empty(0)
    clear = away > snap_ft
    i, j, points = i[clear], j[clear], points[clear]
    found = nodes_of(points, snap_ft=snap_ft)
    node = found.of + len(places)
    index, node = np.concatenate([i, j]), np.concatenate([node, node])
    share, _ = nearest(pieces, index, np.concatenate([points, points]))
    return index, node, share, np.vstack([places, found.places])


def _composed(members: np.ndarray, links: np.ndarray, inner: np.ndarray, inner_links: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edge and source of every row, through the edges in between."""
    order = np.argsort(members, kind="stable")
    members, links = members[order], links[order]
    begins = np.searchsorted(members, inner_links, side="left")
    count = np.searchsorted(members, inner_links, side="right") - begins
    edge = np.repeat(inner, count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    pairs = np.unique(np.column_stack([edge, links[np.repeat(begins, count) + within]]), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _rejoined(pieces: Pieces, members: np.ndarray, links: np.ndarray, places: np.ndarray) -> tuple[Pieces, np.ndarray, np.ndarray]:
    """
    Edges made one again where nothing meets them and one drawn piece runs through: an end of something that lies on them, and not a
    corner, had cut them.
    """
    degree = np.bincount(np.concatenate([pieces.start, pieces.end]), minlength=len(places))
    order = np.argsort(members, kind="stable")
    begins = np.searchsorted(members[order], np.arange(len(pieces.a) + 1))
    drawn: dict[int, set[int]] = {}

    def sources(edge: int) -> set[int]:
        if edge not in drawn:
            drawn[edge] = set(links[order[begins[edge] : begins[edge + 1]]].tolist())
        return drawn[edge]

    at: dict[int, list[int]] = {}
    plain = degree == 2
    for edge in np.flatnonzero(plain[pieces.start] | plain[pieces.end]).tolist():
        for node in (int(pieces.start[edge]), int(pieces.end[edge])):
            at.setdefault(node, []).append(edge)
    start, end, sweep = pieces.start.tolist(), pieces.end.tolist(), pieces.sweep.tolist()
    gone: set[int] = set()
    for node in np.flatnonzero(plain).tolist():
        one, two = at[node] if len(set(at[node])) == 2 else (0, 0)
        if one == two or not sources(one) & sources(two) or (sweep[one] == 0) != (sweep[two] == 0):
            continue
        # Both as they run through the node.
        before, after = (start[one], sweep[one]) if end[one] == node else (end[one], -sweep[one]), (end[two], sweep[two])
        after = after if start[two] == node else (start[two], -sweep[two])
        turned = before[1] + after[1]
        if before[0] == after[0] or before[1] * after[1] < 0 or abs(turned) > MOST_SWEEP:
            continue
        start[one], end[one], sweep[one] = before[0], after[0], turned
        drawn[one] = sources(one) | sources(two)
        gone.add(two)
        if after[0] in at:
            at[after[0]] = [one if edge == two else edge for edge in at[after[0]]]
    if not gone:
        return pieces, members, links
    kept = np.array([edge for edge in range(len(start)) if edge not in gone], dtype=int)
    number = np.full(len(start), -1)
    number[kept] = np.arange(len(kept))
    changed = {edge for edge in drawn if edge not in gone}
    rest = np.array([edge not in changed and edge not in gone for edge in members.tolist()], dtype=bool)
    pairs = [(int(number[edge]), source) for edge in sorted(changed) for source in drawn[edge]]
    pairs += list(zip(number[members[rest]].tolist(), links[rest].tolist(), strict=True))
    table = np.unique(np.array(pairs, dtype=int).reshape(-1, 2), axis=0)
    first, second = np.array(start)[kept], np.array(end)[kept]
    made = Pieces(places[first], places[second], np.array(sweep, dtype=float)[kept], first, second, pieces.source[kept])
    return made, table[:, 0], table[:, 1]
