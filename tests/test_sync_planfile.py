"""Plans as files: what was saved comes back, and nothing else does."""

import contextlib
import copy
import dataclasses
import hashlib
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sync_frames import changed, definition, key, lots

from citygis.errors import StoreError, SyncError
from citygis.sync.codes import refused, stopped
from citygis.sync.model import Plan
from citygis.sync.planfile import fingerprint, read_plan, save_plan
from citygis.sync.planning import plan

BASE = lots(30)
THERE = changed(changed(BASE, 5, USE="Ü"), 6, YEAR=2000)
LOCAL = changed(changed(lots(32).drop(index=[9]), 1, USE=None, AREA=1 / 3), 2, geometry=BASE.geometry.iloc[2].buffer(3))
PLAN = plan(
    LOCAL,
    THERE,
    BASE,
    definition=definition(),
    target=None,
    url="https://example.com/FeatureServer/0",
    layer="parcel",
    made_at="2026-11-22T00:00:00+00:00",
)
FULL = dataclasses.replace(
    PLAN,
    refusals=(refused("", "Y13", None, "Row 1"), refused(key(99), "Y01", "APN", "long")),
    stops=(stopped("Y15", "many", number=50),),
    allow_deletes=3,
    reverts="r1",
)


@pytest.mark.parametrize("which", [Plan(), PLAN, FULL])
def test_a_plan_comes_back_as_it_was_saved(tmp_path, which):
    path = save_plan(which, tmp_path / "plan.json")
    assert read_plan(path) == which
    assert fingerprint(read_plan(path)) == fingerprint(which)


def test_the_sample_holds_every_kind_of_row():
    assert all((PLAN.adds, PLAN.updates, PLAN.deletes, PLAN.conflicts)) and any(each.geometry for each in PLAN.updates)


def test_a_plan_is_not_written_over_another_unless_told(tmp_path):
    save_plan(PLAN, tmp_path / "plan.json")
    with pytest.raises(StoreError, match="--overwrite"):
        save_plan(FULL, tmp_path / "plan.json")
    assert read_plan(save_plan(FULL, tmp_path / "plan.json", overwrite=True)) == FULL


def test_the_fingerprint_is_of_what_would_be_done_and_not_of_when():
    assert fingerprint(PLAN) == fingerprint(dataclasses.replace(PLAN, made_at="2027-01-01T00:00:00+00:00"))
    for change in (
        {"url": "https://example.org/FeatureServer/0"},
        {"adds": PLAN.adds[:1]},
        {"allow_deletes": 1},
        {"stops": FULL.stops},
    ):
        assert fingerprint(PLAN) != fingerprint(dataclasses.replace(PLAN, **change))


def _as_saved(what):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        return json.loads(save_plan(what, Path(folder) / "p.json").read_text(encoding="utf-8"))


SAVED = _as_saved(FULL)


def broken(path, **changes):
    path.write_text(json.dumps(copy.deepcopy(SAVED) | changes), encoding="utf-8")
    with pytest.raises(SyncError, match="plan") as told:
        read_plan(path)
    assert len(str(told.value)) < 600
    return str(told.value)


def test_a_plan_that_was_edited_by_hand_is_not_taken(tmp_path):
    adds = copy.deepcopy(SAVED["adds"])
    adds[0]["attributes"]["USE"] = "COM"
    for change in ({"adds": adds}, {"counts": {**SAVED["counts"], "base": 10**6}}, {"made_at": "2026-01-01T00:00:00+00:00"}):
        said = broken(tmp_path / "p.json", **change)
        assert "this plan was changed after it was made" in said and "citygis sync plan" in said


def test_a_plan_says_the_sha256_of_all_else_in_it():
    """By hand: the JSON without spaces, keys in their order, letters beyond ASCII escaped."""
    said = {name: value for name, value in SAVED.items() if name != "sha256"}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    assert SAVED["sha256"] == hashlib.sha256(text.encode("ascii")).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        {"version": 1}, {"version": None}, {"extra": 1}, {"adds": {}}, {"adds": [1]}, {"adds": None}, {"counts": {"local": -1}},
        {"counts": {"local": True}}, {"made_at": 5}, {"url": "x" * (1 << 21)}, {"allow_deletes": 1.5},
        {"spatial_reference": {"wkid": "1"}},
        {"stops": [{"code": "Y99", "message": "", "remedy": "", "number": None}]},
        {"deletes": [{"global_id": "../etc", "attributes": {}, "remote_hash": "0" * 32}]},
        {"deletes": [{"global_id": key(1), "attributes": {}, "remote_hash": "x"}]},
        {"deletes": [{"global_id": key(1), "attributes": {"A": [1]}, "remote_hash": "0" * 32}]},
        {"deletes": [{"global_id": key(1), "attributes": {"A": True}, "remote_hash": "0" * 32}]},
        {"deletes": [{"global_id": key(1), "attributes": {"A": 2**64}, "remote_hash": "0" * 32}]},
        {"deletes": [{"global_id": key(1), "attributes": {}, "remote_hash": "0" * 32}] * 2},
        {"adds": [{"global_id": key(1), "attributes": {}, "geometry": {"curveRings": []}}]},
        {"adds": [{"global_id": key(1), "attributes": {}, "geometry": {"rings": [[[0]]]}}]},
        {"adds": [{"global_id": key(1), "attributes": {}, "geometry": {"rings": [[["0", 1]]]}}]},
        {"conflicts": [{"global_id": key(1), "kind": "other", "fields": {}, "message": ""}]},
    ],
)  # fmt: skip
def test_a_file_that_says_anything_else_is_refused(tmp_path, change):
    broken(tmp_path / "p.json", **change)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", "\ufeff{}", '{"version": 1, "version": 1}', "[" * 100_000, '{"version": NaN}', "\x00", '"plan"'],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path, text):
    (tmp_path / "p.json").write_text(text, encoding="utf-8")
    with pytest.raises(SyncError, match=r"p\.json"):
        read_plan(tmp_path / "p.json")


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(SyncError, match="cannot be read"):
        read_plan(tmp_path / "none.json")


def test_numbers_that_json_has_not_are_refused(tmp_path):
    path = save_plan(PLAN, tmp_path / "p.json")
    for number in ("NaN", "Infinity", "1e999"):
        path.write_text(path.read_text(encoding="utf-8").replace("0.3333333333333333", number), encoding="utf-8")
        with pytest.raises(SyncError):
            read_plan(path)
        path = save_plan(PLAN, path, overwrite=True)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = (
    SCALARS
    | st.lists(SCALARS, max_size=3)
    | st.dictionaries(st.text(max_size=5), SCALARS | st.lists(SCALARS, max_size=2), max_size=3)
)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(JSON, st.randoms(use_true_random=False))
def test_any_part_replaced_by_anything_is_refused_or_harmless(tmp_path, value, chance):
    made = copy.deepcopy(SAVED)
    place, key_ = made, chance.choice(list(made))
    while isinstance(place[key_], dict | list) and place[key_] and chance.random() < 0.75:
        place = place[key_]
        key_ = chance.choice(list(place)) if isinstance(place, dict) else chance.randrange(len(place))
    place[key_] = value
    path = tmp_path / "p.json"
    path.write_text(json.dumps(made), encoding="utf-8")
    with contextlib.suppress(SyncError):
        assert read_plan(path) == FULL
