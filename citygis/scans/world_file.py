"""
World files and geotransforms of a fitted scan, which count pixels from places half a pixel apart.

A world file names the ground of the centre of the upper left pixel (Esri, World files for raster datasets), a geotransform of
GDAL and rasterio that of its upper left corner (GDAL, Raster data model, "Affine GeoTransform"). One taken for the other moves
the map by half a pixel.
"""

import math

import numpy as np
from rasterio import Affine

from citygis.errors import CRSError, ReadError
from citygis.scans.control_points import ScanFit, require_usable

_LONGEST = 1000


def transform_of(fit: ScanFit) -> Affine:
    """
    The fit as rasterio takes it.

    Parameters
    ----------
    fit : ScanFit
        Affine or Helmert.

    Returns
    -------
    Affine
        From column and row counted from the upper left corner of the first pixel, row downwards, to easting and northing in feet.

    Raises
    ------
    ValueError
        If the fit bends: six numbers cannot hold it.
    CRSError
        If a finding of the fit is an error.
    """
    if fit.surface is not None:
        raise ValueError(f"Invalid fit {fit.model!r}. Must be affine or helmert: what bends has no six numbers. Warp the scan.")
    require_usable(fit)
    (a, b), (d, e) = fit.base.matrix
    easting, northing = fit.base.shift_ft
    # The fit has rows upwards.
    return Affine(*(float(value) for value in (a, -b, easting, d, -e, northing)))


def world_file_text(fit: ScanFit) -> str:
    """
    The fit as a world file (.tfw, .jgw, .pgw, .wld).

    Parameters and errors as `transform_of`.

    Returns
    -------
    str
        Six lines: easting per column, northing per column, easting per row, northing per row (negative on a map with north up),
        then easting and northing of the centre of the upper left pixel. Every digit is given, and no exponent.
    """
    a, b, c, d, e, f = tuple(transform_of(fit))[:6]
    values = (a, d, b, e, c + (a + b) / 2, f + (d + e) / 2)
    return "".join(f"{np.format_float_positional(value, trim='0')}\n" for value in values)


def parse_world_file(text: str) -> Affine:
    """
    The geotransform of a world file.

    Parameters
    ----------
    text : str
        Six numbers, one a line, in the order of `world_file_text`.

    Returns
    -------
    Affine
        Counted from the corner of the first pixel, as of `transform_of`. A world file states no system and no unit.

    Raises
    ------
    ReadError
        If there are not six finite numbers.
    CRSError
        If its pixels have no area.
    """
    words = text[: _LONGEST + 1].split()
    try:
        values = [float(word) for word in words] if len(text) <= _LONGEST else []
    except ValueError:
        values = []
    if len(values) != 6 or not all(math.isfinite(value) for value in values):
        raise ReadError(f"This is no world file: {text[:60]!r}. One has six numbers, one a line. Ask for it again.")
    a, d, b, e, c, f = values
    if not abs(a * e - b * d) > 0:
        raise CRSError("The pixels of this world file have no area. Ask for it again, or fit the scan to control points.")
    return Affine(a, b, c - (a + b) / 2, d, e, f - (d + e) / 2)
