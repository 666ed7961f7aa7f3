"""Broken geometries: named, and shown where."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import box

from citygis.topology import invalid, not_finite

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN


def series(*shapes) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs="EPSG:6420")


def test_a_bowtie_is_shown_where_it_crosses():
    found = invalid(series(box(0, 0, 1, 1), shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])))
    assert found["feature"].tolist() == [1]
    assert found["kind"].tolist() == ["self_intersection"]
    assert found.geometry[0] == shapely.Point(5, 5)


def test_a_hole_outside_its_shell_is_named():
    outside = shapely.Polygon(box(0, 0, 10, 10).exterior, [box(20, 20, 25, 25).exterior.coords])
    assert invalid(series(outside))["kind"].tolist() == ["hole_outside"]


def test_parts_inside_one_another_are_named():
    assert invalid(series(shapely.MultiPolygon([box(0, 0, 10, 10), box(2, 2, 3, 3)])))["kind"].tolist() == ["nested_parts"]


def test_null_empty_and_sound_geometries_are_not_invalid():
    assert invalid(series(None, shapely.Polygon(), shapely.Point(1, 1), box(0, 0, 1, 1))).empty


def test_a_coordinate_that_is_no_number_has_no_place():
    broken = shapely.Polygon([(0, 0), (1, np.nan), (1, 1), (0, 0)])
    found = invalid(series(broken))
    assert found["kind"].tolist() == ["not_finite"]
    assert found.geometry.isna().all()


def test_not_finite_tells_nan_and_infinity_from_null():
    shapes = series(shapely.Point(0, 0), shapely.LineString([(0, 0), (np.inf, 1)]), None, shapely.LineString([(0, np.nan), (1, 1)]))
    assert not_finite(shapes).tolist() == [False, True, False, True]
