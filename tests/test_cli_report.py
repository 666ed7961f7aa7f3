"""`citygis report` as a user runs it."""

import json

import openpyxl
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
    return CliRunner().invoke(main, ["report", *map(str, arguments), "--city", str(city.folder)], prog_name="citygis")


def test_without_a_name_it_lists_the_queries(city):
    listed = run(city)
    assert listed.exit_code == 0 and "parcels_by_kind" in listed.stdout and "since=2000-01-01" in listed.stdout
    assert {"changes", "accepted_findings"} <= {query["name"] for query in json.loads(run(city, "--json").stdout)}


def test_a_report_is_printed_with_its_total_and_control(city):
    said = run(city, "parcels_by_kind")
    assert said.exit_code == 0, said.output
    assert "Total" in said.stdout and "Control of parcels: agrees (30 here, 30 by the control)" in said.stdout


@pytest.mark.parametrize("suffix", ["xlsx", "html", "csv"])
def test_a_report_is_written_and_not_written_over(city, tmp_path, suffix):
    out = tmp_path / f"out.{suffix}"
    assert run(city, "parcels_by_kind", "--out", out).exit_code == 0
    before = out.read_bytes()
    refused = run(city, "parcels_by_kind", "--out", out)
    assert refused.exit_code == 3 and "--overwrite" in refused.stderr and out.read_bytes() == before
    assert run(city, "parcels_by_kind", "--out", out, "--overwrite").exit_code == 0


def test_a_file_of_sql_with_parameters_and_a_control_that_fails_is_exit_code_1(city, tmp_path):
    (tmp_path / "mine.sql").write_text("-- control: rows = SELECT 99\nSELECT apn FROM parcel WHERE apn = :apn")
    said = run(city, tmp_path / "mine.sql", "--set", "apn=10000003", "--json")
    assert said.exit_code == 1
    told = json.loads(said.stdout)
    assert told["rows"] == [{"apn": "10000003"}] and told["agrees"] is False and told["parameters"] == {"apn": "10000003"}
    written = run(city, tmp_path / "mine.sql", "--set", "apn=10000003", "--out", tmp_path / "mine.xlsx")
    assert written.exit_code == 1 and "DOES NOT AGREE" in written.stdout
    assert openpyxl.load_workbook(tmp_path / "mine.xlsx")["Report"]["A2"].value == "10000003"


def test_wrong_usage_and_refusals_are_told_apart(city, tmp_path):
    assert run(city, "parcels_by_kind", "--out", tmp_path / "out.pdf").exit_code == 2
    assert run(city, "parcels_by_kind", "--set", "x").exit_code == 2
    unknown = run(city, "parcel_by_kind")
    assert unknown.exit_code == 3 and "Did you mean 'parcels_by_kind'" in unknown.stderr
    (tmp_path / "bad.sql").write_text("DELETE FROM parcel")
    refused = run(city, tmp_path / "bad.sql")
    assert refused.exit_code == 3 and "more than read" in refused.stderr and "Traceback" not in refused.output
