"""Relations between geometries: pairs, places and measures. What is right or wrong is for `citygis.quality` to say."""

from citygis.topology.between import overlaps_between
from citygis.topology.boundary import uncovered_stretches
from citygis.topology.contained import contained
from citygis.topology.content import missing, multiparts, slivers, strip_sides_ft, thinness, tiny
from citygis.topology.corners import Corners, corners_of, misaligned_corners
from citygis.topology.cover import not_covered_by
from citygis.topology.covered import protrusions
from citygis.topology.crossing import crossings, line_overlaps
from citygis.topology.extent import outside_extent
from citygis.topology.gap import gaps, pieces
from citygis.topology.measure import COORDINATE_RESOLUTION_FT, wide_enough, widths_ft
from citygis.topology.nodes import ends_off_corners, loose_ends, pseudo_nodes
from citygis.topology.overlap import duplicates, overlaps
from citygis.topology.points import outside_own
from citygis.topology.rings import backward_rings, repeated_vertices, short_edges, spikes
from citygis.topology.segments import NODE_TOLERANCE_FT
from citygis.topology.threads import side_by_side, threaded
from citygis.topology.validity import invalid, not_finite
from citygis.topology.vertices import missing_vertices

__all__ = [
    "COORDINATE_RESOLUTION_FT",
    "NODE_TOLERANCE_FT",
    "Corners",
    "backward_rings",
    "contained",
    "corners_of",
    "crossings",
    "duplicates",
    "ends_off_corners",
    "gaps",
    "invalid",
    "line_overlaps",
    "loose_ends",
    "misaligned_corners",
    "missing",
    "missing_vertices",
    "multiparts",
    "not_covered_by",
    "not_finite",
    "outside_extent",
    "outside_own",
    "overlaps",
    "overlaps_between",
    "pieces",
    "protrusions",
    "pseudo_nodes",
    "repeated_vertices",
    "short_edges",
    "side_by_side",
    "slivers",
    "spikes",
    "strip_sides_ft",
    "thinness",
    "threaded",
    "tiny",
    "uncovered_stretches",
    "wide_enough",
    "widths_ft",
]
