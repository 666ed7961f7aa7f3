"""Logs, tracks and photographs that others recorded, against what other software made of them."""

import json
import re

import numpy as np
import pandas as pd
import pyogrio
import pytest

from citygis.readers import read_captures
from citygis.readers.nmea import JOINED_KINDS

LOGS = [
    "gpsd/gr8013-w.log",
    "gpsd/nmea-rtk.log",
    "gpsd/ublox-neo-m9n-nmea.log",
    "gpsbabel/nmea",
    "gpsbabel/nmea+ms.txt",
    "gpsbabel/waypoints.nmea",
    "nmea/feyman_nmea.log",
    "nmea/midnight_rollover.nmea",
    "nmea/pygpsdata-mixed.log",
    "nmea/pygpsdata-nmea4.log",
    "nmea/pygpsdata-nmeabadck.log",
    "nmea/synthetic_gga_rmc_gst_900.nmea",
]


@pytest.mark.parametrize("name", LOGS)
def test_every_sentence_of_a_log_is_accounted_for(real_data, name):
    path = real_data / "gps" / name
    found = read_captures(path)
    written = re.findall(rb"\$(?=[A-Za-z0-9]{2})[ -#%-~]{4,}", path.read_bytes())
    nature = sum(count for kind, count in found.records.items() if kind not in JOINED_KINDS)
    assert sum(found.records.values()) == len(written)
    assert len(written) == len(found.frame) + found.joined + nature + len(found.rejected)


STATUS = {1: "SINGLE", 2: "DGPS", 3: "FIXED", 4: "FLOAT"}
"""gpsd 3.22, gpsd_json(5): status of a TPV; without it the fix is normal. A fixed solution of GGA quality 4 is status 3."""


@pytest.mark.parametrize("name", ["gr8013-w.log", "nmea-rtk.log", "ublox-neo-m9n-nmea.log"])
def test_fixes_are_those_that_gpsd_decoded(real_data, name):
    folder = real_data / "gps/gpsd"
    frame = read_captures(folder / name).frame
    told = {}
    for line in (folder / f"{name}.chk").read_text().splitlines():
        if line.startswith("{") and '"class":"TPV"' in line:
            report = json.loads(line)
            if "time" in report and report.get("mode", 0) >= 2:
                moment = pd.Timestamp(report["time"])
                # Of the log of 2015 gpsd thinks that its receiver's week had rolled over, and adds 1,024 weeks to what it says.
                moment -= pd.Timedelta(weeks=1024) if moment.year == 2035 else pd.Timedelta(0)
                # The last report of an epoch is the one that all of its sentences went into.
                told[moment] = report
    ours = frame.set_index("time")
    assert len(frame) == len(told) and set(ours.index) == set(told)
    for moment, report in told.items():
        row = ours.loc[moment]
        assert row.geometry.x == pytest.approx(report["lon"], abs=1e-9) and row.geometry.y == pytest.approx(report["lat"], abs=1e-9)
        assert row["ellipsoid_height_m"] == pytest.approx(report["altHAE"], abs=5e-4)
        assert row["msl_height_m"] == pytest.approx(report["altMSL"], abs=5e-4)
        assert row["fix_type"] == STATUS[report.get("status", 1)]
        if "dgpsAge" in report:
            assert row["correction_age_s"] == report["dgpsAge"] and int(row["station"]) == report["dgpsSta"]


@pytest.mark.parametrize(("log", "twin"), [("nmea", "nmea.gpx"), ("nmea+ms.txt", "nmea+ms.gpx")])
def test_a_log_and_its_gpsbabel_twin_are_the_same_fixes(real_data, log, twin):
    ours = read_captures(real_data / "gps/gpsbabel" / log).frame.drop_duplicates("time").set_index("time")
    theirs = read_captures(real_data / "gps/gpsbabel" / twin).frame.drop_duplicates("time").set_index("time")
    both = ours.loc[theirs.index]
    # GPSBabel writes 9 decimals, and in the other log, where RMC and GGA alternate, puts them together otherwise.
    within_deg = 2e-8 if log == "nmea" else 2e-6
    assert np.allclose(both.geometry.x, theirs.geometry.x, atol=within_deg)
    assert np.allclose(both.geometry.y, theirs.geometry.y, atol=within_deg)
    assert (both["fix_type"] == theirs["fix_type"]).all() and (both["satellites"] == theirs["satellites"]).all()
    if log == "nmea":
        assert len(ours) == len(theirs) == 154
        assert np.allclose(both["msl_height_m"], theirs["ele_m"]) and np.allclose(both["separation_m"], theirs["geoidheight_m"])
        assert np.allclose(both[["hdop", "vdop", "pdop"]], theirs[["hdop", "vdop", "pdop"]])


