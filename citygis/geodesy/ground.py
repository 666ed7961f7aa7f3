"""
Ground and grid: what lies between a length taped on the ground and the same length in State Plane coordinates.
"""

import math

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field
from pyproj import CRS, Proj

from citygis.errors import CRSError
from citygis.geodesy.grid import grid_scale_factor
from citygis.settings import Settings
from citygis.units import US_SURVEY_FOOT


class LocalSystem(Settings):
    """
    A local (ground) coordinate system of the City and how it lies in the City's own: a scale, a turn and one point in both.

    ``scale`` times a local length is the grid length; ``rotation_deg`` added to a local azimuth is the grid azimuth (clockwise).
    The ground point is in the local system's foot, the grid point in the City's. ``accuracy_ft`` is how well the two met at the
    points it was found from. ``source`` says where the numbers come from: a record map, a calibration.
    """

    scale: float = Field(ge=0.99, le=1.01)
    rotation_deg: float = Field(ge=-360, le=360)
    ground_easting_ft: float
    ground_northing_ft: float
    grid_easting_ft: float
    grid_northing_ft: float
    accuracy_ft: float = Field(ge=0)
    source: str


def local_to_grid(system: LocalSystem, easting: ArrayLike, northing: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """
    Points of a local system in the City's, both in feet.

    The four-parameter transformation (Ghilani & Wolf, "Elementary Surveying": two-dimensional conformal coordinate transformation).
    """
    east = np.asarray(easting, dtype="float64") - system.ground_easting_ft
    north = np.asarray(northing, dtype="float64") - system.ground_northing_ft
    cosine, sine = _turn(system)
    return (
        system.grid_easting_ft + system.scale * (east * cosine + north * sine),
        system.grid_northing_ft + system.scale * (north * cosine - east * sine),
    )


def grid_to_local(system: LocalSystem, easting: ArrayLike, northing: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Points of the City's system in a local one, both in feet: the inverse of `local_to_grid`."""
    east = (np.asarray(easting, dtype="float64") - system.grid_easting_ft) / system.scale
    north = (np.asarray(northing, dtype="float64") - system.grid_northing_ft) / system.scale
    cosine, sine = _turn(system)
    return system.ground_easting_ft + east * cosine - north * sine, system.ground_northing_ft + north * cosine + east * sine


def elevation_factor(crs: CRS | str, easting: ArrayLike, northing: ArrayLike, ellipsoid_height_ft: ArrayLike) -> np.ndarray | float:
    """
    Ellipsoid length over ground length: R / (R + h), with the Gaussian mean radius of the ellipsoid at the place.

    Parameters
    ----------
    crs : CRS
        Projected.
    easting, northing : float or array
        In its unit.
    ellipsoid_height_ft : float or array
        Above the ellipsoid, US survey feet. An elevation (NAVD88) in its place is an error of 5 parts per million in the Central
        Valley, where the geoid lies 105 ft below the ellipsoid.

    Source: NOAA Manual NOS NGS 5, "State Plane Coordinate System of 1983" (reduction of distances); the radius is sqrt(MN).
    """
    crs = CRS.from_user_input(crs)
    if not crs.is_projected:
        raise CRSError(f"{crs.name} is not projected, so it has no ground distances to reduce. Use the City's State Plane zone.")
    _, lat = Proj(crs)(easting, northing, inverse=True)
    a, flattening = crs.ellipsoid.semi_major_metre, 1 / crs.ellipsoid.inverse_flattening
    e2 = flattening * (2 - flattening)
    radius_m = a * math.sqrt(1 - e2) / (1 - e2 * np.sin(np.radians(lat)) ** 2)
    return radius_m / (radius_m + np.asarray(ellipsoid_height_ft, dtype="float64") * float(US_SURVEY_FOOT))


def combined_factor(crs: CRS | str, easting: ArrayLike, northing: ArrayLike, ellipsoid_height_ft: ArrayLike) -> np.ndarray | float:
    """
    Grid length over ground length: the grid scale factor times the elevation factor. Parameters and source as `elevation_factor`.

    Returns
    -------
    float or array
        Like 0.999934: 1,000 ft on the ground are 999.934 ft on the grid.
    """
    return grid_scale_factor(crs, easting, northing) * elevation_factor(crs, easting, northing, ellipsoid_height_ft)


def ground_to_grid(ground_ft: ArrayLike, factor: ArrayLike, *, area: bool = False) -> np.ndarray | float:
    """
    Ground lengths as grid lengths (or ground areas as grid areas, with the factor squared). Points: `local_to_grid`.

    Parameters
    ----------
    ground_ft : float or array
        Feet, or square feet where `area`.
    factor : float or array
        Of `combined_factor`, at the middle of the line or figure.
    """
    return np.multiply(ground_ft, _checked(factor) ** (2 if area else 1))


def grid_to_ground(grid_ft: ArrayLike, factor: ArrayLike, *, area: bool = False) -> np.ndarray | float:
    """Grid lengths as ground lengths (or areas): the inverse of `ground_to_grid`, with the same parameters."""
    return np.divide(grid_ft, _checked(factor) ** (2 if area else 1))


def _checked(factor: ArrayLike) -> np.ndarray:
    factor = np.asarray(factor, dtype="float64")
    if not ((factor > 0.99) & (factor < 1.01)).all():
        raise ValueError(
            f"Invalid combined factor {factor!r:.80}. Must be near 1, like 0.999934: a change of unit is not a factor."
        )
    return factor


def _turn(system: LocalSystem) -> tuple[float, float]:
    angle = math.radians(system.rotation_deg)
    return math.cos(angle), math.sin(angle)
