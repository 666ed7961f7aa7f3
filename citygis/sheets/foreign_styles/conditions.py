"""
Conditions of other programs, as expressions of a citygis style.

QGIS and ArcGIS write them in SQL's manner: ``"zone" = 'R1' AND "width" >= 20``, ``kind IN ('PUE', 'SSE')``, ``lot IS NULL``.
"""

import ast
import re
from collections.abc import Iterator

from citygis.sheets.expressions import parsed

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')|
    (?P<field>"(?:[^"]|"")*"|\[[^\]]*\])|
    (?P<number>-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)|
    (?P<word>[A-Za-z_]\w*)|
    (?P<sign><>|!=|<=|>=|=|<|>|\(|\)|,))""",
    re.VERBOSE,
)
_SIGNS = {"=": "==", "<>": "!="}
_WORDS = {"and", "or", "not", "in", "is", "null", "true", "false"}


def condition(text: str) -> str | None:
    """
    An SQL-like condition as an expression of `citygis.sheets.expressions`; None if it is more than that can say.

    Parameters
    ----------
    text : str
        Fields plain, in double quotes or in brackets; texts in single quotes; comparisons, IN, IS NULL, AND, OR, NOT, and LIKE
        of a beginning (``'06%'``).
    """
    out: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        at, kind, token = match.end(), match.lastgroup, match[match.lastgroup]
        if kind == "field":
            out.append(token[1:-1])
            if not out[-1].isidentifier():
                return None
        elif kind == "text":
            out.append(_like(out, token) if out and out[-1] == "like" else repr(token[1:-1].replace("''", "'")))
            if out[-1] == "":
                return None
        elif kind == "word" and token.lower() in (_WORDS | {"like"}):
            out.append(token.lower())
        else:
            out.append(_SIGNS.get(token, token))
    for at in range(len(out) - 3):
        if out[at] == "in" and out[at + 1] == "(" and out[at + 3] == ")":
            out[at + 2] += ","  # a list of one
    said = " ".join(out).replace("( ", "(").replace(" )", ")").replace(" ,", ",")
    return said if is_expression(said) else None


def is_expression(text: str) -> bool:
    """Whether `citygis.sheets.expressions` reads `text`."""
    try:
        parsed(text)
    except ValueError:
        return False
    return True


def compared(text: str) -> Iterator[tuple[str | None, str | int | float | bool]]:
    """Each field of an expression with a constant it is compared with; no field where one is compared with another."""
    for node in ast.walk(parsed(text)):
        sides = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        if isinstance(node, ast.Call):
            sides = [node.func.value, *node.args]
        names = [side.id for side in sides if isinstance(side, ast.Name) and side.id not in ("null", "true", "false")]
        if len(names) > 1:
            yield None, ""
        for side in sides:
            for each in side.elts if isinstance(side, ast.Tuple | ast.List) else [side]:
                if isinstance(each, ast.Constant | ast.UnaryOp) and names:
                    yield names[0], ast.literal_eval(each)
        if names and not any(isinstance(side, ast.Constant | ast.UnaryOp | ast.Tuple | ast.List) for side in sides):
            yield names[0], ""


def value_text(value: str | int | float | bool) -> str:
    """A value as an expression writes it."""
    return str(value).lower() if isinstance(value, bool) else repr(value)


def membership(field: str, values: tuple[str | int | float | bool, ...]) -> str:
    """The condition that a field has one of some values."""
    if len(values) == 1:
        return f"{field} == {value_text(values[0])}"
    return f"{field} in ({', '.join(map(value_text, values))})"


def both(first: str, second: str) -> str:
    """The condition that both hold; an empty one always holds."""
    if not first or not second:
        return first or second
    return f"({first}) and ({second})"


def _like(out: list[str], token: str) -> str:
    """``field LIKE 'x%'`` as a beginning, taking the field and the word back from `out`; nothing for another pattern."""
    pattern = token[1:-1].replace("''", "'")
    if len(out) < 2 or not out[-2].isidentifier() or not re.fullmatch(r"[^%_]+%", pattern):
        return ""
    out.pop()
    return f"{out.pop()}.startswith({pattern[:-1]!r})"
