"""
Shaded relief of a grid of elevations, as the dots of a tile.
"""

import math
from typing import NamedTuple

import numpy as np
from PIL import Image
from rasterio.enums import Resampling
from rasterio.io import DatasetReader

from citygis.sheets.hillshade import hillshade
from citygis.sheets.raster import window_of
from citygis.sheets.tile_grid import TileGrid

SMOOTH_DPI = 150
"""Coarser cells are drawn as several dots of light each: below it their edges show at reading distance."""

_MOST_DOTS_PER_CELL = 16
_HALO = 3  # one neighbour for the slope, two for the smoothing


class Light(NamedTuple):
    """
    How a grid is lit.

    Attributes
    ----------
    cell_ft : (float, float)
        Of a drawn cell, along and down.
    azimuth_deg : float
        Clockwise from the top of the grid.
    altitude_deg : float
    z_factor : float
        Of the grid's elevations to feet, exaggeration included.
    pixels : (int, int)
        Of the grid in a drawn cell, along and down.
    dots : int
        On a side of a drawn cell.
    """

    cell_ft: tuple[float, float]
    azimuth_deg: float
    altitude_deg: float
    z_factor: float
    pixels: tuple[int, int]
    dots: int


def dots_per_cell(grid: TileGrid) -> int:
    """How many dots on a side make a cell of a grid look smooth: 1 of a fine one."""
    return min(max(math.ceil(SMOOTH_DPI / grid.source_dpi - 1e-9), 1), _MOST_DOTS_PER_CELL)


def relief(dataset: DatasetReader, window: tuple[int, int, int, int], light: Light) -> np.ndarray | None:
    """
    A window of a grid of elevations, shaded.

    Parameters
    ----------
    dataset : DatasetReader
        Open; one band.
    window : tuple of int
        First column, first row, end column, end row: whole drawn cells.
    light : Light

    Returns
    -------
    array of uint8, down x across
        White where the grid knows nothing; None where it knows nothing at all.
    """
    window, pixels = np.asarray(window), np.asarray(light.pixels)
    room = np.array([window[:2] // pixels, (np.array([dataset.width, dataset.height]) - window[2:]) // pixels])
    spare = np.minimum(room, _HALO)
    wide = np.concatenate([window[:2] - spare[0] * pixels, window[2:] + spare[1] * pixels])
    across, down = (wide[2:] - wide[:2]) // pixels
    read = dataset.read(1, window=window_of(wide), out_shape=(int(down), int(across)), masked=True, resampling=Resampling.average)
    elevation = np.ma.filled(read.astype(np.float32), np.nan)
    if np.isnan(elevation).all():
        return None
    # Beyond the grid the slope of its edge goes on.
    beyond = _HALO - spare
    elevation = np.pad(elevation, [(beyond[0, 1], beyond[1, 1]), (beyond[0, 0], beyond[1, 0])], "reflect", reflect_type="odd")
    lit = hillshade(elevation, light.cell_ft, light.azimuth_deg, light.altitude_deg, light.z_factor)
    dots = np.rint(255 * np.nan_to_num(lit, nan=1.0)).astype(np.uint8)
    if light.dots > 1:
        size = (dots.shape[1] * light.dots, dots.shape[0] * light.dots)
        dots = np.asarray(Image.fromarray(dots).resize(size, Image.Resampling.BICUBIC))
    cut = _HALO * light.dots
    return dots[cut:-cut, cut:-cut]
