"""
Survey point files: point, northing, easting, elevation, description (PNEZD) and its sister orders, one point a line.

The file seldom says which of its numbers is the northing. It is told by the sender, by a header, or by magnitude against the box
that the City lies in; where those disagree or none decides, the reader asks.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from citygis.errors import ReadError
from citygis.readers.captures import Captures, Rejection, captures_frame, rejected_frame
from citygis.readers.guard import require_local_file
from citygis.readers.magnitude import Evidence, fitting, foot_note, found_order, required_order, round_metres
from citygis.readers.point_lines import (
    COMMENT_MARKS,
    LETTERS,
    TITLES,
    Layout,
    PointLines,
    best_delimiter,
    first_columns,
    header_layout,
    header_titles,
    named_columns,
    plain_title,
    point_lines,
    stated_layout,
)
from citygis.readers.text import decoded_text, plain_numbers, text_lines, trimmed

LARGEST_BYTES = 2**30
"""A larger file is no list of points: 1 GB holds some 20 million of them."""

_MOST = 0.9
"""The share of the lines that must be as expected, before a file is taken for what it looks like."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f]").search

_RAW = {
    r"(?m)^\s*(JB,NM|MO,AD\d,UN\d|--\s*\S+ RW5 format)": "a raw data file (RW5) of a data collector",
    r"(?m)^CO,\s*Nikon RAW": "a raw data file of a Nikon total station",
    r"(?m)^\s*00NM\s*SDR": "a raw data file (SDR33) of a Sokkia total station",
    r"(?m)^\*?11\d{4}[+-]\S+ (21|22|31|81|87)": "a raw data file (GSI) of a Leica total station",
    r"(?i)\A[^\n]*horiz[^\n]*angle[^\n]*slope[ _]*dist": "a listing of a total station's raw observations",
}


def read_points(path: Path | str, *, order: str | None = None, box: tuple[float, float, float, float] | None = None) -> Captures:
    """
    The points of a survey point file.

    Parameters
    ----------
    path : path
        Text, one point a line, parted by commas, tabs, semicolons or blanks; with a header or without. Blank lines and comments
        (``#``, ``//``, ``!``, ``--``, and ``;`` unless it parts the cells) are counted. The description, when it comes last, may
        hold the delimiter and quotes.
    order : str, optional
        Letters of P (point), N, E, Z (elevation), D (description): "PNEZD", "PENZ", "NEZD". Left out, it is found by the header or
        by magnitude.
    box : (easting_min, northing_min, easting_max, northing_max), optional
        Where the points must be, in the feet of the City's system (or in the system that the sender states). Rows that fit it only
        with northing and easting exchanged, or only as metres, are rejected: `order_contradicts`, `units_mixed`. Rows that fit
        in no way are kept, and counted in the notes.

    Returns
    -------
    Captures
        Rows of ``capture`` "point": name and code as sent (null where blank), elevation in the unit that the header states, else
        with a null unit; no vertical datum, no fix type, crs None: such a file states none. Repeated names are kept. Columns that
        a header names otherwise follow. ``rows`` are "line 12". ``records`` counts points, comments, blank lines and the header.
        Rejected: ``not_text``, ``wrong_field_count``, ``cut_off``, ``not_a_number``, ``no_position``, ``order_contradicts``,
        ``units_mixed``.

    Raises
    ------
    ReadError
        If the file is raw data of an instrument, holds no points, its order cannot be told, or what is stated contradicts the
        numbers.
    CRSError
        If the file fits the box only as metres.
    ValueError
        If `order` or `box` is none.
    """
    path = require_local_file(path)
    stated = None if order is None else stated_layout(order)
    _require_box(box)
    raw = raw_instrument(path)
    if raw is not None:
        raise ReadError(
            f"{path} is {raw}: angles and distances, which are not coordinates yet. Reduce it in the office software, then export "
            "the points as text in the order PNEZD."
        )
    text, note = decoded_text(path, shown=str(path), largest_bytes=LARGEST_BYTES)
    lines = point_lines(text)
    if not lines.records or not (lines.share or lines.header):
        raise ReadError(
            f"{path} holds no survey points: no line has a point with two numbers. Look at the file; ask for PNEZD text."
        )
    titled = None if lines.header is None else header_layout(lines.header, shown=str(path))
    if stated is not None and titled is not None and stated.letters != titled.letters:
        raise ReadError(
            f"{path}: the order {stated.letters} was stated, but its header says {titled.letters} ({', '.join(lines.header)}). "
            "Ask the sender which is true; leave --order out to follow the header."
        )
    layout, evidence = _settled(titled or stated, lines, box, path)
    return _captures(lines, layout, evidence, [note] if note else [], path)


