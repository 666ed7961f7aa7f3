"""
What a store says, as counts and hashes: enough to tell whether two stores, a store and its backup, are the same.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from citygis.gpkg import quoted

if TYPE_CHECKING:
    import psycopg

BLOCK_ROWS = 5_000
"""Rows hashed together, column by column; part of what the hash means, like the order of the rows."""

_BINARY = ("BLOB", "GEOMETRY", "POINT", "LINESTRING", "POLYGON")


class TableContents(NamedTuple):
    """A table: its number of rows, and the SHA-256 of all its values in the order of its rows' numbers."""

    rows: int
    sha256: str


class Contents(NamedTuple):
    """
    All tables of a store by name, and the SHA-256 of what defines them: columns, constraints, indexes, triggers.

    The spatial index is no table here: it is checked by itself, and says nothing that the geometries do not.
    """

    tables: dict[str, TableContents]
    definitions: str


def geopackage_contents(connection: sqlite3.Connection) -> Contents:
    """
    What a GeoPackage says.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction, where others write at the same time.

    Returns
    -------
    Contents
        The same for two files that say the same, whatever pages their rows lie on.
    """
    listed = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
    ).fetchall()
    virtual = {name for kind, name, _, sql in listed if kind == "table" and sql.upper().startswith("CREATE VIRTUAL")}
    shadows = {f"{name}_{part}" for name in virtual for part in ("node", "rowid", "parent")}
    names = [name for kind, name, _, _ in listed if kind == "table" and name not in virtual | shadows]
    definitions = hashlib.sha256(repr([row for row in listed if row[1] not in shadows]).encode())
    return Contents({name: _table_contents(connection, name) for name in names}, definitions.hexdigest())


def postgis_contents(connection: "psycopg.Connection", schema: str, tables: Sequence[str]) -> Contents:
    """
    What tables of a PostGIS database say.

    Parameters
    ----------
    connection : psycopg.Connection
        In a transaction of isolation level repeatable read, where others write at the same time.
    schema : str
    tables : sequence of str
        Names in that schema. Others there are not a store's.

    Returns
    -------
    Contents
        Rows in the order of the primary key, or of their own text where there is none, as COPY writes them.
    """
    # Values as text are the same on every server only with the same settings.
    connection.execute(
        "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO'; SET LOCAL extra_float_digits = 1; "
        "SET LOCAL bytea_output = 'hex'; SET LOCAL intervalstyle = 'postgres'"
    )
    listed = connection.execute(
        "SELECT c.relname, c.oid, array(SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid "
        "AND a.attnum = ANY (i.indkey) WHERE i.indrelid = c.oid AND i.indisprimary ORDER BY a.attnum) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = ANY (%s) "
        "AND c.relkind = 'r' ORDER BY c.relname",
        (schema, list(tables)),
    ).fetchall()
    contents = {}
    for name, _, key in listed:
        # "C": the order of texts is that of their bytes, whatever the server's language.
        order = ", ".join(f"t.{quoted(column)}" for column in key) or 't::text COLLATE "C"'
        digest, rows = hashlib.sha256(), 0
        with connection.cursor() as cursor:
            place = f"{quoted(schema)}.{quoted(name)}"
            with cursor.copy(f"COPY (SELECT t.* FROM {place} t ORDER BY {order}) TO STDOUT") as lines:
                for line in lines:
                    digest.update(line)
                    rows += bytes(line).count(b"\n")
        contents[name] = TableContents(rows, digest.hexdigest())
    definitions = hashlib.sha256(repr(_postgis_definitions(connection, schema, [row[1] for row in listed])).encode())
    return Contents(contents, definitions.hexdigest())


def contents_compared(expected: Contents, found: Contents) -> pd.DataFrame:
    """
    Table by table, whether two stores say the same.

    Returns
    -------
    DataFrame
        Columns ``table, rows_expected, rows_found, same``; rows are missing (``Int64`` null) where a table is not there. The last
        row is the definitions, under the name ``(definitions)``, without rows.
    """
    lines = []
    for name in sorted({*expected.tables, *found.tables}):
        before, after = expected.tables.get(name), found.tables.get(name)
        lines.append((name, before and before.rows, after and after.rows, before == after))
    lines.append(("(definitions)", None, None, expected.definitions == found.definitions))
    frame = pd.DataFrame(lines, columns=["table", "rows_expected", "rows_found", "same"])
    return frame.astype({"table": "str", "rows_expected": "Int64", "rows_found": "Int64", "same": bool})


def _table_contents(connection: sqlite3.Connection, name: str) -> TableContents:
    declared = [row[2].upper() for row in connection.execute(f"PRAGMA table_info({quoted(name)})")]
    binary = [sql.endswith(_BINARY) for sql in declared]
    digest, rows = hashlib.sha256(repr(declared).encode()), 0
    cursor = connection.execute(f"SELECT * FROM {quoted(name)} ORDER BY rowid")
    while block := cursor.fetchmany(BLOCK_ROWS):
        rows += len(block)
        for is_binary, values in zip(binary, zip(*block, strict=True), strict=True):
            # Geometries are most of the bytes, and to spell them out is most of the time.
            if is_binary and all(value is None or isinstance(value, bytes) for value in values):
                digest.update(repr([None if value is None else len(value) for value in values]).encode())
                digest.update(b"".join(value for value in values if value is not None))
            else:
                digest.update(repr(values).encode("utf-8", "surrogatepass"))
    return TableContents(rows, digest.hexdigest())


def _postgis_definitions(connection: "psycopg.Connection", schema: str, tables: list[int]) -> list[tuple]:
    """What defines tables, as PostgreSQL spells it out; names without the schema, so that a copy elsewhere compares."""
    queries = (
        "SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, "
        "pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
        "WHERE a.attrelid = ANY (%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 2, 3",
        "SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = ANY (%s) ORDER BY 2, 3",
        "SELECT 'index', indrelid::regclass::text, indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = ANY (%s) ORDER BY 2, 3",
        "SELECT 'trigger', tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE tgrelid = ANY (%s) AND NOT tgisinternal ORDER BY 2, 3",
    )
    found = [row for query in queries for row in connection.execute(query, (tables,)).fetchall()]
    bare = (f"{schema}.", f"{quoted(schema)}.")
    return [tuple(_without(value, bare) for value in row) for row in found]


def _without(value: object, prefixes: tuple[str, ...]) -> object:
    for prefix in prefixes if isinstance(value, str) else ():
        value = value.replace(prefix, "")
    return value
