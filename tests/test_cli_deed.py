"""`citygis deed` from the outside, on the sample's descriptions, whose truth is known."""

import json
import math

import numpy as np
import pytest
import shapely
from click.testing import CliRunner
from conftest import ROOT

from citygis.cli import main
from citygis.gpkg import layers_of, read_geopackage
from citygis.readers.deed import courses_from_table

DEEDS = ROOT / "sample_data" / "survey" / "deeds"
TRUTH = json.loads((DEEDS / "truth.json").read_text())
CITY = ROOT / "sample_data" / "city"
START = (6_340_500.0, 2_123_900.0)
SQUARE = (
    "Beginning at a point; thence North 0°00'00\" East 100.00 feet; thence North 90°00'00\" East 200.00 feet; thence South"
    " 0°00'00\" West 100.00 feet; thence North 90°00'00\" West 200.00 feet to the point of beginning."
    " Containing 20,000 square feet."
)


def deed(*arguments, code=None, json_out=True):
    result = CliRunner().invoke(main, ["deed", *map(str, arguments), *(["--json"] if json_out else [])])
    if code is not None:
        assert result.exit_code == code, result.output
    return json.loads(result.stdout) if json_out and result.exit_code in (0, 1) else result


def placed(path, out, *options, target="parcel", start=START, code=0, values=("apn=198-010-07",)):
    where = ["--to", target, "--start", f"{start[0]},{start[1]}", "--out", out, "--city", CITY]
    said = [part for value in values for part in ("--set", value)]
    return deed(path, *where, *said, *options, code=code)


@pytest.fixture
def square(tmp_path):
    path = tmp_path / "square.txt"
    path.write_text(SQUARE)
    return path


# -- reading -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, told in TRUTH.items() if told["fault"]])
def test_every_faulty_description_is_told_or_refused(name):
    result = CliRunner().invoke(main, ["deed", str(DEEDS / name), "--json"])
    told = json.loads(result.stdout)
    codes = {row["code"] for row in told["findings"]}
    assert codes & set(TRUTH[name]["codes"]), (codes, TRUTH[name]["codes"])
    assert result.exit_code == (1 if told["readable"] else 3) or not {r["severity"] for r in told["findings"]} & {"error"}


def test_a_true_description_comes_back_with_its_courses_and_closes():
    told = deed(DEEDS / "true_01_modern.txt", code=0)
    legs = TRUTH["true_01_modern.txt"]["legs"]
    (parcel,) = told["parcels"]
    assert parcel["closure"]["misclosure_ft"] < 0.05
    assert [row["distance_ft"] or row["radius_ft"] for row in told["courses"]] == [
        leg["radius_ft"] or leg["distance_ft"] for leg in legs
    ]
    assert {row["kind"] for row in told["references"]} >= {"lot", "tract", "book_page"}


def test_what_was_mended_is_listed_with_what_stood_there():
    told = deed(DEEDS / "true_11_ring.txt")
    assert told["repairs"] and all(repair["raw"] != repair["fixed"] for repair in told["repairs"])


def test_a_poor_scan_is_refused_and_shown():
    result = deed(DEEDS / "faulty_20_garbled.txt", code=3, json_out=False)
    assert "was not read" in result.stderr and "BEGINNING" in result.stderr


def test_a_missing_unit_can_be_stated(tmp_path):
    path = tmp_path / "bare.txt"
    path.write_text(SQUARE.replace(" feet;", ";").replace(" feet to", " to"))
    told = deed(path, "--unit", "chain")
    assert {row["distance_ft"] for row in told["courses"]} == {6600.0, 13200.0}


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"%PDF-1.4")
    deed(path, code=3, json_out=False)
    deed(tmp_path / "none.txt", code=3, json_out=False)


# -- files ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_the_course_table_gives_the_courses_back(square, tmp_path, suffix):
    out = tmp_path / f"courses{suffix}"
    deed(square, "--out", out, code=0)
    courses = courses_from_table(out)
    assert [course.distance_ft for course in courses] == [100.0, 200.0, 100.0, 200.0]
    assert [course.azimuth_deg for course in courses] == pytest.approx([0.0, 90.0, 180.0, 270.0])


def test_an_existing_file_is_left_alone_until_it_is_said(square, tmp_path):
    out = tmp_path / "courses.csv"
    out.write_text("mine")
    deed(square, "--out", out, code=3, json_out=False)
    assert out.read_text() == "mine"
    deed(square, "--out", out, "--overwrite", code=0)
    assert out.read_text().startswith("call,")


def test_the_plot_is_a_drawing_without_scripts(square, tmp_path):
    out = tmp_path / "plot.svg"
    deed(square, "--svg", out, code=0)
    text = out.read_text()
    assert text.startswith("<svg") and "<script" not in text and "square.txt" in text


