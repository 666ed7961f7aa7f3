"""`citygis backup` as a user runs it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from store_city import make_city
from store_places import two_changes

from citygis.cli import main


@pytest.fixture
def city(tmp_path):
    city = make_city(tmp_path / "city")
    two_changes(city)
    return city


def run(city, *arguments):
    return CliRunner().invoke(main, ["backup", *map(str, arguments), "--city", str(city.folder)], prog_name="citygis")


def test_a_backup_says_where_it_is_and_that_no_restore_was_ever_proven(city):
    said = run(city, "--message", "before the roll")
    assert said.exit_code == 0, said.output
    (made,) = city.backups_folder.iterdir()
    assert str(made) in said.stdout and "last change 2" in said.stdout
    assert "Last proven restore: never" in said.stdout
    assert json.loads((made / "manifest.json").read_text())["reason"] == "before the roll"


def test_prove_tells_each_check_and_from_then_on_the_age(city):
    said = run(city, "--prove", "--quiet")
    assert said.exit_code == 0, said.output
    assert "contents of each table (SHA-256)" in said.stdout and "Proven in" in said.stdout and said.stderr == ""
    assert "Last proven restore: 0 hours ago" in run(city, "--list").stdout
    told = json.loads(run(city, "--list", "--json").stdout)
    assert told["last_proven"]["age_days"] == 0 and told["backups"][0]["passed"] is True and told["backup"] is None


def test_a_flipped_byte_in_an_old_backup_is_exit_code_1(city):
    made = json.loads(run(city, "--json").stdout)["backup"]
    copy = city.backups_folder / made / "store.gpkg"
    data = bytearray(copy.read_bytes())
    data[5000] ^= 255
    copy.write_bytes(data)
    said = run(city, made.rpartition("/")[2], "--prove")
    assert said.exit_code == 1
    assert "NOT PROVEN" in said.stdout and "has changed since it was made" in said.stdout
    assert "Last proven restore: never" in said.stdout


def test_the_drill_writes_a_report(city):
    run(city)
    said = run(city, "--drill", "--json")
    assert said.exit_code == 0
    told = json.loads(said.stdout)["trial"]
    assert told["passed"] and told["restore_seconds"] > 0
    assert "# Recovery drill" in Path(told["report"]).read_text()


def test_the_drill_without_a_backup_is_refused(city):
    refused = run(city, "--drill")
    assert refused.exit_code == 3 and "no backup to try" in refused.stderr


def test_prune_shows_first_and_deletes_with_yes(city):
    for _ in range(3):
        assert run(city).exit_code == 0
    shown = run(city, "--prune", "--keep", "daily=1")
    assert shown.exit_code == 0 and "delete with --yes" in shown.stdout and "Kept: 1" in shown.stdout
    assert len(list(city.backups_folder.iterdir())) == 3
    deleted = json.loads(run(city, "--prune", "--keep", "daily=1", "--yes", "--json").stdout)
    assert len(deleted["deleted"]) == 2 and len(list(city.backups_folder.iterdir())) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["x"],
        ["--keep", "daily=1"],
        ["--keep", "hourly=1", "--prune"],
        ["--yes"],
        ["--drill", "--list"],
        ["--prune", "--keep", "daily=-1"],
    ],
)
def test_wrong_usage(city, arguments):
    assert run(city, *arguments).exit_code == 2
    assert not city.backups_folder.exists()


def test_without_a_store_it_is_refused_and_nothing_is_made(tmp_path):
    city = make_city(tmp_path / "empty")
    refused = run(city)
    assert refused.exit_code == 3 and "nothing to back up" in refused.stderr
    assert sorted(path.name for path in city.folder.iterdir()) == ["city.toml"]
