"""`citygis load` as a user runs it."""

import datetime
import json

import geopandas as gpd
import pandas as pd
import pytest
from click.testing import CliRunner
from shapely.affinity import scale, translate
from store_city import make_city, parcels, source

from citygis.cli import main
from citygis.findings import findings_frame
from citygis.gpkg import write_geopackage
from citygis.quality import validate
from citygis.quality.exceptions import accepted, write_exceptions
from citygis.schema import schema
from citygis.store import store


@pytest.fixture
def city(tmp_path):
    return make_city(tmp_path / "city")


def run(*arguments):
    return CliRunner().invoke(main, ["load", *map(str, arguments)], prog_name="citygis")


def converted(folder, frame, **more):
    layers = {"parcel": frame, "source_document": source(), **more}
    return write_geopackage(folder / "parcels.gpkg", layers, schema=schema(), overwrite=True)


def overlapping():
    frame = parcels(3)
    frame.loc[1, "geometry"] = translate(frame.geometry[0], 40)
    return frame.assign(calc_area_sqft=frame.geometry.area)


def test_a_converted_file_is_loaded_and_loading_it_again_changes_nothing(tmp_path, city):
    path = converted(tmp_path, parcels(5), quarantine=pd.DataFrame({"quarantine_code": ["C01"] * 2}))
    first = run(path, "--city", city.folder, "--message", "first roll")
    assert first.exit_code == 0, first.output
    assert "2 rows are in the file's quarantine" in first.output and "Loaded as change 1." in first.output
    again = run(path, "--city", city.folder, "--json", "--quiet")
    assert again.exit_code == 0 and again.stderr == ""
    told = json.loads(again.stdout)
    assert told["change_id"] is None and told["quarantined"] == 2
    assert told["layers"]["parcel"] == {"added": 0, "updated": 0, "unchanged": 5, "absent": 0, "retired": 0}
    assert store(city).changes()["message"].tolist() == ["first roll"]


def test_an_error_is_refused_until_it_is_accepted_with_a_reason(tmp_path, city):
    path = converted(tmp_path, overlapping())
    refused = run(path, "--city", city.folder)
    assert refused.exit_code == 3
    assert '--accept T01="reason"' in refused.stderr and refused.stdout == ""
    assert len(store(city).read("parcel")) == 0
    loaded = run(path, "--city", city.folder, "--accept", "T01=two surveys disagree = case 26-014")
    assert loaded.exit_code == 0, loaded.output
    assert store(city).accepted()["reason"].tolist() == ["two surveys disagree = case 26-014"]
    assert run(path, "--city", city.folder).exit_code == 0


def test_lots_over_a_parcel_that_nobody_retired_are_refused_with_its_number_and_what_retires_it(tmp_path, city):
    assert run(converted(tmp_path, parcels(3)), "--city", city.folder).exit_code == 0
    lots = parcels(2, apns=["20000000", "20000001"])
    west = lots.geometry[0]
    shapes = [translate(scale(west, 0.5, origin=(west.bounds[0], west.bounds[1])), east) for east in (0, 40)]
    lots = lots.set_geometry(gpd.GeoSeries(shapes, crs=lots.crs)).assign(calc_area_sqft=4000.0)
    path = converted(tmp_path, lots)
    refused = run(path, "--city", city.folder)
    assert refused.exit_code == 3 and len(store(city).read("parcel")) == 3
    assert "100-000-00" in refused.stderr and "citygis diff --apply" in refused.stderr and '--accept T01="reason"' in refused.stderr
    loaded = run(path, "--city", city.folder, "--accept", "T01=case 26-014", "--json")
    assert loaded.exit_code == 0, loaded.output
    brought = json.loads(loaded.stdout)["brought"]
    assert [each["code"] for each in brought] == ["T01", "T01"]
    assert all("100-000-00 is the City's already and would stay under" in each["message"] for each in brought)


def excepted(city, frame):
    """The overlaps of a frame entered in the City's register."""
    layers = {"parcel": frame, "source_document": source()}
    found = validate(layers, city=city).query("code == 'T01'")
    told = {"reason": "two surveys disagree", "accepted_by": "R. Okafor", "accepted_on": datetime.date(2026, 10, 20)}
    write_exceptions(city.exceptions_path, accepted(found, layers, city=city, **told))


