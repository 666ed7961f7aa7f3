"""
Outside files of features, read as sent.
"""

import logging
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyproj import CRS

from citygis.city import City
from citygis.errors import ReadError
from citygis.readers import coordinates, delimited, drawing_layers, landxml_layers, ogr, parquet
from citygis.readers.formats import CAPTURES, Dataset, delivery
from citygis.readers.raw import Raw
from citygis.readers.recordings import as_sent, load_captures
from citygis.readers.service.client import is_service_url
from citygis.readers.service.layers import ServiceLayer, digest_of, load_layer, service_crs, service_layers
from citygis.readers.source import sha256_of
from citygis.readers.wkb import Problem
from citygis.schema import source_id_of

logger = logging.getLogger(__name__)

OWN_COLUMNS = ("source_id", "source_ref", "read_code", "read_message", "geometry")
"""Columns that `read` adds. A column that is sent under one of these names comes back with ``_sent`` after it."""

_GRAVEST = {code: rank for rank, code in enumerate(("R01", "R05", "R06", "R03", "R04", "R07", "R02"))}


def read(path: Path | str, layer: str | None = None, *, source_crs: CRS | str | int | None = None) -> gpd.GeoDataFrame:
    """
    A layer of an outside file, as sent.

    Parameters
    ----------
    path : path
        A shapefile, GeoPackage, file geodatabase, GeoJSON, GeoJSONSeq, TopoJSON, KML, CSV, GeoParquet, FlatGeobuf, MapInfo or Esri
        JSON file, LandXML (`landxml.read_landxml` has more of it), a DXF or DWG drawing (`dxf.read_dxf` has more of it), alone or
        in a zip; a KMZ; a ``.gdb`` folder. Or captures: GPX, an NMEA 0183 log, a receiver's CSV that fits one of
        `receivers.receiver_profiles`, survey points without header, photographs (one, a folder, a zip). Or the address of a
        feature service, ``https://.../FeatureServer/0`` (`service.complete_read`; a token: see `service.plain_reader`).
    layer : str, optional
        Needed when the file holds more than one layer with geometry (or more than one table and none with geometry).
    source_crs : CRS or anything pyproj reads, optional
        What the coordinates are in, where the file does not say or says what its numbers cannot be. Like "EPSG:2227".

    Returns
    -------
    GeoDataFrame, one row per feature of the file, in its order
        The file's own columns and types, nulls as nulls, text as text; integers with nulls are ``Int64``; lists are JSON text; in a
        table of text nothing is cast. Then ``source_id`` (of the row of ``source_document``), ``source_ref``
        ("file/layer#row", rows counted from 1; the feature id in a GeoPackage or geodatabase; where an archive holds
        several datasets, the file is "archive/member"; "address#OBJECTID" for a service) and ``geometry`` in the CRS as sent.
        Only when some row was not read as sent, also ``read_code`` and ``read_message``, null elsewhere:

        ====  ==================================================================================================
        R01   the geometry cannot be made, such as a ring that is not closed; it is null
        R02   a true curve, drawn as chords within 0.01 ft of it
        R03   a coordinate is not a finite number; the geometry is null
        R04   a value, or a cell of a row, could not be kept as sent; the message quotes it
        R05   a record of captures is damaged: checksum, length, text that is none; the geometry is null
        R06   a record of captures has no usable position; the geometry is null
        R07   a position of a log that never says its date; its time is null
        ====  ==================================================================================================

        Captures have the columns of `captures.DTYPES`, then their own; the records that gave no position follow as rows (R05, R06).
        Their ``source_ref`` is "file#record".

        A row with several has the code of the gravest and the messages of all. A table without geometry has null geometry and no
        CRS. Fresh index.

    Raises
    ------
    ReadError
        If the file is missing, unsafe, cut off, of another format, or empty, or the layer must be named or is not there; if a
        service does not answer or does not give all that it counts.
    CRSError
        If the frame is missing, cannot be what it is said to be, or is stated in two ways that disagree.
    ValueError
        If `source_crs` is not a coordinate system.
    """
    given = coordinates.crs_of(source_crs)
    if is_service_url(path):
        chosen = _choose_service(path, layer)
        raw = load_layer(chosen.url)
        return _settled(raw, given, source_id_of(digest_of(chosen.url).sha256), chosen.url, chosen.url)
    with delivery(path) as datasets:
        dataset, name = _choose(path, datasets, layer)
        place = Path(path).name if len(datasets) == 1 else f"{Path(path).name}{dataset.shown.removeprefix(str(path))}"
        raw = load(dataset, name, source_crs=given)
    document = place if dataset.format in CAPTURES else f"{place}/{name}"
    return _settled(raw, given, source_id_of(sha256_of(path)), document, f"{path}, layer {name}")


