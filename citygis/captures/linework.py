"""
The drawing of figures, shot by shot: what each control code does to the figure it is for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import geopandas as gpd
import numpy as np

from citygis.captures.curves import Course, Place, circle, curve_through, fitted_curve
from citygis.captures.field_codes import FieldCodes, Mention

FIT_FT = 0.05
"""One curve is fitted to many shots where all lie this near to it: half the tolerance of a parcel."""


class Vertex(NamedTuple):
    """
    A place of a figure; its shot (position in the points frame), None where it was worked out; whether a curve begins or ends.
    """

    place: Place
    shot: int | None = None
    begin_curve: bool = False
    end_curve: bool = False


class Offset(NamedTuple):
    """
    A line beside a figure: its distance to the right, how much higher it is, and the vertices it begins and ends at (None: goes
    on).
    """

    right_ft: float
    up_ft: float
    first: int
    last: int | None = None


@dataclass
class Figure:
    """
    A figure being drawn. ``shot`` is its first, ``begun`` whether a begin code said so, ``radius_ft`` that of a circle about a
    shot.
    """

    name: str
    code: str | None
    shot: int
    begun: bool = False
    method: str = "shots"
    vertices: list[Vertex] = field(default_factory=list)
    offsets: list[Offset] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    closed: bool = False
    ended: bool = False
    radius_ft: float | None = None


class Drawing:
    """
    The figures of one file of shots.

    ``active``: figures in use, by name; ``done``: those that ended, in that order; ``used``: shots that are drawn; ``unknown``:
    shots of each word that is no code; ``reports``: code, shot, message and severity of each problem.
    """

    def __init__(self, points: gpd.GeoDataFrame, codes: FieldCodes) -> None:
        self.points, self.codes = points, codes
        self.places = list(zip(points.geometry.x.tolist(), points.geometry.y.tolist(), strict=True))
        self.active: dict[str, Figure] = {}
        self.done: list[Figure] = []
        self.used: set[int] = set()
        self.unknown: dict[str, list[int]] = {}
        self.reports: list[tuple[str, int, str, str]] = []
        self.names: dict[str, list[int]] = {}
        for shot, name in enumerate(points["name"]):
            if isinstance(name, str):
                self.names.setdefault(name.strip().upper(), []).append(shot)

    def report(self, code: str, shot: int, message: str, *, severity: str = "review") -> None:
        """Note a problem at a shot."""
        self.reports.append((code, shot, message, severity))

    def take(self, shot: int, mention: Mention) -> None:
        """Do to a figure what one shot says of it."""
        verbs = [verb for verb, _ in mention.controls]
        round_ = next((value for verb, value in mention.controls if verb == "circle"), None)
        if "circle" in verbs and round_ is not None:
            self._circle(shot, mention, float(round_))
            return
        if "begin" in verbs or "circle" in verbs or mention.figure not in self.active:
            self._retire(mention.figure)
            begun = "begin" in verbs or "circle" in verbs
            method = "circle" if "circle" in verbs else "shots"
            self.active[mention.figure] = Figure(mention.figure, mention.code, shot, begun, method)
        figure = self.active[mention.figure]
        figure.words += [word for word in mention.words if word not in figure.words]
        figure.vertices.append(Vertex(self.places[shot], shot, "begin_curve" in verbs, "end_curve" in verbs))
        at = len(figure.vertices) - 1
        if "horizontal_offset" in verbs or "stop_offsets" in verbs:
            figure.offsets = [o._replace(last=at) if o.last is None else o for o in figure.offsets]
        for verb, value in mention.controls:
            self._do(figure, shot, at, verb, value)
        if figure.method == "circle" and len(figure.vertices) == 3:
            self._end(figure)

    def finish(self) -> None:
        """Retire the figures that are still in use."""
        for name in list(self.active):
            self._retire(name)

    def _do(self, figure: Figure, shot: int, at: int, verb: str, value: str | None) -> None:
        if verb == "horizontal_offset":
            figure.offsets.append(Offset(float(value), 0.0, at))
        elif verb == "vertical_offset":
            if not figure.offsets or figure.offsets[-1].first != at:
                self.report("F02", shot, f"{figure.name}: a vertical offset without a horizontal one before it.")
            else:
                figure.offsets[-1] = figure.offsets[-1]._replace(up_ft=float(value))
        elif verb == "recall_point" and value is not None:
            if (other := self._named(value, shot, figure)) is not None:
                figure.vertices.append(Vertex(self.places[other], other))
        elif verb == "connect_point":
            if (other := self._named(value, shot, figure)) is not None:
                line = Figure(f"{figure.name}.CPN{value}", figure.code, shot, True, "connection", ended=True)
                line.vertices = [Vertex(self.places[shot], shot), Vertex(self.places[other], other)]
                self.done.append(line)
        elif verb in ("extend", "turn"):
            self._step(figure, shot, verb, float(value))
        elif verb == "rectangle":
            self._rectangle(figure, shot, value)
        elif verb == "close":
            figure.closed = True
            self._end(figure)
        elif verb == "end":
            self._end(figure)

    def _named(self, name: str, shot: int, figure: Figure) -> int | None:
        """The shot of a point's name; None, and a report, unless there is exactly one."""
        found = self.names.get(name, [])
        if len(found) == 1:
            return found[0]
        count = "no point" if not found else f"{len(found)} points"
        self.report("F02", shot, f"{figure.name}: there is {count} of the name {name}.")
        return None

    def _step(self, figure: Figure, shot: int, verb: str, length_ft: float) -> None:
        """A place straight on from the last line, or square to it: to the right where positive."""
        along = self._along(figure, shot, verb)
        if along is None:
            return
        last = figure.vertices[-1].place
        if verb == "turn":
            along = np.array([along[1], -along[0]])
        place = (last[0] + float(along[0]) * length_ft, last[1] + float(along[1]) * length_ft)
        if verb == "extend" and length_ft < 0:
            figure.vertices[-1] = figure.vertices[-1]._replace(place=place)  # short of the shot, not back from it
        else:
            figure.vertices.append(Vertex(place))

    def _along(self, figure: Figure, shot: int, verb: str) -> np.ndarray | None:
        if len(figure.vertices) >= 2:
            step = np.subtract(figure.vertices[-1].place, figure.vertices[-2].place)
            if step.any():
                return step / np.hypot(*step)
        self.report("F02", shot, f"{figure.name}: `{verb}` needs a line that comes to the shot.")
        return None

    def _rectangle(self, figure: Figure, shot: int, value: str | None) -> None:
        along = self._along(figure, shot, "rectangle")
        if along is None:
            return
        first, second = np.array(figure.vertices[0].place), np.array(figure.vertices[1].place)
        before, last = np.array(figure.vertices[-2].place), np.array(figure.vertices[-1].place)
        if value is not None:
            across = float(value) * np.array([along[1], -along[0]])
            added = [last + across, before + across]
        else:
            # Square to the last line at its end, and to the first line at its beginning.
            begin = second - first
            matrix = np.array([along, begin])
            if len(figure.vertices) < 3 or abs(np.linalg.det(matrix)) <= 1e-6 * np.hypot(*begin):
                self.report("F02", shot, f"{figure.name}: a rectangle needs three shots that are not on a line, or a width.")
                return
            added = [first + np.linalg.solve(matrix, [along @ (last - first), 0.0])]
        figure.vertices += [Vertex((float(place[0]), float(place[1]))) for place in added]
        figure.closed, figure.method = True, "rectangle"
        self._end(figure)

    def _circle(self, shot: int, mention: Mention, radius_ft: float) -> None:
        if radius_ft <= 0:
            self.report("F02", shot, f"{mention.figure}: a circle needs a radius above nothing.")
            return
        figure = Figure(mention.figure, mention.code, shot, True, "circle", closed=True, ended=True, radius_ft=radius_ft)
        figure.vertices, figure.words = [Vertex(self.places[shot], shot)], list(mention.words)
        self.done.append(figure)

    def _end(self, figure: Figure) -> None:
        figure.ended = True
        self._retire(figure.name)

    def _retire(self, name: str) -> None:
        if (figure := self.active.pop(name, None)) is not None:
            self.done.append(figure)


