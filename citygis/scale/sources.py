"""
What is partitioned: GeoParquet files and GeoPackages as one stream of Arrow tables, each row with its bounds.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import shapely
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from citygis.errors import CRSError, ReadError, SchemaError

CHUNK = 65_536
"""Rows held at a time while a source is read."""

BBOX = "bbox"
"""The column of bounds, a struct ``xmin, ymin, xmax, ymax``, as GeoParquet 1.1 covers a geometry column."""

CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Source:
    """
    One file of one layer.

    Attributes
    ----------
    path : Path
    layer : str or None
        Of a GeoPackage.
    geometry : str
        The name of its geometry column.
    crs : CRS
    schema : pyarrow.Schema
        The attributes, without geometry and bounds, in plain types.
    rows : int
    covering : str or None
        The column of bounds that the file has already.
    """

    path: Path
    layer: str | None
    geometry: str
    crs: CRS
    schema: pa.Schema
    rows: int
    covering: str | None = None

    def bounds(self) -> Iterator[np.ndarray]:
        """The bounds of its rows, chunk by chunk: (k, 4), not a number where there is no place."""
        columns = [self.covering or self.geometry]
        for table in self._tables(columns):
            column = table.column(0)
            yield struct_bounds(column) if self.covering else wkb_bounds(column)

    def tables(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """Its rows as tables with the columns of `schema` (null where it has none) and then ``geometry`` (WKB)."""
        for table in self._tables(None):
            columns = []
            for field in schema:
                has = field.name in table.column_names
                columns.append(_plain(table.column(field.name)).cast(field.type) if has else pa.nulls(len(table), field.type))
            blobs = _plain(table.column(self.geometry)).cast(pa.binary())
            yield pa.table([*columns, blobs], names=[*schema.names, "geometry"])

    def _tables(self, columns: list[str] | None) -> Iterator[pa.Table]:
        """Some columns, or all, at most `CHUNK` rows at a time."""
        try:
            if self.layer is None:
                with pq.ParquetFile(self.path) as file:
                    for batch in file.iter_batches(CHUNK, columns=columns):
                        yield pa.Table.from_batches([batch])
            else:
                import pyogrio

                wanted = [] if columns else None
                with pyogrio.open_arrow(self.path, layer=self.layer, columns=wanted, batch_size=CHUNK, use_pyarrow=True) as stream:
                    for batch in stream[1]:
                        yield pa.Table.from_batches([batch]).select(columns or batch.schema.names)
        except (pa.ArrowException, OSError, RuntimeError) as error:
            raise ReadError(f"{self.path} cannot be read: {error}. Ask the sender for it again.") from None


def sources_of(paths: Sequence[Path | str], *, layer: str | None = None) -> list[Source]:
    """
    Files that may be partitioned together.

    Parameters
    ----------
    paths : sequence of path
        GeoParquet files (``.parquet``, ``.geoparquet``) and GeoPackages.
    layer : str, optional
        Which layer of a GeoPackage that has several.

    Raises
    ------
    ReadError
        If there is none, or one cannot be read.
    CRSError
        If a file has no CRS, or files differ.
    SchemaError
        If a column has one type here and another there, or a name that a dataset needs for itself.
    """
    if not paths:
        raise ReadError("No file was given. Name one GeoParquet file or GeoPackage, or several of one layer.")
    found = [
        _parquet(Path(path)) if Path(path).suffix in (".parquet", ".geoparquet") else _package(Path(path), layer) for path in paths
    ]
    for each in found[1:]:
        if not each.crs.equals(found[0].crs, ignore_axis_order=True):
            raise CRSError(
                f"{found[0].path} is in {found[0].crs.name} and {each.path} in {each.crs.name}. "
                "Convert them to one system first: citygis convert FILE --to LAYER."
            )
    return found


def columns_of(sources: Sequence[Source]) -> pa.Schema:
    """The columns of all sources, those of the first first. Errors as `sources_of`."""
    fields: dict[str, tuple[pa.Field, Path]] = {}
    for source in sources:
        for field in source.schema:
            have = fields.get(field.name)
            if have is None or pa.types.is_null(have[0].type):
                fields[field.name] = (field, source.path)
            elif have[0].type != field.type and not pa.types.is_null(field.type):
                raise SchemaError(
                    f"Column {field.name} is {have[0].type} in {have[1]} and {field.type} in {source.path}. "
                    "Convert both to the City's layer first: citygis convert FILE --to LAYER."
                )
    return pa.schema([field for field, _ in fields.values()])


def struct_bounds(column: pa.ChunkedArray) -> np.ndarray:
    """A column of bounds as an array: (n, 4), not a number where one is null."""
    corners = [pc.struct_field(column, name) for name in CORNERS]
    return np.stack([each.cast(pa.float64()).to_numpy(zero_copy_only=False) for each in corners], axis=1).reshape(-1, 4)


def wkb_bounds(column: pa.ChunkedArray) -> np.ndarray:
    """The bounds of geometries from their WKB: (n, 4), not a number where there is no place or a coordinate is not finite."""
    shapes = shapely.from_wkb(_plain(column).to_numpy(zero_copy_only=False), on_invalid="ignore")
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    places, owner = shapely.get_coordinates(shapes, return_index=True)
    bounds[owner[~np.isfinite(places).all(axis=1)]] = np.nan
    return bounds


def _parquet(path: Path) -> Source:
    try:
        with pq.ParquetFile(path) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
        about = json.loads((schema.metadata or {}).get(b"geo", b"null"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ReadError(f"{path} cannot be read as GeoParquet: {error}. Ask the sender for it again.") from None
    if about is None:
        raise ReadError(f"{path} is a table without geometry. Only layers with geometry can be partitioned.")
    name = about.get("primary_column")
    column = about.get("columns", {}).get(name)
    if column is None or name not in schema.names or column.get("encoding") != "WKB":
        raise ReadError(f"{path} has no geometry column in WKB. Ask the sender for one, or convert it first.")
    covering = (column.get("covering") or {}).get("bbox", {}).get("xmin", [None])[0]
    others = {name, *about["columns"], covering}
    if covering is not None and not pa.types.is_float64(schema.field(covering).type.field("xmin").type):
        covering = None  # rounded, to half a foot where northings have seven digits: it does not tell what is near
    crs = CRS.from_user_input("OGC:CRS84")  # what a column without "crs" is in, GeoParquet 1.1.0, "crs"
    if "crs" in column:
        crs = _stated(path, column["crs"])
    return Source(path, None, name, crs, _attributes(path, schema, others), rows, covering)


def _package(path: Path, layer: str | None) -> Source:
    import pyogrio
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        names = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        if layer is None and len(names) != 1:
            raise ReadError(f"{path} has {len(names)} layers: {', '.join(names)}. Say which with --layer.")
        layer = layer or names[0]
        with pyogrio.open_arrow(path, layer=layer, use_pyarrow=True) as (about, stream):
            schema = stream.schema
        rows = pyogrio.read_info(path, layer=layer, force_feature_count=True)["features"]
    except (DataSourceError, DataLayerError, OSError) as error:
        raise ReadError(f"{path} cannot be read as a GeoPackage: {error}. Look at the path and at --layer.") from None
    geometry = about["geometry_name"] or "wkb_geometry"
    if about["crs"] is None:
        _stated(path, None)
    return Source(path, layer, geometry, _stated(path, about["crs"]), _attributes(path, schema, {geometry}), rows)


def _stated(path: Path, says) -> CRS:
    """The CRS that a file states, or an error."""
    try:
        if says is not None:
            return CRS.from_user_input(says)
    except ProjCRSError:
        pass
    raise CRSError(f"{path} has no CRS. Ask the sender, then state it with citygis convert --source-crs. citygis never guesses.")


def _attributes(path: Path, schema: pa.Schema, others: set) -> pa.Schema:
    """The columns beside the geometry, in plain types."""
    fields = [pa.field(field.name, _plain_type(field.type)) for field in schema if field.name not in others]
    for field in fields:
        if field.name in (BBOX, "geometry", "citygis_row", "citygis_rank"):
            raise SchemaError(
                f"{path} has an attribute called {field.name}, which a dataset needs for itself. Rename it, "
                "or partition the files that it was made from."
            )
    return pa.schema(fields)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return pa.binary() if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind) else kind


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=column.type.storage_type)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(_plain_type(column.type))
