"""Intersections, offsets and stations: right triangles and circles checked on paper."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.cogo.arc import arc_between
from citygis.cogo.course import curve_course, line_course, oriented, spiral_course
from citygis.cogo.curve import solve_curve
from citygis.cogo.intersection import (
    bearing_bearing,
    bearing_distance,
    distance_distance,
    forward,
    inverse,
    line_arc,
    perpendicular_offset,
    point_at_station,
    station_offset,
)
from citygis.cogo.spiral import solve_spiral


def test_inverse_of_a_3_4_5():
    azimuth, distance = inverse((0, 0), (3, 4))
    assert (azimuth, distance) == (pytest.approx(math.degrees(math.atan2(3, 4))), 5)
    with pytest.raises(ValueError, match="apart"):
        inverse((1, 1), (1, 1))


@given(st.floats(0, 359.9), st.floats(0.01, 5000))
def test_forward_and_inverse_undo_each_other(azimuth, distance):
    found = inverse((6.3e6, 2.1e6), forward((6.3e6, 2.1e6), azimuth, distance))
    assert found[1] == pytest.approx(distance, abs=1e-6)
    assert (found[0] - azimuth + 180) % 360 - 180 == pytest.approx(0, abs=1e-5 / distance + 1e-6)


def test_two_bearings_meet_ahead_or_behind():
    assert bearing_bearing((0, 0), 45, (10, 0), 315).tolist() == pytest.approx([5, 5])
    assert bearing_bearing((0, 0), 225, (10, 0), 135).tolist() == pytest.approx([5, 5])
    with pytest.raises(ValueError, match="parallel"):
        bearing_bearing((0, 0), 45, (10, 0), 225)


def test_a_bearing_and_a_distance_meet_twice_once_or_never():
    both = bearing_distance((0, 3), 90, (0, 0), 5)
    assert both == pytest.approx(np.array([[-4, 3], [4, 3]]))
    assert bearing_distance((0, 5), 90, (0, 0), 5) == pytest.approx(np.array([[0, 5]]))
    assert bearing_distance((0, 6), 90, (0, 0), 5).shape == (0, 2)


def test_two_distances_meet_left_of_the_line_first():
    both = distance_distance((0, 0), 5, (0, 6), 5)  # the line runs north: left is west
    assert both == pytest.approx(np.array([[-4, 3], [4, 3]]))
    assert distance_distance((0, 0), 1, (0, 6), 1).shape == (0, 2)
    assert distance_distance((0, 0), 3, (0, 6), 3) == pytest.approx(np.array([[0, 3]]))
    with pytest.raises(ValueError, match="apart"):
        distance_distance((0, 0), 1, (0, 0), 1)


def test_a_line_meets_an_arc_only_between_its_ends():
    arc = arc_between((-5, 0), (5, 0), hand="R", radius_ft=5)  # the northern half of a circle
    assert line_arc((0, 3), 90, arc) == pytest.approx(np.array([[-4, 3], [4, 3]]))
    assert line_arc((4, -9), 0, arc) == pytest.approx(np.array([[4, 3]]))
    assert line_arc((0, -3), 90, arc).shape == (0, 2)


def test_offsets_are_positive_to_the_right():
    along, off = perpendicular_offset((0, 0), 0, [(5, 10), (-2, -1)])
    assert along.tolist() == [10, -1]
    assert off.tolist() == [5, -2]


def centreline():
    curve = curve_course(solve_curve(radius_ft=100, delta_deg=90), "R", tangency="tangent")
    return oriented([line_course(0, 50), curve, line_course(None, 30, tangency="tangent")]).courses


def test_stations_run_along_lines_and_arcs():
    arc = 50 * math.pi
    found = station_offset(
        centreline(),
        (0, 0),
        [(10, 20), (0, 50), (100 - 90 / math.sqrt(2), 50 + 90 / math.sqrt(2)), (110, 155)],
        start_station_ft=1000,
    )
    assert found.station_ft == pytest.approx([1020, 1050, 1050 + arc / 2, 1050 + arc + 10])
    # Ten feet inside the curve is to the right, five feet beyond its end to the left.
    assert found.offset_ft == pytest.approx([10, 0, 10, -5], abs=1e-9)
    assert found.course.tolist()[2:] == [1, 2]


def test_a_point_before_the_start_has_no_station():
    found = station_offset(centreline(), (0, 0), [(5, -1)])
    assert math.isnan(found.station_ft[0]) and found.course[0] == -1


@given(st.floats(0, 50 + 50 * math.pi + 30), st.floats(-40, 40))
def test_a_station_and_offset_lead_back_to_themselves(station, offset):
    point = point_at_station(centreline(), (6.3e6, 2.1e6), station, offset_ft=offset)
    found = station_offset(centreline(), (6.3e6, 2.1e6), [point])
    assert found.station_ft[0] == pytest.approx(station, abs=1e-5)
    assert found.offset_ft[0] == pytest.approx(offset, abs=1e-5)


def test_a_station_off_the_end_is_refused():
    with pytest.raises(ValueError, match="station"):
        point_at_station(centreline(), (0, 0), 1000)


def test_spirals_have_no_stations_here():
    courses = [spiral_course(solve_spiral(100, 300), "R", azimuth_deg=0)]
    with pytest.raises(ValueError, match="Course 1 is a spiral"):
        station_offset(courses, (0, 0), [(0, 0)])
