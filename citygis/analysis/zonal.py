"""
Statistics of a raster's values over polygons, by the exact part of each cell that a polygon covers.

No cell is taken or left by its centre: at 5 ft a centre-cell mean was up to 1.7 ft off. The greatest value is that of every cell
of which a polygon covers any part (all-touched), since water that reaches a corner of a lot reaches the lot.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from citygis.errors import AnalysisError, CRSError, ReadError
from citygis.units import US_SURVEY_FOOT, require_feet

MOST_CELLS = 16_000_000
"""Cells that are held at once: a raster is read window by window."""

DRIVERS = {".tif": "GTiff", ".tiff": "GTiff", ".asc": "AAIGrid", ".img": "HFA", ".flt": "EHdr", ".bil": "EHdr", ".dem": "USGSDEM"}
"""GDAL's driver by the ending of a file: grids that are files of their own; none that fetches."""

TO_FT = {"ft": 1.0, "m": float(1 / US_SURVEY_FOOT.metres)}
"""Feet in one unit of a raster's values."""

_WORDS = {
    "ft": re.compile(r"\b(ft|feet|foot|ftus|us[- ]ft|us survey (foot|feet))\b", re.IGNORECASE),
    "m": re.compile(r"\b(m|metres?|meters?)\b", re.IGNORECASE),
}
_UNIT_TAGS = ("UNIT", "UNITS", "UNITTYPE", "Z_UNITS", "VERTICAL_UNITS")
_NOISE = 1e-9


class Grid(NamedTuple):
    """
    A raster that statistics can be had from.

    Parameters
    ----------
    path : Path
    columns, rows : int
    west, south, east, north : float
        Its edges, in the CRS that was asked for.
    cell_sqft : float
        The ground of one cell.
    unit : str
        ``ft`` or ``m``: of its values.
    said_by : str
        Who says so: ``the caller``, or where in the file it stands.
    nodata : str
        How cells without a value are marked, for the record.
    """

    path: Path
    columns: int
    rows: int
    west: float
    south: float
    east: float
    north: float
    cell_sqft: float
    unit: str
    said_by: str
    nodata: str

    @property
    def told(self) -> str:
        """The raster in a line, for the sources of an answer."""
        size = f"{self.columns:,} x {self.rows:,} cells of {np.sqrt(self.cell_sqft):g} ft"
        return f"{self.path.name}: {size}, values in {self.unit} by {self.said_by}, no value where {self.nodata}"


def grid_of(path: Path | str, crs, *, unit: str | None = None) -> Grid:
    """
    What a raster is, or why no statistics can be had from it.

    Parameters
    ----------
    path : path
        A GeoTIFF or another grid of `DRIVERS`, of one band, north up.
    crs : pyproj.CRS or anything it reads
        Of the polygons, in feet. The raster must be in it: warping would change the values.
    unit : str, optional
        ``ft`` or ``m``: what the raster's values are in. Without it the file's own unit, tags or band description must say.

    Raises
    ------
    ReadError
        If the file is missing or no such raster.
    CRSError
        If it has no CRS, or another than `crs`.
    AnalysisError
        If it has several bands, is rotated or upside down, or nobody says, or two say otherwise, what its values are in.
    """
    if unit is not None and unit not in TO_FT:
        raise ValueError(f"Invalid unit {unit!r}. Must be one of: {', '.join(TO_FT)}.")
    path = Path(path)
    if not path.is_file():
        raise ReadError(f"There is no file {path}. Name the raster of depths.")
    with _opened(path) as raster:
        _require_north_up(raster, path)
        _require_system(raster, path, crs)
        said, where = _stated(raster)
        if said and unit and said != unit:
            raise AnalysisError(f"{path.name} says in {where} that its values are in {said}; {unit} was asked for. Find out which.")
        if not (said or unit):
            raise AnalysisError(
                f"{path.name} does not say whether its values are in feet or metres. Ask its maker, then state it: ft or m."
            )
        bounds = raster.bounds
        return Grid(
            path=path,
            columns=raster.width,
            rows=raster.height,
            west=bounds.left,
            south=bounds.bottom,
            east=bounds.right,
            north=bounds.top,
            cell_sqft=raster.transform.a * -raster.transform.e,
            unit=unit or said,
            said_by=where if said else "the caller",
            nodata="the mask says so" if raster.nodata is None else f"it is {raster.nodata:g}",
        )


