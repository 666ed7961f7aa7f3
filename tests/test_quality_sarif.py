"""SARIF: what OASIS asks of a log (SARIF 2.1.0, clause numbers beside each), and every finding in it."""

import json

import pytest
from quality_layers import at, parcels, sound

from citygis.quality import validate, write_report
from citygis.quality.sarif import findings_sarif

# Required members and closed lists of the standard, clause by clause.
REQUIRED = {
    "log": {"version", "runs"},  # 3.13.2, 3.13.4
    "run": {"tool"},  # 3.14.6
    "result": {"message"},  # 3.27.11
}
LEVELS = {"none", "note", "warning", "error"}  # 3.27.10
SUPPRESSION_KINDS = {"inSource", "external"}  # 3.35.2
SUPPRESSION_STATUS = {"accepted", "underReview", "rejected"}  # 3.35.3


def broken():
    frame = parcels(at(0, 0, 60, 110), at(59, 0, 61, 110), None, at(180, 0, 60, 110))
    frame.loc[0, "apn_display"] = "a/b~c"
    return {**sound(), "parcel": frame}


@pytest.fixture(scope="module")
def found():
    return validate(broken())


@pytest.fixture(scope="module")
def log(found):
    places = [None if shape is None else [1.0, 2.0] for shape in found.geometry]
    excused = found.iloc[:1].assign(reason="case 26-014", accepted_by="R. Ortega", accepted_on="2026-01-02")
    return json.loads(
        json.dumps(findings_sarif(found.iloc[1:], places[1:], checked="roll.gpkg", excused=excused, excused_points=places[:1]))
    )


def test_a_log_has_what_the_standard_requires(log):
    assert log.keys() >= REQUIRED["log"]
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    for run in log["runs"]:
        assert run.keys() >= REQUIRED["run"]
        assert run["tool"]["driver"]["name"] == "citygis"
        for result in run["results"]:
            assert result.keys() >= REQUIRED["result"]
            assert result["message"]["text"]
            assert result["level"] in LEVELS
            for suppression in result["suppressions"]:
                assert suppression["kind"] in SUPPRESSION_KINDS
                assert suppression["status"] in SUPPRESSION_STATUS


def test_rule_and_index_agree(log):
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    ids = [rule["id"] for rule in rules]
    assert len(set(ids)) == len(ids)
    for result in log["runs"][0]["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_every_finding_is_one_result_known_by_its_id(log, found):
    results = log["runs"][0]["results"]
    assert sorted(each["partialFingerprints"]["findingId/v1"] for each in results) == sorted(found["finding_id"])
    levels = {each["partialFingerprints"]["findingId/v1"]: each["level"] for each in results}
    said = {"error": "error", "review": "warning", "info": "note"}
    assert all(levels[row.finding_id] == said[row.severity] for row in found.itertuples())


def test_a_feature_is_a_logical_location_with_its_place(log):
    result = next(each for each in log["runs"][0]["results"] if each["ruleId"] == "T01")
    location = result["locations"][0]
    assert location["logicalLocations"][0]["name"] == "a/b~c"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "parcel/a~1b~0c", "a name with a slash stays one name"
    assert location["properties"]["point"] == [1.0, 2.0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "roll.gpkg"
    assert result["properties"]["unit"] == "ft"


def test_what_is_accepted_is_suppressed_with_its_reason_and_the_rest_is_not(log):
    suppressions = [each["suppressions"] for each in log["runs"][0]["results"]]
    assert suppressions.count([]) == len(suppressions) - 1
    (one,) = suppressions[-1]
    assert one["justification"] == "case 26-014"
    assert one["properties"] == {"accepted_by": "R. Ortega", "accepted_on": "2026-01-02"}


def test_no_findings_are_a_run_without_results():
    log = findings_sarif(validate(sound()).iloc[:0], [])
    assert log["runs"][0]["results"] == []


def test_a_file_name_with_a_blank_is_a_uri(tmp_path):
    layers = broken()
    write_report(tmp_path / "out", validate(layers), layers, title="Roll of July#2.gpkg")
    log = json.loads((tmp_path / "out" / "findings.sarif").read_text())
    location = log["runs"][0]["results"][0]["locations"][0]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "Roll%20of%20July%232.gpkg"
