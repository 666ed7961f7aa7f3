"""
A sheet's layers out of a GeoPackage or the City's store: those it draws, the columns its styles read, the ground it shows.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

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
from citygis.store import Store


class _Source(NamedTuple):
    """Where layers come from: its name, its layers with their fields, and how one of them is read."""

    name: str
    fields: dict[str, list[str]]
    read: Callable[..., gpd.GeoDataFrame | pd.DataFrame]


def _source(given: Path | str | Store) -> _Source:
    if isinstance(given, Store):
        schema = given.city.schema
        return _Source(given.place, {info.name: schema.layer(info.name).names for info in given.layers()}, given.read)
    there = [info.name for info in layers_of(given)]
    return _Source(
        str(given), {name: list(pyogrio.read_info(given, layer=name)["fields"]) for name in there}, partial(read_geopackage, given)
    )


def sheet_layers(sheet: Sheet, source: Path | str | Store, *, city: City) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """
    The layers that a sheet draws, as far as its frame reaches.

    Parameters
    ----------
    sheet : Sheet
    source : path or Store
        A GeoPackage whose layers have the City's names, or the City's geodatabase.
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
    held = _source(source)
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
    bbox = _bbox(sheet, held, city)
    for layer, fields in columns.items():
        if "source_id" in held.fields.get(layer, ()):
            fields.append("source_id")
    layers = {
        # The key map and the view need all of a layer, the rest only what the frame shows.
        layer: held.read(layer, columns=list(dict.fromkeys(fields)), bbox=None if layer in whole else bbox)
        for layer, fields in columns.items()
        if layer in held.fields
    }
    if "source_document" in held.fields:
        layers["source_document"] = held.read("source_document")
    return layers


def _bbox(sheet: Sheet, held: _Source, city: City) -> tuple[float, float, float, float] | None:
    """The ground the sheet will show, when that can be known from its view; None when it shows all there is."""
    view = sheet.view
    of_view = {}
    if view.layer is not None:
        if view.layer not in held.fields:
            near = nearest(view.layer, list(held.fields))
            raise SheetError(f"[view] names layer {view.layer!r}, which {held.name} does not have{near}")
        of_view = {view.layer: held.read(view.layer, columns=[view.field] if view.field else [])}
    elif view.extent is None and not isinstance(view.centre, tuple):
        return None
    page = page_of(sheet)
    return tuple(map_frame(sheet, page, layout(sheet, page), [], of_view, city).extent)
