"""Tract No. 3999 of the sample as a sheet sees it: its layers from the tables of its map, those tables themselves, and a frame."""

import csv
import json
from fractions import Fraction
from functools import cache
from pathlib import Path

import geopandas as gpd
import shapely

from citygis.city import default_city
from citygis.cogo import format_bearing, parse_bearing
from citygis.sheets.frame import Frame
from citygis.tracts import tract_work
from citygis.units import US_SURVEY_FOOT

SURVEY = Path(__file__).parents[1] / "sample_data" / "survey"
CITY = default_city()
TRUTH = json.loads((SURVEY / "truth.json").read_text())


@cache
def layers() -> dict[str, gpd.GeoDataFrame]:
    """``parcel`` and ``boundary_line`` of the tract, placed by the ties to the City's corners."""
    known = [corner for corner in TRUTH["corners"] if corner["on_record"]]
    places = [shapely.Point(corner["easting"], corner["northing"]) for corner in known]
    names = {"corner_id": [corner["on_record"] for corner in known], "status": "ACTIVE"}
    made = tract_work(
        SURVEY / "tract_3999_plat.txt",
        "3999",
        city=CITY,
        held={"corner": gpd.GeoDataFrame(names, geometry=places, crs=CITY.crs)},
        ties=SURVEY / "tract_3999_ties.csv",
        unit=US_SURVEY_FOOT,
    )
    return {name: made.layers[name] for name in ("parcel", "boundary_line")}


@cache
def plat_table() -> dict[str, tuple[str, ...]]:
    """The rows of the map's tables by number: bearing and distance; or radius, delta, arc, chord bearing and chord."""
    with (SURVEY / "tract_3999_lines_curves.csv").open() as file:
        return {row[0]: tuple(row[1:]) for row in csv.reader(file) if row and row[0][1:].isdigit()}


def opposite(bearing: str) -> str:
    """The same line from its other end."""
    return format_bearing(parse_bearing(bearing) + 180)


def frame(scale: int, *, rotation_deg: float = 0.0, width_pt: float = 1800.0, height_pt: float = 1200.0) -> Frame:
    """A frame around the middle of the tract, feet per inch."""
    west, south, east, north = layers()["boundary_line"].total_bounds
    middle = (west + east) / 2, (south + north) / 2
    return Frame(CITY.crs, Fraction(scale), *middle, 36.0, 36.0, width_pt, height_pt, rotation_deg)
