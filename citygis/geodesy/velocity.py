"""How the ground of a City moves against the North American plate: one vector, stated with its source."""

import math
from typing import NamedTuple

from pydantic import Field
from pyproj import Geod

from citygis.settings import Settings

SIGMA_MM_YR = 0.5
"""
What one vector for a whole city leaves out: across 17 x 22 km around Lathrop the vectors of NGS HTDP 3.6.0 differ by less than
this.
"""

UNKNOWN_MOTION_MM_YR = 50.0
"""
What has to be reckoned with in California where no velocity is stated: at 37 N 122 W the ground moves 43.8 mm a year against
NAD83(2011) (NGS HTDP 3.6.0, output Ex7: 36.08 north, 24.88 west).
"""

REACH_KM = 20.0
FALLING_OFF_MM_YR_KM = 0.3
"""
Farther from where a velocity was computed than `REACH_KM` it is trusted that much less for each kilometre: NGS HTDP 3.6.0 differs
by 30 mm a year between 37.82 N 121.28 W and 37 N 122 W, which are 110 km apart.
"""


class Velocity(Settings):
    """
    How the ground moves against NAD83(2011), in millimetres a year, and where the figures come from.

    ``up_mm_yr`` belongs to the frame: it moves ellipsoid heights between epochs and says nothing about subsidence. ``lon`` and
    ``lat`` (degrees) are the place it was computed for; without them it is taken to be that of the data. ``sigma_mm_yr`` is what
    it may be off by within the City.
    """

    north_mm_yr: float = Field(ge=-200, le=200)
    east_mm_yr: float = Field(ge=-200, le=200)
    up_mm_yr: float = Field(default=0.0, ge=-200, le=200)
    source: str
    lon: float | None = Field(default=None, ge=-180, le=180)
    lat: float | None = Field(default=None, ge=-90, le=90)
    sigma_mm_yr: float = Field(default=SIGMA_MM_YR, gt=0)

    @property
    def speed_mm_yr(self) -> float:
        """The length of the horizontal vector."""
        return math.hypot(self.north_mm_yr, self.east_mm_yr)

    def __str__(self) -> str:
        return f"{self.north_mm_yr:+g} mm/yr north, {self.east_mm_yr:+g} mm/yr east ({self.source})"


class Vector(NamedTuple):
    """Metres a year along the geocentric axes."""

    x: float
    y: float
    z: float


def geocentric(velocity: Velocity, lon: float, lat: float) -> Vector:
    """
    A velocity along the geocentric axes at the place it was computed for, else at `lon`, `lat` (degrees).

    The rotation from the local horizon, as in EPSG Guidance Note 7-2 (topocentric conversions).
    """
    if velocity.lon is not None and velocity.lat is not None:
        lon, lat = velocity.lon, velocity.lat
    lam, phi = math.radians(lon), math.radians(lat)
    east, north, up = velocity.east_mm_yr / 1000, velocity.north_mm_yr / 1000, velocity.up_mm_yr / 1000
    along = up * math.cos(phi) - north * math.sin(phi)
    return Vector(
        along * math.cos(lam) - east * math.sin(lam),
        along * math.sin(lam) + east * math.cos(lam),
        north * math.cos(phi) + up * math.sin(phi),
    )


def sigma_mm_yr(velocity: Velocity, lon: float, lat: float) -> float:
    """What a velocity may be off by at a place: its own sigma, and more beyond `REACH_KM` from where it was computed."""
    if velocity.lon is None or velocity.lat is None or not (math.isfinite(lon) and math.isfinite(lat)):
        return velocity.sigma_mm_yr
    _, _, metres = Geod(ellps="GRS80").inv(velocity.lon, velocity.lat, lon, lat)
    return velocity.sigma_mm_yr + FALLING_OFF_MM_YR_KM * max(0.0, metres / 1000 - REACH_KM)
