"""
CSV files of GNSS receivers and field applications, by profile: which column is what, in which unit, and what its words mean.

Every column that a profile does not use follows under its own name, and so does every one of which a value could not be read.
"""

import csv
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from citygis.errors import ReadError
from citygis.readers.captures import DTYPES, Captures, Rejection, captures_frame, rejected_frame
from citygis.readers.guard import require_local_file
from citygis.readers.receiver_positions import geometry_notes, positions, stated_offsets
from citygis.readers.receiver_profiles import Match, Profile, matches, receiver_profiles
from citygis.readers.receiver_values import (
    Frames,
    fix_types_of,
    found_titles,
    in_metres,
    numbers_of,
    one_crs,
    stated_frames,
    times_of,
    titles_there,
    unit_labels,
)
from citygis.readers.text import MOST_COLUMNS, decoded_text, delimiter_of, text_lines, trimmed, unique_titles

LARGEST_BYTES = 2**30
"""A larger file is refused: 1 GB holds some five million rows of the widest profile."""

_SAME_HEIGHT_M = 0.0005
"""
Elevations and ellipsoid heights that never differ by more are one thing under two names: the geoid is 20 m and more away in the US.
"""

_COUNTS = ("satellites", "samples")
_NEVER_NEGATIVE = ("hdop", "vdop", "pdop", "correction_age_s", "h_rms_m", "v_rms_m")
"""Receivers write -1 and the like where they do not know."""
_LENGTHS = ("h_rms_m", "v_rms_m", "ellipsoid_height_m", "msl_height_m", "antenna_height_m")
_TEXTS = ("name", "code", "station")
_NUMBERS = ("hdop", "vdop", "pdop", "correction_age_s", *_LENGTHS, "elevation", *_COUNTS)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class _Table(NamedTuple):
    """The rows of a table that have as many cells as its header, the lines they begin on, and the rows that do not."""

    cells: pd.DataFrame
    lines: np.ndarray
    rejections: list[Rejection]
    counts: dict[str, int]


def profile_of(path: Path | str, *, folder: Path | str | None = None) -> str | None:
    """
    The id of the profile that the header of a text file fits, or None: no file, no header, none fits, or several fit alike.

    Parameters
    ----------
    path : path
    folder : path, optional
        A City's own profiles, laid over those that ship with citygis.
    """
    fitting = _fitting(path, folder)
    return fitting[0].profile.profile if len(fitting) == 1 else None


def is_receiver_table(path: Path | str, *, folder: Path | str | None = None) -> bool:
    """Whether the header of a text file fits a profile, or several alike, between which `read_receiver_csv` asks."""
    return bool(_fitting(path, folder))


def _fitting(path: Path | str, folder: Path | str | None) -> list[Match]:
    if not Path(path).is_file():
        return []
    with open(path, "rb") as file:
        head = file.read(65536)
    encoding = "utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    if encoding == "utf-8-sig" and b"\0" in head:
        return []
    text = head.decode(encoding, errors="replace")
    try:
        header = next(csv.reader(text_lines(text)[:1], delimiter=delimiter_of(text)), [])
    except csv.Error:
        return []
    return matches(unique_titles(header), receiver_profiles(folder))


def read_receiver_csv(path: Path | str, *, profile: str | None = None, folder: Path | str | None = None) -> Captures:
    """
    The captures of a receiver's CSV.

    Parameters
    ----------
    path : path
        Text with a header; the delimiter and the encoding are found.
    profile : str, optional
        Id of one of `receiver_profiles`. Left out, the one whose recognised set of columns is there and largest.
    folder : path, optional
        A City's own profiles (``*.toml``), laid over those that ship with citygis.

    Returns
    -------
    Captures
        Longitude and latitude where the table has them, else the easting and northing of a stated system. The CRS is what all rows
        state (the datum's geographic system), or what the maker's documents say; None otherwise, and then the coordinates are
        degrees unless there were only eastings and northings. Lengths are in metres, converted by the unit that the table states;
        where it states none, the value is null and its column kept. ``h_rms_m`` is radial. Words for the fix that the profile does
        not know are null, and counted in the notes. Columns that are not used, that are made of several, or of which a value could
        not be read, follow under their own names; ``stated_offset_ft`` is how far longitude and latitude lie from the row's own
        easting and northing. Rejected: ``wrong_field_count``, ``cut_off``, ``not_text``, ``no_position``, ``not_a_number``,
        ``ddmm_as_degrees``, ``out_of_range``.

    Raises
    ------
    ReadError
        If a quotation mark is never closed, the table fits no profile or several alike, or it mixes projected systems.
    SettingsError
        If a profile cannot be used.
    ValueError
        If `profile` is unknown.
    """
    path = require_local_file(path)
    text, note = decoded_text(path, shown=str(path), largest_bytes=LARGEST_BYTES)
    table = _table(text, path)
    match = _match(list(table.cells.columns), profile, folder, path)
    return _captures(table, match, [note] if note else [], path)


