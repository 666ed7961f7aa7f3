"""Lost replies of every kind, at every place: the remote layer ends as meant, nothing twice, nothing lost, nothing else touched."""

import itertools
import os
import random
import shutil

import pytest
import sync_city
from fake_remote import FakeRemote, Fault

from citygis import sync

KINDS = ["reset", "429", "503", "504", "html-200", "error-500", "498", "499", "half-body", "slow"]
PLACES = {"query": (1, 3, 6), "applyEdits": (1, 2, 3)}
"""First, middle and last: three batches, each read before it is sent; then the proving read."""

RUNS = int(os.environ.get("CITYGIS_SYNC_RUNS", "10"))


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """A City in step with its remote layer, a day's edits, and their plan of 4 adds, 5 updates and 3 deletes."""
    city, target = sync_city.make(tmp_path_factory.mktemp("city"), batch=4)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before)
    assert sync.verify(target, city=city, remote=layer, layer=before).is_clean
    after = sync_city.edited(before)
    plan = sync.prepare(target, city=city, remote=layer, layer=after)
    assert (len(plan.adds), len(plan.updates), len(plan.deletes)) == (4, 5, 3) and plan.is_clean
    return city, target, before, after, plan


def applied(day, layer, **options):
    city, target, _before, after, plan = day
    pauses = []
    run = sync.apply(
        plan, target, city=city, remote=layer, layer=after, sleep=pauses.append, chance=lambda: random.Random(1), **options
    )
    return run, pauses


def require_as_meant(day, layer, *, tries=6):
    _city, _target, before, after, plan = day
    assert sync_city.content(layer) == sync_city.meant(after)
    touched = {each.global_id for part in (plan.adds, plan.updates, plan.deletes) for each in part}
    fresh = sync_city.remote(before)
    for key in fresh.rows.keys() - touched:
        assert layer.rows[key] == fresh.rows[key]
    assert len({row["attributes"]["OBJECTID"] for row in layer.rows.values()}) == len(layer.rows) == len(after)
    sent = list(itertools.chain.from_iterable(layer.edits))
    assert max(sent.count(each) for each in sent) <= tries


@pytest.mark.parametrize("on", ["query", "applyEdits"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_lost_reply_changes_nothing_in_the_end(day, on, when, kind):
    for nth in PLACES[on]:
        for retry_after_s in (None, 7.0) if kind == "429" else (None,):
            layer = sync_city.remote(day[2], faults=[Fault(on, kind, when, nth, retry_after_s)])
            run, pauses = applied(day, layer)
            assert run.is_clean, run
            require_as_meant(day, layer, tries=2)
            if kind == "429" and on == "applyEdits":
                assert pauses == [retry_after_s or 60.0]


@pytest.mark.parametrize("kind", ["reset", "504", "half-body"])
def test_edits_that_are_lost_after_the_commit_are_not_sent_again(day, kind):
    layer = sync_city.remote(day[2], faults=[Fault("applyEdits", kind, "after", nth) for nth in (1, 2, 3)])
    run, _ = applied(day, layer)
    assert run.is_clean and [len(ids) for ids in layer.edits] in ([4, 4, 4], [4, 4, 4])
    require_as_meant(day, layer, tries=1)


def test_a_reset_after_three_adds_leaves_three_rows_and_one_post(tmp_path):
    city, target = sync_city.make(tmp_path)
    layer, three = FakeRemote(faults=[Fault("applyEdits", "reset", "after")]), sync_city.parcels(3)
    plan = sync.prepare(target, city=city, remote=layer, layer=three)
    run = sync.apply(plan, target, city=city, remote=layer, layer=three, sleep=sync_city.no_pause)
    assert run.is_clean and len(layer.rows) == 3 and len(layer.edits) == 1


def test_every_post_delivered_twice_does_its_work_once(day):
    layer = sync_city.remote(day[2], twice=True)
    run, _ = applied(day, layer)
    assert run.is_clean and not run.refused
    require_as_meant(day, layer, tries=1)


@pytest.mark.parametrize("seed", range(RUNS))
def test_a_third_of_all_replies_lost(day, seed):
    city, target, before, after, plan = day
    layer = sync_city.remote(before)
    shutil.rmtree(target.folder)
    assert sync.verify(target, city=city, remote=layer, layer=before).is_clean
    layer.rate, layer.chance = 0.3, random.Random(seed)
    for _night in range(4):
        # A run that gives up says so; the next night's plan goes on from what lies there.
        run = None
        try:
            run = sync.apply(
                plan, target, city=city, remote=layer, layer=after, sleep=sync_city.no_pause, chance=sync_city.no_chance
            )
            if run.is_clean:
                break
            plan = sync.prepare(target, city=city, remote=layer, layer=after, sleep=sync_city.no_pause)
        except (sync_city.SyncError, sync_city.ReadError):
            continue
    assert run is not None and run.is_clean
    require_as_meant(day, layer, tries=24)


def test_a_dead_service_ends_the_run_with_exit_and_says_what_is_open(day):
    layer = sync_city.remote(day[2], faults=[Fault("applyEdits", "503", "before", nth) for nth in range(2, 20)])
    run, pauses = applied(day, layer)
    assert run.stopped and not run.is_clean and len(layer.edits) == 1 + 6
    assert len(run.done) == 4 and len(run.ambiguous) == 4
    assert all(0 <= pause <= 2.0**attempt for attempt, pause in enumerate(pauses, 1))


def test_a_timeout_halves_the_batch(day):
    layer = sync_city.remote(day[2], faults=[Fault("applyEdits", "504", "before", 1)])
    applied(day, layer)
    assert [len(ids) for ids in layer.edits][:2] == [4, 2]


def test_a_batch_that_is_too_large_is_sent_in_halves_down_to_the_feature_that_is(day):
    layer = sync_city.remote(day[2], faults=[Fault("applyEdits", "413", "before", nth) for nth in (1, 2, 3)])
    run, _ = applied(day, layer)
    assert [len(ids) for ids in layer.edits][:3] == [4, 2, 1]
    assert len(run.refused) == 1 and "413" in run.refused[0].message and len(layer.rows) == 14 + 4 - 3 - 1
