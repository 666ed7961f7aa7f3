"""How compact districts are."""

import numpy as np
import pytest
import shapely

from citygis.analysis.compactness import compactness


def test_a_circle_is_compact_by_every_measure():
    circle = shapely.Point(0, 0).buffer(100, quad_segs=256)
    assert [float(each[0]) for each in compactness(np.array([circle]))] == pytest.approx([1, 1, 1], abs=1e-4)


def test_a_square_and_a_strip_by_hand():
    square, strip = shapely.box(0, 0, 10, 10), shapely.box(0, 0, 100, 1)
    found = compactness(np.array([square, strip]))
    assert found.polsby_popper == pytest.approx([np.pi / 4, 4 * np.pi * 100 / 202**2])
    assert found.reock == pytest.approx([2 / np.pi, 100 / (np.pi * (100**2 + 1) / 4)])
    assert found.convex_hull == pytest.approx([1, 1])


def test_an_l_has_six_sevenths_of_its_hull_and_nothing_has_no_measure():
    # Three unit squares: the hull cuts the fourth in half.
    found = compactness(np.array([shapely.Polygon([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]), shapely.Polygon()]))
    assert found.convex_hull[0] == pytest.approx(3 / 3.5)
    assert all(np.isnan(each[1]) for each in found)
