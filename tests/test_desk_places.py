"""Parcels found by what is typed, where numbers are odd."""

import pandas as pd
import pytest
from store_city import load, make_city, parcels

from citygis.analysis.parcels import rows_of
from citygis.desk.holdings import Keeper
from citygis.desk.places import found, places, told

ODD = ["=1+1", "+CMD", "<b>x</b>", "12,34", "0001", "ÄÖ-1", "日本", "1-1", "..\\.."]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """Ten parcels as the county numbers them, some with odd numbers, two alike but for their dashes, one without any."""
    city = make_city(tmp_path_factory.mktemp("places") / "city")
    lots = parcels(10 + len(ODD) + 1)
    for column in ("apn", "apn_display"):
        lots.loc[10:, column] = pd.Series([*ODD, None], index=lots.index[10:], dtype="str")
    load(city, {"parcel": lots})
    return Keeper(city, owners=False).current()


@pytest.mark.parametrize("number", ODD)
def test_a_parcel_of_any_number_is_found_by_it_and_asked_of_by_it(held, number):
    assert found(places(held), number)[0]["apn"] == number
    assert held.shown[rows_of(held.layers["parcel"], [number])].tolist() == [number]


@pytest.mark.parametrize("number", ["100-000-03", "10000003"])
def test_where_dashes_count_a_parcel_is_known_by_both_ways_the_city_writes_it(held, number):
    assert found(places(held), number)[0]["apn"] == "100-000-03"
    assert held.shown[rows_of(held.layers["parcel"], [number])].tolist() == ["100-000-03"]


def test_a_parcel_without_a_number_is_not_called_anything(held):
    nameless = len(held.shown) - 1
    assert held.parcel_at(6_300_000 + 100 * nameless + 40, 2_100_050) == nameless
    assert told(held, nameless)["apn"] == ""
    assert found(places(held), f"{nameless} FIRST ST") == [] and found(places(held), "nan") == []
