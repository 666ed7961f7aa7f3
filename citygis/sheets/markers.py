"""
Point symbols as paths.
"""

import numpy as np

from citygis.sheets.scene import Paths
from citygis.sheets.style import Marker

_TURN = np.linspace(0, 2 * np.pi, 25)[:-1]
_CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)])
# Corners on the unit circle, but a square as wide as the circle looks right beside it.
_SHAPES = {
    "circle": _CIRCLE,
    "bullseye": _CIRCLE,
    "square": np.array([(-0.86, -0.86), (0.86, -0.86), (0.86, 0.86), (-0.86, 0.86)]),
    "triangle": np.array([(-1.0, -0.7), (1.0, -0.7), (0.0, 1.1)]),
    "diamond": np.array([(0.0, -1.1), (1.1, 0.0), (0.0, 1.1), (-1.1, 0.0)]),
}


def markers(points: np.ndarray, marker: Marker) -> list[Paths]:
    """
    `marker` at each of `points` (n x 2, page points).

    A shape without fill is filled white, so that lines end at a monument and do not cross it.
    """
    if not len(points):
        return []
    radius = marker.size_pt / 2
    stroke = {"stroke": marker.line.color, "width_pt": marker.line.width_pt} if marker.line else {}
    if marker.shape == "cross":
        arms = np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)]) * radius
        return [_copies(arms, points, 2, closed=False, **(stroke or {"stroke": marker.fill or "#000000", "width_pt": 0.5}))]
    whole = _copies(_SHAPES[marker.shape] * radius, points, None, closed=True, fill=marker.fill or "#ffffff", **stroke)
    if marker.shape != "bullseye":
        return [whole]
    dot = _copies(_CIRCLE * radius * 0.35, points, None, closed=True, fill=marker.line.color if marker.line else "#000000")
    return [whole._replace(fill="#ffffff"), dot]


def _copies(shape: np.ndarray, points: np.ndarray, every: int | None, **look) -> Paths:
    every = every or len(shape)
    moved = (points[:, None, :] + shape[None, :, :]).reshape(-1, 2)
    return Paths(np.round(moved, 2), np.arange(0, len(moved), every), **look)