# -- table and profile ------------------------------------------------------------------------------------------------------


def _table(text: str, path: Path) -> _Table:
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    delimiter = delimiter_of(text)
    header, columns, lines, rejections, blank = (_quoted_rows if '"' in text else _plain_rows)(text, delimiter, path)
    if len(header) > MOST_COLUMNS:
        raise ReadError(f"{path} has {len(header):,} columns; more than {MOST_COLUMNS:,} are refused. Ask what it is.")
    arrays = [trimmed(column) for column in columns]
    damaged = np.zeros(len(lines), dtype=bool)
    if _CONTROL.search(text):
        damaged = np.any([pc.match_substring_regex(array, _CONTROL.pattern).fill_null(False) for array in arrays], axis=0)
    for row in np.flatnonzero(damaged).tolist():
        cells = [array[row].as_py() or "" for array in arrays]
        message = "The row holds control characters: it is damaged."
        rejections.append(_rejection(int(lines[row]), "not_text", message, cells, delimiter))
    cells = pd.DataFrame({name: pd.Series(array.to_pandas(), dtype="str") for name, array in zip(header, arrays, strict=True)})
    counts = {"row": len(lines) + len(rejections) - int(damaged.sum()), "header": 1, "blank": blank}
    cells = cells[~damaged].reset_index(drop=True)
    return _Table(cells, lines[~damaged], rejections, {kind: count for kind, count in counts.items() if count})


def _plain_rows(text: str, delimiter: str, path: Path) -> tuple[list[str], list[pa.Array], np.ndarray, list[Rejection], int]:
    """Header, columns, line numbers, rejected rows and how many lines are blank, of a text without quotes: a line is a row."""
    every = text_lines(text)
    header = unique_titles(every[0].split(delimiter))
    records = pa.array(every, pa.string())
    filled = pc.not_equal(records, "").to_numpy(zero_copy_only=False)
    rows = pc.split_pattern(records, delimiter)
    starts, width = rows.offsets.to_numpy()[:-1].astype("int64"), rows.value_lengths().to_numpy().astype("int64")
    good = filled & (width == len(header))
    good[0] = filled[0] = False
    rejections = []
    for row in np.flatnonzero(filled & ~good).tolist():
        cells = every[row].split(delimiter)
        if not any(cell.strip() for cell in cells[len(header) :]) and len(cells) > len(header):
            good[row] = True
        else:
            is_cut_off = row == len(every) - 1 and not text.endswith("\n")
            rejections.append(_ragged(row + 1, cells, len(header), delimiter, is_cut_off))
    at = np.flatnonzero(good)
    columns = [rows.values.take(pa.array(starts[at] + column)) for column in range(len(header))]
    return header, columns, at + 1, rejections, len(every) - 1 - int(filled.sum())


def _quoted_rows(text: str, delimiter: str, path: Path) -> tuple[list[str], list[pa.Array], np.ndarray, list[Rejection], int]:
    """The same of a text with quotes, where a cell may hold the delimiter and line ends."""
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(re.findall(r"[^\n]*\n|[^\n]+", text), delimiter=delimiter)
    rows, lines, rejections, blank = [], [], [], 0
    try:
        header = unique_titles(next(reader))
        before = reader.line_num
        for cells in reader:
            line, before = before + 1, reader.line_num
            if not cells:
                blank += 1
            elif len(cells) == len(header) or (len(cells) > len(header) and not any(cell.strip() for cell in cells[len(header) :])):
                rows.append(cells[: len(header)])
                lines.append(line)
            else:
                rejections.append(_ragged(line, cells, len(header), delimiter, is_cut_off=False))
        if text.count('"') % 2 and (rows or rejections) and any("\n" in cell for cell in cells):
            raise csv.Error("a quotation mark is opened and never closed, so the last rows run together")
    except csv.Error as error:
        raise ReadError(f"{path}, line {reader.line_num}: {error}. Ask the sender to export the table again.") from None
    if rejections and rejections[-1].source_ref == f"line {before}" and not text.endswith("\n"):
        rejections[-1] = _ragged(before, cells, len(header), delimiter, is_cut_off=True)
    columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)] or [pa.array([], pa.string())] * len(header)
    return header, columns, np.array(lines, dtype="int64"), rejections, blank


