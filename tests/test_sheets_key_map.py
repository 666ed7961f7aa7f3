"""Key map and vicinity map."""

from fractions import Fraction

import numpy as np
import pyproj
import pytest
import shapely
from sheets_city import city_layers

from citygis.sheets.frame import Frame
from citygis.sheets.key_map import LEAST_PT, key_map
from citygis.sheets.sheet import Vicinity
from citygis.sheets.vicinity import vicinity_map

CRS = pyproj.CRS("EPSG:6420")
LAYERS = city_layers(2, 3)
EAST, NORTH = (float(v) for v in LAYERS["parcel"].union_all().centroid.coords[0])


def frame(scale=50, rotation=0.0):
    return Frame(CRS, Fraction(scale), EAST, NORTH, 90.0, 90.0, 500.0, 400.0, rotation)


def marked(block):
    """Width and height of the red frame, points."""
    (red,) = [b for g in block.groups for b in g.batches if getattr(b, "stroke", None) == "#b3261e"]
    return np.ptp(red.points, axis=0)


def test_the_mark_is_as_wide_to_high_as_the_sheet():
    wide, high = marked(key_map(200.0, 1.0, frame(), LAYERS, 400.0))
    assert wide / high == pytest.approx(500 / 400)


def test_the_mark_of_a_turned_sheet_is_turned():
    wide, high = marked(key_map(200.0, 1.0, frame(rotation=90.0), LAYERS, 400.0))
    assert wide / high == pytest.approx(400 / 500)


def test_a_mark_beyond_the_city_is_cut_to_the_box():
    block = key_map(200.0, 1.0, frame(100)._replace(easting=EAST + 900), LAYERS, 400.0)
    points = np.concatenate([b.points for g in block.groups for b in g.batches if hasattr(b, "stroke")])
    assert points[:, 0].max() <= 200 + 1e-6
    assert points[:, 1].min() >= -block.height_pt


@pytest.mark.parametrize("room", [60.0, LEAST_PT + 10])
def test_there_is_none_in_a_small_space(room):
    assert key_map(200.0, 1.0, frame(), LAYERS, room) is None


def test_there_is_none_where_the_frame_shows_all():
    assert key_map(200.0, 1.0, frame(1000), LAYERS, 400.0) is None
    assert key_map(200.0, 1.0, frame(), {}, 400.0) is None


def test_a_vicinity_map_is_at_the_scale_said():
    block = vicinity_map(220.0, 1.0, Vicinity(scale="1in=600ft"), frame(), LAYERS)
    ((name, small),) = block.insets
    assert name == "Vicinity map"
    assert small.scale == 600
    streets = next(g for g in block.groups if g.name == "Vicinity map: streets")
    assert streets.clip_pt == small.box_pt
    ground = small.to_ground(np.concatenate([b.points for b in streets.batches]))
    near = shapely.distance(shapely.points(ground), LAYERS["street_centerline"].union_all())
    # Drawn coordinates are hundredths of a point, simplified by 1/1200 in: half a foot here.
    assert near.max() < 600 * (1 / 1200 + 0.02 / 72)


@pytest.mark.parametrize("rotation", [0.0, 33.0])
def test_a_fitted_vicinity_map_shows_at_least_three_times_the_sheet_each_way(rotation):
    ((_, small),) = vicinity_map(220.0, 1.0, Vicinity(), frame(rotation=rotation), LAYERS).insets
    for ours, theirs in ((small.width_pt, 500.0), (small.height_pt, 400.0)):
        assert ours * small.scale >= 3 * theirs * 50
    assert vicinity_map(220.0, 1.0, Vicinity(), frame(), LAYERS).height_pt > small.height_pt
