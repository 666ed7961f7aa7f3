"""What stands around the map."""

from fractions import Fraction

import numpy as np
import pyproj
import pytest

from citygis.sheets.frame import Frame
from citygis.sheets.furniture import bar_divisions, degrees_text, plural, scale_bar

CRS = pyproj.CRS("EPSG:6420")


def frame(scale=100, width=1440.0, height=1080.0):
    return Frame(CRS, Fraction(scale), 6_330_123.0, 2_090_456.0, 90.0, 90.0, width, height)


@pytest.mark.parametrize(
    ("degrees", "text"),
    [(0.4775, "0°28'39\""), (0, "0°00'00\""), (1.5, "1°30'00\""), (0.99999, "1°00'00\""), (12.3456, "12°20'44\"")],
)
def test_angles_are_said_in_degrees_minutes_and_seconds(degrees, text):
    assert degrees_text(degrees) == text


@pytest.mark.parametrize("scale", [10, 60, 100, 300, 2000, 10000])
@pytest.mark.parametrize("room", [150.0, 260.0, 400.0])
def test_a_scale_bar_is_round_fills_its_room_and_is_exact(scale, room):
    interval, count = bar_divisions(Fraction(scale), room)
    long = interval * count * 72 / scale
    assert str(interval).rstrip("0") in {"1", "2", "5"}
    assert 0.5 * room <= long <= room
    box = scale_bar("Scale bar", Fraction(scale), 100.0, 100.0, room, 1.0).batches[1]
    assert np.ptp(box.points[:, 0]) == pytest.approx(long)


def test_feet_are_the_plural_of_foot():
    assert plural("US survey foot") == "US survey feet"
    assert plural("international foot") == "international feet"
