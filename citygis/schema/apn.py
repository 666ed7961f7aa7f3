"""
Assessor's parcel numbers, spelt as each county spells them.

A profile is a TOML file, not code: the lengths of the groups, what may stand between them, what may follow. The number is
always text, because leading zeros are part of it.
"""

import re
from collections.abc import Sequence
from functools import cache
from importlib import resources

import pandas as pd
from pydantic import model_validator

from citygis.errors import SettingsError
from citygis.settings import Settings, load


class ApnProfile(Settings):
    """
    How one county writes its parcel numbers.

    ``groups`` are regular expressions of the parts, ``separators`` the characters that may stand between them (or nothing),
    ``display`` the City's way to write it with one ``{}`` per part. A ``suffix`` may follow, written by ``display_suffix``, and
    is dropped when it is one of ``empty_suffixes``. Letters are large: a number as sent is looked at in capitals. ``example`` must
    fit. ``verified`` says whether a document was read for it.
    """

    profile: str
    county: str
    state: str
    groups: tuple[str, ...]
    separators: str = "- ."
    separator_required: bool = False
    suffix: str | None = None
    empty_suffixes: tuple[str, ...] = ()
    display: str
    display_suffix: str = "-{}"
    example: str
    reference: str
    verified: bool = False

    @model_validator(mode="after")
    def _fits_its_example(self) -> "ApnProfile":
        try:
            pattern = re.compile(self.pattern, re.ASCII)
        except re.error as error:
            raise ValueError(f"`groups` or `suffix` is not a regular expression: {error}.") from None
        parts = len(self.groups)
        if pattern.groups != parts + (self.suffix is not None):
            raise ValueError(r"`groups` and `suffix` must hold no group of their own: write (?:...) for (...).")
        if self.display.count("{}") != parts:
            raise ValueError(f"`display` {self.display!r} must have one {{}} for each of the {parts:,} groups.")
        if not pattern.match(self.example.strip().upper()):
            raise ValueError(f"`example` {self.example!r} does not fit `groups`. One of the two is wrong.")
        return self

    def __str__(self) -> str:
        return self.profile

    @property
    def pattern(self) -> str:
        """The regular expression of a number as sent; one capturing group per part, then the suffix."""
        between = f"[{re.escape(self.separators)}]" + ("" if self.separator_required else "?")
        parts = between.join(f"({group})" for group in self.groups)
        tail = f"(?:[{re.escape(self.separators)}]?({self.suffix}))?" if self.suffix else ""
        return f"^{parts}{tail}$"


@cache
def apn_profiles() -> dict[str, ApnProfile]:
    """The county profiles that ship with citygis, by id."""
    with resources.as_file(resources.files("citygis.schema") / "apn_profiles") as folder:
        profiles = {path.stem: load(path, ApnProfile) for path in sorted(folder.glob("*.toml"))}
    for name, profile in profiles.items():
        if profile.profile != name:
            raise SettingsError(f"{name}.toml: `profile` is {profile.profile!r}. Must be the file's name.")
    return profiles


def normalise_apn(values: pd.Series, profiles: Sequence[str | ApnProfile]) -> pd.DataFrame:
    """
    Parcel numbers as sent, made into the City's spelling.

    Parameters
    ----------
    values : Series of text, n
        As sent. Surrounding blanks are ignored. A number that was turned into an integer on its way has lost its leading zeros
        and does not fit any profile, which is the point.
    profiles : sequence of str or ApnProfile
        Ids of `apn_profiles`, or profiles of a City's own (`citygis.city.City.spellings`), in order of preference: the first that
        fits wins.

    Returns
    -------
    DataFrame, n rows, index of `values`
        ``apn`` (the parts run together: digits and letters, text), ``apn_display`` ("191-190-74") and ``apn_profile``. All three
        null where no profile fits.

    Raises
    ------
    ValueError
        If a profile is unknown.
    """
    known = apn_profiles()
    for name in profiles:
        if isinstance(name, str) and name not in known:
            raise ValueError(f"Invalid APN profile {name!r}. Must be one of: {', '.join(known)}.")
    chosen = [known[profile] if isinstance(profile, str) else profile for profile in profiles]
    spellings = [(profile, re.compile(profile.pattern, re.ASCII).match) for profile in chosen]
    # Row by row: three times as fast here as pandas' vectorised extract, which makes a frame for each profile.
    text = values.astype("str").str.strip().str.upper().to_numpy(dtype=object)
    rows = [_NONE if value is None or value != value else _spelt(value, spellings) for value in text]
    return pd.DataFrame(rows, columns=["apn", "apn_display", "apn_profile"], index=values.index, dtype="str")


_NONE = (None, None, None)


def _spelt(text: str, spellings: list) -> tuple:
    """A number by the first profile that fits: run together, as shown, and the profile."""
    for profile, match in spellings:
        found = match(text)
        if found is None:
            continue
        parts = found.groups(default="")[: len(profile.groups)]
        suffix = (found[len(parts) + 1] or "") if profile.suffix else ""
        suffix = "" if suffix in profile.empty_suffixes else suffix
        number = ("-" if profile.separator_required else "").join(parts) + suffix
        shown = profile.display.format(*parts) + (profile.display_suffix.format(suffix) if suffix else "")
        return number, shown, profile.profile
    return _NONE