def test_an_error_in_the_register_of_exceptions_does_not_stand_in_the_way_and_is_told(tmp_path, city):
    path = converted(tmp_path, overlapping())
    excepted(city, overlapping())
    loaded = run(path, "--city", city.folder, "--json")
    assert loaded.exit_code == 0, loaded.output
    told = json.loads(loaded.stdout)
    assert [(each["code"], each["reason"], each["accepted_by"]) for each in told["excused"]] == [
        ("T01", "two surveys disagree", "R. Okafor")
    ]
    assert told["accepted"] == [] and len(store(city).read("parcel")) == 3
    again = run(path, "--city", city.folder)
    said = " ".join(again.stdout.split())  # a title breaks where its table is narrow
    assert again.exit_code == 0 and "Accepted in the register of exceptions" in said and "two surveys disagree" in said


def test_an_exception_for_ground_that_changed_does_not_let_the_error_pass(tmp_path, city):
    excepted(city, overlapping())
    wider = overlapping()
    wider.loc[1, "geometry"] = translate(wider.geometry[1], -5)
    refused = run(converted(tmp_path, wider), "--city", city.folder)
    assert refused.exit_code == 3 and '--accept T01="reason"' in refused.stderr
    assert "is drawn otherwise" in refused.stderr
    assert len(store(city).read("parcel")) == 0


def test_an_exception_for_one_error_does_not_cover_another(tmp_path, city):
    excepted(city, overlapping())
    both = overlapping()
    both.loc[2, "apn"] = both.loc[0, "apn"]
    refused = run(converted(tmp_path, both), "--city", city.folder)
    assert refused.exit_code == 3 and "A06" in refused.stderr and "T01" not in refused.stderr.split("in the way")[-1]


def test_an_error_that_the_conversion_found_stands_in_the_way_too(tmp_path, city):
    told = findings_frame(
        [{"code": "D01", "rule": "frame_stated_by_draft", "severity": "error", "layer": "parcel", "message": "datum drafted"}],
        crs=city.crs,
    )
    path = converted(tmp_path, parcels(2), findings=told)
    refused = run(path, "--city", city.folder)
    assert refused.exit_code == 3 and '--accept D01="reason"' in refused.stderr
    assert run(path, "--city", city.folder, "--accept", "D01=the county says NAD83(2011)").exit_code == 0


@pytest.mark.parametrize("accept", ["T01", "T01=", "=reason", " = "])
def test_an_accept_without_code_or_reason_is_wrong_usage(tmp_path, city, accept):
    path = converted(tmp_path, overlapping())
    assert run(path, "--city", city.folder, "--accept", accept).exit_code == 2


def test_two_reasons_for_one_code_are_wrong_usage(tmp_path, city):
    path = converted(tmp_path, overlapping())
    assert run(path, "--city", city.folder, "--accept", "T01=one", "--accept", "T01=another").exit_code == 2
    assert run(path, "--city", city.folder, "--accept", "T01=one", "--accept", "T01=one").exit_code == 0


def test_an_unknown_code_is_refused(tmp_path, city):
    refused = run(converted(tmp_path, parcels(1)), "--city", city.folder, "--accept", "Q77=why")
    assert refused.exit_code == 3 and "Q77" in refused.stderr


def test_a_file_that_cannot_be_loaded_is_one_clear_error(tmp_path, city):
    raw = write_geopackage(tmp_path / "raw.gpkg", {"lots": parcels(1)})
    (tmp_path / "empty.gpkg").touch()
    (tmp_path / "text.csv").write_text("apn\n1\n")
    cases = {"raw": "citygis convert", "empty": "empty", "text": "not a GeoPackage", "none": "not there", "folder": "a folder"}
    paths = {"raw": raw, "empty": tmp_path / "empty.gpkg", "text": tmp_path / "text.csv", "none": tmp_path / "none.gpkg"}
    for name, said in cases.items():
        path = paths.get(name, tmp_path)
        refused = run(path, "--city", city.folder)
        assert refused.exit_code == 3 and said in refused.stderr, refused.output
        assert "Traceback" not in refused.output
    assert not city.store_path.exists()


def test_without_a_city_it_says_to_name_one(tmp_path):
    refused = run(converted(tmp_path, parcels(1)))
    assert refused.exit_code == 3 and "--city" in refused.stderr
