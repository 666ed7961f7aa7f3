"""Classes that do not overlap, and polygons cut by them."""

import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis.land_classes import OUTSIDE, dissolved_labels, planar_classes, split_by

E, N = 6_330_000.0, 2_100_000.0


def box(w, s, e, n):
    return shapely.box(E + w, N + s, E + e, N + n)


def test_features_of_a_class_that_overlap_count_once():
    found = planar_classes(np.array([box(0, 0, 60, 10), box(40, 0, 100, 10)]), np.array(["AE", "AE"]), "flood")
    assert found.labels.tolist() == ["AE"] and shapely.area(found.shapes).tolist() == [1000.0]
    assert "200 sq ft" in found.remarks[0]


def test_ground_of_two_classes_is_a_class_of_its_own():
    found = planar_classes(np.array([box(0, 0, 60, 10), box(40, 0, 100, 10)]), np.array(["AE", "X"]), "flood")
    assert dict(zip(found.labels, shapely.area(found.shapes), strict=True)) == {"AE": 400.0, "AE + X": 200.0, "X": 400.0}


def test_three_classes_on_one_place_leave_no_ground_twice():
    shapes = np.array([box(0, 0, 30, 30), box(10, 0, 40, 30), box(0, 10, 40, 20)])
    found = planar_classes(shapes, np.array(["A", "B", "C"]), "zones")
    area = dict(zip(found.labels, shapely.area(found.shapes), strict=True))
    # By hand: A and B share 20 x 30, of which the middle third is C's too; C has 10 x 10 with A alone and 10 x 10 with B alone.
    assert area == pytest.approx({"A": 200.0, "A + B": 400.0, "A + B + C": 200.0, "A + C": 100.0, "B": 200.0, "B + C": 100.0})
    assert sum(area.values()) == pytest.approx(shapely.area(shapely.union_all(shapes)))


def test_a_sliver_goes_to_the_class_that_comes_first():
    found = planar_classes(np.array([box(0, 0, 50.01, 10), box(50, 0, 100, 10)]), np.array(["A", "B"]), "zones")
    assert found.labels.tolist() == ["A", "B"] and not found.remarks
    assert shapely.area(found.shapes).tolist() == pytest.approx([500.1, 499.9])


def test_polygons_are_cut_with_nothing_lost():
    classes = planar_classes(np.array([box(0, 0, 50, 100), box(50, 0, 80, 100)]), np.array(["R", "C"]), "zones")
    parts = split_by(np.array([box(10, 0, 100, 10), box(200, 0, 210, 10)]), classes)
    said = parts[["of", "label", "area_sqft"]].to_numpy().tolist()
    assert said == [[0, OUTSIDE, 200.0], [0, "C", 300.0], [0, "R", 400.0], [1, OUTSIDE, 100.0]]
    assert np.allclose(shapely.area(parts.geometry.values), parts["area_sqft"])


def test_a_class_nobody_stated_has_a_name():
    assert dissolved_labels(pd.Series(["R-1", None, "  "])).tolist() == ["R-1", "(not stated)", "(not stated)"]
