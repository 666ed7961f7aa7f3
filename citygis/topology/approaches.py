"""
Open edges of different features that come near each other: where overlaps, gaps, and corners that miss each other begin.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from citygis.topology.nearness import in_turn, spread
from citygis.topology.paths import Paths
from citygis.topology.threads import side_by_side

REACH_FT = 6.0
"""How near edges are looked for: ground between two parcels that is wider than this is taken for a street, an alley or a lot."""

CORNER_FT = 0.12
"""Edges this near may have corners that were meant to be one: three times the 0.04 ft of a good lot corner."""

SLACK_FT = 1e-3  # far more than rounding, far less than any tolerance

PIECE_REACHES = 14.0
CELL_REACHES = 16.0
"""Edges are cut to 14 reaches at most, so that with the reach about them they lie in no more than two cells of 16 each way."""

MOST_PIECES = 4_096
"""An edge of more pieces strays to another continent. It is not cut but compared with every other."""

EDGES = 50_000
"""Edges cut at a time."""

WORDS = 50_000
"""Entries of cells compared at a time."""

MOST_PAIRS = 2_000_000
"""Pairs compared at a time, where many edges lie in one cell."""

FACING = -0.94
"""Two edges face each other when they run against each other, but for 20 degrees (the cosine): a wedge that opens wider is a
corner."""


class Approaches(NamedTuple):
    """
    Pairs of open edges.

    Attributes
    ----------
    one, two : arrays of int
        Positions among the open edges, one < two, each pair once, ascending.
    distance_ft : array of float
        Between the nearest points of both.
    faces : array of bool
        Whether each lies on the open side of the other, and they run against each other: narrow ground is between them.
    corner_ft : float
        Those that do not face each other are told up to this distance.
    """

    one: np.ndarray
    two: np.ndarray
    distance_ft: np.ndarray
    faces: np.ndarray
    corner_ft: float


class _Edges(NamedTuple):
    """Open edges as the vertices they start at, who has them, which comes after each, and the side their open ground is on."""

    coordinates: np.ndarray
    start: np.ndarray
    owner: np.ndarray
    after: np.ndarray
    turn: np.ndarray


class _Pieces(NamedTuple):
    """Pieces of edges: a box about each, half the reach wider; its edge; and one number for each cell it lies in, the cell in
    front."""

    low: np.ndarray
    high: np.ndarray
    edge: np.ndarray
    word: np.ndarray
    bits: np.uint64
    astray: np.ndarray


def approaches(paths: Paths, open_edges: np.ndarray, after: np.ndarray, reach_ft: float = REACH_FT) -> Approaches:
    """
    Every two open edges of different features that come near each other.

    The edge that comes next on the same chain is near by nature. It is told where it runs nearly straight back, or where one of the
    two is short.

    Parameters
    ----------
    paths : Paths
    open_edges : array of int, ascending
    after : array of int
        As `citygis.topology.chains.following` gives it.
    reach_ft : float
        Edges that face each other are told up to this distance, others up to `CORNER_FT`.

    Notes
    -----
    A layer whose edges are much shorter than the reach is hardly in feet; four times their usual length is the reach then, and a
    quarter of it what `CORNER_FT` is elsewhere.
    """
    path = paths.path_of[open_edges]
    corner_ft = CORNER_FT
    if len(path):
        usual = float(np.median(paths.length_ft[path] / np.maximum(np.diff(paths.start)[path] - 1, 1)))
        reach_ft, corner_ft = min(reach_ft, 4 * usual), min(corner_ft, usual / 4)
    reach_ft = max(reach_ft, corner_ft)
    # The open side of an edge is on its right where the ground is on the left.
    turn = np.where(paths.backwards[path], -paths.turn, paths.turn).astype(np.int8)
    edges = _Edges(paths.coordinates, open_edges, paths.owner[path], after, turn)
    pairs = np.concatenate([_near(edges, _pieces(edges, reach_ft)), _bends(edges, corner_ft)])
    low, high = pairs.min(axis=1, initial=len(path)), pairs.max(axis=1, initial=-1)
    code = np.unique(low.astype(np.int64) * max(len(path), 1) + high)
    one, two = code // max(len(path), 1), code % max(len(path), 1)
    distance = segment_distances_ft(*_ends(edges, one), *_ends(edges, two))
    faces = _faces(edges, one, two)
    keep = (distance <= corner_ft + SLACK_FT) | (faces & (distance <= reach_ft))
    return Approaches(one[keep], two[keep], distance[keep], faces[keep], corner_ft + SLACK_FT)


def _ends(edges: _Edges, edge: np.ndarray | slice) -> tuple[np.ndarray, np.ndarray]:
    at = edges.start[edge]
    return edges.coordinates[at], edges.coordinates[at + 1]


def segment_distances_ft(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The distance between the nearest points of the segments a-b and c-d, row by row."""
    least = np.full(len(a), np.inf)
    with np.errstate(over="ignore", invalid="ignore"):
        for p, q, r in ((a, c, d), (b, c, d), (c, a, b), (d, a, b)):
            along, to = r - q, p - q
            square = np.einsum("ij,ij->i", along, along)
            share = np.clip(np.einsum("ij,ij->i", along, to) / np.where(square > 0, square, 1.0), 0.0, 1.0)
            least = np.minimum(least, np.hypot(*(to - along * share[:, None]).T))
        crossed = (_side(a, b, c) * _side(a, b, d) < 0) & (_side(c, d, a) * _side(c, d, b) < 0)
    return np.where(crossed, 0.0, least)


