"""
Tables of text with coordinate columns. Nothing is cast but the coordinates: an APN keeps its leading zeros.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.formats import Dataset
from citygis.readers.raw import Raw
from citygis.readers.text import MOST_COLUMNS, decoded_text, delimiter_of, unique_titles
from citygis.readers.wkb import Problem

_LONGITUDE = ("longitude", "long", "lon", "lng", "longdec", "londec", "longdd", "longitudedd", "decimallongitude", "gpslong")
_LATITUDE = ("latitude", "lat", "latdec", "latdd", "latitudedd", "decimallatitude", "gpslat")
_EASTING = ("easting", "east", "e", "xcoord", "xcoordinate", "pointx", "x", "coordx", "eastingft", "xft", "spx", "stateplanex")
_NORTHING = (
    "northing",
    "north",
    "n",
    "ycoord",
    "ycoordinate",
    "pointy",
    "y",
    "coordy",
    "northingft",
    "yft",
    "spy",
    "stateplaney",
)
_WKT = ("wkt", "geom", "geometry", "thegeom", "shape", "geomwkt", "wktgeom", "shapewkt")
_WKT_START = re.compile(
    r"(?i)^\s*(srid=\d+;)?\s*((multi)?(point|linestring|polygon|curve|surface)|geometrycollection|circularstring|compoundcurve|curvepolygon)"
)
_CURVE = re.compile(r"(?i)\b(?:\w*CURVE|CIRCULARSTRING|MULTISURFACE)\b")
"""Words of WKT that stand for true curves (ISO/IEC 13249-3, SQL/MM Spatial)."""
_CURVE_POLYGON = re.compile(r"(?i)\bCURVEPOLYGON\b")
_GROUPED = re.compile(r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$")


class Place(NamedTuple):
    """The columns that say where a row is: a pair of numbers, or one of WKT, and whether the pair is in degrees."""

    columns: tuple[str, ...]
    in_degrees: bool | None


def read_table(dataset: Dataset, *, source_crs: CRS | None = None) -> Raw:
    """
    A table of text.

    Parameters
    ----------
    dataset : Dataset
    source_crs : CRS, optional
        Where a table has both degrees and eastings and northings, the pair that it means is used.

    Returns
    -------
    Raw
        Every column as text, empty cells null. Geometry from the coordinate columns, which stay; none when there are no such
        columns. Problems: R01 coordinates that are not numbers or no WKT, R03 not finite, R04 a row of too few or too many cells.

    Raises
    ------
    ReadError
        If the text has no header, or its encoding cannot be told.
    """
    text, note = decoded_text(dataset.path, shown=dataset.shown)
    delimiter = delimiter_of(text)
    header, rows, problems = _rows(text, delimiter, dataset)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    table = pd.DataFrame(
        {name: pd.Series([cell or None for cell in cells], dtype="str") for name, cells in zip(header, columns, strict=True)},
        index=range(len(rows)),
    )
    place = place_columns(table, source_crs=source_crs)
    geometry, notes = None, [note] if note else []
    if place is not None:
        geometry, more = _geometry(table, place)
        problems = problems + more
    numbers = np.arange(1, len(rows) + 1).astype(str).astype(object)
    return Raw(table, geometry, numbers, None, _says(place), sorted(problems), notes)


def place_columns(table: pd.DataFrame, *, source_crs: CRS | None = None) -> Place | None:
    """
    The coordinate columns of a table, by their names and values; None when it has none.

    A pair is taken only when exactly one column of each kind is there. Of two pairs, the one in the kind of `source_crs` is taken,
    else the one in degrees.
    """
    plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(table.columns)}
    for key in _WKT:
        if key in plain and _looks_like_wkt(table[plain[key]]):
            return Place((plain[key],), None)
    pairs = []
    for eastings, northings, in_degrees in ((_LONGITUDE, _LATITUDE, True), (_EASTING, _NORTHING, False)):
        first = next((plain[key] for key in eastings if key in plain), None)
        second = next((plain[key] for key in northings if key in plain), None)
        if first and second:
            pairs.append(Place((first, second), in_degrees))
    if source_crs is not None and len(pairs) == 2:
        pairs = [pair for pair in pairs if pair.in_degrees == source_crs.is_geographic]
    return pairs[0] if pairs else None


def _rows(text: str, delimiter: str, dataset: Dataset) -> tuple[list[str], list[list[str]], list[Problem]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(_lines(text), delimiter=delimiter)
    try:
        header = _header(next(reader, []), dataset)
        rows, problems = [], []
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                message = _ragged(cells, len(header))
                if message:
                    problems.append(Problem(len(rows), "R04", message))
                cells = (cells + [""] * len(header))[: len(header)]
            rows.append(cells)
        if text.count('"') % 2 and rows and any("\n" in cell for cell in rows[-1]):
            raise csv.Error("a quotation mark is opened and never closed, so the last rows run together")
    except csv.Error as error:
        raise ReadError(f"{dataset.shown}, line {reader.line_num}: {error}. Ask the sender to export the table again.") from None
    return header, rows, problems


def _lines(text: str) -> Iterator[str]:
    """Lines with their ends, so that a quoted cell may hold one."""
    yield from (text.splitlines(keepends=True) if "\v" not in text and "\x1c" not in text else re.findall(r"[^\n]*\n|[^\n]+", text))


def _header(cells: list[str], dataset: Dataset) -> list[str]:
    if not any(cell.strip() for cell in cells):
        raise ReadError(f"{dataset.shown} has no header: its first line must name the columns.")
    if len(cells) > MOST_COLUMNS:
        raise ReadError(f"{dataset.shown} has {len(cells):,} columns; more than {MOST_COLUMNS:,} are refused. Ask what it is.")
    return unique_titles(cells)


def _ragged(cells: list[str], width: int) -> str | None:
    if len(cells) < width:
        return f"The row has {len(cells)} cells where the header has {width}; the last {width - len(cells)} are empty."
    extra = [cell for cell in cells[width:] if cell.strip()]
    if not extra:
        return None
    return f"The row has {len(cells)} cells where the header has {width}; left out: {', '.join(repr(cell) for cell in extra[:5])}."


def _looks_like_wkt(column: pd.Series) -> bool:
    given = column.dropna().head(20)
    return len(given) > 0 and bool(given.str.match(_WKT_START).any())


def _geometry(table: pd.DataFrame, place: Place) -> tuple[np.ndarray, list[Problem]]:
    if len(place.columns) == 1:
        return _from_wkt(table[place.columns[0]])
    eastings, northings = (_numbers(table[name]) for name in place.columns)
    blank = table[list(place.columns)].isna()
    geometry = np.full(len(table), None, dtype=object)
    finite = np.isfinite(eastings) & np.isfinite(northings)
    geometry[finite] = shapely.points(eastings[finite], northings[finite])
    problems = []
    for row in np.flatnonzero(~finite & ~blank.all(axis=1).to_numpy()):
        sent = [table[name].iat[row] for name in place.columns]
        shown = ", ".join(
            f"{name} = {'nothing' if pd.isna(cell) else repr(cell)}" for name, cell in zip(place.columns, sent, strict=True)
        )
        is_number = all(not pd.isna(cell) and re.fullmatch(r"(?i)\s*[+-]?(nan|inf|infinity)\s*|.*\d.*", cell) for cell in sent)
        endless = is_number and any(re.fullmatch(r"(?i)\s*[+-]?(nan|inf|infinity)\s*", cell) for cell in sent)
        code, why = ("R03", "not a finite number") if endless else ("R01", "not a pair of numbers")
        problems.append(Problem(int(row), code, f"The coordinates are {why}: {shown}."))
    return geometry, problems


def _numbers(column: pd.Series) -> np.ndarray:
    text = column.str.strip()
    grouped = text.str.match(_GROUPED).fillna(False).astype(bool)
    if grouped.any():
        text = text.where(~grouped, text.str.replace(",", "", regex=False))
    return pd.to_numeric(text, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _from_wkt(column: pd.Series) -> tuple[np.ndarray, list[Problem]]:
    text = column.str.replace(r"(?i)^\s*srid=\d+;", "", regex=True).to_numpy(dtype=object, na_value=None)
    # A CURVEPOLYGON of straight rings is a polygon.
    straight = ~column.str.contains(_CURVE).fillna(False).to_numpy(dtype=bool)
    text[straight] = (
        pd.Series(text[straight]).str.replace(_CURVE_POLYGON, "POLYGON", regex=True).to_numpy(dtype=object, na_value=None)
    )
    # shapely stops at the first true curve, and would take the other rows with it.
    curved = column.str.contains(_CURVE).fillna(False).to_numpy(dtype=bool)
    with np.errstate(invalid="ignore"):
        geometry = shapely.from_wkt(np.where(curved, None, text), on_invalid="ignore")
    problems = [
        Problem(int(row), "R01", f"True curves are not read from text: '{text[row][:80]}'. Ask for a GeoPackage.")
        for row in np.flatnonzero(curved)
    ]
    for row in np.flatnonzero(shapely.is_missing(geometry) & ~curved):
        if text[row] is not None:
            problems.append(
                Problem(int(row), "R01", f"The geometry cannot be made from '{text[row][:80]}': {_wkt_reason(text[row])}.")
            )
    coordinates, rows = shapely.get_coordinates(geometry, return_index=True)
    for row in np.unique(rows[~np.isfinite(coordinates).all(axis=1)]):
        problems.append(Problem(int(row), "R03", f"A coordinate is not a finite number: '{text[row][:80]}'."))
        geometry[row] = None
    return geometry, problems


def _wkt_reason(text: str) -> str:
    try:
        shapely.from_wkt(text)
    except (shapely.GEOSException, ValueError) as error:
        return re.sub(r"\s+", " ", str(error)).strip(" .")
    return "it is none"


def _says(place: Place | None) -> str:
    if place is None:
        return "is a table without coordinate columns"
    columns = " and ".join(place.columns)
    if place.in_degrees:
        return f"has degrees in {columns}, but a table states no datum"
    return f"has its coordinates in {columns}, and a table states no coordinate system"


def is_spatial(path: Path) -> bool:
    """Whether the header and first rows of a table show coordinate columns."""
    dataset = Dataset("CSV", path, str(path))
    text, _ = decoded_text(dataset.path, shown=dataset.shown)
    head = "".join(text[: 1 << 20].splitlines(keepends=True)[:50])
    header, rows, _ = _rows(head, delimiter_of(head), dataset)
    table = pd.DataFrame(rows, columns=header, dtype="str")
    return place_columns(table) is not None
