"""
The gate: whether a text is legible enough to be read at all.
"""

import re
from collections import Counter
from typing import NamedTuple

from citygis.readers.deed.figures import Gathered
from citygis.readers.deed.repair import CleanText
from citygis.readers.deed.tokens import Tokens
from citygis.readers.deed.words import deed_words, vocabulary

_WORD = re.compile(r"\S+")
_MEANT_AS_WORD = re.compile(r"[A-Za-z]{2}")
_NUMBERED = re.compile(
    r"[\d.,°'\"]+(?:ft|feet|deg)?|\d+(?:st|nd|rd|th)|[NSEWTR]?\d+[A-Z]?(?:[NSEW])?|[NSEW]|(?:north|south|east|west)\d*[°'\"\d]*",
    re.I,
)
_PLAIN_NUMBER = re.compile(r"[(\"']*[NSEW]?\.?\d[\d.,°'\"/-]*[NSEW]?[)\"'.,;:]*", re.I)

FEWEST = 3
"""A text is not refused for fewer illegible words or numbers than this."""


MENDED = 0.5
"""How much of a word is missing that was misspelt in a known way: what it says is certain, what it says of the scan is not good."""


class Quality(NamedTuple):
    """
    How legible a text is.

    Attributes
    ----------
    legible_words : float
        Share of its words that are words: letters only, not mixed with digits and marks; one that had to be mended is half a word.
    known_words : float
        Share of its words that are of the vocabulary of descriptions, or written like names.
    legible_numbers : float
        Share of the bearings, angles and lengths that could be read.
    thence, courses : int
        How often the text says thence, and the calls that were found.
    repairs : int
    is_readable : bool
    """

    legible_words: float
    known_words: float
    legible_numbers: float
    thence: int
    courses: int
    repairs: int
    is_readable: bool


def quality(raw: str, clean: CleanText, tokens: Tokens, found: Gathered, *, least_words: float | None = None) -> Quality:
    """
    How legible a text is, against the gate of ``words.toml``.

    Parameters
    ----------
    raw : str
        As given.
    clean : CleanText
        Its misspelt words that were mended count half.
    tokens : Tokens
    found : Gathered
    least_words : float, optional
        In place of the shares that the gate asks for.

    Returns
    -------
    Quality
    """
    gate = deed_words().gate
    joined = re.sub(r"-\s*\n\s*(?=[a-z])", "", raw)
    counted = Counter(_WORD.findall(joined))
    counted = {word: n for word, n in counted.items() if _MEANT_AS_WORD.search(word) and not _PLAIN_NUMBER.fullmatch(word)}
    mended = sum(repair.rule == "misspelt word" for repair in clean.repairs)
    count = max(sum(counted.values()), 1)
    legible = max(sum(n for word, n in counted.items() if _is_word(word)) - MENDED * mended, 0) / count if counted else 1.0
    known = sum(n for word, n in counted.items() if _is_known(word)) / count if counted else 1.0
    # What only lacks its unit or notation is legible: a person can state it.
    numbers = [token.value is not None or bool({"no unit", "bare decimal"} & set(token.rules)) for token in tokens.tokens]
    share = sum(numbers) / len(numbers) if numbers else 1.0
    courses = sum(len(figure.calls) for figure in found.figures)
    least = (gate.least_legible_words, gate.least_known_words, gate.least_legible_numbers)
    least = least if least_words is None else tuple(min(one, least_words) for one in least)
    # A share of a handful says nothing.
    enough = (count * (1 - legible) >= FEWEST, count * (1 - known) >= FEWEST, len(numbers) - sum(numbers) >= FEWEST)
    readable = not any(some and value < limit for some, value, limit in zip(enough, (legible, known, share), least, strict=True))
    return Quality(legible, known, share, found.thence, courses, len(clean.repairs) + len(tokens.repairs), readable)


def _parts(word: str) -> list[str]:
    plain = word.strip("().,;:\"'[]“”’!?-&•").removesuffix("'s").removesuffix("’s")
    return [part for part in re.split(r"[-/&,.;:]+", plain) if part]


def _is_word(word: str) -> bool:
    return all(
        (part.isalpha() and not re.search(r"[a-z][A-Z]{1,2}(?![a-z])|[A-Z]{2,}[a-z]", part))
        or _NUMBERED.fullmatch(part)
        or part.lower() in vocabulary()
        for part in _parts(word)
    )


def _is_known(word: str) -> bool:
    return all(
        part.lower() in vocabulary() or re.fullmatch(r"[A-Z][a-z]+(?:[A-Z][a-z]+)?", part) or _NUMBERED.fullmatch(part)
        for part in _parts(word)
    )
