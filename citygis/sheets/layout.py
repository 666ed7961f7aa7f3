"""
Where the parts of a sheet lie: margin, marginal line, map frame and panel.
"""

from typing import NamedTuple

from citygis.errors import SheetError
from citygis.sheets.scene import POINTS_PER_INCH
from citygis.sheets.sheet import Page, Sheet

BORDER_PT = 1.75
"""Width of the marginal line. It lies wholly inside the margin's edge, so that the margin stays blank."""

_PANEL_AT_FULL_TYPE_IN = 3.7


class Layout(NamedTuple):
    """
    Boxes on the page, each left, bottom, right, top in points.

    Parameters
    ----------
    border : tuple
        Inside the margin; the marginal line lies along its inner side.
    map : tuple
        The map frame.
    panel : tuple
        Legend, notes and title block, inside its padding.
    type_scale : float
        What the panel's type sizes are multiplied with.
    """

    border: tuple[float, float, float, float]
    map: tuple[float, float, float, float]
    panel: tuple[float, float, float, float]
    type_scale: float


def layout(sheet: Sheet, page: Page) -> Layout:
    """
    The layout of a sheet: the map on the left, the panel on the right over the whole height.

    Raises
    ------
    SheetError
        If the paper leaves no room for the map.
    """
    panel_in = sheet.panel_in or min(max(page.width_in * 0.17, 2.7), 6.2)
    type_scale = min(max(panel_in / _PANEL_AT_FULL_TYPE_IN, 0.75), 1.5)
    left = bottom = page.margin_in * POINTS_PER_INCH
    right = page.width_in * POINTS_PER_INCH - left
    top = page.height_in * POINTS_PER_INCH - bottom
    panel_left = right - panel_in * POINTS_PER_INCH
    # Room beside the frame for the grid's ticks and figures.
    gutter = 22.0 * type_scale
    pad = 15.0 * type_scale
    frame = (left + gutter, bottom + gutter, panel_left - gutter, top - gutter)
    if frame[2] - frame[0] < 2 * POINTS_PER_INCH or frame[3] - frame[1] < 2 * POINTS_PER_INCH:
        raise SheetError(
            f"Paper {page.name!r}, {page.width_in:g} x {page.height_in:g} in with a margin of {page.margin_in:g} in and a panel of "
            f"{panel_in:g} in, leaves no room for a map. Take a larger paper, or a smaller margin_in or panel_in."
        )
    return Layout((left, bottom, right, top), frame, (panel_left + pad, bottom + pad, right - pad, top - pad), type_scale)
