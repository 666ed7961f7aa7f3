"""Points as a survey hands them over: a receiver's export, a list with field codes, a plain table."""

import csv
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pyproj import Transformer

from citygis.samples.control import elevation_ft, ellipsoid_height_ft
from citygis.samples.layers import CITY_CRS
from citygis.samples.rover import ANTENNA_M
from citygis.samples.sky import BROADCAST_FRAME, FOOT_M, NETWORK_FRAME, PPP_FRAME, errors_ft, seen

CS_NAME = "NAD83(2011) / California zone 3 (ftUS) + NAVD88(GEOID18) height (ftUS)"
_EMLID = (
    "Name,Code,Code description,Easting,Northing,Elevation,Description,Longitude,Latitude,Ellipsoidal height,Origin,Tilt angle,"
    "Easting RMS,Northing RMS,Elevation RMS,Lateral RMS,Antenna height,Antenna height units,Solution status,Correction type,"
    "Averaging start,Averaging end,Samples,PDOP,GDOP,Base easting,Base northing,Base elevation,Base longitude,Base latitude,"
    "Base ellipsoidal height,Baseline,Mount point,CS name,GPS Satellites,GLONASS Satellites,Galileo Satellites,BeiDou Satellites,"
    "QZSS Satellites,Device type,Device serial number,Author"
)
_PLAIN = "name,longitude,latitude,ellipsoid_height_m,time,fix_type,h_rms_m"
_RMS_FT = {"FIX": (0.021, 0.019, 0.041), "FLOAT": (0.241, 0.258, 0.522), "SINGLE": (3.4, 3.9, 8.8)}
_SIGMA_FT = {"FIX": 0.012, "FLOAT": 0.25, "SINGLE": 4.0}
_PPP_SIGMA_FT = {"FIXED": 0.018, "FLOAT": 0.4, "SINGLE": 5.0}
_PPP_STATED_M = {"FIXED": 0.009, "FLOAT": 0.14, "SINGLE": 2.4}
_SWAPPED, _IN_METRES = "swapped_axes", "in_metres"


class Shot(NamedTuple):
    """A point taken: what it was called and coded, where the mark truly is, when, how it was solved, and what went wrong."""

    name: str
    place: np.ndarray
    time: str
    code: str = ""
    fix: str = "FIX"
    case: str | None = None


def write_emlid(path: Path, shots: list[Shot], rng: np.random.Generator) -> dict[str, Any]:
    """
    Write averaged points the way Emlid Flow exports them: degrees, State Plane feet, heights of the mark in feet, local times.

    A shot of case ``wrong_mark`` was taken 8 ft from the mark it is named after; with ``double_antenna`` the pole was taken off the
    height twice.

    Returns
    -------
    dict
        Its truth: ``records``, ``positions``, ``solutions``, ``cases`` and ``occupations`` by row of the table, from 1.
    """
    places = np.array([shot.place for shot in shots])
    times = pd.to_datetime([shot.time for shot in shots], utc=True)
    ground = ellipsoid_height_ft(places)
    sigma = np.array([_SIGMA_FT[shot.fix] for shot in shots])
    measured = places + rng.standard_normal(places.shape) * sigma[:, None]
    up = ground + 2 * sigma * rng.standard_normal(len(shots))
    for k, shot in enumerate(shots):
        if shot.case == "wrong_mark":
            measured[k] += 8.0 * np.array([np.sin(0.9), np.cos(0.9)])
        if shot.case == "double_antenna":
            up[k] -= ANTENNA_M / FOOT_M
    rows = []
    to_feet = Transformer.from_crs("EPSG:6318", CITY_CRS, always_xy=True)
    for k, shot in enumerate(shots):
        frame = BROADCAST_FRAME if shot.fix == "SINGLE" else NETWORK_FRAME
        sky = seen(measured[k : k + 1], up[k : k + 1], frame, times[k : k + 1])
        easting, northing = to_feet.transform(sky.lon[0], sky.lat[0])
        height = sky.height_m[0] / FOOT_M
        rows.append(_emlid_row(shot, times[k], easting, northing, height, (sky.lon[0], sky.lat[0]), rng))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, next(csv.reader([_EMLID])), lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
    return {
        "records": {"header": 1, "row": len(shots)},
        "positions": len(shots),
        "rejected": {},
        "solutions": dict(sorted(Counter(shot.fix for shot in shots).items())),
        "cases": [_emlid_case(k, shot) for k, shot in enumerate(shots) if shot.case or shot.fix != "FIX"],
        "occupations": [{"mark": shot.name, "row": k + 1, "fix": shot.fix} for k, shot in enumerate(shots)],
        "antenna_height_m": ANTENNA_M,
        "height_at": "mark",
    }


