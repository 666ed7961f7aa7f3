"""
Density of events over the City: a grid of cells cut at the City limit, and a smoothed surface that does not fall off at the limit.
"""

from typing import NamedTuple

import numpy as np
import shapely

from citygis.errors import AnalysisError

SQFT_PER_SQMI = 5_280.0**2

MOST_CELLS = 400_000
"""Cells of a grid, and a sixteenth of the pixels of a surface: more would only take time."""

_PIXELS_PER_BANDWIDTH = 8


class Cells(NamedTuple):
    """
    Square cells over the City, those that have ground in it, ascending by row from the south, then by column from the west.

    Attributes
    ----------
    column, row : arrays of m int
        Counted from the zero of the City's system, so that two grids of one size lie on each other.
    easting, northing : arrays of m float
        Of the middles, feet.
    area_sqft : array of m float
        Of the ground within the City.
    shapes : array of m polygons
        The ground within the City.
    size_ft : float
    """

    column: np.ndarray
    row: np.ndarray
    easting: np.ndarray
    northing: np.ndarray
    area_sqft: np.ndarray
    shapes: np.ndarray
    size_ft: float


class Surface(NamedTuple):
    """
    Events per square foot on a raster of square pixels.

    Attributes
    ----------
    values : array of rows x columns float
        First row in the south. What lies outside the City is told too, and is not to be used but beside the limit.
    inside : array of rows x columns bool
        Pixels whose middle is in the City.
    kept : array of rows x columns float
        What part of a kernel that stands there lies in the City.
    west, south : float
        Outer corner of the first pixel, feet.
    pixel_ft : float
    """

    values: np.ndarray
    inside: np.ndarray
    kept: np.ndarray
    west: float
    south: float
    pixel_ft: float


def city_cells(limit: shapely.Geometry, *, cell_ft: float) -> Cells:
    """
    The cells of a grid that have ground in the City.

    Parameters
    ----------
    limit : Polygon or MultiPolygon
        The City, in feet.
    cell_ft : float
        Side of a cell.

    Returns
    -------
    Cells

    Raises
    ------
    AnalysisError
        If the cells are so small that there would be more than `MOST_CELLS`.
    """
    low_column, low_row, columns, rows = _extent(limit, cell_ft)
    column, row = (each.ravel() for each in np.meshgrid(np.arange(columns) + low_column, np.arange(rows) + low_row))
    west, south = column * cell_ft, row * cell_ft
    squares = shapely.box(west, south, west + cell_ft, south + cell_ft)
    shapely.prepare(limit)
    whole = shapely.covers(limit, squares)
    cut = np.flatnonzero(~whole & shapely.intersects(limit, squares))
    squares[cut] = shapely.intersection(squares[cut], limit)
    area = np.zeros(len(squares))
    area[whole] = cell_ft**2
    area[cut] = shapely.area(squares[cut])
    held = area > 0
    middle = (west + cell_ft / 2, south + cell_ft / 2)
    return Cells(column[held], row[held], middle[0][held], middle[1][held], area[held], squares[held], float(cell_ft))


