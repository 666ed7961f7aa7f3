"""
An answer as CSV.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from citygis.publish import publishing
from citygis.reports.answer import Answer
from citygis.reports.connection import Cell

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path | str, answer: Answer, *, overwrite: bool = False) -> list[str]:
    """
    Write an answer's rows as CSV: UTF-8 with a mark that spreadsheets know, one header line, no totals.

    Parameters
    ----------
    path : path
    answer : Answer
    overwrite : bool

    Returns
    -------
    list of str
        Remarks. A text that a spreadsheet would take for a formula gets an apostrophe before it
        (owasp.org/www-community/attacks/CSV_Injection); a number written as text does not.

    Raises
    ------
    StoreError
        If the file exists or cannot be written.
    """
    return write_rows(path, answer.columns, answer.rows, overwrite=overwrite)


def write_rows(path: Path | str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, overwrite: bool = False) -> list[str]:
    """Rows of cells as CSV; remarks and errors as `write_csv`."""
    guarded = 0
    with publishing(path, overwrite=overwrite) as temporary, temporary.open("w", encoding="utf-8-sig", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([_guarded(name) for name in columns])
        for row in rows:
            cells = [_guarded(value) for value in row]
            guarded += sum(isinstance(a, str) and a != b for a, b in zip(row, cells, strict=True))
            lines.writerow(cells)
    if not guarded:
        return []
    return [f"{guarded:,} texts begin like a formula; an apostrophe stands before each, so that no spreadsheet computes them."]


def _guarded(value: Cell) -> Cell:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text
