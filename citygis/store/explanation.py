"""
Where a feature comes from: its versions, the changes that made them, the documents they name.
"""

import numpy as np
import pandas as pd

from citygis.gpkg import quoted
from citygis.schema import Layer, Schema
from citygis.store.database import Transaction
from citygis.store.history import versions
from citygis.store.identity import has_global_id
from citygis.store.lineage import features_named, lineage_of, versions_of

_DOCUMENT_FIELDS = ("created_by_record", "source_id", "retired_by_record", "doc_id")


def explanation(work: Transaction, schema: Schema, name: str) -> dict:
    """
    All that the store knows of one feature; see `citygis.store.Store.explain`.

    Raises
    ------
    StoreError
        If the store never had it.
    """
    features = features_named(work, schema, name)
    feature = features[0]
    layer = schema.layer(feature.layer)
    rows = versions_of(work, layer, feature.feature)
    last = rows.iloc[-1]
    key = [str(last[column]) for column in layer.key]
    return {
        "layer": feature.layer,
        "feature": feature.feature,
        "name": " ".join(key),
        "holds": feature.holds,
        "entity": _plain(last["source_ref"]) if "source_ref" in rows else None,
        "versions": _versions(work, layer, rows),
        "documents": _documents(work, schema, rows),
        "lineage": _records(lineage_of(work, schema, features[:1])) if has_global_id(layer) else [],
        "accepted": _accepted(work, {feature.feature, *key}, feature.layer),
        "others": [other._asdict() for other in features[1:]],
    }


def _versions(work: Transaction, layer: Layer, rows: pd.DataFrame) -> list[dict]:
    changes = {row[0]: row[1:] for row in work.rows("SELECT id, at, effective, author, message, source FROM citygis_change")}
    told = []
    for i, values in enumerate(_records(rows[[*layer.names, "cs_from", "cs_to"]])):
        made, ended = values.pop("cs_from"), values.pop("cs_to")
        at, effective, author, message, source = changes.get(made, (None,) * 5)
        version = {"change": made, "until": ended, "at": _plain(at), "effective": _plain(effective), "author": author}
        version |= {"message": message, "source": source, "values": values}
        if layer.geometry != "None":
            shape = rows.geometry.iloc[i]
            version["area_sqft"] = None if shape is None else float(shape.area)
        told.append(version)
    return told


def _documents(work: Transaction, schema: Schema, rows: pd.DataFrame) -> list[dict]:
    ids = {value for field in _DOCUMENT_FIELDS if field in rows for value in rows[field].dropna()}
    if not ids or "source_document" not in schema.layers:
        return []
    layer, table = schema.layer("source_document"), work.table("source_document")
    where = f"{quoted('doc_id')} IN ({', '.join('?' * len(ids))})"
    return _records(versions(work, table, table.name, layer.names, where, *sorted(ids)))


def _accepted(work: Transaction, names: set[str], layer: str) -> list[dict]:
    columns = ["code", "feature", "other", "reason", "author", "at", "change"]
    marks = ", ".join("?" * len(names))
    rows = work.rows(
        f"SELECT {', '.join(columns)} FROM citygis_accepted WHERE undone_by IS NULL AND layer = ? "
        f"AND (feature IN ({marks}) OR other IN ({marks})) ORDER BY change, code",
        layer,
        *sorted(names),
        *sorted(names),
    )
    return _records(pd.DataFrame(rows, columns=columns))


def _records(frame: pd.DataFrame) -> list[dict]:
    """Rows as plain values: what has no value is left out, moments are spelt out."""
    names = [name for name in frame.columns if name != "geometry"]
    return [
        {name: _plain(value) for name, value in zip(names, row, strict=True) if name in ("cs_from", "cs_to") or not pd.isna(value)}
        for row in pd.DataFrame(frame[names]).itertuples(index=False)
    ]


def _plain(value: object) -> object:
    if value is None or pd.isna(value):
        return None
    if isinstance(value, np.generic):
        return value.item()
    return value if isinstance(value, (str, int, float, bool)) else str(value)
