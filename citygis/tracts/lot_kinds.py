"""What a lot of a map becomes in the City's layers, by its number: rules in ``lot_kinds.toml``."""

import re
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import field_validator

from citygis.settings import Settings, load


class LotRule(Settings):
    """
    A regular expression for the whole number of a lot; the City layer it goes to, and the ``parcel_kind`` or ``row_kind`` it has
    there. ``look``: a person is told.
    """

    pattern: str
    layer: Literal["parcel", "right_of_way"]
    kind: str
    look: bool = False

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"is not a regular expression: {error}.") from None
        return value


class LotKinds(Settings):
    """The rules, in the order they are tried."""

    rule: tuple[LotRule, ...]


@cache
def lot_kinds() -> tuple[LotRule, ...]:
    """The rules that ship with citygis."""
    with resources.as_file(resources.files("citygis.tracts") / "lot_kinds.toml") as path:
        return load(path, LotKinds).rule


def lot_rule(lot: str) -> LotRule:
    """The rule of a lot's number; the last one of the packaged rules holds for any."""
    return next(rule for rule in lot_kinds() if re.fullmatch(rule.pattern, lot))
