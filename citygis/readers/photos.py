"""
Photographs with a place: what the camera wrote beside the picture. The picture itself is never decoded.

Tags of the GPS directory: CIPA DC-008 (Exif 2.32), section 4.6.6.
"""

import datetime
import math
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, TiffImagePlugin
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.captures import Captures, Rejection, captures_frame, rejected_frame
from citygis.readers.guard import members, unpack

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".tif", ".tiff", ".heic", ".heif")

_LARGEST_BYTES = 1 << 30
_LARGEST_HEADER = 4 << 20
_MOST_PHOTOS = 20_000
_GPS_IFD, _EXIF_IFD, _DATE_TIME_ORIGINAL = 0x8825, 0x8769, 0x9003
_LATITUDE_REF, _LATITUDE, _LONGITUDE_REF, _LONGITUDE, _ALTITUDE_REF, _ALTITUDE, _TIME = range(1, 8)
_SATELLITES, _STATUS, _MODE, _DOP, _DIRECTION_REF, _DIRECTION, _DATUM, _DATE, _ERROR = 8, 9, 10, 11, 16, 17, 18, 29, 31
_DIRECTIONS = {"T": "true", "M": "magnetic"}
_WGS_84 = ("WGS84", "WGS1984", "WGS-84", "WGS-1984", "")
_OTHERS = ("photo", "taken_local", "altitude_m", "image_direction_deg", "image_direction_from", "positioning_error_m")


class _Photo(NamedTuple):
    """What one photograph says; ``why`` is its rejection (reason, message), then it has no place."""

    easting: float
    northing: float
    values: dict[str, Any]
    why: tuple[str, str] | None


def read_photos(path: Path | str) -> Captures:
    """
    The places and times that cameras wrote into photographs.

    Parameters
    ----------
    path : path
        A JPEG or TIFF file, a folder with some (folders in it are not entered), or a zip archive of some. HEIC is not read.

    Returns
    -------
    Captures
        ``frame``: one row per photograph with a place, ``capture`` "photo", ``name`` its file name, in the order of the names.
        EPSG:4326; without CRS where a photograph names another datum (GPSMapDatum), which is then in ``datum_stated``. ``time`` is
        GPSDateStamp with GPSTimeStamp, which are UTC. After the captures columns: ``taken_local`` (DateTimeOriginal as text: by the
        camera's clock, in whatever zone that was, so it is never ``time``), ``altitude_m`` (above a sea level of its own, negative
        below it), ``image_direction_deg`` with ``image_direction_from`` ("true" or "magnetic" north), ``positioning_error_m``
        (GPSHPositioningError: a radius whose probability the standard leaves open, so it is not h_rms_m). ``rejected``: photographs
        without a place, without N/S or E/W, or that cannot be read.

    Raises
    ------
    ReadError
        If the path is not there, holds no photograph, is a single HEIC file, or is an unsafe archive.
    """
    path = Path(path)
    if path.suffix.lower() == ".zip" and path.is_file():
        files = members(path)
        with tempfile.TemporaryDirectory(prefix="citygis-") as folder:
            unpack(path, [info for info in files if _is_photo(Path(info.filename))], Path(folder))
            found = sorted(place for place in Path(folder).rglob("*") if place.is_file())
            return _captures([(place.relative_to(folder).as_posix(), place) for place in found], path)
    if path.is_dir():
        return _captures([(place.name, place) for place in photos_in(path)], path)
    if not path.is_file():
        raise ReadError(f"{path} is not there. Look at the spelling and the folder.")
    if path.suffix.lower() in (".heic", ".heif"):
        raise ReadError(f"{path}: {_HEIC[1]}")
    return _captures([(path.name, path)], path)


def photos_in(folder: Path) -> list[Path]:
    """The photographs in a folder by name, without links and hidden files."""
    return sorted(place for place in folder.iterdir() if _is_photo(place) and place.is_file() and not place.is_symlink())


def are_photos(path: Path | str) -> bool:
    """Whether a path is a photograph, a folder that holds some, or a zip archive that holds nothing else."""
    path = Path(path)
    if path.is_dir():
        return path.suffix.lower() != ".gdb" and bool(photos_in(path))
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = [Path(info.filename) for info in archive.infolist() if not info.is_dir()]
        names = [name for name in names if not any(part.startswith((".", "__MACOSX")) for part in name.parts)]
        return bool(names) and all(_is_photo(name) for name in names)
    return _is_photo(path) and path.is_file()


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES and not any(part.startswith((".", "__MACOSX")) for part in path.parts[-1:])


