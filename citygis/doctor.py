"""
What this installation is made of, and what could make it give wrong answers.
"""

import importlib.metadata
import math
import os
import platform
import sqlite3
import warnings
from typing import NamedTuple

import pyproj
from pyproj import Transformer
from pyproj.exceptions import ProjError

from citygis.city import City
from citygis.environment import KEEP
from citygis.errors import CRSError
from citygis.geodesy import find_grid, null_shift_ft, parse_frame, today, transform_points
from citygis.geodesy.projection import feet, offline
from citygis.units import unit_of

LIBRARIES = ("geopandas", "shapely", "pyproj", "pyogrio", "fiona", "rasterio", "pandas", "numpy", "matplotlib", "pikepdf")
GRIDS = {
    "us_noaa_nadcon5_nad27_nad83_1986_conus.tif": "data in NAD27 is refused, unless us_noaa_conus.tif is there",
    "us_noaa_conus.tif": "data in NAD27 is refused, unless the grid above is there",
    "us_noaa_nadcon5_nad83_1986_nad83_harn_conus.tif": "data in NAD27 or NAD83 of 1986 is refused, unless the next is there",
    "us_noaa_cnhpgn.tif": "northern California: not needed where the grid above is there",
    "us_noaa_g2018u0.tif": "ellipsoid heights are not made into elevations",
}
OLDEST_SQLITE = (3, 35)
"""UPDATE..FROM and RETURNING, which the store uses (SQLite release notes 3.33 and 3.35)."""


PROJ_ALONE = (("EPSG:4326", False), ("EPSG:7912", False), ("EPSG:7912", True), ("EPSG:9989", True))
"""What PROJ is asked by itself at the City's centre: a system, and whether it is told the date."""


class Check(NamedTuple):
    """One thing looked at: whether it is as it must be, and what to do when it is not."""

    what: str
    found: str
    ok: bool = True
    remedy: str = ""


class Answer(NamedTuple):
    """
    Where one way puts a GPS observation at the City's centre: its operation, the coordinates in the City's system and unit, its own
    accuracy in feet (null where it states none) and how far that is from the right place, in feet (null where that is not known).
    """

    way: str
    operation: str
    easting: float
    northing: float
    accuracy_ft: float | None
    off_ft: float | None


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
    return [*_libraries(), _sqlite(), *_environment(), *_grids(city), _arcgis(), _null_shift(city)]


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


def _grids(city: City) -> list[Check]:
    checks = []
    for grid, without in GRIDS.items():
        path = find_grid(grid, city.grids_folder)
        where = (
            "in the City's grids"
            if path and city.grids_folder and path.parent == city.grids_folder.resolve()
            else "in PROJ's folders"
        )
        checks.append(Check(f"grid {grid}", f"present, {where}" if path else f"absent: {without}"))
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


def centre_test(city: City, *, epoch: float | None = None) -> list[Answer]:
    """
    Where an ITRF2014 observation at the City's centre lands by PROJ alone, and where it belongs.

    Parameters
    ----------
    city : City
    epoch : float, optional
        The decimal year it was observed; today where left out.

    Returns
    -------
    list of Answer
        PROJ with WGS 84, with ITRF2014 without and with the date, with ITRF2020 and the date; last, "citygis": the transformation
        at the date, and the City's velocity back to its epoch. The last is missing, and no distances are known, where the City
        states no velocity and the epochs are too far apart.
    """
    epoch = today() if epoch is None else epoch
    lon, lat = _centre(city)
    answers = [_proj_alone(city, lon, lat, crs, epoch if dated else None) for crs, dated in PROJ_ALONE]
    right = _right(city, lon, lat, epoch)
    if right is None:
        return answers
    return [each._replace(off_ft=_apart_ft(city, each, right)) for each in answers] + [right]


def _proj_alone(city: City, lon: float, lat: float, crs: str, epoch: float | None) -> Answer:
    with offline(), warnings.catch_warnings():
        # pyproj warns that a better grid is missing; which grids there are is said above.
        warnings.simplefilter("ignore")
        transformer = Transformer.from_crs(crs, city.crs, always_xy=True)
        easting, northing = transformer.transform(lon, lat, 0.0, *([] if epoch is None else [epoch]))[:2]
        try:
            used = transformer.get_last_used_operation()
        except ProjError:
            used = transformer  # a pipeline that does nothing has no "last used operation"
    name = pyproj.CRS(crs).name
    asked = f"PROJ alone, {name}" if crs == "EPSG:4326" else f"PROJ alone, {name}, {'no date' if epoch is None else f'{epoch:.2f}'}"
    accuracy = None if used.accuracy is None or used.accuracy < 0 else feet(used.accuracy)
    return Answer(asked, used.description, easting, northing, accuracy, None)


def _right(city: City, lon: float, lat: float, epoch: float) -> Answer | None:
    frame = parse_frame(f"ITRF2014@{epoch!r}")
    try:
        points, lineage = transform_points(
            [lon],
            [lat],
            source=frame,
            source_crs="EPSG:7912",
            target=city.frame,
            target_crs=city.crs,
            velocity=city.velocity,
            tolerance_ft=city.tolerance_ft("asset"),
            grids=city.grids_folder,
        )
    except CRSError:
        return None
    return Answer("citygis", lineage.operation, float(points.easting[0]), float(points.northing[0]), lineage.accuracy_ft, 0.0)


def _apart_ft(city: City, one: Answer, other: Answer) -> float:
    return feet(math.hypot(one.easting - other.easting, one.northing - other.northing) * float(unit_of(city.crs)))


def _centre(city: City) -> tuple[float, float]:
    """The middle of the City's extent; without one, where its velocity was computed, else the middle of its zone; degrees."""
    if city.extent is not None:
        box = city.extent
        to_degrees = Transformer.from_crs(city.crs, city.crs.geodetic_crs, always_xy=True)
        return to_degrees.transform((box.easting_min + box.easting_max) / 2, (box.northing_min + box.northing_max) / 2)
    if city.velocity is not None and city.velocity.lon is not None and city.velocity.lat is not None:
        return city.velocity.lon, city.velocity.lat
    area = city.crs.area_of_use
    return (area.west + area.east) / 2, (area.south + area.north) / 2
