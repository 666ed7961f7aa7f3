"""
What the service holds: one SQLite file with a table per layer, the text of each feature's attributes and geometry kept as it is
sent.
"""

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from citygis.errors import SyncError
from citygis.rehearsal.shapes import measured

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS service (name TEXT PRIMARY KEY, item TEXT UNIQUE, definition TEXT);
CREATE TABLE IF NOT EXISTS layer (number INTEGER PRIMARY KEY, service TEXT, id INTEGER, definition TEXT, UNIQUE (service, id));
CREATE TABLE IF NOT EXISTS item (id TEXT PRIMARY KEY, properties TEXT, data BLOB);
"""
_FEATURES = """
CREATE TABLE features_{n} (objectid INTEGER PRIMARY KEY AUTOINCREMENT, globalid TEXT NOT NULL UNIQUE, attributes TEXT NOT NULL,
  geometry TEXT, xmin REAL, ymin REAL, xmax REAL, ymax REAL, born INTEGER NOT NULL, edited INTEGER NOT NULL);
CREATE TABLE deleted_{n} (objectid INTEGER, globalid TEXT, born INTEGER, died INTEGER);
"""
_VERSION = "1"


class Layer:
    """A layer of a service: its definition and the tables of its features."""

    def __init__(self, number: int, service: str, layer_id: int, definition: dict) -> None:
        self.number, self.service, self.id, self.definition = number, service, layer_id, definition
        self.table, self.deleted = f"features_{number}", f"deleted_{number}"

    @property
    def name(self) -> str:
        """Its name."""
        return self.definition["name"]

    @property
    def kind(self) -> str | None:
        """Esri's geometry type, or None for a table."""
        return self.definition.get("geometryType")

    @property
    def object_id(self) -> str:
        """The name of the field of OBJECTIDs."""
        return self.definition["objectIdField"]

    @property
    def global_id(self) -> str | None:
        """The name of the field of GlobalIDs, or None without one."""
        return self.definition.get("globalIdField") or None

    @property
    def fields(self) -> dict[str, dict]:
        """The fields by name in small letters."""
        return {f["name"].lower(): f for f in self.definition["fields"]}

    def complete(self, attributes: dict, object_id: int, global_id: str, shape: tuple[float | None, float | None]) -> str:
        """The attributes of a feature as text: every field in its order, null where nothing is said."""
        known = {**attributes, self.object_id: object_id}
        if self.global_id:
            known[self.global_id] = global_id
        known |= {"Shape__Area": shape[0], "Shape__Length": shape[1]}
        # A name may hold a space or a quote, so the text is made by json, not by hand.
        row = {f["name"]: known.get(f["name"]) for f in self.definition["fields"]}
        return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


