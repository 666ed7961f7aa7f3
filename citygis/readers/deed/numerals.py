"""
Angles and numbers as scanners leave them: a ring read as 0, letters in place of digits, a comma for the point.

Each answer says what was repaired and how sure it is; a number of which two readings are as good comes back as none.
"""

import re
from typing import NamedTuple

from citygis.cogo import parse_angle

_LETTERS = str.maketrans("OoDQIl|!iSsZzB", "00001111155228")
_LETTER = re.compile(r"[OoDQIl|!iSsZzB]")
_WORDS = (
    (re.compile(r"\s*deg(?:ree)?s?\b\.?,?\s*", re.I), "°"),
    (re.compile(r"\s*min(?:ute)?s?\b\.?,?\s*", re.I), "'"),
    (re.compile(r"\s*sec(?:ond)?s?\b\.?,?\s*", re.I), '"'),
)
_AND = re.compile(r"[\s,]*\band\b\s*", re.I)
_RING_MARKS = re.compile(r"(?<=\d)\s*[*^~]\s*(?=\d)|(?<=\d)o(?=\d\d\s*')")
_CLEAN = re.compile(r"(\d{1,3})°\s*(\d{2})'\s*(\d{2}(?:\.\d+)?)\"")
_FULL = re.compile(r"(\d{1,3})\s*°\s*(?:(\d{1,2}(?:\.\d+)?)\s*(['°\"`]*)\s*(?:(\d{1,2}(?:\.\d+)?)\s*(['\"`°.;]*))?)?")
_DECIMAL = re.compile(r"(\d{1,3}\.\d+)\s*°?")
_HALVES = re.compile(r"(\d{1,2})[\s-]+(\d)/(\d{1,2})\s*°?")
_HYPHENS = re.compile(r"(\d{1,3})\s*[-:]\s*(\d{1,2})(?:\s*[-:]\s*(\d{1,2}(?:\.\d+)?))?")
_DOTS = re.compile(r"(\d{1,3})\.(\d{2})\.(\d{2})")
_BLANKS = re.compile(r"(\d{1,3})\s+(\d{1,2})(?:\s+(\d{1,2}(?:\.\d+)?))?")
_NO_RING = re.compile(r"(\d{1,5})\s*(?:(\d{2})\s*)?['\"`]+\s*(?:(\d{2}(?:\.\d+)?)\s*['\"`1;]*)?")
_APART_RING = re.compile(r"(\d{1,3})\s+0\s+(\d{2})\s*'\s*(\d{2}(?:\.\d+)?)\s*[\"'`]*")
_SOLID = re.compile(r"(\d{2})0(\d{2})1\s*(\d{2})[1\"'`;]*")
_AS_WRITTEN = re.compile(r"\d{1,12}(?:\.\d{1,6})?")
_PLAIN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+")

SURE, LIKELY, DOUBTFUL = 1.0, 0.8, 0.5
"""Confidence of a number as it stands, of one that only one reading explains, and of one whose reading rests on the other
numbers."""


class Angle(NamedTuple):
    """
    An angle that was read: degrees (None where illegible), how sure, which rules mended it, and its other reading if it has one.

    `ring` says what it tells about the document: True that its rings were read as 0, False that they were lost.
    """

    degrees: float | None
    confidence: float
    rules: tuple[str, ...] = ()
    other: float | None = None
    ring: bool | None = None
    half_s: float = 0.5


class Number(NamedTuple):
    """A number that was read: its value (None where illegible), how sure, which rules mended it, half its last place."""

    value: float | None
    confidence: float
    rules: tuple[str, ...] = ()
    half: float = 0.0


