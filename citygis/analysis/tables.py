"""
Tables of the City's business systems, read as text so that no parcel number loses its zeros: CSV, XLSX, and SQL databases.
"""

import datetime
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from citygis.errors import AnalysisError, ReadError
from citygis.readers import read
from citygis.readers.guard import members, require_local_file
from citygis.readers.text import MOST_COLUMNS, unique_titles

MOST_ROWS = 2_000_000
"""A table with more rows is refused: a city of 200,000 parcels has a tenth of that in its fullest business system."""

LARGEST_BYTES = 512 * 2**20
"""A file that is larger, packed, is refused before it is opened."""

_TOLD = "citygis_told"
_OF_THE_READER = ("source_id", "source_ref", "read_code", "read_message")
_PADDED = re.compile(r"^0[0-]*0$")
_SECRETS = re.compile(r"(?i)(pass|pwd|secret|token)")


def read_table(
    source: Path | str,
    *,
    query: str | None = None,
    values: Mapping[str, Any] = {},
    sheet: str | None = None,
    folder: Path = Path(),
) -> pd.DataFrame:
    """
    A table as it is written: every value text, empty ones null.

    Parameters
    ----------
    source : path or str
        A CSV file, an XLSX workbook, or the address of a database as SQLAlchemy writes it (``sqlite:///permits.db``,
        ``postgresql+psycopg://clerk@host/permits``). A table's name or a SELECT may stand behind a ``#``.
    query : str, optional
        For a database: the name of a table, or one SELECT.
    values : mapping of str to object
        What is bound to the ``:name`` of the query.
    sheet : str, optional
        Of a workbook; its first visible one when not given.
    folder : Path
        Where files are looked for, an SQLite database too.

    Returns
    -------
    DataFrame of str
        Days as ISO 8601, truth values as ``true`` and ``false``, formulas as the value they had when the workbook was last saved.
        `told` gives what could not be kept as it was.

    Raises
    ------
    ReadError
        If the file is missing, is of another kind, is too large, or has no header; if the database cannot be reached, the query
        is none, would do more than read, or gives too much.
    AnalysisError
        If a password stands in an address, or SQLAlchemy is not there.

    Notes
    -----
    A database is asked in a transaction that can only read, where the database has such (SQLite, PostgreSQL, MySQL, MariaDB,
    Oracle); it is rolled back in any case. Passwords come from the database's own place for them (``.pgpass``, ``PGPASSWORD``,
    ``.my.cnf``).
    """
    text = str(source)
    if "://" in text:
        address, _, behind = text.partition("#")
        return _selected(address, query or behind, values, folder)
    path = folder / text
    if query is not None or values:
        raise ReadError(f"{path} is a file: a query is for a database. Leave it out.")
    path = require_local_file(path)
    if path.stat().st_size > LARGEST_BYTES:
        raise ReadError(f"{path} has {path.stat().st_size / 2**20:,.0f} MB; more than {LARGEST_BYTES / 2**20:,.0f} MB are refused.")
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".xlsm"):
        return _workbook(path, sheet)
    if suffix in (".xls", ".xlsb", ".ods", ".numbers"):
        raise ReadError(f"{path} is a workbook of a kind that is not read. Save it as XLSX or CSV, then name that.")
    frame = read(path)
    remarks = []
    if "read_message" in frame.columns:
        rows = frame["read_message"].notna()
        remarks = [f"{path.name}, row {row + 1}: {said}" for row, said in enumerate(frame["read_message"]) if pd.notna(said)][:20]
        remarks.append(f"{path.name}: {int(rows.sum()):,} rows were not read as they stand.")
    plain = pd.DataFrame(frame.drop(columns=[frame.geometry.name, *(name for name in _OF_THE_READER if name in frame.columns)]))
    return _kept(plain, path.name, remarks)


def told(table: pd.DataFrame) -> tuple[str, ...]:
    """What `read_table` could not keep as it was, in sentences; empty for a table from elsewhere, or one that was changed since."""
    return tuple(table.attrs.get(_TOLD, ()))


def _kept(table: pd.DataFrame, name: str, remarks: list[str]) -> pd.DataFrame:
    if len(table) > MOST_ROWS:
        raise ReadError(f"{name} has more than {MOST_ROWS:,} rows. Ask for it in parts.")
    table = table.astype("str")
    table = table.where(table.apply(lambda column: column.str.strip() != "")) if len(table.columns) else table
    table.attrs[_TOLD] = tuple(remarks)
    return table


