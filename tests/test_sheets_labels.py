"""Where labels go."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.sheets import labels
from citygis.sheets.fonts import font
from citygis.sheets.style import MIN_TEXT_PT, Label, LabelRow

NONE = np.array([], dtype=object)
ONE = Label(rows=(LabelRow(text="{apn}", size_pt=6),))
TWO = Label(rows=(LabelRow(text="{lot}", size_pt=8, circle=True, optional=True), LabelRow(text="{apn}", size_pt=6)))


def texts(*columns):
    return [np.array(column, dtype=object) for column in columns]


def overlapping(boxes):
    first, second = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    return int((first < second).sum())


corner = st.tuples(st.floats(0, 300), st.floats(0, 300))
lot = st.builds(
    lambda at, size, turn: shapely.affinity.rotate(shapely.box(at[0], at[1], at[0] + size[0], at[1] + size[1]), turn),
    corner,
    st.tuples(st.floats(5, 120), st.floats(5, 120)),
    st.floats(0, 180),
)


@settings(deadline=None, max_examples=60)
@given(st.lists(lot, min_size=1, max_size=15), st.integers(1, 3))
def test_labels_never_overlap_even_on_lots_that_do(lots, stacked):
    shapes = np.array(lots * stacked, dtype=object)
    n = len(shapes)
    put = labels.inside(shapes, TWO, texts([str(i) for i in range(n)], [f"191-190-{i:02d}" for i in range(n)]), NONE)
    assert overlapping(put.boxes) == 0
    assert len(put.boxes) == put.placed.sum()
    assert all(put.placed | (put.reasons != ""))
    of = put.rows.drop_duplicates("feature")["feature"].to_numpy(dtype=int)
    assert sorted(of) == np.flatnonzero(put.placed).tolist()


@settings(deadline=None, max_examples=60)
@given(st.lists(lot, min_size=1, max_size=10))
def test_a_label_lies_wholly_in_its_lot(lots):
    for shape in lots:
        put = labels.inside(np.array([shape], dtype=object), ONE, texts(["191-190-74"]), NONE)
        for box in put.boxes:
            assert shape.buffer(1e-6).covers(box)


def test_a_lot_wide_enough_has_its_number_level_in_the_middle():
    put = labels.inside(np.array([shapely.box(0, 0, 80, 60)]), ONE, texts(["191-190-74"]), NONE)
    assert put.rows["angle_deg"].tolist() == [0]
    assert put.boxes[0].centroid.coords[0] == pytest.approx((40, 30))


def test_a_narrow_lot_has_its_number_along_it():
    put = labels.inside(np.array([shapely.box(0, 0, 12, 60)]), ONE, texts(["191-190-74"]), NONE)
    assert put.rows["angle_deg"].tolist() == [90]


def test_a_lot_with_room_for_its_number_only_loses_the_optional_row():
    put = labels.inside(np.array([shapely.box(0, 0, 60, 9)]), TWO, texts(["7"], ["191-190-74"]), NONE)
    assert put.rows["text"].tolist() == ["191-190-74"]
    assert len(put.circles) == 0


def test_a_label_that_does_not_fit_at_five_points_is_told():
    put = labels.inside(np.array([shapely.box(0, 0, 6, 6)]), ONE, texts(["191-190-74"]), NONE)
    assert not put.placed[0]
    assert put.reasons.tolist() == ["no room"]


@pytest.mark.parametrize(("spare_pt", "stands"), [(0.02, True), (-0.02, False)])
@pytest.mark.parametrize("turn_deg", [0, 33, 90])
def test_a_lot_just_as_large_as_its_smallest_label_has_it(turn_deg, spare_pt, stands):
    face, size = font("regular"), MIN_TEXT_PT
    wide = face.widths(["191-190-74"])[0] * size + 2 * labels.SNUG_PT + spare_pt
    high = face.cap_height * size + 2 * labels.SNUG_PT + spare_pt
    shape = shapely.affinity.rotate(shapely.box(0, 0, wide, high), turn_deg)
    put = labels.inside(np.array([shape, shapely.box(0, 0, 200, 90)]), ONE, texts(["191-190-74", "191-190-75"]), NONE)
    assert put.placed.tolist() == [stands, True]
    assert put.reasons.tolist() == ["" if stands else "no room", ""]


def test_a_feature_without_text_is_told():
    put = labels.inside(np.array([shapely.box(0, 0, 90, 90)]), ONE, texts([""]), NONE)
    assert put.reasons.tolist() == ["no text"]


def test_labels_keep_clear_of_what_is_taken():
    taken = np.array([shapely.box(38, 20, 42, 40)])
    put = labels.inside(np.array([shapely.box(0, 0, 80, 100)]), ONE, texts(["191-190-74"]), taken)
    assert put.placed[0]
    assert not shapely.intersects(put.boxes[0], taken[0])


def test_a_flag_lot_is_labelled_where_it_is_wide():
    flag = shapely.union(shapely.box(0, 0, 8, 100), shapely.box(0, 100, 80, 160))
    put = labels.inside(np.array([flag]), ONE, texts(["191-190-74"]), NONE)
    assert put.placed[0]
    assert put.boxes[0].bounds[1] >= 100


def test_of_several_parts_the_largest_is_labelled():
    parts = shapely.MultiPolygon([shapely.box(0, 0, 50, 20), shapely.box(100, 0, 200, 90)])
    put = labels.inside(np.array([parts]), ONE, texts(["191-190-74"]), NONE)
    assert put.boxes[0].bounds[0] >= 100


def test_a_street_name_stands_on_the_line_and_reads_along_it():
    put = labels.along(np.array([shapely.LineString([(0, 0), (300, 300)])]), ONE, texts(["ALMOND STREET"]), NONE)
    assert put.rows["angle_deg"].tolist() == pytest.approx([45])
    assert put.boxes[0].centroid.coords[0] == pytest.approx((150, 150))


def test_pieces_of_one_street_have_its_name_once():
    pieces = np.array([shapely.LineString([(100 * i, 0), (100 * i + 100, 0)]) for i in range(3)])
    put = labels.along(pieces, ONE, texts(["ALMOND STREET"] * 3), NONE)
    assert len(put.boxes) == 1
    assert put.placed.all()


def test_a_long_street_has_its_name_again_and_again():
    street = np.array([shapely.LineString([(0, 0), (5 * 7 * 72, 0)])])
    put = labels.along(street, ONE, texts(["ALMOND STREET"]), NONE)  # every seven inches
    assert len(put.boxes) == 5


def test_a_street_name_keeps_off_the_bends():
    turn = np.linspace(0, np.pi, 60)
    bend = np.column_stack([300 + 25 * np.sin(turn), 25 - 25 * np.cos(turn)])
    street = shapely.LineString([(0, 0), *bend, (200, 50)])
    put = labels.along(np.array([street]), ONE, texts(["ALMOND STREET"]), NONE)
    assert all(box.bounds[2] < 305 for box in put.boxes)
    assert len(put.boxes)


def test_a_street_with_no_straight_run_is_told():
    turn = np.linspace(0, 2 * np.pi, 60)
    circle = shapely.LineString(np.column_stack([12 * np.cos(turn), 12 * np.sin(turn)]))
    put = labels.along(np.array([circle]), ONE, texts(["ALMOND STREET"]), NONE)
    assert put.reasons.tolist() == ["no straight run long enough"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(corner, corner), min_size=1, max_size=12))
def test_street_names_never_overlap(ends):
    lines = np.array([shapely.LineString(pair) for pair in ends], dtype=object)
    put = labels.along(lines, ONE, texts([f"S{i}" for i in range(len(lines))]), NONE)
    assert overlapping(put.boxes) == 0
    assert all(put.placed | (put.reasons != ""))


@settings(deadline=None, max_examples=40)
@given(st.lists(corner, min_size=1, max_size=30))
def test_names_of_points_never_overlap(points):
    shapes = shapely.points(np.array(points))
    put = labels.beside(shapes, 4.0, ONE, texts([f"H-{i}" for i in range(len(shapes))]), NONE)
    assert overlapping(put.boxes) == 0
    assert all(put.placed | (put.reasons == "no room"))


def test_a_name_stands_to_the_right_of_its_point():
    put = labels.beside(np.array([shapely.Point(50, 50)]), 4.0, ONE, texts(["H-1"]), NONE)
    assert put.boxes[0].bounds[0] > 50


def test_a_label_that_lost_a_row_is_counted_as_shortened():
    wide, low = shapely.box(0, 0, 90, 60), shapely.box(0, 0, 60, 9)
    put = labels.inside(np.array([wide, low]), TWO, texts(["7", "8"], ["191-190-74", "191-190-75"]), NONE)
    assert put.placed.tolist() == [True, True]
    assert put.shortened.tolist() == [False, True]


def test_only_short_texts_are_ringed():
    put = labels.inside(np.array([shapely.box(0, 0, 90, 90)] * 1), TWO, texts(["COMMON"], ["191-190-74"]), NONE)
    assert put.rows["text"].tolist() == ["COMMON", "191-190-74"]
    assert len(put.circles) == 0
    assert len(labels.inside(np.array([shapely.box(0, 0, 90, 90)]), TWO, texts(["12"], ["191-190-74"]), NONE).circles) == 1
