"""
The TIFF backend: a sheet's page as pixels that lie on the ground.

The page is rendered in bands of rows by PDFium, which reads it once, and written band by band, so that a 36 x 48 in sheet at
600 dpi takes some tens of megabytes of memory. The scale is exact: a page that is no whole number of pixels is not stretched.
"""

import warnings
from collections.abc import Callable, Iterable
from ctypes import POINTER, c_ubyte, cast
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
import rasterio
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning
from rasterio.transform import Affine
from rasterio.windows import Window

from citygis.errors import SheetError
from citygis.publish import publish_text, publishing
from citygis.sheets.frame import Frame
from citygis.sheets.scene import POINTS_PER_INCH

BAND_ROWS = 256
"""Rows rendered at a time."""

_SCREEN = np.array(
    [
        (24, 10, 12, 26, 35, 47, 49, 37),
        (8, 0, 2, 14, 45, 59, 61, 51),
        (22, 6, 4, 16, 43, 57, 63, 53),
        (30, 20, 18, 28, 33, 41, 55, 39),
        (34, 46, 48, 36, 25, 11, 13, 27),
        (44, 58, 60, 50, 9, 1, 3, 15),
        (42, 56, 62, 52, 23, 7, 5, 17),
        (32, 40, 54, 38, 31, 21, 19, 29),
    ]
)
"""In which order the pixels of a cell turn black as a tint darkens: two round dots at 45 degrees, 106 lines per inch at 600 dpi."""

_SOLID, _PAPER = 128, 250
"""Grey, of 255, below which G4 is black, and from which it is paper."""

_CACHE_BYTES = 8_000_000
"""GDAL's own cache; by default a twentieth of the machine's memory."""


class Raster(NamedTuple):
    """
    A written TIFF.

    Parameters
    ----------
    path : Path
    width_px, height_px : int
    transform : Affine or None
        Columns and rows (pixel corners) to eastings and northings, feet.
    """

    path: Path
    width_px: int
    height_px: int
    transform: Affine | None


def save_tiff(
    pdf: bytes,
    path: Path | str,
    *,
    frame: Frame | None,
    dpi: int = 600,
    mode: Literal["g4", "gray", "rgb"] = "g4",
    page: int = 0,
    overwrite: bool = False,
    progress: Callable[[Iterable], Iterable] = iter,
) -> Raster:
    """
    Write a sheet as GeoTIFF, with a ``.tfw`` beside it, whole or not at all.

    Parameters
    ----------
    pdf : bytes
        The sheet as `citygis.sheets.pdf.pdf_bytes` makes it.
    path : path
        Ends in ``.tif`` or ``.tiff``.
    frame : Frame or None
        The map's; the coordinates hold in it, and go on over the page. Of a rotated frame the pixels are rotated. None: a page
        of no one place, as a roll of several sheets; no coordinates and no ``.tfw``.
    dpi : int
    mode : str
        ``g4``: black and white, tints as dots, CCITT group 4, for plotters and records; ``gray`` or ``rgb``: LZW.
    page : int
        From 0.
    overwrite : bool
    progress : callable
        Given the bands, hands them on; a progress bar.

    Returns
    -------
    Raster

    Raises
    ------
    SheetError
        If `path` has another ending.
    ValueError
        If `dpi` or `mode` is none.
    StoreError
        As `citygis.publish.publishing`.
    """
    path = Path(path)
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise SheetError(f"{path.name} is not a .tif. Name the TIFF's file with that ending.")
    if mode not in ("g4", "gray", "rgb"):
        raise ValueError(f"Invalid mode {mode!r}. Must be g4, gray or rgb.")
    if not 1 <= dpi <= 2400:
        raise ValueError(f"Invalid dpi {dpi!r}. Must be 1 to 2400.")
    with pypdfium2.PdfDocument(pdf) as document:
        sheet = document[page]
        left, bottom, right, top = sheet.get_mediabox()
        width, height = (round((high - low) / POINTS_PER_INCH * dpi) for low, high in ((left, right), (bottom, top)))
        transform = _transform(frame, top - bottom, dpi) if frame else None
        ground = {"crs": frame.crs.to_wkt(), "transform": transform} if frame else {}
        bands = 3 if mode == "rgb" else 1
        with (
            publishing(path, overwrite=overwrite) as temporary,
            rasterio.Env(GDAL_CACHEMAX=_CACHE_BYTES),
            warnings.catch_warnings(),
        ):
            # Without a frame no coordinates are meant.
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(
                temporary,
                "w",
                driver="GTiff",
                width=width,
                height=height,
                count=bands,
                dtype="uint8",
                BLOCKYSIZE=min(BAND_ROWS, height),
                BIGTIFF="IF_SAFER",
                **ground,
                **_PROFILES[mode],
            ) as out:
                out.update_tags(TIFFTAG_XRESOLUTION=dpi, TIFFTAG_YRESOLUTION=dpi, TIFFTAG_RESOLUTIONUNIT=2)
                if mode == "rgb":
                    out.colorinterp = ColorInterp.red, ColorInterp.green, ColorInterp.blue
                for row in progress(range(0, height, BAND_ROWS)):
                    pixels = _band(sheet, row, width, min(BAND_ROWS, height - row), dpi, mode)
                    if mode == "g4":
                        pixels = _dots(pixels)
                    window = Window(0, row, width, pixels.shape[0])
                    if mode == "rgb":
                        out.write(np.moveaxis(pixels, 2, 0), window=window)
                    else:
                        out.write(pixels, 1, window=window)
            if transform:
                publish_text(path.with_suffix(".tfw"), _world_file(transform), overwrite=overwrite)
    return Raster(path, width, height, transform)


