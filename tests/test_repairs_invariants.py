"""What a repair must leave as it was."""

import numpy as np
import pytest
import shapely
from shapely import box

from citygis.repairs.invariants import area_bound_sqft, broken_invariants


def why(before, after, *, tolerance_ft=0.12, despiked=False, snapped=True):
    pair = (np.array([each], dtype=object) for each in (before, after))
    flags = {"despiked": np.array([despiked]), "snapped": np.array([snapped])}
    return broken_invariants(*pair, tolerance_ft=np.array([tolerance_ft]), **flags)[0]


LOT = box(0, 0, 60, 110)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (None, "fewer than three corners"),
        (shapely.MultiPolygon([LOT]), "type"),
        (shapely.Polygon(LOT.exterior, [box(5, 5, 5.1, 5.1).exterior]), "holes"),
        (shapely.Polygon([(0, 0), (60, 0), (0, 110), (60, 110)]), "cross or touch"),
        (box(0, 0, 60.2, 110), "area"),
    ],
)
def test_a_change_of_kind_is_refused(after, said):
    assert said in why(LOT, after)


def test_a_lost_part_is_refused():
    two = shapely.MultiPolygon([LOT, box(100, 0, 100.5, 0.5)])
    assert "parts" in why(two, shapely.MultiPolygon([LOT]))


@pytest.mark.parametrize(("width", "said"), [(60.119, None), (60.121, "farther than the tolerance")])
def test_a_side_may_be_moved_by_the_tolerance_and_no_more(width, said):
    assert (why(LOT, box(0, 0, width, 110)) or "").endswith(said or "")
    assert (why(LOT, box(0, 0, width, 110)) is None) == (said is None)


@pytest.mark.parametrize(("width", "is_kept"), [(60 + 6.5 / 110, True), (60 + 6.7 / 110, False)])
def test_where_no_line_was_snapped_the_area_is_held_to_a_thousandth(width, is_kept):
    assert (why(LOT, box(0, 0, width, 110), snapped=False) is None) == is_kept


def test_the_bound_of_a_small_lot_is_one_square_foot():
    assert area_bound_sqft(np.array([box(0, 0, 5, 5)], dtype=object), np.zeros(1)).tolist() == [1.0]


def test_a_spike_may_go_though_its_tip_stood_far_out():
    spiked = shapely.Polygon([(0, 0), (60, 0), (60, 110), (30, 110), (30, 113), (30.005, 110), (0, 110)])
    assert why(spiked, LOT, despiked=True, snapped=False) is None
    assert "tolerance" in why(spiked, LOT, snapped=False)
