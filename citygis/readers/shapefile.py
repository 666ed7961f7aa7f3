"""
The parts of a shapefile, looked at before the driver is: are they all there and whole, what do the bytes of the table say.

Layouts: ESRI Shapefile Technical Description (1998); dBASE III+ table, with the language byte of dBASE IV.
"""

import codecs
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from citygis.errors import ReadError
from citygis.readers.wkb import Problem

_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx", ".qix", ".idm", ".ind", ".shp.xml")

# Language byte of the dBASE header to Python codec, as far as deliveries have it (ESRI knowledge base 000013192).
_LANGUAGES = {0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x57: "cp1252", 0x58: "cp1252", 0x59: "cp1252"}


_WIDEST_INTEGER = 18
"""The driver makes a double of any integer column wider than this (GDAL, ESRI Shapefile driver, "Field sizes")."""


class Column(NamedTuple):
    """One column of a dBASE table: its name, type letter, where its bytes lie in a record, and its decimals."""

    name: str
    letter: str
    start: int
    width: int
    decimals: int


class Table(NamedTuple):
    """A dBASE table: its records as bytes (n, record length), its columns, and its language byte."""

    records: np.ndarray
    columns: list[Column]
    language: int


def parts_of(path: Path) -> dict[str, Path]:
    """The files that make one shapefile, by suffix in lower case, whatever the case they are written in."""
    stem = path.name[:-4].casefold()
    parts = {}
    for file in sorted(path.parent.iterdir()):
        name = file.name.casefold()
        if name.startswith(stem) and name[len(stem) :] in _PARTS:
            parts[name[len(stem) :]] = file
    return parts


