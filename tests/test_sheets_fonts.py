"""The sheet's fonts."""

import numpy as np
import pytest
from matplotlib.ft2font import FT2Font, LoadFlags

from citygis.sheets.fonts import FONTS, TYPEFACES, composed, font, wrapped


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


def test_what_a_font_cannot_write_is_named():
    assert font("regular").missing("Río 東") == "東"
    assert font("regular").missing("Avenida de la Peña, 30° −½") == ""


def test_accents_are_composed_and_controls_become_spaces():
    assert composed("Pen\u0303a\tRoad") == "Peña Road"
