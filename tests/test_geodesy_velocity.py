"""Velocities: along the geocentric axes as NGS HTDP prints them, and trusted only near the place they were computed for."""

import pytest

from citygis.errors import SettingsError
from citygis.geodesy import Velocity
from citygis.geodesy.velocity import geocentric, sigma_mm_yr
from citygis.settings import check


def test_ridgecrest_along_the_geocentric_axes():
    # NGS HTDP 3.6.0, output Ex2: 35 43 36 N, 117 34 31 W.
    velocity = Velocity(north_mm_yr=10.55, east_mm_yr=-5.84, up_mm_yr=-1.26, source="NGS HTDP 3.6.0")
    vector = geocentric(velocity, -(117 + 34 / 60 + 31 / 3600), 35 + 43 / 60 + 36 / 3600)
    assert [each * 1000 for each in vector] == pytest.approx([-1.85, 9.07, 7.83], abs=0.011)


def test_a_velocity_belongs_to_where_it_was_computed():
    stated = {"north_mm_yr": 10.0, "east_mm_yr": -9.0, "source": "NGS HTDP 3.6.0"}
    at_home = geocentric(Velocity(**stated, lon=-121.28, lat=37.82), -100.0, 40.0)
    assert at_home == geocentric(Velocity(**stated), -121.28, 37.82)


def test_it_is_trusted_less_the_farther_away():
    here = Velocity(north_mm_yr=10.03, east_mm_yr=-9.33, source="NGS HTDP 3.6.0", lon=-121.28, lat=37.82)
    assert sigma_mm_yr(here, -121.28, 37.95) == 0.5  # 14 km
    # Ex7: at 37 N 122 W the ground moves 36.08 north, 24.88 west: 30 mm a year away from this vector.
    assert sigma_mm_yr(here, -122.0, 37.0) == pytest.approx(30, abs=3.5)
    assert sigma_mm_yr(Velocity(north_mm_yr=1, east_mm_yr=1, source="-"), -122.0, 37.0) == 0.5


@pytest.mark.parametrize("wrong", [{"north_mm_yr": 10030.0}, {"sigma_mm_yr": 0}, {"lat": 121.0}, {"north": 1.0}])
def test_a_velocity_that_would_mislead_is_refused(wrong):
    stated = {"north_mm_yr": 10.0, "east_mm_yr": -9.0, "source": "NGS HTDP 3.6.0"}
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        check(stated | wrong, Velocity, "city.toml")
    with pytest.raises(SettingsError, match="source"):
        check({"north_mm_yr": 10.0, "east_mm_yr": -9.0}, Velocity, "city.toml")
