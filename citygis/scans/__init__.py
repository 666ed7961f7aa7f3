"""
Scanned maps tied to the ground: control points, what their fit proves and what it hides, and the two files' half pixel apart.
"""

from citygis.scans.control_points import COLUMNS, MODELS, PIXEL_AT, ScanFit, fit_scan, ground_of
from citygis.scans.world_file import parse_world_file, transform_of, world_file_text

__all__ = [
    "COLUMNS",
    "MODELS",
    "PIXEL_AT",
    "ScanFit",
    "fit_scan",
    "ground_of",
    "parse_world_file",
    "transform_of",
    "world_file_text",
]
