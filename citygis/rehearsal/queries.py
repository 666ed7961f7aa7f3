"""
The query operation of a layer: the texts of features put together into pages, without being taken apart.
"""

import functools
import json
from collections.abc import Mapping

from citygis.rehearsal.conduct import Conduct
from citygis.rehearsal.rules import RequestError
from citygis.rehearsal.shapes import is_curved, meets, moved, straight, without_z
from citygis.rehearsal.state import Layer, State
from citygis.rehearsal.where import Column, condition

_REFUSED = {
    "outStatistics": "statistics",
    "groupByFieldsForStatistics": "statistics",
    "having": "statistics",
    "quantizationParameters": "quantized coordinates",
    "time": "a time filter",
    "datumTransformation": "a datum transformation",
}


def query_kind(form: Mapping[str, str]) -> str:
    """``count``, ``ids``, ``extent`` or ``features``, by what a query asks for."""
    for kind, parameter in (("ids", "returnIdsOnly"), ("extent", "returnExtentOnly"), ("count", "returnCountOnly")):
        if is_true(form.get(parameter)):
            return kind
    return "features"


def is_true(text: str | None) -> bool:
    """Whether a parameter says true, in any case."""
    return (text or "").strip().lower() == "true"


def answer(state: State, layer: Layer, form: Mapping[str, str], conduct: Conduct) -> bytes:
    """
    The reply to a query.

    Parameters
    ----------
    state : State
    layer : Layer
    form : mapping of str to str
        Parameters of the operation, as sent.
    conduct : Conduct

    Returns
    -------
    bytes
        JSON. A page ends at ``maxRecordCount``, at ``resultRecordCount`` or above ``max_page_bytes``, and says so.

    Raises
    ------
    RequestError
        For a parameter that is not understood, or that this service does not offer.
    """
    _require_offered(layer, form)
    with state.lock:
        where, values = _filter(state, layer, form)
        kind = query_kind(form)
        if kind == "count":
            n = state.connection.execute(f"SELECT count(*) FROM {layer.table} WHERE {where}", values).fetchone()[0]
            return _json({"count": n})
        if kind == "extent":
            return _json(_extent(state, layer, form, where, values))
        order = _order(layer, form)
        if kind == "ids":
            rows = state.connection.execute(
                f"SELECT objectid FROM {layer.table} WHERE {where} ORDER BY {order[0]}", values + order[1]
            )
            return _json({"objectIdFieldName": layer.object_id, "objectIds": [row[0] for row in rows]})
        return _page(state, layer, form, conduct, where, values, order)


def filter_of(state: State, layer: Layer, text: str) -> tuple[str, list]:
    """
    A where clause for a layer as a condition of SQLite and its values.

    Raises
    ------
    RequestError
        400, naming what is not understood or the field that is not there.
    """
    try:
        return condition(text, functools.partial(_column, layer))
    except LookupError as unknown:
        raise _invalid(f"'Invalid field: {unknown.args[0]}' parameter is invalid") from None
    except ValueError as error:
        raise _invalid(f"'where' clause is invalid: {error}") from None


def _require_offered(layer: Layer, form: Mapping[str, str]) -> None:
    if "Query" not in layer.definition.get("capabilities", ""):
        raise RequestError(
            400, "Requested operation is not supported by this service.", ["The requested capability is not supported."]
        )
    said = form.get("f", "html").lower()
    if said not in ("json", "pjson"):
        raise _invalid(f"f={said} is not offered. supportedQueryFormats is JSON: ask with f=json")
    for parameter, what in _REFUSED.items():
        if form.get(parameter):
            raise _invalid(f"{parameter}: this service does not offer {what}")
    if is_true(form.get("returnDistinctValues")):
        raise _invalid("returnDistinctValues: this service does not offer it (supportsDistinct is false)")


def _column(layer: Layer, name: str) -> Column:
    field = layer.fields.get(name.lower())
    if field is None:
        raise LookupError(name)
    if field["name"] == layer.object_id:
        return Column("objectid", (), "esriFieldTypeOID")
    if field["name"] == layer.global_id:
        return Column("globalid", (), "esriFieldTypeGlobalID")
    return Column("json_extract(attributes, ?)", ('$."' + field["name"] + '"',), field["type"])


def _filter(state: State, layer: Layer, form: Mapping[str, str]) -> tuple[str, list]:
    where, values = filter_of(state, layer, form.get("where") or "")
    if not (form.get("where") or "").strip() and not form.get("objectIds") and not form.get("geometry"):
        raise _invalid("'where' clause is missing")
    where = f"({where})"
    if form.get("objectIds"):
        try:
            ids = [int(text) for text in form["objectIds"].split(",")]
        except ValueError:
            raise _invalid("'objectIds' parameter is invalid") from None
        where, values = f"{where} AND objectid IN (SELECT value FROM json_each(?))", [*values, json.dumps(ids)]
    if form.get("geometry"):
        ids = _meeting(state, layer, form, where, values)
        where, values = "objectid IN (SELECT value FROM json_each(?))", [json.dumps(ids)]
    return where, values


