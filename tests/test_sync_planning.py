"""The three-way plan: who changed what, and what is sent, skipped or refused."""

import datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sync_frames import applied, changed, definition, key, lots

from citygis.sync.codes import refused
from citygis.sync.planning import plan
from citygis.sync.target import Target

LAYER = definition()
MOMENT = "2026-11-22T00:00:00+00:00"


def made(local, remote, base=None, **options):
    return plan(local, remote, base, **({"definition": LAYER, "made_at": MOMENT} | options))


def moved(frame, row, feet):
    return shapely.transform(frame.geometry.iloc[row], lambda xy: xy + [feet, 0])


def test_a_plan_of_a_layer_against_itself_is_empty():
    frame = lots(20)
    result = made(frame, frame, frame)
    assert result.is_empty and result.is_clean
    assert result.counts == {"local": 20, "remote": 20, "base": 20, "unchanged": 20}


def test_what_both_sides_changed_alike_is_unchanged():
    base = lots(3)
    now = changed(base, 1, USE="MFR")
    assert made(now, now, base).counts["unchanged"] == 3


def test_an_edit_here_is_an_update_of_that_field_alone_with_old_and_new():
    base = lots(3)
    (update,) = made(changed(base, 1, USE="MFR"), base, base).updates
    assert (update.global_id, update.geometry) == (key(1), None)
    assert {name: tuple(was) for name, was in update.changed.items()} == {"USE": ("SFR", "MFR")}


def test_an_outline_moved_here_is_an_update_of_the_geometry_alone():
    base = lots(3)
    (update,) = made(changed(base, 1, geometry=moved(base, 1, 5.0)), base, base).updates
    assert update.changed == {}
    # A ring of Esri's runs clockwise; the lot's west side is 60 ft from the origin.
    assert min(e for e, _ in update.geometry.old["rings"][0]) == 6_300_060.0
    assert min(e for e, _ in update.geometry.new["rings"][0]) == 6_300_065.0
    assert update.geometry.new["spatialReference"] == {"wkid": 102643, "latestWkid": 2227}


def test_an_edit_there_is_a_conflict_and_is_not_overwritten():
    base = lots(3)
    result = made(base, changed(base, 1, USE="MFR"), base)
    (conflict,) = result.conflicts
    assert result.is_empty and conflict.kind == "remote_edited"
    assert conflict.fields == {"USE": {"base": "SFR", "local": "SFR", "remote": "MFR"}}


def test_an_edit_there_is_undone_only_when_the_city_is_said_to_be_right():
    base = lots(3)
    (update,) = made(base, changed(base, 1, USE="MFR"), base, on_conflict="local").updates
    assert tuple(update.changed["USE"]) == ("MFR", "SFR")


def test_edits_on_both_sides_are_a_conflict_with_all_three_values():
    base = lots(3)
    result = made(changed(base, 1, USE="COM"), changed(base, 1, USE="MFR"), base)
    (conflict,) = result.conflicts
    assert conflict.kind == "both_changed"
    assert conflict.fields == {"USE": {"base": "SFR", "local": "COM", "remote": "MFR"}}


def test_edits_of_different_fields_are_a_conflict_that_says_so():
    base = lots(3)
    (conflict,) = made(changed(base, 1, USE="COM"), changed(base, 1, YEAR=2000), base).conflicts
    assert conflict.kind == "both_changed" and "disjoint: here USE, there YEAR" in conflict.message


def test_the_remote_version_may_stand_and_is_told():
    base = lots(3)
    result = made(changed(base, 1, USE="COM"), changed(base, 1, USE="MFR"), base, on_conflict="remote")
    assert result.is_empty and "The version there stands." in result.conflicts[0].message


def test_a_feature_gone_here_is_deleted_where_nobody_edited_it_there():
    base = lots(5)
    (delete,) = made(base.drop(index=2), base, base).deletes
    assert delete.global_id == key(2) and delete.attributes["APN"] == "00000002"


def test_a_feature_gone_here_and_edited_there_is_a_conflict():
    base = lots(5)
    result = made(base.drop(index=2), changed(base, 2, USE="MFR"), base)
    assert result.is_empty
    assert result.conflicts[0].fields == {"USE": {"base": "SFR", "local": None, "remote": "MFR"}}