@pytest.mark.parametrize(
    "options",
    [
        ("--out", "a.gpkg"),
        ("--svg", "a.png"),
        ("--start", "1,2"),
        ("--to", "parcel"),
        ("--to", "parcel", "--start", "1", "--out", "a.gpkg"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(square, options):
    deed(square, *options, code=2, json_out=False)


# -- on the ground -------------------------------------------------------------------------------------------------------------


def test_without_a_start_nothing_is_placed(square, tmp_path):
    out = tmp_path / "p.gpkg"
    result = deed(square, "--to", "parcel", "--out", out, "--city", CITY, code=2, json_out=False)
    assert "none is assumed" in result.output and not out.exists()


def test_a_parcel_lies_where_it_is_said_to_begin(square, tmp_path):
    out = tmp_path / "p.gpkg"
    placed(square, out, "--rotation", "0")
    (row,) = read_geopackage(out, "parcel").to_dict("records")
    e, n = START
    assert row["geometry"].equals(shapely.box(e, n, e + 200, n + 100))
    assert (row["apn"], row["method"], row["stated_area"], row["stated_area_unit"]) == ("19801007", "COGO", 20_000.0, "SQFT")
    assert row["misclose_ft"] == pytest.approx(0, abs=1e-9) and row["legal_text"] == SQUARE
    assert {layer.name for layer in layers_of(out)} >= {"parcel", "boundary_line", "source_document", "findings"}


def test_boundary_lines_have_the_record_and_name_the_parcel(square, tmp_path):
    out = tmp_path / "p.gpkg"
    placed(square, out, "--rotation", "0")
    lines, parcel = read_geopackage(out, "boundary_line"), read_geopackage(out, "parcel")
    assert list(lines["bearing_text"].str.replace(r"\D", "", regex=True)) == ["00000", "900000", "00000", "900000"]
    assert list(lines["distance_ft"]) == [100.0, 200.0, 100.0, 200.0] and set(lines["line_kind"]) == {"RECORD"}
    # Travelled clockwise: the land is on the right.
    assert set(lines["right_parcel"]) == set(parcel["global_id"]) and lines["left_parcel"].isna().all()
    assert list(lines["source_ref"]) == ["call 1", "call 2", "call 3", "call 4"]
    assert lines["residual_dist_ft"].abs().max() < 1e-6


def test_a_rotation_turns_the_ground_and_not_the_record(square, tmp_path):
    out = tmp_path / "p.gpkg"
    placed(square, out, "--rotation", "30")
    lines = read_geopackage(out, "boundary_line")
    first = shapely.get_coordinates(lines.geometry.iloc[0])
    # North of record is N 30 E on the grid: 50 ft east and 86.60 ft north.
    assert first[1] - first[0] == pytest.approx([50.0, 100 * math.cos(math.radians(30))], abs=1e-4)
    assert lines["bearing_text"].iloc[0] == "N 0°00'00\" E" and lines["direction_az"].iloc[0] == pytest.approx(30)
    assert set(lines["rotation"]) == {30.0}


def test_a_scale_shortens_the_ground_and_keeps_the_record(square, tmp_path):
    out = tmp_path / "p.gpkg"
    placed(square, out, "--rotation", "0", "--scale", "0.999934")
    lines = read_geopackage(out, "boundary_line")
    assert lines.geometry.length.iloc[1] == pytest.approx(199.9868, abs=1e-4) and lines["distance_ft"].iloc[1] == 200.0
    assert set(lines["is_ground"]) == {True} and set(lines["scale"]) == {0.999934}


def test_without_a_rotation_it_is_said_that_bearings_were_taken_for_grid(square, tmp_path):
    told = placed(square, tmp_path / "p.gpkg")
    assert [row["severity"] for row in told["findings"] if row["code"] == "Q01"] == ["review"]
    told = placed(square, tmp_path / "q.gpkg", "--rotation", "0")
    assert not [row for row in told["findings"] if row["code"] == "Q01"]


def test_curves_become_vertices_within_a_hundredth_of_a_foot(tmp_path):
    out = tmp_path / "p.gpkg"
    placed(DEEDS / "true_01_modern.txt", out, "--rotation", "0")
    lines, parcel = read_geopackage(out, "boundary_line"), read_geopackage(out, "parcel")
    curve = lines[lines["radius_ft"].notna()].iloc[0]
    assert curve["radius_ft"] == 20.0 and curve["curve_side"] == "R" and curve["delta_dms"] == "90°50'53\""
    # The chords of the arc lose two thirds of a sagitta along its length, at most.
    true = TRUTH["true_01_modern.txt"]["area_sqft"]
    assert 0 < true - parcel.geometry.area.iloc[0] + 1 < 1 + 0.01 * 31.71
    ring = {tuple(p) for p in np.round(shapely.get_coordinates(parcel.geometry.iloc[0]), 6)}
    assert {tuple(p) for p in np.round(shapely.get_coordinates(curve.geometry), 6)} <= ring


def test_what_it_does_not_close_by_stands_in_the_residual_of_the_last_course(tmp_path):
    path, out = tmp_path / "open.txt", tmp_path / "p.gpkg"
    path.write_text(SQUARE.replace("West 200.00 feet", "West 199.98 feet"))
    told = placed(path, out, "--rotation", "0")
    lines = read_geopackage(out, "boundary_line")
    assert list(lines["residual_dist_ft"].round(4)) == [0, 0, 0, -0.02]
    assert [row["measure"] for row in told["findings"] if row["code"] == "Q02"] == [pytest.approx(0.02)]
    assert read_geopackage(out, "parcel")["misclose_ft"].iloc[0] == pytest.approx(0.02)


def test_an_open_call_is_refused_on_the_ground(tmp_path):
    out = tmp_path / "p.gpkg"
    result = deed(
        DEEDS / "faulty_14_by_reference.txt",
        "--to",
        "parcel",
        "--start",
        "1,2",
        "--out",
        out,
        "--city",
        CITY,
        code=3,
        json_out=False,
    )
    assert "call 2" in result.stderr and not out.exists()


def test_several_parcels_are_refused_until_one_is_named(tmp_path):
    path = DEEDS / "true_17_two_parcels.txt"
    result = deed(path, "--to", "parcel", "--start", "1,2", "--out", tmp_path / "p.gpkg", "--city", CITY, code=3, json_out=False)
    assert "2 parcels" in result.stderr
    name = deed(path)["parcels"][-1]["name"]
    placed(path, tmp_path / "p.gpkg", "--parcel", name, "--rotation", "0")
    assert len(read_geopackage(tmp_path / "p.gpkg", "parcel")) == 1


def test_excepted_land_is_refused_until_the_parcel_is_named(tmp_path):
    path = DEEDS / "true_18_exception.txt"
    result = deed(path, "--to", "parcel", "--start", "1,2", "--out", tmp_path / "p.gpkg", "--city", CITY, code=3, json_out=False)
    assert "excepts land" in result.stderr


def test_ties_lead_from_the_commencement_to_the_beginning(tmp_path):
    path = DEEDS / "true_09_tie.txt"
    told = TRUTH["true_09_tie.txt"]
    placed(path, tmp_path / "a.gpkg", "--rotation", "0")
    placed(path, tmp_path / "b.gpkg", "--rotation", "0", "--starts-at", "commencement")
    first, second = (
        shapely.get_coordinates(read_geopackage(tmp_path / f, "boundary_line").geometry.iloc[0])[0] for f in ("a.gpkg", "b.gpkg")
    )
    ties = [row for row in deed(path)["courses"] if row["role"] == "tie"]
    assert len(ties) == told["ties"] and first == pytest.approx(START)
    assert math.dist(first, second) == pytest.approx(ties[0]["distance_ft"], abs=1e-3) or len(ties) > 1


def test_a_strip_becomes_an_easement_of_its_width(tmp_path):
    path, out = tmp_path / "strip.txt", tmp_path / "e.gpkg"
    path.write_text(
        "A strip of land 20.00 feet in width, the centerline of which is described as follows: Beginning at a point; thence North"
        " 0°00'00\" East 300.00 feet; thence North 90°00'00\" East 100.00 feet to the terminus of said centerline."
    )
    placed(path, out, "--rotation", "0", target="easement", values=("easement_id=E-1", "purpose=SEWER"))
    (row,) = read_geopackage(out, "easement").to_dict("records")
    # Two legs of 20 ft, mitred: as long as its centreline.
    assert row["geometry"].area == pytest.approx(400 * 20) and (row["width_ft"], row["strip_side"]) == (20.0, "CENTERED")
    assert row["purpose"] == "SEWER" and row["doc_id"] == row["source_id"]


def test_a_parcel_without_its_number_is_quarantined_and_told(square, tmp_path):
    told = placed(square, tmp_path / "p.gpkg", "--rotation", "0", values=(), code=1)
    assert told["rows"]["land"] == 0 and "apn" in told["quarantined"][0]
    assert len(read_geopackage(tmp_path / "p.gpkg", "quarantine")) == 1


def test_a_field_that_is_none_is_wrong_usage(square, tmp_path):
    where = ("--to", "parcel", "--start", "1,2", "--out", tmp_path / "p.gpkg", "--city", CITY)
    assert "Must be one of" in deed(square, *where, "--set", "apm=1", code=2, json_out=False).output


def test_the_same_description_gives_the_same_rows(square, tmp_path):
    for name in ("a.gpkg", "b.gpkg"):
        placed(square, tmp_path / name, "--rotation", "0")
    for layer in ("parcel", "boundary_line", "findings"):
        first, second = (read_geopackage(tmp_path / name, layer) for name in ("a.gpkg", "b.gpkg"))
        assert first.equals(second), layer
