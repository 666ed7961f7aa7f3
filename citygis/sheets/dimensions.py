"""
Dimensions: bearing and distance along every course of a sheet, and tags with tables where there is no room for them.

What a boundary line states is printed as it was recorded; what nobody states is computed from the map and marked so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.sheets.course_tables import course_notes, curve_table, line_table
from citygis.sheets.courses import sheet_courses
from citygis.sheets.dimension_places import GAP_PT, Ground, Runs, Spots, along_courses, on_leaders, runs
from citygis.sheets.dimension_plan import UNPLACED, DimensionPlan
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.scene import Group, Paths, Texts, polylines
from citygis.sheets.table import Table

TITLE = "Dimensions"
"""What their layer in the PDF is called."""

_LEADING = 1.3
_LEAST_SEEN_PT = 9.0
_LEADER_LINE_PT = 0.3
_HALO = "#ffffff"
_HALO_PT = 0.9
"""Breaks the dashes of an easement along a lot line, between letters too, and leaves the lot line alone."""
_HALO_ON_PT = 1.2


class Dimensioned(NamedTuple):
    """
    The dimensions of a sheet.

    Parameters
    ----------
    groups : tuple of Group
        One, or none where nothing was placed.
    boxes : array of Polygon
        What they cover on the page, leaders included. No two intersect, nor any of what was taken.
    line_table, curve_table : Table or None
        What the tags on the map stand for.
    notes : tuple of str
        Basis of bearings, kind of distances, and what the marks mean.
    unplaced : DataFrame
        `UNPLACED`, one row per course in the frame that is neither dimensioned nor in a table, with the reason.
    courses : DataFrame
        All of them, as `citygis.sheets.courses.sheet_courses`, and ``tag``, empty for those dimensioned on the map.
    """

    groups: tuple[Group, ...]
    boxes: np.ndarray
    line_table: Table | None
    curve_table: Table | None
    notes: tuple[str, ...]
    unplaced: pd.DataFrame
    courses: pd.DataFrame


class _Writing:
    """Texts as they find their places."""

    def __init__(self, run: Runs, size_pt: float):
        self.run, self.size_pt = run, size_pt
        self.strings: list[str] = []
        self.points: list[np.ndarray] = []
        self.angles: list[float] = []

    def write(
        self, strings: list[str], centres: np.ndarray, course: np.ndarray, *, up_pt: float = 0.0, level: bool = False
    ) -> None:
        """Texts centred on places, `up_pt` above them."""
        if not strings:
            return
        wide, high = widths(strings, self.size_pt), font("regular").cap_height * self.size_pt
        along = np.broadcast_to((1.0, 0.0), centres.shape) if level else self.run.along[course]
        up = np.broadcast_to((0.0, 1.0), centres.shape) if level else self.run.up[course]
        self.strings += strings
        self.points.append(centres - along * (wide / 2)[:, None] + up * (up_pt - high / 2))
        self.angles += [0.0] * len(strings) if level else self.run.angle_deg[course].tolist()

    def texts(self, color: str, halo_pt: float) -> list[Texts]:
        """All of it as one batch."""
        if not self.strings:
            return []
        sizes = np.full(len(self.strings), self.size_pt)
        points = np.round(np.concatenate(self.points), 2)
        return [Texts(tuple(self.strings), points, np.array(self.angles), sizes, "regular", color, _HALO, halo_pt)]


def dimensions(
    plan: DimensionPlan, layers: Mapping[str, pd.DataFrame], frame: Frame, city: City, *, taken: np.ndarray
) -> Dimensioned:
    """
    Dimension the courses in a frame.

    Parameters
    ----------
    plan : DimensionPlan
    layers : mapping of str to GeoDataFrame
        City layers by name, in the City's CRS. Not modified.
    frame : Frame
    city : City
    taken : array of Polygon
        Page points, what no dimension may touch: labels, markers.

    Returns
    -------
    Dimensioned
        A straight course has its bearing above and its distance below it, or both on one side; a course without room for that, a
        tag. Tags are numbered from the top of the page down. The same layers give the same sheet, whatever their order.

    Raises
    ------
    SheetError
        If a layer cannot be drawn.
    """
    factor = plan.combined_factor if plan.distances == "ground" else None
    courses = sheet_courses(layers, frame, city, lines=plan.layer, areas=plan.areas, ground_factor=factor)
    courses["reason"] = _left_out(courses, plan)
    courses["tag"] = ""
    seniors = np.flatnonzero(courses["order"] == 1)
    shapes = courses["geometry"].to_numpy(dtype=object)
    # Of a line with two records both stand in the table, so that neither seems to be all there is.
    is_rivalled = plan.rivals & courses["senior"].duplicated(keep=False).to_numpy(dtype=bool)
    kind = courses["kind"].to_numpy(dtype=object)
    run = runs(shapes, np.isin(kind, ["curve", "spiral"]))
    ground = Ground(frame.box_pt, shapes[seniors], taken)
    own = seniors[(courses["reason"] == "").to_numpy(dtype=bool)[seniors]]
    batches: list[Paths | Texts] = []
    if len(own):
        words = _Words(courses, plan)
        place = _Placing(ground, run, seniors, words, plan)
        on_map = own[~is_rivalled[own] & ~np.isin(kind[own], ["spiral"] if plan.curves == "map" else ["spiral", "curve"])]
        left = np.union1d(np.setdiff1d(own, on_map), place.along(on_map))
        if plan.tables:
            tagged, tags = place.tags(left)
            courses.loc[courses.index[tagged], "tag"] = tags
            # What stands on its course breaks it.
            batches += [*place.leaders(plan.color), *place.writing_on.texts(plan.color, _HALO_ON_PT)]
            left = np.setdiff1d(left, tagged)
        batches += place.writing.texts(plan.color, _HALO_PT)
        courses.loc[courses.index[left], "reason"] = "no room"
    juniors = np.flatnonzero((courses["order"] > 1) & (courses["reason"] == ""))
    head = courses["senior"].to_numpy(dtype=int)[juniors]
    courses.loc[courses.index[juniors], "tag"] = courses["tag"].to_numpy()[head]
    courses.loc[courses.index[juniors], "reason"] = courses["reason"].to_numpy()[head]
    groups = (Group(TITLE, tuple(batches), frame.box_pt),) if batches else ()
    marks = plan.mark_basis
    notes = course_notes(
        courses, frame, city, distances=plan.distances, factor=plan.combined_factor, stated=plan.basis_of_bearings, mark_basis=marks
    )
    return Dimensioned(
        groups,
        ground.boxes,
        line_table(courses, mark_basis=marks),
        curve_table(courses, mark_basis=marks),
        notes,
        _unplaced(courses, frame),
        courses.drop(columns="reason"),
    )


def widths(strings: list[str], size_pt: float) -> np.ndarray:
    """Widths of texts of dimensions, points."""
    return font("regular").widths(strings) * size_pt


class _Words:
    """What is written along each course."""

    def __init__(self, courses: pd.DataFrame, plan: DimensionPlan):
        order = courses["order"].to_numpy(dtype=int)
        marks = [f" ({b}{n if n > 1 else ''})" if plan.mark_basis else "" for b, n in zip(courses["basis"], order, strict=True)]
        differs = (courses["basis"] != courses["bearing_basis"]).to_numpy(dtype=bool) & plan.mark_basis
        self.bearing = [
            told + (f" ({b})" if apart else "")
            for told, b, apart in zip(courses["bearing"], courses["bearing_basis"], differs, strict=True)
        ]
        self.length = [f"{told}'{mark}" for told, mark in zip(courses["length"], marks, strict=True)]
        self.radius = [f"R={told}'" for told in courses["radius"]]
        self.delta = [f"Δ={told}" for told in courses["delta"]]
        self.arc = [f"L={told}" for told in self.length]
        self.with_bearing = {"all": np.ones(len(courses), bool), "none": np.zeros(len(courses), bool)}.get(
            plan.bearings, courses["is_boundary"].to_numpy(dtype=bool)
        )
        self.is_curve = courses["kind"].isin(["curve", "spiral"]).to_numpy(dtype=bool)


class _Placing:
    """The texts of a sheet's courses, kind of place after kind of place."""

    def __init__(self, ground: Ground, run: Runs, seniors: np.ndarray, words: _Words, plan: DimensionPlan):
        self.ground, self.words, self.size = ground, words, plan.size_pt
        # The ground knows the senior courses only; from here on a course is its place among them.
        self.seniors = seniors
        self.run = Runs(*(values[seniors] for values in run))
        self.writing, self.writing_on = _Writing(self.run, plan.size_pt), _Writing(self.run, plan.size_pt)
        self.leader_lines: list[np.ndarray] = []
        self.cap = font("regular").cap_height * plan.size_pt
        self.line = _LEADING * plan.size_pt

    def along(self, rows: np.ndarray) -> np.ndarray:
        """Write what has room along its course; the rows that have none come back."""
        words = self.words
        bearing_too = rows[words.with_bearing[rows] & ~words.is_curve[rows]]
        distance_only = rows[~words.with_bearing[rows] & ~words.is_curve[rows]]
        curves = rows[words.is_curve[rows]]
        left = self._try(bearing_too, lambda row: [words.bearing[row], words.length[row]], side=0)
        for side in (1, -1):
            left = self._try(left, lambda row: [f"{words.bearing[row]}  {words.length[row]}"], side=side)
        for side in (1, -1):
            left = self._try(left, lambda row: [words.bearing[row], words.length[row]], side=side)
        for side in (1, -1):
            distance_only = self._try(distance_only, lambda row: [words.length[row]], side=side)
        for side in (1, -1):
            curves = self._try(curves, lambda row: [f"{words.radius[row]}  {words.delta[row]}", words.arc[row]], side=side)
        return np.concatenate([left, distance_only, curves])

    def tags(self, rows: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """Tag rows, beside or on their course or on a leader: those that found a place, and their tags."""
        curved = self.words.is_curve[rows]
        # Wide enough for the largest number that may come, so that it fits whichever it gets.
        widest = f"C{len(rows)}"
        own = np.searchsorted(self.seniors, rows)
        wide = np.full(len(rows), widths([widest], self.size)[0])
        stood: list[tuple[np.ndarray, Spots, bool]] = []
        open_ = np.arange(len(rows))
        for side in (1, -1, 0):
            got = [np.zeros(0, dtype=int)]
            for spots in along_courses(self.ground, self.run, own[open_], wide[open_], self.cap, side=side):
                stood.append((open_[spots.at], spots, False))
                got.append(open_[spots.at])
            open_ = np.setdiff1d(open_, np.concatenate(got))
        got = [np.zeros(0, dtype=int)]
        for spots, leaders in on_leaders(self.ground, self.run, own[open_], wide[open_], self.cap):
            stood.append((open_[spots.at], spots, True))
            self.leader_lines += list(leaders)
            got.append(open_[spots.at])
        at = np.concatenate([np.zeros(0, dtype=int), *(one for one, *_ in stood)])
        strings = _numbered(self.run.middle[own[at]], curved[at], self.line)
        begin = 0
        for one, spots, level in stood:
            writing = self.writing if spots.side else self.writing_on
            writing.write(strings[begin : begin + len(one)], spots.centres, own[one], level=level)
            begin += len(one)
        return rows[at], strings

    def leaders(self, color: str) -> list[Paths]:
        """The leaders of tags."""
        lines = [np.round(line, 2) for line in self.leader_lines]
        return [polylines(lines, stroke=color, width_pt=_LEADER_LINE_PT)] if lines else []

    def _try(self, rows: np.ndarray, lines_of, *, side: int) -> np.ndarray:
        """Write lines of text, one below the other, where they have room; the rows left over."""
        if not len(rows):
            return rows
        texts = [lines_of(row) for row in rows]
        wide = np.max([widths(list(column), self.size) for column in zip(*texts, strict=True)], axis=0)
        own = np.searchsorted(self.seniors, rows)
        count = len(texts[0])
        # Around its course a pair of lines keeps the gap on both sides of it.
        step = self.line if side else self.cap + 2 * GAP_PT
        high = self.cap + (count - 1) * step
        left = np.ones(len(rows), dtype=bool)
        for spots in along_courses(self.ground, self.run, own, wide, high, side=side):
            for n in range(count):
                up = (count - 1) * step / 2 - n * step
                self.writing.write([texts[i][n] for i in spots.at], spots.centres, own[spots.at], up_pt=up)
            left[spots.at] = False
        return rows[left]


def _numbered(points: np.ndarray, curved: np.ndarray, band_pt: float) -> list[str]:
    """Tags L1, L2 ... and C1, C2 ... in the order the page is read: in bands from the top, each from the left."""
    order = np.lexsort((points[:, 1], points[:, 0], -np.floor(points[:, 1] / band_pt)))
    tags = np.full(len(points), "", dtype=object)
    for letter, which in (("L", ~curved), ("C", curved)):
        some = order[which[order]]
        tags[some] = [f"{letter}{n}" for n in range(1, len(some) + 1)]
    return tags.tolist()


def _left_out(courses: pd.DataFrame, plan: DimensionPlan) -> list[str]:
    """Why a course is not dimensioned at all, empty where it is."""
    seen = shapely.length(courses["geometry"].to_numpy(dtype=object))
    senior = courses["line_id"].to_numpy(dtype=object)[courses["senior"].to_numpy(dtype=int)] if len(courses) else []
    whole = np.where(courses["arc_ft"].notna(), courses["arc_ft"], courses["distance_ft"]).astype(float)
    return np.select(
        [
            courses["kind"] == "natural",
            (courses["order"] > 1) & (not plan.rivals),
            whole < plan.min_length_ft,
            courses["is_cut"].astype(bool) & (seen < _LEAST_SEEN_PT),
        ],
        [
            "a natural boundary",
            [f"a junior record of {name}" for name in senior],
            f"shorter than {plan.min_length_ft:g} ft",
            "cut by the frame",
        ],
        "",
    ).tolist()


def _unplaced(courses: pd.DataFrame, frame: Frame) -> pd.DataFrame:
    left = courses[courses["reason"] != ""]
    middle = shapely.line_interpolate_point(left["geometry"].to_numpy(dtype=object), 0.5, normalized=True)
    ground = frame.to_ground(shapely.get_coordinates(middle).reshape(-1, 2))
    return left.assign(easting=ground[:, 0], northing=ground[:, 1]).reindex(columns=list(UNPLACED)).reset_index(drop=True)
