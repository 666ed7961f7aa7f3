"""Descriptions as documents: numbered, tied, closed as printed, and read back to the same ground."""

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.analysis.legal_description import WIDTH, Figure, figure_from, legal_description, printed, tangency_of
from citygis.analysis.outline import Adjoiner, boundary_of
from citygis.cogo import Course, course_between, curve_course, line_course, polygon, solve_curve
from citygis.readers.deed import read_deed

E, N = 6_330_000.0, 2_100_000.0


def ring(*corners, arcs=()) -> np.ndarray:
    bent = {side: (hand, radius) for side, hand, radius in arcs}
    places = np.array([(E + e, N + n) for e, n in corners])
    courses = []
    for k in range(len(places)):
        a, b = places[k], places[(k + 1) % len(places)]
        courses.append(course_between(a, b, hand=bent[k][0], radius_ft=bent[k][1]) if k in bent else course_between(a, b))
    return shapely.get_coordinates(polygon(courses, places=np.vstack([places, places[:1]])).exterior)


def document(*figures: Figure, **more):
    return legal_description(figures, **{"title": "Riverbend Annexation No. 12", "county": "San Joaquin", **more})


def corners(*rows) -> gpd.GeoDataFrame:
    names, kinds, marks, tags, places = zip(*rows, strict=True)
    shapes = [shapely.Point(E + e, N + n) for e, n in places]
    return gpd.GeoDataFrame({"corner_id": names, "kind": kinds, "monument": marks, "tag": tags}, geometry=shapes, crs="EPSG:6420")


@settings(max_examples=30, deadline=None)
@given(st.integers(3, 12), st.integers(0, 100_000))
def test_what_is_written_reads_back_to_the_same_ground_within_rounding(n, seed):
    rng = np.random.default_rng(seed)
    radii, spin = rng.uniform(150, 900, n), rng.uniform(0, 2 * math.pi)
    angles = spin + 2 * math.pi * np.arange(n) / n
    places = np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1)
    arcs = [
        (k, str(rng.choice(["L", "R"])), math.dist(places[k], places[(k + 1) % n]) * rng.uniform(2, 6))
        for k in range(n)
        if rng.random() < 0.5
    ]
    outline = ring(*places, arcs=arcs)
    if not shapely.Polygon(outline).is_valid:
        return
    boundary = boundary_of(outline)
    written = document(Figure(boundary, "a point"))
    found = read_deed(written.text)
    (parcel,) = found.parcels
    assert len(parcel.courses) == len(boundary.courses) and not parcel.unresolved
    assert not (found.findings["severity"] == "error").any(), found.findings["message"].tolist()
    again = polygon(parcel.courses, boundary.places[0]).exterior
    # Half a hundredth in each length and half a second in each bearing: 0.005 + 900 x 2.4e-6 ft a course.
    assert shapely.hausdorff_distance(again, shapely.LinearRing(outline)) < 0.02 * n + 0.02
    assert parcel.closure.misclosure_ft == pytest.approx(written.closures[0].misclosure_ft, abs=1e-6)
    assert parcel.area_sqft == pytest.approx(written.area_sqft, rel=1e-9)


def test_the_words_number_each_course_and_keep_a_bearing_on_one_line():
    limit = Adjoiner(
        shapely.LineString([(E - 50, N), (E + 150, N)]), "the existing limit of the City of Riverbend", None, "city_limit"
    )
    boundary = boundary_of(ring((0, 0), (0, 100), (100, 100), (100, 0)), adjoiners=[limit])
    figure = figure_from(boundary, corners(("M-1", "FOUND", '1" iron pipe', "LS 0000", (0, 0))))
    text = document(figure, system="the California Coordinate System (CCS83), Zone 3").text
    assert 'BEGINNING at a 1" iron pipe, found, tagged LS 0000, being corner M-1, on the\nexisting city limit;' in text
    assert "\n1.   thence North 0°00'00\" East, 100.00 feet;\n" in text
    assert "4. thence along the existing limit of the City of Riverbend, North 90°00'00\" West, 100.00 feet," in " ".join(
        text.split()
    )
    assert text.rstrip().endswith("U.S. survey feet.") and "10,000 square feet or 0.230 acres, more or less." in text
    assert all(len(line) <= WIDTH for line in text.splitlines())
    assert all("North" not in line.split()[-1:] and "South" not in line.split()[-1:] for line in text.splitlines())


def test_a_point_of_beginning_off_the_monuments_is_tied_to_the_nearest_and_reads_back_there():
    boundary = boundary_of(ring((0, 0), (0, 100), (100, 100), (100, 0)))
    marks = corners(
        ("M-1", "CALC", None, None, (0, 0)),  # nothing stands there
        ("M-2", "SET", "Nail and tag", None, (-30, -40)),  # 3-4-5: 50 ft from the south-west corner
        ("M-3", "FOUND", "Rebar", None, (900, 900)),
    )
    figure = figure_from(boundary, marks)
    assert figure.corner == "M-2" and figure.ties[0].distance_ft == pytest.approx(50)
    tie, land = read_deed(document(figure).text).parcels
    assert (tie.role, land.role) == ("tie", "boundary") and tie.courses[0].distance_ft == 50.0
    assert tie.courses[0].azimuth_deg == pytest.approx(math.degrees(math.atan2(30, 40)), abs=1 / 3600)
    asked = figure_from(boundary, marks, corner="M-3")
    assert asked.corner == "M-3" and tuple(asked.boundary.places[0]) == (E + 100, N + 100)
    with pytest.raises(ValueError, match="corner_id of a monument"):
        figure_from(boundary, marks, corner="M-1")
    with pytest.raises(ValueError, match="none was given"):
        figure_from(boundary, None, corner="M-2")


