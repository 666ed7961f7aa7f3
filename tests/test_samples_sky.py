"""What a receiver of the sample day sees is what the published transformations undo."""

import math

import numpy as np
import pandas as pd
import pytest
from gps_truth import FOOT_M, ITRF2020_TO_NAD83, height_ft, in_city_feet
from pyproj import Transformer

from citygis.geodesy import Frame
from citygis.samples.sky import BROADCAST_FRAME, NETWORK_FRAME, PPP_FRAME, seen, wander


def test_the_published_point_of_1_january_2026_is_seen_where_it_was_observed():
    # survey_intake.md, section 1.1, last row: ITRF2014 -121.276, 37.822 at 2026.0 is 6337536.079, 2122698.771 at 2010.00.
    sky = seen(np.array([[6337536.079, 2122698.771]]), np.array([-65.0]), PPP_FRAME, pd.DatetimeIndex(["2026-01-01T00:00:00Z"]))
    assert sky.lon[0] == pytest.approx(-121.276, abs=1e-8)
    assert sky.lat[0] == pytest.approx(37.822, abs=1e-8)


def test_a_receiver_without_corrections_sees_what_the_typed_out_pipeline_undoes():
    place = np.array([[6_337_441.77, 2_123_630.14], [6_341_526.94, 2_124_074.15]])
    sky = seen(place, np.array([-84.46, -75.88]), BROADCAST_FRAME, pd.DatetimeIndex(["2026-07-02T12:00:00Z"] * 2))
    back = Transformer.from_pipeline(ITRF2020_TO_NAD83).transform(sky.lon, sky.lat, sky.height_m, np.full(2, 2026.5))
    nad83 = Transformer.from_crs("EPSG:6420", "EPSG:6318", always_xy=True).transform(back[0], back[1])
    assert np.abs(in_city_feet(*nad83, years=16.5) - place).max() < 0.001
    assert np.abs(height_ft(np.asarray(back[2]) / FOOT_M, years=16.5) - [-84.46, -75.88]).max() < 0.001


def test_the_network_s_coordinates_are_the_city_s_moved_by_seven_and_a_half_years():
    place = np.array([[6_338_901.872, 2_124_349.1708]])
    sky = seen(place, np.array([-81.2]), NETWORK_FRAME, pd.DatetimeIndex(["2026-10-16T00:00:00Z"]))
    assert np.abs(in_city_feet(sky.lon, sky.lat, years=7.5) - place).max() < 0.001
    unmoved = in_city_feet(sky.lon, sky.lat, years=0.0) - place
    assert np.hypot(*unmoved[0]) == pytest.approx(math.hypot(10.03, 9.33) * 7.5 / 304.8006, abs=0.002)
    assert Frame("NAD83(2011)", 2017.5) == NETWORK_FRAME


def test_errors_wander_and_have_the_spread_that_was_asked_for():
    error = wander(np.random.default_rng(0), 20_000, 0.5, tau_s=25.0)
    assert error.std() == pytest.approx(0.5, rel=0.1)
    # Three quarters of the variance is slow: after one time constant 1/e of it is left.
    assert pd.Series(error).autocorr(25) == pytest.approx(0.75 / math.e, abs=0.06)
