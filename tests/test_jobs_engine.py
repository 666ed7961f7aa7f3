"""
A job's run on a small City: what is done again and what is not, what stops it, and what a killed one leaves.

The answers are those of the drawing in `job_city`: a lot divided, a use changed, a lot gone.
"""

import json
import shutil
import signal
import sys

import pandas as pd
import pytest
import shapely
from job_city import AT, IDS, JOB, deliver, end_state, events, killed, lots, office, run, write_job

import citygis as cg
from citygis.changes import SHIFT_ID
from citygis.errors import ReadError, SettingsError, StoreError
from citygis.jobs import read_job, run_job, verify_ledger
from citygis.store.backup import backups

SHORT = JOB[: JOB.index('[[step]]\nid = "notice"')]
"""The job up to its load."""
READ_ONLY = JOB[: JOB.index('[[step]]\nid = "parcels"')]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    return office(tmp_path_factory.mktemp("pristine")).folder


@pytest.fixture
def city(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "city")
    return cg.open_city(tmp_path / "city")


@pytest.fixture
def short(city):
    """The City with the short job."""
    write_job(city, SHORT)
    return city


@pytest.fixture(scope="module")
def first_run(pristine, tmp_path_factory):
    folder = tmp_path_factory.mktemp("taken") / "city"
    shutil.copytree(pristine, folder)
    city = cg.open_city(folder)
    write_job(city, SHORT)
    return city, run(city)


@pytest.fixture(scope="module")
def whole_run(pristine, tmp_path_factory):
    """The City after a run of the whole job: where it was run, a copy of it, and what the run left."""
    place, kept = tmp_path_factory.mktemp("whole") / "city", tmp_path_factory.mktemp("kept") / "city"
    shutil.copytree(pristine, place)
    run(cg.open_city(place))
    state = end_state(cg.open_city(place))
    place.rename(kept)
    return place, kept, state


@pytest.fixture
def taken(first_run, tmp_path):
    """The City after a run of the short job; where its folder lies does not matter."""
    shutil.copytree(first_run[0].folder, tmp_path / "taken")
    return cg.open_city(tmp_path / "taken")


def states(done):
    return {step.id: step.state for step in done.steps}


def step(done, name):
    return next(each for each in done.steps if each.id == name)


def stored(city):
    with cg.store(city) as db:
        return db.read("parcel").set_index("apn"), len(db.changes())


def because(city):
    """Why the steps of the last run were done, by the ledger."""
    told = events(city)
    last = told[-1]["run"]
    return {each["step"]: each["because"] for each in told if each["run"] == last and each["event"] == "step started"}


def mtimes(city):
    # SQLite's own: the last to close the store takes its log away, and a reader makes an empty one.
    left_out = ("ledger.jsonl", "ledger.head", "run.html", "city.gpkg-shm", "city.gpkg-wal")
    return {path: path.stat().st_mtime_ns for path in city.folder.rglob("*") if path.is_file() and path.name not in left_out}


# --- what a run does ---------------------------------------------------------------------------------------------------------


def test_a_delivery_is_taken_in_and_what_is_not_accepted_stays_pending(first_run):
    city, done = first_run
    assert states(done) == dict.fromkeys(IDS[:5], "done") and done.exit_code == 1
    counts = step(done, "changes").counts
    assert [counts[kind] for kind in ("attribute", "split", "retired", "accepted", "pending")] == [1, 1, 1, 2, 1]
    parcels, changes = stored(city)
    assert changes == 2 and step(done, "taken").change == 2
    assert set(parcels.index) == {str(n) for n in (*range(10_000_001, 10_000_013), 10_000_021, 10_000_022)} - {"10000003"}
    assert parcels.loc["10000005", "use_code"] == "0200" and parcels.loc["10000021"].geometry.area == pytest.approx(4000)
    assert "review.csv" in step(done, "changes").attention[0]


def test_a_second_run_does_nothing_and_says_so(whole_run, tmp_path):
    shutil.copytree(whole_run[1], tmp_path / "city")
    city = cg.open_city(tmp_path / "city")
    state, before = end_state(city), mtimes(city)
    done = run(city)
    assert done.nothing_done and "Nothing new to do" in done.page.read_text()
    assert set(states(done).values()) == {"unchanged"} and done.exit_code == 1, "what is pending is still pending"
    assert mtimes(city) == before and end_state(city) == state
    assert verify_ledger(city.folder / "jobs" / "ledger.jsonl")[1] is None


def test_a_dry_run_tells_and_writes_nothing(short, taken):
    before, told = mtimes(short), events(short)
    done = run(short, dry=True)
    assert set(states(done).values()) == {"to do"} and done.page is None
    assert mtimes(short) == before and events(short) == told
    assert set(states(run(taken, dry=True)).values()) == {"unchanged"}


