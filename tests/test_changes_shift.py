"""A whole layer that lies elsewhere."""

import numpy as np
import pytest
import shapely

from citygis.changes import whole_layer_shift

EAST, NORTH = 6_336_000, 2_122_000


def lots(columns=20, rows=10):
    return np.array(
        [
            shapely.box(EAST + 60 * i, NORTH + 110 * j, EAST + 60 * (i + 1), NORTH + 110 * (j + 1))
            for i in range(columns)
            for j in range(rows)
        ]
    )


def test_a_shift_of_every_feature_is_named_with_its_two_components():
    old = lots()
    shift = whole_layer_shift(old, shapely.transform(old, lambda c: c + [0.3, -0.1]), tolerance_ft=0.01)
    assert (shift.easting_ft, shift.northing_ft) == pytest.approx((0.3, -0.1), abs=1e-6)
    assert shift.rotation_sec == 0 and shift.scale_ppm == 0 and shift.share == 1
    assert shift.distance_ft == pytest.approx(np.hypot(0.3, 0.1), abs=1e-6)


def test_a_layer_turned_and_scaled_is_brought_back():
    old = lots(60, 40)
    factor = 1.00007 * np.exp(1j * np.radians(20 / 3600))
    centre = complex(EAST, NORTH)

    def turned(points):
        at = (points @ np.array([1, 1j]) - centre) * factor + centre
        return np.column_stack([at.real, at.imag])

    new = shapely.transform(old, turned)
    shift = whole_layer_shift(old, new, tolerance_ft=0.01)
    assert shift.rotation_sec == pytest.approx(20, abs=0.01)
    assert shift.scale_ppm == pytest.approx(70, abs=0.01)
    assert shapely.hausdorff_distance(old, shift.undone(new)).max() < 1e-5


def test_features_that_were_redrawn_do_not_hide_the_shift_of_the_others():
    old = lots()
    new = shapely.transform(old, lambda c: c + [0.5, 0])
    new[::10] = shapely.buffer(new[::10], 4, join_style="mitre")
    shift = whole_layer_shift(old, new, tolerance_ft=0.01)
    assert shift.easting_ft == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7])
def test_a_part_of_a_layer_that_moved_is_no_shift_of_the_layer(share):
    old = lots()
    new = old.copy()
    some = slice(0, int(share * len(old)))
    new[some] = shapely.transform(new[some], lambda c: c + [0.5, 0])
    assert whole_layer_shift(old, new, tolerance_ft=0.01) is None


def test_noise_below_the_tolerance_is_no_shift():
    old = lots()
    assert whole_layer_shift(old, shapely.transform(old, lambda c: c + [0.005, 0.005]), tolerance_ft=0.01) is None


def test_a_few_features_cannot_say_that_a_layer_moved():
    old = lots(2, 2)
    assert whole_layer_shift(old, shapely.transform(old, lambda c: c + [1, 0]), tolerance_ft=0.01) is None
