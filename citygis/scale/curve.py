"""
The order along a Hilbert curve, and equal cuts of it: rows that follow each other lie near each other.

Each axis is first made even by its own quantiles, so that a row at the other end of the world, or a dense town in an empty
county, does not put everything else into one cell.
"""

from typing import NamedTuple

import numpy as np

ORDER = 11
"""The curve runs through 2^11 by 2^11 cells: 37 rows to a cell for the 155 million parcels of the United States, were they even."""

SIDE = 1 << ORDER

NOWHERE = SIDE * SIDE
"""The cell of rows without a place."""


class Axes(NamedTuple):
    """Where the cells of each axis begin: the lower ends of all but the first, ascending, ``SIDE - 1`` of them."""

    easting: np.ndarray
    northing: np.ndarray


def even_axes(easting: np.ndarray, northing: np.ndarray) -> Axes:
    """
    Cells that hold as many of these places along each axis.

    Parameters
    ----------
    easting, northing : arrays of float
        A sample of the places, in one unit. What is not finite is left out.
    """
    share = np.arange(1, SIDE) / SIDE
    lines = [np.quantile(each[np.isfinite(each)], share) if np.isfinite(each).any() else share for each in (easting, northing)]
    return Axes(*lines)


def cells(axes: Axes, easting: np.ndarray, northing: np.ndarray) -> np.ndarray:
    """
    The number of each place's cell along the curve, `NOWHERE` for what is not finite.

    Notes
    -----
    J. Skilling, "Programming the Hilbert curve", AIP Conf. Proc. 707 (2004), for two dimensions; in the form with the quadrant
    turned at each level. `geopandas.GeoSeries.hilbert_distance` wants a geometry for each place, which takes four times as long.
    """
    x, y = (np.searchsorted(line, each, side="right") for line, each in zip(axes, (easting, northing), strict=True))
    number = np.zeros(len(x), dtype=np.int64)
    side = SIDE >> 1
    while side:
        right, upper = (x & side) > 0, (y & side) > 0
        number += side * side * ((3 * right) ^ upper)
        turned, flipped = ~upper, ~upper & right
        x, y = np.where(flipped, SIDE - 1 - x, x), np.where(flipped, SIDE - 1 - y, y)
        x, y = np.where(turned, y, x), np.where(turned, x, y)
        side >>= 1
    return np.where(np.isfinite(easting) & np.isfinite(northing), number, NOWHERE)


class Ranks:
    """
    The place of each row in the order of the curve, given out chunk by chunk; rows of one cell in the order they come.

    Parameters
    ----------
    counts : array of int
        Rows in each cell; `NOWHERE` is the last.
    """

    def __init__(self, counts: np.ndarray) -> None:
        self._next = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def of(self, cell: np.ndarray) -> np.ndarray:
        """The ranks of the next rows, which lie in these cells."""
        order = np.argsort(cell, kind="stable")
        found, first, count = np.unique(cell[order], return_index=True, return_counts=True)
        rank = np.empty(len(cell), dtype=np.int64)
        rank[order] = np.arange(len(cell)) - np.repeat(first, count) + np.repeat(self._next[found], count)
        self._next[found] += count
        return rank


def parts_of(rank: np.ndarray, placed: int, rows: int) -> np.ndarray:
    """
    The part of each rank.

    Parameters
    ----------
    rank : array of int
    placed : int
        Rows that have a place. They fill as few parts as can be, alike to one row; the others have parts of their own.
    rows : int
        The most in a part.
    """
    several = -(-placed // rows)
    on_curve = np.minimum(rank, placed - 1) * several // max(placed, 1)
    return np.where(rank < placed, on_curve, several + (rank - placed) // rows)
