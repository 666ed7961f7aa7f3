"""
Cells of a receiver's table as values: the frame and unit that a row states, what its time and the word for its fix mean.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyproj import CRS

from citygis.errors import ReadError
from citygis.readers.receiver_profiles import Profile, plain_title, plain_word, split_title
from citygis.readers.stated_systems import UNIT_LABELS, StatedSystem, named_crs, stated_system, unit_label
from citygis.readers.text import plain_numbers

_OFFSET = r"(?i)\d:\d{2}[\d.]*\s*(?:z|utc|gmt|(?:utc|gmt)?\s*[+-]\d{2}(?::?\d{2})?)$"


class Frames(NamedTuple):
    """What each row states of its frame (null where nothing), what each such text means, and the CRS of the maker's own names."""

    stated: pd.Series
    systems: dict[str, StatedSystem]
    known: dict[str, CRS]


def found_titles(titles: list[str], profile: Profile) -> dict[str, str]:
    """The title that is there for each of the profile's columns."""
    there = {plain_title(title): title for title in reversed(titles)}
    found = {}
    for column, candidates in profile.columns.items():
        title = next((there[plain_title(candidate)] for candidate in candidates if plain_title(candidate) in there), None)
        if title is not None:
            found[column] = title
    return found


def titles_there(titles: list[str], wanted: tuple[str, ...]) -> list[str]:
    """Those of the wanted titles that are there, as they are written there."""
    there = {plain_title(title): title for title in reversed(titles)}
    return [there[plain_title(title)] for title in wanted if plain_title(title) in there]


# -- frames and units -------------------------------------------------------------------------------------------------------


def stated_frames(cells: pd.DataFrame, profile: Profile) -> Frames:
    """What the rows state of their frame, in the column that the profile names; all null without such a column."""
    title = next(iter(titles_there(list(cells.columns), profile.frame.column)), None)
    stated = cells[title] if title else pd.Series(None, index=cells.index, dtype="str")
    texts = stated.dropna().unique().tolist()
    own = {word.casefold(): named_crs(code) for word, code in profile.frame.systems.items()}
    return Frames(
        stated,
        {text: stated_system(text) for text in texts},
        {text: own[text.casefold()] for text in texts if text.casefold() in own},
    )


def one_crs(frames: Frames, profile: Profile, *, in_degrees: bool, shown: str) -> tuple[CRS | None, list[str]]:
    """
    The CRS that every row states; None, with a note, where not every row states the same.

    Parameters
    ----------
    frames : Frames
    profile : Profile
        Its own ``crs`` is taken before what the rows say.
    in_degrees : bool
        Whether the geographic system of what is stated is meant, or the projected one.
    shown : str
        How to name the file in a message.

    Raises
    ------
    ReadError
        If eastings and northings are in different systems.
    """
    if profile.crs is not None:
        return named_crs(profile.crs), []
    counts = frames.stated.value_counts().sort_index()
    if counts.empty:
        kind = "longitude and latitude" if in_degrees else "eastings and northings"
        return None, [f"The table states no frame for its {kind}. State it with --frame."]
    systems = {
        text: frames.known.get(text) or (frames.systems[text].geographic if in_degrees else frames.systems[text].horizontal)
        for text in counts.index
    }
    shares = "; ".join(f"{text} ({count:,} rows)" for text, count in counts.items())
    if len({None if crs is None else crs.to_wkt() for crs in systems.values()}) > 1:
        if not in_degrees:
            raise ReadError(f"{shown}: its eastings and northings are in different systems: {shares}. Ask for one file of each.")
        return None, [f"The rows state different frames: {shares}. State what they are in with --frame, one file of each."]
    silent = int(frames.stated.isna().sum())
    if silent:
        return None, [f"{silent:,} rows state no frame, while others do: {shares}. State it with --frame."]
    crs = systems[counts.index[0]]
    if crs is None:
        return None, [f"The frame is stated as {shares}, which is no system that can be looked up. State it with --frame."]
    return crs, []


def unit_labels(column: str, title: str | None, cells: pd.DataFrame, profile: Profile, frames: Frames) -> np.ndarray:
    """The unit label of a length in every row, None where nothing states it."""
    how = profile.units.get(column, "m")
    if how == "header":
        return np.full(len(cells), unit_label(split_title(title or "").unit), dtype=object)
    if how == "system":
        part = "unit" if column == "h_rms_m" else "height_unit"
        labels = {text: getattr(system, part) for text, system in frames.systems.items()}
        return np.array([labels.get(text) for text in frames.stated.to_numpy(dtype=object, na_value=None)], dtype=object)
    if how in UNIT_LABELS:
        return np.full(len(cells), how, dtype=object)
    words = titles_there(list(cells.columns), (how,))
    if not words:
        return np.full(len(cells), None, dtype=object)
    labels = {word: unit_label(word) for word in cells[words[0]].dropna().unique()}
    return np.array([labels.get(word) for word in cells[words[0]].to_numpy(dtype=object, na_value=None)], dtype=object)


def in_metres(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Lengths in metres by the unit label of each ("m", "ft", "ft_us"); not a number where that is None."""
    metres = np.full(len(values), np.nan)
    for label, unit in UNIT_LABELS.items():
        rows = labels == label
        metres[rows] = values[rows] * float(unit)
    return metres


# -- values -----------------------------------------------------------------------------------------------------------------


def numbers_of(cells: pd.DataFrame, title: str) -> tuple[np.ndarray, np.ndarray]:
    """A column as numbers, and which of its cells say something that is none."""
    column = cells[title]
    values = plain_numbers(pa.array(column, pa.string(), from_pandas=True))
    return values, np.isnan(values) & column.notna().to_numpy()


def times_of(column: pd.Series, profile: Profile) -> tuple[pd.Series, np.ndarray, np.ndarray]:
    """Times in UTC, which cells are no time, and which times state no offset (null unless the maker writes UTC)."""
    has_offset = column.str.contains(_OFFSET, regex=True).fillna(False).to_numpy(dtype=bool)
    text = column.str.replace(r"(?i)\s*(?:utc|gmt)\s*([+-]\d{2}:?\d{2})$", r"\1", regex=True)
    text = text.str.replace(r"(?i)\s*(?:utc|gmt|z)$", "+00:00", regex=True)
    times = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce").astype("datetime64[us, UTC]")
    for pattern in profile.time.formats:
        left = times.isna() & text.notna()
        if not left.any():
            break
        more = pd.to_datetime(text[left].str.replace(r"\+00:00$", "", regex=True), format=pattern, utc=True, errors="coerce")
        times[left] = more.astype("datetime64[us, UTC]")
    unread = (times.isna() & column.notna()).to_numpy()
    no_offset = times.notna().to_numpy() & ~has_offset
    if profile.time.zone is None:
        times[no_offset] = pd.NaT
    return times, unread, no_offset


def fix_types_of(column: pd.Series, profile: Profile) -> tuple[pd.Series, np.ndarray]:
    """Fix types (null where the profile does not know the word), and which cells hold such a word."""
    known = {word: profile.fix_types.get(plain_word(word)) for word in column.dropna().unique().tolist()}
    fixes = column.map(known).astype("str")
    return fixes, (column.notna() & fixes.isna()).to_numpy()