def _emlid_row(
    shot: Shot,
    time: pd.Timestamp,
    easting: float,
    northing: float,
    height_ft: float,
    lonlat: tuple[float, float],
    rng: np.random.Generator,
) -> dict[str, str]:
    seconds = {"FIX": int(rng.integers(62, 95)), "FLOAT": 20, "SINGLE": 30}[shot.fix]
    rms = [value * rng.uniform(0.85, 1.2) for value in _RMS_FT[shot.fix]]
    start, end = (moment.tz_convert("Etc/GMT+7") for moment in (time, time + pd.Timedelta(seconds=seconds)))
    pdop = {"FIX": 1.3, "FLOAT": 2.4, "SINGLE": 2.2}[shot.fix] + round(float(rng.uniform(0, 0.4)), 1)
    separation_ft = float(elevation_ft(shot.place[None])[0] - ellipsoid_height_ft(shot.place[None])[0])
    return {
        "Name": shot.name,
        "Code": shot.code,
        "Easting": f"{easting:.3f}",
        "Northing": f"{northing:.3f}",
        "Elevation": f"{height_ft + separation_ft:.3f}",
        "Longitude": f"{lonlat[0]:.8f}",
        "Latitude": f"{lonlat[1]:.8f}",
        "Ellipsoidal height": f"{height_ft:.3f}",
        "Origin": "Global",
        "Tilt angle": "",
        "Easting RMS": f"{rms[0]:.3f}",
        "Northing RMS": f"{rms[1]:.3f}",
        "Elevation RMS": f"{rms[2]:.3f}",
        "Lateral RMS": f"{np.hypot(rms[0], rms[1]):.3f}",
        "Antenna height": f"{ANTENNA_M / FOOT_M:.3f}",
        "Antenna height units": "ft",
        "Solution status": shot.fix,
        "Correction type": "RTK",
        "Averaging start": f"{start:%Y-%m-%d %H:%M:%S}.0 UTC-07:00",
        "Averaging end": f"{end:%Y-%m-%d %H:%M:%S}.0 UTC-07:00",
        "Samples": str(5 * seconds + 1),
        "PDOP": f"{pdop:.1f}",
        "GDOP": f"{pdop + 0.3:.1f}",
        "Mount point": "" if shot.fix == "SINGLE" else "RIVERBEND_RTN",
        "CS name": CS_NAME,
        "GPS Satellites": "8",
        "GLONASS Satellites": "6",
        "Galileo Satellites": "7",
        "BeiDou Satellites": "0",
        "QZSS Satellites": "0",
        "Device type": "Reach RS4",
        "Device serial number": "SAMPLE-0001",
        "Author": "Sample Surveyor",
    }


def _emlid_case(k: int, shot: Shot) -> dict[str, Any]:
    case = {"case": shot.case or shot.fix.lower(), "row": k + 1, "mark": shot.name}
    if shot.case == "double_antenna":
        case |= {"size_ft": round(ANTENNA_M / FOOT_M, 3), "expect": "H01"}
    if shot.case == "wrong_mark":
        case |= {"size_ft": 8.0, "expect": "M01"}
    return case


class Coded(NamedTuple):
    """A point of a list: its place, its description, and what is wrong with the row (``swapped_axes``, ``in_metres``)."""

    place: np.ndarray
    code: str
    case: str | None = None


