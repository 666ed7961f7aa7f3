"""Styles of QGIS, ArcGIS Pro and map servers: what is drawn is what they say, and what is not is told."""

import json
from pathlib import Path

import pandas as pd
import pytest

from citygis.errors import ReadError
from citygis.sheets.foreign_styles import import_style
from citygis.sheets.foreign_styles.conditions import condition
from citygis.sheets.foreign_styles.label_texts import label_rows
from citygis.sheets.style import Style, classified, read_style

DATA = Path(__file__).parent / "data" / "styles"
QGIS = json.loads((DATA / "qgis_values.json").read_text())
MM = 72 / 25.4
PIXEL = 0.28 * MM  # OGC 05-077r4, section 10.2


def made(path, layer="parcel"):
    return import_style(path, layer=layer)


def text_file(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def told(imported):
    return [f"{one.where}: {one.what}" for one in imported.dropped]


def drawn(style, **columns):
    """The legend of the class that draws each row of a table."""
    table = pd.DataFrame(columns)
    return [style.classes[n - 1].legend if n else "" for n in classified(style, table)]


# -- QML, against what QGIS says of its own files ----------------------------------------------------------------------------


def test_fills_and_outlines_of_a_categorized_layer_are_those_qgis_has():
    style = made(DATA / "qgis_categorized.qml").style
    assert [one.legend for one in style.classes] == [row["label"] for row in QGIS["categorized"]["symbols"]]
    for one, row in zip(style.classes, QGIS["categorized"]["symbols"], strict=True):
        (part,) = row["parts"]
        assert one.fill == part["color"]
        assert one.opacity == pytest.approx(part["alpha"], abs=0.001)
        assert one.line.color == part["stroke"]
        assert one.line.width_pt == pytest.approx(part["width_pt"], abs=0.001)


def test_each_value_is_drawn_by_its_category_and_every_other_by_the_rest():
    style = made(DATA / "qgis_categorized.qml").style
    assert drawn(style, kind=["GOVT", "COMMON", "FEE", None]) == ["Public agency", "Common area", "Other", "Other"]


def test_labels_of_fields_and_words_become_rows_with_qgis_sizes():
    imported = made(DATA / "qgis_categorized.qml")
    label, theirs = imported.style.label, QGIS["categorized"]["label"]
    assert [row.text for row in label.rows] == ["{apn}", "Lot {lot}"]
    assert {row.color for row in label.rows} == {theirs["color"]}
    assert label.rows[0].size_pt == pytest.approx(theirs["size_pt"], abs=0.01)
    assert (label.halo.color, label.halo.width_pt) == (theirs["halo"], pytest.approx(theirs["halo_pt"], abs=0.001))
    assert label.placement == "inside"
    assert told(imported) == ["labels: the font DejaVu Sans: the sheet's own"]


def test_ranges_keep_both_their_ends_and_their_widths():
    imported = made(DATA / "qgis_graduated.qml", "street_centerline")
    style = imported.style
    assert imported.dropped == ()
    for one, row in zip(style.classes, QGIS["graduated"]["symbols"], strict=True):
        assert (one.line.color, one.legend) == (row["parts"][0]["color"], row["label"])
        assert one.line.width_pt == pytest.approx(row["parts"][0]["width_pt"], abs=0.001)
    # QGIS: a range holds both its ends, and of two ranges the first draws.
    first, second, third = (one.legend for one in style.classes)
    assert drawn(style, width=[-1.0, 0.0, 8.0, 8.1, 24.0, 60.0, 60.1]) == ["", first, first, second, second, third, ""]


def test_a_hatch_and_a_dash_of_a_rule_are_those_qgis_has():
    imported = made(DATA / "qgis_rules.qml", "easement")
    wide, rest = imported.style.classes
    hatch, edge = QGIS["rules"]["symbols"][0]["parts"]
    assert imported.dropped == ()
    assert wide.hatch.angle_deg == hatch["angle_deg"]
    assert wide.hatch.spacing_pt == pytest.approx(hatch["spacing_pt"], abs=0.001)
    assert (wide.hatch.line.color, wide.line.color) == (hatch["line"]["color"], edge["color"])
    assert wide.hatch.line.width_pt == pytest.approx(hatch["line"]["width_pt"], abs=0.001)
    assert wide.line.dash_pt == pytest.approx(edge["dash_pt"], abs=0.001)
    assert wide.line.width_pt == pytest.approx(edge["width_pt"], abs=0.001)
    assert rest.fill is None  # QGIS has it at opacity 0
    table = {"width": [20.0, 20.0, 19.0, None], "kind": ["PUE", "RW", "PUE", "SSE"]}
    assert drawn(imported.style, **table) == ["Wide public easement", *["Other easement"] * 3]


def test_a_marker_has_the_size_and_line_qgis_has():
    marker = made(DATA / "qgis_markers.qml", "corner").style.marker
    (part,) = QGIS["markers"]["symbols"][0]["parts"]
    assert (marker.shape, marker.fill, marker.line.color) == ("triangle", part["color"], part["stroke"])
    assert marker.size_pt == pytest.approx(part["size_pt"], abs=0.001)
    assert marker.line.width_pt == pytest.approx(part["width_pt"], abs=0.001)


def qml(layers, *, renderer='type="singleSymbol"', kind="fill", more="", root=""):
    symbols = f'<symbols><symbol name="0" type="{kind}" alpha="1">{layers}</symbol></symbols>'
    return f"<!DOCTYPE qgis PUBLIC 'x' 'SYSTEM'><qgis {root}><renderer-v2 {renderer}>{symbols}</renderer-v2>{more}</qgis>"


def props(cls, inner="", **said):
    return f'<layer class="{cls}">' + "".join(f'<prop k="{k}" v="{v}"/>' for k, v in said.items()) + inner + "</layer>"


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("MM", {"width_pt": 2 * MM}), ("Point", {"width_pt": 2}), ("Inch", {"width_pt": 144}), ("Pixel", {"width_pt": 1.5}),
     ("MapUnit", {"width_ft": 2}), ("RenderMetersInMapUnits", {"width_ft": 2 * 3937 / 1200})],
)  # fmt: skip
def test_every_unit_of_qgis_becomes_points_or_feet(tmp_path, unit, expected):
    layer = props("SimpleLine", line_color="0,0,0,255", line_width="2", line_width_unit=unit)
    line = made(text_file(tmp_path, "a.qml", qml(layer, kind="line"))).style.line
    ((key, value),) = expected.items()
    assert getattr(line, key) == pytest.approx(value, abs=0.001)


