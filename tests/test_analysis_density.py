"""Density of events over the City."""

import numpy as np
import pytest
import shapely
from scipy.special import ndtr
from scipy.stats import gaussian_kde

from citygis.analysis.density import cell_means, cell_of, city_cells, density_at, kept_of, kernel_density, peak
from citygis.errors import AnalysisError

E, N = 6_330_000.0, 2_100_000.0
SQUARE = shapely.box(E, N, E + 10_000, N + 10_000)
L_SHAPE = shapely.Polygon(
    [(E, N), (E + 9_000, N), (E + 9_000, N + 3_100), (E + 4_050, N + 3_100), (E + 4_050, N + 9_000), (E, N + 9_000)]
)


def test_cells_fill_the_city_and_nothing_else():
    cells = city_cells(L_SHAPE, cell_ft=500)
    assert cells.area_sqft.sum() == pytest.approx(L_SHAPE.area)
    assert shapely.area(shapely.union_all(cells.shapes)) == pytest.approx(L_SHAPE.area)
    assert (cells.area_sqft <= 500**2 + 1e-6).all() and (cells.area_sqft > 0).all()


def test_every_place_in_the_city_is_in_the_cell_that_covers_it():
    cells = city_cells(L_SHAPE, cell_ft=500)
    rng = np.random.default_rng(2)
    east, north = E + rng.uniform(-500, 9_500, 3_000), N + rng.uniform(-500, 9_500, 3_000)
    at = cell_of(cells, east, north)
    inside = shapely.contains_xy(L_SHAPE, east, north)
    assert (at[inside] >= 0).all()
    assert shapely.contains_xy(cells.shapes[at[inside]], east[inside], north[inside]).all()
    far = shapely.distance(L_SHAPE, shapely.points(east, north)) > 500 * np.sqrt(2)
    assert (at[far] == -1).all()


def test_a_place_on_a_line_is_in_the_cell_to_the_east_and_north():
    cells = city_cells(SQUARE, cell_ft=500)
    at = cell_of(cells, np.array([E + 500.0]), np.array([N + 1000.0]))[0]
    assert (cells.easting[at], cells.northing[at]) == (E + 750, N + 1250)


@pytest.mark.parametrize("limit", [SQUARE, L_SHAPE], ids=["square", "L"])
def test_what_of_the_kernels_is_in_the_city_is_the_same_summed_by_place_and_by_incident(limit):
    rng = np.random.default_rng(3)
    east, north = E + rng.uniform(0, 9_000, 4_000), N + rng.uniform(0, 9_000, 4_000)
    inside = shapely.contains_xy(limit, east, north)
    found = kernel_density(east[inside], north[inside], limit, bandwidth_ft=1_000, cell_ft=500)
    by_place = (found.values * found.kept)[found.inside].sum() * found.pixel_ft**2
    assert by_place == pytest.approx(kept_of(east[inside], north[inside], found), rel=1e-9)
    assert by_place < inside.sum()


def test_alike_everywhere_stays_alike_up_to_the_limit_where_a_plain_kernel_falls_to_half():
    step = np.arange(25.0, 10_000, 50)
    east, north = (each.ravel() for each in np.meshgrid(E + step, N + step))
    found = kernel_density(east, north, SQUARE, bandwidth_ft=800, cell_ft=500)
    np.testing.assert_allclose(found.values[found.inside], len(east) / SQUARE.area, rtol=1e-9)
    middle = len(found.kept) // 2
    # Half a pixel inside a straight limit, and in its corner.
    assert found.kept[middle, 0] == pytest.approx(ndtr(50 / 800), abs=0.002)
    assert found.kept[0, 0] == pytest.approx(ndtr(50 / 800) ** 2, abs=0.002)


def test_far_from_the_limit_it_is_the_kernel_estimate_of_scipy():
    points = np.random.default_rng(5).normal((5_000, 5_000), 500, (400, 2))
    # A point, its mirror images and their turns by 90 degrees: the covariance is the same in all directions, as scipy needs it.
    away = points - 5_000
    points = np.concatenate([5_000 + away * sign for sign in ((1, 1), (-1, 1), (1, -1), (-1, -1))])
    points = np.concatenate([points, points[:, ::-1]])
    spread = np.sqrt(np.cov(points.T)[0, 0])
    oracle = gaussian_kde(points.T, bw_method=600 / spread)
    found = kernel_density(E + points[:, 0], N + points[:, 1], SQUARE, bandwidth_ft=600, cell_ft=300)
    for row, column in ((66, 66), (60, 72), (75, 58)):
        place = ((column + 0.5) * found.pixel_ft + found.west - E, (row + 0.5) * found.pixel_ft + found.south - N)
        there = len(points) * oracle(place)[0]
        assert found.values[row, column] == pytest.approx(there, rel=0.01)
        direct = density_at(E + points[:, 0], N + points[:, 1], found, (E + place[0], N + place[1]), bandwidth_ft=600)
        assert direct == pytest.approx(there, rel=1e-3)
    east, north, high = peak(found)
    assert np.hypot(east - E - 5_000, north - N - 5_000) < 150 and high == found.values.max()


def test_the_mean_of_a_cell_is_that_of_its_pixels():
    cells = city_cells(SQUARE, cell_ft=500)
    found = kernel_density(np.array([E + 5_100.0]), np.array([N + 5_100.0]), SQUARE, bandwidth_ft=500, cell_ft=500)
    means = cell_means(found, cells)
    assert (means * cells.area_sqft).sum() == pytest.approx(1.0)
    assert (cells.easting[means.argmax()], cells.northing[means.argmax()]) == (E + 5_250, N + 5_250)


def test_too_many_cells_or_pixels_are_refused():
    with pytest.raises(AnalysisError, match="larger cells"):
        city_cells(SQUARE, cell_ft=5)
    with pytest.raises(AnalysisError, match="bandwidth"):
        kernel_density(np.array([E + 1.0]), np.array([N + 1.0]), SQUARE, bandwidth_ft=5, cell_ft=100)
