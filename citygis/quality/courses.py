"""
Rules on what the record states of a boundary: areas (T22), closures (T23), residuals of courses (T24), arcs (T25).
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.cogo import closures, parse_angle
from citygis.quality.accuracy import accuracy_ft
from citygis.quality.columns import numbers, texts
from citygis.quality.fabric import NotJudged
from citygis.quality.shapes import exempt
from citygis.quality.subject import Subject, finding, no_findings
from citygis.units import SQFT_PER_ACRE

_SQFT = {"SQFT": 1.0, "ACRE": SQFT_PER_ACRE}
_SECOND = np.pi / 180 / 3600
_LOOP_FT = 0.1  # courses that fail to come back by more than this on the map are not all there
_RADIAL_TO_AREA = 0.4


class Courses(NamedTuple):
    """
    The courses of a boundary_line layer that hold today and are drawn as one line each.

    Attributes
    ----------
    row : (n,) array of int
        Position in the layer.
    azimuth_deg, distance_ft, radius_ft, arc_ft, delta_deg : (n,) arrays of float
        As stated; NaN where it is not.
    scale : (n,) array of float
        Geometry over record; 1 where it is not stated.
    side : (n,) array of str
        ``L``, ``R`` or empty.
    kind : (n,) array of str
    left, right : (n,) arrays of str
        ``global_id`` of the parcels beside it, in lower case; empty for none.
    chord : (n, 2) array of float
        Easting and northing from the first to the last vertex.
    bulge_sqft : (n,) array of float
        Area between the drawn line and its chord, positive where the line turns to the right.
    drawn_ft : (n,) array of float
        Length of the drawn line.
    is_bent : (n,) array of bool
        Whether it has a vertex between its ends.
    """

    row: np.ndarray
    azimuth_deg: np.ndarray
    distance_ft: np.ndarray
    radius_ft: np.ndarray
    arc_ft: np.ndarray
    delta_deg: np.ndarray
    scale: np.ndarray
    side: np.ndarray
    kind: np.ndarray
    left: np.ndarray
    right: np.ndarray
    chord: np.ndarray
    bulge_sqft: np.ndarray
    drawn_ft: np.ndarray
    is_bent: np.ndarray

    @property
    def chord_ft(self) -> np.ndarray:
        """Length of the chord of each."""
        return np.hypot(*self.chord.T)


def course_findings(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    What the rules on records find in the parcels and boundary lines that are given.

    Parameters
    ----------
    subjects : mapping of name to Subject
        In feet; ``parcel`` and ``boundary_line`` are looked at, with the columns they have.
    city : City
        Whose accuracy classes hold.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`.
    """
    lines, parcels = subjects.get("boundary_line"), subjects.get("parcel")
    courses = courses_of(lines) if lines is not None and len(lines.frame) else None
    sound = np.zeros(0, dtype=bool)
    if courses is not None:
        residual, unlike = _residuals(lines, courses)
        arcs, sound = _arcs(lines, courses, unlike)
        yield residual
        yield from arcs
    if parcels is not None and len(parcels.frame):
        yield _areas(parcels, courses, sound, city)
        yield _closures(parcels, courses)


def course_not_judged(subjects: Mapping[str, Subject]) -> list[NotJudged]:
    """The rules on records that need a layer or a column which is not there."""
    left = []
    parcels, lines = subjects.get("parcel"), subjects.get("boundary_line")
    if parcels is not None:
        if "stated_area" not in parcels.frame:
            left.append(NotJudged("T22", parcels.name, "needs the column stated_area"))
        if lines is None and not {"misclose_ft", "misclose_ratio"} & set(parcels.frame):
            left.append(
                NotJudged("T23", parcels.name, "needs the layer boundary_line, or the column misclose_ft or misclose_ratio")
            )
    if lines is not None:
        wanted = {"T24": ("direction_az", "distance_ft"), "T25": ("radius_ft",)}
        for code, columns in wanted.items():
            absent = [name for name in columns if name not in lines.frame]
            if absent:
                left.append(NotJudged(code, lines.name, f"needs the columns {' and '.join(absent)}"))
    return left


