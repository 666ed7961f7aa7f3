"""Layers that are held."""

import gc

import pandas as pd

from citygis.analysis.held import _HELD, hold, once


def test_what_depends_on_a_held_layer_is_worked_out_once_and_else_each_time():
    frame, other = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})
    hold(frame)
    asked = []

    def work():
        asked.append(1)
        return len(asked)

    assert [once(frame, "n", work), once(frame, "n", work), once(frame, "m", work)] == [1, 1, 2]
    assert [once(other, "n", work), once(other, "n", work)] == [3, 4]
    hold(frame)  # again changes nothing
    assert once(frame, "n", work) == 1


def test_a_layer_that_is_let_go_leaves_nothing():
    frame = pd.DataFrame({"a": [1]})
    hold(frame)
    once(frame, "n", lambda: 1)
    key = id(frame)
    del frame
    gc.collect()
    assert key not in _HELD
