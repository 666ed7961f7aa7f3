"""
Directions as documents write them: quadrant bearings in every spelling, and azimuths from north or from south.

Inside citygis a direction is an azimuth in degrees clockwise from grid north, in [0, 360). Whether an azimuth on a document counts
from north or, as on old USC&GS and CCS27 maps, from south is for the caller to state: nothing in the number tells.
"""

import re

from citygis.cogo.angle import dms, format_angle, marked, parse_angle, unpacked

BEARING_STYLES = ("symbols", "deed", "words", "hyphens", "spaces", "packed")
"""
``N 45°30'15" E``, ``North 45°30'15" East``, ``North 45 degrees ...``, ``N45-30-15E``, ``N 45 30 15 E`` and Q.DDMMSS ``1.453015``.
"""

_ORIGINS = {"north": 0.0, "south": 180.0}
_CARDINAL = {"N": 0.0, "E": 90.0, "S": 180.0, "W": 270.0}
_QUADRANT = re.compile(r"(NORTH|SOUTH|N|S)[\s.,-]*(\d.*?)[\s.,-]*(EAST|WEST|E|W)", re.I | re.S)
_ALONG = re.compile(r"(?:DUE\s+)?(NORTH|SOUTH|EAST|WEST|N|S|E|W)", re.I)
_PACKED = re.compile(r"([1-4])\.(\d{2,})")
_COMPASS = {
    name: 45.0 * n for n, name in enumerate(("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest"))
}


def parse_bearing(text: str, *, notation: str | None = None, azimuth_from: str | None = None) -> float:
    """
    A direction in degrees clockwise from north.

    Parameters
    ----------
    text : str
        A quadrant bearing in any spelling, a cardinal direction (``NORTH``, ``due east``), or an azimuth.
    notation : str, optional
        Of a number without marks, as `citygis.cogo.parse_angle`; ``packed`` reads Q.DDMMSS too when there is no `azimuth_from`
        (quadrants 1 NE, 2 SE, 3 SW, 4 NW).
    azimuth_from : {"north", "south"}, optional
        Where an azimuth counts from. Without it, text without letters is refused.

    Returns
    -------
    float
        In [0, 360).

    Raises
    ------
    ValueError
        If the text is no direction, lies beyond 90° in its quadrant, or is an azimuth that nobody said the origin of.
    """
    if azimuth_from is not None and azimuth_from not in _ORIGINS:
        raise ValueError(f"Invalid azimuth_from {azimuth_from!r}. Must be north or south.")
    clean = marked(text).strip(" .,;")
    if found := _ALONG.fullmatch(clean):
        return _CARDINAL[found.group(1)[0].upper()]
    if found := _QUADRANT.fullmatch(clean):
        return _from_quadrant(text, *found.groups(), notation)
    if re.search(r"[A-Za-z]", clean):
        raise ValueError(f"Invalid bearing {text!r}. Must look like N 45°30'15\" E, or say one of north, east, south and west.")
    if azimuth_from is None:
        if notation == "packed" and (found := _PACKED.fullmatch(clean)):
            return _from_packed(text, *found.groups())
        raise ValueError(
            f"Invalid bearing {text!r}. Must have its letters, or be read with azimuth_from='north' or 'south': it does not tell."
        )
    try:
        azimuth = parse_angle(clean, notation=notation)
    except ValueError as error:
        raise ValueError(f"Invalid bearing {text!r}. {str(error).partition('. ')[2]}") from None
    if not 0 <= azimuth <= 360:
        raise ValueError(f"Invalid bearing {text!r}. Must lie within 0° and 360°.")
    return (azimuth + _ORIGINS[azimuth_from]) % 360


