"""Misaligned corners: by hand, and against a comparison of every corner with every other."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity
from fabrics import FAMILIES, fabric
from shapely import box

from citygis.errors import CRSError
from citygis.topology import misaligned_corners
from citygis.topology.places import LARGEST_STACK

FEET = "EPSG:6420"
E0, N0 = 6_330_000.0, 2_120_000.0


def layer(*polygons, crs=FEET) -> gpd.GeoDataFrame:
    """Polygons drawn near the origin, moved to where the City lies."""
    moved = [None if p is None else shapely.transform(p, lambda c: c + (E0, N0)) for p in polygons]
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(moved, crs=crs))


def pairs(frame) -> list[tuple[int, int]]:
    return list(zip(frame["left"], frame["right"], strict=True))


def corner_sets(polygons) -> list[np.ndarray]:
    return [np.unique(np.round(shapely.get_coordinates(p), 4), axis=0) for p in polygons]


def by_brute_force(polygons, tolerance_ft, same_ft=0.00055) -> set:
    """Every corner of each polygon with every corner of every other one."""
    sets, found = corner_sets(polygons), set()
    for p in range(len(sets)):
        for q in range(p + 1, len(sets)):
            apart = np.hypot(*(sets[p][:, None] - sets[q][None]).transpose(2, 0, 1))
            lone_p, lone_q = apart.min(axis=1) > same_ft, apart.min(axis=0) > same_ft
            for i, j in np.argwhere((apart > same_ft) & (apart <= tolerance_ft) & lone_p[:, None] & lone_q[None]):
                found.add((p, q, *np.round(sets[p][i], 4), *np.round(sets[q][j], 4)))
    return found


def as_set(found) -> set:
    ends = np.round(shapely.get_coordinates(found.geometry.array).reshape(-1, 4), 4)
    return {(p, q, *line) for (p, q), line in zip(pairs(found), ends.tolist(), strict=True)}


def test_lots_that_share_their_corners_give_nothing():
    assert misaligned_corners(layer(box(0, 0, 60, 110), box(60, 0, 120, 110), box(0, 110, 120, 200))).empty


def test_a_sound_fabric_gives_nothing():
    for seed in range(10):
        assert misaligned_corners(layer(*fabric(np.random.default_rng(seed)))).empty


def test_a_corner_set_beside_its_neighbours_is_measured_from_left_to_right():
    off = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60.03, 110.04)])
    found = misaligned_corners(layer(box(0, 0, 60, 110), off))
    assert pairs(found) == [(0, 1)]
    assert found["distance_ft"][0] == pytest.approx(0.05)
    assert found.geometry[0].equals(layer(shapely.LineString([(60, 110), (60.03, 110.04)])).geometry[0])
    assert found.crs == FEET


@pytest.mark.parametrize(("off", "expected"), [(0.0005, 0), (0.0006, 1), (0.0999, 1), (0.1, 1), (0.1002, 0)])
def test_the_tolerance_is_how_far_apart_the_corners_lie(off, expected):
    moved = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60, 110 + off)])
    assert len(misaligned_corners(layer(box(0, 0, 60, 110), moved), tolerance_ft=0.1)) == expected


@pytest.mark.parametrize(("off", "expected"), [(0.2999, 1), (0.3002, 0)])
def test_a_tolerance_wider_than_usual_looks_at_every_corner(off, expected):
    moved = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60, 110 + off)])
    assert len(misaligned_corners(layer(box(0, 0, 60, 110), moved), tolerance_ft=0.3)) == expected


def test_a_corner_that_three_others_miss_is_one_place():
    off = shapely.Polygon([(60.02, 110), (120, 110), (120, 220), (60, 220)])
    found = misaligned_corners(layer(box(0, 0, 60, 110), box(60, 0, 120, 110), box(0, 110, 60, 220), off))
    assert pairs(found) == [(0, 3), (1, 3), (2, 3)]
    assert found["place"].tolist() == [0, 0, 0]
    assert found["left_uses"].tolist() == [3, 3, 3]
    assert found["right_uses"].tolist() == [1, 1, 1]


def test_places_apart_are_numbered_apart():
    shifted = shapely.transform(box(60, 0, 120, 110), lambda c: c + (0.03, 0))
    found = misaligned_corners(layer(box(0, 0, 60, 110), shifted))
    assert sorted(found["place"]) == [0, 1]


def test_a_short_edge_that_both_neighbours_have_is_no_misalignment():
    one = shapely.Polygon([(0, 0), (60, 0), (60, 50), (60.05, 50), (60.05, 110), (0, 110)])
    two = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60.05, 110), (60.05, 50), (60, 50)])
    assert misaligned_corners(layer(one, two)).empty


def test_a_neighbour_that_has_one_end_of_a_short_edge_is_not_misaligned():
    jogged = shapely.Polygon([(0, 0), (60, 0), (60, 110), (59.95, 110), (0, 110)])
    assert misaligned_corners(layer(jogged, box(60, 0, 120, 110))).empty


def test_noise_on_either_side_of_the_last_decimal_is_one_corner():
    noisy = shapely.Polygon([(60.00004999, 0), (120, 0), (120, 110), (60.00005001, 110)])
    assert misaligned_corners(layer(box(0, 0, 60.00005001, 110), noisy)).empty


def test_corners_of_holes_and_parts_count():
    donut = shapely.Polygon(box(0, 0, 100, 100).exterior, [box(40, 40, 60, 60).exterior.coords])
    two = shapely.MultiPolygon([box(200, 0, 210, 10), shapely.Polygon([(40.05, 40), (60, 40), (60, 60), (40, 60)])])
    assert pairs(misaligned_corners(layer(donut, two))) == [(0, 1)]


@pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN
def test_what_has_no_definite_corners_is_left_out_and_a_bowtie_is_not():
    not_a_number = shapely.Polygon([(0.01, 0), (50, np.nan), (50, 0), (0.01, 0)])
    bowtie = shapely.Polygon([(0.02, 0), (50, 50), (50, 0), (0, 50)])
    frame = layer(box(0, 0, 60, 110), None, shapely.Polygon(), not_a_number, bowtie, shapely.Point(0.01, 0))
    assert pairs(misaligned_corners(frame)) == [(0, 4)]


def test_a_feature_on_another_continent_disturbs_nobody():
    off = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60.03, 110)])
    far = [shapely.transform(box(0, 0, 1, 1), lambda c, d=d: c * d) for d in (1e30, -1e18)]
    assert pairs(misaligned_corners(layer(box(0, 0, 60, 110), off, *far))) == [(0, 1)]


def test_stacks_are_paired_with_one_and_not_with_all():
    off = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60.03, 110)])
    n = LARGEST_STACK + 1
    found = misaligned_corners(layer(*[box(0, 0, 60, 110)] * n, *[off] * n))
    assert pairs(found)[: n - 1] == [(0, n + i) for i in range(n - 1)]
    assert len(found) == 2 * n - 1
    assert set(found["left"]) | set(found["right"]) == set(range(2 * n))


def test_no_rows_give_no_rows():
    assert misaligned_corners(layer()).empty
    assert misaligned_corners(layer(None)).empty


@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:26943"])
def test_a_layer_that_is_not_in_feet_is_refused(crs):
    with pytest.raises(CRSError):
        misaligned_corners(layer(box(0, 0, 1, 1), crs=crs))


@pytest.mark.parametrize("same_ft", [0.0001, 0.12, 0.5])
def test_a_same_corner_beyond_the_tolerance_is_refused(same_ft):
    with pytest.raises(ValueError, match="Invalid same_ft"):
        misaligned_corners(layer(box(0, 0, 1, 1)), same_ft=same_ft)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_no_pair_is_missed_and_none_is_invented(family):
    for seed in range(15):
        random = np.random.default_rng(seed)
        polygons = [p for p in family(random, fabric(random)) if p.area]
        # Some polygons are moved by less than the tolerance, so that every family has misaligned corners.
        for k in random.integers(0, len(polygons), 4):
            polygons[k] = shapely.affinity.translate(polygons[k], *random.normal(0, 0.04, 2))
        frame = layer(*random.permutation(np.array(polygons, dtype=object)))
        frame.geometry = gpd.GeoSeries(shapely.transform(frame.geometry.array, lambda c: np.round(c, 4)), crs=FEET)
        truth = by_brute_force(frame.geometry, 0.12 + 0.00005)
        assert as_set(misaligned_corners(frame, tolerance_ft=0.12)) == truth, f"seed {seed}"
        assert truth
