"""The district of each block."""

import geopandas as gpd
import numpy as np
import pytest
import shapely

from citygis.analysis.district_plan import by_ground, share_of

E, N = 6_330_000.0, 2_100_000.0


def strips(*edges):
    return np.array([shapely.box(E + w, N, E + e, N + 100) for w, e in edges], dtype=object)


def zones(**edges):
    return gpd.GeoDataFrame({"name": list(edges)}, geometry=list(strips(*edges.values())), crs="EPSG:6420")


def test_a_block_goes_where_most_of_its_ground_is():
    plan = by_ground(strips((0, 100)), zones(A=(-50, 49.9), B=(49.9, 200)), "zone", "name")
    assert plan.names[plan.at].tolist() == ["B"] and plan.share[0] == pytest.approx(0.501)
    assert plan.names[by_ground(strips((0, 100)), zones(A=(-50, 50.1), B=(50.1, 200)), "zone", "name").at].tolist() == ["A"]


def test_halves_go_to_the_first_name_whatever_the_order():
    one, other = zones(A=(0, 50), B=(50, 100)), zones(B=(50, 100), A=(0, 50))
    assert [by_ground(strips((0, 100)), each, "zone", "name").at.tolist() for each in (one, other)] == [[0], [0]]


def test_several_polygons_of_one_name_are_one_zone():
    layer = zones(A=(0, 30), B=(30, 70), C=(70, 100))
    layer["name"] = ["A", "B", "A"]
    plan = by_ground(strips((0, 100)), layer, "zone", "name")
    assert plan.names.tolist() == ["A", "B"] and plan.at.tolist() == [0] and plan.share[0] == pytest.approx(0.6)


def test_a_common_line_is_no_ground():
    plan = by_ground(strips((0, 100), (200, 300)), zones(A=(100, 200)), "zone", "name")
    assert plan.at.tolist() == [-1, -1] and plan.share.tolist() == [0, 0]


def test_numbers_are_put_by_their_size_and_before_words():
    layer = zones(**{"10": (0, 1), "9": (1, 2), "North": (2, 3), "1": (3, 4)})
    assert by_ground(strips((0, 4)), layer, "zone", "name").names.tolist() == ["1", "9", "10", "North"]


def test_what_two_polygons_cover_counts_once():
    layer = zones(A=(0, 60), B=(40, 80))
    assert share_of(strips((0, 100), (300, 400)), layer).tolist() == pytest.approx([0.8, 0.0])
    assert by_ground(strips((0, 100)), layer, "zone", "name").doubly == 0
    assert by_ground(strips((0, 60)), layer, "zone", "name").doubly == 1
