"""
Legal descriptions: from text to courses, with everything that the text says against itself.

::

    text ─ repair ─▶ clean text ─ tokens ─▶ bearings, angles, lengths ─ clauses, calls, figures ─▶ course table ─▶ courses, findings

Deterministic: the same text gives the same table. Nothing is solved silently: a course whose direction or length the text leaves
to a line, a corner or an adjoiner stays unresolved, for in law such a call may go before the numbers, and here it never replaces
them.
"""

from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.cogo import Closure, Course
from citygis.errors import ReadError
from citygis.readers.deed.checks import call_findings, figure_findings, text_findings
from citygis.readers.deed.clauses import clauses
from citygis.readers.deed.course_table import course_frame
from citygis.readers.deed.figures import Figure, gathered
from citygis.readers.deed.gate import Quality, quality
from citygis.readers.deed.references import references
from citygis.readers.deed.repair import Repair, cleaned
from citygis.readers.deed.resolution import Resolved, resolve
from citygis.readers.deed.rows import Units, feet_of, rows_of
from citygis.readers.deed.tokens import tokenized
from citygis.readers.guard import require_local_file
from citygis.readers.text import decoded_text
from citygis.units import SQFT_PER_ACRE, US_SURVEY_FOOT, Unit

LARGEST_TEXT_BYTES = 2**20
"""More is no description: one of 500 courses has about 60,000 characters."""

_SUFFIXES = (".txt", ".text", ".md", ".pdf", ".docx", ".doc", ".rtf", ".odt", ".tif", ".tiff", ".jpg", ".png", ".html", ".htm")
_PLAIN = (".txt", ".text", ".md", "")


class StatedArea(NamedTuple):
    """An area that the description states, in square feet of the City, half its last place, and its words."""

    area_sqft: float
    half_sqft: float
    text: str


class DeedParcel(NamedTuple):
    """
    Courses that belong together.

    Attributes
    ----------
    name : str
    role : {"tie", "boundary", "exception", "strip"}
        A tie leads to the point of beginning and is no part of the boundary; a strip is its centreline.
    courses : tuple of Course
        ``RECORD``, with directions. Only those that the text states: look at `unresolved` before a polygon is made.
    calls : tuple of int
        Their rows of the course table, by ``call``, the unresolved ones too.
    unresolved : tuple of int
        Calls that state too little to be courses.
    closure : Closure or None
        Of a boundary or exception without unresolved calls that comes back to its beginning.
    area_sqft : float or None
        From the courses, of one that has a closure.
    stated_areas : tuple of StatedArea
    left_ft, right_ft : float or None
        Widths of a strip.
    sidelines : str
        How the sidelines of a strip end, in the words of the text.
    """

    name: str
    role: str
    courses: tuple[Course, ...]
    calls: tuple[int, ...]
    unresolved: tuple[int, ...]
    closure: Closure | None = None
    area_sqft: float | None = None
    stated_areas: tuple[StatedArea, ...] = ()
    left_ft: float | None = None
    right_ft: float | None = None
    sidelines: str = ""


class Deed(NamedTuple):
    """
    What a legal description says.

    Attributes
    ----------
    parcels : tuple of DeedParcel
        Empty where the text was refused.
    table : DataFrame
        Columns `citygis.readers.deed.course_table.COLUMNS`, one row per call.
    findings : findings frame
        Codes of `citygis.readers.deed.checks`.
    references : DataFrame
        Columns `citygis.readers.deed.references.REFERENCE_COLUMNS`.
    repairs : tuple of Repair
    quality : Quality
    text : str
        As given.
    """

    parcels: tuple[DeedParcel, ...]
    table: pd.DataFrame
    findings: gpd.GeoDataFrame
    references: pd.DataFrame
    repairs: tuple[Repair, ...]
    quality: Quality
    text: str


