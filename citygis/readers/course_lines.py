"""
Courses as they are typed by hand: text with one line or curve to a line.

``N 45-30-15 E 100.00`` is a line; ``R=50.00 D=30-04-48 L=26.25 RT`` a curve, tangent to the course before it unless its chord
bearing is stated (``CB=N 10-00-00 E``). What a curve states beyond two elements is checked.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from citygis.cogo import (
    Conflict,
    Course,
    curve_course,
    format_angle,
    line_course,
    oriented,
    parse_angle,
    parse_bearing,
    parse_length,
    solve_curve,
)

_QUADRANT = r"[NS](?:ORTH|OUTH)?[\s.]*\d.*?(?:EAST|WEST|E|W)|(?:DUE\s+)?(?:NORTH|SOUTH|EAST|WEST|N|S|E|W)"
_NUMBERED = re.compile(r"\s*\d+[.)]\s+")
_LINE = re.compile(rf"\s*({_QUADRANT})\b[\s,]*(\d.*?)\s*", re.IGNORECASE)
_ELEMENT = re.compile(r"\b(R|D|DELTA|L|CH|CB|T)\s*=\s*", re.IGNORECASE)
_HAND = re.compile(r"\b(LT|RT|LEFT|RIGHT)\b\.?", re.IGNORECASE)
_LENGTHS = {"R": "radius_ft", "L": "arc_ft", "CH": "chord_ft", "T": "tangent_ft"}


class Contradiction(NamedTuple):
    """What the elements of a course say against each other: its number from 1, in words, by how much."""

    course: int
    what: str
    measure: float | None
    unit: str | None


class CourseLines(NamedTuple):
    """
    Courses as typed, a direction by tangency only left open (`citygis.cogo.oriented`), and where they contradict themselves.
    """

    courses: tuple[Course, ...]
    contradictions: tuple[Contradiction, ...]


def read_course_lines(lines: Iterable[str]) -> CourseLines:
    """
    Courses from text.

    Parameters
    ----------
    lines : iterable of str
        One course each. Blank lines, what follows a ``#``, and numbers before a course (``1.``, ``2)``) are passed over. Lengths
        are feet.

    Returns
    -------
    CourseLines

    Raises
    ------
    ValueError
        If there are none, or one is no course; the message names it.
    """
    courses: list[Course] = []
    told: list[Contradiction] = []
    for number, line in enumerate(lines, start=1):
        text = _NUMBERED.sub("", line.partition("#")[0], count=1).strip().rstrip(".")
        if not text:
            continue
        try:
            course, conflicts = _course(text)
        except ValueError as error:
            raise ValueError(f"course {number}, {text[:60]!r}: {error}") from None
        courses.append(course)
        told += [Contradiction(len(courses), conflict_text(c), abs(c.difference), _unit(c.element)) for c in conflicts]
    if not courses:
        raise ValueError("there are no courses. Each must look like N 45-30-15 E 100.00, or R=50.00 D=30-04-48 RT.")
    for at in oriented(courses).breaks:
        what = f"it is said to be tangent and leaves the course before it by {format_angle(abs(at.angle_deg))}"
        told.append(Contradiction(at.position + 1, what, abs(at.angle_deg) * 3600, "seconds"))
    return CourseLines(tuple(courses), tuple(told))


def conflict_text(conflict: Conflict) -> str:
    """A conflict of a curve's elements in words."""
    name = conflict.element.rpartition("_")[0].replace("_", " ")
    if conflict.element.endswith("_deg"):
        return f"its {name} is stated {format_angle(conflict.stated)}, and the others make it {format_angle(conflict.computed)}"
    return f"its {name} is stated {conflict.stated:,.3f} ft, and the others make it {conflict.computed:,.3f} ft"


def half_place(text: str) -> float:
    """Half of the last place that a number is written to; whole feet are meant as they stand, to a hundredth."""
    decimals = re.search(r"\.(\d+)", text)
    return 0.5 * 10.0 ** -(len(decimals[1]) if decimals else 2)


def _course(text: str) -> tuple[Course, tuple[Conflict, ...]]:
    """One line or curve, and what its elements say against each other."""
    if found := _LINE.fullmatch(text):
        return line_course(parse_bearing(found[1]), _feet(found[2]), text=text), ()
    tags = list(_ELEMENT.finditer(text))
    if not tags:
        raise ValueError(
            "it must look like N 45-30-15 E 100.00, or R=50.00 D=30-04-48 RT. A description is read by `citygis deed`."
        )
    hands = {hand[0].upper() for hand in _HAND.findall(text)}
    if len(hands) != 1:
        raise ValueError("a curve must say which way it turns, LT or RT.")
    plain = _HAND.sub(lambda match: " " * len(match[0]), text)
    ends = [*(tag.start() for tag in tags[1:]), len(plain)]
    stated = {
        tag[1].upper().replace("DELTA", "D"): plain[tag.end() : end].strip(" ,;") for tag, end in zip(tags, ends, strict=True)
    }
    elements = {_LENGTHS[key]: _feet(value) for key, value in stated.items() if key in _LENGTHS}
    rounding = {_LENGTHS[key]: half_place(value) for key, value in stated.items() if key in _LENGTHS}
    if "D" in stated:
        elements["delta_deg"] = parse_angle(stated["D"])
    solved = solve_curve(**elements, rounding=rounding)
    chord = parse_bearing(stated["CB"]) if "CB" in stated else None
    return curve_course(
        solved, hands.pop(), azimuth_deg=chord, tangency=None if chord is not None else "tangent", text=text
    ), solved.conflicts


def _feet(text: str) -> float:
    return parse_length(text, unit="foot")


def _unit(element: str) -> str:
    return "degrees" if element.endswith("_deg") else "ft"
