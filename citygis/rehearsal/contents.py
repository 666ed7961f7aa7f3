"""
A GeoPackage's layers into the state of a rehearsal: types, lengths and domains by the City's schema where it knows the layer.

The file is read with the standard library's sqlite3 and shapely alone: a server starts in a second, of which geopandas would take
half.
"""

import contextlib
import json
import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely

from citygis.errors import SyncError
from citygis.rehearsal import fields as kinds
from citygis.rehearsal.definitions import layer_definition, merged, spatial_reference
from citygis.rehearsal.shapes import KINDS, LINE, POINT, POLYGON, esri_json
from citygis.rehearsal.state import Layer, State

CHUNK_ROWS = 5_000
_ENVELOPE_BYTES = (0, 32, 48, 48, 64, 0, 0, 0)
_TYPES = {
    "BOOLEAN": "esriFieldTypeSmallInteger",
    "TINYINT": "esriFieldTypeSmallInteger",
    "SMALLINT": "esriFieldTypeSmallInteger",
    "MEDIUMINT": "esriFieldTypeInteger",
    "INT": "esriFieldTypeBigInteger",
    "INTEGER": "esriFieldTypeBigInteger",
    "FLOAT": kinds.SINGLE,
    "DOUBLE": kinds.DOUBLE,
    "REAL": kinds.DOUBLE,
    "DATE": kinds.DATE_ONLY,
    "DATETIME": kinds.DATE,
}
"""GeoPackage 1.3, table 1, in Esri's types; true and false become 1 and 0 of a small integer, for hosted layers have no boolean."""
_SCHEMA_TYPES = {
    "double": kinds.DOUBLE,
    "integer": "esriFieldTypeInteger",
    "boolean": "esriFieldTypeSmallInteger",
    "date": kinds.DATE_ONLY,
    "datetime": kinds.DATE,
    "uuid": kinds.GUID,
}
_OWN = {"objectid", "globalid", "shape__area", "shape__length"}


def load(
    state: State,
    source: Path,
    *,
    service: str,
    item: str,
    layers: Sequence[str] = (),
    overrides: Mapping[str, Mapping] | None = None,
) -> list[str]:
    """
    Fill an empty state from a GeoPackage, which is only read.

    Parameters
    ----------
    state : State
    source : path
    service, item : str
        The name of the service and the id of its item.
    layers : sequence of str
        Which layers; all when empty, without tables of history and without the schema's restricted layers.
    overrides : mapping of layer to mapping, optional
        Changes to the layers' definitions, as `citygis.rehearsal.definitions.merged` takes them.

    Returns
    -------
    list of str
        Remarks: what was left out, and why.

    Raises
    ------
    SyncError
        If the file is missing or no GeoPackage, has no such layer, or its GlobalIDs are no GUIDs or come twice.
    """
    if not source.is_file():
        raise SyncError(f"{source} is not there. Name a GeoPackage of the City's layers.")
    remarks: list[str] = []
    try:
        with contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as file, state.transaction():
            wanted = _wanted(file, source, layers, remarks)
            unknown = set(overrides or {}) - set(wanted)
            if unknown:
                raise SyncError(
                    f"{source} has no layer {', '.join(sorted(unknown))} to define anew. Served are: {', '.join(wanted)}."
                )
            state.add_service(service, item, {"serviceDescription": f"A rehearsal with {source.name}"})
            for name in wanted:
                _load_layer(state, service, file, name, (overrides or {}).get(name, {}), remarks)
    except sqlite3.DatabaseError as error:
        raise SyncError(f"{source} cannot be read as a GeoPackage: {error}. Write it anew from its source.") from None
    return remarks


