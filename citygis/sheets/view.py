"""
A sheet's view: the ground it shows, the paper that takes, and the scale at which it fits.
"""

import logging
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely

from citygis.city import City
from citygis.errors import SheetError
from citygis.sheets.features import kept, require_drawable
from citygis.sheets.frame import Extent, Frame, feet_text, scale_text, standard_scale
from citygis.sheets.layout import Layout, layout
from citygis.sheets.paper import MAX_SIDE_IN, Page, paper_profiles
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.sheet import Sheet, is_endless, page_of
from citygis.sheets.style import Style, nearest, text_of

logger = logging.getLogger(__name__)

Given = list[tuple[str, Style, gpd.GeoDataFrame]]
"""Style names, styles and the layers they draw."""

_FREE = 0.98
"""A hundredth of the paper stays free on each side of what is fitted."""


class Spread(NamedTuple):
    """A sheet on its paper: the page, where its parts lie on it, and the frame of its map."""

    page: Page
    lay: Layout
    frame: Frame


class _Ground(NamedTuple):
    """What must be shown: a box along the paper's edges, feet, and its middle (easting, northing)."""

    width_ft: float
    height_ft: float
    centre: tuple[float, float]


def spread(sheet: Sheet, given: Given, layers: Mapping[str, gpd.GeoDataFrame], city: City) -> Spread:
    """
    Page, layout and frame of a sheet: its view, at its scale or the next standard one at which all of it fits.

    Raises
    ------
    SheetError
        If the view has no features, or does not fit at the sheet's scale; the message says what would.
    """
    ground = None if isinstance(sheet.view.centre, tuple) else _ground(sheet, given, layers, city)
    page = page_of(sheet, length_in=_length(sheet, ground) if is_endless(sheet) else None)
    lay = layout(sheet, page)
    left, bottom, right, top = lay.map
    width, height = right - left, top - bottom
    if sheet.fixed_scale is None:
        if ground is None:
            raise SheetError('scale = "fit" needs a view with an extent or features. Give [view] extent or layer, or a scale.')
        scale = standard_scale(ground.width_ft, ground.height_ft, _FREE * width, _FREE * height)
    else:
        scale = sheet.fixed_scale
        if ground is not None and sheet.view.centre is None:
            _require_fit(ground, scale, width, height, page, sheet)
    centre = sheet.view.centre if ground is None else ground.centre
    return Spread(page, lay, Frame(city.crs, scale, *centre, left, bottom, width, height, sheet.view.rotation_deg))


def _ground(sheet: Sheet, given: Given, layers: Mapping, city: City) -> _Ground:
    view = sheet.view
    if view.extent:
        west, south, east, north = view.extent
        shapes = shapely.points([(west, south), (east, south), (east, north), (west, north)])
    else:
        shapes, what = _shown(sheet, given, layers, city)
        shapes = shapes[within_city(shapely.bounds(shapes), city, what)]
    if view.centre == "features":
        # The feature nearest the median, not the median itself, which may lie in a lake.
        bounds = shapely.bounds(shapes)
        middles = (bounds[:, :2] + bounds[:, 2:]) / 2
        one = middles[np.argmin(np.hypot(*(middles - np.median(middles, axis=0)).T))]
        return _Ground(0.0, 0.0, (float(one[0]), float(one[1])))
    if not view.rotation_deg:
        box = Extent(*(float(v) for v in shapely.total_bounds(shapes)))
        return _Ground(box.width_ft, box.height_ft, box.centre)
    c, s = math.cos(math.radians(view.rotation_deg)), math.sin(math.radians(view.rotation_deg))
    turn = np.array([(c, s), (-s, c)])
    points = shapely.get_coordinates(shapes) @ turn
    box = Extent(*(float(v) for v in (*points.min(axis=0), *points.max(axis=0))))
    easting, northing = np.array(box.centre) @ turn.T
    return _Ground(box.width_ft, box.height_ft, (float(easting), float(northing)))


