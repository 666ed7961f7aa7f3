"""
What is checked: the code, the name and the remedy of every rule. Which rules a layer is held to is said by its schema.
"""

from typing import NamedTuple

import pandas as pd


class Rule(NamedTuple):
    """A rule: its code, what it is called in a heading, and what to do about what it finds."""

    code: str
    title: str
    remedy: str


_RULES = (
    Rule("A01", "A required value is missing", "Fill it in at the source, or give the field a default in the crosswalk."),
    Rule("A02", "A value is of the wrong type", "Cast it in the crosswalk, or correct it at the source."),
    Rule("A03", "A text is too long", "Shorten it at the source, or map it to a longer field; it is never cut."),
    Rule(
        "A04",
        "A value is not one of those allowed",
        "Translate it in the crosswalk, or correct it at the source.",
    ),
    Rule("A05", "A text is not written as it must be", "Correct it at the source, or normalise it in the crosswalk."),
    Rule(
        "A06",
        "A key is given twice",
        "Keep the right one and give the other its own number.",
    ),
    Rule("A07", "Values of one feature contradict each other", "Look at the record and correct the one that is wrong."),
    Rule("A08", "A reference leads nowhere", "Load the feature that it names, or correct the reference."),
    Rule(
        "A09",
        "A required column is missing",
        "Map it in the crosswalk: citygis convert FILE --to LAYER.",
    ),
    Rule(
        "D01",
        "The frame was stated by a drafted crosswalk",
        "Ask the sender which datum it is, then state it in the crosswalk.",
    ),
    Rule("D02", "Two datums are held to be the same", "Nothing, if the City's reason for it stands."),
    Rule("G01", "There is no geometry", "Draw it from its record, or leave the row out with a reason."),
    Rule("G02", "The geometry is empty", "Draw it from its record, or leave the row out with a reason."),
    Rule("G03", "The geometry is broken", "Redraw the ring at the place shown, from its record."),
    Rule("G04", "Two features have the same geometry", "Remove the one too many, or declare the stack if both are meant."),
    Rule("G05", "The feature is tiny", "Remove it if it is left over from drafting; keep it if the record shows it."),
    Rule(
        "G06",
        "The feature lies outside the City's extent",
        "Look at the coordinate system and the coordinate order first.",
    ),
    Rule("G07", "The geometry is of the wrong type", "Send it to the layer it belongs in, or derive the right geometry from it."),
    Rule("G08", "A coordinate is not a number", "Correct the coordinates at the source and read the file again."),
    Rule(
        "T01",
        "Two features claim the same ground",
        "Compare both records; move the wrong line or retire the one replaced.",
    ),
    Rule(
        "T02",
        "Ground that nothing covers",
        "Compare the records on both sides; add what is missing or move a line.",
    ),
    Rule("T07", "A feature reaches outside the one it belongs in", "Correct the line, or the tract it is said to belong to."),
)

RULES: dict[str, Rule] = {rule.code: rule for rule in _RULES}
"""Every rule by its code."""


def rule_of(findings: pd.DataFrame) -> Rule:
    """
    The rule that findings of one code were made by.

    Parameters
    ----------
    findings : findings frame
        At least one row, all of one code. A code that is not among `RULES` (a reader's, a conversion's) goes by its own words.
    """
    first = findings.iloc[0]
    if first["code"] in RULES:
        return RULES[first["code"]]
    remedy = "" if pd.isna(first["remedy"]) else first["remedy"]
    return Rule(first["code"], first["rule"].replace("_", " ").capitalize(), remedy)