def test_somebody_elses_feature_is_never_deleted():
    base = lots(5)
    for choice in ("skip", "local", "remote"):
        result = made(base, lots(6), base, on_conflict=choice)
        assert result.is_empty and [each.kind for each in result.conflicts] == ["remote_added"]


def test_a_feature_deleted_there_comes_back_only_when_asked():
    base = lots(5)
    there = base.drop(index=2)
    assert [each.kind for each in made(base, there, base).conflicts] == ["remote_deleted"]
    assert [each.global_id for each in made(base, there, base, on_conflict="local").adds] == [key(2)]


def test_a_new_feature_here_is_added_with_all_its_fields():
    base = lots(5)
    (add,) = made(lots(6), base, base).adds
    assert add.attributes == {"APN": "00000005", "AREA": 2500.0 + 5 / 7, "USE": "SFR", "YEAR": 1905}


def test_a_feature_gone_on_both_sides_is_nothing():
    base = lots(5)
    assert made(base.drop(index=2), base.drop(index=2), base).is_clean


def test_without_a_base_the_remote_layer_mirrors_the_citys():
    result = made(lots(40).drop(index=3), changed(lots(40), 1, USE="MFR"))
    assert [each.global_id for each in result.updates] == [key(1)]
    assert [each.global_id for each in result.deletes] == [key(3)]


def test_the_first_sync_of_an_empty_layer_adds_everything():
    empty = lots(0)
    assert len(made(lots(4), empty, empty).adds) == 4
    assert len(plan(lots(4), pd.DataFrame(), pd.DataFrame()).adds) == 4


def test_keys_compare_whatever_their_case_and_braces():
    local, remote = lots(4), lots(4)
    remote["global_id"] = [f"{{{each.upper()}}}" for each in remote["global_id"]]
    assert made(local, remote, remote).counts["unchanged"] == 4


def test_a_refused_feature_is_neither_added_nor_updated_nor_deleted():
    base = lots(5)
    kept_back = [refused(key(n), "Y09", None, "The geometry is not valid.") for n in (1, 7)]
    result = made(base.drop(index=1), base, base, refusals=kept_back)
    assert result.is_empty and {each.global_id for each in result.refusals} == {key(1), key(7)}
    assert result.counts["local"] == 6


def test_what_cannot_be_sent_is_refused_and_the_others_go():
    layer = definition(fields=[{"name": "APN", "type": "esriFieldTypeString", "length": 8}, ("USE", "String"), ("YEAR", "Integer")])
    base = lots(5)
    local = changed(changed(base, 1, APN="123456789"), 2, USE="MFR")
    result = made(local, base, base, definition=layer)
    assert [each.global_id for each in result.updates] == [key(2)]
    assert [(each.global_id, each.code, each.field) for each in result.refusals] == [(key(1), "Y01", "APN")]


def test_a_bad_value_that_stands_there_too_hinders_no_other_field():
    base = changed(lots(3), 1, AREA=float("inf"))
    (update,) = made(changed(base, 1, USE="MFR"), base, base).updates
    assert list(update.changed) == ["USE"]


def test_an_update_of_attributes_leaves_a_true_curve_alone():
    # Regression 11 of the reference.
    base = lots(3)
    curved = np.array([False, True, False])
    result = made(changed(base, 1, USE="MFR"), base, base, curved=curved)
    assert [each.geometry for each in result.updates] == [None] and not result.refusals


def test_chords_never_replace_a_true_curve():
    base = lots(3)
    curved = np.array([False, True, False])
    result = made(changed(base, 1, geometry=moved(base, 1, 5.0)), base, base, curved=curved)
    assert result.is_empty and [each.code for each in result.refusals] == ["Y12"]


@pytest.mark.parametrize("lose_measures", [False, True])
def test_a_shape_without_measures_goes_over_one_that_has_them_only_where_the_target_lets_it(lose_measures):
    base, layer = lots(3), definition(hasM=True)
    target = Target(layer="parcel", fields={"APN": "apn", "USE": "use_code"}, lose_measures=lose_measures)
    local = changed(changed(lots(4), 1, geometry=moved(base, 1, 5.0)), 2, USE="MFR")
    result = made(local, base, base, definition=layer, target=target)
    assert [each.global_id for each in result.adds] == [key(3)], "a new feature erases none"
    assert [each.global_id for each in result.updates] == [key(1), key(2)][not lose_measures :]
    assert [(each.code, each.global_id) for each in result.refusals] == [("Y29", key(1))][lose_measures:]
    assert all("lose_measures = true" in each.remedy for each in result.refusals)


