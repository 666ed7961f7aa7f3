"""`citygis demo`: the whole story, with the counts that the planted truth says."""

import json
from collections import Counter

import pypdfium2
import pytest
from click.testing import CliRunner

import citygis as cg
from citygis.cli import main
from citygis.gpkg import layers_of, read_geopackage
from citygis.packaged import packaged_folder

TRUTH = json.loads((packaged_folder("sample_data") / "deliveries" / "truth.json").read_text())["defects"]


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "riverbend"
    result = run("demo", folder, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    return folder, json.loads(result.stdout)


def test_rows_read_are_rows_converted_and_rows_quarantined(demo):
    _, told = demo
    for row in told["deliveries"]:
        assert row["read"] == row["converted"] + row["quarantined"], row
        assert row["loaded"] == row["converted"], row


def test_the_quarantine_holds_what_was_planted_for_it(demo):
    folder, told = demo
    planted = Counter(d["delivery"] for d in TRUTH if d["expect"] in ("quarantine", "both"))
    assert {row["delivery"]: row["quarantined"] for row in told["deliveries"]} == {
        row["delivery"]: planted[row["delivery"]] for row in told["deliveries"]
    }
    assert sum(info.rows for info in layers_of(folder / "out" / "quarantine.gpkg")) == sum(
        r["quarantined"] for r in told["deliveries"]
    )


def test_every_planted_finding_stands_in_the_findings(demo):
    folder, told = demo
    delivered = {row["delivery"] for row in told["deliveries"]}
    planted = {d["code"] for d in TRUTH if d["expect"] in ("finding", "both") and d["delivery"] in delivered}
    assert planted <= {row["code"] for row in told["findings_by_code"]}
    errors = sum(row["found"] for row in told["findings_by_code"] if row["severity"] == "error")
    assert errors >= len(planted - {"T22", "G05"}) and told["refused"].startswith(f"{errors} errors")
    assert json.loads((folder / "out" / "findings.json").read_text())


def test_the_geodatabase_holds_the_city_and_the_deliveries(demo):
    folder, told = demo
    with cg.store(cg.open_city(folder)) as db:
        held = {info.name: info.rows for info in db.layers()}
        assert len(db.changes()) == 2 and set(db.accepted()["reason"]) == {
            "planted in the sample delivery, see sample_data/deliveries/truth.json"
        }
    assert held["hydrant"] == next(row["loaded"] for row in told["deliveries"] if row["layer"] == "hydrant")
    assert read_geopackage(folder / "city.gpkg", "parcel").crs.to_epsg() == 6420


def test_the_sheets_are_there_and_measured(demo):
    _, told = demo
    assert [sheet["checked"] for sheet in told["sheets"]] == [True, True]
    for sheet in told["sheets"]:
        with pypdfium2.PdfDocument(sheet["file"]) as pdf:
            assert len(pdf) == 1


def test_an_existing_folder_is_left_as_it_is(demo, tmp_path):
    folder, _ = demo
    assert run("demo", folder).exit_code == 3
    (tmp_path / "kept.txt").write_text("mine")
    assert run("demo", tmp_path, "--overwrite").exit_code == 3
    assert (tmp_path / "kept.txt").read_text() == "mine"