def require_whole(path: Path, *, shown: str) -> dict[str, Path]:
    """
    The parts of a shapefile, all there and agreeing.

    Parameters
    ----------
    path : Path
        The ``.shp``.
    shown : str
        How to name it in a message.

    Raises
    ------
    ReadError
        If ``.shx`` or ``.dbf`` is missing, a part is cut off, or the parts do not have the same number of rows.
    """
    parts = parts_of(path)
    for suffix, what in ((".shx", "index"), (".dbf", "attribute table")):
        if suffix not in parts:
            raise ReadError(f"{shown}: its {what} ({path.stem}{suffix}) is missing. Ask the sender for all parts, in one zip.")
    again = "Ask the sender for all parts again, in one zip."
    shp_bytes, shx_bytes = parts[".shp"].stat().st_size, parts[".shx"].stat().st_size
    shp_head, shx_head = _header(parts[".shp"], shown), _header(parts[".shx"], shown)
    if shp_head > shp_bytes:
        raise ReadError(f"{shown} is cut off: its header says {shp_head:,} bytes, there are {shp_bytes:,}. {again}")
    if shx_head > shx_bytes or (shx_head - 100) % 8:
        raise ReadError(
            f"{shown}: its index (.shx) is cut off: its header says {shx_head:,} bytes, there are {shx_bytes:,}. {again}"
        )
    index = np.fromfile(parts[".shx"], dtype=">i4", count=(shx_head - 100) // 4, offset=100).astype(np.int64).reshape(-1, 2)
    ends = 2 * index[:, 0] + 8 + 2 * index[:, 1]
    if len(index) and (ends.max() > shp_head or index.min() < 0):
        row = int(np.argmax(ends))
        raise ReadError(f"{shown}: its index (.shx) points past the end of the shapes at row {row + 1}. {again}")
    table = read_table(parts[".dbf"], shown=shown)
    if len(table.records) != len(index):
        raise ReadError(
            f"{shown} has {len(index):,} shapes but {len(table.records):,} rows of attributes (.dbf): they cannot be paired. "
            f"{again}"
        )
    return parts


def read_table(path: Path, *, shown: str) -> Table:
    """
    The records of a ``.dbf``, as bytes on disk.

    Raises
    ------
    ReadError
        If it is cut off or no dBASE table.
    """
    again = "Ask the sender for all parts again, in one zip."
    with open(path, "rb") as file:
        head = file.read(32)
    if len(head) < 32:
        raise ReadError(f"{shown}: its attribute table (.dbf) is cut off within its header. {again}")
    count, header_length, record_length = struct.unpack_from("<IHH", head, 4)
    with open(path, "rb") as file:
        descriptors = file.read(header_length)[32:]
    size = path.stat().st_size
    if record_length < 1 or size < header_length + count * record_length:
        whole = max(size - header_length, 0) // max(record_length, 1)
        raise ReadError(f"{shown}: its attribute table (.dbf) is cut off after {whole:,} of {count:,} rows. {again}")
    columns, start = [], 1
    for at in range(0, len(descriptors) - 31, 32):
        field = descriptors[at : at + 32]
        if field[0] == 0x0D:
            break
        name = field[:11].split(b"\0")[0].decode("latin-1").strip()
        letter, width, decimals = chr(field[11]), field[16], field[17]
        if letter == "C":  # text longer than 254 keeps the high byte of its width where numbers keep their decimals
            width, decimals = width + 256 * decimals, 0
        columns.append(Column(name, letter, start, width, decimals))
        start += width
    if start > record_length:
        raise ReadError(f"{shown}: the columns of its attribute table (.dbf) are wider than its rows. {again}")
    records = np.empty((0, record_length), dtype="u1")
    if count:
        records = np.memmap(path, dtype="u1", mode="r", offset=header_length, shape=(count, record_length))
    return Table(records, columns, head[29])


class Encoding(NamedTuple):
    """The encoding of a table's text, and, when it is not the one that the file states, a sentence that says so."""

    name: str
    note: str | None


def text_encoding(table: Table, code_page: Path | None, *, shown: str) -> Encoding:
    """
    The encoding that a table's text is really in.

    Bytes that are well-formed UTF-8 are UTF-8 whatever the file states (by chance that happens to Western text about never: RFC
    3629, section 1). Then what the file states is tried (``.cpg``, else the language byte), then Windows 1252.

    Raises
    ------
    ReadError
        If the bytes fit none of these.
    """
    stated = _stated_encoding(table, code_page)
    cells = [cell for _, _, cell in _beyond_ascii(table)]
    if not cells:
        return Encoding(stated or "utf-8", None)
    for candidate in dict.fromkeys(("utf-8", stated or "cp1252", "cp1252")):
        if all(_decodes(cell, candidate, cut_off=True) for cell in cells):
            if candidate == stated or (stated is None and candidate == "utf-8"):
                return Encoding(candidate, None)
            said = f"states {stated}" if stated else "states no encoding"
            return Encoding(candidate, f"The attribute table {said}, but its bytes are {candidate}; it was read as {candidate}.")
    raise ReadError(
        f"{shown}: the text of its attribute table is neither {stated or 'UTF-8'} nor Windows 1252. Ask the sender for its "
        "encoding, and put it in a .cpg file beside it."
    )


def lost_values(table: Table, encoding: str) -> list[Problem]:
    """
    R04 for every value that the driver cannot hold as it was sent: a number that is no number, a date that is no date, an integer
    too long for a double, text that was cut in the middle of a character.
    """
    lost = [(row, column) for row, column, cell in _beyond_ascii(table) if not _decodes(cell, encoding)]
    for column in table.columns:
        if column.letter in "NF":
            lost += [(row, column) for row in _bad_numbers(_cells(table, column), column)]
        elif column.letter == "D":
            lost += [(row, column) for row in _bad_dates(_cells(table, column))]
    problems = []
    for row, column in lost:
        sent = _cells(table, column, row)[0].decode(encoding, errors="backslashreplace").strip(" \0")
        problems.append(Problem(int(row), "R04", f"Field {column.name} was sent as '{sent}', which is not {_meant(column)}."))
    return problems


def deleted_rows(table: Table) -> np.ndarray:
    """Whether each record is marked as deleted, which the driver leaves out."""
    return np.asarray(table.records[:, 0] == ord("*")) if len(table.records) else np.zeros(0, dtype=bool)


def _header(path: Path, shown: str) -> int:
    """Length in bytes that a .shp or .shx states."""
    with open(path, "rb") as file:
        head = file.read(100)
    if len(head) < 100 or struct.unpack_from(">i", head)[0] != 9994:
        raise ReadError(
            f"{shown}: {path.name} is not a shapefile part, or is cut off within its header. Ask the sender for it again."
        )
    return 2 * struct.unpack_from(">i", head, 24)[0]


def _stated_encoding(table: Table, code_page: Path | None) -> str | None:
    if code_page is not None:
        said = code_page.read_bytes()[:64].decode("ascii", errors="replace").strip().strip("\ufeff").lower()
        digits = "".join(character for character in said if character.isdigit())
        for name in (said, f"cp{digits}", f"iso8859-{digits[4:]}" if digits.startswith("8859") else ""):
            if _is_codec(name):
                return codecs.lookup(name).name
    return _LANGUAGES.get(table.language)


def _is_codec(name: str) -> bool:
    try:
        return bool(name) and codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def _beyond_ascii(table: Table) -> list[tuple[int, Column, bytes]]:
    """Every text cell with a byte above 127: its row, its column, and its bytes."""
    if not len(table.records):
        return []
    rows = np.flatnonzero(table.records.max(axis=1) > 0x7F)
    found = []
    for column in table.columns:
        if column.letter == "C" and column.width and len(rows):
            raw = table.records[rows, column.start : column.start + column.width]
            for at in np.flatnonzero(raw.max(axis=1) > 0x7F):
                found.append((int(rows[at]), column, raw[at].tobytes().rstrip(b" \0")))
    return found


def _decodes(cell: bytes, encoding: str, *, cut_off: bool = False) -> bool:
    """Whether bytes are text in `encoding`; with `cut_off`, the last character may lack its end."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(cell, final=not cut_off)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def _cells(table: Table, column: Column, row: int | None = None) -> np.ndarray:
    """The cells of a column, or the one of a row, as an array of bytes."""
    rows = slice(None) if row is None else slice(row, row + 1)
    span = np.ascontiguousarray(table.records[rows, column.start : column.start + column.width])
    return span.view(f"S{column.width}").ravel() if column.width else np.empty(0, dtype="S1")


def _bad_numbers(cells: np.ndarray, column: Column) -> list[int]:
    stripped = np.char.strip(cells, b" \0")
    # A number of nothing but asterisks is how dBASE writes null.
    given = np.flatnonzero((stripped != b"") & (np.char.strip(stripped, b"*") != b""))
    try:
        stripped[given].astype(float)
        bad = []
    except ValueError:
        bad = [row for row in given if not _is_number(stripped[row])]
    if column.decimals == 0 and column.width > _WIDEST_INTEGER:
        long = given[np.char.str_len(stripped[given]) > 15]
        bad += [row for row in long if _is_inexact(stripped[row])]
    return bad


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return b"_" not in cell


def _is_inexact(cell: bytes) -> bool:
    """Whether an integer changes when it is made a double."""
    digits = cell.lstrip(b"+-")
    return digits.isdigit() and int(float(cell)) != int(cell)


def _bad_dates(cells: np.ndarray) -> list[int]:
    stripped = np.char.strip(cells, b" \0")
    given = np.flatnonzero((stripped != b"") & (np.char.strip(stripped, b"0") != b""))
    return [row for row in given if not _is_date(stripped[row])]


def _is_date(cell: bytes) -> bool:
    if len(cell) != 8 or not cell.isdigit():
        return False
    try:
        np.datetime64(f"{cell[:4].decode()}-{cell[4:6].decode()}-{cell[6:].decode()}", "D")
    except ValueError:
        return False
    return True


def _meant(column: Column) -> str:
    if column.letter == "D":
        return "a date"
    return "whole text in the table's encoding" if column.letter == "C" else "a number it can hold"
