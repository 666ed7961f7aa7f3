"""The sync step: a plan is made, and sent only where the job says so."""

from types import SimpleNamespace

import pytest
from store_city import make_city

from citygis.errors import SyncError
from citygis.jobs.job import Sync
from citygis.jobs.outcome import Blocked, Work
from citygis.jobs.sync_step import Skipped, sync_step
from citygis.publish import publish_text


class Exchange:
    """Stands for `citygis.sync`: a target called parcels, one plan, and a note of what was asked."""

    def __init__(self, *, adds=(), stops=(), conflicts=(), is_clean=True):
        empty = SimpleNamespace(updates=(), deletes=(), refusals=())
        self.made = SimpleNamespace(**vars(empty), adds=adds, conflicts=conflicts, stops=stops, is_empty=not adds)
        self.is_clean, self.asked = is_clean, []

    def targets(self, city):
        return {"parcels": "the target"}

    def prepare(self, target, *, city, remote=None):
        self.asked.append("prepare")
        return self.made

    def save_plan(self, plan, path):
        return publish_text(path, "{}")

    def plan_page(self, plan, *, city):
        return "<p>plan</p>"

    def apply(self, plan, target, *, city, remote=None):
        assert plan is self.made and target == "the target"
        self.asked.append("apply")
        return SimpleNamespace(is_clean=self.is_clean, run_id="run-7", done=plan.adds, stopped=None)


@pytest.fixture
def work(tmp_path):
    city = make_city(tmp_path / "city")
    return Work(None, city, tmp_path / "out", tmp_path / "scratch", {}, {}, None, "[mark]", frozenset())


def step(**options):
    return Sync.model_validate({"id": "online", "kind": "sync", "target": "parcels", **options})


def test_a_plan_is_not_sent_unless_the_job_says_so(work):
    exchange = Exchange(adds=("a", "b"))
    done = sync_step(step(), work, sync=exchange)
    assert exchange.asked == ["prepare"] and done.counts["adds"] == 2
    assert done.attention == () and "2 changes planned" in done.remarks[0] and "nothing was sent" in done.remarks[0]
    assert (work.folder / "plan.json").exists()


def test_with_apply_it_is_sent(work):
    exchange = Exchange(adds=("a",))
    done = sync_step(step(apply=True), work, sync=exchange)
    assert exchange.asked == ["prepare", "apply"] and done.attention == ()
    assert "1 of 1 changes were sent" in done.remarks[0]


def test_a_run_that_did_not_end_clean_and_conflicts_need_a_person(work):
    done = sync_step(step(apply=True), work, sync=Exchange(adds=("a",), conflicts=("c",), is_clean=False))
    assert "Conflicts: 1" in done.attention[0] and "run-7" in done.attention[1]


def test_a_plan_that_must_not_be_sent_is_not(work):
    stop = SimpleNamespace(code="Y01", message="300 deletes.", remedy="Say --allow-deletes 300.")
    exchange = Exchange(adds=("a",), stops=(stop,))
    with pytest.raises(Blocked, match="300 deletes"):
        sync_step(step(apply=True), work, sync=exchange)
    assert exchange.asked == ["prepare"]
    assert "300 deletes" in sync_step(step(), work, sync=exchange).attention[0]


def test_nothing_to_send_leaves_nothing(work):
    exchange = Exchange()
    done = sync_step(step(apply=True), work, sync=exchange)
    assert exchange.asked == ["prepare"] and not done.attention and not work.folder.exists()


def test_a_target_that_is_not_there_is_passed_over_only_where_that_is_said(work):
    with pytest.raises(Skipped):
        sync_step(step(target="zoning", optional=True), work, sync=Exchange())
    with pytest.raises(SyncError, match="There are: parcels"):
        sync_step(step(target="zoning"), work, sync=Exchange())


def test_the_names_are_those_of_the_room():
    sync = pytest.importorskip("citygis.sync")
    assert all(callable(getattr(sync, name)) for name in ("targets", "prepare", "save_plan", "plan_page", "apply"))
