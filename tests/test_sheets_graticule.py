"""Latitude and longitude along the frame."""

from fractions import Fraction

import numpy as np
import pyproj
import pytest
import shapely

from citygis.sheets.frame import Frame
from citygis.sheets.graticule import edge_crossings, graticule, graticule_interval
from citygis.sheets.grid import frame_edges

CRS = pyproj.CRS("EPSG:6420")
TO_DEGREES = pyproj.Transformer.from_crs(CRS, CRS.geodetic_crs, always_xy=True)


def frame(scale=100, rotation=0.0):
    return Frame(CRS, Fraction(scale), 6_330_123.0, 2_090_456.0, 90.0, 90.0, 1440.0, 1080.0, rotation)


@pytest.mark.parametrize("rotation", [0.0, 20.0, 90.0, -37.0])
@pytest.mark.parametrize("scale", [50, 400, 5000])
def test_ticks_lie_at_round_seconds_by_proj(scale, rotation):
    shown = frame(scale, rotation)
    interval = graticule_interval(shown)
    found = 0
    for edge in frame_edges(shown):
        degrees, at = edge_crossings(shown, edge, interval)
        there = np.array(TO_DEGREES.transform(*shown.to_ground(at).T))[edge.axis]
        assert there == pytest.approx(degrees, abs=1e-4 / 3600)
        assert np.rint(degrees * 3600 / interval) * interval == pytest.approx(degrees * 3600, abs=1e-6)
        found += len(degrees)
    assert found >= 4


@pytest.mark.parametrize("scale", [50, 100, 600, 5000])
def test_parallels_are_three_inches_apart_or_the_next_round_number(scale):
    # A second of latitude is 101.2 ft (meridian of GRS 80 near 38 degrees).
    apart = graticule_interval(frame(scale)) * 101.2 / scale
    assert 2.9 <= apart <= 3 * 2.6


def test_every_tick_has_its_words_beside_it_inside_the_frame():
    group, boxes = graticule(frame(), 1.0)
    ticks, words = group.batches
    assert len(ticks.starts) == len(words.strings) == len(boxes)
    assert {string[-1] for string in words.strings} == {"N", "W"}
    assert "37°43'55\" N" in words.strings
    inner = shapely.box(*frame().box_pt).buffer(2)
    assert shapely.covers(inner, boxes).all()
    left, right = shapely.STRtree(boxes).query(boxes, predicate="intersects")
    assert (left == right).all()
