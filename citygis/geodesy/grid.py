"""What a map projection does to directions and lengths at a place."""

import numpy as np
from numpy.typing import ArrayLike
from pyproj import CRS, Proj

from citygis.errors import CRSError


def convergence_deg(crs: CRS | str, easting: ArrayLike, northing: ArrayLike) -> np.ndarray | float:
    """
    The angle from grid north to true north: grid azimuth = geodetic azimuth - convergence.

    Parameters
    ----------
    crs : CRS
        Projected.
    easting, northing : float or array
        In its unit.

    Returns
    -------
    float or array, degrees
        Positive where true north lies west of grid north, that is, east of the central meridian of a State Plane zone (NOAA Manual
        NOS NGS 5, section 3.1).

    Raises
    ------
    CRSError
        If `crs` is not projected.
    """
    return _factors(crs, easting, northing).meridian_convergence


def grid_scale_factor(crs: CRS | str, easting: ArrayLike, northing: ArrayLike) -> np.ndarray | float:
    """
    Grid length over ellipsoid length at a place. The projection must be conformal, as every State Plane zone is.

    Parameters and errors as `convergence_deg`.
    """
    return _factors(crs, easting, northing).meridional_scale


def _factors(crs: CRS | str, easting: ArrayLike, northing: ArrayLike):
    crs = CRS.from_user_input(crs)
    if not crs.is_projected:
        raise CRSError(f"{crs.name} is not projected, so it has neither convergence nor a grid scale.")
    projection = Proj(crs)
    lon, lat = projection(easting, northing, inverse=True)
    return projection.get_factors(lon, lat)
