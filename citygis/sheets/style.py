"""
Styles: how a layer is drawn and labelled, as TOML files with print units.

A style is found by name in the City's ``styles/`` folder, then among those that come with citygis. A theme is a file beside them,
in ``styles/themes/``, that changes the colours of any style: to black and patterns, or to colours everybody can tell apart.
"""

import difflib
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, field_validator, model_validator

from citygis.errors import SheetError
from citygis.packaged import packaged_folder
from citygis.settings import Settings, load
from citygis.sheets.expressions import as_numbers, as_text, fields_of, holds, parsed
from citygis.sheets.fonts import FONTS
from citygis.sheets.label_text import filled, require_template, template_fields
from citygis.sheets.looks import MIN_LINE_PT, Color, Hatch, Line, Marker, Marks, Measured, Symbol

__all__ = [
    "MIN_LINE_PT",
    "MIN_TEXT_PT",
    "Color",
    "Halo",
    "Hatch",
    "Label",
    "LabelRow",
    "Line",
    "Marker",
    "Marks",
    "Style",
    "Symbol",
    "SymbolClass",
    "Theme",
    "classified",
    "nearest",
    "read_style",
    "read_theme",
    "style_paths",
    "symbol_of",
    "text_of",
    "theme_paths",
    "themed",
]

MIN_TEXT_PT = 5.0
"""No text on a sheet is smaller: lower-case letters of 5 pt are still read at arm's length."""

WHITE = "#ffffff"

text_of = as_text


class SymbolClass(Symbol):
    """
    The symbol of some of the features, in place of the style's own where it says something.

    Which, is said in one of three ways: `values` of the style's field; `min` and `max` of it, from the one up to, but not
    including, the other; or `where`, an expression (`citygis.sheets.expressions`). Of several classes that fit, the last draws.
    """

    values: tuple[str | int | bool, ...] | None = Field(None, min_length=1)
    min: float | None = None
    max: float | None = None
    where: str = ""

    @field_validator("where")
    @classmethod
    def _an_expression(cls, text: str) -> str:
        parsed(text)
        return text

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = (self.values is not None, self.min is not None or self.max is not None, bool(self.where))
        if sum(ways) != 1:
            raise ValueError("Must say one of: values, min and max, where.")
        if self.min is not None and self.max is not None and self.min >= self.max:
            raise ValueError(f"Must have min below max; they are {self.min:g} and {self.max:g}.")
        return self


class Halo(Measured):
    """A band around the letters that keeps them legible on a picture or a hatch."""

    color: Color = WHITE
    width_pt: float = Field(1.0, gt=0, le=5)


