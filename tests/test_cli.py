"""The command line as a whole: exit codes, where things are printed, what help costs."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from citygis.cli import COMMANDS, main


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_help_loads_click_and_nothing_else_that_is_installed():
    def loaded(*arguments):
        told = subprocess.run([sys.executable, "-X", "importtime", *arguments], check=True, capture_output=True, text=True).stderr
        return {line.rpartition("|")[2].strip().partition(".")[0] for line in told.splitlines() if line.startswith("import time:")}

    # What help takes is what it loads: 0.2 s with click alone, and seconds with pandas and what reads geodata.
    assert loaded("-m", "citygis.cli", "--help") - loaded("-c", "") - set(sys.stdlib_module_names) == {"citygis", "click"}


def test_a_refusal_is_one_message_on_standard_error_and_exit_code_3(run, tmp_path):
    result = run("inspect", tmp_path / "nothing.shp")
    assert result.exit_code == 3 and result.stdout == ""
    assert result.stderr.startswith("Refused: ") and "Traceback" not in result.stderr


def test_an_unknown_command_or_option_is_exit_code_2(run):
    assert run("plott").exit_code == 2
    assert run("inspect", "--colour").exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_is_for_in_one_line_of_the_list(run, command):
    line = next(line for line in run("--help").stdout.splitlines() if line.startswith(f"  {command} "))
    assert len(line.split(maxsplit=1)[1]) > 10


def test_the_schema_is_printed_as_a_table_as_json_and_as_markdown(run):
    assert "right_of_way" in run("schema").stdout
    assert "apn_display" in run("schema", "parcel").stdout
    assert json.loads(run("schema", "parcel", "--json").stdout)["layers"]["parcel"]["key"] == ["apn"]
    assert run("schema", "--markdown").stdout.startswith("# Data dictionary")
    assert run("schema", "parcels").exit_code == 3


def test_doctor_says_what_gps_coordinates_would_cost_here(run):
    result = run("doctor", "--json")
    checks = {check["what"]: check for check in json.loads(result.stdout)["checks"]}
    assert "5.1" in checks["WGS 84 to the City"]["found"]
    assert {"SQLite", "PROJ network", "libraries"} <= set(checks)


def test_doctor_finds_a_network_that_is_on(run):
    import pyproj

    was = pyproj.network.is_network_enabled()
    # Really on, not only said to be: what sets the network aside for a moment must find the truth to come back to.
    pyproj.network.set_network_enabled(True)
    try:
        result = run("doctor")
        assert pyproj.network.is_network_enabled()
    finally:
        pyproj.network.set_network_enabled(was)
    assert result.exit_code == 1 and "PROJ_NETWORK" in result.stdout


def test_in_a_citys_folder_the_city_need_not_be_named(run, tmp_path, monkeypatch):
    run("init", tmp_path / "elsewhere", "--crs", "EPSG:6418")
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = run("doctor", "--json")
    assert "zone 2" in result.stdout and "city.toml" in result.stderr
