"""Incidents that count, and why others do not."""

import datetime

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from citygis.analysis.incidents import counted, periods_of

E, N = 6_330_000.0, 2_100_000.0
CITY = shapely.box(E, N, E + 1_000, N + 1_000)
APRIL, JUNE = datetime.date(2026, 4, 1), datetime.date(2026, 6, 30)


def layer(dates, **columns) -> gpd.GeoDataFrame:
    points = [shapely.Point(E + 10 + k, N + 10) for k in range(len(dates))]
    return gpd.GeoDataFrame({"date": dates, **columns}, geometry=points, crs="EPSG:6420")


def held(frame, **asked):
    return counted(frame, CITY, periods=periods_of(APRIL, JUNE, None, None), date_column="date", id_column=None, **asked)


def test_both_days_of_a_period_are_in_it_and_the_next_ones_are_not():
    seen = held(layer(["2026-03-31", "2026-04-01", "2026-06-30", "2026-07-01"]))
    assert seen.held.set_index("id")["period"].to_dict() == {"row 1": 1, "row 2": 0, "row 3": 0}
    assert seen.left_out == [("incident", "row 4", "in none of the periods")]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.to_datetime(["2026-04-01 23:59:59"])),
        pd.Series(pd.to_datetime(["2026-04-01 23:59:59"]).tz_localize("America/Los_Angeles")),
        pd.Series([APRIL], dtype=object),
        pd.Series(["2026-04-01T23:59:59-07:00"]),
    ],
    ids=["stamp", "zone", "date", "text"],
)
def test_a_day_is_the_one_that_was_written(column):
    # In UTC each of those with a zone is the second of April.
    frame = layer(["x"]).assign(date=column)
    assert counted(frame, CITY, periods=periods_of(APRIL, APRIL, None, None), date_column="date", id_column=None).held[
        "period"
    ].tolist() == [0]


def test_a_name_is_that_of_its_column_and_the_row_where_it_has_none():
    seen = held(layer(["2026-04-02"] * 2, case_no=["26-1", None]))
    assert sorted(seen.held["id"]) == ["26-1", "row 2"]


def test_the_order_is_not_that_of_the_layer():
    frame = layer(["2026-04-02"] * 5, id=list("abcde"))
    pd.testing.assert_frame_equal(held(frame).held, held(frame.iloc[::-1]).held)


def test_an_empty_point_and_an_area_have_no_place_of_a_point():
    frame = layer(["2026-04-02"] * 3, id=list("abc"))
    frame.loc[0, "geometry"] = shapely.Point()
    frame.loc[1, "geometry"] = shapely.box(E, N, E + 1, N + 1)
    seen = held(frame)
    assert seen.left_out == [("incident", "a", "no place"), ("incident", "b", "not a point")]
    assert seen.reasons() == "1 no place, 1 not a point"


def test_a_leap_year_s_february_has_29_days_before_march():
    this, last = periods_of(datetime.date(2028, 3, 1), datetime.date(2028, 3, 31), None, None)
    assert (last.start, last.end, last.days) == (datetime.date(2028, 1, 30), datetime.date(2028, 2, 29), this.days)
