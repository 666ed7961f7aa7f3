"""
One City field out of an outside frame: the rules of a crosswalk's field map, applied to whole columns.
"""

import re
from collections.abc import Sequence
from string import Formatter
from typing import NamedTuple

import numpy as np
import pandas as pd

from citygis.convert.cast import Cast, cast_column, cast_text, text_of
from citygis.convert.crosswalk import FieldMap
from citygis.schema import ApnProfile, Field, feature_ids, normalise_apn, schema
from citygis.schema.frames import DTYPES


class Problem(NamedTuple):
    """Rows (positions) that cannot enter the layer for one reason: code, field, the value of each as sent, and what to do."""

    rows: np.ndarray
    code: str
    field: str
    values: np.ndarray
    message: str


class Filled(NamedTuple):
    """
    A City field's values, what kept rows out of it, which rows got the default, and which lost a time of day; for parcel
    numbers also what `citygis.schema.normalise_apn` says of each.
    """

    values: pd.Series
    problems: list[Problem]
    defaulted: np.ndarray
    lost_time: np.ndarray
    spelt: pd.DataFrame | None = None


def is_apn(field: Field) -> bool:
    """Whether a field holds parcel numbers, which are spelt by the City's profiles."""
    return field.name == "apn" or field.name.endswith("_apn")


def fill_field(
    raw: pd.DataFrame, field: Field, rule: FieldMap | None, *, null_values: Sequence[str], profiles: Sequence[str | ApnProfile]
) -> Filled:
    """
    The values of one City field.

    Parameters
    ----------
    raw : DataFrame, n rows, index 0 to n-1
        As sent; has every column that `rule` names.
    field : Field
    rule : FieldMap, optional
        Without it the field gets its schema default, or nothing.
    null_values : sequence of str
        Texts that stand for nothing, where `rule` has none of its own.
    profiles : sequence of str or ApnProfile
        APN profiles of the City.

    Returns
    -------
    Filled
        ``values`` has the field's dtype; null where a problem is reported.
    """
    if rule is None or rule.constant is not None:
        value = field.default if rule is None else rule.constant
        values = _constant(value, field, len(raw))
        return Filled(values, _required(field, values, [], None), values.notna().to_numpy() & (rule is None), _none(raw))
    problems: list[Problem] = []
    cast, spelt = _direct(raw, field, rule, null_values), None
    if cast is None:
        text, problems = _source_text(raw, field, rule, null_values)
        text, more = _translated(text, field, rule)
        problems += more
        text = text.mask(_rows_of(problems, len(raw)))
        if is_apn(field):
            spelt = normalise_apn(text, profiles)
            fits = spelt["apn"]
            bad = (text.notna() & fits.isna()).to_numpy()
            why = f"is not a parcel number as written here ({', '.join(map(str, profiles))})"
            if any(pd.api.types.is_numeric_dtype(raw[name].dtype) for name in rule.columns):
                why += "; the column holds numbers, so leading zeros are lost: ask the sender for text"
            cast = Cast(fits, bad, why)
        elif rule.reference is not None:
            cast = Cast(_references(text, rule.reference, profiles), _none(raw), "")
        else:
            numbers = text.str.replace(rule.thousands, "", regex=False) if rule.thousands else text
            cast = cast_text(numbers, field.type, date_format=rule.date_format, timezone=rule.timezone)
    code = "C03" if is_apn(field) else "C02"
    problems += _problem(cast.bad, code, field, _sent(raw, rule), f"{{value}} {cast.why}")
    values = cast.values
    if rule.scale is not None:
        values, more = _scaled(values, field, rule.scale, _sent(raw, rule))
        problems += more
    values, more = _checked(values, field, _sent(raw, rule))
    problems += more
    empty = values.isna().to_numpy() & ~_rows_of(problems, len(raw))
    default = field.default if rule.default is None else rule.default
    defaulted = _none(raw)
    if default is not None and empty.any():
        values = values.copy()
        values[empty] = _constant(default, field, 1).iloc[0]
        defaulted = empty
    problems = _required(field, values, problems, _sent(raw, rule))
    lost = _none(raw) if cast.lost_time is None else cast.lost_time
    return Filled(values.astype(DTYPES[field.type]), problems, defaulted, lost, spelt)


