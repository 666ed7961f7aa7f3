"""Straight pieces: what of one lies near another, in closed form against GEOS buffers."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.errors import CRSError
from citygis.topology.segments import Segments, line_parts, near_stretches, runs, segments

FEET = "EPSG:6420"


def one(*ends):
    return Segments(np.array([ends[0]], float), np.array([ends[1]], float), np.zeros(1, int))


def test_the_near_stretch_is_what_a_buffer_cuts_out():
    random = np.random.default_rng(3)
    ends = random.uniform(0, 30, (4, 400, 2))
    some, others = Segments(ends[0], ends[1], np.arange(400)), Segments(ends[2], ends[3], np.arange(400))
    low, high = near_stretches(some, others, 2.0)
    expected = shapely.length(shapely.intersection(some.lines(), shapely.buffer(others.lines(), 2.0, quad_segs=200)))
    assert np.where(high >= low, high - low, 0) == pytest.approx(expected, abs=2e-3)
    assert (expected > 0).sum() > 50 and (expected == 0).sum() > 50


@pytest.mark.parametrize(("apart", "near"), [(0.0099, True), (0.0101, False)])
def test_parallel_lines_are_near_along_their_whole_length_or_not_at_all(apart, near):
    low, high = near_stretches(one((0, 0), (100, 0)), one((0, apart), (100, apart)), 0.01)
    assert (high - low == pytest.approx([100])) if near else (high < low).all()


def test_runs_join_what_overlaps_and_leave_what_is_open():
    owner, low, high = np.array([0, 0, 0, 2]), np.array([0.0, 2, 6, 1]), np.array([3.0, 4, 7, 2])
    assert [each.tolist() for each in runs(owner, low, high, covered=True)] == [[0, 0, 2], [0, 6, 1], [4, 7, 2]]
    assert [each.tolist() for each in runs(owner, low, high, covered=False)] == [[0], [4], [6]]


def test_rings_parts_and_collections_give_their_lines_and_points_give_none():
    donut = shapely.Polygon([(0, 0), (9, 0), (9, 9)], [[(5, 1), (6, 1), (6, 2)]])
    line = shapely.LineString([(0, 0, 7), (0, 0, 8), (1, 0, 9)])
    bag = shapely.GeometryCollection([shapely.MultiLineString([line, line]), shapely.Point(1, 1), donut])
    endless = shapely.LineString([(0, 0), (np.inf, 1)])
    layer = gpd.GeoSeries([donut, None, bag, shapely.LineString(), endless, line], crs=FEET)
    parts, owner = line_parts(layer)
    assert owner.tolist() == [0, 0, 2, 2, 2, 2, 5]
    assert len(segments(parts[-1:]).part) == 1


def test_a_layer_in_metres_is_refused():
    with pytest.raises(CRSError):
        line_parts(gpd.GeoSeries([shapely.LineString([(0, 0), (1, 1)])], crs="EPSG:26943"))
