"""
An index grid: the cells of an atlas over the ground of a layer, numbered by row, each with its neighbours.
"""

from typing import Literal, NamedTuple

import numpy as np
import shapely
from pydantic import Field

from citygis.errors import SheetError
from citygis.settings import Settings

MOST_CELLS = 5_000
"""A grid of more sheets is a scale that was mistyped."""

NEIGHBOURS = {"N": (-1, 0), "NE": (-1, 1), "E": (0, 1), "SE": (1, 1), "S": (1, 0), "SW": (1, -1), "W": (0, -1), "NW": (-1, -1)}
"""Rows down and columns to the right of a cell that lies on a side of another."""


class GridPlan(Settings):
    """
    A series of sheets side by side.

    Parameters
    ----------
    layer : str
        Whose features are covered; a cell without any is left out.
    origin : tuple of float, optional
        Easting and northing, feet, of a corner where four cells meet, so that the cells of an older atlas can be kept. By default
        the cells lie in the middle of the layer.
    overlap_in : float
        Paper that two sheets beside each other share.
    numbering : str
        ``rows``: 1, 2, 3 ... from the north-west, row by row; ``letters``: A1, A2 ... the row's letter and the column's number.
    """

    layer: str = "parcel"
    origin: tuple[float, float] | None = None
    overlap_in: float = Field(0.5, ge=0)
    numbering: Literal["rows", "letters"] = "rows"


class Cell(NamedTuple):
    """
    A sheet of an index grid.

    Parameters
    ----------
    number : str
    row, column : int
        From the north-west, from 0.
    easting, northing : float
        Of its centre, feet.
    adjoining : dict of str to str
        The numbers of the cells around it, by side.
    """

    number: str
    row: int
    column: int
    easting: float
    northing: float
    adjoining: dict[str, str]


class IndexGrid(NamedTuple):
    """The cells of a grid, by row, and how many of its places hold nothing."""

    cells: tuple[Cell, ...]
    empty: int


def index_grid(shapes: np.ndarray, plan: GridPlan, *, width_ft: float, height_ft: float, feet_per_inch: float) -> IndexGrid:
    """
    Cover features with frames of one size.

    Parameters
    ----------
    shapes : array of geometries
        In feet. Those that are missing or empty count for nothing.
    plan : GridPlan
    width_ft, height_ft : float
        Ground that a sheet shows.
    feet_per_inch : float

    Returns
    -------
    IndexGrid
        The frames of the cells cover every shape. A cell is left out when nothing reaches into its own part, which ends in the
        middle of what it shares with its neighbours. The order of `shapes` does not matter.

    Raises
    ------
    SheetError
        If there is nothing to cover, the overlap takes up half the sheet, or there would be more than `MOST_CELLS` cells.
    """
    shapes = shapes[~(shapely.is_missing(shapes) | shapely.is_empty(shapes))]
    if not len(shapes):
        raise SheetError(f"Layer {plan.layer!r} has no feature with geometry. Name in [grid] layer what the sheets are to cover.")
    overlap = plan.overlap_in * feet_per_inch
    step = np.array([width_ft - overlap, height_ft - overlap])
    if (step < np.array([width_ft, height_ft]) / 2).any():
        raise SheetError(
            f"Sheets that share {plan.overlap_in:g} in show little that is new; their maps are {width_ft / feet_per_inch:.1f} x "
            f"{height_ft / feet_per_inch:.1f} in. Make [grid] overlap_in smaller."
        )
    box = shapely.total_bounds(shapes)
    if plan.origin is None:
        counts = np.maximum(np.ceil((box[2:] - box[:2]) / step - 1e-9), 1)
        south_west = (box[:2] + box[2:] - counts * step) / 2
    else:
        south_west = plan.origin + np.floor((box[:2] - plan.origin) / step) * step
        counts = np.maximum(np.ceil((box[2:] - south_west) / step), 1)
    across, down = (int(n) for n in counts)
    if across * down > MOST_CELLS:
        raise SheetError(
            f"The grid would have {across:,} x {down:,} sheets. Draw at a smaller scale, or look for a feature of layer "
            f"{plan.layer!r} far from the City."
        )
    row, column = (grid.ravel() for grid in np.indices((down, across)))
    west, north = south_west[0] + column * step[0], south_west[1] + (down - row) * step[1]
    own = shapely.box(west, north - step[1], west + step[0], north)
    held = np.zeros(len(own), dtype=bool)
    held[shapely.STRtree(shapes).query(own, predicate="intersects")[0]] = True
    numbers = _numbers(row[held], column[held], plan.numbering)
    places = {(int(r), int(c)): number for r, c, number in zip(row[held], column[held], numbers, strict=True)}
    centres = np.column_stack([west + step[0] / 2, north - step[1] / 2])[held]
    cells = tuple(
        Cell(number, *place, float(easting), float(northing), _adjoining(place, places))
        for (place, number), (easting, northing) in zip(places.items(), centres, strict=True)
    )
    return IndexGrid(cells, int((~held).sum()))


def row_letters(row: int) -> str:
    """0, 1 ... 25, 26 ... as A, B ... Z, AA ..."""
    return (row_letters(row // 26 - 1) if row >= 26 else "") + chr(65 + row % 26)


def _numbers(rows: np.ndarray, columns: np.ndarray, numbering: str) -> list[str]:
    if numbering == "rows":
        return [str(i) for i in range(1, len(rows) + 1)]
    return [f"{row_letters(row)}{column + 1}" for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]


def _adjoining(place: tuple[int, int], places: dict[tuple[int, int], str]) -> dict[str, str]:
    around = {side: (place[0] + down, place[1] + right) for side, (down, right) in NEIGHBOURS.items()}
    return {side: places[other] for side, other in around.items() if other in places}
