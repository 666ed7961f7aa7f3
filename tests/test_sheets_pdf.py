"""A scene as PDF, read back with pikepdf and drawn by pdfium and poppler."""

import io
import os
import re
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pikepdf
import pypdfium2
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from citygis.errors import SheetError
from citygis.sheets.catalog import About
from citygis.sheets.frame import STANDARD_SCALES, Frame
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Paths, Scene, Texts, Tile, Tiles, polyline, polylines, rectangle, text
from citygis.sheets.viewports import Viewport

CRS = pyproj.CRS("EPSG:6420")
FRAME = Frame(CRS, Fraction(100), 6_330_000.0, 2_090_000.0, 36.0, 36.0, 216.0, 144.0)
PAPERS_IN = [(26, 18), (8.5, 11), (48, 36), (1189 / 25.4, 841 / 25.4), (297 / 25.4, 210 / 25.4), (36, 200)]


def scene(*batches, clip_pt=None, on=True, width_pt=288.0, height_pt=216.0):
    return Scene(width_pt, height_pt, (Group("Map", batches, clip_pt, on),))


def content(data):
    with pikepdf.open(io.BytesIO(data)) as pdf:
        return pdf.pages[0].obj["/Contents"].read_bytes().decode("latin1")


def pixels(data, dpi=72):
    with pypdfium2.PdfDocument(data) as document:
        return document[0].render(scale=dpi / 72).to_numpy()[:, :, 2::-1].astype(int)


def poppler_pixels(data, folder, program, dpi=72):
    (folder / "sheet.pdf").write_bytes(data)
    subprocess.run([program, "-r", str(dpi), "-png", "-singlefile", folder / "sheet.pdf", folder / "sheet"], check=True)
    with Image.open(folder / "sheet.png") as image:
        return np.array(image.convert("RGB")).astype(int)


def jpeg(quarters, size_px=64, mode="RGB"):
    """A picture of four quarters of one colour each: upper left, upper right, lower left, lower right."""
    image = Image.new(mode, (size_px, size_px))
    half = size_px // 2
    for color, corner in zip(quarters, [(0, 0), (half, 0), (0, half), (half, half)], strict=True):
        image.paste(color, (*corner, corner[0] + half, corner[1] + half))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


RED, GREEN, BLUE, GREY = (200, 0, 0), (0, 150, 0), (0, 0, 200), (120, 120, 120)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(PAPERS_IN),
    st.one_of(st.sampled_from(STANDARD_SCALES), st.fractions(7, 12_000)),
    st.floats(-180, 180),
    st.floats(0, 360),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_a_thousand_foot_line_is_exact_within_a_thousandth_of_an_inch(paper_in, scale, rotation_deg, azimuth_deg, at):
    width, height = (side * 72 for side in paper_in)
    frame = Frame(CRS, scale, 6_330_000.0, 2_090_000.0, 36.0, 36.0, width - 72, height - 72, rotation_deg)
    begin = frame.to_ground(np.array([(at[0] * width, at[1] * height)]))[0]
    azimuth = np.radians(azimuth_deg)
    end = begin + 1000 * np.array([np.sin(azimuth), np.cos(azimuth)])
    line = polyline(frame.to_page(np.array([begin, end])), stroke="#000000", width_pt=0.5)
    written = content(pdf_bytes(Scene(width, height, (Group("Control", (line,)),))))
    points = np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+) [ml]\n", written), dtype=float)
    assert np.hypot(*(points[1] - points[0])) / 72 == pytest.approx(float(1000 / scale), abs=0.001)


@pytest.mark.parametrize("paper_in", PAPERS_IN)
def test_the_page_is_the_paper_within_a_ten_thousandth_of_a_point(paper_in):
    width, height = (side * 72 for side in paper_in)
    with pikepdf.open(io.BytesIO(pdf_bytes(Scene(width, height, ())))) as pdf:
        for name in ("/MediaBox", "/CropBox", "/TrimBox"):
            assert [float(v) for v in pdf.pages[0].obj[name]] == pytest.approx([0, 0, width, height], abs=1e-4)


