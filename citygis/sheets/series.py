"""
A series: one sheet file drawn many times, as an index grid, along a street, or once for each of some features.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from pydantic import field_validator, model_validator

from citygis.city import City
from citygis.errors import SheetError
from citygis.settings import Settings, load
from citygis.sheets.column import INK
from citygis.sheets.features import require_drawable
from citygis.sheets.frame import Frame, feet_text, scale_of
from citygis.sheets.index_grid import GridPlan, index_grid, row_letters
from citygis.sheets.pool import drawn_by
from citygis.sheets.sheet import Sheet, View
from citygis.sheets.strips import STREET_NAME, Match, Strip, StripPlan, station_text, street_names, strips
from citygis.sheets.style import Style, nearest, text_of
from citygis.sheets.view import spread, within_city

_INDEXED = {"parcel": ("apn", "apn_display"), "street_centerline": STREET_NAME}
"""Columns that the index reads."""

MATCH_LINE = Style.model_validate(
    {
        "layer": "match_line",
        "title": "Match lines",
        "line": {"color": INK, "width_pt": 1.4, "dash_pt": (16.0, 4.0, 4.0, 4.0), "break_at_labels": True},
        "label": {
            "placement": "along",
            "priority": 1,
            "repeat_in": 40.0,
            "rows": [{"text": "{said}", "size_pt": 8.0, "font": "bold", "capitals": True}],
        },
    }
)
"""What the line where two strips meet is drawn with."""


class FeaturePlan(Settings):
    """
    A series of one sheet per feature.

    Parameters
    ----------
    layer : str
    field : str
        Features of one value are on one sheet.
    values : tuple of str or int
        Those that get a sheet, in this order. Empty for all, sorted.
    scale : str, optional
        In place of the sheet's: ``fit``, or one scale for all.
    name : str
        What a sheet is called in its title block and bookmark; ``{value}`` stands for the value.
    """

    layer: str
    field: str
    values: tuple[str | int, ...] = ()
    scale: str | None = None
    name: str = "{value}"

    @field_validator("scale")
    @classmethod
    def _a_scale(cls, text: str | None) -> str | None:
        if text not in (None, "fit"):
            scale_of(text)
        return text

    @field_validator("name")
    @classmethod
    def _with_a_value(cls, text: str) -> str:
        if "{value}" not in text:
            raise ValueError('Must hold {value}, like "Tract No. {value}".')
        return text


class IndexPlan(Settings):
    """
    What is on the pages before the sheets, beside a map of their frames.

    Parameters
    ----------
    streets, parcels : bool
        Tables of street names and of parcel numbers with the sheets they are on.
    """

    streets: bool = True
    parcels: bool = True


class Series(Settings):
    """
    A series of sheets.

    Parameters
    ----------
    sheet : str
        The sheet file that all are drawn by, beside this one or in the City's sheets folder.
    title : str
        Of the document; by default the sheet's.
    grid, strip, per_feature
        One of them: where the sheets lie.
    index : IndexPlan or None
        ``index = false`` leaves it out.
    """

    sheet: str
    title: str = ""
    grid: GridPlan | None = None
    strip: StripPlan | None = None
    per_feature: FeaturePlan | None = None
    index: IndexPlan | bool = IndexPlan()

    @model_validator(mode="after")
    def _one_way(self) -> Series:
        if sum(plan is not None for plan in (self.grid, self.strip, self.per_feature)) != 1:
            raise ValueError("Must say one of: [grid], [strip], [per_feature].")
        return self

    @classmethod
    def from_file(cls, path: Path | str) -> Series:
        """
        The series a TOML file describes.

        Raises
        ------
        SettingsError
            If the file is missing, is not TOML, or does not say what it must.
        """
        return load(path, cls)

    @property
    def layer(self) -> str:
        """The layer that says where the sheets lie."""
        return (self.grid or self.strip or self.per_feature).layer

    @property
    def reads(self) -> dict[str, list[str]]:
        """Layers that must be whole, and the columns of them that are read beside those of the styles."""
        columns = {name: list(fields) for name, fields in _INDEXED.items()}
        columns.setdefault(self.layer, []).extend([self.per_feature.field] if self.per_feature else [])
        return columns

    @property
    def index_plan(self) -> IndexPlan | None:
        """What comes before the sheets, if anything."""
        return IndexPlan() if self.index is True else self.index or None


class Leaf(NamedTuple):
    """
    A sheet of a series.

    Parameters
    ----------
    number : str
    name : str
        Its bookmark.
    chapter : str
        The bookmark it stands below; empty for none.
    sheet : Sheet
        What is drawn: with its own view, number and neighbours.
    frame : Frame
        Exactly what its map shows.
    cell : Polygon
        What is drawn of it on index and key maps: its frame, of a grid without what neighbours share; or the areas it is about.
    match_lines : GeoDataFrame or None
        Column ``said`` and lines, where it meets the strips beside it.
    """

    number: str
    name: str
    chapter: str
    sheet: Sheet
    frame: Frame
    cell: shapely.Polygon | shapely.MultiPolygon
    match_lines: gpd.GeoDataFrame | None = None

    @property
    def ground(self) -> shapely.Polygon:
        """What its map shows, feet."""
        return shapely.Polygon(self.frame.corners)


class Leaves(NamedTuple):
    """The sheets of a series, in order, and how many places of its grid have none as there is nothing to show."""

    leaves: tuple[Leaf, ...]
    empty: int


def leaves(series: Series, sheet: Sheet, layers: Mapping[str, gpd.GeoDataFrame], city: City) -> Leaves:
    """
    The sheets of a series.

    Parameters
    ----------
    series : Series
    sheet : Sheet
        What its file says; its view is not used.
    layers : mapping of str to GeoDataFrame
        With `Series.layer`.
    city : City

    Returns
    -------
    Leaves
        Each numbered, and told how many there are. Where sheets lie beside each other, each names the other.

    Raises
    ------
    SheetError
        If the layer, field, value or street is not there, the sheet's scale is not one that a grid or strip can be laid out at,
        or there is no sheet.
    """
    if series.layer not in layers:
        raise SheetError(f"The series names layer {series.layer!r}{nearest(series.layer, sorted(layers))}")
    layer = layers[series.layer]
    require_drawable(layer, series.layer, city.crs)
    sheet = sheet.model_copy(update={"adjoining": {}})
    empty = 0
    if series.per_feature:
        drafts = _per_feature(series.per_feature, sheet, layer, city)
    elif sheet.fixed_scale is None:
        raise SheetError('The sheets of a grid or a strip are of one scale. Say it in the sheet: scale = "1in=100ft".')
    elif series.grid:
        drafts, empty = _grid(series.grid, sheet, layer, city)
    else:
        drafts = _strip(series.strip, sheet, layer, city)
    if not drafts:
        raise SheetError(f"The series has no sheet: layer {series.layer!r} has no feature for it.")
    return Leaves(tuple(_numbered(draft, len(drafts)) for draft in drafts), empty)


def chosen(all_leaves: tuple[Leaf, ...], text: str) -> tuple[Leaf, ...]:
    """
    Some of the sheets of a series, in its order.

    Parameters
    ----------
    all_leaves : tuple of Leaf
    text : str
        Numbers and ranges of them, as in ``3,7-9`` or ``B2,C1-C4``.

    Raises
    ------
    SheetError
        If there is no such sheet, or a range runs backwards.
    """
    places = {leaf.number: i for i, leaf in enumerate(all_leaves)}
    wanted: set[int] = set()
    for part in filter(None, re.split(r"[,\s]+", text)):
        first, _, last = (part, "", part) if part in places else part.partition("-")
        for number in (first, last):
            if number not in places:
                numbers = f"{all_leaves[0].number} to {all_leaves[-1].number}"
                raise SheetError(f"There is no sheet {number!r} in {text!r}. The sheets are {numbers}; say them like 3,7-9.")
        if places[last] < places[first]:
            raise SheetError(f"The sheets {part!r} run backwards. Say them like 7-9.")
        wanted.update(range(places[first], places[last] + 1))
    if not wanted:
        raise SheetError(f"No sheet is named in {text!r}. Say them like 3,7-9.")
    return tuple(all_leaves[i] for i in sorted(wanted))


def _placed(sheet: Sheet, view: View, city: City, **changes) -> tuple[Sheet, Frame]:
    placed = sheet.model_copy(update={"view": view, **changes})
    return placed, spread(placed, [], {}, city).frame


def _numbered(draft: Leaf, count: int) -> Leaf:
    block = draft.sheet.title_block.model_copy(update={"sheet_number": draft.number, "sheet_count": str(count), "letters": True})
    return draft._replace(sheet=draft.sheet.model_copy(update={"title_block": block}))


def _ground(sheet: Sheet, city: City) -> Frame:
    """The frame of the sheet at some place: how much ground it shows."""
    return _placed(sheet, View(centre=(0.0, 0.0)), city)[1]


def _grid(plan: GridPlan, sheet: Sheet, layer: gpd.GeoDataFrame, city: City) -> tuple[list[Leaf], int]:
    some = _ground(sheet, city)
    shapes = np.asarray(drawn_by(sheet, plan.layer, layer, city).geometry.values)
    shapes = shapes[np.isfinite(shapely.bounds(shapes)).all(axis=1)]
    grid = index_grid(
        shapes[within_city(shapely.bounds(shapes), city, f"layer {plan.layer!r}")],
        plan,
        width_ft=some.width_pt / some.points_per_foot,
        height_ft=some.height_pt / some.points_per_foot,
        feet_per_inch=float(some.scale),
    )
    drafts = []
    for cell in grid.cells:
        own, frame = _placed(sheet, View(centre=(cell.easting, cell.northing)), city, adjoining=cell.adjoining)
        row = row_letters(cell.row) if plan.numbering == "letters" else str(cell.row + 1)
        half = plan.overlap_in * float(some.scale) / 2
        west, south, east, north = frame.extent
        inner = shapely.box(west + half, south + half, east - half, north - half)
        drafts.append(Leaf(cell.number, f"Sheet {cell.number}", f"Row {row}", own, frame, inner))
    return drafts, grid.empty


def _strip(plan: StripPlan, sheet: Sheet, layer: gpd.GeoDataFrame, city: City) -> list[Leaf]:
    names = street_names(layer)
    lines = np.asarray(layer.geometry.values)
    mine = (names.str.casefold() == " ".join(plan.street.split()).casefold()).to_numpy(dtype=bool)
    mine = mine & ~(shapely.is_missing(lines) | shapely.is_empty(lines))
    if not mine.any():
        raise SheetError(f"Layer {plan.layer!r} has no street {plan.street!r}{nearest(plan.street, sorted(set(names) - {''}))}")
    some = _ground(sheet, city)
    made = strips(
        lines[mine],
        width_ft=some.width_pt / some.points_per_foot,
        height_ft=some.height_pt / some.points_per_foot,
        overlap_ft=plan.overlap_in * float(some.scale),
        aside=plan.aside,
    )
    several = made[-1].part > 0
    street = names[mine].iloc[0]
    drafts = []
    for i, strip in enumerate(made):
        around = {side: str(i + 1 + step) for side, step, there in (("W", -1, strip.before), ("E", 1, strip.after)) if there}
        view = View(centre=(strip.easting, strip.northing), rotation_deg=strip.rotation_deg)
        stations = f"{street}, {station_text(strip.start_ft)} to {station_text(strip.end_ft)}"
        block = sheet.title_block.model_copy(update={"subtitle": stations})
        own, frame = _placed(sheet, view, city, adjoining=around, title_block=block)
        chapter = f"{street}, part {strip.part + 1}" if several else ""
        shown, lines = shapely.Polygon(frame.corners), _match_lines(strip, around, city)
        drafts.append(Leaf(str(i + 1), f"Sheet {i + 1}, {stations}", chapter, own, frame, shown, lines))
    return drafts


def _match_lines(strip: Strip, around: dict[str, str], city: City) -> gpd.GeoDataFrame | None:
    there: list[tuple[str, Match]] = [(s, match) for s, match in (("W", strip.before), ("E", strip.after)) if match]
    if not there:
        return None
    said = [f"Match line {station_text(match.station_ft)}, see sheet {around[side]}" for side, match in there]
    return gpd.GeoDataFrame({"said": said}, geometry=[match.line for _, match in there], crs=city.crs)


def _per_feature(plan: FeaturePlan, sheet: Sheet, layer: gpd.GeoDataFrame, city: City) -> list[Leaf]:
    if plan.field not in layer:
        known = nearest(plan.field, list(layer.columns))
        raise SheetError(f"[per_feature] names field {plan.field!r} of layer {plan.layer!r}{known}")
    values = text_of(layer[plan.field])
    shapes = np.asarray(layer.geometry.values)
    there = values.notna().to_numpy(dtype=bool) & ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    boxes = (
        layer.geometry[there]
        .bounds.groupby(values[there].to_numpy())
        .agg({"minx": "min", "miny": "min", "maxx": "max", "maxy": "max"})
    )
    wanted = [str(value) for value in plan.values] or sorted(boxes.index, key=_in_order)
    for value in wanted:
        if value not in boxes.index:
            known = nearest(value, list(boxes.index))
            raise SheetError(f"Layer {plan.layer!r} has no feature whose {plan.field} is {value!r}{known}")
    if len(set(wanted)) < len(wanted):
        raise SheetError("[per_feature] values names a value twice. Name each once.")
    drafts = []
    for i, value in enumerate(wanted, start=1):
        extent = tuple(float(v) for v in boxes.loc[value])
        name = plan.name.replace("{value}", value)
        block = sheet.title_block.model_copy(update={"subtitle": name})
        own, frame = _placed(sheet, View(extent=extent), city, scale=plan.scale or sheet.scale, title_block=block)
        # What was found to fit is drawn, so that neighbours on the paper do not decide the scale again.
        own = own.model_copy(update={"scale": f"1in={feet_text(Fraction(frame.scale))}ft"})
        about = shapely.union_all(shapely.make_valid(shapes[there & (values == value).to_numpy(dtype=bool)]))
        about = about if shapely.area(about) > 0 else shapely.Polygon(frame.corners)
        drafts.append(Leaf(str(i), f"Sheet {i}, {name}", "", own, frame, about))
    return drafts


def _in_order(value: str) -> tuple:
    """Numbers in text by their size: Tract 9 before Tract 10."""
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", value) if part)
