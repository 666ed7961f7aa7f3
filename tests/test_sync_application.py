"""Applying a plan: what is checked before, what is left alone, what the next plan then knows."""

import dataclasses
import json
import signal
import threading

import fake_remote
import pytest
import sync_city

from citygis import sync
from citygis.errors import ReadError, SyncError
from citygis.readers.service.faults import ServiceFault


@pytest.fixture
def day(tmp_path):
    """A City in step with its remote layer, and a day's edits."""
    city, target = sync_city.make(tmp_path, batch=4)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before)
    assert sync.verify(target, city=city, remote=layer, layer=before).is_clean
    return city, target, before, sync_city.edited(before), layer


def planned(day, **options):
    city, target, _before, after, layer = day
    return sync.prepare(target, city=city, remote=layer, layer=after, **options)


def applied(day, plan, **options):
    city, target, _before, after, layer = day
    return sync.apply(plan, target, city=city, remote=layer, layer=after, sleep=sync_city.no_pause, **options)


def events(day):
    return [event["event"] for event in sync.runs(day[1].folder)[-1].events]


def test_after_apply_the_plan_is_empty_and_the_base_is_what_both_sides_say(day):
    run = applied(day, planned(day))
    assert run.is_clean and len(run.done) == 12
    assert planned(day).is_empty and planned(day).is_clean
    assert set(sync.read_base(day[1])["global_id"]) == set(day[3]["global_id"])


def test_adds_go_before_updates_before_deletes_in_batches(day):
    plan = planned(day)
    applied(day, plan)
    in_order = [each.global_id for part in (plan.adds, plan.updates, plan.deletes) for each in part]
    assert [each for ids in day[4].edits for each in ids] == in_order
    assert [len(ids) for ids in day[4].edits] == [4, 4, 4]


def test_a_night_asks_for_the_layers_definition_once_to_plan_and_once_before_it_sends(day):
    layer = day[4]
    asked = []
    for pages in (2000, 5):  # of several pages each reading is dated, the one after the sending anew
        layer.layer["maxRecordCount"] = pages
        before = layer.calls.count("definition")
        plan = planned(day)
        planning = layer.calls.count("definition") - before
        applied(day, plan)
        asked.append((planning, layer.calls.count("definition") - before))
    assert not plan.adds, "the second night had nothing to send"
    assert asked == [(1, 2), (2, 4)]


def test_updates_carry_only_what_changed(day):
    sent = []
    layer = day[4]
    plain = layer.apply_edits
    layer.apply_edits = lambda **body: (sent.append(body), plain(**body))[1]
    applied(day, planned(day))
    updates = [each for body in sent for each in body["updates"]]
    texts = [each for each in updates if "geometry" not in each]
    assert all(set(each["attributes"]) == {"GlobalID", "SITUS"} for each in texts) and len(texts) == 3
    assert all(set(each["attributes"]) == {"GlobalID"} for each in updates if "geometry" in each)


def test_a_field_that_nobody_maps_is_never_touched(day):
    layer = day[4]
    for key in list(layer.rows):
        layer.put({"REMARK": f"note on {key[:4]}"}, global_id=key)
    remarks = layer.values("REMARK")
    assert applied(day, planned(day)).is_clean
    kept = layer.values("REMARK")
    assert all(kept[key] == remarks[key] for key in kept.keys() & remarks.keys())


def test_an_edit_between_plan_and_apply_is_left_alone_and_the_others_go(day):
    layer, plan = day[4], planned(day)
    touched = plan.updates[0].global_id
    layer.put({"SITUS": "9 THIRD PARTY LN"}, global_id=touched)
    gone = plan.deletes[0].global_id
    layer.put({"ROLL_YEAR": 2030}, global_id=gone)
    run = applied(day, plan)
    assert {each.global_id for each in run.conflicts} == {touched, gone}
    assert {each.kind for each in run.conflicts} == {"changed_since_plan"} and not run.is_clean
    assert layer.values("SITUS")[touched] == "9 THIRD PARTY LN" and gone in layer.rows
    assert len(run.done) == 10
    # ... and the next plan still holds it for somebody else's.
    kinds = {each.global_id: each.kind for each in planned(day).conflicts}
    assert kinds == {touched: "both_changed", gone: "both_changed"}


