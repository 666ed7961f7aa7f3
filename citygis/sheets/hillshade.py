"""
Shaded relief: how much light each cell of an elevation grid gets.
"""

import numpy as np
from numpy.typing import ArrayLike


def hillshade(
    elevation: ArrayLike,
    cellsize: float | tuple[float, float],
    azimuth_deg: float = 315.0,
    altitude_deg: float = 45.0,
    z_factor: float = 1.0,
) -> np.ndarray:
    """
    The light on an elevation grid, by the slope of Horn.

    Parameters
    ----------
    elevation : array, rows x columns
        Rows from the top of the grid down. NaN where nothing is known.
    cellsize : float or (float, float)
        Of a cell along the row and along the column, in the unit of the elevations.
    azimuth_deg : float
        Where the light comes from, clockwise from the top of the grid.
    altitude_deg : float
        How high the light stands, above 0 and at most 90.
    z_factor : float
        Elevations are multiplied by this.

    Returns
    -------
    array of float32, rows x columns
        The cosine of the angle between the light and the ground's normal: 1 where the light falls straight on, 0 in the shade; NaN
        where one of the nine cells is missing, so along the edges too.

    Raises
    ------
    ValueError
        If the grid has no two dimensions, a cell has no size, or the light stands below the ground.

    Notes
    -----
    Slopes are those of Horn, Hill shading and the reflectance map, Proc. IEEE 69 (1), 1981, p. 14-47: of the eight neighbours,
    those beside the cell count twice. The cosine is the scalar product of the normal and the direction of the light.
    """
    z = np.asarray(elevation, dtype=np.float32)
    if z.ndim != 2:
        raise ValueError(f"Invalid elevation with {z.ndim} dimensions. Must be rows x columns.")
    along, down = np.broadcast_to(np.asarray(cellsize, dtype=float), 2)
    if not (along > 0 and down > 0):
        raise ValueError(f"Invalid cellsize {cellsize!r}. Must be above zero.")
    if not 0 < altitude_deg <= 90:
        raise ValueError(f"Invalid altitude_deg {altitude_deg!r}. Must be above 0 and at most 90.")
    light = np.full(z.shape, np.nan, dtype=np.float32)
    if min(z.shape) < 3:
        return light
    columns = z[:-2] + 2 * z[1:-1] + z[2:]
    rows = z[:, :-2] + 2 * z[:, 1:-1] + z[:, 2:]
    to_right = (columns[:, 2:] - columns[:, :-2]) * np.float32(z_factor / (8 * along))
    to_top = (rows[:-2] - rows[2:]) * np.float32(z_factor / (8 * down))
    azimuth, altitude = np.radians(azimuth_deg), np.radians(altitude_deg)
    east, north = np.sin(azimuth) * np.cos(altitude), np.cos(azimuth) * np.cos(altitude)
    lit = (np.float32(np.sin(altitude)) - np.float32(east) * to_right - np.float32(north) * to_top) / np.sqrt(
        1 + to_right * to_right + to_top * to_top
    )
    # The middle cell does not enter the slope; a hole in it stays a hole.
    light[1:-1, 1:-1] = np.where(np.isnan(z[1:-1, 1:-1]), np.nan, np.maximum(lit, 0))
    return light
