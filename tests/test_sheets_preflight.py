"""Preflight finds what is wrong with a file, and nothing where all is well."""

import pikepdf
import pytest
from sheets_city import city_layers

from citygis.city import default_city
from citygis.errors import ReadError
from citygis.settings import check
from citygis.sheets import Sheet, draw, preflight

SHEET = {
    "paper": "map_act_18x26",
    "scale": "1in=100ft",
    "view": {"layer": "parcel", "centre": "features"},
    "layers": ["right_of_way", "parcel", "street_centerline"],
    "title_block": {"title": "Parcel Map"},
}


@pytest.fixture(scope="module")
def figure():
    return draw(check(SHEET, Sheet, "own.toml"), city_layers(2, 3), city=default_city())


@pytest.fixture
def path(figure, tmp_path):
    return figure.save(tmp_path / "sheet.pdf")


def failed(figure, path):
    return {one.name for one in figure.preflight(path).checks if not one.passed}


def change(path, content=None, before=b"", after=b"", page=None, root=None):
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        obj = pdf.pages[0].obj
        body = obj["/Contents"].read_bytes()
        obj["/Contents"] = pdf.make_stream(before + (content(body) if content else body) + after)
        if page:
            page(pdf, obj)
        if root:
            root(pdf.Root)
        pdf.save(path)


def test_a_sheet_as_drawn_passes_every_check(figure, path):
    report = figure.preflight(path)
    assert failed(figure, path) == set()
    assert report.passed
    assert {"page size", "scale of the viewport", "scale of the E ticks", "scale of the N ticks", "blank margin"} <= {
        one.name for one in report.checks
    }


def test_it_stands_alone_without_the_drawing(path):
    report = preflight(path, margin_in=1.0)
    assert report.passed
    assert report.feet_per_inch == pytest.approx(100, abs=1e-6)


def test_ink_of_a_hair_in_the_margin_is_found(figure, path):
    change(path, after=b"\nq 0 0 0 RG 0.5 w 20 20 m 20 60 l S Q\n")
    assert failed(figure, path) == {"blank margin"}


@pytest.mark.parametrize("place", ["900 70", "900 1225", "70 600", "1801 600"])
def test_ink_a_point_over_each_edge_of_the_margin_is_found(figure, path, place):
    change(path, after=f"\nq 0 0 0 rg {place} 1 1 re f Q\n".encode())
    assert failed(figure, path) == {"blank margin"}


def test_a_grid_drawn_a_thousandth_too_small_is_found(figure, path):
    # What "fit to page" does, but to the grid alone: the file's own statement of scale still says 100.
    with pikepdf.open(path) as pdf:
        properties = pdf.pages[0].obj["/Resources"]["/Properties"]
        mark = next(k for k, v in properties.items() if str(v["/Name"]) == "Grid").encode()

    def squeeze(body):
        head, tail = body.split(b"/OC " + mark + b" BDC\n", 1)
        grid, rest = tail.split(b"\nEMC", 1)
        import re

        def smaller(match):
            return b"%.4f %s %s" % (float(match[1]) * 0.999, match[2], match[3])

        return head + b"/OC " + mark + b" BDC\n" + re.sub(rb"([\d.]+) ([\d.]+) ([ml])\b", smaller, grid) + b"\nEMC" + rest

    change(path, content=squeeze)
    assert "scale of the E ticks" in failed(figure, path)


def test_a_viewport_of_another_scale_is_found(figure, path):
    def shrink(pdf, page):
        box = [float(v) for v in page["/VP"][0]["/BBox"]]
        page["/VP"][0]["/BBox"] = pikepdf.Array([box[0], box[1], box[2] * 0.99, box[3] * 0.99])

    change(path, page=shrink)
    assert "scale of the viewport" in failed(figure, path)


def test_a_file_without_viewport_is_found(figure, path):
    change(path, page=lambda pdf, page: page.__delitem__("/VP"))
    assert "scale of the viewport" in failed(figure, path)


def test_a_page_a_hundredth_too_wide_is_found(figure, path):
    change(path, page=lambda pdf, page: page.__setitem__("/MediaBox", pikepdf.Array([0, 0, 1873.5, 1296])))
    assert failed(figure, path) == {"page size"}


def test_another_scale_in_words_is_found(figure, path):
    report = preflight(path, scale="1in=200ft")
    assert {one.name for one in report.checks if not one.passed} >= {
        "scale of the viewport",
        "scale in words",
        "scale of the scale bar",
    }


def test_a_font_that_is_not_embedded_is_found(figure, path):
    def bare(pdf, page):
        font = next(iter(page["/Resources"]["/Font"].values()))
        del font["/DescendantFonts"][0]["/FontDescriptor"]["/FontFile2"]

    change(path, page=bare)
    assert "fonts embedded" in failed(figure, path)


def test_a_type_3_font_is_found(figure, path):
    def add(pdf, page):
        page["/Resources"]["/Font"]["/Bad"] = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name("/Type3"))

    change(path, page=add)
    assert "no Type 3 font" in failed(figure, path)


def test_a_missing_layer_is_found(figure, path):
    report = preflight(path, layers=("Parcels", "Seals"))
    (check_,) = [one for one in report.checks if one.name == "layers"]
    assert not check_.passed and "Seals" in check_.expected


def test_scaling_left_to_the_printer_is_found(figure, path):
    change(path, root=lambda root: root.__delitem__("/ViewerPreferences"))
    assert failed(figure, path) == {"print scaling"}


def test_what_is_no_pdf_is_refused(tmp_path):
    (tmp_path / "not.pdf").write_text("no")
    with pytest.raises(ReadError, match="not a PDF"):
        preflight(tmp_path / "not.pdf")
    with pytest.raises(ReadError, match="not there"):
        preflight(tmp_path / "gone.pdf")
