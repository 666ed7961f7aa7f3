"""Values against field types, for the dtypes that files really come in."""

import datetime

import numpy as np
import pandas as pd
import pytest

from citygis.quality.values import column_fits, comparable, given, mistyped


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pd.Series([1.0, 2.5, np.inf]), "double", [False, False, True]),
        (pd.Series([1.0, 2.5, np.nan]), "integer", [False, True, False]),
        (pd.Series([0, 1, 2]), "boolean", [False, False, True]),
        (pd.Series([True, False]), "boolean", [False, False]),
        (pd.Series([True, 1, "x"], dtype=object), "integer", [True, False, True]),
        (pd.Series(["a", 5], dtype=object), "text", [False, True]),
        (pd.Series([datetime.date(2020, 1, 1), "2020-01-01"], dtype=object), "date", [False, True]),
        (pd.Series(["11111111-1111-5111-8111-111111111111", "{11111111-1111-5111-8111-111111111111}"]), "uuid", [False, True]),
        (pd.Series([1, None, 3], dtype="Int64"), "integer", [False, False, False]),
    ],
)
def test_values_that_are_not_of_their_type_are_told(values, kind, expected):
    assert column_fits(values, kind)
    assert (mistyped(values, kind) & given(values)).tolist() == expected


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pd.Series(["1"]), "double"),
        (pd.Series([1]), "text"),
        (pd.Series([1.5]), "date"),
        (pd.Series(pd.to_datetime(["2020-01-01"])), "text"),
        (pd.Series([True]), "double"),
    ],
)
def test_a_column_that_cannot_hold_the_type_does_not_fit(values, kind):
    assert not column_fits(values, kind)


def test_blanks_are_not_given():
    for dtype in (object, "str", "category"):
        assert given(pd.Series(["a", "", " \t", None, "b "], dtype=dtype)).tolist() == [True, False, False, False, True]


def test_days_are_compared_as_days_and_numbers_as_numbers():
    days = comparable(pd.Series([datetime.date(2020, 1, 2), None], dtype=object))
    assert days[0] == pd.Timestamp("2020-01-02", tz="UTC")
    assert days.isna()[1]
    assert comparable(pd.Series(["7", "x"])).tolist()[0] == 7
