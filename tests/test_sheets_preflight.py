"""Preflight finds what is wrong with a file, each fault by its own check, and nothing where all is well."""

import io
import re
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from sheets_city import city_layers

from citygis.city import default_city
from citygis.errors import ReadError, SheetError
from citygis.settings import check
from citygis.sheets import Sheet, draw, preflight
from citygis.sheets.fonts import font

OTHERS = Path(__file__).parent / "data" / "pdf"
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


def failed(figure, path, **more):
    report = figure.preflight(path) if figure else preflight(path, **more)
    return {one.name for one in report.checks if not one.passed}


def change(path, content=None, before=b"", after=b"", page=None, root=None, file=None):
    """Write a fault into a file: its content through a function, or its page, catalog or whole document."""
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        obj = pdf.pages[0].obj
        if content or before or after:
            body = obj["/Contents"].read_bytes()
            obj["/Contents"] = pdf.make_stream(before + (content(body) if content else body) + after)
        if page:
            page(pdf, obj)
        if root:
            root(pdf.Root)
        if file:
            file(pdf)
        pdf.save(path)


def section(body, path, name):
    """Where the content of a layer begins and ends."""
    with pikepdf.open(path) as pdf:
        properties = pdf.pages[0].obj["/Resources"]["/Properties"]
        mark = next(key for key, value in properties.items() if str(value["/Name"]) == name).encode()
    begin = body.index(b"/OC " + mark + b" BDC")
    return begin, body.index(b"EMC", begin)


def glyphs(string, name="regular"):
    return b"<%s>" % "".join(f"{font(name).glyphs[ord(c)]:04X}" for c in string).encode()


# --- a sound file -----------------------------------------------------------------------------------------------------


def test_a_sheet_as_drawn_passes_every_check(figure, path):
    report = figure.preflight(path)
    assert failed(figure, path) == set()
    assert report.passed
    measured = {one.name for one in report.checks if not one.skipped}
    assert {
        "page size",
        "scale of the viewport",
        "scale of the E ticks",
        "scale of the N ticks",
        "scale of the scale bar",
    } <= measured
    assert {
        "blank margin",
        "labels on each other",
        "clipped labels",
        "least line",
        "no layer empty",
        "viewport at the ticks",
    } <= measured


def test_it_stands_alone_without_the_drawing(path):
    report = preflight(path, margin_in=1.0)
    assert report.passed
    assert report.feet_per_inch == pytest.approx(100, abs=1e-6)


def test_a_profile_or_a_paper_says_what_is_asked(path):
    assert preflight(path, profile="parcel_map").passed
    assert preflight(path, profile="map_act_18x26").passed
    assert failed(None, path, profile="arch_d") == {"page size"}
    with pytest.raises(SheetError, match="map_act"):
        preflight(path, profile="map_akt")


# --- faults, each by its own check ------------------------------------------------------------------------------------


def narrower_by_a_fiftieth(pdf, page):
    page["/MediaBox"] = page["/CropBox"] = page["/TrimBox"] = pikepdf.Array([0, 0, 1873.5, 1296])


def cut_to_the_map(pdf, page):
    page["/CropBox"] = pikepdf.Array([72, 72, 1800, 1224])


def turned(pdf, page):
    page["/Rotate"] = 90


def in_units_of_a_36th(pdf, page):
    page["/UserUnit"] = 2


def font_program_gone(pdf, page):
    font = page["/Resources"]["/Font"]["/TRegular"]
    del font["/DescendantFonts"][0]["/FontDescriptor"]["/FontFile2"]


def unicode_gone(pdf, page):
    del page["/Resources"]["/Font"]["/TRegular"]["/ToUnicode"]


def viewport_gone(pdf, page):
    del page["/VP"]


def viewport_shrunk(pdf, page):
    box = [float(v) for v in page["/VP"][0]["/BBox"]]
    page["/VP"][0]["/BBox"] = pikepdf.Array([box[0], box[1], box[0] + (box[2] - box[0]) * 0.99, box[1] + (box[3] - box[1]) * 0.99])


