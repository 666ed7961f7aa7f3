"""Ground and grid at the study place: k 0.99992994, ellipsoid height about -28 m, combined factor 0.999934."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.errors import CRSError, SettingsError
from citygis.geodesy import (
    LocalSystem,
    combined_factor,
    elevation_factor,
    grid_to_ground,
    grid_to_local,
    ground_to_grid,
    local_to_grid,
)
from citygis.settings import check

PLACE = (6337530.520, 2122699.972)
ELLIPSOID_HEIGHT_FT = -28.0 * 3937 / 1200
NAVD88_FT = ELLIPSOID_HEIGHT_FT + 31.73 * 3937 / 1200  # separation -31.73 m (EGM96)
SQFT_PER_ACRE = 43_560


def test_the_elevation_factor_is_above_one_where_the_ground_lies_below_the_ellipsoid():
    # R / (R + h) with R = 6,372 km (NGS mean radius): 1 + 28 / 6,372,000.
    assert elevation_factor("EPSG:6420", *PLACE, ELLIPSOID_HEIGHT_FT) == pytest.approx(1.0000044, abs=5e-8)
    assert elevation_factor("EPSG:6420", *PLACE, 0.0) == 1.0


def test_the_combined_factor_is_that_of_the_study():
    factor = combined_factor("EPSG:6420", *PLACE, ELLIPSOID_HEIGHT_FT)
    assert factor == pytest.approx(0.999934, abs=5e-7)
    assert ground_to_grid(1000.0, factor) == pytest.approx(999.934, abs=5e-4)


def test_ten_acres_of_ground_and_grid_differ_by_58_square_feet():
    factor = combined_factor("EPSG:6420", *PLACE, ELLIPSOID_HEIGHT_FT)
    ground = 10 * SQFT_PER_ACRE
    assert ground - ground_to_grid(ground, factor, area=True) == pytest.approx(58, abs=1)
    assert ground - ground_to_grid(ground, factor) == pytest.approx(29, abs=1)  # as if it were a length: the factor not squared


def test_an_elevation_in_place_of_the_ellipsoid_height_costs_five_parts_per_million():
    right = combined_factor("EPSG:6420", *PLACE, ELLIPSOID_HEIGHT_FT)
    wrong = combined_factor("EPSG:6420", *PLACE, NAVD88_FT)
    assert (right - wrong) * 1e6 == pytest.approx(5.0, abs=0.1)


def test_ground_lengths_and_areas_come_back():
    for area in (False, True):
        lengths = np.array([1.0, 1000.0, 5280.0])
        assert grid_to_ground(ground_to_grid(lengths, 0.999934, area=area), 0.999934, area=area) == pytest.approx(
            lengths, rel=1e-14
        )


@pytest.mark.parametrize("factor", [0.3048, 3.2808, 0.0, float("nan")])
def test_a_change_of_unit_is_not_a_factor(factor):
    with pytest.raises(ValueError, match="Must be near 1"):
        ground_to_grid(1000.0, factor)
    with pytest.raises(ValueError, match="Must be near 1"):
        grid_to_ground(1000.0, factor)


def test_degrees_have_no_ground_distances():
    with pytest.raises(CRSError, match="not projected"):
        elevation_factor("EPSG:6318", -121.276, 37.822, 0.0)


STATED = {
    "scale": 0.999934,
    "rotation_deg": 0.0,
    "ground_easting_ft": 10_000.0,
    "ground_northing_ft": 5_000.0,
    "grid_easting_ft": 6_337_000.0,
    "grid_northing_ft": 2_122_000.0,
    "accuracy_ft": 0.03,
    "source": "Record of Survey 12-345",
}


def test_points_are_scaled_about_their_origin():
    system = LocalSystem(**STATED)
    assert local_to_grid(system, 11_000.0, 5_000.0) == pytest.approx((6_337_999.934, 2_122_000.0), abs=1e-9)
    assert local_to_grid(system, 10_000.0, 5_000.0) == (6_337_000.0, 2_122_000.0)


def test_the_turn_is_clockwise_as_azimuths_are():
    # A local azimuth of 0 (north) becomes a grid azimuth of 30 degrees: east by sin 30, north by cos 30.
    system = LocalSystem(**STATED | {"rotation_deg": 30.0, "scale": 1.0})
    easting, northing = local_to_grid(system, 10_000.0, 5_100.0)
    assert (easting - 6_337_000.0, northing - 2_122_000.0) == pytest.approx((50.0, 86.60254), abs=1e-5)


@given(st.floats(-1e5, 1e5), st.floats(-1e5, 1e5), st.floats(-360, 360), st.floats(0.99, 1.01))
def test_local_points_come_back(easting, northing, turn, scale):
    system = LocalSystem(**STATED | {"rotation_deg": turn, "scale": scale})
    back = grid_to_local(system, *local_to_grid(system, easting, northing))
    assert back == pytest.approx((easting, northing), abs=1e-8 * 7e6 / 1e3 + 1e-6)


@pytest.mark.parametrize("wrong", [{"scale": 0.3048}, {"accuracy_ft": -1}, {"rotation_deg": 400}, {"scal": 1.0}])
def test_a_local_system_that_would_mislead_is_refused(wrong):
    with pytest.raises(SettingsError, match=next(iter(wrong))):
        check(STATED | wrong, LocalSystem, "city.toml")
