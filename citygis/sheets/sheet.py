"""
A sheet: paper, scale, what is drawn and what stands around it, as a TOML file.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from citygis.city import City
from citygis.errors import SheetError
from citygis.settings import Settings, load
from citygis.sheets.dimension_plan import DimensionPlan
from citygis.sheets.frame import scale_of
from citygis.sheets.paper import MAX_SIDE_IN, Margins, Page, Paper, margins, paper_profiles
from citygis.sheets.profile import Profile, Statement, profiles
from citygis.sheets.style import nearest
from citygis.sheets.underlay_plan import UnderlayPlan

TEMPLATES = Path(__file__).parent / "templates"
SERIES_PREFIX = "series_"
"""What the names of the templates of series begin with."""

Side = Literal["N", "NE", "E", "SE", "S", "SW", "W", "NW"]


class View(Settings):
    """
    The ground a sheet shows, said in one of four ways: a `centre`, an `extent`, the features of `layer` (all, or those whose
    `field` has one of `values`), or nothing: all that is drawn. `centre = "features"` shows the middle of them, fit or not.
    `rotation_deg` turns the ground on the paper, counter-clockwise.
    """

    centre: tuple[float, float] | Literal["features"] | None = None
    extent: tuple[float, float, float, float] | None = None
    layer: str | None = None
    field: str | None = None
    values: tuple[str | int, ...] = ()
    rotation_deg: float = Field(0.0, ge=-180, le=180)

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
    """
    What the title block says beside what the City and the data say themselves.

    `letters`: further pages with tables take letters (7A of 7) although the sheet is the last of its set.
    """

    department: str = ""
    title: str
    subtitle: str = ""
    sheet_number: str = "1"
    sheet_count: str = "1"
    letters: bool = False
    drawn_by: str = ""
    checked_by: str = ""
    date: str = ""
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Vicinity(Settings):
    """
    A small map of the streets around, at a smaller scale of its own.

    `scale` is ``1in=2000ft`` or ``fit``: the first standard scale at which three times the sheet's ground is shown each way.
    """

    scale: str = "fit"

    @field_validator("scale")
    @classmethod
    def _a_scale(cls, text: str) -> str:
        if text != "fit":
            scale_of(text)
        return text


class Revision(Settings):
    """A line of the revision block."""

    number: str
    date: str
    by: str = ""
    text: str


class SignOff(Settings):
    """A place to sign: in what office, and, where they are known already, the name, license and date."""

    role: str
    name: str = ""
    license: str = ""
    date: str = ""


class Seal(Settings):
    """A circle where a seal goes: the words in it, by default the City's name."""

    text: str = ""


