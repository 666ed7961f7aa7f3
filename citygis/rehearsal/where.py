"""
A small part of SQL that cannot do harm: what a where clause may say, made into a condition of SQLite with its values apart.

Esri, 'Standardized SQL queries': comparisons, AND, OR, NOT, IN, BETWEEN, LIKE, IS NULL, UPPER and LOWER, quotes doubled inside
texts, ``TIMESTAMP 'YYYY-MM-DD HH:MM:SS'`` and ``DATE 'YYYY-MM-DD'`` in UTC. Anything else is refused.
"""

import datetime
import json
import re
from collections.abc import Callable
from typing import NamedTuple

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>N?'(?:[^']|'')*')|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][\w.]*|"(?:[^"]|"")+")"""
    r"""|(?P<sign><>|!=|<=|>=|[=<>(),+-]))"""
)
_DEPTH = 40
_LENGTH = 2_000_000


class Column(NamedTuple):
    """A column to compare: what SQLite calls it (with values for its question marks), and its Esri type."""

    sql: str
    values: tuple
    type: str


class _Operand(NamedTuple):
    sql: str
    values: tuple
    type: str
    literal: bool


def condition(text: str, column: Callable[[str], Column]) -> tuple[str, list]:
    """
    A where clause as a condition of SQLite.

    Parameters
    ----------
    text : str
        As a client sends it; ``1=1`` for all.
    column : callable
        From a name in any case to its `Column`; LookupError for one that is not there.

    Returns
    -------
    sql : str
    values : list
        For the question marks of `sql`.

    Raises
    ------
    ValueError
        If the clause says what is not understood; the message says where.
    """
    if len(text) > _LENGTH:
        raise ValueError(f"the where clause has {len(text):,} characters")
    return _Parser(text, column).parse()


