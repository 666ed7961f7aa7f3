"""The sheet's fonts."""

import io
import itertools

import numpy as np
import pikepdf
import pytest
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont
from matplotlib.ft2font import FT2Font, LoadFlags

from citygis.errors import SheetError
from citygis.sheets import fonts
from citygis.sheets.fonts import FONTS, TYPEFACES, Font, composed, font, font_of, wrapped


@pytest.mark.parametrize("name", FONTS)
@pytest.mark.parametrize("string", ["191-190-74", "EGRET STREET", "0°29'17\"", "é"])
def test_widths_are_those_freetype_measures(name, string):
    freetype = FT2Font(TYPEFACES / FONTS[name])
    freetype.set_size(1000, 72)
    # One glyph at a time: the sheet sets no kerning.
    measured = sum(freetype.load_char(ord(c), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536 for c in string)
    assert font(name).widths([string])[0] * 1000 == pytest.approx(measured, abs=0.5)


def test_many_texts_are_measured_as_each_alone():
    strings = ["191-190-74", "", "Egret Park", "7"]
    assert np.allclose(font("regular").widths(strings), [font("regular").widths([s])[0] for s in strings])
    assert font("regular").widths(["", ""]).tolist() == [0, 0]


def test_figures_are_equally_wide_so_that_columns_stand():
    assert np.ptp(font("regular").widths(list("0123456789"))) == 0


def test_lines_are_no_wider_than_asked_and_lose_no_word():
    text = "This map shows the City's parcel layer. It is not a survey and does not replace the record."
    lines = wrapped(text, 120, 7)
    assert " ".join(lines) == text
    assert (font("regular").widths(lines) * 7 <= 120).all()
    assert len(lines) > 2


def test_a_word_wider_than_the_column_is_broken_and_loses_no_letter():
    lines = wrapped("a Llanfairpwllgwyngyll b", 20, 7)
    assert "".join(lines).replace(" ", "") == "aLlanfairpwllgwyngyllb"
    assert (font("regular").widths(lines) * 7 <= 20).all()
    assert wrapped("WW", 1, 7) == ["W", "W"]


@pytest.mark.parametrize("word", ["Llanfairpwllgwyngyll" * 5, "i" * 50 + "W" * 50])
def test_pieces_of_a_word_are_as_long_as_the_column_allows(word):
    pieces = wrapped(word, 20, 7)
    for piece, after in itertools.pairwise(pieces):
        assert font("regular").widths([piece])[0] * 7 <= 20 < font("regular").widths([piece + after[0]])[0] * 7
    assert "".join(pieces) == word


def test_what_a_font_cannot_write_is_named():
    assert font("regular").missing("Río 東") == "東"
    assert font("regular").missing("Avenida de la Peña, 30° −½") == ""


def test_accents_are_composed_and_controls_become_spaces():
    assert composed("Pen\u0303a\tRoad") == "Peña Road"


def test_glyph_numbers_are_those_of_the_file():
    with TTFont(TYPEFACES / FONTS["bold"]) as file:
        names = file.getBestCmap()
        expected = ["".join(f"{file.getGlyphID(names[ord(c)]):04X}" for c in string) for string in ("191-190", "", "Peña")]
    assert font("bold").hexadecimal(["191-190", "", "Peña"]) == expected


def test_a_text_the_font_cannot_write_is_refused_with_its_letters():
    with pytest.raises(SheetError, match=r"RobotoCondensed-Regular\.ttf has no '京 東', which 'Plaza 東京' needs"):
        font("regular").hexadecimal(["Egret", "Plaza 東京"])


def test_a_font_is_one_of_those_there_are():
    with pytest.raises(ValueError, match=r"Invalid font 'Arial'\. Must be one of regular, bold, italic"):
        font("Arial")


def test_a_font_file_that_is_gone_is_named_and_no_other_takes_its_place(monkeypatch, tmp_path):
    monkeypatch.setattr(fonts, "TYPEFACES", tmp_path)
    with pytest.raises(SheetError, match=r"The font file .*RobotoCondensed-Bold\.ttf is not there"):
        Font("bold")


@pytest.mark.parametrize("name", FONTS)
def test_an_embedded_font_holds_the_letters_asked_for_with_their_widths_and_glyphs(name):
    whole = FT2Font(TYPEFACES / FONTS[name])
    whole.set_size(1000, 72)
    with pikepdf.new() as pdf:
        embedded = font(name).embedded(pdf, "Peña½")
        descendant = embedded["/DescendantFonts"][0]
        program = bytes(descendant["/FontDescriptor"]["/FontFile2"].read_bytes())
        found, characters = font_of(embedded)
        spelled = list(descendant["/W"])
        widths = {int(glyph): float(width[0]) for glyph, width in zip(spelled[::2], spelled[1::2], strict=True)}
    assert found == name
    assert set(characters) == set(fonts.ASCII) | set("Peña½")
    with TTFont(io.BytesIO(program)) as cut, TTFont(TYPEFACES / FONTS[name]) as file:
        names = file.getBestCmap()
        for c in "Peña½q9":
            glyph = file.getGlyphID(names[ord(c)])
            assert cut["glyf"][cut.getGlyphName(glyph)].xMax == file["glyf"][names[ord(c)]].xMax
            advance = whole.load_char(ord(c), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536
            # ISO 19005-2, 6.2.11.5: widths agree within a thousandth of the size.
            assert widths[glyph] == pytest.approx(advance, abs=1)


def test_two_letters_that_share_a_glyph_are_found_as_the_first():
    # The Greek delta and the sign for an increment.
    assert font("regular").hexadecimal(["\u0394"]) == font("regular").hexadecimal(["\u2206"])
    with pikepdf.new() as pdf:
        found = font_of(font("regular").embedded(pdf, "\u2206\u0394"))[1]
    assert "\u0394" in found and "\u2206" not in found


def test_a_font_of_someone_else_is_not_taken_for_ours():
    with pikepdf.new() as pdf:
        other = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.Font, BaseFont=pikepdf.Name("/ABCDEF+Helvetica")))
        assert font_of(other) is None


