"""Coordinates as text."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citygis.sheets.numerals import spelled

numbers = st.one_of(st.floats(-20_000, 20_000), st.floats(-1e9, 1e9))


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20))
def test_every_number_is_read_back_within_half_of_the_last_decimal(points):
    words = spelled(np.array(points), after=b"\n").decode().split()
    assert np.allclose(np.array(words, dtype=float), np.ravel(points), rtol=1e-15, atol=0.5e-4)
    assert all(-Decimal(word).as_tuple().exponent <= 4 for word in words)


def test_no_needless_zero_or_sign_is_written():
    points = np.array([(12.30, 0.05), (-0.5, 100.0), (0.00004, -0.00004), (14_400.0, 99_999.99996)])
    assert spelled(points, after=b"\n") == b"12.3 0.05\n-0.5 100\n0 0\n14400 100000\n"


def test_what_stands_around_a_point_is_its_own():
    points = np.array([(1.0, 2.0), (3.0, 4.0)])
    assert spelled(points, before=np.array([b"M", b"L"]), after=np.array([b"", b"Z"])) == b"M1 2L3 4Z"
    assert spelled(np.empty((0, 2)), after=b" l\n") == b""


def test_what_is_no_number_is_refused():
    with pytest.raises(ValueError, match="NaN or infinite"):
        spelled(np.array([(1.0, np.nan)]))
