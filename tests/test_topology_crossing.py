"""Crossings without a node, and lines that run over each other or over themselves."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import LineString, affinity

from citygis.topology.crossing import crossings, line_overlaps

FEET = "EPSG:6420"
STREET = LineString([(0, 0), (100, 0)])


def layer(*geometry, crs=FEET):
    return gpd.GeoDataFrame(geometry=gpd.GeoSeries(list(geometry), crs=crs))


def told(found):
    places = shapely.get_coordinates(found.geometry).round(3).tolist()
    return [(a, b, kind, *place) for a, b, kind, place in zip(found["left"], found["right"], found["kind"], places, strict=True)]


def test_lines_split_at_their_node_do_not_cross():
    arms = [LineString([(50, 0), to]) for to in [(0, 0), (100, 0), (50, 80), (50, -80)]]
    assert crossings(layer(*arms)).empty


@pytest.mark.parametrize("bend", [[], [(50, 0)]])
def test_a_crossing_is_one_place_with_or_without_a_vertex_there(bend):
    other = LineString([(50, -80), *bend, (50, 80)])
    assert told(crossings(layer(STREET, other))) == [(0, 1, "crossing", 50, 0)]
    noded = LineString([(0, 0), *bend, (100, 0)])
    assert told(crossings(layer(noded, other))) == [(0, 1, "crossing", 50, 0)]


@pytest.mark.parametrize(("past", "kind"), [(-0.0006, []), (-0.0004, ["touch"]), (0.0004, ["touch"]), (0.0006, ["crossing"])])
def test_an_end_on_the_middle_of_a_line_is_a_touch_within_the_tolerance(past, kind):
    assert crossings(layer(STREET, LineString([(50, -past), (50, 80)])))["kind"].tolist() == kind


def test_a_line_that_meets_itself_is_told_once_and_a_closed_one_is_not():
    eight = LineString([(0, 0), (10, 10), (10, 0), (0, 10)])
    six = LineString([(5, 0), (5, 10), (10, 10), (10, 5), (5, 5)])
    closed = LineString([(20, 0), (30, 0), (30, 10), (20, 0)])
    assert told(crossings(layer(eight))) == [(0, 0, "crossing", 5, 5)]
    assert told(crossings(layer(six))) == [(0, 0, "touch", 5, 5)]
    assert crossings(layer(closed)).empty


def test_crossings_agree_with_brute_force():
    for seed in range(40):
        random = np.random.default_rng(seed)
        lines = [LineString(each) for each in random.integers(0, 10, (14, 2, 2)) if (each[0] != each[1]).any()]
        expected = []
        for i in range(len(lines)):
            for j in range(i + 1, len(lines)):
                meets = lines[i].intersection(lines[j])
                if lines[i].intersection(lines[j]).length or meets.is_empty:
                    continue
                ended = [meets.distance(shapely.boundary(lines[k])) < 1e-6 for k in (i, j)]
                if not all(ended):
                    expected.append((i, j, "touch" if any(ended) else "crossing", meets.x, meets.y))
        found = [each for each in told(crossings(layer(*lines))) if not lines[each[0]].intersection(lines[each[1]]).length]
        found, expected = sorted(found), sorted(expected)
        assert [each[:3] for each in found] == [each[:3] for each in expected]
        assert np.array([each[3:] for each in found]) == pytest.approx(np.array([each[3:] for each in expected]), abs=0.001)


def test_lines_that_share_a_stretch_are_told_with_its_length():
    found = line_overlaps(layer(STREET, LineString([(60, 0), (140, 0)]), LineString([(100, 0), (60, 0), (60, 9)])))
    assert found[["left", "right"]].values.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert found["length_ft"].tolist() == pytest.approx([40, 40, 40], abs=0.002)


@pytest.mark.parametrize(("apart", "expected"), [(0.0099, 1), (0.0101, 0)])
def test_the_tolerance_is_how_near_they_run(apart, expected):
    assert len(line_overlaps(layer(STREET, affinity.translate(STREET, 0, apart)), tolerance_ft=0.01)) == expected


@pytest.mark.parametrize(("shared", "expected"), [(0.09, 0), (0.11, 1)])
def test_less_than_the_least_length_is_not_told(shared, expected):
    assert len(line_overlaps(layer(STREET, LineString([(100 - shared, 0), (150, 0)])), min_length_ft=0.1)) == expected


def test_a_fold_on_rounded_coordinates_is_found_where_an_exact_test_sees_none():
    fold = affinity.rotate(LineString([(0, 0), (80, 0), (30, 0)]), 17.3, origin=(0, 0))
    fold = shapely.transform(fold, lambda c: np.round(c, 4))
    assert fold.is_simple  # what an exact test says of a line that runs 50 ft back over itself
    found = line_overlaps(layer(fold))
    assert found[["left", "right"]].values.tolist() == [[0, 0]]
    assert found["length_ft"][0] == pytest.approx(100, abs=0.02)  # 50 there and 50 back


def test_crossing_meeting_and_going_on_are_no_overlap():
    bent = LineString([(100, 0), (200, 0), (200, 50)])
    arc = LineString([(300 + 20 * np.cos(a), 20 * np.sin(a)) for a in np.linspace(0, 3, 400)])
    assert line_overlaps(layer(STREET, bent, LineString([(50, -9), (50, 9)]), LineString([(0, -1), (100, 1)]), arc)).empty


def test_overlap_lengths_agree_with_brute_force():
    for seed in range(30):
        random = np.random.default_rng(seed)
        lines = []
        for _ in range(12):
            place = random.integers(0, 6, 2) * 1.0
            steps = random.choice([-2, -1, 0, 1, 2], (3, 2)) * np.eye(2, dtype=int)[random.integers(0, 2, 3)]
            line = LineString(np.vstack([place, place + np.cumsum(steps, axis=0)]))
            if line.is_simple and line.length:
                lines.append(line)
        expected = {}
        for i in range(len(lines)):
            for j in range(i + 1, len(lines)):
                length = lines[i].intersection(lines[j]).length
                if length:
                    expected[i, j] = length
        found = line_overlaps(layer(*lines))
        got = dict(zip(zip(found["left"], found["right"], strict=True), found["length_ft"], strict=True))
        assert got.keys() == expected.keys()
        assert [got[k] for k in sorted(got)] == pytest.approx([expected[k] for k in sorted(got)], abs=0.01)


def test_no_lines_give_no_rows():
    for function in (crossings, line_overlaps):
        assert function(layer()).empty and function(layer(None, LineString())).empty
