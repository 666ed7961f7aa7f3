"""
A drawn sheet, and the files it becomes.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import pypdfium2

from citygis.errors import SheetError
from citygis.publish import publishing
from citygis.sheets.document import DocumentPage, document_bytes
from citygis.sheets.frame import Frame, scale_text
from citygis.sheets.hpgl import hpgl_bytes
from citygis.sheets.paper import Page
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.preflight import Preflight, preflight
from citygis.sheets.scene import POINTS_PER_INCH, Scene
from citygis.sheets.sheet import Sheet
from citygis.sheets.svg import svg_text
from citygis.sheets.viewports import Viewport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

SUFFIXES = (".pdf", ".png", ".svg", ".tif", ".tiff", ".plt", ".hpgl")
"""What a figure can be saved as, by the file's ending."""


class FigurePage(NamedTuple):
    """A page of a figure: what is on it, and the map frames that have coordinates."""

    scene: Scene
    viewports: tuple[Viewport, ...]
    number: str


class Figure:
    """
    A drawn sheet, as `draw` makes it.

    Attributes
    ----------
    sheet : Sheet
    page : Page
    frame : Frame
        Of the map; its `scale` is the one drawn.
    pages : tuple of FigurePage
        The map, and after it the tables that found no room beside it.
    legend : tuple of str
        What the legend names, in its order.
    counts : DataFrame
        One row per style: ``style, layer, features`` (in the frame), ``drawn``, ``labelled``, ``pinned`` (of those labelled),
        ``shortened`` (labelled without an optional row), ``keyed`` (a number stands for the label), ``unlabelled`` (those keyed
        too), ``without_geometry``, ``invalid`` (drawn mended).
    unlabelled : DataFrame
        One row per feature that should have a label and has none: ``style, layer, feature`` (index in its layer), ``text``,
        ``reason``, ``key`` (its number on the map, or null), ``easting, northing`` (feet).
    undimensioned : DataFrame
        One row per course that is neither dimensioned nor in a table (`citygis.sheets.dimensions.UNPLACED`).
    absent : tuple of str
        Styles whose layer was not given or has nothing in the frame.
    """

    def __init__(self, *, sheet, page, frame, pages, legend, counts, unlabelled, undimensioned, absent):
        self.sheet: Sheet = sheet
        self.page: Page = page
        self.frame: Frame = frame
        self.pages: tuple[FigurePage, ...] = pages
        self.legend: tuple[str, ...] = legend
        self.counts: pd.DataFrame = counts
        self.unlabelled: pd.DataFrame = unlabelled
        self.undimensioned: pd.DataFrame = undimensioned
        self.absent: tuple[str, ...] = absent
        self._pdf: dict[bool, bytes] = {}

    @property
    def scene(self) -> Scene:
        """The page with the map."""
        return self.pages[0].scene

    def pdf(self, *, archive: bool = False) -> bytes:
        """The sheet as PDF, prepared for PDF/A where `archive`. The same sheet and layers give the same bytes."""
        if archive not in self._pdf:
            block = self.sheet.title_block
            said = {
                "title": ", ".join(filter(None, (block.title, block.subtitle))),
                "subject": f"{scale_text(self.frame.scale)}, {self.frame.crs.name}",
                "archive": archive,
            }
            files = [pdf_bytes(page.scene, viewports=page.viewports, **said) for page in self.pages]
            names = [f"Sheet {page.number}" for page in self.pages]
            self._pdf[archive] = (
                files[0]
                if len(files) == 1
                else document_bytes(
                    (
                        DocumentPage(file, name, label=page.number)
                        for file, name, page in zip(files, names, self.pages, strict=True)
                    ),
                    **said,
                )
            )
        return self._pdf[archive]

    def png(self, dpi: float = 100, *, page: int = 0) -> bytes:
        """A picture of a page, by default the one with the map."""
        with pypdfium2.PdfDocument(self.pdf()) as document:
            image = document[page].render(scale=dpi / POINTS_PER_INCH).to_pil()
        out = io.BytesIO()
        image.save(out, "PNG", dpi=(dpi, dpi))
        return out.getvalue()

    def svg(self, *, page: int = 0) -> str:
        """A page as SVG."""
        return svg_text(self.pages[page].scene)

    def matplotlib(self, *, page: int = 0) -> "tuple[MatplotlibFigure, Axes]":
        """A page as a matplotlib figure and axes in page points, to draw on further; see `citygis.sheets.easel`."""
        from citygis.sheets.easel import matplotlib_figure  # half a second that a plotter does not need

        return matplotlib_figure(self.pages[page].scene)

    def hpgl(self, *, page: int = 0) -> bytes:
        """A page as HP-GL/2, for older plotters; `citygis.sheets.hpgl.hpgl_warnings` says what it cannot show."""
        return hpgl_bytes(self.pages[page].scene)

    def save(
        self, path: Path | str, *, overwrite: bool = False, dpi: int | None = None, archive: bool = False, mode: str = "rgb"
    ) -> Path:
        """
        Write the sheet, whole or not at all, as what the file's ending says.

        Parameters
        ----------
        path : path
            ``.pdf`` holds all pages. ``.png``, ``.svg``, ``.tif`` and ``.plt`` (or ``.hpgl``) hold one: further ones are written
            beside it, as in ``sheet_2.plt``.
        overwrite : bool
        dpi : int, optional
            Of a picture: by default 100 for PNG and 300 for TIFF.
        archive : bool
            Prepare a PDF for PDF/A.
        mode : str
            Of a TIFF: ``rgb``, ``gray`` or ``g4``.

        Raises
        ------
        SheetError
            If `path` ends in something else.
        StoreError
            If it exists and `overwrite` is false, or cannot be written.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise SheetError(
                f"{path.name} does not say what it is to be. Name the sheet's file with one of: {', '.join(SUFFIXES)}."
            )
        if suffix == ".pdf":
            _write(path, lambda: self.pdf(archive=archive), overwrite)
            return path
        for page, target in enumerate(self.files(path)):
            if suffix in (".tif", ".tiff"):
                from citygis.sheets.tiff import save_tiff  # what writes rasters takes long to load

                save_tiff(self.pdf(), target, frame=self.frame, dpi=dpi or 300, mode=mode, page=page, overwrite=overwrite)
            elif suffix == ".png":
                _write(target, lambda page=page: self.png(dpi or 100, page=page), overwrite)
            elif suffix == ".svg":
                _write(target, lambda page=page: self.svg(page=page).encode(), overwrite)
            else:
                _write(target, lambda page=page: self.hpgl(page=page), overwrite)
        return path

    def files(self, path: Path) -> tuple[Path, ...]:
        """The files that `save` writes for `path`, one per page; a PDF holds all."""
        if path.suffix.lower() == ".pdf":
            return (path,)
        return tuple(path if page == 0 else path.with_stem(f"{path.stem}_{page + 1}") for page in range(len(self.pages)))

    def preflight(self, path: Path | str) -> Preflight:
        """Measure the PDF at `path` against this sheet and its profile."""
        page, scene = self.page, self.scene
        return preflight(
            path,
            width_in=page.width_in,
            height_in=page.height_in,
            margin_in=page.margins_in,
            scale=self.frame.scale,
            layers=tuple(group.name for group in scene.groups),
            profile=self.sheet.profile,
            pages=len(self.pages),
        )

    def _repr_png_(self) -> bytes:
        return self.png(72)

    def __repr__(self) -> str:
        size = f"{self.page.width_in:g} x {self.page.height_in:g} in"
        return f"<Figure {self.sheet.title_block.title!r}, {size}, {scale_text(self.frame.scale)}>"


def _write(path: Path, content: Callable[[], bytes], overwrite: bool) -> None:
    with publishing(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(content())
