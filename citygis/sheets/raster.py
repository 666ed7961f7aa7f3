"""
The dots of a raster: a window of it, as a printer gets them.
"""

import warnings
from pathlib import Path

import numpy as np
import rasterio
from PIL import Image
from rasterio.enums import ColorInterp, MaskFlags, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from citygis.errors import ReadError

DRIVERS = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".jp2": "JP2OpenJPEG",
    ".img": "HFA",
    ".vrt": "VRT",
    ".asc": "AAIGrid",
    ".dem": "USGSDEM",
    ".hgt": "SRTMHGT",
}
"""GDAL's driver by the ending of a file: pictures and grids that are files of their own, or a VRT over such; none that fetches."""


class OpenRaster:
    """
    A raster, open for as long as the ``with`` lasts; what the driver complains of then names the file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ReadError
        If its ending is none of `DRIVERS`, or it is damaged, or is cut off.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> DatasetReader:
        driver = DRIVERS.get(self.path.suffix.lower())
        if driver is None:
            raise ReadError(
                f"{self.path} ends in none of {', '.join(DRIVERS)}. Convert it: gdal_translate {self.path.name} picture.tif"
            )
        try:
            with warnings.catch_warnings():
                # A raster without a place is refused, or placed by control points; it needs no warning too.
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                self._dataset = rasterio.open(self.path, driver=driver)
        except RasterioError as error:
            raise ReadError(f"{self.path} is no {driver} raster, or is cut off ({error}). Ask for it again.") from None
        return self._dataset

    def __exit__(self, kind, error, trace) -> None:
        self._dataset.close()
        if isinstance(error, RasterioError):
            raise ReadError(f"{self.path} is damaged or cut off ({error}). Ask for it again.") from None


def picture(dataset: DatasetReader, window: tuple[int, int, int, int], size: tuple[int, int]) -> np.ndarray | None:
    """
    A window of a picture.

    Parameters
    ----------
    dataset : DatasetReader
        Open; bands of 8 bits.
    window : tuple of int
        First column, first row, end column, end row.
    size : (int, int)
        Dots across and down; at most as many as the window has pixels, which are averaged.

    Returns
    -------
    array of uint8, down x across or down x across x 3
        Grey or colours, white where the raster knows nothing; None where it knows nothing at all.
    """
    numbers = colours(dataset)
    return _painted(dataset, window, size, numbers) if numbers is not None else _photograph(dataset, window, size)


def colours(dataset: DatasetReader) -> np.ndarray | None:
    """Colours by number, 256 or 256 x 3, of a raster that has a palette, or one bit a pixel; None of the others."""
    if dataset.count != 1 or dataset.dtypes[0] != "uint8":
        return None
    if dataset.colorinterp[0] is ColorInterp.palette:
        table = np.full((256, 4), 255, dtype=np.uint8)
        for number, colour in dataset.colormap(1).items():
            table[number] = colour
        solid = _on_white(table[:, None, :3], table[:, None, 3])[:, 0]
        return solid[:, 0].copy() if (solid == solid[:, :1]).all() else solid
    if dataset.tags(1, ns="IMAGE_STRUCTURE").get("NBITS") == "1":
        return np.array([0] + [255] * 255, dtype=np.uint8)
    return None


def window_of(window: tuple[int, int, int, int]) -> Window:
    """First column, first row, end column, end row as rasterio takes them."""
    left, top, right, bottom = (int(n) for n in window)
    return Window(left, top, right - left, bottom - top)


def _photograph(dataset: DatasetReader, window: tuple, size: tuple) -> np.ndarray | None:
    bands = _bands(dataset)
    how = {"window": window_of(window), "resampling": Resampling.average}
    width, height = (int(n) for n in size)
    flags = dataset.mask_flag_enums[bands[0] - 1]
    mask = None if MaskFlags.all_valid in flags else dataset.dataset_mask(out_shape=(height, width), **how)
    if mask is not None and not mask.any():
        return None
    found = np.moveaxis(dataset.read(bands, out_shape=(len(bands), height, width), **how), 0, -1)
    found = found[:, :, 0] if len(bands) == 1 else found
    return found if mask is None or mask.all() else _on_white(found, mask)


def _painted(dataset: DatasetReader, window: tuple, size: tuple, table: np.ndarray) -> np.ndarray | None:
    """A picture of colours by number: these cannot be averaged, so it is read whole, coloured, and then made smaller."""
    numbers = dataset.read(1, window=window_of(window))
    mask = dataset.read_masks(1, window=window_of(window))
    if not mask.any():
        return None
    found = table[numbers]
    found[mask == 0] = 255
    size = tuple(int(n) for n in size)
    if size != numbers.shape[::-1]:
        found = np.asarray(Image.fromarray(found).resize(size, Image.Resampling.BOX))
    return found


def _bands(dataset: DatasetReader) -> list[int]:
    """Red, green and blue, or the one band of grey; a fourth band is infrared or a mask."""
    if dataset.count < 3:
        return [1]
    kinds = list(dataset.colorinterp)
    wanted = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
    return [kinds.index(kind) + 1 for kind in wanted] if all(kind in kinds for kind in wanted) else [1, 2, 3]


def _on_white(dots: np.ndarray, mask: np.ndarray) -> np.ndarray:
    cover = mask.astype(np.float32)[..., None] / 255 if dots.ndim == 3 else mask.astype(np.float32) / 255
    return np.rint(255 - (255 - dots) * cover).astype(np.uint8)
