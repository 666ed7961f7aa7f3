"""NMEA 0183: one position per epoch, every sentence accounted for, nothing taken for what it is not."""

import time

import pandas as pd
import pytest
from nmea_sentences import gga, rmc, sentence

from citygis.errors import ReadError
from citygis.readers.nmea import JOINED_KINDS, read_nmea


def log(tmp_path, *lines, end="\r\n", encoding="ascii"):
    path = tmp_path / "a.nmea"
    raw = [line if isinstance(line, bytes) else line.encode(encoding) for line in lines]
    path.write_bytes(b"".join(line + end.encode(encoding) for line in raw))
    return path


def read(tmp_path, *lines, **kwargs):
    found = read_nmea(log(tmp_path, *lines, **kwargs))
    nature = sum(count for kind, count in found.records.items() if kind not in JOINED_KINDS)
    assert sum(found.records.values()) == len(found.frame) + found.joined + nature + len(found.rejected)
    return found


def reasons(found):
    return found.rejected["reason"].tolist()


def test_the_published_example_decodes_to_its_published_answer(tmp_path):
    found = read(tmp_path, "$GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,*47")
    row = found.frame.iloc[0]
    assert row.geometry.y == pytest.approx(48.1173, abs=1e-9) and row.geometry.x == pytest.approx(11.5166666667, abs=1e-9)
    assert row["ellipsoid_height_m"] == pytest.approx(592.3) and row["msl_height_m"] == 545.4
    assert (row["satellites"], row["hdop"], row["fix_type"]) == (8, 0.9, "SINGLE") and found.frame.crs.to_epsg() == 4326
    assert found.frame["elevation"].isna().all()


def test_sentences_of_one_epoch_become_one_row(tmp_path):
    gsa = sentence("GNGSA,A,3,21,13,,,,,,,,,,,1.59,0.93,1.29")
    gst = sentence("GPGST,120000.00,0.9,0.011,0.009,45.0,0.003,0.004,0.019")
    zda = sentence("GPZDA,120000.00,01,06,2026,00,00")
    found = read(tmp_path, gga(), gsa, rmc(), gst, zda, sentence("GPVTG,12.3,T,,M,0.05,N,0.1,K,A"), sentence("GPGSV,1,1,00"))
    assert len(found.frame) == 1 and found.joined == 4
    assert found.records == {"GGA": 1, "GSA": 1, "GST": 1, "GSV": 1, "RMC": 1, "VTG": 1, "ZDA": 1}
    row = found.frame.iloc[0]
    assert row["time"] == pd.Timestamp("2026-06-01T12:00:00Z")
    assert row["h_rms_m"] == pytest.approx(0.005) and row["v_rms_m"] == 0.019  # 3-4-5
    assert (row["pdop"], row["vdop"], row["correction_age_s"], row["station"]) == (1.59, 1.29, 1.0, "0031")
    assert (row["sentence"], row["speed_kn"], row["height_at"]) == ("GGA", 0.05, "antenna")


@pytest.mark.parametrize(
    ("quality", "fix"), [("1", "SINGLE"), ("2", "DGPS"), ("3", "SINGLE"), ("4", "FIXED"), ("5", "FLOAT"), ("9", "DGPS")]
)
def test_quality_becomes_the_fix_type_and_sbas_is_never_rtk(tmp_path, quality, fix):
    assert read(tmp_path, gga(quality=quality)).frame["fix_type"].tolist() == [fix]


@pytest.mark.parametrize(("quality", "said"), [("0", "no fix"), ("6", "estimated"), ("7", "by hand"), ("8", "simulator")])
def test_what_was_not_measured_is_rejected_and_said(tmp_path, quality, said):
    found = read(tmp_path, gga(quality=quality), rmc(mode=""))
    assert len(found.frame) == 0 and reasons(found) == ["no_fix", "no_fix"]
    assert said in found.rejected["message"][0] and found.rejected["text"][1].startswith("$GPRMC")


def test_a_void_rmc_rejects_its_epoch(tmp_path):
    found = read(tmp_path, gga(), rmc(status="V", mode="N"), gga("120001.00"))
    assert len(found.frame) == 1 and reasons(found) == ["no_fix", "no_fix"]


def test_the_day_rolls_at_midnight_without_a_date_of_its_own(tmp_path):
    found = read(tmp_path, gga("235958.00"), rmc("235959.00", "311226"), gga("235959.00"), gga("000000.00"), gga("000001.00"))
    assert found.frame["time"].dt.strftime("%Y-%m-%dT%H:%M:%S").tolist() == [
        "2026-12-31T23:59:58",
        "2026-12-31T23:59:59",
        "2027-01-01T00:00:00",
        "2027-01-01T00:00:01",
    ]


