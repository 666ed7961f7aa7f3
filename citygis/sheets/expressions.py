"""
Expressions in styles: which features of a table a short text such as ``width_ft >= 60 and row_kind in ('CANAL', 'RAIL')`` means.

It is read with Python's own grammar and worked out column by column; nothing in it is ever run. There are fields, numbers, texts,
``true``, ``false``, comparisons (``== != < <= > >=``, also chained), ``in (...)``, ``not in (...)``, ``is null``,
``is not null``, ``field.startswith('...')`` (or one of several: ``(('...', '...'))``), ``and``, ``or``, ``not`` and brackets. A
comparison with a null is false; dates are compared as texts like ``'2026-01-31'``.
"""

import ast
import functools
import operator

import numpy as np
import pandas as pd

from citygis.errors import SheetError

_COMPARISONS = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_CONSTANTS = {"null": None, "true": True, "false": False, "NULL": None, "TRUE": True, "FALSE": False}
_LONGEST = 2_000
_DEEPEST = 40


@functools.cache
def parsed(text: str) -> ast.expr:
    """
    An expression read.

    Raises
    ------
    ValueError
        If it is not one; the message says which part is not understood.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"Invalid expression of {len(text):,} letters. Must have at most {_LONGEST:,}.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, RecursionError, MemoryError) as error:
        hint = " Write == for equal." if "==" not in text and "=" in text else ""
        raise ValueError(
            f"Invalid expression {text!r}. Must look like width_ft >= 60 and row_kind in ('CANAL', 'RAIL').{hint}"
        ) from error
    _require_truth(tree, text, 0)
    return tree


def fields_of(text: str) -> list[str]:
    """The fields an expression reads, each once, in its order."""
    names = [node for node in ast.walk(parsed(text)) if isinstance(node, ast.Name) and node.id not in _CONSTANTS]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    return list(dict.fromkeys(node.id for node in names))


def holds(text: str, frame: pd.DataFrame) -> np.ndarray:
    """
    For which rows an expression is true.

    Parameters
    ----------
    text : str
    frame : DataFrame, n rows
        With the fields of the expression.

    Returns
    -------
    array of bool, n

    Raises
    ------
    ValueError
        If it is not an expression.
    SheetError
        If it compares a number with a field that holds text.
    """
    return _truth(parsed(text), frame, text)


def as_text(values: pd.Series) -> pd.Series:
    """Values as a sheet prints them: whole numbers without decimals, nulls and blanks null."""
    if pd.api.types.is_float_dtype(values):
        return values.map(lambda v: f"{v:g}" if abs(v) < 1e15 else f"{v}", na_action="ignore").astype("str")
    return values.astype("str").str.strip().replace("", None)


def as_numbers(values: pd.Series, what: str) -> pd.Series:
    """
    Values of a field as floats, nulls NaN.

    Raises
    ------
    SheetError
        If the field holds something else; `what` begins the message.
    """
    if not _numeric(values) and values.notna().any():
        raise SheetError(f"{what} asks for a number, but field {values.name!r} holds {values.dropna().iloc[0]!r}.")
    return pd.to_numeric(values, errors="coerce").astype("float64")


def _numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _require_truth(node: ast.expr, text: str, depth: int) -> None:
    """Refuse anything but what `_truth` works out."""
    inner: list[ast.expr] = []
    if isinstance(node, ast.BoolOp):
        inner = node.values
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner = [node.operand]
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
            _require_value(left, text)
            if isinstance(op, (ast.In, ast.NotIn)):
                if not isinstance(right, (ast.Tuple, ast.List)) or not all(_is_constant(each) for each in right.elts):
                    _refuse(right, text, "a list of values such as ('CANAL', 'RAIL')")
                if not isinstance(left, ast.Name) or _is_constant(left):
                    _refuse(left, text, "a field")
            elif isinstance(op, (ast.Is, ast.IsNot)):
                if not isinstance(left, ast.Name) or _is_constant(left):
                    _refuse(left, text, "a field")
                if not (_is_constant(right) and _value(right) is None):
                    _refuse(right, text, "null")
            else:
                _require_value(right, text)
                if _is_constant(left) and _is_constant(right):
                    _refuse(node, text, "a field to compare")
                for side in (left, right):
                    if _is_constant(side) and _value(side) is None:
                        _refuse(side, text, "a value; ask for nulls with: is null")
    elif isinstance(node, ast.Call):
        call = node.func
        known = isinstance(call, ast.Attribute) and call.attr == "startswith" and isinstance(call.value, ast.Name)
        if not (known and len(node.args) == 1 and not node.keywords and all(isinstance(each, str) for each in _starts(node))):
            _refuse(node, text, "field.startswith('...') or field.startswith(('...', '...'))")
    elif not isinstance(node, ast.Name) or node.id in ("null", "NULL"):
        _refuse(node, text, "a comparison")
    if depth > _DEEPEST:
        _refuse(node, text, "fewer brackets")
    for each in inner:
        _require_truth(each, text, depth + 1)


def _require_value(node: ast.expr, text: str) -> None:
    if not (isinstance(node, ast.Name) or _is_constant(node)):
        _refuse(node, text, "a field or a value")


def _refuse(node: ast.expr, text: str, wanted: str) -> None:
    part = ast.get_source_segment(text.strip(), node) or text
    raise ValueError(f"Invalid expression {text!r}: {part!r}. Must be {wanted}.")


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
        return isinstance(node, ast.Constant) and type(node.value) in (int, float)
    if isinstance(node, ast.Name):
        return node.id in _CONSTANTS
    return isinstance(node, ast.Constant) and (node.value is None or type(node.value) in (int, float, str, bool))


def _value(node: ast.expr) -> int | float | str | bool | None:
    if isinstance(node, ast.UnaryOp):
        return -node.operand.value
    return _CONSTANTS[node.id] if isinstance(node, ast.Name) else node.value


def _starts(call: ast.Call) -> tuple:
    """What a text may start with, as the one argument of a call says it."""
    given = call.args[0]
    several = given.elts if isinstance(given, (ast.Tuple, ast.List)) else [given]
    return tuple(each.value if isinstance(each, ast.Constant) else None for each in several)


def _truth(node: ast.expr, frame: pd.DataFrame, text: str) -> np.ndarray:
    if isinstance(node, ast.BoolOp):
        both = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        return both.reduce([_truth(each, frame, text) for each in node.values])
    if isinstance(node, ast.UnaryOp):
        return ~_truth(node.operand, frame, text)
    if isinstance(node, ast.Name):
        if node.id in _CONSTANTS:
            return np.full(len(frame), _CONSTANTS[node.id])
        return _equal(frame[node.id], True, text)
    if isinstance(node, ast.Call):
        return _filled(as_text(frame[node.func.value.id]).str.startswith(_starts(node)))
    out = np.ones(len(frame), dtype=bool)
    sides = [node.left, *node.comparators]
    for left, op, right in zip(sides, node.ops, sides[1:], strict=False):
        out &= _compared(left, op, right, frame, text)
    return out


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, frame: pd.DataFrame, text: str) -> np.ndarray:
    if isinstance(op, (ast.Is, ast.IsNot)):
        null = frame[left.id].isna().to_numpy()
        return null if isinstance(op, ast.Is) else ~null
    if isinstance(op, (ast.In, ast.NotIn)):
        column = frame[left.id]
        there = np.zeros(len(frame), dtype=bool)
        for each in right.elts:
            there |= column.isna().to_numpy() if _value(each) is None else _equal(column, _value(each), text)
        return there if isinstance(op, ast.In) else ~there & column.notna().to_numpy()
    if _is_constant(left):
        swapped = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE}
        return _compared(right, swapped.get(type(op), type(op))(), left, frame, text)
    compare, column = _COMPARISONS[type(op)], frame[left.id]
    if not _is_constant(right):
        other = frame[right.id]
        numeric = _numeric(column) and _numeric(other)
        sides = (column.astype("float64"), other.astype("float64")) if numeric else (as_text(column), as_text(other))
        there = column.notna().to_numpy() & other.notna().to_numpy()
        return _filled(compare(*sides)) & there
    value, there = _value(right), column.notna().to_numpy()
    if isinstance(op, ast.Eq):
        return _equal(column, value, text)
    if isinstance(op, ast.NotEq):
        return ~_equal(column, value, text) & there
    side = as_text(column) if isinstance(value, str) else as_numbers(column, f"Expression {text!r}")
    return _filled(compare(side, value)) & there


def _equal(column: pd.Series, value: int | float | str | bool, text: str) -> np.ndarray:
    if isinstance(value, str):
        return _filled(as_text(column) == value)
    if isinstance(value, bool):
        return _filled(as_text(column).str.lower() == str(value).lower())
    return _filled(as_numbers(column, f"Expression {text!r}") == value)


def _filled(truth: pd.Series) -> np.ndarray:
    return truth.fillna(False).to_numpy(dtype=bool)
