"""Sheets: a City's layers as print-ready maps at an exact scale."""

from citygis.sheets.figure import Figure, draw
from citygis.sheets.frame import STANDARD_SCALES, scale_of, scale_text
from citygis.sheets.preflight import Check, Preflight, preflight
from citygis.sheets.redline import ChangeSheet, change_sheets
from citygis.sheets.sheet import Paper, Sheet, paper_profiles, sheet_templates
from citygis.sheets.source import sheet_layers
from citygis.sheets.style import Style, read_style

__all__ = [
    "STANDARD_SCALES",
    "ChangeSheet",
    "Check",
    "Figure",
    "Paper",
    "Preflight",
    "Sheet",
    "Style",
    "change_sheets",
    "draw",
    "paper_profiles",
    "preflight",
    "read_style",
    "scale_of",
    "scale_text",
    "sheet_layers",
    "sheet_templates",
]
