"""
The outline of land as courses: true curves found in its vertices, numbers of record where a boundary line states them, and the
lines of others that it runs along.

Travelled clockwise, the land on the right. A course ends where the outline turns a corner, a curve begins or ends, or the line
that it runs along changes.
"""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.analysis.record_courses import (
    ALONG_FT,
    NODE_FT,
    RECORD_FT,
    RECORD_SHARE,
    Stated,
    curve_of_record,
    curves_along,
    line_of_record,
    stated_near,
)
from citygis.cogo import Arc, Course, arc_through, azimuth_between, course_between, line_course

STRAIGHT_FT = 0.01
"""Vertices that leave a straight course by no more stand within it."""

_ARC_FT = 0.01
_LEAST_BULGE_FT = 0.03
_MOST = 0.8
_CHORD_SAGITTA_FT = 0.03
_LARGEST_STEP_DEG = 40.0
_LARGEST_DELTA_DEG = 330.0
_EIGHT = ("northerly", "northeasterly", "easterly", "southeasterly", "southerly", "southwesterly", "westerly", "northwesterly")


class Adjoiner(NamedTuple):
    """
    A line that an outline may run along.

    Parameters
    ----------
    line : geometry
        Its linework.
    words : str
        How a description calls it; ``{side}`` becomes northerly, easterly ..., the side of `ground` that it bounds.
    ground : Polygon, MultiPolygon or None
        What it bounds, where `words` tells a side.
    kind : str
        Such as ``city_limit``.
    """

    line: shapely.Geometry
    words: str
    ground: shapely.Geometry | None = None
    kind: str = ""


class Boundary(NamedTuple):
    """
    One ring as courses.

    Parameters
    ----------
    courses : tuple of Course, n
        Closed, clockwise; ``RECORD`` where boundary lines state their numbers, else ``CALCULATED``.
    places : array (n + 1, 2)
        Where each begins, and the first again.
    calls : tuple of str
        The line each runs along, in words; empty where none.
    kinds : tuple of str
        The kind of that line.
    sources : tuple of str
        The boundary lines whose numbers each carries, by ``line_id``.
    """

    courses: tuple[Course, ...]
    places: np.ndarray
    calls: tuple[str, ...]
    kinds: tuple[str, ...]
    sources: tuple[str, ...]

    def beginning_at(self, n: int) -> "Boundary":
        """The same ring from its course `n` on."""
        places = np.vstack([self.places[n:-1], self.places[: n + 1]])
        turned = (tuple(each[n:]) + tuple(each[:n]) for each in (self.courses, self.calls, self.kinds, self.sources))
        courses, calls, kinds, sources = turned
        return Boundary(courses, places, calls, kinds, sources)


def boundary_of(ring: np.ndarray, *, adjoiners: Sequence[Adjoiner] = (), lines: gpd.GeoDataFrame | None = None) -> Boundary:
    """
    The courses of a ring.

    Parameters
    ----------
    ring : array (n, 2)
        Easting and northing in feet, closed or not, in either direction.
    adjoiners : sequence of Adjoiner
        The first that an edge runs along is named.
    lines : GeoDataFrame, optional
        Layer ``boundary_line``: ``line_id, direction_az, distance_ft, radius_ft, arc_length_ft, curve_side``, as far as there
        ``line_kind, is_ground, scale``. Ground lengths are brought to the grid by ``scale``; connections are passed over.

    Returns
    -------
    Boundary
        Begins at the sharpest corner.

    Raises
    ------
    ValueError
        If the ring has no area.
    """
    points = _clean(ring)
    points = _with_nodes(points, adjoiners)
    called = _called(points, adjoiners)
    stated = stated_near(lines, points)
    arcs = curves_along(points, stated)
    first = int(np.argmax(np.abs(_turns(points))))
    points, called = np.roll(points, -first, axis=0), np.roll(called, -first)
    n = len(points)
    arcs = {(begin - first) % n: ((end - first) % n or n, row) for begin, (end, row) in arcs.items()}
    arcs = _apart(arcs)
    closed = np.vstack([points, points[:1]])
    _settle(called, closed, arcs)
    breaks = {0, n, *(int(k) for k in np.flatnonzero(called != np.roll(called, 1)))}
    for begin, (end, _) in arcs.items():
        breaks -= set(range(begin + 1, end))
        breaks |= {begin, end}
    stretches = sorted(breaks)
    pieces: list[tuple[int, int, Arc | None, int | None]] = []
    for begin, end in itertools.pairwise(stretches):
        if begin in arcs:
            pieces.append((begin, end, None, arcs[begin][1]))
        else:
            pieces += [(begin + a, begin + b, arc, None) for a, b, arc in _pieces(closed[begin : end + 1])]
    pieces = _joined(pieces, closed, called, stated)
    courses, calls, kinds, sources = [], [], [], []
    for begin, end, arc, rows in pieces:
        course, source = _course(closed[begin], closed[end], arc, rows, stated)
        courses.append(course)
        sources.append(source)
        calls.append(_words(adjoiners, int(called[begin]), closed[begin : end + 1]))
        kinds.append(adjoiners[called[begin]].kind if called[begin] >= 0 else "")
    places = np.vstack([closed[[begin for begin, *_ in pieces]], closed[:1]])
    return Boundary(tuple(courses), places, tuple(calls), tuple(kinds), tuple(sources))


