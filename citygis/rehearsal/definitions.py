"""
What a service and its layers say of themselves (REST API, 'Feature service' and 'Layer/Table' resources).
"""

import copy
from collections.abc import Mapping, Sequence

from citygis.rehearsal.fields import DATE, DOUBLE, GLOBAL_ID, OID, STRING, field
from citygis.rehearsal.shapes import LINE, POLYGON

CAPABILITIES = "Create,Delete,Query,Update,Editing,ChangeTracking"
OBJECT_ID, GLOBAL = "OBJECTID", "GlobalID"
_TRACKING = {"creationDateField": "CreationDate", "creatorField": "Creator", "editDateField": "EditDate", "editorField": "Editor"}
_ESRI_WKID = {3857: 102100, **{epsg: epsg + 100416 for epsg in range(2225, 2231)}}
"""Esri's own numbers where its clients show them beside the EPSG's: Web Mercator, the zones of California in US survey feet of
NAD83."""


def spatial_reference(code: int | str | None) -> dict:
    """A spatial reference by EPSG code, or by well-known text."""
    if isinstance(code, str):
        return {"wkt": code}
    if not code:
        return {}
    return {"wkid": _ESRI_WKID.get(code, code), "latestWkid": code}


def layer_definition(
    name: str,
    fields: Sequence[dict],
    *,
    kind: str | None,
    has_z: bool = False,
    reference: Mapping | None = None,
    resolution: float = 0.0001,
) -> dict:
    """
    The definition of a new hosted layer: the fields given, and those that the service keeps by itself.

    Parameters
    ----------
    name : str
    fields : sequence of dict
        As `citygis.rehearsal.fields.field` gives them, OBJECTID and GlobalID not among them.
    kind : str, optional
        Esri's geometry type; a table without one.
    has_z : bool
    reference : mapping, optional
        The spatial reference.
    resolution : float
        Of the grid of coordinates, in the layer's unit.

    Returns
    -------
    dict
        Without ``id``, ``maxRecordCount`` and ``extent``, which the service puts in when it answers.
    """
    taken = {f["name"].lower() for f in fields}
    tracking = {role: f"{name}_1" if name.lower() in taken else name for role, name in _TRACKING.items()}
    own = [
        field(tracking["creationDateField"], DATE, editable=False),
        field(tracking["creatorField"], STRING, length=128, editable=False),
        field(tracking["editDateField"], DATE, editable=False),
        field(tracking["editorField"], STRING, length=128, editable=False),
    ]
    measures = {POLYGON: ("Shape__Area", "Shape__Length"), LINE: ("Shape__Length",)}.get(kind, ())
    own += [field(measure, DOUBLE, editable=False) for measure in measures]
    definition = {
        "currentVersion": 12,
        "name": name,
        "type": "Feature Layer" if kind else "Table",
        "description": "",
        "displayField": fields[0]["name"] if fields else OBJECT_ID,
        "objectIdField": OBJECT_ID,
        "globalIdField": GLOBAL,
        "uniqueIdField": {"name": OBJECT_ID, "isSystemMaintained": True},
        "hasAttachments": False,
        "hasZ": has_z,
        "hasM": False,
        "enableZDefaults": False,
        "allowGeometryUpdates": True,
        "allowTrueCurvesUpdates": True,
        "supportsTrueCurve": True,
        "supportsApplyEditsWithGlobalIds": True,
        "supportsRollbackOnFailureParameter": True,
        "supportsAppend": True,
        "supportsTruncate": False,
        "supportsValidateSql": True,
        "supportsCalculate": False,
        "supportsStatistics": False,
        "supportedAppendFormats": "geoPackage,featureCollection",
        "supportedQueryFormats": "JSON",
        "useStandardizedQueries": True,
        "advancedQueryCapabilities": {
            "supportsPagination": True,
            "supportsOrderBy": True,
            "supportsReturningQueryExtent": True,
            "supportsStatistics": False,
            "supportsDistinct": False,
        },
        "advancedEditingCapabilities": {
            "supportsAsyncApplyEdits": True,
            "supportsApplyEditsbyUploadID": True,
            "supportedApplyEditsUploadIDFormats": "JSON",
        },
        "editFieldsInfo": {**tracking, "dateFieldsTimeReference": _utc()},
        "dateFieldsTimeReference": _utc(),
        "capabilities": CAPABILITIES,
        "fields": [
            field(OBJECT_ID, OID, nullable=False, editable=False),
            *fields,
            field(GLOBAL, GLOBAL_ID, nullable=False, editable=False),
            *own,
        ],
        "indexes": [{"name": "uuid", "fields": GLOBAL, "isUnique": True, "isAscending": True, "description": ""}],
        "types": [],
        "templates": [],
        "relationships": [],
    }
    if kind:
        definition |= {"geometryType": kind, "minScale": 0, "maxScale": 0, "drawingInfo": {"renderer": {"type": "simple"}}}
        definition["spatialReference"] = dict(reference or {})
        definition["xyResolution"] = resolution
        definition["geometryProperties"] = {"units": "esriUnknownUnits"}
    return definition