def test_midnight_is_passed_and_the_one_damaged_sentence_found(real_data):
    found = read_captures(real_data / "gps/nmea/midnight_rollover.nmea")
    assert found.frame["time"].dt.day.tolist() == [1] * 5 + [2] * 5 and found.frame["time"].is_monotonic_increasing
    assert found.rejected["reason"].tolist() == ["bad_checksum"] and found.rejected["source_ref"].tolist() == ["line 5"]
    assert found.frame["fix_type"].tolist() == [
        "FIXED",
        "DGPS",
        "DGPS",
        "FIXED",
        "FIXED",
        "SINGLE",
        "FIXED",
        "FIXED",
        "FLOAT",
        "FIXED",
    ]


def test_the_known_answer_of_the_example_holds(real_data, tmp_path):
    known = json.loads((real_data / "known_answers.json").read_text())["nmea"]
    (tmp_path / "a.nmea").write_text(known["GGA"])
    row = read_captures(tmp_path / "a.nmea").frame.iloc[0]
    assert row.geometry.y == pytest.approx(known["lat"]) and row.geometry.x == pytest.approx(known["lon"])
    assert row["ellipsoid_height_m"] == pytest.approx(known["h_ellipsoid"])


def gpx_files(real_data):
    return sorted((real_data / "gps").glob("gp[xs]*/*.gpx"))


def test_gpx_points_are_those_of_gdal(real_data):
    files = gpx_files(real_data)
    assert len(files) >= 19
    for path in files:
        frame = read_captures(path).frame
        for layer, capture in (("waypoints", "waypoint"), ("route_points", "route"), ("track_points", "track")):
            theirs = pyogrio.read_dataframe(path, layer=layer)
            ours = frame[frame["capture"] == capture].reset_index(drop=True)
            assert len(ours) == len(theirs), (path.name, layer)
            assert np.allclose(ours.geometry.x, theirs.geometry.x, atol=1e-12, rtol=0), path.name
            assert np.allclose(ours.geometry.y, theirs.geometry.y, atol=1e-12, rtol=0), path.name
            if "ele_m" in ours:
                assert np.allclose(ours["ele_m"], theirs["ele"].astype(float), equal_nan=True), path.name
            if ours["name"].notna().any():
                assert ours["name"].fillna("").tolist() == theirs["name"].fillna("").tolist(), path.name
            for name in ("hdop", "vdop", "pdop"):
                assert np.allclose(ours[name], theirs[name].astype(float), equal_nan=True), path.name


def test_gpx_times_are_those_of_gdal(real_data):
    for path in gpx_files(real_data):
        ours = read_captures(path).frame
        ours = ours[ours["capture"] == "track"]
        theirs = pyogrio.read_dataframe(path, layer="track_points")["time"]
        if theirs.notna().any() and getattr(theirs.dt, "tz", None) is not None:
            apart = (ours["time"].reset_index(drop=True) - theirs.dt.tz_convert("UTC")).abs().max()
            assert apart <= pd.Timedelta(milliseconds=1), path.name  # GDAL keeps milliseconds


@pytest.mark.parametrize(
    ("name", "northing", "easting"),
    [
        ("gps_DSCN0010.jpg", 43.467448, 11.885127),
        ("gps_DSCN0012.jpg", 43.467157, 11.885395),
        ("gps_DSCN0021.jpg", 43.467082, 11.884538),
    ],
)
def test_photographs_lie_where_their_list_says(real_data, name, northing, easting):
    row = read_captures(real_data / "gps/exif" / name).frame.iloc[0]
    assert row.geometry.y == pytest.approx(northing, abs=1e-6) and row.geometry.x == pytest.approx(easting, abs=1e-6)
    assert row["time"].date().isoformat() == "2008-10-23" and row["datum_stated"] == "WGS-84"
