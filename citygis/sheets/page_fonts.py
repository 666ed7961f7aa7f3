"""
The fonts of a written page, whoever made it: whether they are embedded, and what their codes mean, how wide and how tall.
"""

import io
import re
import struct
from typing import NamedTuple

import pikepdf
from fontTools.ttLib import TTFont, TTLibError

from citygis.sheets.page_streams import decoded

_USUAL_CAP_HEIGHT = 0.7
"""Of capitals over the font size, where a font says nothing that can be true: Helvetica 0.718, Times 0.662."""

_USUAL_WIDTH = 0.5
"""Of a character whose font tells no widths: Helvetica's figures are 0.556, Times's 0.5."""

_FLAT = "HEITZ147"
"""Letters as tall as capitals are, without the overshoot of round ones."""

_MAX_CODES = 1_000_000
"""Codes that the ranges of one font may cover in all; there are 65,536, and a hostile file names each over and over."""

_BLOCK = re.compile(rb"begin(bfchar|bfrange)(.*?)end\1", re.DOTALL)
_CHAR = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*<([0-9A-Fa-f\s]*)>")
_RANGE = re.compile(rb"<([0-9A-Fa-f\s]+)>\s*<([0-9A-Fa-f\s]+)>\s*(?:<([0-9A-Fa-f\s]*)>|\[([^\]]*)\])")


class PageFont(NamedTuple):
    """
    A font as a page uses it.

    Parameters
    ----------
    name : str
        PostScript name, with the tag of its subset.
    kind : str
        What its program is: ``TrueType``, ``CFF``, ``Type 1``, ``Type 3``, or what it says when there is none.
    embedded, searchable : bool
        Whether its program is in the file, and whether a map to Unicode is (or an encoding that needs none).
    code_bytes : int
        Bytes of one code: 1 or 2.
    widths : dict of int to float
        By code, over the font size.
    usual_width : float
        Of the codes that are not in `widths`.
    letters : dict of int to str
        What codes stand for.
    cap_height : float
        Of capitals, over the font size.
    """

    name: str
    kind: str
    embedded: bool
    searchable: bool
    code_bytes: int
    widths: dict[int, float]
    usual_width: float
    letters: dict[int, str]
    cap_height: float

    def codes(self, string: bytes) -> list[int]:
        """The codes a shown string is made of."""
        if self.code_bytes == 1:
            return list(string)
        return [high << 8 | low for high, low in zip(string[::2], string[1::2], strict=False)]

    def text(self, codes: list[int]) -> str:
        """The text of codes, ``U+FFFD`` for what the font cannot tell."""
        return "".join([self.letters.get(code, "\ufffd") for code in codes])

    def width(self, codes: list[int]) -> float:
        """The width of codes, over the font size."""
        usual = self.usual_width
        return sum([self.widths.get(code, usual) for code in codes])


def page_font(font: pikepdf.Object) -> PageFont:
    """
    A font dictionary taken apart (ISO 32000-2, 9.5 to 9.10).

    What is missing or broken in it is taken as not there; nothing is raised for it.
    """
    subtype = _named(font, "/Subtype")
    composite = subtype == "Type0"
    inner = _first(font.get("/DescendantFonts")) if composite else font
    inner = inner if isinstance(inner, pikepdf.Dictionary) else pikepdf.Dictionary()
    descriptor = inner.get("/FontDescriptor")
    descriptor = descriptor if isinstance(descriptor, pikepdf.Dictionary) else pikepdf.Dictionary()
    kind, embedded = _program(subtype, descriptor, inner)
    to_unicode = font.get("/ToUnicode")
    letters = _simple_letters(font) if not composite else {}
    mapped = _unicode_map(to_unicode) if isinstance(to_unicode, pikepdf.Stream) else {}
    widths, usual = _composite_widths(inner) if composite else _simple_widths(font, descriptor)
    return PageFont(
        name=_named(font, "/BaseFont") or _named(font, "/Name") or "unnamed",
        kind=kind,
        embedded=embedded,
        searchable=bool(mapped) or (not composite and subtype != "Type3"),
        code_bytes=2 if composite else 1,
        widths=widths,
        usual_width=usual,
        letters=letters | mapped,
        cap_height=_cap_height(font, subtype, descriptor, letters | mapped),
    )


