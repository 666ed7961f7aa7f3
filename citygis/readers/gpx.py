"""
GPX: waypoints, routes and tracks, of version 1.0, 1.1, or without namespace.

Elements and their meaning: GPX 1.1 schema documentation (TopoGrafix, 2004). Extensions are whatever other software added.
"""

import html
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.captures import DTYPES, Captures, Rejection, captures_frame, rejected_frame
from citygis.readers.guard import require_local_file
from citygis.readers.markup import Tags, tags
from citygis.readers.moments import moments
from citygis.readers.slices import decimals, texts

_POINTS = {"wpt": "waypoint", "rtept": "route", "trkpt": "track"}
_NUMBERS = {
    "ele": "ele_m",
    "magvar": "magvar_deg",
    "geoidheight": "geoidheight_m",
    "sat": "satellites",
    "hdop": "hdop",
    "vdop": "vdop",
    "pdop": "pdop",
    "ageofdgpsdata": "correction_age_s",
}
_TEXTS = {
    "name": "name",
    "dgpsid": "station",
    "cmt": "cmt",
    "desc": "desc",
    "src": "src",
    "sym": "sym",
    "type": "type",
    "fix": "fix",
}
_FIX_TYPES = {"none": "NONE", "2d": "SINGLE", "3d": "SINGLE", "pps": "SINGLE", "dgps": "DGPS"}
"""GPX 1.1, ``fixType``. It has no word for RTK, so nothing of a GPX file is FIXED. PPS is the encrypted code, a single solution."""
_STANDARD = ("ele_m", "geoidheight_m", "magvar_deg", "fix", "cmt", "desc", "src", "sym", "type", "link")
_MOST_COLUMNS = 200
_FLOAT = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*")
_ATTRIBUTE = re.compile(rb"""\s([^\s=<>"']+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_REASONS = (
    ("no_position", "It has no lat or no lon."),
    ("not_a_number", "Its lat or lon is not a number."),
    ("ddmm_as_degrees", "Its lat or lon reads as ddmm.mmm, degrees and minutes, where GPX has decimal degrees."),
    ("out_of_range", "Its lat is beyond 90 or its lon beyond 180 degrees."),
)


def read_gpx(path: Path | str) -> Captures:
    """
    The points of a GPX file.

    Parameters
    ----------
    path : path
        GPX 1.0, 1.1 or without namespace, in UTF-8, UTF-16 or a Latin encoding. It is streamed.

    Returns
    -------
    Captures
        ``frame``, in EPSG:4326: one row per wpt, rtept and trkpt, in the order of the file. ``capture`` is "waypoint", "route" or
        "track"; ``track`` counts tracks or routes, and ``segment`` segments of a track, from 1. After the captures columns, where
        the file has them: ``ele_m`` (``ele`` as sent: above the ellipsoid or above some sea level, GPX does not say by which model,
        so it is no elevation and no ellipsoid height), ``geoidheight_m``, ``magvar_deg``, ``fix``, ``cmt``, ``desc``, ``src``,
        ``sym``, ``type``, ``link``, ``track_name``; then each element of the extensions that holds text, by its local name, as text
        ("_extension" after a name that is taken). Of an element that occurs more than once in a point the first is kept, and a note
        says so. ``records``: points by kind; each is a row or rejected.

    Raises
    ------
    ReadError
        If the file is not GPX, not well-formed, cut off, or unsafe (a document type, entities, too deep, too large).
    """
    path = require_local_file(path)
    found = _Found()
    for piece in tags(path):
        if not found.root:
            found.root = piece.names[int(piece.name[0])]
            if found.root != "gpx":
                raise ReadError(f"{path} is not GPX: its root element is {found.root!r}. Ask how it was made.")
        _read_piece(piece, found, path)
    return _captures(found)


class _Points(NamedTuple):
    """
    Points of one piece of a file: which of `_POINTS`, degrees, which of `_REASONS` (-1 none), track, segment; tags of refused ones.
    """

    kind: np.ndarray
    easting: np.ndarray
    northing: np.ndarray
    why: np.ndarray
    track: np.ndarray
    segment: np.ndarray
    refused: list[str]


class _Found:
    """What was read so far, and where in the tree the last piece ended."""

    def __init__(self) -> None:
        self.root = ""
        self.points: list[_Points] = []
        self.values: dict[str, list[tuple[np.ndarray, object]]] = {}
        self.extensions: dict[str, None] = {}
        self.names: dict[tuple[str, int], str] = {}
        self.count = self.repeated = self.unread = self.zoneless = 0
        self.level = dict.fromkeys(("extensions", "point", "trk", "rte", "trkseg"), 0)
        self.number = dict.fromkeys(("trk", "rte", "trkseg"), 0)
        self.point_depth = 0
        self.segments_before = 0
        self.filled: set[int] = set()


def _running(piece: Tags, is_one: np.ndarray, before: int) -> tuple[np.ndarray, int]:
    """How many elements of a kind are open at each tag, the one that a tag opens or closes included; and after the last tag."""
    after = before + np.cumsum(np.where(is_one, piece.opens.astype(np.int64) - piece.closes, 0))
    return np.where(is_one & piece.closes, after + 1, after), int(after[-1])


def _read_piece(piece: Tags, found: _Found, path: Path) -> None:
    number = {name: place for place, name in enumerate(piece.names)}

    def is_called(*names: str) -> np.ndarray:
        return np.isin(piece.name, [number[name] for name in names if name in number])

    level = {}
    in_extensions, level["extensions"] = _running(piece, is_called("extensions"), found.level["extensions"])
    outside = in_extensions == 0
    is_point = is_called(*_POINTS) & outside
    in_point, level["point"] = _running(piece, is_point, found.level["point"])
    within, numbers = {}, {}
    for name in ("trk", "rte", "trkseg"):
        is_one = is_called(name) & outside & (in_point == 0)
        within[name], level[name] = _running(piece, is_one, found.level[name])
        numbers[name] = found.number[name] + np.cumsum(is_one & piece.opens)
    opens_track = is_called("trk") & outside & (in_point == 0) & piece.opens
    before = np.maximum.accumulate(np.where(opens_track, numbers["trkseg"], found.segments_before))

    starts = np.flatnonzero(is_point & piece.opens)
    of = found.count - 1 + np.cumsum(is_point & piece.opens)
    depth = np.concatenate([[found.point_depth], piece.depth[starts]])[of - found.count + 1]
    _add_points(piece, starts, numbers, before, found)

    leaves = np.flatnonzero(piece.is_leaf & (in_point > 0) & ~is_point)
    direct = piece.depth[leaves] == depth[leaves] + 1
    for code in np.unique(piece.name[leaves]):
        name = piece.names[code]
        here = piece.name[leaves] == code
        known = name in _NUMBERS or name in _TEXTS or name == "time"
        taken = here & direct & known
        if taken.any():
            _add_values(piece, leaves[taken], of, name, found)
        # GPX 1.0 has the elements of others beside its own; 1.1 puts them into extensions.
        extra = here & (~outside[leaves] | (direct & ~taken))
        if extra.any():
            _add_extension(piece, leaves[extra], of, name, found, path)
    links = np.flatnonzero(is_called("link") & piece.opens & (in_point > 0) & outside & (piece.depth == depth + 1))
    if len(links):
        href = [_attributes(piece, row).get("href") for row in links]
        found.values.setdefault("link", []).append((of[links], pa.array(href, pa.large_string())))
    is_name = piece.is_leaf & is_called("name") & outside & (in_point == 0) & (within["trkseg"] == 0)
    for row in np.flatnonzero(is_name & ((within["trk"] > 0) | (within["rte"] > 0))):
        kind = "trk" if within["trk"][row] else "rte"
        text = piece.buffer[piece.end[row] + 1 : piece.begin[row + 1]].tobytes().decode()
        found.names.setdefault((kind, int(numbers[kind][row])), html.unescape(text).strip())

    found.count += len(starts)
    found.level = level
    found.number = {name: int(running[-1]) for name, running in numbers.items()}
    found.segments_before, found.point_depth = int(before[-1]), int(depth[-1])


def _attributes(piece: Tags, row: int) -> dict[str, str]:
    said = {}
    for name, double, single in _ATTRIBUTE.findall(piece.buffer[piece.begin[row] : piece.end[row] + 1].tobytes()):
        said.setdefault(name.decode(), html.unescape((double or single).decode()))
    return said


def _add_points(piece: Tags, starts: np.ndarray, numbers: dict[str, np.ndarray], before: np.ndarray, found: _Found) -> None:
    kinds = np.array([list(_POINTS).index(name) if name in _POINTS else -1 for name in piece.names])
    kind = kinds[piece.name[starts]]
    northing, easting, missing = _degrees(piece, starts)
    beyond = (np.abs(northing) > 90) | (np.abs(easting) > 180)
    with np.errstate(invalid="ignore"):
        minutes = [np.abs(value) % 100 < 60 for value in (northing, easting)]
    is_ddmm = beyond & (np.abs(northing) <= 9000) & (np.abs(easting) <= 18000) & minutes[0] & minutes[1]
    is_ddmm &= (np.abs(northing) >= 100) | (np.abs(easting) >= 1000)
    why = np.full(len(starts), -1, dtype=np.int8)
    why[beyond] = 3
    why[is_ddmm] = 2
    why[~(np.isfinite(northing) & np.isfinite(easting))] = 1
    why[missing] = 0
    is_track, is_route = kind == list(_POINTS).index("trkpt"), kind == list(_POINTS).index("rtept")
    track = np.where(is_track, numbers["trk"][starts], np.where(is_route, numbers["rte"][starts], 0))
    segment = np.where(is_track, numbers["trkseg"][starts], 0)
    inner = np.where(is_track, segment - before[starts], 0)
    refused = [
        piece.buffer[piece.begin[row] : piece.end[row] + 1].tobytes()[:200].decode("utf-8", "replace") for row in starts[why >= 0]
    ]
    found.points.append(_Points(kind, easting, northing, why, track, inner, refused))
    found.filled.update(np.unique(segment[segment > 0]).tolist())


def _degrees(piece: Tags, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latitude and longitude of point tags, and where one of them is missing. Not a number where it is none."""
    buffer, begin, end = piece.buffer, piece.begin[starts], piece.end[starts]
    quotes = np.append(np.flatnonzero(buffer == 0x22), np.full(4, len(buffer) - 1))
    first = np.searchsorted(quotes, begin)
    is_usual = (quotes[np.minimum(first + 3, len(quotes) - 1)] < end) & (quotes[np.minimum(first + 4, len(quotes) - 1)] > end)
    values = {name: np.full(len(starts), np.nan) for name in (b"lat", b"lon")}
    written = [quotes[np.minimum(first + place, len(quotes) - 1)] for place in range(4)]
    slices = {}
    for name in values:
        called = [_is_before(buffer, at, b" " + name + b"=") for at in (written[0], written[2])]
        slices[name] = np.where(called[0], written[0], written[2]) + 1, np.where(called[0], written[1], written[3])
        is_usual &= called[0] | called[1]
    for name, (start, stop) in slices.items():
        number = decimals(buffer, np.where(is_usual, start, 0), np.where(is_usual, stop, 0))
        values[name] = number.value
        is_usual &= number.is_number
    missing = np.zeros(len(starts), dtype=bool)
    for row in np.flatnonzero(~is_usual):
        said = _attributes(piece, starts[row])
        missing[row] = "lat" not in said or "lon" not in said
        for name in values:
            values[name][row] = _float(said.get(name.decode(), ""))
    return values[b"lat"], values[b"lon"], missing


def _is_before(buffer: np.ndarray, at: np.ndarray, text: bytes) -> np.ndarray:
    same = np.ones(len(at), dtype=bool)
    for step, letter in enumerate(reversed(text), start=1):
        same &= buffer[np.maximum(at - step, 0)] == letter
    return same


def _float(text: str) -> float:
    return float(text) if _FLOAT.fullmatch(text) else np.nan


def _add_values(piece: Tags, rows: np.ndarray, of: np.ndarray, name: str, found: _Found) -> None:
    begin, end = piece.end[rows] + 1, piece.begin[rows + 1]
    if name == "time":
        made = moments(piece.buffer, begin, end)
        found.zoneless += int(made.zoneless.sum())
        found.unread += int((np.isnat(made.utc) & (end > begin)).sum())
        found.values.setdefault("time", []).append((of[rows], made.utc))
    elif name in _NUMBERS:
        number = decimals(piece.buffer, begin, end)
        value = number.value
        for row in np.flatnonzero(~number.is_number & (end > begin)):
            value[row] = _float(html.unescape(piece.buffer[begin[row] : end[row]].tobytes().decode()))
            found.unread += int(np.isnan(value[row]))
        found.values.setdefault(_NUMBERS[name], []).append((of[rows], value))
    else:
        found.values.setdefault(_TEXTS[name], []).append((of[rows], _texts(piece, rows)))


def _add_extension(piece: Tags, rows: np.ndarray, of: np.ndarray, name: str, found: _Found, path: Path) -> None:
    taken = name in DTYPES or name in _STANDARD or name in ("track_name", "geometry")
    column = f"{name}_extension" if taken else name
    found.extensions[column] = None
    if len(found.extensions) > _MOST_COLUMNS:
        raise ReadError(f"{path} has more than {_MOST_COLUMNS} different elements in its extensions. Ask for a plain export.")
    found.values.setdefault(column, []).append((of[rows], _texts(piece, rows)))


def _texts(piece: Tags, rows: np.ndarray) -> pa.Array:
    """Text of leaves, without blanks around it, references resolved; null where there is none."""
    made = texts(piece.buffer, piece.end[rows] + 1, piece.begin[rows + 1])
    if pc.any(pc.match_substring_regex(made, r"&|^\s|\s$")).as_py():
        plain = [None if text is None else html.unescape(text).strip() or None for text in made.to_pylist()]
        made = pa.array(plain, pa.large_string())
    return made


# -- together --------------------------------------------------------------------------------------------------------------------


def _captures(found: _Found) -> Captures:
    kind, easting, northing, why, track, segment = (np.concatenate([part[place] for part in found.points]) for place in range(6))
    said = [text for part in found.points for text in part.refused]
    found.points.clear()
    names = list(_POINTS)
    kept = why < 0
    columns = {name: _column(found.values.pop(name), kept, found) for name in list(found.values)}
    notes = _notes(found, columns)
    sent = columns.pop("fix", None)
    captures = {name: columns.pop(name) for name in list(columns) if name in DTYPES}
    captures["capture"] = np.array(list(_POINTS.values()), dtype=object)[kind[kept]]
    for name, values in (("track", track[kept]), ("segment", segment[kept])):
        captures[name] = pd.Series(values, dtype="Int64").mask(values == 0)
    if "time" in captures:
        captures["time"] = pd.Series(captures["time"]).dt.tz_localize("UTC")
    if "satellites" in captures:
        captures["satellites"] = pd.Series(captures["satellites"]).round().astype("Int64")
    if sent is not None:
        codes, words = pd.factorize(sent)
        captures["fix_type"] = np.array([*(_FIX_TYPES.get(word.lower()) for word in words), None], dtype=object)[codes]
        columns["fix"] = sent
    if found.names:
        columns["track_name"] = _track_names(found, kind[kept], track[kept])
    order = [name for name in (*_STANDARD, "track_name", *found.extensions) if name in columns]
    others = pd.DataFrame({name: columns[name] for name in order}, index=pd.RangeIndex(int(kept.sum())))
    frame = captures_frame(captures, easting[kept], northing[kept], crs=CRS.from_epsg(4326), others=others if order else None)
    del captures, columns, others
    refs = _refs(kind)
    refused = np.flatnonzero(~kept)
    rejected = rejected_frame([Rejection(refs[row], *_REASONS[why[row]], text) for row, text in zip(refused, said, strict=True)])
    records = {str(name): int((kind == place).sum()) for place, name in enumerate(names) if (kind == place).any()}
    return Captures(frame, refs[kept], rejected, records, 0, tuple(notes))


def _refs(kind: np.ndarray) -> np.ndarray:
    """ "trkpt 40": each point by its kind and its number among those."""
    number = np.zeros(len(kind), dtype=np.int64)
    for place in range(len(_POINTS)):
        number[kind == place] = np.arange(1, int((kind == place).sum()) + 1)
    words = pa.array(list(_POINTS)).take(pa.array(kind))
    return pc.binary_join_element_wise(words, pa.array(number).cast(pa.string()), " ").to_numpy(False)


def _column(values: list[tuple[np.ndarray, object]], kept: np.ndarray, found: _Found):
    """One value per kept point, the first where an element is repeated."""
    of = np.concatenate([rows for rows, _ in values])
    first = np.unique(of, return_index=True)[1]
    found.repeated += len(of) - len(first)
    where = np.full(len(kept), -1)
    where[of[first]] = first
    where = where[kept]
    if isinstance(values[0][1], np.ndarray):
        column = np.concatenate([part for _, part in values])
        nothing = np.datetime64("NaT", "us") if column.dtype.kind == "M" else np.nan
        return np.where(where >= 0, column[where], nothing) if len(column) else np.full(len(where), nothing)
    chunks = pa.chunked_array([part for _, part in values], type=pa.large_string())
    return chunks.take(pa.array(where, mask=where < 0)).to_pandas().astype("str")


def _track_names(found: _Found, kind: np.ndarray, track: np.ndarray) -> pd.Series:
    names = pd.Series(None, index=pd.RangeIndex(len(kind)), dtype="str")
    for of, place in (("rte", 1), ("trk", 2)):
        called = {number: name for (which, number), name in found.names.items() if which == of}
        here = kind == place
        names[here] = pd.Series(track[here]).map(called).astype("str").array
    return names


def _notes(found: _Found, columns: dict) -> list[str]:
    notes = []
    if "ele_m" in columns:
        notes.append(
            "ele is a height above the ellipsoid or above some sea level; GPX does not say which. It is kept in ele_m, and is no "
            "elevation. Ask the maker of the receiver or app."
        )
    empty = found.number["trkseg"] - len(found.filled)
    notes += [f"{empty:,} track segments are empty."] if empty else []
    notes += [f"{found.zoneless:,} times have no zone; they were taken as UTC, which GPX prescribes."] if found.zoneless else []
    notes += [f"{found.unread:,} numbers or times cannot be read and were left null."] if found.unread else []
    notes += [f"{found.repeated:,} elements occur again in the same point; the first was kept."] if found.repeated else []
    if "fix" in columns:
        odd = sorted({word.lower() for word in columns["fix"].dropna().unique()} - set(_FIX_TYPES))
        notes += [f"GPX has no fix type {', '.join(odd[:5])}; fix_type is null there, and fix as sent."] if odd else []
    return notes