def feature_rows(source: Path, limit: int = 1_000_000) -> Iterator[tuple[dict, dict | None]]:
    """Attributes and geometry of the features of the first layer of a GeoPackage, for an append job; errors as sqlite3's."""
    with contextlib.closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as file:
        name = _wanted(file, source, (), [])[0]
        columns, geometry, kind, has_z, _reference, key = _table(file, name)
        fields = [_plain_field(file, name, column, declared, False) for column, declared, _ in columns]
        for _ids, values, shapes in _chunks(file, name, key, [c[0] for c in columns], geometry, limit):
            texts = esri_json(shapes, kind, has_z) if kind else [None] * len(values[0] if values else [])
            ready = [_converted(column, f) for column, f in zip(values, fields, strict=True)]
            for row, text in zip(zip(*ready, strict=True), texts, strict=True):
                yield dict(zip((f["name"] for f in fields), row, strict=True)), json.loads(text) if text else None


def _wanted(file: sqlite3.Connection, source: Path, layers: Sequence[str], remarks: list[str]) -> list[str]:
    rows = file.execute("SELECT table_name FROM gpkg_contents WHERE data_type IN ('features', 'attributes') ORDER BY rowid")
    there = [row[0] for row in rows]
    missing = [name for name in layers if name not in there]
    if missing or not there:
        raise SyncError(f"{source} has no layer {', '.join(missing) or 'at all'}. It has: {', '.join(there) or 'none'}.")
    if layers:
        return list(dict.fromkeys(layers))
    kept = []
    for name in there:
        if name.endswith("_hist") or name.startswith("citygis_"):
            continue
        schema_layer = _schema_layer(name)
        if schema_layer is not None and schema_layer.restricted:
            remarks.append(f"{name} is restricted and is not served. Name it with --layer to rehearse with it.")
        else:
            kept.append(name)
    return kept


def _schema_layer(name: str) -> Any:
    """The City layer of that name, or None. The schema is read only where its folder has a file of that name."""
    from importlib import resources

    if (
        not re.fullmatch(r"[a-z][a-z0-9_]*", name)
        or not (resources.files("citygis") / "schema" / "layers" / f"{name}.toml").is_file()
    ):
        return None
    from citygis.schema import schema

    return schema().layers.get(name)


def _load_layer(state: State, service: str, file: sqlite3.Connection, name: str, override: Mapping, remarks: list[str]) -> None:
    columns, geometry, kind, has_z, reference, key = _table(file, name)
    left_out = [column for column, declared, _ in columns if declared.upper().startswith("BLOB")]
    if left_out:
        remarks.append(f"{name}: {', '.join(left_out)} left out, a hosted layer has no field for bytes.")
    columns = [c for c in columns if c[0] not in left_out]
    city_layer = _schema_layer(name)
    by_schema = {f.name: f for f in city_layer.fields} if city_layer else {}
    own = {c[0].lower(): c[0] for c in columns if c[0].lower() in _OWN}
    columns = [c for c in columns if c[0].lower() not in _OWN]
    fields = [
        _schema_field(name, by_schema[column]) if column in by_schema else _plain_field(file, name, column, declared, required)
        for column, declared, required in columns
    ]
    resolution = 0.0001 / _metres(reference)
    definition = merged(
        layer_definition(name, fields, kind=kind, has_z=has_z, reference=reference, resolution=resolution), override
    )
    moment = int(time.time() * 1000)
    definition["editingInfo"] = {"lastEditDate": moment, "schemaLastEditDate": moment, "dataLastEditDate": moment}
    layer = state.add_layer(service, definition)
    fields = [layer.fields.get(column.lower()) for column, *_ in columns]
    kept = [i for i, f in enumerate(fields) if f]
    id_column = own.get("globalid") or next((c for c, *_ in columns if c.lower() == "global_id"), None)
    object_column = own.get("objectid")
    read = [columns[i][0] for i in kept] + [c for c in (id_column, object_column) if c]
    tracking = _tracking(definition, moment)
    try:
        for ids, values, shapes in _chunks(file, name, key, read, geometry):
            extra = values[len(kept) :]
            if object_column:
                ids = [int(v) for v in extra.pop()]
            global_ids = _global_ids(name, id_column, extra.pop() if id_column else None, len(ids))
            converted = [_converted(values[place], fields[i]) for place, i in enumerate(kept)]
            names = [fields[i]["name"] for i in kept]
            state.add_rows(layer, _rows(layer, ids, global_ids, names, converted, shapes, tracking))
    except sqlite3.IntegrityError as error:
        raise SyncError(f"{name}: {error}. Every feature needs a GlobalID and an OBJECTID of its own; mend the file.") from None


