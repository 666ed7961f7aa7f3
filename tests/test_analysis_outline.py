"""Outlines as courses: curves found, numbers of record, and the lines they run along."""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.analysis.outline import Adjoiner, boundary_of, compass_word, side_word
from citygis.cogo import area_sqft, closure, course_between, polygon

E, N = 6_330_000.0, 2_100_000.0


def drawn(*corners, arcs=()) -> np.ndarray:
    """A ring through corners; `arcs` are (side, hand, radius), drawn with chords of 0.01 ft sagitta."""
    bent = {side: (hand, radius) for side, hand, radius in arcs}
    places = np.array([(E + e, N + n) for e, n in corners])
    courses = []
    for k in range(len(places)):
        a, b = places[k], places[(k + 1) % len(places)]
        courses.append(course_between(a, b, hand=bent[k][0], radius_ft=bent[k][1]) if k in bent else course_between(a, b))
    return shapely.get_coordinates(polygon(courses, places=np.vstack([places, places[:1]])).exterior)


def test_a_square_is_four_courses_clockwise_whatever_way_it_is_drawn():
    for ring in (drawn((0, 0), (0, 100), (100, 100), (100, 0)), drawn((0, 0), (100, 0), (100, 100), (0, 100))):
        found = boundary_of(ring)
        assert sorted(round(course.azimuth_deg) % 360 for course in found.courses) == [0, 90, 180, 270]
        assert area_sqft(found.courses) == pytest.approx(10_000) and {c.basis for c in found.courses} == {"CALCULATED"}
        assert found.places.shape == (5, 2) and (found.places[0] == found.places[-1]).all()


def test_a_quarter_circle_is_found_with_its_radius_and_its_true_area():
    # A square of 100 ft whose north-east corner is rounded with 30 ft: 10,000 - (1 - pi/4) 900 sq ft.
    ring = drawn((0, 0), (0, 100), (70, 100), (100, 70), (100, 0), arcs=[(2, "R", 30.0)])
    found = boundary_of(ring)
    (curve,) = [course for course in found.courses if course.kind == "curve"]
    assert curve.hand == "R" and curve.radius_ft == pytest.approx(30, abs=1e-6) and curve.delta_deg == pytest.approx(90, abs=1e-6)
    assert area_sqft(found.courses) == pytest.approx(10_000 - (1 - math.pi / 4) * 900, abs=1e-5)
    assert abs(shapely.Polygon(ring).area - area_sqft(found.courses)) > 0.1  # the chords alone are short of it


def test_vertices_on_a_straight_line_are_one_course_and_a_chamfer_is_no_curve():
    ring = drawn((0, 0), (0, 50), (0, 100), (90, 100), (97, 97), (100, 90), (100, 0))
    found = boundary_of(ring)
    assert [course.kind for course in found.courses] == ["line"] * 6


def test_compound_and_reverse_curves_stay_two():
    ring = drawn(
        (0, 0), (0, 200), (100, 241.42135623730951), (200, 200), (200, 0), arcs=[(1, "L", 141.4213562373095), (2, "L", 200.0)]
    )
    curves = [course for course in boundary_of(ring).courses if course.kind == "curve"]
    assert sorted(round(course.radius_ft, 2) for course in curves) == [141.42, 200.0]


def test_a_full_circle_is_cut_so_that_each_course_can_be_written():
    found = boundary_of(shapely.get_coordinates(shapely.Point(E, N).buffer(100, quad_segs=80).exterior))
    assert len(found.courses) == 2 and all(course.delta_deg < 360 for course in found.courses)
    assert area_sqft(found.courses) == pytest.approx(math.pi * 1e4, rel=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 9), st.integers(0, 10_000))
def test_courses_of_a_random_figure_enclose_its_ground_and_lead_through_its_corners(n, seed):
    rng = np.random.default_rng(seed)
    radii, spin = rng.uniform(150, 900, n), rng.uniform(0, 2 * math.pi)
    angles = spin + 2 * math.pi * np.arange(n) / n
    corners = np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1)
    arcs = [
        (k, str(rng.choice(["L", "R"])), math.dist(corners[k], corners[(k + 1) % n]) * rng.uniform(2, 6))
        for k in range(n)
        if rng.random() < 0.4
    ]
    ring = drawn(*corners, arcs=arcs)
    shape = shapely.Polygon(ring)
    if not shape.is_valid:
        return
    found = boundary_of(ring)
    assert sum(course.kind == "curve" for course in found.courses) == len(arcs)
    assert len(found.courses) == n
    assert closure(found.courses).misclosure_ft < 1e-6
    assert shapely.hausdorff_distance(polygon(found.courses, found.places[0]).exterior, shape.exterior) < 0.03


def lines(*rows) -> gpd.GeoDataFrame:
    """Boundary lines: id, start, end, azimuth, distance, and radius, arc, side of a curve."""
    return gpd.GeoDataFrame(
        {
            "line_id": [row[0] for row in rows],
            "direction_az": [row[3] for row in rows],
            "distance_ft": [row[4] for row in rows],
            "radius_ft": [row[5] if len(row) > 5 else np.nan for row in rows],
            "arc_length_ft": [row[6] if len(row) > 5 else np.nan for row in rows],
            "curve_side": [row[7] if len(row) > 5 else None for row in rows],
            "line_kind": "RECORD",
        },
        geometry=[
            shapely.LineString([(E + row[1][0], N + row[1][1]), (E + row[2][0], N + row[2][1])])
            if len(row) < 6
            else shapely.LineString(drawn(row[1], row[2], (row[1][0] - 500, row[1][1] - 500), arcs=[(0, row[7], row[5])])[:-2])
            for row in rows
        ],
        crs="EPSG:6420",
    )


