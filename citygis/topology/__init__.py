"""Relations between geometries: pairs, places and measures. What is right or wrong is for `citygis.quality` to say."""

from citygis.topology.cover import not_covered_by
from citygis.topology.gap import gaps, pieces
from citygis.topology.measure import COORDINATE_RESOLUTION_FT, wide_enough, widths_ft
from citygis.topology.overlap import duplicates, overlaps
from citygis.topology.threads import side_by_side, threaded
from citygis.topology.validity import invalid, not_finite

__all__ = [
    "COORDINATE_RESOLUTION_FT",
    "duplicates",
    "gaps",
    "invalid",
    "not_covered_by",
    "not_finite",
    "overlaps",
    "pieces",
    "side_by_side",
    "threaded",
    "wide_enough",
    "widths_ft",
]