def _meeting(state: State, layer: Layer, form: Mapping[str, str], where: str, values: list) -> list[int]:
    """OBJECTIDs of the features that meet the envelope of a query."""
    if form.get("geometryType", "esriGeometryEnvelope") != "esriGeometryEnvelope":
        raise _invalid("geometryType: this service takes esriGeometryEnvelope only")
    relation = form.get("spatialRel") or "esriSpatialRelIntersects"
    if relation not in ("esriSpatialRelIntersects", "esriSpatialRelEnvelopeIntersects"):
        raise _invalid(f"spatialRel: this service does not offer {relation}")
    try:
        text = form["geometry"].strip()
        said = (
            json.loads(text) if text.startswith("{") else dict(zip(("xmin", "ymin", "xmax", "ymax"), text.split(","), strict=True))
        )
        envelope = [float(said[side]) for side in ("xmin", "ymin", "xmax", "ymax")]
    except (ValueError, KeyError, TypeError):
        raise _invalid("'geometry' parameter is invalid: an envelope has xmin, ymin, xmax and ymax") from None
    code = _code(said.get("spatialReference") or form.get("inSR"), "inSR")
    own = _layer_code(layer)
    if code and code != own:
        envelope = transformer(code, own).transform_bounds(*envelope)
    rows = state.connection.execute(
        f"SELECT objectid, geometry FROM {layer.table} WHERE {where} AND xmin <= ? AND xmax >= ? AND ymin <= ? AND ymax >= ?",
        [*values, envelope[2], envelope[0], envelope[3], envelope[1]],
    )
    exact = relation == "esriSpatialRelIntersects"
    return [i for i, text in rows if not exact or meets(json.loads(text), tuple(envelope))]


def _order(layer: Layer, form: Mapping[str, str]) -> tuple[str, list]:
    terms, values = [], []
    for part in (form.get("orderByFields") or "").split(","):
        words = part.split()
        if not words:
            continue
        if len(words) > 2 or (len(words) == 2 and words[1].upper() not in ("ASC", "DESC")):
            raise _invalid("'orderByFields' parameter is invalid")
        try:
            column = _column(layer, words[0])
        except LookupError as unknown:
            raise _invalid(f"'Invalid field: {unknown.args[0]}' parameter is invalid") from None
        terms.append(f"{column.sql} {words[1] if len(words) == 2 else 'ASC'}")
        values += column.values
    return ", ".join([*terms, "objectid"]), values


def _page(state: State, layer: Layer, form: Mapping[str, str], conduct: Conduct, where: str, values: list, order: tuple) -> bytes:
    limit = layer.definition.get("maxRecordCount") or conduct.max_record_count
    asked = _whole(form, "resultRecordCount")
    count = min(limit, asked) if asked is not None else limit
    offset = _whole(form, "resultOffset") or 0
    rows = state.connection.execute(
        f"SELECT attributes, geometry FROM {layer.table} WHERE {where} ORDER BY {order[0]} LIMIT ? OFFSET ?",
        [*values, *order[1], count + 1, offset],
    )
    shown = _shown_fields(layer, form)
    with_geometry = bool(layer.kind) and form.get("returnGeometry", "true").lower() != "false"
    curves = is_true(form.get("returnTrueCurves"))
    own, wanted = _layer_code(layer), _code(form.get("outSR"), "outSR")
    transform = transformer(own, wanted) if wanted and own and wanted != own else None
    drop_z = bool(layer.definition.get("hasZ")) and not is_true(form.get("returnZ"))
    pieces, size, more = [], 0, False
    for attributes, geometry in rows:
        if len(pieces) == count or (pieces and size > conduct.max_page_bytes):
            more = True
            break
        if shown is not None:
            attributes = _some(attributes, shown)
        piece = f'{{"attributes":{attributes}'
        if with_geometry and geometry:
            piece += f',"geometry":{_geometry(geometry, curves, drop_z, transform)}'
        pieces.append(piece + "}")
        size += len(piece) + 2
    head: dict = {"objectIdFieldName": layer.object_id, "globalIdFieldName": layer.global_id or ""}
    if layer.kind:
        reference = {"wkid": wanted, "latestWkid": wanted} if transform else layer.definition["spatialReference"]
        head |= {"geometryType": layer.kind, "spatialReference": reference}
        if layer.definition.get("hasZ") and not drop_z:
            head["hasZ"] = True
    head["fields"] = [
        {key: f.get(key) for key in ("name", "type", "alias", "sqlType", "length", "domain", "defaultValue") if key in f}
        for f in layer.definition["fields"]
        if shown is None or f["name"] in shown
    ]
    if more:
        head["exceededTransferLimit"] = True
    return (_json(head)[:-1].decode() + ',"features":[' + ",".join(pieces) + "]}").encode()