def test_what_a_sheet_does_not_draw_is_told_with_its_place(tmp_path):
    layers = (
        props("SimpleFill", color="10,20,30,255", style="no", outline_width="0.05", outline_style="dot", offset="1,0")
        + props("GradientFill")
        + props("SimpleMarker", name="pentagon", size="3")
    )
    path = text_file(tmp_path, "a.qml", qml(layers, more="<blendMode>6</blendMode>", root='hasScaleBasedVisibilityFlag="1"'))
    lost = told(made(path))
    assert "symbol: a GradientFill" in lost
    assert "symbol: a marker pentagon: a circle" in lost
    assert any(one.startswith("symbol: an offset of 1,0") for one in lost)
    assert "all features: a width of 0.142 pt: 0.25 pt, the least a plotter draws" in lost
    assert {"layer: a blending mode", "layer: its range of scales: drawn at every scale"} <= set(lost)


def test_a_dotted_outline_is_dashed_in_widths_of_its_pen(tmp_path):
    layer = props("SimpleLine", line_color="0,0,0,255", line_width="1", line_width_unit="Point", line_style="dash dot")
    assert made(text_file(tmp_path, "a.qml", qml(layer, kind="line"))).style.line.dash_pt == (4, 2, 1, 2)  # Qt 5, QPen


