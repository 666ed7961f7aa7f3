"""Closures against published traverses, and polygons that stand for courses."""

import math

import numpy as np
import pytest

from citygis.cogo.bearing import parse_bearing
from citygis.cogo.course import course_between, curve_course, line_course, oriented
from citygis.cogo.curve import solve_curve
from citygis.cogo.traverse import closure, closures, corners, polygon, vertices


def loop(text):
    return [line_course(parse_bearing(b), float(d)) for b, d in (call.split() for call in text.split(";"))]


FOUR_LEGS = loop("N22-36-40W 314.02; S60-39-24W 264.49; S38-46-10E 213.50; N88-22-58E 217.69")


def test_the_published_loop_of_four_legs():
    # 0.045 ft, 1:22,500.
    found = closure(FOUR_LEGS)
    assert found.misclosure_ft == pytest.approx(0.045, abs=0.0005)
    assert found.closure_ratio == pytest.approx(22_500, rel=0.002)
    steps = np.diff(corners(FOUR_LEGS), axis=0)
    assert steps[:, 0] == pytest.approx([-120.733, -230.556, 133.691, 217.603], abs=0.001)
    assert steps[:, 1] == pytest.approx([289.883, -129.611, -166.460, 6.144], abs=0.001)


def test_a_square_missing_a_tenth_of_a_foot_closes_one_in_3999():
    found = closure(loop("N 100; E 100; S 100; W 99.90"))
    assert (found.misclosure_ft, found.misclosure_azimuth_deg) == (pytest.approx(0.1), pytest.approx(90))
    assert found.closure_ratio == pytest.approx(3999)


def test_a_perfect_loop_closes_one_in_infinity():
    assert closure(loop("N 100; E 100; S 100; W 100")).closure_ratio == math.inf


def test_arcs_count_in_the_perimeter_and_chords_in_the_sums():
    half = curve_course(solve_curve(radius_ft=50, delta_deg=180), "R", azimuth_deg=0)
    found = closure([half, line_course(180, 100)])
    assert found.perimeter_ft == pytest.approx(50 * math.pi + 100)
    assert found.misclosure_ft == pytest.approx(0, abs=1e-9)


def test_a_link_is_measured_against_where_it_should_end():
    found = closure(loop("N 100; E 100"), closes_on=(100, 99))
    assert (found.sum_easting_ft, found.sum_northing_ft) == (pytest.approx(0), pytest.approx(1))


def test_many_loops_at_once_are_each_as_one():
    square = loop("N 100; E 100; S 100; W 99.90")
    courses = [*FOUR_LEGS, *square, *FOUR_LEGS]
    number = [0] * 4 + [1] * 4 + [2] * 4
    found = closures(number, [c.azimuth_deg for c in courses], [c.distance_ft for c in courses])
    for n, one in enumerate((FOUR_LEGS, square, FOUR_LEGS)):
        assert [values[n] for values in found] == pytest.approx(list(closure(one)))


def test_no_courses_have_no_closure():
    with pytest.raises(ValueError, match="at least one course"):
        closure([])


def test_corners_begin_at_the_point_of_beginning():
    places = corners(loop("N 100; E 50"), (6337000, 2122000))
    assert places.tolist() == [[6337000, 2122000], [6337000, 2122100], [6337050, 2122100]]


def test_vertices_pass_through_every_corner_and_stay_near_the_arc():
    courses = [line_course(0, 50), curve_course(solve_curve(radius_ft=100, delta_deg=90), "R", azimuth_deg=45), line_course(90, 20)]
    path = vertices(courses, (10, 20), sagitta_ft=0.01)
    for corner in corners(courses, (10, 20)):
        assert np.hypot(*(path - corner).T).min() == 0
    arc = path[1:-1]
    assert np.hypot(*(arc - [110, 70]).T) == pytest.approx(100)


def test_two_lots_on_one_curve_share_its_vertices_exactly():
    # A curve of radius 200 along the street, one lot on each side: travelled right by the one and left by the other.
    a, b = (6337530.52, 2122699.97), (6337611.13, 2122741.39)
    inside = [
        course_between(a, b, hand="R", radius_ft=200),
        course_between(b, (6337600, 2122600)),
        course_between((6337600, 2122600), a),
    ]
    outside = [
        course_between(b, a, hand="L", radius_ft=200),
        course_between(a, (6337520, 2122800)),
        course_between((6337520, 2122800), b),
    ]
    one, other = polygon(inside, a), polygon(outside, b)
    assert one.intersection(other).area == 0
    shared = one.union(other)
    assert shared.geom_type == "Polygon" and not shared.interiors
    assert shared.area == pytest.approx(one.area + other.area, abs=1e-9)


def as_recorded(course):
    """To the second and the hundredth, as a map gives it."""
    return course._replace(azimuth_deg=round(course.azimuth_deg * 3600) / 3600, distance_ft=round(course.distance_ft, 2))


def test_neighbours_of_a_record_share_vertices_where_their_corners_are_given():
    # Two lots on one arc, each begun at a corner of its own: summed from there, the record puts the arc in two places.
    a, b, c, d = np.array(
        [(6337530.5213, 2122699.9722), (6337611.1309, 2122741.3948), (6337601.3, 2122609.3), (6337519.6, 2122801.3)]
    )
    mine = [
        as_recorded(course_between(a, b, hand="R", radius_ft=200)),
        *map(as_recorded, (course_between(b, c), course_between(c, a))),
    ]
    theirs = [
        as_recorded(course_between(d, b)),
        as_recorded(course_between(b, a, hand="L", radius_ft=200)),
        as_recorded(course_between(a, d)),
    ]
    assert not {*polygon(mine, a).exterior.coords} & {*polygon(theirs, d).exterior.coords} - {tuple(a)}
    one, other = polygon(mine, places=[a, b, c, a]), polygon(theirs, places=[d, b, a, d])
    on_arc = vertices(mine[:1], places=[a, b])
    assert {*one.exterior.coords} & {*other.exterior.coords} == {tuple(v) for v in on_arc}
    assert one.intersection(other).area == 0
    assert one.union(other).area == pytest.approx(one.area + other.area, abs=1e-6)


def test_places_are_as_many_as_corners():
    with pytest.raises(ValueError, match="Must be the 3 corners"):
        vertices(loop("N 100; E 100"), places=[(0, 0), (0, 100)])


def test_a_tangent_curve_closes_nelson_street():
    laid = oriented(
        [
            line_course(0, 30),
            curve_course(solve_curve(radius_ft=30, delta_deg=90), "L", tangency="tangent"),
            *loop("E 180; S 60; W 150"),
        ]
    )
    assert closure(laid.courses).misclosure_ft == pytest.approx(0, abs=1e-9)
