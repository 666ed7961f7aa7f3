"""
Clauses: a description cut where its courses begin, and the markers that begin figures, exceptions and parcels.
"""

import re
from bisect import bisect_left
from typing import NamedTuple

from citygis.readers.deed.tokens import Token

_BEGIN = (
    r"\b(?=[bc])(?<!point\sof\s)(?<!place\sof\s)(?<!to\s)(?<!the\s)(?<!true\s)(?<!true)(?<!of\s)(?<!actual\s)(?<!said\s)"
    r"\b(?:beginning|begin|begins|commencing|commence|commences|(?-i:COM|Com)(?=[\s.]))\b(?!\s*(?:,\s*)?of\b)"
)
_MARKERS = re.compile(
    rf"""(?=[ptlseabcrg(\d;])(?:(?P<parcel>(?<![\w])(?:parcel|tract|portion)\s+(?:no\.?\s*)?["']?(?P<name>[A-Z]|\d+[A-Z]?|one|two|three|four|five|six)["']?\s*
        (?::|(?=\s+(?:beginning|commencing|that|all)\b)))
    |(?P<except>\b(?=[lse])(?:less\s+and\s+except(?:ing)?|save\s+and\s+except(?:ing)?|excepting|except|excluding)\b(?!\s+as\b))
    |(?P<together>\b(?=[ta])(?:together\s+with\b|also\s*:|also\s+(?=beginning|commencing|com\b)))
    |(?P<begin>{_BEGIN})
    |(?P<thence>\b(?=[tcrgp])(?:(?:then|continu(?:e|ing)|run(?:ning)?|go|proceed)\s+)?(?:thence|th\.?(?=\s+(?:n|s|e|w|north|south|east|west|along|alg)\b))['.,;:]*)
    |(?P<number>(?<=[\s;:,.(])\(?\d{{1,2}}(?:\)|\.(?=\s))\s*(?=(?:n|s|e|w|north|south|east|west)\b|(?:n|s)\s*\d|\d{{1,3}}\s*°|an?\s|along|with|continu))
    |(?P<semi>;))""",
    re.I | re.X,
)
_ARRIVAL = re.compile(
    r"\b(?=[tarp])(?:(?:\b(?P<true>true|actual|real)\s*)?\b(?:point|place|pt\.?)\s*of\s*(?:the\s+)?(?:true\s*|actual\s*)"
    r"?(?P<which>beginning|beg\b|commenc(?:ement|ing))"
    r"|\b(?P<short>t?\.?p\.?o\.?b|p\.?o\.?c)\b\.?|\bto\s+(?:the\s+)?(?P<beg>beg(?:inning)?)\b(?!\s+of\b)\.?)",
    re.I,
)
_NOT_ARRIVING = re.compile(r"\bfrom\s+(?:the\s+|said\s+|a\s+|which\s+)*$|\b(?:of|at)\s+said\s+$", re.I)
_ARRIVING = re.compile(r"(?:\b(?:to|at|being|is|also|and)|2o)\b[^;:]*$", re.I)
_STANDS = re.compile(
    r"\s*(?:and\s+)?(?:(?:along|on|continu\w+|tangent\w*|non-?tangent\w*|with|a\s+(?:\w+\s+)?curve|around|following|"
    r"run\w*|an?\s+arc|northerly|southerly|"
    r"easterly|westerly|\w+easterly|\w+westerly)\b|(?:n|s|e|w|north|south|east|west)\b|[ns]\s*\d|due\s|\(?\d)",
    re.I,
)


class Clause(NamedTuple):
    """
    A piece of the description, begun by a marker.

    Attributes
    ----------
    marker : {"lead", "parcel", "except", "together", "begin", "thence", "number", "semi"}
    start, body, end : int
        Of the marker, of what follows it, and where that ends; in the clean text.
    name : str or None
        Of a parcel.
    arrivals : tuple of (position, is_true)
        Where the clause says that the point of beginning is reached, and whether it says the true or actual one.
    """

    marker: str
    start: int
    body: int
    end: int
    name: str | None
    arrivals: tuple[tuple[int, bool], ...]


def clauses(text: str, tokens: tuple[Token, ...]) -> list[Clause]:
    """
    The clauses of a description, in order; the first, before any marker, is the lead.

    Parameters
    ----------
    text : str
        Clean.
    tokens : tuple of Token
        Of `text`; a clause after a semicolon stands alone only if it holds a length.

    Returns
    -------
    list of Clause
    """
    marks = [("lead", 0, 0, None)]
    for found in _MARKERS.finditer(text):
        marks.append((found.lastgroup if found.lastgroup != "name" else "parcel", found.start(), found.end(), found["name"]))
    lengths = [token.start for token in tokens if token.kind == "length"]
    kept = []
    for n, (marker, start, body, name) in enumerate(marks):
        end = marks[n + 1][1] if n + 1 < len(marks) else len(text)
        if marker == "semi" and not (
            _STANDS.match(text, body, end) and any(body <= at < end for at in _between(lengths, body, end))
        ):
            continue
        if marker == "number" and not any(True for _ in _between(lengths, body, end)):
            continue
        kept.append((marker, start, body, name))
    pieces = []
    for n, (marker, start, body, name) in enumerate(kept):
        end = kept[n + 1][1] if n + 1 < len(kept) else len(text)
        pieces.append(Clause(marker, start, body, end, name, _arrivals(text, start, body, end)))
    return pieces


def _between(sorted_positions: list[int], start: int, end: int) -> list[int]:
    return sorted_positions[bisect_left(sorted_positions, start) : bisect_left(sorted_positions, end)]


def _arrivals(text: str, start: int, body: int, end: int) -> tuple[tuple[int, bool], ...]:
    found = []
    for match in _ARRIVAL.finditer(text, body, end):
        before = text[max(start, match.start() - 60) : match.start()]
        if _NOT_ARRIVING.search(before) or not (match["beg"] or _ARRIVING.search(before)):
            continue
        found.append(
            (
                match.start(),
                bool(match["true"]) or "true" in match.group().lower() or (match["short"] or "").lower().startswith("t"),
            )
        )
    return tuple(found)
