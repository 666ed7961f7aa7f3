"""A handheld and a telephone: tracks and waypoints as GPX, and photographs that say where they were taken."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from PIL.ExifTags import IFD
from PIL.TiffImagePlugin import IFDRational

from citygis.samples.control import ellipsoid_height_ft
from citygis.samples.nmea_log import SEPARATION_M
from citygis.samples.sky import BROADCAST_FRAME, errors_ft, seen

SIGMA_FT = 3.0
WALK_FT_S = 4.2
STEP_S = 2
_GAP_S = 240
_SPIKE_FT = 400.0
_GPX = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator="Sample handheld" xmlns="http://www.topografix.com/GPX/1/1">\n'
    "<metadata><name>Landing Park</name><time>{time}</time></metadata>\n"
)


def write_gpx(
    path: Path, ring: np.ndarray, way_back: np.ndarray, waypoints: dict[str, np.ndarray], start: str, rng: np.random.Generator
) -> dict[str, Any]:
    """
    Write a walk as GPX 1.1: once around, closed; an empty segment; and the way back, with the receiver off for four minutes.

    Parameters
    ----------
    path : Path
    ring : (n, 2) array
        The line walked around, closed, City feet.
    way_back : (n, 2) array
        The line of the second track.
    waypoints : mapping of name to place
    start : str
        When the walk began, UTC.
    rng : Generator

    Returns
    -------
    dict
        Its truth: ``records`` by kind, ``positions``, ``cases`` with the number of the point (``trkpt``, from 1, across tracks),
        ``ring`` and ``waypoints`` with true places.
    """
    begin = pd.Timestamp(start)
    around, back = _paced(ring), _paced(way_back)
    half = len(back) // 2
    times = pd.date_range(begin, periods=len(around), freq=f"{STEP_S}s")
    times_back = pd.date_range(times[-1] + pd.Timedelta(seconds=90), periods=len(back), freq=f"{STEP_S}s")
    times_back = times_back[:half].append(times_back[half:] + pd.Timedelta(seconds=_GAP_S))
    first, second = (_seen(points, when, rng) for points, when in ((around, times), (back, times_back)))
    spike = len(around) // 3
    far = around[spike : spike + 1] + _SPIKE_FT * np.array([[0.6, 0.8]])
    first[spike] = _seen(far, times[spike : spike + 1], rng)[0]
    marks = _seen(np.array(list(waypoints.values())), pd.DatetimeIndex([times[-1]] * len(waypoints)), rng)
    points = [_point("trkpt", place, time) for place, time in zip(first, times, strict=True)]
    points_back = [_point("trkpt", place, time) for place, time in zip(second, times_back, strict=True)]
    text = _GPX.format(time=_iso(begin))
    text += "".join(
        _point("wpt", place, times[-1], name=name, symbol="Flag, Blue") for name, place in zip(waypoints, marks, strict=True)
    )
    text += f"<trk><name>Around the park</name><trkseg>\n{''.join(points)}</trkseg>\n<trkseg/></trk>\n"
    text += f"<trk><name>Back to the truck</name><trkseg>\n{''.join(points_back)}</trkseg></trk>\n</gpx>\n"
    path.write_text(text, encoding="utf-8", newline="\n")
    return {
        "records": {"trkpt": len(points) + len(points_back), "wpt": len(waypoints)},
        "positions": len(points) + len(points_back) + len(waypoints),
        "rejected": {},
        "tracks": {"Around the park": len(points), "Back to the truck": len(points_back)},
        "cases": [
            {"case": "spike", "trkpt": spike + 1, "size_ft": _SPIKE_FT},
            {"case": "empty_segment", "track": "Around the park", "segment": 2},
            {"case": "gap", "trkpt": len(points) + half, "size_s": _GAP_S + STEP_S},
        ],
        "ring": np.round(ring, 3).tolist(),
        "waypoints": {name: np.round(place, 3).tolist() for name, place in waypoints.items()},
    }


def write_photos(folder: Path, places: dict[str, np.ndarray], start: str, rng: np.random.Generator) -> dict[str, Any]:
    """
    Write a photograph for each place, without a picture to speak of; the last one has lost the W of its longitude.

    Returns
    -------
    dict
        Its truth: ``records``, ``positions``, ``rejected`` by reason, ``cases`` and ``photos`` by file name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    times = pd.date_range(start, periods=len(places), freq="3min")
    sky = _seen(np.array(list(places.values())), times, rng)
    told, cases = {}, []
    for k, (name, place) in enumerate(places.items()):
        file = f"IMG_{k + 1:04d}.jpg"
        lost = k == len(places) - 1
        _write_jpeg(folder / file, sky[k], times[k], shade=90 + 60 * k, azimuth=40.0 + 100 * k, west=not lost)
        told[file] = {"shows": name, "place": np.round(place, 3).tolist(), "time": _iso(times[k])}
        if lost:
            cases.append({"case": "longitude_without_w", "file": file, "reason": "hemisphere_missing"})
    return {
        "records": {"photo": len(places)},
        "positions": len(places) - len(cases),
        "rejected": {"hemisphere_missing": len(cases)},
        "cases": cases,
        "photos": told,
    }


