"""Where the parts of a sheet lie."""

import itertools

import pytest

from citygis.errors import SheetError
from citygis.settings import check
from citygis.sheets import Sheet, paper_profiles
from citygis.sheets.layout import layout
from citygis.sheets.sheet import page_of


def laid_out(**changes):
    least = {"paper": "arch_d", "layers": ["parcel"], "title_block": {"title": "Map"}}
    sheet = check(least | changes, Sheet, "own.toml")
    page = page_of(sheet, length_in=60.0)
    return layout(sheet, page), page


@pytest.mark.parametrize("panel", ["right", "below"])
@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
@pytest.mark.parametrize("paper", sorted(paper_profiles()))
def test_map_and_panel_lie_inside_the_margin_beside_each_other(paper, orientation, panel):
    lay, page = laid_out(paper=paper, orientation=orientation, panel=panel)
    left, bottom, right, top = lay.border
    west, south, east, north = page.margins_in
    assert (left, bottom) == pytest.approx((west * 72, south * 72))
    assert (right, top) == pytest.approx(((page.width_in - east) * 72, (page.height_in - north) * 72))
    for box in (lay.map, *lay.columns):
        assert left < box[0] < box[2] < right and bottom < box[1] < box[3] < top
    assert lay.map[2] < lay.columns[0][0] if panel == "right" else lay.map[1] > lay.columns[0][3]
    assert all(one[2] < other[0] for one, other in itertools.pairwise(lay.columns))


def test_the_panel_is_as_wide_as_asked():
    lay, _ = laid_out(panel_in=5)
    assert lay.border[2] - lay.map[2] > 5 * 72 > lay.columns[0][2] - lay.columns[0][0]
    lay, _ = laid_out(panel="below", panel_in=5)
    assert lay.map[1] - lay.border[1] > 5 * 72 > lay.columns[0][3] - lay.columns[0][1]
    assert lay.rule[0][1] == lay.rule[1][1] == lay.border[1] + 5 * 72


def test_a_panel_that_leaves_no_map_is_refused():
    with pytest.raises(SheetError, match="smaller margin_in or panel_in"):
        laid_out(paper="ansi_a", panel_in=9)
