"""
Putting one layer of a batch into the store: old versions to history, then updates, retirements and new rows.

The statements are the same for every database. Rows to update or retire pass through a temporary table.
"""

import datetime
from collections.abc import Iterator, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.gpkg import CHUNK_ROWS, Column, Table, quoted
from citygis.store.database import STAGE, Transaction
from citygis.store.layout import CS_FROM, history_of
from citygis.store.plan import Plan

_MANY = 1_000


def apply(work: Transaction, plan: Plan, *, change_id: int, at: datetime.datetime) -> None:
    """
    Carry out a plan.

    Parameters
    ----------
    work : Transaction
        With the right to write.
    plan : Plan
    change_id : int
    at : datetime
        Ends the old versions.
    """
    if plan.is_empty:
        return
    table = work.table(plan.layer.layer)
    work.open_edit(table)
    if len(plan.retired):
        _retire(work, table, plan.retired, change_id, at)
    if len(plan.updated):
        _update(work, table, plan.updated, plan.updated_fids, change_id, at)
    if len(plan.added):
        fids = work.next_fid(table) + np.arange(len(plan.added))
        _insert(work, table, plan, fids, change_id)
    work.close_edit(table, pd.Timestamp(at))


def restore(work: Transaction, table: Table, version_ids: Sequence[int], *, change_id: int, at: datetime.datetime, author: str):
    """
    Bring versions of retired features back as rows that hold now, each with the ``fid`` it had.

    Parameters
    ----------
    work : Transaction
        With the right to write; the table is open to edit.
    table : Table
    version_ids : sequence of int
        Of the layer's history.
    change_id, at, author
        Of the change that does it.
    """
    names = _names(table)
    given = {"tx_from": work.cell(pd.Timestamp(at), "datetime"), "tx_to": None, "editor": author, "cs_from": change_id}
    given = {name: value for name, value in given.items() if name in names}
    selected, values = _selected(names, given)
    work.run_many(
        f"INSERT INTO {quoted(table.name)} ({', '.join(map(quoted, names))}) "
        f"SELECT {selected} FROM {quoted(history_of(table.name))} WHERE version_id = ?",
        [(*values, version) for version in version_ids],
    )


def to_history(work: Transaction, table: Table, change_id: int, at: datetime.datetime) -> None:
    """Copy the rows whose ``fid`` are in the stage to history, ended by a change."""
    names = _names(table)
    given = {"tx_to": work.cell(pd.Timestamp(at), "datetime")} if "tx_to" in names else {}
    selected, values = _selected(names, given)
    taken = ", ".join(map(quoted, ["fid", *names[1:], "cs_to"]))
    key = quoted(table.key)
    work.run(
        f"INSERT INTO {quoted(history_of(table.name))} ({taken}) SELECT {selected}, CAST(? AS BIGINT) FROM {quoted(table.name)} "
        f"WHERE {key} IN (SELECT {key} FROM {STAGE}) ORDER BY {key}",
        *values,
        change_id,
    )


def stage(work: Transaction, table: Table, columns: Sequence[Column], rows: Iterator[tuple]) -> None:
    """
    Fill the temporary table with the ``fid`` and some columns of rows.

    Parameters
    ----------
    columns : sequence of Column
        Of the layer, without the ``fid``; type ``bytes`` for its geometry.
    rows : iterator of tuples
        The ``fid``, then the columns.
    """
    names = ", ".join(map(quoted, [table.key, *(column.name for column in columns)]))
    work.run(f"CREATE TEMPORARY TABLE {STAGE} AS SELECT {names} FROM {quoted(table.name)} WHERE 1 = 0")
    work.fill(STAGE, [Column(table.key, "integer"), *columns], rows)


def unstage(work: Transaction) -> None:
    """Drop the temporary table."""
    work.run(f"DROP TABLE {STAGE}")


def delete(work: Transaction, table: Table, fids: np.ndarray) -> None:
    """Take the rows whose ``fid`` are in the stage out of the layer's table."""
    key = quoted(table.key)
    work.run(f"DELETE FROM {quoted(table.name)} WHERE {key} IN (SELECT {key} FROM {STAGE})")
    if table.geometry_column:
        work.place(table, fids, np.full(len(fids), None, dtype=object))


def _names(table: Table) -> list[str]:
    return [table.key, *([table.geometry_column] if table.geometry_column else []), *(column.name for column in table.columns)]


