"""
Pieces of linework: straight segments and arcs of at most half a turn, as arrays, with the geometry that noding needs.

A piece runs from ``a`` to ``b``; ``sweep`` is the angle its direction turns through, in radians, counterclockwise positive, and 0
for a straight one. The centre of an arc follows from these, so that a piece cannot contradict itself.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.cogo import arc_vertices

CANDIDATE_CHORDS = 16
"""Chords that stand for an arc where pieces near each other are looked for; exact geometry decides afterwards."""

COLUMNS = ("kind", "start_easting", "start_northing", "end_easting", "end_northing", "delta_deg", "hand")
"""What a frame of linework must have: those of `citygis.readers.cad_primitives.Primitive` that make a piece."""


class Pieces(NamedTuple):
    """
    n pieces: ends ``a`` and ``b`` (n, 2) in feet, ``sweep`` (n,), the nodes at their ends (-1 before there are any) and the row of
    the linework each is from.
    """

    a: np.ndarray
    b: np.ndarray
    sweep: np.ndarray
    start: np.ndarray
    end: np.ndarray
    source: np.ndarray


def pieces_of(lines: pd.DataFrame) -> Pieces:
    """
    Rows of linework as pieces; an arc of more than half a turn as two.

    Parameters
    ----------
    lines : DataFrame
        With `COLUMNS`, in feet.

    Raises
    ------
    ValueError
        If a column is missing, a coordinate is not finite, or an arc has no angle between 0 and 360 or no hand.
    """
    require_columns(lines)
    a = lines[["start_easting", "start_northing"]].to_numpy(dtype=float)
    b = lines[["end_easting", "end_northing"]].to_numpy(dtype=float)
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError(
            "Invalid linework: a coordinate is not a finite number. Must be read with citygis.readers, which reports it."
        )
    is_arc = (lines["kind"] == "arc").to_numpy(dtype=bool)
    sign = lines["hand"].map({"L": 1.0, "R": -1.0}).to_numpy(dtype=float)
    delta = np.radians(lines["delta_deg"].to_numpy(dtype=float))
    if (~((delta > 0) & (delta < 2 * np.pi) & np.isfinite(sign)))[is_arc].any():
        raise ValueError("Invalid linework: an arc without an angle between 0 and 360 degrees, or without a hand.")
    sweep = np.where(is_arc, delta * sign, 0.0)
    n = len(a)
    pieces = Pieces(a, b, sweep, np.full(n, -1), np.full(n, -1), np.arange(n))
    large = np.abs(sweep) > np.pi * 0.999
    if not large.any():
        return pieces
    middle = point_at(pieces, np.arange(n), np.full(n, 0.5))
    one = _picked(pieces, ~large)
    first = Pieces(a[large], middle[large], sweep[large] / 2, *[array[large] for array in pieces[3:]])
    second = first._replace(a=middle[large], b=b[large])
    joined = Pieces(*(np.concatenate(arrays) for arrays in zip(one, first, second, strict=True)))
    return _picked(joined, np.argsort(joined.source, kind="stable"))


def require_columns(lines: pd.DataFrame) -> None:
    """Refuse a frame that lacks one of `COLUMNS`: ValueError."""
    missing = [name for name in COLUMNS if name not in lines.columns]
    if missing:
        raise ValueError(f"Invalid linework: no column {missing[0]!r}. Must have {', '.join(COLUMNS)}.")


def radius_ft(pieces: Pieces) -> np.ndarray:
    """Radius of each piece, infinite for a straight one."""
    half = np.abs(pieces.sweep) / 2
    chord = np.hypot(*(pieces.b - pieces.a).T)
    with np.errstate(divide="ignore"):
        return np.where(half > 0, chord / 2 / np.sin(np.where(half > 0, half, 1.0)), np.inf)


def length_ft(pieces: Pieces) -> np.ndarray:
    """Length of each piece along it."""
    half = np.abs(pieces.sweep) / 2
    chord = np.hypot(*(pieces.b - pieces.a).T)
    return np.where(half > 0, chord * half / np.sin(np.where(half > 0, half, 1.0)), chord)


def centers(pieces: Pieces) -> np.ndarray:
    """Centre of each arc; NaN for a straight piece. Shape (n, 2)."""
    step = pieces.b - pieces.a
    left = np.column_stack([-step[:, 1], step[:, 0]])
    tangent = np.tan(np.where(pieces.sweep == 0, np.nan, pieces.sweep) / 2)
    return (pieces.a + pieces.b) / 2 + left / (2 * tangent[:, None])


def point_at(pieces: Pieces, index: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The point at a share (0 to 1) of the length of pieces ``index``. Shape (m, 2)."""
    a, b, sweep = pieces.a[index], pieces.b[index], pieces.sweep[index]
    straight = a + (b - a) * share[:, None]
    # Chord from the start to the point, turned off the whole chord by half of the sweep that is left.
    safe = np.where(sweep == 0, 1.0, sweep)
    ratio = np.sin(safe * share / 2) / np.sin(safe / 2)
    turn = -safe * (1 - share) / 2
    step = b - a
    turned = np.column_stack(
        [step[:, 0] * np.cos(turn) - step[:, 1] * np.sin(turn), step[:, 0] * np.sin(turn) + step[:, 1] * np.cos(turn)]
    )
    return np.where((sweep == 0)[:, None], straight, a + turned * ratio[:, None])