def _geometry(text: str, curves: bool, drop_z: bool, transform) -> str:
    if not (drop_z or transform or (not curves and '"curve' in text)):
        return text
    geometry = json.loads(text)
    if is_curved(geometry) and (not curves or transform):
        geometry = straight(geometry)
    if drop_z and not is_curved(geometry):
        geometry = without_z(geometry)
    if transform:
        geometry = moved(geometry, lambda xy: _places(transform, xy))
    return json.dumps(geometry, separators=(",", ":"))


def _places(transform, xy):
    import numpy as np

    return np.column_stack(transform.transform(xy[:, 0], xy[:, 1]))


def _shown_fields(layer: Layer, form: Mapping[str, str]) -> list[str] | None:
    """The names of the fields that are asked for, or None for all; the OBJECTID always comes."""
    said = form.get("outFields", "").strip()
    if said == "*" or "*" in said.split(","):
        return None
    names = [layer.object_id]
    for name in filter(None, (part.strip().strip('"') for part in said.split(","))):
        field = layer.fields.get(name.lower())
        if field is None:
            raise _invalid(f"'Invalid field: {name}' parameter is invalid")
        names.append(field["name"])
    return list(dict.fromkeys(names))


def _some(attributes: str, names: list[str]) -> str:
    row = json.loads(attributes)
    return json.dumps({name: row.get(name) for name in names}, separators=(",", ":"), ensure_ascii=False)


def _extent(state: State, layer: Layer, form: Mapping[str, str], where: str, values: list) -> dict:
    extent = state.extent(layer, where, values) if layer.kind else None
    reference = layer.definition.get("spatialReference")
    wanted = _code(form.get("outSR"), "outSR")
    if extent and wanted and wanted != _layer_code(layer):
        sides = ("xmin", "ymin", "xmax", "ymax")
        placed = transformer(_layer_code(layer), wanted).transform_bounds(*(extent[side] for side in sides))
        extent = {**dict(zip(sides, placed, strict=True)), "spatialReference": {"wkid": wanted, "latestWkid": wanted}}
    result = {"extent": extent or {"xmin": "NaN", "ymin": "NaN", "xmax": "NaN", "ymax": "NaN", "spatialReference": reference}}
    if is_true(form.get("returnCountOnly")):
        result["count"] = state.connection.execute(f"SELECT count(*) FROM {layer.table} WHERE {where}", values).fetchone()[0]
    return result


def _whole(form: Mapping[str, str], parameter: str) -> int | None:
    text = form.get(parameter)
    if not text:
        return None
    if not text.isdigit():
        raise _invalid(f"'{parameter}' parameter is invalid")
    return int(text)


def _layer_code(layer: Layer) -> int | None:
    reference = layer.definition.get("spatialReference") or {}
    return reference.get("latestWkid") or reference.get("wkid")


def _code(said, parameter: str) -> int | None:
    """The EPSG code of a spatial reference as a client sends it: a number, or an object with wkid and latestWkid."""
    if not said:
        return None
    try:
        if isinstance(said, str) and said.strip().startswith("{"):
            said = json.loads(said)
        return epsg_of(said if isinstance(said, dict) else {"wkid": int(said)})
    except (ValueError, TypeError):
        raise _invalid(f"'{parameter}' parameter is invalid") from None


@functools.cache
def _esri_codes() -> dict[int, int]:
    from citygis.rehearsal.definitions import spatial_reference

    return {spatial_reference(code)["wkid"]: code for code in (3857, *range(2225, 2231))}


def epsg_of(reference: Mapping) -> int | None:
    """The EPSG code of a spatial reference object, or None without one; ValueError for a wkid that is no number."""
    code = reference.get("latestWkid") or reference.get("wkid")
    return _esri_codes().get(int(code), int(code)) if code else None


@functools.cache
def transformer(source: int | None, target: int | None):
    """A `pyproj.Transformer` between two codes, easting first; RequestError for one that is not known."""
    from pyproj import Transformer
    from pyproj.exceptions import ProjError

    try:
        return Transformer.from_crs(source, target, always_xy=True)
    except (ProjError, TypeError):
        raise _invalid(f"spatial reference {source} or {target} is not known") from None


def _invalid(detail: str) -> RequestError:
    return RequestError(400, "Cannot perform query. Invalid query parameters.", [detail])


def _json(value) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