def test_without_corners_the_description_begins_at_a_point_and_says_no_more():
    figure = figure_from(boundary_of(ring((0, 0), (0, 100), (100, 100), (100, 0))), None)
    assert (figure.corner, figure.ties, figure.beginning) == ("", (), "a point")
    assert tuple(figure.boundary.places[0]) == (E, N + 100)  # the northernmost, and of two the western


def test_a_curve_that_is_not_tangent_has_its_radial_bearing_and_one_that_is_has_none():
    boundary = boundary_of(ring((0, 0), (0, 100), (70, 100), (100, 70), (100, 0), arcs=[(2, "R", 30.0), (4, "L", 200.0)]))
    text = " ".join(document(Figure(boundary, "a point")).text.split())
    assert "along the arc of a tangent curve to the right, concave southwesterly, having a radius of 30.00 feet, through" in text
    assert (
        "a non-tangent curve to the left, concave southerly, having a radius of 200.00 feet, to which point a radial line bears"
        in text
    )
    # The chord of the second runs due west, 100 ft in a circle of 200: half its angle is asin(50 / 200).
    half = math.degrees(math.asin(0.25))
    degrees, rest = divmod(half, 1)
    minutes, seconds = divmod(rest * 3600, 60)
    assert f"a radial line bears North {int(degrees)}°{int(minutes):02d}'{round(seconds):02d}\" East" in text


@pytest.mark.parametrize("off_s,how", [(4.9, "tangent"), (5.1, "non-tangent")])
def test_a_curve_of_record_is_tangent_within_five_seconds(off_s, how):
    curve = curve_course(solve_curve(radius_ft=100, delta_deg=40), "R", azimuth_deg=20 + off_s / 3600)
    assert tangency_of(curve, line_course(0, 100)) == how
    assert tangency_of(curve._replace(basis="CALCULATED"), line_course(0, 100)) == "tangent"
    assert tangency_of(curve, None) == "non-tangent"


def test_closure_and_area_are_those_of_the_printed_numbers():
    # 100.004 rounds to 100.00 and 100.006 to 100.01: a square that misses by a hundredth each way.
    sides = [(0, 100.004), (90, 100.004), (180, 100.006), (270, 100.006)]
    courses = tuple(line_course(azimuth, length) for azimuth, length in sides)
    boundary = boundary_of(ring((0, 0), (0, 100), (100, 100), (100, 0)))._replace(courses=courses)
    written = document(Figure(boundary))
    assert written.closures[0].misclosure_ft == pytest.approx(0.01 * math.sqrt(2))
    assert [course.distance_ft for course in written.courses[0]] == [100.0, 100.0, 100.01, 100.01]


def test_several_areas_are_parcels_and_what_is_excepted_is_taken_off():
    land = boundary_of(ring((0, 0), (0, 100), (100, 100), (100, 0)))
    hole = boundary_of(ring((40, 40), (40, 60), (60, 60), (60, 40)))
    other = boundary_of(ring((300, 0), (300, 50), (350, 50), (350, 0)))
    written = document(Figure(land), Figure(hole, is_exception=True), Figure(other))
    assert written.area_sqft == pytest.approx(10_000 - 400 + 2_500)
    assert "PARCEL 1:" in written.text and "PARCEL 2:" in written.text and "EXCEPTING THEREFROM" in written.text
    assert "9,600 square feet" in written.text and "The parcels together: 12,100 square feet" in " ".join(written.text.split())
    assert [each.role for each in read_deed(written.text).parcels] == ["boundary", "exception", "boundary"]
    with pytest.raises(ValueError, match="at least one area"):
        document(Figure(hole, is_exception=True))
    with pytest.raises(ValueError, match="at least one area"):
        document()


def test_more_than_ninety_nine_courses_are_numbered_and_read():
    angles = np.radians(np.arange(0, 360, 3))
    star = [((500 + 60 * (k % 2)) * math.sin(a), (500 + 60 * (k % 2)) * math.cos(a)) for k, a in enumerate(angles)]
    boundary = boundary_of(ring(*star))
    found = read_deed(document(Figure(boundary)).text)
    assert len(boundary.courses) == len(found.parcels[0].courses) == 120


def test_what_cannot_be_written_is_refused():
    with pytest.raises(ValueError, match=r"0\.01 ft"):
        printed(line_course(0, 0.004))
    with pytest.raises(ValueError, match="lines and curves"):
        printed(Course("spiral", 0.0, 100.0))
