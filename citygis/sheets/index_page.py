"""
The index of a series: a map of its frames, and on which sheets each street and each parcel is.
"""

from collections.abc import Mapping
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from citygis.city import City
from citygis.sheets.column import INK
from citygis.sheets.pool import drawn_by
from citygis.sheets.series import Leaf, Series
from citygis.sheets.shares import shares
from citygis.sheets.sheet import Sheet, View, is_endless
from citygis.sheets.strips import street_names
from citygis.sheets.style import Style, read_style, text_of
from citygis.sheets.table import Table
from citygis.sheets.view import spread

NUMBER = "Index"
"""What stands where a sheet has its number."""

STYLES = {
    "index_city_limit": Style(
        layer="city_limit",
        title="Index: city limit",
        legend="City limit",
        line={"color": INK, "width_pt": 1.0, "dash_pt": (9, 3, 3, 3)},
    ),
    "index_street": Style(
        layer="street_centerline", title="Index: streets", legend="Street", line={"color": "#8a8a8a", "width_pt": 0.5}
    ),
    "index_sheet": Style.model_validate(
        {
            "layer": "sheet_index",
            "title": "Index: sheets",
            "legend": "Sheet, with its number",
            "line": {"color": "#2b6a8f", "width_pt": 1.0, "break_at_labels": True},
        }
    ),
    "index_number": Style.model_validate(
        {
            "layer": "sheet_number",
            "title": "Index: numbers",
            "label": {
                "rows": [{"text": "{number}", "size_pt": 16.0, "font": "bold", "color": "#2b6a8f"}],
                "shrink": [1.0, 0.7, 0.5, 0.35],
                "halo": {"width_pt": 1.5},
                "leader": True,
            },
        }
    ),
}
"""What an index map is drawn with, bottom-up, where the layers are there."""

_MOSTLY = 0.5
"""A parcel is listed on the sheets that show at least this share of it."""


_CENTRAL = 0.8
"""A number stands in the middle of a cell with this share of the room that its widest place has."""


class IndexPage(NamedTuple):
    """What `citygis.sheets.draw` makes the index of: its arguments."""

    sheet: Sheet
    layers: dict[str, gpd.GeoDataFrame]
    styles: dict[str, Style]
    tables: tuple[Table, ...]


def index_page(
    series: Series, sheet: Sheet, leaves: tuple[Leaf, ...], layers: Mapping[str, gpd.GeoDataFrame], city: City
) -> IndexPage:
    """
    The index of a series, on the paper of its sheets.

    Parameters
    ----------
    series : Series
    sheet : Sheet
        That the series is drawn by. Its profile's furniture is for its sheets; of it the index has paper and title.
    leaves : tuple of Leaf
    layers : mapping of str to GeoDataFrame
        Whole.
    city : City

    Returns
    -------
    IndexPage
        The tables are of what the sheets' styles draw: parcels on the sheets that show at least half of them, or else the one
        that shows most; streets on every sheet they reach into.
    """
    plan = series.index_plan
    tables = []
    own_layers = {style.layer for style in (read_style(name, city.styles_folder) for name in sheet.layers)} & set(layers)
    if plan and plan.streets and "street_centerline" in own_layers:
        tables.append(street_table(drawn_by(sheet, "street_centerline", layers["street_centerline"], city), leaves))
    if plan and plan.parcels and "parcel" in own_layers:
        tables.append(parcel_table(drawn_by(sheet, "parcel", layers["parcel"], city), leaves))
    own = {"sheet_index": sheet_index(leaves, city), "sheet_number": number_boxes(leaves, city)}
    own |= {name: layers[name] for name in ("city_limit", "street_centerline") if name in layers}
    styles = {name: style for name, style in STYLES.items() if style.layer in own}
    return IndexPage(_sheet(series, sheet, leaves, tuple(styles), city), own, styles, tuple(t for t in tables if t.rows))


def sheet_index(leaves: tuple[Leaf, ...], city: City) -> gpd.GeoDataFrame:
    """The cells of a series with their ``number``, for index and key maps."""
    return gpd.GeoDataFrame(
        {"number": pd.Series([leaf.number for leaf in leaves], dtype="str")},
        geometry=[leaf.cell for leaf in leaves],
        crs=city.crs,
    )