def test_a_page_beyond_two_hundred_inches_is_refused():
    assert pdf_bytes(Scene(14_400, 72, ()))
    with pytest.raises(SheetError, match=r"at most 200 in a side; this one is 201 x 1 in"):
        pdf_bytes(Scene(201 * 72, 72, ()))


def everything():
    words = Texts(("191-190-74", "Elm"), np.array([(50.0, 60.0), (60.0, 80.0)]), np.array([0.0, 30.0]), np.array([9.0, 7.0]))
    photo = Tile(jpeg((RED, GREEN, BLUE, GREY)), 64, 64, (64, 0, 0, 64, 100, 100))
    groups = (
        Group("Photo", (Tiles((photo,), 0.7),)),
        Group("Lots", (rectangle((10, 10, 90, 90), fill="#eeeeee", stroke="#000000", width_pt=0.5),), (0, 0, 80, 80)),
        Group("Names", (words, words._replace(halo="#ffffff", halo_pt=1.0)), (0, 0, 200, 200)),
        Group("Dashes", (polyline([(0, 0), (100, 100)], stroke="#00ff00", width_pt=1, dash_pt=(6, 2), cap="round", opacity=0.5),)),
        Group("Empty", ()),
    )
    return Scene(288, 216, groups)


def test_marked_content_and_saved_states_are_nested_cleanly():
    stack = []
    with pikepdf.open(io.BytesIO(pdf_bytes(everything()))) as pdf:
        for _, operator in pikepdf.parse_content_stream(pdf.pages[0]):
            match str(operator):
                case "q" | "BDC" | "BT" as opens:
                    stack.append(opens)
                case "Q" | "EMC" | "ET" as closes:
                    assert stack.pop() == {"Q": "q", "EMC": "BDC", "ET": "BT"}[closes]
        assert pdf.check_pdf_syntax() == []
    assert stack == []


def test_each_group_is_one_layer_and_groups_of_one_name_share_it():
    twice = Scene(72, 72, tuple(Group(name, (rectangle((0, 0, 9, 9), fill="#000000"),)) for name in ("Lots", "Notes", "Lots")))
    with pikepdf.open(io.BytesIO(pdf_bytes(twice))) as pdf:
        listed = [str(layer["/Name"]) for layer in pdf.Root["/OCProperties"]["/OCGs"]]
        marks = pdf.pages[0].obj["/Resources"]["/Properties"]
        assert listed == ["Lots", "Notes"]
        assert marks["/L0"].objgen == marks["/L2"].objgen != marks["/L1"].objgen
        assert [str(layer["/Name"]) for layer in pdf.Root["/OCProperties"]["/D"]["/Order"]] == ["Notes", "Lots"]


def test_a_layer_that_is_off_leaves_no_ink_until_it_is_switched_on(tmp_path, require_program):
    square = rectangle((50, 50, 150, 150), fill="#000000")
    shown, hidden = (pdf_bytes(scene(square, on=on)) for on in (True, False))
    program = require_program("pdftoppm")
    assert (
        (pixels(shown) < 128).all(axis=2).sum() == (poppler_pixels(shown, tmp_path, program) < 128).all(axis=2).sum() == 100 * 100
    )
    assert (pixels(hidden) == 255).all()
    assert (poppler_pixels(hidden, tmp_path, program) == 255).all()
    with pikepdf.open(io.BytesIO(hidden)) as pdf:
        del pdf.Root["/OCProperties"]["/D"]["/OFF"]
        switched = io.BytesIO()
        pdf.save(switched)
    assert (pixels(switched.getvalue()) == pixels(shown)).all()