def nearest(pieces: Pieces, index: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of the length at which pieces ``index`` come nearest to points (m, 2), and how far away they are, in feet."""
    a, b, sweep = pieces.a[index], pieces.b[index], pieces.sweep[index]
    step = b - a
    squared = (step**2).sum(axis=1)
    flat = ((points - a) * step).sum(axis=1) / np.where(squared > 0, squared, 1.0)
    flat = np.clip(flat, 0.0, 1.0)
    center = centers(pieces)[index]
    from_start = np.arctan2(*(a - center).T[::-1])
    to_point = np.arctan2(*(points - center).T[::-1])
    sign = np.sign(sweep)
    turned = ((to_point - from_start) * sign) % (2 * np.pi)
    whole = np.abs(sweep)
    # What lies outside the arc belongs to the end it is nearer to.
    after = turned - whole
    outside = after > 0
    to_start = 2 * np.pi - turned
    round_share = np.where(outside, np.where(after <= to_start, 1.0, 0.0), turned / np.where(whole > 0, whole, 1.0))
    share = np.where(sweep == 0, flat, round_share)
    return share, np.hypot(*(point_at(pieces, index, share) - points).T)


def candidate_geometry(pieces: Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Few-cornered LineStrings near the pieces, and how far each piece may lie from its own, in feet."""
    n = len(pieces.a)
    index = np.arange(n)
    is_arc = pieces.sweep != 0
    geometry = np.empty(n, dtype=object)
    geometry[~is_arc] = shapely.linestrings(np.stack([pieces.a, pieces.b], axis=1)[~is_arc])
    if is_arc.any():
        shares = np.linspace(0, 1, CANDIDATE_CHORDS + 1)
        stacked = np.stack([point_at(pieces, index[is_arc], np.full(is_arc.sum(), share)) for share in shares], axis=1)
        geometry[is_arc] = shapely.linestrings(stacked)
    # R (1 - cos) of the angle of one chord, with the radius as chord over twice the sine.
    sagitta = np.zeros(n)
    sagitta[is_arc] = radius_ft(pieces)[is_arc] * (1 - np.cos(np.abs(pieces.sweep[is_arc]) / CANDIDATE_CHORDS / 2))
    return geometry, sagitta


def chains_of(pieces: Pieces) -> list[np.ndarray]:
    """
    The vertices that stand for each piece, from its start to its end, arcs within `citygis.cogo.SAGITTA_FT`: the same to the last
    bit for both neighbours of an edge.
    """
    chains = list(np.stack([pieces.a, pieces.b], axis=1))
    for row in np.flatnonzero(pieces.sweep).tolist():
        sweep = pieces.sweep[row]
        chains[row] = arc_vertices(pieces.a[row], pieces.b[row], math.degrees(abs(sweep)), "L" if sweep > 0 else "R")
    return chains


def _picked(pieces: Pieces, rows: np.ndarray) -> Pieces:
    return Pieces(*(array[rows] for array in pieces))
