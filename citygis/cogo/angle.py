"""
Angles as documents write them: degrees with marks, hyphens or words, packed DD.MMSS, decimal degrees and gons.

A bare decimal such as ``45.3015`` is 45°30'15" in one file and 45.3015° in the next; it is read only where the caller states its
notation. Seconds of exactly 60, as programs that do not carry print them, are carried; any other minute or second of 60 or more is
refused.
"""

import math
import re
from decimal import ROUND_HALF_UP, Decimal

NOTATIONS = ("dms", "packed", "decimal", "gon")
"""``dms`` marks, hyphens, spaces or words; ``packed`` DD.MMSS; ``decimal`` degrees; ``gon`` 400 to the circle."""

MOST_CHARACTERS = 500
"""No angle, bearing, length or aliquot part is written longer; what is, comes from a broken file."""

ANGLE_STYLES = ("symbols", "hyphens", "spaces", "words", "packed", "decimal", "gon")

_SECONDS_PER_DEGREE = 3600
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_VALUES = {word: n for n, word in enumerate(_UNITS.split())} | {word: 10 * n for n, word in enumerate(_TENS.split(), start=2)}
_NUMERAL = re.compile(
    rf"\b(?:({_TENS.replace(' ', '|')})(?:[\s-]+({'|'.join(_UNITS.split()[1:10])}))?|({_UNITS.replace(' ', '|')}))\b", re.I
)
_MARKS = (
    (re.compile(r"%%d", re.I), "°"),
    (re.compile(r"[º˚∘]"), "°"),
    (re.compile(r"[′’‘´`]"), "'"),
    (re.compile(r"''|[″”“]"), '"'),
    # Letters stand for marks only as a full set, so that the S of a bearing is never taken for seconds.
    (re.compile(r"(\d)\s*d\s*(\d+)\s*m\s*(\d+(?:\.\d+)?)\s*s", re.I), r"\1°\2'" r'\3"'),
    (re.compile(r"(?<=[\d\s])deg(?:ree)?s?\b\.?,?", re.I), "°"),
    (re.compile(r"(?<=[\d\s])min(?:ute)?s?\b\.?,?", re.I), "'"),
    (re.compile(r"(?<=[\d\s])sec(?:ond)?s?\b\.?,?", re.I), '"'),
)
_MARKED = re.compile(r"(\d+(?:\.\d+)?)\s*°\s*(?:(\d+(?:\.\d+)?)\s*'?\s*(?:(?<=['\s])(\d+(?:\.\d+)?)\s*\"?)?)?")
_SEPARATED = re.compile(r"(\d+)(?:[\s:-]+(\d+(?:\.\d+)?))(?:[\s:-]+(\d+(?:\.\d+)?))?")
_BARE = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_EXAMPLE = "Must look like 45°30'15\", 45-30-15 or 45 degrees 30 minutes 15 seconds"


def parse_angle(text: str, *, notation: str | None = None) -> float:
    """
    An angle in degrees, from any notation of `NOTATIONS`.

    Parameters
    ----------
    text : str
        A leading minus belongs to the whole angle: ``-0°28'30"`` is -0.475.
    notation : str, optional
        What a number without marks is. Marked text says it itself, so only ``gon`` goes against marks.

    Returns
    -------
    float, degrees

    Raises
    ------
    ValueError
        If the text is no angle, if a minute or second is 60 or more, or if a bare decimal comes without `notation`.
    """
    if notation is not None and notation not in NOTATIONS:
        raise ValueError(f"Invalid notation {notation!r}. Must be one of {', '.join(NOTATIONS)}.")
    clean = marked(text)
    sign = -1.0 if clean.startswith(("-", "−")) else 1.0
    clean = clean.lstrip("+-−").strip()
    if _BARE.fullmatch(clean):
        return sign * _bare(text, clean, notation)
    if notation in ("gon", "packed"):
        raise ValueError(f"Invalid angle {text!r}. Must be one number, as {notation} angles are written.")
    found = _MARKED.fullmatch(clean) or _SEPARATED.fullmatch(clean)
    if found is None:
        if "'" in clean and "°" not in clean:
            # A scanned ring comes out as a zero: 280 13' 56" was 28°13'56". Which, only the document can tell.
            raise ValueError(f"Invalid angle {text!r}. Must have a degree mark before its minutes: a scanned ring may read as a 0.")
        raise ValueError(f"Invalid angle {text!r}. {_EXAMPLE}.")
    return sign * _sexagesimal(text, *found.groups())


def require_short(text: str) -> None:
    """ValueError where a text is longer than `MOST_CHARACTERS`."""
    if len(text) > MOST_CHARACTERS:
        raise ValueError(
            f"Invalid text of {len(text):,} characters, {text[:40]!r} ... Must be one measure, below {MOST_CHARACTERS}."
        )


def marked(text: str) -> str:
    """`text` with every spelling of the degree, minute and second signs, and numerals in words, written the one plain way."""
    require_short(text)
    text = _NUMERAL.sub(lambda m: str(sum(_VALUES[word.lower()] for word in m.groups() if word)), text)
    for pattern, mark in _MARKS:
        text = pattern.sub(mark, text)
    return text.strip().strip(",;").strip()


