"""
Field codes: the words that a crew keys in with a point, and what each of them means.

A description is read word by word: ``EP1 B FL2 E`` is the figure EP1, which begins here, and the figure FL2, which ends here.
Capitals do not matter. A feature code may have a number (EP1, EP2), which tells figures of one kind apart. Control codes come after
the figure they are for, or, if the description begins with one, before it. What is neither, after a feature, is a word about it:
``TREE 12 OAK``. The codes are data: ``field_codes.toml``.
"""

import re
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from citygis.city import City
from citygis.settings import Settings, check, read_toml

VERBS = (
    "begin",
    "continue",
    "end",
    "close",
    "begin_curve",
    "end_curve",
    "circle",
    "rectangle",
    "right_turn",
    "extend",
    "horizontal_offset",
    "vertical_offset",
    "stop_offsets",
    "connect_point",
    "recall_point",
    "escape",
)
"""What a control code can do."""

_NUMBERED = {"circle": False, "rectangle": False, "extend": True, "horizontal_offset": True, "vertical_offset": True}
"""Verbs that take a length, and whether they must."""
_POINTED = ("connect_point", "recall_point")
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
_LONGEST = 1_000
"""Characters of a description that are read: what is longer is no field code."""


class FeatureCode(Settings):
    """
    One feature code: its geometry, the City layer it belongs in (null for none), the attributes it implies, and names for the words
    that follow it, in order; words beyond the last name go to the last, words without any name to ``note``.
    """

    title: str
    geometry: Literal["point", "line", "polygon"]
    layer: str | None = None
    attributes: dict[str, str] = {}
    words: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _names(self) -> "FeatureCode":
        taken = [name for name in (*self.attributes, *self.words) if name in RESERVED]
        if taken:
            raise ValueError(f"`{taken[0]}` is a column of every figure. Must be another name.")
        return self


RESERVED = frozenset(
    [
        "figure",
        "shot",
        "name",
        "code",
        "layer",
        "method",
        "closed",
        "ended",
        "offset_ft",
        "vertical_offset_ft",
        "shots",
        "length_ft",
        "area_sqft",
        "elevation_ft",
        "note",
        "geometry",
        "source_id",
        "source_ref",
    ]
)
"""Columns of figures that an attribute cannot be called."""


class ControlCodes(Settings):
    """The words of each verb."""

    begin: tuple[str, ...] = ()
    continue_: tuple[str, ...] = Field(default=(), alias="continue")
    end: tuple[str, ...] = ()
    close: tuple[str, ...] = ()
    begin_curve: tuple[str, ...] = ()
    end_curve: tuple[str, ...] = ()
    circle: tuple[str, ...] = ()
    rectangle: tuple[str, ...] = ()
    right_turn: tuple[str, ...] = ()
    extend: tuple[str, ...] = ()
    horizontal_offset: tuple[str, ...] = ()
    vertical_offset: tuple[str, ...] = ()
    stop_offsets: tuple[str, ...] = ()
    connect_point: tuple[str, ...] = ()
    recall_point: tuple[str, ...] = ()
    escape: tuple[str, ...] = ()


class FieldCodes(Settings):
    """All codes of a City. ``settled`` says of a word that is both a control and a feature code which it is."""

    control: ControlCodes
    feature: dict[str, FeatureCode]
    settled: dict[str, Literal["control", "feature"]] = {}

    @field_validator("feature")
    @classmethod
    def _spelt(cls, value: dict[str, FeatureCode]) -> dict[str, FeatureCode]:
        for code in value:
            if not re.fullmatch(r"[A-Z][A-Z0-9_-]*", code):
                raise ValueError(f"feature code {code!r}. Must be capitals and digits, beginning with a letter.")
        return value

    @model_validator(mode="after")
    def _unique(self) -> "FieldCodes":
        words = [word for verb in VERBS for word in self._words(verb)]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            raise ValueError(f"`{twice[0]}` has two meanings among the control codes. Must have one.")
        idle = sorted(set(self.settled) - self.ambiguous)
        if idle:
            raise ValueError(
                f"`settled.{idle[0]}`: that word is not both a control and a feature code, so there is nothing to settle."
            )
        return self

    def _words(self, verb: str) -> tuple[str, ...]:
        return getattr(self.control, "continue_" if verb == "continue" else verb)

    @cached_property
    def ambiguous(self) -> frozenset[str]:
        """Words that are both a control and a feature code."""
        return frozenset(word for verb in VERBS for word in self._words(verb)) & frozenset(self.feature)

    @cached_property
    def _verbs(self) -> list[tuple[str, re.Pattern]]:
        patterns = []
        for verb in VERBS:
            tail = ""
            if verb in _NUMBERED:
                tail = f"({_NUMBER})" + ("" if _NUMBERED[verb] else "?")
            elif verb in _POINTED:
                tail = r"([A-Z0-9_.-]+)" + ("?" if verb == "recall_point" else "")
            words = "|".join(re.escape(word) for word in sorted(self._words(verb), key=len, reverse=True))
            if words:
                patterns.append((verb, re.compile(f"(?:{words}){tail}", re.ASCII)))
        return patterns

    def verb(self, word: str) -> tuple[str, str | None] | None:
        """The verb of a control code and the number or point after it; None if it is no control code."""
        for verb, pattern in self._verbs:
            if found := pattern.fullmatch(word):
                return verb, (found[1] if found.groups() else None)
        return None

    def feature_of(self, word: str) -> str | None:
        """The feature code of a figure's name (EP of EP1); None if there is none."""
        if word in self.feature:
            return word
        bare = word.rstrip("0123456789")
        return bare if bare in self.feature else None


