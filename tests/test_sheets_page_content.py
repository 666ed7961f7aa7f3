"""A page taken apart gives what was painted where, and a page made to do harm is refused in time."""

import time
import zlib

import numpy as np
import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from citygis.errors import ReadError
from citygis.sheets import page_content as page_content_module
from citygis.sheets import page_streams
from citygis.sheets.page_content import page_content
from citygis.sheets.page_tokens import Array as Listed
from citygis.sheets.page_tokens import paths, tokens

OPEN = []  # a page does not keep its file open


def page_of(content: bytes, pdf=None, mediabox=(0, 0, 200, 100), **resources):
    """A page that paints `content`."""
    pdf = pdf or pikepdf.new()
    OPEN.append(pdf)
    page = pdf.add_blank_page(page_size=(200, 100))
    page.obj["/MediaBox"] = Array(list(mediabox))
    page.obj["/Contents"] = pdf.make_stream(content)
    page.obj["/Resources"] = Dictionary({f"/{key}": value for key, value in resources.items()})
    return page


def helvetica(**more):
    return Dictionary(F=Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, **more))


def measured():
    """A font whose codes 65 to 67 are 500, 600 and 700 thousandths wide."""
    return helvetica(FirstChar=65, LastChar=67, Widths=Array([500, 600, 700]))


def form_of(pdf, content, **more):
    return pdf.make_stream(content, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 200, 100]), **more)


# --- words ------------------------------------------------------------------------------------------------------------


def test_operators_come_with_their_operands():
    said = list(tokens(b"q 1 0 0 1 5 5 cm/F1 12 Tf (a\\)b\\101) Tj <4142> Tj [(x) -120 <43>]TJ\n/OC /L0 BDC % note\nEMC"))
    assert said[0] == ("q", [])
    assert said[1] == ("cm", [1, 0, 0, 1, 5, 5])
    assert said[2:5] == [("Tf", ["/F1", 12]), ("Tj", [b"a)bA"]), ("Tj", [b"AB"])]
    assert said[5][1][0].items() == [b"x", -120, b"C"]
    assert said[6:] == [("BDC", ["/OC", "/L0"]), ("EMC", [])]


def test_brackets_within_brackets_are_one_operand():
    said = list(tokens(b"(a (b) c) Tj [(d (e) f) 3] TJ /Span <</A <</B (>>)>> /C [1 2]>> BDC 1 w"))
    assert said[0] == ("Tj", [b"a (b) c"])
    assert isinstance(said[1][1][0], Listed) and said[1][1][0].items() == [b"d (e) f", 3]
    assert said[2][0] == "BDC" and said[2][1][0] == "/Span"
    assert said[3] == ("w", [1])


def test_what_stands_in_an_inline_picture_is_not_read():
    said = list(tokens(b"BI /W 2 /H 2 /CS /G /BPC 8 ID ((1 w EIQ\nEI Q 2 w"))
    assert [name for name, _ in said] == ["image", "Q", "w"]
    assert b"/W 2" in said[0][1][0]


def test_runs_of_path_operators_are_points():
    ((_, (run,)), (stroke, _)) = tokens(b"10 20 m 30 40 l -.5 +2. 3 4 5 6 c h 1 2 3 4 re S")
    read = paths([run])
    assert stroke == "S"
    assert read.points.tolist() == [
        [10, 20], [30, 40], [-0.5, 2], [3, 4], [5, 6], [1, 2], [4, 2], [4, 6], [1, 6],
    ]  # fmt: skip
    assert np.flatnonzero(read.begins).tolist() == [0, 5]
    assert read.counts.tolist() == [9]


def test_numbers_nobody_should_write_do_not_shift_the_rest():
    assert paths([b"1 2 m ", b"9 3 4 l ", b"5 6 l "]).points.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert paths([b"1.-2 2 m 7 8 l "]).points[1].tolist() == [7, 8]


# --- what is painted --------------------------------------------------------------------------------------------------


def test_a_line_is_as_wide_as_its_matrix_makes_it():
    page = page_of(b"q 2 0 0 2 10 10 cm 0.5 w 0 0 m 10 0 l S Q 0 w 5 5 m 6 6 l S")
    lines = page_content(page).paths
    assert lines["width_pt"].tolist() == [1.0, 0.0]
    assert lines.loc[0, ["left", "bottom", "right", "top"]].tolist() == [10, 10, 30, 10]


