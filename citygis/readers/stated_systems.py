"""
Coordinate systems that a table states by name, such as "NAD83(2011) / Illinois West (ftUS) + NAVD88(GEOID18) height (ftUS)".

A name is looked up in the EPSG dataset as it is written, never handed to PROJ as a definition: the text is a stranger's.
"""

import re
from functools import cache
from typing import NamedTuple

import numpy as np
from pyproj import CRS, Transformer
from pyproj.database import query_crs_info
from pyproj.enums import PJType
from pyproj.exceptions import CRSError as ProjError

from citygis.errors import CRSError
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, unit_of

UNIT_LABELS = {"m": METRE, "ft": INTERNATIONAL_FOOT, "ft_us": US_SURVEY_FOOT}
"""The unit labels of a captures frame."""

_VERTICAL = re.compile(r"(?P<datum>.+?)(?P<height>\s+height)?(?:\s*\((?P<unit>ftUS|ft|m)\))?", re.IGNORECASE)
_WORDS = {
    "m": "m meter meters metre metres",
    "ft_us": "ftus usft usfeet usfoot ussurveyfoot ussurveyfeet surveyfeet surveyfoot sft",
    "ft": "ft foot feet ift internationalfoot internationalfeet intlft intfoot",
}
_UNIT_OF_WORD = {word: label for label, words in _WORDS.items() for word in words.split()}


class StatedSystem(NamedTuple):
    """
    A system as stated: its horizontal CRS where the name is known, the unit of that, and the vertical datum and unit of heights.
    All null where the text does not tell.
    """

    horizontal: CRS | None
    unit: str | None
    vertical_datum: str | None
    height_unit: str | None

    @property
    def geographic(self) -> CRS | None:
        """The longitude and latitude that the horizontal system is made of."""
        return None if self.horizontal is None else self.horizontal.geodetic_crs


@cache
def stated_system(text: str) -> StatedSystem:
    """
    What a system's name says.

    The part before " + " is horizontal, the part after it vertical. A height whose name states no unit is in metres, as EPSG names
    them ("NAVD88 height" is EPSG:5703, "NAVD88 height (ftUS)" EPSG:6360). Heights without a vertical part are in the horizontal
    unit.
    """
    horizontal_name, _, vertical_name = (part.strip() for part in text.partition(" + "))
    horizontal = named_crs(horizontal_name)
    unit = None
    if horizontal is not None and horizontal.is_projected:
        try:
            unit = next(label for label, known in UNIT_LABELS.items() if known == unit_of(horizontal))
        except CRSError:
            unit = None
    vertical = _VERTICAL.fullmatch(vertical_name)
    if vertical is None:
        return StatedSystem(horizontal, unit, None, unit)
    height_unit = unit_label(vertical["unit"]) if vertical["unit"] else "m" if vertical["height"] else None
    return StatedSystem(horizontal, unit, vertical["datum"], height_unit)


@cache
def named_crs(name: str) -> CRS | None:
    """The projected or geographic system that EPSG calls exactly so, or that "EPSG:6420" codes; None when there is none."""
    coded = re.fullmatch(r"(?i)EPSG:(\d{4,6})", name)
    code = coded[1] if coded else _codes().get(name)
    try:
        return None if code is None else CRS.from_epsg(int(code))
    except ProjError:
        return None


def unit_label(word: str | None) -> str | None:
    """
    "m", "ft" or "ft_us" for a word of a unit; None where it is none. A foot without more is the international one: for antenna
    heights and accuracies, which is what such words stand beside, two parts per million are nothing.
    """
    return None if not word else _UNIT_OF_WORD.get(re.sub(r"[^a-z]", "", word.casefold()))


def stated_offsets_ft(
    longitude: np.ndarray, latitude: np.ndarray, easting: np.ndarray, northing: np.ndarray, *, system: CRS
) -> np.ndarray:
    """
    How far longitude and latitude, projected into `system`, lie from the eastings and northings that the same rows state.

    Parameters
    ----------
    longitude, latitude : arrays of n, degrees
        In the geographic system that `system` is made of: only the projection is applied, no change of datum.
    easting, northing : arrays of n
        In `system`, in its own unit.
    system : CRS
        Projected.

    Returns
    -------
    array of n, US survey feet
        Not a number where any of the four is.
    """
    project = Transformer.from_crs(system.geodetic_crs, system, always_xy=True)
    east, north = project.transform(longitude, latitude)
    apart = np.hypot(east - easting, north - northing)
    return np.where(np.isfinite(apart), apart * float(unit_of(system).metres / US_SURVEY_FOOT.metres), np.nan)


@cache
def _codes() -> dict[str, str]:
    found = query_crs_info(auth_name="EPSG", pj_types=[PJType.PROJECTED_CRS, PJType.GEOGRAPHIC_2D_CRS])
    return {info.name: info.code for info in found if not info.deprecated}
