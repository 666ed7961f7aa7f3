"""Which polygons adjoin, and which pieces they make."""

import networkx
import numpy as np
import pytest
import shapely

from citygis.analysis.contiguity import adjoining, borders, pieces_of

E, N = 6_330_000.0, 2_100_000.0


def boxes(*corners):
    return np.array([shapely.box(E + w, N + s, E + e, N + n) for w, s, e, n in corners], dtype=object)


def pairs(shapes, least_ft=1.0, water=None):
    found = adjoining(borders(shapes), least_ft=least_ft, water=water)
    return {(int(a), int(b)): round(float(length), 3) for a, b, length in zip(*found, strict=True)}


def voronoi(n, seed):
    """A coverage of n cells, whose corners are those of their neighbours."""
    points = shapely.multipoints(np.random.default_rng(seed).uniform(0, 10_000, (n, 2)) + (E, N))
    return np.array(shapely.get_parts(shapely.voronoi_polygons(points)), dtype=object)


def test_a_common_line_adjoins_and_a_corner_does_not():
    assert pairs(boxes((0, 0, 100, 100), (100, 0, 200, 100), (100, 100, 200, 200))) == {(0, 1): 100.0, (1, 2): 100.0}


def test_a_corner_that_one_neighbour_lacks_is_no_obstacle():
    # The long side of the first is met by two halves and a fourth that only touches its corner.
    shapes = boxes((0, 0, 100, 300), (100, 0, 200, 150), (100, 150, 200, 290), (100, 300, 200, 400))
    assert pairs(shapes) == {(0, 1): 150.0, (0, 2): 140.0, (1, 2): 100.0}


def test_on_a_slope_where_no_two_lines_are_quite_the_same():
    turn = np.radians(31)
    shapes = boxes((0, 0, 100, 300), (100, 0, 200, 150), (100, 150, 200, 300))
    turned = shapely.affinity.rotate(shapely.geometrycollections(shapes), turn, origin=(E, N), use_radians=True)
    assert pairs(shapely.get_parts(turned)) == pytest.approx({(0, 1): 150.0, (0, 2): 150.0, (1, 2): 100.0}, abs=0.05)


@pytest.mark.parametrize("gap_ft,adjoins", [(0.009, True), (0.011, False)])
def test_lines_a_hundredth_of_a_foot_apart_are_one(gap_ft, adjoins):
    assert ((0, 1) in pairs(boxes((0, 0, 100, 100), (100 + gap_ft, 0, 200, 150)))) == adjoins


@pytest.mark.parametrize("overlap_ft,adjoins", [(0.99, False), (1.01, True)])
def test_a_common_line_of_less_than_a_foot_is_a_corner(overlap_ft, adjoins):
    shapes = boxes((0, 0, 100, 100), (100, 100 - overlap_ft, 200, 200))
    assert bool(pairs(shapes)) == adjoins


def test_the_pairs_of_a_random_coverage_and_their_lengths_are_those_of_geos():
    shapes = voronoi(400, 1)
    one, other = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    one, other = one[one < other], other[one < other]
    length = shapely.length(shapely.intersection(shapely.boundary(shapes[one]), shapely.boundary(shapes[other])))
    found = pairs(shapes, least_ft=0.01)
    oracle = {(int(a), int(b)): float(ft) for a, b, ft in zip(one, other, length, strict=True) if ft >= 0.01}
    assert found == pytest.approx(oracle, abs=0.005) and len(found) > 1_000


def test_a_line_in_water_does_not_count_but_its_dry_part_does():
    shapes = boxes((0, 0, 100, 100), (100, 0, 200, 100))
    assert pairs(shapes, water=shapely.box(E + 90, N - 5, E + 110, N + 105)) == {}
    assert pairs(shapes, water=shapely.box(E + 90, N - 5, E + 110, N + 70)) == {(0, 1): 30.0}


def test_pieces_are_the_components_of_networkx():
    rng = np.random.default_rng(6)
    shapes = voronoi(800, 3)
    group = rng.integers(-1, 4, len(shapes))
    found = adjoining(borders(shapes), least_ft=1e-3)
    piece = pieces_of(group, found.one, found.other)
    graph = networkx.Graph()
    graph.add_nodes_from(np.flatnonzero(group >= 0))
    graph.add_edges_from((a, b) for a, b in zip(found.one, found.other, strict=True) if group[a] == group[b] >= 0)
    oracle = {frozenset(map(int, each)) for each in networkx.connected_components(graph)}
    assert {frozenset(np.flatnonzero(piece == p).tolist()) for p in np.unique(piece[piece >= 0])} == oracle
    assert (piece[group < 0] == -1).all() and len(oracle) > 20


def test_one_polygon_and_none_at_all_adjoin_nothing():
    assert pairs(boxes((0, 0, 1, 1))) == {} and pairs(np.array([None, shapely.Polygon()], dtype=object)) == {}


def test_an_island_in_a_lake_of_land_adjoins_what_is_around_it():
    ring = shapely.Polygon(shapely.box(E, N, E + 90, N + 90).exterior, [shapely.box(E + 30, N + 30, E + 60, N + 60).exterior])
    assert pairs(np.array([ring, shapely.box(E + 30, N + 30, E + 60, N + 60)], dtype=object)) == {(0, 1): 120.0}