def test_decisions_of_a_person_are_taken_in_by_the_next_run(taken):
    review = pd.read_csv(taken.folder / "jobs" / ".work" / "refresh" / "changes" / "review.csv", dtype=str, keep_default_na=False)
    review.to_csv(taken.folder / "jobs" / "review.csv", index=False)
    assert set(states(run(taken)).values()) == {"unchanged"}, "a review in which nothing is decided is none"
    review["decision"] = review["decision"].where(review["kind"] != "retired", "accept")
    review.to_csv(taken.folder / "jobs" / "review.csv", index=False)
    done = run(taken)
    assert states(done) == {"sent": "unchanged", "parcels": "unchanged", "checked": "done", "changes": "done", "taken": "done"}
    assert "10000012" not in stored(taken)[0].index and step(done, "taken").counts["retired"] == 1
    assert done.exit_code == 0, "nothing is pending any more"
    assert set(states(run(taken)).values()) == {"unchanged"}


def test_a_change_by_somebody_else_makes_what_rests_on_the_store_be_done_again(taken):
    with cg.store(taken) as db:
        parcel = db.read("parcel")
        db.load({"parcel": parcel[parcel["apn"] == "10000007"].assign(use_code="0300")}, message="by hand", at=AT)
    done = run(taken)
    assert states(done) == {"sent": "unchanged", "parcels": "unchanged", "checked": "done", "changes": "done", "taken": "done"}
    assert stored(taken)[0].loc["10000007", "use_code"] == "0100", "the county says so"
    assert because(taken)["checked"] == ["the store"] and because(taken)["taken"] == ["the store", "input 'changes'"]


def test_a_file_of_a_step_that_was_changed_is_made_again(taken):
    layers = taken.folder / "jobs" / ".work" / "refresh" / "parcels" / "layers.gpkg"
    whole = layers.read_bytes()
    layers.write_bytes(whole[:-1] + b"x")
    done = run(taken)
    assert states(done) == {**dict.fromkeys(IDS[:5], "unchanged"), "parcels": "done"}, because(taken)
    assert layers.read_bytes() == whole


def test_from_a_step_on_all_is_done_anew_and_what_is_before_is_kept(short, taken):
    assert run(short, start="taken").exit_code == 3, "nothing was done before"
    done = run(taken, start="changes")
    assert list(states(done).values()) == ["kept", "kept", "kept", "done", "done"] and stored(taken)[1] == 2
    with pytest.raises(SettingsError, match="There are: sent, parcels"):
        run(short, start="chagnes")


# --- what stops it -----------------------------------------------------------------------------------------------------------


def test_a_delivery_that_looks_cut_off_stops_the_job_before_the_store(short):
    deliver(short, second=True, frame=lots(second=True).head(7))
    done = run(short)
    assert states(done)["changes"] == "refused" and states(done)["taken"] == "not run" and done.exit_code == 1
    assert "7 rows" in step(done, "changes").message and "max_shrink" in step(done, "changes").message
    assert stored(short)[1] == 1 and "max_shrink" in done.page.read_text()


def test_fewer_rows_than_the_job_says_stop_it(short):
    write_job(short, SHORT.replace('review = "review.csv"', "min_rows = 13"))
    assert "min_rows = 13" in step(run(short), "changes").message and stored(short)[1] == 1


def test_a_layer_that_moved_as_a_whole_stops_the_job_until_it_is_decided(short):
    frame = lots(second=True)
    deliver(short, second=True, frame=frame.set_geometry(shapely.transform(frame.geometry.array, lambda at: at + [0.4, 0.3])))
    done = run(short)
    assert states(done)["taken"] == "not run" and "The whole layer moved" in step(done, "changes").message
    assert states(run(short)) == {**dict.fromkeys(IDS[:4], "unchanged"), "taken": "not run"}, "it stops each time"
    path = short.folder / "jobs" / "review.csv"
    review = pd.read_csv(short.folder / "jobs" / ".work" / "refresh" / "changes" / "review.csv", dtype=str, keep_default_na=False)
    review.loc[review["change_id"] == SHIFT_ID, "decision"] = "reject"
    review.to_csv(path, index=False)
    assert states(run(short))["taken"] == "done"
    child_lot = stored(short)[0].loc["10000021"].geometry
    assert child_lot.bounds == pytest.approx((6_336_200, 2_124_000, 6_336_240, 2_124_100), abs=0.02)


def overlapping():
    frame = lots(second=True)
    frame.loc[frame["AIN"] == "10000021", "geometry"] = shapely.box(6_336_150, 2_124_000, 6_336_240, 2_124_100)
    return frame


