"""
An answer as an Excel workbook: the rows with their totals, and a sheet that says where they come from.
"""

import datetime
import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from citygis.errors import StoreError
from citygis.publish import publishing
from citygis.reports.answer import Answer
from citygis.reports.connection import Cell

MAX_ROWS, MAX_COLUMNS, MAX_CHARACTERS = 1_048_576, 16_384, 32_767
"""What a worksheet holds (Microsoft, "Excel specifications and limits")."""
EXACT_DIGITS = 15
"""Excel keeps that many digits of a number (same source)."""

_HEAD = {"font": Font(bold=True), "fill": PatternFill("solid", fgColor="FFE8ECEF"), "border": Border(bottom=Side(style="thin"))}
_FOOT = {"font": Font(bold=True), "border": Border(top=Side(style="thin"))}
_WIDTH_ROWS = 1_000
_FIXED = (1980, 1, 1, 0, 0, 0)


def write_workbook(path: Path | str, answer: Answer, *, overwrite: bool = False) -> list[str]:
    """
    Write an answer as .xlsx.

    Parameters
    ----------
    path : path
    answer : Answer
    overwrite : bool

    Returns
    -------
    list of str
        Remarks: characters that a workbook cannot hold, texts cut at its limit. Text is always written as text, whatever it
        begins with, so that nothing in it is computed; numbers of more digits than Excel keeps are written as text too.

    Raises
    ------
    StoreError
        If there are more rows or columns than a worksheet has, the file exists, or it cannot be written.
    """
    foot = None
    if answer.totals:
        foot = [answer.totals.get(name) for name in answer.columns]
        if foot[0] is None:
            foot[0] = "Total"
    page = Worksheet("Report", tuple(answer.columns), answer.rows, foot)
    packed, remarks = workbook_bytes((page,), {"Control": _about(answer)}, title=answer.query.title, at=answer.at)
    with publishing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(packed)
    return remarks


class Worksheet(NamedTuple):
    """A worksheet: its title, the names of its columns, its rows, and a last row of totals (or None)."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Cell] | None = None


def workbook_bytes(
    pages: Sequence[Worksheet], about: Mapping[str, Sequence[tuple[str, Cell]]], *, title: str, at: datetime.datetime
) -> tuple[bytes, list[str]]:
    """
    Tables as an Excel workbook.

    Parameters
    ----------
    pages : sequence of Worksheet
    about : mapping of str to sequence of (name, value)
        Further worksheets that tell something line by line.
    title : str
    at : datetime
        When it was made; the only thing in the file that is not of the tables.

    Returns
    -------
    bytes
    list of str
        Remarks, as `write_workbook` gives them.

    Raises
    ------
    StoreError
        If a table is larger than a worksheet.
    """
    book, remarks = Workbook(write_only=True), {}
    for page in pages:
        if len(page.rows) + 2 > MAX_ROWS or len(page.columns) > MAX_COLUMNS:
            raise StoreError(
                f"{len(page.rows):,} rows and {len(page.columns):,} columns are more than a worksheet holds ({MAX_ROWS:,} and "
                f"{MAX_COLUMNS:,}). Write .csv, or ask for less. Nothing was changed."
            )
        sheet = book.create_sheet(page.title)
        sheet.freeze_panes = "A2"
        for i, width in enumerate(_widths(page), 1):
            sheet.column_dimensions[get_column_letter(i)].width = width
        sheet.auto_filter.ref = f"A1:{get_column_letter(len(page.columns))}{len(page.rows) + 1}"
        sheet.append([_cell(sheet, name, remarks, **_HEAD) for name in page.columns])
        for row in page.rows:
            sheet.append([_cell(sheet, value, remarks) for value in row])
        if page.foot:
            sheet.append([_cell(sheet, value, remarks, **_FOOT) for value in page.foot])
    for name, lines in about.items():
        sheet = book.create_sheet(name)
        sheet.column_dimensions["A"].width, sheet.column_dimensions["B"].width = 26, 80
        for key, value in lines:
            looks = {"alignment": Alignment(wrap_text=True, vertical="top")}
            sheet.append([_cell(sheet, key, {}, font=Font(bold=True), **looks), _cell(sheet, value, {}, **looks)])
    book.properties.creator, book.properties.title = "citygis", title
    book.properties.created = book.properties.modified = at.replace(tzinfo=None, microsecond=0)
    packed = io.BytesIO()
    book.save(packed)
    return _undated(packed, at), [f"{n:,} {what}" for what, n in remarks.items()]


def _cell(sheet, value: Cell, remarks: dict[str, int], **looks) -> WriteOnlyCell:
    if isinstance(value, int) and not isinstance(value, bool) and len(str(abs(value))) > EXACT_DIGITS:
        value = str(value)
    if isinstance(value, str):
        kept = ILLEGAL_CHARACTERS_RE.sub("\ufffd", value)
        if kept != value:
            _count(remarks, "texts hold control characters, which a workbook cannot; a replacement sign stands for each.")
        if len(kept) > MAX_CHARACTERS:
            _count(remarks, f"texts are longer than the {MAX_CHARACTERS:,} characters of a cell and were cut there.")
            kept = kept[:MAX_CHARACTERS]
        value = kept
    cell = WriteOnlyCell(sheet, value=value)
    if isinstance(value, str):
        cell.data_type = "s"  # "=1+1" is a text somebody typed, not a formula of ours
        if value.startswith(("=", "+", "-", "@")):
            cell.quotePrefix = True
    elif isinstance(value, float):
        cell.number_format = "#,##0.00####"
    for name, look in looks.items():
        setattr(cell, name, look)
    return cell


def _count(remarks: dict[str, int], what: str) -> None:
    remarks[what] = remarks.get(what, 0) + 1


def _widths(page: Worksheet) -> Iterator[float]:
    for i, name in enumerate(page.columns):
        longest = max([len(name), *(len(str(row[i])) for row in page.rows[:_WIDTH_ROWS] if row[i] is not None)])
        yield min(60.0, longest + 3.0)


def _about(answer: Answer) -> list[tuple]:
    query = answer.query
    lines: list[tuple] = [("Report", query.title)]
    lines += [("", query.description)] if query.description else []
    lines += [
        ("City", answer.city),
        ("Store", answer.store),
        ("Last change in it", "none" if answer.change is None else f"{answer.change}, {answer.change_at}"),
        ("Asked at", answer.at.isoformat(timespec="seconds").replace("+00:00", "Z")),
        ("Rows", len(answer.rows)),
    ]
    lines += [(f"Parameter {name}", str(value)) for name, value in answer.parameters.items()]
    lines += [(f"Total of {name}", total) for name, total in answer.totals.items()]
    for control in answer.controls:
        verdict = "agrees" if control.agrees else "DOES NOT AGREE"
        lines.append((f"Control of {control.column}", f"{verdict}: {control.total} here, {control.control} by the control"))
    lines += [("Remark", remark) for remark in answer.remarks]
    return [*lines, ("SQL", query.sql), ("SHA-256 of the SQL", answer.sql_sha256)]


def _undated(packed: io.BytesIO, at: datetime.datetime) -> bytes:
    """The same workbook without the time it was packed: the same answer gives the same bytes."""
    modified = f"\\g<1>{at:%Y-%m-%dT%H:%M:%SZ}".encode()
    plain = io.BytesIO()
    with zipfile.ZipFile(packed) as book, zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in book.namelist():
            entry = zipfile.ZipInfo(name, _FIXED)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            content = book.read(name)
            if name == "docProps/core.xml":  # saving sets the clock's time in place of what the properties say
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", modified, content)
            copy.writestr(entry, content)
    return plain.getvalue()