def cell_of(cells: Cells, easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
    """Which cell each place is in, -1 for none. A place on a line between two cells is in the one to its east or north."""
    column, row = np.floor(easting / cells.size_ft).astype(np.int64), np.floor(northing / cells.size_ft).astype(np.int64)
    low, wide = int(cells.column.min()), int(np.ptp(cells.column)) + 1
    known = cells.row.astype(np.int64) * wide + (cells.column - low)
    key = row * wide + (column - low)
    at = np.minimum(np.searchsorted(known, key), len(known) - 1)
    return np.where((known[at] == key) & (column >= low) & (column < low + wide), at, -1)


def kernel_density(
    easting: np.ndarray, northing: np.ndarray, limit: shapely.Geometry, *, bandwidth_ft: float, cell_ft: float
) -> Surface:
    """
    Events smoothed by a Gaussian kernel, as dense at the City limit as within.

    Parameters
    ----------
    easting, northing : arrays of n float
        Events in the City, feet.
    limit : Polygon or MultiPolygon
    bandwidth_ft : float
        Standard deviation of the kernel.
    cell_ft : float
        A pixel is a whole part of it, no larger than an eighth of the bandwidth.

    Returns
    -------
    Surface
        Where events fall alike on all ground it is that everywhere, at the limit too.

    Raises
    ------
    AnalysisError
        If the bandwidth is so small that there would be too many pixels.

    Notes
    -----
    At each place the sum of the kernels is divided by what part of a kernel that stands there lies within the limit (Diggle 1985,
    "A kernel method for smoothing point process data", Applied Statistics 34:138-147): beyond it nobody counted. Events are counted
    by pixel and the counts filtered, by a kernel of 4 standard deviations.
    """
    from scipy.ndimage import gaussian_filter

    pixel = cell_ft / max(1, int(np.ceil(cell_ft * _PIXELS_PER_BANDWIDTH / bandwidth_ft - 1e-9)))
    first_column, first_row, columns, rows = _extent(limit, cell_ft)
    each = round(cell_ft / pixel)
    columns, rows = columns * each, rows * each
    if columns * rows > 16 * MOST_CELLS:
        raise AnalysisError(f"A bandwidth of {bandwidth_ft:g} ft is too small for a City of this size. Ask for a larger one.")
    west, south = first_column * cell_ft, first_row * cell_ft
    middle = np.meshgrid(west + (np.arange(columns) + 0.5) * pixel, south + (np.arange(rows) + 0.5) * pixel)
    shapely.prepare(limit)
    inside = shapely.contains_xy(limit, middle[0].ravel(), middle[1].ravel()).reshape(rows, columns)
    kept = gaussian_filter(inside.astype(float), bandwidth_ft / pixel, mode="constant")
    column = np.clip(np.floor((easting - west) / pixel).astype(np.int64), 0, columns - 1)
    row = np.clip(np.floor((northing - south) / pixel).astype(np.int64), 0, rows - 1)
    count = np.bincount(row * columns + column, minlength=rows * columns).reshape(rows, columns)
    values = gaussian_filter(count.astype(float), bandwidth_ft / pixel, mode="constant") / pixel**2
    np.divide(values, kept, out=values, where=kept > 0)
    return Surface(values, inside, kept, west, south, pixel)


def cell_means(surface: Surface, cells: Cells) -> np.ndarray:
    """The mean of a surface over the ground of each cell: of its pixels inside the City, of all where no middle is inside."""
    each = round(cells.size_ft / surface.pixel_ft)
    row = cells.row - round(surface.south / cells.size_ft)
    column = cells.column - round(surface.west / cells.size_ft)

    def by_cell(raster: np.ndarray) -> np.ndarray:
        rows, columns = raster.shape
        return raster.reshape(rows // each, each, columns // each, each).sum(axis=(1, 3))[row, column]

    pixels = by_cell(surface.inside.astype(float))
    inner = by_cell(np.where(surface.inside, surface.values, 0.0)) / np.maximum(pixels, 1)
    return np.where(pixels > 0, inner, by_cell(surface.values) / each**2)


def peak(surface: Surface) -> tuple[float, float, float]:
    """Where in the City a surface is highest: easting and northing of the pixel's middle, and its value."""
    at = int(np.argmax(np.where(surface.inside, surface.values, -1.0)))
    row, column = divmod(at, surface.values.shape[1])
    middle = (surface.west + (column + 0.5) * surface.pixel_ft, surface.south + (row + 0.5) * surface.pixel_ft)
    return (*middle, float(surface.values[row, column]))


def density_at(
    easting: np.ndarray, northing: np.ndarray, surface: Surface, place: tuple[float, float], *, bandwidth_ft: float
) -> float:
    """
    The density at one place summed up kernel by kernel from where the events are, as a second way to a surface.

    What part of a kernel there lies in the City is taken from the surface.
    """
    row, column = int((place[1] - surface.south) // surface.pixel_ft), int((place[0] - surface.west) // surface.pixel_ft)
    square = (easting - place[0]) ** 2 + (northing - place[1]) ** 2
    kernels = np.exp(-square / (2 * bandwidth_ft**2)) / (2 * np.pi * bandwidth_ft**2)
    return float(kernels.sum() / surface.kept[row, column])


def kept_of(easting: np.ndarray, northing: np.ndarray, surface: Surface) -> float:
    """What of the kernels of some events lies in the City, added up event by event: that of n events is n at the most."""
    row = np.clip(((northing - surface.south) // surface.pixel_ft).astype(int), 0, surface.kept.shape[0] - 1)
    column = np.clip(((easting - surface.west) // surface.pixel_ft).astype(int), 0, surface.kept.shape[1] - 1)
    return float(surface.kept[row, column].sum())


def _extent(limit: shapely.Geometry, cell_ft: float) -> tuple[int, int, int, int]:
    """The first column and row of the cells over the City, and how many of each."""
    west, south, east, north = shapely.bounds(limit)
    column, row = int(np.floor(west / cell_ft)), int(np.floor(south / cell_ft))
    columns, rows = int(np.ceil(east / cell_ft)) - column, int(np.ceil(north / cell_ft)) - row
    if columns * rows > MOST_CELLS:
        raise AnalysisError(
            f"Cells of {cell_ft:g} ft give {columns * rows:,} over the City; {MOST_CELLS:,} are the most. Ask for larger cells."
        )
    return column, row, columns, rows
