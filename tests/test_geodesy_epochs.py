"""Dates as decimal years."""

import pandas as pd
import pytest

from citygis.geodesy import decimal_year, today


def years(*texts, **options):
    return decimal_year(pd.Series(pd.to_datetime(list(texts), format="ISO8601", **options)))


def test_the_part_of_the_year_that_has_passed_is_counted_in_its_own_days():
    got = years("2026-01-01", "2025-07-02T12:00", "2024-12-31", "2010-01-01", utc=True)
    # 2025: 182.5 of 365 days; 2024, a leap year: 365 of 366 days.
    assert got.tolist() == pytest.approx([2026.0, 2025.5, 2024 + 365 / 366, 2010.0], abs=1e-12)


def test_nulls_stay_null_and_the_index_stays():
    got = decimal_year(pd.Series(pd.to_datetime(["2026-01-01", None], utc=True), index=[7, 9], name="time"))
    assert got.index.tolist() == [7, 9] and got.name == "time"
    assert got.iloc[0] == 2026.0 and pd.isna(got.iloc[1])


def test_a_moment_elsewhere_is_the_same_moment():
    got = years("2025-12-31T16:00-08:00", utc=True)
    assert got.tolist() == [2026.0]
    assert decimal_year(pd.Series(pd.to_datetime(["2025-12-31T16:00-08:00"]))).tolist() == [2026.0]


def test_moments_without_a_time_zone_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        years("2026-01-01")


def test_seconds_are_kept():
    # 15 June is day 166 of 2026.
    got = decimal_year(pd.Series(["2026-06-15T23:59:59"], dtype="datetime64[us, UTC]"))
    assert got.iloc[0] == pytest.approx(2026 + (166 - 1 / 86_400) / 365, abs=1e-11)
    assert decimal_year(pd.Series([], dtype="datetime64[us, UTC]")).empty


def test_today_is_a_year_of_this_century():
    assert 2025 < today() < 2100
