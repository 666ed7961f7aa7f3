"""
The shift between GPS coordinates and NAD83(2011) that PROJ leaves out when it is asked for WGS 84 to NAD83.
"""

import numpy as np
from pyproj import CRS, Transformer

from citygis.geodesy.frames import Frame
from citygis.geodesy.pipeline import build_pipeline, route_between
from citygis.geodesy.projection import feet
from citygis.geodesy.realizations import HUB

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
    degrees, source, target = CRS.from_epsg(6318), Frame("ITRF2014", epoch), Frame(HUB, epoch)
    way = build_pipeline(route_between(source, target), degrees, degrees, vector=None, grids=None, names=(str(source), str(target)))
    moved_lon, moved_lat, _ = Transformer.from_pipeline(way.definition).transform(lon, lat, 0.0)
    _, _, metres = degrees.get_geod().inv(lon, lat, moved_lon, moved_lat)
    return float(np.round(feet(metres), 3))
