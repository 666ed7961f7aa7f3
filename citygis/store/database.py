"""
What a store needs of the database it lies in. `citygis.store.geopackage` and `citygis.store.postgis` are the two there are.

The change path above (`citygis.store.apply`, `history`, `lineage`, `undo`) is one SQL text for both, with ``?`` for values. Only
how rows come in and out in bulk, spatial indexes, locks and errors are each database's own.
"""

import abc
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.gpkg import Column, LayerInfo, Table
from citygis.schema import Layer, Schema

STAGE = "citygis_stage"
"""The temporary table that a batch's rows pass through, one layer at a time."""


class Transaction(abc.ABC):
    """
    A connection to a store, in a transaction.

    ``is_abandoned``: set by who finds nothing to be done; nothing is kept then, and no file is touched.
    """

    is_abandoned = False

    @abc.abstractmethod
    def rows(self, sql: str, *values: object) -> list[tuple]:
        """What a query gives."""

    @abc.abstractmethod
    def chunks(self, sql: str, size: int) -> Iterator[list[tuple]]:
        """What a query gives, `size` rows at a time."""

    @abc.abstractmethod
    def run(self, sql: str, *values: object) -> int:
        """Execute a statement; how many rows it touched."""

    @abc.abstractmethod
    def run_many(self, sql: str, rows: Sequence[Sequence]) -> None:
        """Execute a statement once for each row of values."""

    @abc.abstractmethod
    def table(self, layer: str) -> Table:
        """A layer's table as the database has it. `KeyError` if it has none."""

    @abc.abstractmethod
    def cells(self, values: pd.Series, column: Column) -> list:
        """Conformed values (`citygis.gpkg.conform`) as the database takes them."""

    @abc.abstractmethod
    def series(self, cells: Sequence, column: Column) -> pd.Series:
        """What `cells` gave, as it was."""

    @abc.abstractmethod
    def encoded(self, shapes: np.ndarray, table: Table) -> list[bytes | None]:
        """Geometries as the table keeps them."""

    @abc.abstractmethod
    def decoded(self, blobs: Sequence[bytes | None]) -> np.ndarray:
        """What `encoded` gave, as geometries; multi-parts of one part as that part."""

    @abc.abstractmethod
    def open_edit(self, table: Table) -> None:
        """Make ready to write rows of a layer."""

    @abc.abstractmethod
    def close_edit(self, table: Table, at: pd.Timestamp) -> None:
        """Undo what `open_edit` did, and say when the layer was changed."""

    @abc.abstractmethod
    def place(self, table: Table, fids: np.ndarray, shapes: np.ndarray) -> None:
        """Tell the spatial index where rows are; a missing or empty geometry takes its row out."""

    @abc.abstractmethod
    def bounds(self, table: Table) -> tuple[np.ndarray, np.ndarray]:
        """
        Where the rows of a table lie, of those that have a place: their ``fid`` (n), and least easting, least northing, greatest
        easting, greatest northing (n, 4), which may be rounded outward.
        """

    @abc.abstractmethod
    def fill(self, name: str, columns: Sequence[Column], rows: Iterator[tuple]) -> None:
        """Put rows into a table as fast as the database can; type ``bytes`` for a geometry."""

    def fill_columns(self, name: str, columns: Sequence[Column], chunks: Iterator[Sequence[Sequence]]) -> None:
        """As `fill`, with the values column by column, some thousand rows at a time."""
        self.fill(name, columns, (row for cells in chunks for row in zip(*cells, strict=True)))

    @abc.abstractmethod
    def next_fid(self, table: Table) -> int:
        """The number of the next new row: never one that a row had before."""

    @abc.abstractmethod
    def drop_indexes(self, layer: Layer) -> None:
        """Drop a layer's indexes: to index many rows at once is several times faster."""

    @abc.abstractmethod
    def make_indexes(self, layer: Layer) -> None:
        """Make a layer's indexes anew."""

    def cell(self, value: object, kind: str) -> object:
        """One value of a field type as the database takes it."""
        dtype = {"datetime": "datetime64[us, UTC]", "date": "datetime64[s]"}.get(kind)
        return self.cells(pd.Series([value], dtype=dtype), Column("", kind))[0]


class Database(abc.ABC):
    """
    Where a City's store lies.

    ``place`` is how messages name it; it never holds a password.
    """

    place: str

    @abc.abstractmethod
    def exists(self) -> bool:
        """Whether there is a store."""

    @abc.abstractmethod
    def create(self, schema: Schema, crs) -> None:
        """Make an empty store, whole or not at all. `StoreError` if it cannot be made."""

    @abc.abstractmethod
    def require(self, schema: Schema, crs) -> None:
        """Look that there is a store that this citygis can use for a City. `StoreError` if not."""

    @abc.abstractmethod
    def reading(self) -> AbstractContextManager[Transaction]:
        """A transaction that sees one moment and cannot write."""

    @abc.abstractmethod
    def writing(self) -> AbstractContextManager[Transaction]:
        """
        A transaction with the sole right to write: kept when the block ends well, undone when it does not.

        Raises
        ------
        StoreError
            If another program writes, the store is read-only, the disk is full or the connection is lost. Nothing is changed.
        """

    @abc.abstractmethod
    def layers(self) -> list[LayerInfo]:
        """The layers there are: name, geometry type, rows."""

    @abc.abstractmethod
    def read(
        self,
        layer: Layer,
        *,
        columns: Sequence[str],
        bbox: tuple[float, float, float, float] | None = None,
        up_to: int | None = None,
    ) -> gpd.GeoDataFrame | pd.DataFrame:
        """
        Rows of a layer's table, indexed by ``fid``, in its order.

        Parameters
        ----------
        layer : Layer
        columns : sequence of str
            Also ``cs_from``.
        bbox : tuple, optional
            Least easting, least northing, greatest easting, greatest northing: features that meet it.
        up_to : int, optional
            Only rows that this change or one before it made.
        """
