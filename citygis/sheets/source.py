"""
A sheet's layers out of a GeoPackage or the City's store: those it draws, the columns its styles read, the ground it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import pandas as pd

from citygis.city import City
from citygis.errors import SheetError
from citygis.sheets.key_map import LAYERS as KEY_MAP_LAYERS
from citygis.sheets.pins import pins_of_sheet
from citygis.sheets.sheet import Sheet
from citygis.sheets.style import nearest, read_style
from citygis.sheets.vicinity import STYLES as VICINITY_STYLES
from citygis.sheets.view import spread

if TYPE_CHECKING:
    from citygis.store import Store


class _Source(NamedTuple):
    """Where layers come from: its name, its layers with their fields, and how one of them is read."""

    name: str
    fields: dict[str, list[str]]
    read: Callable[..., gpd.GeoDataFrame | pd.DataFrame]


def _source(given: Path | str | Store) -> _Source:
    if not isinstance(given, (Path, str)):
        schema = given.city.schema
        return _Source(given.place, {info.name: schema.layer(info.name).names for info in given.layers()}, given.read)
    # What reads files takes long to load; a store has its own reader, and who has layers already needs none.
    import pyogrio

    from citygis.gpkg import layers_of, read_geopackage

    there = [info.name for info in layers_of(given)]
    return _Source(
        str(given), {name: list(pyogrio.read_info(given, layer=name)["fields"]) for name in there}, partial(read_geopackage, given)
    )


def sheet_layers(
    sheet: Sheet,
    source: Path | str | Store,
    *,
    city: City,
    name: str = "",
    also: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """
    The layers that a sheet draws, as far as its frame reaches.

    Parameters
    ----------
    sheet : Sheet
    source : path or Store
        A GeoPackage whose layers have the City's names, or the City's geodatabase.
    city : City
    name : str
        Of the sheet, as its file is called: label pins of other sheets are left out.
    also : mapping of str to sequence of str
        Layers read whole, with these of their columns as far as they are there.

    Returns
    -------
    dict of str to GeoDataFrame
        Layers the file does not have are left out; `draw` tells which styles drew nothing. Beside those of the styles, what the
        key map is drawn from and ``source_document``, when the file has them, and of a store ``label_pins`` and ``last_change``.

    Raises
    ------
    SheetError
        If a style is unknown, or the view names a layer the file does not have.
    ReadError
        If the file is missing or not a GeoPackage, or lacks a column a style reads.
    """
    held = _source(source)
    view = sheet.view
    columns: dict[str, list[str]] = {layer: [] for layer in KEY_MAP_LAYERS}
    styles = [read_style(name, city.styles_folder) for name in sheet.layers]
    for style in [*styles, *(VICINITY_STYLES.values() if sheet.vicinity else ())]:
        columns.setdefault(style.layer, []).extend(style.columns)
    if view.layer:
        columns.setdefault(view.layer, []).extend([view.field] if view.field else [])
    # The key map, the vicinity map and the view need all of a layer, the rest only what the frame shows.
    whole = {*KEY_MAP_LAYERS, *also, *([view.layer] if view.layer else [])}
    if sheet.dimensions:
        from citygis.sheets.courses import READS

        columns.setdefault(sheet.dimensions.layer, []).extend(READS)
        for layer in sheet.dimensions.areas:
            columns.setdefault(layer, [])
    for layer, fields in also.items():
        columns.setdefault(layer, []).extend(field for field in fields if field in held.fields.get(layer, ()))
    bbox = _bbox(sheet, held, city)
    for layer, fields in columns.items():
        there = held.fields.get(layer, ())
        fields += [name for name in ("global_id", "source_id", "status") if name in there]
        if sheet.dimensions and layer == sheet.dimensions.layer:
            fields[:] = [name for name in fields if name in there]
    layers = {
        layer: held.read(layer, columns=list(dict.fromkeys(fields)), bbox=None if layer in whole else bbox)
        for layer, fields in columns.items()
        if layer in held.fields
    }
    if "source_document" in held.fields:
        layers["source_document"] = held.read("source_document")
    if not isinstance(source, (Path, str)):
        layers["label_pins"] = pins_of_sheet(source.label_pins(), name).assign(sheet="")
        layers["last_change"] = source.changes().tail(1)
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
    return tuple(spread(sheet, [], of_view, city).frame.extent)
