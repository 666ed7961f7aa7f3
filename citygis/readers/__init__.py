"""Outside files, made into plain frames: what is in them, as sent, with where each row came from."""

from citygis.environment import clean_proj_environment

clean_proj_environment()  # before anything below loads PROJ

from citygis.readers.captures import Captures  # noqa: E402
from citygis.readers.inspection import Inspection, inspect  # noqa: E402
from citygis.readers.landxml import LandXML, read_landxml  # noqa: E402
from citygis.readers.plat_table import PlatTable, lot_courses, read_plat_table  # noqa: E402
from citygis.readers.recordings import is_captures, read_captures  # noqa: E402
from citygis.readers.source import sha256_of, source_document  # noqa: E402
from citygis.readers.traverse_file import Traverse, read_traverse_file, write_traverse_file  # noqa: E402
from citygis.readers.vector import crs_stated, read  # noqa: E402

__all__ = [
    "Captures",
    "Inspection",
    "LandXML",
    "PlatTable",
    "Traverse",
    "crs_stated",
    "inspect",
    "is_captures",
    "lot_courses",
    "read",
    "read_captures",
    "read_landxml",
    "read_plat_table",
    "read_traverse_file",
    "sha256_of",
    "source_document",
    "write_traverse_file",
]