def zonal_statistics(zones: gpd.GeoDataFrame | gpd.GeoSeries, grid: Grid) -> pd.DataFrame:
    """
    Greatest, least and mean value of a raster over polygons, in feet, and the ground that they are of.

    Parameters
    ----------
    zones : GeoDataFrame or GeoSeries, n polygons
        Valid, in the CRS that `grid` was opened for. Null and empty ones get nulls. Not modified.
    grid : Grid

    Returns
    -------
    DataFrame, n rows on the index of `zones`
        ``max_ft`` and ``min_ft``, of every cell that the polygon covers any part of; ``mean_ft``, weighted by the covered part of
        each cell; null where no cell has a value. ``area_sqft``; of it ``valued_sqft``, on cells with a value, ``blank_sqft``, on
        cells without, and ``beyond_sqft``, off the raster: the three sum to it.

    Raises
    ------
    AnalysisError
        If exactextract is not installed.
    ReadError
        If the raster is cut off.

    Notes
    -----
    Coverage of cells: Baston, exactextract (isciences.github.io/exactextract). The raster is read in windows of at most
    `MOST_CELLS` cells, each once, whatever order the polygons come in.
    """
    shapes = np.asarray(zones.geometry.values, dtype=object)
    area = np.nan_to_num(shapely.area(shapes))
    box = shapely.box(grid.west, grid.south, grid.east, grid.north)
    on = np.where(shapely.covered_by(shapes, box), area, 0.0)
    crossing = np.flatnonzero(shapely.intersects(shapes, box) & (on == 0))
    on[crossing] = shapely.area(shapely.intersection(shapes[crossing], box))
    met = np.flatnonzero(on > 0)
    values = np.full((len(shapes), 3), np.nan)
    valued = np.zeros(len(shapes))
    if len(met):
        found = _extracted(shapes[met], zones.crs, grid)
        cells = found["count"].to_numpy(dtype=float)
        there = cells > 0
        valued[met] = cells * grid.cell_sqft
        numbers = found[["max", "min", "mean"]].to_numpy(dtype=float, na_value=np.nan) * TO_FT[grid.unit]
        values[met[there]] = numbers[there]
    blank, beyond = on - valued, area - on
    noise = np.maximum(area, 1.0) * _NOISE * 1e3
    columns = {
        "max_ft": values[:, 0],
        "min_ft": values[:, 1],
        "mean_ft": values[:, 2],
        "area_sqft": area,
        "valued_sqft": valued,
        "blank_sqft": np.where(np.abs(blank) < noise, 0.0, blank),
        "beyond_sqft": np.where(np.abs(beyond) < noise, 0.0, beyond),
    }
    return pd.DataFrame(columns, index=zones.index)


def statistics_by_cells(shape: shapely.Geometry, grid: Grid) -> tuple[float, float, float]:
    """
    The statistics of one polygon by cutting it with each cell as a square: a second way, slow, by another engine.

    Parameters
    ----------
    shape : Polygon or MultiPolygon
        In the CRS that `grid` was opened for.
    grid : Grid

    Returns
    -------
    max_ft, mean_ft, valued_sqft : float
        The first two NaN where no cell has a value.
    """
    from rasterio.windows import Window

    wide, high = (grid.east - grid.west) / grid.columns, (grid.north - grid.south) / grid.rows
    w, s, e, n = shapely.bounds(shape)
    left, right = np.clip([np.floor((w - grid.west) / wide), np.ceil((e - grid.west) / wide)], 0, grid.columns).astype(int)
    top, bottom = np.clip([np.floor((grid.north - n) / high), np.ceil((grid.north - s) / high)], 0, grid.rows).astype(int)
    if left >= right or top >= bottom:
        return np.nan, np.nan, 0.0
    with _opened(grid.path) as raster:
        window = Window(left, top, right - left, bottom - top)
        cells = raster.read(1, window=window, masked=True).astype(float) * raster.scales[0] + raster.offsets[0]
    down, across = np.nonzero(~np.ma.getmaskarray(cells) & np.isfinite(cells.filled(np.nan)))
    west, north = grid.west + (left + across) * wide, grid.north - (top + down) * high
    covered = shapely.area(shapely.intersection(shapely.box(west, north - high, west + wide, north), shape))
    value = cells.data[down, across][covered > 0] * TO_FT[grid.unit]
    covered = covered[covered > 0]
    if not len(covered):
        return np.nan, np.nan, 0.0
    return float(value.max()), float((value * covered).sum() / covered.sum()), float(covered.sum())


