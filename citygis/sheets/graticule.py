"""
The graticule on a sheet: latitude and longitude along the inside of the frame, in round seconds.
"""

import math

import numpy as np
import pyproj
import shapely

from citygis.sheets.column import INK
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.grid import Edge, frame_edges
from citygis.sheets.scene import POINTS_PER_INCH, Group, Texts, polylines
from citygis.sheets.style import MIN_TEXT_PT

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
"""Seconds of arc that are round."""

_APART_IN = 3.0
_CLEAR_IN = 0.6
_SAMPLES = 513
"""Points along an edge between which latitude and longitude run straight: of 40 in of map, better than 1e-6 s of arc."""


def graticule_interval(frame: Frame) -> int:
    """Seconds of arc between ticks: the least round number that is 3 in of latitude on paper."""
    feet = 2 * math.pi * frame.crs.ellipsoid.semi_minor_metre / frame.crs.axis_info[0].unit_conversion_factor / 360 / 3600
    return next((step for step in _STEPS_S if step * feet >= _APART_IN * frame.scale), _STEPS_S[-1])


def edge_crossings(frame: Frame, edge: Edge, interval_s: int) -> tuple[np.ndarray, np.ndarray]:
    """Where meridians (or parallels) of round seconds meet an edge: degrees, and points on the page, n x 2."""
    clear = _CLEAR_IN * POINTS_PER_INCH / edge.length_pt
    steps = np.linspace(clear, 1 - clear, _SAMPLES)
    ground = frame.to_ground(edge.start + np.outer(steps, edge.end - edge.start))
    to_degrees = pyproj.Transformer.from_crs(frame.crs, frame.crs.geodetic_crs, always_xy=True)
    seconds = np.asarray(to_degrees.transform(*ground.T)[edge.axis]) * 3600
    if seconds[0] > seconds[-1]:
        seconds, steps = seconds[::-1], steps[::-1]
    values = np.arange(math.ceil(seconds[0] / interval_s), seconds[-1] // interval_s + 1) * interval_s
    return values / 3600, edge.start + np.outer(np.interp(values, seconds, steps), edge.end - edge.start)


def graticule(frame: Frame, k: float) -> tuple[Group, np.ndarray]:
    """
    Ticks inside the frame, with their latitude or longitude beside them.

    Returns
    -------
    group : Group
    boxes : array of Polygon
        What it covers, for labels to keep clear of.
    """
    tick, size = 6.0 * k, max(5.6 * k, MIN_TEXT_PT)
    cap = font("regular").cap_height * size
    interval = graticule_interval(frame)
    ticks, strings, points, angles, boxes = [], [], [], [], []
    for edge in frame_edges(frame):
        degrees, at = edge_crossings(frame, edge, interval)
        along, inward = (edge.end - edge.start) / edge.length_pt, -edge.outward
        ticks += list(np.stack([at, at + inward * tick], axis=1))
        said = [_text(value, edge.axis) for value in degrees]
        wide = font("regular").widths(said)[:, None] * size
        # Beside the tick, as high as it is deep: on a bottom edge the text stands above the frame, on a top one it hangs below.
        up = np.array([-math.sin(math.radians(edge.angle_deg)), math.cos(math.radians(edge.angle_deg))])
        deep = 1.5 * k if inward @ up > 0 else 1.5 * k + cap
        begin = at + along * 2.5 * k + inward * deep
        points.append(begin)
        strings += said
        angles += [edge.angle_deg] * len(said)
        far = begin + along * wide + up * cap
        corners = np.stack([np.minimum(np.minimum(begin, far), at), np.maximum(np.maximum(begin, far), at)], axis=1)
        boxes += [shapely.box(*(low - 1.5), *(high + 1.5)) for low, high in corners]
    if not strings:
        return Group("Graticule", ()), np.array([], dtype=object)
    texts = Texts(
        tuple(strings),
        np.concatenate(points),
        np.array(angles),
        np.full(len(strings), size),
        color=INK,
        halo="#ffffff",
        halo_pt=0.8,
    )
    return Group("Graticule", (polylines(ticks, stroke=INK, width_pt=0.4), texts)), np.array(boxes, dtype=object)


def _text(degrees: float, axis: int) -> str:
    """As in ``121°17'15" W`` or ``37°49'30" N``."""
    seconds = round(abs(degrees) * 3600)
    side = ("EW", "NS")[axis][int(degrees < 0)]
    return f"{seconds // 3600}°{seconds // 60 % 60:02d}'{seconds % 60:02d}\" {side}"
