"""
Where the courses of a figure lie, for every format that holds points and arcs.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from citygis.cogo import Arc, Course, Figure, arc_between, closure, corners, signed_area_sqft
from citygis.cogo.course import reversed_courses

CLOSES_FT = 0.01
"""A loop that comes back nearer than this is closed by its last course; one that does not has no area to export."""


class Step(NamedTuple):
    """A course from one corner to the next: arrays of easting and northing."""

    course: Course
    start: np.ndarray
    end: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """The point of an arc halfway along it."""
        arc = self.arc
        out = (self.start + self.end) / 2 - arc.center
        away = np.linalg.norm(out)
        if away < 1e-9 * arc.radius_ft:
            # Half a circle: its middle lies square to its chord.
            step = self.end - self.start
            out = np.array([-step[1], step[0]]) if arc.hand == "R" else np.array([step[1], -step[0]])
            away = np.linalg.norm(out)
        elif arc.delta_deg > 180:
            out = -out
        return arc.center + out / away * arc.radius_ft

    @property
    def arc(self) -> Arc:
        """The arc of a curve, through both corners."""
        return arc_between(
            self.start, self.end, hand=self.course.hand, radius_ft=self.course.radius_ft, major=self.course.delta_deg > 180
        )


def steps(name: str, figure: Figure, *, clockwise: bool | None = None, spirals: bool = False) -> list[Step]:
    """
    The courses of a loop in their places; the last one ends where the first begins.

    Parameters
    ----------
    name : str
        Of the figure, for messages.
    figure : Figure
        A start and courses that have their directions.
    clockwise : bool, optional
        Turn the loop this way.
    spirals : bool
        Whether the format holds them.

    Raises
    ------
    ValueError
        If the loop does not close within `CLOSES_FT`, or has a spiral and the format none.
    """
    start, courses = np.asarray(figure.start, dtype=float), tuple(figure.courses)
    left = closure(courses).misclosure_ft
    if left > CLOSES_FT:
        raise ValueError(f"Invalid figure {name!r}: it fails to close by {left:.3f} ft. Must close within {CLOSES_FT} ft.")
    if not spirals and any(course.kind == "spiral" for course in courses):
        raise ValueError(f"Invalid figure {name!r}: it has a spiral, which this format does not hold. Must be of lines and arcs.")
    if clockwise is not None and (signed_area_sqft(courses) > 0) != clockwise:
        courses = reversed_courses(courses)
    places = corners(courses, start)
    places[-1] = places[0]
    return [Step(course, places[n], places[n + 1]) for n, course in enumerate(courses)]


def loops(figures: Mapping[str, Sequence[Figure]]) -> Iterator[tuple[str, int, Figure]]:
    """Each loop of each figure, with its number from 0: the outer one first, holes after it."""
    for name, parts in figures.items():
        if not parts:
            raise ValueError(f"Invalid figure {name!r}. Must have at least one loop.")
        for position, figure in enumerate(parts):
            yield name, position, figure