def looks_like_points(path: Path | str) -> bool:
    """
    Whether a text file is a survey point file: nine in ten of its first 200 lines, the first among them, have numbers in
    place, or its header names point columns and no others, an elevation or a description among them. Raises for nothing it holds.
    """
    path = Path(path)
    if not path.is_file() or raw_instrument(path) is not None:
        return False
    with open(path, "rb") as file:
        head = file.read(65536)
    if not head or (b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))):
        return False
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    lines = text_lines(head.decode(encoding, errors="replace"))
    lines = lines[:-1] if len(head) == 65536 else lines
    lines = [line for line in lines if line.strip() and not line.lstrip().startswith((*COMMENT_MARKS, ";"))][:200]
    if not lines:
        return False
    delimiter, share = best_delimiter(lines)
    titles = header_titles(lines[0], delimiter)
    if titles is not None:
        named = [TITLES.get(plain_title(title)) for title in titles]
        known = None not in named and {"name", "northing", "easting"} <= set(named)
        return known and bool({"elevation", "code"} & set(named)) and (len(lines) == 1 or best_delimiter(lines[1:])[1] >= _MOST)
    return share >= _MOST and best_delimiter(lines[:1])[1] == 1


def raw_instrument(path: Path | str) -> str | None:
    """What raw data of an instrument a file is ("a raw data file (RW5) of a data collector"), or None where it is none that is "
    "known."""
    with open(path, "rb") as file:
        head = file.read(65536).decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    return next((what for pattern, what in _RAW.items() if re.search(pattern, head)), None)


def _require_box(box: Sequence[float] | None) -> None:
    if box is not None and not (len(box) == 4 and np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]):
        raise ValueError(f"Invalid box {box!r}. Must be easting_min, northing_min, easting_max, northing_max.")


# -- order ------------------------------------------------------------------------------------------------------------------


def _settled(told: Layout | None, lines: PointLines, box: tuple | None, path: Path) -> tuple[Layout, Evidence]:
    """The layout as told or found, with what every row's magnitude says of it."""
    if told is not None:
        cells, _, _ = named_columns(lines, told.columns)
        pair = plain_numbers(cells["easting"]), plain_numbers(cells["northing"])
        return told, required_order(*pair, box, letters=told.letters, by=told.by, shown=str(path))
    sent = first_columns(lines)
    columns = [plain_numbers(column) for column in sent]
    first = 1 if fitting(columns[1], columns[2], box) >= fitting(columns[0], columns[1], box) else 0
    swapped, evidence = found_order(columns[first], columns[first + 1], box, shown=str(path))
    letters = "P" * first + ("EN" if swapped else "NE")
    if len(columns) > first + 2:
        blank = trimmed(sent[first + 2]).is_null().to_numpy(zero_copy_only=False)
        number = np.isfinite(columns[first + 2])
        has_elevation = bool(number.any() and (number | blank).mean() >= _MOST)
        letters += "Z" * has_elevation + "D" * (not has_elevation or len(columns) > first + 3)
    return stated_layout(letters)._replace(by="by magnitude"), evidence


# -- captures ---------------------------------------------------------------------------------------------------------------


