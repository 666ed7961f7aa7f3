"""Gaps: slivers, missing parcels, streets; by hand and against areas that must add up."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from citygis.errors import CRSError
from citygis.topology import fabric as prepared
from citygis.topology import gaps, pieces
from citygis.topology.gap import pieces_of

FEET = "EPSG:6420"

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN


def layer(*polygons, crs=FEET) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(polygons), crs=crs))


TRACT = layer(box(0, 0, 200, 160))
STREET = layer(box(0, 110, 200, 160))


def test_a_tract_that_is_covered_has_no_gap():
    assert gaps(TRACT, layer(box(0, 0, 100, 110), box(100, 0, 200, 110)), STREET).empty


def test_a_sliver_that_opens_onto_the_street_is_found():
    found = gaps(TRACT, layer(box(0, 0, 100, 110), box(100.2, 0, 200, 110)), STREET)
    assert len(found) == 1
    assert found["boundary"].tolist() == [0]
    assert found["area_sqft"][0] == pytest.approx(0.2 * 110)
    assert found["width_ft"][0] == pytest.approx(0.2, rel=0.01)


@pytest.mark.parametrize(("width", "expected"), [(0.04, 0), (0.05, 1), (0.06, 1)])
def test_the_tolerance_is_the_width_of_the_gap(width, expected):
    found = gaps(TRACT, layer(box(0, 0, 100, 110), box(100 + width, 0, 200, 110)), STREET, tolerance_ft=0.05)
    assert len(found) == expected


def test_a_missing_parcel_is_a_gap_of_its_size():
    found = gaps(TRACT, layer(box(0, 0, 100, 110)), STREET)
    assert found["area_sqft"].tolist() == pytest.approx([100 * 110])


def test_each_gap_is_a_row_of_its_own():
    found = gaps(TRACT, layer(box(0, 0, 60, 110), box(61, 0, 120, 110), box(122, 0, 200, 110)), STREET)
    assert sorted(found["area_sqft"]) == pytest.approx([110, 220])


def test_a_tract_that_nothing_covers_is_one_gap():
    assert gaps(TRACT)["area_sqft"].tolist() == [200 * 160]
    assert gaps(TRACT, layer())["area_sqft"].tolist() == [200 * 160]


def test_small_gaps_can_be_left_out():
    lots = layer(box(0, 0, 100, 110), box(100.2, 0, 200, 110))
    assert gaps(TRACT, lots, STREET, min_area_sqft=23).empty


def test_a_gap_beside_a_broken_parcel_says_so():
    bowtie = shapely.Polygon([(100, 0), (200, 110), (200, 0), (100, 110)])
    found = gaps(TRACT, layer(box(0, 0, 50, 110), box(51, 0, 100, 110), bowtie), STREET)
    assert found["beside_invalid"].any()
    assert found.loc[~found["beside_invalid"], "area_sqft"].tolist() == pytest.approx([110])


def test_what_cannot_cover_does_not():
    lost = layer(None, shapely.Polygon(), shapely.Polygon([(0, 0), (100, np.nan), (100, 100), (0, 0)]), box(0, 0, 200, 110))
    assert gaps(TRACT, lost, STREET).empty


def test_a_boundary_that_is_not_there_has_no_gaps():
    assert gaps(layer(None, shapely.Polygon()), STREET).empty


def test_layers_without_feet_are_refused():
    with pytest.raises(CRSError):
        gaps(TRACT, layer(box(0, 0, 1, 1), crs="EPSG:26943"))
    with pytest.raises(CRSError):
        gaps(layer(box(0, 0, 1, 1), crs=None))


@given(st.lists(st.tuples(st.integers(0, 180), st.integers(0, 140), st.integers(5, 60), st.integers(5, 60)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_gaps_and_cover_add_up_to_the_tract(lots):
    boxes = [box(e, n, e + w, n + h) for e, n, w, h in lots]
    covered = np.zeros((160, 200), dtype=bool)
    for e, n, w, h in lots:
        covered[n : n + h, e : e + w] = True
    found = gaps(TRACT, layer(*boxes))
    assert found["area_sqft"].sum() == pytest.approx(200 * 160 - covered.sum())


def test_pieces_of_a_street_network_are_the_same_ground():
    angle = np.linspace(0, 2 * np.pi, 4001)[:-1]
    radius = 1000 + 40 * np.sin(31 * angle)
    star = shapely.Polygon(
        np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), [box(-99, -99, 99, 99).exterior.coords]
    )
    cut = pieces(np.array([star, box(0, 0, 1, 1)], dtype=object), most_vertices=128)
    assert shapely.get_num_coordinates(cut).max() <= 128
    assert shapely.area(cut).sum() == pytest.approx(star.area + 1)
    assert shapely.union_all(cut).symmetric_difference(star.union(box(0, 0, 1, 1))).area < 1e-3


def test_a_thousand_vertices_in_one_spot_do_not_hang():
    angle = np.linspace(0, 2 * np.pi, 2001)[:-1]
    dot = shapely.Polygon(np.stack([np.cos(angle), np.sin(angle)], axis=1) * 1e-4)
    assert shapely.area(pieces(np.array([dot], dtype=object))).sum() == pytest.approx(dot.area)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_gaps_are_what_is_left_of_each_tract_by_plain_subtraction(family):
    told = 0
    for seed in range(20):
        random = np.random.default_rng(seed)
        lots = np.array([p for p in family(random, fabric(random)) if p.is_valid and p.area], dtype=object)
        lots = shapely.set_precision(lots[random.random(len(lots)) < 0.85], 0.0001)
        # Two tracts side by side that the lots cross, one apart, and in half of the runs one on top of another.
        middle = float(np.round(random.uniform(100, 200), 4))
        tracts = [box(10, 10, middle, 420), box(middle, 10, 290, 420), box(500, 0, 520, 20)]
        tracts += [box(middle - 30, 50, middle + 30, 90)] * (seed % 2)
        found = gaps(layer(*tracts), layer(*lots), tolerance_ft=0, min_area_sqft=0.05)
        left = [shapely.difference(tract, shapely.union_all(lots)) for tract in tracts]
        truth = [[part.area for part in shapely.get_parts(each) if part.area >= 0.05] for each in left]
        for k, areas in enumerate(truth):
            mine = sorted(found.loc[found["boundary"] == k, "area_sqft"])
            assert sum(mine) == pytest.approx(sum(areas), abs=0.2), f"seed {seed}, tract {k}"
            assert len(mine) == len(areas), f"seed {seed}, tract {k}"
        told += sum(map(len, truth))
    assert told >= 60


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_what_a_fabric_covers_of_tracts_is_covered(family):
    for seed in range(3):
        random = np.random.default_rng(seed)
        lots = np.array(family(random, fabric(random)), dtype=object)  # broken ones and copies, too
        tracts = [box(10, 10, 150, 420), box(150, 10, 290, 420)]
        some = random.random(len(lots)) < 0.7
        ground = shapely.union_all(shapely.make_valid(lots))
        found = gaps(layer(*tracts), prepared(layer(*lots), neighbours=some), layer(*lots[~some]), tolerance_ft=0)
        for k, tract in enumerate(tracts):
            left = shapely.difference(tract, ground).area
            assert found.loc[found["boundary"] == k, "area_sqft"].sum() == pytest.approx(left, abs=0.2), f"seed {seed}, tract {k}"


def test_pieces_say_which_polygon_they_were_cut_from():
    round_one, small = shapely.Point(500, 500).buffer(300, quad_segs=64), box(0, 0, 10, 10)
    cut, owner = pieces_of(np.array([round_one, small, shapely.Point(2000, 0).buffer(100, quad_segs=64)]), most_vertices=50)
    assert owner[0] == 1 and owner[1:].tolist() == sorted(owner[1:]) and set(owner.tolist()) == {0, 1, 2}
    assert shapely.get_num_coordinates(cut).max() <= 50
    assert np.bincount(owner, weights=shapely.area(cut)) == pytest.approx(
        [shapely.area(round_one), 100, shapely.area(round_one) / 9]
    )


def test_layers_drawn_apart_are_compared_as_wholes(monkeypatch):
    lots, tract = layer(box(0, 0, 99.9, 110), box(100, 0, 200, 110)), layer(box(0, 0, 200, 110))
    by_edges = gaps(tract, lots)
    monkeypatch.setattr("citygis.topology.gap.MANY_EDGES", 0)
    as_whole = gaps(tract, lots)
    assert by_edges["area_sqft"].tolist() == pytest.approx([11.0], abs=1e-3)
    assert as_whole["area_sqft"].tolist() == pytest.approx([11.0], abs=1e-3)


def test_a_gap_that_ends_in_a_needle_is_found():
    # A lot's southern line lies a tenth of a foot too far north along its eastern line, which was rounded since: the open ground
    # ends in a needle as long as that line, and the middle of the needle is on the lot's side of it.
    needle = [(884.2529, 896.8016), (800.6581, 911.2643), (800.67514, 911.362793), (884.275, 896.8991), (893.9501, 939.582)]
    lot = [(800.675100151, 911.362800167), (810.996600011, 971.021000079), (897.677199927, 956.024400058)]
    lot += [(893.950100124, 939.581999852), (884.275000108, 896.899099994)]
    open_ground, lot = (shapely.Polygon(np.array(ring) + [6_337_000, 2_124_000]) for ring in (needle, lot))
    assert gaps(layer(open_ground), layer(lot))["width_ft"].tolist() == pytest.approx([0.1], abs=0.001)
