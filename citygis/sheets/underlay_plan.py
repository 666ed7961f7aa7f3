"""
What a sheet file says of an underlay: read with every sheet, while what draws it is fetched by those that have one.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from citygis.city import PURPOSES
from citygis.settings import Settings


class UnderlayPlan(Settings):
    """
    One underlay of a sheet, an item of ``[[underlays]]``.

    Parameters
    ----------
    file : str
        Below the City's folder. Several pictures of one flight: a VRT over them (gdalbuildvrt).
    kind : str
        ``image`` as it is; ``hillshade`` of a grid of elevations; ``scan`` placed by the control points in `control`.
    title : str
        Of the layer in the sheet's file; without it the file's name.
    dpi : float
        Pixels finer than this are drawn together.
    opacity : float
        What is missing to 1 is the white of the paper, mixed in, so that lines read over a picture and no printer has to blend.
    gray : bool
        Without colours.
    quality : int
        Of the JPEG tiles.
    source_crs : str, optional
        The system of a file that has none.
    purpose : str
        Which of the City's tolerances a transformation between datums must keep: ``asset`` or ``sketch``.
    elevation_unit : str, optional
        ``ft`` or ``m``, of a grid that does not say it.
    azimuth_deg, altitude_deg : float
        Of the light, clockwise from grid north, and above the horizon.
    z_factor : float
        Exaggeration.
    control : str, optional
        CSV of control points (`citygis.scans.COLUMNS`), below the City's folder.
    model : str
        One of `citygis.scans.MODELS`.
    pixel_at : str, optional
        From where the control points count pixels, where the table has no such column.
    """

    file: str = Field(min_length=1)
    kind: Literal["image", "hillshade", "scan"] = "image"
    title: str = ""
    dpi: float = Field(300, ge=72, le=1200)
    opacity: float = Field(1.0, gt=0, le=1)
    gray: bool = False
    quality: int = Field(85, ge=30, le=95)
    source_crs: str | None = None
    purpose: Literal[PURPOSES[1:]] = "asset"
    elevation_unit: Literal["ft", "m"] | None = None
    azimuth_deg: float = Field(315, ge=0, le=360)
    altitude_deg: float = Field(45, gt=0, le=90)
    z_factor: float = Field(1.0, gt=0)
    control: str | None = None
    model: Literal["affine", "helmert", "order2", "tps"] = "affine"
    pixel_at: Literal["centre", "corner"] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "UnderlayPlan":
        if (self.kind == "scan") != (self.control is not None):
            raise ValueError('Must name control points (control = "points.csv") with kind = "scan", and only there.')
        if self.kind == "scan" and self.source_crs:
            raise ValueError("Must have no source_crs: control points are in the City's system.")
        return self

    @property
    def name(self) -> str:
        """What the layer is called."""
        return self.title or Path(self.file).stem
