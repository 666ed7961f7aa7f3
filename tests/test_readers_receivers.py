"""Receiver CSVs by profile: units and frames come from what the table states, words are mapped or reported, nothing is dropped."""

import math

import numpy as np
import pandas as pd
import pytest
import shapely

from citygis.errors import ReadError, SettingsError
from citygis.readers.captures import FIX_TYPES
from citygis.readers.receiver_profiles import receiver_profiles
from citygis.readers.receivers import profile_of, read_receiver_csv
from citygis.readers.stated_systems import named_crs, stated_offsets_ft, stated_system

# NGS data sheet AF9702, MT HAMILTON BARD CORS ARP: 37 20 29.50149 N, 121 38 33.22769 W; zone 3: N 1948852.78, E 6229522.73 ftUS.
LATITUDE, LONGITUDE = 37 + 20 / 60 + 29.50149 / 3600, -(121 + 38 / 60 + 33.22769 / 3600)
EASTING, NORTHING = 6229522.73, 1948852.78
SYSTEM = "NAD83(2011) / California zone 3 (ftUS) + NAVD88(GEOID18) height (ftUS)"

EMLID = (
    "Name,Code,Easting,Northing,Elevation,Description,Longitude,Latitude,Ellipsoidal height,Easting RMS,Northing RMS,Elevation RMS,"
    "Lateral RMS,Antenna height,Antenna height units,Solution status,Correction type,Averaging start,Averaging end,Samples,PDOP,"
    "Mount point,CS name,GPS Satellites,GLONASS Satellites"
)


def emlid(**changed):
    row = {
        "Name": "MON1", "Code": "IP", "Easting": f"{EASTING}", "Northing": f"{NORTHING}", "Elevation": "4200.100",
        "Description": '"found, 1"" iron pipe"', "Longitude": f"{LONGITUDE:.9f}", "Latitude": f"{LATITUDE:.9f}",
        "Ellipsoidal height": "4093.700", "Easting RMS": "0.030", "Northing RMS": "0.040", "Elevation RMS": "0.060",
        "Lateral RMS": "0.050", "Antenna height": "6.562", "Antenna height units": "ft", "Solution status": "FIX",
        "Correction type": "RTK", "Averaging start": "2026-05-20 10:09:54.4 UTC-05:00",
        "Averaging end": "2026-05-20 10:10:54.4 UTC-05:00", "Samples": "60", "PDOP": "1.4", "Mount point": "RIVERBEND1",
        "CS name": SYSTEM, "GPS Satellites": "9", "GLONASS Satellites": "6",
    }  # fmt: skip
    row |= {key.replace("_", " "): value for key, value in changed.items()}
    return ",".join(row[title] for title in EMLID.split(","))


