"""`citygis partition`, and `citygis validate` of what it made."""

import json

from click.testing import CliRunner
from lot_grid import lots
from quality_layers import parcels

from citygis.cli import main


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_files_become_parts_and_the_parts_are_told(tmp_path):
    frame = lots(4, 3)
    frame.loc[0, "geometry"] = None
    frame.to_parquet(tmp_path / "lots.parquet")
    done = run("partition", tmp_path / "lots.parquet", "--out", tmp_path / "parts", "--rows", 6, "--json")
    assert done.exit_code == 0
    said = json.loads(done.stdout)
    assert (said["rows"], said["without_place"], [part["rows"] for part in said["parts"]]) == (12, 1, [6, 5, 1])
    assert "1 rows have no place" in done.stderr
    again = run("partition", tmp_path / "lots.parquet", "--out", tmp_path / "parts")
    assert again.exit_code == 3 and "exists" in again.stderr
    assert "12 rows in 2 parts" in run("partition", tmp_path / "lots.parquet", "--out", tmp_path / "b").stdout


def test_parts_are_validated_with_the_exit_code_of_their_findings(tmp_path):
    frame = parcels()
    frame.to_parquet(tmp_path / "good.parquet")
    frame.loc[1, "geometry"] = frame.geometry[1].buffer(1.0, join_style="mitre")
    frame.to_parquet(tmp_path / "bad.parquet")
    for name, code, found in (("good", 0, []), ("bad", 1, ["T01", "T01"])):
        assert run("partition", tmp_path / f"{name}.parquet", "--out", tmp_path / name, "--rows", 1).exit_code == 0
        done = run("validate", tmp_path / name, "--as", "parcel", "--json")
        assert done.exit_code == code, done.output
        codes = [json.loads(line)["code"] for line in done.stdout.splitlines()]
        assert [code for code in codes if code != "G10"] == found  # what is drawn anew runs the other way round
        assert "Not judged: T03 on parcel" in done.stderr
    assert "T01" in run("validate", tmp_path / "bad", "--as", "parcel", "--only", "geometry").stdout


def test_options_that_do_not_go_together_are_wrong_usage(tmp_path):
    lots(2, 1).to_parquet(tmp_path / "lots.parquet")
    run("partition", tmp_path / "lots.parquet", "--out", tmp_path / "parts")
    assert run("validate", tmp_path / "parts").exit_code == 2
    assert run("validate", tmp_path / "parts", "--as", "parcel", "--out", tmp_path / "report").exit_code == 2
    assert run("validate", tmp_path / "lots.parquet", "--as", "parcel", "--engine", "dask").exit_code == 2
    assert run("validate", tmp_path, "--as", "parcel").exit_code == 3
