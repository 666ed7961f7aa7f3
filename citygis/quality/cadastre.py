"""
Rules between parcels, the courses that bound them and their corners: T03 to T06, T27 and T28.
"""

from collections.abc import Iterator, Mapping
from functools import partial

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import topology
from citygis.city import City
from citygis.quality.checks import Check, one_of, placed
from citygis.quality.shapes import exempt
from citygis.quality.subject import Subject, finding, finding_on_layer

FROM_COURSES = ("COGO", "CAD", "LANDXML")
"""Methods whose parcels were made from courses: each of their boundaries must have one."""

CONNECTION = ("CONNECTION",)
"""The kind of line that ties a boundary to a monument and bounds nothing itself."""

ALONG_FT = 0.02
"""Courses that lie along each other for this long meet there by running over each other, not by crossing."""


def _boundaries(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T03: stretches of parcel boundary that no course follows, each once for the two parcels that share it."""
    about, line = subjects["parcel"], subjects["boundary_line"]
    rule = about.rule("T03")
    rows = np.intersect1d(placed(about, city), np.flatnonzero(~exempt(about)))
    courses = line.shapes.iloc[placed(line, city)]
    bare = topology.uncovered_stretches(about.shapes.iloc[rows], courses, tolerance_ft=rule.tolerance)
    long, feature = bare["length_ft"].to_numpy(), bare["feature"].to_numpy(dtype=int)
    around = shapely.length(about.place[rows])
    without = np.bincount(feature, weights=long, minlength=len(rows)) > 0.999 * around
    drawn = one_of(about, "method", FROM_COURSES)[rows]
    untold = without & ~drawn
    if untold.any():
        message = (
            f"{untold.sum():,} of {len(rows):,} parcels have no course along their boundary, and do not say that they were made "
            "from courses. Whether courses bound them is not judged."
        )
        yield finding_on_layer(about, "T03", "no_boundary_lines", message)
    keep = ~untold[feature]
    shape, feature, long, away = (
        each[keep] for each in (bare.geometry.to_numpy(dtype=object), feature, long, bare["away_ft"].to_numpy())
    )
    first, other = _told_once(shape, feature)
    said = [
        f"{about.feature[rows[a]]}" + (f" and {about.feature[rows[b]]}" if b >= 0 else "")
        for a, b in zip(feature[first], other, strict=True)
    ]
    message = [
        f"No course follows {ft:,.2f} ft of the boundary of {who}"
        + (f"; the nearest lies up to {off:,.2f} ft away" if np.isfinite(off) else "")
        + f" (tolerance {rule.tolerance:g} ft)."
        for who, ft, off in zip(said, long[first], away[first], strict=True)
    ]
    made = drawn[feature[first]] | np.where(other >= 0, drawn[other], False)
    yield finding(
        about,
        "T03",
        rule.name,
        rows[feature[first]],
        message,
        severity=np.where(made, rule.severity, "info" if rule.severity == "info" else "review"),
        other=[about.feature[rows[b]] if b >= 0 else None for b in other],
        measure=long[first],
        unit="ft",
        tolerance=rule.tolerance,
        geometry=shape[first],
    )


def _told_once(shape: np.ndarray, feature: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the stretches are the first at their place, and the feature that has the same one, -1 for none."""
    same = pd.factorize(pd.Series(shapely.to_wkb(shapely.normalize(shape)), dtype=object))[0]
    _, first = np.unique(same, return_index=True)
    other = np.full(len(first), -1)
    again = np.setdiff1d(np.arange(len(shape)), first)
    other[same[again]] = feature[again]
    return first, other


def _courses(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T04: stretches of course that bound nothing."""
    about = subjects["boundary_line"]
    rule = about.rule("T04")
    rows = np.intersect1d(placed(about, city), np.flatnonzero(~one_of(about, "line_kind", CONNECTION)))
    bounded = [name for name in ("parcel", "right_of_way", "tract", "city_limit") if name in subjects]
    covers = [subjects[name].shapes[subjects[name].current] for name in bounded]
    bare = topology.uncovered_stretches(about.shapes.iloc[rows], *covers, tolerance_ft=rule.tolerance)
    rows = rows[bare["feature"].to_numpy(dtype=int)]
    message = [
        f"{ft:,.2f} ft of course {about.feature[row]} follow no boundary of a {', '.join(bounded).replace('_', ' ')}"
        + (f"; the nearest lies up to {off:,.2f} ft away" if np.isfinite(off) else "")
        + f" (tolerance {rule.tolerance:g} ft)."
        for row, ft, off in zip(rows, bare["length_ft"], bare["away_ft"], strict=True)
    ]
    more = {"measure": bare["length_ft"].to_numpy(), "geometry": bare.geometry.to_numpy(dtype=object)}
    yield finding(about, "T04", rule.name, rows, message, unit="ft", tolerance=rule.tolerance, **more)


def _ends(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """
    T05 and T27: places where courses end and no corner is, and corners beside the courses that end at them.

    An end within the limit of T27 of a corner is an end of that corner, not at it.
    """
    line, corner = subjects["boundary_line"], subjects["corner"]
    none, beside = line.rule("T05"), corner.rule("T27")
    rows, marks = placed(line, city), placed(corner, city)
    off = topology.ends_off_corners(
        line.shapes.iloc[rows], corner.shapes.iloc[marks], tolerance_ft=min(none.tolerance, beside.tolerance)
    )
    course, far = rows[off["line"].to_numpy(dtype=int)], off["distance_ft"].to_numpy()
    near = far <= beside.limit
    yield _without_corner(line, course[~near], far[~near], off.geometry.to_numpy(dtype=object)[~near])
    near &= far > beside.tolerance
    mark, course, far = marks[off["corner"].to_numpy(dtype=int)[near]], course[near], far[near]
    order = np.lexsort((course, -far, mark))
    mark, course, far = mark[order], course[order], far[order]
    each, first, count = np.unique(mark, return_index=True, return_counts=True)
    message = [
        f"{n} end{'s' if n > 1 else ''} of courses ({_named(line, course[k : k + n])}) lie{'' if n > 1 else 's'} "
        f"up to {far[k]:,.3f} ft from corner {corner.feature[row]} (tolerance {beside.tolerance:g} ft)."
        for row, k, n in zip(each, first, count, strict=True)
    ]
    more = {"other": line.feature[course[first]], "measure": far[first]}
    yield finding(corner, "T27", beside.name, each, message, unit="ft", tolerance=beside.tolerance, **more)


def _without_corner(line: Subject, course: np.ndarray, far: np.ndarray, shape: np.ndarray) -> pd.DataFrame:
    """One finding for each place without a corner, on the first of the courses that end there."""
    rule = line.rule("T05")
    node = topology.places(shapely.get_coordinates(shape), rule.tolerance) if len(shape) else np.zeros(0, dtype=int)
    order = np.lexsort((course, node))
    course, far, shape, node = course[order], far[order], shape[order], node[order]
    _, first, count = np.unique(node, return_index=True, return_counts=True)
    message = [
        f"{n} course{'s' if n > 1 else ''} ({_named(line, course[k : k + n])}) end{'' if n > 1 else 's'} where no corner is"
        + (f"; the nearest lies {far[k]:,.2f} ft away" if np.isfinite(far[k]) else "")
        + f" (tolerance {rule.tolerance:g} ft)."
        for k, n in zip(first, count, strict=True)
    ]
    away = np.where(np.isfinite(far[first]), far[first], np.nan)
    more = {"measure": away, "unit": "ft", "tolerance": rule.tolerance, "geometry": shape[first]}
    return finding(line, "T05", rule.name, course[first], message, **more)


def _named(about: Subject, rows: np.ndarray) -> str:
    """The first few features by name."""
    names = [str(about.feature[row]) for row in dict.fromkeys(rows)]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _lines(subjects: Mapping[str, Subject], city: City) -> Iterator[pd.DataFrame]:
    """T06: courses of several parts, over or across themselves, and over or across each other."""
    about = subjects["boundary_line"]
    rows = placed(about, city)
    shapes = about.shapes.iloc[rows]
    parts = shapely.get_num_geometries(shapes.to_numpy(dtype=object))
    several = rows[parts > 1]
    message = [f"Course {about.feature[row]} is drawn in {n} parts." for row, n in zip(several, parts[parts > 1], strict=True)]
    yield finding(about, "T06", "multipart_line", several, message, measure=parts[parts > 1], unit="parts")
    runs = topology.line_overlaps(shapes, min_length_ft=ALONG_FT)
    yield from _overlaps(about, rows, runs)
    met = topology.crossings(shapes)
    known = pd.MultiIndex.from_frame(pd.DataFrame(runs[["left", "right"]]))  # lines that run over each other also meet there
    met = met[~pd.MultiIndex.from_frame(pd.DataFrame(met[["left", "right"]])).isin(known)]
    left, right = rows[met["left"].to_numpy(dtype=int)], rows[met["right"].to_numpy(dtype=int)]
    place = met.geometry.to_numpy(dtype=object)
    own = left == right
    message = [f"Course {about.feature[row]} crosses or touches itself." for row in left[own]]
    yield finding(about, "T06", "line_crosses_itself", left[own], message, geometry=place[own])
    tie = one_of(about, "line_kind", CONNECTION)
    rule = about.rule("T06", "lines_cross")
    joined = _at_an_end(about.place[left], place, rule.tolerance) & _at_an_end(about.place[right], place, rule.tolerance)
    across = np.flatnonzero(~own & ~tie[left] & ~tie[right] & ~joined)
    message = [
        f"Courses {about.feature[left[k]]} and {about.feature[right[k]]} "
        + ("cross, and neither ends there." if met["kind"].iloc[k] == "crossing" else "meet where one of them goes on.")
        for k in across
    ]
    more = {"other": about.feature[right[across]], "geometry": place[across]}
    yield finding(about, "T06", rule.name, left[across], message, unit="ft", tolerance=rule.tolerance, **more)


def _at_an_end(lines: np.ndarray, places: np.ndarray, tolerance_ft: float) -> np.ndarray:
    """Which places lie at an end of their line: T05 and T27 hold the ends to their corner, no nearer than this."""
    start, end = (shapely.distance(shapely.get_point(lines, k), places) for k in (0, -1))
    return np.fmin(start, end) <= tolerance_ft


def _overlaps(about: Subject, rows: np.ndarray, runs: gpd.GeoDataFrame) -> Iterator[pd.DataFrame]:
    """Courses that run back over themselves, or over another one; those that are the same are told as duplicates (G04)."""
    itself, other = about.rule("T06", "line_over_itself"), about.rule("T06", "line_over_line")
    left, right = rows[runs["left"].to_numpy(dtype=int)], rows[runs["right"].to_numpy(dtype=int)]
    long, shape = runs["length_ft"].to_numpy(), runs.geometry.to_numpy(dtype=object)
    own = (left == right) & (long >= itself.tolerance)
    message = [
        f"Course {about.feature[row]} runs back over {ft:,.2f} ft of itself (tolerance {itself.tolerance:g} ft)."
        for row, ft in zip(left[own], long[own], strict=True)
    ]
    more = {"measure": long[own], "geometry": shape[own]}
    yield finding(about, "T06", itself.name, left[own], message, unit="ft", tolerance=itself.tolerance, **more)
    twins = shapely.equals(shapely.normalize(about.place[left]), shapely.normalize(about.place[right]))
    pair = (left != right) & (long >= other.tolerance) & ~twins
    message = [
        f"Courses {about.feature[a]} and {about.feature[b]} run over each other for {ft:,.2f} ft "
        f"(tolerance {other.tolerance:g} ft)."
        for a, b, ft in zip(left[pair], right[pair], long[pair], strict=True)
    ]
    more = {"other": about.feature[right[pair]], "measure": long[pair], "geometry": shape[pair]}
    yield finding(about, "T06", other.name, left[pair], message, unit="ft", tolerance=other.tolerance, **more)


def _control(subjects: Mapping[str, Subject], city: City, *, name: str) -> Iterator[pd.DataFrame]:
    """T28 of one layer: control whose geometry is not where its recorded easting and northing say."""
    about = subjects[name]
    if about.crs != city.crs:  # the columns are in the City's system
        return
    rule = about.rule("T28")
    control = np.ones(len(about.frame), dtype=bool) if name == "control_station" else one_of(about, "kind", ("CONTROL",))
    easting = pd.to_numeric(about.frame["e_ft"], errors="coerce").to_numpy(dtype=float)
    northing = pd.to_numeric(about.frame["n_ft"], errors="coerce").to_numpy(dtype=float)
    points = shapely.get_type_id(about.place) == 0
    moved = np.hypot(shapely.get_x(about.place) - easting, shapely.get_y(about.place) - northing)
    rows = np.flatnonzero(about.current & control & points & (moved > rule.tolerance))
    message = [
        f"Control {about.feature[row]} is drawn {moved[row]:,.4f} ft from its recorded {easting[row]:,.4f} E, "
        f"{northing[row]:,.4f} N (tolerance {rule.tolerance:g} ft)."
        for row in rows
    ]
    yield finding(about, "T28", rule.name, rows, message, measure=moved[rows], unit="ft", tolerance=rule.tolerance)


CHECKS = (
    Check(("T03",), "parcel", ("boundary_line",), _boundaries),
    Check(("T04",), "boundary_line", ("parcel", "right_of_way"), _courses),
    Check(("T05", "T27"), "boundary_line", ("corner",), _ends),
    Check(("T06",), "boundary_line", (), _lines),
    Check(("T28",), "corner", ("corner.e_ft", "corner.n_ft"), partial(_control, name="corner")),
    Check(("T28",), "control_station", ("control_station.e_ft", "control_station.n_ft"), partial(_control, name="control_station")),
)
"""Rules between parcels, courses and corners."""
