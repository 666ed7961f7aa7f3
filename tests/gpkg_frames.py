"""Frames for the tests of City GeoPackages."""

from pathlib import Path

import geopandas as gpd
import pandas as pd
from pyproj import CRS
from shapely.geometry import box

from citygis.gpkg import read_geopackage, write_geopackage
from citygis.schema import empty_layer, schema

CRS_FT = CRS.from_epsg(6420)


def round_trip(tmp_path: Path, frame: pd.DataFrame, name: str = "layer", **options):
    """A frame, written and read back."""
    path = write_geopackage(tmp_path / "out.gpkg", {name: frame}, overwrite=True, **options)
    return read_geopackage(path, name)


def parcels(n: int = 3) -> gpd.GeoDataFrame:
    """Parcels with a number and a shape, all else null."""
    frame = empty_layer(schema().layer("parcel"), crs=CRS_FT)
    shapes = [box(6_300_000 + 100 * i, 2_100_000, 6_300_080 + 100 * i, 2_100_100) for i in range(n)]
    frame = frame.reindex(range(n)).set_geometry(gpd.GeoSeries(shapes, crs=CRS_FT))
    frame["apn"] = pd.Series([f"{i:08d}" for i in range(n)], dtype="str")
    return frame