def courses_of(figure: Figure, report: Callable[[str, int, str], None]) -> tuple[list[Course], list[int]]:
    """
    The courses of a finished figure, and the vertex that each begins at.

    Parameters
    ----------
    figure : Figure
    report : callable
        Told code, shot and message of what cannot be drawn as it was meant.

    Returns
    -------
    courses : list of Course
        Empty where there is nothing to draw (one place only).
    places : list of int
        Positions in ``figure.vertices``.
    """
    if figure.method == "circle":
        return _round(figure, report)
    vertices = figure.vertices
    courses: list[Course] = []
    places: list[int] = []

    def go(course: Course, first: int, last: int) -> None:
        if course.centre is not None or course.chord_ft > 0:
            courses.append(course._replace(from_shot=vertices[first].shot, to_shot=vertices[last].shot))
            places.append(first)

    at, ended = 0, set()
    while at < len(vertices) - 1:
        last = _curve_end(vertices, at) if vertices[at].begin_curve else None
        curves = _curves(vertices, at, last) if last is not None else None
        if curves:
            for course, first, final in curves:
                go(course, first, final)
            ended.add(last)
            at = last
            continue
        if vertices[at].begin_curve:
            report("F05", vertices[at].shot, f"{figure.name}: a curve begins here, but not three shots make one; drawn straight.")
            ended.add(last)
        go(Course(vertices[at].place, vertices[at + 1].place), at, at + 1)
        at += 1
    if vertices[-1].begin_curve:
        report("F05", vertices[-1].shot, f"{figure.name}: a curve begins at the last shot.")
    for place, vertex in enumerate(vertices):
        if vertex.end_curve and place not in ended:
            report("F05", vertex.shot, f"{figure.name}: a curve ends here that began nowhere.")
    if figure.closed and len(vertices) > 2:
        go(Course(vertices[-1].place, vertices[0].place), len(vertices) - 1, 0)
    if not courses:
        report("F03", figure.shot, f"{figure.name} has one place only, so there is nothing to draw.")
    return courses, places


