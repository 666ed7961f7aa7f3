"""Ground cut by lines: the same corners on both sides, and nothing lost."""

import numpy as np
import pytest
import shapely
from office_city import ground, line

from citygis.operations.cutting import cut, cut_to, reading_order, united, with_vertices

LOT = ground(0, 0, 60, 100)


def vertices(shape):
    return set(map(tuple, shapely.get_coordinates(shape).tolist()))


def test_two_halves_of_a_lot_are_half_of_it_each_and_share_two_corners():
    faces = cut(LOT, [line((-5, 50), (65, 50))])
    assert [face.area for face in faces] == pytest.approx([3000, 3000])
    assert len(vertices(faces[0]) & vertices(faces[1])) == 2
    assert vertices(LOT) <= vertices(faces[0]) | vertices(faces[1])


def test_faces_go_from_west_to_east_or_from_north_to_south():
    assert cut(LOT, [line((20, -1), (20, 101))])[0].centroid.x < LOT.centroid.x
    assert cut(LOT, [line((-1, 20), (61, 20))])[0].centroid.y > LOT.centroid.y
    assert reading_order([ground(10, 0, 20, 10), ground(0, 0, 10, 10)]).tolist() == [1, 0]


def test_an_end_a_hundredth_from_a_corner_is_the_corner_and_one_farther_off_is_not():
    near = cut(LOT, [line((0.01, -0.01), (60, 100))])
    assert vertices(near[0]) | vertices(near[1]) == vertices(LOT)
    far = cut(LOT, [line((0.0, 0.03), (60, 100))])
    assert len(vertices(far[0]) | vertices(far[1])) == len(vertices(LOT)) + 1


def test_a_line_that_stops_inside_is_refused_with_what_it_lacks():
    with pytest.raises(ValueError, match=r"stops 20\.00 ft short"):
        cut(LOT, [line((-5, 50), (40, 50))])


def test_a_line_through_two_corners_adds_no_vertex():
    faces = cut(LOT, [line((0, 0), (60, 100))])
    assert vertices(faces[0]) | vertices(faces[1]) == vertices(LOT)


def test_lines_that_cross_each_other_make_four():
    faces = cut(LOT, [line((-5, 50), (65, 50)), line((30, -5), (30, 105))])
    assert [face.area for face in faces] == pytest.approx([1500] * 4)
    shared = set.intersection(*map(vertices, faces))
    assert len(shared) == 1


def test_a_line_that_ends_on_another_makes_three():
    faces = cut(LOT, [line((-5, 50), (65, 50)), line((30, 50), (30, 105))])
    assert sorted(face.area for face in faces) == pytest.approx([1500, 1500, 3000])
    assert shapely.coverage_is_valid(np.array(faces))


def test_a_line_along_the_outline_divides_nothing():
    assert len(cut(LOT, [line((0, 0), (60, 0))])) == 1


def test_a_hole_stays_a_hole():
    holed = shapely.Polygon(LOT.exterior, [shapely.get_coordinates(ground(20, 40, 40, 60))])
    faces = cut(holed, [line((-5, 50), (65, 50))])
    assert [face.area for face in faces] == pytest.approx([2800, 2800])


def test_a_line_from_the_outline_to_a_hole_is_refused():
    holed = shapely.Polygon(LOT.exterior, [shapely.get_coordinates(ground(20, 40, 40, 60))])
    with pytest.raises(ValueError, match="hole"):
        cut(holed, [line((-5, 50), (20, 50))])


def test_pieces_take_the_outline_of_the_parcel_where_they_differ_by_a_hundredth():
    pieces = [ground(0.01, 0, 60, 50.005), ground(0, 49.995, 60, 100.01)]
    south, north = cut_to(LOT, pieces)
    assert south.area + north.area == pytest.approx(6000, abs=1e-6)
    assert vertices(LOT) <= vertices(south) | vertices(north)


def test_pieces_that_leave_ground_or_reach_beyond_it_are_refused():
    with pytest.raises(ValueError, match=r"leave 600\.00 sq ft"):
        cut_to(LOT, [ground(0, 0, 60, 50), ground(0, 60, 60, 100)])
    with pytest.raises(ValueError, match="reach beyond"):
        cut_to(LOT, [ground(0, 0, 60, 50), ground(0, 50, 70, 100)])
    with pytest.raises(ValueError, match="same ground"):
        cut_to(LOT, [ground(0, 0, 60, 60), ground(0, 0, 60, 100)])


def test_polygons_are_joined_over_a_corner_that_one_of_them_lacks():
    whole = united([ground(0, 0, 60, 50), ground(0, 50, 30, 100), ground(30, 50, 60, 100)])
    assert whole.area == 6000 and whole.geom_type == "Polygon" and not len(whole.interiors)


def test_polygons_that_overlap_are_not_joined():
    with pytest.raises(ValueError, match="overlap"):
        united([ground(0, 0, 60, 51), ground(0, 50, 60, 100)])


def test_a_vertex_is_added_within_the_tolerance_only_and_bit_for_bit():
    place = np.array([[LOT.bounds[0] + 0.0005, LOT.bounds[1] + 33.3]])
    assert tuple(place[0]) in vertices(with_vertices(LOT, place))
    assert with_vertices(LOT, place + [[0.001, 0]]) is LOT
    assert with_vertices(LOT, shapely.get_coordinates(LOT)) is LOT


def test_rings_run_as_those_of_the_parcel():
    for lot in (LOT, LOT.reverse()):
        for face in cut(lot, [line((-5, 50), (65, 50))]):
            assert shapely.is_ccw(face.exterior) == shapely.is_ccw(lot.exterior)
