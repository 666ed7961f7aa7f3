"""
What the columns of each receiver's CSV mean: profiles are TOML files in ``profiles/``, and a City may lay its own over them.
"""

import difflib
import re
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import field_validator

from citygis.errors import SettingsError
from citygis.readers.captures import DTYPES, FIX_TYPES
from citygis.readers.stated_systems import named_crs
from citygis.settings import Settings, load_folder

POSITIONS = ("longitude", "latitude", "easting", "northing", "position", "geometry_easting", "geometry_northing")
"""
What a profile maps beside the captures columns. ``position`` is WKT; the ``geometry`` pair is of the feature, not of the receiver.
"""


class TimeRule(Settings):
    """``zone`` "UTC" when the maker writes UTC without saying so in each cell; ``formats`` of `strptime` beside ISO 8601."""

    zone: Literal["UTC"] | None = None
    formats: tuple[str, ...] = ()


class FrameRule(Settings):
    """The ``column`` (the first that is there) that states the frame, and what the maker's own names for ``systems`` mean."""

    column: tuple[str, ...] = ()
    systems: dict[str, str] = {}

    @field_validator("systems")
    @classmethod
    def _known_systems(cls, systems: dict) -> dict:
        for code in systems.values():
            _require_system(code)
        return systems


class Profile(Settings):
    """
    How one receiver or application writes its CSV.

    ``recognise`` lists sets of columns; the file is of this profile when all of one set are there. A word that is a key of
    ``columns`` stands for any of its titles. ``columns`` gives the titles of each captures column, in order of preference; ``sums``
    and ``axes`` are columns that are made of several, by adding or as the square root of the sum of squares. ``units`` of a length:
    "m", "ft", "ft_us", "system" (that of the stated system), "header" (in the title), or the title of a column that says it; metres
    when left out. ``crs`` is what the maker's documents say of every file. ``verified`` says whether a document or a file was read
    for it.
    """

    profile: str
    title: str
    reference: str
    verified: bool = False
    general: bool = False
    recognise: tuple[tuple[str, ...], ...]
    capture: Literal["point", "epoch", "waypoint"] = "point"
    capture_unnamed: Literal["point", "epoch", "waypoint"] | None = None
    height_at: Literal["mark", "antenna"] | None = None
    crs: str | None = None
    remarks: tuple[str, ...] = ()
    columns: dict[str, tuple[str, ...]]
    sums: dict[str, tuple[str, ...]] = {}
    axes: dict[str, tuple[str, ...]] = {}
    units: dict[str, str] = {}
    time: TimeRule = TimeRule()
    frame: FrameRule = FrameRule()
    fix_types: dict[str, str] = {}

    @field_validator("columns", "sums", "axes", "units")
    @classmethod
    def _known_columns(cls, table: dict) -> dict:
        return _require_known(table, (*DTYPES, *POSITIONS), "is no captures column")

    @field_validator("crs")
    @classmethod
    def _known_crs(cls, code: str | None) -> str | None:
        return code if code is None else _require_system(code)

    @field_validator("fix_types")
    @classmethod
    def _known_fix_types(cls, table: dict) -> dict:
        _require_known(dict.fromkeys(table.values()), FIX_TYPES, "is no fix type")
        return {plain_word(word): fix for word, fix in table.items()}


class Match(NamedTuple):
    """A profile that fits a header, and the columns it was recognised by."""

    profile: Profile
    by: tuple[str, ...]


class Title(NamedTuple):
    """A column's title without the decoration of format strings, and the unit in that: "[Rms2D:Meter:3]" is Rms2D in Meter."""

    name: str
    unit: str | None


def receiver_profiles(folder: Path | str | None = None) -> dict[str, Profile]:
    """
    The profiles by id: those that ship with citygis, with the ``*.toml`` of `folder` laid over them.

    Raises
    ------
    SettingsError
        If `folder` is not there, or a file in it is no profile or not named as its profile.
    """
    if folder is None:
        return dict(_packaged())
    folder = Path(folder)
    if not folder.is_dir():
        raise SettingsError(f"{folder} is no folder of receiver profiles. Make it, or leave it out.")
    return _packaged() | load_folder(folder, Profile, name_key="profile")


def matches(titles: list[str], profiles: dict[str, Profile]) -> list[Match]:
    """
    The profiles that fit a header best: those with the largest recognised set, general ones only when no other fits. More than one
    is a tie that a person must settle.
    """
    there = {plain_title(title) for title in titles}
    found = []
    for profile in profiles.values():
        sets = [entries for entries in profile.recognise if all(_has(entry, profile, there) for entry in entries)]
        if sets:
            found.append(Match(profile, max(sets, key=len)))
    own = [match for match in found if not match.profile.general] or found
    most = max((len(match.by) for match in own), default=0)
    return [match for match in own if len(match.by) == most]


def split_title(title: str) -> Title:
    """A title as a `Title`."""
    decorated = re.fullmatch(r"\[([^:\]]+)(?::([^:\]]+))?(?::[^\]]*)?\]", title.strip())
    return Title(decorated[1].strip(), decorated[2]) if decorated else Title(title.strip(), None)


def plain_title(title: str) -> str:
    """A title for comparing: undecorated, in lower case, single blanks."""
    return re.sub(r"\s+", " ", split_title(title).name).strip().casefold()


def plain_word(word: str) -> str:
    """A word of a fix type column for comparing: in lower case, single blanks, "4.0" as "4"."""
    return re.sub(r"^(\d+)\.0+$", r"\1", re.sub(r"\s+", " ", word).strip().casefold())


def _has(entry: str, profile: Profile, there: set[str]) -> bool:
    titles = profile.columns.get(entry.casefold(), (entry,))
    return any(plain_title(title) in there for title in titles)


@cache
def _packaged() -> dict[str, Profile]:
    with resources.as_file(resources.files("citygis.readers") / "profiles") as folder:
        return load_folder(folder, Profile, name_key="profile")


def _require_system(code: str) -> str:
    if named_crs(code) is None:
        raise ValueError(f"`{code}` is no coordinate system of EPSG; write it as EPSG:6318")
    return code


def _require_known(table: dict, known: tuple[str, ...], complaint: str) -> dict:
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            raise ValueError(f"`{key}` {complaint}" + (f"; did you mean `{close[0]}`?" if close else f": {', '.join(known)}"))
    return table
