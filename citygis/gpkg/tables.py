"""
The tables of a GeoPackage: the ones its standard asks for, and those of layers.

OGC 12-128r17 (GeoPackage 1.3), clauses 1.1, 2.1 and annexes C and F.9 (schema extension). Written with plain SQL, so that a
file is the same, byte for byte, whenever the same rows go in.
"""

import datetime
import sqlite3
from collections.abc import Iterable

import numpy as np
import pandas as pd
from pyproj import CRS

from citygis.errors import CRSError
from citygis.gpkg.columns import Column, Table, declared
from citygis.gpkg.rtree import index_rows
from citygis.schema import Layer

APPLICATION_ID = 0x47504B47
"""'GPKG', the mark of a GeoPackage (OGC 12-128r17, requirement 2)."""
USER_VERSION = 10300
"""Version 1.3: the newest that desktop programs of 2021 open without a warning."""

UNDEFINED_CARTESIAN = -1
_FIRST_OWN_SRS = 100_000

_DDL = """
CREATE TABLE gpkg_spatial_ref_sys (srs_name TEXT NOT NULL, srs_id INTEGER NOT NULL PRIMARY KEY, organization TEXT NOT NULL,
  organization_coordsys_id INTEGER NOT NULL, definition TEXT NOT NULL, description TEXT);
CREATE TABLE gpkg_contents (table_name TEXT NOT NULL PRIMARY KEY, data_type TEXT NOT NULL, identifier TEXT UNIQUE,
  description TEXT DEFAULT '', last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ','now')),
  min_x DOUBLE, min_y DOUBLE, max_x DOUBLE, max_y DOUBLE, srs_id INTEGER,
  CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys(srs_id));
CREATE TABLE gpkg_geometry_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, geometry_type_name TEXT NOT NULL,
  srs_id INTEGER NOT NULL, z TINYINT NOT NULL, m TINYINT NOT NULL,
  CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name), CONSTRAINT uk_gc_table_name UNIQUE (table_name),
  CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents(table_name),
  CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id));
CREATE TABLE gpkg_extensions (table_name TEXT, column_name TEXT, extension_name TEXT NOT NULL, definition TEXT NOT NULL,
  scope TEXT NOT NULL, CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name));
CREATE TABLE gpkg_ogr_contents (table_name TEXT NOT NULL PRIMARY KEY, feature_count INTEGER DEFAULT NULL);
CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, description TEXT,
  mime_type TEXT, constraint_name TEXT, CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name),
  CONSTRAINT gdc_tn UNIQUE (table_name, name));
CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, value TEXT,
  min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT,
  CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value));
"""
_SCHEMA_EXTENSION = ("gpkg_schema", "http://www.geopackage.org/spec121/#extension_schema", "read-write")
_RTREE_EXTENSION = ("gpkg_rtree_index", "http://www.geopackage.org/spec120/#extension_rtree", "write-only")
_WKT_EXTENSION = ("gpkg_crs_wkt", "http://www.geopackage.org/spec120/#extension_crs_wkt", "read-write")


