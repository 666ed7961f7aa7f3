"""Esri JSON and shapely: rings by their turn, holes in their shells, elevations kept, curves marked."""

import itertools
import json
import math

import numpy as np
import pytest
import shapely
from service_layers import definition

from citygis.errors import ReadError
from citygis.readers.service import esri_geometries, geometries_of, spatial_reference

LAYER = definition()
OUTER = [[0, 0], [0, 10], [10, 10], [10, 0], [0, 0]]  # clockwise
HOLE = [[2, 2], [4, 2], [4, 4], [2, 4], [2, 2]]  # counter-clockwise
ISLAND = [[2.5, 2.5], [2.5, 3.5], [3.5, 3.5], [3.5, 2.5], [2.5, 2.5]]  # clockwise, in the hole
FAR = [[20, 0], [20, 5], [25, 5], [25, 0], [20, 0]]
FAR_HOLE = [[21, 1], [22, 1], [22, 2], [21, 2], [21, 1]]


def one(rings, layer=LAYER):
    shapes, _ = geometries_of([{"rings": rings}], layer)
    return shapes[0]


def is_clockwise(ring):
    return sum((b[0] - a[0]) * (b[1] + a[1]) for a, b in itertools.pairwise(ring)) > 0  # shoelace


def test_a_ring_that_turns_left_is_a_hole():
    shape = one([OUTER, HOLE])
    assert shape.area == 100 - 4
    assert len(shape.interiors) == 1


def test_the_outer_ring_need_not_come_first():
    assert one([HOLE, OUTER]).equals(one([OUTER, HOLE]))


def test_an_island_in_a_hole_is_a_part_of_its_own():
    shape = one([OUTER, HOLE, ISLAND])
    assert shape.geom_type == "MultiPolygon"
    assert shape.area == 100 - 4 + 1


def test_each_hole_goes_to_the_shell_around_it():
    shape = one([OUTER, FAR, FAR_HOLE, HOLE])
    assert sorted(part.area for part in shape.geoms) == [25 - 1, 100 - 4]


def test_a_polygon_wound_the_wrong_way_as_a_whole_is_still_one():
    assert one([OUTER[::-1]]).area == 100
    assert one([OUTER[::-1], FAR[::-1]]).area == 125


def test_many_features_at_once_are_the_same_as_each_alone():
    rings = [[OUTER], [OUTER, HOLE], [FAR, OUTER, HOLE], None, [], [OUTER[::-1]], [HOLE[::-1], FAR_HOLE[::-1]]]
    sent = [None if each is None else {"rings": each} for each in rings]
    together, curved = geometries_of(sent, LAYER)
    alone = [geometries_of([each], LAYER)[0][0] for each in sent]
    assert [None if a is None else shapely.to_wkt(a) for a in together] == [None if a is None else shapely.to_wkt(a) for a in alone]
    assert together[3] is None
    assert together[4] is None
    assert not curved.any()


def test_polygons_go_out_with_outer_rings_clockwise_and_holes_the_other_way():
    shape = shapely.MultiPolygon([shapely.Polygon(OUTER[::-1], [HOLE[::-1]]), shapely.Polygon(FAR, [FAR_HOLE])])
    written = esri_geometries([shape, shape.geoms[0]], LAYER)
    assert [is_clockwise(ring) for ring in written[0]["rings"]] == [True, False, True, False]
    assert [is_clockwise(ring) for ring in written[1]["rings"]] == [True, False]
    assert written[0]["spatialReference"] == {"wkid": 2227}


@pytest.mark.parametrize(
    ("geometry_type", "shapes"),
    [
        ("esriGeometryPoint", ["POINT (1.5 2.25)", None]),
        ("esriGeometryMultipoint", ["MULTIPOINT ((1 2), (3 4))", None, "MULTIPOINT ((5 6))"]),
        ("esriGeometryPolyline", ["LINESTRING (0 0, 1 1, 2 0)", None, "MULTILINESTRING ((0 0, 1 1), (5 5, 6 6, 7 7))"]),
        (
            "esriGeometryPolygon",
            [
                "POLYGON ((0 0, 0 9, 9 9, 9 0, 0 0), (2 2, 4 2, 4 4, 2 4, 2 2))",
                "MULTIPOLYGON (((0 0, 0 1, 1 1, 0 0)), ((5 5, 5 6, 6 6, 5 5)))",
            ],
        ),
    ],
)
@pytest.mark.parametrize("has_z", [False, True])
def test_every_type_goes_out_and_comes_back_equal(geometry_type, shapes, has_z):
    layer = definition(geometry_type=geometry_type, hasZ=has_z)
    given = np.array([None if text is None else shapely.from_wkt(text) for text in shapes], dtype=object)
    if has_z:
        given = shapely.force_3d(given, 12.5)
    wire = json.loads(json.dumps(esri_geometries(given, layer), allow_nan=False))
    back, _ = geometries_of(wire, layer)
    for before, after in zip(given, back, strict=True):
        assert (before is None) == (after is None)
        if before is not None:
            assert shapely.normalize(after).equals_exact(shapely.normalize(before), 0)
            assert after.has_z == has_z
            assert shapely.get_coordinates(after, include_z=True)[0, 2] == 12.5 or not has_z


