"""The State Plane grid on a sheet."""

from fractions import Fraction

import numpy as np
import pyproj
import pytest

from citygis.sheets.frame import STANDARD_SCALES, Frame
from citygis.sheets.grid import edge_ticks, frame_edges, grid, grid_crosses, grid_interval
from citygis.sheets.scene import Texts

CRS = pyproj.CRS("EPSG:6420")


def frame(scale=100, width=1440.0, height=1080.0):
    return Frame(CRS, Fraction(scale), 6_330_123.0, 2_090_456.0, 90.0, 90.0, width, height)


@pytest.mark.parametrize("scale", STANDARD_SCALES)
def test_grid_lines_are_round_and_three_to_eight_inches_apart(scale):
    interval = grid_interval(frame(scale))
    assert 3 <= interval / scale <= 8
    assert str(interval).rstrip("0") in {"1", "2", "5"}
    bottom, _, left, _ = frame_edges(frame(scale))
    eastings, northings = (edge_ticks(frame(scale), edge)[0] for edge in (bottom, left))
    assert (np.append(eastings, northings) % interval == 0).all()
    assert len(eastings) >= 2 and len(northings) >= 1


def test_a_small_frame_still_has_two_ticks_each_way():
    small = frame(1000, width=260.0, height=500.0)
    assert all(len(edge_ticks(small, edge)[0]) >= 2 for edge in frame_edges(small))


@pytest.mark.parametrize("rotation", [0.0, 7.5, 45.0, 90.0, -30.0, 170.0])
def test_ticks_of_a_turned_frame_lie_where_their_coordinate_is(rotation):
    turned = frame()._replace(rotation_deg=rotation)
    for edge in frame_edges(turned):
        values, at = edge_ticks(turned, edge)
        assert len(values) >= 2
        assert turned.to_ground(at)[:, edge.axis] == pytest.approx(values, abs=1e-6)
        # On the side they are said to be on, and clear of the corners.
        assert (at - edge.start) @ edge.outward == pytest.approx(0, abs=1e-9)


def test_a_quarter_turn_puts_the_northings_on_the_bottom():
    axes = [edge.axis for edge in frame_edges(frame()._replace(rotation_deg=90.0))]
    assert axes == [1, 1, 0, 0]
    assert [edge.axis for edge in frame_edges(frame())] == [0, 0, 1, 1]


@pytest.mark.parametrize("rotation", [0.0, 20.0, -75.0])
def test_crosses_are_round_and_inside_the_map(rotation):
    turned = frame()._replace(rotation_deg=rotation)
    points = grid_crosses(turned)
    assert len(points) >= 6
    rest = turned.to_ground(points) / grid_interval(turned)
    assert rest == pytest.approx(np.rint(rest), abs=1e-9)
    left, bottom, right, top = turned.box_pt
    assert ((points > (left, bottom)) & (points < (right, top))).all()


def test_grid_figures_stand_centred_on_their_ticks():
    group = grid(frame(), 1.0)
    (figures,) = [b for b in group.batches if isinstance(b, Texts)]
    assert "E 6,330,000" in figures.strings
    assert "N 2,090,500" in figures.strings
    ticks = group.batches[0]
    # Each easting stands at two ends, each northing too.
    assert len(figures.strings) == len(ticks.starts)