def quoted(name: str) -> str:
    """An SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def create_file(connection: sqlite3.Connection) -> None:
    """Make an empty database a GeoPackage 1.3."""
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {USER_VERSION}")
    for statement in _DDL.split(";\n"):
        connection.execute(statement)
    for table in ("gpkg_data_columns", "gpkg_data_column_constraints"):
        connection.execute("INSERT INTO gpkg_extensions VALUES (?, NULL, ?, ?, ?)", (table, *_SCHEMA_EXTENSION))
    required = [
        ("Undefined Cartesian SRS", -1, "NONE", -1, "undefined", "undefined Cartesian coordinate reference system"),
        ("Undefined geographic SRS", 0, "NONE", 0, "undefined", "undefined geographic coordinate reference system"),
    ]
    connection.executemany("INSERT INTO gpkg_spatial_ref_sys VALUES (?, ?, ?, ?, ?, ?)", required)
    add_srs(connection, CRS.from_epsg(4326))


def add_srs(connection: sqlite3.Connection, crs: CRS | None) -> int:
    """
    The ``srs_id`` of a coordinate system, entered in the file when it is new.

    Parameters
    ----------
    connection : sqlite3.Connection
    crs : CRS or None
        None is the standard's undefined Cartesian system.

    Returns
    -------
    int
        The EPSG or ESRI code where the definition is that code's, else a number from 100000.

    Raises
    ------
    CRSError
        If the system cannot be written as well-known text.
    """
    if crs is None:
        return UNDEFINED_CARTESIAN
    crs = CRS.from_user_input(crs)
    authority, code = crs.to_authority(min_confidence=100) or ("NONE", None)
    known = connection.execute(
        "SELECT srs_id, organization, organization_coordsys_id, srs_name, definition FROM gpkg_spatial_ref_sys"
    ).fetchall()
    definition, newer = _definition(crs)
    for srs_id, organization, number, name, text in known:
        same_code = organization.upper() == authority and str(number) == code
        if same_code or (code is None and name == crs.name and text == definition):
            return srs_id
    numeric = code is not None and code.isdigit() and int(code) not in {row[0] for row in known}
    srs_id = int(code) if numeric else max([_FIRST_OWN_SRS - 1, *(row[0] for row in known)]) + 1
    row = (crs.name, srs_id, authority if numeric else "NONE", srs_id, definition, crs.name)
    connection.execute(
        "INSERT INTO gpkg_spatial_ref_sys (srs_name, srs_id, organization, organization_coordsys_id, definition, description) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        row,
    )
    if newer:
        _add_newer_definition(connection, srs_id, newer)
    return srs_id


def create_table(
    connection: sqlite3.Connection,
    name: str,
    columns: Iterable[Column],
    *,
    geometry_type: str | None = None,
    srs_id: int | None = None,
    has_z: bool = False,
    has_m: bool = False,
    layer: Layer | None = None,
    last_change: datetime.datetime | None = None,
) -> Table:
    """
    Make a layer's table, empty, with its spatial index (without triggers: see `citygis.gpkg.make_triggers`).

    Parameters
    ----------
    connection : sqlite3.Connection
    name : str
        Of the table. Not one that the standard keeps for itself.
    columns : iterable of Column
        Two whose names differ only in case get a number, as SQL cannot tell them apart; the name as sent becomes the title.
    geometry_type : str, optional
        As POLYGON, MULTIPOLYGON, GEOMETRY. None for a table without geometry.
    srs_id : int, optional
    has_z, has_m : bool
    layer : Layer, optional
        Gives titles, descriptions and domains.
    last_change : datetime, optional
        In UTC; the same fixed moment for every file when not given.

    Returns
    -------
    Table
    """
    if name.lower().startswith(("gpkg_", "rtree_", "sqlite_")) or '"' in name or "'" in name or not name:
        raise ValueError(f"Invalid layer name {name!r}. Must not be empty, hold quotes, or begin with gpkg_, rtree_ or sqlite_.")
    columns = tuple(columns)
    taken = {column.name.lower() for column in columns}
    key = _free("fid", taken)
    geometry_column = _free("geom", taken | {key}) if geometry_type else None
    renamed = _distinct(columns)
    parts = [f"{quoted(key)} INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL"]
    if geometry_column:
        parts.append(f"{quoted(geometry_column)} {geometry_type}")
    parts += [f"{quoted(column.name)} {column.sql}" for column in renamed]
    connection.execute(f"CREATE TABLE {quoted(name)} ({', '.join(parts)})")
    connection.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, srs_id) VALUES (?, ?, ?, ?, ?, ?)",
        (
            name,
            "features" if geometry_type else "attributes",
            layer.title if layer else name,
            layer.description if layer else "",
            _moment(last_change or datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)),
            srs_id if geometry_type else None,
        ),
    )
    table = Table(name, renamed, geometry_column, geometry_type, srs_id if geometry_type else None, key)
    if geometry_column:
        row = (name, geometry_column, geometry_type, srs_id, 2 * has_z, 2 * has_m)
        connection.execute("INSERT INTO gpkg_geometry_columns VALUES (?, ?, ?, ?, ?, ?)", row)
        connection.execute(f'CREATE VIRTUAL TABLE "rtree_{name}_{geometry_column}" USING rtree(id, minx, maxx, miny, maxy)')
        connection.execute("INSERT INTO gpkg_extensions VALUES (?, ?, ?, ?, ?)", (name, geometry_column, *_RTREE_EXTENSION))
    _describe(connection, name, columns, renamed, layer)
    return table


def table_of(connection: sqlite3.Connection, name: str) -> Table:
    """A table of the file, by name. `KeyError` if the file lists no such layer."""
    listed = connection.execute("SELECT table_name FROM gpkg_contents WHERE table_name = ?", (name,)).fetchone()
    if not listed:
        raise KeyError(name)
    geometry = connection.execute(
        "SELECT column_name, geometry_type_name, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (name,)
    ).fetchone() or (None, None, None)
    info = connection.execute(f"PRAGMA table_info({quoted(name)})").fetchall()
    key = next((row[1] for row in info if row[5]), "fid")
    columns = tuple(declared(row[1], row[2]) for row in info if row[1] not in (key, geometry[0]))
    return Table(name, columns, *geometry, key)


def insert_rows(connection: sqlite3.Connection, table: Table, first_id: int, blobs: list | None, values: list[list]) -> None:
    """
    Put rows into a table, but not into its spatial index (see `place_rows`).

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction; the table without triggers.
    table : Table
    first_id : int
        The ``fid`` of the first row.
    blobs : list of bytes or None
        GeoPackage geometries; None for a table without geometry.
    values : list of lists
        One per column of `table`, as `citygis.gpkg.to_sql` gives them.
    """
    n = len(blobs) if blobs is not None else len(values[0]) if values else 0
    if not n:
        return
    ids = np.arange(first_id, first_id + n)
    cells = {table.key: ids.tolist(), **({table.geometry_column: blobs} if blobs is not None else {})}
    # A column without a value is left out: a fifth of the time at 200,000 parcels.
    cells |= {c.name: cell for c, cell in zip(table.columns, values, strict=True) if cell.count(None) < len(cell)}
    sql = f"INSERT INTO {quoted(table.name)} ({', '.join(map(quoted, cells))}) VALUES ({', '.join('?' * len(cells))})"
    connection.executemany(sql, zip(*cells.values(), strict=True))


def place_rows(connection: sqlite3.Connection, table: Table, ids: np.ndarray, bounds: np.ndarray) -> None:
    """
    Enter rows in the spatial index of their table, and let the table's extent hold them.

    Parameters
    ----------
    connection : sqlite3.Connection
        In a transaction; the table without triggers.
    table : Table
        With a geometry.
    ids : array of n int
        The rows' ``fid``.
    bounds : array, n by 4
        Least easting, least northing, greatest easting, greatest northing. Bounds that are not finite are passed over.
    """
    index_rows(connection, table, ids, bounds)
    finite = bounds[np.isfinite(bounds).all(axis=1)]
    if len(finite):
        low, high = finite[:, :2].min(axis=0).tolist(), finite[:, 2:].max(axis=0).tolist()
        connection.execute(
            "UPDATE gpkg_contents SET min_x = min(coalesce(min_x, ?1), ?1), min_y = min(coalesce(min_y, ?2), ?2), "
            "max_x = max(coalesce(max_x, ?3), ?3), max_y = max(coalesce(max_y, ?4), ?4) WHERE table_name = ?5",
            (*low, *high, table.name),
        )


def touch(connection: sqlite3.Connection, name: str, at: datetime.datetime) -> None:
    """Say in ``gpkg_contents`` when a layer was last changed."""
    connection.execute("UPDATE gpkg_contents SET last_change = ? WHERE table_name = ?", (_moment(at), name))


def _moment(at: datetime.datetime) -> str:
    return pd.Timestamp(at).tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _distinct(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    taken: set[str] = set()
    renamed = []
    for column in columns:
        name, twin = column.name, 2
        while name.lower() in taken:
            name, twin = f"{column.name}_{twin}", twin + 1
        taken.add(name.lower())
        renamed.append(column._replace(name=name))
    return tuple(renamed)


def _describe(connection: sqlite3.Connection, table: str, sent: tuple, stored: tuple, layer: Layer | None) -> None:
    """Titles, descriptions and domains, as QGIS and GDAL show them (schema extension)."""
    fields = {field.name: field for field in layer.fields} if layer else {}
    for column, kept in zip(sent, stored, strict=True):
        field = fields.get(column.name)
        if field is None and kept.name == column.name:
            continue
        title = (field.title or field.name.replace("_", " ").capitalize()) if field else column.name
        domain = f"{table}.{field.name}" if field and field.domain else None
        row = (table, kept.name, kept.name, title, field.description if field else "The name as sent is the title", domain)
        connection.execute(
            "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description, constraint_name) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
        codes = [(domain, code, label) for code, label in field.domain.items()] if domain else []
        connection.executemany(
            "INSERT INTO gpkg_data_column_constraints (constraint_name, constraint_type, value, description) "
            "VALUES (?, 'enum', ?, ?)",
            codes,
        )


def _definition(crs: CRS) -> tuple[str, str | None]:
    """Well-known text in version 1, and in version 2 only where version 1 cannot say it."""
    try:
        text = crs.to_wkt("WKT1_GDAL")
    except Exception as error:  # pyproj raises its own CRSError, or none at all, by version
        raise CRSError(f"{crs.name} cannot be written as well-known text: {error}. Convert to another system first.") from None
    if text:
        return text, None
    return "undefined", crs.to_wkt("WKT2_2019")


def _add_newer_definition(connection: sqlite3.Connection, srs_id: int, text: str) -> None:
    columns = [row[1] for row in connection.execute("PRAGMA table_info(gpkg_spatial_ref_sys)")]
    if "definition_12_063" not in columns:
        connection.execute("ALTER TABLE gpkg_spatial_ref_sys ADD COLUMN definition_12_063 TEXT NOT NULL DEFAULT 'undefined'")
        row = ("gpkg_spatial_ref_sys", "definition_12_063", *_WKT_EXTENSION)
        connection.execute("INSERT INTO gpkg_extensions VALUES (?, ?, ?, ?, ?)", row)
    connection.execute("UPDATE gpkg_spatial_ref_sys SET definition_12_063 = ? WHERE srs_id = ?", (text, srs_id))
