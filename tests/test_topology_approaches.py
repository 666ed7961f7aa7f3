"""Edges that come near each other, against every edge compared with every other."""

import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from citygis.topology.approaches import approaches, segment_distances_ft
from citygis.topology.chains import following
from citygis.topology.edges import mated
from citygis.topology.paths import paths_of


def prepared(polygons):
    paths, edges, _ = mated(paths_of(np.array(polygons, dtype=object)), np.empty(0, dtype=int))
    return paths, edges, following(paths, edges)


def near(*polygons, **options):
    paths, edges, after = prepared(polygons)
    found = approaches(paths, edges, after, **options)
    owner = paths.owner[paths.path_of[edges]]
    return found, {tuple(sorted(pair)) for pair in zip(owner[found.one].tolist(), owner[found.two].tolist(), strict=True)}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_every_near_pair_is_told(family):
    for seed in range(4):
        random = np.random.default_rng(seed)
        polygons = [p for p in family(random, fabric(random)) if p.is_valid and p.area]
        shift = random.normal(0, 0.05, (len(polygons), 2))
        moved = [shapely.transform(p, lambda c, by=by: np.round(c + by, 4)) for p, by in zip(polygons, shift, strict=True)]
        paths, edges, after = prepared(moved)
        found = approaches(paths, edges, after)
        lines = shapely.linestrings(np.stack([paths.coordinates[edges], paths.coordinates[edges + 1]], axis=1))
        owner = paths.owner[paths.path_of[edges]]
        i, j = np.triu_indices(len(edges), 1)
        apart = (owner[i] != owner[j]) & (after[i] != j) & (after[j] != i)
        close = shapely.distance(lines[i], lines[j]) <= 0.12
        truth = set(zip(i[apart & close].tolist(), j[apart & close].tolist(), strict=True))
        assert truth and truth <= set(zip(found.one.tolist(), found.two.tolist(), strict=True))


@pytest.mark.parametrize(("apart", "faces"), [(0.5, True), (5.99, True), (6.01, False), (40, False)])
def test_edges_across_narrow_ground_face_each_other(apart, faces):
    found, pairs = near(box(0, 0, 60, 110), box(60 + apart, 0, 120, 110))
    assert found.faces.any() == faces
    assert pairs == ({(0, 1)} if faces else set())
    assert found.distance_ft.tolist() == pytest.approx([apart] * len(found.one))


def test_an_edge_across_the_city_meets_what_lies_on_its_way():
    lots = [box(k * 500, 0, k * 500 + 60, 100) for k in range(40)]
    long = shapely.Polygon([(0, 100.1), (20_000, 100.1), (20_000, 200), (0, 200)])
    assert near(*lots, long)[1] == {(k, 40) for k in range(40)}


def test_an_edge_to_another_continent_is_compared_with_all():
    far = shapely.Polygon([(-1e9, 100.1), (1e9, 100.1), (0, 1e9)])
    assert near(*[box(k * 500, 0, k * 500 + 60, 100) for k in range(5)], far)[1] == {(k, 5) for k in range(5)}


def test_edges_that_turn_straight_back_are_told_and_street_corners_are_not():
    wedge = shapely.Polygon([(60, 0), (120, 0), (120, 110), (60.5, 110)])
    assert near(box(0, 0, 60, 110), wedge)[1] == {(0, 1)}
    assert near(box(0, 0, 60, 110), box(60, 0, 120, 110), box(0, 110, 60, 200))[1] == set()


@given(st.lists(st.integers(-6, 6), min_size=8, max_size=8))
@settings(max_examples=300, deadline=None)
def test_distances_between_segments_are_those_of_geos(numbers):
    a, b, c, d = np.array(numbers, dtype=float).reshape(4, 1, 2)
    truth = shapely.distance(shapely.linestrings(np.stack([a[0], b[0]])), shapely.linestrings(np.stack([c[0], d[0]])))
    assert segment_distances_ft(a, b, c, d)[0] == pytest.approx(truth, abs=1e-9)
