"""Polyline encoding, against another program's decoder."""

import numpy as np
from ezdxf.addons.hpgl2.tokenizer import pe_decode
from hypothesis import given
from hypothesis import strategies as st

from citygis.sheets.polylines import encoded_areas, encoded_lines

NUMBERS = st.integers(-(2**31), 2**31)


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=2, max_size=20, unique=True))
def test_a_line_is_read_back_exactly(points):
    data = encoded_lines(np.array(points), np.array([0]))
    assert data.startswith(b"PE<=")
    assert data.endswith(b";")
    values, _ = pe_decode(data[4:-1])
    assert np.cumsum(np.reshape(values, (-1, 2)), axis=0).tolist() == [list(map(float, point)) for point in points]


def test_numbers_are_written_as_the_manual_says():
    # 0 -> 191; 31 -> 62 -> 253; 32 -> 64 -> digits 0, 1 -> 63 192; -1 -> 3 -> 194.
    assert encoded_lines(np.array([(0, 31), (32, 30)]), np.array([0])) == b"PE<=" + bytes([191, 253, 63, 192, 194]) + b";"


def test_a_vertex_twice_is_written_once_but_a_dot_keeps_its_stroke():
    assert encoded_lines(np.array([(0, 0), (0, 0), (1, 0)]), np.array([0])) == b"PE<=" + bytes([191, 191, 193, 191]) + b";"
    assert encoded_lines(np.array([(0, 0), (0, 0)]), np.array([0])) == b"PE<=" + bytes([191, 191, 191, 191]) + b";"


def test_an_area_a_plotter_unit_swallows_is_left_out_with_its_holes():
    points = np.array([(0, 0), (0, 1), (0, 1), (0, 0), (1, 0), (1, 1)])
    assert encoded_areas(points, np.array([0, 3]), np.array([True, False])) == b""


def test_every_outside_has_its_own_polygon_block():
    square = np.array([(0, 0), (9, 1), (10, 10), (1, 9)])
    hole = square // 3 + 3
    data = encoded_areas(np.concatenate([square, hole, square + 50]), np.array([0, 4, 8]), np.array([True, False, True]))
    assert (data.count(b"PM0;"), data.count(b"PM1;"), data.count(b"PM2;FP;")) == (2, 1, 2)
