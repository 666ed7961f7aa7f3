"""
Layers that are held: a program that answers many questions of the same layers works out once what depends on a layer alone.
"""

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

T = TypeVar("T")

_HELD: dict[int, dict[str, Any]] = {}
_LOCK = threading.RLock()


def _fresh_lock() -> None:
    global _LOCK
    _LOCK = threading.RLock()


if hasattr(os, "register_at_fork"):  # in a copy of the process, who held the lock is not there to let it go
    os.register_at_fork(after_in_child=_fresh_lock)


def hold(layer: pd.DataFrame) -> None:
    """
    Promise that a layer is not changed any more, so that what is worked out of it alone is worked out once (`once`).

    For a program that answers many questions of the same layers; ends when the layer is let go.
    """
    with _LOCK:
        if id(layer) not in _HELD:
            _HELD[id(layer)] = {}
            weakref.finalize(layer, _HELD.pop, id(layer), None)


def once(layer: pd.DataFrame, what: str, work: Callable[[], T]) -> T:
    """
    What `work` gives, worked out once for a layer that is held (`hold`), else each time.

    Parameters
    ----------
    layer : DataFrame
    what : str
        A name for it.
    work : callable
        Looks at `layer` alone. What it gives is shared, and must not be changed.
    """
    known = _HELD.get(id(layer))
    if known is None:
        return work()
    if what not in known:
        with _LOCK:
            if what not in known:
                known[what] = work()
    return known[what]
