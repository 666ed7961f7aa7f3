"""Rows that repeat another in every respect."""

import pandas as pd
from repair_lots import lots, rings

from citygis.city import default_city
from citygis.quality.validation import findings_on, subjects_of
from citygis.repairs.duplicates import repetitions
from citygis.repairs.grounds import grounds_of


def repeated(frame):
    city = default_city()
    subjects, _ = subjects_of({"lot": frame}, city=city, only="geometry", key="pid")
    findings = findings_on(subjects, city, only="geometry", key="pid")
    return repetitions({"lot": frame}, grounds_of(subjects, city, are_measured=True), findings)


def doubled(**columns):
    frame = lots(rings(2, 1), **columns)
    return pd.concat([frame, frame.iloc[[0]]], ignore_index=True)


def test_of_a_row_that_is_there_twice_the_later_goes_and_its_twin_is_named():
    (row,) = repeated(doubled(owner=["a", "b"])).to_dict("records")
    assert (row["layer"], row["row"], row["twin"], row["operation"]) == ("lot", 2, 0, "drop_duplicate")


def test_rows_that_are_null_in_the_same_column_repeat_each_other():
    assert len(repeated(doubled(owner=[None, "b"]))) == 1


def test_where_they_stood_in_the_file_does_not_tell_two_rows_apart_and_an_owner_does():
    frame = doubled(owner=["a", "b"]).assign(source_ref=["r1", "r2", "r3"])
    assert len(repeated(frame)) == 1
    assert len(repeated(frame.assign(owner=["a", "b", "c"]))) == 0
