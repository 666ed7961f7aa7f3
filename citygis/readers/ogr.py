"""
Layers through GDAL, as Arrow: attributes column by column, geometry as bytes that `citygis.readers.wkb` reads row by row.
"""

import contextlib
import json
import logging
import re
import warnings
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers import features
from citygis.readers.counts import require_all_rows
from citygis.readers.formats import Dataset
from citygis.readers.guard import require_plain_xml
from citygis.readers.raw import Raw, sagitta_in, stated_crs
from citygis.readers.shapefile import deleted_rows, lost_values, parts_of, read_table, text_encoding
from citygis.readers.wkb import Problem, geometries

logger = logging.getLogger(__name__)

_DRIVER_ERRORS = (
    DataSourceError,
    DataLayerError,
    FeatureError,
    FieldError,
    GeometryError,
    pa.ArrowException,
    RuntimeError,
    OSError,
    UnicodeDecodeError,
)
_OPTIONS = {"GeoJSON": {"DATE_AS_STRING": "YES"}, "GeoJSONSeq": {"DATE_AS_STRING": "YES"}}
# Listing their layers means reading them from end to end. They have one, called as the file.
_ONE_LAYER = ("Shapefile", "GeoJSON", "GeoJSONSeq", "Esri JSON", "FlatGeobuf", "MapInfo")
# Told row by row by this package, or about nothing that is lost.
_TOLD_ELSEWHERE = ("Non closed ring detected", "parsed incompletely to", "Field with same name", "organizePolygons")


def layer_names(dataset: Dataset) -> dict[str, bool]:
    """
    The layers of a dataset, and whether each has geometry.

    Raises
    ------
    ReadError
        If the driver cannot open it.
    """
    if dataset.format in _ONE_LAYER:
        return {dataset.path.stem: True}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = {str(name): kind is not None for name, kind in pyogrio.list_layers(dataset.path)}
            if dataset.format == "KML":
                # A document that only holds folders is a layer to the driver.
                filled = [
                    name for name in found if pyogrio.read_info(dataset.path, layer=name, force_feature_count=True)["features"]
                ]
                found = {name: found[name] for name in filled or found}
            return found
    except GeometryError:
        # A MultiPatch layer: pyogrio has no name for its type and lists nothing at all.
        import fiona  # brings a GDAL of its own, which nobody else needs

        return dict.fromkeys(fiona.listlayers(dataset.path), True)
    except _DRIVER_ERRORS as error:
        raise _unreadable(dataset, error) from None


def read_layer(dataset: Dataset, layer: str, *, source_crs=None) -> Raw:
    """
    One layer through GDAL.

    Parameters
    ----------
    dataset : Dataset
    layer : str
        One of `layer_names`.
    source_crs : CRS, optional
        Only for the unit in which true curves are drawn, where the file states none.

    Raises
    ------
    ReadError
        If the driver cannot read it.
    """
    encoding, problems, notes, kept = _shapefile_text(dataset) if dataset.format == "Shapefile" else (None, [], [], None)
    if "JSON" in dataset.format:
        features.require_whole(dataset)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            with _one_stream():
                meta, table = pyogrio.raw.read_arrow(
                    dataset.path,
                    layer=0 if dataset.format in _ONE_LAYER else layer,
                    encoding=encoding,
                    return_fids=True,
                    **_OPTIONS.get(dataset.format, {}),
                )
        except _DRIVER_ERRORS as error:
            raise _unreadable(dataset, error, layer) from None
    notes += _notes(said)
    if dataset.format == "KML" and (links := require_plain_xml(dataset.path).counts.get("NetworkLink", 0)):
        notes.append(f"{links:,} links to other files (NetworkLink) were not followed; what they point to is not in this file.")
    fids = table.column(0).to_numpy()
    require_all_rows(dataset, layer, len(fids))
    has_geometry = meta["geometry_type"] is not None
    attributes, more = frame(table.select(range(1, table.num_columns - has_geometry)))
    problems += more
    if "JSON" in dataset.format:
        problems += features.long_integers(attributes)
    if kept is not None and problems and not kept.all():
        # Problems were found by record; the driver leaves out records that are marked as deleted.
        position = {int(record): row for row, record in enumerate(fids)}
        problems = [problem._replace(row=position[problem.row]) for problem in problems if problem.row in position]
    crs = stated_crs(meta["crs"])
    shapes = None
    if has_geometry:
        blobs = np.array(table.column(table.num_columns - 1).to_pylist(), dtype=object)
        sagitta = sagitta_in(crs or source_crs)
        shapes, more = geometries(blobs, sagitta=sagitta)
        problems += more
        if "JSON" in dataset.format:
            shapes, more = features.made_up_for(dataset, layer, shapes, problems, sagitta=sagitta)
            problems += more
    numbered = dataset.format in ("GeoPackage", "FileGDB")
    rows = fids if numbered else np.arange(1, len(fids) + 1) if kept is None else fids + 1
    return Raw(attributes, shapes, rows.astype(str).astype(object), crs, _crs_says(dataset, meta["crs"]), sorted(problems), notes)