def test_an_edit_between_the_batches_is_seen_too(day):
    layer, plan = day[4], planned(day)
    last = plan.deletes[-1].global_id

    def third_party(remote):
        if len(remote.edits) == 2:
            remote.put({"ROLL_YEAR": 2031}, global_id=last)

    layer.before_edit = third_party
    assert [each.global_id for each in applied(day, plan).conflicts] == [last]
    assert last in layer.rows


def test_an_edit_of_an_untouched_feature_during_the_run_is_not_taken_for_ours(day):
    layer, plan = day[4], planned(day)
    quiet = day[2]["global_id"].iloc[9]
    layer.before_edit = lambda remote: remote.put({"SITUS": "7 ELSEWHERE"}, global_id=quiet)
    run = applied(day, plan)
    assert len(run.done) == 12
    again = planned(day)
    assert [(each.global_id, each.kind) for each in again.conflicts] == [(quiet, "remote_edited")] and again.is_empty


def test_a_feature_that_somebody_added_there_is_never_deleted(day):
    layer = day[4]
    theirs = layer.put({"APN": "99999999", "SITUS": "THEIRS"}, sync_city.esri(day[2].geometry[0].buffer(-20).envelope))
    for _ in range(3):
        run = applied(day, planned(day))
    assert theirs in layer.rows and run.open_in_plan == 1 and not run.is_clean


def test_what_the_server_refuses_is_final_short_and_told(day):
    layer, plan = day[4], planned(day)
    layer.layer["fields"][3]["length"] = 5
    run = applied(day, plan)
    assert len(run.refused) == 2 + 4 and all(each.code == "Y28" and "(1000)" in each.message for each in run.refused)
    assert all("\n" not in each.message and len(each.message) < 260 for each in run.refused)
    assert len(list(layer.edits)) == 3, "a refusal is not tried again"
    assert len(run.done) == 12 - 6


def test_a_login_that_ends_is_renewed_once_and_then_given_up(day):
    layer, plan = day[4], planned(day)
    layer.faults = [fake_remote.Fault("applyEdits", "498", "before", nth) for nth in (1, 2)]
    run = applied(day, plan)
    assert layer.renewed == 1 and "login" in run.stopped and len(layer.edits) == 2


def test_a_login_that_ends_between_batches_is_renewed_each_time(day):
    layer, plan = day[4], planned(day)
    layer.faults = [fake_remote.Fault("applyEdits", "498", "before", nth) for nth in (1, 3)]
    assert applied(day, plan).is_clean and layer.renewed == 2


def test_stops_other_targets_and_foreign_fields_send_nothing(day):
    _city, target, _before, _after, layer = day
    plan = planned(day)
    stop = sync.Stop("Y15", "too many", "look", 12)
    for wrong, said in (
        (dataclasses.replace(plan, stops=(stop,)), "stopped"),
        (dataclasses.replace(plan, target="zoning"), "made for target zoning"),
        (dataclasses.replace(plan, url="https://gis.riverbend.example/FeatureServer/7"), "FeatureServer/7"),
        (dataclasses.replace(plan, adds=(plan.adds[0]._replace(attributes={"OWNER": "A PERSON"}), *plan.adds[1:])), "Y23"),
    ):
        with pytest.raises(SyncError, match=said) as told:
            applied(day, wrong)
        assert "A PERSON" not in str(told.value)
    assert layer.edits == [] and not (target.folder / "lock").exists()


def test_a_layer_that_changed_since_the_plan_sends_nothing(day):
    layer, plan = day[4], planned(day)
    for change in (
        {"fields": [each for each in layer.layer["fields"] if each["name"] != "SITUS"]},
        {"supportsApplyEditsWithGlobalIds": False},
        {"capabilities": "Query,Create,Update,Editing"},
        {"extent": {"spatialReference": {"wkid": 3857, "latestWkid": 3857}}},
    ):
        was, layer.layer = layer.layer, {**layer.layer, **change}
        with pytest.raises(SyncError, match="not the layer any more"):
            applied(day, plan)
        layer.layer = was
    assert layer.edits == []


def test_the_journal_is_written_before_each_request_with_what_was_there(day):
    _city, target, before, _after, layer = day
    plan = planned(day)
    seen = []
    layer.before_edit = lambda remote: seen.append(sync.runs(target.folder)[-1].events[-1])
    applied(day, plan)
    assert [each["event"] for each in seen] == ["sent"] * 3
    old = {each["global_id"]: each["before"] for event in seen for each in (*event["updates"], *event["deletes"])}
    fresh = sync_city.remote(before)
    assert {key: value["attributes"] for key, value in old.items()} == {
        each.global_id: fresh.rows[each.global_id]["attributes"] for each in (*plan.updates, *plan.deletes)
    }
    assert events(day) == ["begin", "sent", "done", "sent", "done", "sent", "done", "verified", "end"]


