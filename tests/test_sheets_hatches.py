"""Hatches cut to areas, fixed to the ground."""

from fractions import Fraction

import numpy as np
import pyproj
import pytest
import shapely

from citygis.sheets.frame import Frame
from citygis.sheets.hatches import SHORTEST_PT, hatch_lines
from citygis.sheets.looks import Hatch

CRS = pyproj.CRS("EPSG:6420")
FRAME = Frame(CRS, Fraction(100), 6_330_500.0, 2_090_250.0, 0.0, 0.0, 720.0, 360.0)


def lines(shapes, frame=FRAME, **hatch):
    return hatch_lines(np.array(shapes, dtype=object), Hatch(**hatch), frame)


def lengths(pieces):
    return np.hypot(*(pieces[:, 1] - pieces[:, 0]).T)


def test_a_square_inch_hatched_every_tenth_of_an_inch_has_ten_lines_of_an_inch():
    pieces = lines([shapely.box(100, 100, 172, 172)], angle_deg=0, spacing_pt=7.2)
    assert len(pieces) == 10
    assert lengths(pieces) == pytest.approx(72)


@pytest.mark.parametrize("angle_deg", [0, 30, 45, 90, 135, 200])
def test_lines_lie_at_their_angle_and_distance_and_cover_what_shapely_says(angle_deg):
    shape = shapely.Polygon([(50, 50), (300, 80), (260, 300), (150, 180), (60, 320)], [[(120, 100), (200, 110), (160, 150)]])
    pieces = lines([shape], angle_deg=angle_deg, spacing_pt=5)
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    across = pieces @ np.array([-s, c])
    assert across[:, 0] == pytest.approx(across[:, 1], abs=1e-6)
    assert (np.diff(np.unique(np.round(across[:, 0], 4))) / 5) == pytest.approx(1, abs=1e-3)
    # Every line of the family cut by GEOS instead of by us.
    whole = [
        shapely.LineString([np.array([-1000 * c - s * d, -1000 * s + c * d]), np.array([1000 * c - s * d, 1000 * s + c * d])])
        for d in np.unique(np.round(across[:, 0], 6))
    ]
    cut = shapely.length(shapely.intersection(np.array(whole), shape)).sum()
    assert lengths(pieces).sum() == pytest.approx(cut, abs=1.0)


def test_holes_and_parts_are_left_out_and_filled():
    holed = shapely.box(0, 0, 100, 100).difference(shapely.box(20, 20, 80, 80))
    parts = shapely.MultiPolygon([shapely.box(200, 0, 300, 50), shapely.box(200, 60, 300, 100)])
    pieces = lines([holed, parts], angle_deg=0, spacing_pt=2)
    middles = shapely.points(pieces.mean(axis=1))
    assert shapely.covers(shapely.union_all([holed, parts]).buffer(1e-6), middles).all()
    # Area over spacing is the length of all lines, but for one line more or less at each edge.
    assert lengths(pieces).sum() == pytest.approx((6400 + 5000 + 4000) / 2, rel=0.03)


def test_two_sheets_of_one_scale_draw_the_same_lines_on_the_ground():
    east = FRAME._replace(easting=FRAME.easting + 333.3, northing=FRAME.northing - 71.7, left_pt=40.0)
    ground = shapely.box(6_330_400, 2_090_200, 6_330_700, 2_090_300)
    found = []
    for frame in (FRAME, east):
        pieces = lines([shapely.transform(ground, frame.to_page)], frame, angle_deg=45, spacing_pt=6)
        found.append(frame.to_ground(pieces.reshape(-1, 2)))
    assert np.allclose(*found, atol=1e-5)


def test_neighbours_share_their_lines():
    pieces = lines([shapely.box(0, 0, 50, 50), shapely.box(50, 0, 100, 50)], angle_deg=45, spacing_pt=6)
    whole = lines([shapely.box(0, 0, 100, 50)], angle_deg=45, spacing_pt=6)
    assert lengths(pieces).sum() == pytest.approx(lengths(whole).sum(), abs=2 * SHORTEST_PT)


def test_a_line_through_a_vertex_goes_in_once_and_out_once():
    # The anchor of the ground lies at the origin of the page, so lines go exactly through these vertices.
    at_origin = FRAME._replace(easting=0.0, northing=0.0, left_pt=-360.0, bottom_pt=-180.0)
    diamond = shapely.Polygon([(0, -10), (10, 0), (0, 10), (-10, 0)])
    assert at_origin.to_page(np.zeros((1, 2)))[0] == pytest.approx((0, 0))
    pieces = lines([diamond], at_origin, angle_deg=0, spacing_pt=10)
    assert lengths(pieces) == pytest.approx([20])


def test_a_cross_hatch_has_both_ways():
    one = lines([shapely.box(0, 0, 100, 100)], angle_deg=30, spacing_pt=5)
    both = lines([shapely.box(0, 0, 100, 100)], angle_deg=30, spacing_pt=5, cross=True)
    assert len(both) > 1.9 * len(one)


def test_dashes_have_their_length_and_every_second_line_is_set_off_by_half():
    at_origin = FRAME._replace(easting=0.0, northing=0.0, left_pt=-360.0, bottom_pt=-180.0)
    pieces = lines([shapely.box(1, -1, 101, 11)], at_origin, angle_deg=0, spacing_pt=10, line={"dash_pt": (6, 4)})
    level, upper = pieces[pieces[:, 0, 1] == 0], pieces[pieces[:, 0, 1] == 10]
    assert level[:, 0, 0] == pytest.approx([1, *range(10, 110, 10)])  # the first begins where the box does
    assert upper[:, 0, 0] == pytest.approx(range(5, 105, 10))
    assert lengths(level) == pytest.approx([5, *[6] * 9, 1])  # and the last ends there
    assert lengths(upper) == pytest.approx([*[6] * 10])


def test_no_areas_have_no_lines():
    assert lines([], angle_deg=0).shape == (0, 2, 2)
    assert lines([shapely.Polygon()], angle_deg=0).shape == (0, 2, 2)


def test_spacing_in_feet_follows_the_scale():
    assert Hatch(spacing_ft=10).at(FRAME.points_per_foot).spacing_pt == pytest.approx(7.2)
