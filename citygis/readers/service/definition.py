"""
What a layer of a feature service says of itself: fields, geometry, coordinate system, limits.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from citygis.errors import ReadError

GEOMETRY_TYPES = {
    "esriGeometryPoint": "Point",
    "esriGeometryMultipoint": "MultiPoint",
    "esriGeometryPolyline": "LineString",
    "esriGeometryPolygon": "Polygon",
}
"""Esri's names of geometry types (ArcGIS REST API, "Geometry objects") and ours."""

SYSTEM_FIELDS = frozenset(
    {"shape__area", "shape__length", "shape.starea()", "shape.stlength()", "shape_area", "shape_length", "shape"}
)
"""Columns that the server works out; never sent, never compared."""


class ServiceField(NamedTuple):
    """A field; ``kind`` is Esri's type without its prefix: String, SmallInteger, Integer, BigInteger, Single, Double, Date, ..."""

    name: str
    kind: str
    alias: str
    length: int | None
    is_nullable: bool
    is_editable: bool
    domain: dict[Any, str] | None


class LayerDefinition(NamedTuple):
    """
    A layer as its service defines it.

    ``wkids`` are all numbers that the spatial reference goes by (Esri's and EPSG's); ``crs`` is None for a table, and
    where PROJ knows none of them. ``edited_at`` is when data were last edited, in milliseconds since 1970; None
    where the service does not say.
    """

    name: str
    object_id_field: str
    global_id_field: str | None
    geometry_type: str | None
    has_z: bool
    has_m: bool
    fields: tuple[ServiceField, ...]
    wkids: frozenset[int]
    crs: CRS | None
    max_record_count: int
    edited_at: int | None
    supports_global_ids: bool
    supports_pagination: bool
    allows_true_curves: bool
    capabilities: frozenset[str]
    tracking_fields: frozenset[str]
    has_attachments: bool = False

    def field(self, name: str) -> ServiceField | None:
        """The field of that name, whatever its case; None where there is none."""
        return next((each for each in self.fields if each.name.lower() == name.lower()), None)

    @property
    def own_fields(self) -> tuple[ServiceField, ...]:
        """The fields that hold the publisher's data: editable, not keys, not worked out or filled in by the server."""
        keys = {self.object_id_field.lower(), (self.global_id_field or "").lower()}
        return tuple(
            each
            for each in self.fields
            if each.is_editable
            and each.kind not in ("OID", "GlobalID", "Geometry", "Blob", "Raster", "XML")
            and each.name.lower() not in keys | SYSTEM_FIELDS | self.tracking_fields
        )


def layer_definition(said: Mapping[str, Any], *, where: str) -> LayerDefinition:
    """
    The definition of a layer.

    Parameters
    ----------
    said : mapping
        The JSON of ``.../FeatureServer/N?f=json``.
    where : str
        To begin messages with.

    Raises
    ------
    ReadError
        If it is no layer or table of features, or its description cannot be read.
    """
    try:
        return _definition(said, where)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ReadError(f"{where} describes itself otherwise than Esri documents it ({error}). Ask its publisher.") from None


def _definition(said: Mapping[str, Any], where: str) -> LayerDefinition:
    fields = said.get("fields")
    if said.get("type") not in ("Feature Layer", "Table") or not isinstance(fields, list) or not fields:
        kind = said.get("type") or "without a type"
        raise ReadError(f"{where} is no layer of features ({kind}). Name one: .../FeatureServer/0.")
    object_id = said.get("objectIdField") or _field_of_kind(fields, "esriFieldTypeOID")
    if not object_id:
        raise ReadError(f"{where} has no field of object ids, so it cannot be read completely. Ask the publisher for one.")
    reference = (said.get("extent") or {}).get("spatialReference") or said.get("sourceSpatialReference") or {}
    wkids = frozenset(int(reference[key]) for key in ("wkid", "latestWkid") if reference.get(key))
    editing = said.get("editingInfo") or {}
    tracking = said.get("editFieldsInfo") or {}
    return LayerDefinition(
        name=str(said.get("name", "")),
        object_id_field=object_id,
        global_id_field=said.get("globalIdField") or _field_of_kind(fields, "esriFieldTypeGlobalID"),
        geometry_type=said.get("geometryType") if said.get("type") == "Feature Layer" else None,
        has_z=bool(said.get("hasZ")),
        has_m=bool(said.get("hasM")),
        fields=tuple(_field(each) for each in fields),
        wkids=wkids,
        crs=_crs(reference),
        max_record_count=int(said.get("maxRecordCount") or 1000),
        edited_at=editing.get("dataLastEditDate") or editing.get("lastEditDate"),
        supports_global_ids=bool(said.get("supportsApplyEditsWithGlobalIds")),
        supports_pagination=bool(
            (said.get("advancedQueryCapabilities") or {}).get("supportsPagination", said.get("supportsPagination"))
        ),
        allows_true_curves=bool(said.get("allowTrueCurvesUpdates")),
        capabilities=frozenset(part.strip() for part in str(said.get("capabilities") or "").split(",") if part.strip()),
        tracking_fields=frozenset(str(name).lower() for key, name in tracking.items() if key.endswith("Field") and name),
        has_attachments=bool(said.get("hasAttachments")),
    )


def _field(said: Mapping[str, Any]) -> ServiceField:
    domain = said.get("domain") or {}
    coded = {each["code"]: each["name"] for each in domain.get("codedValues", ())} if domain.get("type") == "codedValue" else None
    return ServiceField(
        name=str(said["name"]),
        kind=str(said.get("type", "")).removeprefix("esriFieldType"),
        alias=str(said.get("alias") or said["name"]),
        length=int(said["length"]) if said.get("length") and said.get("type") == "esriFieldTypeString" else None,
        is_nullable=bool(said.get("nullable", True)),
        is_editable=bool(said.get("editable", True)),
        domain=coded,
    )


def _field_of_kind(fields: list, kind: str) -> str | None:
    return next((each["name"] for each in fields if each.get("type") == kind), None)


def _crs(reference: Mapping[str, Any]) -> CRS | None:
    """EPSG's number first, then Esri's, then the text."""
    tries: list[Any] = [f"EPSG:{reference[key]}" for key in ("latestWkid", "wkid") if reference.get(key)]
    tries += [f"ESRI:{reference[key]}" for key in ("wkid", "latestWkid") if reference.get(key)]
    tries += [reference["wkt"]] if reference.get("wkt") else []
    for each in tries:
        try:
            return CRS.from_user_input(each)
        except ProjCRSError:
            continue
    return None
