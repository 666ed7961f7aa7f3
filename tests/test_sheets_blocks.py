"""Blocks of text: sizes, boxes, and which of many may stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.sheets.blocks import PAD_PT, block, boxes_at, first_free, upright
from citygis.sheets.fonts import font
from citygis.sheets.style import LabelRow

NONE = np.array([], dtype=object)
place = st.tuples(st.floats(0, 60), st.floats(0, 60), st.floats(2, 15), st.floats(2, 8), st.floats(-80, 100))


def made(places):
    e, n, width, height, angle = np.array(places, dtype=float).reshape(-1, 5).T
    return boxes_at(np.column_stack([e, n]), width, height, angle)


@given(st.lists(place, max_size=25), st.lists(place, max_size=5))
def test_first_free_answers_as_one_by_one(places, taken):
    boxes, taken = made(places), made(taken)
    serial, standing = [], list(taken)
    for box in boxes:
        serial.append(not any(box.intersects(other) for other in standing))
        if serial[-1]:
            standing.append(box)
    assert first_free(boxes, taken).tolist() == serial


@given(st.floats(-1000, 1000))
def test_text_is_read_from_below_or_from_the_right(angle):
    turned = float(upright(np.array([angle]))[0])
    assert -80 < turned <= 100 + 1e-9
    assert (turned - angle) % 180 == pytest.approx(0, abs=1e-6) or (turned - angle) % 180 == pytest.approx(180, abs=1e-6)


def test_a_box_is_the_text_and_its_padding():
    (box,) = boxes_at(np.array([[50.0, 50.0]]), np.array([20.0]), np.array([6.0]), np.array([0.0]))
    assert box.bounds == (50 - 10 - PAD_PT, 50 - 3 - PAD_PT, 50 + 10 + PAD_PT, 50 + 3 + PAD_PT)


def test_a_box_turns_with_its_text():
    (box,) = boxes_at(np.array([[50.0, 50.0]]), np.array([20.0]), np.array([6.0]), np.array([90.0]))
    assert box.bounds == pytest.approx((50 - 3 - PAD_PT, 50 - 10 - PAD_PT, 50 + 3 + PAD_PT, 50 + 10 + PAD_PT))


def test_no_text_is_made_smaller_than_five_points():
    row = (LabelRow(text="{apn}", size_pt=6),)
    texts = [np.array(["191-190-74"], dtype=object)]
    five = font("regular").widths(["191-190-74"])[0] * 5
    assert block(row, texts, 0.5).width_pt[0] == pytest.approx(five)


def test_a_row_left_out_takes_no_room():
    rows = (LabelRow(text="{lot}", circle=True), LabelRow(text="{apn}"))
    texts = [np.array(["", "7"], dtype=object), np.array(["191", "191"], dtype=object)]
    some = block(rows, texts, 1.0)
    assert some.height_pt[0] == pytest.approx(6 * font("regular").cap_height)
    assert some.height_pt[1] > some.height_pt[0]


def test_nothing_to_place_places_nothing():
    assert first_free(NONE, NONE).tolist() == []
