"""
A converted delivery on its way into the store: what it is held against, what stands in its way, what goes in with it.

`citygis load`, `citygis diff --apply` and the steps of a job do this in the same way.
"""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.changes import Changes, ChangeSet, LayerChange, changeset
from citygis.errors import ReadError
from citygis.findings import COLUMNS
from citygis.gpkg import layers_of, read_geopackage
from citygis.quality.exceptions import Applied
from citygis.store.acceptance import excused
from citygis.store.session import Store

NOT_CONCERNED = ("apn_history", "source_document")
"""Layers of the store that tell of the past, and so of no change."""


class HeldLayer(NamedTuple):
    """
    A layer of the store as a delivery is compared with it.

    ``beside`` are the other layers that a change may concern, by name; ``last_change`` is the store's last, 0 before the first.
    """

    layer: gpd.GeoDataFrame
    beside: dict[str, pd.DataFrame]
    last_change: int


class InTheWay(NamedTuple):
    """The findings that stand in the way of a batch, and what the City's register of exceptions said; None where it has none."""

    findings: pd.DataFrame
    applied: Applied | None


def held_layer(db: Store, layer: str) -> HeldLayer:
    """A layer of the store with what a change of it may concern. Errors as `Store.read`."""
    others = [each.name for each in db.layers() if each.rows and each.name not in (layer, *NOT_CONCERNED)]
    made = db.changes()["id"]
    return HeldLayer(db.read(layer), {name: db.read(name) for name in others}, int(made.max()) if len(made) else 0)


def decided_change(
    db: Store,
    changes: Changes,
    held: HeldLayer,
    new: gpd.GeoDataFrame,
    review: pd.DataFrame,
    *,
    layer: str,
    path: Path,
    effective: datetime.date | None = None,
    allow_truncated: int | None = None,
) -> ChangeSet:
    """
    What a review accepts of a comparison with the store, and the delivery's documents that the store has not.

    Parameters
    ----------
    db : Store
    changes : Changes
        Of `held` and `new`.
    held : HeldLayer
    new : City layer
    review : DataFrame
        As `citygis.changes.read_review` gives it.
    layer : str
    path : path
        The GeoPackage that `new` was read from.
    effective, allow_truncated
        As for `citygis.changes.changeset`, whose errors it raises.

    Returns
    -------
    ChangeSet
    """
    old = held.layer.assign(cs_from=held.last_change)
    change = changeset(changes, old, new, review, city=db.city, layer=layer, effective=effective, allow_truncated=allow_truncated)
    if not change.layers[layer].is_empty and "source_document" in {each.name for each in layers_of(path)}:
        documents, known = read_geopackage(path, "source_document"), db.read("source_document")
        brought = documents[~documents["doc_id"].isin(known["doc_id"])]
        change.layers["source_document"] = LayerChange(brought, documents.iloc[:0], pd.DataFrame({"doc_id": []}))
    return change


def in_the_way(db: Store, batch: Mapping[str, pd.DataFrame] | ChangeSet, paths: Sequence[Path]) -> InTheWay:
    """
    What is wrong with layers or changes, together with what was said of them when they were converted.

    Parameters
    ----------
    db : Store
    batch : mapping of name to frame, or ChangeSet
    paths : sequence of path
        The GeoPackages they come from; the findings in them, such as what the conversion said of its frame, count as well.

    Returns
    -------
    InTheWay
        Without those that the City's register of exceptions covers.

    Raises
    ------
    ReadError
        If a file's table of findings is not as `citygis convert` writes it.
    """
    if isinstance(batch, ChangeSet):
        layers = {name: pd.concat([each.added, each.updated], ignore_index=True) for name, each in batch.layers.items()}
        beside = db.together(layers)
        findings = pd.DataFrame(db.check(batch))
    else:
        beside = db.together(batch)
        findings = pd.DataFrame(db.check(batch, beside=beside))
    for path in paths:
        if "findings" not in {each.name for each in layers_of(path)}:
            continue
        told = _told_findings(path)
        findings = pd.concat([findings, told[~told["finding_id"].isin(findings["finding_id"])]], ignore_index=True)
    applied = excused(findings, beside, db.city)
    return InTheWay(findings if applied is None else applied.left, applied)


def _told_findings(path: Path) -> pd.DataFrame:
    told = pd.DataFrame(read_geopackage(path, "findings"))
    missing = [name for name in COLUMNS if name not in told]
    if missing:
        raise ReadError(f"{path}, table findings: no column {', '.join(missing)}. Write the file anew: citygis convert.")
    return told[list(COLUMNS)]
