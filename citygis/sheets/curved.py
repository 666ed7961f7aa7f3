"""
Text along lines: the straight runs a name may stand on, and where there is none, its letters one by one around a bend.
"""

import numpy as np
import shapely

from citygis.sheets.blocks import PAD_PT, Run, size_of, upright
from citygis.sheets.fonts import font
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.style import LabelRow

STEP_PT = 4.0
"""Between the places along a line that are tried."""

TURN_DEG = 15.0
"""No letter is turned further from the one before it: beyond, the word falls apart."""

LEAN_DEG = 60.0
"""No letter is turned further from the run of its word, so that all of them read one way."""

_MOST_RUNS = 60
"""Places along one line at which a word is bent; the best of them come first."""


def crossing_stations(lines: np.ndarray, names: np.ndarray) -> list[np.ndarray]:
    """For each line (page points) how far along it lines of other names meet it, points, rising."""
    if not len(lines):
        return []
    one, other = shapely.STRtree(lines).query(lines, predicate="intersects")
    apart = names[one] != names[other]
    one, other = one[apart], other[apart]
    points, pair = shapely.get_coordinates(shapely.intersection(lines[one], lines[other]), return_index=True)
    stations = shapely.line_locate_point(lines[one[pair]], shapely.points(points))
    order = np.lexsort((stations, one[pair]))
    return np.split(stations[order], np.searchsorted(one[pair][order], np.arange(1, len(lines))))


def straight_runs(
    line: shapely.LineString, width_pt: float, height_pt: float, repeat_in: float, crossings: np.ndarray
) -> np.ndarray:
    """
    Where a text may stand on a line: columns middle (two), angle in degrees, and number of the slot it is for.

    A slot is a stretch of the line that should have the text once; its places come best first: clear of `crossings`
    (stations, points) and half way between two of them, of those the ones nearest to the middle of the slot.
    """
    length = line.length
    half = width_pt / 2 + 2 * PAD_PT
    if length < 2 * half:
        return np.empty((0, 4))
    slots = max(int(length / (repeat_in * POINTS_PER_INCH)), 1)
    wanted = (np.arange(slots) + 0.5) * length / slots
    middles = np.union1d(_middles(length, half), np.clip(wanted, half, length - half))
    samples = _along(line, middles[:, None] + np.linspace(-1, 1, 9) * half)
    chord = samples[:, -1] - samples[:, 0]
    reach = np.hypot(*chord.T)
    with np.errstate(invalid="ignore", divide="ignore"):
        unit = chord / reach[:, None]
        away = samples - samples[:, :1]
        off = np.abs(away[..., 0] * unit[:, None, 1] - away[..., 1] * unit[:, None, 0]).max(axis=1)
        straight = (reach > 1.9 * half) & (off < 0.25 * height_pt)
    slot = np.minimum((middles / length * slots).astype(int), slots - 1)
    order = np.lexsort((*_preference(middles, wanted[slot], length / slots, half, length, crossings), slot))
    order = order[straight[order]]
    centres = (samples[:, 0] + samples[:, -1]) / 2
    angles = upright(np.degrees(np.arctan2(chord[:, 1], chord[:, 0])))
    return np.column_stack([centres, angles, slot])[order]


def curved_runs(line: shapely.LineString, text: str, row: LabelRow, scale: float, crossings: np.ndarray) -> list[Run]:
    """
    Where a text may stand on a line letter by letter, best first.

    No letter is turned more than `TURN_DEG` from its neighbour, nor more than `LEAN_DEG` from the text as a whole, which
    reads from below or from the right.
    """
    face, size = font(row.font), size_of(row, scale)
    advances = face.widths(list(text)) * size
    total, cap = advances.sum(), face.cap_height * size
    half = total / 2 + PAD_PT
    length = line.length
    if length < 2 * half:
        return []
    middles = _middles(length, half)
    order = np.lexsort(_preference(middles, np.full(len(middles), length / 2), length, half, length, crossings))
    middles = middles[order]
    ends = _along(line, middles[:, None] + np.array([-half, half]))
    chord = np.degrees(np.arctan2(*(ends[:, 1] - ends[:, 0]).T[::-1]))
    # A line drawn from right to left is read against its direction.
    onward = np.where(np.abs((upright(chord) - chord + 180) % 360 - 180) < 90, 1.0, -1.0)[:, None]
    stations = middles[:, None] + onward * (np.cumsum(advances) - advances / 2 - total / 2)
    # The direction over a letter's height, so that one short segment of the line does not tip a letter over.
    before, at, after = (_along(line, stations + onward * reach) for reach in (-0.6 * cap, 0.0, 0.6 * cap))
    direction = after - before
    angles = np.degrees(np.arctan2(direction[..., 1], direction[..., 0]))
    turns = np.abs((np.diff(angles, axis=1) + 180) % 360 - 180)
    lean = np.abs((angles - upright(chord)[:, None] + 180) % 360 - 180)
    good = (turns.max(axis=1, initial=0) <= TURN_DEG) & (lean.max(axis=1) <= LEAN_DEG)
    unit = np.stack([np.cos(np.radians(angles)), np.sin(np.radians(angles))], axis=-1)
    normal = np.stack([-unit[..., 1], unit[..., 0]], axis=-1)
    baselines = (before + at + after) / 3 - unit * (advances / 2)[:, None] - normal * cap / 2
    seen = np.array([letter != " " for letter in text])
    letters = np.array(list(text), dtype=object)[seen]
    chosen = np.flatnonzero(good)[:_MOST_RUNS]
    paths = shapely.linestrings(_along(line, middles[chosen][:, None] + np.linspace(-half, half, 4 * len(text))))
    outlines = shapely.buffer(paths, cap / 2 + PAD_PT, cap_style="flat", quad_segs=4)
    centres = _along(line, middles[chosen])
    return [
        Run(text, tuple(centre), letters, baselines[i, seen], angles[i, seen], size, outline)
        for i, centre, outline in zip(chosen, centres.tolist(), outlines, strict=True)
    ]


def _middles(length: float, half: float) -> np.ndarray:
    """Places along a line for a text that reaches `half` each way."""
    return np.linspace(half, length - half, max(int((length - 2 * half) / STEP_PT) + 1, 1))


def _along(line: shapely.LineString, stations: np.ndarray) -> np.ndarray:
    """Points of a line at stations of any shape. Twenty times faster than asking for each."""
    vertices = shapely.get_coordinates(line)
    station = np.append(0.0, np.cumsum(np.hypot(*np.diff(vertices, axis=0).T)))
    return np.stack([np.interp(stations, station, vertices[:, i]) for i in (0, 1)], axis=-1)


def _preference(
    middles: np.ndarray, wanted: np.ndarray, slot_pt: float, half: float, length: float, crossings: np.ndarray
) -> tuple[np.ndarray, ...]:
    """
    Keys for `np.lexsort`, the weightiest last: over a crossing, in a block far from the wanted place, far from its middle.

    In a block that is longer than the slot its middle is nothing to the slot; there the wanted place itself is best.
    """
    blocks = np.concatenate([[0.0], crossings, [length]])
    nearest = np.abs(middles[:, None] - crossings).min(axis=1, initial=np.inf)
    block = np.clip(np.searchsorted(blocks, middles, side="right") - 1, 0, len(blocks) - 2)
    begin, end = blocks[block], blocks[block + 1]
    best = np.where(end - begin < slot_pt, (begin + end) / 2, np.clip(wanted, begin, end))
    return np.abs(middles - best), np.round(np.abs(best - wanted), 6), nearest < half