def _workbook(path: Path, sheet: str | None) -> pd.DataFrame:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        parts = members(path)
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise ReadError(f"{path} is no XLSX workbook that can be opened ({error}). Save it again as XLSX, or as CSV.") from None
    try:
        visible = [each.title for each in book.worksheets if each.sheet_state == "visible"]
        if not visible:
            raise ReadError(f"{path} has no worksheet that is visible. Show the one that is meant, and save it.")
        if sheet is not None and sheet not in book.sheetnames:
            raise ReadError(f"{path} has no worksheet {sheet!r}. It has: {', '.join(book.sheetnames)}.")
        name = sheet or visible[0]
        others = [each for each in visible if each != name]
        remarks = [f"{path.name}: the worksheet {name!r} was read; not {', '.join(map(repr, others))}."] if others else []
        table, said, empty = _worksheet(book[name], f"{path.name}, {name}")
    finally:
        book.close()
    if _has_formulas(path, parts) and empty:
        remarks += _unsaved_formulas(path, name, empty)
    return _kept(table, path.name, remarks + said)


def _worksheet(page: Any, name: str) -> tuple[pd.DataFrame, list[str], set[tuple[int, int]]]:
    """The rows of a worksheet, what is to be told of them, and where its empty cells are."""
    header: list[str] = []
    rows: list[list[str | None]] = []
    padded: dict[int, int] = {}
    numeric: dict[int, int] = {}
    errors: list[str] = []
    empty: set[tuple[int, int]] = set()
    for number, cells in enumerate(page.iter_rows(), 1):
        if all(cell.value is None for cell in cells):
            continue
        if not header:
            if len(cells) > MOST_COLUMNS:
                raise ReadError(f"{name} has {len(cells):,} columns; more than {MOST_COLUMNS:,} are refused.")
            titles = ["" if cell.value is None else str(cell.value) for cell in cells]
            while titles and not titles[-1].strip():
                titles.pop()
            header = unique_titles(titles)
            continue
        row: list[str | None] = [None] * len(header)
        for at, cell in enumerate(cells[: len(header)]):
            value = cell.value
            if value is None:
                empty.add((number, at))
            elif cell.data_type == "e":
                errors.append(f"{cell.coordinate} ({value})")
            else:
                row[at], is_padded = _as_shown(value, cell.number_format)
                padded[at] = padded.get(at, 0) + is_padded
                numeric[at] = numeric.get(at, 0) + (isinstance(value, (int, float)) and not isinstance(value, bool))
        rows.append(row)
        if len(rows) > MOST_ROWS:
            raise ReadError(f"{name} has more than {MOST_ROWS:,} rows. Ask for it in parts.")
    if not header:
        raise ReadError(f"{name} is empty: its first row must name the columns.")
    said = [
        f"{name}: {count:,} numbers in {header[at]!r} were shown with zeros before them, and were taken so."
        for at, count in sorted(padded.items())
        if count
    ]
    said += [
        f"{name}: {numeric[at]:,} cells in {header[at]!r} are numbers and no text: zeros before them, if there were any, are lost."
        for at in sorted(numeric)
        if numeric[at] and not padded.get(at) and re.search(r"(?i)apn|parcel|ain|zip|post", header[at])
    ]
    if errors:
        said.append(f"{name}: {len(errors):,} cells hold an error and were taken as empty: {', '.join(errors[:10])}.")
    return pd.DataFrame(rows, columns=header, dtype="str"), said, empty


def _as_shown(value: Any, number_format: str) -> tuple[str, bool]:
    """A cell as text, and whether zeros were put before it because it is shown with them (number format ``00000``)."""
    if isinstance(value, bool):
        return ("true" if value else "false"), False
    if isinstance(value, datetime.datetime):
        return (value.date().isoformat() if value.time() == datetime.time() else value.isoformat(sep=" ")), False
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat(), False
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    shape = number_format.replace("\\", "").replace('"', "")
    if isinstance(value, int) and value >= 0 and _PADDED.match(shape):
        digits = str(value).zfill(shape.count("0"))
        if len(digits) == shape.count("0"):
            each = iter(digits)
            return "".join(next(each) if c == "0" else c for c in shape), digits[0] == "0"
    return (repr(value) if isinstance(value, float) else str(value)), False


