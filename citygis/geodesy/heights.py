"""
Heights above the ellipsoid are not elevations: between them stands a geoid model, without which nothing is written.
"""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from pyproj import Transformer
from pyproj.exceptions import ProjError

from citygis.errors import CRSError
from citygis.geodesy.gridfiles import find_grid, grids_parameter
from citygis.units import US_SURVEY_FOOT

GEOID18 = "us_noaa_g2018u0.tif"
"""NGS GEOID18 for the conterminous United States: NAD83(2011) ellipsoid heights to NAVD88 (EPSG 9229, 0.015 m)."""


def require_geoid(grids: Path | None = None, *, grid: str = GEOID18) -> Path:
    """
    The file of the geoid model, or an error where it is not installed.

    Parameters
    ----------
    grids : Path, optional
        The City's folder of grids; the folders of PROJ are looked in too.
    grid : str
        File name of the model.

    Raises
    ------
    CRSError
        With what it costs to take the one height for the other.
    """
    path = find_grid(grid, grids)
    if path is None:
        raise CRSError(
            f"Ellipsoid heights cannot be made into elevations: the geoid model {grid} is not installed. PROJ would write the"
            " ellipsoid height unchanged, which is about 104 ft too low at Lathrop (separation -31.73 m by EGM96). Put the file"
            " (PROJ-data, NGS GEOID18) into the City's grids/ folder, or keep the heights as ellipsoid_height_m."
        )
    return path


def orthometric_height_ft(
    lon: ArrayLike, lat: ArrayLike, ellipsoid_height_m: ArrayLike, *, grids: Path | None = None, grid: str = GEOID18
) -> np.ndarray:
    """
    NAVD88 elevations of NAD83(2011) ellipsoid heights.

    Parameters
    ----------
    lon, lat : arrays of n
        NAD83(2011), degrees. Not those of ITRF or WGS 84, whose ellipsoid lies half a metre from it here.
    ellipsoid_height_m : array of n
        Metres; not a number where there is none.
    grids, grid
        As `require_geoid`.

    Returns
    -------
    array of n
        US survey feet; not a number where there is no height, and where the model does not reach.

    Raises
    ------
    CRSError
        If the geoid model is not installed or cannot be read.
    """
    path = require_geoid(grids, grid=grid)
    pipeline = (
        "proj=pipeline step proj=unitconvert xy_in=deg xy_out=rad"
        f" step inv proj=vgridshift grids={grids_parameter([path])} multiplier=1 step proj=unitconvert xy_in=rad xy_out=deg"
    )
    try:
        transformer = Transformer.from_pipeline(pipeline)
    except ProjError as error:
        raise CRSError(f"{path} cannot be read as a geoid model: {error}. Get it again from PROJ-data.") from None
    places = [np.atleast_1d(np.array(each, dtype="float64")) for each in (lon, lat, ellipsoid_height_m)]
    _, _, height_m = transformer.transform(*places)
    return np.where(np.isfinite(height_m), height_m, np.nan) / float(US_SURVEY_FOOT)