def viewport_moved_a_fiftieth_of_a_foot(pdf, page):
    # 0.02 ft of northing is 0.02 x 1200 / 3937 m over 111,000 m in a degree: 5.5e-8 degrees.
    points = page["/VP"][0]["/Measure"]["/GPTS"]
    moved = [float(v) + (5.5e-8 if i % 2 == 0 else 0) for i, v in enumerate(points)]
    page["/VP"][0]["/Measure"]["/GPTS"] = pikepdf.Array([pikepdf.Object.parse(b"%.12f" % v) for v in moved])


def viewport_of_the_next_zone(pdf, page):
    page["/VP"][0]["/Measure"]["/GCS"]["/EPSG"] = 6418  # zone 2; the sheet is in zone 3


def viewport_of_no_system(pdf, page):
    page["/VP"][0]["/Measure"]["/GCS"]["/EPSG"] = 1


def viewport_without_a_square_corner(pdf, page):
    points = [float(v) for v in page["/VP"][0]["/Measure"]["/GPTS"]]
    page["/VP"][0]["/Measure"]["/GPTS"] = pikepdf.Array(
        [pikepdf.Object.parse(b"%.12f" % v) for v in [points[0] + 2e-7, *points[1:]]]
    )


def a_note(pdf, page):
    note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.FreeText, Rect=pikepdf.Array([200, 200, 300, 220]))
    page["/Annots"] = pikepdf.Array([pdf.make_indirect(note)])


def an_empty_layer(pdf):
    layer = pdf.make_indirect(pikepdf.Dictionary(Type=pikepdf.Name.OCG, Name=pikepdf.String("Monuments")))
    for holder in (pdf.Root["/OCProperties"]["/OCGs"], pdf.Root["/OCProperties"]["/D"]["/Order"]):
        holder.append(layer)


def script(root):
    root["/OpenAction"] = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))


def launch_of_a_program(pdf):
    pdf.Root["/AA"] = pikepdf.Dictionary(WP=pdf.make_indirect(pikepdf.Dictionary(S=pikepdf.Name.Launch, F=pikepdf.String("a.exe"))))


def attachment(pdf):
    pdf.attachments["parcels.csv"] = b"apn"


