"""Legal descriptions: metes and bounds read from text with everything they say against themselves, and written from courses."""

from citygis.readers.deed.course_table import COLUMNS, course_table_text, read_course_table
from citygis.readers.deed.description import describe
from citygis.readers.deed.gate import Quality
from citygis.readers.deed.reading import Deed, DeedParcel, StatedArea, read_deed
from citygis.readers.deed.references import REFERENCE_COLUMNS
from citygis.readers.deed.repair import Repair
from citygis.readers.deed.resolution import courses_from_table
from citygis.readers.deed.sheet import closure_sheet, plot_svg

__all__ = [
    "COLUMNS",
    "REFERENCE_COLUMNS",
    "Deed",
    "DeedParcel",
    "Quality",
    "Repair",
    "StatedArea",
    "closure_sheet",
    "course_table_text",
    "courses_from_table",
    "describe",
    "plot_svg",
    "read_course_table",
    "read_deed",
]
