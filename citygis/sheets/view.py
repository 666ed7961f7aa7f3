"""
A sheet's view: the ground it shows, and the scale at which that fits the paper.
"""

import logging
from collections.abc import Mapping
from fractions import Fraction

import geopandas as gpd
import numpy as np
import shapely

from citygis.city import City
from citygis.errors import SheetError
from citygis.sheets.features import kept, require_drawable
from citygis.sheets.frame import Extent, Frame, feet_text, scale_text, standard_scale
from citygis.sheets.layout import Layout, layout
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.sheet import Page, Sheet, View, page_of, paper_profiles
from citygis.sheets.style import Style, nearest, text_of

logger = logging.getLogger(__name__)


def map_frame(
    sheet: Sheet,
    page: Page,
    lay: Layout,
    given: list[tuple[str, Style, gpd.GeoDataFrame]],
    layers: Mapping[str, gpd.GeoDataFrame],
    city: City,
) -> Frame:
    """
    The frame of a sheet: its view, at its scale or the next standard one at which all of it fits.

    Raises
    ------
    SheetError
        If the view has no features, or does not fit at the sheet's scale; the message says what would.
    """
    left, bottom, right, top = lay.map
    width, height = right - left, top - bottom
    view = sheet.view
    if isinstance(view.centre, tuple):
        centre, extent = view.centre, None
    else:
        extent = Extent(*view.extent) if view.extent else _extent_of(view, given, layers, city)
        centre = extent.centre
    if sheet.fixed_scale is None:
        if extent is None:
            raise SheetError('scale = "fit" needs a view with an extent or features. Give [view] extent or layer, or a scale.')
        # A hundredth of the paper stays free around what is shown.
        scale = standard_scale(extent.width_ft, extent.height_ft, 0.98 * width, 0.98 * height)
    else:
        scale = sheet.fixed_scale
        if extent is not None and view.centre is None:
            _require_fit(extent, scale, width, height, page, sheet)
    return Frame(city.crs, scale, *centre, left, bottom, width, height)


def _extent_of(view: View, given: list[tuple[str, Style, gpd.GeoDataFrame]], layers: Mapping, city: City) -> Extent:
    if view.layer is None:
        shapes = np.concatenate([np.asarray(kept(style, layer, name).geometry.values) for name, style, layer in given])
        what = "the sheet's layers"
    else:
        if view.layer not in layers:
            raise SheetError(f"[view] names layer {view.layer!r}{nearest(view.layer, sorted(layers))}")
        layer = layers[view.layer]
        require_drawable(layer, view.layer, city.crs)
        what = f"layer {view.layer!r}"
        if view.field is not None:
            if view.field not in layer.columns:
                raise SheetError(f"[view] names field {view.field!r} of {what}{nearest(view.field, list(layer.columns))}")
            layer = layer[text_of(layer[view.field]).isin([str(value) for value in view.values]).to_numpy(dtype=bool)]
            what = f"{view.field} = {', '.join(map(str, view.values))} in {what}"
        shapes = np.asarray(layer.geometry.values)
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise SheetError(f"There is nothing to show: no feature with geometry for {what}. Look at [view] in the sheet.")
    bounds = within_city(shapely.bounds(shapes), city, what)
    if view.centre == "features":
        # The feature nearest the median, not the median itself, which may lie in a lake.
        middles = (bounds[:, :2] + bounds[:, 2:]) / 2
        nearest_one = middles[np.argmin(np.hypot(*(middles - np.median(middles, axis=0)).T))]
        return Extent(*nearest_one, *nearest_one)
    return Extent(*(float(v) for v in (*bounds[:, :2].min(axis=0), *bounds[:, 2:].max(axis=0))))


def within_city(bounds: np.ndarray, city: City, what: str) -> np.ndarray:
    """
    The bounds of features that reach into the City's extent; all, when it has none or nothing does.

    One feature with a lost sign would otherwise make the sheet show half the globe. What is left out is logged.
    """
    if city.extent is None:
        return bounds
    box = city.extent
    inside = (bounds[:, 0] <= box.easting_max) & (bounds[:, 2] >= box.easting_min)
    inside &= (bounds[:, 1] <= box.northing_max) & (bounds[:, 3] >= box.northing_min)
    if inside.all() or not inside.any():
        return bounds
    logger.warning("Features of %s outside the City's extent, not shown: %d.", what, (~inside).sum())
    return bounds[inside]


def _require_fit(extent: Extent, scale: Fraction, width: float, height: float, page: Page, sheet: Sheet) -> None:
    width_ft, height_ft = (points / POINTS_PER_INCH * float(scale) for points in (width, height))
    if extent.width_ft <= width_ft and extent.height_ft <= height_ft:
        return
    fits = standard_scale(extent.width_ft, extent.height_ft, width, height)
    larger = [
        name for name, paper in paper_profiles().items() if _fits(sheet, name, extent, scale) and max(paper.size_in) > page.width_in
    ]
    on_paper = f", or take paper {larger[0]!r}" if larger else ""
    raise SheetError(
        f"{extent.width_ft:,.0f} x {extent.height_ft:,.0f} ft does not fit {page.name!r} at {scale_text(scale)}, which shows "
        f"{width_ft:,.0f} x {height_ft:,.0f} ft. "
        f'Draw at "1in={feet_text(fits)}ft" or "fit"{on_paper}, or show part of it: [view] centre or extent.'
    )


def _fits(sheet: Sheet, paper: str, extent: Extent, scale: Fraction) -> bool:
    other = sheet.model_copy(update={"paper": paper, "margin_in": None})
    try:
        left, bottom, right, top = layout(other, page_of(other)).map
    except SheetError:
        return False
    per_foot = POINTS_PER_INCH / float(scale)
    return extent.width_ft * per_foot <= right - left and extent.height_ft * per_foot <= top - bottom
