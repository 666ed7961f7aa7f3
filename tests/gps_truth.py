"""The sample day of GPS captures for tests: its truth, and the geodesy to hold it against, by hand."""

import json
from functools import cache

import numpy as np
from pyproj import Transformer

from citygis.city import open_city
from citygis.samples import sample_folder
from citygis.samples.gps_day import GPS_TRUTH

DAY = sample_folder() / "gps_day"
CITY = open_city(sample_folder() / "city")
FOOT_M = 1200 / 3937
POLE_FT = 2.0 / FOOT_M
ZONE_3 = (
    "+proj=lcc +lat_0=36.5 +lon_0=-120.5 +lat_1=38.43333333333333 +lat_2=37.06666666666667 +x_0=2000000.0001016 +y_0=500000.0001016"
    " +ellps=GRS80"
)
"""California zone 3 in metres: survey_intake.md, section 10."""
ITRF2020_TO_NAD83 = (
    "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=GRS80"
    " +step +proj=helmert +x=1.0039 +y=-1.90961 +z=-0.54117 +rx=0.02678138 +ry=-0.00042027 +rz=0.01093206 +s=-0.00005109"
    " +dx=0.00079 +dy=-0.0007 +dz=-0.00124 +drx=0.00006667 +dry=-0.00075744 +drz=-0.00005133 +ds=-0.00007201 +t_epoch=2010"
    " +convention=coordinate_frame +step +inv +proj=cart +ellps=GRS80"
    f" +step {ZONE_3} +step +proj=unitconvert +xy_in=m +xy_out=us-ft"
)
"""Typed out of survey_intake.md, section 10."""


@cache
def truth() -> dict:
    return json.loads((DAY / GPS_TRUTH).read_text(encoding="utf-8"))


def of(name: str) -> dict:
    return truth()["files"][name]


def cases(name: str, kind: str) -> list[dict]:
    return [case for case in of(name)["cases"] if case["case"] == kind]


def marks() -> dict[str, dict]:
    return {mark["mark"]: mark for mark in truth()["marks"]}


def height_ft(height, *, years: float):
    """A height of NAD83(2011) brought back `years`: the ground sinks 1.35 mm a year in that frame."""
    return np.asarray(height) + 0.00135 * years / FOOT_M


def in_city_feet(lon, lat, *, years: float) -> np.ndarray:
    """NAD83(2011) degrees brought back `years` by the City's velocity, by the radii of curvature, and projected by hand."""
    lon, lat = np.radians(np.asarray(lon, dtype=float)), np.radians(np.asarray(lat, dtype=float))
    a, e2 = 6378137.0, 2 / 298.257222101 - 1 / 298.257222101**2
    w = np.sqrt(1 - e2 * np.sin(lat) ** 2)
    lat = lat - 0.01003 * years / (a * (1 - e2) / w**3)
    lon = lon - -0.00933 * years / (a / w * np.cos(lat))
    to_feet = Transformer.from_pipeline(f"+proj=pipeline +step {ZONE_3} +step +proj=unitconvert +xy_in=m +xy_out=us-ft")
    return np.column_stack(to_feet.transform(lon, lat, radians=True))
