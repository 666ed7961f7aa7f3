"""
Lots from the tables of a plat: each a list of the lines and curves it takes, laid beside those that share one with it.

::

    L1   N 00°00'00" E   120.00
    C1   20.00   90°00'00"   31.42
    Lot 1: L1, L2, L3, C1 R, L4
    Lot 2: -L3, L5, L6, L7

Lists named Tract or Boundary are around the lots, one named Streets is right of way. The first list begins at (0, 0). A list that
takes a course of one that is placed lies where that course lies.
"""

import re
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.cogo import Course, closure, corners, polygon
from citygis.errors import ReadError
from citygis.findings import findings_frame, join_findings
from citygis.readers.plat_table import lot_courses, lots_of, read_plat_table
from citygis.tracts.plat import lot_number

CLOSES_FT, CLOSES_RATIO = 0.05, 10_000
"""A list of courses may miss its start by this much, or by one in so many of its length: what a record is held to."""

OUTLINE = re.compile(r"(TRACT|OUTER|BOUNDARY)\b.*", re.IGNORECASE)
"""A list so named is around the lots, and none of them."""

STREET = re.compile(r"(STREETS?|ROADS?|RIGHTS?[ -]OF[ -]WAY)\b.*", re.IGNORECASE)
"""A list so named is of the streets."""

_LARGEST_BYTES = 16 * 2**20
_LIST = re.compile(r"^\s*(?:LOT|PARCEL)?\s*[\w#.\- ]{1,40}:\s*-?\s*[LC]-?\d", re.IGNORECASE)
_REFERENCE = re.compile(r"(-?)\s*([LC]-?\d+[A-Z]?)", re.IGNORECASE)


class CourseLists(NamedTuple):
    """
    Lots of a plat's tables: ``lines`` as `citygis.linework.lots` takes them, with what is stated of each; ``labels``, the name
    inside of each lot; ``points``, each corner by name ("12/3" is where the third course of lot 12 begins); ``findings``.
    """

    lines: pd.DataFrame
    labels: pd.DataFrame
    points: pd.DataFrame
    findings: gpd.GeoDataFrame


def read_course_lists(path: Path) -> CourseLists:
    """
    Lots of a text with tables and lists.

    Raises
    ------
    ReadError
        If there are no lists, or one cannot be made into courses.
    """
    if path.stat().st_size > _LARGEST_BYTES:
        raise ReadError(f"{path} is larger than {_LARGEST_BYTES >> 20} MB, which no plat table is. Ask what it is.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        text = path.read_text("cp1252")
    listed = [line.strip().strip('"') for line in text.splitlines() if _LIST.match(line.strip().strip('"'))]
    if not listed:
        raise ReadError(f"{path.name} has no list of the courses of a lot, as `Lot 1: L1, C3 R, -L4`. Add one line for each lot.")
    table = read_plat_table(
        "\n".join("" if _LIST.match(line.strip().strip('"')) else line for line in text.splitlines()), name=path.name
    )
    try:
        wanted = lots_of("\n".join(listed))
        courses = {name: lot_courses(table, told) for name, told in wanted.items()}
    except ValueError as error:
        raise ReadError(f"{path.name}: {error}") from None
    refs = {name: [(_key(number), minus == "-") for minus, number in _REFERENCE.findall(told)] for name, told in wanted.items()}
    starts, apart = _placed(courses, refs)
    found = [table.findings, _closures(courses, path.name), _unplaced(apart, path.name)]
    lines, labels, points = [], [], []
    for name, start in starts.items():
        made = courses[name]
        places = corners(made, start)
        # What the record does not close by stays in its last course, where linework finds it.
        places[-1] = places[0]
        for n, course in enumerate(made):
            lines.append(_line(course, places[n], places[n + 1], f"{path.name}#lot {name}, {refs[name][n][0]}"))
            points.append((f"{lot_number(name)}/{n + 1}", *places[n]))
        if OUTLINE.fullmatch(name):
            continue
        inside = shapely.point_on_surface(polygon(made, places=places))
        labels.append((name.upper(), inside.x, inside.y, f"{path.name}#lot {name}"))
    frame = pd.DataFrame(lines)
    frame["handle"] = pd.Series([str(n) for n in range(len(frame))], dtype="str")
    return CourseLists(
        frame,
        pd.DataFrame(labels, columns=["text", "middle_easting", "middle_northing", "source_ref"]),
        pd.DataFrame(points, columns=["name", "easting", "northing"]),
        join_findings(found),
    )


def _key(text: str) -> str:
    return text.replace("-", "").upper()


def _placed(courses: dict[str, tuple[Course, ...]], refs: dict[str, list]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Where each lot begins, and the lots that share no course with any that is placed."""
    first = next(iter(courses))
    starts = {first: np.zeros(2)}
    ends: dict[str, np.ndarray] = {}
    waiting = [name for name in courses if name != first]
    added = [first]
    while added:
        for name in added:
            places = corners(courses[name], starts[name])
            for n, (key, is_back) in enumerate(refs[name]):
                # The end from which the table travels the course.
                ends.setdefault(key, places[n + 1] if is_back else places[n])
        added = []
        for name in list(waiting):
            relative = corners(courses[name])
            for n, (key, is_back) in enumerate(refs[name]):
                if key in ends:
                    starts[name] = ends[key] - relative[n + 1 if is_back else n]
                    added.append(name)
                    waiting.remove(name)
                    break
    return starts, waiting


def _line(course: Course, start: np.ndarray, end: np.ndarray, ref: str) -> dict:
    is_arc = course.kind == "curve"
    return {
        "kind": "arc" if is_arc else "line",
        "start_easting": start[0],
        "start_northing": start[1],
        "end_easting": end[0],
        "end_northing": end[1],
        "delta_deg": course.delta_deg if is_arc else np.nan,
        "hand": course.hand,
        "stated_azimuth_deg": course.azimuth_deg,
        "stated_length_ft": course.length_ft,
        "stated_radius_ft": course.radius_ft if is_arc else np.nan,
        "text": course.text,
        "source_ref": ref,
    }


def _closures(courses: dict[str, tuple[Course, ...]], name: str) -> gpd.GeoDataFrame:
    rows = []
    for lot, made in courses.items():
        found = closure(made)
        if found.misclosure_ft > CLOSES_FT and found.closure_ratio < CLOSES_RATIO:
            rows.append(
                {
                    "code": "N03",
                    "rule": "record_open",
                    "severity": "error",
                    "layer": "parcel",
                    "feature": lot,
                    "measure": found.misclosure_ft,
                    "unit": "ft",
                    "tolerance": CLOSES_FT,
                    "message": f"{name}: the courses of lot {lot} fail to close by {found.misclosure_ft:.2f} ft,"
                    f" 1:{found.closure_ratio:,.0f}.",
                    "remedy": "Compare its list and its table with the plat.",
                    "source_ref": f"{name}#lot {lot}",
                }
            )
    return findings_frame(rows)


def _unplaced(lots: list[str], name: str) -> gpd.GeoDataFrame:
    return findings_frame(
        [
            {
                "code": "N01",
                "rule": "lot_not_made",
                "severity": "error",
                "layer": "parcel",
                "feature": lot,
                "message": f"{name}: lot {lot} shares no course with the others, so nothing says where it lies.",
                "remedy": "List the lots or streets between, or give this block a file of its own.",
                "source_ref": f"{name}#lot {lot}",
            }
            for lot in lots
        ]
    )
