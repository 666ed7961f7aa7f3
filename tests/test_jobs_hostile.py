"""
What may happen to a job from outside: a disk that fills, a second run, somebody else who writes, a store put back, a clock that
went back, files that were edited. Each ends right, or is refused with the store as it was.
"""

import contextlib
import datetime
import json
import shutil
import signal
import sqlite3

import pandas as pd
import pytest
from click.testing import CliRunner
from job_city import AT, IDS, JOB, PROCESSES, end_state, events, killed, office, run, write_job

import citygis as cg
from citygis.cli import main
from citygis.errors import StoreError
from citygis.jobs import Held, refresh, verify_ledger
from citygis.jobs import engine as jobs_engine
from citygis.jobs import ledger as jobs_ledger
from citygis.store.backup import backup
from citygis.store.restore import restore

SHORT = JOB[: JOB.index('[[step]]\nid = "notice"')]
"""The job up to its load."""
LONGER = SHORT + JOB[JOB.index('[[step]]\nid = "list"') :]
"""The same, with a report after it."""


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """The City with all done but the load: a step of a job that grew is not done again."""
    city = office(tmp_path_factory.mktemp("pristine"), job=SHORT[: SHORT.index('[[step]]\nid = "taken"')])
    assert run(city).exit_code == 1
    write_job(city, SHORT)
    return city.folder


@pytest.fixture
def city(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "city")
    return cg.open_city(tmp_path / "city")


@pytest.fixture(scope="module")
def after(pristine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("after") / "city"
    shutil.copytree(pristine, folder)
    assert run(cg.open_city(folder)).exit_code == 1
    return folder


@pytest.fixture
def taken(after, tmp_path):
    """The City after a run."""
    shutil.copytree(after, tmp_path / "taken")
    return cg.open_city(tmp_path / "taken")


def states(done):
    return {step.id: step.state for step in done.steps}


def parcels(city):
    with cg.store(city) as db:
        return db.read("parcel").set_index("apn"), db.changes()


def whole(city):
    return verify_ledger(city.folder / "jobs" / "ledger.jsonl")[1] is None


# --- a ledger that cannot be written -----------------------------------------------------------------------------------------


def full_from(event, step):
    """The ledger's own write of this event and all later ones meets a full disk: what is written is cut off by the system."""
    resource = pytest.importorskip("resource", reason="limits of a process are Unix's")
    append, begun = jobs_ledger._append, []

    def appended(ledger, text):
        begun.extend([1] if f'"event":"{event}"' in text and f'"step":"{step}"' in text else [])
        if not begun:
            return append(ledger, text)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ledger.stat().st_size + 7, limits[1]))
        try:
            return append(ledger, text)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return appended


@pytest.mark.parametrize("event", ["step done", "step started"])
def test_a_load_that_the_ledger_cannot_take_is_told_and_entered_by_the_next_run(city, monkeypatch, event):
    step = "taken" if event == "step done" else "list"
    write_job(city, LONGER)
    with monkeypatch.context() as patch:
        patch.setattr(jobs_ledger, "_append", full_from(event, step))
        told = CliRunner().invoke(main, ["run", "refresh", "--city", str(city.folder), "--at", AT.isoformat(), "--json", "--quiet"])
    said = json.loads(told.stdout)
    assert told.exit_code == 1, told.stderr
    assert "File too large" in said["remarks"][0] and "change 2 of step 'taken'" in said["remarks"][0]
    assert [each["state"] for each in said["steps"]][4:] == ["done", "not run"]
    assert len(parcels(city)[1]) == 2 and not whole(city)
    done = run(city)
    assert states(done) == {**dict.fromkeys(IDS[:5], "unchanged"), "list": "done"} and whole(city)
    assert [each["change"] for each in events(city) if each.get("step") == "taken" and each.get("change") == 2]


