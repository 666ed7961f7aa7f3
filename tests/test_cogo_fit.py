"""Fits: what they find, and the traps that their residuals hide."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.cogo.fit import FLAGS, affine, fitted, helmert

DRAWING = np.array([(0, 0), (1200, 80), (1100, 900), (150, 850), (600, 400), (300, 1000)], dtype=float)


def placed(points, *, scale=0.999934, clockwise_deg=7.5, shift=(6337000, 2122000)):
    turned = np.radians(clockwise_deg)
    rotation = np.array([[math.cos(turned), math.sin(turned)], [-math.sin(turned), math.cos(turned)]])
    return scale * points @ rotation.T + shift


def jitter(size, seed=1):
    return np.random.default_rng(seed).normal(0, size, DRAWING.shape)


@given(st.floats(0.3, 3.3), st.floats(-179, 179))
@settings(max_examples=40, deadline=None)
def test_a_similarity_is_found_again(scale, clockwise_deg):
    target = placed(DRAWING, scale=scale, clockwise_deg=clockwise_deg)
    fit = helmert(DRAWING, target)
    assert (fit.scale, fit.rotation_deg) == (pytest.approx(scale, rel=1e-9), pytest.approx(clockwise_deg, abs=1e-7))
    assert fitted(fit, DRAWING) == pytest.approx(target, abs=1e-6)
    assert fit.rms_ft < 1e-6


def test_two_points_fit_without_residual_and_say_so():
    # The second point is 5 ft wrong; nothing shows it but the flag.
    fit = helmert(DRAWING[:2], placed(DRAWING[:2]) + [[0, 0], [5, 0]])
    assert fit.rms_ft == pytest.approx(0, abs=1e-6)
    assert fit.flags == ("no_redundancy",)
    assert math.isnan(fit.s0_ft) and np.isnan(fit.left_out_ft).all()
    assert "no_redundancy" not in helmert(DRAWING[:3], placed(DRAWING[:3])).flags


def test_three_points_say_the_same_of_an_affine():
    fit = affine(DRAWING[:3], placed(DRAWING[:3]) + [[0, 0], [5, 0], [0, 9]])
    assert fit.rms_ft == pytest.approx(0, abs=1e-6)
    assert "no_redundancy" in fit.flags


def test_a_mirrored_drawing_is_named():
    fit = helmert(DRAWING * [-1, 1], placed(DRAWING, clockwise_deg=40))
    assert fit.rms_ft > 100
    assert fit.mirrored_rms_ft < 1e-6
    assert fit.flags == ("mirrored",)
    assert "mirrored" in affine(DRAWING * [-1, 1], placed(DRAWING)).flags


def test_exchanged_axes_are_named():
    fit = helmert(DRAWING[:, ::-1], placed(DRAWING, clockwise_deg=0.5) + jitter(0.02))
    assert fit.flags == ("axes_swapped",)


def test_a_drawing_the_right_way_round_is_not_flagged():
    assert helmert(DRAWING, placed(DRAWING) + jitter(0.02)).flags == ()
    assert affine(DRAWING, placed(DRAWING) + jitter(0.02)).flags == ()


def test_metres_are_seen_in_the_scale():
    assert "metres" in helmert(DRAWING * 0.3048, placed(DRAWING)).flags
    assert "metres" in affine(DRAWING / 0.3048, placed(DRAWING)).flags


def test_the_scale_is_told_against_the_combined_factor():
    fit = helmert(DRAWING, placed(DRAWING, scale=0.999934 * 1.000002))
    assert fit.scale_ppm(0.999934) == pytest.approx(2, abs=1e-3)
    assert fit.scale_ppm() == pytest.approx(-64, abs=1e-3)


@pytest.mark.parametrize("fit_of", [helmert, affine])
def test_leaving_a_point_out_is_the_fit_to_all_others(fit_of):
    target = placed(DRAWING) + jitter(0.5)
    whole = fit_of(DRAWING, target)
    for n in range(len(DRAWING)):
        others = np.delete(np.arange(len(DRAWING)), n)
        fit = fit_of(DRAWING[others], target[others])
        missed = np.hypot(*(fitted(fit, DRAWING[n : n + 1]) - target[n])[0])
        assert whole.left_out_ft[n] == pytest.approx(missed, rel=1e-6)


def test_a_blunder_of_0_8_ft_shows_where_it_is_though_the_rms_hides_it():
    target = placed(DRAWING) + jitter(0.02)
    target[3] += (0.6, 0.53)  # 0.8 ft
    fit = helmert(DRAWING, target)
    assert fit.rms_ft < 0.4
    assert fit.left_out_ft.argmax() == 3
    assert fit.left_out_ft[3] == pytest.approx(0.8, abs=0.1)


def test_a_blunder_of_20_ft_among_twelve_points_cannot_hide_in_an_affine():
    # A rubber sheet through all points would have no residual at all.
    rng = np.random.default_rng(5)
    source = rng.uniform(0, 3000, (12, 2))
    target = placed(source) + rng.normal(0, 0.5, source.shape)
    target[7] += (16, 12)
    fit = affine(source, target)
    assert fit.left_out_ft.argmax() == 7
    assert fit.left_out_ft[7] == pytest.approx(20, abs=3)
    assert np.hypot(*fit.residuals_ft.T)[7] > 10


def test_exchanged_point_names_leave_hundreds_of_feet():
    target = placed(DRAWING)
    target[[0, 2]] = target[[2, 0]]
    assert helmert(DRAWING, target).rms_ft > 300


def test_s0_is_of_one_coordinate():
    # Corners of a square pushed east and west by turns, which no shift, turn or scale follows: the residuals are the pushes.
    square = np.array([(0, 0), (100, 0), (100, 100), (0, 100)], dtype=float)
    push = np.array([(0.1, 0), (-0.1, 0), (0.1, 0), (-0.1, 0)])
    fit = helmert(square, square + push)
    assert fit.residuals_ft == pytest.approx(-push, abs=1e-12)
    assert fit.rms_ft == pytest.approx(0.1)
    assert fit.s0_ft == pytest.approx(math.sqrt(4 * 0.01 / 4))
    assert fit.redundancy == 4


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (DRAWING[:1], DRAWING[:1]),
        (DRAWING, DRAWING[:3]),
        (DRAWING * np.nan, DRAWING),
        (np.zeros((4, 2)), DRAWING[:4]),
    ],
)
def test_points_that_cannot_be_fitted_are_refused(source, target):
    with pytest.raises(ValueError, match="Invalid"):
        helmert(source, target)


def test_an_affine_needs_points_off_one_line():
    line = np.column_stack([np.arange(5.0), 2 * np.arange(5.0)])
    with pytest.raises(ValueError, match="one line"):
        affine(line, line)


def test_every_flag_is_explained():
    assert {"no_redundancy", "mirrored", "axes_swapped", "metres"} == set(FLAGS)
