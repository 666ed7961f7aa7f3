"""
Rows: the calls of a figure as rows of the course table, their lengths in the City's feet.
"""

import math
import re
from bisect import bisect_left
from functools import cache
from typing import NamedTuple

from citygis.cogo import length_ft
from citygis.readers.deed.calls import Call
from citygis.readers.deed.course_table import STEP, angle_text, bearing_text
from citygis.readers.deed.figures import Figure
from citygis.readers.deed.repair import CleanText, Repair
from citygis.readers.deed.resolution import Problem
from citygis.readers.deed.tokens import Token
from citygis.units import US_SURVEY_FOOT, Unit

_LENGTHS = {"distance": "distance_ft", "radius": "radius_ft", "arc": "arc_ft", "chord": "chord_ft", "tangent": "tangent_ft"}
_BEARINGS = {
    "bearing": "bearing",
    "chord_bearing": "chord_bearing",
    "radial": "radial_bearing",
    "end_radial": "end_radial_bearing",
    "tangent_bearing": "tangent_bearing",
}
_AZIMUTH_ORIGIN = re.compile(r"azimuths?\b[^.;]{0,60}?\bfrom\s+(?:true\s+|grid\s+|astronomic\s+|the\s+)*(north|south)\b", re.I)
_SPIRAL = re.compile(r"\bspiral\b", re.I)


class Units(NamedTuple):
    """What the caller states of the document: its foot, its vara in inches, where its azimuths count from."""

    document_foot: Unit = US_SURVEY_FOOT
    vara_in: float | None = None
    azimuth_from: str | None = None


def feet_of(value: float, unit: str, units: Units) -> float | None:
    """A length in the City's feet; None for varas of unstated length."""
    if unit == "vara" and units.vara_in is None:
        return None
    return value * _size(unit, units.document_foot, units.vara_in)


@cache
def _size(unit: str, document_foot: Unit, vara_in: float | None) -> float:
    return length_ft(1.0, unit, document_foot=document_foot, vara_in=vara_in)


def rows_of(
    figure: Figure, clean: CleanText, units: Units, repairs: tuple[Repair, ...], first: int
) -> tuple[list[dict], list[dict], list[list[Problem]]]:
    """
    The calls of a figure as rows.

    Parameters
    ----------
    figure : Figure
    clean : CleanText
    units : Units
    repairs : tuple of Repair
        In order; those within a call go into its row.
    first : int
        Rows that came before it.

    Returns
    -------
    rows, halves, problems
        One of each per call: the row, half of the last place of its elements (`citygis.cogo.curve.DEFAULT_ROUNDING`, and
        ``bearing_s``), and what was noticed.
    """
    rows, halves, problems = [], [], []
    starts = [repair.start for repair in repairs]
    origin = _origin(clean, units)
    for n, call in enumerate(figure.calls):
        row, half, noticed = _row(call, clean, units._replace(azimuth_from=origin))
        start, end = clean.origin(call.start), clean.origin(max(call.end - 1, call.start)) + 1
        row |= {
            "call": first + n + 1,
            "parcel": figure.name,
            "role": "tie" if n < figure.ties else figure.role,
            "start": start,
            "end": end,
        }
        own = repairs[bisect_left(starts, start) : bisect_left(starts, end)]
        row["repairs"] = STEP.join(f"{r.raw.strip()} -> {r.fixed} ({r.rule})" for r in own)
        row["_altered"] = [r for r in own if r.alters_number]
        rows.append(row)
        halves.append(half)
        problems.append(noticed)
    return rows, halves, problems


def _origin(clean: CleanText, units: Units) -> str | None:
    if units.azimuth_from is not None:
        return units.azimuth_from
    found = {m.group(1).lower() for m in _AZIMUTH_ORIGIN.finditer(clean.text)} if "zimuth" in clean.text.lower() else set()
    return found.pop() if len(found) == 1 else None


