"""
Saved queries: SQL files that say in their first comments what they answer, what they ask for and how they are checked.

::

    -- title: Acres by zoning district
    -- description: Land by district, streets not counted
    -- parameter: least_acres number = 0; districts smaller than this are left out
    -- total: acres
    -- control: acres = SELECT sum(calc_area_sqft) / 43560.0 FROM zoning
    SELECT ...
"""

import datetime
import difflib
import math
import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import NamedTuple

from citygis.city import City
from citygis.errors import SettingsError
from citygis.reports.wording import one_statement, parameter_names

_KEYS = ("title", "description", "parameter", "total", "control")
_TYPES = ("text", "integer", "number", "date", "boolean")
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_HEADER = re.compile(r"--\s*(\w+)\s*:\s*(.*)")
_PARAMETER = re.compile(r"(\w+)\s+(\w+)\s*(?:=\s*([^;]*?)\s*)?(?:;\s*(.*))?")
_CONTROL = re.compile(r"(\w+)\s*=\s*(.+)")

Value = str | int | float | bool | datetime.date | None
"""What a parameter may be bound to."""


class Parameter(NamedTuple):
    """What a query asks for: its name, its type, what it is when nothing is said (None: it must be), what it means."""

    name: str
    type: str
    default: str | None
    meaning: str


class Control(NamedTuple):
    """A second way to a column's total: its SQL gives one number, which the sum of the column must be."""

    column: str
    sql: str


class SavedQuery(NamedTuple):
    """A query with its name, its words, its parameters, the columns that are summed, and the controls."""

    name: str
    path: Path
    title: str
    description: str
    sql: str
    parameters: tuple[Parameter, ...]
    totals: tuple[str, ...]
    controls: tuple[Control, ...]


def saved_queries(city: City) -> dict[str, Path]:
    """The saved queries by name: those that come with citygis, and the City's own, which take precedence."""
    folders = [Path(str(resources.files("citygis.reports") / "queries")), city.reports_folder]
    found = {path.stem: path for folder in folders if folder and folder.is_dir() for path in folder.glob("*.sql")}
    return dict(sorted(found.items()))


def saved_query(name: str, city: City) -> SavedQuery:
    """
    A query by name, or by the path of its ``.sql`` file.

    Raises
    ------
    SettingsError
        If there is none, or its file does not say what it must.
    """
    if name.lower().endswith(".sql"):
        return read_query(Path(name))
    there = saved_queries(city)
    if name not in there:
        close = difflib.get_close_matches(name, there, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise SettingsError(
            f"There is no saved query {name!r}.{hint} There are: {', '.join(there) or 'none'}. Or name a .sql file."
        )
    return read_query(there[name])


def read_query(path: Path) -> SavedQuery:
    """
    A query from its file.

    Raises
    ------
    SettingsError
        If the file is missing, is not UTF-8, has more than one statement, or its first comments say something unknown.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise SettingsError(f"{path} is not there. Look at the path; saved queries are listed by: citygis report") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as text: {error}. Save it as UTF-8.") from None
    said: dict[str, list[str]] = {key: [] for key in _KEYS}
    for line in text.lstrip().splitlines():
        if not line.strip().startswith("--"):
            break
        header = _HEADER.fullmatch(line.strip())
        if header and header[1] not in said:
            close = difflib.get_close_matches(header[1], _KEYS, n=1)
            hint = f" Did you mean `{close[0]}`?" if close else f" Must be one of: {', '.join(_KEYS)}."
            raise SettingsError(f"{path}: unknown key `{header[1]}`.{hint}")
        if header:
            said[header[1]].append(header[2].strip())
    sql = one_statement(text, str(path))
    controls = tuple(_control(line, path) for line in said["control"])
    query = SavedQuery(
        name=path.stem,
        path=path,
        title=" ".join(said["title"]) or path.stem.replace("_", " ").capitalize(),
        description=" ".join(said["description"]),
        sql=sql,
        parameters=_parameters(said["parameter"], [sql, *(control.sql for control in controls)], path),
        totals=tuple(name.strip() for line in said["total"] for name in line.split(",") if name.strip()),
        controls=controls,
    )
    return query._replace(totals=tuple(dict.fromkeys([*query.totals, *(c.column for c in controls if c.column != "rows")])))


def bound(query: SavedQuery, given: Mapping[str, str]) -> dict[str, Value]:
    """
    Values for a query's parameters.

    Parameters
    ----------
    query : SavedQuery
    given : mapping of name to text
        As a person types them; what is missing is the parameter's default.

    Returns
    -------
    dict
        Numbers, dates and truth values as such.

    Raises
    ------
    SettingsError
        If a name is unknown, a value is not of its type, or one without default is missing.
    """
    known = {parameter.name: parameter for parameter in query.parameters}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else f" It asks for: {', '.join(known) or 'nothing'}."
            raise SettingsError(f"The query {query.name} has no parameter {name}.{hint}")
    missing = [p for p in query.parameters if p.name not in given and p.default is None]
    if missing:
        told = ", ".join(f"{p.name} ({p.type}{f': {p.meaning}' if p.meaning else ''})" for p in missing)
        raise SettingsError(f"The query {query.name} asks for {told}. Say each: --set {missing[0].name}=VALUE")
    return {name: _value(query, p, given.get(name, p.default or "")) for name, p in known.items()}


def _parameters(lines: list[str], texts: list[str], path: Path) -> tuple[Parameter, ...]:
    stated = {}
    for line in lines:
        match = _PARAMETER.fullmatch(line)
        if not match or match[2] not in _TYPES:
            raise SettingsError(
                f"{path}: `parameter: {line}` must be NAME TYPE [= DEFAULT] [; meaning], TYPE one of {', '.join(_TYPES)}."
            )
        stated[match[1]] = Parameter(match[1], match[2], match[3], match[4] or "")
    used = list(dict.fromkeys(name for text in texts for name in parameter_names(text)))
    idle = [name for name in stated if name not in used]
    if idle:
        raise SettingsError(f"{path}: parameter {idle[0]} is not used. Write :{idle[0]} in the SQL, or take the line away.")
    return tuple(stated.get(name, Parameter(name, "text", None, "")) for name in used)


def _control(line: str, path: Path) -> Control:
    match = _CONTROL.fullmatch(line)
    if not match:
        raise SettingsError(f"{path}: `control: {line}` must be COLUMN = SELECT ..., or rows = SELECT count(*) ...")
    return Control(match[1], one_statement(match[2], f"{path}, control {match[1]}"))


def _value(query: SavedQuery, parameter: Parameter, text: str) -> Value:
    text = text.strip()
    try:
        if parameter.type == "integer":
            return int(text)
        if parameter.type == "number":
            number = float(text)
            if not math.isfinite(number):
                raise ValueError
            return number
        if parameter.type == "date":
            return datetime.date.fromisoformat(text)
        if parameter.type == "boolean":
            return _YES_NO[text.lower()]
    except (ValueError, KeyError):
        like = {"integer": "2026", "number": "2.5", "date": "2026-01-31", "boolean": "yes or no"}[parameter.type]
        raise SettingsError(
            f"Invalid {parameter.name} {text!r} for {query.name}. Must be a {parameter.type}, like {like}."
        ) from None
    return text
