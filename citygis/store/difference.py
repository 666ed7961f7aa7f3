"""
A delivered layer against the stored one: which rows are new, which say something else than before.
"""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.gpkg import CHUNK_ROWS, Column, Table, quoted
from citygis.schema import Layer
from citygis.store.database import Transaction
from citygis.store.identity import identity, stored_identity
from citygis.store.plan import Counts, Plan, conformed

PROVENANCE = ("source_id", "source_ref", "created_by_record")
"""Where a row was read from: no part of what it says, so a delivery that repeats a row leaves it as it is."""


def difference(work: Transaction, name: str, frame: pd.DataFrame, layer: Layer, *, at: datetime.datetime, author: str) -> Plan:
    """
    What a delivered layer would change.

    Parameters
    ----------
    work : Transaction
        On the store.
    name : str
    frame : DataFrame or GeoDataFrame
        As `require_layer` wants it.
    layer : Layer
    at : datetime
        Becomes ``tx_from`` of what is new.
    author : str
        Becomes ``editor``.

    Returns
    -------
    Plan
        Rows are matched by ``global_id``, or by key where the layer has none. A row is updated when a column that agency or
        convert fill differs, `PROVENANCE` apart, or its geometry does in more than where rings begin and which way they run;
        else it keeps the stored geometry, bit for bit. Nothing is retired.

    Raises
    ------
    SchemaError
        If a value does not fit its column, or two rows are the same feature, or a row is none.
    """
    # The store is read through its own connection. Another SQLite in this process, such as GDAL's, would drop our locks when it
    # closes the file (POSIX; https://www.sqlite.org/howtocorrupt.html, section 2.2).
    delivered = conformed(name, frame, layer, at, author)
    ids = identity(name, delivered, layer)
    table = work.table(name)
    fids, held, _ = stored_identity(work, table, layer)
    place = pd.Index(ids).get_indexer(held)
    added = np.setdiff1d(np.arange(len(ids)), place)
    changed = _changed(work, table, delivered, layer, place)
    fid_of = np.zeros(len(delivered), dtype=np.int64)
    fid_of[place[place >= 0]] = fids[place >= 0]
    updated = _kept(work, delivered.iloc[changed.index], changed)
    counts = Counts(len(added), len(updated), len(ids) - len(added) - len(updated), int((place < 0).sum()))
    retired = pd.DataFrame({"fid": np.empty(0, dtype=np.int64)})
    return Plan(layer, delivered.iloc[added], updated, fid_of[changed.index], retired, counts)


def _changed(work: Transaction, table: Table, delivered: pd.DataFrame, layer: Layer, place: np.ndarray) -> pd.DataFrame:
    """The rows that say something else: index position in `delivered`; ``moved``, ``blob`` and ``creator`` as they are stored."""
    passed_over = {*PROVENANCE, "geom_hash"}
    compared = [f.name for f in layer.fields if f.filled_by != "store" and f.name not in passed_over and f.name in delivered]
    columns = [column for column in table.columns if column.name in compared]
    shape = [table.geometry_column] if table.geometry_column else []
    creator = ["created_by_record"] if "created_by_record" in delivered else []
    taken = [*(column.name for column in columns), *shape, *creator]
    sql = f"SELECT {', '.join(map(quoted, taken))} FROM {quoted(table.name)} ORDER BY {quoted(table.key)}"
    parts, start = [], 0
    for rows in work.chunks(sql, CHUNK_ROWS) if len(place) else ():
        where = place[start : start + len(rows)]
        start += len(rows)
        stored = [row for row, p in zip(rows, where, strict=True) if p >= 0]
        where = where[where >= 0]
        sent = delivered.iloc[where]
        moved = np.zeros(len(sent), dtype=bool)
        blobs = [row[len(columns)] for row in stored] if shape else [None] * len(stored)
        if shape:
            moved = _moved(work, table, blobs, sent)
        said = zip(*(work.cells(sent[column.name], column) for column in columns), strict=True)
        width = len(columns)
        rewritten = np.fromiter((old[:width] != new for old, new in zip(stored, said, strict=True)), dtype=bool, count=len(sent))
        which = np.flatnonzero(moved | rewritten)
        creators = [stored[i][-1] for i in which] if creator else None
        parts.append(
            pd.DataFrame({"moved": moved[which], "blob": [blobs[i] for i in which], "creator": creators}, index=where[which])
        )
    empty = pd.DataFrame({"moved": np.empty(0, dtype=bool), "blob": [], "creator": []}, index=np.empty(0, dtype=np.int64))
    return pd.concat(parts) if any(map(len, parts)) else empty


def _moved(work: Transaction, table: Table, blobs: list[bytes | None], rows: gpd.GeoDataFrame) -> np.ndarray:
    """Where the ground differs. Blobs are compared first: nearly all are the same, and none of those need be read."""
    shapes = rows.geometry.to_numpy()
    sent = work.encoded(shapes, table)
    moved = np.fromiter((old != new for old, new in zip(blobs, sent, strict=True)), dtype=bool, count=len(sent))
    rest = np.flatnonzero(moved)
    old, new = shapely.normalize(work.decoded([blobs[i] for i in rest])), shapely.normalize(shapes[rest])
    moved[rest] = ~(shapely.equals_identical(old, new) | (shapely.is_missing(old) & shapely.is_missing(new)))
    return moved


def _kept(work: Transaction, rows: pd.DataFrame, changed: pd.DataFrame) -> pd.DataFrame:
    """Rows to update, with what they keep: the stored geometry where the ground is the same, and the record that made them."""
    if not len(rows):
        return rows
    if isinstance(rows, gpd.GeoDataFrame):
        shapes, still = rows.geometry.to_numpy().copy(), ~changed["moved"].to_numpy(dtype=bool)
        shapes[still] = work.decoded(changed["blob"].to_numpy()[still])
        rows = rows.set_geometry(gpd.GeoSeries(shapes, index=rows.index, crs=rows.crs))
    if {"created_by_record", "source_id"} <= set(rows.columns):
        # A feature that is updated was still created by the record that first brought it, unless the delivery names another.
        created = rows["created_by_record"].where(rows["created_by_record"] != rows["source_id"])
        first = work.series(changed["creator"].tolist(), Column("created_by_record", "uuid")).set_axis(rows.index)
        rows = rows.assign(created_by_record=created.fillna(first))
    return rows
