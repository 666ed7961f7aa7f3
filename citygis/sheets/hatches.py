"""
Hatches: parallel lines in areas, cut by us, so that every backend draws the same ones at a known distance.

A viewer's own hatch has its origin on the page and its spacing from the program. These lines belong to the ground: a hatch of
one angle, spacing and scale has one set of lines over the whole plane, so neighbouring areas and neighbouring sheets agree.
"""

import numpy as np
import shapely

from citygis.sheets.frame import Frame
from citygis.sheets.looks import Hatch

SHORTEST_PT = 0.3
"""Shorter pieces, in the corners of areas, would be dots."""


def hatch_lines(polygons: np.ndarray, hatch: Hatch, frame: Frame) -> np.ndarray:
    """
    The lines of a hatch in polygons.

    Parameters
    ----------
    polygons : array of Polygon or MultiPolygon, n
        Page points, valid; what is no area has no lines.
    hatch : Hatch
        Its lengths on paper (`Measured.at`).
    frame : Frame
        Says where the origin of the City's coordinates lies on the page, which a line goes through.

    Returns
    -------
    array, m x 2 x 2
        The two ends of each line, in the order of the polygons; of a dashed line those of each dash. Dashes belong to the ground
        too, and every second line has them half a pattern further on, so that they make no columns.
    """
    angles = (hatch.angle_deg, hatch.angle_deg + 90) if hatch.cross else (hatch.angle_deg,)
    return np.concatenate([_one_way(polygons, angle, hatch, frame) for angle in angles])


def _one_way(polygons: np.ndarray, angle_deg: float, hatch: Hatch, frame: Frame) -> np.ndarray:
    parts, owner = shapely.get_parts(polygons, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    points, ring = shapely.get_coordinates(rings, return_index=True)
    if not len(points):
        return np.empty((0, 2, 2))
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    turn = np.array([(c, s), (-s, c)])
    # Turned so that the lines are level: u along them, v counted in spacings from the origin of the ground.
    origin = frame.to_page(np.zeros((1, 2)))
    u, v = ((points - origin) @ turn.T).T
    v = v / hatch.spacing_pt
    begin = np.flatnonzero(ring[:-1] == ring[1:])
    end = begin + 1
    # A line that goes through a vertex meets one of the edges there, not both: each edge holds its lower end only.
    low = np.ceil(np.minimum(v[begin], v[end])).astype(np.int64)
    crossed = np.ceil(np.maximum(v[begin], v[end])).astype(np.int64) - low
    at = np.repeat(np.arange(len(begin)), crossed)
    line = low[at] + np.arange(len(at)) - np.repeat(np.cumsum(crossed) - crossed, crossed)
    begin, end = begin[at], end[at]
    share = (line - v[begin]) / (v[end] - v[begin])
    along = u[begin] + share * (u[end] - u[begin])
    polygon = owner[part[ring[begin]]]
    order = np.lexsort((along, line, polygon))
    # In at the first crossing, out at the second, and so on: a valid polygon is crossed an even number of times.
    along, line = along[order].reshape(-1, 2), line[order[::2]]
    if hatch.line.dash_pt:
        along, line = _dashes(along, line, hatch.line.dash_pt)
    long = along[:, 1] - along[:, 0] >= SHORTEST_PT
    level = np.broadcast_to(line[long, None] * hatch.spacing_pt, (int(long.sum()), 2))
    return np.stack([along[long], level], axis=-1) @ turn + origin


def _dashes(along: np.ndarray, line: np.ndarray, dash_pt: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The dashes in intervals of lines, and the line of each."""
    period = sum(dash_pt)
    shift = (line % 2) * period / 2
    first = np.floor((along[:, 0] - shift) / period).astype(np.int64)
    count = np.floor((along[:, 1] - shift) / period).astype(np.int64) - first + 1
    at = np.repeat(np.arange(len(along)), count)
    nth = first[at] + np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
    begin = (shift[at] + nth * period)[:, None] + np.append(0.0, np.cumsum(dash_pt)[:-1])[::2]
    end = begin + np.array(dash_pt[::2])
    at = np.repeat(at, begin.shape[1])
    begin, end = np.maximum(begin.ravel(), along[at, 0]), np.minimum(end.ravel(), along[at, 1])
    return np.column_stack([begin, end]), line[at]
