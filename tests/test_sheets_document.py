"""Sheets joined in one PDF, read back with pikepdf, GDAL and pdfium."""

import io
import subprocess
from fractions import Fraction

import numpy as np
import pikepdf
import pypdfium2
import pyproj
import pytest
import shapely

from citygis.errors import ReadError, SheetError
from citygis.sheets.document import DocumentPage, document_bytes
from citygis.sheets.frame import Frame
from citygis.sheets.pdf import pdf_bytes
from citygis.sheets.scene import Group, Scene, rectangle, text
from citygis.sheets.viewports import Viewport

CRS = pyproj.CRS("EPSG:6420")
SIZES_PT = [(432.0, 288.0), (288.0, 432.0), (600.0, 300.0)]
FRAMES = [
    Frame(CRS, Fraction(100), 6_330_000.0 + 500 * n, 2_090_000.0, 36.0, 36.0, wide - 72, high - 72, rotation_deg)
    for n, ((wide, high), rotation_deg) in enumerate(zip(SIZES_PT, (0.0, 0.0, 12.0), strict=True))
]
STREETS = ["Almond Street", "Peña Court", "Tuolumne Avenue"]
LAYERS = [["Lots", "Names"], ["Lots", "Easements", "Names"], ["Flood", "Lots", "Names", "Seal"]]


def page(number):
    """Each layer is a black square of its own size, so that the ink tells which are shown."""
    groups = []
    for at, name in enumerate(LAYERS[number]):
        if name == "Names":
            groups.append(Group(name, (text(STREETS[number], 60, 200, 12), text(f"Sheet {number}", 60, 180, 9, font="bold"))))
        else:
            groups.append(Group(name, (rectangle((50 + 60 * at, 50, 100 + 60 * at, 100), fill="#000000"),), on=name != "Flood"))
    return pdf_bytes(Scene(*SIZES_PT[number], tuple(groups)), viewports=(Viewport(FRAMES[number], "Map"),))


@pytest.fixture(scope="module")
def pages():
    return [page(number) for number in range(3)]


@pytest.fixture(scope="module")
def atlas(pages):
    chapters, labels = ["North", "North", ""], ["C-1", "C-2", ""]
    entries = [DocumentPage(data, street, *rest) for data, street, *rest in zip(pages, STREETS, chapters, labels, strict=True)]
    return document_bytes(iter(entries), title="Riverbend atlas", subject="1 inch = 100 feet")


@pytest.fixture
def opened(atlas):
    with pikepdf.open(io.BytesIO(atlas)) as pdf:
        yield pdf


def ink(data, number):
    with pypdfium2.PdfDocument(data) as document:
        return int((document[number].render(scale=1).to_numpy()[:, :, :3] < 128).all(axis=2).sum())


def test_every_page_keeps_its_size_and_its_viewport(opened):
    assert [tuple(float(v) for v in page.mediabox[2:]) for page in opened.pages] == SIZES_PT
    assert [float(page.obj["/VP"][0]["/BBox"][2]) for page in opened.pages] == [wide - 36 for wide, _ in SIZES_PT]
    assert opened.check_pdf_syntax() == []


def test_a_layer_of_one_name_is_one_layer_of_the_whole_document(opened):
    groups = opened.Root["/OCProperties"]["/OCGs"]
    # Bottom-up: what is new on a later page goes in above what it is above there.
    assert [str(group["/Name"]) for group in groups] == ["Flood", "Lots", "Easements", "Names", "Seal"]
    listed = {str(group["/Name"]): group.objgen for group in groups}
    for each in opened.pages:
        for layer in each.obj["/Resources"]["/Properties"].values():
            assert layer.objgen == listed[str(layer["/Name"])]
    order = opened.Root["/OCProperties"]["/D"]["/Order"]
    assert [str(group["/Name"]) for group in order] == ["Seal", "Names", "Easements", "Lots", "Flood"]
    assert [str(group["/Name"]) for group in opened.Root["/OCProperties"]["/D"]["/OFF"]] == ["Flood"]


def test_switching_a_layer_off_switches_it_off_on_every_page(atlas):
    shown = [ink(atlas, number) for number in range(3)]
    with pikepdf.open(io.BytesIO(atlas)) as pdf:
        configuration = pdf.Root["/OCProperties"]["/D"]
        configuration["/OFF"].append(next(g for g in pdf.Root["/OCProperties"]["/OCGs"] if str(g["/Name"]) == "Lots"))
        out = io.BytesIO()
        pdf.save(out)
    # One square of 50 x 50 pt on each page.
    assert [before - ink(out.getvalue(), number) for number, before in enumerate(shown)] == [2500] * 3


def test_a_page_looks_as_it_did_alone(atlas, pages):
    with pypdfium2.PdfDocument(atlas) as together:
        for number, data in enumerate(pages):
            with pypdfium2.PdfDocument(data) as alone:
                assert (together[number].render(scale=2).to_numpy() == alone[0].render(scale=2).to_numpy()).all()


def test_each_font_is_embedded_once_and_has_the_letters_of_all_pages(opened, atlas):
    fonts = {font.objgen for each in opened.pages for font in each.obj["/Resources"]["/Font"].values()}
    programs = [o for o in opened.objects if isinstance(o, pikepdf.Dictionary) and o.get("/Type") == "/FontDescriptor"]
    assert len(fonts) == len(programs) == 2
    with pypdfium2.PdfDocument(atlas) as document:
        for number, street in enumerate(STREETS):
            read = document[number].get_textpage().get_text_range()
            assert read.split("\r\n") == [street, f"Sheet {number}"]


