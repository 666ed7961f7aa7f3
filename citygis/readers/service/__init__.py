"""
Layers of feature services (ArcGIS REST API), read whole or refused.

`complete_read` proves that it has every feature; `plain_reader` is the door that needs no other package.
"""

from citygis.readers.service.client import PlainReader, is_service_url, plain_reader, require_service_url
from citygis.readers.service.complete import Page, ServiceReading, answered, complete_read, page_of
from citygis.readers.service.definition import LayerDefinition, ServiceField, layer_definition
from citygis.readers.service.esri_json import esri_geometries, geometries_of, spatial_reference
from citygis.readers.service.faults import FaultKind, Reply, ServiceFault, answer_of, fault_of
from citygis.readers.service.remote import ServiceReader
from citygis.readers.service.values import feature_rows, json_value, plain_id, wire_id

__all__ = [
    "FaultKind",
    "LayerDefinition",
    "Page",
    "PlainReader",
    "Reply",
    "ServiceFault",
    "ServiceField",
    "ServiceReader",
    "ServiceReading",
    "answer_of",
    "answered",
    "complete_read",
    "esri_geometries",
    "fault_of",
    "feature_rows",
    "geometries_of",
    "is_service_url",
    "json_value",
    "layer_definition",
    "page_of",
    "plain_id",
    "plain_reader",
    "require_service_url",
    "spatial_reference",
    "wire_id",
]
