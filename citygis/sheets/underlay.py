"""
Underlays: orthophotos, shaded relief and scanned maps below the linework, as JPEG tiles.

No picture is warped. It is cut into tiles, each with the affine that lays its own pixels on the page: exact for a raster in the
City's system, and where another projection or a bent scan makes an affine miss by a quarter of a dot, the tiles are smaller.
"""

import io
import math
from pathlib import Path

import numpy as np
from PIL import Image
from rasterio.io import DatasetReader

from citygis.city import City
from citygis.errors import SheetError
from citygis.readers.guard import require_local_file
from citygis.sheets.frame import Frame
from citygis.sheets.placement import Placement, raster_placement, scan_placement
from citygis.sheets.raster import OpenRaster, colours, picture
from citygis.sheets.relief import Light, dots_per_cell, relief
from citygis.sheets.scene import Group, Tile, Tiles
from citygis.sheets.table import Table
from citygis.sheets.tile_grid import LARGEST_TILE_PX, TileGrid, tile_grid
from citygis.sheets.underlay_plan import UnderlayPlan
from citygis.units import unit_of

COARSE_DPI = 150
"""Below it the pixels of a picture show at reading distance; the sheet says so."""

_MOST_WHOLE_PX = 4096
_UNITS = dict.fromkeys(("ft", "foot", "feet", "us survey foot", "ussurveyfoot", "us-ft", "foot_us"), "ft")
_UNITS |= dict.fromkeys(("m", "metre", "meter", "metres", "meters"), "m")


def underlay(plan: UnderlayPlan, frame: Frame, city: City) -> Group:
    """
    A raster as the lowest layer of a sheet.

    Parameters
    ----------
    plan : UnderlayPlan
    frame : Frame
        Also turned.
    city : City
        Its folder is where the files are looked for; its datums and tolerances decide over another system.

    Returns
    -------
    Group
        Cut to the frame; without batches where the raster has nothing there. Ground that the raster does not know is white.

    Raises
    ------
    ReadError
        If a file is missing, is no raster, or is cut off.
    CRSError
        If the raster has no system, its datum cannot be reached safely, or its control points contradict each other.
    SheetError
        If what it holds is not what the plan says: elevations to be shown as a picture, an unknown unit.
    """
    path = _file(plan.file, city)
    tiles: list[Tile] = []
    with OpenRaster(path) as dataset:
        _require_kind(dataset, plan, path)
        placement = _placement(plan, dataset, path, frame, city)
        grid = _grid(plan, dataset, placement, frame)
        light = _light(dataset, plan, path, placement, grid, city) if plan.kind == "hillshade" and len(grid.windows) else None
    rows = np.flatnonzero(np.diff(grid.windows[:, 1]))
    for chosen in np.split(np.arange(len(grid.windows)), rows + 1):
        # GDAL keeps what it has unpacked until a file is closed: open it anew for each row of tiles.
        with OpenRaster(path) as dataset:
            for at in chosen:
                window = grid.windows[at]
                dots = picture(dataset, window, grid.sizes[at]) if light is None else relief(dataset, window, light)
                if dots is not None:
                    tiles.append(_tile(dots, plan, grid.affines[at]))
    return Group(plan.name, (Tiles(tuple(tiles)),) if tiles else (), frame.box_pt)


def underlay_notes(plan: UnderlayPlan, frame: Frame, city: City) -> tuple[str, ...]:
    """
    What a sheet says of an underlay: how it was placed and how well, and how coarse it is.

    Parameters and errors as `underlay`; no pixels are read.

    Returns
    -------
    tuple of str
        Sentences.
    """
    path = _file(plan.file, city)
    with OpenRaster(path) as dataset:
        placement = _placement(plan, dataset, path, frame, city)
        grid = _grid(plan, dataset, placement, frame)
    if not len(grid.windows):
        return (f"{plan.name}: {path.name} does not reach this sheet.",)
    dpi = grid.source_dpi / max(grid.factor)
    if plan.kind == "hillshade":
        return (*placement.notes, f"{plan.name}: {path.name}, {dpi:.0f} cells per inch.")
    coarse = ", its pixels show" if dpi < COARSE_DPI - 0.5 else ""
    return (*placement.notes, f"{plan.name}: {path.name}, {dpi:.0f} dots per inch{coarse}.")


def underlay_dpi(plan: UnderlayPlan, frame: Frame, city: City) -> float:
    """Dots per inch that a sheet shows of an underlay, at most `UnderlayPlan.dpi`; NaN where it does not reach the frame."""
    path = _file(plan.file, city)
    with OpenRaster(path) as dataset:
        grid = _grid(plan, dataset, _placement(plan, dataset, path, frame, city), frame)
    return grid.source_dpi / max(grid.factor)


