"""Findings: one shape, and names that stay the same from run to run."""

import geopandas as gpd
import numpy as np
import pytest
from shapely import Point, box

from citygis.findings import COLUMNS, findings_frame, join_findings

ROW = {"code": "G01", "rule": "null_geometry", "severity": "error", "layer": "parcel", "message": "No geometry"}


def test_no_rows_make_an_empty_frame_of_the_same_shape():
    frame = findings_frame(crs=2227)
    assert list(frame.columns) == list(COLUMNS) and frame.empty and frame.crs.to_epsg() == 2227


def test_what_is_left_out_is_null():
    frame = findings_frame([ROW])
    assert frame.loc[0, ["feature", "other", "measure", "unit", "source_ref", "geometry"]].isna().all()


def test_columns_may_mix_arrays_and_single_values():
    frame = findings_frame(
        {**ROW, "feature": ["a", "b"], "measure": np.array([1.5, 2.5]), "geometry": gpd.GeoSeries([Point(1, 1), None])}
    )
    assert frame["feature"].tolist() == ["a", "b"] and frame["measure"].tolist() == [1.5, 2.5]
    assert frame["code"].tolist() == ["G01", "G01"]


def test_a_column_without_rows_makes_an_empty_frame():
    assert findings_frame({**ROW, "feature": []}).empty


def test_the_id_stays_when_nothing_changes_and_changes_when_the_ground_does():
    def finding(geometry):
        return findings_frame([{**ROW, "feature": "1", "geometry": geometry}], crs=2227)["finding_id"][0]

    assert finding(box(0, 0, 10, 10)) == finding(box(0, 0, 10.001, 10))
    assert finding(box(0, 0, 10, 10)) != finding(box(0, 0, 11, 10))


def test_the_id_does_not_depend_on_which_of_a_pair_comes_first():
    one, two = ({**ROW, "feature": a, "other": b} for a, b in (("1", "2"), ("2", "1")))
    assert findings_frame([one])["finding_id"][0] == findings_frame([two])["finding_id"][0]


def test_twins_at_one_place_have_ids_of_their_own():
    assert findings_frame([ROW, ROW])["finding_id"].is_unique


def test_joining_puts_errors_first_and_keeps_every_row():
    info = findings_frame([{**ROW, "severity": "info"}], crs=2227)
    error = findings_frame([ROW, {**ROW, "code": "A01"}], crs=2227)
    joined = join_findings([info, error, findings_frame(crs=2227)], crs=2227)
    assert joined["severity"].tolist() == ["error", "error", "info"] and joined["code"].tolist() == ["A01", "G01", "G01"]


def test_joining_nothing_is_an_empty_findings_frame():
    assert list(join_findings([], crs=2227).columns) == list(COLUMNS)


@pytest.mark.parametrize("missing", ["code", "rule", "severity", "layer", "message"])
def test_a_finding_that_does_not_say_what_and_where_is_a_mistake(missing):
    with pytest.raises(ValueError, match=missing):
        findings_frame([{key: value for key, value in ROW.items() if key != missing}])
