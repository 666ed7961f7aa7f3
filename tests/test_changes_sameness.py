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


def test_an_outline_through_the_same_corners_in_another_order_is_other_ground():
    corners = np.array([(0, 0), (100, 0), (100, 100), (50, 50.004), (50, 50), (0, 100)]) + [6_336_000, 2_122_000]
    other = corners[[0, 1, 2, 4, 3, 5]]
    assert apart(shapely.Polygon(corners), shapely.Polygon(other)) == 0  # less than the tolerance apart
    bow = np.array([(0, 0), (100, 0), (0, 100), (100, 100)]) + [6_336_000, 2_122_000]
    assert apart(shapely.Polygon(bow), shapely.Polygon(bow[[0, 1, 3, 2]])) > 0


def test_slivers_thinner_than_the_tolerance_are_told_apart_by_where_they_lie():
    one = shapely.box(6_336_000, 2_122_000, 6_336_060, 2_122_000.0005)
    assert apart(one, shapely.transform(one, lambda c: c + [0, 5])) == pytest.approx(5, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_a_fabric_written_out_differently_is_the_same_and_a_corner_moved_is_not(seed):
    from citygis.samples.parcel_fabric import parcel_fabric
    from citygis.samples.refresh import rewritten

    old = parcel_fabric(60, seed=seed).parcel.geometry.to_numpy()
    new = rewritten(old, np.random.default_rng(seed))
    assert not shapely.equals_exact(old, new, 1e-6).all()
    assert (displacement_ft(old, new, tolerance_ft=0.01) == 0).all()
    moved = old.copy()
    for i, shape in enumerate(old):
        rings = [np.array(ring.coords) for ring in (shape.exterior, *shape.interiors)]
        rings[-1][1] += [0.012, 0.0]
        moved[i] = shapely.Polygon(rings[0], rings[1:])
    far = displacement_ft(new, moved, tolerance_ft=0.01)
    # a vertex moved along its own line moves no ground; across it, up to 0.012 ft
    assert (far <= 0.0121).all() and (far > 0).mean() > 0.5