PLACES = {
    "page": {
        "a page a fiftieth of an inch too wide": (narrower_by_a_fiftieth, {"page size"}),
        "a crop box within the page": (cut_to_the_map, {"page boxes"}),
        "a turned page": (turned, {"rotation"}),
        "units other than points": (in_units_of_a_36th, {"page units"}),
        "a font that is not embedded": (font_program_gone, {"fonts embedded"}),
        "a font without its map to Unicode": (unicode_gone, {"text can be searched"}),
        "no viewport": (viewport_gone, {"scale of the viewport"}),
        "a viewport of another scale": (viewport_shrunk, {"scale of the viewport", "viewport at the ticks"}),
        "a viewport 0.02 ft to the north": (viewport_moved_a_fiftieth_of_a_foot, {"viewport at the ticks"}),
        "a viewport of another zone": (viewport_of_the_next_zone, {"viewport systems"}),
        "a viewport of no system": (viewport_of_no_system, {"viewport systems"}),
        "a viewport with a corner 0.07 ft off": (viewport_without_a_square_corner, {"viewport corners"}),
        "a note": (a_note, {"notes on the page"}),
    },
    "root": {
        "scaling left to the printer": (lambda root: root.__delitem__("/ViewerPreferences"), {"print scaling"}),
        "layers in no order": (lambda root: root["/OCProperties"]["/D"].__delitem__("/Order"), {"order of layers"}),
        "a script": (script, {"nothing acts"}),
    },
    "file": {
        "an empty layer": (an_empty_layer, {"no layer empty"}),
        "a program started by printing": (launch_of_a_program, {"nothing acts"}),
        "an attachment": (attachment, {"attachments"}),
        "no title": (lambda pdf: pdf.docinfo.__delitem__("/Title"), {"title"}),
    },
    "after": {
        "a hair of ink in the margin": (b"\nq 0 0 0 RG 0.5 w 20 20 m 20 60 l S Q\n", {"blank margin"}),
        "one pixel of ink in the margin": (b"\nq 0 0 0 rg 36 36 0.48 0.48 re f Q\n", {"blank margin"}),
        "ink a point over the left edge": (b"\nq 0 0 0 rg 70 600 1 1 re f Q\n", {"blank margin"}),
        "ink a point over the right edge": (b"\nq 0 0 0 rg 1801 600 1 1 re f Q\n", {"blank margin"}),
        "ink a point over the upper edge": (b"\nq 0 0 0 rg 900 1225 1 1 re f Q\n", {"blank margin"}),
        "ink a point over the lower edge": (b"\nq 0 0 0 rg 900 70 1 1 re f Q\n", {"blank margin"}),
        "a hairline": (b"\nq 0 w 600 300 m 700 300 l S Q\n", {"least line"}),
        "a line made thin by its matrix": (b"\nq 0.1 0 0 0.1 0 0 cm 1 w 6000 3000 m 7000 3000 l S Q\n", {"least line"}),
        "a path of 40,000 points": (
            b"\nq 0.5 w 600 300 m " + b"".join(b"%d %d l " % (600 + i % 9, 300 + i % 7) for i in range(39_999)) + b"S Q\n",
            {"longest path"},
        ),
        "tiny text": (b"\nq BT /TRegular 3 Tf 1 0 0 1 1300 260 Tm " + glyphs("12") + b" Tj ET Q\n", {"least text"}),
        "text made tiny by its matrix": (
            b"\nq BT /TRegular 12 Tf 0.2 0 0 0.2 1300 260 Tm " + glyphs("12") + b" Tj ET Q\n",
            {"least text"},
        ),
        "a label on another": (
            b"\nq BT /TRegular 9 Tf 1 0 0 1 1300 260 Tm "
            + glyphs("121")
            + b" Tj 1 0 0 1 1302 263 Tm "
            + glyphs("122")
            + b" Tj ET Q\n",
            {"labels on each other"},
        ),
        "a turned label on another": (
            b"\nq BT /TRegular 9 Tf 1 0 0 1 1300 260 Tm "
            + glyphs("121")
            + b" Tj 0 1 -1 0 1308 256 Tm "
            + glyphs("122")
            + b" Tj ET Q\n",
            {"labels on each other"},
        ),
        "a label cut by the frame": (
            b"\nq 1200 200 105 100 re W n BT /TRegular 9 Tf 1 0 0 1 1300 260 Tm " + glyphs("121") + b" Tj ET Q\n",
            {"clipped labels"},
        ),
        "a font that is nowhere": (b"\nq BT /Helv 9 Tf 1300 260 Td (121) Tj ET Q\n", {"fonts embedded", "TrueType fonts"}),
        "a Type 3 font": (b"\nq BT /Drawn 9 Tf 1300 260 Td (a) Tj ET Q\n", {"no Type 3 font", "text can be searched"}),
        "a coarse picture": (b"\nq 144 0 0 144 600 300 cm /Coarse Do Q\n", {"picture resolution"}),
    },
}
FAULTS = [(place, name, *fault) for place, faults in PLACES.items() for name, fault in faults.items()]


