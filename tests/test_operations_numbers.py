"""Parcel numbers: found as anybody writes them, and never given twice."""

import pandas as pd
import pytest
from office_city import CITY, parcels

from citygis.errors import SchemaError
from citygis.operations.numbers import new_numbers, rows_of

LOTS = parcels()


def test_a_parcel_is_found_by_either_spelling():
    assert rows_of(LOTS, ["191-010-12", "19101011"], CITY).tolist() == [1, 0]


def test_a_parcel_that_is_not_there_or_retired_is_told():
    with pytest.raises(SchemaError, match="no current parcel 191-010-99"):
        rows_of(LOTS, ["191-010-99"], CITY)
    gone = LOTS.assign(status="RETIRED")
    with pytest.raises(SchemaError, match="no current parcel"):
        rows_of(gone, ["191-010-11"], CITY)


def test_a_parcel_given_twice_is_refused():
    with pytest.raises(ValueError, match="once"):
        rows_of(LOTS, ["191-010-11", "19101011"], CITY)


def test_a_new_number_is_spelt_as_the_county_does():
    made = new_numbers(["19101091", "T4012-17"], LOTS, CITY)
    assert made["apn_display"].tolist() == ["191-010-91", "T4012-17"]
    assert made["apn_profile"].tolist() == ["san_joaquin", "provisional"]


@pytest.mark.parametrize("apn", ["191-010-9", "lot 5", ""])
def test_a_number_that_fits_no_profile_is_refused(apn):
    with pytest.raises(ValueError, match="written as one of"):
        new_numbers([apn], LOTS, CITY)


def test_numbers_are_not_recycled():
    history = pd.DataFrame({"old_apn": ["19101051"], "new_apn": ["19101052"]})
    for used in ("191-010-11", "191-010-51", "191-010-52", "191-010-53"):
        with pytest.raises(ValueError, match="not recycled"):
            new_numbers([used], LOTS, CITY, beside={"apn_history": history}, used=["19101053"])
    retired = LOTS.assign(status="RETIRED")
    with pytest.raises(ValueError, match="not recycled"):
        new_numbers(["191-010-11"], retired, CITY)


def test_one_number_for_two_parcels_is_refused():
    with pytest.raises(ValueError, match="given twice"):
        new_numbers(["191-010-91", "19101091"], LOTS, CITY)
