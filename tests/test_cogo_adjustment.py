"""Adjustments against published ones; a record is never adjusted without being asked for a copy."""

import math

import numpy as np
import pytest

from citygis.cogo.adjustment import RULES, adjusted, adjusted_by_least_squares
from citygis.cogo.area import area_sqft
from citygis.cogo.bearing import parse_bearing
from citygis.cogo.course import curve_course, line_course
from citygis.cogo.curve import solve_curve
from citygis.cogo.traverse import closure, corners


def loop(text, basis="MEASURED"):
    return [line_course(parse_bearing(b), float(d), basis=basis) for b, d in (call.split() for call in text.split(";"))]


PURDUE = "N26-10E 285.10; S75-25E 610.45; S15-30W 720.48; N1-42W 203.00; N53-06W 647.02"
SIX_LEGS = "N5-30E 495.85; N46-02E 850.62; S67-38E 855.45; S12-25E 1020.87; S83-44W 1117.26; N55-09W 660.08"


def test_the_compass_rule_gives_purdues_corners():
    found = corners(adjusted(loop(PURDUE)).courses, (10_000, 10_000))
    published = [(10125.66, 10255.96), (10716.31, 10102.44), (10523.62, 9408.37), (10517.55, 9611.34)]
    assert found[1:-1] == pytest.approx(np.array(published), abs=0.011)  # they rounded before they closed


def test_the_compass_rule_gives_the_six_legs_to_four_places():
    fixed = adjusted(loop(SIX_LEGS))
    steps = np.diff(corners(fixed.courses), axis=0)
    assert steps[:, 1] == pytest.approx([491.8995, 587.6733, -328.4036, -1000.4252, -125.7134, 374.9694], abs=1e-4)
    assert steps[:, 0] == pytest.approx([45.7328, 609.1538, 788.0003, 215.8168, -1114.6225, -544.0812], abs=1e-4)
    assert area_sqft(fixed.courses) == pytest.approx(1_715_250.0494, abs=0.001)
    assert fixed.before.misclosure_ft == pytest.approx(24.6876, abs=1e-4)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_closes(rule):
    fixed = adjusted(loop(SIX_LEGS), rule)
    assert closure(fixed.courses).misclosure_ft < 1e-9
    assert fixed.corrections_ft.sum(axis=0) == pytest.approx([-18.0737, -16.8171], abs=1e-4)


def test_the_transit_rule_corrects_by_latitude_and_departure():
    # A course due north gets no departure, and half of the latitude where half of all latitudes lies in it.
    fixed = adjusted(loop("N 100; E 100; S 100; W 99"), "transit")
    assert fixed.corrections_ft[:, 0] == pytest.approx([0, -100 / 199, 0, -99 / 199])
    assert fixed.corrections_ft[:, 1] == pytest.approx([0, 0, 0, 0], abs=1e-12)


def test_crandalls_rule_holds_the_directions():
    fixed = adjusted(loop(SIX_LEGS), "crandall")
    assert [c.azimuth_deg for c in fixed.courses] == pytest.approx([c.azimuth_deg for c in loop(SIX_LEGS)])


def test_a_record_is_not_adjusted_unless_a_copy_is_asked_for():
    deed = loop(PURDUE, basis="RECORD")
    with pytest.raises(ValueError, match=r"Course 1 is of record.*fitted_copy=True"):
        adjusted(deed)
    with pytest.raises(ValueError, match="of record"):
        adjusted_by_least_squares(deed, sigma_distance_ft=0.1, sigma_azimuth_s=60)
    copy = adjusted(deed, fitted_copy=True).courses
    assert {course.basis for course in copy} == {"CALCULATED"}
    assert [course.record for course in copy] == deed
    assert [c.distance_ft for c in deed] == [285.10, 610.45, 720.48, 203.00, 647.02]


def test_a_copy_of_a_copy_still_knows_its_record():
    deed = loop(PURDUE, basis="RECORD")
    again = adjusted(adjusted(deed, fitted_copy=True).courses, "transit").courses
    assert [course.record for course in again] == deed


def test_one_record_course_among_measured_ones_is_enough_to_refuse():
    mixed = [*loop(PURDUE)[:4], loop(PURDUE, basis="RECORD")[4]]
    with pytest.raises(ValueError, match="Course 5"):
        adjusted(mixed)


