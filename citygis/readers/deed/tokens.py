"""
Tokens: the bearings, angles and lengths of a description, with where they stand and what surrounds them.
"""

import re
from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

from citygis.cogo import format_angle, format_bearing, parse_bearing
from citygis.readers.deed.numerals import LIKELY, SURE, Angle, Number, read_angle, read_number
from citygis.readers.deed.repair import CleanText, Repair

_BODY = r"""[0-9OoDQIl|SZB](?:[0-9OoDQIl|!SZB\s.,°'"`*^~:;-]|degrees?\b|deg\b|minutes?\b|min\b|seconds?\b|sec\b|and\b){0,60}?"""
_HALVES = r"\d{1,2}[\s-]+\d/\d{1,2}\s*(?:°|deg(?:rees?)?\b\.?)?"
_NUMBER = r"\d[\d,.~_OolI|SZB]{0,24}(?:\s+\d+/\d+)?"
_UNITS = {
    "foot": r"feet|foot|ft\b|'(?!')",
    "metre": r"met(?:er|re)s?|m\b(?!\.?\s+or\b)",
    "chain": r"chains?|chs?\b",
    "link": r"links?|lks?\b",
    "rod": r"rods?|rds?\b|poles?|perch(?:es)?",
    "vara": r"varas?|vrs?\b",
}
_UNIT = "|".join(f"(?P<u_{name}>{spellings})" for name, spellings in _UNITS.items())
_PARTS = "|".join(f"(?:{spellings})" for spellings in _UNITS.values()) + r"|inch(?:es)?|in\b"
_UNIT_WORDS = "|".join(f"(?:{spellings})" for spellings in _UNITS.values())
_PART_NUMBER = r"(?:\d+/\d+|\d+(?:\.\d+)?(?:[\s-]+\d+/\d+)?)"
_ANGLE = (
    r"\d{1,3}\s*(?:°|deg(?:rees?)?\b\.?,?)(?:\s*(?:and\s+)?\d{1,2}(?:\.\d+)?\s*(?:['°\"`]+|min(?:utes?)?\b\.?,?)"
    rf"(?:\s*(?:and\s+)?\d{{1,2}}(?:\.\d+)?\s*(?:[\"'`]+|sec(?:onds?)?\b\.?|(?!\d|\.\d|\s*(?:{_UNIT_WORDS}))))?)?|\d{1, 3}\.\d+\s*°"
    r"|[\dOIlSZ]{1,5}\s*\d{2}\s*'\s*\d{2}(?:\.\d+)?\s*(?:\"|''|'')|\d{1,3}-\d{2}-\d{2}(?:\.\d+)?|"
    r"[\dOIlSZ]{2,5}\s+\d{2}\s*'(?!\d)(?=\s*(?:\d{2}\s*\"|[a-z,;(]))"
)
_MASTER = re.compile(
    rf"""(?=[nsewdoilz\d(])(?:(?P<bearing>(?<![A-Za-z0-9])(?P<first>north|south|n|s)\.?[\s,]*(?P<body>{_HALVES}|{_BODY})[\s,.]*(?P<last>east|west|e|w|f)(?![a-z]))
    |(?P<angle>(?<![\d.])(?:{_ANGLE}))
    |(?P<length>(?<![\w.°/])\(?(?P<number>{_NUMBER})\)?[\s-]*(?:{_UNIT})\.?(?P<rest>(?:[\s,]*(?:and\s+)?{_PART_NUMBER}\s*(?:{_PARTS}|\")(?![a-z'])){{0,2}}))
    |(?P<due>(?<![\w.])(?:due\s+)?(?P<way>north|south|east|west|n|s|e|w)\.?,?\s+(?:(?:for\s+)?a\s+distance\s+of\s+)?(?=\d[\d,.]*\s*(?:{_PARTS})))
    |(?P<stated>(?:(?<=bears\s)|(?<=bearing\s)|(?<=bearing\sof\s))(?:due\s+)?(?P<stated_way>north|south|east|west)\b(?!\s*[\d.]))
    |(?P<bare>(?<=\bof\s)\d[\d,.]*\d(?![\d,.]*\s*(?:{_PARTS}|°|/|acres?|deg|sq|\d|%))))""".replace("\n    |", "|"),
    re.I,
)
_AFTER_BEARING = re.compile(
    rf"[\s,]*(?:(?:for\s+)?a\s+distance\s+of\s+)?(\d[\d,.]*)(?=[\s,;.)]|$)(?!\s*(?:{_PARTS}|°|/|acres?))", re.I
)
_ILLEGIBLE = re.compile(
    r"\b(?:distance|length|radius|chord)\s+of\s+(?!(?:said|the|that|curve|which)\b)(\S*[\d~�]\S*)\s*(?:feet|ft|')?", re.I
)


