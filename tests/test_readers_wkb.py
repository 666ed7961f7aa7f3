"""Geometry from bytes: arcs by hand, rings by their ends."""

import math
import re
import struct

import delivered
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.readers.wkb import arc_chords, geometries, parse


def blobs(*content: bytes | None) -> np.ndarray:
    array = np.empty(len(content), dtype=object)
    array[:] = content
    return array


def line(kind: int, *points: tuple) -> bytes:
    return struct.pack("<BII", 1, kind, len(points)) + struct.pack(f"<{2 * len(points)}d", *(v for p in points for v in p))


def collection(kind: int, *parts: bytes) -> bytes:
    return struct.pack("<BII", 1, kind, len(parts)) + b"".join(parts)


angle = st.floats(0, 2 * math.pi)


@settings(max_examples=200, deadline=None)
@given(start=angle, sweep=st.floats(0.05, 2 * math.pi - 0.05), left=st.booleans(), radius=st.floats(1, 20_000))
def test_every_chord_of_any_arc_lies_within_the_sagitta(start, sweep, left, radius):
    east, north = 6_337_500.0, 2_122_600.0
    sweep = sweep if left else -sweep
    start, middle, end = (
        np.array([east + radius * math.cos(start + sweep * share), north + radius * math.sin(start + sweep * share)])
        for share in (0, 0.5, 1)
    )
    drawn = arc_chords(start, middle, end, sagitta=0.01)
    assert tuple(drawn[0]) == tuple(start) and tuple(drawn[-1]) == tuple(end)
    from_centre = np.hypot(*(drawn - (east, north)).T)
    # Three points of a flat arc, kept to 1e-9 ft, fix its radius no better than this.
    slack = 1e-4 + 1e-8 * (radius / (1 - math.cos(min(abs(sweep), math.pi) / 2))) / radius
    assert np.abs(from_centre - radius).max() < slack + 1e-3
    halves = (drawn[1:] + drawn[:-1]) / 2
    assert (radius - np.hypot(*(halves - (east, north)).T)).max() <= 0.01 + slack + 1e-3
    length = np.hypot(*np.diff(drawn, axis=0).T).sum()
    assert length == pytest.approx(radius * abs(sweep), rel=1e-2, abs=0.05)


def test_an_arc_drawn_from_its_other_end_has_the_same_vertices():
    one, middle, other = np.array([0.0, 0.0]), np.array([30.0, 12.0]), np.array([70.0, 5.0])
    assert (arc_chords(one, middle, other, sagitta=0.01) == arc_chords(other, middle, one, sagitta=0.01)[::-1]).all()


def test_a_quarter_circle_of_100_ft_takes_56_chords():
    # step = 2 acos(1 - 0.01 / 100) = 0.028285 rad; (pi / 2) / step = 55.5.
    half = math.sqrt(0.5) * 100
    drawn = arc_chords(np.array([100.0, 0.0]), np.array([half, half]), np.array([0.0, 100.0]), sagitta=0.01)
    assert len(drawn) == 57


def test_an_arc_that_ends_where_it_begins_is_a_full_circle():
    made, problems = geometries(blobs(collection(10, line(8, (0, 0), (100, 0), (0, 0)))), sagitta=0.01)
    assert made[0].area == pytest.approx(math.pi * 50**2, rel=1e-3) and problems[0].code == "R02"


def test_an_arc_through_points_on_a_line_is_a_line():
    made, _ = geometries(blobs(line(8, (0, 0), (5, 5), (10, 10))), sagitta=0.01)
    assert made[0].length == pytest.approx(math.hypot(10, 10))


def test_curves_nest_in_surfaces_and_collections():
    curve = delivered.arc_wkb((0, 0), (50, 50), (100, 0))
    hole = collection(10, line(2, (200, 0), (300, 0), (300, 100), (200, 100), (200, 0)), line(8, (240, 50), (260, 50), (240, 50)))
    made, problems = geometries(
        blobs(collection(12, curve, hole), collection(7, curve), collection(11, line(8, (0, 0), (1, 1), (2, 0)))), sagitta=0.01
    )
    assert [geometry.geom_type for geometry in made] == ["MultiPolygon", "GeometryCollection", "MultiLineString"]
    assert [problem.code for problem in problems] == ["R02"] * 3
    # A half disk of radius 50, and a square of 100 less a disk of radius 10.
    assert made[0].area == pytest.approx(math.pi * 1250 + 10_000 - math.pi * 100, abs=2)


def test_a_surface_without_arcs_in_a_curve_type_is_exact_and_no_problem():
    made, problems = geometries(blobs(collection(10, line(2, (0, 0), (10, 0), (10, 10), (0, 0)))), sagitta=0.01)
    assert made[0].equals(shapely.Polygon([(0, 0), (10, 0), (10, 10)])) and problems == []


