"""Sheets and their paper."""

import pytest

from citygis.errors import SettingsError, SheetError
from citygis.settings import check
from citygis.sheets import Paper, Sheet, paper_profiles, sheet_templates
from citygis.sheets.paper import margins
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


def test_the_ready_parcel_maps_are_a_map_act_sheet_and_an_arch_d():
    pages = {path.stem: page_of(Sheet.from_file(path)) for path in sheet_templates()}
    assert pages["parcel_map"].name == "map_act_18x26"
    assert pages["parcel_wall_map"].name == "arch_d"


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
        ("iso_a1", 594 / 25.4, 841 / 25.4),
        ("arch_e1", 30, 42),
        ("letter", 8.5, 11),
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
        assert min(margins(paper.margin_in)) > 0, name


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


@pytest.mark.parametrize("width", [24, 36, 42])
def test_a_roll_is_as_wide_as_its_name_and_as_long_as_said(width):
    roll = sheet(paper=f"roll_{width}", length_in=77.5)
    assert page_of(roll)[1:3] == (77.5, width)
    assert page_of(roll.model_copy(update={"orientation": "portrait"}))[1:3] == (width, 77.5)


def test_a_roll_without_length_says_how_it_gets_one():
    with pytest.raises(SheetError, match="length_in, or a scale"):
        page_of(sheet(paper="roll_36"))


def test_a_length_is_for_rolls():
    with pytest.raises(SheetError, match="length_in is for rolls"):
        page_of(sheet(length_in=60))


def test_a_page_beyond_200_inches_is_refused():
    with pytest.raises(SettingsError, match="length_in"):
        sheet(paper="roll_36", length_in=201)


def test_a_bound_edge_keeps_two_inches_at_the_left():
    bound = page_of(sheet(paper="map_act_18x26_bound"))
    assert bound.margins_in == (2.0, 1.0, 1.0, 1.0)
    own = page_of(sheet(margin_in={"left": 1.5, "bottom": 0.5, "right": 0.5, "top": 0.75}))
    assert own.margins_in == (1.5, 0.5, 0.5, 0.75)
    assert own.margin_in == 0.5
    with pytest.raises(SheetError, match="2 in at the left"):
        page_of(sheet(paper="map_act_18x26_bound", margin_in=1.0))


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