class Mention(NamedTuple):
    """
    One figure or point in a description: its name (EP1), its code (EP, None if unknown), what is done to it, and words about it.
    """

    figure: str
    code: str | None
    controls: tuple[tuple[str, str | None], ...]
    words: tuple[str, ...]


class Description(NamedTuple):
    """A description read: what it mentions, controls for nothing, and words read in one of two ways, with the way."""

    mentions: tuple[Mention, ...]
    idle: tuple[str, ...]
    doubtful: tuple[tuple[str, str], ...]


def field_codes(city: City | None = None) -> FieldCodes:
    """
    The field codes of a City.

    Parameters
    ----------
    city : City, optional
        Its folder's ``field_codes.toml``, where there is one, is laid over the packaged codes, key by key.

    Raises
    ------
    SettingsError
        If the City's file has an unknown key, or gives one control word two meanings.
    """
    tables, where = _packaged(), "field_codes.toml"
    if city is not None and city.folder is not None and (path := Path(city.folder) / "field_codes.toml").is_file():
        own, where = read_toml(path), str(path)
        merged = {name: {**tables[name], **own[name]} for name in tables if isinstance(own.get(name), dict)}
        tables = {**tables, **own, **merged}
    return check(tables, FieldCodes, where)


def described(text: str, codes: FieldCodes) -> Description:
    """
    A description read by the codes.

    Parameters
    ----------
    text : str
        As keyed in.
    codes : FieldCodes

    Returns
    -------
    Description
        A word that is both a control and a feature code, and not settled, is a control code after a line or polygon and a feature
        otherwise; with a number after it (BC1) it is a feature, unless the control takes one.
    """
    words = text[:_LONGEST].upper().split()
    made: list[tuple[str, str | None, list, list]] = []
    waiting, idle, doubtful = [], [], []
    leads = False
    for place, word in enumerate(words):
        control, code = codes.verb(word), codes.feature_of(word)
        in_figure = bool(made) and (made[-1][1] is None or codes.feature[made[-1][1]].geometry != "point")
        if control and code is not None and (bare := word if word in codes.ambiguous else code) in codes.ambiguous:
            settled = codes.settled.get(bare)
            reading = settled or ("control" if in_figure else "feature")
            if settled is None:
                doubtful.append((bare, reading))
            control, code = (control, None) if reading == "control" else (None, code)
        if control and control[0] == "escape":
            if made:
                made[-1][3].extend(words[place + 1 :])
            break
        turning = bool(made) and any(verb == "right_turn" for verb, _ in made[-1][2])
        if turning and re.fullmatch(_NUMBER, word):
            made[-1][2].append(("turn", word))
        elif code is not None:
            made.append((word, code, waiting, []))
            waiting = []
        elif control and (leads or not made):
            leads = True
            waiting.append(control)
        elif control and in_figure:
            made[-1][2].append(control)
        elif not made:
            made.append((word, None, waiting, []))
            waiting = []
        elif place + 1 < len(words) and (after := codes.verb(words[place + 1])) and after[0] == "begin" and not control:
            made.append((word, None, [], []))  # an unknown name that is told to begin was meant as a figure
        else:
            made[-1][3].append(word)
    if waiting and made:
        made[-1][2].extend(waiting)
    elif waiting:
        idle = [verb for verb, _ in waiting]
    mentions = tuple(Mention(name, code, tuple(controls), tuple(said)) for name, code, controls, said in made)
    return Description(mentions, tuple(idle), tuple(doubtful))


@cache
def _packaged() -> dict:
    with resources.as_file(resources.files("citygis.captures") / "field_codes.toml") as path:
        return read_toml(path)
