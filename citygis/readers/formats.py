"""
What kind of file it is, by its name and by its first bytes, and the datasets in an archive.

A driver is only ever given a file whose content is that of its own format, because many drivers look at content alone and some
formats (virtual datasets, stored pipelines) make the driver read or fetch other files.
"""

import contextlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from citygis.errors import ReadError
from citygis.readers.cad_marks import require_dwg, require_dxf
from citygis.readers.guard import members, require_local_file, require_plain_xml, unpack
from citygis.readers.photos import PHOTO_SUFFIXES, are_photos
from citygis.readers.recordings import GPX, NMEA, PHOTOS, POINTS, RECEIVER, kind_of
from citygis.readers.shapefile import require_whole

FORMATS = {
    ".shp": "Shapefile",
    ".gpkg": "GeoPackage",
    ".gdb": "FileGDB",
    ".geojson": "GeoJSON",
    ".json": "GeoJSON, TopoJSON or Esri JSON",
    ".geojsonl": "GeoJSONSeq",
    ".geojsons": "GeoJSONSeq",
    ".ndjson": "GeoJSONSeq",
    ".topojson": "TopoJSON",
    ".kml": "KML",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".parquet": "GeoParquet",
    ".geoparquet": "GeoParquet",
    ".fgb": "FlatGeobuf",
    ".tab": "MapInfo",
    ".mif": "MapInfo",
    ".landxml": "LandXML",
    ".xml": "LandXML",
    ".dxf": "DXF",
    ".dwg": "DWG",
    ".gpx": GPX,
    ".nmea": NMEA,
    ".log": NMEA,
    ".ubx": NMEA,
    **dict.fromkeys(PHOTO_SUFFIXES, PHOTOS),
    **dict.fromkeys((".asc", ".pts", ".pnt", ".nez"), POINTS),
}
"""What `read` takes, by suffix; each also inside a ``.zip``, and KML as ``.kmz``."""

_ELSEWHERE = {
    ".osm": "OpenStreetMap data, which has nodes and ways but no layers; export the features you need as GeoJSON or GeoPackage",
    ".pbf": "OpenStreetMap data, which has nodes and ways but no layers; export the features you need as GeoJSON or GeoPackage",
    ".vrt": "a virtual dataset, which makes other files be read; name the file that it points to",
    ".mdb": "a personal geodatabase; ask for a file geodatabase or a GeoPackage",
    ".xlsx": "a spreadsheet; save the sheet as CSV",
    ".xls": "a spreadsheet; save the sheet as CSV",
    ".lpk": "an Esri package; ask for a file geodatabase or a GeoPackage",
    ".mpk": "an Esri package; ask for a file geodatabase or a GeoPackage",
    ".7z": "an archive other than zip; unpack it, or ask for a zip",
    ".rar": "an archive other than zip; unpack it, or ask for a zip",
    ".gz": "an archive other than zip; unpack it, or ask for a zip",
}
CAPTURES = (GPX, NMEA, PHOTOS, RECEIVER, POINTS)
"""The formats of `Dataset` whose rows are captures, not features."""

_ALSO_NOTES = (".json", ".csv", ".tsv", ".txt", ".log", ".asc", ".pts", ".xml")
_ALSO_TABLES = (".csv", ".tsv", ".txt")
_OF_CAPTURES = tuple(suffix for suffix, name in FORMATS.items() if name in CAPTURES)
_SHAPEFILE_PARTS = (".shx", ".dbf", ".prj", ".cpg", ".sbn", ".sbx")


class Dataset(NamedTuple):
    """
    One file or geodatabase that is safe to open: its format, where it lies now, and how to name it in a message. ``error`` is set
    on a member of an archive that cannot be read, so that its neighbours can.
    """

    format: str
    path: Path
    shown: str
    error: ReadError | None = None