def test_chords_of_a_curve_drawn_by_two_programs_are_the_same_ground():
    base = lots(3)
    curved = np.array([False, True, False])
    assert made(changed(base, 1, geometry=moved(base, 1, 0.05)), base, base, curved=curved).is_clean
    assert len(made(changed(base, 1, geometry=moved(base, 1, 0.05)), base, base).updates) == 1


def test_a_new_mapped_field_is_filled_and_no_conflict():
    remote = lots(3)
    local = remote.assign(USE=["MFR"] * 3)
    base = remote.drop(columns="USE")
    assert len(made(local, remote, base).updates) == 3


def test_nulls_of_every_kind_are_the_same_null():
    fields = [("T", "String"), ("I", "Integer"), ("F", "Double"), ("D", "Date")]
    layer = definition(fields=fields)
    none = lots(2)[["global_id", "geometry"]]
    local = none.assign(T=[None, np.nan], I=[None, pd.NA], F=[np.nan, None], D=pd.to_datetime([None, None], utc=True))
    remote = none.assign(
        T=pd.Series([None, None], dtype="str"),
        I=pd.array([None, None], dtype="Int64"),
        F=pd.array([None, None], dtype="Float64"),
        D=pd.Series([None, None], dtype="datetime64[ms, UTC]"),
    )
    assert made(local, remote, remote, definition=layer).is_clean
    (add, _) = made(local, remote.iloc[:0], remote.iloc[:0], definition=layer).adds
    assert add.attributes == {"T": None, "I": None, "F": None, "D": None}


def test_a_date_without_a_zone_is_not_taken():
    layer = definition(fields=[("D", "Date")])
    frame = lots(1)[["global_id", "geometry"]].assign(D=[pd.Timestamp("2024-01-01 12:00")])
    with pytest.raises(ValueError, match="no time zone"):
        made(frame, frame, frame, definition=layer)


def test_dates_are_milliseconds_and_finer_differences_are_none():
    layer = definition(fields=[("D", "Date")])
    base = lots(1)[["global_id", "geometry"]].assign(D=pd.to_datetime(["2024-01-01T12:00:00.123Z"]).as_unit("ms"))
    finer = base.assign(D=pd.to_datetime(["2024-01-01T12:00:00.123456Z"]))
    later = base.assign(D=pd.to_datetime(["2024-01-01T12:00:01.123Z"]))
    assert made(finer, base, base, definition=layer).is_clean
    (update,) = made(later, base, base, definition=layer).updates
    assert tuple(update.changed["D"]) == (1704110400123, 1704110401123)


def test_a_row_without_a_key_is_refused_and_deletions_beside_it_stop():
    base = lots(30)
    local = changed(base.drop(index=3), 0, global_id=None)
    result = made(local, base, base)
    assert [each.code for each in result.refusals] == ["Y13"]
    assert [each.code for each in result.stops] == ["Y14"]


def test_an_invalid_choice_is_a_wrong_argument():
    with pytest.raises(ValueError, match="Must be skip, local or remote"):
        made(lots(1), lots(1), on_conflict="ours")


# --- property: whatever happened on the three sides -----------------------------------------------------------------------------

FIELDS = [("T", "String"), ("I", "Integer"), ("F", "Double"), ("S", "Single"), ("D", "Date")]
RANDOM = definition(fields=FIELDS)
VALUES = st.fixed_dictionaries(
    {
        "T": st.sampled_from([None, "", "a", "b ", "Ünï", "x" * 40]),
        "I": st.sampled_from([None, 0, 1, -(2**31), 2**31 - 1]),
        "F": st.sampled_from([None, 0.0, -0.0, 0.1, 1e-300, 123456.789, 1e15 + 1]),
        "S": st.sampled_from([None, 0.1, 16777217.0, 3.4e38]),
        "D": st.sampled_from([None, 0, -2_208_988_800_000, 1_704_110_400_123]),
        "ground": st.sampled_from([None, 0.0, 0.001, 0.004, 3.0]),
    }
)
ROWS = st.dictionaries(st.integers(0, 7), VALUES, max_size=8)


