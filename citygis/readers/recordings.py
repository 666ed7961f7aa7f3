"""
Files of GPS captures and survey points: which reader each is for, and all of them through one door.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from citygis.city import City
from citygis.errors import ReadError
from citygis.readers import coordinates, points, receivers
from citygis.readers.captures import REASONS, Captures
from citygis.readers.gpx import read_gpx
from citygis.readers.guard import require_local_file
from citygis.readers.nmea import read_nmea
from citygis.readers.photos import are_photos, read_photos
from citygis.readers.sentences import looks_like_nmea
from citygis.readers.source import sha256_of
from citygis.readers.wkb import Problem
from citygis.schema import source_id_of

GPX, NMEA, PHOTOS, RECEIVER, POINTS = "GPX", "NMEA 0183", "photographs", "receiver table", "survey points"

NMEA_SUFFIXES = (".nmea", ".log", ".txt", ".ubx", "")
TABLE_SUFFIXES = (".csv", ".tsv", ".txt", ".asc", ".pts", ".pnt", ".nez")
"""Suffixes under which survey points and receivers' tables come; their content decides."""


class Sent(NamedTuple):
    """
    Captures as rows for `read`: n positions and, after them, the m records that were rejected, with null geometry.

    ``table`` holds the columns of the frame without geometry, ``geometry`` n + m geometries, ``rows`` the record of each,
    ``problems`` the codes of `REASONS` on the rejected rows, and R07 on epochs without a date.
    """

    table: pd.DataFrame
    geometry: np.ndarray
    rows: np.ndarray
    problems: list[Problem]


def kind_of(path: Path, *, folder: Path | None = None) -> str | None:
    """
    Which kind of captures a file holds: `GPX`, `NMEA`, `PHOTOS`, `RECEIVER`, `POINTS`; None where it is none of them.

    A suffix proposes, the content decides: a ``.txt`` may be a log, survey points or a table of features. ``folder`` holds
    the City's own profiles of receivers.
    """
    if are_photos(path):
        return PHOTOS
    if not path.is_file() or path.stat().st_size == 0:
        return None
    suffix = path.suffix.lower()
    if suffix == ".gpx":
        return GPX
    if suffix in NMEA_SUFFIXES and looks_like_nmea(path):
        return NMEA
    if suffix not in TABLE_SUFFIXES:
        return None
    if receivers.is_receiver_table(path, folder=folder):
        return RECEIVER
    return POINTS if points.looks_like_points(path) else None


def is_captures(path: Path | str, *, city: City | None = None) -> bool:
    """Whether a file is one that `read_captures` knows: GPX, NMEA, photographs, a receiver's table, survey points."""
    return kind_of(Path(path), folder=_profiles(city)) is not None


def read_captures(
    path: Path | str,
    *,
    profile: str | None = None,
    order: str | None = None,
    city: City | None = None,
    source_crs: CRS | str | int | None = None,
) -> Captures:
    """
    The positions in a file of GPS captures or survey points, and an account of every record in it.

    Parameters
    ----------
    path : path
        GPX; an NMEA 0183 log; a photograph, or a folder or zip archive of some; a receiver's CSV; a survey point file.
    profile : str, optional
        The receiver's profile (see `receivers.receiver_profiles`), where the columns of a CSV fit more than one.
    order : str, optional
        The order of the columns of a survey point file, like "PNEZD".
    city : City, optional
        Its extent tells northing from easting in a survey point file; its folder holds its own profiles.
    source_crs : CRS or anything pyproj reads, optional
        What the numbers of a survey point file are in, where that is not the City's system: the extent is looked at there. It
        is not set on the frame; whoever takes the captures into the City states it again.

    Returns
    -------
    Captures
        As the reader of that format gives it; ``frame`` also has ``source_id`` (of the row of ``source_document``) and
        ``source_ref`` ("file#record").

    Raises
    ------
    ReadError
        If the file is none of these, or the reader refuses it.
    CRSError
        If survey points fit the City only in another unit.
    ValueError
        If `profile` or `order` is none that is known, or both are given, or `source_crs` is not a coordinate system.
    """
    given = Path(path)
    kind = RECEIVER if profile is not None else POINTS if order is not None else None
    if kind is None:
        if not are_photos(given):
            require_local_file(given)
        kind = kind_of(given, folder=_profiles(city))
    if profile is not None and order is not None:
        raise ValueError(f"Invalid order {order!r}. Must be left out where a receiver's profile is named: a table has a header.")
    if kind is None:
        raise ReadError(
            f"{path} is no file of GPS captures that citygis knows: GPX, NMEA 0183, photographs, a receiver's CSV, survey points. "
            "Name the receiver's profile with --profile, or the order of the columns of survey points with --order."
        )
    found = load_captures(given, kind, profile=profile, order=order, city=city, source_crs=coordinates.crs_of(source_crs))
    refs = np.char.add(f"{given.name}#", found.rows.astype(str)) if len(found.rows) else np.empty(0, dtype=str)
    frame = found.frame.rename(columns={name: f"{name}_sent" for name in ("source_id", "source_ref") if name in found.frame})
    place = frame.columns.get_loc("geometry")
    frame.insert(place, "source_id", pd.Series(source_id_of(sha256_of(given)), index=frame.index, dtype="str"))
    frame.insert(place + 1, "source_ref", pd.Series(refs, index=frame.index, dtype="str"))
    return found._replace(frame=frame)