def add_resources(path):
    """A font that is not embedded, one of drawn letters, and a picture of 100 x 100 pixels, for the faults to use."""

    def add(pdf, page):
        fonts = page["/Resources"]["/Font"]
        fonts["/Helv"] = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        letter = pdf.make_stream(b"500 0 0 0 500 700 d1 0 0 500 700 re f")
        fonts["/Drawn"] = pikepdf.Dictionary(
            Type=pikepdf.Name.Font,
            Subtype=pikepdf.Name.Type3,
            FontBBox=pikepdf.Array([0, 0, 500, 700]),
            FontMatrix=pikepdf.Array([0.001, 0, 0, 0.001, 0, 0]),
            CharProcs=pikepdf.Dictionary(a=letter),
            Encoding=pikepdf.Dictionary(Differences=pikepdf.Array([97, pikepdf.Name.a])),
            FirstChar=97,
            LastChar=97,
            Widths=pikepdf.Array([500]),
        )
        picture = io.BytesIO()
        Image.new("L", (100, 100), 255).save(picture, "JPEG")
        page["/Resources"]["/XObject"] = pikepdf.Dictionary(
            Coarse=pdf.make_stream(
                picture.getvalue(),
                Type=pikepdf.Name.XObject,
                Subtype=pikepdf.Name.Image,
                Width=100,
                Height=100,
                ColorSpace=pikepdf.Name.DeviceGray,
                BitsPerComponent=8,
                Filter=pikepdf.Name.DCTDecode,
            )
        )

    change(path, page=add)


@pytest.mark.parametrize(("place", "name", "fault", "found"), FAULTS, ids=[name for _, name, *_ in FAULTS])
def test_a_fault_is_found_by_its_own_check(figure, path, place, name, fault, found):
    add_resources(path)
    change(path, **{place: fault})
    more = failed(figure, path)
    # What stands on another page size, or in another zone, is off elsewhere too.
    also = {
        "a turned page": {"blank margin"},
        "a font without its map to Unicode": {"scale of the scale bar"},  # its figures cannot be read any more
        "units other than points": {"blank margin"},
        "a viewport of another zone": {"scale of the viewport", "viewport corners", "viewport at the ticks"},
        "a viewport of no system": set(),
        "a viewport with a corner 0.07 ft off": {"viewport at the ticks"},
        "a crop box within the page": {"blank margin"},
    }.get(name, set())
    assert found <= more <= found | also


def test_what_is_added_for_the_faults_is_none_itself(figure, path):
    add_resources(path)
    assert failed(figure, path) == set()


def test_a_grid_drawn_a_thousandth_too_small_is_found(figure, path):
    # What "fit to page" does, but to the grid alone: the file's own statement of scale still says 100.
    def squeeze(body):
        begin, end = section(body, path, "Grid")

        def smaller(match):
            return b"%.4f %s %s" % (float(match[1]) * 0.999, match[2], match[3])

        return body[:begin] + re.sub(rb"([\d.]+) ([\d.]+) ([ml])\b", smaller, body[begin:end]) + body[end:]

    change(path, content=squeeze)
    assert (
        {"scale of the E ticks", "viewport at the ticks"}
        <= failed(figure, path)
        <= {
            "scale of the E ticks",
            "viewport at the ticks",
            "E figures",
        }
    )


def test_a_page_drawn_a_ten_thousandth_too_small_is_found_by_its_ticks(figure, path):
    change(path, before=b"q 0.9999 0 0 0.9999 0 0 cm\n", after=b"\nQ\n")
    # 15 in of eastings are 0.0015 in short; 10 in of northings and 3 in of scale bar are within the tolerance.
    assert {"scale of the E ticks", "viewport at the ticks"} <= failed(figure, path)


@pytest.mark.parametrize(
    ("layer", "before", "after", "found"),
    [
        ("Scale bar", "300", "350", "scale of the scale bar"),
        ("Scale bar", "200", "250", "scale of the scale bar"),
        ("Title block", "1 inch = 100 feet", "1 inch = 110 feet", "scale in words"),
        ("Title block", "1 of 1", "3 of 2", "sheet number"),
        ("Grid", "E 6,331,000", "E 6,331,100", "E figures"),
        ("Grid", "N 2,090,000", "N 2,090,005", "N figures"),
    ],
)
def test_a_wrong_figure_is_found(figure, path, layer, before, after, found):
    def rewrite(body):
        begin, end = section(body, path, layer)
        for name in ("regular", "bold"):
            if glyphs(before, name) in body[begin:end]:
                return body[:begin] + body[begin:end].replace(glyphs(before, name), glyphs(after, name), 1) + body[end:]
        raise AssertionError(f"{before} is not in {layer}")

    change(path, content=rewrite)
    assert failed(figure, path) == {found}


