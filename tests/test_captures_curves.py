"""Curves: known circles come back exactly, and what is drawn stays on them."""

import numpy as np
import pytest

from citygis.captures.curves import SAGITTA_FT, Course, area_sqft, azimuth_deg, circle, curve_through, drawn, fitted_curve, parallel

HALF = np.sqrt(0.5) * 100
BASE = np.array([6337536.0, 2122698.0])
"""State Plane numbers, where a careless circle loses its digits."""


def at(*places):
    return [tuple(BASE + place) for place in places]


def test_a_quarter_circle_to_the_right_through_three_points():
    # From (0, 100) about the origin, clockwise, by way of 45 degrees, to (100, 0).
    course = curve_through(*at((0, 100), (HALF, HALF), (100, 0)))
    assert course.radius_ft == pytest.approx(100, abs=1e-7)
    assert np.degrees(course.sweep_rad) == pytest.approx(-90, abs=1e-6)
    assert course.centre == pytest.approx(tuple(BASE), abs=1e-6)
    assert course.length_ft == pytest.approx(157.0796, abs=1e-4) and course.chord_ft == pytest.approx(141.4214, abs=1e-4)


def test_the_same_points_the_other_way_turn_to_the_left():
    course = curve_through(*at((100, 0), (HALF, HALF), (0, 100)))
    assert np.degrees(course.sweep_rad) == pytest.approx(90, abs=1e-6)


def test_a_curve_may_be_more_than_half_a_circle():
    course = curve_through(*at((0, 100), (-100, 0), (100, 0)))
    assert np.degrees(course.sweep_rad) == pytest.approx(270, abs=1e-6)


@pytest.mark.parametrize("places", [((0, 0), (5, 0), (10, 0)), ((0, 0), (5, 5), (0, 0)), ((0, 0), (5, 0.0005), (10, 0))])
def test_points_on_a_line_and_points_that_are_one_make_no_curve(places):
    assert curve_through(*at(*places)) is None


def test_a_curve_fitted_to_many_points_passes_through_its_ends():
    rng = np.random.default_rng(3)
    angles = np.radians(np.linspace(10, 80, 8))
    radius = 100 + np.concatenate([[0], rng.normal(0, 0.01, 6), [0]])
    places = at(*np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]))
    course = fitted_curve(places)
    assert course.radius_ft == pytest.approx(100, abs=0.1) and np.degrees(course.sweep_rad) == pytest.approx(70, abs=0.1)
    for end in (places[0], places[-1]):
        assert np.hypot(*np.subtract(end, course.centre)) == pytest.approx(course.radius_ft, abs=1e-6)
    assert 0 < course.residual_ft < 0.05
    exact = fitted_curve(at(*np.column_stack([100 * np.cos(angles), 100 * np.sin(angles)])))
    assert exact.radius_ft == pytest.approx(100, abs=1e-6) and exact.residual_ft < 1e-6


def test_a_fitted_curve_may_be_more_than_half_a_circle():
    angles = np.radians(np.linspace(0, 270, 7))
    course = fitted_curve(at(*np.column_stack([50 * np.cos(angles), 50 * np.sin(angles)])))
    assert course.radius_ft == pytest.approx(50, abs=1e-6) and np.degrees(course.sweep_rad) == pytest.approx(270, abs=1e-5)


def test_what_is_drawn_leaves_the_curve_by_no_more_than_the_sagitta_and_has_exact_ends():
    course = curve_through(*at((0, 100), (HALF, HALF), (100, 0)))
    line = drawn([course])
    assert tuple(line[0]) == course.start and tuple(line[-1]) == course.end
    away = np.hypot(*(line - course.centre).T)
    assert away == pytest.approx(100, abs=1e-6)
    middles = np.hypot(*((line[1:] + line[:-1]) / 2 - course.centre).T)
    assert (100 - middles <= SAGITTA_FT + 1e-9).all() and (100 - middles).max() > SAGITTA_FT / 4


def test_the_area_within_curves_is_exact():
    assert area_sqft([circle(tuple(BASE), 10)]) == pytest.approx(np.pi * 100, rel=1e-9)
    # A square of 10 with a half circle of radius 5 on its east side.
    corners = at((0, 0), (10, 0), (10, 10), (0, 10))
    bulge = curve_through(corners[1], tuple(BASE + (15, 5)), corners[2])
    courses = [Course(corners[0], corners[1]), bulge, Course(corners[2], corners[3]), Course(corners[3], corners[0])]
    assert area_sqft(courses) == pytest.approx(100 + np.pi * 12.5, rel=1e-7)
    bite = curve_through(corners[1], tuple(BASE + (5, 5)), corners[2])
    assert area_sqft([courses[0], bite, *courses[2:]]) == pytest.approx(100 - np.pi * 12.5, rel=1e-7)


def test_a_line_beside_two_lines_meets_at_their_corner():
    beside = parallel([Course((0, 0), (10, 0)), Course((10, 0), (10, 10))], 1.0)
    # To the right of eastward is south, to the right of northward is east.
    assert [c.start for c in beside] == [pytest.approx((0, -1)), pytest.approx((11, -1))]
    assert beside[-1].end == pytest.approx((11, 10))
    left = parallel([Course((0, 0), (10, 0)), Course((10, 0), (10, 10))], -1.0)
    assert left[0].end == pytest.approx((9, 1))


def test_a_curve_beside_a_curve_keeps_its_centre_and_angle():
    tangent = [Course((-50, 100), (0, 100)), curve_through((0, 100), (HALF, HALF), (100, 0)), Course((100, 0), (100, -50))]
    inside = parallel(tangent, 4.0)
    assert inside[1].radius_ft == pytest.approx(96) and inside[1].centre == pytest.approx((0, 0), abs=1e-9)
    assert inside[1].sweep_rad == pytest.approx(tangent[1].sweep_rad)
    outside = parallel(tangent, -4.0)
    assert outside[1].radius_ft == pytest.approx(104)
    assert outside[0].end == pytest.approx((0, 104)) and outside[2].start == pytest.approx((104, 0))


def test_an_offset_beyond_the_radius_is_refused():
    with pytest.raises(ValueError, match="radius"):
        parallel([curve_through((0, 100), (HALF, HALF), (100, 0))], 100.0)


@pytest.mark.parametrize("end, azimuth", [((0, 1), 0), ((1, 1), 45), ((1, 0), 90), ((-1, 0), 270), ((-1, 1), 315)])
def test_azimuths_are_clockwise_from_north(end, azimuth):
    assert azimuth_deg((0, 0), end) == pytest.approx(azimuth)
