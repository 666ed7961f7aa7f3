"""
Whole GeoPackages: written beside their place and renamed into it, read back with their types.
"""

import contextlib
import datetime
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely

from citygis.errors import ReadError, SchemaError, StoreError
from citygis.gpkg.blobs import add_functions, encode, single
from citygis.gpkg.columns import Column, columns_of, conform, to_sql
from citygis.gpkg.rtree import make_triggers
from citygis.gpkg.tables import (
    UNDEFINED_CARTESIAN,
    add_srs,
    create_file,
    create_table,
    insert_rows,
    place_rows,
    quoted,
    table_of,
)
from citygis.publish import publishing
from citygis.schema import Layer, Schema
from citygis.schema.frames import DTYPES

CHUNK_ROWS = 20_000
"""Rows turned into Python values at a time: enough to keep SQLite busy, few enough not to fill the memory."""

STORED_TYPE = {"Polygon": "MULTIPOLYGON", "LineString": "MULTILINESTRING", "Point": "POINT"}
"""The geometry type of the table of a City layer: multi-part where outside files mix single and multi-part features."""
_PARTS = {
    "MULTIPOLYGON": ("Polygon", "MultiPolygon"),
    "MULTILINESTRING": ("LineString", "MultiLineString"),
    "POINT": ("Point",),
}


class LayerInfo(NamedTuple):
    """A layer in a file: its name, its geometry type (None without geometry) and its number of rows."""

    name: str
    geometry_type: str | None
    rows: int


def write_geopackage(
    path: Path | str,
    layers: Mapping[str, pd.DataFrame],
    *,
    schema: Schema | None = None,
    overwrite: bool = False,
    last_change: datetime.datetime | None = None,
) -> Path:
    """
    Write frames as the layers of a new GeoPackage 1.3.

    Parameters
    ----------
    path : path
        Appears whole or not at all.
    layers : mapping of name to GeoDataFrame or DataFrame
        Any CRS; none is written as the standard's undefined system. The index is not written.
    schema : Schema, optional
        A layer that it names gets the types, lengths, titles, descriptions and domains of its fields, and polygons and lines
        are stored as multi-part. Other frames, and columns that the schema does not name, are typed by what they hold;
        moments without a time zone, lists and mixed columns are spelt out as text.
    overwrite : bool
        Whether an existing file may be replaced.
    last_change : datetime, optional
        For ``gpkg_contents``. A fixed moment when not given: the same frames give the same bytes.

    Returns
    -------
    Path

    Raises
    ------
    SchemaError
        If a value does not fit its column (type, length, geometry type); nothing is written.
    StoreError
        If the file exists, or cannot be written (read-only, disk full).
    """
    with publishing(path, overwrite=overwrite) as temporary, _told(path), contextlib.closing(connect(temporary)) as connection:
        # The file is thrown away if this stops half-way, and `publishing` flushes it to disk: a journal would only cost.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        create_file(connection)
        for name, frame in layers.items():
            layer = schema.layers.get(name) if schema else None
            _write_layer(connection, name, frame, layer, last_change)
        connection.execute("COMMIT")
    return Path(path)