def test_a_ledger_that_nobody_may_write_before_the_load_is_a_refusal_that_changed_nothing(city, monkeypatch):
    monkeypatch.setattr(jobs_ledger, "_append", full_from("step started", "taken"))
    told = CliRunner().invoke(main, ["run", "refresh", "--city", str(city.folder), "--quiet"])
    assert told.exit_code == 3 and "File too large" in told.stderr and len(parcels(city)[1]) == 1


def test_what_an_earlier_run_did_and_could_not_enter_is_entered_as_recovered(city, monkeypatch):
    """The head cannot be replaced either, so that not one byte of the event is kept."""

    def full(ledger, event, **named):
        if event.get("step") == "taken" and event["event"] == "step done":
            raise jobs_ledger.Unwritten(f"{ledger} cannot be written: No space left on device.")
        return jobs_ledger.append_event(ledger, event, **named)

    with monkeypatch.context() as patch:
        patch.setattr(jobs_engine, "append_event", full)
        done = run(city)
    assert done.exit_code == 1 and "No space left" in done.remarks[0] and "No space left" in done.page.read_text()
    told = []
    again = run(city, told=told.append)
    found = [each for each in events(city) if each["event"] == "step recovered"]
    assert [(each["step"], each["change"]) for each in found] == [("taken", 2)] and found[0]["outputs"]
    assert states(again) == dict.fromkeys(IDS[:5], "unchanged") and any("earlier run did this" in line for line in told)
    run(city)
    assert len([each for each in events(city) if each["event"] == "step recovered"]) == 1 and whole(city)


def test_a_full_disk_between_the_commit_and_the_step_s_own_note_is_told_as_a_change_that_stands(city, monkeypatch):
    publish = refresh.publish_text

    def full(path, text, **named):
        if path.name == "load.json":
            raise StoreError(f"{path} cannot be written: No space left on device. Nothing was changed.")
        return publish(path, text, **named)

    with monkeypatch.context() as patch:
        patch.setattr(refresh, "publish_text", full)
        done = run(city)
    assert states(done)["taken"] == "failed" and done.exit_code == 1
    assert "Change 2 of this step is in the store all the same" in done.steps[4].message
    again = run(city)
    assert states(again)["taken"] == "done" and again.steps[4].change == 2 and len(parcels(city)[1]) == 2


def test_a_report_that_cannot_be_written_does_not_hide_what_was_done(city, monkeypatch):
    def full(path, text, **named):
        raise StoreError(f"{path} cannot be written: No space left on device. Nothing was changed.")

    with monkeypatch.context() as patch:
        patch.setattr(jobs_engine, "publish_text", full)
        done = run(city)
    assert done.exit_code == 1 and done.page is None and "No report of this run" in done.remarks[0]
    assert done.summary["report"] is None and done.steps[4].change == 2


@pytest.mark.parametrize("tail", [b"\0" * 300, b'{"n":1,"at":"2026'])
def test_a_ledger_that_a_power_cut_left_with_rubbish_is_refused_with_the_way_out(taken, tail):
    ledger = taken.folder / "jobs" / "ledger.jsonl"
    text = ledger.read_bytes()
    ledger.write_bytes(text[: text[:-1].rfind(b"\n") + 1] + tail)
    with pytest.raises(StoreError, match=r"put ledger\.jsonl and ledger\.head aside"):
        run(taken)
    for name in ("ledger.jsonl", "ledger.head"):
        (taken.folder / "jobs" / name).rename(taken.folder / name)
    assert set(states(run(taken)).values()) == {"unchanged"} and whole(taken)
    assert [each["change"] for each in events(taken) if each["event"] == "step recovered" and each["change"]] == [2]


# --- others who work at the same time ----------------------------------------------------------------------------------------


def test_a_second_run_is_refused_while_the_first_goes_on(city):
    told = []

    def meanwhile(line):
        if line.startswith("taken: load") and not told:
            with pytest.raises(Held, match="under way") as refused:
                run(city)
            told.append(str(refused.value))
            process = PROCESSES.Process(target=_refused, args=(str(city.folder),))
            process.start()
            process.join(60)
            told.append(process.exitcode)

    done = run(city, told=meanwhile)
    assert states(done)["taken"] == "done" and "Nothing was done" in told[0] and told[1] == 3


