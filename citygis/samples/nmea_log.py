"""A rover's session as its receiver logs it: sentences of NMEA 0183, some damaged on their way, and bytes of other protocols."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from citygis.samples.rover import ANTENNA_M, Session

SEPARATION_M = -31.73
"""Geoid separation of the receiver's own model (EGM96 at the place), which is not the City's."""

UNDATED = 3
"""How many epochs at the beginning have no sentence with a date."""

_QUALITY = {"FIXED": ("4", "R"), "FLOAT": ("5", "F"), "DGPS": ("2", "D"), "SINGLE": ("1", "A")}
_MOUNT_POINT = "RVB1"
_GSV = (
    "GPGSV,3,1,10,02,64,041,47,05,33,310,44,07,21,176,41,11,55,266,46,1",
    "GPGSV,3,2,10,13,18,058,40,15,09,224,36,20,41,120,45,25,12,329,38,1",
    "GPGSV,3,3,10,29,72,182,48,30,27,092,43,1",
)


class Line(NamedTuple):
    """A piece of the log: its bytes with whatever ends it, the row of its epoch, its kind ("bytes" if no sentence), its damage."""

    raw: bytes
    row: int
    kind: str
    damage: str | None = None


def write_nmea(path: Path, told: Session, rng: np.random.Generator) -> dict[str, Any]:
    """
    Write the log of a session.

    GGA each second; RMC but for the first `UNDATED` seconds; GST; GSA every ten, GSV every sixty, ZDA every three hundred seconds.

    Returns
    -------
    dict
        Its truth: ``records`` (whole sentences by kind), ``positions``, ``rejected`` by reason, ``cases`` (each with ``case``,
        ``line`` and what belongs to it), ``occupations`` (each with its lines, from and to).
    """
    rows = told.epochs.to_dict("records")
    lines = [line for row, epoch in enumerate(rows) for line in _sentences(row, epoch, rows)]
    lines = _damaged(lines, told, rng)
    path.write_bytes(b"".join(line.raw for line in lines))
    ends = np.cumsum([line.raw.count(b"\n") for line in lines])
    number = np.concatenate([[0], ends[:-1]]) + 1
    gga = {line.row: int(at) for line, at in zip(lines, number, strict=True) if line.kind == "GGA"}
    whole = Counter(line.kind for line in lines if line.damage is None and line.kind != "bytes")
    damage = [(line, int(at)) for line, at in zip(lines, number, strict=True) if line.damage and line.kind != "bytes"]
    cases = [{"case": line.damage, "line": at, "sentence": line.kind} for line, at in damage]
    cases += [{"case": "binary", "line": int(at)} for line, at in zip(lines, number, strict=True) if line.kind == "bytes"]
    cases += [{"case": "outlier", "line": gga[row], "size_ft": round(size, 3)} for row, size in told.jumps]
    cases += [{"case": case, "line": gga[first], "to_line": gga[last]} for case, first, last in _runs(told.epochs["case"])]
    midnight = next(row for row, epoch in enumerate(rows) if epoch["time"].hour == 0)
    cases.append({"case": "midnight_rollover", "line": gga[midnight]})
    return {
        "records": dict(sorted(whole.items())) | {"damaged": len(damage)},
        "positions": len(rows),
        "rejected": dict(sorted(Counter(line.damage for line, _ in damage).items())),
        "cases": sorted(cases, key=lambda case: (case["line"], case["case"])),
        "occupations": [
            {
                "mark": stand.mark,
                "line": gga[span.start],
                "to_line": gga[span.stop - 1],
                "first_time": _iso(rows[span.start]["time"]),
                "last_time": _iso(rows[span.stop - 1]["time"]),
                "epochs": stand.seconds,
                "fix": dict(Counter(rows[k]["fix"] for k in span)),
                "outliers": len(stand.jumps),
            }
            for stand, span in zip(told.stands, told.spans, strict=True)
        ],
        "antenna_height_m": ANTENNA_M,
        "height_at": "antenna",
    }


def sentence(text: str) -> bytes:
    """A sentence with its checksum: the exclusive or of all bytes between $ and * (NMEA 0183)."""
    checksum = 0
    for byte in text.encode("ascii"):
        checksum ^= byte
    return f"${text}*{checksum:02X}\r\n".encode("ascii")


def degrees_minutes(degrees: float, *, width: int) -> str:
    """Degrees as NMEA 0183 writes them, ddmm.mmmmmmm, without a sign; minutes never become 60."""
    units = round(abs(degrees) * 60 * 10**7)
    whole, rest = divmod(units, 60 * 10**7)
    return f"{whole:0{width}d}{rest // 10**7:02d}.{rest % 10**7:07d}"


def _sentences(row: int, epoch: dict, rows: list[dict]) -> Iterable[Line]:
    time, date = f"{epoch['time']:%H%M%S}.00", f"{epoch['time']:%d%m%y}"
    place = f"{degrees_minutes(epoch['lat'], width=2)},N,{degrees_minutes(epoch['lon'], width=3)},W"
    quality, mode = _QUALITY[epoch["fix"]]
    age = "" if pd.isna(epoch["age_s"]) else f"{epoch['age_s']:.1f}"
    station = {"FIXED": _MOUNT_POINT, "FLOAT": _MOUNT_POINT, "DGPS": "0131", "SINGLE": ""}[epoch["fix"]]
    height = f"{epoch['height_m'] - SEPARATION_M:.4f},M,{SEPARATION_M:.4f},M"
    hdop = epoch["hdop"]
    gga = f"GNGGA,{time},{place},{quality},{epoch['satellites']:02d},{hdop:.2f},{height},{age},{station}"
    yield Line(sentence(gga), row, "GGA")
    if row >= UNDATED:
        speed, course = _motion(rows, row)
        yield Line(sentence(f"GNRMC,{time},A,{place},{speed},{course},{date},,,{mode},V"), row, "RMC")
    sigma = epoch["stated_m"]
    yield Line(sentence(f"GNGST,{time},,,,,{sigma:.3f},{sigma:.3f},{2 * sigma:.3f}"), row, "GST")
    second = int(epoch["time"].timestamp())
    if second % 10 == 0:
        dops = f"{1.6 * hdop:.2f},{hdop:.2f},{1.25 * hdop:.2f}"
        yield Line(sentence(f"GNGSA,A,3,02,05,07,11,13,20,25,29,30,,,,{dops},1"), row, "GSA")
    if second % 60 == 0:
        yield from (Line(sentence(text), row, "GSV") for text in _GSV)
    if second % 300 == 0:
        yield Line(sentence(f"GNZDA,{time},{epoch['time']:%d,%m,%Y},00,00"), row, "ZDA")


def _motion(rows: list[dict], row: int) -> tuple[str, str]:
    """Speed over ground in knots and course, as RMC has them; no course where the pole stands."""
    if rows[row]["mark"] is not None or row == 0:
        return "0.02", ""
    step = rows[row]["easting"] - rows[row - 1]["easting"], rows[row]["northing"] - rows[row - 1]["northing"]
    return f"{np.hypot(*step) * 0.592484:.2f}", f"{np.degrees(np.arctan2(*step)) % 360:.1f}"


def _damaged(lines: list[Line], told: Session, rng: np.random.Generator) -> list[Line]:
    """The log with some of its sentences damaged, each in an epoch of its own, where nothing else was planted."""
    plain = told.epochs["case"].isna().to_numpy() & (np.arange(len(told.epochs)) > UNDATED + 5)
    still = np.flatnonzero(plain & (told.epochs["stand"] >= 0).to_numpy())
    epochs = rng.choice(still[5:-5], 16, replace=False)
    wanted = [("GGA", "bad_checksum")] * 5 + [("RMC", "bad_checksum")] * 3 + [("GGA", "cut_off")] * 2 + [("RMC", "cut_off")] * 2
    wanted += [("GST", "cut_off"), ("GST", "not_text"), ("GST", "binary"), ("GST", "binary")]
    planted = {(int(epoch), kind): how for epoch, (kind, how) in zip(epochs, wanted, strict=True)}
    made = []
    for line in lines:
        how = planted.get((line.row, line.kind))
        if how == "bad_checksum":
            made.append(line._replace(raw=_one_digit_changed(line.raw), damage=how))
        elif how == "cut_off" and line.kind == "GST":
            # No line end either: the next sentence begins on the same line.
            made.append(line._replace(raw=line.raw[:18], damage=how))
        elif how == "cut_off":
            made.append(line._replace(raw=line.raw[:34] + b"\r\n", damage=how))
        elif how == "not_text":
            made.append(line._replace(raw=line.raw[:18] + _binary(rng, 60) + b"\r\n", damage=how))
        elif how == "binary":
            made += [line, Line(b"\xb5\x62\x01\x07" + _binary(rng, 180), line.row, "bytes", "binary")]
        else:
            made.append(line)
    return made


def _one_digit_changed(raw: bytes) -> bytes:
    """The third decimal of the minutes of latitude raised by one, and the checksum left as it was."""
    at = raw.index(b".", raw.index(b".") + 1) + 3
    return raw[:at] + str((int(raw[at : at + 1]) + 1) % 10).encode() + raw[at + 1 :]


def _binary(rng: np.random.Generator, count: int) -> bytes:
    """Bytes as of a binary protocol, `$` and `*` among them, but no line end, and nothing like an address after a `$`."""
    raw = rng.integers(0x80, 0x100, count, dtype=np.uint8)
    raw[7::23], raw[11::31] = ord("$"), ord("*")
    return raw.tobytes()


def _runs(case: pd.Series) -> list[tuple[str, int, int]]:
    """Stretches of one case, outliers left out: the case, its first row and its last."""
    named = case.where(case != "outlier")
    run = (named.fillna("") != named.fillna("").shift()).cumsum()
    stretches = [(rows.iloc[0], rows.index[0], rows.index[-1]) for _, rows in named.groupby(run) if pd.notna(rows.iloc[0])]
    return [(str(name), int(first), int(last)) for name, first, last in stretches]


def _iso(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