def read_geopackage(
    path: Path | str,
    layer: str,
    *,
    columns: Sequence[str] | None = None,
    bbox: tuple[float, float, float, float] | None = None,
    where: str | None = None,
    fid_index: bool = False,
) -> gpd.GeoDataFrame | pd.DataFrame:
    """
    A layer of a GeoPackage, with the types its table declares.

    Parameters
    ----------
    path : path
    layer : str
    columns : sequence of str, optional
        The columns to read; all when not given. The geometry always comes.
    bbox : tuple, optional
        Least easting, least northing, greatest easting, greatest northing, in the layer's CRS: features whose bounds meet it.
    where : str, optional
        A condition on columns in SQL, such as ``roll_year > 2020``.
    fid_index : bool
        Index the frame by the table's ``fid`` instead of afresh.

    Returns
    -------
    GeoDataFrame, or DataFrame for a table without geometry
        In the order of the table, fresh index. Text as ``str``, whole numbers as ``Int64``, true and false as ``boolean``,
        dates as ``datetime64[s]``, times as ``datetime64[us, UTC]``. In a multi-part table, features of one part come back as
        that part.

    Raises
    ------
    ReadError
        If the file is missing, is not a GeoPackage, or has no such layer or column.
    """
    with contextlib.closing(open_to_read(path)) as connection:
        try:
            table = table_of(connection, layer)
        except KeyError:
            there = [row[0] for row in connection.execute("SELECT table_name FROM gpkg_contents ORDER BY rowid")]
            raise ReadError(f"{path} has no layer {layer!r}. It has: {', '.join(there) or 'none'}.") from None
        known = {column.name: column for column in table.columns}
        missing = [name for name in columns or () if name not in known]
        if missing:
            raise ReadError(f"{path}, layer {layer}: no column {', '.join(missing)}. It has: {', '.join(known)}.")
        try:
            is_empty = connection.execute(f"SELECT 1 FROM {quoted(layer)} LIMIT 1").fetchone() is None
        except sqlite3.DatabaseError as error:
            raise ReadError(f"{path}, layer {layer}, cannot be read: {error}. Restore a backup.") from None
    wanted = [known[name] for name in (columns if columns is not None else known)]
    try:
        with warnings.catch_warnings():
            # pyogrio says that M values get lost; they do not, the well-known binary has them.
            warnings.filterwarnings("ignore", message="Measured")
            meta, rows = pyogrio.read_arrow(
                path, layer=layer, columns=[c.name for c in wanted], bbox=bbox, where=where, return_fids=True, read_geometry=True
            )
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pa.ArrowException, RuntimeError, OSError) as error:
        raise ReadError(f"{path}, layer {layer}, cannot be read: {error}. Write it anew from its source.") from None
    fids = rows.column(meta["fid_column"] or rows.column_names[0]).to_numpy()
    if bbox is not None:
        order = np.argsort(fids, kind="stable")
        rows, fids = rows.take(pa.array(order)), fids[order]
    frame = pd.DataFrame({c.name: _from_arrow(rows.column(c.name), c) for c in wanted}, index=range(rows.num_rows))
    if fid_index:
        frame.index = pd.Index(fids, dtype="int64", name="fid")
    if table.geometry_column is None:
        return frame
    blobs = rows.column(meta["geometry_name"] or "wkb_geometry").to_numpy(zero_copy_only=False) if not is_empty else []
    geometry = shapely.from_wkb(np.asarray(blobs, dtype=object))
    if table.geometry_type.upper().startswith("MULTI"):
        geometry = single(geometry)
    crs = None if table.srs_id == UNDEFINED_CARTESIAN else meta["crs"]
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(geometry, index=frame.index, crs=crs))


def layers_of(path: Path | str) -> list[LayerInfo]:
    """
    The layers of a GeoPackage, in the order they were made.

    Returns
    -------
    list of LayerInfo
        Rows are counted, not taken from what the file says of itself.

    Raises
    ------
    ReadError
        If the file is missing or is not a GeoPackage.
    """
    with contextlib.closing(open_to_read(path)) as connection:
        listed = connection.execute(
            "SELECT c.table_name, g.geometry_type_name FROM gpkg_contents c LEFT JOIN gpkg_geometry_columns g "
            "USING (table_name) WHERE c.data_type IN ('features', 'attributes') ORDER BY c.rowid"
        ).fetchall()
        counts = [connection.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0] for name, _ in listed]
    return [LayerInfo(name, kind, rows) for (name, kind), rows in zip(listed, counts, strict=True)]


def connect(path: Path | str, *, timeout_s: float = 5.0) -> sqlite3.Connection:
    """
    A connection by plain ``sqlite3``, with the functions that a spatial index's triggers need, and transactions by hand.

    Parameters
    ----------
    path : path
    timeout_s : float
        How long to wait for another program's lock.
    """
    connection = sqlite3.connect(path, timeout=timeout_s, isolation_level=None)
    add_functions(connection)
    return connection


def geometry_type_of(name: str, shapes: np.ndarray, layer: Layer | None) -> str:
    """
    The geometry type of the table that keeps some geometries.

    Parameters
    ----------
    name : str
        Of the layer, for the message.
    shapes : array of geometries
    layer : Layer or None
        None: the one type there is, or GEOMETRY.

    Returns
    -------
    str
        As ``gpkg_geometry_columns`` names it.

    Raises
    ------
    SchemaError
        If a geometry is not of the layer's type.
    """
    kinds = _kinds(shapes)
    if layer is None or layer.geometry == "None":
        return kinds[0].upper() if len(kinds) == 1 and kinds[0] != "LinearRing" else "GEOMETRY"
    stored = STORED_TYPE[layer.geometry]
    wrong = [kind for kind in kinds if kind not in _PARTS[stored]]
    if wrong:
        raise SchemaError(f"{name} holds {', '.join(wrong)}; the layer is of {layer.geometry}. Quarantine those features first.")
    return stored


