"""
The tables of a store, whichever database it lies in.

A layer's table is what a desktop GIS sees: the rows that hold now, ``cs_from`` naming the change that made each. Its
``<layer>_hist`` holds the versions before, append only, ``cs_to`` naming the change that ended each; a feature that is retired
leaves two rows there, the version that ended and, with status RETIRED, its end (``cs_from`` = ``cs_to``). ``citygis_change`` has
one row per batch, ``citygis_lineage`` says which feature came from which, ``citygis_accepted`` which findings were accepted and
why, ``citygis_label_pin`` where somebody put a label.
"""

from citygis.errors import StoreError
from citygis.gpkg import Column, Table, quoted
from citygis.schema import Layer, Schema

STORE_VERSION = 2
"""Of the layout of a store; a store of a later one is refused, one of an earlier one is brought up by ``citygis schema apply``."""

CS_FROM, CS_TO = Column("cs_from", "integer"), Column("cs_to", "integer")

STORE_TABLES = ("citygis_meta", "citygis_change", "citygis_lineage", "citygis_accepted", "citygis_label_pin")
"""The tables beside the layers and their histories."""

_DDL = """
CREATE TABLE citygis_meta (key TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL);
CREATE TABLE citygis_change (id {integer} PRIMARY KEY NOT NULL, at {datetime} NOT NULL, effective {date},
  author TEXT NOT NULL, message TEXT, source TEXT, source_sha256 TEXT, counts TEXT NOT NULL, accepted TEXT NOT NULL,
  undo_of {integer} REFERENCES citygis_change(id));
CREATE TABLE citygis_lineage (change {integer} NOT NULL REFERENCES citygis_change(id), layer TEXT NOT NULL, parent TEXT NOT NULL,
  child TEXT NOT NULL, kind TEXT NOT NULL, share_parent {double}, share_child {double}, undone_by {integer});
CREATE INDEX citygis_lineage_parent ON citygis_lineage (layer, parent);
CREATE INDEX citygis_lineage_child ON citygis_lineage (layer, child);
CREATE TABLE citygis_accepted (finding_id TEXT NOT NULL, source_sha256 TEXT NOT NULL, code TEXT NOT NULL, layer TEXT,
  feature TEXT, other TEXT, reason TEXT NOT NULL, author TEXT NOT NULL, at {datetime} NOT NULL,
  change {integer} NOT NULL REFERENCES citygis_change(id), undone_by {integer}, PRIMARY KEY (finding_id, source_sha256));
CREATE TABLE citygis_label_pin (layer TEXT NOT NULL, global_id TEXT NOT NULL, sheet TEXT NOT NULL, easting {double} NOT NULL,
  northing {double} NOT NULL, angle {double} NOT NULL, author TEXT NOT NULL, at {datetime} NOT NULL,
  PRIMARY KEY (layer, global_id, sheet))
"""


def store_statements(types: dict[str, str]) -> list[str]:
    """The statements that make the tables beside the layers, in a database's words for integer, double, date and datetime."""
    return [statement.strip() for statement in _DDL.format(**types).split(";\n")]


def history_of(layer: str) -> str:
    """The name of a layer's history table."""
    return f"{layer}_hist"


def stored_columns(layer: Layer) -> list[Column]:
    """The columns of a layer's table: its fields, then ``cs_from``."""
    return [*(Column(field.name, field.type, field.length) for field in layer.fields), CS_FROM]


def index_statements(layer: Layer) -> list[str]:
    """The statements that index a layer's table by key and identifier."""
    name = layer.layer
    statements = [f'CREATE INDEX "{name}_key" ON "{name}" ({", ".join(quoted(key) for key in layer.key)})']
    if "global_id" in layer.names:
        statements.append(f'CREATE UNIQUE INDEX "{name}_global_id" ON "{name}" (global_id)')
    return statements


def history_index_statements(table: Table) -> list[str]:
    """The statements that index a layer's history."""
    name = history_of(table.name)
    statements = [f'CREATE INDEX "{name}_fid" ON {quoted(name)} (fid, cs_to)']
    if any(column.name == "global_id" for column in table.columns):
        statements.append(f'CREATE INDEX "{name}_global_id" ON {quoted(name)} (global_id)')
    return statements


def require_versions(meta: dict[str, str], place: str, schema: Schema) -> None:
    """
    Look that a store's layout and schema are ones that this citygis writes.

    Raises
    ------
    StoreError
        If either is later, or the layout is earlier.
    """
    for key, ours in (("store_version", STORE_VERSION), ("schema_version", schema.version)):
        if int(meta.get(key, 0)) > ours:
            raise StoreError(f"{place} was made by a later citygis ({key} {meta[key]}; this one knows {ours}). Install that one.")
    if int(meta.get("store_version", 0)) < STORE_VERSION:
        raise StoreError(
            f"{place} was made by an earlier citygis (store_version {meta.get('store_version', 0)}; this one writes "
            f"{STORE_VERSION}). Bring it up to date, with a backup before: citygis schema apply --city DIR"
        )


def require_layers(held: set[str], place: str, schema: Schema) -> None:
    """
    Look that a store has every layer of the schema.

    Raises
    ------
    StoreError
        Naming those it lacks.
    """
    missing = [name for name in schema.layers if name not in held]
    if missing:
        raise StoreError(f"{place} lacks the layers {', '.join(missing)}. Restore a backup, or move it away to begin anew.")