def test_rules_that_meet_and_rules_beyond_the_expressions_are_told(tmp_path):
    rules = """<rules><rule filter="width > 10" symbol="0" label="wide"/><rule filter="width > 5" symbol="0" label="less"/>
    <rule filter="area($geometry) > 5" symbol="0" label="large"/></rules>"""
    body = qml(props("SimpleFill", color="1,2,3,255"), renderer='type="RuleRenderer"').replace("<symbols>", rules + "<symbols>")
    imported = made(text_file(tmp_path, "a.qml", body))
    assert [one.legend for one in imported.style.classes] == ["wide", "less"]
    lost = told(imported)
    assert any("rule large: the rule for area($geometry) > 5" in one for one in lost)
    assert "rules: rules may fit one feature together: the last that fits draws it alone" in lost


def test_rules_that_never_meet_are_not_told(tmp_path):
    rules = """<rules><rule filter="width > 10 AND kind = 'A'" symbol="0" label="1"/>
    <rule filter="width &lt;= 10 AND kind = 'A'" symbol="0" label="2"/><rule filter="kind = 'B'" symbol="0" label="3"/></rules>"""
    body = qml(props("SimpleFill", color="1,2,3,255"), renderer='type="RuleRenderer"').replace("<symbols>", rules + "<symbols>")
    assert made(text_file(tmp_path, "a.qml", body)).dropped == ()


def test_a_line_above_another_makes_a_road_with_a_casing(tmp_path):
    layers = props("SimpleLine", line_color="0,0,0,255", line_width="3", line_width_unit="Point")
    layers += props("SimpleLine", line_color="255,255,255,255", line_width="2", line_width_unit="Point")
    style = made(text_file(tmp_path, "a.qml", qml(layers, kind="line"))).style
    assert [(one.color, one.width_pt) for one in style.lines] == [("#000000", 3), ("#ffffff", 2)]


# -- SLD ----------------------------------------------------------------------------------------------------------------------


def test_an_sld_of_qgis_has_its_own_pixels_of_028_mm():
    style = made(DATA / "qgis_rules.sld", "easement").style
    (wide,) = style.classes
    assert (wide.line.color, wide.hatch.line.color) == ("#aa5500", "#aa5500")
    assert wide.line.dash_pt == pytest.approx([14 * PIXEL, 5 * PIXEL, 2 * PIXEL, 5 * PIXEL], abs=0.001)
    assert wide.hatch.spacing_pt == pytest.approx(11 * PIXEL, abs=0.001)
    assert wide.hatch.angle_deg == 150  # a rotation of 30 is clockwise in SLD (05-077r4, section 11.3.2)
    assert drawn(style, width=[25.0, 5.0], kind=["SSE", "SSE"]) == ["Wide public easement", ""]
    assert style.line.color == "#777777"  # what no class names is drawn by the rule without a filter


def test_an_sld_of_categories_draws_the_same_features_as_the_qml_beside_it():
    table = {"kind": ["GOVT", "COMMON", None]}
    expected = ["Public agency", "Common area", "Other"]
    assert drawn(made(DATA / "qgis_categorized.sld").style, **table) == expected
    assert drawn(made(DATA / "qgis_categorized.qml").style, **table) == expected


def sld(rules, version="1.0.0"):
    return (
        f'<StyledLayerDescriptor version="{version}" xmlns="http://www.opengis.net/sld" xmlns:ogc="http://www.opengis.net/ogc">'
        f"<NamedLayer><Name>a</Name><UserStyle><FeatureTypeStyle>{rules}</FeatureTypeStyle></UserStyle></NamedLayer>"
        "</StyledLayerDescriptor>"
    )


SLD_FILL = '<PolygonSymbolizer><Fill><CssParameter name="fill">#{0}</CssParameter></Fill></PolygonSymbolizer>'


