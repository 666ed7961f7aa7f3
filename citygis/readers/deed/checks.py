"""
What a description says against itself, and what it leaves open, as findings.

==== ========================================================================================================================
L01  the text is too poor a scan to be read (error)
L02  a number was mended in reading it (review)
L03  a number cannot be read, or what it states is no course (error)
L04  a call without numbers: its direction or length is left to a line, a corner, an adjoiner (error)
L05  the elements of a curve contradict each other, such as radius times central angle against the arc (error)
L06  a curve or line is not tangent, compound, reverse or square to its radial line as it is said to be (error)
L07  a direction in words against the bearing (error)
L08  the courses do not come back to the beginning (error; review where the rounding of the text explains it)
L09  a stated area is not what the courses enclose (error)
L10  another record gives another number (info)
L11  a number is said to be more or less (info)
L12  a number stands in a call and was not used, or used without being named (review)
L13  text between calls that no call came of; fewer courses than announced (review)
L14  the last course has no numbers: it would be the line back to the beginning (review)
L15  the point of beginning is not reached, reached too early, or begun with commencing (review, info)
L16  the unit, the notation or the origin of a number must be stated (error)
L17  the tangency of a curve is not stated (info where the next course bears it out, else review)
L18  an exception without courses, a strip without a width (review)
L19  the same number in two units is not the same (error)
L20  nothing but the reader checks these numbers: the courses do not close, and no area is stated (review)
==== ========================================================================================================================
"""

import math

from citygis.cogo import format_bearing, oriented, suspects
from citygis.cogo.slip import SLIPS
from citygis.readers.deed.figures import Figure, Gathered
from citygis.readers.deed.gate import Quality
from citygis.readers.deed.repair import CleanText
from citygis.readers.deed.resolution import Problem, Resolved
from citygis.units import SQFT_PER_ACRE

CLOSURE_RATIO = 10_000
CLOSURE_FT = 0.05
"""A record that closes within one or the other is not reported. Study of survey intake, section 10."""

AREA_SHARE = 0.001
"""A stated area may differ by this share beside its own rounding."""

MOST_SEARCHED = 80
"""Courses of a figure among which the likeliest blunder is looked for; larger ones are for `citygis.cogo.suspects`."""

_RULES = {
    "L01": ("deed.legible", "Ask for a better scan or type the text, then read it again; least_legible_words=0 reads it as it is."),
    "L02": ("deed.repaired", "Compare the number with the document."),
    "L03": ("deed.illegible", "Read the number off the document and write it into the course table."),
    "L04": ("deed.unresolved", "Find the line or corner it calls to, and write bearing and distance into the course table."),
    "L05": ("deed.curve", "Compare radius, central angle, arc and chord with the record map."),
    "L06": ("deed.tangency", "Compare the curve and the courses before and after it with the record map."),
    "L07": ("deed.direction_word", "Look whether the quadrant of the bearing is right."),
    "L08": ("deed.closure", "Compare the calls with the record map; the courses are kept as stated, never adjusted."),
    "L09": ("deed.area", "Find out whether the area or a call is wrong."),
    "L10": ("deed.alternative", "Decide which record governs."),
    "L11": ("deed.approximate", "The line or corner it calls to governs: compare with the record map."),
    "L12": ("deed.unused", "Look whether the number belongs to a course."),
    "L13": ("deed.silent", "Read the passage, and add the courses it holds to the course table."),
    "L14": ("deed.closing_course", "If the line back is meant, write its bearing and distance into the course table."),
    "L15": ("deed.beginning", "Look where the boundary begins and ends."),
    "L16": ("deed.unstated", "State it: unit=, vara_in=, notation= or azimuth_from=."),
    "L17": ("deed.unstated_tangency", "Compare the curve with the record map."),
    "L18": ("deed.without_courses", "Draw it from what the text calls to."),
    "L19": ("deed.two_units", "Find out which of the two is right."),
    "L20": ("deed.unverified", "Compare every number with the document."),
}


