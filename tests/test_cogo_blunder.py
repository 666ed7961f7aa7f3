"""The blunder finder: planted blunders in a lot of five courses, and none where there is none."""

import math

import pytest

from citygis.cogo.area import area_sqft
from citygis.cogo.bearing import parse_bearing
from citygis.cogo.blunder import Rounding, rounding_of, suspects
from citygis.cogo.course import curve_course, line_course, oriented
from citygis.cogo.curve import solve_curve
from citygis.cogo.traverse import closure


def loop(text):
    return [line_course(parse_bearing(b), float(d)) for b, d in (call.split() for call in text.split(";"))]


# Spokane County parcel 24274.9094, as described: closes within 0.005 ft.
SPOKANE = loop(
    "S00-38-50E 155.32; N89-21-10E 46.45; S00-38-50E 545.95; S89-21-04W 860.30; N42-16-22E 209.06; N23-56-22E 139.51; "
    "N01-54-38W 318.86; N11-24-38W 104.39; N89-21-10E 639.96"
)


def with_course(courses, position, **changes):
    return [*courses[:position], courses[position]._replace(**changes), *courses[position + 1 :]]


def test_a_figure_that_closes_has_no_suspects():
    assert closure(SPOKANE).misclosure_ft < 0.01
    assert suspects(SPOKANE) == ()


@pytest.mark.parametrize(
    ("position", "changes", "kind", "element"),
    [
        (4, {"azimuth_deg": parse_bearing("S42-16-22E")}, "quadrant", "bearing"),
        (5, {"azimuth_deg": parse_bearing("S23-56-22W")}, "reversed", "bearing"),
        (6, {"distance_ft": 381.86}, "transposed", "distance"),
        (4, {"distance_ft": 109.06}, "slipped", "distance"),
        (7, {"azimuth_deg": parse_bearing("N11-42-38W")}, "transposed", "bearing"),
        (5, {"azimuth_deg": parse_bearing("N24-56-22E")}, "slipped", "bearing"),
        (6, {"distance_ft": 31.86}, "digit_dropped", "distance"),
        (5, {"distance_ft": 139.91}, "digit", "distance"),
    ],
)
def test_the_course_and_the_slip_are_found(position, changes, kind, element):
    first = suspects(with_course(SPOKANE, position, **changes))[0]
    assert (first.position, first.kind, first.element) == (position, kind, element)
    truth = SPOKANE[position].azimuth_deg if element == "bearing" else SPOKANE[position].distance_ft
    assert first.restored == pytest.approx(truth, abs=1e-6)
    assert first.misclosure_ft == pytest.approx(closure(SPOKANE).misclosure_ft, abs=1e-6)
    assert first.closure_ratio > 100_000


def tangent_lot(hand="R", radius=200.0, delta=35.0):
    """A lot on the outside of a street curve; the far side closes the true figure."""
    curve = curve_course(solve_curve(radius_ft=radius, delta_deg=delta), hand, tangency="tangent")
    return [line_course(10, 60), curve, line_course(None, 45, tangency="tangent")]


def closed(front):
    """`front` and two lines, to the hundredth and the second, that close it."""
    laid = oriented(front).courses
    gap = closure(laid)
    corner = (gap.sum_easting_ft + 90.0, gap.sum_northing_ft - 40.0)
    lines = []
    for e, n in ((90.0, -40.0), (-corner[0], -corner[1])):
        lines.append(line_course(round(math.degrees(math.atan2(e, n)) * 3600) / 3600, round(math.hypot(e, n), 2)))
    return [*front, *lines]


@pytest.mark.parametrize(
    ("wrong", "element", "restored"),
    [
        (tangent_lot(hand="L"), "hand", "R"),
        (tangent_lot(radius=300.0), "radius", 200.0),
        (tangent_lot(delta=53.0), "delta", 35.0),
    ],
)
def test_a_curve_takes_what_is_tangent_to_it_along(wrong, element, restored):
    true = closed(tangent_lot())
    assert suspects(true) == ()
    first = suspects([*wrong, *true[3:]])[0]
    assert (first.position, first.element) == (1, element)
    assert first.restored == (restored if isinstance(restored, str) else pytest.approx(restored))


def test_of_two_parallel_sides_the_stated_area_tells_which():
    # A rectangle of 120.45 by 80; one long side was copied as 102.45. Either one, changed, closes it.
    rectangle = loop("N 80.00; E 120.45; S 80.00; W 120.45")
    wrong = with_course(rectangle, 1, distance_ft=102.45)
    alone = {s.position for s in suspects(wrong)}
    assert alone == {1, 3}
    first = suspects(wrong, area_sqft=9636, area_rounding_sqft=1)[0]
    assert (first.position, first.restored) == (1, 120.45)
    assert suspects(wrong, area_sqft=8196, area_rounding_sqft=1)[0].position == 3


def test_what_no_single_course_explains_has_no_suspects():
    two_wrong = with_course(with_course(SPOKANE, 4, distance_ft=277.77), 7, azimuth_deg=77.7)
    assert suspects(two_wrong) == ()


def test_a_number_that_no_slip_explains_is_still_named():
    found = suspects(with_course(SPOKANE, 4, distance_ft=357.93))
    assert found[0].position == 4
    assert found[0].kind == "unexplained"
    assert found[0].restored == pytest.approx(209.06, abs=0.02)


def test_weights_fall_and_the_answer_is_always_the_same():
    wrong = with_course(SPOKANE, 6, distance_ft=381.86)
    found = suspects(wrong)
    assert [s.weight for s in found] == sorted((s.weight for s in found), reverse=True)
    assert 0 < sum(s.weight for s in found) <= 1 + 1e-9
    assert found == suspects(wrong)
    assert len(suspects(wrong, limit=1)) == 1


def test_a_link_is_searched_against_its_end():
    courses = loop("N45-00-00E 100.00; N20-00-00E 200.00")
    end = closure(courses)
    on = (end.sum_easting_ft, end.sum_northing_ft)
    assert suspects(courses, closes_on=on) == ()
    assert suspects(with_course(courses, 1, distance_ft=300.0), closes_on=on)[0].position == 1


def test_the_rounding_of_a_document_shows_in_its_lines():
    assert rounding_of(SPOKANE) == Rounding(0.01, 1.0)
    assert rounding_of(loop("N26-10E 285.1; S75-25E 610.4; S15-30W 720.5")) == Rounding(0.1, 60.0)
    assert rounding_of(loop("N 80; E 120")) == Rounding(1.0, 1.0)


def test_a_coarse_document_is_allowed_what_its_rounding_does():
    # To the nearest minute and foot this misses by 0.9 ft, which is no blunder there.
    coarse = loop("N30-10E 286; S75-25E 610; S15-30W 721; N1-42W 203")
    gap = closure(coarse)
    on = (gap.sum_easting_ft - 0.7, gap.sum_northing_ft)
    assert suspects(coarse, closes_on=on) == ()
    # In a document to the hundredth and the second a miss of 0.7 ft is looked into: a course of 286 may be 285.3.
    fine = [*coarse[:3], line_course(coarse[3].azimuth_deg, 203.00)]
    assert suspects(fine, closes_on=on, rounding=Rounding(0.01, 1.0))


def test_the_area_of_the_restored_figure_is_the_true_one():
    wrong = with_course(SPOKANE, 5, azimuth_deg=parse_bearing("S23-56-22W"))
    first = suspects(wrong, area_sqft=481_857.563, area_rounding_sqft=1)[0]
    mended = with_course(wrong, first.position, azimuth_deg=first.restored)
    assert area_sqft(mended) == pytest.approx(481_857.563, abs=1)