def _settled(raw: Raw, given: CRS | None, source_id: str, place: str, shown: str) -> gpd.GeoDataFrame:
    if raw.table.empty and not len(raw.rows):
        raise ReadError(f"{shown} is empty: it has columns but no rows. Ask the sender whether the export failed.")
    for note in raw.notes:
        logger.warning("%s: %s", shown, note)
    crs = None
    if raw.geometry is not None:
        crs = coordinates.settle(raw.geometry, raw.crs, raw.crs_says, given, shown=shown)
    return _frame(raw, crs, source_id, place)


def crs_stated(path: Path | str) -> CRS | None:
    """
    The CRS that a delivery states for its first layer with geometry, without reading the features where the format allows.

    Returns
    -------
    CRS or None
        As the file says, whether or not the numbers fit it. None where it says nothing.

    Raises
    ------
    ReadError
        As `read`.
    """
    if is_service_url(path):
        spatial = [each for each in service_layers(path) if each.has_geometry]
        return service_crs(spatial[0].url) if spatial else None
    with delivery(path) as datasets:
        spatial = [(dataset, name) for dataset, name, has_geometry in layers_in(datasets) if has_geometry]
        if not spatial:
            return None
        dataset, name = spatial[0]
        own_readers = ("CSV", "GeoParquet", landxml_layers.FORMAT, *drawing_layers.FORMATS, *CAPTURES)
        return load(dataset, name).crs if dataset.format in own_readers else ogr.crs_stated(dataset, name)


def layers_in(datasets: list[Dataset]) -> list[tuple[Dataset, str, bool]]:
    """Every layer of a delivery: its dataset, its name, and whether it has geometry."""
    found = []
    for dataset in datasets:
        if dataset.error or dataset.format in CAPTURES:
            found.append((dataset, dataset.path.stem, True))
        elif dataset.format == "CSV":
            found.append((dataset, dataset.path.stem, delimited.is_spatial(dataset.path)))
        elif dataset.format == landxml_layers.FORMAT:
            found += [(dataset, name, spatial) for name, spatial in landxml_layers.layer_names(dataset.path).items()]
        elif dataset.format in drawing_layers.FORMATS:
            found += [(dataset, name, spatial) for name, spatial in drawing_layers.layer_names(dataset.path).items()]
        elif dataset.format == "GeoParquet":
            found.append((dataset, dataset.path.stem, parquet.is_spatial(dataset)))
        else:
            found += [(dataset, name, spatial) for name, spatial in ogr.layer_names(dataset).items()]
    return found


def load(dataset: Dataset, layer: str, *, source_crs: CRS | None = None, city: City | None = None) -> Raw:
    """
    One layer of a dataset as its format's reader gives it, before its frame is settled. Errors as `read`. The City tells northing
    from easting in survey points, and has its own profiles of receivers.
    """
    if dataset.error:
        raise dataset.error
    if dataset.format in CAPTURES:
        return _captures(dataset, source_crs, city)
    if dataset.format == "CSV":
        return delimited.read_table(dataset, source_crs=source_crs)
    if dataset.format == landxml_layers.FORMAT:
        return landxml_layers.read_layer(dataset.path, layer, source_crs=source_crs)
    if dataset.format in drawing_layers.FORMATS:
        return drawing_layers.read_layer(dataset.path, layer)
    if dataset.format == "GeoParquet":
        return parquet.read_parquet(dataset, source_crs=source_crs)
    return ogr.read_layer(dataset, layer, source_crs=source_crs)


