"""
The sentences of an NMEA 0183 log: found among whatever else is in the file, proven by their checksum, and cut into fields, in bulk.

Sentence layout and checksum are those of NMEA 0183 as the gpsd project describes it (E. S. Raymond, "NMEA Revealed", section 2):
``$``, an address, fields with commas before them, ``*`` and two hexadecimal digits that are the exclusive or of all bytes between.
"""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from citygis.readers.slices import Decimals, decimals

WHOLE, BAD_CHECKSUM, CUT_OFF, NOT_TEXT = range(4)
"""What a sentence is, in `Scan.state`."""

_CHUNK = 2 << 20
_LONGEST_TAIL = 16 << 20
_HEAD = 1 << 16
_PAD = b"\0" * 16
_DOLLAR, _COMMA, _STAR, _NEWLINE, _RETURN, _TAB = b"$,*\n\r\t"
_SHORTEST = 6
_MOST_FIELDS = 20

_ALNUM = np.zeros(256, dtype=bool)
_ALNUM[list(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")] = True
_HEX = np.full(256, 255, dtype=np.uint8)
for _digits in (b"0123456789ABCDEF", b"0123456789abcdef"):
    _HEX[list(_digits)] = np.arange(16)
_LOOKS_NMEA = re.compile(
    rb"\$[A-Z]{2}(?:GGA|RMC|GNS|GLL|GST|GSA|GSV|VTG|ZDA|DTM|WPL|TXT),|\$[A-Z]{4}[A-Z0-9]?,[ -#%-~]*\*[0-9A-Fa-f]{2}"
)


class Scan(NamedTuple):
    """
    The sentences of one piece of a log, n of them in their order.

    ``buffer`` is the piece as bytes; ``begin`` is where each ``$`` is, ``end`` where its text ends, ``star`` where its ``*`` is
    (``end`` where it has none). ``state`` is one of `WHOLE`, `BAD_CHECKSUM`, `CUT_OFF`, `NOT_TEXT`. ``kind`` is the three letters
    of a sentence as one number (`kind_number`), 0 for a proprietary or an odd one. ``first`` and ``count`` are into ``commas``, the
    positions of all commas. ``line`` is the line of the file, from 1. ``strays`` counts ``$`` bytes that begin no sentence.
    """

    buffer: np.ndarray
    begin: np.ndarray
    end: np.ndarray
    star: np.ndarray
    state: np.ndarray
    kind: np.ndarray
    commas: np.ndarray
    first: np.ndarray
    count: np.ndarray
    line: np.ndarray
    strays: int

    def of(self, rows: np.ndarray) -> "Sentences":
        """Some of the sentences, whose fields are wanted."""
        return Sentences(self.buffer, self.commas, rows, self.first[rows], self.count[rows], self.star[rows])

    def text(self, row: int) -> str:
        """One sentence, for a message: what cannot be shown is escaped."""
        raw = self.buffer[self.begin[row] : self.end[row]].tobytes()[:200]
        return raw.decode("ascii", "backslashreplace")

    def address(self, row: int) -> str:
        """What stands before the first comma of a sentence, without its ``$``."""
        return re.split(r"[,*]", self.text(row)[1:24], maxsplit=1)[0][:12]


class Sentences(NamedTuple):
    """Sentences of one kind: ``rows`` is which of their `Scan`; the rest as there. Fields are counted from 1."""

    buffer: np.ndarray
    commas: np.ndarray
    rows: np.ndarray
    first: np.ndarray
    count: np.ndarray
    star: np.ndarray

    def slices(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Begin and end of a field, n of each; blank where a sentence has fewer fields."""
        # The commas have more behind them, so that the place of a field that is not there is a place.
        where = self.first + number
        begin, end = self.commas[where - 1] + 1, self.commas[where]
        if len(where) and number >= self.count.min():
            begin = np.where(self.count >= number, begin, self.star)
            end = np.where(self.count > number, end, self.star)
        return begin, end

    def numbers(self, number: int) -> Decimals:
        """A field as decimals."""
        return decimals(self.buffer, *self.slices(number))

    def letters(self, number: int) -> np.ndarray:
        """The one byte of a field, 0 where it is not one byte."""
        begin, end = self.slices(number)
        return np.where(end - begin == 1, self.buffer[begin], np.uint8(0))


def kind_number(letters: str) -> int:
    """Three letters as the number that `Scan.kind` holds."""
    first, second, third = letters.encode()
    return first << 16 | second << 8 | third


def looks_like_nmea(path: Path) -> bool:
    """Whether the first 64 kB of a file, in whatever it is encoded, hold a sentence of NMEA 0183."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    return _LOOKS_NMEA.search(_narrowed(head, encoding_of(head))) is not None


def encoding_of(head: bytes) -> str | None:
    """
    The two-byte encoding that the first bytes of a log show, by its mark or by the zero beside every letter; None for any other.
    """
    for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            return name
    match = re.search(rb"\$\0[A-Z]\0[A-Z]\0[A-Z]", head)
    if match is None:
        return None
    return "utf-16-be" if match.start() % 2 else "utf-16-le"


def _narrowed(raw: bytes, encoding: str | None) -> bytes:
    return raw.decode(encoding, "replace").encode("ascii", "replace") if encoding else raw


def scans(path: Path) -> Iterator[Scan]:
    """
    The sentences of a log, piece by piece, so that memory does not grow with the file.

    Parameters
    ----------
    path : Path
        Text of one byte a character, or UTF-16 with or without its mark; with any bytes between the sentences.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        encoding = encoding_of(head)
        decode = codecs.getincrementaldecoder(encoding)("replace") if encoding else None
        newline = _NEWLINE if b"\n" in head else _RETURN
        file.seek(0)
        tail, line = b"", 1
        while block := file.read(_CHUNK):
            if decode:
                block = decode.decode(block).encode("ascii", "replace")
            piece = tail + block
            # A piece ends where a line does, or before a "$", so that no sentence is cut by us.
            cut = max(piece.rfind(b"\n"), piece.rfind(b"\r")) + 1 or max(piece.rfind(b"$"), 0)
            if len(piece) - cut > _LONGEST_TAIL:
                cut = len(piece)
            tail = piece[cut:]
            if cut:
                scan = _scan(piece[:cut], line, newline)
                line += piece.count(newline, 0, cut)
                yield scan
        if tail:
            yield _scan(tail, line, newline)


def _scan(piece: bytes, line: int, newline: int) -> Scan:
    buffer = np.frombuffer(piece + _PAD, dtype=np.uint8)
    # Text is space to tilde; whatever else, and the next "$", ends a sentence.
    stops = np.flatnonzero((buffer - np.uint8(0x20) > 0x5E) | (buffer == _DOLLAR))
    dollars = np.flatnonzero(buffer[stops] == _DOLLAR)
    begin, end = stops[dollars], stops[dollars + 1]
    ender = buffer[end]
    in_text = (ender == _NEWLINE) | (ender == _RETURN) | (ender == _DOLLAR) | (end >= len(piece))
    # In binary data one byte in 256 is a "$"; it begins a sentence only where an address can follow.
    is_sentence = _ALNUM[buffer[begin + 1]] & _ALNUM[buffer[begin + 2]] & (in_text | (end - begin >= _SHORTEST))
    strays = int((~is_sentence).sum())
    begin, end, in_text = begin[is_sentence], end[is_sentence], in_text[is_sentence]

    stars = np.append(np.flatnonzero(buffer == _STAR), len(buffer))
    star = stars[np.searchsorted(stars, begin)]
    high, low = (_HEX[buffer[np.minimum(star + step, len(buffer) - 1)]] for step in (1, 2))
    has_checksum = (star + 3 <= end) & (high < 16) & (low < 16)
    star = np.where(star < end, star, end)
    state = np.where(has_checksum, WHOLE, np.where(in_text, CUT_OFF, NOT_TEXT)).astype(np.int8)
    proven = np.flatnonzero(has_checksum)
    if len(proven):
        edges = np.column_stack([begin[proven] + 1, star[proven]]).ravel()
        sums = np.bitwise_xor.reduceat(buffer, edges)[::2]
        state[proven[sums != high[proven] * np.uint8(16) + low[proven]]] = BAD_CHECKSUM

    letters = [buffer[np.minimum(begin + step, len(buffer) - 1)].astype(np.int64) for step in range(1, 7)]
    is_standard = (letters[0] != ord("P")) & ((letters[5] == _COMMA) | (letters[5] == _STAR)) & (begin + 6 <= star)
    kind = np.where(is_standard, letters[2] << 16 | letters[3] << 8 | letters[4], 0)
    commas = np.flatnonzero(buffer == _COMMA)
    first = np.searchsorted(commas, begin)
    count = np.searchsorted(commas, star) - first
    newlines = np.flatnonzero(buffer == newline)
    return Scan(
        buffer=buffer,
        begin=begin,
        end=end,
        star=star,
        state=state,
        kind=kind,
        commas=np.append(commas, np.zeros(_MOST_FIELDS, dtype=commas.dtype)),
        first=first,
        count=count,
        line=line + np.searchsorted(newlines, begin),
        strays=strays,
    )
