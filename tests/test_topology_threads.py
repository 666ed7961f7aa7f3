"""Chunks on threads give what one call would."""

import time

import numpy as np
import pytest

from citygis.topology import side_by_side, threaded


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100])
def test_the_order_of_the_input_is_kept(n):
    left, right = np.arange(n), np.arange(n) * 10
    assert threaded(np.add, left, right, chunk=8).tolist() == (left + right).tolist()


def test_an_error_in_a_thread_is_raised():
    def fails(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threaded(fails, np.arange(100), chunk=10)


def test_tasks_side_by_side_answer_in_the_order_they_were_given():
    slow_first = [lambda n=n: time.sleep(0.02 * (3 - n)) or n for n in range(4)]
    assert side_by_side(slow_first) == [0, 1, 2, 3] and side_by_side([]) == []


def test_an_error_of_one_task_is_raised():
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1, lambda: 1 / 0])
