"""The schema as data: it holds together, and a broken one says where."""

import shutil
from pathlib import Path

import pytest

from citygis.errors import SchemaError, SettingsError
from citygis.schema import data_dictionary, empty_layer, read_schema, schema

LAYERS = Path(__file__).parents[1] / "citygis" / "schema" / "layers"
COMMON = [
    "global_id",
    "status",
    "source_id",
    "source_ref",
    "method",
    "h_accuracy_ft",
    "accuracy_basis",
    "created_by_record",
    "retired_by_record",
    "legal_from",
    "legal_to",
    "tx_from",
    "tx_to",
    "editor",
    "geom_hash",
    "note",
]


def test_the_layers_a_city_needs_are_there():
    wanted = "parcel parcel_owner apn_history tract right_of_way easement boundary_line corner control_station source_document"
    wanted += " address_point street_centerline city_limit sphere_of_influence zoning general_plan flood_zone flood_200yr district"
    assert set(wanted.split()) <= set(schema().layers)


def test_every_spatial_layer_carries_the_common_block():
    for layer in schema().layers.values():
        if layer.geometry != "None":
            assert set(COMMON) <= set(layer.names), layer.layer


def test_no_field_stands_twice_in_a_layer():
    for layer in schema().layers.values():
        assert len(set(layer.names)) == len(layer.names), layer.layer


def test_every_text_field_has_a_length_that_holds_its_domain():
    for layer in schema().layers.values():
        for field in layer.fields:
            if field.type == "text":
                assert field.length, f"{layer.layer}.{field.name}"
                assert all(len(code) <= field.length for code in field.domain or {}), f"{layer.layer}.{field.name}"


def test_a_default_is_one_of_the_domain():
    for layer in schema().layers.values():
        for field in layer.fields:
            if field.default is not None and field.domain:
                assert field.default in field.domain, f"{layer.layer}.{field.name}"


def test_owners_never_leave_the_city():
    assert schema().layer("parcel_owner").restricted


def test_every_public_field_is_described():
    assert all(field.description for layer in schema().layers.values() for field in layer.fields)


def test_asking_for_a_layer_or_field_that_is_not_there_lists_those_that_are():
    with pytest.raises(SchemaError, match="parcel"):
        schema().layer("parcels")
    with pytest.raises(SchemaError, match="apn_display"):
        schema().layer("parcel").field("APN")


def test_an_empty_layer_has_every_column_and_its_type():
    frame = empty_layer(schema().layer("parcel"), crs=6420)
    assert list(frame.columns) == [*schema().layer("parcel").names, "geometry"]
    assert frame.dtypes["roll_year"] == "Int64" and frame.dtypes["apn"] == "str" and frame.crs.to_epsg() == 6420
    assert "geometry" not in empty_layer(schema().layer("parcel_owner"), crs=None)


def test_the_data_dictionary_tells_every_field_once():
    text = data_dictionary(schema())
    for layer in schema().layers.values():
        section = text.split(f"## {layer.layer}: ")[1].split("\n## ")[0]
        assert [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| ")][1:] == layer.names


@pytest.fixture
def own_schema(tmp_path):
    shutil.copytree(LAYERS, tmp_path / "layers")
    return tmp_path / "layers"


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("park.toml", 'key = ["park_id"]', 'key = ["park_no"]', "park_no"),
        ("park.toml", 'layer = "park"', 'layer = "parks"', "Must be the file's name"),
        ("park_access.toml", "park.park_id", "park.park_no", "park.park_no"),
        ("parcel.toml", 'layer = "tract", link', 'layer = "subdivision", link', "subdivision"),
        ("park.toml", "length = 20", "lenght = 20", "did you mean `length`"),
    ],
)
def test_a_schema_that_does_not_hold_together_says_where(own_schema, file, old, new, words):
    path = own_schema / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(SettingsError, match=words):
        read_schema(own_schema)