def _refused(folder):
    try:
        run(cg.open_city(folder))
    except Held:
        raise SystemExit(3) from None


@contextlib.contextmanager
def holding_the_store(city):
    """Somebody has unsaved edits in the store, as QGIS has."""
    with contextlib.closing(sqlite3.connect(city.store_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE gpkg_contents SET description = 'being edited' WHERE table_name = 'parcel'")
        yield other
        other.execute("ROLLBACK")


def test_a_store_that_somebody_edits_is_left_alone_and_taken_in_later(city):
    with holding_the_store(city):
        done = run(city)
    assert states(done)["taken"] == "failed" and done.exit_code == 3
    assert "another program" in done.steps[4].message.lower()
    again = run(city)
    assert states(again) == {**dict.fromkeys(IDS[:4], "unchanged"), "taken": "done"} and len(parcels(city)[1]) == 2


# --- what was put back or edited between two runs ----------------------------------------------------------------------------


def test_a_store_restored_to_before_the_load_is_loaded_again(taken):
    end = parcels(taken)[0]
    restore(backup(taken).path, taken, as_of=1, overwrite=True)
    assert "10000021" not in parcels(taken)[0].index
    assert states(run(taken, dry=True))["taken"] == "to do"
    done = run(taken)
    assert states(done) == {**dict.fromkeys(IDS[:4], "unchanged"), "taken": "done"}
    assert "change 2 is no longer in the store" in str(events(taken))
    pd.testing.assert_frame_equal(parcels(taken)[0].sort_index(), end.sort_index())
    assert set(states(run(taken)).values()) == {"unchanged"}


def test_a_clock_that_went_back_is_refused_by_the_store_and_nothing_else(city):
    done = run(city, at=AT - datetime.timedelta(days=1))
    assert states(done)["taken"] == "failed" and done.exit_code == 3, done.steps
    assert "clock" in done.steps[4].message or "before" in done.steps[4].message
    assert states(run(city))["taken"] == "done" and whole(city)


def test_a_job_edited_after_it_was_killed_does_not_enter_its_change_twice(city):
    assert killed(city, "refresh", "taken", "committed") == -signal.SIGKILL
    write_job(city, SHORT.replace("County's refresh", "The county's delivery"))
    done = run(city)
    assert len(parcels(city)[1]) == 2 and states(done)["taken"] == "done"
    assert [each["step"] for each in events(city) if each["event"] == "step recovered"] == ["taken"]
    assert set(states(run(city)).values()) == {"unchanged"}


def test_what_a_person_wrote_into_a_step_s_folder_is_kept_and_told(taken):
    folder = taken.folder / "jobs" / ".work" / "refresh" / "changes"
    edited = (folder / "review.csv").read_text().replace("retired,", "retired,accept,", 1)
    (folder / "review.csv").write_text(edited)
    (folder / "notes.txt").write_text("call the county")
    (folder / "scratch.gpkg-wal").write_text("")
    done = run(taken)
    assert states(done)["changes"] == "done" and "retired,accept" not in (folder / "review.csv").read_text()
    kept = {path.name.partition("_")[2]: path.read_text() for path in folder.with_name("changes.changed").iterdir()}
    assert kept == {"review.csv": edited, "notes.txt": "call the county"}
    assert "changes.changed" in done.steps[3].remarks[0] and "changes.changed" in done.page.read_text()
    assert set(states(run(taken)).values()) == {"unchanged"}


def test_folders_of_steps_that_somebody_deleted_are_made_again(taken):
    state = end_state(taken)["store"]
    shutil.rmtree(taken.folder / "jobs" / ".work" / "refresh")
    done = run(taken)
    assert set(states(done).values()) == {"done"} and done.steps[4].change == 2 and end_state(taken)["store"] == state
    assert done.steps[3].counts["pending"] == 1, "what was taken in is no change any more; what nobody decided is"
    assert set(states(run(taken)).values()) == {"unchanged"}
