"""Streets as a network: nodes where ends meet, positions along edges, and what is refused."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.analysis.network import street_network
from citygis.analysis.positions import barred, snap, split, two_sided
from citygis.analysis.reach import lengths, reach
from citygis.analysis.stretches import stretches
from citygis.errors import AnalysisError, CRSError

CRS = "EPSG:6420"
E, N = 6_330_000.0, 2_100_000.0


def streets(*lines, **columns) -> gpd.GeoDataFrame:
    """Streets by the eastings and northings of their vertices, from a corner of the City."""
    shapes = [shapely.LineString(np.array(line, dtype=float) + [E, N]) for line in lines]
    ids = [f"S{k}" for k in range(len(lines))]
    return gpd.GeoDataFrame({"NGUID": ids, **columns}, geometry=shapes, crs=CRS)


def at(*places) -> np.ndarray:
    return shapely.points(np.array(places, dtype=float) + [E, N])


CROSS = ([(-100, 0), (100, 0)], [(0, -100), (0, 100)])


def test_streets_that_share_an_end_make_a_node():
    network = street_network(streets([(0, 0), (100, 0)], [(100, 0), (100, 50)], [(100, 0), (200, 0)]))
    assert len(network.node) == 4 and sorted(network.length_ft) == [50.0, 100.0, 100.0]
    assert np.bincount(np.r_[network.start, network.end]).max() == 3


@pytest.mark.parametrize(("gap_ft", "nodes"), [(0.0004, 3), (0.0006, 4)])
def test_ends_within_half_a_thousandth_of_a_foot_are_one(gap_ft, nodes):
    assert len(street_network(streets([(0, 0), (100, 0)], [(100 + gap_ft, 0), (200, 0)])).node) == nodes


def test_streets_that_are_not_noded_are_refused_with_count_and_place():
    with pytest.raises(AnalysisError, match=r"not noded: at 1 places .*S0 at E 6330000\.0, N 2100000\.0.*noding = split"):
        street_network(streets(*CROSS))
    with pytest.raises(AnalysisError, match="not noded"):
        street_network(streets([(-100, 0), (100, 0)], [(0, 0), (0, 100)]))


def test_levels_tell_a_bridge_which_is_no_junction():
    layer = streets(*CROSS, ELEV_F=[0, 1], ELEV_T=[0, 1])
    network = street_network(layer)
    assert len(network.line) == 2 and network.told == ()
    assert len(street_network(layer, noding="split").line) == 2


def test_crossings_may_be_taken_for_bridges_but_ends_on_a_street_may_not():
    network = street_network(streets(*CROSS), noding="bridges")
    assert len(network.line) == 2 and "bridges" in network.told[0][0]
    with pytest.raises(AnalysisError, match="not noded"):
        street_network(streets([(-100, 0), (100, 0)], [(0, 0), (0, 100)]), noding="bridges")


def test_streets_are_split_where_they_meet_when_asked():
    network = street_network(streets(*CROSS, [(50, 0), (50, 70)]), noding="split")
    assert len(network.line) == 6 and network.length_ft.sum() == pytest.approx(470.0)
    assert sorted(network.length_ft.round(6)) == [50.0, 50.0, 70.0, 100.0, 100.0, 100.0]
    assert len(network.node) == 7 and "taken for junctions" in network.told[0][1]


@pytest.mark.parametrize(("short_ft", "is_told"), [(4.99, True), (5.01, False)])
def test_a_street_that_stops_just_short_of_another_is_told_and_not_joined(short_ft, is_told):
    network = street_network(streets([(-100, 0), (0, 0)], [(0, 0), (100, 0)], [(50, short_ft), (50, 90)]))
    assert bool(network.told) == is_told
    assert len(network.line) == 3 and len(network.node) == 5


def test_codes_of_one_way_are_those_of_nena():
    lines = ([(0, 0), (9, 0)], [(9, 0), (19, 0)], [(19, 0), (30, 0)], [(30, 0), (42, 0)])
    network = street_network(streets(*lines, OneWay=["B", "FT", "TF", None]))
    assert network.forth[np.argsort(network.length_ft)].tolist() == [True, True, False, True]
    assert network.back[np.argsort(network.length_ft)].tolist() == [True, False, True, True]
    with pytest.raises(AnalysisError, match=r"OneWay 'Y'.*B, FT, TF"):
        street_network(streets(*lines, OneWay=["B", "Y", "TF", None]))


def test_what_is_no_part_of_the_network_is_listed_with_the_reason():
    layer = streets(
        [(0, 0), (9, 0)], [(9, 0), (19, 0)], [(19, 0), (30, 0)], status=["ACTIVE", "RETIRED", "ACTIVE"], RoadClass=["a", "a", "b"]
    )
    bare = gpd.GeoDataFrame({"NGUID": ["S9"], "status": "ACTIVE", "RoadClass": "a"}, geometry=[None], crs=CRS)
    layer = pd.concat([layer, bare], ignore_index=True)
    network = street_network(layer, without=["b"])
    assert len(network.line) == 1
    assert [(row[1], row[2]) for row in network.excluded] == [
        ("S1", "not in force"),
        ("S2", "of a class that is no part of this network"),
        ("S9", "no geometry"),
    ]
    with pytest.raises(AnalysisError, match="no street in force"):
        street_network(layer, without=["a", "b"])


def test_degrees_are_refused():
    with pytest.raises(CRSError, match="degrees"):
        street_network(streets(*CROSS).to_crs("EPSG:4269"))


def test_an_unknown_noding_is_an_error():
    with pytest.raises(ValueError, match="Invalid noding 'maybe'"):
        street_network(streets(*CROSS), noding="maybe")


def test_the_order_of_the_rows_changes_nothing():
    layer = streets([(0, 0), (100, 0)], [(100, 0), (100, 50)], [(100, 0), (200, 0)], [(0, 0), (100, 50)])
    one, other = street_network(layer), street_network(layer.iloc[[2, 0, 3, 1]])
    assert np.array_equal(one.node, other.node) and one.street_id.tolist() == other.street_id.tolist()
    assert np.array_equal(one.start, other.start)


def test_a_point_stands_on_the_nearest_edge_and_not_at_the_nearest_node():
    network = street_network(streets([(0, 0), (1000, 0)], [(500, 10), (500, 300)]))
    places = snap(network, at((500, 4), (990, -20)), max_ft=50)
    assert network.street_id[places.edge].tolist() == ["S0", "S0"]
    assert places.along_ft.tolist() == [500.0, 990.0] and places.away_ft.tolist() == [4.0, 20.0]


@pytest.mark.parametrize(("away_ft", "is_on"), [(99.99, True), (100.0, True), (100.01, False)])
def test_what_is_farther_than_the_limit_is_off_the_network(away_ft, is_on):
    places = snap(street_network(streets([(0, 0), (1000, 0)])), at((500, away_ft)), max_ft=100)
    assert places.is_on.tolist() == [is_on]


def test_only_edges_that_may_be_used_are_snapped_to():
    network = street_network(streets([(0, 0), (100, 0)], [(0, 10), (100, 10)], RoadClass=["Motorway", "Local"]))
    places = snap(network, at((50, 1)), max_ft=50, usable=network.road_class != "Motorway")
    assert network.road_class[places.edge[0]] == "Local" and places.away_ft[0] == 9.0


def test_a_parcel_stands_abreast_of_its_middle():
    network = street_network(streets([(0, 0), (1000, 0)]))
    box = shapely.box(E + 200, N + 30, E + 260, N + 130)
    places = snap(network, np.array([box, None]), max_ft=50)
    assert places.along_ft[0] == 230.0 and places.away_ft[0] == 30.0 and not places.is_on[1]


def test_an_edge_is_split_at_places_along_it_and_keeps_its_length_and_bends():
    network = street_network(streets([(0, 0), (60, 0), (60, 40)]))
    parted, node = split(network, np.array([0, 0, 0, 0, 0]), np.array([80.0, 30.0, 0.0, 100.0, 30.0]))[:2]
    assert parted.length_ft.tolist() == [30.0, 50.0, 20.0]
    assert shapely.length(parted.line).tolist() == [30.0, 50.0, 20.0]
    assert node.tolist() == [3, 2, network.start[0], network.end[0], 2]
    assert (parted.node[node[0]] - [E, N]).tolist() == [60.0, 20.0]


def test_a_split_without_a_join_lets_nobody_through():
    network = street_network(streets([(0, 0), (100, 0)]))
    parted, _ = split(network, np.array([0]), np.array([40.0]), is_joined=False)[:2]
    found = reach(parted, np.array([0]), lengths(parted))
    assert sorted(found.node[0].tolist()) == [0.0, 40.0, np.inf, np.inf]


def test_a_barrier_cuts_the_streets_it_crosses():
    network = street_network(streets([(0, 0), (100, 0)], [(0, 50), (100, 50)], [(0, 0), (0, 50)]))
    wall = gpd.GeoDataFrame(geometry=[shapely.LineString([(E + 30, N - 5), (E + 30, N + 20)])], crs=CRS)
    cut, cuts = barred(network, wall)
    assert cuts == 1 and sorted(cut.length_ft.round(6)) == [30.0, 50.0, 70.0, 100.0]
    ground = gpd.GeoDataFrame(geometry=[shapely.box(E + 20, N - 5, E + 60, N + 80)], crs=CRS)
    assert barred(network, ground)[1] == 4


def test_each_side_of_a_divided_street_is_an_edge_of_its_own():
    network = street_network(streets([(0, 0), (100, 0)], [(100, 0), (200, 0)], RoadClass=["Primary", "Local"]))
    sided = two_sided(network, network.road_class == "Primary")
    assert sorted(sided.side.tolist()) == [-1, 0, 1]
    places = snap(sided, at((50, 10), (50, -10), (150, 10)), max_ft=50)
    assert sided.side[places.edge].tolist() == [1, -1, 0]


def test_stretches_are_those_of_geos_along_random_lines():
    from shapely.ops import substring

    rng = np.random.default_rng(8)
    lines = np.array([shapely.LineString(rng.uniform(0, 100, (rng.integers(2, 9), 2))) for _ in range(300)])
    length = shapely.length(lines)
    low = rng.uniform(0, 0.5, 300) * length
    high = low + rng.uniform(0.01, 0.5, 300) * (length - low)
    mine = stretches(lines, low, high)
    theirs = np.array([substring(*each) for each in zip(lines, low, high, strict=True)])
    assert shapely.hausdorff_distance(mine, theirs).max() < 1e-9
    assert np.allclose(shapely.length(mine), high - low)