_HEIC = (
    "not_text",
    "HEIC is not read. Save it as JPEG with its data kept (on a phone: settings, camera, formats, most compatible).",
)


def _captures(files: list[tuple[str, Path]], path: Path) -> Captures:
    if not files:
        raise ReadError(f"{path} holds no photographs ({', '.join(PHOTO_SUFFIXES)}).")
    if len(files) > _MOST_PHOTOS:
        raise ReadError(f"{path} holds {len(files):,} photographs; more than {_MOST_PHOTOS:,} are refused. Give them in parts.")
    photos = [_photo(place) for _, place in files]
    names = np.array([name for name, _ in files], dtype=object)
    kept = np.array([photo.why is None for photo in photos])
    rejected = [Rejection(name, *photo.why, "") for name, photo in zip(names, photos, strict=True) if photo.why]
    taken = pd.DataFrame([photo.values for photo in photos if photo.why is None])
    columns: dict[str, Any] = {"capture": "photo", "name": names[kept]}
    for name in ("time", "satellites", "hdop", "pdop", "datum_stated"):
        if name in taken:
            columns[name] = taken[name].to_numpy()
    if "time" in columns:
        columns["time"] = pd.Series(columns["time"].astype("datetime64[us]")).dt.tz_localize("UTC")
    others = pd.DataFrame({name: taken[name] for name in _OTHERS if name in taken}, index=pd.RangeIndex(int(kept.sum())))
    stated = {name for name in columns.get("datum_stated", ()) if isinstance(name, str)}
    foreign = sorted(name for name in stated if name.replace(" ", "").upper() not in _WGS_84)
    notes = [f"Photographs state a datum other than WGS 84: {', '.join(foreign)}."] if foreign else []
    undated = int(taken["time"].isna().sum()) if "time" in taken else int(kept.sum())
    notes += [f"{undated:,} photographs have no UTC time; the camera's own clock is in taken_local."] if undated else []
    where = np.array([(photo.easting, photo.northing) for photo in photos if photo.why is None]).reshape(-1, 2)
    frame = captures_frame(columns, where[:, 0], where[:, 1], crs=None if foreign else CRS.from_epsg(4326), others=others)
    return Captures(frame, names[kept], rejected_frame(rejected), {"photo": len(files)}, 0, tuple(notes))


def _photo(path: Path) -> _Photo:
    # Pillow warns of each tag that it skips; what is missing then is what the rejection says.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _read_photo(path)


def _read_photo(path: Path) -> _Photo:
    try:
        if path.suffix.lower() in (".heic", ".heif"):
            return _refused(*_HEIC)
        if path.stat().st_size > _LARGEST_BYTES:
            return _refused("not_text", "It is larger than 1 GB and was not opened.")
        with open(path, "rb") as file:
            head = file.read(4)
        if head.startswith(b"\xff\xd8"):
            exif = Image.Exif()
            exif.load(_jpeg_exif(path))
        elif head in (b"II*\0", b"MM\0*"):
            exif = _tiff_exif(path)
        else:
            return _refused("not_text", "It is neither JPEG nor TIFF, whatever its name says.")
        gps = exif.get_ifd(_GPS_IFD)
        local = exif.get_ifd(_EXIF_IFD).get(_DATE_TIME_ORIGINAL)
    # A directory of tags is offsets and counts; broken ones raise whatever they run into.
    except (
        OSError,
        SyntaxError,
        ValueError,
        KeyError,
        TypeError,
        IndexError,
        AttributeError,
        struct.error,
        EOFError,
        OverflowError,
    ) as error:
        return _refused(
            "cut_off", f"What the camera wrote cannot be read ({type(error).__name__}): the file is cut off or damaged."
        )
    if not gps or _LATITUDE not in gps or _LONGITUDE not in gps:
        return _refused("no_position", "The camera wrote no place into it (location was off, or was taken out).")
    return _placed(gps, local)


def _refused(reason: str, message: str) -> _Photo:
    return _Photo(math.nan, math.nan, {}, (reason, message))


