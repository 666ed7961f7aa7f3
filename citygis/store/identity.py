"""
What features are known by: ``global_id``, or the key where a layer has none.
"""

import numpy as np
import pandas as pd

from citygis.errors import SchemaError
from citygis.gpkg import Column, Table, quoted
from citygis.schema import Layer, feature_ids
from citygis.store.database import STAGE, Transaction


def has_global_id(layer: Layer) -> bool:
    """Whether features of a layer are known by ``global_id``."""
    return "global_id" in layer.names


def identity(name: str, frame: pd.DataFrame, layer: Layer) -> np.ndarray:
    """
    What each row is known by.

    Parameters
    ----------
    name : str
        Of the layer, for the message.
    frame : DataFrame
        With ``global_id``; for a layer without one, the columns of its key.
    layer : Layer

    Raises
    ------
    SchemaError
        If a row is known by nothing, or two by the same.
    """
    if has_global_id(layer):
        key, ids = "global_id", frame["global_id"].to_numpy(dtype=object)
    else:
        key, ids = ", ".join(layer.key), feature_ids(name, frame[list(layer.key)])
    nameless = np.flatnonzero(pd.isna(ids))
    if len(nameless):
        raise SchemaError(
            f"{name}: {len(nameless):,} rows have no {key}, the first is row {nameless[0] + 1}. "
            "Without one a feature cannot be found again: quarantine those rows, or make the layer anew: citygis convert."
        )
    twins = pd.Series(ids).duplicated().to_numpy()
    if twins.any():
        raise SchemaError(f"{name}: {twins.sum():,} rows repeat a {key}, the first is {ids[twins][0]}. Each feature needs its own.")
    return ids


def stored_identity(work: Transaction, table: Table, layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """
    The ``fid`` of each stored row, what it is known by, and the change that made it (0 where none did).

    A row drawn in a desktop GIS may have no identifier yet: it is known by its ``fid``, so it matches nothing.
    """
    columns = ["global_id"] if has_global_id(layer) else list(layer.key)
    taken = ", ".join(map(quoted, [table.key, "cs_from", *columns]))
    rows = work.rows(f"SELECT {taken} FROM {quoted(table.name)} ORDER BY {quoted(table.key)}")
    held = pd.DataFrame(rows, columns=["fid", "cs_from", *columns], dtype=object)
    ids = held["global_id"].to_numpy() if has_global_id(layer) else feature_ids(table.name, held[columns])
    fids = held["fid"].to_numpy(dtype=np.int64)
    made_by = held["cs_from"].fillna(0).to_numpy(dtype=np.int64)
    return fids, np.where(pd.isna(ids), np.char.add("fid ", fids.astype(str)), ids), made_by


def found(work: Transaction, table: Table, layer: Layer, ids: np.ndarray) -> pd.DataFrame:
    """
    Where features are in the store.

    Parameters
    ----------
    work : Transaction
    table : Table
    layer : Layer
    ids : array of n str
        As `identity` gives them.

    Returns
    -------
    DataFrame, n rows
        Columns ``fid, cs_from`` (Int64), null where the store has no such feature; index `ids`.
    """
    if not len(ids):
        return pd.DataFrame({"fid": [], "cs_from": []}, dtype="Int64")
    if has_global_id(layer):
        work.run(f"CREATE TEMPORARY TABLE {STAGE} AS SELECT global_id FROM {quoted(table.name)} WHERE 1 = 0")
        work.fill(STAGE, [Column("global_id", "uuid")], ((value,) for value in ids))
        key = quoted(table.key)
        rows = work.rows(
            f"SELECT l.global_id, l.{key}, l.cs_from FROM {STAGE} AS s JOIN {quoted(table.name)} AS l ON l.global_id = s.global_id"
        )
        work.run(f"DROP TABLE {STAGE}")
        held = pd.DataFrame(rows, columns=["id", "fid", "cs_from"])
    else:
        fids, known, made_by = stored_identity(work, table, layer)
        held = pd.DataFrame({"id": known, "fid": fids, "cs_from": made_by})
    held = held.drop_duplicates("id").set_index("id").astype("Int64")
    held["cs_from"] = held["cs_from"].fillna(0)
    return held.reindex(pd.Index(ids, dtype=object))