def _captures(lines: PointLines, layout: Layout, evidence: Evidence, notes: list[str], path: Path) -> Captures:
    cells, rest, width = named_columns(lines, layout.columns)
    numbers = {column: plain_numbers(cells[column]) for column in ("northing", "easting", "elevation") if column in cells}
    reasons = _reasons(lines, layout, cells, rest, width, numbers, evidence)
    good = np.array([reason is None for reason in reasons], dtype=bool)
    kept = np.flatnonzero(good)
    texts = {column: trimmed(values).to_pandas().iloc[kept] for column, values in cells.items() if column not in numbers}
    others = {column: values for column, values in texts.items() if column not in LETTERS.values()}
    frame = captures_frame(
        {
            "capture": "point",
            "name": texts.get("name"),
            "code": texts.get("code"),
            "elevation": numbers["elevation"][kept] if "elevation" in numbers else None,
            "elevation_unit": layout.unit,
        },
        numbers["easting"][kept],
        numbers["northing"][kept],
        crs=None,
        others=pd.DataFrame(others, dtype="str") if others else None,
    )
    if layout.unit is not None:
        frame.loc[frame["elevation"].isna(), "elevation_unit"] = None
    rejected = [
        Rejection(f"line {lines.numbers[row]}", *reasons[row], lines.records[row][:500]) for row in np.flatnonzero(~good).tolist()
    ]
    notes = [*notes, _order_note(layout, evidence, len(lines.records)), *lines.notes, *evidence.notes, *_name_notes(frame["name"])]
    notes += foot_note(numbers["easting"][kept], numbers["northing"][kept]) if evidence.in_feet or evidence.box is None else []
    notes += round_metres(pa.concat_arrays([cells["easting"], cells["northing"]])).notes
    records = {kind: count for kind, count in ({"point": len(lines.records)} | lines.counts).items() if count}
    return Captures(
        frame, np.array([f"line {number}" for number in lines.numbers[kept]], dtype=object), rejected_frame(rejected), records,
        notes=tuple(notes),
    )  # fmt: skip


def _reasons(
    lines: PointLines, layout: Layout, cells: dict, rest: pa.Array, width: np.ndarray, numbers: dict, evidence: Evidence
) -> list[tuple[str, str] | None]:
    """Why each record cannot be used, with the message; None where it can. The first reason in this order wins."""
    reasons: list[tuple[str, str] | None] = [None] * len(lines.records)
    for row, line in enumerate(lines.records):
        if not line.isprintable() and _CONTROL(line):
            reasons[row] = "not_text", "The line holds control characters: it is damaged."
    needed = 1 + max(layout.columns.index("northing"), layout.columns.index("easting"))
    full = len(layout.columns) - (layout.columns[-1] == "code")
    for row in np.flatnonzero(width < needed):
        reasons[row] = reasons[row] or (
            "wrong_field_count",
            f"The line has {width[row]} cells; {layout.letters} needs {needed} at least.",
        )
    last = len(lines.records) - 1
    if not lines.ends and width[last] < full <= np.median(width):
        reasons[last] = "cut_off", "The last line has no end and fewer cells than the others: the file was cut off."
    for row in np.flatnonzero(width > len(layout.columns)) if layout.columns[-1] != "code" else ():
        more = (rest[row].as_py() or "").strip()
        if more:
            reasons[row] = reasons[row] or ("wrong_field_count", f"The line has more cells than {layout.letters}: {more!r}.")
    for column, values in numbers.items():
        for row in np.flatnonzero(np.isnan(values)).tolist():
            sent = (cells[column][row].as_py() or "").strip()
            if sent:
                reasons[row] = reasons[row] or ("not_a_number", f"The {column} {sent!r} is not a number.")
            elif column != "elevation":
                reasons[row] = reasons[row] or ("no_position", f"The {column} is blank.")
    for row in np.flatnonzero(evidence.exchanged).tolist():
        reasons[row] = reasons[row] or (
            "order_contradicts",
            f"Only with northing and easting exchanged does it lie where the others do; the file is {layout.letters}.",
        )
    for row in np.flatnonzero(evidence.in_metres).tolist():
        reasons[row] = reasons[row] or ("units_mixed", "Only when taken as metres does it lie where the others, in feet, do.")
    return reasons


def _order_note(layout: Layout, evidence: Evidence, count: int) -> str:
    if evidence.box is None:
        return f"Order {layout.letters} {layout.by}; without a place to compare with, the numbers could not confirm it."
    return f"Order {layout.letters} {layout.by}: {evidence.agree:,} of {count:,} rows lie in the City's box so."


def _name_notes(names: pd.Series) -> list[str]:
    counts = names.value_counts()
    repeated = counts[counts > 1]
    if repeated.empty:
        return []
    shown = ", ".join(sorted(repeated.index.astype(str))[:5])
    return [f"{len(repeated):,} point names occur more than once ({int(repeated.sum()):,} rows, all kept): {shown}."]
