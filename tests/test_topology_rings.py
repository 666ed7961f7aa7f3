"""What single rings say: by hand, and against a walk around every ring in plain Python."""

import math
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import box
from test_topology_corners import FEET, layer

from citygis.errors import CRSError
from citygis.topology import backward_rings, repeated_vertices, short_edges, spikes


def rows(frame, *columns) -> list[tuple]:
    return list(zip(*(frame[column].tolist() for column in columns), strict=True))


def polygon(*corners):
    return shapely.Polygon(corners)


def rings_of(shape):
    """Every ring with its number in the feature, shell before its holes, part after part."""
    rings = []
    for part in shapely.get_parts(shape):
        rings += [(part.exterior, False)] + [(hole, True) for hole in part.interiors]
    return list(enumerate(rings))


LOT = box(0, 0, 60, 110)


def test_a_sound_fabric_gives_nothing():
    for seed in range(10):
        frame = layer(*shapely.orient_polygons(fabric(np.random.default_rng(seed))))
        for measure in (repeated_vertices, short_edges, spikes, backward_rings):
            assert measure(frame).empty


@pytest.mark.parametrize(("apart", "repeated", "short"), [(0, 1, 0), (0.0001, 1, 0), (0.0002, 0, 1), (0.0199, 0, 1), (0.02, 0, 0)])
def test_a_vertex_is_repeated_or_its_edge_is_short_or_neither(apart, repeated, short):
    frame = layer(LOT, polygon((0, 0), (60, 0), (60, apart), (60, 110), (0, 110)))
    found = repeated_vertices(frame)
    assert rows(found, "feature", "path", "vertex") == [(1, 0, 2)] * repeated
    assert found["distance_ft"].tolist() == pytest.approx([apart] * repeated, abs=1e-8)
    found = short_edges(frame, tolerance_ft=0.02)
    assert rows(found, "feature", "path", "vertex") == [(1, 0, 1)] * short
    assert found["length_ft"].tolist() == pytest.approx([apart] * short, abs=1e-8)


def test_the_vertex_that_closes_a_ring_is_not_repeated_and_a_repetition_there_is():
    assert repeated_vertices(layer(LOT)).empty
    assert rows(repeated_vertices(layer(polygon((0, 0), (9, 0), (9, 9), (0, 0), (0, 0)))), "vertex") == [(4,)]


def test_rings_are_counted_part_after_part():
    holed = shapely.Polygon(box(0, 0, 100, 100).exterior, [[(40, 40), (40, 60), (60, 60), (60, 60.01), (60, 40)]])
    shape = shapely.GeometryCollection([shapely.MultiPolygon([LOT, holed]), shapely.LineString([(0, 0), (0, 0.01), (5, 5)])])
    assert rows(short_edges(layer(None, shape)), "feature", "path", "vertex") == [(1, 2, 2), (1, 3, 0)]


def test_a_spike_that_runs_out_and_back_has_no_width():
    found = spikes(layer(polygon((0, 0), (60, 0), (60, 110), (60, 113), (60, 110), (0, 110))))
    assert rows(found, "feature", "path", "vertex") == [(0, 0, 3)]
    assert rows(found, "angle_deg", "height_ft", "base_ft")[0] == pytest.approx((0, 3, 0), abs=1e-8)


@pytest.mark.parametrize(("angle", "expected"), [(0.49, 1), (0.51, 0)])
@pytest.mark.parametrize("start", range(3))
def test_the_tolerance_is_the_angle_between_the_sides(angle, expected, start):
    width = 2 * 30 * math.tan(math.radians(angle / 2))
    ring = [(0, 0), (0, width), (-30, width / 2)]  # an isosceles needle 30 ft high
    ring = ring[start:] + ring[:start]
    found = spikes(layer(polygon(*ring)), angle_deg=0.5)
    assert len(found) == expected
    if expected:
        assert found["angle_deg"][0] == pytest.approx(angle, rel=1e-4)
        assert found["height_ft"][0] == pytest.approx(math.hypot(30, width / 2))
        assert found["base_ft"][0] == pytest.approx(width, rel=1e-4)
        assert found["vertex"][0] == ring.index((-30, width / 2))


@pytest.mark.parametrize(("tip", "expected"), [(0.0, 1), (0.01, 1), (0.02, 1), (0.03, 0)])
def test_a_spike_may_end_in_two_vertices(tip, expected):
    ring = [(0, 0), (60, 0), (60, 110), (60, 113), (60, 113), (60 - tip, 113), (60 - tip, 110), (0, 110)]
    found = spikes(layer(polygon(*ring)))
    assert rows(found, "feature", "vertex") == [(0, 3)] * expected
    assert found["height_ft"].tolist() == pytest.approx([3] * expected)


def test_a_cut_into_a_lot_and_a_line_that_turns_back_are_spikes():
    cut = polygon((0, 0), (60, 0), (60, 50), (20, 50.01), (60, 50.02), (60, 110), (0, 110))
    back = shapely.LineString([(0, 0), (10, 0), (5, 0), (5, 5)])
    assert rows(spikes(layer(cut, back)), "feature", "vertex") == [(0, 3), (1, 1)]


def test_a_square_corner_with_a_tiny_chamfer_is_no_spike():
    assert spikes(layer(polygon((0, 0), (60, 0), (60, 109.99), (59.99, 110), (0, 110)))).empty


