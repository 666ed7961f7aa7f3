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


def test_a_layer_that_was_sent_as_multipolygons_comes_back_as_multipolygons(sent, tmp_path):
    frame = gpd.read_file(sent)
    multi = shapely.multipolygons(np.asarray(frame.geometry.array, dtype=object), indices=np.arange(len(frame)))
    frame.set_geometry(gpd.GeoSeries(multi, crs=frame.crs)).to_file(tmp_path / "multi.gpkg", layer="lots")
    run(tmp_path / "multi.gpkg", *PLAIN, "--out", tmp_path / "mended.gpkg")
    code, _ = run("--undo", tmp_path / "mended.gpkg", "--out", tmp_path / "back.gpkg")
    back = gpd.read_file(tmp_path / "back.gpkg", layer="parcel").geometry
    assert code == 0 and shapely.to_wkb(np.asarray(back.array)).tolist() == shapely.to_wkb(multi).tolist()


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
        (("lots.gpkg", "--tolerance", "0.5"), 2, "0<x<=0.12"),
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


def test_what_is_accepted_in_a_register_is_left_alone(sent, tmp_path):
    from datetime import date

    from citygis import validate
    from citygis.quality.exceptions import accepted, write_exceptions

    frame = gpd.read_file(sent)
    told = validate(frame, "parcel", only="geometry", key="pid")
    entries = accepted(
        told, {"parcel": frame}, reason="both are meant", accepted_by="R. Ortega", accepted_on=date(2026, 1, 2), key="pid"
    )
    register = write_exceptions(tmp_path / "register.toml", entries)
    code, said = run(sent, *PLAIN, "--exceptions", register)
    assert code == 0 and "snap_corner" not in said
    assert "snap_corner" in run(sent, *PLAIN)[1]


def test_a_register_that_is_named_and_not_there_is_refused(sent, tmp_path):
    code, said = run(sent, *PLAIN, "--exceptions", tmp_path / "nowhere.toml")
    assert code == 3 and "Look at the path of --exceptions" in said