def _program(subtype: str, descriptor: pikepdf.Dictionary, inner: pikepdf.Dictionary) -> tuple[str, bool]:
    if subtype == "Type3":
        return "Type 3", True
    if "/FontFile2" in descriptor:
        return "TrueType", True
    if "/FontFile3" in descriptor:
        return "CFF", True
    if "/FontFile" in descriptor:
        return "Type 1", True
    said = _named(inner, "/Subtype") or subtype
    return {"Type1": "Type 1", "CIDFontType2": "TrueType", "CIDFontType0": "CFF"}.get(said, said or "unknown"), False


def _cap_height(font: pikepdf.Object, subtype: str, descriptor: pikepdf.Dictionary, letters: dict[int, str]) -> float:
    if subtype == "Type3":
        box, matrix = _numbers(font.get("/FontBBox")), _numbers(font.get("/FontMatrix"))
        tall = box[3] * matrix[3] if len(box) == 4 and len(matrix) == 6 else 0.0
        return tall if 0.3 < tall < 1.1 else _USUAL_CAP_HEIGHT
    # Qt writes the ascent where the height of capitals belongs, so the letters themselves come first.
    measured = _measured_cap_height(descriptor.get("/FontFile2"), letters)
    said = _number(descriptor.get("/CapHeight")) / 1000
    return measured or (said if 0.3 < said < 1.0 else _USUAL_CAP_HEIGHT)


def _measured_cap_height(program: pikepdf.Object | None, letters: dict[int, str]) -> float | None:
    """The height of a flat capital or figure in an embedded TrueType program; None when it has none that can be found."""
    if not isinstance(program, pikepdf.Stream):
        return None
    try:
        with TTFont(io.BytesIO(decoded(program)), lazy=True) as file:
            cmap = (file.getBestCmap() or {}) if "cmap" in file else {}
            numbers = [file.getGlyphID(cmap[ord(letter)]) for letter in _FLAT if ord(letter) in cmap]
            # Codes of a composite font's subset are glyph numbers.
            numbers += [code for code, letter in letters.items() if letter in _FLAT]
            heights = (_top(file.reader, number) for number in numbers)
            tall = next((tall for tall in heights if 0.3 < tall < 1.0), None)
    except (TTLibError, LookupError, AttributeError, TypeError, ValueError, ArithmeticError, EOFError, OSError, struct.error):
        return None
    return tall


def _top(tables, number: int) -> float:
    """The upper edge of a glyph over the font size (OpenType 1.9, head, loca and glyf); 0 of an empty one."""
    head = tables["head"]
    long = struct.unpack(">h", head[50:52])[0]
    if long:
        begin, end = struct.unpack(">2L", tables["loca"][number * 4 : number * 4 + 8])
    else:
        begin, end = (2 * half for half in struct.unpack(">2H", tables["loca"][number * 2 : number * 2 + 4]))
    if begin >= end:
        return 0.0
    return struct.unpack(">h", tables["glyf"][begin + 8 : begin + 10])[0] / struct.unpack(">H", head[18:20])[0]


def _simple_widths(font: pikepdf.Object, descriptor: pikepdf.Dictionary) -> tuple[dict[int, float], float]:
    per_unit = 1 / 1000
    if _named(font, "/Subtype") == "Type3":
        matrix = _numbers(font.get("/FontMatrix"))
        per_unit = matrix[0] if matrix else per_unit
    widths = _numbers(font.get("/Widths"))
    if not widths:
        return {}, _USUAL_WIDTH
    first = int(_number(font.get("/FirstChar")))
    return {first + i: width * per_unit for i, width in enumerate(widths)}, _number(descriptor.get("/MissingWidth")) * per_unit