def format_bearing(azimuth_deg: float, *, style: str = "symbols", decimals: int = 0) -> str:
    """
    A direction as a quadrant bearing that `parse_bearing` reads back.

    Parameters
    ----------
    azimuth_deg : float
        Clockwise from north.
    style : str
        One of `BEARING_STYLES`.
    decimals : int
        Of the seconds.
    """
    if style not in BEARING_STYLES:
        raise ValueError(f"Invalid style {style!r}. Must be one of {', '.join(BEARING_STYLES)}.")
    azimuth = azimuth_deg % 360
    north = azimuth <= 90 or azimuth >= 270
    east = azimuth <= 180
    angle = min(azimuth, abs(180 - azimuth), 360 - azimuth)
    if style == "packed":
        degrees, minutes, seconds = dms(angle, decimals=decimals)
        quadrant = {(True, True): 1, (False, True): 2, (False, False): 3, (True, False): 4}[north, east]
        return f"{quadrant}.{degrees:02d}{minutes:02d}{seconds.replace('.', '')}"
    first, last = ("North", "East") if style in ("deed", "words") else ("N", "E")
    first, last = first if north else first.replace("North", "South").replace("N", "S"), last if east else "West"[: len(last)]
    between = "" if style == "hyphens" else " "
    written = format_angle(angle, style="symbols" if style == "deed" else style, decimals=decimals)
    return f"{first}{between}{written}{between}{last}"


def format_azimuth(azimuth_deg: float, *, azimuth_from: str = "north", style: str = "symbols", decimals: int = 0) -> str:
    """
    A direction as an azimuth from north or from south, that `parse_bearing` with the same `azimuth_from` reads back.

    Parameters
    ----------
    azimuth_deg : float
        Clockwise from north.
    azimuth_from : {"north", "south"}
    style, decimals
        As `citygis.cogo.format_angle`.
    """
    if azimuth_from not in _ORIGINS:
        raise ValueError(f"Invalid azimuth_from {azimuth_from!r}. Must be north or south.")
    return format_angle((azimuth_deg - _ORIGINS[azimuth_from]) % 360, style=style, decimals=decimals)


def compass_azimuth(word: str) -> float:
    """
    The azimuth of a direction in words, ``southwesterly`` or ``NE``: a sense of travel or of concavity, good to an eighth of a
    circle.

    Raises
    ------
    ValueError
        If it is not one of the eight.
    """
    plain = re.sub(r"[\s-]", "", word.strip().lower())
    plain = re.sub(r"(?:erly|ern|ward(?:s|ly)?|ly)$", "", plain)
    plain = {"n": "north", "s": "south", "e": "east", "w": "west"}.get(plain, plain)
    if re.fullmatch("[ns][ew]", plain):
        plain = {"n": "north", "s": "south"}[plain[0]] + {"e": "east", "w": "west"}[plain[1]]
    if plain not in _COMPASS:
        raise ValueError(f"Invalid direction word {word!r}. Must be one of the eight, as southwesterly.")
    return _COMPASS[plain]


def azimuth_after_deflection(azimuth_deg: float, deflection_deg: float) -> float:
    """The azimuth of the next course: the last one's, turned by a deflection, right positive."""
    return (azimuth_deg + deflection_deg) % 360


def azimuth_after_interior(azimuth_deg: float, interior_deg: float, *, clockwise: bool) -> float:
    """
    The azimuth of the next course of a loop, from the interior angle at the corner between.

    Parameters
    ----------
    azimuth_deg : float
        Of the course that arrives at the corner.
    interior_deg : float
        On the inside of the loop.
    clockwise : bool
        Whether the loop is travelled clockwise, its inside on the right.
    """
    back = azimuth_deg + 180
    return (back - interior_deg if clockwise else back + interior_deg) % 360


def _from_quadrant(text: str, first: str, angle: str, last: str, notation: str | None) -> float:
    try:
        degrees = parse_angle(angle, notation=notation)
    except ValueError as error:
        raise ValueError(f"Invalid bearing {text!r}. {str(error).partition('. ')[2]}") from None
    if degrees > 90:
        raise ValueError(f"Invalid bearing {text!r}. Must lie within 90° of north or south.")
    north, east = first[0].upper() == "N", last[0].upper() == "E"
    azimuth = degrees if north else 180 - degrees
    return (azimuth if east else -azimuth) % 360


def _from_packed(text: str, quadrant: str, digits: str) -> float:
    degrees, minutes, seconds = unpacked(f"{digits[:2]}.{digits[2:]}")
    first, last = {"1": "NE", "2": "SE", "3": "SW", "4": "NW"}[quadrant]
    return _from_quadrant(text, first, f"{degrees}-{minutes}-{seconds}", last, "dms")
