"""The base: what the last verified sync left there, kept whole."""

import datetime

import pandas as pd
import pytest
import shapely
from sync_frames import changed, definition, lots

from citygis.errors import SyncError
from citygis.sync.base import base_facts, read_base, write_base
from citygis.sync.planning import plan
from citygis.sync.target import Target

LAYER = definition(
    fields=[("APN", "String"), ("USE", "String"), ("YEAR", "Integer"), ("AREA", "Double"), ("W", "Date"), ("O", "DateOnly")]
)

NAMES = ("APN", "USE", "YEAR", "AREA", "W", "O")


@pytest.fixture
def target(tmp_path):
    made = Target(
        layer="parcel",
        url="https://example.com/FeatureServer/0",
        fields=dict.fromkeys(NAMES, "apn"),
    )
    made._path = tmp_path / "parcels.toml"
    return made


def there():
    frame = changed(lots(4, USE=["SFR", None, "", "Ü"]), 2, YEAR=pd.NA, geometry=None)
    moments = pd.to_datetime([0, 1_704_110_400_123, None, -1], unit="ms", utc=True).astype("datetime64[ms, UTC]")
    return frame.assign(W=moments, O=[datetime.date(1899, 12, 31), None, None, datetime.date(2024, 2, 29)])


def test_before_the_first_sync_there_is_no_base(target):
    assert read_base(target) is None and base_facts(target) is None


def test_a_base_comes_back_as_the_layer_it_was_made_of(target):
    frame = there()
    write_base(target, frame, fingerprint="f" * 64, at="2026-11-22T00:00:00+00:00")
    base = read_base(target)
    assert plan(frame, frame, base, definition=LAYER, target=target, made_at="").counts["unchanged"] == 4
    elsewhere = changed(frame, 3, USE="x")
    assert [each.kind for each in plan(frame, elsewhere, base, definition=LAYER).conflicts] == ["remote_edited"]
    assert base.crs.to_epsg() == 2227 and base_facts(target)[::3] == ("f" * 64, 4)


def test_columns_that_are_not_mapped_are_not_kept(target):
    write_base(target, there().assign(OWNER="Anna Example", OBJECTID=range(4)))
    assert set(read_base(target).columns) == {"APN", "USE", "YEAR", "AREA", "W", "O", "global_id", "geometry"}
    assert b"Anna" not in (target.folder / "base.parquet").read_bytes()


def test_an_empty_layer_and_a_table_have_bases_too(target):
    write_base(target, there().iloc[:0])
    assert len(read_base(target)) == 0
    write_base(target, pd.DataFrame(there().drop(columns="geometry")))
    assert "geometry" not in read_base(target).columns


def test_the_base_of_another_layer_is_not_taken(target):
    write_base(target, there())
    moved = target.model_copy(update={"url": "https://example.com/FeatureServer/1"})
    moved._path = target.path
    with pytest.raises(SyncError, match="FeatureServer/1"):
        read_base(moved)


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"not a base"])
def test_a_damaged_base_is_told_and_not_taken_for_none(target, damage):
    write_base(target, there())
    (target.folder / "base.parquet").write_bytes(damage)
    with pytest.raises(SyncError, match="cannot be used"):
        read_base(target)


def test_a_base_needs_a_key_for_each_feature_and_the_former_stands(target):
    write_base(target, there())
    for bad in (changed(there(), 0, global_id=None), pd.concat([there(), there()])):
        with pytest.raises(SyncError, match="key of their own"):
            write_base(target, bad)
    assert len(read_base(target)) == 4


def test_the_same_base_is_the_same_bytes(target):
    write_base(target, there(), at="x")
    first = (target.folder / "base.parquet").read_bytes()
    write_base(target, there().iloc[::-1], at="x")
    assert (target.folder / "base.parquet").read_bytes() == first


def test_geometry_is_kept_to_the_last_digit(target):
    frame = changed(there(), 0, geometry=shapely.box(6_300_000.1234567, 2_100_000, 6_300_050, 2_100_050))
    write_base(target, frame)
    assert read_base(target).geometry.iloc[0].equals_exact(frame.geometry.iloc[0], 0)


def test_outlines_that_stand_there_still_are_shared_and_the_others_are_the_base_s_own(target):
    frame = there()
    write_base(target, frame)
    moved = shapely.box(6_300_000, 2_100_000, 6_300_049, 2_100_050)
    remote = changed(frame, 0, geometry=moved).iloc[[3, 0, 2]].reset_index(drop=True)
    alone, beside = read_base(target), read_base(target, beside=remote)
    pd.testing.assert_frame_equal(beside, alone)
    assert beside.geometry.to_wkb().equals(alone.geometry.to_wkb()) and beside.crs == alone.crs
    assert beside.geometry.array[3] is remote.geometry.array[0]
    assert beside.geometry.array[0].equals_exact(frame.geometry.array[0], 0)
