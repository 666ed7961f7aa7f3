"""City GeoPackages: one file of layers that every desktop GIS opens, written and read with their schema."""

from citygis.gpkg.blobs import add_functions, decode, encode, single
from citygis.gpkg.columns import Column, Table, columns_of, conform, declared, from_sql, to_sql
from citygis.gpkg.file import (
    CHUNK_ROWS,
    STORED_TYPE,
    LayerInfo,
    connect,
    geometry_type_of,
    layers_of,
    open_to_read,
    read_geopackage,
    write_geopackage,
)
from citygis.gpkg.rtree import drop_triggers, make_triggers
from citygis.gpkg.tables import add_srs, create_file, create_table, insert_rows, place_rows, quoted, table_of, touch

__all__ = [
    "CHUNK_ROWS",
    "STORED_TYPE",
    "Column",
    "LayerInfo",
    "Table",
    "add_functions",
    "add_srs",
    "columns_of",
    "conform",
    "connect",
    "create_file",
    "create_table",
    "declared",
    "decode",
    "drop_triggers",
    "encode",
    "from_sql",
    "geometry_type_of",
    "insert_rows",
    "layers_of",
    "make_triggers",
    "open_to_read",
    "place_rows",
    "quoted",
    "read_geopackage",
    "single",
    "table_of",
    "to_sql",
    "touch",
    "write_geopackage",
]
