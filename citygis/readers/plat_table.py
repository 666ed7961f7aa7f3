"""
Line and curve tables of a plat, as CSV or as pasted text, and lots told as lists of their entries.

A table row states more than a course needs, radius and delta and length and chord, so that most misprints show. Which way round a
lot takes a course, and to which side a curve turns, is in no table: the list of the lot says it.
"""

import csv
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.cogo import (
    Conflict,
    Course,
    Curve,
    area_sqft,
    closure,
    curve_course,
    format_bearing,
    line_course,
    oriented,
    parse_angle,
    parse_bearing,
    parse_length,
    reversed_courses,
    solve_curve,
)
from citygis.errors import ReadError
from citygis.findings import findings_frame
from citygis.readers.guard import require_local_file

COLUMNS = {
    "id": ("line", "curve", "id", "no", "number", "tag", "label", "course", "line no", "curve no", "line #", "curve #"),
    "bearing": ("bearing", "direction", "line bearing"),
    "distance": ("distance", "dist"),
    "radius": ("radius", "rad", "r"),
    "delta": ("delta", "delta angle", "central angle", "angle", "d"),
    "length": ("length", "len", "arc", "arc length", "l"),
    "chord": ("chord", "chord length", "chord dist", "chord distance", "ch", "lc"),
    "chord_bearing": ("chord bearing", "chord direction", "chord brg", "cb"),
    "tangent": ("tangent", "tan", "t"),
    "hand": ("hand", "turn", "l/r", "side"),
}
"""Headings of plat tables, as drafting programs write them, and what each column holds."""

_LARGEST_BYTES = 16 * 2**20
_ID = re.compile(r"[LC]-?\d+[A-Z]?", re.I)
_BEARING = re.compile(r"\b(?:N(?:ORTH)?|S(?:OUTH)?)[\s.]*\d[^EW\n]*?(?:EAST|WEST|E|W)\b\.?", re.I)
_ANGLE = re.compile(r"""\d+\s*(?:°|%%d)\s*(?:\d+\s*['′]?\s*(?:\d+(?:\.\d+)?\s*["″]?)?)?|\b\d+-\d+-\d+(?:\.\d+)?\b""", re.I)
_LENGTH = re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?")
_TAGGED = re.compile(r"\b(R|D|DELTA|L|T|CH|LC|CB)\s*=\s*", re.I)
_REFERENCE = re.compile(r"(-?)\s*([LC]-?\d+[A-Z]?)(?:\s*\(?\s*(LT|RT|LEFT|RIGHT|L|R)\b\.?\s*\)?)?", re.I)
_NAMES = {"radius": "radius_ft", "delta": "delta_deg", "length": "arc_ft", "chord": "chord_ft", "tangent": "tangent_ft"}


class Entry(NamedTuple):
    """
    One row of a table: a line with its azimuth and distance, or a curve; ``chord_azimuth_deg``, ``hand`` and ``arc_ft`` where they
    are stated. That arc differs from the one of `curve` by what was rounded away; one that contradicts it is left out.
    """

    id: str
    azimuth_deg: float | None
    distance_ft: float | None
    curve: Curve | None
    chord_azimuth_deg: float | None
    hand: str | None
    text: str
    source_ref: str
    arc_ft: float | None = None


class PlatTable(NamedTuple):
    """
    The entries of one or more tables by their number, and findings about them.

    P01 a row cannot be read, P02 elements of a curve contradict each other, P03 a number stands in the table twice with different
    values.
    """

    entries: dict[str, Entry]
    findings: gpd.GeoDataFrame


