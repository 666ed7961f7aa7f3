"""`citygis series`."""

import json
import shutil

import pikepdf
import pytest
from click.testing import CliRunner
from sheets_city import city_layers

from citygis.cli import main
from citygis.gpkg import write_geopackage
from citygis.sheets import series_templates, sheet_templates
from citygis.sheets.series import Series

SHEET = """
paper = "ansi_b"
scale = "1in=100ft"
layers = ["right_of_way", "parcel", "street_centerline"]
[title_block]
title = "Parcel Map"
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_geopackage(tmp_path_factory.mktemp("city") / "city.gpkg", city_layers(2, 2, cul_de_sac=False))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(SHEET)
    (tmp_path / "atlas.toml").write_text('sheet = "own"\ntitle = "Atlas"\n[grid]\n[index]\nparcels = false\n')
    return tmp_path


def run(store, *arguments):
    return CliRunner().invoke(main, ["series", "atlas.toml", "--from", str(store), *map(str, arguments)])


def test_a_series_is_drawn_measured_and_told(here, store):
    result = run(store, "--out", "atlas.pdf", "--json", "--roll", "36", "--price", "2", "--spool", "night")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["passed"] is True
    assert said["failed"] == []
    numbers = [sheet["number"] for sheet in said["sheets"]]
    assert numbers == ["Index", *map(str, range(1, said["series_sheets"] + 1))]
    assert {sheet["feet_per_inch"] for sheet in said["sheets"][1:]} == {100.0}
    with pikepdf.open(here / "atlas.pdf") as pdf:
        assert len(pdf.pages) == said["pages"]
    assert {path.name for path in (here / "night").iterdir()} == {f"atlas_{number}.pdf" for number in numbers}
    # ANSI B is 11 x 17 in: across a 36-in roll three lie beside each other, 17 in long, or two turned, 11 in long.
    pages = said["pages"]
    assert said["roll"]["length_ft"] * 12 <= -(-pages // 3) * 17 + 1e-6
    assert said["roll"]["paper_sqft"] == pytest.approx(said["roll"]["length_ft"] * 3)
    assert said["roll"]["cost"] == pytest.approx(2 * said["roll"]["paper_sqft"])


def test_an_earlier_run_is_not_drawn_over_and_is_taken_up_when_asked(here, store):
    assert run(store, "--out", "atlas.pdf", "--pages", "1").exit_code == 0
    refused = run(store, "--out", "atlas.pdf")
    assert refused.exit_code == 3
    assert "exists" in refused.stderr
    (here / "atlas.pdf").unlink()
    refused = run(store, "--out", "atlas.pdf")
    assert refused.exit_code == 3
    assert "--resume" in refused.stderr
    said = json.loads(run(store, "--out", "atlas.pdf", "--resume", "--json").stdout)
    assert {sheet["number"] for sheet in said["sheets"] if sheet["kept"]} == {"1"}
    resumed = (here / "atlas.pdf").read_bytes()
    said = json.loads(run(store, "--out", "atlas.pdf", "--overwrite", "--json").stdout)
    assert not any(sheet["kept"] for sheet in said["sheets"])
    assert (here / "atlas.pdf").read_bytes() == resumed


def test_what_is_stopped_leaves_the_sheets_that_are_done(here, store, monkeypatch):
    from citygis.sheets import atlas

    draw = atlas.draw
    calls = []

    def stopped(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return draw(*arguments, **options)

    monkeypatch.setattr(atlas, "draw", stopped)
    result = run(store, "--out", "atlas.pdf")
    assert result.exit_code == 130
    assert "--resume" in result.stderr
    assert not (here / "atlas.pdf").exists()
    assert {path.name for path in (here / "atlas.sheets").iterdir()} == {"atlas_Index.pdf", "atlas_1.pdf", "ledger.jsonl"}


def test_a_folder_holds_single_sheets_each_measured(here, store):
    result = run(store, "--out", "sheets", "--pages", "1-2", "--quiet")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in (here / "sheets").glob("*.pdf")) == ["sheets_1.pdf", "sheets_2.pdf"]
    assert not list(here.glob("*.pdf"))
    assert "Checks passed" in result.stdout
    assert result.stderr == ""


def test_a_sheet_that_is_not_there_is_told(here, store):
    refused = run(store, "--pages", "40")
    assert refused.exit_code == 3
    assert "no sheet '40'" in refused.stderr
    (here / "atlas.toml").write_text('sheet = "gone"\n[grid]\n')
    assert "gone.toml is not there" in run(store).stderr
    assert run(store, "--price", "2").exit_code == 2


@pytest.mark.parametrize("path", series_templates(), ids=lambda path: path.stem)
def test_the_ready_series_name_a_ready_sheet_and_can_be_drawn(path, tmp_path, monkeypatch, store):
    monkeypatch.chdir(tmp_path)
    for template in (*sheet_templates(), *series_templates()):
        shutil.copy(template, tmp_path)
    text = path.read_text().replace("Main Street", "Bluegill Street")
    (tmp_path / path.name).write_text(text)
    assert Series.from_file(path).sheet in {template.stem for template in sheet_templates()}
    result = CliRunner().invoke(main, ["series", path.name, "--from", str(store), "--pages", "1", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["passed"] is True
