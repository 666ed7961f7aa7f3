"""
Point symbols, and marks along lines, as paths.
"""

import numpy as np
import shapely

from citygis.sheets.looks import Line, Marker
from citygis.sheets.scene import Paths

_TURN = np.linspace(0, 2 * np.pi, 25)[:-1]
_CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)])
_SPIKES = np.linspace(np.pi / 2, np.pi / 2 + 2 * np.pi, 11)[:-1]
# Corners on the unit circle, but a square as wide as the circle looks right beside it.
_SHAPES = {
    "circle": _CIRCLE,
    "bullseye": _CIRCLE,
    "target": _CIRCLE * 0.72,
    "square": np.array([(-0.86, -0.86), (0.86, -0.86), (0.86, 0.86), (-0.86, 0.86)]),
    "triangle": np.array([(-1.0, -0.7), (1.0, -0.7), (0.0, 1.1)]),
    "diamond": np.array([(0.0, -1.1), (1.1, 0.0), (0.0, 1.1), (-1.1, 0.0)]),
    "star": np.column_stack([np.cos(_SPIKES), np.sin(_SPIKES)]) * np.tile([1.15, 0.46], 5)[:, None],
    "arrow": np.array([(0.0, 1.2), (0.75, -1.0), (0.0, -0.5), (-0.75, -1.0)]),
    # Seen from the side: barrel between two outlets, bonnet above, flange below.
    "hydrant": np.array(
        [
            (-0.75, -1.1),
            (0.75, -1.1),
            (0.75, -0.8),
            (0.45, -0.8),
            (0.45, -0.2),
            (0.9, -0.2),
            (0.9, 0.3),
            (0.45, 0.3),
            (0.45, 0.6),
            (0.25, 1.0),
            (-0.25, 1.0),
            (-0.45, 0.6),
            (-0.45, 0.3),
            (-0.9, 0.3),
            (-0.9, -0.2),
            (-0.45, -0.2),
            (-0.45, -0.8),
            (-0.75, -0.8),
        ]
    ),
}
_ARMS = {
    "cross": np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)]),
    "x": np.array([(-0.8, -0.8), (0.8, 0.8), (-0.8, 0.8), (0.8, -0.8)]),
    "target": np.array([(-1.2, 0.0), (1.2, 0.0), (0.0, -1.2), (0.0, 1.2)]),
}
# Ends of the strokes of a mark, in its lengths: along the line and to its left.
_MARKS = {
    "cross": np.array([(0.0, -0.5), (0.0, 0.5)]),
    "tick": np.array([(0.0, 0.0), (0.0, 1.0)]),
    "x": np.array([(-0.35, -0.35), (0.35, 0.35), (-0.35, 0.35), (0.35, -0.35)]),
}


def markers(points: np.ndarray, marker: Marker, turns_deg: np.ndarray | None = None) -> list[Paths]:
    """
    A point symbol at places.

    Parameters
    ----------
    points : array, n x 2
        Page points.
    marker : Marker
        A shape without fill is filled white, so that lines end at a monument and do not cross it.
    turns_deg : array, n, optional
        How far each is turned, counter-clockwise on the page.

    Returns
    -------
    list of Paths
        Bottom-up.
    """
    if not len(points):
        return []
    radius = marker.size_pt / 2
    stroke = {"stroke": marker.line.color, "width_pt": marker.line.width_pt} if marker.line else {}
    drawn = stroke or {"stroke": marker.fill or "#000000", "width_pt": 0.5}
    out = []
    if marker.shape in _SHAPES:
        fill = "#ffffff" if marker.shape in ("bullseye", "target") else marker.fill or "#ffffff"
        out.append(_copies(_SHAPES[marker.shape] * radius, points, turns_deg, None, closed=True, fill=fill, **stroke))
    if marker.shape in _ARMS:
        out.append(_copies(_ARMS[marker.shape] * radius, points, turns_deg, 2, closed=False, **drawn))
    if marker.shape == "bullseye":
        out.append(_copies(_CIRCLE * radius * 0.35, points, turns_deg, None, closed=True, fill=drawn["stroke"]))
    return out


def marks(lines: np.ndarray, line: Line) -> np.ndarray:
    """
    The marks of a line style along lines.

    Parameters
    ----------
    lines : array of LineString
        Page points.
    line : Line
        With `marks`, its lengths on paper.

    Returns
    -------
    array, n x 2 x 2
        The two ends of each stroke. The first mark stands half a distance from where a line begins; a line shorter than that has
        none.
    """
    style = line.marks
    points, owner = shapely.get_coordinates(lines, return_index=True)
    if len(points) < 2:
        return np.empty((0, 2, 2))
    step = np.diff(points, axis=0)
    same = owner[1:] == owner[:-1]
    length = np.hypot(*step.T) * same
    station = np.append(0.0, np.cumsum(length))
    first = np.flatnonzero(np.append(True, ~same))
    begins = station[first]
    whole = np.append(begins[1:], station[-1]) - begins
    counts = np.floor(whole / style.every_pt + 0.5).astype(int)
    at = np.repeat(np.arange(len(first)), counts)
    nth = np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)
    stations = begins[at] + (nth + 0.5) * style.every_pt
    edge = np.searchsorted(station, stations, side="right") - 1
    edge = np.minimum(edge, len(step) - 1)
    real = length[edge] > 0
    edge, stations = edge[real], stations[real]
    ahead = step[edge] / length[edge][:, None]
    middle = points[edge] + (stations - station[edge])[:, None] * ahead
    left = np.column_stack([-ahead[:, 1], ahead[:, 0]])
    ends = _MARKS[style.shape] * style.length_pt
    placed = middle[:, None, :] + ends[None, :, :1] * ahead[:, None, :] + ends[None, :, 1:] * left[:, None, :]
    return placed.reshape(-1, 2, 2)


def _copies(shape: np.ndarray, points: np.ndarray, turns_deg: np.ndarray | None, every: int | None, **look) -> Paths:
    every = every or len(shape)
    if turns_deg is None:
        shapes = shape[None, :, :]
    else:
        c, s = np.cos(np.radians(turns_deg))[:, None], np.sin(np.radians(turns_deg))[:, None]
        shapes = np.stack([shape[:, 0] * c - shape[:, 1] * s, shape[:, 0] * s + shape[:, 1] * c], axis=-1)
    moved = (points[:, None, :] + shapes).reshape(-1, 2)
    return Paths(np.round(moved, 2), np.arange(0, len(moved), every), **look)
