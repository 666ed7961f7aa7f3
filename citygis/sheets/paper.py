"""
Paper: sizes, rolls and margins, as data, and the page a sheet is drawn on.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import Field, model_validator

from citygis.settings import Settings, read_toml
from citygis.settings import check as check_tables

MM_PER_INCH = 25.4
"""Exact (NIST SP 811, appendix B.6)."""

MAX_SIDE_IN = 200.0
"""A PDF page is at most 14,400 units long, 200 in (ISO 32000-1, annex C.2); the way round it is not read by all viewers."""

PAPERS = Path(__file__).parent / "papers"


class Margins(Settings):
    """Margins that differ from side to side, inches, of the paper as it lies."""

    left: float = Field(ge=0)
    bottom: float = Field(ge=0)
    right: float = Field(ge=0)
    top: float = Field(ge=0)


class Paper(Settings):
    """
    A paper size, upright, and the margin nothing may be printed in.

    A roll (`roll = true`) says its width only; how much of it a sheet takes is the sheet's to say, or follows from its view.
    """

    title: str = ""
    width_in: float | None = Field(None, gt=0, le=MAX_SIDE_IN)
    height_in: float | None = Field(None, gt=0, le=MAX_SIDE_IN)
    width_mm: float | None = Field(None, gt=0, le=MAX_SIDE_IN * MM_PER_INCH)
    height_mm: float | None = Field(None, gt=0, le=MAX_SIDE_IN * MM_PER_INCH)
    roll: bool = False
    margin_in: float | Margins = 0.5
    source: str = ""

    @model_validator(mode="after")
    def _one_size(self) -> Paper:
        inches, millimetres = (self.width_in, self.height_in), (self.width_mm, self.height_mm)
        if self.roll:
            if self.width_in is None or any((self.height_in, *millimetres)):
                raise ValueError("Must give width_in alone for a roll.")
            return self
        if None in inches and None in millimetres:
            raise ValueError("Must give width_in and height_in, or width_mm and height_mm.")
        if any(inches) and any(millimetres):
            raise ValueError("Must give inches or millimetres, not both.")
        return self

    @model_validator(mode="after")
    def _margin_not_negative(self) -> Paper:
        if not isinstance(self.margin_in, Margins) and self.margin_in < 0:
            raise ValueError("Must have a margin_in of 0 or more.")
        return self

    @property
    def size_in(self) -> tuple[float, float]:
        """Width and height, inches; of a roll its width and the longest page."""
        if self.roll:
            return self.width_in, MAX_SIDE_IN
        if self.width_in is not None:
            return self.width_in, self.height_in
        return self.width_mm / MM_PER_INCH, self.height_mm / MM_PER_INCH


class Page(NamedTuple):
    """Paper as it lies on the table: size in inches, margins (left, bottom, right, top), and the name of its paper."""

    name: str
    width_in: float
    height_in: float
    margins_in: tuple[float, float, float, float]

    @property
    def margin_in(self) -> float:
        """The narrowest margin: blank all round."""
        return min(self.margins_in)


def margins(margin_in: float | Margins) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of a margin as a file says it."""
    if isinstance(margin_in, Margins):
        return margin_in.left, margin_in.bottom, margin_in.right, margin_in.top
    return (margin_in,) * 4


def paper_profiles() -> dict[str, Paper]:
    """The papers that come with citygis, by name."""
    papers = {}
    for path in sorted(PAPERS.glob("*.toml")):
        for name, table in read_toml(path).items():
            papers[name] = check_tables(table, Paper, f"{path.name}: {name}")
    return papers
