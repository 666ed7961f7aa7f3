"""The commands of a day's work on either kind of store: a GeoPackage, or a PostGIS database."""

import json

import pytest
from click.testing import CliRunner
from store_city import parcels, source

from citygis.cli import main
from citygis.gpkg import write_geopackage
from citygis.schema import schema


@pytest.fixture
def run(any_city, tmp_path):
    def run(*arguments):
        outcome = CliRunner().invoke(main, [*map(str, arguments), "--city", str(any_city.folder)], prog_name="citygis")
        assert outcome.exit_code in (0, 1), outcome.output
        return outcome.stdout

    path = write_geopackage(tmp_path / "p.gpkg", {"parcel": parcels(4), "source_document": source()}, schema=schema())
    assert json.loads(run("load", path, "--json", "--accept", "T22=not surveyed yet"))["change_id"] == 1
    return run


def test_what_was_loaded_is_told_checked_and_taken_back(run, any_city):
    assert [row["id"] for row in json.loads(run("history", "--json"))] == [1]
    assert json.loads(run("explain", "10000001", "--json"))["entity"] == "roll.zip/roll#2"
    assert "parcel (4)" in run("validate", "--only", "geometry")
    assert json.loads(run("undo", 1, "--json"))["change_id"] == 2
    assert json.loads(run("history", "--json"))[1]["undo_of"] == 1


def test_a_sheet_is_drawn_from_the_store(run, tmp_path):
    sheet = tmp_path / "lots.toml"
    sheet.write_text(
        'paper = "ansi_a"\nscale = "1in=50ft"\nlayers = ["parcel"]\n[view]\nlayer = "parcel"\ncentre = "features"\n'
        '[title_block]\ntitle = "Lots"\n',
        encoding="utf-8",
    )
    told = json.loads(run("sheet", sheet, "--out", tmp_path / "lots.pdf", "--json"))
    assert (tmp_path / "lots.pdf").stat().st_size > 5_000
    assert told