def _paced(line: np.ndarray) -> np.ndarray:
    """Points a step of time apart along a line."""
    lengths = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    at = np.append(np.arange(0, lengths[-1], WALK_FT_S * STEP_S), lengths[-1])
    return np.column_stack([np.interp(at, lengths, line[:, axis]) for axis in (0, 1)])


def _seen(points: np.ndarray, times: pd.DatetimeIndex, rng: np.random.Generator) -> np.ndarray:
    """Longitude, latitude and height above the receiver's sea level as a handheld has them, (n, 3)."""
    plane, up = errors_ft(rng, len(points), SIGMA_FT, tau_s=90.0, step_s=STEP_S)
    sky = seen(points + plane, ellipsoid_height_ft(points) + up, BROADCAST_FRAME, times)
    return np.column_stack([sky.lon, sky.lat, sky.height_m - SEPARATION_M])


def _point(kind: str, place: np.ndarray, time: pd.Timestamp, *, name: str | None = None, symbol: str | None = None) -> str:
    said = f"<name>{name}</name><sym>{symbol}</sym>" if name else ""
    return (
        f'<{kind} lat="{place[1]:.9f}" lon="{place[0]:.9f}"><ele>{place[2]:.2f}</ele><time>{_iso(time)}</time>{said}'
        f"<fix>3d</fix><sat>11</sat><hdop>0.9</hdop></{kind}>\n"
    )


def _write_jpeg(path: Path, place: np.ndarray, time: pd.Timestamp, *, shade: int, azimuth: float, west: bool) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Sample", "Telephone"
    exif[0x0132] = f"{time.tz_convert('Etc/GMT+7'):%Y:%m:%d %H:%M:%S}"
    exif.get_ifd(IFD.Exif)[0x9003] = exif[0x0132]
    gps = exif.get_ifd(IFD.GPSInfo)
    gps[1], gps[2] = "N", _rational_dms(place[1])
    if west:
        gps[3] = "W"
    gps[4] = _rational_dms(place[0])
    gps[5], gps[6] = b"\x00", IFDRational(round(abs(place[2]) * 100), 100)
    gps[7] = tuple(IFDRational(part, 1) for part in (time.hour, time.minute, time.second))
    gps[16], gps[17] = "T", IFDRational(round(azimuth * 100), 100)
    gps[18], gps[29] = "WGS-84", f"{time:%Y:%m:%d}"
    gps[31] = IFDRational(48, 10)
    Image.new("RGB", (32, 24), (shade, 120, 80)).save(path, "JPEG", quality=70, exif=exif)


def _rational_dms(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds to the ten-thousandth, as EXIF has them, without a sign."""
    units = round(abs(degrees) * 3600 * 10_000)
    whole, rest = divmod(units, 3600 * 10_000)
    minutes, seconds = divmod(rest, 60 * 10_000)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(seconds, 10_000)


def _iso(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"