def test_sld_1_0_with_between_and_else_draws_as_it_says(tmp_path):
    between = (
        "<ogc:Filter><ogc:PropertyIsBetween><ogc:PropertyName>width</ogc:PropertyName><ogc:LowerBoundary><ogc:Literal>10"
        "</ogc:Literal></ogc:LowerBoundary><ogc:UpperBoundary><ogc:Literal>20</ogc:Literal></ogc:UpperBoundary>"
        "</ogc:PropertyIsBetween></ogc:Filter>"
    )
    rules = f"<Rule><Title>middle</Title>{between}{SLD_FILL.format('AA0000')}</Rule>"
    rules += f"<Rule><Title>rest</Title><ElseFilter/>{SLD_FILL.format('00aa00')}</Rule>"
    imported = made(text_file(tmp_path, "a.sld", sld(rules)))
    assert imported.dropped == ()
    assert drawn(imported.style, width=[10.0, 20.0, 9.9, None]) == ["middle", "middle", "rest", "rest"]
    assert [one.fill for one in imported.style.classes] == ["#aa0000", "#00aa00"]


@pytest.mark.parametrize(
    ("uom", "key", "value"),
    [
        ("", "width_pt", 3 * PIXEL),
        ("http://www.opengeospatial.org/se/units/pixel", "width_pt", 3 * PIXEL),
        ("http://www.opengeospatial.org/se/units/foot", "width_ft", 3),
        ("http://www.opengeospatial.org/se/units/metre", "width_ft", 9.8425),
    ],
)
def test_the_unit_of_a_symbolizer_makes_points_or_feet(tmp_path, uom, key, value):
    said = f' uom="{uom}"' if uom else ""
    stroke = '<Stroke><SvgParameter name="stroke">#010203</SvgParameter><SvgParameter name="stroke-width">3</SvgParameter></Stroke>'
    path = text_file(tmp_path, "a.sld", sld(f"<Rule><LineSymbolizer{said}>{stroke}</LineSymbolizer></Rule>", "1.1.0"))
    assert getattr(made(path).style.line, key) == pytest.approx(value, abs=0.001)


def test_a_text_symbolizer_becomes_a_label(tmp_path):
    text = (
        '<TextSymbolizer><Label>Lot <ogc:PropertyName>lot</ogc:PropertyName></Label><Font><CssParameter name="font-size">9'
        '</CssParameter><CssParameter name="font-weight">bold</CssParameter></Font><Halo><Radius>2</Radius></Halo>'
        '<Fill><CssParameter name="fill">#102030</CssParameter></Fill></TextSymbolizer>'
    )
    imported = made(text_file(tmp_path, "a.sld", sld(f"<Rule>{SLD_FILL.format('ffffff')}{text}</Rule>")))
    (row,) = imported.style.label.rows
    assert (row.text, row.font, row.color) == ("Lot {lot}", "bold", "#102030")
    assert row.size_pt == pytest.approx(9 * PIXEL, abs=0.01)
    assert imported.style.label.halo.width_pt == pytest.approx(2 * PIXEL, abs=0.001)
    assert imported.style.label.placement == "inside"


# -- lyrx (Esri, CIM specification) -------------------------------------------------------------------------------------------


def rgb(*values):
    return {"type": "CIMRGBColor", "values": [*values, 100]}


def cim_fill(*color):
    return {"type": "CIMSolidFill", "enable": True, "color": rgb(*color)}


def cim_stroke(width, *color, **more):
    return {"type": "CIMSolidStroke", "enable": True, "width": width, "color": rgb(*color), **more}


def reference(kind, *layers):
    return {"type": "CIMSymbolReference", "symbol": {"type": kind, "symbolLayers": list(layers)}}


def lyrx(tmp_path, renderer, **layer):
    definition = {"type": "CIMFeatureLayer", "name": "Zones", "renderer": renderer, **layer}
    return text_file(tmp_path, "a.lyrx", json.dumps({"type": "CIMLayerDocument", "layerDefinitions": [definition]}))


