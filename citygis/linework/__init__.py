"""
Linework and labels made into lots: ends snapped, lines and arcs noded, figures closed, numbers placed; and local drawings tied to
the ground.
"""

from citygis.linework.drawing import DrawingLots, drawing_lots
from citygis.linework.georeference import Georeference, georeference, placed
from citygis.linework.labels import LOT_PATTERNS, LOT_TAGS, NOT_LOT_PATTERNS, LabelRules, lot_labels
from citygis.linework.lots import KINDS, SNAPS_FT, Lots, courses_of, lots

__all__ = [
    "KINDS",
    "LOT_PATTERNS",
    "LOT_TAGS",
    "NOT_LOT_PATTERNS",
    "SNAPS_FT",
    "DrawingLots",
    "Georeference",
    "LabelRules",
    "Lots",
    "courses_of",
    "drawing_lots",
    "georeference",
    "lot_labels",
    "lots",
    "placed",
]
