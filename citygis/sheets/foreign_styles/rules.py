"""
Rules of a foreign style, each a condition and a symbol, and the classes of a citygis style they become.
"""

import itertools
import math
from typing import Any, Literal, NamedTuple

import pandas as pd

from citygis.sheets.expressions import holds
from citygis.sheets.foreign_styles.conditions import compared, membership
from citygis.sheets.foreign_styles.losses import Losses
from citygis.sheets.foreign_styles.symbols import Part, symbol_tables

Value = str | int | bool

_MOST_SAMPLES = 20_000


class Rule(NamedTuple):
    """
    What is drawn where.

    Parameters
    ----------
    legend : str
    parts : list of Part
        Bottom-up.
    where : str
        An expression of `citygis.sheets.expressions`; empty for all features.
    field : str or None
        With `values`, in place of `where`.
    values : tuple
        A feature with one of them in `field` is drawn.
    rest : bool
        Only what no other rule draws.
    """

    legend: str
    parts: list[Part]
    where: str = ""
    field: str | None = None
    values: tuple[Value, ...] = ()
    rest: bool = False

    @property
    def condition(self) -> str:
        """What it asks for, as an expression."""
        if self.field is None:
            return self.where
        return membership(self.field, self.values)


def rule_tables(rules: list[Rule], losses: Losses, *, meet: Literal["never", "first", "all"]) -> dict[str, Any]:
    """
    The keys of a style that draws as the rules do.

    Parameters
    ----------
    rules : list of Rule
        In the order they are drawn.
    losses : Losses
    meet : {"never", "first", "all"}
        What draws a feature that several rules fit: there is none; the first; all, the last on top. In a citygis style the last
        class that fits does.
    """
    plain = [rule for rule in rules if not rule.condition and not rule.rest]
    some = _joined([rule for rule in rules if rule.condition])
    rest = [rule for rule in rules if rule.rest]
    tables: dict[str, Any] = {}
    for rule in plain:
        tables |= {"legend": rule.legend} if rule.legend else {}
    tables |= symbol_tables([part for rule in plain for part in rule.parts], "all features", losses)
    fields = {rule.field for rule in some} - {None}
    by_value = len(fields) == 1
    if rest:
        # A class of its own: the style's own symbol would show through where a class says nothing.
        among = f"not ({' or '.join(f'({rule.condition})' for rule in some)})"
        if by_value and all(rule.field for rule in some):
            named = membership(next(iter(fields)), tuple(value for rule in some for value in rule.values))
            among = f"not ({named})"
        some += [Rule(rest[0].legend, [part for rule in rest for part in rule.parts], among)] if some else []
        if not some:
            tables |= symbol_tables([part for rule in rest for part in rule.parts], "all features", losses)
    if meet == "all" and len(some) - bool(rest) > 1 and not _apart(some):
        losses.tell("rules", "rules may fit one feature together: the last that fits draws it alone")
    classes = []
    for rule in reversed(some) if meet == "first" and not _apart(some) else some:
        table: dict[str, Any] = {"values": list(rule.values)} if by_value and rule.field else {"where": rule.condition}
        table |= {"legend": rule.legend} if rule.legend else {}
        drawn = symbol_tables(rule.parts, f"class {rule.legend or rule.condition}", losses)
        for key in ("line", "lines", "marker", "hatch"):
            if key in drawn and key in tables:
                losses.tell(f"class {rule.legend or rule.condition}", f"the {key} of all features below its own")
        classes.append(table | drawn)
    if classes:
        tables |= {"field": fields.pop()} if by_value else {}
        tables["classes"] = classes
    return tables


def _joined(rules: list[Rule]) -> list[Rule]:
    """Rules of one condition as one: a second pass over the same features, such as the light line in a casing."""
    joined: dict[str, Rule] = {}
    for rule in rules:
        before = joined.get(rule.condition)
        joined[rule.condition] = (
            rule if before is None else before._replace(parts=[*before.parts, *rule.parts], legend=before.legend or rule.legend)
        )
    return list(joined.values())


def _apart(rules: list[Rule]) -> bool:
    """
    Whether no feature can fit two of the rules.

    Conditions compare fields with constants, so their answers change at these only: a table with every constant, and one value
    beside and between them, holds every answer there is.
    """
    constants: dict[str, set] = {}
    for rule in rules:
        for field, value in compared(rule.condition):
            if field is None:
                return False
            constants.setdefault(field, set()).add(value)
    samples = []
    for values in constants.values():
        kinds = {isinstance(value, str) for value in values if not isinstance(value, bool)}
        if len(kinds) > 1:
            return False
        samples.append(_between(sorted(values)) if kinds == {False} else _beside(values))
    if math.prod(map(len, samples)) > _MOST_SAMPLES:
        return False
    table = pd.DataFrame(list(itertools.product(*samples)), columns=list(constants))
    return bool((sum(holds(rule.condition, table).astype(int) for rule in rules) <= 1).all())


def _between(numbers: list[float]) -> list[float]:
    middles = [(low + high) / 2 for low, high in itertools.pairwise(numbers)]
    return [numbers[0] - 1, *numbers, *middles, numbers[-1] + 1, math.nan]


def _beside(values: set) -> list[str | None]:
    texts = sorted(str(value) for value in values)
    return [*texts, *(f"{text}~" for text in texts), "~", None]
