"""The ledger: whatever is changed, moved, put in or cut off shows; a process killed while writing leaves nothing broken."""

import hashlib
import json

import pytest
from click.testing import CliRunner

from citygis.cli import main
from citygis.errors import StoreError
from citygis.jobs import append_event, events, verify_ledger


@pytest.fixture
def ledger(tmp_path):
    path = tmp_path / "ledger.jsonl"
    for number in range(1, 6):
        append_event(path, {"event": "step done", "run": "r1", "job": "county", "counts": {"rows in": number}})
    return path


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def rewritten(path, said):
    path.write_text("".join(f"{line}\n" for line in said), encoding="utf-8")


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def test_each_line_holds_the_hash_of_the_line_before_and_its_own(ledger):
    before = "0" * 64
    for number, line in enumerate(lines(ledger), start=1):
        event = json.loads(line)
        own = event.pop("hash")
        assert event["prev"] == before and event["n"] == number
        assert own == sha(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
        before = sha(line)
    assert verify_ledger(ledger) == (5, None)


def edited(said):
    said[2] = said[2].replace('"rows in":3', '"rows in":4')


def edited_with_its_own_hash(said):
    event = json.loads(said[2])
    del event["hash"]
    event["counts"] = {"rows in": 4}
    said[2] = json.dumps({**event, "hash": sha(json.dumps(event, separators=(",", ":")))}, separators=(",", ":"))


def taken_out(said):
    del said[2]


def swapped(said):
    said[2], said[3] = said[3], said[2]


def put_in_twice(said):
    said.insert(2, said[2])


def cut_off_by_one(said):
    del said[-1]


def cut_off_by_three(said):
    del said[-3:]


def forged(said):
    event = {"n": 6, "at": "2026-01-01T00:00:00.000+00:00", "event": "run ended", "prev": sha(said[-1])}
    said.append(json.dumps({**event, "hash": sha(json.dumps(event, separators=(",", ":")))}, separators=(",", ":")))


def emptied(said):
    said.clear()


def spoilt(said):
    said[2] = "no json"


@pytest.mark.parametrize(
    ("tamper", "line"),
    [
        (edited, 3),
        (edited_with_its_own_hash, 4),
        (taken_out, 3),
        (swapped, 3),
        (put_in_twice, 4),
        (cut_off_by_one, 5),
        (cut_off_by_three, 3),
        (forged, 6),
        (emptied, 1),
        (spoilt, 3),
    ],
)
def test_the_first_line_that_does_not_hold_is_told(ledger, tamper, line):
    said = lines(ledger)
    tamper(said)
    rewritten(ledger, said)
    whole, broken = verify_ledger(ledger)
    # A line with its own hash made anew holds; the one after it does not follow from it.
    assert (broken.line, whole) == (line, line - 1), broken


def test_the_whole_chain_made_anew_does_not_fit_the_head(ledger, tmp_path):
    other = tmp_path / "other" / "ledger.jsonl"
    other.parent.mkdir()
    for number in range(5):
        append_event(other, {"event": "step done", "run": "r1", "job": "county", "counts": {"rows in": 10 * number}})
    ledger.write_bytes(other.read_bytes())
    assert verify_ledger(ledger)[1].line == 5


def test_a_head_that_is_gone_is_told(ledger):
    ledger.with_suffix(".head").unlink()
    assert "ledger.head is not there" in verify_ledger(ledger)[1].why
    with pytest.raises(StoreError, match="verify"):
        append_event(ledger, {"event": "run started"})


@pytest.mark.parametrize("done", [0, 1, 40])
def test_a_process_killed_between_head_and_line_leaves_what_the_next_one_completes(ledger, done):
    before = ledger.read_bytes()
    append_event(ledger, {"event": "run ended", "run": "r1", "job": "county"})
    whole = ledger.read_bytes()
    ledger.write_bytes(before + whole[len(before) : len(before) + done])
    assert verify_ledger(ledger)[1].line == 6
    append_event(ledger, {"event": "run started", "run": "r2", "job": "county"})
    assert ledger.read_bytes().startswith(whole) and verify_ledger(ledger) == (7, None)


def test_nothing_is_added_to_a_ledger_that_was_cut_off(ledger):
    rewritten(ledger, lines(ledger)[:2])
    with pytest.raises(StoreError, match="not as its last run left it"):
        append_event(ledger, {"event": "run started"})


def test_a_ledger_that_begins_is_whole(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with pytest.raises(StoreError, match="citygis run"):
        verify_ledger(path)
    append_event(path, {"event": "run started", "run": "r", "job": "j"})
    assert verify_ledger(path) == (1, None) and events(path)[0]["event"] == "run started"


def test_the_command_says_whether_it_is_whole_and_lists_runs(ledger):
    def called(*arguments):
        return CliRunner().invoke(main, ["ledger", *map(str, arguments)])

    assert called("verify", ledger).exit_code == 0
    shown = json.loads(called("show", ledger, "--json").stdout)
    assert [(each["run"], each["done"]) for each in shown] == [("r1", 5)]
    assert "rows in 5" in called("show", ledger, "--run", "r1").stdout
    assert called("show", ledger, "--run", "r9").exit_code == 3
    rewritten(ledger, lines(ledger)[1:])
    told = called("verify", ledger, "--json")
    assert told.exit_code == 1 and json.loads(told.stdout)["broken"]["line"] == 1
