"""Letters as areas, against fontTools' own measure of them."""

import numpy as np
import pytest
import shapely
from fontTools.pens.areaPen import AreaPen
from fontTools.ttLib import TTFont

from citygis.sheets.fonts import FONTS, TYPEFACES, font
from citygis.sheets.outlines import text_outlines
from citygis.sheets.scene import Texts


def letters(strings, sizes, *, angles=None, points=None, name="regular"):
    points = np.zeros((len(strings), 2)) if points is None else np.array(points, dtype=float)
    angles = np.zeros(len(strings)) if angles is None else np.array(angles, dtype=float)
    return text_outlines(Texts(tuple(strings), points, angles, np.array(sizes, dtype=float), name))


def area(found) -> float:
    """Outsides less holes."""
    polygons = [shapely.Polygon(ring) for ring in np.split(found.points, found.starts[1:])]
    return sum(p.area if shell else -p.area for p, shell in zip(polygons, found.shells, strict=True))


@pytest.mark.parametrize("name", sorted(FONTS))
@pytest.mark.parametrize("letter", "AO8i&°é½'")
def test_a_letter_has_the_area_of_its_curves(name, letter):
    with TTFont(TYPEFACES / FONTS[name]) as file:
        glyphs = file.getGlyphSet()
        pen = AreaPen(glyphs)
        glyphs[file.getBestCmap()[ord(letter)]].draw(pen)
        exact = abs(pen.value) / file["head"].unitsPerEm ** 2
    # Chords within 0.01 mm of the curve take at most that times the outline from the area; some outlines overlap themselves.
    assert area(letters([letter], [100], name=name)) == pytest.approx(exact * 100**2, rel=0.01)


def test_letters_have_their_holes():
    found = letters(["B8i"], [12])
    # B: one outside, two holes; 8 too; i: two outsides.
    assert found.shells.tolist() == [True, False, False, True, False, False, True, True]


def test_a_text_is_as_wide_as_the_font_says_and_turns_about_its_beginning():
    wide = float(font("bold").widths(["HH"])[0] * 10)
    flat = letters(["HH"], [10], points=[(5, 7)], name="bold")
    bearing = flat.points[:, 0].min() - 5
    assert flat.points[:, 0].max() == pytest.approx(5 + wide - bearing, abs=0.05)
    assert flat.points[:, 1].max() == pytest.approx(7 + font("bold").cap_height * 10, abs=0.01)
    up = letters(["HH"], [10], points=[(5, 7)], angles=[90], name="bold")
    away = flat.points - (5, 7)
    assert np.allclose(up.points, np.column_stack([-away[:, 1], away[:, 0]]) + (5, 7))


def test_reading_order_is_kept_whatever_the_sizes():
    together = letters(["A1", "1A"], [8, 16], points=[(0, 0), (0, 50)])
    apart = [letters(["A1"], [8]).points, letters(["1A"], [16], points=[(0, 50)]).points]
    assert np.allclose(together.points, np.concatenate(apart))


def test_blanks_draw_nothing():
    assert len(letters([" ", ""], [10, 10]).points) == 0
    assert len(letters([], []).points) == 0
