"""Features made ready for paper."""

import itertools
from fractions import Fraction

import numpy as np
import pyproj
import pytest
import shapely

from citygis.sheets import prep
from citygis.sheets.frame import Frame

PAGE = (0.0, 0.0, 1000.0, 1000.0)


def signed_area(points):
    e, n = points[:, 0], points[:, 1]
    return 0.5 * float(np.sum(e * np.roll(n, -1) - np.roll(e, -1) * n))


def rings_of(rings):
    return np.split(rings.points, rings.starts[1:])


def length(lines):
    return float(shapely.length(lines).sum())


def test_the_edge_two_squares_share_is_drawn_once():
    squares = np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)])
    assert length(prep.edges(squares, PAGE)) == pytest.approx(70)  # 80 ft of edges less the shared ten


@pytest.mark.parametrize("across", [1, 3, 7])
def test_a_grid_of_squares_is_drawn_with_each_line_once(across):
    squares = np.array([shapely.box(10 * i, 10 * j, 10 * i + 10, 10 * j + 10) for i in range(across) for j in range(across)])
    assert length(prep.edges(squares, PAGE)) == pytest.approx(2 * (across + 1) * across * 10)


def test_edges_are_shared_whichever_way_round_and_wherever_a_ring_begins():
    square = shapely.box(0, 0, 10, 10)
    again = shapely.Polygon([(10, 10), (10, 0), (0, 0), (0, 10)])
    assert length(prep.edges(np.array([square, again]), PAGE)) == pytest.approx(40)


def test_pieces_of_one_street_can_be_drawn_without_the_edge_between_them():
    pieces = np.array([shapely.box(0, 0, 10, 10), shapely.box(10, 0, 20, 10)])
    assert length(prep.edges(pieces, PAGE, shared=False)) == pytest.approx(60)


def unnoded():
    """A long lot beside two short ones: where they meet, only the short ones have a vertex."""
    return np.array([shapely.box(0, 0, 10, 20), shapely.box(10, 0, 20, 10), shapely.box(10, 10, 20, 20)])


def test_an_edge_with_a_neighbours_vertex_on_it_is_drawn_once_when_noded():
    # 60 around the long one; of each short one 40, less the ten along the long one, less ten between the two once.
    assert length(prep.edges(unnoded(), PAGE, noded=True)) == pytest.approx(60 + 30 + 30 - 10)
    assert length(prep.edges(unnoded(), PAGE)) == pytest.approx(60 + 40 + 40 - 10)


def test_pieces_of_one_street_with_other_vertices_have_no_edge_between_them_either():
    assert length(prep.edges(unnoded(), PAGE, shared=False, noded=True)) == pytest.approx(80)


def test_a_vertex_near_an_edge_but_not_on_it_splits_nothing():
    apart = np.array([shapely.box(0, 0, 10, 20), shapely.box(10.05, 5, 20, 10)])
    assert length(prep.edges(apart, PAGE, noded=True)) == pytest.approx(60 + 2 * 9.95 + 10)


def test_noding_finds_what_an_overlay_finds():
    rng = np.random.default_rng(4)
    cuts = np.sort(rng.uniform(5, 295, (20, 6)), axis=1)
    lots = [shapely.box(a, 10 * i, b, 10 * i + 10) for i, row in enumerate(cuts) for a, b in itertools.pairwise([0, *row, 300])]
    lots = np.array([lot for lot in lots if lot.area > 1])
    whole = shapely.length(shapely.union_all(shapely.boundary(lots), grid_size=0.01))
    assert length(prep.edges(lots, PAGE, noded=True)) == pytest.approx(whole, rel=1e-3)
    assert length(prep.edges(lots, PAGE)) > 1.5 * whole


def test_every_part_of_a_polygon_of_many_parts_is_outlined():
    both = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 25, 10)])
    assert length(prep.edges(np.array([both]), PAGE)) == pytest.approx(70)


def test_edges_are_cut_to_the_box():
    assert length(prep.edges(np.array([shapely.box(-5, 10, 5, 20)]), PAGE)) == pytest.approx(20)


def test_no_polygons_have_no_edges():
    assert len(prep.edges(np.array([], dtype=object), PAGE)) == 0


def test_shells_turn_left_and_holes_turn_right():
    clockwise = shapely.Polygon([(0, 0), (0, 10), (10, 10), (10, 0)], [[(2, 2), (8, 2), (8, 8), (2, 8)]])
    shell, hole = rings_of(prep.areas(np.array([clockwise])))
    assert signed_area(shell) == pytest.approx(100)
    assert signed_area(hole) == pytest.approx(-36)


def test_lots_that_run_either_way_beside_some_with_holes_keep_their_areas():
    ring = shapely.box(0, 0, 30, 30).difference(shapely.box(5, 5, 10, 10)).difference(shapely.box(20, 20, 24, 29))
    shapes = [shapely.box(40, 0, 50, 20), shapely.box(60, 0, 70, 20).reverse(), ring, ring.reverse(), shapely.box(80, 0, 90, 20)]
    rings = prep.areas(np.array(shapes, dtype=object))
    # Holes count against their shells: what non-zero filling paints.
    areas = np.split([signed_area(each) for each in rings_of(rings)], rings.pieces[1:])
    assert [len(each) for each in areas] == [1, 1, 3, 3, 1]
    assert [each.sum() for each in areas] == pytest.approx([200, 200, 839, 839, 200])


