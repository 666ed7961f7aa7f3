"""
The shift between GPS coordinates and NAD83(2011) that PROJ leaves out when it is asked for WGS 84 to NAD83.
"""

import numpy as np
from pyproj import CRS, Transformer

from citygis.units import US_SURVEY_FOOT

ITRF2014_TO_NAD83_2011 = (
    "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad +step +proj=cart +ellps=GRS80"
    " +step +proj=helmert +x=1.0053 +y=-1.90921 +z=-0.54157 +rx=0.02678138 +ry=-0.00042027 +rz=0.01093206 +s=0.00036891"
    " +dx=0.00079 +dy=-0.0006 +dz=-0.00144 +drx=6.667e-05 +dry=-0.00075744 +drz=-5.133e-05 +ds=-7.201e-05"
    " +t_epoch=2010 +convention=coordinate_frame"
    " +step +inv +proj=cart +ellps=GRS80 +step +proj=unitconvert +xy_in=rad +xy_out=deg"
)
"""ITRF2014 to NAD83(2011), time-dependent Helmert: EPSG "ITRF2014 to NAD83(2011) (1)", parameters of NOAA NGS HTDP."""

OBSERVED = 2026.0
"""The epoch that `null_shift_ft` takes a GPS coordinate to be of. The shift grows by about 0.04 ft a year in California."""


def null_shift_ft(lon: float, lat: float, *, epoch: float = OBSERVED) -> float:
    """
    How far a GPS coordinate lands from its place when WGS 84 is taken for NAD83(2011).

    Parameters
    ----------
    lon, lat : float
        Degrees, anywhere on the North American plate.
    epoch : float
        When it was observed, a decimal year. WGS 84 (G2139) and later are ITRF to within millimetres.

    Returns
    -------
    float
        Horizontal, US survey feet.
    """
    shift = Transformer.from_pipeline(ITRF2014_TO_NAD83_2011)
    moved_lon, moved_lat, _, _ = shift.transform(lon, lat, 0.0, epoch)
    _, _, metres = CRS.from_epsg(6318).get_geod().inv(lon, lat, moved_lon, moved_lat)
    return float(np.round(metres / float(US_SURVEY_FOOT), 3))
