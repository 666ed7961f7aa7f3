"""One fabric for all measures: the same answers as each alone, whatever the order, the chunks, the threads and the hashes."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import shapely.affinity
from fabrics import FAMILIES
from fabrics import fabric as lots_of
from shapely import box
from test_topology_corners import FEET, layer

from citygis import topology
from citygis.topology import contained, duplicates, fabric, fabric_of_two, misaligned_corners, missing_vertices, overlaps, strips
from citygis.topology.places import corners_of

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN

MEASURES = (
    topology.invalid,
    topology.missing,
    topology.multiparts,
    topology.tiny,
    topology.slivers,
    topology.repeated_vertices,
    topology.short_edges,
    topology.spikes,
    topology.backward_rings,
    topology.duplicates,
    topology.overlaps,
    topology.contained,
    topology.misaligned_corners,
    topology.missing_vertices,
    topology.strips,
)


def messy(seed: int = 0) -> gpd.GeoDataFrame:
    """A small fabric with something of everything in it."""
    random = np.random.default_rng(seed)
    lots = lots_of(random)
    shapes = list(lots)
    shapes[1] = shapely.affinity.translate(lots[1], 0.03, 0.02)
    shapes[4] = shapely.reverse(lots[4])
    shapes[7] = shapely.difference(lots[7], shapely.affinity.rotate(box(150, 100, 150.4, 400), 2))
    ring = shapely.get_coordinates(lots[9])
    shapes[9] = shapely.Polygon([*ring[:2], ring[1] + [0.01, 0.0], ring[2], ring[2], *ring[3:]])
    shapes += [lots[3], shapely.reverse(lots[3]), shapely.union_all(lots[10:12]), shapely.affinity.scale(lots[13], 0.3, 0.3)]
    shapes += [None, shapely.Polygon(), shapely.Point(10, 10), shapely.LineString([(0, 0), (50, 50), (0, 0.001)])]
    shapes += [shapely.Polygon([(0, 0), (50, 50), (50, 0), (0, 50)]), shapely.Polygon([(0, 0), (np.nan, 1), (1, 1), (0, 0)])]
    shapes += [shapely.MultiPolygon([box(400, 0, 460, 110), box(470, 0, 470.2, 110)]), box(500, 0, 501, 2)]
    shapes += [shapely.from_wkt("MULTIPOLYGON (((600 0, 660 0, 660 50, 600 0)), EMPTY)")]
    shapes += [
        shapely.GeometryCollection([shapely.Point(700, 1), shapely.MultiPolygon([box(700, 0, 760, 90), box(770, 0, 775, 5)])])
    ]
    shapes += [shapely.force_3d(box(400, 200, 460, 310), 5.0), shapely.transform(box(0, 0, 60, 60), lambda c: c * 1e24)]
    frame = layer(*shapes)
    rounded = shapely.transform(np.asarray(frame.geometry.array), lambda c: np.round(c, 4))
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(rounded, crs=FEET))


def same(one: gpd.GeoDataFrame, other: gpd.GeoDataFrame) -> bool:
    plain = [pd.DataFrame(frame.drop(columns="geometry")) for frame in (one, other)]
    pd.testing.assert_frame_equal(*plain, check_dtype=False)
    return all(a == b or shapely.equals_exact(a, b, 0.0) for a, b in zip(one.geometry, other.geometry, strict=True))


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.__name__)
def test_a_fabric_gives_what_its_layer_gives(measure):
    frame = messy()
    whole = fabric(frame)
    found = measure(whole)
    assert len(found), "the layer has something for every measure"
    assert same(found, measure(frame))
    assert same(found, measure(whole))  # asked again


def test_points_in_collections_are_no_rings():
    mixed = shapely.GeometryCollection([shapely.Point(0, 0), box(0, 0, 1, 1), shapely.reverse(box(5, 0, 6, 1))])
    found = topology.backward_rings(gpd.GeoSeries([mixed, box(0, 0, 1, 1)], crs=FEET))
    assert found[["feature", "path"]].to_numpy().tolist() == [[0, 1]]


@pytest.mark.parametrize("chunk", [1, 3, 7])
def test_the_size_of_the_chunks_does_not_matter(monkeypatch, chunk):
    frame = messy(1)
    before = [measure(frame) for measure in MEASURES]
    for name in ("paths.CHUNK", "chains.CHUNK", "shared.CHUNK", "approaches.EDGES", "approaches.WORDS"):
        monkeypatch.setattr(f"citygis.topology.{name}", chunk)
    monkeypatch.setattr("citygis.topology.approaches.MOST_PAIRS", chunk)
    for measure, told in zip(MEASURES, before, strict=True):
        assert same(measure(frame), told), measure.__name__


def test_hashes_that_agree_by_chance_do_not_matter(monkeypatch):
    frame = messy(2)
    before = [measure(frame) for measure in MEASURES]

    def few(coordinates):
        return (np.abs(np.nan_to_num(coordinates)).sum(axis=1) % 5).astype(np.uint64)

    monkeypatch.setattr("citygis.topology.paths.hashes", few)
    monkeypatch.setattr("citygis.topology.edges.hashes", few)
    for measure, told in zip(MEASURES[9:], before[9:], strict=True):
        assert same(measure(frame), told), measure.__name__


@pytest.mark.parametrize("measure", [overlaps, contained, misaligned_corners, missing_vertices, strips], ids=lambda m: m.__name__)
def test_the_order_of_the_rows_does_not_matter(measure):
    frame = messy(3)
    order = np.random.default_rng(0).permutation(len(frame))
    one, other = measure(frame), measure(frame.iloc[order])
    columns = list(one.columns[one.columns.isin(["left", "right", "inner", "outer", "feature"])])
    if measure is missing_vertices:
        columns = ["feature"]
    told = sorted(map(tuple, one[columns].to_numpy().tolist()))
    again = [tuple(order[list(row)].tolist()) for row in other[columns].to_numpy()]
    if "left" in columns:
        again = [tuple(sorted(row)) for row in again]
    assert sorted(again) == told


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_overlaps_are_those_of_brute_force_in_chunks_of_any_size(family, monkeypatch):
    for seed in range(100, 112):
        random = np.random.default_rng(seed)
        monkeypatch.setattr("citygis.topology.paths.CHUNK", int(random.integers(1, 12)))
        polygons = np.array([p for p in family(random, lots_of(random)) if p.is_valid and p.area], dtype=object)
        flipped = random.random(len(polygons)) < random.choice([0, 0.5, 1])
        polygons[flipped] = shapely.reverse(polygons[flipped])
        polygons = shapely.set_precision(random.permutation(polygons), 0.0001)
        i, j = np.triu_indices(len(polygons), 1)
        shared = shapely.area(shapely.intersection(polygons[i], polygons[j]))
        truth = set(zip(i[shared > 0.004].tolist(), j[shared > 0.004].tolist(), strict=True))
        found = overlaps(gpd.GeoSeries(polygons, crs=FEET), min_area_sqft=0.004, tolerance_ft=0)
        assert set(zip(found["left"], found["right"], strict=True)) == truth, f"seed {seed}"


def test_features_that_hold_no_ground_today_have_no_neighbours_but_have_rings():
    parent, one, two = box(0, 0, 120, 110), box(0, 0, 60, 110), box(60.02, 0, 120, 110)
    frame = layer(parent, one, two, shapely.reverse(parent))
    whole = fabric(frame, neighbours=[False, True, True, False])
    assert overlaps(whole).empty and contained(whole).empty
    assert strips(whole)["left"].tolist() == [1]
    assert misaligned_corners(whole)[["left", "right"]].to_numpy().tolist() == [[1, 2], [1, 2]]
    assert missing_vertices(whole).empty
    assert duplicates(whole)["right"].tolist() == [3]
    assert len(topology.backward_rings(whole)) == 1 or len(topology.backward_rings(whole)) == 3


def test_lots_share_with_their_street_the_edges_that_both_have():
    lots = layer(box(0, 0, 60, 110), box(60, 0, 120, 110), box(200, 0, 260, 110))
    street = shapely.Polygon(
        [(0, 110), (60, 110), (90, 110), (120, 110), (120, 160), (0, 160)]
    )  # the second lot has one edge there
    whole = fabric_of_two(lots, layer(street, box(200, -50, 260, 0)))
    assert whole.shared_ft(np.array([3, 4])).tolist() == [60.0, 0.0, 60.0, 0.0, 0.0]
    assert whole.shared_ft(np.array([3])).tolist() == [60.0, 0.0, 0.0, 0.0, 0.0]
    assert whole.shared_ft(np.array([0])).tolist() == [0.0, 110.0, 0.0, 60.0, 0.0]
    assert whole.shared_ft(np.array([], dtype=int)).tolist() == [0.0] * 5


def test_neighbours_of_another_length_are_refused():
    with pytest.raises(ValueError, match="Invalid neighbours"):
        fabric(layer(box(0, 0, 1, 1)), neighbours=[True, False])


def test_thousands_of_copies_are_one_stack_and_no_quadratic_work():
    found = fabric(layer(*[box(0, 0, 60, 110)] * 20_000))
    assert len(found.open_edges) == 4
    assert len(overlaps(found)) == len(duplicates(found)) == 19_999
    assert misaligned_corners(found).empty


def test_a_sound_fabric_has_open_edges_on_its_outside_only():
    lots = lots_of(np.random.default_rng(0))
    whole = fabric(layer(*lots))
    assert len(whole.open_edges) == 2 * (5 + 4)
    assert len(whole.suspects) == 0
    assert len(corners_of(layer(*lots)).places) == 30


@pytest.mark.parametrize("far", [1e7, 1e12, 1e30, 1e300])
def test_a_vertex_on_another_continent_disturbs_nobody(far):
    stray = shapely.Polygon([(200, 0), (260, 0), (far, far), (200, 110)])
    frame = layer(box(0, 0, 60, 110), box(59, 0, 120, 110), box(120.3, 0, 180, 110), stray)
    assert overlaps(frame)[["left", "right"]].to_numpy().tolist() == [[0, 1]]
    assert strips(frame)[["left", "right"]].to_numpy().tolist() == [[1, 2]]


def test_a_layer_in_degrees_that_says_feet_is_done_in_time():
    lots = np.array([p for k in range(40) for p in lots_of(np.random.default_rng(k))], dtype=object)
    shift = np.repeat(np.arange(40) * 400.0, 20)
    moved = [shapely.affinity.translate(p, by, 0) for p, by in zip(lots, shift, strict=True)]
    small = shapely.transform(np.array(moved), lambda c: c / 364_000 + [-121.3, 37.8])
    whole = fabric(gpd.GeoSeries(small, crs=FEET))
    assert len(whole.approaches.one) < 50 * len(small)
