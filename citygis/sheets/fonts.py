"""
The sheet's fonts: how wide a text is, and how it is embedded.

Text is written glyph by glyph from the font's own advance widths and embedded as a subset TrueType font (never Type 3),
with a map back to Unicode, so that a sheet can be searched and measured.
"""

import functools
import io
import itertools
import re
import struct
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pikepdf
from fontTools.ttLib import TTFont
from fontTools.ttLib.sfnt import SFNTWriter
from fontTools.ttLib.tables._g_l_y_f import Glyph

from citygis.errors import SheetError

TYPEFACES = Path(__file__).parent / "typefaces"
"""Roboto Condensed, Copyright 2015 Google Inc., Apache License 2.0: narrow, so that a parcel number is read inside its lot."""

FONTS = {"regular": "RobotoCondensed-Regular.ttf", "bold": "RobotoCondensed-Bold.ttf", "italic": "RobotoCondensed-Italic.ttf"}
"""Font names used in styles, and their files."""

ASCII = "".join(map(chr, range(32, 127)))
"""In every embedded font, 5 KB more of file, so that the sheets of a series need the same subset, which is cut once."""


class Font:
    """
    One TrueType font.

    Parameters
    ----------
    name : str
        A name of `FONTS`.

    Raises
    ------
    SheetError
        If its file is not there.
    """

    def __init__(self, name: str):
        if name not in FONTS:
            raise ValueError(f"Invalid font {name!r}. Must be one of {', '.join(FONTS)}.")
        self.path = TYPEFACES / FONTS[name]
        if not self.path.exists():
            raise SheetError(f"The font file {self.path} is not there. No other is put in its place; install citygis again.")
        with TTFont(self.path, lazy=True) as file:
            # By numbers alone: names of glyphs, and tables made into objects, take longer than all else a small sheet needs.
            file.setGlyphOrder(range(file["maxp"].numGlyphs))
            self.units = file["head"].unitsPerEm
            self.glyphs = {code: glyph for code, glyph in file.getBestCmap().items() if code < 0x10000}
            self._digits = {code: f"{glyph:04X}" for code, glyph in self.glyphs.items()}
            metrics = _metrics(file)[:, 0]
            self.advances = np.zeros(0x10000)
            self.advances[list(self.glyphs)] = metrics[list(self.glyphs.values())] / self.units
            # An outline begins with its number of contours and its box (OpenType, glyf).
            self.cap_height = int(np.frombuffer(_outline(file, self.glyphs[ord("H")]), ">i2", 5)[4]) / self.units
            box = [getattr(file["head"], side) * 1000 // self.units for side in ("xMin", "yMin", "xMax", "yMax")]
            self.descriptor = {
                "Ascent": file["hhea"].ascent * 1000 // self.units,
                "Descent": file["hhea"].descent * 1000 // self.units,
                "CapHeight": round(self.cap_height * 1000),
                "ItalicAngle": float(file["post"].italicAngle),
                "FontBBox": box,
            }
            self.postscript_name = file["name"].getDebugName(6)

    def widths(self, strings: Sequence[str]) -> np.ndarray:
        """Widths of texts, in font sizes (times the size in points: points)."""
        if not len(strings):
            return np.zeros(0)
        codes = np.frombuffer("".join(strings).encode("utf-32-le"), dtype=np.uint32)
        ends = np.cumsum([len(string) for string in strings])
        totals = np.append(0.0, np.cumsum(self.advances[np.minimum(codes, 0xFFFF)]))
        return totals[ends] - totals[np.append(0, ends[:-1])]

    def missing(self, string: str) -> str:
        """The characters of `string` this font has no glyph for."""
        return "".join(sorted(c for c in set(string) if ord(c) not in self.glyphs))

    def hexadecimal(self, strings: Sequence[str]) -> list[str]:
        """
        Texts as glyph numbers, four hexadecimal digits each, for ``Tj`` operators.

        Raises
        ------
        SheetError
            If the font lacks a character.
        """
        if gone := self.missing("".join(strings)):
            string = next(string for string in strings if self.missing(string))
            raise SheetError(f"{self.path.name} has no {' '.join(gone)!r}, which {string!r} needs. Spell it with letters it has.")
        digits = "".join(strings).translate(self._digits)
        ends = np.cumsum([0, *(4 * len(string) for string in strings)]).tolist()
        return [digits[start:end] for start, end in itertools.pairwise(ends)]

    def web(self, characters: Iterable[str]) -> bytes:
        """
        This font, cut down to `characters`, as a WOFF file for a browser.

        Raises
        ------
        SheetError
            If the font lacks a character.
        """
        characters = "".join(sorted(set(characters)))
        self.hexadecimal([characters])
        return _web(self.path, characters)

    def embedded(self, pdf: pikepdf.Pdf, characters: Iterable[str]) -> pikepdf.Object:
        """
        This font, cut down to `characters` and ASCII, as a composite font object of `pdf` (ISO 32000-2, 9.7 and 9.10.3).

        Glyph numbers stay those of the whole font, so that text can be written before the subset is known, and pages written
        apart can share one.
        """
        characters = "".join(sorted(c for c in {*characters, *ASCII} if ord(c) in self.glyphs))
        cut = _program(self.path, characters)
        name = pikepdf.Name("/" + _tag(characters) + "+" + self.postscript_name)
        program = pdf.make_stream(cut, Length1=len(cut))
        descriptor = pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.FontDescriptor, FontName=name, Flags=32, StemV=80, FontFile2=program, **self.descriptor
            )
        )
        # One letter a glyph, the first: the Greek delta and the sign for an increment look alike and are found as the same.
        by_glyph = sorted({self.glyphs[ord(c)]: c for c in reversed(characters)}.items())
        widths = pikepdf.Array()
        for glyph, c in by_glyph:
            widths.append(glyph)
            widths.append(pikepdf.Array([round(float(self.advances[ord(c)]) * 1000, 3)]))
        descendant = pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.CIDFontType2,
            BaseFont=name,
            CIDSystemInfo=pikepdf.Dictionary(Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0),
            FontDescriptor=descriptor,
            CIDToGIDMap=pikepdf.Name.Identity,
            DW=0,
            W=widths,
        )
        return pdf.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Font,
                Subtype=pikepdf.Name.Type0,
                BaseFont=name,
                Encoding=pikepdf.Name("/Identity-H"),
                DescendantFonts=pikepdf.Array([pdf.make_indirect(descendant)]),
                ToUnicode=pdf.make_stream(_to_unicode(by_glyph)),
            )
        )


