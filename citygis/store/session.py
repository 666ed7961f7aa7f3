"""
The City's geodatabase as its users see it: load a batch, read a layer, look at what happened.
"""

import contextlib
import datetime
import getpass
import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.errors import StoreError
from citygis.gpkg import LayerInfo, decode, from_sql, layers_of, open_to_read, quoted, read_geopackage, single, table_of
from citygis.quality import validate
from citygis.readers import crs_stated, sha256_of, source_document
from citygis.schema import Layer, source_id_of
from citygis.store.acceptance import newly_accepted
from citygis.store.apply import Counts, apply, difference, require_layer
from citygis.store.layout import CS_FROM, CS_TO, create_store, history_of, require_store, writing
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, unit_of

logger = logging.getLogger(__name__)

_UNIT_CODES = {METRE: "M", US_SURVEY_FOOT: "FT_US", INTERNATIONAL_FOOT: "FT_INTL"}


class Batch(NamedTuple):
    """
    What a load did.

    ``change_id``: of the row in ``citygis_change``; None when the store already said all this and nothing was written.
    ``counts``: `Counts` by layer. ``accepted``: the findings accepted by this load (``finding_id, source_sha256, code,
    layer, feature, other, reason``). ``findings``: number of findings by code.
    """

    change_id: int | None
    counts: dict[str, Counts]
    accepted: pd.DataFrame
    findings: dict[str, int]


