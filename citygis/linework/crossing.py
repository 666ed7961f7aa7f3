"""
Where lines and arcs cross, exactly.
"""

import numpy as np

from citygis.linework.piece import Pieces, centers, radius_ft


def crossings(pieces: Pieces, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Crossings of pairs of pieces.

    Parameters
    ----------
    pieces : Pieces
    first, second : array of int, m
        The pairs.

    Returns
    -------
    pair : array of int, k
        Position of the pair; a pair with an arc may cross twice.
    points : array (k, 2)
        On both pieces, ends included.

    Notes
    -----
    Two lines by Cramer's rule, a line and a circle by the distance of the centre from the line, two circles by their radical line.
    Parallel lines and concentric circles have none: where they lie on each other, their ends do.
    """
    is_arc = pieces.sweep != 0
    # The arc of a mixed pair comes second.
    swap = is_arc[first] & ~is_arc[second]
    i, j = np.where(swap, second, first), np.where(swap, first, second)
    found = [
        _lines(pieces, i, j, np.flatnonzero(~is_arc[i] & ~is_arc[j])),
        _line_and_arc(pieces, i, j, np.flatnonzero(~is_arc[i] & is_arc[j])),
        _arcs(pieces, i, j, np.flatnonzero(is_arc[i] & is_arc[j])),
    ]
    pair = np.concatenate([rows for rows, _ in found])
    points = np.concatenate([places for _, places in found]).reshape(-1, 2)
    within = _is_on(pieces, i[pair], points) & _is_on(pieces, j[pair], points)
    order = np.argsort(pair[within], kind="stable")
    return pair[within][order], points[within][order]


def _lines(pieces: Pieces, i: np.ndarray, j: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p, r = pieces.a[i[rows]], (pieces.b - pieces.a)[i[rows]]
    q, s = pieces.a[j[rows]], (pieces.b - pieces.a)[j[rows]]
    cross = _cross(r, s)
    apart = np.abs(cross) > 1e-12 * np.hypot(*r.T) * np.hypot(*s.T)
    share = _cross(q - p, s)[apart] / cross[apart]
    return rows[apart], p[apart] + r[apart] * share[:, None]


def _line_and_arc(pieces: Pieces, i: np.ndarray, j: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, step = pieces.a[i[rows]], (pieces.b - pieces.a)[i[rows]]
    center, radius = centers(pieces)[j[rows]], radius_ft(pieces)[j[rows]]
    along = step / np.hypot(*step.T)[:, None]
    foot = a + along * ((center - a) * along).sum(axis=1)[:, None]
    room = radius**2 - ((center - foot) ** 2).sum(axis=1)
    meets = room >= 0
    half = np.sqrt(room[meets])[:, None] * along[meets]
    return np.concatenate([rows[meets], rows[meets]]), np.concatenate([foot[meets] - half, foot[meets] + half])


def _arcs(pieces: Pieces, i: np.ndarray, j: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    center, radius = centers(pieces), radius_ft(pieces)
    c1, r1, c2, r2 = center[i[rows]], radius[i[rows]], center[j[rows]], radius[j[rows]]
    gap = np.hypot(*(c2 - c1).T)
    apart = gap > 1e-9
    rows, c1, r1, c2, r2, gap = rows[apart], c1[apart], r1[apart], c2[apart], r2[apart], gap[apart]
    along = (c2 - c1) / gap[:, None]
    reach = (gap**2 + r1**2 - r2**2) / (2 * gap)
    room = r1**2 - reach**2
    meets = room >= 0
    middle = c1[meets] + along[meets] * reach[meets][:, None]
    half = np.sqrt(room[meets])[:, None] * np.column_stack([-along[meets][:, 1], along[meets][:, 0]])
    return np.concatenate([rows[meets], rows[meets]]), np.concatenate([middle - half, middle + half])


def _is_on(pieces: Pieces, index: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Whether points of the line or circle of a piece lie between its ends."""
    a, b, sweep = pieces.a[index], pieces.b[index], pieces.sweep[index]
    step = b - a
    share = ((points - a) * step).sum(axis=1) / np.maximum((step**2).sum(axis=1), 1e-300)
    straight = (share >= 0) & (share <= 1)
    # A point of the circle belongs to an arc that turns left where it lies to the right of the chord.
    side = _cross(step, points - a) * np.sign(sweep)
    return np.where(sweep == 0, straight, side <= 1e-9 * (step**2).sum(axis=1))


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
