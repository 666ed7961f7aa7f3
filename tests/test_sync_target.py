"""Targets: what the file may say, and where things are kept."""

import shutil

import pytest
from store_city import make_city

from citygis.errors import SettingsError
from citygis.packaged import packaged_folder
from citygis.sync.target import read_target, targets

GOOD = """
layer = "parcel"
url = "https://services.example.com/FeatureServer/0/"
portal = "https://riverbend.maps.example.com"
natural_key = ["apn"]
[fields]
APN = "apn"
SITUS = "situs_text"
"""


@pytest.fixture
def city(tmp_path):
    city = make_city(tmp_path / "city")
    (city.folder / "sync").mkdir()
    return city


def said(city, text, name="parcels"):
    (city.folder / "sync" / f"{name}.toml").write_text(text, encoding="utf-8")
    return read_target(name, city)


def test_a_target_is_public_unless_it_says_otherwise_and_keeps_its_state_beside_its_file(city):
    target = said(city, GOOD)
    assert (target.name, target.audience, target.batch) == ("parcels", "public", 200)
    assert target.folder == city.folder / "sync" / ".state" / "parcels"
    assert target.url == "https://services.example.com/FeatureServer/0"


def test_targets_are_found_by_name_and_by_path(city):
    said(city, GOOD, "a")
    said(city, GOOD, "b")
    assert list(targets(city)) == ["a", "b"]
    assert read_target(city.folder / "sync" / "a.toml", city).name == "a"


def test_the_sample_target_is_one(city):
    shutil.copy(packaged_folder("sample_data") / "sync" / "parcels.toml", city.folder / "sync")
    target = read_target("parcels", city)
    assert target.layer == "parcel" and target.certificate_path == city.folder / "sync" / "rehearsal.pem"


def test_a_name_that_is_none_of_them_tells_those_there_are(city):
    said(city, GOOD)
    for name in ("parcel", "../city", "sync/parcels", ""):
        with pytest.raises(SettingsError, match=r"There are: parcels"):
            read_target(name, city)


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ('layer = "parcel"', 'layer = "parcels"', "no City layer 'parcels'"),
        ('SITUS = "situs_text"', 'SITUS = "situs"', "fields.SITUS"),
        ('SITUS = "situs_text"', 'apn = "situs_text"', "more than once"),
        ('SITUS = "situs_text"', 'Global_ID = "situs_text"', "must not name"),
        ('natural_key = ["apn"]', 'natural_key = ["lot"]', "not among the fields"),
        ('natural_key = ["apn"]', 'natural_keys = ["apn"]', "did you mean `natural_key`"),
        ("https://services", "http://services", "https://"),
        ("https://services", "https://me:secret@services", "plain address"),
        ("FeatureServer/0/", "FeatureServer/0?token=abc", "plain address"),
        ("FeatureServer/0/", "FeatureServer", "one layer"),
        ("[fields]", '[where]\nstate = ["A"]\n[fields]', "where.state"),
        ("[fields]", '[frame]\nlabel = "EPSG:3857"\nreally = "X"\nreason = "x"\nstated_by = "draft"\n[fields]', "A person must"),
        ("[fields]", 'audience = "everyone"\n[fields]', "audience"),
        ("[fields]", "batch = 0\n[fields]", "batch"),
        ("[fields]", 'password = "secret"\n[fields]', "unknown key"),
        ("[fields]", 'credentials = "a/../b"\n[fields]', "credentials"),
    ],
)  # fmt: skip
def test_what_a_target_must_not_say_is_told_with_its_key(city, old, new, word):
    with pytest.raises(SettingsError, match=r"parcels\.toml") as told:
        said(city, GOOD.replace(old, new))
    assert word in str(told.value)
    assert "secret" not in str(told.value) and "abc" not in str(told.value)


def test_plain_http_is_for_this_machine_alone(city):
    assert said(city, GOOD.replace("https://services.example.com", "http://127.0.0.1:8080")).url.startswith("http://127.0.0.1")


def test_without_a_city_folder_there_are_no_targets():
    from citygis.city import default_city

    with pytest.raises(SettingsError, match="--city"):
        targets(default_city())
