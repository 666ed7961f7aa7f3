"""Chunks on threads give what one call would."""

import numpy as np
import pytest

from citygis.topology import threaded


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100])
def test_the_order_of_the_input_is_kept(n):
    left, right = np.arange(n), np.arange(n) * 10
    assert threaded(np.add, left, right, chunk=8).tolist() == (left + right).tolist()


def test_an_error_in_a_thread_is_raised():
    def fails(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threaded(fails, np.arange(100), chunk=10)