@contextlib.contextmanager
def delivery(path: Path | str) -> Iterator[list[Dataset]]:
    """
    The datasets in an outside file, unpacked where they were packed, for as long as the block lasts.

    Parameters
    ----------
    path : path
        A file of one of the `FORMATS`, a ``.gdb`` folder, a folder of photographs, a ``.kmz``, or a ``.zip`` of any of those.

    Yields
    ------
    list of Dataset
        One for a plain file; as many as there are in an archive, in the order of their names.

    Raises
    ------
    ReadError
        If the file is not safe, not whole, or not of a format that is read.
    """
    if are_photos(path):
        yield [Dataset(PHOTOS, Path(path), str(path))]
        return
    path = require_local_file(path)
    if path.suffix.lower() == ".gpkg" and _is_write_ahead(path):
        with tempfile.TemporaryDirectory(prefix="citygis-") as folder:
            for file in (path, path.with_name(f"{path.name}-wal")):
                if file.exists():
                    shutil.copy(file, folder)
            yield [dataset(Path(folder) / path.name, shown=str(path))]
        return
    if path.suffix.lower() not in (".zip", ".kmz"):
        yield [dataset(path, shown=str(path))]
        return
    files = members(path)
    with tempfile.TemporaryDirectory(prefix="citygis-") as folder:
        unpack(path, files, Path(folder) / path.stem)
        found = []
        for place in _datasets_below(Path(folder)):
            shown = f"{path}/{'/'.join(place.relative_to(folder).parts[1:]) or place.name}"
            try:
                found.append(dataset(place, shown=shown))
            except ReadError as error:
                # Notes and settings of other software lie beside the data as .json and .csv; they are no delivery.
                if place.suffix.lower() not in _ALSO_NOTES:
                    found.append(Dataset("unreadable", place, shown, error))
        if not found:
            there = ", ".join(info.filename for info in files[:5]) or "nothing"
            raise ReadError(f"{path} holds no layer that citygis reads. In it: {there}. It reads {_formats()}.")
        if all(one.error for one in found):
            raise found[0].error
        yield found


def dataset(path: Path, *, shown: str) -> Dataset:
    """
    The one dataset that `path` is, its content looked at.

    Raises
    ------
    ReadError
        If the suffix is not one of `FORMATS`, or the content is not what the suffix says.
    """
    suffix = path.suffix.lower()
    if suffix in _SHAPEFILE_PARTS:
        raise ReadError(f"{shown} is one part of a shapefile. Name the .shp, or the zip with all parts.")
    captures = _captures_in(path)
    if captures is not None:
        return Dataset(captures, path, shown)
    if suffix not in FORMATS:
        what = _ELSEWHERE.get(suffix)
        if suffix == ".gml":
            require_plain_xml(path, whole=False)
        raise ReadError(
            f"{shown} is {what}."
            if what
            else f"{shown}: {suffix or 'a file without suffix'} is not read. citygis reads {_formats()}."
        )
    if path.is_file() and path.stat().st_size == 0:
        raise ReadError(f"{shown} is empty (0 bytes): the transfer failed. Ask the sender for it again.")
    if FORMATS[suffix] in CAPTURES:
        raise _wrong(shown, FORMATS[suffix], "nothing in it looks like that")
    check = {
        ".shp": _shapefile,
        ".gpkg": _geopackage,
        ".gdb": _geodatabase,
        ".kml": _kml,
        ".parquet": _parquet,
        ".geoparquet": _parquet,
        ".fgb": _flatgeobuf,
        ".tab": _mapinfo_tab,
        ".mif": _mapinfo_mif,
        ".dxf": _dxf,
        ".dwg": _dwg,
        ".landxml": _landxml,
        ".xml": _landxml,
        ".csv": _table,
        ".tsv": _table,
        ".txt": _table,
    }.get(suffix, _json)
    return Dataset(check(path, shown), path, shown)


def _captures_in(path: Path) -> str | None:
    """
    The kind of captures that a file holds; None for a table of features.

    Points whose header names their coordinates are a table, as any other; those without a header would lose their first point to
    it.
    """
    suffix = path.suffix.lower()
    kind = kind_of(path) if suffix in ("", *_OF_CAPTURES, *_ALSO_TABLES) else None
    return None if kind == POINTS and suffix in _ALSO_TABLES and _has_header(path) else kind


