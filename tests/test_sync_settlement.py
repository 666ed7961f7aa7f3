"""Whatever lay on three sides: after a run the plan is empty, and nobody else's work was touched (property tests)."""

import shutil
import uuid

import fake_remote
import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
import sync_city
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citygis import sync

FRAME = sync_city.parcels(6)
SITUS = st.sampled_from(["1 FIRST ST", "2 SECOND ST", None])
FEATURE = st.one_of(st.none(), st.tuples(SITUS, st.sampled_from([0.0, 3.5])))
"""Not there; or its address, and how far it lies off."""
TRIPLES = st.lists(st.tuples(FEATURE, FEATURE, FEATURE), min_size=len(FRAME), max_size=len(FRAME))


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return sync_city.make(tmp_path_factory.mktemp("city"), batch=3)


def side(states):
    frame = FRAME[[each is not None for each in states]].copy()
    told = [each for each in states if each is not None]
    frame["situs_text"] = pd.Series([each[0] for each in told], index=frame.index, dtype="str")
    moved = [
        shapely.box(*(shape.bounds + np.array([0, 1, 0, 1]) * each[1])) for shape, each in zip(frame.geometry, told, strict=True)
    ]
    return frame.set_geometry(gpd.GeoSeries(moved, index=frame.index, crs=frame.crs))


@given(TRIPLES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_apply_there_is_nothing_to_send_and_conflicts_stand_untouched(office, triples):
    city, target = office
    shutil.rmtree(target.folder, ignore_errors=True)
    base, theirs, mine = (side([each[at] for each in triples]) for at in range(3))
    layer = sync_city.remote(base)
    sync.verify(target, city=city, remote=layer, layer=base)
    held, wanted = set(base["global_id"]), sync_city.remote(theirs)
    for key in held - wanted.rows.keys():
        layer.drop(key)
    for key, row in wanted.rows.items():
        layer.put(row["attributes"], row["geometry"], global_id=key)
    before = sync_city.snapshot(layer)
    plan = sync.prepare(target, city=city, remote=layer, layer=mine, allow_deletes=len(FRAME))
    if plan.stops:
        assert {each.code for each in plan.stops} <= {"Y16", "Y17", "Y24"}
        return
    run = sync.apply(plan, target, city=city, remote=layer, layer=mine)
    again = sync.prepare(target, city=city, remote=layer, layer=mine, allow_deletes=len(FRAME))
    assert again.is_empty and not run.refused and not run.ambiguous and not run.newer
    left = {each.global_id for each in plan.conflicts}
    assert {each.global_id for each in again.conflicts} == left
    for key in left:
        assert layer.rows.get(key) == before.get(key)
    says, meant = sync_city.content(layer), sync_city.meant(mine)
    assert {key: says[key] for key in says.keys() - left} == {key: meant[key] for key in meant.keys() - left}


def test_a_first_load_is_all_adds_and_then_in_step(tmp_path):
    city, target = sync_city.make(tmp_path)
    layer = fake_remote.FakeRemote()
    plan = sync.prepare(target, city=city, remote=layer, layer=FRAME)
    assert len(plan.adds) == len(FRAME) and plan.is_clean
    assert sync.apply(plan, target, city=city, remote=layer, layer=FRAME).is_clean
    assert sync.prepare(target, city=city, remote=layer, layer=FRAME).is_empty
    assert all(uuid.UUID(key) for key in layer.rows)