def test_the_first_symbol_layer_of_a_layer_file_is_the_uppermost(tmp_path):
    symbol = reference("CIMLineSymbol", cim_stroke(2, 255, 255, 255), cim_stroke(3, 0, 0, 0))
    style = made(lyrx(tmp_path, {"type": "CIMSimpleRenderer", "symbol": symbol, "label": "Street"})).style
    assert [(one.color, one.width_pt) for one in style.lines] == [("#000000", 3), ("#ffffff", 2)]
    assert style.legend == "Street"


def test_dashes_and_hatches_keep_their_points(tmp_path):
    dashes = [{"type": "CIMGeometricEffectDashes", "dashTemplate": [6, 2, 1, 2], "lineDashEnding": "NoConstraint"}]
    hatch = {
        "type": "CIMHatchFill", "enable": True, "rotation": 45, "separation": 5,
        "lineSymbol": {"type": "CIMLineSymbol", "symbolLayers": [cim_stroke(0.5, 200, 0, 0)]},
    }  # fmt: skip
    symbol = reference("CIMPolygonSymbol", cim_stroke(0.7, 10, 20, 30, effects=dashes), hatch, cim_fill(240, 240, 200))
    imported = made(lyrx(tmp_path, {"type": "CIMSimpleRenderer", "symbol": symbol}))
    style = imported.style
    assert imported.dropped == ()
    assert (style.fill, style.line.dash_pt, style.line.width_pt) == ("#f0f0c8", (6, 2, 1, 2), 0.7)
    assert (style.hatch.angle_deg, style.hatch.spacing_pt, style.hatch.line.color) == (45, 5, "#c80000")


def test_unique_values_with_a_missing_one_and_others(tmp_path):
    def one(label, *values, color):
        return {
            "label": label, "visible": True, "symbol": reference("CIMPolygonSymbol", cim_fill(*color)),
            "values": [{"type": "CIMUniqueValue", "fieldValues": [value]} for value in values],
        }  # fmt: skip

    renderer = {
        "type": "CIMUniqueValueRenderer", "fields": ["zone"], "useDefaultSymbol": True, "defaultLabel": "other",
        "defaultSymbol": reference("CIMPolygonSymbol", cim_fill(1, 1, 1)),
        "groups": [{"classes": [one("house", "R1", "R2", color=(255, 255, 0)), one("none", "<Null>", color=(9, 9, 9))]}],
    }  # fmt: skip
    style = made(lyrx(tmp_path, renderer), "zoning").style
    assert drawn(style, zone=["R1", "R2", None, "C"]) == ["house", "house", "none", "other"]


def test_class_breaks_hold_their_upper_bound(tmp_path):
    breaks = [
        {"upperBound": bound, "label": f"to {bound}", "symbol": reference("CIMLineSymbol", cim_stroke(bound / 10, 0, 0, 0))}
        for bound in (8, 24)
    ]
    renderer = {"type": "CIMClassBreaksRenderer", "field": "width", "minimumBreak": 2, "breaks": breaks}
    style = made(lyrx(tmp_path, renderer)).style
    assert drawn(style, width=[1.9, 2.0, 8.0, 8.5, 24.0, 25.0]) == ["", "to 8", "to 8", "to 24", "to 24", ""]


@pytest.mark.parametrize(
    ("color", "expected"),
    [
        ({"type": "CIMHSVColor", "values": [120, 100, 50, 100]}, "#008000"),
        ({"type": "CIMGrayColor", "values": [128, 100]}, "#808080"),
        ({"type": "CIMHSLColor", "values": [240, 100, 50, 100]}, "#0000ff"),
        ({"type": "CIMCMYKColor", "values": [0, 100, 100, 0, 100]}, "#ff0000"),
    ],
)
def test_colours_of_every_model_become_rgb(tmp_path, color, expected):
    symbol = reference("CIMPolygonSymbol", {"type": "CIMSolidFill", "enable": True, "color": color})
    assert made(lyrx(tmp_path, {"type": "CIMSimpleRenderer", "symbol": symbol})).style.fill == expected