def _has_header(path: Path) -> bool:
    """Whether the first line of a text has fewer than two numbers."""
    head = _first(path, 4096)
    text = head.decode("utf-16" if head.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", "replace")
    line = next((line for line in text.splitlines() if line.strip()), "")
    return sum(re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", cell.strip('"')) is not None for cell in re.split(r"[,;\t ]+", line)) < 2


def _is_write_ahead(path: Path) -> bool:
    """
    Whether an SQLite file keeps a write-ahead log (file format, bytes 18 and 19). Even reading one leaves files beside it,
    so a copy is opened: the sender's folder stays as it is.
    """
    return 2 in _first(path, 20)[18:20]


def _datasets_below(folder: Path) -> list[Path]:
    """Files of a known suffix and geodatabase folders, whatever those are called; what lies inside a geodatabase belongs to it."""
    tables = sorted({place.parent for place in folder.rglob("*") if place.suffix.lower() == ".gdbtable"})
    geodatabases = [place if place.suffix.lower() == ".gdb" else place.rename(f"{place}.gdb") for place in tables]
    found = geodatabases
    for place in sorted(folder.rglob("*")):
        inside = any(place.is_relative_to(geodatabase) for geodatabase in geodatabases)
        hidden = any(part.startswith((".", "__MACOSX")) for part in place.relative_to(folder).parts)
        suffix = place.suffix.lower()
        is_data = suffix in FORMATS and suffix not in (".txt", *PHOTO_SUFFIXES)
        if place.is_file() and not inside and not hidden and is_data:
            found.append(place)
    return found


def _formats() -> str:
    named = [name for value in FORMATS.values() for name in value.replace(" or ", ", ").split(", ")]
    return ", ".join(dict.fromkeys(named)) + "; each also zipped"


def _wrong(shown: str, expected: str, why: str) -> ReadError:
    return ReadError(f"{shown} is not {expected}: {why}. Ask the sender how it was made, or for a GeoPackage.")


def _first(path: Path, count: int = 65536) -> bytes:
    with open(path, "rb") as file:
        return file.read(count)


def _shapefile(path: Path, shown: str) -> str:
    require_whole(path, shown=shown)
    return "Shapefile"


def _geopackage(path: Path, shown: str) -> str:
    if not _first(path, 16).startswith(b"SQLite format 3\0"):
        raise _wrong(shown, "a GeoPackage", "it does not begin as an SQLite database")
    return "GeoPackage"


def _geodatabase(path: Path, shown: str) -> str:
    if not any(child.suffix.lower() == ".gdbtable" for child in path.iterdir()):
        raise _wrong(shown, "a file geodatabase", "it has no tables")
    return "FileGDB"


def _kml(path: Path, shown: str) -> str:
    markup = require_plain_xml(path)
    if markup.root != "kml":
        raise _wrong(shown, "KML", f"its root element is {markup.root!r}")
    if markup.counts.get("Placemark", 0) == 0 and markup.counts.get("NetworkLink", 0):
        raise ReadError(
            f"{shown} holds no features, only links to them (NetworkLink), which are not followed. Ask for the features."
        )
    return "KML"


def _parquet(path: Path, shown: str) -> str:
    if _first(path, 4) != b"PAR1":
        raise _wrong(shown, "Parquet", "it does not begin with PAR1")
    return "GeoParquet"


def _flatgeobuf(path: Path, shown: str) -> str:
    if not (_first(path, 3) == b"fgb" and _first(path, 7)[4:] == b"fgb"):
        raise _wrong(shown, "FlatGeobuf", "it does not begin with its mark")
    return "FlatGeobuf"


def _mapinfo_tab(path: Path, shown: str) -> str:
    head = _first(path).lstrip(b"\xef\xbb\xbf \r\n\t")
    if not head.lower().startswith(b"!table"):
        raise _wrong(shown, "a MapInfo table", "it does not begin with !table")
    kind = re.search(rb"(?im)^\s*type\s+(\w+)", head)
    if kind is None or kind[1].upper() not in (b"NATIVE", b"DBF"):
        what = kind[1].decode() if kind else "unknown"
        raise ReadError(f"{shown} is a MapInfo table of type {what}, which points to other data. Ask for a native table or MIF.")
    there = {child.name.casefold() for child in path.parent.iterdir()}
    needed = (".dat", ".map", ".id") if kind[1].upper() == b"NATIVE" else (".dbf",)
    for suffix in needed:
        if f"{path.stem}{suffix}".casefold() not in there:
            raise ReadError(f"{shown}: its part {path.stem}{suffix} is missing. Ask the sender for all parts, in one zip.")
    return "MapInfo"


def _mapinfo_mif(path: Path, shown: str) -> str:
    if not _first(path).lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith(b"version"):
        raise _wrong(shown, "MapInfo interchange (MIF)", "it does not begin with Version")
    if f"{path.stem}.mid".casefold() not in {child.name.casefold() for child in path.parent.iterdir()}:
        raise ReadError(f"{shown}: its attributes ({path.stem}.mid) are missing. Ask the sender for both parts, in one zip.")
    return "MapInfo"


def _dxf(path: Path, shown: str) -> str:
    require_dxf(path, shown=shown)
    return "DXF"


def _dwg(path: Path, shown: str) -> str:
    require_dwg(path, shown=shown)
    return "DWG"


def _landxml(path: Path, shown: str) -> str:
    root = require_plain_xml(path, whole=False).root
    if root != "LandXML":
        raise _wrong(shown, "LandXML", f"its root element is {root!r}")
    return "LandXML"


def _table(path: Path, shown: str) -> str:
    head = _first(path, 4096)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "CSV"
    if b"\0" in head or head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"<", b"{")):
        raise _wrong(shown, "CSV", "it does not begin as a table of text")
    return "CSV"


