"""
Where the parts of a sheet lie: margin, marginal line, map frame and panel.
"""

from typing import NamedTuple

import numpy as np

from citygis.errors import SheetError
from citygis.sheets.column import INK
from citygis.sheets.paper import Page
from citygis.sheets.scene import POINTS_PER_INCH, Group, polyline, rectangle
from citygis.sheets.sheet import Sheet

BORDER_PT = 1.75
"""Width of the marginal line. It lies wholly inside the margin's edge, so that the margin stays blank."""

_COLUMN_AT_FULL_TYPE_IN = 3.7
_COLUMN_BELOW_IN = 2.4
"""Columns of a panel below the map are at least so wide."""

Box = tuple[float, float, float, float]


class Layout(NamedTuple):
    """
    Boxes on the page, each left, bottom, right, top in points.

    Parameters
    ----------
    border : tuple
        Inside the margin; the marginal line lies along its inner side.
    map : tuple
        The map frame.
    columns : tuple of tuple
        Of the panel, inside its padding, from the left. The title block stands at the bottom of the last.
    rule : tuple
        The line between map and panel: two points.
    type_scale : float
        What the panel's type sizes are multiplied with.
    """

    border: Box
    map: Box
    columns: tuple[Box, ...]
    rule: tuple[tuple[float, float], tuple[float, float]]
    type_scale: float


def layout(sheet: Sheet, page: Page) -> Layout:
    """
    The layout of a sheet: the map on the left and the panel on the right over the whole height, or the panel below the map.

    Raises
    ------
    SheetError
        If the paper leaves no room for the map.
    """
    left, bottom, right, top = border = inside_margins(page)
    if sheet.panel_side == "right":
        panel_in = sheet.panel_in or min(max(page.width_in * 0.17, 2.7), 6.2)
        type_scale = min(max(panel_in / _COLUMN_AT_FULL_TYPE_IN, 0.75), 1.5)
        edge = right - panel_in * POINTS_PER_INCH
        panel, ground = (edge, bottom, right, top), (left, bottom, edge, top)
        rule, count = ((edge, bottom), (edge, top)), 1
    else:
        panel_in = sheet.panel_in or min(max(page.height_in * 0.32, 2.6), 7.0)
        count = max(1, int((right - left) / POINTS_PER_INCH / _COLUMN_BELOW_IN))
        count = min(count, 4)
        type_scale = min(max((right - left) / POINTS_PER_INCH / count / _COLUMN_AT_FULL_TYPE_IN, 0.75), 1.5)
        edge = bottom + panel_in * POINTS_PER_INCH
        panel, ground = (left, bottom, right, edge), (left, edge, right, top)
        rule = ((left, edge), (right, edge))
    # Room beside the frame for the grid's ticks and figures.
    gutter = 22.0 * type_scale
    frame = (ground[0] + gutter, ground[1] + gutter, ground[2] - gutter, ground[3] - gutter)
    if frame[2] - frame[0] < 2 * POINTS_PER_INCH or frame[3] - frame[1] < 2 * POINTS_PER_INCH:
        raise SheetError(
            f"Paper {page.name!r}, {page.width_in:g} x {page.height_in:g} in with a margin of {page.margin_in:g} in and a panel of "
            f"{panel_in:g} in, leaves no room for a map. Take a larger paper, or a smaller margin_in or panel_in."
        )
    return Layout(border, frame, columns(panel, count, type_scale), rule, type_scale)


def inside_margins(page: Page) -> Box:
    """The page less its margins, points."""
    left, bottom, right, top = page.margins_in
    return (
        left * POINTS_PER_INCH,
        bottom * POINTS_PER_INCH,
        (page.width_in - right) * POINTS_PER_INCH,
        (page.height_in - top) * POINTS_PER_INCH,
    )


def columns(box_pt: Box, count: int, type_scale: float) -> tuple[Box, ...]:
    """A box cut into columns with padding around and between them."""
    pad = 15.0 * type_scale
    left, bottom, right, top = box_pt
    wide = (right - left - (count + 1) * pad) / count
    starts = [left + pad + i * (wide + pad) for i in range(count)]
    return tuple((start, bottom + pad, start + wide, top - pad) for start in starts)


def border(lay: Layout, *, map_frame: bool = True) -> Group:
    """The marginal line, and on a sheet with a map the line around it and the one before the panel."""
    left, bottom, right, top = lay.border
    inset = BORDER_PT / 2
    drawn = [
        rectangle((left + inset, bottom + inset, right - inset, top - inset), stroke=INK, width_pt=BORDER_PT, cap="projecting")
    ]
    if map_frame:
        drawn.append(
            polyline(np.clip(lay.rule, (left + inset, bottom + inset), (right - inset, top - inset)), stroke=INK, width_pt=0.6)
        )
        drawn.append(rectangle(lay.map, stroke=INK, width_pt=0.9, cap="projecting"))
    return Group("Border", tuple(drawn))
