"""
The City's geodatabase as its users see it: take a batch in, read a layer as of any day, look at what happened, take it back.
"""

import datetime
import logging
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.changes import ChangeSet, LayerChange, lineage_frame
from citygis.city import City
from citygis.errors import StoreError
from citygis.readers import sha256_of, source_document
from citygis.schema import source_id_of
from citygis.store.acceptance import excused, newly_accepted, none_accepted
from citygis.store.apply import apply
from citygis.store.batch import (
    Batch,
    Circumstances,
    account,
    enter_change,
    enter_lineage,
    moment_of,
    told_source,
    unit_sent,
    whole_millisecond,
    withdraw,
)
from citygis.store.checking import findings_of_change, findings_of_layers, joined, together
from citygis.store.consequences import consequences, untold
from citygis.store.database import Database, Transaction
from citygis.store.difference import difference
from citygis.store.geopackage import GeoPackage
from citygis.store.history import retirements
from citygis.store.identity import found
from citygis.store.plan import Plan, planned, require_layer, require_no_conflict
from citygis.store.postgis import PostGIS
from citygis.store.reading import PIN_COLUMNS, Reading
from citygis.store.undo import reversals, reverse

logger = logging.getLogger(__name__)


class Store(Reading):
    """
    A City's geodatabase. Make one with `store`.

    Nothing stays open between two calls: a desktop GIS may use it in between, and a file is complete in itself.
    """

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to do: each call closes what it opened."""

    def together(self, layers: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """
        Layers with what the store holds beside them, as `check` looks at them.

        Parameters
        ----------
        layers : mapping of name to frame

        Returns
        -------
        dict of name to frame
            A layer that these refer to, lie in or fill up together, and that is not among them, is taken from the store. Rows of
            the store are added to a delivered layer, unless an overlap in it is an error: the parent of a split parcel, which
            the delivery no longer has, would stand against its children.
        """
        return together(self.read, layers, self.city)

    def check(
        self, layers: Mapping[str, pd.DataFrame] | ChangeSet, *, beside: Mapping[str, pd.DataFrame] | None = None
    ) -> gpd.GeoDataFrame:
        """
        What is wrong with layers, seen `together` with what the store holds, or with the store as a change set would leave it.

        Parameters
        ----------
        layers : mapping of name to frame, or ChangeSet
        beside : mapping of name to frame, optional
            What `together` gave for them, where the caller has it already.

        Returns
        -------
        findings frame
            Of the layers or features given, not of the store's, and the gaps they leave (T02) where no feature of the store lies.
        """
        if isinstance(layers, ChangeSet):
            return findings_of_change(self.read, layers, self.city)
        with self.database.reading() as work:
            retired = {name: retirements(work, self.city.schema.layer(name)) for name in layers if name in self.city.schema.layers}
        return findings_of_layers(self.read, layers, self.city, beside, retired)

    def consequences(self, layers: Mapping[str, pd.DataFrame], *, found: pd.DataFrame | None = None) -> gpd.GeoDataFrame:
        """
        What a load of layers would make wrong among what the store holds, and was not wrong before. Nothing is changed.

        Parameters
        ----------
        layers : mapping of name to frame
            As `load` takes them.
        found : findings frame, optional
            What `check` says of them, which is not told again.

        Returns
        -------
        findings frame
            Errors and what is to be reviewed: between what the load adds or moves and what stays, in the layers that rules see
            together. `load` finds the same by itself. What is wrong with the layers as such, `check` says.

        Raises
        ------
        SchemaError, CRSError
            As `load`.
        """
        schema, at = self.city.schema, whole_millisecond(None)
        for name, frame in layers.items():
            require_layer(name, frame, schema.layer(name), self.city.crs)
        with self.database.reading() as work:
            plans = {n: difference(work, n, f, schema.layer(n), at=at, author="") for n, f in layers.items()}
            made = consequences(work, plans, self.city).findings
        return made if found is None else made[untold(made, found)].reset_index(drop=True)

    def load(
        self,
        layers: Mapping[str, pd.DataFrame],
        *,
        source: Path | str | pd.DataFrame | None = None,
        accept: Mapping[str, str] | None = None,
        findings: pd.DataFrame | None = None,
        author: str | None = None,
        message: str | None = None,
        effective: datetime.date | None = None,
        at: datetime.datetime | None = None,
    ) -> Batch:
        """
        Take layers in: one batch, one transaction, everything or nothing.

        Parameters
        ----------
        layers : mapping of City layer name to frame
            As `citygis.convert` makes them. Features are known by ``global_id``, or by key where the layer has none. New ones
            are added; those that say something else than before are updated, their old version kept in history; those that say
            the same are not touched; features that the layers do not have stay, and are counted as absent. A column that a
            frame lacks stays as it is in the store. Nothing is ever retired: that takes `apply`.
        source : path or source_document frame, optional
            Where the layers come from, unless their ``source_document`` rows are among them or in the store already.
        accept : mapping of finding code to reason, optional
            Errors to load in spite of; each is stored with the reason, and stays accepted until its ground changes.
        findings : findings frame, optional
            What is wrong with the layers; when not given, what `check` finds and the City's register of exceptions does not excuse.
            What `consequences` finds is always looked for, and stands in the way as well.
        author : str, optional
            The account's name when not given.
        message : str, optional
            What the batch is for.
        effective : date, optional
            Day from which the change holds in law, where the office loads it later.
        at : datetime, optional
            With time zone; now when not given. Kept to the millisecond; not before the store's last change.

        Returns
        -------
        Batch

        Raises
        ------
        StoreError
            If an error is not accepted, a code to accept is unknown or has no reason, another program holds the store, or it
            cannot be written. Nothing is changed.
        SchemaError
            If a frame is not its City layer: unknown columns, no identifier or a repeated one, a value outside its type.
        CRSError
            If a frame is not in the City's CRS.
        """
        whole_millisecond(at)
        layers = {**layers, **self._sources(source, layers)}
        schema = self.city.schema
        for name, frame in layers.items():
            require_layer(name, frame, schema.layer(name), self.city.crs)
        author = author or account()
        documents = told_source(layers.get("source_document"))
        found = self._standing(layers) if findings is None else findings
        with self.database.writing() as work:
            known = Circumstances(moment_of(work, at), author, effective, message, *documents)
            plans = {n: difference(work, n, f, schema.layer(n), at=known.at, author=author) for n, f in layers.items()}
            brought, pardoned = self._brought(work, plans)
            brought = brought[untold(brought, found)]
            found = pd.concat([pd.DataFrame(found), pd.DataFrame(brought)], ignore_index=True) if len(brought) else found
            batch = self._enter(work, plans, lineage_frame(), known, found, accept)
        return batch._replace(brought=brought, excused=pardoned)

    def apply(
        self,
        change: ChangeSet,
        *,
        accept: Mapping[str, str] | None = None,
        findings: pd.DataFrame | None = None,
        author: str | None = None,
        source: Path | str | pd.DataFrame | None = None,
        at: datetime.datetime | None = None,
    ) -> Batch:
        """
        Take a change set in: one batch, one transaction, everything or nothing.

        Parameters
        ----------
        change : ChangeSet
            Features are known by ``global_id``, or by key where the layer has none. A column that a frame lacks stays as it is in
            the store. Retired features leave the layer; history keeps them, the last version with status RETIRED.
        accept, findings, author, source, at
            As `load` takes them; `check` of the change set when no findings are given.

        Returns
        -------
        Batch

        Raises
        ------
        ConflictError
            If features to update or retire were changed after ``cs_from``, or are not there, or features to add are. Listed in
            ``conflicts``; nothing is changed.
        StoreError, SchemaError, CRSError
            As `load`.
        """
        whole_millisecond(at)
        author = author or account()
        schema, layers = self.city.schema, dict(change.layers)
        for name in layers:
            schema.layer(name)
        brought = self._sources(source, {}).get("source_document")
        told = [frame for frame in (brought, *_documents(change)) if frame is not None and len(frame)]
        documents = told_source(pd.concat(told, ignore_index=True) if told else None)
        if findings is None and brought is not None and "source_document" not in layers:
            document = LayerChange(brought, brought.iloc[:0], brought.iloc[:0][["doc_id"]])
            findings = self.check(change._replace(layers={**layers, "source_document": document}))
        seen = self.check(change) if findings is None else findings
        with self.database.writing() as work:
            known = Circumstances(moment_of(work, at), author, change.effective, change.message, *documents)
            plans, conflicts = {}, []
            for name, layer_change in layers.items():
                plans[name], told = planned(
                    work, name, layer_change, schema.layer(name), crs=self.city.crs, at=known.at, author=author
                )
                conflicts.append(told)
            require_no_conflict(pd.concat(conflicts, ignore_index=True) if conflicts else pd.DataFrame())
            if brought is not None and "source_document" not in plans:
                fields = schema.layer("source_document")
                plans["source_document"] = difference(work, "source_document", brought, fields, at=known.at, author=author)
            return self._enter(work, plans, change.lineage, known, seen, accept)

    def _standing(self, layers: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """What is wrong with layers and not excused by the City's register of exceptions."""
        beside = self.together(layers)
        found = self.check(layers, beside=beside)
        applied = excused(found, beside, self.city)
        return found if applied is None else applied.left

    def _brought(self, work: Transaction, plans: Mapping[str, Plan]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What a load makes wrong among what the store holds, and what of it the City's register of exceptions excuses."""
        made = consequences(work, plans, self.city)
        applied = excused(made.findings, made.layers, self.city) if len(made.findings) else None
        return (made.findings, made.findings.iloc[:0]) if applied is None else (applied.left, applied.excused)

    def undo(self, change: int | Batch, *, author: str | None = None, at: datetime.datetime | None = None) -> Batch:
        """
        Take a change back, by another change: its features are as before, its lineage and acceptances are withdrawn.

        Parameters
        ----------
        change : int or Batch
            The number of a change, or what `load` or `apply` gave. Undoing an undo does the first change again.
        author, at
            As `load` takes them.

        Returns
        -------
        Batch
            ``added``: features that are back; ``retired``: those that are out again.

        Raises
        ------
        ConflictError
            If later changes touched the same features; listed in ``conflicts``. Nothing is changed.
        StoreError
            If there is no such change, or it did nothing.
        """
        number = change.change_id if isinstance(change, Batch) else change
        if number is None:
            raise StoreError("That batch changed nothing, so there is nothing to undo.")
        author = author or account()
        with self.database.writing() as work:
            back = reversals(work, self.city.schema, int(number))
            others = [f"SELECT 1 FROM {name} WHERE change = ? LIMIT 1" for name in ("citygis_lineage", "citygis_accepted")]
            if not back and not any(work.rows(sql, int(number)) for sql in others):
                raise StoreError(f"Change {number} holds nothing that could be undone. Nothing was changed.")
            known = Circumstances(moment_of(work, at), author, message=f"Undo of change {number}")
            counts = {reversal.layer.layer: reversal.counts for reversal in back}
            change_id = enter_change(work, known, counts, none_accepted(), undo_of=int(number))
            for reversal in back:
                reverse(work, reversal, undone=int(number), change_id=change_id, at=known.at, author=author)
            withdraw(work, int(number), change_id)
        logger.info("change %d undoes %d: %s", change_id, number, counts)
        return Batch(change_id, counts, none_accepted(), {})

    def pin_labels(self, pins: pd.DataFrame, *, author: str | None = None, at: datetime.datetime | None = None) -> int:
        """
        Keep where labels are put; a pin of the same layer, feature and sheet is replaced.

        Parameters
        ----------
        pins : DataFrame
            Columns ``layer, global_id, sheet, easting, northing, angle`` as `label_pins` gives them; a pin without easting is
            taken out.
        author, at
            As `load` takes them.

        Returns
        -------
        int
            Pins kept.

        Raises
        ------
        StoreError
            If a feature is not in the store. Nothing is changed.
        """
        missing = [name for name in PIN_COLUMNS if name not in pins]
        if missing:
            raise ValueError(f"Invalid pins. Must have the columns {', '.join(PIN_COLUMNS)}; {', '.join(missing)} is missing.")
        author, moment = author or account(), pd.Timestamp(whole_millisecond(at))
        kept = pins[pins["easting"].notna()]
        with self.database.writing() as work:
            for layer, some in kept.groupby("layer"):
                held = found(work, work.table(layer), self.city.schema.layer(layer), some["global_id"].unique())
                if held["fid"].isna().any():
                    raise StoreError(f"{layer} has no feature {held.index[held['fid'].isna()][0]} to pin a label to.")
            taken = [tuple(row) for row in pins[["layer", "global_id", "sheet"]].itertuples(index=False)]
            work.run_many("DELETE FROM citygis_label_pin WHERE layer = ? AND global_id = ? AND sheet = ?", taken)
            rows = [(*row, author, work.cell(moment, "datetime")) for row in _plain_rows(kept[list(PIN_COLUMNS)])]
            if rows:
                names = ", ".join([*PIN_COLUMNS, "author", "at"])
                work.run_many(f"INSERT INTO citygis_label_pin ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        return len(rows)

    def _enter(
        self,
        work: Transaction,
        plans: dict[str, Plan],
        lineage: pd.DataFrame,
        known: Circumstances,
        findings: pd.DataFrame,
        accept: Mapping[str, str] | None,
    ) -> Batch:
        """The one way into the store: acceptances, the change, its layers, its lineage."""
        accepted = newly_accepted(work, findings, accept or {}, source_sha256=known.source_sha256 or "")
        counts = {name: plan.counts for name, plan in plans.items()}
        summary = findings["code"].value_counts().sort_index().to_dict()
        if not len(accepted) and not len(lineage) and all(plan.is_empty for plan in plans.values()):
            work.is_abandoned = True
            logger.info("the store already says all this; nothing was written")
            return Batch(None, counts, accepted, summary)
        change_id = enter_change(work, known, counts, accepted)
        for plan in plans.values():
            apply(work, plan, change_id=change_id, at=known.at)
        enter_lineage(work, lineage, change_id)
        logger.info("change %d: %s", change_id, counts)
        return Batch(change_id, counts, accepted, summary)

    def _sources(self, source: Path | str | pd.DataFrame | None, layers: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """The delivery's ``source_document`` rows, joined to those among the layers."""
        if source is None:
            return {}
        given = layers.get("source_document")
        if not isinstance(source, pd.DataFrame):
            held = self.read("source_document")
            known = held[held["doc_id"] == source_id_of(sha256_of(source))]
            source = known if len(known) else source_document(source, unit=unit_sent(source))
        if given is None:
            return {"source_document": source}
        return {"source_document": joined(given, source, "doc_id")}


def store(city: City, *, timeout_s: float = 10.0) -> Store:
    """
    The City's geodatabase; made, with all layers of the schema and no rows, where there is none yet.

    Parameters
    ----------
    city : City
        With a folder. Its `store` is a GeoPackage there, or the address of a PostGIS database (postgresql://host/name).
    timeout_s : float
        How long to wait while another program writes.

    Returns
    -------
    Store
        Also usable in a ``with`` block.

    Raises
    ------
    SettingsError
        If the City has no folder (the packaged defaults).
    StoreError
        If the store is damaged, not a City's geodatabase, in another CRS, or of another citygis; cannot be reached; or cannot be
        made.
    """
    database = database_of(city, timeout_s=timeout_s)
    if not database.exists():
        database.create(city.schema, city.crs)
    database.require(city.schema, city.crs)
    return Store(city, database)


def database_of(city: City, *, timeout_s: float = 10.0) -> Database:
    """Where a City's store lies, whether there is one yet or not: ``exists()`` says. Errors as `citygis.City.store_path`."""
    if city.database:
        return PostGIS(city.database, timeout_s=timeout_s)
    return GeoPackage(city.store_path, timeout_s=timeout_s)


def _documents(change: ChangeSet) -> list[pd.DataFrame]:
    rows = change.layers.get("source_document")
    return [rows.added, rows.updated] if rows is not None else []


def _plain_rows(frame: pd.DataFrame) -> list[tuple]:
    return [
        tuple(value.item() if isinstance(value, np.generic) else value for value in row) for row in frame.itertuples(index=False)
    ]
