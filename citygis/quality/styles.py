"""
How findings look on a map: styles that QGIS takes from the GeoPackage by itself.
"""

from collections.abc import Iterable
from xml.sax.saxutils import quoteattr

import pandas as pd

COLORS = {"error": (179, 38, 30), "review": (138, 82, 0), "info": (31, 95, 153)}
"""Red, green and blue of each severity, as on the web page."""

_KINDS = {"point": "marker", "line": "line", "polygon": "fill"}
_CLASSES = {"point": "SimpleMarker", "line": "SimpleLine", "polygon": "SimpleFill"}


def layer_styles(kinds: Iterable[str]) -> pd.DataFrame:
    """
    The table ``layer_styles`` of a GeoPackage, in which QGIS keeps the default style of a layer.

    Parameters
    ----------
    kinds : iterable of "point", "line", "polygon"
        Of the layers ``findings_point``, ``findings_line``, ``findings_polygon`` that the file has.

    Returns
    -------
    DataFrame
        Columns as QGIS makes them (`QgsOgrProviderUtils`), one default style per layer: a symbol per severity,
        coloured as `COLORS`.
    """
    rows = [
        {
            "f_table_catalog": "",
            "f_table_schema": "",
            "f_table_name": f"findings_{kind}",
            "f_geometry_column": "geom",
            "styleName": "severity",
            "styleQML": qml(kind),
            "styleSLD": "",
            "useAsDefault": True,
            "description": "Findings by severity",
            "owner": "",
        }
        for kind in kinds
    ]
    return pd.DataFrame(rows)


def qml(kind: str) -> str:
    """
    The QGIS style of findings of one kind of geometry, one category per severity.

    Parameters
    ----------
    kind : "point", "line" or "polygon"
    """
    categories = "".join(
        f'<category render="true" symbol="{i}" value="{name}" label="{name}" type="string"/>' for i, name in enumerate(COLORS)
    )
    symbols = "".join(_symbol(kind, i, color) for i, color in enumerate(COLORS.values()))
    return (
        '<!DOCTYPE qgis PUBLIC "http://mrcc.com/qgis.dtd" "SYSTEM"><qgis version="3.22.0" styleCategories="Symbology">'
        f'<renderer-v2 type="categorizedSymbol" attr="severity" symbollevels="0" enableorderby="0" forceraster="0">'
        f"<categories>{categories}</categories><symbols>{symbols}</symbols></renderer-v2></qgis>"
    )


def _symbol(kind: str, number: int, color: tuple[int, int, int]) -> str:
    line, fill = ",".join(map(str, (*color, 255))), ",".join(map(str, (*color, 90)))
    options = {
        "point": {"name": "circle", "color": fill, "outline_color": line, "outline_width": "0.5", "size": "3.2", "size_unit": "MM"},
        "line": {"line_color": line, "line_width": "0.8", "line_width_unit": "MM", "joinstyle": "round", "capstyle": "round"},
        "polygon": {"color": fill, "style": "solid", "outline_color": line, "outline_width": "0.6", "outline_width_unit": "MM"},
    }[kind]
    told = "".join(f'<Option type="QString" name={quoteattr(name)} value={quoteattr(value)}/>' for name, value in options.items())
    return (
        f'<symbol type="{_KINDS[kind]}" name="{number}" alpha="1" clip_to_extent="1" force_rhr="0">'
        f'<layer class="{_CLASSES[kind]}" enabled="1" locked="0" pass="0"><Option type="Map">{told}</Option></layer></symbol>'
    )
