"""
Leaders: texts that stand outside what they belong to, with a thin line that ends in a dot on it.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.sheets.blocks import boxes_at
from citygis.sheets.occupied import Occupied
from citygis.sheets.scene import Paths

LINE_PT = 0.3
"""Stroke of a leader: thinner than any lot line, and still above what a plotter drops."""

DOT_PT = 0.8
"""Radius of the dot it ends in."""

_REACHES_PT = (7.0, 12.0, 18.0, 26.0, 38.0, 54.0, 75.0, 105.0)
# Level and upward first: a reader looks there first.
_DIRECTIONS_DEG = (0, 180, 30, 150, -30, 210, 60, 120, -60, 240, 90, -90, 15, 165, -15, 195, 45, 135, -45, 225)
_FINE_DEG = tuple(range(0, 360, 3))
_CIRCLE = np.array([(np.cos(a), np.sin(a)) for a in np.linspace(0, 2 * np.pi, 13)[:-1]])


class Led(NamedTuple):
    """
    Texts at the end of leaders.

    Parameters
    ----------
    at : array of int, m
        Which of the texts found a place, rising.
    centres : array, m x 2
        Their middles, page points.
    boxes : array of Polygon, m
        What they cover.
    lines : array, m x 2 x 2
        From the edge of the box to the dot.
    """

    at: np.ndarray
    centres: np.ndarray
    boxes: np.ndarray
    lines: np.ndarray


def led(
    anchors: np.ndarray,
    width_pt: np.ndarray,
    height_pt: np.ndarray,
    taken: np.ndarray,
    *,
    shapes: np.ndarray = (),
    own: np.ndarray | None = None,
    clear_pt: float = 0.0,
) -> Led:
    """
    Level texts near `anchors`, each with a leader that crosses no text and no other leader.

    Parameters
    ----------
    anchors : array, n x 2
        Where the leaders end, page points.
    width_pt, height_pt : array, n
        Of the texts.
    taken : array of geometries
        What texts and leaders keep off.
    shapes : array of geometries
        What no text may lie on; without them only `taken` counts.
    own : array of int, n
        Which of `shapes` belongs to each text: on that it may lie.
    clear_pt : float
        Leaders end this far from the anchors, so that they do not run into a point's symbol.

    Returns
    -------
    Led
    """
    standing, ground = shapely.STRtree(taken), Occupied()
    found: list[Led] = []
    open_ = np.arange(len(anchors))
    # Where anything goes, what is left looks for a gap between the texts around it.
    sweep = [(_DIRECTIONS_DEG, reach) for reach in _REACHES_PT]
    if not len(shapes):
        sweep += [(_FINE_DEG, reach) for reach in _REACHES_PT]
    for directions, reach in sweep:
        if not len(open_):
            break
        radians = np.radians(directions)
        unit = np.column_stack([np.cos(radians), np.sin(radians)])
        slots = np.repeat(open_, len(unit))
        toward = np.tile(unit, (len(open_), 1))
        half = np.column_stack([width_pt[slots], height_pt[slots]]) / 2 + 1.0
        # How far the middle of the box lies behind its edge, seen from the anchor.
        with np.errstate(divide="ignore"):
            behind = np.min(half / np.maximum(np.abs(toward), 1e-9), axis=1)
        centres = anchors[slots] + toward * (clear_pt + reach + behind)[:, None]
        boxes = boxes_at(centres, width_pt[slots], height_pt[slots], np.zeros(len(slots)))
        # A hair short of its own box, which it would touch otherwise.
        edges = anchors[slots] + toward * (clear_pt + reach - 0.05)
        lines = np.stack([edges, anchors[slots] + toward * clear_pt], axis=1)
        strokes = shapely.linestrings(lines)
        good = np.setdiff1d(np.arange(len(slots)), standing.query(boxes, predicate="intersects")[0])
        if len(shapes):
            # The tree is over the boxes, so that the shapes, which may have thousands of vertices, are prepared once.
            shape, box = shapely.STRtree(boxes[good]).query(shapes, predicate="intersects")
            good = np.delete(good, box[shape != own[slots[good[box]]]])
        good = np.delete(good, standing.query(strokes[good], predicate="intersects")[0])
        stands = good[ground.one_each(boxes[good], slots[good], also=strokes[good])]
        found.append(Led(slots[stands], centres[stands], boxes[stands], lines[stands]))
        open_ = np.setdiff1d(open_, slots[stands], assume_unique=True)
    if not found:
        return Led(np.array([], dtype=int), np.empty((0, 2)), np.array([], dtype=object), np.empty((0, 2, 2)))
    whole = Led(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    order = np.argsort(whole.at, kind="stable")
    return Led(*(part[order] for part in whole))


def leader_paths(lines: np.ndarray, color: str, *, dots: bool = True) -> list[Paths]:
    """Leaders (m x 2 x 2, page points) as paths, with `dots` at their second ends."""
    if not len(lines):
        return []
    starts = np.arange(len(lines))
    strokes = Paths(np.round(lines.reshape(-1, 2), 2), starts * 2, stroke=color, width_pt=LINE_PT)
    if not dots:
        return [strokes]
    rings = (lines[:, 1:2, :] + _CIRCLE * DOT_PT).reshape(-1, 2)
    return [strokes, Paths(np.round(rings, 2), starts * len(_CIRCLE), closed=True, fill=color)]