def read_deed(
    source: str | Path,
    *,
    unit: str | None = None,
    vara_in: float | None = None,
    document_foot: Unit = US_SURVEY_FOOT,
    notation: str | None = None,
    azimuth_from: str | None = None,
    least_legible_words: float | None = None,
) -> Deed:
    """
    Read a legal description.

    Parameters
    ----------
    source : str or Path
        The text itself, or the path of a text file. A path as str is taken as one only with a suffix such as ``.txt``.
    unit : str, optional
        One of `citygis.cogo.LENGTH_UNITS`: of numbers without a unit. By default the one that all others have.
    vara_in : float, optional
        The vara of this document in inches; without it a distance in varas stays unresolved.
    document_foot : Unit
        The foot of this document.
    notation : {"decimal", "packed"}, optional
        What a bare decimal in a bearing is: degrees, or DD.MMSS. Without it such a bearing stays unresolved.
    azimuth_from : {"north", "south"}, optional
        Where the azimuths of this document count from, if it does not say so itself.
    least_legible_words : float, optional
        In place of the share that the gate asks for; 0 lets any text through.

    Returns
    -------
    Deed
        Lengths in the City's feet. A text below the gate comes back with no parcels and no rows, and a finding L01 that shows it.

    Raises
    ------
    ReadError
        If the file is not plain text (a PDF, a DOCX, a picture), is missing, or is too large.
    """
    text = _text_of(source)
    units = Units(document_foot, vara_in, azimuth_from)
    clean = cleaned(text)
    tokens = tokenized(clean, notation=notation, unit=unit)
    found = gathered(clean.text, clauses(clean.text, tokens.tokens), tokens.tokens)
    is_legible = quality(text, clean, tokens, found, least_words=least_legible_words)
    parcels: list[DeedParcel] = []
    rows: list[dict] = []
    findings: list[dict] = []
    repairs = tuple(sorted((*clean.repairs, *tokens.repairs), key=lambda r: (r.start, r.rule)))
    if is_legible.is_readable:
        _name(found.figures)
        for figure in found.figures:
            first = len(rows)
            own, halves, problems = rows_of(figure, clean, units, repairs, first)
            rows += own
            resolved = [*resolve(own[: figure.ties], halves[: figure.ties]), *resolve(own[figure.ties :], halves[figure.ties :])]
            findings += call_findings(figure, own, resolved, problems)
            made = _parcels(figure, own, resolved, units, clean.text)
            findings += figure_findings(figure, own, halves, made[-1], clean)
            parcels += made
    findings += text_findings(text, clean, found, is_legible, rows)
    from citygis.findings import findings_frame

    return Deed(tuple(parcels), course_frame(rows), findings_frame(findings), references(clean), repairs, is_legible, text)


def _text_of(source: str | Path) -> str:
    is_path = isinstance(source, Path) or (
        isinstance(source, str) and len(source) < 500 and "\n" not in source and Path(source).suffix.lower() in _SUFFIXES
    )
    if not is_path:
        if not isinstance(source, str):
            raise ValueError(f"Invalid source {source!r}. Must be the text of a description, or a path.")
        text, shown = source, "The text"
    else:
        path = require_local_file(source)
        shown = str(path)
        with path.open("rb") as file:
            head = file.read(8)
        if path.suffix.lower() not in _PLAIN or head.startswith(
            (b"%PDF", b"PK\x03\x04", b"{\\rtf", b"\xd0\xcf\x11\xe0", b"II*\0", b"MM\0*", b"\x89PNG", b"\xff\xd8")
        ):
            raise ReadError(
                f"{shown} is not plain text. Open it, copy the text of the description, and save it as a .txt file or paste it."
            )
        text, _ = decoded_text(path, shown=shown, largest_bytes=LARGEST_TEXT_BYTES)
    if len(text) > LARGEST_TEXT_BYTES:
        raise ReadError(
            f"{shown} has {len(text):,} characters; more than {LARGEST_TEXT_BYTES:,} are no description. Paste one at a time."
        )
    if "\0" in text:
        raise ReadError(f"{shown} holds null bytes: it is not plain text. Save the description as a .txt file in UTF-8.")
    if not text.strip():
        raise ReadError(f"{shown} is empty. Paste the text of the description.")
    return text


def _name(figures: list[Figure]) -> None:
    """Every figure a name of its own."""
    taken: set[str] = set()
    for figure in figures:
        base = "exception" if figure.role == "exception" and figure.name.isdigit() else figure.name
        name, number = base, 2
        while name in taken:
            name, number = f"{base} {number}", number + 1
        taken.add(name)
        figure.name = name


def _parcels(figure: Figure, rows: list[dict], resolved: list[Resolved], units: Units, text: str) -> list[DeedParcel]:
    from citygis.cogo import area_sqft, closure

    made = []
    for role, part in (("tie", slice(0, figure.ties)), (figure.role, slice(figure.ties, None))):
        own, answers = rows[part], resolved[part]
        if role == "tie" and not own:
            continue
        courses = tuple(r.course for r in answers if r.course is not None)
        unresolved = tuple(row["call"] for row, r in zip(own, answers, strict=True) if r.course is None)
        parcel = DeedParcel(figure.name, role, courses, tuple(row["call"] for row in own), unresolved)
        if role != "tie":
            if role != "strip" and courses and not unresolved and figure.arrival != "none":
                parcel = parcel._replace(closure=closure(courses), area_sqft=area_sqft(courses))
            parcel = parcel._replace(
                stated_areas=tuple(_stated_area(area, units, text) for area in figure.areas),
                left_ft=_width(figure.left, figure, units),
                right_ft=_width(figure.right, figure, units),
                sidelines=figure.tail if role == "strip" else "",
            )
        made.append(parcel)
    return made


def _width(value: float | None, figure: Figure, units: Units) -> float | None:
    return None if value is None or figure.role != "strip" else feet_of(value, figure.width_unit or "foot", units)


def _stated_area(area, units: Units, text: str) -> StatedArea:
    foot = feet_of(1.0, "foot", units) or 1.0
    metre = feet_of(1.0, "metre", units) or 1.0
    size = {"acre": SQFT_PER_ACRE * foot**2, "sqft": foot**2, "sqm": metre**2, "hectare": 10_000 * metre**2}[area.unit]
    return StatedArea(area.value * size, area.half * size, " ".join(text[area.start : area.end].split()))
