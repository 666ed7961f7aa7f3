"""
A sheet's layers out of a GeoPackage: only those it draws, only the columns its styles read, only the ground it shows.
"""

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio

from citygis.city import City
from citygis.errors import SheetError
from citygis.gpkg import layers_of, read_geopackage
from citygis.sheets.key_map import LAYERS as KEY_MAP_LAYERS
from citygis.sheets.layout import layout
from citygis.sheets.sheet import Sheet, page_of
from citygis.sheets.style import nearest, read_style
from citygis.sheets.view import map_frame


def sheet_layers(sheet: Sheet, path: Path | str, *, city: City) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """
    The layers of a GeoPackage that a sheet draws, as far as its frame reaches.

    Parameters
    ----------
    sheet : Sheet
    path : path
        A GeoPackage whose layers have the City's names.
    city : City

    Returns
    -------
    dict of str to GeoDataFrame
        Layers the file does not have are left out; `draw` tells which styles drew nothing. Beside those of the styles, what the
        key map is drawn from and ``source_document``, when the file has them.

    Raises
    ------
    SheetError
        If a style is unknown, or the view names a layer the file does not have.
    ReadError
        If the file is missing or not a GeoPackage, or lacks a column a style reads.
    """
    there = [info.name for info in layers_of(path)]
    columns: dict[str, list[str]] = {}
    for name in sheet.layers:
        style = read_style(name, city.styles_folder)
        columns.setdefault(style.layer, []).extend(style.columns)
    view = sheet.view
    whole = {*KEY_MAP_LAYERS, *([view.layer] if view.layer else [])}
    for layer in whole:
        columns.setdefault(layer, [])
    if view.field:
        columns[view.layer].append(view.field)
    bbox = _bbox(sheet, path, there, city)
    for layer, fields in columns.items():
        if layer in there and "source_id" in pyogrio.read_info(path, layer=layer)["fields"]:
            fields.append("source_id")
    layers = {
        # The key map and the view need all of a layer, the rest only what the frame shows.
        layer: read_geopackage(path, layer, columns=list(dict.fromkeys(fields)), bbox=None if layer in whole else bbox)
        for layer, fields in columns.items()
        if layer in there
    }
    if "source_document" in there:
        layers["source_document"] = read_geopackage(path, "source_document")
    return layers


def _bbox(sheet: Sheet, path: Path | str, there: list[str], city: City) -> tuple[float, float, float, float] | None:
    """The ground the sheet will show, when that can be known from its view; None when it shows all there is."""
    view = sheet.view
    of_view = {}
    if view.layer is not None:
        if view.layer not in there:
            raise SheetError(f"[view] names layer {view.layer!r}, which {path} does not have{nearest(view.layer, there)}")
        of_view = {view.layer: read_geopackage(path, view.layer, columns=[view.field] if view.field else [])}
    elif view.extent is None and not isinstance(view.centre, tuple):
        return None
    page = page_of(sheet)
    return tuple(map_frame(sheet, page, layout(sheet, page), [], of_view, city).extent)