def _has_formulas(path: Path, parts: list[zipfile.ZipInfo]) -> bool:
    with zipfile.ZipFile(path) as packed:
        for part in parts:
            if part.filename.startswith("xl/worksheets/"):
                with packed.open(part) as stream:
                    tail = b""
                    while block := stream.read(1 << 20):
                        if b"<f>" in tail + block or b"<f " in tail + block:
                            return True
                        tail = block[-3:]
    return False


def _unsaved_formulas(path: Path, name: str, empty: set[tuple[int, int]]) -> list[str]:
    """Formulas that have no value because the program that wrote them never worked them out."""
    import openpyxl

    book = openpyxl.load_workbook(path, read_only=True)
    try:
        found = [
            cell.coordinate
            for number, cells in enumerate(book[name].iter_rows(), 1)
            for at, cell in enumerate(cells)
            if cell.data_type == "f" and (number, at) in empty
        ]
    finally:
        book.close()
    if not found:
        return []
    said = f"{path.name}, {name}: {len(found):,} formulas have no saved value: {', '.join(found[:10])}"
    return [f"{said}. Open the workbook, save it, and ask again."]


def _selected(address: str, query: str, values: Mapping[str, Any], folder: Path) -> pd.DataFrame:
    """What a query gives, all as text."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError
    except ModuleNotFoundError:
        raise AnalysisError("A database is read through SQLAlchemy, which is not there: pip install citygis[analysis]") from None
    try:
        url = sqlalchemy.make_url(address)
    except (ArgumentError, ValueError):
        like = "sqlite:///permits.db or postgresql://host/permits"
        raise ReadError(f"The address of the database is none that SQLAlchemy reads. Must be like {like}.") from None
    shown = f"{url.drivername}://{url.host or ''}/{Path(url.database or '').name}"
    if url.password is not None or any(_SECRETS.search(name) for name in url.query):
        raise AnalysisError(
            f"The address of {shown} has a password in it, which files and lists of processes would show. Take it out and put it "
            "where the database looks for it: .pgpass or PGPASSWORD, .my.cnf, a trusted connection."
        )
    statement = _statement(query, shown)
    backend = url.get_backend_name()
    if backend == "sqlite":
        path = require_local_file(folder / (url.database or ""))
        url = url.set(database=f"file:{path.resolve().as_posix()}", query={"mode": "ro", "uri": "true"})
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")  # the one that citygis[postgis] brings
    try:
        engine = sqlalchemy.create_engine(url, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise AnalysisError(f"The database of {shown} needs the package {error.name}. Install it, then ask again.") from None
    except SQLAlchemyError as error:
        raise ReadError(f"{shown} cannot be read: {_reason(error, url)}") from None
    try:
        with engine.connect() as connection:
            if backend == "postgresql":
                connection = connection.execution_options(postgresql_readonly=True)
            if backend in ("mysql", "mariadb", "oracle"):
                connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            result = connection.execution_options(stream_results=True).execute(sqlalchemy.text(statement), dict(values))
            names = list(result.keys())
            rows = list(_texts(result, shown))
            connection.rollback()
    except SQLAlchemyError as error:
        raise ReadError(f"{shown}: the query fails: {_reason(error, url)}") from None
    finally:
        engine.dispose()
    return _kept(pd.DataFrame(rows, columns=unique_titles(names), dtype="str"), shown, [])


def _statement(query: str, shown: str) -> str:
    query = query.strip().removesuffix(";").strip()
    if not query:
        raise ReadError(f"Say what is wanted of {shown}: the name of a table or a SELECT, behind a # of its address.")
    if re.fullmatch(r"\w+(\.\w+)?", query):
        return "SELECT * FROM " + ".".join(f'"{part}"' if part != part.lower() else part for part in query.split("."))
    if not re.match(r"(?i)(select|with)\b", query) or ";" in query:
        raise ReadError(f"The query to {shown} must be one SELECT, without ';'. Nothing else is asked of a business system.")
    return query


def _texts(result: Any, shown: str) -> Iterator[tuple[str | None, ...]]:
    for count, row in enumerate(result, 1):
        if count > MOST_ROWS:
            raise ReadError(f"{shown} gives more than {MOST_ROWS:,} rows. Ask for fewer: WHERE, or parts.")
        yield tuple(None if value is None else _text(value) for value in row)


def _text(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else _as_shown(value, "")[0]


def _reason(error: Exception, url: Any) -> str:
    """The driver's first line, without what the address holds."""
    text = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    for secret in (url.username, str(Path(url.database or "").parent)):
        if secret and len(secret) > 1:
            text = text.replace(secret, "…")
    return text.rstrip(".") + "."