def test_rings_that_run_the_wrong_way_are_told_and_shells_may_be_held_to_either():
    good = shapely.Polygon([(0, 0), (9, 0), (9, 9), (0, 9)], [[(2, 2), (2, 4), (4, 4), (4, 2)]])
    shell_back = shapely.Polygon(good.exterior.coords[::-1], [good.interiors[0].coords])
    hole_back = shapely.Polygon(good.exterior.coords, [good.interiors[0].coords[::-1]])
    frame = layer(good, shell_back, None, hole_back)
    found = backward_rings(frame)
    assert rows(found, "feature", "path", "is_hole") == [(1, 0, False), (3, 1, True)]
    assert found["area_sqft"].tolist() == pytest.approx([81, 4])
    assert list(found.geometry[0].coords) == list(frame.geometry[1].exterior.coords)
    assert len(backward_rings(frame, shells="clockwise")) == 4


@pytest.mark.filterwarnings("ignore:invalid value encountered")  # shapely, where a test makes a NaN
def test_nothing_is_said_of_what_has_no_definite_rings():
    not_a_number = polygon((0, 0), (0, 0), (50, np.nan), (50, 0), (0, 0))
    collapsed = polygon((0, 0), (9, 9), (0, 0))
    frame = layer(None, shapely.Polygon(), shapely.Point(1, 1), not_a_number)
    for measure in (repeated_vertices, short_edges, spikes, backward_rings):
        assert measure(frame).empty
        assert measure(layer()).empty
    assert backward_rings(layer(collapsed)).empty


def test_elevations_do_not_matter():
    raised = shapely.LineString([(0, 0, 1), (0, 0, 9), (5, 5, 9)])
    assert rows(repeated_vertices(layer(raised)), "vertex") == [(1,)]


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="Invalid shells 'left'"):
        backward_rings(layer(LOT), shells="left")
    with pytest.raises(ValueError, match="Invalid angle_deg '90'"):
        spikes(layer(LOT), angle_deg=90)
    for measure in (repeated_vertices, short_edges, spikes):
        with pytest.raises(CRSError):
            measure(layer(LOT, crs="EPSG:4326"))


def test_more_features_than_are_taken_at_a_time_keep_their_positions(monkeypatch):
    monkeypatch.setattr("citygis.topology.paths.CHUNK", 2)
    bad = polygon((0, 0), (60, 0), (60, 0.01), (60, 110), (0, 110))
    assert rows(short_edges(layer(LOT, bad, None, LOT, bad)), "feature", "vertex") == [(1, 1), (4, 1)]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_a_walk_around_every_ring_says_the_same(family):
    told = np.zeros(4, dtype=int)
    for seed in range(10):
        random = np.random.default_rng(seed)
        shapes = [p for p in family(random, fabric(random)) if p.area]
        for k in random.integers(0, len(shapes), 6):
            if shapes[k].geom_type == "Polygon" and not shapes[k].interiors:
                ring = list(map(tuple, shapely.get_coordinates(shapes[k])))[:-1]
                i = int(random.integers(len(ring)))
                near = tuple(np.array(ring[i]) + random.normal(0, 1, 2) * random.choice([0, 0.01, 0.05]))
                far = tuple(np.array(ring[i]) + random.normal(0, 20, 2))
                ring[i : i + 1] = [ring[i], near] if random.random() < 0.5 else [ring[i], far, near]
                shapes[k] = shapely.Polygon(ring if random.random() < 0.5 else ring[::-1])
        frame = layer(*shapes)
        frame.geometry = gpd.GeoSeries(shapely.transform(frame.geometry.array, lambda c: np.round(c, 4)), crs=FEET)
        repeated, short, sharp, backward = [], [], [], []
        for feature, shape in enumerate(frame.geometry):
            for path, (ring, is_hole) in rings_of(shape):
                # A ring that crosses itself runs both ways: only sound ones are compared.
                if ring.is_simple and ring.is_ccw == is_hole:
                    backward.append((feature, path))
                corners = list(ring.coords)
                for k, (a, b) in enumerate(pairwise(corners)):
                    length = math.dist(a, b)
                    if length < 0.00015:
                        repeated.append((feature, path, k + 1))
                    elif length < 0.02 - 0.00005:
                        short.append((feature, path, k))
                kept = [k for k in range(len(corners) - 1) if k == 0 or math.dist(corners[k], corners[k - 1]) > 0.00015]
                if math.dist(corners[kept[-1]], corners[0]) <= 0.00015 and len(kept) > 1:
                    kept.pop()
                for k in range(len(kept)):
                    a, t, b, c = (complex(*corners[kept[(k + step) % len(kept)]]) for step in (-1, 0, 1, 2))
                    for tip, end in ((t, b), (b, c)) if abs(b - t) <= 0.02005 and len(kept) >= 4 else ((t, b),):
                        angle = abs(math.degrees(np.angle((a - t) / (end - tip))))
                        if angle <= 0.5 and min(abs(a - t), abs(end - tip)) > 0.02005:
                            sharp.append((feature, path, kept[k]))
        assert rows(repeated_vertices(frame), "feature", "path", "vertex") == repeated
        assert rows(short_edges(frame), "feature", "path", "vertex") == short
        assert rows(spikes(frame), "feature", "path", "vertex") == sharp
        simple = {(i, k) for i, shape in enumerate(frame.geometry) for k, (ring, _) in rings_of(shape) if ring.is_simple}
        assert [row for row in rows(backward_rings(frame), "feature", "path") if row in simple] == backward
        told += [len(repeated), len(short), len(sharp), len(backward)]
    assert (told > 0).all(), told
