"""Sheets: a City's layers as print-ready maps at an exact scale."""

from citygis.sheets.drawing import draw
from citygis.sheets.figure import Figure
from citygis.sheets.frame import STANDARD_SCALES, scale_of, scale_text
from citygis.sheets.paper import Paper, paper_profiles
from citygis.sheets.preflight import Check, Preflight, preflight
from citygis.sheets.profile import Profile, profiles
from citygis.sheets.redline import ChangeSheet, change_sheets
from citygis.sheets.sheet import Sheet, series_templates, sheet_templates
from citygis.sheets.source import sheet_layers
from citygis.sheets.style import Style, read_style

__all__ = [
    "STANDARD_SCALES",
    "ChangeSheet",
    "Check",
    "Figure",
    "Paper",
    "Preflight",
    "Profile",
    "Sheet",
    "Style",
    "change_sheets",
    "draw",
    "paper_profiles",
    "preflight",
    "profiles",
    "read_style",
    "scale_of",
    "scale_text",
    "series_templates",
    "sheet_layers",
    "sheet_templates",
]