def merged(definition: Mapping, changes: Mapping) -> dict:
    """
    A definition with changes: objects are merged, fields by their name; null takes a key out.

    A field of ``fields`` that the definition has not is added as a new one; one given as ``{"name": ..., "type": null}`` is taken
    out.
    """
    result = copy.deepcopy(dict(definition))
    for key, value in changes.items():
        if key == "fields":
            result["fields"] = _merged_fields(result.get("fields", []), value)
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    if "globalIdField" in changes and not changes["globalIdField"]:
        result["fields"] = [f for f in result["fields"] if f["type"] != GLOBAL_ID]
        result.setdefault("supportsApplyEditsWithGlobalIds", False)
        if "supportsApplyEditsWithGlobalIds" not in changes:
            result["supportsApplyEditsWithGlobalIds"] = False
    return result


def completed(definition: Mapping) -> dict:
    """
    The definition that a publisher sent (addToDefinition) with all that a hosted layer says and the sender did not.

    Raises
    ------
    ValueError
        If it has no name, or a field without name or type.
    """
    if not definition.get("name"):
        raise ValueError("a layer has no name")
    sent = definition.get("fields") or []
    for f in sent:
        if not f.get("name") or not str(f.get("type", "")).startswith("esriFieldType"):
            raise ValueError(f"layer {definition['name']} has a field without name or type")
    names = {role.lower() for role in _TRACKING.values()} | {"shape__area", "shape__length", OBJECT_ID.lower(), GLOBAL.lower()}
    own = [
        {**field(f["name"], f["type"]), **f} for f in sent if f["type"] not in (OID, GLOBAL_ID) and f["name"].lower() not in names
    ]
    reference = (definition.get("extent") or {}).get("spatialReference") or definition.get("spatialReference")
    base = layer_definition(
        definition["name"], own, kind=definition.get("geometryType"), has_z=bool(definition.get("hasZ")), reference=reference
    )
    kept = {
        key: value
        for key, value in definition.items()
        if key not in ("fields", "id", "extent", "editFieldsInfo", "objectIdField", "globalIdField", "indexes")
        and value is not None
    }
    return merged(base, kept)


def _merged_fields(fields: list[dict], changes: Sequence[Mapping]) -> list[dict]:
    result = {f["name"].lower(): f for f in fields}
    for change in changes:
        name = change["name"].lower()
        if "type" in change and change["type"] is None:
            result.pop(name, None)
        elif name in result:
            result[name] = {**result[name], **change}
        else:
            result[name] = {**field(change["name"], change["type"]), **change}
    return list(result.values())


def _utc() -> dict:
    return {"timeZone": "UTC", "respectsDaylightSaving": False}
