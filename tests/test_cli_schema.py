"""`citygis schema` as a user runs it."""

import json

import pytest
from click.testing import CliRunner
from store_city import make_city
from store_places import contents, run_sql, two_changes

from citygis.cli import main


@pytest.fixture
def city(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    return city


def run(*arguments):
    return CliRunner().invoke(main, ["schema", *map(str, arguments)], prog_name="citygis")


def drifted(city):
    run_sql(city, "ALTER TABLE parcel DROP COLUMN tra", "ALTER TABLE parcel_hist DROP COLUMN tra")


def test_without_a_verb_it_shows_the_layers_and_their_fields():
    assert "right_of_way" in run().stdout
    assert "calc_area_sqft" in run("parcel").stdout
    assert run("--markdown").stdout.startswith("#")
    assert list(json.loads(run("parcel", "tract", "--json").stdout)["layers"]) == ["parcel", "tract"]
    assert run("no_such_layer").exit_code == 3


def test_check_is_clean_or_tells_the_drift_with_exit_code_1(city):
    clean = run("check", "--city", city.folder)
    assert clean.exit_code == 0 and "as the schema says" in clean.stdout
    drifted(city)
    told = run("check", "--city", city.folder, "--json")
    assert told.exit_code == 1
    assert {"layer": "parcel", "column": "tra", "stored": "missing", "wanted": "text(6)"}.items() <= json.loads(told.stdout)[
        "drift"
    ][0].items()


def test_apply_shows_its_plan_and_acts_with_yes(city):
    drifted(city)
    before = contents(city)
    shown = run("apply", "--city", city.folder)
    assert shown.exit_code == 1 and "add parcel.tra (text(6)), empty" in shown.stdout and "--yes" in shown.stdout
    assert contents(city) == before and not city.backups_folder.exists()
    done = run("apply", "--city", city.folder, "--yes")
    assert done.exit_code == 0 and "Backed up first" in done.stdout
    assert run("check", "--city", city.folder).exit_code == 0
    assert run("apply", "--city", city.folder, "--yes").stdout == "The geodatabase is as the schema says.\n"


def test_steps_are_listed_and_taken_back(city):
    drifted(city)
    run("apply", "--city", city.folder, "--yes")
    steps = json.loads(run("steps", "--city", city.folder, "--json").stdout)["steps"]
    assert [step["id"] for step in steps] == list(range(1, len(steps) + 1)) and steps[0]["backup"].startswith("backup_")
    shown = run("revert", "0", "--city", city.folder)
    assert shown.exit_code == 0 and "Nothing was changed" in shown.stdout
    assert run("revert", "0", "--city", city.folder, "--yes").exit_code == 0
    assert run("check", "--city", city.folder).exit_code == 1


def test_what_has_no_step_is_left_with_exit_code_1(city):
    run_sql(city, "ALTER TABLE parcel ADD COLUMN gate_code TEXT")
    left = run("apply", "--city", city.folder, "--yes")
    assert left.exit_code == 1 and "by hand" in left.stdout and "gate_code" in left.stdout


def test_without_a_city_or_store_it_is_refused(tmp_path):
    assert run("check").exit_code == 3
    assert run("check", "--city", make_city(tmp_path / "city").folder).exit_code == 3
