"""
Layers that are held: a program that answers many questions of the same layers works out once what depends on a layer alone.
"""

import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

T = TypeVar("T")

_HELD: dict[int, dict[str, Any]] = {}
_LOCK = threading.RLock()


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
