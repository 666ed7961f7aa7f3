"""`citygis gps` from the outside, on the sample city's day in the field, whose truth is known."""

import functools
import json
import operator

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import ROOT
from shapely.geometry import Point, Polygon

from citygis.city import open_city
from citygis.cli import main
from citygis.cli.init import make_city_folder
from citygis.gpkg import layers_of, read_geopackage
from citygis.store import store

DAY = ROOT / "sample_data" / "gps_day"
TRUTH = json.loads((DAY / "truth.json").read_text())
MARKS = pd.DataFrame(TRUTH["marks"]).set_index("mark")
RTK = "NAD83(2011)@2017.50"


@pytest.fixture(scope="module")
def riverbend(tmp_path_factory):
    """The sample city's folder, with its monuments and streets in the geodatabase."""
    folder = tmp_path_factory.mktemp("riverbend")
    make_city_folder(folder, settings=(ROOT / "sample_data" / "city" / "city.toml").read_text())
    base = ROOT / "sample_data" / "city" / "city_base.gpkg"
    names = ("source_document", "control_station", "corner")
    with store(open_city(folder)) as db:
        db.load({name: read_geopackage(base, name) for name in names}, author="test")
    return folder


def gps(*arguments, city=None, json_out=True):
    where = ["--city", str(city)] if city else []
    paths = [str(DAY / a) if (DAY / a).exists() and "/" not in a else str(a) for a in map(str, arguments)]
    result = CliRunner().invoke(main, ["gps", *paths, *where, *(["--json"] if json_out else [])])
    return result, json.loads(result.stdout) if json_out and result.exit_code in (0, 1) else None


def checksum(text):
    return functools.reduce(operator.xor, text.encode())


def errors(said):
    return sorted({row["code"] for row in said["findings"] if row["severity"] == "error"})


def far_from_truth(layer):
    """How far each feature lies from the nearest mark of the truth, in feet."""
    at = np.column_stack([layer.geometry.x, layer.geometry.y])
    marks = MARKS[["easting", "northing"]].to_numpy()
    return np.sqrt(((at[:, None] - marks[None]) ** 2).sum(axis=2)).min(axis=1)


# -- the rover's log -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rover(riverbend, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "corners.gpkg"
    options = ("--purpose", "parcel", "--frame", RTK, "--to", "corner", "--out", out, "--antenna-height-ft", "6.5617")
    result, said = gps("rover_20261015.nmea", *options, city=riverbend)
    assert result.exit_code == 1, result.output
    return said, out


def test_every_record_of_the_log_is_in_a_feature_or_told_with_its_reason(rover):
    said, out = rover
    (file,) = said["files"]
    assert file["records"] == sum(TRUTH["files"]["rover_20261015.nmea"]["records"].values())
    assert file["records"] == file["joined"] + file["without_position"] + file["used"] + file["rejected"]
    assert sum(said["rejected_by_reason"].values()) == said["rejected"] == len(read_geopackage(out, "rejected"))


def test_damaged_sentences_and_poor_epochs_are_counted_as_they_were_planted(rover):
    said, _ = rover
    planted = TRUTH["files"]["rover_20261015.nmea"]
    for reason, count in (planted["rejected"] | planted["gates"]["parcel"]).items():
        assert said["rejected_by_reason"][reason] == count, reason


def test_every_planted_outlier_is_kept_out(rover):
    # A burst that is not integer-fixed or stands in a poor epoch is kept out by its gate; the others by their distance.
    _, out = rover
    told = read_geopackage(out, "rejected")
    lines = told["source_ref"].str.extract(r"line (\d+)")[0].astype(float)
    for case in TRUTH["files"]["rover_20261015.nmea"]["cases"]:
        if case["case"] == "outlier":
            assert (np.abs(lines - case["line"]) <= 2).any(), case


def test_monuments_of_the_log_lie_within_five_hundredths_of_their_truth(rover):
    said, out = rover
    layer = read_geopackage(out, "corner")
    assert len(layer) == 9 and far_from_truth(layer).max() < 0.05
    assert said["frame_check"]["verdict"] == "agrees"


def test_the_occupation_across_midnight_is_one(rover):
    said, _ = rover
    spans = [o for o in said["occupations"] if o["first_time"] < "2026-10-16" <= o["last_time"]]
    assert len(spans) == 1 and spans[0]["n"] > 150