def _source_text(raw: pd.DataFrame, field: Field, rule: FieldMap, null_values: Sequence[str]) -> tuple[pd.Series, list[Problem]]:
    """The text that the field is made of: the first column that the row fills, or the template."""
    nulls = null_values if rule.null_values is None else rule.null_values
    parts, lost = {}, _none(raw)
    for name in rule.columns:
        column, gone = text_of(raw[name])
        parts[name] = _cleaned(column, rule, nulls)
        lost |= gone
    if rule.concat is not None:
        text = _concatenated(parts, rule.concat, raw.index)
    else:
        names = iter(rule.columns)
        text = parts[next(names, None)] if rule.columns else pd.Series(None, index=raw.index, dtype="str")
        for name in names:
            text = text.fillna(parts[name])
    why = "{value} cannot be written exactly: the number has more digits than the column holds, or is none"
    return text, _problem(lost, "C02", field, _sent(raw, rule), why)


def _cleaned(text: pd.Series, rule: FieldMap, nulls: Sequence[str]) -> pd.Series:
    if rule.strip:
        text = text.str.strip()
    if rule.collapse:
        text = text.str.replace(r"\s+", " ", regex=True)
    if rule.upper:
        text = text.str.upper()
    return text.mask(text.isin(["", *nulls]).to_numpy(dtype=bool))


def _concatenated(parts: dict[str, pd.Series], template: str, index: pd.Index) -> pd.Series:
    text = pd.Series("", index=index, dtype="str")
    empty = np.ones(len(index), dtype=bool)
    for literal, name, _, _ in Formatter().parse(template):
        text = text + literal
        if name:
            text = text + parts[name].fillna("")
            empty &= parts[name].isna().to_numpy()
    return text.str.replace(r"\s+", " ", regex=True).str.strip().mask(empty)


def _translated(text: pd.Series, field: Field, rule: FieldMap) -> tuple[pd.Series, list[Problem]]:
    """Split, cast to a whole number, padded, and translated by the crosswalk's table."""
    problems: list[Problem] = []
    sent = text
    if rule.split is not None:
        found = text.map(lambda value: _split(value, rule), na_action="ignore").astype("str")
        problems += _problem((text.notna() & found.isna()).to_numpy(), "C02", field, sent, "{value} has no part as `split` says")
        text = found.mask(found == "")
    if rule.cast == "integer":
        whole = cast_text(text, "integer")
        problems += _problem(whole.bad, "C02", field, sent, f"{{value}} {whole.why}")
        text = whole.values.astype("str")
    if rule.pad is not None:
        text = text.str.zfill(rule.pad)
    if rule.domain:
        table = {code: value for code, value in rule.domain.items() if value != ""}
        mapped = text.map({code: _text_of_value(value) for code, value in table.items()}).astype("str")
        unknown = (text.notna() & mapped.isna()).to_numpy()
        why = f"{{value}} has no translation in `fields.{field.name}.domain`: ask the sender what it means, and add it"
        problems += _problem(unknown, "C01", field, sent, why)
        text = mapped
    return text, problems


def _direct(raw: pd.DataFrame, field: Field, rule: FieldMap, null_values: Sequence[str]) -> Cast | None:
    """A column of numbers or dates that needs no text rule; numbers may still stand for nothing (-9999)."""
    textual = (rule.split, rule.cast, rule.pad, rule.date_format, rule.reference, rule.concat, rule.thousands)
    if len(rule.from_) != 1 or rule.domain or any(option is not None for option in textual) or is_apn(field):
        return None
    column = raw[rule.from_[0]]
    nulls = null_values if rule.null_values is None else rule.null_values
    numbers = [float(text) for text in nulls if re.fullmatch(r"[+-]?\d+(\.\d+)?", text)]
    if numbers and pd.api.types.is_numeric_dtype(column.dtype):
        column = column.mask(column.isin(numbers))
    return cast_column(column, field.type, timezone=rule.timezone)


