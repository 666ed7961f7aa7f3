"""A run taken back: as it was before, unless somebody has been there since."""

import dataclasses

import fake_remote
import pytest
import sync_city

from citygis import sync
from citygis.errors import SyncError


@pytest.fixture
def sent(tmp_path):
    """A run of 4 adds, 5 updates and 3 deletes that was proven."""
    city, target = sync_city.make(tmp_path, batch=4)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before)
    for key in list(layer.rows):
        layer.put({"REMARK": f"note on {key[:4]}"}, global_id=key)
    held = sync_city.snapshot(layer)
    sync.verify(target, city=city, remote=layer, layer=before)
    after = sync_city.edited(before)
    plan = sync.prepare(target, city=city, remote=layer, layer=after)
    run = sync.apply(plan, target, city=city, remote=layer, layer=after)
    assert run.is_clean
    return city, target, after, layer, plan, run, held


def reverted(sent):
    city, target, _after, layer, _plan, run, _held = sent
    return sync.revert(run.run_id, target, city=city, remote=layer)


def without_object_ids(rows):
    """Rows by global id; a feature that was put back has a new object id, as it would there."""
    return {
        key: ({name: value for name, value in row["attributes"].items() if name != "OBJECTID"}, row["geometry"]["rings"])
        for key, row in rows.items()
    }


def test_the_layer_is_as_before_fields_that_nobody_maps_included(sent):
    city, target, after, layer, _plan, run, held = sent
    back = reverted(sent)
    assert (len(back.adds), len(back.updates), len(back.deletes)) == (3, 5, 4) and back.reverts == run.run_id and back.is_clean
    assert sync.apply(back, target, city=city, remote=layer, layer=after).is_clean
    assert without_object_ids(layer.rows) == without_object_ids(held)


def test_a_saved_revert_is_a_plan_like_any_other(sent, tmp_path):
    city, target, after, layer, _plan, _run, held = sent
    sync.save_plan(reverted(sent), tmp_path / "back.json")
    assert sync.apply(sync.read_plan(tmp_path / "back.json"), target, city=city, remote=layer, layer=after).is_clean
    assert without_object_ids(layer.rows) == without_object_ids(held)


def test_what_was_taken_back_is_not_sent_again_by_the_next_plan(sent):
    city, target, after, layer, _plan, _run, _held = sent
    sync.apply(reverted(sent), target, city=city, remote=layer, layer=after)
    again = sync.prepare(target, city=city, remote=layer, layer=after)
    assert again.is_empty and len(again.conflicts) == 12


def test_a_revert_can_be_taken_back(sent):
    city, target, after, layer, _plan, _run, _held = sent
    undone = sync.apply(reverted(sent), target, city=city, remote=layer, layer=after)
    redo = sync.revert(undone.run_id, target, city=city, remote=layer)
    assert sync.apply(redo, target, city=city, remote=layer, layer=after).is_clean
    assert sync_city.content(layer) == sync_city.meant(after)


def test_a_feature_that_somebody_edited_since_is_left(sent):
    city, target, after, layer, plan, _run, _held = sent
    updated = next(each.global_id for each in plan.updates if "SITUS" in each.changed)
    added, deleted = plan.adds[0].global_id, plan.deletes[0].global_id
    layer.put({"SITUS": "9 THIRD PARTY LN"}, global_id=updated)
    layer.put({"ROLL_YEAR": 1999}, global_id=added)
    layer.put({"APN": "1"}, sync_city.esri(after.geometry[0]), global_id=deleted)
    back = reverted(sent)
    assert {each.global_id for each in back.conflicts} == {updated, added, deleted}
    run = sync.apply(back, target, city=city, remote=layer, layer=after)
    assert len(run.done) == 9 and layer.values("SITUS")[updated] == "9 THIRD PARTY LN" and added in layer.rows


def test_an_edit_of_another_field_does_not_stand_in_the_way_and_stays(sent):
    city, target, after, layer, plan, _run, _held = sent
    updated = next(each.global_id for each in plan.updates if "SITUS" in each.changed)
    layer.put({"REMARK": "written since"}, global_id=updated)
    sync.apply(reverted(sent), target, city=city, remote=layer, layer=after)
    assert layer.values("REMARK")[updated] == "written since" and layer.values("SITUS")[updated].endswith("FIRST ST")


def test_a_plan_that_only_says_it_reverts_brings_nothing_in(sent):
    city, target, after, layer, plan, _run, _held = sent
    before = sync_city.snapshot(layer)
    forged = dataclasses.replace(reverted(sent), adds=(), updates=(), deletes=())
    for change in (
        {"adds": (plan.adds[0]._replace(attributes={"REMARK": "A PERSON"}),)},
        {"updates": (plan.updates[0]._replace(changed={"REMARK": sync.Was(None, "A PERSON")}),)},
        {"deletes": (sync.Delete(after["global_id"][6], {}, "0" * 32),)},
    ):
        with pytest.raises(SyncError, match="journal does not") as told:
            sync.apply(dataclasses.replace(forged, **change), target, city=city, remote=layer, layer=after)
        assert "A PERSON" not in str(told.value)
    assert layer.rows == before


