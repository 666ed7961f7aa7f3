"""
The City's layers as data: one TOML file each, read into frozen objects.

The same file writes the GeoPackage table, the data dictionary and the attribute rules, so the three cannot disagree.
"""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field as Key
from pydantic import field_validator

from citygis.errors import SchemaError, SettingsError
from citygis.settings import Settings, check, read_toml

FieldType = Literal["text", "double", "integer", "date", "datetime", "uuid", "boolean"]
GeometryType = Literal["Polygon", "LineString", "Point", "None"]


class Field(Settings):
    """
    One column of a layer.

    ``filled_by`` says who must supply it: the ``agency`` through the crosswalk, ``convert`` (keys, areas, hashes) or the
    ``store`` (transaction times, editor). ``computed`` names what `citygis.convert` works out for it. ``aliases`` are names
    that outside agencies use for it, for drafting a crosswalk. ``reference`` is "layer.field" of the row it points at.
    """

    name: str
    type: FieldType
    length: int | None = None
    required: bool = False
    unique: bool = False
    domain: dict[str, str] | None = None
    pattern: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    default: str | float | int | bool | None = None
    filled_by: Literal["agency", "convert", "store"] = "agency"
    computed: str | None = None
    reference: str | None = None
    unit: str | None = None
    title: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()

    @field_validator("domain", mode="before")
    @classmethod
    def _codes_label_themselves(cls, value: object) -> object:
        return {code: code.replace("_", " ").capitalize() for code in value} if isinstance(value, list) else value


class Rule(Settings):
    """
    A cross-field rule of a layer (finding A07).

    ``compare``: `left` `op` `right` wherever both are given; `right` may be a number. ``required_if``: `field` is given wherever
    `when_field` is one of `when_in`.
    """

    name: str
    kind: Literal["compare", "required_if"]
    severity: Literal["error", "review", "info"] = "review"
    message: str
    left: str | None = None
    op: Literal["<", "<=", "==", "!=", ">=", ">"] | None = None
    right: str | float | None = None
    field: str | None = None
    when_field: str | None = None
    when_in: tuple[str | bool, ...] = ()


class CoveredBy(Settings):
    """A layer that must cover this one: features are paired by `link` = the other's ``global_id``."""

    layer: str
    link: str
    tolerance_ft: float


class Topology(Settings):
    """
    What must hold between the geometries of a layer.

    ``exclusive``: features do not overlap by more than ``overlap_tolerance_ft`` in width (finding T01), except those that share
    a value of ``stack_field`` and those whose ``exempt_field`` is one of ``exempt_values``. ``covered_by``: T07. ``fills``: with
    the layers of ``fills_with``, features leave no gap inside the features of that layer (T02) wider than ``gap_tolerance_ft``.
    ``min_area_sqft`` and ``min_length_ft``: smaller ones are G05.
    """

    exclusive: bool = False
    overlap_tolerance_ft: float = 0.01
    overlap_severity: Literal["error", "review", "info"] = "error"
    stack_field: str | None = None
    exempt_field: str | None = None
    exempt_values: tuple[str, ...] = ()
    covered_by: CoveredBy | None = None
    fills: str | None = None
    fills_with: tuple[str, ...] = ()
    gap_tolerance_ft: float = 0.05
    min_area_sqft: float = 0.0
    min_length_ft: float = 0.0
    duplicate_severity: Literal["error", "review", "info"] = "error"


class Layer(Settings):
    """A City layer: its geometry, its key, its columns (the common block included) and its rules."""

    layer: str
    title: str
    description: str = ""
    geometry: GeometryType
    key: tuple[str, ...]
    restricted: bool = False
    common: bool = True
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()
    topology: Topology = Topology()
    aliases: tuple[str, ...] = ()
    reference: str = Key(default="", description="Where the layer's fields come from: statute, standard, manual")

    @property
    def names(self) -> list[str]:
        """Column names in order, geometry not among them."""
        return [field.name for field in self.fields]

    def field(self, name: str) -> Field:
        """
        One field by name.

        Raises
        ------
        SchemaError
            If the layer has no such field.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise SchemaError(f"Layer {self.layer} has no field {name!r}. It has: {', '.join(self.names)}.")


class Schema(Settings):
    """All layers of a City, by name."""

    version: int
    layers: dict[str, Layer]

    def layer(self, name: str) -> Layer:
        """
        One layer by name.

        Raises
        ------
        SchemaError
            If there is no such layer; the message lists those there are.
        """
        if name not in self.layers:
            raise SchemaError(f"There is no City layer {name!r}. There are: {', '.join(self.layers)}.")
        return self.layers[name]


class _CommonBlock(Settings):
    version: int
    fields: tuple[Field, ...]
    rules: tuple[Rule, ...] = ()


def read_schema(folder: Path) -> Schema:
    """
    The schema in a folder of TOML files: ``_common.toml`` and one file per layer.

    Raises
    ------
    SettingsError
        If a file does not say what it must, or a key, rule or reference names a field or layer that is not there.
    """
    common = check(read_toml(folder / "_common.toml"), _CommonBlock, "_common.toml")
    layers = {}
    for path in sorted(folder.glob("[!_]*.toml")):
        layer = check(read_toml(path), Layer, str(path))
        if layer.common:
            own = [field for field in layer.fields if field.name not in {c.name for c in common.fields}]
            layer = layer.model_copy(update={"fields": (*own, *common.fields), "rules": (*layer.rules, *common.rules)})
        if layer.layer != path.stem:
            raise SettingsError(f"{path}: `layer` is {layer.layer!r}. Must be the file's name, {path.stem!r}.")
        layers[layer.layer] = layer
    schema = Schema(version=common.version, layers=layers)
    _require_consistent(schema)
    return schema


@cache
def schema() -> Schema:
    """The schema that ships with citygis."""
    with resources.as_file(resources.files("citygis.schema") / "layers") as folder:
        return read_schema(folder)


def _require_consistent(schema: Schema) -> None:
    for name, layer in schema.layers.items():
        rule_fields = [f for r in layer.rules for f in (r.left, r.right, r.field, r.when_field)]
        topology = layer.topology
        linked = [topology.covered_by.link] if topology.covered_by else []
        for wanted in (*layer.key, *rule_fields, topology.stack_field, topology.exempt_field, *linked):
            if isinstance(wanted, str) and wanted not in layer.names:
                raise SettingsError(f"{name}.toml: a key, rule or topology names the field {wanted!r}, which the layer has not.")
        references = [f.reference.split(".") for f in layer.fields if f.reference]
        layers = [topology.covered_by.layer] if topology.covered_by else []
        for other, *field in [*references, *([other] for other in (*layers, topology.fills, *topology.fills_with) if other)]:
            if other not in schema.layers or (field and field[0] not in schema.layers[other].names):
                raise SettingsError(f"{name}.toml: refers to {'.'.join([other, *field])!r}, which is not in the schema.")