def call_findings(figure: Figure, rows: list[dict], resolved: list[Resolved], problems: list[list[Problem]]) -> list[dict]:
    """The findings of each call of a figure."""
    found = []
    for n, (call, row, answer, noticed) in enumerate(zip(figure.calls, rows, resolved, problems, strict=True)):
        told = [*noticed, *answer.problems]
        if altered := row.pop("_altered"):
            mended = "; ".join(f"{r.raw.strip()!r} was read as {r.fixed} ({r.rule})" for r in altered)
            told.insert(0, Problem("L02", "review", f"A number was mended: {mended}."))
        is_open = answer.course is None and not any(p.code in ("L03", "L16") for p in told)
        if is_open and call.arrives and n == len(rows) - 1 and not call.elements:
            pass  # L14, with the line back
        elif is_open:
            lacking = (
                "direction"
                if "distance" in call.elements or call.kind == "curve"
                else "length"
                if "bearing" in call.elements
                else "direction and length"
            )
            told.append(Problem("L04", "error" if row["role"] != "tie" else "review", f"Its {lacking} is not stated in numbers."))
        found += [_finding(p, row) for p in told]
    return found


def figure_findings(figure: Figure, rows: list[dict], halves: list[dict], parcel, clean: CleanText) -> list[dict]:
    """The findings of a figure as a whole: closure, area, beginning, widths."""
    own = rows[figure.ties :]
    if not own:
        return []
    where, last = own[0] | {"start": own[0]["start"], "end": own[-1]["end"]}, own[-1]
    told: list[tuple[Problem, dict]] = []
    is_open = figure.arrival == "none"
    if parcel.closure is not None:
        told += [(p, where) for p in _closing(figure, parcel, halves[figure.ties :])]
    elif figure.role != "strip" and is_open:
        told.append((Problem("L15", "review", "The text ends before the point of beginning is reached again."), last))
    if figure.arrival == "early":
        told.append((Problem("L15", "review", "Courses follow after the point of beginning was reached."), last))
    if figure.commences and not figure.ties:
        told.append(
            (
                Problem(
                    "L15",
                    "info",
                    "It says commencing, and reaches no other point of beginning: the courses were read as the boundary.",
                ),
                where,
            )
        )
    closing = figure.calls[-1]
    if parcel.unresolved == (last["call"],) and closing.arrives and not closing.elements and parcel.courses:
        told.append((_line_back(parcel.courses), last))
    if figure.role == "strip" and parcel.left_ft is None:
        told.append(
            (Problem("L18", "review", "It is a strip along a centreline, and its width is not stated, or stated twice."), where)
        )
    if parcel.closure is None and parcel.courses:
        told.append((Problem("L20", "review", "Its numbers are not checked by a closure or an area."), where))
    return [_finding(problem, row) for problem, row in told]


def text_findings(text: str, clean: CleanText, found: Gathered, legible: Quality, rows: list[dict]) -> list[dict]:
    """The findings of the text as a whole."""
    told: list[tuple[Problem, dict]] = []
    whole = {"call": None, "parcel": None, "start": 0, "end": len(text), "text": text}
    if not legible.is_readable:
        shown = " ".join(text.split())[:400]
        message = (
            f"The text was not read: {legible.legible_words:.0%} of its words and {legible.legible_numbers:.0%} of its "
            f"numbers are legible. "
            f"It says: {shown}"
        )
        return [_finding(Problem("L01", "error", message, legible.legible_words, "share"), whole, shown=False)]
    if not rows:
        told.append(
            (
                Problem("L13", "review", "No courses were found: it describes by lots, by parts of a section, or by bounds only."),
                whole | {"text": text[:160]},
            )
        )
    for piece in found.silent:
        passage = " ".join(clean.text[piece.start : piece.end].split())
        place = {
            "call": None,
            "parcel": None,
            "start": clean.origin(piece.start),
            "end": clean.origin(piece.end - 1) + 1,
            "text": passage,
        }
        told.append((Problem("L13", "review", "It says thence, and no call came of it."), place))
    for piece, stated in found.series:
        inside = [call for figure in found.figures for call in figure.calls if call.start >= piece.start]
        if len(inside) < stated:
            place = {"call": None, "parcel": None, "start": clean.origin(piece.start), "end": clean.origin(piece.end - 1) + 1,
                     "text": " ".join(clean.text[piece.start : piece.end].split())}  # fmt: skip
            told.append(
                (
                    Problem(
                        "L13",
                        "review",
                        f"It announces {stated} courses, and {len(inside)} follow.",
                        float(len(inside)),
                        "courses",
                        float(stated),
                    ),
                    place,
                )
            )
    for start, end in found.exceptions:
        passage = " ".join(clean.text[start:end].split())
        place = {
            "call": None,
            "parcel": "exception",
            "start": clean.origin(start),
            "end": clean.origin(max(end - 1, start)) + 1,
            "text": passage,
        }
        told.append((Problem("L18", "review", "It excepts land without courses of its own."), place))
    return [_finding(problem, row) for problem, row in told]


