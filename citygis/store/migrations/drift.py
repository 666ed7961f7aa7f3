"""
Where a store's tables are other than the schema says, and the step that would set each right.
"""

from typing import NamedTuple

from citygis.errors import StoreError
from citygis.gpkg import STORED_TYPE, Column
from citygis.schema import Layer, Schema
from citygis.store.database import Transaction
from citygis.store.geopackage import GeoPackageTransaction
from citygis.store.layout import STORE_VERSION, history_of, stored_columns
from citygis.store.migrations import geopackage, postgis
from citygis.store.migrations.steps import Step, type_text

_UNKNOWN_LENGTH = 36


class Drift(NamedTuple):
    """
    One difference between a store and the schema.

    ``step`` is None where citygis does not set it right by itself: a column that the schema does not know, a change of type
    that could lose something, another geometry type. ``blocks`` says whether the store cannot be used before it is set right.
    """

    layer: str
    column: str
    stored: str
    wanted: str
    step: Step | None
    blocks: bool


def drifts(work: Transaction, schema: Schema) -> list[Drift]:
    """
    All differences between a store and the schema, in the order their steps are to be taken.

    Parameters
    ----------
    work : Transaction
    schema : Schema

    Returns
    -------
    list of Drift

    Raises
    ------
    StoreError
        If the store is of a later citygis.
    """
    meta = dict(work.rows("SELECT key, value FROM citygis_meta"))
    for key, ours in (("store_version", STORE_VERSION), ("schema_version", schema.version)):
        if int(meta.get(key, 0)) > ours:
            raise StoreError(f"The store was made by a later citygis ({key} {meta[key]}; this one knows {ours}). Install that one.")
    found = []
    for version in range(int(meta.get("store_version", 0)), STORE_VERSION):
        step = Step(kind="layout", before=str(version), after=str(version + 1))
        found.append(Drift("", "", f"layout {version}", f"layout {version + 1}", step, True))
    ground = geopackage if isinstance(work, GeoPackageTransaction) else postgis
    names = ground.index_names(work)
    for layer in schema.layers.values():
        found += _layer_drifts(work, layer, ground, names)
    return found


def _layer_drifts(work: Transaction, layer: Layer, ground, index_names: set[str]) -> list[Drift]:
    name = layer.layer
    try:
        table = work.table(name)
    except KeyError:
        return [Drift(name, "", "missing", "a layer", Step(kind="add_layer", layer=name), True)]
    found = []
    stored = {column.name: column for column in table.columns}
    past = _history_columns(work, name)
    if not past:
        raise StoreError(f"{name} has no history ({history_of(name)} is missing). Restore a backup; it cannot be made anew.")
    wanted_type = STORED_TYPE.get(layer.geometry)
    if (table.geometry_type or "").upper().rstrip("ZM") not in {wanted_type or "", "GEOMETRY" if wanted_type else ""}:
        found.append(Drift(name, "geom", table.geometry_type or "none", wanted_type or "none", None, True))
    for wanted in stored_columns(layer):
        held = stored.get(wanted.name)
        if held is None or wanted.name not in past:
            step = Step(kind="add_column", layer=name, column=wanted.name, after=type_text(wanted))
            found.append(
                Drift(name, wanted.name, "missing" if held is None else "missing in history", type_text(wanted), step, True)
            )
        elif not _same(held, wanted):
            step = Step(kind="retype", layer=name, column=wanted.name, before=type_text(held), after=type_text(wanted))
            safe = _keeps_values(held, wanted)
            found.append(Drift(name, wanted.name, type_text(held), type_text(wanted), step if safe else None, False))
    known = {column.name for column in stored_columns(layer)}
    found += [Drift(name, c, type_text(column), "not in the schema", None, False) for c, column in stored.items() if c not in known]
    for index in ground.indexes(layer, table):
        if index not in index_names:
            found.append(Drift(name, index, "missing", "an index", Step(kind="add_index", layer=name, column=index), False))
    if not ground.is_described(work, layer):
        step = Step(kind="describe", layer=name)
        found.append(Drift(name, "", "other titles, descriptions or domains", "those of the schema", step, False))
    return found


def _history_columns(work: Transaction, layer: str) -> set[str]:
    name = history_of(layer)
    if isinstance(work, GeoPackageTransaction):
        return {row[1] for row in work.rows(f'PRAGMA table_info("{name}")')}
    return {
        row[0]
        for row in work.rows(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped",
            f'"{name}"',
        )
    }


def _plain(column: Column) -> Column:
    """As a table declares it: an identifier is a text of 36 characters there."""
    return Column(column.name, "text", _UNKNOWN_LENGTH) if column.type == "uuid" else column


def _same(held: Column, wanted: Column) -> bool:
    a, b = _plain(held), _plain(wanted)
    return (a.type, a.length or None) == (b.type, b.length or None)


def _keeps_values(held: Column, wanted: Column) -> bool:
    """Whether a change of type keeps every value that fits: texts of another length, whole numbers as doubles."""
    a, b = _plain(held).type, _plain(wanted).type
    return a == b == "text" or (a, b) == ("integer", "double")
