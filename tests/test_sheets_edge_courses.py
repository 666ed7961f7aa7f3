"""Courses found in outlines: each edge once, runs made straight, arcs told from bends."""

import math

import numpy as np
import pytest
import shapely

from citygis.cogo import arc_vertices, corners, curve_course, line_course, polygon, solve_curve
from citygis.sheets.edge_courses import ARC_FT, STRAIGHT_FT, arc_of, edge_courses

NONE = np.array([], dtype=object)


def lengths(*polygons, stated=NONE):
    found = edge_courses(np.array(polygons, dtype=object), np.asarray(stated, dtype=object))
    return sorted(round(float(length), 3) for length in shapely.length(found.shapes))


def test_two_lots_have_seven_courses_and_the_one_they_share_is_no_boundary():
    found = edge_courses(np.array([shapely.box(0, 0, 60, 100), shapely.box(60, 0, 120, 100)]), NONE)
    assert sorted(shapely.length(found.shapes)) == [60, 60, 60, 60, 100, 100, 100]
    inner = found.shapes[~found.is_boundary]
    assert [shape.wkt for shape in inner] == ["LINESTRING (60 0, 60 100)"]


def test_vertices_on_a_straight_course_do_not_cut_it():
    lot = shapely.segmentize(shapely.box(0, 0, 60, 100), 7)
    assert lengths(lot) == [60, 60, 100, 100]


def test_a_vertex_that_stands_off_by_more_than_the_tolerance_makes_two_courses_and_by_less_one():
    def lot(off):
        return shapely.Polygon([(0, 0), (50, -off), (100, 0), (100, 80), (0, 80)])

    assert len(lengths(lot(STRAIGHT_FT * 0.9))) == 4
    assert len(lengths(lot(STRAIGHT_FT * 1.1))) == 5


def test_lots_that_meet_along_a_course_divide_it():
    deep = shapely.Polygon([(0, 0), (120, 0), (120, -50), (0, -50)])
    deep_with_node = shapely.Polygon([(0, 0), (60, 0), (120, 0), (120, -50), (0, -50)])
    lots = [shapely.box(0, 0, 60, 100), shapely.box(60, 0, 120, 100)]
    assert lengths(*lots, deep_with_node).count(60.0) == 4
    assert 120.0 in lengths(*lots, deep)


def test_what_a_stated_line_follows_is_left_out_as_far_as_it_goes():
    lot = shapely.box(0, 0, 60, 100)
    assert lengths(lot, stated=[shapely.LineString([(-5, 0.04), (70, 0.04)])]) == [60, 100, 100]
    assert lengths(lot, stated=[shapely.LineString([(-5, 0.06), (70, 0.06)])]) == [60, 60, 100, 100]
    assert lengths(lot, stated=[shapely.LineString([(0, 0), (40, 0)])]) == [60, 60, 100, 100]


def test_lines_run_north_or_due_east():
    found = edge_courses(np.array([shapely.box(0, 0, 60, 100, ccw=False)]), NONE)
    steps = np.diff(np.array([shape.coords for shape in found.shapes]), axis=1)[:, 0]
    assert sorted(map(tuple, steps)) == [(0, 100), (0, 100), (60, 0), (60, 0)]


@pytest.mark.parametrize("begin", range(0, 40, 7))
def test_a_curb_return_is_one_arc_wherever_its_outline_begins(begin):
    arc = arc_vertices((100, 80), (80, 100), 90, "L")
    ring = np.array([(0, 0), (100, 0), *arc, (0, 100)])
    found = edge_courses(np.array([shapely.Polygon(np.roll(ring, begin % len(ring), axis=0))]), NONE)
    curved = np.isfinite(found.radius_ft)
    assert curved.sum() == 1
    assert found.radius_ft[curved][0] == pytest.approx(20, abs=1e-6)
    assert found.delta_deg[curved][0] == pytest.approx(90, abs=1e-6)
    assert sorted(shapely.length(found.shapes[~curved])) == pytest.approx([80, 80, 100, 100])


def test_compound_and_reverse_arcs_are_kept_apart():
    courses = [
        line_course(0.0, 100.0),
        curve_course(solve_curve(radius_ft=60, delta_deg=50), "R", azimuth_deg=25.0),
        curve_course(solve_curve(radius_ft=150, delta_deg=20), "R", azimuth_deg=60.0),
        curve_course(solve_curve(radius_ft=40, delta_deg=35), "L", azimuth_deg=52.5),
    ]
    end = corners(courses)[-1]
    courses += [line_course(180.0, float(end[1])), line_course(270.0, float(end[0]))]
    found = edge_courses(np.array([polygon(courses)]), NONE)
    curved = np.isfinite(found.radius_ft)
    assert sorted(found.radius_ft[curved]) == pytest.approx([40, 60, 150], abs=0.05)
    assert sorted(found.delta_deg[curved]) == pytest.approx([20, 35, 50], abs=0.05)
    assert sorted(shapely.length(found.shapes[~curved])) == pytest.approx(sorted([100.0, *map(float, end)]), abs=1e-6)


def test_a_round_island_is_one_arc_however_its_ring_begins():
    island = shapely.Point(0, 0).buffer(50, quad_segs=16)
    turned = shapely.Polygon(np.roll(shapely.get_coordinates(island)[:-1], 11, axis=0))
    one, other = (edge_courses(np.array([shape]), NONE) for shape in (island, turned))
    assert [shape.wkt for shape in one.shapes] == [shape.wkt for shape in other.shapes]
    assert shapely.length(one.shapes).sum() == pytest.approx(island.length)


def test_the_order_of_the_lots_changes_nothing():
    rng = np.random.default_rng(5)
    lots = np.array([shapely.box(60 * i, 100 * j, 60 * i + 60, 100 * j + 100) for i in range(5) for j in range(3)])
    first, second = (edge_courses(some, NONE) for some in (lots, lots[rng.permutation(len(lots))]))
    assert len(first.shapes) == 5 * 4 + 6 * 3
    assert sorted(s.wkt for s in first.shapes) == sorted(s.wkt for s in second.shapes)


def test_nothing_and_holes_and_parts_are_borne():
    assert len(edge_courses(np.array([None], dtype=object), NONE).shapes) == 0
    ring = shapely.Polygon([(0, 0), (100, 0), (100, 100), (0, 100)], [[(40, 40), (40, 60), (60, 60), (60, 40)]])
    assert lengths(ring, shapely.box(40, 40, 60, 60)) == [20, 20, 20, 20, 100, 100, 100, 100]
    assert len(lengths(shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10)]))) == 8


def test_vertices_are_an_arc_within_the_tolerance_only():
    angle = np.radians(np.linspace(0, 60, 9))
    on = np.column_stack([100 * np.cos(angle), 100 * np.sin(angle)])
    assert arc_of(on).radius_ft == pytest.approx(100)
    assert arc_of(on).hand == "L"
    for off, there in ((ARC_FT * 0.9, True), (ARC_FT * 1.1, False)):
        moved = on.copy()
        moved[2] *= 1 + off / 100
        assert (arc_of(moved) is not None) == there
    assert arc_of(np.array([(0, 0), (10, 0), (20, 0)])) is None
    assert arc_of(np.array([(0, 0), (10, 0)])) is None
    assert math.isclose(arc_of(on[::-1]).delta_deg, 60)
