"""Narrow open ground between polygons that were meant to meet."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import affinity, box

from citygis.errors import CRSError
from citygis.topology import openings

FEET = "EPSG:6420"
LEFT = box(0, 0, 100, 100)


def layer(*geometry, crs=FEET):
    return gpd.GeoSeries(list(geometry), crs=crs)


@pytest.mark.parametrize("turn", [0, 17.3, 80])
@pytest.mark.parametrize("width", [0.05, 1.0, 4.0])
def test_a_strip_that_opens_at_both_ends_is_found_with_its_width(width, turn):
    pair = [affinity.rotate(each, turn, origin=(0, 0)) for each in (LEFT, box(100 + width, 0, 200, 100))]
    found = openings(layer(*pair))
    assert found[["left", "right"]].to_numpy().tolist() == [[0, 1]]
    assert found["width_ft"].tolist() == pytest.approx([width], rel=0.01)
    assert found["area_sqft"].tolist() == pytest.approx([100 * width], rel=0.03)  # its open ends are cut round


def test_ground_that_a_third_covers_is_not_open():
    assert openings(layer(LEFT, box(102, 0, 200, 100), box(100, -10, 102, 110))).empty


def test_ground_that_three_bound_is_told_once():
    found = openings(layer(LEFT, box(102, 0, 200, 50), box(102, 50, 200, 100)))
    assert found["area_sqft"].sum() == pytest.approx(200, rel=0.02)


def test_sound_neighbours_at_any_angle_leave_nothing_open():
    random = np.random.default_rng(3)
    corner = np.stack(np.meshgrid(np.arange(7) * 60.0, np.arange(5) * 110.0), axis=-1) + random.uniform(-20, 20, (5, 7, 2))
    corner = np.round(corner, 4)
    cells = [
        shapely.Polygon([corner[j, i], corner[j, i + 1], corner[j + 1, i + 1], corner[j + 1, i]])
        for j in range(4)
        for i in range(6)
    ]
    kept = [each for k, each in enumerate(cells) if k % 5]  # what is left out is wide, and a corner is no opening
    assert openings(layer(*kept)).empty


def test_nothing_comes_of_nothing():
    assert openings(layer()).empty
    assert openings(layer(None, LEFT)).empty
    with pytest.raises(CRSError):
        openings(layer(LEFT, crs=None))