def _ragged(line: int, cells: list[str], width: int, delimiter: str, is_cut_off: bool) -> Rejection:
    message = f"The row has {len(cells)} cells where the header has {width}."
    if is_cut_off and len(cells) < width:
        return _rejection(line, "cut_off", f"{message} It is the last and has no end: the file was cut off.", cells, delimiter)
    return _rejection(line, "wrong_field_count", message, cells, delimiter)


def _rejection(line: int, reason: str, message: str, cells: list[str], delimiter: str = ",") -> Rejection:
    return Rejection(f"line {line}", reason, message, delimiter.join(cells)[:500])


def _match(titles: list[str], profile: str | None, folder: Path | str | None, path: Path) -> Match:
    known = receiver_profiles(folder)
    if profile is not None:
        if profile not in known:
            raise ValueError(f"Invalid profile {profile!r}. Must be one of: {', '.join(sorted(known))}.")
        return Match(known[profile], ())
    fitting = matches(titles, known)
    if len(fitting) > 1:
        names = " or ".join(f"--profile {match.profile.profile}" for match in fitting)
        raise ReadError(f"{path} fits several receivers alike. State which one wrote it: {names}.")
    if not fitting:
        raise ReadError(
            f"{path} fits no receiver that citygis knows ({', '.join(sorted(known))}); its columns are {', '.join(titles[:12])}. "
            "Write a profile for it in the City's folder, or rename its columns: longitude, latitude, ellipsoid_height_m, time, "
            "fix_type, h_rms_m."
        )
    return fitting[0]


# -- captures ---------------------------------------------------------------------------------------------------------------


def _captures(table: _Table, match: Match, notes: list[str], path: Path) -> Captures:
    cells, profile = table.cells, match.profile
    found = found_titles(list(cells.columns), profile)
    in_degrees = "position" in found or {"longitude", "latitude"} <= set(found)
    if not in_degrees and not {"easting", "northing"} <= set(found):
        raise ReadError(
            f"{path} has no position that the profile {profile.profile} knows; its columns are {', '.join(cells.columns[:12])}."
        )
    frames = stated_frames(cells, profile)
    crs, frame_notes = one_crs(frames, profile, in_degrees=in_degrees, shown=str(path))
    easting, northing, reasons = positions(cells, found, in_degrees=in_degrees)
    columns, unread, column_notes = _columns(cells, found, profile, frames)
    used = {title for column, title in found.items() if column in columns and column not in unread}
    used |= {found[column] for column in ("longitude", "latitude") if in_degrees and column in found}
    used |= {found[column] for column in ("easting", "northing") if not in_degrees}
    others = cells[[title for title in cells.columns if title not in used]].copy()
    offsets, offset_notes = stated_offsets(cells, found, frames, easting, northing) if in_degrees else (None, [])
    if offsets is not None:
        others["stated_offset_ft"] = offsets
    others.columns = [f"{title}_sent" if title.casefold() in (*DTYPES, "geometry") else title for title in others.columns]
    at = np.flatnonzero([reason is None for reason in reasons])
    frame = captures_frame(
        {column: pd.Series(values).iloc[at] for column, values in columns.items()},
        easting[at],
        northing[at],
        crs=crs,
        others=others.iloc[at],
    )
    rejections = list(table.rejections)
    for row in np.flatnonzero([reason is not None for reason in reasons]).tolist():
        sent = [cell if isinstance(cell, str) else "" for cell in cells.iloc[row]]
        rejections.append(_rejection(int(table.lines[row]), *reasons[row], sent, ","))
    rejections.sort(key=lambda rejection: int(rejection.source_ref.removeprefix("line ")))
    by = f", recognised by {', '.join(match.by)}" if match.by else ", as stated"
    notes = [
        *notes,
        f"Read as {profile.title} (profile {profile.profile}{by}).",
        *profile.remarks,
        *frame_notes,
        *column_notes,
        *offset_notes,
        *geometry_notes(cells, found, easting, northing),
    ]
    rows = np.array([f"line {line}" for line in table.lines[at].tolist()], dtype=object)
    return Captures(frame, rows, rejected_frame(rejections), table.counts, notes=tuple(notes))