def write_pnezd(path: Path, points: list[Coded], *, first_number: int = 1001) -> dict[str, Any]:
    """
    Write points as point, northing, easting, elevation, description: no header, and nothing that says which foot or frame.

    Returns
    -------
    dict
        Its truth: ``records``, ``positions``, ``rejected`` by reason, ``cases`` and ``points`` by line; true places in feet.
    """
    lines, cases, told = [], [], []
    for k, point in enumerate(points):
        number, elevation = first_number + k, float(elevation_ft(point.place[None])[0])
        easting, northing = (round(float(value), 3) for value in point.place)
        told.append({"line": k + 1, "point": str(number), "code": point.code, "easting": easting, "northing": northing})
        first, second, third = northing, easting, elevation
        if point.case == _SWAPPED:
            first, second = easting, northing
            cases.append({"case": _SWAPPED, "line": k + 1, "reason": "order_contradicts"})
        elif point.case == _IN_METRES:
            first, second, third = (value * FOOT_M for value in (northing, easting, elevation))
            cases.append({"case": _IN_METRES, "line": k + 1, "reason": "units_mixed"})
        elif point.case is not None:
            cases.append({"case": point.case, "line": k + 1})
        lines.append(f"{number},{first:.3f},{second:.3f},{third:.3f},{point.code}\n")
    path.write_text("".join(lines), encoding="ascii", newline="\n")
    rejected = Counter(case["reason"] for case in cases if "reason" in case)
    return {
        "records": {"point": len(points)},
        "positions": len(points) - rejected.total(),
        "rejected": dict(sorted(rejected.items())),
        "cases": cases,
        "points": told,
    }


def write_plain(path: Path, marks: dict[str, np.ndarray], start: str, rng: np.random.Generator) -> dict[str, Any]:
    """
    Write single epochs as a plain table: a receiver with a correction service by satellite, in ITRF2014 of the date.

    At each mark the solution is single for 3 seconds, float for 10, then fixed for 70; at the second one three fixed epochs jump.

    Returns
    -------
    dict
        Its truth: ``records``, ``positions``, ``solutions``, ``cases`` and ``occupations`` by row of the table, from 1.
    """
    rows, cases, occupations = [], [], []
    clock = pd.Timestamp(start)
    fixes = np.array(["SINGLE"] * 3 + ["FLOAT"] * 10 + ["FIXED"] * 70)
    for number, (name, place) in enumerate(marks.items()):
        n, first = len(fixes), len(rows) + 1
        plane, up = np.zeros((n, 2)), np.zeros(n)
        for fix, sigma in _PPP_SIGMA_FT.items():
            at = fixes == fix
            plane[at], up[at] = errors_ft(rng, int(at.sum()), sigma, tau_s=20.0)
        for second in (25, 48, 49) if number == 1 else ():
            plane[second] += np.array([0.9, -0.6])
            cases.append({"case": "outlier", "row": first + second, "size_ft": round(float(np.hypot(*plane[second])), 3)})
        times = pd.date_range(clock, periods=n, freq="s")
        points = place + plane
        sky = seen(points, np.full(n, float(ellipsoid_height_ft(place[None])[0])) + up, PPP_FRAME, times)
        for k in range(n):
            rows.append(
                f"{name},{sky.lon[k]:.9f},{sky.lat[k]:.9f},{sky.height_m[k]:.4f},{times[k]:%Y-%m-%dT%H:%M:%SZ},{fixes[k]}"
                f",{_PPP_STATED_M[fixes[k]]:.3f}\n"
            )
        fix = {str(key): int(value) for key, value in zip(*np.unique(fixes, return_counts=True), strict=True)}
        occupations.append({"mark": name, "row": first, "to_row": len(rows), "epochs": n, "fix": fix})
        clock += pd.Timedelta(minutes=14)
    path.write_text(f"{_PLAIN}\n{''.join(rows)}", encoding="ascii", newline="\n")
    solutions = Counter(str(fix) for fix in fixes)
    return {
        "records": {"header": 1, "row": len(rows)},
        "positions": len(rows),
        "rejected": {},
        "solutions": {fix: count * len(marks) for fix, count in sorted(solutions.items())},
        "cases": cases,
        "occupations": occupations,
        "height_at": "mark",
    }
