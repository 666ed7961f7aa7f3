"""
A series' layers, read once, cut to the ground of one sheet after the other, and a hash of all that a sheet is drawn from.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis import __version__
from citygis.city import City
from citygis.sheets.frame import Extent
from citygis.sheets.key_map import LAYERS as KEY_MAP_LAYERS
from citygis.sheets.sheet import Sheet, profile_of
from citygis.sheets.style import Style, read_style, read_theme

_DRAWN_WITH = ("numpy", "shapely", "pandas", "pyproj", "fonttools", "pikepdf")
"""Another version of these may draw other bytes."""


class Pool(NamedTuple):
    """
    Layers in memory, ready to be cut.

    Parameters
    ----------
    layers : dict of str to frame
    rows, shapes : dict of str to array of uint64
        A hash of each row of a layer, and of each geometry.
    """

    layers: dict[str, gpd.GeoDataFrame | pd.DataFrame]
    rows: dict[str, np.ndarray]
    shapes: dict[str, np.ndarray]


def pool(layers: Mapping[str, gpd.GeoDataFrame | pd.DataFrame]) -> Pool:
    """Layers made ready; their spatial indexes are built when they are first asked."""
    rows, shapes = {}, {}
    for name, layer in layers.items():
        plain = pd.DataFrame(layer)
        if isinstance(layer, gpd.GeoDataFrame):
            plain = plain.drop(columns=layer.geometry.name)
            outlines = shapely.to_wkb(np.asarray(layer.geometry.values))
            shapes[name] = pd.util.hash_array(outlines, categorize=False)
        rows[name] = pd.util.hash_pandas_object(_hashable(plain), index=True).to_numpy()
    return Pool(dict(layers), rows, shapes)


def _hashable(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose dicts and lists, as a change set's counts, are text."""
    objects = [name for name in table.columns if table[name].dtype == object]
    mixed = [name for name in objects if table[name].map(lambda value: isinstance(value, (dict, list))).any()]
    return table.assign(**{name: table[name].map(repr) for name in mixed}) if mixed else table


def rows_in(given: Pool, extent: Extent) -> dict[str, np.ndarray]:
    """Of each layer with geometry, where the features are whose box meets an extent, in the layer's order."""
    box = shapely.box(*extent)
    return {name: np.sort(given.layers[name].sindex.query(box)) for name in given.shapes}


def cut(given: Pool, extent: Extent) -> dict[str, gpd.GeoDataFrame | pd.DataFrame]:
    """
    What a sheet is drawn from.

    Parameters
    ----------
    given : Pool
    extent : Extent
        The ground it shows.

    Returns
    -------
    dict of str to frame
        Layers that the key map and the vicinity map are made of, and tables, are whole; of the others what `rows_in` finds.
    """
    rows = rows_in(given, extent)
    return {
        name: layer.iloc[rows[name]] if name in rows and name not in KEY_MAP_LAYERS else layer
        for name, layer in given.layers.items()
    }


def drawn_by(sheet: Sheet, name: str, layer: gpd.GeoDataFrame, city: City) -> gpd.GeoDataFrame:
    """The features of a layer that a style of the sheet keeps; all, when the sheet does not draw the layer."""
    styles = [read_style(style, city.styles_folder) for style in sheet.layers]
    kept = [np.asarray(style.keeps(layer), dtype=bool) for style in styles if style.layer == name]
    return layer[np.logical_or.reduce(kept)] if kept else layer


def inputs_hash(
    given: Pool, rows: Mapping[str, np.ndarray], extent: Extent, sheet: Sheet, styles: Mapping[str, Style], city: City
) -> str:
    """
    A hash of all that a sheet is drawn from: when it is the same, so are the bytes of the PDF.

    Parameters
    ----------
    given : Pool
    rows : mapping of str to array of int
        As `rows_in` gives them.
    extent : Extent
    sheet : Sheet
    styles : mapping of str to Style
        Beside those of the City and the packaged ones.
    city : City

    Returns
    -------
    str
        SHA-256 of the sheet, its profile and styles, the rows in its frame, the outlines of the key map's layers, label pins in
        the frame or of its features, other tables, pictures by size and time, and the versions of what draws.
    """
    hashed = hashlib.sha256()

    def add(*parts: str | bytes) -> None:
        for part in parts:
            data = part.encode() if isinstance(part, str) else part
            hashed.update(len(data).to_bytes(8, "little") + data)

    add(*_versions())
    add(city.name, city.county, city.state, city.realization, repr(city.epoch), city.crs.to_wkt(), repr(city.extent))
    add(sheet.model_dump_json())
    profile = profile_of(sheet)
    if profile:
        add(profile.model_dump_json())
    theme = sheet.theme or ("black" if profile and profile.black_only else None)
    if theme:
        add(read_theme(theme, city.styles_folder).model_dump_json())
    for name in sheet.layers:
        add(name, (styles.get(name) or read_style(name, city.styles_folder)).model_dump_json())
    for name in sorted(given.layers):
        layer = given.layers[name]
        add(name, *(f"{column} {dtype}" for column, dtype in layer.dtypes.items()))
        if name in rows:
            add(given.rows[name][rows[name]].tobytes(), given.shapes[name][rows[name]].tobytes())
            if name in KEY_MAP_LAYERS:
                add(given.shapes[name].tobytes())
        elif name == "label_pins":
            add(given.rows[name][_near(layer, given, rows, extent)].tobytes())
        else:
            add(given.rows[name].tobytes())
    for plan in sheet.underlays:
        add(*_pictures(plan.model_dump(), city))
    return hashed.hexdigest()


@cache
def _versions() -> tuple[str, ...]:
    return (__version__, *(f"{name} {version(name)}" for name in _DRAWN_WITH))


def _near(pins: pd.DataFrame, given: Pool, rows: Mapping[str, np.ndarray], extent: Extent) -> np.ndarray:
    """Pins that stand in an extent, or are of a feature in it."""
    e, n = pins["easting"].to_numpy(dtype=float), pins["northing"].to_numpy(dtype=float)
    near = (e >= extent.easting_min) & (e <= extent.easting_max) & (n >= extent.northing_min) & (n <= extent.northing_max)
    for name, shown in rows.items():
        if "global_id" in given.layers[name]:
            own = given.layers[name]["global_id"].iloc[shown]
            near |= ((pins["layer"] == name) & pins["global_id"].isin(own)).to_numpy(dtype=bool)
    return near


def _pictures(plan: object, city: City) -> list[str]:
    """The files that a plan names, each with its size and time."""
    if isinstance(plan, dict):
        return [said for value in plan.values() for said in _pictures(value, city)]
    if not isinstance(plan, (str, Path)):
        return []
    for place in (Path(plan), *([city.folder / plan] if city.folder else ())):
        if str(plan) and place.is_file():
            return [f"{place.name} {place.stat().st_size} {place.stat().st_mtime_ns}"]
    return []
