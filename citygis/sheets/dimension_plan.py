"""
What a sheet file says of dimensions: read with every sheet, while what draws them is fetched by those that have some.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from citygis.settings import Settings
from citygis.sheets.style import MIN_TEXT_PT, Color

UNPLACED = ("line_id", "kind", "bearing", "length", "basis", "reason", "easting", "northing")
"""The columns of `Dimensioned.unplaced`."""


class DimensionPlan(Settings):
    """
    What a sheet dimensions, and how: the table ``[dimensions]`` of a sheet file.

    Parameters
    ----------
    layer : str
        The layer that states courses, as the City's ``boundary_line`` does.
    areas : tuple of str
        Layers of polygons whose edges are dimensioned by computation where no line states them; none for records alone.
    distances : str
        ``grid``, or ``ground``: computed lengths divided by `combined_factor`. What a record states stays as recorded.
    combined_factor : float, optional
        Grid over ground; `citygis.geodesy.combined_factor` gives it.
    bearings : str
        ``all`` courses, those of the ``boundary`` beyond which no parcel lies, or ``none``; the others have distances only.
    curves : str
        ``table``: every curve is tagged and in the curve table. ``map``: radius, angle and length along those with room.
    tables : bool
        Whether a course without room gets a tag and a row in a table; else it is among those unplaced.
    rivals : bool
        Whether junior records of a line stand in the table beside the senior one, as (R2), (R3), or are told as unplaced.
    min_length_ft : float
        Shorter courses are not dimensioned.
    size_pt : float
    color : str
    mark_basis : bool
        Whether (R), (M) or (C) follows each: of record, measured, computed.
    basis_of_bearings : str
        In place of the note made from the City's system.
    """

    layer: str = "boundary_line"
    areas: tuple[str, ...] = ("parcel",)
    distances: Literal["grid", "ground"] = "grid"
    combined_factor: Annotated[float, Field(ge=0.99, le=1.01)] | None = None
    bearings: Literal["all", "boundary", "none"] = "all"
    curves: Literal["table", "map"] = "table"
    tables: bool = True
    rivals: bool = False
    min_length_ft: float = Field(0.1, ge=0)
    size_pt: float = Field(MIN_TEXT_PT, ge=MIN_TEXT_PT)
    color: Color = "#1a1a1a"
    mark_basis: bool = True
    basis_of_bearings: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> DimensionPlan:
        if self.distances == "ground" and self.combined_factor is None:
            raise ValueError('Must give combined_factor, grid over ground, with distances = "ground".')
        if self.rivals and not self.tables:
            raise ValueError("Must have tables = true with rivals = true: both records of a line stand in a table.")
        return self
