"""
Crosswalks: how one agency's columns become one City layer's, as a TOML file.

::

    agency = "County Assessor"
    layer = "parcel"
    null_values = ["", "N/A", "<Null>"]      # as sent, in any field

    [document]                               # what the source_document row says
    doc_type = "COUNTY_EXTRACT"

    [frame]                                  # only where the file's own label is not the truth
    label = "EPSG:4326"
    really = "NAD83(2011)"
    reason = "The county's GIS relabels State Plane as WGS 84 on export"
    stated_by = "County GIS, letter of 2026-03-01"

    [fields.apn]
    from = "AIN"

    [fields.parcel_kind]
    from = "TYPE"
    domain = { F = "FEE", C = "CONDO" }      # any other value is quarantined with its row
    default = "FEE"                          # where the column is empty

    [fields.tract_id]
    from = "TRACT"
    reference = "tract"                      # the text is the key of a tract

    [ignore]
    fields = ["OBJECTID", "SHAPE_AREA"]
"""

import difflib
import json
import re
import zoneinfo
from pathlib import Path
from string import Formatter
from typing import Any

from pydantic import Field as Key
from pydantic import field_validator, model_validator
from pyproj import CRS
from pyproj.exceptions import CRSError

from citygis.errors import SettingsError
from citygis.schema import Field, Layer, schema
from citygis.settings import Settings, check, read_toml

NULL_VALUES = ("", "<Null>", "NULL", "N/A", "n/a", "#N/A")
"""Texts that stand for nothing, unless a crosswalk says its own."""

DRAFT = "draft"
"""`Frame.stated_by` of a frame that no person has stated."""

Value = bool | int | float | str


class Frame(Settings):
    """
    The frame an agency really delivers in, where its label says another.

    ``label`` is what the file says (an EPSG code or a name that PROJ reads); ``really`` the realization the numbers are in, which
    must be the City's own; ``reason`` and ``stated_by`` say why, and who stands for it.
    """

    label: str
    really: str
    reason: str = Key(min_length=1)
    stated_by: str = Key(min_length=1)

    @field_validator("label")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            CRS.from_user_input(value)
        except CRSError:
            raise ValueError('not a coordinate system that PROJ knows. Must be like "EPSG:4326".') from None
        return value

    @property
    def is_draft(self) -> bool:
        """Whether nobody has stated it yet."""
        return self.stated_by.strip().lower() == DRAFT


class Split(Settings):
    """
    A part of a text: the group of a regular expression that finds it, or the part between separators (the first is 0).
    """

    pattern: str | None = None
    group: int = 1
    separator: str | None = None
    index: int = 0

    @model_validator(mode="after")
    def _one_way(self):
        if (self.pattern is None) == (self.separator is None):
            raise ValueError("needs `pattern` (with a group) or `separator` and `index`, not both.")
        if self.separator == "":
            raise ValueError("`separator` is empty.")
        if self.pattern is not None:
            try:
                groups = re.compile(self.pattern).groups
            except re.error as error:
                raise ValueError(f"`pattern` is not a regular expression: {error}.") from None
            if not 0 <= self.group <= groups:
                raise ValueError(f"`group` is {self.group}, but `pattern` has {groups}.")
        return self


