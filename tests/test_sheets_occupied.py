"""What stands on a page, asked box after box."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.sheets.blocks import boxes_at
from citygis.sheets.occupied import Occupied

place = st.tuples(
    st.floats(0, 90), st.floats(0, 60), st.floats(2, 40), st.floats(2, 8), st.sampled_from([0.0, 0.0, 0.0, 30.0, -72.5])
)


def made(places):
    e, n, width, height, angle = np.array(places, dtype=float).reshape(-1, 5).T
    return boxes_at(np.column_stack([e, n]), width, height, angle)


@settings(deadline=None)
@given(st.lists(st.lists(place, min_size=1, max_size=4), max_size=12), st.lists(place, max_size=6))
def test_one_each_takes_the_first_free_place_of_each_in_turn(slots, taken):
    boxes, numbers = made([p for slot in slots for p in slot]), np.repeat(np.arange(len(slots)), [len(s) for s in slots])
    standing, expected = list(made(taken)), []
    for slot in range(len(slots)):
        for number in np.flatnonzero(numbers == slot):
            if not any(shapely.intersects(boxes[number], other) for other in standing):
                standing.append(boxes[number])
                expected.append(number)
                break
    assert Occupied(made(taken)).one_each(boxes, numbers).tolist() == expected


def test_boxes_that_touch_are_not_free():
    ground = Occupied(shapely.box([0], [0], [10], [10]))
    assert not ground.free(shapely.box([10], [0], [20], [10]))
    assert ground.free(shapely.box([10.001], [0], [20], [10]))


def test_what_is_as_large_as_the_page_is_kept_clear_of_too():
    ground = Occupied(shapely.box([-9000], [-9000], [0], [9000]))
    assert not ground.free(shapely.box([-5], [40], [5], [50]))
    assert ground.free(shapely.box([5], [40], [15], [50]))


def test_what_is_not_allowed_leaves_its_ground_to_the_next():
    boxes = shapely.box([0, 1], [0, 1], [10, 11], [10, 11])
    assert Occupied().one_each(boxes, np.array([0, 1]), lambda number: number != 0).tolist() == [1]