def test_forty_sheets_are_hardly_larger_than_their_contents(pages):
    atlas = document_bytes(DocumentPage(pages[0], f"Sheet {n}") for n in range(40))
    once = document_bytes([DocumentPage(pages[0], "Sheet 0")])
    with pikepdf.open(io.BytesIO(pages[0])) as pdf:
        page_bytes = len(pdf.pages[0].obj["/Contents"].read_raw_bytes())
    # About 1 KB a page beside the content: page, viewport with its system in words, bookmark.
    assert len(atlas) - len(once) < 39 * (page_bytes + 1200)


def test_bookmarks_are_nested_one_level_and_lead_to_their_pages(opened):
    with opened.open_outline() as outline:
        found = [(item.title, [child.title for child in item.children]) for item in outline.root]
        assert found == [("North", STREETS[:2]), (STREETS[2], [])]
        targets = [item.destination[0].objgen for item in [*outline.root[0].children, outline.root[1]]]
    assert targets == [each.obj.objgen for each in opened.pages]
    assert opened.Root["/PageMode"] == "/UseOutlines"


def test_pages_are_called_by_their_labels_or_their_place(opened):
    assert [page.label for page in opened.pages] == ["C-1", "C-2", "3"]


@pytest.mark.parametrize("number", [0, 1, 2])
def test_gdal_reads_system_corners_and_layers_of_every_page(tmp_path, require_program, atlas, number):
    path = tmp_path / "atlas.pdf"
    path.write_bytes(atlas)
    command = [require_program("gdalinfo"), "-mdd", "LAYERS", f"PDF:{number + 1}:{path}"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert 'ID["EPSG",6420]' in told
    (ring,) = (line.split("=")[1] for line in told.splitlines() if line.strip().startswith("NEATLINE="))
    found = np.array(shapely.from_wkt(ring).exterior.coords)[:4]
    distances = np.hypot(*(found[:, None] - FRAMES[number].corners[None]).transpose(2, 0, 1))
    assert distances.min(axis=0) == pytest.approx(np.zeros(4), abs=0.01)
    layers = {line.split("=")[1] for line in told.splitlines() if line.strip().startswith("LAYER_")}
    assert layers == {"Flood", "Lots", "Easements", "Names", "Seal"}


def test_pages_come_from_files_one_at_a_time_and_give_the_same_bytes(tmp_path, pages, atlas):
    taken = []

    def entries():
        for number, data in enumerate(pages):
            path = tmp_path / f"{number}.pdf"
            path.write_bytes(data)
            taken.append(number)
            yield DocumentPage(path, STREETS[number], ["North", "North", ""][number], ["C-1", "C-2", ""][number])
            # The file may go as soon as the next page is asked for.
            path.unlink()

    assert document_bytes(entries(), title="Riverbend atlas", subject="1 inch = 100 feet") == atlas
    assert taken == [0, 1, 2]


def test_a_sheet_with_tables_on_further_pages_keeps_them_below_one_bookmark(pages, atlas):
    joined = document_bytes(
        [DocumentPage(pages[1], "First", label="A"), DocumentPage(atlas, "Atlas"), DocumentPage(pages[0], "Last")]
    )
    with pikepdf.open(io.BytesIO(joined)) as pdf:
        assert [page.label for page in pdf.pages] == ["A", "C-1", "C-2", "3", "5"]
        with pdf.open_outline() as outline:
            targets = [item.destination[0].objgen for item in outline.root]
        assert targets == [pdf.pages[number].obj.objgen for number in (0, 1, 4)]
        fonts = {font.objgen for each in pdf.pages for font in each.obj["/Resources"]["/Font"].values()}
        assert len(fonts) == 2
        assert len(pdf.Root["/OCProperties"]["/OCGs"]) == 5
    assert [ink(joined, number) for number in (1, 2, 3)] == [ink(atlas, number) for number in range(3)]


def test_an_atlas_is_prepared_for_archives_as_a_sheet_is(pages):
    with pikepdf.open(io.BytesIO(document_bytes([DocumentPage(pages[0], "Sheet")], title="Atlas", archive=True))) as pdf:
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "2B"
        assert len(pdf.Root["/OutputIntents"]) == 1


def test_what_cannot_be_joined_is_named(tmp_path, pages):
    with pytest.raises(SheetError, match="without a page"):
        document_bytes([])
    with pytest.raises(ReadError, match=r"gone\.pdf is not there"):
        document_bytes([DocumentPage(tmp_path / "gone.pdf", "Sheet")])
    (tmp_path / "half.pdf").write_bytes(pages[0][: len(pages[0]) // 20])
    with pytest.raises(ReadError, match=r"half\.pdf is not a PDF that can be read.*drawn anew"):
        document_bytes([DocumentPage(tmp_path / "half.pdf", "Sheet")])
    with pikepdf.new() as other:
        other.add_blank_page()
        out = io.BytesIO()
        other.save(out)
    with pytest.raises(ReadError, match="'Cover' was not written by citygis"):
        document_bytes([DocumentPage(out.getvalue(), "Cover")])