def _curve_end(vertices: list[Vertex], at: int) -> int | None:
    """
    Where the curve that begins at a vertex ends: at its end code, before another begins; else at the third shot, if there is one.
    """
    for place in range(at + 1, len(vertices)):
        if vertices[place].end_curve:
            return place
        if vertices[place].begin_curve:
            break
    return at + 2 if at + 2 < len(vertices) else None


def _curves(vertices: list[Vertex], first: int, last: int) -> list[tuple[Course, int, int]] | None:
    """The curve or curves over vertices `first` to `last`, each with where it begins and ends; None where they make none."""
    if last - first < 2:
        return None
    places = [vertex.place for vertex in vertices[first : last + 1]]
    if len(places) == 3:
        course = curve_through(*places)
        return [(course, first, last)] if course else None
    whole = fitted_curve(places)
    if whole is not None and whole.residual_ft <= FIT_FT:
        return [(whole, first, last)]
    made = []
    for place in range(0, len(places) - 1, 2):
        begin = min(place, len(places) - 3)
        course = curve_through(*places[begin : begin + 3])
        if begin < place:  # one shot is left over: the half of the last curve that leads to it
            course = _second_half(course, places[place])
        end = min(place + 2, len(places) - 1)
        course = course or Course(places[place], places[end])
        made.append((course, first + place, first + end))
    return made


def _second_half(course: Course | None, middle: Place) -> Course | None:
    if course is None:
        return None
    out, home = np.subtract(middle, course.centre), np.subtract(course.end, course.centre)
    turn = (np.arctan2(home[1], home[0]) - np.arctan2(out[1], out[0])) % (2 * np.pi)
    return course._replace(start=middle, sweep_rad=float(turn if course.sweep_rad > 0 else turn - 2 * np.pi))


def _round(figure: Figure, report: Callable[[str, int, str], None]) -> tuple[list[Course], list[int]]:
    """A circle: about its shot, on two shots as a diameter, or through three."""
    places = [vertex.place for vertex in figure.vertices]
    figure.closed = True
    if figure.radius_ft is not None:
        return [circle(places[0], figure.radius_ft)], [0]
    if len(places) == 2 and places[0] != places[1]:
        middle = ((places[0][0] + places[1][0]) / 2, (places[0][1] + places[1][1]) / 2)
        return [circle(middle, float(np.hypot(*np.subtract(places[1], places[0]))) / 2)], [0]
    course = curve_through(*places) if len(places) == 3 else None
    if course is None:
        report("F05", figure.shot, f"{figure.name}: a circle needs a radius, two shots, or three that are not on a line.")
        return [], []
    return [circle(course.centre, course.radius_ft)], [0]
