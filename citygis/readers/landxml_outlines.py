"""
Figures of a LandXML file as loops of courses, and the polygons and lines that stand for them.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import shapely

from citygis.cogo import SAGITTA_FT, Course, area_sqft, azimuth_between, solve_spiral, spiral_course
from citygis.readers.landxml_axis import course_of, easting_northing
from citygis.readers.landxml_document import number
from citygis.readers.landxml_edges import SNAP_FT, Piece, shared_vertices
from citygis.readers.landxml_figures import Figure, Segment

GAP_FT = 0.05
"""Courses whose ends are farther apart than this do not follow one another: the absolute closure that a record is held to."""


class Loop(NamedTuple):
    """
    Courses that follow one another, in feet; with their segments as sent, the vertices of each in the unit of the file, and the
    number of the CoordGeom they stand in. ``gap_ft`` is the distance from the end of the last to the start of the first.
    """

    part: int
    start_ft: np.ndarray
    courses: tuple[Course, ...]
    segments: tuple[Segment, ...]
    vertices: tuple[np.ndarray, ...]
    gap_ft: float
    widest_ft: float

    @property
    def is_closed(self) -> bool:
        """Whether it comes back to where it starts, and is more than one line there and back."""
        return self.gap_ft <= GAP_FT and (len(self.courses) > 2 or any(course.kind != "line" for course in self.courses))


class Outline(NamedTuple):
    """A figure with its loops, and what kept segments from becoming courses."""

    figure: Figure
    loops: tuple[Loop, ...]
    problems: tuple[str, ...]

    @property
    def is_closed(self) -> bool:
        """Whether every segment was read and every loop closes."""
        return bool(self.loops) and not self.problems and all(loop.is_closed for loop in self.loops)


def outlines(figures: Sequence[Figure], order: str, *, feet: float) -> list[Outline]:
    """
    Every figure as loops of courses.

    Parameters
    ----------
    figures : sequence of Figure
    order : {"NE", "EN"}
    feet : float
        Feet in the unit of the file.

    Returns
    -------
    list of Outline, one per figure
        Boundaries that figures share have the same vertices in all of them.
    """
    pieces: list[Piece] = []
    runs: list[list[tuple[int, Segment, Course, int]]] = []
    problems: list[list[str]] = []
    for figure in figures:
        run, said = [], []
        for number_of_part, part in enumerate(figure.parts, 1):
            said += part.problems
            for position, segment in enumerate(part.segments, 1):
                try:
                    course = _course(segment, order)
                except ValueError as error:
                    said.append(f"segment {position} ({segment.text}) is no course: {str(error)[:200]}")
                    continue
                ends = easting_northing(segment.start, order), easting_northing(segment.end, order)
                run.append((number_of_part, segment, course, len(pieces)))
                pieces.append(Piece(course, *ends))
        runs.append(run)
        problems.append(said)
    vertices = shared_vertices(pieces, snap=SNAP_FT / feet, sagitta=SAGITTA_FT / feet)
    return [
        Outline(figure, tuple(_loops(run, pieces, vertices, feet)), tuple(said))
        for figure, run, said in zip(figures, runs, problems, strict=True)
    ]


def _course(segment: Segment, order: str) -> Course:
    if segment.kind != "spiral":
        return course_of(segment, order)
    kind = segment.stated.get("spiType", "clothoid")
    if kind.lower() != "clothoid":
        raise ValueError(f"a spiral of type {kind!r} is not read, only clothoids")
    radii = [_radius(segment.stated.get(name)) for name in ("radiusStart", "radiusEnd")]
    length = number(segment.stated.get("length"))
    if length is None or None in radii:
        raise ValueError("a spiral must state its length and both radii")
    spiral = solve_spiral(length, radii[1], radii[0])
    start, end = easting_northing(segment.start, order), easting_northing(segment.end, order)
    if abs(math.dist(start, end) - spiral.chord_ft) > 1e-4 * length + 0.01:
        raise ValueError(
            f"its ends are {math.dist(start, end):.3f} apart, and its length and radii make that {spiral.chord_ft:.3f}"
        )
    return spiral_course(
        spiral, segment.hand, azimuth_deg=float(azimuth_between(start, end)), basis="CALCULATED", text=segment.text
    )  # fmt: skip


def _radius(text: str | None) -> float | None:
    if (text or "").strip().upper() in ("INF", "INFINITE", "INFINITY"):
        return math.inf
    return number(text)


def _loops(run: list[tuple[int, Segment, Course, int]], pieces: list[Piece], vertices: list[np.ndarray], feet: float) -> list[Loop]:
    loops = []
    for part, group in itertools.groupby(run, key=lambda one: one[0]):
        current: list[tuple[int, Segment, Course, int]] = []
        for one in group:
            if current and math.dist(pieces[current[-1][3]].end, pieces[one[3]].start) * feet > GAP_FT:
                loops.append(_loop(part, current, pieces, vertices, feet))
                current = []
            current.append(one)
        loops.append(_loop(part, current, pieces, vertices, feet))
    return loops


def _loop(part: int, run: list, pieces: list[Piece], vertices: list[np.ndarray], feet: float) -> Loop:
    places = [pieces[number_of_piece] for *_, number_of_piece in run]
    gaps = [math.dist(before.end, after.start) * feet for before, after in itertools.pairwise(places)]
    back = math.dist(places[-1].end, places[0].start) * feet
    return Loop(
        part,
        np.array(places[0].start) * feet,
        tuple(_in_feet(course, feet) for _, _, course, _ in run),
        tuple(segment for _, segment, _, _ in run),
        tuple(vertices[number_of_piece] for *_, number_of_piece in run),
        back,
        max([*gaps, back if back <= GAP_FT else 0.0]),
    )


def _in_feet(course: Course, feet: float) -> Course:
    if feet == 1.0:
        return course
    lengths = ("distance_ft", "radius_ft", "arc_ft", "end_radius_ft")
    return course._replace(**{name: value * feet for name in lengths if (value := getattr(course, name)) is not None})


# -- what stands for them ----------------------------------------------------------------------------------------------------------


def ring_of(loop: Loop) -> np.ndarray:
    """The vertices of a loop that closes, its first one repeated; (n, 2)."""
    points = np.vstack([loop.vertices[0][:1], *(one[1:] for one in loop.vertices)])
    points[-1] = points[0]
    return points


def polygon_of(outline: Outline) -> shapely.Polygon | shapely.MultiPolygon | None:
    """
    The polygon of a figure, null where it is not closed. A loop within another is a hole in it, a loop beside it another part.
    """
    if not outline.is_closed:
        return None
    grouped = _nested(outline)
    made = [shapely.Polygon(ring_of(outer), [ring_of(hole) for hole in holes]) for outer, holes in grouped]
    return made[0] if len(made) == 1 else shapely.MultiPolygon(made)


def area_of(outline: Outline) -> float | None:
    """The area of a figure from its courses, exact on arcs; square feet. Null where it is not closed."""
    if not outline.is_closed:
        return None
    return sum(area_sqft(outer.courses) - sum(area_sqft(hole.courses) for hole in holes) for outer, holes in _nested(outline))


def perimeter_of(outline: Outline) -> float:
    """The length of all courses of a figure, along its arcs; feet."""
    return math.fsum(course.length_ft for loop in outline.loops for course in loop.courses)


def lines_of(outline: Outline) -> shapely.LineString | shapely.MultiLineString | None:
    """The courses of a figure as lines; null where it has none."""
    lines = [shapely.LineString(np.vstack([loop.vertices[0][:1], *(one[1:] for one in loop.vertices)])) for loop in outline.loops]
    if not lines:
        return None
    return lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)


def _nested(outline: Outline) -> list[tuple[Loop, list[Loop]]]:
    """Outer loops with their holes, by which lies within which an odd number of times."""
    if len(outline.loops) == 1:
        return [(outline.loops[0], [])]
    loops = sorted(outline.loops, key=lambda loop: -area_sqft(loop.courses))
    shapes = [shapely.Polygon(ring_of(loop)) for loop in loops]
    inside = [[m for m in range(n) if shapes[m].contains(shapes[n].representative_point())] for n in range(len(loops))]
    grouped = {n: (loops[n], []) for n in range(len(loops)) if len(inside[n]) % 2 == 0}
    for n in range(len(loops)):
        if n not in grouped:
            grouped[inside[n][-1]][1].append(loops[n])
    return list(grouped.values())
