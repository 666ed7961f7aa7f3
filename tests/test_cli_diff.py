"""`citygis diff`."""

import json

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner
from conftest import ROOT
from store_city import load, make_city, parcels, source

from citygis.changes import read_review
from citygis.cli import main
from citygis.gpkg import layers_of, read_geopackage, write_geopackage
from citygis.schema import empty_layer, geom_hashes, schema
from citygis.store import store

EAST, NORTH = 6_336_000, 2_122_000
SAMPLES = ROOT / "sample_data"


def lot(column, row=0, width=60.0):
    return shapely.box(EAST + 60 * column, NORTH + 110 * row, EAST + 60 * column + width, NORTH + 110 * (row + 1))


BASE = {f"{i:04d}": lot(i % 10, i // 10) for i in range(40)}


def layer(rows, crs="EPSG:6420"):
    return gpd.GeoDataFrame({"APN": pd.Series(list(rows), dtype="str")}, geometry=list(rows.values()), crs=crs)


def run(*arguments):
    return CliRunner().invoke(main, ["diff", *map(str, arguments)])


@pytest.fixture
def files(tmp_path):
    def made(crs="EPSG:6420", **changed):
        new = {name: shape for name, shape in {**BASE, **{k[1:]: v for k, v in changed.items()}}.items() if shape is not None}
        old_path, new_path = tmp_path / "old.gpkg", tmp_path / "new.gpkg"
        write_geopackage(old_path, {"lots": layer(BASE)}, overwrite=True)
        write_geopackage(new_path, {"lots": layer(new, crs)}, overwrite=True)
        return old_path, new_path

    return made


def test_kinds_are_counted_and_each_change_told(files, tmp_path):
    result = run(*files(_0003=None, _A=lot(3, width=20), _B=lot(3 + 1 / 3, width=40)), "--key", "APN", "--quiet")
    assert result.exit_code == 0
    assert "0003 was divided into A, B." in result.stdout and "unchanged" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.gpkg", "old.gpkg"]


def test_json_says_it_all(files):
    result = run(*files(_0003=None, _Z=lot(3)), "--key", "APN", "--json")
    said = json.loads(result.stdout)
    assert said["counts"]["renumbered"] == 1 and said["shift"] is None and said["review"] is None
    assert [(each["kind"], each["old"], each["new"]) for each in said["changes"]] == [("renumbered", "0003", "Z")]
    assert said["links"][0]["share_old"] == pytest.approx(1)


def test_the_files_are_written_and_not_overwritten_unasked(files, tmp_path):
    old, new = files(_0003=None, _Z=lot(3))
    out = tmp_path / "out"
    assert run(old, new, "--key", "APN", "--out", out).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["changes.csv", "changes.gpkg", "redline.html", "review.csv"]
    assert {each.name: each.rows for each in layers_of(out / "changes.gpkg")} == {"changes": 1, "links": 1}
    assert read_geopackage(out / "changes.gpkg", "changes")["message"].tolist() == ["0003 is now Z."]
    assert pd.read_csv(out / "changes.csv")["kind"].tolist() == ["renumbered"]
    again = run(old, new, "--key", "APN", "--out", out)
    assert again.exit_code == 3 and "exists" in again.stderr
    assert run(old, new, "--key", "APN", "--out", out, "--overwrite").exit_code == 0


def test_a_sheet_is_drawn_for_each_group_of_changes(files, tmp_path):
    old, new = files(_0003=None, _A=lot(3, width=20), _B=lot(3 + 1 / 3, width=40), _0037=None, _Z=lot(7, 3))
    out = tmp_path / "out"
    assert run(old, new, "--key", "APN", "--out", out, "--sheets").exit_code == 0
    assert sorted(path.name for path in (out / "sheets").iterdir()) == ["group_001.pdf", "group_002.pdf"]
    (out / "review.csv").unlink()
    old, new = files(_0003=None, _Z=lot(3))
    assert run(old, new, "--key", "APN", "--out", out, "--sheets").exit_code == 3
    assert run(old, new, "--key", "APN", "--out", out, "--sheets", "--overwrite").exit_code == 0
    assert [path.name for path in (out / "sheets").iterdir()] == ["group_001.pdf"]
    assert run(old, new, "--key", "APN", "--sheets").exit_code == 2


def test_a_review_that_is_there_is_read_and_left_as_it_is(files, tmp_path):
    old, new = files(_0003=None, _Z=lot(3))
    path = tmp_path / "mine.csv"
    assert run(old, new, "--key", "APN", "--review", path).exit_code == 0
    read_review(path).assign(decision="accept").to_csv(path, index=False)
    before = path.read_bytes()
    result = run(old, new, "--key", "APN", "--review", path)
    assert result.exit_code == 0 and "1 accepted, 0 rejected, 0 not decided" in result.stdout
    assert path.read_bytes() == before
    other = run(*files(_0005=None, _Y=lot(5)), "--key", "APN", "--review", path)
    assert other.exit_code == 1 and "1 decisions are about no change of this comparison" in other.stdout


def test_a_whole_layer_that_moved_is_told_first(files, tmp_path):
    moved = {f"_{name}": shapely.transform(shape, lambda places: places + [0.3, 0]) for name, shape in BASE.items()}
    result = run(*files(**moved), "--key", "APN", "--quiet")
    assert result.exit_code == 0
    assert result.stdout.startswith("The whole layer moved: 100% of the common features moved together by +0.300 ft east")
    assert "moved  " not in result.stdout


@pytest.mark.parametrize(("allowed", "code"), [((), 1), (("--allow-retired", "19"), 1), (("--allow-retired", "20"), 0)])
def test_a_delivery_cut_off_is_told_until_its_number_is_named(files, allowed, code):
    result = run(*files(**{f"_{i:04d}": None for i in range(20, 40)}), "--key", "APN", *allowed)
    assert result.exit_code == code
    assert ("look like a delivery cut off" in result.stderr) is bool(code)


def test_features_that_nobody_can_tell_apart_give_exit_code_1(tmp_path):
    rows = layer({"0001": lot(1), "0002": lot(2)})
    write_geopackage(tmp_path / "a.gpkg", {"lots": rows.assign(APN="1", use=["a", "b"])})
    write_geopackage(tmp_path / "b.gpkg", {"lots": rows.assign(APN="1", use=["c", "d"])})
    assert run(tmp_path / "a.gpkg", tmp_path / "b.gpkg", "--key", "APN").exit_code == 1


def test_wrong_usage_and_what_cannot_be_compared(files, tmp_path):
    old, new = files()
    assert run(old).exit_code == 2
    assert run(old, new).exit_code == 2
    wrong = run(old, new, "--key", "AIN")
    assert wrong.exit_code == 2 and "there are: APN" in wrong.stderr
    assert run(old, new, "--key", "APN", "--tolerance", "0").exit_code == 2
    assert run(old, new, "--key", "APN", "--review", tmp_path / "r.xlsx").exit_code == 2
    assert run(old, tmp_path / "none.gpkg", "--key", "APN").exit_code == 3
    assert run(*files(crs="EPSG:2227"), "--key", "APN").exit_code == 3


COUNTY = SAMPLES / "deliveries" / "county_parcels_2026q3.zip", SAMPLES / "deliveries" / "county_parcels_2026q4.zip"
KIND = {"SPLIT": "split", "MERGE": "merged", "LLA": "moved", "RENUMBER": "renumbered", "ATTRIBUTE": "attribute"}


def test_the_changes_of_the_sample_county_are_told_one_by_one():
    result = run(*COUNTY, "--key", "AIN", "--city", SAMPLES / "city", "--json")
    said = json.loads(result.stdout)
    told = {(each["kind"], each["old"], each["new"]) for each in said["changes"]}
    wanted = set()
    for change in json.loads((SAMPLES / "deliveries" / "truth.json").read_text())["changes"]:
        old, new = ([f"{apn}0000" for apn in change[side]] for side in ("old", "new"))
        pairs = zip(old, new, strict=True) if change["change"] == "LLA" else [("; ".join(sorted(old)), "; ".join(sorted(new)))]
        wanted |= {(KIND[change["change"]], *pair) for pair in pairs}
    assert told == wanted
    assert result.exit_code == 0


def test_deliveries_in_degrees_need_the_city_to_be_measured():
    result = run(*COUNTY, "--key", "AIN")
    assert result.exit_code == 3 and "--city DIR" in result.stderr


# --- against the geodatabase ---------------------------------------------------------------------------------------------------


@pytest.fixture
def city(tmp_path):
    """A City with ten parcels in its geodatabase, an address on each."""
    made = make_city(tmp_path / "city")
    load(made, {"parcel": parcels(10).assign(note="ours"), "source_document": source()})
    return made


def delivered(tmp_path, frame, sha256="b" * 64):
    """A converted delivery."""
    layers = {"parcel": frame.drop(columns="note"), "source_document": source(sha256)}
    return write_geopackage(tmp_path / "parcels.gpkg", layers, schema=schema(), overwrite=True)


def next_parcels():
    """The second parcel divided, the value of the fifth changed, everything else the same but for noise."""
    frame = parcels(11, source_sha256="b" * 64)
    low_e, low_n, high_e, high_n = frame.geometry[1].bounds
    shapes = shapely.transform(frame.geometry.to_numpy(), lambda places: places + 8e-7)
    shapes[1], shapes[10] = shapely.box(low_e, low_n, low_e + 30, high_n), shapely.box(low_e + 30, low_n, high_e, high_n)
    frame = frame.set_geometry(gpd.GeoSeries(shapes, crs=frame.crs))
    frame["calc_area_sqft"] = frame.area
    frame["geom_hash"] = geom_hashes(shapes)
    frame.loc[4, "situs_text"] = "5 SECOND ST"
    frame["situs_text"] = frame["situs_text"].mask(frame.index == 10, "1 FIRST ST")
    return frame


def test_the_layer_of_the_geodatabase_is_compared_and_the_citys_columns_are_not(city, tmp_path):
    result = run(delivered(tmp_path, next_parcels()), "--city", city.folder, "--json")
    said = json.loads(result.stdout)
    assert {(each["kind"], each["old"]) for each in said["changes"]} == {("attribute", "10000004"), ("split", "10000001")}
    assert {each["column"] for each in said["values"]} == {"situs_text"}


def test_what_the_review_accepts_is_taken_in_and_the_rest_is_left(city, tmp_path):
    path, review = delivered(tmp_path, next_parcels()), tmp_path / "review.csv"
    assert run(path, "--city", city.folder, "--review", review, "--apply").exit_code == 3
    assert run(path, "--city", city.folder, "--review", review).exit_code == 0
    table = read_review(review)
    table["decision"] = table["kind"].map({"split": "accept", "attribute": "reject"})
    table.to_csv(review, index=False)
    before = store(city).read("parcel").set_index("apn")
    done = run(path, "--city", city.folder, "--review", review, "--apply", "--effective", "2026-07-01", "--json")
    assert done.exit_code == 0, done.output
    counts = json.loads(done.stdout)["batch"]["layers"]["parcel"]
    assert (counts["added"], counts["updated"], counts["retired"]) == (1, 1, 0)
    now = store(city).read("parcel").set_index("apn")
    assert len(now) == 11 and now.loc["10000004", "situs_text"] == "4 FIRST ST"
    same = [apn for apn in before.index if apn != "10000001"]
    assert shapely.equals_identical(before.geometry[same].to_numpy(), now.geometry[same].to_numpy()).all()
    assert now.loc["10000001", "note"] == "ours" and now.loc["10000001", "calc_area_sqft"] == pytest.approx(3000)
    lineage = store(city).lineage("10000001")
    assert lineage["kind"].tolist() == ["split"]
    assert store(city).changes()["message"].tolist()[-1].startswith("1 changes accepted (1 split), 1 rejected")
    again = run(path, "--city", city.folder, "--json")
    assert [each["kind"] for each in json.loads(again.stdout)["changes"]] == ["attribute"]


def test_apply_needs_the_city_a_review_and_a_converted_file(city, tmp_path, files):
    old, new = files()
    assert run(old, new, "--key", "APN", "--apply").exit_code == 2
    assert run(new, "--city", city.folder, "--apply").exit_code == 2
    assert run(old, new, "--key", "APN", "--effective", "2026-07-01").exit_code == 2


def test_addresses_on_changed_ground_are_listed(city, tmp_path):
    frame = empty_layer(schema().layer("address_point"), crs=city.crs)
    columns = {name: pd.Series([None] * 2, dtype=frame[name].dtype) for name in frame.columns if name != "geometry"}
    shapes = parcels(2).geometry.centroid
    points = gpd.GeoDataFrame(columns, geometry=shapes.to_numpy(), crs=city.crs)
    points["apn"] = pd.Series(["10000000", "10000001"], dtype="str")
    points["global_id"] = pd.Series(["a", "b"], dtype="str")
    points["nguid"] = pd.Series(["a", "b"], dtype="str")
    found = alerts_of(city, tmp_path, points)
    assert found[["layer", "names", "lies_on"]].to_numpy().tolist() == [["address_point", "10000001", "10000010"]]


def alerts_of(city, tmp_path, points):
    from citygis.changes import alerts, compare

    old, new = store(city).read("parcel"), next_parcels()
    return alerts(compare(old, new, key="apn"), old, new, {"address_point": points})