def read_angle(text: str, *, most_deg: float, ring_as_zero: bool | None = None, notation: str | None = None) -> Angle:
    """
    An angle of a bearing or of a curve.

    Parameters
    ----------
    text : str
        Without the letters of the quadrant.
    most_deg : float
        90 in a bearing, 360 elsewhere: what tells 280 13' 56" from 28°13'56".
    ring_as_zero : bool, optional
        Whether the scanner of this document read the degree sign as 0: known from its certain cases, needed for the others.
    notation : {"decimal", "packed"}, optional
        What a bare decimal is; without it such an angle is illegible.

    Returns
    -------
    Angle
    """
    if found := _CLEAN.fullmatch(text.strip()):
        return _angle(*found.groups(), [], most_deg)
    rules = []
    clean = _AND.sub(" ", text.strip().strip(" ,.;-"))
    for pattern, mark in _WORDS:
        clean = pattern.sub(mark, clean)
    if _RING_MARKS.search(clean):
        clean = _RING_MARKS.sub("°", clean)
        rules.append("degree mark")
    if _LETTER.search(clean):
        clean = _LETTER.sub(lambda m: m.group().translate(_LETTERS), clean)
        rules.append("letter for digit")
    if found := _FULL.fullmatch(clean.strip(" .,")):
        degrees, minutes, mark, seconds, last = found.groups()
        if seconds and len(seconds) == 1 and not (last and set(last) <= set("'\"")):
            return Angle(None, 0.0, ("lost digit",))
        if mark and "'" not in mark:
            rules.append("minute mark")
        if last and set(last) != {'"'} and last != "''":
            rules.append("second mark")
        return _angle(degrees, minutes, seconds, rules, most_deg)
    if found := _APART_RING.fullmatch(clean):
        return _angle(*found.groups(), [*rules, "ring read as 0"], most_deg, ring=True, sure=LIKELY)
    if found := _HALVES.fullmatch(clean):
        whole, part, parts = (int(n) for n in found.groups())
        value = whole + part / max(parts, 1)
        if part >= parts or value > most_deg:
            return Angle(None, 0.0, ("illegible",))
        return Angle(value, SURE, tuple(rules), half_s=1800.0 / parts)
    if found := _DOTS.fullmatch(clean):
        return _angle(*found.groups(), [*rules, "points as marks"], most_deg, sure=LIKELY)
    if found := _DECIMAL.fullmatch(clean):
        if "°" not in clean and notation is None:
            return Angle(None, 0.0, ("bare decimal",))
        value = parse_angle(found.group(1), notation="decimal" if "°" in clean else notation)
        half = 1800.0 * 10.0 ** -len(found.group(1).partition(".")[2])
        return Angle(value, SURE, tuple(rules), half_s=half) if value <= most_deg else Angle(None, 0.0, ("beyond the circle",))
    if found := _HYPHENS.fullmatch(clean):
        return _angle(*found.groups(), rules, most_deg)
    if found := _SOLID.fullmatch(clean):
        return _angle(*found.groups(), [*rules, "marks read as digits"], most_deg, ring=True, sure=DOUBTFUL)
    if found := _BLANKS.fullmatch(clean):
        return _angle(*found.groups(), rules, most_deg)
    if found := _NO_RING.fullmatch(clean):
        return _without_ring(*found.groups(), rules, most_deg, ring_as_zero)
    if re.fullmatch(r"\d{1,2}", clean):
        return _angle(clean, None, None, rules, most_deg)
    return Angle(None, 0.0, tuple(rules) or ("illegible",))


