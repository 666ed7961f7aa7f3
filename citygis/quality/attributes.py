"""
Attribute rules A01 to A09, as the schema states them.
"""

import operator
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from citygis.quality.subject import Subject, finding, finding_on_layer
from citygis.quality.values import TYPE_WORDS, column_fits, comparable, given, mistyped
from citygis.schema import Field, Rule

_COMPARE = {"<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne, ">=": operator.ge, ">": operator.gt}


def attribute_findings(about: Subject, others: Mapping[str, Subject]) -> Iterator[pd.DataFrame]:
    """
    What the schema's attribute rules find in one layer.

    Parameters
    ----------
    about : Subject
        With a schema layer.
    others : mapping of name to Subject
        All layers given, for the references between them. A reference to a layer that is not given is not judged.

    Yields
    ------
    DataFrame
        Rows for `citygis.findings.findings_frame`. The ``rule`` names the field and what is asked of it: ``apn_required``.
        What the store fills in at the load is not asked for.
    """
    for field in about.layer.fields:
        wanted = field.required and field.filled_by != "store"
        if field.name in about.frame:
            yield from _field_findings(about, field, wanted, others)
        elif wanted:
            message = f"Layer {about.name} has no column {field.name}, which is required."
            yield finding_on_layer(about, "A09", f"{field.name}_column", message)
    yield from _key_findings(about)
    for rule in about.layer.rules:
        yield _cross_field_findings(about, rule)


def repeats(about: Subject, names: tuple[str, ...], rows: np.ndarray) -> pd.DataFrame:
    """
    A finding (A06) for each row that repeats the values of an earlier one.

    Parameters
    ----------
    about : Subject
    names : tuple of str
        The columns that together must be unique.
    rows : array of int
        The positions to look at.
    """
    key = about.frame.loc[rows, list(names)].astype("str")
    first = pd.Series(rows, index=key.index).groupby([key[name] for name in names], sort=False).transform("first").to_numpy()
    again = rows[first != rows]
    earlier = [_where(about, row) for row in first[first != rows]]
    message = [
        f"{' and '.join(names)} {', '.join(map(_quoted, key.loc[row]))} of {_where(about, row)} is already that of {one}."
        for row, one in zip(again, earlier, strict=True)
    ]
    return finding(about, "A06", f"{'_'.join(names)}_unique", again, message, other=earlier)


def _field_findings(about: Subject, field: Field, wanted: bool, others: Mapping[str, Subject]) -> Iterator[pd.DataFrame]:
    values = about.frame[field.name]
    there = given(values)
    if wanted:
        yield finding(about, "A01", f"{field.name}_required", np.flatnonzero(~there), f"{field.name} is not given.")
    if not column_fits(values, field.type):
        if there.any():
            example = _quoted(values[there].iloc[0])
            message = f"Column {field.name} holds {values.dtype}, such as {example}; must be {TYPE_WORDS[field.type]}."
            yield finding_on_layer(about, "A02", f"{field.name}_type", message, measure=int(there.sum()))
        return
    bad = there & mistyped(values, field.type)
    message = [f"{field.name} is {_quoted(value)}; must be {TYPE_WORDS[field.type]}." for value in values[bad]]
    yield finding(about, "A02", f"{field.name}_type", np.flatnonzero(bad), message)
    there &= ~bad
    at, known = np.flatnonzero(there), values[there]
    if not len(at):
        return
    if field.type == "text":
        yield from _text_findings(about, field, known.astype("str"), at)
    if field.minimum is not None or field.maximum is not None:
        yield _range_findings(about, field, pd.to_numeric(known).to_numpy(dtype=float), at)
    if field.reference:
        yield from _reference_findings(about, field, known, at, others)


def _text_findings(about: Subject, field: Field, known: pd.Series, at: np.ndarray) -> Iterator[pd.DataFrame]:
    if field.length and not field.domain:
        size = known.str.len().to_numpy(dtype=int)
        long = size > field.length
        message = [f"{field.name} has {n} characters; there is room for {field.length}." for n in size[long]]
        measured = {"measure": size[long], "unit": "characters", "tolerance": field.length}
        yield finding(about, "A03", f"{field.name}_length", at[long], message, **measured)
    if field.domain:
        foreign = ~known.isin(list(field.domain)).to_numpy(dtype=bool)
        allowed = ", ".join(field.domain)
        message = [f"{field.name} is {_quoted(value)}; must be one of {allowed}." for value in known[foreign]]
        yield finding(about, "A04", f"{field.name}_domain", at[foreign], message)
    if field.pattern:
        unlike = ~known.str.fullmatch(field.pattern).to_numpy(dtype=bool)
        message = [f"{field.name} is {_quoted(value)}; must be written as {field.pattern}." for value in known[unlike]]
        yield finding(about, "A05", f"{field.name}_pattern", at[unlike], message)


def _range_findings(about: Subject, field: Field, number: np.ndarray, at: np.ndarray) -> pd.DataFrame:
    low = -np.inf if field.minimum is None else field.minimum
    high = np.inf if field.maximum is None else field.maximum
    out = (number < low) | (number > high)
    span = f"{low:g} or more" if np.isinf(high) else f"{high:g} or less" if np.isinf(low) else f"from {low:g} to {high:g}"
    message = [f"{field.name} is {value:g}; must be {span}." for value in number[out]]
    return finding(about, "A04", f"{field.name}_range", at[out], message, measure=number[out], unit=field.unit)


def _reference_findings(
    about: Subject, field: Field, known: pd.Series, at: np.ndarray, others: Mapping[str, Subject]
) -> Iterator[pd.DataFrame]:
    layer, column = field.reference.split(".")
    if layer not in others or column not in others[layer].frame:
        return
    there = others[layer].frame[column].dropna().astype("str").str.lower()
    lost = ~known.astype("str").str.lower().isin(there).to_numpy(dtype=bool)
    message = [f"{field.name} is {_quoted(value)}, which no {layer} has as its {column}." for value in known[lost]]
    yield finding(about, "A08", f"{field.name}_reference", at[lost], message)


def _key_findings(about: Subject) -> Iterator[pd.DataFrame]:
    """Repeats of the key and of other unique fields; a retired feature may share its number with the one that followed."""
    single = [(field.name,) for field in about.layer.fields if field.unique]
    for names in dict.fromkeys([about.layer.key, *single]):
        if set(names) <= set(about.frame.columns):
            there = np.logical_and.reduce([given(about.frame[name]) for name in names])
            yield repeats(about, names, np.flatnonzero(there & about.current))


def _cross_field_findings(about: Subject, rule: Rule) -> pd.DataFrame:
    judge = {"required_if": _required_if, "compare": _compare}[rule.kind]
    return judge(about, rule)


def _required_if(about: Subject, rule: Rule) -> pd.DataFrame:
    frame, rows = about.frame, np.zeros(0, dtype=int)
    if rule.when_field in frame:
        absent = ~given(frame[rule.field]) if rule.field in frame else np.ones(len(frame), dtype=bool)
        rows = np.flatnonzero(absent & frame[rule.when_field].isin(rule.when_in).to_numpy(dtype=bool))
    said = [
        f"{rule.message}: {rule.when_field} is {_quoted(frame[rule.when_field][row])}, {rule.field} is not given." for row in rows
    ]
    return finding(about, "A07", rule.name, rows, said, severity=rule.severity)


def _compare(about: Subject, rule: Rule) -> pd.DataFrame:
    left, right = _sides(about, rule)
    both = (left.notna() & right.notna()).to_numpy(dtype=bool)
    rows = np.flatnonzero(both)
    rows = rows[~_COMPARE[rule.op](left[both], right[both]).to_numpy(dtype=bool)] if len(rows) else rows
    said = [f"{rule.message}: {rule.left} is {_shown(left[row])}, {_right_name(rule)} is {_shown(right[row])}." for row in rows]
    return finding(about, "A07", rule.name, rows, said, severity=rule.severity)


def _sides(about: Subject, rule: Rule) -> tuple[pd.Series, pd.Series]:
    """The two sides of a rule, all null where the layer lacks a column."""
    nothing = pd.Series(np.nan, index=about.frame.index)
    sides = []
    for side in (rule.left, rule.right):
        if isinstance(side, str):
            sides.append(comparable(about.frame[side]) if side in about.frame else nothing)
        else:
            sides.append(nothing.fillna(side))
    return sides[0], sides[1]


def _right_name(rule: Rule) -> str:
    return rule.right if isinstance(rule.right, str) else "the limit"


def _where(about: Subject, row: int) -> str:
    """A row, told so that its twin with the same key is told apart."""
    ref = about.source_ref[row]
    return f"#{row + 1}" if pd.isna(ref) or not str(ref) else str(ref)


def _quoted(value) -> str:
    text = str(value)
    return f"'{text if len(text) <= 60 else text[:57] + '...'}'"


def _shown(value) -> str:
    return f"{value.date()}" if isinstance(value, pd.Timestamp) else f"{value:g}"