def test_the_page_begins_at_its_lower_left_corner():
    page = page_of(b"100 50 m 110 50 l S", mediabox=(100, 50, 300, 150))
    assert page_content(page).points.tolist() == [[0, 0], [10, 0]]


def test_a_text_has_the_width_of_its_letters_and_the_height_of_its_matrix():
    page = page_of(b"BT /F 10 Tf 2 0 0 3 20 30 Tm (AC) Tj (B) Tj ET", Font=measured())
    first, second = page_content(page).texts.to_dict("records")
    assert first["string"] == "AC"
    assert (first["left"], first["baseline"]) == (20, 30)
    assert first["along_x"] == pytest.approx((0.5 + 0.7) * 10 * 2)
    assert first["size_pt"] == pytest.approx(30)
    # The second goes on where the first ended.
    assert second["left"] == pytest.approx(44)


def test_spacing_kerning_and_stretch_count():
    page = page_of(b"BT /F 10 Tf 1 Tc 200 Tz [(A) -100 (B)] TJ ET", Font=measured())
    (text,) = page_content(page).texts.to_dict("records")
    # (0.5 + 0.6) x 10, a kern of 1 and two letter gaps of 1, all twice as wide.
    assert text["along_x"] == pytest.approx((11 + 1 + 2) * 2)


def test_text_far_apart_in_one_operator_is_two_texts():
    page = page_of(b"BT /F 10 Tf [(A) -9000 (B)] TJ ET", Font=measured())
    assert page_content(page).texts["left"].tolist() == pytest.approx([0, 95])


def test_layers_are_those_of_marked_content_and_of_forms():
    pdf = pikepdf.new()
    streets = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="Streets"))
    lots = pdf.make_indirect(Dictionary(Type=Name.OCMD, OCGs=Array([pdf.make_indirect(Dictionary(Type=Name.OCG, Name="Lots"))])))
    form = form_of(pdf, b"0 0 m 1 1 l S", OC=lots)
    page = page_of(
        b"/OC /S BDC /P BMC 0 0 m 1 1 l S EMC 0 0 m 2 2 l S EMC 0 0 m 3 3 l S /X Do",
        pdf,
        Properties=Dictionary(S=streets),
        XObject=Dictionary(X=form),
    )
    assert page_content(page).paths["layer"].tolist() == ["Streets", "Streets", "", "Lots"]


def test_forms_within_forms_are_placed_by_all_their_matrices():
    pdf = pikepdf.new()
    inner = form_of(pdf, b"0 0 m 1 0 l S")
    outer = form_of(
        pdf, b"2 0 0 2 0 0 cm /I Do", Matrix=Array([1, 0, 0, 1, 5, 7]), Resources=Dictionary(XObject=Dictionary(I=inner))
    )
    page = page_of(b"q 3 0 0 3 0 0 cm /O Do Q", pdf, XObject=Dictionary(O=outer))
    assert page_content(page).points.tolist() == [[15, 21], [21, 21]]


def test_a_clip_holds_until_the_state_before_it_is_back():
    page = page_of(b"q 10 10 20 20 re W n BT /F 10 Tf (A) Tj ET Q BT /F 10 Tf (B) Tj ET", Font=measured())
    found = page_content(page)
    assert found.clips[found.texts["clip"]].tolist() == [[10, 10, 30, 30], [0, 0, 200, 100]]


@pytest.mark.parametrize(
    ("colour", "grey"),
    [(b"0.3 g", True), (b"0.2 0.2 0.2 rg", True), (b"1 0 0 rg", False), (b"0 0 0 0.5 k", True), (b"0.1 0 0 0 k", False)]
    + [(b"/Sep cs 0.5 scn", False), (b"/Key cs 0.5 scn", True), (b"/Pattern cs /P1 scn", False)],
)
def test_a_colour_is_grey_or_it_is_not(colour, grey):
    spaces = {
        name: Array([Name.Separation, Name(ink), Name.DeviceCMYK, Dictionary()])
        for name, ink in (("/Sep", "/Orange"), ("/Key", "/Black"))
    }
    page = page_of(colour + b" 0 0 9 9 re f", ColorSpace=Dictionary(spaces))
    assert page_content(page).paths["grey"].tolist() == [grey]


