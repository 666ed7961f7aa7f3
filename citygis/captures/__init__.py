"""From captures in the field to features of the City: gates, frames, occupations, tracks, field codes, checks."""

from citygis.captures.accuracy import Asprs, Nssda, asprs_2023, nssda
from citygis.captures.field_codes import FieldCodes, field_codes
from citygis.captures.fieldwork import FieldWork, field_work
from citygis.captures.figures import Figures, figures
from citygis.captures.frame_fit import FrameFit, frame_fit
from citygis.captures.gates import Gate, gates, rejections
from citygis.captures.heights import mark_heights
from citygis.captures.marks import Repeated, repeated
from citygis.captures.monuments import monument_check, monument_findings, monument_records
from citygis.captures.occupations import Occupations, occupations
from citygis.captures.residual_map import residual_map
from citygis.captures.settlement import Settled, settle
from citygis.captures.tracks import Tracks, track_lines

__all__ = [
    "Asprs",
    "FieldCodes",
    "FieldWork",
    "Figures",
    "FrameFit",
    "Gate",
    "Nssda",
    "Occupations",
    "Repeated",
    "Settled",
    "Tracks",
    "asprs_2023",
    "field_codes",
    "field_work",
    "figures",
    "frame_fit",
    "gates",
    "mark_heights",
    "monument_check",
    "monument_findings",
    "monument_records",
    "nssda",
    "occupations",
    "rejections",
    "repeated",
    "residual_map",
    "settle",
    "track_lines",
]