class State:
    """
    The services, layers, items and features, in one file.

    Parameters
    ----------
    path : path
    is_kept : bool
        Whether the file is to outlive the process: written so that a crash leaves it whole.

    Raises
    ------
    SyncError
        If the file is not one of a rehearsal, or another server holds it.
    """

    def __init__(self, path: Path, *, is_kept: bool) -> None:
        self.lock = threading.RLock()
        try:
            self.connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=1)
            self.connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            self.connection.execute(f"PRAGMA journal_mode = {'WAL' if is_kept else 'MEMORY'}")
            self.connection.execute(f"PRAGMA synchronous = {'NORMAL' if is_kept else 'OFF'}")
            self.connection.execute("PRAGMA case_sensitive_like = ON")
            tables = {row[0] for row in self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if tables and not {"meta", "service", "layer", "item"} <= tables:
                raise SyncError(f"{path} is not the state of a rehearsal. Name a file that citygis rehearse made, or a new one.")
            self.connection.executescript(_TABLES)
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.execute("INSERT OR IGNORE INTO meta VALUES ('version', ?)", (_VERSION,))
            self.connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise SyncError(
                f"{path} cannot be opened as the state of a rehearsal: {error}. Is another server running on it?"
            ) from None
        except sqlite3.DatabaseError as error:
            raise SyncError(f"{path} is not the state of a rehearsal: {error}. Name another file.") from None
        if self.meta("version") != _VERSION:
            raise SyncError(f"{path} was made by another version of citygis. Name a new file.")
        self._read()

    def _read(self) -> None:
        rows = self.connection.execute("SELECT number, service, id, definition FROM layer ORDER BY number").fetchall()
        known = {layer.number: layer for layer in getattr(self, "layers", {}).values()}
        self.layers: dict[tuple[str, int], Layer] = {}
        for number, service, layer_id, text in rows:
            # Requests under way hold the layer: after a rollback it is the same object, with the definition that was kept.
            layer = known.get(number) or Layer(number, service, layer_id, {})
            layer.definition = json.loads(text)
            self.layers[service, layer_id] = layer
        rows = self.connection.execute("SELECT name, item, definition FROM service ORDER BY rowid").fetchall()
        self.services = {name: {"item": item, "definition": json.loads(text)} for name, item, text in rows}
        self.generation = int(self.meta("generation") or 1)

    def meta(self, key: str) -> str | None:
        """A note kept in the file."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Keep a note in the file."""
        self.connection.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
        )

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is done inside is kept, or nothing of it."""
        with self.lock:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.connection.execute("ROLLBACK")
                self._read()
                raise
            self.connection.execute("COMMIT")

    def empty(self) -> None:
        """Forget every service, layer and item."""
        with self.lock:
            for layer in list(self.layers.values()):
                self.drop(layer)
            self.connection.executescript("DELETE FROM layer; DELETE FROM service; DELETE FROM item;")
            self._read()

    def add_service(self, name: str, item: str, definition: dict) -> None:
        """A new service without layers."""
        self.connection.execute("INSERT INTO service VALUES (?, ?, ?)", (name, item, json.dumps(definition)))
        self.services[name] = {"item": item, "definition": definition}

    def add_layer(self, service: str, definition: dict, layer_id: int | None = None) -> Layer:
        """A new layer without features; it gets the next id of its service."""
        if layer_id is None:
            layer_id = max((i for name, i in self.layers if name == service), default=-1) + 1
        text = json.dumps(definition)
        cursor = self.connection.execute("INSERT INTO layer (service, id, definition) VALUES (?, ?, ?)", (service, layer_id, text))
        layer = Layer(cursor.lastrowid, service, layer_id, definition)
        for statement in _FEATURES.format(n=layer.number).split(";"):
            self.connection.execute(statement)
        self.layers[service, layer_id] = layer
        return layer

    def save(self, layer: Layer) -> None:
        """Keep a layer's definition."""
        self.connection.execute("UPDATE layer SET definition = ? WHERE number = ?", (json.dumps(layer.definition), layer.number))

    def drop(self, layer: Layer) -> None:
        """Forget a layer and its features."""
        self.connection.execute(f"DROP TABLE {layer.table}")
        self.connection.execute(f"DROP TABLE {layer.deleted}")
        self.connection.execute("DELETE FROM layer WHERE number = ?", (layer.number,))
        del self.layers[layer.service, layer.id]

    def add_rows(self, layer: Layer, rows: Iterable[tuple]) -> None:
        """Features as they are: (objectid, globalid, attributes, geometry, xmin, ymin, xmax, ymax)."""
        generation = self.generation
        self.connection.executemany(f"INSERT INTO {layer.table} VALUES (?, ?, ?, ?, ?, ?, ?, ?, {generation}, {generation})", rows)

    def find(self, layer: Layer, *, object_id: Any = None, global_id: str | None = None) -> tuple | None:
        """(objectid, globalid, attributes text, geometry text) of a feature, or None."""
        column, key = ("globalid", global_id) if global_id else ("objectid", object_id)
        return self.connection.execute(
            f"SELECT objectid, globalid, attributes, geometry FROM {layer.table} WHERE {column} = ?", (key,)
        ).fetchone()

    def put(self, layer: Layer, object_id: int | None, global_id: str, attributes: dict, geometry: dict | None) -> int:
        """Keep a feature, a new one where `object_id` is None; returns its OBJECTID."""
        bounds, *shape = measured(geometry, layer.kind) if layer.kind else (None, None, None)
        text = json.dumps(geometry, separators=(",", ":")) if geometry else None
        values = (global_id, text, *(bounds or (None,) * 4))
        generation = self.generation + 1
        if object_id is None:
            cursor = self.connection.execute(
                f"INSERT INTO {layer.table} (globalid, geometry, xmin, ymin, xmax, ymax, born, edited, attributes) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')",
                (*values, generation, generation),
            )
            object_id = cursor.lastrowid
        else:
            self.connection.execute(
                f"UPDATE {layer.table} SET globalid = ?, geometry = ?, xmin = ?, ymin = ?, xmax = ?, ymax = ?, edited = ? "
                "WHERE objectid = ?",
                (*values, generation, object_id),
            )
        self.connection.execute(
            f"UPDATE {layer.table} SET attributes = ? WHERE objectid = ?",
            (layer.complete(attributes, object_id, global_id, tuple(shape)), object_id),
        )
        return object_id

    def remove(self, layer: Layer, object_id: int) -> None:
        """Take a feature out."""
        self.connection.execute(
            f"INSERT INTO {layer.deleted} SELECT objectid, globalid, born, ? FROM {layer.table} WHERE objectid = ?",
            (self.generation + 1, object_id),
        )
        self.connection.execute(f"DELETE FROM {layer.table} WHERE objectid = ?", (object_id,))

    def edited(self, layer: Layer, *, schema: bool = False) -> int:
        """Say that a layer was edited, at the end of a transaction; returns the moment in milliseconds."""
        info = layer.definition.setdefault("editingInfo", {})
        moment = max(int(time.time() * 1000), info.get("lastEditDate", 0) + 1)
        info |= {"lastEditDate": moment, "schemaLastEditDate" if schema else "dataLastEditDate": moment}
        self.generation += 1
        self.set_meta("generation", str(self.generation))
        self.save(layer)
        return moment

    def extent(self, layer: Layer, where: str = "1", values: Iterable = ()) -> dict | None:
        """The bounds of the features that meet a condition, or None where none has any."""
        row = self.connection.execute(
            f"SELECT min(xmin), min(ymin), max(xmax), max(ymax) FROM {layer.table} WHERE {where}", tuple(values)
        ).fetchone()
        if row[0] is None:
            return None
        return {
            **dict(zip(("xmin", "ymin", "xmax", "ymax"), row, strict=True)),
            "spatialReference": layer.definition["spatialReference"],
        }

    def count(self, layer: Layer) -> int:
        """How many features a layer has."""
        return self.connection.execute(f"SELECT count(*) FROM {layer.table}").fetchone()[0]

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.connection.close()
