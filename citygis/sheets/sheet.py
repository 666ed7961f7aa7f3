"""
A sheet: paper, scale, what is drawn and what the title block says, as a TOML file.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from citygis.errors import SheetError
from citygis.settings import Settings, load, read_toml
from citygis.settings import check as check_tables
from citygis.sheets.frame import scale_of
from citygis.sheets.style import nearest

MM_PER_INCH = 25.4
"""Exact (NIST SP 811, appendix B.6)."""

MAX_SIDE_IN = 200.0
"""A PDF page is at most 14,400 units long, 200 in (ISO 32000-1, annex C.2); the way round it is not read by all viewers."""

PROFILES = Path(__file__).parent / "profiles"


class Paper(Settings):
    """A paper size, upright, and the margin nothing may be printed in."""

    title: str = ""
    width_in: float | None = Field(None, gt=0, le=MAX_SIDE_IN)
    height_in: float | None = Field(None, gt=0, le=MAX_SIDE_IN)
    width_mm: float | None = Field(None, gt=0, le=MAX_SIDE_IN * MM_PER_INCH)
    height_mm: float | None = Field(None, gt=0, le=MAX_SIDE_IN * MM_PER_INCH)
    margin_in: float = Field(0.5, ge=0)
    source: str = ""

    @model_validator(mode="after")
    def _one_size(self) -> Paper:
        inches, millimetres = (self.width_in, self.height_in), (self.width_mm, self.height_mm)
        if None in inches and None in millimetres:
            raise ValueError("Must give width_in and height_in, or width_mm and height_mm.")
        if any(inches) and any(millimetres):
            raise ValueError("Must give inches or millimetres, not both.")
        return self

    @property
    def size_in(self) -> tuple[float, float]:
        """Width and height, inches."""
        if self.width_in is not None:
            return self.width_in, self.height_in
        return self.width_mm / MM_PER_INCH, self.height_mm / MM_PER_INCH


class View(Settings):
    """
    The ground a sheet shows, said in one of four ways: a `centre`, an `extent`, the features of `layer` (all, or those whose
    `field` has one of `values`), or nothing: all that is drawn. `centre = "features"` shows the middle of them, fit or not.
    """

    centre: tuple[float, float] | Literal["features"] | None = None
    extent: tuple[float, float, float, float] | None = None
    layer: str | None = None
    field: str | None = None
    values: tuple[str | int, ...] = ()

    @model_validator(mode="after")
    def _one_way(self) -> View:
        if sum((isinstance(self.centre, tuple), self.extent is not None, self.layer is not None)) > 1:
            raise ValueError("Must say one of: centre, extent, layer.")
        if bool(self.field) != bool(self.values) or (self.field and not self.layer):
            raise ValueError("Must give layer, field and values together.")
        if self.extent and not (self.extent[0] < self.extent[2] and self.extent[1] < self.extent[3]):
            raise ValueError("Must be easting_min, northing_min, easting_max, northing_max, each minimum below its maximum.")
        return self


class TitleBlock(Settings):
    """What the title block says beside what the City and the data say themselves."""

    department: str = ""
    title: str
    subtitle: str = ""
    sheet_number: str = "1"
    sheet_count: str = "1"
    drawn_by: str = ""
    checked_by: str = ""
    date: str = ""
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Sheet(Settings):
    """
    A map sheet.

    Parameters
    ----------
    paper : str or Paper
        A profile (``map_act_18x26``, ``arch_d``, ``iso_a0`` ...) or a size.
    orientation : str
        ``landscape`` or ``portrait``.
    margin_in : float, optional
        In place of the profile's; a margin the law asks for cannot be made smaller.
    panel_in : float, optional
        Width of the panel with legend, notes and title block; by default a sixth of the paper's, at least 2.7 and at most 6.2.
    scale : str
        ``1in=100ft`` or ``fit``: the next standard scale at which all of the view is shown.
    view : View
    layers : tuple of str
        Style names, bottom-up.
    title_block : TitleBlock
    """

    paper: str | Paper
    orientation: Literal["landscape", "portrait"] = "landscape"
    margin_in: float | None = Field(None, ge=0)
    panel_in: float | None = Field(None, ge=2)
    scale: str = "fit"
    view: View = View()
    layers: tuple[str, ...] = Field(min_length=1)
    title_block: TitleBlock

    @field_validator("scale")
    @classmethod
    def _a_scale(cls, text: str) -> str:
        if text != "fit":
            scale_of(text)
        return text

    @field_validator("layers")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"Must name each style once; {name!r} is there {names.count(name)} times.")
        return names

    @classmethod
    def from_file(cls, path: Path | str) -> Sheet:
        """
        The sheet a TOML file describes.

        Raises
        ------
        SettingsError
            If the file is missing, is not TOML, or does not say what it must.
        """
        return load(path, cls)

    @property
    def fixed_scale(self) -> Fraction | None:
        """Feet per inch, or None for ``fit``."""
        return None if self.scale == "fit" else scale_of(self.scale)


class Page(NamedTuple):
    """Paper as it lies on the table: size and margin in inches, and the name of its profile."""

    name: str
    width_in: float
    height_in: float
    margin_in: float


def paper_profiles() -> dict[str, Paper]:
    """The paper sizes that come with citygis, by name."""
    papers = {}
    for path in sorted(PROFILES.glob("*.toml")):
        for name, table in read_toml(path).items():
            papers[name] = check_tables(table, Paper, f"{path.name}: {name}")
    return papers


def sheet_templates() -> tuple[Path, ...]:
    """The sheet files that a new City starts with."""
    return tuple(sorted((Path(__file__).parent / "templates").glob("*.toml")))


def page_of(sheet: Sheet) -> Page:
    """
    The page of a sheet.

    Raises
    ------
    SheetError
        If the paper has no such profile, or the margin is smaller than the one the profile must keep.
    """
    if isinstance(sheet.paper, Paper):
        paper, name = sheet.paper, sheet.paper.title or "own size"
    else:
        papers = paper_profiles()
        if sheet.paper not in papers:
            raise SheetError(f"There is no paper {sheet.paper!r}{nearest(sheet.paper, list(papers))}")
        paper, name = papers[sheet.paper], sheet.paper
    margin = paper.margin_in if sheet.margin_in is None else sheet.margin_in
    if paper.source and margin < paper.margin_in:
        raise SheetError(f"Paper {name!r} keeps a margin of {paper.margin_in:g} in ({paper.source}); margin_in is {margin:g}.")
    short, long = sorted(paper.size_in)
    width, height = (long, short) if sheet.orientation == "landscape" else (short, long)
    return Page(name, width, height, margin)