def crs_stated(dataset: Dataset, layer: str) -> CRS | None:
    """The CRS that a layer states. Errors as `read_layer`."""
    if dataset.error:
        raise dataset.error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return stated_crs(pyogrio.read_info(dataset.path, layer=0 if dataset.format in _ONE_LAYER else layer)["crs"])
    except _DRIVER_ERRORS as error:
        raise _unreadable(dataset, error, layer) from None


@contextlib.contextmanager
def _one_stream() -> Iterator[None]:
    """
    Have GDAL read a GeoPackage feature by feature. Its faster way shares the rows out by the count that the file keeps of itself,
    and gives rows twice where that count is old.
    """
    option = "OGR_GPKG_STREAM_BASE_IMPL"
    before = pyogrio.get_gdal_config_option(option)
    pyogrio.set_gdal_config_options({option: True})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({option: before})


def frame(table: pa.Table) -> tuple[pd.DataFrame, list[Problem]]:
    """
    Arrow columns as pandas columns that lose nothing: integers with nulls stay integers, lists become JSON text.

    Returns
    -------
    DataFrame
        Fresh index. Columns that repeat a name are numbered.
    list of Problem
        R04 for text that is not UTF-8; its bytes are shown in the value.
    """
    columns, problems = {}, []
    for name, column in zip(table.column_names, table.columns, strict=True):
        unique, number = name, 2
        while unique in columns:
            unique, number = f"{name}_{number}", number + 1
        columns[unique], more = _series(column, name)
        problems += more
    return pd.DataFrame(columns, index=range(table.num_rows)), problems


def _series(column: pa.ChunkedArray, name: str) -> tuple[pd.Series, list[Problem]]:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            return _text_shown(column, name)
        return column.to_pandas().astype("str"), []
    if pa.types.is_integer(kind) and column.null_count:
        return column.to_pandas(types_mapper=lambda _: pd.Int64Dtype()), []
    if pa.types.is_boolean(kind) and column.null_count:
        return column.to_pandas(types_mapper=lambda _: pd.BooleanDtype()), []
    if pa.types.is_nested(kind):
        values = [None if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in column.to_pylist()]
        return pd.Series(values, dtype="str"), []
    return column.to_pandas(date_as_object=False), []


def _text_shown(column: pa.ChunkedArray, name: str) -> tuple[pd.Series, list[Problem]]:
    problems, values = [], []
    for row, raw in enumerate(column.cast(pa.binary()).to_pylist()):
        try:
            values.append(None if raw is None else raw.decode("utf-8"))
        except UnicodeDecodeError:
            values.append(raw.decode("utf-8", errors="backslashreplace"))
            problems.append(Problem(row, "R04", f"Field {name} was sent as '{values[-1]}', whose bytes are not UTF-8 text."))
    return pd.Series(values, dtype="str"), problems


def _shapefile_text(dataset: Dataset) -> tuple[str, list[Problem], list[str], np.ndarray]:
    """The encoding to read with, the values that the driver will lose, what to say of the layer, and the records kept."""
    parts = parts_of(dataset.path)
    table = read_table(parts[".dbf"], shown=dataset.shown)
    encoding = text_encoding(table, parts.get(".cpg"), shown=dataset.shown)
    deleted = deleted_rows(table)
    notes = [encoding.note] if encoding.note else []
    if deleted.any():
        notes.append(f"{int(deleted.sum()):,} records are marked as deleted by the sender and were left out.")
    return encoding.name, lost_values(table, encoding.name), notes, ~deleted


def _notes(said: list[warnings.WarningMessage]) -> list[str]:
    messages = dict.fromkeys(str(warning.message) for warning in said)
    return [message for message in messages if not any(known in message for known in _TOLD_ELSEWHERE)][:20]


def _crs_says(dataset: Dataset, text: str | None) -> str:
    if not text:
        return "states no coordinate system"
    if dataset.format in ("GeoJSON", "GeoJSONSeq") and text in ("EPSG:4326", "OGC:CRS84"):
        return "is GeoJSON, which is WGS 84 longitude and latitude unless it says otherwise (RFC 7946, section 4)"
    if dataset.format == "KML":
        return "is KML, which is always WGS 84 longitude and latitude (OGC 12-007r2)"
    crs = stated_crs(text)
    return (
        f"states {crs.name} ({text if len(text) < 20 else 'no EPSG code'})"
        if crs
        else "states a coordinate system that PROJ cannot read"
    )


def _unreadable(dataset: Dataset, error: Exception, layer: str | None = None) -> ReadError:
    reason = re.sub(r"\s+", " ", str(error)).replace(str(dataset.path), dataset.path.name)
    # The driver names the line of its own source that gave up, on the machine it was built on.
    reason = re.sub(r"(?:in file |at )?\S+\.(?:cpp|c|h)\b[:,]?(?: at)?(?: line)? ?\d*", "", reason).strip(" .;,")
    where = f"{dataset.shown}, layer {layer}" if layer else dataset.shown
    if isinstance(error, GeometryError):
        return ReadError(f"{where} holds surfaces in three dimensions (MultiPatch), which are not read. Ask for it as polygons.")
    return ReadError(f"{where} cannot be read as {dataset.format}: {reason}. Ask the sender for it again, or as a GeoPackage.")