def test_an_error_on_the_ground_stops_the_load_until_the_job_says_why_not(short):
    deliver(short, second=True, frame=overlapping())
    write_job(short, SHORT.replace('"attribute", "split"', '"attribute", "split", "resubdivided", "new", "retired"'))
    done = run(short)
    assert states(done)["taken"] == "refused" and done.exit_code == 1 and stored(short)[1] == 1
    assert "T01" in step(done, "taken").message and "[accept]" in step(done, "taken").message
    assert "T01" in step(done, "checked").attention[0] and "T01" in done.page.read_text()
    codes = {line.split()[0] for line in step(done, "taken").message.splitlines() if line.startswith("  ")}
    accept = "".join(f'{code} = "surveys disagree, case 26-014"\n' for code in codes)
    write_job(short, (short.folder / "jobs" / "refresh.toml").read_text().replace("[inputs]", f"[accept]\n{accept}[inputs]"))
    done = run(short)
    assert states(done)["taken"] == "done" and step(done, "checked").attention == ()
    with cg.store(short) as db:
        assert set(db.accepted()["reason"]) == {"surveys disagree, case 26-014"}


def test_a_failed_step_ends_the_job_with_nothing_changed(short):
    write_job(short, SHORT.replace('crosswalk = "county"', 'crosswalk = "contry"'))
    done = run(short)
    assert states(done)["parcels"] == "failed" and done.exit_code == 3 and "There are:" in step(done, "parcels").message


def test_a_missing_delivery_is_refused_before_anything_is_written(short):
    for path in (short.folder / "deliveries").iterdir():
        path.unlink()
    write_job(short, SHORT.replace("[inputs]", HOOK.format(python=sys.executable, on="trouble") + "[inputs]"))
    with pytest.raises(ReadError, match="Has the delivery come"):
        run(short)
    assert "refresh" not in {event["job"] for event in events(short)}
    assert "Has the delivery come" in json.loads((short.folder / "jobs" / "told.json").read_text())["message"]


def test_a_delivery_that_is_replaced_while_the_job_runs_is_not_taken_for_the_one_it_began_with(short):
    def replace(line):
        if line.startswith("sent: read ("):
            deliver(short, second=True, frame=lots(second=True).head(11))

    done = run(short, told=replace)
    assert states(done)["sent"] == "refused" and "was changed while the job ran" in step(done, "sent").message
    assert step(run(short), "sent").counts["rows in"] == 11


@pytest.mark.parametrize("file", ["../deliveries/loop", "../a\x00b", "../" + "a" * 5000])
def test_a_path_that_nobody_can_follow_is_refused(short, file):
    (short.folder / "deliveries" / "loop").symlink_to("loop")
    write_job(short, READ_ONLY.replace('"county"', json.dumps(file)))
    with pytest.raises(SettingsError, match="no path that can be followed"):
        run(short)


def test_where_the_jobs_folder_cannot_be_written_nothing_is_run(pristine, tmp_path):
    shutil.copytree(pristine, tmp_path / "city")
    city = cg.open_city(tmp_path / "city")
    shutil.rmtree(city.folder / "jobs" / ".work")
    (city.folder / "jobs" / ".work").write_text("")
    with pytest.raises(StoreError, match="Nothing was run"):
        run(city)


def test_a_request_file_is_answered(short):
    (short.folder / "jobs" / "ask.toml").write_text('question = "acreage"\n')
    text = 'name = "refresh"\n[[step]]\nid = "asked"\nkind = "analyse"\nrequest = "ask.toml"\n'
    write_job(short, text)
    done = run(short)
    assert states(done) == {"asked": "done"} and step(done, "asked").counts["rows out"] == 1, "all lots are of one kind"
    (short.folder / "jobs" / "ask.toml").write_text('question = "acreage"\n# read again\n')
    assert states(run(short)) == {"asked": "done"} and because(short) == {"asked": ["input 'ask.toml'"]}


# --- killed ------------------------------------------------------------------------------------------------------------------


def test_killed_at_each_step_and_after_the_commit_the_end_is_that_of_a_run_that_was_not(pristine, whole_run):
    place, _, whole = whole_run
    shutil.copytree(pristine, place)  # a report says where the store is
    city = cg.open_city(place)
    for name in IDS:
        assert killed(city, "refresh", name, "started") == -signal.SIGKILL, name
        if name == "taken":
            assert killed(city, "refresh", name, "committed") == -signal.SIGKILL
            assert stored(city)[1] == 2, "the store has it, the ledger does not know"
    told = []
    done = run(city, told=told.append)
    assert "taken over" in told[0] and states(done) == {**dict.fromkeys(IDS, "unchanged"), "list": "done"}
    assert end_state(city) == whole and step(done, "taken").change == 2
    assert verify_ledger(city.folder / "jobs" / "ledger.jsonl")[1] is None


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_asked_to_stop_says_so_in_the_ledger(short, how, code):
    assert killed(short, "refresh", "checked", "started", how) == code
    said = [event["event"] for event in events(short)][-2:]
    assert said == ["step stopped", "run ended"] and events(short)[-1]["exit"] == code
    assert not (short.folder / "jobs" / ".work" / "lock").exists()
    if how == signal.SIGTERM:
        again = run(short)
        assert states(again)["taken"] == "done", again.needs


