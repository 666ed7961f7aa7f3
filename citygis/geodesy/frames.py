"""
Frames: a realization of a datum together with the epoch that coordinates are of.
"""

import difflib
import math
import re
from typing import NamedTuple

from pyproj import CRS
from pyproj.exceptions import CRSError as ProjCRSError

from citygis.errors import CRSError
from citygis.geodesy.realizations import realization, realizations
from citygis.units import INTERNATIONAL_FOOT

OLDEST_EPOCH, LATEST_EPOCH = 1980.0, 2100.0
"""Decimal years that an epoch may be: no GPS coordinate is older, and a larger number is a slip of the pen."""

LOCAL = "local:"

CALIFORNIA_ORIGINS = {
    (39.333333, -122.0),
    (37.666667, -122.0),
    (36.5, -120.5),
    (35.333333, -119.0),
    (33.5, -118.0),
    (32.166667, -116.25),
}
"""Latitude and longitude of the origins of California zones 1 to 6, degrees (EPSG 2225 to 2230)."""


class Frame(NamedTuple):
    """
    What coordinates are in: a realization, and the decimal year they are of.

    ``realization`` is a canonical name of ``realizations.toml``, or ``local:`` and the id of one of the City's local systems.
    ``epoch`` None means in a frame that the plate moves through (ITRF, WGS 84) that each point is of the date it was observed, in
    any other that nobody has said it. The text of a frame, ``NAD83(2011)@2017.50``, is what `parse_frame` reads.
    """

    realization: str
    epoch: float | None = None

    def __str__(self) -> str:
        return self.realization if self.epoch is None else f"{self.realization}@{epoch_text(self.epoch)}"

    @property
    def is_local(self) -> bool:
        """Whether these are coordinates of a local (ground) system of the City."""
        return self.realization.startswith(LOCAL)

    @property
    def is_moving(self) -> bool:
        """Whether the North American plate moves through this frame, so that a coordinate needs the date it was observed."""
        return not self.is_local and realization(self.realization).kind == "moving"

    @property
    def has_epoch(self) -> bool:
        """Whether coordinates in this frame have an epoch at all; those of local systems and of NAD27 have none of their own."""
        return not self.is_local and realization(self.realization).kind != "gridded"


def epoch_text(epoch: float) -> str:
    """A decimal year as epochs are written, with two decimals or as many as it has."""
    short = f"{epoch:.2f}"
    return short if float(short) == epoch else repr(float(epoch))


def parse_frame(text: str) -> Frame:
    """
    A frame from what people write: ``NAD83(2011)@2017.50``, ``NAD 83(2011) epoch 2017.5``, ``WGS84(G2139)``, ``IGb14``,
    ``CSRN2025``, ``EPSG:6318@2010.0``, ``local:yard``.

    Parameters
    ----------
    text : str
        Case, blanks, underscores and hyphens in the name do not matter. ``str()`` of the result is the canonical spelling.

    Returns
    -------
    Frame

    Raises
    ------
    ValueError
        If it is no frame that citygis knows, is one of the future or for another country, or its epoch is none; says what was
        probably meant.
    """
    name, epoch = _split(text)
    if name.casefold().startswith(LOCAL):
        if epoch is not None or not name[len(LOCAL) :].strip():
            raise ValueError(
                f"Invalid frame {text!r}. Must be local:ID, without an epoch: the City's epoch is that of its local systems."
            )
        return Frame(LOCAL + name[len(LOCAL) :].strip())
    known = realizations()
    names = _names()
    key = _plain(name)
    if re.fullmatch(r"(epsg|esri):\d{1,7}", name.strip(), flags=re.IGNORECASE):
        key = _plain(_of_authority(name, text))
    for label, stated in known.epochs.items():
        if _plain(label) == key:
            if epoch is not None and epoch != stated.epoch:
                raise ValueError(f"Invalid frame {text!r}. Must not state another epoch: {label} is of {epoch_text(stated.epoch)}.")
            return Frame(stated.realization, stated.epoch)
    if key in names:
        found = realization(names[key])
        if found.kind == "gridded" and epoch is not None:
            raise ValueError(
                f"Invalid frame {text!r}. Must not state an epoch: {found.name} is older than epochs. Write {found.name}."
            )
        return Frame(found.name, epoch)
    for label, reason in known.refused.items():
        if key == _plain(label) or (label in {"NAD83(CSRS)", "CCS2022", "SPCS2022", "NATRF2022"} and key.startswith(_plain(label))):
            raise ValueError(f"Invalid frame {text!r}. Must be one that can be reached, and {label} cannot: {reason}")
    raise ValueError(f"Invalid frame {text!r}. Must be a realization and its epoch, like NAD83(2011)@2017.50.{_meant(key, epoch)}")


