"""
GeoParquet: columns through Arrow, geometry row by row like every other format's, the frame from the file's own metadata.

Metadata as in the GeoParquet 1.1.0 specification, "File metadata": a column without ``crs`` is OGC:CRS84, one whose ``crs`` is null
has none.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from citygis.errors import ReadError
from citygis.readers.formats import Dataset
from citygis.readers.ogr import frame
from citygis.readers.raw import Raw, sagitta_in
from citygis.readers.wkb import geometries


def read_parquet(dataset: Dataset, *, source_crs: CRS | None = None) -> Raw:
    """
    A GeoParquet file, or a Parquet file without geometry.

    Raises
    ------
    ReadError
        If it is cut off, its metadata cannot be read, or its geometry is not WKB.
    """
    try:
        with pq.ParquetFile(dataset.path) as file:
            table = file.read()
            about = json.loads((file.schema_arrow.metadata or {}).get(b"geo", b"null"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ReadError(f"{dataset.shown} cannot be read as GeoParquet: {error}. Ask the sender for it again.") from None
    numbers = np.arange(1, table.num_rows + 1).astype(str).astype(object)
    if about is None:
        attributes, problems = frame(table)
        return Raw(attributes, None, numbers, None, "is a table without geometry", problems, [])
    name = about.get("primary_column")
    column = about.get("columns", {}).get(name)
    if column is None or name not in table.column_names:
        raise ReadError(
            f"{dataset.shown}: its metadata names a geometry column {name!r} that is not there. Ask the sender for it again."
        )
    if column.get("encoding") != "WKB":
        raise ReadError(f"{dataset.shown}: its geometry is encoded as {column.get('encoding')}; only WKB is read. Ask for that.")
    others = [other for other in about["columns"] if other != name and other in table.column_names]
    attributes, problems = frame(table.drop_columns([name, *others]))
    crs, says = _crs(column)
    shapes, more = geometries(
        np.array(table.column(name).cast(pa.binary()).to_pylist(), dtype=object), sagitta=sagitta_in(crs or source_crs)
    )
    notes = [f"Further geometry columns were left out: {', '.join(others)}."] if others else []
    return Raw(attributes, shapes, numbers, crs, says, sorted(problems + more), notes)


def is_spatial(dataset: Dataset) -> bool:
    """
    Whether the file has a geometry column.

    Raises
    ------
    ReadError
        If its footer cannot be read: it is cut off.
    """
    try:
        return b"geo" in (pq.read_schema(dataset.path).metadata or {})
    except (pa.ArrowException, OSError) as error:
        raise ReadError(f"{dataset.shown} cannot be read as GeoParquet: {error}. Ask the sender for it again.") from None


def _crs(column: dict) -> tuple[CRS | None, str]:
    if "crs" not in column:
        return CRS.from_user_input("OGC:CRS84"), "is GeoParquet without a stated system, which means WGS 84 longitude and latitude"
    if column["crs"] is None:
        return None, "states that its coordinate system is unknown"
    try:
        crs = CRS.from_json_dict(column["crs"])
    except (ProjCRSError, TypeError):
        return None, "states a coordinate system that PROJ cannot read"
    return crs, f"states {crs.name}"
