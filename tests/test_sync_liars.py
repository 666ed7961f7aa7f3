"""
Servers that lie, plans that were tampered with, a disk that is full, keys that cannot be told apart: what the sync makes of them.
"""

import dataclasses

import fake_remote
import pandas as pd
import pytest
import sync_city

from citygis import sync
from citygis.errors import ReadError, SyncError
from citygis.readers.service import plain_id
from citygis.sync import journal
from citygis.sync.model import EditReply, ItemResult

TRACT = "0f8fad5b-d9cb-469f-a165-70867728950e"


class Liar(fake_remote.FakeRemote):
    """A layer whose replies are changed: ``said(parameters, reply)`` for queries, ``edited(edits)`` in place of edits."""

    said = staticmethod(lambda parameters, reply: reply)
    edited = None

    def query(self, parameters):
        return self.said(parameters, super().query(parameters))

    def apply_edits(self, **edits):
        return self.edited(edits) if self.edited else super().apply_edits(**edits)


@pytest.fixture
def night(tmp_path):
    """A City and a server that agreed yesterday, and the City's layer of today."""
    city, target = sync_city.make(tmp_path, batch=4)
    before = sync_city.parcels(14)
    remote = Liar(rows=[sync_city.row(each) for each in before.itertuples()])
    sync.verify(target, city=city, remote=remote, layer=before, sleep=sync_city.no_pause)
    after = sync_city.edited(before)
    return target, remote, after, {"city": city, "remote": remote, "layer": after, "sleep": sync_city.no_pause}


def is_page(parameters) -> bool:
    return "true" not in (str(parameters.get(name)).lower() for name in ("returnCountOnly", "returnIdsOnly"))


def other_ids(parameters, reply):
    return {**reply, "objectIds": [each + 1000 for each in reply["objectIds"]]} if "objectIds" in reply else reply


def first_feature(change):
    """A lie about the first feature of each page."""

    def said(parameters, reply):
        if reply.get("features"):
            reply["features"][0] = change(reply["features"][0])
        return reply

    return said


@pytest.mark.parametrize(
    "lie",
    [
        other_ids,
        lambda parameters, reply: {**reply, "count": "14"} if "count" in reply else reply,
        lambda parameters, reply: {} if "objectIds" in reply else reply,
        lambda parameters, reply: {**reply, "features": None} if "features" in reply else reply,
        first_feature(lambda feature: "a feature"),
        first_feature(lambda feature: {**feature, "attributes": None}),
        first_feature(lambda feature: {**feature, "attributes": [1]}),
        first_feature(lambda feature: {**feature, "geometry": [1]}),
    ],
)
def test_a_read_that_does_not_hold_together_is_refused_and_nothing_is_planned(night, lie):
    target, remote, _after, options = night
    remote.said = lie
    with pytest.raises(ReadError):
        sync.prepare(target, **options)
    assert not remote.edits


@pytest.mark.parametrize("rings", [[[["NaN", 1]] * 4], {"a": 1}])
def test_an_outline_there_that_cannot_be_read_is_left_to_a_person(night, rings):
    target, remote, _after, options = night
    first = next(iter(remote.rows))
    remote.said = first_feature(lambda feature: {**feature, "geometry": {"rings": rings}})
    made = sync.prepare(target, **options)
    assert [each.global_id for each in made.conflicts] == [first]
    assert first not in {each.global_id for part in (made.adds, made.updates, made.deletes) for each in part}


@pytest.mark.parametrize("changes", [{"fields": ["APN"]}, {"maxRecordCount": "many"}, {"editFieldsInfo": [1]}, {"fields": None}])
def test_a_definition_that_is_none_is_refused(night, changes):
    target, remote, _after, options = night
    remote.layer = {**remote.layer, **changes}
    with pytest.raises(ReadError):
        sync.prepare(target, **options)
    assert not remote.edits


def test_a_server_that_answers_every_page_with_the_first_is_refused_and_not_asked_for_ever(night):
    target, remote, _after, options = night

    def said(parameters, reply):
        if not is_page(parameters) or remote.calls.count("query") > 50:
            return reply
        whole = fake_remote.FakeRemote.query(remote, {**parameters, "where": "1=1", "resultRecordCount": 3})
        return {**whole, "exceededTransferLimit": True}

    remote.said = said
    with pytest.raises(ReadError):
        sync.prepare(target, **options)
    assert remote.calls.count("query") < 50


def mixed(parameters, reply):
    """GlobalIDs as one server or another writes them: every second one in lower case without braces."""
    for feature in reply.get("features", ())[::2]:
        feature["attributes"]["GlobalID"] = feature["attributes"]["GlobalID"].strip("{}").lower()
    return reply


def test_global_ids_in_any_spelling_are_the_same_features_and_pages_may_shrink_during_the_read(night):
    target, remote, after, options = night

    def said(parameters, reply):
        remote.layer["maxRecordCount"] = 3
        return mixed(parameters, reply)

    remote.said = said
    made = sync.prepare(target, **options)
    assert [len(each) for each in (made.adds, made.updates, made.deletes, made.conflicts)] == [4, 5, 3, 0]
    assert sync.apply(made, target, **options).is_clean
    assert sync_city.content(remote) == sync_city.meant(after)


