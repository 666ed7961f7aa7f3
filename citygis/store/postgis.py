"""
A store in a PostGIS database: rows in by binary COPY, geometries as extended well-known binary.
"""

import contextlib
import datetime
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import CRS

from citygis.errors import SchemaError, StoreError
from citygis.gpkg import STORED_TYPE, Column, LayerInfo, Table, quoted, single
from citygis.schema import Layer, Schema
from citygis.schema.frames import DTYPES
from citygis.store.binary_copy import HEADER, TRAILER, binary_rows
from citygis.store.database import Database, Transaction
from citygis.store.ewkb import extended
from citygis.store.layout import (
    CS_TO,
    STORE_VERSION,
    history_index_statements,
    history_of,
    index_statements,
    require_layers,
    require_versions,
    store_statements,
    stored_columns,
)
from citygis.store.server_errors import advice

_TYPES = {"integer": "bigint", "double": "double precision", "date": "date", "datetime": "timestamptz"}
_SQL = {
    "text": "text",
    "uuid": "varchar(36)",
    "double": "double precision",
    "integer": "bigint",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
    "bytes": "bytea",
}
_COPY = {"text": "text", "uuid": "text", "double": "float8", "integer": "int8", "boolean": "bool", "bytes": "bytea"}
_FIELD_TYPES = {
    "text": "text",
    "character varying": "text",
    "double precision": "double",
    "bigint": "integer",
    "integer": "integer",
    "boolean": "boolean",
    "date": "date",
    "timestamp with time zone": "datetime",
    "bytea": "bytes",
}
_BLOCK_BYTES = 1 << 20
_READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_FIRST_OWN_SRID = 910_000


