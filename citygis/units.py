"""
Lengths and areas, each with its source.

The foot follows the coordinate system, never the year: California Public Resources Code 8810 keeps the US survey
foot for CCS27 and CCS83 and asks for the international foot in CCS2022, while the national standard was withdrawn
on 2023-01-01 (85 FR 62698, 2020-10-05).
"""

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from citygis.errors import CRSError

if TYPE_CHECKING:
    from pyproj import CRS


class Unit(NamedTuple):
    """A unit of length: its name, its exact length in metres, and where that number comes from."""

    name: str
    metres: Fraction
    reference: str

    def __float__(self) -> float:
        return float(self.metres)


METRE = Unit("metre", Fraction(1), "SI")
US_SURVEY_FOOT = Unit("US survey foot", Fraction(1200, 3937), "Calif. PRC 8810; 85 FR 62698 (2020)")
INTERNATIONAL_FOOT = Unit("international foot", Fraction(3048, 10000), "NIST SP 811, appendix B.6; Calif. PRC 8810 for CCS2022")

SQFT_PER_ACRE = 43_560
"""Square feet in one acre (66 ft x 660 ft), in whichever foot the area is in. NIST Handbook 44, appendix C."""


def unit_of(crs: "CRS | str | int | None") -> Unit:
    """
    The unit of a projected coordinate system.

    Parameters
    ----------
    crs : pyproj.CRS or anything it reads

    Returns
    -------
    Unit
        `METRE`, `US_SURVEY_FOOT` or `INTERNATIONAL_FOOT`.

    Raises
    ------
    CRSError
        If there is no CRS, it is not projected, or its unit is none of the three.
    """
    from pyproj import CRS

    if crs is None:
        raise CRSError("There is no CRS, so there is no unit. State it with --source-crs. citygis never guesses.")
    crs = CRS.from_user_input(crs)
    if not crs.is_projected:
        raise CRSError(f"{crs.name} is in degrees. Lengths and areas need the City's projected system.")
    factor = crs.axis_info[0].unit_conversion_factor
    for unit in (METRE, US_SURVEY_FOOT, INTERNATIONAL_FOOT):
        # The two feet differ by 2 parts per million; EPSG carries the factor to about 1e-16.
        if abs(factor - float(unit)) < 1e-9 * float(unit):
            return unit
    raise CRSError(f"{crs.name} is in '{crs.axis_info[0].unit_name}', which is neither a metre nor a foot.")


def require_feet(crs: "CRS | str | int | None", what: str = "This layer") -> Unit:
    """
    The foot of `crs`, or an error when it is not in feet.

    Parameters
    ----------
    crs : pyproj.CRS or anything it reads
    what : str
        What is being checked, to begin the message with.

    Raises
    ------
    CRSError
        If `crs` is missing, geographic, or in metres.
    """
    unit = unit_of(crs)
    if unit is METRE:
        raise CRSError(f"{what} is in metres. Convert it to the City's State Plane feet first: citygis convert FILE --to LAYER.")
    return unit