def _shown(sheet: Sheet, given: Given, layers: Mapping, city: City) -> tuple[np.ndarray, str]:
    """The geometries a view is about, and what to call them."""
    view = sheet.view
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
    shapes = shapes[np.isfinite(shapely.bounds(shapes)).all(axis=1)]
    if not len(shapes):
        raise SheetError(f"There is nothing to show: no feature with geometry for {what}. Look at [view] in the sheet.")
    return shapes, what


def within_city(bounds: np.ndarray, city: City, what: str) -> np.ndarray:
    """
    Which features reach into the City's extent; all, when it has none or nothing does.

    One feature with a lost sign would otherwise make the sheet show half the globe. What is left out is logged.
    """
    everything = np.ones(len(bounds), dtype=bool)
    if city.extent is None:
        return everything
    box = city.extent
    inside = (bounds[:, 0] <= box.easting_max) & (bounds[:, 2] >= box.easting_min)
    inside &= (bounds[:, 1] <= box.northing_max) & (bounds[:, 3] >= box.northing_min)
    if inside.all() or not inside.any():
        return everything
    logger.warning("Features of %s outside the City's extent, not shown: %d.", what, (~inside).sum())
    return inside


def _length(sheet: Sheet, ground: _Ground | None) -> float | None:
    """How much of a roll a sheet takes, inches, in quarters; None when it cannot be known."""
    if sheet.fixed_scale is None or ground is None or sheet.view.centre is not None:
        return None
    along = 0 if page_of(sheet, length_in=MAX_SIDE_IN).width_in == MAX_SIDE_IN else 1
    needed = (ground.width_ft, ground.height_ft)[along] / float(sheet.fixed_scale) / _FREE
    length = MAX_SIDE_IN
    # The panel's width follows from the length and the length from the panel's.
    # One only grows with the other, so twice round is enough.
    for _ in range(2):
        box = layout(sheet, page_of(sheet, length_in=length)).map
        beside = length - (box[2 + along] - box[along]) / POINTS_PER_INCH
        length = max(12.0, math.ceil((needed + beside) * 4) / 4)
        if length > MAX_SIDE_IN:
            feet = standard_scale(ground.width_ft, ground.height_ft, *(_FREE * (box[2 + i] - box[i]) for i in (0, 1)))
            raise SheetError(
                f"The roll would be {length:,.1f} in long at {scale_text(sheet.fixed_scale)}; "
                f"a PDF page is at most {MAX_SIDE_IN:g} in. "
                f'Draw at "1in={feet_text(feet)}ft", or in panels: show part of it with [view].'
            )
    return length


def _require_fit(ground: _Ground, scale: Fraction, width: float, height: float, page: Page, sheet: Sheet) -> None:
    width_ft, height_ft = (points / POINTS_PER_INCH * float(scale) for points in (width, height))
    if ground.width_ft <= width_ft and ground.height_ft <= height_ft:
        return
    fits = standard_scale(ground.width_ft, ground.height_ft, width, height)
    larger = [
        name
        for name, paper in paper_profiles().items()
        if max(paper.size_in) > max(page.width_in, page.height_in) and _fits(sheet, name, ground, scale)
    ]
    on_paper = f", or take paper {larger[0]!r}" if larger else ""
    raise SheetError(
        f"{ground.width_ft:,.0f} x {ground.height_ft:,.0f} ft does not fit {page.name!r} at {scale_text(scale)}, which shows "
        f"{width_ft:,.0f} x {height_ft:,.0f} ft. "
        f'Draw at "1in={feet_text(fits)}ft" or "fit"{on_paper}, or show part of it: [view] centre or extent.'
    )


def _fits(sheet: Sheet, paper: str, ground: _Ground, scale: Fraction) -> bool:
    other = sheet.model_copy(update={"paper": paper, "margin_in": None, "length_in": None})
    try:
        left, bottom, right, top = layout(other, page_of(other)).map
    except SheetError:
        return False
    per_foot = POINTS_PER_INCH / float(scale)
    return ground.width_ft * per_foot <= right - left and ground.height_ft * per_foot <= top - bottom