def test_a_city_that_changed_since_the_plan_is_told_to_plan_again(day):
    city, target, _before, after, layer = day
    plan = planned(day)
    later = after.copy()
    later.loc[6, "situs_text"] = "LATER ST"
    run = sync.apply(plan, target, city=city, remote=layer, layer=later)
    assert run.newer == (later["global_id"][6],) and len(run.done) == 12
    again = sync.prepare(target, city=city, remote=layer, layer=later)
    assert [each.global_id for each in again.updates] == [later["global_id"][6]] and again.is_clean


def test_ctrl_c_ends_after_the_batch_in_flight_and_the_next_plan_goes_on(day):
    layer, plan = day[4], planned(day)
    assert threading.current_thread() is threading.main_thread()
    layer.before_edit = lambda remote: signal.raise_signal(signal.SIGINT) if len(remote.edits) == 2 else None
    said = []
    run = applied(day, plan, told=said.append)
    assert run.stopped == "interrupted" and len(run.done) == 8 and len(layer.edits) == 2
    assert "after the batch in flight" in said[0] and sync.runs(day[1].folder)[-1].state == "stopped"
    layer.before_edit = None
    assert applied(day, planned(day)).is_clean
    assert sync_city.content(layer) == sync_city.meant(day[3])


def test_a_read_that_fails_after_the_edits_says_so_and_verify_proves_them_later(day):
    city, target, _before, after, layer = day
    plan = planned(day)
    layer.faults = [fake_remote.Fault("query", "503", "before", layer.counts["query"] + nth) for nth in range(6, 60)]
    run = applied(day, plan)
    assert not run.is_clean and "could not be proven" in run.stopped
    layer.faults = []
    assert sync.verify(target, city=city, remote=layer, layer=after).is_clean
    after.loc[8, "situs_text"] = "NEXT DAY"
    assert len(planned(day).updates) == 1 and planned(day).is_clean


def test_a_request_stays_below_a_megabyte(tmp_path):
    city, target = sync_city.make(tmp_path)
    frame = sync_city.parcels(30)
    frame["geometry"] = [shape.buffer(5, quad_segs=600) for shape in frame.geometry]
    layer, sizes = fake_remote.FakeRemote(), []
    plain = layer.apply_edits
    layer.apply_edits = lambda **body: (sizes.append(len(json.dumps(body["adds"], separators=(",", ":")))), plain(**body))[1]
    plan = sync.prepare(target, city=city, remote=layer, layer=frame)
    assert sync.apply(plan, target, city=city, remote=layer, layer=frame).is_clean
    assert len(sizes) >= 2 and max(sizes) <= 1_010_000


def test_a_service_that_refuses_all_is_not_asked_once_per_feature(day):
    layer, plan = day[4], planned(day)
    fake_remote.KINDS["no"] = ("refused", 400)
    layer.faults = [fake_remote.Fault("applyEdits", "no", "before", nth) for nth in range(1, 100)]
    run = applied(day, plan)
    assert "refuses every edit" in run.stopped and len(layer.edits) < 12
    assert not run.done


def test_a_layer_that_was_never_linked_is_not_filled_a_second_time(tmp_path):
    city, target = sync_city.make(tmp_path)
    mine = sync_city.parcels(14)
    theirs = mine.assign(global_id=[f"00000000-0000-4000-8000-{n:012d}" for n in range(14)])
    plan = sync.prepare(target, city=city, remote=sync_city.remote(theirs), layer=mine)
    assert [each.code for each in plan.stops] == ["Y24"]


@pytest.mark.parametrize("bad", ["empty", "cut", "metres"])
def test_a_wrong_source_is_stopped_before_anything_is_sent(tmp_path, bad):
    city, target = sync_city.make(tmp_path)
    before = sync_city.parcels(60)
    layer = sync_city.remote(before)
    assert sync.verify(target, city=city, remote=layer, layer=before).is_clean
    wrong = {"empty": before.iloc[:0], "cut": before.iloc[:30], "metres": before}[bad]
    if bad == "metres":
        layer.layer["extent"]["spatialReference"] = {"wkid": 26910, "latestWkid": 26910}
    with pytest.raises(SyncError) if bad != "metres" else pytest.raises(Exception):
        plan = sync.prepare(target, city=city, remote=layer, layer=wrong)
        assert plan.stops
        sync.apply(plan, target, city=city, remote=layer, layer=wrong)
    assert layer.edits == []