def _rows(layer: Layer, ids, global_ids, names, converted, shapes, tracking) -> Iterator[tuple]:
    n = len(ids)
    texts, areas, lengths, bounds = [None] * n, [None] * n, [None] * n, np.full((n, 4), np.nan)
    if layer.kind:
        texts = esri_json(shapes, layer.kind, bool(layer.definition.get("hasZ")))
        bounds = shapely.bounds(shapes).reshape(-1, 4)
        if layer.kind == POLYGON:
            areas = np.nan_to_num(shapely.area(shapes)).tolist()
        if layer.kind in (POLYGON, LINE):
            lengths = np.nan_to_num(shapely.length(shapes)).tolist()
    bounds = [row if row[0] == row[0] else (None,) * 4 for row in bounds.tolist()]
    rows = zip(*converted, strict=True) if converted else [()] * n
    for i, row in enumerate(rows):
        attributes = {**tracking, **dict(zip(names, row, strict=True))}
        text = layer.complete(attributes, ids[i], global_ids[i], (areas[i], lengths[i]))
        yield ids[i], global_ids[i], text, texts[i], *bounds[i]


def _chunks(file, name, key, columns, geometry, limit: int | None = None) -> Iterator[tuple[list, list[list], np.ndarray]]:
    listed = ", ".join(_quoted(c) for c in [key, *columns, *([geometry] if geometry else [])])
    cursor = file.execute(f"SELECT {listed} FROM {_quoted(name)} ORDER BY {_quoted(key)}" + (f" LIMIT {limit}" if limit else ""))
    while rows := cursor.fetchmany(CHUNK_ROWS):
        turned = [list(column) for column in zip(*rows, strict=True)]
        blobs = turned.pop() if geometry else []
        bodies = [None if blob is None else blob[8 + _ENVELOPE_BYTES[blob[3] >> 1 & 0b111] :] for blob in blobs]
        yield turned[0], turned[1:], shapely.from_wkb(np.array(bodies, dtype=object))


def _table(file: sqlite3.Connection, name: str):
    """Columns (name, declared type, not null), geometry column, Esri's kind, has_z, spatial reference, key."""
    info = file.execute(f"PRAGMA table_info({_quoted(name)})").fetchall()
    key = next((row[1] for row in info if row[5]), "rowid")
    row = file.execute(
        "SELECT column_name, geometry_type_name, z, srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (name,)
    ).fetchone()
    geometry, declared, z, srs = row or (None, "", 0, 0)
    columns = [(r[1], r[2] or "TEXT", bool(r[3])) for r in info if r[1] not in (key, geometry)]
    if geometry is None:
        return columns, None, None, False, {}, key
    first = file.execute(
        f"SELECT {_quoted(geometry)} FROM {_quoted(name)} WHERE {_quoted(geometry)} IS NOT NULL LIMIT 1"
    ).fetchone()
    kind, has_z = {"POINT": POINT, "LINESTRING": LINE, "MULTILINESTRING": LINE}.get(declared.upper(), POLYGON), z == 1
    if first:
        shape = shapely.from_wkb(first[0][8 + _ENVELOPE_BYTES[first[0][3] >> 1 & 0b111] :])
        kind, has_z = KINDS.get(shapely.get_type_id(shape).item(), kind), has_z or bool(shapely.has_z(shape))
    said = file.execute(
        "SELECT organization, organization_coordsys_id, definition FROM gpkg_spatial_ref_sys WHERE srs_id = ?", (srs,)
    ).fetchone()
    reference = spatial_reference(said[1] if said and said[0].upper() == "EPSG" else (said[2] if said and srs > 0 else None))
    return columns, geometry, kind, has_z, reference, key


