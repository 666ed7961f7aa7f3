"""citygis repair: a plan, a file, and the way back."""

import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from repair_lots import corner, lots, rings

from citygis.cli import main
from citygis.gpkg import layers_of, read_geopackage


@pytest.fixture
def sent(tmp_path):
    """Six lots, one corner 0.05 ft off, in a file as an agency would send it."""
    block = rings()
    block[0][2] = (corner(1, 1)[0] + 0.05, corner(1, 1)[1])
    path = tmp_path / "lots.gpkg"
    lots(block).to_file(path, layer="lots")
    return path


def run(*words):
    result = CliRunner().invoke(main, ["repair", *map(str, words)])
    return result.exit_code, result.output


PLAIN = ("--as", "parcel", "--key", "pid", "--only", "geometry", "--quiet")


def shapes(path, layer):
    held = np.asarray(gpd.read_file(path, layer=layer).geometry.array, dtype=object)
    return shapely.to_wkb(shapely.get_geometry(held, 0)).tolist()


def test_the_plan_is_printed_and_nothing_is_written(sent):
    before = sent.read_bytes()
    code, said = run(sent, *PLAIN)
    assert code == 0 and "snap_corner" in said and "Nothing was written" in said and "0.05" in said
    assert sent.read_bytes() == before and [each.name for each in sent.parent.iterdir()] == ["lots.gpkg"]


def test_what_is_written_holds_the_log_and_is_taken_back_bit_for_bit(sent, tmp_path):
    code, _ = run(sent, *PLAIN, "--out", tmp_path / "mended.gpkg", "--report", tmp_path / "report")
    assert code == 0
    assert [each.name for each in layers_of(tmp_path / "mended.gpkg")] == ["parcel", "repair_edits", "repair_left"]
    assert len(read_geopackage(tmp_path / "mended.gpkg", "repair_edits")) == 1
    assert "corner snapped" in (tmp_path / "report" / "repair.html").read_text()
    assert shapes(tmp_path / "mended.gpkg", "parcel") != shapes(sent, "lots")
    code, said = run("--undo", tmp_path / "mended.gpkg", "--out", tmp_path / "back.gpkg")
    assert code == 0 and "1 edits taken back" in said
    assert shapes(tmp_path / "back.gpkg", "parcel") == shapes(sent, "lots")


def test_errors_that_are_left_give_exit_code_1(tmp_path):
    e, n = corner(0, 0)
    lots([[(e, n), (e + 40, n + 40), (e + 40, n), (e, n + 40)]]).to_file(tmp_path / "bowtie.gpkg")
    code, said = run(tmp_path / "bowtie.gpkg", *PLAIN, "--json")
    told = json.loads(said)
    assert code == 1 and told["edits"] == []
    assert {"G03"} <= {each["code"] for each in told["left"]} and "MultiPolygon" in told["left"][0]["suggestion"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "Name the FILE"),
        (("--undo", "a.gpkg"), 2, "--undo MENDED.gpkg goes with --out"),
        (("lots.gpkg", "--apply", "buffer"), 2, "must be one of"),
        (("lots.gpkg", "--out", "lots.shp"), 2, "must be named .gpkg"),
        (("nowhere.gpkg",), 3, "is not there"),
    ],
)
def test_wrong_usage_is_2_and_a_refusal_is_3(words, code, said):
    result = run(*words)
    assert result[0] == code and said in result[1]


def test_an_existing_file_is_not_replaced_without_being_told(sent, tmp_path):
    (tmp_path / "there.gpkg").write_bytes(b"mine")
    code, _ = run(sent, *PLAIN, "--out", tmp_path / "there.gpkg")
    assert code == 3 and (tmp_path / "there.gpkg").read_bytes() == b"mine"


def test_a_repaired_file_is_not_repaired_again_over_its_log(sent, tmp_path):
    run(sent, *PLAIN, "--out", tmp_path / "mended.gpkg")
    code, said = run(tmp_path / "mended.gpkg")
    assert code == 3 and "holds the log of a repair already" in said
