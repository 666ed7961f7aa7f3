"""`citygis styles`."""

import io
import json

import pypdfium2
import pytest
from click.testing import CliRunner
from PIL import Image

from citygis.cli import main


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def city(run, tmp_path):
    """A City's folder with two styles of its own."""
    folder = tmp_path / "riverbend"
    assert run("init", folder).exit_code == 0
    (folder / "styles").mkdir(exist_ok=True)
    (folder / "styles" / "parcel.toml").write_text('layer = "parcel"\ntitle = "Ours"\nline = {}\n')
    (folder / "styles" / "wells.toml").write_text('layer = "hydrant"\nlegend = "Well"\nmarker = { shape = "target" }\n')
    return folder


def test_styles_are_listed_with_their_layer_their_fields_and_whence_they_are(run, city):
    listed = {style["name"]: style for style in json.loads(run("styles", "--city", city, "--json").stdout)}
    assert listed["wells"] == {"name": "wells", "layer": "hydrant", "title": "", "whence": "city", "fields": []}
    assert (listed["parcel"]["title"], listed["parcel"]["whence"]) == ("Ours", "city")
    assert listed["easement"]["fields"] == ["status", "width_ft", "purpose"]
    assert "easement" in run("styles").stdout


def test_right_files_are_exit_code_0_and_wrong_ones_3_with_every_problem(run, city):
    assert run("styles", "check", "--city", city).exit_code == 0
    wrong = city / "styles" / "wrong.toml"
    wrong.write_text(
        'layer = "parcel"\nfield = "parcel_kin"\nclasses = [{ values = ["FEE"], fill = "#ffffff" }]\n[label]\nrows = []\n'
    )
    result = run("styles", "check", "--city", city)
    assert result.exit_code == 3 and "wrong.toml" in result.stdout and "label.rows" in result.stdout
    wrong.write_text('layer = "parcel"\nfield = "parcel_kin"\nclasses = [{ values = ["FEE"], fill = "#ffffff" }]\n')
    result = run("styles", "check", wrong, "--city", city, "--json")
    assert result.exit_code == 3
    (problem,) = json.loads(result.stdout)["problems"]
    assert "did you mean 'parcel_kind'" in problem["problem"]


def test_a_style_is_shown_at_print_size(run, tmp_path):
    out = tmp_path / "easement.pdf"
    assert run("styles", "show", "easement_hatched", "--out", out).exit_code == 0
    with pypdfium2.PdfDocument(out.read_bytes()) as document:
        assert document[0].get_size() == (612, 792)
        words = document[0].get_textpage().get_text_range()
    assert "Public utility easement" in words and "5.6 pt, italic" in words


def test_a_theme_is_shown_without_colour(run, tmp_path):
    out = tmp_path / "easement.png"
    assert run("styles", "show", "easement_hatched", "--theme", "black", "--out", out).exit_code == 0
    image = Image.open(io.BytesIO(out.read_bytes())).convert("RGB").crop((0, 300, 550, 900))
    assert all(max(color) - min(color) <= 2 for _, color in image.getcolors(1 << 24))


def test_a_file_that_is_there_is_kept(run, tmp_path):
    out = tmp_path / "parcel.pdf"
    out.write_text("mine")
    assert run("styles", "show", "parcel", "--out", out).exit_code == 3
    assert out.read_text() == "mine"


def test_an_unknown_style_or_theme_is_refused_and_another_ending_is_wrong_usage(run, tmp_path):
    assert "did you mean 'parcel'" in run("styles", "show", "parcl", "--out", tmp_path / "a.pdf").stderr
    assert "no theme 'blue'" in run("styles", "show", "parcel", "--theme", "blue", "--out", tmp_path / "a.pdf").stderr
    assert run("styles", "show", "parcel", "--out", tmp_path / "a.svg").exit_code == 2
    assert run("styles", "show", "parcel", "--scale", "1:500", "--out", tmp_path / "a.pdf").exit_code == 2
    assert not list(tmp_path.iterdir())
