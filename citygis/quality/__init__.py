"""Layers held to the City's rules: findings, and the report that shows them."""

from citygis.quality.fabric import NotJudged
from citygis.quality.page import html_report
from citygis.quality.report import FILES, findings_csv, findings_layers, records, write_report
from citygis.quality.rules import RULES, Rule
from citygis.quality.validation import rules_not_judged, validate

__all__ = [
    "FILES",
    "RULES",
    "NotJudged",
    "Rule",
    "findings_csv",
    "findings_layers",
    "html_report",
    "records",
    "rules_not_judged",
    "validate",
    "write_report",
]
