"""
Coordinates as an HP-GL/2 plotter packs them: polyline encoded (``PE``), many thousands at once.

A number is doubled, its sign put in the lowest bit, and written in digits of six bits, the lowest first: 63 to 126, and 191
to 254 for the last digit (HP, HP-GL/2 and HP RTL Reference Guide, 5959-9733, PE).
"""

import numpy as np

_DIGITS = 6
"""Enough for 2**35 plotter units."""

_BLOCK = 200_000
"""Vertices made into bytes at a time, so that a whole city takes a few megabytes of memory."""

_MOVE, _NEXT, _AREA, _HOLE = range(4)
_BEFORE = (b"<", b"", b"PE<=", b";PM1;PE<=")
"""What stands before a vertex: a pen-up move, nothing, a new area, a hole in it. ``=``: where it is, not how far from the last."""

_AFTER = (b"", b";PM0;PE", b";PE", b";PM2;FP;")
"""What follows it: nothing, then (the pen stands where the area, or the hole, begins) its ring, the end of the area."""


def encoded_lines(points: np.ndarray, starts: np.ndarray) -> bytes:
    """
    Lines as one ``PE`` command.

    Parameters
    ----------
    points : array of int, n x 2
        Plotter units.
    starts : array of int
        Where each line begins. A vertex equal to the one before it is left out, unless its line has no other.
    """
    begins = np.zeros(len(points), dtype=bool)
    begins[starts] = True
    same = np.append(False, (points[1:] == points[:-1]).all(axis=1)) & ~begins
    counts = np.add.reduceat(~same, starts)
    ends = np.append(starts[1:], len(points)) - 1
    same[ends[(counts == 1) & (ends > starts)]] = False
    points, begins = points[~same], begins[~same]
    before = np.where(begins, _MOVE, _NEXT)
    steps = np.diff(points, axis=0, prepend=[[0, 0]])
    return b"PE<=" + _packed(steps, before, np.zeros(len(points), int), skip_first=True) + b";"


def encoded_areas(points: np.ndarray, starts: np.ndarray, shells: np.ndarray) -> bytes:
    """
    Areas as filled polygons, each outside with its holes in one ``PM`` block: some readers smear several outsides in one.

    Parameters
    ----------
    points : array of int, n x 2
        Plotter units; a ring's first vertex is not repeated.
    starts : array of int
        Where each ring begins.
    shells : array of bool
        Whether a ring is an outside, followed by its holes.
    """
    begins = np.zeros(len(points), dtype=bool)
    begins[starts] = True
    same = np.append(False, (points[1:] == points[:-1]).all(axis=1)) & ~begins
    ring = np.cumsum(begins) - 1
    # A ring that a plotter unit swallows paints nothing; its holes go with it.
    small = np.bincount(ring[~same], minlength=len(starts)) < 3
    gone = small | small[np.flatnonzero(shells)][np.cumsum(shells) - 1]
    keep = ~same & ~gone[ring]
    points, begins, outside = points[keep], begins[keep], shells[ring[keep]]
    if not len(points):
        return b""
    starts = np.flatnonzero(begins)
    points = _leaning(points, starts)
    ends = np.append(starts[1:], len(points))
    # The language closes a ring by itself; hp2xx does so only for the last.
    points, begins, outside = (
        np.insert(each, ends, fill, axis=0)
        for each, fill in ((points, points[starts]), (begins, False), (outside, outside[starts]))
    )
    before = np.where(begins, np.where(outside, _AREA, _HOLE), _NEXT)
    steps = np.where(begins[:, None], points, np.diff(points, axis=0, prepend=[[0, 0]]))
    after = np.where(begins, 1, 0)
    news = np.flatnonzero(begins & outside)
    after[np.flatnonzero(begins & ~outside)] = 2
    after[np.append(news[1:], len(points)) - 1] = 3
    return _packed(steps, before, after)


def _leaning(points: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """
    Rings with one end of each exactly upright edge moved by a plotter unit, 0.025 mm.

    hp2xx 3.4 finds no crossing with an upright edge where its own rounding misses it by the last bit, and leaves the area blank.
    """
    counts = np.diff(np.append(starts, len(points)))
    after = np.arange(1, len(points) + 1)
    after[np.append(starts[1:], len(points)) - 1] = starts
    upright = points[:, 0] == points[after, 0]
    place = np.arange(len(points))
    run = place - np.maximum.accumulate(np.where(upright, 0, place + 1))
    run = np.where(upright, np.minimum(run, place - np.repeat(starts, counts)), 1)
    moved = points.copy()
    moved[:, 0] += run % 2 == 0
    return moved


def _packed(pairs: np.ndarray, before: np.ndarray, after: np.ndarray, *, skip_first: bool = False) -> bytes:
    """Pairs of numbers, each between the texts `before` and `after` name."""
    blocks = []
    for at in range(0, len(pairs), _BLOCK):
        cells, used = [], []
        block = slice(at, at + _BLOCK)
        for texts, which in ((_BEFORE, before[block]), (None, None), (_AFTER, after[block])):
            for cell, use in _texts(texts, which) if texts else _numbers(pairs[block]):
                cells.append(cell)
                used.append(use)
        cells, used = np.column_stack(cells), np.column_stack(used)
        if skip_first and at == 0:
            used[0, : len(max(_BEFORE, key=len))] = False
        blocks.append(cells[used].tobytes())
    return b"".join(blocks)


def _texts(texts: tuple[bytes, ...], which: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Column by column: a byte of each text, and whether the text is that long."""
    wide = max(map(len, texts))
    letters = np.array([list(text.ljust(wide)) for text in texts], dtype=np.uint8)
    lengths = np.array([len(text) for text in texts])
    return [(letters[which, column], column < lengths[which]) for column in range(wide)]


def _numbers(pairs: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Column by column: a digit of the first numbers, then of the second, and whether the number has it."""
    columns = []
    for side in (0, 1):
        left = 2 * np.abs(pairs[:, side]) + (pairs[:, side] < 0)
        more = np.ones(len(left), dtype=bool)
        for _ in range(_DIGITS):
            last = left < 64
            columns.append((np.where(last, 191, 63).astype(np.uint8) + (left & 63).astype(np.uint8), more))
            more = more & ~last
            left = left >> 6
    return columns