@pytest.mark.parametrize(
    ("geometry", "shape"),
    [
        ({"rings": [[[-5, -5], [-5, 5], [5, 5], [5, -5], [-5, -5]]]}, "square"),
        ({"rings": [[[0, 5], [5, 0], [0, -5], [-5, 0], [0, 5]]]}, "diamond"),
        ({"rings": [[[0, 5], [5, -5], [-5, -5], [0, 5]]]}, "triangle"),
        ({"curveRings": [[[0, 5], {"a": [[0, 5], [0, 0], 0, 1]}]]}, "circle"),
        ({"paths": [[[-5, 0], [5, 0]], [[0, -5], [0, 5]]]}, "cross"),
        ({"paths": [[[-5, -5], [5, 5]], [[-5, 5], [5, -5]]]}, "x"),
    ],
)
def test_basic_shapes_of_vector_markers_are_known_by_their_corners(tmp_path, geometry, shape):
    inner = {"type": "CIMPolygonSymbol", "symbolLayers": [cim_stroke(0.5, 0, 0, 0), cim_fill(255, 0, 0)]}
    marker = {"type": "CIMVectorMarker", "enable": True, "size": 6, "markerGraphics": [{"geometry": geometry, "symbol": inner}]}
    style = made(lyrx(tmp_path, {"type": "CIMSimpleRenderer", "symbol": reference("CIMPointSymbol", marker)}), "corner").style
    assert (style.marker.shape, style.marker.size_pt) == (shape, 6)


def test_a_label_class_and_a_definition_query_come_along(tmp_path):
    text = {
        "type": "CIMTextSymbol", "height": 8, "fontFamilyName": "Tahoma", "fontStyleName": "Bold", "haloSize": 1,
        "haloSymbol": {"type": "CIMPolygonSymbol", "symbolLayers": [cim_fill(255, 255, 255)]},
        "symbol": {"type": "CIMPolygonSymbol", "symbolLayers": [cim_fill(0, 0, 128)]},
    }  # fmt: skip
    one = {
        "type": "CIMLabelClass", "name": "APN", "expression": "$feature.APN + TextFormatting.NewLine + 'Lot ' + $feature.LOT",
        "textSymbol": {"type": "CIMSymbolReference", "symbol": text}, "visibility": True,
    }  # fmt: skip
    renderer = {"type": "CIMSimpleRenderer", "symbol": reference("CIMPolygonSymbol", cim_fill(1, 2, 3))}
    query = {"definitionExpression": "STATUS = 'A' AND APN LIKE '04%'"}
    imported = made(lyrx(tmp_path, renderer, labelClasses=[one], labelVisibility=True, featureTable=query))
    label = imported.style.label
    assert [(row.text, row.size_pt, row.font, row.color) for row in label.rows] == [
        ("{APN}", 8, "bold", "#000080"),
        ("Lot {LOT}", 8, "bold", "#000080"),
    ]
    assert label.halo.width_pt == 1
    table = pd.DataFrame({"STATUS": ["A", "A", "R"], "APN": ["041", "051", "042"]})
    assert imported.style.keeps(table).tolist() == [True, False, False]
    assert told(imported) == ["label class APN: the font Tahoma: the sheet's own"]


# -- expressions --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\"zone\" = 'R1'", "zone == 'R1'"),
        ("[Zone] <> 'it''s'", 'Zone != "it\'s"'),
        ("a >= 3 AND NOT b IS NULL", "a >= 3 and not b is null"),
        ("kind IN ('A')", "kind in ('A',)"),
        ("kind IN ('A', 'B') OR w < 2.5", "kind in ('A', 'B') or w < 2.5"),
        ("apn LIKE '04%'", "apn.startswith('04')"),
    ],
)
def test_conditions_in_sql_become_expressions(text, expected):
    assert condition(text) == expected


