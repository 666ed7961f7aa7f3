"""Point symbols and marks along lines."""

import numpy as np
import pytest
import shapely

from citygis.sheets.looks import Line, Marker
from citygis.sheets.markers import markers, marks

PLACES = np.array([(100.0, 100.0), (300.0, 50.0)])
SHAPES = Marker.model_fields["shape"].annotation.__args__


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_stands_on_its_place_and_is_about_its_size(shape):
    drawn = markers(PLACES, Marker(shape=shape, size_pt=10))
    points = np.concatenate([batch.points for batch in drawn])
    for place in PLACES:
        own = points[np.hypot(*(points - place).T) < 20] - place
        low, high = own.min(axis=0), own.max(axis=0)
        assert (low < -3).all() and (high > 3).all()
        assert (low >= -6.5).all() and (high <= 6.5).all()


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape not in ("cross", "x")])
def test_a_filled_shape_is_a_simple_ring(shape):
    body = markers(PLACES[:1], Marker(shape=shape, size_pt=50))[0]
    assert body.closed and shapely.Polygon(body.points).is_valid


def test_a_shape_without_fill_is_white_so_that_lines_end_at_it():
    assert markers(PLACES, Marker(shape="circle"))[0].fill == "#ffffff"
    assert markers(PLACES, Marker(shape="circle", fill="#123456"))[0].fill == "#123456"


def test_a_cross_has_two_strokes_at_each_place():
    (cross,) = markers(PLACES, Marker(shape="cross", size_pt=8))
    assert cross.starts.tolist() == [0, 2, 4, 6] and not cross.closed
    assert cross.points[:2].tolist() == [[96, 100], [104, 100]]


def test_markers_turn_counter_clockwise_each_by_its_own_angle():
    upright = markers(PLACES, Marker(shape="arrow", size_pt=20))[0].points.reshape(2, -1, 2)
    turned = markers(PLACES, Marker(shape="arrow", size_pt=20), np.array([90.0, 0.0]))[0].points.reshape(2, -1, 2)
    assert turned[1] == pytest.approx(upright[1])
    away = upright[0] - PLACES[0]
    assert turned[0] - PLACES[0] == pytest.approx(np.column_stack([-away[:, 1], away[:, 0]]), abs=0.02)


def test_no_places_have_no_paths():
    assert markers(np.empty((0, 2)), Marker()) == []


def marked(lines, **tables):
    return marks(np.array(lines, dtype=object), Line(marks=tables))


def test_marks_stand_one_each_distance_and_half_a_distance_from_the_ends():
    ends = marked([shapely.LineString([(0, 0), (100, 0)])], every_pt=20, length_pt=4)
    assert ends.mean(axis=1)[:, 0] == pytest.approx([10, 30, 50, 70, 90])
    assert ends[0] == pytest.approx(np.array([(10, -2), (10, 2)]))


def test_the_distance_runs_on_around_corners():
    bent = shapely.LineString([(0, 0), (15, 0), (15, 25)])
    ends = marked([bent, shapely.LineString([(0, 50), (10, 50)])], every_pt=20, length_pt=4)
    assert ends.mean(axis=1) == pytest.approx(np.array([(10, 0), (15, 15), (10, 50)]))
    assert ends[1] == pytest.approx(np.array([(17, 15), (13, 15)]))


def test_a_tick_stands_on_the_left_and_an_x_on_the_line():
    line = [shapely.LineString([(0, 0), (20, 0)])]
    assert marked(line, shape="tick", every_pt=20, length_pt=4)[0] == pytest.approx(np.array([(10, 0), (10, 4)]))
    assert marked(line, shape="x", every_pt=20, length_pt=4).mean(axis=1) == pytest.approx(np.array([(10, 0)] * 2))


def test_a_line_too_short_for_a_mark_has_none():
    assert len(marked([shapely.LineString([(0, 0), (9, 0)])], every_pt=20)) == 0
    assert len(marked([], every_pt=20)) == 0
