"""What can be reached along a network: against networkx, against paper, and with a river in between."""

import resource

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
import shapely

from citygis.analysis.network import Network, street_network
from citygis.analysis.positions import Places, snap, split
from citygis.analysis.reach import Turns, beyond, costs_at, divided, graph_of, lengths, proof, reach, within

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def streets(*lines, **columns) -> gpd.GeoDataFrame:
    shapes = [shapely.LineString(np.array(line, dtype=float) + [E, N]) for line in lines]
    return gpd.GeoDataFrame({"NGUID": [f"S{k}" for k in range(len(lines))], **columns}, geometry=shapes, crs=CRS)


def grid(across: int, up: int, *, seed: int = 3, one_way: bool = True) -> gpd.GeoDataFrame:
    """Streets of a crooked grid, some of them one-way, some missing."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(np.arange(across) * 300.0, np.arange(up) * 300.0), axis=-1) + rng.uniform(-60, 60, (up, across, 2))
    pairs = np.concatenate(
        [
            np.stack([place[:, :-1], place[:, 1:]], axis=2).reshape(-1, 2, 2),
            np.stack([place[:-1], place[1:]], axis=2).reshape(-1, 2, 2),
        ]
    )
    pairs = pairs[rng.random(len(pairs)) > 0.1]
    ways = rng.choice(["B", "B", "B", "FT", "TF"], len(pairs)) if one_way else "B"
    return gpd.GeoDataFrame({"OneWay": ways}, geometry=shapely.linestrings(pairs + [E, N]), crs=CRS)


def graph(network: Network, cost: np.ndarray) -> nx.DiGraph:
    made = nx.DiGraph()
    made.add_nodes_from(range(len(network.node)))
    for k in range(len(network.line)):
        for one, other, each in ((network.start[k], network.end[k], cost[k, 0]), (network.end[k], network.start[k], cost[k, 1])):
            if np.isfinite(each) and each < made.get_edge_data(one, other, {"weight": np.inf})["weight"]:
                made.add_edge(one, other, weight=each)
    return made


def test_costs_are_those_of_networkx_on_a_crooked_grid_with_one_way_streets():
    network = street_network(grid(20, 20))
    rng = np.random.default_rng(1)
    edge = rng.integers(0, len(network.line), 8)
    parted, node = split(network, edge, rng.uniform(0, 1, 8) * network.length_ft[edge])[:2]
    cost = lengths(parted, is_directed=True)
    each, nearest = reach(parted, node, cost, is_each=True), reach(parted, node, cost)
    theirs = np.full((8, len(parted.node)), np.inf)
    for row, source in enumerate(node):
        for k, ft in nx.single_source_dijkstra_path_length(graph(parted, cost), source).items():
            theirs[row, k] = ft
    assert np.allclose(each.node, theirs)
    assert np.allclose(nearest.node[0], theirs.min(axis=0))
    told = np.isfinite(nearest.node[0])
    assert np.allclose(theirs[nearest.facility[0, told], np.flatnonzero(told)], theirs.min(axis=0)[told])
    assert proof(each) == (np.isfinite(theirs).sum(),) * 2


def test_a_limit_finds_all_within_it_and_nothing_beyond():
    network = street_network(grid(15, 15))
    cost = lengths(network, is_directed=True)
    whole, near = reach(network, np.array([200]), cost), reach(network, np.array([200]), cost, limit=1500.0)
    inside = whole.node[0] <= 1500.0
    assert np.array_equal(np.isfinite(near.node[0]), inside) and 5 < inside.sum() < len(inside)
    assert proof(near) == (inside.sum(), inside.sum())


def test_a_cost_that_is_not_the_least_is_seen(monkeypatch):
    import scipy.sparse.csgraph as csgraph

    true = csgraph.dijkstra

    def wrong(*args, **kwargs):
        found, *rest = true(*args, **kwargs)
        found[found > 900] += 1.0
        return found, *rest

    monkeypatch.setattr(csgraph, "dijkstra", wrong)
    network = street_network(grid(8, 8))
    found = reach(network, np.array([0]), lengths(network))
    proven, reached = proof(found)
    assert proven < reached


def test_stretches_within_a_limit_are_cut_to_the_foot():
    # From a place 40 ft along a street of 100: 30 ft either way.
    network, node = split(street_network(streets([(0, 0), (100, 0)])), np.array([0]), np.array([40.0]))[:2]
    cost = lengths(network)
    found = reach(network, node, cost, limit=30.0)
    edge, low, high = within(found, 30.0)
    assert list(zip(network.length_ft[edge], low, high, strict=True)) == [(40.0, 10.0, 40.0), (60.0, 0.0, 30.0)]
    edge, low, high = beyond(found, 30.0)
    assert list(zip(low, high, strict=True)) == [(0.0, 10.0), (30.0, 60.0)]


def test_stretches_within_a_limit_are_those_of_a_point_every_foot():
    network = street_network(grid(6, 6))
    network, node = split(network, np.array([3, 40]), np.array([100.0, 20.0]))[:2]
    cost = lengths(network, is_directed=True)
    found = reach(network, node, cost)
    edge, low, high = within(found, 700.0)
    steps = [(k, ft) for k in range(len(network.line)) for ft in np.arange(0.5, network.length_ft[k], 1.0)]
    at, along = (np.array(column) for column in zip(*steps, strict=True))
    least, _ = costs_at(found, Places(at.astype(int), along, np.zeros(len(at))))
    covered = np.zeros(len(at), dtype=bool)
    for one, a, b in zip(edge, low, high, strict=True):
        covered |= (at == one) & (along >= a) & (along <= b)
    assert np.array_equal(covered, least[0] <= 700.0) and 0 < covered.sum() < len(covered)
    assert (high - low).sum() == pytest.approx(covered.sum(), abs=2 * len(network.line))


def test_an_edge_is_parted_where_two_facilities_are_as_near():
    network, node = split(street_network(streets([(0, 0), (1000, 0)])), np.array([0, 0]), np.array([100.0, 700.0]))[:2]
    cost = lengths(network)
    found = reach(network, node, cost)
    _, low, high, whose = divided(found)
    assert list(zip(low, high, whose, strict=True)) == [(0.0, 100.0, 0), (0.0, 300.0, 0), (300.0, 600.0, 1), (0.0, 300.0, 1)]


def test_nobody_jumps_a_river():
    # Two banks 60 ft apart, each with a street; the one bridge is 5,000 ft to the east, and then it is gone.
    banks = ([(0, 0), (5000, 0)], [(0, 60), (5000, 60)])
    for lines, ft in (((*banks, [(5000, 0), (5000, 60)]), 10060.0), (banks, np.inf)):
        network = street_network(streets(*lines))
        source = snap(network, shapely.points([[E, N - 5]]), max_ft=50)
        network, node = split(network, source.edge, source.along_ft)[:2]
        place = snap(network, shapely.points([[E, N + 65]]), max_ft=50)
        cost = lengths(network)
        assert costs_at(reach(network, node, cost), place)[0][0, 0] == ft


def test_against_a_one_way_street_one_goes_round_the_block():
    lines = ([(0, 0), (100, 0)], [(100, 0), (100, 100)], [(100, 100), (0, 100)], [(0, 100), (0, 0)])
    network = street_network(streets(*lines, OneWay="FT"))
    node = np.flatnonzero((network.node == [E + 100, N]).all(axis=1))
    found = reach(network, node, lengths(network, is_directed=True))
    assert found.node[0, (network.node == [E, N]).all(axis=1)].tolist() == [300.0]


def test_of_two_streets_between_the_same_corners_the_shorter_counts():
    network = street_network(streets([(0, 0), (100, 0)], [(0, 0), (50, 80), (100, 0)]))
    assert reach(network, np.array([0]), lengths(network)).node[0].max() == 100.0


LEFT_OR_ROUND = ([(0, 0), (100, 0)], [(100, 0), (100, 100)], [(100, 0), (200, 0)])


@pytest.mark.parametrize(("turns", "ft"), [(Turns(), 200.0), (Turns(left=30.0), 230.0), (Turns(right=30.0), 200.0)])
def test_a_left_turn_costs_what_it_is_said_to(turns, ft):
    network = street_network(streets(*LEFT_OR_ROUND))
    node = np.flatnonzero((network.node == [E, N]).all(axis=1))
    found = reach(network, node, lengths(network), turns=turns)
    assert found.node[0, (network.node == [E + 100, N + 100]).all(axis=1)].tolist() == [ft]
    proven, reached = proof(found)
    assert proven == reached


def test_three_rights_are_taken_where_a_left_costs_more():
    # North from (100, 0) to (100, 100), then west to (0, 100): left there, or on and round a block of 100 ft: 400 ft more.
    block = (
        [(100, 0), (100, 100)],
        [(100, 100), (0, 100)],
        [(100, 100), (100, 200)],
        [(100, 200), (200, 200)],
        [(200, 200), (200, 100)],
        [(200, 100), (100, 100)],
    )
    network = street_network(streets(*block))
    node = np.flatnonzero((network.node == [E + 100, N]).all(axis=1))
    west = (network.node == [E, N + 100]).all(axis=1)
    for left, ft in ((0.0, 200.0), (399.0, 599.0), (401.0, 600.0)):
        found = reach(network, node, lengths(network), turns=Turns(left=left, back=10_000.0))
        assert found.node[0, west].tolist() == [ft]


def test_turns_that_cost_nothing_change_nothing():
    network = street_network(grid(12, 12))
    network, node = split(network, np.array([5, 60, 100]), np.array([50.0, 100.0, 20.0]))[:2]
    cost = lengths(network, is_directed=True)
    plain, turning = reach(network, node, cost), reach(network, node, cost, turns=Turns())
    assert np.allclose(plain.node, turning.node) and np.allclose(plain.entry, turning.entry)


def test_ten_stations_on_twenty_thousand_nodes_are_ten_times_as_fast_as_networkx():
    network = street_network(grid(142, 142))
    cost = lengths(network, is_directed=True)
    node = np.linspace(0, len(network.node) - 1, 10).astype(int)
    other, made = graph(network, cost), graph_of(network, cost)

    def cpu_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_SELF)
        return used.ru_utime + used.ru_stime

    limit = 12_000.0  # four minutes at 34 miles per hour
    reach(network, node[:1], cost, limit=limit, is_each=True, graph=made)
    times = []
    for _ in range(3):
        begin = cpu_seconds()
        found = reach(network, node, cost, limit=limit, is_each=True, graph=made)
        times.append(cpu_seconds() - begin)
    begin = cpu_seconds()
    theirs = [nx.single_source_dijkstra_path_length(other, k, cutoff=limit) for k in node]
    slow = cpu_seconds() - begin
    for row, each in enumerate(theirs):
        assert np.isfinite(found.node[row]).sum() == len(each)
        assert np.allclose(found.node[row, list(each)], list(each.values()))
    print(f"ours {min(times):.4f} s, networkx {slow:.4f} s, {slow / min(times):.0f} times")
    assert slow > 2 * min(times)
