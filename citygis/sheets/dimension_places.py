"""
Where dimensions stand: along their course, above or below it, slid until they touch nothing, and tags with leaders.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import shapely

from citygis.sheets.blocks import PAD_PT, boxes_at, first_free, upright

GAP_PT = 2.6
"""Between a course and the text beside it: room for what hangs below a baseline, and for half the width of a heavy line."""

SLIDES = (0.0, 0.5, -0.5, 0.25, -0.25, 0.75, -0.75, 1.0, -1.0)
"""Places along a course that are tried, as parts of the way from the middle to where the text would reach the end."""

LEADER_PT = (8.0, 12.0, 17.0, 23.0, 30.0, 38.0)
"""How far from its course a tag on a leader is tried, to its middle."""

MOST_SAGITTA_PT = 4.0
"""A straight text beside an arc that leaves it by more no longer follows it."""

_DIRECTIONS = np.radians(np.arange(8) * 45.0 + 22.5)
_LEADER_BAND_PT = 0.5


class Runs(NamedTuple):
    """
    Courses as texts lie along them.

    Parameters
    ----------
    middle : array, n x 2
        Page points; on the arc of a curve.
    along, up : array, n x 2
        Unit vectors: the way the text runs, and up from it.
    angle_deg : array, n
        Upright.
    length_pt : array, n
        Seen of it, from end to end.
    radius_pt : array, n
        Of an arc on the page, positive where it bulges up; infinite for a line.
    """

    middle: np.ndarray
    along: np.ndarray
    up: np.ndarray
    angle_deg: np.ndarray
    length_pt: np.ndarray
    radius_pt: np.ndarray


class Spots(NamedTuple):
    """Texts that found their place: which of those asked, and the middle of each; `side` 1 above, -1 below, 0 on the course."""

    at: np.ndarray
    centres: np.ndarray
    side: int


class Ground:
    """
    The paper that dimensions are placed on.

    Parameters
    ----------
    box_pt : tuple
        The frame.
    courses : array of geometries, n
        What no text may cross, but for the course it stands on.
    taken : array of geometries
        What else no text may touch.
    """

    def __init__(self, box_pt: tuple[float, float, float, float], courses: np.ndarray, taken: np.ndarray):
        self._box = box_pt
        self._courses = shapely.STRtree(courses)
        self._taken = shapely.STRtree(np.asarray(taken, dtype=object))
        self.boxes = np.array([], dtype=object)

    def stand(self, boxes: np.ndarray, own: np.ndarray, *, across: bool = False, shapes: np.ndarray | None = None) -> np.ndarray:
        """
        Which boxes may stand, in order of rank; they stand from then on.

        Parameters
        ----------
        boxes : array of Polygon, n
        own : array of int, n
            The course of each.
        across : bool
            Whether a box may lie on its own course.
        shapes : array of geometries, n, optional
            What stands in place of the box: the box with its leader. It may cross its own course.

        Returns
        -------
        array of bool, n
        """
        left, bottom, right, top = self._box
        bounds = shapely.bounds(boxes).reshape(-1, 4)
        free = (bounds[:, 0] > left) & (bounds[:, 1] > bottom) & (bounds[:, 2] < right) & (bounds[:, 3] < top)
        shapes = boxes if shapes is None else shapes
        box, course = self._courses.query(boxes, predicate="intersects")
        free[box[(course != own[box]) | (not across)]] = False
        if shapes is not boxes:
            box, course = self._courses.query(shapes, predicate="intersects")
            free[box[course != own[box]]] = False
        free[self._taken.query(shapes, predicate="intersects")[0]] = False
        at = np.flatnonzero(free)
        free[at] = first_free(shapes[at], self.boxes)
        self.boxes = np.concatenate([self.boxes, shapes[free]])
        return free


def runs(shapes: np.ndarray, curved: np.ndarray) -> Runs:
    """
    Courses as texts lie along them.

    Parameters
    ----------
    shapes : array of LineString or MultiLineString, n
        Page points; of several parts the longest counts.
    curved : array of bool, n
        Which are arcs.
    """
    parts, owner = shapely.get_parts(shapes, return_index=True)
    order = np.lexsort((-shapely.length(parts), owner))
    shapes = parts[order[np.append(True, np.diff(owner[order]) != 0)]] if len(parts) else parts
    a, b = (shapely.get_coordinates(shapely.get_point(shapes, at)).reshape(-1, 2) for at in (0, -1))
    chord = np.hypot(*(b - a).T)
    angle = upright(np.degrees(np.arctan2(*(b - a).T[::-1])))
    radians = np.radians(angle)
    along, up = np.column_stack([np.cos(radians), np.sin(radians)]), np.column_stack([-np.sin(radians), np.cos(radians)])
    middle = np.where(
        curved[:, None],
        shapely.get_coordinates(shapely.line_interpolate_point(shapes, 0.5, normalized=True)).reshape(-1, 2),
        (a + b) / 2,
    )
    sagitta = ((middle - (a + b) / 2) * up).sum(axis=1)
    with np.errstate(divide="ignore"):
        radius = np.where(curved & (sagitta != 0), (chord**2 / 4 + sagitta**2) / (2 * sagitta), np.inf)
    return Runs(middle, along, up, angle, chord, radius)


def along_courses(
    ground: Ground, run: Runs, own: np.ndarray, width_pt: np.ndarray, height_pt: float, *, side: int
) -> Iterator[Spots]:
    """
    Texts along courses, one place after another, until each stands or all places are tried.

    Parameters
    ----------
    ground : Ground
    run : Runs
    own : array of int, n
        The courses that want a text, in order of rank.
    width_pt : array, n
        Of each text.
    height_pt : float
        Of all of them; `side` 0 is given the whole height, with what is above and below the course.
    side : int
        1 above the course, -1 below, 0 on it.

    Yields
    ------
    Spots
        ``at`` are positions in `own`.
    """
    radius, half = run.radius_pt[own], width_pt / 2 + PAD_PT
    with np.errstate(invalid="ignore"):
        sagitta = np.where(np.isfinite(radius), np.abs(radius) - np.sqrt(np.maximum(radius**2 - half**2, 0.0)), 0.0)
    room = run.length_pt[own] / 2 - half
    open_ = np.flatnonzero((room > 0) & (sagitta <= MOST_SAGITTA_PT) & (half < np.abs(radius)))
    # On the hollow side the ends of a straight text come nearer to the arc than its middle.
    hollow = np.where(np.isfinite(radius) & (np.sign(radius) != side), sagitta, 0.0)
    off = side * (GAP_PT + height_pt / 2 + hollow)
    for slide in SLIDES:
        at = open_ if not slide else open_[np.isinf(radius[open_]) & (room[open_] > 2.0)]
        if not len(at):
            continue
        course = own[at]
        centres = run.middle[course] + run.along[course] * (slide * room[at])[:, None] + run.up[course] * off[at][:, None]
        boxes = boxes_at(centres, width_pt[at], np.full(len(at), height_pt), run.angle_deg[course])
        stands = ground.stand(boxes, course, across=side == 0)
        yield Spots(at[stands], centres[stands], side)
        open_ = np.setdiff1d(open_, at[stands], assume_unique=True)


def on_leaders(
    ground: Ground, run: Runs, own: np.ndarray, width_pt: np.ndarray, height_pt: float
) -> Iterator[tuple[Spots, np.ndarray]]:
    """
    Level texts beside courses, each with a leader to the middle of its course that crosses nothing.

    Parameters as `along_courses`.

    Yields
    ------
    tuple of Spots and array, n x 2 x 2
        And the leaders, from the text to the course.
    """
    open_ = np.arange(len(own))
    for reach in LEADER_PT:
        for direction in _DIRECTIONS:
            if not len(open_):
                return
            away = np.array([np.cos(direction), np.sin(direction)])
            foot = run.middle[own[open_]]
            centres = foot + reach * away + np.sign(away) * np.column_stack([width_pt[open_] / 2, np.zeros(len(open_))])
            boxes = boxes_at(centres, width_pt[open_], np.full(len(open_), height_pt), np.zeros(len(open_)))
            bounds = shapely.bounds(boxes).reshape(-1, 4)
            head = np.clip(foot, bounds[:, :2], bounds[:, 2:])
            leaders = np.stack([head, foot], axis=1)
            bands = shapely.buffer(shapely.linestrings(leaders), _LEADER_BAND_PT, cap_style="flat")
            stands = ground.stand(boxes, own[open_], shapes=shapely.union(boxes, bands))
            yield Spots(open_[stands], centres[stands], 1), leaders[stands]
            open_ = open_[~stands]