def _without_ring(head: str, minutes: str | None, seconds: str | None, rules: list, most: float, ring: bool | None) -> Angle:
    """Degrees and minutes with no degree mark between: it was lost, or read as a 0."""
    if minutes is None:
        if len(head) < 3:
            return Angle(None, 0.0, (*rules, "no degrees"))
        if len(head) == 3 and seconds is not None:
            return Angle(None, 0.0, (*rules, "illegible"))
        head, minutes = head[:-2], head[-2:]
        if not head.endswith("0"):
            return (
                Angle(None, 0.0, (*rules, "degree mark lost"))
                if len(head) > 2
                else _angle(head, minutes, seconds, [*rules, "degree mark lost"], most, sure=DOUBTFUL)
            )
    as_ring = (
        _angle(head[:-1], minutes, seconds, [*rules, "ring read as 0"], most, ring=True, sure=LIKELY)
        if (head.endswith("0") and len(head) > 1)
        else None
    )
    lost = False if not head.endswith("0") else None
    as_lost = _angle(head, minutes, seconds, [*rules, "degree mark lost"], most, ring=lost, sure=LIKELY) if len(head) <= 3 else None
    if as_lost is not None and as_lost.degrees is None:
        as_lost = None
    if as_ring is not None and as_ring.degrees is None:
        as_ring = None
    if as_ring and as_lost:
        if ring is None:
            # Two readings, and nothing yet that tells: the caller may know what the curve's other elements say.
            return Angle(None, 0.0, ("two readings",), other=as_ring.degrees)
        chosen, spare = (as_ring, as_lost) if ring else (as_lost, as_ring)
        return chosen._replace(confidence=DOUBTFUL, other=spare.degrees, ring=None)
    return as_ring or as_lost or Angle(None, 0.0, (*rules, "illegible"))


def _angle(degrees, minutes, seconds, rules, most_deg, *, ring=None, sure=SURE) -> Angle:
    m, s = float(minutes or 0), float(seconds or 0)
    if m >= 60 or s > 60:  # a 60" that a program did not carry is carried; 60' is a mistake
        return Angle(None, 0.0, (*rules, "60 minutes or seconds"), ring=ring)
    value = (int(degrees) * 3600 + m * 60 + s) / 3600
    if value > most_deg:
        return Angle(None, 0.0, (*rules, "beyond the circle"))
    if seconds:
        half = 0.5 * 10.0 ** -len(seconds.partition(".")[2])
    elif minutes:
        half = 30.0 * 10.0 ** -len(minutes.partition(".")[2])
    else:
        half = 1800.0
    if "letter for digit" in rules:
        sure = min(sure, LIKELY)
    return Angle(value, sure, tuple(rules), ring=ring, half_s=half)


def read_number(text: str) -> Number:
    """
    A length or an area as a scanner leaves it.

    Parameters
    ----------
    text : str
        Digits, with what a scanner may put between them.

    Returns
    -------
    Number
        Illegible where a place of it is: ``18~.50`` is not 18.50.
    """
    if _AS_WRITTEN.fullmatch(text):
        return Number(float(text), SURE, (), 0.5 * 10.0 ** -len(text.partition(".")[2]))
    rules = []
    clean = re.sub(r"\s+", "", text).rstrip("-")
    whole, _, part = text.strip().rpartition(" ")
    if found := re.fullmatch(r"(\d+)/(\d+)", part):
        base = read_number(whole)
        if base.value is None or int(found.group(2)) == 0:
            return Number(None, 0.0, ("illegible",))
        return base._replace(value=base.value + int(found.group(1)) / int(found.group(2)))
    if clean.endswith((".", ",")) and not re.fullmatch(r"\d+\.", clean):
        clean = clean.rstrip(".,")
    if _LETTER.search(clean):
        clean = _LETTER.sub(lambda m: m.group().translate(_LETTERS), clean)
        rules.append("letter for digit")
    if re.fullmatch(r"\d+,\d{1,2}", clean):
        clean = clean.replace(",", ".")
        rules.append("comma for point")
    elif re.fullmatch(r"\d{1,3}(?:,\d{3})*\.\d{3}", clean) is None and re.fullmatch(r"\d{1,3}\.\d{3}\.\d{2}", clean):
        clean = clean.replace(".", "", 1)
        rules.append("point for comma")
    if not _PLAIN.fullmatch(clean):
        return Number(None, 0.0, ("illegible",))
    decimals = len(clean.partition(".")[2])
    value = float(clean.replace(",", ""))
    return Number(value, LIKELY if rules else SURE, tuple(rules), 0.5 * 10.0**-decimals)
