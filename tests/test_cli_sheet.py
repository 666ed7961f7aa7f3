"""`citygis sheet`."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from sheets_city import city_layers
from store_city import make_city

from citygis.cli import main
from citygis.cli.sheet import find_sheet
from citygis.gpkg import write_geopackage
from citygis.sheets import sheet_templates


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return write_geopackage(tmp_path_factory.mktemp("city") / "city.gpkg", city_layers(2, 3))


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in sheet_templates():
        shutil.copy(path, tmp_path)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, ["sheet", *map(str, arguments)])


@pytest.mark.parametrize(
    ("name", "paper"), [("parcel_map", "map_act_18x26, 26 x 18 in"), ("parcel_wall_map", "arch_d, 36 x 24 in")]
)
def test_a_ready_sheet_is_drawn_and_measured(here, store, name, paper):
    result = run(f"{name}.toml", "--from", store)
    assert result.exit_code == 0, result.output
    assert (here / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    assert paper in result.stdout
    assert "blank margin" in result.stdout


def test_what_drew_nothing_is_said_on_standard_error(here, store):
    result = run("parcel_map.toml", "--from", store)
    assert "hydrant drew nothing" in result.stderr
    assert "hydrant" not in result.stdout
    assert run("parcel_map.toml", "--from", store, "--overwrite", "--quiet").stderr == ""


def test_json_says_paper_scale_counts_and_checks(here, store):
    said = json.loads(run("parcel_map.toml", "--from", store, "--json", "--png", "map.png").stdout)
    assert said["feet_per_inch"] == 100
    assert said["passed"] is True
    assert {row["style"] for row in said["styles"]} >= {"parcel", "right_of_way"}
    assert (here / "map.png").read_bytes().startswith(b"\x89PNG")
    assert all(set(row) >= {"text", "reason", "key"} for row in said["unlabelled"])


@pytest.mark.parametrize(
    ("name", "begins"), [("map.plt", b"\x1b%-12345X"), ("map.svg", b"<"), ("map.tif", b"II*\x00"), ("map.png", b"\x89PNG")]
)
def test_the_ending_says_what_is_written_and_the_sheet_is_measured_all_the_same(here, store, name, begins):
    result = run("letter_exhibit.toml", "--from", store, "--out", name, "--dpi", "60", "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert (here / name).read_bytes().startswith(begins)
    assert said["files"] == [name]
    assert said["passed"] is True
    assert not list(here.glob("*.pdf"))


def test_another_scale_is_drawn_when_asked(here, store):
    said = json.loads(run("letter_exhibit.toml", "--from", store, "--scale", "1in=60ft", "--json").stdout)
    assert said["feet_per_inch"] == 60
    refused = run("letter_exhibit.toml", "--from", store, "--scale", "1:1200", "--overwrite")
    assert refused.exit_code == 3
    assert "1in=100ft" in refused.stderr


def test_tables_without_room_are_pages_of_the_same_file(here, store):
    (here / "own.toml").write_text(
        (here / "letter_exhibit.toml").read_text().replace("layers =", "dimensions = {}\nlayers =").replace("100ft", "50ft")
    )
    said = json.loads(run("own.toml", "--from", store, "--json").stdout)
    assert said["passed"] is True
    assert said["pages"] > 1
    assert isinstance(said["undimensioned"], list)


def test_a_sheet_that_lacks_what_its_profile_asks_writes_nothing(here, store):
    text = (here / "map_act.toml").read_text()
    (here / "own.toml").write_text(text.replace("[seal]", "").replace('text = "Licensed land surveyor"', ""))
    result = run("own.toml", "--from", store)
    assert result.exit_code == 3
    assert "[seal]" in result.stderr
    assert "66434" in result.stderr
    assert not list(here.glob("*.pdf"))


def test_a_file_that_is_there_is_left_alone(here, store):
    (here / "parcel_map.pdf").write_text("mine")
    result = run("parcel_map.toml", "--from", store)
    assert result.exit_code == 3
    assert "--overwrite" in result.stderr
    assert (here / "parcel_map.pdf").read_text() == "mine"


def test_a_sheet_is_found_in_the_citys_folder(here, store, tmp_path):
    assert CliRunner().invoke(main, ["init", "riverbend", "--name", "City of Riverbend", "--quiet"]).exit_code == 0
    (here / "parcel_map.toml").unlink()
    result = run("parcel_map.toml", "--city", "riverbend", "--from", store)
    assert result.exit_code == 0, result.output
    assert (here / "parcel_map.pdf").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.toml"], "nowhere.toml"),
        (["parcel_map.toml", "--from", "gone.gpkg"], "gone.gpkg"),
        (["parcel_map.toml"], "--city"),
        (["parcel_map.toml", "--from", "parcel_map.toml"], "parcel_map.toml"),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_written(here, arguments, said):
    result = run(*arguments)
    assert result.exit_code == 3
    assert said in result.stderr
    assert not list(here.glob("*.pdf"))


def test_only_the_ground_of_the_frame_is_read(store):
    from citygis.city import default_city
    from citygis.sheets import Sheet, sheet_layers

    west, south, *_ = city_layers(2, 3)["parcel"].total_bounds
    sheet = Sheet(
        paper="ansi_a",
        scale="1in=50ft",
        view={"centre": (west + 100, south + 100)},
        layers=("parcel",),
        title_block={"title": "Part"},
    )
    layers = sheet_layers(sheet, store, city=default_city())
    assert 0 < len(layers["parcel"]) < 60
    assert set(layers["parcel"].columns) == {"apn_display", "lot", "parcel_kind", "status", "geometry"}
    assert "corner" not in layers


@pytest.mark.parametrize("name", ["parcel_map.toml", "parcel_map", "sheets/parcel_map.toml"])
def test_a_sheet_is_found_by_name_or_path(tmp_path, name):
    city = make_city(tmp_path / "city")
    (tmp_path / "city" / "sheets").mkdir()
    wanted = tmp_path / "city" / "sheets" / "parcel_map.toml"
    wanted.write_text("")
    assert find_sheet(Path(name), city) == wanted
