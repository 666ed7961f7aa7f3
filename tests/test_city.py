"""The City: read from one file, refused when it could mislead."""

import pytest

from citygis.city import City, default_city, open_city
from citygis.errors import SettingsError
from citygis.geodesy import Frame

GOOD = """
name = "City of Elsewhere"
county = "San Joaquin"
state = "CA"
crs = "EPSG:6420"
realization = "NAD83(2011)"
epoch = 2010.0
apn_profiles = ["san_joaquin"]
[extent]
easting_min = 6300000.0
northing_min = 2100000.0
easting_max = 6350000.0
northing_max = 2140000.0
"""

CALIFORNIA_IN_FT = (
    "+proj=lcc +lat_1=38.4333333333333 +lat_2=37.0666666666667 +lat_0=36.5 +lon_0=-120.5 +x_0=2000000 +y_0=500000"
    " +ellps=GRS80 +units=ft +no_defs"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "city.toml").write_text(GOOD)
    return tmp_path


def test_a_city_is_its_folder(folder):
    city = open_city(folder)
    assert isinstance(city, City) and city.crs.to_epsg() == 6420
    assert city.store_path == folder / "city.gpkg" and city.sheets_folder == folder / "sheets"
    assert open_city(folder / "city.toml") == city


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("EPSG:6420", "EPSG:4326", "not in feet"),
        ("EPSG:6420", "EPSG:26943", "not in feet"),
        ("EPSG:6420", "zone three", "not a coordinate system"),
        ("san_joaquin", "sanjoaquin", "no such APN profile"),
        ("epoch = 2010.0", "epoc = 2010.0", "did you mean `epoch`"),
        ("epoch = 2010.0", "epoch = 201.0", "Must be a decimal year"),
        ("NAD83(2011)", "NAD83(2010)", r"Did you mean NAD83\(2011\)"),
        ("NAD83(2011)", "NAD83", "Must be a realization of NAD83"),
        ("NAD83(2011)", "ITRF2014", "Must be a realization of NAD83"),
        ("NAD83(2011)", "NAD27", "Must be a realization of NAD83"),
        ("NAD83(2011)", "NAD83(2011)@2010.0", "without its epoch"),
        ("NAD83(2011)", "CCS2022", "international foot"),
        ('"EPSG:6420"', f'"{CALIFORNIA_IN_FT}"', "PRC 8810"),
        ("[extent]", "[velocity]\nnorth_mm_yr = 1.0\neast_mm_yr = 1.0\n[extent]", "`velocity.source` is missing"),
        ("[extent]", "[tolerances]\nparcel_ft = 0\n[extent]", "tolerances.parcel_ft"),
        ("[extent]", "[local.yard]\nscale = 0.3048\n[extent]", "local.yard.scale"),
    ],
)
def test_a_city_file_that_could_mislead_is_refused(folder, old, new, words):
    (folder / "city.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(SettingsError, match=words):
        open_city(folder)


OWN = """
[apn_spelling.kestrel]
groups = ['\\d{5}', '\\d{5}']
display = "{}-{}"
example = "3900000010"
reference = "County Assessor, how to read a parcel number"
"""


def test_a_city_states_how_its_county_spells_numbers(folder):
    (folder / "city.toml").write_text(GOOD.replace('["san_joaquin"]', '["kestrel", "san_joaquin"]') + OWN)
    own, packaged = open_city(folder).spellings
    assert (own.profile, own.county, own.state, own.display) == ("kestrel", "San Joaquin", "CA", "{}-{}")
    assert packaged.profile == "san_joaquin"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("3900000010", "39", "`apn_spelling.kestrel`: `example` '39' does not fit"),
        ("kestrel]", "the_kestrel_county]", "at most 12 characters"),
        ("example", "exampel", "did you mean `example`"),
        ("kestrel]", "falcon]", r"no such APN profile: kestrel\. There are: falcon, .*\[apn_spelling.kestrel\]"),
    ],
)
def test_a_spelling_that_fits_nothing_is_refused(folder, old, new, words):
    (folder / "city.toml").write_text(GOOD.replace('["san_joaquin"]', '["kestrel"]') + OWN.replace(old, new))
    with pytest.raises(SettingsError, match=words) as refused:
        open_city(folder)
    assert "Value error" not in str(refused.value) and "EPSG" not in str(refused.value)


def test_a_missing_folder_says_how_to_make_one(tmp_path):
    with pytest.raises(SettingsError, match="citygis init"):
        open_city(tmp_path / "nowhere")


def test_the_defaults_have_no_store():
    with pytest.raises(SettingsError, match="--city"):
        _ = default_city().store_path


def test_the_citys_own_crosswalk_comes_before_the_packaged_one(folder):
    (folder / "crosswalks").mkdir()
    (folder / "crosswalks" / "county.toml").write_text("")
    assert open_city(folder).crosswalk("county").is_own
    with pytest.raises(SettingsError, match=r"There are: .*county"):
        open_city(folder).crosswalk("count")


def test_a_city_has_a_frame_and_a_tolerance_for_each_purpose(folder):
    city = open_city(folder)
    assert city.frame == Frame("NAD83(2011)", 2010.0) and str(city.frame) == "NAD83(2011)@2010.00"
    assert [city.tolerance_ft(purpose) for purpose in ("parcel", "asset", "sketch")] == [0.1, 1.0, 10.0]
    with pytest.raises(ValueError, match="Must be one of: parcel, asset, sketch"):
        city.tolerance_ft("deed")


def test_the_realization_may_be_written_as_people_write_it(folder):
    (folder / "city.toml").write_text(GOOD.replace("NAD83(2011)", "nad 83 (2011)"))
    assert open_city(folder).frame == Frame("NAD83(2011)", 2010.0)


def test_velocity_and_local_systems_are_read(folder):
    more = """
[velocity]
north_mm_yr = 10.03
east_mm_yr = -9.33
source = "NGS HTDP 3.6.0"
[local.yard]
scale = 1.000066
rotation_deg = 0.5
ground_easting_ft = 5000.0
ground_northing_ft = 5000.0
grid_easting_ft = 6337000.0
grid_northing_ft = 2122000.0
accuracy_ft = 0.05
source = "calibration of the corporation yard"
"""
    (folder / "city.toml").write_text(GOOD + more)
    city = open_city(folder)
    assert city.velocity.speed_mm_yr == pytest.approx(13.7, abs=0.01) and city.velocity.sigma_mm_yr == 0.5
    assert city.local["yard"].scale == 1.000066


def test_the_folders_of_grids_and_receivers_are_the_citys(folder):
    city = open_city(folder)
    assert (city.grids_folder, city.receivers_folder) == (folder / "grids", folder / "receivers")
    assert default_city().grids_folder is None and default_city().receivers_folder is None