def _columns(
    cells: pd.DataFrame, found: dict[str, str], profile: Profile, frames: Frames
) -> tuple[dict[str, np.ndarray | pd.Series], set[str], list[str]]:
    """The captures columns, those of which a cell could not be read, and notes."""
    columns: dict[str, np.ndarray | pd.Series] = {column: cells[found[column]] for column in _TEXTS if column in found}
    unread: set[str] = set()
    notes: list[str] = []

    def say(column: str, wrong: np.ndarray, what: str) -> None:
        title = found.get(column, " and ".join(profile.axes.get(column, profile.sums.get(column, ()))))
        example = f", such as {cells[title].iat[int(np.flatnonzero(wrong)[0])]!r}" if title in cells else ""
        notes.append(f"{title}: {int(wrong.sum()):,} {what}{example}; {column} is null there, and the column is kept.")
        unread.add(column)

    for column in _NUMBERS:
        made = _made(column, cells, found, profile)
        if made is None:
            continue
        values, wrong = made
        if column in _COUNTS:
            whole = (values == np.round(values)) & (values >= 0)
            wrong = wrong | (np.isfinite(values) & ~whole)
            values = np.where(whole, values, np.nan)
        elif column in _NEVER_NEGATIVE:
            wrong = wrong | (values < 0)
            values = np.where(values < 0, np.nan, values)
        if wrong.any():
            say(column, wrong, "values are not the numbers they must be")
        if column == "elevation" or column in _LENGTHS:
            labels = unit_labels(column, found.get(column), cells, profile, frames)
            silent = np.isfinite(values) & np.array([label is None for label in labels], dtype=bool)
            if silent.any():
                say("elevation_unit" if column == "elevation" else column, silent, "values have no stated unit")
            if column == "elevation":
                columns["elevation_unit"] = pd.Series(np.where(np.isfinite(values), labels, None), dtype="str")
            else:
                values = in_metres(values, labels)
        columns[column] = pd.array(values, dtype="Int64") if column in _COUNTS else values
    if "elevation" in columns:
        notes += _clear_ellipsoidal(columns, frames)
    if "time" in found:
        times, wrong, no_offset = times_of(cells[found["time"]], profile)
        columns["time"] = times
        if wrong.any():
            say("time", wrong, "values are no time")
        if no_offset.any() and profile.time.zone is None:
            say("time", no_offset, "times state no offset from UTC")
        elif no_offset.any():
            notes.append(
                f"{found['time']}: {int(no_offset.sum()):,} times state no offset; they were taken as UTC, as the format has it."
            )
    if "fix_type" in found:
        columns["fix_type"], wrong = fix_types_of(cells[found["fix_type"]], profile)
        if wrong.any():
            say("fix_type", wrong, f"words for the fix are not known of {profile.title}")
    capture = np.full(len(cells), profile.capture, dtype=object)
    if profile.capture_unnamed is not None:
        capture[columns["name"].isna().to_numpy() if "name" in columns else slice(None)] = profile.capture_unnamed
    columns["capture"] = capture
    columns["height_at"] = np.full(len(cells), profile.height_at, dtype=object)
    columns["datum_stated"] = frames.stated
    return columns, unread, notes


def _made(column: str, cells: pd.DataFrame, found: dict[str, str], profile: Profile) -> tuple[np.ndarray, np.ndarray] | None:
    """A column as numbers: read, added or combined; and which of its cells say something that is no number."""
    if column in found:
        return numbers_of(cells, found[column])
    wanted = profile.axes.get(column) or profile.sums.get(column, ())
    there = titles_there(list(cells.columns), wanted)
    if not there or (column in profile.axes and len(there) < len(wanted)):
        return None
    parts = [numbers_of(cells, title) for title in there]
    values, wrong = np.array([values for values, _ in parts]), np.any([wrong for _, wrong in parts], axis=0)
    if column in profile.axes:
        return np.sqrt((values**2).sum(axis=0)), wrong
    return np.where(np.isfinite(values).any(axis=0), np.nansum(values, axis=0), np.nan), wrong


def _clear_ellipsoidal(columns: dict, frames: Frames) -> list[str]:
    """
    Take out elevations that are ellipsoid heights: those whose system says so, and all of a file in which the two are the same.
    Fill in the vertical datum of the others.
    """
    elevation = columns["elevation"]
    given = np.isfinite(elevation)
    datum = frames.stated.map({text: system.vertical_datum for text, system in frames.systems.items()}).astype("str")
    ellipsoidal = given & datum.str.contains("ellips", case=False).fillna(False).to_numpy(dtype=bool)
    if "ellipsoid_height_m" in columns:
        apart_m = (
            in_metres(elevation, columns["elevation_unit"].to_numpy(dtype=object, na_value=None)) - columns["ellipsoid_height_m"]
        )
        both = np.isfinite(apart_m)
        if both.any() and (np.abs(apart_m[both]) < _SAME_HEIGHT_M).all():
            ellipsoidal |= both
    columns["vertical_datum"] = datum.where(given & ~ellipsoidal, None)
    columns["elevation_unit"] = columns["elevation_unit"].where(~ellipsoidal, None)
    columns["elevation"] = np.where(ellipsoidal, np.nan, elevation)
    if not ellipsoidal.any():
        return []
    return [f"{int(ellipsoidal.sum()):,} elevations are heights above the ellipsoid, which are never elevations; they are null."]
