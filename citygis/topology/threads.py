"""
One function over long arrays, on the threads the machine has.

Shapely's array functions release the interpreter lock while GEOS works, so threads (not processes, which would have
to copy every geometry) are what makes a second core useful.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