def _composite_widths(inner: pikepdf.Dictionary) -> tuple[dict[int, float], float]:
    """ISO 32000-2, 9.7.4.3: ``first [w w ...]`` or ``first last w``."""
    widths: dict[int, float] = {}
    given = inner.get("/W")
    items = list(given) if isinstance(given, pikepdf.Array) else []
    at = written = 0
    while at + 1 < len(items):
        first = int(_number(items[at]))
        if isinstance(items[at + 1], pikepdf.Array):
            widths.update({first + i: width / 1000 for i, width in enumerate(_numbers(items[at + 1]))})
            at += 2
        else:
            last, width = int(_number(items[at + 1])), _number(items[at + 2]) / 1000 if at + 2 < len(items) else 0.0
            widths.update(dict.fromkeys(range(max(first, 0), min(last, 0xFFFF) + 1), width))
            at += 3
            written += max(last - first, 0)
            if written > _MAX_CODES:
                break
    usual = inner.get("/DW")
    return widths, (_number(usual) if usual is not None else 1000) / 1000


def _simple_letters(font: pikepdf.Object) -> dict[int, str]:
    encoding = font.get("/Encoding")
    base = _named(font, "/Encoding") if isinstance(encoding, pikepdf.Name) else ""
    differences = []
    if isinstance(encoding, pikepdf.Dictionary):
        base = _named(encoding, "/BaseEncoding")
        given = encoding.get("/Differences")
        differences = list(given) if isinstance(given, pikepdf.Array) else []
    table = "mac_roman" if base == "MacRomanEncoding" else "cp1252"
    letters = {code: bytes([code]).decode(table, "replace") for code in range(32, 256)}
    if differences:
        from fontTools import agl  # thousands of names of letters, which few files need
    code = 0
    for item in differences:
        if isinstance(item, pikepdf.Name):
            letters[code] = agl.toUnicode(str(item)[1:]) or "\ufffd"
            code += 1
        else:
            code = int(_number(item))
    return letters


def _unicode_map(stream: pikepdf.Stream) -> dict[int, str]:
    """A ToUnicode CMap (ISO 32000-2, 9.10.3)."""
    letters: dict[int, str] = {}
    written = 0
    for block in _BLOCK.finditer(decoded(stream)):
        if block[1] == b"bfchar":
            for code, said in _CHAR.findall(block[2]):
                letters[_code(code)] = _unicode(said)
            continue
        for low, high, said, each in _RANGE.findall(block[2]):
            first, last = _code(low), min(_code(high), 0xFFFF)
            written += max(last - first, 0)
            if written > _MAX_CODES:
                return letters
            if each:
                several = re.findall(rb"<([0-9A-Fa-f\s]*)>", each)
                letters.update({first + i: _unicode(one) for i, one in enumerate(several[: last - first + 1])})
            elif begin := _unicode(said):
                head, tail = begin[:-1], ord(begin[-1])
                letters.update({code: head + chr(min(tail + code - first, 0x10FFFF)) for code in range(first, last + 1)})
    return letters


def _code(digits: bytes) -> int:
    return int(b"".join(digits.split()) or b"0", 16)


def _unicode(digits: bytes) -> str:
    digits = b"".join(digits.split())
    return bytes.fromhex((digits + b"0" * (-len(digits) % 4)).decode()).decode("utf-16-be", "replace")


def _named(holder: pikepdf.Object, key: str) -> str:
    value = holder.get(key)
    return str(value).lstrip("/") if isinstance(value, (pikepdf.Name, pikepdf.String)) else ""


def _first(values: pikepdf.Object | None) -> pikepdf.Object | None:
    return values[0] if isinstance(values, pikepdf.Array) and len(values) else None


def _numbers(values: pikepdf.Object | None) -> list[float]:
    return [_number(value) for value in values] if isinstance(values, pikepdf.Array) else []


def _number(value: object) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
