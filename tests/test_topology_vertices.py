"""T-junctions drawn on one side only: by hand, and against every corner compared with every edge."""

from itertools import pairwise

import geopandas as gpd
import numpy as np
import pytest
import shapely
from fabrics import FAMILIES, fabric
from shapely import box
from test_topology_corners import FEET, N0, corner_sets, layer

from citygis.errors import CRSError
from citygis.topology import misaligned_corners, missing_vertices


def told(frame) -> list[tuple[int, int]]:
    return list(zip(frame["feature"], frame["other"], strict=True))


BLOCK = box(0, 110, 120, 220)
LOTS = (box(0, 0, 60, 110), box(60, 0, 120, 110))


def by_brute_force(polygons, tolerance_ft, corner_ft, same_ft=0.00055) -> dict:
    """Feature and place of each missing vertex, and the westernmost feature that has it."""
    sets, found = corner_sets(polygons), {}
    for q, polygon in enumerate(polygons):
        for p in sorted(range(len(sets)), key=lambda p: polygons[p].bounds):
            if p == q:
                continue
            for corner in sets[p]:
                to_q = np.hypot(*(sets[q] - corner).T)
                if to_q.min() <= same_ft or (tuple(corner.tolist()), q) in found:
                    continue
                beside = False
                for part in shapely.get_rings(shapely.get_parts(polygon)):
                    ring = np.round(shapely.get_coordinates(part), 4)
                    for a, b in pairwise(ring):
                        length2 = ((b - a) ** 2).sum()
                        t = ((corner - a) @ (b - a)) / length2 if length2 else -1
                        beside |= 0 < t < 1 and np.hypot(*(a + t * (b - a) - corner)) <= tolerance_ft
                if not beside:
                    continue
                close = sets[q][to_q <= corner_ft]
                if any(np.hypot(*(sets[p] - c).T).min() > same_ft for c in close):
                    continue  # misaligned with a corner of q
                found[tuple(corner.tolist()), q] = p
    return found


def test_a_corner_on_the_line_of_a_neighbour_that_lacks_it_is_found():
    found = missing_vertices(layer(*LOTS, BLOCK))
    assert told(found) == [(2, 0)]
    assert found["uses"].tolist() == [2]
    assert found["off_ft"].tolist() == pytest.approx([0], abs=1e-9)
    assert found.geometry[0].equals(layer(shapely.Point(60, 110)).geometry[0])
    assert found.crs == FEET


def test_a_junction_that_both_sides_have_is_not():
    noded = shapely.Polygon([(0, 110), (60, 110), (120, 110), (120, 220), (0, 220)])
    assert missing_vertices(layer(*LOTS, noded)).empty


@pytest.mark.parametrize(("off", "expected"), [(0, 1), (0.0099, 1), (0.0100, 1), (0.0102, 0)])
@pytest.mark.parametrize("side", [-1, 1])
def test_the_tolerance_is_how_far_the_corner_lies_from_the_edge(off, expected, side):
    top = 110 + side * off
    lots = (shapely.Polygon([(0, 0), (60, 0), (60, top), (0, 110)]), shapely.Polygon([(60, 0), (120, 0), (120, 110), (60, top)]))
    found = missing_vertices(layer(*lots, BLOCK), tolerance_ft=0.01)
    assert len(found) == expected
    assert found["off_ft"].tolist() == pytest.approx([off] * expected, abs=1e-7)


def test_a_vertex_that_stands_beside_its_place_is_misaligned_and_not_missing():
    beside = shapely.Polygon([(0, 110), (60.05, 110), (120, 110), (120, 220), (0, 220)])
    frame = layer(*LOTS, beside)
    assert missing_vertices(frame).empty
    assert len(misaligned_corners(frame)) == 2
    assert told(missing_vertices(frame, corner_ft=0.04)) == [(1, 2), (2, 0)]


def test_one_end_of_a_short_edge_that_the_neighbour_lacks_is_missing():
    # The neighbour has one of the two corners, so that no corner is misaligned; the other lies on its edge.
    jogged = shapely.Polygon([(0, 0), (60, 0), (60, 110), (59.95, 110), (0, 110)])
    block = shapely.Polygon([(0, 110), (60, 110), (120, 110), (120, 220), (0, 220)])
    frame = layer(jogged, LOTS[1], block)
    assert misaligned_corners(frame).empty
    assert told(missing_vertices(frame)) == [(2, 0)]


def test_a_junction_with_a_child_on_a_line_that_parent_and_neighbour_share_is_found():
    children = layer(box(0, 0, 120, 110), *LOTS, BLOCK)
    assert set(told(missing_vertices(children))) == {(0, 1), (3, 1)}


def test_a_sound_fabric_gives_nothing():
    for seed in range(10):
        assert missing_vertices(layer(*fabric(np.random.default_rng(seed)))).empty


def test_every_copy_of_a_stack_lacks_it():
    found = missing_vertices(layer(*LOTS, BLOCK, BLOCK))
    assert told(found) == [(2, 0), (3, 0)]


def test_a_line_across_the_city_is_looked_at_along_its_whole_length():
    lots = [box(i * 50, 0, i * 50 + 50, 100) for i in range(400)]
    long = shapely.Polygon([(0, 100), (20_000, 100), (20_000, 200), (0, 200)])
    assert len(missing_vertices(layer(*lots, long))) == 399


def test_what_has_no_definite_edges_is_left_out():
    frame = layer(*LOTS, None, shapely.Polygon(), shapely.LineString([(0, 110), (120, 110)]))
    assert missing_vertices(frame).empty
    assert missing_vertices(layer()).empty


def test_a_layer_in_metres_is_refused():
    with pytest.raises(CRSError):
        missing_vertices(layer(*LOTS, crs="EPSG:26943"))


def test_a_corner_tolerance_below_the_other_is_refused():
    with pytest.raises(ValueError, match="Invalid corner_ft"):
        missing_vertices(layer(*LOTS), tolerance_ft=0.2)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
def test_no_vertex_is_missed_and_none_is_invented(family):
    total = 0
    for seed in range(4):
        random = np.random.default_rng(seed)
        polygons = [p for p in family(random, fabric(random)) if p.area]
        # Vertices are put on some lines, exactly or a little beside them, so that every family has something to find.
        for k in random.integers(0, len(polygons), 6):
            ring = list(map(tuple, shapely.get_coordinates(polygons[k])))
            share = random.choice([0.5, 0.001, 0.3])
            middle = np.array(ring[0]) * (1 - share) + np.array(ring[1]) * share + random.normal(0, 0.006, 2)
            if polygons[k].geom_type == "Polygon" and not polygons[k].interiors:
                polygons[k] = shapely.Polygon([ring[0], tuple(middle), *ring[1:]])
        frame = layer(*random.permutation(np.array(polygons, dtype=object)))
        frame.geometry = gpd.GeoSeries(shapely.transform(frame.geometry.array, lambda c: np.round(c, 4)), crs=FEET)
        truth = by_brute_force(list(frame.geometry), 0.01 + 0.00005, 0.12 + 0.00005)
        found = missing_vertices(frame)
        places = np.round(shapely.get_coordinates(found.geometry.array), 4).tolist()
        keys = [(tuple(place), q) for place, q in zip(places, found["feature"], strict=True)]
        assert dict(zip(keys, found["other"], strict=True)) == truth, f"seed {seed}"
        assert len(keys) == len(set(keys))
        total += len(truth)
    assert total >= 3


def test_places_are_given_where_the_corner_lies():
    assert missing_vertices(layer(*LOTS, BLOCK)).geometry.y.tolist() == [N0 + 110]
