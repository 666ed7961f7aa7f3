"""What a receiver standing at a known place would say: the place in the frame it works in, and its error, which wanders."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.geodesy import Frame, Velocity, decimal_year, transform_points
from citygis.samples.layers import CITY_CRS
from citygis.units import US_SURVEY_FOOT

CITY_FRAME = Frame("NAD83(2011)", 2010.0)
NETWORK_FRAME = Frame("NAD83(2011)", 2017.5)
"""What the corrections of the region's network are in."""
PPP_FRAME = Frame("ITRF2014")
BROADCAST_FRAME = Frame("ITRF2020")
"""What a receiver without corrections works in: WGS 84 as broadcast in 2026 is ITRF2020 of the date to 0.02 m (EPSG 10608)."""

VELOCITY = Velocity(
    north_mm_yr=10.03,
    east_mm_yr=-9.33,
    up_mm_yr=-1.35,
    lon=-121.28,
    lat=37.82,
    source="NGS HTDP 3.6.0, 37.82 N 121.28 W, relative to NAD83(2011)",
)
"""How Riverbend moves: that of the sample's city.toml."""

FOOT_M = float(US_SURVEY_FOOT)
_DEGREES = {"NAD83(2011)": "EPSG:6318", "ITRF2014": "EPSG:9000", "ITRF2020": "EPSG:9990"}
_CORRELATED_SHARE = 0.75


class Sky(NamedTuple):
    """Longitude and latitude in degrees, ellipsoid height in metres: arrays of n, in one frame."""

    lon: np.ndarray
    lat: np.ndarray
    height_m: np.ndarray


def seen(points: np.ndarray, height_ft: np.ndarray, frame: Frame, times: pd.DatetimeIndex) -> Sky:
    """
    Places of the City's frame in another.

    Parameters
    ----------
    points : (n, 2) array of easting, northing
        City feet, NAD83(2011) at 2010.00.
    height_ft : (n,) array
        Above the ellipsoid of that frame.
    frame : Frame
        Of `NETWORK_FRAME`, `PPP_FRAME`, `BROADCAST_FRAME`.
    times : n moments, UTC
    """
    if not len(points):
        return Sky(np.empty(0), np.empty(0), np.empty(0))
    moved, _ = transform_points(
        points[:, 0],
        points[:, 1],
        np.asarray(height_ft) * FOOT_M,
        source=CITY_FRAME,
        source_crs=CITY_CRS,
        target=frame,
        target_crs=_DEGREES[frame.realization],
        observed=decimal_year(pd.Series(times)).to_numpy(),
        velocity=VELOCITY,
        tolerance_ft=1.0,
    )
    return Sky(moved.easting, moved.northing, moved.ellipsoid_height_m)


def wander(rng: np.random.Generator, n: int, sigma: float, *, tau_s: float, step_s: float = 1.0) -> np.ndarray:
    """
    An error of n epochs as a receiver's is: most of it stays for about `tau_s` seconds, the rest is new every epoch.

    A first-order autoregressive process, and white noise; `sigma` is the standard deviation of both together.
    """
    kept = np.exp(-step_s / tau_s)
    steps = rng.standard_normal(n) * np.sqrt(1 - kept**2)
    slow, value = np.empty(n), rng.standard_normal()
    for k in range(n):
        value = kept * value + steps[k]
        slow[k] = value
    return sigma * (np.sqrt(_CORRELATED_SHARE) * slow + np.sqrt(1 - _CORRELATED_SHARE) * rng.standard_normal(n))


def errors_ft(
    rng: np.random.Generator, n: int, sigma_ft: float, *, tau_s: float, step_s: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Errors in easting and northing, (n, 2), each of `sigma_ft`, and in height, (n,), of twice that."""
    plane = np.column_stack([wander(rng, n, sigma_ft, tau_s=tau_s, step_s=step_s) for _ in range(2)])
    return plane, wander(rng, n, 2 * sigma_ft, tau_s=tau_s, step_s=step_s)
