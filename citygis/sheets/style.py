"""
Styles: how a layer is drawn and labelled, as TOML files with print units.

A style is found by name in the City's ``styles/`` folder, then among those that come with citygis.
"""

import difflib
import re
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
from pydantic import Field, field_validator

from citygis.errors import SheetError
from citygis.packaged import packaged_folder
from citygis.settings import Settings, load
from citygis.sheets.fonts import FONTS, composed

MIN_LINE_PT = 0.25
"""No line is thinner: below it plotters drop out and copies lose it (ANSI/ASME Y14.2 asks 0.3 mm for thin lines on originals)."""

MIN_TEXT_PT = 5.0
"""No text on a sheet is smaller: lower-case letters of 5 pt are still read at arm's length."""

_FIELD = re.compile(r"\{(\w+)(\??)\}")

Color = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class Line(Settings):
    """
    A stroke. `break_at_labels` leaves a gap where a label lies on it, as a draughtsman does; without `shared`, the edges between
    two polygons of the style are not drawn: a street is one ground, in however many pieces it was dedicated.
    """

    color: Color = "#000000"
    width_pt: float = Field(0.35, ge=MIN_LINE_PT)
    dash_pt: tuple[float, ...] = ()
    break_at_labels: bool = False
    shared: bool = True

    @field_validator("dash_pt")
    @classmethod
    def _in_pairs(cls, dash: tuple[float, ...]) -> tuple[float, ...]:
        if len(dash) % 2 or any(length <= 0 for length in dash):
            raise ValueError("Must be pairs of lengths above zero: on, off, on, off ...")
        return dash


class Marker(Settings):
    """A point symbol."""

    shape: Literal["circle", "square", "triangle", "diamond", "cross", "bullseye"] = "circle"
    size_pt: float = Field(4.0, gt=0)
    fill: Color | None = None
    line: Line | None = Line()


class Symbol(Settings):
    """What a feature is drawn with, and what the legend calls it (nothing there: not in the legend)."""

    legend: str = ""
    fill: Color | None = None
    line: Line | None = None
    marker: Marker | None = None


class SymbolClass(Symbol):
    """The symbol of the features whose field has one of these values, in place of the style's own where it says something."""

    values: tuple[str | int | bool, ...] = Field(min_length=1)


class LabelRow(Settings):
    """
    One row of a label: a text with ``{field}`` in it.

    A row one of whose fields is null is left out, except where the field is written ``{field?}``: then only that is. Where it
    would be left out, `otherwise` is tried.
    """

    text: str
    otherwise: str = ""
    size_pt: float = Field(6.0, ge=MIN_TEXT_PT)
    font: Literal[tuple(FONTS)] = "regular"
    color: Color = "#1a1a1a"
    capitals: bool = False
    circle: bool = False
    optional: bool = False

    @property
    def fields(self) -> list[str]:
        """The fields its texts read."""
        return [name for name, _ in _FIELD.findall(self.text + self.otherwise)]


class Label(Settings):
    """
    How features are labelled.

    ``inside`` puts the rows inside the polygon, ``along`` on straight runs of the line, ``beside`` around the point. When
    there is no room the label shrinks by `shrink` down to 5 pt, then drops its optional rows; what still does not fit is
    reported, and with `key_numbers` gets a number on the map and a line in the panel. Lower `priority` is placed first.
    """

    rows: tuple[LabelRow, ...] = Field(min_length=1)
    placement: Literal["inside", "along", "beside"] = "inside"
    shrink: tuple[float, ...] = (1.0, 0.9, 0.8)
    priority: int = 50
    repeat_in: float = Field(7.0, gt=0)
    key_numbers: bool = False

    def texts(self, frame: pd.DataFrame) -> list[pd.Series]:
        """The text of each row for each feature; null where the row is left out, or would repeat one above it."""
        texts: list[pd.Series] = []
        for row in self.rows:
            text = _filled(row, frame)
            for above in texts:
                text = text.mask(text == above)
            texts.append(text)
        return texts


class Style(Symbol):
    """
    How one layer is drawn.

    `where` keeps the features whose fields have one of the listed values. The style's own symbol draws all of them; a class
    draws those with its values of `field`.
    """

    layer: str
    title: str = ""
    where: dict[str, tuple[str | int | bool, ...]] = {}
    field: str | None = None
    classes: tuple[SymbolClass, ...] = ()
    label: Label | None = None

    @cached_property
    def columns(self) -> list[str]:
        """The fields this style reads."""
        fields = [*self.where, *([self.field] if self.field else [])]
        for row in self.label.rows if self.label else ():
            fields += row.fields
        return list(dict.fromkeys(fields))


def read_style(name: str, folder: Path | None = None) -> Style:
    """
    The style called `name`.

    Parameters
    ----------
    name : str
        File name without ``.toml``.
    folder : Path, optional
        The City's styles, looked at before the packaged ones.

    Raises
    ------
    SheetError
        If no folder has it; the message gives the nearest names.
    SettingsError
        If the file does not say what it must.
    """
    folders = [place for place in (folder, packaged_folder("styles")) if place is not None and place.is_dir()]
    for place in folders:
        if (place / f"{name}.toml").is_file():
            return load(place / f"{name}.toml", Style)
    known = sorted({path.stem for place in folders for path in place.glob("*.toml")})
    raise SheetError(f"There is no style {name!r}{nearest(name, known)} Looked in: {', '.join(map(str, folders))}.")


def nearest(name: str, known: list[str]) -> str:
    """The end of a sentence about an unknown name: what was probably meant, else what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f". There are: {', '.join(known)}." if known else ". There are none."


def text_of(values: pd.Series) -> pd.Series:
    """Values as a sheet prints them: whole numbers without decimals, nulls null."""
    if pd.api.types.is_float_dtype(values):
        return values.map(lambda v: f"{v:g}" if abs(v) < 1e15 else f"{v}", na_action="ignore").astype("str")
    return values.astype("str").str.strip().replace("", None)


def _filled(row: LabelRow, frame: pd.DataFrame) -> pd.Series:
    out = _template(row.text, frame)
    if row.otherwise:
        out = out.fillna(_template(row.otherwise, frame))
    out = out.map(composed, na_action="ignore").astype("str").str.replace(r"\s+", " ", regex=True).str.strip()
    return out.str.upper() if row.capitals else out


def _template(template: str, frame: pd.DataFrame) -> pd.Series:
    out = pd.Series("", index=frame.index, dtype="str")
    at = 0
    for match in _FIELD.finditer(template):
        value = text_of(frame[match[1]])
        out = out + template[at : match.start()] + (value.fillna("") if match[2] else value)
        at = match.end()
    return out + template[at:]
