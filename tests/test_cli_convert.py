"""`citygis convert` from the outside: what it writes, prints and returns."""

import json
import tomllib

import pandas as pd
import pytest
from click.testing import CliRunner
from delivery import delivery

from citygis.cli import main
from citygis.convert import parse_crosswalk
from citygis.gpkg import layers_of, read_geopackage

WALK = """
agency = "County (fictional)"
layer = "parcel"
[document]
doc_type = "COUNTY_EXTRACT"
[fields.apn]
from = "AIN"
"""


@pytest.fixture
def folder(tmp_path):
    raw = delivery({"AIN": pd.Series(["191-190-74", "S.P.R.R.", "191-190-76"], dtype="str"), "SPARE": [1, 2, 3]})
    raw.drop(columns=["source_id", "source_ref"]).to_file(tmp_path / "county.gpkg", layer="parcels")
    (tmp_path / "county.toml").write_text(WALK)
    return tmp_path


def run(folder, *arguments):
    paths = [str(folder / a) if a.endswith((".gpkg", ".toml")) else a for a in arguments]
    return CliRunner().invoke(main, ["convert", *paths])


def test_rows_add_up_and_everything_lies_in_one_file(folder):
    result = run(folder, "county.gpkg", "--to", "parcel", "--out", "out.gpkg", "--crosswalk", "county.toml", "--json")
    assert result.exit_code == 1, result.output
    said = json.loads(result.stdout)
    assert (said["rows_in"], said["rows_out"], said["rows_quarantined"]) == (3, 2, 1)
    assert said["quarantined_by_code"] == {"C03": 1}
    assert said["frame"]["accuracy_ft"] == 0
    assert {layer.name: layer.rows for layer in layers_of(folder / "out.gpkg")} == {
        "parcel": 2,
        "source_document": 1,
        "quarantine": 1,
        "findings": said["findings_by_code"]["C03"] + said["findings_by_code"]["C08"],
    }
    parcels = read_geopackage(folder / "out.gpkg", "parcel")
    document = read_geopackage(folder / "out.gpkg", "source_document").iloc[0]
    assert parcels["apn"].tolist() == ["19119074", "19119076"]
    assert set(parcels["source_id"]) == {document.doc_id}
    assert (document.doc_type, document.unit, document.agency) == ("COUNTY_EXTRACT", "FT_US", "County (fictional)")
    quarantine = read_geopackage(folder / "out.gpkg", "quarantine").iloc[0]
    assert (quarantine.AIN, quarantine.quarantine_code) == ("S.P.R.R.", "C03")


def test_without_a_crosswalk_the_draft_is_written_beside_and_converts_the_same(folder):
    first = run(folder, "county.gpkg", "--to", "parcel", "--out", "out.gpkg")
    assert first.exit_code == 1
    drafted = folder / "out.crosswalk.toml"
    assert parse_crosswalk(tomllib.loads(drafted.read_text())).is_draft
    assert str(drafted) in first.stdout
    run(folder, "county.gpkg", "--to", "parcel", "--out", "again.gpkg", "--crosswalk", "out.crosswalk.toml")
    pd.testing.assert_frame_equal(
        pd.DataFrame(read_geopackage(folder / "out.gpkg", "parcel")),
        pd.DataFrame(read_geopackage(folder / "again.gpkg", "parcel")),
    )


def test_the_same_file_gives_the_same_bytes(folder):
    arguments = ("county.gpkg", "--to", "parcel", "--crosswalk", "county.toml", "--quiet", "--out")
    run(folder, *arguments, "a.gpkg")
    run(folder, *arguments, "b.gpkg")
    assert (folder / "a.gpkg").read_bytes() == (folder / "b.gpkg").read_bytes()


def test_what_is_there_stays_unless_told_otherwise(folder):
    (folder / "out.gpkg").write_text("mine")
    arguments = ("county.gpkg", "--to", "parcel", "--out", "out.gpkg", "--crosswalk", "county.toml")
    refused = run(folder, *arguments)
    assert refused.exit_code == 3
    assert "--overwrite" in refused.stderr
    assert (folder / "out.gpkg").read_text() == "mine"
    assert run(folder, *arguments, "--overwrite").exit_code == 1


def test_the_delivery_is_never_written_over(folder):
    before = (folder / "county.gpkg").read_bytes()
    (folder / "link.gpkg").symlink_to(folder / "county.gpkg")
    for out in ("county.gpkg", "link.gpkg"):
        result = run(folder, "county.gpkg", "--to", "parcel", "--out", out, "--crosswalk", "county.toml", "--overwrite")
        assert result.exit_code == 3 and "the delivery itself" in result.stderr
    assert (folder / "county.gpkg").read_bytes() == before


def test_a_geopackage_is_not_written_under_the_name_of_another_format(folder):
    result = run(folder, "county.gpkg", "--to", "parcel", "--out", str(folder / "out.shp"))
    assert result.exit_code == 2 and ".gpkg" in result.stderr
    assert not (folder / "out.shp").exists()


def test_clean_data_ends_with_zero_and_silence_on_the_error_stream(folder):
    delivery({"AIN": pd.Series(["191-190-74"], dtype="str")}).drop(columns=["source_id", "source_ref"]).to_file(
        folder / "clean.gpkg"
    )
    result = run(folder, "clean.gpkg", "--to", "parcel", "--out", "out.gpkg", "--crosswalk", "county.toml", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.gpkg", "--to", "parcel"), "none.gpkg"),
        (("county.gpkg", "--to", "parcels"), "no City layer"),
        (("county.gpkg", "--to", "parcel", "--crosswalk", "nobody"), "no crosswalk 'nobody'"),
        (("county.gpkg", "--to", "zoning", "--crosswalk", "county.toml"), "is for the layer parcel"),
    ],
)
def test_a_refusal_is_one_message_and_changes_nothing(folder, arguments, said):
    before = sorted(path.name for path in folder.iterdir())
    result = run(folder, *arguments, "--out", "out.gpkg")
    assert result.exit_code == 3
    assert said in result.stderr
    assert "Traceback" not in result.output
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_wrong_source_crs_is_wrong_usage(folder):
    result = run(folder, "county.gpkg", "--to", "parcel", "--out", "out.gpkg", "--source-crs", "EPSG:nonsense")
    assert result.exit_code == 2
    assert "--source-crs" in result.stderr
