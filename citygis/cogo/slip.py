"""
Slips of the pen: what a number on a document may have been before it was copied wrong.

Each function gives the values from which one slip leads to the one that is stated, by the kind of slip.
"""

import itertools
import re
from collections.abc import Iterator

from citygis.cogo.angle import dms

SLIPS = {
    "reversed": ("bearing runs the other way", 0.10),
    "quadrant": ("one letter of the quadrant is wrong", 0.20),
    "transposed": ("two digits side by side have changed places", 0.20),
    "parts_exchanged": ("degrees, minutes or seconds have changed places", 0.03),
    "slipped": ("off by one, ten or a hundred of a unit", 0.15),
    "digit": ("one digit is wrong", 0.15),
    "digit_dropped": ("a digit is missing", 0.08),
    "digit_added": ("a digit is there too many, or twice", 0.04),
    "hand": ("the curve turns the other way", 0.10),
    "arc_for_chord": ("the length of the arc is that of the chord, or the other way about", 0.05),
    "unexplained": ("no slip, but this one number makes the figure close", 0.0002),
}
"""Kinds of slip: in words, and how often one is that kind. The shares are a judgement for ranking, not counts; what they do is
measured by ``scripts/bench/blunders.py``."""


def angle_slips(angle_deg: float, *, most_deg: float = 90.0) -> Iterator[tuple[str, float]]:
    """
    Angles that one slip makes into this one.

    Parameters
    ----------
    angle_deg : float
        In [0, `most_deg`]: a quadrant angle, or a central angle. What it has beyond whole seconds is kept.
    most_deg : float
        No angle above this comes back.

    Yields
    ------
    kind, angle_deg
        Each angle once, under the first kind that leads to it.
    """
    degrees, minutes, text = dms(angle_deg)
    parts = (degrees, minutes, int(text))
    rest = angle_deg * 3600 - (degrees * 3600 + minutes * 60 + parts[2])
    width = (3 if most_deg > 99 and degrees > 99 else 2, 2, 2)
    digits = [f"{part:0{w}d}" for part, w in zip(parts, width, strict=True)]
    seen = {parts}

    def fresh(kind: str, *candidate: int) -> Iterator[tuple[str, float]]:
        d, m, s = candidate
        if candidate not in seen and 0 <= m < 60 and 0 <= s < 60 and d >= 0 and d * 3600 + m * 60 + s <= most_deg * 3600:
            seen.add(candidate)
            yield kind, (d * 3600 + m * 60 + s + rest) / 3600

    for at in range(3):
        for changed in _transposed(digits[at]):
            yield from fresh("transposed", *parts[:at], int(changed), *parts[at + 1 :])
    for one, other in ((0, 1), (1, 2)):
        swapped = list(parts)
        swapped[one], swapped[other] = swapped[other], swapped[one]
        yield from fresh("parts_exchanged", *swapped)
    total = degrees * 3600 + minutes * 60 + parts[2]
    for step in (3600, 36000, 60, 600, 1800):
        for moved in (total - step, total + step):
            if moved >= 0:
                yield from fresh("slipped", moved // 3600, moved // 60 % 60, moved % 60)
    for at in range(3):
        # 5 for 45, or for 50: the part lost one of its two digits.
        if parts[at] < 10:
            for digit in "123456789":
                yield from fresh("digit_dropped", *parts[:at], int(digit + str(parts[at])), *parts[at + 1 :])
            for digit in "0123456789":
                yield from fresh("digit_dropped", *parts[:at], int(str(parts[at]) + digit), *parts[at + 1 :])
    for at in range(3):
        for changed in _one_digit(digits[at]):
            yield from fresh("digit", *parts[:at], int(changed), *parts[at + 1 :])


def length_slips(length_ft: float, *, decimals: int = 2) -> Iterator[tuple[str, float]]:
    """
    Lengths that one slip makes into this one.

    Parameters
    ----------
    length_ft : float
    decimals : int
        As the document writes it.

    Yields
    ------
    kind, length_ft
        Each once, under the first kind that leads to it; all above 0.
    """
    text = f"{length_ft:.{decimals}f}"
    seen = {text}

    def fresh(kind: str, changed: str) -> Iterator[tuple[str, float]]:
        value = float(changed)
        plain = f"{value:.{decimals}f}"
        if plain not in seen and value > 0:
            seen.add(plain)
            yield kind, value

    for changed in _transposed(text):
        yield from fresh("transposed", changed)
    for step in (100.0, 10.0, 1.0, 1000.0):
        for moved in (length_ft + step, length_ft - step):
            yield from fresh("slipped", f"{moved:.{decimals}f}")
    for factor in (10.0, 0.1):
        yield from fresh("slipped", repr(length_ft * factor))
    for changed in _one_digit(text):
        yield from fresh("digit", changed)
    whole, point, fraction = text.partition(".")
    for at in range(len(whole) + 1):
        for digit in "0123456789":
            yield from fresh("digit_dropped", whole[:at] + digit + whole[at:] + point + fraction)
    # 120.4 that was 120.45 or 120.04: the decimals lost one of their digits, and what is left was padded with a zero.
    if fraction.endswith("0"):
        for digit in "123456789":
            yield from fresh("digit_dropped", whole + point + fraction[:-1] + digit)
            yield from fresh("digit_dropped", whole + point + digit + fraction[:-1])
    for at in range(len(whole)):
        if len(whole) > 1:
            yield from fresh("digit_added", whole[:at] + whole[at + 1 :] + point + fraction)


def _transposed(text: str) -> Iterator[str]:
    # Over the decimal point too: 120.45 for 124.05.
    places = [at for at, sign in enumerate(text) if sign != "."]
    for one, other in itertools.pairwise(places):
        if text[one] != text[other]:
            signs = list(text)
            signs[one], signs[other] = signs[other], signs[one]
            yield "".join(signs)


def _one_digit(text: str) -> Iterator[str]:
    for found in re.finditer(r"\d", text):
        for digit in "0123456789":
            if digit != found.group():
                yield text[: found.start()] + digit + text[found.end() :]
