"""Relations between geometries: pairs, places and measures. What is right or wrong is for `citygis.quality` to say."""

from citygis.topology.astray import inside_ft, stretches_outside
from citygis.topology.between import overlaps_between
from citygis.topology.boundary import followed_ft, uncovered_stretches
from citygis.topology.contained import contained
from citygis.topology.content import missing, multiparts, slivers, strip_sides_ft, thinness, tiny
from citygis.topology.corners import misaligned_corners
from citygis.topology.covered import by_feature, protrusions
from citygis.topology.crossing import crossings, line_overlaps
from citygis.topology.extent import outside_extent
from citygis.topology.fabric import Fabric, fabric, fabric_of_two
from citygis.topology.gap import gaps, pieces
from citygis.topology.measure import COORDINATE_RESOLUTION_FT, beside, polygon_parts, wide_enough, widths_ft
from citygis.topology.nearness import connected
from citygis.topology.nodes import Ends, ends_of, ends_off_corners, loose_ends, places, pseudo_nodes
from citygis.topology.overlap import duplicates, overlaps
from citygis.topology.places import Corners, corners_of
from citygis.topology.points import outside_own
from citygis.topology.rings import backward_rings, clockwise_surplus, repeated_vertices, short_edges, spikes
from citygis.topology.segments import NODE_TOLERANCE_FT
from citygis.topology.strips import strips
from citygis.topology.threads import once, side_by_side, threaded
from citygis.topology.validity import invalid, not_finite
from citygis.topology.vertices import missing_vertices

__all__ = [
    "COORDINATE_RESOLUTION_FT",
    "NODE_TOLERANCE_FT",
    "Corners",
    "Ends",
    "Fabric",
    "backward_rings",
    "beside",
    "by_feature",
    "clockwise_surplus",
    "connected",
    "contained",
    "corners_of",
    "crossings",
    "duplicates",
    "ends_of",
    "ends_off_corners",
    "fabric",
    "fabric_of_two",
    "followed_ft",
    "gaps",
    "inside_ft",
    "invalid",
    "line_overlaps",
    "loose_ends",
    "misaligned_corners",
    "missing",
    "missing_vertices",
    "multiparts",
    "not_finite",
    "once",
    "outside_extent",
    "outside_own",
    "overlaps",
    "overlaps_between",
    "pieces",
    "places",
    "polygon_parts",
    "protrusions",
    "pseudo_nodes",
    "repeated_vertices",
    "short_edges",
    "side_by_side",
    "slivers",
    "spikes",
    "stretches_outside",
    "strip_sides_ft",
    "strips",
    "thinness",
    "threaded",
    "tiny",
    "uncovered_stretches",
    "wide_enough",
    "widths_ft",
]
