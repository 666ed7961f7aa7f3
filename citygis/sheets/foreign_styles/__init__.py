"""
Styles of other programs made into citygis styles: QML of QGIS, lyrx of ArcGIS Pro, SLD and Symbology Encoding of the OGC.

Each is read for what a plotted sheet can draw too. What it cannot is told, with the place where it stood.
"""

from citygis.sheets.foreign_styles.importing import READERS, Dropped, Imported, import_style

__all__ = ["READERS", "Dropped", "Imported", "import_style"]
