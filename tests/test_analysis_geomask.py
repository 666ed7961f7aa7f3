"""Points moved so that nobody can tell whose they were."""

import numpy as np
import pytest
import shapely
from scipy import stats

from citygis.analysis.geomask import geomask
from citygis.errors import AnalysisError

E, N = 6_330_000.0, 2_100_000.0
WIDE = shapely.box(E - 50_000, N - 50_000, E + 50_000, N + 50_000)
KEY = b"a secret of the police department"


def places(n, reach=10_000, seed=0):
    rng = np.random.default_rng(seed)
    return np.round(E + rng.uniform(0, reach, n), 2), np.round(N + rng.uniform(0, reach, n), 2)


def test_places_are_drawn_alike_from_all_ground_of_the_ring():
    east, north = places(4_000)
    found = geomask(east, north, WIDE, min_ft=200, max_ft=600, key=KEY)
    assert found.moved_ft.min() >= 200 and found.moved_ft.max() <= 600
    # The ground within r of the ring is (r^2 - 200^2) / (600^2 - 200^2) of it; every direction is as likely.
    part = (found.moved_ft**2 - 200**2) / (600**2 - 200**2)
    turn = np.arctan2(found.easting - east, found.northing - north) / (2 * np.pi) % 1
    assert stats.kstest(part, "uniform").pvalue > 0.01 and stats.kstest(turn, "uniform").pvalue > 0.01
    assert abs(np.corrcoef(part, turn)[0, 1]) < 0.05


def test_no_place_leaves_the_city():
    limit = shapely.box(E, N, E + 2_000, N + 2_000)
    east, north = places(1_500, reach=2_000)
    found = geomask(east, north, limit, min_ft=200, max_ft=600, key=KEY)
    assert np.isfinite(found.easting).all() and shapely.contains_xy(limit, found.easting, found.northing).all()


def test_where_the_ring_has_no_ground_in_the_city_nothing_is_shown():
    found = geomask(np.array([E]), np.array([N]), shapely.Point(E, N).buffer(150), min_ft=200, max_ft=600, key=KEY)
    assert np.isnan(found.easting).all() and np.isnan(found.moved_ft).all() and found.parcels.tolist() == [-1]


def test_so_many_parcels_are_as_near_to_the_place_shown_as_the_true_one():
    step = np.arange(0, 20_000, 400.0)
    parcels = np.stack([each.ravel() for each in np.meshgrid(E - 5_000 + step, N - 5_000 + step)], axis=1)
    east, north = places(300)
    found = geomask(east, north, WIDE, min_ft=50, max_ft=100, key=KEY, parcels=parcels, least_parcels=12, most_parcels=60)
    by_hand = [
        int((np.hypot(*(parcels - place).T) <= moved).sum())
        for place, moved in zip(np.stack([found.easting, found.northing], axis=1), found.moved_ft, strict=True)
    ]
    assert min(by_hand) >= 12 and found.parcels.tolist() == by_hand
    # Twelve parcels 400 ft apart take about 12 * 400^2 square feet, a radius of some 780 ft; sixty some 1,750.
    assert found.moved_ft.min() > 600 and found.moved_ft.max() < 1_900


def test_the_same_key_moves_a_place_alike_whatever_else_is_in_the_layer():
    east, north = places(50)
    whole = geomask(east, north, WIDE, min_ft=200, max_ft=600, key=KEY)
    turned = geomask(east[::-1], north[::-1], WIDE, min_ft=200, max_ft=600, key=KEY)
    some = geomask(east[7:9], north[7:9], WIDE, min_ft=200, max_ft=600, key=KEY)
    assert (whole.easting == turned.easting[::-1]).all() and (whole.northing[7:9] == some.northing).all()
    other = geomask(east, north, WIDE, min_ft=200, max_ft=600, key=KEY + b"!")
    assert (whole.easting != other.easting).all()


def test_many_incidents_at_one_place_do_not_give_it_away_by_their_mean():
    found = geomask(np.full(40, E), np.full(40, N), WIDE, min_ft=200, max_ft=600, key=KEY)
    assert len(set(found.easting)) == 1 and np.hypot(found.easting.mean() - E, found.northing.mean() - N) >= 200


def test_without_a_key_each_answer_is_another():
    east, north = places(20)
    one, two = (geomask(east, north, WIDE, min_ft=200, max_ft=600) for _ in range(2))
    assert (one.easting != two.easting).all()


def test_a_key_that_can_be_guessed_and_rings_that_are_none_are_refused():
    with pytest.raises(AnalysisError, match="4 bytes"):
        geomask(*places(1), WIDE, min_ft=200, max_ft=600, key=b"1234")
    with pytest.raises(ValueError, match="min_ft"):
        geomask(*places(1), WIDE, min_ft=600, max_ft=200, key=KEY)
    with pytest.raises(ValueError, match="least_parcels"):
        geomask(*places(1), WIDE, min_ft=200, max_ft=600, key=KEY, least_parcels=9, most_parcels=3)
