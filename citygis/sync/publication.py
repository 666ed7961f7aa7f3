"""
A new hosted layer made from the City's schema: the fields of a target with their types, lengths, domains and titles, empty and
private.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.errors import SyncError
from citygis.readers.service.definition import GEOMETRY_TYPES
from citygis.schema import Field
from citygis.sync.model import Json
from citygis.sync.preparation import city_layer
from citygis.sync.privacy import require_mapping_allowed
from citygis.sync.target import Target

KINDS = {
    "text": "String",
    "uuid": "GUID",
    "double": "Double",
    "integer": "Integer",
    "boolean": "SmallInteger",
    "date": "DateOnly",
    "datetime": "Date",
}
"""
The kind of hosted field for each type of the schema. A day goes as DateOnly: as a Date it would be midnight UTC, which viewers in
California show as the evening before.
"""

TEXT_LENGTH = 255
"""For text whose length the schema leaves open; what a hosted layer gives a text field that states none."""

CAPABILITIES = "Create,Delete,Query,Update,Editing"
_MARGIN = 0.1


class Publication(NamedTuple):
    """``name`` of the service, the layer's ``definition`` as it is sent, and its ``url`` once it is made."""

    name: str
    definition: Json
    url: str | None


def publish(
    target: Target,
    *,
    city: City,
    layer: pd.DataFrame | None = None,
    access: str = "private",
    apply: bool = False,
    create: Callable[..., str] | None = None,
) -> Publication:
    """
    Make the hosted layer that a target is to be synchronised with; empty, so that the first plan is all adds.

    Parameters
    ----------
    target : Target
        Without a ``url``: that is what comes of it. Its name is the service's.
    city : City
    layer : City layer, optional
        For the extent; the layer of the City's store when not given.
    access : {"private", "org", "public"}
        Who may see it.
    apply : bool
        Without it nothing is made.
    create : callable, optional
        `citygis.sync.arcgis_client.create_service` when not given.

    Returns
    -------
    Publication

    Raises
    ------
    SyncError
        If the target has a url already, would show its audience what it must not see, is for the organisation and `access` is
        public, or the service was not made.
    """
    if target.url:
        raise SyncError(f"The target {target.name} has a layer already: {target.url}. To make another, take the url out of it.")
    if access not in ("private", "org", "public"):
        raise ValueError(f"Invalid access {access!r}. Must be private, org or public.")
    if access == "public" and target.audience != "public":
        raise SyncError(f"The target {target.name} is for the organisation; it must not be made public.")
    require_mapping_allowed(target, city)
    name = re.sub(r"\W", "_", target.name, flags=re.ASCII)
    definition = layer_json(target, city, city_layer(target, city, layer))
    if not apply:
        return Publication(name, definition, None)
    from citygis.sync.credentials import credentials_for

    if create is None:
        from citygis.sync.arcgis_client import create_service

        create = create_service
    secret = credentials_for(target.credentials)
    url = create(target.portal, secret, name=name, definition=definition, access=access, certificate=target.certificate_path)
    return Publication(name, definition, url)


def layer_json(target: Target, city: City, frame: pd.DataFrame) -> Json:
    """
    The layer as ``addToDefinition`` takes it.

    Source: ArcGIS REST API, "Add to definition (Feature Service)" and "Layer/Table"; field types as in "Field data types".

    Raises
    ------
    SyncError
        If the City's system has no number of EPSG.
    """
    schema = city.schema.layer(target.layer)
    fields: list[Json] = [
        {"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID", "nullable": False, "editable": False},
        {
            "name": "GlobalID",
            "type": "esriFieldTypeGlobalID",
            "alias": "GlobalID",
            "length": 38,
            "nullable": False,
            "editable": False,
        },
    ]
    fields += [_field(remote, schema.field(name)) for remote, name in target.fields.items()]
    made: Json = {
        "name": schema.title,
        "type": "Table" if schema.geometry == "None" else "Feature Layer",
        "description": schema.description,
        "displayField": next(iter(target.fields)),
        "objectIdField": "OBJECTID",
        "globalIdField": "GlobalID",
        "hasZ": False,
        "hasM": False,
        "hasAttachments": False,
        "allowGeometryUpdates": True,
        "allowTrueCurvesUpdates": False,
        "maxRecordCount": 2000,
        "capabilities": CAPABILITIES,
        "fields": fields,
    }
    if schema.geometry != "None":
        wkid = city.crs.to_epsg()
        if wkid is None:
            raise SyncError(f"The system of {city.name}, {city.crs.name}, has no number of EPSG; a hosted layer needs one.")
        esri = {value: key for key, value in GEOMETRY_TYPES.items()}
        reference = {"wkid": wkid, "latestWkid": wkid}
        made |= {"geometryType": esri[schema.geometry], "extent": {**_extent(city, frame), "spatialReference": reference}}
        made["hasZ"] = _has_heights(frame)
    return made


def _field(remote: str, field: Field) -> Json:
    said: Json = {
        "name": remote,
        "type": f"esriFieldType{KINDS[field.type]}",
        "alias": field.title or field.name.replace("_", " ").capitalize(),
        "nullable": not field.required,
        "editable": True,
    }
    if field.type == "text":
        said["length"] = field.length or TEXT_LENGTH
    if field.domain:
        codes = [{"code": code, "name": label} for code, label in field.domain.items()]
        said["domain"] = {"type": "codedValue", "name": field.name, "codedValues": codes}
    return said


def _has_heights(frame: pd.DataFrame) -> bool:
    """Whether every shape has them at every vertex: a layer with heights takes no shape without."""
    shapes = np.asarray(frame.geometry.array, dtype=object) if hasattr(frame, "geometry") else np.empty(0, dtype=object)
    heights = shapely.get_coordinates(shapes, include_z=True)[:, 2]
    return bool(len(heights) and np.isfinite(heights).all())


def _extent(city: City, frame: pd.DataFrame) -> dict[str, float]:
    names = ("xmin", "ymin", "xmax", "ymax")
    if city.extent is not None:
        box = city.extent
        return dict(zip(names, (box.easting_min, box.northing_min, box.easting_max, box.northing_max), strict=True))
    bounds: Any = frame.total_bounds if hasattr(frame, "total_bounds") else np.full(4, np.nan)
    if not np.isfinite(bounds).all():
        raise SyncError(f"{city.name} states no [extent] and the layer is empty; a hosted layer needs to know where it lies.")
    margin = _MARGIN * max(bounds[2] - bounds[0], bounds[3] - bounds[1], 1000.0)
    return dict(zip(names, (float(v) for v in bounds + [-margin, -margin, margin, margin]), strict=True))
