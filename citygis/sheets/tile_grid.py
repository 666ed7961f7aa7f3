"""
How a raster is cut into tiles, each laid on the page by an affine of its own.
"""

import math
from typing import NamedTuple

import numpy as np
import shapely

from citygis.errors import SheetError
from citygis.sheets.frame import Frame
from citygis.sheets.placement import Placement
from citygis.sheets.scene import POINTS_PER_INCH

LARGEST_TILE_PX = 1024
"""Sides of a tile, so that a printer or viewer holds a few megabytes at a time."""

_SMALLEST_TILE_PX = 16
_MISFIT_DOTS = 0.25
_UNIT = np.array([(u, v) for v in (1.0, 0.5, 0.0) for u in (0.0, 0.5, 1.0)])
_SOLVE = np.linalg.pinv(np.column_stack([_UNIT, np.ones(9)]))


class TileGrid(NamedTuple):
    """
    The tiles of a raster that a frame shows.

    Attributes
    ----------
    windows : array of int, n x 4
        First column, first row, end column, end row of each, in pixels of the raster; row by row from the top. Neighbours share
        one dot, so that no seam shows between them.
    sizes : array of int, n x 2
        Width and height to draw each with, dots.
    affines : array, n x 6
        As `citygis.sheets.scene.Tile.affine`.
    factor : (float, float)
        Pixels of the raster per dot, along and down; 1 where the raster is coarser than what is asked.
    source_dpi : float
        Pixels of the raster per inch of the page, the fewer of the two directions.
    """

    windows: np.ndarray
    sizes: np.ndarray
    affines: np.ndarray
    factor: tuple[float, float]
    source_dpi: float


def tile_grid(
    placement: Placement,
    width_px: int,
    height_px: int,
    frame: Frame,
    dpi: float,
    *,
    whole_factor: bool = False,
    most_px: int | None = None,
) -> TileGrid:
    """
    The tiles of a raster of `width_px` x `height_px` pixels that `frame` shows at `dpi`.

    Parameters
    ----------
    placement : Placement
    width_px, height_px : int
    frame : Frame
    dpi : float
        Dots per inch of the page; pixels finer than that are drawn together.
    whole_factor : bool
        Only whole numbers of pixels are drawn together.
    most_px : int, optional
        No tile is of more pixels of the raster on a side.

    Returns
    -------
    TileGrid
        Without tiles where the raster does not reach the frame.

    Raises
    ------
    SheetError
        If the placement bends so much that even small tiles miss their ground.
    """
    window = _window(placement, width_px, height_px, frame)
    if window is None:
        return TileGrid(np.empty((0, 4), int), np.empty((0, 2), int), np.empty((0, 6)), (1.0, 1.0), math.nan)
    left, top, right, bottom = window
    found = _dots_per_inch(placement, (left + right) / 2, (top + bottom) / 2, frame)
    factor = np.maximum(found / dpi, 1.0)
    if whole_factor:
        # What is left over at the far edges is less than a dot.
        factor = np.floor(factor)
        room = (np.array([width_px - left, height_px - top]) // factor) * factor
        wanted = np.ceil(np.array([right - left, bottom - top]) / factor) * factor
        right, bottom = (np.array([left, top]) + np.minimum(room, wanted)).astype(int)
    overlap = np.ceil(factor).astype(int)
    drawn_dpi = float((found / factor).max())
    side = LARGEST_TILE_PX
    while side >= _SMALLEST_TILE_PX:
        step = np.floor(side * factor).astype(int) - overlap
        step = step if most_px is None else np.minimum(step, most_px)
        if whole_factor:
            step -= step % overlap
        windows = _windows((left, top, right, bottom), step, overlap)
        page = _page(placement, windows, frame)
        affines = np.einsum("ij,njk->nik", _SOLVE, page)
        misfit = np.abs(np.column_stack([_UNIT, np.ones(9)]) @ affines - page).max()
        if misfit <= _MISFIT_DOTS * POINTS_PER_INCH / drawn_dpi:
            break
        side //= 2
    else:
        raise SheetError(
            "This picture bends too much to be laid on the sheet in pieces. Look at its control points, or take another model."
        )
    shown = _shown(page, frame)
    windows, affines = windows[shown], affines[shown]
    extent = windows[:, 2:] - windows[:, :2]
    sizes = np.maximum(np.ceil(extent / factor - 1e-9).astype(int), 1)
    # Rows of (across, up, origin) to the order of a PDF matrix.
    return TileGrid(windows, sizes, affines.reshape(-1, 6), (float(factor[0]), float(factor[1])), float(found.min()))


def _window(placement: Placement, width_px: int, height_px: int, frame: Frame) -> tuple[int, int, int, int] | None:
    """The pixels that the frame may show; None where it shows none."""
    if placement.pixels is None:
        return 0, 0, width_px, height_px
    left, bottom, right, top = frame.box_pt
    across, up = np.meshgrid(np.linspace(left, right, 9), np.linspace(bottom, top, 9))
    pixels = placement.pixels(frame.to_ground(np.column_stack([across.ravel(), up.ravel()])))
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    if not np.isfinite([low, high]).all():
        return None
    # The straight sides of the frame bulge in another projection, by far less than this.
    spare = 2 + 0.01 * (high - low)
    low = np.maximum(np.floor(low - spare), 0).astype(int)
    high = np.minimum(np.ceil(high + spare), (width_px, height_px)).astype(int)
    return (*map(int, low), *map(int, high)) if (low < high).all() else None


def _dots_per_inch(placement: Placement, column: float, row: float, frame: Frame) -> np.ndarray:
    pixels = np.array([(column, row), (column + 1, row), (column, row + 1)])
    page = frame.to_page(placement.ground(pixels))
    return POINTS_PER_INCH / np.hypot(*(page[1:] - page[0]).T)


def _windows(window: tuple, step: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    left, top, right, bottom = window
    # The last dot of a tile is the first of the next: where only that is left, there is no next.
    columns = np.arange(left, max(right - overlap[0], left + 1), step[0])
    rows = np.arange(top, max(bottom - overlap[1], top + 1), step[1])
    row, column = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    ends = np.minimum(column + step[0] + overlap[0], right), np.minimum(row + step[1] + overlap[1], bottom)
    return np.column_stack([column, row, *ends])


def _page(placement: Placement, windows: np.ndarray, frame: Frame) -> np.ndarray:
    """Nine points of each tile on the page, n x 9 x 2."""
    extent = windows[:, None, 2:] - windows[:, None, :2]
    downward = _UNIT * [1, -1] + [0, 1]
    pixels = windows[:, None, :2] + downward * extent
    return frame.to_page(placement.ground(pixels.reshape(-1, 2))).reshape(-1, 9, 2)


def _shown(page: np.ndarray, frame: Frame) -> np.ndarray:
    corners = shapely.polygons(page[:, [0, 2, 8, 6]])
    return shapely.intersects(corners, shapely.box(*frame.box_pt))
