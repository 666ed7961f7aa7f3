"""One door to every file of captures: which reader it is for, and that rows in are rows out."""

import pandas as pd
import pytest
from nmea_sentences import gga, rmc

from citygis.city import default_city
from citygis.errors import ReadError
from citygis.readers import inspect, is_captures, read, read_captures

GPX = '<gpx><wpt lat="37.822" lon="-121.276"><ele>5</ele></wpt><wpt lat="x" lon="1"/></gpx>'
PNEZD = "1,2122699.31,6337535.59,18.2,MON\n2,2122799.31,6337535.59,18.4,EP1\n"
PLAIN = "name,longitude,latitude,ellipsoid_height_m,time,fix_type,h_rms_m\nA,-121.276,37.822,-20,2026-06-01T12:00:00Z,FIXED,0.01\n"


def written(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "text", "format"),
    [
        ("a.gpx", GPX, "GPX"),
        ("a.nmea", gga(), "NMEA 0183"),
        ("a.log", f"opened\n{gga()}\n", "NMEA 0183"),
        ("a.txt", gga(), "NMEA 0183"),
        ("a", gga(), "NMEA 0183"),
        ("a.csv", PLAIN, "receiver table"),
    ],
)
def test_the_content_decides_which_captures_a_file_holds(tmp_path, name, text, format):
    path = written(tmp_path / name, text)
    assert is_captures(path) and len(read_captures(path).frame) == 1
    (layer,) = inspect(path).layers
    assert layer.format == format and layer.captures is not None
    assert read(path, source_crs="EPSG:6318" if name == "a.csv" else None)["capture"].notna().any()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.txt", "apn,lon,lat\n001,-121.3,37.8\n"),
        ("a.csv", "id,longitude,latitude\n1,-121.3,37.8\n"),
        ("a.csv", "point,northing,easting,elevation\n1,2122699.31,6337535.59,18.2\n"),
        ("a.csv", "apn,owner\n1,$GPGGA is no column\n"),
    ],
)
def test_a_table_stays_a_table(tmp_path, name, text):
    frame = read(
        written(tmp_path / name, text),
        source_crs=None if "lon" not in text and "northing" not in text else "EPSG:6420" if "northing" in text else "EPSG:4326",
    )
    assert "capture" not in frame and list(frame.columns)[: text.splitlines()[0].count(",") + 1] == text.splitlines()[0].split(",")


def test_survey_points_without_header_do_not_lose_their_first_point(tmp_path):
    path = written(tmp_path / "a.csv", PNEZD)
    found = read_captures(path, order="PNEZD")
    assert found.frame["name"].tolist() == ["1", "2"] and found.frame["source_ref"].tolist() == ["a.csv#line 1", "a.csv#line 2"]
    with pytest.raises(ReadError, match="--order"):
        read(path)


def test_rejected_records_follow_as_rows_with_their_code(tmp_path):
    path = written(tmp_path / "a.nmea", "\n".join([gga(), rmc(), gga("120001.00")[:30], gga("120002.00", quality="0")]))
    frame = read(path)
    assert frame["read_code"].fillna("").tolist() == ["", "R05", "R06"]
    assert frame["source_ref"].tolist() == ["a.nmea#line 1", "a.nmea#line 3", "a.nmea#line 4"]
    assert frame.geometry.isna().tolist() == [False, True, True] and "As sent: $GPGGA,120001" in frame["read_message"][1]
    assert "read_code" not in read(written(tmp_path / "b.nmea", f"{gga()}\n{rmc()}"))


def test_a_position_without_a_date_keeps_its_place_and_says_so(tmp_path):
    frame = read(written(tmp_path / "a.nmea", gga()))
    assert frame["read_code"].tolist() == ["R07"] and frame.geometry.notna().all()


def test_captures_name_their_source_as_read_does(tmp_path):
    path = written(tmp_path / "a.gpx", GPX)
    found, rows = read_captures(path), read(path)
    assert found.frame["source_id"][0] == rows["source_id"][0]
    assert found.frame["source_ref"][0] == rows["source_ref"][0] == "a.gpx#wpt 1"
    assert len(rows) == len(found.frame) + len(found.rejected) == 2


def test_inspection_says_what_captures_are_and_what_to_ask(tmp_path):
    lines = [gga(quality="4"), rmc(mode="R"), gga("120001.00", quality="2"), gga("120002.00")[:40]]
    (layer,) = inspect(written(tmp_path / "a.nmea", "\n".join(lines))).layers
    captures = layer.captures
    assert captures.records == {"GGA": 2, "RMC": 1, "damaged": 1} and captures.joined == 1
    assert captures.fix_types == {"DGPS": 1, "FIXED": 1} and captures.rejected == {"cut_off": 1} and captures.kinds == {"epoch": 2}
    assert captures.begins == "2026-06-01T12:00:00+00:00" and captures.ends == "2026-06-01T12:00:01+00:00"
    said = "\n".join(layer.suspicions)
    assert "Ask which frame the base" in said and "SBAS" in said and "WGS 84" in layer.frame.cost
    assert not layer.is_clean and layer.problems[0].kind == "record damaged"
    text = str(inspect(tmp_path / "a.nmea"))
    assert "Records: 2 GGA, 1 RMC, 1 damaged; 1 joined into others" in text and "Rejected: 1 cut_off" in text
    assert inspect(tmp_path / "a.nmea").to_dict()["layers"][0]["captures"]["joined"] == 1


def test_inspection_suspects_the_ele_of_gpx(tmp_path):
    (layer,) = inspect(written(tmp_path / "a.gpx", GPX)).layers
    assert any("ele is a height above the ellipsoid or above some sea level" in said for said in layer.suspicions)


def test_a_hostile_gpx_is_one_refusal(tmp_path):
    path = written(tmp_path / "a.gpx", '<!DOCTYPE gpx [<!ENTITY a "aaaa">]><gpx/>')
    for reader in (read, read_captures):
        with pytest.raises(ReadError, match="document type or entities"):
            reader(path)


def test_a_file_of_something_else_is_no_captures(tmp_path):
    path = written(tmp_path / "a.log", "nothing happened\n")
    assert not is_captures(path)
    with pytest.raises(ReadError, match="no file of GPS captures"):
        read_captures(path)
    with pytest.raises(ReadError, match="is not NMEA 0183"):
        read(path)


def test_an_order_does_not_go_with_a_receivers_profile(tmp_path):
    with pytest.raises(ValueError, match="Invalid order"):
        read_captures(written(tmp_path / "a.csv", PLAIN), profile="plain", order="PNEZD")


def test_an_empty_log_gives_an_empty_frame_of_the_same_columns(tmp_path):
    empty = read_captures(written(tmp_path / "a.nmea", gga(quality="0"))).frame
    full = read_captures(written(tmp_path / "b.nmea", gga())).frame
    assert empty.columns.tolist() == full.columns.tolist() and (empty.dtypes == full.dtypes).all() and empty.crs == full.crs
    assert isinstance(default_city().receivers_folder, type(None)) and pd.api.types.is_string_dtype(empty["source_ref"])
