"""An answer as a folder of files."""

import datetime
import re

import geopandas as gpd
import openpyxl
import pandas as pd
import pypdfium2
import pytest
import shapely
from store_city import make_city

from citygis.analysis import Answer, Citation, MapPlan, Method, answer_figure, note_html, second_way, write_package
from citygis.analysis.answer import excluded, unanswered
from citygis.city import Extent
from citygis.errors import StoreError
from citygis.gpkg import layers_of

AT = datetime.datetime(2026, 5, 1, 9, 30, tzinfo=datetime.UTC)
GROUND = gpd.GeoDataFrame(
    {"apn": ["A", "B"]},
    geometry=[shapely.box(6_330_000 + d, 2_100_000, 6_330_080 + d, 2_100_100) for d in (0, 100)],
    crs="EPSG:6420",
)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return make_city(tmp_path_factory.mktemp("package") / "city")


def answer(**changes) -> Answer:
    table = pd.DataFrame({"apn": ["01", "02"], "owner": ["=cmd|' /C calc'!A0", "Ann <Alder>"], "acres": [0.5, None]})
    said = Answer(
        question="lots",
        title="Lots & <land>",
        table=table,
        geometry=GROUND,
        excluded=excluded([("parcel", "C", "retired")]),
        method=Method(
            ("Counted.",),
            (Citation("least", 5, "ac", "Code 1", "somewhere", "2026-01-01", "read"),),
            {"asked": "all"},
            ("parcel: 3 rows",),
            ("Read this.",),
        ),
        check=(second_way("lots", 2, "by hand", 2),),
        unanswered=unanswered(),
        tables={"more": pd.DataFrame({"a": [1]})},
        layers={"lots": GROUND},
        map=MapPlan("Lots", styles={"lots": {"legend": "Lot", "fill": "#fdf0cf", "line": {"width_pt": 0.5}}}),
        documents={"letter.txt": b"Dear owner"},
    )
    return said._replace(**changes)


def test_a_package_has_list_workbook_ground_map_note_and_its_own_documents(city, tmp_path):
    made = write_package(answer(), tmp_path / "out", city=city, at=AT)
    names = {path.name for path in made.files}
    assert names == {"list.csv", "list.xlsx", "ground.gpkg", "map.pdf", "method.html", "letter.txt"}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert made.preflight.passed, [check for check in made.preflight.checks if not check.passed]
    assert {info.name for info in layers_of(tmp_path / "out" / "ground.gpkg")} == {"lots"}


def test_nothing_in_a_list_is_computed_by_a_spreadsheet(city, tmp_path):
    made = write_package(answer(map=None), tmp_path / "out", city=city, at=AT)
    csv = (tmp_path / "out" / "list.csv").read_text(encoding="utf-8-sig")
    assert "'=cmd" in csv and "\n01," in csv
    book = openpyxl.load_workbook(tmp_path / "out" / "list.xlsx")
    cell = book["lots"]["B2"]
    assert cell.data_type == "s" and cell.value.startswith("=cmd") and cell.quotePrefix
    assert book["lots"]["A2"].value == "01" and book["lots"]["C3"].value is None
    assert book.sheetnames == ["lots", "more", "excluded", "not answered", "method"]
    assert any("apostrophe" in remark for remark in made.remarks)


def test_the_note_says_what_was_asked_how_with_what_law_and_that_a_figure_disagrees(city):
    said = note_html(answer(), city=city, at=AT)
    assert "Lots &amp; &lt;land&gt;" in said and "<script" not in said and "http" not in re.sub("https?://somewhere", "", said)
    for words in ("Counted.", "5 ac", "Code 1", "by hand", "parcel: 3 rows", "Read this.", "retired"):
        assert words in said
    assert "DOES NOT AGREE" not in said
    wrong = note_html(answer(check=(second_way("lots", 2, "by hand", 3),)), city=city, at=AT)
    assert "DOES NOT AGREE" in wrong and "Do not use this answer" in wrong