class PostGISTransaction(Transaction):
    """A transaction on a PostGIS database, by a connection of psycopg."""

    def __init__(self, connection) -> None:
        self.connection = connection
        self._many = False

    def rows(self, sql: str, *values: object) -> list[tuple]:
        with self.connection.cursor(binary=True) as cursor:
            return cursor.execute(_formatted(sql), values or None).fetchall()

    def chunks(self, sql: str, size: int) -> Iterator[list[tuple]]:
        with self.connection.cursor(name="citygis_rows", binary=True) as cursor:
            cursor.execute(_formatted(sql))
            while some := cursor.fetchmany(size):
                yield some

    def run(self, sql: str, *values: object) -> int:
        with self.connection.cursor() as cursor:
            return cursor.execute(_formatted(sql), values or None).rowcount

    def run_many(self, sql: str, rows: Sequence[Sequence]) -> None:
        with self.connection.cursor() as cursor:
            cursor.executemany(_formatted(sql), list(rows))

    def table(self, layer: str) -> Table:
        listed = self.rows(
            "SELECT a.attname, format_type(a.atttypid, NULL), CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END "
            "FROM pg_attribute a WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            quoted(layer),
        )
        if not listed:
            raise KeyError(layer)
        kinds = {name: kind for name, kind, _ in listed}
        shape = next((name for name, kind in kinds.items() if kind.endswith("geometry")), None)
        columns = tuple(
            Column(name, _FIELD_TYPES.get(kind, "text"), length if kind == "character varying" else None)
            for name, kind, length in listed
            if name not in ("fid", shape)
        )
        if shape is None:
            return Table(layer, columns)
        kind, srid = self.rows(
            "SELECT type, srid FROM geometry_columns WHERE f_table_schema = current_schema() AND f_table_name = ?", layer
        )[0]
        return Table(layer, columns, shape, kind, srid)

    def cells(self, values: pd.Series, column: Column) -> list:
        if values.isna().all():
            return [None] * len(values)
        if column.type == "date":
            return [None if day is pd.NaT else day for day in values.dt.date]
        if column.type == "datetime":
            moments, which = np.unique(values.dt.tz_localize(None).to_numpy().astype("datetime64[us]"), return_inverse=True)
            known = [None if np.isnat(m) else m.item().replace(tzinfo=datetime.UTC) for m in moments]
            return [known[i] for i in which]
        if column.type == "bytes":
            return [None if value is None else bytes(value) for value in values.where(values.notna(), None)]
        return values.astype(object).where(values.notna(), None).tolist()

    def series(self, cells: Sequence, column: Column) -> pd.Series:
        dtype = object if column.type == "bytes" else DTYPES[column.type]
        if column.type == "datetime":
            return pd.Series(pd.to_datetime(list(cells), utc=True)).astype(dtype)
        if column.type == "date":
            return pd.Series(np.array(list(cells), dtype="datetime64[D]")).astype(dtype)
        return pd.Series(list(cells), dtype=dtype)

    def encoded(self, shapes: np.ndarray, table: Table) -> list[bytes | None]:
        return extended(shapes, table.srs_id, table.geometry_type)

    def decoded(self, blobs: Sequence[bytes | None]) -> np.ndarray:
        return single(shapely.set_srid(shapely.from_wkb(np.array(list(blobs), dtype=object)), 0))

    def open_edit(self, table: Table) -> None:
        for name in (table.name, history_of(table.name)):
            self.run(f"LOCK TABLE {quoted(name)} IN SHARE ROW EXCLUSIVE MODE")

    def close_edit(self, table: Table, at: pd.Timestamp) -> None:
        name, past = quoted(table.name), quoted(history_of(table.name))
        last = f"(SELECT max(fid) FROM (SELECT max(fid) AS fid FROM {name} UNION ALL SELECT max(fid) FROM {past}) AS n)"
        self.run(f"SELECT setval(pg_get_serial_sequence(?, 'fid'), coalesce({last}, 1))", name)
        if self._many:
            self.run(f"ANALYZE {quoted(table.name)}")
            self._many = False

    def place(self, table: Table, fids: np.ndarray, shapes: np.ndarray) -> None:
        """Nothing to do: the database keeps its index itself."""

    def bounds(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        shape = quoted(table.geometry_column)
        sides = ", ".join(f"ST_{side}({shape})" for side in ("XMin", "YMin", "XMax", "YMax"))
        sql = f"SELECT fid, {sides} FROM {quoted(table.name)} WHERE NOT ST_IsEmpty({shape}) ORDER BY fid"
        rows = np.array(self.rows(sql), dtype=float).reshape(-1, 5)
        return rows[:, 0].astype(np.int64), rows[:, 1:]

    def fill(self, name: str, columns: Sequence[Column], rows: Iterator[tuple]) -> None:
        names = ", ".join(quoted(column.name) for column in columns)
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {quoted(name)} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            # PostGIS takes extended well-known binary as the binary form of its type, so a geometry goes as bytes.
            copy.set_types([_COPY.get(column.type) or _SQL[column.type] for column in columns])
            for row in rows:
                copy.write_row(row)

    def fill_columns(self, name: str, columns: Sequence[Column], chunks: Iterator[Sequence[Sequence]]) -> None:
        names = ", ".join(quoted(column.name) for column in columns)
        with self.connection.cursor() as cursor, cursor.copy(f"COPY {quoted(name)} ({names}) FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(HEADER)
            for cells in chunks:
                rows = binary_rows(columns, cells)
                for start in range(0, len(rows), _BLOCK_BYTES):
                    copy.write(rows[start : start + _BLOCK_BYTES])
            copy.write(TRAILER)

    def next_fid(self, table: Table) -> int:
        name, past = quoted(table.name), quoted(history_of(table.name))
        last = f"SELECT greatest((SELECT max(fid) FROM {name}), (SELECT max(fid) FROM {past}), "
        last += "pg_sequence_last_value(pg_get_serial_sequence(?, 'fid')::regclass))"
        return (self.rows(last, name)[0][0] or 0) + 1

    def drop_indexes(self, layer: Layer) -> None:
        for name in ("key", "global_id", "geom"):
            self.run(f'DROP INDEX IF EXISTS "{layer.layer}_{name}"')

    def make_indexes(self, layer: Layer) -> None:
        for statement in _index_statements(layer):
            self.run(statement)
        self._many = True


class PostGIS(Database):
    """
    A store in a PostGIS database, in the first schema of its search path.

    The password comes from PGPASSWORD, ``~/.pgpass`` or a service file; no message and no log has it.
    """

    def __init__(self, address: str, *, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        parts = urlsplit(address)
        self.place = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    def exists(self) -> bool:
        with self._connected() as connection:
            return bool(connection.execute("SELECT to_regclass('citygis_meta')").fetchone()[0])

    def create(self, schema: Schema, crs) -> None:
        with self._connected() as connection:
            work = PostGISTransaction(connection)
            for statement in ("SELECT pg_advisory_xact_lock(716401)", "CREATE EXTENSION IF NOT EXISTS postgis"):
                work.run(statement)
            if work.rows("SELECT to_regclass('citygis_meta')")[0][0]:
                return
            taken = [name for name in schema.layers if work.rows("SELECT to_regclass(?)", quoted(name))[0][0]]
            if taken:
                raise StoreError(
                    f"{self.place} has tables {', '.join(taken)} that citygis did not make. Name an empty database in city.toml "
                    "(`store`), or another schema: ?options=-csearch_path%3DNAME%2Cpublic. Nothing was changed."
                )
            srid = _srid(work, crs)
            for statement in store_statements(_TYPES):
                work.run(statement)
            rows = [("store_version", str(STORE_VERSION)), ("schema_version", str(schema.version))]
            work.run_many("INSERT INTO citygis_meta VALUES (?, ?)", rows)
            work.run(_KEEPS)
            for layer in schema.layers.values():
                add_layer(work, layer, srid)
            connection.commit()

    def require(self, schema: Schema, crs) -> None:
        with self.reading() as work:
            require_versions(dict(work.rows("SELECT key, value FROM citygis_meta")), self.place, schema)
            require_layers({name for (name,) in work.rows(_TABLES)}, self.place, schema)
            spatial = next((name for name, layer in schema.layers.items() if layer.geometry != "None"), None)
            if spatial is None:
                return
            srid = work.table(spatial).srs_id
            ((text, authority, code),) = work.rows(
                "SELECT srtext, auth_name, auth_srid FROM spatial_ref_sys WHERE srid = ?", srid
            ) or [("", None, None)]
            stored = CRS.from_user_input(f"{authority}:{code}" if authority in ("EPSG", "ESRI") else text)
            if stored != CRS.from_user_input(crs):
                raise StoreError(
                    f"{self.place} is in {stored.name}, but city.toml says {crs.name}. Correct `crs` there; citygis never guesses."
                )

    @contextlib.contextmanager
    def reading(self) -> Iterator[PostGISTransaction]:
        import psycopg

        with self._connected() as connection:
            connection.execute(_READ_ONLY)
            try:
                # A restore replaces the tables: the snapshot, taken by the first query, must not be older than they are.
                connection.execute("LOCK TABLE citygis_meta IN ACCESS SHARE MODE")
            except psycopg.errors.UndefinedTable:  # no store yet
                connection.rollback()
                connection.execute(_READ_ONLY)
            yield PostGISTransaction(connection)

    @contextlib.contextmanager
    def writing(self) -> Iterator[PostGISTransaction]:
        with self._connected() as connection:
            connection.execute(f"SET lock_timeout = {max(1, int(self._timeout_s * 1000))}")
            connection.execute("LOCK TABLE citygis_change IN SHARE ROW EXCLUSIVE MODE")
            work = PostGISTransaction(connection)
            yield work
            if work.is_abandoned:
                connection.rollback()
            else:
                _commit(connection, self.place)

    def layers(self) -> list[LayerInfo]:
        with self.reading() as work:
            names = [name for (name,) in work.rows(_TABLES)]
            tables = [work.table(name) for name in names if not name.startswith("citygis_") and not name.endswith("_hist")]
            counts = [work.rows(f"SELECT count(*) FROM {quoted(table.name)}")[0][0] for table in tables]
        return [LayerInfo(table.name, table.geometry_type, rows) for table, rows in zip(tables, counts, strict=True)]

    def read(self, layer: Layer, *, columns: Sequence[str], bbox=None, up_to: int | None = None):
        with self.reading() as work:
            table = work.table(layer.layer)
            known = {column.name: column for column in table.columns}
            missing = [name for name in columns if name not in known]
            if missing:
                raise SchemaError(f"{self.place}, layer {layer.layer}: no column {', '.join(missing)}. It has: {', '.join(known)}.")
            taken = ["fid", *columns, *([table.geometry_column] if table.geometry_column else [])]
            conditions, values = ["true"], []
            if bbox is not None and table.geometry_column:
                conditions.append(f"ST_Intersects({quoted(table.geometry_column)}, ST_MakeEnvelope(?, ?, ?, ?, ?))")
                values += [*map(float, bbox), table.srs_id]
            if up_to is not None:
                conditions.append("coalesce(cs_from, 0) <= ?")
                values.append(up_to)
            sql = f"SELECT {', '.join(map(quoted, taken))} FROM {quoted(table.name)} WHERE {' AND '.join(conditions)} ORDER BY fid"
            rows = work.rows(sql, *values)
            cells = list(zip(*rows, strict=True)) if rows else [()] * len(taken)
            frame = pd.DataFrame({name: work.series(v, known[name]) for name, v in zip(columns, cells[1:], strict=False)})
            frame.index = pd.Index(np.array(cells[0], dtype=np.int64), name="fid")
            if table.geometry_column is None:
                return frame
            crs = CRS.from_user_input(_crs_of(work, table.srs_id))
            return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(work.decoded(cells[-1]), index=frame.index, crs=crs))

    @contextlib.contextmanager
    def _connected(self) -> Iterator:
        try:
            import psycopg
        except ImportError:
            raise StoreError(f'{self.place}: the PostGIS driver is not installed. Type: pip install "citygis[postgis]"') from None
        try:
            with psycopg.connect(self._address, connect_timeout=max(2, int(self._timeout_s))) as connection:
                connection.execute("SET TIME ZONE 'UTC'")
                try:
                    yield connection
                finally:
                    # What was not committed by hand is not kept.
                    if not connection.closed:
                        connection.rollback()
        except psycopg.Error as error:
            raise StoreError(f"{self.place}: {advice(error)} Nothing was changed.") from None


def add_layer(work: PostGISTransaction, layer: Layer, srid: int) -> None:
    """Make a layer's table, empty, with its indexes and its history."""
    columns = stored_columns(layer)
    shape = []
    if layer.geometry != "None":
        kind = STORED_TYPE[layer.geometry]
        # No type modifier: it would refuse heights. `geometry_columns` reads type and system from these constraints.
        shape = [
            f"geom geometry CHECK (st_srid(geom) = {srid}) CHECK (geometrytype(geom) = '{kind}' OR geometrytype(geom) = '{kind}M')"
        ]
    named = [f"{quoted(column.name)} {sql_type(column)}" for column in columns]
    parts = ["fid bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", *shape, *named]
    work.run(f"CREATE TABLE {quoted(layer.layer)} ({', '.join(parts)})")
    work.run(f"COMMENT ON TABLE {quoted(layer.layer)} IS {_literal(f'{layer.title}. {layer.description}')}")
    for field in layer.fields:
        if field.description:
            work.run(f"COMMENT ON COLUMN {quoted(layer.layer)}.{quoted(field.name)} IS {_literal(field.description)}")
    for statement in _index_statements(layer):
        work.run(statement)
    past = history_of(layer.layer)
    own = [
        "version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        "fid bigint NOT NULL",
        *(["geom geometry"] if shape else []),
    ]
    work.run(f"CREATE TABLE {quoted(past)} ({', '.join([*own, *named, 'cs_to bigint'])})")
    for statement in history_index_statements(Table(layer.layer, (*columns, CS_TO))):
        work.run(statement)
    work.run(
        f'CREATE TRIGGER "{past}_keeps" BEFORE UPDATE OR DELETE OR TRUNCATE ON {quoted(past)} '
        "FOR EACH STATEMENT EXECUTE FUNCTION citygis_keeps()"
    )


_TABLES = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' "
    "AND EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('cs_from', 'fid') AND NOT a.attisdropped) "
    "ORDER BY c.oid"
)
_KEEPS = """
CREATE OR REPLACE FUNCTION citygis_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'history is only added to'; END $$
"""


def _commit(connection, place: str) -> None:
    """Keep what was done. A connection lost just then leaves it unsaid whether the server had heard."""
    try:
        connection.commit()
    except Exception:
        if not connection.broken:
            raise
        raise StoreError(
            f"{place}: the connection was lost while the change was being kept, and it is not known whether it was. Look at the "
            "store's last change (citygis history) before you try again."
        ) from None


def sql_type(column: Column) -> str:
    """A column's type in PostgreSQL's words."""
    return f"varchar({column.length})" if column.length and column.type == "text" else _SQL[column.type]


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _index_statements(layer: Layer) -> list[str]:
    statements = index_statements(layer)
    if layer.geometry != "None":
        statements.append(f'CREATE INDEX "{layer.layer}_geom" ON "{layer.layer}" USING gist (geom)')
    return statements


def _formatted(sql: str) -> str:
    return sql.replace("%", "%%").replace("?", "%s") if "?" in sql else sql


def _srid(work: PostGISTransaction, crs) -> int:
    """The database's number of a coordinate system, entered there when it is new."""
    crs = CRS.from_user_input(crs)
    authority, code = crs.to_authority(min_confidence=100) or (None, None)
    if authority and code.isdigit():
        held = work.rows("SELECT srid FROM spatial_ref_sys WHERE auth_name = ? AND auth_srid = ?", authority, int(code))
        if held:
            return held[0][0]
    text = crs.to_wkt("WKT1_GDAL")
    held = work.rows("SELECT srid FROM spatial_ref_sys WHERE srtext = ?", text)
    if held:
        return held[0][0]
    taken = work.rows("SELECT max(srid) FROM spatial_ref_sys WHERE srid >= ?", _FIRST_OWN_SRID)[0][0]
    srid = (taken or _FIRST_OWN_SRID - 1) + 1
    known = (authority, int(code)) if authority and code.isdigit() else ("NONE", srid)
    work.run(
        "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) VALUES (?, ?, ?, ?, ?)", srid, *known, text, ""
    )
    return srid


def _crs_of(work: PostGISTransaction, srid: int) -> str:
    ((authority, code, text),) = work.rows("SELECT auth_name, auth_srid, srtext FROM spatial_ref_sys WHERE srid = ?", srid)
    return f"{authority}:{code}" if authority in ("EPSG", "ESRI") else text
