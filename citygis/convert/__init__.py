"""An outside frame into a City layer, by a crosswalk: every row lands in the layer or in the quarantine."""

from citygis.convert.conversion import Conversion, convert
from citygis.convert.crosswalk import Crosswalk, FieldMap, Frame, parse_crosswalk, read_crosswalk
from citygis.convert.documents import delivery_document
from citygis.convert.draft import draft_crosswalk
from citygis.convert.remarks import QUARANTINE_RULES
from citygis.packaged import callable_package

__all__ = [
    "QUARANTINE_RULES",
    "Conversion",
    "Crosswalk",
    "FieldMap",
    "Frame",
    "convert",
    "delivery_document",
    "draft_crosswalk",
    "parse_crosswalk",
    "read_crosswalk",
]

callable_package(__name__, "convert")