def _plain_field(file: sqlite3.Connection, table: str, column: str, declared: str, required: bool) -> dict:
    word, _, rest = declared.upper().partition("(")
    digits = rest.rstrip(") ")
    if word.strip() in _TYPES:
        return kinds.field(column, _TYPES[word.strip()], nullable=not required)
    if digits == "36":
        odd = file.execute(
            f"SELECT 1 FROM {_quoted(table)} WHERE {_quoted(column)} IS NOT NULL AND {_quoted(column)} NOT GLOB "
            "'????????-????-????-????-????????????' LIMIT 1"
        ).fetchone()
        if not odd:
            return kinds.field(column, kinds.GUID, nullable=not required)
    longest = file.execute(f"SELECT coalesce(max(length({_quoted(column)})), 0) FROM {_quoted(table)}").fetchone()[0]
    length = int(digits) if digits.isdigit() else max(256, longest)
    return kinds.field(column, kinds.STRING, length=length, nullable=not required)


def _schema_field(layer: str, said: Any) -> dict:
    domain = (
        {
            "type": "codedValue",
            "name": f"{layer}_{said.name}",
            "codedValues": [{"name": label, "code": code} for code, label in said.domain.items()],
        }
        if said.domain
        else None
    )
    kind = _SCHEMA_TYPES.get(said.type, kinds.STRING)
    return kinds.field(
        said.name,
        kind,
        alias=said.title or said.name.replace("_", " ").capitalize(),
        length=(said.length or 256) if kind == kinds.STRING else None,
        nullable=not said.required,
        domain=domain,
    )


def _converted(values: list, field: dict) -> list:
    kind = field["type"]
    if kind == kinds.DATE:
        texts = [None if v is None else str(v).strip().rstrip("Z").replace(" ", "T").split("+")[0] for v in values]
        moments = np.array(texts, dtype="datetime64[ms]")
        return [None if text is None else int(n) for text, n in zip(texts, moments.astype("int64"), strict=True)]
    if kind == kinds.SINGLE:
        return [None if v is None else kinds.single(v) for v in values]
    if kind in (kinds.GUID, kinds.GLOBAL_ID):
        return [None if v is None else kinds.braced(v) or v for v in values]
    if kind in kinds.RANGES:
        return [None if v is None else int(v) for v in values]
    if kind == kinds.DOUBLE:
        return [v if v is None or v - v == 0 else None for v in values]  # infinity is no JSON
    return values


def _global_ids(layer: str, column: str | None, values: list | None, n: int) -> list[str]:
    if values is None:
        return [kinds.new_global_id() for _ in range(n)]
    braced = [kinds.new_global_id() if value is None else kinds.braced(value) for value in values]
    if None in braced:
        raise SyncError(f"{layer}.{column}: {values[braced.index(None)]!r} is no GUID. A GlobalID needs one; mend the file.")
    return braced


def _tracking(definition: dict, moment: int) -> dict:
    names = definition.get("editFieldsInfo") or {}
    said = {"creationDateField": moment, "editDateField": moment, "creatorField": "rehearsal", "editorField": "rehearsal"}
    return {names[role]: value for role, value in said.items() if role in names}


def _metres(reference: Mapping) -> float:
    """The metres of a unit of a spatial reference; of a degree, along the equator."""
    if not reference:
        return 1.0
    from pyproj import CRS

    crs = CRS.from_user_input(reference.get("latestWkid") or reference["wkt"])
    factor = crs.axis_info[0].unit_conversion_factor
    return factor * 6378137.0 if crs.is_geographic else factor


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