def ground(number, shift):
    if shift is None:
        return None
    shell = shapely.box(0, 0, 50, 50).exterior.coords
    hole = [(10, 10), (10, 20), (20, 20), (10, 10)]
    shape = (
        shapely.Polygon(shell, [hole])
        if number % 2
        else shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(20, 20, 30, 30)])
    )
    return shapely.transform(shape, lambda xy: xy + [6_300_000 + 60 * number + shift, 2_100_000])


def framed(rows):
    keys = list(rows)
    columns = {name: [rows[n][name] for n in keys] for name, _ in FIELDS}
    return gpd.GeoDataFrame(
        {
            "T": pd.Series(columns["T"], dtype="str"),
            "I": pd.array(columns["I"], dtype="Int64"),
            "F": pd.array(columns["F"], dtype="Float64"),
            "S": pd.array(columns["S"], dtype="Float64"),
            "D": pd.to_datetime(pd.Series(columns["D"], dtype="Int64"), unit="ms", utc=True).astype("datetime64[ms, UTC]"),
            "global_id": pd.Series([key(n) for n in keys], dtype="str"),
        },
        geometry=gpd.GeoSeries([ground(n, rows[n]["ground"]) for n in keys], crs=2227),
    )


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS, ROWS, ROWS, st.sampled_from(["skip", "local", "remote"]), st.booleans(), st.randoms(use_true_random=False))
def test_after_any_history_a_plan_accounts_for_each_row_and_its_application_leaves_nothing_to_do(
    here, there, before, choice, is_mirror, chance
):
    # Half of the features stay as they were on some side, or all of the triples would be conflicts.
    for side in (here, there):
        for number in list(side):
            if number in before and chance.random() < 0.6:
                side[number] = before[number]
    local, remote, base = framed(here), framed(there), None if is_mirror else framed(before)
    result = plan(local, remote, base, definition=RANDOM, on_conflict=choice, allow_deletes=99, made_at=MOMENT)

    parts = [result.adds, result.updates, result.deletes, result.conflicts, result.refusals]
    named = [each.global_id for part in parts for each in part]
    assert len(named) == len(set(named))
    assert set(named) <= {key(n) for n in (*here, *there)}
    assert len(named) + result.counts["unchanged"] == len(set(here) | set(there))

    after = applied(result, remote, RANDOM)
    for conflict in result.conflicts:
        was, now = (frame[frame["global_id"] == conflict.global_id] for frame in (remote, after))
        pd.testing.assert_frame_equal(was.reset_index(drop=True), now.reset_index(drop=True), check_dtype=False)
    # The base of the next plan: what both sides agree on, and for the others what it was.
    contested = {each.global_id for each in result.conflicts}
    agreed = after[after["global_id"].isin({key(n) for n in here} - contested)]
    kept = framed(before)
    new_base = pd.concat([agreed, kept[kept["global_id"].isin(contested)]])
    again = plan(local, after, None if is_mirror else new_base, definition=RANDOM, allow_deletes=99, made_at=MOMENT)
    assert again.is_empty and {each.global_id for each in again.conflicts} == contested

    columns, rows = list(local.columns), list(range(len(local)))
    chance.shuffle(columns)
    chance.shuffle(rows)
    assert (
        plan(
            local[columns].iloc[rows],
            remote.iloc[::-1],
            base,
            definition=RANDOM,
            on_conflict=choice,
            allow_deletes=99,
            made_at=MOMENT,
        )
        == result
    )


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS)
def test_a_plan_of_anything_against_itself_is_empty(rows):
    frame = framed(rows)
    for base in (None, frame):
        result = plan(frame, frame, base, definition=RANDOM)
        assert result.is_clean and result.is_empty


def test_the_moment_is_of_the_plan_and_in_utc():
    said = plan(lots(1), lots(1)).made_at
    assert abs(datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(said)) < datetime.timedelta(minutes=1)
