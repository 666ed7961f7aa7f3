"""`citygis styles import`: exit code, table and JSON of what was lost, and the file."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from citygis.cli import main
from citygis.sheets.style import read_style

DATA = Path(__file__).parent / "data" / "styles"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return CliRunner().invoke(main, ["styles", "import", *map(str, words)])

    return run


def test_a_style_without_losses_is_written_and_exits_0(run, tmp_path):
    result = run(DATA / "qgis_markers.qml", "--layer", "corner")
    assert result.exit_code == 0, result.output
    assert "Written: qgis_markers.toml" in result.output
    assert read_style("qgis_markers", tmp_path).marker.shape == "triangle"


def test_losses_are_a_table_and_exit_code_1_and_unknown_fields_a_remark(run, tmp_path):
    result = run(DATA / "qgis_categorized.qml", "--layer", "parcel", "--out", "county.toml")
    assert result.exit_code == 1
    assert "the font DejaVu Sans" in result.stdout
    assert "no field 'kind'" in result.stderr
    assert (tmp_path / "county.toml").is_file()


def test_json_names_each_loss_and_its_place(run):
    result = run(DATA / "qgis_categorized.qml", "--layer", "parcel", "--json", "--quiet")
    said = json.loads(result.stdout)
    assert said["dropped"] == [{"where": "labels", "what": "the font DejaVu Sans: the sheet's own"}]
    assert (said["style"], said["layer"]) == ("qgis_categorized.toml", "parcel")
    assert result.stderr == ""


def test_an_unreadable_file_exits_3_and_writes_nothing(run, tmp_path):
    (tmp_path / "bad.qml").write_text("<qgis>")
    result = run("bad.qml", "--layer", "parcel")
    assert result.exit_code == 3
    assert "bad.qml is not well-formed XML" in result.stderr
    assert not (tmp_path / "bad.toml").exists()


def test_a_style_that_exists_is_not_written_over_unasked(run, tmp_path):
    (tmp_path / "qgis_markers.toml").write_text("mine")
    assert run(DATA / "qgis_markers.qml", "--layer", "corner").exit_code == 3
    assert (tmp_path / "qgis_markers.toml").read_text() == "mine"
    assert run(DATA / "qgis_markers.qml", "--layer", "corner", "--overwrite").exit_code == 0


def test_an_unknown_layer_and_another_ending_are_wrong_usage(run):
    result = run(DATA / "qgis_markers.qml", "--layer", "parcell")
    assert result.exit_code == 2
    assert "did you mean 'parcel'" in result.output
    assert run(DATA / "qgis_markers.qml", "--layer", "corner", "--out", "a.yaml").exit_code == 2
