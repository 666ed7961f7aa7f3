"""
The State Plane grid on a sheet: crosses in the map, ticks and figures around it.
"""

import math
from typing import NamedTuple

import numpy as np
import shapely

from citygis.sheets.column import GRID, INK
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Texts, polylines
from citygis.sheets.style import MIN_TEXT_PT

_CLEAR_IN = 0.25
"""A tick closer to a corner would have its figures in the border."""


class Edge(NamedTuple):
    """
    A side of a map frame.

    Parameters
    ----------
    start, end : array, 2
        Page points; from left to right or from bottom to top.
    outward : array, 2
        One point away from the map.
    axis : int
        Which lines have their ticks on it: 0 those of one easting, 1 those of one northing.
    angle_deg : float
        How text beside it lies.
    """

    start: np.ndarray
    end: np.ndarray
    outward: np.ndarray
    axis: int
    angle_deg: float

    @property
    def length_pt(self) -> float:
        """Points."""
        return float(np.hypot(*(self.end - self.start)))


def frame_edges(frame: Frame) -> list[Edge]:
    """Bottom, top, left and right; a line has its ticks on the two sides it meets the steeper."""
    left, bottom, right, top = frame.box_pt
    turn = math.radians(frame.rotation_deg)
    upright = abs(math.cos(turn)) >= abs(math.sin(turn)) - 1e-12
    sides = [
        ((left, bottom), (right, bottom), (0, -1), 0.0),
        ((left, top), (right, top), (0, 1), 0.0),
        ((left, bottom), (left, top), (-1, 0), 90.0),
        ((right, bottom), (right, top), (1, 0), 90.0),
    ]
    return [
        Edge(*(np.array(v, dtype=float) for v in (start, end, out)), int((angle == 0.0) != upright), angle)
        for start, end, out, angle in sides
    ]


def grid_interval(frame: Frame) -> int:
    """Feet between grid ticks: the least round number that is 3 in on paper, or on small frames the largest that gives two."""
    steps = [step * 10**power for power in range(9) for step in (1, 2, 5)]
    wide = next((step for step in steps if step >= 3 * frame.scale), steps[-1])
    turn = math.radians(frame.rotation_deg)
    steep = max(abs(math.cos(turn)), abs(math.sin(turn)))
    # A quarter inch stays free at each end; see `edge_ticks`.
    room = (min(frame.width_pt, frame.height_pt) / POINTS_PER_INCH - 2 * _CLEAR_IN) * float(frame.scale) * steep
    return min(wide, max((step for step in steps if step <= room / 2), default=steps[0]))


def edge_ticks(frame: Frame, edge: Edge) -> tuple[np.ndarray, np.ndarray]:
    """Where grid lines meet an edge: their eastings or northings, and the points on the page, n x 2."""
    interval = grid_interval(frame)
    clear = _CLEAR_IN * POINTS_PER_INCH / edge.length_pt
    ends = edge.start + np.outer([clear, 1 - clear], edge.end - edge.start)
    first, last = frame.to_ground(ends)[:, edge.axis]
    low, high = sorted((first, last))
    values = np.arange(math.ceil(low / interval), high // interval + 1) * float(interval)
    return values, ends[0] + np.outer((values - first) / (last - first), ends[1] - ends[0])


def grid_crosses(frame: Frame) -> np.ndarray:
    """Where the grid lines cross in the map, page points, n x 2."""
    interval = grid_interval(frame)
    extent = frame.extent
    eastings = np.arange(math.ceil(extent.easting_min / interval), extent.easting_max // interval + 1) * interval
    northings = np.arange(math.ceil(extent.northing_min / interval), extent.northing_max // interval + 1) * interval
    points = frame.to_page(np.array([(e, n) for e in eastings for n in northings], dtype=float).reshape(-1, 2))
    left, bottom, right, top = frame.box_pt
    clear = _CLEAR_IN * POINTS_PER_INCH
    return points[((points >= (left + clear, bottom + clear)) & (points <= (right - clear, top - clear))).all(axis=1)]


def cross_boxes(frame: Frame) -> np.ndarray:
    """Squares around the grid's crosses, which labels keep clear of."""
    points = grid_crosses(frame)
    return shapely.box(points[:, 0] - 4.5, points[:, 1] - 4.5, points[:, 0] + 4.5, points[:, 1] + 4.5)


def grid(frame: Frame, k: float) -> Group:
    """Crosses in the map, and ticks with easting and northing on all four sides of it."""
    tick, size = 6.0 * k, max(6.0 * k, MIN_TEXT_PT)
    cap = font("regular").cap_height * size
    batches: list[Paths | Texts] = []
    ticks, strings, points, angles = [], [], [], []
    for edge in frame_edges(frame):
        values, at = edge_ticks(frame, edge)
        ticks += list(np.stack([at, at + edge.outward * tick], axis=1))
        said = [f"{'EN'[edge.axis]} {value:,.0f}" for value in values]
        along = (edge.end - edge.start) / edge.length_pt
        # Text stands on its own left: above a top edge, left of a left one; below and on the right its height comes between.
        between = 0.0 if tuple(edge.outward) in ((0.0, 1.0), (-1.0, 0.0)) else cap
        half = font("regular").widths(said)[:, None] * size / 2
        points.append(at + edge.outward * (tick + 2 * k + between) - along * half)
        strings += said
        angles += [edge.angle_deg] * len(said)
    if ticks:
        batches.append(polylines(ticks, stroke=INK, width_pt=0.6))
    turn = math.radians(frame.rotation_deg)
    arm = 4.0 * np.array([(math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))])
    crosses = [[at - one, at + one] for at in grid_crosses(frame) for one in arm]
    if crosses:
        batches.append(polylines(crosses, stroke=GRID, width_pt=0.4))
    if strings:
        batches.append(Texts(tuple(strings), np.concatenate(points), np.array(angles), np.full(len(strings), size), color=INK))
    return Group("Grid", tuple(batches))