def read_plat_table(source: Path | str, *, name: str | None = None) -> PlatTable:
    """
    A line table, a curve table, or both, of a plat in feet.

    Parameters
    ----------
    source : Path, or str
        A CSV or text file as a `Path`; a str is the pasted text itself. Rows begin with their number, ``L1`` or ``C1``. Without
        headings a line is bearing and distance, a curve radius, delta, length, chord, tangent; or each with its mark, ``R=500.00``.
    name : str, optional
        What to call pasted text in ``source_ref``.

    Returns
    -------
    PlatTable
        A row that cannot be read is a finding, never left out in silence.

    Raises
    ------
    ReadError
        If the file cannot be read, or no row begins with a number of a line or curve.
    """
    if isinstance(source, Path):
        path = require_local_file(source)
        name, text = name or path.name, _text(path)
    else:
        name, text = name or "pasted text", source
    entries: dict[str, Entry] = {}
    rows: list[dict] = []
    headings: list[str] | None = None
    seen = 0
    for number, cells in _rows(text, is_csv=isinstance(source, Path) and source.suffix.lower() == ".csv"):
        first = cells[0].strip()
        if not _ID.fullmatch(first):
            headings = _headings(cells) or headings
            if not _headings(cells) and re.match(r"[LC]-?\d", first, re.I):
                rows.append(_finding("P01", "row", "error", first, name, number, f"{first!r} is no number of a line or curve"))
            continue
        seen += 1
        key = _key(first)
        try:
            entry = _entry(key, cells, headings, f"{name}#line {number}")
        except ValueError as error:
            rows.append(_finding("P01", "row", "error", key, name, number, f"it cannot be read: {error}"))
            continue
        if key in entries:
            if entries[key][1:6] != entry[1:6]:
                rows.append(
                    _finding("P03", "number_twice", "error", key, name, number, "it stands there twice, with other numbers")
                )
            continue
        entries[key] = entry
        for conflict in entry.curve.conflicts if entry.curve else ():
            rows.append(_conflict(key, name, number, conflict, entry.curve.suspect))
    if not seen:
        raise ReadError(
            f"{name} has no row that begins with the number of a line or curve, as L1 or C1. Ask for the table as text."
        )
    return PlatTable(entries, findings_frame(rows))


def lot_courses(table: PlatTable, lot: str) -> tuple[Course, ...]:
    """
    The courses of a lot from its list.

    Parameters
    ----------
    table : PlatTable
    lot : str
        Numbers in the order of travel, as ``L1, C3 R, -L4``. A minus takes a course the other way; a curve says its hand as it is
        travelled (L, R), unless the table has it; its direction is that of its chord where the table states it, otherwise it is
        tangent to the course before.

    Returns
    -------
    tuple of Course, all with directions

    Raises
    ------
    ValueError
        If the list has something else in it, names what is not in the table, or a curve has no hand.
    """
    courses = []
    rest = _REFERENCE.sub("", lot)
    if rest.strip(" ,;\n\t"):
        raise ValueError(f"Invalid lot {lot!r}. Must list numbers of the table, as L1, C3 R, -L4; {rest.strip(' ,;')!r} is none.")
    for minus, number, side in _REFERENCE.findall(lot):
        key = _key(number)
        if key not in table.entries:
            raise ValueError(f"Invalid lot {lot!r}: {key} is not in the table. Must name what is.")
        courses.append(_course(table.entries[key], minus == "-", side[:1].upper() or None))
    if not courses:
        raise ValueError(f"Invalid lot {lot!r}. Must list at least one course.")
    return oriented(courses).courses


