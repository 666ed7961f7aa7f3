"""The map frame: scale, ground to paper, north."""

from fractions import Fraction

import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.errors import SheetError
from citygis.sheets.frame import STANDARD_SCALES, Frame, north, scale_of, scale_text, standard_scale

CRS = pyproj.CRS("EPSG:6420")
FRAME = Frame(CRS, Fraction(100), 6_330_000.0, 2_090_000.0, 72.0, 72.0, 1440.0, 720.0)


@pytest.mark.parametrize("text", ["1in=100ft", "1 in = 100 ft", "1\"=100'", "1 inch = 100 feet", "1IN=100FT"])
def test_a_scale_is_read_however_it_is_written(text):
    assert scale_of(text) == 100


def test_a_scale_keeps_its_decimals_exactly():
    assert scale_of("1in=66.6ft") == Fraction(333, 5)
    assert scale_of("1in=1,000ft") == 1000


@pytest.mark.parametrize("text", ["100", "1:1200", "1in=0ft", "1in=-20ft", "2in=100ft", "", "1in=100m", "1in=1e3ft"])
def test_what_is_no_scale_is_refused(text):
    with pytest.raises(ValueError, match="Must look like 1in=100ft"):
        scale_of(text)


def test_the_scale_in_words():
    assert scale_text(Fraction(100)) == "1 inch = 100 feet"
    assert scale_text(Fraction(2000)) == "1 inch = 2,000 feet"
    assert scale_text(Fraction(25, 2)) == "1 inch = 12.5 feet"


def test_a_hundred_feet_are_one_inch_at_one_inch_to_a_hundred_feet():
    (left, _), (right, _) = FRAME.to_page(np.array([[6_330_000.0, 2_090_000.0], [6_330_100.0, 2_090_000.0]]))
    assert right - left == 72.0


def test_the_middle_of_the_frame_is_its_centre_and_its_corners_are_its_extent():
    assert FRAME.to_page(np.array([[6_330_000.0, 2_090_000.0]])).tolist() == [[792.0, 432.0]]
    # 1,440 x 720 pt are 20 x 10 in, so 2,000 x 1,000 ft.
    assert FRAME.extent == (6_329_000.0, 2_089_500.0, 6_331_000.0, 2_090_500.0)


@given(st.floats(-5e4, 5e4), st.floats(-5e4, 5e4), st.sampled_from(STANDARD_SCALES), st.floats(-360, 360))
def test_paper_and_ground_are_inverse(east, north_, scale, rotation_deg):
    ground = np.array([[6_330_000.0 + east, 2_090_000.0 + north_]])
    frame = FRAME._replace(scale=scale, rotation_deg=rotation_deg)
    assert np.allclose(frame.to_ground(frame.to_page(ground)), ground, rtol=0, atol=1e-6)


def test_a_turn_of_ninety_degrees_lays_north_to_the_left_and_east_up():
    frame = FRAME._replace(rotation_deg=90.0)
    north_and_east = np.array([[6_330_000.0, 2_090_100.0], [6_330_100.0, 2_090_000.0]])
    assert np.allclose(frame.to_page(north_and_east), [[792.0 - 72.0, 432.0], [792.0, 432.0 + 72.0]], rtol=0, atol=1e-9)
    # 20 x 10 in of paper now show 1,000 ft east to west and 2,000 ft south to north.
    assert np.allclose(frame.extent, (6_329_500.0, 2_089_000.0, 6_330_500.0, 2_091_000.0), rtol=0, atol=1e-6)


def test_corners_go_counter_clockwise_from_the_paper_s_lower_left():
    expected = [[6_329_000, 2_089_500], [6_331_000, 2_089_500], [6_331_000, 2_090_500], [6_329_000, 2_090_500]]
    assert FRAME.corners.tolist() == expected
    # Turned by 30 degrees, the middle of the lower side lies 500 ft below the centre along the paper: south, turned back by 30.
    low = FRAME._replace(rotation_deg=30.0).corners[:2].mean(axis=0)
    assert np.allclose(low - (6_330_000, 2_090_000), (-500 * 0.5, -500 * np.sqrt(3) / 2), rtol=0, atol=1e-6)


@given(st.floats(-180, 180), st.floats(-180, 180), st.sampled_from(STANDARD_SCALES))
def test_a_turned_frame_keeps_lengths_and_turns_azimuths_by_its_rotation(rotation_deg, azimuth_deg, scale):
    frame = FRAME._replace(rotation_deg=rotation_deg, scale=scale)
    way = np.array([np.sin(np.radians(azimuth_deg)), np.cos(np.radians(azimuth_deg))])
    begin, end = frame.to_page(np.array([(6_330_000, 2_090_000), (6_330_000, 2_090_000) + 1000 * way]))
    across, up = end - begin
    assert np.isclose(np.hypot(across, up), 72_000 / float(scale), rtol=1e-12)
    turned = azimuth_deg - np.degrees(np.arctan2(across, up)) - rotation_deg
    assert np.isclose((turned + 180) % 360, 180, rtol=0, atol=1e-6)


def test_the_next_standard_scale_is_taken():
    # 1,200 ft on 10 in need 120 ft to the inch; an engineer's scale has 200 next.
    assert standard_scale(1200, 10, 720, 720) == 200
    assert standard_scale(1000, 1000, 720, 720) == 100
    assert standard_scale(10, 1000.1, 720, 720) == 200


def test_ground_that_fits_no_standard_scale_is_refused():
    with pytest.raises(SheetError, match="larger paper"):
        standard_scale(1e7, 10, 720, 720)


def test_true_north_lies_where_a_step_along_the_meridian_goes():
    # Independent of PROJ's factors: step a little north along the meridian and see which way the grid says that is.
    easting, northing = 6_330_000.0, 2_090_000.0
    to_degrees = pyproj.Transformer.from_crs(CRS, CRS.geodetic_crs, always_xy=True)
    longitude, latitude = to_degrees.transform(easting, northing)
    to_grid = pyproj.Transformer.from_crs(CRS.geodetic_crs, CRS, always_xy=True)
    e, n = to_grid.transform(longitude, latitude + 0.001)
    grid_azimuth_of_true_north = np.degrees(np.arctan2(e - easting, n - northing))
    found = north(CRS, easting, northing)
    assert found.convergence_deg == pytest.approx(-grid_azimuth_of_true_north, abs=1e-5)
    assert found.convergence_deg < 0  # west of the central meridian, 120°30' W


def test_the_grid_scale_factor_is_a_short_line_over_its_geodesic():
    easting, northing = 6_330_000.0, 2_090_000.0
    to_degrees = pyproj.Transformer.from_crs(CRS, CRS.geodetic_crs, always_xy=True)
    ends = [to_degrees.transform(easting, northing - 50), to_degrees.transform(easting, northing + 50)]
    metres = pyproj.Geod(ellps="GRS80").inv(*ends[0], *ends[1])[2]
    assert north(CRS, easting, northing).scale_factor == pytest.approx(100 * 1200 / 3937 / metres, abs=1e-8)