def after_each(layer, act):
    """Let somebody else act when an edit of ours was carried out."""
    plain = layer.apply_edits

    def edited(**body):
        reply = plain(**body)
        act(body)
        return reply

    layer.apply_edits = edited


def test_an_edit_of_another_field_of_a_feature_that_we_just_wrote_is_not_taken_for_ours(day):
    layer, plan = day[4], planned(day)
    ours = next(each.global_id for each in plan.updates if "SITUS" in each.changed)
    after_each(layer, lambda body: layer.put({"ROLL_YEAR": 1999}, global_id=ours) if body["deletes"] else None)
    assert len(applied(day, plan).done) == 12
    again = planned(day)
    assert again.is_empty and [(each.global_id, each.kind) for each in again.conflicts] == [(ours, "remote_edited")]


def test_a_layer_that_cannot_be_compared_after_the_run_leaves_the_edits_there_for_others(day):
    _city, target, before, _after, layer = day
    layer.layer["maxRecordCount"] = 5  # of several pages: the definition is asked for after the sending too
    plan, base = planned(day), sync.read_base(target)
    quiet = before["global_id"].iloc[9]

    def repair(_body):
        layer.put({"SITUS": "7 ELSEWHERE"}, global_id=quiet)
        layer.layer["supportsApplyEditsWithGlobalIds"] = False

    after_each(layer, lambda body: repair(body) if body["deletes"] else None)
    run = applied(day, plan)
    assert not run.is_clean and "Y19" in run.stopped and sync.read_base(target).equals(base)


def test_a_field_that_goes_during_the_run_ends_it_in_good_order(day):
    layer, plan = day[4], planned(day)
    fields = [each for each in layer.layer["fields"] if each["name"] != "AREA_SQFT"]
    after_each(layer, lambda body: layer.layer.update(fields=fields) if body["deletes"] else None)
    assert "could not be proven" in applied(day, plan).stopped and events(day)[-1] == "end"


def test_a_portal_that_does_not_answer_when_a_login_ends_stops_the_run_in_good_order(day):
    layer, plan = day[4], planned(day)
    layer.faults = [fake_remote.Fault("applyEdits", "498", "before", 2)]

    def renew():
        raise ServiceFault("not_sent", "the portal was not reached")

    layer.renew = renew
    run = applied(day, plan)
    assert "did not answer" in run.stopped and len(run.done) == 4 and events(day)[-1] == "end"


def for_staff(day):
    city = day[0]
    path = city.folder / "sync" / "parcels.toml"
    path.write_text(path.read_text().replace('"public"', '"organization"'))
    return sync.read_target("parcels", city)


def test_who_may_see_the_item_is_asked_until_it_is_told_and_again_before_anything_is_sent(day):
    city, _target, _before, after, layer = day
    target, replies = for_staff(day), [ServiceFault("ambiguous", "lost", code=503), "org", "public"]

    def access():
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    layer.access = access
    plan = sync.prepare(target, city=city, remote=layer, layer=after, sleep=sync_city.no_pause)
    with pytest.raises(SyncError, match="Y22"):
        sync.apply(plan, target, city=city, remote=layer, layer=after)
    replies[:] = [ServiceFault("ambiguous", "lost", code=503)] * 6
    with pytest.raises(SyncError, match="did not answer"):
        sync.prepare(target, city=city, remote=layer, layer=after, sleep=sync_city.no_pause)
    assert layer.edits == []


def test_deletions_that_would_take_attachments_with_them_stop_unless_the_target_lets_them(day):
    city, target, _before, after, layer = day
    earlier = planned(day)
    layer.layer["hasAttachments"] = True
    assert [(each.code, each.number) for each in planned(day).stops] == [("Y25", 3)]
    with pytest.raises(SyncError, match="Y25"):
        applied(day, earlier)
    path = city.folder / "sync" / "parcels.toml"
    path.write_text(path.read_text().replace("batch = ", "lose_attachments = true\nbatch = "))
    target = sync.read_target("parcels", city)
    run = sync.apply(earlier, target, city=city, remote=layer, layer=after)
    assert run.is_clean
    assert [each.code for each in sync.revert(run.run_id, day[1], city=city, remote=layer).stops] == ["Y25"]


