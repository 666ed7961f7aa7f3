"""
What applying a plan asks of whoever talks to the service; and one that asks again: questions after a fault, edits never.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from citygis.errors import SyncError
from citygis.readers.service.complete import answered, pause_s
from citygis.readers.service.definition import LayerDefinition, layer_definition
from citygis.readers.service.faults import ServiceFault
from citygis.readers.service.remote import ServiceReader
from citygis.sync.model import EditReply, Json

Result = TypeVar("Result")


class Remote(ServiceReader, Protocol):
    """A layer of a feature service, for reading and writing. `citygis.sync.arcgis_client` is the one for ArcGIS."""

    def apply_edits(self, *, adds: Sequence[Json], updates: Sequence[Json], deletes: Sequence[str]) -> EditReply:
        """
        One ``applyEdits`` on the wire at most: ``useGlobalIds=true``, ``rollbackOnFailure=false``, no repetition by anybody.

        Parameters
        ----------
        adds, updates : sequence of dict
            Esri JSON features; the GlobalID, braced and upper case, is among the attributes under the layer's own name for it.
        deletes : sequence of str
            GlobalIDs, braced and upper case.

        Raises
        ------
        ServiceFault
            ``not_sent``: certainly nothing was done. Any other kind may have been carried out; only reading tells.
        """


class Patient:
    """
    A remote layer that is asked again when a question finds no answer, and counts; itself a `Remote`.

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
    finds_by_global_id : bool
        Whether it has found a feature by its GlobalID (`citygis.sync.readback.features_by_id`).
    """

    def __init__(
        self, remote: Remote, *, sleep: Callable[[float], None] = time.sleep, chance: Callable[[], random.Random] = random.Random
    ) -> None:
        self.url = remote.url
        self.requests = 0
        self.finds_by_global_id = False
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

    def count(self) -> int:
        """
        How many features it has now.

        Raises
        ------
        SyncError
            If the service does not answer, or not with a number.
        """
        try:
            said = self.query({"where": "1=1", "returnCountOnly": True}).get("count")
        except ServiceFault as fault:
            raise no_answer(self.url, fault) from None
        if isinstance(said, bool) or not isinstance(said, int):
            raise SyncError(f"{self.url} does not say how many features it has. Ask its publisher.")
        return said

    def layer(self) -> LayerDefinition:
        """The layer's definition, read now. SyncError where there is no answer, ReadError where it is no layer."""
        try:
            return layer_definition(self.definition(), where=self.url)
        except ServiceFault as fault:
            raise no_answer(self.url, fault) from None

    def access(self) -> str | None:
        """
        Who may see the item, "public", "org" or "private"; None where nobody knows.

        Raises
        ------
        SyncError
            If the service does not say.
        """
        said = getattr(self._remote, "access", None)
        try:
            return self._asked(said) if said else None
        except ServiceFault as fault:
            raise no_answer(self.url, fault) from None

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
        """Pause after a fault of an edit, as after one of a question."""
        self._sleep(pause_s(fault, attempt, self._chance))

    def login_again(self, fault: ServiceFault) -> None:
        """
        A new login after an edit was answered with an ``auth`` fault; once between two edits that went well.

        Raises
        ------
        SyncError
            If there is nothing to log in with, the portal does not answer, or the new login is not taken either.
        """
        if not self._is_renewed:
            try:
                self._is_renewed = answered(self.renew, self._remote, sleep=self._sleep, chance=self._chance)
            except ServiceFault as silence:
                raise no_answer(self.url, silence) from None
            if self._is_renewed:
                return
        raise SyncError(f"{self.url} does not take the login ({fault}). Look at its credentials, and at what their user may edit.")

    def _asked(self, call: Callable[[], Result]) -> Result:
        def counted() -> Result:
            self.requests += 1
            return call()

        return answered(counted, self._remote, sleep=self._sleep, chance=self._chance)


def no_answer(url: str, fault: ServiceFault) -> SyncError:
    """The error for a service that does not answer a question."""
    advice = "Look at the credentials of this target." if fault.kind == "auth" else "Try again when it is well."
    if fault.kind == "not_sent":
        advice = "Look at the address and the network."
    if fault.kind == "not_sent" and "certificate" in str(fault).lower():
        advice = (
            "Its certificate is not trusted here. If it is the right server, name the PEM file of its authority: `certificate` in "
            "the target, or --certificate FILE where a target is drafted."
        )
    return SyncError(f"{url} did not answer: {fault}. {advice}")
