"""
Text of outside files: the encoding it is in, its lines, what stands between its cells, and cells that are plain numbers.
"""

import codecs
import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citygis.errors import ReadError

DELIMITERS = ",;\t|"
"""What may stand between the cells of a table with a header."""

MOST_COLUMNS = 10_000
"""A table with more columns is refused: a frame of so many takes gigabytes for every megabyte of text."""

_NUMBER = r"^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$"
_SURE_ROWS = 20


def decoded_text(path: Path, *, shown: str, largest_bytes: int | None = None) -> tuple[str, str | None]:
    """
    The text of a file, by its byte order mark, as UTF-8, or else as Windows 1252.

    Parameters
    ----------
    path : Path
    shown : str
        How to name the file in a message.
    largest_bytes : int, optional
        A larger file is refused before it is read.

    Returns
    -------
    text, note
        The note says that it was read as Windows 1252; None otherwise.

    Raises
    ------
    ReadError
        If a byte has no meaning in the encoding, or the file is larger than `largest_bytes`.
    """
    if largest_bytes is not None and path.stat().st_size > largest_bytes:
        raise ReadError(
            f"{shown} has {path.stat().st_size / 2**20:,.0f} MB; more than {largest_bytes / 2**20:,.0f} MB of text of this kind "
            "are refused. Ask for it in parts."
        )
    raw = path.read_bytes()
    for mark, name in ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
        if raw.startswith(mark):
            return _decoded(raw, name, shown), None
    try:
        return raw.decode("utf-8"), None
    except UnicodeDecodeError:
        return _decoded(raw, "cp1252", shown), "The text is not UTF-8; it was read as Windows 1252."


def delimiter_of(text: str) -> str:
    """The one of `DELIMITERS` that parts the first lines of a table into the same, largest number of cells."""
    lines = text[:65536].splitlines()[:_SURE_ROWS]
    best, most = ",", 1
    for delimiter in DELIMITERS:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        if counts and counts[0] > most and sum(count == counts[0] for count in counts) > len(counts) / 2:
            best, most = delimiter, counts[0]
    return best


def text_lines(text: str) -> list[str]:
    """
    Lines without their ends, whether those are LF, CR LF or CR; what follows the last end is a line only when it is not empty.

    Separators that `str.splitlines` also takes for an end (form feed, U+2028) stay in the line.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def unique_titles(cells: Sequence[str]) -> list[str]:
    """Titles of columns, blanks trimmed: one without name is ``column_3``, the second of a name has ``_2`` after it."""
    names: dict[str, None] = {}
    following: dict[str, int] = {}
    for position, cell in enumerate(cells, start=1):
        name = unique = cell.strip() or f"column_{position}"
        number = following.get(name, 2)
        while unique in names:
            unique, number = f"{name}_{number}", number + 1
        following[name] = number
        names[unique] = None
    return list(names)


def trimmed(cells: pa.Array) -> pa.Array:
    """Text without the blanks around it; null where nothing is left."""
    text = pc.utf8_trim_whitespace(cells)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def plain_numbers(cells: Sequence[str | None] | pa.Array) -> np.ndarray:
    """
    Cells as numbers, to the last digit; not a number where a cell is anything but a plain decimal.

    "12", "-3.5", "+.5" and "1e3" are plain; "1,234", "nan", "inf", "1_000" and "37 49 20" are not. Blanks around it are ignored.

    Returns
    -------
    array of float64, as long as `cells`
    """
    text = pc.utf8_trim_whitespace(cells if isinstance(cells, pa.Array) else pa.array(cells, pa.string()))
    plain = pc.match_substring_regex(text, _NUMBER)
    text = pc.replace_substring_regex(pc.if_else(plain, text, pa.scalar(None, pa.string())), r"^\+", "")
    numbers = pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False).astype("float64")
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _decoded(raw: bytes, encoding: str, shown: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise ReadError(
            f"{shown}: byte {error.start:,} is neither UTF-8 nor {encoding}. Ask the sender to save it as UTF-8."
        ) from None