def _captures(dataset: Dataset, source_crs: CRS | None, city: City | None) -> Raw:
    found = load_captures(dataset.path, dataset.format, source_crs=source_crs, city=city)
    sent = as_sent(found)
    says = (
        "states no coordinate system"
        if found.frame.crs is None
        else f"holds {dataset.format}, whose positions are in {found.frame.crs.name}"
    )
    return Raw(sent.table, sent.geometry, sent.rows, found.frame.crs, says, sent.problems, list(found.notes), found)


def _choose(path: Path | str, datasets: list[Dataset], layer: str | None) -> tuple[Dataset, str]:
    found = layers_in(datasets)
    if layer is not None:
        named = [(dataset, name) for dataset, name, _ in found if name == layer]
    else:
        spatial = [(dataset, name) for dataset, name, has_geometry in found if has_geometry]
        named = spatial or [(dataset, name) for dataset, name, _ in found]
    if len(named) == 1:
        return named[0]
    there = ", ".join(dict.fromkeys(name for _, name, _ in found)) or "none"
    if layer is not None and not named:
        raise ReadError(f"{path} has no layer {layer!r}. It has: {there}.")
    if layer is not None:
        places = ", ".join(dataset.shown for dataset, _ in named)
        raise ReadError(f"{path} has {len(named)} layers called {layer!r}: {places}. Unpack it and name the file.")
    if not named:
        raise ReadError(f"{path} has no layers. Ask the sender whether the export failed.")
    raise ReadError(f"{path} has {len(named)} layers: {there}. Name the one to read with --layer.")


def _choose_service(url: str, layer: str | None) -> ServiceLayer:
    found = service_layers(url)
    there = ", ".join(each.name for each in found)
    if layer is not None:
        named = [each for each in found if layer in (each.name, each.url.rpartition("/")[2])]
        if len(named) != 1:
            raise ReadError(f"{url} has no layer {layer!r}, or several. It has: {there}.")
        return named[0]
    named = [each for each in found if each.has_geometry] or found
    if len(named) > 1:
        raise ReadError(f"{url} has {len(found)} layers: {there}. Name the one to read with --layer.")
    return named[0]


def _frame(raw: Raw, crs: CRS | None, source_id: str, place: str) -> gpd.GeoDataFrame:
    table = raw.table.rename(columns=_kept_apart(list(raw.table.columns)))
    count = len(raw.rows)
    refs = pc.binary_join_element_wise(pa.scalar(place), pa.array(raw.rows, type=pa.string()), "#")
    added = {
        "source_id": pd.Series([source_id], dtype="str").repeat(count).reset_index(drop=True),
        "source_ref": refs.to_pandas().astype("str"),
    }
    if raw.problems:
        added |= _problem_columns(raw.problems, count)
    shapes = raw.geometry if raw.geometry is not None else np.full(count, None, dtype=object)
    table = pd.concat([table, pd.DataFrame(added)], axis=1)
    return gpd.GeoDataFrame(table, geometry=gpd.array.from_shapely(shapes, crs=crs))


def _kept_apart(names: list[str]) -> dict[str, str]:
    renamed = {}
    for name in names:
        if name in OWN_COLUMNS:
            new = f"{name}_sent"
            while new in names:
                new += "_sent"
            renamed[name] = new
    return renamed


def _problem_columns(problems: list[Problem], count: int) -> dict[str, pd.Series]:
    codes, messages = np.full(count, None, dtype=object), np.full(count, None, dtype=object)
    for row, code, message in problems:
        if codes[row] is None or _GRAVEST[code] < _GRAVEST[codes[row]]:
            codes[row] = code
        messages[row] = message if messages[row] is None else f"{messages[row]} {message}"
    return {"read_code": pd.Series(codes, dtype="str"), "read_message": pd.Series(messages, dtype="str")}