def test_a_scale_that_a_sentence_speaks_of_is_not_the_maps(figure, path):
    said = glyphs("Parcels without room have it at 1 inch = 50 feet.")
    change(path, after=b"\nq BT /TRegular 9 Tf 1 0 0 1 120 110 Tm " + said + b" Tj ET Q\n")
    assert failed(figure, path) == set()


def test_a_layer_without_its_ink_is_found(figure, path):
    def emptied(body):
        begin, end = section(body, path, "North arrow")
        return body[: body.index(b"BDC", begin) + 3] + b"\n" + body[end:]

    change(path, content=emptied)
    assert failed(figure, path) == {"no layer empty"}


def test_a_missing_layer_is_found(path):
    report = preflight(path, layers=("Parcels", "Seals"))
    (check_,) = [one for one in report.checks if one.name == "layers"]
    assert not check_.passed and "Seals" in check_.expected


def test_another_scale_than_asked_is_found(path):
    assert failed(None, path, scale="1in=200ft") >= {"scale of the viewport", "scale in words", "scale of the scale bar"}


def test_colour_is_found_where_the_law_asks_for_black(path):
    assert "black only" in failed(None, path, profile="map_act")
    change(path, content=lambda body: re.sub(rb"[\d.]+ [\d.]+ [\d.]+ (rg|RG)\b", lambda m: b"0 0 0 " + m[1], body))
    assert "black only" not in failed(None, path, profile="map_act")


def test_words_and_furniture_that_a_profile_asks_for_are_missed(path):
    report = preflight(path, profile="boundary_map")
    said = {one.name: one.measured for one in report.checks if not one.passed}
    assert "'Proposed Boundaries of'" in said["required words"]
    assert "recording block" in said["required furniture"]


def test_transparency_is_a_fault_for_a_plotter_only(path):
    def add(pdf, page):
        page["/Resources"]["/ExtGState"] = pikepdf.Dictionary(Half=pikepdf.Dictionary(ca=0.5))

    change(path, after=b"\nq /Half gs 600 300 9 9 re f Q\n", page=add)
    assert failed(None, path) == set()
    assert failed(None, path, device="hpgl") == {"transparency"}


def test_a_sheet_wider_than_the_roll_is_found(path):
    assert failed(None, path, roll_in=18.0) == set()
    assert failed(None, path, roll_in=17.0) == {"fits the roll"}