def test_a_ring_is_written_without_its_closing_vertex():
    assert len(prep.areas(np.array([shapely.box(0, 0, 10, 10)])).points) == 4


def test_every_polygon_of_many_parts_is_filled():
    both = shapely.MultiPolygon([shapely.box(0, 0, 10, 10), shapely.box(20, 0, 25, 10)])
    assert sum(signed_area(ring) for ring in rings_of(prep.areas(np.array([both])))) == pytest.approx(150)


def test_points_are_rounded_to_a_hundredth_of_a_point():
    rings = prep.strokes(np.array([shapely.LineString([(0.123456, 0), (9.87654, 3)])]))
    assert np.allclose(rings.points * 100, np.rint(rings.points * 100), atol=1e-6)


def test_simplifying_moves_nothing_by_more_than_half_a_dot():
    turn = np.linspace(0, 2 * np.pi, 2000)
    circle = shapely.LineString(np.column_stack([100 * np.cos(turn), 100 * np.sin(turn)]))
    drawn = prep.strokes(np.array([circle]))
    assert len(drawn.points) < 200
    assert shapely.hausdorff_distance(shapely.LineString(drawn.points), circle) < 72 / 1200 + 0.01


def test_lines_that_meet_are_joined_so_that_dashes_run_on():
    lines = np.array([shapely.LineString([(0, 0), (5, 0)]), shapely.LineString([(5, 0), (9, 4)])])
    assert len(prep.strokes(lines, joined=True).starts) == 1
    assert len(prep.strokes(lines).starts) == 2


def test_chunks_hold_every_vertex_and_none_is_over_five_thousand():
    rng = np.random.default_rng(1)
    lines = shapely.linestrings(rng.uniform(0, 1000, (3000, 7, 2)))
    rings = prep.strokes(lines)
    chunks = list(prep.chunks(rings))
    assert max(len(points) for points, _ in chunks) <= prep.CHUNK
    assert len(chunks) > 1
    assert np.array_equal(np.concatenate([points for points, _ in chunks]), rings.points)
    assert sum(len(starts) for _, starts in chunks) == 3000
    assert all(starts[0] == 0 for _, starts in chunks)


def test_the_paths_of_a_shuffled_layer_lie_together():
    shapes = np.array([shapely.box(5 * i, 5 * j, 5 * i + 4, 5 * j + 4) for i in range(80) for j in range(80)])
    np.random.default_rng(2).shuffle(shapes)
    boxes = [points.max(axis=0) - points.min(axis=0) for points, _ in prep.chunks(prep.areas(shapes))]
    assert len(boxes) > 4
    # Each covers about its share of the page, not the page.
    assert sum(np.prod(box) for box in boxes) < 2.5 * 400 * 400


def test_invalid_shapes_are_found_and_mended_to_the_same_area():
    bow_tie = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    shapes = np.array([bow_tie, shapely.box(0, 0, 1, 1), None], dtype=object)
    bad = prep.invalid(shapes)
    mended = prep.sound(shapes, bad)
    assert bad.tolist() == [True, False, False]
    assert mended[0].area == pytest.approx(50)
    assert mended[1] is shapes[1] and mended[2] is None


def test_heights_are_left_behind():
    frame = Frame(pyproj.CRS("EPSG:6420"), Fraction(100), 0.0, 0.0, 0.0, 0.0, 144.0, 144.0)
    placed = prep.on_page(np.array([shapely.Point(50, 0, 9)]), frame)
    assert not shapely.has_z(placed[0])
    assert shapely.get_coordinates(placed)[0] == pytest.approx((72 + 36, 72))


def test_a_very_long_line_is_cut_where_its_pieces_share_a_vertex():
    zigzag = shapely.LineString(np.column_stack([np.arange(12_001) / 10, np.tile([0, 5], 6001)[:12_001]]))
    rings = prep.strokes(np.array([zigzag]))
    pieces = rings_of(rings)
    assert max(map(len, pieces)) <= prep.CHUNK
    assert all(np.array_equal(a[-1], b[0]) for a, b in itertools.pairwise(pieces))
    assert sum(map(len, pieces)) - (len(pieces) - 1) == 12_001


def test_a_polygon_and_its_holes_stay_in_one_chunk():
    holed = [
        shapely.box(20 * i, 0, 20 * i + 18, 18).difference(shapely.Point(20 * i + 9, 9).buffer(5, quad_segs=20))
        for i in range(1000)
    ]
    rings = prep.areas(np.array(holed))
    assert len(list(prep.chunks(rings))) > 1
    for points, starts in prep.chunks(rings):
        areas = [signed_area(ring) for ring in np.split(points, starts[1:])]
        assert areas[0] > 0
        assert sum(area > 0 for area in areas) == sum(area < 0 for area in areas)


def test_what_lies_inside_is_not_touched_and_what_lies_outside_is_gone():
    inside, outside = shapely.Point(5, 5).buffer(2), shapely.box(2000, 0, 2010, 10)
    kept, gone = prep.clipped(np.array([inside, outside]), PAGE)
    assert kept is inside
    assert gone.is_empty
