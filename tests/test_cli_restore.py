"""`citygis restore` as a user runs it."""

import json
import shutil

import pytest
from click.testing import CliRunner
from store_city import make_city
from store_places import contents, two_changes

from citygis.city import open_city
from citygis.cli import main
from citygis.gpkg import layers_of
from citygis.store.backup import backup


@pytest.fixture
def city(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    return city


def run(folder, *arguments):
    return CliRunner().invoke(main, ["restore", *map(str, arguments), "--city", str(folder)], prog_name="citygis")


def test_over_a_store_only_with_overwrite_and_with_a_backup_of_it(city):
    made = backup(city)
    refused = run(city.folder, made.path)
    assert refused.exit_code == 3 and "--overwrite" in refused.stderr
    done = run(city.folder, made.name, "--overwrite", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["change"] == 2 and told["safety"] and told["settings"] == []


@pytest.mark.parametrize(("as_of", "parcels"), [("0", 0), ("1", 30), ("2026-01-31", 30), ("2026-01-30", 0)])
def test_an_earlier_day_is_put_where_it_is_said(city, tmp_path, as_of, parcels):
    done = run(city.folder, backup(city).path, "--as-of", as_of, "--into", tmp_path / "then.gpkg")
    assert done.exit_code == 0, done.output
    assert {layer.name: layer.rows for layer in layers_of(tmp_path / "then.gpkg")}["parcel"] == parcels


def test_a_day_that_is_none_is_wrong_usage_and_a_change_that_is_none_is_refused(city, tmp_path):
    made = backup(city)
    assert run(city.folder, made.path, "--as-of", "last year", "--into", tmp_path / "a.gpkg").exit_code == 2
    assert run(city.folder, made.path, "--as-of", "7", "--into", tmp_path / "a.gpkg").exit_code == 3
    assert not (tmp_path / "a.gpkg").exists()


def test_into_a_clean_folder_come_the_settings_and_the_store(city, tmp_path):
    made = backup(city, to=tmp_path / "disk")
    expected = contents(city)
    shutil.rmtree(city.folder)
    done = run(tmp_path / "fresh", made.path, "--json")
    assert done.exit_code == 0, done.output
    assert contents(open_city(tmp_path / "fresh")) == expected
    assert json.loads(done.stdout)["settings"] == [str(tmp_path / "fresh" / "city.toml")]


def test_what_is_no_backup_is_refused(city, tmp_path):
    before = contents(city)
    for path in (tmp_path / "nothing", city.folder):
        refused = run(city.folder, path, "--overwrite")
        assert refused.exit_code == 3 and "not a backup" in refused.stderr and "Traceback" not in refused.output
    assert contents(city) == before
