"""Counts that stand together more than chance puts them."""

import numpy as np
import pytest
from scipy import stats

from citygis.analysis.concentration import believed, gi_star, ground_p, normal_p, rate_change, shuffled_p, within_reach

E, N = 6_330_000.0, 2_100_000.0


def grid(columns, rows, size=500.0):
    east, north = np.meshgrid(E + (np.arange(columns) + 0.5) * size, N + (np.arange(rows) + 0.5) * size)
    return east.ravel(), north.ravel()


def test_gi_star_is_that_of_esda_with_binary_weights():
    esda, libpysal = pytest.importorskip("esda"), pytest.importorskip("libpysal")
    east, north = grid(30, 25)
    counts = np.random.default_rng(1).poisson(2.0, len(east))
    counts[400:404] += 15
    weights = libpysal.weights.DistanceBand(np.stack([east - E, north - N], axis=1), 1000.0001, binary=True, silence_warnings=True)
    oracle = esda.G_Local(
        counts.astype(float), libpysal.weights.fill_diagonal(weights, 1.0), transform="B", permutations=0, star=True
    )
    ours = gi_star(counts, within_reach(east, north, 1000))
    np.testing.assert_allclose(ours, oracle.Zs, atol=1e-9)
    assert ours.max() > 6


def test_gi_star_of_five_cells_in_a_line_by_hand():
    # Counts 0 0 3 0 0, each cell with its neighbours: mean 0.6, variance 9/5 - 0.36 = 1.44. In the middle the sum is 3, expected
    # 1.8, its deviation 1.2 * sqrt((5 * 3 - 9) / 4) = 1.2 * sqrt(1.5). At the end the sum is 0, expected 1.2.
    east, north = E + 100.0 * np.arange(5), np.full(5, N)
    found = gi_star(np.array([0, 0, 3, 0, 0]), within_reach(east, north, 100))
    assert found[2] == pytest.approx(1.2 / (1.2 * np.sqrt(1.5)))
    assert found[0] == pytest.approx(-1.2 / (1.2 * np.sqrt(6 / 4)))


def test_a_middle_at_the_reach_is_within_and_one_beyond_is_not():
    east, north = E + np.array([0.0, 1000.0, 2000.01]), np.full(3, N)
    assert within_reach(east, north, 1000).toarray().tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]


def test_counts_that_are_all_alike_have_no_score():
    east, north = grid(6, 6)
    assert not gi_star(np.full(36, 4), within_reach(east, north, 600)).any()


def test_the_chance_of_a_count_on_ground_is_the_binomial_tail():
    counts, share = np.array([0, 1, 3, 9, 40]), np.array([0.2, 0.001, 0.05, 0.1, 0.999])
    upper = stats.binom.sf(counts - 1, 40, share)
    lower = stats.binom.cdf(counts, 40, share)
    np.testing.assert_allclose(ground_p(counts, share, 40), np.minimum(1, 2 * np.minimum(upper, lower)), atol=1e-12)


def test_both_tails_of_the_normal():
    np.testing.assert_allclose(normal_p(np.array([-1.959964, 0.0, 2.575829])), [0.05, 1.0, 0.01], atol=1e-6)


def test_false_discovery_by_the_table_of_the_paper():
    # Benjamini and Hochberg 1995, section 4: 15 p-values, four of which are kept at 0.05.
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000]
    turned = np.random.default_rng(0).permutation(15)
    kept = believed(np.array(p)[turned], 0.05)
    assert sorted(np.array(p)[turned][kept]) == p[:4]
    assert not believed(np.array([0.2, 0.06]), 0.05).any() and not len(believed(np.array([]), 0.05))


def test_shuffles_give_the_chance_that_scipy_counts():
    # One cell of 10 has 5 incidents, all others none: a neighbourhood of two cells has all of them in 2 of 10 deals.
    east, north = E + 100.0 * np.arange(10), np.full(10, N)
    counts = np.zeros(10, dtype=int)
    counts[0] = 5
    near = within_reach(east, north, 100)
    found = shuffled_p(counts, near, np.array([0, 5]), times=9_999)
    assert found[0] == pytest.approx(0.2, abs=0.015) and found[1] == 1.0
    assert shuffled_p(counts, near, np.array([0, 5]), times=9_999).tolist() == found.tolist()


def test_a_rate_s_change_has_the_interval_of_clopper_and_pearson():
    found = rate_change([30, 0, 5, 0], [20, 4, 0, 0], this_days=90, last_days=90, confidence=0.95)
    share = stats.binomtest(30, 50).proportion_ci(0.95, method="exact")
    assert found.ratio[0] == pytest.approx(1.5)
    assert (found.low[0], found.high[0]) == pytest.approx((share.low / (1 - share.low), share.high / (1 - share.high)))
    assert found.p[0] == pytest.approx(stats.binomtest(30, 50).pvalue, abs=1e-9)
    assert found.low[1] == 0 and np.isinf(found.high[2]) and np.isnan(found.ratio[3]) and found.p[3] == 1.0


def test_a_longer_period_is_reckoned_by_the_day():
    found = rate_change([60], [20], this_days=90, last_days=30, confidence=0.95)
    assert found.ratio[0] == pytest.approx(1.0) and found.low[0] < 1 < found.high[0]