def test_a_web_font_holds_just_its_letters():
    with TTFont(io.BytesIO(font("italic").web("Egret"))) as file:
        assert file.flavor == "woff"
        assert set(file.getBestCmap()) == set(map(ord, "Egret"))
        assert {"name", "post", "OS/2"} <= set(file.keys())
    with pytest.raises(SheetError, match="has no '東'"):
        font("italic").web("東")


@pytest.mark.parametrize("name", FONTS)
def test_embedded_outlines_and_widths_are_those_of_the_whole_font(name):
    with pikepdf.new() as pdf:
        embedded = font(name).embedded(pdf, "é½°")
        program = embedded.DescendantFonts[0].FontDescriptor.FontFile2.read_bytes()
    cut, whole = TTFont(io.BytesIO(program)), TTFont(TYPEFACES / FONTS[name])
    shapes, all_shapes = cut.getGlyphSet(), whole.getGlyphSet()
    for letter in "AgQ %@é½°":
        original = whole.getBestCmap()[ord(letter)]
        own = cut.getGlyphName(whole.getGlyphID(original))
        drawn, meant = DecomposingRecordingPen(shapes), DecomposingRecordingPen(all_shapes)
        shapes[own].draw(drawn)
        all_shapes[original].draw(meant)
        assert drawn.value == meant.value
        assert cut["hmtx"].metrics[own] == whole["hmtx"].metrics[original]
    # No hints, and nothing of letters that were not asked for: Z with caron is no part of another.
    assert not {"fpgm", "prep", "cvt "} & set(cut.keys())
    assert (
        whole.getGlyphID(whole.getBestCmap()[ord("Ž")]) >= len(cut.getGlyphOrder())
        or not cut["glyf"][cut.getGlyphName(whole.getGlyphID(whole.getBestCmap()[ord("Ž")]))].numberOfContours
    )


def test_an_embedded_font_bears_no_date():
    with pikepdf.new() as pdf:
        program = font("regular").embedded(pdf, "A").DescendantFonts[0].FontDescriptor.FontFile2.read_bytes()
    cut, whole = TTFont(io.BytesIO(program)), TTFont(TYPEFACES / FONTS["regular"])
    assert cut["head"].modified == whole["head"].modified
