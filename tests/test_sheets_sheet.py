"""Sheets and their paper."""

import pytest

from citygis.errors import SettingsError, SheetError
from citygis.settings import check
from citygis.sheets import Paper, Sheet, paper_profiles, sheet_templates
from citygis.sheets.sheet import page_of
from citygis.sheets.style import read_style

LEAST = {"paper": "arch_d", "layers": ["parcel"], "title_block": {"title": "Parcel Map"}}


def sheet(**changes):
    return check(LEAST | changes, Sheet, "own.toml")


@pytest.mark.parametrize("path", sheet_templates(), ids=lambda path: path.stem)
def test_every_ready_sheet_loads_and_its_styles_are_there(path):
    ready = Sheet.from_file(path)
    assert page_of(ready).width_in > 0
    assert all(read_style(name) for name in ready.layers)


def test_the_ready_sheets_are_a_map_act_sheet_and_an_arch_d():
    assert {path.name: Sheet.from_file(path).paper for path in sheet_templates()} == {
        "parcel_map.toml": "map_act_18x26",
        "parcel_wall_map.toml": "arch_d",
    }


@pytest.mark.parametrize(
    ("name", "short", "long"),
    [
        ("map_act_18x26", 18, 26),
        ("ansi_a", 8.5, 11),
        ("ansi_e", 34, 44),
        ("arch_d", 24, 36),
        ("arch_e", 36, 48),
        ("iso_a0", 841 / 25.4, 1189 / 25.4),
        ("iso_a4", 210 / 25.4, 297 / 25.4),
    ],
)
def test_papers_have_their_standard_size(name, short, long):
    page = page_of(sheet(paper=name, orientation="portrait"))
    assert (page.width_in, page.height_in) == (short, long)
    assert page_of(sheet(paper=name)).width_in == long


def test_every_profile_is_upright_and_has_a_margin():
    for name, paper in paper_profiles().items():
        width, height = paper.size_in
        assert width <= height, name
        assert paper.margin_in > 0, name


def test_a_paper_of_ones_own_is_taken():
    assert page_of(sheet(paper={"width_in": 30, "height_in": 40})).width_in == 40


@pytest.mark.parametrize(
    "paper",
    [
        {"width_in": 30},
        {"width_in": 30, "height_in": 40, "width_mm": 3, "height_mm": 4},
        {"width_in": 300, "height_in": 40},
        {},
    ],
)
def test_a_paper_without_one_size_is_refused(paper):
    with pytest.raises(SettingsError, match="paper"):
        sheet(paper=paper)


def test_an_unknown_paper_is_refused_with_the_nearest():
    with pytest.raises(SheetError, match="did you mean 'arch_d'"):
        page_of(sheet(paper="archd"))


def test_the_margin_of_the_law_cannot_be_made_smaller():
    with pytest.raises(SheetError, match="66434"):
        page_of(sheet(paper="map_act_18x26", margin_in=0.5))
    assert page_of(sheet(paper="arch_d", margin_in=0.3)).margin_in == 0.3


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scales": "fit"}, "did you mean `scale`"),
        ({"scale": "1:1200"}, "Must look like 1in=100ft"),
        ({"layers": []}, "layers"),
        ({"layers": ["parcel", "parcel"]}, "each style once"),
        ({"orientation": "sideways"}, "orientation"),
        ({"view": {"centre": [1, 2], "layer": "tract"}}, "one of: centre, extent, layer"),
        ({"view": {"layer": "tract", "field": "tract_no"}}, "together"),
        ({"view": {"extent": [5, 0, 1, 9]}}, "minimum below its maximum"),
        ({"title_block": {"titel": "Map"}}, "did you mean `title`"),
        ({"title_block": {}}, "title_block.title` is missing"),
    ],
)
def test_a_sheet_that_says_something_wrong_is_refused_in_words(changes, said):
    with pytest.raises(SettingsError) as caught:
        sheet(**changes)
    assert said in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        Sheet.from_file("nowhere.toml")


def test_millimetres_stay_exact():
    assert Paper(width_mm=841, height_mm=1189).size_in == (841 / 25.4, 1189 / 25.4)
