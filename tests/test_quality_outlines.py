"""Rules of one outline: kept, broken, and at their edge; with a schema and without."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from quality_layers import EAST, FEET, NORTH, at, parcels

from citygis.quality import validate

GOOD = [at(60 * i, 0, 60, 110) for i in range(3)]


def found(*shapes, layer="parcel"):
    """Findings where these lie far from any neighbour."""
    frame = parcels(*shapes) if layer == "parcel" else gpd.GeoDataFrame(geometry=list(shapes), crs=FEET)
    return validate(frame, layer, only="geometry")


def ring(*corners):
    """A lot of 60 by 110 ft whose north side passes over these corners, from the east."""
    return shapely.Polygon([(EAST + e, NORTH + n) for e, n in [(500, 0), (560, 0), (560, 110), *corners, (500, 110)]])


def rules(findings):
    return findings[["code", "rule", "severity"]].values.tolist()


@pytest.mark.parametrize("layer", ["parcel", "lots"])
def test_sound_outlines_have_no_findings(layer):
    assert found(*GOOD, ring((530, 112)), layer=layer).empty


@pytest.mark.parametrize("layer", ["parcel", "lots"])
def test_vertices_given_twice_are_one_finding_of_their_feature(layer):
    findings = found(*GOOD, ring((560, 110), (530, 112), (530, 112)), layer=layer)
    assert rules(findings) == [["G09", "repeated_vertex", "review"]]
    assert findings["message"][0].startswith("2 vertices stand where the one before stands")
    place = {tuple(c) for c in shapely.get_coordinates(findings.geometry[0]) - [EAST, NORTH]}
    assert place == {(560, 110), (530, 112)}


@pytest.mark.parametrize(("apart", "expected"), [(0.0001, "G09"), (0.0003, "T26"), (0.0199, "T26"), (0.0201, None)])
def test_two_vertices_are_one_then_a_short_segment_then_two(apart, expected):
    findings = found(*GOOD, ring((530, 112), (530 - apart, 112)))
    assert findings["code"].tolist() == ([expected] if expected else [])
    if expected:
        assert findings["measure"][0] == pytest.approx(apart, abs=2e-8)


def test_a_short_segment_stops_a_load():
    findings = found(ring((530, 112), (529.99, 112)))
    assert rules(findings) == [["T26", "short_segment", "error"]]
    assert (findings["unit"][0], findings["tolerance"][0]) == ("ft", 0.02)
    assert "the shortest 0.0100 ft" in findings["message"][0]


@pytest.mark.parametrize(("half_base", "expected"), [(0.10, [["T26", "spike", "error"]]), (0.16, [])])
def test_a_spike_is_sharper_than_half_a_degree(half_base, expected):
    # 30 ft high: half a degree opens 0.13 ft to either side at the foot
    findings = found(*GOOD, ring((530 + half_base, 110), (530, 140), (530 - half_base, 110)))
    assert rules(findings) == expected
    if expected:
        assert findings["measure"][0] == pytest.approx(np.degrees(2 * np.arctan(half_base / 30)), rel=1e-4)
        assert "30.00 ft out and back" in findings["message"][0]


def test_a_spike_without_width_breaks_the_ring_and_is_told_once():
    spike = ring((530, 110), (530, 113), (530, 110))
    assert not spike.is_valid
    assert rules(found(*GOOD, spike)) == [["T26", "spike", "error"]]


@pytest.mark.parametrize(
    "corners", [[(0, 0), (60, 0), (0, 0), (0, 0)], [(0, 0), (60, 0), (30, 0)], [(0, 0), (60, 0), (60, 0), (0, 0)]]
)
def test_a_ring_that_encloses_nothing_is_broken_and_not_a_spike(corners):
    findings = found(*GOOD, shapely.Polygon([(EAST + 500 + e, NORTH + n) for e, n in corners]))
    assert "spike" not in set(findings["rule"])
    assert ["G03", "invalid", "error"] in rules(findings)


def test_a_ring_is_backward_by_what_most_of_the_layer_does():
    turned = [shapely.reverse(each) for each in GOOD]
    one = found(*GOOD, shapely.reverse(ring()))
    assert rules(one) == [["G10", "ring_direction", "info"]]
    assert one["feature"].tolist() == ["191-190-73"]
    assert found(*turned).empty == found(*GOOD).empty is True
    assert found(*turned, ring())["feature"].tolist() == found(*GOOD, shapely.reverse(ring()))["feature"].tolist()


def test_parts_are_counted_and_the_smallest_is_shown():
    findings = found(*GOOD, shapely.MultiPolygon([ring(), at(600, 0, 10, 11)]))
    assert rules(findings) == [["G11", "multipart", "info"]]
    assert findings["measure"][0] == 2
    assert "the smallest has 110.00 sq ft, 1.64% of the whole" in findings["message"][0]
    assert findings.geometry[0].equals(at(600, 0, 10, 11))


@pytest.mark.parametrize(("width", "expected"), [(0.99, 1), (1.01, 0)])
def test_a_strip_under_a_foot_is_thin(width, expected):
    findings = found(*GOOD, at(500, 0, 100, width))
    assert rules(findings) == [["G12", "thin_feature", "review"]] * expected


def test_a_short_strip_is_tiny_and_not_thin_once_more():
    assert rules(found(*GOOD, at(500, 0, 100, 0.1))) == [["G05", "tiny", "review"]]


@pytest.mark.parametrize(("area", "expected"), [(19.9, ["G05"]), (20.1, [])])
def test_without_a_schema_polygons_under_20_square_feet_are_tiny(area, expected):
    assert found(*GOOD, at(500, 0, 4, area / 4), layer="lots")["code"].tolist() == expected


def test_an_easement_may_be_thin():
    strip = gpd.GeoDataFrame({"easement_id": ["E1"]}, geometry=[at(0, 0, 100, 0.5)], crs=FEET)
    assert validate(strip, "easement", only="geometry").empty


def test_lines_are_held_to_their_segments_alone():
    street = shapely.LineString([(EAST, NORTH), (EAST + 300, NORTH), (EAST + 300.01, NORTH)])
    findings = validate(gpd.GeoDataFrame({"x": [1]}, geometry=[street], crs=FEET), "lines", only="geometry")
    assert rules(findings) == [["T26", "short_segment", "error"]]


def test_what_is_retired_is_left_alone():
    frame = parcels(*GOOD, ring((530, 112), (529.99, 112)))
    assert validate(frame, "parcel", only="geometry")["code"].tolist() == ["T26"]
    frame.loc[3, "status"] = "RETIRED"
    assert validate(frame, "parcel", only="geometry").empty
