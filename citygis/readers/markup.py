"""
The tags of a large XML file, in bulk: expat proves that the file is well-formed and harmless, then numpy finds the tags.

A handler called for every tag costs several times what reading the file does. Where expat has accepted the text, a ``<`` begins a
tag and nothing else, once comments, instructions and CDATA are out of the way.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

import numpy as np
import pandas as pd

from citygis.errors import ReadError
from citygis.readers.guard import DEEPEST_XML, LARGEST_XML_BYTES

_CHUNK = 2 << 20
_LONGEST_TAIL = 64 << 20
_LONGEST_NAME = 64
_ASIDE = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_OPENS_ASIDE = re.compile(rb"<!--|<\?|<!\[CDATA\[")
_CLOSINGS = {b"<!--": b"-->", b"<?": b"?>", b"<![CDATA[": b"]]>"}
_TAG_OR_GREATER = re.compile(rb"""<(?:[^"'<>]|"[^"]*"|'[^']*')*>|>""")
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_ONE_BYTE = re.compile(r"(?i)(iso-?8859-?\d+|latin-?\d|windows-?\d+|cp\d+|us-ascii|ascii|koi8-[ru])")
_ENDS_NAME = np.zeros(256, dtype=bool)
_ENDS_NAME[list(b" \t\r\n/>")] = True


class Tags(NamedTuple):
    """
    The tags of one piece of a file, n of them in their order.

    ``begin`` is where each ``<`` is in ``buffer``, ``end`` where its ``>``. ``opens`` and ``closes`` say what it is; one like
    ``<name/>`` does both. ``name`` is a place in ``names``, the local names. ``depth`` is that of the element, 1 for the root.
    ``is_leaf``: it opens an element that holds nothing but text, which stands from its ``end`` to the next ``begin``.
    """

    buffer: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    opens: np.ndarray
    closes: np.ndarray
    name: np.ndarray
    names: list[str]
    depth: np.ndarray
    is_leaf: np.ndarray


def tags(path: Path) -> Iterator[Tags]:
    """
    The tags of an XML file, piece by piece; no piece ends between an opening tag and its text.

    Raises
    ------
    ReadError
        If the file has a document type or entities of its own, is not well-formed, is nested deeper than `guard.DEEPEST_XML`, is
        larger than `guard.LARGEST_XML_BYTES`, or is in an encoding that is not read.
    """
    if path.stat().st_size > LARGEST_XML_BYTES:
        raise ReadError(f"{path.name} is larger than {LARGEST_XML_BYTES / 2**30:.0f} GB of XML. Ask for it in parts.")
    parser = _parser(path)
    tail, depth = b"", 0
    for block in _blocks(path):
        _parse(parser, block, path, last=False)
        piece = tail + block
        cut = _cut(piece)
        tail = piece[cut:]
        if len(tail) > _LONGEST_TAIL:
            raise ReadError(f"{path.name} has one element longer than {_LONGEST_TAIL >> 20} MB. It was refused.")
        if cut:
            found = _tags(piece[:cut], depth, path)
            depth += int(found.opens.sum()) - int(found.closes.sum())
            yield found
    _parse(parser, b"", path, last=True)
    if tail.strip():
        yield _tags(tail, depth, path)


def _parser(path: Path) -> expat.XMLParserType:
    def refuse(*_) -> None:
        raise ReadError(
            f"{path.name} has a document type or entities (line {parser.CurrentLineNumber}), which can expand without end or fetch "
            "other files. It was refused. Ask the sender for a plain export."
        )

    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    # What expat puts off would be looked at here before it was proven.
    if hasattr(parser, "SetReparseDeferralEnabled"):
        parser.SetReparseDeferralEnabled(False)
    return parser


def _parse(parser: expat.XMLParserType, block: bytes, path: Path, *, last: bool) -> None:
    try:
        parser.Parse(block, last)
    except expat.ExpatError as error:
        raise ReadError(f"{path.name} is not well-formed XML ({error}). Ask the sender for it again.") from None


def _blocks(path: Path) -> Iterator[bytes]:
    """The file as UTF-8, without a mark."""
    with open(path, "rb") as file:
        head = file.read(1024)
        file.seek(0)
        encoding = _encoding(head, path)
        if encoding is None:
            first = True
            while block := file.read(_CHUNK):
                yield block.removeprefix(codecs.BOM_UTF8) if first else block
                first = False
            return
        decoder = codecs.getincrementaldecoder(encoding)("strict")
        try:
            while block := file.read(_CHUNK):
                yield decoder.decode(block).encode()
            yield decoder.decode(b"", True).encode()
        except UnicodeError as error:
            raise ReadError(
                f"{path.name} is not the {encoding} that it says it is ({error}). Ask the sender for it again."
            ) from None


def _encoding(head: bytes, path: Path) -> str | None:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if head.startswith((b"<\0", b"\0<")):
        return "utf-16-le" if head.startswith(b"<") else "utf-16-be"
    declared = _DECLARED.match(head.removeprefix(codecs.BOM_UTF8))
    name = declared[1].decode() if declared else "utf-8"
    if name.lower() in ("utf-8", "utf8"):
        return None
    try:
        codecs.lookup(name)
    except LookupError:
        name = f"{name} (unknown)"
    if not _ONE_BYTE.fullmatch(name):
        raise ReadError(f"{path.name} says that its encoding is {name}, which is not read. Ask for it in UTF-8.")
    return name


def _cut(piece: bytes) -> int:
    """Where a piece can be cut: behind the last closing tag, and not within a comment, an instruction or CDATA."""
    cut, at = len(piece), 0
    while (b"<!" in piece or b"<?" in piece) and (match := _OPENS_ASIDE.search(piece, at)):
        closing = piece.find(_CLOSINGS[match[0]], match.end())
        if closing < 0:
            cut = match.start()
            break
        at = closing + 2
    last = piece.rfind(b"</", 0, cut)
    while last >= 0:
        end = piece.find(b">", last, cut)
        if end >= 0:
            return end + 1
        last = piece.rfind(b"</", 0, last)
    return 0


def _escaped(match: re.Match) -> bytes:
    text = match[1]
    return b"" if text is None else text.replace(b"&", b"&amp;").replace(b"<", b"&lt;").replace(b">", b"&gt;")


def _plain(piece: bytes) -> bytes:
    """The same markup with one ``>`` for every ``<``: nothing beside tags and text, no ``>`` in a value or in text."""
    if b"<!" in piece or b"<?" in piece:
        piece = _ASIDE.sub(_escaped, piece)
    if piece.count(b">") != piece.count(b"<"):
        piece = _TAG_OR_GREATER.sub(
            lambda match: match[0][:-1].replace(b">", b"&gt;") + (b">" if len(match[0]) > 1 else b"&gt;"), piece
        )
    return piece


def _tags(piece: bytes, depth: int, path: Path) -> Tags:
    buffer = np.frombuffer(_plain(piece) + b"\0" * (_LONGEST_NAME + 2), dtype=np.uint8)
    begin, end = np.flatnonzero(buffer == 0x3C), np.flatnonzero(buffer == 0x3E)
    if len(begin) != len(end):
        raise ReadError(f"{path.name} is not well-formed XML. Ask the sender for it again.")
    is_end = buffer[begin + 1] == 0x2F
    is_empty = buffer[end - 1] == 0x2F
    opens, closes = ~is_end, is_end | is_empty
    after = depth + np.cumsum(opens.astype(np.int64) - closes)
    depths = np.where(opens & ~closes, after, after + 1)
    if len(depths) and depths.max() > DEEPEST_XML:
        raise ReadError(f"{path.name} is nested more than {DEEPEST_XML} deep. It was refused.")
    is_leaf = np.zeros(len(begin), dtype=bool)
    is_leaf[:-1] = opens[:-1] & ~is_empty[:-1] & is_end[1:]
    named = opens.copy()
    named[1:] |= ~is_leaf[:-1]
    named[:1] = True
    where = np.flatnonzero(named)
    codes, names = _names(buffer, begin[where] + 1 + is_end[where])
    # A closing tag right behind an opening one has its name.
    name = np.empty(len(begin), dtype=np.int64)
    name[where] = codes
    name[1:][is_leaf[:-1]] = name[:-1][is_leaf[:-1]]
    return Tags(buffer, begin, end, opens, closes, name, names, depths, is_leaf)


def _names(buffer: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Local names of tags: a number for each, and what the numbers stand for. Names are told apart by their first 64 bytes."""
    key = np.zeros(len(at), dtype=np.uint64)
    rows = np.arange(len(at))
    for step in range(_LONGEST_NAME):
        character = buffer[at[rows] + step]
        inside = ~_ENDS_NAME[character]
        if not inside.all():
            rows, character = rows[inside], character[inside]
        if not len(rows):
            break
        key[rows] = key[rows] * np.uint64(0x100000001B3) + character
    codes, keys = pd.factorize(key)
    first = np.empty(len(keys), dtype=np.int64)
    first[codes[::-1]] = at[::-1]
    said = [re.split(rb"[\s/>\0]", buffer[place : place + _LONGEST_NAME].tobytes(), maxsplit=1)[0] for place in first]
    local = [name.decode("utf-8", "replace").rpartition(":")[2] for name in said]
    together = {name: number for number, name in enumerate(dict.fromkeys(local))}
    return np.array([together[name] for name in local], dtype=np.int64)[codes], list(together)
