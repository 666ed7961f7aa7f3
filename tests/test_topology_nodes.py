"""Line ends: dangles, undershoots, overshoots, pseudo-nodes and ends off their corners."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import LineString, Point, affinity

from citygis.topology.crossing import crossings, line_overlaps
from citygis.topology.nodes import ends_of, ends_off_corners, loose_ends, places, pseudo_nodes

FEET = "EPSG:6420"
STREET = LineString([(0, 0), (100, 0)])


def layer(*geometry, crs=FEET):
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(geometry), crs=crs))


def end_of(found, line, is_start):
    row = found[(found["line"] == line) & (found["is_start"] == is_start)]
    return (row["kind"].item(), row["other"].item(), row["distance_ft"].item()) if len(row) else None


def test_a_noded_block_has_no_loose_end():
    corner = [(0, 0), (60, 0), (60, 110), (0, 110), (0, 0)]
    assert loose_ends(layer(*(LineString(corner[k : k + 2]) for k in range(4)))).empty
    assert loose_ends(layer(LineString(corner))).empty  # a closed line ends at itself


@pytest.mark.parametrize(
    ("short", "kind"), [(0.0004, None), (0.0006, "undershoot"), (2.0, "undershoot"), (4.99, "undershoot"), (5.01, "dangle")]
)
def test_an_end_short_of_a_line_is_an_undershoot_within_reach(short, kind):
    found = end_of(loose_ends(layer(STREET, LineString([(50, short), (50, 80)])), reach_ft=5), 1, True)
    assert (found and found[0]) == kind
    if kind == "undershoot":
        assert found[1:] == (0, pytest.approx(short))


@pytest.mark.parametrize(
    ("past", "kind"), [(0.0004, None), (0.0006, "overshoot"), (3.0, "overshoot"), (4.99, "overshoot"), (5.01, "dangle")]
)
def test_an_end_past_a_line_is_an_overshoot_within_reach(past, kind):
    found = end_of(loose_ends(layer(STREET, LineString([(50, -past), (50, 80)])), reach_ft=5), 1, True)
    assert (found and found[0]) == kind
    if kind == "overshoot":
        assert found[1:] == (0, pytest.approx(past))


def test_the_length_past_a_line_runs_along_a_bent_end():
    bent = LineString([(51, -2), (50, -2), (50, 80)])
    assert end_of(loose_ends(layer(STREET, bent)), 1, True) == ("overshoot", 0, pytest.approx(3))


def test_a_stub_left_past_a_node_is_an_overshoot():
    halves = [LineString([(0, 0), (50, 0)]), LineString([(50, 0), (100, 0)])]
    lines = layer(*halves, LineString([(50, 80), (50, 0)]), LineString([(50, 0), (50, -3)]))
    assert end_of(loose_ends(lines), 3, False) == ("overshoot", 0, pytest.approx(3))


def test_a_line_that_passes_the_end_of_another_on_it_overshoots_that_one():
    side = LineString([(97, 0), (97, 80)])  # ends on the street, 3 ft before its end
    assert end_of(loose_ends(layer(STREET, side)), 0, False) == ("overshoot", 1, pytest.approx(3))
    assert end_of(loose_ends(layer(STREET, LineString([(50, 0), (50, 3)]))), 1, False) == ("overshoot", 0, pytest.approx(3))


def test_a_short_last_course_does_not_miss_the_one_it_goes_on_from():
    lines = layer(STREET, LineString([(100, 0), (103, 1)]))
    assert end_of(loose_ends(lines), 1, False)[0] == "dangle"


def test_rounded_ends_on_slanted_lines_are_not_loose():
    random = np.random.default_rng(4)
    street = affinity.rotate(STREET, 17.3, origin=(0, 0))
    sides = [LineString([street.interpolate(d), (d, 90)]) for d in random.uniform(1, 99, 100)]
    rounded = list(shapely.transform(np.array([street, *sides]), lambda c: np.round(c, 4)))
    found = loose_ends(layer(*rounded), reach_ft=0.05)
    assert not (found["is_start"] & (found["line"] > 0)).any()


def test_loose_ends_agree_with_brute_force():
    for seed in range(30):
        random = np.random.default_rng(seed)
        grid = random.integers(0, 12, (25, 2, 2)) * 2.0
        lines = [LineString(each) for each in grid if (each[0] != each[1]).any()]
        expected = {}
        for k, line in enumerate(lines):
            for is_start, place in ((True, Point(line.coords[0])), (False, Point(line.coords[-1]))):
                others = [(place.distance(o), j) for j, o in enumerate(lines) if j != k]
                if min(others)[0] <= 0.0005:
                    continue
                crossed = []
                for j, other in enumerate(lines):
                    meets = line.intersection(other) if j != k else Point()
                    crossed += [(place.distance(Point(c)), j) for c in shapely.get_coordinates(meets)]
                near = min([(round(d, 9), j) for d, j in crossed if d <= 1.5], default=None)
                short = min([(round(d, 9), j) for d, j in others if d <= 1.5], default=None)
                what = ("overshoot", near) if near else ("undershoot", short) if short else ("dangle", None)
                expected[k, is_start] = what
        found = loose_ends(layer(*lines), reach_ft=1.5)
        rows = zip(found["line"], found["is_start"], found["kind"], found["distance_ft"], strict=True)
        told = {(line, start): (kind, distance) for line, start, kind, distance in rows}
        assert told.keys() == expected.keys()
        for key, (kind, measure) in expected.items():
            assert told[key][0] == kind
            if measure:
                assert told[key][1] == pytest.approx(measure[0], abs=1e-6)


@pytest.mark.parametrize(("bend", "turn"), [((200, 0), 0), ((100, 50), 90), ((0, 0.001), 180)])
def test_two_lines_and_no_third_are_a_pseudo_node_with_its_turn(bend, turn):
    found = pseudo_nodes(layer(STREET, LineString([bend, (100, 0)])))
    assert found[["left", "right"]].values.tolist() == [[0, 1]]
    assert found["turn_deg"][0] == pytest.approx(turn, abs=0.01)
    assert found.geometry[0] == Point(100, 0)


def test_three_ends_a_passing_line_and_a_closed_line_are_no_pseudo_node():
    east, north, south = (LineString([(100, 0), to]) for to in [(200, 0), (100, 50), (100, -50)])
    assert pseudo_nodes(layer(STREET, east, north)).empty
    assert pseudo_nodes(layer(STREET, east, LineString([(100, -50), (100, 50)]))).empty
    assert pseudo_nodes(layer(LineString([(0, 0), (9, 0), (9, 9), (0, 0)]))).empty
    assert len(pseudo_nodes(layer(north, south))) == 1


@pytest.mark.parametrize(("apart", "expected"), [(0.0004, 1), (0.0006, 0)])
def test_ends_within_the_node_tolerance_are_one_node(apart, expected):
    assert len(pseudo_nodes(layer(STREET, LineString([(100 + apart, 0), (200, 0)])))) == expected


@pytest.mark.parametrize(("apart", "expected"), [(0.0, []), (0.0099, []), (0.0101, [0])])
def test_a_line_end_belongs_at_a_corner_within_the_tolerance(apart, expected):
    corners = layer(None, Point(0, apart), Point(100, 0), Point(100, 0))
    found = ends_off_corners(layer(STREET), corners, tolerance_ft=0.01)
    assert found["line"].tolist() == expected
    if expected:
        assert found["corner"].tolist() == [1] and found["distance_ft"].tolist() == pytest.approx([apart])
        assert found["is_start"].tolist() == [True]


def test_without_corners_every_end_is_off_and_the_first_of_equal_corners_is_named():
    found = ends_off_corners(layer(STREET), layer())
    assert found["corner"].tolist() == [-1, -1] and np.isinf(found["distance_ft"]).all()
    named = ends_off_corners(layer(STREET), layer(Point(0, 1), Point(0, 1), Point(100, -1), Point(100, 1)))
    assert named["corner"].tolist() == [0, 2]


def test_places_join_through_one_between_them():
    assert len(set(places(np.array([[0, 0], [0, 1], [0, 2], [0, 9], [0, 0]], float), 1.0))) == 2


def test_no_lines_give_no_rows():
    for function in (loose_ends, pseudo_nodes):
        assert function(layer()).empty and function(layer(None, Point(0, 0), LineString())).empty


def test_the_measures_of_a_network_are_the_same_from_its_ends_worked_out_once():
    for seed in range(10):
        grid = np.random.default_rng(seed).integers(0, 12, (25, 2, 2)) * 2.0
        lines = layer(*(LineString(each) for each in grid if (each[0] != each[1]).any()), None)
        ends = ends_of(lines)
        for measure in (loose_ends, pseudo_nodes, crossings, line_overlaps):
            pd.testing.assert_frame_equal(measure(ends), measure(lines))
            assert measure(ends).crs == lines.crs


def test_the_ends_keep_the_tolerance_they_were_made_with():
    lines = layer(STREET, LineString([(100.4, 0), (200, 0)]))
    assert len(pseudo_nodes(ends_of(lines, 0.5))) == 1 and pseudo_nodes(lines).empty
