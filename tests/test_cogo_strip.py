"""Strips: mitred, concentric, and ended on their boundaries."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo.area import area_sqft, signed_area_sqft
from citygis.cogo.course import curve_course, line_course, oriented, spiral_course
from citygis.cogo.curve import solve_curve
from citygis.cogo.spiral import solve_spiral
from citygis.cogo.strip import offset_courses, strip_along
from citygis.cogo.traverse import closure, corners, polygon


def near(*numbers):
    return pytest.approx(np.array(numbers, dtype=float), abs=1e-9)


BENT = [line_course(90, 100), line_course(0, 80)]


def test_a_mitred_strip_is_length_times_width():
    # 10 ft on (0,0)-(100,0)-(100,80): 1,800 sq ft. A buffer with its round ends and corners gives 1,873.
    found = strip_along(BENT, (0, 0), left_ft=5, right_ft=5)
    assert area_sqft(found.courses) == pytest.approx(1800)
    assert shapely.LineString([(0, 0), (100, 0), (100, 80)]).buffer(5).area == pytest.approx(1873, abs=0.1)
    assert signed_area_sqft(found.courses) > 0


def test_corners_of_the_strip_are_where_the_sidelines_meet():
    found = strip_along(BENT, (0, 0), left_ft=5, right_ft=10)
    assert corners(found.courses, found.start) == near([0, 5], [95, 5], [95, 80], [110, 80], [110, -10], [0, -10], [0, 5])
    assert found.right_start == near(0, -10)


def curved():
    curve = curve_course(solve_curve(radius_ft=100, delta_deg=60), "L", tangency="tangent")
    return oriented([line_course(90, 100), curve, line_course(None, 50, tangency="tangent")]).courses


def test_sidelines_of_a_curve_are_curves_about_its_centre():
    found = strip_along(curved(), (0, 0), left_ft=10, right_ft=20)
    assert [c.radius_ft for c in (found.left[1], found.right[1])] == pytest.approx([90, 120])
    assert [c.delta_deg for c in (found.left[1], found.right[1])] == pytest.approx([60, 60])
    assert area_sqft(found.courses) == pytest.approx(150 * 30 + math.radians(60) / 2 * (120**2 - 90**2))
    assert closure(found.courses).misclosure_ft < 1e-9
    assert polygon(found.courses, found.start).is_valid


def test_sidelines_are_prolonged_and_shortened_to_boundaries():
    # Ends on a line at 45 degrees through (10, 0), and on the line northing = 60.
    found = strip_along(BENT, (0, 0), left_ft=5, right_ft=5, begins_at=[(10, 0), (20, 10)], ends_at=[(0, 60), (300, 60)])
    assert corners(found.courses, found.start) == near([15, 5], [95, 5], [95, 60], [105, 60], [105, -5], [5, -5], [15, 5])
    longer = strip_along(BENT, (0, 0), left_ft=5, right_ft=5, ends_at=[(0, 95), (300, 125)])
    assert corners(longer.courses, longer.start)[2:4] == near([95, 104.5], [105, 105.5])


def test_a_strip_follows_the_corner_of_its_boundary():
    found = strip_along(BENT, (0, 0), left_ft=5, right_ft=5, ends_at=[(0, 60), (100, 60), (200, 160)])
    assert corners(found.courses, found.start)[2:5] == near([95, 60], [100, 60], [105, 65])


def test_a_boundary_may_cut_off_whole_courses():
    found = strip_along(BENT, (0, 0), left_ft=5, right_ft=5, ends_at=[(80, -50), (80, 50)])
    assert area_sqft(found.courses) == pytest.approx(800)
    assert len(found.left) == 1


def test_a_curved_sideline_is_prolonged_along_its_circle():
    quarter = [curve_course(solve_curve(radius_ft=100, delta_deg=45), "R", azimuth_deg=22.5)]
    # From (0, 0) north and to the right about (100, 0), prolonged to the line straight up from the centre.
    found = strip_along(quarter, (0, 0), left_ft=10, right_ft=10, ends_at=[(100, 0), (100, 500)])
    assert corners(found.courses, found.start)[1] == near(100, 110)
    assert area_sqft(found.courses) == pytest.approx(math.pi / 4 * (110**2 - 90**2))


def test_a_line_into_a_curve_at_an_angle_is_mitred_on_the_arc():
    arc = curve_course(solve_curve(radius_ft=100, delta_deg=40), "L", azimuth_deg=40)
    found = strip_along([line_course(90, 100), arc], (0, 0), left_ft=5, right_ft=5)
    a, b = found.left[0], found.left[1]
    assert b.radius_ft == pytest.approx(95)
    joint = corners(found.left, found.start)[1]
    assert joint[1] == pytest.approx(5)  # still on the sideline of the line
    assert a.azimuth_deg == pytest.approx(90)
    assert polygon(found.courses, found.start).is_valid


@given(st.lists(st.floats(-60, 60), min_size=1, max_size=6), st.floats(1, 15), st.floats(1, 15))
@settings(max_examples=60, deadline=None)
def test_mitred_sidelines_stay_at_their_width(turns, left, right):
    azimuths = np.cumsum([10, *turns])
    centre = [line_course(float(a) % 360, 120) for a in azimuths]
    line = shapely.LineString(corners(centre))
    found = strip_along(centre, (0, 0), left_ft=left, right_ft=right)
    for side, start, width in ((found.left, found.start, left), (found.right, found.right_start, right)):
        for course, own, at in zip(side, centre, corners(side, start), strict=False):
            assert (
                course.azimuth_deg == pytest.approx(own.azimuth_deg, abs=1e-6) or abs(course.azimuth_deg - own.azimuth_deg) > 359.9
            )
            assert line.distance(shapely.Point(at)) <= width * 2


@pytest.mark.parametrize("seconds", [-20, -3, 3, 20])
def test_a_tangent_that_is_off_by_the_rounding_of_its_bearing_stays_one(seconds):
    curve = curve_course(solve_curve(radius_ft=300, delta_deg=60), "L", azimuth_deg=60 + seconds / 3600)
    centre = [line_course(90, 100), curve, line_course(30, 50)]
    found = strip_along(centre, (0, 0), left_ft=50, right_ft=50)
    assert area_sqft(found.courses) == pytest.approx(100 * (150 + 100 * math.pi), abs=1)
    assert corners(found.right, found.right_start)[1] == pytest.approx(np.array([100, -50]), abs=0.01)


@given(st.lists(st.floats(-75, 75), min_size=1, max_size=5), st.floats(1, 20))
@settings(max_examples=60, deadline=None)
def test_a_strip_of_lines_is_the_mitred_flat_buffer(turns, width):
    # A second opinion where nothing overlaps: GEOS.
    azimuths = np.cumsum([10, *turns])
    centre = [line_course(float(a) % 360, 150) for a in azimuths]
    line = shapely.LineString(corners(centre))
    found = strip_along(centre, (0, 0), left_ft=width, right_ft=width)
    outline = polygon(found.courses, found.start)
    if outline.is_valid:
        flat = line.buffer(width, cap_style="flat", join_style="mitre", mitre_limit=50)
        assert outline.symmetric_difference(flat).area == pytest.approx(0, abs=0.01)


def test_an_offset_course_is_parallel():
    start, courses = offset_courses(BENT, (0, 0), 5)
    assert start == near(0, -5)
    assert [c.distance_ft for c in courses] == pytest.approx([105, 85])
    assert {c.basis for c in courses} == {"CALCULATED"}


@pytest.mark.parametrize(
    ("courses", "said"),
    [
        ([curve_course(solve_curve(radius_ft=8, delta_deg=60), "R", azimuth_deg=0)], "radius of 8.00"),
        ([line_course(90, 100), line_course(180, 3), line_course(270, 100)], "too short"),
        ([line_course(90, 100), line_course(270.5, 100)], "do not meet"),
        ([spiral_course(solve_spiral(100, 300), "R", azimuth_deg=0)], "spiral"),
        ([], "at least one course"),
    ],
)
def test_a_strip_that_cannot_be_says_where(courses, said):
    with pytest.raises(ValueError, match=said):
        strip_along(courses, (0, 0), left_ft=0, right_ft=10)


def test_a_boundary_that_is_not_reached_is_refused():
    with pytest.raises(ValueError, match="does not reach"):
        strip_along([line_course(0, 50)], (0, 0), left_ft=5, right_ft=5, ends_at=[(100, 0), (100, 50)])
    with pytest.raises(ValueError, match="two or more points"):
        strip_along([line_course(0, 50)], (0, 0), left_ft=5, right_ft=5, ends_at=[(100, 0)])


@pytest.mark.parametrize("widths", [(0, 0), (-1, 5), (math.nan, 5)])
def test_widths_are_not_negative(widths):
    with pytest.raises(ValueError, match="widths"):
        strip_along(BENT, (0, 0), left_ft=widths[0], right_ft=widths[1])