def table(tmp_path, header, *rows, name="day.csv", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes("\n".join((header, *rows, "")).encode(encoding))
    return path


def read(tmp_path, header, *rows, **options):
    return read_receiver_csv(table(tmp_path, header, *rows), **options)


def accounted(captures):
    by_nature = captures.records.get("header", 0) + captures.records.get("blank", 0)
    return sum(captures.records.values()) == len(captures.frame) + len(captures.rejected) + by_nature


def reasons(captures):
    return captures.rejected.set_index("source_ref")["reason"].to_dict()


def notes(captures):
    return " ".join(captures.notes)


# --- profiles ----------------------------------------------------------------------------------------------------------------

HEADERS = {
    "emlid": EMLID,
    "bad_elf": "LINE,DATE_TIME_UTC,LATITUDE,LONGITUDE,ELEVATION_MSL,ELLIPSOIDAL_M,HDOP,QUALITY,NST,H_RMS,V_RMS,DATUM,"
    "ANTENNA_HEIGHT_M,POINT_NAME",
    "field_maps": "OBJECTID,ESRIGNSS_LATITUDE,ESRIGNSS_LONGITUDE,ESRIGNSS_FIXTYPE,ESRIGNSS_FIXDATETIME,ESRIGNSS_H_RMS,x,y",
    "qfield": "fid,longitude,latitude,position_quality_description,position_horizontal_accuracy,position_timestamp",
    "trimble_penmap": "[PointId],[FeatureCode],[Latitude:Degree:9],[Longitude:Degree:9],[EllipsoidHeight:Meter:3],"
    "[Rms2D:Meter:3],[SatQuality],[UtcDateTime]",
    "trimble_mobile": "latitude,longitude,altitude,hrms,vrms,pdop,diffStatus,timestamp",
    "plain": "longitude,latitude,ellipsoid_height_m,time,fix_type,h_rms_m",
}  # fmt: skip


@pytest.mark.parametrize("profile", HEADERS)
def test_each_receiver_is_recognised_by_its_columns(tmp_path, profile):
    assert profile_of(table(tmp_path, HEADERS[profile])) == profile


def test_a_receivers_own_profile_goes_before_the_general_one(tmp_path):
    assert profile_of(table(tmp_path, HEADERS["trimble_mobile"] + ",fix_type")) == "trimble_mobile"


def test_every_packaged_profile_is_tested_and_says_where_it_comes_from():
    profiles = receiver_profiles()
    assert set(profiles) == set(HEADERS)
    assert all(profile.reference and set(profile.fix_types.values()) <= set(FIX_TYPES) for profile in profiles.values())


def test_a_table_of_another_kind_is_of_no_receiver(tmp_path):
    for header in ("apn,lon,lat", "id,easting,northing", "1,1000,500,20,IP", ""):
        assert profile_of(table(tmp_path, header)) is None
    with pytest.raises(ReadError, match=r"fits no receiver.*rename its columns: longitude, latitude"):
        read(tmp_path, "apn,lon,lat", "1,-121.2,37.8")


def test_two_receivers_that_fit_alike_are_asked_about(tmp_path):
    header = HEADERS["bad_elf"] + ",Solution status,Easting RMS,Northing RMS,Antenna height"
    assert profile_of(table(tmp_path, header)) is None
    with pytest.raises(ReadError, match="--profile bad_elf or --profile emlid"):
        read(tmp_path, header)


def test_a_profile_can_be_stated_and_must_exist(tmp_path):
    row = ",".join(["-121.2", "37.8", "-20", "2026-05-20T15:00:00Z", "4", "0.02"])
    assert "plain, as stated" in notes(read(tmp_path, HEADERS["plain"], row, profile="plain"))
    with pytest.raises(ValueError, match="Invalid profile 'emild'"):
        read(tmp_path, HEADERS["plain"], row, profile="emild")
    with pytest.raises(ReadError, match="no position that the profile emlid knows"):
        read(tmp_path, "a,b", "1,2", profile="emlid")


OWN = """
profile = "{name}"
title = "The City's receiver"
reference = "its manual"
recognise = [["X-LON", "X-LAT"]]
[columns]
longitude = ["X-LON"]
latitude = ["X-LAT"]
fix_type = ["Q"]
{more}
[fix_types]
"good" = "FIXED"
"""


def test_a_citys_own_profile_is_laid_over_the_packaged_ones(tmp_path):
    folder = tmp_path / "receivers"
    folder.mkdir()
    (folder / "ours.toml").write_text(OWN.format(name="ours", more=""))
    path = table(tmp_path, "X-LON,X-LAT,Q,crew", "-121.2,37.8,Good,7")
    assert profile_of(path) is None and profile_of(path, folder=folder) == "ours"
    frame = read_receiver_csv(path, folder=folder).frame
    assert frame["fix_type"].tolist() == ["FIXED"] and frame["crew"].tolist() == ["7"]
    (folder / "emlid.toml").write_text(OWN.format(name="emlid", more=""))
    assert (
        receiver_profiles(folder)["emlid"].title == "The City's receiver"
        and receiver_profiles()["emlid"].title != "The City's receiver"
    )


@pytest.mark.parametrize(
    ("name", "more", "says"),
    [
        ("other", "", "Must be the file's name"), ("ours", 'h_rms = ["A"]', "did you mean `h_rms_m`"),
        ("ours", 'x = ["A"]\n[fix_type]\na = "B"', "did you mean `fix_types`"),
    ],
)  # fmt: skip
def test_a_profile_that_says_what_does_not_exist_is_an_error(tmp_path, name, more, says):
    (tmp_path / "ours.toml").write_text(OWN.format(name=name, more=more))
    with pytest.raises(SettingsError, match=says):
        receiver_profiles(tmp_path)


def test_a_folder_of_profiles_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(SettingsError, match="no folder of receiver profiles"):
        receiver_profiles(tmp_path / "none")


# --- Emlid: frame, units, accuracy -------------------------------------------------------------------------------------------


def test_the_stated_system_becomes_the_datum_of_longitude_and_latitude(tmp_path):
    captures = read(tmp_path, EMLID, emlid())
    frame = captures.frame
    assert frame.crs.to_epsg() == 6318 and frame["datum_stated"].tolist() == [SYSTEM]
    assert frame["elevation"].tolist() == [4200.1] and frame["elevation_unit"].tolist() == ["ft_us"]
    assert frame["vertical_datum"].tolist() == ["NAVD88(GEOID18)"] and frame["height_at"].tolist() == ["mark"]
    assert (
        frame["satellites"].tolist() == [15] and frame["samples"].tolist() == [60] and frame["station"].tolist() == ["RIVERBEND1"]
    )
    assert frame["Description"].tolist() == ['found, 1" iron pipe'] and frame["Easting"].tolist() == [f"{EASTING}"]


def test_lengths_are_converted_from_the_feet_of_the_system(tmp_path):
    frame = read(tmp_path, EMLID, emlid()).frame
    # 3-4-5: 0.050 ft; 4,093.700 US survey feet; 6.562 international feet = 2.0001 m
    assert frame["h_rms_m"].iloc[0] == pytest.approx(0.05 * 1200 / 3937, abs=1e-12)
    assert frame["v_rms_m"].iloc[0] == pytest.approx(0.06 * 1200 / 3937, abs=1e-12)
    assert frame["ellipsoid_height_m"].iloc[0] == pytest.approx(4093.7 * 1200 / 3937, abs=1e-9)
    assert frame["antenna_height_m"].iloc[0] == pytest.approx(6.562 * 0.3048, abs=1e-12)


def test_lengths_of_a_metric_system_stay_as_they_are(tmp_path):
    metric = {"CS_name": "NAD83(2011) / UTM zone 10N + NAVD88 height", "Antenna_height_units": "m", "Antenna_height": "2.000"}
    captures = read(tmp_path, EMLID, emlid(**metric))
    assert captures.frame["ellipsoid_height_m"].tolist() == [4093.7] and captures.frame["antenna_height_m"].tolist() == [2.0]
    assert captures.frame["elevation_unit"].tolist() == ["m"] and captures.frame["h_rms_m"].iloc[0] == pytest.approx(0.05)


def test_a_system_that_is_not_known_leaves_the_units_open_and_says_so(tmp_path):
    captures = read(tmp_path, EMLID, emlid(CS_name="Riverbend site calibration"))
    frame = captures.frame
    assert frame.crs is None and frame["datum_stated"].tolist() == ["Riverbend site calibration"]
    assert frame[["ellipsoid_height_m", "h_rms_m", "v_rms_m"]].isna().all(axis=None)
    assert frame["Ellipsoidal height"].tolist() == ["4093.700"] and frame["elevation_unit"].isna().all()
    assert "values have no stated unit" in notes(captures) and "--frame" in notes(captures)


@pytest.mark.parametrize(
    ("system", "elevation"),
    [
        ("NAD83(2011) / California zone 3 (ftUS) + Ellipsoidal height (ftUS)", "4200.1"),
        ("NAD83(2011) / California zone 3 (ftUS)", "4093.700"),
    ],
)  # fmt: skip
def test_an_ellipsoid_height_is_never_an_elevation(tmp_path, system, elevation):
    captures = read(tmp_path, EMLID, emlid(CS_name=system, Elevation=elevation))
    frame = captures.frame
    assert frame["elevation"].isna().all() and frame["elevation_unit"].isna().all() and frame["vertical_datum"].isna().all()
    assert "1 elevations are heights above the ellipsoid" in notes(captures)


def test_rows_that_disagree_with_their_own_eastings_are_counted_with_the_worst_in_feet(tmp_path):
    captures = read(tmp_path, EMLID, emlid(), emlid(Easting=f"{EASTING + 3}", Northing=f"{NORTHING - 4}"))
    assert captures.frame["stated_offset_ft"].tolist() == pytest.approx([0, 5], abs=0.01)
    assert "In 1 of 2 rows" in notes(captures) and "5.00 ft" in notes(captures) and len(captures.frame) == 2
    assert "agree with the stated easting and northing" in notes(read(tmp_path, EMLID, emlid()))


def test_an_ngs_station_projects_to_its_published_coordinates():
    one = [np.array([value]) for value in (LONGITUDE, LATITUDE, EASTING, NORTHING)]
    assert stated_offsets_ft(*one, system=named_crs("NAD83 / California zone 3 (ftUS)")) == pytest.approx(0, abs=0.008)
    metres = [np.array([value]) for value in (LONGITUDE, LATITUDE, 1898762.325, 594011.515 + 0.3048)]
    assert stated_offsets_ft(*metres, system=named_crs("NAD83 / California zone 3")) == pytest.approx(1, abs=0.003)


def test_eastings_and_northings_alone_are_in_the_stated_system(tmp_path):
    captures = read(tmp_path, EMLID.replace("Longitude,Latitude", "a,b"), emlid())
    assert captures.frame.geometry.iloc[0] == shapely.Point(EASTING, NORTHING) and captures.frame.crs.to_epsg() == 6420
    with pytest.raises(ReadError, match="different systems"):
        read(tmp_path, EMLID.replace("Longitude,Latitude", "a,b"), emlid(), emlid(CS_name="NAD83(2011) / UTM zone 10N"))


def test_rows_of_different_frames_state_no_one_frame(tmp_path):
    captures = read(tmp_path, EMLID, emlid(), emlid(CS_name="WGS 84 / UTM zone 10N"))
    assert captures.frame.crs is None and "WGS 84 / UTM zone 10N (1 rows)" in notes(captures)
    captures = read(tmp_path, EMLID, emlid(), emlid(CS_name=""))
    assert captures.frame.crs is None and "1 rows state no frame" in notes(captures)


@pytest.mark.parametrize(
    ("text", "epsg", "unit", "datum", "height_unit"),
    [
        (SYSTEM, 6420, "ft_us", "NAVD88(GEOID18)", "ft_us"),
        ("NAD83(2011) / UTM zone 10N + NAVD88 height", 6339, "m", "NAVD88", "m"),
        ("NAD83(2011) / California zone 3", 6419, "m", None, "m"), ("NAD83(2011)", 6318, None, None, None),
        ("EPSG:6420 + NAVD88 height (ft)", 6420, "ft_us", "NAVD88", "ft"),
        ("+proj=longlat +init=/etc/passwd", None, None, None, None),
        ("EPSG:99999", None, None, None, None), ("NAD83(2011) / california zone 3", None, None, None, None),
    ],
)  # fmt: skip
def test_systems_are_looked_up_by_name_and_never_guessed(text, epsg, unit, datum, height_unit):
    system = stated_system(text)
    assert (system.horizontal.to_epsg() if system.horizontal else None) == epsg
    assert (system.unit, system.vertical_datum, system.height_unit) == (unit, datum, height_unit)


# --- words and times ---------------------------------------------------------------------------------------------------------


def fixes(tmp_path, header, words, **options):
    return read(tmp_path, header, *(f"-121.2,37.8,{word}" for word in words), **options)


def test_words_for_the_fix_are_mapped_and_unknown_ones_are_null_and_counted(tmp_path):
    captures = fixes(
        tmp_path, "longitude,latitude,fix_type", ["fixed", "RTK  Float", "4", "5.0", "2", "SBAS", "No Fix", "", "MAGIC", "MAGIC"]
    )
    assert captures.frame["fix_type"].fillna("").tolist() == [
        "FIXED",
        "FLOAT",
        "FIXED",
        "FLOAT",
        "DGPS",
        "DGPS",
        "NONE",
        "",
        "",
        "",
    ]
    assert "2 words for the fix" in notes(captures) and "'MAGIC'" in notes(captures)
    assert captures.frame["fix_type_sent"].tolist()[-1] == "MAGIC" and captures.rejected.empty


@pytest.mark.parametrize("profile", ["plain", "bad_elf", "field_maps", "trimble_mobile"])
def test_a_satellite_based_correction_is_never_rtk(profile):
    words = receiver_profiles()[profile].fix_types
    assert words["2"] == "DGPS" and words["4"] == "FIXED" and words["5"] == "FLOAT" and words["1"] == "SINGLE"


@pytest.mark.parametrize(
    ("sent", "utc"),
    [
        ("2026-05-20 10:09:54.4 UTC-05:00", "2026-05-20T15:09:54.400"), ("2026-05-20T10:09:54Z", "2026-05-20T10:09:54.000"),
        ("2026-05-20 23:30:00+05:30", "2026-05-20T18:00:00.000"), ("2026-05-20 01:00:00 UTC+09:00", "2026-05-19T16:00:00.000"),
    ],
)  # fmt: skip
def test_times_become_utc_by_the_offset_they_state(tmp_path, sent, utc):
    time = read(tmp_path, EMLID, emlid(Averaging_start=sent)).frame["time"].iloc[0]
    assert time.isoformat(timespec="milliseconds") == f"{utc}+00:00"


def test_a_time_without_offset_is_taken_as_the_maker_writes_it_or_not_at_all(tmp_path):
    captures = read(tmp_path, "longitude,latitude,fix_type,time", "-121.2,37.8,FIXED,2026-05-20 10:00:00")
    assert captures.frame["time"].iloc[0] == pd.Timestamp(
        "2026-05-20 10:00Z"
    ) and "1 times state no offset; they were taken as UTC" in notes(captures)
    captures = read(tmp_path, EMLID, emlid(Averaging_start="2026-05-20 10:00:00"))
    assert captures.frame["time"].isna().all() and "times state no offset from UTC" in notes(captures)
    assert captures.frame["Averaging start"].tolist() == ["2026-05-20 10:00:00"]


def test_a_time_or_number_that_cannot_be_read_is_null_and_its_column_kept(tmp_path):
    captures = read(tmp_path, "longitude,latitude,fix_type,time,pdop,satellites", "-121.2,37.8,FIXED,soon,n/a,8.5")
    row = captures.frame.iloc[0]
    assert pd.isna(row["time"]) and np.isnan(row["pdop"]) and pd.isna(row["satellites"])
    assert (row["time_sent"], row["pdop_sent"], row["satellites_sent"]) == ("soon", "n/a", "8.5")
    assert "'soon'" in notes(captures) and "'n/a'" in notes(captures)


# --- other receivers ---------------------------------------------------------------------------------------------------------


def test_field_maps_gives_the_receivers_position_and_leaves_the_geometry_apart(tmp_path):
    # 0.0000145 degree of latitude is 1.6 m: the shift between the frames at Riverbend.
    captures = read(tmp_path, HEADERS["field_maps"], "1,37.822,-121.276,4,5/20/2026 5:09:54 PM,0.02,-121.276,37.8220145")
    frame = captures.frame
    assert frame.geometry.iloc[0] == shapely.Point(-121.276, 37.822) and frame[["x", "y"]].iloc[0].tolist() == [
        "-121.276",
        "37.8220145",
    ]
    assert frame["time"].iloc[0] == pd.Timestamp("2026-05-20 17:09:54Z") and frame["fix_type"].tolist() == ["FIXED"]
    # a minute of latitude there is 1,849.9 m
    assert f"{0.0000145 * 60 * 1849.9 * 3937 / 1200:.2f} ft" in notes(captures) and "before the location profile" in notes(captures)
    assert frame.crs is None


def test_field_maps_aliases_are_recognised_and_a_projected_geometry_is_not_compared(tmp_path):
    header = "Position source type,Receiver Name,Latitude,Longitude,Horizontal Accuracy (m),Fix Type,Fix Time,x,y"
    captures = read(tmp_path, header, "3,R1,37.822,-121.276,0.021,RTK Fixed,2026/05/20 17:09:54,-13500000,4550000")
    assert captures.frame["h_rms_m"].tolist() == [0.021] and captures.frame["fix_type"].tolist() == ["FIXED"]
    assert "in a system that the table does not name" in notes(captures)


def test_bad_elf_heights_are_the_antennas_and_its_datum_is_what_it_says(tmp_path):
    row = "1,2026-05-20 17:00:00,37.822,-121.276,10.5,-20.1,0.7,4,18,0.012,0.02,{},2.1,{}"
    captures = read(tmp_path, HEADERS["bad_elf"], row.format("NAD83(2011)_6318", "CP1"), row.format("NAD83(2011)_6318", ""))
    frame = captures.frame
    assert frame.crs.to_epsg() == 6318 and frame["capture"].tolist() == ["point", "epoch"]
    assert (
        frame["height_at"].eq("antenna").all()
        and frame["antenna_height_m"].eq(2.1).all()
        and frame["ellipsoid_height_m"].eq(-20.1).all()
    )
    assert frame["msl_height_m"].eq(10.5).all() and frame["elevation"].isna().all()
    captures = read(tmp_path, HEADERS["bad_elf"], row.format("RTK_DATUM", "CP1"))
    assert captures.frame.crs is None and captures.frame["datum_stated"].tolist() == ["RTK_DATUM"] and "--frame" in notes(captures)


def test_penmap_units_are_those_of_its_header(tmp_path):
    row = "7,3,37.822,-121.276,97.218,0.68,Float,2026-05-20 13:08:04Z"
    frame = read(tmp_path, HEADERS["trimble_penmap"], row).frame
    assert (
        frame["ellipsoid_height_m"].tolist() == [97.218]
        and frame["h_rms_m"].tolist() == [0.68]
        and frame["fix_type"].tolist() == ["FLOAT"]
    )
    frame = read(tmp_path, HEADERS["trimble_penmap"].replace("Rms2D:Meter", "Rms2D:USSurveyFeet"), row).frame
    assert frame["h_rms_m"].iloc[0] == pytest.approx(0.68 * 1200 / 3937)
    captures = read(tmp_path, HEADERS["trimble_penmap"].replace("Rms2D:Meter", "Rms2D:Cubit"), row)
    assert captures.frame["h_rms_m"].isna().all() and "no stated unit" in notes(captures)


def test_trimble_positions_carry_diff_status(tmp_path):
    frame = read(
        tmp_path, HEADERS["trimble_mobile"], *(f"37.8,-121.2,-20.5,0.02,0.03,1.2,{k},2026-05-20T17:00:00Z" for k in (1, 2, 4, 5))
    ).frame
    assert frame["fix_type"].tolist() == ["SINGLE", "DGPS", "FIXED", "FLOAT"] and frame["ellipsoid_height_m"].eq(-20.5).all()
    assert frame.crs.to_epsg() == 4326


def test_qfield_positions_may_be_wkt(tmp_path):
    header = "fid,position_coordinate,position_quality_description,position_horizontal_accuracy"
    captures = read(
        tmp_path, header, '1,"PointZ (-121.276 37.822 -3.2)",Fixed RTK,0.014', "2,,Float RTK,0.3", "3,LINESTRING (0 0 1 1,Invalid,9"
    )
    assert captures.frame.geometry.iloc[0] == shapely.Point(-121.276, 37.822) and captures.frame["fix_type"].tolist() == ["FIXED"]
    assert reasons(captures) == {"line 3": "no_position", "line 4": "not_a_number"} and accounted(captures)


def test_the_plain_table_needs_no_profile_and_its_names_are_sensible(tmp_path):
    for header in (
        "longitude,latitude,ellipsoid_height_m,time,fix_type,h_rms_m,name,code",
        "LON,LAT,h,Timestamp,Fix,hrms_m,Point,Description",
    ):
        frame = read(
            tmp_path,
            header,
            "-121.276,37.822,-20.05,2026-05-20T17:00:00Z,FIXED,0.012,A1,IP",
            "-121.2,37.8,-20,2026-05-20T17:00:01Z,FLOAT,0.2,,",
        ).frame
        assert frame["ellipsoid_height_m"].tolist() == [-20.05, -20.0] and frame["h_rms_m"].tolist() == [0.012, 0.2]
        assert frame["name"].iloc[0] == "A1" and frame["code"].iloc[0] == "IP" and frame["capture"].eq("point").all()
        assert frame.crs is None and frame["time"].notna().all() and frame["fix_type"].tolist() == ["FIXED", "FLOAT"]


# --- bad input ---------------------------------------------------------------------------------------------------------------


def test_every_bad_row_is_rejected_by_reason_and_the_sum_holds(tmp_path):
    rows = [
        "-121.276,37.822,FIXED", "12116.56,3749.32,FIXED", "-12116.56,3749.32,FIXED", "-121.2,97.8,FIXED",
        "-221.2,37.8,FIXED", ",37.8,FIXED",
        "west,37.8,FIXED", "nan,37.8,FIXED", "-121.2,37.8", "", "-121.2,37.8,FIXED,x", "-121.2,37.8,\x01FIXED", "-121.2,37.8,NONE,",
    ]  # fmt: skip
    path = table(tmp_path, "longitude,latitude,fix_type", *rows)
    path.write_text(path.read_text() + "-121.3,37")
    captures = read_receiver_csv(path)
    assert reasons(captures) == {
        "line 3": "ddmm_as_degrees", "line 4": "ddmm_as_degrees", "line 5": "out_of_range", "line 6": "out_of_range",
        "line 7": "no_position", "line 8": "not_a_number", "line 9": "not_a_number", "line 10": "wrong_field_count",
        "line 12": "wrong_field_count", "line 13": "not_text", "line 15": "cut_off",
    }  # fmt: skip
    assert captures.records == {"row": 13, "header": 1, "blank": 1} and accounted(captures)
    # a position that the receiver calls no fix is kept with that said, for the gates to judge
    assert captures.rows.tolist() == ["line 2", "line 14"] and captures.frame["fix_type"].tolist() == ["FIXED", "NONE"]


def test_rows_with_quotes_are_counted_by_the_line_they_begin_on(tmp_path):
    rows = ['-121.2,37.8,FIXED,"two\nlines, one cell"', "", "-121.2,37.8", "-121.3,37.8,FLOAT,x", "-121.3,37"]
    path = table(tmp_path, "longitude,latitude,fix_type,remark", *rows)
    path.write_text(path.read_text().rstrip("\n"))
    captures = read_receiver_csv(path)
    assert captures.rows.tolist() == ["line 2", "line 6"] and captures.frame["remark"].iloc[0] == "two\nlines, one cell"
    assert reasons(captures) == {"line 5": "wrong_field_count", "line 7": "cut_off"} and accounted(captures)


def test_a_quotation_mark_that_is_never_closed_is_one_refusal(tmp_path):
    with pytest.raises(ReadError, match="never closed"):
        read(tmp_path, "longitude,latitude,fix_type", '-121.2,37.8,"FIXED', "-121.2,37.8,FIXED")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found(tmp_path, encoding, delimiter):
    rows = [row.replace(",", delimiter) for row in ("longitude,latitude,fix_type,name", "-121.2,37.8,FIXED,Peña")]
    path = table(tmp_path, *rows, encoding=encoding)
    assert read_receiver_csv(path).frame["name"].tolist() == ["Peña"]
    assert encoding == "cp1252" or profile_of(path) == "plain"


def test_a_header_without_rows_has_no_captures(tmp_path):
    captures = read(tmp_path, EMLID)
    assert captures.frame.empty and captures.records == {"header": 1} and accounted(captures)


def test_unused_columns_keep_their_names_and_never_clash(tmp_path):
    frame = read(tmp_path, "longitude,latitude,fix_type,HEIGHT_AT,Crew", "-121.2,37.8,FIXED,top,7").frame
    assert frame["HEIGHT_AT_sent"].tolist() == ["top"] and frame["Crew"].tolist() == ["7"]
    assert len({column.casefold() for column in frame.columns}) == len(frame.columns)


def test_the_accuracy_is_radial_and_of_one_sigma(tmp_path):
    frame = read(tmp_path, EMLID, emlid(Easting_RMS="0.407", Northing_RMS="0.439")).frame
    assert frame["h_rms_m"].iloc[0] == pytest.approx(math.hypot(0.407, 0.439) * 1200 / 3937)


def test_a_quotation_mark_that_swallows_the_rest_of_the_table_is_one_refusal(tmp_path):
    path = tmp_path / "open.csv"
    rows = "".join(f"{number},-121.276,37.822,FIXED\n" for number in range(50))
    path.write_text('name,longitude,latitude,fix_type\n0,-121.276,37.822,FIXED\n"6 inch valve,-121.276,37.822,FIXED\n' + rows)
    with pytest.raises(ReadError, match="never closed"):
        read_receiver_csv(path)


def test_an_accuracy_below_nothing_is_none(tmp_path):
    path = tmp_path / "minus.csv"
    path.write_text(
        "name,longitude,latitude,fix_type,h_rms_m,pdop\na,-121.276,37.822,FIXED,-1,-1\nb,-121.276,37.822,FIXED,0.01,1.5\n"
    )
    found = read_receiver_csv(path)
    assert found.frame["h_rms_m"].isna().tolist() == [True, False] and found.frame["pdop"].isna().tolist() == [True, False]
    assert any("h_rms_m" in note and "-1" in note for note in found.notes)


def test_more_columns_than_any_table_has_are_one_refusal(tmp_path):
    path = tmp_path / "wide.csv"
    path.write_text("longitude,latitude,fix_type," + ",".join(f"c{n}" for n in range(10_001)) + "\n-121.276,37.822,FIXED\n")
    with pytest.raises(ReadError, match="columns"):
        read_receiver_csv(path, profile="plain")


def test_latitude_and_longitude_exchanged_are_not_called_degrees_and_minutes(tmp_path):
    path = table(
        tmp_path, "longitude,latitude,fix_type", "-121.276,37.822,FIXED", "37.822,-121.276,FIXED", "-12116.56,3749.32,FIXED"
    )
    assert reasons(read_receiver_csv(path)) == {"line 3": "order_contradicts", "line 4": "ddmm_as_degrees"}


@pytest.mark.parametrize("word, fix", [("RTK FIX", "FIXED"), ("rtk-fix", "FIXED"), ("Fixed RTK", "FIXED"), ("RTK-float", "FLOAT")])
def test_the_usual_ways_to_write_an_rtk_fix_are_known_in_a_plain_table(tmp_path, word, fix):
    path = table(tmp_path, "longitude,latitude,fix_type", f"-121.276,37.822,{word}")
    assert read_receiver_csv(path).frame["fix_type"].tolist() == [fix]
