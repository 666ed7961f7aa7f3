"""Points in boxes and groups of pairs, against plain comparison of all with all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.topology.nearness import groups, near_pairs, points_in_boxes, spread


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3, 1e7])
@pytest.mark.parametrize("strays", [0, 5])
def test_every_point_in_every_box_is_found_and_no_other(scale, strays):
    for seed in range(10):
        random = np.random.default_rng(seed)
        points = random.uniform(0, scale, (200, 2)) + [6.33e6, 2.12e6]
        points[:strays] *= random.uniform(-1e12, 1e12, (strays, 1))
        low = points[random.integers(0, 200, 80)] + random.normal(0, scale / 50, (80, 2))
        high = low + random.exponential(scale / 10, (80, 2)) * random.choice([0, 1, 5], (80, 1))
        low[0], high[0] = -1e30, 1e30
        inside = (points >= low[:, None]).all(axis=2) & (points <= high[:, None]).all(axis=2)
        with np.errstate(invalid="raise"):  # a cell that no integer holds
            box, point = points_in_boxes(points, low, high)
        assert list(zip(box, point, strict=True)) == [tuple(row) for row in np.argwhere(inside)]


def test_a_thousand_points_in_one_spot_are_taken_in_turn(monkeypatch):
    monkeypatch.setattr("citygis.topology.nearness.MOST_CANDIDATES", 5_000)
    points = np.tile([[5.0, 5.0]], (1_000, 1))
    box, _ = points_in_boxes(points, points[:300], points[:300])
    assert len(box) == 300_000


def test_points_no_farther_apart_than_the_reach_are_pairs():
    one, other, distance = near_pairs(np.array([[0.0, 0], [3, 4], [0, 5.1], [100, 100]]), 5.0)
    assert (one.tolist(), other.tolist(), distance.tolist()) == ([0, 1], [1, 2], [5.0, pytest.approx(np.hypot(3, 1.1))])


def test_no_points_make_no_pairs():
    assert [column.size for column in near_pairs(np.empty((0, 2)), 1.0)] == [0, 0, 0]
    assert groups(np.empty(0, dtype=int), np.empty(0, dtype=int)).size == 0


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=40))
@settings(max_examples=100, deadline=None)
def test_pairs_are_of_one_group_when_a_chain_of_pairs_joins_them(pairs):
    one, other = np.array(pairs, dtype=int).reshape(-1, 2).T
    names = list(range(31))
    for a, b in pairs:  # by hand: rename until every pair agrees
        names = [names[a] if name == names[b] else name for name in names]
    found = groups(one, other).tolist()
    told = [names[a] for a, _ in pairs]
    assert found == [list(dict.fromkeys(told)).index(name) for name in told]


def test_runs_are_laid_end_to_end():
    run, number = spread(np.array([3, 7, 7]), np.array([5, 7, 9]))
    assert run.tolist() == [0, 0, 2, 2] and number.tolist() == [3, 4, 7, 8]
