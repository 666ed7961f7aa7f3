"""
Lengths of other programs as points on paper or feet on the ground.
"""

from citygis.sheets.looks import POINTS_PER_MM
from citygis.units import US_SURVEY_FOOT

QGIS_PIXEL_PT = 72 / 96
"""QGIS takes a screen of 96 dots per inch where a pixel needs a size."""

SLD_PIXEL_PT = 0.28 * POINTS_PER_MM
"""The standardized rendering pixel is 0.28 mm wide (OGC 05-077r4, Symbology Encoding 1.1.0, section 10.2)."""

FEET_PER_METRE = 1 / float(US_SURVEY_FOOT)
"""Ground lengths of a style are a few feet wide: which foot makes no difference that can be drawn."""

_QGIS = {
    "MM": ("pt", POINTS_PER_MM),
    "Point": ("pt", 1.0),
    "Inch": ("pt", 72.0),
    "Pixel": ("pt", QGIS_PIXEL_PT),
    "MapUnit": ("ft", 1.0),
    "RenderMetersInMapUnits": ("ft", FEET_PER_METRE),
}
_UOM = {"metre": ("ft", FEET_PER_METRE), "foot": ("ft", 1.0), "pixel": ("pt", SLD_PIXEL_PT)}

Length = tuple[float, str]
"""A number and its unit on a sheet, ``pt`` or ``ft``."""


def qgis_length(value: float, unit: str) -> Length | None:
    """A length of QGIS (`QgsUnitTypes.RenderUnit`, as QML writes it); None in a unit that is a share of something else."""
    if unit not in _QGIS:
        return None
    kind, factor = _QGIS[unit]
    return value * factor, kind


def sld_length(value: float, uom: str) -> Length:
    """A length of SLD in the unit its symbolizer names with `uom`, pixels without one."""
    kind, factor = _UOM[uom.rstrip("/").rpartition("/")[2].lower() or "pixel"]
    return value * factor, kind


def is_sld_unit(uom: str) -> bool:
    """Whether `uom` is one of metre, foot and pixel (OGC 05-077r4, section 10.2), or nothing."""
    return (uom.rstrip("/").rpartition("/")[2].lower() or "pixel") in _UOM
