"""Which findings yield to which, on rows made by hand."""

import pandas as pd
import pytest
import shapely

from citygis.quality.precedence import REACH_FT, told_once

LINE, POINT, BOX = shapely.LineString([(10, 0), (10, 0.05)]), shapely.Point(10, 0), shapely.box(0, 0, 10, 0.05)
SPIKE = shapely.LineString([(0, 0), (5, 3), (0, 0.02)])


def row(code, rule, geometry, feature="A", other=None, measure=0.05, layer="parcel"):
    return {
        "code": code,
        "rule": rule,
        "layer": layer,
        "feature": feature,
        "other": other,
        "measure": measure,
        "geometry": geometry,
    }


CORNER = row("T31", "misaligned_corner", LINE, other="B")
VERTEX = row("T32", "missing_vertex", POINT, other="B")
OVERLAP = row("T01", "overlap", BOX, other="B")
SLIVER = row("T33", "sliver", BOX, other="B")


def codes(*rows):
    return told_once(pd.DataFrame(list(rows)))["code"].tolist()


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        (CORNER, OVERLAP),
        (VERTEX, OVERLAP),
        (VERTEX, SLIVER),
        (SLIVER, row("T02", "gap", BOX, feature="3021", layer="tract")),
        (CORNER, row("T02", "gap", BOX, feature="3021", layer="tract")),
        (CORNER, row("T26", "short_segment", LINE)),
        (row("G03", "invalid", shapely.Point(5, 3)), row("T26", "spike", SPIKE)),
        (row("T01", "overlap", shapely.Polygon([(1, 0.61), (5, 3), (1, 0.62)]), other="B"), row("T26", "spike", SPIKE)),
        (row("G12", "thin_feature", BOX), row("G05", "tiny", BOX)),
        (row("G10", "ring_direction", BOX), row("G04", "duplicate_geometry", BOX, other="B")),
    ],
    ids=lambda each: each["rule"],
)
def test_the_finding_that_says_less_of_a_place_yields_in_either_order(weak, strong):
    assert codes(weak, strong) == codes(strong, weak) == [strong["code"]]


def test_one_corner_tells_its_wedge_and_a_strip_tells_the_corners_at_its_ends():
    far_end = row("T31", "misaligned_corner", shapely.LineString([(0, 0), (0, 0.05)]), other="B")
    assert codes(CORNER, SLIVER) == ["T31"]
    assert codes(CORNER, SLIVER, far_end) == ["T33"]


def test_a_sliver_wider_than_the_corner_is_out_is_not_its_wedge():
    assert codes(CORNER, {**SLIVER, "measure": 0.5}) == ["T33"]


@pytest.mark.parametrize(("away", "left"), [(REACH_FT * 0.9, 1), (REACH_FT * 1.1, 2)])
def test_what_lies_farther_off_is_another_place(away, left):
    assert len(codes({**VERTEX, "geometry": shapely.Point(10 + away, 0)}, OVERLAP)) == left


def test_other_features_and_other_layers_are_not_silenced():
    assert len(codes({**CORNER, "feature": "C", "other": "D"}, OVERLAP)) == 2
    assert len(codes({**CORNER, "layer": "zoning"}, OVERLAP)) == 2


def test_ground_as_wide_as_a_street_silences_nothing_along_it():
    wide = row("T02", "gap", BOX, feature="3021", layer="tract", measure=50.0)
    assert len(codes(CORNER, wide)) == 2
    assert len(codes(SLIVER, wide)) == 2


def test_findings_without_a_place_stay():
    assert codes({**CORNER, "geometry": None}, OVERLAP, row("A01", "apn_required", None)) == ["T31", "T01", "A01"]
    assert told_once(pd.DataFrame([{"code": "A09", "rule": "apn_column"}])).shape == (1, 2)


def test_ground_without_zoning_is_told_once_and_a_sliver_between_parcels_beside_it_still_stands():
    open_ground = row("T19", "gap", BOX, feature="1", layer="city_limit")
    assert codes({**SLIVER, "layer": "zoning"}, open_ground) == ["T19"]
    assert codes(SLIVER, open_ground) == ["T33", "T19"]
