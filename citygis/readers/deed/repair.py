"""
What a scanner did to a description, undone where the text itself tells; every repair is kept with what stood there.

Here only whole words, line breaks and marks are mended. Numbers are mended where they are read (`citygis.readers.deed.numerals`),
because only their place tells what they are.
"""

import re
from bisect import bisect_right
from functools import cache
from typing import NamedTuple

from citygis.readers.deed.words import deed_words

_ONE_FOR_ONE = str.maketrans(
    {
        **dict.fromkeys("º˚∘¦", "°"),
        **dict.fromkeys("′’‘´ʹ", "'"),
        **dict.fromkeys("″”“ʺ", '"'),
        **dict.fromkeys("\r\n\t\f\v\xa0\u2009\u202f\u2028", " "),
        **dict.fromkeys("‐‑–—−", "-"),
        "⟂": " ",
        "∆": "Δ",
    }
)
_BROKEN_WORD = re.compile(r"(?<=[A-Za-z])-[ \t]*\r?\n[ \t]*(?=[a-z])")
_LOST_MARK = re.compile(r"(?<=\d)[¦\ufffd](?=\s?\d)|(?<=\d)Â(?=°)|\xad")
_FRACTIONS = {"¼": "1/4", "½": "1/2", "¾": "3/4", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8", "⅓": "1/3", "⅔": "2/3"}
_FRACTION = re.compile(rf"(?<=\d)\s?([{''.join(_FRACTIONS)}])")
_RUN_ON = re.compile(r"thence(?=north|south|east|west|along|continu|run)", re.I)
_UNITS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_VALUES = {word: n for n, word in enumerate(_UNITS)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_SPELT = re.compile(
    (
        rf"\b(?:(?P<tens>{'|'.join(_TENS)})(?:[\s-]+(?P<ones>{'|'.join(_UNITS[1:10])}))?|(?P<unit>{'|'.join(_UNITS)}))"
        rf"(?=\s+(?:degrees?|minutes?|seconds?)\b)"
    ),
    re.I,
)
_IN_WORDS = re.compile(r"[a-z]\s+(?:degree|minute|second)", re.I)


class Repair(NamedTuple):
    """
    One thing mended: what stood there, what it was read as, by which rule, and where (characters of the text as given).

    `alters_number` where digits were changed or supplied; such a number always raises a finding.
    """

    raw: str
    fixed: str
    rule: str
    start: int
    end: int
    alters_number: bool = False


class CleanText(NamedTuple):
    """
    The text that is read. `shifts` gives, from some position of it on, how much further the same character lies in the text as
    given: pairs of position and shift.
    """

    text: str
    shifts: tuple[tuple[int, int], ...]
    repairs: tuple[Repair, ...]

    def origin(self, position: int) -> int:
        """Where a position of the clean text lies in the text as given."""
        return position + self.shifts[bisect_right(self.shifts, position, key=lambda pair: pair[0]) - 1][1]


def cleaned(text: str) -> CleanText:
    """
    A description with its words put together again.

    Parameters
    ----------
    text : str
        As scanned, pasted or typed.

    Returns
    -------
    CleanText
        One line. Its repairs count their place in `text`.
    """
    edits = [(m.start(), m.end(), "", "broken word") for m in _BROKEN_WORD.finditer(text)]
    edits += [(m.start(), m.end(), "" if m.group() in "Â\xad" else "°", "mark") for m in _LOST_MARK.finditer(text)]
    # A word may be both broken over a line and misspelt; the spelling is looked at with the line put together.
    text_1, shifts_1, repairs_1 = _edited(text, sorted(edits))
    plain = text_1.translate(_ONE_FOR_ONE)
    edits = []
    pattern, words = _spellings()
    for found in pattern.finditer(plain):
        word = words[found.lastgroup]
        edits.append((found.start(), found.end(), word.upper() if found.group().isupper() else word, "misspelt word"))
    edits += [
        (m.start(), m.end(), _number_of(m), "number in words") for m in (_SPELT.finditer(plain) if _IN_WORDS.search(plain) else ())
    ]
    edits += [(m.start(), m.end(), " " + _FRACTIONS[m.group(1)], "fraction") for m in _FRACTION.finditer(plain)]
    edits += [(m.end(), m.end(), " ", "run on") for m in _RUN_ON.finditer(plain)]
    text_2, shifts_2, repairs_2 = _edited(plain, _apart(sorted(edits)))
    first = CleanText(text_1, shifts_1, ())
    merged = sorted({p for p, _ in shifts_2} | {_forward(p, shifts_2) for p, _ in shifts_1})
    second = CleanText(text_2, shifts_2, ())
    shifts = tuple((p, first.origin(second.origin(p)) - p) for p in merged)
    moved = [r._replace(start=first.origin(r.start), end=first.origin(r.end)) for r in repairs_2]
    return CleanText(text_2, shifts, tuple(sorted([*repairs_1, *moved], key=lambda r: r.start)))


def _number_of(found: re.Match) -> str:
    return str(sum(_VALUES[word.lower()] for word in found.groups() if word))


def _edited(text: str, edits: list) -> tuple[str, tuple[tuple[int, int], ...], list[Repair]]:
    parts, shifts, repairs, at, moved = [], [(0, 0)], [], 0, 0
    for start, end, new, rule in edits:
        parts += [text[at:start], new]
        moved += (end - start) - len(new)
        shifts.append((end - moved, moved))
        raw = text[start:end]
        repairs.append(Repair(raw, new, rule, start, end))
        at = end
    parts.append(text[at:])
    return "".join(parts), tuple(shifts), repairs


def _apart(edits: list) -> list:
    kept = []
    for edit in edits:
        if not kept or edit[0] >= kept[-1][1]:
            kept.append(edit)
    return kept


def _forward(position: int, shifts: tuple[tuple[int, int], ...]) -> int:
    """The first position of the edited text that comes from `position` or later."""
    best = position
    for start, shift in shifts:
        if start + shift <= position:
            best = position - shift
    return max(best, 0)


@cache
def _spellings() -> tuple[re.Pattern, dict[str, str]]:
    groups, words = [], {}
    for n, (word, patterns) in enumerate(deed_words().spellings.items()):
        groups.append(f"(?P<w{n}>{'|'.join(patterns)})")
        words[f"w{n}"] = word
    return re.compile(rf"(?<![\w']){'(?:' + '|'.join(groups) + ')'}(?!\w)", re.I), words