def _references(text: pd.Series, layer: str, profiles: Sequence[str | ApnProfile]) -> pd.Series:
    """The identifiers of the features of `layer` whose key the text is."""
    key = schema().layer(layer).key[0]
    if is_apn(schema().layer(layer).field(key)):
        text = normalise_apn(text, profiles)["apn"].fillna(text)
    keys = pd.Series(text.dropna().unique(), dtype="str")
    return text.map(dict(zip(keys, feature_ids(layer, keys), strict=True))).astype("str")


def _scaled(values: pd.Series, field: Field, scale: float, sent: pd.DataFrame) -> tuple[pd.Series, list[Problem]]:
    scaled = values.astype(float) * scale
    if field.type == "double":
        return scaled, []
    part = (scaled.notna() & (scaled != np.trunc(scaled))).to_numpy()
    problems = _problem(part, "C02", field, sent, f"{{value}} times {scale:g} is not a whole number")
    return scaled.mask(part).astype("Int64"), problems


def _checked(values: pd.Series, field: Field, sent: pd.DataFrame) -> tuple[pd.Series, list[Problem]]:
    """Texts that are too long for the field, or not in its domain."""
    problems: list[Problem] = []
    if field.length is not None and field.type == "text":
        long = (values.str.len() > field.length).fillna(False).to_numpy(dtype=bool)
        why = f"{{value}} is longer than the {field.length} characters of the field: shorten it at the source, or `split` it"
        problems += _problem(long, "C04", field, sent, why)
    if field.domain:
        unknown = (values.notna() & ~values.isin(list(field.domain))).to_numpy(dtype=bool)
        why = f"{{value}} is not in the City's domain ({', '.join(field.domain)}): translate it in `fields.{field.name}.domain`"
        problems += _problem(unknown, "C01", field, sent, why)
    return values.mask(_rows_of(problems, len(values))), problems


def _required(field: Field, values: pd.Series, problems: list[Problem], sent: pd.DataFrame | None) -> list[Problem]:
    if not field.required or field.filled_by != "agency":
        return problems
    missing = values.isna().to_numpy() & ~_rows_of(problems, len(values))
    source = "no outside column is mapped to it" if sent is None else "the row gives none"
    remedy = "ask the sender" if field.unique else "ask the sender, or state a `default` in the crosswalk"
    why = f"the layer requires {field.name}, and {source}: {remedy}"
    return problems + _problem(missing, "C05", field, sent, why)


def _constant(value, field: Field, n: int) -> pd.Series:
    dtype = DTYPES[field.type]
    if value is None:
        return pd.Series(index=range(n), dtype=dtype)
    cast = cast_text(pd.Series([_text_of_value(value)], dtype="str"), field.type).values.astype(dtype)
    return pd.Series(cast.array.take(np.zeros(n, dtype=int)))


def _text_of_value(value) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _split(value: str, rule: FieldMap) -> str | None:
    split = rule.split
    if split.pattern is not None:
        match = re.search(split.pattern, value)
        return (match[split.group] or "").strip() if match else None
    parts = value.split(split.separator)
    return parts[split.index].strip() if -len(parts) <= split.index < len(parts) else None


def _sent(raw: pd.DataFrame, rule: FieldMap) -> pd.DataFrame:
    """The outside columns of a field, for what the quarantine shows."""
    return raw[list(rule.columns)]


def _problem(bad: np.ndarray, code: str, field: Field, sent: pd.DataFrame | pd.Series | None, message: str) -> list[Problem]:
    rows = np.flatnonzero(bad)
    if not len(rows):
        return []
    if sent is None:
        values = np.full(len(rows), None, dtype=object)
    else:
        table = (sent.to_frame() if isinstance(sent, pd.Series) else sent).iloc[rows]
        shown = [[str(v) for v in row if not _is_null(v)] for row in table.itertuples(index=False)]
        values = np.array([", ".join(texts) or None for texts in shown], dtype=object)
    return [Problem(rows, code, field.name, values, message)]


def _is_null(value) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _rows_of(problems: list[Problem], n: int) -> np.ndarray:
    bad = np.zeros(n, dtype=bool)
    for problem in problems:
        bad[problem.rows] = True
    return bad


def _none(raw: pd.DataFrame) -> np.ndarray:
    return np.zeros(len(raw), dtype=bool)
