"""Narrow ground between neighbours: by hand, and strips cut at random whose ground is known."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
from fabrics import fabric as lots_of
from shapely import box
from test_topology_corners import FEET, layer

from citygis.errors import CRSError
from citygis.topology import fabric, strips


def pairs(frame) -> list[tuple[int, int]]:
    return list(zip(frame["left"], frame["right"], strict=True))


def test_a_sliver_that_opens_onto_a_street_is_found():
    found = strips(layer(box(0, 0, 60, 110), box(60.2, 0, 120, 110)))
    assert pairs(found) == [(0, 1)]
    assert found["beside"].tolist() == [(0, 1)]
    assert found["area_sqft"].tolist() == pytest.approx([0.2 * 110])
    assert found["width_ft"].tolist() == pytest.approx([0.2], rel=0.01)
    assert found["length_ft"].tolist() == pytest.approx([110], rel=0.01)
    assert found.geometry[0].symmetric_difference(layer(box(60, 0, 60.2, 110)).geometry[0]).area < 1e-6
    assert found.crs == FEET


def test_a_sliver_closed_all_around_is_found_with_all_that_bound_it():
    closed = layer(box(0, 0, 60, 110), box(60.2, 0, 120, 110), box(0, 110, 120, 200), box(0, -90, 120, 0))
    found = strips(closed)
    assert pairs(found) == [(0, 1)]
    assert found["beside"].tolist() == [(0, 1, 2, 3)]


def test_lots_that_meet_and_lots_across_a_street_leave_no_strip():
    assert strips(layer(box(0, 0, 60, 110), box(60, 0, 120, 110), box(0, 160, 120, 250))).empty
    for seed in range(10):
        assert strips(layer(*lots_of(np.random.default_rng(seed)))).empty


@pytest.mark.parametrize(("width", "expected"), [(0.0097, 0), (0.0100, 1), (0.0110, 1), (5.99, 1), (6.01, 0)])
def test_strips_are_told_from_the_tolerance_to_the_width(width, expected):
    found = strips(layer(box(0, 0, 60, 110), box(60 + width, 0, 120, 110)), tolerance_ft=0.01)
    assert pairs(found) == [(0, 1)] * expected


@pytest.mark.parametrize(("width", "expected"), [(11.9, 1), (12.1, 0)])
def test_a_wider_width_looks_farther(width, expected):
    assert len(strips(layer(box(0, 0, 60, 110), box(60 + width, 0, 120, 110)), width_ft=12)) == expected


def test_a_corner_drawn_off_leaves_a_wedge():
    off = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60.5, 110)])
    found = strips(layer(box(0, 0, 60, 110), off))
    assert pairs(found) == [(0, 1)]
    assert found["area_sqft"].tolist() == pytest.approx([0.5 * 110 / 2], rel=1e-4)


def test_a_narrow_lot_between_two_is_no_strip_but_the_gap_beside_it_is():
    assert strips(layer(box(0, 0, 60, 110), box(60, 0, 63, 110), box(63, 0, 120, 110))).empty
    found = strips(layer(box(0, 0, 60, 110), box(60, 0, 63, 110), box(63.3, 0, 120, 110)))
    assert pairs(found) == [(1, 2)]
    assert found["area_sqft"].tolist() == pytest.approx([33])


def test_an_overlap_is_no_strip():
    assert strips(layer(box(0, 0, 60, 110), box(59.5, 0, 120, 110))).empty


def test_blocks_whose_corners_come_near_each_other_leave_no_strip():
    assert strips(layer(box(0, 0, 60, 110), box(62, 112, 120, 220))).empty
    assert len(strips(layer(box(0, 0, 60, 110), box(50, 112, 120, 220)))) == 1


def test_retired_neighbours_are_looked_through():
    frame = layer(box(0, 0, 60, 110), box(60, 0, 60.4, 110), box(60.4, 0, 120, 110))
    assert strips(frame).empty
    assert pairs(strips(fabric(frame, neighbours=[True, False, True]))) == [(0, 2)]


def test_a_strip_beside_an_invalid_lot_is_marked():
    bowtie = shapely.Polygon([(60, 0), (60.3, 0), (60, 110), (60.3, 110)])
    found = strips(layer(box(0, 0, 60, 110), bowtie, box(60.3, 0, 120, 110)))
    assert found["beside_invalid"].tolist() == [True]
    assert strips(layer(box(0, 0, 60, 110), box(60.3, 0, 120, 110)))["beside_invalid"].tolist() == [False]


def test_clockwise_rings_and_a_turned_layer_give_the_same():
    frame = layer(box(0, 0, 60, 110), box(60.2, 0, 120, 110), box(0, 110, 120, 200))
    one = strips(frame)
    assert strips(gpd.GeoSeries(shapely.reverse(frame.geometry.array), crs=FEET))["area_sqft"].tolist() == pytest.approx(
        one["area_sqft"].tolist()
    )
    mixed = frame.geometry.array.copy()
    mixed = np.where([True, False, True], shapely.reverse(np.asarray(mixed)), np.asarray(mixed))
    assert pairs(strips(gpd.GeoSeries(mixed, crs=FEET))) == pairs(one)


def test_what_bounds_no_ground_leaves_no_strip_and_metres_are_refused():
    assert strips(layer(None, shapely.Polygon(), shapely.Point(1, 1))).empty
    assert strips(layer()).empty
    with pytest.raises(CRSError):
        strips(layer(box(0, 0, 1, 1), crs="EPSG:26943"))


@pytest.mark.parametrize("seed", range(40))
def test_a_strip_cut_out_of_a_sound_fabric_is_found_whole(seed):
    random = np.random.default_rng(seed)
    lots = lots_of(random)
    width = random.choice([0.05, 0.3, 1.0, 4.0])
    across = random.random() < 0.5
    line = box(-100, 165 - width / 2, 500, 165 + width / 2) if across else box(150 - width / 2, -100, 150 + width / 2, 600)
    strip = shapely.affinity.rotate(line, random.uniform(-4, 4))
    cut = [p for lot in lots for p in shapely.get_parts(lot.difference(strip)) if p.area > 100]
    turned = [shapely.affinity.rotate(p, 17, origin=(0, 0)) for p in cut]
    frame = layer(*random.permutation(np.array(turned, dtype=object)))
    frame.geometry = gpd.GeoSeries(shapely.transform(frame.geometry.array, lambda c: np.round(c, 4)), crs=FEET)
    hull = shapely.union_all(lots)
    truth = shapely.affinity.rotate(hull.intersection(strip), 17, origin=(0, 0))
    found = shapely.union_all(strips(frame).geometry.array)
    told = shapely.transform(found, lambda c: c - (6_330_000.0, 2_120_000.0))
    # Rounding moves each side by less than 0.0001 ft.
    assert truth.difference(told.buffer(0.001)).area < 0.02 * truth.area
    assert told.difference(truth.buffer(0.002)).area < 0.001 * truth.area + 0.2