def _write_layer(
    connection: sqlite3.Connection, name: str, frame: pd.DataFrame, layer: Layer | None, last_change: datetime.datetime | None
) -> None:
    geometry = frame.geometry if isinstance(frame, gpd.GeoDataFrame) and frame._geometry_column_name in frame else None
    attributes = pd.DataFrame(frame.drop(columns=geometry.name) if geometry is not None else frame)
    columns = columns_of(attributes, layer)
    _require_writable(name, attributes)
    shapes = None
    kind = {}
    if geometry is not None:
        shapes = geometry.to_numpy()
        kind = {
            "geometry_type": geometry_type_of(name, shapes, layer),
            "srs_id": add_srs(connection, geometry.crs),
            "has_z": bool(shapely.has_z(shapes).any()),
            "has_m": bool(shapely.has_m(shapes).any()),
        }
    table = create_table(connection, name, columns, layer=layer, last_change=last_change, **kind)
    fitted = [conform(attributes.iloc[:, i], column, name) for i, column in enumerate(columns)]
    for start in range(0, len(frame), CHUNK_ROWS):
        some = slice(start, start + CHUNK_ROWS)
        blobs = encode(shapes[some], table.srs_id, table.geometry_type) if shapes is not None else None
        values = [to_sql(series.iloc[some], column) for series, column in zip(fitted, columns, strict=True)]
        insert_rows(connection, table, start + 1, blobs, values)
    if shapes is not None:
        place_rows(connection, table, np.arange(1, len(shapes) + 1), shapely.bounds(shapes).reshape(-1, 4))
    make_triggers(connection, table)


def _require_writable(name: str, attributes: pd.DataFrame) -> None:
    spatial = [str(column) for column, dtype in attributes.dtypes.items() if isinstance(dtype, gpd.array.GeometryDtype)]
    if spatial:
        raise SchemaError(f"{name} has a second geometry column, {', '.join(spatial)}. A GeoPackage layer has one: drop it first.")
    repeated = attributes.columns[attributes.columns.duplicated()].tolist()
    if repeated:
        raise SchemaError(f"{name} has two columns named {repeated[0]!r}. Rename one of them.")


def _kinds(shapes: np.ndarray) -> list[str]:
    ids, first = np.unique(shapely.get_type_id(shapes), return_index=True)
    return [shapes[i].geom_type for kind, i in zip(ids, first, strict=True) if kind >= 0]


def _from_arrow(values: pa.ChunkedArray, column: Column) -> pd.Series:
    if column.type == "bytes":
        return pd.Series(values.to_pylist(), dtype=object)
    if column.type in ("date", "datetime"):
        unit = "s" if column.type == "date" else "us"
        moments = values.cast(pa.timestamp("ms")) if column.type == "date" else values.cast(pa.timestamp(unit, values.type.tz))
        return (
            pd.Series(moments.cast(pa.timestamp(unit)).to_numpy())
            .astype(f"datetime64[{unit}]")
            .pipe(lambda s: s.dt.tz_localize("UTC") if column.type == "datetime" else s)
        )
    dtype = DTYPES[column.type]
    if dtype == "str":
        return pd.Series(values.cast(pa.string()).to_pandas(), dtype="str")
    if dtype == "float64":
        return pd.Series(values.cast(pa.float64()).to_numpy(), dtype="float64")
    return pd.Series(pd.array(values.to_pandas(types_mapper=None, integer_object_nulls=True), dtype=dtype))


def open_to_read(path: Path | str) -> sqlite3.Connection:
    """
    A connection that cannot write, also to a file in a folder that cannot be written.

    Raises
    ------
    ReadError
        If the file is missing, empty or not a GeoPackage.
    """
    path = Path(path)
    if path.is_dir():
        raise ReadError(f"{path} is a folder. Name the .gpkg file in it.")
    if not path.exists():
        raise ReadError(f"{path} is not there. Look at the path.")
    if not path.stat().st_size:
        raise ReadError(f"{path} is empty (0 bytes). Ask for it again, or write it anew.")
    log = path.with_name(f"{path.name}-wal")
    has_log = log.exists() and log.stat().st_size > 0
    # An `immutable` database is read without its lock files, which a read-only folder cannot have; and without its log.
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        if has_log and "immutable" in mode:
            raise ReadError(
                f"{path} cannot be read whole: its last changes still lie in {log.name}, and this folder is read-only. Open the "
                "file once where it may be written (or ask who keeps it to close it), then copy it: citygis backup."
            )
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True)
        try:
            connection.execute("SELECT count(*) FROM gpkg_contents").fetchone()
            return connection
        except sqlite3.DatabaseError as error:
            connection.close()
            problem = error
    raise ReadError(f"{path} is not a GeoPackage that can be read: {problem}. Open it in a desktop GIS, or ask for it again.")


@contextlib.contextmanager
def _told(path: Path | str) -> Iterator[None]:
    """SQLite's errors as one of ours."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be written: {error}. Nothing was changed.") from error
