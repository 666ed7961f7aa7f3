"""
Lengths as documents write them: feet of both kinds, feet and inches, metres, chains, links, rods, and varas of a stated length.
"""

import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from citygis.cogo.angle import marked
from citygis.units import INTERNATIONAL_FOOT, METRE, US_SURVEY_FOOT, Unit

FEET_PER_CHAIN = Fraction(66)
"""Gunter's chain of 100 links or 4 rods (poles, perches). NIST Handbook 44, appendix C."""

ROUND_METRES = 10
"""Coordinates that are whole multiples of this are taken to have been set in metres: an assumed origin, a false easting."""

CHANCE = 0.001
"""How likely it may be that as many coordinates fall on round metres by chance: among thousands some do, in either foot."""

LENGTH_UNITS = ("foot", "metre", "chain", "link", "rod", "vara")

_FEET_PER = {
    "foot": Fraction(1),
    "inch": Fraction(1, 12),
    "chain": FEET_PER_CHAIN,
    "link": FEET_PER_CHAIN / 100,
    "rod": FEET_PER_CHAIN / 4,
}
_SPELLINGS = {
    "foot": r"feet|foot|ft|'",
    "inch": r'inch(?:es)?|in|"',
    "metre": r"met(?:re|er)s?|m",
    "chain": r"chains?|chs?",
    "link": r"links?|lks?|li",
    "rod": r"rods?|rds?|poles?|perch(?:es)?",
    "vara": r"varas?|vrs?",
}
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+"
_TERM = re.compile(rf"\s*({_NUMBER})\s*(?:({'|'.join(f'(?:{s})' for s in _SPELLINGS.values())})(?![A-Za-z])\.?)?[\s,-]*", re.I)


def parse_length(
    text: str,
    *,
    unit: str | None = None,
    document_foot: Unit = US_SURVEY_FOOT,
    city_foot: Unit = US_SURVEY_FOOT,
    vara_in: float | None = None,
) -> float:
    """
    A length in the City's feet.

    Parameters
    ----------
    text : str
        ``1,519.75 feet``, ``120.5'``, ``10' 6"``, ``12 ch 45 lk``, ``36.576 m``.
    unit : str, optional
        One of `LENGTH_UNITS`: what a number without a unit is in, as the document states it once for all.
    document_foot, city_foot : Unit
        The foot of the document (chains and rods are counted in it), and the foot of the answer.
    vara_in : float, optional
        The vara of this document in inches. Records of California hold 32.953 to 33.372; San Francisco 33; Texas 33 1/3.

    Returns
    -------
    float, City feet

    Raises
    ------
    ValueError
        If the text is no length, its unit is not stated, a comma may be a decimal point, or varas come without `vara_in`.
    """
    plain, terms, at = marked(text), [], 0
    if re.search(r"\d,(?!\d{3}(?!\d))\d", plain):
        raise ValueError(f"Invalid length {text!r}. Must have commas before whole thousands only: this one may be a decimal point.")
    while at < len(plain) and (found := _TERM.match(plain, at)):
        terms.append(found.groups())
        at = found.end()
    if not terms or at < len(plain):
        raise ValueError(f"Invalid length {text!r}. Must look like 1,519.75 feet, 12 ch 45 lk or 36.576 m.")
    if len(terms) > 1 and not all(name for _, name in terms):
        raise ValueError(f"Invalid length {text!r}. Must name the unit of each part.")
    names = [_unit_name(name) if name else unit for _, name in terms]
    if names[0] is None:
        raise ValueError(
            f"Invalid length {text!r}. Must come with its unit: in the text, or as unit= where the document states it once."
        )
    sizes = [_FEET_PER.get(name, Fraction(0)) for name in names]
    if any(later >= earlier for earlier, later in itertools.pairwise(sizes)):
        raise ValueError(f"Invalid length {text!r}. Must give its parts from the largest unit to the smallest, each once.")
    options = {"document_foot": document_foot, "city_foot": city_foot, "vara_in": vara_in}
    return sum(length_ft(float(n.replace(",", "")), name, **options) for (n, _), name in zip(terms, names, strict=True))


def length_ft(
    value: float, unit: str, *, document_foot: Unit = US_SURVEY_FOOT, city_foot: Unit = US_SURVEY_FOOT, vara_in: float | None = None
) -> float:
    """
    A number of some unit in the City's feet.

    Parameters
    ----------
    value : float or array
    unit : str
        One of `LENGTH_UNITS`, or ``inch``.
    document_foot, city_foot, vara_in
        As `parse_length`.
    """
    for foot in (document_foot, city_foot):
        if foot not in (US_SURVEY_FOOT, INTERNATIONAL_FOOT):
            raise ValueError(f"Invalid foot {foot.name!r}. Must be the US survey foot or the international foot.")
    if unit == "metre":
        return value * float(METRE.metres / city_foot.metres)
    if unit == "vara":
        if vara_in is None:
            raise ValueError(
                "Invalid unit 'vara'. Must come with vara_in: the vara differs from record to record, 32.953 to 33.372 inches."
            )
        feet = Fraction(vara_in) / 12
    elif unit in _FEET_PER:
        feet = _FEET_PER[unit]
    else:
        raise ValueError(f"Invalid unit {unit!r}. Must be one of {', '.join(LENGTH_UNITS)}.")
    return value * float(feet * document_foot.metres / city_foot.metres)


def document_foot(values: Iterable[float], *, rounding: float = 0.001) -> Unit | None:
    """
    The foot of a document, where some of its coordinates were round numbers of metres before they were feet.

    Parameters
    ----------
    values : iterable of float
        Eastings and northings as the document has them, in one foot or the other.
    rounding : float
        Their last place.

    Returns
    -------
    Unit or None
        The foot in which values are multiples of 10 m to their last place and not in the other foot, where no value says the
        contrary and chance does not explain as many among so many (`CHANCE`). None where nothing tells: below about 3 km the two
        feet are the same to a thousandth. Whole feet tell nothing: 12,500 international feet are 3,810 m.
    """
    feet = (US_SURVEY_FOOT, INTERNATIONAL_FOOT)
    votes: Counter = Counter()
    tried = 0
    for value in set(values):
        if abs(value - round(value)) <= rounding / 2:
            continue
        tried += 1
        off = []
        for foot in feet:
            metres = value * float(foot)
            off.append(abs(metres - round(metres / ROUND_METRES) * ROUND_METRES))
        if min(off) <= rounding * 0.3048 / 2 and max(off) > 5 * rounding:
            votes[feet[off.index(min(off))]] += 1
    if len(votes) != 1:
        return None
    ((foot, count),) = votes.items()
    expected = tried * rounding * 0.3048 / ROUND_METRES
    fewer = sum(math.exp(-expected) * expected**n / math.factorial(n) for n in range(count)) if count < 100 else 1.0
    return foot if 1 - fewer <= CHANCE else None


def _unit_name(spelling: str) -> str:
    return next(name for name, pattern in _SPELLINGS.items() if re.fullmatch(pattern, spelling, re.I))
