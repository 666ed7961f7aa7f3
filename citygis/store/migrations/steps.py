"""
The steps that change a store's tables, each with the step that takes it back.

A step is data, so that the store can keep it. How each is done differs between the two databases: see
`citygis.store.migrations.geopackage` and `citygis.store.migrations.postgis`.
"""

from typing import Literal

from citygis.errors import StoreError
from citygis.gpkg import Column, quoted
from citygis.schema import Layer, Schema
from citygis.settings import Settings
from citygis.store.database import Transaction
from citygis.store.geopackage import GeoPackageTransaction
from citygis.store.layout import history_of
from citygis.store.migrations import geopackage, layouts, postgis

Kind = Literal["layout", "add_layer", "drop_layer", "add_column", "drop_column", "retype", "add_index", "drop_index", "describe"]


class Step(Settings):
    """
    One step.

    ``layer`` and ``column`` are what it is about; ``before`` and ``after`` are column types (``text(20)``), or the versions of
    the store's layout.
    """

    kind: Kind
    layer: str = ""
    column: str = ""
    before: str = ""
    after: str = ""

    @property
    def title(self) -> str:
        """The step in words."""
        place = f"{self.layer}.{self.column}"
        return {
            "layout": f"layout of the store from version {self.before} to {self.after}",
            "add_layer": f"make the layer {self.layer}",
            "drop_layer": f"take away the layer {self.layer}, which is empty",
            "add_column": f"add {place} ({self.after}), empty",
            "drop_column": f"take away {place}, which is empty",
            "retype": f"make {place} {self.after} instead of {self.before}",
            "add_index": f"make the index {self.column} of {self.layer}",
            "drop_index": f"take away the index {self.column} of {self.layer}",
            "describe": f"titles, descriptions and domains of {self.layer} as in the schema",
        }[self.kind]

    @property
    def reverse(self) -> "Step":
        """The step that takes this one back."""
        opposite = {
            "add_layer": "drop_layer",
            "drop_layer": "add_layer",
            "add_column": "drop_column",
            "drop_column": "add_column",
            "add_index": "drop_index",
            "drop_index": "add_index",
        }.get(self.kind, self.kind)
        return Step(kind=opposite, layer=self.layer, column=self.column, before=self.after, after=self.before)


def type_text(column: Column) -> str:
    """A column's type as steps write it: ``text(20)``."""
    return f"{column.type}({column.length})" if column.length and column.type == "text" else column.type


def column_of(name: str, text: str) -> Column:
    """What `type_text` wrote, as a column."""
    kind, _, length = text.rstrip(")").partition("(")
    return Column(name, kind, int(length) if length else None)


def take(work: Transaction, step: Step, schema: Schema) -> None:
    """
    Take a step.

    Parameters
    ----------
    work : Transaction
        With the right to write.
    step : Step
    schema : Schema

    Raises
    ------
    StoreError
        If it would lose something: a column or layer to be taken away that holds values, a type that some value does not fit.
    """
    ground = geopackage if isinstance(work, GeoPackageTransaction) else postgis
    layer: Layer | None = schema.layers.get(step.layer)
    if step.kind == "layout":
        layouts.move(work, int(step.before), int(step.after))
    elif step.kind == "add_layer":
        ground.add_layer(work, schema.layer(step.layer), schema)
    elif step.kind == "drop_layer":
        _require_empty(work, step)
        ground.drop_layer(work, step.layer)
    elif step.kind == "add_column":
        for table in _both(work, step.layer):
            ground.add_column(work, table, column_of(step.column, step.after))
    elif step.kind == "drop_column":
        _require_empty(work, step)
        for table in _both(work, step.layer):
            ground.drop_column(work, table, step.column)
    elif step.kind == "retype":
        before, after = column_of(step.column, step.before), column_of(step.column, step.after)
        for table in _both(work, step.layer):
            _require_fit(work, table, after)
            ground.retype(work, table, before, after)
    elif step.kind in ("add_index", "drop_index"):
        work.run(f"DROP INDEX IF EXISTS {quoted(step.column)}")
        if step.kind == "add_index":
            work.run(ground.indexes(schema.layer(step.layer), work.table(step.layer))[step.column])
    if layer is not None and step.kind in ("add_column", "drop_column", "retype", "describe"):
        ground.describe(work, layer)


def _both(work: Transaction, layer: str) -> tuple[str, str]:
    """A layer's table and its history."""
    return layer, history_of(layer)


def _require_empty(work: Transaction, step: Step) -> None:
    column = f" WHERE {quoted(step.column)} IS NOT NULL" if step.column else ""
    counts = [work.rows(f"SELECT count(*) FROM {quoted(table)}{column}")[0][0] for table in _both(work, step.layer)]
    if any(counts):
        what = f"{step.layer}.{step.column}" if step.column else f"The layer {step.layer}"
        raise StoreError(
            f"{what} holds {counts[0]:,} values now and {counts[1]:,} in its history, which would be lost. It stays. To go back to "
            "what the store was before, restore the backup that was made then: citygis schema steps, citygis restore."
        )


def _require_fit(work: Transaction, table: str, column: Column) -> None:
    if column.type == "integer":
        name = quoted(column.name)
        (n,) = work.rows(f"SELECT count(*) FROM {quoted(table)} WHERE {name} <> CAST({name} AS bigint)")[0]
        if n:
            raise StoreError(f"{table}.{column.name}: {n:,} values are no whole numbers, and would be rounded. The column stays.")
    if column.type != "text" or not column.length:
        return
    name = quoted(column.name)
    n, longest = work.rows(f"SELECT count(*), max(length({name})) FROM {quoted(table)} WHERE length({name}) > ?", column.length)[0]
    if n:
        raise StoreError(
            f"{table}.{column.name}: {n:,} texts are longer than {column.length} characters (the longest has {longest}). "
            "Shorten them first, by a change set; nothing is cut."
        )
