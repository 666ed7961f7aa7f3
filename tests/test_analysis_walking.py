"""A ten-minute walk: a city of squares, a river, and people who sum."""

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.analysis import park_walk
from citygis.analysis.apportionment import apportioned
from citygis.errors import AnalysisError, CRSError
from citygis.gpkg import read_geopackage

CRS = "EPSG:6420"
CITY = Path(__file__).parents[1] / "sample_data" / "city" / "city_base.gpkg"
E, N = 6_330_000.0, 2_100_000.0
BLOCK = 264.0  # ten of them are half a mile


def city() -> dict[str, gpd.GeoDataFrame]:
    """The layers of the sample city that the question takes."""
    return {name: read_geopackage(CITY, name) for name in ("park_access", "street_centerline", "parcel")}


def grid(n: int) -> gpd.GeoDataFrame:
    """Streets every 264 ft, from -n to n blocks either way, split at each corner."""
    steps = np.arange(-n, n + 1) * BLOCK
    lines = [[(a, c), (b, c)] for c in steps for a, b in itertools.pairwise(steps)]
    lines += [[(c, a), (c, b)] for c in steps for a, b in itertools.pairwise(steps)]
    return gpd.GeoDataFrame(geometry=shapely.linestrings(np.array(lines) + [E, N]), crs=CRS)


def entrance(*places) -> gpd.GeoDataFrame:
    ids = [f"A{k}" for k in range(len(places))]
    shapes = shapely.points(np.array(places, dtype=float) + [E, N])
    return gpd.GeoDataFrame({"access_id": ids, "park_id": "P"}, geometry=shapes, crs=CRS)


def squares(places, half: float = 5.0, **columns) -> gpd.GeoDataFrame:
    """Parcels as small squares around places."""
    shapes = [shapely.box(E + e - half, N + n - half, E + e + half, N + n + half) for e, n in places]
    return gpd.GeoDataFrame({"apn": [f"L{k:04d}" for k in range(len(shapes))], **columns}, geometry=shapes, crs=CRS)


def test_in_a_city_of_squares_the_walk_is_a_diamond():
    streets = grid(12)
    corners = [(a * BLOCK, b * BLOCK) for a in range(-12, 13) for b in range(-12, 13)]
    answer = park_walk(entrance((0, 0)), streets, parcels=squares(corners))
    served = answer.table.set_index("apn")["is_served"]
    # 1 + 4 (1 + 2 + ... + 10) corners are ten blocks or fewer away.
    assert served.sum() == 221 and answer.agrees
    for k, (e, n) in enumerate(corners):
        assert served[f"L{k:04d}"] == (abs(e) + abs(n) <= 10 * BLOCK)
    # A corner k blocks off has one side towards the middle on an axis, two elsewhere: 8 k - 4 for each k up to ten, 400 in all.
    assert answer.layers["walked"]["length_ft"].sum() == pytest.approx(400 * BLOCK)


@pytest.mark.parametrize(("ft", "is_served"), [(2639.99, True), (2640.0, True), (2640.02, False)])
def test_the_line_is_at_half_a_mile(ft, is_served):
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 5000, N)])], crs=CRS)
    answer = park_walk(entrance((0, 0)), street, parcels=squares([(ft, 0)]))
    assert answer.table["is_served"].tolist() == [is_served]


def test_the_way_from_the_entrance_to_the_walk_and_on_to_the_parcel_counts():
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 5000, N)])], crs=CRS)
    answer = park_walk(entrance((100, 70)), street, parcels=squares([(400, -45)]))
    assert answer.table[["walk_ft", "access_id", "park_id"]].values.tolist() == [[70.0 + 300.0 + 40.0, "A0", "P"]]
    assert answer.table["straight_ft"][0] == round(float(np.hypot(295, 110)), 2)


def test_a_river_without_a_bridge_is_not_crossed():
    # One street across a river; with it as a barrier the far side is not served, and its people are told.
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 1000, N)])], crs=CRS)
    river = gpd.GeoDataFrame(geometry=[shapely.LineString([(E + 500, N - 900), (E + 500, N + 900)])], crs=CRS)
    homes = squares([(200, 20), (800, 20)], people=[3, 4])
    free = park_walk(entrance((0, 0)), street, parcels=homes, population="people")
    assert free.table["is_served"].tolist() == [True, True]
    cut = park_walk(entrance((0, 0)), street, parcels=homes, population="people", barriers=river)
    assert cut.table["is_served"].tolist() == [True, False] and cut.table["walk_ft"].isna().tolist() == [False, True]
    assert any("3 of 7 people" in remark for remark in cut.method.remarks) and cut.agrees


def test_an_entrance_behind_a_barrier_serves_nobody():
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 1000, N)])], crs=CRS)
    wall = gpd.GeoDataFrame(geometry=[shapely.LineString([(E - 50, N + 20), (E + 1050, N + 20)])], crs=CRS)
    homes = squares([(200, -20), (300, 40)])
    answer = park_walk(entrance((100, 60)), street, parcels=homes, barriers=wall)
    assert answer.table["is_served"].tolist() == [False]
    assert answer.excluded[["feature", "reason"]].values.tolist() == [["L0001", "a barrier in front of it"]]


def blocks(*boxes, people) -> gpd.GeoDataFrame:
    shapes = [shapely.box(E + w, N + s, E + e, N + n) for w, s, e, n in boxes]
    return gpd.GeoDataFrame({"block_id": [f"B{k}" for k in range(len(shapes))], "population": people}, geometry=shapes, crs=CRS)


