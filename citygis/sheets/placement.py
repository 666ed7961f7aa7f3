"""
Where the pixels of a raster lie on the City's ground: by its own georeference, or by the control points of a scan.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from pyproj.exceptions import CRSError as ProjCRSError
from rasterio import Affine
from rasterio.io import DatasetReader

from citygis.city import City
from citygis.errors import CRSError, ReadError, SheetError
from citygis.geodesy import transform_frame
from citygis.scans import fit_scan, ground_of, transform_of
from citygis.scans.control_points import require_usable
from citygis.sheets.frame import Frame


class Placement(NamedTuple):
    """
    Where the pixels of a raster lie.

    Attributes
    ----------
    ground : callable
        Columns and rows (n x 2, counted from the corner of the first pixel, rows downward) to eastings and northings, n x 2.
    pixels : callable or None
        The way back; None where there is none in one step.
    notes : tuple of str
        How it was placed, and how well, for the sheet.
    points : DataFrame or None
        Of a scan: the control points with their residuals (`citygis.scans.ScanFit.points`).
    """

    ground: Callable[[np.ndarray], np.ndarray]
    pixels: Callable[[np.ndarray], np.ndarray] | None
    notes: tuple[str, ...] = ()
    points: pd.DataFrame | None = None


def raster_placement(
    dataset: DatasetReader, path: Path, *, source_crs: str | None, purpose: str, frame: Frame, city: City
) -> Placement:
    """
    The placement of a raster that is georeferenced itself.

    Parameters
    ----------
    dataset : DatasetReader
        Open.
    path : Path
        For messages.
    source_crs : str, optional
        Its system, stated by the City where the file has none.
    purpose : {"parcel", "asset", "sketch"}
        Which of the City's tolerances a transformation between datums must keep.
    frame : Frame
        In the City's system; the transformation is chosen for its middle.
    city : City

    Raises
    ------
    CRSError
        If the raster has no system, or its datum cannot be reached safely (`citygis.geodesy.transform_frame`).
    SheetError
        If the stated system is another than the file's.
    """
    crs = _crs(dataset, path, source_crs)
    transform = dataset.transform
    if transform == Affine.identity():
        tied = f"it has {len(dataset.gcps[0])} control points of its own" if dataset.gcps[0] else "it has no world file"
        raise CRSError(
            f'{path.name} does not say where its pixels lie ({tied}). Place it with control points: kind = "scan" and '
            'control = "points.csv".'
        )
    back = ~transform
    # Where the frame lies in the raster's numbers, to have the operation chosen for this place; a few hundred feet do not matter.
    about = pyproj.Transformer.from_crs(frame.crs, crs, always_xy=True).transform(frame.easting, frame.northing)
    here = gpd.GeoDataFrame(geometry=[shapely.Point(about)], crs=crs)
    tolerance_ft = getattr(city.tolerances, f"{purpose}_ft")
    try:
        _, lineage = transform_frame(here, frame.crs, same_datum=city.same_datum, tolerance_ft=tolerance_ft)
    except CRSError as error:
        raise CRSError(f"{path.name}: {error} Of a picture, state it in city.toml: [same_datum].") from None
    if lineage.pipeline == "proj=noop":
        return Placement(lambda pixels: _applied(transform, pixels), lambda ground: _applied(back, ground))
    way = pyproj.Transformer.from_pipeline(lineage.pipeline)

    def ground(pixels: np.ndarray) -> np.ndarray:
        return np.column_stack(way.transform(*_applied(transform, pixels).T))

    def pixels(ground: np.ndarray) -> np.ndarray:
        return _applied(back, np.column_stack(way.transform(*np.asarray(ground).T, direction="INVERSE")))

    told = f"{path.name} is in {lineage.source}, brought here by {lineage.operation}, good to {lineage.accuracy_ft:.2f} ft."
    rests = f" It rests on the statement that {lineage.statement} ({lineage.stated_by})." if lineage.statement else ""
    return Placement(ground, pixels, (told + rests,))


def scan_placement(control: Path, name: str, *, model: str, pixel_at: str | None, city: City) -> Placement:
    """
    The placement of a scanned map by control points.

    Parameters
    ----------
    control : Path
        A CSV file with the columns of `citygis.scans.COLUMNS`.
    name : str
        Of the scan, for messages and notes.
    model : str
        One of `citygis.scans.MODELS`.
    pixel_at : {"centre", "corner"}, optional
        From where columns and rows are counted; without it the table must say it in a column.
    city : City

    Raises
    ------
    ReadError
        If the table cannot be read.
    SheetError
        If a control point cannot be used.
    CRSError
        If the control points contradict each other (`citygis.scans.fit_scan`).
    """
    try:
        points = pd.read_csv(control, dtype={"name": "str", "source_document": "str", "used": "str"}, encoding="utf-8-sig")
    except FileNotFoundError:
        raise ReadError(f"{control} is not there. Write the control points of {name} into it.") from None
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ReadError(f"{control} is not a table of control points: {error}. Save it as CSV, UTF-8.") from None
    if "used" in points:
        points["used"] = points["used"].str.strip().str.lower().replace({"true": "y", "false": "n", "yes": "y", "no": "n"})
    try:
        fit = fit_scan(points, crs=city.crs, pixel_at=pixel_at, model=model)
        require_usable(fit)
    except ValueError as error:
        raise SheetError(f"{control}: {error}") from None
    except CRSError as error:
        raise CRSError(f"{control}: {error}") from None
    made = fit.quality.splitlines()[-1]
    notes = (f"{name} is a scan placed by control points. {made[0].upper()}{made[1:]}.",)
    notes += tuple(f"{name}: {message}" for message in fit.findings["message"])
    if fit.surface is None:
        transform = transform_of(fit)
        back = ~transform
        return Placement(lambda px: _applied(transform, px), lambda ground: _applied(back, ground), notes, fit.points)
    return Placement(lambda px: ground_of(fit, px[:, 0], px[:, 1], pixel_at="corner"), None, notes, fit.points)


def _crs(dataset: DatasetReader, path: Path, stated: str | None) -> pyproj.CRS:
    try:
        said = pyproj.CRS.from_user_input(stated) if stated else None
    except ProjCRSError:
        raise SheetError(f"{path.name}: source_crs is {stated!r}, which PROJ does not know. Must be like 'EPSG:2227'.") from None
    if dataset.crs is None or not dataset.crs.to_wkt():
        if said is None:
            raise CRSError(
                f'{path.name} has no CRS. Ask the sender, then state it in the sheet\'s underlay: source_crs = "EPSG:...". '
                "citygis never guesses."
            )
        return said
    try:
        found = pyproj.CRS.from_wkt(dataset.crs.to_wkt(version="WKT2_2019"))
    except ProjCRSError:
        raise CRSError(f"{path.name} has a CRS that PROJ does not know: {dataset.crs.to_string()[:80]}.") from None
    if said is not None and not said.equals(found, ignore_axis_order=True):
        raise SheetError(
            f"{path.name} says that it is in {found.name}, the sheet's source_crs says {said.name}. Leave source_crs out, or ask "
            "the sender which is right."
        )
    return found


def _applied(transform: Affine, points: np.ndarray) -> np.ndarray:
    points = np.asarray(points, dtype=float)
    a, b, c, d, e, f = transform[:6]
    return np.column_stack([a * points[:, 0] + b * points[:, 1] + c, d * points[:, 0] + e * points[:, 1] + f])