def test_positions_before_the_first_date_get_it_backwards_across_midnight(tmp_path):
    found = read(tmp_path, gga("235959.00"), gga("000000.00"), rmc("000001.00", "010127"), gga("000001.00"))
    assert found.frame["time"].dt.day.tolist() == [31, 1, 1] and found.frame["time"].dt.year.tolist() == [2026, 2027, 2027]


def test_a_log_that_never_says_its_date_has_no_time(tmp_path):
    found = read(tmp_path, gga(), gga("120001.00"))
    assert len(found.frame) == 2 and found.frame["time"].isna().all() and any("no_date: 2" in note for note in found.notes)


def test_a_session_put_behind_another_does_not_inherit_its_date(tmp_path):
    found = read(tmp_path, rmc("120000.00", "010626"), gga("120000.00"), gga("080000.00"))
    assert found.frame["time"].isna().tolist() == [False, True]


def test_two_days_of_the_same_hours_stay_two_days(tmp_path):
    found = read(tmp_path, gga(), rmc(date="010626"), gga("120001.00"), gga(), rmc(date="020626"))
    assert found.frame["time"].dt.strftime("%d %S").tolist() == ["01 00", "01 01", "02 00"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (gga().replace("3749", "3949"), "bad_checksum"),
        (gga()[:40], "cut_off"),
        (gga().partition("*")[0], "cut_off"),
        (gga().encode()[:30] + b"\xb5\x62\x01\x07" + gga().encode()[30:], "not_text"),
        (sentence("GPGGA,120000.00,3749.32,N,12116.56,W,1"), "wrong_field_count"),
        (gga(lat="37.822,N", lon="121.276,W"), "ddmm_as_degrees"),
        (gga(lon="12116.560000,"), "hemisphere_missing"),
        (gga(lat="3760.000000,N"), "out_of_range"),
        (gga(lat="9100.000000,N"), "out_of_range"),
        (gga(lat=",", lon=","), "no_position"),
        (gga(lat="37x9.320000,N"), "not_a_number"),
        (gga(time="12h000"), "not_a_number"),
        (gga(quality="R"), "not_a_number"),
    ],
)
def test_a_damaged_or_impossible_sentence_is_rejected_and_counted(tmp_path, line, reason):
    found = read(tmp_path, line, gga("120001.00"))
    assert reasons(found) == [reason] and len(found.frame) == 1
    assert found.rejected["source_ref"].tolist() == ["line 1"] and found.rejected["text"][0].startswith("$GPGGA")


def test_ddmm_is_never_taken_for_degrees(tmp_path):
    point = read(tmp_path, gga(lat="4807.038,N", lon="01131.000,E")).frame.geometry[0]
    assert (point.x, point.y) == (pytest.approx(11 + 31 / 60), pytest.approx(48 + 7.038 / 60))


def test_west_and_south_are_negative(tmp_path):
    point = read(tmp_path, gga(lat="3749.320000,S")).frame.geometry[0]
    assert point.x == pytest.approx(-121.276) and point.y == pytest.approx(-37.822)


def test_dollars_and_stars_of_binary_data_are_no_sentences(tmp_path):
    binary = b"\xb5\x62$\x01*\xd3\x00$\xff,*4" * 5
    found = read(tmp_path, binary + gga().encode(), binary, rmc())
    assert len(found.frame) == 1 and found.joined == 1 and len(found.rejected) == 0
    assert any("20 '$'" in note for note in found.notes)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_log_in_utf_16_is_read(tmp_path, encoding):
    path = tmp_path / "a.log"
    path.write_bytes(f"{gga()}\r\n{rmc()}\r\n".encode(encoding))
    found = read_nmea(path)
    assert len(found.frame) == 1 and found.joined == 1 and found.rows.tolist() == ["line 1"]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_lines_are_counted_by_any_line_end(tmp_path, end):
    assert read(tmp_path, "# notes", gga(), "", gga("120001.00"), end=end).rows.tolist() == ["line 2", "line 4"]


def test_sentences_glued_on_one_line_and_behind_other_text_are_read(tmp_path):
    found = read(tmp_path, "12:00:01 > " + gga() + gga("120001.00"))
    assert found.rows.tolist() == ["line 1", "line 1 (2)"]