class _Parser:
    def __init__(self, text: str, column: Callable[[str], Column]) -> None:
        self.column, self.at, self.depth = column, 0, 0
        self.tokens: list[tuple[str, str]] = []
        place, text = 0, text.rstrip()
        while place < len(text):
            match = _TOKEN.match(text, place)
            if not match:
                raise ValueError(f"{text[place : place + 20].strip()!r} is not understood")
            self.tokens.append((match.lastgroup, match.group(match.lastgroup)))
            place = match.end()

    def parse(self) -> tuple[str, list]:
        if not self.tokens:
            return "1", []
        sql, values = self._or()
        if self.at < len(self.tokens):
            raise ValueError(f"{self.tokens[self.at][1]!r} is not expected")
        return sql, list(values)

    def _peek(self, *words: str) -> bool:
        kind, text = self.tokens[self.at] if self.at < len(self.tokens) else ("", "")
        return kind in ("name", "sign") and text.upper() in words

    def _take(self, *words: str) -> bool:
        if self._peek(*words):
            self.at += 1
            return True
        return False

    def _need(self, word: str) -> None:
        if not self._take(word):
            raise ValueError(f"{word} is missing")

    def _or(self) -> tuple[str, tuple]:
        sql, values = self._and()
        while self._take("OR"):
            more, its = self._and()
            sql, values = f"{sql} OR {more}", values + its
        return sql, values

    def _and(self) -> tuple[str, tuple]:
        sql, values = self._not()
        while self._take("AND"):
            more, its = self._not()
            sql, values = f"{sql} AND {more}", values + its
        return sql, values

    def _not(self) -> tuple[str, tuple]:
        if self._take("NOT"):
            sql, values = self._nested(self._not)
            return f"NOT ({sql})", values
        if self._peek("("):
            self.at += 1
            sql, values = self._nested(self._or)
            self._need(")")
            return f"({sql})", values
        return self._comparison()

    def _nested(self, read: Callable) -> tuple[str, tuple]:
        self.depth += 1
        if self.depth > _DEPTH:
            raise ValueError("it is nested too deeply")
        result = read()
        self.depth -= 1
        return result

    def _comparison(self) -> tuple[str, tuple]:
        left = self._operand()
        if self._take("IS"):
            word = "IS NOT NULL" if self._take("NOT") else "IS NULL"
            self._need("NULL")
            return f"{left.sql} {word}", left.values
        negated = "NOT " if self._take("NOT") else ""
        if self._take("IN"):
            return self._in(left, negated)
        if self._take("LIKE"):
            right = self._operand()
            return f"{left.sql} {negated}LIKE {right.sql}", left.values + right.values
        if self._take("BETWEEN"):
            low = _as(self._operand(), left.type)
            self._need("AND")
            high = _as(self._operand(), left.type)
            return f"{left.sql} {negated}BETWEEN {low.sql} AND {high.sql}", left.values + low.values + high.values
        if negated or not self._peek("=", "<>", "!=", "<", "<=", ">", ">="):
            raise ValueError("a comparison is missing")
        sign = self.tokens[self.at][1]
        self.at += 1
        right = self._operand()
        left, right = _as(left, right.type) if left.literal else left, _as(right, left.type) if right.literal else right
        return f"{left.sql} {sign} {right.sql}", left.values + right.values

    def _in(self, left: _Operand, negated: str) -> tuple[str, tuple]:
        self._need("(")
        members = [self._value_in_list(left)]
        while self._take(","):
            members.append(self._value_in_list(left))
        self._need(")")
        # One value for all: SQLite has a limit on question marks, a list of GlobalIDs has none.
        return f"{left.sql} {negated}IN (SELECT value FROM json_each(?))", (*left.values, json.dumps(members))

    def _value_in_list(self, left: _Operand):
        operand = _as(self._operand(), left.type)
        if not operand.literal:
            raise ValueError("IN takes values only")
        return operand.values[0]

    def _operand(self) -> _Operand:
        if self.at >= len(self.tokens):
            raise ValueError("it ends too early")
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return _Operand("?", (_unquoted(text),), "text", True)
        if kind == "number":
            return _number(text)
        if kind == "sign" and text in "+-":
            inner = self._operand()
            if inner.type != "number":
                raise ValueError(f"{text} stands before a number only")
            return inner._replace(values=(-inner.values[0] if text == "-" else inner.values[0],))
        if kind != "name":
            raise ValueError(f"{text!r} is not expected")
        word = text.upper()
        if word in ("TIMESTAMP", "DATE") and self.at < len(self.tokens) and self.tokens[self.at][0] == "text":
            moment = _unquoted(self.tokens[self.at][1])
            self.at += 1
            return _Operand("?", (_moment(moment),), "moment", True)
        if word in ("UPPER", "LOWER") and self._take("("):
            inner = self._operand()
            self._need(")")
            return _Operand(f"{word}({inner.sql})", inner.values, "esriFieldTypeString", False)
        if word == "NULL":
            raise ValueError("NULL is asked for with IS NULL")
        found = self.column(text.strip('"').replace('""', '"'))
        return _Operand(found.sql, found.values, found.type, False)


def _unquoted(text: str) -> str:
    return text[text.index("'") + 1 : -1].replace("''", "'")


def _number(text: str) -> _Operand:
    number = int(text) if text.isdigit() else float(text)
    if isinstance(number, int) and number >= 2**63:
        raise ValueError(f"{text} is too large a number")
    return _Operand("?", (number,), "number", True)


def _moment(text: str) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a date or a timestamp") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)


def _as(operand: _Operand, kind: str) -> _Operand:
    """A literal as the column keeps its values: moments in milliseconds, days as text, GUIDs upper case and in braces."""
    if not operand.literal:
        return operand
    value = operand.values[0]
    if kind == "esriFieldTypeDate" and operand.type in ("moment", "text"):
        moment = value if operand.type == "moment" else _moment(value)
        value = (moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // datetime.timedelta(milliseconds=1)
    elif operand.type == "moment":
        value = value.date().isoformat()
    elif kind in ("esriFieldTypeGUID", "esriFieldTypeGlobalID") and operand.type == "text":
        value = "{" + value.strip("{}").upper() + "}"
    return operand._replace(values=(value,))
