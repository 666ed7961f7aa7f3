"""
The reading half of the City's geodatabase: layers as of any day, what changed, where a feature comes from.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import geopandas as gpd
import pandas as pd

from citygis.city import City
from citygis.gpkg import LayerInfo
from citygis.store.database import Database
from citygis.store.explanation import explanation
from citygis.store.history import DIFF_COLUMNS, AsOf, change_at, layer_as_of, layer_diff, versions
from citygis.store.layout import history_of
from citygis.store.lineage import features_named, lineage_of

PIN_COLUMNS = ("layer", "global_id", "sheet", "easting", "northing", "angle")
"""Of a label pin, beside who put it there and when."""


class Reading:
    """
    What a store holds and held. `citygis.store.Store` adds what changes it.

    Attributes
    ----------
    city : City
    place : str
        The file or the database, as messages name it; never with a password.
    database : Database
    """

    def __init__(self, city: City, database: Database) -> None:
        self.city = city
        self.database = database
        self.place = database.place

    @property
    def path(self) -> Path:
        """The GeoPackage. `SettingsError` where the store is a database."""
        return self.city.store_path

    def layers(self) -> list[LayerInfo]:
        """The City's layers in the store: name, geometry type, rows."""
        return [layer for layer in self.database.layers() if layer.name in self.city.schema.layers]

    def read(
        self,
        layer: str,
        *,
        columns: Sequence[str] | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        as_of: AsOf | None = None,
    ) -> gpd.GeoDataFrame | pd.DataFrame:
        """
        A layer as it is now, or as it was.

        Parameters
        ----------
        layer : str
        columns : sequence of str, optional
            Fields of the layer; all when not given.
        bbox : tuple, optional
            Least easting, least northing, greatest easting, greatest northing in feet: features whose bounds meet it. Not with
            `as_of`.
        as_of : int, str, date or datetime, optional
            A change's number (0: before the first); a day, also as "2026-01-31", which counts to its end in UTC; or a moment with
            time zone. What the store held then, whatever the day a change holds from in law.

        Returns
        -------
        GeoDataFrame, or DataFrame for a layer without geometry
            In the order the rows came in, fresh index, types as `citygis.schema.empty_layer`.

        Raises
        ------
        SchemaError
            If the City has no such layer or field.
        StoreError
            If there is no such change.
        """
        fields = self.city.schema.layer(layer)
        names = [fields.field(name).name for name in columns] if columns is not None else list(fields.names)
        if as_of is None:
            return self.database.read(fields, columns=names, bbox=bbox).reset_index(drop=True)
        if bbox is not None:
            raise ValueError("Invalid bbox with as_of. Must be one or the other: an earlier state has no spatial index.")
        with self.database.reading() as work:
            change = change_at(work, as_of)
        return layer_as_of(self.database, fields, names, change)

    def history_rows(self, layer: str) -> gpd.GeoDataFrame | pd.DataFrame:
        """
        The versions of a layer's features that a later change replaced, oldest first.

        Returns
        -------
        GeoDataFrame, or DataFrame for a layer without geometry
            The layer's fields, then ``cs_from`` and ``cs_to``: the changes that made and ended the version. The last row
            of a retired feature has status RETIRED, and its own change in both.
        """
        fields = self.city.schema.layer(layer)
        with self.database.reading() as work:
            table = work.table(layer)
            names = [*fields.names, "cs_from", "cs_to"]
            frame = versions(work, table, history_of(layer), names, "1 = 1").reset_index(drop=True)
        return frame.set_crs(self.city.crs) if isinstance(frame, gpd.GeoDataFrame) else frame

    def changes(self) -> pd.DataFrame:
        """
        What was done, oldest first.

        Returns
        -------
        DataFrame
            Columns ``id, at, effective, author, message, source, source_sha256, counts, accepted, undo_of``; ``at`` in UTC,
            ``counts`` and ``accepted`` as dicts, ``undo_of`` (Int64) the change that this one took back.
        """
        names = ["id", "at", "effective", "author", "message", "source", "source_sha256", "counts", "accepted", "undo_of"]
        with self.database.reading() as work:
            rows = work.rows(f"SELECT {', '.join(names)} FROM citygis_change ORDER BY id")
        frame = pd.DataFrame(rows, columns=names)
        return frame.assign(
            at=pd.to_datetime(frame["at"], utc=True),
            effective=frame["effective"].map(lambda day: None if pd.isna(day) else str(day)).astype(object),
            counts=frame["counts"].map(json.loads),
            accepted=frame["accepted"].map(json.loads),
            undo_of=frame["undo_of"].astype("Int64"),
        )

    def accepted(self) -> pd.DataFrame:
        """
        The findings that were accepted and not withdrawn by an undo, oldest first.

        Returns
        -------
        DataFrame
            Columns ``finding_id, source_sha256, code, layer, feature, other, reason, author, at, change``; ``source_sha256`` is
            empty where the acceptance holds for any delivery, until the ground changes.
        """
        names = ["finding_id", "source_sha256", "code", "layer", "feature", "other", "reason", "author", "at", "change"]
        with self.database.reading() as work:
            order = "ORDER BY change, finding_id"
            rows = work.rows(f"SELECT {', '.join(names)} FROM citygis_accepted WHERE undone_by IS NULL {order}")
        frame = pd.DataFrame(rows, columns=names)
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))

    def diff(self, a: AsOf, b: AsOf, layer: str | None = None) -> gpd.GeoDataFrame:
        """
        What is otherwise at one moment than at another.

        Parameters
        ----------
        a, b : int, str, date or datetime
            As `read` takes `as_of`; `b` may be the earlier one.
        layer : str, optional
            All layers when not given.

        Returns
        -------
        GeoDataFrame
            One row per feature that differs, who took it in and when apart. Columns ``layer``; ``feature``, its ``global_id`` (or
            key); ``name``, its key; ``kind`` added, updated or retired; ``fields``, those that were updated; ``before`` and
            ``after``, dicts of their values, of all fields where the feature was added or retired; ``change``, the last one that
            touched it; ``geometry`` after, or before where it was retired.
        """
        names = [layer] if layer is not None else list(self.city.schema.layers)
        layers = [self.city.schema.layer(name) for name in names]
        with self.database.reading() as work:
            first, last = change_at(work, a), change_at(work, b)
            parts = [layer_diff(work, each, first, last) for each in layers]
        told = [part for part in parts if len(part)]
        frame = pd.concat(told, ignore_index=True) if told else pd.DataFrame(columns=[*DIFF_COLUMNS, "geometry"], dtype=object)
        shapes = gpd.GeoSeries(frame["geometry"].to_numpy(), index=frame.index, crs=self.city.crs)
        return gpd.GeoDataFrame(frame.drop(columns="geometry"), geometry=shapes)

    def lineage(self, name: str) -> pd.DataFrame:
        """
        What a feature came from and what became of it.

        Parameters
        ----------
        name : str
            A parcel number (or another key), as stored or as written, or a ``global_id``; of now or of history.

        Returns
        -------
        DataFrame
            One row per parent and child, oldest first. ``generation``: -1 its parents, 1 its children, and so on; ``parent`` and
            ``child`` are ``global_id``, ``parent_name`` and ``child_name`` keys; ``share_parent`` and ``share_child`` say which
            share of the ground of each is the ground of both; ``change, at, effective`` of the batch. No rows where nothing is
            known.

        Raises
        ------
        StoreError
            If the store never had such a feature.
        """
        with self.database.reading() as work:
            return lineage_of(work, self.city.schema, features_named(work, self.city.schema, name))

    def explain(self, name: str) -> dict:
        """
        Where a feature comes from: its versions, changes, documents, lineage and accepted findings.

        Parameters
        ----------
        name : str
            As `lineage` takes it.

        Returns
        -------
        dict
            Of plain values: ``layer, feature, name, holds``; ``entity``, the row, handle or call it was read from; ``versions``,
            oldest first, each with ``change``, ``until``, ``at``, ``author`` and its values; ``documents``, the
            ``source_document`` rows it names; ``lineage``; ``accepted``. Other features of the same name are in ``others``.

        Raises
        ------
        StoreError
            If the store never had such a feature.
        """
        with self.database.reading() as work:
            return explanation(work, self.city.schema, name)

    def label_pins(self, layer: str | None = None) -> pd.DataFrame:
        """
        Where somebody put labels.

        Returns
        -------
        DataFrame
            Columns ``layer, global_id, sheet, easting, northing, angle, author, at``; ``angle`` in degrees counterclockwise from
            east; ``sheet`` is empty where the place holds for all.
        """
        names = [*PIN_COLUMNS, "author", "at"]
        where, values = ("WHERE layer = ?", [layer]) if layer is not None else ("", [])
        order = "ORDER BY layer, global_id, sheet"
        with self.database.reading() as work:
            rows = work.rows(f"SELECT {', '.join(names)} FROM citygis_label_pin {where} {order}", *values)
        frame = pd.DataFrame(rows, columns=names)
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))
