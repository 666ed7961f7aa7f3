"""
QGIS as a contender of the sheets bench: the same layers, looks, page, scale and labels as a QGIS layout, written as PDF.

Run by ``sheets.py`` with the Python that QGIS is installed for; citygis is not imported. ``page.json`` beside the layers says where
the map lies on the page.
"""

import json
import os
import sys
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsLayout,
    QgsLayoutExporter,
    QgsLayoutItemMap,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLineSymbol,
    QgsPalLayerSettings,
    QgsProject,
    QgsRectangle,
    QgsRenderContext,
    QgsRendererCategory,
    QgsSimpleLineSymbolLayer,
    QgsSingleSymbolRenderer,
    QgsTextFormat,
    QgsUnitTypes,
    QgsVectorLayer,
    QgsVectorLayerSimpleLabeling,
)
from qgis.PyQt.QtGui import QColor, QFont, QFontDatabase

MM_PER_PT = 25.4 / 72


def stroke(look: dict) -> QgsSimpleLineSymbolLayer:
    """A line as our styles say it, points."""
    line = QgsSimpleLineSymbolLayer(QColor(look["color"]), look["width_pt"])
    line.setWidthUnit(QgsUnitTypes.RenderPoints)
    if look.get("dash_pt"):
        line.setUseCustomDashPattern(True)
        line.setCustomDashVector(look["dash_pt"])
        line.setCustomDashPatternUnit(QgsUnitTypes.RenderPoints)
    return line


def layer_of(folder: Path, style: dict) -> QgsVectorLayer:
    """A layer with its look: filled by class, or lines alone."""
    layer = QgsVectorLayer(f"{folder / 'city.gpkg'}|layername={style['layer']}", style["layer"], "ogr")
    if not layer.isValid():
        raise SystemExit(f"QGIS cannot read layer {style['layer']}")
    if "classes" in style:
        categories = []
        for one in style["classes"]:
            symbol = QgsFillSymbol.createSimple({"color": one["fill"], "outline_color": style["line"]["color"]})
            symbol.symbolLayer(0).setStrokeWidth(style["line"]["width_pt"])
            symbol.symbolLayer(0).setStrokeWidthUnit(QgsUnitTypes.RenderPoints)
            categories.append(QgsRendererCategory(one["values"][0], symbol, one["legend"]))
        layer.setRenderer(QgsCategorizedSymbolRenderer(style["field"], categories))
    else:
        symbol = QgsLineSymbol() if layer.geometryType() == 1 else QgsFillSymbol()
        symbol.changeSymbolLayer(0, stroke(style["line"]))
        layer.setRenderer(QgsSingleSymbolRenderer(symbol))
    return layer


def labelled(layer: QgsVectorLayer, label: dict, typeface: str) -> None:
    """Parcel number over acres in our font, turned as the parcel lies, only where they fit: what QGIS is best with for lots."""
    family = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(typeface))[0]
    settings = QgsPalLayerSettings()
    settings.fieldName = '"apn" || \'\\n\' || "acres"'
    settings.isExpression = True
    settings.placement = QgsPalLayerSettings.Free
    settings.fitInPolygonOnly = True
    text = QgsTextFormat()
    text.setFont(QFont(family))
    text.setSize(label["rows"][0]["size_pt"])
    text.setSizeUnit(QgsUnitTypes.RenderPoints)
    settings.setFormat(text)
    layer.setLabeling(QgsVectorLayerSimpleLabeling(settings))
    layer.setLabelsEnabled(True)


def main() -> None:
    folder, case, out = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    app = QgsApplication([], False)
    app.initQgis()
    page = json.loads((folder / f"{case}.json").read_text())
    layers = [layer_of(folder, style) for style in page["styles"]]
    for layer, style in zip(layers, page["styles"], strict=True):
        if "label" in style:
            labelled(layer, style["label"], page["typeface"])
    project = QgsProject.instance()
    project.addMapLayers(layers)
    project.setCrs(layers[0].crs())
    layout = QgsLayout(project)
    layout.initializeDefaults()
    size = [side * 25.4 for side in page["page_in"]]
    layout.pageCollection().page(0).setPageSize(QgsLayoutSize(*size, QgsUnitTypes.LayoutMillimeters))
    left, bottom, right, top = page["box_pt"]
    picture = QgsLayoutItemMap(layout)
    picture.attemptMove(QgsLayoutPoint(left * MM_PER_PT, size[1] - top * MM_PER_PT))
    picture.attemptResize(QgsLayoutSize((right - left) * MM_PER_PT, (top - bottom) * MM_PER_PT))
    picture.setLayers(layers[::-1])
    picture.setExtent(QgsRectangle(*page["extent"]))
    layout.addLayoutItem(picture)
    settings = QgsLayoutExporter.PdfExportSettings()
    settings.forceVectorOutput = True
    settings.exportMetadata = False
    settings.textRenderFormat = QgsRenderContext.TextFormatAlwaysText
    done = QgsLayoutExporter(layout).exportToPdf(str(out), settings)
    if done != QgsLayoutExporter.Success:
        raise SystemExit(f"QGIS layout export failed: {done}")
    print("{}", flush=True)
    os._exit(0)  # QGIS may crash on its way out of Python


if __name__ == "__main__":
    main()