def test_large_coordinates_keep_every_bit():
    x, y = 6_254_321.123456789, 1_998_765.987654321
    shape = shapely.box(x, y, x + 87.65, y + 43.21)
    back, _ = geometries_of(json.loads(json.dumps(esri_geometries([shape], LAYER))), LAYER)
    assert shapely.get_coordinates(back[0]).min(axis=0).tolist() == [x, y]


def test_a_tiny_ring_far_from_the_origin_keeps_its_turn():
    x, y = 6_254_321.1, 1_998_765.9
    ring = [[x, y], [x, y + 0.001], [x + 0.001, y + 0.001], [x, y]]
    shape = one([[[x - 5, y - 5], [x - 5, y + 5], [x + 5, y + 5], [x + 5, y - 5], [x - 5, y - 5]], ring[::-1]])
    assert len(shape.interiors) == 1


def test_an_empty_geometry_is_null():
    assert esri_geometries([shapely.Polygon(), None, shapely.from_wkt("MULTIPOLYGON EMPTY")], LAYER) == [None, None, None]


def test_an_elevation_that_is_missing_is_zero_and_one_too_many_is_left_out():
    layer = definition(geometry_type="esriGeometryPoint", hasZ=True)
    assert esri_geometries([shapely.Point(1, 2)], layer)[0] == {"x": 1, "y": 2, "z": 0, "spatialReference": {"wkid": 2227}}
    flat = definition(geometry_type="esriGeometryPoint")
    assert "z" not in esri_geometries([shapely.Point(1, 2, 3)], flat)[0]
    assert not geometries_of([{"x": 1, "y": 2, "z": 3}], flat)[0][0].has_z


def test_a_point_without_a_place_is_null():
    layer = definition(geometry_type="esriGeometryPoint")
    assert geometries_of([{"x": "NaN", "y": "NaN"}, {"x": None, "y": None}, {}], layer)[0].tolist() == [None, None, None]


def test_a_geometry_of_another_type_is_not_sent():
    with pytest.raises(ValueError, match="row 1"):
        esri_geometries([shapely.box(0, 0, 1, 1), shapely.Point(0, 0)], LAYER)
    with pytest.raises(ValueError, match="table"):
        esri_geometries([shapely.Point(0, 0)], definition(geometry_type=None))


def test_a_coordinate_that_is_no_number_is_not_sent():
    bad = shapely.from_wkt("LINESTRING (0 0, inf 1, 2 2)")
    with pytest.raises(ValueError, match="finite"):
        esri_geometries([bad], definition(geometry_type="esriGeometryPolyline"))


@pytest.mark.parametrize(
    "rings",
    [
        [[[0, 0], [1, 1], [1, 0]]],
        [[[0, 0], [1, 1]]],
        [[[0, 0], ["x", 1], [1, 0], [0, 0]]],
        [[[0, 0], [1, None], [1, 0], [0, 0]]],
        [[0, 0], [1, 1]],
        [[[float("inf"), 0], [1, 1], [1, 0], [float("inf"), 0]]],
        [OUTER, FAR, [[90, 90], [91, 90], [91, 91], [90, 90]]],
        "rings",
        7,
    ],
    ids=str,
)
def test_one_bad_ring_is_told_and_its_neighbours_are_read(rings):
    problems = []
    shapes, _ = geometries_of([{"rings": [OUTER]}, {"rings": rings}, {"rings": [FAR]}], LAYER, problems=problems)
    assert [problem.row for problem in problems] == [1]
    assert problems[0].code in ("R01", "R03")
    assert shapes[1] is None
    assert (shapes[0].area, shapes[2].area) == (100, 25)
    with pytest.raises(ReadError, match="Feature 2 "):
        geometries_of([{"rings": [OUTER]}, {"rings": rings}], LAYER)


def test_a_true_curve_is_drawn_within_a_hundredth_of_a_foot_and_marked():
    # A half circle of radius 100 over a straight side, by its interior point.
    half = {"curveRings": [[[0, 0], {"c": [[200, 0], [100, 100]]}, [0, 0]]]}
    shapes, curved = geometries_of([{"rings": [OUTER]}, half, None], LAYER)
    assert curved.tolist() == [False, True, False]
    assert shapes[1].area == pytest.approx(math.pi * 100**2 / 2, rel=1e-3)
    on_circle = shapely.get_coordinates(shapes[1])
    assert np.allclose(np.hypot(on_circle[:, 0] - 100, on_circle[:, 1])[1:-1], 100, atol=1e-6)


def test_a_spatial_reference_goes_by_both_of_its_numbers():
    assert spatial_reference(definition(wkid=102643, latest=2227)) == {"wkid": 102643, "latestWkid": 2227}
    assert spatial_reference(definition(wkid=102100, latest=3857)) == {"wkid": 102100, "latestWkid": 3857}
    assert definition(wkid=102643, latest=2227).crs.to_epsg() == 2227
