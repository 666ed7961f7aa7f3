"""
Makes the QML and SLD files beside it with QGIS 3.22, and qgis_values.json: what QGIS itself says of them, lengths in points.

Run where QGIS is installed: QT_QPA_PLATFORM=offscreen /usr/bin/python3 make_qgis_styles.py
"""

import json
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsGraduatedSymbolRenderer,
    QgsLinePatternFillSymbolLayer,
    QgsLineSymbol,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsPalLayerSettings,
    QgsRenderContext,
    QgsRendererCategory,
    QgsRendererRange,
    QgsRuleBasedRenderer,
    QgsSimpleFillSymbolLayer,
    QgsSimpleLineSymbolLayer,
    QgsSimpleMarkerSymbolLayer,
    QgsSingleSymbolRenderer,
    QgsTextBufferSettings,
    QgsTextFormat,
    QgsUnitTypes,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor, QFont

HERE = Path(__file__).parent
FIELDS = "field=apn:string&field=kind:string&field=width:double&field=lot:string"
POINTS = QgsRenderContext()
POINTS.setScaleFactor(72 / 25.4)  # painter units per millimetre: so painter units are points


def points(value, unit):
    return POINTS.convertToPainterUnits(value, unit)


def fill(**properties):
    return QgsFillSymbol.createSimple(properties)


def categorized():
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:2227&{FIELDS}", "parcels", "memory")
    base = {"outline_color": "#2b2b2b", "outline_width": "0.18", "outline_width_unit": "MM"}
    common = fill(color="#e7efdb", **base)
    mixed = fill(color="228,233,243,128", outline_color="#123456", outline_width="0.6", outline_width_unit="Point")
    other = fill(color="#ffffff", outline_style="dash", outline_color="#000000", outline_width="0.5")
    categories = [
        QgsRendererCategory("COMMON", common, "Common area"),
        QgsRendererCategory("GOVT", mixed, "Public agency"),
        QgsRendererCategory("", other, "Other"),
    ]
    layer.setRenderer(QgsCategorizedSymbolRenderer("kind", categories))
    settings = QgsPalLayerSettings()
    settings.fieldName = "\"apn\" || '\\n' || 'Lot ' || \"lot\""
    settings.isExpression = True
    form = QgsTextFormat()
    form.setFont(QFont("DejaVu Sans"))
    form.setSize(2.5)
    form.setSizeUnit(QgsUnitTypes.RenderMillimeters)
    form.setColor(QColor("#1d3f72"))
    buffer = QgsTextBufferSettings()
    buffer.setEnabled(True)
    buffer.setSize(0.4)
    buffer.setSizeUnit(QgsUnitTypes.RenderMillimeters)
    buffer.setColor(QColor("#fffff0"))
    form.setBuffer(buffer)
    settings.setFormat(form)
    layer.setLabeling(QgsVectorLayerSimpleLabeling(settings))
    layer.setLabelsEnabled(True)
    return layer


def graduated():
    layer = QgsVectorLayer(f"LineString?crs=EPSG:2227&{FIELDS}", "pipes", "memory")
    ranges = []
    for low, high, color, width in ((0, 8, "#1f78b4", 0.25), (8, 24, "#33a02c", 0.5), (24, 60, "#e31a1c", 1.0)):
        line = QgsLineSymbol.createSimple({"line_color": color, "line_width": str(width)})
        ranges.append(QgsRendererRange(low, high, line, f"{low} to {high} in"))
    layer.setRenderer(QgsGraduatedSymbolRenderer("width", ranges))
    return layer


