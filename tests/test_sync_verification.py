"""Verifying: both sides compared, nothing sent, and the base made of what they agree on only."""

import fake_remote
import pytest
import sync_city

from citygis import sync
from citygis.errors import ReadError
from citygis.lock import Held, holding


@pytest.fixture
def city(tmp_path):
    made, target = sync_city.make(tmp_path)
    frame = sync_city.parcels(12)
    return made, target, frame, sync_city.remote(frame)


def test_equal_sides_are_clean_and_become_the_base(city):
    made, target, frame, layer = city
    found = sync.verify(target, city=made, remote=layer, layer=frame)
    assert found.is_clean and found.agreed == 12 and layer.edits == []
    assert list(sync.read_base(target)["global_id"]) == sorted(frame["global_id"])


def test_what_differs_is_told_and_does_not_enter_the_base(city):
    made, target, frame, layer = city
    sync.verify(target, city=made, remote=layer, layer=frame)
    keys = list(frame["global_id"])
    layer.put({"SITUS": "THEIRS"}, global_id=keys[0])
    theirs = layer.put({"APN": "1"}, sync_city.esri(frame.geometry[0]))
    found = sync.verify(target, city=made, remote=layer, layer=frame)
    assert not found.is_clean and found.agreed == 11
    base = sync.read_base(target).set_index("global_id")
    assert base["SITUS"][keys[0]] == "0 FIRST ST" and theirs not in base.index


def test_what_is_gone_on_both_sides_leaves_the_base(city):
    made, target, frame, layer = city
    sync.verify(target, city=made, remote=layer, layer=frame)
    layer.drop(frame["global_id"][3])
    assert sync.verify(target, city=made, remote=layer, layer=frame.drop(index=3)).is_clean
    assert frame["global_id"][3] not in set(sync.read_base(target)["global_id"])


def test_a_stopped_comparison_leaves_the_base(city):
    made, target, frame, layer = city
    sync.verify(target, city=made, remote=layer, layer=frame)
    assert sync.verify(target, city=made, remote=layer, layer=frame.iloc[:0]).plan.stops
    assert len(sync.read_base(target)) == 12


def test_a_short_read_is_no_verification(city):
    made, target, frame, layer = city
    layer.layer["maxRecordCount"] = 5
    plain = layer.query

    def short(parameters):
        reply = plain(parameters)
        if "features" in reply and len(reply["features"]) < 5:
            reply["features"] = reply["features"][:-1]
        return reply

    layer.query = short
    with pytest.raises(ReadError, match="Short read"):
        sync.verify(target, city=made, remote=layer, layer=frame, sleep=sync_city.no_pause)
    assert sync.read_base(target) is None


def test_a_refused_feature_keeps_its_base_and_is_not_deleted_there(city):
    made, target, frame, layer = city
    sync.verify(target, city=made, remote=layer, layer=frame)
    wrong = frame.copy()
    wrong.loc[2, "situs_text"] = "X" * 60
    plan = sync.prepare(target, city=made, remote=layer, layer=wrong)
    assert [each.code for each in plan.refusals] == ["Y01"] and plan.is_empty
    sync.apply(plan, target, city=made, remote=layer, layer=wrong)
    assert len(sync.read_base(target)) == 12
    wrong.loc[2, "situs_text"] = "MENDED"
    assert len(sync.prepare(target, city=made, remote=layer, layer=wrong).updates) == 1


def test_another_run_at_work_is_waited_for_by_a_person(city):
    made, target, frame, layer = city
    with holding(target.folder / "lock", what="run 1"), pytest.raises(Held, match=r"Another run is under way .run 1"):
        sync.verify(target, city=made, remote=layer, layer=frame)
    assert fake_remote.KINDS
