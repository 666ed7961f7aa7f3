"""`citygis run` and `scripts/nightly_county.py`: the county refresh that comes with citygis, on the sample city, twice."""

import json
import runpy
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT
from job_city import riverbend

import citygis as cg
from citygis.cli import main
from citygis.packaged import packaged_folder

SAMPLE = packaged_folder("sample_data")
TRUTH = json.loads((SAMPLE / "deliveries" / "truth.json").read_text())


def run(*arguments):
    return CliRunner().invoke(main, ["run", *map(str, arguments)])


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "riverbend"
    shutil.copytree(riverbend(tmp_path_factory), folder)
    first = run("county_refresh", "--city", folder, "--json", "--quiet")
    return folder, first


def stored(folder):
    with cg.store(cg.open_city(folder)) as db:
        return db.read("parcel").set_index("apn"), db.changes()


def test_the_county_refresh_takes_in_what_its_truth_says(refreshed):
    folder, first = refreshed
    assert first.exit_code == 1, first.stderr
    told = json.loads(first.stdout)
    assert {step["state"] for step in told["steps"]} == {"done", "skipped"}
    counts = next(step["counts"] for step in told["steps"] if step["id"] == "changes")
    planted = [change["change"] for change in TRUTH["changes"]]
    assert [counts["split"], counts["merged"]] == [planted.count("SPLIT"), planted.count("MERGE")]
    parcels, changes = stored(folder)
    for change in TRUTH["changes"]:
        if change["change"] in ("SPLIT", "MERGE", "RENUMBER"):
            assert set(change["new"]) <= set(parcels.index) and not set(change["old"]) & set(parcels.index)
    assert len(changes) == 3 and changes["message"].iloc[-1].startswith("County assessor's refresh")


def test_a_second_run_does_nothing(refreshed):
    folder, _ = refreshed

    def files():
        changing = ("ledger.jsonl", "ledger.head", "run.html", "city.gpkg-shm", "city.gpkg-wal")
        return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name not in changing}

    before = files()
    again = run("county_refresh", "--city", folder, "--json", "--quiet")
    told = json.loads(again.stdout)
    assert {step["state"] for step in told["steps"]} == {"unchanged", "skipped"}
    said = run("county_refresh", "--city", folder, "--quiet").stdout
    assert "Nothing to do" in said and "Left for a person:" in said and "county_review.csv" in said
    assert all(Path(line.split("see ")[1]).is_file() for line in said.splitlines() if line.startswith("    see "))
    assert files() == before and len(stored(folder)[1]) == 3


def test_the_table_and_the_dry_run_say_the_same(refreshed):
    folder, _ = refreshed
    dry = run("county_refresh", "--city", folder, "--dry")
    assert dry.exit_code == 0 and "Nothing was written" in dry.stdout and "unchanged" in dry.stdout
    assert "load_parcels" in dry.stdout


def test_wrong_usage_and_refusals_have_their_codes(refreshed):
    folder, _ = refreshed
    assert run("county_refresh", "--city", folder, "--scheduler", "tcp://gis:8786").exit_code == 2
    assert run("county_refresh", "--city", folder, "--at", "yesterday").exit_code == 2
    gone = run("county_refersh", "--city", folder)
    assert gone.exit_code == 3 and "There are: county_refresh" in gone.stderr


def test_the_nightly_script_ends_as_the_command_does(refreshed, capsys):
    folder, _ = refreshed
    script = runpy.run_path(str(ROOT / "scripts" / "nightly_county.py"))
    assert script["main"]([str(folder), "--dry"]) == 0 and "load_parcels: unchanged" in capsys.readouterr().out
    assert script["main"]([str(folder), "--job", "gone"]) == 3
