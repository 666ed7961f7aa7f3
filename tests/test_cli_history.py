"""`citygis history`, `explain`, `lineage` and `undo` as a user runs them."""

import json
import re
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner
from shapely.affinity import translate
from store_city import AT, LATER, load, make_city, parcels, source

from citygis import open_city
from citygis.changes import ChangeSet, LayerChange, lineage_frame
from citygis.cli import main
from citygis.store import store


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)), prog_name="citygis")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Four parcels loaded; then one renamed on the roll, and one given another number on the same ground."""
    city = make_city(tmp_path_factory.mktemp("loaded") / "city")
    frame = parcels(4)
    with store(city) as db:
        db.load({"parcel": frame}, source=source(), author="A. Clerk", message="first roll", at=AT)
        other = parcels(1, apns=["19999999"])
        other["geometry"] = frame.geometry[0]
        change = LayerChange(other, frame.iloc[[1]].assign(situs_text="9 ELM ST"), frame.iloc[[0]][["global_id"]])
        link = {"layer": "parcel", "parent": frame["global_id"][0], "child": other["global_id"][0], "kind": "renumber"}
        told = lineage_frame([link | {"share_parent": 1.0, "share_child": 1.0}])
        db.apply(ChangeSet({"parcel": change}, told, message="renumbered"), author="B. Clerk", at=LATER)
    return city


@pytest.fixture
def city(loaded, tmp_path):
    """The same, in a folder of its own."""
    return open_city(shutil.copytree(loaded.folder, tmp_path / "city"))


def test_history_tells_each_change_with_its_counts(city):
    told = json.loads(run("history", "--city", city.folder, "--json").stdout)
    assert [row["id"] for row in told] == [1, 2]
    assert [row["message"] for row in told] == ["first roll", "renumbered"]
    assert told[1]["counts"]["parcel"] == {"added": 1, "updated": 1, "unchanged": 0, "absent": 0, "retired": 1}
    printed = run("history", "--city", city.folder)
    assert printed.exit_code == 0 and "1 added, 1 updated, 1 retired" in printed.output


def test_a_change_of_many_sources_is_one_line_with_their_number_and_the_first(tmp_path):
    city = make_city(tmp_path / "city")
    names = [f"survey {k:02}; sheet {'long' * 8}.landxml" for k in range(30)]
    documents = pd.concat([source(f"{k:064x}").assign(uri=name) for k, name in enumerate(names)], ignore_index=True)
    message = "thirty tracts\nof one year"
    load(city, {"parcel": parcels(2, source_sha256=f"{0:064x}"), "source_document": documents}, message=message)
    load(city, {"parcel": parcels(3, source_sha256=f"{0:064x}")}, at=LATER)
    printed = run("history", "--city", city.folder).stdout.splitlines()
    first, second = (line for line in printed if AT.isoformat() in line or LATER.isoformat() in line)
    assert re.search(r"added\s+30\s+survey 00\s+thirty tracts of one year$", first) and names[1] not in first
    assert re.search(r"parcel: 1 added$", second)
    told = json.loads(run("history", "--city", city.folder, "--json").stdout)
    assert all(name in told[0]["source"] for name in names)


def test_history_leaves_out_changes_that_did_not_touch_the_layer(city):
    assert len(json.loads(run("history", "--city", city.folder, "--layer", "parcel", "--json").stdout)) == 2
    assert json.loads(run("history", "--city", city.folder, "--layer", "easement", "--json").stdout) == []
    assert run("history", "--city", city.folder, "--layer", "easment").exit_code == 3


def test_history_between_two_moments_tells_each_feature_that_differs(city):
    told = json.loads(run("history", "--city", city.folder, "--between", 1, 2, "--layer", "parcel", "--json").stdout)
    assert {(row["name"], row["kind"]) for row in told} == {
        ("10000000", "retired"),
        ("10000001", "updated"),
        ("19999999", "added"),
    }
    updated = next(row for row in told if row["kind"] == "updated")
    assert updated["fields"] == ["situs_text"] and updated["after"]["situs_text"] == "9 ELM ST"
    printed = run("history", "--city", city.folder, "--between", "2026-02-01", "2026-12-31")
    assert printed.exit_code == 0 and "3 features differ" in printed.output


def test_lineage_goes_both_ways(city):
    for name, generation in (("10000000", 1), ("19999999", -1)):
        told = json.loads(run("lineage", name, "--city", city.folder, "--json").stdout)
        assert [(row["generation"], row["kind"], row["parent_name"], row["child_name"]) for row in told] == [
            (generation, "renumber", "10000000", "19999999")
        ]
    assert "100.0%" in run("lineage", "19999999", "--city", city.folder).output
    assert "Nothing is known" in run("lineage", "10000002", "--city", city.folder).output


def test_explain_goes_back_to_the_row_of_the_file(city):
    told = json.loads(run("explain", "10000001", "--city", city.folder, "--json").stdout)
    assert told["entity"] == "roll.zip/roll#2"
    assert [version["author"] for version in told["versions"]] == ["A. Clerk", "B. Clerk"]
    assert told["versions"][0]["values"]["situs_text"] == "1 FIRST ST"
    printed = run("explain", "10000001", "--city", city.folder)
    assert printed.exit_code == 0 and "roll.zip/roll#2" in printed.output and "a" * 64 in printed.output
    gone = run("explain", "10000000", "--city", city.folder)
    assert "no longer holds" in gone.output and "renumber" in gone.output


def test_undo_takes_a_change_back_and_an_undo_of_it_does_it_again(city):
    told = json.loads(run("undo", 2, "--city", city.folder, "--json").stdout)
    assert told["change_id"] == 3 and told["layers"]["parcel"]["added"] == 1
    with store(city) as db:
        assert set(db.read("parcel")["apn"]) == {f"1000000{i}" for i in range(4)}
    assert run("undo", 3, "--city", city.folder).exit_code == 0
    with store(city) as db:
        assert "19999999" in set(db.read("parcel")["apn"])


def test_undo_is_refused_where_later_changes_touched_the_same_features(city):
    frame = parcels(4)
    with store(city) as db:
        moved = frame.iloc[[1]].set_geometry([translate(frame.geometry[1], 1)])
        db.load({"parcel": moved}, accept={"T22": "field check"}, at=LATER.replace(year=2027))
    told = run("undo", 2, "--city", city.folder)
    assert told.exit_code == 3 and "Refused" in told.stderr and "10000001" in told.stderr


def test_a_name_that_the_store_never_had_is_refused(city):
    for command in ("explain", "lineage"):
        assert run(command, "no-such", "--city", city.folder).exit_code == 3
    assert run("undo", 77, "--city", city.folder).exit_code == 3
