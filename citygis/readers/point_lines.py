"""
Lines of survey point files: which are points, which comments or a header, what parts their cells, and what each cell is.
"""

import csv
import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from citygis.errors import ReadError
from citygis.readers.text import text_lines

LETTERS = {"P": "name", "N": "northing", "E": "easting", "Z": "elevation", "D": "code"}
_WORDS = {
    "name": "p pt pnt pno point pointid pointno pointnum pointnumber pointname ptno ptnum id no num number name",
    "northing": "n north northing northings gridnorthing y ycoord",
    "easting": "e east easting eastings grideasting x xcoord",
    "elevation": "z el elev elevation height zcoord",
    "code": "d desc descr description descriptor rawdesc rawdescription fulldescription code note notes pointdescription comment",
}
TITLES = {word: column for column, words in _WORDS.items() for word in words.split()}
_UNITS = {
    "ft_us": r"(us|u\.s\.)[ _-]*(survey)?[ _-]*f(ee|oo)?t|f(ee|oo)?t[ _-]*us|survey[ _-]*f(ee|oo)t|sft",
    "ft": r"(intl?|international)\.?[ _-]*f(ee|oo)?t|ift",
    "m": r"m|met(er|re)s?",
}
_DELIMITERS = ("\t", ",", ";", None)
COMMENT_MARKS = ("#", "//", "!", "--")


class Layout(NamedTuple):
    """
    What each column of a point file is: one of `name`, `northing`, `easting`, `elevation`, `code`, or else its own title.
    ``letters`` is the order as PNEZD; ``by`` says who told ("as stated", "by its header", "by magnitude").
    """

    columns: tuple[str, ...]
    letters: str
    by: str
    unit: str | None = None


class PointLines(NamedTuple):
    """
    The lines of a file by kind.

    ``records`` and their line ``numbers``; the ``delimiter`` (None: blanks) and the share of a sample that it parts into points;
    the titles of the ``header``; ``counts`` of the lines of other kinds; whether the last line ``ends``; ``notes`` for a person.
    """

    records: list[str]
    numbers: np.ndarray
    delimiter: str | None
    share: float
    header: list[str] | None
    counts: dict[str, int]
    ends: bool
    notes: list[str]


def stated_layout(order: str) -> Layout:
    """
    The layout that letters such as "PNEZD" state.

    Raises
    ------
    ValueError
        If a letter is unknown or repeated, N or E is missing, or D is not the last.
    """
    letters = order.strip().upper()
    is_order = set(letters) <= set(LETTERS) and len(set(letters)) == len(letters) and {"N", "E"} <= set(letters)
    if not is_order or "D" in letters[:-1]:
        raise ValueError(
            f"Invalid order {order!r}. Must be letters of P (point), N, E, Z (elevation) and D (description), each once, N and E "
            "both, D last, such as PNEZD or PENZD."
        )
    return Layout(tuple(LETTERS[letter] for letter in letters), letters, "as stated")


# -- lines ------------------------------------------------------------------------------------------------------------------


def point_lines(text: str) -> PointLines:
    """
    The lines of a point file by kind.

    Comments begin with one of `COMMENT_MARKS`, or with ``;`` unless that parts the cells. A header is the first line that is left,
    when it names a northing and an easting.
    """
    every = text_lines(text)
    sample = [line for line in every[:5000] if line.strip() and not line.lstrip().startswith((*COMMENT_MARKS, ";"))][:500]
    delimiter, share = best_delimiter(sample)
    if sample and not share:
        # The coordinates are not in front; a header can still tell what parts the cells.
        delimiter = next((mark for mark in _DELIMITERS if header_titles(sample[0], mark)), delimiter)
    marks = COMMENT_MARKS if delimiter == ";" else (*COMMENT_MARKS, ";")
    filled = np.array([bool(line.strip()) for line in every], dtype=bool)
    comment = np.array([line.lstrip().startswith(marks) for line in every], dtype=bool)
    at = np.flatnonzero(filled & ~comment)
    header = header_titles(every[at[0]], delimiter) if len(at) else None
    notes = []
    hidden = sum(_is_point(every[row].lstrip().lstrip("#/!-; "), delimiter) for row in np.flatnonzero(comment))
    if hidden:
        notes.append(
            f"{hidden:,} comment {'line looks' if hidden == 1 else 'lines look'} like points; they were left out, as comments are."
        )
    counts = {"header": int(header is not None), "comment": int(comment.sum()), "blank": int((~filled).sum())}
    at = at[1:] if header is not None else at
    return PointLines([every[row] for row in at], at + 1, delimiter, share, header, counts, text.endswith(("\n", "\r")), notes)


def best_delimiter(lines: list[str]) -> tuple[str | None, float]:
    """What parts most of `lines` into points (None stands for blanks), and the share of them that it does."""
    shares = {mark: sum(_is_point(line, mark) for line in lines) / max(len(lines), 1) for mark in _DELIMITERS}
    best = max(shares, key=shares.get)
    return best, shares[best]