_BROKEN_BEARING = re.compile(
    r"(?<![A-Za-z])(?:north|south|n|s)\.?[\s,]*\d[^;A-Za-z]{0,20}(?:(?:deg|min|sec)[a-z]*\.?[^;A-Za-z]{0,12}){0,3}$", re.I
)
_HEADLESS = re.compile(r"(?<![A-Za-z])[lIO|!~][.,]$")
_MARKED = re.compile(r"[°/]|deg", re.I)


_PART = re.compile(rf"({_PART_NUMBER})\s*({_PARTS}|\")", re.I)


class Token(NamedTuple):
    """
    A bearing, an angle or a length.

    Attributes
    ----------
    kind : {"bearing", "cardinal", "angle", "length"}
    value : float or None
        Azimuth in degrees, degrees, or a number of `unit`; None where it is illegible.
    start, end : int
        In the clean text.
    half : float
        Half of its last place: seconds of angles, units of lengths.
    """

    kind: str
    value: float | None
    start: int
    end: int
    raw: str
    unit: str | None = None
    half: float = 0.0
    confidence: float = SURE
    rules: tuple[str, ...] = ()
    other: float | None = None
    tail: tuple[tuple[float, str], ...] = ()


class Tokens(NamedTuple):
    """All tokens of a text in order, the repairs made in reading them, and the unit that the document uses most."""

    tokens: tuple[Token, ...]
    repairs: tuple[Repair, ...]
    unit: str | None
    ring_as_zero: bool | None


def tokenized(clean: CleanText, *, notation: str | None = None, unit: str | None = None) -> Tokens:
    """
    The bearings, angles and lengths of a description.

    Parameters
    ----------
    clean : CleanText
        From `citygis.readers.deed.repair.cleaned`.
    notation : {"decimal", "packed"}, optional
        What a bare decimal in a bearing is.
    unit : str, optional
        Of numbers without one; by default the unit that all others of the document have.

    Returns
    -------
    Tokens
    """
    matches = list(_MASTER.finditer(clean.text))
    ring = _ring_of(matches, notation)
    tokens: list[Token] = []
    for found in matches:
        token = _token(found, ring, notation)
        if token is not None:
            tokens.append(token)
    tokens = _with_bare_distances(clean.text, tokens)
    units = Counter(token.unit for token in tokens if token.kind == "length" and token.unit)
    common = unit or (units.most_common(1)[0][0] if units else None)
    tokens = [_with_unit(token, common) for token in tokens]
    repairs = [
        Repair(token.raw, _shown(token), ", ".join(token.rules), clean.origin(token.start), clean.origin(token.end - 1) + 1, True)
        for token in tokens
        if token.rules and token.value is not None
    ]
    return Tokens(tuple(tokens), tuple(repairs), common, ring)


def _ring_of(matches: list, notation: str | None) -> bool | None:
    seen = set()
    for found in matches:
        if found.lastgroup in ("bearing", "angle") and "°" not in found.group():
            body = found.group("body") if found["bearing"] else found.group()
            seen.add(read_angle(body, most_deg=90 if found["bearing"] else 360, notation=notation).ring)
    seen.discard(None)
    return seen.pop() if len(seen) == 1 else None