def courses_of(lines: Subject) -> Courses:
    """The courses of a boundary_line layer; what is retired, null, empty, not finite or in several parts is left out."""
    held = lines.current & (shapely.get_type_id(lines.place) == 1)
    row = np.flatnonzero(held)
    place = shapely.force_2d(lines.place[row])
    start, end = (shapely.get_coordinates(shapely.get_point(place, k)).reshape(-1, 2) for k in (0, -1))
    coordinates, owner = shapely.get_coordinates(place, return_index=True)
    local = coordinates - start[owner]
    follows = owner[1:] == owner[:-1]
    # From the start the closing chord adds nothing to the sum of cross products.
    twice = (local[1:, 0] * local[:-1, 1] - local[1:, 1] * local[:-1, 0])[follows]
    bulge = np.bincount(owner[1:][follows], twice, minlength=len(row)) / 2
    text = {name: texts(lines.frame, name)[row] for name in ("curve_side", "line_kind", "left_parcel", "right_parcel")}
    scale = numbers(lines.frame, "scale")[row]
    return Courses(
        row,
        *(numbers(lines.frame, name)[row] for name in ("direction_az", "distance_ft", "radius_ft", "arc_length_ft")),
        _angles(lines.frame, row),
        np.where(scale > 0, scale, 1.0),
        *(pd.Series(text[name]).str.upper().to_numpy(dtype=object) for name in ("curve_side", "line_kind")),
        *(pd.Series(text[name]).str.lower().to_numpy(dtype=object) for name in ("left_parcel", "right_parcel")),
        end - start,
        bulge,
        shapely.length(place),
        shapely.get_num_points(place) > 2,
    )


def area_error_sqft(accuracy_ft: np.ndarray, perimeter_ft: np.ndarray) -> np.ndarray:
    """
    How far an area may be off, 19 times in 20, when each corner is known to an accuracy.

    Parameters
    ----------
    accuracy_ft : array of float
        Horizontal, at 95 %, of each corner.
    perimeter_ft : array of float

    Notes
    -----
    The variance of an area by coordinates is a quarter of the sum, over the corners, of the square of the distance between the
    two corners beside, times the variance of a coordinate (Ghilani, Adjustment Computations, 6th ed., chapter 6: propagation
    through the area formula). For a rectangle that is sigma times the diagonal, which is less than half the perimeter; with
    1.96 sigma for the area and 2.4477 sigma for a place (FGDC-STD-007.3), 0.4 times accuracy times perimeter bounds it.
    """
    return _RADIAL_TO_AREA * np.nan_to_num(accuracy_ft) * perimeter_ft


def _areas(parcels: Subject, courses: Courses | None, sound: np.ndarray, city: City) -> pd.DataFrame:
    far, off = parcels.rule("T22", "stated_area_far_off"), parcels.rule("T22", "stated_area")
    frame = parcels.frame
    if "stated_area" not in frame:
        return no_findings()
    unit = pd.Series(texts(frame, "stated_area_unit")).str.upper()
    size = unit.map(_SQFT).to_numpy(dtype=float)
    figure = numbers(frame, "stated_area")
    stated = figure * size
    drawn = shapely.area(parcels.place) + (_added_back(parcels, courses, sound) if courses is not None else 0.0)
    judged = parcels.current & ~exempt(parcels) & (shapely.get_dimensions(parcels.place) == 2) & (stated > 0)
    judged &= shapely.is_valid(parcels.place)  # the area of a bowtie says nothing
    apart = np.abs(drawn - stated)
    known_ft = np.where(
        numbers(frame, "h_accuracy_ft") > 0, accuracy_ft(frame, city), 0.0
    )  # what its method is good for hides nothing
    slack = np.fmax(area_error_sqft(known_ft, shapely.length(parcels.place)), _rounding(figure, size))
    allowed = {each.name: np.fmax(np.fmax(each.tolerance, each.limit * stated), slack) for each in (far, off)}
    with np.errstate(invalid="ignore"):
        is_far = judged & (apart > allowed[far.name]) & (far.off is None)
        is_off = judged & (apart > allowed[off.name]) & ~is_far
    found = []
    for each, told in ((far, is_far), (off, is_off)):
        rows = np.flatnonzero(told)
        message = [
            f"{parcels.feature[k]} covers {drawn[k]:,.1f} sq ft; the record says {figure[k]:g} {unit[k].lower()}"
            f"{'' if size[k] == 1 else f' ({stated[k]:,.1f} sq ft)'}. They differ by {apart[k]:,.1f} sq ft, "
            f"{apart[k] / stated[k]:.2%}; allowed are {allowed[each.name][k]:,.1f} sq ft."
            for k in rows
        ]
        measured = {"measure": apart[rows], "unit": "sq ft", "tolerance": allowed[each.name][rows]}
        found.append(finding(parcels, "T22", each.name, rows, message, **measured))
    return pd.concat(found, ignore_index=True)


