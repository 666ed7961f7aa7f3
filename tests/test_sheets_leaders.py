"""Labels outside their feature, with a line to it."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.sheets.leaders import DOT_PT, LINE_PT, leader_paths, led
from citygis.sheets.style import MIN_LINE_PT

NONE = np.array([], dtype=object)


def sizes(n, wide=24.0, high=4.0):
    return np.full(n, wide), np.full(n, high)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)), min_size=1, max_size=14, unique=True))
def test_leaders_cross_no_label_and_no_other_leader(anchors):
    put = led(np.array(anchors, dtype=float), *sizes(len(anchors)), NONE)
    lines = shapely.linestrings(put.lines) if len(put.lines) else NONE
    for shapes, others in ((lines, lines), (lines, put.boxes), (put.boxes, put.boxes)):
        one, other = shapely.STRtree(others).query(shapes, predicate="intersects")
        assert (one == other).all()
    assert put.at.tolist() == sorted(set(put.at.tolist()))


def test_a_leader_runs_from_the_edge_of_its_label_to_its_anchor():
    put = led(np.array([(50.0, 50.0)]), *sizes(1), NONE)
    assert put.lines[0, 1] == pytest.approx((50, 50))
    assert shapely.distance(put.boxes[0], shapely.Point(put.lines[0, 0])) == pytest.approx(0, abs=0.1)
    assert not shapely.intersects(put.boxes[0], shapely.Point(50, 50))


def test_a_label_on_a_leader_lies_on_no_other_parcel():
    sliver, west, east = shapely.box(48, 0, 52, 60), shapely.box(-200, 0, 48, 60), shapely.box(52, 0, 300, 60)
    street = shapely.box(-200, 60, 300, 80)  # ground of nobody
    put = led(np.array([(50.0, 50.0)]), *sizes(1), NONE, shapes=np.array([sliver, west, east]), own=np.array([0]))
    assert street.covers(put.boxes[0]) or put.boxes[0].bounds[3] < 0 or put.boxes[0].bounds[1] > 60


def test_where_nothing_is_free_nothing_is_placed():
    put = led(np.array([(50.0, 50.0)]), *sizes(1), np.array([shapely.box(-500, -500, 600, 600)]))
    assert len(put.at) == len(put.boxes) == len(put.lines) == 0


def test_a_leader_stops_short_of_a_point_symbol():
    symbol = shapely.box(46, 46, 54, 54)
    put = led(np.array([(50.0, 50.0)]), *sizes(1), np.array([symbol]), clear_pt=6.0)
    assert not shapely.intersects(shapely.LineString(put.lines[0]), symbol)


def test_leaders_are_drawn_as_lines_with_a_dot_at_the_far_end():
    line, dot = leader_paths(np.array([[(0.0, 0.0), (10.0, 0.0)]]), "#123456")
    assert line.width_pt == LINE_PT >= MIN_LINE_PT
    assert dot.fill == "#123456"
    assert np.hypot(*(dot.points - (10, 0)).T) == pytest.approx(np.full(len(dot.points), DOT_PT), abs=0.01)
    assert leader_paths(np.empty((0, 2, 2)), "#123456") == []
