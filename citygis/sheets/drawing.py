"""
Drawing: a sheet, the layers and the City made into a figure.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd

from citygis.city import City
from citygis.errors import SheetError
from citygis.sheets import composition, features, furniture, panel, sign_off
from citygis.sheets.column import Block
from citygis.sheets.dimension_plan import UNPLACED
from citygis.sheets.features import Features
from citygis.sheets.figure import Figure, FigurePage
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame, North, north
from citygis.sheets.graticule import graticule
from citygis.sheets.grid import cross_boxes, grid
from citygis.sheets.key_map import key_map
from citygis.sheets.labelling import Labelling, labelling
from citygis.sheets.layout import Layout, border
from citygis.sheets.legend import legend
from citygis.sheets.margin_notes import margin_notes
from citygis.sheets.paper import Page
from citygis.sheets.scene import POINTS_PER_INCH, Group, Paths, Scene, Texts
from citygis.sheets.sheet import Sheet, profile_of, require_profile, statements
from citygis.sheets.style import Style, nearest, read_style, read_theme, themed
from citygis.sheets.table import Table
from citygis.sheets.title_block import Number, numbers, title_block
from citygis.sheets.vicinity import vicinity_map
from citygis.sheets.view import Given, spread
from citygis.sheets.viewports import Viewport
from citygis.units import require_feet

if TYPE_CHECKING:
    from citygis.sheets.dimensions import Dimensioned

_NO_BOXES = np.array([], dtype=object)


def draw(
    sheet: Sheet,
    layers: Mapping[str, gpd.GeoDataFrame],
    *,
    city: City,
    styles: Mapping[str, Style] | None = None,
    tables: Sequence[Table] = (),
    numbered: Mapping[str, pd.Index] = MappingProxyType({}),
) -> Figure:
    """
    Draw a sheet.

    Parameters
    ----------
    sheet : Sheet
    layers : mapping of str to GeoDataFrame
        City layers by name, in the City's CRS. Not modified. A ``source_document`` frame, when given, fills the sources, and a
        ``label_pins`` frame (`Store.label_pins`) says where labels were put by hand; ``last_change`` how current they are.
    city : City
    styles : mapping of str to Style, optional
        Looked at before the City's and the packaged styles.
    tables : sequence of Table
        Beside those of the sheet itself: in what the panel has left, then on further pages.
    numbered : mapping of str to Index
        By layer, features that get a number although the frame cuts them: no other sheet of a series shows more of them.

    Returns
    -------
    Figure
        Drawn in memory; `Figure.save` writes it.

    Raises
    ------
    SheetError
        If a style, layer, column, profile or paper is unknown, the sheet lacks what its profile requires, a layer has no CRS or
        another than the City's, the view does not fit at the scale, something has no room in the panel, or nothing lies in the
        frame.
    """
    require_profile(sheet)
    unit = require_feet(city.crs, f"The City's system {city.crs.name}")
    profile = profile_of(sheet)
    theme = sheet.theme or ("black" if profile and profile.black_only else None)
    known = {
        name: themed((styles or {}).get(name) or read_style(name, city.styles_folder), theme, city.styles_folder)
        for name in sheet.layers
    }
    given = _given(known, layers, city)
    page, lay, frame = spread(sheet, given, layers, city)
    seen = _seen(given, frame)
    degrees, degree_boxes = graticule(frame, lay.type_scale) if sheet.graticule else (Group("Graticule", ()), _NO_BOXES)
    put = labelling(seen, frame, pins=layers.get("label_pins"), taken=degree_boxes, numbered=numbered)
    plan = sheet.dimensions
    measured = None
    if plan is not None:
        from citygis.sheets.dimensions import dimensions

        taken = np.concatenate([degree_boxes, cross_boxes(frame), put.boxes, *(features.marker_boxes(one) for one in seen)])
        measured = dimensions(plan, layers, frame, city, taken=taken)
    words = _Words.of(sheet, city, frame, unit.name, put, measured, seen, layers)
    own = [panel.key_table(put.unlabelled), *(_underlay().control_table(plan, city) for plan in sheet.underlays)]
    own += [measured.line_table, measured.curve_table] if measured else []
    listed = [table for table in (*own, *tables) if table is not None]
    furnished, more = _furnished(sheet, city, layers, frame, lay, words, listed)

    joins = margin_notes(frame, sheet.adjoining, lay.type_scale)
    around = [[grid(frame, lay.type_scale), joins, degrees, border(lay), *furnished.groups], *more]
    if theme and read_theme(theme, city.styles_folder).ink is not None:
        around = [[_black(group) for group in groups] for groups in around]
    drawn = _ground(seen, put, measured, frame)
    around[0] = [*(_underlay().underlay(plan, frame, city) for plan in sheet.underlays), *drawn, *around[0]]
    return Figure(
        sheet=sheet,
        page=page,
        frame=frame,
        pages=_pages(sheet, page, frame, furnished.insets, around),
        legend=tuple(entry.text for entry in words.entries),
        counts=_counts(seen, put, layers.get("label_pins"), frame),
        unlabelled=put.unlabelled,
        undimensioned=measured.unplaced if measured else pd.DataFrame(columns=list(UNPLACED)),
        absent=tuple(name for name in sheet.layers if name not in {one.name for one in seen}),
    )


def _underlay() -> ModuleType:
    """What draws underlays; a sheet without one does not wait for what reads rasters."""
    return importlib.import_module("citygis.sheets.underlay")


class _Words(NamedTuple):
    """What the panel says, before it is known how wide it is."""

    at_centre: North
    unit_name: str
    entries: list[furniture.Entry]
    notes: list[str]
    sources: list[str]

    @classmethod
    def of(
        cls,
        sheet: Sheet,
        city: City,
        frame: Frame,
        unit_name: str,
        put: Labelling,
        measured: Dimensioned | None,
        seen: list[Features],
        layers: Mapping,
    ) -> _Words:
        at_centre = north(city.crs, frame.easting, frame.northing)
        entries = list({entry.text: entry for one in reversed(seen) for entry in features.entries(one, frame)}.values())
        notes = [*panel.notes(sheet, city, frame, at_centre, unit_name, put.unlabelled), *put.notes]
        notes += measured.notes if measured else ()
        notes += [note for plan in sheet.underlays for note in _underlay().underlay_notes(plan, frame, city)]
        return cls(
            at_centre,
            unit_name,
            entries,
            notes,
            panel.sources(sheet, seen, layers.get("source_document"), layers.get("last_change")),
        )


def _blocks(sheet: Sheet, city: City, layers: Mapping, frame: Frame, words: _Words, width: float, k: float) -> list[Block]:
    """What must stand in the panel, in its order, as wide as one of its columns."""
    made = [furniture.orientation(width, k, frame, words.at_centre, words.unit_name, metres=sheet.scale_bar_metres)]
    if words.entries:
        made.append(legend(width, k, words.entries, frame))
    made.append(panel.paragraphs(width, k, "Notes", words.notes))
    if words.sources:
        made.append(panel.paragraphs(width, k, "Sources", words.sources))
    if sheet.vicinity:
        made.append(vicinity_map(width, k, sheet.vicinity, frame, layers))
    if sheet.adjoining:
        made.append(sign_off.adjoining(width, k, sheet.adjoining, sheet.title_block.sheet_number))
    made += [sign_off.statement(width, k, said) for said in statements(sheet, city)]
    if sheet.sign_off:
        made.append(sign_off.sign_off(width, k, sheet.sign_off))
    if sheet.seal:
        made.append(sign_off.seal(width, k, sheet.seal.text or city.name))
    if sheet.revisions:
        made.append(sign_off.revision_block(width, k, sheet.revisions))
    return made


def _furnished(
    sheet: Sheet, city: City, layers: Mapping, frame: Frame, lay: Layout, words: _Words, tables: list[Table]
) -> tuple[composition.Panel, list[list[Group]]]:
    """
    The panel beside the map, and the furniture of further pages with the tables it has no room for.

    How many pages there are is known only when the tables are laid out, and the sheet's number may depend on it: laid out once
    more where it does.
    """

    def blocks(width: float, k: float) -> list[Block]:
        return _blocks(sheet, city, layers, frame, words, width, k)

    def small(width: float, k: float, room: float) -> Block | None:
        return key_map(width, k, frame, layers, room) if sheet.key_map else None

    def titled(number: Number, subtitle: str = "") -> composition.Written:
        return lambda width, k: title_block(width, k, sheet, city, None if subtitle else frame, number, subtitle=subtitle)

    count = 1
    while True:
        number = numbers(sheet, count)
        furnished = composition.panel(lay, titled(number[0]), blocks, tables, small)
        left_over, more = furnished.left_over, []
        while left_over:
            before = left_over
            groups, left_over = composition.table_page(lay, titled(number[min(len(more) + 1, count - 1)], "Tables"), before)
            if left_over == before:
                raise SheetError(f"The {before[0].title.lower()} has no room on a page of this paper. Take a larger one.")
            more.append([border(lay, map_frame=False), *groups])
        if len(more) + 1 <= count:
            return furnished, more
        count = len(more) + 1


def _ground(seen: list[Features], put: Labelling, measured: Dimensioned | None, frame: Frame) -> list[Group]:
    """What is drawn in the frame, bottom-up."""
    drawn = [
        Group(one.title, features.batches(one, put.boxes, frame), frame.box_pt) for one in seen if features.drawn(one, frame).any()
    ]
    return [*drawn, *put.groups, *(measured.groups if measured else ())]


def _given(known: dict[str, Style], layers: Mapping, city: City) -> Given:
    given = []
    for name, style in known.items():
        if style.layer in layers:
            features.require_drawable(layers[style.layer], style.layer, city.crs)
            given.append((name, style, layers[style.layer]))
        elif style.layer not in city.schema.layers:
            places = sorted({*layers, *city.schema.layers})
            raise SheetError(
                f"Style {name!r} draws layer {style.layer!r}, which is neither given nor a City layer{nearest(style.layer, places)}"
            )
    if not given:
        raise SheetError(
            f"None of the sheet's layers is there: {', '.join(sorted({s.layer for s in known.values()}))}. Load them first."
        )
    return given


def _seen(given: Given, frame: Frame) -> list[Features]:
    """What lies in the frame, bottom-up."""
    seen = [features.in_frame(name, style, layer, frame) for name, style, layer in given]
    seen = [one for one in seen if len(one.shapes)]
    if not any(features.drawn(one, frame).any() for one in seen):
        raise SheetError(
            f"Nothing lies in the frame around E {frame.easting:,.0f}, N {frame.northing:,.0f}. "
            "Look at [view] in the sheet, and at the extent of the layers."
        )
    return seen


def _black(group: Group) -> Group:
    """A group in black and white: what is not white is black."""

    def ink(color: str | None) -> str | None:
        return color if color in (None, "#ffffff") else "#000000"

    batches = tuple(
        batch._replace(fill=ink(batch.fill), stroke=ink(batch.stroke))
        if isinstance(batch, Paths)
        else batch._replace(color=ink(batch.color))
        for batch in group.batches
    )
    return group._replace(batches=batches)


def _pages(
    sheet: Sheet, page: Page, frame: Frame, insets: list[tuple[str, Frame]], drawn: list[list[Group]]
) -> tuple[FigurePage, ...]:
    width, height = page.width_in * POINTS_PER_INCH, page.height_in * POINTS_PER_INCH
    pages = []
    for i, (groups, number) in enumerate(zip(drawn, numbers(sheet, len(drawn)), strict=True)):
        scene = Scene(width, height, tuple(group for group in groups if group.batches))
        _require_glyphs(scene)
        frames = [("Map", frame), *insets] if i == 0 else []
        pages.append(FigurePage(scene, tuple(Viewport(frame, name) for name, frame in frames), number.sheet))
    return tuple(pages)


def _counts(seen: list[Features], put: Labelling, pins: pd.DataFrame | None, frame: Frame) -> pd.DataFrame:
    unlabelled = put.unlabelled
    pinned = _pinned(seen, put, pins)
    return pd.DataFrame(
        {
            "style": [f.name for f in seen],
            "layer": [f.style.layer for f in seen],
            "features": [len(f.shapes) for f in seen],
            "drawn": [int(features.drawn(f, frame).sum()) for f in seen],
            "labelled": [put.placed.get(f.name, 0) for f in seen],
            "pinned": [pinned.get(f.name, 0) for f in seen],
            "shortened": [put.shortened.get(f.name, 0) for f in seen],
            "keyed": [int(unlabelled.loc[unlabelled["style"] == f.name, "key"].notna().sum()) for f in seen],
            "unlabelled": [int((unlabelled["style"] == f.name).sum()) for f in seen],
            "without_geometry": [f.without_geometry for f in seen],
            "invalid": [f.invalid for f in seen],
        }
    )


def _pinned(seen: list[Features], put: Labelling, pins: pd.DataFrame | None) -> dict[str, int]:
    """How many labels of each style stand where they were put by hand; of several styles of a layer the first placed has them."""
    if pins is None or not len(pins):
        return {}
    styles: dict[str, Features] = {}
    for one in sorted((f for f in seen if f.style.label), key=lambda f: (f.style.label.priority, f.name)):
        styles.setdefault(one.style.layer, one)
    counts = {}
    for layer, one in styles.items():
        if "global_id" in one.table:
            held = one.table["global_id"].isin(pins.loc[pins["layer"] == layer, "global_id"])
            missing = put.unlabelled.loc[put.unlabelled["style"] == one.name, "feature"]
            counts[one.name] = int((held & ~one.table.index.isin(missing)).sum())
    return counts


def _require_glyphs(scene: Scene) -> None:
    for group in scene.groups:
        for batch in group.batches:
            if isinstance(batch, Texts) and (gone := font(batch.font).missing("".join(batch.strings))):
                example = next(s for s in batch.strings if font(batch.font).missing(s))
                raise SheetError(
                    f"The sheet's font cannot write {' '.join(gone)!r}, as in {example!r} ({group.name}). "
                    "Spell it with letters it has: Latin, Greek or Cyrillic."
                )
