"""What entitles a repair to touch a place."""

import geopandas as gpd
import numpy as np
import pytest
import shapely
from repair_lots import CRS, EAST, NORTH

from citygis.findings import findings_frame
from citygis.repairs.evidence import NEAR_FT, evidence_of


def told(code, measure, place, layer="lot") -> gpd.GeoDataFrame:
    row = {"code": code, "rule": code, "severity": "error", "layer": layer, "message": "m", "measure": measure, "geometry": place}
    return findings_frame([row], crs=CRS)


CORNER = shapely.Point(EAST, NORTH)


@pytest.mark.parametrize(("off_ft", "speaks"), [(NEAR_FT - 0.001, True), (NEAR_FT + 0.001, False)])
def test_a_finding_speaks_for_what_lies_near_it_and_no_farther(off_ft, speaks):
    evidence = evidence_of(told("T31", 0.05, CORNER), "lot", np.array([False]), tolerance_ft=0.12)
    finding, against = evidence.of("snap_corner", np.array([[EAST + off_ft, NORTH]]))
    assert (finding[0] == 0) == speaks and against[0] == -1


@pytest.mark.parametrize(("wide_ft", "counts"), [(0.12, 1), (0.121, 0)])
def test_an_overlap_wider_than_the_tolerance_is_no_reason_to_change_anything(wide_ft, counts):
    strip = shapely.box(EAST, NORTH, EAST + wide_ft, NORTH + 100)
    assert len(evidence_of(told("T01", wide_ft, strip), "lot", np.array([False]), tolerance_ft=0.12).rows) == counts


def test_a_strip_of_the_record_speaks_against_closing_and_is_not_looked_at():
    strip = shapely.box(EAST, NORTH, EAST + 0.05, NORTH + 100)
    evidence = evidence_of(told("T33", 0.05, strip), "lot", np.array([True]), tolerance_ft=0.12)
    point = np.array([[EAST, NORTH]])
    assert evidence.of("snap_corner", point)[1][0] == 0
    assert evidence.of("remove_spike", point)[1][0] == -1
    assert len(evidence.places()) == 0


def test_a_gap_counts_for_every_layer_and_a_corner_for_its_own():
    for code, counts in (("T02", 1), ("T31", 0)):
        assert len(evidence_of(told(code, 0.05, CORNER, layer="tract"), "lot", np.array([False]), tolerance_ft=0.12).rows) == counts
