"""Which sheet goes on beside the map frame."""

import numpy as np
import pytest
import shapely

from citygis.city import default_city
from citygis.sheets.fonts import font
from citygis.sheets.frame import Frame
from citygis.sheets.grid import grid
from citygis.sheets.margin_notes import margin_notes
from citygis.sheets.scene import Texts

CITY = default_city()
BOX = (100.0, 80.0, 1000.0, 700.0)


def frame(rotation_deg=0.0):
    left, bottom, right, top = BOX
    return Frame(CITY.crs, 100, 6_330_000.0, 2_090_000.0, left, bottom, right - left, top - bottom, rotation_deg)


def boxes(texts):
    """What each text covers, by the font's own measures."""
    wide = font(texts.font).widths(texts.strings) * texts.sizes_pt
    high = font(texts.font).cap_height * texts.sizes_pt
    a = np.radians(texts.angles_deg)
    along, up = np.stack([np.cos(a), np.sin(a)], 1), np.stack([-np.sin(a), np.cos(a)], 1)
    ends = texts.points + along * wide[:, None] + up * high[:, None]
    return shapely.box(*np.minimum(texts.points, ends).T, *np.maximum(texts.points, ends).T)


def test_each_side_that_goes_on_says_where():
    (texts,) = margin_notes(frame(), {"N": "2", "E": "5", "NE": "3"}, 1.0).batches
    assert texts.strings == ("Joins sheet 2", "Joins sheet 5")
    north, east = (box.bounds for box in boxes(texts))
    assert north[1] > BOX[3]
    assert BOX[0] < north[0] < north[2] < BOX[2]
    assert east[0] > BOX[2]
    assert BOX[1] < east[1] < east[3] < BOX[3]


def test_a_sheet_alone_says_nothing():
    assert margin_notes(frame(), {}, 1.0).batches == ()
    assert margin_notes(frame(), {"SW": "9"}, 1.0).batches == ()


@pytest.mark.parametrize("rotation_deg", [0.0, 6.0, -37.0, 90.0])
@pytest.mark.parametrize("k", [0.75, 1.0, 1.5])
def test_the_notes_lie_outside_the_map_within_the_gutter_and_clear_of_the_grids_figures(rotation_deg, k):
    (texts,) = margin_notes(frame(rotation_deg), {"N": "112", "E": "5", "S": "40", "W": "12"}, k).batches
    figures = np.concatenate([boxes(one) for one in grid(frame(rotation_deg), k).batches if isinstance(one, Texts)])
    own = boxes(texts)
    assert len(own) == 4
    assert not shapely.intersects(own[:, None], figures[None, :]).any()
    assert not shapely.intersects(own, shapely.box(*BOX)).any()
    gutter = shapely.box(BOX[0] - 20 * k, BOX[1] - 20 * k, BOX[2] + 20 * k, BOX[3] + 20 * k)
    assert shapely.covers(gutter, own).all()