def frame_of(crs: CRS | str) -> Frame | None:
    """
    The frame that the datum of a coordinate system names, without an epoch where that names none; None for a datum that is unknown.

    It is what the label says. Whether the numbers are in it is for a person to state.
    """
    crs = CRS.from_user_input(crs)
    if crs.is_bound:
        crs = crs.source_crs
    if crs.geodetic_crs is None:
        return None
    key = _plain(crs.geodetic_crs.datum.name)
    for each in realizations().realization:
        if key in {_plain(name) for name in (each.name, *each.datums)}:
            return Frame(each.name)
    for label, stated in realizations().epochs.items():
        if _plain(label) == key:
            return Frame(stated.realization, stated.epoch)
    return None


def require_foot_of_the_system(crs: CRS | str) -> None:
    """
    Refuse a zone of the California Coordinate System of 1927 or 1983 in international feet.

    The foot follows the system, never the year: California Public Resources Code 8810 keeps the US survey foot for CCS27 and CCS83
    and asks for 0.3048 m in CCS2022 alone.

    Raises
    ------
    CRSError
        With what the mix-up costs.
    """
    crs = CRS.from_user_input(crs)
    if crs.is_compound:
        crs = crs.sub_crs_list[0]
    if not crs.is_projected or abs(crs.axis_info[0].unit_conversion_factor - float(INTERNATIONAL_FOOT)) > 1e-9:
        return
    origin = {p.name: p.value for p in crs.coordinate_operation.params}
    at = (origin.get("Latitude of false origin", math.nan), origin.get("Longitude of false origin", math.nan))
    if (round(at[0], 6), round(at[1], 6)) in CALIFORNIA_ORIGINS:
        raise CRSError(
            f"{crs.name} is a California zone in international feet. California PRC 8810 keeps the US survey foot for CCS27 and"
            " CCS83 (only CCS2022 has the international one): a mix-up moves a place in zone 3 by 12.7 ft east and 4.2 ft north."
            " Ask the sender which foot the numbers are in, and state the system that has it (EPSG:6420 for zone 3)."
        )


def _split(text: str) -> tuple[str, float | None]:
    """The name and the epoch of a frame's text."""
    if not isinstance(text, str) or not text.strip() or len(text) > 200:
        raise ValueError(f"Invalid frame {text!r:.60}. Must be text like NAD83(2011)@2017.50.")
    parts = re.split(r"@|\bepoch\b[\s:=]*", text.strip(), maxsplit=1, flags=re.IGNORECASE)
    whole = _plain(text)
    if len(parts) == 1 or whole in _names() or any(_plain(label) == whole for label in realizations().epochs):
        return text.strip(), None
    name, stated = parts[0].strip(" ,;"), parts[1].strip(" ,;")
    try:
        epoch = float(stated) if re.fullmatch(r"\d{4}(\.\d*)?", stated) else math.nan
    except ValueError:
        epoch = math.nan
    if not OLDEST_EPOCH <= epoch <= LATEST_EPOCH:
        raise ValueError(f"Invalid epoch {stated!r} of the frame {text!r}. Must be a decimal year since 1980, like 2017.50.")
    return name, epoch


def _plain(name: str) -> str:
    """A name without the differences between those who write it."""
    plain = re.sub(r"[\s_\-]", "", name.casefold()).removeprefix("d").removeprefix("gcs")
    return re.sub(r"^(wgs|nad)19(27|83|84)", r"\1\2", plain)


def _names() -> dict[str, str]:
    return {_plain(name): each.name for each in realizations().realization for name in (each.name, *each.aliases, *each.datums)}


def _of_authority(name: str, text: str) -> str:
    """The name of the frame of a code like EPSG:6318."""
    try:
        found = frame_of(CRS.from_user_input(name))
    except ProjCRSError:
        raise ValueError(f"Invalid frame {text!r}. Must name a coordinate system that PROJ knows, like EPSG:6318@2010.0.") from None
    if found is None:
        raise ValueError(f"Invalid frame {text!r}. Must be in a datum that citygis can reach, like NAD83(2011)@2010.00.")
    stated = [label for label, each in realizations().epochs.items() if (each.realization, each.epoch) == found]
    return stated[0] if found.epoch is not None else found.realization


def _meant(key: str, epoch: float | None) -> str:
    names = _names() | {_plain(label): label for label in realizations().epochs}
    close = difflib.get_close_matches(key, names, n=1)
    number = re.search(r"((?:19|20)\d\d\.\d+)", key)
    if number and "83" in key:
        return f" Did you mean NAD83(2011)@{number[1]}, or NAD83(HARN)@{number[1]}?"
    if close:
        return f" Did you mean {Frame(names[close[0]], epoch)}?"
    return f" There are: {', '.join(each.name for each in realizations().realization)}."