@functools.cache
def font(name: str) -> Font:
    """The font called `name` in styles: regular, bold or italic."""
    return Font(name)


def font_of(embedded: pikepdf.Object) -> tuple[str, str] | None:
    """Name in `FONTS` and characters of a font object that `Font.embedded` made; None for any other."""
    _, _, postscript_name = str(embedded.get("/BaseFont", "")).partition("+")
    name = next((name for name in FONTS if font(name).postscript_name == postscript_name), None)
    if name is None or "/ToUnicode" not in embedded:
        return None
    _, _, pairs = embedded["/ToUnicode"].read_bytes().partition(b"endcodespacerange")
    letters = re.findall(rb"<[0-9A-F]{4}> <([0-9A-F]{4})>", pairs)
    return name, "".join(chr(int(letter, 16)) for letter in letters)


def composed(string: str) -> str:
    """`string` with accents composed and control characters as spaces: one glyph per character."""
    if string.isascii() and string.isprintable():
        return string
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in unicodedata.normalize("NFC", string))


def wrapped(string: str, width_pt: float, size_pt: float, name: str = "regular") -> list[str]:
    """`string` broken at spaces into lines of at most `width_pt`; a word that is wider is broken too, and loses no letter."""
    lines: list[str] = []
    for word in (part for whole in string.split() for part in _parts(whole, width_pt / size_pt, name)):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and font(name).widths([longer])[0] * size_pt <= width_pt:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _parts(word: str, width: float, name: str) -> list[str]:
    """A word as pieces of at most `width`, in font sizes; never less than one character each."""
    if font(name).widths([word])[0] <= width:
        return [word]
    ends = np.cumsum(font(name).widths(list(word)))
    cuts = [0]
    while cuts[-1] < len(word):
        before = ends[cuts[-1] - 1] if cuts[-1] else 0.0
        cuts.append(max(int(np.searchsorted(ends, before + width, side="right")), cuts[-1] + 1))
    return [word[start:end] for start, end in itertools.pairwise(cuts)]


