"""The first link-up: one to one by natural key, nothing guessed; and the draft of a target."""

import tomllib

import fake_remote
import pytest
import sync_city

from citygis import sync
from citygis.errors import SyncError
from citygis.readers.service.definition import layer_definition
from citygis.sync.linking import drafted_target
from citygis.sync.target import read_target


@pytest.fixture
def two(tmp_path):
    """A City and a remote layer of the same ten parcels under other ids, spelt as the county does; the parcels' remote ids."""
    city, target = sync_city.make(tmp_path)
    mine = sync_city.parcels(10)
    theirs = mine.assign(global_id=[f"00000000-0000-4000-8000-{n:012d}" for n in range(10)], apn=mine["apn_display"])
    theirs["situs_text"] = "AS THEY HAVE IT"
    return city, target, mine, sync_city.remote(theirs), theirs


def test_features_are_matched_in_the_citys_spelling_and_nothing_is_written_without_apply(two):
    city, target, mine, layer, theirs = two
    found = sync.link(target, city=city, remote=layer, layer=mine)
    assert dict(zip(found.pairs["local"], found.pairs["remote"], strict=True)) == dict(
        zip(mine["global_id"], theirs["global_id"], strict=True)
    )
    assert found.is_clean and not found.is_written and sync.read_base(target) is None and layer.edits == []


def test_once_linked_the_city_updates_their_features_under_their_ids(two):
    city, target, mine, layer, theirs = two
    sync.link(target, city=city, remote=layer, layer=mine, apply=True)
    plan = sync.prepare(target, city=city, remote=layer, layer=mine)
    assert len(plan.updates) == 10 and plan.is_clean and not plan.adds and not plan.deletes
    assert sync.apply(plan, target, city=city, remote=layer, layer=mine).is_clean
    assert set(layer.rows) == set(theirs["global_id"]) and set(layer.values("SITUS").values()) == set(mine["situs_text"])
    again = sync.link(target, city=city, remote=layer, layer=mine)
    assert again.same == 10 and len(again.pairs) == 0 and again.is_clean


def test_repeated_missing_and_unknown_numbers_are_listed_and_not_linked(two):
    city, target, mine, layer, theirs = two
    ids = list(theirs["global_id"])
    layer.put({"APN": mine["apn"][1]}, global_id=ids[0])  # two of theirs have the number of mine 1, none that of mine 0
    layer.put({"APN": None}, global_id=ids[5])
    layer.put({"APN": "no number"}, global_id=ids[6])
    found = sync.link(target, city=city, remote=layer, layer=mine.drop(index=9))
    assert found.ambiguous.to_dict("records") == [{"key": mine["apn"][1], "local": 1, "remote": 2}]
    assert set(found.only_here["global_id"]) == set(mine["global_id"][[0, 5, 6]])
    assert set(found.only_there["global_id"]) == {ids[5], ids[6], ids[9]}
    assert len(found.pairs) == 10 - 5 and not found.is_clean


def test_features_that_nobody_linked_are_neither_deleted_nor_overwritten(two):
    city, target, mine, layer, theirs = two
    mine = mine.iloc[:8]
    sync.link(target, city=city, remote=layer, layer=mine, apply=True)
    plan = sync.prepare(target, city=city, remote=layer, layer=mine)
    assert {each.global_id for each in plan.conflicts} == set(theirs["global_id"][8:]) and not plan.deletes


def test_a_target_without_a_key_is_told_to_name_one(tmp_path):
    city, target = sync_city.make(tmp_path, text=sync_city.TARGET.format(batch=200).replace('natural_key = ["apn"]', ""))
    with pytest.raises(SyncError, match="natural_key"):
        sync.link(target, city=city, remote=fake_remote.FakeRemote(), layer=sync_city.parcels(1))


def drafted(city, fields):
    base = fake_remote.parcels_definition()
    said = {"type": "esriFieldTypeString", "length": 40, "nullable": True, "editable": True}
    definition = layer_definition({**base, "fields": [*base["fields"], *({"name": name, **said} for name in fields)]}, where="x")
    return drafted_target("https://gis.riverbend.example/FeatureServer/0", "parcel", definition, city)


def test_a_draft_matches_by_names_and_aliases_and_can_be_read_as_a_target(tmp_path):
    city, _ = sync_city.make(tmp_path)
    text = drafted(city, ["USE_CD"])
    (tmp_path / "sync" / "drafted.toml").write_text(text)
    target = read_target("drafted", city)
    assert target.fields["APN"] == "apn" and target.fields["SITUS"] == "situs_text" and target.fields["USE_CD"] == "use_code"
    assert target.natural_key == ("apn",) and target.audience == "public"


def test_a_remote_field_named_like_the_key_itself_is_left_out_of_a_draft(tmp_path):
    city, _ = sync_city.make(tmp_path)
    assert "global_id" not in tomllib.loads(drafted(city, ["global_id"]))["fields"]


def test_a_draft_keeps_from_the_public_what_is_not_for_it(tmp_path):
    city, _ = sync_city.make(tmp_path)
    text = drafted(city, ["LEGAL_DESC", "OWNER_NAME", 'A "quoted" field\n[where]'])
    fields = tomllib.loads(text)["fields"]
    assert "LEGAL_DESC" not in fields and "OWNER_NAME" not in fields and "where" not in tomllib.loads(text)
    assert '# not for the public: "LEGAL_DESC" = "legal_text"' in text