def replied(edits, is_done: bool) -> EditReply:
    ids = [[plain_id(each["attributes"]["GlobalID"]) for each in edits[name]] for name in ("adds", "updates")] + [
        [plain_id(each) for each in edits["deletes"]]
    ]
    return EditReply(*(tuple(ItemResult(each, is_done, None if is_done else 1000, "") for each in some) for some in ids))


def test_a_success_that_was_none_is_not_believed(night):
    target, remote, _after, options = night
    made = sync.prepare(target, **options)
    held = sync_city.snapshot(remote)
    remote.edited = lambda edits: replied(edits, True)
    run = sync.apply(made, target, **options)
    assert not run.is_clean and not run.done and len(run.ambiguous) == 12
    assert remote.rows == held
    remote.edited = None
    again = sync.prepare(target, **options)
    assert sync.apply(again, target, **options).is_clean


@pytest.mark.parametrize("reply", [lambda edits: replied(edits, False), lambda edits: EditReply((), (), ())])
def test_a_refusal_of_what_was_done_and_a_reply_that_says_nothing_are_read_back(night, reply):
    target, remote, after, options = night
    made = sync.prepare(target, **options)

    def edited(edits):
        fake_remote.FakeRemote.apply_edits(remote, **edits)
        return reply(edits)

    remote.edited = edited
    run = sync.apply(made, target, **options)
    assert run.is_clean and len(run.done) == 12
    assert sync_city.content(remote) == sync_city.meant(after)


def test_a_layer_of_three_hundred_fields_and_names_that_sql_keeps_for_itself_is_synchronised_in_the_mapped_ones(tmp_path):
    text = sync_city.TARGET.format(batch=200).replace("SITUS =", "SELECT_ =")
    city, target = sync_city.make(tmp_path, text=text)
    more = [{"name": f"F{n}", "type": "esriFieldTypeDouble", "nullable": True, "editable": True} for n in range(300)]
    layer = fake_remote.parcels_definition()
    for field in layer["fields"]:
        field["name"] = "SELECT_" if field["name"] == "SITUS" else field["name"]
    layer["fields"] += more
    remote = fake_remote.FakeRemote(layer)
    options = {"city": city, "remote": remote, "layer": sync_city.parcels(3), "sleep": sync_city.no_pause}
    assert sync.apply(sync.prepare(target, **options), target, **options).is_clean
    assert sorted(remote.values("SELECT_").values()) == ["0 FIRST ST", "1 FIRST ST", "2 FIRST ST"]
    assert set(remote.values("F299").values()) == {None}


# -- plans that were tampered with ------------------------------------------------------------------------------------------


def resealed(path, **changes):
    """A plan file with other content, and with the fingerprint that fits it: by somebody who knows how it is made."""
    plan = dataclasses.replace(sync.read_plan(path), **changes)
    path.unlink()
    return sync.read_plan(sync.save_plan(plan, path))


def test_a_resealed_plan_for_another_address_or_with_another_field_sends_nothing(night, tmp_path):
    target, remote, _after, options = night
    path = sync.save_plan(sync.prepare(target, **options), tmp_path / "plan.json")
    first = sync.read_plan(path).adds[0]
    for changes in (
        {"url": "https://elsewhere.example/FeatureServer/0"},
        {"adds": (first._replace(attributes={**first.attributes, "OWNER": "A. Person"}),)},
        {"adds": (first._replace(attributes={**first.attributes, "REMARK": "A. Person"}),)},
        {"adds": (first._replace(attributes={**first.attributes, "GlobalID": "{" + TRACT.upper() + "}"}),)},
    ):
        with pytest.raises(SyncError, match=r"[Nn]othing was sent"):
            sync.apply(
                resealed(sync.save_plan(sync.read_plan(path), tmp_path / "other.json", overwrite=True), **changes),
                target,
                **options,
            )
    assert not remote.edits


# -- the command ------------------------------------------------------------------------------------------------------------


def test_a_disk_that_is_full_in_the_middle_of_a_run_is_never_told_as_nothing_sent(night, monkeypatch):
    target, remote, _after, options = night
    made = sync.prepare(target, **options)
    written = []
    publish = journal.Journal.write

    def full_after_the_edits(self, event, **said):
        if len(written) == 7:  # begin, and what was sent and done of three batches
            raise SyncError(f"{self.path} cannot be written: No space left on device. Without a journal nothing is sent.")
        written.append(event)
        publish(self, event, **said)

    monkeypatch.setattr(journal.Journal, "write", full_after_the_edits)
    run = sync.apply(made, target, **options)
    assert len(remote.edits) == 3 and len(run.done) == 12 and not run.is_clean and run.stopped
    monkeypatch.undo()
    assert sync.prepare(target, **options).is_empty


def test_after_a_link_what_could_not_be_told_apart_is_not_added_once_more(tmp_path):
    city, target = sync_city.make(tmp_path)
    mine = sync_city.parcels(4)
    theirs = pd.concat([mine, mine.iloc[:1]], ignore_index=True)
    theirs["global_id"] = [f"{n:08d}-0000-4000-8000-000000000000" for n in range(5)]
    remote = sync_city.remote(theirs)
    options = {"city": city, "remote": remote, "layer": mine, "sleep": sync_city.no_pause}
    found = sync.link(target, **options, apply=True)
    assert len(found.pairs) == 3 and found.ambiguous["key"].tolist() == [mine["apn"][0]]
    made = sync.prepare(target, **options)
    assert not made.adds, "a third feature with the same parcel number"