def _clean(ring: np.ndarray) -> np.ndarray:
    """The vertices of a ring, clockwise, open, none twice in a row."""
    points = np.asarray(ring, dtype=float)
    points = points[np.append(True, np.hypot(*np.diff(points, axis=0).T) > 1e-3)]
    if len(points) > 1 and np.hypot(*(points[0] - points[-1])) <= 1e-3:
        points = points[:-1]
    if len(points) < 3:
        raise ValueError(f"Invalid ring of {len(points)} vertices. Must enclose ground.")
    e, n = (points - points[0]).T
    area = float(np.sum(e * np.roll(n, -1) - np.roll(e, -1) * n)) / 2
    if abs(area) < 1e-6:
        raise ValueError("Invalid ring without area. Must enclose ground.")
    return points[::-1].copy() if area > 0 else points


def _with_nodes(points: np.ndarray, adjoiners: Sequence[Adjoiner]) -> np.ndarray:
    """The ring with a vertex where a vertex of an adjoiner's line stands on an edge of it."""
    if not adjoiners:
        return points
    nodes = np.unique(np.vstack([shapely.get_coordinates(each.line) for each in adjoiners]), axis=0)
    ring = shapely.LinearRing(points)
    near = shapely.points(nodes[shapely.dwithin(shapely.points(nodes), ring, ALONG_FT)])
    taken = shapely.distance(near, shapely.MultiPoint(points)) <= ALONG_FT
    at = np.unique(shapely.line_locate_point(ring, near[~taken]).round(6))
    if not len(at):
        return points
    new = shapely.get_coordinates(shapely.line_interpolate_point(ring, at))
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(np.vstack([points, points[:1]]), axis=0).T)))[:-1]
    return np.vstack([points, new])[np.argsort(np.append(along, at), kind="stable")]


def _called(points: np.ndarray, adjoiners: Sequence[Adjoiner]) -> np.ndarray:
    """For the edge after each vertex, the first adjoiner that it runs along, or -1."""
    after = np.roll(points, -1, axis=0)
    called = np.full(len(points), -1)
    for k in range(len(adjoiners) - 1, -1, -1):
        along = np.ones(len(points), dtype=bool)
        for share in (0.02, 0.25, 0.5, 0.75, 0.98):
            along &= shapely.dwithin(shapely.points(points + share * (after - points)), adjoiners[k].line, ALONG_FT)
        called[along] = k
    return called


def _apart(arcs: dict[int, tuple[int, int]]) -> dict[int, tuple[int, int]]:
    """Those curves that neither pass the beginning of the ring nor lie over one before them."""
    kept: dict[int, tuple[int, int]] = {}
    free = 0
    for begin in sorted(arcs):
        if free <= begin < arcs[begin][0]:
            kept[begin] = arcs[begin]
            free = arcs[begin][0]
    return kept


def _settle(called: np.ndarray, closed: np.ndarray, arcs: dict[int, tuple[int, int]]) -> None:
    """
    Give each curve one line that it runs along, in place.

    A curve that leaves a line along its tangent stays near it for a little. What most of it runs along counts: of a curve of record
    always, of one found in the drawing where that is `_MOST` of it; else it is cut.
    """
    length = np.hypot(*np.diff(closed, axis=0).T)
    marks = sorted({0, len(called), *arcs, *(end for end, _ in arcs.values())})
    spans = [(begin, end, 0.0) for begin, (end, _) in arcs.items()]
    for first, last in itertools.pairwise(marks):
        if first not in arcs:
            spans += [(first + a, first + b, _MOST) for a, b, arc in _pieces(closed[first : last + 1]) if arc is not None]
    for begin, end, least in spans:
        along, held = called[begin:end], length[begin:end]
        most = max(set(along.tolist()), key=lambda k: (held[along == k].sum(), k))
        if held[along == most].sum() >= least * held.sum():
            called[begin:end] = most


def _pieces(points: np.ndarray) -> list[tuple[int, int, Arc | None]]:
    """A stretch of vertices as arcs and straight lines: first and last vertex of each."""
    out: list[tuple[int, int, Arc | None]] = []
    begin = at = 0
    while at < len(points) - 1:
        end, arc = _arc_from(points, at)
        if arc is None:
            at += 1
            continue
        out += _lines(points, begin, at)
        out.append((at, end, arc))
        begin = at = end
    return out + _lines(points, begin, len(points) - 1)


def _lines(points: np.ndarray, begin: int, end: int) -> list[tuple[int, int, None]]:
    if begin >= end:
        return []
    kept = shapely.get_coordinates(shapely.simplify(shapely.LineString(points[begin : end + 1]), STRAIGHT_FT))
    at = begin + np.flatnonzero((points[begin : end + 1, None] == kept[None]).all(axis=2).any(axis=1))
    return [(int(a), int(b), None) for a, b in itertools.pairwise(at)]