def number_boxes(leaves: tuple[Leaf, ...], city: City) -> gpd.GeoDataFrame:
    """
    Where the ``number`` of each sheet stands on an index map: a level box in the widest part of its cell.

    In a turned cell a number would stand turned, and 6 and 9 be the same.
    """
    index = sheet_index(leaves, city)
    cells = np.asarray(index.geometry.values)
    circles = shapely.maximum_inscribed_circle(cells)
    widest, radii = shapely.get_coordinates(circles)[::2], shapely.length(circles)
    centroids = shapely.centroid(cells)
    room = shapely.distance(centroids, shapely.boundary(cells)) * shapely.contains(cells, centroids)
    # Of an oblong there are many widest places; its middle is the one to take.
    central = room >= _CENTRAL * radii
    middles = np.where(central[:, None], shapely.get_coordinates(centroids), widest)
    # A box twice as wide as high, its corners on the circle.
    half = np.where(central, room, radii)[:, None] * (2, 1) / 5**0.5
    return index.set_geometry(shapely.box(*(middles - half).T, *(middles + half).T), crs=city.crs)


def street_table(centerlines: gpd.GeoDataFrame, leaves: tuple[Leaf, ...]) -> Table:
    """Street names in alphabetical order, each with the sheets one of its centerlines reaches into."""
    names = street_names(centerlines).to_numpy(dtype=object)
    found = shares(leaves, np.asarray(centerlines.geometry.values))
    return _table("Index of streets", ("Street", "Sheets"), names[found.shape], found.leaf, leaves)


def parcel_table(parcels: gpd.GeoDataFrame, leaves: tuple[Leaf, ...]) -> Table:
    """Parcel numbers in order, each with the sheets that show most of the parcel."""
    found = shares(leaves, np.asarray(parcels.geometry.values))
    field = "apn_display" if "apn_display" in parcels else "apn"
    names = text_of(parcels[field]).fillna("").to_numpy(dtype=object)
    most = np.zeros(len(parcels))
    np.maximum.at(most, found.shape, found.share)
    there = found.share >= np.minimum(_MOSTLY, most[found.shape])
    return _table("Index of parcels", ("Parcel", "Sheets"), names[found.shape[there]], found.leaf[there], leaves)


def _table(title: str, head: tuple[str, str], names: np.ndarray, leaf: np.ndarray, leaves: tuple[Leaf, ...]) -> Table:
    pairs = pd.DataFrame({"name": names, "leaf": leaf})
    pairs = pairs[pairs["name"] != ""].drop_duplicates().sort_values(["name", "leaf"])
    numbers = np.array([one.number for one in leaves], dtype=object)
    sheets = pairs.assign(number=numbers[pairs["leaf"].to_numpy(dtype=int)]).groupby("name", sort=True)["number"].agg(", ".join)
    return Table(title, head, tuple(zip(sheets.index, sheets, strict=True)), "ll")


def _sheet(series: Series, sheet: Sheet, leaves: tuple[Leaf, ...], styles: tuple[str, ...], city: City) -> Sheet:
    first = leaves[0].sheet
    page = spread(first, [], {}, city).page
    west, south, east, north = shapely.total_bounds(np.array([leaf.cell for leaf in leaves], dtype=object))
    block = sheet.title_block.model_copy(
        update={
            "title": series.title or sheet.title_block.title,
            "subtitle": "Index",
            "sheet_number": NUMBER,
            "sheet_count": str(len(leaves)),
            "notes": (),
            "sources": (),
        }
    )
    told = {
        "paper": sheet.paper or page.name,
        "orientation": "landscape" if page.width_in >= page.height_in else "portrait",
        "margin_in": sheet.margin_in,
        "length_in": sheet.length_in or (max(page.width_in, page.height_in) if is_endless(sheet) else None),
        "panel": sheet.panel_side,
        "panel_in": sheet.panel_in,
        "theme": sheet.theme,
        "scale": "fit",
        "view": View(extent=(float(west), float(south), float(east), float(north))),
        "layers": styles,
        "title_block": block,
        "key_map": False,
    }
    return Sheet(**told)
