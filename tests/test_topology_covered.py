"""Covered by a whole layer, with a tolerance: how far and where features protrude."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import affinity, box

from citygis.errors import CRSError
from citygis.topology.covered import by_feature, protrusions

FEET = "EPSG:6420"
LOTS = [box(e, 0, e + 60, 110) for e in range(0, 300, 60)]


def layer(*geometry, crs=FEET):
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(geometry), crs=crs))


def test_an_easement_across_several_lots_is_covered_by_them_together():
    assert protrusions(layer(box(10, 100, 290, 110)), layer(*LOTS)).empty


@pytest.mark.parametrize(("reach", "expected"), [(0.0099, 0), (0.0101, 1), (4.0, 1)])
def test_the_tolerance_is_how_far_the_easement_reaches_out(reach, expected):
    found = protrusions(layer(box(10, 100, 290, 110 + reach)), layer(*LOTS), tolerance_ft=0.01)
    assert len(found) == expected
    if expected:
        assert found["out_ft"][0] == pytest.approx(reach)
        assert found["northing_ft"][0] == pytest.approx(110 + reach)
        assert found["area_sqft"][0] == pytest.approx(280 * reach)


def test_each_place_where_it_protrudes_is_a_row_of_its_own():
    found = protrusions(layer(box(-2, 100, 303, 110)), layer(*LOTS))
    assert sorted(found["out_ft"]) == pytest.approx([2, 3])
    assert sorted(found["easting_ft"]) == pytest.approx([-2, 303])
    assert found["inner"].tolist() == [0, 0]


@pytest.mark.parametrize("tolerance", [0.01, 1.0])
def test_a_needle_thinner_than_the_tolerance_is_found_by_its_reach(tolerance):
    needle = shapely.Polygon([(10, 100), (20, 100), (20, 110), (15.002, 110), (15, 125), (14.998, 110), (10, 110)])
    found = protrusions(layer(needle), layer(*LOTS), tolerance_ft=tolerance)
    assert found["out_ft"].tolist() == pytest.approx([15])
    assert (found["easting_ft"][0], found["northing_ft"][0]) == pytest.approx((15, 125))


@pytest.mark.parametrize(("half", "expected"), [(0.009, 0), (0.011, 1), (6.0, 1)])
def test_a_hole_in_the_covers_counts_by_the_distance_of_its_middle(half, expected):
    holed = shapely.Polygon(LOTS[0].exterior, [box(30 - half, 50 - half, 30 + half, 50 + half).exterior])
    found = protrusions(layer(box(5, 5, 55, 105)), layer(holed), tolerance_ft=0.01)
    assert len(found) == expected
    if expected:
        assert found["out_ft"][0] == pytest.approx(half, rel=0.01)
        assert (found["easting_ft"][0], found["northing_ft"][0]) == pytest.approx((30, 50), abs=0.1)


@pytest.mark.parametrize(("tolerance", "expected"), [(0.35, 1), (0.36, 0)])
def test_a_narrow_mouth_between_two_samples_along_a_long_edge_is_not_missed(tolerance, expected):
    notched = box(0, 0, 100, 50).difference(box(50.8 - 0.35, 0, 50.8 + 0.35, 2))
    strip = box(0, -0.05, 100, 0.1)  # in the mouth it lies hypot(0.35, 0.05) = 0.3536 ft from the corners of the notch
    found = protrusions(layer(strip), layer(notched), tolerance_ft=tolerance)
    assert len(found) == expected
    if expected:
        assert found["out_ft"][0] == pytest.approx(0.3536, abs=0.004)
        assert found["easting_ft"][0] == pytest.approx(50.8, abs=0.1)


def test_correct_easements_on_rounded_coordinates_pass_and_planted_protrusions_are_found():
    random = np.random.default_rng(5)
    lots = shapely.set_precision(np.array([affinity.rotate(p, 17.3, origin=(0, 0)) for p in LOTS]), 0.0001)
    strips = [box(e, 100, e + w, 110) for e, w in zip(random.uniform(0, 200, 300), random.uniform(20, 99, 300), strict=True)]
    strips = [affinity.rotate(p, 17.3, origin=(0, 0)) for p in strips]
    strips = list(shapely.set_precision(np.array(strips), 0.0001))
    whole = shapely.union_all(lots)
    assert shapely.covers(whole, strips).mean() < 0.6  # an exact test rejects correct easements
    assert protrusions(layer(*strips), layer(*lots), tolerance_ft=0.01).empty
    planted = random.choice(300, 20, replace=False)
    for k in planted:
        strips[k] = affinity.translate(strips[k], -0.05 * np.sin(np.radians(17.3)), 0.05 * np.cos(np.radians(17.3)))
    found = protrusions(layer(*strips), layer(*lots), tolerance_ft=0.01)
    assert sorted(set(found["inner"])) == sorted(planted)
    assert found["out_ft"].to_numpy() == pytest.approx(np.full(len(found), 0.05), abs=5e-4)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_what_protrudes_is_what_brute_force_finds(family):
    for seed in range(6):
        random = np.random.default_rng(seed)
        covers = [each for each in family(random, fabric(random)) if random.random() < 0.9]
        covers = [each for each in covers if each.is_valid]
        low = random.uniform(-20, 250, (40, 2))
        inner = [affinity.rotate(box(*at, *(at + random.uniform(2, 90, 2))), random.uniform(0, 90)) for at in low]
        tolerance = float(random.choice([0.01, 0.3, 5.0]))
        found = protrusions(layer(*inner), layer(*covers), tolerance_ft=tolerance)
        reached = shapely.union_all(shapely.buffer(covers, tolerance, quad_segs=100))
        expected = [k for k, each in enumerate(inner) if each.difference(reached).area > 1e-7]
        assert sorted(set(found["inner"])) == expected
        places = shapely.points(found["easting_ft"], found["northing_ft"])
        whole = shapely.union_all(covers)
        assert shapely.distance(places, whole) == pytest.approx(found["out_ft"], abs=1e-6)
        assert (shapely.distance(places, found.geometry) < 1e-6).all()
        for piece, out in zip(found.geometry, found["out_ft"], strict=True):
            step = np.ptp(shapely.get_coordinates(piece), axis=0).max() / 64
            further = shapely.union_all(shapely.buffer(covers, out + step, quad_segs=100))
            assert piece.difference(further).area < 1e-7  # nothing lies farther out than told


def test_without_covers_everything_is_out_and_an_invalid_cover_covers_what_it_can():
    assert protrusions(layer(box(0, 0, 1, 1), None))["out_ft"].tolist() == [np.inf]
    bowtie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    assert protrusions(layer(box(0.5, 4, 1, 6)), layer(bowtie)).empty
    assert len(protrusions(layer(box(4, 0.5, 6, 1)), layer(bowtie))) == 1
    assert protrusions(layer(), layer()).empty


def test_layers_in_two_systems_are_refused():
    with pytest.raises(CRSError):
        protrusions(layer(box(0, 0, 1, 1)), layer(box(0, 0, 1, 1), crs="EPSG:2227"))


TRACT = box(0, 0, 300, 200)


def out_of_own(*polygons, tolerance_ft=0.1, tracts=(TRACT,), link=None):
    """What protrudes from the tract that each polygon is linked to, the first one where nothing is said."""
    link = np.zeros(len(polygons), dtype=int) if link is None else np.array(link)
    return protrusions(layer(*polygons), layer(*tracts), own=(link, np.arange(len(tracts))), tolerance_ft=tolerance_ft)


@pytest.mark.parametrize(("reach", "expected"), [(0.0, 0), (0.0999, 0), (0.1001, 1), (5.0, 1)])
def test_the_tolerance_is_how_far_a_parcel_reaches_out_of_its_own_tract(reach, expected):
    found = out_of_own(box(0, -reach, 60, 110))
    assert len(found) == expected
    if expected:
        assert found["out_ft"][0] == pytest.approx(reach)
        assert found["area_sqft"][0] == pytest.approx(60 * reach)


def test_a_long_thin_spike_out_of_its_tract_is_found():
    spike = shapely.Polygon([(0, 0), (60, 0), (60, 110), (30.01, 110), (30, 240), (29.99, 110), (0, 110)])
    assert out_of_own(spike)["out_ft"].tolist() == pytest.approx([40])


def test_a_hole_of_the_tract_that_lies_wholly_inside_the_parcel_is_measured_in_its_middle():
    holed = TRACT.difference(box(100, 50, 140, 90))
    found = out_of_own(box(80, 30, 160, 110), tracts=(holed,))
    assert found["area_sqft"].tolist() == pytest.approx([40 * 40])
    assert found["out_ft"].tolist() == pytest.approx([20], rel=0.02)  # the edge of what lies out is all on the tract


@pytest.mark.parametrize(("half", "expected"), [(0.0999, 0), (0.1001, 1)])
def test_a_hole_counts_from_the_tolerance_on(half, expected):
    holed = TRACT.difference(box(100 - half, 50 - half, 100 + half, 50 + half))
    assert len(out_of_own(box(80, 30, 160, 110), tracts=(holed,))) == expected


def test_only_the_feature_s_own_covers_count():
    tracts = (box(0, 0, 100, 100), box(100, 0, 200, 100))
    lot = box(60, 10, 140, 20)  # the two cover it together, neither does alone
    assert protrusions(layer(lot), layer(*tracts)).empty
    found = out_of_own(lot, lot, lot, tracts=tracts, link=[0, 1, -1])
    assert found["inner"].tolist() == [0, 1]
    assert found["out_ft"].tolist() == pytest.approx([40, 40])


def test_several_covers_of_one_group_in_several_layers_cover_together():
    easement = layer(box(10, 100, 130, 110), box(10, 100, 190, 110))
    found = protrusions(easement, layer(*LOTS[:2]), layer(LOTS[2], LOTS[3]), own=([7, 7], [7, 7], [7, 8]))
    assert found["inner"].tolist() == [1]
    assert found["out_ft"].tolist() == pytest.approx([10])  # as far as lot 3 lies from the group's lots, not from its own


def test_a_feature_whose_group_has_no_cover_is_not_judged():
    assert out_of_own(box(900, 0, 910, 10), tracts=(TRACT, None), link=[1]).empty


def test_groups_must_be_said_for_every_layer():
    with pytest.raises(ValueError, match="Invalid own"):
        protrusions(layer(TRACT), layer(TRACT), own=([0],))


def test_the_pieces_of_one_feature_are_told_together():
    found = protrusions(layer(box(0, 0, 10, 10), box(-2, 100, 303, 110)), layer(*LOTS))
    whole = by_feature(found)
    assert whole["inner"].tolist() == [1]
    assert whole["out_ft"].tolist() == pytest.approx([3])
    assert whole["area_sqft"].tolist() == pytest.approx([50])
    assert whole["easting_ft"].tolist() == pytest.approx([303])
    assert whole.geometry.area.tolist() == pytest.approx([50])
    assert by_feature(found.iloc[:0]).empty


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.__name__)
def test_what_protrudes_from_its_own_cover_is_what_brute_force_finds(family):
    for seed in range(3):
        random = np.random.default_rng(100 + seed)
        covers = [each for each in family(random, fabric(random)) if each.is_valid]
        link = random.integers(0, len(covers), 40)
        inner = [affinity.scale(covers[k], *random.uniform(0.7, 1.01, 2)) for k in link]
        tolerance = float(random.choice([0.01, 0.3]))
        found = protrusions(layer(*inner), layer(*covers), own=(link, np.arange(len(covers))), tolerance_ft=tolerance)
        reached = [shapely.buffer(covers[k], tolerance, quad_segs=100) for k in link]
        expected = [k for k, (each, cover) in enumerate(zip(inner, reached, strict=True)) if each.difference(cover).area > 1e-7]
        assert sorted(set(found["inner"])) == expected
