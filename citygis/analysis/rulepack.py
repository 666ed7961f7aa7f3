"""
Rule packs: the figures of law and standards that questions rest on, as dated and cited data.

Each file of ``rules/`` is a pack. A City overlays it with ``rules/NAME.toml`` in its own folder: a rule of the same key takes the
place of the packaged one, and says whose figure it is.
"""

import datetime
import difflib
from importlib import resources
from typing import Literal

from pydantic import Field, field_validator

from citygis.analysis.answer import Citation
from citygis.city import City
from citygis.errors import SettingsError
from citygis.settings import Settings, load

Value = int | float | str | bool | tuple[int | float | str, ...]


class LegalRule(Settings):
    """
    A figure with its source. ``certainty``: ``read`` in the source, ``recalled`` and to be confirmed before it is relied on, or
    ``city``, the City's own decision.
    """

    key: str
    value: Value
    unit: str = ""
    law: str
    text: str = ""
    source: str = ""
    as_of: datetime.date | None = None
    certainty: Literal["read", "recalled", "city"] = "recalled"


class RulePack(Settings):
    """
    Rules of one question. After ``review_by`` the law is to be read again; answers say so until the date is moved.
    """

    title: str
    review_by: datetime.date
    rules: tuple[LegalRule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _each_once(cls, rules: tuple[LegalRule, ...]) -> tuple[LegalRule, ...]:
        keys = [rule.key for rule in rules]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"Must give each key once; {key!r} is there {keys.count(key)} times.")
        return rules

    def rule(self, key: str) -> LegalRule:
        """
        The rule called `key`.

        Raises
        ------
        ValueError
            If the pack has none.
        """
        for rule in self.rules:
            if rule.key == key:
                return rule
        raise ValueError(f"Invalid key {key!r}. Must be one of {self.title!r}: {', '.join(rule.key for rule in self.rules)}.")

    def __getitem__(self, key: str) -> Value:
        """The value of the rule called `key`."""
        return self.rule(key).value

    def cited(self, *keys: str, **instead: Value) -> tuple[Citation, ...]:
        """
        The rules called `keys` (all, when none is named) as citations. A value given `instead` is told as that of the one who asks.
        """
        wanted = [self.rule(key) for key in keys] or list(self.rules)
        out = []
        for rule in wanted:
            as_of = rule.as_of.isoformat() if rule.as_of else ""
            if rule.key in instead and instead[rule.key] != rule.value:
                asked = f"As asked for; {rule.law} says {rule.value:g}" if isinstance(rule.value, (int, float)) else "As asked for"
                out.append(
                    Citation(rule.key, instead[rule.key], rule.unit, f"{asked} {rule.unit}".strip(), rule.source, as_of, "city")
                )
            else:
                out.append(Citation(rule.key, rule.value, rule.unit, rule.law, rule.source, as_of, rule.certainty))
        return tuple(out)

    def overdue(self, day: datetime.date | None = None) -> list[tuple[str, str, str]]:
        """A row for `citygis.analysis.unanswered` when the day for reading the law again has passed, else none."""
        day = day or datetime.date.today()
        if day <= self.review_by:
            return []
        return [
            (
                f"Whether the law is still as in the rule pack {self.title!r}",
                f"It was to be read again by {self.review_by.isoformat()}; this is {day.isoformat()}.",
                "Have the cited sections read, then move review_by in the City's rules folder.",
            )
        ]


def rule_pack(name: str, city: City | None = None) -> RulePack:
    """
    The rule pack called `name`, with what the City says in place of it.

    Parameters
    ----------
    name : str
        File name without ``.toml``.
    city : City, optional
        Its folder's ``rules/NAME.toml`` is laid over the packaged pack, rule by rule.

    Raises
    ------
    ValueError
        If there is no such pack.
    SettingsError
        If a file does not say what it must, or the City names a key that the pack does not have.
    """
    with resources.as_file(resources.files("citygis.analysis") / "rules") as folder:
        known = {path.stem: path for path in folder.glob("*.toml")}
        if name not in known:
            raise ValueError(f"Invalid rule pack {name!r}. Must be one of: {', '.join(sorted(known))}.")
        pack = load(known[name], RulePack)
    own_path = city.folder / "rules" / f"{name}.toml" if city is not None and city.folder is not None else None
    if own_path is None or not own_path.is_file():
        return pack
    own = load(own_path, RulePack)
    keys = [rule.key for rule in pack.rules]
    for rule in own.rules:
        if rule.key not in keys:
            close = difflib.get_close_matches(rule.key, keys, n=1)
            meant = f"; did you mean `{close[0]}`?" if close else f". There are: {', '.join(keys)}."
            raise SettingsError(f"{own_path}: unknown key `{rule.key}`{meant}")
    said = {rule.key: rule for rule in own.rules}
    return own.model_copy(update={"rules": tuple(said.get(rule.key, rule) for rule in pack.rules)})
