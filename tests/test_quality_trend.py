"""What changed between runs: every finding counted once, and the sums add up."""

import json

import pytest

from citygis.errors import ReadError
from citygis.findings import findings_frame
from citygis.quality import records
from citygis.quality.trend import read_run, standing, trend


def run(*features, code="T01", severity="error"):
    """Findings on some features."""
    rows = {"code": code, "rule": "r", "severity": severity, "layer": "parcel", "message": "m", "feature": list(features)}
    return findings_frame(rows)


def test_new_gone_and_still_there_are_told_by_rule():
    row = trend([records(run("a", "b", "c"))], run("b", "c", "d", "e")).iloc[0]
    assert (row["before"], row["new"], row["gone"], row["still"], row["now"]) == (3, 2, 1, 2, 4)


def test_what_was_gone_and_is_there_again_came_back():
    runs = [records(run("a", "b")), records(run("b"))]
    assert standing(runs, run("a", "b", "c")).tolist() == ["returned", "still", "new"]
    row = trend(runs, run("a", "b", "c")).iloc[0]
    assert (row["new"], row["returned"], row["still"], row["before"]) == (1, 1, 1, 1)


def test_what_was_accepted_since_is_not_called_gone():
    row = trend([records(run("a", "b"))], run("b"), excused=run("a")).iloc[0]
    assert (row["gone"], row["excused"], row["still"]) == (0, 1, 1)


def test_rules_of_either_run_are_there_worst_first():
    table = trend([records(run("a", code="G05", severity="info"))], run("b", code="T02", severity="review"))
    assert table["code"].tolist() == ["T02", "G05"]
    assert table["severity"].tolist() == ["review", "info"]
    assert table["gone"].tolist() == [0, 1]


def test_the_columns_add_up():
    table = trend([records(run("x", "a")), records(run("a", "b", "c", "d"))], run("c", "d", "e", "x"), excused=run("b"))
    row = table.iloc[0]
    assert row["before"] == row["still"] + row["gone"] + row["excused"] == 4
    assert row["now"] == row["still"] + row["new"] + row["returned"] == 4


def test_nothing_in_either_run_is_an_empty_table():
    assert len(trend([[]], run())) == 0


def test_a_run_is_read_from_its_file_or_its_folder(tmp_path):
    path = tmp_path / "findings.json"
    path.write_text(json.dumps(records(run("a"))))
    assert read_run(path) == read_run(tmp_path) == records(run("a"))


@pytest.mark.parametrize("text", ["", "{", '{"a": 1}', '[{"code": "T01"}]', "[1]"])
def test_what_is_no_list_of_findings_is_one_clear_error(tmp_path, text):
    path = tmp_path / "findings.json"
    path.write_text(text)
    with pytest.raises(ReadError, match="findings"):
        read_run(path)


def test_a_run_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(ReadError, match="earlier run"):
        read_run(tmp_path / "none.json")