def control_table(plan: UnderlayPlan, city: City) -> Table | None:
    """
    The control points of a scan, each with its residual and by how far the fit to all others misses it; None of another kind.

    Errors as `underlay`.
    """
    if plan.kind != "scan":
        return None
    placed = scan_placement(_file(plan.control, city), plan.name, model=plan.model, pixel_at=plan.pixel_at, city=city)
    rows = [
        (
            str(point.name),
            f"{point.easting:,.2f}",
            f"{point.northing:,.2f}",
            f"{point.residual_ft:,.2f}",
            "not known" if math.isnan(point.left_out_ft) else f"{point.left_out_ft:,.2f}",
            "yes" if point.used in (True, "y") else "no",
        )
        for point in placed.points[["name", "easting", "northing", "residual_ft", "left_out_ft", "used"]].itertuples(index=False)
    ]
    head = ("Point", "Easting", "Northing", "Residual, ft", "Left out, ft", "Used")
    return Table(f"Control points of {plan.name}", head, tuple(rows), "lrrrrc")


def _file(name: str, city: City) -> Path:
    path = Path(name)
    if not path.is_absolute() and city.folder is not None:
        path = city.folder / path
    return require_local_file(path)


def _placement(plan: UnderlayPlan, dataset: DatasetReader, path: Path, frame: Frame, city: City) -> Placement:
    if plan.kind == "scan":
        return scan_placement(_file(plan.control, city), plan.name, model=plan.model, pixel_at=plan.pixel_at, city=city)
    return raster_placement(dataset, path, source_crs=plan.source_crs, purpose=plan.purpose, frame=frame, city=city)


def _grid(plan: UnderlayPlan, dataset: DatasetReader, placement: Placement, frame: Frame) -> TileGrid:
    size = dataset.width, dataset.height
    if plan.kind != "hillshade":
        # What is read whole before it is made smaller must not be large.
        most = None if colours(dataset) is None else _MOST_WHOLE_PX
        return tile_grid(placement, *size, frame, plan.dpi, most_px=most)
    grid = tile_grid(placement, *size, frame, plan.dpi, whole_factor=True)
    if len(grid.windows) and (dots := dots_per_cell(grid)) > 1:
        grid = tile_grid(placement, *size, frame, plan.dpi, whole_factor=True, most_px=LARGEST_TILE_PX // dots - 1)
    return grid


def _require_kind(dataset: DatasetReader, plan: UnderlayPlan, path: Path) -> None:
    if plan.kind == "hillshade":
        if dataset.count != 1 or dataset.dtypes[0].startswith("complex") or colours(dataset) is not None:
            raise SheetError(f'{path.name} is no grid of elevations: it has {dataset.count} bands, or colours. Say kind = "image".')
    elif any(dtype != "uint8" for dtype in dataset.dtypes):
        raise SheetError(
            f"{path.name} holds {dataset.dtypes[0]} values, not the 8-bit colours of a picture. If these are elevations, say kind "
            '= "hillshade"; else make a picture of it: gdal_translate -ot Byte -scale.'
        )


def _light(dataset: DatasetReader, plan: UnderlayPlan, path: Path, placement: Placement, grid: TileGrid, city: City) -> Light:
    """Cells in feet and the light in the grid's own directions, both at the middle of what is shown."""
    middle = (grid.windows[:, :2].min(axis=0) + grid.windows[:, 2:].max(axis=0)) / 2
    here, along, down = placement.ground(middle + [(0, 0), (1, 0), (0, 1)])
    pixels = tuple(int(n) for n in grid.factor)
    cell = tuple(float(np.hypot(*step) * n) for step, n in zip((along - here, down - here), pixels, strict=True))
    top_deg = math.degrees(math.atan2(*(here - down)))
    unit = plan.elevation_unit or _UNITS.get((dataset.units[0] or "").lower())
    if unit is None:
        raise SheetError(
            f"{path.name} does not say whether its elevations are feet or metres. Ask the sender, then state it in the sheet's "
            'underlay: elevation_unit = "ft" or "m".'
        )
    in_feet = 1 / float(unit_of(city.crs)) if unit == "m" else 1.0
    return Light(cell, (plan.azimuth_deg - top_deg) % 360, plan.altitude_deg, in_feet * plan.z_factor, pixels, dots_per_cell(grid))


def _tile(dots: np.ndarray, plan: UnderlayPlan, affine: np.ndarray) -> Tile:
    image = Image.fromarray(dots)
    if plan.gray and image.mode != "L":
        image = image.convert("L")
    if plan.opacity < 1:
        image = image.point([round(255 - (255 - value) * plan.opacity) for value in range(256)] * len(image.getbands()))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=plan.quality)
    return Tile(out.getvalue(), image.width, image.height, tuple(float(v) for v in affine))