class Sheet(Settings):
    """
    A map sheet.

    Parameters
    ----------
    profile : str, optional
        What kind of map it is (``map_act``, ``boundary_map``, ``letter_exhibit`` ...); what that kind must be is required of it.
    paper : str or Paper, optional
        A paper (``map_act_18x26``, ``arch_d``, ``iso_a0``, ``roll_36`` ...) or a size; by default the profile's first.
    orientation : str, optional
        ``landscape`` or ``portrait``; by default the profile's, else landscape.
    margin_in : float or Margins, optional
        In place of the paper's; a margin the law asks for cannot be made smaller.
    length_in : float, optional
        How much of a roll is taken; by default what the view needs at its scale.
    panel : str, optional
        Where legend, notes and title block stand: ``right`` of the map or ``below`` it; by default the profile's, else right.
    panel_in : float, optional
        Width of a panel on the right (by default a sixth of the paper's, at least 2.7 and at most 6.2) or height of one below
        (by default a third of the paper's).
    scale : str
        ``1in=100ft`` or ``fit``: the next standard scale at which all of the view is shown.
    view : View
    layers : tuple of str
        Style names, bottom-up.
    theme : str, optional
        What all styles are changed by: ``black``, ``colour_blind`` ...
    title_block : TitleBlock
    dimensions : DimensionPlan, optional
        Bearings and distances along the courses, with their tables.
    graticule : bool
        Latitude and longitude along the inside of the frame, in round seconds.
    scale_bar_metres : bool
        A second scale bar, in metres.
    key_map : bool
        Where in the City the sheet lies, when there is room for it.
    vicinity : Vicinity, optional
    revisions : tuple of Revision
    sign_off : tuple of SignOff
    seal : Seal, optional
    statements : tuple of Statement
        Beside those of the profile.
    underlays : tuple of UnderlayPlan
        Orthophotos, shaded relief and scanned maps below everything, bottom-up.
    adjoining : dict of str to str
        The number of the sheet on each side: ``{ N = "12", E = "14" }``.
    """

    profile: str | None = None
    paper: str | Paper | None = None
    orientation: Literal["landscape", "portrait"] | None = None
    margin_in: float | Margins | None = None
    length_in: float | None = Field(None, gt=0, le=MAX_SIDE_IN)
    panel: Literal["right", "below"] | None = None
    panel_in: float | None = Field(None, ge=1.5)
    scale: str = "fit"
    view: View = View()
    layers: tuple[str, ...] = Field(min_length=1)
    theme: str | None = None
    title_block: TitleBlock
    dimensions: DimensionPlan | None = None
    graticule: bool = False
    scale_bar_metres: bool = False
    key_map: bool = True
    vicinity: Vicinity | None = None
    revisions: tuple[Revision, ...] = ()
    sign_off: tuple[SignOff, ...] = ()
    seal: Seal | None = None
    statements: tuple[Statement, ...] = ()
    underlays: tuple[UnderlayPlan, ...] = ()
    adjoining: dict[Side, str] = {}

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

    @model_validator(mode="after")
    def _some_paper(self) -> Sheet:
        if self.paper is None and self.profile is None:
            raise ValueError("Must say paper, or a profile that has one.")
        if not isinstance(self.margin_in, Margins) and (self.margin_in or 0) < 0:
            raise ValueError("Must have a margin_in of 0 or more.")
        return self

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

    @property
    def panel_side(self) -> str:
        """Where the panel stands: the sheet's own word, else its profile's, else ``right``."""
        return self.panel or (profile_of(self).panel if self.profile else "right")


def sheet_templates() -> tuple[Path, ...]:
    """The sheet files that a new City starts with."""
    return tuple(path for path in sorted(TEMPLATES.glob("*.toml")) if not path.name.startswith(SERIES_PREFIX))


def series_templates() -> tuple[Path, ...]:
    """The series files that a new City starts with."""
    return tuple(sorted(TEMPLATES.glob(f"{SERIES_PREFIX}*.toml")))


def profile_of(sheet: Sheet) -> Profile | None:
    """
    The profile of a sheet, or None when it names none.

    Raises
    ------
    SheetError
        If there is no such profile.
    """
    if sheet.profile is None:
        return None
    if sheet.profile not in profiles():
        raise SheetError(f"There is no profile {sheet.profile!r}{nearest(sheet.profile, list(profiles()))}")
    return profiles()[sheet.profile]


def page_of(sheet: Sheet, *, length_in: float | None = None) -> Page:
    """
    The page of a sheet.

    Parameters
    ----------
    sheet : Sheet
    length_in : float, optional
        Of a roll, when the sheet does not say it.

    Raises
    ------
    SheetError
        If there is no such paper, the profile does not allow it, the margin is smaller than the one that must be kept, or a
        roll has no length.
    """
    profile = profile_of(sheet)
    name, paper = _paper(sheet, profile)
    if profile and profile.papers and name not in profile.papers:
        raise SheetError(
            f"Profile {sheet.profile!r} is not drawn on {name!r}{_why(profile)}. Its papers: {', '.join(profile.papers)}."
        )
    return Page(name, *_size(sheet, paper, name, profile, length_in), _margins(sheet, paper, name, profile))


def is_endless(sheet: Sheet) -> bool:
    """Whether a sheet is on a roll and does not say how much of it."""
    return sheet.length_in is None and _paper(sheet, profile_of(sheet))[1].roll


