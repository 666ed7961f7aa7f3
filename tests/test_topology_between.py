"""Two layers over the same ground: every pair, with brute force as the judge."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import affinity, box

from citygis.errors import CRSError
from citygis.topology import between, growth
from citygis.topology.between import PIECE_VERTICES, overlaps_between, owned_pieces

FEET = "EPSG:6420"


def layer(*geometry, crs=FEET):
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(geometry), crs=crs))


def test_neighbours_that_touch_share_no_ground():
    assert overlaps_between(layer(box(0, 0, 10, 10)), layer(box(10, 0, 20, 10), box(3, 10, 7, 20)), tolerance_ft=0).empty


@pytest.mark.parametrize(("width", "expected"), [(0.045, 0), (0.055, 1), (3.0, 1)])
def test_a_strip_of_street_over_a_lot_is_told_from_its_tolerance_on(width, expected):
    found = overlaps_between(layer(None, box(0, 0, 60, 110)), layer(box(-50, -50, 200, width)), tolerance_ft=0.05)
    assert len(found) == expected
    if expected:
        assert (found["left"][0], found["right"][0]) == (1, 0)
        assert found["area_sqft"][0] == pytest.approx(60 * width)
        assert found["width_ft"][0] == pytest.approx(width, rel=0.01)


def test_a_street_network_in_one_polygon_says_what_its_streets_say():
    grid = shapely.Polygon(
        box(0, 0, 2000, 2000).exterior,
        [box(e, n, e + 80, n + 80).exterior for e in range(20, 1900, 100) for n in range(20, 1900, 100)],
    )
    lots = [affinity.translate(box(0, 0, 80.5, 80), e, n) for e in range(20, 1900, 100) for n in range(20, 1900, 100)]
    assert shapely.get_num_coordinates(grid) > 1000 and len(owned_pieces(np.array([grid]))[0]) > 1
    found = overlaps_between(layer(*lots), layer(grid))
    assert found["left"].tolist() == list(range(len(lots)))  # each pair once, however many pieces it was compared in
    assert found["area_sqft"].to_numpy() == pytest.approx(np.full(len(lots), 40.0))
    assert found["width_ft"].to_numpy() == pytest.approx(np.full(len(lots), 0.5), rel=0.01)


@pytest.mark.parametrize("open_share", [0.0, 1.0], ids=["every pair", "about open edges"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_no_pair_is_missed_and_none_is_made_up(family, open_share, monkeypatch):
    monkeypatch.setattr(between, "OPEN_SHARE", open_share)
    for seed in range(5):
        random = np.random.default_rng(seed)
        lots = fabric(random)
        others = [affinity.translate(each, *random.choice([0.0, 3.0], 2)) for each in family(random, lots)]
        lots = [each for each in lots if each.is_valid]
        found = overlaps_between(layer(*lots), layer(*others), tolerance_ft=0)
        told = dict(zip(zip(found["left"], found["right"], strict=True), found["area_sqft"], strict=True))
        for i, lot in enumerate(lots):
            for j, other in enumerate(others):
                area = lot.intersection(other).area if other.is_valid else 0.0
                assert told.get((i, j), 0.0) == pytest.approx(area, abs=1e-3)


@pytest.mark.parametrize("most", [12, 128], ids=["in pieces", "whole"])
@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_lots_on_a_street_network_are_found_whatever_else_is_wrong_with_them(family, most, monkeypatch):
    monkeypatch.setattr(between, "OPEN_SHARE", 1.0)
    monkeypatch.setattr(between, "PIECE_VERTICES", most)
    monkeypatch.setattr(growth, "MANY_VERTICES", most)
    for seed in range(5):
        random = np.random.default_rng(seed)
        block = fabric(random)
        streets = box(-100, -100, 450, 600).difference(shapely.union_all(block))  # it has every corner of the block
        lots = [each for each in family(random, block) if each.is_valid]
        alike = [streets, shapely.Polygon(streets.exterior), lots[0]]  # and what lies on the streets and the lots themselves
        for others in ([streets], alike):
            found = overlaps_between(layer(*lots), layer(*others), tolerance_ft=0)
            told = dict(zip(zip(found["left"], found["right"], strict=True), found["area_sqft"], strict=True))
            for i, lot in enumerate(lots):
                for j, other in enumerate(others):
                    assert told.get((i, j), 0.0) == pytest.approx(lot.intersection(other).area, abs=1e-3)


def test_every_copy_in_either_layer_is_told():
    lot, street = box(0, 0, 60, 110), box(-20, -40, 80, 1)
    found = overlaps_between(layer(lot, lot, street), layer(street, lot, street))
    assert list(zip(found["left"], found["right"], strict=True)) == [(i, j) for i in range(3) for j in range(3)]
    assert found["area_sqft"].to_numpy() == pytest.approx([60, 6600, 60, 60, 6600, 60, 4100, 60, 4100])


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        overlaps_between(layer(box(0, 0, 1, 1)), layer(box(0, 0, 1, 1), crs="EPSG:2227"))


def test_no_rows_give_no_rows():
    assert overlaps_between(layer(), layer()).empty and overlaps_between(layer(None), layer(box(0, 0, 1, 1))).empty


def test_cutting_a_polygon_into_pieces_keeps_its_ground_and_its_holes():
    random = np.random.default_rng(8)
    places = random.uniform(0, 1000, (400, 2))
    holed = box(-10, -10, 1010, 1010).difference(shapely.union_all(shapely.buffer(shapely.points(places), 9, quad_segs=3)))
    holed = max(shapely.get_parts(holed), key=shapely.area)
    cut, owner = owned_pieces(np.array([None, box(0, 0, 1, 1), holed], dtype=object))
    assert shapely.is_valid(cut).all()
    assert sorted(set(owner)) == [1, 2]
    assert shapely.get_num_coordinates(cut).max() <= PIECE_VERTICES
    assert shapely.union_all(cut[owner == 2]).symmetric_difference(holed).area < 1e-6
    assert shapely.area(cut[owner == 2]).sum() == pytest.approx(holed.area)