def lots_of(text: str) -> dict[str, str]:
    """
    Lists of lots, one to a line, as ``Lot 1: L1, C3 R, -L4``: what `lot_courses` takes, by name.

    Raises
    ------
    ValueError
        If a line has no name, or a name stands twice.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, mark, courses = line.partition(":")
        if not mark or not name.strip() or name.strip() in found:
            raise ValueError(f"Invalid line {line!r}. Must begin with a name that stands nowhere else, and a colon.")
        found[name.strip()] = courses.strip()
    return found


def entries_frame(table: PlatTable) -> pd.DataFrame:
    """The entries as a frame: one row each, lines and curves, angles in degrees and as bearings, lengths in feet."""
    rows = [
        {
            "id": entry.id,
            "kind": "line" if entry.curve is None else "curve",
            "bearing_text": None if entry.azimuth_deg is None else format_bearing(entry.azimuth_deg),
            "azimuth_deg": entry.azimuth_deg if entry.curve is None else entry.chord_azimuth_deg,
            "distance_ft": entry.distance_ft if entry.curve is None else entry.curve.chord_ft,
            "radius_ft": entry.curve.radius_ft if entry.curve else None,
            "delta_deg": entry.curve.delta_deg if entry.curve else None,
            "arc_length_ft": entry.curve.arc_ft if entry.curve else None,
            "curve_side": entry.hand,
            "record_text": entry.text,
            "source_ref": entry.source_ref,
        }
        for entry in table.entries.values()
    ]
    texts = ["id", "kind", "bearing_text", "curve_side", "record_text", "source_ref"]
    floats = ["azimuth_deg", "distance_ft", "radius_ft", "delta_deg", "arc_length_ft"]
    order = ["id", "kind", "bearing_text", *floats, "curve_side", "record_text", "source_ref"]
    return pd.DataFrame(rows, columns=order).astype({**dict.fromkeys(texts, "str"), **dict.fromkeys(floats, "float64")})


def _text(path: Path) -> str:
    if path.stat().st_size > _LARGEST_BYTES:
        raise ReadError(f"{path} is larger than {_LARGEST_BYTES >> 20} MB, which no plat table is. Ask what it is.")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        return path.read_text("cp1252")


def _rows(text: str, *, is_csv: bool):
    """Cells of each line that is not blank, with its number."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        if "\t" in line or "|" in line:
            cells = [cell for cell in re.split(r"\s*[\t|]\s*", line.strip().strip("|")) if cell.strip()]
        elif is_csv or re.match(r"\s*[LC]-?\d+[A-Z]?\s*,", line, re.I) or (line.count(",") > 1 and _headings(line.split(","))):
            cells = next(csv.reader(io.StringIO(line), skipinitialspace=True))
        else:
            cells = re.split(r"\s{2,}", line.strip())
            if len(cells) == 1:
                cells = line.strip().split(None, 1)
        yield number, [cell.strip() for cell in cells] or [""]


def _headings(cells: list[str]) -> list[str] | None:
    """What each column holds, where the cells are headings."""
    if len(cells) < 2:
        cells = " ".join(cells).split()
    elif len(cells) == 2 and " " in cells[1]:
        cells = [cells[0], *_words(cells[1])]
    named = []
    for cell in cells:
        plain = re.sub(r"[\s_.]+", " ", cell.strip().lower()).strip()
        named.append(next((name for name, spelt in COLUMNS.items() if plain in spelt), None))
    return named if sum(name is not None for name in named) >= 2 and named[0] == "id" else None


def _words(text: str) -> list[str]:
    return re.findall(r"chord\s+(?:bearing|direction|length|distance)|central\s+angle|delta\s+angle|arc\s+length|\S+", text, re.I)


def _entry(key: str, cells: list[str], headings: list[str] | None, ref: str) -> Entry:
    text = "  ".join(cells)
    stated = _by_heading(cells, headings) if headings and len(cells) == len(headings) else _by_shape(key, text, headings)
    hand = {"L": "L", "R": "R"}.get(stated.get("hand", "")[:1].upper())
    bearing = stated.get("bearing")
    if key.startswith("L"):
        length = stated.get("distance") or stated.get("length")
        if bearing is None or length is None:
            raise ValueError("a line must have a bearing and a distance")
        return Entry(key, parse_bearing(bearing), _feet(length), None, None, None, text, ref)
    elements = {_NAMES[name]: value for name, value in stated.items() if name in _NAMES}
    solved = solve_curve(
        **{name: parse_angle(value) if name == "delta_deg" else _feet(value) for name, value in elements.items()},
        rounding={name: _half(value) for name, value in elements.items() if name != "delta_deg"},
    )
    chord = stated.get("chord_bearing") or bearing
    arc = _feet(elements["arc_ft"]) if "arc_ft" in elements and not solved.conflicts else None
    return Entry(key, None, None, solved, parse_bearing(chord) if chord else None, hand, text, ref, arc)


def _by_heading(cells: list[str], headings: list[str]) -> dict[str, str]:
    return {name: cell for name, cell in zip(headings, cells, strict=True) if name not in (None, "id") and cell}


