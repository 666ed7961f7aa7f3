"""Frames and the ways between them: transformations that say what they do, or refuse."""

from citygis.geodesy.grid import convergence_deg, grid_scale_factor
from citygis.geodesy.shift import null_shift_ft
from citygis.geodesy.transform import Lineage, SameFrame, transform_frame

__all__ = ["Lineage", "SameFrame", "convergence_deg", "grid_scale_factor", "null_shift_ft", "transform_frame"]