@functools.lru_cache(maxsize=16)
def _program(path: Path, characters: str) -> bytes:
    """
    The outlines of `characters`, at their own glyph numbers, in a font file of the tables that a composite font needs (ISO 32000-2,
    9.9.1). What cuts whole fonts takes longer to load than a small sheet takes to draw.
    """
    with TTFont(path, lazy=True, recalcTimestamp=False, recalcBBoxes=False) as file:
        file.setGlyphOrder(range(file["maxp"].numGlyphs))
        by_code = file.getBestCmap()
        glyphs: dict[int, bytes] = {}
        more = {0, *(by_code[ord(c)] for c in characters)}
        while more:
            glyphs |= {number: _outline(file, number) for number in more}
            # An accented letter is made of others.
            more = {part for number in more for part in _components(glyphs[number])} - glyphs.keys()
        outlines, lengths = [], np.zeros(1 + max(glyphs), dtype=int)
        for number, data in sorted(glyphs.items()):
            if data:
                glyph = Glyph(data)
                glyph.trim(remove_hinting=True)
                data = glyph.data
            outlines.append(data + bytes(-len(data) % 4))
            lengths[number] = len(outlines[-1])
        metrics = np.zeros((len(lengths), 2), dtype=">i2")
        metrics[list(glyphs)] = _metrics(file)[list(glyphs)]
        file.setGlyphOrder(range(len(lengths)))
        file["hhea"].numberOfHMetrics = len(lengths)
        file["head"].indexToLocFormat = 1
        tables = {name: file[name].compile(file) for name in ("head", "hhea", "maxp")}
    tables["hmtx"] = metrics.tobytes()
    tables["loca"] = np.append(0, np.cumsum(lengths)).astype(">u4").tobytes()
    tables["glyf"] = b"".join(outlines)
    buffer = io.BytesIO()
    writer = SFNTWriter(buffer, len(tables))
    for name, content in tables.items():
        writer[name] = content
    writer.close()
    return buffer.getvalue()


def _components(outline: bytes) -> list[int]:
    """The numbers of the glyphs that a glyph is made of (OpenType, glyf, component glyphs); none for one of its own outline."""
    parts, at, more = [], 10, outline[:2] == b"\xff\xff"
    while more:
        flags, part = struct.unpack_from(">HH", outline, at)
        parts.append(part)
        # Where it is put takes words or bytes, and it may be scaled by one, two or four numbers.
        at += 4 + (4 if flags & 0x01 else 2) + (2 if flags & 0x08 else 4 if flags & 0x40 else 8 if flags & 0x80 else 0)
        more = flags & 0x20
    return parts


def _metrics(file: TTFont) -> np.ndarray:
    """Advance and left side bearing of each glyph, in the font's units."""
    count, data = file["hhea"].numberOfHMetrics, file.reader["hmtx"]
    metrics = np.empty((file["maxp"].numGlyphs, 2), dtype=int)
    metrics[:count] = np.frombuffer(data, ">i2", 2 * count).reshape(-1, 2)
    # The last ones may have the advance of the one before, and a bearing of their own.
    metrics[count:, 0] = metrics[count - 1, 0]
    metrics[count:, 1] = np.frombuffer(data, ">i2", offset=4 * count)
    return metrics


def _outline(file: TTFont, number: int) -> bytes:
    """A glyph as it lies in the file; nothing for a space."""
    long = file["head"].indexToLocFormat
    first, end = np.frombuffer(file.reader["loca"], ">u4" if long else ">u2").astype(int)[number : number + 2] * (1 if long else 2)
    return file.reader["glyf"][first:end]


@functools.lru_cache(maxsize=16)
def _web(path: Path, characters: str) -> bytes:
    """A font file cut down to `characters`, with all that a browser asks for, as WOFF."""
    from fontTools import subset

    options = subset.Options(retain_gids=True, notdef_outline=True, hinting=False, layout_features=[], glyph_names=False)
    options.drop_tables += ["GPOS", "GSUB", "GDEF", "kern", "FFTM", "MATH"]
    with TTFont(path, lazy=True, recalcTimestamp=False) as file:
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=[ord(c) for c in characters])
        cutter.subset(file)
        file.flavor = "woff"
        buffer = io.BytesIO()
        file.save(buffer, reorderTables=False)
    return buffer.getvalue()


def _tag(characters: Sequence[str]) -> str:
    """Six capital letters that name this subset (ISO 32000-2, 9.9.2), the same for the same characters."""
    number = 0
    for c in characters:
        number = (number * 31 + ord(c)) % 26**6
    return "".join(chr(65 + number // 26**i % 26) for i in range(6))


def _to_unicode(by_glyph: list[tuple[int, str]]) -> bytes:
    lines = []
    for at in range(0, len(by_glyph), 100):
        block = by_glyph[at : at + 100]
        lines += [f"{len(block)} beginbfchar", *(f"<{glyph:04X}> <{ord(c):04X}>" for glyph, c in block), "endbfchar"]
    return "\n".join(
        [
            "/CIDInit /ProcSet findresource begin",
            "12 dict begin",
            "begincmap",
            "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
            "/CMapName /Adobe-Identity-UCS def",
            "/CMapType 2 def",
            "1 begincodespacerange",
            "<0000> <FFFF>",
            "endcodespacerange",
            *lines,
            "endcmap",
            "CMapName currentdict /CMap defineresource pop",
            "end",
            "end",
        ]
    ).encode()