def test_what_a_form_draws_is_seen(figure, path):
    def add(pdf, page):
        form = pdf.make_stream(b"q 0 w 0 0 m 9 9 l S Q", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
        form["/BBox"] = pikepdf.Array([0, 0, 10, 10])
        page["/Resources"]["/XObject"] = pikepdf.Dictionary(Inner=form)

    change(path, after=b"\nq 1 0 0 1 600 300 cm /Inner Do Q\n", page=add)
    assert failed(figure, path) == {"least line"}


# --- several pages ----------------------------------------------------------------------------------------------------


def test_every_page_of_an_atlas_is_looked_at(path, tmp_path):
    with pikepdf.open(path) as first, pikepdf.open(path) as second:
        first.pages.extend(second.pages)
        page = first.pages[1].obj
        page["/Contents"] = first.make_stream(page["/Contents"].read_bytes() + b"\nq 0 w 600 300 m 700 300 l S Q\n")
        first.save(tmp_path / "atlas.pdf")
    report = preflight(tmp_path / "atlas.pdf", pages=2)
    assert {(one.name, one.page) for one in report.checks if not one.passed} == {("least line", 2), ("sheet number", None)}
    assert failed(None, tmp_path / "atlas.pdf", pages=3) >= {"pages"}


# --- files of other makers --------------------------------------------------------------------------------------------


def test_the_a0_page_of_qgis_is_found_small():
    report = preflight(OTHERS / "qgis_a0_geospatial.pdf", profile="iso_a0", scale="1in=250ft")
    said = {one.name: one for one in report.checks}
    # Measured by hand: QGIS rounds 841 x 1189 mm to 2384 x 3370 pt and shrinks the map by 0.0093 % to fit.
    assert "3.99963 in" in said["scale of the E ticks"].measured
    assert not said["scale of the E ticks"].passed and not said["scale of the N ticks"].passed
    assert not said["viewport at the ticks"].passed
    assert "3.99963 in" in said["scale of the scale bar"].measured
    assert said["scale in words"].passed and said["fonts embedded"].passed


def test_the_arch_e_page_of_qgis_is_exact():
    report = preflight(OTHERS / "qgis_arch_e.pdf", profile="arch_e", scale="1in=250ft")
    said = {one.name: one for one in report.checks}
    for name in ("scale of the viewport", "scale of the E ticks", "scale of the N ticks", "scale of the scale bar", "page size"):
        assert said[name].passed and "4.00000" in said[name].measured + "4.00000" * (name == "page size"), name
    assert said["layers"].status == "skip"
    assert said["labels on each other"].measured.startswith("0 of ")


def test_a_page_of_matplotlib_is_measured_as_far_as_it_goes(tmp_path):
    from matplotlib.figure import Figure

    own = Figure(figsize=(8.5, 11))
    own.text(0.3, 0.5, "Exhibit A")
    own.savefig(tmp_path / "plot.pdf")
    report = preflight(tmp_path / "plot.pdf", profile="letter")
    status = {one.name: one.status for one in report.checks}
    assert status["page size"] == "pass" and status["no Type 3 font"] == "fail"
    assert status["scale of the viewport"] == status["scale of the scale bar"] == "skip"
    assert all("not measurable" in one.measured for one in report.checks if one.skipped)


def test_a_scan_is_measured_as_far_as_it_goes(tmp_path):
    Image.new("1", (1700, 2200), 1).save(tmp_path / "scan.pdf", resolution=200)
    status = {one.name: one for one in preflight(tmp_path / "scan.pdf", profile="letter").checks}
    assert status["picture resolution"].measured.startswith("200 dpi")
    assert status["fonts embedded"].status == status["least text"].status == "skip"
    assert status["blank margin"].passed


# --- files that cannot be read ----------------------------------------------------------------------------------------


def test_what_is_no_pdf_is_refused(tmp_path):
    (tmp_path / "not.pdf").write_text("no")
    with pytest.raises(ReadError, match="not a PDF"):
        preflight(tmp_path / "not.pdf")
    with pytest.raises(ReadError, match="not there"):
        preflight(tmp_path / "gone.pdf")


def test_a_locked_file_is_refused_and_one_that_opens_is_told(path, tmp_path):
    for name, password in (("locked.pdf", "secret"), ("open.pdf", "")):
        with pikepdf.open(path) as pdf:
            pdf.save(tmp_path / name, encryption=pikepdf.Encryption(owner="owner", user=password))
    with pytest.raises(ReadError, match="password"):
        preflight(tmp_path / "locked.pdf")
    assert failed(None, tmp_path / "open.pdf") == {"encryption"}


def test_a_file_cut_short_is_refused_or_measured_but_never_hangs(path, tmp_path):
    whole = path.read_bytes()
    (tmp_path / "cut.pdf").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ReadError):
        preflight(tmp_path / "cut.pdf")


def test_a_page_tree_that_leads_back_to_itself_is_refused_or_measured_once(path, tmp_path):
    with pikepdf.open(path) as pdf:
        pdf.Root["/Pages"]["/Kids"].append(pdf.Root["/Pages"])
        pdf.save(tmp_path / "ring.pdf")
    with pytest.raises(ReadError):
        preflight(tmp_path / "ring.pdf")


@pytest.mark.parametrize("value", ["hp-gl", "tiff"])
def test_an_unknown_device_is_refused(path, value):
    with pytest.raises(ValueError, match="device"):
        preflight(path, device=value)
