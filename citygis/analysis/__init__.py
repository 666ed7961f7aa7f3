"""
Departments' questions, answered with the proof attached: list, ground, exclusions, method with citations, and a second way.

A question is a function of City layers::

    answer = cg.analysis.hearing_notice(parcels, subject=["191-190-74"], distance_ft=300)
    answer.table, answer.geometry, answer.excluded, answer.method, answer.check

Each is fetched when it is first used; `questions` lists them.
"""

import importlib
from typing import TYPE_CHECKING

from citygis.analysis.answer import Answer, Citation, MapPlan, Method, SecondWay, second_way
from citygis.analysis.questions import HOME, Parameter, Question, questions
from citygis.analysis.rulepack import LegalRule, RulePack, rule_pack

if TYPE_CHECKING:
    from citygis.analysis.package import Package, answer_figure, note_html, write_package

__all__ = [
    "Answer",
    "Citation",
    "LegalRule",
    "MapPlan",
    "Method",
    "Package",
    "Parameter",
    "Question",
    "RulePack",
    "SecondWay",
    "answer_figure",
    "note_html",
    "questions",
    "rule_pack",
    "second_way",
    "write_package",
]


# What draws and writes is fetched when it is used: asking needs neither.
_LATER = dict.fromkeys(("Package", "answer_figure", "note_html", "write_package"), "package")


def __getattr__(name: str) -> object:
    if home := HOME.get(name) or _LATER.get(name):
        return getattr(importlib.import_module(f"citygis.analysis.{home}"), name)
    raise AttributeError(f"module 'citygis.analysis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *HOME])
