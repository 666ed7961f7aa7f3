"""
Resolution: the course that each row of a course table states, and what its elements say of each other.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from citygis.cogo import (
    Course,
    Curve,
    azimuths_of,
    compass_azimuth,
    curve_course,
    direction_from_radial,
    format_angle,
    line_course,
    parse_angle,
    parse_bearing,
    radial_azimuths,
    solve_curve,
    turn,
)
from citygis.cogo.arc import chord_azimuth
from citygis.cogo.course import TANGENT_TOLERANCE_S
from citygis.readers.deed.course_table import STEP, is_null, read_course_table

_OWN_BEARING = re.compile(r"([NS]) (\d{1,2})°([0-5]\d)'([0-5]\d(?:\.\d+)?)\" ([EW])")

_HALF_MARK_DEG = 67.5
"""A direction in words is good to an eighth of a circle, and loosely used: this much off contradicts a northerly."""

_QUADRANT_DEG = 55.0
"""And this much a north-easterly, which is a whole quadrant, with 10° to spare."""


class Problem(NamedTuple):
    """Something that the elements of one call say of each other: the code, the severity, what, and by how much."""

    code: str
    severity: str
    message: str
    measure: float | None = None
    unit: str | None = None
    tolerance: float | None = None


class Resolved(NamedTuple):
    """The course of a row, None where it cannot be one, and what was noticed."""

    course: Course | None
    problems: tuple[Problem, ...]


def courses_from_table(
    table: pd.DataFrame | str | Path, *, parcel: str | None = None, role: str | None = None
) -> tuple[Course, ...]:
    """
    The courses of a course table.

    Parameters
    ----------
    table : DataFrame, str or Path
        A course table, its CSV or JSON text, or the path of such a file.
    parcel, role : str, optional
        Only rows of this parcel, of this role.

    Returns
    -------
    tuple of Course
        ``RECORD``, each with its direction.

    Raises
    ------
    ValueError
        If a row states too little to be a course, or contradicts itself; the message names the call.
    """
    if isinstance(table, Path):
        table = table.read_text(encoding="utf-8-sig")
    if isinstance(table, str):
        table = read_course_table(table)
    rows = [
        row
        for row in table.to_dict("records")
        if (parcel is None or row["parcel"] == parcel) and (role is None or row["role"] == role)
    ]
    courses = []
    for row, resolved in zip(rows, resolve(rows), strict=True):
        if resolved.course is None:
            why = resolved.problems[0].message if resolved.problems else "it states too little"
            raise ValueError(f"Invalid course table: call {row['call']}: {why} Must state a direction and a length.")
        courses.append(resolved.course)
    return tuple(courses)


def resolve(rows: list[dict], halves: list[dict] | None = None) -> list[Resolved]:
    """
    The course of each row of a figure, in order, and what its elements say of each other.

    Parameters
    ----------
    rows : list of dict
        With the columns of the course table.
    halves : list of dict, optional
        Half of the last place of the elements of each row, by the names of `citygis.cogo.curve.DEFAULT_ROUNDING`.

    Returns
    -------
    list of Resolved
    """
    done: list[Resolved] = []
    before: Course | None = None
    for n, row in enumerate(rows):
        following = rows[n + 1] if n + 1 < len(rows) else None
        one = _resolved(
            {k: None if v is None or v != v or v is pd.NA else v for k, v in row.items()},
            before,
            following,
            halves[n] if halves else {},
        )
        done.append(one)
        before = one.course
    return done


def word_conflict(azimuth_deg: float, words: tuple[str, ...]) -> float | None:
    """By how many degrees a direction in words contradicts an azimuth; None where it does not, or the words are none."""
    off = []
    for word in words:
        try:
            away = abs(turn(compass_azimuth(word), azimuth_deg))
        except ValueError:
            continue
        limit = _QUADRANT_DEG if compass_azimuth(word) % 90 else _HALF_MARK_DEG
        off.append((away - limit, away))
    return min(off)[1] if off and min(off)[0] > 0 else None


def _resolved(row: dict, before: Course | None, following: dict | None, halves: dict) -> Resolved:
    problems: list[Problem] = []
    try:
        if row["kind"] == "curve" or row["radius_ft"] is not None:
            course = _curve(row, before, following, halves, problems)
        else:
            course = _line(row, before, problems)
    except ValueError as error:
        return Resolved(None, (*problems, Problem("L03", "error", str(error))))
    if course is None:
        return Resolved(None, tuple(problems))
    off = word_conflict(course.azimuth_deg, tuple((row["travel"] or "").split(STEP)) if row["travel"] else ())
    if off is not None:
        named = row["travel"].replace(STEP, " and ")
        problems.append(
            Problem(
                "L07",
                "error",
                f"It is said to run {named}, and its bearing does not: {off:.0f}° off.",
                off,
                "degrees",
                _HALF_MARK_DEG,
            )
        )
    if before is not None and course.tangency in ("tangent", "compound", "reverse"):
        away = turn(azimuths_of(before)[1], azimuths_of(course)[0])
        if abs(away) * 3600 > TANGENT_TOLERANCE_S:
            problems.append(
                Problem("L06", "error", (
                    f"It is said to be {course.tangency} and leaves "
                    f"the course before it by "
                    f"{format_angle(abs(away))}."
                ),
                        abs(away) * 3600, "seconds", TANGENT_TOLERANCE_S)
            )  # fmt: skip
    return Resolved(course, tuple(problems))


def _azimuth_of(text: str) -> float:
    """As `parse_bearing`, faster for what the table itself writes."""
    if found := _OWN_BEARING.fullmatch(text):
        first, degrees, minutes, seconds, last = found.groups()
        angle = (int(degrees) * 3600 + int(minutes) * 60 + float(seconds)) / 3600
        if angle <= 90:
            return ((angle if last == "E" else -angle) if first == "N" else 180 - (angle if last == "E" else -angle)) % 360
    return parse_bearing(text)


def _line(row: dict, before: Course | None, problems: list[Problem]) -> Course | None:
    if row["distance_ft"] is None or row["bearing"] is None:
        return None
    tangency = "tangent" if row["tangency"] == "tangent" and before is not None else None
    return line_course(_azimuth_of(row["bearing"]), row["distance_ft"], tangency=tangency, text=row["text"] or "")


def _curve(row: dict, before: Course | None, following: dict | None, halves: dict, problems: list[Problem]) -> Course | None:
    stated = {name: row[name] for name in ("radius_ft", "arc_ft", "chord_ft", "tangent_ft") if row[name] is not None}
    if row["delta"] is not None:
        stated["delta_deg"] = parse_angle(row["delta"])
    if len(stated) < 2:
        return None
    curve = solve_curve(**stated, rounding={k: v for k, v in halves.items() if k in stated})
    for conflict in curve.conflicts:
        feet = conflict.element != "delta_deg"
        show = (
            f"{conflict.stated:.2f} ft, and the others make it {conflict.computed:.2f} ft"
            if feet
            else (f"{format_angle(conflict.stated)}, and the others make it {format_angle(conflict.computed)}")
        )
        problems.append(
            Problem("L05", "error", (
                f"The curve's elements contradict each other: its "
                f"{conflict.element.rpartition('_')[0]} is stated "
                f"{show}."
            ),
                    abs(conflict.difference), "ft" if feet else "degrees", conflict.tolerance)
        )  # fmt: skip
    if row["chord_ft"] is not None:
        curve = curve._replace(chord_ft=row["chord_ft"])  # the record leads from end to end along the chord that it states
    arriving = azimuths_of(before)[1] if before is not None else None
    tangency = row["tangency"]
    if tangency in ("compound", "reverse") and (before is None or before.kind == "line"):
        tangency = "tangent" if before is not None else None
    hand = _hand(row, before, tangency, problems)
    text = row["text"] or ""
    course = None
    if row["chord_bearing"] is not None:
        azimuth = _azimuth_of(row["chord_bearing"])
        hand = hand or _hand_by_concave(row, azimuth)
        course = _made(curve, hand, problems, azimuth_deg=azimuth, tangency=tangency, text=text)
    if row["tangent_bearing"] is not None and course is None:
        tangent = _azimuth_of(row["tangent_bearing"])
        hand = hand or _hand_by_centre(row, tangent, curve.delta_deg)
        course = _made(curve, hand, problems, tangent_in_deg=tangent, tangency=tangency, text=text)
    if row["radial_bearing"] is not None:
        course = _by_radial(row, curve, hand, tangency, course, problems)
    if course is None and arriving is not None and tangency != "nontangent":
        hand = hand or _hand_by_centre(row, arriving, curve.delta_deg)
        course = _made(curve, hand, problems, tangent_in_deg=arriving, tangency=tangency or "tangent", text=text)
        if course is not None and tangency is None:
            problems.append(_unstated(course, following))
    if course is None:
        return None
    if row["end_radial_bearing"] is not None:
        _check_radial(
            row["end_radial_bearing"], radial_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[1], "end", problems
        )
    if row["concave"] and _misses(course, row["concave"]):
        problems.append(
            Problem("L07", "error", f"It is said to be concave {row['concave']}, and its centre lies on the other side.")
        )
    return course


def _made(curve: Curve, hand: str | None, problems: list[Problem], **options) -> Course | None:
    if hand is None:
        problems.append(Problem("L03", "error", "Nothing tells whether the curve turns left or right."))
        return None
    return curve_course(curve, hand, **options)


def _hand(row: dict, before: Course | None, tangency: str | None, problems: list[Problem]) -> str | None:
    hand = row["hand"]
    if tangency in ("compound", "reverse") and before is not None and before.kind == "curve":
        follows = before.hand if tangency == "compound" else {"L": "R", "R": "L"}[before.hand]
        if hand is not None and hand != follows:
            problems.append(
                Problem(
                    "L06",
                    "error",
                    f"A {tangency} curve turns {follows} after one that turns {before.hand}; this one is said to turn {hand}.",
                )
            )
        hand = hand or follows
    return hand


def _hand_by_concave(row: dict, chord_deg: float) -> str | None:
    if not row["concave"]:
        return None
    across = turn(chord_deg, compass_azimuth(row["concave"]))
    return None if abs(across) < 10 or abs(across) > 170 else "R" if across > 0 else "L"


def _hand_by_centre(row: dict, tangent_deg: float, delta_deg: float) -> str | None:
    """The hand whose centre, seen from the middle of the curve, lies nearer to the direction it is said to be concave to."""
    if not row["concave"]:
        return None
    toward = compass_azimuth(row["concave"])
    off = {h: abs(turn(tangent_deg + s * (delta_deg / 2 + 90), toward)) for h, s in (("L", -1), ("R", 1))}
    return None if abs(off["L"] - off["R"]) < 10 else min(off, key=off.get)


def _misses(course: Course, concave: str) -> bool:
    sign = 1 if course.hand == "R" else -1
    try:
        return abs(turn(course.azimuth_deg + sign * 90, compass_azimuth(concave))) > 90
    except ValueError:
        return False


def _by_radial(
    row: dict, curve: Curve, hand: str | None, tangency: str | None, course: Course | None, problems: list[Problem]
) -> Course | None:
    radial = _azimuth_of(row["radial_bearing"])
    if course is not None:
        _check_radial(
            row["radial_bearing"], radial_azimuths(course.azimuth_deg, course.delta_deg, course.hand)[0], "beginning", problems
        )
        return course
    travel = (row["travel"] or "").split(STEP)[0] or None
    tries = [{"hand": hand, "concave": row["concave"], "travel": travel}]
    if hand and row["concave"] and not travel:
        tries.append({"hand": hand, "concave": row["concave"], "travel": None})
    for words in tries:
        try:
            tangent, side = direction_from_radial(radial, radial_to=row.get("radial_to"), delta_deg=curve.delta_deg, **words)
        except ValueError as error:
            problems.append(Problem("L06", "error", f"The radial bearing does not tell the direction of the curve: {error}"))
            continue
        return curve_course(
            curve, side, azimuth_deg=chord_azimuth(tangent, curve.delta_deg, side), tangency=tangency, text=row["text"] or ""
        )
    return None


def _check_radial(stated: str, azimuth: float, where: str, problems: list[Problem]) -> None:
    off = turn(azimuth, _azimuth_of(stated))
    off = min(abs(off), abs(abs(off) - 180))
    if off * 3600 > TANGENT_TOLERANCE_S:
        problems.append(
            Problem("L06", "error", (
                f"The radial bearing at its {where}, {stated}, is "
                f"{format_angle(off)} off what its other elements make "
                f"it."
            ),
                    off * 3600, "seconds", TANGENT_TOLERANCE_S)
        )  # fmt: skip


def _unstated(course: Course, following: dict | None) -> Problem:
    """A curve that nobody called tangent is taken to be; whether the next bearing bears that out is said."""
    bearing = following and not is_null(following["bearing"]) and following["kind"] == "line" and following["bearing"]
    if bearing and abs(turn(azimuths_of(course)[1], _azimuth_of(bearing))) * 3600 <= TANGENT_TOLERANCE_S:
        return Problem(
            "L17", "info", "Its tangency is not stated; it was taken as tangent, and the bearing of the next course agrees."
        )
    return Problem("L17", "review", "Its tangency is not stated; it was taken as tangent, and nothing else tells.")