def test_numbers_of_record_are_taken_where_they_fit_and_not_where_they_do_not():
    ring = drawn((0, 0), (0, 100), (100, 100), (100, 0))
    record = lines(
        ("W", (0, 100), (0, 0), 180.0, 100.04),  # drawn the other way
        ("N1", (0, 100), (40, 100), 90.0, 40.01),
        ("N2", (40, 100), (100, 100), 90.0, 60.02),
        ("E", (100, 100), (100, 0), 180.0, 100.20),  # 0.20 ft off: not this line's numbers
        ("S", (0, 0), (60, 0), 90.0, 60.0),  # covers only a part
    )
    found = {round(course.azimuth_deg) % 360: course for course in boundary_of(ring, lines=record).courses}
    assert (found[0].distance_ft, found[0].basis, found[0].text) == (100.04, "RECORD", "W")
    assert found[90].distance_ft == pytest.approx(100.03) and found[90].text == "N1, N2"
    assert found[180].basis == found[270].basis == "CALCULATED"


def test_a_ground_length_of_record_is_brought_to_the_grid():
    record = lines(("W", (0, 0), (0, 100), 0.0, 100.02)).assign(is_ground=True, scale=0.9998)
    found = boundary_of(drawn((0, 0), (0, 100), (100, 100), (100, 0)), lines=record)
    assert found.courses[[c.basis for c in found.courses].index("RECORD")].distance_ft == pytest.approx(100.02 * 0.9998)


def test_a_connection_states_nothing_of_the_boundary():
    record = lines(("W", (0, 0), (0, 100), 0.0, 100.0)).assign(line_kind="CONNECTION")
    assert not any(boundary_of(drawn((0, 0), (0, 100), (100, 100), (100, 0)), lines=record).sources)


def test_a_curve_of_record_gives_radius_arc_and_chord_but_only_where_it_is_drawn():
    ring = drawn((0, 0), (0, 100), (70, 100), (100, 70), (100, 0))  # the curve drawn as one chord
    chord, arc = 30 * math.sqrt(2), 15 * math.pi
    record = lines(("C", (70, 100), (100, 70), 135.0, chord, 30.0, arc, "R"))
    # Its arc lies 8.8 ft off the drawn chord: not this line.
    assert all(course.kind == "line" for course in boundary_of(ring, lines=record).courses)
    bent = drawn((0, 0), (0, 100), (70, 100), (100, 70), (100, 0), arcs=[(2, "R", 30.0)])
    (curve,) = [c for c in boundary_of(bent, lines=record).courses if c.kind == "curve"]
    assert (curve.radius_ft, curve.hand, curve.basis) == (30.0, "R", "RECORD") and curve.arc_ft == pytest.approx(arc)


def test_a_course_ends_where_the_line_it_runs_along_does():
    limit = Adjoiner(shapely.LineString([(E - 50, N), (E + 60, N)]), "the existing limit", None, "city_limit")
    found = boundary_of(drawn((0, 0), (0, 100), (100, 100), (100, 0)), adjoiners=[limit])
    south = [(c.distance_ft, call) for c, call in zip(found.courses, found.calls, strict=True) if round(c.azimuth_deg) == 270]
    assert south == [(pytest.approx(40.0), ""), (pytest.approx(60.0), "the existing limit")]


def test_a_curve_that_leaves_a_line_along_its_tangent_is_not_along_it():
    bent = drawn((0, 0), (0, 100), (70, 100), (100, 70), (100, 0), arcs=[(2, "R", 30.0)])
    record = lines(("C", (70, 100), (100, 70), 135.0, 30 * math.sqrt(2), 30.0, 15 * math.pi, "R"))
    limit = Adjoiner(shapely.LineString([(E - 50, N + 100), (E + 150, N + 100)]), "the limit", None, "city_limit")
    for stated in (record, None):
        found = boundary_of(bent, lines=stated, adjoiners=[limit])
        along = [(c.kind, round(c.distance_ft, 3)) for c, call in zip(found.courses, found.calls, strict=True) if call]
        assert along == [("line", 70.0)] and len(found.courses) == 5


@pytest.mark.parametrize("off_ft,is_along", [(0.049, True), (0.051, False)])
def test_a_line_beside_is_along_within_five_hundredths(off_ft, is_along):
    limit = Adjoiner(shapely.LineString([(E - 50, N - off_ft), (E + 150, N - off_ft)]), "the limit", None, "city_limit")
    assert any(boundary_of(drawn((0, 0), (0, 100), (100, 100), (100, 0)), adjoiners=[limit]).calls) == is_along


def test_the_side_of_the_ground_is_named():
    box = shapely.box(0, 0, 100, 100)
    assert side_word(np.array([(0.0, 100.0), (100.0, 100.0)]), box) == "northerly"
    assert side_word(np.array([(100.0, 0.0), (0.0, 0.0)]), box) == "southerly"
    assert side_word(np.array([(100.0, 0.0), (100.0, 100.0)]), box) == "easterly"
    assert compass_word(-44) == "northwesterly"


def test_a_ring_without_area_is_refused():
    with pytest.raises(ValueError, match="enclose ground"):
        boundary_of(np.array([(E, N), (E + 10, N), (E, N)]))
    with pytest.raises(ValueError, match="without area"):
        boundary_of(np.array([(E, N), (E + 10, N), (E + 20, N), (E, N)]))
