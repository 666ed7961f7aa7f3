"""
How many rows a file says it has, by something other than the driver that reads them.

Some drivers stop or skip at a broken record and call it the end. Rows in must be rows out, so what they give is counted again.
"""

import contextlib
import json
import re
import sqlite3
import struct
from pathlib import Path

import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from citygis.errors import ReadError
from citygis.readers.formats import Dataset
from citygis.readers.guard import require_plain_xml

_ONCE_A_FEATURE = {"GeoJSON": b'"geometry"', "Esri JSON": b'"attributes"'}
_MIF_OBJECT = re.compile(rb"(?im)^[ \t]*(none|point|line|pline|region|arc|text|rect|roundrect|ellipse|multipoint|collection)\b")


def require_all_rows(dataset: Dataset, layer: str, count: int) -> None:
    """
    Refuse a layer of which the driver gave fewer or more rows than the file has.

    Parameters
    ----------
    dataset : Dataset
    layer : str
    count : int
        Rows as read.

    Raises
    ------
    ReadError
        With both counts, and the first broken record where it can be named.
    """
    if dataset.format == "KML":
        _require_all_placemarks(dataset)
    if dataset.format in _ONCE_A_FEATURE and dataset.path.read_bytes().count(_ONCE_A_FEATURE[dataset.format]) == count:
        return  # as many as features that are whole; only where it differs is the file parsed once more
    stated = _stated(dataset, layer)
    if stated is None or stated == count:
        return
    place = _first_broken_line(dataset.path) if dataset.format == "GeoJSONSeq" else None
    at = f" Line {place} is the first that cannot be read." if place else ""
    raise ReadError(
        f"{dataset.shown}, layer {layer}: {count:,} rows can be read of the {stated:,} that the file has; it is damaged.{at} "
        "Ask the sender for it again."
    )


def _stated(dataset: Dataset, layer: str) -> int | None:
    if dataset.format == "GeoPackage":
        return _rows_of_table(dataset.path, layer)
    if dataset.format == "GeoJSONSeq":
        return len(_records(dataset.path))
    if dataset.format in _ONCE_A_FEATURE:
        return _features(dataset.path)
    if dataset.format == "MapInfo":
        return _mapinfo_rows(dataset.path)
    if dataset.format in ("FileGDB", "FlatGeobuf"):
        with contextlib.suppress(DataSourceError, DataLayerError, RuntimeError):
            found = pyogrio.read_info(dataset.path, layer=layer if dataset.format == "FileGDB" else 0)["features"]
            return found if found >= 0 else None
    return None


def _require_all_placemarks(dataset: Dataset) -> None:
    """Refuse KML with features where the driver does not look, such as in a second folder beside the root's first."""
    placemarks = require_plain_xml(dataset.path).counts.get("Placemark", 0)
    names = [name for name, _ in pyogrio.list_layers(dataset.path)]
    reached = sum(pyogrio.read_info(dataset.path, layer=name, force_feature_count=True)["features"] for name in names)
    if reached < placemarks:
        raise ReadError(
            f"{dataset.shown} has {placemarks:,} features, of which {reached:,} are where KML may have them. "
            "Ask the sender to put all folders into one document."
        )


def _rows_of_table(path: Path, table: str) -> int | None:
    name = table.replace('"', '""')
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db,
    ):
        return db.execute(f'select count(*) from "{name}"').fetchone()[0]
    return None


def _features(path: Path) -> int | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        return None
    found = document.get("features") if isinstance(document, dict) else None
    return len(found) if isinstance(found, list) else None


def _records(path: Path) -> list[bytes]:
    """The records of a text sequence: parted by the record separator of RFC 8142 where it is used, else by lines."""
    content = path.read_bytes()
    return [record for record in content.split(b"\x1e" if b"\x1e" in content else b"\n") if record.strip()]


def _first_broken_line(path: Path) -> int | None:
    for number, record in enumerate(_records(path), start=1):
        try:
            if json.loads(record).get("type") != "Feature":
                return number
        except (ValueError, AttributeError):
            return number
    return None


def _mapinfo_rows(path: Path) -> int | None:
    """Rows of the attribute part: lines of a .mid, or records of a .dat that are not marked as deleted."""
    parts = {child.suffix.lower(): child for child in path.parent.iterdir() if child.stem.casefold() == path.stem.casefold()}
    if path.suffix.lower() == ".mif":
        attributes = sum(bool(line.strip()) for line in parts[".mid"].read_bytes().splitlines())
        objects = [word.lower() for word in _MIF_OBJECT.findall(path.read_bytes())]
        # A collection has objects within it, which are not rows.
        return max(attributes, len(objects)) if b"collection" not in objects else attributes
    if ".dat" not in parts:
        return None
    content = parts[".dat"].read_bytes()
    if len(content) < 32:
        return None
    count, header, length = struct.unpack_from("<IHH", content, 4)
    return sum(content[header + row * length : header + row * length + 1] != b"*" for row in range(count)) if length else None