def test_a_picture_has_its_size_on_paper_and_its_colours():
    pdf = pikepdf.new()
    icc = pdf.make_stream(b"", N=3)
    picture = pdf.make_stream(b"", Subtype=Name.Image, Width=300, Height=150, ColorSpace=Array([Name.ICCBased, icc]))
    page = page_of(
        b"q 144 0 0 72 0 0 cm /P Do Q q 36 0 0 36 0 0 cm BI /W 4 /H 4 /CS /G /BPC 8 ID abcd EI Q",
        pdf,
        XObject=Dictionary(P=picture),
    )
    images = page_content(page).images
    assert images[["width_px", "wide_in", "high_in", "space"]].to_numpy().tolist() == [
        [300, 2.0, 1.0, "RGB"],
        [4, 0.5, 0.5, "Gray"],
    ]


def test_transparency_is_told():
    states = Dictionary(Half=Dictionary(ca=0.5), Multiply=Dictionary(BM=Name.Multiply))
    page = page_of(b"q /Half gs 0 0 9 9 re f Q 0 0 9 9 re f", ExtGState=states)
    assert page_content(page).paths["alpha"].tolist() == [0.5, 1.0]
    assert not page_content(page).blended
    assert page_content(page_of(b"/Multiply gs 0 0 9 9 re f", ExtGState=states)).blended


def test_an_empty_page_paints_nothing():
    found = page_content(page_of(b""))
    assert len(found.texts) == len(found.paths) == len(found.images) == len(found.points) == 0


def test_operators_with_the_wrong_operands_do_nothing():
    page = page_of(b"cm /a w () Tf Tj BDC Q EMC gs Do (x) Tj 1 Tr [ (y) ] TJ 5 5 m 9 9 l S")
    assert len(page_content(page).paths) == 1


# --- codings and harm -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filters", "data"),
    [
        ("/FlateDecode", zlib.compress(b"1 2 m 3 4 l S")),
        ("/ASCIIHexDecode", b"31 32 20 6D20>"),
        ("/ASCII85Decode", b"0JP==1c70M3&s~>"),
        (["/ASCIIHexDecode", "/FlateDecode"], zlib.compress(b"0 0 m").hex().encode() + b">"),
    ],
)
def test_streams_are_decoded_as_the_library_does(filters, data):
    pdf = pikepdf.new()
    names = Name(filters) if isinstance(filters, str) else Array([Name(one) for one in filters])
    stream = pikepdf.Stream(pdf, data, Filter=names)
    assert page_streams.decoded(stream) == stream.read_bytes()


def test_a_kilobyte_that_says_a_gigabyte_is_refused(monkeypatch):
    monkeypatch.setattr(page_streams, "MAX_STREAM_BYTES", 1_000_000)
    pdf = pikepdf.new()
    page = page_of(b"", pdf)
    page.obj["/Contents"] = pikepdf.Stream(pdf, zlib.compress(b" " * 2_000_000), Filter=Name.FlateDecode)
    with pytest.raises(ReadError, match="unpacks to more"):
        page_content(page)


def test_a_form_that_draws_itself_is_refused():
    pdf = pikepdf.new()
    form = form_of(pdf, b"/X Do")
    form["/Resources"] = Dictionary(XObject=Dictionary(X=form))
    with pytest.raises(ReadError, match="without end"):
        page_content(page_of(b"/X Do", pdf, XObject=Dictionary(X=form)))


def test_forms_that_double_at_each_depth_are_refused_in_time(monkeypatch):
    monkeypatch.setattr(page_content_module, "MAX_FORMS", 2_000)
    pdf = pikepdf.new()
    form = form_of(pdf, b"0 0 m 1 1 l S")
    for _ in range(15):
        form = form_of(pdf, b"/X Do " * 10, Resources=Dictionary(XObject=Dictionary(X=form)))
    begin = time.process_time()
    with pytest.raises(ReadError, match="without end"):
        page_content(page_of(b"/X Do", pdf, XObject=Dictionary(X=form)))
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("content", [b"(" * 100_000, b"[" * 100_000, b"<<" * 50_000, b"<</A [(" * 30_000])
def test_brackets_without_end_are_refused_in_time(content):
    begin = time.process_time()
    with pytest.raises(ReadError, match=r"brackets|does not end"):
        page_content(page_of(content))
    assert time.process_time() - begin < 2


def test_a_picture_without_end_is_refused_in_time():
    with pytest.raises(ReadError, match="does not end"):
        page_content(page_of(b"BI /W 1 ID " * 20_000))


def test_graphics_states_without_end_take_no_time():
    begin = time.process_time()
    assert len(page_content(page_of(b"q " * 120_000 + b"0 0 m 1 1 l S")).paths) == 1
    assert time.process_time() - begin < 5