def _added_back(parcels: Subject, courses: Courses, sound: np.ndarray) -> np.ndarray:
    """What arcs enclose beyond the lines that stand for them, for each parcel; arcs that contradict themselves give nothing."""
    at = np.flatnonzero(sound)
    radius, chord = courses.radius_ft[at] * courses.scale[at], courses.chord_ft[at]
    delta = _delta(courses, chord / courses.scale[at], at)
    segment = radius**2 * (delta - np.sin(delta)) / 2
    hand = np.where(_right(courses)[at], 1.0, -1.0)
    more = hand * segment - courses.bulge_sqft[at]
    place = _places(parcels)
    added = np.zeros(len(parcels.frame) + 1)
    np.add.at(added, place(courses.right[at]), more)
    np.add.at(added, place(courses.left[at]), -more)
    return added[:-1]


def _rounding(figure: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Half a unit of the last digit of a figure in acres, in square feet: 0.35 acre may be 218 sq ft more or less."""
    acres = np.flatnonzero((size == SQFT_PER_ACRE) & np.isfinite(figure))
    half = np.zeros(len(figure))
    digits = np.full(len(acres), 4)
    for count in (3, 2):
        digits[np.abs(figure[acres] - np.round(figure[acres], count)) < 1e-9] = count
    half[acres] = 0.5 * 10.0**-digits * size[acres]
    return half


def _closures(parcels: Subject, courses: Courses | None) -> pd.DataFrame:
    n = len(parcels.frame)
    perimeter = shapely.length(parcels.place)
    ratio, off_ft = numbers(parcels.frame, "misclose_ratio"), numbers(parcels.frame, "misclose_ft")
    with np.errstate(divide="ignore", invalid="ignore"):
        off_ft = np.where(ratio > 0, np.fmax(off_ft, perimeter / ratio), off_ft)
        ratio = np.fmin(np.where(ratio > 0, ratio, np.inf), np.where(off_ft > 0, perimeter / off_ft, np.inf))
    calculated = np.zeros(n, dtype=bool)
    if courses is not None:
        closed_ratio, closed_ft, calculated = _computed_closures(parcels, courses)
        worse = closed_ratio < ratio
        ratio, off_ft = np.where(worse, closed_ratio, ratio), np.where(worse, closed_ft, off_ft)
    found = []
    for name, whose in (("record_closure", ~calculated), ("calculated_closure", calculated)):
        each = parcels.rule("T23", name)
        rows = np.flatnonzero(parcels.current & whose & (ratio < each.limit) & (off_ft > each.tolerance))
        message = [
            f"The courses of {parcels.feature[k]} fail to close by {off_ft[k]:,.3f} ft, 1:{ratio[k]:,.0f}; "
            f"they must close to 1:{each.limit:,.0f} (or {each.tolerance:g} ft)."
            for k in rows
        ]
        measured = {"measure": off_ft[rows], "unit": "ft", "tolerance": np.fmax(perimeter[rows] / each.limit, each.tolerance)}
        found.append(finding(parcels, "T23", name, rows, message, **measured))
    return pd.concat(found, ignore_index=True)


def _computed_closures(parcels: Subject, courses: Courses) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each parcel the closure ratio, the misclosure, and whether its courses are calculated; infinite, NaN where not known."""
    n = len(parcels.frame)
    place = _places(parcels)
    at = np.tile(np.arange(len(courses.row)), 2)
    parcel = np.concatenate([place(courses.right), place(courses.left)])
    sign = np.repeat([1.0, -1.0], len(courses.row))  # with the parcel on the right the loop is walked clockwise
    at, parcel, sign = at[parcel < n], parcel[parcel < n], sign[parcel < n]
    drawn = np.stack([np.bincount(parcel, sign * courses.chord[at, k], minlength=n) for k in (0, 1)], axis=1)
    around = np.bincount(parcel, courses.drawn_ft[at], minlength=n)
    stated = np.isfinite(courses.azimuth_deg) & np.isfinite(courses.distance_ft) & (courses.kind != "NATURAL")
    open_ = np.bincount(parcel, ~stated[at], minlength=n) > 0
    with np.errstate(invalid="ignore"):
        whole = np.abs(around - shapely.length(parcels.place)) <= np.fmax(1.0, 0.001 * around)
        whole &= (np.hypot(*drawn.T) <= _LOOP_FT) & ~open_ & (around > 0)
    keep = whole[parcel]
    at, parcel, sign = at[keep], parcel[keep], sign[keep]
    ratio, off_ft = np.full(n, np.inf), np.full(n, np.nan)
    calculated = np.bincount(parcel, courses.kind[at] != "CALCULATED", minlength=n) == 0
    calculated &= whole
    if len(at):
        loop, number = np.unique(parcel, return_inverse=True)
        azimuth = courses.azimuth_deg[at] + np.where(sign > 0, 0.0, 180.0)
        length = np.where(np.isfinite(courses.arc_ft[at]), courses.arc_ft[at], courses.distance_ft[at])
        closed = closures(number, azimuth, courses.distance_ft[at], length)
        ratio[loop], off_ft[loop] = closed.closure_ratio, closed.misclosure_ft
    return ratio, off_ft, calculated


def _residuals(lines: Subject, courses: Courses) -> tuple[pd.DataFrame, np.ndarray]:
    """T24, and which courses are told."""
    each = lines.rule("T24")
    azimuth, length = np.radians(courses.azimuth_deg), courses.distance_ft * courses.scale
    along = np.stack([np.sin(azimuth), np.cos(azimuth)], axis=1) * length[:, None]
    directed = np.isfinite(azimuth)
    off = np.where(directed, np.hypot(*(along - courses.chord).T), np.abs(length - courses.chord_ft))
    backwards = np.hypot(*(along + courses.chord).T)
    by_length = length - courses.chord_ft
    said_ft, said_s = (numbers(lines.frame, name)[courses.row] for name in ("residual_dist_ft", "residual_dir_sec"))
    across = np.nan_to_num(said_s) * _SECOND * courses.chord_ft
    off = np.where(np.isfinite(off), off, np.hypot(np.where(np.isnan(said_ft) & ~np.isnan(said_s), 0.0, said_ft), across))
    allowed = np.fmax(each.tolerance, np.where(np.isfinite(length), length, courses.chord_ft) / each.limit)
    with np.errstate(invalid="ignore"):
        told = np.flatnonzero((off > allowed) & (courses.kind != "NATURAL"))
        turned = directed & (backwards <= allowed)
    message = [
        f"The record of {lines.feature[courses.row[k]]} runs against the way it is drawn."
        if turned[k]
        else f"{lines.feature[courses.row[k]]} ends {off[k]:,.2f} ft from where its record leads"
        + (f" ({by_length[k]:+,.2f} ft in length)" if np.isfinite(by_length[k]) else "")
        + f"; allowed are {allowed[k]:,.2f} ft."
        for k in told
    ]
    measured = {"measure": off[told], "unit": "ft", "tolerance": allowed[told]}
    found = finding(lines, "T24", each.name, courses.row[told], message, **measured)
    is_told = np.zeros(len(courses.row), dtype=bool)
    is_told[told] = True
    return found, is_told


def _arcs(lines: Subject, courses: Courses, unlike: np.ndarray) -> tuple[list[pd.DataFrame], np.ndarray]:
    """T25, and which arcs agree with themselves. A chord that only its place is wrong for (T24) is not told again."""
    each, sided = lines.rule("T25", "arc_chord"), lines.rule("T25", "arc_side")
    radius, chord = courses.radius_ft, courses.chord_ft / courses.scale
    curved = (radius > 0) & ~np.isfinite(numbers(lines.frame, "radius2_ft")[courses.row])  # a spiral's chord is another matter
    with np.errstate(invalid="ignore", divide="ignore"):
        by_arc = 2 * radius * np.sin(courses.arc_ft / radius / 2)
        half = np.radians(courses.delta_deg) / 2
        by_delta = 2 * radius * np.sin(half)
        rounded = radius * np.abs(np.cos(half)) * 0.5 * _SECOND  # an angle is stated to the second
        off_delta = np.fmax(np.abs(chord - by_delta) - rounded, 0.0)
        off = np.fmax(np.fmax(np.abs(chord - by_arc), off_delta), chord - 2 * radius)
        misplaced = unlike & (
            np.fmax(np.abs(courses.distance_ft - by_arc), np.abs(courses.distance_ft - by_delta)) <= each.tolerance
        )
        bad = curved & (off > each.tolerance) & ~misplaced
        minor = np.fmin(courses.arc_ft, chord) > 0
    told = np.flatnonzero(bad)
    follows = np.where(np.abs(chord - by_arc) >= np.nan_to_num(off_delta), by_arc, by_delta)
    message = [
        f"The chord of {lines.feature[courses.row[k]]} is {chord[k]:,.3f} ft; from its radius of {radius[k]:,.2f} ft "
        + (
            f"and its angle follow {follows[k]:,.3f} ft"
            if np.isfinite(follows[k])
            else f"it can be {2 * radius[k]:,.3f} ft at most"
        )
        + f" (tolerance {each.tolerance:g} ft)."
        for k in told
    ]
    measured = {"measure": off[told], "unit": "ft", "tolerance": each.tolerance}
    chords = finding(lines, "T25", each.name, courses.row[told], message, **measured)
    seen = curved & courses.is_bent & (np.abs(courses.bulge_sqft) > 1e-3) & (courses.side != "") & minor
    wrong = seen & ((courses.side == "R") != (courses.bulge_sqft > 0))
    told = np.flatnonzero(wrong)
    words = {"L": "left", "R": "right"}
    message = [
        f"{lines.feature[courses.row[k]]} curves to the {words.get(courses.side[k], courses.side[k])} on record, "
        f"and is drawn to the {'right' if courses.bulge_sqft[k] > 0 else 'left'}."
        for k in told
    ]
    sides = finding(lines, "T25", sided.name, courses.row[told], message)
    return [chords, sides], curved & ~bad & ~wrong & np.isfinite(chord) & (chord > 0)


def _delta(courses: Courses, chord_ft: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The central angle of arcs, radians: from the arc length, else as stated, else the smaller one of the chord."""
    with np.errstate(invalid="ignore"):
        of_chord = 2 * np.arcsin(np.clip(chord_ft / (2 * courses.radius_ft[at]), 0, 1))
    stated = np.radians(courses.delta_deg[at])
    return np.where(
        np.isfinite(courses.arc_ft[at]), courses.arc_ft[at] / courses.radius_ft[at], np.where(np.isfinite(stated), stated, of_chord)
    )


def _right(courses: Courses) -> np.ndarray:
    """Whether an arc turns to the right: as stated, else as drawn."""
    return np.where(courses.side == "", courses.bulge_sqft > 0, courses.side == "R")


def _places(parcels: Subject):
    """A function from ids to positions in the parcels; the number of parcels for none."""
    ids = pd.Index(texts(parcels.frame, "global_id"), dtype=object).str.lower()
    held = np.flatnonzero(parcels.current & (ids != "") & ~ids.duplicated())
    known = pd.Series(held, index=ids[held])
    return lambda wanted: pd.Series(wanted).map(known).fillna(len(parcels.frame)).to_numpy(dtype=int)


def _angles(frame: pd.DataFrame, row: np.ndarray) -> np.ndarray:
    """``delta_dms`` in degrees, NaN where it cannot be read."""
    text = texts(frame, "delta_dms")[row]
    known = {each: _angle(each) for each in set(text)}
    return np.array([known[each] for each in text], dtype=float)


def _angle(text: str) -> float:
    try:
        return float(parse_angle(text)) if text else np.nan
    except ValueError:
        return np.nan
