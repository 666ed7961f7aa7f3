"""Cross sections of ground along a line."""

import numpy as np
import pytest
import shapely

from citygis.analysis.cross_sections import node_degrees, reaches_ft, section_lines, stations_along

E, N = 6_330_000.0, 2_100_000.0


def line(*points):
    return shapely.LineString([(E + e, N + n) for e, n in points])


def box(w, s, e, n):
    return shapely.box(E + w, N + s, E + e, N + n)


def test_stations_are_even_and_half_a_space_from_the_ends():
    found = stations_along(np.array([line((0, 0), (100, 0)), line((0, 50), (0, 60))]), 30.0)
    assert found.line.tolist() == [0, 0, 0, 0, 1]
    assert found.along_ft.tolist() == [12.5, 37.5, 62.5, 87.5, 5.0]
    assert found.ahead[[0, 4]] == pytest.approx(np.array([[1, 0], [0, 1]]), abs=1e-6)


def reach(ground, to_left, at=(50, 0), gap_ft=0.05):
    stations = stations_along(np.array([line((at[0] - 1, at[1]), (at[0] + 1, at[1]))]), 5.0)
    return float(reaches_ft(ground, stations, to_left=to_left, reach_ft=200.0, gap_ft=gap_ft)[0])


def test_left_and_right_are_by_the_way_the_line_runs():
    ground = box(0, -20, 100, 30)
    assert reach(ground, True) == pytest.approx(30.0) and reach(ground, False) == pytest.approx(20.0)


def test_a_station_off_the_ground_has_no_width_and_ground_without_a_side_no_end():
    assert np.isnan(reach(box(0, 5, 100, 30), True))
    assert reach(box(0, -300, 100, 300), True) == np.inf


def test_a_gap_of_the_coordinates_is_passed_over_and_a_real_one_is_not():
    near, apart = (shapely.MultiPolygon([box(0, -20, 100, 10), box(0, 10 + gap, 100, 30)]) for gap in (0.04, 0.06))
    assert reach(near, True) == pytest.approx(30.0)
    assert reach(apart, True) == pytest.approx(10.0)


def test_a_section_beside_a_notch_is_measured_to_the_far_side():
    # Left of the station the ground is notched down to 15 ft; half a foot to the right it is not.
    corner = shapely.Polygon(
        [(E, N - 20), (E + 100, N - 20), (E + 100, N + 40), (E + 50, N + 40), (E + 50, N + 15), (E + 49, N + 30), (E, N + 30)]
    )
    assert reach(corner, True, at=(50.5, 0)) == pytest.approx(40.0)
    assert reach(corner, True, at=(49.5, 0)) == pytest.approx(22.5)


def test_widths_of_a_ragged_ground_are_those_that_the_geometry_engine_cuts():
    rng = np.random.default_rng(2)
    turn, radius = np.linspace(0, 2 * np.pi, 90, endpoint=False), rng.uniform(60, 100, 90)
    ground = shapely.Polygon(np.column_stack([E + radius * np.cos(turn), N + radius * np.sin(turn)]))
    stations = stations_along(np.array([line((-55, -10), (55, 20))]), 1.0)
    ways = [reaches_ft(ground, stations, to_left=side, reach_ft=300.0, gap_ft=0.0) for side in (True, False)]
    cut = shapely.intersection(section_lines(stations, np.full(len(ways[0]), 300.0), np.full(len(ways[0]), 300.0)), ground)
    for k, each in enumerate(cut):
        own = [part for part in shapely.get_parts(each) if part.distance(shapely.Point(stations.points[k])) < 1e-6]
        assert sum(part.length for part in own) == pytest.approx(ways[0][k] + ways[1][k], abs=1e-6)


def test_ends_that_meet_are_counted():
    lines = np.array([line((0, 0), (100, 0)), line((100, 0), (200, 0)), line((100, 0), (100, 50)), line((200, 0), (300, 0))])
    assert node_degrees(lines).tolist() == [[1, 3], [3, 2], [3, 1], [2, 1]]