@pytest.mark.parametrize(
    ("affine", "corners"),
    [
        # Upright, then turned by 90 degrees counter-clockwise about its lower left corner: what was on top is at the left.
        ((100, 0, 0, 100, 100, 50), (RED, GREEN, BLUE, GREY)),
        ((0, 100, -100, 0, 200, 50), (GREEN, GREY, RED, BLUE)),
    ],
)
def test_a_picture_lies_as_its_matrix_says(tmp_path, require_program, affine, corners):
    data = pdf_bytes(scene(Tiles((Tile(jpeg((RED, GREEN, BLUE, GREY)), 64, 64, affine),))))
    for found in (pixels(data), poppler_pixels(data, tmp_path, require_program("pdftoppm"))):
        # The middles of the quarters of the box 100 to 200, 50 to 150, on a page 216 high.
        for (x, y), color in zip([(125, 125), (175, 125), (125, 75), (175, 75)], corners, strict=True):
            assert found[216 - y, x] == pytest.approx(np.array(color), abs=6)
        # Readers widen a picture to whole pixels, so one more may be touched.
        assert (found[:65] == 255).all() and (found[167:] == 255).all()


def test_a_picture_is_embedded_as_the_jpeg_it_is():
    colored, grey = jpeg((RED, GREEN, BLUE, GREY)), jpeg((0, 60, 120, 180), mode="L")
    tiles = Tiles((Tile(colored, 64, 64, (9, 0, 0, 9, 0, 0)), Tile(grey, 64, 64, (9, 0, 0, 9, 9, 0))))
    with pikepdf.open(io.BytesIO(pdf_bytes(scene(tiles)))) as pdf:
        images = pdf.pages[0].obj["/Resources"]["/XObject"]
        assert [images[name].read_raw_bytes() for name in ("/I0", "/I1")] == [colored, grey]
        assert [str(images[name]["/ColorSpace"]) for name in ("/I0", "/I1")] == ["/DeviceRGB", "/DeviceGray"]
        assert [str(images[name]["/Filter"]) for name in ("/I0", "/I1")] == ["/DCTDecode"] * 2


def test_a_picture_that_is_no_grey_or_rgb_jpeg_is_refused():
    cmyk = io.BytesIO()
    Image.new("CMYK", (8, 8)).save(cmyk, "JPEG")
    for bad in (b"not a picture", cmyk.getvalue()):
        with pytest.raises(SheetError, match="grey or RGB JPEG"):
            pdf_bytes(scene(Tiles((Tile(bad, 8, 8, (1, 0, 0, 1, 0, 0)),))))
    with pytest.raises(ValueError, match="Its JPEG is 64 x 64 px"):
        pdf_bytes(scene(Tiles((Tile(jpeg((RED,) * 4), 32, 64, (1, 0, 0, 1, 0, 0)),))))


def test_opacity_lets_half_through_and_a_batch_does_not_darken_itself(tmp_path, require_program):
    cross = polylines([[(50, 100), (150, 100)], [(100, 50), (100, 150)]], stroke="#000000", width_pt=20, opacity=0.5)
    grey = Tiles((Tile(jpeg((BLUE,) * 4), 64, 64, (40, 0, 0, 40, 200, 10)),), opacity=0.25)
    data = pdf_bytes(scene(cross, grey))
    for found in (pixels(data), poppler_pixels(data, tmp_path, require_program("pdftoppm"))):
        assert found[216 - 100, 60] == pytest.approx(np.array([127.5] * 3), abs=1)
        assert (found[216 - 100, 100] == found[216 - 100, 60]).all()
        assert found[216 - 30, 220] == pytest.approx(0.75 * 255 + 0.25 * np.array(BLUE), abs=3)


