"""
The words of a content stream: runs of path operators at once, other operators with their operands one by one.

A city's sheet has millions of numbers; whole runs of them are found by one regular expression and read as one array.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from citygis.errors import ReadError

_SPACE = rb"[\x00\t\n\x0c\r ]"
_NUMBER = rb"[-+.\d]++"
_STRING = rb"\((?:[^()\\]++|\\.)*+\)"

_TOKEN = re.compile(
    rb"(?P<path>(?:(?:" + _NUMBER + _SPACE + rb"++){0,6}+(?:re|[mlcvyh])(?![^\x00\t\n\x0c\r \[\]()<>/%])" + _SPACE + rb"*+)++)"
    rb"|(?P<numbers>(?:" + _NUMBER + _SPACE + rb"*+)*+)(?P<operator>[A-Za-z'\"][A-Za-z0-9*]*+)"
    rb"|(?P<number>" + _NUMBER + rb")"
    rb"|(?P<name>/[^\x00\t\n\x0c\r \[\]()<>{}/%]*+)"
    rb"|(?P<hex><(?:[0-9A-Fa-f]|" + _SPACE + rb")*+>)"
    rb"|(?P<string>" + _STRING + rb")"
    rb"|(?P<array>\[(?:[^\[\]()%]++|" + _STRING + rb")*+\])"
    rb"|(?P<open>[(<\[])"
    rb"|(?P<space>" + _SPACE + rb"++|%[^\r\n]*+)"
    rb"|(?P<other>.)",
    re.DOTALL,
)
_IN_ARRAY = re.compile(rb"(" + _STRING + rb")|(<[^<>]*+>)|(" + _NUMBER + rb")|\(")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|\r\n|.)", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"\n": b"", b"\r": b"", b"\r\n": b""}
_IMAGE_END = re.compile(_SPACE + rb"EI(?=" + _SPACE + rb"|$)")

_LETTERS = b"mlcvyreh"
_BLANK = bytes.maketrans(_LETTERS + b"\x00", b" " * (len(_LETTERS) + 1))
_NUMERALS = b"0123456789+-. \t\r\n\x0c\x00"
_TAKES = np.zeros(256, dtype=np.int64)
_GIVES = np.zeros(256, dtype=np.int64)
for _letter, _takes, _gives in (("m", 2, 1), ("l", 2, 1), ("c", 6, 3), ("v", 4, 2), ("y", 4, 2), ("r", 4, 4)):
    _TAKES[ord(_letter)], _GIVES[ord(_letter)] = _takes, _gives

MAX_DEPTH = 500
"""Of brackets within brackets; nobody writes more than a few."""


class Paths(NamedTuple):
    """
    The points of path operators.

    Parameters
    ----------
    points : array, n x 2
        In the stream's own units; of a curve its control points too, of a rectangle its corners.
    begins : array of bool, n
        Whether a point begins a subpath.
    counts : array of int, m
        How many points each run gave.
    """

    points: np.ndarray
    begins: np.ndarray
    counts: np.ndarray


def tokens(content: bytes) -> Iterator[tuple[str, list]]:
    """
    Operators of a content stream (ISO 32000-2, 7.8.2) with their operands.

    Yields
    ------
    tuple of str and list
        ``path`` with one run of path operators as bytes; ``image`` with the dictionary of an inline image as bytes; any other
        operator with its operands: numbers as float, names as str with ``/``, strings as bytes, arrays as `Array`, dictionaries
        as `Dictionary`.

    Raises
    ------
    ReadError
        If brackets do not close, or go deeper than `MAX_DEPTH`.
    """
    operands: list = []
    at = 0
    while at >= 0:
        begin, at = at, -1
        for match in _TOKEN.finditer(content, begin):
            kind = match.lastgroup
            if kind == "operator":
                numbers = match["numbers"]
                if numbers:
                    operands.extend(_floats(numbers))
                operator = match["operator"].decode()
                if operator == "BI":
                    at = match.end()
                    break
                yield operator, operands
                operands = []
            elif kind == "path":
                yield "path", [match[0]]
                operands = []
            elif kind == "name":
                operands.append(match[0].decode("latin-1"))
            elif kind == "hex":
                operands.append(_hexadecimal(match[0]))
            elif kind == "string":
                operands.append(_literal(match[0]))
            elif kind == "array":
                operands.append(Array(match[0]))
            elif kind == "number":
                operands.extend(_floats(match[0]))
            elif kind == "open":
                at = _end_of(content, match.start())
                operands.append(_bracketed(content[match.start() : at]))
                break
        else:
            return
        if match.lastgroup == "operator":
            end = _IMAGE_END.search(content, at)
            if end is None:
                raise ReadError("A picture within the page does not end. The file is damaged: ask for it again.")
            yield "image", [content[at : min(content.find(b"ID", at), end.start())]]
            operands, at = [], end.end()


class Array(NamedTuple):
    """An array as it stands in the stream."""

    source: bytes

    def items(self) -> list[bytes | float]:
        """Its strings and numbers."""
        found: list[bytes | float] = []
        at = 0
        while match := _IN_ARRAY.search(self.source, at):
            at = match.end()
            if match[1]:
                found.append(_literal(match[1]))
            elif match[2]:
                found.append(_hexadecimal(match[2]))
            elif match[3]:
                found.extend(_floats(match[3]))
            else:
                at = _end_of(self.source, match.start())
                found.append(_literal(self.source[match.start() : at]))
        return found


class Dictionary(NamedTuple):
    """A dictionary as it stands in the stream."""

    source: bytes


def paths(runs: list[bytes]) -> Paths:
    """
    The points of runs of path operators.

    Parameters
    ----------
    runs : list of bytes, m
        As `tokens` gives them.
    """
    operators = [run.translate(None, _NUMERALS) for run in runs]
    letters = np.frombuffer(b"".join(operators), dtype=np.uint8)
    takes, gives = _TAKES[letters], _GIVES[letters]
    source = b" ".join(runs)
    numbers = _read(source, int(takes.sum()))
    is_rectangle = letters == ord("r")
    points = np.empty((int(gives.sum()), 2))
    of_rectangle = np.repeat(is_rectangle, gives)
    number_of_rectangle = np.repeat(is_rectangle, takes)
    points[~of_rectangle] = numbers[~number_of_rectangle].reshape(-1, 2)
    left, bottom, wide, high = numbers[number_of_rectangle].reshape(-1, 4).T
    right, top = left + wide, bottom + high
    points[of_rectangle] = np.stack([left, bottom, right, bottom, right, top, left, top], axis=1).reshape(-1, 2)
    first = np.cumsum(gives) - gives
    begins = np.zeros(len(points), dtype=bool)
    begins[first[is_rectangle | (letters == ord("m"))]] = True
    if not len(runs):
        return Paths(points, begins, np.zeros(0, dtype=np.int64))
    run_of = np.repeat(np.arange(len(runs)), [len(each) for each in operators])
    return Paths(points, begins, np.bincount(run_of, weights=gives, minlength=len(runs)).astype(np.int64))


def _read(source: bytes, count: int) -> np.ndarray:
    try:
        numbers = np.array(source.translate(_BLANK).split(), dtype=float)
    except ValueError:
        numbers = np.empty(0)
    if len(numbers) == count:
        return numbers
    # Numbers nobody should write, such as 1.-2 or too many of them: the last of each operator count, what is missing is 0.
    clean: list[float] = []
    for words, operator in re.findall(rb"((?:[-+.\d]+[\x00\s]+)*)(re|[mlcvyh])", source):
        takes = int(_TAKES[operator[0]])
        given = list(_floats(words))
        clean += ([0.0] * takes + given)[len(given) :] if takes else []
    return np.array(clean)


def _floats(words: bytes) -> Iterator[float]:
    for word in words.replace(b"\x00", b" ").split():
        try:
            yield float(word)
        except ValueError:
            match = re.match(rb"[-+]*(\d*\.?\d*)", word)
            yield float(match[1]) if match and match[1].strip(b".") else 0.0


def _hexadecimal(source: bytes) -> bytes:
    digits = source[1:-1]
    try:
        return bytes.fromhex(digits.decode())
    except ValueError:
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", digits)
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())


def _literal(source: bytes) -> bytes:
    inner = source[1:-1]
    if b"\\" not in inner:
        return inner
    return _ESCAPE.sub(lambda m: bytes([int(m[1], 8) & 255]) if m[1][:1].isdigit() else _ESCAPED.get(m[1], m[1]), inner)


def _bracketed(source: bytes) -> bytes | Array | Dictionary:
    if source[:1] == b"(":
        return _literal(source)
    return Array(source) if source[:1] == b"[" else Dictionary(source)


_BRACKET = re.compile(rb"\\.|<<|>>|<[^<>]*+>|[()\[\]]|%[^\r\n]*+", re.DOTALL)
_IN_STRING = re.compile(rb"\\.|[()]", re.DOTALL)


def _end_of(content: bytes, begin: int) -> int:
    """Behind the bracket that closes the one at `begin`."""
    depth, strings, at = 0, 0, begin
    while match := (_IN_STRING if strings else _BRACKET).search(content, at):
        at, word = match.end(), match[0]
        if word == b"(":
            strings += 1
        elif word == b")":
            strings -= 1
        elif word in (b"<<", b"["):
            depth += 1
        elif word in (b">>", b"]"):
            depth -= 1
        if depth + strings > MAX_DEPTH:
            raise ReadError(f"The page has more than {MAX_DEPTH} brackets within brackets. It was made to do harm.")
        if depth <= 0 and strings <= 0:
            return at
    raise ReadError("A string or list in the page does not end. The file is damaged: ask for it again.")
