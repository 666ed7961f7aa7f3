"""Accuracy statements: published examples, figures worked by hand, and what must not be said."""

import numpy as np
import pytest

from citygis.captures.accuracy import asprs_2023, nssda

# Residuals of seven check points, in metres: Photogrammetric Engineering & Remote Sensing 80 (5), May 2014, "Mapping Matters",
# page 397, table 3; the page gives the sample standard deviations 0.075, 0.073 and 0.030. A statement does not care for the unit.
PERS_E = [-0.060, 0.100, -0.060, -0.112, -0.120, -0.100, -0.060]
PERS_N = [0.080, -0.045, 0.080, 0.007, 0.150, -0.045, 0.080]
PERS_H = [0.055, -0.006, -0.017, 0.042, -0.011, 0.013, 0.048]


def alternating(size, n=20):
    """n residuals of this size, half of them negative: their RMSE is the size, their mean 0."""
    return np.tile([size, -size], n // 2)


def sample_deviation(rmse, mean, n):
    return np.sqrt((rmse**2 - mean**2) * n / (n - 1))


def test_means_and_rmse_give_the_deviations_of_the_published_example():
    made = nssda(PERS_E, PERS_N, PERS_H)
    assert sample_deviation(made.rmse_e_ft, made.mean_e_ft, 7) == pytest.approx(0.075, abs=0.0005)
    assert sample_deviation(made.rmse_n_ft, made.mean_n_ft, 7) == pytest.approx(0.073, abs=0.0005)
    assert sample_deviation(made.rmse_h_ft, made.mean_h_ft, 7) == pytest.approx(0.030, abs=0.0005)
    assert made.statement is None and len(made.withheld) == 2  # seven points are not twenty


def test_the_vertical_figure_is_that_of_a_published_report():
    # USGS, Barataria and Jean Lafitte lidar, 2013, vertical accuracy report of 51 points in open terrain: RMSEz
    # 0.0574002119585, "NSSDA AccuracyZ (=RMSEz*1.96)" 0.112504415439.
    h = alternating(0.0574002119585, 50)
    assert nssda(h, h, h).accuracy_h_ft == pytest.approx(0.112504415439, abs=1e-12)


def test_equal_components_take_the_radial_factor():
    made = nssda(alternating(0.3), alternating(0.3))
    assert made.rmse_r_ft == pytest.approx(0.424264, abs=1e-6)  # 0.3 sqrt 2
    assert made.accuracy_r_ft == pytest.approx(0.734316, abs=1e-6)  # times 1.7308
    assert made.statement == "Tested 0.73 feet horizontal accuracy at 95% confidence level."


def test_unequal_components_take_the_mean_of_both():
    made = nssda(alternating(0.3), alternating(0.2))
    assert made.accuracy_r_ft == pytest.approx(0.611925)  # 2.4477 x 0.5 x (0.3 + 0.2)


@pytest.mark.parametrize(("northing", "withheld"), [(0.181, False), (0.179, True), (0.0, True)])
def test_below_a_ratio_of_six_tenths_nothing_is_said(northing, withheld):
    made = nssda(alternating(0.3), alternating(northing))
    assert (made.accuracy_r_ft is None) == withheld == (made.statement is None)
    assert ("not circular" in "".join(made.withheld)) == withheld


def test_nineteen_points_are_too_few_and_twenty_are_enough():
    few = nssda(np.full(19, 0.1), np.full(19, 0.1))
    assert few.accuracy_r_ft is None and few.statement is None
    assert few.withheld == ("horizontal accuracy: the NSSDA asks for 20 check points at least, and there are 19",)
    assert few.rmse_e_ft == pytest.approx(0.1)  # what was found is shown all the same
    assert nssda(np.full(20, 0.1), np.full(20, 0.1)).statement is not None


def test_heights_are_counted_for_themselves():
    h = np.where(np.arange(24) < 10, np.nan, alternating(0.2, 24))
    made = nssda(alternating(0.1, 24), alternating(0.1, 24), h)
    assert (made.count, made.count_h) == (24, 14)
    assert made.accuracy_r_ft is not None and made.accuracy_h_ft is None
    assert "there are 14 with a height" in made.withheld[0]
    assert made.statement == "Tested 0.24 feet horizontal accuracy at 95% confidence level."  # 1.7308 x 0.1414


def test_both_parts_stand_in_one_sentence():
    made = nssda(alternating(0.1), alternating(0.1), alternating(0.2))
    assert made.statement == (
        "Tested 0.24 feet horizontal accuracy at 95% confidence level; 0.39 feet vertical accuracy at 95% confidence level."
    )


def test_a_blunder_is_shown_and_still_counts():
    rng = np.random.default_rng(1)
    e, n = rng.normal(0, 0.05, (2, 30))
    clean = nssda(e, n)
    e[7] += 3
    made = nssda(e, n)
    assert made.blunders == (7,) and clean.blunders == ()
    assert made.rmse_e_ft > 0.5


def test_a_common_bias_is_no_blunder():
    rng = np.random.default_rng(1)
    e, n = rng.normal(0, 0.05, (2, 30))
    assert nssda(e + 5, n - 1).blunders == ()


def test_a_blunder_in_height_alone_is_shown():
    h = alternating(0.1, 30)
    h[3] = -6.56
    assert nssda(alternating(0.05, 30), alternating(0.05, 30), h).blunders == (3,)


def test_check_points_have_an_error_of_their_own():
    made = asprs_2023(
        alternating(0.03, 30), alternating(0.04, 30), alternating(0.12, 30),
        class_ft=0.2, check_rmse_h_ft=0.12, class_v_ft=0.2, check_rmse_v_ft=0.05,
    )  # fmt: skip
    assert made.rmse_h1_ft == pytest.approx(0.05)  # 3-4-5
    assert made.rmse_h_ft == pytest.approx(0.13)  # 5-12-13
    assert made.rmse_v_ft == pytest.approx(0.13)  # 12-5-13
    assert made.rmse_3d_ft == pytest.approx(0.13 * 2**0.5)
    assert "0.20 ft (6.1 cm) RMSE_H horizontal positional accuracy class" in made.statement
    assert "found to be RMSE_H = 0.13 ft (4.0 cm)." in made.statement and "RMSE_V = 0.13 ft" in made.statement
    assert "95" not in made.statement


def test_a_class_that_is_met_only_without_the_check_points_error_is_not_met():
    made = asprs_2023(alternating(0.03, 30), alternating(0.04, 30), class_ft=0.1, check_rmse_h_ft=0.12)
    assert made.statement is None and "0.130 ft, the class is 0.1 ft" in made.withheld[0]


def test_twenty_nine_points_are_too_few_for_edition_2():
    residual = np.full(29, 0.01)
    made = asprs_2023(residual, residual, class_ft=0.2, check_rmse_h_ft=0.02)
    assert made.statement is None and "asks for 30 check points at least, and there are 29" in made.withheld[0]
    assert asprs_2023(np.full(30, 0.01), np.full(30, 0.01), class_ft=0.2, check_rmse_h_ft=0.02).statement is not None


def test_a_mean_error_above_a_quarter_of_the_rmse_is_told():
    made = asprs_2023(PERS_E, PERS_N, PERS_H, class_ft=1, check_rmse_h_ft=0, class_v_ft=1, check_rmse_v_ft=0)
    # -0.0589 of 0.0908 is 65 %, 0.0439 of 0.0809 is 54 %, 0.0177 of 0.0332 is 53 %.
    assert [text.split(",")[1].split()[0] for text in made.bias] == ["65%", "54%", "53%"]
    assert asprs_2023(alternating(1), alternating(1), class_ft=1, check_rmse_h_ft=0).bias == ()


@pytest.mark.parametrize(
    ("e", "n", "h"),
    [([], [], None), ([1, 2], [1], None), ([1, np.nan], [1, 1], None), ([1, 1], [1, 1], [1]), ([1], [1], [np.inf])],
)
def test_residuals_that_cannot_be_judged_are_refused(e, n, h):
    with pytest.raises(ValueError, match="Invalid residual"):
        nssda(e, n, h)


def test_edition_2_cannot_be_stated_without_the_accuracy_of_the_check_points():
    with pytest.raises(ValueError, match="check_rmse_v_ft None"):
        asprs_2023([0.1], [0.1], [0.1], class_ft=0.2, check_rmse_h_ft=0.02, class_v_ft=0.2)
    with pytest.raises(ValueError, match="check_rmse_h_ft nan"):
        asprs_2023([0.1], [0.1], class_ft=0.2, check_rmse_h_ft=np.nan)
