import cmath
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.samples.drafting import (
    SAGITTA_FT,
    Arc,
    Line,
    chords,
    crossings,
    cut,
    fillet,
    heading,
    length_ft,
    locate,
    nodes_of,
    offset,
    point_at,
    reverse,
)

QUARTER = Arc(0j, 100.0, 0.0, math.pi / 2)
"""From (100, 0) to (0, 100) about the origin, to the left."""


def test_an_arc_begins_and_ends_where_its_angles_say():
    assert QUARTER.start == pytest.approx(100)
    assert QUARTER.end == pytest.approx(100j)
    assert length_ft(QUARTER) == pytest.approx(50 * math.pi)
    assert heading(QUARTER, 0) == pytest.approx(1j)


def test_a_line_to_the_left_of_one_going_east_lies_north():
    assert offset(Line(0j, 10 + 0j), 3) == Line(3j, 10 + 3j)


@pytest.mark.parametrize(("arc", "left_ft", "radius"), [(QUARTER, 30, 70), (QUARTER, -30, 130), (reverse(QUARTER), 30, 130)])
def test_an_offset_arc_keeps_its_centre(arc, left_ft, radius):
    assert offset(arc, left_ft).radius == pytest.approx(radius)
    assert offset(arc, left_ft).centre == arc.centre


def test_an_offset_past_the_centre_is_refused():
    with pytest.raises(ValueError, match="Must be less than the radius"):
        offset(QUARTER, 100)


def test_two_lines_cross_where_the_sums_say():
    assert crossings(Line(0j, 10 + 10j), Line(10 + 0j, 10j)) == [pytest.approx(5 + 5j)]


def test_a_line_along_the_diagonal_cuts_the_quarter_circle_at_45_degrees():
    assert crossings(Line(0j, 100 + 100j), QUARTER) == [pytest.approx(cmath.rect(100, math.pi / 4))]


def test_two_circles_of_50_whose_centres_are_60_apart_cross_40_off_their_line():
    left, right = Arc(0j, 50.0, -1.5, 3.0), Arc(60 + 0j, 50.0, math.pi - 1.5, 3.0)
    assert sorted(p.imag for p in crossings(left, right)) == pytest.approx([-40, 40])


def test_lines_that_run_along_each_other_share_the_ends_of_the_common_part():
    assert set(crossings(Line(0j, 10 + 0j), Line(4 + 0j, 20 + 0j))) == {4 + 0j, 10 + 0j}


def test_lines_that_pass_do_not_cross():
    assert crossings(Line(0j, 10 + 0j), Line(5 + 1j, 5 + 9j)) == []


@pytest.mark.parametrize(("point", "t"), [(cmath.rect(100, math.pi / 8), 0.25), (100 + 0j, 0.0), (100j, 1.0)])
def test_a_point_on_an_arc_is_located_by_its_share(point, t):
    assert locate(QUARTER, point) == pytest.approx(t, abs=1e-6)


@pytest.mark.parametrize("point", [cmath.rect(100.01, 0.5), cmath.rect(100, -0.5), 0j])
def test_a_point_off_an_arc_is_not_located(point):
    assert locate(QUARTER, point) is None


def test_a_square_corner_rounded_at_20_ft_touches_20_ft_from_it():
    arc = fillet(Line(0j, 100 + 0j), Line(0j, 100j), 0j, 20.0)
    assert (arc.start, arc.end) == (pytest.approx(20), pytest.approx(20j))
    assert arc.centre == pytest.approx(20 + 20j)
    assert abs(arc.sweep) == pytest.approx(math.pi / 2)


def test_a_corner_whose_side_is_too_short_is_not_rounded():
    assert fillet(Line(0j, 10 + 0j), Line(0j, 100j), 0j, 20.0) is None


@given(radius=st.floats(15, 5000), sweep=st.floats(0.01, 3.0), side=st.sampled_from([-1, 1]))
def test_no_chord_leaves_its_arc_by_more_than_the_sagitta(radius, sweep, side):
    arc = Arc(3 + 4j, radius, 0.3, side * sweep)
    points = chords(arc)
    assert points[0] == pytest.approx(arc.start)
    assert points[-1] == pytest.approx(arc.end)
    for a, b in itertools.pairwise(points):
        assert radius - abs((a + b) / 2 - arc.centre) <= SAGITTA_FT + 1e-9


@given(from_t=st.floats(0, 0.9), part=st.floats(0.05, 0.1))
def test_a_part_of_an_arc_lies_on_it(from_t, part):
    piece = cut(QUARTER, from_t, from_t + part)
    assert piece.start == pytest.approx(point_at(QUARTER, from_t))
    assert piece.end == pytest.approx(point_at(QUARTER, from_t + part))


def test_a_cross_is_cut_into_four_pieces_that_meet_in_one_node():
    points, pieces = nodes_of([Line(-10 + 0j, 10 + 0j), Line(-10j, 10j)])
    assert len(pieces) == 4
    ends = [node for piece in pieces for node in (piece.start, piece.end)]
    assert max(ends.count(node) for node in set(ends)) == 4
    assert any(abs(p) < 1e-9 for p in points)


def test_a_line_that_ends_on_another_cuts_it():
    _, pieces = nodes_of([Line(0j, 10 + 0j), Line(4 + 5j, 4 + 0j)])
    assert [(piece.source, round(piece.from_t, 6), round(piece.to_t, 6)) for piece in pieces] == [
        (0, 0, 0.4),
        (0, 0.4, 1),
        (1, 0, 1),
    ]