def test_people_go_by_dwellings_and_by_ground_where_there_are_none():
    lots = gpd.GeoDataFrame(
        {"dwellings": [1, 3, 0, None]},
        geometry=[shapely.box(E + w, N, E + w + wide, N + 10) for w, wide in ((0, 10), (10, 10), (100, 10), (110, 30))],
        crs=CRS,
    )
    made = apportioned(
        blocks((0, 0, 50, 10), (100, 0, 150, 10), (200, 0, 210, 10), people=[80, 40, 7]),
        np.array([80, 40, 7.0]),
        lots,
        dwellings="dwellings",
    )
    assert made.shares["people"].tolist() == [20.0, 60.0, 10.0, 30.0]
    assert made.nowhere.tolist() == [0.0, 0.0, 7.0] and made.by_area.tolist() == [False, True, False]


def test_a_parcel_in_two_blocks_has_its_dwellings_in_each_by_ground():
    lots = gpd.GeoDataFrame(
        {"dwellings": [4, 3]}, geometry=[shapely.box(E, N, E + 40, N + 10), shapely.box(E + 40, N, E + 50, N + 10)], crs=CRS
    )
    made = apportioned(blocks((0, 0, 10, 10), (10, 0, 50, 10), people=[5, 12]), np.array([5.0, 12.0]), lots, dwellings="dwellings")
    # The first block has one of the four dwellings, the second three of four and three of three.
    assert made.shares[["parcel", "block", "people"]].values.tolist() == [[0, 0, 5.0], [0, 1, 6.0], [1, 1, 6.0]]


def test_people_of_random_blocks_sum_to_what_was_given():
    rng = np.random.default_rng(5)
    corner = rng.uniform(0, 900, (300, 2))
    lots = gpd.GeoDataFrame(
        {"dwellings": rng.integers(0, 4, 300)},
        geometry=[shapely.box(E + e, N + n, E + e + 30, N + n + 30) for e, n in corner],
        crs=CRS,
    )
    edges = np.linspace(0, 930, 8)
    squares_ = [(w, s, e, n) for w, e in itertools.pairwise(edges) for s, n in itertools.pairwise(edges)]
    people = rng.integers(0, 200, 49).astype(float)
    made = apportioned(blocks(*squares_, people=people), people, lots, dwellings="dwellings")
    back = np.bincount(made.shares["block"], weights=made.shares["people"], minlength=49) + made.nowhere
    assert np.allclose(back, people)


def test_blocks_are_told_with_the_share_that_is_served():
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 6000, N)])], crs=CRS)
    homes = squares([(100, 20), (2000, 20), (5000, 20)])
    census = blocks((0, 0, 2500, 100), (2500, 0, 6000, 100), (7000, 0, 7100, 100), people=[60, 40, 9])
    answer = park_walk(entrance((0, 0)), street, parcels=homes, blocks=census)
    assert answer.tables["blocks"]["served_percent"].tolist() == [100.0, 0.0, 0.0] and answer.agrees
    assert answer.tables["parks"].values.tolist() == [["P", 2, 60.0]]
    assert "Whether 9 people are served" in set(answer.unanswered["what"])


def test_without_parcels_the_blocks_are_walked_to():
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 6000, N)])], crs=CRS)
    census = blocks((0, 10, 200, 100), (5000, 10, 6000, 100), people=[60, 40])
    answer = park_walk(entrance((0, 0)), street, blocks=census)
    assert answer.table[["block_id", "is_served", "people"]].values.tolist() == [["B0", True, 60.0], ["B1", False, 40.0]]


def test_the_order_of_the_rows_changes_nothing():
    streets, homes = grid(2), squares([(e, 37.0) for e in range(-500, 500, 90)])
    doors = entrance((0, 0), (300, 40))
    one = park_walk(doors, streets.assign(NGUID=streets.index.astype(str)), parcels=homes, miles=0.1)
    other = park_walk(
        doors.iloc[::-1], streets.assign(NGUID=streets.index.astype(str)).iloc[::-1], parcels=homes.iloc[::-1], miles=0.1
    )
    assert one.table.equals(other.table) and one.check == other.check


def test_what_cannot_be_asked_is_refused():
    street = gpd.GeoDataFrame(geometry=[shapely.LineString([(E, N), (E + 6000, N)])], crs=CRS)
    with pytest.raises(AnalysisError, match="nobody to walk"):
        park_walk(entrance((0, 0)), street)
    with pytest.raises(AnalysisError, match="no column 'people'"):
        park_walk(entrance((0, 0)), street, blocks=blocks((0, 0, 9, 9), people=[1]), population="people")
    with pytest.raises(AnalysisError, match="No park_access is on the network"):
        park_walk(entrance((0, 900)), street, parcels=squares([(0, 0)]))
    with pytest.raises(CRSError):
        park_walk(entrance((0, 0)).to_crs(4326), street, parcels=squares([(0, 0)]))


def test_fewer_are_served_along_the_walks_than_straight():
    layers = city()
    answer = park_walk(layers["park_access"], layers["street_centerline"], parcels=layers["parcel"])
    assert answer.agrees and len(answer.table) + (answer.excluded["layer"] == "parcel").sum() == len(layers["parcel"])
    straight = answer.table["straight_ft"] <= 2640
    assert 0 < answer.table["is_served"].sum() < straight.sum()
    assert straight[answer.table["is_served"]].all()
    assert "How many people are served" in set(answer.unanswered["what"])


def test_a_parcel_that_crosses_itself_has_the_people_of_the_ground_it_covers():
    bow = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    block = gpd.GeoDataFrame(geometry=[shapely.box(5, 0, 20, 10)], crs="EPSG:6420")
    land = gpd.GeoDataFrame(geometry=[bow, shapely.box(10, 0, 20, 10)], crs="EPSG:6420")
    made = apportioned(block, np.array([125.0]), land, dwellings="dwellings")
    assert made.shares["people"].tolist() == pytest.approx([25.0, 100.0])
