"""Operations of the office on parcels: split, merge, adjust a lot line, vacate a street, renumber; each a change set."""

from citygis.operations.adjustment import adjust_line
from citygis.operations.carrying import Carrying, CarryingRules, carrying_rules
from citygis.operations.division import split
from citygis.operations.merger import merge
from citygis.operations.operation import AREA_TOLERANCE_SQFT, Operation, Record, refusals, require_sound
from citygis.operations.renumbering import renumber
from citygis.operations.vacation import vacate

__all__ = [
    "AREA_TOLERANCE_SQFT",
    "Carrying",
    "CarryingRules",
    "Operation",
    "Record",
    "adjust_line",
    "carrying_rules",
    "merge",
    "refusals",
    "renumber",
    "require_sound",
    "split",
    "vacate",
]
