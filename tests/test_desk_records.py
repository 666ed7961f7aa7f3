"""Changes, plans and the ledger as the engineer's pages tell them."""

import job_city
import pytest
from desk_city import OWNER, desk_city, write

from citygis.desk import records
from citygis.desk.holdings import Keeper
from citygis.errors import StoreError, SyncError
from citygis.jobs.ledger import LEDGER
from citygis.store import store


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return desk_city(tmp_path_factory.mktemp("records") / "city")


def test_changes_come_the_latest_first_with_what_they_did(city):
    told = records.changes(store(city))
    assert [row["id"] for row in told] == [2, 1]
    assert told[0]["counts"] == {"parcel": {"updated": 1}}
    assert told[1]["counts"]["parcel_owner"] == {"added": 40}


def test_rows_of_the_roll_are_counted_but_not_told_to_the_public(city):
    told = records.change_rows(store(city), 1, owners=False)
    assert told.left_out == ("parcel_owner: 40 rows, not shown under the public profile",)
    assert {row["layer"] for row in told.rows} == {"parcel", "source_document"}
    assert "parcel_owner" in {row["layer"] for row in records.change_rows(store(city), 1, owners=True).rows}
    with pytest.raises(StoreError, match="no change 9"):
        records.change_rows(store(city), 9, owners=False)


def test_a_change_of_very_many_features_is_not_compared(city, monkeypatch):
    monkeypatch.setattr(records, "MOST_COMPARED", 39)
    told = records.change_rows(store(city), 1, owners=True)
    assert any(said.startswith("parcel: 40 features, too many") for said in told.left_out)


def told(city, *, owners):
    ((name, path),) = records.plans(city).items()
    return records.plan(name, path, held=Keeper(city, owners=owners).current(), owners=owners)


def test_a_saved_plan_is_told_by_parcel_numbers_and_without_people(city):
    said = told(city, owners=False)
    assert said.name == "plan_parcel.json"
    assert said.counts == {"adds": 1, "updates": 1, "deletes": 0, "conflicts": 1, "refusals": 1, "stops": 0}
    assert [row["key"] for row in said.rows] == ["10000099", "100-000-03", "100-000-04", "100-000-05"]
    assert said.rows[0]["said"] == "APN: 10000099; OWNER_NAME: not shown"
    assert said.rows[1]["said"].startswith("SITUS: 3 FIRST ST → ") and said.rows[1]["said"].endswith("its ground")
    assert said.rows[2]["said"] == "both changed; edited on both sides; MAIL_1: not shown"
    assert OWNER not in str(said) and OWNER in str(told(city, owners=True))
    assert ("Features", "41 local, 40 remote") in said.facts


def test_a_plan_that_was_changed_after_it_was_saved_is_refused(city):
    path = city.folder / "sync" / "plan_parcel.json"
    saved = path.read_text(encoding="utf-8")
    write(path, saved.replace("10000099", "10000098"))
    try:
        with pytest.raises(SyncError, match="changed after it was made"):
            told(city, owners=True)
    finally:
        write(path, saved)


def test_only_plans_are_listed_and_those_of_jobs_too(city):
    saved = city.folder / "sync" / "plan_parcel.json"
    write(city.folder / "sync" / "base.json", '{"adds": []}')
    (city.folder / "sync" / "link.json").symlink_to(saved)
    made = city.folder / "jobs" / ".work" / "nightly" / "online" / "plan.json"
    write(made, saved.read_text(encoding="utf-8"))
    try:
        assert set(records.plans(city)) == {"plan_parcel.json", "job nightly, step online"}
    finally:
        made.unlink()


def test_a_run_is_told_step_by_step(city):
    (run,), wrong = records.job_runs(city)
    assert (run.job, run.title, run.at) == ("county", "The county's month", "2026-06-01 02:00 UTC")
    assert run.end == "done" and run.is_good
    assert run.steps == [{"step": "read", "kind": "read", "state": "done", "said": "40 rows in."}] and wrong == ""


def test_a_ledger_that_was_changed_is_told(city, tmp_path):
    changed = desk_city(tmp_path / "city")
    ledger = changed.folder / "jobs" / LEDGER
    write(ledger, ledger.read_text(encoding="utf-8").replace('"rows in":40', '"rows in":41'))
    assert records.job_runs(changed)[1].startswith("Line 3 of the ledger does not hold: changed")


def test_a_run_of_a_real_job_is_told(tmp_path):
    """As `citygis run` writes its ledger, not as this test thinks that it does."""
    (run,), wrong = records.job_runs(job_city.office(tmp_path))
    assert [(each["step"], each["state"]) for each in run.steps] == [("sent", "done"), ("parcels", "done"), ("taken", "done")]
    assert "12 rows in" in run.steps[0]["said"] and (run.end, wrong) == ("done", "")