def test_triangles_become_polygons():
    triangle = delivered.ring_wkb([(0, 0), (10, 0), (10, 10), (0, 0)])
    flat = struct.pack("<BI", 1, 17) + triangle[5:]
    made, problems = geometries(blobs(collection(16, flat, flat)), sagitta=0.01)
    assert made[0].geom_type == "MultiPolygon" and len(made[0].geoms) == 2 and problems == []


@pytest.mark.parametrize(
    ("blob", "said"),
    [
        (delivered.ring_wkb([(0, 0), (10, 0), (10, 10), (0, 10)]), r"starts at \(0, 0\) and ends at \(0, 10\), 10 apart"),
        (delivered.ring_wkb([(0, 0), (0, 0)]), "only 2 vertices"),
        (line(2, (0, 0)), "a single vertex"),
        (line(8, (0, 0), (1, 1)), "2 points"),
        (delivered.ring_wkb([(0, 0), (10, 0), (10, 10), (0, 0)])[:-9], "cut off"),
        (struct.pack("<BII", 1, 3, 1) + struct.pack("<I", 2**31 - 1), "cut off"),
        (b"\1", "cut off|type 0"),
        (struct.pack("<BII", 1, 99, 1), "of type 99"),
        (collection(7, b""), "cut off"),
    ],
)
def test_what_cannot_be_made_says_why(blob, said):
    made, problems = geometries(blobs(blob), sagitta=0.01)
    assert made[0] is None and problems[0].code == "R01" and re.search(said, problems[0].message)


def test_a_geometry_nested_without_end_is_refused():
    nested = line(2, (0, 0), (1, 1))
    for _ in range(40):
        nested = collection(7, nested)
    made, problems = geometries(blobs(nested), sagitta=0.01)
    assert made[0] is None and "nested more than 32 deep" in problems[0].message


def test_the_part_and_ring_at_fault_are_named():
    good = delivered.ring_wkb([(0, 0), (10, 0), (10, 10), (0, 0)])
    two_rings = struct.pack("<BII", 1, 3, 2) + good[9:] + delivered.ring_wkb([(2, 1), (3, 1), (3, 2), (2, 2)])[9:]
    _, problems = geometries(blobs(collection(6, good, two_rings)), sagitta=0.01)
    assert "in ring 2 of 2 in part 2 of 2" in problems[0].message


def test_elevations_are_kept_and_measures_are_left_out():
    shapes = shapely.from_wkt(["POINT ZM (1 2 3 4)", "LINESTRING M (1 2 9, 3 4 9)", "POINT Z (1 2 3)"])
    made, problems = geometries(shapely.to_wkb(shapes, output_dimension=4, flavor="iso"), sagitta=0.01)
    written = [shapely.to_wkt(shape, output_dimension=4) for shape in made]
    assert written == ["POINT Z (1 2 3)", "LINESTRING (1 2, 3 4)", "POINT Z (1 2 3)"] and problems == []


def test_extended_and_big_endian_bytes_are_read():
    shapes = shapely.from_wkt(["POINT Z (1 2 3)", "POLYGON ((0 0, 10 0, 10 10, 0 0))"])
    content = blobs(shapely.to_wkb(shapes[0], flavor="extended", include_srid=True), shapely.to_wkb(shapes[1], byte_order=0), None)
    made, problems = geometries(content, sagitta=0.01)
    assert made[0].wkt == "POINT Z (1 2 3)" and made[1].equals(shapes[1]) and made[2] is None and problems == []


def test_an_unclosed_ring_in_big_endian_is_reported_as_well():
    ring = struct.pack(">BIII", 0, 3, 1, 4) + struct.pack(">8d", 0, 0, 10, 0, 10, 10, 0, 10)
    assert geometries(blobs(ring), sagitta=0.01)[1][0].code == "R01"


def test_an_empty_geometry_stays_empty():
    shapes = shapely.from_wkt(["POLYGON EMPTY", "POINT EMPTY", "GEOMETRYCOLLECTION EMPTY", "LINESTRING EMPTY"])
    made, problems = geometries(shapely.to_wkb(shapes), sagitta=0.01)
    assert shapely.is_empty(made).all() and problems == []


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_whatever_stop_the_read(content):
    made, problems = geometries(blobs(content, shapely.to_wkb(shapely.Point(1, 2))), sagitta=0.01)
    assert made[1] == shapely.Point(1, 2)
    assert made[0] is not None or problems[0].row == 0


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, 200), value=st.integers(0, 255))
def test_no_changed_byte_of_a_curve_stops_the_read(at, value):
    content = bytearray(collection(12, delivered.arc_wkb((0, 0), (50, 50), (100, 0))))
    content[at % len(content)] = value
    made, problems = geometries(blobs(bytes(content)), sagitta=0.01)
    assert made[0] is not None or problems[0].code in ("R01", "R03")


def test_parsing_keeps_every_coordinate_bit():
    point = (6337500.123456789, 2122600.987654321)
    assert tuple(parse(line(2, point, (0, 0))).content[0]) == point
