"""The same ground, however it is written out."""

import numpy as np
import pytest
import shapely

from citygis.changes.sameness import displacement_ft

LOT = shapely.box(6_336_000, 2_122_000, 6_336_060, 2_122_110)


def apart(old, new, tolerance_ft=0.01):
    return displacement_ft(np.array([old], dtype=object), np.array([new], dtype=object), tolerance_ft=tolerance_ft)[0]


@pytest.mark.parametrize(
    "rewritten",
    [
        shapely.reverse(LOT),
        shapely.Polygon([*LOT.exterior.coords][2:-1] + [*LOT.exterior.coords][:3]),
        shapely.MultiPolygon([LOT]),
        shapely.transform(LOT, lambda c: c + 8e-7),
        shapely.segmentize(LOT, 10),
        shapely.Polygon(
            [(6_336_000, 2_122_000), (6_336_030, 2_122_000.009), *[*LOT.exterior.coords][:1], *[*LOT.exterior.coords][1:3]]
        ),
    ],
    ids=["reversed", "restarted", "multi of one", "float noise", "vertices on straight lines", "a bend below the tolerance"],
)
def test_other_ways_to_write_a_lot_are_no_change(rewritten):
    assert apart(LOT, rewritten) == 0


def test_the_distance_is_that_of_the_corner_that_moved():
    moved = shapely.box(6_336_000, 2_122_000, 6_336_060.3, 2_122_110)
    assert apart(LOT, moved) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize(("step", "is_noise"), [(0.0099, True), (0.0102, False)])
def test_the_tolerance_has_an_edge(step, is_noise):
    moved = shapely.box(6_336_000, 2_122_000, 6_336_060 + step, 2_122_110)
    assert bool(apart(LOT, moved) == 0) is is_noise


def test_one_corner_of_a_large_parcel_that_moved_is_not_lost_in_its_perimeter():
    large = shapely.box(6_336_000, 2_122_000, 6_341_000, 2_127_000)
    corners = [*large.exterior.coords]
    corners[0] = corners[-1] = (corners[0][0] + 0.05, corners[0][1])
    assert apart(large, shapely.Polygon(corners)) == pytest.approx(0.05, abs=1e-6)


def test_what_is_there_on_one_side_alone_is_infinitely_far():
    assert apart(LOT, None) == np.inf
    assert apart(None, LOT) == np.inf
    assert apart(LOT, LOT.exterior) == np.inf
    assert apart(None, shapely.Polygon()) == 0
