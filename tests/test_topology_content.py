"""Too little or too much in a feature: by hand, and widths of strips that are known."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import fabric
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box
from test_topology_corners import layer

from citygis.errors import CRSError
from citygis.topology import missing, multiparts, overlaps, slivers, strip_sides_ft, thinness, tiny

LOT = box(0, 0, 60, 110)


def test_a_sound_fabric_gives_nothing():
    frame = layer(*fabric(np.random.default_rng(1)))
    for measure in (missing, multiparts, tiny, slivers):
        assert measure(frame).empty
        assert measure(layer()).empty


def test_no_geometry_an_empty_one_and_an_empty_part_are_told_apart():
    parts = shapely.from_wkt("MULTIPOLYGON (((0 0, 9 0, 9 9, 0 0)), EMPTY)")
    found = missing(gpd.GeoSeries([LOT, None, shapely.Polygon(), parts, shapely.Point(), shapely.MultiPolygon()], crs="EPSG:6420"))
    assert found["feature"].tolist() == [1, 2, 3, 4, 5]
    assert found["kind"].tolist() == ["null", "empty", "empty_part", "empty", "empty"]


def test_a_second_part_is_told_with_the_smallest():
    two = shapely.MultiPolygon([LOT, box(100, 0, 110, 11)])
    found = multiparts(layer(LOT, None, shapely.MultiPolygon([LOT]), two))
    assert found["feature"].tolist() == [3]
    assert found.loc[0, ["parts", "smallest"]].tolist() == [2, 1]
    assert found.loc[0, ["smallest_sqft", "smallest_ft", "share"]].tolist() == pytest.approx([110, 42, 110 / 6710])
    assert found.geometry[0].equals(layer(box(100, 0, 110, 11)).geometry[0])


def test_an_empty_part_is_no_part_and_lines_are_measured_by_length():
    hollow = shapely.from_wkt("MULTIPOLYGON (EMPTY, ((0 0, 9 0, 9 9, 0 0)))")
    lines = shapely.MultiLineString([[(0, 0), (9, 0)], [(0, 5), (1, 5)]])
    found = multiparts(layer(hollow, lines, shapely.MultiPoint([(0, 0), (1, 1)])))
    assert found["feature"].tolist() == [1, 2]
    assert found["smallest"].tolist() == [1, 0]
    assert found["share"].tolist() == pytest.approx([0.1, 0])


@pytest.mark.parametrize(("area", "expected"), [(9.99, 1), (10.01, 0)])
def test_the_tolerance_of_tiny_is_the_area_of_a_part(area, expected):
    found = tiny(layer(LOT, shapely.MultiPolygon([LOT, box(100, 0, 110, area / 10)])), min_area_sqft=10)
    assert list(zip(found["feature"], found["part"], strict=True)) == [(1, 1)] * expected
    assert found["area_sqft"].tolist() == pytest.approx([area] * expected)


@pytest.mark.parametrize(("length", "expected"), [(0.0999, 1), (0.1001, 0)])
def test_a_line_is_tiny_by_its_length(length, expected):
    found = tiny(layer(shapely.LineString([(0, 0), (0, length)])), min_length_ft=0.1)
    assert found["length_ft"].tolist() == pytest.approx([length] * expected)


def test_a_bowtie_is_not_called_tiny_and_a_point_is_not_either():
    bowtie = shapely.Polygon([(0, 0), (50, 50), (50, 0), (0, 50)])
    assert tiny(layer(bowtie, shapely.Point(0, 0), None, shapely.Polygon())).empty


@pytest.mark.parametrize(("width", "expected"), [(5.9, 1), (6.1, 0)])
def test_a_strip_narrower_than_the_tolerance_is_a_sliver(width, expected):
    found = slivers(layer(LOT, box(60, 0, 60 + width, 110)), width_ft=6)
    assert found["feature"].tolist() == [1] * expected
    for column, value in (("width_ft", width), ("mean_width_ft", width), ("length_ft", 110), ("area_sqft", width * 110)):
        assert found[column].tolist() == pytest.approx([value] * expected, rel=0.003)


def test_a_small_round_parcel_is_no_sliver():
    assert slivers(layer(box(0, 0, 5, 5))).empty


def test_the_overlap_of_two_lots_is_a_sliver_with_the_width_it_was_drawn():
    shared = overlaps(layer(LOT, box(59.5, 0, 120, 110)))
    assert slivers(shared)["mean_width_ft"].tolist() == pytest.approx([0.5], rel=1e-4)


def test_a_wide_flag_lot_with_a_long_pole_is_no_sliver():
    flag = box(0, 0, 60, 60).union(box(0, 60, 3, 400))
    assert slivers(layer(flag), width_ft=6).empty


@given(width=st.floats(0.01, 50), times=st.floats(1, 500), turn=st.floats(0, 180))
@settings(max_examples=60, deadline=None)
def test_the_sides_of_a_rectangle_are_found_from_area_and_perimeter(width, times, turn):
    strip = affinity.rotate(box(0, 0, width * times, width), turn)
    length, wide = strip_sides_ft(np.array([strip], dtype=object))
    # Near a square the two sides run together, and the root of a small difference has half the figures.
    assert length[0] == pytest.approx(width * times, rel=1e-6)
    assert wide[0] == pytest.approx(width, rel=1e-6)


def test_a_circle_has_thinness_one_and_a_square_a_quarter_of_pi():
    circle = shapely.Point(0, 0).buffer(10, quad_segs=200)
    found = thinness(np.array([circle, box(0, 0, 3, 3), None, shapely.Polygon()], dtype=object))
    assert found.tolist() == pytest.approx([1, np.pi / 4, 0, 0], abs=1e-4)
    length, width = strip_sides_ft(np.array([circle], dtype=object))
    assert (length[0], width[0]) == pytest.approx((circle.length / 4, circle.length / 4))


@pytest.mark.parametrize("measure", [multiparts, tiny, slivers])
def test_a_layer_that_is_not_in_feet_is_refused(measure):
    with pytest.raises(CRSError):
        measure(layer(LOT, crs="EPSG:4326"))
