"""The State Plane grid on a sheet."""

from fractions import Fraction

import numpy as np
import pyproj
import pytest

from citygis.sheets.frame import STANDARD_SCALES, Frame
from citygis.sheets.grid import grid, grid_interval, grid_lines
from citygis.sheets.scene import Texts

CRS = pyproj.CRS("EPSG:6420")


def frame(scale=100, width=1440.0, height=1080.0):
    return Frame(CRS, Fraction(scale), 6_330_123.0, 2_090_456.0, 90.0, 90.0, width, height)


@pytest.mark.parametrize("scale", STANDARD_SCALES)
def test_grid_lines_are_round_and_three_to_eight_inches_apart(scale):
    interval = grid_interval(frame(scale))
    assert 3 <= interval / scale <= 8
    assert str(interval).rstrip("0") in {"1", "2", "5"}
    eastings, northings = grid_lines(frame(scale))
    assert (np.append(eastings, northings) % interval == 0).all()
    assert len(eastings) >= 2 and len(northings) >= 1


def test_a_small_frame_still_has_two_ticks_each_way():
    eastings, northings = grid_lines(frame(1000, width=260.0, height=500.0))
    assert len(eastings) >= 2 and len(northings) >= 2


def test_grid_figures_stand_centred_on_their_ticks():
    group = grid(frame(), 1.0)
    (figures,) = [b for b in group.batches if isinstance(b, Texts)]
    assert "E 6,330,000" in figures.strings
    assert "N 2,090,500" in figures.strings
    ticks = group.batches[0]
    # Each easting stands at two ends, each northing too.
    assert len(figures.strings) == len(ticks.starts)
