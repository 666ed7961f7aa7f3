"""A run that dies at any point: the next one ends right, and knows what the dead one did."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import fake_remote
import pytest
import sync_city

from citygis import sync
from citygis.errors import ReadError, SyncError

RUNS = int(os.environ.get("CITYGIS_SYNC_RUNS", "10"))

CHILD = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import fake_remote, sync_city
from pathlib import Path
from citygis import sync
from citygis.city import open_city

folder, at, when = Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])
city = open_city(folder)
target = sync.read_target("parcels", city)
after = sync_city.edited(sync_city.parcels(14))
layer = fake_remote.FakeRemote(path=folder / "remote.json")
seen = []

def die(state, done, total):
    seen.append(state)
    if state == at and seen.count(state) == when:
        os.kill(os.getpid(), signal.SIGKILL)

if at == "commit":
    plain = layer._save
    def save():
        plain()
        if len(layer.edits) == when:
            os.kill(os.getpid(), signal.SIGKILL)
    layer._save = save
plan = sync.read_plan(folder / "plan.json")
sync.apply(plan, target, city=city, remote=layer, layer=after, progress=die)
"""


def started(folder: Path):
    """A City in step with a remote layer in a file, and the saved plan of a day's edits."""
    city, target = sync_city.make(folder, batch=4)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before, path=folder / "remote.json")
    sync.verify(target, city=city, remote=layer, layer=before)
    after = sync_city.edited(before)
    sync.save_plan(sync.prepare(target, city=city, remote=layer, layer=after), folder / "plan.json")
    return city, target, after


@pytest.mark.parametrize(
    ("at", "when"), [("sent", 1), ("commit", 1), ("done", 1), ("sent", 2), ("commit", 2), ("sent", 3), ("commit", 3), ("done", 3)]
)
def test_a_process_killed_at_each_state_of_the_journal_leaves_nothing_that_the_next_run_does_not_mend(tmp_path, at, when):
    city, target, after = started(tmp_path)
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(tmp_path), at, str(when)]
    assert subprocess.run(command, capture_output=True, timeout=120).returncode == -signal.SIGKILL
    assert (target.folder / "lock").exists() and sync.runs(target.folder)[-1].state == "cut_off"
    layer, said = fake_remote.FakeRemote(path=tmp_path / "remote.json"), []
    plan = sync.prepare(target, city=city, remote=layer, layer=after, told=said.append)
    assert not plan.conflicts and not plan.stops
    run = sync.apply(plan, target, city=city, remote=layer, layer=after, told=said.append)
    assert run.is_clean and sync_city.content(layer) == sync_city.meant(after)
    assert any("lock of a run that is gone" in each for each in said)
    assert any(f"cut off after batch {when}" in each for each in said)
    assert sync.runs(target.folder)[0].state == "completed"


def test_what_a_dead_run_wrote_is_known_for_ours_when_the_city_has_moved_on(tmp_path):
    city, target, after = started(tmp_path)
    layer = fake_remote.FakeRemote(path=tmp_path / "remote.json")
    plan = sync.read_plan(tmp_path / "plan.json")
    layer.crash_at = {2}
    with pytest.raises(fake_remote.Crashed):
        sync.apply(plan, target, city=city, remote=layer, layer=after)
    later = after.copy()
    added, updated = plan.adds[0].global_id, next(each.global_id for each in plan.updates if each.global_id in layer.edits[1])
    later.loc[later["global_id"].isin([added, updated]), "situs_text"] = "LATER ST"
    again = sync.prepare(target, city=city, remote=layer, layer=later)
    assert not again.conflicts and {added, updated} <= {each.global_id for each in again.updates}
    layer.crash_at = set()
    assert sync.apply(again, target, city=city, remote=layer, layer=later).is_clean
    assert sync_city.content(layer) == sync_city.meant(later)


@pytest.mark.parametrize("seed", range(RUNS))
def test_crashes_and_lost_replies_end_right(tmp_path, seed):
    city, target = sync_city.make(tmp_path, batch=3)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before)
    sync.verify(target, city=city, remote=layer, layer=before)
    after = sync_city.edited(before)
    chance = random.Random(seed)
    layer.rate, layer.chance = 0.3, random.Random(seed)
    for _night in range(40):
        layer.crash_at = {chance.choice([1, -1]) * (len(layer.edits) + chance.randint(1, 4))} if chance.random() < 0.6 else set()
        try:
            plan = sync.prepare(target, city=city, remote=layer, layer=after, sleep=sync_city.no_pause)
            assert not plan.conflicts and not plan.stops
            run = sync.apply(
                plan, target, city=city, remote=layer, layer=after, sleep=sync_city.no_pause, chance=sync_city.no_chance
            )
            if run.is_clean:
                break
        except (fake_remote.Crashed, SyncError, ReadError):
            continue
    else:
        pytest.fail("forty nights were not enough")
    assert sync_city.content(layer) == sync_city.meant(after)
    layer.rate, layer.crash_at = 0.0, set()
    found = sync.verify(target, city=city, remote=layer, layer=after)
    assert found.is_clean and found.agreed == len(after)
