"""
What a repair must leave as it was, held against each feature before and after.
"""

import numpy as np
import shapely

from citygis.topology import COORDINATE_RESOLUTION_FT

LEAST_AREA_SQFT = 1.0
LARGEST_AREA_SHARE = 0.001
"""An area may change by the greater of the two. A line that is snapped may change it by as much as the tolerance along half of the
boundary: a side of 110 ft that stood 0.1 ft off is 11 sq ft."""

_SLACK_FT = COORDINATE_RESOLUTION_FT


def broken_invariants(
    before: np.ndarray, after: np.ndarray, *, tolerance_ft: np.ndarray, despiked: np.ndarray, snapped: np.ndarray
) -> np.ndarray:
    """
    Why features must stay as they were.

    Parameters
    ----------
    before, after : arrays of n polygons or lines
        None in `after`: a ring would have lost its corners.
    tolerance_ft : array of n float
        How far the boundary of each may be moved.
    despiked : array of n bool
        Which lost a spike, or were made valid: their boundary is not held to the tolerance.
    snapped : array of n bool
        Which had a line brought onto another.

    Returns
    -------
    array of n str or None
        The first invariant that does not hold, in words; None where all hold: type, number of parts and of holes, validity, area
        within `LEAST_AREA_SQFT`, `LARGEST_AREA_SHARE` and the tolerance, and no point of the boundary moved beyond it.
    """
    reasons = np.full(len(before), None, dtype=object)
    lost = shapely.is_missing(after) | shapely.is_empty(after)
    reasons[lost] = "a ring would be left with fewer than three corners"
    kept = np.flatnonzero(~lost)
    old, new = before[kept], after[kept]
    area = np.abs(shapely.area(new) - shapely.area(old))
    allowed = area_bound_sqft(old, np.where(snapped[kept], tolerance_ft[kept], 0.0))
    held = ~despiked[kept]
    moved = np.zeros(len(kept))
    moved[held] = shapely.hausdorff_distance(old[held], new[held])
    checks = (
        (shapely.get_type_id(old) != shapely.get_type_id(new), "its type would change"),
        (shapely.get_num_geometries(old) != shapely.get_num_geometries(new), "the number of its parts would change"),
        ((_holes(old) != _holes(new)) & shapely.is_valid(old), "the number of its holes would change"),
        (~shapely.is_valid(new), "its ring would cross or touch itself"),
        (area > allowed, "its area would change by more than the bound"),
        (moved > tolerance_ft[kept] + _SLACK_FT, "its boundary would move farther than the tolerance"),
    )
    for wrong, said in reversed(checks):
        reasons[kept[wrong]] = said
    return reasons


def area_bound_sqft(shapes: np.ndarray, tolerance_ft: np.ndarray) -> np.ndarray:
    """By how much the area of each may change: see `LEAST_AREA_SQFT`."""
    least = np.maximum(LEAST_AREA_SQFT, LARGEST_AREA_SHARE * shapely.area(shapes))
    return np.maximum(least, tolerance_ft * shapely.length(shapes) / 2)


def _holes(shapes: np.ndarray) -> np.ndarray:
    parts, owner = shapely.get_parts(shapes, return_index=True)
    return np.bincount(owner, weights=np.maximum(shapely.get_num_interior_rings(parts), 0), minlength=len(shapes))