def rules():
    layer = QgsVectorLayer(f"Polygon?crs=EPSG:2227&{FIELDS}", "easements", "memory")
    root = QgsRuleBasedRenderer.Rule(None)
    hatch = QgsFillSymbol()
    pattern = QgsLinePatternFillSymbolLayer()
    pattern.setLineAngle(30)
    pattern.setDistance(3)
    pattern.setSubSymbol(QgsLineSymbol.createSimple({"line_color": "#aa5500", "line_width": "0.2"}))
    hatch.changeSymbolLayer(0, pattern)
    edge = QgsSimpleLineSymbolLayer(QColor("#aa5500"), 0.35)
    edge.setUseCustomDashPattern(True)
    edge.setCustomDashVector([4.0, 1.5, 0.5, 1.5])
    hatch.appendSymbolLayer(edge)
    wide = QgsRuleBasedRenderer.Rule(hatch, 0, 0, "\"width\" >= 20 AND \"kind\" IN ('PUE', 'SSE')", "Wide public easement")
    rest = QgsRuleBasedRenderer.Rule(fill(color="255,255,255,0", outline_color="#777777"), 0, 0, "ELSE", "Other easement")
    root.appendChild(wide)
    root.appendChild(rest)
    layer.setRenderer(QgsRuleBasedRenderer(root))
    return layer


def markers():
    layer = QgsVectorLayer(f"Point?crs=EPSG:2227&{FIELDS}", "monuments", "memory")
    symbol = QgsMarkerSymbol.createSimple(
        {"name": "triangle", "color": "#ffffff", "outline_color": "#c00000", "outline_width": "0.3", "size": "2.2"}
    )
    layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    return layer


def said(symbol):
    """What QGIS holds of each layer of a symbol, lengths in points."""
    parts = []
    for part in symbol.symbolLayers():
        row = {"class": part.layerType(), "color": part.color().name(), "alpha": round(part.color().alphaF(), 4)}
        if isinstance(part, QgsSimpleFillSymbolLayer):
            row["stroke"] = part.strokeColor().name()
            row["width_pt"] = points(part.strokeWidth(), part.strokeWidthUnit())
        elif isinstance(part, QgsSimpleLineSymbolLayer):
            row["width_pt"] = points(part.width(), part.widthUnit())
            row["dash_pt"] = [points(v, part.customDashPatternUnit()) for v in part.customDashVector()]
            row["dash_pt"] = row["dash_pt"] if part.useCustomDashPattern() else []
        elif isinstance(part, QgsLinePatternFillSymbolLayer):
            row["spacing_pt"] = points(part.distance(), part.distanceUnit())
            row["angle_deg"] = part.lineAngle()
            row["line"] = said(part.subSymbol())[0]
        elif isinstance(part, QgsSimpleMarkerSymbolLayer):
            row["size_pt"] = points(part.size(), part.sizeUnit())
            row["stroke"] = part.strokeColor().name()
            row["width_pt"] = points(part.strokeWidth(), part.strokeWidthUnit())
        parts.append(row)
    return parts


def label(layer):
    if not layer.labeling():
        return None
    form = layer.labeling().settings().format()
    return {
        "size_pt": points(form.size(), form.sizeUnit()),
        "color": form.color().name(),
        "halo": form.buffer().color().name(),
        "halo_pt": points(form.buffer().size(), form.buffer().sizeUnit()),
    }


def main():
    app = QgsApplication([], False)
    app.initQgis()
    values = {}
    for make in (categorized, graduated, rules, markers):
        layer = make()
        path = HERE / f"qgis_{make.__name__}.qml"
        layer.saveNamedStyle(str(path), QgsMapLayer.StyleCategories(QgsMapLayer.Symbology | QgsMapLayer.Labeling))
        layer.saveSldStyle(str(path.with_suffix(".sld")))
        again = layer.clone()
        again.loadNamedStyle(str(path))
        symbols = again.renderer().legendSymbolItems()
        values[make.__name__] = {
            "symbols": [{"label": item.label(), "parts": said(item.symbol())} for item in symbols if item.symbol()],
            "label": label(again),
        }
    (HERE / "qgis_values.json").write_text(json.dumps(values, indent=1, sort_keys=True) + "\n")
    app.exitQgis()


main()
