"""Spirals against the published example and against the cut series of the books."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo.spiral import solve_spiral, spiral_segment_sqft, spiral_vertices


def test_the_published_spiral_of_250_feet_into_a_radius_of_1432_69():
    spiral = solve_spiral(250, 1432.69)
    assert (round(spiral.x_ft, 3), round(spiral.y_ft, 3), round(spiral.theta_deg, 5)) == (249.810, 7.267, 4.99897)


@given(st.floats(50, 600), st.floats(300, 5000))
def test_the_end_agrees_with_the_series(length, radius):
    # x = L (1 - t²/10 + t⁴/216 - ...), y = L (t/3 - t³/42 + t⁵/1320 - ...) with t = L / 2R (Hickerson).
    t = length / 2 / radius
    spiral = solve_spiral(length, radius)
    assert spiral.x_ft == pytest.approx(length * (1 - t**2 / 10 + t**4 / 216 - t**6 / 9360 + t**8 / 685_440), rel=1e-6)
    assert spiral.y_ft == pytest.approx(length * (t / 3 - t**3 / 42 + t**5 / 1320 - t**7 / 75_600), rel=1e-6)


def test_a_spiral_between_equal_radii_is_an_arc():
    spiral = solve_spiral(100, 200, 200)
    assert spiral.theta_deg == pytest.approx(math.degrees(0.5))
    assert spiral.chord_ft == pytest.approx(400 * math.sin(0.25))
    assert spiral.deflection_deg == pytest.approx(math.degrees(0.25))
    assert spiral_segment_sqft(spiral) == pytest.approx(200**2 * (0.5 - math.sin(0.5)) / 2)


@given(st.floats(100, 400), st.floats(200, 900), st.floats(0, 360), st.sampled_from("LR"))
@settings(max_examples=30, deadline=None)
def test_vertices_run_along_the_chord_and_enclose_the_segment(length, radius, azimuth, hand):
    spiral = solve_spiral(length, radius)
    end = spiral.chord_ft * np.array([math.sin(math.radians(azimuth)), math.cos(math.radians(azimuth))])
    points = spiral_vertices((0, 0), end, spiral, hand, sagitta_ft=1e-4)
    assert (points[0] == (0, 0)).all() and (points[-1] == end).all()
    # It is flat where the radius is infinite, at its start, and curves at its end.
    first, last = (math.degrees(math.atan2(*step)) for step in (points[1] - points[0], points[-1] - points[-2]))
    assert abs((first - azimuth + 180) % 360 - 180) < abs((last - azimuth + 180) % 360 - 180)
    ring = shapely.LinearRing(points)
    assert shapely.Polygon(ring).area == pytest.approx(spiral_segment_sqft(spiral), rel=1e-3)
    # A turn to the right leaves the spiral on the left of its chord, so the ring runs clockwise.
    assert ring.is_ccw == (hand == "L")


def test_neighbours_get_the_same_vertices_of_a_spiral():
    rng = np.random.default_rng(17)
    for _ in range(200):
        a = rng.uniform((6.2e6, 2.0e6), (6.4e6, 2.2e6))
        radius, length, turn = rng.uniform(200, 900), rng.uniform(100, 400), rng.uniform(0, 2 * math.pi)
        b = a + solve_spiral(length, radius).chord_ft * np.array([math.sin(turn), math.cos(turn)])
        mine = spiral_vertices(a, b, solve_spiral(length, radius), "R")
        theirs = spiral_vertices(b, a, solve_spiral(length, math.inf, radius), "L")
        assert (mine == theirs[::-1]).all()


@pytest.mark.parametrize("bad", [(0, 100), (100, math.inf), (100, -5), (math.nan, 5)])
def test_no_spiral_has_such_elements(bad):
    with pytest.raises(ValueError, match="Invalid"):
        solve_spiral(*bad)
