"""
Templates of label texts: ``{field}`` in words, filled for all features at once.

``{field?}`` may be null. ``{field:.2f}`` and ``{field:,.0f}`` write a number as Python's format does, and
``{calc_area_sqft / 43560:.2f}`` divides it by a constant before: square feet as acres.
"""

import re

import pandas as pd

from citygis.sheets.expressions import as_numbers, as_text
from citygis.sheets.fonts import composed

_FIELD = re.compile(r"\{(\w+)(?:\s*/\s*(\d+(?:\.\d+)?))?(\??)(?::([^{}]*))?\}")


def require_template(text: str) -> str:
    """
    `text`, when it is a template.

    Raises
    ------
    ValueError
        If a brace is left over, a divisor is zero, or a number's format is none.
    """
    for _, divisor, _, form in _FIELD.findall(text):
        if divisor and float(divisor) == 0:
            raise ValueError(f"Invalid text {text!r}. Must divide by a number above zero.")
        try:
            format(0.0, form)
        except ValueError:
            form = "n"
        if form.endswith(("n", "s")):
            raise ValueError(f"Invalid number format in {text!r}. Must be like {{width_ft:.1f}} or {{calc_area_sqft:,.0f}}.")
    if re.search("[{}]", _FIELD.sub("", text)):
        raise ValueError(f"Invalid text {text!r}. Must have fields like {{apn}}, {{lot?}} or {{calc_area_sqft / 43560:.2f}}.")
    return text


def template_fields(text: str) -> list[str]:
    """The fields a template reads."""
    return [match[0] for match in _FIELD.findall(text)]


def filled(template: str, frame: pd.DataFrame) -> pd.Series:
    """
    A template's text for each row; null where one of its fields is, unless that may be.

    Raises
    ------
    SheetError
        If a number is asked for of a field that holds text.
    """
    out = pd.Series("", index=frame.index, dtype="str")
    at = 0
    for match in _FIELD.finditer(template):
        name, divisor, optional, form = match.groups()
        value = frame[name]
        if divisor or form:
            numbers = as_numbers(value, f"Label text {template!r}") / float(divisor or 1)
            value = numbers.map(lambda v, form=form: format(v, form or "g"), na_action="ignore").astype("str")
        else:
            value = as_text(value)
        out = out + template[at : match.start()] + (value.fillna("") if optional else value)
        at = match.end()
    out = out + template[at:]
    return out.map(composed, na_action="ignore").astype("str").str.replace(r"\s+", " ", regex=True).str.strip()