class Store:
    """
    A City's geodatabase. Make one with `store`.

    Nothing stays open between two calls: a desktop GIS may use the file in between, and it is complete in itself.

    Attributes
    ----------
    city : City
    path : Path
    """

    def __init__(self, city: City, path: Path, *, timeout_s: float) -> None:
        self.city = city
        self.path = path
        self._timeout_s = timeout_s

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to do: each call closes what it opened."""

    def layers(self) -> list[LayerInfo]:
        """The City's layers in the store: name, geometry type, rows."""
        return [layer for layer in layers_of(self.path) if layer.name in self.city.schema.layers]

    def read(
        self, layer: str, *, columns: Sequence[str] | None = None, bbox: tuple[float, float, float, float] | None = None
    ) -> gpd.GeoDataFrame | pd.DataFrame:
        """
        A layer as it is now.

        Parameters
        ----------
        layer : str
        columns : sequence of str, optional
            Fields of the layer; all when not given.
        bbox : tuple, optional
            Least easting, least northing, greatest easting, greatest northing in feet: features whose bounds meet it.

        Returns
        -------
        GeoDataFrame, or DataFrame for a layer without geometry
            In the order the rows came in, fresh index, types as `citygis.schema.empty_layer`.

        Raises
        ------
        SchemaError
            If the City has no such layer or field.
        """
        fields = self.city.schema.layer(layer)
        names = [fields.field(name).name for name in columns] if columns is not None else fields.names
        return read_geopackage(self.path, layer, columns=names, bbox=bbox)

    def history_rows(self, layer: str) -> gpd.GeoDataFrame | pd.DataFrame:
        """
        The versions of a layer's features that a later change replaced, oldest first.

        Returns
        -------
        GeoDataFrame, or DataFrame for a layer without geometry
            The layer's fields, then ``cs_from`` and ``cs_to``: the changes that made and ended the version.
        """
        fields = self.city.schema.layer(layer)
        with contextlib.closing(open_to_read(self.path)) as connection:
            table = table_of(connection, layer)
            columns = [column for column in table.columns if column.name in {*fields.names, CS_FROM.name}] + [CS_TO]
            names = [column.name for column in columns] + ([table.geometry_column] if table.geometry_column else [])
            taken = ", ".join(map(quoted, names))
            rows = connection.execute(f"SELECT {taken} FROM {quoted(history_of(layer))} ORDER BY version_id").fetchall()
        values = list(zip(*rows, strict=True)) if rows else [()] * len(names)
        frame = pd.DataFrame({c.name: from_sql(v, c) for c, v in zip(columns, values, strict=False)})
        if table.geometry_column is None:
            return frame
        return gpd.GeoDataFrame(frame, geometry=gpd.array.from_shapely(single(decode(values[-1])), crs=self.city.crs))

    def changes(self) -> pd.DataFrame:
        """
        What was loaded, oldest first.

        Returns
        -------
        DataFrame
            Columns ``id, at, effective, author, message, source, source_sha256, counts, accepted``; ``at`` in UTC, ``counts``
            and ``accepted`` as dicts.
        """
        with contextlib.closing(open_to_read(self.path)) as connection:
            frame = pd.read_sql_query("SELECT * FROM citygis_change ORDER BY id", connection)
        return frame.assign(
            at=pd.to_datetime(frame["at"], utc=True),
            counts=frame["counts"].map(json.loads),
            accepted=frame["accepted"].map(json.loads),
        )

    def accepted(self) -> pd.DataFrame:
        """
        The findings that were accepted, oldest first.

        Returns
        -------
        DataFrame
            Columns ``finding_id, source_sha256, code, layer, feature, other, reason, author, at, change``; ``source_sha256`` is
            empty where the acceptance holds for any delivery, until the ground changes.
        """
        with contextlib.closing(open_to_read(self.path)) as connection:
            frame = pd.read_sql_query("SELECT * FROM citygis_accepted ORDER BY change, finding_id", connection)
        return frame.assign(at=pd.to_datetime(frame["at"], utc=True))

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
        together = dict(layers)
        for name in self._seen_with(layers):
            fields = self.city.schema.layer(name)
            if name not in layers:
                together[name] = self.read(name)
            elif not _excludes(fields):
                identity = "global_id" if "global_id" in fields.names else fields.key[0]
                together[name] = _joined(layers[name], self.read(name), identity)
        return together

    def check(self, layers: Mapping[str, pd.DataFrame], *, beside: Mapping[str, pd.DataFrame] | None = None) -> gpd.GeoDataFrame:
        """
        What is wrong with layers, seen `together` with what the store holds.

        Parameters
        ----------
        layers : mapping of name to frame
        beside : mapping of name to frame, optional
            What `together` gave for them, where the caller has it already.

        Returns
        -------
        findings frame
            Of the layers given, not of the store's, and the gaps they leave (T02) where no feature of the store lies.
        """
        findings = validate(self.together(layers) if beside is None else beside, city=self.city)
        gap = findings["code"].eq("T02").to_numpy()
        ours = findings["layer"].isin(list(layers)).to_numpy() | gap
        for name in layers if gap.any() else ():
            if name in self.city.schema.layers and _excludes(self.city.schema.layer(name)):
                ours[gap] &= ~self._held(findings.geometry[gap], name, layers[name])
        return findings[ours].reset_index(drop=True)

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
            frame lacks stays as it is in the store. Nothing is ever deleted.
        source : path or source_document frame, optional
            Where the layers come from, unless their ``source_document`` rows are among them or in the store already.
        accept : mapping of finding code to reason, optional
            Errors to load in spite of; each is stored with the reason, and stays accepted until its ground changes.
        findings : findings frame, optional
            What is wrong with the layers; `check` when not given.
        author : str, optional
            The account's name when not given.
        message : str, optional
            What the batch is for.
        effective : date, optional
            Day from which the change holds in law, where the office loads it later.
        at : datetime, optional
            With time zone; now when not given. Kept to the millisecond.

        Returns
        -------
        Batch

        Raises
        ------
        StoreError
            If an error is not accepted, a code to accept is unknown or has no reason, another program holds the file, or it
            cannot be written. Nothing is changed.
        SchemaError
            If a frame is not its City layer: unknown columns, no identifier or a repeated one, a value outside its type.
        CRSError
            If a frame is not in the City's CRS.
        """
        at = _whole_millisecond(at)
        author = author or _account()
        layers = {**layers, **self._sources(source, layers)}
        schema = self.city.schema
        for name, frame in layers.items():
            require_layer(name, frame, schema.layer(name), self.city.crs)
        source_name, sha256 = _told_source(layers.get("source_document"))
        found = self.check(layers) if findings is None else findings
        with writing(self.path, timeout_s=self._timeout_s) as connection:
            accepted = newly_accepted(connection, found, accept or {}, source_sha256=sha256 or "")
            differences = {n: difference(connection, n, f, schema.layer(n), at=at, author=author) for n, f in layers.items()}
            counts = {name: change.counts for name, change in differences.items()}
            summary = found["code"].value_counts().sort_index().to_dict()
            if not len(accepted) and not any(c.added or c.updated for c in counts.values()):
                connection.execute("ROLLBACK")
                logger.info("the store already says all this; nothing was written")
                return Batch(None, counts, accepted, summary)
            change_id = _enter_change(connection, at, effective, author, message, source_name, sha256, counts, accepted)
            for change in differences.values():
                apply(connection, change, change_id=change_id, at=at)
        logger.info("change %d: %s", change_id, counts)
        return Batch(change_id, counts, accepted, summary)

    def _seen_with(self, layers: Mapping[str, pd.DataFrame]) -> list[str]:
        """The layers that rules about these need: those referred to, those that cover them, those that fill the same ground."""
        names: dict[str, None] = {}
        for name in layers:
            fields = self.city.schema.layer(name)
            topology = fields.topology
            names |= {f.reference.split(".")[0]: None for f in fields.fields if f.reference and f.name in layers[name]}
            names |= dict.fromkeys([topology.covered_by.layer] if topology.covered_by else [])
        for name, fields in self.city.schema.layers.items():
            if fields.topology.fills and {name, *fields.topology.fills_with} & set(layers):
                names |= dict.fromkeys([name, fields.topology.fills, *fields.topology.fills_with])
        return list(names)

    def _held(self, gaps: gpd.GeoSeries, name: str, delivered: pd.DataFrame) -> np.ndarray:
        """Which gaps lie where the store has a feature that the delivery leaves as it is."""
        held = self.read(name, columns=["global_id"])
        held = held[~held["global_id"].isin(delivered.get("global_id", ()))]
        found = shapely.STRtree(held.geometry.to_numpy()).query(shapely.point_on_surface(gaps.to_numpy()), predicate="intersects")[
            0
        ]
        return np.isin(np.arange(len(gaps)), found)

    def _sources(self, source: Path | str | pd.DataFrame | None, layers: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """The delivery's ``source_document`` rows, joined to those among the layers."""
        if source is None:
            return {}
        given = layers.get("source_document")
        if not isinstance(source, pd.DataFrame):
            held = self.read("source_document")
            known = held[held["doc_id"] == source_id_of(sha256_of(source))]
            source = known if len(known) else source_document(source, unit=_unit_sent(source))
        if given is None:
            return {"source_document": source}
        return {"source_document": _joined(given, source, "doc_id")}


