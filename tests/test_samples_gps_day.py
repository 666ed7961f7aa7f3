"""The sample day of GPS captures: the same files from the same seed, and a truth that the City's layers and readers agree with."""

import csv
import json
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import shapely
from gps_truth import CITY, DAY, FOOT_M, marks, of, truth
from PIL import Image
from sample_city import city

from citygis.captures.gates import gates, rejections
from citygis.readers.gpx import read_gpx
from citygis.readers.nmea import read_nmea
from citygis.readers.points import read_points
from citygis.readers.receivers import read_receiver_csv
from citygis.samples import write_gps_day
from citygis.samples.gps_day import EMLID_CSV, GPS_TRUTH, PLAIN_CSV, PNEZD_TXT, ROVER_NMEA, TRACK_GPX
from citygis.samples.sky import VELOCITY


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The day made anew."""
    folder = tmp_path_factory.mktemp("gps_day")
    write_gps_day(folder, city())
    return folder


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_same_seed_writes_the_same_bytes(made, tmp_path):
    write_gps_day(tmp_path, city())
    assert files_in(tmp_path) == files_in(made)
    for name in files_in(made):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes(), name


def test_another_seed_gives_other_errors_and_the_same_marks(made, tmp_path):
    path = write_gps_day(tmp_path, city(), seed=1)
    assert json.loads(path.read_text())["marks"] == json.loads((made / GPS_TRUTH).read_text())["marks"]
    assert (tmp_path / ROVER_NMEA).read_bytes() != (made / ROVER_NMEA).read_bytes()


def test_the_committed_files_are_what_the_generator_makes(made):
    # Numbers to their last digit, not bytes: elsewhere a sine may round the other way, and another JPEG library packs otherwise.
    assert files_in(made) == files_in(DAY)
    for name in files_in(made):
        if name.endswith(".jpg"):
            old, new = (dict(Image.open(folder / name).getexif().get_ifd(0x8825)) for folder in (DAY, made))
            assert old == new, name
            continue
        old, new = ((folder / name).read_bytes().decode("latin-1") for folder in (DAY, made))
        old, new = (re.sub(r"\*[0-9A-F]{2}", "*", text) for text in (old, new))
        number = r"[-+]?\d+\.\d+"
        assert re.sub(number, "#", old) == re.sub(number, "#", new), (
            f"{name}: run scripts/make_sample_data.py and commit what it makes"
        )
        pairs = zip(re.findall(number, old), re.findall(number, new), strict=True)
        assert all(a == b or abs(float(a) - float(b)) <= 2 * 10.0 ** -len(a.partition(".")[2]) for a, b in pairs), name


def test_the_day_stays_small():
    assert sum((DAY / name).stat().st_size for name in files_in(DAY)) < 600_000


def test_people_and_devices_are_samples():
    with (DAY / EMLID_CSV).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["Author"] for row in rows} == {"Sample Surveyor"}
    assert {row["Device serial number"] for row in rows} == {"SAMPLE-0001"}


def test_the_marks_of_the_truth_are_the_city_s_own():
    control, corner = (city().layers[name] for name in ("control_station", "corner"))
    places = dict(zip(control["pid"], control.geometry, strict=True)) | dict(zip(corner["corner_id"], corner.geometry, strict=True))
    heights = dict(zip(control["pid"], control["ellip_ht"], strict=True))
    assert len(marks()) >= 14
    for name, mark in marks().items():
        assert (mark["easting"], mark["northing"]) == (places[name].x, places[name].y)
        if name in heights:
            assert mark["ellipsoid_height_ft"] == pytest.approx(heights[name], abs=0.0006)
    assert not set(corner.set_index("corner_id")["kind"].reindex([m for m in marks() if m.startswith("M-")])) & {"CALC"}


def test_no_other_corner_is_near_enough_to_be_taken_for_an_occupied_one():
    corners = shapely.STRtree(city().layers["corner"].geometry.to_numpy())
    for mark in (m for m in marks().values() if m["layer"] == "corner"):
        assert len(corners.query(shapely.Point(mark["easting"], mark["northing"]), predicate="dwithin", distance=25.0)) == 1


def test_control_stations_lie_25_m_below_the_ellipsoid_and_31_7_m_below_their_elevation():
    control = city().layers["control_station"]
    separation_m = (control["ellip_ht"] - control["ortho_ht"]) * FOOT_M
    assert np.allclose(separation_m, -31.7, atol=3e-4)
    assert (control["ellip_ht"] * FOOT_M).between(-28, -22).all()


def test_the_day_moves_as_its_city_does():
    assert CITY.velocity == VELOCITY
    assert str(CITY.frame) == truth()["city"]["frame"] == "NAD83(2011)@2010.00"


READERS = {ROVER_NMEA: read_nmea, EMLID_CSV: read_receiver_csv, PLAIN_CSV: read_receiver_csv, TRACK_GPX: read_gpx, PNEZD_TXT: None}


@cache
def captures(name: str):
    if name == PNEZD_TXT:
        box = CITY.extent
        return read_points(DAY / name, box=(box.easting_min, box.northing_min, box.easting_max, box.northing_max))
    return READERS[name](DAY / name)


@pytest.mark.parametrize("name", READERS)
def test_a_reader_finds_the_records_positions_and_rejections_of_the_truth(name):
    found = captures(name)
    assert len(found.frame) == of(name)["positions"]
    assert found.rejected["reason"].value_counts().to_dict() == of(name)["rejected"]
    assert {kind: found.records.get(kind) for kind in of(name)["records"]} == of(name)["records"]


def test_rejected_records_are_those_of_the_lines_that_the_truth_names():
    for name in (ROVER_NMEA, PNEZD_TXT):
        told = {(case["line"], case.get("reason", case["case"])) for case in of(name)["cases"]}
        found = {
            (int(re.search(r"\d+", ref)[0]), reason) for ref, reason in captures(name).rejected[["source_ref", "reason"]].to_numpy()
        }
        assert found <= told
        assert len(found) == sum(of(name)["rejected"].values())


@pytest.mark.parametrize("purpose", ["parcel", "asset"])
@pytest.mark.parametrize("name", [ROVER_NMEA, EMLID_CSV, PLAIN_CSV])
def test_a_gate_keeps_out_what_the_truth_says(name, purpose):
    told = rejections(captures(name).frame, gates()[purpose])["reject_reason"].value_counts().to_dict()
    assert told == of(name)["gates"][purpose]