def _arc_from(points: np.ndarray, at: int) -> tuple[int, Arc | None]:
    """The longest arc of three edges or more that begins at a vertex, and the vertex where it ends."""
    found, end = None, at + 3
    while end < len(points):
        some = points[at : end + 1]
        step = np.diff(some, axis=0)
        length = np.hypot(*step.T)
        turned = np.diff(np.unwrap(np.arctan2(step[:, 0], step[:, 1])))
        if (np.abs(turned) > np.radians(_LARGEST_STEP_DEG)).any() or len(np.unique(np.sign(turned))) > 1 or not turned.all():
            break
        try:
            arc = arc_through(some[0], some[len(some) // 2], some[-1])
        except ValueError:
            break
        off = np.abs(np.hypot(*(some - arc.center).T) - arc.radius_ft)
        # Chords of a drawn arc hug it; those of a figure with corners do not.
        sagitta = length**2 / (8 * arc.radius_ft)
        if off.max() > _ARC_FT or sagitta.max() > _CHORD_SAGITTA_FT or arc.delta_deg > _LARGEST_DELTA_DEG:
            break
        bulge = arc.radius_ft * (1 - math.cos(math.radians(arc.delta_deg) / 2))
        found, end = (arc if bulge > _LEAST_BULGE_FT else None), end + 1
    return end - 1, found


def _joined(pieces: list, closed: np.ndarray, called: np.ndarray, stated: Stated | None) -> list:
    """Curves of record that continue each other along one circle, and along the same line of others, as one."""
    out: list = []
    for begin, end, arc, row in pieces:
        before = out[-1] if out else None
        if row is not None and before is not None and before[3] and called[before[0]] == called[begin]:
            some = closed[before[0] : end + 1]
            same = abs(stated.radius[before[3][0]] - stated.radius[row]) <= NODE_FT
            if same and _on_one_circle(some, stated.radius[row], closed[begin]):
                out[-1] = (before[0], end, None, (*before[3], row))
                continue
        out.append((begin, end, arc, () if row is None else (row,)))
    return out


def _on_one_circle(points: np.ndarray, radius_ft: float, middle: np.ndarray) -> bool:
    try:
        arc = arc_through(points[0], middle, points[-1])
    except ValueError:
        return False
    if arc.delta_deg > _LARGEST_DELTA_DEG or abs(arc.radius_ft - radius_ft) > max(RECORD_FT, RECORD_SHARE * radius_ft):
        return False
    return bool(np.abs(np.hypot(*(points - arc.center).T) - arc.radius_ft).max() <= NODE_FT)


def _course(
    begin: np.ndarray, end: np.ndarray, arc: Arc | None, rows: tuple[int, ...], stated: Stated | None
) -> tuple[Course, str]:
    """The course between two corners, and the boundary lines whose numbers it carries."""
    drawn = math.dist(begin, end)
    azimuth = float(azimuth_between(begin, end))
    if rows:
        return curve_of_record(begin, end, rows, stated)
    if arc is not None:
        return course_between(begin, end, hand=arc.hand, center=arc.center, major=arc.delta_deg > 180), ""
    found = line_of_record(begin, end, azimuth, drawn, stated)
    if found is not None:
        record_azimuth, record_distance, names = found
        return line_course(record_azimuth, record_distance, basis="RECORD", text=names), names
    return line_course(azimuth, drawn, basis="CALCULATED"), ""


def _turns(points: np.ndarray) -> np.ndarray:
    """The turn at each vertex of an open ring, degrees."""
    into = azimuth_between(np.roll(points, 1, axis=0), points)
    return (np.roll(into, -1) - into + 180) % 360 - 180


def side_word(path: np.ndarray, ground: shapely.Geometry) -> str:
    """
    Which side of some ground a line bounds: northerly, easterly ...

    Parameters
    ----------
    path : array (n, 2)
        Along the line.
    ground : Polygon or MultiPolygon
    """
    k = (len(path) - 1) // 2
    step, middle = path[k + 1] - path[k], (path[k + 1] + path[k]) / 2
    across = np.array([step[1], -step[0]]) / math.hypot(*step)
    right, left = (shapely.distance(shapely.Point(middle + sign * 0.5 * across), ground) for sign in (1.0, -1.0))
    chord = path[-1] - path[0]
    outward = np.array([chord[1], -chord[0]]) * (-1 if right < left else 1)
    return compass_word(math.degrees(math.atan2(*outward)))


def compass_word(azimuth_deg: float) -> str:
    """One of eight: northerly, northeasterly, ..."""
    return _EIGHT[round(azimuth_deg % 360 / 45) % 8]


def _words(adjoiners: Sequence[Adjoiner], k: int, points: np.ndarray) -> str:
    if k < 0:
        return ""
    each = adjoiners[k]
    if "{side}" not in each.words:
        return each.words
    return each.words.format(side=side_word(points, each.ground))
