"""Profiles: what a kind of map must be."""

import pytest

from citygis.city import default_city
from citygis.errors import SettingsError, SheetError
from citygis.settings import check
from citygis.sheets import Sheet, paper_profiles, profiles, sheet_templates
from citygis.sheets.profile import Profile
from citygis.sheets.sheet import page_of, require_profile, statements

CITY = default_city().model_copy(update={"name": "City of Riverbend"})


def sheet(profile, title="Map", **changes):
    return check({"profile": profile, "layers": ["parcel"], "title_block": {"title": title}} | changes, Sheet, "own.toml")


def said(profile, **changes):
    return " ".join(f"{one.text} {' '.join(one.signed_by)}" for one in statements(sheet(profile, **changes), CITY))


def test_the_profiles_the_law_and_the_office_need_are_there():
    assert set(profiles()) == {
        "map_act", "boundary_map", "assessment_diagram", "lafco_exhibit", "boe_exhibit", "notice_exhibit", "letter_exhibit",
        "parcel_map", "wall_map",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(profiles()))
def test_the_papers_of_a_profile_exist(name):
    assert set(profiles()[name].papers) <= set(paper_profiles())


@pytest.mark.parametrize("name", ["map_act", "boundary_map", "assessment_diagram", "parcel_map"])
def test_maps_on_the_sheet_of_the_map_act_are_18_by_26_with_an_inch_all_round(name):
    # Gov. Code 66434(a), Streets and Highways Code 3110(b) and 3114(c).
    page = page_of(sheet(name))
    assert sorted((page.width_in, page.height_in)) == [18, 26]
    assert min(page.margins_in) == 1.0
    with pytest.raises(SheetError, match="keeps a margin of 1 in"):
        page_of(sheet(name, margin_in=0.75))


def test_only_the_filed_map_is_black():
    assert [name for name, profile in profiles().items() if profile.black_only] == ["map_act"]


def test_a_boundary_map_carries_the_three_legends_of_section_3110():
    words = said("boundary_map")
    for legend in (
        "Filed in the office of the City Clerk of City of Riverbend this ____ day of",
        "I hereby certify that the within map",
        "in Book ____ of Maps of Assessment and Community Facilities Districts at page ____",
    ):
        assert legend in words
    assert "County Recorder of County of San Joaquin" in words
    assert "{" not in words


def test_an_assessment_diagram_carries_the_four_legends_of_section_3114():
    assert len(statements(sheet("assessment_diagram"), CITY)) == 4
    words = said("assessment_diagram")
    assert "Recorded in the office of the Superintendent of Streets this" in words
    assert "for the exact amount of each assessment levied against each parcel of land shown" in words


def test_a_sheets_own_statements_come_after_those_of_its_profile():
    own = {"heading": "Owner", "text": "We, the owners of {city} land, agree."}
    assert [one.heading for one in statements(sheet("map_act", statements=[own]), CITY)][-1] == "Owner"
    assert "We, the owners of City of Riverbend land" in said("map_act", statements=[own])


@pytest.mark.parametrize(
    ("profile", "missing"),
    [
        ("map_act", ["[seal]", "[[sign_off]]"]),
        ("boundary_map", ["'Proposed Boundaries of'", "'State of California'", "3110"]),
        ("assessment_diagram", ["'Assessment Diagram'", "'Assessment District'", "3114"]),
        ("lafco_exhibit", ["'LAFCO'", "[vicinity]"]),
        ("boe_exhibit", ["[vicinity]"]),
    ],
)
def test_a_sheet_that_lacks_what_its_profile_requires_is_refused_and_all_of_it_named(profile, missing):
    with pytest.raises(SheetError) as caught:
        require_profile(sheet(profile))
    assert all(what in str(caught.value) for what in missing)


def test_one_sheet_of_several_must_say_which_lie_beside_it():
    title = {"title": "Proposed Boundaries of CFD 1, State of California", "sheet_number": "2", "sheet_count": "3"}
    with pytest.raises(SheetError, match=r"\[adjoining\]"):
        require_profile(sheet("boundary_map", title_block=title))
    require_profile(sheet("boundary_map", title_block=title, adjoining={"N": "1", "S": "3"}))
    require_profile(sheet("boundary_map", title_block=title | {"sheet_number": "1", "sheet_count": "1"}))


def test_the_words_of_a_title_may_be_in_capitals_and_in_the_subtitle():
    block = {"title": "PROPOSED BOUNDARIES OF CFD NO. 1", "subtitle": "City of Riverbend, State of California"}
    require_profile(sheet("boundary_map", title_block=block))


@pytest.mark.parametrize("path", sheet_templates(), ids=lambda path: path.stem)
def test_every_template_has_a_profile_and_all_it_requires(path):
    ready = Sheet.from_file(path)
    require_profile(ready)
    assert ready.profile == {"parcel_wall_map": "wall_map"}.get(path.stem, path.stem)


def test_every_profile_has_a_template():
    assert {Sheet.from_file(path).profile for path in sheet_templates()} == set(profiles())


def test_an_unknown_profile_is_refused_with_the_nearest():
    with pytest.raises(SheetError, match="did you mean 'map_act'"):
        page_of(sheet("mapact"))


def test_a_paper_that_is_not_the_profiles_is_refused_with_those_that_are():
    with pytest.raises(SheetError, match=r"66434.*map_act_18x26"):
        page_of(sheet("map_act", paper="arch_d"))


def test_an_exhibit_lies_upright_with_its_panel_below_unless_the_sheet_says_otherwise():
    page = page_of(sheet("letter_exhibit"))
    assert (page.width_in, page.height_in) == (8.5, 11)
    assert sheet("letter_exhibit").panel_side == "below"
    assert page_of(sheet("letter_exhibit", orientation="landscape")).width_in == 11
    assert sheet("letter_exhibit", panel="right").panel_side == "right"


def test_a_sheet_without_paper_and_profile_is_refused():
    with pytest.raises(SettingsError, match="paper, or a profile"):
        check({"layers": ["parcel"], "title_block": {"title": "Map"}}, Sheet, "own.toml")


def test_an_unknown_key_of_a_profile_is_named():
    with pytest.raises(SettingsError, match=r"mine\.toml.*did you mean `furniture`"):
        check({"title": "Mine", "furnitur": []}, Profile, "mine.toml")