def _side(a: np.ndarray, b: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Positive where p is on the left of a-b."""
    return (b[:, 0] - a[:, 0]) * (p[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (p[:, 0] - a[:, 0])


def _pieces(edges: _Edges, reach_ft: float) -> _Pieces:
    n = len(edges.start)
    middle = np.median(edges.coordinates[edges.start], axis=0) if n else np.zeros(2)
    slices = [slice(i, min(i + EDGES, n)) for i in range(0, n, EDGES)]
    found = side_by_side([lambda part=part: _cut(edges, part, middle, reach_ft) for part in slices])
    if not found:
        none, box = np.empty(0, dtype=np.int64), np.empty((0, 2))
        return _Pieces(box, box, none, none.view(np.uint64), np.uint64(1), none)
    low, high, edge = (np.concatenate([each[k] for each in found]) for k in range(3))
    bits = np.uint64(len(low).bit_length())
    # Cells far apart may be given one number: they are only compared in vain.
    half = (np.uint64(64) - bits) // np.uint64(2)
    mask = (np.uint64(1) << half) - np.uint64(1)
    words, astray, before = [], [], 0
    for each in found:
        east, north, number = each[3:6]
        word = north.view(np.uint64) & mask
        word <<= half
        word |= east.view(np.uint64) & mask
        word <<= bits
        word |= (number + before).view(np.uint64)
        words.append(word)
        astray.append(each[6] + before)
        before += len(each[0])
    word = np.concatenate(words)
    word.sort()
    return _Pieces(low, high, edge, word, bits, np.concatenate(astray))


def _cut(edges: _Edges, part: slice, middle: np.ndarray, reach_ft: float) -> tuple[np.ndarray, ...]:
    """Pieces of some edges: box, edge, cells with the piece in each, and the pieces that are too long to be cut."""
    a, b = _ends(edges, part)
    with np.errstate(over="ignore", invalid="ignore"):
        count = np.ceil(np.hypot(b[:, 0] - a[:, 0], b[:, 1] - a[:, 1]) / (PIECE_REACHES * reach_ft))
        stray = ~(count <= MOST_PIECES)
        count = np.where(stray, 1, np.maximum(count, 1)).astype(np.int64)
        if (count == 1).all():
            edge, one, two = np.arange(len(a)), a, b
        else:
            edge, number = spread(np.zeros(len(a), dtype=np.int64), count)
            along = ((b - a) / count[:, None])[edge]
            one = a[edge] + along * number[:, None]
            two = one + along
        half = reach_ft / 2 + SLACK_FT
        low, high = np.minimum(one, two) - half, np.maximum(one, two) + half
        cell = 1 / (CELL_REACHES * reach_ft)
        held = np.flatnonzero(~stray[edge])
        first = np.clip(np.floor((low[held] - middle) * cell), -(2.0**31), 2.0**31).astype(np.int64)
        last = np.clip(np.floor((high[held] - middle) * cell), -(2.0**31), 2.0**31).astype(np.int64)
    wide = last > first
    columns = [(first[:, 0], first[:, 1], held)]
    for east, north in ((1, 0), (0, 1), (1, 1)):
        has = np.flatnonzero((wide[:, 0] >= east) & (wide[:, 1] >= north))
        columns.append((first[has, 0] + east, first[has, 1] + north, held[has]))
    cells = (np.concatenate(column) for column in zip(*columns, strict=True))
    return low, high, edge + part.start, *cells, np.flatnonzero(stray[edge])


def _near(edges: _Edges, pieces: _Pieces) -> np.ndarray:
    """Pairs of edges of different features whose boxes meet, but for those that follow each other."""
    strays = [_beside(edges, pieces, number) for number in pieces.astray.tolist()]
    word, bits = pieces.word, pieces.bits
    if not len(word):
        return np.concatenate([*strays, np.empty((0, 2), dtype=np.intp)])
    cell = word >> bits
    new = np.append(np.flatnonzero(np.append(True, cell[1:] != cell[:-1])), len(cell))
    cuts = np.unique(new[np.searchsorted(new, np.append(np.arange(0, len(cell), WORDS), len(cell)))])
    del cell

    def compared(first: int, stop: int) -> np.ndarray:
        here = (word[first:stop] & ((np.uint64(1) << bits) - np.uint64(1))).view(np.int64)
        low, high, edge = pieces.low[here], pieces.high[here], pieces.edge[here]
        w, s, e, n = (np.ascontiguousarray(v) for v in (low[:, 0], low[:, 1], high[:, 0], high[:, 1]))
        owner = edges.owner[edge]
        runs = new[np.searchsorted(new, first) : np.searchsorted(new, stop) + 1] - first
        # A cell that holds edges of one feature only has nothing to compare: a river's bank has thousands of such edges.
        several = np.minimum.reduceat(owner, runs[:-1]) != np.maximum.reduceat(owner, runs[:-1])
        start = np.arange(1, stop - first + 1)
        end = np.maximum(np.repeat(np.where(several, runs[1:], 0), np.diff(runs)), start)
        found = []
        for rows in in_turn(end - start, MOST_PAIRS):
            k, j = spread(start[rows], end[rows])
            k += rows.start
            for test in (
                lambda k, j: (w[k] <= e[j]) & (w[j] <= e[k]),
                lambda k, j: (s[k] <= n[j]) & (s[j] <= n[k]),
                lambda k, j: owner[k] != owner[j],
            ):
                keep = np.flatnonzero(test(k, j))
                k, j = k[keep], j[keep]
            one, two = edge[k], edge[j]
            apart = (edges.after[one] != two) & (edges.after[two] != one)
            found.append(np.stack([one[apart], two[apart]], axis=1))
        return np.concatenate(found) if found else np.empty((0, 2), dtype=np.intp)

    tasks = [lambda i=i, j=j: compared(i, j) for i, j in pairwise(cuts.tolist())]
    return np.concatenate([*strays, *side_by_side(tasks)])


def _beside(edges: _Edges, pieces: _Pieces, number: int) -> np.ndarray:
    """Pairs of the edge of one piece with each edge of another feature whose box meets its own."""
    meet = ((pieces.low <= pieces.high[number]) & (pieces.high >= pieces.low[number])).all(axis=1)
    one, two = pieces.edge[number], np.unique(pieces.edge[meet])
    two = two[(edges.owner[two] != edges.owner[one]) & (edges.after[one] != two) & (edges.after[two] != one)]
    return np.stack([np.full(len(two), one), two], axis=1)


def _bends(edges: _Edges, corner_ft: float) -> np.ndarray:
    """Edges that follow each other on a chain, of different features, and run nearly straight back, or are short."""
    one = np.flatnonzero(edges.owner != edges.owner[edges.after])
    two = edges.after[one]
    along, on = (np.subtract(*ends[::-1]) for ends in (_walked(edges, one), _walked(edges, two)))
    with np.errstate(over="ignore", invalid="ignore"):
        dot = along[:, 0] * on[:, 0] + along[:, 1] * on[:, 1]
        length, length_on = np.hypot(along[:, 0], along[:, 1]), np.hypot(on[:, 0], on[:, 1])
        told = (dot < FACING * length * length_on) | (np.minimum(length, length_on) <= corner_ft + SLACK_FT)
    return np.stack([one[told], two[told]], axis=1)


def _faces(edges: _Edges, one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Whether each edge lies, in part, on the open side of the other, and they run against each other."""
    a, b = (_walked(edges, one), _walked(edges, two))
    along, on = a[1] - a[0], b[1] - b[0]
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.hypot(*along.T) * np.hypot(*on.T)
        against = np.einsum("ij,ij->i", along, on) < FACING * lengths
        open_one = np.minimum(_side(*a, b[0]), _side(*a, b[1])) < 0
        open_two = np.minimum(_side(*b, a[0]), _side(*b, a[1])) < 0
    return against & open_one & open_two


def _walked(edges: _Edges, edge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of edges, in the order that has the ground on the left."""
    at, back = edges.start[edge], edges.turn[edge] < 0
    return edges.coordinates[at + back], edges.coordinates[at + ~back]
