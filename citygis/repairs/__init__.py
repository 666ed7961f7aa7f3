"""Layers mended where it is safe: bounded by accuracy, held to invariants and to the rules, logged, and undone when asked."""

from citygis.repairs.edits import COLUMNS, edits_frame
from citygis.repairs.histogram import moves
from citygis.repairs.outcome import Repair
from citygis.repairs.pictures import edit_pictures, repair_page
from citygis.repairs.snapping import LARGEST_MOVE_FT
from citygis.repairs.undo import undo
from citygis.repairs.work import OPERATIONS, repair

__all__ = [
    "COLUMNS",
    "LARGEST_MOVE_FT",
    "OPERATIONS",
    "Repair",
    "edit_pictures",
    "edits_frame",
    "moves",
    "repair",
    "repair_page",
    "undo",
]
