"""A scene as SVG: read as XML, and drawn by Chromium beside its PDF."""

import io
import xml.etree.ElementTree as ElementTree

import numpy as np
import pypdfium2
import pytest
from browser import Browser
from PIL import Image

from citygis.errors import SheetError
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Scene, Texts, Tile, Tiles, polyline, polylines, rectangle, text
from citygis.sheets.svg import svg_text

SVG = "{http://www.w3.org/2000/svg}"


def jpeg():
    image = Image.new("RGB", (64, 64), (0, 0, 200))
    image.paste((200, 0, 0), (0, 0, 32, 32))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


SCENE = Scene(
    288.0,
    216.0,
    (
        Group("Photo", (Tiles((Tile(jpeg(), 64, 64, (60, 20, -20, 60, 200, 20)),), 0.8),)),
        Group(
            "Lots & blocks",
            (
                polylines(
                    [[(30, 30), (120, 30), (120, 110), (30, 110)], [(60, 50), (60, 80), (90, 80), (90, 50)]],
                    closed=True,
                    fill="#88aa66",
                    stroke="#000000",
                    width_pt=2.0,
                ),
                polyline([(20, 150), (280, 170)], stroke="#cc0000", width_pt=3.0, dash_pt=(18, 6), cap="round", opacity=0.5),
            ),
            (24.0, 20.0, 270.0, 200.0),
        ),
        Group("Names", (text("Egret Street <4011>", 30, 180, 16)._replace(halo="#ffff00", halo_pt=1.5),)),
        Group("Names", (Texts(("Peña",), np.array([(150.0, 60.0)]), np.array([40.0]), np.array([20.0]), "bold", "#0000ff"),)),
        Group("2026", (rectangle((0, 0, 288, 216), fill="#000000"),), on=False),
    ),
)


@pytest.fixture(scope="module")
def root():
    return ElementTree.fromstring(svg_text(SCENE))


def test_it_is_as_large_as_the_page(root):
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("4in", "3in", "0 0 288 216")


def test_layers_are_groups_named_after_them(root):
    groups = [group for group in root if group.tag == f"{SVG}g"]
    assert [group.get("id") for group in groups] == ["photo", "lots-blocks", "names", "names-2", "layer-2026"]
    label = "{http://www.inkscape.org/namespaces/inkscape}label"
    assert [group.get(label) for group in groups] == ["Photo", "Lots & blocks", "Names", "Names", "2026"]
    assert [group.get("style") for group in groups] == [None] * 4 + ["display:none"]


def test_text_is_text(root):
    words = [element.text for element in root.iter(f"{SVG}text")]
    # The first twice: its halo below it.
    assert words == ["Egret Street <4011>", "Egret Street <4011>", "Peña"]


def test_two_drawings_of_one_scene_are_the_same():
    assert svg_text(SCENE) == svg_text(SCENE)


def test_a_letter_the_font_lacks_is_refused():
    with pytest.raises(SheetError, match="has no '東'"):
        svg_text(Scene(72, 72, (Group("Names", (text("東", 9, 9, 9),)),)))


def test_a_browser_draws_what_a_pdf_reader_draws(tmp_path, require_program):
    browser = Browser(require_program("chromium"), tmp_path / "browser", width=384, height=288)
    try:
        (tmp_path / "sheet.svg").write_text(svg_text(SCENE), encoding="utf-8")
        browser.open(tmp_path / "sheet.svg")
        browser.picture(tmp_path / "sheet.png")
        assert browser.complaints() == []
    finally:
        browser.close()
    with Image.open(tmp_path / "sheet.png") as image:
        seen = np.array(image.convert("RGB")).astype(int)
    with pypdfium2.PdfDocument(pdf_bytes(SCENE)) as document:
        # A browser has 96 pixels an inch.
        printed = document[0].render(scale=96 / 72).to_numpy()[:, :, 2::-1].astype(int)
    assert seen.shape == printed.shape
    # Edges are smoothed differently, by a pixel at most: the mean colours of patches of 8 x 8 agree. Moved by two pixels, a word
    # makes a difference of 80, a missing dash or a wrong turn more.
    patches = [image.reshape(36, 8, 48, 8, 3).mean(axis=(1, 3)) for image in (seen, printed)]
    assert np.abs(patches[0] - patches[1]).max() < 60
