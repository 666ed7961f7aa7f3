"""A small block of lots for the tests of repairs: every corner shared, then changed by name."""

import geopandas as gpd
import numpy as np
import shapely

EAST, NORTH = 6_336_000.0, 2_122_000.0
CRS = "EPSG:6420"
WIDE, DEEP = 60.0, 110.0


def corner(column: float, row: float) -> tuple[float, float]:
    """A corner of the block, counted in lots from the south-west."""
    return EAST + WIDE * column, NORTH + DEEP * row


def rings(columns: int = 3, rows: int = 2) -> list[list[tuple[float, float]]]:
    """The four corners of each lot, counterclockwise from the south-west, row by row."""
    return [[corner(i, j), corner(i + 1, j), corner(i + 1, j + 1), corner(i, j + 1)] for j in range(rows) for i in range(columns)]


def lots(of: list, **columns) -> gpd.GeoDataFrame:
    """Rings, or polygons, as a layer with the key pid, counted from 1."""
    shapes = [shapely.Polygon(each) if isinstance(each, list) else each for each in of]
    return gpd.GeoDataFrame({"pid": range(1, len(of) + 1), **columns}, geometry=shapes, crs=CRS)


def wkb(frame: gpd.GeoDataFrame) -> list:
    return shapely.to_wkb(np.asarray(frame.geometry.array, dtype=object)).tolist()


def ring_of(frame: gpd.GeoDataFrame, pid: int) -> list[tuple[float, float]]:
    """The corners of a lot as they stand, the closing one left out."""
    (shape,) = frame.loc[frame["pid"] == pid].geometry
    return [tuple(each) for each in shapely.get_coordinates(shape)[:-1]]
