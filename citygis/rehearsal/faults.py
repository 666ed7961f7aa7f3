"""
Faults on demand: which request is hit, and by what.
"""

import random
import threading
from typing import Literal

from pydantic import Field

from citygis.settings import Settings, check

Kind = Literal["reset", "429", "429-in-200", "503", "504", "html-200", "error-500", "498", "499", "half-body", "slow", "twice"]


class Fault(Settings):
    """
    One fault.

    ``on``: the operation as the trace names it (``query``, ``applyEdits``, ``generateToken`` ...), with ``query:count``,
    ``query:ids`` and ``query:features`` for the kinds of query, or ``*``. ``when``: instead of the work (before), or after it was
    done and kept (after). ``nth``: which requests of that operation, the first being 1, counted from when the list was set;
    without it ``rate`` of them by chance (``seed``), without both every one. ``times``: at most so many. ``retry_after_s``: of a
    429 or 503. ``seconds``: of a slow one.
    """

    on: str
    kind: Kind
    when: Literal["before", "after"] = "before"
    nth: tuple[int, ...] = ()
    rate: float | None = Field(default=None, ge=0, le=1)
    seed: int = 0
    times: int | None = Field(default=None, ge=1)
    retry_after_s: float | None = None
    seconds: float = Field(default=5.0, ge=0, le=600)


class _List(Settings):
    faults: tuple[Fault, ...] = ()


class Faults:
    """The faults that are set, and what they have hit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.set([])

    def set(self, faults: list[dict]) -> None:
        """
        Take a new list in place of the old one; counting starts anew.

        Raises
        ------
        SettingsError
            If one does not say what it must.
        """
        checked = check({"faults": faults}, _List, "faults").faults
        with self._lock:
            self._faults = [[fault, random.Random(fault.seed), 0, 0] for fault in checked]

    def hit(self, operations: tuple[str, ...]) -> Fault | None:
        """The fault that hits a request, by the names of its operation, or None. Every fault counts it."""
        found = None
        with self._lock:
            for entry in self._faults:
                fault, chance, seen, hits = entry
                if fault.on != "*" and fault.on not in operations:
                    continue
                entry[2] = seen + 1
                drawn = fault.rate is None or chance.random() < fault.rate
                chosen = (seen + 1) in fault.nth if fault.nth else drawn
                if found is None and chosen and (fault.times is None or hits < fault.times):
                    entry[3] = hits + 1
                    found = fault
        return found