def test_a_run_that_was_cut_off_is_taken_back_as_far_as_it_came(tmp_path):
    city, target = sync_city.make(tmp_path, batch=4)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before)
    held = sync_city.snapshot(layer)
    sync.verify(target, city=city, remote=layer, layer=before)
    after = sync_city.edited(before)
    plan = sync.prepare(target, city=city, remote=layer, layer=after)
    layer.crash_at = {2}
    with pytest.raises(fake_remote.Crashed):
        sync.apply(plan, target, city=city, remote=layer, layer=after)
    back = sync.revert(sync.runs(target.folder)[0].run_id, target, city=city, remote=layer)
    assert (len(back.adds), len(back.updates), len(back.deletes)) == (0, 4, 4)
    layer.crash_at = set()
    sync.apply(back, target, city=city, remote=layer, layer=after)
    assert without_object_ids(layer.rows) == without_object_ids(held)


def test_there_is_no_taking_back_of_what_never_was(sent):
    city, target, _after, layer, _plan, run, _held = sent
    with pytest.raises(SyncError, match="No run"):
        sync.revert("nothing", target, city=city, remote=layer)
    layer.url = "https://gis.riverbend.example/other/FeatureServer/0"
    with pytest.raises(SyncError, match="wrote to"):
        sync.revert(run.run_id, target, city=city, remote=layer)


def test_a_run_whose_batches_were_halved_is_taken_back_once(tmp_path):
    city, target = sync_city.make(tmp_path, batch=4)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before, faults=[fake_remote.Fault("applyEdits", "413", "before", nth) for nth in (1, 4, 7)])
    held = sync_city.snapshot(layer)
    sync.verify(target, city=city, remote=layer, layer=before)
    after = sync_city.edited(before)
    run = sync.apply(sync.prepare(target, city=city, remote=layer, layer=after), target, city=city, remote=layer, layer=after)
    assert run.is_clean
    sync.save_plan(sync.revert(run.run_id, target, city=city, remote=layer), tmp_path / "back.json")
    assert sync.apply(sync.read_plan(tmp_path / "back.json"), target, city=city, remote=layer, layer=after).is_clean
    assert without_object_ids(layer.rows) == without_object_ids(held)


def test_what_the_public_must_not_see_is_not_put_back_and_the_rest_is(tmp_path):
    city, target = sync_city.make(tmp_path)
    before = sync_city.parcels(14)
    layer = sync_city.remote(before)
    layer.layer["fields"].append({"name": "OWNER", "type": "esriFieldTypeString", "length": 40, "nullable": True, "editable": True})
    layer.put({"OWNER": "A PERSON"}, global_id=before["global_id"][5])
    sync.verify(target, city=city, remote=layer, layer=before)
    after = sync_city.edited(before)
    run = sync.apply(sync.prepare(target, city=city, remote=layer, layer=after), target, city=city, remote=layer, layer=after)
    back = sync.revert(run.run_id, target, city=city, remote=layer)
    assert [each.global_id for each in back.conflicts] == [before["global_id"][5]] and "OWNER" in back.conflicts[0].message
    assert "A PERSON" not in repr(back)
    assert len(sync.apply(back, target, city=city, remote=layer, layer=after).done) == 2 + 5 + 4


def test_measures_come_back_with_what_is_taken_back(tmp_path):
    city, target = sync_city.make(tmp_path)
    target = target.model_copy(update={"lose_measures": True})
    before = sync_city.parcels(14)
    layer = sync_city.remote(before, definition=fake_remote.parcels_definition(hasM=True))
    for number, row in enumerate(layer.rows.values()):
        row["geometry"]["hasM"] = True
        row["geometry"]["rings"] = [
            [[*point, None if number % 2 else 5.5 * at] for at, point in enumerate(row["geometry"]["rings"][0])]
        ]
    held = sync_city.snapshot(layer)
    after = sync_city.edited(before)
    options = {"city": city, "remote": layer, "sleep": sync_city.no_pause}
    assert sync.verify(target, layer=before, **options).is_clean
    run = sync.apply(sync.prepare(target, layer=after, **options), target, layer=after, **options)
    moved = after["global_id"][3]
    assert run.is_clean and len(layer.rows[moved]["geometry"]["rings"][0][0]) == 2, "the target lets measures go"
    back = sync.read_plan(sync.save_plan(sync.revert(run.run_id, target, **options), tmp_path / "back.json"))
    assert sync.apply(back, target, layer=after, **options).is_clean
    assert without_object_ids(layer.rows) == without_object_ids(held)


def test_true_curves_that_a_run_took_away_are_told_and_the_rest_is_put_back(tmp_path):
    city, target = sync_city.make(tmp_path)
    target = target.model_copy(update={"overwrite_curves": True})
    before = sync_city.parcels(14)
    layer = sync_city.remote(before)
    drawn_over, deleted = before["global_id"][3], before["global_id"][5]
    for key in (drawn_over, deleted):
        (ring,) = layer.rows[key]["geometry"].pop("rings")
        middle = [(ring[0][0] + ring[1][0]) / 2 + 0.01, (ring[0][1] + ring[1][1]) / 2 + 0.01]
        layer.rows[key]["geometry"]["curveRings"] = [[ring[0], {"c": [ring[1], middle]}, *ring[2:]]]
    after = sync_city.edited(before)
    options = {"city": city, "remote": layer, "sleep": sync_city.no_pause}
    assert sync.verify(target, layer=before, **options).is_clean
    run = sync.apply(sync.prepare(target, layer=after, **options), target, layer=after, **options)
    assert run.is_clean
    back = sync.revert(run.run_id, target, **options)
    assert {each.global_id for each in back.conflicts} == {drawn_over, deleted}
    assert all("true curves" in each.message and "journal" in each.message for each in back.conflicts)
    back = sync.read_plan(sync.save_plan(back, tmp_path / "back.json"))
    assert len(sync.apply(back, target, layer=after, **options).done) == 12 - 2
