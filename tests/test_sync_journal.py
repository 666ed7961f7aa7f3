"""The journal of a run: on disk line by line, readable after a kill, and refused when it was tampered with."""

import os
import time

import pytest

from citygis.errors import SyncError
from citygis.sync.journal import Journal, cut_off_runs, new_run_id, run_of, runs


def begun(folder, run_id="20260101T000000Z-aaaa"):
    journal = Journal(folder, run_id)
    journal.write("begin", plan="0" * 64, target="parcels", url="https://x/0", layer="parcel", counts={"adds": 1}, reverts=None)
    return journal


def test_each_line_is_flushed_to_disk_before_the_call_returns(tmp_path, monkeypatch):
    flushed = []
    plain = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (flushed.append(handle), plain(handle)))
    begun(tmp_path).write("sent", batch=1, attempt=1, adds=[], updates=[], deletes=[])
    assert len(flushed) == 2


def test_a_half_written_last_line_is_what_a_kill_leaves(tmp_path):
    journal = begun(tmp_path)
    journal.write("done", batch=1, done=["a"], refused=[], conflicts=[])
    with open(journal.path, "a") as opened:
        opened.write('{"event": "sent", "at"')
    record = runs(tmp_path)[0]
    assert record.state == "cut_off" and record.written == {"a"} and len(record.events) == 2
    assert [each.run_id for each in cut_off_runs(tmp_path)] == [journal.run_id]


def test_what_is_written_after_a_half_line_stands_on_a_line_of_its_own(tmp_path):
    journal = begun(tmp_path)
    with open(journal.path, "a") as opened:
        opened.write('{"event": "sent", "at"')
    journal.write("completed", done=[], not_done=[])
    assert runs(tmp_path)[0].state == "completed"


def test_a_damaged_line_in_the_middle_is_refused(tmp_path):
    journal = begun(tmp_path)
    with open(journal.path, "a") as opened:
        opened.write("nonsense\n")
    journal.write("end", is_clean=True, stopped=None)
    with pytest.raises(SyncError, match="line 2"):
        runs(tmp_path)


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ({"is_clean": True, "stopped": None}, "clean"),
        ({"is_clean": False, "stopped": None}, "unclean"),
        ({"is_clean": False, "stopped": "interrupted"}, "stopped"),
    ],
)
def test_the_last_line_says_how_a_run_ended(tmp_path, last, state):
    begun(tmp_path).write("end", **last)
    assert runs(tmp_path)[0].state == state and cut_off_runs(tmp_path) == []


def test_a_run_is_found_by_the_end_of_its_name_where_that_is_enough(tmp_path):
    begun(tmp_path, "20260101T000000Z-aaaa")
    begun(tmp_path, "20260102T000000Z-bbbb")
    assert run_of(tmp_path, "bbbb").run_id == "20260102T000000Z-bbbb"
    with pytest.raises(SyncError, match="No run 'cccc'"):
        run_of(tmp_path, "cccc")
    with pytest.raises(SyncError, match="More than one"):
        run_of(tmp_path, "")


def test_where_no_journal_can_be_written_nothing_may_be_sent(tmp_path):
    (tmp_path / "runs").write_text("a file where the folder must be")
    with pytest.raises(SyncError, match="nothing more is sent"):
        begun(tmp_path)


def test_two_runs_of_one_second_have_two_names():
    assert len({new_run_id() for _ in range(20)}) > 1


def test_a_kill_in_the_middle_of_a_letter_is_a_half_line_like_any_other(tmp_path):
    journal = begun(tmp_path)
    with open(journal.path, "ab") as opened:
        opened.write('{"event": "sent", "adds": ["Ñ'.encode()[:-1])
    assert runs(tmp_path)[0].state == "cut_off"
    journal.write("completed", done=[], not_done=[])
    assert runs(tmp_path)[0].state == "completed"


def test_two_runs_of_one_second_stand_in_the_order_in_which_they_began(tmp_path):
    for run_id in ("20260101T000000Z-bbbb", "20260101T000000Z-aaaa"):
        begun(tmp_path, run_id)
        time.sleep(0.002)  # events are told to the millisecond
    assert (
        [each.run_id[-4:] for each in runs(tmp_path)] == [each.run_id[-4:] for each in cut_off_runs(tmp_path)] == ["bbbb", "aaaa"]
    )


@pytest.mark.parametrize(
    "line",
    [
        '{"event": "sent", "at": "2026", "batch": 1}',
        '{"event": "sent", "at": "2026", "batch": 1, "adds": [["a"]], "updates": [], "deletes": []}',
        '{"event": "sent", "at": "2026", "batch": 1, "adds": [], "updates": [{"global_id": "a", "before": 1}], "deletes": []}',
        '{"event": "sent", "at": "2026", "batch": 1, "adds": [], "updates": [], "deletes": [{"global_id": "a", "before": []}]}',
        '{"event": "done", "at": "2026"}',
        '{"event": "done", "at": "2026", "done": [{}]}',
        '{"event": ["done"], "at": "2026"}',
        '{"event": "verified", "at": "2026", "hashes": null}',
        '{"event": "begin", "at": "2026"}',
        '["event", "at"]',
        "[" * 100_000,
    ],
)
def test_a_line_of_another_form_is_told_by_its_number(tmp_path, line):
    journal = begun(tmp_path)
    with open(journal.path, "a") as opened:
        opened.write(line + "\n")
    for read in (runs, cut_off_runs, lambda folder: run_of(folder, journal.run_id)):
        with pytest.raises(SyncError, match="line 2"):
            read(tmp_path)


def test_a_journal_that_does_not_begin_is_told(tmp_path):
    journal = Journal(tmp_path, "20260101T000000Z-aaaa")
    journal.write("done", batch=1, done=[])
    with pytest.raises(SyncError, match="line 1"):
        runs(tmp_path)