def format_angle(angle_deg: float, *, style: str = "symbols", decimals: int = 0) -> str:
    """
    An angle as text that `parse_angle` reads back.

    Parameters
    ----------
    angle_deg : float
    style : str
        One of `ANGLE_STYLES`. What ``packed``, ``decimal`` and ``gon`` write is read back with that notation.
    decimals : int
        Of the seconds; of the number itself for ``decimal`` and ``gon``.

    Returns
    -------
    str
        Never with 60 minutes or seconds: what rounds to 60 is carried.
    """
    if style not in ANGLE_STYLES:
        raise ValueError(f"Invalid style {style!r}. Must be one of {', '.join(ANGLE_STYLES)}.")
    if not math.isfinite(angle_deg):
        raise ValueError(f"Invalid angle {angle_deg!r}. Must be a finite number of degrees.")
    if style in ("decimal", "gon"):
        return f"{_rounded(angle_deg / (0.9 if style == 'gon' else 1), decimals):f}"
    degrees, minutes, seconds = dms(angle_deg, decimals=decimals)
    sign = "-" if angle_deg < 0 and (degrees or minutes or float(seconds)) else ""
    if style == "packed":
        return f"{sign}{degrees}.{minutes:02d}{seconds.replace('.', '')}"
    if style == "words":
        plain = seconds.lstrip("0") or "0"
        plain = "0" + plain if plain.startswith(".") else plain
        return f"{sign}{degrees} degrees {minutes} minutes {plain} seconds"
    if style == "symbols":
        return f"{sign}{degrees}°{minutes:02d}'{seconds}\""
    return sign + ("-" if style == "hyphens" else " ").join((str(degrees), f"{minutes:02d}", seconds))


def dms(angle_deg: float, *, decimals: int = 0) -> tuple[int, int, str]:
    """
    Whole degrees and minutes, and seconds as text of `decimals`, of the magnitude of an angle; rounded once, so that 60 never
    shows.
    """
    total = _rounded(abs(angle_deg) * _SECONDS_PER_DEGREE, decimals)
    degrees, rest = divmod(total, _SECONDS_PER_DEGREE)
    minutes, seconds = divmod(rest, 60)
    return int(degrees), int(minutes), f"{seconds:0{2 if decimals == 0 else decimals + 3}.{decimals}f}"


def unpacked(digits: str) -> tuple[int, int, float]:
    """
    Degrees, minutes and seconds of ``DD.MMSSss``: what stands after the point is two digits of minutes, then of seconds, then
    decimals.
    """
    whole, _, fraction = digits.partition(".")
    fraction = fraction.ljust(4, "0")
    return int(whole or 0), int(fraction[:2]), float(f"{fraction[2:4]}.{fraction[4:] or 0}")


def parse_deflection(text: str, *, notation: str | None = None) -> float:
    """
    A deflection angle, ``12°30'15" RT`` or ``LEFT 4-10-00``, in degrees: right positive, left negative.

    Raises
    ------
    ValueError
        If there is no hand, or the angle is not one.
    """
    require_short(text)
    found = re.fullmatch(r"\s*(?:(L|LT|LEFT|R|RT|RIGHT)\b\.?)?(.*?)(?:\b(L|LT|LEFT|R|RT|RIGHT)\.?)?\s*", text, re.I | re.S)
    hands = {hand[0].upper() for hand in found.group(1, 3) if hand}
    if len(hands) != 1:
        raise ValueError(f"Invalid deflection {text!r}. Must say which way, left or right, as 12°30'15\" RT does.")
    angle = parse_angle(found.group(2), notation=notation)
    return angle if hands == {"R"} else -angle


def _bare(text: str, digits: str, notation: str | None) -> float:
    if notation == "gon":
        return float(digits) * 0.9
    if notation == "packed":
        return _sexagesimal(text, *map(str, unpacked(digits)))
    if "." in digits and notation != "decimal":
        raise ValueError(
            f"Invalid angle {text!r}. Must come with its notation: as packed DD.MMSS and as decimal degrees it is two angles."
        )
    return float(digits)


def _sexagesimal(text: str, degrees: str, minutes: str | None, seconds: str | None) -> float:
    if ("." in degrees and minutes) or (minutes and seconds and "." in minutes):
        raise ValueError(f"Invalid angle {text!r}. Must have decimals in its last part only.")
    m, s = float(minutes or 0), float(seconds or 0)
    if m >= 60 or s > 60:
        raise ValueError(f"Invalid angle {text!r}. Must have less than 60 minutes and 60 seconds.")
    return (float(degrees) * 3600 + m * 60 + s) / _SECONDS_PER_DEGREE if minutes else float(degrees)


def _rounded(value: float, decimals: int) -> Decimal:
    # repr is the shortest decimal that is the number, so that 45.5 is rounded as it is read.
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)