_PROFILES = {
    "g4": {"compress": "CCITTFAX4", "nbits": 1, "photometric": "MINISWHITE"},
    "gray": {"compress": "LZW", "predictor": 2, "photometric": "MINISBLACK"},
    "rgb": {"compress": "LZW", "predictor": 2, "photometric": "RGB", "interleave": "pixel"},
}


def _transform(frame: Frame, height_pt: float, dpi: int) -> Affine:
    """Columns and rows to the ground: the page's upper left corner, and what one pixel to the right and one down make of it."""
    step = POINTS_PER_INCH / dpi
    corner, right, down = frame.to_ground(np.array([(0.0, height_pt), (step, height_pt), (0.0, height_pt - step)]))
    # Over a page's length the rounding of a single pixel's step adds up; the steps are known exactly.
    length = float(frame.scale) / dpi
    across, below = ((other - corner) / np.hypot(*(other - corner)) * length for other in (right, down))
    if not frame.rotation_deg:
        across, below = np.array([length, 0.0]), np.array([0.0, -length])
    return Affine(across[0], below[0], corner[0], across[1], below[1], corner[1])


def _dots(pixels: np.ndarray) -> np.ndarray:
    """Ink, 0 or 1: what is darker than half black is solid, so that letters and lines keep their edges; tints become dots."""
    width = pixels.shape[1]
    cell = np.maximum(_PAPER - _SCREEN * (_PAPER / 64), _SOLID).astype(np.uint8)
    least = np.tile(cell, -(-width // 8))[:, :width]
    ink = pixels.view(bool)  # in place: a band of a large sheet is 20 MB
    for row in range(8):
        np.less(pixels[row::8], least[row], out=ink[row::8])
    return ink.view(np.uint8)


def _world_file(transform: Affine) -> str:
    """Six lines; the last two are the centre of the upper left pixel."""
    a, b, easting, d, e, northing = transform[:6]
    values = (a, d, b, e, easting + (a + b) / 2, northing + (d + e) / 2)
    return "".join(f"{value:.12f}\n" for value in values)


def _band(sheet: pypdfium2.PdfPage, row: int, width: int, rows: int, dpi: int, mode: str) -> np.ndarray:
    """Rows of the page: rows x width, or rows x width x 3, in a buffer of PDFium's own shape."""
    channels, form = (3, pdfium.FPDFBitmap_BGR) if mode == "rgb" else (1, pdfium.FPDFBitmap_Gray)
    stride = (width * channels + 3) // 4 * 4
    buffer = np.full((rows, stride), 255, dtype=np.uint8)
    bitmap = pdfium.FPDFBitmap_CreateEx(width, rows, form, cast(buffer.ctypes.data, POINTER(c_ubyte)), stride)
    scale = dpi / POINTS_PER_INCH
    # PDFium's matrix acts on the page as it shows it: upper left corner at the origin, down the page downward.
    flags = pdfium.FPDF_ANNOT | (pdfium.FPDF_GRAYSCALE if mode != "rgb" else pdfium.FPDF_REVERSE_BYTE_ORDER)
    if mode == "g4":
        # Two colours: half-covered pixels would only have to be rounded again.
        flags |= pdfium.FPDF_RENDER_NO_SMOOTHTEXT | pdfium.FPDF_RENDER_NO_SMOOTHPATH | pdfium.FPDF_RENDER_NO_SMOOTHIMAGE
    pdfium.FPDF_RenderPageBitmapWithMatrix(
        bitmap, sheet, pdfium.FS_MATRIX(scale, 0, 0, scale, 0, -row), pdfium.FS_RECTF(0, 0, width, rows), flags
    )
    pdfium.FPDFBitmap_Destroy(bitmap)
    pixels = buffer[:, : width * channels]
    return pixels.reshape(rows, width, channels) if channels > 1 else pixels
