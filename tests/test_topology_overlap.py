"""Overlaps and duplicates: by hand, and against a brute-force check on adversarial fabrics."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import box

from citygis.errors import CRSError
from citygis.topology import duplicates, overlaps
from citygis.topology.overlap import LARGEST_STACK

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


def fabric(random: np.random.Generator, columns: int = 5, rows: int = 4) -> list:
    """Lots of one block, their corners shared, some of them off the grid."""
    corner = np.stack(np.meshgrid(np.arange(columns + 1) * 60.0, np.arange(rows + 1) * 110.0), axis=-1)
    corner += random.uniform(-8, 8, corner.shape)
    corner = np.round(corner, 4)
    cells = [(j, i) for j in range(rows) for i in range(columns)]
    return [shapely.Polygon([corner[j, i], corner[j, i + 1], corner[j + 1, i + 1], corner[j + 1, i]]) for j, i in cells]


def stacks(random, lots):
    return lots + [lots[i] for i in random.integers(0, len(lots), 6)]


def unretired_parents(random, lots):
    picked = random.integers(0, len(lots) - 1, 3)
    return lots + [shapely.union_all([lots[i], lots[i + 1]]) for i in picked]


def ranches(random, lots):
    low, size = random.uniform(0, 200, 2), random.uniform(80, 300, 2)
    return [*lots, box(*low, *(low + size))]


def donuts(random, lots):
    ringed = []
    for lot in lots:
        inner = shapely.affinity.scale(lot, 0.4, 0.4) if random.random() < 0.4 else None
        ringed += [lot] if inner is None else [shapely.Polygon(lot.exterior, [inner.exterior.coords]), inner]
    extra = shapely.affinity.translate(ringed[-1], 3, 3)
    return [*ringed, extra]


def copies_turned(random, lots):
    turned = [shapely.Polygon(np.roll(shapely.get_coordinates(p)[:-1], 2, axis=0)[::-1]) for p in lots]
    return lots + [turned[i] for i in random.integers(0, len(lots), 5)]


def jitter(random, lots):
    return [shapely.transform(p, lambda c: c + random.normal(0, 0.05, (1, 2))) for p in lots]


def vertices_moved(random, lots):
    moved = list(lots)
    for i in random.integers(0, len(lots), 4):
        ring = shapely.get_coordinates(lots[i])[:-1].copy()
        ring[random.integers(4)] += random.normal(0, 6, 2)
        moved[i] = shapely.Polygon(ring)
    return moved


def vertices_dropped(random, lots):
    """Lots with a bend in their long sides, which some of them lose."""
    pairs_of = [(row + 0, row + 1) for row in range(0, 20, 5)] + [(row + 2, row + 3) for row in range(0, 20, 5)]
    dropped = [shapely.union_all([lots[i], lots[j]]) for i, j in pairs_of]
    for i in range(len(dropped)):
        ring = shapely.get_coordinates(dropped[i])[:-1]
        if random.random() < 0.6:
            dropped[i] = shapely.Polygon(np.delete(ring, random.integers(len(ring)), axis=0))
    return dropped


def bulges_between_corners(random, lots):
    """A wide overlap that runs between two shared corners and crosses no line."""
    bulged = list(lots)
    for i in random.integers(0, len(lots), 4):
        ring = list(map(tuple, shapely.get_coordinates(lots[i])[:-1]))
        k = int(random.integers(4))
        middle = np.mean([ring[k], ring[(k + 1) % 4]], axis=0) + random.normal(0, 12, 2)
        bulged[i] = shapely.Polygon([*ring[: k + 1], tuple(middle), *ring[k + 1 :]])
    return bulged


def resplit(random, lots):
    whole = shapely.union_all([lots[0], lots[1], lots[2]])
    low, _, high, top = whole.bounds
    cut = random.uniform(low + 20, high - 20)
    halves = [whole.intersection(box(low - 1, -50, cut, top)), whole.intersection(box(cut, -50, high + 1, top))]
    return [*lots, *halves]


def multiparts(random, lots):
    joined = shapely.MultiPolygon([lots[0], lots[7]])
    return [joined, *lots[1:7], *lots[8:], lots[int(random.integers(1, 6))]]


FAMILIES = [
    stacks,
    unretired_parents,
    ranches,
    donuts,
    copies_turned,
    jitter,
    vertices_moved,
    vertices_dropped,
    bulges_between_corners,
    resplit,
    multiparts,
]


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
