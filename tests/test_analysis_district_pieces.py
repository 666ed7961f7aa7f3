"""The pieces that districts are in."""

import geopandas as gpd
import numpy as np
import shapely

from citygis.analysis.contiguity import borders
from citygis.analysis.district_pieces import joined_ground, piece_table, pieces_by_water

E, N = 6_330_000.0, 2_100_000.0
CRS = "EPSG:6420"


def row(n):
    return np.array([shapely.box(E + 100 * k, N, E + 100 * k + 100, N + 100) for k in range(n)], dtype=object)


def frame(*shapes):
    return gpd.GeoDataFrame(geometry=list(shapes), crs=CRS)


def pieces(of, people=None, water=None, crossings=None):
    shapes = row(len(of))
    people = np.ones(len(of), dtype=int) if people is None else np.array(people)
    found = pieces_by_water(shapes, np.array(of), people, borders(shapes), least_ft=1.0, water=water, crossings=crossings)
    return found.tolist()


def test_a_district_that_another_one_parts_is_in_two_pieces():
    assert pieces([0, 0, 1, 0, -1]) == [0, 0, 2, 3, -1]


def test_a_bridge_joins_all_that_it_meets_of_one_district():
    bridge = frame(shapely.LineString([(E + 50, N + 50), (E + 350, N + 50)]))
    assert pieces([0, 1, 0, 1], crossings=bridge) == [0, 1, 0, 1]


def test_a_bridge_that_meets_only_the_water_on_one_side_joins_nothing():
    river = frame(shapely.box(E + 100, N, E + 200, N + 100))
    short = frame(shapely.LineString([(E + 120, N + 50), (E + 250, N + 50)]))
    whole = frame(shapely.LineString([(E + 90, N + 50), (E + 210, N + 50)]))
    assert pieces([0, 0, 0], people=[1, 0, 1], water=river, crossings=short) == [0, -1, 2]
    assert pieces([0, 0, 0], people=[1, 0, 1], water=river, crossings=whole) == [0, -1, 0]


def test_the_first_piece_of_a_district_has_the_most_people_then_the_most_ground():
    shapes = row(5)
    shapes[4] = shapely.box(E + 400, N, E + 600, N + 100)
    of, piece = np.array([0, 1, 0, 1, 1]), np.array([0, 1, 2, 3, 4])
    table = piece_table(np.array(["A", "B"], dtype=object), of, piece, np.array([5, 7, 6, 7, 7]), shapes)
    assert table["district"].tolist() == ["A", "A", "B", "B", "B"]
    assert table["head"].tolist() == [2, 0, 4, 1, 3] and table["people"].tolist() == [6, 5, 7, 7, 7]


def test_blocks_with_a_hair_between_them_are_one_ground_and_a_corner_is_two():
    hair = np.array([shapely.box(E, N, E + 100, N + 100), shapely.box(E + 100.004, N, E + 200, N + 100)], dtype=object)
    corner = np.array([shapely.box(E, N, E + 100, N + 100), shapely.box(E + 100, N + 100, E + 200, N + 200)], dtype=object)
    assert len(shapely.get_parts(joined_ground(hair))) == 1 and len(shapely.get_parts(joined_ground(corner))) == 2
