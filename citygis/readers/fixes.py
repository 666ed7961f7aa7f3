"""
What single sentences of NMEA 0183 say: positions, accuracies, dates, datums; and why one of them cannot be used.

Fields as in NMEA 0183, described by the gpsd project (E. S. Raymond, "NMEA Revealed"), and, for the fix flags and the later fields,
by u-blox, "F9 HPG 1.32 Interface Description" (UBX-22008968), section 2.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.readers.moments import DAY_US, NO_DATE, days
from citygis.readers.sentences import BAD_CHECKSUM, CUT_OFF, WHOLE, Scan, Sentences, kind_number
from citygis.readers.slices import Decimals, texts

POSITIONS = ("GGA", "GNS", "RMC", "GLL", "WPL")
"""Sentences with a position, the one that says most first: its place here is ``rank``."""

FIX_TYPES = ("FIXED", "FLOAT", "SINGLE", "DGPS")
UNKNOWN_FIX, NO_FIX = -1, -2
"""In the column ``fix``: a place in `FIX_TYPES`, or one of these."""

_QUALITY = {"1": "SINGLE", "2": "DGPS", "3": "SINGLE", "4": "FIXED", "5": "FLOAT", "9": "DGPS"}
"""
Fix quality of GGA. 2 is any differential code solution, mostly SBAS; 3 is PPS, military and single; 9 is SBAS as NovAtel sends it.
"""
_MODE = {"A": "SINGLE", "P": "SINGLE", "D": "DGPS", "R": "FIXED", "F": "FLOAT"}
"""Mode indicator of RMC, GLL and GNS: A autonomous, P precise (encrypted code), D differential, R RTK fixed, F RTK float."""
_NO_FIX = {
    "0": "The receiver had no fix (quality 0).",
    "6": "The position is estimated by dead reckoning (quality 6), not measured.",
    "7": "The position was keyed in by hand (quality 7).",
    "8": "The position is from a simulator (quality 8).",
    "V": "The receiver marks the position as void (V).",
    "N": "The receiver had no fix (mode N).",
    "E": "The position is estimated by dead reckoning (mode E), not measured.",
    "M": "The position was keyed in by hand (mode M).",
    "S": "The position is from a simulator (mode S).",
}
_FIELD_COUNTS = {
    "GGA": (14, 14),
    "GNS": (12, 13),
    "RMC": (11, 13),
    "GLL": (6, 7),
    "WPL": (5, 5),
    "GST": (8, 8),
    "GSA": (17, 18),
    "ZDA": (4, 6),
    "DTM": (8, 8),
}
_DAMAGE = {
    BAD_CHECKSUM: ("bad_checksum", "Its checksum does not fit its text: a character was lost or changed on the way."),
    CUT_OFF: ("cut_off", "It has no checksum at its end: it is cut off, or its software leaves out what would prove it."),
}
_NOT_TEXT = ("not_text", "Bytes that are no text stand in it: it is cut off by other data, or is part of it.")
_WHY = (
    ("no_position", "Its latitude or longitude is empty."),
    (
        "not_a_number",
        "Its time, quality, latitude or longitude is not written as NMEA 0183 writes it (hhmmss, one digit, ddmm.mmm).",
    ),
    (
        "ddmm_as_degrees",
        "Its latitude or longitude has too few digits for ddmm.mmm, degrees and minutes: it seems to hold decimal degrees. "
        "Ask which software wrote it.",
    ),
    ("hemisphere_missing", "It does not say N or S after the latitude, or E or W after the longitude."),
    (
        "out_of_range",
        "Its minutes are 60 or more, its latitude is beyond 90 or its longitude beyond 180 degrees, or its time beyond 24 h.",
    ),
)


class Piece(NamedTuple):
    """
    What one `Scan` says. Every frame has ``ordinal``, the place of the sentence among all of the file, and a fresh index.

    ``positions``, by kind: ``time_us`` (of day, -1 where empty), ``date`` (of RMC; days since 1970, `NO_DATE`), ``easting`` and
    ``northing`` (degrees), ``fix``, ``quality`` (as sent), ``satellites``, ``hdop``, ``msl_height_m``, ``separation_m``,
    ``correction_age_s``, ``station``, ``speed_kn``, ``course_deg``, ``name``. ``said``: text of those whose ``fix`` is `NO_FIX`, by
    ordinal. ``gst``: ``time_us``, ``h_rms_m``, ``v_rms_m``. ``gsa``: ``pdop``, ``hdop``, ``vdop``. ``zda``: ``time_us``, ``date``.
    ``datums``: (ordinal, text, whether it is WGS 84). ``rejections``: (ordinal, reason, message, text). ``kinds`` counts sentences,
    ``unread`` values that are no numbers.
    """

    positions: dict[str, pd.DataFrame]
    said: dict[int, str]
    gst: pd.DataFrame
    gsa: pd.DataFrame
    zda: pd.DataFrame
    datums: list[tuple[int, str, bool]]
    rejections: list[tuple[int, str, str, str]]
    kinds: dict[str, int]
    unread: int


def piece(scan: Scan, start: int) -> Piece:
    """What the sentences of a scan say; ``start`` is the ordinal of the first."""
    rejections = []
    kinds: dict[str, int] = {}
    damaged = np.flatnonzero(scan.state != WHOLE)
    for row in damaged:
        rejections.append((start + int(row), *_DAMAGE.get(int(scan.state[row]), _NOT_TEXT), scan.text(row)))
    if len(damaged):
        kinds["damaged"] = len(damaged)
    rows_of = {}
    numbers, counts = np.unique(scan.kind[scan.state == WHOLE], return_counts=True)
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        if number:
            letters = number.to_bytes(3).decode("ascii", "replace")
            kinds[letters] = count
    odd = np.flatnonzero((scan.state == WHOLE) & (scan.kind == 0))
    datums = []
    for row in odd:
        address = scan.address(row)
        kinds[address] = kinds.get(address, 0) + 1
        if address == "PGRMM":
            name = scan.text(row)[1:].partition("*")[0].partition(",")[2]
            datums.append((start + int(row), name, name.replace(" ", "").upper() in ("WGS84", "")))
    for letters, (fewest, most) in _FIELD_COUNTS.items():
        rows = np.flatnonzero((scan.state == WHOLE) & (scan.kind == kind_number(letters)))
        wrong = (scan.count[rows] < fewest) | (scan.count[rows] > most)
        for row in rows[wrong]:
            fields = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            message = f"{letters} has {scan.count[row]} fields where the standard has {fields}."
            rejections.append((start + int(row), "wrong_field_count", message, scan.text(row)))
        if wrong.any():
            kinds[letters] -= int(wrong.sum())
            kinds["damaged"] = kinds.get("damaged", 0) + int(wrong.sum())
        rows_of[letters] = rows[~wrong]
    unread = _Count()
    positions, said = {}, {}
    for letters, made in (("GGA", _gga), ("GNS", _gns), ("RMC", _rmc), ("GLL", _gll), ("WPL", _wpl)):
        if len(rows_of[letters]):
            positions[letters] = _usable(scan, made(scan.of(rows_of[letters]), unread), start, rejections, said)
    stated = [(start + int(row), *_datum(scan, int(row))) for row in rows_of["DTM"]]
    datums += [one for one in stated if one[1]]
    zda, bad = _zda(scan.of(rows_of["ZDA"]))
    for row in bad:
        rejections.append((start + int(row), "not_a_number", "Its date or time cannot be.", scan.text(row)))
    frames = [_gst(scan.of(rows_of["GST"]), unread), _gsa(scan.of(rows_of["GSA"]), unread), zda]
    for frame in frames:
        frame["ordinal"] += start
    return Piece(positions, said, *frames, sorted(datums), rejections, kinds, unread.value)


class _Count:
    value = 0


def _optional(decimals: Decimals, begin: np.ndarray, end: np.ndarray, unread: _Count) -> np.ndarray:
    """Values where a field may be empty; what is neither empty nor a number is counted."""
    unread.value += int((~decimals.is_number & (end > begin)).sum())
    return decimals.value


def _number(of: Sentences, field: int, unread: _Count) -> np.ndarray:
    return _optional(of.numbers(field), *of.slices(field), unread)


# -- positions --------------------------------------------------------------------------------------------------------------------


def _gga(of: Sentences, unread: _Count) -> pd.DataFrame:
    quality = of.letters(6)
    in_metres = (of.letters(10) == ord("M"), of.letters(12) == ord("M"))
    heights = [np.where(metres, _number(of, field, unread), np.nan) for metres, field in zip(in_metres, (9, 11), strict=True)]
    return pd.DataFrame(
        {
            **_place(of, 2),
            **_time(of, 1),
            "fix": _fix(quality, _QUALITY),
            "unknown": _fix(quality, _QUALITY) == UNKNOWN_FIX,
            "quality": quality,
            "satellites": _number(of, 7, unread),
            "hdop": _number(of, 8, unread),
            "msl_height_m": heights[0],
            "separation_m": heights[1],
            "correction_age_s": _number(of, 13, unread),
            "station": texts(of.buffer, *of.slices(14)).to_pandas().astype("str"),
        }
    )


def _gns(of: Sentences, unread: _Count) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **_place(of, 2),
            **_time(of, 1),
            **_modes(of, 6),
            "satellites": _number(of, 7, unread),
            "hdop": _number(of, 8, unread),
            "msl_height_m": _number(of, 9, unread),
            "separation_m": _number(of, 10, unread),
            "correction_age_s": _number(of, 11, unread),
            "station": texts(of.buffer, *of.slices(12)).to_pandas().astype("str"),
        }
    )


def _rmc(of: Sentences, unread: _Count) -> pd.DataFrame:
    return pd.DataFrame(
        {
            **_place(of, 3),
            **_time(of, 1),
            **_status(of, 2, 12),
            "date": _date(of.numbers(9)),
            "speed_kn": _number(of, 7, unread),
            "course_deg": _number(of, 8, unread),
        }
    )


def _gll(of: Sentences, _: _Count) -> pd.DataFrame:
    return pd.DataFrame({**_place(of, 1), **_time(of, 5), **_status(of, 6, 7)})


def _wpl(of: Sentences, _: _Count) -> pd.DataFrame:
    name = texts(of.buffer, *of.slices(5)).to_pandas().astype("str")
    return pd.DataFrame({**_place(of, 1), "time_us": -1, "fix": np.int8(UNKNOWN_FIX), "quality": np.uint8(0), "name": name})


def _fix(letters: np.ndarray, meaning: dict[str, str]) -> np.ndarray:
    table = np.full(256, UNKNOWN_FIX, dtype=np.int8)
    table[[ord(letter) for letter in _NO_FIX]] = NO_FIX
    for letter, name in meaning.items():
        table[ord(letter)] = FIX_TYPES.index(name)
    return table[letters]


def _status(of: Sentences, status: int, mode: int) -> dict[str, np.ndarray]:
    """The fix of RMC and GLL: void unless its status is A; by its mode indicator, which came with NMEA 2.3, where it has one."""
    valid = of.letters(status) == ord("A")
    letters = of.letters(mode)
    has_mode = of.count >= mode
    fix = np.where(has_mode, _fix(letters, _MODE), UNKNOWN_FIX).astype(np.int8)
    fix[~valid] = NO_FIX
    return {"fix": fix, "quality": np.where(valid | (fix == NO_FIX) & (letters != ord("A")), letters, ord("V"))}


def _modes(of: Sentences, field: int) -> dict[str, np.ndarray]:
    """
    The fix of GNS, which has one mode letter per constellation: the weakest of those that are used, so that a solution counts as
    fixed only when all of it is.
    """
    begin, end = of.slices(field)
    strength = {letter: place for place, letter in enumerate("SMEAPDFR")}
    table = np.full(256, -1, dtype=np.int8)
    for letter, place in strength.items():
        table[ord(letter)] = place
    weakest = np.full(len(of.rows), 99, dtype=np.int8)
    for step in range(int((end - begin).max(initial=0))):
        letters = of.buffer[np.minimum(begin + step, len(of.buffer) - 1)]
        used = (begin + step < end) & (letters != ord("N"))
        weakest = np.where(used, np.minimum(weakest, table[letters]), weakest)
    letters = np.frombuffer(b"SMEAPDFR", dtype=np.uint8)[np.clip(weakest, 0, 7)]
    quality = np.where(weakest == 99, np.uint8(ord("N")), np.where(weakest < 0, np.uint8(0), letters))
    return {"fix": _fix(quality, _MODE), "unknown": quality == 0, "quality": quality}


def _place(of: Sentences, field: int) -> dict[str, np.ndarray]:
    """Latitude, its hemisphere, longitude, its hemisphere, from a field on: degrees, and which of `_WHY` speaks against them."""
    why = np.full(len(of.rows), -1, dtype=np.int8)
    degrees, digits, blank = [], [], np.zeros(len(of.rows), dtype=bool)
    number, missing, beyond = (np.ones(len(of.rows), dtype=bool), *np.zeros((2, len(of.rows)), dtype=bool))
    for which, letters, limit in ((field, b"NS", 90), (field + 2, b"EW", 180)):
        begin, end = of.slices(which)
        part = of.numbers(which)
        hundred = 100 * part.scale
        whole = part.mantissa // hundred
        minutes = (part.mantissa - whole * hundred) / part.scale
        value = whole + minutes / 60
        hemisphere = of.letters(which + 1)
        blank |= begin == end
        number &= part.is_number & (part.mantissa >= 0)
        missing |= (hemisphere != letters[0]) & (hemisphere != letters[1])
        beyond |= (minutes >= 60) | (value > limit)
        digits.append(part.whole)
        degrees.append(np.where(hemisphere == (letters[1] if which == field else ord("W")), -value, value))
    few = (digits[0] <= 2) | (digits[1] <= 3)
    for place, wrong in reversed(list(enumerate((blank, ~number, few, missing, beyond)))):
        why[wrong] = place
    return {"ordinal": of.rows, "easting": degrees[1], "northing": degrees[0], "why": why}


def _time(of: Sentences, field: int) -> dict[str, np.ndarray]:
    """Time of day in microseconds: -1 where the field is empty, -2 where it is none."""
    begin, end = of.slices(field)
    time = _time_of_day(of.numbers(field))
    return {"time_us": np.where(begin == end, -1, time)}


def _time_of_day(number: Decimals) -> np.ndarray:
    whole = number.mantissa // number.scale
    hours, minutes, seconds = whole // 10_000, whole // 100 % 100, whole % 100
    fraction = (number.mantissa - whole * number.scale) / number.scale
    # Second 60 is a leap second.
    sound = number.is_number & (number.mantissa >= 0) & (hours < 24) & (minutes < 60) & (seconds <= 60)
    time = ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + np.round(fraction * 1e6).astype(np.int64)
    return np.where(sound, np.minimum(time, DAY_US - 1), -2)


def _date(number: Decimals) -> np.ndarray:
    """Days since 1970 of a date written ddmmyy; GPS began in 1980, so 80 to 99 are of the last century."""
    written = number.mantissa
    year = written % 100
    sound = number.is_number & (number.places == 0) & (written > 0)
    return np.where(sound, days(np.where(year >= 80, 1900, 2000) + year, written // 100 % 100, written // 10_000), NO_DATE)


def _usable(scan: Scan, positions: pd.DataFrame, start: int, rejections: list, said: dict[int, str]) -> pd.DataFrame:
    """The positions that can be joined, those without a fix among them, which have no coordinates."""
    rows, why, fix = (positions.pop(name).to_numpy() for name in ("ordinal", "why", "fix"))
    lost = positions["time_us"].to_numpy() == -2
    if "unknown" in positions:
        lost = lost | positions.pop("unknown").to_numpy()
    why = np.where(fix == NO_FIX, -1, np.where(lost & (why != 0), 1, why))
    for row in np.flatnonzero(why >= 0):
        rejections.append((start + int(rows[row]), *_WHY[why[row]], scan.text(rows[row])))
    voids = np.flatnonzero(fix == NO_FIX)
    said |= {start + int(rows[row]): scan.text(rows[row]) for row in voids}
    positions = positions.assign(ordinal=rows + start, fix=fix)
    positions.loc[voids, ["easting", "northing"]] = np.nan
    positions["time_us"] = positions["time_us"].clip(lower=-1)
    return positions if (why < 0).all() else positions[why < 0]


def no_fix_message(quality: float) -> str:
    """Why a sentence with this fix quality or mode, as the number of its letter, is no position."""
    letter = chr(int(quality)) if np.isfinite(quality) else ""
    return _NO_FIX.get(letter, "The receiver had no fix.")


# -- what is joined to them ------------------------------------------------------------------------------------------------------


def _gst(of: Sentences, unread: _Count) -> pd.DataFrame:
    sigma = [_number(of, field, unread) for field in (6, 7, 8)]
    return pd.DataFrame({"ordinal": of.rows, **_time(of, 1), "h_rms_m": np.hypot(*sigma[:2]), "v_rms_m": sigma[2]})


def _gsa(of: Sentences, unread: _Count) -> pd.DataFrame:
    dops = {name: _number(of, field, unread) for name, field in (("pdop", 15), ("hdop", 16), ("vdop", 17))}
    return pd.DataFrame({"ordinal": of.rows, **dops})


def _zda(of: Sentences) -> tuple[pd.DataFrame, np.ndarray]:
    day, month, year = (np.where(part.is_number, part.mantissa // part.scale, 0) for part in (of.numbers(n) for n in (2, 3, 4)))
    time = _time(of, 1)["time_us"]
    blank = of.slices(2)[0] == of.slices(2)[1]
    # A receiver that has never seen a satellite sends a date of its own, before GPS was.
    date = np.where(year >= 1980, days(year, month, day), NO_DATE)
    bad = ((date == NO_DATE) & ~blank) | (time == -2)
    return pd.DataFrame({"ordinal": of.rows, "time_us": time, "date": date})[~bad].reset_index(drop=True), of.rows[bad]


def _datum(scan: Scan, row: int) -> tuple[str, bool]:
    """A DTM sentence: the local datum in its own words, "" where it says none, and whether it is WGS 84 without an offset."""
    fields = scan.text(row)[1:].partition("*")[0].split(",")[1:]
    code, part, *offsets = fields
    moved = any(np.any(value.strip("0.-+")) for value in (offsets[0], offsets[2], offsets[4]) if value.strip("0.-+"))
    said = code + (f" {part}" if part else "")
    if moved:
        said += f" moved by {offsets[0]}' {offsets[1]}, {offsets[2]}' {offsets[3]}, {offsets[4]} m from {offsets[5]}"
    return said, code == "W84" and not moved