def test_a_server_that_finds_nothing_by_its_own_global_ids_is_asked_by_object_ids(day):
    layer, plan = day[4], planned(day)
    plain, asked = layer.query, []

    def query(parameters):
        asked.append(parameters)
        reply = plain(parameters)
        return {**reply, "features": []} if "GlobalID IN" in str(parameters.get("where")) else reply

    layer.query = query
    layer.faults = [fake_remote.Fault("applyEdits", "reset", "after", nth) for nth in (1, 2, 3)]
    assert applied(day, plan).is_clean
    assert sync_city.content(layer) == sync_city.meant(day[3]) and any("objectIds" in each for each in asked)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hasZ": True}, "with heights"),
        ({"geometryType": "esriGeometryPolyline"}, "is esriGeometryPolyline"),
        ({"field": "esriFieldTypeDouble"}, "ROLL_YEAR was Integer and is Double"),
    ],
)
def test_a_layer_of_another_form_than_the_plan_was_made_on_sends_nothing(day, change, said):
    plan = planned(day)
    layer = day[4].layer
    if "field" in change:
        next(each for each in layer["fields"] if each["name"] == "ROLL_YEAR")["type"] = change["field"]
    else:
        layer.update(change)
    with pytest.raises(SyncError, match=f"{said}.*Nothing was sent"):
        applied(day, plan)
    assert not day[4].edits and not sync.runs(day[1].folder)


def test_deletions_beyond_what_needs_no_naming_are_counted_again_when_they_are_sent(day):
    plan = planned(day)
    more = tuple(plan.deletes[0]._replace(global_id=f"{n:08d}-0000-4000-8000-000000000000") for n in range(11))
    for allowed in (None, 10):
        for base in (14, 1_000_000):  # of a million, twenty thousand would need no naming
            counts = plan.counts | {"remote": 22, "base": base}
            with pytest.raises(SyncError, match=r"Y15.*11 features would be deleted, of 14 synced before"):
                applied(day, dataclasses.replace(plan, deletes=more, allow_deletes=allowed, counts=counts))
    assert not day[4].edits and not sync.runs(day[1].folder)


def test_deletions_are_a_share_of_what_stands_there_when_they_are_sent(tmp_path):
    city, target = sync_city.make(tmp_path)
    before = sync_city.parcels(700)
    layer = sync_city.remote(before)
    options = {"city": city, "remote": layer, "sleep": sync_city.no_pause}
    sync.verify(target, layer=before, **options)
    after = before.iloc[12:]
    plan = sync.prepare(target, layer=after, **options)
    assert len(plan.deletes) == 12 and not plan.stops, "2 % of 700 are 14"
    for gone in before["global_id"].iloc[100:]:
        layer.drop(gone)
    with pytest.raises(SyncError, match=r"Y15: 12 features would be deleted, of 100 synced before; 10 need no naming"):
        sync.apply(plan, target, layer=after, **options)
    assert not layer.edits


@pytest.mark.parametrize(
    "counts",
    [
        {"unchanged": 0}, {"unchanged": 60}, {"local": 14}, {"local": 16}, {"remote": 15}, {"remote": 13}, {"base": 2},
        {"unchanged": None}, {"local": None}, {"remote": None}, {"base": None},
    ],
)  # fmt: skip
def test_a_plan_that_counts_otherwise_than_it_lists_is_not_applied(day, counts):
    plan = planned(day)
    assert plan.counts == {"local": 15, "remote": 14, "base": 14, "unchanged": 6}
    wrong = {name: value for name, value in (plan.counts | counts).items() if value is not None}
    with pytest.raises(SyncError, match=r"does not agree. It was changed after it was made. Plan again. Nothing was sent."):
        applied(day, dataclasses.replace(plan, counts=wrong))
    assert not day[4].edits


def test_a_layer_without_global_ids_stops_a_plan_and_ends_a_run_in_words(day):
    layer, plan = day[4], planned(day)
    lost = {"globalIdField": None, "fields": [each for each in layer.layer["fields"] if each["name"] != "GlobalID"]}

    def lose(body):
        if body["deletes"]:
            layer.layer.update(lost)

    layer.layer["maxRecordCount"] = 5
    after_each(layer, lose)
    run = applied(day, plan)
    assert "Y19" in run.stopped and "sync verify" in run.stopped
    stops = planned(day).stops
    assert [each.code for each in stops] == ["Y19"] and "has no GlobalID field" in stops[0].message