@pytest.mark.parametrize(
    "text", ["area($geometry) > 5", "a + 1 = 2", "\"zone code\" = 'R1'", "a LIKE '%4%'", "a = 'x", "__import__('os')", "a ~ 'x'"]
)
def test_conditions_beyond_that_are_none(text):
    assert condition(text) is None


@pytest.mark.parametrize(
    ("text", "is_qgis", "rows"),
    [
        ('"apn"', True, ["{apn}"]),
        ("[APN]", False, ["{APN}"]),
        ("$feature.APN", False, ["{APN}"]),
        ('$feature["APN"]', False, ["{APN}"]),
        ('[LOT] & " / " & [BLK]', False, ["{LOT} / {BLK}"]),
        ("concat(\"a\", ' ft')", True, ["{a} ft"]),
        ("[A] & vbNewLine & [B]", False, ["{A}", "{B}"]),
        ('round("a", 2)', True, None),
        ('"a" ||', True, None),
        ("'x' 'y'", True, None),
        ("'{' || \"a\"", True, None),
    ],
)
def test_label_expressions_of_fields_and_words_become_templates(text, is_qgis, rows):
    assert label_rows(text, double_quotes_are_fields=is_qgis) == rows


# -- the file -----------------------------------------------------------------------------------------------------------------


def test_what_is_written_is_a_style_file_that_reads_back_the_same(tmp_path):
    for path in sorted(DATA.glob("qgis_*.qml")) + sorted(DATA.glob("qgis_*.sld")):
        imported = made(path)
        (tmp_path / "made.toml").write_text(imported.toml, encoding="utf-8")
        assert read_style("made", tmp_path) == imported.style
        assert isinstance(imported.style, Style)


def test_words_with_quotes_and_letters_of_other_scripts_survive(tmp_path):
    rules = f'<Rule><Title>"Łódź" \\ \u2028 \x7f</Title>{SLD_FILL.format("123456")}</Rule>'
    assert made(text_file(tmp_path, "a.sld", sld(rules))).style.legend == '"Łódź" \\ \u2028 \x7f'.strip()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.qml", '<!DOCTYPE q [<!ENTITY a "aaaa">]><qgis>&a;</qgis>', "declares entities"),
        (
            "a.sld",
            '<!DOCTYPE s SYSTEM "file:///etc/passwd" [<!ENTITY x SYSTEM "file:///etc/passwd">]><s>&x;</s>',
            "declares entities",
        ),
        ("a.sld", "<a>" * 200 + "</a>" * 200, "nested more than"),
        ("a.sld", "<a><b></a>", "not well-formed"),
        ("a.sld", "<html/>", "is no SLD"),
        ("a.qml", "<qgis/>", "no QML style"),
        ("a.lyrx", "{", "is not JSON"),
        ("a.lyrx", "[1]", "holds a list"),
        ("a.lyrx", "[" * 100_000, "is not JSON"),
        ("a.lyrx", "{}", "no feature layer"),
        ("a.lyrx", '{"renderer": {"type": ["x"]}}', "is not built as|Nothing in"),
        ("a.style", "x", "ends in none of"),
        ("a.qml", "<qgis><renderer-v2 type='heatmapRenderer'/></qgis>", "Nothing in a.qml can be drawn.*heatmapRenderer"),
    ],
)
def test_what_cannot_be_used_is_one_error_that_says_why(tmp_path, name, text, message):
    with pytest.raises(ReadError, match=message):
        made(text_file(tmp_path, name, text))


def test_a_style_that_is_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "a.qml"
    with open(path, "wb") as file:
        file.truncate(21 * 2**20)
    with pytest.raises(ReadError, match="more than 20 MB is refused"):
        made(path)
