"""Polygons inside others: by hand, and against every polygon compared with every other."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import box
from test_topology_corners import FEET, layer

from citygis.errors import CRSError
from citygis.topology import contained

BIG = box(0, 0, 100, 100)


def pairs(frame) -> list[tuple[int, int]]:
    return list(zip(frame["inner"], frame["outer"], strict=True))


def test_a_lot_inside_another_is_told_with_its_share():
    found = contained(layer(BIG, box(10, 10, 30, 60)))
    assert pairs(found) == [(1, 0)]
    assert found["area_sqft"].tolist() == pytest.approx([1000])
    assert found["share"].tolist() == pytest.approx([0.1])
    assert found.geometry[0].equals(layer(box(10, 10, 30, 60)).geometry[0])


def test_neighbours_and_overlaps_and_lots_in_holes_are_not_inside():
    donut = shapely.Polygon(BIG.exterior, [box(40, 40, 60, 60).exterior.coords])
    assert contained(layer(donut, box(40, 40, 60, 60), box(100, 0, 200, 100), box(90, 10, 110, 20))).empty


def test_a_lot_in_the_crook_of_an_angle_is_not_inside_it():
    angle = BIG.difference(box(20, 20, 100, 100))
    assert contained(layer(angle, box(20, 20, 99, 99))).empty


def test_children_that_share_lines_with_their_parent_are_inside():
    assert pairs(contained(layer(box(0, 0, 60, 100), BIG, box(60, 0, 100, 100)))) == [(0, 1), (2, 1)]


@pytest.mark.parametrize(("out", "expected"), [(0.0, 1), (0.0099, 1), (0.0103, 0)])
@pytest.mark.parametrize("side", [(1, 0), (0, 1), (-1, 0), (0.6, 0.8)])
def test_the_tolerance_is_how_far_the_inner_one_reaches_out(out, expected, side):
    corner = (100, 50) if side[0] > 0 else (50, 100) if side[0] == 0 else (0, 50)
    if side == (0.6, 0.8):
        corner = (100, 100)  # straight out of a corner: the tolerance is round
    tip = (corner[0] + side[0] * out, corner[1] + side[1] * out)
    inner = shapely.MultiPoint([(40, 40), (60, 40), (50, 60), tip]).convex_hull
    assert len(contained(layer(BIG, inner), tolerance_ft=0.01)) == expected


def test_a_sliver_beside_a_lot_is_not_inside_it_however_near():
    assert contained(layer(BIG, box(100, 10, 100.008, 20)), tolerance_ft=0.01).empty


def test_identical_polygons_are_left_to_duplicates_and_copies_of_both_are_told():
    lot = box(10, 10, 30, 60)
    assert contained(layer(BIG, shapely.reverse(BIG))).empty
    assert pairs(contained(layer(BIG, lot, BIG, shapely.reverse(lot)))) == [(1, 0), (3, 0)]


def test_polygons_equal_within_the_tolerance_are_inside_each_other():
    assert pairs(contained(layer(BIG, box(0, 0, 100.005, 100)))) == [(0, 1), (1, 0)]


def test_what_bounds_no_definite_ground_is_left_out():
    bowtie = shapely.Polygon([(0, 0), (50, 50), (50, 0), (0, 50)])
    assert contained(layer(BIG, None, shapely.Polygon(), bowtie, shapely.Point(1, 1))).empty
    assert contained(layer()).empty
    with pytest.raises(CRSError):
        contained(layer(BIG, crs="EPSG:26943"))


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_every_pair_is_found_and_none_is_invented(family):
    told = 0
    for seed in range(10):
        random = np.random.default_rng(seed)
        shapes = [p for p in family(random, fabric(random)) if p.is_valid and p.area]
        for k in random.integers(0, len(shapes), 3):
            shapes.append(shapely.affinity.scale(shapes[k], *random.choice([0.3, 0.9999, 1.0], 2)))
        frame = layer(*random.permutation(np.array(shapes, dtype=object)))
        frame.geometry = gpd.GeoSeries(shapely.set_precision(frame.geometry.array, 0.0001), crs=FEET)
        polygons = np.asarray(frame.geometry.array, dtype=object)
        firsts = [next(j for j in range(i + 1) if polygons[j].equals(polygons[i])) for i in range(len(polygons))]
        truth = []
        for i in range(len(polygons)):
            for j in sorted(set(firsts)):
                if firsts[i] != j and polygons[j].buffer(0.01, quad_segs=64).covers(polygons[i]):
                    truth.append((i, j))
        assert pairs(contained(frame)) == truth, f"seed {seed}"
        told += len(truth)
    assert told >= 5
