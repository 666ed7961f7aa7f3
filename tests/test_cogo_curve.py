"""Curves against published ones, from any two elements, and every further element checked."""

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo.angle import parse_angle
from citygis.cogo.curve import segment_area_sqft, solve_curve

ELEMENTS = (
    "radius_ft",
    "delta_deg",
    "arc_ft",
    "chord_ft",
    "tangent_ft",
    "middle_ordinate_ft",
    "external_ft",
    "degree_arc_deg",
    "degree_chord_deg",
)
OPEN = [{"radius_ft", "degree_arc_deg"}, {"radius_ft", "degree_chord_deg"}, {"degree_arc_deg", "degree_chord_deg"}]
TWO_ANSWERS = {"tangent_ft", "middle_ordinate_ft"}


def test_the_highway_curve_of_8_degrees():
    # Published: R 716.20, T 162.06, L 318.75; and T 908.50 (rounded up), L 1293.75.
    curve = solve_curve(degree_arc_deg=8, delta_deg=25.5)
    assert (round(curve.radius_ft, 2), round(curve.tangent_ft, 2), round(curve.arc_ft, 2)) == (716.20, 162.06, 318.75)
    curve = solve_curve(degree_arc_deg=8, delta_deg=103.5)
    assert curve.tangent_ft == pytest.approx(908.50, abs=0.02)
    assert curve.arc_ft == pytest.approx(1293.75, abs=1e-9)


def test_ghilani_and_wolfs_curve_of_2_degrees():
    curve = solve_curve(degree_arc_deg=2, delta_deg=8.4)
    published = (2864.79, 210.38, 420.00, 419.62, 7.71, 7.69)
    found = (curve.radius_ft, curve.tangent_ft, curve.arc_ft, curve.chord_ft, curve.external_ft, curve.middle_ordinate_ft)
    assert found == pytest.approx(published, abs=0.006)


def test_a_degree_by_the_chord_has_a_chord_of_a_hundred_feet():
    curve = solve_curve(degree_chord_deg=60, delta_deg=60)
    assert curve.radius_ft == pytest.approx(100)
    assert curve.chord_ft == pytest.approx(100)


@pytest.mark.parametrize("pair", [p for p in itertools.combinations(ELEMENTS, 2) if set(p) not in (*OPEN, TWO_ANSWERS)])
def test_any_two_elements_give_all_the_others(pair):
    whole = solve_curve(radius_ft=300, delta_deg=70)
    found = solve_curve(**{name: getattr(whole, name) for name in pair})
    assert found[:9] == pytest.approx(whole[:9], rel=1e-9)
    assert not found.conflicts


@pytest.mark.parametrize("pair", [("radius_ft", "degree_arc_deg"), ("tangent_ft", "middle_ordinate_ft"), ("delta_deg",), ()])
def test_what_does_not_suffice_is_refused(pair):
    whole = solve_curve(radius_ft=300, delta_deg=70)
    with pytest.raises(ValueError, match="two elements"):
        solve_curve(**{name: getattr(whole, name) for name in pair})


@given(st.floats(20, 5000), st.floats(2, 170))
@settings(max_examples=60, deadline=None)
def test_a_curve_written_to_a_hundredth_and_a_second_agrees_with_itself(radius, delta):
    radius, delta = round(radius, 2), round(delta * 3600) / 3600
    exact = solve_curve(radius_ft=radius, delta_deg=delta)
    stated = {name: round(getattr(exact, name), 2) for name in ("arc_ft", "chord_ft", "tangent_ft")}
    assert solve_curve(radius_ft=radius, delta_deg=delta, **stated).conflicts == ()