def labels(count):
    strings = tuple(f"191-{n:03d}-{n % 7:02d}" for n in range(count))
    places = np.array([(10 + n % 6 * 45.0, 10 + n // 6 * 6.0) for n in range(count)])
    return Texts(strings, places, np.zeros(count), np.full(count, 5.0), halo="#ffffff", halo_pt=0.6)


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 180])
def test_a_text_with_a_halo_is_found_once(tmp_path, require_program, count):
    batch = labels(count)
    data = pdf_bytes(scene(batch))
    with pypdfium2.PdfDocument(data) as document:
        read = document[0].get_textpage().get_text_range()
    (tmp_path / "sheet.pdf").write_bytes(data)
    command = [require_program("pdftotext"), tmp_path / "sheet.pdf", "-"]
    by_poppler = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for found in (read, by_poppler):
        assert [found.count(string) for string in batch.strings] == [1] * count


def test_letters_set_one_by_one_are_found_as_their_word(tmp_path, require_program):
    places = np.array([(20.0, 20.0), (30.0, 22.0), (40.0, 26.0)])
    batch = Texts(("E", "l", "m"), places, np.array([5.0, 12.0, 25.0]), np.full(3, 8.0), halo="#ffffff", halo_pt=0.5, actual="Elm")
    data = pdf_bytes(scene(batch))
    with pypdfium2.PdfDocument(data) as document:
        assert document[0].get_textpage().get_text_range().strip() == "Elm"
    (tmp_path / "sheet.pdf").write_bytes(data)
    command = [require_program("pdftotext"), tmp_path / "sheet.pdf", "-"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.split() == ["Elm"]


def test_a_halo_is_a_band_of_its_width_around_the_letters(tmp_path, require_program):
    # A hyphen 12 pt wide or so on black: the band reaches 3 pt beyond it on every side, and not 4.
    plain = text("-", 100, 100, 60, color="#ff0000")
    ground = rectangle((0, 0, 288, 216), fill="#000000")
    data = pdf_bytes(scene(ground, plain._replace(halo="#00ff00", halo_pt=3.0)))
    letter = np.argwhere(pixels(pdf_bytes(scene(ground, plain)), 288)[:, :, 0] > 128)
    for found in (pixels(data, 288), poppler_pixels(data, tmp_path, require_program("pdftoppm"), 288)):
        band = np.argwhere(found.max(axis=2) > 128)
        # 288 dpi: four pixels a point.
        assert (letter.min(axis=0) - band.min(axis=0)) / 4 == pytest.approx(3.0, abs=0.3)
        assert (band.max(axis=0) - letter.max(axis=0)) / 4 == pytest.approx(3.0, abs=0.3)
        assert (found[:, :, 0] > 128).sum() == pytest.approx(len(letter), rel=0.12)


def test_a_letter_the_font_lacks_is_refused_by_name():
    with pytest.raises(SheetError, match="has no '東', which 'Plaza 東' needs"):
        pdf_bytes(scene(text("Plaza 東", 10, 10, 8)))


def test_what_is_outside_the_clip_leaves_no_ink():
    wide = rectangle((0, 0, 288, 216), fill="#000000")
    dark = (pixels(pdf_bytes(scene(wide, text("Egret", 0, 0, 99), clip_pt=(100, 50, 150, 90)))) < 128).all(axis=2)
    rows, columns = np.nonzero(dark)
    assert (columns.min(), columns.max() + 1, 216 - rows.max() - 1, 216 - rows.min()) == (100, 150, 50, 90)


def test_paths_without_points_or_paint_write_nothing():
    nothing = [Paths(np.empty((0, 2)), np.array([], int), fill="#000000"), polyline([(0, 0), (9, 9)])]
    assert re.findall(r" [mlf]\n", content(pdf_bytes(scene(*nothing)))) == []


def test_every_viewport_holds_its_own_corners_within_a_hundredth_of_a_foot():
    turned = FRAME._replace(rotation_deg=-30.0)
    inset = FRAME._replace(scale=Fraction(2000), left_pt=256.0, width_pt=30.0, height_pt=30.0)
    data = pdf_bytes(Scene(288, 216, ()), viewports=(Viewport(turned, "Map"), Viewport(inset, "Vicinity map")))
    to_ground = pyproj.Transformer.from_crs(CRS.geodetic_crs, CRS, always_xy=True)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        found = list(pdf.pages[0].obj["/VP"])
        assert [str(viewport["/Name"]) for viewport in found] == ["Map", "Vicinity map"]
        for viewport, frame in zip(found, (turned, inset), strict=True):
            assert [float(v) for v in viewport["/BBox"]] == pytest.approx(frame.box_pt)
            degrees = np.array([float(v) for v in viewport["/Measure"]["/GPTS"]]).reshape(4, 2)
            square = np.array([float(v) for v in viewport["/Measure"]["/LPTS"]]).reshape(4, 2)
            ground = np.column_stack(to_ground.transform(degrees[:, 1], degrees[:, 0]))
            paper = np.array(frame.box_pt[:2]) + square * (frame.width_pt, frame.height_pt)
            assert frame.to_page(ground) == pytest.approx(paper, abs=0.01 * frame.points_per_foot)


def test_the_same_scene_gives_the_same_bytes_in_another_process():
    program = (
        "import hashlib; from citygis.sheets.pdf import pdf_bytes; from citygis.sheets.scene import Group, Scene, text\n"
        "page = Scene(99, 99, tuple(Group(n, (text('Peña 30°', 9, 9, 9, font=n),)) for n in ('bold', 'italic')))\n"
        "found = hashlib.sha256(pdf_bytes(page, title='T', archive=True)).hexdigest()\n"
    )
    here: dict = {}
    exec(program, here)
    command = [sys.executable, "-c", program + "print(found)"]
    # Another seed gives sets another order.
    there = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONHASHSEED": "7"}).stdout
    assert there.strip() == here["found"]


def test_information_is_written_once_for_old_readers_and_once_as_metadata():
    about = About("Parcel Map", "1 inch = 100 feet", "City of Riverbend", "parcels, tract 4011", "2026-11-22T09:30:00-08:00")
    with pikepdf.open(io.BytesIO(pdf_bytes(everything(), about=about))) as pdf:
        info = {key: str(value) for key, value in pdf.docinfo.items()}
        assert info == {
            "/Title": "Parcel Map",
            "/Subject": "1 inch = 100 feet",
            "/Author": "City of Riverbend",
            "/Keywords": "parcels, tract 4011",
            "/Producer": "citygis",
            "/CreationDate": "D:20261122093000-08'00",
            "/ModDate": "D:20261122093000-08'00",
        }
        with pdf.open_metadata() as metadata:
            assert metadata["dc:title"] == "Parcel Map"
            assert metadata["dc:creator"] == ["City of Riverbend"]
            assert metadata["xmp:CreateDate"] == about.created


def test_without_a_date_given_there_is_none():
    with pikepdf.open(io.BytesIO(pdf_bytes(everything(), title="Parcel Map"))) as pdf:
        assert set(pdf.docinfo.keys()) == {"/Title", "/Producer"}
        assert b"Date" not in pdf.Root["/Metadata"].read_bytes()


def test_gdal_reads_what_is_drawn_after_many_dashes(tmp_path, require_program):
    look = {"stroke": "#000000", "width_pt": 0.5}
    lines = [polyline([(60, 60 + n), (200, 60 + n)], dash_pt=(5.0, 2.0 + n), **look) for n in range(12)]
    layers = Scene(288, 216, tuple(Group(f"Layer {n}", (line,)) for n, line in enumerate(lines)))
    (tmp_path / "sheet.pdf").write_bytes(pdf_bytes(layers, viewports=(Viewport(FRAME, "Map"),)))
    command = [require_program("ogrinfo"), "-ro", "-q", tmp_path / "sheet.pdf"]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "ERROR" not in told.stderr
    assert told.stdout.count("Layer_") == 12


def test_a_long_line_of_text_is_found_as_one_and_hides_no_layer_from_gdal(tmp_path, require_program):
    long = "The owner states that " + "all of this land is within the City " * 10
    words = Group("Words", (text(long.strip(), 10, 100, 3.0, font="regular")._replace(halo="#ffffff", halo_pt=0.3),))
    after = Group("After", (rectangle((20, 20, 60, 60), fill="#000000"),))
    path = tmp_path / "sheet.pdf"
    frame = Frame(pyproj.CRS("EPSG:6420"), Fraction(100), 6_330_000.0, 2_090_000.0, 0.0, 0.0, 2000.0, 216.0)
    path.write_bytes(pdf_bytes(Scene(2000.0, 216.0, (words, after)), viewports=(Viewport(frame, "Map"),)))
    listed = subprocess.run([require_program("ogrinfo"), "-ro", "-q", path], capture_output=True, text=True, check=True)
    assert "After" in listed.stdout and "token" not in listed.stderr
    with pypdfium2.PdfDocument(path) as document:
        assert document[0].get_textpage().get_text_range().count(long.strip()) == 1