class LabelRow(Measured):
    """
    One row of a label: a text with ``{field}`` in it (`citygis.sheets.label_text`).

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

    @field_validator("text", "otherwise")
    @classmethod
    def _a_template(cls, text: str) -> str:
        return require_template(text)

    @property
    def fields(self) -> list[str]:
        """The fields its texts read."""
        return template_fields(self.text + self.otherwise)


class Label(Settings):
    """
    How features are labelled.

    ``inside`` puts the rows inside the polygon, ``along`` on straight runs of the line (with `curved`, on bent ones too),
    ``beside`` around the point. When there is no room the label shrinks by `shrink` down to 5 pt, then drops its optional rows,
    then with `leader` stands near by with a line to its feature; what still does not fit is reported, and with `key_numbers` gets
    a number on the map and a line in the panel. Lower `priority` is placed first.
    """

    rows: tuple[LabelRow, ...] = Field(min_length=1)
    placement: Literal["inside", "along", "beside"] = "inside"
    shrink: tuple[float, ...] = (1.0, 0.9, 0.8)
    priority: int = 50
    repeat_in: float = Field(7.0, gt=0)
    key_numbers: bool = False
    key_color: Color = "#9c2f2f"
    halo: Halo | None = None
    leader: bool = False
    curved: bool = False

    def texts(self, frame: pd.DataFrame) -> list[pd.Series]:
        """The text of each row for each feature; null where the row is left out, or would repeat one above it."""
        texts: list[pd.Series] = []
        for row in self.rows:
            text = filled(row.text, frame)
            if row.otherwise:
                text = text.fillna(filled(row.otherwise, frame))
            if row.capitals:
                text = text.str.upper()
            for above in texts:
                text = text.mask(text == above)
            texts.append(text)
        return texts


class Style(Symbol):
    """
    How one layer is drawn.

    `where` keeps some of the features: an expression (`citygis.sheets.expressions`), or a table of fields with the values they
    may have. The style's own symbol draws all of them; a class draws those that it names. What no class names is drawn by the
    style's own symbol, and counted.
    """

    layer: str
    title: str = ""
    where: str | dict[str, tuple[str | int | bool, ...]] = {}
    field: str | None = None
    classes: tuple[SymbolClass, ...] = ()
    label: Label | None = None

    @field_validator("where")
    @classmethod
    def _an_expression(cls, where: str | dict) -> str | dict:
        if isinstance(where, str):
            parsed(where)
        return where

    @model_validator(mode="after")
    def _classes_of_a_field(self) -> Self:
        if self.field is None and any(not one.where for one in self.classes):
            raise ValueError("Must give the `field` that its classes have values, min or max of.")
        return self

    @cached_property
    def columns(self) -> list[str]:
        """The fields this style reads."""
        fields = [*(fields_of(self.where) if isinstance(self.where, str) else self.where)]
        fields += [self.field] if self.field else []
        for symbol in (self, *self.classes):
            fields += fields_of(symbol.where) if isinstance(symbol, SymbolClass) and symbol.where else []
            fields += [symbol.marker.azimuth_field] if symbol.marker and symbol.marker.azimuth_field else []
        for row in self.label.rows if self.label else ():
            fields += row.fields
        return list(dict.fromkeys(fields))

    def keeps(self, table: pd.DataFrame) -> np.ndarray:
        """Which rows of a table its `where` keeps."""
        if isinstance(self.where, str):
            return holds(self.where, table)
        keep = np.ones(len(table), dtype=bool)
        for field, values in self.where.items():
            keep &= text_of(table[field]).isin([str(value) for value in values]).to_numpy(dtype=bool)
        return keep


class FillTheme(Settings):
    """What a theme draws in place of a fill: another one, a hatch, or both."""

    fill: Color | None = None
    hatch: Hatch | None = None


class Theme(Settings):
    """
    Other colours for any style.

    `colors` changes a colour into another wherever it stands. With `ink`, every line, letter and marker has that colour, halos
    and white stay, and a fill becomes what `fills` says for its colour, else one of `patterns`, in the order of the style's
    classes; else nothing.
    """

    title: str = ""
    colors: dict[Color, Color] = {}
    ink: Color | None = None
    fills: dict[Color, FillTheme] = {}
    patterns: tuple[Hatch, ...] = ()


def classified(style: Style, table: pd.DataFrame) -> np.ndarray:
    """
    Which symbol draws each row: 0 the style's own, i its i-th class.

    Raises
    ------
    SheetError
        If a class asks for a number of a field that holds text.
    """
    numbers = np.zeros(len(table), dtype=int)
    if not style.classes or not len(table):
        return numbers
    values = text_of(table[style.field]) if style.field else None
    for number, one in enumerate(style.classes, start=1):
        if one.where:
            fits = holds(one.where, table)
        elif one.values is not None:
            fits = values.isin([str(value) for value in one.values]).to_numpy(dtype=bool)
        else:
            measure = as_numbers(table[style.field], f"A class of layer {style.layer!r} with min or max").to_numpy()
            fits = ~np.isnan(measure)
            fits &= measure >= one.min if one.min is not None else True
            fits &= measure < one.max if one.max is not None else True
        numbers[fits] = number
    return numbers


def symbol_of(style: Style, number: int) -> Symbol:
    """The style's own symbol (0) or that of its i-th class, which falls back to the style's where it says nothing."""
    return style.over(Symbol()) if number == 0 else style.classes[number - 1].over(style)


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
    return load(_found(name, "style", _folders(folder)), Style)


def read_theme(name: str, folder: Path | None = None) -> Theme:
    """
    The theme called `name`, of the folder ``themes`` beside the styles. Parameters and errors as `read_style`.
    """
    return load(_found(name, "theme", [place / "themes" for place in _folders(folder)]), Theme)


def style_paths(folder: Path | None = None) -> dict[str, Path]:
    """The files of all styles by name, in the order of the names; `folder` as in `read_style`."""
    return _paths(_folders(folder))


def theme_paths(folder: Path | None = None) -> dict[str, Path]:
    """The files of all themes, as `style_paths`."""
    return _paths([place / "themes" for place in _folders(folder)])


def themed(style: Style, theme: Theme | str | None, folder: Path | None = None) -> Style:
    """
    A style in the colours of a theme.

    Parameters
    ----------
    style : Style
    theme : Theme, str or None
        None leaves the style as it is; a name is looked up as `read_theme` does.
    folder : Path, optional
        The City's styles.
    """
    if isinstance(theme, str):
        theme = read_theme(theme, folder)
    if theme is None:
        return style
    style = _recolored(style, theme, ())
    if theme.ink is None:
        return style
    fills = [symbol.fill.lower() for symbol in (style, *style.classes) if symbol.fill and symbol.fill.lower() != WHITE]
    free = [fill for fill in dict.fromkeys(fills) if fill not in theme.fills]
    # Sixty classes and four patterns: the patterns come again, closer each time.
    own = {fill: FillTheme(hatch=_pattern(theme.patterns, i)) for i, fill in enumerate(free)}
    looks = theme.fills | own
    classes = tuple(_patterned(one, looks) for one in style.classes)
    return _patterned(style, looks).model_copy(update={"classes": classes})


def nearest(name: str, known: list[str]) -> str:
    """The end of a sentence about an unknown name: what was probably meant, else what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f". There are: {', '.join(known)}." if known else ". There are none."