def test_rmc_alone_and_gns_alone_give_positions(tmp_path):
    gns = sentence("GNGNS,120001.00,3749.320000,N,12116.560000,W,RRNN,12,0.8,5.1,-31.9,1.0,0031,V")
    weak = sentence("GNGNS,120002.00,3749.320000,N,12116.560000,W,RFNN,12,0.8,5.1,-31.9,1.0,0031,V")
    found = read(tmp_path, rmc(mode="R"), gns, weak)
    assert found.frame["sentence"].tolist() == ["RMC", "GNS", "GNS"]
    assert found.frame["fix_type"].tolist() == ["FIXED", "FIXED", "FLOAT"]
    assert found.frame["ellipsoid_height_m"].isna().tolist() == [True, False, False]


def test_talkers_of_every_constellation_are_read_and_proprietary_sentences_counted(tmp_path):
    text = gga()[3:].partition("*")[0]
    talkers = enumerate(("GN", "GL", "GA", "GB", "GQ", "BD", "QZ", "IN"))
    lines = [sentence(f"{talker}{text.replace('120000', f'1200{number:02}')}") for number, talker in talkers]
    found = read(tmp_path, *lines, sentence("PUBX,00,120000.00,3749.32,N"))
    assert len(found.frame) == 8 and found.records["PUBX"] == 1


def test_another_datum_leaves_the_frame_open_and_is_told(tmp_path):
    found = read(tmp_path, gga(), sentence("GPDTM,999,,0.08,N,0.07,E,-47.7,W84"))
    assert found.frame.crs is None and found.frame["datum_stated"][0].startswith("999 moved by 0.08' N")
    assert any("datum other than WGS 84" in note for note in found.notes)
    plain = read(tmp_path, sentence("GPDTM,W84,,0.0,N,0.0,E,0.0,W84"), gga())
    assert plain.frame.crs.to_epsg() == 4326 and plain.frame["datum_stated"][0] == "W84"


def test_a_second_receiver_elsewhere_at_the_same_time_is_a_row_and_a_disagreement_is_told(tmp_path):
    found = read(tmp_path, gga(), gga(lat="3749.400000,N"), rmc(lon="12216.560000,W"))
    assert len(found.frame) == 2 and any("1 sentences (RMC, GLL or GNS) lie elsewhere" in note for note in found.notes)


def test_waypoints_are_rows_without_time(tmp_path):
    found = read(tmp_path, sentence("GPWPL,3558.322,N,08708.082,W,GCEBB"))
    assert found.frame["capture"].tolist() == ["waypoint"] and found.frame["name"].tolist() == ["GCEBB"]


def test_a_piece_of_a_log_ends_where_a_line_does(tmp_path, monkeypatch):
    lines = [line for second in range(60) for line in (gga(f"1200{second:02}.00"), rmc(f"1200{second:02}.00"))]
    whole = read(tmp_path, *lines)
    monkeypatch.setattr("citygis.readers.sentences._CHUNK", 101)
    parts = read(tmp_path, *lines)
    pd.testing.assert_frame_equal(pd.DataFrame(whole.frame), pd.DataFrame(parts.frame))
    assert whole.rows.tolist() == parts.rows.tolist() and whole.records == parts.records


def test_a_file_without_a_sentence_is_refused(tmp_path):
    with pytest.raises(ReadError, match="no sentence of NMEA"):
        read_nmea(log(tmp_path, "apn,owner", "1,2"))


def test_time_grows_with_the_log_and_not_faster(tmp_path):
    def seconds(count):
        clocks = (f"{hour:02}{second // 60:02}{second % 60:02}.00" for hour in range(count) for second in range(3600))
        path = log(tmp_path, *(gga(clock) for clock in clocks))
        start = time.process_time()
        assert len(read_nmea(path).frame) == count * 3600
        return time.process_time() - start

    seconds(1)
    assert seconds(10) < 40 * max(seconds(1), 0.02)


def test_a_log_without_any_checksum_is_rejected_and_said_so(tmp_path):
    path = tmp_path / "bare.nmea"
    path.write_text("$GPGGA,120000,3749.3200,N,12116.5600,W,1,08,0.9,5.0,M,-30.0,M,,\n" * 3)
    found = read_nmea(path)
    assert len(found.frame) == 0 and found.rejected["reason"].tolist() == ["cut_off"] * 3
    assert any("No sentence has a checksum" in note for note in found.notes)


def test_a_datum_sentence_that_is_empty_states_no_other_datum(tmp_path):
    lines = [sentence("GPDTM,,,,,,,,"), sentence("GPGGA,120000,3749.3200,N,12116.5600,W,1,08,0.9,5.0,M,-30.0,M,,")]
    path = tmp_path / "empty.nmea"
    path.write_text("\r\n".join(lines) + "\r\n")
    assert read_nmea(path).frame.crs == "EPSG:4326"
