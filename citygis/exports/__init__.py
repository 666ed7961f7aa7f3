"""Figures of courses written for others with their true curves: LandXML, DXF, well-known text, Esri JSON."""

from citygis.exports.curves import curve_polygon_wkt, esri_polygon
from citygis.exports.drawing import write_dxf
from citygis.exports.landxml import landxml_text, write_landxml

__all__ = ["curve_polygon_wkt", "esri_polygon", "landxml_text", "write_dxf", "write_landxml"]
