"""Areas exact on arcs, against published lots."""

import math

import numpy as np
import pytest

from citygis.cogo.area import area_sqft, areas_sqft, double_meridian_distance_area_sqft, signed_area_sqft
from citygis.cogo.bearing import parse_bearing
from citygis.cogo.course import curve_course, line_course, oriented, reversed_courses, spiral_course
from citygis.cogo.curve import solve_curve
from citygis.cogo.spiral import solve_spiral
from citygis.cogo.traverse import corners, polygon


def test_the_60_by_120_lot_with_a_corner_of_20_feet():
    # Published 7,114 sq ft: 7,200 less the corner, 400 - 100 pi.
    corner = curve_course(solve_curve(radius_ft=20, delta_deg=90), "R", tangency="tangent")
    lot = oriented([line_course(0, 100), corner, line_course(90, 40), line_course(180, 120), line_course(270, 60)]).courses
    assert area_sqft(lot) == pytest.approx(7200 - 400 + 100 * math.pi)
    assert round(area_sqft(lot)) == 7114


def test_nelson_street_is_9193_square_feet():
    curve = curve_course(solve_curve(radius_ft=30, delta_deg=90), "L", tangency="tangent")
    street = oriented([line_course(0, 30), curve, line_course(90, 180), line_course(180, 60), line_course(270, 150)]).courses
    assert round(area_sqft(street), 2) == 9193.14


def test_richards_ranch_is_not_quite_the_40_acres_it_is_said_to_be():
    ranch = [line_course(parse_bearing(b), d) for b, d in (("S 88° W", 1650), ("N", 1056), ("N 88° E", 1650), ("S", 1056))]
    assert area_sqft(ranch) / 43_560 == pytest.approx(39.976, abs=0.0005)


def test_a_disc_of_two_curves():
    disc = [
        curve_course(solve_curve(radius_ft=10, delta_deg=270), "R", azimuth_deg=10),
        curve_course(solve_curve(radius_ft=10, delta_deg=90), "R", azimuth_deg=190),
    ]
    assert area_sqft(disc) == pytest.approx(100 * math.pi)


def test_chords_for_arcs_lose_the_segment():
    half = [curve_course(solve_curve(radius_ft=100, delta_deg=180), "R", azimuth_deg=0), line_course(180, 200)]
    assert area_sqft(half) == pytest.approx(5000 * math.pi)
    assert double_meridian_distance_area_sqft(half) == pytest.approx(0, abs=1e-6)
    # The polygon at the stated sagitta is nearer, and still not exact.
    assert 0 < area_sqft(half) - polygon(half).area < 0.01 * 100 * math.pi


def test_clockwise_is_positive_whichever_way_it_is_travelled():
    square = [line_course(a, 10) for a in (0, 90, 180, 270)]
    assert signed_area_sqft(square) == pytest.approx(100)
    assert signed_area_sqft(reversed_courses(square)) == pytest.approx(-100)
    assert area_sqft(reversed_courses(square)) == pytest.approx(100)


def test_double_meridian_distances_agree_on_straight_lots():
    rng = np.random.default_rng(3)
    angle = np.sort(rng.uniform(0, 360, 9))
    ring = 100 * np.column_stack([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    steps = np.diff(np.vstack([ring, ring[:1]]), axis=0)
    lot = [line_course(math.degrees(math.atan2(e, n)), math.hypot(e, n)) for e, n in steps]
    assert double_meridian_distance_area_sqft(lot) == pytest.approx(area_sqft(lot))


def test_the_area_under_a_spiral_is_in_it():
    spiral = spiral_course(solve_spiral(250, 300), "R", azimuth_deg=30)
    back = line_course(210, spiral.distance_ft)
    assert area_sqft([spiral, back]) == pytest.approx(polygon([spiral, back], sagitta_ft=1e-5).area, rel=1e-5)


def test_many_lots_at_once_are_each_as_one():
    half = [curve_course(solve_curve(radius_ft=100, delta_deg=180), "R", azimuth_deg=0), line_course(180, 200)]
    bite = oriented([line_course(0, 30), curve_course(solve_curve(radius_ft=30, delta_deg=90), "L", tangency="tangent"),
                     line_course(90, 180), line_course(180, 60), line_course(270, 150)]).courses  # fmt: skip
    square = [line_course(a, 10) for a in (0, 90, 180, 270)]
    lots = [half, bite, square, half]
    courses = [course for lot in lots for course in lot]
    found = areas_sqft(
        [n for n, lot in enumerate(lots) for _ in lot],
        [c.azimuth_deg for c in courses],
        [c.distance_ft for c in courses],
        [c.radius_ft or math.nan for c in courses],
        [(c.delta_deg or 0) * (-1 if c.hand == "L" else 1) for c in courses],
    )
    assert found == pytest.approx([signed_area_sqft(lot) for lot in lots])


def test_courses_of_one_loop_must_be_together():
    with pytest.raises(ValueError, match="ascending"):
        areas_sqft([0, 1, 0], [0, 90, 180], [1, 1, 1])


def test_large_coordinates_do_not_cost_digits():
    square = [line_course(a, 10) for a in (0, 90, 180, 270)]
    assert corners(square, (6.3e6, 2.1e6))[0].tolist() == [6.3e6, 2.1e6]
    assert area_sqft(square) == pytest.approx(100, abs=1e-10)
