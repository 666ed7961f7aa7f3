"""Frames and the ways between them: transformations that say what they do, or refuse."""

from citygis.geodesy.epochs import decimal_year, today
from citygis.geodesy.frames import Frame, frame_of, parse_frame, require_foot_of_the_system
from citygis.geodesy.grid import convergence_deg, grid_scale_factor
from citygis.geodesy.gridfiles import find_grid
from citygis.geodesy.ground import (
    LocalSystem,
    combined_factor,
    elevation_factor,
    grid_to_ground,
    grid_to_local,
    ground_to_grid,
    local_to_grid,
)
from citygis.geodesy.heights import orthometric_height_ft, require_geoid
from citygis.geodesy.lineage import Lineage, map_note
from citygis.geodesy.points import Points, transform_points
from citygis.geodesy.shift import null_shift_ft
from citygis.geodesy.transform import SameFrame, transform_frame
from citygis.geodesy.velocity import Velocity

__all__ = [
    "Frame",
    "Lineage",
    "LocalSystem",
    "Points",
    "SameFrame",
    "Velocity",
    "combined_factor",
    "convergence_deg",
    "decimal_year",
    "elevation_factor",
    "find_grid",
    "frame_of",
    "grid_scale_factor",
    "grid_to_ground",
    "grid_to_local",
    "ground_to_grid",
    "local_to_grid",
    "map_note",
    "null_shift_ft",
    "orthometric_height_ft",
    "parse_frame",
    "require_foot_of_the_system",
    "require_geoid",
    "today",
    "transform_frame",
    "transform_points",
]
