"""Divisions: areas that add up, arcs that stay arcs."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo.area import area_sqft
from citygis.cogo.bearing import parse_bearing
from citygis.cogo.course import course_between, curve_course, line_course, oriented, reversed_courses, spiral_course
from citygis.cogo.curve import solve_curve
from citygis.cogo.division import divided, divided_along_side, divided_by_area
from citygis.cogo.spiral import solve_spiral
from citygis.cogo.traverse import closure, polygon


def ring(*points):
    return [course_between(a, b) for a, b in zip(points, [*points[1:], points[0]], strict=True)]


def areas(figures):
    return sorted(round(figure.area_sqft, 6) for figure in figures)


RANCH = [line_course(parse_bearing(b), d) for b, d in (("S 88° W", 1650), ("N", 1056), ("N 88° E", 1650), ("S", 1056))]
HORSESHOE = ring((0, 0), (0, 10), (3, 10), (3, 3), (7, 3), (7, 10), (10, 10), (10, 0))
DISC = [
    curve_course(solve_curve(radius_ft=10, delta_deg=270), "R", azimuth_deg=10),
    curve_course(solve_curve(radius_ft=10, delta_deg=90), "R", azimuth_deg=190),
]


def test_a_line_through_a_point_cuts_a_square_in_two():
    found = divided(ring((0, 0), (0, 10), (10, 10), (10, 0)), (0, 0), (4, 5), 0)
    assert areas(found.left) == [40]
    assert areas(found.right) == [60]


def test_a_horseshoe_falls_into_three():
    found = divided(HORSESHOE, (0, 0), (5, 5), 90)
    assert areas(found.left) == [15, 15]  # both arms
    assert areas(found.right) == [42]


@pytest.mark.parametrize(("northing", "left", "right"), [(3, [21, 21], [30]), (10, [], [72]), (0, [72], []), (11, [], [72])])
def test_a_line_along_a_side_divides_without_slivers(northing, left, right):
    found = divided(HORSESHOE, (0, 0), (5, northing), 90)
    assert (areas(found.left), areas(found.right)) == (left, right)


def test_a_line_through_two_corners():
    found = divided(ring((0, 0), (0, 10), (10, 10), (10, 0)), (0, 0), (0, 0), 45)
    assert areas(found.left) == areas(found.right) == [50]


def test_the_north_20_acres_of_richards_ranch():
    found = divided_by_area(RANCH, (0, 0), 88, 20 * 43_560)
    assert area_sqft(found.left[0].courses) == pytest.approx(20 * 43_560, abs=0.001)
    # A parallelogram: 20 acres parallel to its long side, measured down its other side.
    width = 20 * 43_560 / (1650 * math.sin(math.radians(88)))
    assert sorted(c.distance_ft for c in found.left[0].courses) == pytest.approx(sorted([1650, 1650, width, width]), abs=1e-4)


def test_the_same_20_acres_along_the_north_side():
    along = divided_along_side(RANCH, (0, 0), 2, 20 * 43_560)
    by_area = divided_by_area(RANCH, (0, 0), 88, 20 * 43_560)
    assert along.left[0].start == pytest.approx(by_area.left[0].start)
    # Whichever way round the loop is described.
    backwards = divided_along_side(reversed_courses(RANCH), (0, 0), 1, 20 * 43_560)
    assert (
        polygon(backwards.left[0].courses, backwards.left[0].start)
        .symmetric_difference(polygon(along.left[0].courses, along.left[0].start))
        .area
        < 1e-3
    )


@given(st.floats(0, 359), st.floats(0.02, 0.98))
@settings(max_examples=60, deadline=None)
def test_a_share_of_a_disc_is_cut_off_exactly_and_keeps_its_arcs(azimuth, share):
    total = 100 * math.pi
    found = divided_by_area(DISC, (0, 0), azimuth, share * total)
    assert sum(f.area_sqft for f in found.left) == pytest.approx(share * total, abs=0.001)
    assert sum(f.area_sqft for f in (*found.left, *found.right)) == pytest.approx(total, abs=1e-5)
    for figure in (*found.left, *found.right):
        assert closure(figure.courses).misclosure_ft < 1e-6
        assert {c.radius_ft for c in figure.courses if c.kind == "curve"} == {10.0}


@given(st.floats(0, 359), st.floats(-5, 5), st.floats(-5, 5))
@settings(max_examples=80, deadline=None)
def test_what_is_divided_adds_up(azimuth, east, north):
    street = oriented(
        [line_course(0, 30), curve_course(solve_curve(radius_ft=30, delta_deg=90), "L", tangency="tangent"),
         line_course(90, 180), line_course(180, 60), line_course(270, 150)]
    ).courses  # fmt: skip
    for courses, middle in ((street, (60, 30)), (HORSESHOE, (5, 5))):
        found = divided(courses, (0, 0), (middle[0] + east, middle[1] + north), azimuth)
        assert sum(f.area_sqft for f in (*found.left, *found.right)) == pytest.approx(area_sqft(courses), abs=1e-3)


@given(st.floats(0, 359), st.floats(1, 9), st.floats(1, 9))
@settings(max_examples=80, deadline=None)
def test_each_side_of_a_horseshoe_is_what_a_half_plane_covers(azimuth, east, north):
    found = divided(HORSESHOE, (0, 0), (east, north), azimuth)
    angle = math.radians(azimuth)
    ahead, right = np.array([math.sin(angle), math.cos(angle)]), np.array([math.cos(angle), -math.sin(angle)])
    at = np.array([east, north])
    half = shapely.Polygon([at - 50 * ahead, at + 50 * ahead, at + 50 * ahead + 50 * right, at - 50 * ahead + 50 * right])
    for figures, truth in ((found.right, polygon(HORSESHOE).intersection(half)), (found.left, polygon(HORSESHOE).difference(half))):
        mine = shapely.union_all([polygon(f.courses, f.start) for f in figures]) if figures else shapely.Polygon()
        assert mine.symmetric_difference(truth).area < 1e-3


def test_left_is_left_as_seen_along_the_line():
    found = divided_by_area(ring((0, 0), (0, 10), (10, 10), (10, 0)), (0, 0), 0, 30)
    assert max(x for x, _ in polygon(found.left[0].courses, found.left[0].start).exterior.coords) == pytest.approx(3, abs=1e-5)


@pytest.mark.parametrize("wanted", [0, -5, 100, 200])
def test_more_than_the_figure_holds_is_refused(wanted):
    with pytest.raises(ValueError, match="left_sqft"):
        divided_by_area(ring((0, 0), (0, 10), (10, 10), (10, 0)), (0, 0), 0, wanted)


def test_open_figures_and_spirals_are_not_divided():
    with pytest.raises(ValueError, match=r"does not close by 1\.000 ft"):
        divided([line_course(0, 10), line_course(90, 10), line_course(180, 10), line_course(270, 9)], (0, 0), (5, 5), 0)
    with pytest.raises(ValueError, match="spiral"):
        divided([spiral_course(solve_spiral(100, 300), "R", azimuth_deg=0)], (0, 0), (5, 5), 0)
    with pytest.raises(ValueError, match="side"):
        divided_along_side(DISC, (0, 0), 0, 5)
