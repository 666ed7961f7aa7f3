"""
The words of legal descriptions, as data: ``words.toml``.
"""

import re
from functools import cache
from importlib import resources

from pydantic import Field, field_validator

from citygis.settings import Settings, check, read_toml


class Gate(Settings):
    """Below which shares of legible words, of known words and of legible numbers a text is refused."""

    least_legible_words: float = Field(ge=0, le=1)
    least_known_words: float = Field(ge=0, le=1)
    least_legible_numbers: float = Field(ge=0, le=1)


class Vocabulary(Settings):
    """The words that a legible description is made of, parted by blanks."""

    words: str


class DeedWords(Settings):
    """How scans misspell the words that carry the structure; the vocabulary; the gate."""

    spellings: dict[str, tuple[str, ...]]
    vocabulary: Vocabulary
    gate: Gate

    @field_validator("spellings")
    @classmethod
    def _are_patterns(cls, spellings: dict) -> dict:
        for patterns in spellings.values():
            for pattern in patterns:
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return spellings


@cache
def deed_words() -> DeedWords:
    """The words that ship with citygis."""
    with resources.as_file(resources.files("citygis.readers.deed") / "words.toml") as path:
        return check(read_toml(path), DeedWords, path.name)


@cache
def vocabulary() -> frozenset[str]:
    """Every word of the vocabulary, in lower case."""
    return frozenset(deed_words().vocabulary.words.split())