def test_the_deed_that_says_93_57_for_an_arc_of_93_87_is_flagged():
    curve = solve_curve(radius_ft=494, delta_deg=parse_angle("10-53-15"), arc_ft=93.57)
    (conflict,) = curve.conflicts
    assert conflict.element == "arc_ft"
    assert (conflict.stated, round(conflict.computed, 3), round(conflict.difference, 2)) == (93.57, 93.871, -0.30)
    assert conflict.tolerance == pytest.approx(0.02, abs=0.005)
    # The older deed's 93.84 came from a delta of 10°53': there it is right, here it is not.
    assert solve_curve(radius_ft=494, delta_deg=parse_angle("10-53-15"), arc_ft=93.84).conflicts
    # 494 feet times 10°53' is 93.835 to the thousandth.
    assert not solve_curve(radius_ft=494, delta_deg=parse_angle("10-53-00"), arc_ft=93.84).conflicts


def test_records_that_agree_within_their_rounding_are_not_flagged():
    assert not solve_curve(radius_ft=475, delta_deg=parse_angle("13-12-38"), arc_ft=109.52).conflicts
    assert not solve_curve(radius_ft=277.5, delta_deg=parse_angle("19-37-25"), arc_ft=95.05).conflicts
    # "47.1 feet more or less" is stated to a tenth.
    assert solve_curve(radius_ft=30, delta_deg=90, arc_ft=47.1).conflicts
    assert not solve_curve(radius_ft=30, delta_deg=90, arc_ft=47.1, rounding={"arc_ft": 0.05}).conflicts


def test_a_large_radius_allows_what_a_second_of_delta_moves():
    # Half a second of a 20,000 ft radius is 0.048 ft of arc.
    exact = math.radians(5) * 20_000
    assert not solve_curve(radius_ft=20_000, delta_deg=5, arc_ft=exact + 0.045).conflicts
    assert solve_curve(radius_ft=20_000, delta_deg=5, arc_ft=exact + 0.07).conflicts


@pytest.mark.parametrize("wrong", ["radius_ft", "delta_deg", "arc_ft", "chord_ft"])
def test_of_four_elements_the_one_that_is_wrong_is_named(wrong):
    whole = solve_curve(radius_ft=300, delta_deg=70)
    stated = {name: getattr(whole, name) for name in ("radius_ft", "delta_deg", "arc_ft", "chord_ft")}
    stated[wrong] *= 1.1
    curve = solve_curve(**stated)
    assert curve.conflicts
    assert curve.suspect == wrong


def test_of_three_elements_nobody_can_say_which_is_wrong():
    assert solve_curve(radius_ft=300, delta_deg=70, arc_ft=400).suspect is None


def test_radius_and_chord_fit_two_curves():
    minor = solve_curve(radius_ft=10, chord_ft=10)
    assert minor.delta_deg == pytest.approx(60)
    assert solve_curve(radius_ft=10, chord_ft=10, major=True).delta_deg == pytest.approx(300)
    # A further element tells which.
    both = solve_curve(radius_ft=10, chord_ft=10, middle_ordinate_ft=10 + 10 * math.cos(math.pi / 6))
    assert both.delta_deg == pytest.approx(300)
    assert not both.conflicts


def test_a_curve_past_a_half_circle_has_no_tangent_length():
    assert solve_curve(radius_ft=10, delta_deg=200).tangent_ft == math.inf


@pytest.mark.parametrize(
    "bad",
    [
        {"radius_ft": -5, "delta_deg": 10},
        {"radius_ft": 5, "delta_deg": 0},
        {"radius_ft": 5, "delta_deg": 360},
        {"radius_ft": 5, "chord_ft": 11},
        {"radius_ft": 5, "arc_ft": 40},
        {"arc_ft": 10, "chord_ft": 11},
        {"radius_ft": math.nan, "delta_deg": 10},
        {"delta_deg": 200, "tangent_ft": 5},
        {"radius_ft": 5, "delta_deg": 10, "rounding": {"lenght": 1}},
    ],
)
def test_no_curve_has_such_elements(bad):
    with pytest.raises(ValueError, match="Invalid"):
        solve_curve(**bad)


def test_half_a_disc_is_the_segment_of_a_diameter():
    assert segment_area_sqft(10, 180) == pytest.approx(50 * math.pi)
    assert solve_curve(radius_ft=10, delta_deg=180).segment_sqft == pytest.approx(50 * math.pi)
