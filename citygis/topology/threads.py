"""
One function over long arrays, on the threads the machine has.

Shapely's array functions release the interpreter lock while GEOS works, so threads (not processes, which would have
to copy every geometry) are what makes a second core useful.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import RLock
from typing import Any, Generic, TypeVar

import numpy as np

Result = TypeVar("Result")

CHUNK = 8_000
"""Rows given to a thread at a time: large enough to hide the hand-over, small enough to share the work evenly."""


def threaded(function: Callable[..., np.ndarray], *arrays: np.ndarray, chunk: int = CHUNK) -> np.ndarray:
    """
    ``function(*arrays)``, worked out in chunks side by side.

    Parameters
    ----------
    function : callable
        Takes arrays of one length and returns one array of that length.
    arrays : arrays of one length
    chunk : int
        Rows per piece of work.

    Returns
    -------
    array
        In the order of the input, whatever the number of threads.
    """
    n = len(arrays[0])
    if n <= chunk:
        return function(*arrays)
    starts = range(0, n, chunk)
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        return np.concatenate(list(pool.map(lambda i: function(*(a[i : i + chunk] for a in arrays)), starts)))


def side_by_side(tasks: Sequence[Callable[[], Result]]) -> list[Result]:
    """
    The results of independent pieces of work, in the order of `tasks`, worked out on the threads the machine has.

    What one task spends in Python another can use for GEOS. An exception of a task is raised here.
    """
    if len(tasks) < 2:
        return [task() for task in tasks]
    with ThreadPoolExecutor(min(os.cpu_count() or 1, 8)) as pool:
        return [each.result() for each in [pool.submit(task) for task in tasks]]


class once(Generic[Result]):
    """
    A property that is worked out when it is first asked for, and kept: by one thread, while other objects of the class go on.

    For objects that do not change. `functools.cached_property` has one lock for all objects of a class in Python 3.11, so that two
    layers wait for each other, and none from 3.12 on, so that two threads do the same work.
    """

    def __init__(self, work: Callable[[Any], Result]) -> None:
        self._work = work
        self.__doc__ = work.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name, self._lock = name, f"_lock_of_{name}"

    def __get__(self, held_by: Any, owner: type | None = None) -> Result:
        if held_by is None:
            return self  # type: ignore[return-value]
        kept = held_by.__dict__  # where the value is found before this is asked again
        with kept.setdefault(self._lock, RLock()):
            if self._name not in kept:
                kept[self._name] = self._work(held_by)
            kept.pop(self._lock, None)  # who waits for it has it in hand, and a lock cannot be copied or sent
        return kept[self._name]