def _json(path: Path, shown: str) -> str:
    head = _json_head(path, shown)
    if b"gdal_streamed_alg" in head or b'"command_line"' in head:
        raise ReadError(f"{shown} is a stored pipeline, which makes other files be read. It was refused.")
    if path.suffix.lower() in (".geojsonl", ".geojsons", ".ndjson") or head.startswith(b"\x1e") or _is_sequence(head):
        return "GeoJSONSeq"
    if re.search(rb'"type"\s*:\s*"Topology"', head) or (b'"arcs"' in head and b'"Topology"' in _tail(path)):
        return "TopoJSON"
    # The last member may come after all features, so the tail is looked at too.
    for text in (head, _tail(path)):
        if re.search(rb'"(esriGeometry\w+|esriFieldType\w+)"', text) or b'"geometryType"' in text or b'"attributes"' in text:
            return "Esri JSON"
        if re.search(rb'"type"\s*:\s*"(FeatureCollection|Feature|\w*Polygon|\w*LineString|\w*Point|GeometryCollection)"', text):
            return "GeoJSON"
    raise _wrong(shown, "GeoJSON, TopoJSON or Esri JSON", "it has no features")


def _json_head(path: Path, shown: str) -> bytes:
    head = _first(path)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in head[:64]:
        raise _wrong(shown, "JSON", "its text is UTF-16, and JSON must be UTF-8 (RFC 8259, section 8.1)")
    head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith((b"{", b"\x1e")):
        raise _wrong(shown, "JSON", "it does not begin with {")
    return head


def _tail(path: Path, count: int = 65536) -> bytes:
    with open(path, "rb") as file:
        file.seek(max(path.stat().st_size - count, 0))
        return file.read()


def _is_sequence(head: bytes) -> bool:
    """Whether the first line is a whole feature with another after it."""
    first, newline, rest = head.partition(b"\n")
    if not newline or not rest.lstrip().startswith(b"{"):
        return False
    with contextlib.suppress(ValueError):
        return json.loads(first).get("type") == "Feature"
    return False