def _is_point(line: str, delimiter: str | None) -> bool:
    """Whether the first two cells, or the second and third, are numbers, and there is a third cell."""
    cells = [cell.strip().strip('"') for cell in line.strip().split(delimiter, 4)]
    numeric = [_NUMBER(cell) is not None for cell in cells[:3]]
    return len(cells) >= 3 and numeric[1] and (numeric[0] or numeric[2])


_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)", re.ASCII).fullmatch


def header_titles(line: str, delimiter: str | None) -> list[str] | None:
    """The titles of a header line, None where the line names no northing and easting."""
    cells = next(csv.reader([line], delimiter=delimiter)) if delimiter else line.split()
    named = [TITLES.get(plain_title(cell)) for cell in cells]
    return [cell.strip() for cell in cells] if "northing" in named and "easting" in named else None


def plain_title(title: str) -> str:
    """A title without its unit and punctuation: "Northing (ftUS)" is northing."""
    return re.sub(
        r"[^a-z]", "", re.sub(rf"(?i)[\s_(\[]+({'|'.join(_UNITS.values())}|f(ee|oo)?t)[)\]]*\s*$", "", title.strip()).lower()
    )


def _unit(title: str) -> str | None:
    named = re.search(r"[\s_(\[]+([^\s(\[][^(\[]*?)[)\]]*\s*$", title.strip())
    return next((unit for unit, words in _UNITS.items() if named and re.fullmatch(rf"(?i){words}", named[1].strip())), None)


def header_layout(header: list[str], *, shown: str) -> Layout:
    """
    The layout that the titles of a header state, their unit with it.

    Raises
    ------
    ReadError
        If northing and easting are said to be in different units.
    """
    columns: list[str] = []
    for position, title in enumerate(header, start=1):
        column = TITLES.get(plain_title(title))
        column = column if column and column not in columns else title or f"column_{position}"
        columns.append(column if column not in columns else f"{column}_{position}")
    letters = "".join(letter for column in columns for letter, known in LETTERS.items() if known == column)
    units = {column: _unit(title) for column, title in zip(columns, header, strict=True)}
    if units["northing"] != units["easting"]:
        raise ReadError(
            f"{shown}: its header states different units for northing and easting ({', '.join(header)}). Ask the sender."
        )
    return Layout(tuple(columns), letters, "by its header", units.get("elevation"))


# -- cells ------------------------------------------------------------------------------------------------------------------


def first_columns(lines: PointLines) -> list[pa.Array]:
    """The first five columns of text, the fifth with all that follows; null where a line is too short. Three at least."""
    columns, width = _columns(lines, 5)
    return columns[: max(3, int(width.max(initial=0)))]


def named_columns(lines: PointLines, columns: tuple[str, ...]) -> tuple[dict[str, pa.Array], pa.Array, np.ndarray]:
    """
    The cells of every column as text, null where a line is too short; what is left over of each line; and how many cells it has.

    When the last column is ``code`` it takes all that follows, so nothing is left over.
    """
    takes_the_rest = columns[-1] == "code"
    cells, width = _columns(lines, len(columns) + (not takes_the_rest))
    rest = pa.nulls(len(lines.records), pa.string()) if takes_the_rest else cells[-1]
    return dict(zip(columns, cells, strict=False)), rest, width


def _columns(lines: PointLines, width: int) -> tuple[list[pa.Array], np.ndarray]:
    """Lines in at most `width` cells, the last with all that follows, and how many cells each line has."""
    records = pa.array(lines.records, pa.string())
    if lines.delimiter is None:
        rows = pc.utf8_split_whitespace(pc.utf8_trim_whitespace(records), max_splits=width - 1)
    else:
        rows = pc.split_pattern(records, lines.delimiter, max_splits=width - 1)
    starts, cells = rows.offsets.to_numpy()[:-1].astype("int64"), rows.values
    counts = rows.value_lengths().to_numpy(zero_copy_only=False).astype("int64")
    quoted = np.flatnonzero(pc.find_substring(records, '"').to_numpy() >= 0).tolist()
    if quoted:
        again = [_split(lines.records[row], lines.delimiter, width) for row in quoted]
        counts[quoted] = [len(row) for row in again]
        starts[quoted] = len(cells) + np.r_[0, np.cumsum(counts[quoted])][:-1]
        cells = pa.concat_arrays([cells, pa.array([cell for row in again for cell in row], pa.string())])
    return [cells.take(pa.array(starts + at, mask=counts <= at)) for at in range(width)], counts


def _split(line: str, delimiter: str | None, width: int) -> list[str]:
    """A line that holds quotes in at most `width` cells; quotes around a whole cell are taken off."""
    cells = (line.strip() if delimiter is None else line).split(delimiter, width - 1)
    if delimiter is not None and any(cell.lstrip().startswith('"') for cell in cells[:-1]):
        csv.field_size_limit(2**31 - 1)
        whole = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        return [*whole[: width - 1], delimiter.join(whole[width - 1 :])] if len(whole) >= width else whole
    last = cells[-1].strip()
    inner = last[1:-1]
    if len(last) > 1 and last[0] == last[-1] == '"' and '"' not in inner.replace('""', ""):
        cells[-1] = inner.replace('""', '"')
    return cells
