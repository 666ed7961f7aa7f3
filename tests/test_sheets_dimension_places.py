"""Places of dimensions: beside their course, clear of everything, slid or led aside where they must be."""

import numpy as np
import pytest
import shapely

from citygis.sheets.blocks import PAD_PT
from citygis.sheets.dimension_places import GAP_PT, MOST_SAGITTA_PT, Ground, along_courses, on_leaders, runs

BOX = (0.0, 0.0, 400.0, 300.0)
NONE = np.array([], dtype=object)


def placed(lines, width_pt, height_pt=4.0, *, side=1, taken=NONE, curved=False, box=BOX):
    shapes = np.array([shapely.LineString(line) for line in lines], dtype=object)
    ground = Ground(box, shapes, np.asarray(taken, dtype=object))
    run = runs(shapes, np.full(len(shapes), curved))
    own = np.arange(len(shapes))
    spots = list(along_courses(ground, run, own, np.full(len(own), float(width_pt)), height_pt, side=side))
    at = np.concatenate([np.zeros(0, int), *(spot.at for spot in spots)])
    centres = np.concatenate([np.empty((0, 2)), *(spot.centres for spot in spots)])
    return ground, dict(zip(at.tolist(), map(tuple, centres.tolist()), strict=True))


def test_a_text_stands_above_the_middle_of_its_course_or_below_it():
    _, above = placed([[(100, 100), (200, 100)]], 40, side=1)
    _, below = placed([[(200, 100), (100, 100)]], 40, side=-1)
    assert above == {0: pytest.approx((150, 100 + GAP_PT + 2))}
    assert below == {0: pytest.approx((150, 100 - GAP_PT - 2))}


def test_a_text_is_read_from_below_or_from_the_right_whichever_way_the_course_runs():
    up = np.array([shapely.LineString([(0, 0), (0, 50)]), shapely.LineString([(0, 50), (0, 0)])])
    assert list(runs(up, np.zeros(2, bool)).angle_deg) == [90, 90]
    assert (
        list(runs(shapely.transform(up, lambda p: p @ [[0.9, 0.3], [-0.3, 0.9]]), np.zeros(2, bool)).angle_deg < 100) == [True] * 2
    )


@pytest.mark.parametrize(("width_pt", "stands"), [(100 - 2 * PAD_PT - 0.1, True), (100 - 2 * PAD_PT + 0.1, False)])
def test_a_text_is_not_longer_than_its_course(width_pt, stands):
    assert bool(placed([[(100, 100), (200, 100)]], width_pt)[1]) == stands


def test_a_text_slides_along_its_course_until_it_is_free():
    stone = shapely.box(140, 100.5, 160, 110)
    _, spots = placed([[(100, 100), (200, 100)]], 30, taken=[stone])
    (e, n) = spots[0]
    assert n == pytest.approx(100 + GAP_PT + 2)
    assert abs(e - 150) >= 10 + 15 + PAD_PT
    assert 100 + 15 <= e <= 200 - 15


def test_two_courses_never_have_their_texts_on_each_other():
    lines = [[(100, 100 + 5 * n), (200, 100 + 5 * n)] for n in range(6)]
    ground, spots = placed(lines, 30)
    first, second = shapely.STRtree(ground.boxes).query(ground.boxes, predicate="intersects")
    assert (first == second).all()
    assert len(ground.boxes) == len(spots)


def test_no_text_lies_across_another_course():
    lines = [[(100, 100), (200, 100)], [(150, 100), (150, 180)]]
    _, spots = placed(lines, 40)
    assert abs(spots[0][0] - 150) > 20


def test_a_text_may_lie_across_its_own_course_only_when_it_stands_on_it():
    assert placed([[(100, 100), (200, 100)]], 40, 10.0, side=0)[1][0] == pytest.approx((150, 100))
    crossed = [[(100, 100), (200, 100)], [(150, 60), (150, 140)]]
    assert abs(placed(crossed, 40, 10.0, side=0)[1][0][0] - 150) > 20


@pytest.mark.parametrize(("north", "stands"), [(300 - GAP_PT - 4 - PAD_PT - 0.1, True), (300 - GAP_PT - 4 - PAD_PT + 0.1, False)])
def test_a_text_stays_within_the_frame(north, stands):
    assert bool(placed([[(100, north), (200, north)]], 40)[1]) == stands


def test_beside_an_arc_a_straight_text_keeps_clear_on_both_sides_and_gives_up_where_the_arc_bends_too_much():
    angle = np.radians(np.linspace(60, 120, 61))
    arc = np.column_stack([200 + 150 * np.cos(angle), 150 * np.sin(angle)])
    for side in (1, -1):
        ground, spots = placed([arc], 60, side=side, curved=True)
        assert GAP_PT - PAD_PT - 0.3 < shapely.LineString(arc).distance(ground.boxes[0]) < GAP_PT
        assert spots[0][0] == pytest.approx(200, abs=0.1)
    widest = 2 * (np.sqrt(150**2 - (150 - MOST_SAGITTA_PT) ** 2) - PAD_PT)
    assert placed([arc], widest - 0.1, side=1, curved=True)[1]
    assert not placed([arc], widest + 0.1, side=1, curved=True)[1]


def test_a_tag_that_has_no_room_goes_aside_with_a_leader_to_the_middle_of_its_course():
    shapes = np.array([shapely.LineString([(200, 150), (204, 150)])])
    taken = np.array([shapely.box(190, 140, 214, 160)])
    ground = Ground(BOX, shapes, NONE)
    run = runs(shapes, np.zeros(1, bool))
    spots = [(spot, leader) for spot, leader in on_leaders(ground, run, np.array([0]), np.array([8.0]), 4.0) if len(spot.at)]
    assert len(spots) == 1
    assert spots[0][1][0][1] == pytest.approx((202, 150))
    assert shapely.intersects(ground.boxes[0], shapely.Point(*spots[0][1][0][0]))
    blocked = Ground(BOX, shapes, taken)
    assert not any(len(spot.at) for spot, _ in on_leaders(blocked, run, np.array([0]), np.array([8.0]), 4.0))


def test_leaders_cross_no_course_and_no_other_leader():
    near = [shapely.LineString([(200 + 12 * n, 150), (212 + 12 * n, 150)]) for n in range(5)]
    wall = shapely.LineString([(180, 158), (280, 158)])
    shapes = np.array([*near, wall])
    ground = Ground(BOX, shapes, NONE)
    run = runs(shapes, np.zeros(len(shapes), bool))
    leaders = [leader for _, some in on_leaders(ground, run, np.arange(5), np.full(5, 8.0), 4.0) for leader in some]
    lines = shapely.linestrings(np.array(leaders))
    assert len(lines) == 5
    assert not shapely.intersects(lines, wall).any()
    first, second = shapely.STRtree(lines).query(lines, predicate="intersects")
    assert (first == second).all()
