"""
How a GeoPackage's tables are changed.

SQLite changes a declared type only by writing its own list of tables (https://www.sqlite.org/lang_altertable.html, section 7):
allowed here because none of these changes touches how a value is stored, a whole number in a column of doubles included.
"""

import re

from citygis.errors import StoreError
from citygis.gpkg import Column, quoted
from citygis.schema import Layer, Schema
from citygis.store import geopackage
from citygis.store.geopackage import GeoPackageTransaction
from citygis.store.layout import history_index_statements, history_of, index_statements


def add_layer(work: GeoPackageTransaction, layer: Layer, schema: Schema) -> None:
    """Make a layer's tables, in the system of the other layers."""
    found = work.rows(
        "SELECT srs_id FROM gpkg_contents WHERE data_type = 'features' AND table_name IN "
        f"({', '.join('?' * len(schema.layers))}) LIMIT 1",
        *schema.layers,
    )
    if not found and layer.geometry != "None":
        raise StoreError(f"The store has no layer whose coordinate system {layer.layer} could take. Restore a backup.")
    geopackage.add_layer(work.connection, layer, found[0][0] if found else 0)


def drop_layer(work: GeoPackageTransaction, layer: str) -> None:
    """Take a layer's tables away, and what the standard's tables say of it."""
    table = work.table(layer)
    for name in (layer, history_of(layer), *([f"rtree_{layer}_{table.geometry_column}"] if table.geometry_column else [])):
        work.run(f"DROP TABLE IF EXISTS {quoted(name)}")
    for listed in ("gpkg_extensions", "gpkg_data_columns", "gpkg_geometry_columns", "gpkg_ogr_contents", "gpkg_contents"):
        work.run(f"DELETE FROM {listed} WHERE table_name = ?", layer)
    work.run("DELETE FROM gpkg_data_column_constraints WHERE constraint_name LIKE ? || '.%'", layer)


def add_column(work: GeoPackageTransaction, table: str, column: Column) -> None:
    """Add a column without values; nothing to do where it is there."""
    if column.name not in _columns(work, table):
        work.run(f"ALTER TABLE {quoted(table)} ADD COLUMN {quoted(column.name)} {column.sql}")


def drop_column(work: GeoPackageTransaction, table: str, column: str) -> None:
    """Take a column away."""
    if column in _columns(work, table):
        work.run(f"ALTER TABLE {quoted(table)} DROP COLUMN {quoted(column)}")
        work.run("DELETE FROM gpkg_data_columns WHERE table_name = ? AND column_name = ?", table, column)


def retype(work: GeoPackageTransaction, table: str, before: Column, after: Column) -> None:
    """Change the type that a column declares."""
    (sql,) = work.rows("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table)[0]
    pattern = re.compile(re.escape(quoted(before.name)) + r"\s+[A-Za-z_]+(\s*\(\s*\d+\s*\))?")
    changed, n = pattern.subn(f"{quoted(after.name)} {after.sql}".replace("\\", "\\\\"), sql)
    if n != 1:
        raise StoreError(f"{table}.{before.name} is not declared as citygis declares it, so its type is left. Restore a backup.")
    if changed == sql:
        return
    (version,) = work.rows("PRAGMA schema_version")[0]
    work.run("PRAGMA writable_schema = ON")
    work.run("UPDATE sqlite_master SET sql = ? WHERE type = 'table' AND name = ?", changed, table)
    work.run(f"PRAGMA schema_version = {version + 1}")
    work.run("PRAGMA writable_schema = RESET")


def describe(work: GeoPackageTransaction, layer: Layer) -> None:
    """Titles, descriptions and domains as the schema has them."""
    work.run("DELETE FROM gpkg_data_columns WHERE table_name = ?", layer.layer)
    work.run("DELETE FROM gpkg_data_column_constraints WHERE constraint_name LIKE ? || '.%'", layer.layer)
    columns, codes = described(layer, set(_columns(work, layer.layer)))
    work.run_many(
        "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description, constraint_name) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        columns,
    )
    work.run_many(
        "INSERT INTO gpkg_data_column_constraints (constraint_name, constraint_type, value, description) VALUES (?, 'enum', ?, ?)",
        codes,
    )


def is_described(work: GeoPackageTransaction, layer: Layer) -> bool:
    """Whether titles, descriptions and domains are as the schema has them."""
    columns, codes = described(layer, set(_columns(work, layer.layer)))
    held = work.rows(
        "SELECT table_name, column_name, name, title, description, constraint_name FROM gpkg_data_columns WHERE table_name = ?",
        layer.layer,
    )
    listed = work.rows(
        "SELECT constraint_name, value, description FROM gpkg_data_column_constraints WHERE constraint_name LIKE ? || '.%'",
        layer.layer,
    )
    return set(held) == set(columns) and set(listed) == set(codes)


def described(layer: Layer, there: set[str]) -> tuple[list[tuple], list[tuple]]:
    """The rows of ``gpkg_data_columns`` and of ``gpkg_data_column_constraints`` for the columns that are there."""
    columns, codes = [], []
    for field in layer.fields:
        if field.name not in there:
            continue
        domain = f"{layer.layer}.{field.name}" if field.domain else None
        title = field.title or field.name.replace("_", " ").capitalize()
        columns.append((layer.layer, field.name, field.name, title, field.description, domain))
        codes += [(domain, code, label) for code, label in (field.domain or {}).items()]
    return columns, codes


def indexes(layer: Layer, table) -> dict[str, str]:
    """The statements that make a layer's indexes, by their names."""
    return {sql.split('"')[1]: sql for sql in (*index_statements(layer), *history_index_statements(table))}


def index_names(work: GeoPackageTransaction) -> set[str]:
    """The names of the indexes there are."""
    return {name for (name,) in work.rows("SELECT name FROM sqlite_master WHERE type = 'index'")}


def _columns(work: GeoPackageTransaction, table: str) -> list[str]:
    return [row[1] for row in work.rows(f"PRAGMA table_info({quoted(table)})")]
