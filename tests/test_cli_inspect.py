"""`citygis inspect`: results on standard output, and the exit code says whether anything is wrong."""

import json

import delivered
from click.testing import CliRunner

from citygis.cli import main


def run(*args: str):
    return CliRunner().invoke(main, ["inspect", *args])


def test_a_sound_file_is_exit_code_0(tmp_path):
    result = run(str(delivered.write(tmp_path, ".gpkg")))
    assert result.exit_code == 0 and "Looks like parcel" in result.stdout


def test_an_unsettled_frame_is_exit_code_1_and_stating_it_settles_it(tmp_path):
    path = str(delivered.write(tmp_path, ".csv"))
    assert run(path).exit_code == 1
    assert run(path, "--source-crs", "EPSG:6420").exit_code == 0


def test_a_file_that_cannot_be_used_is_exit_code_3_with_one_message(tmp_path):
    result = run(str(tmp_path / "nothing.shp"))
    assert result.exit_code == 3 and result.stderr.count("\n") == 1 and "is not there" in result.stderr and result.stdout == ""


def test_a_frame_that_is_none_is_wrong_usage(tmp_path):
    assert run(str(delivered.write(tmp_path, ".gpkg")), "--source-crs", "EPSG:1").exit_code == 2


def test_json_is_json(tmp_path):
    result = run(str(delivered.write(tmp_path, ".gpkg")), "--json")
    report = json.loads(result.stdout)
    assert report["is_clean"] is True and report["layers"][0]["looks_like"][0]["layer"] == "parcel"


def test_one_layer_can_be_asked_for(tmp_path):
    for name in ("lots", "easements"):
        delivered.parcels().to_file(tmp_path / "a.gpkg", layer=name)
    report = json.loads(run(str(tmp_path / "a.gpkg"), "--layer", "lots", "--json").stdout)
    assert [layer["layer"] for layer in report["layers"]] == ["lots"]
