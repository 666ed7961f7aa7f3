"""Chunks on threads give what one call would."""

import copy
import threading

import numpy as np
import pytest

from citygis.topology.threads import once, side_by_side, threaded


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 100])
def test_the_order_of_the_input_is_kept(n):
    left, right = np.arange(n), np.arange(n) * 10
    assert threaded(np.add, left, right, chunk=8).tolist() == (left + right).tolist()


def test_an_error_in_a_thread_is_raised():
    def fails(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threaded(fails, np.arange(100), chunk=10)


def test_tasks_side_by_side_answer_in_the_order_they_were_given(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    last = threading.Event()

    def first():
        assert last.wait(60)  # done after the others have been
        return 0

    assert side_by_side([first, lambda: 1, lambda: 2, lambda: last.set() or 3]) == [0, 1, 2, 3] and side_by_side([]) == []


def test_an_error_of_one_task_is_raised():
    with pytest.raises(ZeroDivisionError):
        side_by_side([lambda: 1, lambda: 1 / 0])


class Layer:
    def __init__(self, waits_for=None):
        self.asked, self.waits_for, self.started = 0, waits_for, threading.Event()

    @once
    def edges(self):
        """Edges."""
        self.started.set()
        self.asked += 1
        if self.waits_for is not None:
            assert self.waits_for.wait(60)
        return [self.asked]


def test_what_many_threads_ask_for_is_worked_out_once(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    layer = Layer()
    told = side_by_side([lambda: layer.edges for _ in range(50)])
    assert all(each is told[0] for each in told) and layer.asked == 1
    assert Layer.edges.__doc__ == "Edges."


def test_two_objects_do_not_wait_for_each_other(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    other = Layer()
    layer = Layer(waits_for=other.started)
    assert side_by_side([lambda: layer.edges, lambda: other.edges]) == [[1], [1]]


def test_what_failed_is_tried_again_and_an_object_can_be_copied():
    class Once:
        fails = True

        @once
        def value(self):
            return 1 / 0 if self.fails else 7

    held = Once()
    with pytest.raises(ZeroDivisionError):
        _ = held.value
    held.fails = False
    assert held.value == 7 and copy.deepcopy(held).value == 7
