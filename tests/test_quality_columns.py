"""Columns as plain arrays."""

import numpy as np
import pandas as pd
import pytest

from citygis.quality.columns import numbers, texts


@pytest.mark.parametrize("dtype", ["object", "Int64", "float"])
def test_numbers_are_floats_whatever_they_are_held_as(dtype):
    found = numbers(pd.DataFrame({"n": pd.array([1, None, 3], dtype=dtype)}), "n")
    np.testing.assert_array_equal(found, [1.0, np.nan, 3.0])


def test_what_is_no_number_and_what_is_not_there_is_nothing():
    np.testing.assert_array_equal(numbers(pd.DataFrame({"n": ["12", "x"]}), "n"), [12.0, np.nan])
    np.testing.assert_array_equal(numbers(pd.DataFrame(index=range(2)), "n"), [np.nan, np.nan])


@pytest.mark.parametrize("dtype", ["object", "str", "category"])
def test_texts_have_no_blanks_around_them_and_are_empty_for_null(dtype):
    frame = pd.DataFrame({"t": pd.Series([" a ", None], dtype=dtype)})
    assert texts(frame, "t").tolist() == ["a", ""] and texts(frame, "other").tolist() == ["", ""]
