"""The City: read from one file, refused when it could mislead."""

import pytest

from citygis.city import City, default_city, open_city
from citygis.errors import SettingsError

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
    ],
)
def test_a_city_file_that_could_mislead_is_refused(folder, old, new, words):
    (folder / "city.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(SettingsError, match=words):
        open_city(folder)


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
