"""
The State Plane grid on a sheet: crosses in the map, ticks and figures around it.
"""

import math

import numpy as np
import shapely

from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.furniture import GRID, INK
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Texts, polylines
from citygis.sheets.style import MIN_TEXT_PT

_CLEAR_IN = 0.25
"""A tick closer to a corner would have its figures in the border."""


def grid_interval(frame: Frame) -> int:
    """Feet between grid ticks: the least round number that is 3 in on paper, or on small frames the largest that gives two."""
    steps = [step * 10**power for power in range(9) for step in (1, 2, 5)]
    wide = next((step for step in steps if step >= 3 * frame.scale), steps[-1])
    # A quarter inch stays free at each end; see `grid_lines`.
    room = (min(frame.width_pt, frame.height_pt) / POINTS_PER_INCH - 2 * _CLEAR_IN) * float(frame.scale)
    return min(wide, max((step for step in steps if step <= room / 2), default=steps[0]))


def grid_lines(frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """Eastings and northings of the grid within a frame, feet."""
    interval = grid_interval(frame)
    extent = frame.extent
    clear = float(frame.scale) * _CLEAR_IN
    return (
        np.arange(math.ceil((extent.easting_min + clear) / interval), (extent.easting_max - clear) // interval + 1) * interval,
        np.arange(math.ceil((extent.northing_min + clear) / interval), (extent.northing_max - clear) // interval + 1) * interval,
    )


def grid_crosses(frame: Frame) -> np.ndarray:
    """Where the grid lines cross, page points, n x 2."""
    eastings, northings = grid_lines(frame)
    return frame.to_page(np.array([(e, n) for e in eastings for n in northings], dtype=float).reshape(-1, 2))


def cross_boxes(frame: Frame) -> np.ndarray:
    """Squares around the grid's crosses, which labels keep clear of."""
    points = grid_crosses(frame)
    return shapely.box(points[:, 0] - 4.5, points[:, 1] - 4.5, points[:, 0] + 4.5, points[:, 1] + 4.5)


def grid(frame: Frame, k: float) -> Group:
    """Crosses in the map, and ticks with easting and northing on all four sides of it."""
    left, bottom, right, top = frame.box_pt
    eastings, northings = grid_lines(frame)
    across = frame.to_page(np.column_stack([eastings, np.full(len(eastings), frame.northing)]))[:, 0]
    up = frame.to_page(np.column_stack([np.full(len(northings), frame.easting), northings]))[:, 1]
    tick, arm, size = 6.0 * k, 4.0, max(6.0 * k, MIN_TEXT_PT)
    ticks = [[(e, y), (e, y + d)] for e in across for y, d in ((bottom, -tick), (top, tick))]
    ticks += [[(x, n), (x + d, n)] for n in up for x, d in ((left, -tick), (right, tick))]
    crosses = [arms for e, n in grid_crosses(frame) for arms in ([(e - arm, n), (e + arm, n)], [(e, n - arm), (e, n + arm)])]
    strings, points, angles = [], [], []
    cap = font("regular").cap_height * size
    for value, e in zip(eastings, across, strict=True):
        label = f"E {value:,.0f}"
        wide = font("regular").widths([label])[0] * size
        for baseline in (bottom - tick - 2 * k - cap, top + tick + 2 * k):
            strings.append(label)
            points.append((e - wide / 2, baseline))
            angles.append(0.0)
    for value, n in zip(northings, up, strict=True):
        label = f"N {value:,.0f}"
        wide = font("regular").widths([label])[0] * size
        for baseline in (left - tick - 2 * k, right + tick + 2 * k + cap):
            strings.append(label)
            points.append((baseline, n - wide / 2))
            angles.append(90.0)
    batches: list[Paths | Texts] = []
    if ticks:
        batches.append(polylines(ticks, stroke=INK, width_pt=0.6))
    if crosses:
        batches.append(polylines(crosses, stroke=GRID, width_pt=0.4))
    if strings:
        batches.append(Texts(tuple(strings), np.array(points), np.array(angles), np.full(len(strings), size), color=INK))
    return Group("Grid", tuple(batches))
