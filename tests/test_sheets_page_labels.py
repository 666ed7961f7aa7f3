"""Texts of any maker are put together as they are read, and told when they lie on each other or are cut."""

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from citygis.sheets.page_content import page_content
from citygis.sheets.page_labels import clipped, overlapping, page_labels


def labelled(content):
    """The labels of a page whose font has letters half as wide as high, and capitals 0.7 of the size."""
    pdf = pikepdf.new()
    page = pdf.add_blank_page(page_size=(200, 100))
    page.obj["/Contents"] = pdf.make_stream(b"BT /F 10 Tf " + content + b" ET")
    font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Own, FirstChar=0, LastChar=255, Widths=Array([500] * 256))
    page.obj["/Resources"] = Dictionary(Font=Dictionary(F=font))
    found = page_content(page)
    return page_labels(found), found


def at(easting, northing, string, angle=0):
    c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
    return f"{c:.6f} {s:.6f} {-s:.6f} {c:.6f} {easting} {northing} Tm ({string}) Tj ".encode()


def test_letters_shown_one_by_one_are_a_word():
    found, _ = labelled(at(10, 10, "L") + at(15, 10, "o") + at(20, 10, "t") + at(27.5, 10, "7") + at(10, 30, "8"))
    assert found.labels["string"].tolist() == ["Lot 7", "8"]
    assert found.labels.loc[0, ["left", "along_x"]].tolist() == pytest.approx([10, 22.5])


def test_letters_along_a_curve_are_a_word_and_do_not_lie_on_each_other():
    turned = [(10, 10, 0), (15, 10, 20), (19.6, 11.6, 40), (23.3, 14.8, 60)]
    found, _ = labelled(b"".join(at(e, n, letter, angle) for (e, n, angle), letter in zip(turned, "Bend", strict=True)))
    assert found.labels["string"].tolist() == ["Bend"]
    assert len(overlapping(found.pieces)) == 0


def test_a_halo_is_not_another_label():
    found, _ = labelled(b"1 Tr " + at(10, 10, "7") + b"0 Tr " + at(10, 10, "7"))
    assert found.labels["string"].tolist() == ["7"]
    assert found.pieces["mode"].tolist() == [0]


def test_text_that_is_not_seen_is_no_label():
    found, _ = labelled(b"3 Tr " + at(10, 10, "scanned"))
    assert len(found.labels) == 0


@pytest.mark.parametrize(
    ("second", "pairs"),
    [
        (at(30, 10, "9"), 0),  # beside it, a letter apart
        (at(10, 17.5, "9"), 0),  # capitals end 7 pt above the baseline
        (at(10, 15, "9"), 1),
        (at(13, 13, "9", 90), 1),
        (at(50, 50, "9"), 0),
    ],
)
def test_labels_lie_on_each_other_when_their_letters_do(second, pairs):
    found, _ = labelled(at(10, 10, "77") + second)
    assert len(overlapping(found.pieces)) == pairs


def test_a_label_over_the_edge_of_the_page_is_clipped_and_one_beyond_it_is_not_there():
    found, content = labelled(at(190, 10, "777") + at(10, 95, "8") + at(150, 50, "whole") + at(300, 50, "gone"))
    assert found.labels["string"].iloc[clipped(found.pieces, content.clips)].tolist() == ["777", "8"]
