"""
Profiles: what a kind of map must be and say, with the law or standard that asks it, as TOML files.
"""

from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from citygis.settings import Settings, load
from citygis.sheets.paper import Margins
from citygis.sheets.style import MIN_LINE_PT, MIN_TEXT_PT

PROFILES = Path(__file__).parent / "profiles"

Furniture = Literal[
    "north_arrow",
    "scale_bar",
    "legend",
    "key_map",
    "vicinity_map",
    "title_block",
    "sheet_numbers",
    "adjoining",
    "revision_block",
    "seal",
    "sign_off",
    "recording_block",
    "disclaimer",
]
"""What may stand around a map."""


class Statement(Settings):
    """
    Words with blanks to be filled by hand, and lines for those who sign.

    ``{city}`` and ``{county}`` stand for the City's own.
    """

    heading: str = ""
    text: str
    signed_by: tuple[str, ...] = ()


class Profile(Settings):
    """
    What a kind of map must be.

    Parameters
    ----------
    title : str
        Of the kind of map.
    citation : str
        The law or standard.
    papers : tuple of str
        Papers it may be on (`citygis.sheets.paper.paper_profiles`), the usual one first; none: any.
    orientation : str
        As it usually lies.
    panel : str
        Where legend, notes and title block stand, unless the sheet says it.
    margin_in : float or Margins, optional
        Least margin.
    black_only : bool
        Nothing but black on it.
    min_text_pt, min_line_pt : float
        Least font size and width of line.
    min_image_dpi : float
        Least resolution of pictures.
    furniture : tuple of str
        What must stand on it.
    title_words : tuple of str
        What the sheet's title must say; upper and lower case are one.
    words : tuple of str
        What must be found in the text of the written file.
    statements : tuple of Statement
        Recording and filing blocks that it carries.
    """

    title: str
    citation: str = ""
    papers: tuple[str, ...] = ()
    orientation: Literal["landscape", "portrait"] = "landscape"
    panel: Literal["right", "below"] = "right"
    margin_in: float | Margins | None = None
    black_only: bool = False
    min_text_pt: float = Field(MIN_TEXT_PT, ge=MIN_TEXT_PT)
    min_line_pt: float = Field(MIN_LINE_PT, ge=MIN_LINE_PT)
    min_image_dpi: float = Field(150.0, gt=0)
    furniture: tuple[Furniture, ...] = ()
    title_words: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    statements: tuple[Statement, ...] = ()


@cache
def profiles() -> dict[str, Profile]:
    """The profiles that come with citygis, by name."""
    return {path.stem: load(path, Profile) for path in sorted(PROFILES.glob("*.toml"))}
