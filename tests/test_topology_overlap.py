"""Overlaps and duplicates: by hand, and against a brute-force check on adversarial fabrics."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import box

from citygis.errors import CRSError
from citygis.topology import duplicates, overlaps
from citygis.topology.places import LARGEST_STACK

FEET = "EPSG:6420"
E0, N0 = 6_330_000.0, 2_120_000.0

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN


def layer(*polygons, crs=FEET) -> gpd.GeoDataFrame:
    """Polygons drawn near the origin, moved to where the City lies."""
    moved = [None if p is None else shapely.transform(p, lambda c: c + (E0, N0)) for p in polygons]
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(moved, crs=crs))


def pairs(frame) -> list[tuple[int, int]]:
    return list(zip(frame["left"], frame["right"], strict=True))


def test_parcels_that_share_a_line_do_not_overlap():
    assert overlaps(layer(box(0, 0, 60, 110), box(60, 0, 120, 110), box(0, 110, 120, 200)), tolerance_ft=0).empty


def test_a_strip_of_half_a_foot_is_measured():
    found = overlaps(layer(box(0, 0, 60, 110), box(59.5, 0, 120, 110)))
    assert pairs(found) == [(0, 1)]
    assert found["area_sqft"][0] == pytest.approx(0.5 * 110)
    assert found["width_ft"][0] == pytest.approx(0.5, rel=0.01)
    assert found.geometry[0].equals(layer(box(59.5, 0, 60, 110)).geometry[0])
    assert found.crs == FEET


@pytest.mark.parametrize(("width", "expected"), [(0.0090, 0), (0.0100, 1), (0.0110, 1)])
def test_the_tolerance_is_the_width_of_the_overlap(width, expected):
    assert len(overlaps(layer(box(0, 0, 60, 110), box(60 - width, 0, 120, 110)), tolerance_ft=0.01)) == expected


def test_a_corner_moved_by_a_hundredth_is_found():
    moved = shapely.Polygon([(60, 0), (120, 0), (120, 110), (59.99, 110)])
    assert pairs(overlaps(layer(box(0, 0, 60, 110), moved))) == [(0, 1)]


def test_the_sliver_that_rounding_leaves_is_not_reported():
    # The line from (0, 0) to (100, 7), with a corner of the neighbour on it, rounded to 0.0001 ft the wrong way.
    one = shapely.Polygon([(0, 0), (100, 7), (100, 80), (0, 80)])
    two = shapely.Polygon([(0, 0), (33.3333, 2.3335), (100, 7), (100, -50), (0, -50)])
    assert overlaps(layer(one, two)).empty
    assert len(overlaps(layer(one, two), tolerance_ft=0)) == 1


def test_a_parent_left_among_its_children_overlaps_each():
    found = overlaps(layer(box(0, 0, 120, 110), box(0, 0, 60, 110), box(60, 0, 120, 110)))
    assert pairs(found) == [(0, 1), (0, 2)]
    assert found["area_sqft"].tolist() == pytest.approx([6600, 6600])


def test_a_stack_of_four_overlaps_in_six_pairs_and_with_its_neighbour():
    stack = box(0, 0, 60, 110)
    found = overlaps(layer(stack, box(50, 0, 120, 110), stack, shapely.reverse(stack), stack))
    assert pairs(found) == [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]


def test_a_huge_stack_is_told_by_its_first():
    found = overlaps(layer(*[box(0, 0, 60, 110)] * (LARGEST_STACK + 5)))
    assert pairs(found) == [(0, i) for i in range(1, LARGEST_STACK + 5)]


def test_a_lot_in_the_hole_of_another_does_not_overlap_it():
    donut = shapely.Polygon(box(0, 0, 100, 100).exterior, [box(40, 40, 60, 60).exterior.coords])
    assert overlaps(layer(donut, box(40, 40, 60, 60)), tolerance_ft=0).empty
    assert pairs(overlaps(layer(donut, box(39, 40, 60, 60)))) == [(0, 1)]


def test_what_bounds_no_definite_ground_is_left_out():
    bowtie = shapely.Polygon([(0, 0), (50, 50), (50, 0), (0, 50)])
    not_a_number = shapely.Polygon([(0, 0), (50, np.nan), (50, 0), (0, 0)])
    frame = layer(box(0, 0, 50, 50), None, shapely.Polygon(), bowtie, not_a_number, shapely.Point(20, 20), box(10, 10, 40, 40))
    assert pairs(overlaps(frame)) == [(0, 6)]


def test_elevations_do_not_matter():
    raised = shapely.force_3d(box(0, 0, 60, 110), 12.0)
    assert pairs(overlaps(layer(raised, box(0, 0, 60, 110)))) == [(0, 1)]


def test_no_rows_give_no_rows():
    assert overlaps(layer()).empty
    assert duplicates(layer()).empty
    assert overlaps(layer(None, None)).empty


def test_positions_do_not_depend_on_the_index():
    frame = layer(box(0, 0, 60, 110), box(59, 0, 120, 110)).set_axis([7, 7])
    assert pairs(overlaps(frame)) == [(0, 1)]


@pytest.mark.parametrize("crs", [None, "EPSG:4326", "EPSG:26943"])
def test_a_layer_that_is_not_in_feet_is_refused(crs):
    with pytest.raises(CRSError):
        overlaps(layer(box(0, 0, 1, 1), crs=crs))


def test_a_ring_rotated_or_reversed_is_the_same_geometry():
    ring = [(0, 0), (60, 0), (60, 110), (0, 110)]
    turned = shapely.Polygon(ring[2:] + ring[:2])
    back = shapely.Polygon(ring[::-1])
    parted = shapely.MultiPolygon([shapely.Polygon(ring)])
    moved = shapely.Polygon([(0, 0), (60, 0), (60, 110.0001), (0, 110)])
    found = duplicates(layer(shapely.Polygon(ring), moved, turned, back, parted, None, None))
    assert pairs(found) == [(0, 2), (0, 3), (0, 4)]


def test_twin_points_and_lines_run_backwards_are_duplicates():
    line = shapely.LineString([(0, 0), (5, 5), (9, 0)])
    assert pairs(duplicates(layer(line, shapely.Point(1, 2), line.reverse(), shapely.Point(1, 2)))) == [(0, 2), (1, 3)]


# Eleven ways in which a fabric goes wrong, from the study of real layers.


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_no_pair_is_missed_and_none_is_invented(family):
    told = 0
    for seed in range(25):
        random = np.random.default_rng(seed)
        polygons = np.array([p for p in family(random, fabric(random)) if p.is_valid and p.area], dtype=object)
        flipped = random.random(len(polygons)) < 0.5
        polygons[flipped] = shapely.reverse(polygons[flipped])
        polygons = shapely.set_precision(random.permutation(polygons), 0.0001)
        i, j = np.triu_indices(len(polygons), 1)
        shared = shapely.area(shapely.intersection(polygons[i], polygons[j]))
        truth = set(zip(i[shared > 0.004].tolist(), j[shared > 0.004].tolist(), strict=True))
        found = overlaps(gpd.GeoDataFrame(geometry=polygons, crs=FEET), min_area_sqft=0.004, tolerance_ft=0)
        assert set(pairs(found)) == truth, f"seed {seed}"
        told += len(truth)
    assert told >= 15  # the family does make overlaps
