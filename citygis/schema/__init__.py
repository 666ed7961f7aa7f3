"""The City's layers as data, and the spellings and identifiers that go with them."""

from citygis.schema.apn import ApnProfile, apn_profiles, normalise_apn
from citygis.schema.dictionary import data_dictionary
from citygis.schema.frames import empty_layer
from citygis.schema.identity import feature_ids, geom_hashes, source_id_of
from citygis.schema.model import CoveredBy, Field, Layer, Rule, Schema, Topology, read_schema, schema

__all__ = [
    "ApnProfile",
    "CoveredBy",
    "Field",
    "Layer",
    "Rule",
    "Schema",
    "Topology",
    "apn_profiles",
    "data_dictionary",
    "empty_layer",
    "feature_ids",
    "geom_hashes",
    "normalise_apn",
    "read_schema",
    "schema",
    "source_id_of",
]