def test_a_curve_keeps_its_delta_when_its_chord_is_adjusted():
    half = curve_course(solve_curve(radius_ft=50, delta_deg=180), "R", azimuth_deg=0, basis="MEASURED")
    fixed = adjusted([half, *loop("S 99")]).courses[0]
    assert fixed.delta_deg == 180
    assert fixed.radius_ft == pytest.approx(fixed.distance_ft / 2)
    assert fixed.arc_ft == pytest.approx(math.pi * fixed.radius_ft)


def test_parallel_courses_have_no_crandall():
    with pytest.raises(ValueError, match="compass"):
        adjusted(loop("N 100; S 99"), "crandall")
    with pytest.raises(ValueError, match="compass"):
        adjusted([line_course(0, 100, basis="MEASURED"), line_course(180, 99, basis="MEASURED")], "transit", closes_on=(1, 0))


def test_least_squares_of_purdues_loop():
    # Studied beforehand with an own program of 40 lines: s0 2.26 for 0.10 ft and 60 seconds.
    found = adjusted_by_least_squares(loop(PURDUE), (10_000, 10_000), sigma_distance_ft=0.10, sigma_azimuth_s=60)
    assert found.s0 == pytest.approx(2.26, abs=0.005)
    assert found.redundancy == 2
    assert closure(found.courses).misclosure_ft < 1e-9
    assert found.corners == pytest.approx(corners(adjusted(loop(PURDUE)).courses, (10_000, 10_000)), abs=0.13)


def test_least_squares_with_directions_held_is_crandall():
    # Distances with variances in proportion to length, directions all but exact: Crandall's own assumptions.
    courses = loop("N 100; E 100.3; S 100.2; W 100; N 0.1")[:4]
    lengths = np.array([c.distance_ft for c in courses])
    found = adjusted_by_least_squares(courses, sigma_distance_ft=0.01 * np.sqrt(lengths), sigma_azimuth_s=1e-4)
    assert found.corners == pytest.approx(corners(adjusted(courses, "crandall").courses), abs=1e-5)


def test_residuals_are_what_the_courses_were_changed_by():
    courses = loop(PURDUE)
    found = adjusted_by_least_squares(courses, sigma_distance_ft=0.1, sigma_azimuth_s=60)
    assert found.distance_residual_ft == pytest.approx(
        [a.distance_ft - c.distance_ft for a, c in zip(found.courses, courses, strict=True)]
    )
    assert found.azimuth_residual_s == pytest.approx(
        [3600 * (a.azimuth_deg - c.azimuth_deg) for a, c in zip(found.courses, courses, strict=True)], abs=1e-4
    )


def test_ellipses_of_a_corner_between_two_fixed_ends():
    # East 100 and back: the corner has two distances and two directions; variance along 0.1²/2, across (100 ft x 60")²/2.
    courses = [line_course(90, 100.1, basis="MEASURED"), line_course(90, 100, basis="MEASURED")]
    found = adjusted_by_least_squares(courses, sigma_distance_ft=0.1, sigma_azimuth_s=60, closes_on=(200, 0))
    # 0.1 ft is shared by two distances: residuals 0.05 each, s0² = 2 x 0.25 / 2.
    assert found.s0 == pytest.approx(0.5, rel=1e-3)
    assert found.semi_major_ft[1] == pytest.approx(0.1 / math.sqrt(2) * 0.5, rel=1e-2)
    assert found.semi_minor_ft[1] == pytest.approx(100 * math.radians(1 / 60) / math.sqrt(2) * 0.5, rel=1e-2)
    assert found.major_azimuth_deg[1] == pytest.approx(90, abs=0.1)
    assert found.semi_major_ft[[0, 2]].tolist() == [0, 0]


@pytest.mark.parametrize("bad", [{"sigma_distance_ft": 0}, {"sigma_azimuth_s": -1}])
def test_sigmas_must_be_positive(bad):
    with pytest.raises(ValueError, match="sigma"):
        adjusted_by_least_squares(loop(PURDUE), **({"sigma_distance_ft": 0.1, "sigma_azimuth_s": 60} | bad))


def test_an_unknown_rule_is_refused():
    with pytest.raises(ValueError, match="compass, transit, crandall"):
        adjusted(loop(PURDUE), "bowditch")
