"""Courses: directions from tangency, tangencies that do not hold, and record kept apart."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.cogo.bearing import format_bearing, parse_bearing
from citygis.cogo.course import (
    azimuths_of,
    chords,
    course_between,
    curve_course,
    line_course,
    oriented,
    reversed_courses,
    spiral_course,
    standing_for,
)
from citygis.cogo.curve import solve_curve
from citygis.cogo.spiral import solve_spiral
from citygis.cogo.traverse import corners


def quarter(hand, **options):
    return curve_course(solve_curve(radius_ft=30, delta_deg=90), hand, **options)


def test_a_tangent_curve_begins_along_the_course_before_it():
    # Cypress, Nelson Street: north, then 90 degrees left on a radius of 30, onto a tangent that runs west.
    laid = oriented([line_course(0, 30), quarter("L", tangency="tangent"), line_course(None, 10, tangency="tangent")])
    assert [course.azimuth_deg for course in laid.courses] == [0, 315, 270]
    assert laid.courses[1].distance_ft == pytest.approx(30 * math.sqrt(2))
    assert not laid.breaks


def test_compound_keeps_the_hand_and_reverse_changes_it():
    laid = oriented(
        [
            line_course(0, 10),
            quarter("R", tangency="tangent"),
            quarter(None, tangency="compound"),
            quarter(None, tangency="reverse"),
        ]
    )
    assert [course.hand for course in laid.courses] == [None, "R", "R", "L"]
    assert azimuths_of(laid.courses[-1])[1] == pytest.approx(90)


def test_a_reverse_curve_of_the_same_hand_is_a_contradiction():
    with pytest.raises(ValueError, match="Course 3 is said to be reverse"):
        oriented([line_course(0, 10), quarter("R", tangency="tangent"), quarter("R", tangency="reverse")])
    with pytest.raises(ValueError, match="no curve comes before"):
        oriented([line_course(0, 10), quarter(None, tangency="compound")])


def test_a_stated_direction_is_kept_and_a_false_tangency_is_named():
    laid = oriented([line_course(0, 30), quarter("R", azimuth_deg=50, tangency="tangent"), line_course(95, 20, tangency="tangent")])
    assert laid.courses[1].azimuth_deg == 50
    (broken,) = laid.breaks
    assert (broken.position, broken.tangency, broken.angle_deg) == (1, "tangent", pytest.approx(5))


def test_tangency_may_be_off_by_the_rounding_of_bearings():
    course = line_course(parse_bearing("N 0°00'20\" E"), 10, tangency="tangent")
    assert not oriented([line_course(0, 10), course]).breaks
    assert oriented([line_course(0, 10), course], tolerance_s=10).breaks


def test_nothing_before_it_leaves_a_tangent_course_without_direction():
    with pytest.raises(ValueError, match="tangent_in_deg"):
        oriented([quarter("L", tangency="tangent")])
    assert oriented([quarter("L", tangency="tangent")], tangent_in_deg=90).courses[0].azimuth_deg == 45


def test_courses_without_direction_have_no_corners():
    with pytest.raises(ValueError, match="number 2 has no direction"):
        chords([line_course(0, 30), quarter("L", tangency="tangent")])


def test_a_spiral_leads_from_the_tangent_into_the_curve():
    spiral = solve_spiral(250, 1432.69)
    curve = curve_course(solve_curve(radius_ft=1432.69, delta_deg=10), "R", tangency="tangent")
    out = spiral_course(solve_spiral(250, math.inf, 1432.69), "R", tangency="tangent")
    laid = oriented([line_course(0, 100), spiral_course(spiral, "R", tangency="tangent"), curve, out])
    assert azimuths_of(laid.courses[1])[1] == pytest.approx(spiral.theta_deg)
    assert azimuths_of(laid.courses[3])[1] == pytest.approx(10 + 2 * spiral.theta_deg)
    end = corners(laid.courses)[2]
    assert tuple(end) == pytest.approx((7.267, 349.810), abs=0.001)


@given(st.lists(st.tuples(st.floats(0, 359), st.floats(1, 500), st.sampled_from(["line", "L", "R"])), min_size=1, max_size=6))
def test_reversed_courses_come_back_to_the_start(rows):
    courses = [
        line_course(a, d) if kind == "line" else curve_course(solve_curve(radius_ft=d, delta_deg=60), kind, azimuth_deg=a)
        for a, d, kind in rows
    ]
    there_and_back = [*courses, *reversed_courses(courses)]
    assert corners(there_and_back)[-1] == pytest.approx((0, 0), abs=1e-6)
    again = reversed_courses(reversed_courses(courses))
    assert [c.hand for c in again] == [c.hand for c in courses]
    assert [c.azimuth_deg for c in again] == pytest.approx([c.azimuth_deg for c in courses], abs=1e-9)


def test_the_course_between_two_points():
    course = course_between((0, 0), (30, 30), hand="L", center=(0, 30))
    assert (course.radius_ft, course.delta_deg, format_bearing(course.azimuth_deg)) == (30, pytest.approx(90), "N 45°00'00\" E")
    assert course.arc_ft == pytest.approx(15 * math.pi)
    assert course_between((0, 0), (0, -5)).azimuth_deg == 180


def test_a_course_is_of_record_until_it_says_otherwise():
    assert line_course(0, 5).basis == "RECORD"
    assert course_between((0, 0), (1, 1)).basis == "CALCULATED"


def test_a_measured_course_carries_the_record_it_stands_for():
    record = quarter("L", azimuth_deg=45, text="thence along a curve")
    measured = standing_for(record, 45.01, record.distance_ft * 1.001, basis="MEASURED")
    assert (measured.basis, measured.record, record.basis) == ("MEASURED", record, "RECORD")
    assert (measured.delta_deg, measured.radius_ft) == (90, pytest.approx(30.03))
    fitted = standing_for(measured, 45.02, record.distance_ft, basis="CALCULATED")
    assert fitted.record == record
    with pytest.raises(ValueError, match="RECORD"):
        standing_for(record, 45, 10, basis="RECORD")


@pytest.mark.parametrize(
    "make",
    [
        lambda: line_course(0, 0),
        lambda: line_course(0, float("nan")),
        lambda: line_course(None, 5),
        lambda: line_course(float("inf"), 5),
        lambda: line_course(0, 5, basis="GUESSED"),
        lambda: line_course(0, 5, tangency="touching"),
        lambda: quarter(None, azimuth_deg=5),
        lambda: quarter("L"),
        lambda: quarter("L", tangency="nontangent"),
        lambda: quarter("L", azimuth_deg=5, tangent_in_deg=5),
        lambda: spiral_course(solve_spiral(10, 50), "L"),
    ],
)
def test_half_stated_courses_are_refused(make):
    with pytest.raises(ValueError, match="Invalid"):
        make()