def _by_shape(key: str, text: str, headings: list[str] | None) -> dict[str, str]:
    """What a row states, told by its marks, or by how each part looks and the order of the lengths."""
    body = text[text.upper().find(key[0]) :].partition(" ")[2] if " " in text else ""
    tags = list(_TAGGED.finditer(body))
    if tags:
        ends = [*(tag.start() for tag in tags[1:]), len(body)]
        named = {"r": "radius", "d": "delta", "delta": "delta", "l": "length", "t": "tangent", "ch": "chord", "lc": "chord"}
        named["cb"] = "chord_bearing"
        return {named[tag[1].lower()]: body[tag.end() : end].strip(" ,;'\"") for tag, end in zip(tags, ends, strict=True)}
    stated = {}
    if found := _BEARING.search(body):
        stated["bearing"] = found[0]
        body = body.replace(found[0], " ", 1)
    if key.startswith("C") and (found := _ANGLE.search(body)):
        stated["delta"] = found[0]
        body = body.replace(found[0], " ", 1)
    lengths = _LENGTH.findall(body)
    order = ["distance"] if key.startswith("L") else ["radius", "length", "chord", "tangent"]
    if headings:
        told = [name for name in headings if name in ("distance", "length", "radius", "chord", "tangent")]
        order = told if set(told) & set(order) else order
    if len(lengths) > len(order):
        raise ValueError(f"it has {len(lengths)} lengths and {len(order)} are expected; give it its headings")
    return stated | dict(zip(order, lengths, strict=False))


def _feet(text: str) -> float:
    return parse_length(text, unit="foot")


def _half(text: str) -> float:
    digits = re.search(r"\.(\d*)", text)
    return 0.5 * 10.0 ** -(len(digits[1]) if digits else 0)


def _key(text: str) -> str:
    return text.replace("-", "").upper()


def _course(entry: Entry, backwards: bool, side: str | None) -> Course:
    if entry.curve is None:
        if side is not None:
            raise ValueError(f"Invalid lot: {entry.id} is a line and turns to no side. Must have a hand on curves only.")
        course = line_course(entry.azimuth_deg, entry.distance_ft, text=entry.text)
        return reversed_courses([course])[0] if backwards else course
    hand = side or ({"L": "R", "R": "L"}[entry.hand] if backwards and entry.hand else entry.hand)
    if hand is None:
        raise ValueError(f"Invalid lot: {entry.id} does not say which way it turns. Must say L or R, as {entry.id} R.")
    curve = entry.curve._replace(arc_ft=entry.arc_ft or entry.curve.arc_ft)
    if entry.chord_azimuth_deg is None:
        return curve_course(curve, hand, tangency="tangent", text=entry.text)
    azimuth = entry.chord_azimuth_deg + (180 if backwards else 0)
    return curve_course(curve, hand, azimuth_deg=azimuth, text=entry.text)


def _finding(code: str, rule: str, severity: str, key: str, name: str, number: int, said: str) -> dict:
    ref = f"{name}#line {number}"
    remedy = "Compare with the plat."
    return {
        "code": code, "rule": rule, "severity": severity, "layer": "plat_table", "feature": key, "source_ref": ref,
        "message": f"{ref}, {key}: {said}.", "remedy": remedy,
    }  # fmt: skip


def _conflict(key: str, name: str, number: int, conflict: Conflict, suspect: str | None) -> dict:
    said = f"its {conflict.element} is stated as {conflict.stated:.4f}; the other elements give {conflict.computed:.4f}"
    said += f". Without its {suspect}, all others agree" if suspect else ""
    unit = "degrees" if conflict.element.endswith("_deg") else "ft"
    row = _finding("P02", "curve_elements", "review", key, name, number, said)
    return row | {"measure": abs(conflict.difference), "unit": unit, "tolerance": conflict.tolerance}


def lots_frame(table: PlatTable, lots: Mapping[str, str]) -> pd.DataFrame:
    """
    Closure and area of each lot, from its courses: ``lot``, ``courses``, ``perimeter_ft``, ``misclosure_ft``, ``closure_ratio``,
    ``area_sqft``. Errors as `lot_courses`.
    """
    rows = []
    for name, lot in lots.items():
        courses = lot_courses(table, lot)
        closes = closure(courses)
        rows.append((name, len(courses), closes.perimeter_ft, closes.misclosure_ft, closes.closure_ratio, area_sqft(courses)))
    return pd.DataFrame(rows, columns=["lot", "courses", "perimeter_ft", "misclosure_ft", "closure_ratio", "area_sqft"])