def _extracted(shapes: np.ndarray, crs: pyproj.CRS, grid: Grid) -> pd.DataFrame:
    """What exactextract finds, a row per shape, in their order."""
    try:
        import exactextract
        from exactextract.raster import RasterioRasterSource
    except ImportError:
        raise AnalysisError(
            "Statistics of a raster need exactextract, which is not installed: pip install citygis[analysis]"
        ) from None
    frame = gpd.GeoDataFrame({"row": np.arange(len(shapes))}, geometry=shapes, crs=crs)
    with _opened(grid.path) as raster:
        source = RasterioRasterSource(raster)
        # That the two are in one system was seen when the grid was opened; exactextract compares their texts.
        source.srs_wkt = crs.to_wkt
        found = exactextract.exact_extract(
            source,
            frame,
            ["max", "min", "mean", "count"],
            include_cols=["row"],
            strategy="raster-sequential",
            max_cells_in_memory=MOST_CELLS,
            output="pandas",
        )
    return found.set_index("row").reindex(np.arange(len(shapes)))


@contextmanager
def _opened(path: Path) -> Iterator:
    import rasterio
    from rasterio.errors import RasterioError

    driver = DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise ReadError(f"{path} ends in none of {', '.join(DRIVERS)}. Convert it: gdal_translate {path.name} depth.tif")
    try:
        with rasterio.open(path, driver=driver) as raster:
            yield raster
    except RasterioError as error:
        raise ReadError(f"{path} is no {driver} raster, or is damaged or cut off ({error}). Ask for it again.") from None


def _require_north_up(raster, path: Path) -> None:
    if raster.count != 1:
        raise AnalysisError(f"{path.name} has {raster.count} bands. Give one of one band: gdal_translate -b N {path.name} one.tif")
    cell = raster.transform
    if cell.b or cell.d or cell.a <= 0 or cell.e >= 0:
        raise AnalysisError(f"{path.name} is rotated or upside down. Have it made north up: gdalwarp {path.name} north_up.tif")


def _require_system(raster, path: Path, crs) -> None:
    require_feet(crs, "The layer of polygons")
    wanted = pyproj.CRS.from_user_input(crs)
    if raster.crs is None:
        raise CRSError(f"{path.name} has no CRS. Ask its maker, then state it: gdal_edit.py -a_srs EPSG:n {path.name}")
    own = pyproj.CRS.from_wkt(raster.crs.to_wkt())
    own = own.sub_crs_list[0] if own.is_compound else own
    if not own.equals(wanted, ignore_axis_order=True) and not _same_code(own, wanted):
        raise CRSError(
            f"{path.name} is in {own.name}, the polygons in {wanted.name}. Have the raster made in the City's system by whoever "
            "holds its source; a warped copy has values that nobody computed."
        )


def _same_code(one: pyproj.CRS, other: pyproj.CRS) -> bool:
    """Whether two systems have one EPSG code: a GeoTIFF's keys round what the register spells out."""
    code = one.to_epsg()
    return code is not None and code == other.to_epsg()


def _stated(raster) -> tuple[str, str]:
    """The unit that the file itself states, and where; two empty texts when it does not, or not clearly."""
    tags = {**raster.tags(), **raster.tags(1)}
    named = [("its unit", raster.units[0] or "")]
    named += [(f"its tag {key}", value) for key, value in sorted(tags.items()) if key.upper() in _UNIT_TAGS]
    named += [("its band's description", raster.descriptions[0] or "")]
    for where, text in named:
        units = [unit for unit, words in _WORDS.items() if words.search(text)]
        if len(units) == 1:
            return units[0], where
    return "", ""