def _selected(names: Sequence[str], given: dict[str, object]) -> tuple[str, list]:
    """A select list in which some columns are values, and the values in its order."""
    return ", ".join("?" if name in given else quoted(name) for name in names), [given[name] for name in names if name in given]


def _retire(work: Transaction, table: Table, retired: pd.DataFrame, change_id: int, at: datetime.datetime) -> None:
    facts = [column for column in table.columns if column.name in ("retired_by_record", "legal_to")]
    cells = [retired["fid"].tolist(), *(work.cells(retired[column.name], column) for column in facts)]
    stage(work, table, facts, zip(*cells, strict=True))
    to_history(work, table, change_id, at)
    if any(column.name == "status" for column in table.columns):
        _end(work, table, facts, change_id, at)
    delete(work, table, retired["fid"].to_numpy())
    unstage(work)


def _end(work: Transaction, table: Table, facts: Sequence[Column], change_id: int, at: datetime.datetime) -> None:
    """The last word on retired features: a version with status RETIRED that begins and ends with the change."""
    names = _names(table)
    moment = work.cell(pd.Timestamp(at), "datetime")
    given = {"status": "RETIRED", "tx_from": moment, "tx_to": moment, "cs_from": change_id}
    given = {name: value for name, value in given.items() if name in names}
    said = {column.name for column in facts}
    parts = []
    for name in names:
        column = quoted(name)
        parts.append("?" if name in given else f"coalesce(s.{column}, l.{column})" if name in said else f"l.{column}")
    taken = ", ".join(map(quoted, ["fid", *names[1:], "cs_to"]))
    key = quoted(table.key)
    work.run(
        f"INSERT INTO {quoted(history_of(table.name))} ({taken}) SELECT {', '.join(parts)}, CAST(? AS BIGINT) "
        f"FROM {quoted(table.name)} AS l JOIN {STAGE} AS s ON s.{key} = l.{key} ORDER BY l.{key}",
        *[given[name] for name in names if name in given],
        change_id,
    )


def _update(work: Transaction, table: Table, rows: pd.DataFrame, fids: np.ndarray, change_id: int, at: datetime.datetime) -> None:
    columns = [column for column in table.columns if column.name in rows]
    cells = [fids.tolist(), *(work.cells(rows[column.name], column) for column in columns)]
    spatial = table.geometry_column and isinstance(rows, gpd.GeoDataFrame)
    if spatial:
        columns.append(Column(table.geometry_column, "bytes"))
        cells.append(work.encoded(rows.geometry.to_numpy(), table))
    stage(work, table, columns, zip(*cells, strict=True))
    to_history(work, table, change_id, at)
    name, key = quoted(table.name), quoted(table.key)
    sets = ", ".join(f"{quoted(column.name)} = s.{quoted(column.name)}" for column in columns)
    work.run(f"UPDATE {name} SET {sets}, cs_from = ? FROM {STAGE} AS s WHERE {name}.{key} = s.{key}", change_id)
    if spatial:
        work.place(table, fids, rows.geometry.to_numpy())
    unstage(work)


def _insert(work: Transaction, table: Table, plan: Plan, fids: np.ndarray, change_id: int) -> None:
    rows = plan.added
    spatial = bool(table.geometry_column)
    # A column without a value is left out: a fifth of the time at 200,000 parcels.
    columns = [column for column in table.columns if column.name in rows and not rows[column.name].isna().all()]
    many = len(rows) > _MANY and len(rows) > work.rows(f"SELECT count(*) FROM {quoted(table.name)}")[0][0]
    if many:
        work.drop_indexes(plan.layer)

    def chunks() -> Iterator[list[list]]:
        for start in range(0, len(rows), CHUNK_ROWS):
            some = rows.iloc[start : start + CHUNK_ROWS]
            parts = [fids[start : start + CHUNK_ROWS].tolist(), [change_id] * len(some)]
            if spatial:
                parts.append(work.encoded(some.geometry.to_numpy(), table))
            yield parts + [work.cells(some[column.name], column) for column in columns]

    shape = [Column(table.geometry_column, "bytes")] if spatial else []
    work.fill_columns(table.name, [Column(table.key, "integer"), CS_FROM, *shape, *columns], chunks())
    if spatial:
        work.place(table, fids, rows.geometry.to_numpy())
    if many:
        work.make_indexes(plan.layer)
