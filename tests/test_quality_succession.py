"""What replaced a feature begins when the feature ends."""

import pandas as pd
import pytest
from land_layers import DOCUMENT, subjects, told
from quality_layers import at, parcels

from citygis.quality.checks import left_out
from citygis.quality.succession import CHECKS


def split(until, since, **changed):
    """A parcel retired on a day, and the two it was split into from a day on."""
    lots = parcels(at(0, 0, 120, 110), at(0, 0, 60, 110), at(60, 0, 60, 110))
    lots["status"] = ["RETIRED", "ACTIVE", "ACTIVE"]
    lots["legal_from"] = pd.to_datetime(["1950-01-01", since, since])
    lots["legal_to"] = pd.to_datetime([until, None, None])
    lots["retired_by_record"] = [DOCUMENT, None, None]
    for column, values in changed.items():
        lots[column] = values
    return told(CHECKS, {"parcel": lots})


@pytest.mark.parametrize(("until", "since", "days"), [("2019-05-20", "2019-05-20", None), ("2019-05-21", "2019-05-20", 1)])
def test_t29_the_old_parcel_ends_on_the_day_the_new_ones_begin(until, since, days):
    found = split(until, since)
    assert found["measure"].tolist() == ([] if days is None else [days, days])
    if days:
        assert found[["code", "feature", "other", "severity"]].to_numpy().tolist() == [
            ["T29", "191-190-70", "191-190-71", "error"],
            ["T29", "191-190-70", "191-190-72", "error"],
        ]
        assert "1 days together" in found["message"][0]


def test_t29_a_parcel_that_was_there_before_and_beside_is_no_successor():
    assert len(split("2020-01-01", "2019-01-01")) == 2
    assert split("2020-01-01", "1940-01-01").empty
    by_record = split("2020-01-01", "1940-01-01", created_by_record=[None, DOCUMENT, "33333333-3333-5333-8333-333333333333"])
    assert by_record["other"].tolist() == ["191-190-71"]  # the record that retired the one made the other


@pytest.mark.parametrize(("shared", "expected"), [(0.099, 0), (0.101, 1)])
def test_t29_a_successor_shares_ground(shared, expected):
    lots = parcels(at(0, 0, 60, 110), at(60 - shared, 0, 60, 110))
    lots["status"] = ["RETIRED", "ACTIVE"]
    lots["legal_from"] = pd.to_datetime([None, "2019-01-01"])
    lots["legal_to"] = pd.to_datetime(["2020-01-01", None])
    assert len(told(CHECKS, {"parcel": lots})) == expected


def test_t29_one_that_had_ended_before_the_other_began_did_not_meet_it():
    found = split(
        "2000-01-01",
        "1990-01-01",
        status=["RETIRED", "RETIRED", "ACTIVE"],
        legal_to=pd.to_datetime(["2000-01-01", "1995-01-01", None]),
        legal_from=pd.to_datetime(["1996-01-01", "1990-01-01", "2000-01-01"]),
    )
    assert found.empty


def test_t29_without_days_nothing_can_be_said():
    assert split(None, "2019-01-01").empty
    assert split("2019-01-01", None).empty
    assert [each.code for each in left_out(CHECKS, subjects({"parcel": parcels()}))] == ["T29"]