def _row(call: Call, clean: CleanText, units: Units) -> tuple[dict, dict, list[Problem]]:
    row = dict.fromkeys((*_LENGTHS.values(), *_BEARINGS.values(), "delta"))
    problems: list[Problem] = []
    halves: dict[str, float] = {}
    illegible, confidence, stated_units = [], 1.0, []
    _settle_delta(call, units)
    for role, token in call.elements.items():
        if token.value is None:
            illegible.append(role)
            why = f" ({token.rules[0]})" if token.rules else ""
            code = "L16" if "no unit" in token.rules or "bare decimal" in token.rules else "L03"
            problems.append(Problem(code, "error", f"The {role.replace('_', ' ')} {token.raw.strip()!r} cannot be read{why}."))
            continue
        confidence *= token.confidence
        if role in _LENGTHS:
            feet = _feet(token, units)
            if feet is None:
                problems.append(
                    Problem(
                        "L16",
                        "error",
                        f"The {role} is in varas ({token.raw.strip()}), and the length of this document's vara is not stated.",
                    )
                )
                continue
            row[_LENGTHS[role]] = feet
            stated_units.append(token.unit)
            halves[_LENGTHS[role]] = token.half * feet / token.value if token.value else 0.0
        elif role == "azimuth":
            if units.azimuth_from is None:
                problems.append(Problem("L16", "error", "Its azimuth does not say whether it counts from north or from south."))
                continue
            row["bearing"] = bearing_text((token.value + (180 if units.azimuth_from == "south" else 0)) % 360)
            halves["bearing_s"] = token.half
        elif role == "delta":
            row["delta"] = angle_text(token.value)
            halves["delta_deg"] = token.half / 3600
        else:
            row[_BEARINGS[role]] = bearing_text(token.value)
            if role == "bearing":
                halves["bearing_s"] = 0.0 if token.kind == "cardinal" else token.half
    text = clean.text[call.start : call.end]
    if _SPIRAL.search(text):
        problems.append(Problem("L03", "error", "It runs along a spiral, which this reader does not read."))
        row["radius_ft"] = row["distance_ft"] = None
        illegible.append("spiral")
    for role, token in call.alternatives:
        _compare(call, role, token, "record", "L10", "info", units, problems)
    for role, token in call.other_units:
        _compare(call, role, token, "other unit", "L19", "error", units, problems)
    if call.approximate:
        named = ", ".join(role.replace("_", " ") for role in dict.fromkeys(call.approximate))
        problems.append(Problem("L11", "info", f"Its {named} is said to be more or less."))
        confidence *= 0.9
    for token in call.unused:
        problems.append(Problem("L12", "review", f"{token.raw.strip()!r} stands in it and was not used."))
    if call.leads_away:
        problems.append(
            Problem("L12", "review", "It leads from the beginning to the place it names; turn it round to come from there.")
        )
    for note in call.notes:
        if note.startswith("bearing taken"):
            problems.append(
                Problem("L12", "review", "A bearing stands in it that is not said to be of the chord; it was taken as the chord's.")
            )
            confidence *= 0.7
    is_line = call.kind == "line"
    row |= {
        "kind": "curve" if not is_line else "line" if row["bearing"] and row["distance_ft"] else "unresolved",
        "text": " ".join(text.split()),
        "hand": call.hand,
        "radial_to": call.radial_to,
        "concave": call.concave,
        "travel": STEP.join(call.travel),
        "tangency": call.tangency,
        "unit": STEP.join(sorted({u for u in stated_units if u})),
        "approximate": STEP.join(dict.fromkeys(call.approximate)),
        "illegible": STEP.join(illegible),
        "confidence": round(confidence if call.elements else 0.0, 3),
        "calls": STEP.join([*call.calls, *(note for note in call.notes if not note.startswith("bearing taken"))]),
        "alternatives": STEP.join(f"{role}: {token.raw.strip('( ,')}" for role, token in call.alternatives),
    }
    return row, halves, problems


def _feet(token: Token, units: Units) -> float | None:
    feet = feet_of(token.value, token.unit, units)
    for value, unit in token.tail:
        more = feet_of(value, unit, units)
        feet = None if feet is None or more is None else feet + more
    return feet


def _settle_delta(call: Call, units: Units) -> None:
    """Of two readings of a central angle, the one that radius and arc bear out."""
    delta, radius, arc = (call.elements.get(role) for role in ("delta", "radius", "arc"))
    if delta is None or delta.other is None or not (radius and arc and radius.value and arc.value):
        return
    if radius.unit != arc.unit:
        return
    from_arc = math.degrees(arc.value / radius.value)

    def agrees(value: float | None) -> bool:
        return value is not None and abs(value - from_arc) < 0.02 * from_arc

    if agrees(delta.other) and not agrees(delta.value):
        call.elements["delta"] = delta._replace(
            value=delta.other, other=delta.value, confidence=0.8, rules=(*delta.rules, "borne out by radius and arc")
        )


def _compare(
    call: Call, role: str, token: Token, what: str, code: str, severity: str, units: Units, problems: list[Problem]
) -> None:
    """A second statement of a number: another record's, or the same in another unit."""
    mine = call.elements.get(role) or call.elements.get(
        "arc" if role == "distance" else "chord_bearing" if role == "bearing" else role
    )
    if mine is None or mine.value is None or token.value is None:
        return
    if token.kind == "length":
        a, b = _feet(mine, units), _feet(token, units)
        if a is None or b is None:
            return
        allowed = mine.half * a / mine.value + token.half * b / token.value + 1e-6 * a
        unit = "ft"
    else:
        a, b, unit = mine.value * 3600, token.value * 3600, "seconds"
        allowed = mine.half + token.half
    if abs(a - b) > allowed:
        named = "Another record gives" if what == "record" else "In parentheses stands"
        problems.append(
            Problem(code, severity, (
                f"{named} its {role.replace('_', ' ')} as "
                f"{token.raw.strip('( ,')}, which is not "
                f"{mine.raw.strip('( ,')}."
            ),
                    abs(a - b), unit, allowed)
        )  # fmt: skip
