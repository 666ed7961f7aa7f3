"""Casts lose nothing: what does not fit is said to be bad."""

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.convert.cast import cast_column, cast_text, text_of


def text(*values) -> pd.Series:
    return pd.Series(list(values), dtype="str")


def test_a_number_that_is_whole_is_written_without_a_point():
    shown, lost = text_of(pd.Series([191190740.0, 12.5, np.nan]))
    assert shown.tolist()[:2] == ["191190740", "12.5"]
    assert shown.isna().tolist() == [False, False, True]
    assert not lost.any()


def test_a_number_beyond_what_a_double_holds_exactly_has_no_text():
    _, lost = text_of(pd.Series([2.0**53 - 1, 2.0**53, np.inf]))
    assert lost.tolist() == [False, True, True]


def test_a_32_bit_tenth_is_a_tenth():
    assert text_of(pd.Series([0.1], dtype="float32"))[0].tolist() == ["0.1"]


def test_every_kind_of_object_has_its_text_or_is_bad():
    values = pd.Series([" a ", 7, 7.0, True, None, b"x", datetime.date(2025, 3, 4), float("inf")], dtype=object)
    shown, lost = text_of(values)
    assert shown.fillna("null").tolist() == [" a ", "7", "7", "true", "null", "null", "2025-03-04", "null"]
    assert lost.tolist() == [False] * 5 + [True, False, True]


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ("12", "integer", 12),
        ("12.0", "integer", 12),
        ("-3", "integer", -3),
        ("1e3", "integer", 1000),
        ("0.1", "double", 0.1),
        ("+.5", "double", 0.5),
        ("Yes", "boolean", True),
        ("0", "boolean", False),
        ("2025-03-04", "date", pd.Timestamp("2025-03-04")),
        ("2025/03/04", "date", pd.Timestamp("2025-03-04")),
        ("2025-03-04T00:00:00", "date", pd.Timestamp("2025-03-04")),
        ("2025-03-04T10:30:00Z", "datetime", pd.Timestamp("2025-03-04T10:30:00Z")),
        ("2025-03-04 10:30:00-08:00", "datetime", pd.Timestamp("2025-03-04T18:30:00Z")),
        ("{6D1F5A0E-6A3C-5D7E-9B42-2D0C7F3B8E11}", "uuid", "6d1f5a0e-6a3c-5d7e-9b42-2d0c7f3b8e11"),
    ],
)
def test_what_can_be_read_exactly_is_read(value, kind, expected):
    cast = cast_text(text(value), kind)
    assert cast.values.iloc[0] == expected
    assert not cast.bad.any()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("12.5", "integer"),
        ("9007199254740993", "integer"),
        ("1,234", "double"),
        ("nan", "double"),
        ("inf", "double"),
        ("1e999", "double"),
        ("0x10", "double"),
        ("12 ft", "double"),
        ("maybe", "boolean"),
        ("3/4/2025", "date"),
        ("2025-02-30", "date"),
        ("2025", "date"),
        ("not-a-uuid", "uuid"),
    ],
)
def test_what_cannot_be_read_exactly_is_bad_and_null(value, kind):
    cast = cast_text(text(value, None), kind)
    assert cast.bad.tolist() == [True, False]
    assert cast.values.isna().all()
    assert cast.why


def test_a_stated_format_settles_day_and_month():
    assert cast_text(text("3/4/2025"), "date", date_format="%m/%d/%Y").values.iloc[0] == pd.Timestamp("2025-03-04")
    assert cast_text(text("3/4/2025"), "date", date_format="%d/%m/%Y").values.iloc[0] == pd.Timestamp("2025-04-03")
    assert cast_text(text("31/4/2025"), "date", date_format="%d/%m/%Y").bad.all()


def test_a_time_of_day_that_a_date_drops_is_told():
    cast = cast_text(text("2025-03-04T08:00:00Z", "2025-03-04", None), "date")
    assert cast.lost_time.tolist() == [True, False, False]
    assert cast_column(pd.Series(pd.to_datetime(["2025-03-04 08:00", "2025-03-05 00:00"])), "date").lost_time.tolist() == [
        True,
        False,
    ]


def test_a_time_without_a_zone_is_read_in_the_one_that_is_stated():
    stamps = pd.Series(pd.to_datetime(["2025-07-01 12:00"]))
    assert cast_column(stamps, "datetime", timezone="America/Los_Angeles").values.iloc[0] == pd.Timestamp("2025-07-01T19:00Z")
    assert cast_text(text("2025-07-01 12:00"), "datetime").values.iloc[0] == pd.Timestamp("2025-07-01T12:00Z")
    # 02:30 of the night the clocks go forward does not exist.
    assert cast_text(text("2025-03-09 02:30"), "datetime", timezone="America/Los_Angeles").bad.all()


def test_a_column_of_numbers_keeps_its_bits():
    cast = cast_column(pd.Series([0.1 + 0.2, np.nan, np.inf]), "double")
    assert cast.values.iloc[0] == 0.1 + 0.2
    assert cast.bad.tolist() == [False, False, True]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=30))
def test_a_double_written_as_text_comes_back_to_the_bit(values):
    column = pd.Series(values, dtype=float)
    shown, lost = text_of(column)
    back = cast_text(shown, "double").values.to_numpy()
    kept = ~lost
    assert (back[kept] == column.to_numpy()[kept]).all()


@given(
    st.lists(st.one_of(st.none(), st.text(max_size=20)), max_size=30),
    st.sampled_from(["double", "integer", "boolean", "uuid", "date", "datetime"]),
)
def test_any_text_is_either_cast_or_bad(values, kind):
    column = pd.Series(values, dtype="str")
    cast = cast_text(column, kind)
    assert (cast.values.isna().to_numpy() == (column.isna().to_numpy() | cast.bad)).all()
