"""
What this installation is made of, and what could make it give wrong answers.
"""

import importlib.metadata
import os
import platform
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pyproj
from pyproj import Transformer

from citygis.city import City
from citygis.environment import KEEP
from citygis.geodesy import null_shift_ft

LIBRARIES = ("geopandas", "shapely", "pyproj", "pyogrio", "fiona", "rasterio", "pandas", "numpy", "matplotlib", "pikepdf")
GRIDS = {
    "us_noaa_conus.tif": "data in NAD27 is refused",
    "us_noaa_nadcon5_nad27_nad83_1986_conus.tif": "data in NAD27 is refused",
    "us_noaa_cnhpgn.tif": "data in NAD83(HARN) is refused",
    "us_noaa_g2018u0.tif": "ellipsoid heights are not made into elevations",
}
OLDEST_SQLITE = (3, 35)
"""UPDATE..FROM and RETURNING, which the store uses (SQLite release notes 3.33 and 3.35)."""


class Check(NamedTuple):
    """One thing looked at: whether it is as it must be, and what to do when it is not."""

    what: str
    found: str
    ok: bool = True
    remedy: str = ""


def examine(city: City) -> list[Check]:
    """
    Look at this installation from the City's point of view.

    Parameters
    ----------
    city : City

    Returns
    -------
    list of Check
    """
    return [*_libraries(), _sqlite(), *_environment(), *_grids(), _arcgis(), _null_shift(city)]


def _libraries() -> list[Check]:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    proj = f"PROJ {pyproj.proj_version_str}, EPSG {pyproj.database.get_database_metadata('EPSG.VERSION')}"
    return [Check("Python", platform.python_version()), Check("libraries", ", ".join(versions)), Check("PROJ", proj)]


def _sqlite() -> Check:
    rtree = any(name == "ENABLE_RTREE" for (name,) in sqlite3.connect(":memory:").execute("PRAGMA compile_options"))
    ok = rtree and sqlite3.sqlite_version_info >= OLDEST_SQLITE
    found = f"{sqlite3.sqlite_version}{'' if rtree else ', without rtree'}"
    return Check(
        "SQLite", found, ok, "" if ok else "Use a Python whose SQLite is 3.35 or newer, with rtree (python.org or conda-forge)."
    )


def _environment() -> list[Check]:
    checks = []
    for name in ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA"):
        if name in os.environ:
            kept = os.environ.get(KEEP) == "1"
            remedy = (
                f"It belongs to other software; unset {KEEP} to have citygis set it aside." if kept and name != "GDAL_DATA" else ""
            )
            checks.append(Check(name, os.environ[name], not remedy, remedy))
    on = pyproj.network.is_network_enabled()
    remedy = "Answers would depend on what can be fetched today. Unset PROJ_NETWORK." if on else ""
    return [*checks, Check("PROJ network", "on" if on else "off", not on, remedy)]


def _grids() -> list[Check]:
    folders = [Path(folder) for folder in (*pyproj.datadir.get_data_dir().split(os.pathsep), pyproj.datadir.get_user_data_dir())]
    checks = []
    for grid, without in GRIDS.items():
        there = any((folder / grid).exists() for folder in folders)
        checks.append(Check(f"grid {grid}", "present" if there else f"absent: {without}"))
    return checks


def _arcgis() -> Check:
    try:
        version = importlib.metadata.version("arcgis")
    except importlib.metadata.PackageNotFoundError:
        return Check("arcgis", "not installed (pip install 'citygis[arcgis]')")
    pandas = importlib.metadata.version("pandas")
    ok = pandas.startswith("3.0.")
    remedy = "" if ok else "The arcgis package loses its DataFrame accessor on this pandas. Install pandas>=3.0,<3.1."
    return Check("arcgis", f"{version} with pandas {pandas}", ok, remedy)


def _null_shift(city: City) -> Check:
    """What PROJ does by itself with a GPS coordinate at the City's centre, against what is right."""
    lon, lat = _centre(city)
    by_itself = Transformer.from_crs("EPSG:4326", city.crs, always_xy=True)
    by_itself.transform(lon, lat)
    operation = by_itself.description
    found = f"PROJ alone: {operation}; {null_shift_ft(lon, lat):.2f} ft off at {lat:.3f}, {lon:.3f}. citygis refuses it."
    return Check("WGS 84 to the City", found)


def _centre(city: City) -> tuple[float, float]:
    if city.extent is not None:
        box = city.extent
        to_degrees = Transformer.from_crs(city.crs, city.crs.geodetic_crs, always_xy=True)
        return to_degrees.transform((box.easting_min + box.easting_max) / 2, (box.northing_min + box.northing_max) / 2)
    area = city.crs.area_of_use
    return (area.west + area.east) / 2, (area.south + area.north) / 2
