"""Flood zones along the river, and the depth of the 200-year flood as polygons and as a raster."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from rasterio.transform import from_origin

from citygis.samples.fabric import ORIGIN, TURN, on_ground
from citygis.samples.layers import CITY_CRS, Sources, city_layer
from citygis.samples.quarters import HALF_MILE_FT

DEEPEST_FT = 7.0
FEET_PER_FOOT_OF_DEPTH = 170.0
CELL_FT = 20.0
NO_DEPTH = -9999.0
_BANDS = ((3.0, 7.0), (1.0, 3.0), (0.0, 1.0))


def depth_ft(place: np.ndarray) -> np.ndarray:
    """
    Depth of the 200-year flood, in feet: deepest at the river, falling off eastward. Negative where the ground is dry.

    Parameters
    ----------
    place : array of complex
        In plan feet.
    """
    return DEEPEST_FT - (place.real + 330 - 120 * np.sin(place.imag / 900)) / FEET_PER_FOOT_OF_DEPTH


def flood_zones(limit: shapely.Polygon, sources: Sources) -> gpd.GeoDataFrame:
    """The flood_zone layer: floodway, AE, shaded X and X, edge to edge, and together the City."""
    reaches = (("FLOODWAY", -60.0, 18.0), ("AE", 260.0, 21.0), ("X_SHADED", 700.0, np.nan), ("X", 9000.0, np.nan))
    west, shapes = -900.0, []
    for _, east, _ in reaches:
        shapes.append(shapely.intersection(_between(west, east), limit))
        west = east
    rows = [(zone, bfe, part) for (zone, _, bfe), shape in zip(reaches, shapes, strict=True) for part in _polygons(shape)]
    return city_layer(
        "flood_zone",
        {
            "flood_id": [f"FZ-{k:02d}" for k in range(1, len(rows) + 1)],
            "sfha_zone": [zone for zone, _, _ in rows],
            "bfe_ft": [bfe for _, bfe, _ in rows],
            "panel": "06000C0000X",
            "eff_date": np.datetime64("2009-10-16", "s"),
            "method": "DIGITIZED",
            "h_accuracy_ft": 40.0,
        },
        np.array([part for _, _, part in rows]),
        sources=sources,
    )


def flood_depths(limit: shapely.Polygon, sources: Sources) -> gpd.GeoDataFrame:
    """The flood_200yr layer: bands of depth, each with the deepest water in it."""
    rows = []
    for shallow, deep in _BANDS:
        west, east = (_contour(depth) for depth in (deep, shallow))
        band = shapely.polygons(on_ground([*west, *reversed(east)]))
        rows += [(deep, part) for part in _polygons(shapely.intersection(band, limit))]
    return city_layer(
        "flood_200yr",
        {
            "depth_id": [f"FD-{k:02d}" for k in range(1, len(rows) + 1)],
            "depth_ft": [depth for depth, _ in rows],
            "method": "DERIVED",
            "h_accuracy_ft": 40.0,
        },
        np.array([part for _, part in rows]),
        sources=sources,
    )


def write_depth_raster(path: Path, limit: shapely.Polygon) -> None:
    """
    The depth as a GeoTIFF of 20 ft cells in EPSG:6420, float32 feet to 0.01, nodata where it is dry or outside the City.
    """
    west, south, east, north = np.floor(np.array(limit.bounds) / CELL_FT) * CELL_FT + (0, 0, CELL_FT, CELL_FT)
    eastings, northings = np.arange(west, east, CELL_FT) + CELL_FT / 2, np.arange(north, south, -CELL_FT) - CELL_FT / 2
    cells = (eastings[None, :] + 1j * northings[:, None] - ORIGIN) / TURN
    depth = np.round(depth_ft(cells), 2)
    inside = shapely.contains_xy(limit, *np.meshgrid(eastings, northings))
    values = np.where(inside & (depth > 0), depth, NO_DEPTH).astype("float32")
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=values.shape[1],
        height=values.shape[0],
        count=1,
        dtype="float32",
        nodata=NO_DEPTH,
        crs=CITY_CRS.to_wkt(),
        transform=from_origin(west, north, CELL_FT, CELL_FT),
        compress="deflate",
        predictor=3,
    ) as raster:
        raster.write(values, 1)
        raster.set_band_description(1, "Depth of the 200-year flood, feet")


def _contour(depth: float) -> list[complex]:
    ordinates = np.linspace(-200, 2 * HALF_MILE_FT + 200, 120)
    return [complex((DEEPEST_FT - depth) * FEET_PER_FOOT_OF_DEPTH - 330 + 120 * np.sin(n / 900), n) for n in ordinates]


def _between(west: float, east: float) -> shapely.Polygon:
    """The strip between two lines that wind along the river at mean distances from it."""
    ordinates = np.linspace(-200, 2 * HALF_MILE_FT + 200, 120)

    def edge(mean: float) -> list[complex]:
        return [complex(mean + 70 * np.sin(n / 800) + 25 * np.sin(n / 230), n) for n in ordinates]

    return shapely.polygons(on_ground([*edge(west), *reversed(edge(east))]))


def _polygons(shape: shapely.Geometry) -> list[shapely.Polygon]:
    parts = shapely.get_parts(shapely.transform(shape, lambda en: en.round(4)))
    return [part for part in shapely.orient_polygons(parts) if part.geom_type == "Polygon" and part.area > 100]
