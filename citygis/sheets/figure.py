"""
A drawn sheet: the layers, the sheet and the City made into a scene, and the scene into a file.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pypdfium2

from citygis.city import City
from citygis.errors import SheetError
from citygis.publish import publishing
from citygis.sheets import features as drawing
from citygis.sheets import furniture, panel
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame, north, scale_text
from citygis.sheets.grid import grid
from citygis.sheets.key_map import key_map
from citygis.sheets.labelling import labelling
from citygis.sheets.layout import layout
from citygis.sheets.pdf import Viewport, pdf_bytes
from citygis.sheets.preflight import Preflight, preflight
from citygis.sheets.scene import POINTS_PER_INCH, Group, Scene, Texts
from citygis.sheets.sheet import Page, Sheet, page_of
from citygis.sheets.style import Style, nearest, read_style
from citygis.sheets.view import map_frame
from citygis.units import require_feet


class Figure:
    """
    A drawn sheet, as `draw` makes it.

    Attributes
    ----------
    sheet : Sheet
    page : Page
    frame : Frame
        Of the map; its `scale` is the one drawn.
    scene : Scene
    legend : tuple of str
        What the legend names, in its order.
    counts : DataFrame
        One row per style: ``style, layer, features`` (in the frame), ``drawn``, ``labelled``, ``shortened`` (labelled
        without an optional row), ``unlabelled``, ``without_geometry``.
    unlabelled : DataFrame
        One row per feature that should have a label and has none: ``style, layer, feature`` (index in its layer), ``text``,
        ``reason``, ``key`` (its number on the map, or null), ``easting, northing`` (feet).
    absent : tuple of str
        Styles whose layer was not given or has nothing in the frame.
    """

    def __init__(self, sheet, page, frame, scene, legend, counts, unlabelled, absent):
        self.sheet: Sheet = sheet
        self.page: Page = page
        self.frame: Frame = frame
        self.scene: Scene = scene
        self.legend: tuple[str, ...] = legend
        self.counts: pd.DataFrame = counts
        self.unlabelled: pd.DataFrame = unlabelled
        self.absent: tuple[str, ...] = absent
        self._pdf: bytes | None = None

    def pdf(self) -> bytes:
        """The sheet as PDF. The same sheet and layers give the same bytes."""
        if self._pdf is None:
            block = self.sheet.title_block
            title = ", ".join(filter(None, (block.title, block.subtitle)))
            subject = f"{scale_text(self.frame.scale)}, {self.frame.crs.name}"
            self._pdf = pdf_bytes(self.scene, viewports=(Viewport(self.frame, "Map"),), title=title, subject=subject)
        return self._pdf

    def png(self, dpi: float = 100) -> bytes:
        """A picture of the sheet."""
        with pypdfium2.PdfDocument(self.pdf()) as document:
            image = document[0].render(scale=dpi / POINTS_PER_INCH).to_pil()
        out = io.BytesIO()
        image.save(out, "PNG", dpi=(dpi, dpi))
        return out.getvalue()

    def save(self, path: Path | str, *, overwrite: bool = False) -> Path:
        """
        Write the sheet as PDF, whole or not at all.

        Raises
        ------
        SheetError
            If `path` does not end in ``.pdf``.
        StoreError
            If it exists and `overwrite` is false, or cannot be written.
        """
        path = Path(path)
        if path.suffix.lower() != ".pdf":
            raise SheetError(f"{path.name} is not a .pdf. Name the sheet's file with that ending.")
        with publishing(path, overwrite=overwrite) as temporary:
            temporary.write_bytes(self.pdf())
        return path

    def preflight(self, path: Path | str) -> Preflight:
        """Measure the file at `path` against this sheet."""
        page, scene = self.page, self.scene
        return preflight(
            path,
            width_in=page.width_in,
            height_in=page.height_in,
            margin_in=page.margin_in,
            scale=self.frame.scale,
            layers=tuple(group.name for group in scene.groups),
        )

    def _repr_png_(self) -> bytes:
        return self.png(72)

    def __repr__(self) -> str:
        size = f"{self.page.width_in:g} x {self.page.height_in:g} in"
        return f"<Figure {self.sheet.title_block.title!r}, {size}, {scale_text(self.frame.scale)}>"


def draw(sheet: Sheet, layers: Mapping[str, gpd.GeoDataFrame], *, city: City, styles: Mapping[str, Style] | None = None) -> Figure:
    """
    Draw a sheet.

    Parameters
    ----------
    sheet : Sheet
    layers : mapping of str to GeoDataFrame
        City layers by name, in the City's CRS. Not modified. A ``source_document`` frame, when given, fills the sources.
    city : City
    styles : mapping of str to Style, optional
        Looked at before the City's and the packaged styles.

    Returns
    -------
    Figure
        Drawn in memory; `Figure.save` writes it.

    Raises
    ------
    SheetError
        If a style, layer, column or paper is unknown, a layer has no CRS or another than the City's, the view does not fit at
        the scale, or nothing lies in the frame.
    """
    unit = require_feet(city.crs, f"The City's system {city.crs.name}")
    page = page_of(sheet)
    lay = layout(sheet, page)
    known = {name: (styles or {}).get(name) or read_style(name, city.styles_folder) for name in sheet.layers}
    given = _given(known, layers, city)
    frame = map_frame(sheet, page, lay, given, layers, city)

    seen = [drawing.in_frame(name, style, layer, frame) for name, style, layer in given]
    seen = [features for features in seen if len(features.shapes)]
    if not any(drawing.drawn(features, frame).any() for features in seen):
        e, n = frame.easting, frame.northing
        raise SheetError(
            f"Nothing lies in the frame around E {e:,.0f}, N {n:,.0f}. "
            "Look at [view] in the sheet, and at the extent of the layers."
        )
    put = labelling(seen, frame)
    groups = [
        Group(features.title, drawing.batches(features, put.boxes, frame), frame.box_pt)
        for features in seen
        if drawing.drawn(features, frame).any()
    ]
    legend_entries = list({entry.text: entry for features in reversed(seen) for entry in drawing.entries(features, frame)}.values())

    at_centre = north(city.crs, frame.easting, frame.northing)
    block, floor = furniture.title_block(lay.panel, lay.type_scale, panel.titles(sheet, city, frame))
    column = furniture.Column(lay.panel, lay.type_scale)
    furnished = furniture.orientation(column, frame, at_centre, unit.name)
    furniture.legend(column, legend_entries)
    furnished.append(column.group("Legend"))
    furniture.paragraphs(column, "Notes", panel.notes(sheet, city, frame, at_centre, unit.name, put.unlabelled))
    if lines := panel.sources(sheet, seen, layers.get("source_document")):
        furniture.paragraphs(column, "Sources", lines)
    furniture.require_room(column, floor)
    panel.key_table(column, put.unlabelled, floor)
    furnished.append(column.group("Notes"))
    if small := key_map(column, frame, layers, floor):
        furnished.append(small)

    groups += [*put.groups, grid(frame, lay.type_scale), furniture.border(lay), *furnished, block]
    width, height = page.width_in * POINTS_PER_INCH, page.height_in * POINTS_PER_INCH
    scene = Scene(width, height, tuple(group for group in groups if group.batches))
    _require_glyphs(scene)
    unlabelled = put.unlabelled
    counts = pd.DataFrame(
        {
            "style": [f.name for f in seen],
            "layer": [f.style.layer for f in seen],
            "features": [len(f.shapes) for f in seen],
            "drawn": [int(drawing.drawn(f, frame).sum()) for f in seen],
            "labelled": [put.placed.get(f.name, 0) for f in seen],
            "shortened": [put.shortened.get(f.name, 0) for f in seen],
            "unlabelled": [int((unlabelled["style"] == f.name).sum()) for f in seen],
            "without_geometry": [f.without_geometry for f in seen],
        }
    )
    absent = tuple(name for name in sheet.layers if name not in {f.name for f in seen})
    return Figure(sheet, page, frame, scene, tuple(e.text for e in legend_entries), counts, unlabelled, absent)


def _given(known: dict[str, Style], layers: Mapping, city: City) -> list[tuple[str, Style, gpd.GeoDataFrame]]:
    given = []
    for name, style in known.items():
        if style.layer in layers:
            drawing.require_drawable(layers[style.layer], style.layer, city.crs)
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


def _require_glyphs(scene: Scene) -> None:
    for group in scene.groups:
        for batch in group.batches:
            if isinstance(batch, Texts) and (gone := font(batch.font).missing("".join(batch.strings))):
                example = next(s for s in batch.strings if font(batch.font).missing(s))
                raise SheetError(
                    f"The sheet's font cannot write {' '.join(gone)!r}, as in {example!r} ({group.name}). "
                    "Spell it with letters it has: Latin, Greek or Cyrillic."
                )
