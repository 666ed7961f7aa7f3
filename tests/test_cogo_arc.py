"""Arcs in their place, the words that set them, and vertices that neighbours share."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo.angle import parse_angle
from citygis.cogo.arc import (
    arc_between,
    arc_of_bulge,
    arc_through,
    arc_vertices,
    bulge,
    chord_azimuth,
    direction_from_radial,
    hand_of_travel,
    radial_azimuths,
    tangent_azimuths,
    turn,
)
from citygis.cogo.bearing import format_bearing, parse_bearing
from citygis.cogo.curve import solve_curve


@pytest.mark.parametrize(("sagitta_ft", "pieces"), [(0.1, 13), (0.01, 40), (0.001, 125)])
def test_a_quarter_circle_of_50_feet_needs_so_many_pieces(sagitta_ft, pieces):
    assert len(arc_vertices((0, 50), (50, 0), 90, "R", sagitta_ft=sagitta_ft)) == pieces + 1


def test_neighbours_get_the_same_vertices_to_the_last_bit():
    # Worked out from either end, about one arc in fifty differs in a last bit: enough for a sliver on every street.
    rng = np.random.default_rng(17)
    for _ in range(1000):
        a = rng.uniform((6.2e6, 2.0e6), (6.4e6, 2.2e6))
        b = a + rng.uniform(-900, 900, 2)
        delta = rng.uniform(0.5, 350)
        mine, theirs = arc_vertices(a, b, delta, "R"), arc_vertices(b, a, delta, "L")
        assert (mine == theirs[::-1]).all()
        assert (mine[0] == a).all() and (mine[-1] == b).all()


@given(st.floats(20, 2000), st.floats(1, 300), st.sampled_from("LR"), st.floats(0.001, 0.5))
@settings(max_examples=100, deadline=None)
def test_vertices_lie_on_the_arc_and_chords_within_the_sagitta(radius, delta, hand, sagitta_ft):
    chord = 2 * radius * math.sin(math.radians(delta) / 2)
    arc = arc_between((100, 200), (100 + chord, 200), hand=hand, radius_ft=radius, major=delta > 180)
    points = arc_vertices(arc.start, arc.end, delta, hand, sagitta_ft=sagitta_ft)
    assert np.hypot(*(points - arc.center).T) == pytest.approx(radius, rel=1e-6)
    middles = (points[1:] + points[:-1]) / 2
    assert (radius - np.hypot(*(middles - arc.center).T)).max() <= sagitta_ft * (1 + 1e-6) + 1e-6


def test_a_right_hand_arc_bulges_to_the_left_of_its_chord():
    middle = arc_vertices((0, 0), (0, 2), 180, "R", sagitta_ft=0.2)
    assert middle[:, 0].min() == pytest.approx(-math.sqrt(3) / 2)  # three pieces of 60 degrees


def test_arc_through_three_points_of_a_unit_circle():
    arc = arc_through((0, 0), (1, 1), (2, 0))
    assert (arc.radius_ft, arc.delta_deg, arc.hand) == (pytest.approx(1), pytest.approx(180), "R")
    back = arc_through((2, 0), (1, 1), (0, 0))
    assert back.hand == "L"
    far = arc_through((0, 0), (1, -1), (0, -2))  # the right half of the circle about (0, -1)
    assert (far.hand, far.delta_deg, tuple(far.center)) == ("R", pytest.approx(180), pytest.approx((0, -1)))


def test_the_larger_part_of_a_circle_is_found_through_its_far_side():
    arc = arc_through((3, 4), (-5, 0), (3, -4))
    assert arc.radius_ft == pytest.approx(5)
    assert tuple(arc.center) == pytest.approx((0, 0))
    assert arc.hand == "L"
    assert arc.delta_deg == pytest.approx(360 - 2 * math.degrees(math.atan2(4, 3)))


@pytest.mark.parametrize("points", [((0, 0), (1, 1), (2, 2)), ((0, 0), (0, 0), (2, 2))])
def test_no_arc_goes_through_points_on_a_line(points):
    with pytest.raises(ValueError, match="not on one line"):
        arc_through(*points)


def test_an_alignment_report_from_its_three_points():
    # TC, CC and CT as northing and easting; published delta 2-00-07, L 52.411, T 26.208, chord azimuth 165-14-02.
    tc, cc, ct = (5011530.115279, 256647.117493), (5010086.553335, 256239.528347), (5011543.472784, 256596.439707)
    arc = arc_between(tc, ct, center=cc, hand="R")
    curve = solve_curve(radius_ft=arc.radius_ft, delta_deg=arc.delta_deg)
    assert arc.radius_ft == pytest.approx(1500, abs=0.001)
    assert arc.delta_deg == pytest.approx(parse_angle("2-00-07"), abs=1 / 3600)
    assert (curve.arc_ft, curve.tangent_ft, curve.chord_ft, curve.middle_ordinate_ft) == pytest.approx(
        (52.411, 26.208, 52.409, 0.229), abs=0.001
    )


def test_a_centre_on_the_other_side_means_the_longer_arc():
    assert arc_between((0, 0), (2, 0), hand="R", center=(1, -5)).delta_deg == pytest.approx(
        2 * math.degrees(math.asin(1 / math.sqrt(26)))
    )
    assert arc_between((0, 0), (2, 0), hand="L", center=(1, -5)).delta_deg == pytest.approx(
        360 - 2 * math.degrees(math.asin(1 / math.sqrt(26)))
    )


@pytest.mark.parametrize(
    "bad",
    [
        {"end": (0, 0), "radius_ft": 5},
        {"end": (20, 0), "radius_ft": 5},
        {"end": (2, 0)},
        {"end": (2, 0), "radius_ft": 5, "center": (1, 5)},
        {"end": (2, 0), "radius_ft": 5, "hand": "up"},
    ],
)
def test_arcs_that_cannot_be_are_refused(bad):
    with pytest.raises(ValueError, match="Invalid"):
        arc_between((0, 0), **({"hand": "R"} | bad))


@pytest.mark.parametrize(
    "bad", [((0, 0), (0, 0), 90, 0.01), ((0, 0), (1, 1), 360, 0.01), ((0, 0), (1, 1), 0, 0.01), ((0, 0), (1, 1), 90, 0)]
)
def test_arcs_without_vertices_are_refused(bad):
    start, end, delta, sagitta_ft = bad
    with pytest.raises(ValueError, match="Invalid"):
        arc_vertices(start, end, delta, "R", sagitta_ft=sagitta_ft)


def test_a_bulge_of_one_is_a_half_circle_to_the_left():
    assert bulge(180, "L") == pytest.approx(1)
    assert bulge(180, "R") == pytest.approx(-1)
    arc = arc_of_bulge((0, 0), (2, 0), -1)
    assert (arc.hand, arc.radius_ft, arc.delta_deg) == ("R", pytest.approx(1), pytest.approx(180))
    with pytest.raises(ValueError, match="straight"):
        arc_of_bulge((0, 0), (2, 0), 0)


@given(st.floats(1, 359), st.sampled_from("LR"))
def test_bulge_and_angle_are_inverses(delta, hand):
    arc = arc_of_bulge((0, 0), (3, 4), bulge(delta, hand))
    assert (arc.hand, arc.delta_deg) == (hand, pytest.approx(delta))


def test_tangents_and_chord_of_a_quarter_turn():
    assert chord_azimuth(0, 90, "R") == 45
    assert chord_azimuth(0, 90, "L") == 315
    assert tangent_azimuths(45, 90, "R") == (0, 90)
    assert radial_azimuths(45, 90, "R") == (270, 0)  # the centre lies east of the start and south of the end


def test_roseville_and_arroyo_grande_leave_their_curves_on_the_next_course():
    # N57-01-18E, then R 19 right through 47-42-42; the next course is S75-16-00E.
    out = parse_bearing("N57-01-18E") + parse_angle("47-42-42")
    assert format_bearing(
        tangent_azimuths(chord_azimuth(parse_bearing("N57-01-18E"), parse_angle("47-42-42"), "R"), parse_angle("47-42-42"), "R")[1]
    ) == ("S 75°16'00\" E")
    assert out == pytest.approx(parse_bearing("S75-16-00E"))
    into = parse_bearing("N37-21-50W")
    delta = parse_angle("19-37-25")
    assert format_bearing(tangent_azimuths(chord_azimuth(into, delta, "L"), delta, "L")[1]) == "N 56°59'15\" W"


def test_a_radial_bearing_is_square_to_the_curve_and_not_along_it():
    # "concave to the east, radius 475; a radial line through said point bearing S 72°39'59" W; thence southerly ... 13°12'38" ...
    # (a radial line through said point bearing S 59°27'21" W)"
    radial = parse_bearing("S 72-39-59 W")
    tangent, hand = direction_from_radial(radial, concave="easterly", travel="southerly")
    assert hand == "L"
    assert abs(turn(tangent, radial)) == pytest.approx(90)
    delta = parse_angle("13-12-38")
    last = radial_azimuths(chord_azimuth(tangent, delta, hand), delta, hand)[1]
    assert format_bearing(last) == "S 59°27'21\" W"


def test_a_radial_bearing_to_the_centre_says_the_same_the_other_way():
    from_center = direction_from_radial(270, radial_to="point", hand="R")
    to_center = direction_from_radial(90, radial_to="center", hand="R")
    assert from_center == to_center == (0, "R")


@pytest.mark.parametrize("said", [{}, {"travel": "southerly"}, {"hand": "L"}, {"concave": "easterly"}])
def test_a_radial_bearing_alone_leaves_the_curve_open(said):
    with pytest.raises(ValueError, match="more than one"):
        direction_from_radial(252, **said)


def test_words_that_contradict_a_radial_bearing_are_refused():
    with pytest.raises(ValueError, match="contradict"):
        direction_from_radial(90, radial_to="center", concave="westerly", travel="northerly")


@pytest.mark.parametrize(
    ("concave", "travel", "hand"),
    [
        ("southwesterly", "northwesterly", "L"),
        ("southeasterly", "northeasterly", "R"),
        ("east", "southerly", "L"),
        ("NW", "northerly", "L"),
    ],
)
def test_concave_and_travel_tell_the_hand(concave, travel, hand):
    assert hand_of_travel(concave, travel) == hand


def test_a_curve_is_not_travelled_toward_its_centre():
    with pytest.raises(ValueError, match="across"):
        hand_of_travel("northerly", "southerly")
