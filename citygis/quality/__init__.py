"""Layers held to the City's rules: findings, and the report that shows them."""

from citygis.quality.fabric import NotJudged
from citygis.quality.page import html_report
from citygis.quality.report import FILES, findings_csv, findings_layers, records, write_report
from citygis.quality.rules import CATALOGUE, RULES, Rule, rule, rules_off
from citygis.quality.standing import Standing, standing
from citygis.quality.validation import rules_not_judged, validate

__all__ = [
    "CATALOGUE",
    "FILES",
    "RULES",
    "NotJudged",
    "Rule",
    "Standing",
    "findings_csv",
    "findings_layers",
    "html_report",
    "records",
    "rule",
    "rules_not_judged",
    "rules_off",
    "standing",
    "validate",
    "write_report",
]
