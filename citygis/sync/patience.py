"""
One layer while it is written to: what only asks is repeated after a fault, what writes goes out once; all of it is counted.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from citygis.errors import SyncError
from citygis.readers.service.complete import answered
from citygis.readers.service.faults import ServiceFault
from citygis.sync.model import EditReply, Json
from citygis.sync.remote import Remote

MOST_TRIES = 6
"""Times that one batch of edits is sent."""
LONGEST_WAIT_S = 60.0
COOLING_S = 60.0
"""After a 429 that does not say how long: ArcGIS Online counts requests by the minute."""


class Patient:
    """
    A remote layer that is asked again when a question finds no answer; itself a `citygis.sync.remote.Remote`.

    Parameters
    ----------
    remote : Remote
    sleep : callable of seconds
    chance : callable
        Makes a `random.Random`.

    Attributes
    ----------
    url : str
        The layer's address.
    requests : int
        Sent so far, edits among them.
    """

    def __init__(
        self, remote: Remote, *, sleep: Callable[[float], None] = time.sleep, chance: Callable[[], random.Random] = random.Random
    ) -> None:
        self.url = remote.url
        self.requests = 0
        self._remote = remote
        self._sleep = sleep
        self._chance = chance()
        self._is_renewed = False

    def definition(self) -> Mapping[str, Any]:
        """The layer's own JSON. Raises the last ServiceFault."""
        return self._asked(self._remote.definition)

    def query(self, parameters: Mapping[str, str | int | bool]) -> Mapping[str, Any]:
        """The reply to one query. Raises the last ServiceFault."""
        return self._asked(lambda: self._remote.query(parameters))

    def apply_edits(self, *, adds: Sequence[Json], updates: Sequence[Json], deletes: Sequence[str]) -> EditReply:
        """One ``applyEdits``, never repeated here. Raises what the remote raises."""
        self.requests += 1
        reply = self._remote.apply_edits(adds=adds, updates=updates, deletes=deletes)
        self._is_renewed = False
        return reply

    def renew(self) -> bool:
        """Log in anew. False where there is nothing to log in with."""
        return self._remote.renew()

    def wait(self, fault: ServiceFault, attempt: int) -> None:
        """
        Pause after a fault of an edit: at random up to 2^attempt seconds, at most a minute, but not less than the server asks.

        Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015 ("full jitter").
        """
        pause_s = self._chance.uniform(0.0, min(LONGEST_WAIT_S, 2.0**attempt))
        if fault.retry_after_s is not None:
            pause_s = max(pause_s, min(fault.retry_after_s, 10 * LONGEST_WAIT_S))
        elif fault.kind == "throttled":
            pause_s = max(pause_s, COOLING_S)
        self._sleep(pause_s)

    def login_again(self, fault: ServiceFault) -> None:
        """
        A new login after an edit was answered with an ``auth`` fault; once between two edits that went well.

        Raises
        ------
        SyncError
            If there is nothing to log in with, or the new login is not taken either.
        """
        if self._is_renewed or not self.renew():
            raise SyncError(
                f"{self.url} does not take the login ({fault}). Look at its credentials, and at what their user may edit."
            ) from None
        self._is_renewed = True

    def _asked(self, call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        def counted() -> Mapping[str, Any]:
            self.requests += 1
            return call()

        return answered(counted, self._remote, sleep=self._sleep, chance=self._chance)
