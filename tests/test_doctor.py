"""The doctor: which grids there are, and where a GPS observation at the City's centre lands by PROJ alone and by the City's way."""

import json

import pytest
from click.testing import CliRunner

from citygis.city import default_city, open_city
from citygis.cli import main
from citygis.doctor import centre_test, examine

# A City whose centre is the study place, -121.276, 37.822 in NAD83(2011): 6337530.52, 2122699.97.
STUDY_PLACE = """
name = "City of Elsewhere"
county = "San Joaquin"
state = "CA"
crs = "EPSG:6420"
realization = "NAD83(2011)"
epoch = 2010.0
apn_profiles = ["san_joaquin"]
[extent]
easting_min = 6337430.5197
northing_min = 2122599.9719
easting_max = 6337630.5197
northing_max = 2122799.9719
"""
VELOCITY = """
[velocity]
north_mm_yr = 10.03
east_mm_yr = -9.33
source = "NGS HTDP 3.6.0"
"""


@pytest.fixture
def city(tmp_path):
    (tmp_path / "city.toml").write_text(STUDY_PLACE + VELOCITY)
    return open_city(tmp_path)


def test_the_centre_test_is_the_table_of_the_study_place(city):
    *alone, ours = centre_test(city, epoch=2026.0)
    # Feet off by PROJ alone: WGS 84, ITRF2014 without and with the date, ITRF2020 with it.
    assert [answer.off_ft for answer in alone] == pytest.approx([5.69, 1.22, 0.72, 0.72], abs=0.01)
    assert (alone[0].easting, alone[0].northing) == pytest.approx((6337530.520, 2122699.972), abs=0.001)
    assert (alone[1].easting, alone[1].northing) == pytest.approx((6337534.864, 2122698.641), abs=0.002)
    assert (ours.easting, ours.northing) == pytest.approx((6337536.079, 2122698.771), abs=0.002)
    # PROJ believes that the one is good to 2 m, and the others to nothing at all.
    assert [answer.accuracy_ft for answer in alone] == pytest.approx([6.56, 0, 0, 0], abs=0.01)
    assert ours.way == "citygis" and ours.off_ft == 0


def test_without_a_velocity_nobody_knows_how_far_off_the_answers_are(tmp_path):
    (tmp_path / "city.toml").write_text(STUDY_PLACE)
    answers = centre_test(open_city(tmp_path), epoch=2026.0)
    assert [answer.way for answer in answers][-1] != "citygis" and all(answer.off_ft is None for answer in answers)


def test_the_packaged_defaults_are_tested_where_their_velocity_was_computed():
    answers = centre_test(default_city(), epoch=2026.0)
    assert answers[-1].way == "citygis" and answers[0].off_ft == pytest.approx(5.69, abs=0.02)


def test_the_citys_own_grids_are_found(city):
    name = "us_noaa_cnhpgn.tif"
    before = {check.what: check.found for check in examine(city)}
    (city.folder / "grids").mkdir()
    (city.folder / "grids" / name).write_bytes(b"")
    after = {check.what: check.found for check in examine(city)}
    assert after[f"grid {name}"] == "present, in the City's grids"
    assert before[f"grid {name}"] != after[f"grid {name}"]
    assert after["grid us_noaa_g2018u0.tif"] == before["grid us_noaa_g2018u0.tif"]


def test_the_command_prints_libraries_grids_and_the_centre_test(city):
    result = CliRunner().invoke(main, ["doctor", "--city", str(city.folder)])
    assert result.exit_code == 0
    for words in ("PROJ 9", "pyproj", "grid us_noaa_cnhpgn.tif", "ITRF2014, no date", "citygis", "is off by"):
        assert words in result.stdout
    told = json.loads(CliRunner().invoke(main, ["doctor", "--city", str(city.folder), "--json"]).stdout)
    assert len(told["centre_test"]) == 5 and told["centre_test"][0]["off_ft"] > 5
    assert told["ok"] is True
