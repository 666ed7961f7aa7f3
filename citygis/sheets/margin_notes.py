"""
Beside the map frame: which sheet goes on where this one ends.
"""

import numpy as np

from citygis.sheets.column import INK
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.grid import Edge, edge_ticks, frame_edges
from citygis.sheets.scene import Group, Texts
from citygis.sheets.style import MIN_TEXT_PT

_SIDES = ("S", "N", "W", "E")
"""Of `frame_edges`, in their order, as they lie on the paper."""


def margin_notes(frame: Frame, adjoining: dict[str, str], k: float) -> Group:
    """
    ``Joins sheet 12`` in the middle of each side that another sheet lies beside, between the figures of the grid.

    Parameters
    ----------
    frame : Frame
    adjoining : dict of str to str
        The number of the sheet on each side. Those at the corners stand in the panel only.
    k : float
        What sizes are multiplied with.

    Returns
    -------
    Group
        Without a batch where no sheet lies beside this one.
    """
    size = max(7.0 * k, MIN_TEXT_PT)
    cap = font("bold").cap_height * size
    strings, points, angles = [], [], []
    for side, edge in zip(_SIDES, frame_edges(frame), strict=True):
        if side not in adjoining:
            continue
        said = f"Joins sheet {adjoining[side]}"
        along = (edge.end - edge.start) / edge.length_pt
        between = 0.0 if tuple(edge.outward) in ((0.0, 1.0), (-1.0, 0.0)) else cap
        half = float(font("bold").widths([said])[0]) * size / 2
        strings.append(said)
        points.append(_free(frame, edge) + edge.outward * (8 * k + between) - along * half)
        angles.append(edge.angle_deg)
    if not strings:
        return Group("Adjoining sheets", ())
    texts = Texts(tuple(strings), np.array(points), np.array(angles), np.full(len(strings), size), "bold", INK)
    return Group("Adjoining sheets", (texts,))


def _free(frame: Frame, edge: Edge) -> np.ndarray:
    """A point of an edge midway between two ticks, as near as can be to its middle."""
    at = edge_ticks(frame, edge)[1]
    middle = (edge.start + edge.end) / 2
    if len(at) < 2:
        return middle
    between = (at[:-1] + at[1:]) / 2
    return between[np.argmin(np.hypot(*(between - middle).T))]
