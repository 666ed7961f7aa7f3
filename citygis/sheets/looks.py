"""
Looks: the strokes, hatches, markers and fills a symbol is made of, with lengths on paper or on the ground.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from citygis.settings import Settings

MIN_LINE_PT = 0.25
"""No line is thinner: below it plotters drop out and copies lose it (ANSI/ASME Y14.2 asks 0.3 mm for thin lines on originals)."""

POINTS_PER_MM = 72 / 25.4
"""A point is 1/72 in, an inch 25.4 mm (ISO 32000-2, 8.3.2.3; NIST SP 811, B.8)."""

_LEAST_PT = {"width_pt": MIN_LINE_PT, "size_pt": 1.0, "spacing_pt": 1.5, "every_pt": 1.5, "length_pt": 0.5, "dash_pt": 0.5}
"""What a length on the ground is drawn as at least, however small the scale makes it."""

Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]
Feet = Annotated[float, Field(gt=0)]


class Measured(Settings):
    """
    Settings with lengths. The key says the unit: ``width_pt`` points of 1/72 in, ``width_mm`` millimetres on paper, ``width_ft``
    feet on the ground, drawn at the scale of the sheet. One of them is given, or none.
    """

    @model_validator(mode="before")
    @classmethod
    def _one_unit(cls, tables: Any) -> Any:
        if not isinstance(tables, dict):
            return tables
        tables = dict(tables)
        for name in cls.model_fields:
            if not name.endswith("_pt"):
                continue
            stem = name.removesuffix("_pt")
            said = [key for key in (name, f"{stem}_mm", f"{stem}_ft") if key in tables]
            if len(said) > 1:
                raise ValueError(f"Must give one of {', '.join(said)}.")
            if said == [f"{stem}_mm"]:
                tables[name] = _points(tables.pop(said[0]))
        return tables

    def at(self, points_per_foot: float) -> Self:
        """The same with every length on the ground as one on paper, at a scale of so many page points to the foot."""
        changed: dict[str, Any] = {}
        for name, value in self:
            if isinstance(value, Measured):
                changed[name] = value.at(points_per_foot)
            elif isinstance(value, tuple) and value and isinstance(value[0], Measured):
                changed[name] = tuple(one.at(points_per_foot) for one in value)
            elif name.endswith("_ft") and value:
                paper = name.removesuffix("_ft") + "_pt"
                least = _LEAST_PT[paper]
                many = isinstance(value, tuple)
                drawn = [max(length * points_per_foot, least) for length in (value if many else (value,))]
                changed |= {paper: tuple(drawn) if many else drawn[0], name: () if many else None}
        changed = {name: value for name, value in changed.items() if value != getattr(self, name)}
        return self.model_copy(update=changed) if changed else self


class Marks(Measured):
    """
    Strokes across a line, one each `every_pt`, `length_pt` long: ``cross`` (a railway's), ``tick`` (on the left of the line's
    direction) or ``x`` (a fence's).
    """

    shape: Literal["cross", "tick", "x"] = "cross"
    every_pt: float = Field(14.0, ge=1.5)
    every_ft: Feet | None = None
    length_pt: float = Field(4.0, ge=0.5)
    length_ft: Feet | None = None


class Line(Measured):
    """
    A stroke. `break_at_labels` leaves a gap where a label lies on it, as a draughtsman does; without `shared`, the edges between
    two polygons of the style are not drawn: a street is one ground, in however many pieces it was dedicated. The lengths of a
    dash are never multiplied by the width; `marks` have the line's colour and width, and are not dashed.
    """

    color: Color = "#000000"
    width_pt: float = Field(0.35, ge=MIN_LINE_PT)
    width_ft: Feet | None = None
    dash_pt: tuple[float, ...] = ()
    dash_ft: tuple[float, ...] = ()
    marks: Marks | None = None
    break_at_labels: bool = False
    shared: bool = True

    @field_validator("dash_pt", "dash_ft")
    @classmethod
    def _in_pairs(cls, dash: tuple[float, ...]) -> tuple[float, ...]:
        if len(dash) % 2 or any(length <= 0 for length in dash):
            raise ValueError("Must be pairs of lengths above zero: on, off, on, off ...")
        return dash


class Hatch(Measured):
    """
    Parallel lines in an area, `spacing_pt` apart, at an angle counter-clockwise from the page's horizontal; `cross` adds those at
    right angles. They are fixed to the ground: on two sheets of one scale they meet.
    """

    angle_deg: float = 45.0
    spacing_pt: float = Field(6.0, ge=1.5)
    spacing_ft: Feet | None = None
    line: Line = Line(width_pt=MIN_LINE_PT)
    cross: bool = False


class Marker(Measured):
    """
    A point symbol.

    It stands upright on the page. With `azimuth_deg`, or that of each feature in `azimuth_field` (degrees clockwise from grid
    north), its top points that way on the ground: ``azimuth_deg = 0`` points north on a turned sheet too. A feature whose field is
    null stands upright.
    """

    shape: Literal["circle", "square", "triangle", "diamond", "cross", "x", "star", "bullseye", "target", "arrow", "hydrant"] = (
        "circle"
    )
    size_pt: float = Field(4.0, gt=0)
    size_ft: Feet | None = None
    fill: Color | None = None
    line: Line | None = Line()
    azimuth_deg: float | None = None
    azimuth_field: str | None = None


class Symbol(Measured):
    """
    What a feature is drawn with, and what the legend calls it (nothing there: not in the legend).

    Bottom-up: `fill` (with `opacity`: 1 covers what is below), `hatch`, `casing`, `line` or several `lines` one over the other,
    `marker`. All casings of a layer lie below all its lines, so that crossings are open; so do its lower `lines` below its upper
    ones.
    """

    legend: str = ""
    fill: Color | None = None
    opacity: float = Field(1.0, gt=0, le=1)
    hatch: Hatch | None = None
    casing: Line | None = None
    line: Line | None = None
    lines: tuple[Line, ...] = ()
    marker: Marker | None = None

    @model_validator(mode="after")
    def _line_or_lines(self) -> Self:
        if self.line and self.lines:
            raise ValueError("Must give line or lines, not both.")
        return self

    @property
    def strokes(self) -> tuple[Line, ...]:
        """Its `lines`, or its one `line`, bottom-up."""
        return self.lines or ((self.line,) if self.line else ())

    def over(self, other: "Symbol") -> "Symbol":
        """This symbol where it says something, and `other` where it does not."""
        said = {name for name in Symbol.model_fields if name in self.model_fields_set}
        if said & {"line", "lines"}:
            said |= {"line", "lines"}
        own = {name: getattr(self if name in said else other, name) for name in Symbol.model_fields}
        return Symbol.model_construct(**own | {"legend": self.legend or other.legend})


def _points(millimetres: Any) -> Any:
    """Millimetres as points; what is no number is handed back, for its own message."""
    if isinstance(millimetres, (list, tuple)):
        return [_points(each) for each in millimetres]
    is_number = isinstance(millimetres, (int, float)) and not isinstance(millimetres, bool)
    return millimetres * POINTS_PER_MM if is_number else millimetres