def test_the_same_answer_gives_the_same_bytes(city, tmp_path):
    one = write_package(answer(), tmp_path / "one", city=city, at=AT)
    two = write_package(answer(), tmp_path / "two", city=city, at=AT)
    for first, second in zip(one.files, two.files, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_a_folder_that_is_there_is_left_alone_unless_it_may_be_replaced(city, tmp_path):
    write_package(answer(map=None), tmp_path / "out", city=city, at=AT)
    (tmp_path / "out" / "own.txt").write_text("the clerk's", encoding="utf-8")
    with pytest.raises(StoreError, match=r"exists|is there"):
        write_package(answer(map=None), tmp_path / "out", city=city, at=AT)
    write_package(answer(map=None, title="Anew"), tmp_path / "out", city=city, at=AT, overwrite=True)
    assert "Anew" in (tmp_path / "out" / "method.html").read_text(encoding="utf-8")
    assert (tmp_path / "out" / "own.txt").read_text(encoding="utf-8") == "the clerk's"


def test_an_empty_answer_is_a_package_without_a_map(city, tmp_path):
    empty = answer(table=pd.DataFrame({"apn": []}), geometry=GROUND.iloc[:0], layers={"lots": GROUND.iloc[:0]})
    made = write_package(empty, tmp_path / "out", city=city, at=AT)
    assert "map.pdf" not in {path.name for path in made.files} and made.preflight is None


def test_further_maps_are_files_of_their_own_on_the_paper_and_with_the_furniture_of_their_profile(city, tmp_path):
    plan = answer().map
    more = plan._replace(
        title="LAFCO: lots",
        subtitle="Exhibit B",
        notes=("Point of beginning: as described.", "Area: 0.5 acres."),
        profile="lafco_exhibit",
        paper="tabloid",
        panel_in=5.0,
        file="exhibit_b.pdf",
    )
    made = write_package(answer(maps=(more,)), tmp_path / "out", city=city, at=AT)
    assert {"map.pdf", "exhibit_b.pdf"} <= {path.name for path in made.files}
    assert made.preflight.passed, [check for check in made.preflight.checks if not check.passed]
    page = pypdfium2.PdfDocument(tmp_path / "out" / "exhibit_b.pdf")[0]
    assert sorted(side / 72 for side in page.get_size()) == [11.0, 17.0]
    assert "VICINITY MAP" in page.get_textpage().get_text_range().upper()


def test_a_map_may_show_a_layer_of_the_city_in_its_own_style_which_does_not_enlarge_it(city):
    plan = answer().map
    around = {"around": {"layer": "parcel", "legend": "Other lot", "line": {"color": "#000000", "width_pt": 0.3}}, **plan.styles}
    far = gpd.GeoDataFrame(
        {"apn": ["Z"], "status": "ACTIVE", "parcel_kind": "FEE", "lot": "1", "apn_display": "Z"},
        geometry=[shapely.box(6_330_000, 2_100_000, 6_339_000, 2_109_000)],
        crs="EPSG:6420",
    )
    alone = answer_figure(answer(), city=city)
    shown = answer_figure(answer(map=plan._replace(styles=around)), city=city, base={"parcel": far})
    assert shown.frame.scale == alone.frame.scale
    assert "lots_around" in set(shown.counts["style"])
    without = answer_figure(answer(map=plan._replace(styles=around)), city=city)
    assert "lots_around" not in set(without.counts["style"])


def test_numbers_agree_within_their_tolerance_and_texts_when_equal():
    assert second_way("x", 1.0, "y", 1.004, tolerance=0.005).agrees
    assert not second_way("x", 1.0, "y", 1.006, tolerance=0.005).agrees
    assert second_way("x", "R-1", "y", "R-1").agrees and not second_way("x", "R-1", "y", "R-2").agrees


def test_a_table_called_as_its_question_does_not_take_the_place_of_the_list(city, tmp_path):
    tables = {"Lots": pd.DataFrame({"a": [1, 2, 3]}), "method": pd.DataFrame({"b": [1]})}
    write_package(answer(map=None, tables=tables), tmp_path / "out", city=city, at=AT)
    book = openpyxl.load_workbook(tmp_path / "out" / "list.xlsx")
    assert book.sheetnames == ["lots", "Lots 2", "method 2", "excluded", "not answered", "method"]
    assert [book[name].max_row - 1 for name in book.sheetnames[:3]] == [2, 3, 1]


def test_a_feature_outside_the_city_does_not_stretch_the_map_and_is_told(city, tmp_path):
    box = Extent(easting_min=6_320_000, northing_min=2_090_000, easting_max=6_340_000, northing_max=2_110_000)
    city = city.model_copy(update={"extent": box})
    strayed = pd.concat([GROUND, GROUND.iloc[[0]].set_geometry(GROUND.geometry.iloc[[0]].translate(-25e6, 18e6))])
    made = write_package(answer(layers={"lots": strayed}), tmp_path / "out", city=city, at=AT)
    assert made.preflight.passed
    assert made.remarks == (
        "1 texts begin like a formula; an apostrophe stands before each, so that no spreadsheet computes them.",
        "map.pdf: 1 features lie outside the City's extent and are not on the map.",
    )


def test_the_note_stays_a_page_where_each_feature_is_left_out_for_a_reason_of_its_own(city):
    left_out = [("parcel", f"{k:03d}", f"{k / 10:.1f}% of it lies inside") for k in range(300)] + [("parcel", "C", "retired")] * 2
    note = note_html(answer(excluded=excluded(left_out)), city=city, at=AT)
    assert note.count("of it lies inside") == 11
    assert "<td>retired</td><td>2</td>" in note
    assert "<td>289 other reasons: each is in list.xlsx, excluded</td><td>289</td>" in note
