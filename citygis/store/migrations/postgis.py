"""
How the tables of a PostGIS store are changed.
"""

from citygis.errors import StoreError
from citygis.gpkg import Column, quoted
from citygis.schema import Layer, Schema
from citygis.store import postgis
from citygis.store.layout import history_index_statements, history_of, index_statements
from citygis.store.postgis import PostGISTransaction


def add_layer(work: PostGISTransaction, layer: Layer, schema: Schema) -> None:
    """Make a layer's tables, in the system of the other layers."""
    srid = None
    for name, other in schema.layers.items():
        if other.geometry != "None" and name != layer.layer and work.rows("SELECT to_regclass(?)", quoted(name))[0][0]:
            srid = work.table(name).srs_id
            break
    if srid is None and layer.geometry != "None":
        raise StoreError(f"The store has no layer whose coordinate system {layer.layer} could take. Restore a backup.")
    postgis.add_layer(work, layer, srid or 0)


def drop_layer(work: PostGISTransaction, layer: str) -> None:
    """Take a layer's tables away."""
    for name in (layer, history_of(layer)):
        work.run(f"DROP TABLE IF EXISTS {quoted(name)}")


def add_column(work: PostGISTransaction, table: str, column: Column) -> None:
    """Add a column without values; nothing to do where it is there."""
    work.run(f"ALTER TABLE {quoted(table)} ADD COLUMN IF NOT EXISTS {quoted(column.name)} {postgis.sql_type(column)}")


def drop_column(work: PostGISTransaction, table: str, column: str) -> None:
    """Take a column away."""
    work.run(f"ALTER TABLE {quoted(table)} DROP COLUMN IF EXISTS {quoted(column)}")


def retype(work: PostGISTransaction, table: str, before: Column, after: Column) -> None:
    """Change a column's type."""
    work.run(f"ALTER TABLE {quoted(table)} ALTER COLUMN {quoted(after.name)} TYPE {postgis.sql_type(after)}")


def describe(work: PostGISTransaction, layer: Layer) -> None:
    """Descriptions as the schema has them, as comments."""
    there = {column.name for column in work.table(layer.layer).columns}
    work.run(f"COMMENT ON TABLE {quoted(layer.layer)} IS {_literal(f'{layer.title}. {layer.description}')}")
    for field in layer.fields:
        if field.name in there:
            text = _literal(field.description) if field.description else "NULL"
            work.run(f"COMMENT ON COLUMN {quoted(layer.layer)}.{quoted(field.name)} IS {text}")


def is_described(work: PostGISTransaction, layer: Layer) -> bool:
    """Whether the comments are as the schema has them."""
    held = dict(
        work.rows(
            "SELECT a.attname::text, col_description(a.attrelid, a.attnum) FROM pg_attribute a "
            "WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped",
            quoted(layer.layer),
        )
    )
    return all((held[field.name] or "") == field.description for field in layer.fields if field.name in held)


def indexes(layer: Layer, table) -> dict[str, str]:
    """The statements that make a layer's indexes, by their names."""
    found = {sql.split('"')[1]: sql for sql in (*index_statements(layer), *history_index_statements(table))}
    if layer.geometry != "None":
        found[f"{layer.layer}_geom"] = f'CREATE INDEX "{layer.layer}_geom" ON "{layer.layer}" USING gist (geom)'
    return found


def index_names(work: PostGISTransaction) -> set[str]:
    """The names of the indexes there are."""
    return {name for (name,) in work.rows("SELECT indexname::text FROM pg_indexes WHERE schemaname = current_schema()")}


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
