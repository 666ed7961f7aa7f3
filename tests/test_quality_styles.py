"""Styles: one per layer of findings, one symbol per severity, where QGIS looks for them."""

import sqlite3
import xml.etree.ElementTree as ET

import pytest
from quality_layers import at, parcels, sound

from citygis.findings import SEVERITIES
from citygis.gpkg import layers_of
from citygis.quality import validate, write_report
from citygis.quality.styles import COLORS, qml


@pytest.mark.parametrize(("kind", "symbol"), [("point", "marker"), ("line", "line"), ("polygon", "fill")])
def test_each_severity_has_a_symbol_of_its_colour(kind, symbol):
    root = ET.fromstring(qml(kind).split(">", 1)[1])  # without the document type
    renderer = root.find("renderer-v2")
    assert renderer.get("attr") == "severity"
    symbols = {each.get("name"): each for each in renderer.find("symbols")}
    categories = {each.get("value"): each.get("symbol") for each in renderer.find("categories")}
    assert tuple(categories) == SEVERITIES
    for severity, number in categories.items():
        assert symbols[number].get("type") == symbol
        colours = [each.get("value") for each in symbols[number].iter("Option") if "color" in each.get("name", "")]
        assert any(each.startswith(",".join(map(str, COLORS[severity]))) for each in colours)


def test_the_geopackage_holds_a_default_style_for_each_of_its_layers(tmp_path):
    layers = {**sound(), "parcel": parcels(at(0, 0, 60, 110), at(59, 0, 61, 110), None)}
    path = write_report(tmp_path / "out", validate(layers), layers)["findings.gpkg"]
    with sqlite3.connect(path) as connection:
        styles = connection.execute("SELECT f_table_name, f_geometry_column, useAsDefault FROM layer_styles").fetchall()
        columns = dict(connection.execute("SELECT table_name, column_name FROM gpkg_geometry_columns"))
    drawn = [layer.name for layer in layers_of(path) if layer.geometry_type]
    assert sorted(name for name, *_ in styles) == sorted(drawn)
    assert all(columns[name] == column for name, column, _ in styles)
    assert all(default == 1 for *_, default in styles)


def test_layers_without_a_place_need_no_style(tmp_path):
    layers = {**sound(), "parcel": parcels(None)}
    found = validate(layers)
    path = write_report(tmp_path / "out", found[found.geometry.isna()].reset_index(drop=True), layers)["findings.gpkg"]
    assert [layer.name for layer in layers_of(path)] == ["findings_no_place"]
