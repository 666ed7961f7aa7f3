"""`citygis analyze`."""

import json

import pandas as pd
import pytest
from click.testing import CliRunner
from store_city import load, make_city, parcels, source

from citygis.analysis import questions
from citygis.cli import main
from citygis.gpkg import write_geopackage


@pytest.fixture
def run():
    return lambda *arguments: CliRunner().invoke(main, ["analyze", *(str(argument) for argument in arguments)])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A City's folder and a file with twenty parcels of it, and their owners."""
    folder = tmp_path_factory.mktemp("analyze")
    make_city(folder / "city")
    lots = parcels(20)
    owners = pd.DataFrame({"apn": lots["apn"], "owner_name": [f"Owner {k}" for k in range(20)]})
    owners = owners.assign(mail_1="PO Box 1", mail_city="Riverbend", mail_state="CA", mail_zip="95000")
    write_geopackage(folder / "lots.gpkg", {"parcel": lots, "parcel_owner": owners})
    return folder


def test_the_list_tells_every_question_and_what_it_asks_for(run):
    said = run("--list", "--json")
    assert said.exit_code == 0
    listed = json.loads(said.stdout)
    assert [each["name"] for each in listed] == list(questions())
    notice = next(each for each in listed if each["name"] == "notice")
    assert {"subject", "distance_ft"} <= {each["name"] for each in notice["parameters"]}
    assert "notice" in run("--list").stdout


def test_a_question_is_answered_as_a_table_and_as_json(run, place):
    asked = ("notice", "--apn", "100-000-03", "--distance-ft", 50, "--city", place / "city", "--from", place / "lots.gpkg")
    said = json.loads(run(*asked, "--json").stdout)
    # Lots stand 20 ft apart in a row: the next ones are 20 ft away, those after them 120.
    assert [row["apn"] for row in said["table"]] == ["10000003", "10000002", "10000004"]
    assert [row["distance_ft"] for row in said["table"]] == [0.0, 20.0, 20.0]
    assert said["agrees"] and said["unanswered"] == [] and said["files"] == []
    printed = run(*asked)
    assert printed.exit_code == 0 and "10000004" in printed.stdout and "agrees" in printed.stdout


def test_a_request_that_a_clerk_filled_in_gives_the_same(run, place):
    (place / "request.toml").write_text(
        'question = "notice"\nasked_by = "Planning"\n[parameters]\napn = ["100-000-03"]\ndistance_ft = 50\n', encoding="utf-8"
    )
    said = run(place / "request.toml", "--city", place / "city", "--from", place / "lots.gpkg", "--json")
    assert said.exit_code == 0 and json.loads(said.stdout)["rows"] == 3


def test_what_could_not_be_answered_is_exit_code_1(run, place, tmp_path):
    (tmp_path / "roll.csv").write_text(
        "apn,owner_name,mail_1,mail_city,mail_state,mail_zip\n10000003,Ann,PO Box 1,Riverbend,CA,95000\n"
    )
    said = run(
        "notice", "--apn", "10000003", "--distance-ft", 50, "--roll", tmp_path / "roll.csv", "--city", place / "city", "--from",
        place / "lots.gpkg",
    )  # fmt: skip
    assert said.exit_code == 1 and "Who owns 2 parcels" in said.stdout


@pytest.mark.parametrize(
    "arguments,code",
    [
        (("notice", "--apn", "999-999-99"), 3),
        (("notice",), 2),
        (("notice", "--apn", "10000003", "--distance-ft", "far"), 2),
        (("notice", "--apn", "10000003", "--case", "zoning"), 2),
        (("notise",), 3),
        (("missing.toml",), 3),
        ((), 2),
    ],
)
def test_wrong_usage_is_exit_code_2_and_a_refusal_3(run, place, arguments, code):
    more = ("--city", place / "city", "--from", place / "lots.gpkg") if arguments else ()
    said = run(*arguments, *more)
    assert said.exit_code == code, said.output
    assert "Traceback" not in said.output


def test_a_city_that_has_no_roll_yet_is_answered_for_the_parcels_alone(run, tmp_path):
    city = make_city(tmp_path / "city")
    load(city, {"parcel": parcels(20), "source_document": source()})
    said = run("notice", "--apn", "100-000-03", "--distance-ft", 50, "--city", tmp_path / "city", "--json")
    assert said.exit_code == 1, said.output
    assert "Who the owners are" in said.stdout and "Owner 3" not in said.stdout


def test_a_layer_that_is_empty_yet_says_which_commands_fill_it(run, tmp_path):
    load(make_city(tmp_path / "city"), {"source_document": source()})
    said = run("notice", "--apn", "100-000-03", "--city", tmp_path / "city")
    assert said.exit_code == 3
    assert "citygis convert FILE --to parcel" in said.output and "citygis load parcel.gpkg" in said.output


def test_nothing_is_written_over_a_folder_that_is_there(run, place, tmp_path):
    (tmp_path / "out").mkdir()
    said = run(
        "notice", "--apn", "10000003", "--city", place / "city", "--from", place / "lots.gpkg", "--out", tmp_path / "out"
    )  # fmt: skip
    assert said.exit_code == 3 and list((tmp_path / "out").iterdir()) == []
