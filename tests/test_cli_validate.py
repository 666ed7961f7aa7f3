"""The command: its exit codes, its two streams, its files."""

import json

import pytest
from click.testing import CliRunner
from quality_layers import at, parcels, sound

from citygis.city import open_city
from citygis.cli import main
from citygis.findings import SEVERITIES
from citygis.gpkg import write_geopackage
from citygis.quality import CATALOGUE, RULES
from citygis.readers import sha256_of
from citygis.schema import source_id_of
from citygis.store import store

SOURCES = ("source_id", "created_by_record")
CITY = """
name = "Sample"
county = "San Joaquin"
state = "CA"
crs = "EPSG:6420"
realization = "NAD83(2011)"
epoch = 2010.0
apn_profiles = ["san_joaquin"]
"""


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
    assert sorted(p.name for p in out.iterdir()) == [
        "findings.csv",
        "findings.gpkg",
        "findings.json",
        "findings.sarif",
        "report.html",
    ]
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
    (tmp_path / "city.toml").write_text(CITY)
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


@pytest.mark.parametrize(("level", "code"), [("error", 1), ("review", 1), ("never", 0)])
def test_an_error_fails_unless_nothing_is_to(run, bad, level, code):
    assert run(bad, "--fail-on", level).exit_code == code


def test_something_to_review_fails_only_where_it_is_asked(run, bad, tmp_path):
    (tmp_path / "city.toml").write_text(CITY + '[rules.T01]\nseverity = "review"\n')
    found = [json.loads(line) for line in run(bad, "--city", tmp_path, "--json").stdout.splitlines()]
    assert {each["severity"] for each in found} == {"review"}, found
    assert run(bad, "--city", tmp_path).exit_code == 0
    assert run(bad, "--city", tmp_path, "--fail-on", "review").exit_code == 1


@pytest.fixture
def granted(run, bad, tmp_path):
    """What the page saves when its one overlap is accepted."""
    found = json.loads(run(bad, "--json", "--quiet").stdout)
    path = tmp_path / "saved.json"
    said = {name: found[name] for name in ("finding_id", "code", "layer", "feature", "other")}
    path.write_text(
        json.dumps([{**said, "reason": "two surveys, case 26-014", "accepted_by": "R. Ortega", "accepted_on": "2026-01-02"}])
    )
    return path


def test_what_was_accepted_on_the_page_is_counted_and_does_not_fail(run, bad, granted, tmp_path):
    register = tmp_path / "exceptions.toml"
    done = run(bad, "--exceptions", register, "--accept-file", granted, "--out", tmp_path / "report")
    assert done.exit_code == 0, done.output
    assert "0 errors, 0 to review, 0 for information; 1 accepted with a reason" in done.stdout
    assert "case 26-014" in register.read_text()
    assert "case 26-014" in (tmp_path / "report" / "report.html").read_text()
    log = json.loads((tmp_path / "report" / "findings.sarif").read_text())
    assert [each["suppressions"][0]["justification"] for each in log["runs"][0]["results"]] == ["two surveys, case 26-014"]
    assert run(bad, "--exceptions", register).exit_code == 0, "the register holds in the next run"
    assert run(bad).exit_code == 1, "and nowhere else"


def test_an_exception_ends_when_its_parcel_is_drawn_otherwise(run, bad, granted, tmp_path):
    register = tmp_path / "exceptions.toml"
    assert run(bad, "--exceptions", register, "--accept-file", granted).exit_code == 0
    write_geopackage(
        bad, {**sound(), "parcel": parcels(at(0, 0, 60, 109), at(59, 0, 61, 110), at(120, 0, 120, 110))}, overwrite=True
    )
    done = run(bad, "--exceptions", register)
    assert done.exit_code == 1
    assert "does not hold any more" in done.stderr and "drawn otherwise" in done.stderr


def test_a_register_that_is_named_must_be_there(run, bad, tmp_path):
    done = run(bad, "--exceptions", tmp_path / "nowhere.toml")
    assert done.exit_code == 3
    assert "nowhere.toml" in done.output


def test_exceptions_need_a_register_to_go_to(run, bad, granted):
    assert run(bad, "--accept-file", granted).exit_code == 2


def test_what_changed_since_the_last_run_is_told(run, bad, good, tmp_path):
    before = tmp_path / "before"
    run(good, "--out", before)
    done = run(bad, "--previous", before, "--out", tmp_path / "now")
    line = next(line for line in done.stdout.split("Since the last run")[1].splitlines() if "T01" in line)
    assert line.split() == ["T01", "0", "1", "0", "0", "0", "0", "1"]
    assert "Since the last run" in (tmp_path / "now" / "report.html").read_text()
    mended = run(good, "--previous", tmp_path / "now")
    line = next(line for line in mended.stdout.split("Since the last run")[1].splitlines() if "T01" in line)
    assert line.split() == ["T01", "1", "0", "0", "1", "0", "0", "0"]


def test_the_last_run_is_read_before_it_is_overwritten(run, bad, tmp_path):
    run(bad, "--out", tmp_path / "out")
    done = run(bad, "--previous", tmp_path / "out", "--out", tmp_path / "out", "--overwrite")
    line = next(line for line in done.stdout.split("Since the last run")[1].splitlines() if "T01" in line)
    assert line.split() == ["T01", "1", "0", "0", "0", "0", "1", "1"]


def test_the_rules_are_listed_one_to_a_line_with_what_to_do(run):
    told = [json.loads(line) for line in run("--rules", "--json").stdout.splitlines()]
    assert {(each["code"], each["name"]) for each in told} == set(CATALOGUE)
    assert all(each["remedy"] and each["severity"] in SEVERITIES for each in told)
    (overlap,) = [each for each in told if (each["code"], each["name"]) == ("T01", "overlap")]
    assert (overlap["severity"], overlap["tolerance"], overlap["unit"], overlap["off"]) == ("error", 0.01, "ft", None)
    table = run("--rules")
    assert table.exit_code == 0
    assert all(f" {code} " in table.stdout for code in RULES)


def test_the_rules_are_listed_as_the_city_applies_them(run, tmp_path):
    (tmp_path / "city.toml").write_text(
        CITY + '[rules.T13]\nseverity = "info"\ntolerance = 0.25\n[rules.T30]\noff = "districts are drawn by hand"\n'
    )
    told = [json.loads(line) for line in run("--rules", "--json", "--city", tmp_path).stdout.splitlines()]
    landlocked = next(each for each in told if (each["code"], each["name"]) == ("T13", "landlocked"))
    assert (landlocked["severity"], landlocked["tolerance"]) == ("info", 0.25)
    assert {each["off"] for each in told if each["code"] == "T30"} == {"districts are drawn by hand"}
    assert "Off: districts are drawn by hand" in run("--rules", "--city", tmp_path).stdout


def test_listing_the_rules_checks_nothing(run, bad, tmp_path):
    assert run(bad, "--rules").exit_code == 2
    assert run("--rules", "--out", tmp_path / "report").exit_code == 2
    assert not (tmp_path / "report").exists()