# --- whom it tells -----------------------------------------------------------------------------------------------------------

HOOK = """\
[alert]
command = [{python!r}, "-c", "import os, sys; open('told.json', 'w').write(sys.stdin.read()); \
open('told.env', 'w').write(os.environ['CITYGIS_JOB'] + os.environ['CITYGIS_EXIT'])"]
on = {on!r}
"""


def test_the_alert_is_told_of_trouble_in_json_and_in_its_environment(taken):
    write_job(taken, SHORT.replace("[inputs]", HOOK.format(python=sys.executable, on="trouble") + "[inputs]"))
    done = run(taken)
    said = json.loads((taken.folder / "jobs" / "told.json").read_text())
    assert said["job"] == "refresh" and said["exit"] == 1 and said["steps"][3]["counts"]["pending"] == 1
    assert (taken.folder / "jobs" / "told.env").read_text() == "refresh1" and done.remarks == ()


@pytest.mark.parametrize(("on", "told"), [("trouble", False), ("always", True)])
def test_all_well_is_told_only_where_it_is_asked(short, on, told):
    write_job(short, READ_ONLY.replace("[inputs]", HOOK.format(python=sys.executable, on=on) + "[inputs]"))
    assert run(short).exit_code == 0 and (short.folder / "jobs" / "told.json").exists() is told


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["no-such-program"], "cannot be run"),
        ([sys.executable, "-c", "raise SystemExit(4)"], "code 4"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "did not end within 0.5 s"),
    ],
)
def test_an_alert_that_fails_is_told_and_leaves_trouble_trouble(short, command, said):
    text = f'[alert]\ncommand = {json.dumps(command)}\non = "always"\ntimeout_s = 0.5\n[inputs]'
    write_job(short, READ_ONLY.replace("[inputs]", text))
    done = run(short)
    assert done.exit_code == 1 and said in done.remarks[0] and said in done.page.read_text()
    assert events(short)[-2]["event"] == "alert failed"


# --- the other steps ---------------------------------------------------------------------------------------------------------


def test_repair_backup_and_a_sheet_are_steps_too(city):
    text = (
        READ_ONLY
        + """
[[step]]
id = "parcels"
kind = "convert"
from = "sent"
to = "parcel"
crosswalk = "county"
[[step]]
id = "mended"
kind = "repair"
from = "parcels"
[[step]]
id = "changes"
kind = "compare"
from = "mended"
against = "parcels"
[[step]]
id = "map"
kind = "sheet"
sheet = "lots"
form = "svg"
[[step]]
id = "copy"
kind = "backup"
"""
    )
    (city.folder / "sheets").mkdir()
    (city.folder / "sheets" / "lots.toml").write_text(
        'paper = "tabloid"\nscale = "fit"\nlayers = ["parcel"]\n[title_block]\ntitle = "Lots"\n'
    )
    write_job(city, text)
    done = run(city)
    assert set(states(done).values()) == {"done"}, done.steps
    assert step(done, "changes").counts["unchanged"] == 12 and step(done, "mended").counts["mended"] == 0
    assert step(done, "map").links == ("lots.svg",)
    shelf = backups(city.backups_folder)
    assert len(shelf.backups) == 1 and shelf.last_proven is not None
    assert set(states(run(city)).values()) == {"unchanged"} and len(backups(city.backups_folder).backups) == 1


def test_the_ledger_says_what_went_in_and_what_came_out(taken):
    told = {event["step"]: event for event in events(taken) if event["event"] == "step done" and event["job"] == "refresh"}
    began = next(event for event in events(taken) if event["event"] == "run started" and event["job"] == "refresh")
    assert began["inputs"]["county"]["name"] == "county_2.gpkg" and len(began["inputs"]["county"]["sha256"]) == 64
    assert told["sent"]["inputs"]["county"] == began["inputs"]["county"] and began["versions"]["citygis"] == cg.__version__
    assert told["changes"]["inputs"]["parcels"]["outputs"] == told["parcels"]["outputs"]
    assert told["taken"]["change"] == 2 and told["changes"]["parameters"]["accept"] == ["attribute", "split"]


def test_without_a_city_there_is_no_job(short):
    with pytest.raises(SettingsError, match="no City folder"):
        run_job(read_job(short.folder / "jobs" / "refresh.toml"), city=cg.default_city())