def load_captures(
    path: Path,
    kind: str,
    *,
    profile: str | None = None,
    order: str | None = None,
    city: City | None = None,
    source_crs: CRS | None = None,
) -> Captures:
    """The captures of a file whose kind is known, as its reader gives them. Errors as `read_captures`."""
    if kind == GPX:
        return read_gpx(path)
    if kind == NMEA:
        return read_nmea(path)
    if kind == PHOTOS:
        return read_photos(path)
    if kind == RECEIVER:
        return receivers.read_receiver_csv(path, profile=profile, folder=_profiles(city))
    return points.read_points(path, order=order, box=_box(city, source_crs))


def _box(city: City | None, source_crs: CRS | None) -> tuple[float, float, float, float] | None:
    """The City's extent in `source_crs`, its whole zone where it states none; some feet between datums do not matter to it."""
    if city is None:
        return None
    extent, area = city.extent, city.crs.area_of_use
    if extent is not None:
        box = (extent.easting_min, extent.northing_min, extent.easting_max, extent.northing_max)
    elif area is not None:
        to_zone = Transformer.from_crs(city.crs.geodetic_crs, city.crs, always_xy=True)
        box = to_zone.transform_bounds(area.west, area.south, area.east, area.north)
    else:
        return None
    if source_crs is None or source_crs == city.crs:
        return box
    try:
        return Transformer.from_crs(city.crs, source_crs, always_xy=True).transform_bounds(*box)
    except ProjError:
        return None


def as_sent(found: Captures) -> Sent:
    """Captures as rows, those that were rejected behind the positions, so that every record that could be one is there."""
    table = pd.DataFrame(found.frame.drop(columns="geometry"))
    rejected = found.rejected
    undated = np.flatnonzero((table["capture"] == "epoch").to_numpy() & table["time"].isna().to_numpy())
    problems = [Problem(int(row), "R07", "The position has no time: the file does not say its date there.") for row in undated]
    problems += [
        Problem(len(table) + row, REASONS[reason], f"{reason}: {message} As sent: {text}" if text else f"{reason}: {message}")
        for row, (reason, message, text) in enumerate(
            zip(rejected["reason"], rejected["message"], rejected["text"].fillna(""), strict=True)
        )
    ]
    geometry = np.concatenate([found.frame.geometry.to_numpy(), np.full(len(rejected), None, dtype=object)])
    table = table.reindex(range(len(geometry)))
    rows = np.concatenate([found.rows.astype(object), rejected["source_ref"].to_numpy(dtype=object)])
    return Sent(table, geometry, rows, problems)


def _profiles(city: City | None) -> Path | None:
    folder = city.receivers_folder if city is not None else None
    return folder if folder is not None and folder.is_dir() else None
