"""Only what is new about the changed ground is told."""

import pandas as pd
from office_city import CITY, RECORD, ground, line, parcels, whole

from citygis.changes import LayerChange
from citygis.operations import split
from citygis.operations.neighbourhood import after, new_findings
from citygis.operations.rows import ended, no_rows, reshaped


def change(lots, row, shape):
    held = lots.iloc[[row]]
    return {"parcel": LayerChange(lots.iloc[:0], reshaped(held, [shape]), no_rows())}


def test_layers_after_a_change_have_what_it_says_and_no_more():
    lots, beside = whole()
    done = split(lots, "191-010-11", line((30, -5), (30, 105)), ["191-010-91", "191-010-92"], record=RECORD, beside=beside)
    then = after({"parcel": lots, **beside}, done.change.layers)
    assert sorted(then["parcel"]["apn_display"]) == sorted([*lots["apn_display"][1:], "191-010-91", "191-010-92"])
    assert len(then["parcel_owner"]) == len(beside["parcel_owner"]) + 1
    assert len(then["apn_history"]) == 2 and then["right_of_way"]["row_id"].tolist() == ["RW-1"]


def test_an_overlap_that_a_change_makes_is_new():
    lots = parcels()
    found = new_findings({"parcel": lots}, change(lots, 0, ground(0, 0, 61, 100)), CITY, successors={})
    assert "T01" in set(found["code"])


def test_an_overlap_that_was_there_or_lies_elsewhere_is_not():
    lots = parcels()
    lots.loc[2, "geometry"] = ground(119, 0, 180, 100)
    moved = change(lots, 0, ground(0, 0, 60, 100))
    assert not len(new_findings({"parcel": lots}, moved, CITY, successors={}))
    moved = change(lots, 5, ground(80, 160, 160, 260))
    assert not len(new_findings({"parcel": lots}, moved, CITY, successors={}))


def test_an_overlap_that_grows_is_new():
    lots = parcels()
    lots.loc[0, "geometry"] = ground(0, 0, 61, 100)
    layers = {"parcel": lots}
    assert not len(new_findings(layers, change(lots, 0, ground(0, 0, 60.9, 100)), CITY, successors={}))
    assert "T01" in set(new_findings(layers, change(lots, 0, ground(0, 0, 61.1, 100)), CITY, successors={})["code"])


def test_what_was_said_of_a_parent_is_not_new_of_its_child():
    lots = parcels(tra="9")  # must be six digits
    done = split(lots, "191-010-11", line((30, -5), (30, 105)), ["191-010-91", "191-010-92"], record=RECORD)
    assert not done.findings["code"].eq("A05").any()


def test_a_retired_feature_is_gone_and_a_keyed_row_is_found_by_its_key():
    lots, beside = whole()
    owners = beside["parcel_owner"]
    gone = LayerChange(owners.iloc[:0], owners.iloc[:0], owners[["apn", "owner_name"]].iloc[:2])
    then = after({"parcel_owner": owners, "parcel": lots}, {"parcel_owner": gone, "parcel": ended_only(lots)})
    assert then["parcel_owner"]["apn"].tolist() == owners["apn"][2:].tolist()
    assert then["parcel"]["apn"].tolist() == lots["apn"][1:].tolist()


def ended_only(lots: pd.DataFrame) -> LayerChange:
    return LayerChange(lots.iloc[:0], lots.iloc[:0], ended(lots.iloc[:1], RECORD))