def _jpeg_exif(path: Path) -> bytes:
    """The Exif block of a JPEG file: the segments before the picture are walked, nothing is decoded."""
    with open(path, "rb") as file:
        file.seek(2)
        while file.tell() < _LARGEST_HEADER:
            mark = file.read(2)
            if len(mark) < 2:
                raise EOFError
            if mark[0] != 0xFF:
                raise ValueError("no segment")
            if mark[1] == 0xFF:
                file.seek(-1, 1)
                continue
            if mark[1] in (0xD9, 0xDA):
                return b""
            (length,) = struct.unpack(">H", file.read(2))
            block = file.read(length - 2)
            if len(block) < length - 2:
                raise EOFError
            if mark[1] == 0xE1 and block.startswith(b"Exif\0\0"):
                return block
    return b""


def _tiff_exif(path: Path) -> Image.Exif:
    exif = Image.Exif()
    with open(path, "rb") as file:
        exif.load_from_fp(file)
        for tag in (_GPS_IFD, _EXIF_IFD):
            exif.get_ifd(tag)
    return exif


def _number(value: Any) -> float:
    if isinstance(value, (tuple, list)):
        value = value[0] if value else math.nan
    if isinstance(value, TiffImagePlugin.IFDRational):
        value = math.nan if value.denominator == 0 else float(value)
    return float(value) if isinstance(value, (int, float)) else math.nan


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return str(value or "").replace("\0", "").strip()


def _angle(value: Any) -> float:
    """Degrees of degrees, minutes and seconds, each a fraction."""
    parts = [_number(part) for part in value] if isinstance(value, (tuple, list)) else [_number(value)]
    parts = [*parts, 0.0, 0.0][:3]
    if not all(math.isfinite(part) and part >= 0 for part in parts) or parts[1] >= 60 or parts[2] > 60:
        return math.nan
    return parts[0] + parts[1] / 60 + parts[2] / 3600


def _placed(gps: dict[int, Any], local: Any) -> _Photo:
    northing, easting = _angle(gps[_LATITUDE]), _angle(gps[_LONGITUDE])
    references = _text(gps.get(_LATITUDE_REF)).upper(), _text(gps.get(_LONGITUDE_REF)).upper()
    if not (math.isfinite(northing) and math.isfinite(easting)):
        return _refused("not_a_number", "Its latitude or longitude is not degrees, minutes and seconds.")
    if references[0] not in ("N", "S") or references[1] not in ("E", "W"):
        return _refused("hemisphere_missing", "It does not say N or S, or E or W, so it could lie on the other side of the Earth.")
    if northing > 90 or easting > 180:
        return _refused("out_of_range", "Its latitude is beyond 90 or its longitude beyond 180 degrees.")
    if _text(gps.get(_STATUS)).upper() == "V":
        return _refused("no_fix", "The camera marks its position as void (GPSStatus V).")
    altitude = _number(gps.get(_ALTITUDE))
    below = gps.get(_ALTITUDE_REF) in (1, b"\1")
    direction = _number(gps.get(_DIRECTION))
    satellites = _text(gps.get(_SATELLITES))
    dop, mode = _number(gps.get(_DOP)), _text(gps.get(_MODE))
    values = {
        "time": _utc(gps),
        "satellites": int(satellites) if satellites.isdecimal() and len(satellites) < 4 else None,
        # GPSDOP is of the plane with a fix in two dimensions, else of space (GPSMeasureMode).
        "hdop": dop if mode == "2" else math.nan,
        "pdop": dop if mode == "3" else math.nan,
        "datum_stated": _text(gps.get(_DATUM)) or None,
        "taken_local": _text(local) or None,
        "altitude_m": -altitude if below else altitude,
        "image_direction_deg": direction,
        "image_direction_from": _DIRECTIONS.get(_text(gps.get(_DIRECTION_REF)).upper()) if math.isfinite(direction) else None,
        "positioning_error_m": _number(gps.get(_ERROR)),
    }
    return _Photo(
        -easting if references[1] == "W" else easting,
        -northing if references[0] == "S" else northing,
        values,
        None,
    )


def _utc(gps: dict[int, Any]) -> np.datetime64:
    date, time = _text(gps.get(_DATE)), gps.get(_TIME)
    try:
        hours, minutes, seconds = (_number(part) for part in time)
        day = datetime.datetime.strptime(date, "%Y:%m:%d")
        if not (0 <= hours < 24 and 0 <= minutes < 60 and 0 <= seconds < 61):
            return np.datetime64("NaT", "us")
    except (TypeError, ValueError):
        return np.datetime64("NaT", "us")
    return np.datetime64(day, "us") + np.timedelta64(round((hours * 3600 + minutes * 60 + seconds) * 1e6), "us")