def test_the_antenna_height_is_taken_off_once(rover):
    # The marks' ellipsoid heights are on record; the log has the antenna's, 2.000 m above.
    said, out = rover
    known = [m for m in said["monuments"] if m["dh_ft"] is not None]
    assert len(known) == 3 and all(abs(m["dh_ft"]) < 0.1 for m in known)
    assert read_geopackage(out, "corner")["elev_ft"].isna().all()


def test_without_the_antenna_height_the_monuments_tell(riverbend, tmp_path):
    options = ("--purpose", "parcel", "--frame", RTK, "--to", "corner", "--out", tmp_path / "o.gpkg")
    _, said = gps("rover_20261015.nmea", *options, city=riverbend)
    assert {"H03", "M05"} <= set(said["findings_by_code"])


# -- the frame -----------------------------------------------------------------------------------------------------------------


def test_without_a_frame_a_parcel_is_refused_with_three_ways_to_settle_it(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    result, _ = gps("rover_20261015.nmea", "--purpose", "parcel", "--to", "corner", "--out", out, city=riverbend)
    assert result.exit_code == 3 and not out.exists()
    assert all(f"  {n}. " in result.stderr for n in (1, 2, 3)) and "5.7 ft" in result.stderr


def test_the_refusal_tells_what_the_monuments_say_without_taking_it_for_a_statement(riverbend, tmp_path):
    result, _ = gps("rover_20261015.nmea", "--purpose", "parcel", "--to", "corner", "--out", tmp_path / "o.gpkg", city=riverbend)
    assert result.exit_code == 3 and f"9 monuments to 0.01 ft as {RTK}" in result.stderr and "evidence" in result.stderr


@pytest.mark.parametrize(("wrong", "apart_ft"), [("ITRF2014", 5.5), ("NAD83(2011)@2010.00", 0.34), ("NAD83(2011)@2025.00", 0.34)])
def test_a_wrong_frame_is_told_by_the_monuments_and_blocks(riverbend, tmp_path, wrong, apart_ft):
    options = ("--purpose", "parcel", "--frame", wrong, "--to", "corner", "--out", tmp_path / "o.gpkg")
    result, said = gps("rover_20261015.nmea", *options, city=riverbend)
    assert result.exit_code == 1 and "M02" in errors(said)
    assert said["frame_check"]["verdict"] == "other_frame"
    assert any(RTK in best for best in said["frame_check"]["best"])
    distances = [m["distance_ft"] for m in said["monuments"] if m["distance_ft"] is not None]
    assert np.median(distances) == pytest.approx(apart_ft, abs=0.1)


def test_a_frame_that_is_none_is_wrong_usage(riverbend, tmp_path):
    options = ("--purpose", "parcel", "--frame", "NAD83(2012)@2010", "--to", "corner", "--out", tmp_path / "o.gpkg")
    result, _ = gps("rover_20261015.nmea", *options, city=riverbend)
    assert result.exit_code == 2 and "NAD83(2011)" in result.output


def test_a_frame_that_contradicts_the_file_is_an_error(riverbend, tmp_path):
    options = ("--purpose", "asset", "--frame", "ITRF2014@2026.8", "--to", "hydrant", "--out", tmp_path / "o.gpkg")
    result, said = gps("emlid_20261016.csv", *options, city=riverbend)
    assert result.exit_code == 1 and "D07" in errors(said)


# -- the receiver's table ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def emlid(riverbend, tmp_path_factory):
    out = tmp_path_factory.mktemp("emlid") / "corners.gpkg"
    _, said = gps("emlid_20261016.csv", "--purpose", "parcel", "--frame", RTK, "--to", "corner", "--out", out, city=riverbend)
    return said, out


def test_the_double_antenna_height_and_the_wrong_mark_are_found_and_nothing_else(emlid):
    said, _ = emlid
    found = {(row["code"], row["feature"]) for row in said["findings"] if row["code"] in ("H01", "M01", "M05")}
    assert found == {("H01", "M-00048"), ("M01", "M-01855")}


def test_float_and_single_rows_never_enter_a_parcel_layer(emlid):
    said, out = emlid
    assert said["rejected_by_reason"]["fix_type"] == TRUTH["files"]["emlid_20261016.csv"]["gates"]["parcel"]["fix_type"]
    assert set(read_geopackage(out, "corner")["fix_type"]) == {"FIXED"}


def test_points_of_the_table_lie_at_their_truth_but_for_the_wrong_mark(emlid):
    _, out = emlid
    layer = read_geopackage(out, "corner").set_index("corner_id")
    truth = pd.concat([MARKS, pd.DataFrame(TRUTH["new_points"]).set_index("name")])[["easting", "northing"]]
    apart = np.hypot(
        layer.geometry.x - truth["easting"].reindex(layer.index), layer.geometry.y - truth["northing"].reindex(layer.index)
    )
    assert apart.notna().all() and (apart.drop("M-01855") < 0.05).all() and apart["M-01855"] == pytest.approx(8.0, abs=0.1)


def test_elevations_come_only_from_what_the_file_states_as_such(emlid):
    _, out = emlid
    layer = read_geopackage(out, "corner").set_index("corner_id")
    assert layer.loc["RIV-01", "elev_ft"] == pytest.approx(MARKS.loc["RIV-01", "elevation_ft"], abs=0.1)
    assert layer.loc["RIV-01", "ellip_ht_ft"] == pytest.approx(MARKS.loc["RIV-01", "ellipsoid_height_ft"], abs=0.1)


def test_hydrants_of_the_same_file_go_to_their_own_layer(riverbend, tmp_path):
    out = tmp_path / "hydrants.gpkg"
    _, said = gps("emlid_20261016.csv", "--purpose", "asset", "--frame", RTK, "--to", "hydrant", "--out", out, city=riverbend)
    layer = read_geopackage(out, "hydrant")
    assert {"H-0901", "H-0902", "H-0903"} <= set(layer["hydrant_id"]) and not layer["hydrant_id"].str.startswith(
        ("M-", "RIV")
    ).any()
    assert said["rejected_by_reason"]["fix_type"] == 1 and "other_layer" in said["rejected_by_reason"]


# -- the other files -----------------------------------------------------------------------------------------------------------


def test_a_plain_table_in_itrf_of_its_dates_lands_on_the_marks(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    _, said = gps("plain_capture.csv", "--purpose", "parcel", "--frame", "ITRF2014", "--to", "corner", "--out", out, city=riverbend)
    layer = read_geopackage(out, "corner")
    assert sorted(layer["corner_id"]) == ["RIV-02", "RIV-03", "RIV-04", "RIV-05"] and far_from_truth(layer).max() < 0.05
    assert said["rejected_by_reason"]["outlier"] >= 3 and said["rejected_by_reason"]["fix_type"] == 52
    assert said["frame_check"]["verdict"] == "agrees"


def test_survey_points_lose_only_the_swapped_row_and_the_row_in_metres(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    options = ("--purpose", "parcel", "--frame", "NAD83(2011)@2010.00", "--to", "corner", "--out", out)
    _, said = gps("points_pnezd_20261016.txt", *options, city=riverbend)
    others = said["positions"] - 3
    assert said["rejected_by_reason"] == {"order_contradicts": 1, "other_layer": others, "units_mixed": 1}
    layer = read_geopackage(out, "corner").set_index("corner_id")
    keyed = {p["code"]: p["point"] for p in TRUTH["files"]["points_pnezd_20261016.txt"]["points"]}
    assert layer["kind"].tolist() == ["FOUND"] * 3 and layer.loc[keyed["FIP"], "monument"] == "iron pipe"
    assert layer.loc[keyed["FRB LS0000"], "tag"] == "LS0000" and not errors(said)


def test_a_building_is_drawn_from_its_codes_and_the_open_line_is_told(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    options = ("--purpose", "asset", "--frame", "NAD83(2011)@2010.00", "--to", "building_footprint", "--out", out)
    _, said = gps("points_pnezd_20261016.txt", *options, city=riverbend)
    (building,) = read_geopackage(out, "building_footprint").geometry
    truth = {p["code"]: p for p in TRUTH["files"]["points_pnezd_20261016.txt"]["points"]}
    assert building.geom_type in ("Polygon", "MultiPolygon") and "BLD1 B" in truth
    assert building.distance(Point(truth["BLD1 B"]["easting"], truth["BLD1 B"]["northing"])) < 1e-6
    assert "F03" in said["findings_by_code"] or "F05" in said["findings_by_code"]


def test_a_right_of_way_keyed_in_as_a_closed_line_is_a_polygon_with_its_true_curves(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    options = ("--purpose", "parcel", "--frame", "NAD83(2011)@2010.00", "--to", "right_of_way", "--out", out)
    options += ("--set", "row_kind=FEE", "--set", "jurisdiction=CITY")
    gps("points_pnezd_20261016.txt", *options, city=riverbend)
    (piece,) = read_geopackage(out, "right_of_way").geometry
    # Between two quarter circles of 30 and 20 ft at one corner: (1 - pi/4) (30² - 20²) = 107.30 sq ft, chords at 0.01 ft.
    assert piece.area == pytest.approx((1 - np.pi / 4) * 500, abs=0.6)


def test_marks_known_already_are_checks_where_only_new_ones_are_wanted(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    options = ("--purpose", "parcel", "--frame", RTK, "--to", "corner", "--out", out, "--new-only")
    _, said = gps("emlid_20261016.csv", *options, city=riverbend)
    ids = read_geopackage(out, "corner")["corner_id"]
    assert not ids.str.startswith(("M-", "RIV")).any() and {"F-201", "F-202", "F-203"} <= set(ids)
    assert "B04" in said["findings_by_code"] and not {"B02", "B03"} & set(said["findings_by_code"])


def test_two_days_prove_each_other(riverbend, tmp_path):
    options = (
        "--purpose",
        "parcel",
        "--frame",
        RTK,
        "--to",
        "corner",
        "--out",
        tmp_path / "o.gpkg",
        "--antenna-height-ft",
        "6.5617",
    )
    _, said = gps("rover_20261015.nmea", "emlid_20261016.csv", *options, city=riverbend)
    twice = [o["mark"] for o in said["occupations"]]
    assert twice.count("M-00411") == 2 and "M04" not in said["findings_by_code"] and "O05" not in said["findings_by_code"]


def test_a_walk_around_the_park_is_a_polygon_without_its_spike(riverbend, tmp_path):
    out = tmp_path / "park.gpkg"
    _, said = gps(
        "track_20261015.gpx", "--purpose", "sketch", "--to", "park", "--set", "name=Meander Park", "--out", out, city=riverbend
    )
    truth = Polygon(TRUTH["files"]["track_20261015.gpx"]["ring"])
    walked = max(read_geopackage(out, "park").geometry, key=lambda g: g.area)
    assert walked.symmetric_difference(truth).area < 0.15 * truth.area
    assert walked.hausdorff_distance(truth) < 30  # a handheld's noise; the planted spike is 400 ft
    assert said["rejected_by_reason"]["too_fast"] >= 1


def test_photos_without_a_hemisphere_are_kept_out(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    result, said = gps("asset_photos", "--purpose", "sketch", "--to", "hydrant", "--out", out, city=riverbend)
    assert result.exit_code == 1 and said["rejected_by_reason"]["hemisphere_missing"] == 1 and said["rows_out"] == 2


# -- into the geodatabase ------------------------------------------------------------------------------------------------------


def test_an_error_that_nobody_accepts_changes_nothing(riverbend):
    before = (riverbend / "city.gpkg").read_bytes()
    options = ("--purpose", "parcel", "--frame", RTK, "--to", "corner")
    result, _ = gps("emlid_20261016.csv", *options, city=riverbend)
    assert result.exit_code == 3 and "H01" in result.stderr
    assert (riverbend / "city.gpkg").read_bytes() == before


def test_hydrants_are_loaded_with_their_source(riverbend):
    options = ("--purpose", "asset", "--frame", RTK, "--to", "hydrant", "--message", "Field day of 16 October")
    result, said = gps("emlid_20261016.csv", *options, city=riverbend)
    assert result.exit_code == 1 and said["change_id"] is not None, result.output
    with store(open_city(riverbend)) as db:
        hydrants = db.read("hydrant")
        documents = db.read("source_document").set_index("doc_id")
    row = hydrants.set_index("hydrant_id").loc["H-0901"]
    assert row["method"] == "GNSS_RTK" and documents.loc[row["source_id"], "uri"] == "emlid_20261016.csv"
    assert documents.loc[row["source_id"], "doc_type"] == "FIELD_SURVEY"


def test_what_was_written_loads_through_the_same_door(riverbend, tmp_path):
    out = tmp_path / "o.gpkg"
    gps("plain_capture.csv", "--purpose", "parcel", "--frame", "ITRF2014", "--to", "corner", "--out", out, city=riverbend)
    result = CliRunner().invoke(main, ["load", str(out), "--city", str(riverbend), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["layers"]["corner"]["added"] == 4


def test_without_a_city_folder_or_a_file_there_is_nowhere_to_go(tmp_path):
    result, _ = gps("plain_capture.csv", "--purpose", "parcel", "--frame", "ITRF2014", "--to", "corner")
    assert result.exit_code == 3 and "--city" in result.stderr


def test_a_field_that_the_layer_has_not_is_wrong_usage(riverbend, tmp_path):
    options = ("--purpose", "asset", "--frame", RTK, "--to", "hydrant", "--set", "colour=red", "--out", tmp_path / "o.gpkg")
    result, _ = gps("emlid_20261016.csv", *options, city=riverbend)
    assert result.exit_code == 2 and "colour" in result.output


def test_the_residual_map_is_drawn(riverbend, tmp_path):
    options = ("--purpose", "parcel", "--frame", RTK, "--to", "corner", "--out", tmp_path / "o.gpkg", "--map", tmp_path / "m.svg")
    gps("emlid_20261016.csv", *options, city=riverbend)
    assert (tmp_path / "m.svg").read_text().startswith("<svg") and "RIV-01" in (tmp_path / "m.svg").read_text()


def test_it_prints_for_people(riverbend, tmp_path):
    options = ("--purpose", "parcel", "--frame", RTK, "--to", "corner", "--out", tmp_path / "o.gpkg")
    result, _ = gps("rover_20261015.nmea", *options, city=riverbend, json_out=False)
    for words in ("kept out", "bad_checksum", "motion of the ground", "Occupations", "Monuments", "agree with 9 monuments"):
        assert words in result.stdout, words


def test_layers_of_the_file_hold_the_books(rover):
    _, out = rover
    assert {"corner", "source_document", "findings", "rejected", "occupations", "monuments"} <= {
        layer.name for layer in layers_of(out)
    }


def test_what_the_readers_say_is_told(riverbend, tmp_path):
    path = tmp_path / "walk.gpx"
    points = '<trkpt lat="37.822" lon="-121.276"><ele>3</ele></trkpt>'
    path.write_text(f'<gpx version="1.1"><trk><trkseg/><trkseg>{points}</trkseg></trk></gpx>')
    _, said = gps(path, "--purpose", "sketch", "--to", "park", "--out", tmp_path / "park.gpkg", city=riverbend)
    assert any(note.startswith("walk.gpx: ") and "1 track segments are empty" in note for note in said["notes"])


def test_a_file_without_a_position_is_refused(riverbend, tmp_path):
    path, out = tmp_path / "walk.gpx", tmp_path / "park.gpkg"
    path.write_text('<gpx version="1.1"><trk><trkseg/></trk></gpx>')
    result, _ = gps(path, "--purpose", "sketch", "--to", "park", "--out", out, city=riverbend)
    assert result.exit_code == 3 and "no position" in result.output and "1 track segments are empty" in result.output
    assert not out.exists()


def test_a_receiver_set_to_another_datum_blocks_whatever_frame_is_stated(riverbend, tmp_path):
    path, out = tmp_path / "set.nmea", tmp_path / "corners.gpkg"
    body = ["GPDTM,999,,0.08,N,0.07,E,-47.7,W84", "GPRMC,120000,A,3749.3200,N,12116.5600,W,0.0,0.0,010626,,,A"]
    path.write_text("".join(f"${text}*{checksum(text):02X}\r\n" for text in body))
    options = ("--purpose", "sketch", "--to", "corner", "--out", out)
    refused, _ = gps(path, *options, city=riverbend)
    assert refused.exit_code == 3 and "999" in refused.output
    _, said = gps(path, *options, "--frame", RTK, city=riverbend)
    assert "D07" in errors(said)


def test_a_stated_zone_is_not_said_to_be_taken_by_its_size(riverbend, tmp_path):
    points = tmp_path / "points.txt"
    points.write_text("1,2122698.771,6337536.079,12.34,IP\n")
    options = ("--purpose", "asset", "--frame", "NAD83(2011)@2010.0", "--to", "corner", "--order", "PNEZD")
    _, taken = gps(points, *options, "--out", tmp_path / "a.gpkg", city=riverbend)
    _, stated = gps(points, *options, "--source-crs", "EPSG:6420", "--out", tmp_path / "b.gpkg", city=riverbend)
    assert "D06" in taken["findings_by_code"] and "D06" not in stated["findings_by_code"]


def test_one_file_twice_is_no_second_occupation(riverbend, tmp_path):
    options = ("--purpose", "parcel", "--frame", "ITRF2014", "--to", "corner", "--out", tmp_path / "o.gpkg")
    result, _ = gps("plain_capture.csv", "plain_capture.csv", *options, city=riverbend)
    assert result.exit_code == 2 and "byte for byte" in result.output
