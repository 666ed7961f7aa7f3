"""
Corners of neighbours that were meant to be one: near each other, but not the same.
"""

import geopandas as gpd
import numpy as np
import shapely

from citygis.topology.approaches import CORNER_FT
from citygis.topology.fabric import Fabric, fabric_of
from citygis.topology.measure import COORDINATE_RESOLUTION_FT
from citygis.topology.nearness import groups, near_pairs
from citygis.topology.places import SAME_CORNER_FT, Corners, corners_in, misaligned
from citygis.units import require_feet

_SLACK_FT = COORDINATE_RESOLUTION_FT / 2


def misaligned_corners(
    layer: gpd.GeoDataFrame | gpd.GeoSeries | Fabric,
    *,
    tolerance_ft: float = CORNER_FT,
    same_ft: float = SAME_CORNER_FT,
) -> gpd.GeoDataFrame:
    """
    Corners of two features that are near each other but not the same.

    A corner of one feature and a corner of another make a pair when they lie farther apart than `same_ft`, no farther than
    `tolerance_ft`, and neither feature has the corner of the other. A short edge that both neighbours have is no misalignment.

    Parameters
    ----------
    layer : GeoDataFrame, GeoSeries or Fabric, n polygons
        In feet. What is null, empty or has a coordinate that is not a number is left out. Not modified.
    tolerance_ft : float
        How far apart two corners may lie and still be taken to be meant as one. It should be no more than the survey of the two
        allows: 0.12 ft is three times the 0.04 ft of a good lot corner.
    same_ft : float
        At most this far apart they are the same corner; no less than `SAME_CORNER_FT`.

    Returns
    -------
    GeoDataFrame, m rows
        ``place``: pairs that share a corner have one number, counted from 0, so that a street corner that four lots miss is
        one place; ``left`` and ``right``: positions in `layer`, left < right; ``distance_ft``; ``left_uses`` and
        ``right_uses``: how many features have the corner of either; ``geometry``: the line from the corner of ``left`` to
        that of ``right``. Ordered by place. CRS of `layer`, new index. Where more than `LARGEST_STACK` features stand on one
        corner, each is paired with the first on the other side only.

    Raises
    ------
    CRSError
        If `layer` has no CRS or is not in feet.
    ValueError
        If `same_ft` is not between `SAME_CORNER_FT` and `tolerance_ft`.
    """
    if not SAME_CORNER_FT <= same_ft < tolerance_ft:
        raise ValueError(f"Invalid same_ft '{same_ft}'. Must be at least {SAME_CORNER_FT} and less than tolerance_ft.")
    whole = fabric_of(layer)
    require_feet(whole.crs)
    rows, corners = corners_beside(whole, tolerance_ft)
    one, other, distance = near_pairs(corners.places, tolerance_ft + _SLACK_FT, corners.users)
    apart = distance > same_ft + _SLACK_FT
    pair, left, right = misaligned(corners, one[apart], other[apart])
    one, other, distance = one[apart][pair], other[apart][pair], distance[apart][pair]
    swap = left > right
    left, right = np.where(swap, right, left), np.where(swap, left, right)
    one, other = np.where(swap, other, one), np.where(swap, one, other)
    place = groups(one, other)
    order = np.lexsort((other, one, right, left, place))
    uses = np.diff(corners.start)
    table = {
        "place": place[order],
        "left": rows[left[order]],
        "right": rows[right[order]],
        "distance_ft": distance[order],
        "left_uses": uses[one[order]],
        "right_uses": uses[other[order]],
    }
    ends = np.stack([corners.places[one[order]], corners.places[other[order]]], axis=1)
    return gpd.GeoDataFrame(table, geometry=shapely.linestrings(ends), crs=whole.crs)


def corners_beside(whole: Fabric, tolerance_ft: float) -> tuple[np.ndarray, Corners]:
    """
    The features beside which a corner may be misaligned or missing, ascending, and their corners.

    Up to `CORNER_FT` the fabric knows where to look; for a wider tolerance every corner is looked at.
    """
    if tolerance_ft <= CORNER_FT:
        return whole.suspects, whole.corners
    rows = np.flatnonzero(whole.neighbours)
    return rows, corners_in(whole.geometry[rows])
