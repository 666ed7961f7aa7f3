"""The command: its exit codes, its two streams, its files."""

import json

import pytest
from click.testing import CliRunner
from quality_layers import at, parcels, sound

from citygis.city import open_city
from citygis.cli import main
from citygis.gpkg import write_geopackage
from citygis.readers import sha256_of
from citygis.schema import source_id_of
from citygis.store import store

SOURCES = ("source_id", "created_by_record")


@pytest.fixture
def run():
    def run(*arguments):
        return CliRunner().invoke(main, ["validate", *map(str, arguments)])

    return run


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.gpkg"
    write_geopackage(path, sound())
    return path


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.gpkg"
    write_geopackage(path, {**sound(), "parcel": parcels(at(0, 0, 60, 110), at(59, 0, 61, 110), at(120, 0, 120, 110))})
    return path


def test_a_clean_file_is_0(run, good):
    done = run(good)
    assert done.exit_code == 0, done.output
    assert "0 errors" in done.stdout


def test_errors_are_1_and_told_by_rule(run, bad):
    done = run(bad)
    assert done.exit_code == 1, done.output
    assert "T01" in done.stdout and "1 error, 0 to review" in done.stdout


def test_json_is_one_finding_per_line(run, bad):
    done = run(bad, "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["code"] for line in lines] == ["T01"]
    assert lines[0]["feature"] == "191-190-70"
    assert len(lines[0]["point"]) == 2


def test_any_vector_file_can_be_checked_as_a_layer(run, tmp_path):
    frame = parcels(at(0, 0, 60, 110), at(59, 0, 61, 110))[["apn", "geometry"]].rename(columns={"apn": "pid"})
    path = tmp_path / "lots.shp"
    frame.to_file(path, engine="pyogrio")
    done = run(path, "--as", "parcel", "--key", "pid", "--only", "geometry", "--json", "--quiet")
    assert done.exit_code == 1, done.output
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["code"], line["feature"], line["other"]) for line in lines] == [("T01", "19119070", "19119071")]


def test_files_are_written_once(run, bad, tmp_path):
    out = tmp_path / "report"
    assert run(bad, "--out", out, "--date", "2026-01-02").exit_code == 1
    assert sorted(p.name for p in out.iterdir()) == ["findings.csv", "findings.gpkg", "findings.json", "report.html"]
    again = run(bad, "--out", out)
    assert again.exit_code == 3
    assert "--overwrite" in again.output
    assert run(bad, "--out", out, "--overwrite").exit_code == 1


@pytest.mark.parametrize("name", ["nothing.gpkg", "notes.txt"])
def test_what_cannot_be_checked_is_3(run, tmp_path, name):
    (tmp_path / "notes.txt").write_text("no layers here")
    done = run(tmp_path / name)
    assert done.exit_code == 3
    assert done.stdout == ""


def test_a_geopackage_without_city_layers_asks_which_it_is(run, tmp_path):
    path = tmp_path / "other.gpkg"
    write_geopackage(path, {"lots": parcels()[["apn", "geometry"]]})
    done = run(path)
    assert done.exit_code == 3
    assert "--as LAYER" in done.output


def test_without_file_and_city_there_is_nothing_to_check(run):
    assert run().exit_code == 3


def test_wrong_usage_is_2(run, good):
    assert run(good, "--only", "everything").exit_code == 2


def test_the_layer_of_a_file_and_its_system_can_be_stated(run, tmp_path):
    path = tmp_path / "two.gpkg"
    write_geopackage(path, {"lots": parcels()[["apn", "geometry"]], "more": parcels(at(0, 0, 60, 110))[["apn", "geometry"]]})
    assert run(path, "--as", "parcel", "--only", "geometry").exit_code == 3
    assert run(path, "--as", "parcel", "--only", "geometry", "--layer", "more").exit_code == 0
    assert run(path, "--layer", "more").exit_code == 2


def test_the_store_is_checked_where_no_file_is_named(run, tmp_path):
    (tmp_path / "city.toml").write_text(
        'name = "Sample"\ncounty = "San Joaquin"\nstate = "CA"\ncrs = "EPSG:6420"\nrealization = "NAD83(2011)"\n'
        'epoch = 2010.0\napn_profiles = ["san_joaquin"]\n'
    )
    nothing = run("--city", tmp_path)
    assert nothing.exit_code == 3
    assert not (tmp_path / "city.gpkg").exists()
    county = tmp_path / "county.gpkg"
    write_geopackage(county, {"lots": parcels()[["apn", "geometry"]]})
    layers = {name: frame.assign(**dict.fromkeys(SOURCES, source_id_of(sha256_of(county)))) for name, frame in sound().items()}
    with store(open_city(tmp_path)) as db:
        db.load(layers, source=county)
    done = run("--city", tmp_path)
    assert done.exit_code == 0, done.output
    assert "parcel (4)" in done.stdout