def _token(found: re.Match, ring: bool | None, notation: str | None) -> Token | None:
    start, end, raw = found.start(), found.end(), found.group()
    if found["bearing"]:
        if not re.search(r"\d", found["body"]):
            return None  # "South Side" is no bearing
        angle = read_angle(found["body"], most_deg=90, ring_as_zero=ring, notation=notation)
        if found["last"].upper() == "F":
            angle = angle._replace(rules=(*angle.rules, "F for E"), confidence=min(angle.confidence, LIKELY))
        first, last = found["first"][0].upper(), found["last"][0].upper().replace("F", "E")
        value = None if angle.degrees is None else _azimuth(first, angle.degrees, last)
        other = None if angle.other is None else _azimuth(first, angle.other, last)
        return Token("bearing", value, start, end, raw, None, angle.half_s, angle.confidence, angle.rules, other)
    if found["angle"]:
        angle: Angle = read_angle(raw, most_deg=359.999, ring_as_zero=ring)
        return Token("angle", angle.degrees, start, end, raw, None, angle.half_s, angle.confidence, angle.rules, angle.other)
    if found["due"]:
        way = found["way"]
        before = _BROKEN_BEARING.search(found.string, max(0, start - 60), start)
        if before and way[0].upper() in "EW" and _MARKED.search(before.group()):
            # The end of a bearing that could not be read is not due east.
            return Token("bearing", None, before.start(), found.end("way"), before.group() + way, None, 0.0, 0.0, ("illegible",))
        return Token("cardinal", parse_bearing(way), start, found.end("way"), raw.strip(" ,"))
    if found["stated"]:
        return Token("cardinal", parse_bearing(found["stated_way"]), start, end, raw)
    if found["bare"]:
        number = read_number(raw)
        return _length(number, None, start, end, raw)
    unit = next(name for name in _UNITS if found[f"u_{name}"])
    number = read_number(found["number"])
    if _HEADLESS.search(found.string, max(0, start - 3), start):
        number = Number(None, 0.0, ("illegible",))  # of l,250.5 the first digit is not to be left off
    return _length(number, unit, start, end, raw, _tail(found["rest"]))


def _tail(rest: str | None) -> tuple[tuple[float, str], ...]:
    parts = []
    for found in _PART.finditer(rest or ""):
        number, spelling = found.groups()
        whole = re.sub(r"(?:^|[\s-]+)\d+/\d+$", "", number)
        value = float(whole or 0)
        if fraction := re.search(r"(\d+)/(\d+)$", number):
            value += int(fraction[1]) / max(int(fraction[2]), 1)
        unit = next((name for name, pattern in _UNITS.items() if re.fullmatch(pattern, spelling, re.I)), "inch")
        parts.append((value, unit))
    return tuple(parts)


def _length(number: Number, unit: str | None, start: int, end: int, raw: str, tail: tuple = ()) -> Token:
    value = number.value if number.value is None or number.value > 0 else None
    return Token("length", value, start, end, raw, unit, number.half, number.confidence, number.rules, None, tail)


def _azimuth(first: str, degrees: float, last: str) -> float:
    north = degrees if first == "N" else 180 - degrees
    return (north if last == "E" else -north) % 360


def _with_bare_distances(text: str, tokens: list[Token]) -> list[Token]:
    """A number right after a bearing is its distance, unit or no unit; and a distance that no digit can be read of is one too."""
    more = []
    for n, token in enumerate(tokens):
        if token.kind != "bearing" or not (found := _AFTER_BEARING.match(text, token.end)):
            continue
        if n + 1 == len(tokens) or tokens[n + 1].start >= found.end(1):
            more.append(_length(read_number(found.group(1)), None, *found.span(1), found.group(1)))
    taken = sorted((token.start, token.end) for token in [*tokens, *more])
    for found in _ILLEGIBLE.finditer(text):
        # The last token that begins before the passage ends is the only one that can lie in it.
        at = bisect_left(taken, (found.end(), 0)) - 1
        if at < 0 or taken[at][1] <= found.start(1):
            more.append(Token("length", None, *found.span(1), found.group(1), None, confidence=0.0))
    return sorted([*tokens, *more], key=lambda token: token.start)


def _with_unit(token: Token, common: str | None) -> Token:
    if token.kind != "length" or token.unit is not None or token.value is None:
        return token
    if common is None:
        return token._replace(value=None, confidence=0.0, rules=(*token.rules, "no unit"))
    return token._replace(unit=common, confidence=min(token.confidence, LIKELY), rules=(*token.rules, "unit of the document"))


def _shown(token: Token) -> str:
    if token.kind == "length":
        return f"{token.value:g} {token.unit}"
    return format_angle(token.value) if token.kind == "angle" else format_bearing(token.value)