def test_heights_that_a_layer_does_not_keep_are_told(day):
    city, target, before, _after, layer = day
    said = []
    raised = before.set_geometry(before.geometry.force_3d(5.0))
    plan = sync.prepare(target, city=city, remote=layer, layer=raised, told=said.append)
    assert plan.is_empty and [each for each in said if each.startswith("14 features have heights, which Parcels does not keep")]


@pytest.mark.parametrize("kind", ["String", "Integer"])
def test_a_field_of_the_layer_called_like_our_key_is_left_alone(day, kind):
    """A layer that was filled from a City's GeoPackage has a ``global_id`` of its own beside the service's GlobalID."""
    city, target, _before, after, layer = day
    layer.layer["fields"].append({"name": "global_id", "type": f"esriFieldType{kind}", "nullable": True, "editable": True})
    for number, row in enumerate(layer.rows.values()):
        row["attributes"]["global_id"] = number if kind == "Integer" else f"old {number}"
    wide = target.model_copy(update={"batch": 200})
    layer.faults = [fake_remote.Fault("applyEdits", "reset", "after", 1)]
    plan = planned(day)
    held = sync_city.snapshot(layer)
    options = {"city": city, "remote": layer, "layer": after, "sleep": sync_city.no_pause}
    run = sync.apply(plan, wide, **options)
    assert run.is_clean and len(run.done) == 12 and len(layer.edits) == 1, "what was added is known again after a lost reply"
    assert sync.apply(plan, wide, **options).is_clean and len(layer.edits) == 1
    back = sync.revert(sync.runs(target.folder)[0].run_id, target, city=city, remote=layer)
    assert sync.apply(back, wide, **options).is_clean
    gone = plan.deletes[0].global_id
    assert layer.rows[gone]["attributes"]["global_id"] == held[gone]["attributes"]["global_id"]


def test_a_base_that_cannot_be_used_is_told_before_anything_is_sent(day):
    plan = planned(day)
    (day[1].folder / "base.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(SyncError, match=r"base\.parquet cannot be used"):
        applied(day, plan)
    assert not day[4].edits and not sync.runs(day[1].folder)


def test_an_empty_plan_opens_no_run(day):
    city, target, before, _after, layer = day
    options = {"city": city, "remote": layer, "layer": before, "sleep": sync_city.no_pause}
    run = sync.apply(sync.prepare(target, **options), target, **options)
    assert run.is_clean and run.run_id == "" and not sync.runs(target.folder)


def test_a_run_that_wrote_all_of_a_plan_with_a_conflict_is_told_as_written(day):
    layer = day[4]
    layer.put({"APN": "SOMEBODY'S"}, next(iter(layer.rows.values()))["geometry"])
    run = applied(day, planned(day))
    assert not run.is_clean and len(run.done) == 12
    assert [each.state for each in sync.runs(day[1].folder)] == ["written"]


def test_a_parcel_that_somebody_drew_there_is_not_added_beside_it(day):
    _city, _target, _before, after, layer = day
    new = after.iloc[-1]
    stranger = layer.put({"APN": f" {new['apn']} "}, sync_city.esri(new.geometry))
    plan = planned(day)
    assert len(plan.adds) == 3 and new["global_id"] not in {each.global_id for each in plan.adds}
    refusal = next(each for each in plan.refusals if each.code == "Y26")
    assert refusal.global_id == new["global_id"] and stranger in refusal.message and "sync link" in refusal.remedy
    conflict = next(each for each in plan.conflicts if each.kind == "remote_added")
    assert conflict.fields == {"APN": {"base": None, "local": None, "remote": f" {new['apn']} "}}
    assert len(applied(day, plan).done) == 11


@pytest.mark.parametrize(("field", "value"), [("SITUS", "1 \ud800 ST"), ("AREA_SQFT", json.loads("1e999"))])
def test_a_value_that_cannot_be_read_names_its_field_and_its_feature(day, field, value):
    layer = day[4]
    key = next(iter(layer.rows))
    layer.put({field: value}, global_id=key)
    number = layer.rows[key]["attributes"]["OBJECTID"]
    with pytest.raises(ReadError, match=f"feature OBJECTID {number}: {field} is"):
        planned(day)


def test_a_value_of_a_field_that_is_not_mapped_may_be_whatever_it_is(day):
    layer = day[4]
    for key in list(layer.rows):
        layer.put({"REMARK": "half \ud800"}, global_id=key)
    assert applied(day, planned(day)).is_clean
