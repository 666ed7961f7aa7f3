"""
The catalogue of rules: code, name, what to do, severity and tolerance of each, as data; a City may change some of it.

The files of ``rules/`` hold one table for each code and name. A code may have several names (T26 ``short_segment`` and ``spike``);
the first, by file name and place in the file, is the one that speaks for the code.
"""

import difflib
from importlib import resources

import pandas as pd

from citygis.city import City
from citygis.errors import SettingsError
from citygis.findings import Severity
from citygis.settings import Settings, load


class Rule(Settings):
    """
    A rule.

    ``code`` and ``name`` are those of its findings; ``title`` stands in a heading; ``remedy`` says what to do. ``tolerance`` and
    ``limit``, a second threshold that ``reference`` explains, are in ``unit`` where nothing else is said. ``off`` is the reason why
    a City does not apply it.
    """

    code: str
    name: str
    title: str
    remedy: str
    severity: Severity = "error"
    tolerance: float | None = None
    unit: str | None = None
    limit: float | None = None
    reference: str = ""
    off: str | None = None


class _Catalogue(Settings):
    rule: tuple[Rule, ...]


def _catalogue() -> dict[tuple[str, str], Rule]:
    with resources.as_file(resources.files("citygis.quality") / "rules") as folder:
        files = {path.name: load(path, _Catalogue) for path in sorted(folder.glob("*.toml"))}
    rules: dict[tuple[str, str], Rule] = {}
    for file, catalogue in files.items():
        for each in catalogue.rule:
            if (each.code, each.name) in rules:
                raise SettingsError(f"{file}: rule {each.code} {each.name} stands there already. Give it another name.")
            rules[each.code, each.name] = each
    return rules


CATALOGUE: dict[tuple[str, str], Rule] = _catalogue()
"""Every rule by its code and name."""

RULES: dict[str, Rule] = dict(sorted({code: each for (code, _), each in reversed(CATALOGUE.items())}.items()))
"""The rule that speaks for each code."""


def rule(code: str, city: City | None = None, name: str | None = None, **layers_own: float | str | None) -> Rule:
    """
    A rule as this City applies it.

    Parameters
    ----------
    code : str
    city : City, optional
        Whose ``[rules]`` table may change ``severity``, ``tolerance`` and ``limit``, or put the rule ``off``.
    name : str, optional
        Which of several rules of one code; the first where it is not given.
    **layers_own : severity, tolerance, limit
        What the schema of a layer says: it goes before the catalogue, and the City goes before it. None says nothing.

    Raises
    ------
    ValueError
        If there is no such rule.
    SettingsError
        If the City changes a rule that does not exist: see `changed_rules`.
    """
    if name is None and code in RULES:
        name = RULES[code].name
    if (code, name) not in CATALOGUE:
        raise ValueError(f"Invalid rule '{code} {name}'. Must be one of the catalogue's: {', '.join(_names())}.")
    said = {key: value for key, value in layers_own.items() if value is not None}
    if city is not None and city.rules:
        said |= changed_rules(city).get((code, name), {})
    return CATALOGUE[code, name].model_copy(update=said) if said else CATALOGUE[code, name]


def changed_rules(city: City) -> dict[tuple[str, str], dict]:
    """
    What a City changes, by code and name.

    ``[rules.T26]`` speaks of every rule with that code, ``[rules."T26.spike"]`` of one of them and goes first.

    Raises
    ------
    SettingsError
        If it names a rule that does not exist, or gives one figure to several rules in different units.
    """
    where = city.folder / "city.toml" if city.folder else "city.toml"
    changes: dict[tuple[str, str], dict] = {}
    for key in sorted(city.rules):  # a code comes before its names
        said = city.rules[key].model_dump(exclude_none=True)
        meant = [each for each in CATALOGUE if key in (each[0], ".".join(each))]
        if not meant:
            close = difflib.get_close_matches(key, _names(), n=1)
            raise SettingsError(f"{where}: unknown rule `rules.{key}`{f'; did you mean `{close[0]}`?' if close else '.'}")
        units = {CATALOGUE[each].unit for each in meant}
        if len(units) > 1 and {"tolerance", "limit"} & said.keys():
            names = ", ".join(f'[rules."{".".join(each)}"]' for each in meant)
            raise SettingsError(f"{where}: `rules.{key}` gives one figure to rules in different units. Say which: {names}.")
        for each in meant:
            changes[each] = changes.get(each, {}) | said
    return changes


def rules_off(city: City | None) -> dict[tuple[str, str], str]:
    """The rules that a City does not apply, by code and name, each with the reason. Errors as `changed_rules`."""
    return {each: said["off"] for each, said in changed_rules(city).items() if "off" in said} if city is not None else {}


def rule_of(findings: pd.DataFrame) -> Rule:
    """
    The rule that findings of one code were made by.

    Parameters
    ----------
    findings : findings frame
        At least one row, all of one code. A code that is not among `RULES` (a reader's, a conversion's) goes by its own words.
    """
    first = findings.iloc[0]
    code, name = first["code"], first["rule"]
    if code in RULES:
        alike = (findings["rule"] == name).all()
        return CATALOGUE.get((code, name), RULES[code]) if alike else RULES[code]
    remedy = "" if pd.isna(first["remedy"]) else first["remedy"]
    return Rule(code=code, name=name, title=name.replace("_", " ").capitalize(), remedy=remedy, severity=first["severity"])


def _names() -> list[str]:
    return sorted({*RULES, *(".".join(each) for each in CATALOGUE)})
