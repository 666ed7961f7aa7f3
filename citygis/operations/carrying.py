"""
What the City has entered for a parcel, carried to the parcels that take its place, by rules that are data.
"""

from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, model_validator

from citygis.city import City
from citygis.operations.operation import CARRIED_COLUMNS
from citygis.schema import Layer
from citygis.schema.frames import DTYPES
from citygis.settings import Settings, check, read_toml

Rule = Literal["copy", "drop", "ask", "divide", "follow"]

MADE = frozenset(
    {"apn", "apn_display", "apn_profile", "calc_area_sqft", "roll_year", "global_id", "status", "source_id", "source_ref", "method"}
    | {
        "h_accuracy_ft",
        "accuracy_basis",
        "created_by_record",
        "retired_by_record",
        "legal_from",
        "legal_to",
        "tx_from",
        "tx_to",
        "editor",
        "geom_hash",
    }
)
"""Fields that an operation makes itself."""

OWN_FILE = "carrying.toml"
"""Where a City says in its folder what is otherwise with it."""


class Carrying(Settings):
    """The rules of one kind of operation: ``default``, and one for each field that has another."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Rule]

    default: Rule | None = None

    def of(self, field: str) -> Rule:
        """The rule of a field."""
        return (self.__pydantic_extra__ or {}).get(field) or self.default or "copy"

    def changed_by(self, other: "Carrying") -> "Carrying":
        """These rules, where another says nothing else."""
        own = {**(self.__pydantic_extra__ or {}), **(other.__pydantic_extra__ or {})}
        return Carrying(default=other.default or self.default, **own)


class CarryingRules(Settings):
    """The rules of all operations; see ``carrying.toml``."""

    split: Carrying = Carrying()
    merge: Carrying = Carrying()
    reshape: Carrying = Carrying()
    renumber: Carrying = Carrying()

    @model_validator(mode="after")
    def _possible(self):
        for name in ("reshape", "renumber"):
            kept: Carrying = getattr(self, name)
            if "divide" in (kept.default, *(kept.__pydantic_extra__ or {}).values()):
                raise ValueError(
                    f"a rule of {name} is 'divide', but no parcel is divided or joined there. Must be copy, drop or ask."
                )
        return self


def carrying_rules(city: City) -> CarryingRules:
    """
    The rules as this City has them.

    Raises
    ------
    SettingsError
        If its ``carrying.toml`` is no such file, or names a field that a parcel has not, or that an operation makes itself.
    """
    with resources.as_file(resources.files("citygis.operations") / OWN_FILE) as path:
        rules = check(read_toml(path), CarryingRules, OWN_FILE)
    own = city.folder / OWN_FILE if city.folder else None
    if own is None or not own.is_file():
        return rules
    fields = set(city.schema.layer("parcel").names) - MADE
    tables = read_toml(own)
    changed = check(tables, CarryingRules, str(own))
    said = {name for table in tables.values() for name in table} - {"default"}
    if unknown := sorted(said - fields):
        from citygis.errors import SettingsError

        raise SettingsError(f"{own}: `{unknown[0]}` is no field that is carried. There are: {', '.join(sorted(fields))}.")
    names = CarryingRules.model_fields
    return CarryingRules(**{name: getattr(rules, name).changed_by(getattr(changed, name)) for name in names})


def carried_values(
    parents: pd.DataFrame,
    shares: np.ndarray,
    children: Sequence[str],
    layer: Layer,
    rules: Carrying,
    *,
    holds_situs: np.ndarray,
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[dict[str, list], pd.DataFrame]:
    """
    The values of the parcels that take the place of others.

    Parameters
    ----------
    parents : DataFrame, k rows
        Parcels before.
    shares : array (k, m)
        Which share of the ground of each lies in each new one.
    children : sequence of m str
        The new parcels' numbers, as the City shows them.
    layer : Layer
        The schema's parcel.
    rules : Carrying
    holds_situs : array (k, m) of bool
        Whether the address of each parent is known to lie on each new one; all False where it is not known.
    values : mapping of number to mapping of field to text, optional
        What a person says; an empty text leaves the field empty.

    Returns
    -------
    dict of field to list of m values
    DataFrame
        `CARRIED_COLUMNS`: each value that there was.

    Raises
    ------
    ValueError
        If what a person says is of no new parcel, no field, or no value of its type.
    """
    said = _answers(values or {}, children, layer)
    columns: dict[str, list] = {}
    log: list[tuple] = []
    shown = parents["apn_display"].where(parents["apn_display"].notna(), parents["apn"]).to_numpy(dtype=object)
    for field in layer.fields:
        if field.name in MADE or field.name not in parents:
            continue
        held = parents[field.name].to_numpy(dtype=object)
        there = ~pd.isna(held)
        rule = rules.of(field.name)
        columns[field.name] = made = []
        for j, child in enumerate(children):
            from_ = np.flatnonzero(there & (shares[:, j] > 0))
            if field.name in said.get(child, {}):
                made.append(said[child][field.name])
                log.append((child, field.name, ", ".join(shown[from_]), made[-1], "given"))
                continue
            value, outcome = _carried(rule, field.type, held, from_, shares[:, j], holds_situs, j)
            made.append(value)
            before = value if outcome in ("copied", "divided", "added up") else "; ".join(str(v) for v in held[from_])
            if outcome:
                log.append((child, field.name, ", ".join(shown[from_]), before, outcome))
    return columns, pd.DataFrame(log, columns=list(CARRIED_COLUMNS))


def _carried(rule, kind: str, held, from_, share, holds_situs, j: int) -> tuple[Any, str | None]:
    """The value, and what is said of it; nothing where there was no value."""
    if not len(from_):
        return None, None
    if rule == "follow":
        known = holds_situs[from_].any(axis=1)
        stays = from_[~known | holds_situs[from_, j]]
        if known.all() and not len(stays):
            return None, "dropped"
        if not known.all() and holds_situs.shape[1] > 1:
            return None, "asked"
        from_, rule = stays, "copy"
    if rule == "drop":
        return None, "dropped"
    if rule == "ask":
        return None, "asked"
    if rule == "divide" and kind in ("double", "integer"):
        total = sum(float(held[k]) * share[k] for k in from_)
        return (round(total) if kind == "integer" else total), "divided" if len(from_) == 1 else "added up"
    distinct = list(dict.fromkeys(held[from_].tolist()))
    return (distinct[0], "copied") if len(distinct) == 1 else (None, "asked")


def _answers(values: Mapping[str, Mapping[str, str]], children: Sequence[str], layer: Layer) -> dict[str, dict[str, Any]]:
    answers: dict[str, dict[str, Any]] = {}
    plain = {_plain(child): child for child in children}
    for apn, said in values.items():
        if _plain(apn) not in plain:
            raise ValueError(f"Invalid values of {apn!r}. Must be of one of: {', '.join(children)}.")
        for name, text in said.items():
            if name in MADE or name not in layer.names:
                allowed = ", ".join(each for each in layer.names if each not in MADE)
                raise ValueError(f"Invalid field {name!r}. Must be one of: {allowed}.")
            answers.setdefault(plain[_plain(apn)], {})[name] = _typed(name, text, layer.field(name).type)
    return answers


def _plain(apn: str) -> str:
    return "".join(each for each in str(apn) if each.isalnum()).upper()


def _typed(name: str, text: Any, kind: str) -> Any:
    if text is None or (isinstance(text, str) and not text.strip()):
        return None
    if kind == "boolean" and isinstance(text, str):
        text = {"yes": True, "true": True, "no": False, "false": False}.get(text.strip().lower(), text)
    try:
        if kind in ("double", "integer"):
            text = float(text) if kind == "double" else int(text)
        return pd.Series([text], dtype=DTYPES[kind]).iloc[0]
    except (ValueError, TypeError):
        raise ValueError(f"Invalid {name} {text!r}. Must be a {kind}.") from None