def _closing(figure: Figure, parcel, halves: list[dict]) -> list[Problem]:
    told = []
    closes = parcel.closure
    explained = 4 * math.sqrt(sum(_variance(course, half) for course, half in zip(parcel.courses, halves, strict=True)))
    is_closed = closes.misclosure_ft <= max(CLOSURE_FT, closes.perimeter_ft / CLOSURE_RATIO)
    if not is_closed:
        within = closes.misclosure_ft <= explained
        how = (
            f"The courses miss the beginning by {closes.misclosure_ft:.2f} ft, "
            f"{format_bearing(closes.misclosure_azimuth_deg)}: 1 in {closes.closure_ratio:,.0f}."
        )
        how += " The rounding of the numbers explains it." if within else _likeliest(parcel)
        told.append(
            Problem(
                "L08",
                "review" if within else "error",
                how,
                closes.misclosure_ft,
                "ft",
                max(CLOSURE_FT, closes.perimeter_ft / CLOSURE_RATIO),
            )
        )
    rounded = explained * closes.perimeter_ft / 8 + math.fsum(
        half.get("radius_ft", 0.0) * course.arc_ft
        for course, half in zip(parcel.courses, halves, strict=True)
        if course.kind == "curve"
    )
    for stated in parcel.stated_areas:
        off = stated.area_sqft - parcel.area_sqft
        slack = stated.half_sqft + AREA_SHARE * parcel.area_sqft + rounded
        if abs(off) > slack:
            shown = f"{parcel.area_sqft:,.1f} sq ft ({parcel.area_sqft / SQFT_PER_ACRE:.4f} acres)"
            told.append(
                Problem(
                    "L09",
                    "error",
                    f"It states {stated.text}, and its courses enclose {shown}: {-off / stated.area_sqft:+.1%}.",
                    abs(off),
                    "sqft",
                    slack,
                )
            )
    return told


def _variance(course, half: dict) -> float:
    """Of one coordinate of the end of a course, its numbers rounded evenly within their last place."""
    length = half.get("distance_ft", half.get("arc_ft", half.get("chord_ft", 0.005)))
    across = course.distance_ft * math.radians(half.get("bearing_s", half.get("delta_deg", 0.5 / 3600) * 3600) / 3600)
    return (length**2 + across**2) / 3


def _likeliest(parcel) -> str:
    """The one course that best explains why a figure does not close, where one does."""
    if len(parcel.courses) > MOST_SEARCHED:
        return ""
    area = parcel.stated_areas[0] if parcel.stated_areas else None
    try:
        found = suspects(parcel.courses, area_sqft=area and area.area_sqft, area_rounding_sqft=area and 2 * area.half_sqft, limit=1)
    except ValueError:
        return ""
    if not found:
        return " No single course explains it."
    best = found[0]
    number = parcel.calls[best.position]
    shown = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in (best.stated, best.restored)]
    return (
        f" Likeliest: the {best.element} of call {number} ({SLIPS[best.kind][0] if best.kind in SLIPS else best.kind}): "
        f"{shown[0]} for {shown[1]}."
    )


def _line_back(courses) -> Problem:
    from citygis.cogo import closure

    laid = oriented(courses).courses
    gap = closure(laid)
    back = format_bearing((gap.misclosure_azimuth_deg + 180) % 360)
    return Problem(
        "L14",
        "review",
        f"The last course has no numbers. The line back to the beginning would be {back} {gap.misclosure_ft:.2f} ft.",
        gap.misclosure_ft,
        "ft",
    )


def _finding(problem: Problem, row: dict, *, shown: bool = True) -> dict:
    rule, remedy = _RULES[problem.code]
    call = row["call"]
    words = " ".join(str(row["text"]).split())
    excerpt = f" ({words[:120]}{'…' if len(words) > 120 else ''})" if shown else ""
    head = f"Call {call}: " if call is not None else ""
    return {
        "code": problem.code,
        "rule": rule,
        "severity": problem.severity,
        "layer": "boundary_line",
        "feature": None if call is None else f"call {call}",
        "other": row["parcel"],
        "measure": problem.measure,
        "unit": problem.unit,
        "tolerance": problem.tolerance,
        "message": f"{head}{problem.message}{excerpt}",
        "remedy": remedy,
        "source_ref": f"characters {row['start']}-{row['end']}",
    }