class FieldMap(Settings):
    """
    Where one City field comes from, applied in this order.

    ``from``: an outside column, or several, of which the first that the row fills counts; or ``concat``: a template of columns,
    "{NUMBER} {STREET}". Then ``strip`` (blanks around), ``collapse`` (blanks within), ``upper``, ``null_values`` (beside the
    empty text, which always is one), ``split``, ``cast`` ("integer": 12.0 is 12), ``pad`` (zeros on the left to this length),
    ``domain`` (outside code to City code; "" and any other code are quarantined), ``thousands`` (a separator to take out of
    numbers), ``scale`` (times), ``date_format`` (as strptime; default is year-month-day), ``timezone`` (of times that state none,
    "America/Los_Angeles"; default is UTC), ``reference`` (the layer whose key the text is; becomes its global_id). ``default``
    fills what is then empty; ``constant`` stands alone. ``reason`` is for the reader.
    """

    from_: tuple[str, ...] = Key(default=(), alias="from")
    concat: str | None = None
    strip: bool = True
    collapse: bool = False
    upper: bool = False
    null_values: tuple[str, ...] | None = None
    split: Split | None = None
    cast: str | None = Key(default=None, pattern="^integer$")
    pad: int | None = Key(default=None, gt=0, le=254)
    domain: dict[str, Value] = {}
    thousands: str | None = Key(default=None, min_length=1, max_length=1)
    scale: float | None = Key(default=None, allow_inf_nan=False)
    date_format: str | None = None
    timezone: str | None = None
    reference: str | None = None
    constant: Value | None = None
    default: Value | None = None
    reason: str = ""

    @field_validator("timezone")
    @classmethod
    def _on_the_clock(cls, value: str | None) -> str | None:
        if value is not None and value not in zoneinfo.available_timezones():
            raise ValueError('no such time zone. Must be like "America/Los_Angeles".')
        return value

    @field_validator("from_", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def columns(self) -> tuple[str, ...]:
        """The outside columns it reads."""
        if self.concat is None:
            return self.from_
        return tuple(dict.fromkeys(name for _, name, _, _ in Formatter().parse(self.concat) if name))


class Ignore(Settings):
    """Outside columns that are left behind on purpose."""

    fields: tuple[str, ...] = ()
    reason: str = ""


class Crosswalk(Settings):
    """
    How one agency's columns become one City layer's.

    ``match_case``: whether the case of outside column names counts. ``stack``: outside columns; rows that share their values
    stand on one footprint and get one ``stack_id``. ``document`` fills the delivery's row of source_document. ``unmatched``
    is what a draft could not place, with the reason; nothing reads it but the engineer.
    """

    agency: str
    layer: str
    description: str = ""
    match_case: bool = False
    null_values: tuple[str, ...] = NULL_VALUES
    stack: tuple[str, ...] = ()
    document: dict[str, Value] = {}
    frame: Frame | None = None
    fields: dict[str, FieldMap] = {}
    ignore: Ignore = Ignore()
    unmatched: dict[str, str] = {}

    @property
    def is_draft(self) -> bool:
        """Whether it was proposed by `citygis.convert.draft_crosswalk` and nobody has put a name to it."""
        return self.agency == DRAFT

    def to_toml(self) -> str:
        """The crosswalk as the text of a TOML file; `parse_crosswalk` reads it back."""
        tables = self.model_dump(by_alias=True, exclude_defaults=True)
        inner = {name: tables.pop(name) for name in ("document", "frame", "fields", "ignore", "unmatched") if name in tables}
        lines = [f"{name} = {_toml(value)}" for name, value in tables.items()]
        maps = inner.pop("fields", {})
        for table in maps.values():
            if len(table.get("from", ())) == 1:
                table["from"] = table["from"][0]
        groups = [(f"fields.{_key(name)}", table) for name, table in maps.items()]
        place = 2 if "frame" in inner and "document" in inner else len(inner.keys() & {"frame", "document"})
        head = list(inner.items())
        for title, table in [*head[:place], *groups, *head[place:]]:
            lines += ["", f"[{title}]", *(f"{_key(name)} = {_toml(value)}" for name, value in table.items())]
        return "\n".join(lines) + "\n"


def read_crosswalk(path: Path | str) -> Crosswalk:
    """
    A crosswalk from its TOML file.

    Raises
    ------
    SettingsError
        If the file cannot be read, says something it must not, or does not fit the City's schema; the message names file and key.
    """
    return _require_fits(check(read_toml(path), Crosswalk, str(path)), str(path))


def parse_crosswalk(tables: dict, where: str = "crosswalk") -> Crosswalk:
    """A crosswalk from the tables of a TOML file already read. Errors as `read_crosswalk`."""
    return _require_fits(check(tables, Crosswalk, where), where)


def _require_fits(crosswalk: Crosswalk, where: str) -> Crosswalk:
    layers = schema().layers
    if crosswalk.layer not in layers:
        raise SettingsError(f"{where}: there is no City layer {crosswalk.layer!r}{_meant(crosswalk.layer, layers)}")
    layer = layers[crosswalk.layer]
    problems = [
        f"`fields.{name}`: layer {layer.layer} has no such field{_meant(name, layer.names)}"
        for name in crosswalk.fields
        if name not in layer.names
    ]
    known = layers["source_document"].names
    problems += [
        f"`document.{name}`: source_document has no such field{_meant(name, known)}"
        for name in crosswalk.document
        if name not in known
    ]
    for name, rule in crosswalk.fields.items():
        if name in layer.names:
            problems += [f"`fields.{name}{text}" for text in _misfits(rule, layer.field(name), layers)]
    if crosswalk.stack and "stack_id" not in layer.names:
        problems.append(f"`stack`: layer {layer.layer} has no stack_id.")
    if problems:
        raise SettingsError("\n".join(f"{where}: {problem}" for problem in problems))
    return crosswalk


def _misfits(rule: FieldMap, field: Field, layers: dict[str, Layer]) -> list[str]:
    """What a field map says that its City field cannot take; each begins inside the back-quoted key."""
    problems = []
    ways = [bool(rule.from_), rule.concat is not None, rule.constant is not None]
    if sum(ways) > 1:
        problems.append("`: has more than one of `from`, `concat`, `constant`. Must have one.")
    if not any(ways) and rule.default is None:
        problems.append("`: says nothing. Must have `from`, `concat`, `constant` or `default`.")
    if field.filled_by == "store":
        problems.append("`: is filled by the store. Leave it out.")
    if field.filled_by == "convert" and field.computed:
        problems.append("`: is worked out by citygis. Leave it out.")
    if field.domain:
        given = {f"domain.{code}": value for code, value in rule.domain.items() if value != ""}
        given |= {key: value for key in ("constant", "default") if (value := getattr(rule, key)) is not None}
        problems += [
            f".{key}` is {value!r}, which is not in the City's domain{_meant(str(value), field.domain)}"
            for key, value in given.items()
            if value not in field.domain
        ]
    if rule.scale is not None and field.type not in ("double", "integer"):
        problems.append(f".scale`: the field is {field.type}, not a number.")
    if rule.date_format is not None and field.type not in ("date", "datetime"):
        problems.append(f".date_format`: the field is {field.type}, not a date.")
    if rule.reference is not None:
        if rule.reference not in layers:
            problems.append(f".reference` is {rule.reference!r}, which is no City layer{_meant(rule.reference, layers)}")
        elif field.type != "uuid" or (field.reference or "").split(".")[0] != rule.reference:
            problems.append(f".reference`: the field does not hold the identifier of a {rule.reference}.")
        elif len(layers[rule.reference].key) != 1 or rule.reference == "source_document":
            problems.append(f".reference`: a {rule.reference} has no key of one text to be found by.")
    return problems


def _meant(name: str, known) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else f". There are: {', '.join(known)}."


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(name)} = {_toml(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