def store(city: City, *, timeout_s: float = 10.0) -> Store:
    """
    The City's geodatabase; made, with all layers of the schema and no rows, where there is none yet.

    Parameters
    ----------
    city : City
        With a folder.
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
        If the file is damaged, not a City's geodatabase, in another CRS, or of a later citygis; or cannot be made.
    """
    path = city.store_path
    if not path.exists():
        create_store(path, schema=city.schema, crs=city.crs)
    require_store(path, crs=city.crs, schema=city.schema)
    return Store(city, path, timeout_s=timeout_s)


def _excludes(layer: Layer) -> bool:
    """Whether two features of a layer on the same ground are an error."""
    return layer.topology.exclusive and layer.topology.overlap_severity == "error"


def _joined(frame: pd.DataFrame, more: pd.DataFrame, identity: str) -> pd.DataFrame:
    """A frame with the rows of another that it lacks; as it is where it lacks the column that tells."""
    if identity not in frame:
        return frame
    new = more[~more[identity].isin(frame[identity])]
    return pd.concat([frame, new[[name for name in new if name in frame]]], ignore_index=True) if len(new) else frame


def _told_source(documents: pd.DataFrame | None) -> tuple[str | None, str | None]:
    """File names and SHA-256 of a delivery's documents, as the change row keeps them."""
    if documents is None:
        return None, None
    texts = [documents[name].dropna().astype("str") if name in documents else [] for name in ("uri", "sha256")]
    return tuple("; ".join(sorted(text)) or None for text in texts)


def _enter_change(
    connection: sqlite3.Connection,
    at: datetime.datetime,
    effective: datetime.date | None,
    author: str,
    message: str | None,
    source: str | None,
    source_sha256: str | None,
    counts: dict[str, Counts],
    accepted: pd.DataFrame,
) -> int:
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    reasons = accepted.groupby("code")["reason"].first().to_dict()
    change_id = connection.execute(
        "INSERT INTO citygis_change (at, effective, author, message, source, source_sha256, counts, accepted) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            moment,
            effective.isoformat() if effective else None,
            author,
            message,
            source,
            source_sha256,
            json.dumps({name: count._asdict() for name, count in counts.items()}, sort_keys=True),
            json.dumps(reasons, ensure_ascii=False, sort_keys=True),
        ),
    ).lastrowid
    rows = [[None if pd.isna(value) else value for value in row] for row in accepted.itertuples(index=False)]
    connection.executemany(
        "INSERT INTO citygis_accepted (finding_id, source_sha256, code, layer, feature, other, reason, author, at, change) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*row, author, moment, change_id) for row in rows],
    )
    return change_id


def _whole_millisecond(at: datetime.datetime | None) -> datetime.datetime:
    at = at or datetime.datetime.now(datetime.UTC)
    if at.tzinfo is None:
        raise ValueError(f"Invalid at {at}. Must have a time zone, such as datetime.now(datetime.UTC).")
    at = at.astimezone(datetime.UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        raise StoreError("The account has no name. Say who loads: author=... (or set the variable USER).") from None


def _unit_sent(path: Path | str) -> str:
    crs = crs_stated(path)
    if crs is None:
        raise StoreError(
            f"{path} does not state its coordinate system, so the unit of its source_document row is not known. "
            "Give that row as source: citygis.readers.source_document(path, unit=...)."
        )
    return _UNIT_CODES[unit_of(crs)] if crs.is_projected else "DEG"