def _paper(sheet: Sheet, profile: Profile | None) -> tuple[str, Paper]:
    given = profile.papers[0] if sheet.paper is None and profile.papers else sheet.paper
    if given is None:
        raise SheetError(f"Profile {sheet.profile!r} has no paper of its own. Say paper in the sheet.")
    if isinstance(given, Paper):
        return given.title or "own size", given
    papers = paper_profiles()
    if given not in papers:
        raise SheetError(f"There is no paper {given!r}{nearest(given, list(papers))}")
    return given, papers[given]


def _size(sheet: Sheet, paper: Paper, name: str, profile: Profile | None, length_in: float | None) -> tuple[float, float]:
    upright = (sheet.orientation or (profile.orientation if profile else "landscape")) == "portrait"
    if paper.roll:
        length = sheet.length_in or length_in
        if length is None:
            raise SheetError(f"Paper {name!r} is a roll. Say length_in, or a scale and a view with an extent or features.")
        return (paper.width_in, length) if upright else (length, paper.width_in)
    if sheet.length_in is not None:
        raise SheetError(f"length_in is for rolls; paper {name!r} has a length. Leave length_in out, or take roll_24, roll_36 ...")
    short, long = sorted(paper.size_in)
    return (short, long) if upright else (long, short)


def _margins(sheet: Sheet, paper: Paper, name: str, profile: Profile | None) -> tuple[float, float, float, float]:
    kept = margins(paper.margin_in if sheet.margin_in is None else sheet.margin_in)
    required = [(f"Paper {name!r}", margins(paper.margin_in), paper.source)] if paper.source else []
    if profile and profile.margin_in is not None:
        required.append((f"Profile {sheet.profile!r}", margins(profile.margin_in), profile.citation))
    for who, least, source in required:
        for side, ours, theirs in zip(("left", "bottom", "right", "top"), kept, least, strict=True):
            if ours < theirs:
                raise SheetError(
                    f"{who} keeps a margin of {theirs:g} in at the {side} ({source}); margin_in is {ours:g}. "
                    "Take margin_in out of the sheet."
                )
    return kept


def require_profile(sheet: Sheet) -> None:
    """
    Refuse a sheet that lacks what its profile requires, before anything is drawn.

    Raises
    ------
    SheetError
        Naming everything that is missing, and how it is said.
    """
    profile = profile_of(sheet)
    if profile is None:
        return
    block = sheet.title_block
    several = block.sheet_count not in ("", "1")
    said = {
        "vicinity_map": (sheet.vicinity is not None, "a vicinity map: [vicinity]"),
        "revision_block": (bool(sheet.revisions), "a revision block: [[revisions]]"),
        "seal": (sheet.seal is not None, "a place for a seal: [seal]"),
        "sign_off": (bool(sheet.sign_off), "who signs: [[sign_off]]"),
        "recording_block": (bool(profile.statements or sheet.statements), "a recording block: [[statements]]"),
        "key_map": (sheet.key_map, "a key map: key_map = true"),
        "sheet_numbers": (bool(block.sheet_number and block.sheet_count), "its number: title_block.sheet_number and sheet_count"),
        "adjoining": (bool(sheet.adjoining) or not several, "its relation to the sheets beside it: [adjoining]"),
    }
    missing = [how for furniture, (there, how) in said.items() if furniture in profile.furniture and not there]
    title = " ".join(f"{block.title} {block.subtitle}".split()).casefold()
    missing += [f"the words {words!r} in its title" for words in profile.title_words if words.casefold() not in title]
    if missing:
        raise SheetError(f"A {sheet.profile!r} sheet{_why(profile)} must have {'; '.join(missing)}. Add to the sheet's file.")


def statements(sheet: Sheet, city: City) -> list[Statement]:
    """The recording blocks of a sheet's profile and its own, with the City's names in them."""
    profile = profile_of(sheet)
    names = {"{city}": city.name, "{county}": city.county}

    def filled(text: str) -> str:
        for blank, name in names.items():
            text = text.replace(blank, name)
        return text

    return [
        Statement(heading=filled(one.heading), text=filled(one.text), signed_by=tuple(filled(who) for who in one.signed_by))
        for one in (*(profile.statements if profile else ()), *sheet.statements)
    ]


def _why(profile: Profile) -> str:
    return f" ({profile.citation})" if profile.citation else ""
