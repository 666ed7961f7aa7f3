"""The City's work and the county's next delivery brought together."""

import geopandas as gpd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from citygis.changes.threeway import merge_three

EAST, NORTH = 6_336_000, 2_122_000


def lot(column, width=60.0):
    return shapely.box(EAST + 60 * column, NORTH, EAST + 60 * column + width, NORTH + 110)


def layer(owner, use, shapes=None, names="ABCD"):
    shapes = shapes or [lot(i) for i in range(len(names))]
    return gpd.GeoDataFrame({"apn": list(names), "owner": owner, "use": use}, geometry=shapes, crs="EPSG:6420")


BASE = layer(["a", "b", "c", "d"], ["1", "1", "1", "1"])


def test_a_value_that_one_side_changed_is_that_sides():
    merged = merge_three(BASE, layer(["OURS", "b", "c", "d"], ["1"] * 4), layer(["a", "b", "c", "THEIRS"], ["1"] * 4), key="apn")
    assert merged.layer["owner"].tolist() == ["OURS", "b", "c", "THEIRS"]
    assert merged.conflicts.empty
    assert merged.taken[["key", "column", "old", "new"]].to_numpy().tolist() == [["D", "owner", "d", "THEIRS"]]


def test_a_value_that_both_changed_stays_the_citys_and_is_listed():
    merged = merge_three(BASE, layer(["OURS", "b", "c", "d"], ["1"] * 4), layer(["THEIRS", "b", "c", "d"], ["1"] * 4), key="apn")
    assert merged.layer["owner"].tolist() == ["OURS", "b", "c", "d"]
    assert merged.conflicts[["key", "column", "ours", "theirs"]].to_numpy().tolist() == [["A", "owner", "OURS", "THEIRS"]]


def test_both_changed_to_the_same_is_no_conflict():
    both = layer(["SAME", "b", "c", "d"], ["1"] * 4)
    merged = merge_three(BASE, both, both, key="apn")
    assert merged.conflicts.empty and merged.taken.empty


def test_a_column_of_the_citys_own_is_never_taken():
    merged = merge_three(BASE, BASE, layer(["a", "b", "c", "d"], ["9"] * 4), key="apn", city_owned=["use"])
    assert merged.layer["use"].tolist() == ["1"] * 4


def test_an_outline_is_taken_unless_the_city_moved_it_too():
    theirs = layer(["a", "b", "c", "d"], ["1"] * 4, [lot(0, 61), lot(1), lot(2), lot(3, 62)])
    ours = layer(["a", "b", "c", "d"], ["1"] * 4, [lot(0, 58), lot(1), lot(2), lot(3)])
    merged = merge_three(BASE, ours, theirs, key="apn")
    assert merged.layer.geometry[3].equals(lot(3, 62))
    assert merged.layer.geometry[0].equals(lot(0, 58))
    assert merged.conflicts[["key", "column"]].to_numpy().tolist() == [["A", "geometry"]]


def test_what_the_delivery_no_longer_has_is_retired_unless_the_city_worked_on_it():
    theirs = BASE.iloc[[0]]
    ours = layer(["a", "b", "OURS", "d"], ["1", "1", "1", "kept"])
    merged = merge_three(BASE, ours, theirs, key="apn", city_owned=["use"])
    assert merged.retired == []
    assert merged.conflicts["key"].tolist() == ["B", "C", "D"]
    free = merge_three(BASE, layer(["a", "b", "OURS", "d"], ["1"] * 4), theirs, key="apn")
    assert free.retired == ["B", "D"] and free.conflicts["key"].tolist() == ["C"]


def test_what_the_city_retired_does_not_come_back_by_itself():
    merged = merge_three(BASE, BASE.iloc[:3], BASE, key="apn")
    assert merged.layer["apn"].tolist() == ["A", "B", "C"]
    assert merged.conflicts["kind"].tolist() == ["retired_here"]


def test_new_features_come_in_behind():
    theirs = layer(["a", "b", "c", "d", "e"], ["1"] * 5, names="ABCDE")
    merged = merge_three(BASE, BASE, theirs, key="apn")
    assert merged.added == ["E"] and merged.layer["apn"].tolist() == list("ABCDE")


def test_a_key_that_names_two_rows_is_refused():
    with pytest.raises(ValueError, match="Invalid key of theirs"):
        merge_three(BASE, BASE, BASE.assign(apn=["A", "A", "C", "D"]), key="apn")


@settings(deadline=None)
@given(st.lists(st.sampled_from("aXY"), min_size=4, max_size=4), st.lists(st.sampled_from("aXY"), min_size=4, max_size=4))
def test_no_value_of_the_city_is_ever_lost_without_a_conflict(mine, given_):
    base, ours, theirs = (layer(values, ["1"] * 4) for values in (["a"] * 4, mine, given_))
    merged = merge_three(base, ours, theirs, key="apn")
    listed = set(merged.conflicts["key"])
    for name, was, our, now in zip("ABCD", "aaaa", mine, merged.layer["owner"], strict=True):
        assert now == our or our == was
        assert (name in listed) == (our != was and given_["ABCD".index(name)] not in (was, our))