def _folders(folder: Path | None) -> list[Path]:
    return [place for place in (folder, packaged_folder("styles")) if place is not None and place.is_dir()]


def _paths(folders: list[Path]) -> dict[str, Path]:
    """The TOML files of folders by name; the first folder that has one gives it."""
    return dict(sorted({path.stem: path for place in reversed(folders) for path in place.glob("*.toml")}.items()))


def _found(name: str, kind: str, folders: list[Path]) -> Path:
    known = _paths(folders)
    if name not in known:  # a name, not a path: nothing outside the folders is read
        raise SheetError(f"There is no {kind} {name!r}{nearest(name, list(known))} Looked in: {', '.join(map(str, folders))}.")
    return known[name]


def _recolored(model: Settings, theme: Theme, path: tuple[str, ...]):
    """A model with the colours of a theme in it and in all models inside it; fills of areas keep theirs for their pattern."""
    changed = {}
    for name, value in model:
        if isinstance(value, Settings):
            new = _recolored(value, theme, (*path, name))
        elif isinstance(value, tuple) and value and isinstance(value[0], Settings):
            new = tuple(_recolored(each, theme, (*path, name)) for each in value)
        elif name in ("color", "fill", "key_color") and value is not None:
            new = theme.colors.get(value.lower(), value)
            white = path[-1:] == ("halo",) or (isinstance(model, Line) and new.lower() == WHITE)
            inked = theme.ink and not white and not isinstance(model, Symbol)
            # A light tint inside a point symbol is its white.
            new = (theme.ink if name != "fill" or _is_dark(new) else WHITE) if inked else new
        else:
            continue
        if new != value:
            changed[name] = new
    return model.model_copy(update=changed) if changed else model


def _patterned(symbol: Symbol, looks: dict[str, FillTheme]) -> Symbol:
    if symbol.fill is None or symbol.fill.lower() == WHITE:
        return symbol
    look = looks[symbol.fill.lower()]
    # What let the ground through still does; what covered it still does, in white.
    fill = look.fill or (WHITE if symbol.opacity == 1 else None)
    return symbol.model_copy(update={"fill": fill, "hatch": symbol.hatch or look.hatch})


def _pattern(patterns: tuple[Hatch, ...], number: int) -> Hatch | None:
    if not patterns:
        return None
    again, which = divmod(number, len(patterns))
    pattern = patterns[which]
    return pattern.model_copy(update={"spacing_pt": max(pattern.spacing_pt * 0.7**again, 1.5)})


def _is_dark(color: str) -> bool:
    """Whether black ink stands for it: its luma (ITU-R BT.601) is below a half."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
